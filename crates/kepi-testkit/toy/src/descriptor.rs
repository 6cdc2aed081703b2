//! What the toy offers.

use kepi_core::{
    Cost, Descriptor, Endpoint, Field, Placement, Quota, Shape, SubjectKind, TokenFlow, TokenKind, Traffic,
    WindowKind,
    credential::Refresh,
    descriptor::{Earliest, Lag, Reset, Scope},
};

use super::{Breakage, config};

pub(crate) const PAGE_SIZE: u16 = 50;
pub(crate) const PAGE_CAP: u32 = 200;
pub(crate) const LOOKBACK: u16 = 3;
pub(crate) const KEPT_DAYS: u16 = 90;
pub(crate) const SPANS: [u16; 2] = [7, 30];

const fn of_post(metric: &'static str, pointer: &'static str) -> Field {
    Field::new(metric, pointer, SubjectKind::Post, WindowKind::At, Traffic::Total)
}

const fn of_account(metric: &'static str, pointer: &'static str, window: WindowKind) -> Field {
    Field::new(metric, pointer, SubjectKind::Account, window, Traffic::Total)
}

pub(crate) const PROFILE: &[Field] = &[of_account("followers_total", "/followers", WindowKind::At)];
pub(crate) const FEED: &[Field] = &[
    of_post("impressions", "/stats/views"),
    of_post("likes", "/stats/likes"),
    of_post("avg_view_duration_s", "/stats/average_watch_ms").real(-3),
    of_post("watch_time_s", "/stats/watched_minutes").times(60),
    Field { traffic: Traffic::Organic, ..of_post("impressions", "/organic/views") },
];
pub(crate) const NUMBERS: &[Field] = &[of_post("impressions", "/stats/views")];
pub(crate) const DAILY: &[Field] = &[
    of_account("follows_gained", "/gained", WindowKind::Day),
    of_account("reach", "/reach", WindowKind::Day),
];

/// What the toy tells of an endpoint, wrong where it is asked to be.
pub(crate) fn fields(endpoint: &str, breakage: Option<Breakage>) -> Vec<Field> {
    let mut fields = match endpoint {
        "profile" => PROFILE,
        "feed" => FEED,
        "numbers" => NUMBERS,
        _ => DAILY,
    }
    .to_vec();
    match (endpoint, breakage) {
        ("feed", Some(Breakage::TellsFollowersOfAPost)) => {
            fields.push(of_post("followers_total", "/stats/author_followers"));
        }
        ("daily" | "recent", Some(Breakage::WithdrawsAMetric)) => {
            fields.pop();
        }
        _ => {}
    }
    fields
}

/// What the descriptor says of them.
fn declared(endpoint: &str, breakage: Option<Breakage>) -> &'static [Field] {
    let mut fields = fields(endpoint, breakage);
    match (endpoint, breakage) {
        ("feed", Some(Breakage::PromisesAMetricItNeverTells)) => {
            fields.push(of_post("saves", "/stats/saves"))
        }
        ("numbers", Some(Breakage::PointsNowhere)) => {
            fields = vec![of_post("impressions", "/stats/vues")];
        }
        _ => {}
    }
    Vec::leak(fields)
}

pub(crate) fn descriptor(breakage: Option<Breakage>) -> Descriptor {
    let mut endpoints = vec![
        Endpoint {
            accounts_per_call: 100,
            token: Some("app"),
            fields: declared("profile", breakage),
            ..Endpoint::new("profile", "followers", Shape::Snapshot)
        },
        Endpoint {
            page_size: PAGE_SIZE,
            page_cap: Some(PAGE_CAP),
            token: Some("user"),
            personal: true,
            cost: Cost::PerItem(5_000),
            quotas: &[Quota {
                pool: "feed",
                requests: 900,
                interval_secs: 900,
                scope: Scope::User,
                reset: Reset::Window,
            }],
            fields: declared("feed", breakage),
            ..Endpoint::new("feed", "young posts", Shape::Listing { published_within_days: Some(29) })
        },
        Endpoint {
            token: Some("app"),
            fields: declared("numbers", breakage),
            ..Endpoint::new(
                "numbers",
                "older posts",
                Shape::Batch { max: 100, ages: (29, u16::MAX), refresh: &[(u16::MAX, 7)] },
            )
        },
        Endpoint {
            page_size: 0,
            token: Some("user"),
            earliest: Earliest::DaysBack(KEPT_DAYS),
            lag: Lag { days: 1, hour: 8, zone: "" },
            lookback_days: LOOKBACK,
            fields: declared("daily", breakage),
            ..Endpoint::new("daily", "numbers by day", Shape::Windows { max_days: 7 })
        },
        Endpoint {
            page_size: 0,
            token: Some("user"),
            lag: Lag { days: 1, hour: 8, zone: "" },
            lookback_days: LOOKBACK,
            fields: declared("recent", breakage),
            ..Endpoint::new("recent", "the last days", Shape::Trailing { spans: &SPANS })
        },
    ];
    if breakage == Some(Breakage::NamesTwoEndpointsAlike) {
        endpoints.extend(endpoints.last().cloned());
    }
    Descriptor {
        platform: "toy",
        title: "Toy",
        day_zone: None,
        traffic_order: &[Traffic::Organic, Traffic::Total],
        tokens: &TOKENS,
        settings_schema: config::schema_for(breakage),
        endpoints: Vec::leak(endpoints),
        check_calls: if breakage == Some(Breakage::TriesMoreThanItMay) { 1 } else { 2 },
        known_gaps: &["nobody has ever seen this platform"],
    }
}

static TOKENS: [TokenKind; 2] = [
    TokenKind {
        name: "app",
        title: "the app's own token",
        placement: Placement::Bearer,
        flow: TokenFlow::Client,
        service_account: false,
        lifetime_secs: Some(7_200),
        scopes: &[],
    },
    TokenKind {
        name: "user",
        title: "the author's consent",
        placement: Placement::Query("access_token"),
        flow: TokenFlow::AuthorizationCode {
            authorize_url: "https://toy.example/authorize",
            pkce: true,
            refresh: Refresh::Rotating,
        },
        service_account: false,
        lifetime_secs: Some(7_200),
        scopes: &["toys.read"],
    },
];
