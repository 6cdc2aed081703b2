//! Tokens of the marketing API: a day, renewed by one of thirty; each refresh kills the pair before it.

use serde_json::Value;

use super::{Fault, bad, envelope, expired, forbidden, refused};
use crate::{
    AccountKey, Network, Profile,
    call::{Answer, Call},
    token::Kind,
};

const LIFE: i64 = 86_399;
const REFRESH_LIFE: i64 = 2_591_999;
/// The application's number, beside the simulated client's name.
const APP: u64 = 11_000;

/// The scope of a consent for reports; one without it is for ordered notes.
const REPORTS: &str = "report_service";

/// Answers calls about tokens; `None` for all others.
pub(super) fn answer(call: &Call<'_>) -> Option<Answer> {
    match (call.method.as_str(), call.path.as_str()) {
        ("GET", "/auth" | "/aurora/openApiAuth") => Some(authorize(call)),
        ("POST", "/api/open/oauth2/access_token") => Some(told(call, exchange(call))),
        ("POST", "/api/open/oauth2/refresh_token") => Some(told(call, refresh(call))),
        _ => None,
    }
}

fn told(call: &Call<'_>, result: Result<Vec<u8>, Fault>) -> Answer {
    result.map_or_else(|fault| refused(call, &fault), |body| Answer::json(200, body))
}

/// The account that the token belongs to. What is consented to for reports (聚光) is not good for notes (蒲公英), nor
/// the other way round.
pub(super) fn owner<'w>(call: &Call<'w>) -> Result<&'w Profile, Fault> {
    let bearer = call.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let token = call.header("access-token").or(bearer).ok_or_else(expired)?;
    let bearer = call.desk.tokens.read_newest(token, call.clock).map_err(|_| expired())?;
    let profile = call.world.account(bearer.account.person());
    if bearer.kind != Kind::User || profile.network != Network::Xiaohongshu {
        return Err(expired());
    }
    let of_notes = call.path.starts_with("/api/open/pgy/");
    if of_notes == bearer.account.is_at_second_app() { Ok(profile) } else { Err(forbidden()) }
}

/// Checks that the advertiser asked for is the token's.
pub(super) fn advertiser(own: &Profile, asked: Option<String>) -> Result<(), Fault> {
    match asked {
        Some(id) if id == own.platform_id => Ok(()),
        Some(_) => Err(forbidden()),
        None => Err(bad("advertiser_id不能为空")),
    }
}

fn authorize(call: &Call<'_>) -> Answer {
    let asked = |key| call.param(key).unwrap_or_default();
    let redirect = asked("redirect_uri");
    let ours = [APP.to_string().as_str(), call.desk.config.client_id.as_str()].contains(&asked("app_id"));
    if !ours || redirect.is_empty() {
        return Answer::html(400, "<!doctype html><html><body><p>app_id不合法</p></body></html>");
    }
    let until = call.clock.as_second() + 600;
    let visitor = call.desk.visitor();
    let visitor = if asked("scope").contains(REPORTS) { visitor } else { visitor.at_second_app() };
    let code = call.desk.tokens.consent(visitor, redirect, None, asked("scope"), until, call.clock);
    let state: String = form_urlencoded::byte_serialize(asked("state").as_bytes()).collect();
    let sign = if redirect.contains('?') { '&' } else { '?' };
    Answer::redirect(format!("{redirect}{sign}auth_code={code}&state={state}"))
}

/// The body of a call by the application itself.
fn by_app(call: &Call<'_>) -> Result<Value, Fault> {
    let body = call.json_body().ok_or_else(|| bad("请求体不合法"))?;
    let config = &call.desk.config;
    let app = &body["app_id"];
    let known = app.as_u64() == Some(APP) || app.as_str() == Some(config.client_id.as_str());
    if known && body["secret"].as_str() == Some(config.client_secret.as_str()) {
        Ok(body)
    } else {
        Err((10400, "app_id或secret错误".to_owned()))
    }
}

fn exchange(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let body = by_app(call)?;
    let code = body["auth_code"].as_str().unwrap_or_default();
    let granted = call.desk.tokens.exchange(code, None, None, call.clock);
    let granted = granted.ok_or_else(|| (10404, "auth_code无效或已使用".to_owned()))?;
    Ok(issue(call, granted.account))
}

fn refresh(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let body = by_app(call)?;
    let text = body["refresh_token"].as_str().unwrap_or_default();
    let account = call.desk.tokens.redeem(text, call.clock, false);
    Ok(issue(call, account.map_err(|_| (10405, "refresh_token无效或已过期".to_owned()))?))
}

fn issue(call: &Call<'_>, account: AccountKey) -> Vec<u8> {
    let now = call.clock.as_second();
    let profile = call.world.account(account.person());
    envelope(call, |data| {
        data.text("access_token", &call.desk.tokens.user(account, now + LIFE));
        data.int("access_token_expires_in", LIFE);
        data.text("refresh_token", &call.desk.tokens.refresh(account, now + REFRESH_LIFE));
        data.int("refresh_token_expires_in", REFRESH_LIFE);
        data.text("user_id", "5f0000000000000000000001");
        data.bare("app_id", APP);
        data.int("approval_role_type", 4);
        data.int("role_type", 1);
        data.int("platform_type", 1);
        data.array("approval_advertisers", |list| {
            list.object(|o| {
                o.bare("advertiser_id", &profile.platform_id);
                o.text("advertiser_name", &format!("{}-聚光01", profile.name));
            });
        });
        data.text("scope", if account.is_at_second_app() { "" } else { REPORTS });
    })
}
