//! What answers look like.

use std::fmt;

use jiff::{Timestamp, civil::Date, fmt::strtime};
use kepi_core::{
    MetricId, Reading,
    json::{self, Whole},
};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use smol_str::{SmolStr, format_smolstr};

/// A row: what names it, then its whole numbers and the metrics they are.
macro_rules! row {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$attribute:meta])* $field:ident: $kind:ty,)*
    } counts { $($key:ident => $metric:literal,)* }) => {
        $(#[$doc])*
        #[derive(Deserialize)]
        pub(crate) struct $name {
            $($(#[$attribute])* pub(crate) $field: $kind,)*
            $(#[serde(default)] pub(crate) $key: Whole,)*
        }

        impl $name {
            /// Its whole numbers, as far as they are there.
            pub(crate) fn counts(&self) -> Vec<Reading> {
                let mut readings = Vec::with_capacity(4);
                $(count(&mut readings, $metric, self.$key);)*
                readings
            }
        }
    };
}

/// Adds a number that is there.
pub(crate) fn count(readings: &mut Vec<Reading>, metric: &'static str, value: Whole) {
    if let Whole(Some(value)) = value {
        readings.push(Reading::count(MetricId::from_static(metric), value));
    }
}

row! {
    /// An account, as `users/show` and `users/counts` tell it.
    UserRow {
        #[serde(default)] id: Id,
        #[serde(default)] idstr: Id,
        screen_name: Option<String>,
        #[serde(default)] bi_followers_count: Whole,
    } counts {
        followers_count => "followers_total",
        friends_count => "following_total",
        statuses_count => "posts_total",
    }
}
row! {
    /// A post in a list, as it is told.
    PostSaid {
        #[serde(default)] id: Id,
        #[serde(default)] idstr: Id,
        #[serde(default)] mid: Id,
        #[serde(default, deserialize_with = "instant")] created_at: Option<Timestamp>,
        text: Option<String>,
        user: Option<Author>,
        retweeted_status: Option<IgnoredAny>,
        #[serde(default)] pic_urls: Filled,
        #[serde(default)] pic_ids: Filled,
        #[serde(default)] original_pic: Filled,
    } counts {
        attitudes_count => "likes",
        comments_count => "comments",
        reposts_count => "shares",
    }
}
row! {
    /// A post's numbers alone. Commercial answers call the likes so; others call them attitudes.
    CountRow {
        #[serde(deserialize_with = "json::id")] id: SmolStr,
    } counts {
        reads => "views",
        attitudes => "likes",
        comments => "comments",
        reposts => "shares",
    }
}
row! {
    /// A day of an account. Posts, comments and reposts are those of the day, followers those at its end. What
    /// the account itself commented and reposted is left out.
    AccountDay {
        #[serde(deserialize_with = "day")] day_key: Date,
        #[serde(default)] v_followers_count: Whole,
        #[serde(default)] daren_followers_count: Whole,
        #[serde(default)] bi_followers_count: Whole,
    } counts {
        followers_count => "followers_total",
        friends_count => "following_total",
        statuses_count => "posts_published",
        receive_comments_count => "comments",
        reposted_count => "shares",
    }
}
row! {
    /// Follows of a day.
    FollowsDay {
        #[serde(deserialize_with = "day")] day_key: Date,
    } counts { followers_incr => "follows_gained", followers_decr => "follows_lost", }
}
row! {
    /// Long articles of a day. The misspelling is Weibo's.
    ArticleDay {
        #[serde(deserialize_with = "day")] day: Date,
        #[serde(default)] explosure: Whole,
    } counts { read => "reads", }
}

/// A post in a list, by its id.
#[derive(Deserialize)]
#[serde(try_from = "PostSaid")]
pub(crate) struct PostRow {
    pub id: SmolStr,
    pub said: PostSaid,
}

/// The post of another account that names this one: only when it was published counts.
#[derive(Deserialize)]
#[serde(try_from = "MentionSaid")]
pub(crate) struct MentionRow {
    pub id: SmolStr,
    pub created_at: Timestamp,
}

#[derive(Deserialize)]
struct MentionSaid {
    #[serde(default)]
    id: Id,
    #[serde(default)]
    idstr: Id,
    #[serde(default)]
    mid: Id,
    #[serde(default, deserialize_with = "instant")]
    created_at: Option<Timestamp>,
}

impl TryFrom<PostSaid> for PostRow {
    type Error = &'static str;

    fn try_from(said: PostSaid) -> Result<Self, Self::Error> {
        let id = first_id([&said.idstr, &said.id, &said.mid]).ok_or("a post without id")?;
        Ok(Self { id, said })
    }
}

impl TryFrom<MentionSaid> for MentionRow {
    type Error = &'static str;

    fn try_from(said: MentionSaid) -> Result<Self, Self::Error> {
        let id = first_id([&said.idstr, &said.id, &said.mid]).ok_or("a post without id")?;
        let created_at = said.created_at.ok_or("it is not told when the post was published")?;
        Ok(Self { id, created_at })
    }
}

/// The author of a post.
#[derive(Deserialize)]
pub(crate) struct Author {
    #[serde(default)]
    pub id: Id,
    #[serde(default)]
    pub idstr: Id,
}

/// How many calls there may be, and are left.
#[derive(Deserialize)]
pub(crate) struct LimitsAnswer {
    #[serde(default)]
    pub user_limit: Whole,
    #[serde(default)]
    pub remaining_user_hits: Whole,
    pub limit_time_unit: Option<String>,
    #[serde(default)]
    pub reset_time_in_seconds: Whole,
}

/// Whose a token is, and how long it lives.
#[derive(Deserialize)]
pub(crate) struct ConsentAnswer {
    #[serde(deserialize_with = "json::id")]
    pub uid: SmolStr,
    #[serde(default)]
    pub create_at: Whole,
    #[serde(default)]
    pub expire_in: Whole,
}

/// An id as text or as a number; `null`, empty text and 0 say that there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Id(Option<SmolStr>);

/// The first of several names of one thing that is told.
pub(crate) fn first_id<const N: usize>(ids: [&Id; N]) -> Option<SmolStr> {
    ids.into_iter().find_map(|id| id.0.clone())
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor).map(Self)
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = Option<SmolStr>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Option<SmolStr>, E> {
        Ok((!matches!(text, "" | "0")).then(|| SmolStr::new(text)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Option<SmolStr>, E> {
        Ok((value != 0).then(|| format_smolstr!("{value}")))
    }

    fn visit_unit<E>(self) -> Result<Option<SmolStr>, E> {
        Ok(None)
    }
}

/// Whether a place holds anything: a list with items, text that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Filled(pub bool);

impl<'de> Deserialize<'de> for Filled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FilledVisitor)
    }
}

struct FilledVisitor;

impl<'de> Visitor<'de> for FilledVisitor {
    type Value = Filled;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or text")
    }

    fn visit_unit<E>(self) -> Result<Filled, E> {
        Ok(Filled(false))
    }

    fn visit_bool<E>(self, said: bool) -> Result<Filled, E> {
        Ok(Filled(said))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Filled, E> {
        Ok(Filled(number != 0))
    }

    fn visit_str<E>(self, text: &str) -> Result<Filled, E> {
        Ok(Filled(!text.is_empty()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Filled, A::Error> {
        let mut filled = false;
        while items.next_element::<IgnoredAny>()?.is_some() {
            filled = true;
        }
        Ok(Filled(filled))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Filled, A::Error> {
        let mut filled = false;
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            filled = true;
        }
        Ok(Filled(filled))
    }
}

/// `Tue May 31 17:46:55 +0800 2011`. The name of the weekday says nothing that the date does not.
pub(crate) fn parse_instant(text: &str) -> Result<Timestamp, String> {
    let read = || {
        let (_, date) = text.split_once(' ')?;
        strtime::parse("%b %d %H:%M:%S %z %Y", date).ok()?.to_timestamp().ok()
    };
    read().or_else(|| text.parse().ok()).ok_or_else(|| format!("{text:?} is no instant"))
}

fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text: Option<std::borrow::Cow<'_, str>> = Option::deserialize(deserializer)?;
    match text.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => parse_instant(text).map(Some).map_err(D::Error::custom),
    }
}

/// `2026-03-01` or, in some series, `20260301`.
pub(crate) fn parse_day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| format!("{text:?} is no day"))
}

fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    let text = json::id(deserializer)?;
    parse_day(&text).map_err(D::Error::custom)
}
