//! The settings of the adapter: `[platform.template]` in `kepi.toml`. Secrets stand with the accounts, by
//! reference.

use schemars::JsonSchema;
use serde::Deserialize;

/// `[platform.template]`: all keys are optional.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TemplateConfig {
    /// Where the API is.
    #[schemars(extend("format" = "uri"))]
    pub base_url: String,
}

impl Default for TemplateConfig {
    fn default() -> Self {
        Self { base_url: "https://api.template.example".to_owned() }
    }
}

impl TemplateConfig {
    /// An address of the API.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.trim_end_matches('/'))
    }
}
