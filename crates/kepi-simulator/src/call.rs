//! One request as a dialect sees it, and its answer.

use jiff::Timestamp;

use crate::{PostFacts, Split, World, fault::Active, json::Json, server::Desk};

/// A request with all that a dialect needs to answer it.
pub(crate) struct Call<'a> {
    pub(crate) world: &'a World,
    pub(crate) desk: &'a Desk,
    pub(crate) faults: &'a Active,
    pub(crate) now: Timestamp,
    pub(crate) method: String,
    /// Decoded, without a slash at the end.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Call<'_> {
    /// A query parameter.
    pub(crate) fn param(&self, key: &str) -> Option<&str> {
        find(&self.query, key)
    }

    /// The values of a comma-separated query parameter; none when it is absent.
    pub(crate) fn list(&self, key: &str) -> Vec<&str> {
        let values = self.param(key).unwrap_or_default();
        values.split(',').map(str::trim).filter(|value| !value.is_empty()).collect()
    }

    /// A header by its lowercase name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The token of an `Authorization: Bearer` header.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ").map(str::trim)
    }

    /// The pairs of a form body.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// A new JSON text; noisy when unknown fields are switched on.
    pub(crate) fn json(&self) -> Json {
        Json::new(self.faults.unknown_fields)
    }

    /// What the platform says of a post now.
    pub(crate) fn counters(&self, post: &PostFacts) -> Split {
        if self.faults.silent_zeros {
            return Split::default();
        }
        self.world.counters_at(post, self.now).unwrap_or_default()
    }

    /// A level as the platform tells it now: zero under silent zeros.
    pub(crate) fn level(&self, value: i64) -> i64 {
        if self.faults.silent_zeros { 0 } else { value }
    }
}

/// The first value of a key.
pub(crate) fn find<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

/// What is sent back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A JSON answer.
    pub(crate) fn json(status: u16, body: Vec<u8>) -> Self {
        let kind = ("content-type", "application/json; charset=utf-8".to_owned());
        Self { status, headers: vec![kind], body }
    }

    /// A page for people.
    pub(crate) fn html(status: u16, body: &str) -> Self {
        let kind = ("content-type", "text/html; charset=utf-8".to_owned());
        Self { status, headers: vec![kind], body: body.as_bytes().to_vec() }
    }

    /// Sends the browser elsewhere.
    pub(crate) fn redirect(to: String) -> Self {
        Self { status: 302, headers: vec![("location", to)], body: Vec::new() }
    }

    pub(crate) fn with(mut self, header: &'static str, value: impl ToString) -> Self {
        self.headers.push((header, value.to_string()));
        self
    }
}
