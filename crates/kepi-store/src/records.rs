//! Records that are not derived from pages: runs, evaluations, decisions, signals.

use std::{collections::HashSet, iter::once as one};

use jiff::{Timestamp, civil::Date};
use kepi_core::{Result, tables};
use smol_str::SmolStr;

use crate::{
    columns::{Columns, Frame},
    log::{Snapshot, TableLog},
    parquet_files::read_whole,
    plan::Plan,
    store::Store,
    value::days_of,
};

/// The tables of records.
pub(crate) const RECORDS: [&str; 4] =
    [tables::RUNS.name, tables::EVALUATIONS.name, tables::DECISIONS.name, tables::SIGNALS.name];

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

/// A signal that was there, as a run said it.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalRecord {
    /// When it was looked for.
    pub looked_at: Timestamp,
    /// Which.
    pub signal: SmolStr,
    /// The KPI.
    pub kpi: SmolStr,
    /// Its version.
    pub version: i64,
    /// JSON: its scope.
    pub scope: String,
    /// First of the days that were looked at.
    pub start: Date,
    /// The day after the last.
    pub end: Date,
    /// The last day up to which the run looked.
    pub through: Date,
    /// What looking came to.
    pub outcome: SmolStr,
    /// How large it is.
    pub effect: Option<f64>,
    /// The p-value.
    pub p: Option<f64>,
    /// The q-value.
    pub q: Option<f64>,
    /// JSON: the whole signal.
    pub row: String,
}

/// What was decided, why and by whom.
#[derive(Debug, Clone, PartialEq)]
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
    /// The KPI's version.
    pub version: Option<i64>,
    /// First day of the period that it answers.
    pub start: Option<Date>,
    /// The day after the last.
    pub end: Option<Date>,
    /// What the KPI came to in that period, as it was said then.
    pub value: Option<f64>,
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

    /// Keeps a decision; one with the same id is kept once. Says whether it is new.
    ///
    /// # Errors
    /// `Store` when the table cannot be written.
    pub async fn append_decision(&self, record: DecisionRecord) -> Result<bool> {
        let table = self.0.table("decisions")?;
        loop {
            let snapshot = table.refresh().await?;
            let known = keys(table, &snapshot, &["decision"]).await?;
            if known.contains(&vec![record.decision.to_string()]) {
                return Ok(false);
            }
            let mut frame = Frame::new(table.schema.file.clone(), 1);
            frame.texts("decision", one(record.decision.as_str()));
            frame.instants("decided_at", one(record.decided_at.as_microsecond()));
            frame.texts("kpi", one(record.kpi.as_str()));
            frame.maybe_texts("evaluation", one(record.evaluation.as_deref()));
            frame.texts("what", one(record.what.as_str()));
            frame.maybe_texts("why", one(record.why.as_deref()));
            frame.maybe_texts("by", one(record.by.as_deref()));
            frame.maybe_ints("version", one(record.version));
            frame.maybe_dates("start", one(record.start.map(days_of)));
            frame.maybe_dates("end", one(record.end.map(days_of)));
            frame.reals("value", one(record.value));
            if commit(table, &snapshot, frame).await? {
                return Ok(true);
            }
        }
    }

    /// Keeps what a run said of signals. What was said of a signal and its scope up to a day is kept once, however
    /// often it is said; says how many are new.
    ///
    /// # Errors
    /// `Store` when the table cannot be written.
    pub async fn append_signals(&self, records: &[SignalRecord]) -> Result<usize> {
        let table = self.0.table("signals")?;
        loop {
            let snapshot = table.refresh().await?;
            let known = keys(table, &snapshot, &SIGNAL_KEY).await?;
            let mut said = HashSet::new();
            let new: Vec<&SignalRecord> = records
                .iter()
                .filter(|record| !known.contains(&record.key()) && said.insert(record.key()))
                .collect();
            if new.is_empty() {
                return Ok(0);
            }
            let all = || new.iter();
            let mut frame = Frame::new(table.schema.file.clone(), new.len());
            frame.instants("looked_at", all().map(|record| record.looked_at.as_microsecond()));
            frame.texts("signal", all().map(|record| record.signal.as_str()));
            frame.texts("kpi", all().map(|record| record.kpi.as_str()));
            frame.ints("version", all().map(|record| record.version));
            frame.texts("scope", all().map(|record| record.scope.as_str()));
            frame.dates("start", all().map(|record| days_of(record.start)));
            frame.dates("end", all().map(|record| days_of(record.end)));
            frame.dates("through", all().map(|record| days_of(record.through)));
            frame.texts("outcome", all().map(|record| record.outcome.as_str()));
            frame.reals("effect", all().map(|record| record.effect));
            frame.reals("p", all().map(|record| record.p));
            frame.reals("q", all().map(|record| record.q));
            frame.texts("row", all().map(|record| record.row.as_str()));
            if commit(table, &snapshot, frame).await? {
                return Ok(new.len());
            }
        }
    }
}

/// What is said of a signal once.
const SIGNAL_KEY: [&str; 7] = ["signal", "kpi", "version", "scope", "start", "through", "outcome"];

impl SignalRecord {
    fn key(&self) -> Vec<String> {
        vec![
            self.signal.to_string(),
            self.kpi.to_string(),
            self.version.to_string(),
            self.scope.clone(),
            days_of(self.start).to_string(),
            days_of(self.through).to_string(),
            self.outcome.to_string(),
        ]
    }
}

/// The keys of all rows of a small table, each as texts.
async fn keys(table: &TableLog, snapshot: &Snapshot, names: &[&str]) -> Result<HashSet<Vec<String>>> {
    let mut known = HashSet::new();
    for file in snapshot.current() {
        let batch = read_whole(table, file, Some(names)).await?;
        let mut rows: Vec<Vec<String>> = vec![Vec::new(); batch.num_rows()];
        for name in names {
            let (texts, ints, dates) =
                (Columns(&batch).text(name), Columns(&batch).int(name), Columns(&batch).date(name));
            for (place, row) in rows.iter_mut().enumerate() {
                row.push(match (&texts, &ints, &dates) {
                    (Ok(texts), ..) => texts.value(place).to_owned(),
                    (_, Ok(ints), _) => ints.value(place).to_string(),
                    (_, _, Ok(dates)) => dates.value(place).to_string(),
                    (Err(_), Err(_), Err(_)) => {
                        return Err(crate::fail::torn(format!("column {name} is no part of a key")));
                    }
                });
            }
        }
        known.extend(rows);
    }
    Ok(known)
}

async fn commit(table: &TableLog, snapshot: &Snapshot, frame: Frame) -> Result<bool> {
    let mut plan = Plan::default();
    plan.add(Vec::new(), frame.finish()?);
    Ok(plan.commit(table, snapshot, Vec::new()).await?.is_some())
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
