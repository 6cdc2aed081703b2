//! A person's own analytics: one number a call, of all posts or of one.

use jiff::civil::Date;
use kepi_core::{DateSpan, period::add_days};

use super::{Asked, Fault, Value, write_paging};
use crate::{Counter, Counters, world::thirds};

/// The word that wraps the name of a metric in answers of versions before 202605.
const WRAPPED: &str = "com.linkedin.adsexternalapi.memberanalytics.v1.CreatorPostAnalyticsMetricTypeV1";
/// From this version on the name stands by itself.
const PLAIN_SINCE: &str = "202605";

/// `/rest/memberFollowersCount?q=me`
pub(super) fn followers(asked: &Asked<'_, '_>) -> Result<Vec<u8>, Fault> {
    if asked.text("q") != Some("me") {
        return Err(Fault::bad("Unknown finder"));
    }
    let (call, page) = (asked.call, asked.own.key);
    let followers = call.level(call.world.persons_followers(page, call.now));
    Ok(call.json().object(|root| {
        write_paging(root, 0, 10, None);
        root.array("elements", |list| list.object(|o| o.int("memberFollowersCount", followers)));
    }))
}

/// `/rest/memberCreatorPostAnalytics`, of all posts (`q=me`) or of one (`q=entity`).
pub(super) fn posts(asked: &Asked<'_, '_>) -> Result<Vec<u8>, Fault> {
    let kind = asked.text("queryType").ok_or_else(|| Fault::bad("Parameter queryType is required"))?;
    let value = number_of_posts(kind).ok_or_else(|| Fault::bad("Invalid queryType"))?;
    match (asked.text("q"), asked.text("aggregation")) {
        (Some("me"), Some("DAILY")) if kind == "MEMBERS_REACHED" => {
            Err(Fault::bad("MEMBERS_REACHED is not supported with aggregation DAILY"))
        }
        (Some("me"), Some("DAILY")) => by_day(asked, kind, value),
        (Some("entity"), None | Some("TOTAL")) => of_one(asked, kind, value),
        _ => Err(Fault::bad("Invalid finder or aggregation")),
    }
}

/// `/rest/memberCreatorVideoAnalytics?q=entity`
pub(super) fn videos(asked: &Asked<'_, '_>) -> Result<Vec<u8>, Fault> {
    let kind = asked.text("queryType").ok_or_else(|| Fault::bad("Parameter queryType is required"))?;
    let value: fn(&Counters) -> i64 = match kind {
        "VIDEO_PLAY" => |c| c[Counter::Plays3s],
        "VIDEO_VIEWER" => |c| c[Counter::PlaysStart],
        "VIDEO_WATCH_TIME" => |c| c[Counter::WatchMillis],
        _ => return Err(Fault::bad("Invalid queryType")),
    };
    if asked.text("q") != Some("entity") {
        return Err(Fault::bad("Unknown finder"));
    }
    of_one(asked, kind, value)
}

fn number_of_posts(kind: &str) -> Option<fn(&Counters) -> i64> {
    Some(match kind {
        "IMPRESSION" => |c| c[Counter::Impressions],
        "MEMBERS_REACHED" => |c| c[Counter::Reach],
        "RESHARE" => |c| c[Counter::Shares],
        "REACTION" => |c| c[Counter::Likes],
        "COMMENT" => |c| c[Counter::Comments],
        "POST_SAVE" => |c| c[Counter::Saves],
        "POST_SEND" => |c| c[Counter::Shares] / 2,
        "LINK_CLICKS" => |c| c[Counter::LinkClicks],
        "FOLLOWER_GAINED_FROM_CONTENT" => |c| c[Counter::FollowsGained],
        "PROFILE_VIEW_FROM_CONTENT" => |c| c[Counter::ProfileClicks],
        _ => return None,
    })
}

fn by_day(asked: &Asked<'_, '_>, kind: &str, value: fn(&Counters) -> i64) -> Result<Vec<u8>, Fault> {
    let (call, page) = (asked.call, asked.own.key);
    let bad = || Fault::bad("Invalid dateRange parameter");
    let range = asked.params.get("dateRange").ok_or_else(bad)?;
    let date = |key: &str| range.field(key).and_then(civil).ok_or_else(bad);
    let days = DateSpan::new(date("start")?, date("end")?);
    let today = call.world.day_of(page, call.now);
    if days.end > today || days.start < add_days(today, -365) {
        return Err(bad());
    }
    Ok(call.json().object(|root| {
        write_paging(root, 0, 10, None);
        root.array("elements", |list| {
            for day in days.iter() {
                let count = value(&thirds(&call.day(page, day).content));
                list.object(|o| {
                    o.int("count", count);
                    write_kind(o, asked, kind);
                    o.object("dateRange", |range| {
                        for (key, date) in [("start", day), ("end", add_days(day, 1))] {
                            range.object(key, |o| {
                                o.int("day", i64::from(date.day()));
                                o.int("month", i64::from(date.month()));
                                o.int("year", i64::from(date.year()));
                            });
                        }
                    });
                });
            }
        });
    }))
}

fn of_one(asked: &Asked<'_, '_>, kind: &str, value: fn(&Counters) -> i64) -> Result<Vec<u8>, Fault> {
    let call = asked.call;
    let bad = || Fault::bad("Invalid entity parameter");
    let entity = asked.params.get("entity").ok_or_else(bad)?;
    let named = ["share", "ugc"].into_iter().find_map(|key| Some((key, entity.field(key)?.text()?)));
    let (key, urn) = named.ok_or_else(bad)?;
    let post = call.world.find_persons_post(urn).map(|key| call.world.post(key));
    let own = |post: &crate::PostFacts| {
        post.key.account == asked.own.key
            && post.stands_at(call.now)
            && call.world.persons_post(post) == urn
            && (key == "ugc") == urn.contains(":ugcPost:")
    };
    let post = post.filter(own).ok_or_else(|| Fault::denied(format!("Member is not the author of {urn}")))?;
    let count = value(&thirds(&call.counters(&post)));
    Ok(call.json().object(|root| {
        write_paging(root, 0, 10, None);
        root.array("elements", |list| {
            list.object(|o| {
                o.int("count", count);
                write_kind(o, asked, kind);
                o.object("targetEntity", |target| target.text(key, urn));
                o.object("dateRange", |_| {});
            });
        });
    }))
}

fn write_kind(o: &mut crate::json::Object<'_>, asked: &Asked<'_, '_>, kind: &str) {
    if asked.call.header("linkedin-version").unwrap_or_default() >= PLAIN_SINCE {
        o.text("metricType", kind);
    } else {
        o.object("metricType", |wrapped| wrapped.text(WRAPPED, kind));
    }
}

/// `(day:1,month:9,year:2026)`
fn civil(value: &Value) -> Option<Date> {
    let number = |key: &str| value.field(key)?.text()?.parse::<i16>().ok();
    let (day, month) = (i8::try_from(number("day")?).ok()?, i8::try_from(number("month")?).ok()?);
    Date::new(number("year")?, month, day).ok()
}
