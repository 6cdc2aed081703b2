//! Spans of local days and the periods that people name.

use std::fmt;

use jiff::{
    Span, Timestamp, ToSpan,
    civil::{Date, Weekday},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Local days from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DateSpan {
    /// The first day.
    pub start: Date,
    /// The day after the last.
    pub end: Date,
}

impl DateSpan {
    /// A span; empty when `end` is not after `start`.
    #[must_use]
    pub fn new(start: Date, end: Date) -> Self {
        Self { start, end: end.max(start) }
    }

    /// One day.
    #[must_use]
    pub fn day(date: Date) -> Self {
        Self { start: date, end: add_days(date, 1) }
    }

    /// How many days.
    #[must_use]
    pub fn days(&self) -> i32 {
        days_between(self.start, self.end)
    }

    /// Whether it holds no day.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end <= self.start
    }

    /// Whether it holds a day.
    #[must_use]
    pub fn contains(&self, date: Date) -> bool {
        self.start <= date && date < self.end
    }

    /// The days that both hold.
    #[must_use]
    pub fn intersect(&self, other: Self) -> Self {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// The days, one by one.
    pub fn iter(&self) -> impl Iterator<Item = Date> + use<> {
        let Self { start, end } = *self;
        std::iter::successors(Some(start), |date| date.tomorrow().ok()).take_while(move |date| *date < end)
    }

    /// Pieces of at most `max_days`, oldest first, exactly covering the span.
    pub fn split(self, max_days: u16) -> impl Iterator<Item = Self> {
        let step = i32::from(max_days.max(1));
        std::iter::successors(Some(self.start), move |start| Some(add_days(*start, step)))
            .take_while(move |start| *start < self.end)
            .map(move |start| Self::new(start, add_days(start, step).min(self.end)))
    }
}

impl fmt::Display for DateSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, add_days(self.end, -1))
    }
}

/// A date so many days later, kept within the calendar.
#[must_use]
pub fn add_days(date: Date, days: i32) -> Date {
    date.checked_add(Span::new().days(days)).unwrap_or(if days < 0 { Date::MIN } else { Date::MAX })
}

/// Days from one date to another.
#[must_use]
pub fn days_between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

/// A zone by its IANA name.
///
/// # Errors
/// `BadConfig` when no such zone is known.
pub fn zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name).map_err(|_| {
        Error::bad_config(format!("{name:?} is not a time zone"))
            .hint("zones have IANA names such as UTC, Europe/Berlin or Asia/Shanghai")
    })
}

/// The local day of an instant.
#[must_use]
pub fn local_day(at: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(at).date()
}

/// The next midnight of a zone after an instant; at the end of the calendar, the instant itself.
///
/// ```
/// use jiff::Timestamp;
/// use kepi_core::period::{next_midnight, zone};
/// let at: Timestamp = "2026-11-28T20:00:00Z".parse()?;
/// assert_eq!(next_midnight(at, &zone("Asia/Shanghai")?).to_string(), "2026-11-29T16:00:00Z");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn next_midnight(at: Timestamp, zone: &TimeZone) -> Timestamp {
    let next = local_day(at, zone).tomorrow().and_then(|day| day.to_zoned(zone.clone()));
    next.map_or(at, |midnight| midnight.timestamp())
}

/// The grain of a period: what "the one before" means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// One day.
    Day,
    /// An ISO week.
    Week,
    /// A calendar month.
    Month,
    /// Three months of the fiscal year.
    Quarter,
    /// A fiscal year.
    Year,
    /// So many days, whatever the calendar says.
    Days,
    /// The part of a month so far.
    MonthToDate,
    /// The part of a quarter so far.
    QuarterToDate,
    /// The part of a year so far.
    YearToDate,
}

/// A span of days and what it is in the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Period {
    /// The days.
    pub span: DateSpan,
    /// What it is.
    pub grain: Grain,
}

/// Which month a fiscal year begins in (1 to 12). A fiscal year is named after the calendar year it begins in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fiscal {
    /// The first month.
    pub first_month: i8,
}

impl Default for Fiscal {
    fn default() -> Self {
        Self { first_month: 1 }
    }
}

impl Fiscal {
    fn year_start(self, date: Date) -> Date {
        let year = if date.month() < self.first_month { date.year() - 1 } else { date.year() };
        first_of(year, self.first_month)
    }

    fn quarter_start(self, date: Date) -> Date {
        let into = (date.month() - self.first_month).rem_euclid(12) % 3;
        add_months(date.first_of_month(), -i32::from(into))
    }
}

fn first_of(year: i16, month: i8) -> Date {
    Date::new(year, month, 1).unwrap_or(Date::MIN)
}

fn add_months(date: Date, months: i32) -> Date {
    date.checked_add(Span::new().months(months)).unwrap_or(date)
}

impl Period {
    /// A period of so many days.
    #[must_use]
    pub fn days(span: DateSpan) -> Self {
        Self { span, grain: if span.days() == 1 { Grain::Day } else { Grain::Days } }
    }

    /// The calendar period of a grain that holds a date.
    #[must_use]
    pub fn holding(date: Date, grain: Grain, fiscal: Fiscal) -> Self {
        let span = match grain {
            Grain::Day | Grain::Days => DateSpan::day(date),
            Grain::Week => {
                let start = add_days(date, -i32::from(date.weekday().since(Weekday::Monday)));
                DateSpan::new(start, add_days(start, 7))
            }
            Grain::Month | Grain::MonthToDate => {
                let start = date.first_of_month();
                DateSpan::new(start, add_months(start, 1))
            }
            Grain::Quarter | Grain::QuarterToDate => {
                let start = fiscal.quarter_start(date);
                DateSpan::new(start, add_months(start, 3))
            }
            Grain::Year | Grain::YearToDate => {
                let start = fiscal.year_start(date);
                DateSpan::new(start, add_months(start, 12))
            }
        };
        Self { span, grain }
    }

    /// Reads a period as people write it. `today` is the local date on which it is said.
    ///
    /// `2026-10-05`, `2026-W41`, `2026-10`, `2026-Q4`, `2026`, `2026-10-01..2026-10-20` (both ends included),
    /// `last-28d` (complete days, today left out), `mtd`, `qtd`, `ytd` (up to yesterday).
    ///
    /// ```
    /// use jiff::civil::date;
    /// use kepi_core::{Period, period::Fiscal};
    /// let week = Period::parse("last-7d", date(2026, 10, 8), Fiscal::default())?;
    /// assert_eq!(week.span.to_string(), "2026-10-01..2026-10-07");
    /// # Ok::<(), kepi_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `BadInput` when it is none of these.
    pub fn parse(text: &str, today: Date, fiscal: Fiscal) -> Result<Self> {
        let bad = || {
            Error::bad_input(format!("{text:?} is not a period")).hint(
                "periods are 2026-10-05, 2026-W41, 2026-10, 2026-Q4, 2026, 2026-10-01..2026-10-20, last-28d, mtd, qtd or ytd",
            )
        };
        let to_date = |grain| {
            let yesterday = add_days(today, -1);
            let whole = Self::holding(yesterday, grain, fiscal).span;
            Self { span: DateSpan::new(whole.start, today), grain }
        };
        let text = text.trim();
        match text {
            "mtd" => return Ok(to_date(Grain::MonthToDate)),
            "qtd" => return Ok(to_date(Grain::QuarterToDate)),
            "ytd" => return Ok(to_date(Grain::YearToDate)),
            _ => {}
        }
        if let Some(days) = text.strip_prefix("last-").and_then(|rest| rest.strip_suffix('d')) {
            let days: i32 = days.parse().ok().filter(|days| (1..=36_600).contains(days)).ok_or_else(bad)?;
            return Ok(Self { span: DateSpan::new(add_days(today, -days), today), grain: Grain::Days });
        }
        if let Some((from, to)) = text.split_once("..") {
            let from: Date = parse_date(from.trim()).ok_or_else(bad)?;
            let to: Date = parse_date(to.trim()).ok_or_else(bad)?;
            if to < from {
                return Err(bad().with("reason", "it ends before it begins"));
            }
            return Ok(Self::days(DateSpan::new(from, add_days(to, 1))));
        }
        if let Some(date) = parse_date(text) {
            return Ok(Self::holding(date, Grain::Day, fiscal));
        }
        let digits = |part: &str, length: usize| {
            (part.len() == length && part.bytes().all(|c| c.is_ascii_digit()))
                .then(|| part.parse::<i16>().ok())
                .flatten()
        };
        let (year, rest) = text.split_once('-').unwrap_or((text, ""));
        let year = digits(year, 4).filter(|year| (1900..=9998).contains(year)).ok_or_else(bad)?;
        if rest.is_empty() && !text.contains('-') {
            return Ok(Self::holding(first_of(year, fiscal.first_month), Grain::Year, fiscal));
        }
        if let Some(week) = rest.strip_prefix('W').and_then(|week| digits(week, 2)) {
            let week = i8::try_from(week).map_err(|_| bad())?;
            let monday = jiff::civil::ISOWeekDate::new(year, week, Weekday::Monday).map_err(|_| bad())?;
            return Ok(Self::holding(monday.date(), Grain::Week, fiscal));
        }
        if let Some(quarter) = rest.strip_prefix('Q').and_then(|quarter| digits(quarter, 1)) {
            if !(1..=4).contains(&quarter) {
                return Err(bad());
            }
            let start = add_months(first_of(year, fiscal.first_month), i32::from(quarter - 1) * 3);
            return Ok(Self::holding(start, Grain::Quarter, fiscal));
        }
        let month = digits(rest, 2).and_then(|month| i8::try_from(month).ok()).ok_or_else(bad)?;
        let start = Date::new(year, month, 1).map_err(|_| bad())?;
        Ok(Self::holding(start, Grain::Month, fiscal))
    }

    /// The period before it, like for like: the calendar one before, or as many days; of a part of a month,
    /// quarter or year so far, the same part of the one before.
    #[must_use]
    pub fn previous(&self, fiscal: Fiscal) -> Self {
        let Self { span, grain } = *self;
        let length = span.days();
        let span = match grain {
            Grain::Day | Grain::Days => DateSpan::new(add_days(span.start, -length), span.start),
            Grain::Week | Grain::Month | Grain::Quarter | Grain::Year => {
                Self::holding(add_days(span.start, -1), grain, fiscal).span
            }
            Grain::MonthToDate | Grain::QuarterToDate | Grain::YearToDate => {
                let whole = Self::holding(add_days(span.start, -1), grain, fiscal).span;
                DateSpan::new(whole.start, add_days(whole.start, length).min(whole.end))
            }
        };
        Self { span, grain }
    }

    /// The same period a year earlier.
    #[must_use]
    pub fn year_before(&self, fiscal: Fiscal) -> Self {
        let Self { span, grain } = *self;
        match grain {
            Grain::Week => {
                let start = add_days(span.start, -364);
                Self { span: DateSpan::new(start, add_days(start, 7)), grain }
            }
            Grain::Month | Grain::Quarter | Grain::Year => {
                Self::holding(add_months(span.start, -12), grain, fiscal)
            }
            _ => {
                let start = add_months(span.start, -12);
                Self { span: DateSpan::new(start, add_days(start, span.days())), grain }
            }
        }
    }

    /// Its parts of a finer grain, cut at its ends.
    #[must_use]
    pub fn parts(&self, grain: Grain, fiscal: Fiscal) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut date = self.span.start;
        while date < self.span.end {
            let whole = Self::holding(date, grain, fiscal);
            parts.push(Self { span: whole.span.intersect(self.span), grain });
            date = whole.span.end;
        }
        parts
    }
}

fn parse_date(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// Months are added within the calendar; used by tests and plans alike.
#[must_use]
pub fn month_later(date: Date, months: i32) -> Date {
    date.checked_add(months.months()).unwrap_or(date)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn check(text: &str, expected: &str) {
        let today = date(2026, 10, 8);
        let period = Period::parse(text, today, Fiscal::default()).map(|period| period.span.to_string());
        assert_eq!(period.as_deref().unwrap_or("error"), expected, "{text}");
    }

    #[test]
    fn periods_as_people_write_them() {
        check("2026-10-05", "2026-10-05..2026-10-05");
        check("2026-W41", "2026-10-05..2026-10-11");
        check("2026-10", "2026-10-01..2026-10-31");
        check("2026-Q4", "2026-10-01..2026-12-31");
        check("2026", "2026-01-01..2026-12-31");
        check("2026-10-01..2026-10-20", "2026-10-01..2026-10-20");
        check("mtd", "2026-10-01..2026-10-07");
        check("qtd", "2026-10-01..2026-10-07");
        check("ytd", "2026-01-01..2026-10-07");
        for bad in ["", "2026-13", "2026-Q5", "2026-W60", "26", "last-0d", "2026-10-20..2026-10-01", "2026-"]
        {
            check(bad, "error");
        }
    }

    /// T23: seven complete dates, today left out.
    #[test]
    fn t23_last_seven_days_are_complete() {
        check("last-7d", "2026-10-01..2026-10-07");
    }

    /// T22: ISO weeks.
    #[test]
    fn t22_iso_weeks() {
        let week = |d: Date| Period::holding(d, Grain::Week, Fiscal::default()).span.to_string();
        assert_eq!(week(date(2025, 6, 1)), "2025-05-26..2025-06-01");
        assert_eq!(week(date(2025, 12, 29)), "2025-12-29..2026-01-04");
        check("2025-W22", "2025-05-26..2025-06-01");
        check("2026-W01", "2025-12-29..2026-01-04");
    }

    #[test]
    fn the_period_before_is_like_for_like() {
        let previous = |text: &str| {
            let period = Period::parse(text, date(2026, 3, 31), Fiscal::default()).unwrap();
            period.previous(Fiscal::default()).span.to_string()
        };
        assert_eq!(previous("2026-03"), "2026-02-01..2026-02-28");
        assert_eq!(previous("2026-Q1"), "2025-10-01..2025-12-31");
        assert_eq!(previous("2026-W01"), "2025-12-22..2025-12-28");
        assert_eq!(previous("last-7d"), "2026-03-17..2026-03-23");
        assert_eq!(previous("mtd"), "2026-02-01..2026-02-28");
    }

    #[test]
    fn fiscal_quarters() {
        let april = Fiscal { first_month: 4 };
        let quarter = Period::parse("2026-Q4", date(2026, 1, 1), april).unwrap();
        assert_eq!(quarter.span.to_string(), "2027-01-01..2027-03-31");
        assert_eq!(Period::holding(date(2027, 2, 3), Grain::Quarter, april), quarter);
    }

    #[test]
    fn a_split_covers_exactly() {
        let span = DateSpan::new(date(2026, 1, 1), date(2026, 3, 1));
        let parts: Vec<_> = span.split(30).collect();
        assert_eq!(parts.first().map(|part| part.start), Some(span.start));
        assert_eq!(parts.last().map(|part| part.end), Some(span.end));
        assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert!(parts.iter().all(|part| part.days() <= 30));
    }
}
