//! Records that are not derived from pages: runs, evaluations, decisions.

use std::iter::once as one;

use jiff::{Timestamp, civil::Date};
use kepi_core::Result;
use smol_str::SmolStr;

use crate::{columns::Frame, log::TableLog, plan::Plan, store::Store, value::days_of};

/// A finished run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// Its id.
    pub run: SmolStr,
    /// `ingest`, `import` or `backfill`.
    pub kind: SmolStr,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// `done`, `partial`, `deferred`, `failed` or `cancelled`.
    pub outcome: SmolStr,
    /// Pages committed.
    pub pages: u64,
    /// Measurements decoded.
    pub measurements: u64,
    /// Rows set aside.
    pub rejects: u64,
    /// Calls made.
    pub calls: u64,
    /// Money spent, in millionths of a US dollar.
    pub cost_micro_usd: u64,
    /// The first error, without secrets.
    pub error: Option<String>,
    /// JSON: per account and endpoint.
    pub detail: Option<String>,
}

/// One row of a scorecard as it was said.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationRecord {
    /// The id of the evaluation; one per run of evaluate.
    pub evaluation: SmolStr,
    /// When it was made.
    pub evaluated_at: Timestamp,
    /// As of when, where that was asked.
    pub as_of: Option<Timestamp>,
    /// The KPI.
    pub kpi: SmolStr,
    /// Its version.
    pub version: i64,
    /// JSON: its scope.
    pub scope: String,
    /// First day of the period.
    pub start: Date,
    /// The day after the last.
    pub end: Date,
    /// The value.
    pub value: Option<f64>,
    /// The status.
    pub status: SmolStr,
    /// JSON: the whole row.
    pub row: String,
}

/// What was decided, why and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRecord {
    /// Its id.
    pub decision: SmolStr,
    /// When.
    pub decided_at: Timestamp,
    /// The KPI it is about.
    pub kpi: SmolStr,
    /// The evaluation it answers.
    pub evaluation: Option<SmolStr>,
    /// What is changed.
    pub what: String,
    /// Why.
    pub why: Option<String>,
    /// By whom.
    pub by: Option<String>,
}

impl Store {
    /// Keeps the record of a finished run.
    ///
    /// # Errors
    /// `Store` when the table cannot be written.
    pub async fn append_run(&self, record: RunRecord) -> Result<()> {
        let table = self.0.table("runs")?;
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let mut frame = Frame::new(table.schema.file.clone(), 1);
        frame.texts("run", one(record.run.as_str()));
        frame.texts("kind", one(record.kind.as_str()));
        frame.instants("started_at", one(record.started_at.as_microsecond()));
        frame.instants("finished_at", one(record.finished_at.as_microsecond()));
        frame.texts("outcome", one(record.outcome.as_str()));
        frame.ints("pages", one(count(record.pages)));
        frame.ints("measurements", one(count(record.measurements)));
        frame.ints("rejects", one(count(record.rejects)));
        frame.ints("calls", one(count(record.calls)));
        frame.money("cost_usd", one(Some(i128::from(record.cost_micro_usd))));
        frame.maybe_texts("error", one(record.error));
        frame.maybe_texts("detail", one(record.detail));
        append(table, frame).await
    }

    /// Keeps a scorecard as it was said.
    ///
    /// # Errors
    /// `Store` when the table cannot be written.
    pub async fn append_evaluations(&self, records: Vec<EvaluationRecord>) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        let table = self.0.table("evaluations")?;
        let all = || records.iter();
        let mut frame = Frame::new(table.schema.file.clone(), records.len());
        frame.texts("evaluation", all().map(|record| record.evaluation.as_str()));
        frame.instants("evaluated_at", all().map(|record| record.evaluated_at.as_microsecond()));
        frame.maybe_instants("as_of", all().map(|record| record.as_of.map(Timestamp::as_microsecond)));
        frame.texts("kpi", all().map(|record| record.kpi.as_str()));
        frame.ints("version", all().map(|record| record.version));
        frame.texts("scope", all().map(|record| record.scope.as_str()));
        frame.dates("start", all().map(|record| days_of(record.start)));
        frame.dates("end", all().map(|record| days_of(record.end)));
        frame.reals("value", all().map(|record| record.value));
        frame.texts("status", all().map(|record| record.status.as_str()));
        frame.texts("row", all().map(|record| record.row.as_str()));
        append(table, frame).await
    }

    /// Keeps a decision.
    ///
    /// # Errors
    /// `Store` when the table cannot be written.
    pub async fn append_decision(&self, record: DecisionRecord) -> Result<()> {
        let table = self.0.table("decisions")?;
        let mut frame = Frame::new(table.schema.file.clone(), 1);
        frame.texts("decision", one(record.decision.as_str()));
        frame.instants("decided_at", one(record.decided_at.as_microsecond()));
        frame.texts("kpi", one(record.kpi.as_str()));
        frame.maybe_texts("evaluation", one(record.evaluation));
        frame.texts("what", one(record.what.as_str()));
        frame.maybe_texts("why", one(record.why));
        frame.maybe_texts("by", one(record.by));
        append(table, frame).await
    }
}

async fn append(table: &TableLog, frame: Frame) -> Result<()> {
    let rows = frame.finish()?;
    loop {
        let snapshot = table.refresh().await?;
        let mut plan = Plan::default();
        plan.add(Vec::new(), rows.clone());
        if plan.commit(table, &snapshot, Vec::new()).await?.is_some() {
            return Ok(());
        }
    }
}
