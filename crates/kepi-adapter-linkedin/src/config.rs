//! The settings of the adapter: `[platform.linkedin]` in `kepi.toml`. Secrets stand with the accounts, by
//! reference.

use jiff::civil::Date;
use kepi_core::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;

/// `[platform.linkedin]`: all keys are optional.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LinkedinConfig {
    /// Where the API is.
    #[schemars(extend("format" = "uri"))]
    pub base_url: String,
    /// Where persons consent and tokens are exchanged.
    #[schemars(extend("format" = "uri"))]
    pub oauth_base_url: String,
    /// The version of the API that is asked for, as `YYYYMM`. LinkedIn makes one a month and keeps each for
    /// about a year.
    #[schemars(extend("pattern" = "^20[0-9]{2}(0[1-9]|1[0-2])$"))]
    pub version: String,
    /// The day on which LinkedIn ends that version, where it is none that kepi knows: it stands in LinkedIn's
    /// table of migrations. Without it, the fifteenth of the same month a year later is guessed, and only warned of.
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub version_ends: Option<Date>,
    /// What LinkedIn granted to the application.
    pub tier: Tier,
    /// After so many days a UTC day can be asked for.
    #[schemars(range(min = 1, max = 14))]
    pub lag_days: u8,
    /// How many posts are asked for in one call. LinkedIn does not say its limit; lower it when lists are refused.
    #[schemars(range(min = 1, max = 100))]
    pub posts_per_call: u16,
    /// For so many days after it was published, a post that LinkedIn leaves out of an answer had no activity,
    /// and is zero. An older one keeps its last numbers.
    pub absent_is_zero_days: u16,
    /// Read the lifetime totals of the page every day, and not once a week. Mentions come from them.
    pub daily_totals: bool,
    /// Ask for reactions of all kinds: a call more for each hundred posts. Needs the standard tier and the scope
    /// `r_organization_social_feed`.
    pub reactions: bool,
    /// Ask for the numbers of videos: a list, and two calls a video.
    pub videos: Videos,
    /// Ask for the viewers of videos as well: a third call a video.
    pub video_viewers: bool,
    /// Of a member's own posts, ask also for saves, sends, link clicks, and for followers and profile views that
    /// came from posts: five calls more.
    pub newer_member_metrics: bool,
}

/// What LinkedIn granted to the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// What each new application has: a hundred calls a day for each member, no batches.
    #[default]
    Development,
    /// After LinkedIn's review.
    Standard,
}

/// What is asked of videos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Videos {
    /// Nothing.
    #[default]
    Off,
    /// Their totals so far.
    Totals,
    /// Their days since publishing.
    Days,
}

impl Default for LinkedinConfig {
    fn default() -> Self {
        Self {
            base_url: "https://api.linkedin.com".to_owned(),
            oauth_base_url: "https://www.linkedin.com".to_owned(),
            version: "202603".to_owned(),
            version_ends: None,
            tier: Tier::default(),
            lag_days: 2,
            posts_per_call: 100,
            absent_is_zero_days: 7,
            daily_totals: false,
            reactions: false,
            videos: Videos::default(),
            video_viewers: false,
            newer_member_metrics: false,
        }
    }
}

impl LinkedinConfig {
    /// An address of the API.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.trim_end_matches('/'))
    }

    /// The year and month of the version.
    pub(crate) fn version_month(&self) -> Option<(i16, i8)> {
        let digits = self.version.len() == 6 && self.version.bytes().all(|c| c.is_ascii_digit());
        let (year, month) = self.version.split_at_checked(4).filter(|_| digits)?;
        let month = month.parse().ok().filter(|month| (1..=12).contains(month))?;
        Some((year.parse().ok().filter(|year| (2000..2100).contains(year))?, month))
    }

    pub(crate) fn check(&self) -> Result<()> {
        let bad = |key: &str, hint: &str| {
            Err(Error::bad_config(format!("platform.linkedin.{key} cannot be used")).hint(hint))
        };
        if self.version_month().is_none() {
            return bad("version", "a version is a year and a month, such as \"202603\"");
        }
        if !(1..=100).contains(&self.posts_per_call) {
            return bad("posts_per_call", "it is a number from 1 to 100");
        }
        if !(1..=14).contains(&self.lag_days) {
            return bad("lag_days", "it is a number from 1 to 14");
        }
        Ok(())
    }
}
