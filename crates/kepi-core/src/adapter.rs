//! The seam: what a platform's crate gives, and nothing more.

use std::fmt;

use crate::{
    Body, Cursor, Descriptor, Error, ErrorKind, Grant, Job, Page, Request, Response, Result, Shape, Token,
};

/// Turns a body into a page. Pure and repeatable: the same job, cursor and body give the same page, today or
/// from the journal in a year.
pub trait Decoder: fmt::Debug + Send + Sync + 'static {
    /// Decodes one body.
    ///
    /// Strict about what it uses, calm about the rest: unknown fields pass, one bad row is set aside with its
    /// reason and raw text.
    ///
    /// # Errors
    /// `BadResponse` when the shape is unknown.
    fn decode(&self, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page>;
}

/// How many calls a job takes, as far as that is known before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls {
    /// So many.
    pub count: u32,
    /// Or more: how long a list is only the platform knows.
    pub at_least: bool,
}

impl Calls {
    /// So many, neither more nor fewer.
    #[must_use]
    pub fn exactly(count: usize) -> Self {
        Self { count: u32::try_from(count).unwrap_or(u32::MAX), at_least: false }
    }

    /// So many, or more.
    #[must_use]
    pub fn at_least(count: usize) -> Self {
        Self { at_least: true, ..Self::exactly(count) }
    }

    /// What the shape of a job's endpoint tells: one call, and more where the answer has pages.
    #[must_use]
    pub fn by_shape(descriptor: &Descriptor, job: &Job) -> Self {
        let pages = descriptor.endpoint(&job.endpoint).is_some_and(|endpoint| match endpoint.shape {
            Shape::Listing { .. } => true,
            Shape::Windows { .. } | Shape::Trailing { .. } => endpoint.page_size > 0,
            Shape::Snapshot | Shape::Batch { .. } => false,
        });
        if pages { Self::at_least(1) } else { Self::exactly(1) }
    }
}

/// One platform: what it offers as data, how one page is asked for, how it is read, and what a response means
/// when it means failure, HTTP 200 included. It knows nothing of waiting, retrying, tokens, quotas or logs.
///
/// Fetching one page is sending [`Adapter::request`] through the transport and decoding what comes back; a
/// step that needs several calls (create a report, poll, download) is several pages, each with its cursor.
pub trait Adapter: Decoder {
    /// What the platform offers.
    fn descriptor(&self) -> &Descriptor;

    /// The request for the page at `cursor` of `job`.
    ///
    /// # Errors
    /// `BadRequest` when the job does not fit the endpoint; `NotOffered` when nothing can be asked.
    fn request(&self, job: &Job, cursor: &Cursor) -> Result<Request>;

    /// How many calls a job takes that begins anew, as far as that is known before the first. By itself a job is one
    /// call, or at least one where answers come in pages; an adapter whose jobs have several steps says how many.
    fn calls(&self, job: &Job) -> Calls {
        Calls::by_shape(self.descriptor(), job)
    }

    /// What a response means when it means failure; `None` when it is to be decoded.
    fn classify(&self, response: &Response) -> Option<Error>;

    /// Whether a refusal (what [`Adapter::classify`] takes for a failure) is one that the decoder can go on from:
    /// it then says in its page's cursor what to ask instead, without the metric that was refused, or less at once.
    fn decodes_refusal(&self, endpoint: &str, response: &Response) -> bool {
        let _ = (endpoint, response);
        false
    }

    /// Where the settings have the page on which a person consents to a token of `kind`; `None` for where the
    /// descriptor has it.
    fn authorize_base_url(&self, kind: &str) -> Option<&str> {
        let _ = kind;
        None
    }

    /// The request that exchanges a grant for a token of `kind`.
    ///
    /// # Errors
    /// `NotOffered` when the kind has no such exchange.
    fn token_request(&self, kind: &str, grant: &Grant) -> Result<Request> {
        Err(Error::new(ErrorKind::NotOffered, format!("{kind} tokens have no {grant} exchange")))
    }

    /// The exchange that follows upon the one for `grant`, where the token that it gave (`access_token`) is only
    /// good for another: a short one for a long one. Its answer is read like the first.
    ///
    /// # Errors
    /// None that [`Adapter::token_request`] has not.
    fn second_exchange(&self, kind: &str, grant: &Grant) -> Result<Option<Request>> {
        let _ = (kind, grant);
        Ok(None)
    }

    /// Reads the token out of the answer to [`Adapter::token_request`].
    ///
    /// # Errors
    /// `Reauthorise` when the grant is dead, `BadResponse` when the answer has an unknown shape.
    fn decode_token(&self, kind: &str, response: &Response) -> Result<Token> {
        let _ = response;
        Err(Error::new(ErrorKind::NotOffered, format!("{kind} tokens have no exchange")))
    }
}
