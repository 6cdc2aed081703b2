//! WeChat Official Accounts: everything is asked by `POST`, errors stand in an HTTP 200.

mod articles;
mod people;

use jiff::{Timestamp, civil::Date};
use kepi_core::{DateSpan, period::add_days};

pub use self::articles::SCENES;
use super::Dialect;
use crate::{
    Network, Profile,
    call::{Answer, Call},
    fault::Refusal,
    json::{Array, Object},
    ledger::Limit,
    token::{BadToken, Kind},
};

const LIFE: i64 = 7200;
/// Calls of each API a day; the platform publishes no number, the quota call tells it.
const DAILY: u32 = 5000;
const BEIJING: i64 = 8 * 3600;
/// The hour from which yesterday can be asked for.
const READY_HOUR: f64 = 8.0;
/// The hour from which it is final.
const FINAL_HOUR: f64 = 10.0;

pub(crate) struct Wechat;

/// What goes wrong: a code and its words.
type Fault = (i64, &'static str);

impl Dialect for Wechat {
    fn name(&self) -> &'static str {
        Network::Wechat.name()
    }

    fn token_prefixes(&self) -> [&'static str; 3] {
        ["71_sim"; 3]
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        let result = match (call.method.as_str(), call.path.as_str()) {
            ("GET", "/cgi-bin/token") => ordinary_token(call),
            ("POST", "/cgi-bin/stable_token") => stable_token(call),
            _ => account(call).and_then(|profile| respond(call, profile)),
        };
        result.map_or_else(|fault| refused(call, fault), |body| Answer::json(200, body))
    }

    fn refuse(&self, call: &Call<'_>, refusal: Refusal) -> Answer {
        match refusal {
            Refusal::RateLimit => {
                refused(call, (45011, "api minute-quota reach limit, must slower, retry next minute"))
            }
            Refusal::QuotaExhausted | Refusal::CreditsDepleted => refused(call, OUT_OF_QUOTA),
            Refusal::TokenExpired => refused(call, (42001, "access_token expired")),
            Refusal::Forbidden => refused(call, (48001, "api unauthorized")),
            Refusal::Trouble(200) => refused(call, (-1, "system error")),
            Refusal::Trouble(status) => Answer::html(status, "<html><body>Bad Gateway</body></html>"),
        }
    }
}

const OUT_OF_QUOTA: Fault = (45009, "reach max api daily quota limit");
const BAD_RANGE: Fault = (61501, "date range error");

fn refused(call: &Call<'_>, (code, words): Fault) -> Answer {
    let rid = call.now.as_second();
    let body = call.json().object(|root| {
        root.int("errcode", code);
        root.text("errmsg", &format!("{words} rid: {rid:08x}-0c1d2e3f-4a5b6c7d"));
    });
    Answer::json(200, body)
}

/// The account whose id and secret these are.
fn client<'w>(call: &Call<'w>, appid: &str, secret: &str) -> Result<&'w Profile, Fault> {
    let profile = call.world.find_platform_id(Network::Wechat, appid).ok_or((40013, "invalid appid"))?;
    if secret == call.desk.config.client_secret { Ok(profile) } else { Err((40125, "invalid appsecret")) }
}

fn ordinary_token(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    if call.param("grant_type") != Some("client_credential") {
        return Err((40002, "invalid grant_type"));
    }
    let asked = |key| call.param(key).unwrap_or_default();
    let profile = client(call, asked("appid"), asked("secret"))?;
    let token = call.desk.tokens.app_of(profile.key, call.now.as_second() + LIFE);
    Ok(write_token(call, &token, LIFE))
}

/// The same token for all who ask while it lives; a new one five minutes before its end.
fn stable_token(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let body = call.json_body().ok_or((47001, "data format error"))?;
    let asked = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    if asked("grant_type") != "client_credential" {
        return Err((40002, "invalid grant_type"));
    }
    let profile = client(call, &asked("appid"), &asked("secret"))?;
    let now = call.now.as_second();
    let expires = ((now + 300).div_euclid(LIFE) + 1) * LIFE;
    if body["force_refresh"].as_bool() == Some(true) {
        call.desk.tokens.revoke(profile.key);
    }
    Ok(write_token(call, &call.desk.tokens.user(profile.key, expires), expires - now))
}

fn write_token(call: &Call<'_>, token: &str, expires_in: i64) -> Vec<u8> {
    call.json().object(|root| {
        root.text("access_token", token);
        root.int("expires_in", expires_in);
    })
}

/// The account that the token in the query belongs to.
fn account<'w>(call: &Call<'w>) -> Result<&'w Profile, Fault> {
    let token = call.param("access_token").ok_or((41001, "access_token missing"))?;
    let bearer = call.desk.tokens.read(token, call.now).map_err(|bad| match bad {
        BadToken::Unknown => (40001, "invalid credential, access_token is invalid or not latest"),
        BadToken::Expired => (42001, "access_token expired"),
    })?;
    let profile = call.world.account(bearer.account);
    let ours = bearer.kind != Kind::Refresh && profile.network == Network::Wechat;
    if ours { Ok(profile) } else { Err((40014, "invalid access_token")) }
}

fn limit(pool: &'static str) -> Limit {
    Limit { pool, calls: DAILY, window: 86_400, shift: BEIJING }
}

/// One analytic endpoint: its name, the days it takes at most, the first day it knows, what it writes.
struct Cube {
    path: &'static str,
    max_days: i32,
    since: Date,
    /// Whether answers say if they are final.
    delay: bool,
    write: fn(&Call<'_>, &Profile, DateSpan, &mut Array<'_>),
}

const USERS_SINCE: Date = jiff::civil::date(2014, 12, 1);
const NEW_SINCE: Date = jiff::civil::date(2025, 11, 1);

#[rustfmt::skip]
const CUBES: [Cube; 13] = [
    Cube { path: "/datacube/getusersummary", max_days: 7, since: USERS_SINCE, delay: false, write: people::summary },
    Cube { path: "/datacube/getusercumulate", max_days: 7, since: USERS_SINCE, delay: false, write: people::cumulate },
    Cube { path: "/datacube/getbizsummary", max_days: 30, since: NEW_SINCE, delay: true, write: articles::account_days },
    Cube { path: "/datacube/getarticleread", max_days: 1, since: NEW_SINCE, delay: true, write: articles::reads },
    Cube { path: "/datacube/getarticleshare", max_days: 1, since: NEW_SINCE, delay: true, write: articles::shares },
    Cube { path: "/datacube/getarticletotaldetail", max_days: 1, since: NEW_SINCE, delay: true, write: articles::totals },
    Cube { path: "/datacube/getarticlesummary", max_days: 1, since: USERS_SINCE, delay: false, write: articles::old_summary },
    Cube { path: "/datacube/getarticletotal", max_days: 1, since: USERS_SINCE, delay: false, write: articles::old_totals },
    Cube { path: "/datacube/getuserread", max_days: 3, since: USERS_SINCE, delay: false, write: articles::old_reads },
    Cube { path: "/datacube/getusershare", max_days: 7, since: USERS_SINCE, delay: false, write: articles::old_shares },
    Cube { path: "/datacube/getupstreammsg", max_days: 7, since: USERS_SINCE, delay: false, write: people::messages },
    Cube { path: "/datacube/getupstreammsgdist", max_days: 15, since: USERS_SINCE, delay: false, write: people::message_spread },
    Cube { path: "/datacube/getinterfacesummary", max_days: 30, since: USERS_SINCE, delay: false, write: people::interface },
];

fn respond(call: &Call<'_>, profile: &Profile) -> Result<Vec<u8>, Fault> {
    if call.method != "POST" {
        return Err((43002, "require POST method"));
    }
    let body = call.json_body().ok_or(if call.body.is_empty() {
        (44002, "empty post data")
    } else {
        (47001, "data format error")
    })?;
    match call.path.as_str() {
        "/cgi-bin/openapi/quota/get" => quota(call, profile, &body),
        "/cgi-bin/freepublish/batchget" => articles::published(call, profile, &body),
        "/cgi-bin/comment/list" => articles::comments(call, profile, &body),
        path => {
            let cube = CUBES.iter().find(|cube| cube.path == path).ok_or((40066, "invalid url"))?;
            let standing = call.desk.ledger.take(limit(cube.path), u64::from(profile.key.0), call.clock);
            if standing.exceeded && call.desk.config.enforce_limits {
                call.desk.ledger.count_throttled();
                return Err(OUT_OF_QUOTA);
            }
            let days = window(call, cube, &body)?;
            analytic(call, profile, cube, days)
        }
    }
}

/// The days asked for, both ends included.
fn window(call: &Call<'_>, cube: &Cube, body: &serde_json::Value) -> Result<DateSpan, Fault> {
    let date = |key: &str| -> Result<Date, Fault> {
        let text = body[key].as_str().unwrap_or_default();
        if text.len() == 8 && text.bytes().all(|c| c.is_ascii_digit()) {
            return Err(BAD_RANGE);
        }
        if text.len() != 10 {
            return Err((61500, "date format error"));
        }
        text.parse().map_err(|_| (61500, "date format error"))
    };
    let (begin, end) = (date("begin_date")?, date("end_date")?);
    let days = DateSpan::new(begin, add_days(end, 1));
    let (today, _) = call.beijing();
    if days.is_empty() || days.days() > cube.max_days || end >= today || begin < cube.since {
        return Err(BAD_RANGE);
    }
    Ok(days)
}

fn analytic(call: &Call<'_>, profile: &Profile, cube: &Cube, days: DateSpan) -> Result<Vec<u8>, Fault> {
    let (today, hour) = call.beijing();
    let with_yesterday = days.end == today;
    let ready = !with_yesterday || hour >= READY_HOUR;
    if !ready && !cube.delay {
        return Err((61503, "data not ready, please try later"));
    }
    let empty = !ready || call.faults.empty_page;
    Ok(call.json().object(|root| {
        root.array("list", |list| {
            if !empty {
                (cube.write)(call, profile, days, list);
            }
        });
        if cube.delay {
            root.flag("is_delay", with_yesterday && hour < FINAL_HOUR);
        }
    }))
}

fn quota(call: &Call<'_>, profile: &Profile, body: &serde_json::Value) -> Result<Vec<u8>, Fault> {
    let path = body["cgi_path"].as_str().unwrap_or_default();
    let cube = CUBES.iter().find(|cube| cube.path == path).ok_or((76021, "cgi_path not found"))?;
    let used = call.desk.ledger.used(limit(cube.path), u64::from(profile.key.0), call.clock);
    let rate = |o: &mut Object<'_>| {
        o.int("call_count", 600);
        o.int("refresh_second", 60);
    };
    Ok(call.json().object(|root| {
        root.int("errcode", 0);
        root.text("errmsg", "ok");
        root.object("quota", |o| {
            o.int("daily_limit", i64::from(DAILY));
            o.int("used", i64::from(used));
            o.int("remain", i64::from(DAILY - used));
        });
        root.object("rate_limit", rate);
        root.object("component_rate_limit", rate);
    }))
}

/// A day of an account as instants.
fn bounds(call: &Call<'_>, profile: &Profile, date: Date) -> (Timestamp, Timestamp) {
    call.world.day_bounds(profile.key, date)
}
