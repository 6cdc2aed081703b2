//! What each endpoint told, as its pages were decoded: a table keeps a number once, under the endpoint that was first.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use kepi_core::{
    Adapter, Body, Calls, Cursor, Decoder, Descriptor, Error, Grant, Job, Page, Request, Response, Result,
    Token,
};

use crate::truth;

/// Endpoint and sort of all numbers that were decoded.
pub(crate) type Told = Arc<Mutex<BTreeSet<(String, String)>>>;

/// An adapter whose pages are listened to.
#[derive(Debug)]
pub(crate) struct Heard {
    adapter: Arc<dyn Adapter>,
    told: Told,
}

impl Heard {
    pub(crate) fn new(adapter: Arc<dyn Adapter>, told: &Told) -> Arc<Self> {
        Arc::new(Self { adapter, told: Arc::clone(told) })
    }
}

impl Decoder for Heard {
    fn decode(&self, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
        let page = self.adapter.decode(job, cursor, body)?;
        let sorts = page.measurements.iter().flat_map(truth::sorts_of);
        self.told.lock().expect("nobody panicked").extend(sorts.map(|sort| (job.endpoint.to_string(), sort)));
        Ok(page)
    }
}

impl Adapter for Heard {
    fn descriptor(&self) -> &Descriptor {
        self.adapter.descriptor()
    }

    fn request(&self, job: &Job, cursor: &Cursor) -> Result<Request> {
        self.adapter.request(job, cursor)
    }

    fn calls(&self, job: &Job) -> Calls {
        self.adapter.calls(job)
    }

    fn classify(&self, response: &Response) -> Option<Error> {
        self.adapter.classify(response)
    }

    fn decodes_refusal(&self, endpoint: &str, response: &Response) -> bool {
        self.adapter.decodes_refusal(endpoint, response)
    }

    fn authorize_base_url(&self, kind: &str) -> Option<&str> {
        self.adapter.authorize_base_url(kind)
    }

    fn token_request(&self, kind: &str, grant: &Grant) -> Result<Request> {
        self.adapter.token_request(kind, grant)
    }

    fn second_exchange(&self, kind: &str, grant: &Grant) -> Result<Option<Request>> {
        self.adapter.second_exchange(kind, grant)
    }

    fn decode_token(&self, kind: &str, response: &Response) -> Result<Token> {
        self.adapter.decode_token(kind, response)
    }
}
