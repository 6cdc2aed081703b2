//! The settings of the adapter: `[platform.wechat]` in `kepi.toml`. Secrets stand with the accounts, by
//! reference.

use schemars::JsonSchema;
use serde::Deserialize;

/// `[platform.wechat]`: all keys are optional.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WechatConfig {
    /// Where the API is.
    #[schemars(extend("format" = "uri"))]
    pub base_url: String,
    /// What a row of an article's days is. WeChat documents running totals since publishing; some users report
    /// increments of single days.
    pub article_rows: ArticleRows,
    /// Ask for the comments of articles whose numbers are frozen (older than 30 days), once a month: one call
    /// per article.
    pub comments: bool,
}

/// What a row of an article's days is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArticleRows {
    /// The sum of all days from publishing to the day of the row.
    #[default]
    Cumulative,
    /// What was new on the day of the row.
    Daily,
}

impl Default for WechatConfig {
    fn default() -> Self {
        Self {
            base_url: "https://api.weixin.qq.com".to_owned(),
            article_rows: ArticleRows::default(),
            comments: false,
        }
    }
}

impl WechatConfig {
    /// An address of the API.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.trim_end_matches('/'))
    }
}
