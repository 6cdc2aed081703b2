//! The answers to token exchanges.

use kepi_core::{Error, ErrorKind, Response, Result, Token};
use serde::Deserialize;

use super::failure;
use crate::descriptor::OCEAN;

#[derive(Deserialize)]
struct Answer {
    data: Option<Token>,
}

/// Reads a token.
pub(crate) fn read(kind: &str, response: &Response) -> Result<Token> {
    if let Some(error) = failure::of(response) {
        return Err(of_exchange(error));
    }
    let answer: Option<Answer> = serde_json::from_slice(&response.body).ok();
    match answer.and_then(|answer| answer.data) {
        // Only the refresh token was renewed, and `expires_in` is its life.
        Some(token) if kind != OCEAN && token.is_empty() && token.refresh.is_some() => {
            Ok(Token { refresh_expires_in_secs: token.expires_in_secs, expires_in_secs: None, ..token })
        }
        token => Token::granted(kind, token),
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
