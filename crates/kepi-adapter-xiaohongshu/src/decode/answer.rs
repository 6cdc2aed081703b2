//! Whole answers: their rows, those set aside, and the sheet that numbers are put on.

use jiff::civil::{Date, DateTime};
use kepi_core::{
    Body, Error, Job, Measurement, Notice, Page, Reading, Reject, Result, Segment, Subject, Traffic, Window,
    json,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use crate::{descriptor::READY_HOUR, request::beijing};

/// A page in the making.
pub(super) struct Sheet<'a> {
    pub(super) page: Page,
    pub(super) body: &'a Body,
    beijing: DateTime,
}

/// What numbers are said of.
pub(super) struct Of<'s> {
    pub(super) subject: &'s Subject,
    pub(super) part: Option<(&'static str, SmolStr)>,
    pub(super) window: Window,
    pub(super) traffic: Traffic,
    pub(super) provisional: bool,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(body: &'a Body) -> Self {
        let beijing = beijing().to_datetime(body.observed_at);
        Self { page: Page::default(), body, beijing }
    }

    pub(super) fn put(&mut self, of: Of<'_>, values: Vec<Reading>) {
        if values.is_empty() {
            return;
        }
        let segment =
            of.part.map(|(dimension, value)| Segment { dimension: SmolStr::new_static(dimension), value });
        self.page.measurements.push(Measurement {
            segment,
            traffic: of.traffic,
            provisional: of.provisional,
            values,
            ..Measurement::new(of.subject.clone(), of.window, self.body.observed_at)
        });
    }

    pub(super) fn remark(&mut self, text: String) {
        self.page.notices.push(Notice::Remark { text });
    }

    pub(super) fn set_aside(&mut self, job: &Job, place: &str, reason: impl Into<String>, raw: String) {
        let account = job.accounts.first().map(|account| account.id.clone());
        self.page.rejects.push(Reject { account, place: place.to_owned(), reason: reason.into(), raw });
    }

    /// What clocks show in Beijing when the answer was read.
    pub(super) fn beijing(&self) -> DateTime {
        self.beijing
    }

    /// Whether numbers that settle so many days after their day may still change: until the hour at which kepi asks.
    pub(super) fn unsettled(&self, day: Date, days: u16) -> bool {
        let settled = kepi_core::period::add_days(day, i32::from(days)).at(READY_HOUR, 0, 0, 0);
        self.beijing < settled
    }
}

/// Reads rows one by one and sets the bad ones aside. When several are there and none can be read, the shape
/// has changed.
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
        .hint("has Xiaohongshu changed this endpoint? the other endpoints go on")
}
