//! F. Windows and increments: which days are asked for, and where a run takes up the one before.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::{SignedDuration, civil::Date};
use kepi_core::{
    Cursor, DateSpan, ErrorKind,
    period::{add_days, zone},
};

use super::{
    days::{
        carries_window, days_of, due_days, floor, midnight, planned, ready, says_word, starts, windowed,
        zone_of,
    },
    settings::request_text,
};
use crate::{Candidate, Faults, edit, facts};

/// F39.
pub fn f39_long_windows_are_split_exactly(it: &Candidate, faults: &mut Faults) {
    for (endpoint, fixture) in it.full_ones() {
        let Some(max_days) = endpoint.shape.days_per_call() else { continue };
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

/// F40.
pub fn f40_a_second_run_asks_only_for_what_is_new_or_restated(it: &Candidate, faults: &mut Faults) {
    for endpoint in it.descriptor().endpoints {
        let mut done = it.cases(endpoint).filter_map(|fixture| it.read(&fixture.exchange).ok());
        let ends = done.any(|page| page.next.is_none());
        faults.unless(ends, endpoint.name, || {
            "no fixture ends the job, so every run would take up the last one".to_owned()
        });
        let (Some(_), Some(fixture)) = (endpoint.shape.days_per_call(), it.full(endpoint)) else { continue };
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
        if let (Ok(page), Ok(whole)) = (it.read(&emptied), it.read(&fixture.exchange)) {
            let told = facts::missing_from(&page, &whole);
            faults.unless(lists.is_empty() || told.is_empty(), endpoint.name, || {
                format!("a window in the far future tells numbers without rows: {told:?}")
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
