//! What Template offers, as tables: endpoints, limits, tokens, and which field is which metric.

use kepi_core::{
    Descriptor, Endpoint, Field, Placement, Shape, SubjectKind, TokenFlow, TokenKind, Traffic, WindowKind,
    json::FieldGroup,
};

use super::config::TemplateConfig;

/// The names of the endpoints, which are the names of their streams.
pub(crate) const PROFILE: &str = "profile";

/// The kinds of token.
pub(crate) const APP: &str = "app";

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

static ENDPOINTS: [Endpoint; 1] = [Endpoint {
    token: Some(APP),
    accounts_per_call: 100,
    fields: ProfileNumbers::FIELDS,
    ..Endpoint::new(PROFILE, "followers", Shape::Snapshot)
}];

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
