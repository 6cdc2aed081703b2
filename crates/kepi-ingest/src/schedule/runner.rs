//! What an attempt does, and what follows it.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use kepi_core::{AccountId, Result};
use smol_str::SmolStr;

use super::{Claim, ScheduledJob};
use crate::{Ingest, IngestAccount, IngestRequest, Progress, RunKind, RunReport, StopFlag};

/// One attempt of one tick.
#[derive(Debug, Clone)]
pub struct Task {
    /// The id of the run.
    pub run: SmolStr,
    /// The job.
    pub job: ScheduledJob,
    /// Which attempt of the tick, from 1.
    pub attempt: u32,
    /// Only what an earlier attempt left over; `None` for all that the job asks for.
    pub only: Option<Vec<(AccountId, SmolStr)>>,
}

/// Makes an attempt.
#[async_trait]
pub trait Runner: fmt::Debug + Send + Sync {
    /// Makes it.
    ///
    /// # Errors
    /// When nothing could be begun.
    async fn run(&self, task: &Task, stop: &StopFlag) -> Result<RunReport>;

    /// What an attempt takes in hand.
    fn claim(&self, job: &ScheduledJob) -> Claim {
        Claim::of(&job.accounts)
    }
}

/// What follows an ingest: evaluation, alerts, upkeep.
#[async_trait]
pub trait AfterIngest: fmt::Debug + Send + Sync {
    /// Called after each attempt that brought something, for jobs that want it.
    ///
    /// # Errors
    /// What went wrong; it is kept with the run and stops nothing.
    async fn after(&self, job: &ScheduledJob, report: &RunReport) -> Result<()>;
}

/// Nothing follows.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFollowUp;

#[async_trait]
impl AfterIngest for NoFollowUp {
    async fn after(&self, _: &ScheduledJob, _: &RunReport) -> Result<()> {
        Ok(())
    }
}

/// Makes attempts with the loop itself.
pub struct IngestRunner {
    ingest: Ingest,
    accounts: Vec<IngestAccount>,
    progress: Arc<dyn Progress>,
}

impl fmt::Debug for IngestRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IngestRunner {{ {} accounts }}", self.accounts.len())
    }
}

impl IngestRunner {
    /// A runner for these accounts.
    #[must_use]
    pub fn new(ingest: Ingest, accounts: Vec<IngestAccount>, progress: Arc<dyn Progress>) -> Self {
        Self { ingest, accounts, progress }
    }

    fn accounts(&self, job: &ScheduledJob) -> impl Iterator<Item = &IngestAccount> {
        self.accounts.iter().filter(|account| job.accounts.contains(&account.reference.id))
    }

    fn request(&self, task: &Task) -> IngestRequest {
        IngestRequest {
            kind: RunKind::Ingest,
            accounts: self.accounts(&task.job).cloned().collect(),
            endpoints: task.job.endpoints.clone(),
            only: task.only.clone(),
            range: None,
        }
    }
}

#[async_trait]
impl Runner for IngestRunner {
    async fn run(&self, task: &Task, stop: &StopFlag) -> Result<RunReport> {
        let request = self.request(task);
        self.ingest.run_named(task.run.clone(), &request, self.progress.as_ref(), stop).await
    }

    fn claim(&self, job: &ScheduledJob) -> Claim {
        self.ingest.claim(self.accounts(job))
    }
}
