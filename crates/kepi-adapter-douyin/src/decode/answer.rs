//! Whole answers: lists, rows set aside, days that are not told yet; and the sheet that numbers are put on.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{TimeZone, offset},
};
use kepi_core::{
    Body, Error, Job, Measurement, Notice, Page, Reading, Reject, Result, Segment, Subject, Traffic, Window,
    json::{self, Whole},
    period::{add_days, local_day},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::rows::{Flag, PageInfo};
use crate::descriptor::READY_HOUR;

/// Days after which a day without rows is believed to have had none.
const EMPTY_BELIEVED: i32 = 2;

/// What every list looks like, on the open platform and in Ocean Engine.
#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct Answer<R> {
    data: Option<List<R>>,
}

/// A list and what stands beside it.
#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
pub(super) struct List<R> {
    #[serde(default, alias = "list", alias = "rows", deserialize_with = "json::null_is_empty")]
    result_list: Option<Vec<R>>,
    #[serde(default)]
    pub(super) error_code: Whole,
    #[serde(default)]
    pub(super) cursor: Whole,
    pub(super) has_more: Option<Flag>,
    #[serde(default)]
    pub(super) total_count: Whole,
    pub(super) page_info: Option<PageInfo>,
    /// Mini-app endpoints wrap the older envelope into the newer one.
    data: Option<Box<List<R>>>,
}

impl<R> List<R> {
    /// The list itself, out of a second envelope where there is one.
    fn unwrapped(self) -> Self {
        match self {
            Self { result_list: None, data: Some(inner), .. } => inner.unwrapped(),
            list => list,
        }
    }

    /// Its rows.
    pub(super) fn rows(&self) -> &[R] {
        self.result_list.as_deref().unwrap_or_default()
    }

    fn replaced<S>(self, rows: Option<Vec<S>>) -> List<S> {
        List {
            result_list: rows,
            error_code: self.error_code,
            cursor: self.cursor,
            has_more: self.has_more,
            total_count: self.total_count,
            page_info: self.page_info,
            data: None,
        }
    }
}

/// A page in the making.
pub(super) struct Sheet<'a> {
    pub(super) page: Page,
    pub(super) body: &'a Body,
    job: &'a Job,
    traffic: Traffic,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(job: &'a Job, body: &'a Body) -> Self {
        Self { page: Page::default(), body, job, traffic: Traffic::Total }
    }

    /// Numbers that money brought.
    pub(super) fn paid(self) -> Self {
        Self { traffic: Traffic::Paid, ..self }
    }

    /// Reads a list. When that fails for the sake of single rows, they are set aside and the rest is kept.
    pub(super) fn list<R: Deserialize<'a>>(&mut self) -> Result<List<R>> {
        let list = match serde_json::from_slice::<Answer<R>>(&self.body.bytes) {
            Ok(answer) => answer.data.map(List::unwrapped),
            Err(_) => self.salvaged()?,
        };
        // Rows or a reason for their absence, or it is another answer.
        let told = |list: &List<R>| list.result_list.is_some() || list.error_code.0.unwrap_or(0) != 0;
        list.filter(told).ok_or_else(|| unknown_shape(self.job))
    }

    fn salvaged<R: Deserialize<'a>>(&mut self) -> Result<Option<List<R>>> {
        let raw: Answer<&RawValue> = serde_json::from_slice(&self.body.bytes)
            .map_err(|error| unknown_shape(self.job).caused_by(error))?;
        let Some(mut raw) = raw.data.map(List::unwrapped) else { return Ok(None) };
        let rows = match raw.result_list.take() {
            Some(rows) => Some(self.salvage(&rows, "/data")?),
            None => None,
        };
        Ok(Some(raw.replaced(rows)))
    }

    /// Reads rows one by one. When several are there and none can be read, the shape has changed.
    pub(super) fn salvage<R: Deserialize<'a>>(
        &mut self,
        rows: &[&'a RawValue],
        place: &str,
    ) -> Result<Vec<R>> {
        let account = &self.job.account()?.id;
        json::salvage_list(rows, place, Some(account), &mut self.page.rejects, || unknown_shape(self.job))
    }

    pub(super) fn reject(&mut self, place: &str, reason: impl Into<String>, raw: impl Into<String>) {
        let account = self.job.accounts.first().map(|account| account.id.clone());
        let reject = Reject { account, place: place.to_owned(), reason: reason.into(), raw: raw.into() };
        self.page.rejects.push(reject);
    }

    pub(super) fn remark(&mut self, text: impl Into<String>) {
        self.page.notices.push(Notice::Remark { text: text.into() });
    }

    /// Days of the job that have no rows so soon after them are not told yet, which is not zero.
    pub(super) fn missing(&mut self, told: &[Date]) {
        let Some(window) = self.job.window else { return };
        let today = self.now().date();
        let not_yet = |day: Date| !told.contains(&day) && add_days(day, EMPTY_BELIEVED) >= today;
        self.page.notices.extend(Notice::not_yet(window, not_yet));
    }

    /// Numbers of a subject as a whole.
    pub(super) fn whole(&mut self, subject: &Subject, window: &Window, values: Vec<Reading>) {
        self.put(subject, window, None, values);
    }

    /// Numbers of a part of a subject.
    pub(super) fn part(
        &mut self,
        subject: &Subject,
        window: &Window,
        (dimension, value): (&'static str, SmolStr),
        values: Vec<Reading>,
    ) {
        let segment = Segment { dimension: SmolStr::new_static(dimension), value };
        self.put(subject, window, Some(segment), values);
    }

    fn put(&mut self, subject: &Subject, window: &Window, segment: Option<Segment>, values: Vec<Reading>) {
        if !values.is_empty() {
            self.page.measurements.push(Measurement {
                segment,
                traffic: self.traffic,
                values,
                ..Measurement::new(subject.clone(), window.clone(), self.body.observed_at)
            });
        }
    }

    /// The first day that is not told yet.
    pub(super) fn told_until(&self) -> Date {
        let now = self.now();
        if now.hour() >= READY_HOUR { now.date() } else { add_days(now.date(), -1) }
    }

    fn now(&self) -> DateTime {
        beijing().to_datetime(self.body.observed_at)
    }
}

/// Beijing has had one offset since 1991, long before Douyin.
pub(super) fn beijing() -> TimeZone {
    TimeZone::fixed(offset(8))
}

/// The day in Beijing at an instant.
pub(crate) fn beijing_day(at: Timestamp) -> Date {
    local_day(at, &beijing())
}

pub(super) fn unknown_shape(job: &Job) -> Error {
    Error::bad_response("the answer has an unknown shape")
        .with("endpoint", &job.endpoint)
        .hint("has Douyin changed this endpoint? the other endpoints go on")
}
