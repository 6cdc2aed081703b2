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

pub use config::{
    EndTime, FollowerBreakdown, InstagramConfig, Login, MediaMetrics, Timeframe, Until, WatchTime,
};

/// Instagram.
#[derive(Debug)]
pub struct InstagramAdapter {
    config: InstagramConfig,
    descriptor: Descriptor,
}

impl InstagramAdapter {
    /// An adapter with these settings.
    #[must_use]
    pub fn new(config: InstagramConfig) -> Self {
        Self { descriptor: descriptor::descriptor(&config), config }
    }

    /// An adapter with the settings of `[platform.instagram]`.
    ///
    /// # Errors
    /// `BadConfig` when a key is unknown or holds the wrong thing.
    pub fn from_settings(settings: Value) -> Result<Self> {
        let schema = schemars::schema_for!(InstagramConfig).to_value();
        let config: InstagramConfig = settings::read("instagram", settings, &schema)?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
        let version = config.api_version.strip_prefix('v').and_then(|version| version.split_once('.'));
        if !version.is_some_and(|(major, minor)| digits(major) && digits(minor)) {
            return Err(Error::bad_config(format!(
                "platform.instagram.api_version {:?} is no version",
                config.api_version
            ))
            .hint("a version is written v25.0"));
        }
        if config.own_pages && config.login != Login::Facebook {
            return Err(Error::bad_config(
                "platform.instagram.own_pages: public pages are read with Facebook Login only",
            )
            .hint("set login = \"facebook\" in [platform.instagram], or take `own_pages` out"));
        }
        Ok(Self::new(config))
    }
}

impl Decoder for InstagramAdapter {
    fn decode(&self, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
        let page = decode::page(&self.config, job, cursor, body)?;
        plan::with_provisional_days(page, &self.descriptor, job, body.observed_at)
    }
}

impl Adapter for InstagramAdapter {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn request(&self, job: &Job, cursor: &Cursor) -> Result<Request> {
        request::page(&self.config, job, cursor)
    }

    fn calls(&self, job: &Job) -> Calls {
        request::calls(&self.config, job)
    }

    fn classify(&self, response: &Response) -> Option<Error> {
        decode::failure::of(self.config.login, response)
    }

    fn decodes_refusal(&self, endpoint: &str, response: &Response) -> bool {
        decode::refusal::is_decoded(endpoint, response)
    }

    fn authorize_base_url(&self, _: &str) -> Option<&str> {
        self.config.authorize_base_url.as_deref()
    }

    fn token_request(&self, kind: &str, grant: &Grant) -> Result<Request> {
        request::token(&self.config, kind, grant)
    }

    fn second_exchange(&self, kind: &str, grant: &Grant) -> Result<Option<Request>> {
        Ok(request::lengthen(&self.config, kind, grant))
    }

    fn decode_token(&self, kind: &str, response: &Response) -> Result<Token> {
        decode::failure::token(self.config.login, kind, response)
    }
}
