//! Writing the rows of one KPI from its cells.

use std::collections::{BTreeSet, HashMap};

use kepi_core::{DateSpan, Traffic, Unit};
use smol_str::SmolStr;

use super::{
    card::{ScoreRow, Status},
    compared,
    frozen::Frozen,
    gathered::{Cells, Gathered},
    judge,
    known::KnownPosts,
    notes::Notes,
    request::{EvaluationRequest, Framed},
    scope::Scopes,
    score::{Coverage, Share, share},
};
use crate::{
    formula::{Origin, Shape},
    kpi::{Basis, Kpi},
    number::Number,
    statistics::{clustered_interval, wilson_interval},
};

/// What is at hand to write the rows of one KPI.
pub(super) struct Scorer<'a> {
    pub(super) request: &'a EvaluationRequest,
    pub(super) kpi: &'a Kpi,
    pub(super) traffic: Option<Traffic>,
    pub(super) spans: Vec<DateSpan>,
    /// What posts give.
    pub(super) cells: Cells,
    /// What accounts give, by scope without post dimensions.
    pub(super) bases: Cells,
    pub(super) known: HashMap<(u32, usize), KnownPosts>,
    pub(super) coverage: Coverage,
    /// The accounts of each scope without post dimensions.
    pub(super) members: HashMap<u32, Vec<u32>>,
    /// Baselines that do not move any more.
    pub(super) frozen: &'a Frozen,
}

/// A value with its parts, or why there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Valued {
    pub(super) value: Option<Number>,
    pub(super) numerator: Option<Number>,
    pub(super) denominator: Option<Number>,
    pub(super) reason: Option<(Status, String)>,
}

/// A scope, and the same without post dimensions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) scope: u32,
    pub(super) base: u32,
}

impl Scorer<'_> {
    pub(super) fn rows(&self, scopes: &mut Scopes) -> Vec<ScoreRow> {
        let framed = self.request.framed();
        let mut rows = Vec::new();
        for scope in self.row_scopes(scopes, &framed) {
            let placed = Placed { scope, base: scopes.base(scope) };
            rows.extend(framed.iter().map(|framed| self.row(scopes, placed, *framed)));
        }
        rows
    }

    /// Scopes that get rows: of posts those that were seen, of accounts all, and the whole always.
    fn row_scopes(&self, scopes: &mut Scopes, framed: &[Framed]) -> Vec<u32> {
        let shown: Vec<usize> = framed.iter().filter_map(|framed| self.number(framed.span)).collect();
        let seen = self.cells.keys().chain(self.known.keys());
        let mut found: BTreeSet<u32> =
            seen.filter(|(_, span)| shown.contains(span)).map(|(scope, _)| *scope).collect();
        if found.is_empty() || scopes.post_dimensions().is_empty() {
            found.extend(self.members.keys());
        }
        if found.is_empty() && scopes.dimensions.is_empty() {
            found.insert(scopes.scope(u32::MAX, &[]));
        }
        let mut found: Vec<u32> = found.into_iter().collect();
        found.sort_by(|a, b| scopes.values(*a).cmp(scopes.values(*b)));
        found
    }

    fn number(&self, span: DateSpan) -> Option<usize> {
        self.spans.binary_search(&span).ok()
    }

    /// Everything of a scope and span: its posts, and its accounts.
    pub(super) fn cell(&self, placed: Placed, span: DateSpan) -> Option<Gathered> {
        let number = self.number(span)?;
        let (posts, accounts) =
            (self.cells.get(&(placed.scope, number)), self.bases.get(&(placed.base, number)));
        match (posts, accounts) {
            (Some(posts), Some(accounts)) => {
                let mut both = posts.clone();
                both.merge(accounts);
                Some(both)
            }
            (one, other) => one.or(other).cloned(),
        }
    }

    fn known(&self, scope: u32, span: DateSpan) -> KnownPosts {
        self.number(span).and_then(|number| self.known.get(&(scope, number))).copied().unwrap_or_default()
    }

    fn row(&self, scopes: &Scopes, placed: Placed, framed: Framed) -> ScoreRow {
        let mut cell = self.cell(placed, framed.span);
        if framed.span.days() == 1
            && let Some(cell) = &mut cell
        {
            cell.refused = cell.refused.take().or_else(|| self.notes(scopes, placed).days_apart());
        }
        let valued = self.valued(cell.as_ref());
        let earlier = self.cell(placed, framed.previous);
        let before = self.valued(earlier.as_ref());
        let interval =
            cell.as_ref().filter(|_| valued.value.is_some()).and_then(|cell| self.interval(&valued, cell));
        let known = self.known(placed.scope, framed.span);
        let mut row = ScoreRow {
            kpi: self.kpi.id.clone(),
            version: self.kpi.version,
            name: self.kpi.name().to_owned(),
            scope: scopes.named(placed.scope),
            basis: self.kpi.basis,
            traffic: self.traffic,
            period: framed.span.into(),
            value: valued.value,
            unit: self.unit(cell.as_ref()),
            numerator: valued.numerator,
            denominator: valued.denominator,
            posts: self.posts(cell.as_ref(), known),
            interval,
            previous: before.value,
            change_abs: None,
            change_rel: None,
            target: None,
            baseline: None,
            attainment: None,
            pace: None,
            status: Status::NoTarget,
            coverage: self.coverage(placed, framed.span, cell.as_ref()),
            fresh_at: cell.as_ref().and_then(|cell| cell.fresh),
            benchmark: None,
            notes: self.notes(scopes, placed).of(cell.as_ref(), known, framed.span),
            measured_from: None,
            trailing: Vec::new(),
            provisional: cell.as_ref().map_or(0, |cell| cell.provisional),
        };
        row.notes.extend(self.request.compare.told(framed));
        self.compare(scopes, placed, framed, [cell.as_ref(), earlier.as_ref()], &mut row);
        self.judge(scopes, placed, framed.span, (&valued, cell.as_ref()), &mut row);
        self.hold_beside(scopes, placed, framed, &mut row);
        row
    }

    fn notes<'n>(&'n self, scopes: &'n Scopes, placed: Placed) -> Notes<'n> {
        Notes { kpi: self.kpi, request: self.request, scopes, members: self.members(placed) }
    }

    pub(super) fn members(&self, placed: Placed) -> &[u32] {
        self.members.get(&placed.base).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn valued(&self, cell: Option<&Gathered>) -> Valued {
        let Some(cell) = cell else { return Valued::default() };
        let refused = |status, reason| Valued { reason: Some((status, reason)), ..Valued::default() };
        if let Some(reason) = &cell.refused {
            let status = if cell.unsplit { Status::NoData } else { Status::NotComparable };
            return refused(status, reason.clone());
        }
        if cell.currencies.len() > 1 {
            let list: Vec<&str> = cell.currencies.iter().map(SmolStr::as_str).collect();
            let reason = format!("money in {} is not added; break it down by account", list.join(" and "));
            return refused(Status::NotComparable, reason);
        }
        let parts = cell.finished(&self.kpi.program);
        let value = self.kpi.program.total.value(&parts);
        let (numerator, denominator) = match &self.kpi.program.ratio {
            Some((numerator, denominator)) => (numerator.value(&parts), denominator.value(&parts)),
            None => (value, None),
        };
        let mut valued = Valued { value, numerator, denominator, reason: None };
        if value.is_none() && denominator.is_some_and(Number::is_zero) {
            let over = numerator.map_or_else(|| "nothing".to_owned(), |numerator| numerator.to_string());
            valued.reason =
                Some((Status::NoData, format!("the denominator is zero: {over} over 0 is nothing")));
        }
        valued
    }

    fn interval(&self, valued: &Valued, cell: &Gathered) -> Option<(f64, f64)> {
        if self.kpi.independent_trials {
            let whole = |number: Option<Number>| match number {
                Some(Number::Whole(whole)) => u64::try_from(whole).ok(),
                _ => None,
            };
            return wilson_interval(whole(valued.numerator)?, whole(valued.denominator)?);
        }
        self.kpi.program.cluster.as_ref()?;
        clustered_interval(&cell.cluster)
    }

    fn unit(&self, cell: Option<&Gathered>) -> String {
        let currency = cell.and_then(|cell| cell.currencies.first()).filter(|_| self.kpi.unit == Unit::Money);
        currency.map_or_else(|| self.kpi.unit.as_str().to_owned(), SmolStr::to_string)
    }

    fn of_published_posts(&self) -> bool {
        self.kpi.program.reads(Origin::Posts) && self.kpi.basis == Basis::Published
    }

    fn posts(&self, cell: Option<&Gathered>, known: KnownPosts) -> Option<u64> {
        if self.of_published_posts() {
            return Some(cell.map_or(0, |cell| cell.usable));
        }
        self.kpi.program.reads(Origin::Known).then_some(known.posts)
    }

    /// `published`: usable posts over known posts; `activity`: observed over expected account-days; of both the
    /// lesser.
    pub(super) fn coverage(&self, placed: Placed, span: DateSpan, cell: Option<&Gathered>) -> Option<f64> {
        let of_accounts = self.share(placed, span).map(|share| share.known);
        if !self.of_published_posts() {
            return of_accounts;
        }
        let of_posts = share(cell.map_or(0, |cell| cell.usable), self.known(placed.scope, span).posts);
        match (of_posts, of_accounts) {
            (Some(posts), Some(accounts)) => Some(posts.min(accounts)),
            (one, other) => one.or(other),
        }
    }

    /// Whether any scope and span of the evaluation has a number of the KPI.
    pub(super) fn found(&self) -> bool {
        self.cells.values().chain(self.bases.values()).any(|cell| cell.parts.iter().any(Option::is_some))
    }

    fn share(&self, placed: Placed, span: DateSpan) -> Option<Share> {
        self.number(span).and_then(|number| self.coverage.get(&(placed.base, number))).copied()
    }

    /// Against the period before, like for like: without what may still change, and of a sum per day where the
    /// days differ.
    fn compare(
        &self,
        scopes: &Scopes,
        placed: Placed,
        framed: Framed,
        cells: [Option<&Gathered>; 2],
        row: &mut ScoreRow,
    ) {
        if row.value.is_some()
            && let Some(broken) = self.broken(scopes, placed, framed.previous.start, framed.span.end)
        {
            row.notes.push(compared::across(broken));
            return;
        }
        let settled = |cell: Option<&Gathered>| {
            cell.filter(|cell| cell.refused.is_none())
                .and_then(|cell| self.kpi.program.total.value(&cell.settled))
        };
        let provisional = cells.iter().flatten().any(|cell| cell.provisional > 0);
        let aside = provisional && self.kpi.basis == Basis::Activity;
        let (value, previous) =
            if aside { (settled(cells[0]), settled(cells[1])) } else { (row.value, row.previous) };
        if aside {
            row.notes.push("the change leaves out what is provisional".to_owned());
        }
        let (Some(value), Some(previous)) = (value, previous) else { return };
        let mut scale = 1.0;
        if self.kpi.program.shape == Shape::Extensive {
            let now = self.days(placed, framed.span, aside);
            let before = self.days(placed, framed.previous, aside);
            if (now - before).abs() > 1e-9 && now > 0.0 && before > 0.0 {
                scale = now / before;
                let (raw, fraction) = judge::change(value, previous, 1.0);
                let fraction = fraction.map_or_else(String::new, |raw| format!(" ({:+.1} %)", raw * 100.0));
                let (now, before) = (days_text(now), days_text(before));
                row.notes.push(format!(
                    "the change is per day: {now} days against {before}; raw it is {raw}{fraction}"
                ));
            }
        }
        let (absolute, relative) = judge::change(value, previous, scale);
        (row.change_abs, row.change_rel) = (Some(absolute), relative);
    }

    /// Days per account that a sum was collected on.
    fn days(&self, placed: Placed, span: DateSpan, settled: bool) -> f64 {
        let elapsed = f64::from(self.request.elapsed(span).days());
        match self.share(placed, span).filter(|_| self.kpi.basis == Basis::Activity) {
            Some(share) => elapsed * if settled { share.settled } else { share.known },
            None => elapsed,
        }
    }
}

fn days_text(days: f64) -> String {
    if days.fract().abs() < 1e-9 { format!("{days:.0}") } else { format!("{days:.1}") }
}
