//! The cases of Instagram that the shared contract does not know.

use serde_json::json;

use crate::InstagramAdapter;

kepi_testkit::contract!(InstagramAdapter::from_settings, sample());

/// Settings of which each is set.
fn sample() -> serde_json::Value {
    json!({
        "login": "facebook",
        "base_url": "https://graph.facebook.com",
        "consent_base_url": "https://api.instagram.com",
        "api_version": "v25.0",
        "media_metrics": "common",
        "watch_time": "milliseconds",
        "end_time": "day_before",
        "until": "exclusive",
        "retiring_metrics": true,
        "splits": true,
        "follower_breakdown": "follow_type",
        "four_weeks": true,
        "mentions": true,
        "engaged_timeframe": "this_month",
    })
}
