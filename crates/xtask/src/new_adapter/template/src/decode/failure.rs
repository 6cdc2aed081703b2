//! What a response means when it means failure.

use kepi_core::{Error, Response};

/// What the caller does next is the kind; `None` for an answer that is to be decoded.
pub(crate) fn of(response: &Response) -> Option<Error> {
    match response.status {
        200..=299 => None,
        status => Some(Error::by_status("Template", status).with("status", status)),
    }
}
