//! Zeros that are no data. A column that was not granted comes back as zero in every row, without an error.

use kepi_core::Value;

use super::row::Row;
use crate::descriptor::{Column, PARTS};

/// After so many clicks without a single like, comment, save, follow or share, zeros are not believed.
const CLICKS: i64 = 100;

/// The columns of a page whose zeros contradict the rest of it.
pub(super) fn doubtful(rows: &[Row<'_>]) -> Vec<Column> {
    let mut doubtful = Vec::new();
    let blank = |column: &Column| is_blank(rows, *column);
    let blank_parts: Vec<Column> = PARTS.into_iter().filter(blank).collect();
    let clicks: i64 = rows.iter().filter_map(|row| row.count(Column::Click)).fold(0, i64::saturating_add);
    let no_sum = is_blank(rows, Column::Interaction);
    match (no_sum, blank_parts.len() == PARTS.len()) {
        (true, true) if clicks >= CLICKS => {
            doubtful.push(Column::Interaction);
            doubtful.extend(&blank_parts);
        }
        (true, false) if rows.iter().any(has_interactions) => doubtful.push(Column::Interaction),
        (false, _) if rows.iter().any(is_short) => doubtful.extend(&blank_parts),
        _ => {}
    }
    if is_blank(rows, Column::Impression) && rows.iter().any(has_spent) {
        doubtful.push(Column::Impression);
    }
    doubtful
}

/// Whether a column is told, and zero wherever it is.
fn is_blank(rows: &[Row<'_>], column: Column) -> bool {
    let mut told = rows.iter().filter_map(|row| row.count(column)).peekable();
    told.peek().is_some() && told.all(|count| count == 0)
}

/// Whether the interactions of a row are more than its likes, comments, saves, follows and shares, of which
/// they are the sum.
fn is_short(row: &Row<'_>) -> bool {
    let parts = PARTS.iter().try_fold(0_i64, |sum, part| sum.checked_add(row.count(*part)?));
    row.count(Column::Interaction).zip(parts).is_some_and(|(sum, parts)| sum > parts)
}

fn has_interactions(row: &Row<'_>) -> bool {
    PARTS.iter().any(|part| row.count(*part).is_some_and(|count| count > 0))
}

fn has_spent(row: &Row<'_>) -> bool {
    matches!(row.value(Column::Fee), Some(Value::Money(money)) if !money.amount.is_zero())
}
