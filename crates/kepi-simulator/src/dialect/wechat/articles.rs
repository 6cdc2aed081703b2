//! Articles of an Official Account: the series since November 2025, which counts people, and the one before.

use jiff::{Timestamp, civil::Date};
use kepi_core::{DateSpan, period::add_days};

use crate::{
    Counter, Counters, PostFacts, Profile,
    call::Call,
    json::{Array, Object},
};

/// Cumulative rows go on for so many days after publishing; in the old series fewer.
const DETAIL_DAYS: i32 = 30;
const OLD_DETAIL_DAYS: i32 = 7;

/// Ways into an article, and the share of its readers that took each; people may take several.
pub const SCENES: [(&str, f64); 7] = [
    ("公众号消息", 0.43),
    ("聊天会话", 0.13),
    ("朋友圈", 0.1),
    ("公众号主页", 0.06),
    ("推荐", 0.26),
    ("搜一搜", 0.04),
    ("其他", 0.02),
];

fn write_readers(o: &mut Object<'_>, counters: &Counters) {
    let readers = counters[Counter::Readers];
    o.int("read_user", readers);
    o.array("read_user_source", |list| {
        let mut row = |scene: &str, count: i64| {
            list.object(|o| {
                o.int("user_count", count);
                o.text("scene_desc", scene);
            });
        };
        row("全部", readers);
        for (scene, share) in SCENES {
            let count = (readers as f64 * share) as i64;
            if count > 0 {
                row(scene, count);
            }
        }
    });
}

fn write_deeds(o: &mut Object<'_>, counters: &Counters) {
    o.int("share_user", counters[Counter::ShareUsers]);
    o.int("zaikan_user", counters[Counter::Zaikan]);
    o.int("like_user", counters[Counter::Likes]);
    o.int("comment_count", counters[Counter::Comments]);
    o.int("collection_user", counters[Counter::Saves]);
}

/// `getbizsummary`
pub(super) fn account_days(call: &Call<'_>, profile: &Profile, days: DateSpan, list: &mut Array<'_>) {
    for date in call.told_days(profile.key, days) {
        let day = call.day(profile.key, date);
        let total = day.content.total();
        list.object(|row| {
            row.shown("ref_date", date);
            row.object("detail", |o| {
                write_readers(o, &total);
                write_deeds(o, &total);
                o.int("redirect_ori_page_user", total[Counter::LinkClicks]);
                o.int("send_page_count", day.flows.posts_published);
            });
        });
    }
}

/// Articles that had something on a day, whenever they were published.
fn moved(call: &Call<'_>, profile: &Profile, date: Date, counter: Counter) -> Vec<(PostFacts, Counters)> {
    let (_, end) = super::bounds(call, profile, date);
    call.posts(profile.key, Timestamp::MIN, end)
        .map(|post| (post, call.total_on(&post, date)))
        .filter(|(_, counters)| counters[counter] > 0)
        .collect()
}

/// `getarticleread`
pub(super) fn reads(call: &Call<'_>, profile: &Profile, days: DateSpan, list: &mut Array<'_>) {
    for (post, counters) in moved(call, profile, days.start, Counter::Readers) {
        list.object(|row| {
            row.shown("ref_date", days.start);
            row.text("msgid", &call.world.post_id(post.key));
            row.object("detail", |o| write_readers(o, &counters));
        });
    }
}

/// `getarticleshare`
pub(super) fn shares(call: &Call<'_>, profile: &Profile, days: DateSpan, list: &mut Array<'_>) {
    for (post, counters) in moved(call, profile, days.start, Counter::ShareUsers) {
        list.object(|row| {
            row.shown("ref_date", days.start);
            row.text("msgid", &call.world.post_id(post.key));
            row.object("detail", |o| o.int("share_user", counters[Counter::ShareUsers]));
        });
    }
}

fn published_on(call: &Call<'_>, profile: &Profile, date: Date) -> Vec<PostFacts> {
    let (start, end) = super::bounds(call, profile, date);
    call.posts(profile.key, start, end).collect()
}

/// The days of which rows exist: from the day of publishing, to yesterday at most.
fn told_days(call: &Call<'_>, published: Date, most: i32) -> DateSpan {
    let (today, hour) = call.beijing();
    let ready = if hour >= super::READY_HOUR { today } else { add_days(today, -1) };
    DateSpan::new(published, ready.min(add_days(published, most)))
}

/// `getarticletotaldetail`
pub(super) fn totals(call: &Call<'_>, profile: &Profile, days: DateSpan, list: &mut Array<'_>) {
    for post in published_on(call, profile, days.start) {
        let id = call.world.post_id(post.key);
        list.object(|row| {
            row.shown("ref_date", days.start);
            row.text("msgid", &id);
            row.int("publish_type", i64::from(post.key.index % 4 == 3));
            row.text("title", &call.world.words(&post).title);
            row.text("content_url", &url(&id));
            row.array("detail_list", |rows| {
                for date in told_days(call, days.start, DETAIL_DAYS).iter() {
                    let (_, end) = super::bounds(call, profile, date);
                    let counters = call.total_until(&post, end);
                    rows.object(|o| write_detail(o, call, profile, &post, date, &counters));
                }
            });
        });
    }
}

fn write_detail(
    o: &mut Object<'_>,
    call: &Call<'_>,
    profile: &Profile,
    post: &PostFacts,
    date: Date,
    counters: &Counters,
) {
    o.shown("stat_date", date);
    write_readers(o, counters);
    write_deeds(o, counters);
    o.int("praise_money", counters[Counter::Likes] / 20 * 100);
    o.int("read_subscribe_user", counters[Counter::FollowsGained]);
    let delivered = call.world.followers_at(profile.key, post.published_at).max(1);
    let finished = 0.45 + f64::from(post.key.index % 30) / 100.0;
    let by_message = (counters[Counter::Readers] as f64 * SCENES[0].1) as i64;
    o.bare("read_delivery_rate", format_args!("{:.4}", by_message as f64 / delivered as f64));
    o.bare("read_finish_rate", format_args!("{finished:.4}"));
    o.bare("read_avg_activetime", format_args!("{:.4}", finished * 1.7));
    o.array("read_jump_position", |list| {
        let left = [0.5, 0.22, 0.16, 0.12].map(|share| share * (1.0 - finished));
        for (position, rate) in (1..).zip(left.into_iter().chain([finished])) {
            list.object(|row| {
                row.int("position", position);
                row.bare("rate", format_args!("{rate:.2}"));
            });
        }
    });
}

fn url(msgid: &str) -> String {
    let (message, index) = msgid.split_once('_').unwrap_or((msgid, "1"));
    format!("http://mp.weixin.qq.com/s?__biz=MzA5ExampleBiz==&mid={message}&idx={index}&sn=0a1b2c3d")
}

/// `freepublish/batchget`: newest first, what was published without a push.
pub(super) fn published(
    call: &Call<'_>,
    profile: &Profile,
    body: &serde_json::Value,
) -> Result<Vec<u8>, (i64, &'static str)> {
    let (Some(offset), Some(count)) = (body["offset"].as_u64(), body["count"].as_u64()) else {
        return Err((40097, "invalid args"));
    };
    if !(1..=20).contains(&count) {
        return Err((40097, "invalid args"));
    }
    let all: Vec<PostFacts> = call
        .posts(profile.key, Timestamp::MIN, Timestamp::MAX)
        .rev()
        .filter(|post| post.key.index % 4 == 3)
        .collect();
    let page: Vec<&PostFacts> = all.iter().skip(offset as usize).take(count as usize).collect();
    Ok(call.json().object(|root| {
        root.int("total_count", all.len() as i64);
        root.int("item_count", page.len() as i64);
        root.array("item", |list| {
            for post in page {
                list.object(|o| write_published(o, call, post));
            }
        });
    }))
}

/// `comment/list`: its places of articles begin at zero, where the analytics begin at one. One comment in nine is
/// featured.
pub(super) fn comments(
    call: &Call<'_>,
    profile: &Profile,
    body: &serde_json::Value,
) -> Result<Vec<u8>, (i64, &'static str)> {
    if !call.desk.config.wechat.comments {
        return Err((88000, "without comment privilege"));
    }
    let number = |key: &str| body[key].as_u64().ok_or((40097, "invalid args"));
    let (message, index, begin) = (number("msg_data_id")?, number("index")?, number("begin")?);
    let (count, kind) = (number("count")?, number("type")?);
    if !(1..50).contains(&count) {
        return Err((88010, "count range error. cout <= 0 or count > 50"));
    }
    let id = format!("{message}_{}", index + 1);
    let found = call.world.find_post(profile.network, &id).map(|key| call.world.post(key));
    let ours = found.filter(|post| post.key.account == profile.key && post.stands_at(call.now));
    let post = ours.ok_or((88001, "msg_data is not exists"))?;
    let featured = |number: &i64| number % 9 == 8;
    let wanted = |number: &i64| match kind {
        1 => !featured(number),
        2 => featured(number),
        _ => true,
    };
    let all: Vec<i64> = (0..call.counters(&post).total()[Counter::Comments]).filter(wanted).collect();
    Ok(call.json().object(|root| {
        root.int("errcode", 0);
        root.text("errmsg", "ok");
        root.int("total", all.len() as i64);
        root.array("comment", |list| {
            for number in all.iter().skip(begin as usize).take(count as usize) {
                list.object(|o| {
                    o.int("user_comment_id", number + 1);
                    o.int("create_time", post.published_at.as_second() + 60 * (number + 1));
                    o.text("content", "好看!");
                    o.int("comment_type", i64::from(featured(number)));
                });
            }
        });
    }))
}

fn write_published(o: &mut Object<'_>, call: &Call<'_>, post: &PostFacts) {
    let id = call.world.post_id(post.key);
    let words = call.world.words(post);
    let at = post.published_at.as_second();
    o.text("article_id", &format!("SimArticle_{id}"));
    o.int("update_time", at);
    o.object("content", |content| {
        content.int("create_time", at);
        content.int("update_time", at);
        content.array("news_item", |items| {
            items.object(|item| {
                item.text("title", &words.title);
                item.text("author", "品牌组");
                item.text("digest", &words.text);
                item.text("content", "");
                item.text("content_source_url", "https://brand.example/");
                item.text("thumb_media_id", "THUMB_ID");
                item.int("need_open_comment", 1);
                item.int("only_fans_can_comment", 0);
                item.text("url", &url(&id));
                item.flag("is_deleted", !post.stands_at(call.now));
            });
        });
    });
}

/// Ways to a page in the old series: its word, its code, and the share of readers and reads that came by it.
const OLD_SOURCES: [(&str, i64, f64); 7] = [
    ("session", 0, 0.55),
    ("friends", 1, 0.12),
    ("feed", 2, 0.1),
    ("hist_msg", 4, 0.06),
    ("other", 5, 0.05),
    ("kanyikan", 6, 0.08),
    ("souyisou", 7, 0.04),
];

/// Where to it was shared, by its code.
const SHARE_SCENES: [(i64, f64); 3] = [(1, 0.6), (2, 0.3), (255, 0.1)];

/// From where it was shared to moments, of all shares.
const FEED_SHARES: [(&str, f64); 3] = [("session", 0.21), ("feed", 0.06), ("other", 0.03)];

fn part(count: i64, share: f64) -> i64 {
    (count as f64 * share) as i64
}

/// The pairs of people and times that the old series is made of, of a share of all.
fn write_old(o: &mut Object<'_>, counters: &Counters, share: f64) {
    let of = |counter: Counter| part(counters[counter], share);
    o.int("int_page_read_user", of(Counter::Readers));
    o.int("int_page_read_count", of(Counter::Reads));
    o.int("ori_page_read_user", of(Counter::LinkClicks) * 9 / 10);
    o.int("ori_page_read_count", of(Counter::LinkClicks));
    o.int("share_user", of(Counter::ShareUsers));
    o.int("share_count", of(Counter::Shares));
    o.int("add_to_fav_user", of(Counter::Saves));
    o.int("add_to_fav_count", of(Counter::Saves));
}

/// The old series knows only what was pushed.
fn was_pushed(post: &PostFacts) -> bool {
    post.key.index % 4 != 3
}

/// `getarticlesummary`: articles with fewer than three actions on the day are left out.
pub(super) fn old_summary(call: &Call<'_>, profile: &Profile, days: DateSpan, list: &mut Array<'_>) {
    let acted = [Counter::Readers, Counter::LinkClicks, Counter::ShareUsers, Counter::Saves];
    for (post, counters) in moved(call, profile, days.start, Counter::Readers) {
        if !was_pushed(&post) || acted.iter().map(|counter| counters[*counter]).sum::<i64>() < 3 {
            continue;
        }
        list.object(|row| {
            row.shown("ref_date", days.start);
            row.int("user_source", 0);
            row.text("msgid", &call.world.post_id(post.key));
            row.text("title", &call.world.words(&post).title);
            write_old(row, &counters, 1.0);
        });
    }
}

/// `getarticletotal`
pub(super) fn old_totals(call: &Call<'_>, profile: &Profile, days: DateSpan, list: &mut Array<'_>) {
    for post in published_on(call, profile, days.start).iter().filter(|post| was_pushed(post)) {
        list.object(|row| {
            row.shown("ref_date", days.start);
            row.text("msgid", &call.world.post_id(post.key));
            row.text("title", &call.world.words(post).title);
            row.array("details", |rows| {
                for date in told_days(call, days.start, OLD_DETAIL_DAYS).iter() {
                    let (_, end) = super::bounds(call, profile, date);
                    let counters = call.total_until(post, end);
                    rows.object(|o| {
                        o.shown("stat_date", date);
                        o.int("target_user", call.world.followers_at(profile.key, post.published_at));
                        write_old(o, &counters, 1.0);
                        write_origins(o, &counters);
                    });
                }
            });
        });
    }
}

fn write_origins(o: &mut Object<'_>, counters: &Counters) {
    for (source, _, share) in OLD_SOURCES {
        let (readers, reads) = (counters[Counter::Readers], counters[Counter::Reads]);
        o.int(&format!("int_page_from_{source}_read_user"), part(readers, share));
        o.int(&format!("int_page_from_{source}_read_count"), part(reads, share));
    }
    for (source, share) in FEED_SHARES {
        let (users, shares) = (counters[Counter::ShareUsers], counters[Counter::Shares]);
        o.int(&format!("feed_share_from_{source}_user"), part(users, share));
        o.int(&format!("feed_share_from_{source}_cnt"), part(shares, share));
    }
}

/// `getuserread`: all, and by source.
pub(super) fn old_reads(call: &Call<'_>, profile: &Profile, days: DateSpan, list: &mut Array<'_>) {
    let sources = OLD_SOURCES.map(|(_, code, share)| (code, share));
    for date in days.iter() {
        let total = call.day(profile.key, date).content.total();
        for (code, share) in [(99_999_999, 1.0)].into_iter().chain(sources) {
            list.object(|row| {
                row.shown("ref_date", date);
                row.int("user_source", code);
                write_old(row, &total, share);
            });
        }
    }
}

/// `getusershare`: by where to.
pub(super) fn old_shares(call: &Call<'_>, profile: &Profile, days: DateSpan, list: &mut Array<'_>) {
    for date in days.iter() {
        let total = call.day(profile.key, date).content.total();
        for (scene, share) in SHARE_SCENES {
            list.object(|row| {
                row.shown("ref_date", date);
                row.int("share_scene", scene);
                row.int("share_user", part(total[Counter::ShareUsers], share));
                row.int("share_count", part(total[Counter::Shares], share));
            });
        }
    }
}
