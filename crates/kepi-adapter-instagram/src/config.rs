//! The settings of the adapter: `[platform.instagram]` in `kepi.toml`. Secrets stand with the accounts, by
//! reference.

use schemars::JsonSchema;
use serde::Deserialize;

/// `[platform.instagram]`: all keys are optional.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InstagramConfig {
    /// Which of the two logins the accounts consent with. They have hosts, tokens and scopes of their own; some
    /// numbers are there with Facebook Login only.
    pub login: Login,
    /// Where the API is, when it is not the login's own host.
    #[schemars(extend("format" = "uri"))]
    pub base_url: Option<String>,
    /// Where Instagram Login exchanges the code of a consent, which is a host of its own.
    #[schemars(extend("format" = "uri"))]
    pub consent_base_url: String,
    /// Where the page is on which a person consents, when it is not the login's own.
    #[schemars(extend("format" = "uri"))]
    pub authorize_base_url: Option<String>,
    /// The version of the API. Meta serves an expired one by the oldest that is left, without a word.
    pub api_version: String,
    /// Which numbers of a post are asked for.
    pub media_metrics: MediaMetrics,
    /// The unit in which Instagram tells watch times. The reference does not say it; milliseconds by consensus.
    pub watch_time: WatchTime,
    /// What the instant at the end of a daily value means.
    pub end_time: EndTime,
    /// Whether Instagram takes the end of a window as a part of it.
    pub until: Until,
    /// Ask for profile views and website clicks as well. Their removal was announced and they are still answered;
    /// once they are refused, they are left out.
    pub retiring_metrics: bool,
    /// Ask for the days of the account by kind of media, by follower and by contact button: three calls a day.
    pub splits: bool,
    /// What the breakdown of views by follower is called. The reference says `follower_type`, and `follow_type` is
    /// what answers.
    pub follower_breakdown: FollowerBreakdown,
    /// Ask for people of four weeks, which cannot be added up from days: one call a day.
    pub four_weeks: bool,
    /// Count photos on which others tagged the account: one call a day for each hundred.
    pub mentions: bool,
    /// Of which time the engaged audience is.
    pub engaged_timeframe: Timeframe,
    /// What everybody sees of one's own accounts is read too, to hold pages of others against it. Facebook Login only;
    /// one call each, and the account's name after the slash must be its username.
    pub own_pages: bool,
}

/// Which login the accounts consent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Login {
    /// Instagram Login: no Facebook Page is needed.
    #[default]
    Instagram,
    /// Facebook Login: the account is linked with a Facebook Page.
    Facebook,
}

/// Which numbers of a post are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaMetrics {
    /// All that its kind has: one call for the list, and one for each kind among fifty posts.
    #[default]
    ByKind,
    /// Those that feed posts and reels have in common, in the call of the list.
    Common,
}

/// The unit of watch times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WatchTime {
    /// Thousandths of a second.
    #[default]
    Milliseconds,
    /// Seconds.
    Seconds,
}

/// What the instant at the end of a daily value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndTime {
    /// The end of the measured day: the day is the one before its date.
    #[default]
    DayBefore,
    /// A label: its date is the measured day.
    SameDate,
}

/// Whether the end of a window is a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// It is not, as one measurement found.
    #[default]
    Exclusive,
    /// It is, as documented: a second less is asked for.
    Inclusive,
}

/// What the breakdown of views by follower is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FollowerBreakdown {
    /// As of reach.
    #[default]
    FollowType,
    /// As the reference spells it.
    FollowerType,
}

/// Of which time the engaged audience is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Timeframe {
    /// Thirty days.
    #[default]
    ThisMonth,
    /// Seven days.
    ThisWeek,
}

impl Timeframe {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ThisMonth => "this_month",
            Self::ThisWeek => "this_week",
        }
    }
}

impl Default for InstagramConfig {
    fn default() -> Self {
        Self {
            login: Login::default(),
            base_url: None,
            consent_base_url: "https://api.instagram.com".to_owned(),
            authorize_base_url: None,
            api_version: "v25.0".to_owned(),
            media_metrics: MediaMetrics::default(),
            watch_time: WatchTime::default(),
            end_time: EndTime::default(),
            until: Until::default(),
            retiring_metrics: true,
            splits: false,
            follower_breakdown: FollowerBreakdown::default(),
            four_weeks: false,
            mentions: false,
            engaged_timeframe: Timeframe::default(),
            own_pages: false,
        }
    }
}

impl InstagramConfig {
    /// An address of the login's host, without version.
    pub(crate) fn host(&self, path: &str) -> String {
        let own = match self.login {
            Login::Instagram => "https://graph.instagram.com",
            Login::Facebook => "https://graph.facebook.com",
        };
        format!("{}{path}", self.base_url.as_deref().unwrap_or(own).trim_end_matches('/'))
    }

    /// An address of the API.
    pub(crate) fn url(&self, path: &str) -> String {
        self.host(&format!("/{}{path}", self.api_version))
    }

    /// An address of the host that exchanges codes.
    pub(crate) fn consent_url(&self, path: &str) -> String {
        format!("{}{path}", self.consent_base_url.trim_end_matches('/'))
    }
}
