//! Folding facts about accounts and other subjects over time, each by the law of its kind.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};
use kepi_core::{
    Catalogue, DateSpan, Nature, Traffic, WindowKind,
    period::{add_days, days_between},
};
use smol_str::SmolStr;

use super::{
    facts::{Facts, Record},
    gathered::{Gathered, ObservedTwice},
    slices::epoch_day,
};
use crate::{
    formula::{Fold, Gauge, Origin, Part},
    kpi::Kpi,
    number::Number,
};

/// What is asked of the facts of one kind for one KPI.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) kpi: &'a Kpi,
    pub(super) traffic: Traffic,
    pub(super) span: DateSpan,
    /// The last day that is over within the span, and before.
    pub(super) today: Date,
}

/// The parts of a KPI that are of one kind of subject, over some accounts.
pub(super) fn fold(
    facts: &Facts,
    question: Question<'_>,
    accounts: &[u32],
    observed: &mut ObservedTwice,
) -> Gathered {
    let mut gathered = Gathered::new(question.kpi.program.parts.len());
    for &account in accounts {
        let folder = Folder { facts, question, account };
        let mut own = Gathered::new(question.kpi.program.parts.len());
        let mut days = ObservedTwice::default();
        folder.sums(&mut own, &mut days);
        folder.states(&mut own, &mut days);
        // An account that lacks a part would bias the others: of a growth, for example, its start.
        let missing = folder.parts().filter(|(_, part)| part.fold != Fold::Exact);
        let missing =
            missing.filter(|(number, _)| own.parts.get(*number).copied().flatten().is_none()).count();
        if missing == 0 {
            own.covered.insert(account);
            gathered.merge(&own);
            observed.merge(&days);
        } else {
            gathered.crossing += own.crossing;
            gathered.incomplete |= own.incomplete;
            gathered.seen.extend(own.seen.iter().cloned());
            for (number, _) in own.parts.iter().enumerate().filter(|(_, part)| part.is_some()) {
                gathered.seen.extend(question.kpi.program.metrics_of(number));
            }
            if own.parts.iter().any(Option::is_some) {
                gathered.left_out.insert(account);
            }
        }
    }
    exact(facts, question, accounts, &mut gathered, observed);
    gathered
}

struct Folder<'a> {
    facts: &'a Facts,
    question: Question<'a>,
    account: u32,
}

/// The numbers of one window of one subject, put together from all sources: the newest observation wins per
/// metric.
#[derive(Debug, Clone, Default)]
struct Merged {
    values: BTreeMap<usize, (Option<Timestamp>, Number)>,
    observed: Option<Timestamp>,
    provisional: bool,
    currencies: BTreeSet<SmolStr>,
}

impl Merged {
    fn take(&mut self, record: &Record) {
        for (place, value) in record.values.iter().enumerate() {
            let Some(value) = value else { continue };
            let newer = self.values.get(&place).is_none_or(|(seen, _)| *seen <= record.observed);
            if newer {
                self.values.insert(place, (record.observed, *value));
            }
        }
        self.observed = self.observed.max(record.observed);
        self.provisional |= record.provisional;
        self.currencies.extend(record.currency.clone());
    }

    fn holds(&self, places: &[usize]) -> bool {
        places.iter().all(|place| self.values.contains_key(place))
    }
}

impl<'a> Folder<'a> {
    fn parts(&self) -> impl Iterator<Item = (usize, &'a Part)> {
        let origin = Origin::Subject(self.facts.kind);
        self.question.kpi.program.parts.iter().enumerate().filter(move |(_, part)| part.origin == origin)
    }

    fn places(&self, fold: impl Fn(Fold) -> bool) -> Vec<usize> {
        let mut gauges = Vec::new();
        self.parts().filter(|(_, part)| fold(part.fold)).for_each(|(_, part)| part.row.gauges(&mut gauges));
        let mut places: Vec<usize> = gauges.into_iter().filter_map(|gauge| self.facts.place(gauge)).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    fn records(&self) -> impl Iterator<Item = &'a Record> {
        let side = self.question.kpi.provenance;
        self.facts.of(self.account).iter().filter(move |record| record.side == side)
    }

    /// Flows and counters: what happened in the span.
    fn sums(&self, gathered: &mut Gathered, observed: &mut ObservedTwice) {
        let places = self.places(|fold| fold == Fold::Sum);
        if places.is_empty() {
            return;
        }
        let mut subjects: BTreeMap<&SmolStr, Vec<&Record>> = BTreeMap::new();
        for record in self.records().filter(|record| record.traffic == self.question.traffic) {
            if places.iter().any(|place| record.values.get(*place).copied().flatten().is_some()) {
                subjects.entry(&record.subject).or_default().push(record);
            }
        }
        for records in subjects.values() {
            for (window, merged) in self.windows(records, &places) {
                self.add_window(window, &merged, &places, gathered, observed);
            }
        }
    }

    /// The windows of a subject that do not overlap: days as given, then periods where no day is known, then
    /// differences of readings where neither is. Those within the span come first: one that crosses its edge tells
    /// nothing of it, and takes no other's place.
    fn windows(&self, records: &[&Record], places: &[usize]) -> Vec<(DateSpan, Merged)> {
        let of_kind = |kind: WindowKind| {
            let mut merged: BTreeMap<DateSpan, Merged> = BTreeMap::new();
            for record in records.iter().filter(|record| record.window == kind) {
                merged.entry(DateSpan::new(record.from, record.until)).or_default().take(record);
            }
            merged
        };
        let mut windows = of_kind(WindowKind::Day);
        let others = of_kind(WindowKind::Period).into_iter().chain(self.differences(records, places));
        let within = |(window, _): &(DateSpan, Merged)| window.intersect(self.question.span) == *window;
        let (within, crossing): (Vec<_>, Vec<_>) = others.partition(within);
        for (window, merged) in within.into_iter().chain(crossing) {
            if !overlaps(&windows, window) {
                windows.insert(window, merged);
            }
        }
        windows.into_iter().collect()
    }

    /// Differences of the last readings of each day, from the day after one to the day of the next.
    fn differences(&self, records: &[&Record], places: &[usize]) -> Vec<(DateSpan, Merged)> {
        let mut days: BTreeMap<Date, Merged> = BTreeMap::new();
        for record in records.iter().filter(|record| record.window == WindowKind::At) {
            days.entry(record.from).or_default().take(record);
        }
        let readings: Vec<(Date, Merged)> =
            days.into_iter().filter(|(_, merged)| merged.holds(places)).collect();
        let differences = readings.windows(2).filter_map(|pair| {
            let [(before, old), (day, new)] = pair else { return None };
            let mut difference = new.clone();
            for (place, (_, value)) in &mut difference.values {
                let earlier = old.values.get(place)?.1;
                let change = value.minus(earlier);
                // A total that only grows and yet fell began again from zero.
                let reset = change.as_f64() < 0.0 && !self.facts.revocable(*place);
                *value = if reset { *value } else { change };
            }
            Some((DateSpan::new(add_days(*before, 1), add_days(*day, 1)), difference))
        });
        differences.collect()
    }

    fn add_window(
        &self,
        window: DateSpan,
        merged: &Merged,
        places: &[usize],
        gathered: &mut Gathered,
        observed: &mut ObservedTwice,
    ) {
        let span = self.question.span;
        if window.intersect(span).is_empty() {
            return;
        }
        if window.start < span.start || span.end < window.end {
            gathered.crossing += 1;
            return;
        }
        if !merged.holds(places) {
            let told = |place: &usize| merged.values.contains_key(place);
            let metric = |place: &usize| self.facts.measures.get(*place).map(|(metric, _)| metric.clone());
            gathered.incomplete |= places.iter().any(told);
            gathered.seen.extend(places.iter().filter(|place| told(place)).filter_map(metric));
            return;
        }
        let value = |gauge: &Gauge| merged.values.get(&self.facts.place(gauge)?).map(|(_, value)| *value);
        for (number, part) in self.parts().filter(|(_, part)| part.fold == Fold::Sum) {
            if merged.provisional {
                gathered.add_provisional(number, part.row.value(&value));
            } else {
                gathered.add(number, part.row.value(&value));
            }
        }
        gathered.see(merged.observed);
        gathered.provisional += u64::from(merged.provisional);
        gathered.currencies.extend(merged.currencies.iter().cloned());
        let days = epoch_day(window.start)..epoch_day(window.end);
        observed.of(merged.provisional).mark(self.account, days);
    }

    /// Levels: the last known by the end, or before the start, or their mean over the days read.
    fn states(&self, gathered: &mut Gathered, observed: &mut ObservedTwice) {
        let span = self.question.span;
        for (number, part) in self.parts() {
            let Some(place) = self.places_of(part).first().copied() else { continue };
            let before = match part.fold {
                Fold::Last => span.end,
                Fold::First => span.start,
                Fold::MeanOfDays => {
                    self.mean_of_days(number, place, gathered, observed);
                    continue;
                }
                Fold::Sum | Fold::Median | Fold::Max | Fold::Exact => continue,
            };
            for record in self.last_known(place, before) {
                gathered.add(number, record.values.get(place).copied().flatten());
                gathered.see(record.observed);
                gathered.provisional += u64::from(record.provisional);
                if part.fold == Fold::Last {
                    self.tell_stale(record, gathered);
                }
            }
        }
    }

    fn places_of(&self, part: &Part) -> Vec<usize> {
        let mut gauges = Vec::new();
        part.row.gauges(&mut gauges);
        gauges.into_iter().filter_map(|gauge| self.facts.place(gauge)).collect()
    }

    /// The last record of each subject that is known before a day: in the KPI's traffic where it has any, for a
    /// state seldom says whose traffic it is.
    fn last_known(&self, place: usize, before: Date) -> Vec<&'a Record> {
        let mut last: BTreeMap<&SmolStr, &Record> = BTreeMap::new();
        let mut traffic: Vec<Traffic> = vec![self.question.traffic];
        traffic.extend([Traffic::Total, Traffic::Unknown, Traffic::Organic, Traffic::Paid]);
        for traffic in traffic {
            if !last.is_empty() {
                break;
            }
            for record in self.records().filter(|record| record.traffic == traffic) {
                let known =
                    record.values.get(place).copied().flatten().is_some() && last_day(record) < before;
                if known && last.get(&record.subject).is_none_or(|other| newer(record, other)) {
                    last.insert(&record.subject, record);
                }
            }
        }
        last.into_values().collect()
    }

    fn tell_stale(&self, record: &Record, gathered: &mut Gathered) {
        let asked = add_days(self.question.span.end.min(self.question.today), -1);
        let days = days_between(last_day(record), asked);
        if days > 0 {
            gathered.stale.insert((self.account, days));
        }
    }

    fn mean_of_days(
        &self,
        number: usize,
        place: usize,
        gathered: &mut Gathered,
        observed: &mut ObservedTwice,
    ) {
        let mut days: BTreeMap<&SmolStr, BTreeMap<Date, &Record>> = BTreeMap::new();
        for record in self.records().filter(|record| self.question.span.contains(last_day(record))) {
            if record.values.get(place).copied().flatten().is_none() {
                continue;
            }
            let of_subject = days.entry(&record.subject).or_default();
            let slot = of_subject.entry(last_day(record)).or_insert(record);
            if newer(record, slot) {
                *slot = record;
            }
        }
        for of_subject in days.values() {
            let numbers =
                of_subject.values().filter_map(|record| record.values.get(place).copied().flatten());
            let sum = numbers.reduce(Number::plus);
            let count = Number::Whole(i128::try_from(of_subject.len()).unwrap_or(0));
            gathered.add(number, sum.and_then(|sum| Number::Real(sum.as_f64()).over(count)));
            of_subject.values().for_each(|record| gathered.see(record.observed));
            observed.of(false).mark(self.account, of_subject.keys().map(|day| epoch_day(*day)));
        }
    }
}

fn overlaps(windows: &BTreeMap<DateSpan, Merged>, window: DateSpan) -> bool {
    windows.keys().any(|known| !known.intersect(window).is_empty())
}

/// The last day that a record is about.
fn last_day(record: &Record) -> Date {
    if record.window == WindowKind::At { record.from } else { add_days(record.until, -1) }
}

fn newer(record: &Record, other: &Record) -> bool {
    (last_day(record), record.at, record.observed) > (last_day(other), other.at, other.observed)
}

/// People, and ratios as given: only the platform's own figure for exactly the span, of one subject; else bounds.
fn exact(
    facts: &Facts,
    question: Question<'_>,
    accounts: &[u32],
    gathered: &mut Gathered,
    observed: &mut ObservedTwice,
) {
    let origin = Origin::Subject(facts.kind);
    let parts = question.kpi.program.parts.iter().enumerate();
    for (number, part) in parts.filter(|(_, part)| part.origin == origin && part.fold == Fold::Exact) {
        let mut gauges = Vec::new();
        part.row.gauges(&mut gauges);
        let Some((gauge, place)) = gauges.first().and_then(|gauge| Some((*gauge, facts.place(gauge)?)))
        else {
            continue;
        };
        let mut whole: BTreeMap<(u32, &SmolStr), &Record> = BTreeMap::new();
        let mut within: BTreeMap<(u32, &SmolStr, Date, Date), &Record> = BTreeMap::new();
        for &account in accounts {
            let records = facts.of(account).iter().filter(|record| {
                record.side == question.kpi.provenance
                    && record.traffic == question.traffic
                    && record.window != WindowKind::At
            });
            for record in records {
                if record.values.get(place).copied().flatten().is_none() {
                    continue;
                }
                let window = DateSpan::new(record.from, record.until);
                if window == question.span {
                    let slot = whole.entry((account, &record.subject)).or_insert(record);
                    if newer(record, slot) {
                        *slot = record;
                    }
                } else if window.intersect(question.span) == window {
                    let key = (account, &record.subject, record.from, record.until);
                    let slot = within.entry(key).or_insert(record);
                    if newer(record, slot) {
                        *slot = record;
                    }
                }
            }
        }
        let within: Vec<&Record> = within.into_values().collect();
        tell_exact(number, place, gauge, &whole, &within, question.span, gathered, observed);
    }
}

#[expect(clippy::too_many_arguments, reason = "the end of one loop, named for reading")]
fn tell_exact(
    number: usize,
    place: usize,
    gauge: &Gauge,
    whole: &BTreeMap<(u32, &SmolStr), &Record>,
    within: &[&Record],
    span: DateSpan,
    gathered: &mut Gathered,
    observed: &mut ObservedTwice,
) {
    let values: Vec<(u32, &Record, Number)> = whole
        .iter()
        .filter_map(|((account, _), record)| {
            Some((*account, *record, record.values.get(place).copied().flatten()?))
        })
        .collect();
    if let [(account, record, value)] = values[..] {
        gathered.add(number, Some(value));
        gathered.see(record.observed);
        gathered.provisional += u64::from(record.provisional);
        observed.of(false).mark(account, epoch_day(span.start)..epoch_day(span.end));
        return;
    }
    let metric = &gauge.metric;
    let numbers: Vec<Number> = if values.is_empty() {
        within.iter().filter_map(|record| record.values.get(place).copied().flatten()).collect()
    } else {
        values.iter().map(|(.., value)| *value).collect()
    };
    let Some(sum) = numbers.iter().copied().reduce(Number::plus) else { return };
    let most = numbers.iter().copied().max_by(|a, b| a.as_f64().total_cmp(&b.as_f64())).unwrap_or(sum);
    let ratio =
        Catalogue::builtin().get(metric.as_str()).is_some_and(|metric| metric.nature == Nature::Ratio);
    let bounds = if ratio { String::new() } else { format!("; it lies in [{most}, {sum}]") };
    let why = if values.is_empty() {
        format!("the platform gave no {metric} for exactly {span}")
    } else {
        format!("{metric} of several subjects cannot be added")
    };
    gathered.refused = Some(format!("{why}{bounds}"));
    gathered.unsplit = values.is_empty();
}
