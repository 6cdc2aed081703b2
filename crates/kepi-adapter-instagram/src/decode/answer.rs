//! Whole answers: rows, those set aside, and insights as readings.

use jiff::{civil::Date, tz::TimeZone};
use kepi_core::{
    Body, Error, Job, MetricId, Page, Reading, Reject, Result,
    json::{self, Number, Whole},
    period::local_day,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::rows;
use crate::{descriptor::Insight, request::pacific};

/// Reads a whole answer; when that fails, the caller reads it again row by row.
pub(super) fn whole<'a, A: Deserialize<'a>>(body: &'a Body) -> Option<A> {
    serde_json::from_slice(&body.bytes).ok()
}

/// Reads an answer of which single rows cannot be read.
pub(super) fn raw<'a, A: Deserialize<'a>>(job: &Job, body: &'a Body) -> Result<A> {
    serde_json::from_slice(&body.bytes).map_err(|error| unknown_shape(job).caused_by(error))
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
        .hint("has Instagram changed this endpoint? the other endpoints go on")
}

/// The insights of an answer. Of a metric of which one value is bad, the others are kept.
pub(super) fn insights<'a>(job: &Job, body: &'a Body, page: &mut Page) -> Result<Vec<rows::Insight<'a>>> {
    if let Some(answer) = whole::<rows::Rows<rows::Insight<'a>>>(body) {
        return answer.data.ok_or_else(|| unknown_shape(job));
    }
    let answer: rows::Rows<&RawValue> = raw(job, body)?;
    let rows = answer.data.ok_or_else(|| unknown_shape(job))?;
    let mut good = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let place = format!("/data/{at}");
        match serde_json::from_str(row.get()) {
            Ok(insight) => good.push(insight),
            Err(error) => match serde_json::from_str::<rows::Loose<'a>>(row.get()) {
                Ok(loose) => good.push(loosened(job, loose, &place, page)?),
                Err(_) => page.rejects.push(reject(job, place, error.to_string(), row.get())?),
            },
        }
    }
    match (&page.rejects[..], good.is_empty()) {
        ([first, _, ..], true) => Err(unknown_shape(job).with("first_row", &first.reason)),
        _ => Ok(good),
    }
}

fn loosened<'a>(
    job: &Job,
    loose: rows::Loose<'a>,
    place: &str,
    page: &mut Page,
) -> Result<rows::Insight<'a>> {
    let account = Some(&job.account()?.id);
    let values = loose.values.unwrap_or_default();
    let values = json::salvage(&values, &format!("{place}/values"), account, &mut page.rejects);
    let total_value = match loose.total_value.map(|total| (total, serde_json::from_str(total.get()))) {
        Some((_, Ok(total))) => total,
        Some((total, Err(error))) => {
            let place = format!("{place}/total_value");
            page.rejects.push(reject(job, place, error.to_string(), total.get())?);
            None
        }
        None => None,
    };
    Ok(rows::Insight { name: loose.name, values, total_value })
}

pub(super) fn reject(job: &Job, place: String, reason: String, raw: &str) -> Result<Reject> {
    Ok(Reject { account: Some(job.account()?.id.clone()), place, reason, raw: raw.to_owned() })
}

/// The entry of a table that a metric's name is.
pub(super) fn named<'t>(table: &'t [Insight], name: &str) -> Option<&'t Insight> {
    table.iter().find(|insight| insight.name == name)
}

impl Insight {
    /// Its number as a reading; `None` when nothing is said.
    pub(super) fn reading(&self, number: Option<Number>) -> Result<Option<Reading>, String> {
        number.map_or(Ok(None), |number| json::reading(&self.field, number))
    }
}

/// A number as it may have been written.
pub(super) fn shown(number: Option<Number>) -> String {
    match number {
        Some(Number::Whole(value)) => value.to_string(),
        Some(Number::Real(value)) => value.to_string(),
        Some(Number::Percent(value)) => format!("{}%", value * 100.0),
        Some(Number::Empty) | None => String::new(),
    }
}

/// A whole number that is there.
pub(super) fn count(metric: &'static str, value: Whole) -> Option<Reading> {
    value.0.map(|value| Reading::count(MetricId::from_static(metric), value))
}

/// The days of an account in the light of when they were read.
pub(super) struct Days {
    pub(super) zone: TimeZone,
    pub(super) today: Date,
}

impl Days {
    pub(super) fn read(body: &Body) -> Result<Self> {
        let zone = pacific()?;
        Ok(Self { today: local_day(body.observed_at, &zone), zone })
    }
}
