//! Tokens of Google: a person's consent, the refresh token that stays, and a service account's statement.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::{
    AccountKey,
    call::{Answer, Call, find},
    service_account::EMAIL,
};

const LIFE: i64 = 3599;

/// How long a statement may be good for, and by how much its author's clock may be ahead.
const LONGEST_STATEMENT: i64 = 3600;
const SKEW: i64 = 300;

const ANALYTICS: &str = "https://www.googleapis.com/auth/analytics.readonly";
const BUSINESS: &str = "https://www.googleapis.com/auth/business.manage";

/// Google's own address for tokens.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// What is refused: HTTP status, Google's word for it, and its description.
struct Refused(u16, &'static str, &'static str);

impl Refused {
    fn grant(description: &'static str) -> Self {
        Self(400, "invalid_grant", description)
    }
}

/// Answers calls about tokens; `None` for all others.
pub(super) fn answer(call: &Call<'_>) -> Option<Answer> {
    match (call.method.as_str(), call.path.as_str()) {
        ("GET", "/o/oauth2/v2/auth") => Some(authorize(call)),
        ("POST", "/token") => Some(token(call).unwrap_or_else(|refused| refuse(call, &refused))),
        _ => None,
    }
}

fn authorize(call: &Call<'_>) -> Answer {
    let asked = |key| call.param(key).unwrap_or_default();
    let until = call.clock.as_second() + 600;
    let challenge =
        call.param("code_challenge").map(|text| (text.to_owned(), asked("code_challenge_method") == "S256"));
    let code = call.desk.tokens.consent(
        call.desk.visitor(),
        asked("redirect_uri"),
        challenge,
        asked("scope"),
        until,
        call.clock,
    );
    let state: String = form_urlencoded::byte_serialize(asked("state").as_bytes()).collect();
    Answer::redirect(format!("{}?state={state}&code={code}", asked("redirect_uri")))
}

/// A token for a code, for a refresh token that stays, or for a service account's signed statement.
fn token(call: &Call<'_>) -> Result<Answer, Refused> {
    let form = call.form();
    let given = |key| find(&form, key).unwrap_or_default();
    let tokens = &call.desk.tokens;
    match given("grant_type") {
        "authorization_code" => {
            of_the_app(call, &form)?;
            let verifier = find(&form, "code_verifier");
            let granted = tokens.exchange(given("code"), Some(given("redirect_uri")), verifier, call.clock);
            let account = granted.ok_or(Refused::grant("Bad Request"))?.account;
            Ok(issue(call, account, ANALYTICS, Some(tokens.refresh(account, 0))))
        }
        "refresh_token" => {
            of_the_app(call, &form)?;
            let account = tokens.redeem(given("refresh_token"), call.clock, true);
            let account = account.map_err(|_| Refused::grant("Token has been expired or revoked."))?;
            Ok(issue(call, account, ANALYTICS, None))
        }
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
            let scope = statement(call, given("assertion"))?;
            Ok(issue(call, call.desk.visitor(), &scope, None))
        }
        _ => Err(Refused(400, "unsupported_grant_type", "Invalid grant_type: ")),
    }
}

fn of_the_app(call: &Call<'_>, form: &[(String, String)]) -> Result<(), Refused> {
    let given = |key| find(form, key).unwrap_or_default();
    let config = &call.desk.config;
    if given("client_id") == config.client_id && given("client_secret") == config.client_secret {
        return Ok(());
    }
    Err(Refused(401, "invalid_client", "The provided client secret is invalid."))
}

/// The scopes that a service account's statement asks for, where all of it is as it must be.
fn statement(call: &Call<'_>, assertion: &str) -> Result<String, Refused> {
    let (said, signature) = assertion.rsplit_once('.').unwrap_or_default();
    let (header, claims) = said.split_once('.').unwrap_or_default();
    let read =
        |part: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok() };
    let (Some(header), Some(claims)) = (read(header), read(claims)) else {
        return Err(Refused(400, "invalid_request", "Bad Request"));
    };
    if claims["iss"] != EMAIL {
        return Err(Refused::grant("Invalid grant: account not found"));
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    if header["alg"] != "RS256" || !call.desk.is_signed(said, &signature) {
        return Err(Refused::grant("Invalid JWT Signature."));
    }
    let own = call.header("host").map(|host| format!("http://{host}/token"));
    let audience = claims["aud"].as_str();
    if audience != Some(TOKEN_URI) && audience != own.as_deref() {
        return Err(Refused::grant("Invalid JWT: Failed audience check."));
    }
    let now = call.clock.as_second();
    let in_time = claims["iat"]
        .as_i64()
        .zip(claims["exp"].as_i64())
        .is_some_and(|(from, to)| to - from <= LONGEST_STATEMENT && from <= now + SKEW && now < to);
    if !in_time {
        return Err(Refused::grant(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat \
             and exp values in the JWT claim.",
        ));
    }
    let scope = claims["scope"].as_str().unwrap_or_default();
    let known = |scope: &str| [ANALYTICS, BUSINESS].contains(&scope);
    if scope.is_empty() || !scope.split(' ').all(known) {
        return Err(Refused(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided."));
    }
    Ok(scope.to_owned())
}

fn issue(call: &Call<'_>, account: AccountKey, scope: &str, refresh: Option<String>) -> Answer {
    let body = call.json().object(|root| {
        root.text("access_token", &call.desk.tokens.user(account, call.clock.as_second() + LIFE));
        root.int("expires_in", LIFE);
        root.text("token_type", "Bearer");
        root.text("scope", scope);
        if let Some(refresh) = &refresh {
            root.text("refresh_token", refresh);
        }
    });
    Answer::json(200, body)
}

fn refuse(call: &Call<'_>, Refused(status, error, description): &Refused) -> Answer {
    let body = call.json().object(|root| {
        root.text("error", error);
        root.text("error_description", description);
    });
    Answer::json(*status, body)
}
