//! Holidays that move through the calendar, so that a period can be held beside the days that lay as far from the
//! same holiday a year earlier.
//!
//! A brand's busiest weeks follow the moon: Chinese New Year was on 2024-02-10, 2025-01-29 and 2026-02-17, and
//! February held beside February says how the calendar fell, not how the brand did.

use std::fmt;

use jiff::{
    Span,
    civil::{Date, Weekday},
};

use crate::{
    DateSpan, Error, Result,
    document::one_of_hint,
    period::{add_days, days_between},
};

/// A holiday that people keep, or shop on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holiday {
    /// 春节, the first day of the lunar year.
    ChineseNewYear,
    /// 清明, when graves are swept.
    Qingming,
    /// 端午, the fifth day of the fifth lunar month.
    DragonBoat,
    /// 中秋, the fifteenth day of the eighth lunar month.
    MidAutumn,
    /// 双十一, the eleventh of November.
    SinglesDay,
    /// Easter Sunday of the Western churches.
    Easter,
    /// The day after the fourth Thursday of November.
    BlackFriday,
    /// The 25th of December.
    Christmas,
}

/// The first year of the tables.
const FIRST: i16 = 2010;
/// Month and day by year, from [`FIRST`] on.
const NEW_YEARS: [i16; 26] = [
    214, 203, 123, 210, 131, 219, 208, 128, 216, 205, 125, 212, 201, 122, 210, 129, 217, 206, 126, 213, 203,
    123, 211, 131, 219, 208,
];
const DRAGON_BOATS: [i16; 26] = [
    616, 606, 623, 612, 602, 620, 609, 530, 618, 607, 625, 614, 603, 622, 610, 531, 619, 609, 528, 616, 605,
    624, 612, 601, 620, 610,
];
const MID_AUTUMNS: [i16; 26] = [
    922, 912, 930, 919, 908, 927, 915, 1004, 924, 913, 1001, 921, 910, 929, 917, 1006, 925, 915, 1003, 922,
    912, 1001, 919, 908, 927, 916,
];

impl Holiday {
    /// All of them, with the words that people write.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::ChineseNewYear, "chinese-new-year"),
        (Self::Qingming, "qingming"),
        (Self::DragonBoat, "dragon-boat"),
        (Self::MidAutumn, "mid-autumn"),
        (Self::SinglesDay, "singles-day"),
        (Self::Easter, "easter"),
        (Self::BlackFriday, "black-friday"),
        (Self::Christmas, "christmas"),
    ];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(holiday, _)| *holiday == self).map_or("", |(_, word)| word)
    }

    /// The holiday of a word.
    ///
    /// # Errors
    /// `BadInput` with the known words.
    pub fn named(word: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, name)| *name == word).map(|(holiday, _)| *holiday);
        found.ok_or_else(|| {
            let words = Self::ALL.map(|(_, word)| word);
            Error::bad_input(format!("{word:?} is not a holiday")).hint(one_of_hint(word, &words))
        })
    }

    /// Its day in a year, from 2010 to 2035.
    ///
    /// ```
    /// use jiff::civil::date;
    /// use kepi_core::holiday::Holiday;
    /// assert_eq!(Holiday::ChineseNewYear.in_year(2026), Some(date(2026, 2, 17)));
    /// assert_eq!(Holiday::Easter.in_year(2026), Some(date(2026, 4, 5)));
    /// assert_eq!(Holiday::MidAutumn.in_year(1999), None);
    /// ```
    #[must_use]
    pub fn in_year(self, year: i16) -> Option<Date> {
        let place = usize::try_from(year - FIRST).ok().filter(|place| *place < NEW_YEARS.len())?;
        let (month, day) = match self {
            Self::ChineseNewYear => listed(&NEW_YEARS, place)?,
            Self::DragonBoat => listed(&DRAGON_BOATS, place)?,
            Self::MidAutumn => listed(&MID_AUTUMNS, place)?,
            Self::Qingming => (4, qingming(year)),
            Self::SinglesDay => (11, 11),
            Self::Easter => easter(year),
            Self::BlackFriday => return black_friday(year),
            Self::Christmas => (12, 25),
        };
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    }

    /// The days of a year earlier that lay as far from it as these do.
    ///
    /// ```
    /// use jiff::civil::date;
    /// use kepi_core::{DateSpan, holiday::Holiday};
    /// let around = DateSpan::new(date(2026, 2, 10), date(2026, 2, 25));
    /// let before = Holiday::ChineseNewYear.year_before(around)?;
    /// assert_eq!(before.to_string(), "2025-01-22..2025-02-05");
    /// # Ok::<(), kepi_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `BadInput` where the day is not known of both years.
    pub fn year_before(self, span: DateSpan) -> Result<DateSpan> {
        let middle = add_days(span.start, span.days() / 2);
        let near = [-1, 0, 1].into_iter().filter_map(|years| self.in_year(middle.year() + years));
        let own = near.min_by_key(|day| days_between(*day, middle).abs());
        let both = own.and_then(|own| Some((own, self.in_year(own.year() - 1)?)));
        let (own, before) = both.ok_or_else(|| {
            Error::bad_input(format!(
                "the days of {} are not known around {span} and a year earlier",
                self.as_str()
            ))
            .hint("they are known from 2010 to 2035; `--compare year` takes the same dates a year earlier")
        })?;
        let shift = days_between(own, before);
        Ok(DateSpan::new(add_days(span.start, shift), add_days(span.end, shift)))
    }
}

impl fmt::Display for Holiday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn listed(days: &[i16], place: usize) -> Option<(i16, i16)> {
    days.get(place).map(|day| (day / 100, day % 100))
}

/// The day of April on which the sun stands at 15°: exact from 2000 to 2099.
fn qingming(year: i16) -> i16 {
    let year = i32::from(year % 100);
    let day = (2422 * year + 48_100) / 10_000 - year / 4;
    i16::try_from(day).unwrap_or(5)
}

/// The Gregorian computus, after Butcher.
fn easter(year: i16) -> (i16, i16) {
    let (golden, century, rest) = (year % 19, year / 100, year % 100);
    let epact = (19 * golden + century - century / 4 - (century - (century + 8) / 25 + 1) / 3 + 15) % 30;
    let to_sunday = (32 + 2 * (century % 4) + 2 * (rest / 4) - epact - rest % 4) % 7;
    let late = (golden + 11 * epact + 22 * to_sunday) / 451;
    let days = epact + to_sunday - 7 * late + 114;
    (days / 31, days % 31 + 1)
}

fn black_friday(year: i16) -> Option<Date> {
    let first = Date::new(year, 11, 1).ok()?;
    let thursday = first.nth_weekday_of_month(4, Weekday::Thursday).ok()?;
    thursday.checked_add(Span::new().days(1)).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn days_that_are_known() {
        for (holiday, days) in [
            (Holiday::ChineseNewYear, [date(2024, 2, 10), date(2025, 1, 29), date(2026, 2, 17)]),
            (Holiday::Qingming, [date(2024, 4, 4), date(2025, 4, 4), date(2026, 4, 5)]),
            (Holiday::DragonBoat, [date(2024, 6, 10), date(2025, 5, 31), date(2026, 6, 19)]),
            (Holiday::MidAutumn, [date(2024, 9, 17), date(2025, 10, 6), date(2026, 9, 25)]),
            (Holiday::SinglesDay, [date(2024, 11, 11), date(2025, 11, 11), date(2026, 11, 11)]),
            (Holiday::Easter, [date(2024, 3, 31), date(2025, 4, 20), date(2026, 4, 5)]),
            (Holiday::BlackFriday, [date(2024, 11, 29), date(2025, 11, 28), date(2026, 11, 27)]),
        ] {
            for day in days {
                assert_eq!(holiday.in_year(day.year()), Some(day), "{holiday}");
            }
        }
    }

    /// Every year of the tables, by what the calendar allows: a slip of the pen would stand out.
    #[test]
    fn the_moon_keeps_its_months() {
        for year in FIRST..=2035 {
            let day = |holiday: Holiday| holiday.in_year(year).unwrap();
            let new_year = day(Holiday::ChineseNewYear);
            assert!((date(year, 1, 21)..=date(year, 2, 21)).contains(&new_year), "{new_year}");
            // Four months of 29 or 30 days and four days, or five where one is intercalary.
            let boats = days_between(new_year, day(Holiday::DragonBoat));
            assert!((120..=124).contains(&boats) || (150..=153).contains(&boats), "{year}: {boats}");
            let autumn = days_between(day(Holiday::DragonBoat), day(Holiday::MidAutumn));
            assert!((97..=100).contains(&autumn) || (126..=129).contains(&autumn), "{year}: {autumn}");
            assert_eq!(day(Holiday::Easter).weekday(), Weekday::Sunday);
        }
    }

    #[test]
    fn a_period_goes_with_its_holiday() {
        let whole = DateSpan::new(date(2025, 12, 20), date(2026, 1, 3));
        let before = Holiday::Christmas.year_before(whole).unwrap();
        assert_eq!(before.to_string(), "2024-12-20..2025-01-02");
        let unknown = DateSpan::new(date(2010, 2, 1), date(2010, 3, 1));
        assert!(Holiday::ChineseNewYear.year_before(unknown).is_err());
        assert!(Holiday::named("chinese-newyear").is_err());
    }
}
