//! Numbers over time: mentions by hour or day, and the Enterprise series of posts and media.

use jiff::Timestamp;

use super::{
    Caller,
    post::stamp,
    price,
    problem::{Partial, Problem, hundred, instant, write_partial},
    terms::Terms,
};
use crate::{
    Counter, Counters, Network, PostFacts,
    call::{Answer, Call},
    dialect::Place,
    json::Object,
};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const TOKEN: &str = "1jzu9lk96gu5npw1";
/// Days on one page of the archive.
const ARCHIVE_DAYS: i64 = 31;

/// `/2/tweets/counts/recent` and `/2/tweets/counts/all`
pub(super) fn counts(call: &Call<'_>, terms: &Terms, archive: bool) -> Result<Answer, Problem> {
    let query = call.param("query").unwrap_or_default();
    if query.is_empty() || query.len() > 512 {
        return Err(Problem::invalid(
            "query",
            query,
            "The `query` query parameter is missing or too long".into(),
        ));
    }
    let step = match call.param("granularity") {
        Some("minute") => 60,
        Some("hour") | None => HOUR,
        Some("day") => DAY,
        Some(other) => {
            let message =
                format!("The `granularity` query parameter value [{other}] is not one of [minute,hour,day]");
            return Err(Problem::invalid("granularity", other, message));
        }
    };
    let now = call.now.as_second();
    let reach = if archive { 30 } else { 7 };
    let end = instant(call, "end_time")?.map_or(now - 30, Timestamp::as_second);
    let mut start = instant(call, "start_time")?.map_or(end - reach * DAY, Timestamp::as_second);
    if !archive && start < now - 7 * DAY - 60 {
        let text = call.param("start_time").unwrap_or_default();
        let message = format!("Invalid 'start_time':'{text}'. 'start_time' must be on or after a week ago");
        return Err(Problem::invalid("start_time", text, message));
    }
    let mut page_end = end;
    if archive {
        // The archive goes back in time, so many days a page.
        if let Some(place) = call.param("next_token").and_then(|token| Place::read(TOKEN, token)) {
            page_end = place.anchor;
        }
        start = start.max(page_end - ARCHIVE_DAYS * DAY);
    }
    let wanted = instant(call, "start_time")?.map_or(start, Timestamp::as_second);
    let next = (archive && start > wanted).then_some(Place { anchor: start, offset: 0, again: 0 });
    let price = if archive { price::ALL_COUNTS } else { price::COUNTS };
    call.desk.ledger.bill(1, price, call.clock);
    let buckets = buckets(start, page_end, step);
    Ok(Answer::json(200, write_counts(call, terms, query, &buckets, next)))
}

fn write_counts(
    call: &Call<'_>,
    terms: &Terms,
    query: &str,
    buckets: &[(Timestamp, Timestamp)],
    next: Option<Place>,
) -> Vec<u8> {
    let named = query
        .split_whitespace()
        .find_map(|word| word.strip_prefix('@'))
        .and_then(|handle| call.world.find_handle(Network::X, handle));
    let mut total = 0;
    call.json().object(|root| {
        root.array("data", |list| {
            for (start, end) in buckets {
                let count = named.map_or(0, |profile| call.world.mentions_between(profile.key, *start, *end));
                let count = call.level(count);
                total += count;
                list.object(|o| {
                    o.text("start", &stamp(*start));
                    o.text("end", &stamp(*end));
                    o.int(terms.count, count);
                });
            }
        });
        root.object("meta", |meta| {
            meta.int(terms.total_count, total);
            if let Some(next) = next {
                meta.text("next_token", &next.write(TOKEN));
            }
        });
    })
}

/// Pieces that begin and end at whole steps, the first and the last cut where the window is.
fn buckets(start: i64, end: i64, step: i64) -> Vec<(Timestamp, Timestamp)> {
    let mut buckets = Vec::new();
    let mut from = start;
    while from < end {
        let to = ((from.div_euclid(step) + 1) * step).min(end);
        if let (Ok(a), Ok(b)) = (Timestamp::from_second(from), Timestamp::from_second(to)) {
            buckets.push((a, b));
        }
        from = to;
    }
    buckets
}

/// A field of a series: its name, the counter of the world that it is told of, and one in how many of it that it counts.
type Field = (&'static str, Counter, i64);

const POST_FIELDS: [Field; 19] = [
    ("impressions", Counter::Impressions, 1),
    ("likes", Counter::Likes, 1),
    ("retweets", Counter::Shares, 1),
    ("quote_tweets", Counter::Quotes, 1),
    ("replies", Counter::Comments, 1),
    ("bookmarks", Counter::Saves, 1),
    ("engagements", Counter::Engagements, 1),
    ("url_clicks", Counter::LinkClicks, 1),
    ("user_profile_clicks", Counter::ProfileClicks, 1),
    ("hashtag_clicks", Counter::HashtagClicks, 1),
    ("detail_expands", Counter::DetailExpands, 1),
    ("permalink_clicks", Counter::DetailExpands, 5),
    ("app_opens", Counter::LinkClicks, 9),
    ("email_tweet", Counter::Shares, 8),
    ("shares", Counter::Shares, 3),
    ("follows", Counter::FollowsGained, 1),
    ("unfollows", Counter::FollowsGained, 6),
    ("media_views", Counter::Plays, 1),
    ("unlikes", Counter::Likes, 1),
];
const MEDIA_FIELDS: [Field; 7] = [
    ("video_views", Counter::Plays, 1),
    ("playback_start", Counter::PlaysStart, 1),
    ("playback25", Counter::Plays25, 1),
    ("playback50", Counter::Plays50, 1),
    ("playback75", Counter::Plays75, 1),
    ("playback_complete", Counter::Completions, 1),
    ("watch_time_ms", Counter::WatchMillis, 1),
];

/// `/2/tweets/analytics`
pub(super) fn posts(call: &Call<'_>, caller: Caller) -> Result<Answer, Problem> {
    series(call, caller, "ids", "analytics.fields", &POST_FIELDS)
}

/// `/2/media/analytics`
pub(super) fn media(call: &Call<'_>, caller: Caller) -> Result<Answer, Problem> {
    series(call, caller, "media_keys", "media_analytics.fields", &MEDIA_FIELDS)
}

fn series(
    call: &Call<'_>,
    caller: Caller,
    parameter: &'static str,
    fields_parameter: &str,
    known: &[Field],
) -> Result<Answer, Problem> {
    if !call.desk.config.x.enterprise {
        return Err(Problem::not_enrolled(call));
    }
    let of_media = parameter == "media_keys";
    let ids = hundred(call, parameter)?;
    let missing =
        |key: &str| Problem::invalid(key, "", format!("The `{key}` query parameter can not be empty"));
    let start = instant(call, "start_time")?.ok_or_else(|| missing("start_time"))?;
    let end = instant(call, "end_time")?.ok_or_else(|| missing("end_time"))?;
    let granularity = call.param("granularity").unwrap_or(if of_media { "daily" } else { "total" });
    let step = match granularity {
        "hourly" => HOUR,
        "daily" => DAY,
        "weekly" if !of_media => 7 * DAY,
        "total" => i64::MAX,
        other => {
            let message = format!(
                "The `granularity` query parameter value [{other}] is not one of [hourly,daily,weekly,total]"
            );
            return Err(Problem::invalid("granularity", other, message));
        }
    };
    let wanted = call.list(fields_parameter);
    let fields: Vec<_> = known.iter().filter(|(name, ..)| wanted.contains(name)).copied().collect();
    let (start, end) = (start.as_second(), end.as_second().min(call.now.as_second()));
    let buckets = if step == i64::MAX { vec![(start, end)] } else { whole(start, end, step) };
    let mut problems = Vec::new();
    let mut found = Vec::new();
    for id in ids {
        let post = if of_media { id.split_once('_').map_or("", |(_, post)| post) } else { id };
        let facts = call.world.find_post(Network::X, post).map(|key| call.world.post(key));
        match facts.filter(|facts| facts.stands_at(call.now) && (!of_media || facts.video_millis.is_some())) {
            None => {
                let kind = if of_media { "media" } else { "tweet" };
                problems.push(Partial::NotFound(kind, parameter, id.to_owned()));
            }
            Some(facts) if caller.account() != Some(facts.key.account) => {
                problems.push(Partial::Resource { post: id.to_owned(), parameter });
            }
            Some(facts) => found.push((id, facts)),
        }
    }
    let body = call.json().object(|root| {
        root.array("data", |list| {
            for (id, facts) in &found {
                list.object(|o| {
                    o.text(if of_media { "media_key" } else { "id" }, id);
                    write_series(o, call, facts, &buckets, &fields);
                });
            }
        });
        write_partial(root, &problems);
    });
    Ok(Answer::json(200, body))
}

fn whole(start: i64, end: i64, step: i64) -> Vec<(i64, i64)> {
    buckets(start, end, step).iter().map(|(a, b)| (a.as_second(), b.as_second())).collect()
}

fn write_series(
    o: &mut Object<'_>,
    call: &Call<'_>,
    facts: &PostFacts,
    buckets: &[(i64, i64)],
    fields: &[Field],
) {
    let reading = |second: i64| -> Counters {
        let at = Timestamp::from_second(second).unwrap_or(call.now);
        let split = call.world.counters_at(facts, at).unwrap_or_default();
        if call.faults.silent_zeros { Counters::default() } else { split.total() }
    };
    o.array("timestamped_metrics", |list| {
        for (start, end) in buckets {
            let published = facts.published_at.as_second();
            if *end <= published {
                continue;
            }
            let mut change = reading(*end);
            change -= reading(*start);
            list.object(|row| {
                row.text("timestamp", &stamp(Timestamp::from_second(*start).unwrap_or(call.now)));
                row.object("metrics", |m| {
                    for (name, counter, one_in) in fields {
                        let value = change[*counter] / one_in;
                        m.int(name, if *name == "unlikes" { (-value).max(0) } else { value.max(0) });
                    }
                });
            });
        }
    });
}
