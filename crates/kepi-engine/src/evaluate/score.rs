//! One KPI: choosing its traffic and putting its cells together.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use kepi_core::{DateSpan, Error, ErrorKind, Platform, Result, SubjectKind, Traffic};

use super::{
    Data,
    card::ScoreRow,
    daily::Daily,
    gathered::{Cells, Gathered, ObservedTwice, QuickMap},
    known::{KnownCells, counts_posts},
    request::EvaluationRequest,
    row::{Gathering, Scorer},
    scope::SettledScopes,
    subjects::{self, Question},
};
use crate::{
    formula::{Fold, Origin},
    kpi::{Basis, Kpi},
    number::Number,
};

/// Puts the rows of each KPI by its number. They are worked out on all cores, for no KPI needs another, and put as they
/// are done, so that there are never many beside the whole; the room that they took is used again.
pub(super) fn score_all(
    request: &EvaluationRequest,
    scopes: &SettledScopes,
    data: &Data,
    kpis: &[&Kpi],
    mut put: impl FnMut(usize, &mut Vec<ScoreRow>),
) -> Result<()> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    if cores.min(kpis.len()) < 2 {
        return kpis.iter().enumerate().try_for_each(|(number, kpi)| {
            let mut rows = Vec::new();
            score(request, scopes, data, kpi, &mut rows)?;
            put(number, &mut rows);
            Ok(())
        });
    }
    let next = AtomicUsize::new(0);
    let (sender, done) = sync_channel(1);
    let emptied: Mutex<Vec<Vec<ScoreRow>>> = Mutex::default();
    let emptied = || emptied.lock().unwrap_or_else(PoisonError::into_inner);
    let work = |sender: SyncSender<(usize, Result<Vec<ScoreRow>>)>| {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(kpi) = kpis.get(number) else { return };
            let mut rows = emptied().pop().unwrap_or_default();
            let scored = score(request, scopes, data, kpi, &mut rows);
            // Where nobody listens any more, another KPI could not be evaluated.
            if sender.send((number, scored.map(|()| rows))).is_err() {
                return;
            }
        }
    };
    thread::scope(|threads| {
        let begin = |_| {
            let (sender, work) = (sender.clone(), &work);
            let thread = thread::Builder::new().name("kepi-rows".to_owned());
            thread.spawn_scoped(threads, move || work(sender)).ok()
        };
        let begun = (0..cores.min(kpis.len())).filter_map(begin).count();
        drop(sender);
        if begun == 0 {
            return Err(Error::new(ErrorKind::Unexpected, "no thread could be had to work out the rows on")
                .hint("is the number of processes of this user limited?"));
        }
        done.into_iter().try_for_each(|(number, rows)| {
            let mut rows = rows?;
            put(number, &mut rows);
            emptied().push(rows);
            Ok(())
        })
    })
}

/// Adds the rows of one KPI.
fn score(
    request: &EvaluationRequest,
    scopes: &SettledScopes,
    data: &Data,
    kpi: &Kpi,
    rows: &mut Vec<ScoreRow>,
) -> Result<()> {
    let wanted: Vec<bool> = scopes.accounts.iter().map(|account| account.concerns(request, kpi)).collect();
    let wanted = |account: u32| wanted.get(account as usize).copied().unwrap_or(false);
    let traffic = chosen_traffic(request, scopes, data, kpi, &wanted);
    let members = members(scopes, &wanted);
    let assembly = Assembly {
        request,
        data,
        kpi,
        traffic: traffic.unwrap_or(Traffic::Organic),
        spans: request.spans(kpi),
    };
    let (mut cells, daily) = assembly.posts(&wanted)?;
    let known = assembly.known(&wanted);
    let (mut bases, coverage) = assembly.facts(&members, daily.as_deref());
    // Both make one cell, in which the days stand once.
    assembly.count_days(if bases.is_empty() { &mut cells } else { &mut bases });
    let parts = Gathering { cells, bases, known, coverage, members };
    let scorer = Scorer::new(request, scopes, kpi, traffic, assembly.spans, parts, &data.frozen);
    scorer.rows(rows);
    Ok(())
}

/// The accounts of each scope without post dimensions.
fn members(scopes: &SettledScopes, wanted: &dyn Fn(u32) -> bool) -> HashMap<u32, Vec<u32>> {
    let mut members: HashMap<u32, Vec<u32>> = HashMap::new();
    for account in
        (0..u32::try_from(scopes.accounts.len()).unwrap_or(u32::MAX)).filter(|account| wanted(*account))
    {
        members.entry(scopes.of_account(account)).or_default().push(account);
    }
    members
}

/// One traffic per KPI and evaluation: the KPI's own, else the first in the platform's order for which the data
/// hold every metric.
fn chosen_traffic(
    request: &EvaluationRequest,
    scopes: &SettledScopes,
    data: &Data,
    kpi: &Kpi,
    wanted: &dyn Fn(u32) -> bool,
) -> Option<Traffic> {
    kpi.traffic.or_else(|| {
        traffic_order(request, scopes, kpi).into_iter().find(|traffic| data.holds(kpi, *traffic, wanted))
    })
}

fn traffic_order(request: &EvaluationRequest, scopes: &SettledScopes, kpi: &Kpi) -> Vec<Traffic> {
    let mut platforms: Vec<&str> = kpi.platforms.iter().map(Platform::as_str).collect();
    if platforms.is_empty() {
        platforms = scopes.accounts.iter().map(|account| account.platform.as_str()).collect();
        platforms.sort_unstable();
        platforms.dedup();
    }
    let mut order: Vec<Traffic> = Vec::new();
    let declared = platforms.into_iter().filter_map(|name| Platform::new(name).ok());
    let declared = declared.flat_map(|platform| request.offered.traffic_order(&platform));
    for traffic in declared.chain([Traffic::Organic, Traffic::Total, Traffic::Unknown, Traffic::Paid]) {
        if !order.contains(&traffic) {
            order.push(traffic);
        }
    }
    order
}

impl Data {
    /// Whether the data hold every metric of a KPI in a traffic.
    fn holds(&self, kpi: &Kpi, traffic: Traffic, wanted: &dyn Fn(u32) -> bool) -> bool {
        let posts = match kpi.basis {
            _ if !kpi.program.reads(Origin::Posts) => true,
            Basis::Published => {
                self.readings.as_ref().is_some_and(|readings| readings.holds(kpi, traffic, wanted))
            }
            Basis::Activity => self.daily.as_ref().is_some_and(|daily| daily.holds(kpi, traffic, wanted)),
        };
        posts && kpi.program.subjects().into_iter().all(|kind| self.holds_facts(kpi, kind, traffic, wanted))
    }

    /// States may be of any traffic where the KPI reads other things as well.
    fn holds_facts(
        &self,
        kpi: &Kpi,
        kind: SubjectKind,
        traffic: Traffic,
        wanted: &dyn Fn(u32) -> bool,
    ) -> bool {
        let Some(facts) = self.facts.iter().find(|facts| facts.kind == kind) else { return false };
        let only_states = kpi
            .program
            .parts
            .iter()
            .all(|part| matches!(part.fold, Fold::Last | Fold::First | Fold::MeanOfDays));
        let strict = |fold: Fold| only_states || !matches!(fold, Fold::Last | Fold::First | Fold::MeanOfDays);
        let mut gauges = Vec::new();
        let own =
            kpi.program.parts.iter().filter(|part| part.origin == Origin::Subject(kind) && strict(part.fold));
        own.for_each(|part| part.row.gauges(&mut gauges));
        gauges.into_iter().filter_map(|gauge| facts.place(gauge)).all(|place| {
            facts.records.iter().any(|record| {
                record.traffic == traffic
                    && record.side == kpi.provenance
                    && wanted(record.account)
                    && record.values.get(place).copied().flatten().is_some()
            })
        })
    }
}

/// The share of what should be known that is known, and that is known for good.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub(super) known: f64,
    pub(super) settled: f64,
}

impl Share {
    fn least(self, other: Self) -> Self {
        Self { known: self.known.min(other.known), settled: self.settled.min(other.settled) }
    }
}

/// Shares by scope without post dimensions and span.
pub(super) type Coverage = QuickMap<(u32, usize), Share>;

/// Puts the cells of one KPI together.
struct Assembly<'a> {
    request: &'a EvaluationRequest,
    data: &'a Data,
    kpi: &'a Kpi,
    traffic: Traffic,
    spans: Vec<DateSpan>,
}

impl Assembly<'_> {
    fn none(&self) -> Cells {
        Cells::new(self.kpi.program.parts.len(), self.spans.len())
    }

    /// What posts give, and of an activity the account-days of each span on which they gave it.
    fn posts(&self, wanted: &dyn Fn(u32) -> bool) -> Result<(Cells, Option<Vec<ObservedTwice>>)> {
        let mut cells = self.none();
        if self.kpi.basis == Basis::Published {
            if let Some(readings) = &self.data.readings {
                readings.gather(self.kpi, self.traffic, &self.spans, wanted, &mut cells)?;
            }
        } else if let Some(daily) = self.data.daily.as_ref().filter(|_| Daily::concerns(self.kpi)) {
            let observed = daily.gather(self.kpi, self.traffic, &self.spans, wanted, &mut cells);
            self.count_known(wanted, &mut cells);
            return Ok((cells, Some(observed)));
        }
        self.count_known(wanted, &mut cells);
        let none = Daily::concerns(self.kpi).then(|| vec![ObservedTwice::default(); self.spans.len()]);
        Ok((cells, none))
    }

    fn known(&self, wanted: &dyn Fn(u32) -> bool) -> KnownCells {
        match &self.data.known {
            Some(known) if counts_posts(self.kpi) => known.cells(self.kpi, &self.spans, wanted),
            _ => KnownCells::default(),
        }
    }

    /// Known posts are a part of formulas that count posts.
    fn count_known(&self, wanted: &dyn Fn(u32) -> bool, cells: &mut Cells) {
        let parts = &self.kpi.program.parts;
        for (number, _) in parts.iter().enumerate().filter(|(_, part)| part.origin == Origin::Known) {
            for ((scope, span), known) in self.known(wanted) {
                if let Some(cell) = cells.at(scope, span) {
                    cell.add(number, Some(Number::Whole(i128::from(known.posts))));
                }
            }
        }
    }

    /// The days that are over are a part of formulas that divide by them.
    fn count_days(&self, cells: &mut Cells) {
        let parts = &self.kpi.program.parts;
        for (number, _) in parts.iter().enumerate().filter(|(_, part)| part.origin == Origin::Calendar) {
            for (span, cell) in cells.iter_mut() {
                let days = self.spans.get(span).map(|span| self.request.elapsed(*span).days());
                cell.add(number, days.map(|days| Number::Whole(days.into())));
            }
        }
    }

    /// What facts about accounts and others give, and how much of all that is of accounts was observed.
    fn facts(&self, members: &HashMap<u32, Vec<u32>>, daily: Option<&[ObservedTwice]>) -> (Cells, Coverage) {
        let mut cells = self.none();
        let mut coverage = Coverage::default();
        let kinds = self.kpi.program.subjects();
        for (&base, accounts) in members {
            for (number, &span) in self.spans.iter().enumerate() {
                let observed = daily.and_then(|daily| daily.get(number));
                let mut least = observed.and_then(|observed| self.observed_share(observed, accounts, span));
                if !kinds.is_empty() {
                    let Some(cell) = cells.at(base, number) else { continue };
                    for facts in self.data.facts.iter().filter(|facts| kinds.contains(&facts.kind)) {
                        let mut observed = ObservedTwice::default();
                        let question = Question {
                            kpi: self.kpi,
                            traffic: self.traffic,
                            span,
                            today: self.request.today,
                        };
                        let folded = subjects::fold(facts, question, accounts, &mut observed);
                        let share = self.facts_share(facts.kind, &folded, &observed, accounts, span);
                        least = [least, share].into_iter().flatten().reduce(Share::least);
                        cell.merge(&folded);
                    }
                }
                coverage.extend(least.map(|least| ((base, number), least)));
            }
        }
        (cells, coverage)
    }

    /// Of what happened: observed account-days over those that are over.
    fn observed_share(&self, observed: &ObservedTwice, accounts: &[u32], span: DateSpan) -> Option<Share> {
        let elapsed = self.request.elapsed(span);
        let days = u64::try_from(elapsed.days()).unwrap_or(0) * accounts.len() as u64;
        let of =
            |count: &dyn Fn(u32) -> u64| share(accounts.iter().map(|account| count(*account)).sum(), days);
        Some(Share {
            known: of(&|account| observed.count(account, elapsed))?,
            settled: of(&|account| observed.settled.count(account, elapsed))?,
        })
    }

    /// Of states: accounts whose states are known; of anything else: days.
    fn facts_share(
        &self,
        kind: SubjectKind,
        folded: &Gathered,
        observed: &ObservedTwice,
        accounts: &[u32],
        span: DateSpan,
    ) -> Option<Share> {
        let state = |fold: Fold| matches!(fold, Fold::Last | Fold::First);
        let mut own = self.kpi.program.parts.iter().filter(|part| part.origin == Origin::Subject(kind));
        if own.all(|part| state(part.fold)) {
            let known = share(folded.covered.len() as u64, accounts.len() as u64)?;
            return Some(Share { known, settled: known });
        }
        self.observed_share(observed, accounts, span)
    }
}

#[expect(clippy::cast_precision_loss, reason = "posts and days are far fewer than 2^52")]
pub(super) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64).min(1.0))
}
