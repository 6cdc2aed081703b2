//! Leases: which run has an account in hand, and which process draws on a quota domain.

use std::{collections::BTreeSet, fmt, time::Duration};

use jiff::Timestamp;
use kepi_core::{AccountId, Result};
use kepi_transport::QuotaDomain;
use serde::Serialize;
use smol_str::SmolStr;
use sqlx::{Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{State, explain, instant, micros, signs::Signs};
use crate::{StopFlag, reading::after, seam::Clock};

/// What a run takes in hand, all or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claim {
    /// The accounts that it asks for: one run has each at a time.
    pub accounts: Vec<AccountId>,
    /// What their calls draw on and others may draw on too: runs of one process share it.
    pub domains: BTreeSet<QuotaDomain>,
}

impl Claim {
    /// A claim to accounts alone.
    #[must_use]
    pub fn of(accounts: &[AccountId]) -> Self {
        Self { accounts: accounts.to_vec(), ..Self::default() }
    }

    /// How much that is.
    pub(crate) fn len(&self) -> u64 {
        (self.accounts.len() + self.domains.len()) as u64
    }
}

/// What another run has in hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// An account.
    Account(AccountId),
    /// An allowance that accounts share; the run is of another process.
    Domain(QuotaDomain),
}

/// A run that has in hand what another one needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Busy {
    /// What it has.
    pub held: Held,
    /// Which run.
    pub run: SmolStr,
    /// Which job of the schedule; `None` for a run by hand.
    pub job: Option<SmolStr>,
    /// Until when, if it does not renew and nothing else tells that it lives.
    pub until: Timestamp,
}

impl Busy {
    fn of(held: Held, row: &SqliteRow) -> Result<Self> {
        let run: String = row.try_get("run").map_err(explain)?;
        let job: Option<String> = row.try_get("job").map_err(explain)?;
        let until = instant(row.try_get("lease_until").map_err(explain)?)?;
        Ok(Self { held, run: run.into(), job: job.map(SmolStr::from), until })
    }
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.job {
            Some(job) => write!(f, "a run of the job {job}")?,
            None => f.write_str("another run by hand")?,
        }
        match &self.held {
            Held::Account(account) => write!(f, " has {account} in hand"),
            Held::Domain(domain) => {
                write!(f, " draws on what {domain} has, which is for one process at a time")
            }
        }
    }
}

impl State {
    /// Takes what a run outside the schedule claims, all or nothing; the run that has some of it, if any.
    ///
    /// # Errors
    /// `Store` when the state cannot be written.
    pub async fn lease(
        &self,
        claim: &Claim,
        run: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Busy>> {
        let mut transaction = self.begin().await?;
        if let Some(busy) = self.take(&mut transaction, claim, run, (now, until)).await? {
            return Ok(Some(busy));
        }
        transaction.commit().await.map_err(explain)?;
        Ok(None)
    }

    /// Does a piece of work outside the schedule with what it claims in hand, and gives that back after it; the run
    /// that has some of it, if any. Should the process end first, it is free at once, or where the disk cannot tell,
    /// when `lease` has run out. Should another run take some of it for free meanwhile, `stop` is raised.
    ///
    /// # Errors
    /// `Store` when the state cannot be written.
    pub async fn holding<T>(
        &self,
        claim: &Claim,
        run: &str,
        (clock, lease): (&dyn Clock, Duration),
        stop: &StopFlag,
        work: impl Future<Output = T>,
    ) -> Result<Result<T, Busy>> {
        let now = clock.now();
        if let Some(busy) = self.lease(claim, run, now, after(now, lease)).await? {
            return Ok(Err(busy));
        }
        // Both are polled side by side: work that is about to use the state must never wait for a renewal.
        let renewals = async {
            loop {
                clock.sleep_until(after(clock.now(), lease / 3)).await;
                match self.renew_leases(run, after(clock.now(), lease)).await {
                    Ok(held) if held < claim.len() => {
                        tracing::warn!(%run, "another run took what this one had in hand, which is given up");
                        stop.rob();
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
        self.give_back(run).await?;
        Ok(Ok(done))
    }

    /// Says that a run is still alive, and how much it has in hand.
    async fn renew_leases(&self, run: &str, until: Timestamp) -> Result<u64> {
        let mut transaction = self.begin().await?;
        let held = renew(&mut transaction, run, until).await?;
        transaction.commit().await.map_err(explain)?;
        Ok(held)
    }

    /// Gives back what a run had in hand.
    ///
    /// # Errors
    /// `Store` when the state cannot be written.
    pub async fn give_back(&self, run: &str) -> Result<()> {
        let mut transaction = self.begin().await?;
        release(&mut transaction, run).await?;
        transaction.commit().await.map_err(explain)?;
        self.signs.take_back(run);
        Ok(())
    }

    /// Takes what a run claims, all or nothing; the run that has some of it, if any.
    ///
    /// The transaction keeps other processes from looking at the signs between ours and our rows.
    pub(super) async fn take(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        claim: &Claim,
        run: &str,
        terms: (Timestamp, Timestamp),
    ) -> Result<Option<Busy>> {
        heed(transaction, &self.signs, terms).await?;
        for account in &claim.accounts {
            if let Some(busy) = take_account(transaction, account, run, terms).await? {
                return Ok(Some(busy));
            }
        }
        for domain in &claim.domains {
            if let Some(busy) = self.take_domain(transaction, domain, run, terms).await? {
                return Ok(Some(busy));
            }
        }
        self.signs.give(run)?;
        Ok(None)
    }

    /// Joins the runs of this process that draw on a domain; the run of another process that does, if any.
    async fn take_domain(
        &self,
        transaction: &mut Transaction<'static, Sqlite>,
        domain: &QuotaDomain,
        run: &str,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<Option<Busy>> {
        sqlx::query("DELETE FROM domains WHERE domain = $1 AND worker <> $2 AND lease_until <= $3")
            .bind(domain.as_str())
            .bind(self.worker.as_str())
            .bind(micros(now))
            .execute(&mut **transaction)
            .await
            .map_err(explain)?;
        let other = sqlx::query(
            "SELECT domains.run, lease_until, job FROM domains LEFT JOIN runs ON runs.run = domains.run
             WHERE domain = $1 AND worker <> $2 ORDER BY domains.run LIMIT 1",
        )
        .bind(domain.as_str())
        .bind(self.worker.as_str())
        .fetch_optional(&mut **transaction)
        .await
        .map_err(explain)?;
        if let Some(row) = other {
            return Busy::of(Held::Domain(domain.clone()), &row).map(Some);
        }
        sqlx::query("INSERT INTO domains (domain, run, worker, lease_until) VALUES ($1, $2, $3, $4)")
            .bind(domain.as_str())
            .bind(run)
            .bind(self.worker.as_str())
            .bind(micros(until))
            .execute(&mut **transaction)
            .await
            .map_err(explain)?;
        Ok(None)
    }
}

/// Takes an account; the run that has it, if any.
async fn take_account(
    transaction: &mut Transaction<'static, Sqlite>,
    account: &AccountId,
    run: &str,
    (now, until): (Timestamp, Timestamp),
) -> Result<Option<Busy>> {
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
    if taken > 0 {
        return Ok(None);
    }
    let row = sqlx::query(
        "SELECT leases.run, lease_until, job FROM leases LEFT JOIN runs ON runs.run = leases.run
         WHERE account = $1",
    )
    .bind(account.as_str())
    .fetch_one(&mut **transaction)
    .await
    .map_err(explain)?;
    Busy::of(Held::Account(account.clone()), &row).map(Some)
}

/// Keeps what a run has in hand until later; how much that is.
pub(super) async fn renew(
    transaction: &mut Transaction<'static, Sqlite>,
    run: &str,
    until: Timestamp,
) -> Result<u64> {
    let mut held = 0;
    for renewed in [
        "UPDATE leases SET lease_until = $1 WHERE run = $2",
        "UPDATE domains SET lease_until = $1 WHERE run = $2",
    ] {
        let renewed = sqlx::query(renewed).bind(micros(until)).bind(run).execute(&mut **transaction).await;
        held += renewed.map_err(explain)?.rows_affected();
    }
    Ok(held)
}

/// What a living process has in hand stays so, however long it said nothing, and what a dead one had is free: accounts,
/// domains and ticks.
pub(super) async fn heed(
    transaction: &mut Transaction<'static, Sqlite>,
    signs: &Signs,
    (now, until): (Timestamp, Timestamp),
) -> Result<()> {
    let seen = signs.look();
    for run in &seen.alive {
        for renewed in [
            "UPDATE leases SET lease_until = $1 WHERE run = $2 AND lease_until <= $3",
            "UPDATE domains SET lease_until = $1 WHERE run = $2 AND lease_until <= $3",
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

/// Gives back what a run has in hand; how much that is.
pub(super) async fn release(transaction: &mut Transaction<'static, Sqlite>, run: &str) -> Result<u64> {
    let mut given_back = 0;
    for deleted in ["DELETE FROM leases WHERE run = $1", "DELETE FROM domains WHERE run = $1"] {
        let deleted = sqlx::query(deleted).bind(run).execute(&mut **transaction).await;
        given_back += deleted.map_err(explain)?.rows_affected();
    }
    Ok(given_back)
}
