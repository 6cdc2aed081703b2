//! Tokens of Douyin's open platform: a person's for fifteen days, renewed by one of thirty, which itself is
//! renewed five times at most.

use super::{Fault, TOKEN_EXPIRED, TOKEN_INVALID, log_id};
use crate::{
    AccountKey, Network, Profile,
    call::{Answer, Call, find},
    token::Kind,
};

const LIFE: i64 = 1_296_000;
const REFRESH_LIFE: i64 = 2_592_000;
const APP_LIFE: i64 = 7200;
const RENEWALS: i64 = 5;
const SCOPE: &str =
    "user_info,video.list.bind,video.data.bind,data.external.user,data.external.item,fans.data.bind";

/// Answers calls about tokens; `None` for all others.
pub(super) fn answer(call: &Call<'_>) -> Option<Answer> {
    match call.path.as_str() {
        "/platform/oauth/connect" => Some(connect(call)),
        "/oauth/access_token" => Some(exchange(call)),
        "/oauth/refresh_token" => Some(refresh(call)),
        "/oauth/renew_refresh_token" => Some(renew(call)),
        "/oauth/client_token" => Some(client_token(call)),
        _ => None,
    }
}

/// The account that the token belongs to; `open_id` must be its own.
pub(super) fn owner<'w>(call: &Call<'w>) -> Result<&'w Profile, Fault> {
    let token = call.header("access-token").or(call.param("access_token")).ok_or(TOKEN_INVALID)?;
    let bearer = call.desk.tokens.read_undated(token).map_err(|_| TOKEN_INVALID)?;
    let profile = call.world.account(bearer.account.person());
    if bearer.account.is_at_second_app() || bearer.kind != Kind::User || profile.network != Network::Douyin {
        return Err(TOKEN_INVALID);
    }
    let expires = call.desk.note(&life(bearer.account, bearer.expires)).unwrap_or(bearer.expires);
    if expires != 0 && call.clock.as_second() >= expires {
        return Err(TOKEN_EXPIRED);
    }
    match call.param("open_id") {
        Some(id) if id == profile.platform_id => Ok(profile),
        Some(_) => Err((2_190_015, "access_token与open_id不匹配")),
        None => Err(super::BAD_PARAMETER),
    }
}

/// Where it is remembered how long a token lives that was made to live until `expires`: refreshing a living
/// token keeps its text.
fn life(account: AccountKey, expires: i64) -> String {
    format!("life:{}:{expires}", account.0)
}

fn newest(account: AccountKey) -> String {
    format!("newest:{}", account.0)
}

fn renewals(account: AccountKey) -> String {
    format!("renewals:{}", account.0)
}

fn connect(call: &Call<'_>) -> Answer {
    let asked = |key| call.param(key).unwrap_or_default();
    let redirect = asked("redirect_uri");
    if asked("client_key") != call.desk.config.client_id || redirect.is_empty() {
        return Answer::html(200, "<!doctype html><html><body><p>client_key不合法</p></body></html>");
    }
    let until = call.clock.as_second() + 600;
    let scope = if asked("scope").is_empty() { SCOPE } else { asked("scope") };
    let code = call.desk.tokens.consent(call.desk.visitor(), redirect, None, scope, until, call.clock);
    let state: String = form_urlencoded::byte_serialize(asked("state").as_bytes()).collect();
    let sign = if redirect.contains('?') { '&' } else { '?' };
    Answer::redirect(format!("{redirect}{sign}code={code}&state={state}"))
}

fn given(call: &Call<'_>, key: &str) -> String {
    find(&call.form(), key).or(call.param(key)).unwrap_or_default().to_owned()
}

fn exchange(call: &Call<'_>) -> Answer {
    if given(call, "client_key") != call.desk.config.client_id {
        return refused(call, 10014, "client_key不匹配");
    }
    if given(call, "client_secret") != call.desk.config.client_secret {
        return refused(call, 10013, "client_key或client_secret错误");
    }
    match call.desk.tokens.exchange(&given(call, "code"), None, None, call.clock) {
        Some(granted) => {
            call.desk.remember(renewals(granted.account), 0);
            let refresh = call.desk.tokens.refresh(granted.account, call.clock.as_second() + REFRESH_LIFE);
            issue(call, granted.account, &granted.scope, Some(refresh), REFRESH_LIFE)
        }
        None => refused(call, 10007, "code过期"),
    }
}

fn refresh(call: &Call<'_>) -> Answer {
    if given(call, "client_key") != call.desk.config.client_id {
        return refused(call, 10014, "client_key不匹配");
    }
    let text = given(call, "refresh_token");
    match call.desk.tokens.redeem(&text, call.clock, true) {
        Ok(account) => {
            let expires = call.desk.tokens.read_undated(&text).map_or(0, |bearer| bearer.expires);
            let left = if expires == 0 { REFRESH_LIFE } else { expires - call.clock.as_second() };
            issue(call, account, SCOPE, Some(text), left)
        }
        Err(_) => refused(call, 10010, "refresh_token过期"),
    }
}

/// Gives the account's token: a living one with a longer life, or a new one.
fn issue(
    call: &Call<'_>,
    account: AccountKey,
    scope: &str,
    refresh: Option<String>,
    refresh_left: i64,
) -> Answer {
    let until = call.clock.as_second() + LIFE;
    let living = call.desk.note(&newest(account)).filter(|made| {
        call.desk.note(&life(account, *made)).is_some_and(|expires| expires > call.clock.as_second())
    });
    let made = living.unwrap_or(until);
    call.desk.remember(newest(account), made);
    call.desk.remember(life(account, made), until);
    let body = call.json().object(|root| {
        root.object("data", |data| {
            data.text("access_token", &call.desk.tokens.user(account, made));
            data.int("expires_in", LIFE);
            data.text("refresh_token", refresh.as_deref().unwrap_or_default());
            data.int("refresh_expires_in", refresh_left);
            data.text("open_id", &call.world.account(account).platform_id);
            data.text("scope", scope);
            data.int("error_code", 0);
            data.text("description", "");
            data.text("captcha", "");
            data.text("desc_url", "");
            data.text("log_id", &log_id(call));
        });
        root.text("message", "success");
    });
    Answer::json(200, body)
}

fn renew(call: &Call<'_>) -> Answer {
    let text = given(call, "refresh_token");
    let Ok(bearer) = call.desk.tokens.read(&text, call.clock) else {
        return refused(call, 10010, "refresh_token过期");
    };
    let done = call.desk.note(&renewals(bearer.account)).unwrap_or(0);
    if done >= RENEWALS {
        return refused(call, 10020, "refresh_token续期次数已达上限");
    }
    let Ok(account) = call.desk.tokens.redeem(&text, call.clock, false) else {
        return refused(call, 10010, "refresh_token过期");
    };
    call.desk.remember(renewals(account), done + 1);
    let body = call.json().object(|root| {
        root.object("data", |data| {
            data.text(
                "refresh_token",
                &call.desk.tokens.refresh(account, call.clock.as_second() + REFRESH_LIFE),
            );
            data.int("expires_in", REFRESH_LIFE);
            data.int("error_code", 0);
            data.text("description", "");
        });
        root.text("message", "success");
    });
    Answer::json(200, body)
}

fn client_token(call: &Call<'_>) -> Answer {
    let config = &call.desk.config;
    if given(call, "client_key") != config.client_id || given(call, "client_secret") != config.client_secret {
        return refused(call, 10013, "client_key或client_secret错误");
    }
    let token = call.desk.tokens.app(call.clock.as_second() + APP_LIFE);
    let body = call.json().object(|root| {
        root.object("data", |data| {
            data.text("access_token", &token);
            data.int("expires_in", APP_LIFE);
            data.int("error_code", 0);
            data.text("description", "");
        });
        root.text("message", "success");
    });
    Answer::json(200, body)
}

fn refused(call: &Call<'_>, code: i64, words: &str) -> Answer {
    let body = call.json().object(|root| {
        root.object("data", |data| {
            data.int("error_code", code);
            data.text("description", words);
            data.text("log_id", &log_id(call));
        });
        root.text("message", "error");
    });
    Answer::json(200, body)
}
