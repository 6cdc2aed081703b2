//! Videos on the open platform: what they have so far, and their days while they are young.

use jiff::{Timestamp, civil::Date};
use kepi_core::{
    AccountId, Body, Cursor, DateSpan, Error, Job, MetricId, Page, Post, Reading, Result, Subject, Window,
    period::{add_days, days_between},
};
use serde::Deserialize;
use smol_str::SmolStr;

use super::{
    answer::{List, Sheet, beijing_day, unknown_shape},
    failure::VIDEO_NOT_READ,
    rows::{Base, Flag, Video, VideoDay, count},
};
use crate::{
    descriptor::VIDEO_AGE,
    request::{Series, Step, Young},
};

/// The status of a video that only its author sees.
const PRIVATE: i64 = 7;

pub(super) fn list(job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body);
    let list = sheet.list::<Video<'_>>()?;
    so_far(&mut sheet, &job.account()?.id, list.rows());
    sheet.page.next = following(job, cursor, &list)?;
    Ok(sheet.page)
}

/// Where the list goes on: newest first, until it is older than what was asked for.
fn following(job: &Job, cursor: &Cursor, list: &List<Video<'_>>) -> Result<Option<Cursor>> {
    if list.has_more != Some(Flag(true)) || ends_earlier(job, list.rows()) {
        return Ok(None);
    }
    let asked = match cursor.state()? {
        Some(Step::After(place)) => place,
        _ => 0,
    };
    match list.cursor.0 {
        Some(place) if place != asked => Cursor::from_state(&Step::After(place)).map(Some),
        Some(_) => Err(Error::bad_response("the page that follows is the page itself")
            .with("endpoint", &job.endpoint)
            .with("cursor", asked)),
        None => Err(Error::bad_response("more videos are announced and no place where they begin")
            .with("endpoint", &job.endpoint)),
    }
}

/// Whether a page ends before what was asked for. Videos that are pinned stand first, whatever their age; the
/// others come newest first, as the place where the list goes on is a time.
fn ends_earlier(job: &Job, rows: &[Video<'_>]) -> bool {
    let Some(window) = job.window else { return false };
    let last = rows.iter().rfind(|row| row.is_top != Some(Flag(true)));
    last.and_then(Video::published).is_some_and(|at| beijing_day(at) < window.start)
}

/// What videos have so far.
fn so_far(sheet: &mut Sheet<'_>, account: &AccountId, rows: &[Video<'_>]) {
    let mut private = 0;
    for row in rows {
        if sheet.page.posts.iter().any(|post| post.id == row.video_id) {
            sheet.reject("/data/list", "the video stands twice", row.video_id.as_str());
            continue;
        }
        let mut values = Vec::new();
        if let Some(statistics) = &row.statistics {
            // Others no longer see it; what they saw is not undone.
            if row.video_status.0 == Some(PRIVATE) && statistics.play_count.0 == Some(0) {
                private += 1;
            } else {
                count(&mut values, "video_plays", statistics.play_count);
            }
            values.append(&mut statistics.counts());
        }
        let now = Window::At(sheet.body.observed_at);
        sheet.whole(&Subject::post(account.clone(), row.video_id.clone()), &now, values);
        sheet.page.posts.push(row.post(account));
    }
    if private > 0 {
        sheet.remark(format!("{private} videos are set private: their play count of 0 is left out"));
    }
}

impl Video<'_> {
    fn published(&self) -> Option<Timestamp> {
        self.create_time.0.filter(|seconds| *seconds > 0).and_then(|at| Timestamp::from_second(at).ok())
    }

    fn post(&self, account: &AccountId) -> Post {
        let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Post {
            published_at: self.published(),
            format: match self.media_type.0 {
                Some(2) => Some(SmolStr::new_static("image")),
                Some(4) => Some(SmolStr::new_static("video")),
                _ => None,
            },
            title: self.title.as_deref().and_then(said),
            url: self.share_url.as_deref().and_then(|url| said(without_parameters(url))),
            ..Post::new(account.clone(), self.video_id.clone())
        }
    }
}

/// The address without who shared it and where.
fn without_parameters(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// Videos that were asked for by their numbers.
pub(super) fn data(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body);
    let list = sheet.list::<Video<'_>>()?;
    so_far(&mut sheet, &job.account()?.id, list.rows());
    foreign(&mut sheet, job);
    gone(&mut sheet, job, list.rows());
    Ok(sheet.page)
}

/// Videos that were not asked for are nobody's here.
fn foreign(sheet: &mut Sheet<'_>, job: &Job) {
    let asked = |id: &str| job.posts.iter().any(|post| post.id == id);
    sheet.page.measurements.retain(|one| asked(&one.subject.id));
    let (ours, others): (Vec<Post>, Vec<Post>) =
        std::mem::take(&mut sheet.page.posts).into_iter().partition(|post| asked(&post.id));
    sheet.page.posts = ours;
    for post in others {
        sheet.reject("/data/list", "a video that was not asked for", post.id.as_str());
    }
}

/// Videos that are missing among others were deleted. When all of several are missing, something else is wrong.
fn gone(sheet: &mut Sheet<'_>, job: &Job, rows: &[Video<'_>]) {
    let told = |id: &str| rows.iter().any(|row| row.video_id == id);
    let missing: Vec<_> = job.posts.iter().filter(|post| !told(&post.id)).collect();
    let set_aside = !sheet.page.rejects.is_empty();
    if missing.is_empty() {
        return;
    }
    if set_aside || (rows.is_empty() && missing.len() > 1) {
        let ids: Vec<&str> = missing.iter().map(|post| post.id.as_str()).collect();
        return sheet.remark(format!("nothing is said of {} videos: {}", ids.len(), ids.join(", ")));
    }
    for post in missing {
        let deleted_at = Some(sheet.body.observed_at);
        sheet.page.posts.push(Post { deleted_at, ..Post::new(post.account.clone(), post.id.clone()) });
    }
}

/// The app's own names of young videos, by which their series are asked for. Their numbers were told by the
/// list a moment ago.
pub(super) fn young(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body);
    let list = sheet.list::<Video<'_>>()?;
    let today = beijing_day(job.planned_at);
    let mut videos: Vec<Young> = Vec::new();
    let mut frozen = Vec::new();
    for row in list.rows() {
        let Some(asked) = job.posts.iter().find(|post| post.id == row.video_id) else {
            sheet.reject("/data/list", "a video that was not asked for", row.video_id.as_str());
            continue;
        };
        let published = row.published().or(asked.published_at).map(beijing_day);
        match (published, row.item_id.clone().filter(|item| !item.is_empty())) {
            (Some(published), Some(item)) if days_between(published, today) < i32::from(VIDEO_AGE) => {
                videos.push(Young { video: row.video_id.clone(), item, published });
            }
            (Some(_), Some(_)) => frozen.push(row.video_id.as_str()),
            _ => sheet.reject("/data/list", "no item_id or no time of publishing", row.video_id.as_str()),
        }
    }
    if !frozen.is_empty() {
        sheet.remark(format!(
            "frozen: days of videos are told for {VIDEO_AGE} days, and these are older: {}",
            frozen.join(", ")
        ));
    }
    gone(&mut sheet, job, list.rows());
    sheet.page.next = first_step(videos)?;
    Ok(sheet.page)
}

fn first_step(videos: Vec<Young>) -> Result<Option<Cursor>> {
    if videos.is_empty() {
        return Ok(None);
    }
    Cursor::from_state(&Step::Series { of: Series::Base, videos }).map(Some)
}

/// What is told of the first of the videos, and where the job goes on. A video that cannot be read is left, and
/// stops no other.
pub(super) fn series(job: &Job, (of, videos): (Series, &[Young]), body: &Body) -> Result<Page> {
    let Some((first, others)) = videos.split_first() else { return Err(unknown_shape(job)) };
    let mut sheet = Sheet::new(job, body);
    let read = match of {
        Series::Base => base(&mut sheet, job, first)?,
        _ => days(&mut sheet, job, first)?,
    };
    sheet.page.next = match of.following().filter(|_| read) {
        Some(of) => Some(Cursor::from_state(&Step::Series { of, videos: videos.to_vec() })?),
        None => first_step(others.to_vec())?,
    };
    Ok(sheet.page)
}

#[derive(Deserialize)]
struct Sums {
    data: Option<SumsData>,
}

#[derive(Deserialize)]
struct SumsData {
    #[serde(default)]
    error_code: kepi_core::json::Whole,
    result: Option<Base>,
    data: Option<Box<SumsData>>,
}

/// The sums of a young video: since publishing, as the window of 30 days reaches back that far.
fn base(sheet: &mut Sheet<'_>, job: &Job, young: &Young) -> Result<bool> {
    let answer: Sums =
        serde_json::from_slice(&sheet.body.bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
    let data = answer.data.map(|data| match data {
        SumsData { result: None, data: Some(inner), .. } => *inner,
        data => data,
    });
    let (error_code, result) = data.map_or((None, None), |data| (data.error_code.0, data.result));
    let Some(sums) = result else {
        return not_read(sheet, job, young, error_code);
    };
    let days = DateSpan::new(young.published, sheet.told_until());
    let mut values = sums.counts();
    if let Some(seconds) = sums.avg_play_duration.and_then(plain) {
        values.push(Reading::real(MetricId::from_static("avg_view_duration_s"), seconds));
    }
    if !days.is_empty() {
        let subject = Subject::post(job.account()?.id.clone(), young.video.clone());
        sheet.whole(&subject, &Window::Period(days), values);
    }
    Ok(true)
}

/// A number that is no percentage.
fn plain(number: kepi_core::json::Number) -> Option<f64> {
    if matches!(number, kepi_core::json::Number::Percent(_)) { None } else { number.real(0) }
}

fn days(sheet: &mut Sheet<'_>, job: &Job, young: &Young) -> Result<bool> {
    let list = sheet.list::<VideoDay>()?;
    if list.error_code.0.unwrap_or(0) != 0 {
        return not_read(sheet, job, young, list.error_code.0);
    }
    let subject = Subject::post(job.account()?.id.clone(), young.video.clone());
    let mut told: Vec<Date> = Vec::with_capacity(list.rows().len());
    for row in list.rows() {
        if told.contains(&row.date) {
            sheet.reject("/data/result_list", "the day stands twice", row.date.to_string());
        } else if row.date >= young.published {
            sheet.whole(&subject, &Window::Day(row.date), row.counts());
            told.push(row.date);
        }
    }
    let complete = add_days(sheet.told_until(), -1) >= young.published;
    if told.is_empty() && sheet.page.rejects.is_empty() && complete {
        sheet.remark(format!(
            "nothing is told of video {}: its days stay as they were read last",
            young.video
        ));
    }
    Ok(true)
}

/// Says that a video cannot be read.
fn not_read(sheet: &mut Sheet<'_>, job: &Job, young: &Young, code: Option<i64>) -> Result<bool> {
    if code != Some(VIDEO_NOT_READ) {
        return Err(unknown_shape(job));
    }
    sheet.remark(format!("Douyin could not read video {}: nothing is told of it", young.video));
    Ok(false)
}
