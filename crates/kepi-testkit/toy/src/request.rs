//! Job and cursor in, request out.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use kepi_core::{
    Cursor, DateSpan, Error, ErrorKind, Grant, Job, Payload, Request, Result,
    http::Text,
    period::{add_days, days_between, local_day, zone},
};
use serde::{Deserialize, Serialize};

use super::{
    Breakage,
    config::ToyConfig,
    descriptor::{KEPT_DAYS, PAGE_SIZE, SPANS},
};

/// Where a job stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// The platform's token.
    pub(crate) token: String,
    /// Pages before.
    pub(crate) after: u32,
    /// What only a wrong adapter takes along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rows: Vec<String>,
}

pub(crate) fn token_of(cursor: &Cursor) -> Option<String> {
    cursor.state::<Step>().ok().flatten().map(|step| step.token)
}

pub(crate) fn page(
    config: &ToyConfig,
    job: &Job,
    cursor: &Cursor,
    breakage: Option<Breakage>,
) -> Result<Request> {
    let step: Option<Step> = cursor.state()?;
    let url = |path: &str| format!("{}/{path}", config.base_url);
    let request = match job.endpoint.as_str() {
        "profile" => {
            let ids: Vec<&str> =
                job.accounts.iter().filter_map(|account| account.platform_id.as_deref()).collect();
            Request::get(url("accounts")).query("ids", ids.join(",")).token("app")
        }
        "feed" => {
            let size = if breakage == Some(Breakage::TrustsTheDefaultPageSize) {
                String::new()
            } else {
                PAGE_SIZE.to_string()
            };
            Request::get(url("feed")).query("limit", size).token("user").bills(u32::from(PAGE_SIZE))
        }
        "numbers" => {
            let ids: Vec<&str> = job.posts.iter().map(|post| post.id.as_str()).collect();
            Request::get(url("posts")).query("ids", ids.join(",")).token("app")
        }
        "daily" => {
            let (from, to) = seconds(job, breakage)?;
            Request::get(url("daily"))
                .query("from", from.to_string())
                .query("to", to.to_string())
                .token("user")
        }
        "recent" => Request::get(url("recent")).query("days", span(job, breakage)?.to_string()).token("user"),
        other => return Err(Error::new(ErrorKind::BadRequest, format!("the toy has no endpoint {other:?}"))),
    };
    Ok(match step {
        Some(step) => request.query("page_token", step.token),
        None => request,
    })
}

/// The shortest span that reaches back to the first day.
fn span(job: &Job, breakage: Option<Breakage>) -> Result<u16> {
    let bad = |what: &str| Error::new(ErrorKind::BadRequest, what);
    let window = job.window.ok_or_else(|| bad("a job without days"))?;
    let today = local_day(job.planned_at, &zone(&job.account()?.zone)?);
    let needed = match breakage {
        Some(Breakage::AsksForTooShortASpan) => window.days().min(7),
        _ => days_between(window.start, today),
    };
    let span = SPANS.into_iter().find(|span| i32::from(*span) >= needed);
    span.filter(|_| needed > 0).ok_or_else(|| bad("days that the toy does not tell"))
}

/// The window of a job as seconds: from the first midnight to the one after the last day.
fn seconds(job: &Job, breakage: Option<Breakage>) -> Result<(i64, i64)> {
    let window = job.window.ok_or_else(|| Error::new(ErrorKind::BadRequest, "a job without days"))?;
    let zone = zone(&job.account()?.zone)?;
    let mut window = window;
    match breakage {
        Some(Breakage::PanicsInTheFarFuture) => assert!(window.start.year() < 2100, "nobody asks for that"),
        Some(Breakage::AsksOneDayTooFew) if window.days() == 7 => {
            window = DateSpan::new(window.start, add_days(window.end, -1));
        }
        Some(Breakage::ReplacesDaysThatAreTooOld) => {
            let floor = add_days(local_day(job.planned_at, &zone), -i32::from(KEPT_DAYS));
            window = DateSpan::new(window.start.max(floor), window.end.max(floor));
        }
        _ => {}
    }
    let (from, to) = (midnight(window.start, &zone)?, midnight(window.end, &zone)?);
    let even = from + SignedDuration::from_hours(24 * i64::from(window.days()));
    let to = if breakage == Some(Breakage::TakesEveryDayForTwentyFourHours) { even } else { to };
    Ok((from.as_second(), to.as_second()))
}

fn midnight(day: Date, zone: &TimeZone) -> Result<Timestamp> {
    let at = day.to_zoned(zone.clone());
    at.map(|at| at.timestamp())
        .map_err(|error| Error::new(ErrorKind::BadRequest, "no such day").caused_by(error))
}

pub(crate) fn token(
    config: &ToyConfig,
    kind: &str,
    grant: &Grant,
    breakage: Option<Breakage>,
) -> Result<Request> {
    let not_offered = || Error::new(ErrorKind::NotOffered, format!("{kind} tokens have no {grant} exchange"));
    let grant_type = match (kind, grant) {
        ("app", Grant::Client) => "client_credentials",
        ("user", Grant::Code { .. }) => "authorization_code",
        ("user", Grant::Refresh) if breakage == Some(Breakage::DeclaresAnExchangeItCannotAsk) => {
            return Err(not_offered());
        }
        ("user", Grant::Refresh) => "refresh_token",
        _ => return Err(not_offered()),
    };
    let host = if breakage == Some(Breakage::AsksForTokensElsewhere) {
        "https://login.toy.example"
    } else {
        &config.base_url
    };
    let form = vec![
        ("grant_type".into(), grant_type.into()),
        ("client_id".into(), Text::from(config.app_id.as_str())),
        ("client_secret".into(), Text::secret("client_secret")),
    ];
    Ok(Request { idempotent: false, ..Request::post(format!("{host}/token"), Payload::Form(form)) })
}
