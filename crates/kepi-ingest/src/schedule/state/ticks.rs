//! Ticks: what is due, and what became of it.

use std::time::Duration;

use jiff::Timestamp;
use kepi_core::{AccountId, Result};
use serde::Serialize;
use smol_str::SmolStr;
use sqlx::{Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{
    Busy, Claim, State, count, explain, instant,
    leases::{self, heed, release},
    micros, torn,
};
use crate::{
    Outcome,
    reading::after,
    schedule::{
        ScheduledJob, Task,
        decide::{Attempted, Next},
    },
};

/// When a run that lives, and has not said so for long, is looked at again.
const LOOKED_AT_AGAIN: Duration = Duration::from_secs(60);

/// A tick that waits for an attempt.
#[derive(Debug, Clone)]
pub(crate) struct TickRow {
    pub(crate) job: SmolStr,
    pub(crate) tick: Timestamp,
    pub(crate) attempts: u32,
    pub(crate) failures: u32,
    pub(crate) next_attempt_at: Timestamp,
    pub(crate) window_end: Timestamp,
    pub(crate) left_over: Option<Vec<(AccountId, SmolStr)>>,
}

/// Whether an attempt may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Begun {
    /// It is ours.
    Yes,
    /// Another one has taken the tick.
    Taken,
    /// Another run has in hand what it needs.
    Busy(Busy),
}

/// A tick as it stands, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TickEntry {
    /// Which job.
    pub job: SmolStr,
    /// When it was due.
    pub tick: Timestamp,
    /// `due`, `running`, `superseded`, or the outcome of its last attempt.
    pub status: SmolStr,
    /// How many ticks before it nobody was there for.
    pub missed: u64,
    /// How many attempts were made.
    pub attempts: u64,
    /// When the next attempt is made, while it is due.
    pub next_attempt_at: Option<Timestamp>,
}

impl State {
    /// Marks from when on a job is known; ticks before that are not caught up.
    pub(crate) async fn register(&self, job: &str, at: Timestamp) -> Result<()> {
        sqlx::query(
            "INSERT INTO ticks (job, tick, status, missed, attempts, failures, next_attempt_at, window_end)
             SELECT $1, $2, 'registered', 0, 0, 0, $2, $2
             WHERE NOT EXISTS (SELECT 1 FROM ticks WHERE job = $1)",
        )
        .bind(job)
        .bind(micros(at))
        .execute(&self.pool)
        .await
        .map_err(explain)?;
        Ok(())
    }

    /// The newest tick of a job that anybody has seen.
    pub(crate) async fn newest_tick(&self, job: &str) -> Result<Option<Timestamp>> {
        let newest: Option<i64> = sqlx::query_scalar("SELECT MAX(tick) FROM ticks WHERE job = $1")
            .bind(job)
            .fetch_one(&self.pool)
            .await
            .map_err(explain)?;
        newest.map(instant).transpose()
    }

    /// Adds a tick, if nobody has yet; an older one of the job that still waits is given up for it.
    pub(crate) async fn add_tick(
        &self,
        job: &ScheduledJob,
        (tick, missed): (Timestamp, u32),
        start: Timestamp,
        window_end: Timestamp,
    ) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let added = sqlx::query(
            "INSERT INTO ticks (job, tick, status, missed, attempts, failures, next_attempt_at, window_end)
             VALUES ($1, $2, 'due', $3, 0, 0, $4, $5)
             ON CONFLICT (job, tick) DO NOTHING",
        )
        .bind(job.name.as_str())
        .bind(micros(tick))
        .bind(i64::from(missed))
        .bind(micros(start))
        .bind(micros(window_end))
        .execute(&mut *transaction)
        .await
        .map_err(explain)?
        .rows_affected()
            == 1;
        sqlx::query("UPDATE ticks SET status = 'superseded' WHERE job = $1 AND tick < $2 AND status = 'due'")
            .bind(job.name.as_str())
            .bind(micros(tick))
            .execute(&mut *transaction)
            .await
            .map_err(explain)?;
        transaction.commit().await.map_err(explain)?;
        Ok(added)
    }

    /// Gives back what runs had in hand that ended without a word.
    pub(crate) async fn recover(&self, now: Timestamp) -> Result<u64> {
        let mut transaction = self.begin().await?;
        heed(&mut transaction, &self.signs, (now, after(now, LOOKED_AT_AGAIN))).await?;
        sqlx::query(
            "UPDATE runs SET finished_at = $1, outcome = 'abandoned', error = 'the process ended before the run did'
             WHERE finished_at IS NULL
               AND run IN (SELECT run FROM ticks WHERE status = 'running' AND lease_until <= $1)",
        )
        .bind(micros(now))
        .execute(&mut *transaction)
        .await
        .map_err(explain)?;
        let recovered = sqlx::query(
            "UPDATE ticks SET status = 'due', next_attempt_at = $1, run = NULL, lease_until = NULL
             WHERE status = 'running' AND lease_until <= $1",
        )
        .bind(micros(now))
        .execute(&mut *transaction)
        .await
        .map_err(explain)?
        .rows_affected();
        transaction.commit().await.map_err(explain)?;
        Ok(recovered)
    }

    /// When the first of the runs that are being made is taken for dead, unless it renews.
    pub(crate) async fn next_lease_end(&self) -> Result<Option<Timestamp>> {
        let first: Option<i64> =
            sqlx::query_scalar("SELECT MIN(lease_until) FROM ticks WHERE status = 'running'")
                .fetch_one(&self.pool)
                .await
                .map_err(explain)?;
        first.map(instant).transpose()
    }

    /// Ticks that wait, the one that is to start first, first.
    pub(crate) async fn waiting(&self) -> Result<Vec<TickRow>> {
        let rows = sqlx::query(
            "SELECT job, tick, attempts, failures, next_attempt_at, window_end, left_over
             FROM ticks WHERE status = 'due' ORDER BY next_attempt_at, job",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(explain)?;
        rows.iter().map(tick_row).collect()
    }

    /// Takes a tick and what its run claims, all or nothing.
    pub(crate) async fn begin_attempt(
        &self,
        task: &Task,
        claim: &Claim,
        tick: Timestamp,
        (now, lease_until): (Timestamp, Timestamp),
    ) -> Result<Begun> {
        let mut transaction = self.begin().await?;
        let taken = sqlx::query(
            "UPDATE ticks SET status = 'running', attempts = $1, run = $2, lease_until = $3
             WHERE job = $4 AND tick = $5 AND status = 'due'",
        )
        .bind(i64::from(task.attempt))
        .bind(task.run.as_str())
        .bind(micros(lease_until))
        .bind(task.job.name.as_str())
        .bind(micros(tick))
        .execute(&mut *transaction)
        .await
        .map_err(explain)?
        .rows_affected();
        if taken == 0 {
            return Ok(Begun::Taken);
        }
        // Returning without a commit rolls back.
        if let Some(busy) = self.take(&mut transaction, claim, &task.run, (now, lease_until)).await? {
            return Ok(Begun::Busy(busy));
        }
        sqlx::query(
            "INSERT INTO runs (run, job, tick, attempt, started_at, pages, measurements, rejects, calls, cost_micro_usd)
             VALUES ($1, $2, $3, $4, $5, 0, 0, 0, 0, 0)",
        )
        .bind(task.run.as_str())
        .bind(task.job.name.as_str())
        .bind(micros(tick))
        .bind(i64::from(task.attempt))
        .bind(micros(now))
        .execute(&mut *transaction)
        .await
        .map_err(explain)?;
        transaction.commit().await.map_err(explain)?;
        Ok(Begun::Yes)
    }

    /// Says that a run is still alive, which has so much in hand; `false` when others have given it up for dead, or took
    /// some of it.
    pub(crate) async fn renew(&self, run: &str, in_hand: u64, until: Timestamp) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let alive = sqlx::query("UPDATE ticks SET lease_until = $1 WHERE run = $2 AND status = 'running'")
            .bind(micros(until))
            .bind(run)
            .execute(&mut *transaction)
            .await
            .map_err(explain)?
            .rows_affected()
            == 1;
        let held = leases::renew(&mut transaction, run, until).await?;
        transaction.commit().await.map_err(explain)?;
        Ok(alive && held >= in_hand)
    }

    /// Keeps how an attempt ended, gives back its accounts, and says what becomes of its tick.
    pub(crate) async fn end_attempt(
        &self,
        task: &Task,
        attempted: &Attempted,
        after_error: Option<&str>,
        next: &Next,
        now: Timestamp,
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        super::runs::end_run(&mut transaction, task, attempted, after_error, now).await?;
        settle_tick(&mut transaction, task, attempted.outcome(), next).await?;
        release(&mut transaction, &task.run).await?;
        transaction.commit().await.map_err(explain)?;
        self.signs.take_back(&task.run);
        Ok(())
    }

    /// The newest ticks, newest first.
    ///
    /// # Errors
    /// `Store` when the state cannot be read.
    pub async fn ticks(&self, limit: u32) -> Result<Vec<TickEntry>> {
        let rows = sqlx::query(
            "SELECT job, tick, status, missed, attempts, next_attempt_at FROM ticks
             WHERE status <> 'registered' ORDER BY tick DESC, job LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(explain)?;
        rows.iter().map(tick_entry).collect()
    }
}

async fn settle_tick(
    transaction: &mut Transaction<'static, Sqlite>,
    task: &Task,
    outcome: Outcome,
    next: &Next,
) -> Result<()> {
    let (status, at, failed, only) = match next {
        Next::Over => (outcome.as_str(), None, false, None),
        Next::Again { at, failed, only } => ("due", Some(*at), *failed, only.as_ref()),
    };
    let only =
        only.map(serde_json::to_string).transpose().map_err(|error| torn("what is left over", error))?;
    sqlx::query(
        "UPDATE ticks SET status = $1, next_attempt_at = COALESCE($2, next_attempt_at), failures = failures + $3,
                left_over = $4, run = NULL, lease_until = NULL
         WHERE run = $5 AND status = 'running'",
    )
    .bind(status)
    .bind(at.map(micros))
    .bind(i64::from(failed))
    .bind(only)
    .bind(task.run.as_str())
    .execute(&mut **transaction)
    .await
    .map_err(explain)?;
    Ok(())
}

fn tick_row(row: &SqliteRow) -> Result<TickRow> {
    let integer = |column: &str| row.try_get::<i64, _>(column).map_err(explain);
    let small = |column: &str| integer(column).map(|value| u32::try_from(value).unwrap_or_default());
    let left_over: Option<String> = row.try_get("left_over").map_err(explain)?;
    let left_over = left_over.map(|text| serde_json::from_str(&text)).transpose();
    Ok(TickRow {
        job: row.try_get::<String, _>("job").map_err(explain)?.into(),
        tick: integer("tick").and_then(instant)?,
        attempts: small("attempts")?,
        failures: small("failures")?,
        next_attempt_at: integer("next_attempt_at").and_then(instant)?,
        window_end: integer("window_end").and_then(instant)?,
        left_over: left_over.map_err(|error| torn("what is left over", error))?,
    })
}

fn tick_entry(row: &SqliteRow) -> Result<TickEntry> {
    let integer = |column: &str| row.try_get::<i64, _>(column).map_err(explain);
    let status: String = row.try_get("status").map_err(explain)?;
    let next_attempt_at =
        if status == "due" { Some(integer("next_attempt_at").and_then(instant)?) } else { None };
    Ok(TickEntry {
        job: row.try_get::<String, _>("job").map_err(explain)?.into(),
        tick: integer("tick").and_then(instant)?,
        missed: count(integer("missed")?),
        attempts: count(integer("attempts")?),
        next_attempt_at,
        status: status.into(),
    })
}
