//! Quota domains: what accounts share of a platform's limits.

use std::{collections::BTreeSet, fmt};

use kepi_core::{AccountId, Descriptor, descriptor::Scope};
use serde::Serialize;
use smol_str::SmolStr;

use crate::{Quotas, source::Sources};

/// An allowance that accounts of one application, or of one credential, draw on together. Limits are counted in the
/// process that calls, so no two processes should draw on one domain at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct QuotaDomain(SmolStr);

impl QuotaDomain {
    /// Only a digest stands in it of how the configuration names an application or a credential.
    fn new(platform: &str, of: &str, name: &str) -> Self {
        Self(format!("{platform} {of} {}", blake3::hash(name.as_bytes()).to_hex()).into())
    }

    /// What the accounts of an application share; `app` is how the configuration names it.
    #[must_use]
    pub fn of_app(platform: &str, app: &str) -> Self {
        Self::new(platform, "app", app)
    }

    /// What the accounts of a credential share; `identity` is how the configuration names it.
    #[must_use]
    pub fn of_credential(platform: &str, identity: &str) -> Self {
        Self::new(platform, "credential", identity)
    }

    /// Its name: the same in every process of a project.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for QuotaDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = self.0.split(' ');
        match (words.next().unwrap_or_default(), words.next()) {
            (platform, Some("app")) => write!(f, "an application of {platform}"),
            (platform, _) => write!(f, "a credential of {platform}"),
        }
    }
}

/// The domains that the calls of an account draw on: one for each limit that is not counted for the account alone.
pub(crate) fn domains(
    descriptor: &Descriptor,
    (sources, quotas): (&Sources, &Quotas),
    account: &AccountId,
) -> BTreeSet<QuotaDomain> {
    let platform = descriptor.platform;
    let mut domains = BTreeSet::new();
    for endpoint in descriptor.endpoints {
        let kind = endpoint.token.and_then(|name| descriptor.tokens.iter().find(|kind| kind.name == name));
        if kind.is_some_and(|kind| sources.source(account, kind.name).is_none()) {
            // It has no such token, so that it cannot be asked.
            continue;
        }
        for row in quotas.rows(platform, endpoint.quotas) {
            match (row.scope, kind) {
                (Scope::App, kind) => {
                    let app = kind.map(|kind| sources.app(account, kind)).unwrap_or_default();
                    domains.insert(QuotaDomain::of_app(platform, &app));
                }
                (Scope::User, Some(kind)) => {
                    let key = sources.key(platform, account, kind).to_string();
                    domains.insert(QuotaDomain::of_credential(platform, &key));
                }
                (Scope::User, None) | (Scope::Account, _) => {}
            }
        }
    }
    domains
}
