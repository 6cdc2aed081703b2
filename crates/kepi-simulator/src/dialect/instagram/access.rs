//! Tokens of both logins: a short one for a code, a long one for a short one, renewed while it lives.

use super::{Fault, error_body, refused};
use crate::{
    AccountKey, Network, Profile,
    call::{Answer, Call, find},
    token::Kind,
};

const SHORT_LIFE: i64 = 3600;
const LONG_LIFE: i64 = 5_183_944;
const DAY: i64 = 86_400;

/// Answers calls about tokens; `None` for all others.
pub(super) fn answer(call: &Call<'_>) -> Option<Answer> {
    let path = super::nodes::unversioned(&call.path);
    match (call.method.as_str(), path) {
        ("GET", "/oauth/authorize" | "/dialog/oauth") => Some(authorize(call)),
        ("POST" | "GET", "/oauth/access_token") => Some(told(call, by_code_or_exchange(call))),
        ("GET", "/access_token") => Some(told(call, lengthen(call, "access_token"))),
        ("GET", "/refresh_access_token") => Some(told(call, renew(call))),
        _ => None,
    }
}

fn told(call: &Call<'_>, result: Result<Vec<u8>, Fault>) -> Answer {
    result.map_or_else(|fault| refused(call, &fault), |body| Answer::json(200, body))
}

fn given(call: &Call<'_>, key: &str) -> String {
    find(&call.form(), key).or(call.param(key)).unwrap_or_default().to_owned()
}

/// The account that the token belongs to.
pub(super) fn owner<'w>(call: &Call<'w>) -> Result<&'w Profile, Fault> {
    let token = call.param("access_token").or(call.bearer());
    let token =
        token.ok_or_else(|| Fault::new(104, "An access token is required to request this resource."))?;
    account(call, token).map(|key| call.world.account(key))
}

fn account(call: &Call<'_>, token: &str) -> Result<AccountKey, Fault> {
    let bearer = call.desk.tokens.read(token, call.clock).map_err(|bad| match bad {
        crate::token::BadToken::Expired => Fault::expired(),
        crate::token::BadToken::Unknown => {
            Fault::new(190, "Invalid OAuth access token - Cannot parse access token")
        }
    })?;
    let ours = bearer.kind != Kind::App && call.world.account(bearer.account).network == Network::Instagram;
    if ours { Ok(bearer.account) } else { Err(Fault::new(190, "Invalid OAuth access token").sub(467)) }
}

fn authorize(call: &Call<'_>) -> Answer {
    let asked = |key| call.param(key).unwrap_or_default();
    let redirect = asked("redirect_uri");
    if asked("client_id") != call.desk.config.client_id || redirect.is_empty() {
        return Answer::json(400, error_body(call, &Fault::new(101, "Invalid platform app")));
    }
    let until = call.clock.as_second() + 3600;
    let code =
        call.desk.tokens.consent(call.desk.visitor(), redirect, None, asked("scope"), until, call.clock);
    let state: String = form_urlencoded::byte_serialize(asked("state").as_bytes()).collect();
    let sign = if redirect.contains('?') { '&' } else { '?' };
    Answer::redirect(format!("{redirect}{sign}code={code}&state={state}"))
}

fn is_client(call: &Call<'_>) -> bool {
    given(call, "client_secret") == call.desk.config.client_secret
}

fn by_code_or_exchange(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    if given(call, "grant_type") == "fb_exchange_token" {
        return lengthen(call, "fb_exchange_token");
    }
    if !is_client(call) || given(call, "client_id") != call.desk.config.client_id {
        return Err(Fault::new(101, "Error validating client secret."));
    }
    let redirect = given(call, "redirect_uri");
    let granted = call.desk.tokens.exchange(&given(call, "code"), Some(&redirect), None, call.clock);
    let granted = granted
        .ok_or_else(|| Fault::new(100, "This authorization code has been used or has expired.").sub(36009))?;
    // A short token is of the kind that renews: good for an hour's calls and for one exchange.
    let token = call.desk.tokens.refresh(granted.account, call.clock.as_second() + SHORT_LIFE);
    Ok(call.json().object(|root| {
        root.text("access_token", &token);
        if call.method == "POST" {
            root.bare("user_id", &call.world.account(granted.account).platform_id);
            root.text("permissions", "instagram_business_basic,instagram_business_manage_insights");
        } else {
            root.text("token_type", "bearer");
            root.int("expires_in", SHORT_LIFE);
        }
    }))
}

/// A long token for a living short one.
fn lengthen(call: &Call<'_>, key: &str) -> Result<Vec<u8>, Fault> {
    if !is_client(call) {
        return Err(Fault::new(101, "Error validating client secret."));
    }
    let account = account(call, &given(call, key))?;
    Ok(long(call, account))
}

/// A fresh long token for a long one that is a day old and alive.
fn renew(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let token = given(call, "access_token");
    let account = account(call, &token)?;
    let bearer = call.desk.tokens.read_undated(&token).map_err(|_| Fault::expired())?;
    let age = LONG_LIFE - (bearer.expires - call.clock.as_second());
    if bearer.kind != Kind::User || bearer.expires != 0 && age < DAY {
        return Err(Fault::new(100, "The access token must be a long-lived one and at least 24 hours old"));
    }
    Ok(long(call, account))
}

fn long(call: &Call<'_>, account: AccountKey) -> Vec<u8> {
    let token = call.desk.tokens.user(account, call.clock.as_second() + LONG_LIFE);
    call.json().object(|root| {
        root.text("access_token", &token);
        root.text("token_type", "bearer");
        root.int("expires_in", LONG_LIFE);
    })
}
