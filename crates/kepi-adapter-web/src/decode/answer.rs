//! Whole reports: their rows, those set aside, what Google says beside them, and the sheet that numbers are put on.

use jiff::{SignedDuration, civil::Date, tz::TimeZone};
use kepi_core::{
    AccountId, Body, Cursor, DateSpan, Error, Flags, Job, Measurement, Notice, Page, Reading, Reject, Result,
    Segment, Subject, Traffic, Window,
    period::{add_days, local_day, zone},
};
use serde_json::value::RawValue;
use smol_str::{SmolStr, format_smolstr};

use super::rows::{Columns, Line, Metadata, Named, PropertyQuota, Report, Row, restricted};
use crate::{
    config::WebConfig,
    descriptor::{Query, ROWS, TRAFFIC},
    request::Step,
};

/// Up to so many days after a day, no rows mean that it is not computed yet. Later ones are believed.
const NOT_YET: i32 = 2;

/// What a report says, row by row.
pub(super) struct Answer<'a> {
    pub(super) lines: Vec<Line<'a>>,
    pub(super) unsure: Unsure,
    /// The places of the rows that were set aside.
    pub(super) rejected: Vec<usize>,
    pub(super) about: About,
    /// Rows before this page, and on it.
    pub(super) offset: u64,
    pub(super) rows: usize,
    /// Whether more follow.
    pub(super) more: bool,
}

/// Days of which a row was set aside that may belong to any sum.
#[derive(Debug, Default)]
pub(super) struct Unsure {
    days: Vec<Date>,
    all: bool,
}

impl Unsure {
    pub(super) fn is(&self, day: Date) -> bool {
        self.all || self.days.contains(&day)
    }
}

/// What Google says of a whole report.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) currency: Option<SmolStr>,
    /// Of single rows.
    pub(super) rows: Flags,
    /// Of the sum of all rows, and of sums of some.
    pub(super) whole: Flags,
    pub(super) parts: Flags,
}

/// A page in the making.
pub(super) struct Sheet<'a> {
    pub(super) page: Page,
    pub(super) account: &'a AccountId,
    job: &'a Job,
    body: &'a Body,
    zone: TimeZone,
    today: Date,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(job: &'a Job, body: &'a Body) -> Result<Self> {
        let account = job.account()?;
        let zone = zone(&account.zone)?;
        let today = local_day(body.observed_at, &zone);
        Ok(Self { page: Page::default(), account: &account.id, job, body, zone, today })
    }

    /// Reads a report. When that fails for the sake of single rows, they are set aside and the rest is kept.
    pub(super) fn read(&mut self, config: &WebConfig, query: &Query, cursor: &Cursor) -> Result<Answer<'a>> {
        let offset = match cursor.state()? {
            Some(Step::Rows { offset, .. }) => offset,
            None => 0,
        };
        let (mut unsure, mut rejected) = (Unsure::default(), Vec::new());
        let whole: Option<Report<'a, Row<'a>>> = serde_json::from_slice(&self.body.bytes).ok();
        let good = whole.and_then(|report| self.all_good(query, report));
        let (lines, rows, report) = match good {
            Some((lines, report)) => {
                let rows = lines.len();
                (lines, rows, report)
            }
            None => self.salvaged(query, &mut unsure, &mut rejected)?,
        };
        let about = self.about(report.metadata.as_ref());
        self.tell_quota(config, report.property_quota.as_ref());
        let count = report.row_count.0.and_then(|count| u64::try_from(count).ok());
        let before = offset.saturating_add(rows as u64);
        let more = count.map_or(rows >= usize::from(ROWS), |count| before < count);
        if more && rows == 0 {
            let told = count.unwrap_or_default();
            let reason = format!("Google tells of {told} rows and gives none after the first {offset}");
            self.page.notices.push(Notice::Gap { reason });
        }
        Ok(Answer { lines, unsure, rejected, about, offset, rows, more: more && rows > 0 })
    }

    /// The rows, when each can be read.
    fn all_good(
        &self,
        query: &Query,
        mut report: Report<'a, Row<'a>>,
    ) -> Option<(Vec<Line<'a>>, Report<'a, Row<'a>>)> {
        let rows = report.rows.take().unwrap_or_default();
        if rows.is_empty() && is_report(&report) {
            return Some((Vec::new(), report));
        }
        let columns = Columns::of(query, &report, query.endpoint == TRAFFIC)?;
        let lines = rows.into_iter().enumerate().map(|(at, row)| columns.line(at, row));
        let lines = lines.collect::<Result<_, _>>().ok()?;
        Some((lines, report))
    }

    fn salvaged(
        &mut self,
        query: &Query,
        unsure: &mut Unsure,
        rejected: &mut Vec<usize>,
    ) -> Result<(Vec<Line<'a>>, usize, Report<'a, Row<'a>>)> {
        let report: Report<'a, &'a RawValue> = serde_json::from_slice(&self.body.bytes)
            .map_err(|error| unknown_shape(self.job).caused_by(error))?;
        let columns =
            Columns::of(query, &report, query.endpoint == TRAFFIC).ok_or_else(|| unknown_shape(self.job))?;
        let rows = report.rows.as_deref().unwrap_or_default();
        let mut lines = Vec::with_capacity(rows.len());
        let mut rejects: Vec<Reject> = Vec::new();
        for (at, raw) in rows.iter().enumerate() {
            let row = serde_json::from_str::<Row<'a>>(raw.get()).map_err(|error| error.to_string());
            match row.and_then(|row| columns.line(at, row)) {
                Ok(line) => lines.push(line),
                Err(reason) => {
                    rejects.push(Reject {
                        account: Some(self.account.clone()),
                        place: format!("/rows/{at}"),
                        reason,
                        raw: raw.get().to_owned(),
                    });
                    rejected.push(at);
                    lines.extend(without_numbers(&columns, at, raw, unsure));
                }
            }
        }
        // When several rows are there and none can be read, the shape has changed.
        if let ([first, _, ..], true) = (&rejects[..], rejects.len() == rows.len()) {
            return Err(unknown_shape(self.job).with("first_row", &first.reason));
        }
        self.page.rejects = rejects;
        let Report { dimension_headers, metric_headers, row_count, metadata, property_quota, kind, .. } =
            report;
        let head = Report {
            dimension_headers,
            metric_headers,
            rows: None,
            row_count,
            metadata,
            property_quota,
            kind,
        };
        Ok((lines, rows.len(), head))
    }

    fn about(&mut self, metadata: Option<&Metadata<'_>>) -> About {
        for name in restricted(metadata) {
            let reason = format!("the token's owner may not see {name}");
            let metric = metric_of(&name).map(SmolStr::new_static);
            self.page.notices.push(Notice::NotOffered { account: self.account.clone(), metric, reason });
        }
        let Some(metadata) = metadata else { return About::default() };
        let withheld = metadata.subject_to_thresholding == Some(true);
        let other = metadata.data_loss_from_other_row == Some(true);
        let sampled = metadata.sampling_metadatas.as_ref().is_some_and(|samples| !samples.is_empty());
        for (is, text) in [
            (withheld, "Google withholds rows of few people: sums are at least what is told"),
            (
                other,
                "Google puts rare rows together as (other): sums of single ones are at least what is told",
            ),
            (sampled, "Google tells a sample: all numbers are estimates"),
        ] {
            if is {
                self.remark(text.to_owned());
            }
        }
        if let Some(reason) = metadata.empty_reason.as_deref().filter(|reason| !reason.is_empty()) {
            self.remark(format!("Google says why the report is empty: {reason}"));
        }
        if let Some(name) = metadata.time_zone.as_deref().filter(|name| self.is_another_zone(name)) {
            let own = self.job.account().map_or("", |account| account.zone.as_str());
            self.remark(format!(
                "the property's days are those of {name}, the account's those of {own}: set zone = {name:?} in its \
                 [[account]]"
            ));
        }
        let only = |is: bool, flags: Flags| if is { flags } else { Flags::NONE };
        let rows = only(sampled, Flags::ESTIMATED);
        let code = metadata.currency_code.as_deref().unwrap_or_default();
        let known = code.len() == 3 && code.bytes().all(|c| c.is_ascii_uppercase());
        About {
            currency: known.then(|| SmolStr::new(code)),
            rows,
            whole: rows.and(only(withheld, Flags::CAPPED)),
            parts: rows.and(only(withheld || other, Flags::CAPPED)),
        }
    }

    /// Whether the days of a zone are other days than the account's: names may differ where the clocks do not.
    fn is_another_zone(&self, name: &str) -> bool {
        let now = self.body.observed_at;
        let half_a_year_ago = now - SignedDuration::from_hours(24 * 182);
        !name.is_empty()
            && zone(name).map_or(true, |told| {
                [now, half_a_year_ago].iter().any(|at| told.to_offset(*at) != self.zone.to_offset(*at))
            })
    }

    /// Google says in each answer how much may still be asked; that little is left is worth knowing beforehand.
    fn tell_quota(&mut self, config: &WebConfig, quota: Option<&PropertyQuota>) {
        let Some(quota) = quota else { return };
        let times = if config.analytics_360 { 10 } else { 1 };
        for (tokens, granted, of) in [
            (&quota.tokens_per_day, 200_000, "day"),
            (&quota.tokens_per_project_per_hour, 14_000, "project's hour"),
        ] {
            let left = tokens.as_ref().and_then(|tokens| tokens.remaining.0);
            if let Some(left) = left.filter(|left| *left < granted * times / 10) {
                self.remark(format!("the property's tokens of the {of} are nearly used up: {left} are left"));
            }
        }
    }

    pub(super) fn remark(&mut self, text: String) {
        self.page.notices.push(Notice::Remark { text });
    }

    /// Where the job goes on, and which of its days are not there yet.
    pub(super) fn finish(mut self, answer: &Answer<'_>, next: Option<Step>, told: &[Date]) -> Result<Page> {
        if next.is_none() {
            self.missing(answer.offset, told);
        }
        self.page.next = next.map(|step| Cursor::from_state(&step)).transpose()?;
        Ok(self.page)
    }

    /// Days of the job without rows so soon after them are not computed yet, which is not zero. Rows are in the
    /// order of days: those before a later page's first stood on the pages before.
    fn missing(&mut self, offset: u64, told: &[Date]) {
        let Some(window) = self.job.window else { return };
        let recent = add_days(self.today, -NOT_YET);
        let from = if offset == 0 { Some(recent) } else { told.iter().min().map(|first| recent.max(*first)) };
        let Some(from) = from else { return };
        let wanted = DateSpan::new(window.start.max(from), window.end);
        self.page.notices.extend(Notice::not_yet(wanted, |day| !told.contains(&day)));
    }

    /// Numbers of a day.
    pub(super) fn put(
        &mut self,
        subject: Subject,
        day: Date,
        (traffic, segment): (Traffic, Option<Segment>),
        values: Vec<Reading>,
    ) {
        if !values.is_empty() {
            self.page.measurements.push(Measurement {
                segment,
                traffic,
                values,
                ..Measurement::new(subject, Window::Day(day), self.body.observed_at)
            });
        }
    }
}

/// Of a row whose numbers cannot be read, what it is of: the sums that it belongs to are not known. Where that is
/// not told either, no sum of its day is.
fn without_numbers<'a>(
    columns: &Columns,
    at: usize,
    raw: &'a RawValue,
    unsure: &mut Unsure,
) -> Option<Line<'a>> {
    // What is no object is no row of a day.
    if !raw.get().starts_with('{') {
        return None;
    }
    let named = serde_json::from_str::<Named<'a>>(raw.get()).ok();
    let line = named.and_then(|named| columns.line(at, named.row()).ok());
    if line.is_none() {
        let again = serde_json::from_str::<Named<'a>>(raw.get()).ok();
        match again.and_then(|named| columns.day_of(named.row())) {
            Some(day) => unsure.days.push(day),
            None => unsure.all = true,
        }
    }
    line
}

/// An empty report says what it is, if nothing else.
fn is_report<R>(report: &Report<'_, R>) -> bool {
    report.kind.as_deref() == Some("analyticsData#runReport")
        || (report.dimension_headers.is_some() && report.metric_headers.is_some())
}

fn metric_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "sessions" => "sessions",
        "engagedSessions" => "engaged_sessions",
        "averageSessionDuration" => "session_duration_s",
        "screenPageViews" => "pageviews",
        "keyEvents" | "conversions" => "conversions",
        "totalRevenue" => "revenue",
        "totalUsers" => "session_users",
        _ => return None,
    })
}

/// A part of a whole.
pub(super) fn part(dimension: &'static str, value: impl std::fmt::Display) -> Option<Segment> {
    Some(Segment { dimension: SmolStr::new_static(dimension), value: format_smolstr!("{value}") })
}

pub(super) fn unknown_shape(job: &Job) -> Error {
    Error::bad_response("the answer has an unknown shape")
        .with("endpoint", &job.endpoint)
        .hint("has Google changed this endpoint? the other endpoints go on")
}
