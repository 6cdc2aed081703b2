//! Targets: what a KPI is held against.

use std::{collections::BTreeMap, ops::Range};

use jiff::civil::Date;
use kepi_core::{Period, Unit, period::Fiscal};

use super::Profile;

/// A target of one period.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its period; quarters and years are those of the calendar until [`Target::in_fiscal`] reads them again.
    pub period: Period,
    /// Its period as it was written.
    pub written: String,
    /// What is aimed for.
    pub goalpost: Goalpost,
    /// What would be more than asked for, as a value.
    pub stretch: Option<f64>,
    /// What it is measured from.
    pub baseline: Option<Baseline>,
    /// The part it is of: dimension → value; empty for the whole.
    pub scope: BTreeMap<String, String>,
    /// How it is spread over its period.
    pub profile: Profile,
    /// Where it stands in its file, in bytes.
    pub span: Range<usize>,
}

/// What is aimed for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goalpost {
    /// A value.
    Absolute(f64),
    /// The baseline and so much of it: 0.02 is "+2 %".
    Relative(f64),
    /// The baseline and so many points: 0.005 is "+0.5pp".
    Points(f64),
    /// Between two values.
    Band(f64, f64),
}

/// What a target is measured from.
#[derive(Debug, Clone, PartialEq)]
pub enum Baseline {
    /// The value of another period, and the period as it was written. Once evaluated it is frozen: a later
    /// restatement does not move it.
    Period(Period, String),
    /// A value that was written down.
    Frozen(f64),
}

impl Target {
    /// Whether it is of a scope: of exactly that part, or of the whole.
    #[must_use]
    pub fn is_of(&self, scope: &BTreeMap<String, Option<String>>) -> bool {
        self.scope.len() == scope.len()
            && self
                .scope
                .iter()
                .all(|(key, value)| scope.get(key).is_some_and(|of| of.as_ref() == Some(value)))
    }

    /// The same target with its periods in a fiscal calendar.
    #[must_use]
    pub fn in_fiscal(mut self, fiscal: Fiscal) -> Self {
        // Only calendar periods are accepted in files, so the day on which they are read does not matter.
        let read = |text: &str| Period::parse(text, Date::constant(2000, 1, 1), fiscal).ok();
        self.period = read(&self.written).unwrap_or(self.period);
        if let Some(Baseline::Period(period, written)) = &mut self.baseline {
            *period = read(written).unwrap_or(*period);
        }
        self
    }
}

impl Goalpost {
    /// The value to reach, given the baseline's; the lower end of a band.
    ///
    /// ```
    /// use kepi_engine::Goalpost;
    /// assert_eq!(Goalpost::Relative(0.15).value(Some(0.02)), Some(0.023));
    /// assert_eq!(Goalpost::Relative(0.15).value(None), None);
    /// ```
    #[must_use]
    pub fn value(self, baseline: Option<f64>) -> Option<f64> {
        match self {
            Self::Absolute(value) => Some(value),
            Self::Relative(change) => baseline.map(|baseline| baseline * (1.0 + change)),
            Self::Points(points) => baseline.map(|baseline| baseline + points),
            Self::Band(low, _) => Some(low),
        }
    }

    /// Whether it needs a baseline.
    #[must_use]
    pub fn needs_baseline(self) -> bool {
        matches!(self, Self::Relative(_) | Self::Points(_))
    }
}

/// Reads `+2%`, `-5 %`: a fraction.
pub(super) fn percent(text: &str) -> Option<f64> {
    let number = text.trim().strip_suffix('%')?.trim();
    signed(number).map(|percent| percent / 100.0)
}

/// Reads `+0.5pp`: a fraction.
pub(super) fn points(text: &str) -> Option<f64> {
    let number = text.trim().strip_suffix("pp")?.trim();
    signed(number).map(|points| points / 100.0)
}

fn signed(number: &str) -> Option<f64> {
    let starts = number.starts_with(['+', '-']);
    starts.then(|| number.parse().ok()).flatten().filter(|number: &f64| number.is_finite())
}

/// What `change = "+2%"` could mean of a ratio, told with numbers.
pub(super) fn two_meanings(change: f64, written: &str, unit: Unit) -> Option<String> {
    (unit == Unit::Ratio).then(|| {
        let of = 3.0;
        format!(
            "say relative = \"{written}\" (3 % becomes {:.2} %) or points = \"{:+}pp\" (3 % becomes {} %)",
            of * (1.0 + change),
            change * 100.0,
            of + change * 100.0
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T8: +15 % of 2.0 % is 2.3 %, not 17 %.
    #[test]
    fn t8_relative_is_relative() {
        let change = percent("+15%").unwrap();
        let value = Goalpost::Relative(change).value(Some(0.02)).unwrap();
        assert!((value - 0.023).abs() < 1e-12);
        let value = Goalpost::Points(points("+2pp").unwrap()).value(Some(0.03)).unwrap();
        assert!((value - 0.05).abs() < 1e-12);
    }

    #[test]
    fn changes_carry_their_sign_and_unit() {
        for bad in ["2%", "+2", "+x%", "2pp", "+2 points", "", "+inf%"] {
            assert_eq!(percent(bad).or(points(bad)), None, "{bad}");
        }
        assert_eq!(percent("-5 %"), Some(-0.05));
    }
}
