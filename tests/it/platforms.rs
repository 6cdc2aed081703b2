//! All platforms that have an adapter, through all layers, against the world itself: every number of some days, KPI
//! results, and the calls that were made against those that were planned.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, civil::date, tz::TimeZone};
use kepi_core::{DateSpan, Field, Shape, Window, period::local_day};
use kepi_ingest::{Ending, PlanReport, RunReport};
use kepi_simulator::{Format, Network, PostKey, SimulatorConfig, WechatConfig, WeiboConfig, World, XConfig};
use serde_json::{Value, json};

use crate::{
    simulated::{self, Live, Sent, Simulated, everything},
    truth::{self, Fact},
};

/// Noon UTC of a day in September, in Beijing the evening: all platforms have yesterday.
fn noon() -> Timestamp {
    "2026-09-23T12:00:00Z".parse().expect("an instant")
}

/// So many days, asked once a day; each day's calls are those that were planned before.
async fn follow(simulated: &Simulated, live: &Live, days: u32) -> Vec<RunReport> {
    let mut reports = Vec::new();
    for day in 0..days {
        if day > 0 {
            simulated.clock.advance(SignedDuration::from_hours(24));
        }
        let before = calls_so_far(simulated);
        let plan = live.plan().await;
        assert_eq!(calls_so_far(simulated), before, "a plan makes no call");
        let report = live.pass().await;
        let failed: Vec<String> = report
            .endpoints
            .iter()
            .filter(|it| {
                let well = matches!(it.ending, Ending::Done | Ending::NothingDue);
                !well && !matches!(it.ending, Ending::Lacking { .. } | Ending::Resting { .. })
            })
            .map(|it| format!("{:?} {}: {}", it.accounts, it.endpoint, it.ending))
            .collect();
        assert!(failed.is_empty(), "day {day}: {failed:#?}");
        if day > 0 {
            planned_is_made(simulated, &plan, &report, day);
        }
        counted_is_told(simulated, &before, &report, day);
        reports.push(report);
    }
    reports
}

pub(crate) fn calls_so_far(simulated: &Simulated) -> BTreeMap<String, u64> {
    let calls = |platform: &str| simulated.simulator.stats(platform).expect("simulated").total_calls();
    simulated.platforms().map(|platform| (platform.to_owned(), calls(platform))).collect()
}

/// What the plan said of every endpoint is what it took; where it said "at least", as many or more.
fn planned_is_made(simulated: &Simulated, plan: &PlanReport, report: &RunReport, day: u32) {
    let mut deviating = Vec::new();
    for made in &report.endpoints {
        let of_it = |planned: &&kepi_ingest::PlannedEndpoint| {
            planned.endpoint == made.endpoint && planned.accounts == made.accounts
        };
        let Some(planned) = plan.endpoints.iter().find(of_it) else { continue };
        let endpoint = simulated.adapter(&planned.platform).descriptor().endpoint(&planned.endpoint);
        if matches!(made.ending, Ending::Lacking { .. }) {
            continue;
        }
        // A page is a call; renewals of tokens come on top, and only the platform knows when.
        let (said, took) = (planned.estimate.calls, made.tally.pages);
        // Posts that a list has read in the same run are not asked for again: a plan says the most.
        let listed = endpoint
            .is_some_and(|endpoint| matches!(endpoint.shape, Shape::Batch { .. }) && !endpoint.by_age);
        let fewer = took < said && !listed;
        if fewer || (took > said && !planned.estimate.at_least) {
            deviating.push(format!("{:?} {}: {said} planned, {took} made", made.accounts, made.endpoint));
        }
    }
    assert!(deviating.is_empty(), "day {day}: {deviating:#?}");
}

/// The platforms counted as many calls as the run told.
fn counted_is_told(simulated: &Simulated, before: &BTreeMap<String, u64>, report: &RunReport, day: u32) {
    for (platform, counted) in calls_so_far(simulated) {
        assert_eq!(
            counted - before[&platform],
            calls_told(report, &platform),
            "day {day}: calls of {platform}"
        );
        assert_eq!(simulated.simulator.stats(&platform).expect("simulated").throttled, 0, "{platform}");
    }
}

/// How many calls of a platform a run says that it made.
pub(crate) fn calls_told(report: &RunReport, platform: &str) -> u64 {
    let of_it = |it: &&kepi_ingest::EndpointReport| {
        it.accounts.first().is_some_and(|account| account.platform_name() == platform)
    };
    report.endpoints.iter().filter(of_it).map(|it| it.tally.calls).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_and_the_kpis_hold_the_worlds_truth() {
    let now = noon();
    let config = SimulatorConfig {
        x: XConfig { enterprise: true, ..XConfig::default() },
        wechat: WechatConfig { comments: true },
        weibo: WeiboConfig { commercial: true },
        ..SimulatorConfig::default()
    };
    let world = simulated::world(1, 120, now);
    let simulated = Simulated::start_with(world, now, config, everything).await;
    let live = simulated.live().await;
    truth::people::tell_posts(&simulated, &live).await;
    truth::tell_older_posts(&simulated, &live).await;
    follow(&simulated, &live, 3).await;

    simulated.clock.advance(SignedDuration::from_mins(10));
    live.pass_of(&["quota", "limits"]).await;
    // Series that ended are asked for on demand alone.
    let october = DateSpan::new(date(2025, 10, 12), date(2025, 10, 19));
    live.pass_over(october, &["old_account_days", "old_shares", "old_article_days", "old_articles"]).await;

    let facts = truth::facts(&live).await;
    let comparison = truth::compare(simulated.world(), &facts);
    assert!(comparison.differing.is_empty(), "{:#?}", comparison.differing);
    every_post_is_there(&simulated, &live).await;
    kpis_are_right(&simulated, &facts);
    assert_eq!(comparison.unknown, own_calls_are_counted(&simulated, &facts));
    every_offered_number_came(&simulated);
}

/// The platforms' counts of our own calls are those that left us, on the day in Beijing and before the call that asks,
/// which is not counted. Says which sorts of number they are: the world knows nothing of them.
fn own_calls_are_counted(simulated: &Simulated, facts: &[Fact]) -> BTreeSet<String> {
    let beijing = TimeZone::get("Asia/Shanghai").expect("a zone");
    let (mut compared, mut most) = (BTreeSet::new(), BTreeMap::new());
    for fact in facts.iter().filter(|fact| fact.metric.starts_with("api_calls_")) {
        let Window::At(at) = fact.window else { panic!("{fact:?}") };
        let (granted, asks) = match fact.platform() {
            "wechat" => (5000, "/cgi-bin/openapi/quota/get"),
            _ => (100, "/2/account/rate_limit_status.json"),
        };
        let is_counted = |path: &str| match fact.platform() {
            "wechat" => path == fact.segment.1,
            _ => WEIBO_BASIC.contains(&path),
        };
        let sent = simulated.sent(fact.platform());
        let asked = sent.iter().position(|call| call.at == at && call.path == asks).expect("it was asked");
        let today = |call: &&Sent| local_day(call.at, &beijing) == local_day(at, &beijing);
        let used = sent[..asked].iter().filter(today).filter(|call| is_counted(&call.path)).count();
        let truth = if fact.metric == "api_calls_limit" { granted } else { used };
        assert_eq!(fact.value, truth as f64, "{fact:?}");
        let most = most.entry(fact.platform().to_owned()).or_insert(0);
        *most = used.max(*most);
        compared.insert(fact.sort());
    }
    assert!(most.len() == 2 && most.values().all(|used| *used > 0), "{most:?}");
    compared
}

/// What counts against the hundred calls of a day that Weibo grants a user.
const WEIBO_BASIC: [&str; 4] = [
    "/2/users/show.json",
    "/2/statuses/user_timeline.json",
    "/2/statuses/count.json",
    "/2/statuses/mentions.json",
];

/// Facebook Login has hosts, tokens and paths of its own, and tells the same numbers.
#[tokio::test(flavor = "multi_thread")]
async fn instagram_by_facebook_login_holds_the_worlds_truth() {
    let now = noon();
    let settings = |platform: &str, world: &World| {
        let mut settings = everything(platform, world);
        if platform == "instagram" {
            settings["login"] = json!("facebook");
            settings["own_pages"] = json!(true);
        }
        settings
    };
    let world = simulated::world_of(vec![(Network::Instagram, 1)], 60, now);
    let simulated = Simulated::start_with(world, now, SimulatorConfig::default(), settings).await;
    let live = simulated.live().await;
    let reports = follow(&simulated, &live, 3).await;
    let asked = |report: &RunReport| report.endpoints.iter().filter(|it| it.ending == Ending::Done).count();
    assert!(asked(&reports[0]) >= 5, "{:#?}", reports[0].endpoints);
    let comparison = truth::compare(simulated.world(), &truth::facts(&live).await);
    assert!(comparison.differing.is_empty(), "{:#?}", comparison.differing);
    assert!(comparison.unknown.is_empty(), "{:?}", comparison.unknown);
    for sort in ["instagram post at total likes", "instagram account day total reach"] {
        assert!(comparison.agreeing.get(sort).is_some_and(|numbers| *numbers > 0), "{sort}");
    }
    let told = simulated.told.lock().expect("nobody panicked").clone();
    let watched =
        simulated.adapter("instagram").descriptor().endpoints.iter().find(|it| it.name == "watched");
    for field in watched.expect("it is declared").fields {
        let sort = truth::sort_of("instagram", field);
        assert!(told.contains(&("watched".to_owned(), sort.clone())), "{sort} of everybody's");
    }
    let seen_by_all =
        live.query("select count(*) from post_facts where provenance = 'public' and current").await;
    assert!(seen_by_all[0][0].as_u64().is_some_and(|rows| rows > 0), "{seen_by_all:?}");
}

/// Brands of one account have so few reviews that the newest fifty fill some days.
#[tokio::test(flavor = "multi_thread")]
async fn days_of_reviews_are_the_worlds() {
    let now = noon();
    let settings = |platform: &str, world: &World| match platform {
        "web" => everything(platform, world),
        _ => simulated::defaults(platform, world),
    };
    let world = simulated::x_world(2, 40, now);
    let simulated = Simulated::start_with(world, now, SimulatorConfig::default(), settings).await;
    let live = simulated.live().await;
    follow(&simulated, &live, 2).await;
    let comparison = truth::compare(simulated.world(), &truth::facts(&live).await);
    assert!(comparison.differing.is_empty(), "{:#?}", comparison.differing);
    for sort in ["rating_count", "rating_sum", "rating_count by stars", "rating_count by answered"] {
        let compared = comparison.agreeing.get(&format!("web account day total {sort}"));
        assert!(compared.is_some_and(|days| *days >= 2), "{sort}: {compared:?}");
    }
}

/// Without a contract Weibo shows the mentions by those who authorised the application: one in three.
#[tokio::test(flavor = "multi_thread")]
async fn weibo_without_a_contract_tells_the_mentions_that_it_shows() {
    let now = noon();
    let settings = |platform: &str, world: &World| match platform {
        "weibo" => json!({ "mentions": true }),
        _ => simulated::defaults(platform, world),
    };
    let world = simulated::world_of(vec![(Network::Weibo, 1)], 60, now);
    let simulated = Simulated::start_with(world, now, SimulatorConfig::default(), settings).await;
    let live = simulated.live().await;
    follow(&simulated, &live, 2).await;
    let world = simulated.world();
    let account = world.accounts_of(Network::Weibo).next().expect("one account");
    let facts = truth::facts(&live).await;
    let mut days = 0;
    for fact in facts.iter().filter(|fact| fact.metric == "mentions") {
        let Window::Day(day) = fact.window else { panic!("{fact:?}") };
        let shown = world.mention_times(account.key, day).len().div_ceil(3);
        assert_eq!((fact.source.as_str(), fact.value), ("mentions", shown as f64), "{fact:?}");
        days += 1;
    }
    assert!(days >= 2, "{days} days");
}

/// Everything that the descriptors declare was told by the endpoint that declares it, but for what a world without it
/// cannot tell.
fn every_offered_number_came(simulated: &Simulated) {
    let told = simulated.told.lock().expect("nobody panicked").clone();
    let mut lacking = BTreeSet::new();
    for platform in simulated.platforms() {
        for endpoint in simulated.adapter(platform).descriptor().endpoints {
            let came =
                |field: &&Field| told.contains(&(endpoint.name.to_owned(), truth::sort_of(platform, field)));
            let (came, missing): (Vec<_>, Vec<_>) = endpoint.fields.iter().partition(came);
            if came.is_empty() && !missing.is_empty() {
                lacking.insert(format!("{platform} {}", endpoint.name));
                continue;
            }
            lacking.extend(
                missing.iter().map(|field| format!("{}: {}", endpoint.name, truth::sort_of(platform, field))),
            );
        }
    }
    let is_known = |number: &&String| NEVER_SEEN.iter().any(|(known, _)| number.starts_with(known));
    let unknown: Vec<&String> = lacking.iter().filter(|number| !is_known(number)).collect();
    assert!(unknown.is_empty(), "not told: {unknown:#?}");
    let is_told = |known: &&str| !lacking.iter().any(|number| number.starts_with(known));
    let told: Vec<&str> = NEVER_SEEN.iter().map(|(known, _)| *known).filter(is_told).collect();
    assert!(told.is_empty(), "told, and said to be lacking: {told:#?}");
}

const NO_SUCH_VISITORS: &str =
    "the world knows of a website's visitors neither campaign, content, first page, country nor device";
const NOT_PROMOTED: &str = "none of the account's posts of these weeks was promoted";
const NO_SUCH_ACTS: &str = "the world's stories and buttons are not parted so";

/// What does not come from the simulated platforms as they are set up here, and why: whole endpoints, and numbers of
/// those that tell others, each by what it begins with.
const NEVER_SEEN: [(&str, &str); 19] = [
    (
        "instagram older_media",
        "the first page of the list holds all posts that stand, so that none is asked for by its id",
    ),
    (
        "instagram watched",
        "with Facebook Login alone: `instagram_by_facebook_login_holds_the_worlds_truth` reads its own page",
    ),
    ("account_splits: instagram account day paid comments", NO_SUCH_ACTS),
    ("account_splits: instagram account day paid saves", NO_SUCH_ACTS),
    ("account_splits: instagram account day paid shares", NO_SUCH_ACTS),
    ("account_splits: instagram account day total profile_actions by contact_button_type", NO_SUCH_ACTS),
    ("stories: instagram post at organic comments", NO_SUCH_ACTS),
    ("stories: instagram post at organic likes", NO_SUCH_ACTS),
    ("stories: instagram post at organic story_navigations by navigation", NO_SUCH_ACTS),
    ("web campaigns", NO_SUCH_VISITORS),
    ("web contents", NO_SUCH_VISITORS),
    ("web countries", NO_SUCH_VISITORS),
    ("web devices", NO_SUCH_VISITORS),
    ("web landing_pages", NO_SUCH_VISITORS),
    (
        "reviews: web account day total rating_",
        "the newest fifty reviews do not fill a day; `days_of_reviews_are_the_worlds` has a brand with fewer",
    ),
    ("weibo counts", "the list of all posts, which a contract gives, has told them in the same run"),
    (
        "weibo mentions",
        "asked for without a contract: `weibo_without_a_contract_tells_the_mentions_that_it_shows`",
    ),
    ("timeline: x media at paid ", NOT_PROMOTED),
    ("timeline: x post at paid ", NOT_PROMOTED),
];

/// Posts that platforms list whole: those that stand, of the last weeks.
pub(crate) async fn every_post_is_there(simulated: &Simulated, live: &Live) {
    let rows = live.query("select account, post from posts where current").await;
    let known: BTreeSet<(String, String)> =
        rows.iter().map(|row| (text(&row[0]), id_of(&text(&row[1])))).collect();
    let world = simulated.world();
    let now = simulated.clock.now();
    let young = now.checked_sub(SignedDuration::from_hours(24 * 20)).expect("days ago");
    // WeChat tells of an article when its day is over.
    let told = now.checked_sub(SignedDuration::from_hours(48)).expect("days ago");
    for account in world.accounts() {
        // Of Xiaohongshu only what was paid for or ordered is told.
        if account.network == Network::Xiaohongshu {
            continue;
        }
        for index in world.published_by(account.key, young)..world.published_by(account.key, told) {
            let key = PostKey { account: account.key, index: index as u32 };
            let post = world.post(key);
            if post.stands_at(now) && post.format != Format::Repost {
                let id = match account.network {
                    Network::Douyin => (truth::DOUYIN_VIDEOS + u64::from(key.index)).to_string(),
                    _ => id_of(&world.post_id(key)),
                };
                assert!(known.contains(&(account.id.to_string(), id.clone())), "{} lacks {id}", account.id);
            }
        }
    }
}

fn id_of(id: &str) -> String {
    id.rsplit(':').next().unwrap_or(id).to_owned()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Likes of the posts of ten days by account, as the engine has them and as the world has them.
fn kpis_are_right(simulated: &Simulated, facts: &[Fact]) {
    let mut kpis = String::new();
    // A website has no likes.
    let platforms: Vec<&str> = simulated.platforms().filter(|platform| *platform != "web").collect();
    for platform in &platforms {
        kpis.push_str(&format!(
            "[[kpi]]\nid = \"truth-{platform}\"\nversion = 1\ngoal = \"engagement\"\nplatforms = [\"{platform}\"]\n\
             formula = \"likes\"\nbasis = \"published\"\n\n"
        ));
    }
    simulated.project.write("kpis/truth.toml", &kpis);
    let mut compared = BTreeSet::new();
    for platform in platforms {
        let kpi = format!("truth-{platform}");
        let arguments = ["--kpi", &kpi, "--period", "2026-09-08..2026-09-17", "--by", "account"];
        for row in simulated.project.evaluate(&arguments) {
            let account = text(&row["scope"]["account"]);
            let Some(value) = row["value"].as_f64() else { continue };
            let traffic = text(&row["traffic"]);
            let expected = likes(simulated.world(), facts, &account, &traffic);
            assert_eq!(
                (value, row["posts"].as_u64()),
                (expected.0, Some(expected.1)),
                "{account} {traffic}: {row}"
            );
            compared.insert(account);
        }
    }
    let accounts = simulated.world().accounts().filter(|it| it.network != Network::Xiaohongshu);
    assert!(compared.len() >= accounts.count(), "{compared:?}");
}

/// What the world says of the newest reading of each post that was published in the days of the KPI.
fn likes(world: &World, facts: &[Fact], account: &str, traffic: &str) -> (f64, u64) {
    let zone = &world.accounts().find(|it| it.id.as_str() == account).expect("of this world").zone;
    let mut newest: BTreeMap<&str, (Timestamp, &Fact)> = BTreeMap::new();
    for fact in facts.iter().filter(|it| it.account == account && it.metric == "likes") {
        let (Window::At(at), "") = (&fact.window, fact.segment.0.as_str()) else { continue };
        if fact.traffic.as_str() != traffic {
            continue;
        }
        let entry = newest.entry(&fact.subject).or_insert((*at, fact));
        if *at > entry.0 {
            *entry = (*at, fact);
        }
    }
    let mut sum = (0.0, 0);
    for (_, fact) in newest.values() {
        let day = zone.to_datetime(truth::published_at(world, fact).expect("a post")).date();
        if ("2026-09-08".parse().expect("a date")..="2026-09-17".parse().expect("a date")).contains(&day) {
            sum.0 += truth::truth(world, fact).expect("the world knows likes");
            sum.1 += 1;
        }
    }
    sum
}

/// The least calls of a steady day for one account, as each platform allows; what is shared by accounts or asked
/// weekly is told apart.
#[tokio::test(flavor = "multi_thread")]
async fn a_steady_day_takes_the_fewest_calls() {
    let now = noon();
    let simulated = Simulated::start(simulated::world(1, 60, now), now).await;
    let live = simulated.live().await;
    let reports = follow(&simulated, &live, 3).await;
    let mut calls: BTreeMap<String, u64> = BTreeMap::new();
    for endpoint in &reports.last().expect("three days").endpoints {
        if let Some(first) = endpoint.accounts.first() {
            *calls.entry(first.platform_name().to_owned()).or_default() += endpoint.tally.calls;
        }
    }
    let least: BTreeMap<String, u64> =
        LEAST.iter().map(|(platform, calls)| ((*platform).to_owned(), *calls)).collect();
    assert_eq!(calls, least);
}

/// The calls of a steady day for one account with some ten posts in a month, as the platforms' limits allow it.
const LEAST: [(&str, u64); 8] = [
    ("douyin", 15),
    ("instagram", 9),
    ("linkedin", 6),
    // A report and a profile, and a renewal of each one's token, which lives an hour.
    ("web", 4),
    ("wechat", 41),
    ("weibo", 4),
    ("x", 4),
    ("xiaohongshu", 5),
];
