//! Posts of Weibo: the five newest, counts by id, mentions, comments.

use jiff::{Timestamp, tz::Offset};
use kepi_core::period::add_days;

use super::{BAD_PARAMETER, Fault, NO_SUCH_POST, NOT_YOURS, TOO_MANY_IDS, stamp};
use crate::{
    Counter, Format, Network, PostFacts, Profile,
    call::Call,
    json::{Array, Object},
};

/// The timeline gives no more, whatever is asked.
const NEWEST: usize = 5;
/// Mentions that can be walked through.
const MENTIONS: usize = 2000;
/// Only mentions by users who authorised the application are shown: one in so many.
const SHOWN_MENTION: usize = 3;

/// Posts of an account that stand now, newest first.
pub(super) fn standing(call: &Call<'_>, profile: &Profile) -> impl Iterator<Item = PostFacts> {
    let now = call.now;
    let posts: Vec<_> = call.posts(profile.key, Timestamp::MIN, Timestamp::MAX).collect();
    posts.into_iter().rev().filter(move |post| post.stands_at(now))
}

/// Writes a post, with its author where one is given.
pub(super) fn write(o: &mut Object<'_>, call: &Call<'_>, post: &PostFacts, author: Option<&Profile>) {
    let id = call.world.post_id(post.key);
    let total = call.counters(post).total();
    o.text("created_at", &stamp(post.published_at));
    o.bare("id", &id);
    o.text("mid", &id);
    o.text("idstr", &id);
    o.text("text", &call.world.words(post).text);
    o.text("source", "<a href=\"http://weibo.com/\" rel=\"nofollow\">微博网页版</a>");
    o.flag("favorited", false);
    o.flag("truncated", false);
    o.text("in_reply_to_status_id", "");
    o.text("in_reply_to_user_id", "");
    o.text("in_reply_to_screen_name", "");
    o.bare("geo", "null");
    o.array("pic_urls", |list| {
        if post.format == Format::Image {
            list.object(|p| p.text("thumbnail_pic", "http://wx1.sinaimg.cn/thumbnail/example.jpg"));
        }
    });
    if let Some(author) = author {
        o.object("user", |user| super::write_user(user, author));
    }
    o.int("reposts_count", total[Counter::Shares]);
    o.int("comments_count", total[Counter::Comments]);
    o.int("attitudes_count", total[Counter::Likes]);
    o.int("mlevel", 0);
    o.object("visible", |v| {
        v.int("type", 0);
        v.int("list_id", 0);
    });
}

/// A whole number that may be left out.
fn number(call: &Call<'_>, key: &str) -> Result<Option<u64>, Fault> {
    call.param(key).map(str::parse).transpose().map_err(|_| BAD_PARAMETER)
}

/// What a walk through ids asks for.
struct Walk {
    since: u64,
    max: u64,
    count: usize,
    skip: usize,
}

impl Walk {
    fn of(call: &Call<'_>, default: usize, most: usize) -> Result<Self, Fault> {
        let count = number(call, "count")?.unwrap_or(default as u64) as usize;
        let page = number(call, "page")?.unwrap_or(1).max(1) as usize;
        let count = count.clamp(1, most);
        Ok(Self {
            since: number(call, "since_id")?.unwrap_or(0),
            max: number(call, "max_id")?.filter(|max| *max > 0).unwrap_or(u64::MAX),
            count,
            skip: (page - 1) * count,
        })
    }

    /// The page of items that come newest first, and the id at which the next begins; 0 at the end.
    fn page<T>(&self, call: &Call<'_>, items: impl Iterator<Item = (u64, T)>) -> (Vec<(u64, T)>, u64) {
        let mut left = items.filter(|(id, _)| *id > self.since && *id <= self.max).skip(self.skip).peekable();
        // A walk goes on by an id, so that only the first of its pages can be empty without going round.
        if call.faults.empty_page && self.max == u64::MAX {
            return (Vec::new(), left.peek().map_or(0, |(id, _)| *id));
        }
        let page: Vec<_> = left.by_ref().take(self.count).collect();
        let next = left.peek().map_or(0, |(id, _)| *id);
        let again = page.first().map_or(next, |(id, _)| *id);
        let next = if call.faults.repeated_cursor && next != 0 { again } else { next };
        (page, next)
    }
}

fn post_id(call: &Call<'_>, post: &PostFacts) -> u64 {
    call.world.post_id(post.key).parse().unwrap_or(0)
}

fn envelope<T>(
    call: &Call<'_>,
    name: &str,
    (page, next): (Vec<(u64, T)>, u64),
    total: i64,
    mut write: impl FnMut(&mut Array<'_>, u64, &T),
) -> Vec<u8> {
    call.json().object(|root| {
        root.array(name, |list| {
            for (id, item) in &page {
                write(list, *id, item);
            }
        });
        root.int("previous_cursor", 0);
        root.bare("next_cursor", next);
        root.int("total_number", total);
    })
}

fn of_feature(post: &PostFacts, feature: Option<&str>) -> bool {
    match feature {
        Some("2") => post.format == Format::Image,
        Some("3") => post.format == Format::Video,
        Some("4") => false,
        _ => true,
    }
}

/// `statuses/user_timeline` and its `ids`
pub(super) fn timeline(call: &Call<'_>, own: &Profile, ids: bool) -> Result<Vec<u8>, Fault> {
    let named = call.param("uid").is_some() || call.param("screen_name").is_some();
    if named && super::find(call)?.key != own.key {
        return Err(NOT_YOURS);
    }
    let walk = Walk::of(call, 20, 100)?;
    let feature = call.param("feature");
    let newest = standing(call, own).take(NEWEST).filter(|post| of_feature(post, feature));
    let page = walk.page(call, newest.map(|post| (post_id(call, &post), post)));
    let total = call.world.posts_standing(own.key, call.now);
    Ok(envelope(call, "statuses", page, total, |list, id, post| {
        if ids {
            list.text(&id.to_string());
        } else {
            list.object(|o| write(o, call, post, Some(own)));
        }
    }))
}

/// `statuses/user_timeline/biz`: all of the account's own.
pub(super) fn whole_timeline(call: &Call<'_>, own: &Profile) -> Result<Vec<u8>, Fault> {
    let walk = Walk::of(call, 20, 100)?;
    let feature = call.param("feature");
    let all = standing(call, own).filter(|post| of_feature(post, feature));
    let page = walk.page(call, all.map(|post| (post_id(call, &post), post)));
    let total = call.world.posts_standing(own.key, call.now);
    Ok(envelope(call, "statuses", page, total, |list, _, post| {
        list.object(|o| write(o, call, post, Some(own)));
    }))
}

/// `statuses/show`
pub(super) fn show(call: &Call<'_>, own: &Profile) -> Result<Vec<u8>, Fault> {
    let post = one(call, own)?;
    Ok(call.json().object(|root| write(root, call, &post, Some(own))))
}

fn one(call: &Call<'_>, own: &Profile) -> Result<PostFacts, Fault> {
    let id = call.param("id").ok_or((400, 20109, "weibo id is null"))?;
    let post = find(call, id).ok_or(NO_SUCH_POST)?;
    if post.key.account == own.key { Ok(post) } else { Err((403, 20102, "not your own weibo")) }
}

fn find(call: &Call<'_>, id: &str) -> Option<PostFacts> {
    let post = call.world.post(call.world.find_post(Network::Weibo, id)?);
    post.stands_at(call.now).then_some(post)
}

/// Posts by ids; those that are gone are left out without a word.
pub(super) fn by_ids(call: &Call<'_>) -> Result<Vec<PostFacts>, Fault> {
    let ids = call.list("ids");
    match ids.len() {
        0 => Err((400, 20001, "ids is null")),
        1..=100 => Ok(ids.iter().filter_map(|id| find(call, id)).collect()),
        _ => Err(TOO_MANY_IDS),
    }
}

/// `statuses/count`
pub(super) fn counts(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let posts = by_ids(call)?;
    Ok(call.json().array(|list| {
        for post in &posts {
            let total = call.counters(post).total();
            list.object(|o| {
                let id = call.world.post_id(post.key);
                o.bare("id", &id);
                o.text("idstr", &id);
                o.int("comments", total[Counter::Comments]);
                o.int("reposts", total[Counter::Shares]);
                o.int("attitudes", total[Counter::Likes]);
                o.object("number_display_strategy", |s| {
                    s.int("apply_scenario_flag", 3);
                    s.int("display_text_min_number", 1_000_000);
                    s.text("display_text", "100万+");
                });
            });
        }
    }))
}

/// Mentions of an account, newest first, by their ids: one in so many of all.
fn mention_list(call: &Call<'_>, own: &Profile, one_in: usize) -> Vec<(u64, Timestamp)> {
    let mut mentions = Vec::new();
    let mut day = Offset::constant(8).to_datetime(call.now).date();
    for _ in 0..60 {
        let times = call.world.mention_times(own.key, day);
        for (number, at) in times.iter().enumerate().rev().filter(|(_, at)| **at < call.now) {
            if number % one_in == 0 && mentions.len() < MENTIONS {
                let id = 5_200_000_000_000_000 + at.as_second().unsigned_abs() * 1000 + number as u64 % 1000;
                mentions.push((id, *at));
            }
        }
        day = add_days(day, -1);
    }
    mentions
}

/// `statuses/mentions`
pub(super) fn mentions(call: &Call<'_>, own: &Profile) -> Result<Vec<u8>, Fault> {
    mentioned(call, own, SHOWN_MENTION)
}

/// `statuses/mentions/biz`: whoever wrote them.
pub(super) fn all_mentions(call: &Call<'_>, own: &Profile) -> Result<Vec<u8>, Fault> {
    mentioned(call, own, 1)
}

fn mentioned(call: &Call<'_>, own: &Profile, one_in: usize) -> Result<Vec<u8>, Fault> {
    let walk = Walk::of(call, 20, 200)?;
    let all = mention_list(call, own, one_in);
    let total = all.len() as i64;
    let page = walk.page(call, all.into_iter());
    Ok(envelope(call, "statuses", page, total, |list, id, at| {
        list.object(|o| {
            o.text("created_at", &stamp(*at));
            o.bare("id", id);
            o.shown("mid", id);
            o.shown("idstr", id);
            o.text("text", &format!("@{} 好喜欢", own.name));
            o.object("user", |user| {
                user.int("id", 2_200_000_002);
                user.text("idstr", "2200000002");
                user.text("screen_name", "路人甲");
            });
            o.int("reposts_count", 0);
            o.int("comments_count", 1);
            o.int("attitudes_count", 3);
        });
    }))
}

/// `comments/show`
pub(super) fn comments(call: &Call<'_>, own: &Profile) -> Result<Vec<u8>, Fault> {
    let post = one(call, own)?;
    let walk = Walk::of(call, 50, 200)?;
    let total = call.counters(&post).total()[Counter::Comments];
    let base = post_id(call, &post) * 100;
    let all = (0..total.unsigned_abs()).rev().map(|n| (base + n + 1, n));
    let page = walk.page(call, all);
    Ok(envelope(call, "comments", page, total, |list, id, n| {
        let at = post.published_at.as_second() + 600 + *n as i64 * 60;
        list.object(|o| {
            o.text("created_at", &stamp(Timestamp::from_second(at).unwrap_or(call.now)));
            o.bare("id", id);
            o.shown("idstr", id);
            o.shown("mid", id);
            o.text("text", "好看");
            o.object("user", |user| {
                user.int("id", 2_200_000_002);
                user.text("idstr", "2200000002");
                user.text("screen_name", "路人甲");
            });
            o.object("status", |status| status.bare("id", call.world.post_id(post.key)));
        });
    }))
}
