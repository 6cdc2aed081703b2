//! The engine over small stores in memory.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod accounts;
mod activity;
mod advice;
mod catalogue;
mod comparison;
mod definitions;
mod experiments;
mod files;
mod indices;
mod law;
mod lists;
mod money;
mod published;
mod reference;
mod reference_accounts;
mod signals;
mod targets;
mod traps;
mod world;

use std::sync::Arc;

use jiff::Timestamp;
use kepi_core::{Catalogue, Period, period::Fiscal};
use kepi_engine::{EvaluationRequest, Kpi, OfferedByDescriptors, ScoreRow, Source, evaluate, parse_kpis};
use world::World;

/// A KPI file of one KPI: its formula and what else it says.
pub(crate) fn kpi(formula: &str, more: &str) -> Kpi {
    let text = format!("[[kpi]]\nid = \"k\"\ngoal = \"engagement\"\nformula = \"{formula}\"\n{more}\n");
    kpis(&text).remove(0)
}

pub(crate) fn kpis(text: &str) -> Vec<Kpi> {
    let source = Source { name: "k.toml".to_owned(), text: text.to_owned() };
    parse_kpis(&[source], Catalogue::builtin()).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

/// A request on a day; the period as people write it.
pub(crate) fn request(kpis: Vec<Kpi>, period: &str, today: &str) -> EvaluationRequest {
    let now: Timestamp = format!("{today}T12:00:00Z").parse().unwrap();
    let today = today.parse().unwrap();
    EvaluationRequest {
        kpis,
        period: Period::parse(period, today, Fiscal::default()).unwrap(),
        by: Vec::new(),
        accounts: None,
        watched: Vec::new(),
        as_of: None,
        today,
        now,
        fiscal: Fiscal::default(),
        min_coverage: 0.8,
        offered: Arc::new(OfferedByDescriptors::default()),
        breaks: kepi_engine::Break::builtin().to_vec(),
        rollups: true,
        compare: kepi_engine::Comparison::default(),
    }
}

pub(crate) async fn score(world: &World, request: &EvaluationRequest) -> Vec<ScoreRow> {
    evaluate(&world.session(), request).await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// The only row of a scorecard.
pub(crate) async fn one(world: &World, request: &EvaluationRequest) -> ScoreRow {
    let mut rows = score(world, request).await;
    assert_eq!(rows.len(), 1, "{rows:#?}");
    rows.remove(0)
}

pub(crate) fn near(value: Option<f64>, expected: f64, within: f64) {
    assert!(value.is_some_and(|value| (value - expected).abs() <= within), "{value:?} is not {expected}");
}
