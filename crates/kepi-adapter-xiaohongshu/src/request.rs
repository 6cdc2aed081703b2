//! Job and cursor in, request out; and the requests that exchange tokens.

use jiff::tz::{TimeZone, offset};
use kepi_core::{
    AccountRef, Cursor, DateSpan, Error, ErrorKind, Grant, Job, Payload, Request, Result, period::add_days,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::{
    config::{XiaohongshuConfig, is_user},
    descriptor::{
        BASE, CORE, CREATOR_NOTES, Column, DAYS_PAGE, JUGUANG, MAX_DAYS, NOTE_DAYS, NOTES_PAGE, NOTES_SPAN,
        PUGONGYING, Report, TODAY_PAGE, report,
    },
};

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// A page of a report, and what is asked for after Xiaohongshu refused columns.
    Report {
        /// The page, from 1 on.
        page: u32,
        /// What is asked for.
        #[serde(default, skip_serializing_if = "Asked::is_start")]
        asked: Asked,
    },
    /// A page of the notes of a span of days, newest span first.
    Notes {
        /// The span, from 0 on.
        span: u16,
        /// The page, from 1 on.
        page: u32,
    },
}

/// The columns that are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// How many of them.
    pub columns: Columns,
    /// Those that were refused by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<SmolStr>,
}

/// How many columns are asked for: fewer after each refusal that names none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Columns {
    /// All that are read.
    #[default]
    All,
    /// Those that are documented for every level.
    Core,
    /// Those that are told without being asked for.
    Base,
}

/// So many single columns are given up before all but the documented ones are.
const REFUSALS: usize = 8;

impl Asked {
    fn is_start(&self) -> bool {
        *self == Self::default()
    }

    /// The columns of a report that are asked for. Others that stand in its answer may be zero for want of
    /// being asked for, and are no data.
    pub(crate) fn of(&self, config: &XiaohongshuConfig, report: &Report) -> Vec<Column> {
        let within = |column: &Column| match self.columns {
            Columns::All => true,
            Columns::Core => CORE.contains(column),
            Columns::Base => BASE.contains(column),
        };
        let wanted = |column: &Column| {
            let name = column.told().name;
            let refused = self.refused.iter().any(|refused| refused == name);
            !refused && (BASE.contains(column) || !config.left_out_columns.iter().any(|out| out == name))
        };
        report.columns.iter().copied().filter(within).filter(wanted).collect()
    }

    /// What is asked for after a refusal that may name columns; `None` when nothing is left to give up.
    pub(crate) fn after(&self, named: &[Column]) -> Option<Self> {
        if !named.is_empty() && self.refused.len() + named.len() <= REFUSALS {
            let mut refused = self.refused.clone();
            refused.extend(named.iter().map(|column| SmolStr::new_static(column.told().name)));
            return Some(Self { columns: self.columns, refused });
        }
        let columns = match self.columns {
            Columns::All => Columns::Core,
            Columns::Core => Columns::Base,
            Columns::Base => return None,
        };
        Some(Self { columns, refused: self.refused.clone() })
    }
}

/// Whether a report is asked for by columns.
pub(crate) fn sends_columns(config: &XiaohongshuConfig, report: &Report) -> bool {
    report.chooses && (report.endpoint != NOTE_DAYS || config.note_columns)
}

/// The page of a report at a cursor, and what is asked for.
pub(crate) fn report_step(job: &Job, cursor: &Cursor) -> Result<(u32, Asked)> {
    match cursor.state()? {
        None => Ok((1, Asked::default())),
        Some(Step::Report { page, asked }) => Ok((page, asked)),
        Some(Step::Notes { .. }) => Err(foreign(job)),
    }
}

/// The span and the page of notes at a cursor.
pub(crate) fn notes_step(job: &Job, cursor: &Cursor) -> Result<(u16, u32)> {
    match cursor.state()? {
        None => Ok((0, 1)),
        Some(Step::Notes { span, page }) => Ok((span, page)),
        Some(Step::Report { .. }) => Err(foreign(job)),
    }
}

fn foreign(job: &Job) -> Error {
    Error::new(ErrorKind::Store, "the stored cursor belongs to another endpoint")
        .with("endpoint", &job.endpoint)
        .hint("`kepi backfill` starts the stream anew")
}

/// The request for a page.
pub(crate) fn page(config: &XiaohongshuConfig, job: &Job, cursor: &Cursor) -> Result<Request> {
    if job.endpoint == CREATOR_NOTES {
        return creator_notes(config, job, cursor);
    }
    let report = report(&job.endpoint).ok_or_else(|| {
        Error::new(ErrorKind::BadRequest, format!("xiaohongshu has no endpoint {:?}", job.endpoint))
    })?;
    let (page, asked) = report_step(job, cursor)?;
    let days = if report.today { DateSpan::day(beijing_day(job)) } else { asked_days(job)? };
    let mut body = json!({
        "advertiser_id": advertiser(job.account()?)?,
        "start_date": days.start.to_string(),
        "end_date": add_days(days.end, -1).to_string(),
        "page_num": page,
        "page_size": if report.today { TODAY_PAGE } else { DAYS_PAGE },
    });
    if !report.today {
        body["time_unit"] = json!("DAY");
        body["data_caliber"] = json!(0);
    }
    if sends_columns(config, report) {
        let columns = asked.of(config, report);
        body["columns"] = columns.iter().map(|column| column.told().name).collect();
    }
    Ok(post(config, report.path, body).token(JUGUANG))
}

fn post(config: &XiaohongshuConfig, path: &str, value: Value) -> Request {
    Request::post(config.url(path), Payload::Json { value, secrets: Vec::new() })
}

/// The day that it is in Beijing, which has had one offset since 1991.
fn beijing_day(job: &Job) -> jiff::civil::Date {
    beijing().to_datetime(job.planned_at).date()
}

pub(crate) fn beijing() -> TimeZone {
    TimeZone::fixed(offset(8))
}

fn asked_days(job: &Job) -> Result<DateSpan> {
    let window = job.window.ok_or_else(|| bad_request(job, "a job without days"))?;
    if window.is_empty() || window.days() > i32::from(MAX_DAYS) {
        return Err(bad_request(job, "more days than one call takes").with("days", window));
    }
    Ok(window)
}

fn advertiser(account: &AccountRef) -> Result<u64> {
    let id = account.platform_id.as_deref().unwrap_or_default();
    if is_user(id) {
        return Err(Error::new(ErrorKind::NotOffered, "the account is no advertiser's")
            .with("account", &account.id)
            .hint("an account with the advertiser's number as platform_id has the reports"));
    }
    let number = id.parse().ok().filter(|_| id.bytes().all(|c| c.is_ascii_digit()));
    number.ok_or_else(|| {
        Error::bad_config(format!("the advertiser's number of {} is not known", account.id))
            .with("account", &account.id)
            .hint("set platform_id = \"…\" in its [[account]]; Juguang shows it beside the account's name")
    })
}

fn creator_notes(config: &XiaohongshuConfig, job: &Job, cursor: &Cursor) -> Result<Request> {
    let (span, page) = notes_step(job, cursor)?;
    let user = config.brand_user(job.account()?)?;
    let days = spans(job).into_iter().nth(usize::from(span));
    let days = days.ok_or_else(|| bad_request(job, "a job without these days").with("span", span))?;
    let body = json!({
        "user_id": user,
        "date_type": 2,
        "start_time": days.start.to_string(),
        "end_time": add_days(days.end, -1).to_string(),
        "page_num": page,
        "page_size": NOTES_PAGE,
    });
    Ok(post(config, "/pgy/note/post/data", body).token(PUGONGYING))
}

/// The days of publishing of a job as one call takes them, newest first.
pub(crate) fn spans(job: &Job) -> Vec<DateSpan> {
    let mut spans = Vec::new();
    let Some(window) = job.window else { return spans };
    let mut end = window.end;
    while end > window.start && spans.len() < usize::from(u16::MAX) {
        let start = add_days(end, -i32::from(NOTES_SPAN)).max(window.start);
        spans.push(DateSpan::new(start, end));
        end = start;
    }
    spans
}

fn bad_request(job: &Job, message: &str) -> Error {
    Error::new(ErrorKind::BadRequest, message).with("endpoint", &job.endpoint)
}

/// The request that exchanges a grant for a pair of tokens. Codes and refresh tokens are dead after one use, so
/// neither exchange is repeated blindly. The app's id goes out as the number it is.
pub(crate) fn token(config: &XiaohongshuConfig, kind: &str, grant: &Grant) -> Result<Request> {
    let (path, secret, name) = match (kind, grant) {
        (JUGUANG | PUGONGYING, Grant::Code { .. }) => ("/oauth2/access_token", "auth_code", "code"),
        (JUGUANG | PUGONGYING, Grant::Refresh) => ("/oauth2/refresh_token", "refresh_token", "refresh_token"),
        _ => {
            return Err(Error::new(ErrorKind::NotOffered, format!("{kind} tokens have no {grant} exchange")));
        }
    };
    let secrets = vec![
        ("app_id".into(), "client_id".into()),
        ("secret".into(), "client_secret".into()),
        (SmolStr::new_static(secret), SmolStr::new_static(name)),
    ];
    let request = Request::post(config.url(path), Payload::Json { value: json!({"app_id": 0}), secrets });
    Ok(Request { idempotent: false, ..request })
}
