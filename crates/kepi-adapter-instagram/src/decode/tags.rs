//! Photos on which others tagged the account, counted by day.

use kepi_core::{
    Body, Cursor, DateSpan, Error, Job, Measurement, MetricId, Notice, Page, Reading, Result, Subject,
    Traffic, Window,
    period::{add_days, days_between, local_day},
};
use serde_json::value::RawValue;

use super::{
    answer::{Days, raw, salvage, unknown_shape, whole},
    rows::{self, Rows, Tag},
};
use crate::request::{Step, Tags};

/// Days before today that are counted when no days were asked for.
const DAYS: i32 = 7;

/// Tags by day. A day's tags may stand on several pages, so the sums are told on the last one.
pub(super) fn page(job: &Job, mut tags: Tags, body: &Body) -> Result<Page> {
    let mut page = Page::default();
    let rows: Rows<Tag> = match whole(body) {
        Some(rows) => rows,
        None => {
            let rows: Rows<&RawValue> = raw(job, body)?;
            let data = rows.data.map(|rows| salvage(job, &rows, "/data", &mut page.rejects)).transpose()?;
            Rows { data, paging: rows.paging }
        }
    };
    let list = rows.data.ok_or_else(|| unknown_shape(job))?;
    let days = Days::read(body)?;
    let window = window(job, &days);
    tags.counts.resize(usize::try_from(window.days().clamp(0, 366)).unwrap_or(0), 0);
    tags.any |= !list.is_empty();
    tags.unsure |= !page.rejects.is_empty();
    for tag in &list {
        let place = days_between(window.start, local_day(tag.timestamp.0, &days.zone));
        if let Some(count) = usize::try_from(place).ok().and_then(|place| tags.counts.get_mut(place)) {
            *count += 1;
        }
    }
    let older = !list.is_empty()
        && list.iter().all(|tag| local_day(tag.timestamp.0, &days.zone) < add_days(window.start, -1));
    let goes_on = rows.paging.as_ref().is_some_and(rows::Paging::goes_on) && !older;
    let after = rows.paging.and_then(|paging| paging.cursors?.after).filter(|after| !after.is_empty());
    match after.filter(|_| goes_on) {
        Some(after) if after == tags.after => {
            return Err(Error::bad_response("the page that follows is the page itself")
                .with("endpoint", &job.endpoint));
        }
        Some(after) => page.next = Some(Cursor::from_state(&Step::Tags(Tags { after, ..tags }))?),
        None => told(job, &tags, window, &days, body, &mut page)?,
    }
    Ok(page)
}

fn window(job: &Job, days: &Days) -> DateSpan {
    job.window.unwrap_or_else(|| DateSpan::new(add_days(days.today, -DAYS), days.today))
}

/// Counts of days that are over. With no tag at all, or with one that could not be read, nothing is counted.
fn told(job: &Job, tags: &Tags, window: DateSpan, days: &Days, body: &Body, page: &mut Page) -> Result<()> {
    if tags.unsure || !tags.any {
        let why = if tags.unsure {
            "a tag could not be read"
        } else {
            "no tag is told, or a permission is missing"
        };
        page.notices.push(Notice::Remark { text: format!("mentions of {window} are not counted: {why}") });
        return Ok(());
    }
    let subject = Subject::account(job.account()?.id.clone());
    for (day, count) in window.iter().zip(&tags.counts).filter(|(day, _)| *day < days.today) {
        page.measurements.push(Measurement {
            traffic: Traffic::Total,
            values: vec![Reading::count(MetricId::from_static("mentions"), i64::from(*count))],
            ..Measurement::new(subject.clone(), Window::Day(day), body.observed_at)
        });
    }
    Ok(())
}
