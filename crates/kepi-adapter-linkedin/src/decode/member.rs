//! A person's own posts: one metric after the other.

use kepi_core::{
    Body, Cursor, Error, ErrorKind, Job, MetricId, Page, Reading, Result, Segment, Subject, Traffic,
    json::Number,
};

use super::{
    answer::{Sheet, part},
    rows::{MemberFollowers, MemberNumber, MetricType, count, written},
    videos::seconds,
};
use crate::{
    config::LinkedinConfig,
    descriptor::MEMBER_DAYS,
    request::{Step, member_types},
};

pub(super) fn followers(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body)?;
    for row in sheet.elements::<MemberFollowers>()?.into_iter().take(1) {
        let mut values = Vec::with_capacity(1);
        count(&mut values, "followers_total", row.member_followers_count);
        sheet.state((Traffic::Total, None), values);
    }
    Ok(sheet.page)
}

pub(super) fn metric(config: &LinkedinConfig, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let at = match cursor.state()? {
        None => 0,
        Some(Step::Metric(metric)) => metric,
        Some(_) => {
            return Err(Error::new(ErrorKind::Store, "the stored cursor belongs to another endpoint")
                .with("endpoint", &job.endpoint)
                .hint("`kepi backfill` starts the stream anew"));
        }
    };
    let types = member_types(config, &job.endpoint);
    let asked = types.get(usize::from(at)).copied().unwrap_or_default();
    let by_day = job.endpoint == MEMBER_DAYS;
    let mut sheet = Sheet::new(job, body)?;
    let mut told = Vec::new();
    for row in sheet.elements::<MemberNumber<'_>>()? {
        let said = row.metric_type.as_ref().and_then(MetricType::word);
        if let Some(said) = said.filter(|said| *said != asked) {
            sheet.set_aside(&format!("{asked} was asked for"), said);
            continue;
        }
        let Some(number) = row.count else { continue };
        let values: Vec<Reading> = match reading(asked, number) {
            Ok(value) => value.into_iter().collect(),
            Err(reason) => {
                sheet.set_aside(&reason, &written(number));
                continue;
            }
        };
        let day = row.date_range.and_then(|range| range.day());
        match (by_day, day, job.posts.first()) {
            (true, Some(day), _) => {
                told.push(day);
                sheet.day(day, (Traffic::Total, from_posts(asked)), values);
            }
            (true, None, _) => sheet.set_aside("a number of a day without its day", &written(number)),
            (false, _, Some(post)) => {
                let subject = Subject::post(post.account.clone(), post.id.clone());
                let whole = asked == "FOLLOWER_GAINED_FROM_CONTENT";
                let segment = if whole { None } else { from_posts(asked) };
                sheet.now(subject, (Traffic::Total, segment), values);
            }
            (false, _, None) => sheet.set_aside("a number of no post", &written(number)),
        }
    }
    if by_day {
        sheet.missing(config, &told);
    }
    let next = at.saturating_add(1);
    if usize::from(next) < types.len() {
        sheet.page.next = Some(Cursor::from_state(&Step::Metric(next))?);
    }
    Ok(sheet.page)
}

/// Followers and visits that came from posts are a part of all.
fn from_posts(kind: &str) -> Option<Segment> {
    let is_part = ["FOLLOWER_GAINED_FROM_CONTENT", "PROFILE_VIEW_FROM_CONTENT"].contains(&kind);
    if is_part { part("source", "posts") } else { None }
}

fn reading(kind: &str, number: Number) -> Result<Option<Reading>, String> {
    let metric = match kind {
        "IMPRESSION" => "impressions",
        "MEMBERS_REACHED" => "reach",
        "RESHARE" => "shares",
        "REACTION" => "reactions",
        "COMMENT" => "comments",
        "POST_SAVE" => "saves",
        "POST_SEND" => "link_shares",
        "LINK_CLICKS" => "link_clicks",
        "FOLLOWER_GAINED_FROM_CONTENT" => "follows_gained",
        "PROFILE_VIEW_FROM_CONTENT" => "profile_visits",
        "VIDEO_PLAY" => "video_plays",
        "VIDEO_VIEWER" => "viewers",
        _ => {
            let seconds = seconds(number)?;
            return Ok(seconds.map(|seconds| Reading::real(MetricId::from_static("watch_time_s"), seconds)));
        }
    };
    Ok(number.whole()?.map(|count| Reading::count(MetricId::from_static(metric), count)))
}
