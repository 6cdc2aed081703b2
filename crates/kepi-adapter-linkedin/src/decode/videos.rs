//! Videos: their list, then their numbers one type after the other.

use kepi_core::{
    Body, Cursor, Error, ErrorKind, Job, MetricId, Page, Reading, Result, Subject, Traffic, Window,
    json::Number,
};
use smol_str::SmolStr;

use super::{
    answer::Sheet,
    posts::{following, is_behind},
    rows::{Day, Listed, VideoNumber, written},
};
use crate::{
    config::{LinkedinConfig, Videos},
    descriptor::OF_PLAYS,
    request::{Step, VideoStep, utc_day, video_types},
};

pub(super) fn page(config: &LinkedinConfig, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    match cursor.state()? {
        None => list(job, 0, body),
        Some(Step::Start(start)) => list(job, start, body),
        Some(Step::Video(step)) => numbers(config, job, step, body),
        Some(_) => Err(Error::new(ErrorKind::Store, "the stored cursor belongs to another endpoint")
            .with("endpoint", &job.endpoint)
            .hint("`kepi backfill` starts the stream anew")),
    }
}

/// The videos of the days that are asked for. What else there is of posts, `posts` tells.
fn list(job: &Job, start: u32, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body)?;
    let rows: Vec<Listed<'_>> = sheet.page_of_elements()?;
    let list = following(sheet.next.take(), start, is_behind(job, rows.last().and_then(Listed::created)))?;
    let asked = |row: &&Listed<'_>| {
        let within = row.published().zip(job.window).is_none_or(|(at, window)| window.contains(utc_day(at)));
        within && row.is_video() && row.is_published() && !row.is_ad_only()
    };
    let videos: Vec<SmolStr> = rows.iter().filter(asked).map(|row| row.id.0.clone()).collect();
    sheet.page.next = step(VideoStep { videos, metric: 0, list })?;
    Ok(sheet.page)
}

fn numbers(config: &LinkedinConfig, job: &Job, mut at: VideoStep, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body)?;
    let types = video_types(config);
    let asked = types.get(usize::from(at.metric)).copied().unwrap_or_default();
    for row in sheet.elements::<VideoNumber<'_>>()? {
        if let Some(said) = row.statistics_type.as_deref().filter(|said| *said != asked) {
            sheet.set_aside(&format!("{asked} was asked for"), said);
            continue;
        }
        let Some(value) = row.value else { continue };
        let values = match reading(asked, value) {
            Ok(value) => value.into_iter().collect(),
            Err(reason) => {
                sheet.set_aside(&reason, &written(value));
                continue;
            }
        };
        let subject = Subject::post(sheet.account.clone(), row.entity.0);
        match (config.videos, row.time_range) {
            (Videos::Days, Some(Day(day))) => {
                sheet.put(subject, Window::Day(day), (Traffic::Organic, None), values);
            }
            (Videos::Days, None) => sheet.set_aside("a day of a video without its day", &subject.id),
            _ => sheet.now(subject, (Traffic::Organic, None), values),
        }
    }
    at.metric = at.metric.saturating_add(1);
    if usize::from(at.metric) >= types.len() {
        at.metric = 0;
        at.videos.drain(..1.min(at.videos.len()));
    }
    sheet.page.next = step(at)?;
    Ok(sheet.page)
}

/// Where it goes on: the next number, the next video, the next page of the list.
fn step(at: VideoStep) -> Result<Option<Cursor>> {
    match (at.videos.is_empty(), at.list) {
        (false, _) => Cursor::from_state(&Step::Video(at)).map(Some),
        (true, Some(start)) => Cursor::from_state(&Step::Start(start)).map(Some),
        (true, None) => Ok(None),
    }
}

fn reading(kind: &str, value: Number) -> Result<Option<Reading>, String> {
    Ok(match kind {
        "VIDEO_VIEW" => {
            value.whole()?.map(|plays| Reading::count(MetricId::from_static("video_plays"), plays))
        }
        "VIEWER" => value.whole()?.map(|people| Reading::count(MetricId::from_static("viewers"), people)),
        _ => {
            let definition = Some(SmolStr::new_static(OF_PLAYS));
            let seconds = seconds(value)?;
            seconds.map(|seconds| Reading {
                definition,
                ..Reading::real(MetricId::from_static("watch_time_s"), seconds)
            })
        }
    })
}

/// Milliseconds that become seconds.
pub(super) fn seconds(value: Number) -> Result<Option<f64>, String> {
    if let Number::Percent(_) = value {
        return Err("a percentage is no time".to_owned());
    }
    Ok(value.real(-3))
}
