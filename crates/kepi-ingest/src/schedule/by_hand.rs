//! A pass by hand beside a schedule that may be running.

use std::time::Duration;

use kepi_core::{AccountId, Error, ErrorKind, Result};
use smol_str::SmolStr;

use super::{Busy, State};
use crate::{Ingest, IngestRequest, Progress, RunReport, StopFlag};

/// How long the accounts stay taken when the process ends without a word.
const LEASE: Duration = Duration::from_secs(10 * 60);

/// Makes a pass now, keeps off the accounts that a run of the schedule has in hand, and remembers the run where
/// `kepi runs` finds it.
///
/// # Errors
/// `Unavailable` when another run has one of the accounts; else as [`Ingest::run`].
pub async fn run_by_hand(
    state: &State,
    ingest: &Ingest,
    request: &IngestRequest,
    progress: &dyn Progress,
    stop: &StopFlag,
) -> Result<RunReport> {
    let run = SmolStr::new(uuid::Uuid::now_v7().to_string());
    let accounts: Vec<AccountId> =
        request.accounts.iter().map(|account| account.reference.id.clone()).collect();
    let pass = ingest.run_named(run.clone(), request, progress, stop);
    let terms = (ingest.clock.as_ref(), LEASE);
    let report = state.holding(&accounts, &run, terms, pass).await?.map_err(taken)??;
    state.keep_run(&report).await?;
    Ok(report)
}

fn taken(Busy { account, run, until }: Busy) -> Error {
    Error::new(ErrorKind::Unavailable, format!("another run has {account} in hand"))
        .with("run", run)
        .hint(format!("wait until it has ended; should it have died, the account is free at {until}"))
}
