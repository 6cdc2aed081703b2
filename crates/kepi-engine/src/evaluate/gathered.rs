//! What is gathered for one KPI, scope and span before it is judged.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use jiff::Timestamp;
use kepi_core::{DateSpan, MetricId};
use smallvec::SmallVec;
use smol_str::SmolStr;

use super::slices::epoch_day;
use crate::{
    formula::{Fold, Program},
    number::Number,
    statistics::Cluster,
};

/// One number per part of a program; `None` where nothing was said. Nearly all programs have one or two.
pub(super) type Parts = SmallVec<[Option<Number>; 2]>;

/// The additive parts of one cell.
#[derive(Debug, Clone, Default)]
pub(super) struct Gathered {
    /// What was said of all of it.
    pub(super) parts: Parts,
    /// The same without what may still change, for comparisons.
    pub(super) settled: Parts,
    /// The values of single posts, for parts that are medians or the greatest.
    pub(super) lists: BTreeMap<usize, Vec<f64>>,
    /// Posts with a usable reading.
    pub(super) usable: u64,
    /// Sums over posts, for the interval.
    pub(super) cluster: Cluster,
    /// The newest observation used.
    pub(super) fresh: Option<Timestamp>,
    /// Posts whose newest reading does not hold all metrics, so that an older one was used.
    pub(super) older: u64,
    /// Posts with a number that the platform counts no further.
    pub(super) capped: u64,
    /// Rows that may still change.
    pub(super) provisional: u64,
    /// Differences or windows that cross the edge of the period.
    pub(super) crossing: u64,
    /// Whether rows were left out that hold some of the metrics of the formula and not all.
    pub(super) incomplete: bool,
    /// Metrics that were seen though the formula got no value: what else it names is what is missing.
    pub(super) seen: BTreeSet<MetricId>,
    /// Currencies of the money in it.
    pub(super) currencies: BTreeSet<SmolStr>,
    /// Accounts whose last known state is so many days old.
    pub(super) stale: BTreeSet<(u32, i32)>,
    /// Accounts that hold all parts that are of accounts, and those that hold some.
    pub(super) covered: BTreeSet<u32>,
    pub(super) left_out: BTreeSet<u32>,
    /// Why a part that is there cannot be told.
    pub(super) refused: Option<String>,
    /// It cannot be told because the platform gave no figure for exactly the period.
    pub(super) unsplit: bool,
}

impl Gathered {
    pub(super) fn new(parts: usize) -> Self {
        let none = Parts::from_elem(None, parts);
        Self { parts: none.clone(), settled: none, ..Self::default() }
    }

    /// Adds to a part.
    pub(super) fn add(&mut self, part: usize, number: Option<Number>) {
        self.add_provisional(part, number);
        add(&mut self.settled, part, number);
    }

    /// Adds what may still change to a part.
    pub(super) fn add_provisional(&mut self, part: usize, number: Option<Number>) {
        add(&mut self.parts, part, number);
    }

    /// Remembers the newest observation.
    pub(super) fn see(&mut self, observed: Option<Timestamp>) {
        self.fresh = self.fresh.max(observed);
    }

    /// Takes what another gathered of other rows.
    pub(super) fn merge(&mut self, other: &Self) {
        for (part, (number, settled)) in other.parts.iter().zip(&other.settled).enumerate() {
            add(&mut self.parts, part, *number);
            add(&mut self.settled, part, *settled);
        }
        for (part, list) in &other.lists {
            self.lists.entry(*part).or_default().extend(list);
        }
        self.usable += other.usable;
        self.cluster.merge(&other.cluster);
        self.see(other.fresh);
        self.older += other.older;
        self.capped += other.capped;
        self.provisional += other.provisional;
        self.crossing += other.crossing;
        self.incomplete |= other.incomplete;
        self.seen.extend(other.seen.iter().cloned());
        self.currencies.extend(other.currencies.iter().cloned());
        self.stale.extend(&other.stale);
        self.covered.extend(&other.covered);
        self.left_out.extend(&other.left_out);
        if self.refused.is_none() {
            self.refused.clone_from(&other.refused);
            self.unsplit = other.unsplit;
        }
    }

    /// The parts of a program, with what is chosen among posts taken.
    pub(super) fn finished(&self, program: &Program) -> Cow<'_, Parts> {
        if self.lists.is_empty() {
            return Cow::Borrowed(&self.parts);
        }
        let mut parts = self.parts.clone();
        for (part, list) in &self.lists {
            let most = program.parts.get(*part).is_some_and(|part| part.fold == Fold::Max);
            let chosen = if most { list.iter().copied().max_by(f64::total_cmp) } else { median(list) };
            if let Some(slot) = parts.get_mut(*part) {
                *slot = chosen.map(Number::Real);
            }
        }
        Cow::Owned(parts)
    }
}

fn add(parts: &mut [Option<Number>], part: usize, number: Option<Number>) {
    if let (Some(slot), Some(number)) = (parts.get_mut(part), number) {
        *slot = Some(slot.map_or(number, |sum| sum.plus(number)));
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        Some(upper)
    } else {
        sorted.get(middle - 1).map(|lower| f64::midpoint(*lower, upper))
    }
}

/// A map with a quick, seeded hash: what is looked up for every row of a scorecard.
pub(super) type QuickMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Cells by scope and span. Each lies by itself: as one large table that grows, they would be moved about and their
/// memory cleared for every KPI anew.
#[derive(Debug)]
pub(super) struct Cells {
    parts: usize,
    spans: usize,
    scopes: Vec<Option<OfScope>>,
}

/// The cells of a scope, by span.
type OfScope = Box<[Option<Box<Gathered>>]>;

impl Cells {
    /// None yet, for programs of so many parts over so many spans.
    pub(super) fn new(parts: usize, spans: usize) -> Self {
        Self { parts, spans, scopes: Vec::new() }
    }

    pub(super) fn get(&self, scope: u32, span: usize) -> Option<&Gathered> {
        self.scopes.get(scope as usize)?.as_ref()?.get(span)?.as_deref()
    }

    /// The cell of a scope and span, an empty one where there was none; `None` when there is no such span.
    pub(super) fn at(&mut self, scope: u32, span: usize) -> Option<&mut Gathered> {
        let place = scope as usize;
        if self.scopes.len() <= place {
            self.scopes.resize_with(place + 1, || None);
        }
        let none = || (0..self.spans).map(|_| None).collect();
        let cell = self.scopes.get_mut(place)?.get_or_insert_with(none).get_mut(span)?;
        Some(cell.get_or_insert_with(|| Box::new(Gathered::new(self.parts))))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.scopes.is_empty()
    }

    /// All cells, with their scopes and spans.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, usize, &Gathered)> {
        (0..).zip(&self.scopes).flat_map(|(scope, cells)| {
            let cells = cells.iter().flat_map(|cells| cells.iter().enumerate());
            cells.filter_map(move |(span, cell)| Some((scope, span, cell.as_deref()?)))
        })
    }

    /// The same, to be added to.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Gathered)> {
        let cells = self.scopes.iter_mut().flatten().flat_map(|cells| cells.iter_mut().enumerate());
        cells.filter_map(|(span, cell)| Some((span, cell.as_deref_mut()?)))
    }
}

/// Which account-days were observed: a bit for each day of an account, in words of 64 days by their number since 1970.
#[derive(Debug, Clone, Default)]
pub(super) struct Observed {
    words: QuickMap<(u32, i32), u64>,
}

impl Observed {
    /// Marks days of an account, given as days since 1970.
    pub(super) fn mark(&mut self, account: u32, days: impl Iterator<Item = i32>) {
        for day in days {
            self.mark_word(account, day.div_euclid(64), 1 << day.rem_euclid(64));
        }
    }

    /// Marks days out of the 64 that begin with `start`: day `d` where bit `d` modulo 64 is set.
    pub(super) fn mark_bits(&mut self, account: u32, start: i32, bits: u64) {
        let (word, first) = (start.div_euclid(64), start.rem_euclid(64));
        let here = bits & (u64::MAX << first);
        self.mark_word(account, word, here);
        self.mark_word(account, word + 1, bits ^ here);
    }

    fn mark_word(&mut self, account: u32, word: i32, bits: u64) {
        if bits != 0 {
            *self.words.entry((account, word)).or_default() |= bits;
        }
    }

    fn word(&self, account: u32, word: i32) -> u64 {
        self.words.get(&(account, word)).copied().unwrap_or(0)
    }

    /// How many days of a span were observed.
    pub(super) fn count(&self, account: u32, span: DateSpan) -> u64 {
        counted(span, |word| self.word(account, word))
    }

    /// Takes what another observed.
    pub(super) fn merge(&mut self, other: &Self) {
        other.words.iter().for_each(|(&(account, word), bits)| self.mark_word(account, word, *bits));
    }
}

/// Account-days that were observed for good, and those of which only what may still change is known.
#[derive(Debug, Clone, Default)]
pub(super) struct ObservedTwice {
    pub(super) settled: Observed,
    provisional: Observed,
}

impl ObservedTwice {
    pub(super) fn of(&mut self, provisional: bool) -> &mut Observed {
        if provisional { &mut self.provisional } else { &mut self.settled }
    }

    /// How many days of a span were observed, for good or not.
    pub(super) fn count(&self, account: u32, span: DateSpan) -> u64 {
        counted(span, |word| self.settled.word(account, word) | self.provisional.word(account, word))
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.settled.merge(&other.settled);
        self.provisional.merge(&other.provisional);
    }
}

/// How many days of a span have their bit; `bits` gives those of 64 days, by their number since 1970.
fn counted(span: DateSpan, bits: impl Fn(i32) -> u64) -> u64 {
    let (start, end) = (epoch_day(span.start), epoch_day(span.end));
    let mut count = 0;
    let mut day = start;
    while day < end {
        let (word, first) = (day.div_euclid(64), day.rem_euclid(64));
        let last = (end - word * 64).min(64);
        let until = if last == 64 { u64::MAX } else { (1 << last) - 1 };
        count += u64::from((bits(word) & until & (u64::MAX << first)).count_ones());
        day = (word + 1) * 64;
    }
    count
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn observed_days_are_counted_once_and_within_the_span() {
        let mut observed = Observed::default();
        let start = epoch_day(date(2026, 1, 1));
        observed.mark(7, start..start + 100);
        observed.mark(7, start + 50..start + 120);
        let span = DateSpan::new(date(2025, 12, 1), date(2026, 12, 1));
        assert_eq!(observed.count(7, span), 120);
        assert_eq!(observed.count(7, DateSpan::new(date(2026, 1, 10), date(2026, 1, 11))), 1);
        assert_eq!(observed.count(8, span), 0);
    }

    #[test]
    fn bits_are_the_days_of_two_words() {
        let start = epoch_day(date(2026, 1, 5));
        let days = [0, 3, 40, 63].map(|day| start + day);
        let bits = days.iter().fold(0, |bits, day| bits | 1 << day.rem_euclid(64));
        let (mut by_bits, mut by_days) = (Observed::default(), Observed::default());
        by_bits.mark_bits(7, start, bits);
        by_days.mark(7, days.into_iter());
        assert_eq!(by_bits.words, by_days.words);
    }

    #[test]
    fn days_observed_twice_count_once() {
        let mut twice = ObservedTwice::default();
        let start = epoch_day(date(2026, 1, 1));
        twice.of(false).mark(7, start..start + 10);
        twice.of(true).mark(7, start + 5..start + 80);
        let span = DateSpan::new(date(2026, 1, 1), date(2026, 12, 1));
        assert_eq!((twice.count(7, span), twice.settled.count(7, span)), (80, 10));
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
