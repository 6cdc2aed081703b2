//! Section H over all adapters, within the test: asked to stop after so many pages, and gone on with.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use jiff::Timestamp;
use kepi_core::{AccountId, Window};
use kepi_ingest::{Ending, Outcome, Progress, StopFlag, Tally};
use kepi_simulator::{SimulatorConfig, XConfig};

use crate::{
    simulated::{self, Live, Simulated, everything},
    truth::{self, Fact},
};

/// Raises the flag once so many pages have come.
struct StopAfter {
    pages: AtomicUsize,
    flag: StopFlag,
}

impl Progress for StopAfter {
    fn page(&self, _: &[AccountId], _: &str, _: &Tally) {
        if self.pages.fetch_sub(1, SeqCst) == 1 {
            self.flag.stop();
        }
    }
}

async fn begun() -> (Simulated, Live) {
    let now: Timestamp = "2026-09-23T12:00:00Z".parse().expect("an instant");
    let config = SimulatorConfig {
        enforce_limits: false,
        x: XConfig { enterprise: true, ..XConfig::default() },
        ..SimulatorConfig::default()
    };
    let simulated = Simulated::start_with(simulated::world(1, 60, now), now, config, everything).await;
    let live = simulated.live().await;
    (simulated, live)
}

/// What numbers are of, whenever they were read.
fn told(facts: &[Fact]) -> BTreeSet<String> {
    let of = |fact: &Fact| {
        let day = match &fact.window {
            Window::At(_) => String::new(),
            window => format!("{window:?}"),
        };
        format!("{} {} {} {:?} {day}", fact.account, fact.subject, fact.sort(), fact.segment)
    };
    facts.iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_after_some_pages_and_gone_on_with_nothing_is_lost() {
    let (_undisturbed, live) = begun().await;
    live.pass().await;
    let expected = told(&truth::facts(&live).await);

    let (simulated, live) = begun().await;
    for pages in [1, 20, 60] {
        let flag = StopFlag::default();
        let progress = StopAfter { pages: AtomicUsize::new(pages), flag: flag.clone() };
        let report = live.pass_until(&progress, &flag).await;
        assert_eq!(report.outcome, Outcome::Cancelled, "after {pages} pages");
        assert!(report.totals.pages >= pages as u64, "the page in hand is kept");
        let failed = report.endpoints.iter().find(|it| matches!(it.ending, Ending::Failed(_)));
        assert!(failed.is_none(), "{failed:?}");
    }
    live.pass().await;
    let facts = truth::facts(&live).await;
    let found = told(&facts);
    let lost: Vec<&String> = expected.difference(&found).take(10).collect();
    assert!(lost.is_empty(), "{lost:#?}");
    let comparison = truth::compare(simulated.world(), &facts);
    assert!(comparison.differing.is_empty(), "{:#?}", comparison.differing);
    let torn = "select stream from pages group by stream having count(*) <> max(sequence) or min(sequence) <> 1 \
                or count(distinct sequence) <> count(*)";
    assert_eq!(
        live.query(torn).await,
        Vec::<Vec<serde_json::Value>>::new(),
        "sequences have no gap and no double"
    );
}
