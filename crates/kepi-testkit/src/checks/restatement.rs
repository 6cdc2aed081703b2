//! F. Restatement: what becomes of what changes, comes late or goes.

use jiff::{SignedDuration, Timestamp};
use kepi_core::{
    AccountId, DateSpan, Endpoint, Field, Job, Page, PostRef, Shape, SubjectKind, Window, WindowKind,
    descriptor::Form, period::add_days,
};
use serde_json::json;

use super::{
    case::whole_pages,
    days::{days_of, due_days, midnight, planned, ready, start_of, windowed, zone_of},
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
                "{last} read at {soon} may be restated for {} days and is not provisional (plan::may_change)",
                endpoint.lookback_days
            )
        });
        faults.unless(marked(late) != Some(true), endpoint.name, || {
            format!("{last} read at {late} is restated no more and still provisional (plan::may_change)")
        });
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
