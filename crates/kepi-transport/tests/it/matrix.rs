//! What goes wrong → what the caller does next, and how often we tried.

use kepi_core::{ErrorKind, Response, Retry};
use kepi_transport::{Fault, FaultKind, testing::ScriptedWire};

use crate::support::{Bench, ok};

/// Every call is answered the same.
async fn check(
    answer: impl Fn() -> Result<Response, Fault> + Send + 'static,
    kind: ErrorKind,
    attempts: usize,
) -> kepi_core::Error {
    let bench = Bench::new(ScriptedWire::new(move |_, _| answer()));
    let error = bench.fetch("list").await.unwrap_err();
    assert_eq!((error.kind(), bench.calls()), (kind, attempts), "{error:?}");
    assert!(error.hint_text().is_some(), "{error:?}");
    for (key, value) in [("platform", "toy"), ("account", "toy/a"), ("endpoint", "list")] {
        assert_eq!(error.context_value(key), Some(value), "{error:?}");
    }
    assert_eq!(error.context_value("attempt"), Some(attempts.to_string().as_str()), "{error:?}");
    error
}

#[tokio::test]
async fn a_status_tells() {
    use ErrorKind::{
        BadRequest, BadResponse, BudgetExhausted, CredentialExpired, Forbidden, NotFound, NotOffered,
        RateLimited, Unavailable,
    };
    let table = [
        (301, BadResponse, 1),
        (400, BadRequest, 1),
        (401, CredentialExpired, 1),
        (402, BudgetExhausted, 1),
        (403, Forbidden, 1),
        (404, NotFound, 1),
        (408, Unavailable, 5),
        (409, Unavailable, 5),
        (410, NotOffered, 1),
        (422, BadRequest, 1),
        (425, Unavailable, 5),
        (429, RateLimited, 5),
        (500, Unavailable, 5),
        (502, Unavailable, 5),
        (503, Unavailable, 5),
        (504, Unavailable, 5),
    ];
    for (status, kind, attempts) in table {
        let error = check(move || Ok(ScriptedWire::json(status, "{}")), kind, attempts).await;
        assert_eq!(error.context_value("status"), Some(status.to_string().as_str()));
    }
}

#[tokio::test]
async fn a_fault_of_the_wire_tells() {
    use FaultKind::{Connect, Dns, Malformed, Other, Refused, Reset, Slow, Tls, TooLarge, Truncated};
    let table = [
        (Dns, ErrorKind::Unavailable, 5),
        (Refused, ErrorKind::Unavailable, 5),
        (Connect, ErrorKind::Unavailable, 5),
        (Tls, ErrorKind::Unavailable, 1),
        (Reset, ErrorKind::Unavailable, 5),
        (Truncated, ErrorKind::Unavailable, 5),
        (Slow, ErrorKind::Unavailable, 5),
        (TooLarge, ErrorKind::BadResponse, 1),
        (Malformed, ErrorKind::BadRequest, 1),
        (Other, ErrorKind::Unavailable, 5),
    ];
    for (fault, kind, attempts) in table {
        let error = check(move || Err(Fault::new(fault, true)), kind, attempts).await;
        assert_eq!(error.context_value("host"), Some("toy.example"));
    }
}

#[tokio::test]
async fn a_shape_tells() {
    let page = |status, kind: &'static str, body: &'static str| {
        move || Ok(ScriptedWire::response(status, &[("content-type", kind)], body))
    };
    let web = "<!DOCTYPE html><title>Sign in</title>";
    check(page(200, "text/html; charset=utf-8", web), ErrorKind::BadResponse, 1).await;
    check(page(200, "application/json", " \n<HTML>"), ErrorKind::BadResponse, 1).await;
    check(page(200, "image/png", "\u{1}PNG"), ErrorKind::BadResponse, 1).await;
    check(page(502, "text/html", web), ErrorKind::Unavailable, 5).await;

    let bench = Bench::new(ScriptedWire::answers([Ok(page(200, "text/plain", "{}")().unwrap())]));
    assert_eq!(bench.fetch("list").await.unwrap().body.bytes, b"{}");
}

#[tokio::test]
async fn the_platforms_own_words_come_first() {
    let bench = Bench::new(ScriptedWire::new(|_, _| Ok(ScriptedWire::json(404, "quota gone"))));
    let gone = bench.fetch("list").await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::QuotaExhausted);
    assert!(matches!(gone.retry_policy(), Retry::At(_)), "{gone:?}");

    let bench = Bench::new(ScriptedWire::new(|_, _| Ok(ScriptedWire::json(200, "error 88"))));
    let limited = bench.fetch("list").await.unwrap_err();
    assert_eq!((limited.kind(), bench.calls()), (ErrorKind::RateLimited, 5));
}

#[tokio::test]
async fn a_version_that_has_ended_is_a_matter_of_configuration() {
    let bench = Bench::new(ScriptedWire::new(|_, number| {
        Ok(if number == 0 { ScriptedWire::json(404, "{}") } else { ok() })
    }));
    let error = bench.fetch("old").await.unwrap_err();
    assert_eq!((error.kind(), error.context_value("ended")), (ErrorKind::BadConfig, Some("2026-09-01")));
    assert!(bench.fetch("old").await.is_ok(), "as long as it answers, it is used");
}

#[tokio::test]
async fn a_version_whose_end_is_a_guess_is_named_beside_the_refusal() {
    let bench = Bench::new(ScriptedWire::new(|_, _| Ok(ScriptedWire::json(404, "{}"))));
    let error = bench.fetch("guessed").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.context_value("version_may_have_ended"), Some("2026-09-01"));
    assert_eq!(error.hint_text(), Some("set version_ends"));
}

#[tokio::test]
async fn the_platforms_number_of_the_request_is_told() {
    let answer =
        || Ok(ScriptedWire::response(403, &[("x-transaction-id", "8f2a"), ("x-request-id", "no")], "{}"));
    let error = check(answer, ErrorKind::Forbidden, 1).await;
    assert_eq!(error.context_value("request_id"), Some("8f2a"));
}

/// A refusal that the decoder goes on from is an answer, whatever its status.
#[tokio::test]
async fn a_refusal_that_is_decoded_is_an_answer() {
    for status in [400, 403, 500] {
        let bench =
            Bench::new(ScriptedWire::new(move |_, _| Ok(ScriptedWire::json(status, "ask otherwise"))));
        assert_eq!(bench.fetch("list").await.unwrap().body.bytes, b"ask otherwise");
        assert_eq!(bench.calls(), 1);
        assert!(bench.fetch("order").await.is_err(), "another endpoint does not");
    }
}
