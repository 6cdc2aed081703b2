//! The seven platforms and the two markets.

use std::{fmt, str::FromStr};

use kepi_core::{Error, Result};

/// A simulated platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Network {
    /// X.
    X,
    /// WeChat Official Accounts.
    Wechat,
    /// Weibo.
    Weibo,
    /// Douyin.
    Douyin,
    /// Xiaohongshu.
    Xiaohongshu,
    /// Instagram.
    Instagram,
    /// LinkedIn pages.
    Linkedin,
}

impl Network {
    /// All of them; the order is part of a world's seed.
    pub const ALL: [Self; 7] = [
        Self::X,
        Self::Wechat,
        Self::Weibo,
        Self::Douyin,
        Self::Xiaohongshu,
        Self::Instagram,
        Self::Linkedin,
    ];

    /// Its name as kepi writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::X => "x",
            Self::Wechat => "wechat",
            Self::Weibo => "weibo",
            Self::Douyin => "douyin",
            Self::Xiaohongshu => "xiaohongshu",
            Self::Instagram => "instagram",
            Self::Linkedin => "linkedin",
        }
    }

    /// The market it speaks to.
    #[must_use]
    pub fn market(self) -> Market {
        match self {
            Self::Wechat | Self::Weibo | Self::Douyin | Self::Xiaohongshu => Market::China,
            Self::X | Self::Instagram | Self::Linkedin => Market::West,
        }
    }

    /// The zone whose days its figures are in.
    #[must_use]
    pub fn day_zone(self) -> &'static str {
        match (self, self.market()) {
            (_, Market::China) => "Asia/Shanghai",
            (Self::Instagram, _) => "America/Los_Angeles",
            _ => "UTC",
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Network {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|network| network.name() == name).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.into_iter().map(Self::name).collect();
            Error::bad_input(format!("{name:?} is not simulated"))
                .hint(format!("known: {}", known.join(", ")))
        })
    }
}

/// A market: its language, its money, its holidays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Market {
    /// Mainland China.
    China,
    /// Europe and America.
    West,
}

impl Market {
    /// Hours that its wall clock is ahead of UTC.
    pub(crate) fn offset_hours(self) -> i64 {
        match self {
            Self::China => 8,
            Self::West => 0,
        }
    }

    /// ISO 4217.
    #[must_use]
    pub fn currency(self) -> &'static str {
        match self {
            Self::China => "CNY",
            Self::West => "EUR",
        }
    }

    /// BCP 47.
    #[must_use]
    pub fn language(self) -> &'static str {
        match self {
            Self::China => "zh",
            Self::West => "en",
        }
    }
}
