//! The answers to token exchanges.

use kepi_core::{Error, ErrorKind, Response, Result, Token, json::Whole};
use serde::Deserialize;

use super::failure;
use crate::descriptor::OCEAN;

#[derive(Deserialize)]
struct Answer {
    data: Option<Granted>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Whole,
    refresh_token: Option<String>,
    #[serde(default, alias = "refresh_token_expires_in")]
    refresh_expires_in: Whole,
    open_id: Option<String>,
    scope: Option<String>,
}

/// Reads a token. The causes of errors are left out, because they might quote it.
pub(crate) fn read(kind: &str, response: &Response) -> Result<Token> {
    if let Some(error) = failure::of(response) {
        return Err(of_exchange(error));
    }
    let unknown =
        || Error::bad_response("the answer to the token exchange has an unknown shape").with("token", kind);
    let answer: Answer = serde_json::from_slice(&response.body).map_err(|_| unknown())?;
    let granted = answer.data.ok_or_else(unknown)?;
    let said = |text: Option<String>| text.filter(|text| !text.is_empty());
    let seconds = |number: Whole| number.0.and_then(|seconds| u64::try_from(seconds).ok());
    let refresh = said(granted.refresh_token);
    let scopes = said(granted.scope).unwrap_or_default();
    let token = Token {
        access: granted.access_token.unwrap_or_default().into(),
        refresh: refresh.clone().map(Into::into),
        expires_in_secs: seconds(granted.expires_in),
        refresh_expires_in_secs: seconds(granted.refresh_expires_in),
        scopes: scopes.split([',', ' ']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
        subject: said(granted.open_id),
    };
    let empty = kepi_core::credential::ExposeSecret::expose_secret(&token.access).is_empty();
    match (empty, refresh.is_some() && kind != OCEAN) {
        (false, _) => Ok(token),
        // Only the refresh token was renewed, and `expires_in` is its life.
        (true, true) => {
            Ok(Token { refresh_expires_in_secs: token.expires_in_secs, expires_in_secs: None, ..token })
        }
        (true, false) => Err(unknown()),
    }
}

/// A code or refresh token that is not taken leaves the matter to a person. A refusal that is about neither does not,
/// and a page that is not Douyin's has no number.
fn of_exchange(error: Error) -> Error {
    let words = error.context_value("said").unwrap_or_default().to_lowercase();
    let about_it = ["code", "token", "授权"].iter().any(|word| words.contains(word));
    match error.kind() {
        ErrorKind::CredentialExpired => {}
        ErrorKind::BadRequest if about_it || error.context_value("code").is_none() => {}
        ErrorKind::Unexpected if about_it => {}
        _ => return error,
    }
    let Some(code) = error.context_value("code").map(str::to_owned) else {
        let unavailable = Error::new(ErrorKind::Unavailable, "Douyin is not available");
        return error.context().fold(unavailable, |told, (key, value)| told.with(key, value));
    };
    let told = error.context_value("said").unwrap_or_default().to_owned();
    let refused = Error::new(ErrorKind::Reauthorise, "the consent or its refresh token is not taken");
    refused.with("code", code).with("said", told)
}
