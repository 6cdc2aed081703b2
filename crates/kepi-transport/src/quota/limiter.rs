//! One declared limit: how many calls in how long.
//!
//! The limit itself is kept exactly: in any stretch of its interval no more calls go out than it allows, and
//! no fewer are possible. A token bucket cannot do that (it lets twice as many pass at the seam of two
//! windows, or half as many everywhere); governor does what it does well, and spreads bursts, so that an
//! allowance for a quarter of an hour is not thrown at the platform within a second.

use std::{collections::VecDeque, fmt, num::NonZeroU32, sync::Arc, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::Clock as GovernorClock,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use jiff::Timestamp;
use kepi_core::{ErrorKind, Quota as Declared};

use super::Hold;
use crate::{Clock, clock::after};

pub(super) struct Limiter {
    requests: usize,
    /// The interval, and a little more for calls that overtake each other on their way.
    interval: Duration,
    /// When the last calls went out, oldest first.
    sent: VecDeque<Timestamp>,
    pace: Pace,
    clock: OurClock,
}

type Pace = RateLimiter<NotKeyed, InMemoryState, OurClock, NoOpMiddleware<Duration>>;

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Limiter {{ {} of {} in {:?} }}", self.sent.len(), self.requests, self.interval)
    }
}

impl Limiter {
    pub(super) fn new(row: &Declared, clock: Arc<dyn Clock>) -> Self {
        let interval = Duration::from_secs(row.interval_secs.max(1).into());
        let clock = OurClock(clock);
        Self {
            requests: row.requests as usize,
            interval: interval + margin(interval),
            sent: VecDeque::new(),
            pace: RateLimiter::direct_with_clock(pace(row.requests, interval), clock.clone()),
            clock,
        }
    }

    /// Whether a call may go out. `by_header`: the platform tells what is left, so that counting is left to it.
    pub(super) fn check(&mut self, now: Timestamp, by_header: bool) -> Result<(), Hold> {
        let hold = |until| Err(Hold { until: Some(until), kind: ErrorKind::QuotaExhausted });
        while self.sent.front().is_some_and(|first| after(*first, self.interval) <= now) {
            self.sent.pop_front();
        }
        if !by_header && self.sent.len() >= self.requests {
            // The one whose return makes room; none makes room where nothing is allowed.
            let back = self.sent.len().checked_sub(self.requests).and_then(|i| self.sent.get(i));
            return hold(after(back.copied().unwrap_or(now), self.interval));
        }
        match self.pace.check() {
            Ok(()) => Ok(()),
            Err(early) => {
                hold(after(now, early.wait_time_from(self.clock.now()).max(Duration::from_millis(1))))
            }
        }
    }

    /// Counts a call.
    pub(super) fn take(&mut self, now: Timestamp) {
        self.sent.push_back(now);
        if self.sent.len() > self.requests {
            self.sent.pop_front();
        }
    }

    /// Gives all calls back.
    pub(super) fn clear(&mut self) {
        self.sent.clear();
    }
}

/// A hundredth of the interval, but no less than ten milliseconds and no more than two seconds.
fn margin(interval: Duration) -> Duration {
    (interval / 100).clamp(Duration::from_millis(10), Duration::from_secs(2))
}

/// A tenth of the allowance at once, then ten times the speed that uses it up evenly; at least ten calls at
/// once and ten a second, so that it is never what a small run waits for.
fn pace(requests: u32, interval: Duration) -> Quota {
    let burst = NonZeroU32::new(requests / 10).unwrap_or(NonZeroU32::MIN).max(TEN);
    let period =
        (interval / requests.max(1) / 10).min(Duration::from_millis(100)).max(Duration::from_nanos(1));
    Quota::with_period(period).unwrap_or(Quota::per_second(TEN)).allow_burst(burst)
}

const TEN: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");

/// Our clock as governor reads it: time since the epoch.
#[derive(Clone)]
struct OurClock(Arc<dyn Clock>);

impl GovernorClock for OurClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::try_from(self.0.now().duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default()
    }
}
