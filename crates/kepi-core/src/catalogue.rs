//! The metric catalogue: the only list of metric ids, with the definition that decides.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use crate::{
    Additivity,
    Additivity::{Everywhere, NotOverTime, Nowhere, WithinPlatform},
    Error, Metric, MetricId, Nature,
    Nature::{Count, Level, Mean, Money, People, Ratio},
    Result, SubjectKind, Unit,
};

/// One shipped row: id, unit, nature, revocable, additivity, weight, subjects, definition, caveat.
///
/// Subjects: `p` post, `a` account, `m` media, `c` campaign, `t` topic, `l` location.
struct Row(
    &'static str,
    Unit,
    Nature,
    bool,
    Additivity,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

/// People can take it back, so that a running total may fall.
const REVOCABLE: bool = true;
/// Only a reset by the platform lowers a running total.
const MONOTONE: bool = false;

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Seen
    Row("impressions", Unit::Count, Count, MONOTONE, Everywhere, "", "pamc", "times content was shown, repeats counted", ""),
    Row("views", Unit::Count, Count, MONOTONE, WithinPlatform, "", "pamcl", "the platform's own view count", "each platform defines a view in its own way; not equal to impressions"),
    Row("video_plays", Unit::Count, Count, MONOTONE, WithinPlatform, "", "pamc", "plays under the platform's own threshold", "the threshold differs from platform to platform"),
    Row("reach", Unit::Users, People, MONOTONE, Nowhere, "", "pamc", "unique accounts that saw content", "never summed; a period needs the platform's own figure for exactly that period"),
    Row("reads", Unit::Count, Count, MONOTONE, Everywhere, "", "pa", "article page reads, repeats counted", "the WeChat series from 2025-11 counts people only (read_users)"),
    Row("read_users", Unit::Users, People, MONOTONE, Nowhere, "", "pa", "unique readers", ""),
    Row("delivered", Unit::Users, People, MONOTONE, Nowhere, "", "pa", "people that a push reached", "additive over pushes only"),
    Row("viewers", Unit::Users, People, MONOTONE, Nowhere, "", "pam", "unique viewers", ""),
    Row("profile_visits", Unit::Count, Count, MONOTONE, Everywhere, "", "pa", "visits to the profile, repeats counted", ""),
    Row("profile_visit_users", Unit::Users, People, MONOTONE, Nowhere, "", "pa", "unique visitors of the profile", ""),
    Row("media_views", Unit::Count, Count, MONOTONE, WithinPlatform, "", "pam", "views of attached media", ""),
    Row("topic_reads", Unit::Count, Count, MONOTONE, Everywhere, "", "t", "page reads of a hashtag", ""),
    // Acted
    Row("likes", Unit::Count, Count, REVOCABLE, Everywhere, "", "pamc", "likes or favourites of one type", ""),
    Row("like_users", Unit::Users, People, MONOTONE, Nowhere, "", "pa", "unique people who liked", ""),
    Row("reactions", Unit::Count, Count, REVOCABLE, Everywhere, "", "pac", "reactions of all types, likes included", ""),
    Row("zaikan", Unit::Count, Count, REVOCABLE, Everywhere, "", "pa", "WeChat 在看 (wow)", "WeChat only"),
    Row("zaikan_users", Unit::Users, People, MONOTONE, Nowhere, "", "pa", "unique people who tapped WeChat 在看", "WeChat only"),
    Row("recommends", Unit::Count, Count, REVOCABLE, Everywhere, "", "pa", "WeChat Channels 推荐 (heart on recommend)", "not the like"),
    Row("comments", Unit::Count, Count, REVOCABLE, Everywhere, "", "pamc", "comments, with replies where the platform counts them", ""),
    Row("shares", Unit::Count, Count, REVOCABLE, Everywhere, "", "pamc", "shares, reposts, forwards", "on X reposts without quotes"),
    Row("share_users", Unit::Users, People, MONOTONE, Nowhere, "", "pa", "unique sharers", ""),
    Row("reposts", Unit::Count, Count, REVOCABLE, Everywhere, "", "pa", "posts passed on unchanged, where the platform counts them apart from shares", "where it does not, they are shares"),
    Row("quotes", Unit::Count, Count, REVOCABLE, Everywhere, "", "pa", "posts that quote the post", ""),
    Row("link_shares", Unit::Count, Count, MONOTONE, Everywhere, "", "pa", "sent on through the share menu", "not the reposts"),
    Row("email_shares", Unit::Count, Count, MONOTONE, Everywhere, "", "pa", "sent on by mail", ""),
    Row("saves", Unit::Count, Count, REVOCABLE, Everywhere, "", "pamc", "favourites, bookmarks, 收藏", ""),
    Row("save_users", Unit::Users, People, MONOTONE, Nowhere, "", "pa", "unique people who saved", ""),
    Row("downloads", Unit::Count, Count, MONOTONE, Everywhere, "", "pa", "videos or images saved to a device", "not the saves: nothing is collected on the platform"),
    Row("coins", Unit::Count, Count, REVOCABLE, Everywhere, "", "pa", "Bilibili coins", "Bilibili only"),
    Row("danmaku", Unit::Count, Count, REVOCABLE, Everywhere, "", "pa", "comments shown over the video", ""),
    Row("interactions", Unit::Count, Count, REVOCABLE, WithinPlatform, "", "pac", "the platform's own total of interactions by people, net of what was taken back", "its definition is the platform's"),
    Row("engaged_users", Unit::Users, People, MONOTONE, Nowhere, "", "pa", "unique people who interacted", "never summed; a period needs the platform's own figure for exactly that period"),
    Row("platform_engagements", Unit::Count, Count, MONOTONE, WithinPlatform, "", "pac", "the platform's own engagement count, its own definition", "never added or compared across platforms"),
    Row("platform_engagement_rate", Unit::Ratio, Ratio, MONOTONE, Nowhere, "", "pa", "the platform's own engagement rate, as given", "its denominator is the platform's and may be untold; never computed anew"),
    Row("media_engagements", Unit::Count, Count, MONOTONE, WithinPlatform, "", "pa", "clicks on attached media", ""),
    Row("link_clicks", Unit::Count, Count, MONOTONE, Everywhere, "", "pac", "clicks that lead out", ""),
    Row("link_click_users", Unit::Users, People, MONOTONE, Nowhere, "", "pa", "unique people who followed a link that leads out", ""),
    Row("all_clicks", Unit::Count, Count, MONOTONE, Everywhere, "", "pac", "clicks of any kind", ""),
    Row("profile_clicks", Unit::Count, Count, MONOTONE, Everywhere, "", "pa", "clicks on the author's name or picture", ""),
    Row("profile_actions", Unit::Count, Count, MONOTONE, Everywhere, "", "pa", "taps on the links and contact buttons of the profile", "on Instagram's account days contact buttons only"),
    Row("hashtag_clicks", Unit::Count, Count, MONOTONE, Everywhere, "", "pa", "clicks on a hashtag", ""),
    Row("permalink_clicks", Unit::Count, Count, MONOTONE, Everywhere, "", "pa", "clicks on the post's own address", ""),
    Row("detail_expands", Unit::Count, Count, MONOTONE, Everywhere, "", "pa", "times the post was opened for details", ""),
    Row("app_opens", Unit::Count, Count, MONOTONE, Everywhere, "", "pac", "apps opened from the post", ""),
    Row("app_installs", Unit::Count, Count, MONOTONE, Everywhere, "", "pac", "apps installed from the post", ""),
    Row("phone_calls", Unit::Count, Count, MONOTONE, Everywhere, "", "pal", "calls begun from the post or profile", ""),
    Row("direction_requests", Unit::Count, Count, MONOTONE, Everywhere, "", "al", "requests for the way to a place", ""),
    Row("product_clicks", Unit::Count, Count, MONOTONE, Everywhere, "", "pac", "clicks on a product", ""),
    Row("story_replies", Unit::Count, Count, MONOTONE, Everywhere, "", "pa", "answers to a story, sent as messages", ""),
    Row("story_navigations", Unit::Count, Count, MONOTONE, Everywhere, "", "p", "taps and swipes on, back and away while a story was shown", ""),
    // Watched
    Row("plays_start", Unit::Count, Count, MONOTONE, WithinPlatform, "", "pamc", "plays that began", "on X unique viewers"),
    Row("plays_3s", Unit::Count, Count, MONOTONE, WithinPlatform, "", "pamc", "plays of at least three seconds", ""),
    Row("plays_5s", Unit::Count, Count, MONOTONE, WithinPlatform, "", "pamc", "plays of at least five seconds", ""),
    Row("plays_25", Unit::Count, Count, MONOTONE, WithinPlatform, "", "pamc", "plays that reached a quarter", ""),
    Row("plays_50", Unit::Count, Count, MONOTONE, WithinPlatform, "", "pamc", "plays that reached half", ""),
    Row("plays_75", Unit::Count, Count, MONOTONE, WithinPlatform, "", "pamc", "plays that reached three quarters", ""),
    Row("completion_count", Unit::Count, Count, MONOTONE, WithinPlatform, "", "pamc", "plays that reached the end", ""),
    Row("watch_time_s", Unit::Seconds, Count, MONOTONE, Everywhere, "", "pamc", "seconds watched in all", ""),
    Row("avg_view_duration_s", Unit::Seconds, Mean, MONOTONE, Nowhere, "video_plays", "pamc", "seconds watched per play", "weighted by plays; a plain mean over videos is wrong"),
    Row("completion_rate", Unit::Ratio, Ratio, MONOTONE, Nowhere, "video_plays", "pamc", "plays that reached the end over plays, as the platform gives it", ""),
    Row("completion_rate_5s", Unit::Ratio, Ratio, MONOTONE, Nowhere, "video_plays", "pamc", "plays of at least five seconds over plays, as given", "not the completion rate"),
    Row("bounce_rate_2s", Unit::Ratio, Ratio, MONOTONE, Nowhere, "video_plays", "pamc", "plays left within two seconds over plays, as given", ""),
    Row("skip_rate_3s", Unit::Ratio, Ratio, MONOTONE, Nowhere, "video_plays", "pamc", "plays left within three seconds over plays, as given", ""),
    Row("cover_ctr", Unit::Ratio, Ratio, MONOTONE, Nowhere, "impressions", "pa", "clicks on the cover over its impressions, as given", "its bases are not the exported impressions and views"),
    Row("read_completion_rate", Unit::Ratio, Ratio, MONOTONE, Nowhere, "read_users", "pa", "readers who reached the end over readers, as given", ""),
    Row("avg_read_duration_s", Unit::Seconds, Mean, MONOTONE, Nowhere, "read_users", "pa", "seconds spent per reader", "weighted by readers"),
    Row("open_rate", Unit::Ratio, Ratio, MONOTONE, Nowhere, "delivered", "pa", "people who read from the push over people it reached, as given", "reads from elsewhere are no opens"),
    Row("exit_rate", Unit::Ratio, Ratio, MONOTONE, Nowhere, "read_users", "pa", "readers who left at a position of the text over readers, as given", ""),
    // Community
    Row("followers_total", Unit::Users, Level, MONOTONE, NotOverTime, "", "a", "followers at the end of the day", "people are not deduplicated across accounts or platforms"),
    Row("following_total", Unit::Users, Level, MONOTONE, NotOverTime, "", "a", "accounts that this account follows", ""),
    Row("posts_total", Unit::Count, Level, MONOTONE, NotOverTime, "", "a", "posts that stand on the account", ""),
    Row("listed_total", Unit::Count, Level, MONOTONE, NotOverTime, "", "a", "public lists that hold the account", ""),
    Row("likes_total", Unit::Count, Level, MONOTONE, NotOverTime, "", "a", "likes that the account ever got, as its profile shows", ""),
    Row("follows_gained", Unit::Count, Count, MONOTONE, Everywhere, "", "pac", "follows begun", ""),
    Row("follows_lost", Unit::Count, Count, MONOTONE, Everywhere, "", "pa", "follows ended", ""),
    Row("follows_net", Unit::Count, Count, REVOCABLE, Everywhere, "", "pa", "follows begun less follows ended", ""),
    Row("posts_published", Unit::Count, Count, MONOTONE, Everywhere, "", "a", "posts published", ""),
    Row("mentions", Unit::Count, Count, MONOTONE, Everywhere, "", "at", "posts by others that name the account", ""),
    Row("ugc_posts", Unit::Count, Count, MONOTONE, Everywhere, "", "at", "posts by users about the brand", ""),
    Row("audience_share", Unit::Ratio, Ratio, MONOTONE, Nowhere, "", "pa", "share of the audience in a segment", ""),
    Row("audience_users", Unit::Users, Level, MONOTONE, NotOverTime, "", "a", "people of the audience in a segment", "platforms suppress small segments"),
    Row("interest_users", Unit::Users, People, MONOTONE, Nowhere, "", "pac", "people whom the platform counts as newly interested (种草)", "by the platform's own measure"),
    Row("deep_interest_users", Unit::Users, People, MONOTONE, Nowhere, "", "pac", "people whom the platform counts as newly and deeply interested (深度种草)", "by the platform's own measure"),
    Row("messages_in", Unit::Count, Count, MONOTONE, Everywhere, "", "a", "messages received", ""),
    Row("message_users", Unit::Users, People, MONOTONE, Nowhere, "", "a", "unique senders of messages", ""),
    Row("responses", Unit::Count, Count, MONOTONE, Everywhere, "", "a", "messages answered", ""),
    Row("response_time_s", Unit::Seconds, Mean, MONOTONE, Nowhere, "responses", "a", "seconds to the answer", ""),
    // Reputation
    Row("rating_count", Unit::Count, Count, REVOCABLE, Everywhere, "", "al", "ratings given", ""),
    Row("rating_sum", Unit::Score, Count, REVOCABLE, Everywhere, "", "al", "sum of the scores given", "mean = rating_sum / rating_count"),
    Row("ratings_total", Unit::Count, Level, MONOTONE, NotOverTime, "", "al", "ratings that stand", ""),
    Row("rating_points_total", Unit::Score, Level, MONOTONE, NotOverTime, "", "al", "sum of the scores of the ratings that stand", "mean = rating_points_total / ratings_total; estimated where the platform gives the mean alone"),
    Row("sentiment_pos", Unit::Count, Count, MONOTONE, Everywhere, "", "atl", "mentions classified as positive", "depends on the classifier"),
    Row("sentiment_neu", Unit::Count, Count, MONOTONE, Everywhere, "", "atl", "mentions classified as neutral", "depends on the classifier"),
    Row("sentiment_neg", Unit::Count, Count, MONOTONE, Everywhere, "", "atl", "mentions classified as negative", "depends on the classifier"),
    Row("survey_responses", Unit::Count, Count, MONOTONE, Everywhere, "", "a", "answers to a survey", ""),
    Row("survey_score_sum", Unit::Score, Count, MONOTONE, Everywhere, "", "a", "sum of the scores of a survey", ""),
    Row("branded_searches", Unit::Count, Count, MONOTONE, Everywhere, "", "a", "organic searches for the brand", ""),
    // Money and web
    Row("spend", Unit::Money, Money, MONOTONE, Everywhere, "", "pac", "advertising cost", "summed in one currency only"),
    Row("ad_impressions", Unit::Count, Count, MONOTONE, Everywhere, "", "pac", "paid impressions", ""),
    Row("ad_clicks", Unit::Count, Count, MONOTONE, Everywhere, "", "pac", "paid clicks", ""),
    Row("leads", Unit::Count, Count, MONOTONE, Everywhere, "", "pac", "leads", "one attribution window"),
    Row("conversions", Unit::Count, Count, MONOTONE, Everywhere, "", "pac", "conversions", "one attribution window"),
    Row("orders", Unit::Count, Count, MONOTONE, Everywhere, "", "pac", "orders", "one attribution window"),
    Row("revenue", Unit::Money, Money, MONOTONE, Everywhere, "", "pac", "value of conversions", "summed in one currency only"),
    Row("gross_margin", Unit::Money, Money, MONOTONE, Everywhere, "", "pac", "revenue less cost of goods", "summed in one currency only"),
    Row("new_customers", Unit::Users, Count, MONOTONE, Everywhere, "", "ac", "first-time buyers", "additive within one CRM"),
    Row("estimated_revenue", Unit::Money, Money, MONOTONE, Everywhere, "", "pa", "earnings that the platform pays its author", ""),
    Row("tips", Unit::Money, Money, MONOTONE, Everywhere, "", "pa", "money that readers or viewers gave", "summed in one currency only"),
    Row("sessions", Unit::Count, Count, MONOTONE, Everywhere, "", "alc", "visits to a website", ""),
    Row("session_users", Unit::Users, People, MONOTONE, Nowhere, "", "alc", "unique visitors of a website", ""),
    Row("session_duration_s", Unit::Seconds, Count, MONOTONE, Everywhere, "", "alc", "seconds of all visits", ""),
    Row("engaged_sessions", Unit::Count, Count, MONOTONE, Everywhere, "", "alc", "visits that the analytics tool calls engaged", ""),
    Row("pageviews", Unit::Count, Count, MONOTONE, Everywhere, "", "alc", "pages seen", ""),
    // The interface itself
    Row("api_calls_limit", Unit::Count, Level, MONOTONE, NotOverTime, "", "a", "calls that the platform grants a day", ""),
    Row("api_calls_used", Unit::Count, Level, MONOTONE, NotOverTime, "", "a", "calls of the day that are used up", "begins anew each day"),
];

static BUILTIN: LazyLock<Catalogue> = LazyLock::new(|| {
    let mut catalogue = Catalogue { metrics: Vec::new(), subjects: Vec::new(), by_id: HashMap::new() };
    for row in ROWS {
        catalogue.insert(
            Metric {
                id: MetricId::from_static(row.0),
                unit: row.1,
                nature: row.2,
                revocable: row.3,
                additivity: row.4,
                weight: (!row.5.is_empty()).then(|| MetricId::from_static(row.5)),
                definition: Cow::Borrowed(row.7),
                caveat: Cow::Borrowed(row.8),
                project: false,
            },
            row.6,
        );
    }
    catalogue
});

/// All metrics that may be spoken of: the shipped ones and those that a project declares.
#[derive(Debug, Clone)]
pub struct Catalogue {
    metrics: Vec<Metric>,
    subjects: Vec<&'static str>,
    by_id: HashMap<MetricId, usize>,
}

impl Catalogue {
    /// The shipped catalogue.
    #[must_use]
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// The shipped catalogue and a project's own metrics, which obey the same rules.
    ///
    /// # Errors
    /// `BadConfig` when an id is taken or a weight is unknown.
    pub fn with_project(metrics: impl IntoIterator<Item = Metric>) -> Result<Self> {
        let mut catalogue = Self::builtin().clone();
        for metric in metrics {
            if catalogue.by_id.contains_key(&metric.id) {
                return Err(Error::bad_config(format!("metric {} is declared already", metric.id))
                    .hint("give the project's metric another id"));
            }
            catalogue.insert(Metric { project: true, ..metric }, "");
        }
        for metric in &catalogue.metrics {
            if let Some(weight) =
                metric.weight.as_ref().filter(|weight| catalogue.get(weight.as_str()).is_none())
            {
                return Err(Error::bad_config(format!("weight {weight} of metric {} is unknown", metric.id)));
            }
        }
        Ok(catalogue)
    }

    fn insert(&mut self, metric: Metric, subjects: &'static str) {
        self.by_id.insert(metric.id.clone(), self.metrics.len());
        self.metrics.push(metric);
        self.subjects.push(subjects);
    }

    /// A metric by its id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Metric> {
        let id = MetricId::new(id).ok()?;
        self.by_id.get(&id).map(|&i| &self.metrics[i])
    }

    /// All metrics, in the catalogue's order.
    pub fn iter(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter()
    }

    /// The shipped metrics that subjects of a kind can have: the metric columns of that kind's tables, in
    /// order. Project metrics stand in the side table `other_facts`.
    pub fn columns(&self, subject: SubjectKind) -> impl Iterator<Item = &Metric> {
        let letter = subject.letter();
        self.metrics
            .iter()
            .zip(&self.subjects)
            .filter(move |(_, subjects)| subjects.contains(letter))
            .map(|(metric, _)| metric)
    }

    /// The kinds of subject that a shipped metric has columns for, its own kind first; none of a project metric.
    pub fn subjects(&self, id: &MetricId) -> impl Iterator<Item = SubjectKind> + use<> {
        let letters = self.by_id.get(id).map_or("", |&i| self.subjects[i]);
        letters.chars().filter_map(|letter| SubjectKind::ALL.into_iter().find(|kind| kind.letter() == letter))
    }

    /// Whether a shipped metric has a column in the tables of a kind of subject.
    #[must_use]
    pub fn has_column(&self, subject: SubjectKind, id: &MetricId) -> bool {
        self.by_id.get(id).is_some_and(|&i| self.subjects[i].contains(subject.letter()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_words_and_unique_and_weights_known() {
        let catalogue = Catalogue::builtin();
        assert_eq!(catalogue.by_id.len(), ROWS.len(), "an id stands twice");
        for metric in catalogue.iter() {
            assert!(MetricId::new(metric.id.as_str()).is_ok(), "{}", metric.id);
            if let Some(weight) = &metric.weight {
                assert!(catalogue.get(weight.as_str()).is_some(), "{}: weight {weight}", metric.id);
            }
        }
    }

    #[test]
    fn nature_agrees_with_additivity() {
        for metric in Catalogue::builtin().iter() {
            let agrees = match metric.nature {
                Count | Money => matches!(metric.additivity, Everywhere | WithinPlatform),
                Level => metric.additivity == NotOverTime,
                People | Mean | Ratio => metric.additivity == Nowhere,
            };
            assert!(agrees, "{} is {:?} but {:?}", metric.id, metric.nature, metric.additivity);
        }
    }

    #[test]
    fn a_project_cannot_redefine() {
        let taken = Catalogue::builtin().get("likes").cloned();
        assert!(Catalogue::with_project(taken).is_err());
    }
}
