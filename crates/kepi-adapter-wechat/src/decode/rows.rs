//! What answers look like.

use std::{borrow::Cow, fmt};

use jiff::civil::Date;
use kepi_core::{
    MetricId, Reading,
    json::{self, Number, Whole},
};
use serde::{
    Deserialize, Deserializer,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use smol_str::SmolStr;

/// A row: what names it, then its whole numbers and the metrics they are.
macro_rules! row {
    ($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? {
        $($(#[$attribute:meta])* $field:ident: $kind:ty,)*
    } counts { $($key:ident => $metric:literal,)* }) => {
        $(#[$doc])*
        #[derive(Deserialize)]
        pub(crate) struct $name $(<$life>)? {
            $($(#[$attribute])* pub(crate) $field: $kind,)*
            $(#[serde(default)] pub(crate) $key: Whole,)*
        }

        impl $(<$life>)? $name $(<$life>)? {
            /// Its whole numbers, as far as they are there.
            pub(crate) fn counts(&self) -> Vec<Reading> {
                let mut readings = Vec::with_capacity(12);
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
    /// Follows begun and ended on a day by one way in.
    Follows {
        ref_date: Date,
        #[serde(deserialize_with = "json::id")]
        user_source: SmolStr,
    } counts { new_user => "follows_gained", cancel_user => "follows_lost", }
}
row! {
    /// Followers at the end of a day.
    Followers { ref_date: Date, } counts { cumulate_user => "followers_total", }
}
row! {
    /// What readers of an account did on a day.
    AccountDetail<'a> {
        #[serde(borrow, default, deserialize_with = "null_is_none")]
        read_user_source: Vec<Scene<'a>>,
    } counts {
        read_user => "read_users",
        share_user => "share_users",
        zaikan_user => "zaikan_users",
        like_user => "like_users",
        comment_count => "comments",
        collection_user => "save_users",
        redirect_ori_page_user => "link_click_users",
        send_page_count => "posts_published",
    }
}
row! {
    /// Readers or sharers of an article on a day.
    ArticleDetail<'a> {
        #[serde(borrow, default, deserialize_with = "null_is_none")]
        read_user_source: Vec<Scene<'a>>,
    } counts { read_user => "read_users", share_user => "share_users", }
}
row! {
    /// What an article has on a day, or up to a day. One person can like, recommend and save it once, so that
    /// those people are the acts.
    Stat<'a> {
        stat_date: Date,
        #[serde(borrow, default, deserialize_with = "null_is_none")]
        read_user_source: Vec<Scene<'a>>,
        #[serde(default)]
        praise_money: Whole,
        read_delivery_rate: Option<Number>,
        read_finish_rate: Option<Number>,
        read_avg_activetime: Option<Number>,
        #[serde(default, deserialize_with = "one_or_many")]
        read_jump_position: Vec<Jump>,
    } counts {
        read_user => "read_users",
        share_user => "share_users",
        zaikan_user => "zaikan",
        like_user => "likes",
        comment_count => "comments",
        collection_user => "saves",
        read_subscribe_user => "follows_gained",
    }
}
row! {
    /// Messages of a day by type.
    Messages {
        ref_date: Date,
        #[serde(deserialize_with = "json::id")]
        msg_type: SmolStr,
    } counts { msg_count => "messages_in", msg_user => "message_users", }
}
row! {
    /// Senders of a day by how many messages they sent.
    MessageSpread {
        ref_date: Date,
        #[serde(deserialize_with = "json::id")]
        count_interval: SmolStr,
    } counts { msg_user => "message_users", }
}

/// A row of the old series: its names, then the pairs of people and times.
macro_rules! old_row {
    ($(#[$doc:meta])* $name:ident $(<$life:lifetime>)? {
        $($(#[$attribute:meta])* $field:ident: $kind:ty,)*
    }) => {
        row! {
            $(#[$doc])*
            $name $(<$life>)? { $($(#[$attribute])* $field: $kind,)* } counts {
                int_page_read_count => "reads",
                int_page_read_user => "read_users",
                ori_page_read_count => "link_clicks",
                ori_page_read_user => "link_click_users",
                share_count => "shares",
                share_user => "share_users",
                add_to_fav_count => "saves",
                add_to_fav_user => "save_users",
            }
        }
    };
}

old_row! {
    /// What readers of an account did on a day, by where they came from.
    OldReads {
        ref_date: Date,
        #[serde(deserialize_with = "json::id")]
        user_source: SmolStr,
    }
}
old_row! {
    /// What readers of an article did on a day.
    OldArticleDay<'a> {
        ref_date: Date,
        #[serde(deserialize_with = "json::id")]
        msgid: SmolStr,
        #[serde(borrow)]
        title: Option<Cow<'a, str>>,
    }
}
old_row! {
    /// What an article had up to a day.
    OldStat {
        stat_date: Date,
        #[serde(default)] target_user: Whole,
        #[serde(default)] int_page_from_session_read_user: Whole,
        #[serde(default)] int_page_from_session_read_count: Whole,
        #[serde(default)] int_page_from_hist_msg_read_user: Whole,
        #[serde(default)] int_page_from_hist_msg_read_count: Whole,
        #[serde(default)] int_page_from_feed_read_user: Whole,
        #[serde(default)] int_page_from_feed_read_count: Whole,
        #[serde(default)] int_page_from_friends_read_user: Whole,
        #[serde(default)] int_page_from_friends_read_count: Whole,
        #[serde(default)] int_page_from_other_read_user: Whole,
        #[serde(default)] int_page_from_other_read_count: Whole,
        #[serde(default)] int_page_from_kanyikan_read_user: Whole,
        #[serde(default)] int_page_from_kanyikan_read_count: Whole,
        #[serde(default)] int_page_from_souyisou_read_user: Whole,
        #[serde(default)] int_page_from_souyisou_read_count: Whole,
        #[serde(default)] feed_share_from_session_user: Whole,
        #[serde(default)] feed_share_from_session_cnt: Whole,
        #[serde(default)] feed_share_from_feed_user: Whole,
        #[serde(default)] feed_share_from_feed_cnt: Whole,
        #[serde(default)] feed_share_from_other_user: Whole,
        #[serde(default)] feed_share_from_other_cnt: Whole,
    }
}
row! {
    /// Shares of an account on a day by where to.
    OldShares {
        ref_date: Date,
        #[serde(deserialize_with = "json::id")]
        share_scene: SmolStr,
    } counts { share_count => "shares", share_user => "share_users", }
}

/// Readers by the way they came in; the names are an open vocabulary.
#[derive(Deserialize)]
pub(crate) struct Scene<'a> {
    #[serde(borrow)]
    pub scene_desc: Cow<'a, str>,
    #[serde(default)]
    pub user_count: Whole,
}

/// The share of readers who left in one of five bands of an article.
#[derive(Deserialize)]
pub(crate) struct Jump {
    #[serde(deserialize_with = "json::id")]
    pub position: SmolStr,
    pub rate: Option<Number>,
}

#[derive(Deserialize)]
pub(crate) struct AccountDay<'a> {
    pub ref_date: Date,
    #[serde(borrow)]
    pub detail: AccountDetail<'a>,
}

#[derive(Deserialize)]
pub(crate) struct ArticleDay<'a> {
    pub ref_date: Date,
    #[serde(deserialize_with = "json::id")]
    pub msgid: SmolStr,
    #[serde(borrow)]
    pub detail: ArticleDetail<'a>,
}

#[derive(Deserialize)]
pub(crate) struct Article<'a> {
    pub ref_date: Date,
    #[serde(deserialize_with = "json::id")]
    pub msgid: SmolStr,
    #[serde(default)]
    pub publish_type: Whole,
    #[serde(borrow)]
    pub title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub content_url: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "null_is_none")]
    pub detail_list: Vec<Stat<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct OldArticle<'a> {
    pub ref_date: Date,
    #[serde(deserialize_with = "json::id")]
    pub msgid: SmolStr,
    #[serde(borrow)]
    pub title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub url: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "null_is_none")]
    pub details: Vec<OldStat>,
}

#[derive(Deserialize)]
pub(crate) struct QuotaAnswer {
    pub quota: QuotaLeft,
}

row! {
    /// Calls of a day.
    QuotaLeft { #[serde(default)] remain: Whole, } counts { daily_limit => "api_calls_limit", used => "api_calls_used", }
}

#[derive(Deserialize)]
pub(crate) struct CommentAnswer {
    #[serde(default)]
    pub total: Whole,
}

/// An article published without a push; one entry may hold several.
#[derive(Deserialize)]
pub(crate) struct PublishedItem<'a> {
    #[serde(borrow)]
    pub content: Published<'a>,
}

#[derive(Deserialize)]
pub(crate) struct Published<'a> {
    #[serde(default)]
    pub create_time: Whole,
    #[serde(borrow)]
    pub news_item: Vec<News<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct News<'a> {
    #[serde(borrow)]
    pub title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub digest: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub url: Cow<'a, str>,
    pub is_deleted: Option<bool>,
}

/// Null says that nothing is there.
fn null_is_none<'de, D: Deserializer<'de>, R: Deserialize<'de>>(list: D) -> Result<Vec<R>, D::Error> {
    Ok(Option::deserialize(list)?.unwrap_or_default())
}

/// The bands of an article are documented as a list, and typed as one object in places.
fn one_or_many<'de, D: Deserializer<'de>>(bands: D) -> Result<Vec<Jump>, D::Error> {
    bands.deserialize_any(Bands)
}

struct Bands;

impl<'de> Visitor<'de> for Bands {
    type Value = Vec<Jump>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bands of an article")
    }

    fn visit_unit<E>(self) -> Result<Vec<Jump>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, many: A) -> Result<Vec<Jump>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(many))
    }

    fn visit_map<A: MapAccess<'de>>(self, one: A) -> Result<Vec<Jump>, A::Error> {
        Jump::deserialize(MapAccessDeserializer::new(one)).map(|jump| vec![jump])
    }
}
