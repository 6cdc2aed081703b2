//! The trace layer: one span per call, one line of what became of it, and the place added to an error.

use async_trait::async_trait;
use kepi_core::{Response, Result};
use tracing::Instrument;

use crate::call::{Call, Inner, Layer};

#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) inner: Inner,
}

#[async_trait]
impl Layer for Trace {
    fn name(&self) -> &'static str {
        "trace"
    }

    fn inner(&self) -> Option<&dyn Layer> {
        Some(&*self.inner)
    }

    async fn call(&self, call: &mut Call<'_>) -> Result<Response> {
        let account = call.account().map_or("-", |account| account.as_str());
        let span = tracing::info_span!("call", platform = call.platform(), account, endpoint = call.endpoint);
        async {
            let answer = self.inner.call(call).await;
            let (calls, cost_micro_usd) = (call.tally.calls, call.tally.cost_micro_usd);
            match answer {
                Ok(response) => {
                    let (status, bytes) = (response.status, response.body.len());
                    tracing::debug!(
                        status,
                        bytes,
                        attempts = call.attempt,
                        calls,
                        cost_micro_usd,
                        "answered"
                    );
                    Ok(response)
                }
                Err(error) => {
                    let error = call.locate(error);
                    tracing::debug!(%error, kind = %error.kind(), calls, cost_micro_usd, "failed");
                    Err(error)
                }
            }
        }
        .instrument(span)
        .await
    }
}
