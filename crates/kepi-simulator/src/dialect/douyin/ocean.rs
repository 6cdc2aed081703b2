//! Ocean Engine beside Douyin: the enterprise account's own data, and the reports of paid delivery. One
//! advertiser stands for each account.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use kepi_core::{
    DateSpan,
    period::{add_days, days_between},
};
use serde_json::Value;

use super::log_id;
use crate::{
    AccountDay, AccountKey, Counter, Counters, Network, Profile,
    call::{Answer, Call, shared},
    fault::Refusal,
    json::{Array, Object},
    token::{BadToken, Kind},
};

const LIFE: i64 = 86_400;
const REFRESH_LIFE: i64 = 2_592_000;
const ADVERTISERS: u64 = 1_700_000_000_000_001;
const PROMOTIONS: u64 = 7_400_000_000_000_000_009;
const PROJECTS: u64 = 7_300_000_000_000_000_001;

/// What goes wrong: a code and its words.
type Fault = (i64, String);

fn bad(words: impl Into<String>) -> Fault {
    (40001, words.into())
}

/// Whether a path is Ocean Engine's.
pub(super) fn is(path: &str) -> bool {
    path.starts_with("/open_api/") || path.starts_with("/openapi/")
}

pub(super) fn answer(call: &Call<'_>) -> Answer {
    let path = call.path.trim_start_matches("/open_api/");
    let result = match (call.method.as_str(), path) {
        ("GET", "/openapi/audit/oauth.html") => return authorize(call),
        ("POST", "oauth2/access_token") => exchange(call),
        ("POST", "oauth2/refresh_token") => refresh(call),
        _ => owner(call).and_then(|own| respond(call, own, path)),
    };
    result.map_or_else(|fault| refused(call, &fault), |body| Answer::json(200, body))
}

pub(super) fn refuse(call: &Call<'_>, refusal: Refusal) -> Answer {
    let fault = match refusal {
        Refusal::RateLimit => (40100, "Too many requests, please retry later"),
        Refusal::QuotaExhausted | Refusal::CreditsDepleted => (40110, "Request quota of the day is used up"),
        Refusal::TokenExpired => (40102, "Access token has expired"),
        Refusal::Forbidden => (40002, "No permission to operate account"),
        Refusal::Trouble(200) => (50000, "System error"),
        Refusal::Trouble(status) => return Answer::html(status, "<html><body>Bad Gateway</body></html>"),
    };
    refused(call, &(fault.0, fault.1.to_owned()))
}

fn refused(call: &Call<'_>, (code, words): &Fault) -> Answer {
    Answer::json(200, envelope(call, *code, words, |_| {}))
}

fn envelope(call: &Call<'_>, code: i64, words: &str, fill: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    call.json().object(|root| {
        root.int("code", code);
        root.text("message", words);
        root.text("request_id", &log_id(call));
        root.object("data", fill);
    })
}

fn good(call: &Call<'_>, fill: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    envelope(call, 0, "OK", fill)
}

fn advertiser(call: &Call<'_>, own: &Profile) -> u64 {
    ADVERTISERS + call.world.account_number(own.key)
}

fn authorize(call: &Call<'_>) -> Answer {
    let redirect = call.param("redirect_uri").unwrap_or_default();
    let until = call.clock.as_second() + 600;
    let code =
        call.desk.tokens.consent(call.desk.visitor().at_second_app(), redirect, None, "", until, call.clock);
    let state: String =
        form_urlencoded::byte_serialize(call.param("state").unwrap_or_default().as_bytes()).collect();
    Answer::redirect(format!("{redirect}?auth_code={code}&state={state}"))
}

/// The body of a call by the application itself; its id may be a number or a text.
fn by_app(call: &Call<'_>) -> Result<Value, Fault> {
    let body = call.json_body().ok_or_else(|| bad("body is not JSON"))?;
    if body["secret"].as_str() == Some(call.desk.config.client_secret.as_str()) {
        Ok(body)
    } else {
        Err((40103, "app_id or secret is wrong".to_owned()))
    }
}

fn exchange(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let body = by_app(call)?;
    let code = body["auth_code"].as_str().unwrap_or_default();
    let granted = call.desk.tokens.exchange(code, None, None, call.clock);
    Ok(issue(call, granted.ok_or_else(|| bad("auth_code is invalid or used"))?.account))
}

/// Both tokens change.
fn refresh(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let body = by_app(call)?;
    let text = body["refresh_token"].as_str().unwrap_or_default();
    let account = call.desk.tokens.redeem(text, call.clock, false);
    Ok(issue(call, account.map_err(|_| (40103, "Refresh token has expired".to_owned()))?))
}

fn issue(call: &Call<'_>, account: AccountKey) -> Vec<u8> {
    let now = call.clock.as_second();
    good(call, |data| {
        data.text("access_token", &call.desk.tokens.user(account, now + LIFE));
        data.int("expires_in", LIFE);
        data.text("refresh_token", &call.desk.tokens.refresh(account, now + REFRESH_LIFE));
        data.int("refresh_token_expires_in", REFRESH_LIFE);
    })
}

fn owner<'w>(call: &Call<'w>) -> Result<&'w Profile, Fault> {
    let invalid = || (40105, "Access token is invalid".to_owned());
    let token = call.header("access-token").ok_or_else(invalid)?;
    let bearer = call.desk.tokens.read_newest(token, call.clock).map_err(|bad| match bad {
        BadToken::Expired => (40102, "Access token has expired".to_owned()),
        BadToken::Unknown => invalid(),
    })?;
    let profile = call.world.account(bearer.account.person());
    let ours =
        bearer.kind == Kind::User && bearer.account.is_at_second_app() && profile.network == Network::Douyin;
    if ours { Ok(profile) } else { Err(invalid()) }
}

fn respond(call: &Call<'_>, own: &Profile, path: &str) -> Result<Vec<u8>, Fault> {
    if path == "oauth2/advertiser/get" {
        return Ok(advertisers(call, own));
    }
    let asked = call.param("advertiser_id").and_then(|id| id.parse::<u64>().ok());
    if asked != Some(advertiser(call, own)) {
        return Err((40002, "No permission to operate account".to_owned()));
    }
    match path {
        "v1.0/enterprise/bind/list/get" => Ok(bound(call, own)),
        "v1.0/enterprise/overview/data/get" => enterprise(call, own, Split::None),
        "v1.0/enterprise/flow/category/get" => enterprise(call, own, Split::Source),
        "v1.0/enterprise/video/info/get" => enterprise(call, own, Split::Video),
        "v3.0/report/custom/get" => custom(call, own),
        "v3.0/report/custom/config/get" => Ok(custom_config(call)),
        _ => Err((40004, "Path not found".to_owned())),
    }
}

fn advertisers(call: &Call<'_>, own: &Profile) -> Vec<u8> {
    good(call, |data| {
        data.array("list", |list| {
            list.object(|o| {
                o.bare("advertiser_id", advertiser(call, own));
                o.text("advertiser_name", &own.name);
                o.flag("is_valid", true);
            });
        });
    })
}

fn bound(call: &Call<'_>, own: &Profile) -> Vec<u8> {
    good(call, |data| {
        data.array("list", |list| {
            list.object(|o| {
                o.text("open_id", &own.platform_id);
                o.text("aweme_id", &own.handle);
                o.text("aweme_name", &own.name);
                o.text("aweme_avatar", "https://p.example/a.jpeg");
                o.texts("authorize_times", ["2025-01-01 00:00:00"]);
            });
        });
    })
}

/// How the enterprise account's data are split beside days.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Split {
    None,
    Source,
    Video,
}

/// A field of the enterprise account's data, and what it counts of content; `None` for what only the account
/// has.
type Field = (&'static str, Option<fn(&Counters) -> i64>);

/// Told in yuan; all others are counts.
const AMOUNT: &str = "business_page_pay_order_gmv";

const FIELDS: [Field; 21] = [
    ("business_page_fans_num_all", None),
    ("business_page_new_fans_num", None),
    ("business_page_disfollow_ucount", None),
    ("business_page_home_visited", None),
    ("business_page_home_visited_ucount", None),
    ("business_page_total_play", Some(|c| c[Counter::Views])),
    ("business_page_play_over", Some(|c| c[Counter::Completions])),
    ("business_page_like", Some(|c| c[Counter::Likes])),
    ("business_page_comment", Some(|c| c[Counter::Comments])),
    ("business_page_share", Some(|c| c[Counter::Shares])),
    ("business_page_favourite_video_cnt", Some(|c| c[Counter::Saves])),
    ("business_page_dp_down_click_cnt", Some(|c| c[Counter::Saves] / 10)),
    ("business_page_fw_video_vv", Some(|c| c[Counter::Shares] * 3)),
    ("business_page_dislike_cnt", Some(|_| 0)),
    ("business_page_chat_by_share_video_cnt", Some(|c| c[Counter::Shares] / 2)),
    ("business_page_click_cart_count", Some(|c| c[Counter::LinkClicks] / 3)),
    ("business_page_click_product", Some(|c| c[Counter::LinkClicks])),
    ("business_page_click_product_go_buy", Some(|c| c[Counter::LinkClicks] / 4)),
    ("business_page_order_count", Some(|c| c[Counter::Orders])),
    ("business_page_pay_order_count", Some(|c| c[Counter::Orders])),
    (AMOUNT, Some(|c| c[Counter::RevenueMicros])),
];
const DEFAULT_FIELDS: [&str; 4] = [
    "business_page_home_visited",
    "business_page_new_fans_num",
    "business_page_like",
    "business_page_total_play",
];

fn of_account(name: &str, day: &AccountDay) -> i64 {
    match name {
        "business_page_fans_num_all" => day.followers_total,
        "business_page_new_fans_num" => day.flows.follows_gained,
        "business_page_disfollow_ucount" => day.flows.follows_lost,
        "business_page_home_visited" => day.flows.profile_visits,
        _ => day.flows.profile_visit_users,
    }
}

/// A JSON array of names in the query.
fn names(call: &Call<'_>, key: &str) -> Result<Vec<String>, Fault> {
    let text = call.param(key).unwrap_or("[]");
    serde_json::from_str(text).map_err(|_| bad(format!("{key} is not a JSON array of texts")))
}

/// The days asked for, both ends included, until yesterday.
fn window(call: &Call<'_>, most: i32) -> Result<DateSpan, Fault> {
    let date = |key: &str| -> Result<Date, Fault> {
        let text = call.param(key).unwrap_or_default();
        text.get(..10).unwrap_or_default().parse().map_err(|_| bad(format!("{key} is not a date")))
    };
    let (start, end) = (date("start_time")?, date("end_time")?);
    if end < start || days_between(start, end) > most {
        return Err(bad("time range is too long"));
    }
    let (today, _) = call.beijing();
    Ok(DateSpan::new(start, add_days(end, 1).min(today)))
}

/// A row: what it is keyed by, and its fields.
type Row = (Vec<(&'static str, String)>, Vec<(&'static str, i64)>);

fn enterprise(call: &Call<'_>, own: &Profile, split: Split) -> Result<Vec<u8>, Fault> {
    let span = window(call, 365)?;
    let asked = names(call, "fields")?;
    let asked = if asked.is_empty() { DEFAULT_FIELDS.map(str::to_owned).to_vec() } else { asked };
    let mut fields = Vec::new();
    for name in &asked {
        let field = FIELDS.iter().find(|field| field.0 == name);
        let field = field.filter(|field| split == Split::None || field.1.is_some());
        fields.push(*field.ok_or_else(|| bad(format!("field {name} is not supported")))?);
    }
    let daily = call.param("time_dimension") == Some("DAILY");
    let pieces: Vec<DateSpan> = if daily { span.iter().map(DateSpan::day).collect() } else { vec![span] };
    let mut rows = Vec::new();
    for piece in pieces {
        let day = daily.then(|| ("start_time_day", piece.start.to_string()));
        rows.extend(rows_of(call, own, split, piece, &fields).into_iter().map(|(mut keys, values)| {
            keys.splice(0..0, day.clone());
            (keys, values)
        }));
    }
    let number =
        |key: &str, default: usize| call.param(key).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (offset, limit) = (number("offset", 0), number("limit", 10).clamp(1, 100));
    Ok(good(call, |data| {
        data.int("total_count", rows.len() as i64);
        data.int("offset", offset as i64);
        data.array("list", |list| {
            for row in rows.iter().skip(offset).take(limit) {
                write_row(list, row);
            }
        });
    }))
}

fn write_row(list: &mut Array<'_>, (keys, values): &Row) {
    list.object(|o| {
        for (key, value) in keys {
            o.text(key, value);
        }
        for (key, value) in values {
            if *key == AMOUNT {
                o.text(key, &format!("{:.2}", *value as f64 / 1e6));
            } else {
                o.shown(key, value);
            }
        }
    });
}

fn rows_of(call: &Call<'_>, own: &Profile, split: Split, span: DateSpan, fields: &[Field]) -> Vec<Row> {
    if split == Split::Video {
        let (from, _) = call.world.day_bounds(own.key, span.start);
        let (to, _) = call.world.day_bounds(own.key, span.end);
        let posts = call.posts(own.key, Timestamp::MIN, to);
        let changed = posts.map(|post| {
            let mut change = call.total_until(&post, to);
            change -= call.total_until(&post, from);
            (post, change)
        });
        return changed
            .filter(|(_, change)| change[Counter::Views] > 0)
            .map(|(post, change)| {
                let values = fields.iter().filter_map(|(name, of)| Some((*name, of.as_ref()?(&change))));
                (vec![("video_id", super::videos::video_id(call, &post).to_string())], values.collect())
            })
            .collect();
    }
    let days: Vec<AccountDay> = span.iter().map(|date| call.day(own.key, date)).collect();
    let mut total = Counters::default();
    days.iter().for_each(|day| total += day.content.total());
    let value = |(name, of): &Field| match (of, *name) {
        (Some(of), _) => of(&total),
        (None, "business_page_fans_num_all") => days.last().map_or(0, |day| call.level(day.followers_total)),
        (None, name) => days.iter().map(|day| of_account(name, day)).sum(),
    };
    if split == Split::None {
        return vec![(Vec::new(), fields.iter().map(|field| (field.0, value(field))).collect())];
    }
    let sources = ["推荐", "搜索", "主页", "其他"];
    let parts: Vec<[i64; 4]> =
        fields.iter().map(|field| shared(value(field), [0.62, 0.14, 0.11, 0.13])).collect();
    let row = |i: usize| {
        let values = fields.iter().zip(&parts).map(|(field, part)| (field.0, part[i])).collect();
        (vec![("first_flow_category", sources[i].to_owned())], values)
    };
    (0..sources.len()).map(row).collect()
}

const DIMENSIONS: [&str; 5] =
    ["stat_time_day", "cdp_project_id", "cdp_project_name", "cdp_promotion_id", "cdp_promotion_name"];
const METRICS: [&str; 11] = [
    "stat_cost",
    "show_cnt",
    "click_cnt",
    "ctr",
    "cpm_platform",
    "cpc_platform",
    "convert_cnt",
    "attribution_convert_cnt",
    "conversion_cost",
    "conversion_rate",
    "total_play",
];

fn metric(name: &str, c: &Counters) -> String {
    let (shown, clicked, converted) = (c[Counter::Impressions], c[Counter::LinkClicks], c[Counter::Leads]);
    let cost = c[Counter::SpendMicros] as f64 / 1e6;
    let per =
        |amount: f64, count: i64| format!("{:.2}", if count == 0 { 0.0 } else { amount / count as f64 });
    match name {
        "stat_cost" => format!("{cost:.2}"),
        "show_cnt" => shown.to_string(),
        "click_cnt" => clicked.to_string(),
        "ctr" => per(clicked as f64 * 100.0, shown),
        "cpm_platform" => per(cost * 1000.0, shown),
        "cpc_platform" => per(cost, clicked),
        "convert_cnt" | "attribution_convert_cnt" => converted.to_string(),
        "conversion_cost" => per(cost, converted),
        "conversion_rate" => per(converted as f64 * 100.0, clicked),
        _ => c[Counter::Plays].to_string(),
    }
}

/// `v3.0/report/custom/get`
fn custom(call: &Call<'_>, own: &Profile) -> Result<Vec<u8>, Fault> {
    if call.param("data_topic") != Some("BASIC_DATA") {
        return Err(bad("data_topic is not supported"));
    }
    for key in ["filters", "order_by"] {
        let text = call.param(key).ok_or_else(|| bad(format!("{key}: Missing data for required field")))?;
        serde_json::from_str::<Vec<Value>>(text).map_err(|_| bad(format!("{key} is not a JSON array")))?;
    }
    let (dimensions, metrics) = (names(call, "dimensions")?, names(call, "metrics")?);
    let unknown = dimensions
        .iter()
        .find(|name| !DIMENSIONS.contains(&name.as_str()))
        .or(metrics.iter().find(|name| !METRICS.contains(&name.as_str())));
    if let Some(name) = unknown {
        return Err(bad(format!("{name} is not supported")));
    }
    let span = window(call, 30)?;
    let mut groups: BTreeMap<Vec<String>, Counters> = BTreeMap::new();
    let mut total = Counters::default();
    for date in span.iter() {
        for (keys, paid) in delivered(call, own, date, &dimensions) {
            *groups.entry(keys).or_default() += paid;
            total += paid;
        }
    }
    let number =
        |key: &str, default: usize| call.param(key).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (page, size) = (number("page", 1).max(1), number("page_size", 10).clamp(1, 1000));
    let write = |o: &mut Object<'_>, counters: &Counters| {
        for name in &metrics {
            o.text(name, &metric(name, counters));
        }
    };
    Ok(good(call, |data| {
        data.array("rows", |list| {
            for (keys, counters) in groups.iter().skip((page - 1) * size).take(size) {
                list.object(|row| {
                    row.object("dimensions", |o| {
                        for (name, key) in dimensions.iter().zip(keys) {
                            o.text(name, key);
                        }
                    });
                    row.object("metrics", |o| write(o, counters));
                });
            }
        });
        data.object("total_metrics", |o| write(o, &total));
        data.object("page_info", |o| {
            o.int("page", page as i64);
            o.int("page_size", size as i64);
            o.int("total_number", groups.len() as i64);
            o.int("total_page", groups.len().div_ceil(size) as i64);
        });
    }))
}

/// What each promoted video got of paid delivery on a day, by its dimensions.
fn delivered(
    call: &Call<'_>,
    own: &Profile,
    date: Date,
    dimensions: &[String],
) -> Vec<(Vec<String>, Counters)> {
    let (from, to) = call.world.day_bounds(own.key, date);
    let mut found = Vec::new();
    for post in call.posts(own.key, Timestamp::MIN, to).filter(|post| post.promoted) {
        let mut change = call.world.counters_at(&post, to.min(call.now)).unwrap_or_default();
        change -= call.world.counters_at(&post, from).unwrap_or_default();
        if change.paid[Counter::Impressions] == 0 {
            continue;
        }
        let number = call.world.post_number(post.key);
        let key = |name: &String| match name.as_str() {
            "stat_time_day" => date.to_string(),
            "cdp_project_id" => PROJECTS.to_string(),
            "cdp_project_name" => post.campaign.unwrap_or("always_on").to_owned(),
            "cdp_promotion_id" => (PROMOTIONS + number).to_string(),
            _ => format!("新品种草-{number}"),
        };
        let paid = if call.faults.silent_zeros { Counters::default() } else { change.paid };
        found.push((dimensions.iter().map(key).collect(), paid));
    }
    found
}

fn custom_config(call: &Call<'_>) -> Vec<u8> {
    good(call, |data| {
        data.array("list", |list| {
            list.object(|o| {
                o.text("data_topic", "BASIC_DATA");
                let fields = |o: &mut Object<'_>, key: &str, names: &[&str]| {
                    o.array(key, |list| {
                        for name in names {
                            list.object(|f| f.text("field", name));
                        }
                    });
                };
                fields(o, "dimensions", &DIMENSIONS);
                fields(o, "metrics", &METRICS);
            });
        });
    })
}
