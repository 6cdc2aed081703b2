//! A signal, as JSON, CSV and people see it. Fields that do not apply are null, not missing.

use std::collections::BTreeMap;

use jiff::civil::Date;
use kepi_core::DateSpan;
use serde::Serialize;

use super::steps::Words;
use crate::{
    evaluate::Span,
    kpi::{Indicator, Kpi},
};

/// What a signal is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum SignalKind {
    /// A KPI consistently misses its target or benchmark.
    #[serde(rename = "P1")]
    Misses,
    /// Engagement declines although more is spent.
    #[serde(rename = "P2")]
    SpendWithoutReturn,
    /// Growth has come to a stand.
    #[serde(rename = "P3")]
    StagnantGrowth,
    /// Engagement declines.
    #[serde(rename = "P4")]
    DecliningEngagement,
    /// Ratings or sentiment fall.
    #[serde(rename = "P5")]
    WorseReputation,
    /// A type of content consistently underperforms.
    #[serde(rename = "P6")]
    WeakFormat,
    /// Competitors gain.
    #[serde(rename = "P7")]
    Market,
    /// The data have a problem: no pivot is told from them.
    #[serde(rename = "P8")]
    DataProblem,
    /// A day that stands out.
    #[serde(rename = "anomaly")]
    Anomaly,
    /// The level became another.
    #[serde(rename = "shift")]
    Shift,
    /// A week outside of the limits of its process chart, or a run on one side of its middle.
    #[serde(rename = "chart")]
    Chart,
}

impl SignalKind {
    /// All of them, in order.
    pub const ALL: [Self; 11] = [
        Self::Misses,
        Self::SpendWithoutReturn,
        Self::StagnantGrowth,
        Self::DecliningEngagement,
        Self::WorseReputation,
        Self::WeakFormat,
        Self::Market,
        Self::DataProblem,
        Self::Anomaly,
        Self::Shift,
        Self::Chart,
    ];

    /// Its id.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Misses => "P1",
            Self::SpendWithoutReturn => "P2",
            Self::StagnantGrowth => "P3",
            Self::DecliningEngagement => "P4",
            Self::WorseReputation => "P5",
            Self::WeakFormat => "P6",
            Self::Market => "P7",
            Self::DataProblem => "P8",
            Self::Anomaly => "anomaly",
            Self::Shift => "shift",
            Self::Chart => "chart",
        }
    }

    /// Whether it asks for another course: those that a problem of the data silences.
    #[must_use]
    pub fn is_pivot(self) -> bool {
        !matches!(self, Self::DataProblem | Self::Anomaly | Self::Shift | Self::Chart)
    }
}

/// What looking for a signal came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalOutcome {
    /// It is there, and was not before.
    Fired,
    /// It was there before and has not gone.
    Continues,
    /// It came back so soon after it had gone that it is not told anew.
    CoolingDown,
    /// It was there and has gone.
    Ended,
    /// It would be there, if the data had no problem.
    Suppressed,
    /// It would be there, if something else did not explain it.
    Explained,
    /// It is not there.
    Quiet,
    /// The data do not tell.
    CannotTell,
}

impl SignalOutcome {
    /// The outcome as one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Continues => "continues",
            Self::CoolingDown => "cooling_down",
            Self::Ended => "ended",
            Self::Suppressed => "suppressed",
            Self::Explained => "explained",
            Self::Quiet => "quiet",
            Self::CannotTell => "cannot_tell",
        }
    }

    /// Whether the signal is there.
    #[must_use]
    pub fn is_there(self) -> bool {
        matches!(self, Self::Fired | Self::Continues | Self::CoolingDown)
    }

    /// Whether it is remembered: what later runs know of it.
    #[must_use]
    pub fn is_kept(self) -> bool {
        self.is_there() || self == Self::Ended
    }
}

/// One signal that was looked for, of one KPI in one scope.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Signal {
    /// Which.
    pub signal: SignalKind,
    /// What it says, by language.
    pub title: Words,
    /// What looking for it came to.
    pub outcome: SignalOutcome,
    /// The KPI's id; of a problem of the data the first that it concerns.
    pub kpi: String,
    /// Its version.
    pub version: u32,
    /// All KPIs that a problem of the data concerns; null of other signals, which are of one.
    pub concerns: Option<Vec<String>>,
    /// Its name by language.
    pub names: BTreeMap<String, String>,
    /// The part it is of; empty for the whole.
    pub scope: BTreeMap<String, Option<String>>,
    /// Whether the KPI moves before the outcome or with it.
    pub indicator: Option<Indicator>,
    /// The days that were looked at.
    pub period: Span,
    /// The last day up to which the run looked: its next one goes on from there.
    pub through: Date,
    /// Since when it is there.
    pub since: Option<Date>,
    /// Why the outcome is what it is.
    pub reason: String,
    /// How large it is.
    pub effect: Option<Effect>,
    /// The p-value, where a test tells.
    pub p: Option<f64>,
    /// The share of false discoveries at which it is one, over all tests of the run.
    pub q: Option<f64>,
    /// What it was told from.
    pub evidence: Vec<Evidence>,
    /// What to do, by language; null where the signal is not there.
    pub steps: Option<Steps>,
}

/// How large a signal is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    /// What changed: `change`, `difference`, `shortfall`, …
    pub of: String,
    /// The size.
    pub value: f64,
    /// Its interval, 95 % unless the reason says another.
    pub interval: Option<(f64, f64)>,
    /// What it counts: `fraction` of what was before, `points` as a fraction (0.05 is five), `score`, `periods`.
    pub unit: String,
}

/// A number that a signal was told from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// What it is: the KPI itself, a metric, a target.
    pub of: String,
    /// Its days.
    pub period: Span,
    /// The number; null where it is not known.
    pub value: Option<f64>,
    /// What a reader must know of it.
    pub note: Option<String>,
}

/// The three steps after a signal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Steps {
    /// Assess: what is it, and where does it come from?
    pub assess: Words,
    /// Gather: what is not known yet?
    pub gather: Words,
    /// Experiment: what is tried, and how is it read?
    pub experiment: Words,
}

/// What looking came to, before other signals and earlier runs are heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is there.
    Over,
    /// It would not begin, but has not gone either.
    Near,
    /// It is not there.
    Under,
    /// Something else explains it.
    Explained,
    /// The data do not tell.
    CannotTell,
}

/// One signal that was looked for, before other signals and earlier runs are heard.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Looked {
    pub(super) kind: SignalKind,
    pub(super) verdict: Verdict,
    pub(super) kpi: String,
    pub(super) version: u32,
    /// All KPIs that it is told of, where that may be several.
    pub(super) concerns: Option<Vec<String>>,
    pub(super) scope: BTreeMap<String, Option<String>>,
    pub(super) span: DateSpan,
    pub(super) reason: String,
    pub(super) effect: Option<Effect>,
    pub(super) p: Option<f64>,
    /// Whether it is told by more than its test.
    pub(super) stands: bool,
    pub(super) evidence: Vec<Evidence>,
}

impl Looked {
    pub(super) fn new(
        kind: SignalKind,
        kpi: &Kpi,
        scope: &BTreeMap<String, Option<String>>,
        span: DateSpan,
    ) -> Self {
        Self {
            kind,
            verdict: Verdict::CannotTell,
            kpi: kpi.id.clone(),
            version: kpi.version,
            concerns: None,
            scope: scope.clone(),
            span,
            reason: String::new(),
            effect: None,
            p: None,
            stands: false,
            evidence: Vec::new(),
        }
    }

    pub(super) fn say(mut self, verdict: Verdict, reason: impl Into<String>) -> Self {
        (self.verdict, self.reason) = (verdict, reason.into());
        self
    }

    pub(super) fn effect(
        mut self,
        of: &str,
        value: f64,
        interval: Option<(f64, f64)>,
        unit: &'static str,
    ) -> Self {
        self.effect = Some(Effect { of: of.to_owned(), value, interval, unit: unit.to_owned() });
        self
    }

    pub(super) fn p(mut self, p: impl Into<Option<f64>>) -> Self {
        self.p = p.into();
        self
    }

    pub(super) fn evidence(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }
}

impl Evidence {
    pub(super) fn new(of: &str, span: DateSpan, value: impl Into<Option<f64>>) -> Self {
        Self { of: of.to_owned(), period: span.into(), value: value.into(), note: None }
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}
