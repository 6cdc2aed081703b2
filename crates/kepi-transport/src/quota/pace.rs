//! How fast calls follow one another while a platform tells in percent how much of an allowance is used.

use std::time::Duration;

use jiff::Timestamp;

use crate::{clock::after, headers::Usage};

/// From this percentage on, calls are spread.
const SPREAD_FROM: u32 = 80;

/// The pause between calls for each percent above it.
const SPREAD_PER_PERCENT: Duration = Duration::from_secs(2);

/// The pace of the calls that draw on one allowance.
#[derive(Debug)]
pub(super) struct Pace {
    /// How long it rests when all is used and nobody says for how long.
    full_rest: Duration,
    /// What was told last, and when.
    known: Option<(Usage, Timestamp)>,
    /// What one call was seen to take, in percent: the percentage at which counting began, and the answers since.
    since: (u32, u32),
    in_flight: u32,
    /// When the next call goes out.
    until: Option<Timestamp>,
}

/// Why a call does not go out yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Until then.
    Until(Timestamp),
    /// Until a call on its way has come back: together they might be too many.
    ForAnswer,
}

impl Pace {
    pub(super) fn new(full_rest: Duration) -> Self {
        Self { full_rest, known: None, since: (0, 0), in_flight: 0, until: None }
    }

    /// Why a call may not go out now; `None` when it may.
    pub(super) fn check(&self, now: Timestamp) -> Option<Wait> {
        if let Some(until) = self.until.filter(|until| now < *until) {
            return Some(Wait::Until(until));
        }
        (self.in_flight > 0 && self.might_be_full()).then_some(Wait::ForAnswer)
    }

    /// Whether one more call, with those on their way, might pass the allowance. A call takes at most what those
    /// before took on average; percentages are told without their fractions.
    fn might_be_full(&self) -> bool {
        let Some((usage, _)) = self.known else { return false };
        let (from, answers) = self.since;
        let calls = u64::from(self.in_flight) + 1;
        let taken = u64::from(usage.percent.saturating_sub(from)) + 1;
        let left = u64::from(100_u32.saturating_sub(usage.percent));
        answers == 0 || taken * calls > left * u64::from(answers)
    }

    /// Counts a call that goes out. After a rest the others wait for what it hears.
    pub(super) fn take(&mut self, now: Timestamp) {
        self.in_flight += 1;
        let nearly = self.known.filter(|(usage, _)| usage.percent < 100);
        self.until = nearly.and_then(|(usage, _)| self.pause(usage, now));
    }

    /// Counts a call that has come back.
    pub(super) fn give_back(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Takes what the answer to a call told that went out at `sent`.
    pub(super) fn hear(&mut self, usage: Usage, sent: Timestamp, now: Timestamp) {
        if let Some((known, heard)) = self.known {
            let less = usage.percent < known.percent;
            // Answers overtake each other: of calls that were on their way together the highest number is the newest.
            if less && sent <= heard {
                return;
            }
            self.since = if less { (usage.percent, 0) } else { (self.since.0, self.since.1 + 1) };
        } else {
            self.since = (usage.percent, 0);
        }
        self.known = Some((usage, now));
        self.until = self.pause(usage, now);
    }

    /// The pause before the next call, growing with what is used.
    fn pause(&self, usage: Usage, now: Timestamp) -> Option<Timestamp> {
        if let Some(regain_at) = usage.regain_at {
            return Some(regain_at);
        }
        match usage.percent {
            100.. => Some(after(now, self.full_rest)),
            percent => {
                let above = percent.checked_sub(SPREAD_FROM)? + 1;
                Some(after(now, SPREAD_PER_PERCENT * above))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + second).unwrap()
    }

    fn usage(percent: u32) -> Usage {
        Usage { percent, regain_at: None }
    }

    /// A pace to which answers told these percentages, one call after another.
    fn told(percents: &[u32]) -> Pace {
        let mut pace = Pace::new(HOUR);
        for percent in percents {
            pace.take(at(0));
            pace.give_back();
            pace.hear(usage(*percent), at(0), at(0));
        }
        pace
    }

    #[test]
    fn calls_on_their_way_together_do_not_pass_the_allowance() {
        // Each takes four percent: at 72 there is room for seven, and perhaps for six.
        let mut pace = told(&[60, 64, 68, 72]);
        let mut out = 0;
        while pace.check(at(0)).is_none() {
            pace.take(at(0));
            out += 1;
        }
        assert_eq!((out, pace.check(at(0))), (6, Some(Wait::ForAnswer)));
        pace.give_back();
        assert_eq!(pace.check(at(0)), None);
    }

    #[test]
    fn what_a_call_takes_is_learnt_before_many_go_out() {
        let mut pace = told(&[50]);
        assert_eq!(pace.check(at(0)), None, "the only one may go");
        pace.take(at(0));
        assert_eq!(pace.check(at(0)), Some(Wait::ForAnswer));
        assert_eq!(Pace::new(HOUR).check(at(0)), None, "nothing was told yet");
    }

    #[test]
    fn an_answer_that_was_overtaken_says_nothing() {
        let mut pace = told(&[10]);
        pace.hear(usage(84), at(1), at(2));
        pace.hear(usage(79), at(1), at(2));
        assert_eq!(pace.check(at(2)), Some(Wait::Until(at(12))));
        pace.hear(usage(4), at(20), at(21));
        assert_eq!(pace.check(at(21)), None, "it is full again");
    }

    #[test]
    fn all_used_rests_and_one_goes_first() {
        let mut pace = told(&[96, 100]);
        assert_eq!(pace.check(at(10)), Some(Wait::Until(at(3600))));
        assert_eq!(pace.check(at(3600)), None);
        pace.take(at(3600));
        assert_eq!(pace.check(at(3601)), Some(Wait::ForAnswer));
        pace.give_back();
        pace.hear(usage(4), at(3600), at(3602));
        assert_eq!(pace.check(at(3602)), None);
    }
}
