//! Leases: which run has an account in hand.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use kepi_core::{AccountId, Result};
use serde::Serialize;
use smol_str::SmolStr;
use sqlx::{Row, Sqlite, SqliteExecutor, Transaction};

use super::{State, explain, instant, micros, signs::Signs};
use crate::{StopFlag, reading::after, seam::Clock};

/// An account that another run has in hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Busy {
    /// Which account.
    pub account: AccountId,
    /// Which run.
    pub run: SmolStr,
    /// Which job of the schedule; `None` for a run by hand.
    pub job: Option<SmolStr>,
    /// Until when, if it does not renew and nothing else tells that it lives.
    pub until: Timestamp,
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.job {
            Some(job) => write!(f, "a run of the job {job} has {} in hand", self.account),
            None => write!(f, "another run by hand has {} in hand", self.account),
        }
    }
}

impl State {
    /// Takes accounts for a run outside the schedule, all or none; the one that another run has, if any.
    ///
    /// # Errors
    /// `Store` when the state cannot be written.
    pub async fn lease_accounts(
        &self,
        accounts: &[AccountId],
        run: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Busy>> {
        let mut transaction = self.begin().await?;
        if let Some(busy) = lease((&mut transaction, &self.signs), accounts, run, (now, until)).await? {
            return Ok(Some(busy));
        }
        transaction.commit().await.map_err(explain)?;
        Ok(None)
    }

    /// Does a piece of work outside the schedule with these accounts in hand, and gives them back after it; the
    /// account that another run has, if any. Should the process end first, they are free at once, or where the disk
    /// cannot tell, when `lease` has run out. Should another run take one of them for free meanwhile, `stop` is raised.
    ///
    /// # Errors
    /// `Store` when the state cannot be written.
    pub async fn holding<T>(
        &self,
        accounts: &[AccountId],
        run: &str,
        (clock, lease): (&dyn Clock, Duration),
        stop: &StopFlag,
        work: impl Future<Output = T>,
    ) -> Result<Result<T, Busy>> {
        let now = clock.now();
        if let Some(busy) = self.lease_accounts(accounts, run, now, after(now, lease)).await? {
            return Ok(Err(busy));
        }
        // Both are polled side by side: work that is about to use the state must never wait for a renewal.
        let renewals = async {
            loop {
                clock.sleep_until(after(clock.now(), lease / 3)).await;
                match self.renew_leases(run, after(clock.now(), lease)).await {
                    Ok(held) if held < accounts.len() as u64 => {
                        tracing::warn!(%run, "another run took an account of this one, which is given up");
                        stop.stop();
                    }
                    Ok(_) => {}
                    Err(error) => break error,
                }
            }
        };
        let done = tokio::select! {
            biased;
            done = work => done,
            error = renewals => return Err(error),
        };
        self.release_accounts(run).await?;
        Ok(Ok(done))
    }

    /// Says that a run is still alive, and how many accounts it has in hand.
    async fn renew_leases(&self, run: &str, until: Timestamp) -> Result<u64> {
        renew(&self.pool, run, until).await
    }

    /// Gives back what a run had in hand.
    ///
    /// # Errors
    /// `Store` when the state cannot be written.
    pub async fn release_accounts(&self, run: &str) -> Result<()> {
        let mut transaction = self.begin().await?;
        release(&mut transaction, run).await?;
        transaction.commit().await.map_err(explain)?;
        self.signs.take_back(run);
        Ok(())
    }
}

/// Takes accounts, all or none; the one that another run has, if any.
///
/// The transaction keeps other processes from looking at the signs between ours and our row.
pub(super) async fn lease(
    (transaction, signs): (&mut Transaction<'static, Sqlite>, &Signs),
    accounts: &[AccountId],
    run: &str,
    (now, until): (Timestamp, Timestamp),
) -> Result<Option<Busy>> {
    heed(transaction, signs, (now, until)).await?;
    for account in accounts {
        let taken = sqlx::query(
            "INSERT INTO leases (account, run, lease_until) VALUES ($1, $2, $3)
             ON CONFLICT (account) DO UPDATE SET run = excluded.run, lease_until = excluded.lease_until
             WHERE leases.lease_until <= $4",
        )
        .bind(account.as_str())
        .bind(run)
        .bind(micros(until))
        .bind(micros(now))
        .execute(&mut **transaction)
        .await
        .map_err(explain)?
        .rows_affected();
        if taken == 0 {
            return busy(transaction, account).await.map(Some);
        }
    }
    signs.give(run)?;
    Ok(None)
}

/// Keeps what a run has in hand until later; how many accounts that is.
pub(super) async fn renew(on: impl SqliteExecutor<'_>, run: &str, until: Timestamp) -> Result<u64> {
    let renewed = sqlx::query("UPDATE leases SET lease_until = $1 WHERE run = $2")
        .bind(micros(until))
        .bind(run)
        .execute(on)
        .await
        .map_err(explain)?;
    Ok(renewed.rows_affected())
}

/// What a living process has in hand stays so, however long it said nothing, and what a dead one had is free: accounts
/// and ticks.
pub(super) async fn heed(
    transaction: &mut Transaction<'static, Sqlite>,
    signs: &Signs,
    (now, until): (Timestamp, Timestamp),
) -> Result<()> {
    let seen = signs.look();
    for run in &seen.alive {
        for renewed in [
            "UPDATE leases SET lease_until = $1 WHERE run = $2 AND lease_until <= $3",
            "UPDATE ticks SET lease_until = $1 WHERE run = $2 AND lease_until <= $3 AND status = 'running'",
        ] {
            sqlx::query(renewed)
                .bind(micros(until))
                .bind(run)
                .bind(micros(now))
                .execute(&mut **transaction)
                .await
                .map_err(explain)?;
        }
    }
    for run in &seen.dead {
        let ticks = sqlx::query("UPDATE ticks SET lease_until = $1 WHERE run = $2 AND status = 'running'")
            .bind(micros(now))
            .bind(run)
            .execute(&mut **transaction)
            .await
            .map_err(explain)?
            .rows_affected();
        // Its sign stays until it is certain that nothing is in hand under it.
        if release(transaction, run).await? + ticks == 0 {
            signs.remove(run);
        }
    }
    Ok(())
}

async fn busy(transaction: &mut Transaction<'static, Sqlite>, account: &AccountId) -> Result<Busy> {
    let row = sqlx::query(
        "SELECT leases.run, lease_until, job FROM leases LEFT JOIN runs ON runs.run = leases.run
         WHERE account = $1",
    )
    .bind(account.as_str())
    .fetch_one(&mut **transaction)
    .await
    .map_err(explain)?;
    let run: String = row.try_get("run").map_err(explain)?;
    let job: Option<String> = row.try_get("job").map_err(explain)?;
    let until = instant(row.try_get("lease_until").map_err(explain)?)?;
    Ok(Busy { account: account.clone(), run: run.into(), job: job.map(SmolStr::from), until })
}

/// Gives back what a run has in hand; how many accounts that is.
pub(super) async fn release(transaction: &mut Transaction<'static, Sqlite>, run: &str) -> Result<u64> {
    let given_back = sqlx::query("DELETE FROM leases WHERE run = $1")
        .bind(run)
        .execute(&mut **transaction)
        .await
        .map_err(explain)?;
    Ok(given_back.rows_affected())
}
