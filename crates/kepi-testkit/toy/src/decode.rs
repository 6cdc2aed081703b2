//! Body in, page out.

use jiff::{Timestamp, civil::Date};
use kepi_core::{
    Account, AccountId, Body, Cursor, DateSpan, Error, ErrorKind, Field, Job, Measurement, Notice, Page,
    Post, Reading, Reject, Result, Subject, Traffic, Window,
    json::{self, Number},
    period::{add_days, days_between, local_day, zone},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Breakage,
    descriptor::{LOOKBACK, PAGE_CAP, PAGE_SIZE, fields},
    request::Step,
};

type Broken = Option<Breakage>;

pub(crate) fn page(job: &Job, cursor: &Cursor, body: &Body, breakage: Broken) -> Result<Page> {
    let is = |one: Breakage| breakage == Some(one);
    assert!(!is(Breakage::PanicsOnAnEmptyList) || body.bytes != b"[]", "the list is empty");
    let list = match job.endpoint.as_str() {
        "profile" => "accounts",
        "daily" | "recent" => "days",
        _ => "posts",
    };
    let answer: Value = match serde_json::from_slice(&body.bytes) {
        Ok(answer) => answer,
        Err(error) => return Err(unknown(job).caused_by(error)),
    };
    let rows = match answer.get(list) {
        Some(Value::Array(rows)) => rows.as_slice(),
        Some(Value::Null) => &[],
        _ => return Err(unknown(job)),
    };
    let mut page = Page::default();
    for (at, row) in rows.iter().enumerate() {
        let told = match job.endpoint.as_str() {
            "profile" => profile(&mut page, job, body, row, breakage),
            "daily" | "recent" => day(&mut page, job, body, row, at, breakage),
            _ => post(&mut page, job, body, row, breakage),
        };
        match told {
            Ok(()) => {}
            Err(reason) if is(Breakage::StopsAtOneBadRow) => return Err(unknown(job).with("reason", reason)),
            Err(reason) => page.rejects.push(Reject {
                account: None,
                place: format!("/{list}/{at}"),
                reason,
                raw: row.to_string(),
            }),
        }
    }
    match job.endpoint.as_str() {
        "feed" => following(&mut page, cursor, &answer, rows, breakage)?,
        "numbers" if !is(Breakage::PassesOverDeletedPosts) => gone(&mut page, job, body),
        "daily" | "recent" => not_yet(&mut page, job, body, cursor, breakage)?,
        _ => {}
    }
    Ok(page)
}

fn unknown(job: &Job) -> Error {
    Error::bad_response("the answer has an unknown shape").with("endpoint", &job.endpoint)
}

fn profile(page: &mut Page, job: &Job, body: &Body, row: &Value, breakage: Broken) -> Result<(), String> {
    let id = text(row, "id")?;
    let known = job.accounts.iter().find(|account| account.platform_id.as_deref() == Some(id));
    let account = known.ok_or("an account that was not asked for")?.id.clone();
    let rounded = breakage == Some(Breakage::RoundsTheInstant);
    let at = if rounded { midnight(body.observed_at) } else { body.observed_at };
    let subject = Subject::account(account.clone());
    tell(page, &Measurement::new(subject, Window::At(at), body.observed_at), row, "profile", breakage)?;
    let handle = row.get("handle").and_then(Value::as_str).map(str::to_owned);
    page.accounts.push(Account { platform_id: Some(id.into()), handle, ..Account::new(account) });
    Ok(())
}

fn midnight(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second() / 86_400 * 86_400).unwrap_or(at)
}

fn post(page: &mut Page, job: &Job, body: &Body, row: &Value, breakage: Broken) -> Result<(), String> {
    let said = text(row, "id")?;
    let id = match said.parse::<f64>() {
        Ok(number) if breakage == Some(Breakage::ReadsIdsAsNumbers) => format!("{number:.0}"),
        _ => said.to_owned(),
    };
    let mut account = job.account().map_err(|error| error.to_string())?.id.clone();
    if breakage == Some(Breakage::KnowsOneAccountOnly) && job.endpoint == "feed" {
        account = AccountId::new("toy/nordlicht").map_err(|error| error.to_string())?;
    }
    if job.endpoint == "feed" {
        let published = row.get("created_at").and_then(Value::as_str).map(str::parse).transpose();
        page.posts.push(Post {
            published_at: published.map_err(|error: jiff::Error| error.to_string())?,
            text: row.get("text").and_then(Value::as_str).map(str::to_owned),
            ..Post::new(account.clone(), id.as_str())
        });
    }
    let measurement = Measurement::at(Subject::post(account, id), body.observed_at);
    let told = tell(page, &measurement, row, job.endpoint.as_str(), breakage);
    if told.is_err() && job.endpoint == "feed" {
        page.posts.pop();
    }
    told
}

fn day(
    page: &mut Page,
    job: &Job,
    body: &Body,
    row: &Value,
    at: usize,
    breakage: Broken,
) -> Result<(), String> {
    let account = job.account().map_err(|error| error.to_string())?;
    let zone = zone(&account.zone).map_err(|error| error.to_string())?;
    let window = job.window.ok_or("a job without days")?;
    let mut date: Date = text(row, "date")?.parse().map_err(|error: jiff::Error| error.to_string())?;
    let age = days_between(date, local_day(body.observed_at, &zone));
    match breakage {
        Some(Breakage::CountsDaysByRows) => date = add_days(window.start, i32::try_from(at).unwrap_or(0)),
        Some(Breakage::LosesTheFirstDay) if date == window.start => return Ok(()),
        Some(Breakage::DropsOldRows) if age > i32::from(LOOKBACK) => return Ok(()),
        _ => {}
    }
    let wrong_clock = breakage == Some(Breakage::LooksAtTheWrongClock);
    let observed_at = if wrong_clock { job.planned_at } else { body.observed_at };
    let mut measurement =
        Measurement::new(Subject::account(account.id.clone()), Window::Day(date), observed_at);
    measurement.provisional = match breakage {
        Some(Breakage::GoesByTheAgeOfDays) => age < i32::from(LOOKBACK),
        Some(Breakage::IsNeverSure) => age <= i32::from(LOOKBACK) + 1,
        _ => false,
    };
    tell(page, &measurement, row, "daily", breakage)
}

/// Adds what a row says: one measurement for each kind of traffic.
fn tell(
    page: &mut Page,
    measurement: &Measurement,
    row: &Value,
    endpoint: &str,
    breakage: Broken,
) -> Result<(), String> {
    let fields = fields(endpoint, breakage);
    let mut told = Vec::new();
    for traffic in [Traffic::Total, Traffic::Organic] {
        let mut values = Vec::new();
        for field in fields.iter().filter(|field| field.traffic == traffic) {
            values.extend(reading(row, field, breakage)?);
        }
        if !values.is_empty() {
            told.push(Measurement { traffic, values, ..measurement.clone() });
        }
    }
    if breakage == Some(Breakage::SaysThingsTwice) {
        told.extend(told.first().cloned());
    }
    page.measurements.extend(told);
    Ok(())
}

fn reading(row: &Value, field: &Field, breakage: Broken) -> Result<Option<Reading>, String> {
    let metric = kepi_core::MetricId::from_static(field.metric);
    let said = row.pointer(field.pointer).filter(|value| !value.is_null());
    let Some(said) = said else {
        let zero = breakage == Some(Breakage::TakesAbsentForZero) && field.metric == "likes";
        return Ok(zero.then(|| Reading::count(metric, 0)));
    };
    let number = Number::deserialize(said).map_err(|error| error.to_string())?;
    let told = json::reading(field, number)?;
    let zero = matches!(number, Number::Whole(0));
    Ok(told.filter(|_| !(zero && breakage == Some(Breakage::KeepsZerosBack))))
}

fn text<'a>(row: &'a Value, key: &str) -> Result<&'a str, String> {
    row.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or_else(|| format!("no {key}"))
}

/// Where a listing goes on.
fn following(
    page: &mut Page,
    cursor: &Cursor,
    answer: &Value,
    rows: &[Value],
    breakage: Broken,
) -> Result<()> {
    let is = |one: Breakage| breakage == Some(one);
    let step: Step = cursor.state()?.unwrap_or_default();
    let key = if is(Breakage::KeepsThePlatformsOwnLink) { "next" } else { "next_token" };
    let token = answer.get(key).and_then(Value::as_str);
    let ids = || rows.iter().filter_map(|row| row.get("id")?.as_str().map(str::to_owned));
    let stops = is(Breakage::NeverGoesOn)
        || (is(Breakage::StopsAtAnEmptyPage) && rows.is_empty())
        || (is(Breakage::StopsAtAShortPage) && rows.len() < usize::from(PAGE_SIZE));
    if is(Breakage::StopsAtAKnownRow) && step.rows.iter().any(|known| ids().next().as_ref() == Some(known)) {
        *page = Page::default();
        return Ok(());
    }
    let Some(token) = token.filter(|_| !stops) else {
        if is(Breakage::WantsRowsOnTheLastPage) && rows.is_empty() {
            return Err(Error::bad_response("no posts"));
        }
        if (step.after + 1) * u32::from(PAGE_SIZE) >= PAGE_CAP && !is(Breakage::IsSilentAtTheCap) {
            page.notices.push(Notice::Gap { reason: format!("the toy gives {PAGE_CAP} posts at most") });
        }
        return Ok(());
    };
    if token == step.token && !is(Breakage::GoesRoundForEver) {
        return Err(Error::bad_response("the page that follows is the page itself"));
    }
    let mut next = Step { token: token.to_owned(), after: step.after + 1, rows: Vec::new() };
    match breakage {
        Some(Breakage::GoesRoundForEver) if token == step.token => next.after = step.after,
        Some(Breakage::CarriesRowsInTheCursor) => next.rows = ids().collect(),
        Some(Breakage::StopsAtAKnownRow) => next.rows = ids().next_back().into_iter().collect(),
        Some(Breakage::ForgetsThePageAfterFive) => {
            next.rows = if step.rows.is_empty() { vec![token.to_owned()] } else { step.rows };
            if next.after == 5 {
                next = Step { token: next.rows.concat(), after: 1, ..next };
            }
        }
        _ => {}
    }
    page.next = Some(Cursor::from_state(&next)?);
    Ok(())
}

/// Posts that were asked for and are not in the answer.
fn gone(page: &mut Page, job: &Job, body: &Body) {
    for post in &job.posts {
        if page.measurements.iter().all(|measurement| measurement.subject.id != post.id) {
            page.posts.push(Post {
                deleted_at: Some(body.observed_at),
                ..Post::new(post.account.clone(), post.id.clone())
            });
        }
    }
}

/// Days that are not in the answer because they are not ready.
fn not_yet(page: &mut Page, job: &Job, body: &Body, cursor: &Cursor, breakage: Broken) -> Result<()> {
    let step: Option<Step> = cursor.state()?;
    let account = job.account()?;
    let window = job.window.ok_or_else(|| Error::new(ErrorKind::BadRequest, "a job without days"))?;
    let today = local_day(body.observed_at, &zone(&account.zone)?);
    let last = add_days(window.end, -1);
    let told = page.measurements.iter().any(|measurement| measurement.window == Window::Day(last));
    if !told && add_days(last, 1) >= today && breakage != Some(Breakage::TakesNotYetForNothing) {
        page.notices.push(Notice::NotYet { days: DateSpan::day(last) });
    }
    if breakage == Some(Breakage::LeavesACursorBehind) {
        let after = step.map_or(1, |step| step.after + 1);
        page.next = Some(Cursor::from_state(&Step { after, ..Step::default() })?);
    }
    Ok(())
}
