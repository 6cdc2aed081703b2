//! A pass by hand beside a schedule that may be running.

use std::{fmt, time::Duration};

use kepi_core::{AccountId, Error, ErrorKind, Result};
use smol_str::SmolStr;

use super::{Busy, State};
use crate::{Ingest, IngestRequest, Progress, RunReport, StopFlag, reading::after};

/// How long the accounts stay taken when the process ends without a word and the disk cannot tell that it did.
const LEASE: Duration = Duration::from_secs(10 * 60);

/// How often it is looked whether another run has given an account back.
const POLL: Duration = Duration::from_secs(15);

/// What a pass by hand does when another run has one of its accounts in hand.
#[derive(Clone, Copy)]
pub enum IfBusy<'a> {
    /// It ends before it has asked for anything.
    Fail,
    /// It waits until the account is free, and tells each run that it waits for.
    Wait(&'a (dyn Fn(&Busy) + Send + Sync)),
}

impl fmt::Debug for IfBusy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Fail) { "Fail" } else { "Wait" })
    }
}

/// Makes a pass now, keeps off the accounts that another run has in hand, and remembers the run where `kepi runs`
/// finds it.
///
/// # Errors
/// `Unavailable` when another run has one of the accounts and is not to be waited for, `Cancelled` when it is and
/// `stop` is raised first; else as [`Ingest::run`].
pub async fn run_by_hand(
    state: &State,
    ingest: &Ingest,
    request: &IngestRequest,
    progress: &dyn Progress,
    stop: &StopFlag,
    if_busy: IfBusy<'_>,
) -> Result<RunReport> {
    let run = SmolStr::new(uuid::Uuid::now_v7().to_string());
    let accounts: Vec<AccountId> =
        request.accounts.iter().map(|account| account.reference.id.clone()).collect();
    let (clock, stop) = (ingest.clock.as_ref(), stop.child());
    let mut waits_for = None;
    loop {
        let pass = ingest.run_named(run.clone(), request, progress, &stop);
        let busy = match state.holding(&accounts, &run, (clock, LEASE), &stop, pass).await? {
            Ok(report) => {
                let report = report?;
                state.keep_run(&report).await?;
                return Ok(report);
            }
            Err(busy) => busy,
        };
        let IfBusy::Wait(tell) = if_busy else { return Err(taken(&busy)) };
        if waits_for.as_ref() != Some(&busy.run) {
            tell(&busy);
        }
        tokio::select! {
            biased;
            () = stop.stopped() => return Err(given_up(&busy)),
            () = clock.sleep_until(after(clock.now(), POLL)) => {}
        }
        waits_for = Some(busy.run);
    }
}

fn taken(busy: &Busy) -> Error {
    Error::new(ErrorKind::Unavailable, busy.to_string())
        .with("run", &busy.run)
        .hint("wait until it has ended (--wait does), or name other accounts; `kepi runs` shows what ran")
}

fn given_up(busy: &Busy) -> Error {
    Error::new(ErrorKind::Cancelled, format!("stopped while waiting: {busy}"))
        .with("run", &busy.run)
        .hint("nothing was asked for; run it again")
}
