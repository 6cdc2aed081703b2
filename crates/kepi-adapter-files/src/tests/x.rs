//! The exports of X.

use kepi_core::MetricId;

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        File::of("x/demo", $name, include_bytes!(concat!("../../fixtures/x/", $name)))
    };
}

#[test]
fn content() {
    let page = fixture!("content_2026-10-12.csv").page();
    assert_eq!(
        lines(&page),
        [
            "2000000000000000001 2026-10-12T00:00:00Z total comments=5 detail_expands=22 follows_gained=1 \
             hashtag_clicks=0 impressions=1204 likes=31 link_clicks=7 link_shares=2 permalink_clicks=1 \
             platform_engagements=88 profile_visits=9 saves=4 shares=3",
            "2000000000000000002 2026-10-12T00:00:00Z total comments=1 detail_expands=0 follows_gained=0 \
             hashtag_clicks=0 impressions=40 likes=1 link_clicks=0 link_shares=0 permalink_clicks=0 \
             platform_engagements=2 profile_visits=1 saves=0 shares=0",
            "1999781368812273664 2026-10-12T00:00:00Z total comments=0 detail_expands=0 follows_gained=0 \
             hashtag_clicks=0 likes=3 link_clicks=0 link_shares=0 permalink_clicks=0 profile_visits=0 shares=0",
        ]
    );
    assert_eq!(remarks(&page), ["1 row without an id skipped"]);
    let rejects = rejects(&page);
    assert_eq!(rejects.len(), 2, "{rejects:?}");
    assert!(rejects[0].starts_with("line 6: the id 2.00000000000000E+18 lost its digits"), "{rejects:?}");
    assert_eq!(rejects[1], "line 7, column Impressions: \"abc\" is not a number");

    let [launch, reply, old] = page.posts.as_slice() else { panic!("{:?}", page.posts) };
    assert_eq!((launch.published_at, launch.published_day), (None, Some(jiff::civil::date(2026, 10, 11))));
    assert_eq!(launch.url.as_deref(), Some("https://x.com/demo/status/2000000000000000001"));
    assert_eq!((launch.format.as_deref(), launch.is_reply), (Some("post"), Some(false)));
    assert_eq!(reply.text.as_deref(), Some("@friend thanks &amp; see you\ntomorrow 🚲"));
    assert_eq!((reply.format.as_deref(), reply.is_reply), (Some("reply"), Some(true)));
    assert_eq!(old.published_at, Some(at("2025-12-13T10:00:07Z")));
}

#[test]
fn account_overview() {
    let page = fixture!("account_overview_20260901_20261001.csv").page();
    assert_eq!(
        lines(&page),
        [
            "2026-09-29 total comments=18 follows_gained=15 follows_lost=3 impressions=12345 likes=210 \
             link_shares=7 media_views=1200 platform_engagements=640 posts_published=2 profile_visits=101 saves=12 \
             shares=22 video_plays=900",
            "2026-09-30 total provisional comments=1 follows_gained=0 impressions=980 likes=10 link_shares=0 \
             media_views=4 platform_engagements=31 posts_published=0 profile_visits=12 saves=0 shares=0 video_plays=0",
        ]
    );
    let first = &page.measurements[0];
    assert_eq!(first.observed_at, at("2026-10-01T00:00:00Z"));
    assert!(first.observed_estimated);
    assert_eq!(first.provenance, kepi_core::Provenance::Export);
}

#[test]
fn video_overview() {
    let page = fixture!("video_overview.csv").page();
    assert_eq!(
        lines(&page),
        [
            "2026-09-29 total avg_view_duration_s=12.502 completion_rate=0.25 video_plays=120 watch_time_s=1500.25",
            "2026-09-30 total provisional avg_view_duration_s=0.9 video_plays=10 watch_time_s=9",
        ]
    );
    assert_eq!(
        rejects(&page),
        [
            "line 3, column Estimated Revenue: an amount of money whose currency nobody said",
            "line 4, column Completion Rate: 42 without a percent sign may be a fraction or a percentage",
            "line 4, column Estimated Revenue: an amount of money whose currency nobody said",
        ]
    );
}

#[test]
fn tweet_activity() {
    let page = fixture!("tweet_activity_metrics_demo_20161201_20170101_en.csv").page();
    let organic = "app_installs=2 app_opens=1 comments=2 detail_expands=7 email_shares=4 follows_gained=3 \
                   hashtag_clicks=6";
    let rest = "likes=3 link_clicks=5 media_engagements=7 media_views=6 permalink_clicks=8 phone_calls=5";
    let row = |id: &str, impressions: u32, engagements: u32| {
        format!(
            "{id} 2017-01-01T00:00:00Z organic {organic} impressions={impressions} {rest} \
             platform_engagements={engagements} profile_clicks=4 shares=1"
        )
    };
    let got: Vec<String> = of_traffic(&page, Traffic::Organic).map(line).collect();
    assert_eq!(
        got,
        [
            row("812369747765362688", 1938, 18),
            row("812369747765362689", 7, 1),
            row("812369747765362690", 100, 10),
            row("812369747765362692", 11, 2),
        ]
    );
    let paid: Vec<&Measurement> = of_traffic(&page, Traffic::Paid).collect();
    assert_eq!(paid.len(), 1);
    assert_eq!(paid[0].value("impressions"), Some(&Value::Count(2000)));
    assert_eq!(paid[0].values.len(), 17, "the rate is not stored");
    assert!(page.measurements.iter().all(|m| m.observed_estimated));

    assert_eq!(rejects(&page), ["line 7: the row has 4 cells, its header 40"]);
    assert!(page.rejects[0].raw.starts_with("\"812369747765362691\""), "{:?}", page.rejects);
    assert_eq!(remarks(&page), ["1 row without an id skipped"]);
    let reply = &page.posts[1];
    assert_eq!(reply.text.as_deref(), Some("@someone a reply\n\nover lines 🚲 &amp; \"quoted\""));
    assert_eq!(reply.published_at, Some(at("2016-12-23T19:00:00Z")));
    assert_eq!(reply.is_reply, Some(true));
}

#[test]
fn a_truncated_file_keeps_its_good_rows_and_says_so() {
    let whole = include_bytes!("../../fixtures/x/tweet_activity_metrics_demo_20161201_20170101_en.csv");
    let name = "tweet_activity_metrics_demo_20161201_20170101_en.csv";
    let complete = File::of("x/demo", name, whole).page();
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap();
    for end in (header + 1..whole.len() - 1).step_by(11) {
        let rest = whole[end..].split(|byte| *byte == b'\n').next().unwrap();
        if whole[end - 1] == b',' && !rest.contains(&b',') {
            continue; // Nothing tells a cut before the last cell from a last cell that is empty.
        }
        let page = File::of("x/demo", name, &whole[..end]).page();
        for measurement in &page.measurements {
            assert!(complete.measurements.contains(measurement), "cut at {end}: {measurement:?}");
        }
        let at_row_end = whole[..end].ends_with(b"\n") || whole[end] == b'\n';
        let told = page.notices.iter().any(|notice| matches!(notice, Notice::Gap { .. }));
        assert!(told || at_row_end, "cut at {end} without a word: {:?}", page.rejects);
    }
}

#[test]
fn a_file_of_another_platform_is_told() {
    let file = File { account: "douyin/demo", ..fixture!("content_2026-10-12.csv") };
    let error = file.refusal();
    assert_eq!(error.message(), "the file is x-content of x, the account is douyin/demo");
}

#[test]
fn an_unknown_file_is_answered_with_the_known_layouts() {
    let error = File::of("x/demo", "a.csv", b"Post id,Post text,Likes\n1,a,2\n").refusal();
    assert_eq!(error.context_value("nearest"), Some("x-content"));
    assert_eq!(error.context_value("missing"), Some("Impressions"));
    assert_eq!(error.context_value("file"), Some("a.csv"));
    let hint = error.hint_text().unwrap();
    assert!(hint.contains("x-tweet-activity") && hint.contains("--map"), "{hint}");

    let named = File { layout: Some("x-contents"), ..File::of("x/demo", "a.csv", b"a,b\n1,2\n") }.refusal();
    assert!(named.hint_text().unwrap().starts_with("did you mean x-content?"), "{named:?}");
    let other =
        File { layout: Some("x-content"), ..File::of("x/demo", "a.csv", b"Post id,b\n1,2\n") }.refusal();
    assert_eq!(other.context_value("missing"), Some("Post text, Impressions"));
}

/// A layout that is edited later does not change what was read by it: the job holds it whole.
#[test]
fn a_job_decodes_by_the_layout_it_was_read_by() {
    let file = fixture!("account_overview_20260901_20261001.csv");
    let job = file.job().unwrap();
    let edited =
        include_str!("../../../../config/exports/x.toml").replace("likes = \"Likes\"", "saves = \"Likes\"");
    let edited = edited.replace("saves = \"Bookmarks\"\n", "");
    let files = Files::builtin().unwrap().with_layouts("x.toml", &edited).unwrap();
    let body = Body { bytes: file.bytes.to_vec(), content_type: None, observed_at: job.planned_at };
    let page = files.decode(&job, &Cursor::default(), &body).unwrap();
    assert_eq!(page, file.page());
    assert_eq!(page.measurements[0].value("saves"), Some(&Value::Count(12)));
}

fn sum(page: &[Page], metric: &str, counted: impl Fn(&Measurement) -> bool) -> i64 {
    let id = MetricId::new(metric).unwrap();
    let readings =
        page.iter().flat_map(|page| &page.measurements).filter(|m| counted(m)).flat_map(|m| &m.values);
    readings
        .filter(|reading| reading.metric == id)
        .map(|reading| match reading.value {
            Value::Count(count) => count,
            _ => 0,
        })
        .sum()
}

/// The real exports of a public archive, where `KEPI_REAL_X` names their folder.
#[test]
fn real_tweet_activity() {
    let Some(folder) = std::env::var_os("KEPI_REAL_X") else {
        eprintln!("skipped: KEPI_REAL_X names no folder of tweet activity exports");
        return;
    };
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.extension().is_some_and(|extension| extension == "csv") {
            pages.push(File::of("x/ropensci", &name, &std::fs::read(&path).unwrap()).page());
        }
    }
    assert_eq!(pages.len(), 37);
    assert_eq!(pages.iter().map(|page| page.rejects.len() + page.notices.len()).sum::<usize>(), 0);
    assert_eq!(pages.iter().map(|page| page.posts.len()).sum::<usize>(), 1129);
    assert_eq!(pages.iter().map(|page| page.measurements.len()).sum::<usize>(), 1129, "nothing was promoted");

    let quarter = at("2019-04-01T00:00:00Z")..at("2019-07-01T00:00:00Z");
    let of_quarter: std::collections::HashSet<_> = pages
        .iter()
        .flat_map(|page| &page.posts)
        .filter(|post| post.published_at.is_some_and(|published| quarter.contains(&published)))
        .map(|post| &post.id)
        .collect();
    assert_eq!(of_quarter.len(), 73);
    let counted = |m: &Measurement| of_quarter.contains(&m.subject.id);
    assert_eq!(sum(&pages, "platform_engagements", counted), 8537);
    assert_eq!(sum(&pages, "impressions", counted), 529_083);
}

/// A day that cannot be is not the last one either.
#[test]
fn the_last_day_is_one_that_can_be() {
    let text = "Date,Impressions,Engagements,New follows\n\"Fri, Jun 5, 2026\",\"1,204\",31,2\n\
                \"Tue, Jan 1, 2999\",1,1,1\n";
    let page = File::of("x/demo", "overview_2026-06-06.csv", text.as_bytes()).page();
    assert_eq!(
        lines(&page),
        ["2026-06-05 total provisional follows_gained=2 impressions=1204 platform_engagements=31"]
    );
    assert_eq!(rejects(&page), ["line 3: 2999-01-01 is no day that can be meant"]);
}
