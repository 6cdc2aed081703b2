//! What a commit is going to change, worked out against one snapshot and not yet written.

use std::{collections::BTreeMap, fmt, sync::Arc};

use arrow::array::RecordBatch;
use kepi_core::Result;

use crate::{
    log::{Changes, DataFile, NewFile, Snapshot, TableLog},
    makers::{self, Making},
    parquet_files::{Encoded, Partition, encode, put, write},
    records::RECORDS,
    schema::TableSchema,
};

/// Files to replace and rows to add.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    remove: Vec<Arc<DataFile>>,
    add: BTreeMap<Partition, Vec<Rows>>,
    /// Files that are written already.
    written: Vec<NewFile>,
}

/// Rows that are to be added: how to make a batch of them.
struct Rows(Box<dyn FnOnce() -> Result<RecordBatch> + Send>);

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rows")
    }
}

/// What is left of a file waits in memory for the other rows of its partition when it is no more than this.
const FEW: usize = 4096;

impl Plan {
    /// Replaces a file by what is left of it. Much is written at once, so that a plan never holds more than one
    /// file.
    pub(crate) async fn rewrite(
        &mut self,
        table: &TableLog,
        file: &Arc<DataFile>,
        left: RecordBatch,
    ) -> Result<()> {
        self.remove.push(file.clone());
        match left.num_rows() {
            0 => {}
            1..=FEW => self.add(partition_of(file), left),
            // It is in the order of the file that it comes from.
            _ => self.written.extend(write(table, &partition_of(file), vec![left], &[]).await?),
        }
        Ok(())
    }

    /// Adds rows to a partition.
    pub(crate) fn add(&mut self, partition: Partition, rows: RecordBatch) {
        self.add_made(partition, || Ok(rows));
    }

    /// Adds rows to a partition that are made when they are written, beside other work.
    pub(crate) fn add_made(
        &mut self,
        partition: Partition,
        rows: impl FnOnce() -> Result<RecordBatch> + Send + 'static,
    ) {
        self.add.entry(partition).or_default().push(Rows(Box::new(rows)));
    }

    /// Whether nothing changes.
    pub(crate) fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.add.is_empty() && self.written.is_empty()
    }

    /// Begins to make the files, beside other work.
    pub(crate) fn begin(self, table: &TableLog) -> Begun {
        let Self { remove, add, written } = self;
        let encoding = (!add.is_empty()).then(|| {
            let (schema, options) = (table.schema.clone(), table.options.clone());
            makers::begin(move || {
                let order = order(&schema);
                let encoded = |(partition, rows): (Partition, Vec<Rows>)| {
                    let batches: Vec<RecordBatch> =
                        rows.into_iter().map(|rows| rows.0()).collect::<Result<_>>()?;
                    Ok((partition, encode(&schema, batches, &order, &options)?))
                };
                add.into_iter().map(encoded).collect()
            })
        });
        Begun { remove, encoding, written }
    }

    /// Writes the files and commits; `None` when another writer was first and the plan is void.
    pub(crate) async fn commit(
        self,
        table: &TableLog,
        base: &Snapshot,
        transactions: Vec<(String, i64)>,
    ) -> Result<Option<Arc<Snapshot>>> {
        self.begin(table).commit(table, base, transactions).await
    }
}

/// The files of a partition.
type Part = (Partition, Vec<Encoded>);

/// A plan whose files are being made.
#[derive(Debug)]
pub(crate) struct Begun {
    remove: Vec<Arc<DataFile>>,
    encoding: Option<Making<Vec<Part>>>,
    written: Vec<NewFile>,
}

impl Begun {
    /// Writes the files and commits; `None` when another writer was first and the plan is void.
    pub(crate) async fn commit(
        self,
        table: &TableLog,
        base: &Snapshot,
        transactions: Vec<(String, i64)>,
    ) -> Result<Option<Arc<Snapshot>>> {
        let mut add = self.written;
        if let Some(encoding) = self.encoding {
            for (partition, files) in encoding.made().await? {
                for file in files {
                    add.push(put(table, &partition, file).await?);
                }
            }
        }
        let written: Vec<_> = add.iter().map(|file| crate::log::NewFile { add: file.add.clone() }).collect();
        let changes = Changes { add, remove: self.remove, transactions, rearrange: false };
        let committed = table.commit(base, changes).await;
        if matches!(committed, Ok(None)) {
            table.discard(&written).await;
        }
        committed
    }
}

/// The partition of a file.
pub(crate) fn partition_of(file: &DataFile) -> Partition {
    let known = ["current", "month"].into_iter();
    known.filter_map(|column| Some((column, file.partition(column)?.to_owned()))).collect()
}

/// What the files of a table are sorted by.
pub(crate) fn order(schema: &TableSchema) -> Vec<&'static str> {
    match schema.table.name {
        "pages" | "rejects" => vec!["recorded_at", "stream", "sequence"],
        name if RECORDS.contains(&name) => Vec::new(),
        name => match crate::rows::Layout::of(name) {
            Some(layout) => layout.order(),
            None => vec!["account", "post", "day", "end_day", "at"],
        },
    }
}
