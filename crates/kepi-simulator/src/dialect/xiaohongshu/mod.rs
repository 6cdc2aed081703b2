//! Xiaohongshu: the marketing API (聚光) and the results of ordered notes (蒲公英). There is no API for a
//! brand's own organic numbers.
//!
//! The platform's table of error codes is not public; the codes for tokens, frequency and permission here are
//! invented, their words are what a caller can go by.

mod access;
mod notes;
mod report;

use super::Dialect;
use crate::{
    Network,
    call::{Answer, Call},
    fault::Refusal,
    json::Object,
    ledger::Limit,
};

/// Calls a minute of a token; the platform publishes no number.
const MINUTE: u32 = 600;

pub(crate) struct Xiaohongshu;

/// What goes wrong: a code and its words.
type Fault = (i64, String);

fn bad(words: impl Into<String>) -> Fault {
    (10002, words.into())
}

fn expired() -> Fault {
    (10401, "access_token已过期或无效,请刷新".to_owned())
}

fn forbidden() -> Fault {
    (10403, "没有权限访问该广告主".to_owned())
}

fn too_often() -> Fault {
    (10429, "请求过于频繁,请稍后再试".to_owned())
}

impl Dialect for Xiaohongshu {
    fn name(&self) -> &'static str {
        Network::Xiaohongshu.name()
    }

    fn token_prefixes(&self) -> [&'static str; 3] {
        ["xhs-sim-"; 3]
    }

    fn second_app(&self) -> Option<&'static str> {
        Some("pugongying")
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        if let Some(answer) = access::answer(call) {
            return answer;
        }
        respond(call).map_or_else(|fault| refused(call, &fault), |body| Answer::json(200, body))
    }

    fn refuse(&self, call: &Call<'_>, refusal: Refusal) -> Answer {
        match refusal {
            Refusal::RateLimit => refused(call, &too_often()),
            Refusal::QuotaExhausted | Refusal::CreditsDepleted => {
                refused(call, &(10430, "今日调用次数已达上限".to_owned()))
            }
            Refusal::TokenExpired => refused(call, &expired()),
            Refusal::Forbidden => refused(call, &forbidden()),
            Refusal::Trouble(200) => refused(call, &(10000, "系统异常".to_owned())),
            Refusal::Trouble(status) => Answer::html(status, "<html><body>Bad Gateway</body></html>"),
        }
    }
}

fn refused(call: &Call<'_>, (code, words): &Fault) -> Answer {
    let body = call.json().object(|root| {
        root.int("code", *code);
        root.flag("success", false);
        root.text("msg", words);
        root.bare("data", "null");
        root.text("request_id", &request_id(call));
    });
    Answer::json(200, body)
}

fn request_id(call: &Call<'_>) -> String {
    format!("sim-{:x}", call.now.as_millisecond())
}

fn envelope(call: &Call<'_>, fill: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    call.json().object(|root| {
        root.int("code", 0);
        root.flag("success", true);
        root.text("msg", "成功");
        root.text("request_id", &request_id(call));
        root.object("data", fill);
    })
}

fn respond(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let own = access::owner(call)?;
    let limit = Limit { pool: "minute", calls: MINUTE, window: 60, shift: 0 };
    let standing = call.desk.ledger.take(limit, u64::from(own.key.0), call.clock);
    if standing.exceeded && call.desk.config.enforce_limits {
        call.desk.ledger.count_throttled();
        return Err(too_often());
    }
    let path = call.path.strip_prefix("/api/open").unwrap_or_default();
    if (call.method.as_str(), path) == ("GET", "/jg/account/balance/info") {
        access::advertiser(own, call.param("advertiser_id").map(str::to_owned))?;
        return Ok(report::balance(call, own));
    }
    let body = call.json_body().filter(|body| body.is_object()).ok_or_else(|| bad("请求体不合法"))?;
    if path == "/pgy/note/post/data" {
        return notes::ordered(call, own, &body);
    }
    let asked = &body["advertiser_id"];
    access::advertiser(own, asked.as_u64().map(|id| id.to_string()).or(asked.as_str().map(str::to_owned)))?;
    if path == "/jg/campaign/list" {
        return Ok(report::campaigns(call, own));
    }
    if let Some(level) = report::level_of(path) {
        return report::offline(call, own, level, &body);
    }
    match path.strip_prefix("/jg/data/report/realtime/") {
        Some(level) => report::realtime(call, own, level),
        None => Err(bad("接口不存在")),
    }
}
