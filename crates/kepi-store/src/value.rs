//! Small conversions between kepi's values and what columns hold.

use std::sync::Arc;

use jiff::{Timestamp, civil::Date};
use kepi_core::{Error, ErrorKind, Provenance, Result, SubjectKind, Traffic};
use rust_decimal::Decimal;

use crate::hash::HashMap;

/// The day of the Unix epoch.
const EPOCH: Date = Date::constant(1970, 1, 1);

/// Days since 1970.
pub(crate) fn days_of(date: Date) -> i32 {
    kepi_core::period::days_between(EPOCH, date)
}

/// The date so many days after 1970.
pub(crate) fn date_of(days: i32) -> Date {
    kepi_core::period::add_days(EPOCH, days)
}

/// The month of a day, as partitions name it.
pub(crate) fn month_of(days: i32) -> String {
    let date = date_of(days);
    format!("{:04}-{:02}", date.year(), date.month())
}

/// Rows by the month of a day of theirs, in their order.
pub(crate) fn by_month<'a, T: 'a>(
    rows: impl Iterator<Item = &'a Arc<T>>,
    day: impl Fn(&T) -> i32,
) -> Vec<(String, Vec<Arc<T>>)> {
    let mut months: Vec<(String, Vec<Arc<T>>)> = Vec::new();
    // There are few days and many rows: a day is named once.
    let mut places: HashMap<i32, usize> = HashMap::default();
    for row in rows {
        let day = day(row);
        let place = *places.entry(day).or_insert_with(|| {
            let month = month_of(day);
            months.iter().position(|(known, _)| *known == month).unwrap_or_else(|| {
                months.push((month, Vec::new()));
                months.len() - 1
            })
        });
        months[place].1.push(row.clone());
    }
    months
}

/// An instant from its column.
pub(crate) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or_default()
}

/// Money as its column holds it: millionths.
///
/// # Errors
/// `Store` when the amount has more digits than the column.
pub(crate) fn millionths(amount: Decimal) -> Result<i128> {
    let too_fine = || {
        Error::new(ErrorKind::Store, format!("the amount {amount} does not fit a money column"))
            .hint("money is kept with six digits after the point")
    };
    let rounded = amount.round_dp(6);
    let scale = 6_u32.checked_sub(rounded.scale()).ok_or_else(too_fine)?;
    rounded.mantissa().checked_mul(10_i128.pow(scale)).ok_or_else(too_fine)
}

/// The traffic of a word in a column.
pub(crate) fn traffic(word: &str) -> Option<Traffic> {
    [Traffic::Organic, Traffic::Paid, Traffic::Total, Traffic::Unknown]
        .into_iter()
        .find(|traffic| traffic.as_str() == word)
}

/// The provenance of a word in a column.
pub(crate) fn provenance(word: &str) -> Option<Provenance> {
    [Provenance::Api, Provenance::Export, Provenance::Public, Provenance::Import]
        .into_iter()
        .find(|provenance| provenance.as_str() == word)
}

/// The kind of subject of a word in a column.
pub(crate) fn subject_kind(word: &str) -> Option<SubjectKind> {
    SubjectKind::ALL.into_iter().find(|kind| kind.as_str() == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_money_keep_their_value() {
        for date in [Date::constant(1969, 12, 31), EPOCH, Date::constant(2024, 2, 29)] {
            assert_eq!(date_of(days_of(date)), date);
        }
        assert_eq!(month_of(days_of(Date::constant(2024, 2, 29))), "2024-02");
        assert_eq!(millionths("12.5".parse().unwrap()).unwrap(), 12_500_000);
        assert_eq!(millionths("-0.0000004".parse().unwrap()).unwrap(), 0);
    }
}
