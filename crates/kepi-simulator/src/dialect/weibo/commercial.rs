//! The commercial API: numbers as texts, days, any account; only with a contract.

use jiff::civil::Date;
use kepi_core::{DateSpan, period::add_days};

use super::{Fault, UNKNOWN_USER, posts};
use crate::{
    AccountDay, Counter, Network, Profile,
    call::Call,
    json::{Array, Object},
};

/// Whether a path belongs to the contract.
pub(super) fn is(path: &str) -> bool {
    path.ends_with("/biz")
        || matches!(
            path,
            "users/behavior_trend"
                | "friendships/followers/trend_count"
                | "friendships/followers/trend_other"
                | "friendships/followers/active_num"
                | "statuses/article_statistic"
        )
}

pub(super) fn respond(call: &Call<'_>, own: &Profile, path: &str) -> Result<Vec<u8>, Fault> {
    if !call.desk.config.weibo.commercial {
        return Err((403, 10014, "Insufficient app permissions!"));
    }
    match path {
        "statuses/user_timeline/biz" => posts::whole_timeline(call, own),
        "statuses/mentions/biz" => posts::all_mentions(call, own),
        "statuses/count/biz" => counts(call, false),
        "media_statuses/count_sp/biz" => counts(call, true),
        "users/behavior_trend" => behaviour(call, own, 31, false),
        "users/behavior_trend/biz" => behaviour(call, any(call, own)?, 90, true),
        "friendships/followers/trend_count" => days(call, own, 30, |row, date, day| {
            row.shown("days", date);
            row.shown("follower_count_online", day.followers_total);
            row.shown("follower_count", day.followers_total * 101 / 100);
            row.shown("active_follower", day.followers_total / 4);
            row.shown("loyal_follower", day.followers_total / 60);
        }),
        "friendships/followers/trend_other" => days(call, any(call, own)?, 90, |row, date, day| {
            row.shown("day_key", date);
            row.shown("followers_incr", day.flows.follows_gained);
            row.shown("followers_decr", day.flows.follows_lost);
        }),
        "statuses/article_statistic" => days(call, own, 90, |row, date, day| {
            row.shown("day", date);
            row.shown("explosure", day.content.total()[Counter::Impressions]);
            row.shown("read", day.content.total()[Counter::DetailExpands]);
        }),
        "friendships/followers/active_num" => active(call, own),
        "users/active/biz" => days(call, any(call, own)?, 90, |row, date, day| {
            row.shown("day", date.strftime("%Y%m%d"));
            row.shown("active_days_num", day.followers_total / 5);
            row.shown("active_fans_num", day.followers_total / 4);
        }),
        _ => Err((404, 10020, "Request api not found!")),
    }
}

/// The account asked for; the caller's own without a name.
fn any<'w>(call: &Call<'w>, own: &'w Profile) -> Result<&'w Profile, Fault> {
    match call.param("uid") {
        Some(uid) => call.world.find_platform_id(Network::Weibo, uid).ok_or(UNKNOWN_USER),
        None => Ok(own),
    }
}

fn counts(call: &Call<'_>, reads: bool) -> Result<Vec<u8>, Fault> {
    let found = posts::by_ids(call)?;
    Ok(call.json().array(|list| {
        for post in &found {
            let total = call.counters(post).total();
            list.object(|o| {
                o.text("id", &call.world.post_id(post.key));
                o.shown("comments", total[Counter::Comments]);
                o.shown("reposts", total[Counter::Shares]);
                o.shown(if reads { "attitudes" } else { "likes" }, total[Counter::Likes]);
                if reads {
                    o.shown("reads", total[Counter::Impressions]);
                }
            });
        }
    }))
}

/// The days asked for, both ends included; without them as many as may be asked. Today is not among them.
fn window(call: &Call<'_>, most: i32) -> Result<DateSpan, Fault> {
    let (today, _) = call.beijing();
    let date = |keys: [&str; 2]| -> Result<Option<Date>, Fault> {
        let text = keys.iter().find_map(|key| call.param(key));
        text.map(str::parse).transpose().map_err(|_| super::BAD_PARAMETER)
    };
    let start = date(["sdate", "starttime"])?.unwrap_or(add_days(today, -most));
    let end = date(["edate", "endtime"])?.map_or(today, |end| add_days(end, 1)).min(today);
    let span = DateSpan::new(start, end);
    if span.days() > most { Err(super::BAD_PARAMETER) } else { Ok(span) }
}

fn write_rows(
    call: &Call<'_>,
    profile: &Profile,
    span: DateSpan,
    list: &mut Array<'_>,
    write: impl Fn(&mut Object<'_>, Date, &AccountDay),
) {
    for date in call.told_days(profile.key, span) {
        let mut day = call.day(profile.key, date);
        day.followers_total = call.level(day.followers_total);
        list.object(|row| write(row, date, &day));
    }
}

fn days(
    call: &Call<'_>,
    profile: &Profile,
    most: i32,
    write: impl Fn(&mut Object<'_>, Date, &AccountDay),
) -> Result<Vec<u8>, Fault> {
    let span = window(call, most)?;
    Ok(call.json().object(|root| {
        root.text("uid", &profile.platform_id);
        root.array("result", |list| write_rows(call, profile, span, list, write));
    }))
}

/// Increments of the day for posts, comments and reposts; totals for people.
fn behaviour(call: &Call<'_>, profile: &Profile, most: i32, enveloped: bool) -> Result<Vec<u8>, Fault> {
    let span = window(call, most)?;
    let rows = |list: &mut Array<'_>| {
        write_rows(call, profile, span, list, |row, date, day| {
            let total = day.content.total();
            row.shown("day_key", date);
            row.shown("followers_count", day.followers_total);
            row.shown("v_followers_count", day.followers_total / 400);
            row.shown("daren_followers_count", day.followers_total / 1500);
            row.shown("friends_count", call.world.following_at(profile.key, call.now));
            row.shown("v_friends_count", 96);
            row.shown("bi_followers_count", 87);
            row.shown("statuses_count", day.flows.posts_published);
            row.shown("receive_comments_count", total[Counter::Comments]);
            row.shown("comments_count", total[Counter::Comments] / 5);
            row.shown("repost_count", 1);
            row.shown("reposted_count", total[Counter::Shares]);
        });
    };
    Ok(if enveloped {
        call.json().object(|root| {
            root.int("errno", 1);
            root.text("msg", "成功");
            root.text("code", "B00001");
            root.array("result", rows);
        })
    } else {
        call.json().object(|root| {
            root.text("uid", &profile.platform_id);
            root.array("result", rows);
        })
    })
}

/// `friendships/followers/active_num`: maps keyed by day.
fn active(call: &Call<'_>, profile: &Profile) -> Result<Vec<u8>, Fault> {
    let span = window(call, 90)?;
    let levels: Vec<(Date, i64)> = span
        .iter()
        .map(|date| {
            let (_, end) = call.world.day_bounds(profile.key, date);
            (date, call.level(call.world.followers_at(profile.key, end)))
        })
        .collect();
    Ok(call.json().object(|root| {
        root.int("errno", 1);
        root.text("msg", "成功");
        root.object("result", |result| {
            for (key, share) in [
                ("total_fans_num", 1.0),
                ("active_fans", 0.25),
                ("loyal_fans", 0.017),
                ("total_fans_num_online", 0.98),
            ] {
                result.map(key, |map| {
                    for (date, level) in &levels {
                        map.shown(&date.to_string(), (*level as f64 * share) as i64);
                    }
                });
            }
        });
    }))
}
