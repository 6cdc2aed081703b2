//! One row of a scorecard, as JSON, CSV and reports show it. Fields that do not apply are null, not missing.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{Timestamp, civil::Date};
use kepi_core::{DateSpan, Traffic};
use serde::Serialize;
use smol_str::SmolStr;

use crate::{
    kpi::{Basis, Direction},
    number::Number,
};

/// The dimensions asked for and their values; one for all rows of a scope.
pub type ScopeName = Arc<BTreeMap<String, Option<String>>>;

/// One KPI in one scope and period. A scorecard has a hundred thousand of them, so what most do not have is boxed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoreRow {
    /// The KPI's id.
    pub kpi: SmolStr,
    /// Its version.
    pub version: u32,
    /// Its name.
    pub name: SmolStr,
    /// The dimensions asked for and their values; empty for the whole.
    pub scope: ScopeName,
    /// What counts as being of the period.
    pub basis: Basis,
    /// Whose money brought the traffic; null where nothing is known of any.
    pub traffic: Option<Traffic>,
    /// The period.
    pub period: Span,
    /// The value.
    pub value: Option<Number>,
    /// What it counts: `count`, `users`, `seconds`, `ratio`, `score`, or the currency of money.
    pub unit: SmolStr,
    /// The numerator, or the value itself where it is no ratio.
    pub numerator: Option<Number>,
    /// The denominator, where it is a ratio.
    pub denominator: Option<Number>,
    /// Posts that were used, where the KPI looks at posts published in the period.
    pub posts: Option<u64>,
    /// The 95 % interval, where posts give one.
    pub interval: Option<(f64, f64)>,
    /// The value of the period before.
    pub previous: Option<Number>,
    /// The change from it.
    pub change_abs: Option<Number>,
    /// The change as a fraction of it.
    pub change_rel: Option<f64>,
    /// The target.
    pub target: Option<Box<TargetValue>>,
    /// What the target is measured from.
    pub baseline: Option<f64>,
    /// How much of the target is reached; above one is better, whichever way is good.
    pub attainment: Option<f64>,
    /// Where it should stand by now.
    pub pace: Option<Box<Pace>>,
    /// What it comes to.
    pub status: Status,
    /// The share of what should be known that is known.
    pub coverage: Option<f64>,
    /// The newest observation used.
    pub fresh_at: Option<Timestamp>,
    /// What others reach.
    pub benchmark: Option<Box<Benchmark>>,
    /// What a reader must know.
    pub notes: Vec<String>,
    /// The value that the target is measured from, and whether it is frozen; no part of the output.
    #[serde(skip)]
    pub measured_from: Option<Box<BaselineValue>>,
    /// The values of the earlier like periods, newest first; no part of the output.
    #[serde(skip)]
    pub trailing: Vec<f64>,
    /// How many of its numbers may still change; no part of the output.
    #[serde(skip)]
    pub provisional: u64,
}

/// The value of a baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BaselineValue {
    /// Its period.
    pub span: Span,
    /// Its value.
    pub value: f64,
    /// Since when it is frozen.
    pub frozen_at: Option<Timestamp>,
    /// Whether it may be frozen: its period is over, and nothing of it is missing or provisional.
    pub settled: bool,
}

impl BaselineValue {
    /// The status under which the records of evaluations keep a frozen baseline: start and end are those of its
    /// period, the value is its value.
    pub const STATUS: &'static str = "baseline";
}

impl ScoreRow {
    /// Whether there is no value because no account of the KPI's platforms is known.
    #[must_use]
    pub fn lacks_account(&self) -> bool {
        self.value.is_none() && self.notes.iter().any(|note| note == super::notes::NO_ACCOUNT)
    }
}

/// Days from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The first day.
    pub start: Date,
    /// The day after the last.
    pub end: Date,
}

impl From<DateSpan> for Span {
    fn from(span: DateSpan) -> Self {
        Self { start: span.start, end: span.end }
    }
}

/// What is aimed for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TargetValue {
    /// The value to reach; the lower end of a band; null where its baseline has none.
    pub value: Option<f64>,
    /// What would be more than asked for.
    pub stretch: Option<f64>,
    /// Which way is good.
    pub direction: Direction,
    /// Both ends, where it is a band.
    pub band: Option<(f64, f64)>,
}

/// Where a value should stand by now, and where it is heading.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pace {
    /// What is expected by now.
    pub expected: f64,
    /// Where it is heading.
    pub forecast: Option<f64>,
    /// The lower end of the forecast.
    pub low: Option<f64>,
    /// The upper end of the forecast.
    pub high: Option<f64>,
    /// What the rest of the period must bring: of a sum and a state per day, of a ratio as a ratio.
    pub required: Option<f64>,
}

/// What others, or the account itself before, reach.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Benchmark {
    /// Whose figure it is.
    pub source: SmolStr,
    /// The figure.
    pub median: Option<f64>,
    /// Where the value stands among them, from 0 (below all) to 100 (above all).
    pub percentile: Option<f64>,
}

/// What a row comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The target is reached.
    Met,
    /// The period runs, and it is where it should be.
    OnTrack,
    /// The period runs, and it is behind.
    AtRisk,
    /// The target is not reached.
    Missed,
    /// The interval holds the target: it cannot be told.
    Undecided,
    /// Too little is known.
    Partial,
    /// Nothing is aimed for.
    NoTarget,
    /// There are no numbers.
    NoData,
    /// The platform does not offer the metric.
    NotOffered,
    /// The numbers cannot be put together.
    NotComparable,
}

impl Status {
    /// The status as one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::OnTrack => "on_track",
            Self::AtRisk => "at_risk",
            Self::Missed => "missed",
            Self::Undecided => "undecided",
            Self::Partial => "partial",
            Self::NoTarget => "no_target",
            Self::NoData => "no_data",
            Self::NotOffered => "not_offered",
            Self::NotComparable => "not_comparable",
        }
    }
}
