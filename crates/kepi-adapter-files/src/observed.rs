//! When a file's numbers were read at the source, which the file rarely says.
//!
//! What the user says comes first; then a date in the file's name; then what the workbook says of itself; then
//! the end of a range in the name, which is only a lower bound; then the file's time. Never "now".

use jiff::{
    Timestamp,
    civil::{Date, date},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

/// Where an observation time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObservedBy {
    /// The user said it.
    User,
    /// A date in the file's name.
    Name,
    /// The workbook's own properties.
    Properties,
    /// The end of a range of dates in the file's name: a lower bound.
    RangeInName,
    /// The file's time.
    FileTime,
}

impl ObservedBy {
    /// Whether it only stands in for what the source did not say.
    #[must_use]
    pub fn is_estimate(self) -> bool {
        matches!(self, Self::RangeInName | Self::FileTime)
    }
}

/// What may tell the time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence<'a> {
    pub(crate) user: Option<Timestamp>,
    pub(crate) name: &'a str,
    pub(crate) properties: Option<Timestamp>,
    pub(crate) file_time: Option<Timestamp>,
}

/// The time and where it comes from; `None` when nothing tells it.
pub(crate) fn observed(evidence: &Evidence<'_>, zone: &TimeZone) -> Option<(Timestamp, ObservedBy)> {
    let in_name = in_name(evidence.name, zone);
    let single = in_name.filter(|(_, range)| !range).map(|(at, _)| at);
    let range_end = in_name.filter(|(_, range)| *range).map(|(at, _)| at);
    let ranked = [
        (evidence.user, ObservedBy::User),
        (single, ObservedBy::Name),
        (evidence.properties, ObservedBy::Properties),
        (range_end, ObservedBy::RangeInName),
        (evidence.file_time, ObservedBy::FileTime),
    ];
    ranked.into_iter().find_map(|(at, by)| at.map(|at| (at, by)))
}

/// The newest moment that a file name tells, and whether it is the end of a range.
fn in_name(name: &str, zone: &TimeZone) -> Option<(Timestamp, bool)> {
    let dates = dates_in(name);
    if let Some(newest) = dates.iter().max() {
        let at = zone.to_ambiguous_timestamp(newest.to_datetime(jiff::civil::Time::midnight()));
        return at.compatible().ok().map(|at| (at, dates.len() > 1));
    }
    let epochs = epochs_in(name);
    epochs.iter().max().map(|newest| (*newest, epochs.len() > 1))
}

/// The days that a file name tells, first and last of a range among them.
pub(crate) fn days_in_name(name: &str, zone: &TimeZone) -> Vec<Date> {
    let mut days = dates_in(name);
    if days.is_empty() {
        days = epochs_in(name).into_iter().map(|at| zone.to_datetime(at).date()).collect();
    }
    days.sort_unstable();
    days
}

/// Dates written `20261009`, `2026-10-09`, `2026_10_09`, `2026.10.09` or `2026年10月09日`.
fn dates_in(name: &str) -> Vec<Date> {
    let runs = digit_runs(name);
    let mut dates = Vec::new();
    let mut i = 0;
    while let Some((at, run)) = runs.get(i) {
        if let (8 | 14, Some(date)) = (run.len(), compact(run)) {
            dates.push(date);
        } else if let Some(date) = parted(name, *at, runs.get(i..i + 3).unwrap_or_default()) {
            dates.push(date);
            i += 2;
        }
        i += 1;
    }
    dates
}

fn compact(digits: &str) -> Option<Date> {
    plausible(digits.get(..4)?, digits.get(4..6)?, digits.get(6..8)?)
}

fn parted(name: &str, start: usize, runs: &[(usize, &str)]) -> Option<Date> {
    let [(_, year), (month_at, month), (day_at, day)] = runs else { return None };
    let between = |from: usize, to: usize| name.get(from..to).unwrap_or_default();
    let first = between(start + year.len(), *month_at);
    let second = between(month_at + month.len(), *day_at);
    let fits = match first {
        "年" => second == "月",
        "-" | "_" | "." => second == first,
        _ => false,
    };
    (fits && year.len() == 4 && month.len() <= 2 && day.len() <= 2).then(|| plausible(year, month, day))?
}

fn plausible(year: &str, month: &str, day: &str) -> Option<Date> {
    let year: i16 = year.parse().ok().filter(|year| (2005..2100).contains(year))?;
    Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
}

/// Seconds or milliseconds since 1970, as file names carry them.
fn epochs_in(name: &str) -> Vec<Timestamp> {
    let since = date(2005, 1, 1).to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).unwrap_or_default();
    let until = date(2100, 1, 1).to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).unwrap_or_default();
    let epoch = |run: &str| match run.len() {
        10 => Timestamp::from_second(run.parse().ok()?).ok(),
        13 => Timestamp::from_millisecond(run.parse().ok()?).ok(),
        _ => None,
    };
    digit_runs(name)
        .iter()
        .filter_map(|(_, run)| epoch(run))
        .filter(|at| (since..until).contains(at))
        .collect()
}

fn digit_runs(name: &str) -> Vec<(usize, &str)> {
    let mut runs = Vec::new();
    let mut rest = 0;
    while let Some(start) = name.get(rest..).and_then(|tail| tail.find(|c: char| c.is_ascii_digit())) {
        let start = rest + start;
        let tail = name.get(start..).unwrap_or_default();
        let length = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        runs.push((start, tail.get(..length).unwrap_or_default()));
        rest = start + length;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str) -> String {
        match in_name(name, &TimeZone::UTC) {
            Some((at, true)) => format!("{at} end of range"),
            Some((at, false)) => at.to_string(),
            None => "nothing".to_owned(),
        }
    }

    #[test]
    fn what_file_names_tell() {
        let check = |name: &str, expected: &str| assert_eq!(told(name), expected, "{name}");
        check("tweet_activity_metrics_a_20161201_20170101_en.csv", "2017-01-01T00:00:00Z end of range");
        check("account_overview_2026-10-09.csv", "2026-10-09T00:00:00Z");
        check("content 2026-09-12_2026-10-09.csv", "2026-10-09T00:00:00Z end of range");
        check("导出2026年10月9日.xlsx", "2026-10-09T00:00:00Z");
        check("tendency_1760000000_1760600000.xls", "2025-10-16T07:33:20Z end of range");
        check("page_content_1760600000123.xls", "2025-10-16T07:33:20.123Z");
        check("数据趋势_1234567890123456_20260901-20260930.xlsx", "2026-09-30T00:00:00Z end of range");
        check("笔记列表明细表 (1).xlsx", "nothing");
        check("微头条_-_1-38.xlsx", "nothing");
        check("20261399.csv", "nothing");
    }

    #[test]
    fn the_order_of_witnesses() {
        let at = |second| Timestamp::from_second(second).ok();
        let all = Evidence { user: at(1), name: "a_2026-10-09.csv", properties: at(2), file_time: at(3) };
        let check = |evidence: Evidence<'_>, by| {
            assert_eq!(observed(&evidence, &TimeZone::UTC).map(|(_, by)| by), by);
        };
        check(all, Some(ObservedBy::User));
        check(Evidence { user: None, ..all }, Some(ObservedBy::Name));
        let range = Evidence { user: None, name: "a_20260901_20261001.csv", ..all };
        check(range, Some(ObservedBy::Properties));
        check(Evidence { properties: None, ..range }, Some(ObservedBy::RangeInName));
        check(Evidence { properties: None, name: "a.csv", ..range }, Some(ObservedBy::FileTime));
        check(Evidence { properties: None, name: "a.csv", file_time: None, ..range }, None);
    }
}
