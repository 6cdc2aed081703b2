//! Cron lines with a zone, and the small delay that keeps all jobs of the world from starting at once.

use std::{fmt, time::Duration};

use croner::{
    Direction,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, tz::TimeZone};
use kepi_core::{Error, Result};

use crate::reading::after;

/// How many missed ticks are counted; beyond, there were at least as many.
const MISSED_COUNTED: u32 = 1000;

/// A cron line in a zone.
///
/// Five fields: minute, hour, day of month, month, day of week; `@daily` and its like are understood. On the
/// days when clocks change, a time that does not exist runs once, at the next that does, and a time that comes
/// twice runs at the first. A line that names no fixed time (`*/15 * * * *`) runs through the change as the
/// clock on the wall does not stand still.
///
/// ```
/// use kepi_ingest::schedule::Cron;
/// let cron = Cron::parse("30 2 * * *", "Europe/Berlin")?;
/// let before = "2026-03-28T12:00:00Z".parse().expect("a time");
/// assert_eq!(cron.next_after(before).expect("one").to_string(), "2026-03-29T01:00:00Z");
/// # Ok::<(), kepi_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Cron {
    line: croner::Cron,
    zone: TimeZone,
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.line.as_str(), self.zone.iana_name().unwrap_or_default())
    }
}

impl Cron {
    /// Reads a line.
    ///
    /// # Errors
    /// `BadConfig` when it is no cron line, never comes, or the zone is unknown.
    pub fn parse(line: &str, zone: &str) -> Result<Self> {
        let bad = |reason: String| {
            Error::bad_config(format!("{line:?} is not a cron line")).with("reason", reason).hint(
                "five fields: minute hour day-of-month month day-of-week, for example 0 6 * * * for every day at six",
            )
        };
        let zone = kepi_core::period::zone(zone)?;
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let parsed = parser.parse(line).map_err(|error| bad(error.to_string()))?;
        let cron = Self { line: parsed, zone };
        match cron.next_after(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(cron),
            None => Err(bad("it never comes".to_owned())),
        }
    }

    /// The first tick after an instant.
    #[must_use]
    pub fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        let local = at.to_zoned(self.zone.clone());
        let found = self.line.iter_after(local).next()?;
        Some(found.timestamp()).filter(|found| *found > at)
    }

    /// The last tick at or before an instant.
    #[must_use]
    pub fn last_until(&self, at: Timestamp) -> Option<Timestamp> {
        let local = at.to_zoned(self.zone.clone());
        let found = self.line.iter_from(local, Direction::Backward).next()?.timestamp();
        // Where clocks change, going back and going forth must agree: forth is the truth.
        let mut last = found;
        while let Some(next) = self.next_after(last).filter(|next| *next <= at) {
            last = next;
        }
        Some(last)
    }

    /// The newest tick after `since` and not after `now`, and how many before it were missed (counted to a
    /// thousand).
    #[must_use]
    pub fn newest_due(&self, since: Timestamp, now: Timestamp) -> Option<(Timestamp, u32)> {
        let newest = self.last_until(now).filter(|newest| *newest > since)?;
        let mut missed = 0;
        let mut at = since;
        while let Some(next) = self.next_after(at).filter(|next| *next < newest && missed < MISSED_COUNTED) {
            missed += 1;
            at = next;
        }
        Some((newest, missed))
    }
}

/// A small delay before a tick's first attempt: the same for the same tick, spread evenly, bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jitter {
    /// What makes this installation's delays its own.
    pub seed: u64,
    /// The longest delay; never more than a quarter of the way to the next tick.
    pub most: Duration,
}

impl Jitter {
    /// No delay.
    pub const NONE: Self = Self { seed: 0, most: Duration::ZERO };

    /// When the first attempt of a tick is made.
    #[must_use]
    pub fn start_of(&self, job: &str, tick: Timestamp, window_end: Timestamp) -> Timestamp {
        let quarter = Duration::try_from(window_end.duration_since(tick)).unwrap_or_default() / 4;
        let most = u64::try_from(self.most.min(quarter).as_millis()).unwrap_or(u64::MAX);
        let spread = self.hash(job, tick).checked_rem(most.saturating_add(1)).unwrap_or_default();
        after(tick, Duration::from_millis(spread))
    }

    /// FNV-1a, then a finishing mix: small, and the same on every machine and in every release.
    fn hash(&self, job: &str, tick: Timestamp) -> u64 {
        let tick = tick.as_microsecond().to_le_bytes();
        let bytes = self.seed.to_le_bytes().into_iter().chain(job.bytes()).chain(tick);
        let mixed = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ (mixed >> 33)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn ticks(line: &str, zone: &str, from: &str, to: &str) -> Vec<String> {
        let cron = Cron::parse(line, zone).unwrap();
        let mut now = at(from);
        let mut ticks = Vec::new();
        while let Some(next) = cron.next_after(now).filter(|next| *next < at(to)) {
            ticks.push(next.to_string());
            now = next;
        }
        ticks
    }

    #[test]
    fn a_time_that_does_not_exist_runs_once_at_the_next_that_does() {
        assert_eq!(
            ticks("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z"),
            ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
        );
    }

    #[test]
    fn a_time_that_comes_twice_runs_once() {
        assert_eq!(
            ticks("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z"),
            ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        );
    }

    #[test]
    fn a_midnight_that_does_not_exist() {
        assert_eq!(
            ticks("0 0 * * *", "Africa/Cairo", "2026-04-23T00:00:00Z", "2026-04-25T12:00:00Z"),
            ["2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"]
        );
    }

    #[test]
    fn going_back_and_going_forth_agree_on_days_when_clocks_change() {
        for line in ["30 2 * * *", "0 3 * * *", "*/20 * * * *", "15 2,3 * * *", "0 6 * * 1"] {
            for (from, to) in [
                ("2026-03-27T00:00:00Z", "2026-03-31T00:00:00Z"),
                ("2026-10-23T00:00:00Z", "2026-10-27T00:00:00Z"),
            ] {
                let cron = Cron::parse(line, "Europe/Berlin").unwrap();
                let mut expected = cron.last_until(at(from));
                let mut now = at(from);
                while now < at(to) {
                    now = after(now, Duration::from_secs(1800));
                    while let Some(next) =
                        expected.and_then(|last| cron.next_after(last)).filter(|next| *next <= now)
                    {
                        expected = Some(next);
                    }
                    assert_eq!(cron.last_until(now), expected, "{line} at {now}");
                }
            }
        }
    }

    #[test]
    fn missed_ticks_are_counted_and_only_the_newest_is_due() {
        let cron = Cron::parse("0 6 * * *", "UTC").unwrap();
        let since = at("2026-10-01T06:00:00Z");
        assert_eq!(cron.newest_due(since, at("2026-10-02T05:59:59Z")), None);
        let newest = at("2026-10-04T06:00:00Z");
        assert_eq!(cron.newest_due(since, at("2026-10-04T06:00:00Z")), Some((newest, 2)));
        let minutes = Cron::parse("* * * * *", "UTC").unwrap();
        assert_eq!(minutes.newest_due(since, newest), Some((newest, 1000)));
    }

    #[test]
    fn what_is_no_cron_line_is_refused_with_a_hint() {
        for line in ["", "6", "0 6 * *", "61 * * * *", "0 0 6 * * *", "0 0 30 2 *", "every day"] {
            let error = Cron::parse(line, "UTC").unwrap_err();
            assert!(error.hint_text().unwrap().contains("five fields"), "{line}: {error:?}");
        }
        assert!(Cron::parse("0 6 * * *", "Europe/Berln").unwrap_err().message().contains("not a time zone"));
    }

    #[test]
    fn jitter_is_bounded_spread_and_the_same_for_the_same_tick() {
        let jitter = Jitter { seed: 7, most: Duration::from_secs(60) };
        let delay = |minute: i64| {
            let tick = at("2026-10-08T00:00:00Z") + jiff::SignedDuration::from_mins(minute);
            let end = tick + jiff::SignedDuration::from_hours(1);
            assert_eq!(jitter.start_of("a", tick, end), jitter.start_of("a", tick, end));
            jitter.start_of("a", tick, end).duration_since(tick).as_secs()
        };
        let delays: Vec<_> = (0..200).map(delay).collect();
        assert!(delays.iter().all(|delay| (0..=60).contains(delay)));
        assert!(delays.iter().any(|delay| *delay < 10) && delays.iter().any(|delay| *delay > 50));
        let tick = at("2026-10-08T00:00:00Z");
        let soon = tick + jiff::SignedDuration::from_secs(40);
        assert!(jitter.start_of("a", tick, soon).duration_since(tick).as_secs() <= 10);
        assert_eq!(Jitter::NONE.start_of("a", tick, soon), tick);
    }
}
