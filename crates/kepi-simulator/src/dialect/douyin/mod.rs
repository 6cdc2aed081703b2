//! Douyin: the open platform, the enterprise account's data and the marketing reports, which differ in
//! everything; errors stand in an HTTP 200.

mod access;
mod ocean;
mod open;
mod videos;

use jiff::{civil::Date, tz::Offset};
use kepi_core::{DateSpan, period::add_days};

use super::Dialect;
use crate::{
    Network,
    call::{Answer, Call},
    fault::Refusal,
    json::Object,
    ledger::Limit,
};

/// Calls of an API a day; the platform shows the number in its console only.
const DAILY: u32 = 10_000;
const BEIJING: i64 = 8 * 3600;
/// The hour from which yesterday is told.
const READY_HOUR: f64 = 10.0;

pub(crate) struct Douyin;

/// What goes wrong: a code and its words.
type Fault = (i64, &'static str);

const BAD_PARAMETER: Fault = (2_100_005, "参数不合法");
const TOKEN_EXPIRED: Fault = (2_190_008, "access_token过期");
const TOKEN_INVALID: Fault = (2_190_002, "access_token无效");
const OUT_OF_QUOTA: Fault = (2_190_001, "quota已用完");

impl Dialect for Douyin {
    fn name(&self) -> &'static str {
        Network::Douyin.name()
    }

    fn token_prefixes(&self) -> [&'static str; 3] {
        ["clt.sim", "act.sim", "rft.sim"]
    }

    fn second_app(&self) -> Option<&'static str> {
        Some("ocean")
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        if ocean::is(&call.path) {
            return ocean::answer(call);
        }
        if let Some(answer) = access::answer(call) {
            return answer;
        }
        respond(call).map_or_else(|fault| refused(call, fault), |body| Answer::json(200, body))
    }

    fn refuse(&self, call: &Call<'_>, refusal: Refusal) -> Answer {
        if ocean::is(&call.path) {
            return ocean::refuse(call, refusal);
        }
        match refusal {
            Refusal::RateLimit => refused(call, (28_003_018, "请求过于频繁")),
            Refusal::QuotaExhausted | Refusal::CreditsDepleted => refused(call, OUT_OF_QUOTA),
            Refusal::TokenExpired => refused(call, TOKEN_EXPIRED),
            Refusal::Forbidden => refused(call, (2_190_004, "应用未获得该能力")),
            Refusal::Trouble(200) => refused(call, (2_100_004, "系统繁忙,此时请开发者稍候再试")),
            Refusal::Trouble(status) => Answer::html(status, "<html><body>Bad Gateway</body></html>"),
        }
    }
}

fn log_id(call: &Call<'_>) -> String {
    format!("{}SIM", Offset::constant(8).to_datetime(call.now).strftime("%Y%m%d%H%M%S"))
}

/// The classic envelope.
fn envelope(call: &Call<'_>, fill: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    enveloped(call, (0, ""), fill)
}

fn refused(call: &Call<'_>, fault: Fault) -> Answer {
    Answer::json(200, enveloped(call, fault, |_| {}))
}

fn enveloped(call: &Call<'_>, (code, words): Fault, fill: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    call.json().object(|root| {
        root.object("data", |data| {
            data.int("error_code", code);
            data.text("description", words);
            fill(data);
        });
        root.object("extra", |extra| {
            extra.int("error_code", code);
            extra.text("description", words);
            extra.int("sub_error_code", 0);
            extra.text("sub_description", "");
            extra.text("logid", &log_id(call));
            extra.int("now", call.now.as_millisecond());
        });
    })
}

fn respond(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let own = access::owner(call)?;
    let limit = Limit { pool: "open", calls: DAILY, window: 86_400, shift: BEIJING };
    let standing = call.desk.ledger.take(limit, u64::from(own.key.0), call.clock);
    if standing.exceeded && call.desk.config.enforce_limits {
        call.desk.ledger.count_throttled();
        return Err(OUT_OF_QUOTA);
    }
    match (call.method.as_str(), call.path.as_str()) {
        ("GET", "/oauth/userinfo") => Ok(open::user(call, own)),
        ("GET", "/api/douyin/v1/video/video_list" | "/video/list") => videos::list(call, own),
        ("POST", "/api/douyin/v1/video/video_data" | "/video/data") => videos::data(call, own),
        ("GET", "/data/external/item/base") => videos::base(call, own),
        ("GET", "/item/comment/list" | "/video/comment/list") => videos::comments(call, own),
        ("GET", "/api/douyin/v1/user/fans_data" | "/fans/data") => Ok(open::portrait(call, own)),
        ("GET", "/data/extern/fans/source") => Ok(open::sources(call)),
        ("GET", "/data/extern/fans/favourite" | "/data/extern/fans/comment") => Ok(open::favourites(call)),
        ("GET", path) => {
            if let Some(what) = path.strip_prefix("/data/external/user/") {
                return open::account_days(call, own, what);
            }
            let what = path.strip_prefix("/data/external/item/").ok_or((28_001_007, "接口不存在"))?;
            videos::item_days(call, own, what)
        }
        _ => Err((28_001_007, "接口不存在")),
    }
}

/// The last days that are told, as many as asked: 7, 15 or 30.
fn days(call: &Call<'_>) -> Result<DateSpan, Fault> {
    let count = match call.param("date_type") {
        Some("7") => 7,
        Some("15") => 15,
        Some("30") => 30,
        _ => return Err(BAD_PARAMETER),
    };
    let end = told_until(call);
    Ok(DateSpan::new(add_days(end, -count), end))
}

/// The first day that is not told yet.
fn told_until(call: &Call<'_>) -> Date {
    let (today, hour) = call.beijing();
    if hour >= READY_HOUR { today } else { add_days(today, -1) }
}
