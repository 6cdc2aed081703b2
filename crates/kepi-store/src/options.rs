//! How the store is to behave.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use kepi_core::Result;
use object_store::ObjectStore;

/// Called at each step of a commit with the step's name; an error there stops the step as a crash would.
pub type Fault = Arc<dyn Fn(&str) -> Result<()> + Send + Sync>;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How a store groups, compacts and keeps. The default suits a laptop and a server alike.
#[derive(Clone)]
pub struct StoreOptions {
    /// A commit is made when so many measurements wait …
    pub commit_rows: usize,
    /// … or so many bytes of bodies …
    pub commit_bytes: usize,
    /// … or when the oldest has waited so long.
    pub commit_interval: Duration,
    /// A partition is compacted when it has so many small files; 0 leaves all compaction to
    /// [`crate::Store::maintain`].
    pub compact_files: usize,
    /// Rows per file that compaction aims at.
    pub file_rows: usize,
    /// A checkpoint of a table's log is written every so many commits.
    pub checkpoint_interval: u64,
    /// How long a writer waits for another one to finish the projections of an earlier commit.
    pub patience: Duration,
    /// Rows of a group in a Parquet file.
    pub row_group_rows: usize,
    /// Tells the time; only tests set it.
    pub clock: Clock,
    /// A place to fail; only tests set it.
    pub fault: Option<Fault>,
    /// Where the bytes go instead of what the location says; only tests set it.
    pub backend: Option<Arc<dyn ObjectStore>>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            commit_rows: 15_000,
            commit_bytes: 32 << 20,
            commit_interval: Duration::from_secs(10),
            compact_files: 16,
            file_rows: 131_072,
            checkpoint_interval: 50,
            patience: Duration::from_secs(10),
            row_group_rows: 131_072,
            clock: Arc::new(Timestamp::now),
            fault: None,
            backend: None,
        }
    }
}

impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions")
            .field("commit_rows", &self.commit_rows)
            .field("commit_bytes", &self.commit_bytes)
            .field("commit_interval", &self.commit_interval)
            .field("compact_files", &self.compact_files)
            .field("file_rows", &self.file_rows)
            .finish_non_exhaustive()
    }
}

impl StoreOptions {
    /// Passes the step unless a fault is set for it.
    pub(crate) fn step(&self, name: &str) -> Result<()> {
        self.fault.as_ref().map_or(Ok(()), |fault| fault(name))
    }
}
