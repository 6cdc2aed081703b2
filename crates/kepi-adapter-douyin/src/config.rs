//! The settings of the adapter: `[platform.douyin]` in `kepi.toml`. Secrets stand with the accounts, by
//! reference.

use std::collections::BTreeMap;

use kepi_core::AccountId;
use schemars::JsonSchema;
use serde::Deserialize;

/// `[platform.douyin]`: all keys are optional.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DouyinConfig {
    /// Where the open platform is.
    #[schemars(extend("format" = "uri"))]
    pub base_url: String,
    /// Where Ocean Engine is: its tokens and the data of enterprise accounts.
    #[schemars(extend("format" = "uri"))]
    pub ocean_base_url: String,
    /// Where Ocean Engine's reports of paid delivery are.
    #[schemars(extend("format" = "uri"))]
    pub report_base_url: String,
    /// How many videos one call is asked for, 10 or 20. Douyin documents no limit; 10 is what its examples ask
    /// for.
    #[schemars(with = "u8", extend("enum" = [10, 20]))]
    pub videos_per_call: VideosPerCall,
    /// What `new_fans` of a day counts: follows begun, or those less the follows ended. Douyin does not say.
    pub new_fans: NewFans,
    /// Ask for the days of videos that are younger than 30 days: five calls for each video that is due.
    pub video_days: bool,
    /// The longest series of a video that is asked for, 15 or 30 days. Douyin documents 30 in some places only.
    #[schemars(with = "u8", extend("enum" = [15, 30]))]
    pub video_series_days: VideoSeriesDays,
    /// The advertiser in Ocean Engine to which an account is bound: `"douyin/nordlicht" = "1700000000000001"`.
    /// Accounts without one have no data of enterprise accounts and of paid delivery.
    pub advertisers: BTreeMap<String, String>,
    /// The account's id in Ocean Engine, where it is not its `platform_id`: ids differ from app to app. The
    /// endpoint `bound_accounts` tells it.
    pub enterprise_open_ids: BTreeMap<String, String>,
    /// Fields of enterprise accounts that are not asked for. One that Ocean Engine refuses by its name is left out
    /// without this; one that it does not name fails the whole call.
    pub enterprise_without: Vec<String>,
    /// The day on which a conversion counts.
    pub conversions: Conversions,
}

/// How many videos one call is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "u8")]
pub enum VideosPerCall {
    /// As Douyin's examples have it.
    #[default]
    Ten,
    /// As many as users report to work.
    Twenty,
}

/// What `new_fans` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewFans {
    /// Follows begun.
    #[default]
    Gained,
    /// Follows begun less follows ended.
    Net,
}

/// The longest series of a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "u8")]
pub enum VideoSeriesDays {
    /// Documented everywhere.
    #[default]
    Fifteen,
    /// Documented in places.
    Thirty,
}

/// The day on which a conversion counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conversions {
    /// The day on which it happened (`convert_cnt`).
    #[default]
    ConversionDay,
    /// The day on which the money was spent that led to it (`attribution_convert_cnt`); it changes for 30 days.
    SpendDay,
}

impl TryFrom<u8> for VideosPerCall {
    type Error = String;
    fn try_from(count: u8) -> Result<Self, String> {
        match count {
            10 => Ok(Self::Ten),
            20 => Ok(Self::Twenty),
            other => Err(format!("videos_per_call is 10 or 20, not {other}")),
        }
    }
}

impl TryFrom<u8> for VideoSeriesDays {
    type Error = String;
    fn try_from(days: u8) -> Result<Self, String> {
        match days {
            15 => Ok(Self::Fifteen),
            30 => Ok(Self::Thirty),
            other => Err(format!("video_series_days is 15 or 30, not {other}")),
        }
    }
}

impl Default for DouyinConfig {
    fn default() -> Self {
        Self {
            base_url: "https://open.douyin.com".to_owned(),
            ocean_base_url: "https://ad.oceanengine.com".to_owned(),
            report_base_url: "https://api.oceanengine.com".to_owned(),
            videos_per_call: VideosPerCall::default(),
            new_fans: NewFans::default(),
            video_days: true,
            video_series_days: VideoSeriesDays::default(),
            advertisers: BTreeMap::new(),
            enterprise_open_ids: BTreeMap::new(),
            enterprise_without: Vec::new(),
            conversions: Conversions::default(),
        }
    }
}

impl DouyinConfig {
    /// An address of the open platform.
    pub(crate) fn open(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.trim_end_matches('/'))
    }

    /// An address of Ocean Engine.
    pub(crate) fn ocean(&self, path: &str) -> String {
        format!("{}/open_api/{path}", self.ocean_base_url.trim_end_matches('/'))
    }

    /// An address of Ocean Engine's reports.
    pub(crate) fn report(&self, path: &str) -> String {
        format!("{}/open_api/{path}", self.report_base_url.trim_end_matches('/'))
    }

    pub(crate) fn advertiser(&self, account: &AccountId) -> Option<&str> {
        self.advertisers.get(account.as_str()).map(String::as_str)
    }

    pub(crate) fn enterprise_open_id(&self, account: &AccountId) -> Option<&str> {
        self.enterprise_open_ids.get(account.as_str()).map(String::as_str)
    }
}
