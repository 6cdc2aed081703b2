//! Who and what is measured: platforms, accounts, posts.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{Error, Result};

/// A platform's name: a lowercase word (`[a-z][a-z0-9_]*`).
///
/// Some have adapters; files may bring others (`tiktok`, `facebook`, `bilibili`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "SmolStr", into = "SmolStr")]
pub struct Platform(SmolStr);

impl Platform {
    /// Checks a name.
    ///
    /// # Errors
    /// `BadInput` when it is not a lowercase word.
    pub fn new(name: &str) -> Result<Self> {
        let mut chars = name.chars();
        let first = chars.next().is_some_and(|c| c.is_ascii_lowercase());
        if first && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            Ok(Self(SmolStr::new(name)))
        } else {
            Err(Error::bad_input(format!("{name:?} is not a platform name"))
                .hint("a platform is a lowercase word such as x, wechat or tiktok"))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The zone whose days the platform lives by when an account says nothing else: Beijing for the Chinese
    /// platforms, UTC otherwise.
    #[must_use]
    pub fn default_zone(&self) -> &'static str {
        match self.as_str() {
            "wechat" | "weibo" | "douyin" | "xiaohongshu" | "toutiao" | "zhihu" | "bilibili" | "kuaishou" => {
                "Asia/Shanghai"
            }
            _ => "UTC",
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Platform {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        Self::new(name)
    }
}

impl TryFrom<SmolStr> for Platform {
    type Error = Error;
    fn try_from(name: SmolStr) -> Result<Self> {
        Self::new(&name)
    }
}

impl From<Platform> for SmolStr {
    fn from(platform: Platform) -> Self {
        platform.0
    }
}

/// An account as people write it everywhere: `platform/name`.
///
/// ```
/// use kepi_core::AccountId;
/// let id: AccountId = "x/ropensci".parse()?;
/// assert_eq!((id.platform().as_str(), id.name()), ("x", "ropensci"));
/// assert!("ropensci".parse::<AccountId>().is_err());
/// # Ok::<(), kepi_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "SmolStr", into = "SmolStr")]
pub struct AccountId(SmolStr);

impl AccountId {
    /// Checks `platform/name`.
    ///
    /// # Errors
    /// `BadInput` when the platform is no lowercase word, or the name is empty or holds white space,
    /// a slash, a colon or a control character.
    pub fn new(text: &str) -> Result<Self> {
        let bad = || {
            Error::bad_input(format!("{text:?} is not an account, platform/name"))
                .hint("for example x/ropensci")
        };
        let (platform, name) = text.split_once('/').ok_or_else(bad)?;
        Platform::new(platform).map_err(|_| bad())?;
        let legal = |c: char| !(c.is_whitespace() || c.is_control() || matches!(c, '/' | ':' | '\\'));
        if name.is_empty() || name.len() > 200 || !name.chars().all(legal) {
            return Err(bad());
        }
        Ok(Self(SmolStr::new(text)))
    }

    /// The whole, `platform/name`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The platform's name alone.
    #[must_use]
    pub fn platform_name(&self) -> &str {
        self.0.split_once('/').map_or("", |(platform, _)| platform)
    }

    /// The platform.
    #[must_use]
    pub fn platform(&self) -> Platform {
        Platform(SmolStr::new(self.platform_name()))
    }

    /// The name within the platform.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AccountId {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::new(text)
    }
}

impl TryFrom<SmolStr> for AccountId {
    type Error = Error;
    fn try_from(text: SmolStr) -> Result<Self> {
        Self::new(&text)
    }
}

impl From<AccountId> for SmolStr {
    fn from(id: AccountId) -> Self {
        id.0
    }
}

/// What a job needs to know of an account to ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRef {
    /// `platform/name`.
    pub id: AccountId,
    /// The platform's own id of the account, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_id: Option<SmolStr>,
    /// The account's IANA zone: its days are the days of this zone.
    pub zone: SmolStr,
    /// Of somebody else's account, of which everybody's figures alone are asked for: the platform's id of the account
    /// of ours through which it is seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched_by: Option<SmolStr>,
}

impl AccountRef {
    /// An account of which the platform's own id is not known.
    pub fn new(id: AccountId, zone: impl Into<SmolStr>) -> Self {
        Self { id, platform_id: None, zone: zone.into(), watched_by: None }
    }
}

/// What is known of an account. Newest wins per field; an absent field says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// `platform/name`.
    pub id: AccountId,
    /// The platform's own id.
    pub platform_id: Option<SmolStr>,
    /// The handle as the platform shows it.
    pub handle: Option<String>,
    /// The brand it belongs to.
    pub brand: Option<String>,
    /// The market it speaks to.
    pub market: Option<String>,
    /// IANA zone.
    pub zone: Option<SmolStr>,
    /// ISO 4217 code of its money.
    pub currency: Option<SmolStr>,
    /// Size class, for benchmarks.
    pub size_class: Option<SmolStr>,
}

impl Account {
    /// An account of which nothing else is known yet.
    #[must_use]
    pub fn new(id: AccountId) -> Self {
        Self {
            id,
            platform_id: None,
            handle: None,
            brand: None,
            market: None,
            zone: None,
            currency: None,
            size_class: None,
        }
    }
}

/// What a job needs to know of a post to ask for it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostRef {
    /// The account that published it.
    pub account: AccountId,
    /// The platform's id, always text.
    pub id: SmolStr,
    /// When it was published, where that is known.
    pub published_at: Option<Timestamp>,
}

impl PostRef {
    /// What the id of a post begins with that a file told without one: no platform knows it.
    pub const DERIVED: &'static str = "title-";

    /// Whether its id is one of ours, and so cannot be asked for.
    #[must_use]
    pub fn has_derived_id(&self) -> bool {
        self.id.starts_with(Self::DERIVED)
    }
}

/// What is known of a post. Newest wins per field; an absent field says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// The account that published it.
    pub account: AccountId,
    /// The platform's id, always text (ids pass 2^53).
    pub id: SmolStr,
    /// When it was published, where the source tells the instant.
    pub published_at: Option<Timestamp>,
    /// The local day of publishing, where the source tells no more than that; a day is no midnight.
    pub published_day: Option<Date>,
    /// Its form, as kepi names it: `post`, `reply`, `video`, `image`, `article` …
    pub format: Option<SmolStr>,
    /// Headline, where the platform has one.
    pub title: Option<String>,
    /// The words of it.
    pub text: Option<String>,
    /// Where it stands.
    pub url: Option<String>,
    /// BCP 47 language.
    pub language: Option<SmolStr>,
    /// Hashtags and labels.
    pub tags: Vec<String>,
    /// The category it was put into.
    pub category: Option<String>,
    /// The campaign it belongs to.
    pub campaign: Option<String>,
    /// The platform's product type (reel, story, carousel …).
    pub product_type: Option<SmolStr>,
    /// Whether it answers another post.
    pub is_reply: Option<bool>,
    /// When it was seen to be gone. A tombstone; its numbers stay.
    pub deleted_at: Option<Timestamp>,
}

impl Post {
    /// A post of which nothing else is known yet.
    #[must_use]
    pub fn new(account: AccountId, id: impl Into<SmolStr>) -> Self {
        Self {
            account,
            id: id.into(),
            published_at: None,
            published_day: None,
            format: None,
            title: None,
            text: None,
            url: None,
            language: None,
            tags: Vec::new(),
            category: None,
            campaign: None,
            product_type: None,
            is_reply: None,
            deleted_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_names() {
        for good in ["x/ropensci", "wechat/gh_1", "weibo/品牌", "x/a.b-c"] {
            assert_eq!(good.parse::<AccountId>().unwrap().as_str(), good);
        }
        for bad in ["", "x", "x/", "/a", "X/a", "x/a b", "x/a/b", "x/a:b", "1x/a"] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad:?} passed");
        }
    }
}
