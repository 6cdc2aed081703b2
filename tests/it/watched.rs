//! What everybody sees of accounts of others, by Instagram's Business Discovery: public figures beside own ones, and
//! calls that keep to what the application has, however many accounts ask.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kepi_ingest::{Ending, IngestRequest, RunReport, Silent, StopFlag};
use kepi_simulator::{Counter, InstagramConfig, Network, Profile, SimulatorConfig, World};
use serde_json::{Value, json};

use crate::simulated::{self, Simulated};

/// Morning in Los Angeles, where Instagram's days begin.
fn noon() -> Timestamp {
    "2026-09-23T19:00:00Z".parse().expect("an instant")
}

/// So many of the accounts are ours; they look at their own pages, and watch all others.
const OURS: usize = 4;

fn ours(world: &World) -> Vec<&Profile> {
    world.accounts_of(Network::Instagram).take(OURS).collect()
}

fn watching(platform: &str, _: &World) -> Value {
    if platform == "instagram" { json!({ "login": "facebook", "own_pages": true }) } else { json!({}) }
}

async fn start(accounts: u32, posts: u32, app_calls: Option<u32>) -> Simulated {
    let world = simulated::world_of(vec![(Network::Instagram, accounts)], posts, noon());
    let instagram = InstagramConfig { app_calls, ..InstagramConfig::default() };
    let config = SimulatorConfig { instagram, ..SimulatorConfig::default() };
    Simulated::start_watching(world, noon(), config, watching, OURS).await
}

/// Sixty watched accounts, four of ours that ask, and 24 calls an hour for all of them: nothing is refused, and it
/// takes three hours.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_application_has_is_shared_by_all_that_ask() {
    const CALLS: u32 = 24;
    let simulated = start(60, 20, Some(CALLS)).await;
    let live = simulated.live().await;
    let plan = live.plan().await;
    let planned = plan.endpoints.iter().filter(|planned| planned.endpoint == "watched");
    assert_eq!(
        planned
            .map(|planned| (planned.estimate.calls, planned.estimate.at_least))
            .fold((0, false), |(sum, least), (calls, more)| (sum + calls, least | more)),
        (60, false)
    );
    let request =
        IngestRequest { endpoints: vec!["watched".into()], ..IngestRequest::due(live.accounts.clone()) };
    let mut hours = 0;
    loop {
        hours += 1;
        let report = live.ingest.run(&request, &Silent, &StopFlag::default()).await.expect("it begins");
        let bad = report
            .endpoints
            .iter()
            .find(|it| !matches!(it.ending, Ending::Done | Ending::NothingDue | Ending::Deferred { .. }));
        assert!(bad.is_none(), "{bad:?}");
        match report.resume_at() {
            Some(at) => simulated.clock.set(at),
            None => break,
        }
    }
    live.store.catch_up(&live).await.expect("the projections catch up");
    let stats = simulated.simulator.stats("instagram").expect("simulated");
    assert_eq!((stats.throttled, stats.total_calls(), hours), (0, 60, 60_u32.div_ceil(CALLS)));
    let rows = live
        .query(
            "select account, at, followers_total from account_facts where current and provenance = 'public'",
        )
        .await;
    let world = simulated.world();
    let truth = |row: &Vec<Value>| {
        let account = world.accounts_of(Network::Instagram).find(|known| row[0] == known.id.as_str());
        let at: Timestamp = row[1].as_str().expect("an instant").parse().expect("an instant");
        json!(world.followers_at(account.expect("of the world").key, at))
    };
    let seen: BTreeSet<&str> = rows.iter().filter_map(|row| row[0].as_str()).collect();
    assert_eq!((rows.len(), seen.len()), (60, 60));
    let wrong: Vec<_> = rows.iter().filter(|row| row[2] != truth(row)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// What somebody else has used up of the application's hour holds back the watched calls, and no call of an own account.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_look_at_others_stops_nothing_of_ours() {
    let simulated = start(6, 30, Some(0)).await;
    let live = simulated.live().await;
    let endings = |report: &RunReport, endpoint: &str| {
        let of_it = report.endpoints.iter().filter(|it| it.endpoint == endpoint);
        of_it.map(|it| (it.accounts[0].to_string(), it.ending.clone())).collect::<BTreeMap<_, _>>()
    };
    let watched = endings(&live.pass_of(&["watched"]).await, "watched");
    let put_off = |ending: &Ending| matches!(ending, Ending::Deferred { .. });
    assert!(watched.len() == 6 && watched.values().all(put_off), "{watched:?}");
    let own = endings(&live.pass_of(&["media"]).await, "media");
    let done = own.iter().filter(|(_, ending)| **ending == Ending::Done).map(|(account, _)| account.clone());
    assert_eq!(done.collect::<BTreeSet<_>>(), names(ours(simulated.world())));
}

fn names(accounts: Vec<&Profile>) -> BTreeSet<String> {
    accounts.into_iter().map(|account| account.id.to_string()).collect()
}

const KPIS: &str = r#"
[[kpi]]
id = "own-followers"
goal = "community-growth"
platforms = ["instagram"]
formula = "followers_total"
basis = "activity"
subject = "account"

[[kpi]]
id = "page-followers"
goal = "community-growth"
platforms = ["instagram"]
formula = "followers_total"
basis = "activity"
subject = "account"
provenance = "public"

[[kpi]]
id = "own-posts"
goal = "engagement"
platforms = ["instagram"]
formula = "count_posts()"

[[kpi]]
id = "page-likes"
goal = "engagement"
platforms = ["instagram"]
formula = "likes"
provenance = "public"
"#;

/// Rivals stand beside our own pages in KPIs of public figures, and nowhere else: own KPIs neither add nor miss them.
#[tokio::test(flavor = "multi_thread")]
async fn rivals_stand_beside_our_pages_and_never_in_own_numbers() {
    let simulated = start(6, 30, None).await;
    let live = simulated.live().await;
    let report = live.pass_of(&["media", "older_media", "watched"]).await;
    live.store.catch_up(&live).await.expect("the projections catch up");
    let calls = |endpoint: &str| {
        let of_it = report.endpoints.iter().filter(|it| it.endpoint == endpoint && it.tally.calls > 0);
        of_it.map(|it| it.accounts[0].to_string()).collect::<BTreeSet<_>>()
    };
    let world = simulated.world();
    let all: Vec<&Profile> = world.accounts_of(Network::Instagram).collect();
    assert_eq!((calls("media"), calls("watched")), (names(ours(world)), names(all.clone())));
    assert!(calls("older_media").is_subset(&names(ours(world))));

    simulated.project.write("kpis/watched.toml", KPIS);
    let told = |kpi: &str, by: &[&str]| {
        let mut arguments = vec!["--kpi", kpi, "--period", "2026-09-23"];
        by.iter().for_each(|by| arguments.extend(["--by", by]));
        simulated.project.evaluate(&arguments)
    };
    let by_account = |kpi: &str| {
        let rows = told(kpi, &["account"]).into_iter();
        rows.map(|row| {
            (row["scope"]["account"].as_str().unwrap_or_default().to_owned(), row["value"].clone())
        })
        .collect::<BTreeMap<String, Value>>()
    };
    let followers = |accounts: Vec<&Profile>| -> BTreeMap<String, Value> {
        let of = |it: &Profile| (it.id.to_string(), json!(world.followers_at(it.key, noon())));
        accounts.into_iter().map(of).collect()
    };
    assert_eq!(by_account("page-followers"), followers(all));
    assert_eq!(by_account("own-followers"), followers(ours(world)));
    let own = &told("own-followers", &[])[0];
    let sum: i64 = ours(world).iter().map(|it| world.followers_at(it.key, noon())).sum();
    assert_eq!((&own["value"], &own["coverage"]), (&json!(sum), &json!(1.0)));

    let posts = simulated.project.evaluate(&["--kpi", "own-posts", "--period", "2026-09"]);
    let own = names(ours(world));
    let published = live
        .query("select account, count(*) from posts where current and published_day >= date '2026-09-01' group by account")
        .await;
    let count = |ours: bool| -> u64 {
        let of = published.iter().filter(|row| own.contains(row[0].as_str().expect("an id")) == ours);
        of.map(|row| row[1].as_u64().expect("a number")).sum()
    };
    assert!(count(false) > 0, "{published:?}");
    assert_eq!(posts[0]["value"], count(true));

    let rival = world.accounts_of(Network::Instagram).last().expect("a rival");
    let likes = live
        .query(&format!(
            "select post, likes from post_facts where current and provenance = 'public' and account = '{}'",
            rival.id
        ))
        .await;
    assert!(!likes.is_empty());
    for row in likes {
        let key = world.find_post(Network::Instagram, row[0].as_str().expect("an id")).expect("a post");
        let truth = world.counters_at(&world.post(key), noon()).expect("published").total();
        assert_eq!(row[1], json!(truth[Counter::Likes]));
    }
}
