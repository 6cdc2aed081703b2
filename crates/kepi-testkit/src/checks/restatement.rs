//! F. Restatement: what becomes of what changes, comes late or goes.

use jiff::{SignedDuration, Timestamp, civil::Date};
use kepi_core::{
    AccountId, DateSpan, Endpoint, Field, Job, Page, PostRef, Shape, SubjectKind, Window, WindowKind,
    descriptor::Form, period::add_days,
};
use serde_json::json;

use super::{
    case::whole_pages,
    days::{due_days, midnight, planned, ready, start_of, windowed, zone_of},
};
use crate::{Candidate, Exchange, Faults, edit, facts, print};

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
        restates(it, endpoint, faults);
    }
}

/// Another number at the end of the look-back is another value of the same key.
fn restates(it: &Candidate, endpoint: &Endpoint, faults: &mut Faults) {
    for case in whole_pages(it).into_iter().filter(|case| case.endpoint.name == endpoint.name) {
        let counts = endpoint.fields.iter().filter(|field| field.form == Form::Count);
        let place = counts.flat_map(|field| edit::number_places(&case.body, field.pointer)).min();
        let looked = case.exchange.response.received_at;
        let lasting = case.page.measurements.iter().any(|one| one.window != Window::At(looked));
        let (Some(place), true) = (place, lasting) else { continue };
        let later = last_look(&case.exchange, endpoint);
        let Ok(after) = case.read(it, &case.exchange.with(&place, json!(987_654)).read_at(later)) else {
            continue;
        };
        let (was, is) = (facts::numbers(&case.page), facts::numbers(&after));
        let restated = was.iter().any(|(key, value)| is.get(key).is_some_and(|now| now != value));
        faults.unless(restated, &case.name, || {
            format!("another number at {place}, read at {later}, does not restate any of the first reading's")
        });
    }
}

/// The last instant at which the look-back still asks for the days of an answer.
fn last_look(exchange: &Exchange, endpoint: &Endpoint) -> Timestamp {
    let days = i64::from(endpoint.lookback_days.saturating_sub(1).max(1));
    exchange.response.received_at + SignedDuration::from_hours(24 * days)
}

/// F46.
pub fn f46_an_unchanged_re_read_adds_no_row(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in it.full_ones() {
        let later = fixture.exchange.response.received_at + SignedDuration::from_hours(3);
        let windows = matches!(endpoint.shape, Shape::Windows { .. });
        let again = fixture.exchange.read_at(later);
        let (Ok(before), Ok(after)) = (it.read(&fixture.exchange), it.read(&again)) else { continue };
        for measurement in &after.measurements {
            if let Window::At(at) = measurement.window {
                let dated = windows && at < later && ends_a_day(it, &fixture.exchange.job, at);
                faults.unless(at == later || dated, fixture.name(), || {
                    format!(
                        "a reading of {later} says that it is of {at}, so a second look changes the first; only \
                         rows that an endpoint of windows dates may be of another instant: the end of their day"
                    )
                });
            }
        }
        let keys = |page: &Page, look: Timestamp| {
            let lasting = page.measurements.iter().filter(|one| one.window != Window::At(look));
            lasting.map(print::key).collect::<Vec<_>>()
        };
        let after = keys(&after, later);
        faults.unless(keys(&before, fixture.exchange.response.received_at) == after, fixture.name(), || {
            format!("read again at {later}, the same answer has other keys: {after:?}")
        });
    }
}

/// Whether a local day of the job's account ends at an instant.
fn ends_a_day(it: &Candidate, job: &Job, at: Timestamp) -> bool {
    zone_of(it.descriptor(), job).is_some_and(|zone| midnight(zone.to_datetime(at).date(), &zone) == Some(at))
}

/// F47.
pub fn f47_a_late_row_is_found(it: &Candidate, faults: &mut Faults) {
    for case in whole_pages(it) {
        for list in edit::row_lists(it.adapter.as_ref(), &case.exchange) {
            let mut early = case.body.clone();
            edit::remove(&mut early, &format!("{list}/0"));
            let Ok(early) = case.read(it, &case.exchange.with_json(&early)) else { continue };
            for number in facts::missing_from(&early, &case.page) {
                faults.add(&case.name, format!("a row that comes late to {list} changes {number}"));
            }
        }
    }
}

/// F48.
pub fn f48_a_deleted_post_is_told(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in it.full_ones() {
        let Shape::Batch { max, .. } = endpoint.shape else { continue };
        let mut exchange = fixture.exchange.clone();
        if exchange.job.posts.len() >= usize::from(max) {
            continue;
        }
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
    let now = |field: &Field| field.subject == SubjectKind::Post && field.window == WindowKind::At;
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

/// F52.
pub fn f52_provisional_marks_are_set_and_later_cleared(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in windowed(it) {
        let Ok(page) = it.read(&fixture.exchange) else { continue };
        let days = page.measurements.iter().filter_map(|one| day_of(it, &fixture.exchange, &one.window));
        let Some(last) = days.max() else { continue };
        let looks = endpoint.lookback_days.max(1) + u16::from(endpoint.lag.days) + 2;
        for day in (1..=i32::from(looks)).map(|after| add_days(last, after)) {
            let Some(midnight) = start_of(it, &fixture.exchange.job, day) else { continue };
            for hours in [0, 12] {
                let read_at = midnight + SignedDuration::from_hours(hours) + SignedDuration::from_secs(1);
                marks_of(last, it, endpoint, &fixture.exchange.read_at(read_at), faults);
            }
        }
    }
}

/// A day that the next plan asks for again is provisional, until the reading after which the endpoint takes it as
/// final; a day that it does not ask for is not.
fn marks_of(last: Date, it: &Candidate, endpoint: &Endpoint, exchange: &Exchange, faults: &mut Faults) {
    let (read_at, job) = (exchange.response.received_at, &exchange.job);
    let Ok(page) = it.read(exchange) else { return };
    let of_last = page.measurements.iter().filter(|one| day_of(it, exchange, &one.window) == Some(last));
    let marks: Vec<bool> = of_last.map(|one| one.provisional).collect();
    let lookback_days = endpoint.final_after.unwrap_or(endpoint.lookback_days);
    let settling = Endpoint { lookback_days, ..endpoint.clone() };
    // A running total comes again with the day that it was asked for with.
    let asked = job.window.map_or(last, |window| last.min(add_days(window.end, -1)));
    let (again, settles) =
        (is_read_again(asked, it, endpoint, exchange), is_read_again(last, it, &settling, exchange));
    faults.unless(!again || !settles || !marks.contains(&false), endpoint.name, || {
        format!(
            "{last}, read at {read_at}, will be asked for again and is not provisional (plan::with_provisional_days)"
        )
    });
    faults.unless(again || !marks.contains(&true), endpoint.name, || {
        format!("{last}, read at {read_at}, is asked for no more and still provisional (plan::with_provisional_days)")
    });
}

/// Whether a day that was read is asked for on the next day, when all that is there was read, or once it is there.
fn is_read_again(day: Date, it: &Candidate, endpoint: &Endpoint, exchange: &Exchange) -> bool {
    let read_at = exchange.response.received_at;
    let Some(ready) = ready(it, endpoint, &exchange.job, read_at) else { return false };
    let covered = DateSpan::new(add_days(ready, -400), add_days(ready, 1));
    let tomorrow = read_at + SignedDuration::from_hours(24);
    let due = due_days(&planned(it, endpoint, &exchange.job, tomorrow, None, Some(covered)));
    day > ready || due.contains(&day)
}

/// The day that a number is of; of a running total, the day at whose end it stood so.
fn day_of(it: &Candidate, exchange: &Exchange, window: &Window) -> Option<Date> {
    match *window {
        Window::Day(day) => Some(day),
        Window::At(at) if at < exchange.response.received_at && ends_a_day(it, &exchange.job, at) => {
            Some(add_days(zone_of(it.descriptor(), &exchange.job)?.to_datetime(at).date(), -1))
        }
        Window::At(_) | Window::Period(_) => None,
    }
}

/// F53.
pub fn f53_zeros_are_told_as_zeros(it: &Candidate, faults: &mut Faults) {
    for case in whole_pages(it) {
        let mut body = case.body.clone();
        for pointer in edit::all_number_places(&body, case.endpoint) {
            if let Some(place) = body.pointer_mut(&pointer) {
                *place = if place.is_string() { json!("0") } else { json!(0) };
            }
        }
        let Ok(after) = case.read(it, &case.exchange.with_json(&body)) else {
            faults.add(&case.name, "an answer of zeros stops it");
            continue;
        };
        let after = facts::numbers(&after);
        for (key, metric) in facts::numbers(&case.page).keys().filter(|key| !after.contains_key(*key)) {
            faults.add(&case.name, format!("a zero is kept back: {key} | {metric}"));
        }
    }
}
