//! What is asked when.

use std::time::Duration;

use jiff::Timestamp;
use kepi_core::{AccountId, Error, Result};
use serde::Serialize;
use smol_str::SmolStr;

use super::{Cron, Jitter};

/// A job as a person writes it.
#[derive(Debug, Clone, Default)]
pub struct JobSettings {
    /// Its name: what the state knows it by, so it stays when the rest changes.
    pub name: String,
    /// Its cron line.
    pub cron: String,
    /// The zone of the cron line.
    pub zone: String,
    /// The accounts it asks for; with no platform named either, all.
    pub accounts: Vec<AccountId>,
    /// The platforms whose accounts it asks for.
    pub platforms: Vec<String>,
    /// Only these endpoints; empty for all.
    pub endpoints: Vec<SmolStr>,
    /// Whether what follows an ingest (evaluation, alerts) is done after it.
    pub evaluate: bool,
    /// The longest delay of its start.
    pub jitter: Duration,
}

/// A job that is ready to run.
#[derive(Debug, Clone)]
pub struct ScheduledJob {
    /// Its name.
    pub name: SmolStr,
    /// When it is due.
    pub cron: Cron,
    /// Whom it asks for.
    pub accounts: Vec<AccountId>,
    /// Only these endpoints; empty for all.
    pub endpoints: Vec<SmolStr>,
    /// Whether what follows an ingest is done after it.
    pub evaluate: bool,
    /// The delay of its start.
    pub jitter: Jitter,
}

impl ScheduledJob {
    /// Checks a job against the accounts that there are. `seed` makes the delays of this installation its own.
    ///
    /// # Errors
    /// `BadConfig` for a wrong cron line, zone or account, or when no account is left.
    pub fn new(settings: &JobSettings, known: &[AccountId], seed: u64) -> Result<Self> {
        let JobSettings { name, cron, zone, accounts, platforms, .. } = settings;
        let within = |error: Error| error.with("job", name);
        let cron = Cron::parse(cron, zone).map_err(within)?;
        if let Some(unknown) = accounts.iter().find(|account| !known.contains(account)) {
            return Err(within(
                Error::bad_config(format!("no account {unknown}")).hint("name it in [[account]]"),
            ));
        }
        let all = accounts.is_empty() && platforms.is_empty();
        let chosen = known.iter().filter(|account| {
            all || accounts.contains(account)
                || platforms.iter().any(|platform| platform == account.platform_name())
        });
        let chosen: Vec<AccountId> = chosen.cloned().collect();
        if chosen.is_empty() {
            return Err(within(
                Error::bad_config("a job without accounts").hint("name accounts or platforms that have some"),
            ));
        }
        Ok(Self {
            name: name.into(),
            cron,
            accounts: chosen,
            endpoints: settings.endpoints.clone(),
            evaluate: settings.evaluate,
            jitter: Jitter { seed, most: settings.jitter },
        })
    }
}

/// A tick to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upcoming {
    /// When it is due, without the delay of its start.
    pub at: Timestamp,
    /// When its first attempt is made.
    pub starts_at: Timestamp,
    /// Which job.
    pub job: SmolStr,
    /// Whom it asks for.
    pub accounts: Vec<AccountId>,
}

/// The ticks of all jobs after `from` and before `until`, in order.
#[must_use]
pub fn upcoming(jobs: &[ScheduledJob], from: Timestamp, until: Timestamp) -> Vec<Upcoming> {
    let mut ticks = Vec::new();
    for job in jobs {
        let mut at = from;
        while let Some(tick) = job.cron.next_after(at).filter(|tick| *tick < until) {
            let window_end = job.cron.next_after(tick).unwrap_or(Timestamp::MAX);
            let starts_at = job.jitter.start_of(&job.name, tick, window_end);
            ticks.push(Upcoming {
                at: tick,
                starts_at,
                job: job.name.clone(),
                accounts: job.accounts.clone(),
            });
            at = tick;
        }
    }
    ticks.sort_by(|a, b| (a.at, &a.job).cmp(&(b.at, &b.job)));
    ticks
}
