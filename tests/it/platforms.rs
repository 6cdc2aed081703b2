//! All platforms that have an adapter, through all layers, against the world itself: every number of some days, KPI
//! results, and the calls that were made against those that were planned.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kepi_core::{Shape, Window};
use kepi_ingest::{Ending, PlanReport, RunReport};
use kepi_simulator::{Format, Network, PostKey, SimulatorConfig, WeiboConfig, World, XConfig};
use serde_json::{Value, json};

use crate::{
    simulated::{self, Live, Simulated, everything},
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
        weibo: WeiboConfig { commercial: true },
        ..SimulatorConfig::default()
    };
    let world = simulated::world(1, 120, now);
    let simulated = Simulated::start_with(world, now, config, everything).await;
    let live = simulated.live().await;
    truth::people::tell_posts(&simulated, &live).await;
    follow(&simulated, &live, 3).await;

    let facts = truth::facts(&live).await;
    let comparison = truth::compare(simulated.world(), &facts);
    assert!(comparison.differing.is_empty(), "{:#?}", comparison.differing);
    let unknown: Vec<&str> = comparison.unknown.iter().map(String::as_str).collect();
    every_post_is_there(&simulated, &live).await;
    kpis_are_right(&simulated, &facts);
    assert_eq!(unknown, UNKNOWN);
    every_offered_number_came(&simulated, &facts);
}

/// Facebook Login has hosts, tokens and paths of its own, and tells the same numbers.
#[tokio::test(flavor = "multi_thread")]
async fn instagram_by_facebook_login_holds_the_worlds_truth() {
    let now = noon();
    let settings = |platform: &str, world: &World| {
        let mut settings = everything(platform, world);
        if platform == "instagram" {
            settings["login"] = json!("facebook");
            let own = world.accounts_of(Network::Instagram).next().expect("an account");
            settings["watched"] = json!({ own.id.as_str(): own.platform_id.as_str() });
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

/// Sorts of number that are not compared: what the platforms counted of our own calls.
const UNKNOWN: [&str; 4] = [
    "wechat account at total api_calls_limit by api",
    "wechat account at total api_calls_used by api",
    "weibo account at total api_calls_limit",
    "weibo account at total api_calls_used",
];

/// Everything that the descriptors declare of endpoints that answered was seen, but for what a world without it
/// cannot tell.
fn every_offered_number_came(simulated: &Simulated, facts: &[Fact]) {
    let seen: BTreeSet<String> =
        facts.iter().map(|fact| fact.metric.clone() + "@" + platform_of(fact)).collect();
    let mut lacking = BTreeSet::new();
    for platform in simulated.platforms() {
        for (endpoint, field) in simulated.adapter(platform).descriptor().fields() {
            if endpoint.until.is_none() && !seen.contains(&format!("{}@{platform}", field.metric)) {
                lacking.insert(format!("{platform} {}", field.metric));
            }
        }
    }
    assert_eq!(lacking.iter().map(String::as_str).collect::<Vec<_>>(), NEVER_SEEN);
}

fn platform_of(fact: &Fact) -> &str {
    fact.account.split('/').next().unwrap_or_default()
}

/// What does not come from the simulated platforms as they are set up here: days of reviews, of which the newest fifty do
/// not fill one. `days_of_reviews_are_the_worlds` has a brand with fewer.
const NEVER_SEEN: [&str; 1] = ["web rating_sum"];

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
