//! All platforms that have an adapter, through all layers, against the world itself.

use jiff::{SignedDuration, Timestamp};
use kepi_ingest::Outcome;
use kepi_simulator::SimulatorConfig;

use crate::{
    simulated::{self, Simulated, everything},
    truth,
};

/// Noon of a day in September, in Beijing the evening: all platforms have yesterday.
fn noon() -> Timestamp {
    "2026-09-23T12:00:00Z".parse().expect("an instant")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_holds_the_worlds_truth() {
    let now = noon();
    let config = SimulatorConfig {
        weibo: kepi_simulator::WeiboConfig { commercial: true },
        ..SimulatorConfig::default()
    };
    let simulated =
        Simulated::start_with(simulated::world(2, 200, now), now, config, everything).await;
    let live = simulated.live().await;
    for day in 0..3 {
        let started = std::time::Instant::now();
        let report = live.pass().await;
        for endpoint in &report.endpoints {
            eprintln!("{day} {:?} {} {} {:?}", endpoint.accounts, endpoint.endpoint, endpoint.ending, endpoint.tally);
        }
        eprintln!("took {:?}", started.elapsed());
        assert_ne!(report.outcome, Outcome::Failed);
        simulated.clock.advance(SignedDuration::from_hours(24));
    }
    let facts = truth::facts(&live).await;
    let comparison = truth::compare(simulated.world(), &facts);
    eprintln!("{comparison:#?}");
    assert!(comparison.differing.is_empty());
    assert!(comparison.unknown.is_empty());
}
