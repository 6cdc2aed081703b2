//! F. Windows, increments, restatement: which days are asked for, and what becomes of what changes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use kepi_core::{
    AccountId, Cursor, DateSpan, Descriptor, Endpoint, ErrorKind, Job, Page, PostRef, Shape, Window,
    descriptor::Earliest,
    period::{add_days, zone},
    plan::{PlanInput, PlannedJob, StreamState, day_zone, last_ready_day, plan},
};
use serde_json::json;

use super::settings::request_text;
use crate::{Candidate, Faults, Fixture, edit, facts, print};

/// F39.
pub fn f39_long_windows_are_split_exactly(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in it.full_ones() {
        let Shape::Windows { max_days } = endpoint.shape else { continue };
        let now = fixture.exchange.response.received_at;
        let Some(ready) = ready(it, endpoint, &fixture.exchange.job, now) else { continue };
        let asked = DateSpan::new(add_days(ready, -(i32::from(max_days) * 7 / 2)), add_days(ready, 1));
        let jobs = planned(it, endpoint, &fixture.exchange.job, now, Some(asked), None);
        let windows: Vec<DateSpan> = jobs.iter().filter_map(|planned| planned.job.window).collect();
        let tiled = windows.windows(2).all(|pair| matches!(pair, [a, b] if a.end == b.start));
        faults.unless(
            tiled && windows.iter().all(|window| window.days() <= i32::from(max_days)),
            endpoint.name,
            || format!("{asked} is split into {windows:?}"),
        );
        for job in jobs.iter().map(|planned| &planned.job) {
            carries_window(it, endpoint, job, faults);
        }
    }
}

/// The request says the first and the last day of its job, in whichever form the platform has.
fn carries_window(it: &Candidate, endpoint: &Endpoint, job: &Job, faults: &mut Faults) {
    let Some(window) = job.window else { return };
    let request = match it.adapter.request(job, &Cursor::default()) {
        Ok(request) => request,
        Err(error) => return faults.add(endpoint.name, format!("cannot be asked for {window}: {error:?}")),
    };
    let text = request_text(&request);
    let Some(zone) = zone_of(it.descriptor(), job) else { return };
    let says = |forms: &[String]| forms.iter().any(|form| says_word(&text, form));
    faults.unless(says(&starts(window.start, &zone)), endpoint.name, || {
        format!("is asked for {window} and does not say its first day: {text}")
    });
    faults.unless(says(&ends(window.end, &zone)), endpoint.name, || {
        format!("is asked for {window} and does not say its last day: {text}")
    });
}

/// Whether a form stands in a text and is not a part of a longer number.
fn says_word(text: &str, form: &str) -> bool {
    text.match_indices(form).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + form.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(|c| c.is_ascii_digit()) && !after.is_some_and(|c| c.is_ascii_digit())
    })
}

/// The forms in which platforms take the first day of a window.
fn starts(day: Date, zone: &TimeZone) -> Vec<String> {
    let mut forms = civil(day);
    forms.extend(midnight(day, zone).into_iter().flat_map(instants));
    forms
}

/// The forms in which they take its end: the last day, the day after, or the instant between.
fn ends(end: Date, zone: &TimeZone) -> Vec<String> {
    let mut forms = civil(end);
    forms.extend(civil(add_days(end, -1)));
    if let Some(at) = midnight(end, zone) {
        forms.extend(instants(at));
        forms.extend(instants(at - SignedDuration::from_secs(1)));
        forms.push((at.as_millisecond() - 1).to_string());
    }
    forms
}

fn civil(day: Date) -> Vec<String> {
    vec![
        day.to_string(),
        day.strftime("%Y%m%d").to_string(),
        day.strftime("%Y/%m/%d").to_string(),
        format!("year:{},month:{},day:{}", day.year(), day.month(), day.day()),
        format!("(day:{},month:{},year:{})", day.day(), day.month(), day.year()),
    ]
}

fn instants(at: Timestamp) -> Vec<String> {
    vec![at.as_second().to_string(), at.as_millisecond().to_string(), at.to_string()]
}

fn midnight(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    day.to_zoned(zone.clone()).ok().map(|at| at.timestamp())
}

/// F40.
pub fn f40_a_second_run_asks_only_for_what_is_new_or_restated(it: &Candidate, faults: &mut Faults) {
    for endpoint in it.descriptor().endpoints {
        let mut done = it.cases(endpoint).filter_map(|fixture| it.read(&fixture.exchange).ok());
        let ends = done.any(|page| page.next.is_none());
        faults.unless(ends, endpoint.name, || {
            "no fixture ends the job, so every run would take up the last one".to_owned()
        });
        let (Shape::Windows { .. }, Some(fixture)) = (endpoint.shape, it.full(endpoint)) else { continue };
        let (now, job) = (fixture.exchange.response.received_at, &fixture.exchange.job);
        let Some(ready_then) = ready(it, endpoint, job, now) else { continue };
        let tomorrow = now + SignedDuration::from_hours(24);
        let covered = DateSpan::new(add_days(ready_then, -30), add_days(ready_then, 1));
        let due = due_days(&planned(it, endpoint, job, tomorrow, None, Some(covered)));
        let oldest = add_days(covered.end, 1 - i32::from(endpoint.lookback_days.max(1)));
        faults.unless(due.iter().all(|day| *day >= oldest), endpoint.name, || {
            format!(
                "asks again for {:?} although only the days from {oldest} on are new or restated",
                due.first()
            )
        });
    }
}

/// F41.
pub fn f41_every_stored_cursor_resumes(it: &Candidate, faults: &mut Faults) {
    for (fixture, page) in it.pages() {
        let Some(next) = page.next else { continue };
        let job = &fixture.exchange.job;
        let stored = Cursor::from_stored(next.as_stored());
        let Ok(fresh) = it.fresh() else { continue };
        let asked = |adapter: &dyn kepi_core::Adapter, cursor: &Cursor| {
            adapter
                .request(job, cursor)
                .map(|request| request_text(&request))
                .map_err(|error| error.to_string())
        };
        let (here, there) = (asked(it.adapter.as_ref(), &next), asked(fresh.as_ref(), &stored));
        faults.unless(here == there, fixture.name(), || {
            format!("an adapter that starts anew asks {there:?} at the stored cursor, and not {here:?}")
        });
        let foreign = Cursor::from_stored(Some("{\"kepi\":\"foreign\"}"));
        match it.adapter.request(job, &foreign) {
            Ok(request) => {
                faults.add(fixture.name(), format!("a foreign cursor is taken: {}", request.summary()))
            }
            Err(error) => faults.unless(error.kind() == ErrorKind::Store, fixture.name(), || {
                format!("a foreign cursor is {} and not a matter of the store", error.kind())
            }),
        }
    }
}

/// F42.
pub fn f42_a_far_future_gives_nothing_and_does_no_harm(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in it.full_ones().filter(|(_, fixture)| fixture.exchange.job.window.is_some()) {
        let Ok(start) = Date::new(2199, 1, 1) else { continue };
        let mut exchange = fixture.exchange.clone();
        exchange.job.window = Some(DateSpan::new(start, add_days(start, 7)));
        let lists = edit::row_lists(it.adapter.as_ref(), &fixture.exchange);
        let emptied = edit::emptied(&exchange, &lists);
        let asked = catch_unwind(AssertUnwindSafe(|| it.adapter.request(&exchange.job, &Cursor::default())));
        let lawful = [ErrorKind::BadRequest, ErrorKind::NotOffered];
        match asked {
            Err(_) => faults.add(endpoint.name, "a window in the far future is a panic"),
            Ok(Err(error)) if !lawful.contains(&error.kind()) => {
                faults.add(endpoint.name, format!("a window in the far future is {error:?}"));
            }
            Ok(_) => {}
        }
        if let Ok(page) = it.read(&emptied) {
            faults.unless(lists.is_empty() || page.measurements.is_empty(), endpoint.name, || {
                "a window in the far future tells numbers without rows".to_owned()
            });
        }
    }
}

/// F43.
pub fn f43_rows_on_the_boundary_are_not_lost(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in it.full_ones() {
        let (Some(window), Ok(page)) = (fixture.exchange.job.window, it.read(&fixture.exchange)) else {
            continue;
        };
        let days = days_of(it, &fixture.exchange.job, &page);
        for day in days.into_iter().filter(|day| window.contains(*day)) {
            for tight in
                [DateSpan::new(window.start.min(day), add_days(day, 1)), DateSpan::new(day, window.end)]
            {
                let mut exchange = fixture.exchange.clone();
                exchange.job.window = Some(tight);
                let Ok(again) = it.read(&exchange) else { continue };
                let kept = days_of(it, &exchange.job, &again).contains(&day);
                faults.unless(kept, endpoint.name, || {
                    format!("a row of {day} is lost when {tight} is asked for")
                });
            }
        }
    }
}

/// The days that a page speaks of: of its windows, and those on which its posts were published.
fn days_of(it: &Candidate, job: &Job, page: &Page) -> Vec<Date> {
    let zone = zone_of(it.descriptor(), job).unwrap_or(TimeZone::UTC);
    let windows = page.measurements.iter().filter_map(|measurement| match measurement.window {
        Window::Day(day) => Some(day),
        Window::At(_) | Window::Period(_) => None,
    });
    let posts = page.posts.iter().filter_map(|post| Some(zone.to_datetime(post.published_at?).date()));
    let mut days: Vec<Date> = windows.chain(posts).collect();
    days.sort();
    days.dedup();
    days
}

/// F44.
pub fn f44_a_cursor_never_moves_backwards(it: &Candidate, faults: &mut Faults) {
    for (fixture, page) in it.pages() {
        let lists = edit::row_lists(it.adapter.as_ref(), &fixture.exchange);
        let (Some(mut cursor), false) = (page.next, lists.is_empty()) else { continue };
        let mut seen = vec![fixture.exchange.cursor.clone(), cursor.clone()];
        for k in 1..6 {
            let mut exchange = edit::following(it.adapter.as_ref(), &fixture.exchange, &lists, k);
            exchange.cursor = cursor;
            let Some(next) = it.read(&exchange).ok().and_then(|page| page.next) else { break };
            if seen.contains(&next) {
                faults.add(fixture.name(), format!("after {} pages the cursor is back at {next:?}", k + 1));
                break;
            }
            seen.push(next.clone());
            cursor = next;
        }
    }
}

/// F45.
pub fn f45_a_restated_value_is_a_new_observation(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in windowed(it) {
        let (now, job) = (fixture.exchange.response.received_at, &fixture.exchange.job);
        let (Some(ready), lookback) = (ready(it, endpoint, job, now), i32::from(endpoint.lookback_days))
        else {
            continue;
        };
        let covered = DateSpan::new(add_days(ready, -60), add_days(ready, 1));
        let due = due_days(&planned(it, endpoint, job, now, None, Some(covered)));
        let inside = add_days(ready, 1 - lookback);
        faults.unless(lookback == 0 || due.contains(&inside), endpoint.name, || {
            format!("may restate {lookback} days, and {inside} is not asked for again: {due:?}")
        });
        let Some(body) = fixture.exchange.json() else { continue };
        let Some(place) = edit::all_number_places(&body, endpoint).into_iter().next() else { continue };
        let later = last_look(fixture, endpoint);
        let Ok(before) = it.read(&fixture.exchange.with_json(&body)) else { continue };
        let Ok(after) = it.read(&fixture.exchange.with(&place, json!(987_654)).read_at(later)) else {
            continue;
        };
        let (was, is) = (facts::numbers(&before), facts::numbers(&after));
        let restated = was.iter().any(|(key, value)| is.get(key).is_some_and(|now| now != value));
        faults.unless(restated, fixture.name(), || {
            format!("another number at {place}, read at {later}, does not restate any of the first reading's")
        });
    }
}

/// The last instant at which the look-back still asks for the days of a fixture.
fn last_look(fixture: &Fixture, endpoint: &Endpoint) -> Timestamp {
    let days = i64::from(endpoint.lookback_days.saturating_sub(1).max(1));
    fixture.exchange.response.received_at + SignedDuration::from_hours(24 * days)
}

/// F46.
pub fn f46_an_unchanged_re_read_adds_no_row(it: &Candidate, faults: &mut Faults) {
    for (_, fixture) in it.full_ones() {
        let later = fixture.exchange.response.received_at + SignedDuration::from_hours(3);
        let again = fixture.exchange.read_at(later);
        let (Ok(before), Ok(after)) = (it.read(&fixture.exchange), it.read(&again)) else { continue };
        for measurement in &after.measurements {
            if let Window::At(at) = measurement.window {
                faults.unless(at == later, fixture.name(), || {
                    format!(
                        "a reading of {later} says that it is of {at}, so a second look changes the first"
                    )
                });
            }
        }
        let keys = |page: &Page| {
            let lasting = page.measurements.iter().filter(|one| !matches!(one.window, Window::At(_)));
            lasting.map(print::key).collect::<Vec<_>>()
        };
        faults.unless(keys(&before) == keys(&after), fixture.name(), || {
            format!("read again at {later}, the same answer has other keys: {:?}", keys(&after))
        });
    }
}

/// F47.
pub fn f47_a_late_row_is_found(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in it.full_ones() {
        let Some(body) = fixture.exchange.json() else { continue };
        let exchange = fixture.exchange.with_json(&body);
        let Ok(whole) = it.read(&exchange) else { continue };
        for list in edit::row_lists(it.adapter.as_ref(), &exchange) {
            let mut early = body.clone();
            edit::remove(&mut early, &format!("{list}/0"));
            let Ok(early) = it.read(&exchange.with_json(&early)) else { continue };
            for number in facts::missing_from(&early, &whole) {
                faults.add(endpoint.name, format!("a row that comes late to {list} changes {number}"));
            }
        }
    }
}

/// F48.
pub fn f48_a_deleted_post_is_told(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in it.full_ones() {
        let Shape::Batch { .. } = endpoint.shape else { continue };
        let mut exchange = fixture.exchange.clone();
        let Some(first) = exchange.job.posts.first() else { continue };
        let gone = PostRef { id: "7000000000000000007".into(), ..first.clone() };
        exchange.job.posts.push(gone.clone());
        let Ok(page) = it.read(&exchange) else { continue };
        if !tells_of_posts_themselves(endpoint) {
            continue;
        }
        let tomb = page.posts.iter().any(|post| post.id == gone.id && post.deleted_at.is_some());
        let told = page.notices.iter().any(|notice| format!("{notice:?}").contains(gone.id.as_str()));
        let reject = page.rejects.iter().any(|reject| reject.raw.contains(gone.id.as_str()));
        faults.unless(tomb || told || reject, endpoint.name, || {
            "a post that was asked for and is not in the answer is passed over in silence".to_owned()
        });
    }
}

/// Whether it gives the present numbers of posts, so that a post that is gone is missed. A series of days may
/// lack a post because nothing happened.
fn tells_of_posts_themselves(endpoint: &Endpoint) -> bool {
    let now = |field: &kepi_core::Field| {
        field.subject == kepi_core::SubjectKind::Post && field.window == kepi_core::WindowKind::At
    };
    endpoint.fields.iter().any(now)
}

/// F49.
pub fn f49_accounts_are_independent(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in it.full_ones() {
        let Ok(page) = it.read(&fixture.exchange) else { continue };
        if fixture.exchange.job.accounts.len() > 1 {
            let mut turned = fixture.exchange.clone();
            turned.job.accounts.reverse();
            let Ok(turned) = it.read(&turned) else { continue };
            faults.unless(facts::same(&page, &turned), endpoint.name, || {
                "the same answer says something else when the accounts are asked for in another order"
                    .to_owned()
            });
            continue;
        }
        let Ok(other) = AccountId::new(&format!("{}/kepi_other", it.descriptor().platform)) else { continue };
        let mut exchange = fixture.exchange.clone();
        for account in &mut exchange.job.accounts {
            account.id = other.clone();
        }
        for post in &mut exchange.job.posts {
            post.account = other.clone();
        }
        let Ok(moved) = it.read(&exchange) else { continue };
        let strays = moved.measurements.iter().filter(|one| one.subject.account != other).map(print::key);
        for stray in strays {
            faults.add(endpoint.name, format!("asked for {other} it tells {stray}"));
        }
        faults.unless(edit::size(&moved) == edit::size(&page), endpoint.name, || {
            format!("says less of {other} than of the first account")
        });
    }
}

/// F50.
pub fn f50_days_are_the_accounts_days(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in windowed(it) {
        for name in ["Europe/Berlin", "Asia/Shanghai", "America/Los_Angeles"] {
            for (month, day) in [(3, 8), (3, 29), (10, 25), (11, 1)] {
                let (Ok(first), mut job) = (Date::new(2026, month, day), fixture.exchange.job.clone()) else {
                    continue;
                };
                for account in &mut job.accounts {
                    account.zone = name.into();
                }
                job.window = Some(DateSpan::day(first));
                if let Ok(zone) = zone(name) {
                    job.planned_at = midnight(add_days(first, 2), &zone).unwrap_or(job.planned_at);
                }
                carries_window(it, endpoint, &job, faults);
            }
        }
    }
}

/// F51.
pub fn f51_what_is_too_old_is_reported_as_clamped(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in windowed(it) {
        let (now, job) = (fixture.exchange.response.received_at, &fixture.exchange.job);
        let due = planned(it, endpoint, job, now, None, None);
        faults.unless(due.iter().all(|planned| planned.clamped.is_none()), endpoint.name, || {
            format!("looks back {} days, further than its data reach", endpoint.lookback_days)
        });
        let Some(floor) = floor(it, endpoint, job, now) else { continue };
        let asked = DateSpan::new(add_days(floor, -10), add_days(floor, 1));
        let jobs = planned(it, endpoint, job, now, Some(asked), None);
        let clamped = jobs.iter().find_map(|planned| planned.clamped);
        faults.unless(
            jobs.is_empty() || clamped.is_some_and(|days| days.end == floor),
            endpoint.name,
            || format!("{asked} is asked for, its data begin at {floor}, and {clamped:?} is told"),
        );
        let mut early = job.clone();
        early.window = Some(DateSpan::new(add_days(floor, -10), add_days(floor, -5)));
        if let Ok(request) = it.adapter.request(&early, &Cursor::default()) {
            let Some(zone) = zone_of(it.descriptor(), job) else { continue };
            let text = request_text(&request);
            let told = starts(add_days(floor, -10), &zone).iter().any(|form| says_word(&text, form));
            faults.unless(told, endpoint.name, || {
                format!("days that are too old are replaced by others without a word: {text}")
            });
        }
    }
}

fn floor(it: &Candidate, endpoint: &Endpoint, job: &Job, now: Timestamp) -> Option<Date> {
    match endpoint.earliest {
        Earliest::Unlimited => None,
        Earliest::Since(date) => Some(date),
        Earliest::DaysBack(days) => {
            Some(add_days(zone_of(it.descriptor(), job)?.to_datetime(now).date(), -i32::from(days)))
        }
    }
}

/// F52.
pub fn f52_provisional_marks_are_set_and_later_cleared(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in windowed(it).filter(|(endpoint, _)| endpoint.lookback_days > 1) {
        let Ok(page) = it.read(&fixture.exchange) else { continue };
        let Some(last) = days_of(it, &fixture.exchange.job, &page).into_iter().max() else { continue };
        let marked = |at: Timestamp| {
            let page = it.read(&fixture.exchange.read_at(at)).ok()?;
            let of_last = |window: &Window| *window == Window::Day(last);
            page.measurements.iter().find(|one| of_last(&one.window)).map(|one| one.provisional)
        };
        let Some(over) = start_of(it, &fixture.exchange.job, add_days(last, 1)) else { continue };
        let soon = over + SignedDuration::from_hours(24 * i64::from(endpoint.lag.days) + 1);
        let late = soon + SignedDuration::from_hours(24 * (i64::from(endpoint.lookback_days) + 3));
        faults.unless(marked(soon) != Some(false), endpoint.name, || {
            format!(
                "{last} read at {soon} may be restated for {} days and is not provisional",
                endpoint.lookback_days
            )
        });
        faults.unless(marked(late) != Some(true), endpoint.name, || {
            format!("{last} read at {late} is restated no more and still provisional")
        });
    }
}

/// F53.
pub fn f53_zeros_are_told_as_zeros(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in it.full_ones() {
        let Some(mut body) = fixture.exchange.json() else { continue };
        let Ok(before) = it.read(&fixture.exchange.with_json(&body)) else { continue };
        for pointer in edit::all_number_places(&body, endpoint) {
            if let Some(place) = body.pointer_mut(&pointer) {
                *place = if place.is_string() { json!("0") } else { json!(0) };
            }
        }
        let Ok(after) = it.read(&fixture.exchange.with_json(&body)) else {
            faults.add(fixture.name(), "an answer of zeros stops it");
            continue;
        };
        let (before, after) = (facts::numbers(&before), facts::numbers(&after));
        for (key, metric) in before.keys().filter(|key| !after.contains_key(*key)) {
            faults.add(fixture.name(), format!("a zero is kept back: {key} | {metric}"));
        }
    }
}

/// The endpoints that are asked for days, with their full fixtures.
fn windowed(it: &Candidate) -> impl Iterator<Item = (&Endpoint, &Fixture)> {
    it.full_ones().filter(|(endpoint, fixture)| {
        matches!(endpoint.shape, Shape::Windows { .. }) && fixture.exchange.job.window.is_some()
    })
}

/// The jobs that are due for the account of a fixture, when so many days are covered.
fn planned(
    it: &Candidate,
    endpoint: &Endpoint,
    job: &Job,
    now: Timestamp,
    range: Option<DateSpan>,
    covered: Option<DateSpan>,
) -> Vec<PlannedJob> {
    let accounts = job.accounts.get(..1).unwrap_or_default();
    let input = PlanInput { descriptor: it.descriptor(), endpoint, accounts, now, range, posts: &[] };
    let state = |_: &kepi_core::Stream| {
        covered.map(|window| StreamState {
            sequence: 1,
            job: Job { window: Some(window), ..job.clone() },
            next: None,
            observed_at: now,
        })
    };
    plan(&input, &state).unwrap_or_default()
}

fn due_days(jobs: &[PlannedJob]) -> Vec<Date> {
    let mut days: Vec<Date> =
        jobs.iter().filter_map(|planned| planned.job.window).flat_map(|window| window.iter()).collect();
    days.sort();
    days
}

fn ready(it: &Candidate, endpoint: &Endpoint, job: &Job, now: Timestamp) -> Option<Date> {
    Some(last_ready_day(endpoint, now, &zone_of(it.descriptor(), job)?))
}

fn zone_of(descriptor: &Descriptor, job: &Job) -> Option<TimeZone> {
    day_zone(descriptor, job.accounts.first()?).ok()
}

/// The instant at which a day of the job's account begins.
pub(crate) fn start_of(it: &Candidate, job: &Job, day: Date) -> Option<Timestamp> {
    midnight(day, &zone_of(it.descriptor(), job)?)
}
