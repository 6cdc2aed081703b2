#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod config;
mod decode;
mod descriptor;
mod request;
#[cfg(test)]
mod tests;

use kepi_core::{
    Adapter, Body, Cursor, Decoder, Descriptor, Error, Grant, Job, Page, Request, Response, Result, Token,
    plan, settings,
};
use serde_json::Value;

pub use config::{ArticleRows, WechatConfig};

/// WeChat Official Accounts.
#[derive(Debug)]
pub struct WechatAdapter {
    config: WechatConfig,
    descriptor: Descriptor,
}

impl WechatAdapter {
    /// An adapter with these settings.
    #[must_use]
    pub fn new(config: WechatConfig) -> Self {
        Self { descriptor: descriptor::descriptor(&config), config }
    }

    /// An adapter with the settings of `[platform.wechat]`.
    ///
    /// # Errors
    /// `BadConfig` when a key is unknown or holds the wrong thing.
    pub fn from_settings(settings: Value) -> Result<Self> {
        let schema = schemars::schema_for!(WechatConfig).to_value();
        settings::read("wechat", settings, &schema).map(Self::new)
    }
}

impl Decoder for WechatAdapter {
    fn decode(&self, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
        let page = decode::page(&self.config, job, cursor, body)?;
        plan::with_provisional_days(page, &self.descriptor, job, body.observed_at)
    }
}

impl Adapter for WechatAdapter {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn request(&self, job: &Job, cursor: &Cursor) -> Result<Request> {
        request::page(&self.config, job, cursor)
    }

    fn classify(&self, response: &Response) -> Option<Error> {
        decode::failure::of(response)
    }

    fn decodes_refusal(&self, endpoint: &str, response: &Response) -> bool {
        decode::failure::is_of_a_missing_article(endpoint, &response.body)
    }

    fn token_request(&self, kind: &str, grant: &Grant) -> Result<Request> {
        request::token(&self.config, kind, grant)
    }

    fn decode_token(&self, kind: &str, response: &Response) -> Result<Token> {
        decode::failure::token(kind, response)
    }
}
