//! Leases: which run has an account in hand.

use std::time::Duration;

use jiff::Timestamp;
use kepi_core::{AccountId, Result};
use serde::Serialize;
use smol_str::SmolStr;
use sqlx::{Row, Sqlite, Transaction};

use super::{State, explain, instant, micros};
use crate::{reading::after, seam::Clock};

/// An account that another run has in hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Busy {
    /// Which account.
    pub account: AccountId,
    /// Which run.
    pub run: SmolStr,
    /// Until when, if it does not renew.
    pub until: Timestamp,
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
        if let Some(busy) = lease(&mut transaction, accounts, run, now, until).await? {
            return Ok(Some(busy));
        }
        transaction.commit().await.map_err(explain)?;
        Ok(None)
    }

    /// Does a piece of work outside the schedule with these accounts in hand, and gives them back after it; the
    /// account that another run has, if any. Should the process end first, they are free when `lease` has run out.
    ///
    /// # Errors
    /// `Store` when the state cannot be written.
    pub async fn holding<T>(
        &self,
        accounts: &[AccountId],
        run: &str,
        (clock, lease): (&dyn Clock, Duration),
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
                if let Err(error) = self.renew_leases(run, after(clock.now(), lease)).await {
                    break error;
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

    async fn renew_leases(&self, run: &str, until: Timestamp) -> Result<()> {
        sqlx::query("UPDATE leases SET lease_until = $1 WHERE run = $2")
            .bind(micros(until))
            .bind(run)
            .execute(&self.pool)
            .await
            .map_err(explain)?;
        Ok(())
    }

    /// Gives back what a run had in hand.
    ///
    /// # Errors
    /// `Store` when the state cannot be written.
    pub async fn release_accounts(&self, run: &str) -> Result<()> {
        let mut transaction = self.begin().await?;
        release(&mut transaction, run).await?;
        transaction.commit().await.map_err(explain)
    }
}

/// Takes accounts, all or none; the one that another run has, if any.
pub(super) async fn lease(
    transaction: &mut Transaction<'static, Sqlite>,
    accounts: &[AccountId],
    run: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Busy>> {
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
            let row = sqlx::query("SELECT run, lease_until FROM leases WHERE account = $1")
                .bind(account.as_str())
                .fetch_one(&mut **transaction)
                .await
                .map_err(explain)?;
            let run: String = row.try_get("run").map_err(explain)?;
            let until = instant(row.try_get("lease_until").map_err(explain)?)?;
            return Ok(Some(Busy { account: account.clone(), run: run.into(), until }));
        }
    }
    Ok(None)
}

pub(super) async fn release(transaction: &mut Transaction<'static, Sqlite>, run: &str) -> Result<()> {
    sqlx::query("DELETE FROM leases WHERE run = $1")
        .bind(run)
        .execute(&mut **transaction)
        .await
        .map_err(explain)?;
    Ok(())
}
