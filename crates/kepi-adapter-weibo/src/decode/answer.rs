//! Whole answers: rows, those set aside, days that are not there yet; and the sheet that numbers are put on.

use jiff::{
    Timestamp,
    civil::Date,
    tz::{TimeZone, offset},
};
use kepi_core::{
    Body, Error, ErrorKind, Job, Measurement, Notice, Page, Reading, Reject, Result, Segment, Subject,
    Traffic, Window, json, period::add_days,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

/// Days after which a day without rows is believed to have none.
const EMPTY_BELIEVED: i32 = 2;

/// A page in the making.
pub(super) struct Sheet<'a> {
    pub(super) page: Page,
    pub(super) body: &'a Body,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(body: &'a Body) -> Self {
        Self { page: Page::default(), body }
    }

    /// Reads rows out of a list. Bad ones are set aside; when several are there and none can be read, the shape
    /// has changed.
    pub(super) fn rows<R: Deserialize<'a>>(
        &mut self,
        job: &Job,
        list: Option<&'a RawValue>,
        place: &str,
    ) -> Result<Vec<R>> {
        let Some(list) = list else { return Ok(Vec::new()) };
        if let Ok(rows) = serde_json::from_str::<Option<Vec<R>>>(list.get()) {
            return Ok(rows.unwrap_or_default());
        }
        let raw: Vec<&RawValue> =
            serde_json::from_str(list.get()).map_err(|error| unknown_shape(job).caused_by(error))?;
        let account = &job.account()?.id;
        json::salvage_list(&raw, place, Some(account), &mut self.page.rejects, || unknown_shape(job))
    }

    pub(super) fn set_aside(&mut self, job: &Job, place: String, reason: String, raw: &str) -> Result<()> {
        let account = Some(job.account()?.id.clone());
        self.page.rejects.push(Reject { account, place, reason, raw: raw.to_owned() });
        Ok(())
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
        (dimension, value): (&'static str, &'static str),
        values: Vec<Reading>,
    ) {
        let part = |text| SmolStr::new_static(text);
        let segment = Segment { dimension: part(dimension), value: part(value) };
        self.put(subject, window, Some(segment), values);
    }

    fn put(&mut self, subject: &Subject, window: &Window, segment: Option<Segment>, values: Vec<Reading>) {
        if values.is_empty() {
            return;
        }
        self.page.measurements.push(Measurement {
            segment,
            traffic: Traffic::Total,
            values,
            ..Measurement::new(subject.clone(), window.clone(), self.body.observed_at)
        });
    }

    /// Days of the job that have no rows so soon after them are not computed yet, which is not zero.
    pub(super) fn missing(&mut self, job: &Job, told: &[Date]) {
        let (Some(window), today) = (job.window, self.today()) else { return };
        let not_yet = |day: Date| !told.contains(&day) && add_days(day, EMPTY_BELIEVED) >= today;
        self.page.notices.extend(Notice::not_yet(window, not_yet));
    }

    pub(super) fn today(&self) -> Date {
        day_of(self.body.observed_at)
    }

    pub(super) fn gap(&mut self, reason: String) {
        self.page.notices.push(Notice::Gap { reason });
    }

    pub(super) fn remark(&mut self, text: String) {
        self.page.notices.push(Notice::Remark { text });
    }

    pub(super) fn calls_left(&mut self, endpoint: &'static str, left: u32, until: Timestamp) {
        let endpoint = SmolStr::new_static(endpoint);
        self.page.notices.push(Notice::CallsLeft { endpoint, left, until });
    }
}

/// Beijing has had one offset since 1991, long before Weibo.
pub(super) fn beijing() -> TimeZone {
    TimeZone::fixed(offset(8))
}

pub(super) fn day_of(at: Timestamp) -> Date {
    beijing().to_datetime(at).date()
}

/// An answer that is an object.
pub(super) fn object<'a, T: Deserialize<'a>>(job: &Job, body: &'a Body) -> Result<T> {
    serde_json::from_slice(&body.bytes).map_err(|error| unknown_shape(job).caused_by(error))
}

/// The rows of the commercial series stand in one of two envelopes: `{uid, result}` or
/// `{errno, msg, code, result}`, where 1 is success.
#[derive(Deserialize)]
struct Enveloped<'a> {
    errno: Option<json::Whole>,
    uid: Option<serde::de::IgnoredAny>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
}

pub(super) fn result<'a>(job: &Job, body: &'a Body) -> Result<Option<&'a RawValue>> {
    let answer: Enveloped<'a> = object(job, body)?;
    match (answer.errno.and_then(|errno| errno.0), answer.result) {
        (Some(errno), _) if errno != 1 => Err(Error::new(ErrorKind::Unexpected, "Weibo says that it failed")
            .with("endpoint", &job.endpoint)
            .with("errno", errno)),
        (None, None) if answer.uid.is_none() => Err(unknown_shape(job)),
        (_, result) => Ok(result),
    }
}

pub(super) fn unknown_shape(job: &Job) -> Error {
    Error::bad_response("the answer has an unknown shape")
        .with("endpoint", &job.endpoint)
        .hint("has Weibo changed this endpoint? the other endpoints go on")
}
