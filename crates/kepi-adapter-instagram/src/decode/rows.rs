//! What answers look like.

use std::{borrow::Cow, collections::HashMap, fmt};

use jiff::Timestamp;
use kepi_core::json::{self, Number, Whole};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, Visitor},
};
use serde_json::value::RawValue;
use smol_str::SmolStr;

/// A list of rows, and where it goes on.
#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
pub(crate) struct Rows<R> {
    #[serde(default, deserialize_with = "json::null_is_empty")]
    pub(crate) data: Option<Vec<R>>,
    #[serde(default)]
    pub(crate) paging: Option<Paging>,
}

/// Where a list goes on. The address itself holds the caller's token and is not kept.
#[derive(Deserialize)]
pub(crate) struct Paging {
    pub(crate) cursors: Option<Cursors>,
    next: Option<Present>,
}

#[derive(Deserialize)]
pub(crate) struct Cursors {
    pub(crate) after: Option<String>,
}

impl Paging {
    /// The end is the absence of the next address, not a short page.
    pub(crate) fn goes_on(&self) -> bool {
        self.next.as_ref().is_some_and(|next| next.0)
    }
}

/// Whether a text is there and not empty.
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(PresentVisitor)
    }
}

struct PresentVisitor;

impl Visitor<'_> for PresentVisitor {
    type Value = Present;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address")
    }

    fn visit_str<E>(self, text: &str) -> Result<Present, E> {
        Ok(Present(!text.is_empty()))
    }
}

/// An account with its newest media.
#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
pub(crate) struct User<R> {
    #[serde(default, deserialize_with = "maybe_id")]
    pub(crate) id: Option<SmolStr>,
    pub(crate) username: Option<String>,
    #[serde(default)]
    pub(crate) followers_count: Whole,
    #[serde(default)]
    pub(crate) follows_count: Whole,
    #[serde(default)]
    pub(crate) media_count: Whole,
    pub(crate) media: Option<Rows<R>>,
}

/// One item of media.
#[derive(Deserialize)]
pub(crate) struct Media<'a> {
    #[serde(deserialize_with = "json::id")]
    pub(crate) id: SmolStr,
    pub(crate) media_type: Option<SmolStr>,
    pub(crate) media_product_type: Option<SmolStr>,
    pub(crate) timestamp: Option<Instant>,
    pub(crate) permalink: Option<String>,
    pub(crate) caption: Option<String>,
    #[serde(default)]
    pub(crate) like_count: Whole,
    #[serde(default)]
    pub(crate) comments_count: Whole,
    #[serde(default)]
    pub(crate) view_count: Whole,
    #[serde(default)]
    pub(crate) saved_count: Whole,
    #[serde(default)]
    pub(crate) shares_count: Whole,
    #[serde(default)]
    pub(crate) reposts_count: Whole,
    #[serde(default)]
    pub(crate) total_like_count: Whole,
    #[serde(default)]
    pub(crate) total_comments_count: Whole,
    #[serde(default)]
    pub(crate) total_views_count: Whole,
    #[serde(borrow)]
    pub(crate) insights: Option<Rows<Insight<'a>>>,
}

/// Media by their ids.
pub(crate) type ById<'a, R> = HashMap<Cow<'a, str>, R>;

/// The insights of an item that was asked for by its id.
#[derive(Deserialize)]
pub(crate) struct Told<'a> {
    #[serde(borrow)]
    pub(crate) insights: Option<Rows<Insight<'a>>>,
}

/// One metric of the insights.
#[derive(Deserialize)]
pub(crate) struct Insight<'a> {
    #[serde(borrow)]
    pub(crate) name: Cow<'a, str>,
    #[serde(default, deserialize_with = "null_is_none")]
    pub(crate) values: Vec<Stamped>,
    pub(crate) total_value: Option<Total>,
}

/// One metric of which single values may be bad.
#[derive(Deserialize)]
pub(crate) struct Loose<'a> {
    #[serde(borrow)]
    pub(crate) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) values: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    pub(crate) total_value: Option<&'a RawValue>,
}

/// A value, of the day that ends then.
#[derive(Deserialize)]
pub(crate) struct Stamped {
    pub(crate) value: Option<Number>,
    pub(crate) end_time: Option<Instant>,
}

/// A value of a whole window, and its parts.
#[derive(Deserialize)]
pub(crate) struct Total {
    pub(crate) value: Option<Number>,
    #[serde(default, deserialize_with = "null_is_none")]
    pub(crate) breakdowns: Vec<Breakdown>,
}

/// The parts of a value. Without results nothing happened in the window.
#[derive(Deserialize)]
pub(crate) struct Breakdown {
    #[serde(default, deserialize_with = "null_is_none")]
    pub(crate) dimension_keys: Vec<SmolStr>,
    #[serde(default, deserialize_with = "null_is_none")]
    pub(crate) results: Vec<Part>,
}

/// One part. All of its dimensions name it.
#[derive(Deserialize)]
pub(crate) struct Part {
    pub(crate) dimension_values: Vec<SmolStr>,
    pub(crate) value: Option<Number>,
}

/// A photo on which the account is tagged.
#[derive(Deserialize)]
pub(crate) struct Tag {
    pub(crate) timestamp: Instant,
}

/// An instant, with an offset with or without colon.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instant(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(InstantVisitor)
    }
}

struct InstantVisitor;

impl Visitor<'_> for InstantVisitor {
    type Value = Instant;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an instant")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Instant, E> {
        text.parse().map(Instant).map_err(|_| E::custom(format!("{text:?} is not an instant")))
    }
}

/// Null says that nothing is there.
fn null_is_none<'de, D: Deserializer<'de>, R: Deserialize<'de>>(list: D) -> Result<Vec<R>, D::Error> {
    Ok(Option::deserialize(list)?.unwrap_or_default())
}

fn maybe_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SmolStr>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Maybe {
        Text(SmolStr),
        Number(u64),
        Other(IgnoredAny),
    }
    Ok(match Maybe::deserialize(deserializer).map_err(D::Error::custom)? {
        Maybe::Text(text) if !text.is_empty() => Some(text),
        Maybe::Number(number) => Some(smol_str::format_smolstr!("{number}")),
        Maybe::Text(_) | Maybe::Other(_) => None,
    })
}
