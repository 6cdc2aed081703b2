//! One table: its log, its files, and commits that either succeed against exactly the state they were made
//! from or say that another writer was first.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use deltalake::{
    DeltaTable,
    kernel::{
        Action, Add, EagerSnapshot, MetadataExt, Protocol, Remove, StructType, Transaction,
        transaction::{CommitData, TransactionError},
    },
    logstore::{CommitOrBytes, LogStoreRef, get_actions},
    protocol::{DeltaOperation, SaveMode, checkpoints},
};
use futures::{StreamExt, future::join};
use kepi_core::Result;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, path::Path};
use smol_str::SmolStr;
use uuid::Uuid;

use crate::{
    fail::{Fail, is_unsupported, store, torn, unsupported},
    mend::gone,
    options::StoreOptions,
    schema::TableSchema,
    stats::Stats,
    subjects::Subjects,
};

/// A data file that belongs to a table.
#[derive(Debug)]
pub(crate) struct DataFile {
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) rows: u64,
    /// Values of the partition columns, by name.
    pub(crate) partition: BTreeMap<String, Option<String>>,
    pub(crate) stats: Stats,
}

impl DataFile {
    fn of(add: &Add) -> Self {
        let (stats, rows) = Stats::parse(add.stats.as_deref());
        Self {
            path: add.path.clone(),
            size: u64::try_from(add.size).unwrap_or_default(),
            rows: rows.unwrap_or_default(),
            partition: add.partition_values.clone().into_iter().collect(),
            stats,
        }
    }

    /// The value of a partition column.
    pub(crate) fn partition(&self, column: &str) -> Option<&str> {
        self.partition.get(column)?.as_deref()
    }

    /// Whether its rows are valid now; files without that partition always are.
    pub(crate) fn is_current(&self) -> bool {
        self.partition("current") != Some("false")
    }

    fn remove(&self, now: i64, data_change: bool) -> Action {
        Action::Remove(Remove {
            path: self.path.clone(),
            data_change,
            deletion_timestamp: Some(now),
            extended_file_metadata: Some(true),
            partition_values: Some(self.partition.clone().into_iter().collect()),
            size: i64::try_from(self.size).ok(),
            ..Remove::default()
        })
    }
}

/// A file that was written and not yet committed.
#[derive(Debug)]
pub(crate) struct NewFile {
    pub(crate) add: Add,
}

/// The state of a table at one version.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) version: u64,
    /// The id that the table was given when its log was begun.
    id: Option<SmolStr>,
    /// The first entry of that log.
    first: Option<Written>,
    /// How often this process found another log in the place of the one that it had open.
    pub(crate) begun_anew: u64,
    /// The names of its columns.
    columns: Option<HashSet<String>>,
    pub(crate) files: BTreeMap<String, Arc<DataFile>>,
    /// The newest `txn` of each application that was seen since the table was opened.
    pub(crate) transactions: HashMap<String, i64>,
}

impl Snapshot {
    /// How far the journal has come in this table: the `recorded_at` of the last commit in it.
    pub(crate) fn recorded(&self) -> i64 {
        self.transactions.get(RECORDED).copied().unwrap_or(i64::MIN)
    }

    /// When the rows of a projection were last taken out to be made anew.
    pub(crate) fn emptied(&self) -> Option<i64> {
        self.transactions.get(EMPTIED).copied()
    }

    /// The files whose rows are valid now.
    pub(crate) fn current(&self) -> impl Iterator<Item = &Arc<DataFile>> {
        self.files.values().filter(|file| file.is_current())
    }

    fn apply(&mut self, version: u64, actions: Vec<Action>) {
        self.version = version;
        for action in actions {
            match action {
                Action::Add(add) => {
                    self.files.insert(add.path.clone(), Arc::new(DataFile::of(&add)));
                }
                Action::Remove(remove) => {
                    self.files.remove(&remove.path);
                }
                Action::Txn(Transaction { app_id, version, .. }) => {
                    self.transactions.insert(app_id, version);
                }
                Action::Metadata(metadata) => {
                    self.id = Some(metadata.id().into());
                    let schema = metadata.parse_schema().ok();
                    self.columns = schema.map(|schema| schema.fields().map(|f| f.name().clone()).collect());
                }
                _ => {}
            }
        }
    }
}

/// A file as it was written: one that was written anew differs.
#[derive(Debug, Clone, PartialEq)]
struct Written {
    e_tag: Option<String>,
    modified: i64,
    size: u64,
}

impl From<ObjectMeta> for Written {
    fn from(meta: ObjectMeta) -> Self {
        let ObjectMeta { e_tag, last_modified, size, .. } = meta;
        Self { e_tag, modified: last_modified.timestamp_micros(), size }
    }
}

/// The application whose `txn` says which version of the journal a projection has reached.
pub(crate) const PAGES: &str = "pages";
/// The application whose `txn` says the same as `recorded_at`, in microseconds.
pub(crate) const RECORDED: &str = "recorded";

/// The application whose `txn` says when the rows of a table were taken out to be made anew.
pub(crate) const EMPTIED: &str = "emptied";

/// The application whose `txn` says that a table that is derived from another one tells all of it.
pub(crate) const COMPLETE: &str = "complete";

/// The application whose `txn` says that the table of accounts tells own from public numbers.
pub(crate) const SIDES: &str = "sides";

/// Held while the library reads a log or makes a checkpoint of it: it then waits on threads of the runtime for others of
/// them, and many such waits at once would leave none to wait for.
static READING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// What a commit changes.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) add: Vec<NewFile>,
    pub(crate) remove: Vec<Arc<DataFile>>,
    pub(crate) transactions: Vec<(String, i64)>,
    /// The rows stay the same; only their files change.
    pub(crate) rearrange: bool,
}

/// One table of the store.
#[derive(Debug)]
pub(crate) struct TableLog {
    pub(crate) schema: Arc<TableSchema>,
    pub(crate) options: StoreOptions,
    pub(crate) subjects: Subjects,
    log: LogStoreRef,
    state: Mutex<Arc<Snapshot>>,
}

impl TableLog {
    /// Creates the table, or opens it when it is there, and adds columns that it does not have yet.
    pub(crate) async fn create(
        log: LogStoreRef,
        schema: Arc<TableSchema>,
        options: StoreOptions,
    ) -> Result<Self> {
        if !is_there(&log).await? {
            create(&log, &schema, &options).await.map_err(|error| error.with("table", schema.table.name))?;
        }
        let table = Self::open(log, schema, options).await?;
        table.widen().await?;
        Ok(table)
    }

    /// Opens the table as it is.
    pub(crate) async fn open(
        log: LogStoreRef,
        schema: Arc<TableSchema>,
        options: StoreOptions,
    ) -> Result<Self> {
        let found = load_newest(&log).await.map_err(|error| error.with("table", schema.table.name))?;
        let snapshot = found.ok_or_else(|| gone(schema.table.name))?;
        let (subjects, state) = (Subjects::default(), Mutex::new(Arc::new(snapshot)));
        Ok(Self { schema, options, subjects, log, state })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        self.schema.table.name
    }

    /// Where its files are.
    pub(crate) fn files(&self) -> Arc<dyn ObjectStore> {
        self.log.object_store(None)
    }

    /// The whole store that its root is in.
    pub(crate) fn whole_store(&self) -> Arc<dyn ObjectStore> {
        self.log.root_object_store(None)
    }

    /// Its root, as an address.
    pub(crate) fn root(&self) -> &url::Url {
        self.log.root_url()
    }

    /// The newest state that this process knows.
    pub(crate) fn known(&self) -> Arc<Snapshot> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest state there is. Where the log was begun anew since it was opened, that of the new one.
    pub(crate) async fn refresh(&self) -> Result<Arc<Snapshot>> {
        let known = self.known();
        let mut newer: Option<Snapshot> = None;
        // Mostly there is nothing new, so both are asked at once.
        let next = self.log.read_commit_entry(known.version + 1);
        let (next, first) = join(next, first_entry(&self.log)).await;
        let (mut next, mut first) = (next.at("read the log")?, first?);
        while let Some(bytes) = next {
            let newer = newer.get_or_insert_with(|| (*known).clone());
            let version = newer.version + 1;
            let actions = actions_of(version, &bytes).map_err(|error| error.with("table", self.name()))?;
            newer.apply(version, actions);
            next = self.log.read_commit_entry(version + 1).await.at("read the log")?;
        }
        if newer.is_some() {
            // What was read is of the log that was there until now.
            first = first_entry(&self.log).await?;
        }
        if first != known.first {
            return self.reopen(&known).await;
        }
        Ok(newer.map_or(known, |snapshot| self.adopt(snapshot)))
    }

    /// Opens the log again, whose first entry is not the one that it had: it was begun anew, or its first entries were
    /// deleted behind a checkpoint.
    async fn reopen(&self, known: &Snapshot) -> Result<Arc<Snapshot>> {
        let found = load_newest(&self.log).await.map_err(|error| error.with("table", self.name()))?;
        let mut found = found.ok_or_else(|| gone(self.name()))?;
        let goes_on = found.id == known.id && found.version >= known.version;
        found.begun_anew = known.begun_anew + u64::from(!goes_on);
        if !goes_on {
            tracing::warn!(
                table = self.name(),
                "its log was begun anew meanwhile: what it says now is taken"
            );
        }
        Ok(self.adopt(found))
    }

    /// The state at the newest version whose `txn` does not pass an instant of recording.
    pub(crate) async fn at_recorded(&self, snapshot: Arc<Snapshot>, recorded: i64) -> Result<Arc<Snapshot>> {
        let mut found = snapshot;
        while found.recorded() > recorded && found.version > 0 {
            let before = load(&self.log, Some(found.version - 1)).await?;
            found = Arc::new(before.ok_or_else(|| gone(self.name()))?);
        }
        Ok(found)
    }

    /// Commits against exactly the state it was made from; `None` when another writer was first, or the log was begun
    /// anew.
    pub(crate) async fn commit(&self, base: &Snapshot, changes: Changes) -> Result<Option<Arc<Snapshot>>> {
        let now = (self.options.clock)().as_millisecond();
        let mut actions: Vec<Action> =
            changes.remove.iter().map(|file| file.remove(now, !changes.rearrange)).collect();
        actions.extend(changes.add.into_iter().map(|file| Action::Add(file.add)));
        let transactions = changes.transactions.iter().map(|(app, version)| Transaction::new(app, *version));
        let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        let data = CommitData::new(actions, operation, HashMap::new(), transactions.collect());
        let bytes = data.get_bytes().at("write the commit")?;
        let version = base.version + 1;
        self.options.step(&format!("{}:commit", self.name()))?;
        // Behind the end of another log the entry would never be found.
        if first_entry(&self.log).await? != base.first {
            return Ok(None);
        }
        match self.log.write_commit_entry(version, CommitOrBytes::LogBytes(bytes), Uuid::new_v4()).await {
            Ok(()) => {
                let mut snapshot = base.clone();
                snapshot.apply(version, data.actions);
                let snapshot = self.adopt(snapshot);
                if version.is_multiple_of(self.options.checkpoint_interval.max(1)) {
                    self.checkpoint().await?;
                }
                Ok(Some(snapshot))
            }
            Err(TransactionError::VersionAlreadyExists(_)) => Ok(None),
            Err(error) => Err(store("commit", error).with("table", self.name())),
        }
    }

    /// Writes the bytes of a file where a later commit can name it.
    pub(crate) async fn put(&self, path: &str, bytes: Bytes) -> Result<()> {
        self.options.step(&format!("{}:write", self.name()))?;
        self.files()
            .put(&Path::from(path), bytes.into())
            .await
            .at("write a data file")
            .map_err(|error| error.with("table", self.name()).with("file", path))?;
        Ok(())
    }

    /// Takes away files that no commit names.
    pub(crate) async fn discard(&self, files: &[NewFile]) {
        for file in files {
            // A leftover that cannot be deleted now is found by the next vacuum.
            let _ = self.files().delete(&Path::from(file.add.path.as_str())).await;
        }
    }

    /// Writes a checkpoint of the log at its newest version.
    pub(crate) async fn checkpoint(&self) -> Result<()> {
        self.options.step(&format!("{}:checkpoint", self.name()))?;
        let _reading = READING.lock().await;
        let mut table = DeltaTable::new(self.log.clone());
        table.load().await.at("read the log")?;
        checkpoints::create_checkpoint(&table, None).await.at("write a checkpoint")
    }

    /// Removes entries of the log that a checkpoint makes needless and that are older than its retention.
    pub(crate) async fn clean_log(&self) -> Result<usize> {
        let _reading = READING.lock().await;
        let mut table = DeltaTable::new(self.log.clone());
        table.load().await.at("read the log")?;
        checkpoints::cleanup_metadata(&table, None).await.at("clean the log")
    }

    /// Data files in the folder that the newest version does not name, older than an instant.
    pub(crate) async fn unnamed_files(&self, older_than: jiff::Timestamp) -> Result<Vec<(Path, u64)>> {
        let snapshot = self.refresh().await?;
        let files = self.files();
        let mut listing = files.list(None);
        let mut unnamed = Vec::new();
        while let Some(found) = listing.next().await {
            let found = found.at("list the files")?;
            let path = found.location.to_string();
            let of_log = path.starts_with("_delta_log") || path.starts_with(TORN);
            let ours = path.ends_with(".parquet") && !of_log;
            let old = found.last_modified.timestamp_millis() < older_than.as_millisecond();
            if ours && old && !snapshot.files.contains_key(&path) {
                unnamed.push((found.location, found.size));
            }
        }
        Ok(unnamed)
    }

    /// Data files that the newest version names and that the folder does not have, or not whole.
    pub(crate) async fn absent_files(&self) -> Result<Vec<String>> {
        let snapshot = self.refresh().await?;
        let files = self.files();
        let mut listing = files.list(None);
        let mut there = HashMap::new();
        while let Some(found) = listing.next().await {
            let found = found.at("list the files")?;
            there.insert(found.location.to_string(), found.size);
        }
        let whole = |file: &&Arc<DataFile>| there.get(&file.path) == Some(&file.size);
        Ok(snapshot.files.values().filter(|file| !whole(file)).map(|file| file.path.clone()).collect())
    }

    /// Whether its log has entries behind the newest that can be reached: one between is gone.
    pub(crate) async fn has_a_gap(&self) -> Result<bool> {
        let newest = entries(&self.log).await?.iter().filter_map(version_of).max();
        let reached = self.refresh().await?.version;
        Ok(newest.is_some_and(|newest| newest > reached))
    }

    fn adopt(&self, snapshot: Snapshot) -> Arc<Snapshot> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if (snapshot.begun_anew, snapshot.version) >= (state.begun_anew, state.version) {
            self.subjects.retain(&snapshot);
            *state = Arc::new(snapshot);
        }
        state.clone()
    }

    /// Adds the columns that a newer kepi declares and the table does not have.
    async fn widen(&self) -> Result<()> {
        loop {
            let known = self.refresh().await?;
            let lacks = |name: &str| known.columns.as_ref().is_some_and(|columns| !columns.contains(name));
            if !self.schema.delta().iter().any(|field| lacks(field.name())) {
                return Ok(());
            }
            let reading = READING.lock().await;
            let eager =
                EagerSnapshot::try_new(self.log.as_ref(), Some(known.version)).await.at("read the log")?;
            drop(reading);
            let mut fields: Vec<_> = eager.schema().fields().cloned().collect();
            fields.extend(self.schema.delta().into_iter().filter(|field| lacks(field.name())));
            let schema = StructType::try_new(fields).map_err(torn)?;
            let metadata = eager.metadata().clone().with_schema(&schema).at("widen the table")?;
            let data =
                CommitData::new(vec![Action::Metadata(metadata)], operation(), HashMap::new(), Vec::new());
            let bytes = CommitOrBytes::LogBytes(data.get_bytes().at("widen the table")?);
            match self.log.write_commit_entry(known.version + 1, bytes, Uuid::new_v4()).await {
                Ok(()) | Err(TransactionError::VersionAlreadyExists(_)) => {}
                Err(error) => return Err(store("widen the table", error).with("table", self.name())),
            }
        }
    }
}

fn operation() -> DeltaOperation {
    DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None }
}

/// Writes the first entry of a table's log. Another process may do so at the same time: either will do.
async fn create(log: &LogStoreRef, schema: &TableSchema, options: &StoreOptions) -> Result<()> {
    let now = (options.clock)().as_millisecond();
    let columns = StructType::try_new(schema.delta()).map_err(torn)?;
    let partition: Vec<&str> = schema.table.partition.iter().map(|column| column.name).collect();
    let entries = [
        serde_json::json!({ "commitInfo": { "timestamp": now, "operation": "CREATE TABLE" } }),
        serde_json::json!({ "protocol": { "minReaderVersion": 1, "minWriterVersion": 2 } }),
        serde_json::json!({ "metaData": {
            "id": Uuid::new_v4().to_string(),
            "name": schema.table.name,
            "description": schema.table.doc,
            "format": { "provider": "parquet", "options": {} },
            "schemaString": serde_json::to_string(&columns).at("write the schema")?,
            "partitionColumns": partition,
            "configuration": { "delta.logRetentionDuration": "interval 7 days" },
            "createdTime": now,
        } }),
    ];
    let text = entries.map(|entry| entry.to_string()).join("\n");
    match log.write_commit_entry(0, CommitOrBytes::LogBytes(text.into()), Uuid::new_v4()).await {
        Ok(()) | Err(TransactionError::VersionAlreadyExists(_)) => Ok(()),
        Err(error) => Err(store("create the table", error)),
    }
}

/// What an entry of a log says. One that says nothing was cut off: each has its own commit's mark at least.
fn actions_of(version: u64, entry: &Bytes) -> Result<Vec<Action>> {
    let actions = get_actions(version, entry).at("read the log")?;
    if actions.is_empty() {
        return Err(torn("an entry of a log is empty").with("version", version));
    }
    for action in &actions {
        if let Action::Protocol(protocol) = action {
            is_read_by_us(protocol)?;
        }
    }
    Ok(actions)
}

/// The newest version of Delta's protocol that is read here.
const READER_VERSION: i32 = 1;

/// Checks that what a table needs of its readers is what it gets here: its rows would be other ones otherwise.
fn is_read_by_us(protocol: &Protocol) -> Result<()> {
    let (version, features) = (protocol.min_reader_version(), protocol.reader_features().unwrap_or_default());
    if version <= READER_VERSION {
        return Ok(());
    }
    let features = features.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Err(unsupported(delta_kernel::Error::unsupported(format!("reader version {version} {features}"))))
}

/// Whether a table has a log.
pub(crate) async fn is_there(log: &LogStoreRef) -> Result<bool> {
    Ok(log.read_commit_entry(0).await.at("look for the table")?.is_some() || has_checkpoint(log).await?)
}

async fn has_checkpoint(log: &LogStoreRef) -> Result<bool> {
    Ok(head(log, "_last_checkpoint").await?.is_some())
}

/// The first entry of a log; `None` once it was deleted behind a checkpoint.
async fn first_entry(log: &LogStoreRef) -> Result<Option<Written>> {
    Ok(head(log, "00000000000000000000.json").await?.map(Written::from))
}

async fn head(log: &LogStoreRef, name: &str) -> Result<Option<ObjectMeta>> {
    match log.object_store(None).head(&Path::from(format!("_delta_log/{name}"))).await {
        Ok(found) => Ok(Some(found)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(store("read the log", error)),
    }
}

/// Whether anything was committed to a table since it was made.
pub(crate) async fn has_commits(log: &LogStoreRef) -> Result<bool> {
    Ok(log.read_commit_entry(1).await.at("read the log")?.is_some() || has_checkpoint(log).await?)
}

/// Where logs go that nothing can be made out of.
const TORN: &str = "_torn_log";

/// The files of a log.
async fn entries(log: &LogStoreRef) -> Result<Vec<Path>> {
    let files = log.object_store(None);
    let mut listing = files.list(Some(&Path::from("_delta_log")));
    let mut found = Vec::new();
    while let Some(entry) = listing.next().await {
        found.push(entry.at("list the log")?.location);
    }
    Ok(found)
}

/// The version that an entry of a log is of; none for checkpoints and others.
fn version_of(entry: &Path) -> Option<u64> {
    entry.filename()?.strip_suffix(".json")?.parse().ok()
}

/// Whether a log has files, and all of them can be read: what cannot be made out of them then is torn.
///
/// # Errors
/// When one cannot be read: the rights, the disk or the line are at fault, and not what was written.
pub(crate) async fn can_be_read(log: &LogStoreRef) -> Result<bool> {
    let files = log.object_store(None);
    let entries = entries(log).await?;
    for entry in &entries {
        files.get(entry).await.at("read the log")?.bytes().await.at("read the log")?;
    }
    Ok(!entries.is_empty())
}

/// Moves the files of a log away, the oldest first: a log of which this is half done cannot be taken for a shorter one.
pub(crate) async fn set_aside(log: &LogStoreRef, now: jiff::Timestamp) -> Result<()> {
    let files = log.object_store(None);
    let mut entries = entries(log).await?;
    entries.sort();
    // The pointer to the newest checkpoint stands behind all numbers, and goes first.
    entries.sort_by_key(|entry| entry.filename() != Some("_last_checkpoint"));
    for entry in entries {
        let to = Path::from(format!("{TORN}/{}/{}", now.as_second(), entry.filename().unwrap_or_default()));
        files.rename(&entry, &to).await.at("set a torn log aside")?;
    }
    Ok(())
}

/// The newest state of a table; `None` when it has no log.
async fn load_newest(log: &LogStoreRef) -> Result<Option<Snapshot>> {
    // The first entry is looked at first: should the log be begun anew before it is read, the next look tells.
    let first = first_entry(log).await?;
    Ok(load(log, None).await?.map(|snapshot| Snapshot { first, ..snapshot }))
}

/// The state of a table at a version, the newest when none is named; `None` when it has no log.
async fn load(log: &LogStoreRef, version: Option<u64>) -> Result<Option<Snapshot>> {
    if has_checkpoint(log).await? {
        return load_from_checkpoint(log, version).await.map(Some);
    }
    let mut snapshot = None;
    for next in 0..=version.unwrap_or(u64::MAX) {
        let mut entry = log.read_commit_entry(next).await.at("read the log")?;
        if entry.is_none() && snapshot.is_some() && version.is_none() && goes_on_behind(log, next).await? {
            // Another writer may have written it, and more, in the meantime.
            entry = log.read_commit_entry(next).await.at("read the log")?;
            if entry.is_none() {
                return Err(torn(format_args!("entry {next} of a log is gone")));
            }
        }
        let Some(bytes) = entry else { break };
        let actions = actions_of(next, &bytes)?;
        snapshot.get_or_insert_with(Snapshot::default).apply(next, actions);
    }
    Ok(snapshot)
}

/// Whether a log has entries behind one that is not there.
async fn goes_on_behind(log: &LogStoreRef, absent: u64) -> Result<bool> {
    Ok(entries(log).await?.iter().filter_map(version_of).any(|version| version > absent))
}

async fn load_from_checkpoint(log: &LogStoreRef, version: Option<u64>) -> Result<Snapshot> {
    let _reading = READING.lock().await;
    let eager = EagerSnapshot::try_new(log.as_ref(), version).await.at("read the log");
    let eager = eager.map_err(|error| if is_unsupported(&error) { unsupported(error) } else { error })?;
    is_read_by_us(eager.protocol())?;
    let columns = eager.schema().fields().map(|field| field.name().clone()).collect();
    let mut snapshot = Snapshot {
        version: eager.version(),
        id: Some(eager.metadata().id().into()),
        columns: Some(columns),
        ..Snapshot::default()
    };
    for view in eager.log_data().iter() {
        let (stats, rows) = Stats::parse(view.stats().as_deref());
        let file = DataFile {
            path: view.path().into_owned(),
            size: u64::try_from(view.size()).unwrap_or_default(),
            rows: rows.unwrap_or_default(),
            partition: view.partition_values_map().into_iter().collect(),
            stats,
        };
        snapshot.files.insert(file.path.clone(), Arc::new(file));
    }
    for app in [PAGES, RECORDED, COMPLETE, SIDES, EMPTIED] {
        if let Some(reached) = eager.transaction_version(log.as_ref(), app).await.at("read the log")? {
            snapshot.transactions.insert(app.to_owned(), reached);
        }
    }
    Ok(snapshot)
}
