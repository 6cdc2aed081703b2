//! A pass cut into units of work: one endpoint of one account, or of all accounts that share its calls.

use std::{collections::HashMap, sync::Arc};

use jiff::{Timestamp, tz::TimeZone};
use kepi_core::{
    AccountId, AccountRef, Adapter, Cursor, DateSpan, Endpoint, Error, Job, Result, Shape, Stream,
    period::{add_days, local_day},
    plan::{KnownPost, PlanInput, PlannedJob, StreamState, plan},
};
use smol_str::SmolStr;

use crate::{Capability, IngestRequest};

/// How long before an endpoint's end a plan begins to warn.
const SUNSET_WARNING_DAYS: i32 = 90;

/// The accounts of one platform that are asked with one credential.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) adapter: Arc<dyn Adapter>,
    pub(crate) credential: SmolStr,
    pub(crate) accounts: Vec<AccountRef>,
}

/// One endpoint of one account, or of all accounts of a group that share its calls.
#[derive(Debug)]
pub(crate) struct Unit<'g> {
    pub(crate) group: &'g Group,
    pub(crate) endpoint: &'static Endpoint,
    pub(crate) accounts: Vec<AccountRef>,
    /// Accounts that it leaves out, and why.
    pub(crate) lacking: Vec<Capability>,
    /// Metrics that its account is known not to have, where it is of one account.
    pub(crate) refused: Vec<SmolStr>,
}

/// What was read before.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// Where every stream stands.
    pub(crate) states: HashMap<Stream, StreamState>,
    /// Days that were asked for and were not there yet.
    pub(crate) not_yet: HashMap<Stream, DateSpan>,
}

/// What is read first, and what is asked about posts that the first brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Lists,
    Batches,
}

impl Stage {
    pub(crate) fn of(endpoint: &Endpoint) -> Self {
        if matches!(endpoint.shape, Shape::Batch { .. }) { Self::Batches } else { Self::Lists }
    }
}

/// Accounts by platform and credential, in the order in which they were named.
pub(crate) fn groups(request: &IngestRequest) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<(String, SmolStr), usize> = HashMap::new();
    for account in &request.accounts {
        let key = (account.reference.id.platform_name().to_owned(), account.credential.clone());
        let place = *places.entry(key).or_insert_with(|| {
            groups.push(Group {
                adapter: account.adapter.clone(),
                credential: account.credential.clone(),
                accounts: Vec::new(),
            });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            group.accounts.push(account.reference.clone());
        }
    }
    groups
}

impl Group {
    pub(crate) fn account_ids(&self) -> Vec<AccountId> {
        self.accounts.iter().map(|account| account.id.clone()).collect()
    }

    /// The units of all endpoints that the request wants, in the descriptor's order.
    pub(crate) fn units<'g>(
        &'g self,
        request: &IngestRequest,
        lacking: &[Capability],
        now: Timestamp,
    ) -> Vec<Unit<'g>> {
        let endpoints: &'static [Endpoint] = self.adapter.descriptor().endpoints;
        let mut units = Vec::new();
        for endpoint in endpoints.iter().filter(|endpoint| request.wants(endpoint.name)) {
            let lacks = |account: &AccountRef| {
                let id = account.id.clone();
                lacking.iter().filter(move |lack| {
                    lack.account == id && lack.endpoint == endpoint.name && now < lack.retry_at
                })
            };
            let known = |account: &AccountRef| lacks(account).find(|lack| lack.metric.is_none());
            let metrics =
                |account: &AccountRef| lacks(account).filter_map(|lack| lack.metric.clone()).collect();
            let wanted = self.accounts.iter().filter(|account| {
                endpoint.is_asked_of(account) && request.wants_of(&account.id, endpoint.name)
            });
            let (without, with): (Vec<&AccountRef>, Vec<&AccountRef>) =
                wanted.partition(|account| known(account).is_some());
            let lacking: Vec<Capability> = without.into_iter().filter_map(known).cloned().collect();
            let with: Vec<AccountRef> = with.into_iter().cloned().collect();
            let unit =
                |accounts, lacking, refused| Unit { group: self, endpoint, accounts, lacking, refused };
            if endpoint.accounts_per_call > 1 {
                units.push(unit(with, lacking, Vec::new()));
            } else {
                units.extend(with.into_iter().map(|account| {
                    let refused = metrics(&account);
                    unit(vec![account], Vec::new(), refused)
                }));
                units.extend(lacking.into_iter().map(|lack| unit(Vec::new(), vec![lack], Vec::new())));
            }
        }
        units
    }
}

impl Unit<'_> {
    pub(crate) fn account_ids(&self) -> Vec<AccountId> {
        self.accounts.iter().map(|account| account.id.clone()).collect()
    }

    /// The stream that accounts of several groups write to, where they share one.
    pub(crate) fn is_shared(&self) -> bool {
        self.endpoint.accounts_per_call > 1
    }

    /// Whether it shows only the newest posts, so that it must be told which are known.
    pub(crate) fn needs_known_posts(&self) -> bool {
        self.endpoint.shape == Shape::Snapshot && self.endpoint.page_cap.is_some()
    }

    /// An endpoint whose version has ended is not asked. One whose end is only guessed is: the platform itself knows.
    ///
    /// # Errors
    /// `BadConfig` with the date.
    pub(crate) fn check_sunset(&self, now: Timestamp) -> Result<()> {
        match self.endpoint.sunset {
            Some(sunset) if !sunset.guessed && sunset.day <= local_day(now, &TimeZone::UTC) => {
                Err(Error::bad_config(format!("this version of the endpoint ended on {}", sunset.day))
                    .with("platform", self.group.adapter.descriptor().platform)
                    .with("endpoint", self.endpoint.name)
                    .hint(sunset.what_to_do()))
            }
            _ => Ok(()),
        }
    }

    /// The warning that an endpoint's version ends soon, or may have ended.
    pub(crate) fn sunset_warning(&self, now: Timestamp) -> Option<String> {
        let sunset = self.endpoint.sunset?;
        let (day, name, to_do) = (sunset.day, self.endpoint.name, sunset.what_to_do());
        let today = local_day(now, &TimeZone::UTC);
        if day > add_days(today, SUNSET_WARNING_DAYS) {
            return None;
        }
        match (sunset.guessed, today < day) {
            (false, true) => Some(format!("this version of {name} ends on {day}: {to_do}")),
            (false, false) => None,
            (true, true) => {
                Some(format!("this version of {name} may end about {day}, which is a guess: {to_do}"))
            }
            (true, false) => {
                Some(format!("this version of {name} may have ended about {day}, which is a guess: {to_do}"))
            }
        }
    }

    /// Its jobs, interrupted ones first.
    pub(crate) fn jobs(
        &self,
        before: &Before,
        posts: &[KnownPost],
        now: Timestamp,
        range: Option<DateSpan>,
    ) -> Result<Vec<PlannedJob>> {
        if self.accounts.is_empty() {
            return Ok(Vec::new());
        }
        let input = PlanInput {
            descriptor: self.group.adapter.descriptor(),
            endpoint: self.endpoint,
            accounts: &self.accounts,
            now,
            range,
            posts,
        };
        // A stream that several credentials share may hold another one's job: that is not ours to resume.
        let state = |stream: &Stream| {
            let state = before.states.get(stream)?;
            let ours = |account: &AccountRef| self.accounts.iter().any(|known| known.id == account.id);
            state.job.accounts.iter().all(ours).then(|| state.clone())
        };
        let mut jobs = plan(&input, &state)?;
        if let (Some(max_days), None) = (self.endpoint.shape.days_per_call(), range) {
            let late = self
                .accounts
                .iter()
                .flat_map(|account| late_days(self, account, (&jobs, before), (max_days, now)));
            let late: Vec<_> = late.collect();
            jobs.splice(0..0, late);
        }
        let mut jobs = without_repeats(jobs);
        // What was interrupted goes on as it was begun.
        for planned in jobs.iter_mut().filter(|planned| planned.cursor.is_start()) {
            planned.job.refused = self.refused.clone();
        }
        Ok(jobs)
    }
}

/// Jobs for the days that an earlier run asked for in vain, as far as the plan does not ask for them anyway.
fn late_days(
    unit: &Unit<'_>,
    account: &AccountRef,
    (jobs, before): (&[PlannedJob], &Before),
    (max_days, now): (u16, Timestamp),
) -> Vec<PlannedJob> {
    let stream = Stream::of(&account.id, unit.endpoint.name);
    let Some(missing) = before.not_yet.get(&stream) else { return Vec::new() };
    let planned = jobs.iter().filter(|job| job.stream == stream && job.cursor.is_start());
    let planned_from = planned.filter_map(|job| job.job.window).map(|window| window.start).min();
    let late = DateSpan::new(missing.start, missing.end.min(planned_from.unwrap_or(missing.end)));
    let job = |window| Job {
        endpoint: unit.endpoint.name.into(),
        accounts: vec![account.clone()],
        window: Some(window),
        posts: Vec::new(),
        planned_at: now,
        input: None,
        refused: Vec::new(),
    };
    late.split(max_days)
        .map(|window| PlannedJob {
            stream: stream.clone(),
            job: job(window),
            cursor: Cursor::default(),
            clamped: None,
        })
        .collect()
}

/// Drops fresh jobs that ask again, on the same day, for what an interrupted job is about to read.
fn without_repeats(jobs: Vec<PlannedJob>) -> Vec<PlannedJob> {
    let (resumed, fresh): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| !job.cursor.is_start());
    let fresh: Vec<_> =
        fresh.into_iter().filter(|job| !resumed.iter().any(|earlier| covers(earlier, job))).collect();
    resumed.into_iter().chain(fresh).collect()
}

fn covers(earlier: &PlannedJob, job: &PlannedJob) -> bool {
    let same_day = earlier.job.accounts.iter().all(|account| {
        let zone = kepi_core::period::zone(&account.zone).unwrap_or(TimeZone::UTC);
        local_day(earlier.job.planned_at, &zone) == local_day(job.job.planned_at, &zone)
    });
    let window = match (earlier.job.window, job.job.window) {
        (Some(read), Some(asked)) => read.start <= asked.start && asked.end <= read.end,
        (None, None) => true,
        _ => false,
    };
    same_day
        && window
        && earlier.stream == job.stream
        && job.job.accounts.iter().all(|account| earlier.job.accounts.contains(account))
        && job.job.posts.iter().all(|post| earlier.job.posts.contains(post))
}

/// The days that a list of jobs spans.
pub(crate) fn hull(jobs: &[PlannedJob]) -> Option<DateSpan> {
    let mut windows = jobs.iter().filter_map(|job| job.job.window);
    let first = windows.next()?;
    Some(
        windows.fold(first, |hull, window| {
            DateSpan::new(hull.start.min(window.start), hull.end.max(window.end))
        }),
    )
}
