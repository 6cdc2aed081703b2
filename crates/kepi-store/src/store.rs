//! The store: one handle for the journal, its projections and the records beside them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use kepi_core::{
    Account, AccountId, Body, Error, ErrorKind, Job, NamedPost, PostRef, Result, Stream,
    plan::{KnownPost, StreamState},
};
use smol_str::SmolStr;
use tokio::sync::oneshot;

use crate::{
    dimension::{self, Entry, Said},
    journal::{Journal, digest, last_recorded},
    location::Location,
    log::{Snapshot, TableLog, is_there},
    mend,
    options::StoreOptions,
    rollup, schema, sides,
    value::{date_of, instant},
    writer::Writer,
};

/// A store: cheap to clone, safe to share.
#[derive(Debug, Clone)]
pub struct Store(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) options: StoreOptions,
    pub(crate) journal: Journal,
    pub(crate) tables: HashMap<&'static str, TableLog>,
    writable: bool,
    /// Held while a commit goes from the journal to the projections, so that writers of one process take
    /// turns.
    pub(crate) turn: tokio::sync::Mutex<()>,
    /// Says when the newest commit of this process has left the projections, and whether they have it; held while
    /// the journal takes the next one, so that commits are carried on in its order.
    pub(crate) line: tokio::sync::Mutex<Option<oneshot::Receiver<bool>>>,
}

/// An account as the configuration, or an import of a file, names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredAccount {
    /// What is said of it.
    pub account: Account,
    /// Whether the configuration names it; an import alone does not.
    pub configured: bool,
}

/// An account as it is known now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// What is known of it; the zone always is.
    pub account: Account,
    /// IANA zone of its days.
    pub zone: SmolStr,
    /// When its first number was read.
    pub first_observed_at: Option<jiff::Timestamp>,
    /// Whether the configuration names it.
    pub configured: bool,
}

impl Store {
    /// Creates the store's folder and tables, or opens them; tables of an older kepi get the columns they lack.
    ///
    /// # Errors
    /// `Store` when the folder holds something else, may not be written, lacks a table that it had, or was written by
    /// a newer kepi.
    pub async fn create(location: &str, options: StoreOptions) -> Result<Self> {
        let place = Location::parse(location, &options)?;
        place.establish().await?;
        if let Some(missing) = mend::missing(&place).await?.first() {
            return Err(mend::gone(missing));
        }
        let store = Self::with_all_tables(&place, options).await?;
        rollup::begin(&store.0).await?;
        sides::begin(&store).await?;
        Ok(store)
    }

    /// Opens the store's tables and makes those that are not there.
    pub(crate) async fn with_all_tables(place: &Location, options: StoreOptions) -> Result<Self> {
        let mut tables = HashMap::new();
        for schema in schema::all() {
            let log = place.log(schema.table.name)?;
            let table = TableLog::create(log, schema.clone(), options.clone()).await?;
            tables.insert(schema.table.name, table);
        }
        Self::of(tables, options, place.is_writable())
    }

    /// Opens a store that exists, also one that may only be read. Nothing is created or changed.
    ///
    /// # Errors
    /// `Store` when there is none, when it is torn, or when it was written by a newer kepi.
    pub async fn open(location: &str, options: StoreOptions) -> Result<Self> {
        let place = Location::parse(location, &options)?;
        place.check().await?;
        let mut tables = HashMap::new();
        for schema in schema::all() {
            let log = place.log(schema.table.name)?;
            if mend::NEWER.contains(&schema.table.name) && !is_there(&log).await? {
                continue;
            }
            let table = TableLog::open(log, schema.clone(), options.clone()).await?;
            tables.insert(schema.table.name, table);
        }
        Self::of(tables, options, place.is_writable())
    }

    fn of(
        mut tables: HashMap<&'static str, TableLog>,
        options: StoreOptions,
        writable: bool,
    ) -> Result<Self> {
        let pages = tables.remove("pages").ok_or_else(|| mend::gone("pages"))?;
        let journal = Journal::new(pages);
        let (turn, line) = (tokio::sync::Mutex::default(), tokio::sync::Mutex::default());
        Ok(Self(Arc::new(Inner { options, journal, tables, writable, turn, line })))
    }

    /// Whether it may be written, as far as the rights on its folder tell.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.0.writable
    }

    /// Where every stream stands: its newest page. No body is read.
    ///
    /// # Errors
    /// `Store` when the journal cannot be read.
    pub async fn stream_states(&self) -> Result<HashMap<Stream, StreamState>> {
        self.0.journal.states().await
    }

    /// Whether the same body was taken in already for the same job ([`Job::asks_again`]).
    ///
    /// # Errors
    /// `Store` when the journal cannot be read.
    pub async fn has_page(&self, stream: &Stream, job: &Job, body: &Body) -> Result<bool> {
        self.0.journal.has(stream, job, &digest(body)).await
    }

    /// The body of a page as it was taken in, scrubbed; `None` once retention emptied it.
    ///
    /// # Errors
    /// `BadInput` when there is no such page; `Store` when the journal cannot be read.
    pub async fn body(&self, stream: &Stream, sequence: i64) -> Result<Option<Body>> {
        self.0.journal.body(stream, sequence).await
    }

    /// Writes pages; `run` is the run that brings them.
    #[must_use]
    pub fn writer(&self, run: Option<SmolStr>) -> Writer {
        Writer::new(self.clone(), run)
    }

    /// All accounts as they are known now.
    ///
    /// # Errors
    /// `Store` when the table cannot be read.
    pub async fn accounts(&self) -> Result<Vec<AccountRow>> {
        let table = self.0.table("accounts")?;
        let snapshot = table.refresh().await?;
        let mut rows: Vec<AccountRow> = dimension::entries(table, &snapshot, |_, _| true, None)
            .await?
            .iter()
            .map(account_row)
            .collect::<Result<_>>()?;
        rows.sort_by(|a, b| a.account.id.cmp(&b.account.id));
        Ok(rows)
    }

    /// The posts of accounts that are known and not gone, and when their numbers were last read.
    ///
    /// # Errors
    /// `Store` when the tables cannot be read.
    pub async fn known_posts(&self, accounts: &[AccountId]) -> Result<Vec<KnownPost>> {
        let wanted: HashSet<&str> = accounts.iter().map(AccountId::as_str).collect();
        let table = self.0.table("posts")?;
        let snapshot = table.refresh().await?;
        let entries =
            dimension::entries(table, &snapshot, |account, _| wanted.contains(account.as_str()), None)
                .await?;
        let mut last = crate::lifetime::last_read(self.0.table("post_lifetime")?, &wanted).await?;
        let mut posts = Vec::new();
        for entry in entries.iter().filter(|entry| entry.instant("deleted_at").is_none()) {
            let last_observed = last.remove(&(entry.account.clone(), entry.post.clone())).map(instant);
            posts.push(KnownPost { post: post_ref(entry)?, last_observed });
        }
        posts.sort_by(|a, b| (&a.post.account, &a.post.id).cmp(&(&b.post.account, &b.post.id)));
        Ok(posts)
    }

    /// What the posts of an account are called, and when they were published; those that are gone included.
    ///
    /// # Errors
    /// `Store` when the table cannot be read.
    pub async fn named_posts(&self, account: &AccountId) -> Result<Vec<NamedPost>> {
        let table = self.0.table("posts")?;
        let snapshot = table.refresh().await?;
        let entries = dimension::named_entries(table, &snapshot, |of, _| of == account.as_str()).await?;
        Ok(entries.iter().map(named_post).collect())
    }

    /// Says what the configuration, or a person who imports a file, knows of accounts.
    ///
    /// # Errors
    /// `Store` when the table cannot be written.
    pub async fn put_accounts(&self, accounts: Vec<ConfiguredAccount>) -> Result<()> {
        let now = (self.0.options.clock)().as_microsecond();
        let mut said = Said::default();
        for ConfiguredAccount { account, configured } in accounts {
            said.configured(account.id.as_str(), configured, now);
            let zone = account.zone.clone().unwrap_or_else(|| account.id.platform().default_zone().into());
            said.account(Account { zone: Some(zone), ..account }, now);
        }
        self.say_of_accounts(&said, Vec::new()).await
    }

    /// Writes what is said of accounts beside the journal, and what the commit says of the table.
    pub(crate) async fn say_of_accounts(&self, said: &Said, transactions: Vec<(String, i64)>) -> Result<()> {
        let table = self.0.table("accounts")?;
        let now = (self.0.options.clock)().as_microsecond();
        loop {
            let snapshot = table.refresh().await?;
            let journal = self.0.journal.table.refresh().await?;
            let recorded = last_recorded(&journal).map_or(now, |last| now.max(last + 1));
            let (plan, _) = dimension::turn(table, &snapshot, said, recorded).await?;
            let nothing = plan.is_empty() && transactions.is_empty();
            if nothing || plan.commit(table, &snapshot, transactions.clone()).await?.is_some() {
                return Ok(());
            }
        }
    }
}

impl Inner {
    /// A table by its name.
    pub(crate) fn table(&self, name: &str) -> Result<&TableLog> {
        if name == "pages" {
            return Ok(&self.journal.table);
        }
        self.tables
            .get(name)
            .ok_or_else(|| Error::new(ErrorKind::Store, "the store has no such table").with("table", name))
    }

    /// All tables at one moment: the journal no further than the projections, none of them further than all.
    pub(crate) async fn consistent(&self) -> Result<HashMap<&'static str, Arc<Snapshot>>> {
        let complete = self.table(crate::project::LAST)?.refresh().await?;
        let mut snapshots = HashMap::new();
        for schema in schema::all() {
            let name = schema.table.name;
            let Ok(table) = self.table(name) else { continue };
            let snapshot = match name {
                crate::project::LAST => complete.clone(),
                _ => table.at_recorded(table.refresh().await?, complete.recorded()).await?,
            };
            snapshots.insert(name, snapshot);
        }
        Ok(snapshots)
    }
}

fn account_row(entry: &Entry) -> Result<AccountRow> {
    let text = |field: &str| entry.text(field).map(str::to_owned);
    let short = |field: &str| entry.text(field).map(SmolStr::new);
    let zone = short("zone").unwrap_or_else(|| "UTC".into());
    let account = Account {
        id: AccountId::new(&entry.account)?,
        platform_id: short("platform_id"),
        handle: text("handle"),
        brand: text("brand"),
        market: text("market"),
        zone: Some(zone.clone()),
        currency: short("currency"),
        size_class: short("size_class"),
    };
    let first_observed_at = entry.instant("first_observed_at").map(instant);
    Ok(AccountRow { account, zone, first_observed_at, configured: entry.flag("configured").unwrap_or(false) })
}

pub(crate) fn named_post(entry: &Entry) -> NamedPost {
    let text = |field: &str| entry.text(field).map(str::to_owned);
    NamedPost {
        id: entry.post.clone(),
        published_at: entry.instant("published_at").map(instant),
        published_day: entry.date("published_day").map(date_of),
        format: entry.text("format").map(SmolStr::new),
        title: text("title"),
        text: text("text"),
    }
}

fn post_ref(entry: &Entry) -> Result<PostRef> {
    Ok(PostRef {
        account: AccountId::new(&entry.account)?,
        id: entry.post.clone(),
        published_at: entry.instant("published_at").map(instant),
    })
}
