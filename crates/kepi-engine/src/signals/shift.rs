//! Level shifts of days, their weekly rhythm taken away.

use jiff::civil::Date;
use kepi_core::{DateSpan, period::days_between};

use super::{
    holidays::Holiday,
    reading::{Desk, Series, reads_states},
    signal::{Evidence, Looked, SignalKind, Verdict},
};
use crate::{
    kpi::{Direction, Kpi},
    statistics::{level_shifts, median, weekday_residuals},
};

/// The days that are looked at.
pub(super) const DAYS: usize = 91;
/// A shift is news for so many days.
const RECENT: i32 = 28;
/// So much is a shift that is told.
const SIZE: f64 = 0.10;
/// Level shifts need so many days.
const FEWEST: usize = 30;

/// A level shift that is news.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    pub(super) before: f64,
    pub(super) after: f64,
    /// As a fraction of the level before.
    pub(super) change: f64,
    /// The days at the new level.
    pub(super) days: DateSpan,
    /// The days at the one before it.
    pub(super) earlier: DateSpan,
}

/// The newest level shift of days, if it began in the last four weeks; days that are not known are left out.
pub(super) fn recent(days: &Series, until: Date) -> Option<Found> {
    let values = days.values();
    let middle = median(&values.iter().copied().flatten().collect::<Vec<_>>())?;
    let residuals = weekday_residuals(&values);
    let known: Vec<(usize, f64)> =
        residuals.iter().enumerate().filter_map(|(day, left)| Some((day, (*left)? + middle))).collect();
    let levels: Vec<f64> = known.iter().map(|(_, level)| *level).collect();
    let shifts = level_shifts(&levels);
    let shift = shifts.last()?;
    let day = |place: usize| Some(days.points.get(known.get(place)?.0)?.span.start);
    let (start, end) = (day(shift.point)?, days.span()?.end);
    let begun = shifts.len().checked_sub(2).and_then(|at| shifts.get(at)).map_or(0, |before| before.point);
    let news = days_between(start, until) <= RECENT && shift.before > 0.0;
    news.then_some(())?;
    Some(Found {
        before: shift.before,
        after: shift.after,
        change: shift.after / shift.before - 1.0,
        days: DateSpan::new(start, end),
        earlier: DateSpan::new(day(begun)?, start),
    })
}

impl Found {
    pub(super) fn told(&self) -> String {
        format!("{:+.1} % from one day to the next, since {}", self.change * 100.0, self.days.start)
    }

    pub(super) fn evidence(&self, kpi: &str) -> [Evidence; 2] {
        [
            Evidence::new(kpi, self.earlier, self.before).note("mean of the days before"),
            Evidence::new(kpi, self.days, self.after).note("mean of the days since"),
        ]
    }

    /// The holiday that explains it: at least half of its days are of one.
    pub(super) fn holiday<'h>(&self, named: &[&'h Holiday]) -> Option<&'h Holiday> {
        let all = self.days.days();
        named.iter().copied().find(|holiday| 2 * holiday.days_of(self.days) >= all)
    }
}

/// Whether a KPI has days whose level can be told.
pub(super) fn concerns(kpi: &Kpi) -> bool {
    !reads_states(kpi)
}

/// Looks for a level shift in the days of a KPI.
pub(super) fn look(desk: &Desk<'_>, kpi: &Kpi, daily: &Series) -> Option<Looked> {
    let days = daily.newest(DAYS, desk.settled(kpi));
    let span = days.span()?;
    let looked = Looked::new(SignalKind::Shift, kpi, &days.scope, span);
    if let Some(reason) = desk.divided(kpi, &days.scope, span) {
        return Some(looked.say(Verdict::CannotTell, reason));
    }
    if days.known() < FEWEST {
        let reason = format!("{} days are known; a level shift needs {FEWEST}", days.known());
        return Some(looked.say(Verdict::CannotTell, reason));
    }
    let named = super::holidays::of(&desk.platforms(kpi, &days.scope));
    let Some(found) = recent(&days, desk.until) else {
        return Some(looked.say(Verdict::Under, "no other level began in the last four weeks"));
    };
    let better = match kpi.direction {
        Direction::Up => found.change > 0.0,
        Direction::Down => found.change < 0.0,
        Direction::Band => false,
    };
    let way = if better { "for the better" } else { "for the worse" };
    let way = if kpi.direction == Direction::Band { "in a band" } else { way };
    let (verdict, because) = match found.holiday(&named) {
        Some(holiday) => (Verdict::Explained, format!("; it goes with {}", holiday.name_en)),
        None if found.change.abs() >= SIZE => (Verdict::Over, String::new()),
        None => (Verdict::Near, String::new()),
    };
    Some(
        looked
            .say(verdict, format!("{}, {way}{because}", found.told()))
            .effect("level", found.change, None, "fraction")
            .evidence(found.evidence(&kpi.id)),
    )
}
