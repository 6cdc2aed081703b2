//! Writing the rows of one KPI from its cells.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

use kepi_core::{DateSpan, Traffic, Unit};
use smol_str::SmolStr;

use super::{
    card::{BaselineValue, ScopeName, ScoreRow, Status},
    compared,
    frozen::Frozen,
    gathered::{Cells, Gathered},
    judge,
    known::{KnownCells, KnownPosts},
    notes::Around,
    pace::Weighed,
    request::{EvaluationRequest, Framed},
    scope::SettledScopes,
    score::{Coverage, Share, share},
};
use crate::{
    formula::{Origin, Shape},
    kpi::{Basis, Kpi, Past, Profile, Target},
    number::Number,
    statistics::{clustered_interval, wilson_interval},
};

/// What was gathered for one KPI.
pub(super) struct Gathering {
    /// What posts give.
    pub(super) cells: Cells,
    /// What accounts give, by scope without post dimensions.
    pub(super) bases: Cells,
    pub(super) known: KnownCells,
    pub(super) coverage: Coverage,
    /// The accounts of each scope without post dimensions.
    pub(super) members: HashMap<u32, Vec<u32>>,
}

/// What is at hand to write the rows of one KPI.
pub(super) struct Scorer<'a> {
    pub(super) request: &'a EvaluationRequest,
    pub(super) kpi: &'a Kpi,
    scopes: &'a SettledScopes,
    traffic: Option<Traffic>,
    /// All spans that numbers are asked for, in order; elsewhere they go by their place here.
    spans: Vec<DateSpan>,
    frames: Vec<Frame>,
    gathered: Gathering,
    /// Baselines that do not move any more.
    frozen: &'a Frozen,
    /// Of each target, what the days of its period weigh as far as the past does not say it.
    pub(super) weighed: Vec<Weighed>,
    id: SmolStr,
    name: SmolStr,
}

/// A period of the output, with the places of its spans.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) framed: Framed,
    place: Option<usize>,
    previous: Option<usize>,
    /// The earlier like periods, newest first.
    pub(super) trailing: Vec<usize>,
}

/// A value with its parts, or why there is none.
#[derive(Debug, Clone, Default)]
pub(super) struct Valued {
    pub(super) value: Option<Number>,
    pub(super) numerator: Option<Number>,
    pub(super) denominator: Option<Number>,
    pub(super) reason: Option<(Status, String)>,
}

/// Everything of a scope and span: its posts, and its accounts.
#[derive(Debug, Default)]
pub(super) struct Told<'a> {
    pub(super) cell: Option<Cow<'a, Gathered>>,
    pub(super) valued: Valued,
    pub(super) coverage: Option<f64>,
}

/// A scope, and all that is told of it: rows of several periods look at the same spans.
pub(super) struct Placed<'a> {
    scope: u32,
    base: u32,
    pub(super) name: ScopeName,
    pub(super) around: &'a Around<'a>,
    told: Vec<Told<'a>>,
    pub(super) frozen: Option<&'a HashMap<DateSpan, BaselineValue>>,
}

impl<'a> Scorer<'a> {
    pub(super) fn new(
        request: &'a EvaluationRequest,
        scopes: &'a SettledScopes,
        kpi: &'a Kpi,
        traffic: Option<Traffic>,
        spans: Vec<DateSpan>,
        gathered: Gathering,
        frozen: &'a Frozen,
    ) -> Self {
        let place = |span: DateSpan| spans.binary_search(&span).ok();
        let frame = |framed: Framed| Frame {
            framed,
            place: place(framed.span),
            previous: place(framed.previous),
            trailing: request.trailing(kpi, framed).into_iter().filter_map(place).collect(),
        };
        let frames = request.framed().into_iter().map(frame).collect();
        let weighed = |target: &Target| {
            let period = target.period.span;
            let weights = target.profile.day_weights(period, &Past::default());
            Weighed::of(&weights.unwrap_or_else(|_| Profile::linear(period)))
        };
        let weighed = kpi.targets.iter().map(weighed).collect();
        let (id, name) = (SmolStr::new(&kpi.id), SmolStr::new(kpi.name()));
        Self { request, kpi, scopes, traffic, spans, frames, gathered, frozen, weighed, id, name }
    }

    /// Adds the rows to others.
    pub(super) fn rows(&self, rows: &mut Vec<ScoreRow>) {
        let scopes = self.row_scopes();
        let mut around: HashMap<u32, Around<'_>> = HashMap::new();
        for base in scopes.iter().map(|scope| self.scopes.base(*scope)) {
            let members = self.gathered.members.get(&base).map(Vec::as_slice).unwrap_or_default();
            around.entry(base).or_insert_with(|| Around::new(self.kpi, self.request, self.scopes, members));
        }
        rows.reserve(scopes.len() * self.frames.len());
        for scope in scopes {
            let base = self.scopes.base(scope);
            let Some(around) = around.get(&base) else { continue };
            let name = self.scopes.named(scope);
            let told = (0..self.spans.len()).map(|place| self.told(scope, base, place)).collect();
            let frozen = self.frozen.of(self.kpi, &name);
            let placed = Placed { scope, base, name, around, told, frozen };
            rows.extend(self.frames.iter().map(|frame| self.row(&placed, frame)));
        }
    }

    /// Scopes that get rows: of posts those that were seen, of accounts all, and the whole always.
    fn row_scopes(&self) -> Vec<u32> {
        let mut shown = vec![false; self.spans.len()];
        for slot in self.frames.iter().filter_map(|frame| frame.place) {
            shown.get_mut(slot).into_iter().for_each(|shown| *shown = true);
        }
        let of_posts = self.gathered.cells.iter().map(|(scope, span, _)| (scope, span));
        let seen = of_posts.chain(self.gathered.known.keys().copied());
        let seen = seen.filter(|(_, span)| shown.get(*span).copied().unwrap_or(false));
        let mut found: BTreeSet<u32> = seen.map(|(scope, _)| scope).collect();
        if found.is_empty() || !self.scopes.of_posts() {
            found.extend(self.gathered.members.keys());
        }
        if found.is_empty() && self.scopes.dimensions.is_empty() {
            found.insert(self.scopes.whole);
        }
        let mut found: Vec<u32> = found.into_iter().collect();
        found.sort_by_key(|scope| self.scopes.rank(*scope));
        found
    }

    /// What is told of a scope in a span.
    fn told(&self, scope: u32, base: u32, place: usize) -> Told<'_> {
        let (cells, bases) = (&self.gathered.cells, &self.gathered.bases);
        let cell = match (cells.get(scope, place), bases.get(base, place)) {
            (Some(posts), Some(accounts)) => {
                let mut both = posts.clone();
                both.merge(accounts);
                Some(Cow::Owned(both))
            }
            (one, other) => one.or(other).map(Cow::Borrowed),
        };
        let valued = self.valued(cell.as_deref());
        let coverage = self.coverage((scope, base), place, cell.as_deref());
        Told { cell, valued, coverage }
    }

    /// What is told in a span; nothing where its numbers were not asked for.
    pub(super) fn of_span<'p>(&self, placed: &'p Placed<'_>, span: DateSpan) -> Option<&'p Told<'p>> {
        placed.told.get(self.spans.binary_search(&span).ok()?)
    }

    /// A span by its place, and what is told in it.
    pub(super) fn of_place<'p>(
        &self,
        placed: &'p Placed<'_>,
        place: usize,
    ) -> Option<(DateSpan, &'p Told<'p>)> {
        Some((*self.spans.get(place)?, placed.told.get(place)?))
    }

    pub(super) fn value(&self, placed: &Placed<'_>, span: DateSpan) -> Option<f64> {
        self.of_span(placed, span)?.valued.value.map(Number::as_f64)
    }

    fn row(&self, placed: &Placed<'_>, frame: &Frame) -> ScoreRow {
        let nothing = Told::default();
        let of = |place: Option<usize>| place.and_then(|place| placed.told.get(place)).unwrap_or(&nothing);
        let (framed, now, before) = (frame.framed, of(frame.place), of(frame.previous));
        let cell = now.cell.as_deref();
        let mut valued = Cow::Borrowed(&now.valued);
        if let (1, Some(cell), Some(apart)) = (framed.span.days(), cell, &placed.around.days_apart)
            && cell.refused.is_none()
        {
            let status = if cell.unsplit { Status::NoData } else { Status::NotComparable };
            valued = Cow::Owned(Valued { reason: Some((status, apart.clone())), ..Valued::default() });
        }
        let interval = cell.filter(|_| valued.value.is_some()).and_then(|cell| self.interval(&valued, cell));
        let known = self.known(placed.scope, frame.place);
        let mut row = ScoreRow {
            kpi: self.id.clone(),
            version: self.kpi.version,
            name: self.name.clone(),
            scope: placed.name.clone(),
            basis: self.kpi.basis,
            traffic: self.traffic,
            period: framed.span.into(),
            value: valued.value,
            unit: self.unit(cell),
            numerator: valued.numerator,
            denominator: valued.denominator,
            posts: self.posts(cell, known),
            interval,
            previous: before.valued.value,
            change_abs: None,
            change_rel: None,
            target: None,
            baseline: None,
            attainment: None,
            pace: None,
            status: Status::NoTarget,
            coverage: now.coverage,
            fresh_at: cell.and_then(|cell| cell.fresh),
            benchmark: None,
            notes: placed.around.notes(cell, known, framed.span),
            measured_from: None,
            trailing: Vec::new(),
            provisional: cell.map_or(0, |cell| cell.provisional),
        };
        row.notes.extend(self.request.compare.told(framed));
        self.compare(placed, framed, [cell, before.cell.as_deref()], &mut row);
        self.judge(placed, framed.span, (&valued, cell), &mut row);
        self.hold_beside(placed, frame, &mut row);
        row
    }

    fn known(&self, scope: u32, place: Option<usize>) -> KnownPosts {
        place.and_then(|place| self.gathered.known.get(&(scope, place))).copied().unwrap_or_default()
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

    fn unit(&self, cell: Option<&Gathered>) -> SmolStr {
        let currency = cell.and_then(|cell| cell.currencies.first()).filter(|_| self.kpi.unit == Unit::Money);
        currency.cloned().unwrap_or_else(|| SmolStr::new_static(self.kpi.unit.as_str()))
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
    fn coverage(&self, (scope, base): (u32, u32), place: usize, cell: Option<&Gathered>) -> Option<f64> {
        let of_accounts = self.gathered.coverage.get(&(base, place)).map(|share| share.known);
        if !self.of_published_posts() {
            return of_accounts;
        }
        let of_posts = share(cell.map_or(0, |cell| cell.usable), self.known(scope, Some(place)).posts);
        match (of_posts, of_accounts) {
            (Some(posts), Some(accounts)) => Some(posts.min(accounts)),
            (one, other) => one.or(other),
        }
    }

    /// Whether any scope and span of the evaluation has a number of the KPI.
    pub(super) fn found(&self) -> bool {
        let mut cells = self.gathered.cells.iter().chain(self.gathered.bases.iter());
        cells.any(|(.., cell)| cell.parts.iter().any(Option::is_some))
    }

    fn share(&self, placed: &Placed<'_>, span: DateSpan) -> Option<Share> {
        let place = self.spans.binary_search(&span).ok()?;
        self.gathered.coverage.get(&(placed.base, place)).copied()
    }

    /// Against the period before, like for like: without what may still change, and of a sum per day where the
    /// days differ.
    fn compare(
        &self,
        placed: &Placed<'_>,
        framed: Framed,
        cells: [Option<&Gathered>; 2],
        row: &mut ScoreRow,
    ) {
        if row.value.is_some()
            && let Some(broken) = placed.around.broken(framed.previous.start, framed.span.end)
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
    fn days(&self, placed: &Placed<'_>, span: DateSpan, settled: bool) -> f64 {
        let elapsed = f64::from(self.request.elapsed(span).days());
        match self.share(placed, span).filter(|_| self.kpi.basis == Basis::Activity) {
            Some(share) => elapsed * if settled { share.settled } else { share.known },
            None => elapsed,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "days are few")]
fn days_text(days: f64) -> String {
    if days.fract().abs() < 1e-9 { (days.round() as i64).to_string() } else { format!("{days:.1}") }
}
