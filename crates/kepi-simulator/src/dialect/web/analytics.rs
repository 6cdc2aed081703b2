//! GA4: sessions of a brand's website by day, channel and source. Visits from social accounts follow from the
//! clicks on their posts; a day is the day of the account that they came from.

use std::collections::BTreeMap;

use jiff::civil::Date;
use kepi_core::{DateSpan, period::add_days};
use serde_json::Value;

use super::Fault;
use crate::{
    Counter, Network, Profile,
    call::Call,
    json::{Array, Object},
    ledger::Limit,
};

/// What a report costs, and the tokens of a day and of an hour.
const COST: u32 = 6;
const PER_DAY: Limit = Limit { pool: "day", calls: 200_000 / COST, window: 86_400, shift: 0 };
const PER_HOUR: Limit = Limit { pool: "hour", calls: 40_000 / COST, window: 3600, shift: 0 };

const DIMENSIONS: [&str; 10] = [
    "date",
    "sessionDefaultChannelGroup",
    "sessionSource",
    "sessionMedium",
    "sessionCampaignName",
    "sessionSourcePlatform",
    "sessionManualAdContent",
    "landingPage",
    "country",
    "deviceCategory",
];
/// Metrics with their types.
const METRICS: [(&str, &str); 11] = [
    ("sessions", "TYPE_INTEGER"),
    ("engagedSessions", "TYPE_INTEGER"),
    ("averageSessionDuration", "TYPE_SECONDS"),
    ("screenPageViews", "TYPE_INTEGER"),
    ("totalUsers", "TYPE_INTEGER"),
    ("newUsers", "TYPE_INTEGER"),
    ("bounceRate", "TYPE_FLOAT"),
    ("engagementRate", "TYPE_FLOAT"),
    ("keyEvents", "TYPE_FLOAT"),
    ("eventCount", "TYPE_INTEGER"),
    ("totalRevenue", "TYPE_CURRENCY"),
];

/// Visits of one kind.
#[derive(Debug, Clone, Copy, Default)]
struct Visits {
    sessions: i64,
    engaged: i64,
    pages: i64,
    seconds: i64,
    key_events: i64,
    revenue_micros: i64,
}

impl Visits {
    fn add(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.engaged += other.engaged;
        self.pages += other.pages;
        self.seconds += other.seconds;
        self.key_events += other.key_events;
        self.revenue_micros += other.revenue_micros;
    }

    fn value(&self, metric: &str) -> String {
        let per = |part: i64, digits: usize| {
            let value = if self.sessions == 0 { 0.0 } else { part as f64 / self.sessions as f64 };
            format!("{value:.digits$}")
        };
        match metric {
            "sessions" => self.sessions.to_string(),
            "engagedSessions" => self.engaged.to_string(),
            "averageSessionDuration" => per(self.seconds, 3),
            "screenPageViews" => self.pages.to_string(),
            "totalUsers" => (self.sessions * 5 / 6).to_string(),
            "newUsers" => (self.sessions / 2).to_string(),
            "bounceRate" => per(self.sessions - self.engaged, 4),
            "engagementRate" => per(self.engaged, 4),
            "keyEvents" | "conversions" => self.key_events.to_string(),
            "eventCount" => (self.pages * 3).to_string(),
            _ => format!("{:.2}", self.revenue_micros as f64 / 1e6),
        }
    }
}

/// What a report asks for.
struct Report {
    dimensions: Vec<String>,
    metrics: Vec<String>,
    days: DateSpan,
    filter: Option<(String, Vec<String>)>,
    offset: usize,
    limit: usize,
    quota: bool,
}

impl Report {
    fn of(call: &Call<'_>, body: &Value) -> Result<Self, Fault> {
        let names = |key: &str| -> Vec<String> {
            let list = body[key].as_array().cloned().unwrap_or_default();
            list.iter().map(|item| item["name"].as_str().unwrap_or_default().to_owned()).collect()
        };
        let (dimensions, metrics) = (names("dimensions"), names("metrics"));
        if let Some(name) = dimensions.iter().find(|name| !DIMENSIONS.contains(&name.as_str())) {
            return Err(Fault::bad(format!("Field {name} is not a valid dimension.")));
        }
        if let Some(name) = metrics.iter().find(|name| METRICS.iter().all(|(known, _)| known != name)) {
            return Err(Fault::bad(format!("Field {name} is not a valid metric.")));
        }
        if metrics.is_empty() || metrics.len() > 10 || dimensions.len() > 9 {
            return Err(Fault::bad("Requests are limited to 10 metrics and 9 dimensions."));
        }
        let number = |key: &str, default: usize| {
            body[key]
                .as_str()
                .and_then(|text| text.parse().ok())
                .or(body[key].as_u64().map(|n| n as usize))
                .unwrap_or(default)
        };
        Ok(Self {
            dimensions,
            metrics,
            days: days(call, &body["dateRanges"][0])?,
            filter: filter(&body["dimensionFilter"])?,
            offset: number("offset", 0),
            limit: number("limit", 10_000).min(250_000),
            quota: body["returnPropertyQuota"].as_bool().unwrap_or(false),
        })
    }
}

/// Both ends are included.
fn days(call: &Call<'_>, range: &Value) -> Result<DateSpan, Fault> {
    let today = kepi_core::period::local_day(call.now, &jiff::tz::TimeZone::UTC);
    let date = |key: &str| -> Result<Date, Fault> {
        let text = range[key].as_str().unwrap_or_default();
        let back = match text {
            "today" => Some(0),
            "yesterday" => Some(1),
            _ => text.strip_suffix("daysAgo").and_then(|days| days.parse::<i32>().ok()),
        };
        back.map(|back| Ok(add_days(today, -back)))
            .unwrap_or_else(|| text.parse().map_err(|_| Fault::bad(format!("Invalid {key}: {text}"))))
    };
    let (start, end) = (date("startDate")?, date("endDate")?);
    if end < start {
        return Err(Fault::bad("startDate is after endDate"));
    }
    Ok(DateSpan::new(start, add_days(end.min(today), 1)))
}

/// One filter by values of one dimension; others are refused rather than passed over.
fn filter(filter: &Value) -> Result<Option<(String, Vec<String>)>, Fault> {
    if filter.is_null() {
        return Ok(None);
    }
    let field = filter["filter"]["fieldName"]
        .as_str()
        .ok_or_else(|| Fault::bad("Only single filters are offered here"))?;
    let listed = filter["filter"]["inListFilter"]["values"].as_array();
    let exact = filter["filter"]["stringFilter"]["value"].as_str();
    let values: Vec<String> = match (listed, exact) {
        (Some(list), _) => list.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect(),
        (None, Some(text)) => vec![text.to_owned()],
        (None, None) => return Err(Fault::bad("Only inListFilter and stringFilter are offered here")),
    };
    Ok(Some((field.to_owned(), values)))
}

fn source(network: Network) -> &'static str {
    match network {
        Network::X => "t.co",
        Network::Wechat => "weixin",
        Network::Weibo => "weibo.com",
        Network::Douyin => "douyin.com",
        Network::Xiaohongshu => "xiaohongshu.com",
        Network::Instagram => "l.instagram.com",
        Network::Linkedin => "linkedin.com",
    }
}

/// Visits of an account's day that came without and with money.
fn from_account(call: &Call<'_>, profile: &Profile, date: Date) -> [Visits; 2] {
    let day = call.day(profile.key, date);
    let flows = day.flows;
    let clicks = day.content.total()[Counter::LinkClicks].max(1);
    let paid_clicks = day.content.paid[Counter::LinkClicks];
    let part = |count: i64| count * paid_clicks / clicks;
    let visits = |share: &dyn Fn(i64) -> i64, counters: &crate::Counters| Visits {
        sessions: share(flows.sessions),
        engaged: share(flows.engaged_sessions),
        pages: share(flows.pageviews),
        seconds: share(flows.session_seconds),
        key_events: counters[Counter::Orders],
        revenue_micros: counters[Counter::RevenueMicros],
    };
    [visits(&|count| count - part(count), &day.content.organic), visits(&part, &day.content.paid)]
}

/// All visits of the days asked for, by date, channel, source, medium and campaign.
fn rows(call: &Call<'_>, accounts: &[&Profile], report: &Report) -> BTreeMap<Vec<String>, Visits> {
    let mut groups: BTreeMap<Vec<String>, Visits> = BTreeMap::new();
    for date in report.days.iter() {
        let mut take = |channel: &str, source: &str, medium: &str, visits: Visits| {
            let value = |name: &str| match name {
                "date" => date.strftime("%Y%m%d").to_string(),
                "sessionDefaultChannelGroup" => channel.to_owned(),
                "sessionSource" => source.to_owned(),
                "sessionMedium" => medium.to_owned(),
                "sessionSourcePlatform" => "Manual".to_owned(),
                "landingPage" => "/".to_owned(),
                // The world knows no campaigns, and of its visitors neither country nor device.
                _ => "(not set)".to_owned(),
            };
            let passes = report.filter.as_ref().is_none_or(|(field, values)| values.contains(&value(field)));
            // Nothing happened is no row.
            if visits.sessions > 0 && passes {
                let key = report.dimensions.iter().map(|name| value(name)).collect();
                groups.entry(key).or_default().add(visits);
            }
        };
        let mut people = 0;
        for profile in accounts {
            let [organic, paid] = from_account(call, profile, date);
            take("Organic Social", source(profile.network), "referral", organic);
            take("Paid Social", source(profile.network), "cpc", paid);
            people += call.day(profile.key, date).flows.profile_visit_users;
        }
        let others = |sessions: i64| Visits {
            sessions,
            engaged: sessions / 2,
            pages: sessions * 3,
            seconds: sessions * 80,
            key_events: sessions / 60,
            revenue_micros: sessions / 60 * 59_000_000,
        };
        take("Direct", "(direct)", "(none)", others(people / 2));
        take("Organic Search", "google", "organic", others(people));
    }
    groups
}

/// `:runReport`
pub(super) fn run(call: &Call<'_>, property: &str, accounts: &[&Profile]) -> Result<Vec<u8>, Fault> {
    let body = call.json_body().ok_or_else(|| Fault::bad("Invalid JSON payload received."))?;
    let report = Report::of(call, &body)?;
    pay(call, property)?;
    Ok(call.json().object(|root| write(root, call, property, accounts, &report)))
}

/// `:batchRunReports`: at most five, each pays for itself.
pub(super) fn batch(call: &Call<'_>, property: &str, accounts: &[&Profile]) -> Result<Vec<u8>, Fault> {
    let body = call.json_body().ok_or_else(|| Fault::bad("Invalid JSON payload received."))?;
    let requests = body["requests"].as_array().filter(|list| (1..=5).contains(&list.len()));
    let requests = requests.ok_or_else(|| Fault::bad("A batch has one to five requests."))?;
    let reports: Vec<Report> =
        requests.iter().map(|request| Report::of(call, request)).collect::<Result<_, _>>()?;
    for _ in &reports {
        pay(call, property)?;
    }
    Ok(call.json().object(|root| {
        root.array("reports", |list| {
            for report in &reports {
                list.object(|o| write(o, call, property, accounts, report));
            }
        });
        root.text("kind", "analyticsData#batchRunReports");
    }))
}

fn caller(property: &str) -> u64 {
    property.parse().unwrap_or(0)
}

fn pay(call: &Call<'_>, property: &str) -> Result<(), Fault> {
    for limit in [PER_DAY, PER_HOUR] {
        let standing = call.desk.ledger.take(limit, caller(property), call.clock);
        if standing.exceeded && call.desk.config.enforce_limits {
            call.desk.ledger.count_throttled();
            return Err(Fault::exhausted(&format!("Exhausted property tokens per {}.", limit.pool)));
        }
    }
    Ok(())
}

fn write(root: &mut Object<'_>, call: &Call<'_>, property: &str, accounts: &[&Profile], report: &Report) {
    let found = rows(call, accounts, report);
    let kind = |name: &str| {
        METRICS.iter().find(|(known, _)| *known == name).map_or("TYPE_INTEGER", |(_, kind)| kind)
    };
    root.array("dimensionHeaders", |list| {
        for name in &report.dimensions {
            list.object(|o| o.text("name", name));
        }
    });
    root.array("metricHeaders", |list| {
        for name in &report.metrics {
            list.object(|o| {
                o.text("name", name);
                o.text("type", kind(name));
            });
        }
    });
    let values = |o: &mut Object<'_>, key: &str, values: &[String]| {
        o.array(key, |list: &mut Array<'_>| {
            for value in values {
                list.object(|v| v.text("value", value));
            }
        });
    };
    // An empty report has no rows at all.
    if !found.is_empty() && !call.faults.empty_page {
        root.array("rows", |list| {
            for (key, visits) in found.iter().skip(report.offset).take(report.limit) {
                let metrics: Vec<String> = report.metrics.iter().map(|name| visits.value(name)).collect();
                list.object(|row| {
                    values(row, "dimensionValues", key);
                    values(row, "metricValues", &metrics);
                });
            }
        });
    }
    root.int("rowCount", found.len() as i64);
    root.object("metadata", |metadata| {
        metadata.text("currencyCode", "EUR");
        metadata.text("timeZone", "Europe/Berlin");
    });
    if report.quota {
        write_quota(root, call, property);
    }
    root.text("kind", "analyticsData#runReport");
}

fn write_quota(root: &mut Object<'_>, call: &Call<'_>, property: &str) {
    let used = |limit: Limit| call.desk.ledger.used(limit, caller(property), call.clock) * COST;
    let row = |o: &mut Object<'_>, key: &str, consumed: u32, remaining: u32| {
        o.object(key, |q| {
            q.int("consumed", i64::from(consumed));
            q.int("remaining", i64::from(remaining));
        });
    };
    root.object("propertyQuota", |quota| {
        row(quota, "tokensPerDay", COST, 200_000_u32.saturating_sub(used(PER_DAY)));
        row(quota, "tokensPerHour", COST, 40_000_u32.saturating_sub(used(PER_HOUR)));
        row(quota, "concurrentRequests", 0, 10);
        row(quota, "serverErrorsPerProjectPerHour", 0, 10);
        row(quota, "potentiallyThresholdedRequestsPerHour", 0, 120);
        row(quota, "tokensPerProjectPerHour", COST, 14_000_u32.saturating_sub(used(PER_HOUR)));
    });
}
