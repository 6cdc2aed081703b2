//! What passes through the layers.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use kepi_core::{AccountId, Adapter, Endpoint, Error, Grant, Request, Response, Result, TokenKind};

use crate::{headers::Heard, source::Secrets};

/// One layer: what it does round the layer it holds.
#[async_trait]
pub(crate) trait Layer: fmt::Debug + Send + Sync {
    /// Its name in the order.
    fn name(&self) -> &'static str;

    /// The layer it holds; `None` for the last.
    fn inner(&self) -> Option<&dyn Layer>;

    /// Passes a call on and its answer back.
    async fn call(&self, call: &mut Call<'_>) -> Result<Response>;
}

/// The layer that another holds.
pub(crate) type Inner = Box<dyn Layer>;

/// A call on its way.
#[derive(Debug, Clone)]
pub(crate) struct Call<'a> {
    pub(crate) adapter: &'a dyn Adapter,
    /// The endpoint's name, or that of a token exchange.
    pub(crate) endpoint: &'a str,
    /// What the descriptor says of it.
    pub(crate) declared: Option<&'a Endpoint>,
    /// Whom it is about; never empty.
    pub(crate) accounts: &'a [AccountId],
    pub(crate) request: &'a Request,
    /// Set for a token exchange.
    pub(crate) exchange: Option<Exchange<'a>>,
    /// When waiting ends.
    pub(crate) deadline: Timestamp,
    /// Which attempt this is, from 1.
    pub(crate) attempt: u32,
    /// As whom it is made.
    pub(crate) lease: Arc<Lease>,
    /// Whether this attempt may have reached the other side.
    pub(crate) sent: bool,
    /// What the last answer's headers told.
    pub(crate) heard: Heard,
    pub(crate) tally: Tally,
}

/// A token exchange.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub(crate) kind: &'a TokenKind,
    pub(crate) grant: &'a Grant,
    /// What the caller brings beside what the configuration names: a code and its verifier.
    pub(crate) secrets: &'a Secrets,
}

/// What a call has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) calls: u32,
    pub(crate) cost_micro_usd: u64,
}

/// As whom a call is made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lease {
    /// The credential's name, never its value.
    pub(crate) identity: String,
    /// The app it belongs to, by the name of its id's variable or file; empty for the only app there is.
    pub(crate) app: String,
    /// The token and where it goes.
    pub(crate) token: Option<(kepi_core::credential::SecretString, kepi_core::Placement)>,
    /// Where it goes instead of where the request says: a service account's key names its own address.
    pub(crate) address: Option<String>,
    /// What the request's own named secrets are filled in with.
    pub(crate) secrets: Secrets,
    /// Everything that must not be seen again.
    pub(crate) hidden: Vec<kepi_core::credential::SecretString>,
}

impl Call<'_> {
    /// The account it is about, the first of several.
    pub(crate) fn account(&self) -> Option<&AccountId> {
        self.accounts.first()
    }

    pub(crate) fn platform(&self) -> &'static str {
        self.adapter.descriptor().platform
    }

    /// Adds where an error happened, unless a layer nearer to it has said so.
    pub(crate) fn locate(&self, mut error: Error) -> Error {
        let account = self.account().map(|account| account.as_str().to_owned());
        let pairs = [
            ("platform", Some(self.platform().to_owned())),
            ("account", account),
            ("endpoint", Some(self.endpoint.to_owned())),
            ("attempt", Some(self.attempt.to_string())),
            ("request_id", self.heard.request_id.clone()),
        ];
        for (key, value) in pairs {
            if let Some(value) = value
                && error.context_value(key).is_none()
            {
                error = error.with(key, value);
            }
        }
        error
    }
}
