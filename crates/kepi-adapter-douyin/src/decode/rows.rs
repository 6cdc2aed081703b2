//! What answers look like.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::civil::Date;
use kepi_core::{
    MetricId, Money, Reading, Value,
    json::{self, Number, Whole},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de::Visitor};
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
                let mut readings = Vec::with_capacity(8);
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

/// Adds an amount that is there.
pub(crate) fn yuan(readings: &mut Vec<Reading>, metric: &'static str, Yuan(amount): Yuan) {
    if let Some(amount) = amount {
        let value = Value::Money(Money { amount, currency: SmolStr::new_static("CNY") });
        readings.push(Reading { value, ..Reading::count(MetricId::from_static(metric), 0) });
    }
}

/// Who the account is.
#[derive(Deserialize)]
pub(crate) struct Profile {
    pub open_id: Option<SmolStr>,
    pub nickname: Option<String>,
}

row! {
    /// A day of the account: each series tells some of it.
    AccountDay {
        date: Date,
        #[serde(default)]
        new_fans: Whole,
    } counts {
        new_issue => "posts_published",
        new_play => "video_plays",
        total_issue => "posts_total",
        total_fans => "followers_total",
        new_like => "likes",
        new_comment => "comments",
        new_share => "shares",
        profile_uv => "profile_visit_users",
    }
}

/// Who the fans are; each list splits them in its own way.
#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
pub(crate) struct Portrait<R> {
    #[serde(default)]
    pub all_fans_num: Whole,
    pub gender_distributions: Option<Vec<R>>,
    pub age_distributions: Option<Vec<R>>,
    pub geographical_distributions: Option<Vec<R>>,
    pub interest_distributions: Option<Vec<R>>,
    pub device_distributions: Option<Vec<R>>,
    pub active_days_distributions: Option<Vec<R>>,
}

#[derive(Deserialize)]
pub(crate) struct Share<'a> {
    #[serde(borrow)]
    pub item: Cow<'a, str>,
    #[serde(default)]
    pub value: Whole,
}

#[derive(Deserialize)]
pub(crate) struct Source<'a> {
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    pub percent: Option<Number>,
}

/// A video as lists and single questions tell it.
#[derive(Deserialize)]
pub(crate) struct Video<'a> {
    #[serde(deserialize_with = "json::id")]
    pub video_id: SmolStr,
    pub item_id: Option<SmolStr>,
    #[serde(borrow)]
    pub title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub share_url: Option<Cow<'a, str>>,
    #[serde(default)]
    pub create_time: Whole,
    #[serde(default)]
    pub media_type: Whole,
    #[serde(default)]
    pub video_status: Whole,
    pub is_top: Option<Flag>,
    pub statistics: Option<Statistics>,
}

row! {
    /// What a video has so far.
    Statistics {
        #[serde(default)]
        play_count: Whole,
    } counts {
        digg_count => "likes",
        comment_count => "comments",
        share_count => "shares",
        download_count => "downloads",
    }
}

row! {
    /// A day of a video: each series tells one number of it.
    VideoDay { date: Date, } counts {
        play => "video_plays",
        like => "likes",
        comment => "comments",
        share => "shares",
    }
}

row! {
    /// The sums of a video since publishing.
    Base {
        avg_play_duration: Option<Number>,
    } counts {
        total_play => "video_plays",
        total_like => "likes",
        total_comment => "comments",
        total_share => "shares",
    }
}

/// An account that is bound to an advertiser.
#[derive(Deserialize)]
pub(crate) struct Bound {
    #[serde(deserialize_with = "json::id")]
    pub open_id: SmolStr,
    pub aweme_id: Option<String>,
    pub aweme_name: Option<String>,
}

row! {
    /// A day of an enterprise account, of one of its sources or of one of its videos.
    EnterpriseDay<'a> {
        start_time_day: Date,
        #[serde(borrow)]
        first_flow_category: Option<Cow<'a, str>>,
        #[serde(default, deserialize_with = "optional_id")]
        video_id: Option<SmolStr>,
        #[serde(default)]
        business_page_pay_order_gmv: Yuan,
    } counts {
        business_page_fans_num_all => "followers_total",
        business_page_new_fans_num => "follows_gained",
        business_page_disfollow_ucount => "follows_lost",
        business_page_home_visited => "profile_visits",
        business_page_home_visited_ucount => "profile_visit_users",
        business_page_total_play => "video_plays",
        business_page_play_over => "completion_count",
        business_page_like => "likes",
        business_page_comment => "comments",
        business_page_share => "shares",
        business_page_favourite_video_cnt => "saves",
        business_page_dp_down_click_cnt => "downloads",
        business_page_click_product => "product_clicks",
        business_page_pay_order_count => "orders",
    }
}

/// A row of a report: what it is keyed by, and its numbers.
#[derive(Deserialize)]
pub(crate) struct ReportRow {
    pub dimensions: Dimensions,
    pub metrics: Option<Metrics>,
}

#[derive(Deserialize)]
pub(crate) struct Dimensions {
    pub stat_time_day: Date,
    #[serde(default, deserialize_with = "optional_id")]
    pub cdp_promotion_id: Option<SmolStr>,
}

row! {
    /// What money brought.
    Metrics {
        #[serde(default)]
        stat_cost: Yuan,
        #[serde(default)]
        convert_cnt: Whole,
        #[serde(default)]
        attribution_convert_cnt: Whole,
    } counts {
        show_cnt => "ad_impressions",
        click_cnt => "ad_clicks",
        total_play => "video_plays",
    }
}

#[derive(Deserialize)]
pub(crate) struct PageInfo {
    #[serde(default)]
    pub total_page: Whole,
}

fn optional_id<'de, D: Deserializer<'de>>(id: D) -> Result<Option<SmolStr>, D::Error> {
    #[derive(Deserialize)]
    struct Id(#[serde(deserialize_with = "json::id")] SmolStr);
    Ok(Option::<Id>::deserialize(id)?.map(|Id(id)| id))
}

/// Yes or no, as a word, a number or a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlagVisitor)
    }
}

struct FlagVisitor;

impl Visitor<'_> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("yes or no")
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Flag, E> {
        Ok(Flag(yes))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Flag, E> {
        Ok(Flag(number != 0))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Flag, E> {
        Ok(Flag(number != 0))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Flag, E> {
        match text {
            "true" | "1" => Ok(Flag(true)),
            "false" | "0" | "" => Ok(Flag(false)),
            other => Err(E::custom(format!("{other:?} is neither yes nor no"))),
        }
    }
}

/// An amount of yuan, exactly as it is written: as a number or as text. Null and empty text are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Yuan(pub Option<Decimal>);

impl<'de> Deserialize<'de> for Yuan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YuanVisitor)
    }
}

struct YuanVisitor;

impl Visitor<'_> for YuanVisitor {
    type Value = Yuan;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount")
    }

    fn visit_unit<E>(self) -> Result<Yuan, E> {
        Ok(Yuan(None))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Yuan, E> {
        Ok(Yuan(Some(number.into())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Yuan, E> {
        Ok(Yuan(Some(number.into())))
    }

    /// The shortest text of a float is what was written, as far as a float can hold it.
    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Yuan, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Yuan, E> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Yuan(None));
        }
        let amount = Decimal::from_str(text).map_err(|_| E::custom(format!("{text:?} is not an amount")))?;
        Ok(Yuan(Some(amount)))
    }
}
