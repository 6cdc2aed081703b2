//! Holidays, dated: a dip that goes with one is no decline.

use std::sync::LazyLock;

use jiff::civil::Date;
use kepi_core::{DateSpan, Error, Platform, Result, period::add_days};
use serde::Deserialize;

/// One holiday of one year.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// Its id, the same every year.
    pub holiday: String,
    /// Its English name.
    pub name_en: String,
    /// Its Chinese name.
    pub name_zh: String,
    /// Whose it is.
    pub calendar: Calendar,
    /// Its first day.
    pub first: Date,
    /// Its last day.
    pub last: Date,
    /// Where the dates are from.
    pub source: String,
}

/// Whose a holiday is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calendar {
    /// Of China.
    Chinese,
    /// Of Europe and America.
    Western,
}

impl Holiday {
    /// The shipped ones: `config/holidays.csv`.
    #[must_use]
    pub fn builtin() -> &'static [Self] {
        static HOLIDAYS: LazyLock<Vec<Holiday>> = LazyLock::new(|| {
            Holiday::parse(include_str!("../../../../config/holidays.csv")).unwrap_or_default()
        });
        &HOLIDAYS
    }

    /// Reads holidays from CSV with a header.
    ///
    /// # Errors
    /// `BadConfig` at the first row that is none.
    pub fn parse(text: &str) -> Result<Vec<Self>> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().collect::<std::result::Result<Vec<Self>, _>>().map_err(|error| {
            Error::bad_config(format!("not a table of holidays: {error}"))
                .hint("its header is holiday,name_en,name_zh,calendar,first,last,source")
        })
    }

    /// Its days.
    #[must_use]
    pub fn span(&self) -> DateSpan {
        DateSpan::new(self.first, add_days(self.last, 1))
    }

    /// How many of its days are in a span.
    pub(super) fn days_of(&self, span: DateSpan) -> i32 {
        self.span().intersect(span).days()
    }

    /// Whether it takes a part of a week that can be seen in the week's number: two days, or all of its own.
    pub(super) fn touches(&self, week: DateSpan) -> bool {
        self.days_of(week) >= self.span().days().min(2)
    }
}

/// The holidays that people on platforms have: those of China on platforms that live by Beijing's days, the Western
/// ones elsewhere.
pub(super) fn of(platforms: &[String]) -> Vec<&'static Holiday> {
    let chinese = |name: &String| Platform::new(name).is_ok_and(|one| one.default_zone() == "Asia/Shanghai");
    let (some, all) = (platforms.iter().any(chinese), platforms.iter().all(chinese));
    let wanted = |calendar: Calendar| match calendar {
        Calendar::Chinese => some,
        Calendar::Western => platforms.is_empty() || !all,
    };
    Holiday::builtin().iter().filter(|holiday| wanted(holiday.calendar)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use jiff::civil::date;

    use super::*;

    fn first_of(id: &str, year: i16) -> Date {
        Holiday::builtin().iter().find(|one| one.holiday == id && one.first.year() == year).unwrap().first
    }

    /// T26: the Chinese New Year falls on 2024-02-10, 2025-01-29 and 2026-02-17; its days begin on the eve.
    #[test]
    fn t26_new_years() {
        for (year, day) in [(2024, date(2024, 2, 10)), (2025, date(2025, 1, 29)), (2026, date(2026, 2, 17))] {
            assert_eq!(add_days(first_of("chinese-new-year", year), 1), day);
        }
    }

    /// A dip is explained by the days around the one that periods are held beside (`kepi evaluate --compare`): so many
    /// before it to so many after.
    #[test]
    fn both_tables_tell_of_the_same_days() {
        let around = [
            ("chinese-new-year", "chinese-new-year", -1, 6),
            ("qingming", "qingming", -1, 1),
            ("dragon-boat", "dragon-boat", -1, 1),
            ("mid-autumn", "mid-autumn", -1, 1),
            ("singles-day", "singles-day", -1, 1),
            ("easter", "easter", -2, 1),
            ("thanksgiving", "black-friday", -1, 3),
            ("christmas", "christmas", -1, 7),
        ];
        let mut compared = 0;
        for one in Holiday::builtin() {
            let known = around.iter().find(|(id, ..)| *id == one.holiday);
            let Some((_, day, before, after)) = known else { continue };
            let named = kepi_core::holiday::Holiday::named(day).unwrap();
            let day = named.in_year(one.first.year()).unwrap();
            assert_eq!((one.first, one.last), (add_days(day, *before), add_days(day, *after)), "{one:?}");
            compared += 1;
        }
        assert_eq!(compared, 8 * 13);
    }

    #[test]
    fn every_holiday_is_dated_in_every_year_with_its_source() {
        let mut years: BTreeMap<&str, BTreeSet<i16>> = BTreeMap::new();
        for one in Holiday::builtin() {
            assert!(one.first <= one.last && !one.source.is_empty() && !one.name_zh.is_empty(), "{one:?}");
            assert!(years.entry(&one.holiday).or_default().insert(one.first.year()), "{one:?} stands twice");
        }
        for (holiday, years) in &years {
            assert_eq!(
                years.iter().copied().collect::<Vec<_>>(),
                (2023..=2035).collect::<Vec<_>>(),
                "{holiday}"
            );
        }
        for id in ["chinese-new-year", "qingming", "dragon-boat", "mid-autumn", "singles-day", "christmas"] {
            assert!(years.contains_key(id), "{id}");
        }
    }

    #[test]
    fn platforms_have_the_holidays_of_their_people() {
        let ids = |platforms: &[&str]| -> BTreeSet<&str> {
            let platforms: Vec<String> = platforms.iter().map(|name| (*name).to_owned()).collect();
            of(&platforms).into_iter().map(|one| one.holiday.as_str()).collect()
        };
        assert!(ids(&["weibo"]).contains("qingming") && !ids(&["weibo"]).contains("easter"));
        assert!(ids(&["x"]).contains("easter") && !ids(&["x"]).contains("qingming"));
        assert!(ids(&["x", "weibo"]).is_superset(&BTreeSet::from(["qingming", "easter"])));
    }

    #[test]
    fn a_bad_row_is_told() {
        let error = Holiday::parse("holiday,name_en,name_zh,calendar,first,last,source\na,b,c,lunar,x,y,z\n");
        assert!(error.unwrap_err().to_string().contains("holidays"));
    }
}
