//! Requests and responses as adapters see them: without a socket, without a secret.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// How a request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Read.
    Get,
    /// Ask with a body.
    Post,
}

impl Method {
    /// The method's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// A value that may be a secret of the credential layer, named and not held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Text {
    /// Said as it is.
    Plain(String),
    /// The secret of this name (`client_id`, `client_secret`, `refresh_token`, `code`, `code_verifier`,
    /// `assertion` …), filled in by the credential layer at the last moment.
    Secret(SmolStr),
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

impl Text {
    /// A secret by its name.
    #[must_use]
    pub fn secret(name: &'static str) -> Self {
        Self::Secret(SmolStr::new_static(name))
    }
}

/// What a request carries.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// Nothing.
    #[default]
    Empty,
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(SmolStr, Text)>),
    /// `application/json`; secrets only at the top level, through `secrets`.
    Json {
        /// The object.
        value: serde_json::Value,
        /// Keys of the top level that the credential layer fills in; as a number where the object already
        /// holds one at the key and the secret is one.
        secrets: Vec<(SmolStr, SmolStr)>,
    },
    /// `application/x-www-form-urlencoded`, encoded already: a query too long for an address stands here as it is.
    Encoded(String),
}

/// One call, told purely. It holds no token and no secret: `token` names the kind that the credential layer
/// adds where the descriptor says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Scheme, host and path; the query stands apart, unless its encoding is the platform's own: then it stands here,
    /// written by hand, and nobody encodes it again.
    pub url: String,
    /// Query pairs, unescaped, in order.
    pub query: Vec<(SmolStr, Text)>,
    /// Headers beside those that the transport adds.
    pub headers: Vec<(SmolStr, Text)>,
    /// The body.
    pub payload: Payload,
    /// HTTP Basic: user and password, for token exchanges that ask for it.
    pub basic: Option<(Text, Text)>,
    /// The kind of token it needs, by its name in the descriptor.
    pub token: Option<SmolStr>,
    /// Whether it may be sent again when no answer came.
    pub idempotent: bool,
    /// How many items the platform may bill for at most, for the budget.
    pub billed_items: u32,
}

impl Request {
    /// A `GET` of an address with no query yet.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: Method::Get,
            url: url.into(),
            query: Vec::new(),
            headers: Vec::new(),
            payload: Payload::Empty,
            basic: None,
            token: None,
            idempotent: true,
            billed_items: 0,
        }
    }

    /// A `POST` with a body. Reports that are asked for by `POST` are safe to repeat; say otherwise with
    /// `idempotent`.
    pub fn post(url: impl Into<String>, payload: Payload) -> Self {
        Self { method: Method::Post, payload, ..Self::get(url) }
    }

    /// Adds a query pair.
    #[must_use]
    pub fn query(mut self, key: impl Into<SmolStr>, value: impl Into<Text>) -> Self {
        self.query.push((key.into(), value.into()));
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, key: impl Into<SmolStr>, value: impl Into<Text>) -> Self {
        self.headers.push((key.into(), value.into()));
        self
    }

    /// Names the kind of token it needs.
    #[must_use]
    pub fn token(mut self, kind: &'static str) -> Self {
        self.token = Some(SmolStr::new_static(kind));
        self
    }

    /// Says how many items may be billed.
    #[must_use]
    pub fn bills(mut self, items: u32) -> Self {
        self.billed_items = items;
        self
    }

    /// The request in one line for the journal, logs and people: `GET host/path?query`, secrets named in
    /// braces.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut line = format!("{} {}", self.method.as_str(), self.url);
        for (i, (key, value)) in self.query.iter().enumerate() {
            line.push(if i == 0 { '?' } else { '&' });
            line.push_str(key);
            line.push('=');
            match value {
                Text::Plain(text) => line.push_str(text),
                Text::Secret(name) => line.push_str(&format!("{{{name}}}")),
            }
        }
        line
    }
}

/// What came back.
#[derive(Clone, PartialEq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(SmolStr, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// When it had been read.
    pub received_at: Timestamp,
}

impl Response {
    /// A header by its lowercase name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as a decoder wants it.
    #[must_use]
    pub fn into_body(self) -> Body {
        let content_type = self.header("content-type").map(SmolStr::new);
        Body { content_type, observed_at: self.received_at, bytes: self.body }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response {{ status: {}, body: {} bytes }}", self.status, self.body.len())
    }
}

/// A body as the journal keeps it: enough to decode again.
#[derive(Clone, PartialEq)]
pub struct Body {
    /// The bytes, scrubbed of secrets.
    pub bytes: Vec<u8>,
    /// What the other side called them.
    pub content_type: Option<SmolStr>,
    /// When they were read at the source.
    pub observed_at: Timestamp,
}

impl Body {
    /// A body of JSON, for tests and fixtures.
    pub fn json(bytes: impl Into<Vec<u8>>, observed_at: Timestamp) -> Self {
        Self { bytes: bytes.into(), content_type: Some(SmolStr::new_static("application/json")), observed_at }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body {{ {} bytes, observed_at: {} }}", self.bytes.len(), self.observed_at)
    }
}
