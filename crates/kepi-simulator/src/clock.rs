//! The simulated world's clock.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::{SignedDuration, Timestamp};

/// A clock that stands still until it is moved, or one that runs ([`SimClock::running`]). Clones show the same time, so
/// that the platforms, the pipeline under test and a demo share one "now".
///
/// ```
/// use kepi_simulator::SimClock;
/// let clock = SimClock::at("2026-09-30T12:00:00Z".parse()?);
/// let other = clock.clone();
/// clock.advance(jiff::SignedDuration::from_hours(24));
/// assert_eq!(other.now().to_string(), "2026-10-01T12:00:00Z");
/// # Ok::<(), jiff::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SimClock {
    /// Microseconds: the instant that it shows, or for a running clock by how much it is ahead of the machine's.
    micros: Arc<AtomicI64>,
    runs: bool,
}

impl SimClock {
    /// A clock that shows an instant.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { micros: Arc::new(AtomicI64::new(now.as_microsecond())), runs: false }
    }

    /// A clock that shows the machine's time and runs on from where it is moved to.
    #[must_use]
    pub fn running() -> Self {
        Self { micros: Arc::default(), runs: true }
    }

    /// The instant it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let shown = self.micros.load(Ordering::SeqCst).saturating_add(self.base());
        Timestamp::from_microsecond(shown).unwrap_or(Timestamp::MAX)
    }

    /// Sets it, forward or back.
    pub fn set(&self, now: Timestamp) {
        self.micros.store(now.as_microsecond().saturating_sub(self.base()), Ordering::SeqCst);
    }

    /// Moves it on.
    pub fn advance(&self, by: SignedDuration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.micros.fetch_add(micros, Ordering::SeqCst);
    }

    /// What its own microseconds are counted from.
    fn base(&self) -> i64 {
        if self.runs { Timestamp::now().as_microsecond() } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_clock_goes_by_the_machines() {
        let clock = SimClock::running();
        let before = Timestamp::now();
        let shown = clock.now();
        assert!(before <= shown.saturating_add(SignedDuration::from_micros(1)).unwrap(), "{before} {shown}");
        assert!(shown <= Timestamp::now());
        clock.advance(SignedDuration::from_hours(1));
        assert!(clock.now().duration_since(before) >= SignedDuration::from_hours(1));
        let past: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        clock.set(past);
        assert!(clock.now().duration_since(past).as_secs() < 60);
    }
}
