//! What the headers of an answer tell of limits: when to come back, how much is left, how much is used.

use std::{collections::HashMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use kepi_core::Response;
use serde::Deserialize;

use crate::clock::after;

/// What an answer's headers told.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Heard {
    /// The platform's own number of the request.
    pub(crate) request_id: Option<String>,
    /// When `Retry-After` allows the next call.
    pub(crate) retry_at: Option<Timestamp>,
    /// What is left of an allowance.
    pub(crate) window: Option<Left>,
    /// How much of an allowance is used.
    pub(crate) usage: Option<Usage>,
    /// How much of the application's allowance is used, whoever's credential asked.
    pub(crate) app_usage: Option<Usage>,
}

/// What is left of an allowance until it is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) limit: Option<u32>,
    pub(crate) remaining: u32,
    pub(crate) reset_at: Timestamp,
}

/// How much of an allowance is used, in percent, and when calls are possible again if none are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) percent: u32,
    pub(crate) regain_at: Option<Timestamp>,
}

const REQUEST_IDS: &[&str] = &[
    "x-transaction-id",
    "x-request-id",
    "request-id",
    "x-fb-trace-id",
    "x-li-uuid",
    "x-tt-logid",
    "x-goog-request-id",
];

/// Larger differences between our clock and theirs are not believed to be a clock that is off.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(10);

impl Heard {
    /// Reads the headers; nothing lies further in the future than `cap`.
    pub(crate) fn from(response: &Response, cap: Duration) -> Self {
        let now = response.received_at;
        let latest = after(now, cap);
        let skew = skew(response);
        let clamp = |at: Timestamp| at.clamp(now, latest);
        let shift = |at: Timestamp| clamp(at.checked_add(skew).unwrap_or(at));
        let told = |usage: UsageTold| Usage {
            regain_at: usage.regain_in.map(|wait| clamp(after(now, wait))),
            percent: usage.percent,
        };
        Self {
            request_id: REQUEST_IDS.iter().find_map(|name| response.header(name)).map(one_line),
            retry_at: retry_after(response, now, shift).map(clamp),
            window: window(response, now, shift).map(|left| Left { reset_at: clamp(left.reset_at), ..left }),
            usage: usage(response).map(told),
            app_usage: app_usage(response).map(told),
        }
    }
}

/// How far their clock is behind ours.
fn skew(response: &Response) -> SignedDuration {
    response
        .header("date")
        .and_then(http_date)
        .map(|theirs| response.received_at.duration_since(theirs))
        .filter(|skew| skew.abs() <= MAX_SKEW && skew.abs() >= SignedDuration::from_secs(2))
        .unwrap_or(SignedDuration::ZERO)
}

fn http_date(text: &str) -> Option<Timestamp> {
    httpdate::parse_http_date(text).ok().and_then(|time| Timestamp::try_from(time).ok())
}

fn retry_after(
    response: &Response,
    now: Timestamp,
    shift: impl Fn(Timestamp) -> Timestamp,
) -> Option<Timestamp> {
    let text = response.header("retry-after")?.trim();
    match text.parse::<f64>() {
        Ok(seconds) => Some(after(now, duration(seconds)?)),
        Err(_) => http_date(text).map(shift),
    }
}

fn duration(seconds: f64) -> Option<Duration> {
    if seconds.is_nan() {
        return None;
    }
    Some(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

fn window(response: &Response, now: Timestamp, shift: impl Fn(Timestamp) -> Timestamp) -> Option<Left> {
    const FAMILIES: &[[&str; 3]] = &[
        ["x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset"],
        ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"],
        ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
    ];
    let told = FAMILIES.iter().find_map(|[limit, remaining, reset]| {
        let number = |name: &str| response.header(name).and_then(leading_number);
        Some((number(limit), number(remaining)?, number(reset)?))
    });
    let (limit, remaining, reset) = told.or_else(|| combined(response.header("ratelimit")?))?;
    Some(Left {
        limit: limit.map(saturate),
        remaining: saturate(remaining),
        reset_at: instant(reset, now, shift)?,
    })
}

/// `RateLimit: "default";r=50;t=30` and its older form `limit=100, remaining=50, reset=30`.
fn combined(text: &str) -> Option<(Option<u64>, u64, u64)> {
    let fields: HashMap<&str, &str> =
        text.split([';', ',']).filter_map(|part| part.trim().split_once('=')).collect();
    let number = |names: [&str; 2]| names.iter().find_map(|name| leading_number(fields.get(name)?));
    Some((number(["q", "limit"]), number(["r", "remaining"])?, number(["t", "reset"])?))
}

fn leading_number(text: &str) -> Option<u64> {
    let digits: String = text.trim().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn saturate(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A reset is told as an instant in seconds or milliseconds, or as seconds from now.
fn instant(reset: u64, now: Timestamp, shift: impl Fn(Timestamp) -> Timestamp) -> Option<Timestamp> {
    let reset = i64::try_from(reset).ok()?;
    match reset {
        1_000_000_000_000.. => Timestamp::from_millisecond(reset).ok().map(shift),
        1_000_000_000.. => Timestamp::from_second(reset).ok().map(shift),
        seconds => Some(after(now, Duration::from_secs(seconds.unsigned_abs()))),
    }
}

struct UsageTold {
    percent: u32,
    regain_in: Option<Duration>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct UsageRow {
    call_count: f64,
    total_cputime: f64,
    total_time: f64,
    estimated_time_to_regain_access: f64,
}

fn app_usage(response: &Response) -> Option<UsageTold> {
    let row: UsageRow = serde_json::from_str(response.header("x-app-usage")?).ok()?;
    Some(told(&row))
}

fn usage(response: &Response) -> Option<UsageTold> {
    let text = response.header("x-business-use-case-usage")?;
    let rows: HashMap<String, Vec<UsageRow>> = serde_json::from_str(text).ok()?;
    rows.values().flatten().map(told).max_by_key(|told| (told.regain_in, told.percent))
}

fn told(row: &UsageRow) -> UsageTold {
    let percent = row.call_count.max(row.total_cputime).max(row.total_time);
    let minutes = row.estimated_time_to_regain_access;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, NaN is zero"
    )]
    let percent = percent as u32;
    UsageTold { percent, regain_in: (minutes > 0.0).then(|| duration(minutes * 60.0)).flatten() }
}

fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-10-05T12:00:00Z";

    fn heard(headers: &[(&str, &str)]) -> Heard {
        let response = Response {
            status: 200,
            headers: headers.iter().map(|(key, value)| ((*key).into(), (*value).to_owned())).collect(),
            body: Vec::new(),
            received_at: NOW.parse().unwrap(),
        };
        Heard::from(&response, Duration::from_secs(86_400))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn retry_after_in_seconds_and_as_a_date() {
        let check = |value: &str, expected: Option<&str>| {
            assert_eq!(heard(&[("retry-after", value)]).retry_at, expected.map(at), "{value}");
        };
        check("120", Some("2026-10-05T12:02:00Z"));
        check("0.5", Some("2026-10-05T12:00:00.5Z"));
        check("Mon, 05 Oct 2026 12:00:30 GMT", Some("2026-10-05T12:00:30Z"));
        check("Mon, 05 Oct 2026 11:00:00 GMT", Some(NOW));
        check("-3", Some(NOW));
        check("999999999999999999999", Some("2026-10-06T12:00:00Z"));
        check("inf", Some("2026-10-06T12:00:00Z"));
        check("NaN", None);
        check("soon", None);
    }

    #[test]
    fn the_other_sides_clock_may_be_off_by_minutes() {
        let check = |date: &str, expected: &str| {
            let reset = at("2026-10-05T12:01:00Z").as_second().to_string();
            let left =
                heard(&[("date", date), ("x-rate-limit-remaining", "3"), ("x-rate-limit-reset", &reset)]);
            assert_eq!(left.window.map(|left| left.reset_at), Some(at(expected)), "{date}");
        };
        check("Mon, 05 Oct 2026 12:00:00 GMT", "2026-10-05T12:01:00Z");
        check("Mon, 05 Oct 2026 11:58:00 GMT", "2026-10-05T12:03:00Z");
        check("Mon, 05 Oct 2026 12:00:30 GMT", "2026-10-05T12:00:30Z");
        check("Thu, 01 Jan 2026 00:00:00 GMT", "2026-10-05T12:01:00Z");
    }

    #[test]
    fn windows_in_all_spellings() {
        let check = |headers: &[(&str, &str)], expected: Option<(Option<u32>, u32, &str)>| {
            let expected =
                expected.map(|(limit, remaining, reset)| Left { limit, remaining, reset_at: at(reset) });
            assert_eq!(heard(headers).window, expected, "{headers:?}");
        };
        let reset = at("2026-10-05T12:15:00Z");
        let (seconds, millis) = (reset.as_second().to_string(), reset.as_millisecond().to_string());
        let whole = Some((Some(900), 7, "2026-10-05T12:15:00Z"));
        let x = |reset| {
            [("x-rate-limit-limit", "900"), ("x-rate-limit-remaining", "7"), ("x-rate-limit-reset", reset)]
        };
        check(&x(&seconds), whole);
        check(&x(&millis), whole);
        check(&x("900"), whole);
        check(&[("ratelimit-remaining", "7"), ("ratelimit-reset", "900")], Some((None, 7, NOW_15)));
        check(&[("ratelimit", "\"day\";r=7;t=900")], Some((None, 7, NOW_15)));
        check(&[("ratelimit", "limit=900, remaining=7, reset=900")], whole);
        check(&[("x-rate-limit-remaining", "7")], None);
        check(&[("x-rate-limit-remaining", "many"), ("x-rate-limit-reset", "1")], None);
    }

    const NOW_15: &str = "2026-10-05T12:15:00Z";

    #[test]
    fn usage_in_percent() {
        let check = |headers: &[(&str, &str)], app: Option<u32>, own: Option<(u32, Option<&str>)>| {
            let heard = heard(headers);
            let own = own.map(|(percent, regain)| Usage { percent, regain_at: regain.map(at) });
            let app = app.map(|percent| Usage { percent, regain_at: None });
            assert_eq!((heard.app_usage, heard.usage), (app, own), "{headers:?}");
        };
        let app = r#"{"call_count":12,"total_cputime":81,"total_time":6}"#;
        check(&[("x-app-usage", app)], Some(81), None);
        let business = r#"{"1784":[{"type":"instagram","call_count":100,"total_cputime":25,"total_time":25,
            "estimated_time_to_regain_access":15,"ads_api_access_tier":"x"}]}"#;
        check(&[("x-business-use-case-usage", business)], None, Some((100, Some(NOW_15))));
        let both = [("x-app-usage", app), ("x-business-use-case-usage", business)];
        check(&both, Some(81), Some((100, Some(NOW_15))));
        check(&[("x-app-usage", "garbled")], None, None);
    }
}
