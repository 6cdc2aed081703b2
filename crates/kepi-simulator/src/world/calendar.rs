//! When people look: the rhythm of the week, holidays and shopping festivals, per market.

use jiff::{
    Timestamp,
    civil::{Date, Weekday, date},
};
use kepi_core::period::{add_days, days_between};

use super::Market;

const DAY: i64 = 86_400;
/// How long after the world's end its posts may still be looked at.
const TAIL_DAYS: i32 = 400;

/// The Chinese New Year's day, by year.
const SPRING_FESTIVAL: [(i16, i8, i8); 9] = [
    (2022, 2, 1),
    (2023, 1, 22),
    (2024, 2, 10),
    (2025, 1, 29),
    (2026, 2, 17),
    (2027, 2, 6),
    (2028, 1, 26),
    (2029, 2, 13),
    (2030, 2, 3),
];

/// How lively a day is; 1 is an ordinary one.
pub(crate) fn liveliness(market: Market, day: Date) -> f64 {
    weekday_factor(market, day.weekday()) * holiday_factor(market, day)
}

fn weekday_factor(market: Market, weekday: Weekday) -> f64 {
    match (market, weekday) {
        (Market::China, Weekday::Saturday) => 1.14,
        (Market::China, Weekday::Sunday) => 1.18,
        (Market::China, Weekday::Monday) => 0.92,
        (Market::West, Weekday::Saturday) => 0.84,
        (Market::West, Weekday::Sunday) => 0.90,
        (Market::West, Weekday::Tuesday | Weekday::Wednesday) => 1.08,
        _ => 1.0,
    }
}

fn holiday_factor(market: Market, day: Date) -> f64 {
    match market {
        Market::China => {
            let spring = SPRING_FESTIVAL
                .iter()
                .map(|(year, month, day_of)| days_between(date(*year, *month, *day_of), day))
                .find(|days| (-7..=14).contains(days));
            match (spring, day.month(), day.day()) {
                (Some(-7..=-2), ..) => 0.85,
                (Some(-1..=6), ..) => 0.58,
                (Some(_), ..) => 0.90,
                (_, 10, 1..=7) => 0.74,
                (_, 11, 9..=11) | (_, 6, 16..=18) => 1.35,
                _ => 1.0,
            }
        }
        Market::West => match (day.month(), day.day()) {
            (12, 24..=26) => 0.55,
            (12, 27..=31) | (1, 1) => 0.72,
            (11, 24..=30) => 1.22,
            (8, 1..=20) => 0.92,
            _ => 1.0,
        },
    }
}

/// Lived time: hours since the calendar's first day, each weighted by how lively its day is. Everything that
/// grows with attention grows along it.
#[derive(Debug)]
pub(crate) struct Calendar {
    first: i64,
    offset: i64,
    lived: Vec<f64>,
}

impl Calendar {
    pub(crate) fn new(market: Market, start: Timestamp, end: Timestamp) -> Self {
        let offset = market.offset_hours() * 3600;
        let first = (start.as_second() + offset).div_euclid(DAY) - 1;
        let last = (end.as_second() + offset).div_euclid(DAY) + i64::from(TAIL_DAYS);
        let epoch = date(1970, 1, 1);
        let mut lived = vec![0.0];
        let mut sum = 0.0;
        for day in first..last {
            sum += 24.0 * liveliness(market, add_days(epoch, i32::try_from(day).unwrap_or(0)));
            lived.push(sum);
        }
        Self { first, offset, lived }
    }

    /// Lived hours up to an instant, given in seconds.
    pub(crate) fn lived_hours(&self, second: i64) -> f64 {
        let local = second + self.offset;
        let day = local.div_euclid(DAY) - self.first;
        let part = local.rem_euclid(DAY) as f64 / DAY as f64;
        let last = self.lived.len() - 1;
        match usize::try_from(day) {
            Ok(day) if day < last => self.lived[day] + (self.lived[day + 1] - self.lived[day]) * part,
            Ok(day) => self.lived[last] + ((day - last) as f64 + part) * 24.0,
            Err(_) => (day as f64 + part) * 24.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lived_time_never_stands_still() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let end: Timestamp = "2026-04-01T00:00:00Z".parse().unwrap();
        let calendar = Calendar::new(Market::China, start, end);
        let mut before = f64::MIN;
        for hour in (-24 * 10)..(24 * 700) {
            let lived = calendar.lived_hours(start.as_second() + hour * 3600);
            assert!(lived > before, "hour {hour}");
            before = lived;
        }
    }

    #[test]
    fn spring_festival_is_quiet_in_china_only() {
        let day = date(2026, 2, 18);
        assert!(liveliness(Market::China, day) < 0.6);
        assert!(liveliness(Market::West, day) > 1.0);
    }
}
