//! Settings of the layers: how often, how long, how much.

use std::{num::NonZeroU32, time::Duration};

use kepi_core::{Quota, descriptor::Reset};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// How a call that failed is repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetryPolicy {
    /// How often a call is tried at most, the first time included.
    pub max_attempts: u32,
    /// The first pause of the backoff, in milliseconds; each pause is random between nothing and its bound.
    pub base_delay_millis: u64,
    /// The longest pause of the backoff, in seconds.
    pub max_delay_secs: u64,
    /// How long one call waits at most in all, in seconds: for quotas, resets and pauses. What would take
    /// longer is handed back with the time at which to go on.
    pub max_total_wait_secs: u64,
    /// How far in the future a platform's `Retry-After` or reset is believed, in seconds.
    pub max_retry_after_secs: u64,
    /// After so many failures of an endpoint in a row, it is left alone for a while.
    pub circuit_failures: u32,
    /// How long it is left alone, in seconds.
    pub circuit_rest_secs: u64,
    /// The seed of the jitter; random when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_seed: Option<u64>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            base_delay_millis: 500,
            max_delay_secs: 60,
            max_total_wait_secs: 960,
            max_retry_after_secs: 86_400,
            circuit_failures: 10,
            circuit_rest_secs: 60,
            jitter_seed: None,
        }
    }
}

impl RetryPolicy {
    pub(crate) fn max_total_wait(&self) -> Duration {
        Duration::from_secs(self.max_total_wait_secs)
    }

    pub(crate) fn max_retry_after(&self) -> Duration {
        Duration::from_secs(self.max_retry_after_secs)
    }
}

/// How long the wire waits, and how much it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// For a connection, in milliseconds.
    pub connect_millis: u64,
    /// For the next bytes of an answer, in milliseconds.
    pub read_millis: u64,
    /// For the whole of an answer, in milliseconds.
    pub total_millis: u64,
    /// The longest body that is taken, in bytes, unpacked.
    pub max_body_bytes: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect_millis: 10_000,
            read_millis: 30_000,
            total_millis: 120_000,
            max_body_bytes: 64 * 1024 * 1024,
        }
    }
}

/// Which limits are kept: those that descriptors declare, or others. What a platform says in its headers or by
/// refusing is obeyed in any case.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Quotas {
    unlimited: bool,
    pools: Vec<(SmolStr, SmolStr, NonZeroU32, NonZeroU32)>,
}

impl Quotas {
    /// The limits that the descriptors declare.
    #[must_use]
    pub fn declared() -> Self {
        Self::default()
    }

    /// No limits of our own, for measuring.
    #[must_use]
    pub fn unlimited() -> Self {
        Self { unlimited: true, pools: Vec::new() }
    }

    /// Another limit for a pool of a platform, whatever is declared: an app with a smaller plan, a share of an
    /// allowance.
    #[must_use]
    pub fn pool(
        mut self,
        platform: &str,
        pool: &str,
        requests: NonZeroU32,
        interval_secs: NonZeroU32,
    ) -> Self {
        self.pools.push((platform.into(), pool.into(), requests, interval_secs));
        self
    }

    /// The rows that hold for an endpoint.
    pub(crate) fn rows(&self, platform: &str, declared: &[Quota]) -> Vec<Quota> {
        let overridden = |row: &Quota| {
            let row = *row;
            let found = self.pools.iter().rev().find(|(p, pool, ..)| p == platform && pool == row.pool);
            match found {
                // A limit that was asked for is counted, whatever the headers allow.
                Some(&(.., requests, interval)) => Some(Quota {
                    requests: requests.get(),
                    interval_secs: interval.get(),
                    reset: Reset::Rolling,
                    ..row
                }),
                None if self.unlimited => None,
                None => Some(row),
            }
        };
        declared.iter().filter_map(overridden).collect()
    }
}
