//! Section G over all adapters: every fault switch at every platform, and what is left of it once it is lifted.
//!
//! The world's clock stands where it is put; whoever waits moves it, so that nobody waits.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use kepi_core::{AccountId, TokenFlow, credential::Refresh};
use kepi_ingest::{Ending, EndpointReport, Outcome, RunReport};
use kepi_simulator::{Fault, FaultRule};
use kepi_transport::{Timeouts, testing::Mishap};

use crate::{
    platforms,
    simulated::{self, Live, Simulated},
    truth,
};

fn noon() -> Timestamp {
    "2026-09-23T12:00:00Z".parse().expect("an instant")
}

/// Accounts and endpoints.
type Gave = BTreeSet<(AccountId, String)>;

/// Whose endpoints brought something.
fn gave(report: &RunReport) -> Gave {
    let read = report.endpoints.iter().filter(|it| it.ending == Ending::Done && it.tally.pages > 0);
    read.flat_map(|it| it.accounts.iter().map(|account| (account.clone(), it.endpoint.to_string()))).collect()
}

/// The ways in which endpoints of each platform ended, as words.
fn endings(report: &RunReport) -> BTreeMap<String, BTreeSet<String>> {
    endings_of(report.endpoints.iter())
}

/// The same of those endpoints only that gave something before.
fn endings_among(report: &RunReport, gave: &Gave) -> BTreeMap<String, BTreeSet<String>> {
    endings_of(report.endpoints.iter().filter(|it| has_given(it, gave)))
}

fn has_given(report: &EndpointReport, gave: &Gave) -> bool {
    report.accounts.iter().any(|account| gave.contains(&(account.clone(), report.endpoint.to_string())))
}

fn endings_of<'r>(reports: impl Iterator<Item = &'r EndpointReport>) -> BTreeMap<String, BTreeSet<String>> {
    let mut endings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for endpoint in reports {
        let Some(first) = endpoint.accounts.first() else { continue };
        let word = match &endpoint.ending {
            Ending::Done => "done".to_owned(),
            Ending::NothingDue => continue,
            Ending::Lacking { .. } => "lacking".to_owned(),
            Ending::Resting { .. } => "resting".to_owned(),
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
async fn read_once() -> (Simulated, Live, Gave) {
    let now = noon();
    begun(Simulated::start(simulated::world(1, 40, now), now).await).await
}

async fn begun(simulated: Simulated) -> (Simulated, Live, Gave) {
    let live = simulated.live().await;
    let report = live.pass().await;
    let bad: Vec<_> = report.endpoints.iter().filter(|it| matches!(it.ending, Ending::Failed(_))).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    simulated.clock.advance(SignedDuration::from_hours(24));
    let gave = gave(&report);
    (simulated, live, gave)
}

fn on_all(simulated: &Simulated, rule: &FaultRule) {
    for platform in simulated.platforms() {
        simulated.simulator.faults(platform).expect("simulated").add(rule.clone());
    }
}

/// The same of a fault that only numbers have: whoever exchanges a token is asked for no plan and no money.
fn on_numbers(simulated: &Simulated, fault: Fault) {
    on_all(simulated, &FaultRule::always(fault).sparing_tokens());
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
    let bad: Vec<_> = report.endpoints.iter().filter(|it| matches!(it.ending, Ending::Failed(_))).collect();
    assert!(bad.is_empty(), "{fault}: {bad:#?}");
    all_within(&endings(&report), &["done", "lacking", "resting", QUIET]);
    let comparison = truth::compare(simulated.world(), &truth::facts(live).await);
    assert!(comparison.differing.is_empty(), "{fault}: {:#?}", comparison.differing);
    for platform in simulated.platforms() {
        let of = |sort: &&String| sort.starts_with(platform);
        assert!(comparison.agreeing.keys().any(|sort| of(&sort)), "{fault}: nothing of {platform}");
    }
}

/// Platforms whose refresh tokens work once: the next one, in an answer that is lost on its way, is gone.
const ONCE: [&str; 2] = ["x", "xiaohongshu"];

/// As [`is_well_again`], where answers with tokens were lost: a person is told so, consents anew, and all is well.
async fn is_well_after_a_consent(simulated: &mut Simulated, live: &Live, fault: &str) {
    clear(simulated);
    simulated.break_lines(Mishap::None);
    simulated.clock.advance(SignedDuration::from_hours(25));
    let live = simulated.live_again(live, &Timeouts::default());
    let report = live.pass().await;
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    for endpoint in &report.endpoints {
        if let (Ending::Failed(failure), Some(first)) = (&endpoint.ending, endpoint.accounts.first()) {
            assert_eq!(failure.kind, "reauthorise", "{fault}: {first} {} {failure:?}", endpoint.endpoint);
            *told.entry(first.platform_name().to_owned()).or_default() += &format!("{failure:?}\n");
        }
    }
    assert_eq!(told.keys().collect::<Vec<_>>(), ONCE, "{fault}: {told:#?}");
    for (platform, said) in &told {
        for words in ["lost on its way", "kepi auth"] {
            assert!(said.contains(words), "{fault}: {platform} does not say {words:?}:\n{said}");
        }
        simulated.consent_again(platform);
    }
    let live = simulated.live_again(&live, &Timeouts::default());
    is_well_again(simulated, &live, fault).await;
}

async fn strike(rule: FaultRule, name: &str) -> BTreeMap<String, BTreeSet<String>> {
    strike_by(|simulated| on_all(simulated, &rule), name).await
}

/// How the endpoints end that gave something before. All calls are told, also those that failed; and once the fault is
/// lifted, all is well.
async fn strike_by(strike: impl Fn(&Simulated), name: &str) -> BTreeMap<String, BTreeSet<String>> {
    let (simulated, live, gave) = read_once().await;
    strike(&simulated);
    let before = platforms::calls_so_far(&simulated);
    let report = live.pass().await;
    for (platform, counted) in platforms::calls_so_far(&simulated) {
        let told = platforms::calls_told(&report, &platform);
        assert_eq!(counted - before[&platform], told, "{name}: calls of {platform}");
    }
    let endings = endings_among(&report, &gave);
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
    all_within(&endings, &["done", "deferred", QUIET]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_quota_is_put_off() {
    let endings = strike(FaultRule::always(Fault::QuotaExhausted), "quota").await;
    all_within(&endings, &["deferred"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_balance_is_put_off() {
    let strike = |simulated: &Simulated| on_numbers(simulated, Fault::CreditsDepleted);
    let endings = strike_by(strike, "credits").await;
    all_within(&endings, &["deferred"]);
}

/// What was given before and is refused is a failure, told with what helps; what was never given is a state. Once the
/// permission is back, the next run reads all of it: nothing rests for a day.
#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_gone_for_a_while_costs_that_while_and_no_more() {
    let (simulated, live, gave) = read_once().await;
    on_numbers(&simulated, Fault::Forbidden);
    let report = live.pass().await;
    assert_eq!(report.outcome, Outcome::Partial);
    let struck: Vec<_> = report.endpoints.iter().filter(|it| it.ending != Ending::NothingDue).collect();
    for endpoint in &struck {
        let platform = endpoint.accounts[0].platform_name();
        match &endpoint.ending {
            Ending::Failed(failure) => {
                let kinds: &[&str] = match platform {
                    // The plan does not include it.
                    "x" => &["not_offered"],
                    // The application has not been granted the capability; of advertising, the user has no permission.
                    "douyin" => &["not_offered", "forbidden"],
                    _ => &["forbidden"],
                };
                assert!(kinds.contains(&failure.kind), "{platform} {}: {failure:?}", endpoint.endpoint);
                assert!(failure.hint.is_some(), "{platform} {}: {failure:?}", endpoint.endpoint);
                assert!(has_given(endpoint, &gave), "{endpoint:#?}");
            }
            Ending::Lacking { .. } | Ending::Resting { .. } => {
                assert!(!has_given(endpoint, &gave), "{endpoint:#?}");
            }
            other => panic!("{platform} {}: {other}", endpoint.endpoint),
        }
    }
    let failed = |platform: &str| {
        struck
            .iter()
            .any(|it| matches!(it.ending, Ending::Failed(_)) && it.accounts[0].platform_name() == platform)
    };
    assert!(simulated.platforms().all(failed), "{:#?}", endings(&report));

    clear(&simulated);
    let report = live.pass().await;
    all_within(&endings_among(&report, &gave), &["done", QUIET]);
    is_well_again(&simulated, &live, "forbidden").await;
}

/// Where each renewal makes a new refresh token, tokens are renewed day by day for as long as anybody follows.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_rotate_are_renewed_for_weeks() {
    let now = noon();
    let simulated = Simulated::start(simulated::world(1, 4, now), now).await;
    let mut live = simulated.live().await;
    live.accounts.retain(|account| ONCE.contains(&account.reference.id.platform_name()));
    for day in 0..40 {
        let report = live.pass_of(&["timeline", "account_today"]).await;
        for platform in ONCE {
            let of_it = |it: &&EndpointReport| it.accounts[0].platform_name() == platform;
            let read: Vec<_> = report.endpoints.iter().filter(of_it).collect();
            let well = |it: &&EndpointReport| matches!(it.ending, Ending::Done | Ending::Withheld);
            assert!(!read.is_empty() && read.iter().all(well), "day {day}: {read:#?}");
        }
        simulated.clock.advance(SignedDuration::from_hours(25));
    }
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
    all_within(&endings, &["bad_response", "unavailable"]);
    each_has(&endings, &["bad_response", "unavailable"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_heard_of_passes() {
    for (rule, name) in [(FaultRule::always(Fault::UnknownFields), "unknown fields")] {
        let endings = strike(rule, name).await;
        all_within(&endings, &["done", QUIET]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_platform_in_trouble_stops_no_other() {
    let (simulated, live, _) = read_once().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn another_shape_is_refused_and_not_read_as_nothing() {
    let (mut simulated, live, gave) = read_once().await;
    on_all(&simulated, &FaultRule::always(Fault::ChangedShape));
    let endings = endings_among(&live.pass().await, &gave);
    all_within(&endings, &["bad_response", "reauthorise"]);
    each_has(&endings, &["bad_response"]);
    is_well_after_a_consent(&mut simulated, &live, "changed shape").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_answer_is_none() {
    let (mut simulated, live, gave) = read_once().await;
    on_all(&simulated, &FaultRule::always(Fault::TruncatedBody));
    let endings = endings_among(&live.pass().await, &gave);
    all_within(&endings, &["unavailable", "reauthorise"]);
    each_has(&endings, &["unavailable"]);
    is_well_after_a_consent(&mut simulated, &live, "truncated body").await;
}

/// No call comes to its end, however fast the machine: nothing here is a race.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_end_is_given_up() {
    let (mut simulated, live, gave) = read_once().await;
    on_all(&simulated, &FaultRule::always(Fault::SlowBody(Duration::from_secs(3600))));
    let hasty = Timeouts { read_millis: 40, ..Timeouts::default() };
    let endings = endings_among(&simulated.live_again(&live, &hasty).pass().await, &gave);
    all_within(&endings, &["unavailable"]);
    each_has(&endings, &["unavailable"]);
    is_well_after_a_consent(&mut simulated, &live, "slow body").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_told_as_such() {
    let now = noon();
    let world = simulated::world(1, 40, now);
    let (mut simulated, live, gave) = begun(Simulated::start_behind_lines(world, now).await).await;
    simulated.break_lines(Mishap::ResetAfter(0));
    // Connections of before are not used again.
    let report = simulated.live_again(&live, &Timeouts::default()).pass().await;
    let endings = endings_among(&report, &gave);
    all_within(&endings, &["unavailable"]);
    each_has(&endings, &["unavailable"]);
    is_well_after_a_consent(&mut simulated, &live, "reset").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platforms_clock_that_is_off_does_no_harm() {
    for minutes in [90, -90] {
        let skew = Fault::ClockSkew(SignedDuration::from_mins(minutes));
        let endings = strike(FaultRule::always(skew), &format!("a clock {minutes} minutes off")).await;
        all_within(&endings, &["done", QUIET]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_empty_are_passed_over_and_nothing_is_lost() {
    let (simulated, live, gave) = read_once().await;
    on_all(&simulated, &FaultRule::always(Fault::EmptyPage).times(12));
    // Where a list goes on at a place of its own, an empty page leads to itself: it is given up for this run.
    all_within(&endings_among(&live.pass().await, &gave), &["done", "bad_response", QUIET]);
    is_well_again(&simulated, &live, "empty pages").await;
    platforms::every_post_is_there(&simulated, &live).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_leads_back_to_itself_is_left() {
    let now = noon();
    // So many posts that their lists have several pages.
    let simulated = Simulated::start(simulated::world(1, 400, now), now).await;
    let live = simulated.live().await;
    on_all(&simulated, &FaultRule::always(Fault::RepeatedCursor));
    let endings = endings(&live.pass().await);
    all_within(&endings, &["done", "lacking", "bad_response", QUIET]);
    let looped = endings.values().filter(|words| words.contains("bad_response")).count();
    assert!(looped >= 2, "{endings:?}");
    is_well_again(&simulated, &live, "repeated cursors").await;
}

/// Where a token can be renewed, nobody notices; where it cannot, a person is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_expired_is_renewed_where_that_can_be() {
    let (mut simulated, live, gave) = read_once().await;
    on_all(&simulated, &FaultRule::once(Fault::TokenExpired));
    let endings = endings_among(&live.pass().await, &gave);
    let platforms: Vec<String> = simulated.platforms().map(str::to_owned).collect();
    for platform in &platforms {
        let by_hand = simulated.adapter(platform).descriptor().tokens.iter().all(|kind| {
            let TokenFlow::AuthorizationCode { refresh, .. } = kind.flow else { return false };
            matches!(refresh, Refresh::Never | Refresh::Exchange)
        });
        let asked = endings[platform].contains("reauthorise");
        assert_eq!(asked, by_hand, "{platform} ends {:?}", endings[platform]);
        if by_hand {
            simulated.consent_again(platform);
        }
    }
    all_within(&endings, &["done", "reauthorise", QUIET]);
    let live = simulated.live_again(&live, &Timeouts::default());
    is_well_again(&simulated, &live, "expired tokens").await;
}

/// A consent that was withdrawn is not renewed: a person is asked, with the command that helps.
#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_was_withdrawn_is_asked_for_again() {
    let (mut simulated, live, gave) = read_once().await;
    let accounts: Vec<_> = simulated.accounts().into_iter().map(|(account, _)| account).collect();
    for account in &accounts {
        simulated.simulator.revoke(account).expect("an account of the world");
    }
    let report = live.pass().await;
    all_within(&endings_among(&report, &gave), &["done", "reauthorise", QUIET]);
    for account in accounts.iter().filter(|account| account.platform_name() != "wechat") {
        let mut failures = report.endpoints.iter().filter(|it| it.accounts.contains(account));
        let asked = failures.any(|it| format!("{:?}", it.ending).contains("kepi auth"));
        assert!(asked, "{account} is not asked for a consent");
        simulated.consent_again(account.platform_name());
    }
    let live = simulated.live_again(&live, &Timeouts::default());
    is_well_again(&simulated, &live, "withdrawn consents").await;
}

/// Zeros that cannot be true are withheld wherever they are told: of accounts, of days, of posts in lists and of single
/// ones. Nothing of them rests in the store, and once the platforms count again all is read.
#[tokio::test(flavor = "multi_thread")]
async fn zeros_without_a_word_are_withheld() {
    let (simulated, live, gave) = read_once().await;
    on_all(&simulated, &FaultRule::always(Fault::SilentZeros));
    let endings = endings_among(&live.pass().await, &gave);
    all_within(&endings, &["done", QUIET]);
    each_has(&endings, &[QUIET]);
    let zeros = truth::compare(simulated.world(), &truth::facts(&live).await);
    assert!(zeros.differing.is_empty(), "believed: {:#?}", zeros.differing);
    is_well_again(&simulated, &live, "silent zeros").await;
    platforms::every_post_is_there(&simulated, &live).await;
}
