//! How the simulated platforms behave.

use crate::{SimClock, Struck};

/// How the platforms behave.
#[derive(Debug, Clone)]
pub struct SimulatorConfig {
    /// The clock that all platforms live by; `None` for one that shows [`crate::World::default_now`].
    pub clock: Option<SimClock>,
    /// The application's id, at every platform.
    pub client_id: String,
    /// The application's secret, at every platform.
    pub client_secret: String,
    /// The first of the ports on which the platforms answer, one after the other; `None` for free ones.
    pub first_port: Option<u16>,
    /// What tokens are made from, so that those of one simulator are no good at another; `None` for the world's seed.
    pub token_seed: Option<u64>,
    /// Is told of each fault that strikes a call.
    pub on_fault: Option<fn(&Struck<'_>)>,
    /// Whether calls beyond the documented limits are refused. The headers tell them either way.
    pub enforce_limits: bool,
    /// What only X has.
    pub x: XConfig,
    /// What only WeChat has.
    pub wechat: WechatConfig,
    /// What only Weibo has.
    pub weibo: WeiboConfig,
    /// What only Instagram has.
    pub instagram: InstagramConfig,
    /// What only LinkedIn has.
    pub linkedin: LinkedinConfig,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            clock: None,
            client_id: "simulated-client".to_owned(),
            client_secret: "simulated-secret".to_owned(),
            first_port: None,
            token_seed: None,
            on_fault: None,
            enforce_limits: true,
            x: XConfig::default(),
            wechat: WechatConfig::default(),
            weibo: WeiboConfig::default(),
            instagram: InstagramConfig::default(),
            linkedin: LinkedinConfig::default(),
        }
    }
}

/// How X behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct XConfig {
    /// Whether the application has an Enterprise contract, which alone has the analytics endpoints.
    pub enterprise: bool,
    /// Which of its two vocabularies it speaks.
    pub vocabulary: Vocabulary,
    /// What may be spent in all, in millionths of a US dollar; `None` for no end.
    pub credits_micros: Option<u64>,
    /// How many items may be read in all before the cap of the cycle; `None` for no end.
    pub read_cap: Option<u64>,
}

/// How WeChat behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WechatConfig {
    /// Whether comments (留言功能) are switched on for the accounts.
    pub comments: bool,
}

/// How Weibo behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WeiboConfig {
    /// Whether the application has a contract for the commercial API.
    pub commercial: bool,
}

/// How Instagram behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InstagramConfig {
    /// How many calls of Business Discovery the application has in an hour; `None` for 200 for each account, whose
    /// owners are its users.
    pub app_calls: Option<u32>,
    /// For how many days after the world's start its accounts were private ones: media of that time has no
    /// insights, and one such item fails a whole nested call.
    pub unconverted_days: u16,
}

/// How LinkedIn behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkedinConfig {
    /// Whether the application is of the development tier: a hundred calls a day, no batches, no renewal.
    pub development: bool,
    /// After how many days posts are left out of the statistics; `None` for never.
    pub silent_after_days: Option<u16>,
}

/// The vocabularies of X.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Vocabulary {
    /// `tweet_count`, `retweet_count`, `includes.tweets`.
    #[default]
    Tweets,
    /// `post_count`, `repost_count`, `includes.posts`.
    Posts,
}
