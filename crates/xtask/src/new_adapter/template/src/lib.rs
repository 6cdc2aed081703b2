#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod config;
mod decode;
mod descriptor;
mod request;

use kepi_core::{
    Adapter, Body, Cursor, Decoder, Descriptor, Error, Job, Page, Request, Response, Result, plan, settings,
};
use serde_json::Value;

pub use config::TemplateConfig;

/// Template.
#[derive(Debug)]
pub struct TemplateAdapter {
    config: TemplateConfig,
    descriptor: Descriptor,
}

impl TemplateAdapter {
    /// An adapter with these settings.
    #[must_use]
    pub fn new(config: TemplateConfig) -> Self {
        Self { descriptor: descriptor::descriptor(), config }
    }

    /// An adapter with the settings of `[platform.template]`.
    ///
    /// # Errors
    /// `BadConfig` when a key is unknown or holds the wrong thing.
    pub fn from_settings(settings: Value) -> Result<Self> {
        let schema = schemars::schema_for!(TemplateConfig).to_value();
        settings::read("template", settings, &schema).map(Self::new)
    }
}

impl Decoder for TemplateAdapter {
    fn decode(&self, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
        let page = decode::page(&self.descriptor, job, cursor, body)?;
        plan::with_provisional_days(page, &self.descriptor, job, body.observed_at)
    }
}

impl Adapter for TemplateAdapter {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn request(&self, job: &Job, cursor: &Cursor) -> Result<Request> {
        request::page(&self.config, job, cursor)
    }

    fn classify(&self, response: &Response) -> Option<Error> {
        decode::failure::of(response)
    }
}
