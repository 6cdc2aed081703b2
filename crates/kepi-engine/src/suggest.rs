//! What to aim for: the account's own like periods, and published figures of the same thing.
//!
//! A suggestion is a value that the past has reached: the median of like periods, what a quarter of them reached,
//! what a tenth of them reached. A state grows from where it stands, so its suggestions are its last value and
//! the like changes. How much periods usually change tells whether a target is within reach.

use datafusion::prelude::SessionContext;
use kepi_core::Result;
use serde::Serialize;
use smol_str::SmolStr;

use crate::{
    EvaluationRequest,
    benchmarks::{BenchmarkChoice, BenchmarkRow, Benchmarks},
    evaluate::{ScopeName, Span, evaluate},
    formula::Shape,
    kpi::{Direction, Kpi},
    statistics::{median, quantile},
};

/// The earlier periods that a suggestion needs.
const FEWEST: usize = 4;

/// What one KPI could aim for in one scope and period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suggestion {
    /// The KPI's id.
    pub kpi: SmolStr,
    /// Its version.
    pub version: u32,
    /// Its name.
    pub name: SmolStr,
    /// The part it is of; empty for the whole.
    pub scope: ScopeName,
    /// The period it is for.
    pub period: Span,
    /// What the values count.
    pub unit: SmolStr,
    /// How many earlier periods it is drawn from.
    pub periods: usize,
    /// The newest of them.
    pub last: Option<f64>,
    /// What half of them reached.
    pub median: Option<f64>,
    /// What a quarter of them reached: the 75th percentile, or the 25th where less is better.
    pub p75: Option<f64>,
    /// What a tenth of them reached: the 90th percentile, or the 10th where less is better.
    pub p90: Option<f64>,
    /// The change that 95 % of like changes stay below, as a fraction of the value before.
    pub usual_change: Option<f64>,
    /// Published figures of the same thing.
    pub published: Vec<Published>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// A published figure, in the KPI's scale.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Published {
    /// Its name in a KPI file.
    pub name: String,
    /// The platform.
    pub platform: String,
    /// Which statistic of its sample.
    pub statistic: String,
    /// The figure.
    pub value: f64,
    /// The period that it is about.
    pub period: String,
    /// How large its sample is.
    pub sample: String,
    /// Where it was published.
    pub source: String,
    /// How well it is attested.
    pub grade: String,
}

/// Suggests targets for the period of a request, drawn from the twelve like periods before it.
///
/// # Errors
/// Those of [`evaluate`].
pub async fn suggest(ctx: &SessionContext, request: &EvaluationRequest) -> Result<Vec<Suggestion>> {
    let own = |kpi: &Kpi| Kpi { benchmark: BenchmarkChoice::Own, targets: Vec::new(), ..kpi.clone() };
    let request = EvaluationRequest { kpis: request.kpis.iter().map(own).collect(), ..request.clone() };
    let rows = evaluate(ctx, &request).await?;
    let suggestions = rows.into_iter().filter_map(|row| {
        let kpi = request.kpis.iter().find(|kpi| kpi.id == row.kpi && kpi.version == row.version)?;
        let mut suggestion = Suggestion {
            kpi: row.kpi,
            version: row.version,
            name: row.name,
            period: row.period,
            unit: row.unit,
            periods: row.trailing.len(),
            last: row.trailing.first().copied(),
            median: None,
            p75: None,
            p90: None,
            usual_change: usual_change(&row.trailing),
            published: published(kpi, &row.scope),
            scope: row.scope,
            notes: Vec::new(),
        };
        suggestion.draw(kpi, &row.trailing);
        Some(suggestion)
    });
    Ok(suggestions.collect())
}

impl Suggestion {
    /// Newest first.
    fn draw(&mut self, kpi: &Kpi, past: &[f64]) {
        if past.len() < FEWEST {
            self.notes.push(format!(
                "{} earlier periods are known well enough; a suggestion needs {FEWEST}",
                past.len()
            ));
            return;
        }
        let reached = |values: &[f64], share: f64| {
            quantile(values, if kpi.direction == Direction::Down { 1.0 - share } else { share })
        };
        if kpi.program.shape == Shape::State {
            let (Some(last), changes) = (past.first(), changes(past)) else { return };
            let from = |change: Option<f64>| change.map(|change| last + change);
            self.median = from(median(&changes));
            self.p75 = from(reached(&changes, 0.75));
            self.p90 = from(reached(&changes, 0.9));
            self.notes.push("the last value, and what it changed by in earlier periods".to_owned());
        } else {
            self.median = median(past);
            self.p75 = reached(past, 0.75);
            self.p90 = reached(past, 0.9);
        }
        if kpi.direction == Direction::Band {
            self.notes
                .push("a band: between what a quarter lies below and what a quarter reached".to_owned());
        }
    }
}

fn changes(newest_first: &[f64]) -> Vec<f64> {
    newest_first.windows(2).map(|pair| pair[0] - pair[1]).collect()
}

/// The 95th percentile of the sizes of relative changes from one period to the next.
fn usual_change(newest_first: &[f64]) -> Option<f64> {
    let sizes: Vec<f64> = newest_first
        .windows(2)
        .filter(|pair| pair[1] > 0.0)
        .map(|pair| (pair[0] / pair[1] - 1.0).abs())
        .collect();
    (sizes.len() + 1 >= FEWEST).then(|| quantile(&sizes, 0.95)).flatten()
}

/// Published figures of the platforms that the KPI and the scope name.
fn published(kpi: &Kpi, scope: &ScopeName) -> Vec<Published> {
    let scoped = scope.get("platform").cloned().flatten();
    let platforms = match scoped {
        Some(platform) => vec![platform],
        None => kpi.platforms.iter().map(ToString::to_string).collect(),
    };
    let of = |platform: &String| {
        let found = Benchmarks::builtin().matching(&kpi.expression, platform);
        found.map(|(row, value)| figure(row, value)).collect::<Vec<_>>()
    };
    platforms.iter().flat_map(of).collect()
}

fn figure(row: &BenchmarkRow, value: f64) -> Published {
    Published {
        name: row.name(),
        platform: row.platform.clone(),
        statistic: row.statistic.clone(),
        value,
        period: row.period.clone(),
        sample: row.sample.clone(),
        source: row.source.clone(),
        grade: row.grade.clone(),
    }
}
