//! When: dates and times as exports write them.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, date},
    fmt::strtime::BrokenDownTime,
    tz::TimeZone,
};
use kepi_core::period::add_days;

use crate::sheet::Cell;

/// Forms that can mean only one thing, tried after those that a layout or map names.
const UNMISTAKABLE: &[&str] = &[
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%d %H:%M %z",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y年%m月%d日",
    "%Y年%m月%d日%H时%M分%S秒",
    "%Y年%m月%d日%H时%M分",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日 %H:%M",
];

/// A moment as a cell gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Moment {
    /// A day alone.
    Day(Date),
    /// A clock time somewhere.
    Local(DateTime),
    /// An instant.
    Instant(Timestamp),
}

impl Moment {
    /// The instant it is in a zone; the beginning of a day that stands alone.
    pub(crate) fn instant(self, zone: &TimeZone) -> Option<Timestamp> {
        let local = match self {
            Self::Instant(at) => return Some(at),
            Self::Local(local) => local,
            Self::Day(day) => day.to_datetime(jiff::civil::Time::midnight()),
        };
        zone.to_ambiguous_timestamp(local).compatible().ok()
    }

    /// The local day it is in a zone.
    pub(crate) fn day(self, zone: &TimeZone) -> Date {
        match self {
            Self::Day(day) => day,
            Self::Local(local) => local.date(),
            Self::Instant(at) => zone.to_datetime(at).date(),
        }
    }
}

/// Reads a cell by a table's formats, then by those that cannot be mistaken.
///
/// # Errors
/// Why it is no date, for people.
pub(crate) fn read(cell: &Cell, formats: &[String]) -> Result<Moment, String> {
    match cell {
        Cell::Empty => Err("no date".to_owned()),
        Cell::Moment(local) if local.time() == jiff::civil::Time::midnight() => Ok(Moment::Day(local.date())),
        Cell::Moment(local) => Ok(Moment::Local(*local)),
        Cell::Number(number) => read_serial(*number, formats),
        Cell::Text(text) => read_text(text.trim(), formats),
        Cell::Seconds(_) | Cell::Fault(_) => Err(format!("{} is not a date", cell.shown())),
    }
}

fn read_text(text: &str, formats: &[String]) -> Result<Moment, String> {
    let text = text.trim_start_matches('\'').trim();
    let named = formats.iter().map(String::as_str);
    for format in named.chain(UNMISTAKABLE.iter().copied()) {
        if let Ok(parsed) = BrokenDownTime::parse(format, text)
            && let Some(moment) = moment(&parsed)
        {
            return Ok(moment);
        }
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(Moment::Instant(instant));
    }
    if let Some(number) = text.parse::<f64>().ok().filter(|_| formats.is_empty()) {
        return read_serial(number, formats);
    }
    let known =
        formats.first().map_or_else(|| "2026-10-09".to_owned(), |format| format!("the form {format}"));
    Err(format!("{text:?} is not a date such as {known}"))
}

/// Whether a form says which day is meant.
pub(crate) fn tells_a_day(format: &str) -> bool {
    let day = date(2026, 10, 9);
    let Ok(moment_of_day) = day.at(18, 30, 0, 0).to_zoned(TimeZone::UTC) else { return false };
    let written = jiff::fmt::strtime::format(format, &moment_of_day);
    let read = written.and_then(|text| BrokenDownTime::parse(format, &text));
    read.ok().and_then(|parsed| moment(&parsed)).is_some_and(|moment| moment.day(&TimeZone::UTC) == day)
}

fn moment(parsed: &BrokenDownTime) -> Option<Moment> {
    if parsed.offset().is_some() {
        return parsed.to_timestamp().ok().map(Moment::Instant);
    }
    if parsed.hour().is_some() {
        return parsed.to_datetime().ok().map(Moment::Local);
    }
    parsed.to_date().ok().map(Moment::Day)
}

/// A spreadsheet's number of a day, or a date whose digits were taken for a number.
fn read_serial(number: f64, formats: &[String]) -> Result<Moment, String> {
    if (20_000.0..=80_000.0).contains(&number) {
        return serial(number).ok_or_else(|| format!("{number} is not a date"));
    }
    if number.fract() == 0.0 && (19_000_101.0..=99_991_231.0).contains(&number) {
        return read_text(&format!("{number:.0}"), &[formats, &["%Y%m%d".to_owned()]].concat());
    }
    Err(format!("{number} is not a date"))
}

/// Days since 1899-12-30.
#[expect(clippy::cast_possible_truncation, reason = "the callers keep it between 0 and 80000")]
pub(crate) fn serial(number: f64) -> Option<Moment> {
    let day = add_days(date(1899, 12, 30), number.trunc() as i32);
    let seconds = (number.fract() * 86_400.0).round() as i64;
    if seconds == 0 {
        return Some(Moment::Day(day));
    }
    let midnight = day.to_datetime(jiff::civil::Time::midnight());
    midnight.checked_add(jiff::Span::new().seconds(seconds)).ok().map(Moment::Local)
}

/// The number of days that stands for a moment.
#[cfg(test)]
pub(crate) fn serial_of(moment: DateTime) -> f64 {
    let epoch = date(1899, 12, 30).to_datetime(jiff::civil::Time::midnight());
    moment.since(epoch).and_then(|span| span.total((jiff::Unit::Second, epoch))).unwrap() / 86_400.0
}

/// A day without its year (`3月25日`).
pub(crate) fn month_and_day(cell: &Cell, formats: &[String]) -> Option<(i8, i8)> {
    let Cell::Text(text) = cell else { return None };
    formats.iter().find_map(|format| {
        let parsed = BrokenDownTime::parse(format, text.trim()).ok()?;
        parsed.month().zip(parsed.day())
    })
}

/// Gives days their years: a series that runs from old to new over at most a year, whose last day is not after
/// `not_after`. `None` stands for a row without a day.
pub(crate) fn with_years(days: &[Option<(i8, i8)>], not_after: Date) -> Vec<Option<Date>> {
    let mut year = not_after.year();
    let mut later = (not_after.month(), not_after.day());
    let mut dated: Vec<Option<Date>> = days
        .iter()
        .rev()
        .map(|day| {
            let day = (*day)?;
            if day > later {
                year -= 1;
            }
            later = day;
            Date::new(year, day.0, day.1).ok()
        })
        .collect();
    dated.reverse();
    dated
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, formats: &[&str], expected: &str) {
        let formats: Vec<String> = formats.iter().map(|f| (*f).to_owned()).collect();
        let got = match read(&Cell::text(text), &formats) {
            Ok(Moment::Day(day)) => day.to_string(),
            Ok(Moment::Local(local)) => local.to_string(),
            Ok(Moment::Instant(at)) => at.to_string(),
            Err(_) => "refused".to_owned(),
        };
        assert_eq!(got, expected, "{text:?}");
    }

    #[test]
    fn forms_of_all_platforms() {
        check("2026-08-01 10:00:00", &[], "2026-08-01T10:00:00");
        check("2026-08-01 10:00", &[], "2026-08-01T10:00:00");
        check("2026年03月25日09时49分34秒", &[], "2026-03-25T09:49:34");
        check("2026年08月20日", &[], "2026-08-20");
        check("20260809", &["%Y%m%d"], "2026-08-09");
        check("2026/07/24", &[], "2026-07-24");
        check("03/27/2026 06:08", &["%m/%d/%Y %H:%M"], "2026-03-27T06:08:00");
        check("03/27/2026", &[], "refused");
        check("Fri, Jun 5, 2026", &["%a, %b %d, %Y"], "2026-06-05");
        check("2026-01-01T00:00:00", &[], "2026-01-01T00:00:00");
        check("2016-12-23 18:50 +0000", &[], "2016-12-23T18:50:00Z");
        check("2026-10-09T10:00:00Z", &[], "2026-10-09T10:00:00Z");
        check("yesterday", &[], "refused");
    }

    #[test]
    fn forms_that_tell_a_day() {
        for format in ["%Y-%m-%d", "%d.%m.%y %H:%M", "%a, %b %d, %Y", "%Y年%m月%d日"] {
            assert!(tells_a_day(format), "{format}");
        }
        for format in ["%Q-%Z", "%K", "%Y-%m", "d.m.Y", "%H:%M", ""] {
            assert!(!tells_a_day(format), "{format}");
        }
    }

    #[test]
    fn numbers_of_days() {
        let day = read(&Cell::Number(46_235.0), &[]).unwrap();
        assert_eq!(day, Moment::Day(date(2026, 8, 1)));
        let noon = read(&Cell::Number(46_235.5), &[]).unwrap();
        assert_eq!(noon, Moment::Local(date(2026, 8, 1).at(12, 0, 0, 0)));
        assert_eq!(read(&Cell::Number(20_260_809.0), &[]).unwrap(), Moment::Day(date(2026, 8, 9)));
        assert!(read(&Cell::Number(42.0), &[]).is_err());
    }

    #[test]
    fn years_are_walked_back_over_new_year() {
        let days = [Some((12, 30)), Some((12, 31)), None, Some((1, 1)), Some((3, 25))];
        let dated = with_years(&days, date(2026, 3, 26));
        let expected = [
            Some(date(2025, 12, 30)),
            Some(date(2025, 12, 31)),
            None,
            Some(date(2026, 1, 1)),
            Some(date(2026, 3, 25)),
        ];
        assert_eq!(dated, expected);
        assert_eq!(with_years(&[Some((12, 31))], date(2026, 1, 2)), [Some(date(2025, 12, 31))]);
    }
}
