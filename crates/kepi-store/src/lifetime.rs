//! The newest readings of every post: rank 0 is the newest, an older one stays while no single newer one holds
//! all its metrics. So any formula finds the newest reading that has all of its own.

use std::sync::Arc;

use arrow::array::RecordBatch;
use kepi_core::Result;
use smol_str::SmolStr;

use crate::{
    cell::{Row, WindowKey},
    columns::{At, Columns},
    daily::{Birth, birth},
    hash::{HashMap, HashSet},
    log::TableLog,
    parquet_files::{Partition, read_whole},
    rows::{Layout, lifetime_batch, read_keys, read_rows},
    schema::TableSchema,
    value::month_of,
};

/// One kept reading.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Kept {
    pub(crate) row: Arc<Row>,
    pub(crate) rank: i64,
    pub(crate) birth: Birth,
}

/// So many readings of a series are kept without asking what they are for. Sources differ in a handful of
/// shapes; a platform that leaves out now this and now that could have any number of them.
pub(crate) const LIMIT: usize = 12;

/// Which readings of a series are kept, newest first: those whose metrics no single newer one holds. Beyond
/// [`LIMIT`], only those that hold a metric that no newer one has.
pub(crate) fn keep(mut readings: Vec<Arc<Row>>, birth: Birth) -> Vec<Kept> {
    if let [_] = &readings[..] {
        return readings.into_iter().map(|row| Kept { row, rank: 0, birth }).collect();
    }
    readings.sort_by_key(|row| std::cmp::Reverse(newness(row)));
    let mut had: HashSet<u16> = HashSet::default();
    let mut sets: Vec<Vec<u16>> = Vec::new();
    let mut kept: Vec<Kept> = Vec::new();
    for row in readings {
        let told: Vec<u16> =
            row.cells.iter().filter(|cell| cell.number.is_some()).map(|cell| cell.column).collect();
        let held = sets.iter().any(|set| told.iter().all(|column| set.binary_search(column).is_ok()));
        let brings = told.iter().any(|column| !had.contains(column));
        if kept.is_empty() || brings || (!held && kept.len() < LIMIT) {
            had.extend(&told);
            sets.push(told);
            let rank = i64::try_from(kept.len()).unwrap_or(i64::MAX);
            kept.push(Kept { row, rank, birth });
        }
    }
    kept
}

fn newness(row: &Row) -> (i64, i64, i64) {
    let at = if let WindowKey::At(at) = row.key.window { at } else { i64::MIN };
    let observed = row.cells.iter().map(|cell| cell.origin.observed).max().unwrap_or(i64::MIN);
    (at, observed, row.recorded)
}

/// The partition of a kept reading: the month of publishing.
pub(crate) fn partition(kept: &Kept) -> Partition {
    let month = kept.birth.map_or_else(|| "unknown".to_owned(), |(_, day)| month_of(day));
    vec![("month", month)]
}

/// Kept readings as a batch.
pub(crate) fn to_batch(schema: &TableSchema, kept: &[Kept]) -> Result<RecordBatch> {
    let rows: Vec<&Row> = kept.iter().map(|kept| &*kept.row).collect();
    let births: Vec<Birth> = kept.iter().map(|kept| kept.birth).collect();
    let ranks: Vec<i64> = kept.iter().map(|kept| kept.rank).collect();
    lifetime_batch(schema, &rows, &births, &ranks)
}

/// Reads kept readings, chosen by their places in a whole batch of the table.
pub(crate) fn read(table: &TableLog, batch: &RecordBatch, chosen: &[usize]) -> Result<Vec<Kept>> {
    let layout = Layout::Wide(kepi_core::SubjectKind::Post);
    let keys = read_keys(layout, batch)?;
    let rows = read_rows(&table.schema, batch, &keys, chosen)?;
    let columns = Columns(batch);
    let (at, day) = (columns.instant("published_at")?, columns.date("published_day")?);
    let rank = columns.int("rank")?;
    let kept = rows.into_iter().zip(chosen).map(|(row, place)| Kept {
        row: Arc::new(row),
        rank: rank.value(*place),
        birth: birth(at.at_row(*place), day.at_row(*place)),
    });
    Ok(kept.collect())
}

/// When the numbers of the posts of accounts were last read, in microseconds.
pub(crate) async fn last_read(
    table: &TableLog,
    accounts: &std::collections::HashSet<&str>,
) -> Result<HashMap<(SmolStr, SmolStr), i64>> {
    let snapshot = table.refresh().await?;
    let mut last: HashMap<(SmolStr, SmolStr), i64> = HashMap::default();
    for file in snapshot.files.values() {
        if !accounts.iter().any(|account| file.stats.may_hold("account", account)) {
            continue;
        }
        let batch = read_whole(table, file, Some(&["account", "post", "observed_at"])).await?;
        let columns = Columns(&batch);
        let (account, post) = (columns.text("account")?, columns.text("post")?);
        let observed = columns.instant("observed_at")?;
        for row in (0..batch.num_rows()).filter(|row| accounts.contains(account.value(*row))) {
            let entry = last.entry((account.value(row).into(), post.value(row).into())).or_insert(i64::MIN);
            *entry = observed.value(row).max(*entry);
        }
    }
    Ok(last)
}
