use jiff::civil::date;

use super::*;
use crate::{Measurement, Subject, Traffic, descriptor::Lag};

/// What is known when a plan is made, for one account in Tokyo of a platform whose days are those of Los Angeles.
#[derive(Default)]
struct Known<'a> {
    posts: &'a [KnownPost],
    /// When the newest page of the endpoint's stream was read, and whether its job goes on.
    last: Option<(&'a str, bool)>,
    /// Whether a person asks for days.
    asked: bool,
}

const NOW: &str = "2026-10-20T08:00:00Z";

fn descriptor(day_zone: &'static str, endpoints: &'static [Endpoint]) -> Descriptor {
    Descriptor {
        platform: "toy",
        title: "Toy",
        day_zone: Some(day_zone),
        traffic_order: &[Traffic::Total],
        tokens: &[],
        settings_schema: || serde_json::Value::Null,
        endpoints,
        check_calls: 1,
        known_gaps: &[],
    }
}

fn account() -> AccountRef {
    AccountRef::new("toy/a".parse().unwrap(), "Asia/Tokyo")
}

fn planned_at(now: &str, endpoint: &Endpoint, known: &Known<'_>) -> Vec<Job> {
    let descriptor = descriptor("America/Los_Angeles", &[]);
    let accounts = [account()];
    let input = PlanInput {
        descriptor: &descriptor,
        endpoint,
        accounts: &accounts,
        now: now.parse().unwrap(),
        range: known.asked.then(|| DateSpan::day(Date::constant(2026, 9, 1))),
        posts: known.posts,
    };
    let own = Stream::of(&accounts[0].id, endpoint.name);
    let state = |stream: &Stream| {
        let (at, goes_on) = known.last.filter(|_| *stream == own)?;
        let observed_at: Timestamp = at.parse().unwrap();
        let job = start(&input, &accounts, &own, None, Vec::new()).job;
        let next = goes_on.then(|| Cursor::from_stored(Some("2")));
        let job = Job { planned_at: observed_at, ..job };
        Some(StreamState { sequence: 1, job, next, observed_at, covered: Vec::new() })
    };
    plan(&input, &state).unwrap().into_iter().map(|planned| planned.job).collect()
}

fn planned(endpoint: &Endpoint, known: &Known<'_>) -> Vec<Job> {
    planned_at(NOW, endpoint, known)
}

fn post(account: &str, id: &str, published_at: Option<&str>) -> KnownPost {
    let published_at = published_at.map(|at| at.parse().unwrap());
    let post = PostRef { account: account.parse().unwrap(), id: id.into(), published_at };
    KnownPost { post, last_observed: None }
}

fn ids(jobs: &[Job]) -> Vec<Vec<&str>> {
    jobs.iter().map(|job| job.posts.iter().map(|post| post.id.as_str()).collect()).collect()
}

#[test]
fn a_slow_state_is_asked_for_again_after_its_days() {
    let weekly = Endpoint { every_days: 7, ..Endpoint::new("audience", "the audience", Shape::Snapshot) };
    let always = Endpoint { every_days: 0, ..weekly.clone() };
    let due = |now: &str, endpoint: &Endpoint, last, asked| {
        planned_at(now, endpoint, &Known { last, asked, posts: &[] }).len()
    };
    let read = Some(("2026-09-01T20:00:00Z", false));
    let interrupted = Some(("2026-09-01T20:00:00Z", true));
    assert_eq!(due("2026-09-08T06:00:00Z", &weekly, None, false), 1);
    // The sixth day in Los Angeles, though the seventh elsewhere.
    assert_eq!(due("2026-09-08T06:00:00Z", &weekly, read, false), 0);
    assert_eq!(due("2026-09-08T08:00:00Z", &weekly, read, false), 1);
    // What was interrupted is taken up, and not begun beside it.
    assert_eq!(due("2026-09-02T06:00:00Z", &weekly, interrupted, false), 1);
    assert_eq!(due("2026-09-09T06:00:00Z", &weekly, interrupted, false), 1);
    // Whoever asks for days wants it now.
    assert_eq!(due("2026-09-02T06:00:00Z", &weekly, read, true), 1);
    assert_eq!(due("2026-09-02T06:00:00Z", &always, read, false), 1);
}

#[test]
fn a_listing_with_a_look_back_is_asked_for_what_changed() {
    let listing = Endpoint::new("e", "e", Shape::Listing { published_within_days: Some(180) });
    let by_change = Endpoint { lookback_days: 1, ..listing.clone() };
    let first = |endpoint: &Endpoint, last: Option<&str>| {
        let known = Known { last: last.map(|at| (at, false)), ..Known::default() };
        planned(endpoint, &known)[0].window.unwrap().start.to_string()
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
    let posts = ["share:1", "video:2", "share:3", "share:4"].map(|id| post("toy/a", id, None));
    let known = Known { posts: &posts, ..Known::default() };
    assert_eq!(ids(&planned(&shares, &known)), [vec!["share:1", "share:3"], vec!["share:4"]]);
    let all = Endpoint { ids_begin: "", ..shares.clone() };
    assert_eq!(ids(&planned(&all, &known)).concat().len(), 4);
    let posts =
        ["5139", "https://weibo.com/1/QAbc12345", "", "QAbc12345", "5140"].map(|id| post("toy/a", id, None));
    let known = Known { posts: &posts, ..Known::default() };
    let numbers = Endpoint { ids_begin: "", ids_are_numbers: true, ..shares };
    assert_eq!(ids(&planned(&numbers, &known)), [vec!["5139", "5140"]]);
}

#[test]
fn a_snapshot_of_the_newest_is_told_the_newest_that_is_known() {
    let newest = Endpoint { page_cap: Some(5), ..Endpoint::new("newest", "the newest", Shape::Snapshot) };
    let profile = Endpoint { page_cap: None, ..newest.clone() };
    let posts = [
        post("toy/a", "9", Some("2026-03-01T00:00:00Z")),
        post("toy/a", "10", Some("2026-03-01T00:00:00Z")),
        post("toy/a", "8", Some("2026-02-01T00:00:00Z")),
        post("toy/a", "99", None),
        post("toy/a", "title-0a", Some("2026-03-02T00:00:00Z")),
        post("toy/b", "11", Some("2026-03-01T12:00:00Z")),
    ];
    let known = Known { posts: &posts, ..Known::default() };
    assert_eq!(ids(&planned(&newest, &known)), [vec!["10"]]);
    assert_eq!(ids(&planned(&newest, &Known::default())), [Vec::<&str>::new()]);
    assert_eq!(ids(&planned(&profile, &known)), [Vec::<&str>::new()]);
}

static ENDPOINTS: [Endpoint; 3] = [
    Endpoint {
        by_age: true,
        ..Endpoint::new(
            "young",
            "",
            Shape::Batch { max: 20, ages: (1, 30), refresh: &[(8, 1), (28, 5), (30, 1)] },
        )
    },
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
    let descriptor = descriptor("UTC", &ENDPOINTS);
    let endpoint = descriptor.endpoint(name).unwrap();
    let accounts = [account()];
    let input =
        PlanInput { descriptor: &descriptor, endpoint, accounts: &accounts, now: at(now), range, posts };
    plan(&input, &|_| last.cloned()).unwrap()
}

fn read_post(id: &str, last_observed: &str) -> KnownPost {
    KnownPost { last_observed: Some(at(last_observed)), ..post("toy/a", id, Some("2026-09-01T12:00:00Z")) }
}

/// On which days of September and October a post is due that a list reads every day.
fn days_due(name: &str) -> Vec<usize> {
    let is_due = |day: &usize| {
        let now =
            format!("{}T09:00:00Z", add_days("2026-09-01".parse().unwrap(), i32::try_from(*day).unwrap()));
        !due(name, &now, None, &[read_post("1", &now)], None).is_empty()
    };
    (0..45).filter(is_due).collect()
}

/// That a list has just read it does not keep a post from the endpoint that gives its days.
#[test]
fn posts_that_are_listed_are_due_by_their_age() {
    assert_eq!(days_due("young"), [1, 2, 3, 4, 5, 6, 7, 11, 16, 21, 26, 28, 29]);
    assert!(days_due("old").is_empty(), "read just now");
    let long_ago = [read_post("1", "2026-09-30T09:00:00Z")];
    assert_eq!(due("old", "2026-10-06T09:00:00Z", None, &long_ago, None).len(), 0);
    assert_eq!(due("old", "2026-10-07T09:00:00Z", None, &long_ago, None).len(), 1);
}

#[test]
fn ids_of_ours_are_not_asked_for() {
    let posts = [read_post("title-5f1d", "2026-09-01T13:00:00Z"), read_post("7", "2026-09-01T13:00:00Z")];
    let jobs = due("old", "2026-11-01T09:00:00Z", None, &posts, None);
    let ids: Vec<&str> = jobs.iter().flat_map(|job| &job.job.posts).map(|post| post.id.as_str()).collect();
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
    let read = |end: &str| {
        let window = DateSpan::new(add_days(end.parse().unwrap(), -2), end.parse().unwrap());
        StreamState {
            sequence: 1,
            job: Job { window: Some(window), ..first[0].job.clone() },
            next: None,
            observed_at: at(&format!("{end}T12:00:00Z")),
            covered: vec![window],
        }
    };
    let after = |end: &str| spans(&due("trailing", "2026-10-20T12:00:00Z", None, &[], Some(&read(end))));
    // The last day of what was read is told a second time: it had not settled.
    assert_eq!(after("2026-10-05"), [("2026-10-04..2026-10-19".to_owned(), None)]);
    assert_eq!(
        after("2026-08-01"),
        [("2026-09-20..2026-10-19".to_owned(), Some("2026-07-31..2026-09-19".to_owned()))]
    );
    let asked = DateSpan::new("2026-10-01".parse().unwrap(), "2026-10-03".parse().unwrap());
    let asked = due("trailing", "2026-10-20T12:00:00Z", Some(asked), &[], None);
    assert_eq!(spans(&asked), [("2026-10-01..2026-10-02".to_owned(), None)]);
}

const LOOKBACK: u16 = 5;

const ENDPOINT: Endpoint = Endpoint {
    earliest: Earliest::DaysBack(40),
    lookback_days: LOOKBACK,
    lag: Lag { days: 1, ..Lag::NONE },
    ..Endpoint::new("days", "numbers by day", Shape::Windows { max_days: 7 })
};

fn span(from: i8, to: i8) -> DateSpan {
    DateSpan::new(date(2026, 3, from), date(2026, 3, to))
}

/// The days that are due at noon of 31 March, when a stream stands so.
fn check_due(covered: &[DateSpan], newest: DateSpan, next: Option<&str>, expected: &[DateSpan]) {
    check_due_after("2026-03-31T12:00:00Z", covered, newest, next, expected);
}

/// The same, of a stream that was last read at an instant.
fn check_due_after(
    read: &str,
    covered: &[DateSpan],
    newest: DateSpan,
    next: Option<&str>,
    expected: &[DateSpan],
) {
    let (descriptor, accounts) = (descriptor("UTC", &[]), [account()]);
    let now = "2026-03-31T12:00:00Z".parse().unwrap();
    let input = PlanInput {
        descriptor: &descriptor,
        endpoint: &ENDPOINT,
        accounts: &accounts,
        now,
        range: None,
        posts: &[],
    };
    let job = start(&input, &accounts, &Stream::of(&accounts[0].id, "days"), Some(newest), Vec::new()).job;
    let state = |stream: &Stream| {
        (*stream == Stream::of(&accounts[0].id, "days")).then(|| StreamState {
            sequence: 9,
            job: job.clone(),
            next: next.map(|next| Cursor::from_stored(Some(next))),
            observed_at: read.parse().unwrap(),
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
    check_due(&[span(1, 20)], span(12, 20), None, &[span(20, 27), span(27, 31)]);
    check_due(&[span(1, 30)], span(23, 30), None, &[span(26, 31)]);
}

/// A run that was missed does not leave a day as it was told before it had settled.
#[test]
fn days_that_had_not_settled_are_read_again_after_a_pause() {
    let after = |read: &str, expected: DateSpan| {
        check_due_after(read, &[span(1, 28)], span(21, 28), None, &[expected]);
    };
    after("2026-03-30T12:00:00Z", span(26, 31));
    after("2026-03-29T12:00:00Z", span(25, 31));
    after("2026-03-28T12:00:00Z", span(24, 31));
}

#[test]
fn a_restated_window_does_not_move_it_back() {
    check_due(&[span(1, 30)], span(3, 4), None, &[span(26, 31)]);
}

#[test]
fn a_window_that_was_lost_is_asked_for_again() {
    check_due(&[span(1, 12), span(19, 30)], span(19, 30), None, &[span(12, 19), span(19, 26), span(26, 31)]);
}

#[test]
fn days_that_the_platform_no_longer_has_are_no_gap() {
    let old = DateSpan::new(date(2026, 1, 1), date(2026, 1, 10));
    check_due(
        &[old, DateSpan::new(date(2026, 2, 1), date(2026, 3, 30))],
        span(23, 30),
        None,
        &[span(26, 31)],
    );
}

#[test]
fn a_job_that_is_resumed_counts_as_read() {
    check_due(&[span(1, 20)], span(20, 27), Some("2"), &[span(26, 31)]);
}

/// Read on the 10th in Tokyo, with the numbers of the 8th as the newest: 7th and 8th will be asked for again
/// tomorrow, and the 9th for the first time.
#[test]
fn what_is_asked_for_again_may_change() {
    let lag = Lag { days: 2, hour: 0, zone: "" };
    let endpoint =
        Endpoint { lag, lookback_days: 3, ..Endpoint::new("days", "", Shape::Windows { max_days: 30 }) };
    let (at, tokyo) = ("2026-10-10T03:00:00Z".parse().unwrap(), zone("Asia/Tokyo").unwrap());
    let day = |day| Date::constant(2026, 10, day);
    let changing: Vec<Date> =
        (1..=10).map(day).filter(|day| may_change(&endpoint, *day, at, &tokyo)).collect();
    assert_eq!(changing, [day(7), day(8), day(9), day(10)]);

    let check = |window: (i8, i8), told: &[i8], expected: Option<(i8, i8)>| {
        let told: Vec<Date> = told.iter().copied().map(day).collect();
        let span = |(from, until)| DateSpan::new(day(from), day(until));
        let days = expected.map(|expected| Notice::NotYet { days: span(expected) });
        assert_eq!(not_yet(&endpoint, span(window), &told, at, &tokyo), days, "{told:?}");
    };
    check((5, 9), &[5, 6, 7, 8], None);
    check((5, 9), &[5, 6, 7], Some((8, 9)));
    check((5, 9), &[5, 6, 8], Some((7, 8)));
    check((5, 9), &[], Some((7, 9)));
    check((1, 5), &[], None);
}

/// The marks of one page of an endpoint: of the days 6th to 10th, of the running total at the end of the 9th, of a
/// period and of the instant of reading.
#[track_caller]
fn check_marks(endpoint: Endpoint, window: Option<DateSpan>, expected: &str) {
    let endpoints: &'static [Endpoint] = vec![endpoint].leak();
    let descriptor = descriptor("Asia/Tokyo", endpoints);
    let input = PlanInput {
        descriptor: &descriptor,
        endpoint: &endpoints[0],
        accounts: &[account()],
        now: at(NOW),
        range: None,
        posts: &[],
    };
    let job = start(&input, &[account()], &Stream::of(&account().id, ""), window, Vec::new()).job;
    let read_at = at("2026-10-10T03:00:00Z");
    let day = |day| date(2026, 10, day);
    let midnight = day(10).to_zoned(zone("Asia/Tokyo").unwrap()).unwrap().timestamp();
    let subject = || Subject::account(account().id);
    let one = |window| Measurement::new(subject(), window, read_at);
    let mut measurements: Vec<Measurement> = (6..=10).map(|of| one(Window::Day(day(of)))).collect();
    measurements.push(one(Window::At(midnight)));
    measurements.push(one(Window::Period(DateSpan::new(day(1), day(11)))));
    measurements.push(one(Window::At(read_at)));
    let page = Page { measurements, ..Page::default() };
    let page = with_provisional_days(page, &descriptor, &job, read_at);
    let marks = page.unwrap().measurements;
    let marks: String = marks.iter().map(|one| if one.provisional { '?' } else { '.' }).collect();
    assert_eq!(marks, expected);
}

#[test]
fn days_are_marked_until_their_last_reading_or_an_earlier_one() {
    let windows = Shape::Windows { max_days: 30 };
    let days = Endpoint { lookback_days: 4, ..Endpoint::new("days", "", windows) };
    let lag = Lag { days: 2, hour: 0, zone: "" };
    check_marks(days.clone(), None, ".?????..");
    check_marks(Endpoint { lag, ..days.clone() }, None, "??????..");
    check_marks(Endpoint { final_after: Some(2), ..days.clone() }, None, "...???..");
    check_marks(Endpoint { lookback_days: 0, ..days.clone() }, None, "....?...");
    let listing = Shape::Listing { published_within_days: Some(3) };
    check_marks(Endpoint::new("mentions", "", listing), None, "..????..");
}

/// Rows of later days come again with the day of publishing that they were asked for with.
#[test]
fn what_comes_again_with_an_earlier_day_ends_with_it() {
    let days = Endpoint { lookback_days: 4, ..Endpoint::new("days", "", Shape::Windows { max_days: 1 }) };
    check_marks(days.clone(), Some(DateSpan::day(date(2026, 10, 7))), ".?????..");
    check_marks(days, Some(DateSpan::day(date(2026, 10, 6))), "........");
}
