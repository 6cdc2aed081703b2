//! Google's service accounts through the whole: a website is read without a person.

use jiff::{SignedDuration, Timestamp, civil::date};
use kepi_core::{AccountId, DateSpan};
use kepi_ingest::{Ending, IngestRequest, RunKind, RunReport, Silent, StopFlag};
use kepi_simulator::{Fault, FaultRule};

use crate::{
    simulated::{self, Live, Simulated},
    truth,
};

/// A world whose first website is read in the name of a service account.
async fn signed_for(now: Timestamp) -> (Simulated, AccountId) {
    let mut simulated = Simulated::start(simulated::x_world(1, 40, now), now).await;
    let site = simulated.world().sites().into_iter().find(|site| !site.is_place).expect("a website").id;
    simulated.sign_for(&site, "analytics");
    (simulated, site)
}

/// Asks for the days of a range again.
async fn read(live: &Live, site: &AccountId, range: DateSpan) -> RunReport {
    let request = IngestRequest {
        kind: RunKind::Backfill,
        accounts: live.accounts.iter().filter(|it| it.reference.id == *site).cloned().collect(),
        only: Some([(site.clone(), "traffic".into())].into()),
        range: Some(range),
        ..IngestRequest::default()
    };
    let report = live.ingest.run(&request, &Silent, &StopFlag::default()).await.expect("it begins");
    live.store.catch_up(live).await.expect("the projections catch up");
    report
}

fn is_done(report: &RunReport) {
    assert!(!report.endpoints.is_empty());
    for it in &report.endpoints {
        assert!(matches!(it.ending, Ending::Done), "{:?} {}: {}", it.accounts, it.endpoint, it.ending);
    }
}

/// The token ends in the midst of a run, and another time between two: a fresh one is had, and nothing is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_website_is_read_in_the_name_of_a_service_account() {
    let (simulated, site) = signed_for("2026-09-23T12:00:00Z".parse().expect("an instant")).await;
    let live = simulated.live().await;
    let counted = || {
        let stats = simulated.simulator.stats("web").expect("simulated");
        let refused = stats.statuses.get(&401).copied().unwrap_or_default();
        (stats.calls.get("/token").copied().unwrap_or_default(), refused)
    };
    let faults = simulated.simulator.faults("web").expect("simulated");
    faults.add(FaultRule::once(Fault::TokenExpired).at("runReport").after(1));
    is_done(&read(&live, &site, DateSpan::new(date(2026, 6, 15), date(2026, 9, 20))).await);
    assert_eq!(counted(), (2, 1), "exchanges and refused tokens");

    simulated.clock.advance(SignedDuration::from_hours(24));
    is_done(&read(&live, &site, DateSpan::new(date(2026, 9, 18), date(2026, 9, 23))).await);
    assert_eq!(counted(), (3, 1), "the third token was had before the second was refused");

    let comparison = truth::compare(simulated.world(), &truth::facts(&live).await);
    assert!(comparison.differing.is_empty(), "{:#?}", comparison.differing);
    let compared: usize = comparison.agreeing.values().sum();
    assert!(compared > 1_000, "{:#?}", comparison.agreeing);
}

/// `kepi` in the project: its exit code, and all that it said.
fn kepi(simulated: &Simulated, arguments: &[&str]) -> (Option<i32>, String) {
    let output = simulated.command().args(arguments).output().expect("kepi starts");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    for key in simulated.secret_values().filter(|secret| secret.contains("PRIVATE KEY")) {
        let key: serde_json::Value = serde_json::from_str(key).expect("a key");
        let line = key["private_key"].as_str().and_then(|pem| pem.lines().nth(1)).expect("PEM");
        assert!(!said.contains(line), "the key was told");
    }
    (output.status.code(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_tried_by_kepi_auth_and_what_is_wrong_with_it_is_said() {
    let (simulated, site) = signed_for(Timestamp::now()).await;
    // Another key takes the place of the one that kepi has.
    let good = simulated.simulator.service_account_key().expect("a key");
    for arguments in [&["auth", site.as_str()][..], &["--log", "trace", "ingest", "--account", site.as_str()]]
    {
        let (code, said) = kepi(&simulated, arguments);
        assert_ne!(code, Some(0), "{said}");
        for words in ["Google refused the service account's key", "Invalid JWT Signature.", "make a new one"]
        {
            assert!(said.contains(words), "{arguments:?} does not say {words:?}:\n{said}");
        }
    }

    let file = simulated.project.write("google.json", &good);
    let text = std::fs::read_to_string(simulated.project.path("kepi.toml")).expect("a configuration");
    let variable = text.lines().find_map(|line| line.split_once("service_account_env = ")).expect("a key").1;
    let variable = variable.trim_end_matches(" }");
    let text = text.replace(
        &format!("service_account_env = {variable}"),
        &format!("service_account_file = {:?}", file.display().to_string()),
    );
    simulated.project.write("kepi.toml", &text);
    let (code, said) = kepi(&simulated, &["auth", site.as_str()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the token is stored"), "{said}");
    let (_, said) = kepi(&simulated, &["check", "--online", "--format", "csv"]);
    assert!(
        said.lines().any(|line| line.starts_with(&format!("{site},analytics,")) && line.contains(",ok,")),
        "{said}"
    );
}
