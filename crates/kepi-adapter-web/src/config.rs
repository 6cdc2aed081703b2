//! The settings of the adapter: `[platform.web]` in `kepi.toml`. Secrets stand with the accounts, by reference.

use std::collections::BTreeMap;

use kepi_core::{Error, Platform, Result};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::decode::sources::DEFAULT_RULES;

/// `[platform.web]`: all keys are optional.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebConfig {
    /// Where the Google Analytics Data API is.
    #[schemars(extend("format" = "uri"))]
    pub base_url: String,
    /// Where the Google Business Profile API is.
    #[schemars(extend("format" = "uri"))]
    pub business_base_url: String,
    /// Where tokens are exchanged.
    #[schemars(extend("format" = "uri"))]
    pub oauth_base_url: String,
    /// Where the page is on which a person consents.
    #[schemars(extend("format" = "uri"))]
    pub authorize_base_url: String,
    /// The properties are Analytics 360: ten times the tokens.
    pub analytics_360: bool,
    /// So many days are read again. Google needs one to two days until a day is final.
    #[schemars(range(min = 1, max = 30))]
    pub lookback_days: u16,
    /// What to ask of a property beside its visits by channel and source: a call more a day each.
    pub reports: Vec<Report>,
    /// Which sources of visits are which social platform: platform → names of sources. A platform named here has
    /// these names alone; the others keep theirs.
    pub social_sources: BTreeMap<String, Vec<String>>,
    /// Count the reviews of each day as well, from the newest fifty. Their words and reviewers' names are then in
    /// what is kept of the answers.
    pub reviews_by_day: bool,
}

/// A report that is asked for when the settings say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// Visitors of a day, each once.
    Visitors,
    /// Visits by campaign (`utm_campaign`).
    Campaigns,
    /// Visits by campaign and content (`utm_content`): where links bear it, by post.
    Contents,
    /// Visits by the page on which they began.
    LandingPages,
    /// Visits by country.
    Countries,
    /// Visits by kind of device.
    Devices,
}

impl Report {
    /// What it tells of, for people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Visitors => "visitors of a day",
            Self::Campaigns => "visits by campaign",
            Self::Contents => "visits by campaign and content",
            Self::LandingPages => "visits by landing page",
            Self::Countries => "visits by country",
            Self::Devices => "visits by kind of device",
        }
    }
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            base_url: "https://analyticsdata.googleapis.com".to_owned(),
            business_base_url: "https://mybusiness.googleapis.com".to_owned(),
            oauth_base_url: "https://oauth2.googleapis.com".to_owned(),
            authorize_base_url: "https://accounts.google.com".to_owned(),
            analytics_360: false,
            lookback_days: 3,
            reports: Vec::new(),
            social_sources: BTreeMap::new(),
            reviews_by_day: false,
        }
    }
}

impl WebConfig {
    /// Which sources are which platform: the settings', and the adapter's own where they say nothing.
    pub(crate) fn source_rules(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        let own = DEFAULT_RULES
            .iter()
            .filter(|(platform, _)| !self.social_sources.contains_key(*platform))
            .map(|(platform, names)| (*platform, names.to_vec()));
        let given = self
            .social_sources
            .iter()
            .map(|(platform, names)| (platform.as_str(), names.iter().map(String::as_str).collect()));
        own.chain(given)
    }

    pub(crate) fn check(&self) -> Result<()> {
        let bad = |key: &str, hint: &str| {
            Err(Error::bad_config(format!("platform.web.{key} cannot be used")).hint(hint))
        };
        if !(1..=30).contains(&self.lookback_days) {
            return bad("lookback_days", "it is a number from 1 to 30");
        }
        for (platform, names) in &self.social_sources {
            if Platform::new(platform).is_err() {
                return bad("social_sources", "its keys are platforms: lowercase words such as instagram");
            }
            let mut names = names.iter();
            if names
                .any(|name| name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_uppercase()))
            {
                return bad(
                    "social_sources",
                    "names of sources are lowercase and hold no white space: instagram.com, ig",
                );
            }
        }
        let mut taken: Vec<(&str, &str)> = Vec::new();
        for (platform, names) in self.source_rules() {
            for name in names {
                if let Some((_, other)) = taken.iter().find(|(known, _)| *known == name) {
                    return bad(
                        "social_sources",
                        &format!("{name:?} stands under {other} and under {platform}"),
                    );
                }
                taken.push((name, platform));
            }
        }
        Ok(())
    }
}

/// A path of an API whose address is a setting.
pub(crate) fn url(base: &str, path: &str) -> String {
    format!("{}{path}", base.trim_end_matches('/'))
}
