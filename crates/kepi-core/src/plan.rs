//! Which jobs a platform's endpoint needs now: a pure function of the descriptor, the clock, what was read
//! before and what is asked for.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    AccountRef, Cursor, DateSpan, Descriptor, Endpoint, Job, PostRef, Result, Shape, Stream, SubjectKind,
    WindowKind,
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
        let dated =
            endpoint.shape.days_per_call().is_some() || matches!(endpoint.shape, Shape::Listing { .. });
        let stream = if dated && input.range.is_some() { asked } else { due };
        let last = state(&stream);
        let one = std::slice::from_ref(account);
        match endpoint.shape {
            Shape::Snapshot if is_fresh(input, last.as_ref()) => {}
            Shape::Snapshot => jobs.push(start(input, one, &stream, None, Vec::new())),
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

/// Whether a present state that changes slowly was read lately, or is about to be resumed.
fn is_fresh(input: &PlanInput<'_>, last: Option<&StreamState>) -> bool {
    let every = i32::from(input.endpoint.every_days);
    last.is_some_and(|last| days_since(last.observed_at, input.now) < every)
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
    };
    PlannedJob { stream: stream.clone(), job, cursor: Cursor::default(), clamped: None }
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
        let restated = add_days(ready, 1 - i32::from(endpoint.lookback_days.max(1)));
        let covered = last.and_then(|last| last.job.window).map_or(restated, |window| window.end);
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
    let listed_until = listed_until(input.descriptor);
    let mut due: Vec<&KnownPost> = input
        .posts
        .iter()
        .filter(|known| accounts.iter().any(|account| account.id == known.post.account))
        .filter(|known| known.post.id.starts_with(input.endpoint.ids_begin))
        .filter(|known| !known.post.has_derived_id())
        .filter(|known| {
            let Some(published) = known.post.published_at else { return true };
            let age = days_between(local_day(published, &utc), today);
            let within = age >= i32::from(ages.0) && (ages.1 == u16::MAX || age < i32::from(ages.1));
            let every =
                refresh.iter().find(|(until, _)| age < i32::from(*until)).map_or(1, |(_, every)| *every);
            // A list reads its posts on every run, so when they were last read says nothing of this endpoint:
            // the days are counted from the first on which it is meant for the post.
            if age < listed_until {
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

/// Until which age, in days, posts are read by a list with numbers on every run.
fn listed_until(descriptor: &Descriptor) -> i32 {
    let reads = |endpoint: &&Endpoint| {
        endpoint
            .fields
            .iter()
            .any(|field| field.subject == SubjectKind::Post && field.window == WindowKind::At)
    };
    // One in the order of change gives only what changed.
    let listed = descriptor.endpoints.iter().filter(reads).filter(|endpoint| endpoint.lookback_days == 0);
    let until = listed.map(|endpoint| match endpoint.shape {
        Shape::Listing { published_within_days: Some(days) } => i32::from(days),
        Shape::Listing { published_within_days: None } => i32::MAX,
        _ => 0,
    });
    until.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Field, Traffic, descriptor::Lag};

    fn descriptor() -> Descriptor {
        Descriptor {
            platform: "toy",
            title: "Toy",
            day_zone: Some("UTC"),
            traffic_order: &[Traffic::Total],
            tokens: &[],
            settings_schema: || serde_json::Value::Null,
            endpoints: &[],
            check_calls: 1,
            known_gaps: &[],
        }
    }

    fn account() -> AccountRef {
        AccountRef { id: "toy/a".parse().unwrap(), platform_id: None, zone: "UTC".into() }
    }

    /// The jobs on 2026-10-20, when the stream's last page was read on `last`.
    fn planned(endpoint: &Endpoint, posts: &[&str], last: Option<&str>) -> Vec<Job> {
        let known = |id: &&str| KnownPost {
            post: PostRef { account: account().id, id: (*id).into(), published_at: None },
            last_observed: None,
        };
        let posts: Vec<KnownPost> = posts.iter().map(known).collect();
        let (descriptor, accounts) = (descriptor(), [account()]);
        let now = "2026-10-20T06:00:00Z".parse().unwrap();
        let input = PlanInput {
            descriptor: &descriptor,
            endpoint,
            accounts: &accounts,
            now,
            range: None,
            posts: &posts,
        };
        let state = last.map(|at| {
            let at = at.parse().unwrap();
            let job = start(&input, &accounts, &Stream::of(&account().id, "e"), None, Vec::new()).job;
            StreamState { sequence: 1, job: Job { planned_at: at, ..job }, next: None, observed_at: at }
        });
        plan(&input, &|_| state.clone()).unwrap().into_iter().map(|planned| planned.job).collect()
    }

    #[test]
    fn a_slow_state_is_asked_for_every_so_many_days() {
        let weekly = Endpoint { every_days: 7, ..Endpoint::new("e", "e", Shape::Snapshot) };
        let always = Endpoint::new("e", "e", Shape::Snapshot);
        for (endpoint, last, jobs) in [
            (&weekly, None, 1),
            (&weekly, Some("2026-10-20T01:00:00Z"), 0),
            (&weekly, Some("2026-10-14T01:00:00Z"), 0),
            (&weekly, Some("2026-10-13T23:00:00Z"), 1),
            (&always, Some("2026-10-20T05:00:00Z"), 1),
        ] {
            assert_eq!(planned(endpoint, &[], last).len(), jobs, "{last:?}");
        }
    }

    #[test]
    fn a_listing_with_a_look_back_is_asked_for_what_changed() {
        let listing = Endpoint::new("e", "e", Shape::Listing { published_within_days: Some(180) });
        let by_change = Endpoint { lookback_days: 1, ..listing.clone() };
        let first = |endpoint: &Endpoint, last: Option<&str>| {
            planned(endpoint, &[], last)[0].window.unwrap().start.to_string()
        };
        assert_eq!(first(&by_change, None), "2026-04-23");
        assert_eq!(first(&by_change, Some("2026-10-19T06:00:00Z")), "2026-10-18");
        assert_eq!(first(&by_change, Some("2026-10-01T06:00:00Z")), "2026-09-30");
        assert_eq!(first(&by_change, Some("2025-10-01T06:00:00Z")), "2026-04-23");
        assert_eq!(first(&listing, Some("2026-10-19T06:00:00Z")), "2026-04-23");
    }

    #[test]
    fn ids_of_another_kind_are_left_to_another_endpoint() {
        let shape = Shape::Batch { max: 2, ages: (0, u16::MAX), refresh: &[] };
        let shares = Endpoint { ids_begin: "share:", ..Endpoint::new("e", "e", shape) };
        let ids = |jobs: Vec<Job>| {
            let ids = |job: &Job| job.posts.iter().map(|post| post.id.to_string()).collect::<Vec<_>>();
            jobs.iter().map(ids).collect::<Vec<_>>()
        };
        let known = ["share:1", "video:2", "share:3", "share:4"];
        assert_eq!(ids(planned(&shares, &known, None)), [vec!["share:1", "share:3"], vec!["share:4"]]);
        let all = Endpoint { ids_begin: "", ..shares };
        assert_eq!(ids(planned(&all, &known, None)).concat().len(), 4);
    }

    const READ: [Field; 1] =
        [Field::new("likes", "/likes", SubjectKind::Post, WindowKind::At, Traffic::Total)];

    static ENDPOINTS: [Endpoint; 4] = [
        Endpoint {
            fields: &READ,
            ..Endpoint::new("list", "", Shape::Listing { published_within_days: Some(30) })
        },
        Endpoint::new(
            "young",
            "",
            Shape::Batch { max: 20, ages: (1, 30), refresh: &[(8, 1), (28, 5), (30, 1)] },
        ),
        Endpoint::new("old", "", Shape::Batch { max: 20, ages: (30, u16::MAX), refresh: &[(u16::MAX, 7)] }),
        Endpoint {
            lag: Lag { days: 1, hour: 10, zone: "" },
            lookback_days: 2,
            ..Endpoint::new("trailing", "", Shape::Trailing { spans: &[7, 15, 30] })
        },
    ];

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn due(
        name: &str,
        now: &str,
        range: Option<DateSpan>,
        posts: &[KnownPost],
        last: Option<&StreamState>,
    ) -> Vec<PlannedJob> {
        let descriptor = Descriptor { endpoints: &ENDPOINTS, ..descriptor() };
        let endpoint = descriptor.endpoint(name).unwrap();
        let accounts = [account()];
        let input =
            PlanInput { descriptor: &descriptor, endpoint, accounts: &accounts, now: at(now), range, posts };
        plan(&input, &|_| last.cloned()).unwrap()
    }

    fn post(id: &str, last_observed: &str) -> KnownPost {
        let published_at = Some(at("2026-09-01T12:00:00Z"));
        let post = PostRef { account: account().id, id: id.into(), published_at };
        KnownPost { post, last_observed: Some(at(last_observed)) }
    }

    /// On which days of September and October a post is due that a list reads every day.
    fn days_due(name: &str) -> Vec<usize> {
        let is_due = |day: &usize| {
            let now = format!(
                "{}T09:00:00Z",
                add_days("2026-09-01".parse().unwrap(), i32::try_from(*day).unwrap())
            );
            !due(name, &now, None, &[post("1", &now)], None).is_empty()
        };
        (0..45).filter(is_due).collect()
    }

    /// That a list has just read it does not keep a post from the endpoint that gives its days.
    #[test]
    fn posts_that_are_listed_are_due_by_their_age() {
        assert_eq!(days_due("young"), [1, 2, 3, 4, 5, 6, 7, 11, 16, 21, 26, 28, 29]);
        assert!(days_due("old").is_empty(), "read just now");
        let long_ago = [post("1", "2026-09-30T09:00:00Z")];
        assert_eq!(due("old", "2026-10-06T09:00:00Z", None, &long_ago, None).len(), 0);
        assert_eq!(due("old", "2026-10-07T09:00:00Z", None, &long_ago, None).len(), 1);
    }

    #[test]
    fn ids_of_ours_are_not_asked_for() {
        let posts = [post("title-5f1d", "2026-09-01T13:00:00Z"), post("7", "2026-09-01T13:00:00Z")];
        let jobs = due("old", "2026-11-01T09:00:00Z", None, &posts, None);
        let ids: Vec<&str> =
            jobs.iter().flat_map(|job| &job.job.posts).map(|post| post.id.as_str()).collect();
        assert_eq!(ids, ["7"]);
    }

    fn spans(jobs: &[PlannedJob]) -> Vec<(String, Option<String>)> {
        let text = |span: DateSpan| span.to_string();
        jobs.iter().map(|job| (text(job.job.window.unwrap()), job.clamped.map(text))).collect()
    }

    /// One call, however many days are missing, and never further back than it reaches.
    #[test]
    fn a_trailing_series_takes_one_call() {
        let first = due("trailing", "2026-10-20T12:00:00Z", None, &[], None);
        assert_eq!(spans(&first), [("2026-10-18..2026-10-19".to_owned(), None)]);
        let read = |end: &str| StreamState {
            sequence: 1,
            job: Job {
                window: Some(DateSpan::new(add_days(end.parse().unwrap(), -2), end.parse().unwrap())),
                ..first[0].job.clone()
            },
            next: None,
            observed_at: at("2026-10-01T12:00:00Z"),
        };
        let after = |end: &str| spans(&due("trailing", "2026-10-20T12:00:00Z", None, &[], Some(&read(end))));
        assert_eq!(after("2026-10-05"), [("2026-10-05..2026-10-19".to_owned(), None)]);
        assert_eq!(
            after("2026-08-01"),
            [("2026-09-20..2026-10-19".to_owned(), Some("2026-08-01..2026-09-19".to_owned()))]
        );
        let asked = DateSpan::new("2026-10-01".parse().unwrap(), "2026-10-03".parse().unwrap());
        let asked = due("trailing", "2026-10-20T12:00:00Z", Some(asked), &[], None);
        assert_eq!(spans(&asked), [("2026-10-01..2026-10-02".to_owned(), None)]);
    }
}
