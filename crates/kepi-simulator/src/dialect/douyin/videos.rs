//! Videos on Douyin's open platform: the list, their counts, their days, their comments.

use jiff::{SignedDuration, Timestamp};

use super::{BAD_PARAMETER, Fault, days, envelope, told_until};
use crate::{Counter, Format, Network, PostFacts, Profile, call::Call, json::Object};

/// What the numeric public ids begin at; the other ids are opaque.
const VIDEO_IDS: u64 = 7_500_000_000_000_000_001;
/// Series exist for videos of so many days.
const SERIES_DAYS: i64 = 30;

/// The numeric public id of a video.
pub(super) fn video_id(call: &Call<'_>, post: &PostFacts) -> u64 {
    VIDEO_IDS + call.world.post_number(post.key)
}

fn write(o: &mut Object<'_>, call: &Call<'_>, post: &PostFacts) {
    let total = call.counters(post).total();
    let video_id = video_id(call, post);
    o.text("item_id", &call.world.post_id(post.key));
    o.shown("video_id", video_id);
    o.text("title", &call.world.words(post).text);
    o.text("cover", "https://p.example/c1.jpeg");
    o.int("create_time", post.published_at.as_second());
    o.flag("is_reviewed", true);
    o.flag("is_top", false);
    o.text("share_url", &format!("https://www.iesdouyin.com/share/video/{video_id}/"));
    o.int("video_status", 5);
    o.int("media_type", if post.format == Format::Video { 4 } else { 2 });
    o.object("statistics", |s| {
        s.int("play_count", total[Counter::Views]);
        s.int("digg_count", total[Counter::Likes]);
        s.int("comment_count", total[Counter::Comments]);
        s.int("share_count", total[Counter::Shares]);
        s.int("forward_count", total[Counter::Shares] / 8);
        s.int("download_count", total[Counter::Saves] / 10);
    });
}

/// `/api/douyin/v1/video/video_list/`: newest first; the cursor is the time of the last, in milliseconds.
pub(super) fn list(call: &Call<'_>, own: &Profile) -> Result<Vec<u8>, Fault> {
    let number = |key: &str, default: i64| -> Result<i64, Fault> {
        call.param(key).map_or(Ok(default), |text| text.parse().map_err(|_| BAD_PARAMETER))
    };
    let cursor = number("cursor", 0)?;
    let count = number("count", 10)?;
    if !(1..=20).contains(&count) {
        return Err(BAD_PARAMETER);
    }
    let before = if cursor == 0 { call.now } else { Timestamp::from_millisecond(cursor).unwrap_or(call.now) };
    let standing = call.posts(own.key, Timestamp::MIN, before).rev().filter(|post| post.stands_at(call.now));
    let mut left = standing.peekable();
    let page: Vec<PostFacts> =
        if call.faults.empty_page { Vec::new() } else { left.by_ref().take(count as usize).collect() };
    let has_more = left.peek().is_some();
    let next = page.last().map_or(before.as_millisecond(), |post| post.published_at.as_millisecond());
    Ok(envelope(call, |data| {
        data.int("cursor", if call.faults.repeated_cursor { cursor } else { next });
        data.flag("has_more", has_more);
        data.array("list", |list| {
            for post in &page {
                list.object(|o| write(o, call, post));
            }
        });
    }))
}

/// `/api/douyin/v1/video/video_data/`
pub(super) fn data(call: &Call<'_>, own: &Profile) -> Result<Vec<u8>, Fault> {
    let body = call.json_body().ok_or(BAD_PARAMETER)?;
    let texts = |key: &str| -> Vec<String> {
        let list = body[key].as_array().cloned().unwrap_or_default();
        list.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect()
    };
    let (items, videos) = (texts("item_ids"), texts("video_ids"));
    if items.is_empty() && videos.is_empty() || items.len().max(videos.len()) > 20 {
        return Err(BAD_PARAMETER);
    }
    let by_video = |id: &String| {
        let number = id.parse::<u64>().ok()?.checked_sub(VIDEO_IDS)?;
        call.world.find_post_number(Network::Douyin, number)
    };
    let keys: Vec<_> = if items.is_empty() {
        videos.iter().filter_map(by_video).collect()
    } else {
        items.iter().filter_map(|id| call.world.find_post(Network::Douyin, id)).collect()
    };
    let posts = keys.into_iter().filter(|key| key.account == own.key).map(|key| call.world.post(key));
    let standing: Vec<_> = posts.filter(|post| post.stands_at(call.now)).collect();
    Ok(envelope(call, |data| {
        data.array("list", |list| {
            for post in &standing {
                list.object(|o| write(o, call, post));
            }
        });
    }))
}

fn one(call: &Call<'_>, own: &Profile) -> Result<PostFacts, Fault> {
    let id = call.param("item_id").ok_or(BAD_PARAMETER)?;
    let key = call.world.find_post(Network::Douyin, id).filter(|key| key.account == own.key);
    let post = call.world.post(key.ok_or((2_111_007, "视频不存在"))?);
    if post.stands_at(call.now) { Ok(post) } else { Err((2_111_007, "视频不存在")) }
}

/// A video young enough for series.
fn young(call: &Call<'_>, own: &Profile) -> Result<PostFacts, Fault> {
    let post = one(call, own)?;
    let age = call.now.duration_since(post.published_at);
    if age <= SignedDuration::from_hours(24 * SERIES_DAYS) { Ok(post) } else { Err(BAD_PARAMETER) }
}

/// `/data/external/item/base/`
pub(super) fn base(call: &Call<'_>, own: &Profile) -> Result<Vec<u8>, Fault> {
    let post = young(call, own)?;
    let (end, _) = call.world.day_bounds(own.key, told_until(call));
    let total = call.total_until(&post, end);
    let plays = total[Counter::Views];
    Ok(envelope(call, |data| {
        data.object("result", |o| {
            o.int("total_play", plays);
            o.int("total_like", total[Counter::Likes]);
            o.int("total_comment", total[Counter::Comments]);
            o.int("total_share", total[Counter::Shares]);
            let seconds = total[Counter::WatchMillis] as f64 / 1000.0 / plays.max(1) as f64;
            o.bare("avg_play_duration", format_args!("{seconds:.1}"));
        });
    }))
}

/// `/data/external/item/{play,like,comment,share}/`
pub(super) fn item_days(call: &Call<'_>, own: &Profile, what: &str) -> Result<Vec<u8>, Fault> {
    let counter = match what {
        "play" => Counter::Views,
        "like" => Counter::Likes,
        "comment" => Counter::Comments,
        "share" => Counter::Shares,
        _ => return Err(BAD_PARAMETER),
    };
    let post = young(call, own)?;
    let published = call.world.day_of(own.key, post.published_at);
    let span = days(call)?;
    Ok(envelope(call, |data| {
        data.array("result_list", |list| {
            for date in span.iter().filter(|date| *date >= published) {
                let change = call.total_on(&post, date)[counter];
                list.object(|row| {
                    row.shown("date", date);
                    row.int(what, change);
                });
            }
        });
    }))
}

/// `/item/comment/list/`
pub(super) fn comments(call: &Call<'_>, own: &Profile) -> Result<Vec<u8>, Fault> {
    let post = one(call, own)?;
    let total = call.counters(&post).total()[Counter::Comments].max(0);
    let cursor: i64 = call.param("cursor").unwrap_or("0").parse().map_err(|_| BAD_PARAMETER)?;
    let count: i64 = call.param("count").unwrap_or("10").parse().map_err(|_| BAD_PARAMETER)?;
    let end = total.min(cursor + count.clamp(1, 20));
    Ok(envelope(call, |data| {
        data.int("cursor", end);
        data.flag("has_more", end < total);
        data.array("list", |list| {
            for number in cursor..end {
                list.object(|o| {
                    o.text("comment_id", &format!("@c{number:x}=="));
                    o.text("comment_user_id", "00000000-0000-0000-0000-000000000000");
                    o.text("content", "好看");
                    o.int("create_time", post.published_at.as_second() + 60 * (number + 1));
                    o.int("digg_count", number % 7);
                    o.int("reply_comment_total", 0);
                    o.flag("top", false);
                });
            }
        });
    }))
}
