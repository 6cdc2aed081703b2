//! Keeps off an endpoint that keeps failing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use kepi_core::{Error, ErrorKind, Retry};

use crate::{Clock, RetryPolicy, clock::after};

/// One circuit per (platform, endpoint).
#[derive(Debug)]
pub(crate) struct Circuits {
    clock: Arc<dyn Clock>,
    failures: u32,
    rest: Duration,
    states: Mutex<HashMap<String, Circuit>>,
}

#[derive(Debug, Default)]
struct Circuit {
    failures: u32,
    open_until: Option<Timestamp>,
}

impl Circuits {
    pub(crate) fn new(policy: &RetryPolicy, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            failures: policy.circuit_failures,
            rest: Duration::from_secs(policy.circuit_rest_secs),
            states: Mutex::default(),
        }
    }

    /// Lets an attempt through unless the circuit is open. After the rest one attempt goes first: while it is
    /// on its way, the circuit rests on.
    pub(crate) fn admit(&self, name: &str) -> Result<(), Error> {
        let now = self.clock.now();
        let mut states = self.states();
        let Some(circuit) = states.get_mut(name) else { return Ok(()) };
        match circuit.open_until {
            None => Ok(()),
            Some(until) if until <= now => {
                circuit.open_until = Some(after(now, self.rest));
                Ok(())
            }
            Some(until) => Err(open(circuit.failures, until)),
        }
    }

    /// Counts how an attempt ended.
    pub(crate) fn note(&self, name: &str, error: Option<&Error>) {
        let mut states = self.states();
        match error.map(Error::kind) {
            Some(ErrorKind::Unavailable) => {
                let circuit = states.entry(name.to_owned()).or_default();
                circuit.failures = circuit.failures.saturating_add(1);
                if self.failures > 0 && circuit.failures >= self.failures {
                    circuit.open_until = Some(after(self.clock.now(), self.rest));
                }
            }
            // Held back by ourselves: it says nothing of the endpoint.
            Some(_) if error.is_some_and(|error| error.context_value("status").is_none()) => {}
            _ => {
                states.remove(name);
            }
        }
    }

    fn states(&self) -> MutexGuard<'_, HashMap<String, Circuit>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(failures: u32, until: Timestamp) -> Error {
    Error::new(ErrorKind::Unavailable, "the endpoint keeps failing and is left alone for a while")
        .with("failures", failures)
        .with("until", until)
        .retry(Retry::At(until))
        .hint("the next run tries again")
}
