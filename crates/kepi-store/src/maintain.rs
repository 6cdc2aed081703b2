//! Compaction, checkpoints and clean-up. Rows never change here, only the files they stand in.

use std::{collections::BTreeMap, fmt, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use kepi_core::Result;
use object_store::ObjectStoreExt;

use crate::{
    log::{Changes, DataFile, NewFile, TableLog},
    parquet_files::{Partition, read, write},
    plan::{order, partition_of},
    store::{Inner, Store},
};

/// What to do, and how long to keep what readers may still need.
#[derive(Debug, Clone, Copy)]
pub struct MaintainOptions {
    /// Files that no version needs are deleted when they are older than so many days. Readers that opened the
    /// store earlier than that may fail.
    pub keep_days: u16,
    /// Merge small files.
    pub compact: bool,
    /// Delete what is no longer needed.
    pub vacuum: bool,
}

impl Default for MaintainOptions {
    fn default() -> Self {
        Self { keep_days: 7, compact: true, vacuum: true }
    }
}

/// What maintenance did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Maintained {
    /// Files that were merged into others.
    pub merged: usize,
    /// Files that were written in their place.
    pub written: usize,
    /// Files that were deleted.
    pub deleted: usize,
    /// Bytes that were freed.
    pub freed: u64,
    /// Entries of logs that were deleted.
    pub log_entries: usize,
    /// Whether the rollups were missing and were counted anew.
    pub rebuilt: bool,
}

impl fmt::Display for Maintained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { merged, written, deleted, freed, log_entries, rebuilt } = self;
        write!(f, "{merged} files merged into {written}; {deleted} old files ({freed} bytes) ")?;
        write!(f, "and {log_entries} log entries deleted")?;
        if *rebuilt { write!(f, "; rollups counted anew") } else { Ok(()) }
    }
}

impl Store {
    /// Merges small files, writes checkpoints, and deletes files that no reader needs.
    ///
    /// # Errors
    /// `Store` when a table cannot be read or written. What was committed stays.
    pub async fn maintain(&self, options: MaintainOptions) -> Result<Maintained> {
        let turn = self.0.turn.lock().await;
        let mut done = Maintained { rebuilt: crate::rollup::build(&self.0).await?, ..Maintained::default() };
        for schema in crate::schema::all() {
            let Ok(table) = self.0.table(schema.table.name) else { continue };
            if options.compact {
                compact(&self.0, table, 2, &mut done).await?;
            }
            if table.refresh().await?.version > 0 {
                table.checkpoint().await?;
            }
            if options.vacuum {
                vacuum(table, options.keep_days, &mut done).await?;
            }
        }
        drop(turn);
        Ok(done)
    }
}

/// Merges the small files of tables that have gathered many.
pub(crate) async fn compact_as_we_go(inner: &Inner) -> Result<()> {
    if inner.options.compact_files == 0 {
        return Ok(());
    }
    let mut done = Maintained::default();
    for schema in crate::schema::all() {
        let Ok(table) = inner.table(schema.table.name) else { continue };
        compact(inner, table, inner.options.compact_files, &mut done).await?;
    }
    if done.merged > 0 {
        tracing::debug!(merged = done.merged, written = done.written, "compacted");
    }
    Ok(())
}

async fn compact(inner: &Inner, table: &TableLog, at_least: usize, done: &mut Maintained) -> Result<()> {
    for (partition, files) in crowded(table, at_least) {
        let base = table.refresh().await?;
        if !files.iter().all(|file| base.files.contains_key(&file.path)) {
            continue;
        }
        let mut batches = Vec::new();
        for file in &files {
            batches.extend(read(table, file, None).await?);
        }
        let add = write(table, &partition, batches, &order(&table.schema)).await?;
        let written: Vec<NewFile> = add.iter().map(|file| NewFile { add: file.add.clone() }).collect();
        let add = add.into_iter().map(unchanged).collect();
        let changes = Changes { add, remove: files.clone(), transactions: Vec::new(), rearrange: true };
        match table.commit(&base, changes).await? {
            Some(snapshot) => {
                done.merged += files.len();
                done.written += written.len();
                if table.name() == "pages" {
                    inner.journal.rearranged(&base, &snapshot).await;
                }
            }
            // Another writer was first: the files are merged another time.
            None => table.discard(&written).await,
        }
    }
    Ok(())
}

fn unchanged(mut file: NewFile) -> NewFile {
    file.add.data_change = false;
    file
}

/// The small files of partitions that hold many. Files merge with those of about their own size, so that each
/// row is rewritten only a few times as its partition grows.
fn crowded(table: &TableLog, at_least: usize) -> Vec<(Partition, Vec<Arc<DataFile>>)> {
    let mut groups: BTreeMap<(Partition, u32), Vec<Arc<DataFile>>> = BTreeMap::new();
    let full = table.options.file_rows as u64 / 2;
    let by_bytes = table.name() == "pages";
    // What is merged beside other work holds little.
    let most = if by_bytes { LARGE } else { full };
    let most = if at_least <= 2 { 2 * most } else { most };
    for file in table.known().files.values() {
        let (amount, full) = if by_bytes { (file.size, LARGE) } else { (file.rows, full) };
        if amount < full {
            let tier = if at_least <= 2 { 0 } else { amount.max(1).ilog(8) };
            groups.entry((partition_of(file), tier)).or_default().push(file.clone());
        }
    }
    groups
        .into_iter()
        .filter(|(_, files)| files.len() >= at_least)
        .map(|((partition, _), files)| (partition, bounded(files, most, by_bytes)))
        .filter(|(_, files)| files.len() >= 2)
        .collect()
}

/// A file of the journal is not merged further when it is so large.
const LARGE: u64 = 16 << 20;

/// As many files as one merge may hold in memory.
fn bounded(files: Vec<Arc<DataFile>>, most: u64, by_bytes: bool) -> Vec<Arc<DataFile>> {
    let mut sum = 0;
    files
        .into_iter()
        .take_while(|file| {
            sum += if by_bytes { file.size } else { file.rows };
            sum <= most
        })
        .collect()
}

async fn vacuum(table: &TableLog, keep_days: u16, done: &mut Maintained) -> Result<()> {
    let now: Timestamp = (table.options.clock)();
    let kept = SignedDuration::from_hours(24 * i64::from(keep_days));
    let older_than = now.checked_sub(kept).unwrap_or(Timestamp::MIN);
    for (path, size) in table.unnamed_files(older_than).await? {
        if table.files().delete(&path).await.is_ok() {
            done.deleted += 1;
            done.freed += size;
        }
    }
    done.log_entries += table.clean_log().await?;
    Ok(())
}
