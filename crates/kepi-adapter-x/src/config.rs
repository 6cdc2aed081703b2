//! The settings of the adapter: `[platform.x]` in `kepi.toml`. Secrets stand with the accounts, by reference.

use std::collections::BTreeMap;

use kepi_core::AccountId;
use schemars::JsonSchema;
use serde::Deserialize;

/// `[platform.x]`: all keys are optional.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct XConfig {
    /// Where the API is.
    #[schemars(extend("format" = "uri"))]
    pub base_url: String,
    /// Where the page is on which a person consents.
    #[schemars(extend("format" = "uri"))]
    pub authorize_base_url: String,
    /// What the developer account pays for.
    pub plan: Plan,
    /// The users whose timelines are read own the developer app themselves, so that a post read costs $0.001
    /// and not $0.005. An agency that reads its clients' accounts pays the full price.
    pub owned_reads: bool,
    /// Ask for clicks, engagements, playback and organic numbers, which need the author's consent (a `user`
    /// token). Without, timelines are read with the app's own token and give public numbers only.
    pub private_metrics: bool,
    /// Ask for promoted numbers as well. Posts that were never promoted have none, and X remarks on each.
    pub promoted_metrics: bool,
    /// The app is a public client: it has no client secret, and exchanges tokens by its client id alone.
    pub public_client: bool,
    /// The search whose matches count as mentions; `{name}` is the account's name after the slash.
    pub mentions_query: String,
    /// The same for single accounts: `"x/nordlicht" = "@nordlichtbikes -from:nordlichtbikes"`.
    pub mentions_queries: BTreeMap<String, String>,
}

/// What the developer account pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// Every resource read has a price.
    #[default]
    PayPerUse,
    /// An old Basic or Pro plan at a fixed price.
    Subscription,
    /// A contract, with post and media analytics.
    Enterprise,
}

impl Default for XConfig {
    fn default() -> Self {
        Self {
            base_url: "https://api.x.com".to_owned(),
            authorize_base_url: "https://x.com".to_owned(),
            plan: Plan::default(),
            owned_reads: false,
            private_metrics: true,
            promoted_metrics: false,
            public_client: false,
            mentions_query: "@{name} -from:{name}".to_owned(),
            mentions_queries: BTreeMap::new(),
        }
    }
}

impl XConfig {
    /// An address of the API.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.trim_end_matches('/'))
    }

    /// The search whose matches count as an account's mentions.
    pub(crate) fn mentions_of(&self, account: &AccountId) -> String {
        self.mentions_queries
            .get(account.as_str())
            .unwrap_or(&self.mentions_query)
            .replace("{name}", account.name())
    }
}
