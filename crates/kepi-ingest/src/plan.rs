//! What a pass would ask for, and what that costs, before any call is made.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kepi_core::{
    AccountId, Calls, Cost, DateSpan, Error, ErrorKind, Result, Shape,
    plan::{KnownPost, PlannedJob},
};
use serde::Serialize;
use smol_str::SmolStr;

use crate::{
    Capability, Ingest, IngestRequest,
    work::{Group, Stage, Unit, groups, hull},
};

/// What a pass would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanReport {
    /// When it was planned.
    pub planned_at: Timestamp,
    /// Per account and endpoint, in the order in which they would be asked.
    pub endpoints: Vec<PlannedEndpoint>,
    /// In all.
    pub total: Estimate,
    /// What a reader should know of the whole: quotas that it does not fit.
    pub warnings: Vec<String>,
}

/// How many calls, items and how much money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// Calls.
    pub calls: u64,
    /// Items that the platform returns.
    pub items: u64,
    /// Millionths of a US dollar.
    pub cost_micro_usd: u64,
    /// The most that it can cost, where that is known: a list costs as much as the platform gives of it.
    pub cost_at_most_micro_usd: Option<u64>,
    /// Some of it is a list whose length only the platform knows: it may be more.
    pub at_least: bool,
}

impl Default for Estimate {
    fn default() -> Self {
        Self { calls: 0, items: 0, cost_micro_usd: 0, cost_at_most_micro_usd: Some(0), at_least: false }
    }
}

impl Estimate {
    fn add(&mut self, other: Self) {
        let most = self.cost_at_most_micro_usd.zip(other.cost_at_most_micro_usd);
        self.cost_at_most_micro_usd = most.map(|(one, other)| one + other);
        self.calls += other.calls;
        self.items += other.items;
        self.cost_micro_usd += other.cost_micro_usd;
        self.at_least |= other.at_least;
    }
}

/// One endpoint of one account, or of the accounts that share its calls.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedEndpoint {
    /// The platform.
    pub platform: SmolStr,
    /// The credential it is asked with.
    pub credential: SmolStr,
    /// Whose.
    pub accounts: Vec<AccountId>,
    /// Which endpoint.
    pub endpoint: SmolStr,
    /// What it gives, for people.
    pub title: SmolStr,
    /// How many jobs: windows, batches or lists.
    pub jobs: u64,
    /// How many of them go on where an interrupted run stood.
    pub resumed: u64,
    /// The account-local days they span.
    pub days: Option<DateSpan>,
    /// Days that were asked for and lie before what the platform keeps.
    pub clamped: Vec<DateSpan>,
    /// What it takes.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// What a reader should know.
    pub warnings: Vec<String>,
    /// Accounts that are left out because they are known to lack it.
    pub lacking: Vec<Capability>,
    /// Why it cannot be asked at all.
    pub refused: Option<String>,
}

impl Ingest {
    /// Says what [`Ingest::run`] would ask for now: endpoints, days, calls, items and money. Makes no call.
    ///
    /// # Errors
    /// `BadInput` for an unknown endpoint, `BadConfig` for an account's unknown zone, `Store` when what was
    /// read before cannot be looked up.
    pub async fn plan(&self, request: &IngestRequest) -> Result<PlanReport> {
        request.check()?;
        let now = self.clock.now();
        let before = self.before().await?;
        let lacking = self.memory.capabilities().await?;
        let mut report = PlanReport {
            planned_at: now,
            endpoints: Vec::new(),
            total: Estimate::default(),
            warnings: Vec::new(),
        };
        let mut pools = BTreeMap::new();
        for group in groups(request) {
            let posts = self.pages.known_posts(&group.account_ids()).await?;
            for stage in [Stage::Lists, Stage::Batches] {
                let units = group.units(request, &lacking, now);
                for unit in units.iter().filter(|unit| Stage::of(unit.endpoint) == stage) {
                    let jobs =
                        unit.check_sunset(now).and_then(|()| unit.jobs(&before, &posts, now, request.range));
                    let planned = describe(unit, jobs, &posts, now);
                    report.total.add(planned.estimate);
                    draw(&mut pools, &group, unit, planned.estimate.calls);
                    report.endpoints.push(planned);
                }
            }
        }
        report.warnings = pools.into_values().filter_map(|pool: Pool| pool.warning()).collect();
        Ok(report)
    }
}

fn describe(
    unit: &Unit<'_>,
    jobs: Result<Vec<PlannedJob>, Error>,
    posts: &[KnownPost],
    now: Timestamp,
) -> PlannedEndpoint {
    let (jobs, refused) = match jobs.and_then(|jobs| askable(unit, jobs)) {
        Ok(jobs) => (jobs, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    PlannedEndpoint {
        platform: unit.group.adapter.descriptor().platform.into(),
        credential: unit.group.credential.clone(),
        accounts: unit.account_ids(),
        endpoint: unit.endpoint.name.into(),
        title: unit.endpoint.title.into(),
        jobs: length(jobs.len()),
        resumed: length(jobs.iter().filter(|job| !job.cursor.is_start()).count()),
        days: hull(&jobs),
        clamped: jobs.iter().filter_map(|job| job.clamped).collect(),
        estimate: estimate(unit, &jobs, posts),
        warnings: unit.sunset_warning(now).into_iter().collect(),
        lacking: unit.lacking.clone(),
        refused,
    }
}

/// What the settings do not ask for, or an account cannot be asked for, takes no call.
fn askable(unit: &Unit<'_>, jobs: Vec<PlannedJob>) -> Result<Vec<PlannedJob>, Error> {
    let asked = jobs.first().map(|first| unit.group.adapter.request(&first.job, &first.cursor));
    match asked {
        Some(Err(error)) if matches!(error.kind(), ErrorKind::NotOffered | ErrorKind::BadConfig) => {
            Err(error)
        }
        _ => Ok(jobs),
    }
}

fn estimate(unit: &Unit<'_>, jobs: &[PlannedJob], posts: &[KnownPost]) -> Estimate {
    let mut sum = Estimate::default();
    for job in jobs {
        sum.add(estimate_job(unit, job, posts));
    }
    let price = |calls: u64, items: u64| match unit.endpoint.cost {
        Cost::Free => 0,
        Cost::PerCall(price) => calls * u64::from(price),
        Cost::PerItem(price) => items * u64::from(price),
    };
    let cost = price(sum.calls, sum.items);
    // A list costs at most what the platform gives of it, in pages that are full.
    let most = match unit.endpoint.page_cap {
        _ if !sum.at_least || unit.endpoint.cost == Cost::Free => Some(cost),
        Some(cap) => {
            let items = u64::from(cap) * length(jobs.len());
            Some(price(items.div_ceil(u64::from(unit.endpoint.page_size.max(1))), items).max(cost))
        }
        None => None,
    };
    Estimate { cost_micro_usd: cost, cost_at_most_micro_usd: most, ..sum }
}

fn estimate_job(unit: &Unit<'_>, planned: &PlannedJob, posts: &[KnownPost]) -> Estimate {
    let job = &planned.job;
    // What was interrupted has some of its steps behind it.
    let takes = if planned.cursor.is_start() { unit.group.adapter.calls(job) } else { Calls::at_least(1) };
    let (calls, at_least) = (u64::from(takes.count), takes.at_least);
    let with_items = |items| Estimate { calls, items, at_least, ..Estimate::default() };
    match unit.endpoint.shape {
        Shape::Snapshot => with_items(length(job.accounts.len())),
        Shape::Batch { .. } => with_items(length(job.posts.len())),
        Shape::Windows { .. } | Shape::Trailing { .. } => {
            with_items(job.window.map_or(0, |window| u64::try_from(window.days()).unwrap_or(0)))
        }
        Shape::Listing { .. } => {
            let listed = |known: &&KnownPost| {
                let day = known
                    .post
                    .published_at
                    .map(|at| kepi_core::period::local_day(at, &jiff::tz::TimeZone::UTC));
                job.accounts.iter().any(|account| account.id == known.post.account)
                    && job.window.is_none_or(|window| day.is_some_and(|day| window.contains(day)))
            };
            let items = length(posts.iter().filter(listed).count());
            let pages = items.div_ceil(u64::from(unit.endpoint.page_size.max(1)));
            let calls = calls.max(pages);
            Estimate { calls, items, at_least: true, ..Estimate::default() }
        }
    }
}

/// What a plan takes out of one allowance.
struct Pool {
    name: String,
    calls: u64,
    requests: u32,
    interval_secs: u32,
}

fn draw(
    pools: &mut BTreeMap<(SmolStr, &'static str, u32), Pool>,
    group: &Group,
    unit: &Unit<'_>,
    calls: u64,
) {
    for quota in unit.endpoint.quotas {
        let pool =
            pools.entry((group.credential.clone(), quota.pool, quota.interval_secs)).or_insert_with(|| {
                Pool {
                    name: format!("{} of {}", quota.pool, group.adapter.descriptor().title),
                    calls: 0,
                    requests: quota.requests,
                    interval_secs: quota.interval_secs,
                }
            });
        pool.calls += calls;
    }
}

impl Pool {
    fn warning(&self) -> Option<String> {
        let Self { name, calls, requests, interval_secs } = self;
        let intervals = calls.div_ceil(u64::from(*requests).max(1));
        (calls > &u64::from(*requests)).then(|| {
            let seconds = (intervals - 1) * u64::from(*interval_secs);
            format!(
                "{calls} calls and an allowance of {requests} in {interval_secs} s ({name}): it takes at least {seconds} s, or goes on in a later run"
            )
        })
    }
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
