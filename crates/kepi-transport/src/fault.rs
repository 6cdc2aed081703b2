//! What goes wrong on the wire, and what it means.

use std::{error::Error as StdError, fmt, io};

use kepi_core::{Error, ErrorKind, Retry};

/// Why no whole answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The host's name has no address.
    Dns,
    /// Nobody listens there.
    Refused,
    /// No connection for another reason.
    Connect,
    /// The other side could not prove who it is.
    Tls,
    /// The connection broke.
    Reset,
    /// The answer ended before it was whole, or could not be unpacked.
    Truncated,
    /// Nothing came in time.
    Slow,
    /// The answer is longer than is taken.
    TooLarge,
    /// The request cannot be written.
    Malformed,
    /// Anything else.
    Other,
}

/// A fault of the wire.
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// Whether the request may have reached the other side.
    pub sent: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Fault {
    /// A fault; `sent` says whether the request may have reached the other side.
    #[must_use]
    pub fn new(kind: FaultKind, sent: bool) -> Self {
        Self { kind, sent, source: None }
    }

    /// What the HTTP client said, without the address (it may hold a token).
    pub(crate) fn from_client(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let kind = kind_of(&error);
        let sent = !(error.is_connect() || error.is_builder());
        Self { kind, sent, source: Some(Box::new(error)) }
    }

    /// The error that callers see.
    pub(crate) fn into_error(self, host: &str) -> Error {
        let (kind, message, retry, hint) = meaning(self.kind);
        let mut error = Error::new(kind, message).retry(retry).with("host", host).hint(hint);
        if let Some(source) = self.source {
            error = error.caused_by(source);
        }
        error
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault").field("kind", &self.kind).field("sent", &self.sent).finish()
    }
}

fn meaning(kind: FaultKind) -> (ErrorKind, &'static str, Retry, &'static str) {
    use ErrorKind::{BadRequest, BadResponse, Unavailable};
    let later = "the next run tries again";
    match kind {
        FaultKind::Dns => (
            Unavailable,
            "the host's name cannot be resolved",
            Retry::Backoff,
            "check the network, the proxy (HTTPS_PROXY) and the base_url of the platform",
        ),
        FaultKind::Refused => (
            Unavailable,
            "the connection was refused",
            Retry::Backoff,
            "check the base_url and the proxy (HTTPS_PROXY)",
        ),
        FaultKind::Connect => {
            (Unavailable, "no connection", Retry::Backoff, "check the network and the proxy (HTTPS_PROXY)")
        }
        FaultKind::Tls => (
            Unavailable,
            "no secure connection: the other side's certificate is not trusted",
            Retry::Never,
            "check the machine's clock and the certificates of a proxy in between",
        ),
        FaultKind::Reset => (Unavailable, "the connection broke", Retry::Backoff, later),
        FaultKind::Truncated => (Unavailable, "the answer is not whole", Retry::Backoff, later),
        FaultKind::Slow => (
            Unavailable,
            "no answer in time",
            Retry::Backoff,
            "the next run tries again; timeouts can be raised",
        ),
        FaultKind::TooLarge => (
            BadResponse,
            "the answer is longer than is taken",
            Retry::Never,
            "raise max_body_bytes if the platform really answers at such length",
        ),
        FaultKind::Malformed => {
            (BadRequest, "the request cannot be written", Retry::Never, "check the base_url of the platform")
        }
        FaultKind::Other => (Unavailable, "the exchange failed", Retry::Backoff, later),
    }
}

fn kind_of(error: &reqwest::Error) -> FaultKind {
    if error.is_builder() {
        return FaultKind::Malformed;
    }
    if error.is_timeout() {
        return FaultKind::Slow;
    }
    let told = causes(error).find_map(told_by);
    match told {
        Some(kind) => kind,
        None if error.is_connect() => FaultKind::Connect,
        None if error.is_body() || error.is_decode() => FaultKind::Truncated,
        None => FaultKind::Other,
    }
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        // An `io::Error` hides what it wraps from `source`.
        error.source().or_else(|| {
            let wrapped = error.downcast_ref::<io::Error>()?.get_ref()?;
            Some(wrapped as &(dyn StdError + 'static))
        })
    })
}

/// The client's own types for name resolution, TLS and unfinished messages are not public; what they say is.
fn told_by(error: &(dyn StdError + 'static)) -> Option<FaultKind> {
    if let Some(io) = error.downcast_ref::<io::Error>()
        && let Some(kind) = told_by_io(io.kind())
    {
        return Some(kind);
    }
    let text = error.to_string();
    let says = |part: &str| text.contains(part);
    if says("dns error") || says("failed to lookup address") {
        Some(FaultKind::Dns)
    } else if says("certificate") || says("received fatal alert") || says("corrupt message") {
        Some(FaultKind::Tls)
    } else if says("before message completed") || says("before message length") {
        Some(FaultKind::Truncated)
    } else {
        None
    }
}

fn told_by_io(kind: io::ErrorKind) -> Option<FaultKind> {
    match kind {
        io::ErrorKind::ConnectionRefused => Some(FaultKind::Refused),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            Some(FaultKind::Reset)
        }
        io::ErrorKind::UnexpectedEof => Some(FaultKind::Truncated),
        io::ErrorKind::TimedOut => Some(FaultKind::Slow),
        _ => None,
    }
}
