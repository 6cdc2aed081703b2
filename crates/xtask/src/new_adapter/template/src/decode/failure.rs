//! What a response means when it means failure.

use kepi_core::{Error, ErrorKind, Response};

/// What the caller does next is the kind; `None` for an answer that is to be decoded.
pub(crate) fn of(response: &Response) -> Option<Error> {
    let error = match response.status {
        200..=299 => return None,
        401 => Error::new(ErrorKind::CredentialExpired, "Template refused the token"),
        403 => Error::new(ErrorKind::Forbidden, "Template denies access"),
        404 => Error::new(ErrorKind::NotFound, "Template knows no such resource"),
        429 => Error::new(ErrorKind::RateLimited, "too many calls"),
        408 | 425 | 500.. => Error::new(ErrorKind::Unavailable, "Template is not available"),
        400..=499 => Error::new(ErrorKind::BadRequest, "Template does not understand the request"),
        _ => Error::bad_response("Template answers with an unexpected status"),
    };
    Some(error.with("status", response.status))
}
