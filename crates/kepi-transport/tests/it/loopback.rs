//! HTTP for real, on loopback: bytes, faults, redirects.

use std::sync::Arc;

use kepi_core::{ErrorKind, Result};
use kepi_transport::{
    Fetched, RetryPolicy, Timeouts, Transport,
    testing::{FaultProxy, ManualClock, Mishap},
};
use tokio::net::TcpListener;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_string, header, method, path, query_param},
};

use crate::support::{START, Toy, at, configured, job, policy};

/// Fetches over HTTP; the clock stands ready to jump, so that no pause is real.
async fn fetch(url: &str, endpoint: &str, timeouts: Timeouts) -> Result<Fetched> {
    let transport = configured(Transport::builder())
        .clock(Arc::new(ManualClock::jumping(at(START))))
        .policy(RetryPolicy { max_attempts: 3, ..policy() })
        .timeouts(timeouts)
        .build()?;
    let name = if endpoint == "fixed" { "s" } else { "a" };
    transport.fetch(&Toy::default().at_url(url), &job(endpoint, name), &Default::default()).await
}

fn short() -> Timeouts {
    Timeouts { read_millis: 60, ..Timeouts::default() }
}

async fn serving(template: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(template).mount(&server).await;
    server
}

#[tokio::test]
async fn a_page_comes_over_http_with_its_token() {
    let server = MockServer::start().await;
    Mock::given(path("/fixed"))
        .and(header("authorization", "Bearer value-of-FIXED"))
        .and(header("user-agent", concat!("kepi/", env!("CARGO_PKG_VERSION"))))
        .respond_with(ResponseTemplate::new(200).set_body_raw("{\"a\":1}", "application/json"))
        .expect(1)
        .mount(&server)
        .await;
    let fetched = fetch(&server.uri(), "fixed", Timeouts::default()).await.unwrap();
    assert_eq!((fetched.body.bytes.as_slice(), fetched.attempts), (b"{\"a\":1}".as_slice(), 1));
    assert_eq!(fetched.body.content_type.as_deref(), Some("application/json"));
    assert_eq!(fetched.body.observed_at, at(START));
    assert_eq!(fetched.request, format!("GET {}/fixed", server.uri()));
}

#[tokio::test]
async fn an_exchange_goes_over_http() {
    let server = MockServer::start().await;
    let form = "grant=client&client_secret=value-of-TOY_SECRET&client_id=value-of-TOY_ID";
    Mock::given(path("/token"))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(body_string(form))
        .respond_with(ResponseTemplate::new(200).set_body_string("bought,,7200"))
        .mount(&server)
        .await;
    Mock::given(path("/app"))
        .and(header("authorization", "Bearer bought"))
        .respond_with(ResponseTemplate::new(200).set_body_string("{}"))
        .mount(&server)
        .await;
    assert_eq!(fetch(&server.uri(), "app", Timeouts::default()).await.unwrap().calls, 2);
}

#[tokio::test]
async fn statuses_over_http() {
    let table = [
        (400, ErrorKind::BadRequest, 1),
        (401, ErrorKind::CredentialExpired, 1),
        (404, ErrorKind::NotFound, 1),
        (409, ErrorKind::Unavailable, 3),
        (429, ErrorKind::RateLimited, 3),
        (503, ErrorKind::Unavailable, 3),
    ];
    for (status, kind, calls) in table {
        let server = serving(ResponseTemplate::new(status)).await;
        let error = fetch(&server.uri(), "list", Timeouts::default()).await.unwrap_err();
        let received = server.received_requests().await.unwrap().len();
        assert_eq!((error.kind(), received), (kind, calls), "{error:?}");
    }
}

#[tokio::test]
async fn a_packed_body_is_unpacked_and_its_length_is_bounded() {
    // `{"a":1}`, packed by gzip.
    let small: &[u8] = &[
        31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 171, 86, 74, 84, 178, 50, 172, 5, 0, 175, 172, 27, 86, 7, 0, 0, 0,
    ];
    let packed = ResponseTemplate::new(200).insert_header("content-encoding", "gzip");
    let server = serving(packed.clone().set_body_raw(small.to_vec(), "application/json")).await;
    let fetched = fetch(&server.uri(), "list", Timeouts::default()).await.unwrap();
    assert_eq!(fetched.body.bytes, b"{\"a\":1}");

    let server = serving(ResponseTemplate::new(200).set_body_string("x".repeat(5000))).await;
    let bound = Timeouts { max_body_bytes: 4999, ..Timeouts::default() };
    let error = fetch(&server.uri(), "list", bound).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadResponse);
    let bound = Timeouts { max_body_bytes: 5000, ..Timeouts::default() };
    assert!(fetch(&server.uri(), "list", bound).await.is_ok());

    let server = serving(packed.set_body_raw(small[..12].to_vec(), "application/json")).await;
    let error = fetch(&server.uri(), "list", Timeouts::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, "the answer is not whole"));
}

#[tokio::test]
async fn a_broken_connection_tells_how_it_broke() {
    let server = serving(ResponseTemplate::new(200).set_body_string("y".repeat(3000))).await;
    let table = [
        (Mishap::TruncateAfter(1000), "the answer is not whole"),
        (Mishap::TruncateAfter(0), "the answer is not whole"),
        (Mishap::ResetAfter(0), "the connection broke"),
        (Mishap::StallAfter(1000), "no answer in time"),
        (Mishap::Garbage, "the exchange failed"),
    ];
    for (mishap, message) in table {
        let once = FaultProxy::start(*server.address(), move |_| mishap).await.unwrap();
        let timeouts = if message == "no answer in time" { short() } else { Timeouts::default() };
        let bound = std::time::Duration::from_secs(20);
        let url = once.url();
        let answer = tokio::time::timeout(bound, fetch(&url, "order", timeouts)).await;
        let error = answer.expect("the wire gives up in time").unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, message), "{error:?}");
        assert_eq!(once.connections(), 1, "{mishap:?}: what may have been done is not repeated");
        if let Mishap::StallAfter(_) = mishap {
            continue;
        }
        // The first connection breaks, the second does not: the page is had after all.
        let proxy = FaultProxy::start(*server.address(), move |number| match number {
            0 => mishap,
            _ => Mishap::None,
        })
        .await
        .unwrap();
        let fetched = fetch(&proxy.url(), "list", Timeouts::default()).await.unwrap();
        assert_eq!((fetched.attempts, proxy.connections()), (2, 2), "{mishap:?}");
    }
}

#[tokio::test]
async fn no_connection_tells_why() {
    let nobody = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        listener.local_addr().unwrap()
    };
    let check = async |url: String, message: &str| {
        let error = fetch(&url, "list", Timeouts::default()).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, message), "{error:?}");
        assert!(!format!("{error:?}").contains(&url), "the address is not told");
    };
    check(format!("http://{nobody}"), "the connection was refused").await;
    check("http://name.invalid".to_owned(), "the host's name cannot be resolved").await;
    let server = serving(ResponseTemplate::new(200)).await;
    let plain = format!("https://{}", server.address());
    check(plain, "no secure connection: the other side's certificate is not trusted").await;
}

#[tokio::test]
async fn a_redirect_is_followed_within_its_host_only() {
    let server = MockServer::start().await;
    let other = serving(ResponseTemplate::new(200).set_body_string("{}")).await;
    let redirect = |to: String| ResponseTemplate::new(307).insert_header("location", to);
    for (from, to) in [
        ("/list", format!("{}/there?x=1", server.uri())),
        ("/old", format!("{}/elsewhere", other.uri())),
        ("/order", "/order".to_owned()),
    ] {
        Mock::given(path(from)).respond_with(redirect(to)).mount(&server).await;
    }
    Mock::given(path("/there"))
        .and(query_param("x", "1"))
        .respond_with(ResponseTemplate::new(200).set_body_string("{}"))
        .mount(&server)
        .await;
    let got = async |endpoint: &str| fetch(&server.uri(), endpoint, Timeouts::default()).await;
    assert!(got("list").await.is_ok());
    assert_eq!(got("old").await.unwrap_err().kind(), ErrorKind::BadResponse);
    assert!(other.received_requests().await.unwrap().is_empty(), "nothing is sent to another host");
    assert_eq!(got("order").await.unwrap_err().kind(), ErrorKind::BadResponse, "no endless round");
}

#[tokio::test]
async fn a_secret_does_not_go_over_an_open_line() {
    let error = fetch("http://name.invalid", "fixed", Timeouts::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadConfig, "{error:?}");
    let debug = format!("{:?}", kepi_transport::Secrets::default().with("token", "sentinel"));
    assert_eq!(debug, r#"{"token"}"#);
}
