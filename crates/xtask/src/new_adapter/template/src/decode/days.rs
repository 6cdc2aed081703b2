//! The days of an account.

use jiff::civil::Date;
use kepi_core::{
    Body, Descriptor, Endpoint, Job, Measurement, Page, Result, Subject, Traffic, Window,
    json::Readings,
    plan::{day_zone, not_yet},
};
use serde::Deserialize;

use super::super::descriptor::DayNumbers;
use super::answer::{Rows, not_asked_for, rows};

#[derive(Deserialize)]
struct Row {
    date: Date,
    #[serde(default)]
    metrics: Readings<DayNumbers>,
}

pub(super) fn page(descriptor: &Descriptor, endpoint: &Endpoint, job: &Job, body: &Body) -> Result<Page> {
    let account = job.account()?;
    let zone = day_zone(descriptor, account)?;
    let mut page = Page::default();
    let mut told = Vec::new();
    let Rows { rows, .. } = rows::<Row>(job, body, &mut page.rejects)?;
    for Row { date, metrics } in rows {
        if job.window.is_some_and(|window| !window.contains(date)) {
            page.rejects.push(not_asked_for("a day", date));
            continue;
        }
        told.push(date);
        if !metrics.values.is_empty() {
            page.measurements.push(Measurement {
                traffic: Traffic::Total,
                values: metrics.values,
                ..Measurement::new(Subject::account(account.id.clone()), Window::Day(date), body.observed_at)
            });
        }
    }
    let missing = job.window.and_then(|window| not_yet(endpoint, window, &told, body.observed_at, &zone));
    page.notices.extend(missing);
    Ok(page)
}
