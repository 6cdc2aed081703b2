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

pub use config::{CallLimit, FollowerDates, WeiboConfig};

/// Weibo.
#[derive(Debug)]
pub struct WeiboAdapter {
    config: WeiboConfig,
    descriptor: Descriptor,
}

impl WeiboAdapter {
    /// An adapter with these settings.
    #[must_use]
    pub fn new(config: WeiboConfig) -> Self {
        Self { descriptor: descriptor::descriptor(&config), config }
    }

    /// An adapter with the settings of `[platform.weibo]`.
    ///
    /// # Errors
    /// `BadConfig` when a key is unknown or holds the wrong thing.
    pub fn from_settings(settings: Value) -> Result<Self> {
        let schema = schemars::schema_for!(WeiboConfig).to_value();
        settings::read("weibo", settings, &schema).map(Self::new)
    }
}

impl Decoder for WeiboAdapter {
    fn decode(&self, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
        let page = decode::page(job, cursor, body)?;
        plan::with_provisional_days(page, &self.descriptor, job, body.observed_at)
    }
}

impl Adapter for WeiboAdapter {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn request(&self, job: &Job, cursor: &Cursor) -> Result<Request> {
        request::page(&self.config, job, cursor)
    }

    fn classify(&self, response: &Response) -> Option<Error> {
        decode::failure::of(self.config.call_limit, response)
    }

    fn authorize_base_url(&self, _: &str) -> Option<&str> {
        Some(&self.config.base_url)
    }

    fn token_request(&self, kind: &str, grant: &Grant) -> Result<Request> {
        request::token(&self.config, kind, grant)
    }

    fn decode_token(&self, kind: &str, response: &Response) -> Result<Token> {
        decode::failure::token(self.config.call_limit, kind, response)
    }
}
