//! Section G over all adapters: every fault switch at every platform, and what is left of it once it is lifted.
//!
//! The world's clock stands where it is put; whoever waits moves it, so that nobody waits.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kepi_ingest::{Ending, Outcome, RunReport};
use kepi_simulator::{Fault, FaultRule};

use crate::{
    simulated::{self, Live, Simulated},
    truth,
};

fn noon() -> Timestamp {
    "2026-09-23T12:00:00Z".parse().expect("an instant")
}

/// The ways in which endpoints of each platform ended, as words.
fn endings(report: &RunReport) -> BTreeMap<String, BTreeSet<String>> {
    let mut endings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for endpoint in &report.endpoints {
        let Some(first) = endpoint.accounts.first() else { continue };
        let word = match &endpoint.ending {
            Ending::Done => "done".to_owned(),
            Ending::NothingDue => continue,
            Ending::Lacking { .. } => "lacking".to_owned(),
            Ending::Capped { .. } => "capped".to_owned(),
            Ending::Deferred { .. } => "deferred".to_owned(),
            Ending::Withheld => "withheld".to_owned(),
            Ending::Failed(failure) => failure.kind.to_owned(),
            Ending::Stopped => "stopped".to_owned(),
        };
        endings.entry(first.platform_name().to_owned()).or_default().insert(word);
    }
    endings
}

/// A day on which a small account's promoted notes got nothing looks like numbers that are gone: it is not believed
/// at once, fault or not.
const QUIET: &str = "withheld";

/// A small world with all platforms, read once while all was well.
async fn read_once() -> (Simulated, Live) {
    let now = noon();
    let simulated = Simulated::start(simulated::world(1, 40, now), now).await;
    let live = simulated.live().await;
    let report = live.pass().await;
    let bad: Vec<_> = report.endpoints.iter().filter(|it| matches!(it.ending, Ending::Failed(_))).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    simulated.clock.advance(SignedDuration::from_hours(24));
    (simulated, live)
}

fn on_all(simulated: &Simulated, rule: &FaultRule) {
    for platform in simulated.platforms() {
        simulated.simulator.faults(platform).expect("simulated").add(rule.clone());
    }
}

fn clear(simulated: &Simulated) {
    for platform in simulated.platforms() {
        simulated.simulator.faults(platform).expect("simulated").clear();
    }
}

/// What rests is the world's truth, and what would have been read without the fault is there.
async fn is_well_again(simulated: &Simulated, live: &Live, fault: &str) {
    clear(simulated);
    // What was put off until a reset or a new day is due again.
    simulated.clock.advance(SignedDuration::from_hours(25));
    let report = live.pass().await;
    all_within(&endings(&report), &["done", "lacking", QUIET]);
    let comparison = truth::compare(simulated.world(), &truth::facts(live).await);
    assert!(comparison.differing.is_empty(), "{fault}: {:#?}", comparison.differing);
    for platform in simulated.platforms() {
        let of = |sort: &&String| sort.starts_with(platform);
        assert!(comparison.agreeing.keys().any(|sort| of(&sort)), "{fault}: nothing of {platform}");
    }
}

async fn strike(rule: FaultRule, name: &str) -> BTreeMap<String, BTreeSet<String>> {
    let (simulated, live) = read_once().await;
    on_all(&simulated, &rule);
    let report = live.pass().await;
    let endings = endings(&report);
    is_well_again(&simulated, &live, name).await;
    endings
}

fn all_within(endings: &BTreeMap<String, BTreeSet<String>>, allowed: &[&str]) {
    for (platform, words) in endings {
        let strange: Vec<_> = words.iter().filter(|word| !allowed.contains(&word.as_str())).collect();
        assert!(strange.is_empty(), "{platform} ends with {strange:?}, which is none of {allowed:?}");
    }
}

fn each_has(endings: &BTreeMap<String, BTreeSet<String>>, one_of: &[&str]) {
    for (platform, words) in endings {
        assert!(
            words.iter().any(|word| one_of.contains(&word.as_str())),
            "{platform}: {words:?} and none of {one_of:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_are_waited_out() {
    let endings = strike(FaultRule::always(Fault::RateLimit).times(2), "rate limit").await;
    // What was told to wait longer than a call may is put off; the rest was waited for.
    all_within(&endings, &["done", "lacking", "deferred", QUIET]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_quota_is_put_off() {
    let endings = strike(FaultRule::always(Fault::QuotaExhausted), "quota").await;
    all_within(&endings, &["deferred", "lacking", "quota_exhausted", "rate_limited"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_at_the_platform_is_told_as_such() {
    let endings = strike(FaultRule::always(Fault::Status(503)), "503").await;
    all_within(&endings, &["unavailable", "deferred"]);
    each_has(&endings, &["unavailable"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_for_people_are_not_believed() {
    let endings = strike(FaultRule::always(Fault::HtmlPage), "html").await;
    all_within(&endings, &["bad_response", "unavailable", "lacking"]);
    each_has(&endings, &["bad_response", "unavailable"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_heard_of_passes() {
    for (rule, name) in [(FaultRule::always(Fault::UnknownFields), "unknown fields")] {
        let endings = strike(rule, name).await;
        all_within(&endings, &["done", "lacking", QUIET]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_platform_in_trouble_stops_no_other() {
    let (simulated, live) = read_once().await;
    let platforms: Vec<String> = simulated.platforms().map(str::to_owned).collect();
    for troubled in &platforms {
        let faults = simulated.simulator.faults(troubled).expect("simulated");
        faults.add(FaultRule::always(Fault::Status(500)));
        let report = live.pass().await;
        faults.clear();
        assert_eq!(report.outcome, Outcome::Partial, "{troubled}");
        for (platform, words) in endings(&report) {
            let failed = words.iter().any(|word| !["done", "lacking", QUIET].contains(&word.as_str()));
            assert_eq!(
                failed,
                platform == *troubled,
                "{troubled} is in trouble and {platform} ends {words:?}"
            );
        }
        simulated.clock.advance(SignedDuration::from_hours(24));
    }
    is_well_again(&simulated, &live, "500").await;
}
