//! Whole answers: rows, those set aside, days that are not there yet; and the sheet that numbers are put on.

use jiff::{
    civil::Date,
    tz::{TimeZone, offset},
};
use kepi_core::{
    Body, Error, Job, Measurement, Notice, Page, Reading, Reject, Result, Segment, Subject, Traffic, Window,
    json,
    period::{add_days, local_day},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

/// Days after which a day without rows is believed to have had none.
const EMPTY_BELIEVED: i32 = 2;

/// What every answer of the analytics looks like.
#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct Answer<R> {
    #[serde(default, deserialize_with = "json::null_is_empty")]
    list: Option<Vec<R>>,
    is_delay: Option<bool>,
}

/// A page in the making.
pub(super) struct Sheet<'a> {
    pub(super) page: Page,
    pub(super) body: &'a Body,
    /// WeChat is late with its sums: the figures may change.
    pub(super) delayed: bool,
    /// What is put down now contradicts itself, and is not to be built upon.
    pub(super) doubtful: bool,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(body: &'a Body) -> Self {
        Self { page: Page::default(), body, delayed: false, doubtful: false }
    }

    /// Reads the rows. When that fails for the sake of single ones, they are set aside and the rest is kept.
    pub(super) fn rows<R: Deserialize<'a>>(&mut self, job: &Job) -> Result<Vec<R>> {
        let answer: Answer<R> = match serde_json::from_slice(&self.body.bytes) {
            Ok(answer) => answer,
            Err(_) => self.salvaged(job)?,
        };
        self.delayed = answer.is_delay == Some(true);
        answer.list.ok_or_else(|| unknown_shape(job))
    }

    fn salvaged<R: Deserialize<'a>>(&mut self, job: &Job) -> Result<Answer<R>> {
        let raw: Answer<&RawValue> =
            serde_json::from_slice(&self.body.bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
        let list = match raw.list {
            Some(rows) => Some(salvage(job, &rows, "/list", &mut self.page.rejects)?),
            None => None,
        };
        Ok(Answer { list, is_delay: raw.is_delay })
    }

    /// Days of the job that have no rows so soon after them are not computed yet, which is not zero.
    pub(super) fn missing(&mut self, job: &Job, told: &[Date]) {
        let Some(window) = job.window else { return };
        let today = local_day(self.body.observed_at, &beijing());
        let recent = |day: Date| add_days(day, EMPTY_BELIEVED) >= today;
        let not_yet = |day: Date| self.delayed || (!told.contains(&day) && recent(day));
        self.page.notices.extend(Notice::not_yet(window, not_yet));
    }

    pub(super) fn remark(&mut self, text: String) {
        self.page.notices.push(Notice::Remark { text });
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
                traffic: Traffic::Total,
                provisional: self.delayed || self.doubtful,
                values,
                ..Measurement::new(subject.clone(), window.clone(), self.body.observed_at)
            });
        }
    }
}

/// Beijing has had one offset since 1991, long before WeChat.
pub(super) fn beijing() -> TimeZone {
    TimeZone::fixed(offset(8))
}

/// Reads rows one by one. When several are there and none can be read, the shape has changed.
pub(super) fn salvage<'a, R: Deserialize<'a>>(
    job: &Job,
    rows: &[&'a RawValue],
    place: &str,
    rejects: &mut Vec<Reject>,
) -> Result<Vec<R>> {
    json::salvage_list(rows, place, Some(&job.account()?.id), rejects, || unknown_shape(job))
}

pub(super) fn unknown_shape(job: &Job) -> Error {
    Error::bad_response("the answer has an unknown shape")
        .with("endpoint", &job.endpoint)
        .hint("has WeChat changed this endpoint? the other endpoints go on")
}

/// Days of which a row was set aside: their sums would lack it.
#[derive(Debug, Default)]
pub(super) struct Unsure {
    days: Vec<Date>,
    all: bool,
}

impl Unsure {
    pub(super) fn of(rejects: &[Reject]) -> Self {
        #[derive(Deserialize)]
        struct Dated {
            ref_date: Date,
        }
        let mut unsure = Self::default();
        // What is no object is no row of a day.
        for reject in rejects.iter().filter(|reject| reject.raw.starts_with('{')) {
            match serde_json::from_str::<Dated>(&reject.raw) {
                Ok(Dated { ref_date }) => unsure.days.push(ref_date),
                Err(_) => unsure.all = true,
            }
        }
        unsure
    }

    pub(super) fn is(&self, day: Date) -> bool {
        self.all || self.days.contains(&day)
    }
}
