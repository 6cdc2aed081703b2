//! The record layer: what comes back is scrubbed before anyone sees or stores it, and what its headers tell is
//! noted.

use std::time::Duration;

use async_trait::async_trait;
use kepi_core::{Response, Result};

use crate::{
    call::{Call, Inner, Layer},
    headers::Heard,
    scrub,
};

#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) inner: Inner,
    /// How far in the future a time in a header is believed.
    pub(crate) cap: Duration,
}

#[async_trait]
impl Layer for Record {
    fn name(&self) -> &'static str {
        "record"
    }

    fn inner(&self) -> Option<&dyn Layer> {
        Some(&*self.inner)
    }

    async fn call(&self, call: &mut Call<'_>) -> Result<Response> {
        call.heard = Heard::default();
        let mut response =
            self.inner.call(call).await.map_err(|error| scrub::error(error, &call.lease.hidden))?;
        call.heard = Heard::from(&response, self.cap);
        if call.exchange.is_some() {
            // The answer *is* a secret: it is read by the credential layer and goes no further.
            return Ok(response);
        }
        response.body = scrub::bytes(response.body, &call.lease.hidden);
        for (_, value) in &mut response.headers {
            *value = scrub::text(value, &call.lease.hidden);
        }
        Ok(response)
    }
}
