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

pub use config::{LinkedinConfig, Tier, Videos};

/// LinkedIn: the Community Management API.
#[derive(Debug)]
pub struct LinkedinAdapter {
    config: LinkedinConfig,
    descriptor: Descriptor,
}

impl LinkedinAdapter {
    /// An adapter with these settings.
    ///
    /// # Errors
    /// `BadConfig` when one of them cannot be.
    pub fn new(config: LinkedinConfig) -> Result<Self> {
        config.check()?;
        Ok(Self { descriptor: descriptor::descriptor(&config), config })
    }

    /// An adapter with the settings of `[platform.linkedin]`.
    ///
    /// # Errors
    /// `BadConfig` when a key is unknown or holds the wrong thing.
    pub fn from_settings(settings: Value) -> Result<Self> {
        let schema = schemars::schema_for!(LinkedinConfig).to_value();
        settings::read("linkedin", settings, &schema).and_then(Self::new)
    }
}

impl Decoder for LinkedinAdapter {
    fn decode(&self, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
        let page = decode::page(&self.config, job, cursor, body)?;
        plan::with_provisional_days(page, &self.descriptor, job, body.observed_at)
    }
}

impl Adapter for LinkedinAdapter {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn request(&self, job: &Job, cursor: &Cursor) -> Result<Request> {
        request::page(&self.config, job, cursor)
    }

    fn calls(&self, job: &Job) -> Calls {
        request::calls(&self.config, &self.descriptor, job)
    }

    fn classify(&self, response: &Response) -> Option<Error> {
        decode::failure::of(response)
    }

    fn authorize_base_url(&self, _: &str) -> Option<&str> {
        Some(&self.config.oauth_base_url)
    }

    fn token_request(&self, kind: &str, grant: &Grant) -> Result<Request> {
        request::token(&self.config, kind, grant)
    }

    fn decode_token(&self, kind: &str, response: &Response) -> Result<Token> {
        decode::failure::token(kind, response)
    }
}
