//! What Google Analytics and Google Business Profile offer, as tables: endpoints, windows, limits, tokens, and
//! which field is which metric.

use std::sync::{Mutex, PoisonError};

use kepi_core::{
    Descriptor, Endpoint, Field, Placement, Quota, Shape, SubjectKind, TokenFlow, TokenKind, Traffic,
    WindowKind,
    credential::Refresh,
    descriptor::{Lag, Reset, Scope},
};

use crate::config::{Report, WebConfig};

/// The names of the endpoints, which are the names of their streams.
pub(crate) const TRAFFIC: &str = "traffic";
pub(crate) const VISITORS: &str = "visitors";
pub(crate) const CAMPAIGNS: &str = "campaigns";
pub(crate) const CONTENTS: &str = "contents";
pub(crate) const LANDING_PAGES: &str = "landing_pages";
pub(crate) const COUNTRIES: &str = "countries";
pub(crate) const DEVICES: &str = "devices";
pub(crate) const REVIEWS: &str = "reviews";

/// The kinds of token.
pub(crate) const ANALYTICS: &str = "analytics";
pub(crate) const BUSINESS: &str = "business";

/// The scopes.
pub(crate) const ANALYTICS_SCOPE: &str = "https://www.googleapis.com/auth/analytics.readonly";
pub(crate) const BUSINESS_SCOPE: &str = "https://www.googleapis.com/auth/business.manage";

/// The zone in which Google's allowance of a day is full again.
pub(crate) const PACIFIC: &str = "America/Los_Angeles";

/// Rows of one page of a report. Google takes up to 250,000; its older pages said 100,000.
pub(crate) const ROWS: u16 = 25_000;

/// Days of one call.
const DAYS: u16 = 92;

/// Reviews of a page: the most that Google gives, and as few as tell rating and number.
pub(crate) const REVIEWS_PAGE: u16 = 50;
pub(crate) const ONE_REVIEW: u16 = 1;

/// Reviews are counted by day for so many days, as far as the page reaches.
pub(crate) const REVIEW_DAYS: u16 = 28;

/// The version of the rules by which sources are social platforms; others are the settings' own.
pub(crate) const SOURCE_RULES: &str = "source_rules_1";
pub(crate) const OWN_SOURCE_RULES: &str = "own_source_rules";

/// What a report of Google Analytics is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query {
    /// The endpoint.
    pub(crate) endpoint: &'static str,
    /// The setting that asks for it; `None` for always.
    pub(crate) report: Option<Report>,
    /// Google's dimensions; the first is the day.
    pub(crate) dimensions: &'static [&'static str],
    /// Google's metrics, in the order of the fields' pointers.
    pub(crate) metrics: &'static [&'static str],
}

/// The reports.
pub(crate) static QUERIES: [Query; 7] = [
    Query {
        endpoint: TRAFFIC,
        report: None,
        dimensions: &["date", "sessionDefaultChannelGroup", "sessionSource", "sessionMedium"],
        metrics: &VISITS,
    },
    Query {
        endpoint: VISITORS,
        report: Some(Report::Visitors),
        dimensions: &["date"],
        metrics: &["totalUsers"],
    },
    split(CAMPAIGNS, Report::Campaigns, &["date", "sessionCampaignName"]),
    split(CONTENTS, Report::Contents, &["date", "sessionCampaignName", "sessionManualAdContent"]),
    split(LANDING_PAGES, Report::LandingPages, &["date", "landingPage"]),
    split(COUNTRIES, Report::Countries, &["date", "country"]),
    split(DEVICES, Report::Devices, &["date", "deviceCategory"]),
];

/// Visits by one thing, with their visitors.
const fn split(endpoint: &'static str, report: Report, dimensions: &'static [&'static str]) -> Query {
    Query { endpoint, report: Some(report), dimensions, metrics: &VISITS_AND_VISITORS }
}

const VISITS: [&str; 6] =
    ["sessions", "engagedSessions", "averageSessionDuration", "screenPageViews", "keyEvents", "totalRevenue"];
const VISITS_AND_VISITORS: [&str; 7] = [
    "sessions",
    "engagedSessions",
    "averageSessionDuration",
    "screenPageViews",
    "keyEvents",
    "totalRevenue",
    "totalUsers",
];

/// The report of an endpoint, where it is one.
pub(crate) fn query(endpoint: &str) -> Option<&'static Query> {
    QUERIES.iter().find(|query| query.endpoint == endpoint)
}

/// What is offered under these settings.
pub(crate) fn descriptor(config: &WebConfig) -> Descriptor {
    Descriptor {
        platform: "web",
        title: "Websites and reviews, by Google",
        day_zone: None,
        traffic_order: &[Traffic::Total, Traffic::Organic, Traffic::Paid],
        tokens: &TOKENS,
        settings_schema: || schemars::schema_for!(WebConfig).to_value(),
        endpoints: made_once(config),
        check_calls: 2,
        known_gaps: &KNOWN_GAPS,
    }
}

/// What of the tables depends on settings.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Choice {
    analytics_360: bool,
    lookback_days: u16,
    own_rules: bool,
    reviews_by_day: bool,
}

/// Tables live as long as the process, so that each choice of settings makes them once.
fn made_once(config: &WebConfig) -> &'static [Endpoint] {
    static MADE: Mutex<Vec<(Choice, &'static [Endpoint])>> = Mutex::new(Vec::new());
    let choice = Choice {
        analytics_360: config.analytics_360,
        lookback_days: config.lookback_days,
        own_rules: !config.social_sources.is_empty(),
        reviews_by_day: config.reviews_by_day,
    };
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = made.iter().find(|(known, _)| *known == choice) {
        return known;
    }
    let tables: &'static [Endpoint] =
        ENDPOINTS.map(|endpoint| endpoint_under(choice, endpoint)).to_vec().leak();
    made.push((choice, tables));
    tables
}

fn endpoint_under(choice: Choice, endpoint: Endpoint) -> Endpoint {
    match endpoint.name {
        REVIEWS if choice.reviews_by_day => {
            Endpoint { page_size: REVIEWS_PAGE, fields: &REVIEWS_BY_DAY, ..endpoint }
        }
        REVIEWS => endpoint,
        name => Endpoint {
            lookback_days: choice.lookback_days,
            quotas: if choice.analytics_360 { &TOKENS_360 } else { &TOKENS_STANDARD },
            fields: if name == TRAFFIC && choice.own_rules { &TRAFFIC_BY_OWN_RULES } else { endpoint.fields },
            ..endpoint
        },
    }
}

static TOKENS: [TokenKind; 2] = [
    TokenKind {
        name: ANALYTICS,
        title: "the consent of a person who may see the property",
        placement: Placement::Bearer,
        flow: CONSENT,
        service_account: true,
        lifetime_secs: Some(3_600),
        scopes: &[ANALYTICS_SCOPE],
    },
    TokenKind {
        name: BUSINESS,
        title: "the consent of a person who manages the place",
        placement: Placement::Bearer,
        flow: CONSENT,
        service_account: true,
        lifetime_secs: Some(3_600),
        scopes: &[BUSINESS_SCOPE],
    },
];

/// Google gives a refresh token only where access is asked for without the person, and only with a consent.
const CONSENT: TokenFlow = TokenFlow::AuthorizationCode {
    authorize_url: "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent",
    pkce: true,
    refresh: Refresh::Reusable,
};

/// A report costs fewer than ten tokens as a rule; a property has so many of them a day, and of one project an
/// hour.
static TOKENS_STANDARD: [Quota; 2] = reports_of(200_000, 14_000);
static TOKENS_360: [Quota; 2] = reports_of(2_000_000, 140_000);

const fn reports_of(tokens_a_day: u32, tokens_an_hour: u32) -> [Quota; 2] {
    const COST: u32 = 10;
    [
        Quota {
            pool: "analytics:day",
            requests: tokens_a_day / COST,
            interval_secs: 86_400,
            scope: Scope::Account,
            reset: Reset::Midnight(PACIFIC),
        },
        Quota {
            pool: "analytics:hour",
            requests: tokens_an_hour / COST,
            interval_secs: 3_600,
            scope: Scope::Account,
            reset: Reset::Rolling,
        },
    ]
}

static KNOWN_GAPS: [&str; 11] = [
    "what a website does not measure is not here: visitors who refuse to be measured have no sessions",
    "visits are not known by post, unless its link bears a campaign or content (utm_campaign, utm_content)",
    "a source or channel that sent nobody on a day has no row and no number, which is not told apart from zero",
    "a day without any visit has no row either",
    "whether a visit was paid for is Google's default channel alone; what it cost is in the advertising platforms",
    "where Google withholds rows of few people, sums are told as \"at least\" (capped); sampled ones as estimated",
    "new visitors, bounce rate and the counts of other events are not read; bounces are 1 - engaged_sessions / sessions",
    "the mean rating is rounded by Google, so the sum of the scores is estimated from it",
    "rating and number of reviews have no history before the first reading",
    "reviews by day are counted from the newest fifty changes alone, since later pages are known to lose reviews",
    "words and names of reviewers are not read; views, calls and requests for the way to a place are not either",
];

const ENDPOINTS: [Endpoint; 8] = [
    Endpoint {
        fields: &TRAFFIC_FIELDS,
        ..report(TRAFFIC, "visits by day: all, by channel, by social platform, by source", None)
    },
    Endpoint {
        fields: &[account("session_users", "/metricValues/0/value", WindowKind::Day)],
        ..report(VISITORS, "visitors of a day, each once", Some("reports = [\"visitors\"] in [platform.web]"))
    },
    Endpoint {
        fields: &CAMPAIGN_FIELDS,
        ..report(
            CAMPAIGNS,
            "visits and visitors by campaign",
            Some("reports = [\"campaigns\"] in [platform.web]"),
        )
    },
    Endpoint {
        fields: &CONTENT_FIELDS,
        ..report(
            CONTENTS,
            "visits and visitors by campaign and content",
            Some("reports = [\"contents\"] in [platform.web]"),
        )
    },
    Endpoint {
        fields: &LANDING_PAGE_FIELDS,
        ..report(
            LANDING_PAGES,
            "visits and visitors by the page they began on",
            Some("reports = [\"landing_pages\"] in [platform.web]"),
        )
    },
    Endpoint {
        fields: &COUNTRY_FIELDS,
        ..report(
            COUNTRIES,
            "visits and visitors by country",
            Some("reports = [\"countries\"] in [platform.web]"),
        )
    },
    Endpoint {
        fields: &DEVICE_FIELDS,
        ..report(
            DEVICES,
            "visits and visitors by kind of device",
            Some("reports = [\"devices\"] in [platform.web]"),
        )
    },
    Endpoint {
        source: "https://developers.google.com/my-business/reference/rest/v4/accounts.locations.reviews/list",
        page_size: ONE_REVIEW,
        token: Some(BUSINESS),
        capability: Some("access to the Business Profile APIs, which Google grants on request"),
        personal: true,
        fields: &REVIEW_TOTALS,
        ..Endpoint::new(REVIEWS, "rating and number of reviews of a place", Shape::Snapshot)
    },
];

const fn report(name: &'static str, title: &'static str, capability: Option<&'static str>) -> Endpoint {
    Endpoint {
        source: "https://developers.google.com/analytics/devguides/reporting/data/v1/rest/v1beta/properties/runReport",
        page_size: ROWS,
        lag: Lag { days: 1, hour: 0, zone: "" },
        token: Some(ANALYTICS),
        capability,
        ..Endpoint::new(name, title, Shape::Windows { max_days: DAYS })
    }
}

const fn account(metric: &'static str, pointer: &'static str, window: WindowKind) -> Field {
    Field::new(metric, pointer, SubjectKind::Account, window, Traffic::Total)
}

/// The numbers of visits of a day.
const fn visits(subject: SubjectKind, traffic: Traffic, segment: &'static str) -> [Field; 6] {
    const fn of(
        metric: &'static str,
        pointer: &'static str,
        (subject, traffic): (SubjectKind, Traffic),
        segment: &'static str,
    ) -> Field {
        Field::new(metric, pointer, subject, WindowKind::Day, traffic).segment(segment)
    }
    let said = (subject, traffic);
    [
        of("sessions", "/metricValues/0/value", said, segment),
        of("engaged_sessions", "/metricValues/1/value", said, segment),
        of("session_duration_s", "", said, segment).real(0).note("`averageSessionDuration` times `sessions`"),
        of("pageviews", "/metricValues/3/value", said, segment),
        of("conversions", "/metricValues/4/value", said, segment).note("key events"),
        of("revenue", "/metricValues/5/value", said, segment).real(0).note("the property's currency"),
    ]
}

/// The same with the visitors.
const fn visits_and_visitors(subject: SubjectKind, segment: &'static str) -> [Field; 7] {
    let [a, b, c, d, e, f] = visits(subject, Traffic::Total, segment);
    let users =
        Field::new("session_users", "/metricValues/6/value", subject, WindowKind::Day, Traffic::Total);
    [a, b, c, d, e, f, users.segment(segment)]
}

/// Visits from social platforms, under a version of the rules that say which those are.
const fn social(traffic: Traffic, rules: &'static str) -> [Field; 6] {
    let mut fields = visits(SubjectKind::Account, traffic, SOCIAL_PLATFORM);
    let mut i = 0;
    while i < fields.len() {
        fields[i] = fields[i].definition(rules);
        i += 1;
    }
    fields
}

/// The dimensions of the segments that visits are summed up by.
pub(crate) const CHANNEL: &str = "channel";
pub(crate) const SOCIAL_PLATFORM: &str = "social";
pub(crate) const SOURCE_MEDIUM: &str = "source_medium";

const fn traffic_fields(rules: &'static str) -> [Field; 36] {
    Field::table(&[
        &visits(SubjectKind::Account, Traffic::Total, ""),
        &visits(SubjectKind::Account, Traffic::Total, CHANNEL),
        &social(Traffic::Total, rules),
        &social(Traffic::Organic, rules),
        &social(Traffic::Paid, rules),
        &visits(SubjectKind::Account, Traffic::Total, SOURCE_MEDIUM),
    ])
}

static TRAFFIC_FIELDS: [Field; 36] = traffic_fields(SOURCE_RULES);
static TRAFFIC_BY_OWN_RULES: [Field; 36] = traffic_fields(OWN_SOURCE_RULES);
static CAMPAIGN_FIELDS: [Field; 7] = visits_and_visitors(SubjectKind::Campaign, "");
static CONTENT_FIELDS: [Field; 7] = visits_and_visitors(SubjectKind::Campaign, "content");
static LANDING_PAGE_FIELDS: [Field; 7] = visits_and_visitors(SubjectKind::Account, "landing_page");
static COUNTRY_FIELDS: [Field; 7] = visits_and_visitors(SubjectKind::Account, "country");
static DEVICE_FIELDS: [Field; 7] = visits_and_visitors(SubjectKind::Account, "device");

const TOTALS: [Field; 3] = [
    account("ratings_total", "/totalReviewCount", WindowKind::At),
    account("rating_count", "/totalReviewCount", WindowKind::At)
        .note("so far; what is new is the difference"),
    account("rating_points_total", "", WindowKind::At)
        .real(0)
        .note("`averageRating` times `totalReviewCount`"),
];
static REVIEW_TOTALS: [Field; 3] = TOTALS;
static REVIEWS_BY_DAY: [Field; 7] = Field::table(&[
    &TOTALS,
    &[
        account("rating_count", "", WindowKind::Day).note("reviews by `createTime`"),
        account("rating_sum", "", WindowKind::Day).real(0).note("`starRating` of the reviews, added up"),
        account("rating_count", "", WindowKind::Day).segment("stars").note("reviews by `starRating`"),
        account("rating_count", "", WindowKind::Day)
            .segment("answered")
            .note("reviews with `reviewReply`, or without"),
    ],
]);
