//! As much of Instagram as the tests ask: media, stories and insights, of which some are refused.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use kepi_core::{Request, Response, http::Text};
use serde_json::{Value, json};

use super::now;

/// What stands on the platform, and what it refuses.
#[derive(Debug)]
pub(crate) struct Platform {
    pub(crate) media: usize,
    pub(crate) stories: usize,
    /// So many of the oldest media are of before the business account.
    pub(crate) unconverted: usize,
    /// Stories that too few have seen.
    pub(crate) few_viewers: BTreeSet<usize>,
    /// More media with insights than so many are too much at once.
    pub(crate) most: usize,
    /// Metrics of the account that it does not have.
    pub(crate) refused: BTreeSet<&'static str>,
    /// Whether a refusal names what is refused.
    pub(crate) named: bool,
    /// A metric that reels do not have.
    pub(crate) reels_lack: Option<&'static str>,
    pub(crate) calls: usize,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            media: 0,
            stories: 0,
            unconverted: 0,
            few_viewers: BTreeSet::new(),
            most: 50,
            refused: BTreeSet::new(),
            named: true,
            reels_lack: None,
            calls: 0,
        }
    }
}

const FIRST: usize = 18_000_000_000;
const FIRST_STORY: usize = 19_000_000_000;

impl Platform {
    /// So many posts within 90 days; every second is a reel.
    pub(crate) fn with_media(media: usize) -> Self {
        Self { media, ..Self::default() }
    }

    pub(crate) fn ids(&self, places: std::ops::Range<usize>) -> BTreeSet<String> {
        places.map(|place| (FIRST + place).to_string()).collect()
    }

    pub(crate) fn reels(&self) -> BTreeSet<String> {
        (0..self.media).step_by(2).map(|place| (FIRST + place).to_string()).collect()
    }

    pub(crate) fn posts(&self) -> BTreeSet<String> {
        (1..self.media).step_by(2).map(|place| (FIRST + place).to_string()).collect()
    }

    pub(crate) fn story_ids(&self, places: BTreeSet<usize>) -> BTreeSet<String> {
        places.into_iter().map(|place| (FIRST_STORY + place).to_string()).collect()
    }

    /// Answers a request, and counts it.
    pub(crate) fn answer(&mut self, request: &Request) -> Response {
        self.calls += 1;
        let (status, body) = match self.respond(request) {
            Ok(body) => (200, body),
            Err(refused) => (400, json!({"error": refused})),
        };
        Response { status, headers: Vec::new(), body: body.to_string().into_bytes(), received_at: now() }
    }

    fn respond(&self, request: &Request) -> Result<Value, Value> {
        let query: BTreeMap<&str, &str> =
            request
                .query
                .iter()
                .filter_map(|(key, text)| {
                    if let Text::Plain(text) = text { Some((key.as_str(), text.as_str())) } else { None }
                })
                .collect();
        let path: Vec<&str> = request.url.split('/').skip(4).collect();
        let of = |key: &str| query.get(key).copied().unwrap_or_default();
        let metrics = |text: &str| -> Vec<String> {
            let inner = text.split_once("insights.metric(").and_then(|(_, rest)| rest.split_once(')'));
            inner.map(|(inner, _)| inner.split(',').map(str::to_owned).collect()).unwrap_or_default()
        };
        match path.as_slice() {
            [""] => {
                let wanted = metrics(of("fields"));
                let told = of("ids").split(',').map(|id| {
                    Ok((id.to_owned(), json!({"id": id, "insights": {"data": self.insights(id, &wanted)?}})))
                });
                told.collect::<Result<serde_json::Map<_, _>, Value>>().map(Value::Object)
            }
            [_, "media"] => self.page(of("fields"), of("limit"), of("after")),
            [_, "stories"] => {
                let wanted = metrics(of("fields"));
                let items = (0..self.stories).map(|place| self.item(FIRST_STORY + place, "STORY", &wanted));
                Ok(json!({"data": items.collect::<Result<Vec<_>, _>>()?}))
            }
            [id, "insights"] if id.starts_with("178") => self.account(of("metric"), of("breakdown")),
            [id, "insights"] => {
                let wanted: Vec<String> = of("metric").split(',').map(str::to_owned).collect();
                Ok(json!({"data": self.insights(id, &wanted)?}))
            }
            [_] => {
                let fields = of("fields");
                let limit = fields
                    .split_once("limit(")
                    .and_then(|(_, rest)| rest.split_once(')'))
                    .unwrap_or_default();
                Ok(
                    json!({"id": "17841400000000001", "followers_count": 41873, "media": self.page(fields, limit.0, "")?}),
                )
            }
            other => panic!("{other:?}"),
        }
    }

    fn page(&self, fields: &str, limit: &str, after: &str) -> Result<Value, Value> {
        let inner = fields.split_once("insights.metric(").and_then(|(_, rest)| rest.split_once(')'));
        let wanted: Vec<String> =
            inner.map(|(inner, _)| inner.split(',').map(str::to_owned).collect()).unwrap_or_default();
        let (limit, from): (usize, usize) = (limit.parse().unwrap(), after.parse().unwrap_or(0));
        if limit > self.most && !wanted.is_empty() {
            let words = "Please reduce the amount of data you're asking for, then retry your request";
            return Err(json!({"message": words, "code": 1}));
        }
        let to = (from + limit).min(self.media);
        let kind = |place: usize| if place.is_multiple_of(2) { "REELS" } else { "FEED" };
        let items = (from..to).map(|place| self.item(FIRST + place, kind(place), &wanted));
        let data = items.collect::<Result<Vec<_>, _>>()?;
        let mut paging = json!({"cursors": {"after": to.to_string()}});
        if to < self.media {
            paging["next"] = json!("https://graph.example/next?access_token=example");
        }
        Ok(json!({"data": data, "paging": paging}))
    }

    fn item(&self, id: usize, kind: &str, wanted: &[String]) -> Result<Value, Value> {
        let hours = i64::try_from(id % 1_000_000).unwrap() * 9;
        let at = (now() - hours.hours()).strftime("%Y-%m-%dT%H:%M:%S+0000").to_string();
        let mut item =
            json!({"id": id.to_string(), "media_product_type": kind, "timestamp": at, "comments_count": 4});
        if !wanted.is_empty() {
            item["insights"] = json!({"data": self.insights(&id.to_string(), wanted)?});
        }
        Ok(item)
    }

    fn insights(&self, id: &str, wanted: &[String]) -> Result<Vec<Value>, Value> {
        let number: usize = id.parse().unwrap();
        if number >= FIRST_STORY && self.few_viewers.contains(&(number - FIRST_STORY)) {
            return Err(
                json!({"message": "(#10) Not enough viewers for the media to show insights", "code": 10}),
            );
        }
        if number < FIRST_STORY && number - FIRST >= self.media - self.unconverted {
            let words = "(#100) Media posted before business account conversion";
            return Err(json!({"message": words, "code": 100, "error_subcode": 2_108_006}));
        }
        let reel = number < FIRST_STORY && number.is_multiple_of(2);
        let of_posts = ["follows", "profile_visits", "profile_activity"];
        let lacks = |metric: &&String| {
            let metric = metric.as_str();
            let other = if reel { of_posts.contains(&metric) } else { metric.contains("reels") };
            (other && number < FIRST_STORY) || (reel && self.reels_lack == Some(metric))
        };
        if let Some(metric) = wanted.iter().find(lacks) {
            let words = format!(
                "(#100) The Media Insights API does not support the {metric} metric for this media product type."
            );
            return Err(json!({"message": words, "code": 100}));
        }
        Ok(wanted.iter().map(|name| json!({"name": name, "values": [{"value": 7}]})).collect())
    }

    fn account(&self, metrics: &str, by: &str) -> Result<Value, Value> {
        let mut metrics = metrics.split(',');
        if metrics.clone().any(|metric| self.refused.contains(metric)) {
            let refused: Vec<&str> = self.refused.iter().copied().collect();
            let words = if self.named {
                format!("(#100) Incompatible metric type (total_value) with metric ({})", refused.join(", "))
            } else {
                "(#100) The value must be a valid insights metric".to_owned()
            };
            return Err(json!({"message": words, "code": 100}));
        }
        let parts = json!([{"dimension_keys": by.split(',').collect::<Vec<_>>(),
            "results": [{"dimension_values": by.split(',').map(|_| "FOLLOWER").collect::<Vec<_>>(), "value": 3}]}]);
        let total = if by.is_empty() { json!({"value": 3}) } else { json!({"breakdowns": parts}) };
        let series = json!([{"value": 3, "end_time": "2026-09-01T07:00:00+0000"}]);
        let told = metrics.by_ref().map(|name| json!({"name": name, "values": series, "total_value": total}));
        Ok(json!({"data": told.collect::<Vec<_>>()}))
    }
}
