//! Who is asked, and what a pass is about.

use std::{collections::HashSet, sync::Arc};

use kepi_core::{AccountId, AccountRef, Adapter, DateSpan, Error, ErrorKind, Result, document::nearest};
use serde::Serialize;
use smol_str::SmolStr;

/// One account, the adapter that speaks to its platform, and the credential it is asked with.
#[derive(Debug, Clone)]
pub struct IngestAccount {
    /// The account.
    pub reference: AccountRef,
    /// Its platform's adapter.
    pub adapter: Arc<dyn Adapter>,
    /// The name of its credential: accounts of one credential are asked together where the platform allows it.
    pub credential: SmolStr,
}

/// Why a pass is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// What is due now.
    #[default]
    Ingest,
    /// History on demand.
    Backfill,
}

impl RunKind {
    /// The kind as one word, as the table `runs` holds it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Backfill => "backfill",
        }
    }
}

/// What one pass is about.
#[derive(Debug, Clone, Default)]
pub struct IngestRequest {
    /// Why it is made.
    pub kind: RunKind,
    /// Whom to ask for.
    pub accounts: Vec<IngestAccount>,
    /// Only these endpoints; empty for all.
    pub endpoints: Vec<SmolStr>,
    /// Only these endpoints of these accounts; `None` for all.
    pub only: Option<Vec<(AccountId, SmolStr)>>,
    /// The account-local days asked for by a person; `None` for what is due.
    pub range: Option<DateSpan>,
}

impl IngestRequest {
    /// A pass over what is due for these accounts.
    #[must_use]
    pub fn due(accounts: Vec<IngestAccount>) -> Self {
        Self { accounts, ..Self::default() }
    }

    pub(crate) fn wants(&self, endpoint: &str) -> bool {
        self.endpoints.is_empty() || self.endpoints.iter().any(|wanted| wanted == endpoint)
    }

    pub(crate) fn wants_of(&self, account: &AccountId, endpoint: &str) -> bool {
        let named = |(whose, which): &(AccountId, SmolStr)| whose == account && which == endpoint;
        self.only.as_ref().is_none_or(|only| only.iter().any(named))
    }

    /// Checks that every endpoint that is named exists somewhere and no account stands twice.
    pub(crate) fn check(&self) -> Result<()> {
        let known: Vec<&str> = self
            .accounts
            .iter()
            .flat_map(|account| account.adapter.descriptor().endpoints.iter().map(|endpoint| endpoint.name))
            .collect();
        if let Some(wanted) = self.endpoints.iter().find(|wanted| !known.contains(&wanted.as_str())) {
            let near = nearest(wanted, known.iter().copied());
            let near = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
            return Err(Error::bad_input(format!("no endpoint {wanted}"))
                .hint(format!("{near}`kepi adapters` lists them")));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = self.accounts.iter().find(|account| !seen.insert(&account.reference.id)) {
            return Err(Error::new(ErrorKind::BadConfig, format!("{} stands twice", twice.reference.id))
                .hint("name every account once"));
        }
        Ok(())
    }
}
