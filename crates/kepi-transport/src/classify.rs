//! The classify layer: says what an answer means when it means failure.
//!
//! The platform's own words come first, then the status, then the shape.

use async_trait::async_trait;
use jiff::{Timestamp, tz::TimeZone};
use kepi_core::{Error, ErrorKind, Response, Result, Retry};

use crate::{
    call::{Call, Inner, Layer},
    headers::Heard,
};

#[derive(Debug)]
pub(crate) struct Classify {
    pub(crate) inner: Inner,
}

#[async_trait]
impl Layer for Classify {
    fn name(&self) -> &'static str {
        "classify"
    }

    fn inner(&self) -> Option<&dyn Layer> {
        Some(&*self.inner)
    }

    async fn call(&self, call: &mut Call<'_>) -> Result<Response> {
        let response = self.inner.call(call).await?;
        let error = if call.exchange.is_some() {
            // What a refused exchange means, only the reader of its answer can say.
            by_status(response.status).filter(|error| error.retry_policy() == Retry::Backoff)
        } else if call.adapter.decodes_refusal(call.endpoint, &response) {
            // The decoder says what to ask instead.
            None
        } else {
            let told = call.adapter.classify(&response);
            told.or_else(|| by_status(response.status)).or_else(|| by_shape(&response))
        };
        match error {
            None => Ok(response),
            Some(error) => {
                let error = timed(sunset(error, call, response.received_at), &call.heard);
                Err(with_status(error, response.status))
            }
        }
    }
}

/// What a status means where the platform says nothing of its own.
pub(crate) fn by_status(status: u16) -> Option<Error> {
    use ErrorKind::{
        BadRequest, BadResponse, BudgetExhausted, CredentialExpired, Forbidden, NotFound, NotOffered,
        RateLimited, Unavailable,
    };
    let (kind, message, hint) = match status {
        200..=299 => return None,
        300..=399 => (BadResponse, "a redirect that is not followed", "check the base_url of the platform"),
        401 => (CredentialExpired, "the platform refuses the token", "run `kepi auth` for the account"),
        402 => {
            (BudgetExhausted, "the platform asks for money", "check the balance in the platform's console")
        }
        403 => (Forbidden, "the platform denies access", "check the token's scopes and the account's role"),
        404 => (NotFound, "not found", "check the account's platform_id; it may be gone"),
        408 | 409 | 425 => (Unavailable, "the platform asks to try again", "the next run tries again"),
        410 => {
            (NotOffered, "the endpoint is gone", "update kepi: this version of the platform's API has ended")
        }
        429 => (RateLimited, "too many requests", "the run goes on when the platform allows it"),
        500.. => (Unavailable, "the platform is unavailable", "the next run tries again"),
        _ => (BadRequest, "the platform refuses the request", "this is a defect of the adapter: report it"),
    };
    Some(Error::new(kind, message).hint(hint))
}

/// No platform answers with a page for people or a picture.
fn by_shape(response: &Response) -> Option<Error> {
    let told = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let start = response.body.trim_ascii_start();
    let page = start
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"<html") || start.eq_ignore_ascii_case(b"<!doc"));
    let foreign = ["text/html", "image/", "video/", "audio/"].iter().any(|kind| told.starts_with(kind));
    (foreign || page).then(|| {
        Error::bad_response("a web page or picture in place of data")
            .with("content_type", told)
            .hint("check the base_url, and whether a proxy or login page stands in between")
    })
}

/// A version of an API that has ended is a matter of configuration, and its date was known beforehand.
fn sunset(error: Error, call: &Call<'_>, now: Timestamp) -> Error {
    use ErrorKind::{BadRequest, NotFound, NotOffered};
    let sunset = call.declared.and_then(|endpoint| endpoint.sunset);
    let today = now.to_zoned(TimeZone::UTC).date();
    let Some(sunset) = sunset.filter(|sunset| sunset.day <= today) else { return error };
    if !matches!(error.kind(), BadRequest | NotFound | NotOffered) {
        return error;
    }
    if sunset.guessed {
        return error.with("version_may_have_ended", sunset.day).hint(sunset.what_to_do());
    }
    let hint = match sunset.hint {
        "" => "update kepi, or set a newer version in the platform's settings",
        hint => hint,
    };
    Error::bad_config("this version of the platform's API has ended")
        .with("ended", sunset.day)
        .with("told", error.message())
        .hint(hint)
}

/// Takes the platform's own time for the next call from the headers, where the error has none.
fn timed(error: Error, heard: &Heard) -> Error {
    let refused = matches!(error.kind(), ErrorKind::RateLimited | ErrorKind::QuotaExhausted);
    let reset = heard.window.map(|left| left.reset_at).filter(|_| refused);
    let regain = heard.usage.and_then(|usage| usage.regain_at).filter(|_| refused);
    match (error.retry_policy(), heard.retry_at.or(reset).or(regain)) {
        (Retry::Backoff, Some(at)) => error.retry(Retry::At(at)),
        (Retry::Never, Some(at)) if refused => error.retry(Retry::At(at)),
        _ => error,
    }
}

fn with_status(error: Error, status: u16) -> Error {
    if error.context_value("status").is_some() { error } else { error.with("status", status) }
}
