//! How a target is spread over its period: what should be there by which day.

use jiff::civil::Date;
use kepi_core::DateSpan;

/// How a target is spread over the days of its period.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Profile {
    /// Every day alike.
    #[default]
    Linear,
    /// By weekday, Monday first: so many as were written down, or as the eight weeks before the period had.
    Weekday(Option<[f64; 7]>),
    /// As the same period a year earlier went.
    Seasonal,
    /// Own shares of parts of the period that are equally long; months where the period has as many.
    Shares(Vec<f64>),
}

/// What the past says of a profile that is read from it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Past {
    /// The weeks before the period, day by day.
    pub(crate) before: Vec<Option<f64>>,
    /// The first day of [`Past::before`].
    pub(crate) before_start: Option<Date>,
    /// The same period a year earlier, day by day.
    pub(crate) year_before: Vec<Option<f64>>,
}

impl Profile {
    /// How much each day of a period weighs; the share of a day is its weight over all.
    ///
    /// # Errors
    /// Why the past does not tell it, with what is taken instead: every day alike.
    pub(crate) fn day_weights(&self, period: DateSpan, past: &Past) -> Result<Vec<f64>, &'static str> {
        let weights: Vec<f64> = match self {
            Self::Linear => period.iter().map(|_| 1.0).collect(),
            Self::Weekday(Some(weights)) => period.iter().map(|day| weight(weights, day)).collect(),
            Self::Weekday(None) => {
                let weights = weekdays(past).ok_or(
                    "fewer than two weeks before the period are known day by day: every day counts alike",
                )?;
                period.iter().map(|day| weight(&weights, day)).collect()
            }
            Self::Seasonal => {
                let known: Vec<f64> = past.year_before.iter().copied().flatten().collect();
                // Where a tenth of the days is missing, what they would add is not known well enough.
                if known.is_empty() || known.len() * 10 < past.year_before.len() * 9 {
                    return Err(
                        "the same period a year earlier is not known day by day: every day counts alike",
                    );
                }
                #[expect(clippy::cast_precision_loss, reason = "a period has far fewer than 2^52 days")]
                let mean = known.iter().sum::<f64>() / known.len() as f64;
                let day = |at: usize| past.year_before.get(at).copied().flatten().unwrap_or(mean);
                period.iter().enumerate().map(|(at, _)| day(at)).collect()
            }
            Self::Shares(shares) => spread(shares, period),
        };
        let all: f64 = weights.iter().sum();
        if !(all > 0.0 && all.is_finite()) || weights.iter().any(|weight| *weight < 0.0) {
            return Err("the days of the past do not add up to anything: every day counts alike");
        }
        Ok(weights)
    }

    /// Every day alike.
    pub(crate) fn linear(period: DateSpan) -> Vec<f64> {
        period.iter().map(|_| 1.0).collect()
    }
}

fn weekday(day: Date) -> usize {
    usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0)
}

fn weight(weights: &[f64; 7], day: Date) -> f64 {
    weights.get(weekday(day)).copied().unwrap_or(0.0)
}

/// The mean of each weekday, of those before the period.
fn weekdays(past: &Past) -> Option<[f64; 7]> {
    let start = past.before_start?;
    let mut sums = [(0.0, 0_u32); 7];
    for (day, value) in DateSpan::new(start, Date::MAX).iter().zip(&past.before) {
        if let (Some(value), Some(slot)) = (value, sums.get_mut(weekday(day))) {
            *slot = (slot.0 + value, slot.1 + 1);
        }
    }
    sums.iter().all(|(_, count)| *count >= 2).then(|| sums.map(|(sum, count)| sum / f64::from(count)))
}

/// Parts of a period, and the share that each has.
fn spread(shares: &[f64], period: DateSpan) -> Vec<f64> {
    let months = |day: Date| i32::from(day.year()) * 12 + i32::from(day.month());
    let first = months(period.start);
    let whole = period.start.day() == 1 && period.end.day() == 1;
    let parts = i32::try_from(shares.len()).unwrap_or(i32::MAX).max(1);
    let by_month = whole && months(period.end) - first == parts;
    let length = f64::from(period.days().max(1)) / f64::from(parts);
    let part = |(at, day): (usize, Date)| {
        if by_month {
            return usize::try_from(months(day) - first).unwrap_or(0);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "the number of a part"
        )]
        let part = (at as f64 / length + 1e-9).floor() as usize;
        part.min(shares.len().saturating_sub(1))
    };
    let parts: Vec<usize> = period.iter().enumerate().map(part).collect();
    let days =
        |part: usize| f64::from(u32::try_from(parts.iter().filter(|p| **p == part).count()).unwrap_or(1));
    parts.iter().map(|part| shares.get(*part).copied().unwrap_or(0.0) / days(*part)).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const WEEK: [f64; 7] = [60.0, 62.0, 65.0, 63.0, 70.0, 110.0, 120.0];

    fn shares(profile: &Profile, period: DateSpan, past: &Past) -> Vec<f64> {
        let weights = profile.day_weights(period, past).unwrap();
        let all: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / all).collect()
    }

    fn percent(shares: &[f64]) -> Vec<String> {
        shares.iter().map(|share| format!("{:.1}", share * 100.0)).collect()
    }

    /// A week of [60, 62, 65, 63, 70, 110, 120]: after Wednesday 34.0 % are expected, not 42.9 %.
    #[test]
    fn golden_weekdays() {
        let week = DateSpan::new(date(2026, 10, 5), date(2026, 10, 12));
        let found = shares(&Profile::Weekday(Some(WEEK)), week, &Past::default());
        assert_eq!(percent(&found), ["10.9", "11.3", "11.8", "11.5", "12.7", "20.0", "21.8"]);
        assert_eq!(percent(&[found[..3].iter().sum()]), ["34.0"]);
        let linear = shares(&Profile::Linear, week, &Past::default());
        assert_eq!(percent(&[linear[..3].iter().sum()]), ["42.9"]);
    }

    /// The same from the past, which begins on a Thursday and lacks a day.
    #[test]
    fn weekdays_of_the_past() {
        let week = DateSpan::new(date(2026, 10, 5), date(2026, 10, 12));
        let start = date(2026, 9, 3);
        let mut before: Vec<Option<f64>> =
            DateSpan::new(start, week.start).iter().map(|day| Some(weight(&WEEK, day))).collect();
        before[2] = None;
        let past = Past { before: before.clone(), before_start: Some(start), ..Past::default() };
        let found = shares(&Profile::Weekday(None), week, &past);
        assert_eq!(percent(&found), ["10.9", "11.3", "11.8", "11.5", "12.7", "20.0", "21.8"]);
        let short = Past { before: before[..10].to_vec(), ..past };
        assert!(Profile::Weekday(None).day_weights(week, &short).is_err());
    }

    #[test]
    fn last_year_and_own_shares() {
        let four = DateSpan::new(date(2026, 10, 5), date(2026, 10, 9));
        let past = Past { year_before: vec![Some(1.0), Some(1.0), Some(2.0), Some(4.0)], ..Past::default() };
        assert_eq!(shares(&Profile::Seasonal, four, &past), [0.125, 0.125, 0.25, 0.5]);
        let holes = Past { year_before: vec![Some(1.0), None, Some(2.0), Some(4.0)], ..Past::default() };
        assert!(Profile::Seasonal.day_weights(four, &holes).is_err());
        let halves = shares(&Profile::Shares(vec![1.0, 3.0]), four, &past);
        assert_eq!(halves, [0.125, 0.125, 0.375, 0.375]);
        // Three shares of a quarter are its months: 31 days of July have a half.
        let quarter = DateSpan::new(date(2026, 7, 1), date(2026, 10, 1));
        let months = shares(&Profile::Shares(vec![2.0, 1.0, 1.0]), quarter, &past);
        assert!((months[..31].iter().sum::<f64>() - 0.5).abs() < 1e-12);
        assert!((months[31..62].iter().sum::<f64>() - 0.25).abs() < 1e-12);
    }
}
