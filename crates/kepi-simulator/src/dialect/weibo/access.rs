//! Tokens of Weibo: a person's consent, again and again; nothing renews them.

use super::Fault;
use crate::{
    Network, Profile,
    call::{Answer, Call, find},
    token::{BadToken, Kind},
};

/// How long a reviewed application's token lives, in seconds.
const LIFE: i64 = 2_626_641;
const CODE_LIFE: i64 = 600;

/// Answers calls about tokens; `None` for all others.
pub(super) fn answer(call: &Call<'_>) -> Option<Answer> {
    match call.path.as_str() {
        "/oauth2/authorize" => Some(authorize(call)),
        "/oauth2/access_token" => Some(exchange(call)),
        "/oauth2/get_token_info" => Some(info(call)),
        "/oauth2/revokeoauth2" => Some(revoke(call)),
        _ => None,
    }
}

/// A parameter of the form or of the query.
fn given(call: &Call<'_>, key: &str) -> String {
    find(&call.form(), key).or(call.param(key)).unwrap_or_default().to_owned()
}

/// The account that the token belongs to.
pub(super) fn owner<'w>(call: &Call<'w>) -> Result<&'w Profile, Fault> {
    let header = call.header("authorization").and_then(|value| value.strip_prefix("OAuth2 "));
    let token =
        call.param("access_token").or(header).ok_or((401, 10006, "source paramter(appkey) is missing"))?;
    let bearer = call.desk.tokens.read(token, call.clock).map_err(|bad| match bad {
        BadToken::Unknown => (401, 21332, "invalid_access_token"),
        BadToken::Expired => (401, 21327, "expired_token"),
    })?;
    let profile = call.world.account(bearer.account);
    let ours = bearer.kind == Kind::User && profile.network == Network::Weibo;
    if ours { Ok(profile) } else { Err((401, 21332, "invalid_access_token")) }
}

fn authorize(call: &Call<'_>) -> Answer {
    let asked = |key| call.param(key).unwrap_or_default();
    if asked("client_id") != call.desk.config.client_id {
        return refused(
            call,
            400,
            21324,
            "invalid_client",
            "client_id or client_secret parameter is invalid",
        );
    }
    let redirect = asked("redirect_uri");
    if redirect.is_empty() {
        return refused(call, 400, 21322, "redirect_uri_mismatch", "redirect_uri mismatch");
    }
    let until = call.clock.as_second() + CODE_LIFE;
    let code = call.desk.tokens.consent(call.desk.visitor(), redirect, None, "", until, call.clock);
    let state: String = form_urlencoded::byte_serialize(asked("state").as_bytes()).collect();
    let sign = if redirect.contains('?') { '&' } else { '?' };
    Answer::redirect(format!("{redirect}{sign}state={state}&code={code}"))
}

fn exchange(call: &Call<'_>) -> Answer {
    let config = &call.desk.config;
    if given(call, "client_id") != config.client_id || given(call, "client_secret") != config.client_secret {
        return refused(
            call,
            401,
            21324,
            "invalid_client",
            "client_id or client_secret parameter is invalid",
        );
    }
    if given(call, "grant_type") != "authorization_code" {
        return refused(call, 400, 21328, "unsupported_grant_type", "unsupported grant_type");
    }
    let (code, redirect) = (given(call, "code"), given(call, "redirect_uri"));
    let Some(granted) = call.desk.tokens.exchange(&code, Some(&redirect), None, call.clock) else {
        let words = format!("invalid authorization code:{code}");
        return refused(call, 400, 21325, "invalid_grant", &words);
    };
    let token = call.desk.tokens.user(granted.account, call.clock.as_second() + LIFE);
    let body = call.json().object(|root| {
        root.text("access_token", &token);
        root.shown("remind_in", LIFE);
        root.int("expires_in", LIFE);
        root.text("uid", &call.world.account(granted.account).platform_id);
        root.text("isRealName", "true");
    });
    Answer::json(200, body)
}

fn info(call: &Call<'_>) -> Answer {
    let token = given(call, "access_token");
    let Ok(bearer) = call.desk.tokens.read(&token, call.clock) else {
        return refused(call, 401, 21332, "invalid_access_token", "invalid access token");
    };
    let expires = if bearer.expires == 0 { call.clock.as_second() + LIFE } else { bearer.expires };
    let body = call.json().object(|root| {
        root.bare("uid", &call.world.account(bearer.account).platform_id);
        root.text("appkey", &call.desk.config.client_id);
        root.bare("scope", "null");
        root.int("create_at", expires - LIFE);
        root.int("expire_in", expires - call.clock.as_second());
    });
    Answer::json(200, body)
}

fn revoke(call: &Call<'_>) -> Answer {
    let token = given(call, "access_token");
    match call.desk.tokens.read(&token, call.clock) {
        Ok(bearer) => {
            call.desk.tokens.revoke(bearer.account);
            Answer::json(200, call.json().object(|root| root.flag("result", true)))
        }
        Err(_) => refused(call, 401, 21332, "invalid_access_token", "invalid access token"),
    }
}

fn refused(call: &Call<'_>, status: u16, code: i64, error: &str, description: &str) -> Answer {
    let body = call.json().object(|root| {
        root.text("error", error);
        root.int("error_code", code);
        root.text("request", &call.path);
        root.text("error_uri", &call.path);
        root.text("error_description", description);
    });
    Answer::json(status, body)
}
