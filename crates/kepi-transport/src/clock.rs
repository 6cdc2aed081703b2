//! What time it is, and waiting: injected, so that nothing in a test sleeps for real.

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

/// Tells the time and waits for it.
#[async_trait]
pub trait Clock: Debug + Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Returns when `at` has come.
    async fn sleep_until(&self, at: Timestamp);
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let left = until(self.now(), at);
            if left.is_zero() {
                return;
            }
            // An hour at most, so that a machine that slept or a clock that was set is noticed.
            tokio::time::sleep(left.min(Duration::from_secs(3600))).await;
        }
    }
}

/// `at` plus a duration, and the end of time when that is beyond it.
pub(crate) fn after(at: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| at.checked_add(duration).ok())
        .unwrap_or(Timestamp::MAX)
}

/// How long from `now` until `at`; zero when that is past.
pub(crate) fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
}
