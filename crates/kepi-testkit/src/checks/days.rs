//! Days as checks need them: which are planned, which are ready, and in which forms a request says them.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use kepi_core::{
    Cursor, DateSpan, Descriptor, Endpoint, Job, Page, Shape, Window,
    descriptor::Earliest,
    period::{add_days, days_between},
    plan::{PlanInput, PlannedJob, StreamState, day_zone, last_ready_day, plan},
};

use super::settings::request_text;
use crate::{Candidate, Faults, Fixture};

/// The endpoints that are asked for days, with their full fixtures.
pub(crate) fn windowed(it: &Candidate) -> impl Iterator<Item = (&Endpoint, &Fixture)> {
    it.full_ones().filter(|(endpoint, fixture)| {
        endpoint.shape.days_per_call().is_some() && fixture.exchange.job.window.is_some()
    })
}

/// The jobs that are due for the account of a fixture, when so many days are covered.
pub(crate) fn planned(
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
            covered: vec![window],
        })
    };
    plan(&input, &state).unwrap_or_default()
}

pub(crate) fn due_days(jobs: &[PlannedJob]) -> Vec<Date> {
    let mut days: Vec<Date> =
        jobs.iter().filter_map(|planned| planned.job.window).flat_map(|window| window.iter()).collect();
    days.sort();
    days
}

pub(crate) fn ready(it: &Candidate, endpoint: &Endpoint, job: &Job, now: Timestamp) -> Option<Date> {
    Some(last_ready_day(endpoint, now, &zone_of(it.descriptor(), job)?))
}

pub(crate) fn zone_of(descriptor: &Descriptor, job: &Job) -> Option<TimeZone> {
    day_zone(descriptor, job.accounts.first()?).ok()
}

/// The instant at which a day of the job's account begins.
pub(crate) fn start_of(it: &Candidate, job: &Job, day: Date) -> Option<Timestamp> {
    midnight(day, &zone_of(it.descriptor(), job)?)
}

pub(crate) fn midnight(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    day.to_zoned(zone.clone()).ok().map(|at| at.timestamp())
}

/// The days that a page speaks of: of its windows, and those on which its posts were published.
pub(crate) fn days_of(it: &Candidate, job: &Job, page: &Page) -> Vec<Date> {
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

pub(crate) fn floor(it: &Candidate, endpoint: &Endpoint, job: &Job, now: Timestamp) -> Option<Date> {
    match endpoint.earliest {
        Earliest::Unlimited => None,
        Earliest::Since(date) => Some(date),
        Earliest::DaysBack(days) => {
            Some(add_days(zone_of(it.descriptor(), job)?.to_datetime(now).date(), -i32::from(days)))
        }
    }
}

/// The request says the first and the last day of its job, in whichever form the platform has.
pub(crate) fn carries_window(it: &Candidate, endpoint: &Endpoint, job: &Job, faults: &mut Faults) {
    let Some(window) = job.window else { return };
    let request = match it.adapter.request(job, &Cursor::default()) {
        Ok(request) => request,
        Err(error) => return faults.add(endpoint.name, format!("cannot be asked for {window}: {error:?}")),
    };
    let text = request_text(&request);
    let Some(zone) = zone_of(it.descriptor(), job) else { return };
    if let Shape::Trailing { spans } = endpoint.shape {
        let needed = days_between(window.start, zone.to_datetime(job.planned_at).date());
        let span = spans.iter().find(|span| i32::from(**span) >= needed);
        let says = |span: &u16| ["=", ":"].iter().any(|sign| says_word(&text, &format!("{sign}{span}")));
        return faults.unless(span.is_some_and(says), endpoint.name, || {
            format!("is asked for {window}, {needed} days back, and does not say the shortest span that reaches: {text}")
        });
    }
    let says = |forms: &[String]| forms.iter().any(|form| says_word(&text, form));
    faults.unless(says(&starts(window.start, &zone)), endpoint.name, || {
        format!("is asked for {window} and does not say its first day: {text}")
    });
    faults.unless(says(&ends(window.end, &zone)), endpoint.name, || {
        format!("is asked for {window} and does not say its last day: {text}")
    });
}

/// Whether a form stands in a text and is not a part of a longer number.
pub(crate) fn says_word(text: &str, form: &str) -> bool {
    text.match_indices(form).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + form.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(|c| c.is_ascii_digit()) && !after.is_some_and(|c| c.is_ascii_digit())
    })
}

/// The forms in which platforms take the first day of a window.
pub(crate) fn starts(day: Date, zone: &TimeZone) -> Vec<String> {
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
