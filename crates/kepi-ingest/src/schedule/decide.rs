//! What becomes of a tick after an attempt.

use std::time::Duration;

use jiff::Timestamp;
use kepi_core::AccountId;
use smol_str::SmolStr;

use super::SchedulerOptions;
use crate::{Failure, Outcome, RunReport, reading::after};

/// What an attempt came to.
#[derive(Debug)]
pub(crate) enum Attempted {
    /// It was made.
    Report(Box<RunReport>),
    /// It could not be begun.
    Error(Failure),
}

/// What becomes of the tick.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Next {
    /// It is over.
    Over,
    /// Another attempt, at this instant, of what is left over (`None` for all).
    Again { at: Timestamp, failed: bool, only: Option<Vec<(AccountId, SmolStr)>> },
}

/// Where the tick stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) now: Timestamp,
    pub(crate) window_end: Timestamp,
    /// Failed attempts before this one.
    pub(crate) failures: u32,
}

impl Attempted {
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Report(report) => report.outcome,
            Self::Error(_) => Outcome::Failed,
        }
    }

    pub(crate) fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Report(report) => report.first_failure(),
            Self::Error(failure) => Some(failure),
        }
    }

    fn left_over(&self) -> Option<Vec<(AccountId, SmolStr)>> {
        match self {
            Self::Report(report) if report.error.is_none() => Some(report.left_over()),
            _ => None,
        }
    }

    fn is_worth_repeating(&self) -> bool {
        match self {
            Self::Report(report) => report.is_worth_repeating(),
            Self::Error(failure) => failure.transient,
        }
    }

    fn resume_at(&self) -> Option<Timestamp> {
        match self {
            Self::Report(report) => report.resume_at(),
            Self::Error(_) => None,
        }
    }
}

/// Another attempt is made inside the tick's window while it may bring something: at once after a stop, after
/// the reset that a platform named, else after a pause that doubles. What is only deferred may come again as
/// often as the window allows; what fails, a bounded number of times.
pub(crate) fn decide(attempted: &Attempted, standing: Standing, options: &SchedulerOptions) -> Next {
    let Standing { now, window_end, failures } = standing;
    let only = attempted.left_over();
    let outcome = attempted.outcome();
    if outcome == Outcome::Cancelled {
        return Next::Again { at: now, failed: false, only };
    }
    if outcome == Outcome::Done || !attempted.is_worth_repeating() {
        return Next::Over;
    }
    let failed = outcome != Outcome::Deferred;
    let tries = failures + u32::from(failed);
    let pause = backoff(tries.max(1), options);
    let at = attempted.resume_at().filter(|at| *at > now && !failed).unwrap_or_else(|| after(now, pause));
    if tries >= options.most_failures || at >= window_end {
        return Next::Over;
    }
    Next::Again { at, failed, only }
}

fn backoff(tries: u32, options: &SchedulerOptions) -> Duration {
    let doubled = 2_u32.saturating_pow(tries.saturating_sub(1));
    options.first_pause.saturating_mul(doubled).min(options.longest_pause)
}
