//! What answers told about an allowance: how much is left, how much is used, that it is used up.

use std::time::Duration;

use jiff::Timestamp;
use kepi_core::{ErrorKind, Reach};

use super::{Hold, pace::Pace};
use crate::headers::{Heard, Left};

/// How long an allowance rests of which all is used and nobody says for how long.
const FULL_REST: Duration = Duration::from_secs(900);

/// The gate of all that a refusal may reach, such as a pool or an application: see [`Reach`].
#[derive(Debug)]
pub(super) struct Gate {
    /// Closed by a refusal until then; after that one call goes first.
    pause: Option<(Timestamp, ErrorKind)>,
    probing: bool,
    refusals: u32,
    in_flight: u32,
    left: Option<Left>,
    /// How many more calls go out until then, as an answer's body told.
    granted: Option<(u32, Timestamp)>,
    /// With the allowance nearly used, calls are spread.
    pace: Pace,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            pause: None,
            probing: false,
            refusals: 0,
            in_flight: 0,
            left: None,
            granted: None,
            pace: Pace::new(FULL_REST),
        }
    }
}

/// What an answer means for the calls that follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Outcome {
    /// The platform let it pass.
    Fine,
    /// The platform refused it: nothing more of what its limit reaches until then.
    Refused { until: Timestamp, kind: ErrorKind, reach: Reach },
    /// No answer came.
    Unknown,
}

impl Outcome {
    /// An outcome as the gate of a reach sees it: a limit says nothing of narrower ones, and wider ones let the call
    /// pass.
    pub(super) fn seen_by(self, gate: Reach) -> Self {
        match self {
            Self::Refused { reach, .. } if gate < reach => Self::Unknown,
            Self::Refused { reach, .. } if gate > reach => Self::Fine,
            other => other,
        }
    }
}

impl Gate {
    /// Whether a call may go out; `true` when a window that the headers told of has just ended.
    pub(super) fn check(&mut self, now: Timestamp) -> Result<bool, Hold> {
        if let Some((until, kind)) = self.pause {
            if now < until {
                return Err(Hold { until: Some(until), kind });
            }
            if self.probing {
                return Err(Hold { until: None, kind });
            }
        }
        let renewed = self.left.is_some_and(|left| left.reset_at <= now);
        if renewed {
            self.left = None;
        }
        let kind = ErrorKind::QuotaExhausted;
        self.granted = self.granted.filter(|(_, until)| now < *until);
        if let Some((0, until)) = self.granted {
            return Err(Hold { until: Some(until), kind });
        }
        if let Some(left) = self.left
            && left.remaining <= self.in_flight
        {
            return Err(Hold { until: Some(left.reset_at), kind });
        }
        self.pace.check(now).map_or(Ok(renewed), |wait| Err(wait.into()))
    }

    /// Lets a call out; `true` when it goes ahead of the others after a pause.
    pub(super) fn take(&mut self, now: Timestamp) -> bool {
        self.in_flight += 1;
        if let Some((left, _)) = &mut self.granted {
            *left = left.saturating_sub(1);
        }
        self.pace.take(now);
        self.probing = self.pause.is_some();
        self.probing
    }

    /// So many more calls go out until an instant.
    pub(super) fn grant(&mut self, left: u32, until: Timestamp) {
        self.granted = Some((left, until));
    }

    /// Takes a call back that went out at `sent`, with what it heard.
    pub(super) fn give_back(
        &mut self,
        (sent, now): (Timestamp, Timestamp),
        probe: bool,
        outcome: &Outcome,
        heard: Option<&Heard>,
    ) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.pace.give_back();
        if let Some(heard) = heard {
            self.hear(heard, sent, now);
        }
        if probe {
            self.probing = false;
        }
        match *outcome {
            Outcome::Fine if probe => {
                self.pause = None;
                self.refusals = 0;
            }
            Outcome::Refused { until, kind, .. } => {
                // Calls that were on their way together are refused together: that counts once.
                let first = probe || self.pause.is_none();
                self.refusals += u32::from(first);
                let known = self.pause.map_or(until, |(known, _)| known.max(until));
                self.pause = Some((known, kind));
            }
            Outcome::Fine | Outcome::Unknown => {}
        }
    }

    /// How often the platform refused in a row.
    pub(super) fn refusals(&self) -> u32 {
        self.refusals
    }

    /// The limit that the headers tell of while they tell of one: `Some(None)` when they name no number.
    pub(super) fn told(&self) -> Option<Option<u32>> {
        self.left.map(|left| left.limit)
    }

    fn hear(&mut self, heard: &Heard, sent: Timestamp, now: Timestamp) {
        if let Some(told) = heard.window {
            self.left = Some(match self.left {
                // Answers overtake each other: within a window the lowest number is the newest.
                Some(known) if same_window(known, told) => {
                    Left { remaining: known.remaining.min(told.remaining), ..told }
                }
                Some(known) if known.reset_at > told.reset_at => known,
                _ => told,
            });
        }
        if let Some(usage) = heard.usage {
            self.pace.hear(usage, sent, now);
        }
    }
}

/// A rolling reset wanders by the time between two answers; a new window begins later than the old one ended.
fn same_window(known: Left, told: Left) -> bool {
    known.reset_at.duration_since(told.reset_at).abs().as_secs() <= 1
}
