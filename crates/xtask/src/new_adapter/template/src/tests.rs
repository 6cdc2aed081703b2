//! The shared contract, then the odd cases.

use serde_json::json;

use crate::TemplateAdapter;

kepi_testkit::contract!(TemplateAdapter::from_settings, sample());

/// Settings of which each is set.
fn sample() -> serde_json::Value {
    json!({"base_url": "https://api.template.example"})
}
