//! The settings of the adapter: `[platform.weibo]` in `kepi.toml`. Secrets stand with the accounts, by
//! reference.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;

/// `[platform.weibo]`: all keys are optional.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WeiboConfig {
    /// Where the API is, consent included.
    #[schemars(extend("format" = "uri"))]
    pub base_url: String,
    /// Where the commercial data API is.
    #[schemars(extend("format" = "uri"))]
    pub commercial_base_url: String,
    /// There is a contract for the commercial data API (商业数据接口). Without, its endpoints are not asked.
    pub commercial: bool,
    /// How many calls Weibo lets a user of the application make. The published limit is 100 a day; older
    /// applications may still have limits by the hour. The endpoint `limits` shows which.
    pub call_limit: CallLimit,
    /// Count the posts by others that name the account. Without a contract Weibo shows only those whose authors
    /// authorised the same application, and each page of 200 is a call of the day's allowance.
    pub mentions: bool,
    /// How the days of active and loyal followers are asked for. Weibo documents whole numbers and shows no
    /// example.
    pub follower_dates: FollowerDates,
}

/// How many calls Weibo lets a user of the application make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallLimit {
    /// 100 a day: the published limit.
    #[default]
    Daily100,
    /// 150 an hour: the older limit of applications in test.
    Hourly150,
    /// 300 an hour: the older middle level.
    Hourly300,
    /// 450 an hour: the older high level.
    Hourly450,
}

/// How days are written where Weibo documents whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FollowerDates {
    /// `20260302`.
    #[default]
    Compact,
    /// `2026-03-02`.
    Dashed,
}

impl Default for WeiboConfig {
    fn default() -> Self {
        Self {
            base_url: "https://api.weibo.com".to_owned(),
            commercial_base_url: "https://c.api.weibo.com".to_owned(),
            commercial: false,
            call_limit: CallLimit::default(),
            mentions: false,
            follower_dates: FollowerDates::default(),
        }
    }
}

impl WeiboConfig {
    /// An address of the basic API or of the consent.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.trim_end_matches('/'))
    }

    /// An address of the commercial API.
    pub(crate) fn commercial_url(&self, path: &str) -> String {
        format!("{}{path}", self.commercial_base_url.trim_end_matches('/'))
    }
}

impl FollowerDates {
    /// A day as it is asked for.
    pub(crate) fn text(self, day: Date) -> String {
        match self {
            Self::Compact => day.strftime("%Y%m%d").to_string(),
            Self::Dashed => day.to_string(),
        }
    }
}
