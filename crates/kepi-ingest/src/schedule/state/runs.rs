//! The history of attempts.

use jiff::Timestamp;
use kepi_core::Result;
use serde::Serialize;
use smol_str::SmolStr;
use sqlx::{Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{State, count, explain, instant, micros, number};
use crate::{
    RunReport, Tally,
    schedule::{Task, decide::Attempted},
};

/// One attempt, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunEntry {
    /// Its id: the same as in the store's table `runs`.
    pub run: SmolStr,
    /// Which job; `ingest` or `backfill` for a run by hand.
    pub job: SmolStr,
    /// The tick it was made for; of a run by hand, when it began.
    pub tick: Timestamp,
    /// Which attempt of the tick, from 1.
    pub attempt: u64,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs.
    pub finished_at: Option<Timestamp>,
    /// How it ended: an outcome, or `abandoned` when its process ended first; `None` while it runs.
    pub outcome: Option<SmolStr>,
    /// The first error.
    pub error: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// What went wrong in what follows an ingest.
    pub after_error: Option<String>,
    /// Pages handed to the store.
    pub pages: u64,
    /// Measurements in them.
    pub measurements: u64,
    /// Rows set aside.
    pub rejects: u64,
    /// Calls made.
    pub calls: u64,
    /// Money spent, in millionths of a US dollar.
    pub cost_micro_usd: u64,
}

/// Which attempts to list.
#[derive(Debug, Clone)]
pub struct RunFilter {
    /// Only of this job.
    pub job: Option<String>,
    /// Only those that began at or after this instant.
    pub since: Option<Timestamp>,
    /// At most so many.
    pub limit: u32,
}

impl Default for RunFilter {
    fn default() -> Self {
        Self { job: None, since: None, limit: 50 }
    }
}

impl State {
    /// Keeps a run that was made by hand.
    ///
    /// # Errors
    /// `Store` when the state cannot be written.
    pub async fn keep_run(&self, report: &RunReport) -> Result<()> {
        let (tally, failure) = (report.totals, report.first_failure());
        sqlx::query(
            "INSERT INTO runs (run, job, tick, attempt, started_at, finished_at, outcome, error, hint,
                               pages, measurements, rejects, calls, cost_micro_usd)
             VALUES ($1, $2, $3, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(report.run.as_str())
        .bind(report.kind.as_str())
        .bind(micros(report.started_at))
        .bind(micros(report.finished_at))
        .bind(report.outcome.as_str())
        .bind(failure.map(|failure| failure.message.as_str()))
        .bind(failure.and_then(|failure| failure.hint.as_deref()))
        .bind(number(tally.pages))
        .bind(number(tally.measurements))
        .bind(number(tally.rejects))
        .bind(number(tally.calls))
        .bind(number(tally.cost_micro_usd))
        .execute(&self.pool)
        .await
        .map_err(explain)?;
        Ok(())
    }

    /// Attempts, newest first.
    ///
    /// # Errors
    /// `Store` when the state cannot be read.
    pub async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunEntry>> {
        let rows = sqlx::query(
            "SELECT run, job, tick, attempt, started_at, finished_at, outcome, error, hint, after_error,
                    pages, measurements, rejects, calls, cost_micro_usd
             FROM runs WHERE started_at >= $1 AND job = COALESCE($2, job)
             ORDER BY started_at DESC, run DESC LIMIT $3",
        )
        .bind(filter.since.map_or(i64::MIN, micros))
        .bind(filter.job.as_deref())
        .bind(i64::from(filter.limit))
        .fetch_all(&self.pool)
        .await
        .map_err(explain)?;
        rows.iter().map(run_entry).collect()
    }
}

pub(super) async fn end_run(
    transaction: &mut Transaction<'static, Sqlite>,
    task: &Task,
    attempted: &Attempted,
    after_error: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    let tally = match attempted {
        Attempted::Report(report) => report.totals,
        Attempted::Error(_) => Tally::default(),
    };
    let failure = attempted.failure();
    sqlx::query(
        "UPDATE runs SET finished_at = $1, outcome = $2, error = $3, hint = $4, after_error = $5,
                pages = $6, measurements = $7, rejects = $8, calls = $9, cost_micro_usd = $10
         WHERE run = $11",
    )
    .bind(micros(now))
    .bind(attempted.outcome().as_str())
    .bind(failure.map(|failure| failure.message.as_str()))
    .bind(failure.and_then(|failure| failure.hint.as_deref()))
    .bind(after_error)
    .bind(number(tally.pages))
    .bind(number(tally.measurements))
    .bind(number(tally.rejects))
    .bind(number(tally.calls))
    .bind(number(tally.cost_micro_usd))
    .bind(task.run.as_str())
    .execute(&mut **transaction)
    .await
    .map_err(explain)?;
    Ok(())
}

fn run_entry(row: &SqliteRow) -> Result<RunEntry> {
    let text = |column: &str| row.try_get::<String, _>(column).map_err(explain);
    let maybe = |column: &str| row.try_get::<Option<String>, _>(column).map_err(explain);
    let integer = |column: &str| row.try_get::<i64, _>(column).map_err(explain);
    let finished: Option<i64> = row.try_get("finished_at").map_err(explain)?;
    Ok(RunEntry {
        run: text("run")?.into(),
        job: text("job")?.into(),
        tick: integer("tick").and_then(instant)?,
        attempt: count(integer("attempt")?),
        started_at: integer("started_at").and_then(instant)?,
        finished_at: finished.map(instant).transpose()?,
        outcome: maybe("outcome")?.map(SmolStr::from),
        error: maybe("error")?,
        hint: maybe("hint")?,
        after_error: maybe("after_error")?,
        pages: count(integer("pages")?),
        measurements: count(integer("measurements")?),
        rejects: count(integer("rejects")?),
        calls: count(integer("calls")?),
        cost_micro_usd: count(integer("cost_micro_usd")?),
    })
}
