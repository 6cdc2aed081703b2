//! One item of media: its fields and its lifetime insights, which depend on what kind of item it is.

use jiff::{SignedDuration, Timestamp};

use super::Fault;
use crate::{
    Counter, Counters, Format, PostFacts, Profile,
    call::{Call, shared},
    json::Object,
};

/// The fields that media has.
pub(super) const FIELDS: [&str; 22] = [
    "id",
    "ig_id",
    "shortcode",
    "permalink",
    "caption",
    "timestamp",
    "media_type",
    "media_product_type",
    "media_url",
    "thumbnail_url",
    "username",
    "owner",
    "is_comment_enabled",
    "is_shared_to_feed",
    "like_count",
    "comments_count",
    "reposts_count",
    "saved_count",
    "shares_count",
    "total_like_count",
    "total_comments_count",
    "total_views_count",
];

/// Metrics of every kind of media, of feed items only, of reels only.
const COMMON: [&str; 10] = [
    "reach",
    "views",
    "likes",
    "comments",
    "saved",
    "shares",
    "total_interactions",
    "reposts",
    "total_likes",
    "total_comments",
];
const OF_FEED: [&str; 3] = ["follows", "profile_visits", "profile_activity"];
const OF_REELS: [&str; 4] =
    ["ig_reels_avg_watch_time", "ig_reels_video_view_total_time", "reels_skip_rate", "total_views"];

/// An instant as the Graph API writes it.
pub(super) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()
}

fn is_reel(post: &PostFacts) -> bool {
    post.format == Format::Video
}

/// What an item is to the insights.
pub(super) fn product(post: &PostFacts) -> &'static str {
    if is_reel(post) { "REELS" } else { "FEED" }
}

pub(super) fn write_field(o: &mut Object<'_>, call: &Call<'_>, own: &Profile, post: &PostFacts, name: &str) {
    let id = call.world.post_id(post.key);
    let organic = call.counters(post).organic;
    let shortcode = format!("Sim{:x}", call.world.post_number(post.key));
    match name {
        "id" => o.text(name, &id),
        "ig_id" => o.shown(name, call.world.post_number(post.key)),
        "shortcode" => o.text(name, &shortcode),
        "permalink" => {
            let kind = if is_reel(post) { "reel" } else { "p" };
            o.text(name, &format!("https://www.instagram.com/{kind}/{shortcode}/"));
        }
        "caption" => o.text(name, &call.world.words(post).text),
        "timestamp" => o.text(name, &stamp(post.published_at)),
        "media_type" => o.text(name, media_type(post)),
        "media_product_type" => o.text(name, product(post)),
        "media_url" => o.text(name, "https://scontent.example/m.jpg"),
        "thumbnail_url" if is_reel(post) => o.text(name, "https://scontent.example/t.jpg"),
        "username" => o.text(name, &own.handle),
        "owner" => o.object(name, |owner| owner.text("id", &own.platform_id)),
        "is_comment_enabled" => o.flag(name, true),
        "is_shared_to_feed" if is_reel(post) => o.flag(name, true),
        "like_count" => o.int(name, organic[Counter::Likes]),
        "comments_count" => o.int(name, organic[Counter::Comments]),
        "reposts_count" => o.int(name, reposts(&organic)),
        "saved_count" => o.int(name, organic[Counter::Saves]),
        "shares_count" => o.int(name, organic[Counter::Shares]),
        "total_like_count" => o.int(name, call.counters(post).total()[Counter::Likes]),
        "total_comments_count" => o.int(name, call.counters(post).total()[Counter::Comments]),
        "total_views_count" if is_reel(post) => o.int(name, call.counters(post).total()[Counter::Views]),
        _ => {}
    }
}

fn media_type(post: &PostFacts) -> &'static str {
    match post.format {
        Format::Video => "VIDEO",
        Format::Carousel => "CAROUSEL_ALBUM",
        _ => "IMAGE",
    }
}

fn reposts(counters: &Counters) -> i64 {
    counters[Counter::Shares] / 6
}

/// Checks that an item has the metrics: one that it has not fails the whole.
pub(super) fn insights(call: &Call<'_>, post: &PostFacts, metrics: &Vec<String>) -> Result<(), Fault> {
    let own = if is_reel(post) { OF_REELS.as_slice() } else { OF_FEED.as_slice() };
    let converted = call.world.config().start.saturating_add(SignedDuration::from_hours(
        24 * i64::from(call.desk.config.instagram.unconverted_days),
    ));
    if converted.is_ok_and(|at| post.published_at < at) {
        let words = "(#100) Media posted before business account conversion";
        return Err(Fault::new(100, words).sub(2_108_006));
    }
    for metric in metrics {
        let metric = metric.as_str();
        if ["crossposted_views", "facebook_views"].contains(&metric) {
            return Err(Fault::new(100, "(#100) The media has not been cross-posted").sub(2_207_086));
        }
        if !COMMON.contains(&metric) && !own.contains(&metric) {
            let other = OF_FEED.contains(&metric) || OF_REELS.contains(&metric);
            return Err(Fault::new(
                100,
                if other {
                    format!(
                        "(#100) The Media Insights API does not support the {metric} metric for this media product type."
                    )
                } else {
                    let known = [COMMON.as_slice(), &OF_FEED, &OF_REELS].concat().join(", ");
                    format!("(#100) metric[0] must be one of the following values: {known}")
                },
            ));
        }
    }
    Ok(())
}

fn value(call: &Call<'_>, post: &PostFacts, metric: &str) -> i64 {
    let split = call.counters(post);
    let organic = split.organic;
    match metric {
        "reach" => organic[Counter::Reach],
        "views" => organic[Counter::Views],
        "likes" => organic[Counter::Likes],
        "comments" => organic[Counter::Comments],
        "saved" => organic[Counter::Saves],
        "shares" => organic[Counter::Shares],
        "total_interactions" => interactions(&organic),
        "reposts" => reposts(&organic),
        "total_likes" => split.total()[Counter::Likes],
        "total_comments" => split.total()[Counter::Comments],
        "total_views" => split.total()[Counter::Views],
        "follows" => organic[Counter::FollowsGained],
        "profile_visits" => organic[Counter::ProfileClicks],
        "profile_activity" => organic[Counter::LinkClicks],
        "ig_reels_avg_watch_time" => organic[Counter::WatchMillis] / organic[Counter::Plays].max(1),
        "ig_reels_video_view_total_time" => organic[Counter::WatchMillis],
        _ => 100 - 100 * organic[Counter::Plays3s] / organic[Counter::Plays].max(1),
    }
}

/// The platform's total of interactions.
pub(super) fn interactions(c: &Counters) -> i64 {
    c[Counter::Likes] + c[Counter::Comments] + c[Counter::Saves] + c[Counter::Shares]
}

/// Writes the insights of an item.
pub(super) fn write_insights(o: &mut Object<'_>, call: &Call<'_>, post: &PostFacts, metrics: &[String]) {
    write_metrics(o, &call.world.post_id(post.key), metrics, |metric| value(call, post, metric));
}

/// Writes metrics of a node over its life.
pub(super) fn write_metrics(o: &mut Object<'_>, id: &str, metrics: &[String], value: impl Fn(&str) -> i64) {
    o.array("data", |list| {
        for metric in metrics {
            let value = value(metric);
            list.object(|row| {
                row.text("name", metric);
                row.text("period", "lifetime");
                row.array("values", |values| values.object(|v| v.int("value", value)));
                row.text("title", metric);
                row.text("description", "…");
                if metric == "profile_activity" {
                    write_activity(row, value);
                }
                row.text("id", &format!("{id}/insights/{metric}/lifetime"));
            });
        }
    });
}

fn write_activity(row: &mut Object<'_>, value: i64) {
    let parts = shared(value, [0.8, 0.2]);
    row.object("total_value", |total| {
        total.int("value", value);
        total.array("breakdowns", |list| {
            list.object(|breakdown| {
                breakdown.texts("dimension_keys", ["action_type"]);
                breakdown.array("results", |results| {
                    for (kind, part) in ["bio_link_clicked", "email"].into_iter().zip(parts) {
                        results.object(|o| {
                            o.texts("dimension_values", [kind]);
                            o.int("value", part);
                        });
                    }
                });
            });
        });
    });
}
