//! Signals over a simulated world whose truth contains one of each: exactly these fire, and in the same world without
//! them none does. The history of four months comes through the adapters and the whole pipeline, but for what no
//! platform tells: what a listening tool counts is imported.

use std::fmt::Write as _;

use jiff::Timestamp;
use kepi_core::{AccountId, DateSpan};
use kepi_ingest::{Ending, IngestRequest, RunKind, Silent, StopFlag};
use kepi_simulator::{
    Format, Happening, Incident, Network, Profile, SimulatorConfig, WeiboConfig, World, WorldConfig,
};
use serde_json::{Value, json};

use crate::simulated::{self, Simulated};

/// Five weeks after the last day that is looked at: nothing of it changes any more.
fn now() -> Timestamp {
    "2025-10-20T12:00:00Z".parse().expect("an instant")
}

/// The days that are read; the last is the Sunday of the week that is looked at.
fn history() -> DateSpan {
    DateSpan::new(day("2025-05-01"), day("2025-09-15"))
}

const NEWEST: &str = "2025-W37";

fn day(text: &str) -> jiff::civil::Date {
    text.parse().expect("a date")
}

/// What is read of whom.
const READ: [(&str, &str); 7] = [
    ("x", "timeline"),
    ("instagram", "media"),
    ("linkedin", "share_days"),
    ("xiaohongshu", "account_days"),
    ("wechat", "followers"),
    ("wechat", "messages"),
    ("weibo", "account_days"),
];

const KPIS: &str = r#"
[[kpi]]
id = "x-rate"
goal = "engagement"
platforms = ["x"]
formula = "likes / impressions"
traffic = "total"
review = "monthly"
[[kpi.target]]
period = "2025"
absolute = 0.0095

[[kpi]]
id = "instagram-rate"
goal = "engagement"
platforms = ["instagram"]
formula = "likes / views"
traffic = "organic"

[[kpi]]
id = "linkedin-rate"
goal = "engagement"
platforms = ["linkedin"]
subject = "account"
formula = "likes / impressions"
basis = "activity"

[[kpi]]
id = "xiaohongshu-paid-rate"
goal = "engagement"
platforms = ["xiaohongshu"]
subject = "account"
formula = "likes / ad_impressions"
basis = "activity"
traffic = "paid"

[[kpi]]
id = "wechat-follower-count"
goal = "community-growth"
platforms = ["wechat"]
subject = "account"
formula = "followers_total"
basis = "activity"

[[kpi]]
id = "wechat-message-count"
goal = "retention"
platforms = ["wechat"]
subject = "account"
formula = "messages_in"
basis = "activity"

[[kpi]]
id = "weibo-share-count"
goal = "engagement"
platforms = ["weibo"]
subject = "account"
formula = "shares"
basis = "activity"

[[kpi]]
id = "mood-negative-share"
goal = "reputation"
direction = "down"
platforms = ["mood"]
subject = "account"
formula = "sentiment_neg / (sentiment_pos + sentiment_neu + sentiment_neg)"
basis = "activity"

[[kpi]]
id = "voice"
goal = "brand-awareness"
platforms = ["listening"]
subject = "account"
formula = "in_segment(mentions, 'brand', 'own') / mentions"
basis = "activity"
review = "monthly"
"#;

/// One of each, and an odd day; no two move the same KPI.
fn incidents() -> Vec<Incident> {
    let at = |network, since: &str, until: &str, what| Incident {
        account: (network, 0),
        since: day(since),
        until: day(until),
        what,
    };
    let once = |network, since: &str, what| at(network, since, since, what);
    vec![
        // P1: since May the target of the year is missed.
        once(Network::X, "2025-05-01", Happening::LessEngagement(0.6)),
        // P2: more and more money, less and less of it comes back.
        at(Network::Xiaohongshu, "2025-06-16", "2025-09-15", Happening::LessEngagement(0.5)),
        at(Network::Xiaohongshu, "2025-06-16", "2025-09-15", Happening::MoreSpend(2.5)),
        // P3: growth has come to a stand.
        once(Network::Wechat, "2025-07-14", Happening::Standstill),
        // P4: a slow decline.
        at(Network::Linkedin, "2025-06-16", "2025-09-15", Happening::LessEngagement(0.55)),
        // P5: mentions turn sour.
        once(Network::Instagram, "2025-08-18", Happening::Souring(0.15)),
        // P6: one form of posts does badly.
        once(Network::Instagram, "2025-05-01", Happening::WeakFormat(Format::Carousel, 0.4)),
        // P7: others are talked about more.
        once(Network::X, "2025-08-01", Happening::LessMentions(0.4)),
        // P8: a week is silent.
        at(Network::Weibo, "2025-09-01", "2025-09-08", Happening::Silence),
        // An odd day.
        at(Network::Wechat, "2025-09-10", "2025-09-11", Happening::Messages(8.0)),
    ]
}

/// Steady accounts, three posts a day each; of X also two rivals, whom a listening tool hears.
fn world(incidents: Vec<Incident>) -> World {
    let instant = |text: &str| -> Timestamp { text.parse().expect("an instant") };
    World::new(WorldConfig {
        seed: 1905,
        accounts: vec![
            (Network::X, 3),
            (Network::Wechat, 1),
            (Network::Weibo, 1),
            (Network::Xiaohongshu, 1),
            (Network::Instagram, 1),
            (Network::Linkedin, 1),
        ],
        posts_per_account: 690,
        start: instant("2025-03-10T00:00:00Z"),
        end: instant("2025-10-26T00:00:00Z"),
        promoted_share: 0.3,
        deleted_share: 0.0,
        incidents: Some(incidents),
        ..WorldConfig::demo()
    })
}

/// Weibo's days need a contract.
fn settings(platform: &str, world: &World) -> Value {
    match platform {
        "weibo" => json!({ "commercial": true }),
        _ => simulated::defaults(platform, world),
    }
}

/// The history of the world, in a project's store.
async fn ingested(world: World) -> Simulated {
    let config = SimulatorConfig { weibo: WeiboConfig { commercial: true }, ..SimulatorConfig::default() };
    let simulated = Simulated::start_with(world, now(), config, settings).await;
    let live = simulated.live().await;
    let own: Vec<AccountId> = READ.iter().map(|(platform, _)| own(&simulated, platform).id.clone()).collect();
    let only = own.iter().cloned().zip(READ.map(|(_, endpoint)| endpoint.into())).collect();
    let request = IngestRequest {
        kind: RunKind::Backfill,
        accounts: live.accounts.iter().filter(|it| own.contains(&it.reference.id)).cloned().collect(),
        only: Some(only),
        range: Some(history()),
        ..IngestRequest::default()
    };
    let report = live.ingest.run(&request, &Silent, &StopFlag::default()).await.expect("it begins");
    for it in &report.endpoints {
        assert!(matches!(it.ending, Ending::Done), "{:?} {}: {}", it.accounts, it.endpoint, it.ending);
    }
    live.store.catch_up(&live).await.expect("the projections catch up");
    import(&simulated, "listening/tool", VOICE, &heard(simulated.world()));
    import(&simulated, "mood/tool", MOOD, &felt(simulated.world()));
    simulated.project.write("kpis/own.toml", KPIS);
    simulated
}

/// The first account of a platform; the others are rivals.
fn own<'s>(simulated: &'s Simulated, platform: &str) -> &'s Profile {
    let network = platform.parse().expect("a platform");
    simulated.world().accounts_of(network).next().expect("an account")
}

const VOICE: &str = "subject = \"account\"\n[day]\ncolumn = \"day\"\n[segment]\ndimension = \"brand\"\n\
    column = \"brand\"\nwhole = [\"all\"]\n[metrics]\nmentions = \"mentions\"\n";

/// How often the accounts of X were named on each day.
fn heard(world: &World) -> String {
    let mut table = "day,brand,mentions\n".to_owned();
    for day in history().iter() {
        let mut all = 0;
        for (brand, profile) in ["own", "rival", "other rival"].iter().zip(world.accounts_of(Network::X)) {
            let mentions = world.account_flows(profile.key, day).mentions;
            all += mentions;
            let _ = writeln!(table, "{day},{brand},{mentions}");
        }
        let _ = writeln!(table, "{day},all,{all}");
    }
    table
}

const MOOD: &str = "subject = \"account\"\n[day]\ncolumn = \"day\"\n[metrics]\nsentiment_pos = \"pos\"\n\
    sentiment_neu = \"neu\"\nsentiment_neg = \"neg\"\n";

/// How Instagram's account was spoken of on each day.
fn felt(world: &World) -> String {
    let mut table = "day,pos,neu,neg\n".to_owned();
    let profile = world.accounts_of(Network::Instagram).next().expect("an account");
    for day in history().iter() {
        let flows = world.account_flows(profile.key, day);
        let _ =
            writeln!(table, "{day},{},{},{}", flows.sentiment_pos, flows.sentiment_neu, flows.sentiment_neg);
    }
    table
}

fn import(simulated: &Simulated, account: &str, map: &str, table: &str) {
    simulated.project.write("tool.toml", map);
    simulated.project.write("tool.csv", table);
    let words = ["import", "tool.csv", "--map", "tool.toml", "--account", account];
    simulated.project.run(words).expect(0);
}

/// All that was looked for, by `kepi signals`.
fn looked(simulated: &Simulated) -> Vec<Value> {
    let mut words = vec!["signals", "--all", "--format", "json", "--period", NEWEST];
    let ids = KPIS.lines().filter_map(|line| line.strip_prefix("id = \"")?.strip_suffix('"'));
    ids.for_each(|id| words.extend(["--kpi", id]));
    simulated.project.run(words).expect(0).json().as_array().expect("an array").clone()
}

/// What is there, as `P4 linkedin-rate`.
fn fired(found: &[Value]) -> Vec<String> {
    let there = found.iter().filter(|one| one["outcome"] == "fired");
    let named = |one: &Value| Some(format!("{} {}", one["signal"].as_str()?, one["kpi"].as_str()?));
    let mut list: Vec<String> = there.filter_map(named).collect();
    list.sort();
    list
}

/// What came of each, for whom a test fails.
fn told(found: &[Value]) -> String {
    let mut text = String::new();
    for one in found {
        let [signal, kpi, outcome, reason] =
            ["signal", "kpi", "outcome", "reason"].map(|key| one[key].as_str().unwrap_or_default());
        let _ = writeln!(text, "{signal:8} {kpi:22} {outcome:12} {} {reason}", one["scope"]);
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_was_planted_fires() {
    let simulated = ingested(world(incidents())).await;
    let found = looked(&simulated);
    assert_eq!(
        fired(&found),
        [
            "P1 x-rate",
            "P2 xiaohongshu-paid-rate",
            "P3 wechat-follower-count",
            "P4 linkedin-rate",
            // What falls while spend rises falls.
            "P4 xiaohongshu-paid-rate",
            "P5 mood-negative-share",
            "P6 instagram-rate",
            "P7 voice",
            "P8 weibo-share-count",
            "anomaly wechat-message-count",
        ],
        "{}",
        told(&found)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_fires_where_nothing_was_planted() {
    let simulated = ingested(world(Vec::new())).await;
    let found = looked(&simulated);
    assert_eq!(fired(&found), [""; 0], "{}", told(&found));
    // All eight were looked for, and could be told.
    for signal in ["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8"] {
        let quiet = found.iter().any(|one| one["signal"] == signal && one["outcome"] == "quiet");
        assert!(quiet, "{signal}: {}", told(&found));
    }
}
