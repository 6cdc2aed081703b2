//! A platform that does not exist, read by an adapter that does everything right, unless it is asked to be
//! wrong in exactly one way: what the contract is tried on.

#[path = "../breakage.rs"]
mod breakage;
mod config;
mod decode;
mod descriptor;
mod request;
mod tests;

use std::sync::Mutex;

use kepi_core::{
    Adapter, Body, Cursor, Decoder, Descriptor, Error, ErrorKind, Grant, Job, Page, Request, Response,
    Result, Retry, Token, plan,
};
use serde_json::Value;

pub(crate) use breakage::Breakage;
use config::ToyConfig;

#[derive(Debug)]
pub(crate) struct ToyAdapter {
    config: ToyConfig,
    descriptor: Descriptor,
    breakage: Option<Breakage>,
    /// What a right adapter does not have: a memory.
    remembered: Mutex<Option<String>>,
}

impl ToyAdapter {
    pub(crate) fn from_settings(settings: Value, breakage: Option<Breakage>) -> Result<Self> {
        Ok(Self {
            config: config::read(settings, breakage)?,
            descriptor: descriptor::descriptor(breakage),
            breakage,
            remembered: Mutex::new(None),
        })
    }

    pub(crate) fn sample(breakage: Option<Breakage>) -> Value {
        config::sample(breakage)
    }

    fn is(&self, breakage: Breakage) -> bool {
        self.breakage == Some(breakage)
    }
}

impl Decoder for ToyAdapter {
    fn decode(&self, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
        let mut page = decode::page(job, cursor, body, self.breakage)?;
        if !self.is(Breakage::NeverSaysProvisional) && !self.is(Breakage::GoesByTheAgeOfDays) {
            page = plan::with_provisional_days(page, &self.descriptor, job, body.observed_at)?;
        }
        if let (Some(next), Ok(mut remembered)) = (&page.next, self.remembered.lock()) {
            *remembered = request::token_of(next);
        }
        Ok(page)
    }
}

impl Adapter for ToyAdapter {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn request(&self, job: &Job, cursor: &Cursor) -> Result<Request> {
        let request = request::page(&self.config, job, cursor, self.breakage)?;
        if self.is(Breakage::RemembersWhereItWas) && !cursor.is_start() {
            let remembered = self.remembered.lock().ok().and_then(|remembered| remembered.clone());
            return Ok(request.header("x-last-token", remembered.unwrap_or_default()));
        }
        Ok(request)
    }

    fn classify(&self, response: &Response) -> Option<Error> {
        let error = match response.status {
            200..=299 => return None,
            401 if self.is(Breakage::RetriesWithADeadToken) => {
                Error::new(ErrorKind::Unavailable, "the toy refused the token")
            }
            401 => Error::new(ErrorKind::CredentialExpired, "the toy refused the token"),
            403 if self.is(Breakage::ForbidsWithoutAReason) => Error::new(ErrorKind::Forbidden, "denied"),
            403 => Error::new(ErrorKind::Forbidden, "denied").hint("the scope toys.read is needed"),
            429 => {
                let seconds = response.header("retry-after").and_then(|text| text.parse().ok()).unwrap_or(60);
                let pause = std::time::Duration::from_secs(seconds);
                Error::new(ErrorKind::RateLimited, "too many calls").retry(Retry::After(pause))
            }
            500.. if self.is(Breakage::GivesUpOnAnOutage) => Error::bad_response("the toy is broken"),
            500.. => Error::new(ErrorKind::Unavailable, "the toy is not available"),
            _ => Error::new(ErrorKind::BadRequest, "the toy does not understand"),
        };
        Some(error.with("status", response.status))
    }

    fn authorize_base_url(&self, _: &str) -> Option<&str> {
        (!self.is(Breakage::SendsPersonsElsewhere)).then_some(self.config.base_url.as_str())
    }

    fn token_request(&self, kind: &str, grant: &Grant) -> Result<Request> {
        request::token(&self.config, kind, grant, self.breakage)
    }

    fn decode_token(&self, kind: &str, response: &Response) -> Result<Token> {
        if response.status >= 400 {
            return Err(Error::new(ErrorKind::Reauthorise, format!("the toy refused a {kind} token")));
        }
        Token::granted(kind, serde_json::from_slice(&response.body).ok())
    }
}
