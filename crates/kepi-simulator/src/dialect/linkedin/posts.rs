//! Posts of an organization: the list, their statistics, reactions, video.

use jiff::{SignedDuration, Timestamp};

use super::{Asked, Fault, Intervals, Value, organization::finder, urn_of, write_paging, write_range};
use crate::{
    Counter, Counters, Format, Network, PostFacts,
    call::{Call, shared},
    json::{Array, Object},
};

fn urn(call: &Call<'_>, post: &PostFacts) -> String {
    let kind = if post.format == Format::Video { "ugcPost" } else { "share" };
    format!("urn:li:{kind}:{}", call.world.post_id(post.key))
}

/// The caller's own standing post of a URN.
fn find(asked: &Asked<'_, '_>, text: &str) -> Option<PostFacts> {
    let (_, id) = text.strip_prefix("urn:li:")?.split_once(':')?;
    let post = asked.call.world.post(asked.call.world.find_post(Network::Linkedin, id)?);
    let own = post.key.account == asked.own.key && post.stands_at(asked.call.now);
    (own && urn(asked.call, &post) == text).then_some(post)
}

/// `/rest/posts?q=author`
pub(super) fn list(asked: &Asked<'_, '_>) -> Result<Vec<u8>, Fault> {
    if asked.text("q") != Some("author") {
        return Err(Fault::bad("Unknown finder"));
    }
    asked.organization("author")?;
    if !matches!(asked.text("sortBy"), None | Some("LAST_MODIFIED" | "CREATED")) {
        return Err(Fault::bad("Invalid sortBy"));
    }
    let (start, count) = (asked.number("start", 0)?, asked.number("count", 10)?);
    if !(1..=100).contains(&count) {
        return Err(Fault::bad("count must be between 1 and 100"));
    }
    let (call, own) = (asked.call, asked.own);
    let standing =
        call.posts(own.key, Timestamp::MIN, Timestamp::MAX).rev().filter(|post| post.stands_at(call.now));
    let mut left = standing.skip(start).peekable();
    let page: Vec<PostFacts> =
        if call.faults.empty_page { Vec::new() } else { left.by_ref().take(count).collect() };
    let next = left.peek().is_some().then(|| {
        let at = if call.faults.repeated_cursor { start } else { start + page.len() };
        let author = urn_of(own).replace(':', "%3A");
        format!("/rest/posts?author={author}&count={count}&q=author&start={at}")
    });
    Ok(call.json().object(|root| {
        write_paging(root, start, count, next);
        root.array("elements", |list| {
            for post in &page {
                list.object(|o| write(o, asked, post));
            }
        });
    }))
}

fn write(o: &mut Object<'_>, asked: &Asked<'_, '_>, post: &PostFacts) {
    let (call, at) = (asked.call, post.published_at.as_millisecond());
    let words = call.world.words(post);
    let number = call.world.post_number(post.key);
    o.text("id", &urn(call, post));
    o.text("author", &urn_of(asked.own));
    o.text("commentary", &words.text);
    let media = |content: &mut Object<'_>, kind: &str| {
        content.object("media", |m| {
            m.text("id", &format!("urn:li:{kind}:C4E{number:06}"));
            m.text("title", &words.title);
        });
    };
    match post.format {
        Format::Video => o.object("content", |content| media(content, "video")),
        Format::Image => o.object("content", |content| media(content, "image")),
        Format::Link => o.object("content", |content| {
            content.object("article", |a| {
                a.text("source", "https://brand.example/a");
                a.text("title", &words.title);
            });
        }),
        Format::Poll => o.object("content", |content| {
            write_poll(content, call.counters(post).organic[Counter::LinkClicks])
        }),
        _ => {}
    }
    o.int("createdAt", at);
    o.int("publishedAt", at);
    o.int("lastModifiedAt", at + 5000);
    o.text("lifecycleState", "PUBLISHED");
    o.object("lifecycleStateInfo", |info| info.flag("isEditedByAuthor", false));
    o.text("visibility", "PUBLIC");
    o.object("distribution", |d| {
        d.text("feedDistribution", "MAIN_FEED");
        d.array("thirdPartyDistributionChannels", |_| {});
    });
    o.flag("isReshareDisabledByAuthor", false);
}

fn write_poll(content: &mut Object<'_>, votes: i64) {
    let [yes, no] = shared(votes, [0.6, 0.4]);
    content.object("poll", |poll| {
        poll.text("question", "Which one?");
        poll.array("options", |list| {
            for (text, count) in [("This", yes), ("That", no)] {
                list.object(|o| {
                    o.text("text", text);
                    o.int("voteCount", count);
                    o.flag("isVotedByViewer", false);
                });
            }
        });
        poll.int("uniqueVotersCount", votes);
        poll.object("settings", |s| s.text("duration", "ONE_WEEK"));
    });
}

/// `/rest/organizationalEntityShareStatistics`: of days, of all time, or of posts; organic only.
pub(super) fn statistics(asked: &Asked<'_, '_>) -> Result<Vec<u8>, Fault> {
    finder(asked, "organizationalEntity")?;
    if asked.params.get("shares").is_some() || asked.params.get("ugcPosts").is_some() {
        return of_posts(asked);
    }
    match asked.intervals()? {
        Some(intervals) => Ok(of_days(asked, &intervals)),
        None => Ok(of_all_time(asked)),
    }
}

fn of_days(asked: &Asked<'_, '_>, intervals: &Intervals) -> Vec<u8> {
    let (call, own) = (asked.call, asked.own);
    call.json().object(|root| {
        write_paging(root, 0, 10, None);
        root.array("elements", |list| {
            for (from, to) in &intervals.pieces {
                let mut sum = Counters::default();
                let span = kepi_core::DateSpan::new(*from, *to);
                if call.told_days(own.key, span).next().is_none() {
                    continue;
                }
                for date in span.iter() {
                    sum += call.day(own.key, date).content.organic;
                }
                list.object(|o| {
                    write_range(o, (*from, *to));
                    o.object("totalShareStatistics", |s| {
                        // The longer the window, the more people come back.
                        let unique = sum[Counter::Reach] * 20 / (19 + i64::from(span.days()));
                        write_statistics(s, &sum, unique);
                    });
                    o.text("organizationalEntity", &urn_of(own));
                });
            }
        });
    })
}

fn of_all_time(asked: &Asked<'_, '_>) -> Vec<u8> {
    let (call, own) = (asked.call, asked.own);
    let all = call.world.content_between(own.key, Timestamp::UNIX_EPOCH, call.now).organic;
    let all = if call.faults.silent_zeros { Counters::default() } else { all };
    let mentions = call.level(call.world.mentions_between(own.key, call.world.config().start, call.now));
    let [of_posts, of_comments] = shared(mentions, [0.7, 0.3]);
    call.json().object(|root| {
        write_paging(root, 0, 10, None);
        root.array("elements", |list| {
            list.object(|o| {
                o.object("totalShareStatistics", |s| {
                    write_statistics(s, &all, all[Counter::Reach] / 3);
                    s.int("shareMentionsCount", of_posts);
                    s.int("commentMentionsCount", of_comments);
                });
                o.text("organizationalEntity", &urn_of(own));
            });
        });
    })
}

fn clicks(c: &Counters) -> i64 {
    c[Counter::LinkClicks] + c[Counter::ProfileClicks]
}

fn write_statistics(s: &mut Object<'_>, c: &Counters, unique: i64) {
    let deeds = clicks(c) + c[Counter::Likes] + c[Counter::Comments] + c[Counter::Shares];
    let shown = c[Counter::Impressions];
    s.int("impressionCount", shown);
    s.int("uniqueImpressionsCount", unique);
    s.int("clickCount", clicks(c));
    s.int("likeCount", c[Counter::Likes]);
    s.int("commentCount", c[Counter::Comments]);
    s.int("shareCount", c[Counter::Shares]);
    s.bare("engagement", if shown == 0 { 0.0 } else { deeds as f64 / shown as f64 });
}

/// Posts without activity are left out, as are those that are too old where that is switched on.
fn of_posts(asked: &Asked<'_, '_>) -> Result<Vec<u8>, Fault> {
    let call = asked.call;
    let mut posts = Vec::new();
    for key in ["shares", "ugcPosts"] {
        let Some(value) = asked.params.get(key) else { continue };
        let urns = value.texts().ok_or_else(|| Fault::bad(format!("Invalid value for parameter {key}")))?;
        if urns.len() > 100 {
            return Err(Fault::bad(format!("Too many values for parameter {key}")));
        }
        let kind = if key == "shares" { "urn:li:share:" } else { "urn:li:ugcPost:" };
        for text in urns {
            if !text.starts_with(kind) {
                return Err(Fault::bad(format!("Invalid URN {text} for parameter {key}")));
            }
            posts.extend(find(asked, text));
            if foreign(asked, text) {
                return Err(Fault::bad(format!("{text} does not belong to the organization")));
            }
        }
    }
    let told = |post: &PostFacts| {
        let days = call.desk.config.linkedin.silent_after_days;
        days.is_none_or(|days| {
            call.now.duration_since(post.published_at) <= SignedDuration::from_hours(24 * i64::from(days))
        })
    };
    Ok(call.json().object(|root| {
        write_paging(root, 0, 10, None);
        root.array("elements", |list| {
            for post in posts.iter().filter(|post| told(post)) {
                let organic = call.counters(post).organic;
                if organic[Counter::Impressions] == 0 && !call.faults.silent_zeros {
                    continue;
                }
                list.object(|o| {
                    let name = if post.format == Format::Video { "ugcPost" } else { "share" };
                    o.text(name, &urn(call, post));
                    o.text("organizationalEntity", &urn_of(asked.own));
                    o.object("totalShareStatistics", |s| {
                        write_statistics(s, &organic, organic[Counter::Reach])
                    });
                });
            }
        });
    }))
}

/// Whether a URN names a post of another organization.
fn foreign(asked: &Asked<'_, '_>, text: &str) -> bool {
    let id = text.rsplit(':').next().unwrap_or_default();
    asked.call.world.find_post(Network::Linkedin, id).is_some_and(|key| key.account != asked.own.key)
}

/// `/rest/socialMetadata/{urn}` and `/rest/socialMetadata?ids=List(…)`
pub(super) fn social(asked: &Asked<'_, '_>, key: Option<&str>) -> Result<Vec<u8>, Fault> {
    let call = asked.call;
    if let Some(text) = key {
        let post = find(asked, text)
            .ok_or_else(|| Fault::new(404, 0, "NOT_FOUND", format!("Entity {text} not found")))?;
        return Ok(call.json().object(|root| write_social(root, call, &post)));
    }
    if call.desk.config.linkedin.development {
        return Err(Fault::spent());
    }
    let ids = asked
        .params
        .get("ids")
        .and_then(Value::texts)
        .ok_or_else(|| Fault::bad("Parameter ids is required"))?;
    let found: Vec<(&str, Option<PostFacts>)> = ids.iter().map(|id| (*id, find(asked, id))).collect();
    Ok(call.json().object(|root| {
        root.map("results", |results| {
            for (id, post) in &found {
                if let Some(post) = post {
                    results.object(id, |o| write_social(o, call, post));
                }
            }
        });
        root.map("statuses", |statuses| {
            for (id, post) in &found {
                statuses.int(id, if post.is_some() { 200 } else { 404 });
            }
        });
        root.map("errors", |errors| {
            for (id, _) in found.iter().filter(|(_, post)| post.is_none()) {
                errors.object(id, |o| {
                    o.int("status", 404);
                    o.text("message", "not found");
                });
            }
        });
    }))
}

fn write_social(o: &mut Object<'_>, call: &Call<'_>, post: &PostFacts) {
    // What everybody sees under a post, whatever brought those people.
    let total = call.counters(post).total();
    let comments = total[Counter::Comments];
    o.text("entity", &urn(call, post));
    o.text("commentsState", "OPEN");
    o.object("commentSummary", |c| {
        c.int("count", comments);
        c.int("topLevelCount", comments * 3 / 4);
    });
    o.map("reactionSummaries", |reactions| {
        let parts = shared(total[Counter::Likes], [0.8, 0.12, 0.05, 0.03]);
        for (kind, count) in ["LIKE", "PRAISE", "EMPATHY", "INTEREST"].into_iter().zip(parts) {
            if count > 0 {
                reactions.object(kind, |r| {
                    r.text("reactionType", kind);
                    r.int("count", count);
                });
            }
        }
    });
}

/// `/rest/videoAnalytics`: the one series of a post.
pub(super) fn video(asked: &Asked<'_, '_>) -> Result<Vec<u8>, Fault> {
    let call = asked.call;
    let bad = |words: &str| Fault::bad(words.to_owned());
    let text = asked.text("entity").ok_or_else(|| bad("Parameter entity is required"))?;
    let post = find(asked, text).filter(|post| post.video_millis.is_some());
    let post = post.ok_or_else(|| bad("Invalid entity"))?;
    let kind = asked.text("type").ok_or_else(|| bad("Parameter type is required"))?;
    let value: fn(&Counters) -> i64 = match kind {
        "VIDEO_VIEW" => |c| c[Counter::Plays3s],
        "VIEWER" => |c| c[Counter::PlaysStart],
        "TIME_WATCHED" => |c| c[Counter::WatchMillis],
        "TIME_WATCHED_FOR_VIDEO_VIEWS" => |c| c[Counter::WatchMillis] * 9 / 10,
        _ => return Err(bad("Invalid type")),
    };
    let row = |list: &mut Array<'_>, range: Option<(jiff::civil::Date, jiff::civil::Date)>, value: i64| {
        list.object(|o| {
            o.text("entity", text);
            o.text("statisticsType", kind);
            if let Some(range) = range {
                write_range(o, range);
            }
            o.int("value", value);
        });
    };
    let organic_until = |date| {
        let (start, _) = call.world.day_bounds(asked.own.key, date);
        let split = call.world.counters_at(&post, start.min(call.now)).unwrap_or_default();
        if call.faults.silent_zeros { Counters::default() } else { split.organic }
    };
    let pieces = match asked.text("aggregation") {
        None | Some("ALL") => None,
        Some(grain @ ("DAY" | "WEEK")) => {
            let range =
                asked.params.get("timeRange").ok_or_else(|| bad("Parameter timeRange is required"))?;
            Some(Intervals::of(call, range, grain, 183)?.pieces)
        }
        Some(_) => return Err(bad("Invalid aggregation")),
    };
    Ok(call.json().object(|root| {
        write_paging(root, 0, 10, None);
        root.array("elements", |list| match pieces {
            None => row(list, None, value(&call.counters(&post).organic)),
            Some(pieces) => {
                for (from, to) in pieces {
                    let change = value(&organic_until(to)) - value(&organic_until(from));
                    row(list, Some((from, to)), change);
                }
            }
        });
    }))
}
