//! A row and its target: what it is measured from, where it should stand by now, what it comes to.

use kepi_core::DateSpan;

use super::{
    card::{BaselineValue, Pace, ScoreRow, Status},
    compared,
    gathered::Gathered,
    judge::{self, Held},
    pace::{self, Course, Weighed},
    request::starts,
    row::{Placed, Scorer, Told, Valued},
};
use crate::{
    formula::Shape,
    kpi::{Baseline, Goalpost, Past, Profile, Target, parts_against_whole},
    number::Number,
    statistics::best_forecast,
};

impl Scorer<'_> {
    pub(super) fn judge(
        &self,
        placed: &Placed<'_>,
        span: DateSpan,
        (valued, cell): (&Valued, Option<&Gathered>),
        row: &mut ScoreRow,
    ) {
        let target = self.target(span, row);
        if let Some(target) = target {
            row.baseline = self.baseline(placed, target, row);
            let told = judge::target_value(self.kpi, target, row.baseline);
            if told.value.is_none() {
                row.notes.push("the target is measured from a baseline that has no value".to_owned());
            }
            row.target = Some(Box::new(told));
            if target.scope.is_empty() && row.scope.is_empty() {
                row.notes.extend(parts_against_whole(self.kpi, target.period.span));
            }
        }
        let Some(value) = valued.value else {
            let absence = || placed.around.absence(cell, self.found());
            let (status, reason) = valued.reason.clone().unwrap_or_else(absence);
            row.status = status;
            row.notes.push(reason);
            return;
        };
        if let Some(target) = target {
            self.hold(placed, span, (target, valued, value.as_f64()), row);
        }
        if row.coverage.is_some_and(|coverage| coverage < self.request.min_coverage) {
            row.status = Status::Partial;
        }
    }

    /// The target of a row, where it can be held against it.
    fn target(&self, span: DateSpan, row: &ScoreRow) -> Option<&Target> {
        self.kpi.target(&row.scope, span).filter(|target| {
            // A sum over a part of the target's period is held against it while that part runs on.
            let extends = self.kpi.program.shape == Shape::Extensive && target.period.span != span;
            !(extends && span.end < self.request.today)
        })
    }

    fn hold(
        &self,
        placed: &Placed<'_>,
        span: DateSpan,
        (target, valued, value): (&Target, &Valued, f64),
        row: &mut ScoreRow,
    ) {
        let period = target.period.span;
        if let (Some(from), true) = (row.measured_from.as_deref(), target.goalpost.needs_baseline())
            && let Some(broken) =
                placed.around.broken(from.span.start.min(period.start), from.span.end.max(span.end))
        {
            row.notes.push(format!(
                "the target is measured across a definition break: {}",
                compared::across(broken)
            ));
            row.status = Status::NotComparable;
            return;
        }
        let until = span.end.min(period.end).min(self.request.today);
        let over = period.is_empty() || until >= period.end;
        row.pace =
            if over { None } else { self.pace(placed, span, (target, valued, value), row).map(Box::new) };
        let (baseline, interval) = (row.baseline, row.interval);
        let held = Held { kpi: self.kpi, target, baseline, value, interval, over, pace: row.pace.as_deref() };
        let verdict = judge::hold(held);
        (row.status, row.attainment) = (verdict.status, verdict.attainment);
    }

    /// What the target is measured from: a number that was written down, a period as it was when it was first
    /// evaluated, or of a state where it stood when the target's period began.
    fn baseline(&self, placed: &Placed<'_>, target: &Target, row: &mut ScoreRow) -> Option<f64> {
        match &target.baseline {
            Some(Baseline::Frozen(value)) => Some(*value),
            Some(Baseline::Period(period, written)) => {
                self.baseline_of_period(placed, (period.span, written), row)
            }
            None if self.kpi.program.shape == Shape::State
                && !matches!(target.goalpost, Goalpost::Band(..)) =>
            {
                let value = starts(target).into_iter().find_map(|span| self.value(placed, span))?;
                row.notes.push(format!("the way to the target is measured from {value}, where it began"));
                Some(value)
            }
            None => None,
        }
    }

    fn baseline_of_period(
        &self,
        placed: &Placed<'_>,
        (span, written): (DateSpan, &str),
        row: &mut ScoreRow,
    ) -> Option<f64> {
        let told = self.of_span(placed, span);
        let now = told.and_then(|told| told.valued.value).map(Number::as_f64);
        if let Some(frozen @ BaselineValue { value, frozen_at: Some(at), .. }) =
            placed.frozen.and_then(|frozen| frozen.get(&span)).copied()
        {
            row.measured_from = Some(Box::new(frozen));
            if now.is_some_and(|now| (now - value).abs() > 1e-9 * value.abs().max(1.0)) {
                let now = now.unwrap_or_default();
                row.notes.push(format!(
                    "the baseline of {written} is frozen at {value} since {}; by now the data say {now}",
                    at.strftime("%Y-%m-%d")
                ));
            }
            return Some(value);
        }
        let value = now?;
        let enough = |told: &Told<'_>| {
            told.coverage.is_none_or(|coverage| coverage >= self.request.min_coverage)
                && told.cell.as_ref().is_some_and(|cell| cell.provisional == 0)
        };
        let settled = span.end <= self.request.today && told.is_some_and(enough);
        if !settled {
            row.notes.push(format!(
                "the baseline of {written} is not final: its period runs, or numbers are missing or provisional"
            ));
        }
        let measured_from = BaselineValue { span: span.into(), value, frozen_at: None, settled };
        row.measured_from = Some(Box::new(measured_from));
        Some(value)
    }

    fn pace(
        &self,
        placed: &Placed<'_>,
        span: DateSpan,
        (target, valued, value): (&Target, &Valued, f64),
        row: &mut ScoreRow,
    ) -> Option<Pace> {
        let aim = target.goalpost.value(row.baseline)?;
        if matches!(target.goalpost, Goalpost::Band(..)) {
            return None;
        }
        let period = target.period.span;
        let Some(course) = self.request.course(self.kpi, target, span) else {
            let until = span.end.min(self.request.today);
            let elapsed = usize::try_from(DateSpan::new(period.start, until).days()).unwrap_or(0);
            let done = self.weighed(target)?.done(elapsed);
            let parts = valued.numerator.zip(valued.denominator);
            let parts = parts.map(|(numerator, denominator)| (numerator.as_f64(), denominator.as_f64()));
            return pace::of_ratio(aim, value, row.interval, parts, done);
        };
        let past = Past {
            before: course.before.map(|days| self.daily(placed, days)).unwrap_or_default(),
            before_start: course.before.map(|days| days.start),
            year_before: course.year_before.map(|days| self.daily(placed, days)).unwrap_or_default(),
        };
        let weights = target.profile.day_weights(period, &past).unwrap_or_else(|reason| {
            row.notes.push(reason.to_owned());
            Profile::linear(period)
        });
        let days = self.daily(placed, course.days);
        let left = weights.len().saturating_sub(days.len());
        let ahead = matches!(target.profile, Profile::Weekday(_)).then(|| {
            let series: Vec<Option<f64>> = past.before.iter().chain(&days).copied().collect();
            best_forecast(&series, left)
        });
        let ahead = ahead.flatten();
        if let Some(ahead) = &ahead {
            let error = ahead.error.zip(ahead.naive_error).map_or_else(String::new, |(own, naive)| {
                format!(" (mean absolute scaled error {own:.2}; of the week before again {naive:.2})")
            });
            row.notes.push(format!("the forecast is by {}{error}", ahead.method.as_str()));
        }
        let course = Course { weights: &weights, days: &days, coverage: row.coverage.unwrap_or(1.0), ahead };
        let pace = match (self.kpi.program.shape, row.baseline) {
            (Shape::State, Some(baseline)) => {
                Course { coverage: 1.0, ..course }.of_state(aim, baseline, value)
            }
            (Shape::State, None) => None,
            _ => course.of_sum(aim, value),
        }?;
        if pace.low.zip(pace.high).is_some_and(|(low, high)| low < aim && aim < high) {
            row.notes.push("the forecast's interval holds the target: it can still go either way".to_owned());
        }
        Some(pace)
    }

    /// What the days of a target's period weigh, as far as the past does not say it.
    fn weighed(&self, target: &Target) -> Option<&Weighed> {
        let place = self.kpi.targets.iter().position(|known| std::ptr::eq(known, target))?;
        self.weighed.get(place)
    }

    /// The numbers of days one by one: of a state, what it changed by.
    fn daily(&self, placed: &Placed<'_>, days: DateSpan) -> Vec<Option<f64>> {
        let value = |day| self.value(placed, DateSpan::day(day));
        let values: Vec<Option<f64>> = days.iter().map(value).collect();
        if self.kpi.program.shape != Shape::State {
            return values;
        }
        let before =
            std::iter::once(value(kepi_core::period::add_days(days.start, -1))).chain(values.iter().copied());
        values.iter().zip(before).map(|(now, before)| Some((*now)? - before?)).collect()
    }
}
