#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod config;
mod decode;
mod descriptor;
mod request;
#[cfg(test)]
mod tests;

use kepi_core::{
    Adapter, Body, Calls, Cursor, Decoder, Descriptor, Error, Grant, Job, Page, Request, Response, Result,
    Token, plan, settings,
};
use serde_json::Value;

pub use config::{Conversions, DouyinConfig, NewFans, VideoSeriesDays, VideosPerCall};

/// Douyin: the open platform, enterprise accounts and paid delivery.
#[derive(Debug)]
pub struct DouyinAdapter {
    config: DouyinConfig,
    descriptor: Descriptor,
}

impl DouyinAdapter {
    /// An adapter with these settings.
    #[must_use]
    pub fn new(config: DouyinConfig) -> Self {
        Self { descriptor: descriptor::descriptor(&config), config }
    }

    /// An adapter with the settings of `[platform.douyin]`.
    ///
    /// # Errors
    /// `BadConfig` when a key is unknown or holds the wrong thing.
    pub fn from_settings(settings: Value) -> Result<Self> {
        let schema = schemars::schema_for!(DouyinConfig).to_value();
        settings::read("douyin", settings, &schema).map(Self::new)
    }
}

impl Decoder for DouyinAdapter {
    fn decode(&self, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
        let page = decode::page(&self.config, job, cursor, body)?;
        plan::with_provisional_days(page, &self.descriptor, job, body.observed_at)
    }
}

impl Adapter for DouyinAdapter {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn request(&self, job: &Job, cursor: &Cursor) -> Result<Request> {
        request::page(&self.config, job, cursor)
    }

    fn calls(&self, job: &Job) -> Calls {
        request::calls(&self.descriptor, job)
    }

    fn classify(&self, response: &Response) -> Option<Error> {
        decode::failure::of(response)
    }

    fn decodes_refusal(&self, endpoint: &str, response: &Response) -> bool {
        decode::failure::can_go_on(endpoint, response)
    }

    fn authorize_base_url(&self, kind: &str) -> Option<&str> {
        let ocean = kind == descriptor::OCEAN;
        Some(if ocean { &self.config.ocean_base_url } else { &self.config.base_url })
    }

    fn token_request(&self, kind: &str, grant: &Grant) -> Result<Request> {
        request::token(&self.config, kind, grant)
    }

    fn decode_token(&self, kind: &str, response: &Response) -> Result<Token> {
        decode::token::read(kind, response)
    }
}
