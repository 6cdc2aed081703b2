//! The record layer: what comes back is scrubbed before anyone sees or stores it, and what its headers tell is
//! noted.

use std::{sync::Arc, time::Duration};

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
        let lease = Arc::clone(&call.lease);
        let hidden = &lease.hidden;
        let mut response = self.inner.call(call).await.map_err(|error| scrub::error(error, hidden))?;
        for (_, value) in &mut response.headers {
            *value = scrub::text(value, hidden);
        }
        // The answer to an exchange *is* a secret: the credential layer reads it, and it goes no further.
        if call.exchange.is_none() {
            response.body = scrub::bytes(response.body, hidden);
        }
        call.heard = Heard::from(&response, self.cap);
        Ok(response)
    }
}
