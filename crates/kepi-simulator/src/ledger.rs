//! What was asked, refused and billed: read by tests, and by the platforms' own limits.

use std::{
    collections::{BTreeMap, HashMap},
    pin::pin,
    sync::{Mutex, PoisonError},
};

use jiff::{Timestamp, civil::Date};
use tokio::sync::Notify;

use crate::{AccountKey, PostKey};

/// What a platform has counted since the simulator started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Calls by endpoint (the path, ids as `{id}`), refused ones too.
    pub calls: BTreeMap<String, u64>,
    /// Answers by HTTP status.
    pub statuses: BTreeMap<u16, u64>,
    /// Calls refused because a limit was passed.
    pub throttled: u64,
    /// Items that were billed; one that was billed on the same UTC day already is not billed again.
    pub billed_items: u64,
    /// What they cost, in millionths of a US dollar.
    pub billed_micros: u64,
}

impl Stats {
    /// All calls.
    #[must_use]
    pub fn total_calls(&self) -> u64 {
        self.calls.values().sum()
    }
}

/// A limit: so many calls in a window of so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) pool: &'static str,
    pub(crate) calls: u32,
    pub(crate) window: i64,
    /// Seconds by which windows begin before multiples of their length: the zone of a daily limit.
    pub(crate) shift: i64,
}

/// Where a caller stands within a limit after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    /// Unix seconds.
    pub(crate) reset: i64,
    /// Whether the call was one too many.
    pub(crate) exceeded: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    book: Mutex<Book>,
    /// Stirs whenever a call was counted.
    counted: Notify,
}

#[derive(Debug, Default)]
struct Book {
    stats: Stats,
    windows: HashMap<(&'static str, u64), (i64, u32)>,
    billed_day: Option<Date>,
    /// Posts billed today: a bit each.
    billed: HashMap<AccountKey, Vec<u64>>,
    /// Items billed by day.
    daily: BTreeMap<Date, u64>,
}

impl Ledger {
    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stats(&self) -> Stats {
        self.book().stats.clone()
    }

    pub(crate) fn count(&self, endpoint: String, status: u16) {
        let mut book = self.book();
        *book.stats.calls.entry(endpoint).or_insert(0) += 1;
        *book.stats.statuses.entry(status).or_insert(0) += 1;
        drop(book);
        self.counted.notify_waiters();
    }

    /// Returns when what was counted is as wanted.
    pub(crate) async fn until(&self, wanted: impl Fn(&Stats) -> bool) {
        loop {
            let mut counted = pin!(self.counted.notified());
            // What is counted from here on is heard.
            counted.as_mut().enable();
            if wanted(&self.stats()) {
                return;
            }
            counted.await;
        }
    }

    pub(crate) fn count_throttled(&self) {
        self.book().stats.throttled += 1;
    }

    /// Takes one call out of a caller's window. Windows begin at multiples of their length.
    pub(crate) fn take(&self, limit: Limit, caller: u64, now: Timestamp) -> Standing {
        let start = (now.as_second() + limit.shift).div_euclid(limit.window) * limit.window - limit.shift;
        let mut book = self.book();
        let used = book.windows.entry((limit.pool, caller)).or_insert((start, 0));
        if used.0 != start {
            *used = (start, 0);
        }
        let exceeded = used.1 >= limit.calls;
        if !exceeded {
            used.1 += 1;
        }
        let remaining = limit.calls - used.1;
        Standing { limit: limit.calls, remaining, reset: start + limit.window, exceeded }
    }

    /// How many calls a caller has taken out of its window.
    pub(crate) fn used(&self, limit: Limit, caller: u64, now: Timestamp) -> u32 {
        let start = (now.as_second() + limit.shift).div_euclid(limit.window) * limit.window - limit.shift;
        let book = self.book();
        book.windows.get(&(limit.pool, caller)).filter(|(at, _)| *at == start).map_or(0, |(_, used)| *used)
    }

    /// Bills posts at a price each, once a UTC day.
    pub(crate) fn bill_posts(&self, posts: impl IntoIterator<Item = PostKey>, micros: u64, now: Timestamp) {
        let mut guard = self.book();
        let book = &mut *guard;
        let today = jiff::tz::TimeZone::UTC.to_datetime(now).date();
        if book.billed_day != Some(today) {
            book.billed_day = Some(today);
            book.billed.clear();
        }
        let mut fresh = 0;
        for post in posts {
            let bits = book.billed.entry(post.account).or_default();
            let (word, bit) = (post.index as usize / 64, 1_u64 << (post.index % 64));
            if bits.len() <= word {
                bits.resize(word + 1, 0);
            }
            fresh += u64::from(bits[word] & bit == 0);
            bits[word] |= bit;
        }
        book.bill(today, fresh, micros);
    }

    /// Bills items that are not told apart.
    pub(crate) fn bill(&self, items: u64, micros: u64, now: Timestamp) {
        let today = jiff::tz::TimeZone::UTC.to_datetime(now).date();
        self.book().bill(today, items, micros);
    }

    /// Items billed on a day.
    pub(crate) fn billed_on(&self, day: Date) -> u64 {
        self.book().daily.get(&day).copied().unwrap_or(0)
    }
}

impl Book {
    fn bill(&mut self, today: Date, items: u64, micros: u64) {
        self.stats.billed_items += items;
        self.stats.billed_micros += items * micros;
        *self.daily.entry(today).or_insert(0) += items;
        while self.daily.len() > 100 {
            self.daily.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_fills_and_resets() {
        let ledger = Ledger::default();
        let limit = Limit { pool: "p", calls: 2, window: 900, shift: 0 };
        let now = at("2026-09-01T00:10:00Z");
        let standings: Vec<_> = (0..3).map(|_| ledger.take(limit, 1, now)).collect();
        assert_eq!(standings.iter().map(|s| s.remaining).collect::<Vec<_>>(), [1, 0, 0]);
        assert_eq!(standings.iter().map(|s| s.exceeded).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(standings[2].reset, at("2026-09-01T00:15:00Z").as_second());
        assert!(!ledger.take(limit, 2, now).exceeded, "another caller has its own window");
        assert!(!ledger.take(limit, 1, at("2026-09-01T00:15:00Z")).exceeded);
    }

    #[test]
    fn a_post_is_billed_once_a_day() {
        let ledger = Ledger::default();
        let post = |index| PostKey { account: AccountKey(4), index };
        let day = at("2026-09-01T10:00:00Z");
        ledger.bill_posts([post(0), post(70)], 5000, day);
        ledger.bill_posts([post(70), post(71)], 5000, day);
        assert_eq!((ledger.stats().billed_items, ledger.stats().billed_micros), (3, 15_000));
        ledger.bill_posts([post(70)], 5000, at("2026-09-02T00:00:00Z"));
        assert_eq!(ledger.stats().billed_items, 4);
        assert_eq!(ledger.billed_on(jiff::civil::date(2026, 9, 1)), 3);
    }
}
