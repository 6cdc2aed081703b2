//! Insights of an account: series for two metrics, window totals for the others, demographics.

use jiff::{Timestamp, civil::Date};
use kepi_core::{DateSpan, period::add_days};

use super::{Fault, media};
use crate::{
    AccountDay, Counter, Format, Profile, Split,
    call::{Call, shared},
    json::Object,
};

const DAY: i64 = 86_400;
const MAX_SECONDS: i64 = 30 * DAY;

const SERIES: [&str; 2] = ["reach", "follower_count"];
const TOTALS: [&str; 14] = [
    "reach",
    "views",
    "accounts_engaged",
    "total_interactions",
    "likes",
    "comments",
    "shares",
    "saves",
    "replies",
    "reposts",
    "profile_links_taps",
    "follows_and_unfollows",
    "profile_views",
    "website_clicks",
];
const LIFETIME: [&str; 2] = ["follower_demographics", "engaged_audience_demographics"];
/// What can be split by the kind of media.
const BY_PRODUCT: [&str; 7] =
    ["reach", "views", "total_interactions", "likes", "comments", "shares", "saves"];
/// What can be split by who follows.
const BY_FOLLOWING: [&str; 3] = ["reach", "views", "follows_and_unfollows"];

/// `/{ig-user-id}/insights`
pub(super) fn account(call: &Call<'_>, own: &Profile) -> Result<Vec<u8>, Fault> {
    let metrics = call.list("metric");
    if metrics.is_empty() {
        return Err(Fault::new(100, "(#100) The parameter metric is required"));
    }
    let known: Vec<&str> = SERIES[1..].iter().chain(&TOTALS).chain(&LIFETIME).copied().collect();
    if let Some(at) = metrics.iter().position(|metric| !known.contains(metric)) {
        let words = format!("(#100) metric[{at}] must be one of the following values: {}", known.join(", "));
        return Err(Fault::new(100, words));
    }
    let total = call.param("metric_type") == Some("total_value");
    match call.param("period") {
        Some("day") | None if total => totals(call, own, &metrics),
        Some("day") | None => series(call, own, &metrics),
        Some("lifetime") => demographics(call, own, &metrics),
        Some(period) => {
            let words = format!(
                "(#100) The following periods ({period}) are incompatible with the metric ({})",
                metrics[0]
            );
            Err(Fault::new(100, words))
        }
    }
}

/// The Pacific days asked for: those that begin within the window. Without one, yesterday.
fn window(call: &Call<'_>, own: &Profile) -> Result<(DateSpan, i64, i64), Fault> {
    let number = |key: &str| -> Result<Option<i64>, Fault> {
        call.param(key)
            .map(str::parse)
            .transpose()
            .map_err(|_| Fault::new(100, format!("(#100) Param {key} must be a unix timestamp")))
    };
    let today = call.world.day_of(own.key, call.now);
    let midnight = |date| call.world.day_bounds(own.key, date).0.as_second();
    let since = number("since")?.unwrap_or(midnight(add_days(today, -1)));
    let until = number("until")?.unwrap_or(since + DAY);
    if until - since > MAX_SECONDS {
        let words = "(#100) There cannot be more than 30 days (2592000 s) between since and until";
        return Err(Fault::new(100, words));
    }
    if since < call.now.as_second() - 730 * DAY {
        let words = "(#100) since param is not valid. Metrics data is available for the last 2 years";
        return Err(Fault::new(100, words));
    }
    // The first day that begins at `since` or later, and the first that begins at `until` or later.
    let first_from = |second: i64| {
        let date = call.world.day_of(own.key, Timestamp::from_second(second).unwrap_or(call.now));
        if midnight(date) < second { add_days(date, 1) } else { date }
    };
    Ok((DateSpan::new(first_from(since), first_from(until)), since, until))
}

fn series(call: &Call<'_>, own: &Profile, metrics: &[&str]) -> Result<Vec<u8>, Fault> {
    if let Some(metric) = metrics.iter().find(|metric| !SERIES.contains(metric)) {
        let words = format!(
            "(#100) The following metrics ({metric}) should be specified with parameter metric_type=total_value"
        );
        return Err(Fault::new(100, words));
    }
    let (span, since, until) = window(call, own)?;
    let today = call.world.day_of(own.key, call.now);
    if metrics.contains(&"follower_count") && span.start < add_days(today, -30) {
        let words = "(#100) (follower_count) metric only supports querying data for the last 30 days excluding the current day";
        return Err(Fault::new(100, words));
    }
    let told = call.told_days(own.key, span).filter(|date| *date < today);
    let days: Vec<(Date, AccountDay)> = told.map(|date| (date, call.day(own.key, date))).collect();
    Ok(call.json().object(|root| {
        root.array("data", |list| {
            for metric in metrics {
                list.object(|o| {
                    o.text("name", metric);
                    o.text("period", "day");
                    o.array("values", |values| {
                        for (date, day) in &days {
                            let (_, end) = call.world.day_bounds(own.key, *date);
                            let value = if *metric == "reach" {
                                reach(&day.content, 1)
                            } else {
                                day.flows.follows_gained
                            };
                            values.object(|v| {
                                v.int("value", value);
                                v.text("end_time", &media::stamp(end));
                            });
                        }
                    });
                    title(o, own, metric, "day");
                });
            }
        });
        let address = format!("https://graph.facebook.com/v25.0/{}/insights?period=day", own.platform_id);
        root.object("paging", |paging| {
            paging.text("previous", &format!("{address}&since={}&until={since}", since - (until - since)));
            paging.text("next", &format!("{address}&since={until}&until={}", until + (until - since)));
        });
    }))
}

fn title(o: &mut Object<'_>, own: &Profile, metric: &str, period: &str) {
    o.text("title", metric);
    o.text("description", "…");
    o.text("id", &format!("{}/insights/{metric}/{period}", own.platform_id));
}

/// People reached: fewer than the sum over posts, and ever fewer the longer the window is.
fn reach(content: &Split, days: i64) -> i64 {
    (content.total()[Counter::Reach] as f64 * 0.9 / (1.0 + 0.02 * (days - 1) as f64)) as i64
}

fn totals(call: &Call<'_>, own: &Profile, metrics: &[&str]) -> Result<Vec<u8>, Fault> {
    let breakdown = call.param("breakdown").or(call.param("breakdowns"));
    let fits = |metric: &&str| match breakdown {
        None => true,
        Some("media_product_type") => BY_PRODUCT.contains(metric),
        Some("follow_type" | "follower_type") => BY_FOLLOWING.contains(metric),
        Some("contact_button_type") => *metric == "profile_links_taps",
        Some(_) => false,
    };
    if let Some(metric) = metrics.iter().find(|metric| !TOTALS.contains(metric)) {
        return Err(Fault::new(
            100,
            format!("(#100) Incompatible metric type (total_value) with metric ({metric})"),
        ));
    }
    if !metrics.iter().all(fits) {
        return Err(Fault::new(1, "An unknown error has occurred.").status(500));
    }
    let (span, ..) = window(call, own)?;
    let today = call.world.day_of(own.key, call.now);
    let told = DateSpan::new(span.start, span.end.min(add_days(today, 1)));
    let sum = Sum::of(call, own, told);
    Ok(call.json().object(|root| {
        root.array("data", |list| {
            for metric in metrics {
                list.object(|o| {
                    o.text("name", metric);
                    o.text("period", "day");
                    o.object("total_value", |total| sum.write(total, metric, breakdown));
                    title(o, own, metric, "day");
                });
            }
        });
    }))
}

/// All days of a window together.
struct Sum {
    content: Split,
    days: i64,
    gained: i64,
    lost: i64,
    visits: i64,
    replies: i64,
    /// Whether the newest of the days is too young for follows and unfollows.
    young: bool,
    /// What each kind of media had, paid shows apart: reels, posts, carousels.
    weights: [f64; 3],
}

impl Sum {
    fn of(call: &Call<'_>, own: &Profile, span: DateSpan) -> Self {
        let today = call.world.day_of(own.key, call.now);
        let mut sum = Self {
            content: Split::default(),
            days: i64::from(span.days()),
            gained: 0,
            lost: 0,
            visits: 0,
            replies: 0,
            young: span.end > add_days(today, -2),
            weights: [0.0; 3],
        };
        for date in span.iter() {
            let day = call.day(own.key, date);
            sum.content += day.content;
            sum.gained += day.flows.follows_gained;
            sum.lost += day.flows.follows_lost;
            sum.visits += day.flows.profile_visits;
            sum.replies += call.level(call.world.story_replies(own.key, date, call.now));
        }
        let from = call.world.day_bounds(own.key, span.start).0;
        let to = call.world.day_bounds(own.key, span.end).0;
        for post in call.posts(own.key, Timestamp::MIN, to) {
            let mut change = call.total_until(&post, to);
            change -= call.total_until(&post, from);
            let kind = match post.format {
                Format::Video => 0,
                Format::Carousel => 2,
                _ => 1,
            };
            sum.weights[kind] += change[Counter::Impressions] as f64;
        }
        sum
    }

    fn value(&self, metric: &str) -> i64 {
        let total = self.content.total();
        match metric {
            "reach" => reach(&self.content, self.days),
            "views" => total[Counter::Views],
            "accounts_engaged" => media::interactions(&total) * 4 / 5,
            "total_interactions" => media::interactions(&total),
            "likes" => total[Counter::Likes],
            "comments" => total[Counter::Comments],
            "shares" => total[Counter::Shares],
            "saves" => total[Counter::Saves],
            "replies" => self.replies,
            "reposts" => total[Counter::Shares] / 6,
            "profile_links_taps" => total[Counter::LinkClicks] / 10,
            "profile_views" => self.visits,
            "website_clicks" => total[Counter::LinkClicks],
            _ => 0,
        }
    }

    /// Paid shows of a metric, where ads are a part of it.
    fn paid(&self, metric: &str) -> i64 {
        let paid = self.content.paid;
        match metric {
            "reach" => reach(&Split { paid, ..Split::default() }, self.days),
            "views" => paid[Counter::Views],
            "total_interactions" => media::interactions(&paid),
            "likes" => paid[Counter::Likes],
            "comments" => paid[Counter::Comments],
            "shares" => paid[Counter::Shares],
            "saves" => paid[Counter::Saves],
            _ => 0,
        }
    }

    fn write(&self, total: &mut Object<'_>, metric: &str, breakdown: Option<&str>) {
        if metric == "follows_and_unfollows" {
            // Without a breakdown there is no value at all.
            if breakdown.is_some() {
                let rows = [("FOLLOWER", self.gained), ("NON_FOLLOWER", self.lost)];
                write_breakdown(total, "follow_type", if self.young { &[] } else { &rows });
            }
            return;
        }
        let value = self.value(metric);
        total.int("value", value);
        match breakdown {
            Some("media_product_type") => {
                let paid = self.paid(metric);
                let [reels, posts, carousels] = self.split(value - paid);
                let rows =
                    [("REELS", reels), ("POST", posts), ("CAROUSEL_CONTAINER", carousels), ("AD", paid)];
                write_breakdown(total, "media_product_type", &rows);
            }
            Some(key @ ("follow_type" | "follower_type")) => {
                let [followers, others] = shared(value, [0.6, 0.4]);
                write_breakdown(total, key, &[("FOLLOWER", followers), ("NON_FOLLOWER", others)]);
            }
            Some(key) => {
                let [mail, call] = shared(value, [0.7, 0.3]);
                write_breakdown(total, key, &[("EMAIL", mail), ("CALL", call)]);
            }
            None => {}
        }
    }

    fn split(&self, value: i64) -> [i64; 3] {
        if self.weights.iter().sum::<f64>() > 0.0 { shared(value, self.weights) } else { [value, 0, 0] }
    }
}

/// Rows of nothing are left out; without any there are no `results` at all.
fn write_breakdown(total: &mut Object<'_>, key: &str, rows: &[(&str, i64)]) {
    total.array("breakdowns", |list| {
        list.object(|breakdown| {
            breakdown.texts("dimension_keys", [key]);
            if rows.iter().all(|(_, value)| *value == 0) {
                return;
            }
            breakdown.array("results", |results| {
                for (name, value) in rows.iter().filter(|(_, value)| *value != 0) {
                    results.object(|o| {
                        o.texts("dimension_values", [name]);
                        o.int("value", *value);
                    });
                }
            });
        });
    });
}

fn demographics(call: &Call<'_>, own: &Profile, metrics: &[&str]) -> Result<Vec<u8>, Fault> {
    if let Some(metric) = metrics.iter().find(|metric| !LIFETIME.contains(metric)) {
        let words =
            format!("(#100) The following periods (lifetime) are incompatible with the metric ({metric})");
        return Err(Fault::new(100, words));
    }
    let dimensions = call.list("breakdown");
    let known = ["age", "city", "country", "gender"];
    if dimensions.is_empty() || dimensions.iter().any(|dimension| !known.contains(dimension)) {
        return Err(Fault::new(100, "(#100) Missing or unknown breakdown for demographics"));
    }
    if metrics.contains(&LIFETIME[1]) && !matches!(call.param("timeframe"), Some("this_week" | "this_month"))
    {
        return Err(Fault::new(100, "(#100) timeframe must be one of this_week, this_month"));
    }
    Ok(call.json().object(|root| {
        root.array("data", |list| {
            for metric in metrics {
                let scale = if *metric == LIFETIME[0] { 1.0 } else { 0.08 };
                list.object(|o| {
                    o.text("name", metric);
                    o.text("period", "lifetime");
                    title(o, own, metric, "lifetime");
                    o.object("total_value", |total| {
                        total.array("breakdowns", |list| {
                            list.object(|b| {
                                b.texts("dimension_keys", &dimensions);
                                b.array("results", |results| {
                                    for (values, users) in cells(call, own, &dimensions, scale) {
                                        results.object(|row| {
                                            row.texts("dimension_values", &values);
                                            row.int("value", users);
                                        });
                                    }
                                });
                            });
                        });
                    });
                });
            }
        });
    }))
}

/// People by each combination of the dimensions, the biggest 45.
fn cells(call: &Call<'_>, own: &Profile, dimensions: &[&str], scale: f64) -> Vec<(Vec<&'static str>, i64)> {
    let followers = call.world.followers_at(own.key, call.now).max(1) as f64;
    let mut cells: Vec<(Vec<&'static str>, f64)> = vec![(Vec::new(), followers * scale)];
    for dimension in dimensions {
        let parts = call.world.audience(own.key, dimension, call.now);
        cells = cells
            .iter()
            .flat_map(|(values, users)| {
                parts.iter().map(move |part| {
                    let mut values = values.clone();
                    values.push(part.value);
                    (values, users * part.users as f64 / followers)
                })
            })
            .collect();
    }
    let mut whole: Vec<_> =
        cells.into_iter().map(|(values, users)| (values, call.level(users as i64))).collect();
    whole.retain(|(_, users)| *users > 0);
    whole.sort_by_key(|(_, users)| -users);
    whole.truncate(45);
    whole
}
