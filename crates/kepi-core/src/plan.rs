//! Which jobs a platform's endpoint needs now: a pure function of the descriptor, the clock, what was read
//! before and what is asked for.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    AccountRef, Cursor, DateSpan, Descriptor, Endpoint, Job, Notice, Page, PostRef, Result, Shape, Stream,
    Window,
    descriptor::Earliest,
    period::{add_days, days_between, local_day, zone},
};

/// Where a stream stands: its newest page in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamState {
    /// The page's number, counted from 1.
    pub sequence: u64,
    /// The job the page belongs to.
    pub job: Job,
    /// Where that job goes on; `None` when it was done.
    pub next: Option<Cursor>,
    /// When the page was read.
    pub observed_at: Timestamp,
    /// The days that its finished jobs asked for, whichever page is the newest: apart and in order.
    pub covered: Vec<DateSpan>,
}

impl StreamState {
    /// The day up to which nothing is missing, of days that the platform still has: those from `floor` on. A
    /// job that is to be resumed counts as read; should it be lost, its days are a gap and are asked for again.
    fn covered_until(&self, floor: Date) -> Option<Date> {
        let mut covered = self.covered.clone();
        if self.next.is_some() {
            covered.extend(self.job.window);
        }
        let covered = merged(covered);
        covered.iter().find(|span| span.end > floor).or(covered.last()).map(|span| span.end)
    }
}

/// The same days in as few spans as hold them, in order.
#[must_use]
pub fn merged(mut spans: Vec<DateSpan>) -> Vec<DateSpan> {
    spans.retain(|span| !span.is_empty());
    spans.sort_unstable();
    let mut merged: Vec<DateSpan> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// A post that is known, and when its numbers were last read.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownPost {
    /// The post.
    pub post: PostRef,
    /// When its numbers were last read.
    pub last_observed: Option<Timestamp>,
}

/// A job, the stream its pages go to, and where it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedJob {
    /// The stream.
    pub stream: Stream,
    /// The job.
    pub job: Job,
    /// Where to begin: the start, or where an interrupted run stood.
    pub cursor: Cursor,
    /// Days that were asked for and lie before what the platform keeps.
    pub clamped: Option<DateSpan>,
}

/// What a plan is made from.
#[derive(Debug)]
pub struct PlanInput<'a> {
    /// The platform.
    pub descriptor: &'a Descriptor,
    /// The endpoint.
    pub endpoint: &'a Endpoint,
    /// The accounts to ask for, all of one credential.
    pub accounts: &'a [AccountRef],
    /// The clock.
    pub now: Timestamp,
    /// The days asked for by a person; `None` for "what is due".
    pub range: Option<DateSpan>,
    /// Posts that are known, for endpoints that take ids and for snapshots of the newest so many.
    pub posts: &'a [KnownPost],
}

/// The jobs that are due, interrupted ones first.
///
/// Days that a person asks for have a stream of their own ([`Stream::on_demand`]): history read again in January
/// does not make what is due forget that it stood in June, and a single day asked for does not make it believe
/// that the days before were read.
///
/// # Errors
/// `BadConfig` when an account's zone is unknown.
pub fn plan(
    input: &PlanInput<'_>,
    state: &dyn Fn(&Stream) -> Option<StreamState>,
) -> Result<Vec<PlannedJob>> {
    let mut jobs = Vec::new();
    let endpoint = input.endpoint;
    if endpoint.accounts_per_call > 1 {
        let Some(first) = input.accounts.first() else { return Ok(jobs) };
        let stream = Stream::of(&first.id, endpoint.name).shared();
        if let Some(resumed) = resume(&stream, state) {
            jobs.push(resumed);
        }
        match endpoint.shape {
            Shape::Batch { max, ages, refresh } => {
                batches(input, input.accounts, &stream, (max, ages, refresh), &mut jobs);
            }
            _ => {
                for accounts in input.accounts.chunks(usize::from(endpoint.accounts_per_call)) {
                    jobs.push(start(input, accounts, &stream, None, Vec::new()));
                }
            }
        }
        return Ok(jobs);
    }
    for account in input.accounts {
        let due = Stream::of(&account.id, endpoint.name);
        let asked = due.on_demand();
        jobs.extend(resume(&due, state));
        jobs.extend(resume(&asked, state));
        let dated =
            endpoint.shape.days_per_call().is_some() || matches!(endpoint.shape, Shape::Listing { .. });
        let stream = if dated && input.range.is_some() { asked } else { due };
        let last = state(&stream);
        let one = std::slice::from_ref(account);
        match endpoint.shape {
            Shape::Snapshot if is_fresh(input, account, last.as_ref())? => {}
            Shape::Snapshot => jobs.push(start(input, one, &stream, None, newest_known(input, account))),
            Shape::Listing { published_within_days } => {
                let today = local_day(input.now, &day_zone(input.descriptor, account)?);
                let window = input.range.or_else(|| {
                    published_within_days.map(|days| {
                        let floor = add_days(today, -i32::from(days));
                        let changed = since(input, last.as_ref(), today).unwrap_or(floor);
                        DateSpan::new(floor.max(changed), add_days(today, 1))
                    })
                });
                jobs.push(start(input, one, &stream, window, Vec::new()));
            }
            Shape::Windows { .. } | Shape::Trailing { .. } => {
                windows(input, account, &stream, last.as_ref(), &mut jobs)?;
            }
            Shape::Batch { max, ages, refresh } => {
                batches(input, one, &stream, (max, ages, refresh), &mut jobs);
            }
        }
    }
    Ok(jobs)
}

/// The last local day whose numbers an endpoint has, with its lag.
#[must_use]
pub fn last_ready_day(endpoint: &Endpoint, now: Timestamp, account_zone: &TimeZone) -> Date {
    let ready = last_complete_day(endpoint, now, account_zone);
    endpoint.until.map_or(ready, |until| ready.min(add_days(until, -1)))
}

fn last_complete_day(endpoint: &Endpoint, now: Timestamp, account_zone: &TimeZone) -> Date {
    let lag_zone = if endpoint.lag.zone.is_empty() { None } else { TimeZone::get(endpoint.lag.zone).ok() };
    let local = lag_zone.as_ref().unwrap_or(account_zone).to_datetime(now);
    let behind =
        i32::from(endpoint.lag.days.max(1)) + i32::from(local.hour() < endpoint.lag.hour.cast_signed());
    add_days(local.date(), -behind)
}

/// The first day of those that are read a further time, when each is read so many times, the newest lately.
fn first_read_again(endpoint: &Endpoint, times: u16, read_at: Timestamp, zone: &TimeZone) -> Date {
    add_days(last_ready_day(endpoint, read_at, zone), 2 - i32::from(times.max(1)))
}

/// The first day of those that had not settled when they were read at an instant: they will be asked for again.
fn first_unsettled(endpoint: &Endpoint, read_at: Timestamp, zone: &TimeZone) -> Date {
    first_read_again(endpoint, endpoint.lookback_days, read_at, zone)
}

/// Whether a day's numbers, read at an instant, may still change: it will be asked for again, and is not taken as
/// final before ([`Endpoint::final_after`]).
#[must_use]
pub fn may_change(endpoint: &Endpoint, day: Date, read_at: Timestamp, zone: &TimeZone) -> bool {
    let times = endpoint.final_after.unwrap_or(times_read(endpoint));
    day >= first_read_again(endpoint, times, read_at, zone)
}

/// How often a day is read.
fn times_read(endpoint: &Endpoint) -> u16 {
    match endpoint.shape {
        Shape::Listing { published_within_days: Some(days) } => days,
        _ => endpoint.lookback_days,
    }
}

/// A page whose days are provisional as long as they may change. What its decoder marked stays so; a period is its
/// decoder's alone, because the next one that is told may end on another day.
///
/// # Errors
/// `BadConfig` when the account's zone is unknown.
pub fn with_provisional_days(
    mut page: Page,
    descriptor: &Descriptor,
    job: &Job,
    read_at: Timestamp,
) -> Result<Page> {
    let Some((endpoint, account)) = descriptor.endpoint(&job.endpoint).zip(job.accounts.first()) else {
        return Ok(page);
    };
    let zone = day_zone(descriptor, account)?;
    let read_again = first_read_again(endpoint, times_read(endpoint), read_at, &zone);
    // Rows of later days than those that were asked for come again with these only.
    if job.window.is_some_and(|window| window.end <= read_again) {
        return Ok(page);
    }
    for one in &mut page.measurements {
        let day = match one.window {
            // A running total at the end of a day.
            Window::At(at) if at != read_at => add_days(local_day(at, &zone), -1),
            Window::Day(day) => day,
            Window::At(_) | Window::Period(_) => continue,
        };
        one.provisional |= may_change(endpoint, day, read_at, &zone);
    }
    Ok(page)
}

/// The days of a window of which nothing was told though they may still come. Older ones without a row stay as they
/// are: nothing was said of them.
#[must_use]
pub fn not_yet(
    endpoint: &Endpoint,
    window: DateSpan,
    told: &[Date],
    read_at: Timestamp,
    zone: &TimeZone,
) -> Option<Notice> {
    let from = window.start.max(first_unsettled(endpoint, read_at, zone));
    Notice::not_yet(DateSpan::new(from, window.end), |day| !told.contains(&day))
}

/// The zone whose days an account's numbers are in.
///
/// # Errors
/// `BadConfig` when the zone is unknown.
pub fn day_zone(descriptor: &Descriptor, account: &AccountRef) -> Result<TimeZone> {
    zone(descriptor.day_zone.unwrap_or(&account.zone))
}

fn resume(stream: &Stream, state: &dyn Fn(&Stream) -> Option<StreamState>) -> Option<PlannedJob> {
    let last = state(stream)?;
    let cursor = last.next?;
    Some(PlannedJob { stream: stream.clone(), job: last.job, cursor, clamped: None })
}

/// Whether a present state was read so lately that it is not due yet. An interrupted reading is taken up anyway.
fn is_fresh(input: &PlanInput<'_>, account: &AccountRef, last: Option<&StreamState>) -> Result<bool> {
    let every = i32::from(input.endpoint.every_days);
    let Some(last) = last.filter(|_| every > 0 && input.range.is_none()) else { return Ok(false) };
    let zone = day_zone(input.descriptor, account)?;
    let age = days_between(local_day(last.observed_at, &zone), local_day(input.now, &zone));
    Ok(last.next.is_some() || age < every)
}

/// The day from which a listing in the order of change is asked for, once it was read.
fn since(input: &PlanInput<'_>, last: Option<&StreamState>, today: Date) -> Option<Date> {
    let lookback = input.endpoint.lookback_days;
    let last = last.filter(|_| lookback > 0)?;
    let passed = days_since(last.job.planned_at, input.now).max(0);
    Some(add_days(today, -passed - i32::from(lookback)))
}

fn days_since(then: Timestamp, now: Timestamp) -> i32 {
    days_between(local_day(then, &TimeZone::UTC), local_day(now, &TimeZone::UTC))
}

fn start(
    input: &PlanInput<'_>,
    accounts: &[AccountRef],
    stream: &Stream,
    window: Option<DateSpan>,
    posts: Vec<PostRef>,
) -> PlannedJob {
    let job = Job {
        endpoint: input.endpoint.name.into(),
        accounts: accounts.to_vec(),
        window,
        posts,
        planned_at: input.now,
        input: None,
        refused: Vec::new(),
    };
    PlannedJob { stream: stream.clone(), job, cursor: Cursor::default(), clamped: None }
}

/// The newest post known of an account whose snapshot shows only its newest so many: when all that it shows is
/// newer still, some may have come and gone unseen.
fn newest_known(input: &PlanInput<'_>, account: &AccountRef) -> Vec<PostRef> {
    let of_account = input.posts.iter().map(|known| &known.post).filter(|post| post.account == account.id);
    let newest = of_account
        .filter(|_| input.endpoint.page_cap.is_some())
        .filter(|post| input.endpoint.knows_id(&post.id) && !post.has_derived_id());
    newest.max_by_key(|post| (post.published_at, post.id.len(), &post.id)).cloned().into_iter().collect()
}

fn windows(
    input: &PlanInput<'_>,
    account: &AccountRef,
    stream: &Stream,
    last: Option<&StreamState>,
    jobs: &mut Vec<PlannedJob>,
) -> Result<()> {
    let endpoint = input.endpoint;
    let max_days = endpoint.shape.days_per_call().unwrap_or(1);
    let zone = day_zone(input.descriptor, account)?;
    let ready = last_ready_day(endpoint, input.now, &zone);
    let today = local_day(input.now, &zone);
    let ended = endpoint.until.is_some_and(|until| last_complete_day(endpoint, input.now, &zone) >= until);
    if ended && input.range.is_none() {
        return Ok(());
    }
    let floor = match endpoint.earliest {
        Earliest::Unlimited => Date::MIN,
        Earliest::Since(date) => date,
        Earliest::DaysBack(days) => add_days(today, -i32::from(days)),
    };
    // Every call of a trailing series ends today, so a second one would say nothing that the first does not.
    let floor = match endpoint.shape {
        Shape::Trailing { .. } => floor.max(add_days(today, -i32::from(max_days))),
        _ => floor,
    };
    let asked = input.range.unwrap_or_else(|| {
        let lookback = i32::from(endpoint.lookback_days.max(1));
        let restated = add_days(ready, 1 - lookback);
        let covered = last.and_then(|last| last.covered_until(floor)).unwrap_or(restated);
        // Days that were read before they had settled, and that no run since has read again.
        let unsettled = last.map_or(restated, |last| first_unsettled(endpoint, last.observed_at, &zone));
        DateSpan::new(restated.min(covered).min(unsettled), add_days(ready, 1))
    });
    let wanted = DateSpan::new(asked.start.max(floor), asked.end.min(add_days(ready, 1)));
    let clamped = (asked.start < floor && asked.start != Date::MIN)
        .then(|| DateSpan::new(asked.start, floor.min(asked.end)));
    for (i, window) in wanted.split(max_days).enumerate() {
        let mut planned = start(input, std::slice::from_ref(account), stream, Some(window), Vec::new());
        planned.clamped = clamped.filter(|_| i == 0);
        jobs.push(planned);
    }
    Ok(())
}

type Batching = (u16, (u16, u16), &'static [(u16, u16)]);

fn batches(
    input: &PlanInput<'_>,
    accounts: &[AccountRef],
    stream: &Stream,
    (max, ages, refresh): Batching,
    jobs: &mut Vec<PlannedJob>,
) {
    let utc = TimeZone::UTC;
    let today = local_day(input.now, &utc);
    let mut due: Vec<&KnownPost> = input
        .posts
        .iter()
        .filter(|known| accounts.iter().any(|account| account.id == known.post.account))
        .filter(|known| input.endpoint.knows_id(&known.post.id) && !known.post.has_derived_id())
        .filter(|known| {
            let Some(published) = known.post.published_at else { return true };
            let age = days_between(local_day(published, &utc), today);
            let within = age >= i32::from(ages.0) && (ages.1 == u16::MAX || age < i32::from(ages.1));
            let every =
                refresh.iter().find(|(until, _)| age < i32::from(*until)).map_or(1, |(_, every)| *every);
            // When they were last read says nothing of this endpoint: the days are counted from the first on which
            // it is meant for the post.
            if input.endpoint.by_age {
                return within && (age - i32::from(ages.0)) % i32::from(every.max(1)) == 0;
            }
            let waited = known.last_observed.map(|at| days_between(local_day(at, &utc), today));
            within && waited.is_none_or(|days| days >= i32::from(every))
        })
        .collect();
    due.sort_by(|a, b| (&a.post.account, &a.post.id).cmp(&(&b.post.account, &b.post.id)));
    for batch in due.chunks(usize::from(max.max(1))) {
        let posts: Vec<PostRef> = batch.iter().map(|known| known.post.clone()).collect();
        let named: Vec<AccountRef> = accounts
            .iter()
            .filter(|account| posts.iter().any(|post| post.account == account.id))
            .cloned()
            .collect();
        jobs.push(start(input, &named, stream, None, posts));
    }
}

#[cfg(test)]
mod tests;
