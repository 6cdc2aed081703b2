//! A pass by hand beside a schedule that may be running.

use std::{fmt, time::Duration};

use kepi_core::{AccountId, Error, ErrorKind, Result};
use smol_str::SmolStr;

use super::{Busy, Claim, State};
use crate::{Ingest, IngestRequest, Progress, RunReport, StopFlag, reading::after, seam::Clock};

/// How long the accounts stay taken when the process ends without a word and the disk cannot tell that it did.
const LEASE: Duration = Duration::from_secs(10 * 60);

/// How often it is looked whether another run has given an account back.
const POLL: Duration = Duration::from_secs(15);

/// What to do about a pass that was not made.
const TAKEN: &str =
    "wait until it has ended (--wait does), or name other accounts; `kepi runs` shows what ran";

/// What a pass by hand does when another run has in hand what it needs.
#[derive(Clone, Copy)]
pub enum IfBusy<'a> {
    /// It ends before it has asked for anything.
    Fail,
    /// It waits until that is free, and tells each run that it waits for.
    Wait(&'a (dyn Fn(&Busy) + Send + Sync)),
}

impl fmt::Debug for IfBusy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Fail) { "Fail" } else { "Wait" })
    }
}

/// Makes a pass now, keeps off the accounts that another run has in hand and off the limits that another process draws
/// on, and remembers the run where `kepi runs` finds it.
///
/// # Errors
/// `Unavailable` when another run has one of them and is not to be waited for, `Cancelled` when it is and `stop` is
/// raised first; else as [`Ingest::run`].
pub async fn run_by_hand(
    state: &State,
    ingest: &Ingest,
    request: &IngestRequest,
    progress: &dyn Progress,
    stop: &StopFlag,
    if_busy: IfBusy<'_>,
) -> Result<RunReport> {
    let run = SmolStr::new(uuid::Uuid::now_v7().to_string());
    let claim = ingest.claim(&request.accounts);
    let (clock, stop) = (ingest.clock.as_ref(), stop.child());
    let mut waits_for = None;
    loop {
        let pass = ingest.run_named(run.clone(), request, progress, &stop);
        let busy = match state.holding(&claim, &run, (clock, LEASE), &stop, pass).await? {
            Ok(report) => {
                let report = report?;
                state.keep_run(&report).await?;
                return Ok(report);
            }
            Err(busy) => busy,
        };
        let IfBusy::Wait(tell) = if_busy else { return Err(taken(&busy, TAKEN)) };
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

/// Does something now that no run of these accounts may be beside.
///
/// # Errors
/// `Unavailable` when a run has one of them in hand: then nothing was done. `Store` when the state cannot be written.
pub async fn do_alone<T>(
    state: &State,
    accounts: &[AccountId],
    clock: &dyn Clock,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let run = uuid::Uuid::now_v7().to_string();
    let held = state.holding(&Claim::of(accounts), &run, (clock, LEASE), &StopFlag::default(), work).await?;
    held.map_err(|busy| taken(&busy, "wait until it has ended and run it again; `kepi runs` shows what ran"))?
}

fn taken(busy: &Busy, hint: &str) -> Error {
    Error::new(ErrorKind::Unavailable, busy.to_string()).with("run", &busy.run).hint(hint)
}

fn given_up(busy: &Busy) -> Error {
    Error::new(ErrorKind::Cancelled, format!("stopped while waiting: {busy}"))
        .with("run", &busy.run)
        .hint("nothing was asked for; run it again")
}
