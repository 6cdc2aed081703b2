//! How an answer leaves: whole, slowly, or not quite.

use std::io;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{Response, body::Frame};

use crate::{call::Answer, fault::Wire};

/// The body of an answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Makes the response, failing as the wire is told to.
pub(crate) fn send(answer: Answer, wire: Option<Wire>) -> io::Result<Response<Body>> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(*name, value.as_str());
    }
    let bytes = Bytes::from(answer.body);
    if wire.is_some() {
        response = response.header("content-length", bytes.len());
    }
    let body = match wire {
        Some(wire) => in_halves(bytes, wire),
        None => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
    };
    response.body(body).map_err(io::Error::other)
}

/// The first half, and then either a pause and the rest, or a broken connection.
fn in_halves(bytes: Bytes, wire: Wire) -> Body {
    let half = bytes.len() / 2;
    let (first, rest) = (bytes.slice(..half), bytes.slice(half..));
    let stream = futures::stream::unfold(0, move |step| {
        let (first, rest) = (first.clone(), rest.clone());
        async move {
            match (step, wire) {
                (0, _) => Some((Ok(Frame::data(first)), 1)),
                (1, Wire::Slow(pause)) => {
                    tokio::time::sleep(pause).await;
                    Some((Ok(Frame::data(rest)), 2))
                }
                (1, _) => {
                    // The half that was written must leave before the connection breaks.
                    tokio::task::yield_now().await;
                    Some((Err(io::ErrorKind::ConnectionReset.into()), 2))
                }
                _ => None,
            }
        }
    });
    StreamBody::new(stream).boxed_unsync()
}
