//! The retry layer: makes a call again where that can help and cannot harm.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use jiff::Timestamp;
use kepi_core::{Error, ErrorKind, Response, Result, Retry as When};

use crate::{
    Clock, RetryPolicy,
    call::{Call, Inner, Layer},
    circuit::Circuits,
    clock::{after, until},
};

#[derive(Debug)]
pub(crate) struct Retry {
    pub(crate) inner: Inner,
    policy: RetryPolicy,
    clock: Arc<dyn Clock>,
    circuits: Circuits,
    random: Mutex<fastrand::Rng>,
}

#[async_trait]
impl Layer for Retry {
    fn name(&self) -> &'static str {
        "retry"
    }

    fn inner(&self) -> Option<&dyn Layer> {
        Some(&*self.inner)
    }

    async fn call(&self, call: &mut Call<'_>) -> Result<Response> {
        let circuit = format!("{} {}", call.platform(), call.endpoint);
        let mut backoff = self.backoff();
        loop {
            self.circuits.admit(&circuit)?;
            call.attempt += 1;
            let answer = self.inner.call(call).await;
            self.circuits.note(&circuit, answer.as_ref().err());
            let error = match answer {
                Ok(response) => return Ok(response),
                Err(error) => dated(error, self.clock.now()),
            };
            let Some(at) = self.again_at(call, &error, &mut backoff) else { return Err(error) };
            tracing::warn!(%error, attempt = call.attempt, again_at = %at, "call failed, made again");
            self.clock.sleep_until(at).await;
        }
    }
}

impl Retry {
    pub(crate) fn new(inner: Inner, policy: RetryPolicy, clock: Arc<dyn Clock>) -> Self {
        let circuits = Circuits::new(&policy, Arc::clone(&clock));
        let random = policy.jitter_seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self { inner, policy, clock, circuits, random: Mutex::new(random) }
    }

    /// When the call is made again; `None` when it is not.
    fn again_at(
        &self,
        call: &Call<'_>,
        error: &Error,
        backoff: &mut ExponentialBackoff,
    ) -> Option<Timestamp> {
        if call.attempt >= self.policy.max_attempts || !repeatable(call, error) {
            return None;
        }
        let now = self.clock.now();
        let at = match error.retry_policy() {
            When::Never => return None,
            // Full jitter: anything between nothing and the bound.
            When::Backoff => after(now, self.up_to(backoff.next()?)),
            // What the platform asked for is the least: the jitter only adds.
            When::After(wait) => after(now, wait + self.up_to(jitter(wait))),
            When::At(at) if at > call.deadline => return None,
            When::At(at) => after(at.max(now), self.up_to(jitter(until(now, at)))),
        };
        (at <= call.deadline).then_some(at)
    }

    fn backoff(&self) -> ExponentialBackoff {
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(self.policy.base_delay_millis))
            .with_max_delay(Duration::from_secs(self.policy.max_delay_secs))
            .without_max_times()
            .build()
    }

    fn up_to(&self, bound: Duration) -> Duration {
        let share = self.random.lock().unwrap_or_else(PoisonError::into_inner).f64();
        bound.mul_f64(share)
    }
}

/// A call that may have been carried out is not repeated unless that does no harm.
fn repeatable(call: &Call<'_>, error: &Error) -> bool {
    let refused = matches!(error.kind(), ErrorKind::RateLimited | ErrorKind::QuotaExhausted);
    call.request.idempotent || !call.sent || refused
}

/// The bound of the jitter on a wait that was asked for.
fn jitter(wait: Duration) -> Duration {
    (wait / 10).min(Duration::from_secs(5))
}

/// A pause becomes an instant, so that a run that is put off knows when to go on.
fn dated(error: Error, now: Timestamp) -> Error {
    match error.retry_policy() {
        When::After(wait) => error.retry(When::At(after(now, wait))),
        _ => error,
    }
}
