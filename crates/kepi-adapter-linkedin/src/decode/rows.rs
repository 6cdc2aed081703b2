//! What answers look like.

use std::{borrow::Cow, fmt};

use jiff::{Timestamp, civil::Date};
use kepi_core::{
    MetricId, Reading,
    json::{self, Number, Whole},
    period::add_days,
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use smol_str::SmolStr;

use crate::request::utc_day;

/// Adds a number that is there.
pub(super) fn count(readings: &mut Vec<Reading>, metric: &'static str, value: Whole) {
    if let Whole(Some(value)) = value {
        readings.push(Reading::count(MetricId::from_static(metric), value));
    }
}

/// The sum of two numbers, where both are there.
pub(super) fn sum(readings: &mut Vec<Reading>, metric: &'static str, (a, b): (Whole, Whole)) {
    let sum = a.0.zip(b.0).and_then(|(a, b)| a.checked_add(b));
    count(readings, metric, Whole(sum));
}

/// A name that LinkedIn gives to something: a URN, or a word. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Name(#[serde(deserialize_with = "json::id")] pub(super) SmolStr);

/// A whole UTC day, told as a range of milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Range")]
pub(super) struct Day(pub(super) Date);

#[derive(Deserialize)]
struct Range {
    start: Whole,
    end: Whole,
}

impl TryFrom<Range> for Day {
    type Error = String;

    fn try_from(range: Range) -> Result<Self, String> {
        const DAY: i64 = 86_400_000;
        let (Some(start), Some(end)) = (range.start.0, range.end.0) else {
            return Err("the range of time has no start or no end".to_owned());
        };
        if start.rem_euclid(DAY) != 0 || end.checked_sub(start) != Some(DAY) {
            return Err(format!("{start} to {end} is no UTC day"));
        }
        instant(start).map(utc_day).map(Self).ok_or_else(|| format!("{start} is no instant"))
    }
}

/// A number as it stands among what is set aside.
pub(super) fn written(number: Number) -> String {
    match number {
        Number::Whole(value) => value.to_string(),
        Number::Real(value) => value.to_string(),
        Number::Percent(value) => format!("{}%", value * 100.0),
        Number::Empty => String::new(),
    }
}

/// Milliseconds since 1970.
pub(super) fn instant(millis: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis).ok()
}

/// What posts earned: of a day, so far, or of one post. Likes of a day may be negative.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ShareStatistics {
    impression_count: Whole,
    unique_impressions_count: Whole,
    click_count: Whole,
    like_count: Whole,
    comment_count: Whole,
    share_count: Whole,
    pub(super) share_mentions_count: Whole,
    pub(super) comment_mentions_count: Whole,
}

impl ShareStatistics {
    pub(super) fn counts(&self) -> Vec<Reading> {
        let mut readings = Vec::with_capacity(6);
        count(&mut readings, "impressions", self.impression_count);
        count(&mut readings, "reach", self.unique_impressions_count);
        count(&mut readings, "all_clicks", self.click_count);
        count(&mut readings, "likes", self.like_count);
        count(&mut readings, "comments", self.comment_count);
        count(&mut readings, "shares", self.share_count);
        readings
    }
}

/// What a post that LinkedIn leaves out has none of. Of people it is not said.
pub(super) const NONE_WHEN_ABSENT: [&str; 5] = ["impressions", "all_clicks", "likes", "comments", "shares"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GainDay<'a> {
    pub(super) time_range: Day,
    pub(super) follower_gains: Option<Gains>,
    #[serde(borrow)]
    pub(super) organizational_entity: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Gains {
    #[serde(default)]
    pub(super) organic_follower_gain: Whole,
    #[serde(default)]
    pub(super) paid_follower_gain: Whole,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShareDay<'a> {
    pub(super) time_range: Day,
    pub(super) total_share_statistics: Option<ShareStatistics>,
    #[serde(borrow)]
    pub(super) organizational_entity: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShareTotal<'a> {
    pub(super) total_share_statistics: Option<ShareStatistics>,
    #[serde(borrow)]
    pub(super) organizational_entity: Option<Cow<'a, str>>,
}

/// What one post earned. Its kind stands in the key of its id.
#[derive(Deserialize)]
#[serde(try_from = "PostNumbersAsTold<'a>", bound(deserialize = "'de: 'a"))]
pub(super) struct PostNumbers<'a> {
    pub(super) id: SmolStr,
    pub(super) numbers: Option<ShareStatistics>,
    pub(super) organization: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostNumbersAsTold<'a> {
    share: Option<Name>,
    ugc_post: Option<Name>,
    total_share_statistics: Option<ShareStatistics>,
    #[serde(borrow)]
    organizational_entity: Option<Cow<'a, str>>,
}

impl<'a> TryFrom<PostNumbersAsTold<'a>> for PostNumbers<'a> {
    type Error = &'static str;

    fn try_from(told: PostNumbersAsTold<'a>) -> Result<Self, &'static str> {
        let id = told.share.or(told.ugc_post).ok_or("the post is not named")?.0;
        Ok(Self { id, numbers: told.total_share_statistics, organization: told.organizational_entity })
    }
}

/// Who the followers are. Each facet is a list of its own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "F: Deserialize<'de>"))]
pub(super) struct Audience<'a, F> {
    #[serde(borrow)]
    pub(super) organizational_entity: Option<Cow<'a, str>>,
    follower_counts_by_association_type: Option<Vec<F>>,
    follower_counts_by_seniority: Option<Vec<F>>,
    follower_counts_by_function: Option<Vec<F>>,
    follower_counts_by_industry: Option<Vec<F>>,
    follower_counts_by_staff_count_range: Option<Vec<F>>,
    follower_counts_by_geo_country: Option<Vec<F>>,
    follower_counts_by_geo: Option<Vec<F>>,
}

impl<F> Audience<'_, F> {
    /// Dimension, key and values of each facet.
    pub(super) fn facets(self) -> [(&'static str, &'static str, Vec<F>); 7] {
        let list = Option::unwrap_or_default;
        [
            (
                "association",
                "followerCountsByAssociationType",
                list(self.follower_counts_by_association_type),
            ),
            ("seniority", "followerCountsBySeniority", list(self.follower_counts_by_seniority)),
            ("job_function", "followerCountsByFunction", list(self.follower_counts_by_function)),
            ("industry", "followerCountsByIndustry", list(self.follower_counts_by_industry)),
            (
                "company_size",
                "followerCountsByStaffCountRange",
                list(self.follower_counts_by_staff_count_range),
            ),
            ("country", "followerCountsByGeoCountry", list(self.follower_counts_by_geo_country)),
            ("location", "followerCountsByGeo", list(self.follower_counts_by_geo)),
        ]
    }
}

/// One value of a facet of followers. The organic count is the whole.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FollowerFacet {
    #[serde(alias = "associationType", alias = "seniority", alias = "function", alias = "industry")]
    #[serde(alias = "staffCountRange", alias = "geo")]
    pub(super) value: Name,
    pub(super) follower_counts: Option<FollowerCounts>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FollowerCounts {
    #[serde(default)]
    pub(super) organic_follower_count: Whole,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageDay<'a> {
    pub(super) time_range: Day,
    pub(super) total_page_statistics: Option<PageStatistics>,
    #[serde(borrow)]
    pub(super) organization: Option<Cow<'a, str>>,
}

/// What the page ever had, and who came. Each facet is a list of its own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "F: Deserialize<'de>"))]
pub(super) struct PageTotal<'a, F> {
    #[serde(borrow)]
    pub(super) organization: Option<Cow<'a, str>>,
    pub(super) total_page_statistics: Option<PageStatistics>,
    page_statistics_by_seniority: Option<Vec<F>>,
    page_statistics_by_function: Option<Vec<F>>,
    #[serde(rename = "pageStatisticsByIndustryV2")]
    page_statistics_by_industry: Option<Vec<F>>,
    page_statistics_by_staff_count_range: Option<Vec<F>>,
    page_statistics_by_geo_country: Option<Vec<F>>,
    page_statistics_by_geo: Option<Vec<F>>,
}

impl<F> PageTotal<'_, F> {
    /// Dimension, key and values of each facet.
    pub(super) fn facets(self) -> [(&'static str, &'static str, Vec<F>); 6] {
        let list = Option::unwrap_or_default;
        [
            ("seniority", "pageStatisticsBySeniority", list(self.page_statistics_by_seniority)),
            ("job_function", "pageStatisticsByFunction", list(self.page_statistics_by_function)),
            ("industry", "pageStatisticsByIndustryV2", list(self.page_statistics_by_industry)),
            (
                "company_size",
                "pageStatisticsByStaffCountRange",
                list(self.page_statistics_by_staff_count_range),
            ),
            ("country", "pageStatisticsByGeoCountry", list(self.page_statistics_by_geo_country)),
            ("location", "pageStatisticsByGeo", list(self.page_statistics_by_geo)),
        ]
    }
}

/// One value of a facet of visitors.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageFacet {
    #[serde(alias = "seniority", alias = "function", alias = "industryV2", alias = "industry")]
    #[serde(alias = "staffCountRange", alias = "geo")]
    pub(super) value: Name,
    pub(super) page_statistics: Option<PageStatistics>,
}

#[derive(Deserialize)]
pub(super) struct PageStatistics {
    pub(super) clicks: Option<Clicks>,
    pub(super) views: Option<Views>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Clicks {
    pub(super) mobile_custom_button_click_counts: Option<Vec<Click>>,
    pub(super) desktop_custom_button_click_counts: Option<Vec<Click>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Click {
    pub(super) custom_button_type: Name,
    #[serde(default)]
    pub(super) count: Whole,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Views {
    pub(super) all_page_views: Option<View>,
    all_desktop_page_views: Option<View>,
    all_mobile_page_views: Option<View>,
    overview_page_views: Option<View>,
    jobs_page_views: Option<View>,
    about_page_views: Option<View>,
    careers_page_views: Option<View>,
    life_at_page_views: Option<View>,
    people_page_views: Option<View>,
    insights_page_views: Option<View>,
    products_page_views: Option<View>,
}

/// Views, and in answers of days the people who came.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View {
    #[serde(default)]
    page_views: Whole,
    #[serde(default)]
    unique_page_views: Whole,
}

impl View {
    pub(super) fn counts(self) -> Vec<Reading> {
        let mut readings = Vec::with_capacity(2);
        count(&mut readings, "profile_visits", self.page_views);
        count(&mut readings, "profile_visit_users", self.unique_page_views);
        readings
    }

    /// The views alone.
    pub(super) fn views(self) -> Vec<Reading> {
        let mut readings = Vec::with_capacity(1);
        count(&mut readings, "profile_visits", self.page_views);
        readings
    }
}

impl Views {
    /// The parts of the page, with dimension and value.
    pub(super) fn parts(&self) -> [(&'static str, &'static str, Option<View>); 10] {
        [
            ("device", "desktop", self.all_desktop_page_views),
            ("device", "mobile", self.all_mobile_page_views),
            ("page_section", "overview", self.overview_page_views),
            ("page_section", "jobs", self.jobs_page_views),
            ("page_section", "about", self.about_page_views),
            ("page_section", "careers", self.careers_page_views),
            ("page_section", "life_at", self.life_at_page_views),
            ("page_section", "people", self.people_page_views),
            ("page_section", "insights", self.insights_page_views),
            ("page_section", "products", self.products_page_views),
        ]
    }
}

/// An organization that a member administers. Older answers call it the target.
#[derive(Deserialize)]
pub(super) struct Role {
    #[serde(alias = "organizationalTarget")]
    pub(super) organization: Name,
}

/// A post in the list of posts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed<'a> {
    pub(super) id: Name,
    #[serde(borrow)]
    pub(super) author: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) commentary: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) content: Option<Content<'a>>,
    #[serde(default)]
    pub(super) created_at: Whole,
    #[serde(default)]
    pub(super) published_at: Whole,
    #[serde(default)]
    pub(super) last_modified_at: Whole,
    #[serde(borrow)]
    pub(super) lifecycle_state: Option<Cow<'a, str>>,
    pub(super) reshare_context: Option<IgnoredAny>,
    pub(super) ad_context: Option<AdContext>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdContext {
    is_dsc: Option<bool>,
}

/// What a post holds; one of these.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content<'a> {
    #[serde(borrow)]
    media: Option<Titled<'a>>,
    multi_image: Option<IgnoredAny>,
    #[serde(borrow)]
    article: Option<Titled<'a>>,
    #[serde(borrow)]
    poll: Option<Poll<'a>>,
    #[serde(borrow)]
    reference: Option<Titled<'a>>,
    carousel: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Titled<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    title: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Poll<'a> {
    #[serde(borrow)]
    question: Option<Cow<'a, str>>,
}

impl Listed<'_> {
    /// It is shown as an advertisement only.
    pub(super) fn is_ad_only(&self) -> bool {
        self.ad_context.as_ref().and_then(|context| context.is_dsc) == Some(true)
    }

    /// A draft or a failed attempt is no post yet.
    pub(super) fn is_published(&self) -> bool {
        self.lifecycle_state.as_deref().is_none_or(|state| state == "PUBLISHED")
    }

    pub(super) fn is_video(&self) -> bool {
        self.format() == Some("video")
    }

    pub(super) fn published(&self) -> Option<Timestamp> {
        self.published_at.0.or(self.created_at.0).and_then(instant)
    }

    pub(super) fn created(&self) -> Option<Timestamp> {
        self.created_at.0.and_then(instant)
    }

    /// When it was changed last.
    pub(super) fn changed(&self) -> Option<Timestamp> {
        self.last_modified_at.0.or(self.created_at.0).and_then(instant)
    }

    /// Its form, after the kind of its content and of the medium.
    pub(super) fn format(&self) -> Option<&'static str> {
        match (&self.content, &self.reshare_context) {
            (Some(content), _) => content.format(),
            (None, Some(_)) => Some("repost"),
            (None, None) => Some("text"),
        }
    }

    pub(super) fn title(&self) -> Option<String> {
        let content = self.content.as_ref()?;
        let media = content.media.as_ref().and_then(|media| media.title.as_ref());
        let article = content.article.as_ref().and_then(|article| article.title.as_ref());
        let question = content.poll.as_ref().and_then(|poll| poll.question.as_ref());
        let title = media.or(article).or(question).filter(|title| !title.is_empty())?;
        Some(title.clone().into_owned())
    }
}

impl Content<'_> {
    fn format(&self) -> Option<&'static str> {
        let urn = |of: &Option<Titled<'_>>| {
            let kind = of.as_ref()?.id.as_deref()?.strip_prefix("urn:li:")?.split(':').next()?;
            ["video", "image", "document", "event"].into_iter().find(|known| *known == kind)
        };
        if self.media.is_some() {
            return urn(&self.media);
        }
        if self.reference.is_some() {
            return urn(&self.reference);
        }
        [
            (self.multi_image.is_some(), "multi_image"),
            (self.article.is_some(), "article"),
            (self.poll.is_some(), "poll"),
            (self.carousel.is_some(), "carousel"),
        ]
        .into_iter()
        .find_map(|(is, format)| is.then_some(format))
    }
}

/// An object whose keys are ids, in its order.
pub(super) struct ById<'a, V>(pub(super) Vec<(Cow<'a, str>, V)>);

impl<V> Default for ById<'_, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de: 'a, 'a, V: Deserialize<'de>> Deserialize<'de> for ById<'a, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(std::marker::PhantomData<V>);

        #[derive(Deserialize)]
        #[serde(transparent)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = Vec<(Cow<'de, str>, V)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object whose keys are ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((Key(key), value)) = map.next_entry()? {
                    entries.push((key, value));
                }
                Ok(entries)
            }
        }

        deserializer.deserialize_map(Entries(std::marker::PhantomData)).map(Self)
    }
}

/// Reactions and comments by post, where one post may fail.
#[derive(Deserialize)]
#[serde(bound(deserialize = "V: Deserialize<'de>"))]
pub(super) struct Batch<'a, V> {
    #[serde(borrow)]
    pub(super) results: Option<ById<'a, V>>,
    #[serde(borrow)]
    pub(super) errors: Option<ById<'a, Failed<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Failed<'a> {
    pub(super) status: Whole,
    #[serde(borrow)]
    pub(super) message: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Social<'a> {
    pub(super) entity: Option<Name>,
    pub(super) comment_summary: Option<CommentSummary>,
    #[serde(borrow)]
    pub(super) reaction_summaries: Option<ById<'a, Option<Reaction>>>,
}

#[derive(Deserialize)]
pub(super) struct CommentSummary {
    #[serde(default)]
    pub(super) count: Whole,
}

#[derive(Deserialize)]
pub(super) struct Reaction {
    #[serde(default)]
    pub(super) count: Whole,
}

/// One number of a video.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VideoNumber<'a> {
    pub(super) entity: Name,
    #[serde(borrow)]
    pub(super) statistics_type: Option<Cow<'a, str>>,
    pub(super) time_range: Option<Day>,
    pub(super) value: Option<Number>,
}

/// One number of a member.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberNumber<'a> {
    pub(super) count: Option<Number>,
    #[serde(borrow)]
    pub(super) metric_type: Option<MetricType<'a>>,
    pub(super) date_range: Option<DateRange>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberFollowers {
    #[serde(default)]
    pub(super) member_followers_count: Whole,
}

/// A word, and in older versions an object of one key that holds it.
pub(super) struct MetricType<'a>(Option<Cow<'a, str>>);

impl MetricType<'_> {
    pub(super) fn word(&self) -> Option<&str> {
        self.0.as_deref().filter(|word| !word.is_empty())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for MetricType<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;

        impl<'de> Visitor<'de> for Word {
            type Value = Option<Cow<'de, str>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word, or an object that holds it")
            }

            fn visit_borrowed_str<E>(self, word: &'de str) -> Result<Self::Value, E> {
                Ok(Some(Cow::Borrowed(word)))
            }

            fn visit_str<E>(self, word: &str) -> Result<Self::Value, E> {
                Ok(Some(Cow::Owned(word.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut word = None;
                while let Some((_, value)) = map.next_entry::<IgnoredAny, &RawValue>()? {
                    word = word.or_else(|| serde_json::from_str(value.get()).ok());
                }
                Ok(word)
            }
        }

        deserializer.deserialize_any(Word).map(Self)
    }
}

/// A range of civil dates; empty for totals.
#[derive(Deserialize)]
pub(super) struct DateRange {
    start: Option<CivilDate>,
    end: Option<CivilDate>,
}

#[derive(Clone, Copy, Deserialize)]
struct CivilDate {
    year: i16,
    month: i8,
    day: i8,
}

impl CivilDate {
    fn date(self) -> Option<Date> {
        Date::new(self.year, self.month, self.day).ok()
    }
}

impl DateRange {
    /// The day, where it is one.
    pub(super) fn day(&self) -> Option<Date> {
        let start = self.start?.date()?;
        (self.end?.date()? == add_days(start, 1)).then_some(start)
    }
}
