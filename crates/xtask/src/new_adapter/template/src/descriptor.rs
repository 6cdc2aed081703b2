//! What Template offers, as tables: endpoints, limits, tokens, and which field is which metric.

use kepi_core::{
    Descriptor, Endpoint, Field, Placement, Shape, SubjectKind, TokenFlow, TokenKind, Traffic, WindowKind,
    descriptor::Lag, json::FieldGroup,
};

use super::config::TemplateConfig;

/// The names of the endpoints, which are the names of their streams.
pub(crate) const PROFILE: &str = "profile";
pub(crate) const DAYS: &str = "days";
pub(crate) const POSTS: &str = "posts";

/// The kinds of token.
pub(crate) const APP: &str = "app";

/// Posts of a page: the most that Template gives.
pub(crate) const POSTS_PAGE: u16 = 100;

/// What Template offers.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        platform: "template",
        title: "Template",
        day_zone: None,
        traffic_order: &[Traffic::Total],
        tokens: &TOKENS,
        settings_schema: || schemars::schema_for!(TemplateConfig).to_value(),
        endpoints: &ENDPOINTS,
        check_calls: 1,
        known_gaps: &["followers are a snapshot: no history"],
    }
}

static TOKENS: [TokenKind; 1] = [TokenKind {
    name: APP,
    title: "the app's own token",
    placement: Placement::Bearer,
    flow: TokenFlow::Static,
    service_account: false,
    lifetime_secs: None,
    scopes: &[],
}];

static ENDPOINTS: [Endpoint; 3] = [
    Endpoint {
        token: Some(APP),
        accounts_per_call: 100,
        fields: ProfileNumbers::FIELDS,
        ..Endpoint::new(PROFILE, "followers", Shape::Snapshot)
    },
    Endpoint {
        token: Some(APP),
        page_size: 0,
        lag: Lag { days: 1, hour: 0, zone: "" },
        lookback_days: 3,
        fields: DayNumbers::FIELDS,
        ..Endpoint::new(DAYS, "views and likes of a day", Shape::Windows { max_days: 31 })
    },
    Endpoint {
        token: Some(APP),
        page_size: POSTS_PAGE,
        fields: PostNumbers::FIELDS,
        ..Endpoint::new(POSTS, "posts with their numbers", Shape::Listing { published_within_days: None })
    },
];

/// The numbers of a profile.
pub(crate) struct ProfileNumbers;

impl FieldGroup for ProfileNumbers {
    const FIELDS: &'static [Field] = &[Field::new(
        "followers_total",
        "/metrics/followers",
        SubjectKind::Account,
        WindowKind::At,
        Traffic::Total,
    )];
}

const fn day(metric: &'static str, pointer: &'static str) -> Field {
    Field::new(metric, pointer, SubjectKind::Account, WindowKind::Day, Traffic::Total)
}

/// The numbers of a day.
pub(crate) struct DayNumbers;

impl FieldGroup for DayNumbers {
    const FIELDS: &'static [Field] = &[day("views", "/metrics/views"), day("likes", "/metrics/likes")];
}

const fn so_far(metric: &'static str, pointer: &'static str) -> Field {
    Field::new(metric, pointer, SubjectKind::Post, WindowKind::At, Traffic::Total)
}

/// The numbers of a post, so far.
pub(crate) struct PostNumbers;

impl FieldGroup for PostNumbers {
    const FIELDS: &'static [Field] = &[so_far("views", "/metrics/views"), so_far("likes", "/metrics/likes")];
}
