//! 蒲公英: what ordered notes got, organic and paid, as of a day. The world's posts of a campaign play the notes
//! that creators wrote to order.

use jiff::civil::Date;
use kepi_core::{
    DateSpan,
    period::{add_days, days_between},
};
use serde_json::Value;

use super::{Fault, bad, envelope};
use crate::{Counter, Format, PostFacts, Profile, call::Call, json::Object};

/// The longest span of notes that may be asked for.
const MAX_DAYS: i32 = 30;

/// `/pgy/note/post/data`
pub(super) fn ordered(call: &Call<'_>, own: &Profile, body: &Value) -> Result<Vec<u8>, Fault> {
    let date = |key: &str| -> Result<Date, Fault> {
        let text = body[key].as_str().unwrap_or_default();
        text.parse().map_err(|_| bad(format!("{key}参数不合法: {text}")))
    };
    let (start, end) = (date("start_time")?, date("end_time")?);
    if end < start || days_between(start, end) > MAX_DAYS || body["user_id"].is_null() {
        return Err(bad("时间范围不合法"));
    }
    let as_of = as_of(call, &body["date_key"])?;
    let size = body["page_size"].as_u64().unwrap_or(20).clamp(1, 100);
    let page = body["page_num"].as_u64().unwrap_or(1).max(1);
    let span = DateSpan::new(start, add_days(end, 1));
    let (from, _) = call.world.day_bounds(own.key, span.start);
    let (to, _) = call.world.day_bounds(own.key, span.end);
    let all: Vec<PostFacts> = call.posts(own.key, from, to).filter(|post| post.campaign.is_some()).collect();
    let shown: Vec<&PostFacts> = all.iter().skip(((page - 1) * size) as usize).take(size as usize).collect();
    Ok(envelope(call, |data| {
        data.int("total", all.len() as i64);
        data.int("page_num", page as i64);
        data.int("page_size", size as i64);
        data.int("total_page", (all.len() as u64).div_ceil(size) as i64);
        data.array("datas", |list| {
            for post in shown.iter().filter(|_| !call.faults.empty_page) {
                list.object(|o| write(o, call, own, post, as_of));
            }
        });
    }))
}

/// The day whose end the figures are of: yesterday, or one of the three days before it.
fn as_of(call: &Call<'_>, asked: &Value) -> Result<Date, Fault> {
    let (today, _) = call.beijing();
    let yesterday = add_days(today, -1);
    let text = asked.as_str().map(str::to_owned).or(asked.as_u64().map(|number| number.to_string()));
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(yesterday) };
    let date = Date::strptime("%Y%m%d", &text).map_err(|_| bad("date_key参数不合法"))?;
    let back = days_between(date, yesterday);
    if (0..=3).contains(&back) { Ok(date) } else { Err(bad("date_key参数不合法")) }
}

fn write(o: &mut Object<'_>, call: &Call<'_>, own: &Profile, post: &PostFacts, as_of: Date) {
    let (_, end) = call.world.day_bounds(own.key, as_of);
    let split = if call.faults.silent_zeros {
        crate::Split::default()
    } else {
        call.world.counters_at(post, end.min(call.now)).unwrap_or_default()
    };
    let total = split.total();
    let id = call.world.post_id(post.key);
    let reads = |c: &crate::Counters| c[Counter::DetailExpands] + c[Counter::LinkClicks];
    o.shown("date_key", as_of.strftime("%Y%m%d"));
    o.text("note_id", &id);
    o.text("note_title", &call.world.words(post).title);
    o.text("note_link", &format!("https://www.xiaohongshu.com/explore/{id}"));
    o.int("note_type", if post.format == Format::Video { 2 } else { 1 });
    o.shown("note_publish_time", call.world.day_of(own.key, post.published_at));
    o.text("brand_user_id", "5f00000000000000000000b1");
    o.text("brand_user_name", &own.name);
    o.text("operate_user_id", "5f00000000000000000000a1");
    o.text("kol_id", "5e00000000000000000000c1");
    o.text("kol_nick_name", "测评小禾");
    o.int("kol_fan_num", 48_200);
    o.text("order_id", &format!("PGY{:07}", call.world.post_number(post.key)));
    o.int("kol_price", 6000);
    o.int("total_platform_price", 600);
    o.int("imp_num", total[Counter::Impressions]);
    o.int("origin_imp_num", split.organic[Counter::Impressions]);
    o.int("promotion_imp_num", split.paid[Counter::Impressions]);
    o.int("heat_imp_num", 0);
    o.int("read_num", reads(&total));
    o.int("origin_read_num", reads(&split.organic));
    o.int("promotion_read_num", reads(&split.paid));
    o.int("heat_read_num", 0);
    o.int("read_uv", reads(&total) * 7 / 8);
    o.int("like_num", total[Counter::Likes]);
    o.int("fav_num", total[Counter::Saves]);
    o.int("cmt_num", total[Counter::Comments]);
    o.int("share_num", total[Counter::Shares]);
    let engaged =
        total[Counter::Likes] + total[Counter::Saves] + total[Counter::Comments] + total[Counter::Shares];
    o.int("engage_num", engaged);
    o.bare("engage_rate", percent(engaged, reads(&total)));
    if post.format == Format::Video {
        let plays = total[Counter::Plays];
        o.int("avg_view_time", total[Counter::WatchMillis] / 1000 / plays.max(1));
        o.bare("finish_rate", percent(total[Counter::Completions], plays));
        o.bare("video_play_5s_rate", percent(total[Counter::Plays5s], plays));
    }
    o.bare("imp_discovery", "81.20");
    o.bare("imp_search", "12.30");
    write_readers(o, call, own, end.min(call.now));
    let interested = engaged / 3;
    let (by_feed, by_search) = (interested * 66 / 100, interested * 28 / 100);
    o.int("interest_num", interested);
    o.int("feed_interest_num", by_feed);
    o.int("search_interest_num", by_search);
    o.int("other_interest_num", interested - by_feed - by_search);
}

/// Who read a note: as the account's followers are.
fn write_readers(o: &mut Object<'_>, call: &Call<'_>, own: &Profile, at: jiff::Timestamp) {
    let share = |dimension: &str, values: &[&str]| {
        let rows = call.world.audience(own.key, dimension, at);
        let of = |row: &&crate::AudienceRow| values.contains(&row.value);
        let part = rows.iter().filter(of).map(|row| row.users).sum();
        percent(part, rows.iter().map(|row| row.users).sum())
    };
    o.bare("female_percent", share("gender", &["F"]));
    o.bare("male_percent", share("gender", &["M"]));
    o.bare("age1_percent", share("age", &["13-17"]));
    o.bare("age2_percent", share("age", &["18-24"]));
    o.bare("age3_percent", share("age", &["25-34"]));
    o.bare("age4_percent", share("age", &["35-44"]));
    o.bare("age5_percent", share("age", &["45-54", "55-64", "65+"]));
    for (dimension, word) in [("province", "province"), ("interest", "interest"), ("device", "phone")] {
        let rows = call.world.audience(own.key, dimension, at);
        for (place, row) in rows.iter().take(3).enumerate() {
            o.text(&format!("{word}_top{}", place + 1), row.value);
            o.bare(&format!("{word}_top{}_rate", place + 1), share(dimension, &[row.value]));
        }
    }
}

fn percent(part: i64, whole: i64) -> String {
    format!("{:.2}", if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 })
}
