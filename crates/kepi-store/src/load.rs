//! Rows that have a table's own form already, written as they are: what benchmarks fill a store with.

use arrow::array::RecordBatch;
use kepi_core::{Error, ErrorKind, Result};

use crate::{columns::Frame, fail::torn, parquet_files::Partition, plan::Plan, store::Store};

impl Store {
    /// Writes rows to a partition of a projection, in the order and the files that the store itself would give
    /// them. Columns that the rows do not have are null.
    ///
    /// For benchmarks alone: no page of the journal stands behind these rows, and nothing checks that the tables
    /// agree with one another.
    ///
    /// # Errors
    /// `Store` when there is no such table, a column is not one of it, or it cannot be written.
    #[doc(hidden)]
    pub async fn load(
        &self,
        table: &str,
        partition: &[(&'static str, String)],
        rows: Vec<RecordBatch>,
    ) -> Result<()> {
        let table = self.0.table(table)?;
        let partition: Partition = partition.to_vec();
        loop {
            let snapshot = table.refresh().await?;
            let mut plan = Plan::default();
            for rows in &rows {
                let mut frame = Frame::new(table.schema.file.clone(), rows.num_rows());
                for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
                    if table.schema.index(field.name()).is_none() {
                        return Err(Error::new(ErrorKind::Store, "the table has no such column")
                            .with("table", table.name())
                            .with("column", field.name()));
                    }
                    frame.set(field.name(), column.clone());
                }
                plan.add(partition.clone(), frame.finish()?);
            }
            if plan.is_empty() || plan.commit(table, &snapshot, Vec::new()).await?.is_some() {
                return Ok(());
            }
        }
    }

    /// Counts the rollups of all rows anew, also of those that were loaded and of which they know nothing.
    ///
    /// # Errors
    /// `Store` when a table cannot be read or written.
    #[doc(hidden)]
    pub async fn recount(&self) -> Result<()> {
        crate::rollup::recount(&self.0).await
    }

    /// The files that hold the valid rows of a table, as paths: what another engine reads to see the same.
    ///
    /// # Errors
    /// `Store` when there is no such table, or it does not rest in a local folder.
    #[doc(hidden)]
    pub async fn current_files(&self, table: &str) -> Result<Vec<String>> {
        let table = self.0.table(table)?;
        let snapshot = table.refresh().await?;
        let folder = table.root().to_file_path().map_err(|()| torn("the table is in no local folder"))?;
        let path = |file: &str| folder.join(file).to_str().map(str::to_owned);
        snapshot
            .current()
            .map(|file| path(&file.path).ok_or_else(|| torn("a path that is no text")))
            .collect()
    }
}
