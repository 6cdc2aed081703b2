//! A store of which tables or files are gone or torn: what the journal tells is made anew from it.

use std::sync::Arc;

use deltalake::logstore::LogStoreRef;
use kepi_core::{Error, ErrorKind, Result, tables};

use crate::{
    catch_up::{CaughtUp, Decoders},
    fail::{is_unsupported, torn},
    journal::stored_rows,
    location::Location,
    log::{Changes, EMPTIED, RECORDED, TableLog, can_be_read, has_commits, is_there, set_aside},
    options::StoreOptions,
    project::LAST,
    records::RECORDS,
    rollup,
    schema::{self, TableSchema},
    sides,
    store::Store,
};

/// Tables that stores of an older kepi do not have: such a store can be read without.
pub(crate) const NEWER: [&str; 2] = [rollup::NAME, tables::SIGNALS.name];

/// What was not there, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mended {
    /// Projections that were gone or of which the log was torn, and those of which files were: all projections were made
    /// anew from the journal.
    pub rebuilt: Vec<&'static str>,
    /// Tables of records that were gone: they begin anew, empty.
    pub lost: Vec<&'static str>,
    /// What was decoded.
    pub caught_up: CaughtUp,
}

impl Store {
    /// Whether something of a store is gone or torn that [`Store::mend`] makes anew.
    ///
    /// # Errors
    /// As [`Store::mend`], for what a look tells.
    pub async fn needs_mending(location: &str, options: &StoreOptions) -> Result<bool> {
        let place = Location::parse(location, options)?;
        place.check().await?;
        let missing = missing(&place).await?;
        if missing.contains(&tables::PAGES.name) {
            return Err(gone(tables::PAGES.name));
        }
        Ok(!missing.is_empty() || look(&place, options, &missing).await?.is_there())
    }

    /// Opens a store of which tables or data files may be gone or logs torn, and makes the projections anew from the
    /// journal when any of theirs are. Then, and after a store that is whole was opened, the projections are where the
    /// journal is. A torn log of a projection is moved aside, not deleted.
    ///
    /// # Errors
    /// `Store` when there is none, when a file of the journal or of a table of records is gone or torn, or when the
    /// journal has no body any more of which numbers stand in the projections; otherwise as [`Store::catch_up`].
    pub async fn mend(
        location: &str,
        options: StoreOptions,
        decoders: &dyn Decoders,
    ) -> Result<(Self, Mended)> {
        let place = Location::parse(location, &options)?;
        place.check().await?;
        let missing = missing(&place).await?;
        if missing.contains(&tables::PAGES.name) {
            return Err(gone(tables::PAGES.name));
        }
        let lost = missing.iter().copied().filter(|name| RECORDS.contains(name)).collect();
        let damage = look(&place, &options, &missing).await?;
        let anew = damage.is_there();
        let Damage { rebuilt, torn_logs, last, .. } = damage;
        if anew {
            bodies_are_there(&place, &options).await?;
            // Before any table is made: a store that is left half mended says that it lags behind the journal.
            if let Some(last) = last {
                empty(&last).await?;
            }
            for log in torn_logs {
                set_aside(&log, (options.clock)()).await?;
            }
        }
        let store = Self::with_all_tables(&place, options).await?;
        if anew {
            empty_all(&store).await?;
        }
        rollup::begin(&store.0).await?;
        sides::begin(&store).await?;
        let caught_up = store.catch_up(decoders).await?;
        Ok((store, Mended { rebuilt, lost, caught_up }))
    }
}

/// What is wrong with the projections.
struct Damage {
    /// Those that must be made anew.
    rebuilt: Vec<&'static str>,
    /// Logs that nothing can be made out of.
    torn_logs: Vec<LogStoreRef>,
    /// The projection that is committed last, where its log is whole.
    last: Option<TableLog>,
    /// Whether projections have commits though the last was emptied: who was making them anew did not come to the end.
    half_emptied: bool,
}

impl Damage {
    fn is_there(&self) -> bool {
        self.half_emptied || !self.rebuilt.is_empty()
    }
}

/// Looks at all tables; one that is not whole and not derived from the journal is an error.
async fn look(place: &Location, options: &StoreOptions, missing: &[&'static str]) -> Result<Damage> {
    let rebuilt = missing.iter().copied().filter(|name| !RECORDS.contains(name)).collect();
    let mut damage = Damage { rebuilt, torn_logs: Vec::new(), last: None, half_emptied: false };
    let mut newest = i64::MIN;
    for schema in schema::all() {
        let (name, log) = (schema.table.name, place.log(schema.table.name)?);
        let derived = is_derived(name);
        let table = match whole_log(log.clone(), schema, options).await? {
            Some(Ok(table)) => table,
            Some(Err(error)) if !derived => return Err(log_torn(name, error)),
            Some(Err(_)) => {
                damage.torn_logs.push(log);
                damage.rebuilt.extend((!missing.contains(&name)).then_some(name));
                continue;
            }
            None => continue,
        };
        if let Some(path) = table.absent_files().await?.first() {
            if !derived {
                return Err(file_gone(name, path));
            }
            damage.rebuilt.push(name);
        }
        if name == LAST {
            damage.last = Some(table);
        } else if derived {
            newest = newest.max(table.known().recorded());
        }
    }
    let emptied = damage.last.as_ref().is_some_and(|last| last.known().recorded() == NOTHING);
    damage.half_emptied = emptied && newest > NOTHING;
    Ok(damage)
}

/// A table as its log has it, `None` where it has none; the inner error says that the log is torn.
async fn whole_log(
    log: LogStoreRef,
    schema: &Arc<TableSchema>,
    options: &StoreOptions,
) -> Result<Option<Result<TableLog>>> {
    if !is_there(&log).await? {
        // What is left of a log without its beginning would be in the way of a new one.
        let left = can_be_read(&log).await?;
        return Ok(left.then(|| Err(torn("the log has no beginning"))));
    }
    let open = || TableLog::open(log.clone(), schema.clone(), options.clone());
    match open().await {
        Ok(table) if table.has_a_gap().await? => Ok(Some(Err(torn("entries of a log are gone")))),
        Ok(table) => Ok(Some(Ok(table))),
        Err(error) if is_unsupported(&error) => Err(error),
        Err(_) => {
            // What failed for a moment only is no damage.
            can_be_read(&log).await?;
            Ok(Some(open().await))
        }
    }
}

/// The tables that a store once had and has no more.
///
/// A store is made table by table, the journal first, and nothing is committed before all are there. Another process may be
/// making it now, so what is asked first and last is the journal.
pub(crate) async fn missing(place: &Location) -> Result<Vec<&'static str>> {
    let journal = place.log(tables::PAGES.name)?;
    let had_all = has_commits(&journal).await?;
    let (mut missing, mut there) = (Vec::new(), false);
    for schema in schema::all() {
        match is_there(&place.log(schema.table.name)?).await? {
            true => there = true,
            false => missing.push(schema.table.name),
        }
    }
    let without_journal = there && missing.contains(&tables::PAGES.name) && !is_there(&journal).await?;
    missing.retain(|name| (had_all || without_journal) && !NEWER.contains(name));
    Ok(missing)
}

/// A table that is not there though the store had it.
pub(crate) fn gone(table: &str) -> Error {
    let hint = if table == tables::PAGES.name {
        "it is the journal, and nothing else has what it held: restore its folder from a copy"
    } else if RECORDS.contains(&table) {
        "restore its folder from a copy; without one, `kepi maintain` begins it anew, empty"
    } else {
        "`kepi maintain` makes it anew from the journal"
    };
    Error::new(ErrorKind::Store, format!("the store is damaged: its table {table} is gone")).hint(hint)
}

fn file_gone(table: &str, path: &str) -> Error {
    let hint = if table == tables::PAGES.name {
        "it is of the journal, and nothing else has what it held: restore it from a copy".to_owned()
    } else {
        format!(
            "restore it from a copy; without one, move the folder {table} away and `kepi maintain` begins it anew"
        )
    };
    Error::new(ErrorKind::Store, "the store is damaged: a file is gone or not whole")
        .with("table", table)
        .with("file", path)
        .hint(hint)
}

fn log_torn(table: &str, error: Error) -> Error {
    let hint = if table == tables::PAGES.name {
        "it is the journal, and nothing else has what it held: restore its folder from a copy".to_owned()
    } else {
        format!(
            "restore its folder from a copy; without one, move the folder {table} away and `kepi maintain` begins it anew"
        )
    };
    Error::new(ErrorKind::Store, "the store is damaged: the log of a table is torn")
        .with("table", table)
        .hint(hint)
        .caused_by(error)
}

/// What has no body cannot be decoded again: its numbers stand in the projections alone.
async fn bodies_are_there(place: &Location, options: &StoreOptions) -> Result<()> {
    let schema = schema::all().iter().find(|schema| schema.table.name == tables::PAGES.name);
    let schema = schema.ok_or_else(|| gone(tables::PAGES.name))?;
    let journal = TableLog::open(place.log(tables::PAGES.name)?, schema.clone(), options.clone()).await?;
    for file in journal.known().files.values() {
        let rows = stored_rows(&journal, file, i64::MIN, i64::MAX).await?;
        let without = rows.iter().filter(|row| row.body.is_none()).count();
        if without > 0 {
            return Err(Error::new(ErrorKind::Store, "the projections cannot be made anew without loss")
                .with("pages without their body", without)
                .hint("restore the store from a copy"));
        }
    }
    Ok(())
}

/// Empties all projections, the last one first. Another process may bring a commit to some of them meanwhile, of which
/// the others then know nothing: it is done again until none has anything.
async fn empty_all(store: &Store) -> Result<()> {
    let names = schema::all().iter().map(|schema| schema.table.name);
    let others = names.filter(|name| is_derived(name) && *name != LAST);
    let projections = std::iter::once(LAST).chain(others).map(|name| store.0.table(name));
    let projections: Vec<_> = projections.collect::<Result<_>>()?;
    loop {
        for table in &projections {
            empty(table).await?;
        }
        let mut all = true;
        for table in &projections {
            all &= table.refresh().await?.recorded() == NOTHING;
        }
        if all {
            return Ok(());
        }
    }
}

/// Checks that no projection is ahead of the commit that is to be brought next, though the last was emptied.
pub(crate) async fn check_not_half_emptied(store: &Store, reached: i64, next: i64) -> Result<()> {
    if reached > NOTHING {
        return Ok(());
    }
    for schema in schema::all().iter().filter(|schema| is_derived(schema.table.name)) {
        if store.0.table(schema.table.name)?.refresh().await?.recorded() > next {
            return Err(Error::new(ErrorKind::Store, "the projections were left half made anew")
                .with("table", schema.table.name)
                .hint("`kepi maintain` makes them anew from the journal"));
        }
    }
    Ok(())
}

/// Whether a table is a projection: neither the journal nor a table of records.
fn is_derived(name: &str) -> bool {
    name != tables::PAGES.name && !RECORDS.contains(&name)
}

/// Takes all rows out of a projection and says that it has nothing of the journal.
async fn empty(table: &TableLog) -> Result<()> {
    loop {
        let base = table.refresh().await?;
        let remove = base.files.values().cloned().collect();
        let now = (table.options.clock)().as_microsecond().max(base.emptied().map_or(0, |before| before + 1));
        let transactions = vec![(RECORDED.to_owned(), NOTHING), (EMPTIED.to_owned(), now)];
        if table.commit(&base, Changes { remove, transactions, ..Changes::default() }).await?.is_some() {
            return Ok(());
        }
    }
}

/// An instant before any commit of a journal.
const NOTHING: i64 = -1;
