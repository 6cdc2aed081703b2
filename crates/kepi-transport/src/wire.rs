//! The wire: requests out, responses in.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use kepi_core::{Error, Method, Response, Result, credential::ExposeSecret};
use reqwest::{Client, ClientBuilder, redirect};

use crate::{
    Clock, Outgoing, Timeouts,
    call::{Call, Layer},
    fault::{Fault, FaultKind},
    outgoing::is_loopback,
};

/// Sends one request and reads its whole answer. Tests bring their own.
#[async_trait]
pub trait Wire: fmt::Debug + Send + Sync {
    /// Sends; an HTTP status is an answer, whatever it is. Its `received_at` is what the clock shows when its last
    /// byte has come.
    ///
    /// # Errors
    /// A fault when no whole answer came.
    async fn send(&self, request: Outgoing, clock: &dyn Clock) -> Result<Response, Fault>;
}

/// The innermost layer.
#[derive(Debug)]
pub(crate) struct OnWire {
    pub(crate) wire: Arc<dyn Wire>,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Layer for OnWire {
    fn name(&self) -> &'static str {
        "wire"
    }

    fn inner(&self) -> Option<&dyn Layer> {
        None
    }

    async fn call(&self, call: &mut Call<'_>) -> Result<Response> {
        let outgoing = Outgoing::new(call.request, &call.lease)?;
        let host = outgoing.url.host_str().unwrap_or_default().to_owned();
        call.tally.calls = call.tally.calls.saturating_add(1);
        // Said before it is known, so that a call that is dropped on its way counts as sent.
        call.sent = true;
        self.wire.send(outgoing, self.clock.as_ref()).await.map_err(|fault| {
            call.sent = fault.sent;
            fault.into_error(&host)
        })
    }
}

/// HTTP for real.
#[derive(Debug, Clone)]
pub struct HttpWire {
    /// To the world, through the proxies that the environment names.
    outward: Client,
    /// To this machine, never through a proxy.
    loopback: Client,
    max_body_bytes: u64,
}

impl HttpWire {
    /// A wire with these limits.
    ///
    /// # Errors
    /// `Unexpected` when the machine's certificates or proxies cannot be read.
    pub fn new(timeouts: &Timeouts) -> Result<Self> {
        let build = |builder: ClientBuilder| {
            builder.build().map_err(|error| {
                Error::new(kepi_core::ErrorKind::Unexpected, "set up the HTTP client")
                    .hint("check the machine's certificates and HTTPS_PROXY")
                    .caused_by(error)
            })
        };
        Ok(Self {
            outward: build(client(timeouts))?,
            loopback: build(client(timeouts).no_proxy())?,
            max_body_bytes: timeouts.max_body_bytes,
        })
    }

    async fn read(&self, mut response: reqwest::Response, clock: &dyn Clock) -> Result<Response, Fault> {
        let too_large = || Fault::new(FaultKind::TooLarge, true);
        if response.content_length().is_some_and(|length| length > self.max_body_bytes) {
            return Err(too_large());
        }
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (name.as_str().into(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(Fault::from_client)? {
            body.extend_from_slice(&chunk);
            if body.len() as u64 > self.max_body_bytes {
                return Err(too_large());
            }
        }
        Ok(Response { status, headers, body, received_at: clock.now() })
    }
}

#[async_trait]
impl Wire for HttpWire {
    async fn send(&self, request: Outgoing, clock: &dyn Clock) -> Result<Response, Fault> {
        let client = if is_loopback(&request.url) { &self.loopback } else { &self.outward };
        let mut builder = match request.method {
            Method::Get => client.get(request.url),
            Method::Post => client.post(request.url),
        };
        for (name, value) in &request.headers {
            builder = builder.header(name.as_str(), value.expose_secret());
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.expose_secret().to_owned());
        }
        let response = builder.send().await.map_err(Fault::from_client)?;
        self.read(response, clock).await
    }
}

fn client(timeouts: &Timeouts) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("kepi/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_millis(timeouts.connect_millis))
        .read_timeout(Duration::from_millis(timeouts.read_millis))
        .timeout(Duration::from_millis(timeouts.total_millis))
        .redirect(redirect::Policy::custom(follow))
        .retry(reqwest::retry::never())
}

/// A redirect is followed within one host only, and never from a closed line to an open one: what is sent
/// there holds secrets.
fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    const MAX: usize = 5;
    let next = attempt.url();
    let same = attempt.previous().last().is_some_and(|from| {
        let secure = next.scheme() == "https" || (next.scheme() == from.scheme() && is_loopback(next));
        let port = from.port_or_known_default() == next.port_or_known_default();
        secure && port && from.host() == next.host()
    });
    if same && attempt.previous().len() <= MAX { attempt.follow() } else { attempt.stop() }
}
