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

pub use config::{CreatorPrices, PugongyingHeader, XiaohongshuConfig};

/// Xiaohongshu: Juguang and Pugongying.
#[derive(Debug)]
pub struct XiaohongshuAdapter {
    config: XiaohongshuConfig,
    descriptor: Descriptor,
}

impl XiaohongshuAdapter {
    /// An adapter with these settings.
    #[must_use]
    pub fn new(config: XiaohongshuConfig) -> Self {
        Self { descriptor: descriptor::descriptor(&config), config }
    }

    /// An adapter with the settings of `[platform.xiaohongshu]`.
    ///
    /// # Errors
    /// `BadConfig` when a key is unknown or holds the wrong thing.
    pub fn from_settings(settings: Value) -> Result<Self> {
        let schema = schemars::schema_for!(XiaohongshuConfig).to_value();
        settings::read("xiaohongshu", settings, &schema).map(Self::new)
    }
}

impl Decoder for XiaohongshuAdapter {
    fn decode(&self, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
        let page = decode::page(&self.config, job, cursor, body)?;
        plan::with_provisional_days(page, &self.descriptor, job, body.observed_at)
    }
}

impl Adapter for XiaohongshuAdapter {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn request(&self, job: &Job, cursor: &Cursor) -> Result<Request> {
        request::page(&self.config, job, cursor)
    }

    fn classify(&self, response: &Response) -> Option<Error> {
        decode::failure::of(response)
    }

    fn authorize_base_url(&self, _: &str) -> Option<&str> {
        Some(&self.config.authorize_base_url)
    }

    fn token_request(&self, kind: &str, grant: &Grant) -> Result<Request> {
        request::token(&self.config, kind, grant)
    }

    fn decode_token(&self, kind: &str, response: &Response) -> Result<Token> {
        decode::failure::token(kind, response)
    }
}
