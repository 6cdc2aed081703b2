//! A toy platform, a journal in memory and a clock that only moves when it is told to.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp, civil::Date};
use kepi_core::{
    AccountId, AccountRef, Adapter, Body, Calls, Cost, Cursor, Decoder, Descriptor, Endpoint, Error,
    ErrorKind, Job, Measurement, MetricId, Page, Post, PostRef, Quota, Reading, Request, Response, Result,
    Shape, Stream, Subject, Value, Window,
    descriptor::{Earliest, Reset, Scope},
    plan::{KnownPost, StreamState},
};
use kepi_transport::QuotaDomain;
use smol_str::SmolStr;
use tokio::sync::Notify;

use crate::{
    Fetch, InMemory, Ingest, IngestAccount, IngestOptions, IngestRequest, Outcome, PageWriter, Pages,
    RunReport, Silent, StopFlag,
    seam::{Clock, Fetched, NewPage, RunRecord, Spend},
};

const QUOTA: &[Quota] =
    &[Quota { pool: "reads", requests: 3, interval_secs: 900, scope: Scope::User, reset: Reset::Window }];

static ENDPOINTS: [Endpoint; 5] = [
    Endpoint { token: Some("user"), ..Endpoint::new("profile", "the account", Shape::Snapshot) },
    Endpoint {
        token: Some("user"),
        lookback_days: 2,
        earliest: Earliest::DaysBack(30),
        quotas: QUOTA,
        ..Endpoint::new("daily", "days", Shape::Windows { max_days: 3 })
    },
    Endpoint {
        token: Some("user"),
        page_size: 2,
        page_cap: Some(6),
        cost: Cost::PerItem(5_000),
        ..Endpoint::new("posts", "posts", Shape::Listing { published_within_days: Some(29) })
    },
    Endpoint {
        token: Some("app"),
        cost: Cost::PerItem(5_000),
        ..Endpoint::new(
            "numbers",
            "old posts",
            Shape::Batch { max: 2, ages: (0, u16::MAX), refresh: &[(u16::MAX, 1)] },
        )
    },
    Endpoint {
        accounts_per_call: 100,
        token: Some("app"),
        cost: Cost::PerItem(10_000),
        ..Endpoint::new("followers", "all accounts", Shape::Snapshot)
    },
];

/// Its bodies are pages, written as JSON.
#[derive(Debug)]
pub(crate) struct Toy {
    descriptor: Descriptor,
}

impl Toy {
    pub(crate) fn new(platform: &'static str) -> Arc<Self> {
        Self::with(platform, &ENDPOINTS)
    }

    pub(crate) fn with(platform: &'static str, endpoints: &'static [Endpoint]) -> Arc<Self> {
        let descriptor = Descriptor {
            platform,
            title: "Toy",
            day_zone: None,
            traffic_order: &[],
            tokens: &[],
            settings_schema: || serde_json::Value::Null,
            endpoints,
            check_calls: 1,
            known_gaps: &[],
        };
        Arc::new(Self { descriptor })
    }
}

impl Decoder for Toy {
    fn decode(&self, _: &Job, _: &Cursor, body: &Body) -> Result<Page> {
        serde_json::from_slice(&body.bytes).map_err(|error| Error::bad_response("no page").caused_by(error))
    }
}

impl Adapter for Toy {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn request(&self, job: &Job, _: &Cursor) -> Result<Request> {
        Ok(Request::get(format!("https://toy.example/{}", job.endpoint)))
    }

    fn calls(&self, job: &Job) -> Calls {
        match job.endpoint.as_str() {
            "stepwise" => Calls::exactly(4),
            _ => Calls::by_shape(&self.descriptor, job),
        }
    }

    fn classify(&self, _: &Response) -> Option<Error> {
        None
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn cursor(state: &str) -> Cursor {
    Cursor::from_state(&state).unwrap()
}

/// A page with one number of the job's first account, and where it goes on.
pub(crate) fn page(job: &Job, number: i64, next: Option<&str>) -> Page {
    let account = job.account().unwrap().id.clone();
    let window = job.window.map_or(Window::At(job.planned_at), |days| Window::Day(days.start));
    let mut measurement = Measurement::new(Subject::account(account), window, job.planned_at);
    measurement.values.push(Reading::count(MetricId::from_static("impressions"), number));
    Page { measurements: vec![measurement], next: next.map(cursor), ..Page::default() }
}

/// A page of posts without numbers.
pub(crate) fn post_page(job: &Job, ids: &[&str], next: Option<&str>) -> Page {
    let account = job.account().unwrap().id.clone();
    let posts =
        ids.iter().map(|id| Post { published_at: Some(job.planned_at), ..Post::new(account.clone(), *id) });
    let billed_items = u32::try_from(ids.len()).unwrap();
    Page { posts: posts.collect(), billed_items, next: next.map(cursor), ..Page::default() }
}

/// A page of posts that say these numbers of one metric, now or of a day.
pub(crate) fn counted(
    job: &Job,
    metric: &'static str,
    days: &[Option<Date>],
    numbers: &[(&str, i64)],
) -> Page {
    let account = job.account().unwrap().id.clone();
    let one = |day: &Option<Date>, id: &str, number: i64| {
        let window = day.map_or(Window::At(job.planned_at), Window::Day);
        let mut one = Measurement::new(Subject::post(account.clone(), id), window, job.planned_at);
        one.values.push(Reading::count(MetricId::from_static(metric), number));
        one
    };
    let each = |day| numbers.iter().map(move |(id, number)| one(day, id, *number));
    let ids: Vec<&str> = numbers.iter().map(|(id, _)| *id).collect();
    Page { measurements: days.iter().flat_map(each).collect(), ..post_page(job, &ids, None) }
}

type Answer = Box<dyn Fn(&Job, &Cursor) -> Result<Page> + Send + Sync>;

/// The platform's other side: answers as it is told and writes down what it was asked.
pub(crate) struct Platform {
    answer: Mutex<Answer>,
    log: Arc<Log>,
    clock: Arc<StillClock>,
    busy: Mutex<HashSet<AccountId>>,
    /// How many pages were asked for.
    asked: Mutex<usize>,
    /// With the answer to so many pages comes the wish to stop.
    pub(crate) stop_after: Mutex<Option<(usize, StopFlag)>>,
    /// After so many pages nothing is answered any more.
    pub(crate) hang_after: Mutex<Option<usize>>,
    pub(crate) hangs: Notify,
    /// The most endpoints that were asked at once.
    pub(crate) widest: Mutex<usize>,
    /// What its accounts share of its limits.
    pub(crate) domains: Mutex<BTreeSet<QuotaDomain>>,
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Platform")
    }
}

#[async_trait]
impl Fetch for Platform {
    async fn fetch(&self, _: &dyn Adapter, job: &Job, cursor: &Cursor, spent: &mut Spend) -> Result<Fetched> {
        let accounts: Vec<AccountId> = job.accounts.iter().map(|account| account.id.clone()).collect();
        {
            let mut busy = self.busy.lock().unwrap();
            for account in &accounts {
                assert!(busy.insert(account.clone()), "{account} is in two hands");
            }
            let mut widest = self.widest.lock().unwrap();
            *widest = (*widest).max(busy.len());
        }
        let number = *self.asked.lock().unwrap() + 1;
        *self.asked.lock().unwrap() = number;
        if self.hang_after.lock().unwrap().is_some_and(|after| number > after) {
            self.hangs.notify_one();
            std::future::pending::<()>().await;
        }
        if let Some((_, stop)) =
            self.stop_after.lock().unwrap().as_ref().filter(|(after, _)| number == *after)
        {
            stop.stop();
        }
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        for account in &accounts {
            self.busy.lock().unwrap().remove(account);
        }
        let days = job.window.map(|days| format!(" {days}")).unwrap_or_default();
        self.log.write(format!("ask {}:{}{days} {cursor:?}", names(&accounts), job.endpoint));
        let answer = (self.answer.lock().unwrap())(job, cursor);
        // A ceiling stops before the call.
        let stopped = |error: &Error| error.kind() == ErrorKind::BudgetExhausted;
        spent.calls += u64::from(!answer.as_ref().is_err_and(stopped));
        let answer = answer?;
        spent.micro_usd += 500_000;
        let body = Body::json(serde_json::to_vec(&answer).unwrap(), self.clock.now());
        let request = format!("GET https://toy.example/{}", job.endpoint);
        let identity = String::new();
        Ok(Fetched { body, request, calls: 1, cost_micro_usd: 500_000, attempts: 1, identity })
    }

    fn calls_left(&self, _: &dyn Adapter, _: &Fetched, endpoint: &str, left: u32, until: Timestamp) {
        self.log.write(format!("left {endpoint} {left} until {until}"));
    }

    async fn settle(&self, _: &dyn Adapter, _: &Job, _: &Fetched, items: u32) -> Result<u64> {
        Ok(u64::from(items) * 5_000)
    }

    fn quota_domains(&self, _: &dyn Adapter, _: &AccountId) -> BTreeSet<QuotaDomain> {
        self.domains.lock().unwrap().clone()
    }
}

impl Platform {
    /// Forgets who was in hand when a run was killed.
    pub(crate) fn reset(&self) {
        self.busy.lock().unwrap().clear();
    }
}

fn names(accounts: &[AccountId]) -> String {
    accounts.iter().map(AccountId::name).collect::<Vec<_>>().join("+")
}

/// What happened, in order.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<Vec<String>>);

impl Log {
    pub(crate) fn write(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A clock that stands still until it is moved; who sleeps on it never wakes.
#[derive(Debug)]
pub(crate) struct StillClock(Mutex<Timestamp>);

impl StillClock {
    pub(crate) fn forward(&self, hours: i64) {
        let mut now = self.0.lock().unwrap();
        *now += SignedDuration::from_hours(hours);
    }
}

#[async_trait]
impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep_until(&self, at: Timestamp) {
        if at > self.now() {
            std::future::pending::<()>().await;
        }
    }
}

/// A journal in memory.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) pages: Mutex<Vec<NewPage>>,
    pub(crate) runs: Mutex<Vec<RunRecord>>,
    /// After so many pages nothing more can be written.
    pub(crate) full_at: Mutex<Option<usize>>,
    /// A commit by itself when so many pages wait; never at 0.
    pub(crate) commit_every: Mutex<usize>,
    log: Arc<Log>,
}

#[derive(Debug)]
struct JournalWriter {
    journal: Arc<Journal>,
    taken: Vec<NewPage>,
}

/// The journal as the loop sees it.
#[derive(Debug)]
pub(crate) struct Shelf(pub(crate) Arc<Journal>);

#[async_trait]
impl Pages for Shelf {
    async fn stream_states(&self) -> Result<HashMap<Stream, StreamState>> {
        let mut states: HashMap<Stream, StreamState> = HashMap::new();
        for page in self.0.pages.lock().unwrap().iter() {
            let sequence = states.get(&page.stream).map_or(1, |state| state.sequence + 1);
            let (job, next) = (page.job.clone(), page.page.next.clone());
            let mut covered = states.remove(&page.stream).map(|state| state.covered).unwrap_or_default();
            covered.extend(job.window.filter(|_| next.is_none()));
            let covered = kepi_core::plan::merged(covered);
            let state = StreamState { sequence, job, next, observed_at: page.body.observed_at, covered };
            states.insert(page.stream.clone(), state);
        }
        Ok(states)
    }

    async fn known_posts(&self, accounts: &[AccountId]) -> Result<Vec<KnownPost>> {
        let pages = self.0.pages.lock().unwrap();
        let mut known: BTreeMap<(AccountId, SmolStr), KnownPost> = BTreeMap::new();
        for post in
            pages.iter().flat_map(|page| &page.page.posts).filter(|post| accounts.contains(&post.account))
        {
            let (account, id) = (post.account.clone(), post.id.clone());
            let post = PostRef { account: account.clone(), id: id.clone(), published_at: post.published_at };
            known.entry((account, id)).or_insert(KnownPost { post, last_observed: None });
        }
        for page in pages.iter() {
            for post in &page.job.posts {
                if let Some(known) = known.get_mut(&(post.account.clone(), post.id.clone())) {
                    known.last_observed = Some(page.body.observed_at);
                }
            }
        }
        Ok(known.into_values().collect())
    }

    async fn above_zero(&self, asked: &[Measurement]) -> Result<Vec<Vec<MetricId>>> {
        let pages = self.0.pages.lock().unwrap();
        let same = |known: &Measurement, one: &Measurement| {
            let window = matches!(one.window, Window::At(_)) || known.window == one.window;
            known.subject == one.subject && known.traffic == one.traffic && window
        };
        let above = |one: &Measurement| {
            let last = |metric: &MetricId| {
                let said = pages.iter().rev().flat_map(|page| &page.page.measurements);
                said.filter(|known| same(known, one)).find_map(|known| known.value(metric.as_str()).cloned())
            };
            let above = |metric: &MetricId| matches!(last(metric), Some(Value::Count(count)) if count > 0);
            one.values.iter().map(|reading| reading.metric.clone()).filter(above).collect()
        };
        Ok(asked.iter().map(above).collect())
    }

    async fn writer(&self, _: &SmolStr) -> Result<Box<dyn PageWriter>> {
        Ok(Box::new(JournalWriter { journal: self.0.clone(), taken: Vec::new() }))
    }

    async fn append_run(&self, record: RunRecord) -> Result<()> {
        self.0.runs.lock().unwrap().push(record);
        Ok(())
    }
}

#[async_trait]
impl PageWriter for JournalWriter {
    async fn push(&mut self, page: NewPage) -> Result<()> {
        let written = self.journal.pages.lock().unwrap().len() + self.taken.len();
        if self.journal.full_at.lock().unwrap().is_some_and(|full| written >= full) {
            return Err(Error::new(ErrorKind::Store, "the disk is full").hint("make room"));
        }
        self.journal.log.write(format!("push {} {:?}", page.stream, page.page.next));
        self.taken.push(page);
        if self.taken.len() == *self.journal.commit_every.lock().unwrap() {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        self.journal.pages.lock().unwrap().append(&mut self.taken);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<u64> {
        self.flush().await?;
        Ok(0)
    }
}

/// A platform, a journal, a loop between them.
pub(crate) struct World {
    pub(crate) platform: Arc<Platform>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) clock: Arc<StillClock>,
    pub(crate) log: Arc<Log>,
    pub(crate) ingest: Ingest,
    pub(crate) stop: StopFlag,
    pub(crate) request: IngestRequest,
}

pub(crate) fn account(adapter: &Arc<Toy>, id: &str, credential: &str) -> IngestAccount {
    let id: AccountId = id.parse().unwrap();
    let reference = AccountRef::new(id, "UTC");
    IngestAccount { reference, adapter: adapter.clone(), credential: credential.into() }
}

impl World {
    /// One account, only the endpoints named.
    pub(crate) fn new(endpoints: &[&str]) -> Self {
        let toy = Toy::new("toy");
        Self::of(vec![account(&toy, "toy/a", "one")], endpoints)
    }

    pub(crate) fn of(accounts: Vec<IngestAccount>, endpoints: &[&str]) -> Self {
        let log = Arc::new(Log::default());
        let clock = Arc::new(StillClock(Mutex::new(at("2026-10-08T12:00:00Z"))));
        let platform = Arc::new(Platform {
            answer: Mutex::new(Box::new(|job, _| Ok(page(job, 1, None)))),
            log: log.clone(),
            clock: clock.clone(),
            busy: Mutex::default(),
            asked: Mutex::default(),
            stop_after: Mutex::default(),
            hang_after: Mutex::default(),
            hangs: Notify::new(),
            widest: Mutex::default(),
            domains: Mutex::default(),
        });
        let journal = Arc::new(Journal { log: log.clone(), ..Journal::default() });
        let shelf = Arc::new(Shelf(journal.clone()));
        let memory = Arc::new(InMemory::default());
        let options = IngestOptions::default();
        let ingest = Ingest::new(platform.clone(), shelf, memory, clock.clone(), options);
        let endpoints = endpoints.iter().map(SmolStr::new).collect();
        let request = IngestRequest { accounts, endpoints, ..IngestRequest::default() };
        Self { platform, journal, clock, log, ingest, stop: StopFlag::default(), request }
    }

    pub(crate) fn answers(&self, answer: impl Fn(&Job, &Cursor) -> Result<Page> + Send + Sync + 'static) {
        *self.platform.answer.lock().unwrap() = Box::new(answer);
    }

    pub(crate) async fn run(&self) -> RunReport {
        self.ingest.run(&self.request, &Silent, &self.stop).await.unwrap()
    }

    /// Runs and says how it ended and what was asked.
    pub(crate) async fn asked(&self) -> (Outcome, Vec<String>) {
        self.log.take();
        let report = self.run().await;
        let asked =
            self.log.take().into_iter().filter_map(|line| line.strip_prefix("ask ").map(str::to_owned));
        (report.outcome, asked.collect())
    }
}
