//! Reports of paid delivery, by account, campaign, unit, creative, keyword, SPU or note, and the sums of the products
//! beside Juguang; every number is a text.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use kepi_core::{
    DateSpan,
    period::{add_days, days_between},
};
use serde_json::Value;

use super::{Fault, bad, envelope};
use crate::{Counter, Counters, PostFacts, Profile, call::Call, json::Object};

/// A metric as `columns` names it, as the answer names it, and what it counts.
type Metric = (&'static str, &'static str, fn(&Counters) -> String);

fn clicks(c: &Counters) -> i64 {
    c[Counter::DetailExpands] + c[Counter::LinkClicks]
}

fn interactions(c: &Counters) -> i64 {
    c[Counter::Likes]
        + c[Counter::Saves]
        + c[Counter::FollowsGained]
        + c[Counter::Comments]
        + c[Counter::Shares]
}

fn yuan(c: &Counters) -> f64 {
    c[Counter::SpendMicros] as f64 / 1e6
}

/// A fraction's text with two digits; "0.00" where there is nothing to divide by.
fn per(amount: f64, count: i64) -> String {
    format!("{:.2}", if count == 0 { 0.0 } else { amount / count as f64 })
}

/// What every report has.
const BASE: [Metric; 6] = [
    ("fee", "fee", |c| format!("{:.2}", yuan(c))),
    ("impression", "impression", |c| c[Counter::Impressions].to_string()),
    ("click", "click", |c| clicks(c).to_string()),
    ("ctr", "ctr", |c| format!("{}%", per(clicks(c) as f64 * 100.0, c[Counter::Impressions]))),
    ("acp", "acp", |c| per(yuan(c), clicks(c))),
    ("cpm", "cpm", |c| per(yuan(c) * 1000.0, c[Counter::Impressions])),
];

/// What must be asked for by `columns`.
const ASKED: [Metric; 33] = [
    ("like", "like", |c| c[Counter::Likes].max(0).to_string()),
    ("comment", "comment", |c| c[Counter::Comments].max(0).to_string()),
    ("collect", "collect", |c| c[Counter::Saves].max(0).to_string()),
    ("follow", "follow", |c| c[Counter::FollowsGained].to_string()),
    ("share", "share", |c| c[Counter::Shares].max(0).to_string()),
    ("interaction", "interaction", |c| interactions(c).max(0).to_string()),
    ("cpi", "cpi", |c| per(yuan(c), interactions(c))),
    ("screenshot", "screenshot", |c| (c[Counter::Saves].max(0) / 12).to_string()),
    ("picSave", "pic_save", |c| (c[Counter::Saves].max(0) / 9).to_string()),
    ("actionButtonClick", "action_button_click", |c| (c[Counter::LinkClicks] / 3).to_string()),
    ("searchCmtClick", "search_cmt_click", |c| (c[Counter::HashtagClicks]).to_string()),
    ("messageConsult", "message_consult", |c| (c[Counter::Leads] * 2).to_string()),
    ("msgLeadsNum", "msg_leads_num", |c| c[Counter::Leads].to_string()),
    ("validLeads", "valid_leads", |c| (c[Counter::Leads] * 3 / 4).to_string()),
    ("phoneCallCnt", "phone_call_cnt", |c| (c[Counter::Leads] / 2).to_string()),
    ("clkLiveAllFollow", "clk_live_all_follow", |c| (c[Counter::FollowsGained] / 10).to_string()),
    ("clkLiveComment", "clk_live_comment", |c| (c[Counter::Comments].max(0) / 10).to_string()),
    ("leads", "leads", |c| c[Counter::Leads].to_string()),
    ("goodsOrder", "goods_order", |c| c[Counter::Orders].to_string()),
    ("rgmv", "rgmv", |c| revenue(c, 100)),
    ("successGoodsOrder", "success_goods_order", |c| (c[Counter::Orders] * 9 / 10).to_string()),
    ("purchaseOrderGmv7d", "purchase_order_gmv_7d", |c| revenue(c, 90)),
    ("clkLiveRoomOrderNum", "clk_live_room_order_num", |c| (c[Counter::Orders] / 10).to_string()),
    ("clkLiveRoomRgmv", "clk_live_room_rgmv", |c| revenue(c, 10)),
    ("externalGoodsOrder7", "external_goods_order_7", |c| (c[Counter::Orders] / 5).to_string()),
    ("externalRgmv7", "external_rgmv_7", |c| revenue(c, 20)),
    ("externalGoodsOrder15", "external_goods_order_15", |c| (c[Counter::Orders] / 4).to_string()),
    ("externalRgmv15", "external_rgmv_15", |c| revenue(c, 25)),
    ("externalGoodsOrder30", "external_goods_order_30", |c| (c[Counter::Orders] / 3).to_string()),
    ("externalRgmv30", "external_rgmv_30", |c| revenue(c, 33)),
    ("invokeAppOpenCnt", "invoke_app_open_cnt", |c| (clicks(c) / 40).to_string()),
    ("iUserNum", "i_user_num", |c| (interactions(c).max(0) / 3).to_string()),
    ("tiUserNum", "ti_user_num", |c| (interactions(c).max(0) / 9).to_string()),
];

/// So many hundredths of the value of orders, in yuan.
fn revenue(c: &Counters, hundredths: i64) -> String {
    format!("{:.2}", c[Counter::RevenueMicros] as f64 * hundredths as f64 / 1e8)
}

/// People won over are told of notes only.
const OF_NOTES: [&str; 2] = ["iUserNum", "tiUserNum"];

/// One row of a report.
struct Row {
    time: String,
    entity: Entity,
    counters: Counters,
}

/// What a row tells of: a campaign, a word that was searched for, a product, or a promoted note; none for the account.
#[derive(Clone)]
enum Entity {
    Account,
    Campaign(i64, String),
    Keyword(usize),
    Spu(usize),
    Note(PostFacts),
}

const CAMPAIGNS: i64 = 900_001;
const UNITS: u64 = 800_001;
const CREATIVES: u64 = 700_001;
const KEYWORDS: u64 = 610_001;
const SPUS: u64 = 51_001;

/// Words that were bid for; notes take turns.
const WORDS: [&str; 3] = ["城市骑行", "通勤单车", "折叠车推荐"];
/// Products that were promoted; notes take turns.
const PRODUCTS: [&str; 2] = ["城市通勤车", "折叠车"];

/// The reports of days, by their addresses below `/api/open`.
pub(super) fn level_of(path: &str) -> Option<&'static str> {
    Some(match path {
        "/jg/data/report/offline/account" => "account",
        "/jg/data/report/offline/campaign" => "campaign",
        "/jg/data/report/offline/unit" => "unit",
        "/jg/data/report/offline/creative" => "creative",
        "/jg/data/report/offline/keyword" => "keyword",
        "/jg/data/report/offline/spu" => "spu",
        "/jg/data/report/offline/note" => "note",
        "/jg/data/report/offline/easy/promotion/base" => "easy",
        "/wind/data/report/offline/account" => "wind",
        _ => return None,
    })
}

/// Of four notes one is promoted through Easy promotion too, and one through Wind.
fn is_of(level: &str, post: &PostFacts) -> bool {
    match level {
        "easy" => post.key.index % 4 == 1,
        "wind" => post.key.index % 4 == 2,
        _ => true,
    }
}

fn campaign_of(post: &PostFacts) -> (i64, String) {
    let names = ["spring_launch", "summer_ride", "golden_autumn", "year_end"];
    match names.iter().position(|name| post.campaign == Some(name)) {
        Some(i) => (CAMPAIGNS + 1 + i as i64, format!("{}-信息流-种草", names[i])),
        None => (CAMPAIGNS, "日常-信息流-种草".to_owned()),
    }
}

/// Promoted notes and what their promotion got from one instant to before another.
fn delivered(call: &Call<'_>, own: &Profile, from: Timestamp, to: Timestamp) -> Vec<(PostFacts, Counters)> {
    let notes = call.posts(own.key, Timestamp::MIN, to).filter(|post| post.promoted);
    notes
        .map(|post| {
            let mut change = call.world.counters_at(&post, to.min(call.now)).unwrap_or_default();
            change -= call.world.counters_at(&post, from).unwrap_or_default();
            (post, change.paid)
        })
        .filter(|(_, paid)| paid[Counter::Impressions] > 0)
        .map(|(post, paid)| (post, if call.faults.silent_zeros { Counters::default() } else { paid }))
        .collect()
}

fn rows(call: &Call<'_>, own: &Profile, level: &str, time: &str, from: Timestamp, to: Timestamp) -> Vec<Row> {
    let mut found = delivered(call, own, from, to);
    found.retain(|(post, _)| is_of(level, post));
    let row = |entity, counters| Row { time: time.to_owned(), entity, counters };
    let by_turns = |turns: usize, entity: fn(usize) -> Entity| -> Vec<Row> {
        let mut sums: BTreeMap<usize, Counters> = BTreeMap::new();
        for (post, paid) in &found {
            *sums.entry(post.key.index as usize % turns).or_default() += *paid;
        }
        sums.into_iter().map(|(turn, sum)| row(entity(turn), sum)).collect()
    };
    match level {
        "keyword" => by_turns(WORDS.len(), Entity::Keyword),
        "spu" => by_turns(PRODUCTS.len(), Entity::Spu),
        "account" | "easy" | "wind" => {
            let mut sum = Counters::default();
            found.iter().for_each(|(_, paid)| sum += *paid);
            if found.is_empty() { Vec::new() } else { vec![row(Entity::Account, sum)] }
        }
        "campaign" => {
            let mut sums: BTreeMap<(i64, String), Counters> = BTreeMap::new();
            for (post, paid) in &found {
                *sums.entry(campaign_of(post)).or_default() += *paid;
            }
            sums.into_iter().map(|((id, name), sum)| row(Entity::Campaign(id, name), sum)).collect()
        }
        _ => found.into_iter().map(|(post, paid)| row(Entity::Note(post), paid)).collect(),
    }
}

fn date(body: &Value, key: &str) -> Result<Date, Fault> {
    let text = body[key].as_str().unwrap_or_default();
    text.parse().ok().filter(|_| text.len() == 10).ok_or_else(|| bad(format!("{key}参数不合法: {text}")))
}

/// The pieces of time that rows are made for.
fn pieces(
    call: &Call<'_>,
    own: &Profile,
    span: DateSpan,
    unit: &str,
) -> Result<Vec<(String, Timestamp, Timestamp)>, Fault> {
    let bounds = |date| call.world.day_bounds(own.key, date);
    Ok(match unit {
        "DAY" => {
            let days = call.told_days(own.key, span);
            days.map(|date| (date.to_string(), bounds(date).0, bounds(date).1)).collect()
        }
        "HOUR" => span
            .iter()
            .flat_map(|date| {
                let start = bounds(date).0.as_second();
                let at = move |hour: i64| Timestamp::from_second(start + hour * 3600).unwrap_or(call.now);
                (0..24).map(move |hour| (format!("{date} {hour:02}:00"), at(hour), at(hour + 1)))
            })
            .collect(),
        "SUMMARY" if !span.is_empty() => {
            vec![(String::new(), bounds(span.start).0, bounds(add_days(span.end, -1)).1)]
        }
        "SUMMARY" => Vec::new(),
        other => return Err(bad(format!("time_unit参数不合法: {other}"))),
    })
}

/// The metrics of the answer: all for notes, otherwise the base and what `columns` names.
fn metrics(level: &str, body: &Value) -> Result<Vec<Metric>, Fault> {
    let mut wanted = BASE.to_vec();
    if level == "note" {
        wanted.extend(ASKED);
        return Ok(wanted);
    }
    for column in body["columns"].as_array().into_iter().flatten() {
        let name = column.as_str().unwrap_or_default();
        if BASE.iter().any(|metric| metric.0 == name) {
            continue;
        }
        let metric = ASKED.iter().find(|metric| metric.0 == name && !OF_NOTES.contains(&name));
        wanted.push(*metric.ok_or_else(|| bad(format!("columns参数不合法: {name}")))?);
    }
    Ok(wanted)
}

/// A report of days: until yesterday.
pub(super) fn offline(call: &Call<'_>, own: &Profile, level: &str, body: &Value) -> Result<Vec<u8>, Fault> {
    if level == "spu" && body["time_unit"] == "HOUR" {
        return Err(bad("time_unit参数不合法: HOUR"));
    }
    let (start, end) = (date(body, "start_date")?, date(body, "end_date")?);
    let (today, _) = call.beijing();
    if end < start || days_between(start, end) > 365 {
        return Err(bad("时间范围不合法"));
    }
    let span = DateSpan::new(start, add_days(end, 1).min(today));
    let size = body["page_size"].as_u64().unwrap_or(20);
    let page = body["page_num"].as_u64().unwrap_or(1);
    if !(1..=500).contains(&size) || page == 0 {
        return Err(bad("page_size参数不合法"));
    }
    let wanted = metrics(level, body)?;
    let mut all = Vec::new();
    for (label, from, to) in pieces(call, own, span, body["time_unit"].as_str().unwrap_or("DAY"))? {
        all.extend(rows(call, own, level, &label, from, to));
    }
    let mut sum = Counters::default();
    all.iter().for_each(|row| sum += row.counters);
    let page = if call.faults.repeated_cursor { 1 } else { page };
    let shown = all.iter().skip(((page - 1) * size) as usize).take(size as usize);
    Ok(envelope(call, |data| {
        data.int("total_count", all.len() as i64);
        data.array("data_list", |list| {
            for row in shown.filter(|_| !call.faults.empty_page) {
                list.object(|o| {
                    if !row.time.is_empty() {
                        o.text("time", &row.time);
                    }
                    write_entity(o, call, level, &row.entity);
                    write_metrics(o, &wanted, &row.counters);
                });
            }
        });
        data.object("aggregation_data", |o| write_metrics(o, &wanted, &sum));
    }))
}

fn write_metrics(o: &mut Object<'_>, metrics: &[Metric], counters: &Counters) {
    for (_, key, text) in metrics {
        o.text(key, &text(counters));
    }
}

fn write_entity(o: &mut Object<'_>, call: &Call<'_>, level: &str, entity: &Entity) {
    match entity {
        Entity::Account => {}
        Entity::Campaign(id, name) => {
            o.int("campaign_id", *id);
            o.text("campaign_name", name);
        }
        Entity::Keyword(turn) => {
            o.text("keyword", WORDS[*turn]);
            o.bare("keyword_id", KEYWORDS + *turn as u64);
        }
        Entity::Spu(turn) => {
            o.bare("spu_id", SPUS + *turn as u64);
            o.text("spu_name", PRODUCTS[*turn]);
        }
        Entity::Note(post) => {
            let number = call.world.post_number(post.key);
            let note = call.world.post_id(post.key);
            let title = call.world.words(post).title;
            match level {
                "unit" => {
                    o.bare("unit_id", UNITS + number);
                    o.text("unit_name", &title);
                }
                "creative" => {
                    o.bare("creativity_id", CREATIVES + number);
                    o.text("creativity_name", &title);
                    o.text("creativity_image", "https://ci.example/a.jpg");
                    o.text("note_id", &note);
                }
                _ => {
                    o.text("note_id", &note);
                    o.text("note_title", &title);
                    o.text("note_image", "https://ci.example/a.jpg");
                    o.text("note_jump_url", &format!("https://www.xiaohongshu.com/explore/{note}"));
                }
            }
        }
    }
}

/// `/jg/data/report/realtime/*`: today so far.
pub(super) fn realtime(call: &Call<'_>, own: &Profile, level: &str) -> Result<Vec<u8>, Fault> {
    let (today, _) = call.beijing();
    let (start, _) = call.world.day_bounds(own.key, today);
    let mut wanted = BASE.to_vec();
    wanted.extend(ASKED);
    let mut sum = Counters::default();
    // Here, and nowhere else, a creative is spelt so.
    let level = if level == "creativity" { "creative" } else { level };
    let found = rows(call, own, level, "", start, call.now);
    found.iter().for_each(|row| sum += row.counters);
    if level == "account" {
        return Ok(envelope(call, |data| write_metrics(data, &wanted, &sum)));
    }
    // The key of the list, and that of a row's names in the platform's own spelling.
    let (list, names) = match level {
        "campaign" => ("campaign_dtos", "base_campaign_dto"),
        "unit" => ("unit_dtos", "base_unit_dto"),
        "creative" => ("creativity_dtos", "base_creativty_dto"),
        _ => return Err(bad("接口不存在")),
    };
    Ok(envelope(call, |data| {
        data.object("page", |page| {
            page.int("page_index", 1);
            page.int("total_count", found.len() as i64);
        });
        data.object("total_data", |o| write_metrics(o, &wanted, &sum));
        data.array(list, |list| {
            for row in &found {
                list.object(|o| {
                    o.object(names, |base| {
                        write_entity(base, call, level, &row.entity);
                        if level == "campaign" {
                            base.int("campaign_enabled", 1);
                            base.int("placement", 1);
                            base.int("marketing_target", 4);
                            base.text("campaign_create_time", "2026-09-01 10:00:00");
                        }
                    });
                    o.object("data", |o| write_metrics(o, &wanted, &row.counters));
                });
            }
        });
    }))
}

/// `/jg/campaign/list`
pub(super) fn campaigns(call: &Call<'_>, own: &Profile) -> Vec<u8> {
    let known: BTreeMap<i64, String> = call
        .posts(own.key, Timestamp::MIN, Timestamp::MAX)
        .filter(|post| post.promoted)
        .map(|post| campaign_of(&post))
        .collect();
    envelope(call, |data| {
        data.object("page", |page| {
            page.int("page_index", 1);
            page.int("page_size", 20);
            page.int("total_count", known.len() as i64);
        });
        data.array("base_campaign_dtos", |list| {
            for (id, name) in &known {
                list.object(|o| {
                    o.int("campaign_id", *id);
                    o.text("campaign_name", name);
                    o.int("campaign_enabled", 1);
                    o.int("placement", 1);
                    o.int("marketing_target", 4);
                });
            }
        });
    })
}

/// `/jg/account/balance/info`: in fen, unlike the reports.
pub(super) fn balance(call: &Call<'_>, own: &Profile) -> Vec<u8> {
    let (today, _) = call.beijing();
    let spent = call.day(own.key, today).flows.spend_micros / 10_000;
    envelope(call, |data| {
        data.int("total_balance", 5_000_000);
        data.int("cash_balance", 4_000_000);
        data.int("available_balance", 5_000_000);
        data.int("today_spend", spent);
    })
}
