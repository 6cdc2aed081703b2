//! LinkedIn: the Community Management API of organization pages and of the people who speak for them, in Rest.li 2.0.

mod access;
mod members;
mod organization;
mod posts;
mod restli;

use jiff::{
    Timestamp, ToSpan,
    civil::Date,
    tz::{Offset, TimeZone},
};
use kepi_core::period::add_days;

use self::restli::{Params, Value};
use super::Dialect;
use crate::{
    Network, Profile,
    call::{Answer, Call},
    fault::Refusal,
    json::Object,
    ledger::Limit,
};

/// Versions live for a year.
const VERSION_MONTHS: i32 = 12;
/// The newest version that the answers follow, year and month: it is there in every world, however long past.
const VERSION: (i32, i32) = (2026, 6);
const DAY: i64 = 86_400;

pub(crate) struct Linkedin;

/// What goes wrong: HTTP status, service error code (0 for none), code, words.
#[derive(Debug, Clone)]
struct Fault {
    status: u16,
    service: i64,
    code: &'static str,
    words: String,
}

impl Fault {
    fn new(status: u16, service: i64, code: &'static str, words: impl Into<String>) -> Self {
        Self { status, service, code, words: words.into() }
    }

    fn bad(words: impl Into<String>) -> Self {
        Self::new(400, 0, "ILLEGAL_ARGUMENT", words)
    }

    fn denied(words: impl Into<String>) -> Self {
        Self::new(403, 100, "ACCESS_DENIED", words)
    }

    fn spent() -> Self {
        let words = "Resource level throttle APPLICATION DAY limit for calls to this resource is reached.";
        Self::new(429, 101, "TOO_MANY_REQUESTS", words)
    }

    fn expired() -> Self {
        Self::new(401, 65602, "EXPIRED_ACCESS_TOKEN", "The token used in the request has expired")
    }
}

impl Dialect for Linkedin {
    fn name(&self) -> &'static str {
        Network::Linkedin.name()
    }

    fn token_prefixes(&self) -> [&'static str; 3] {
        ["AQVsim", "AQXsim", "AQYsim"]
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        if let Some(answer) = access::answer(call) {
            return answer;
        }
        respond(call).map_or_else(|fault| refused(call, &fault), |body| Answer::json(200, body))
    }

    fn refuse(&self, call: &Call<'_>, refusal: Refusal) -> Answer {
        let fault = match refusal {
            Refusal::RateLimit => Fault::new(
                429,
                101,
                "TOO_MANY_REQUESTS",
                "Resource level throttle limit is reached, slow down.",
            ),
            Refusal::QuotaExhausted | Refusal::CreditsDepleted => Fault::spent(),
            Refusal::TokenExpired => Fault::expired(),
            Refusal::Forbidden => Fault::denied("Not enough permissions to access: this resource"),
            Refusal::Trouble(status) => {
                Fault::new(status, 0, "INTERNAL_SERVER_ERROR", "Internal Server Error")
            }
        };
        refused(call, &fault)
    }
}

fn refused(call: &Call<'_>, fault: &Fault) -> Answer {
    let body = call.json().object(|root| {
        root.int("status", i64::from(fault.status));
        if fault.service != 0 {
            root.int("serviceErrorCode", fault.service);
        }
        root.text("code", fault.code);
        root.text("message", &fault.words);
    });
    Answer::json(fault.status, body)
}

/// What is asked: the path's parts and the query, wherever it stood.
struct Asked<'a, 'w> {
    call: &'a Call<'w>,
    own: &'a Profile,
    params: Params,
}

impl Asked<'_, '_> {
    fn text(&self, key: &str) -> Option<&str> {
        self.params.get(key).and_then(Value::text)
    }

    fn number(&self, key: &str, default: usize) -> Result<usize, Fault> {
        self.text(key).map_or(Ok(default), |text| {
            text.parse().map_err(|_| Fault::bad(format!("Invalid value for parameter {key}")))
        })
    }

    /// Whether the organization in a parameter is the one that the caller administers.
    fn organization(&self, key: &str) -> Result<(), Fault> {
        let urn = self.text(key).ok_or_else(|| Fault::bad(format!("Parameter {key} is required")))?;
        self.own_organization(urn)
    }

    fn own_organization(&self, urn: &str) -> Result<(), Fault> {
        if urn == urn_of(self.own) {
            return Ok(());
        }
        let id = urn.strip_prefix("urn:li:organization:").unwrap_or_default();
        if self.call.world.find_platform_id(Network::Linkedin, id).is_some() {
            return Err(Fault::denied(format!("Member is not an administrator of {urn}")));
        }
        Err(Fault::bad(format!("Invalid organization {urn}")))
    }

    /// The times of an interval and its grain, where one is asked for.
    fn intervals(&self) -> Result<Option<Intervals>, Fault> {
        let Some(value) = self.params.get("timeIntervals") else { return Ok(None) };
        let bad = || Fault::bad("Invalid timeIntervals parameter");
        let range = value.field("timeRange").ok_or_else(bad)?;
        let grain = value.field("timeGranularityType").and_then(Value::text).ok_or_else(bad)?;
        Intervals::of(self.call, range, grain, 365).map(Some)
    }
}

/// Whole UTC days, cut into pieces.
struct Intervals {
    pieces: Vec<(Date, Date)>,
}

impl Intervals {
    /// Days may reach back so far, and end two days ago at the latest.
    fn of(call: &Call<'_>, range: &Value, grain: &str, back: i32) -> Result<Self, Fault> {
        let bad = || Fault::bad("Invalid timeIntervals parameter");
        let millis = |key: &str| -> Result<Option<i64>, Fault> {
            let text = range.field(key).and_then(Value::text);
            text.map(|text| text.parse::<i64>().map_err(|_| bad())).transpose()
        };
        let today = TimeZone::UTC.to_datetime(call.now).date();
        let day = |millis: i64| {
            Timestamp::from_second(millis.div_euclid(1000).div_euclid(DAY) * DAY)
                .map(|at| Offset::UTC.to_datetime(at).date())
                .map_err(|_| bad())
        };
        let start = day(millis("start")?.ok_or_else(bad)?)?;
        let newest_end = add_days(today, -1);
        let end = millis("end")?.map(day).transpose()?.unwrap_or(newest_end);
        if start < add_days(today, -back) || end > newest_end || end < start {
            return Err(bad());
        }
        let mut pieces = Vec::new();
        let mut from = start;
        while from < end {
            let to = match grain {
                "DAY" => add_days(from, 1),
                "WEEK" => add_days(from, 7),
                "MONTH" => from.first_of_month().checked_add(1.month()).map_err(|_| bad())?,
                _ => return Err(bad()),
            };
            pieces.push((from, to.min(end)));
            from = to;
        }
        Ok(Self { pieces })
    }
}

fn millis(date: Date) -> i64 {
    date.to_zoned(TimeZone::UTC).map_or(0, |at| at.timestamp().as_millisecond())
}

fn write_range(o: &mut Object<'_>, (from, to): (Date, Date)) {
    o.object("timeRange", |range| {
        range.int("start", millis(from));
        range.int("end", millis(to));
    });
}

fn urn_of(profile: &Profile) -> String {
    format!("urn:li:organization:{}", profile.platform_id)
}

/// `paging` as it stands before elements.
fn write_paging(root: &mut Object<'_>, start: usize, count: usize, next: Option<String>) {
    root.object("paging", |paging| {
        paging.int("start", start as i64);
        paging.int("count", count as i64);
        paging.array("links", |links| {
            if let Some(href) = next {
                links.object(|link| {
                    link.text("type", "application/json");
                    link.text("rel", "next");
                    link.text("href", &href);
                });
            }
        });
    });
}

/// The method and query of a call, which long queries hide in the body of a `POST`.
fn tunnelled<'a>(call: &'a Call<'_>) -> (&'a str, std::borrow::Cow<'a, str>) {
    match call.header("x-http-method-override") {
        Some(method) if call.method == "POST" => (method, String::from_utf8_lossy(&call.body)),
        _ => (call.method.as_str(), call.raw_query.as_str().into()),
    }
}

fn respond(call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let own = access::owner(call)?;
    let rest = call.path.strip_prefix("/rest/");
    if rest.is_some() {
        check_headers(call)?;
    }
    let (method, query) = tunnelled(call);
    if method != "GET" {
        return Err(Fault::new(405, 0, "METHOD_NOT_ALLOWED", "Only reading is offered here"));
    }
    if query.len() > 6000 && call.method == "GET" {
        return Err(Fault::new(414, 0, "URI_TOO_LONG", "Request URI is too long"));
    }
    let path = rest.or(call.path.strip_prefix("/v2/")).unwrap_or_default();
    let (resource, key) = path.split_once('/').map_or((path, None), |(resource, key)| (resource, Some(key)));
    take(call, own, resource)?;
    let params = restli::parse(&query).map_err(Fault::bad)?;
    let key = key.map(restli::key).transpose().map_err(Fault::bad)?;
    let asked = Asked { call, own, params };
    match (resource, key.as_deref()) {
        ("organizationAcls", None) => organization::acls(&asked),
        ("networkSizes", Some(urn)) => organization::network_size(&asked, urn),
        ("organizationalEntityFollowerStatistics", None) => organization::followers(&asked),
        ("organizationPageStatistics", None) => organization::pages(&asked),
        ("organizationalEntityShareStatistics", None) => posts::statistics(&asked),
        ("posts", None) => posts::list(&asked),
        ("socialMetadata", key) => posts::social(&asked, key),
        ("videoAnalytics", None) => posts::video(&asked),
        ("memberFollowersCount", None) => members::followers(&asked),
        ("memberCreatorPostAnalytics", None) => members::posts(&asked),
        ("memberCreatorVideoAnalytics", None) => members::videos(&asked),
        ("seniorities" | "functions" | "geo" | "industryTaxonomyVersions", _) if rest.is_none() => {
            organization::names(&asked, resource)
        }
        _ => Err(Fault::new(404, 0, "RESOURCE_NOT_FOUND", format!("No virtual resource found for {path}"))),
    }
}

fn check_headers(call: &Call<'_>) -> Result<(), Fault> {
    if call.header("x-restli-protocol-version") != Some("2.0.0") {
        return Err(Fault::bad("X-Restli-Protocol-Version 2.0.0 is required"));
    }
    let version = call.header("linkedin-version").unwrap_or_default();
    let months = |year: i32, month: i32| year * 12 + month;
    let today = TimeZone::UTC.to_datetime(call.now).date();
    let present = months(i32::from(today.year()), i32::from(today.month()));
    let newest = present.max(months(VERSION.0, VERSION.1));
    let asked =
        version.get(..4).and_then(|y| y.parse().ok()).zip(version.get(4..).and_then(|m| m.parse().ok()));
    let alive = asked.is_some_and(|(year, month)| {
        version.len() == 6 && (present - VERSION_MONTHS..=newest).contains(&months(year, month))
    });
    if alive {
        return Ok(());
    }
    let words = format!("Requested version {version} is not active");
    Err(Fault::new(426, 0, "NONEXISTENT_VERSION", words))
}

/// Calls a day of a member to one resource; no header tells them.
fn take(call: &Call<'_>, own: &Profile, resource: &str) -> Result<(), Fault> {
    const RESOURCES: [&str; 10] = [
        "networkSizes",
        "organizationalEntityFollowerStatistics",
        "organizationPageStatistics",
        "organizationalEntityShareStatistics",
        "posts",
        "socialMetadata",
        "videoAnalytics",
        "memberFollowersCount",
        "memberCreatorPostAnalytics",
        "memberCreatorVideoAnalytics",
    ];
    let development = call.desk.config.linkedin.development;
    let (pool, calls) = if development {
        ("member", 100)
    } else {
        (RESOURCES.into_iter().find(|known| *known == resource).unwrap_or("other"), 20_000)
    };
    let limit = Limit { pool, calls, window: DAY, shift: 0 };
    let standing = call.desk.ledger.take(limit, u64::from(own.key.0), call.clock);
    if standing.exceeded && call.desk.config.enforce_limits {
        call.desk.ledger.count_throttled();
        return Err(Fault::spent());
    }
    Ok(())
}
