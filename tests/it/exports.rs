//! Export files beside what else is known: the same figure has the same traffic, whichever way it comes (a formula takes
//! one, and would miss the other), and a post is the same post.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use kepi_adapter_files::{Files, layout::Layout};
use kepi_core::{SubjectKind, Traffic};
use kepi_simulator::{Counter, Format, Network, PostKey, Profile, World};

use crate::{
    project::Project,
    simulated::{self, Live, Simulated},
    truth,
};

/// Layout, traffic and why its figures are none of those that the API tells under the same name.
const DIFFERENT: &[(&str, Traffic, &str)] = &[
    (
        "instagram-content",
        Traffic::Total,
        "the API leaves promoted views of a post out, Meta's back office does not",
    ),
    (
        "linkedin-content",
        Traffic::Organic,
        "the API adds reactions and follows of all posts up, the file parts them",
    ),
    ("linkedin-content", Traffic::Paid, "the API tells pages nothing of sponsored posts"),
    ("linkedin-content", Traffic::Total, "the API tells pages no clicks of sponsored posts"),
    ("x-tweet-activity", Traffic::Organic, "the API tells totals where the file parts organic from promoted"),
    ("x-tweet-activity", Traffic::Paid, "the API tells totals where the file parts organic from promoted"),
    (
        "xiaohongshu-notes",
        Traffic::Total,
        "the API tells what advertising did, the file what a note has in all",
    ),
    (
        "xiaohongshu-account",
        Traffic::Total,
        "the API tells what advertising did, the file what an account has in all",
    ),
];

type Figure = (String, SubjectKind, String);

/// What the adapters tell, and under which traffic.
fn told_by_apis() -> BTreeMap<Figure, BTreeSet<Traffic>> {
    let mut told: BTreeMap<Figure, BTreeSet<Traffic>> = BTreeMap::new();
    for platform in xtask::generate::adapter_names() {
        let adapter =
            xtask::generate::build_adapter(platform, serde_json::json!({})).expect("no setting is required");
        for (_, field) in adapter.descriptor().fields() {
            let figure = (platform.to_owned(), field.subject, field.metric.to_owned());
            told.entry(figure).or_default().insert(field.traffic);
        }
    }
    told
}

/// What a layout tells, and under which traffic.
fn told_by(layout: &Layout) -> BTreeSet<(Figure, Traffic)> {
    let platform = layout.platform.as_ref().map_or("", |platform| platform.as_str());
    let mut told = BTreeSet::new();
    for table in &layout.tables {
        let mut tell = |metric: &str, traffic| {
            told.insert(((platform.to_owned(), table.subject, metric.to_owned()), traffic));
        };
        for (traffic, metrics) in &table.metrics {
            let by_row = table.traffic.iter().flat_map(|column| column.words.values());
            let traffics: Vec<Traffic> =
                if table.traffic.is_some() { by_row.copied().collect() } else { vec![*traffic] };
            metrics
                .keys()
                .for_each(|metric| traffics.iter().for_each(|traffic| tell(metric.as_str(), *traffic)));
        }
        if let Some(named) = &table.named {
            named.metrics.keys().for_each(|metric| tell(metric.as_str(), named.traffic));
        }
    }
    told
}

#[test]
fn a_figure_has_one_traffic_by_api_and_by_export() {
    let files = Files::builtin().expect("the shipped layouts can be read");
    let apis = told_by_apis();
    let (mut both_ways, mut undeclared, mut met) = (0, Vec::new(), BTreeSet::new());
    for layout in files.layouts() {
        for (figure, traffic) in told_by(layout) {
            let Some(known) = apis.get(&figure) else { continue };
            both_ways += 1;
            if known.contains(&traffic) {
                continue;
            }
            match DIFFERENT.iter().find(|(id, of, _)| *id == layout.id && *of == traffic) {
                Some(declared) => _ = met.insert(declared.0.to_owned() + declared.1.as_str()),
                None => undeclared.push(format!("{} {figure:?}: {traffic:?}, by API {known:?}", layout.id)),
            }
        }
    }
    assert!(both_ways > 100, "{both_ways} figures come both ways");
    assert!(undeclared.is_empty(), "{undeclared:#?}");
    assert_eq!(met.len(), DIFFERENT.len(), "a difference is declared that there is not; there are {met:?}");
}

/// WeChat's short list has no addresses. Its rows are about the articles that the long one told by theirs.
#[test]
fn a_post_told_with_and_without_its_id_is_one_post() {
    let project = Project::new();
    let long = "内容标题,发表时间,总阅读人数,内容url\n\
                春季新品,20260809,900,http://mp.weixin.qq.com/s?mid=1&idx=1\n\
                同名,20260809,900,http://mp.weixin.qq.com/s?mid=2&idx=1\n\
                同名,20260809,900,http://mp.weixin.qq.com/s?mid=2&idx=2\n";
    let short = "内容标题,发表日期,阅读人数,阅读后关注人数\n春季新品,20260809,950,3\n同名,20260809,950,3\n没见过,20260809,1,0\n";
    project.write("long.csv", long);
    project.write("short.csv", short);
    let import = |file| project.run(["import", file, "--account", "wechat/demo"]);
    import("long.csv").expect(0);
    let done = import("short.csv").expect(3);
    assert!(done.stderr.contains("posts known before by an id that the file lacks: 1"), "{}", done.stderr);
    assert!(
        done.stderr.contains("line 3: its title, publish time and format are those of the posts 2_1, 2_2")
    );
    let sql = "select case when post like 'title-%' then 'own' else post end as post, title from posts where current \
               order by post";
    let rows = project.run(["query", sql, "--format", "csv"]).expect(0).stdout;
    assert_eq!(rows, "post,title\n1_1,春季新品\n2_1,同名\n2_2,同名\nown,没见过\n");
    let sql = "select read_users, follows_gained from post_lifetime where post = '1_1' order by observed_at desc limit 1";
    let rows = project.run(["query", sql, "--format", "csv"]).expect(0).stdout;
    assert_eq!(rows, "read_users,follows_gained\n950,3\n");
}

/// What Douyin's back office exports of the videos of some weeks: no ids.
fn works(world: &World, account: &Profile, at: Timestamp, now: Timestamp) -> (String, usize) {
    let beijing = TimeZone::get("Asia/Shanghai").expect("a zone");
    let from = at.checked_sub(SignedDuration::from_hours(24 * 20)).expect("days ago");
    let mut text = String::from("作品名称,发布时间,体裁,播放量,点赞量,分享量,评论量\n");
    let mut videos = 0;
    for index in world.published_by(account.key, from)..world.published_by(account.key, at) {
        let post = world.post(PostKey { account: account.key, index: index as u32 });
        // What is deleted before the API is asked stays under an id of ours.
        if !post.stands_at(now) || post.format == Format::Repost {
            continue;
        }
        videos += 1;
        let total = world.counters_at(&post, at).expect("it was published").total();
        let _ = writeln!(
            text,
            "\"{}\",{},{},{},{},{},{}",
            world.words(&post).text.replace('"', "\"\""),
            beijing.to_datetime(post.published_at).strftime("%Y-%m-%d %H:%M"),
            if post.format == Format::Video { "视频" } else { "图文" },
            total[Counter::Views],
            total[Counter::Likes],
            total[Counter::Shares],
            total[Counter::Comments],
        );
    }
    (text, videos)
}

/// A project of one account of Douyin, its export imported before or after the API was asked.
async fn douyin(export_first: bool) -> (Simulated, Live, usize) {
    let now: Timestamp = "2026-09-23T12:00:00Z".parse().expect("an instant");
    let simulated = Simulated::start(simulated::world_of(vec![(Network::Douyin, 1)], 200, now), now).await;
    let account = simulated.world().accounts().next().expect("an account");
    let exported: Timestamp = "2026-09-22T12:00:00Z".parse().expect("an instant");
    let (text, videos) = works(simulated.world(), account, exported, now);
    simulated.project.write("works.csv", &text);
    let live = simulated.live().await;
    let import = || {
        let arguments = [
            "import",
            "works.csv",
            "--account",
            account.id.as_str(),
            "--observed-at",
            "2026-09-22T12:00:00Z",
        ];
        simulated.project.run(arguments).expect(0)
    };
    if export_first {
        import();
        let rows = live.query("select count(*) from posts where current and post like 'title-%'").await;
        assert_eq!(rows, [[videos]], "under ids of ours");
    }
    live.pass().await;
    if !export_first {
        import();
    }
    (simulated, live, videos)
}

/// The export comes before the API: its works are the videos that the API tells, counted once, and what it told of
/// them is the world's truth. Nothing but the order differs from asking first.
#[tokio::test(flavor = "multi_thread")]
async fn works_that_an_export_told_first_are_the_videos_of_the_api() {
    let (simulated, live, videos) = douyin(true).await;
    assert!(videos > 5, "{videos}");
    let with_ids = "select count(*) filter (where earlier_ids is not null), \
                    count(*) filter (where post like 'title-%') from posts where current";
    assert_eq!(live.query(with_ids).await, [[videos, 0]]);
    let facts = truth::facts(&live).await;
    let told = facts.iter().filter(|fact| fact.source == "douyin-works" && fact.metric != "video_plays");
    let mut told_by_file = 0;
    for fact in told {
        assert_eq!(truth::truth(simulated.world(), fact), Some(fact.value), "{fact:?}");
        told_by_file += 1;
    }
    assert_eq!(told_by_file, 3 * videos);

    simulated.project.write("kpis/likes.toml", KPI);
    let said = |simulated: &Simulated| {
        let rows = simulated.project.evaluate(&["--period", "2026-09-08..2026-09-17"]);
        (rows[0]["value"].clone(), rows[0]["posts"].clone())
    };
    let once = said(&simulated);
    let standing = "select post, title, format from posts where current order by post";
    let numbers = "select post, provenance, likes, shares, comments from post_facts where current \
                   order by post, at, day, provenance, likes";
    let (posts, known) = (live.query(standing).await, live.query(numbers).await);

    let (asked_first, live_first, _) = douyin(false).await;
    asked_first.project.write("kpis/likes.toml", KPI);
    assert_eq!(said(&asked_first), once);
    assert_eq!(live_first.query(standing).await, posts);
    assert_eq!(live_first.query(numbers).await, known);
}

const KPI: &str = "[[kpi]]\nid = \"likes\"\nversion = 1\ngoal = \"engagement\"\nplatforms = [\"douyin\"]\n\
                   formula = \"likes\"\nbasis = \"published\"\n";
