//! One pass: every endpoint of every account, each account by one hand at a time.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use kepi_core::{Account, AccountId, AccountRef, Error, ErrorKind, Result, Stream, plan::KnownPost};
use smol_str::SmolStr;
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use crate::{
    Answer, Capability, Ending, EndpointReport, Failure, Fetch, IngestAccount, IngestRequest, Memory,
    Outcome, PageWriter, Pages, Progress, RunReport, StopFlag,
    reading::read_unit,
    schedule::Claim,
    seam::Clock,
    work::{Before, Group, Stage, Unit, groups},
};

/// How a pass behaves.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// How many endpoints are read at once, over all accounts.
    pub concurrency: usize,
    /// How many pages of one job are read in one run; then it stops and goes on in the next.
    pub max_pages: u32,
    /// How long the page in hand may take once the run was asked to stop.
    pub stop_grace: Duration,
    /// When an endpoint that the platform does not offer is tried again; for so long it is a failure where it gave
    /// something before.
    pub not_offered_retry: Duration,
    /// When an endpoint whose scope or role is missing and that never gave anything is tried again.
    pub forbidden_retry: Duration,
    /// How long an answer of nothing but zeros must stand before it is believed.
    pub zeros_believed_after: Duration,
}

const HOUR: Duration = Duration::from_secs(3600);

impl Default for IngestOptions {
    fn default() -> Self {
        Self {
            concurrency: 8,
            max_pages: 10_000,
            stop_grace: Duration::from_secs(30),
            not_offered_retry: 7 * 24 * HOUR,
            forbidden_retry: 24 * HOUR,
            zeros_believed_after: 20 * HOUR,
        }
    }
}

/// The loop: plans what is due, fetches it page by page, and hands the pages to the store.
#[derive(Debug, Clone)]
pub struct Ingest {
    pub(crate) fetch: Arc<dyn Fetch>,
    pub(crate) pages: Arc<dyn Pages>,
    pub(crate) memory: Arc<dyn Memory>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: IngestOptions,
}

/// What all units of a run share.
pub(crate) struct RunContext<'r> {
    pub(crate) ingest: &'r Ingest,
    pub(crate) request: &'r IngestRequest,
    pub(crate) progress: &'r dyn Progress,
    pub(crate) stop: StopFlag,
    pub(crate) now: Timestamp,
    pub(crate) before: Before,
    pub(crate) writer: AsyncMutex<Box<dyn PageWriter>>,
    pub(crate) answers: Mutex<HashMap<Stream, Answer>>,
    /// The platforms' own ids of accounts that are asked for without one: people need not write them.
    pub(crate) learnt: Mutex<HashMap<AccountId, SmolStr>>,
    pub(crate) dead_tokens: Mutex<HashSet<(AccountId, &'static str)>>,
    /// Accounts of which zeros were not believed in this run.
    pub(crate) silent: Mutex<HashSet<AccountId>>,
    lacking: Vec<Capability>,
    permits: Semaphore,
    shared: HashMap<SmolStr, AsyncMutex<()>>,
    fatal: Mutex<Option<Failure>>,
}

impl Ingest {
    /// A loop between a transport and a store.
    #[must_use]
    pub fn new(
        fetch: Arc<dyn Fetch>,
        pages: Arc<dyn Pages>,
        memory: Arc<dyn Memory>,
        clock: Arc<dyn Clock>,
        options: IngestOptions,
    ) -> Self {
        Self { fetch, pages, memory, clock, options }
    }

    /// What a run that asks for these accounts takes in hand.
    pub(crate) fn claim<'a>(&self, accounts: impl IntoIterator<Item = &'a IngestAccount>) -> Claim {
        let mut claim = Claim::default();
        for IngestAccount { reference, adapter, .. } in accounts {
            claim.domains.extend(self.fetch.quota_domains(adapter.as_ref(), &reference.id));
            claim.accounts.push(reference.id.clone());
        }
        claim
    }

    /// Reads what the request asks for and hands it to the store, page by page.
    ///
    /// One endpoint or account that fails stops no other. Interrupted jobs go on first. The run's record is kept
    /// in the store.
    ///
    /// # Errors
    /// When nothing could be begun: an unknown endpoint, an unreadable store. All else is told in the report.
    pub async fn run(
        &self,
        request: &IngestRequest,
        progress: &dyn Progress,
        stop: &StopFlag,
    ) -> Result<RunReport> {
        let run = SmolStr::new(uuid::Uuid::now_v7().to_string());
        self.run_named(run, request, progress, stop).await
    }

    /// [`Ingest::run`] under an id of the caller's.
    ///
    /// # Errors
    /// As [`Ingest::run`].
    pub async fn run_named(
        &self,
        run: SmolStr,
        request: &IngestRequest,
        progress: &dyn Progress,
        stop: &StopFlag,
    ) -> Result<RunReport> {
        request.check()?;
        let started_at = self.clock.now();
        let groups = groups(request);
        let context = self.context(&run, request, &groups, progress, stop, started_at).await?;
        let work = groups.iter().map(|group| context.run_group(group));
        let endpoints = futures::future::join_all(work).await.into_iter().flatten().collect();
        let RunContext { writer, fatal, .. } = context;
        let finished = writer.into_inner().finish().await;
        let fatal = fatal.into_inner().unwrap_or_else(PoisonError::into_inner);
        let error = fatal.or_else(|| finished.as_ref().err().map(Failure::of));
        let mut report = RunReport::close(run, request.kind, started_at, self.clock.now(), endpoints, error);
        if report.outcome == Outcome::Cancelled && stop.is_robbed() {
            report.error = Some(Failure::of(&robbed()));
        }
        self.keep_record(RunReport { behind: finished.unwrap_or_default(), ..report }).await
    }

    async fn keep_record(&self, mut report: RunReport) -> Result<RunReport> {
        if let Err(error) = self.pages.append_run(report.record()).await {
            tracing::error!(%error, run = %report.run, "the record of the run was not kept");
            if report.error.is_none() {
                report.outcome = Outcome::Failed;
                report.error = Some(Failure::of(&error));
            }
        }
        Ok(report)
    }

    pub(crate) async fn before(&self) -> Result<Before> {
        Ok(Before { states: self.pages.stream_states().await?, not_yet: self.memory.not_yet().await? })
    }

    async fn context<'r>(
        &'r self,
        run: &SmolStr,
        request: &'r IngestRequest,
        groups: &[Group],
        progress: &'r dyn Progress,
        stop: &StopFlag,
        now: Timestamp,
    ) -> Result<RunContext<'r>> {
        let platform = |group: &Group| SmolStr::new(group.adapter.descriptor().platform);
        Ok(RunContext {
            ingest: self,
            request,
            progress,
            stop: stop.child(),
            now,
            before: self.before().await?,
            answers: Mutex::new(self.memory.answers().await?),
            lacking: self.memory.capabilities().await?,
            writer: AsyncMutex::new(self.pages.writer(run).await?),
            learnt: Mutex::new(self.pages.platform_ids().await?),
            dead_tokens: Mutex::default(),
            silent: Mutex::default(),
            permits: Semaphore::new(self.options.concurrency.max(1)),
            shared: groups.iter().map(|group| (platform(group), AsyncMutex::new(()))).collect(),
            fatal: Mutex::default(),
        })
    }
}

impl RunContext<'_> {
    /// Lists and windows first; then, when they rest, what is asked about the posts that they brought.
    async fn run_group(&self, group: &Group) -> Vec<EndpointReport> {
        let units = group.units(self.request, &self.lacking, self.now);
        let mut reports: Vec<_> = units.iter().flat_map(|unit| &unit.lacking).map(resting).collect();
        let (lists, batches): (Vec<_>, Vec<_>) =
            units.into_iter().partition(|unit| Stage::of(unit.endpoint) == Stage::Lists);
        let known = if lists.iter().any(Unit::needs_known_posts) {
            self.known_posts(group).await.unwrap_or_else(|error| {
                self.fail(&error);
                Vec::new()
            })
        } else {
            Vec::new()
        };
        reports.extend(self.run_units(self.resumed_first(lists), &known).await);
        if batches.is_empty() {
            return reports;
        }
        let posts = match self.known_posts(group).await {
            Ok(posts) => posts,
            Err(error) => {
                self.fail(&error);
                Vec::new()
            }
        };
        reports.extend(self.run_units(self.resumed_first(batches), &posts).await);
        reports
    }

    async fn known_posts(&self, group: &Group) -> Result<Vec<KnownPost>> {
        self.writer.lock().await.flush().await?;
        self.ingest.pages.known_posts(&group.account_ids()).await
    }

    fn resumed_first<'g>(&self, units: Vec<Unit<'g>>) -> Vec<Unit<'g>> {
        let interrupted = |unit: &Unit<'_>| {
            unit.jobs(&self.before, &[], self.now, self.request.range)
                .is_ok_and(|jobs| jobs.iter().any(|job| !job.cursor.is_start()))
        };
        let (first, then): (Vec<_>, Vec<_>) = units.into_iter().partition(interrupted);
        first.into_iter().chain(then).collect()
    }

    /// Runs units at the same time as long as no account is in two hands.
    async fn run_units(&self, units: Vec<Unit<'_>>, posts: &[KnownPost]) -> Vec<EndpointReport> {
        let mut waiting = VecDeque::from(units);
        let mut busy: HashSet<AccountId> = HashSet::new();
        let mut running = FuturesUnordered::new();
        let mut reports = Vec::new();
        loop {
            while let Some(unit) = take_free(&mut waiting, &busy) {
                busy.extend(unit.account_ids());
                running.push(self.run_unit(unit, posts));
            }
            let Some((accounts, report)) = running.next().await else { return reports };
            for account in &accounts {
                busy.remove(account);
            }
            reports.extend(report);
        }
    }

    async fn run_unit(
        &self,
        mut unit: Unit<'_>,
        posts: &[KnownPost],
    ) -> (Vec<AccountId>, Option<EndpointReport>) {
        self.name(&mut unit.accounts);
        let accounts = unit.account_ids();
        if accounts.is_empty() {
            return (accounts, None);
        }
        let platform = unit.group.adapter.descriptor().platform;
        let shared = self.shared.get(platform).filter(|_| unit.is_shared());
        let _alone = match shared {
            Some(lock) => Some(lock.lock().await),
            None => None,
        };
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await.ok();
        let report = read_unit(self, &unit, posts).await;
        self.progress.ended(&report);
        (accounts, Some(report))
    }

    /// Names accounts by the ids that were learnt, where the configuration names none.
    fn name(&self, accounts: &mut [AccountRef]) {
        let learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        for account in accounts.iter_mut().filter(|account| account.platform_id.is_none()) {
            account.platform_id = learnt.get(&account.id).cloned();
        }
    }

    /// Keeps the ids that a page tells, for what is asked next.
    pub(crate) fn learn(&self, accounts: &[Account]) {
        let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        for account in accounts {
            if let Some(id) = &account.platform_id {
                learnt.insert(account.id.clone(), id.clone());
            }
        }
    }

    /// Whether an account was known to lack an endpoint when the run began.
    pub(crate) fn lacked(&self, account: &AccountId, endpoint: &str) -> bool {
        let whole = |known: &&Capability| known.metric.is_none() && known.endpoint == endpoint;
        self.lacking.iter().filter(whole).any(|known| known.account == *account)
    }

    /// Since when one of these accounts is known to lack an endpoint.
    pub(crate) fn lacking_since(&self, accounts: &[AccountRef], endpoint: &str) -> Option<Timestamp> {
        let of_these = |known: &&Capability| {
            let whole = known.metric.is_none() && known.endpoint == endpoint;
            whole && accounts.iter().any(|account| account.id == known.account)
        };
        self.lacking.iter().filter(of_these).map(|known| known.since).min()
    }

    /// Ends the whole run: what is read could not be written.
    pub(crate) fn fail(&self, error: &Error) {
        let mut fatal = self.fatal.lock().unwrap_or_else(PoisonError::into_inner);
        fatal.get_or_insert_with(|| Failure::of(error));
        self.stop.stop();
    }
}

/// Why a run was stopped that nobody asked to stop.
fn robbed() -> Error {
    Error::new(ErrorKind::Unavailable, "another run took what this one had in hand for free, and it gave way").hint(
        "what it read is kept and the next run goes on; it was silent for minutes on a disk that knows no file locks: \
         keep the machine awake, or the project's folder on a local disk",
    )
}

/// An endpoint that an account is known to lack and that is not asked yet.
fn resting(known: &Capability) -> EndpointReport {
    let mut report = EndpointReport::new(vec![known.account.clone()], &known.endpoint);
    report.ending = Ending::Resting { until: known.retry_at, reason: known.reason.clone() };
    report
}

fn take_free<'g>(waiting: &mut VecDeque<Unit<'g>>, busy: &HashSet<AccountId>) -> Option<Unit<'g>> {
    let free = |unit: &Unit<'_>| unit.accounts.iter().all(|account| !busy.contains(&account.id));
    let place = waiting.iter().position(free)?;
    waiting.remove(place)
}
