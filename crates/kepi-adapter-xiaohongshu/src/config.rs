//! The settings of the adapter: `[platform.xiaohongshu]` in `kepi.toml`. Secrets stand with the accounts, by
//! reference.

use std::collections::BTreeMap;

use kepi_core::{AccountRef, Error, ErrorKind, Result};
use schemars::JsonSchema;
use serde::Deserialize;

/// `[platform.xiaohongshu]`: all keys are optional.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct XiaohongshuConfig {
    /// Where the API is.
    #[schemars(extend("format" = "uri"))]
    pub base_url: String,
    /// Where the page is on which a person consents.
    #[schemars(extend("format" = "uri"))]
    pub authorize_base_url: String,
    /// Read the reports by unit, creative, keyword and SPU too, and campaigns and creatives of today.
    pub details: bool,
    /// Read the sums of Easy promotion (简单投) and Wind (乘风) too. How their answers look is told by few; they
    /// are read as those of Juguang.
    pub other_products: bool,
    /// Columns that are not asked for, by the names Xiaohongshu has for them (`goodsOrder`): those that it
    /// refuses.
    pub left_out_columns: Vec<String>,
    /// Send `columns` to the report of notes, as to all others. Some clients send none.
    pub note_columns: bool,
    /// The id of the brand's own account (24 hexadecimal digits), by account: whose orders on Pugongying
    /// (蒲公英) are read.
    pub brand_users: BTreeMap<String, String>,
    /// The header that carries the token to Pugongying.
    pub pugongying_header: PugongyingHeader,
    /// What Pugongying counts the price of a note in. It does not say, so that prices are left out until you do.
    pub creator_prices: CreatorPrices,
}

/// The header that carries the token to Pugongying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PugongyingHeader {
    /// `Access-Token`, as everywhere else.
    #[default]
    AccessToken,
    /// `Authorization: Bearer`.
    Authorization,
}

/// What the price of a creator's note is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CreatorPrices {
    /// Prices are left out.
    #[default]
    Unread,
    /// Yuan (元).
    Yuan,
    /// Hundredths of a yuan (分).
    Fen,
}

impl Default for XiaohongshuConfig {
    fn default() -> Self {
        Self {
            base_url: "https://adapi.xiaohongshu.com".to_owned(),
            authorize_base_url: "https://ad-market.xiaohongshu.com".to_owned(),
            details: false,
            other_products: false,
            left_out_columns: Vec::new(),
            note_columns: true,
            brand_users: BTreeMap::new(),
            pugongying_header: PugongyingHeader::default(),
            creator_prices: CreatorPrices::default(),
        }
    }
}

impl XiaohongshuConfig {
    /// An address of the API.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/api/open{path}", self.base_url.trim_end_matches('/'))
    }

    /// The brand's own account, whose orders on Pugongying are read.
    pub(crate) fn brand_user<'a>(&'a self, account: &'a AccountRef) -> Result<&'a str> {
        let named = self.brand_users.get(account.id.as_str()).map(String::as_str);
        let known = named.or(account.platform_id.as_deref().filter(|id| is_user(id)));
        known.ok_or_else(|| {
            Error::new(ErrorKind::NotOffered, "the brand's own account is not known")
                .with("account", &account.id)
                .hint("name its id (24 hexadecimal digits) in brand_users of [platform.xiaohongshu]")
        })
    }
}

/// Whether an id is one of a user; those of advertisers are decimal numbers and shorter.
pub(crate) fn is_user(id: &str) -> bool {
    id.len() == 24 && id.bytes().all(|c| c.is_ascii_hexdigit())
}
