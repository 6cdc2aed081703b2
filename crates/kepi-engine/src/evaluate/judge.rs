//! Holding a value against its target, and against the period before.

use super::card::{Pace, Status, TargetValue};
use crate::{
    formula::Shape,
    kpi::{Direction, Goalpost, Kpi, Target},
    number::Number,
};

/// What a value is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) kpi: &'a Kpi,
    pub(super) target: &'a Target,
    /// The value of the baseline, where it has one.
    pub(super) baseline: Option<f64>,
    pub(super) value: f64,
    pub(super) interval: Option<(f64, f64)>,
    /// Whether the target's period is over.
    pub(super) over: bool,
    /// Where it should stand by now, where that can be told.
    pub(super) pace: Option<&'a Pace>,
}

/// What holding it came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    pub(super) status: Status,
    pub(super) attainment: Option<f64>,
}

/// The target as a row shows it.
pub(super) fn target_value(kpi: &Kpi, target: &Target, baseline: Option<f64>) -> TargetValue {
    let band = if let Goalpost::Band(low, high) = target.goalpost { Some((low, high)) } else { None };
    TargetValue {
        value: target.goalpost.value(baseline),
        stretch: target.stretch,
        direction: kpi.direction,
        band,
    }
}

/// Holds a value against its target.
pub(super) fn hold(held: Held<'_>) -> Verdict {
    let Some(aim) = held.target.goalpost.value(held.baseline) else {
        return Verdict { status: Status::NoTarget, attainment: None };
    };
    if let Goalpost::Band(low, high) = held.target.goalpost {
        return Verdict { status: band(held, low, high), attainment: None };
    }
    let status = if held.over {
        ended(held, aim)
    } else {
        running(held, aim, held.pace.map_or(aim, |pace| pace.expected))
    };
    Verdict { status, attainment: attainment(held, aim) }
}

fn ended(held: Held<'_>, aim: f64) -> Status {
    match compared(held, aim) {
        Some(true) => Status::Met,
        Some(false) => Status::Missed,
        None => Status::Undecided,
    }
}

fn running(held: Held<'_>, aim: f64, expected: f64) -> Status {
    // What only grows cannot be taken back: a sum that has reached its target stays there.
    if held.kpi.program.shape == Shape::Extensive {
        match held.kpi.direction {
            Direction::Up if held.value >= aim => return Status::Met,
            Direction::Down if held.value > aim => return Status::Missed,
            _ => {}
        }
    }
    match compared(held, expected) {
        Some(true) => Status::OnTrack,
        Some(false) => Status::AtRisk,
        None => Status::Undecided,
    }
}

/// Whether the value is as good as an aim; `None` where its interval holds the aim.
fn compared(held: Held<'_>, aim: f64) -> Option<bool> {
    let good = |value: f64| if held.kpi.direction == Direction::Down { value <= aim } else { value >= aim };
    match held.interval {
        Some((low, high)) if good(low) != good(high) => None,
        _ => Some(good(held.value)),
    }
}

fn band(held: Held<'_>, low: f64, high: f64) -> Status {
    let inside = |value: f64| (low..=high).contains(&value);
    let (from, until) = held.interval.unwrap_or((held.value, held.value));
    let decided = inside(from) == inside(until) && (inside(from) || until < low || from > high);
    let over = held.over;
    match (decided, inside(held.value)) {
        (false, _) => Status::Undecided,
        (true, true) if over => Status::Met,
        (true, true) => Status::OnTrack,
        (true, false) if over => Status::Missed,
        (true, false) => Status::AtRisk,
    }
}

/// How much is reached: the way covered for a state that has a baseline, else the share of the target; where
/// less is better, a value a quarter below its target is 1.25.
fn attainment(held: Held<'_>, aim: f64) -> Option<f64> {
    let share = match (held.kpi.program.shape, held.baseline) {
        (Shape::State, Some(baseline)) if aim != baseline => (held.value - baseline) / (aim - baseline),
        // Without the state that it began from, the share of the way is not known.
        (Shape::State, _) => return None,
        _ if aim == 0.0 => return None,
        _ if held.kpi.direction == Direction::Down => 2.0 - held.value / aim,
        _ => held.value / aim,
    };
    share.is_finite().then_some(share)
}

/// A change from one value to another: absolute, and as a fraction where that says something.
///
/// `scale` is what the previous value is multiplied with to be like for like: days over days.
pub(super) fn change(value: Number, previous: Number, scale: f64) -> (Number, Option<f64>) {
    let previous = if scale == 1.0 { previous } else { Number::Real(previous.as_f64() * scale) };
    let (now, before) = (value.as_f64(), previous.as_f64());
    let told = before > 0.0 && now >= 0.0;
    (value.minus(previous), told.then(|| now / before - 1.0).filter(|change| change.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T47: from −50 to +50 is +100; a percentage says nothing.
    #[test]
    fn t47_a_change_of_sign_has_no_percentage() {
        assert_eq!(change(Number::Whole(50), Number::Whole(-50), 1.0), (Number::Whole(100), None));
        assert_eq!(change(Number::Whole(5), Number::Whole(0), 1.0), (Number::Whole(5), None));
    }

    /// T24: 2800 in 28 days and 3100 in 31 are the same per day.
    #[test]
    fn t24_per_day() {
        let (absolute, relative) = change(Number::Whole(3100), Number::Whole(2800), 31.0 / 28.0);
        assert!(absolute.as_f64().abs() < 1e-9 && relative.unwrap().abs() < 1e-12);
    }
}
