//! Which jobs a platform's endpoint needs now: a pure function of the descriptor, the clock, what was read
//! before and what is asked for.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    AccountRef, Cursor, DateSpan, Descriptor, Endpoint, Job, PostRef, Result, Shape, Stream,
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
    /// Posts that are known, for endpoints that take ids.
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
        let dated = matches!(endpoint.shape, Shape::Windows { .. } | Shape::Listing { .. });
        let stream = if dated && input.range.is_some() { asked } else { due };
        let last = state(&stream);
        let one = std::slice::from_ref(account);
        match endpoint.shape {
            Shape::Snapshot => jobs.push(start(input, one, &stream, None, Vec::new())),
            Shape::Listing { published_within_days } => {
                let today = local_day(input.now, &day_zone(input.descriptor, account)?);
                let window = input.range.or_else(|| {
                    published_within_days
                        .map(|days| DateSpan::new(add_days(today, -i32::from(days)), add_days(today, 1)))
                });
                jobs.push(start(input, one, &stream, window, Vec::new()));
            }
            Shape::Windows { max_days } => {
                windows(input, account, &stream, last.as_ref(), max_days, &mut jobs)?;
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
    };
    PlannedJob { stream: stream.clone(), job, cursor: Cursor::default(), clamped: None }
}

fn windows(
    input: &PlanInput<'_>,
    account: &AccountRef,
    stream: &Stream,
    last: Option<&StreamState>,
    max_days: u16,
    jobs: &mut Vec<PlannedJob>,
) -> Result<()> {
    let endpoint = input.endpoint;
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
    let asked = input.range.unwrap_or_else(|| {
        let restated = add_days(ready, 1 - i32::from(endpoint.lookback_days.max(1)));
        let covered = last.and_then(|last| last.covered_until(floor)).unwrap_or(restated);
        DateSpan::new(restated.min(covered), add_days(ready, 1))
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
        .filter(|known| {
            let Some(published) = known.post.published_at else { return true };
            let age = days_between(local_day(published, &utc), today);
            let within = age >= i32::from(ages.0) && (ages.1 == u16::MAX || age < i32::from(ages.1));
            let every =
                refresh.iter().find(|(until, _)| age < i32::from(*until)).map_or(1, |(_, every)| *every);
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
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{AccountId, descriptor::Lag};

    const LOOKBACK: u16 = 5;

    const ENDPOINT: Endpoint = Endpoint {
        earliest: Earliest::DaysBack(40),
        lookback_days: LOOKBACK,
        lag: Lag { days: 1, ..Lag::NONE },
        ..Endpoint::new("days", "numbers by day", Shape::Windows { max_days: 7 })
    };

    static DESCRIPTOR: Descriptor = Descriptor {
        platform: "toy",
        title: "Toy",
        day_zone: None,
        traffic_order: &[],
        tokens: &[],
        settings_schema: || serde_json::Value::Null,
        endpoints: &[ENDPOINT],
        check_calls: 0,
        known_gaps: &[],
    };

    fn span(from: i8, to: i8) -> DateSpan {
        DateSpan::new(date(2026, 3, from), date(2026, 3, to))
    }

    /// The days that are due at noon of 31 March, when a stream stands so.
    fn check(covered: &[DateSpan], newest: DateSpan, next: Option<&str>, expected: &[DateSpan]) {
        let accounts =
            [AccountRef { id: AccountId::new("toy/a").unwrap(), platform_id: None, zone: "UTC".into() }];
        let now = "2026-03-31T12:00:00Z".parse().unwrap();
        let input = PlanInput {
            descriptor: &DESCRIPTOR,
            endpoint: &ENDPOINT,
            accounts: &accounts,
            now,
            range: None,
            posts: &[],
        };
        let job =
            start(&input, &accounts, &Stream::of(&accounts[0].id, "days"), Some(newest), Vec::new()).job;
        let state = |stream: &Stream| {
            (*stream == Stream::of(&accounts[0].id, "days")).then(|| StreamState {
                sequence: 9,
                job: job.clone(),
                next: next.map(|next| Cursor::from_stored(Some(next))),
                observed_at: now,
                covered: covered.to_vec(),
            })
        };
        let planned = plan(&input, &state).unwrap();
        let fresh: Vec<DateSpan> =
            planned.iter().filter(|job| job.cursor.is_start()).filter_map(|job| job.job.window).collect();
        assert_eq!(fresh, expected);
    }

    #[test]
    fn what_is_due_begins_where_the_days_that_were_read_end() {
        check(&[span(1, 20)], span(12, 20), None, &[span(20, 27), span(27, 31)]);
        check(&[span(1, 30)], span(23, 30), None, &[span(26, 31)]);
    }

    #[test]
    fn a_restated_window_does_not_move_it_back() {
        check(&[span(1, 30)], span(3, 4), None, &[span(26, 31)]);
    }

    #[test]
    fn a_window_that_was_lost_is_asked_for_again() {
        check(&[span(1, 12), span(19, 30)], span(19, 30), None, &[span(12, 19), span(19, 26), span(26, 31)]);
    }

    #[test]
    fn days_that_the_platform_no_longer_has_are_no_gap() {
        let old = DateSpan::new(date(2026, 1, 1), date(2026, 1, 10));
        check(
            &[old, DateSpan::new(date(2026, 2, 1), date(2026, 3, 30))],
            span(23, 30),
            None,
            &[span(26, 31)],
        );
    }

    #[test]
    fn a_job_that_is_resumed_counts_as_read() {
        check(&[span(1, 20)], span(20, 27), Some("2"), &[span(26, 31)]);
    }
}
