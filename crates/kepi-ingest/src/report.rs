//! What a pass did, told per account and endpoint.

use std::fmt;

use jiff::Timestamp;
use kepi_core::{AccountId, Error, ErrorKind, Notice, Page, Retry};
use serde::Serialize;
use smol_str::SmolStr;

use crate::{RunKind, seam::RunRecord};

/// How many notices of one endpoint a report repeats; the rest are counted.
const NOTICES_KEPT: usize = 50;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All that was due was read, or is not offered.
    Done,
    /// Something failed or was set aside; the rest was read.
    Partial,
    /// An allowance or ceiling was reached; what was read is kept and the rest goes on later.
    Deferred,
    /// Nothing could be read, or what was read could not be written.
    Failed,
    /// It was asked to stop; the page in hand was finished.
    Cancelled,
}

impl Outcome {
    /// The outcome as one word, as the table `runs` holds it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Partial => "partial",
            Self::Deferred => "deferred",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How one endpoint of one account (or of the accounts that share a call) ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "ending")]
pub enum Ending {
    /// Read to the end.
    Done,
    /// There was nothing to ask for.
    NothingDue,
    /// The account does not have it, as was just learnt.
    Lacking {
        /// Why, in the platform's words.
        reason: String,
    },
    /// The account was found not to have it earlier, and it is not asked yet.
    Resting {
        /// From when on it is asked again.
        until: Timestamp,
        /// Why, in the platform's words.
        reason: String,
    },
    /// A cap was reached and there is more: the next run goes on from there.
    Capped {
        /// Which cap.
        reason: String,
    },
    /// An allowance or ceiling was reached: it goes on after this instant, where one is known.
    Deferred {
        /// From when on.
        until: Option<Timestamp>,
        /// Which allowance.
        reason: String,
    },
    /// Zeros where there were numbers before: not believed, not stored, asked again.
    Withheld,
    /// It failed.
    Failed(Failure),
    /// The run was asked to stop.
    Stopped,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::NothingDue => f.write_str("nothing due"),
            Self::Lacking { reason } => write!(f, "not offered: {reason}"),
            Self::Resting { until, reason } => write!(f, "not asked until {until}: {reason}"),
            Self::Capped { reason } => write!(f, "goes on in the next run: {reason}"),
            Self::Deferred { until: Some(until), reason } => write!(f, "deferred until {until}: {reason}"),
            Self::Deferred { until: None, reason } => write!(f, "deferred: {reason}"),
            Self::Withheld => f.write_str("not believed: zeros where there were numbers"),
            Self::Failed(failure) => write!(f, "failed: {}", failure.message),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// A failure, told for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The kind, as one word.
    pub kind: &'static str,
    /// What happened and where.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// Whether the same may work a little later.
    pub transient: bool,
}

impl Failure {
    /// What an error says.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        let transient = error.retry_policy() != Retry::Never
            || matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Store | ErrorKind::Unexpected);
        Self {
            kind: error.kind().as_str(),
            message: error.to_string(),
            hint: error.hint_text().map(str::to_owned),
            transient,
        }
    }
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// Pages handed to the store.
    pub pages: u64,
    /// Measurements in them.
    pub measurements: u64,
    /// Posts in them.
    pub posts: u64,
    /// Rows set aside.
    pub rejects: u64,
    /// Calls made, those that failed, repeated ones and renewals of tokens counted.
    pub calls: u64,
    /// Money spent, in millionths of a US dollar.
    pub cost_micro_usd: u64,
}

impl Tally {
    pub(crate) fn page(&mut self, page: &Page) {
        self.pages += 1;
        self.measurements += count(page.measurements.len());
        self.posts += count(page.posts.len());
        self.rejects += count(page.rejects.len());
    }

    fn add(&mut self, other: &Self) {
        self.pages += other.pages;
        self.measurements += other.measurements;
        self.posts += other.posts;
        self.rejects += other.rejects;
        self.calls += other.calls;
        self.cost_micro_usd += other.cost_micro_usd;
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// One endpoint of one account, or of the accounts that share a call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EndpointReport {
    /// Whose.
    pub accounts: Vec<AccountId>,
    /// Which endpoint.
    pub endpoint: SmolStr,
    /// How it ended.
    #[serde(flatten)]
    pub ending: Ending,
    /// Whether it began where an interrupted run stood.
    pub resumed: bool,
    /// What was counted.
    #[serde(flatten)]
    pub tally: Tally,
    /// What a reader should know; at most fifty are kept.
    pub notices: Vec<Notice>,
    /// How many more there were.
    pub notices_left_out: u64,
}

impl EndpointReport {
    pub(crate) fn new(accounts: Vec<AccountId>, endpoint: &str) -> Self {
        Self {
            accounts,
            endpoint: endpoint.into(),
            ending: Ending::NothingDue,
            resumed: false,
            tally: Tally::default(),
            notices: Vec::new(),
            notices_left_out: 0,
        }
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        if self.notices.contains(&notice) {
            return;
        }
        if self.notices.len() < NOTICES_KEPT {
            self.notices.push(notice);
        } else {
            self.notices_left_out += 1;
        }
    }

    pub(crate) fn remark(&mut self, text: impl Into<String>) {
        self.notice(Notice::Remark { text: text.into() });
    }
}

/// What a pass did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunReport {
    /// Its id, as the tables name it.
    pub run: SmolStr,
    /// Why it was made.
    pub kind: RunKind,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// What was counted in all.
    pub totals: Tally,
    /// Per account and endpoint.
    pub endpoints: Vec<EndpointReport>,
    /// How many commits wait until the store catches up: their pages are safe, their numbers not yet in tables.
    pub behind: u64,
    /// What stopped the whole run, where something did.
    pub error: Option<Failure>,
}

impl RunReport {
    pub(crate) fn close(
        run: SmolStr,
        kind: RunKind,
        started_at: Timestamp,
        finished_at: Timestamp,
        endpoints: Vec<EndpointReport>,
        error: Option<Failure>,
    ) -> Self {
        let mut totals = Tally::default();
        for endpoint in &endpoints {
            totals.add(&endpoint.tally);
        }
        let outcome = if error.is_some() { Outcome::Failed } else { outcome_of(&endpoints) };
        Self { run, kind, started_at, finished_at, outcome, totals, endpoints, behind: 0, error }
    }

    /// From when on what was deferred goes on: the earliest that is known.
    #[must_use]
    pub fn resume_at(&self) -> Option<Timestamp> {
        let until = |report: &EndpointReport| match report.ending {
            Ending::Deferred { until, .. } => until,
            _ => None,
        };
        self.endpoints.iter().filter_map(until).min()
    }

    /// Whether trying again a little later may bring what is missing.
    #[must_use]
    pub fn is_worth_repeating(&self) -> bool {
        let transient = |report: &EndpointReport| match &report.ending {
            Ending::Failed(failure) => failure.transient,
            Ending::Deferred { .. } | Ending::Capped { .. } => true,
            _ => false,
        };
        self.error.as_ref().is_some_and(|error| error.transient) || self.endpoints.iter().any(transient)
    }

    /// What another attempt would ask: what failed for now, was deferred, capped or stopped.
    #[must_use]
    pub fn left_over(&self) -> Vec<(AccountId, SmolStr)> {
        let open = |report: &&EndpointReport| match &report.ending {
            Ending::Failed(failure) => failure.transient,
            Ending::Deferred { .. } | Ending::Capped { .. } | Ending::Stopped => true,
            Ending::Done
            | Ending::NothingDue
            | Ending::Lacking { .. }
            | Ending::Resting { .. }
            | Ending::Withheld => false,
        };
        let pairs = |report: &EndpointReport| {
            let endpoint = report.endpoint.clone();
            report.accounts.clone().into_iter().map(move |account| (account, endpoint.clone()))
        };
        self.endpoints.iter().filter(open).flat_map(pairs).collect()
    }

    /// The first failure, of the run or of an endpoint.
    #[must_use]
    pub fn first_failure(&self) -> Option<&Failure> {
        let failed = |report| match report {
            &EndpointReport { ending: Ending::Failed(ref failure), .. } => Some(failure),
            _ => None,
        };
        self.error.as_ref().or_else(|| self.endpoints.iter().find_map(failed))
    }

    /// The record that the store keeps.
    #[must_use]
    pub fn record(&self) -> RunRecord {
        RunRecord {
            run: self.run.clone(),
            kind: self.kind.as_str().into(),
            started_at: self.started_at,
            finished_at: self.finished_at,
            outcome: self.outcome.as_str().into(),
            pages: self.totals.pages,
            measurements: self.totals.measurements,
            rejects: self.totals.rejects,
            calls: self.totals.calls,
            cost_micro_usd: self.totals.cost_micro_usd,
            error: self.first_failure().map(|failure| failure.message.clone()),
            detail: serde_json::to_string(&self.endpoints).ok(),
        }
    }
}

fn outcome_of(endpoints: &[EndpointReport]) -> Outcome {
    let any = |matches: fn(&Ending) -> bool| endpoints.iter().any(|report| matches(&report.ending));
    if any(|ending| matches!(ending, Ending::Stopped)) {
        Outcome::Cancelled
    } else if any(|ending| matches!(ending, Ending::Failed(_) | Ending::Capped { .. } | Ending::Withheld)) {
        let nothing_read = endpoints.iter().all(|report| {
            let nothing =
                matches!(report.ending, Ending::Failed(_) | Ending::NothingDue | Ending::Resting { .. });
            report.tally.pages == 0 && nothing
        });
        if nothing_read { Outcome::Failed } else { Outcome::Partial }
    } else if any(|ending| matches!(ending, Ending::Deferred { .. })) {
        Outcome::Deferred
    } else {
        Outcome::Done
    }
}
