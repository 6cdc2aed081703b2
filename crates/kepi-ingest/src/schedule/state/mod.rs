//! The state file: ticks, attempts, leases, and what is remembered from run to run.

mod leases;
mod memory;
mod runs;
mod signs;
mod ticks;

use std::{path::Path, sync::Arc, time::Duration};

use jiff::Timestamp;
use kepi_core::{Error, ErrorKind, Result};
use smol_str::SmolStr;
use sqlx::{
    Sqlite, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use self::signs::Signs;
pub use leases::{Busy, Claim, Held};
pub use runs::{RunEntry, RunFilter};
pub use ticks::TickEntry;
pub(crate) use ticks::{Begun, TickRow};

/// How long another process may hold the file before we give up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// The state of the schedule. A cheap handle; several processes may hold the same file.
#[derive(Debug, Clone)]
pub struct State {
    pool: SqlitePool,
    signs: Arc<Signs>,
    /// Who this is: runs of one process draw on the same limits.
    worker: SmolStr,
}

impl State {
    /// Opens the file, or creates it.
    ///
    /// # Errors
    /// `Store` when it is no state file, was written by a newer version, or may not be written.
    pub async fn open(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        let signs = Signs::within(path.with_file_name("leases"));
        let opened = Self::connect(options, signs).await;
        opened.map_err(|error| explain(error).with("file", path.display()))
    }

    /// A state that lives as long as the process, for a single pass and for tests.
    ///
    /// # Errors
    /// `Store` when there is no memory for it.
    pub async fn in_memory() -> Result<Self> {
        Self::connect(SqliteConnectOptions::new().in_memory(true), Signs::default()).await.map_err(explain)
    }

    async fn connect(options: SqliteConnectOptions, signs: Signs) -> Result<Self, sqlx::Error> {
        // One connection: a process has one schedule, and a state in memory is gone with its connection.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await?;
        MIGRATIONS.run(&pool).await?;
        let worker = uuid::Uuid::now_v7().to_string().into();
        Ok(Self { pool, signs: Arc::new(signs), worker })
    }

    /// Closes the file. Dropping the last handle does so too, a little later. Runs that still have accounts in hand
    /// count as dead from then on.
    pub async fn close(&self) {
        self.pool.close().await;
        self.signs.abandon();
    }

    /// A transaction that writes. It takes the write lock at once, so that no other process slips in between
    /// reading and writing.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(explain)
    }
}

/// What went wrong with the file, and what to do.
fn explain(error: sqlx::Error) -> Error {
    let newer = matches!(&error, sqlx::Error::Migrate(error)
        if matches!(error.as_ref(), sqlx::migrate::MigrateError::VersionMissing(_) | sqlx::migrate::MigrateError::VersionMismatch(_)));
    let hint = if newer {
        "it was written by another version of kepi: use that one, or a newer one"
    } else {
        "check that the file may be written and is whole; without it, moved aside, what was read stays in the store and missed ticks are not caught up"
    };
    Error::new(ErrorKind::Store, "the state of the schedule cannot be used")
        .hint(hint)
        .with("reason", &error)
        .caused_by(error)
}

fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

fn instant(micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|error| torn("a time", error))
}

fn torn(what: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Store, format!("the state of the schedule is torn: {what}"))
        .hint("move the file aside: what was read stays in the store")
        .caused_by(cause)
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
impl State {
    /// Leaves the mark of a migration that this version does not know.
    pub(crate) async fn pretend_newer(&self) {
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'of tomorrow', TRUE, x'00', 0)",
        )
        .execute(&self.pool)
        .await
        .expect("the table is there");
    }
}
