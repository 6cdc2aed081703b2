//! One declared limit: how many calls in how long.
//!
//! The limit itself is kept exactly: in any stretch of its interval no more calls arrive than it allows, and
//! no fewer are possible. Since nobody here knows when a call arrives over there, it counts from when it goes
//! out until an interval after its answer: however long calls take and overtake each other, it is kept. A token bucket cannot do that (it lets twice as many pass at the seam of two
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
    /// The interval, and a little more for a clock that runs faster over there.
    interval: Duration,
    /// How many calls are on their way.
    in_flight: usize,
    /// When the last calls were answered, oldest first.
    answered: VecDeque<Timestamp>,
    pace: Pace,
    clock: OurClock,
}

type Pace = RateLimiter<NotKeyed, InMemoryState, OurClock, NoOpMiddleware<Duration>>;

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Limiter {{ {} of {} in {:?} }}",
            self.answered.len() + self.in_flight,
            self.requests,
            self.interval
        )
    }
}

impl Limiter {
    pub(super) fn new(row: &Declared, clock: Arc<dyn Clock>) -> Self {
        let interval = Duration::from_secs(row.interval_secs.max(1).into());
        let clock = OurClock(clock);
        Self {
            requests: row.requests as usize,
            interval: interval + margin(interval),
            in_flight: 0,
            answered: VecDeque::new(),
            pace: RateLimiter::direct_with_clock(pace(row.requests, interval), clock.clone()),
            clock,
        }
    }

    /// Whether a call may go out. `by_header`: the platform tells what is left, so that counting is left to it.
    pub(super) fn check(&mut self, now: Timestamp, by_header: bool) -> Result<(), Hold> {
        let hold = |until| Err(Hold { until, kind: ErrorKind::QuotaExhausted });
        while self.answered.front().is_some_and(|first| after(*first, self.interval) <= now) {
            self.answered.pop_front();
        }
        let taken = self.answered.len() + self.in_flight;
        if !by_header && taken >= self.requests {
            // The one whose return makes room; it may still be on its way.
            let back = self.answered.get(taken - self.requests).map(|back| after(*back, self.interval));
            let never = self.requests == 0;
            return hold(if never { Some(after(now, self.interval)) } else { back });
        }
        match self.pace.check() {
            Ok(()) => Ok(()),
            Err(early) => {
                let wait = early.wait_time_from(self.clock.now()).max(Duration::from_millis(1));
                hold(Some(after(now, wait)))
            }
        }
    }

    /// Counts a call that goes out.
    pub(super) fn take(&mut self) {
        self.in_flight += 1;
    }

    /// Counts a call that has come back.
    pub(super) fn give_back(&mut self, now: Timestamp) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.answered.push_back(now);
        if self.answered.len() > self.requests {
            self.answered.pop_front();
        }
    }

    /// Gives all calls back that have been answered.
    pub(super) fn clear(&mut self) {
        self.answered.clear();
    }
}

/// A thousandth of the interval, but no less than a millisecond and no more than a second.
fn margin(interval: Duration) -> Duration {
    (interval / 1000).clamp(Duration::from_millis(1), Duration::from_secs(1))
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
