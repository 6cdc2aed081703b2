//! Puts the parts together: the one place that knows them all.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use kepi_adapter_files::Files;
use kepi_core::{
    Account, AccountId, AccountRef, Adapter, Decoder, Descriptor, Error, document::Fault, period::local_day,
};
use kepi_engine::{Kpi, Planned, Source, TagRule};
use kepi_ingest::{
    Ingest, IngestAccount, IngestOptions, Memory,
    schedule::{State, do_alone},
};
use kepi_store::{
    CaughtUp, ConfiguredAccount as StoredAccount, Decoders, Mended, Store, StoreOptions, is_disk_full,
};
use kepi_transport::{Clock, CredentialSource, FileCredentials, RetryPolicy, SystemClock, Transport};
use serde_json::{Map, Value};

use crate::{
    adapters,
    config::{Config, ConfiguredAccount},
    failure::{Failure, FaultyText, Result},
    output,
};

/// A project with its adapters.
#[derive(Debug)]
pub(crate) struct Project {
    pub config: Config,
    adapters: BTreeMap<String, Arc<dyn Adapter>>,
    clock: Arc<dyn Clock>,
}

/// Who decodes what stands in the journal.
#[derive(Debug)]
pub(crate) struct AllDecoders {
    adapters: BTreeMap<String, Arc<dyn Adapter>>,
    files: Arc<Files>,
}

/// The name under which the journal keeps imported files.
pub(crate) const FILES: &str = "files";

impl Decoders for AllDecoders {
    fn decoder(&self, platform: &str) -> Option<Arc<dyn Decoder>> {
        if platform == FILES {
            return Some(Arc::clone(&self.files) as Arc<dyn Decoder>);
        }
        self.adapters.get(platform).map(|adapter| Arc::clone(adapter) as Arc<dyn Decoder>)
    }
}

impl Project {
    /// Reads the configuration and builds the adapters of all platforms that have one.
    pub(crate) fn load(file: &Path) -> Result<Self> {
        let config = Config::read(file)?;
        let adapters = build_adapters(&config)?;
        check_watched(&config, &adapters)?;
        Ok(Self { config, adapters, clock: Arc::new(SystemClock) })
    }

    /// The same under another clock, for the demo.
    pub(crate) fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    pub(crate) fn adapters(&self) -> &BTreeMap<String, Arc<dyn Adapter>> {
        &self.adapters
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Today in the project's zone.
    pub(crate) fn today(&self) -> Result<Date> {
        Ok(local_day(self.now(), &kepi_core::period::zone(&self.config.project.zone)?))
    }

    /// An instant as people write it; without a zone it is one of the project's. A bare date is the beginning of the
    /// day, or its end.
    pub(crate) fn instant(&self, text: &str, of_day: OfDay) -> Result<Timestamp> {
        let zone = kepi_core::period::zone(&self.config.project.zone)?;
        Ok(instant(text, of_day, &zone)?)
    }

    /// The reader of export files, with the project's own layouts.
    pub(crate) fn files(&self) -> Result<Arc<Files>> {
        let mut files = Files::with_catalogue(self.config.catalogue.clone())?;
        for path in matching(self.config.folder(), &self.config.project.exports)? {
            files = files.with_layouts(&path.display().to_string(), &read(&path)?)?;
        }
        Ok(Arc::new(files))
    }

    pub(crate) fn decoders(&self) -> Result<AllDecoders> {
        Ok(AllDecoders { adapters: self.adapters.clone(), files: self.files()? })
    }

    /// The store, made where there is none, with the journal projected and the accounts known.
    pub(crate) async fn store(&self) -> Result<Store> {
        let store = Store::create(&self.config.store_location(), StoreOptions::default()).await?;
        store.catch_up(&self.decoders()?).await?;
        self.say_accounts(&store).await?;
        Ok(store)
    }

    /// The store to read from: it must be there, and may be one that cannot be written.
    pub(crate) async fn open_store(&self) -> Result<Store> {
        let store = Store::open(&self.config.store_location(), StoreOptions::default()).await?;
        if store.is_writable() {
            kept_behind(store.catch_up(&self.decoders()?).await)?;
        }
        Ok(store)
    }

    /// The store, with what is gone of it made anew where the journal tells it. While that is done no run asks for
    /// anything.
    pub(crate) async fn mended_store(&self) -> Result<(Store, Mended)> {
        let (location, decoders) = (self.config.store_location(), self.decoders()?);
        let options = StoreOptions::default();
        let is_damaged = Store::needs_mending(&location, &options).await?;
        let mending = Store::mend(&location, options, &decoders);
        let (store, mended) = if is_damaged {
            let (state, clock) = (self.state().await?, self.clock());
            let accounts = self.config.accounts.iter().map(|known| known.account.id.clone());
            let accounts: Vec<AccountId> = accounts.collect();
            let mended = do_alone(&state, &accounts, clock.as_ref(), mending).await?;
            state.close().await;
            mended
        } else {
            mending.await?
        };
        self.say_accounts(&store).await?;
        Ok((store, mended))
    }

    /// The store to read from, where there is one yet.
    pub(crate) async fn store_if_there(&self) -> Result<Option<Store>> {
        let location = self.config.store_location();
        let made = location.contains("://") || Path::new(&location).join("kepi-store.json").exists();
        if made { self.open_store().await.map(Some) } else { Ok(None) }
    }

    /// Tells the store which accounts the configuration names, and of those that it named once that it does no more.
    async fn say_accounts(&self, store: &Store) -> kepi_core::Result<()> {
        let named = |account: &Account| self.config.account(&account.id).is_some();
        let known = store.accounts().await?.into_iter();
        let dropped = known.filter(|row| row.configured && !named(&row.account)).map(|row| row.account);
        let dropped = dropped.map(|account| StoredAccount { account, configured: false });
        let configured = self.config.accounts.iter();
        let configured =
            configured.map(|known| StoredAccount { account: known.account.clone(), configured: true });
        store.put_accounts(configured.chain(dropped).collect()).await
    }

    /// An account that is asked for by file: that of the configuration, or one with its platform's own zone.
    pub(crate) fn reference(&self, id: &AccountId) -> AccountRef {
        self.config.account(id).map_or_else(
            || AccountRef::new(id.clone(), id.platform().default_zone()),
            ConfiguredAccount::reference,
        )
    }

    /// Makes an account known to the store; says whether neither it nor the configuration knew it.
    pub(crate) async fn register_account(&self, store: &Store, id: &AccountId) -> kepi_core::Result<bool> {
        let known = store.accounts().await?.iter().any(|row| row.account.id == *id);
        if known || self.config.account(id).is_some() {
            return Ok(false);
        }
        let account = Account { zone: Some(self.reference(id).zone), ..Account::new(id.clone()) };
        store.put_accounts(vec![StoredAccount { account, configured: false }]).await?;
        Ok(true)
    }

    /// The files that the project's KPIs stand in.
    pub(crate) fn kpi_files(&self) -> Result<Vec<PathBuf>> {
        matching(self.config.folder(), &self.config.project.kpis)
    }

    /// All KPIs of the project; all faults of all files at once.
    pub(crate) fn kpis(&self) -> Result<Vec<Kpi>> {
        let (folder, patterns) = (self.config.folder(), &self.config.project.kpis);
        let paths = self.kpi_files()?;
        for pattern in patterns.iter().filter(|_| !paths.is_empty()) {
            if matching(folder, std::slice::from_ref(pattern))?.is_empty() {
                return Err(Error::bad_config("a pattern of KPI files matches none")
                    .with("kpis", pattern)
                    .hint("its path is relative to the configuration; mend it, or take it out of [project] kpis")
                    .into());
            }
        }
        let mut sources = Vec::new();
        for path in paths {
            sources.push(Source { name: path.display().to_string(), text: read(&path)? });
        }
        if sources.is_empty() {
            return Err(Error::bad_config("the project has no KPI file")
                .with("kpis", self.config.project.kpis.join(", "))
                .hint("`kepi init` writes starter KPIs; see also [project] kpis")
                .into());
        }
        kepi_engine::parse_kpis_for(&sources, &self.config.catalogue, &self.config.goals).map_err(|faults| {
            let texts = sources.into_iter().filter_map(|Source { name, text }| {
                let own: Vec<_> = faults.iter().filter(|fault| fault.file == name).cloned().collect();
                (!own.is_empty()).then_some(FaultyText { name, text, faults: own })
            });
            Failure::Faults(texts.collect())
        })
    }

    /// The experiments of the project, each with a KPI that it can be read by; all faults at once.
    pub(crate) fn experiments(&self, kpis: &[Kpi]) -> Result<&[kepi_engine::Experiment]> {
        let name = self.config.file.display().to_string();
        let faults = kepi_core::document::Faults::new(name.clone());
        kepi_engine::check_experiments(&self.config.experiments, kpis, &faults);
        let faults = faults.into_vec();
        if faults.is_empty() {
            Ok(&self.config.experiments)
        } else {
            Err(Failure::Faults(vec![FaultyText { name, text: self.config.text.clone(), faults }]))
        }
    }

    /// The posts that are planned; all faults of all files at once.
    pub(crate) fn calendar(&self) -> Result<Vec<Planned>> {
        let mut planned = Vec::new();
        let mut faulty = Vec::new();
        for path in matching(self.config.folder(), &self.config.project.calendar)? {
            let source = Source { name: path.display().to_string(), text: read(&path)? };
            match kepi_engine::read_calendar(&source) {
                Ok(read) => planned.extend(read),
                Err(faults) => faulty.push(FaultyText { name: source.name, text: source.text, faults }),
            }
        }
        if faulty.is_empty() { Ok(planned) } else { Err(Failure::Faults(faulty)) }
    }

    /// The rules by which posts get their tags: those that are written out, and those of lists.
    pub(crate) fn tags(&self) -> Result<Vec<TagRule>> {
        let mut rules = self.config.tags.clone();
        for mapping in &self.config.mappings {
            let mut tables = Vec::new();
            for path in matching(self.config.folder(), std::slice::from_ref(&mapping.files))? {
                tables.push(Source { name: path.display().to_string(), text: read(&path)? });
            }
            if tables.is_empty() {
                return Err(Error::bad_config("a mapping has no file")
                    .with("file", &mapping.files)
                    .hint("its path is relative to the configuration")
                    .into());
            }
            rules.extend(mapping.rules(&tables)?);
        }
        Ok(rules)
    }

    /// The transport, with where each account's secrets are.
    pub(crate) fn transport(&self) -> Result<Transport> {
        self.transport_with(RetryPolicy::default())
    }

    /// The same, with a policy of its own for calls that fail.
    pub(crate) fn transport_with(&self, policy: RetryPolicy) -> Result<Transport> {
        let mut builder = Transport::builder()
            .clock(self.clock())
            .policy(policy)
            .credentials(Arc::new(FileCredentials::new(self.state_folder().join("tokens"))));
        for known in &self.config.accounts {
            if let Some(watcher) = &known.watched_by {
                builder = builder.through(&known.account.id, &watcher.id);
                continue;
            }
            let mut by_kind = BTreeMap::new();
            for (kind, references) in &known.credentials {
                by_kind.insert(kind.clone(), CredentialSource::from_references(references)?);
            }
            builder = builder.sources(&known.account.id, by_kind);
        }
        Ok(builder.build()?)
    }

    /// The accounts that the schedule and `kepi ingest` ask for.
    pub(crate) fn ingest_accounts(&self) -> Vec<IngestAccount> {
        self.config
            .accounts
            .iter()
            .filter(|known| known.ingest)
            .filter_map(|known| {
                let adapter = self.adapters.get(known.account.id.platform_name())?;
                Some(IngestAccount {
                    reference: known.reference(),
                    adapter: Arc::clone(adapter),
                    credential: known.credential_name(adapter.descriptor()).into(),
                })
            })
            .collect()
    }

    /// The schedule's state: one SQLite file beside the configuration.
    pub(crate) async fn state(&self) -> Result<State> {
        let folder = self.state_folder();
        std::fs::create_dir_all(&folder).map_err(|error| {
            Error::new(kepi_core::ErrorKind::Store, "cannot make the folder of the state")
                .with("folder", folder.display())
                .hint("check that the project's folder may be written")
                .caused_by(error)
        })?;
        Ok(State::open(&folder.join("state.sqlite")).await?)
    }

    fn state_folder(&self) -> PathBuf {
        self.config.folder().join(".kepi")
    }

    /// The loop between transport and store.
    pub(crate) fn ingest(&self, store: &Store, memory: Arc<dyn Memory>) -> Result<Ingest> {
        let transport = Arc::new(self.transport()?);
        Ok(Ingest::new(transport, Arc::new(store.clone()), memory, self.clock(), IngestOptions::default()))
    }
}

impl ConfiguredAccount {
    /// Accounts that may be asked for in one call share a credential: the secrets of the token kinds that such
    /// calls need stand in the same places.
    fn credential_name(&self, descriptor: &Descriptor) -> String {
        let shared: Vec<&str> = descriptor
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.accounts_per_call > 1)
            .filter_map(|endpoint| endpoint.token)
            .collect();
        let named: Vec<String> = self
            .credentials
            .iter()
            .filter(|(kind, _)| kind.is_empty() || shared.contains(&kind.as_str()))
            .flat_map(|(kind, references)| {
                references.iter().map(move |(key, reference)| format!("{kind}.{key}={reference}"))
            })
            .collect();
        let holder = self.watched_by.as_ref().map_or(&self.account.id, |watcher| &watcher.id);
        if named.is_empty() { holder.to_string() } else { named.join(";") }
    }
}

fn build_adapters(config: &Config) -> Result<BTreeMap<String, Arc<dyn Adapter>>> {
    for platform in config.platforms.keys() {
        if !adapters::names().contains(&platform.as_str()) {
            let names = adapters::names();
            return Err(faulty(
                config,
                platform,
                &Error::bad_config(format!("{platform} has no adapter"))
                    .hint(kepi_core::document::one_of_hint(platform, &names)),
            ));
        }
    }
    adapters::names()
        .into_iter()
        .map(|name| {
            let settings = config
                .platforms
                .get(name)
                .map_or_else(|| Value::Object(Map::new()), |platform| platform.settings.clone());
            match adapters::build(name, settings) {
                Ok(adapter) => Ok((name.to_owned(), adapter)),
                Err(error) => Err(faulty(config, name, &error)),
            }
        })
        .collect()
}

/// A disk that is full keeps nobody from reading what is there.
fn kept_behind(caught_up: kepi_core::Result<CaughtUp>) -> Result<()> {
    match caught_up {
        Err(error) if is_disk_full(&error) => {
            output::note(
                "the disk is full: what was taken in last is not in these numbers; make room and run again",
            );
            Ok(())
        }
        caught_up => Ok(caught_up.map(drop)?),
    }
}

/// Which end of a day a bare date means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OfDay {
    Beginning,
    End,
}

fn instant(text: &str, of_day: OfDay, zone: &TimeZone) -> kepi_core::Result<Timestamp> {
    let bad = || {
        Error::bad_input(format!("{text:?} is not a time"))
            .hint("write 2026-10-05T08:00:00Z, 2026-10-05T08:00 in the project's zone, or 2026-10-05")
    };
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let moment = |at: DateTime| at.to_zoned(zone.clone()).map(|at| at.timestamp()).map_err(|_| bad());
    let bare = !text.trim().contains(['T', 't', ' ', ':']);
    if !bare {
        return moment(text.parse().map_err(|_| bad())?);
    }
    let day: Date = text.parse().map_err(|_| bad())?;
    match of_day {
        OfDay::Beginning => moment(day.into()),
        OfDay::End => {
            let next = day.tomorrow().map_err(|_| bad())?;
            // What is recorded is told by the microsecond.
            Ok(moment(next.into())?.checked_sub(SignedDuration::from_micros(1)).map_err(|_| bad())?)
        }
    }
}

/// Accounts of others are watched where the platform shows them to ours.
fn check_watched(config: &Config, adapters: &BTreeMap<String, Arc<dyn Adapter>>) -> Result<()> {
    let shows = |descriptor: &Descriptor| descriptor.endpoints.iter().any(|endpoint| endpoint.sees_others);
    let fault = |known: &ConfiguredAccount| {
        let watcher = known.watched_by.as_ref()?;
        let adapter = adapters.get(known.account.id.platform_name());
        let is_shown = adapter.is_some_and(|adapter| shows(adapter.descriptor()));
        (!is_shown).then(|| Fault {
            file: config.file.display().to_string(),
            span: watcher.span.clone(),
            message: format!("{} does not show accounts of others", known.account.id.platform_name()),
            label: "cannot watch".to_owned(),
            hint: Some("import their figures with `kepi import`, with provenance = \"public\"".to_owned()),
        })
    };
    let faults: Vec<Fault> = config.accounts.iter().filter_map(fault).collect();
    if faults.is_empty() { Ok(()) } else { Err(faulty_text(config, faults)) }
}

/// A fault of a platform's settings, shown at its block.
fn faulty(config: &Config, platform: &str, error: &Error) -> Failure {
    let span = config.platforms.get(platform).map_or(0..0, |settings| settings.span.clone());
    let fault = Fault {
        file: config.file.display().to_string(),
        span,
        message: error.message().to_owned(),
        label: "in these settings".to_owned(),
        hint: error.hint_text().map(str::to_owned),
    };
    faulty_text(config, vec![fault])
}

fn faulty_text(config: &Config, faults: Vec<Fault>) -> Failure {
    let name = config.file.display().to_string();
    Failure::Faults(vec![FaultyText { name, text: config.text.clone(), faults }])
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::bad_config("the file cannot be read")
            .with("file", path.display())
            .hint("check its rights")
            .caused_by(error)
            .into()
    })
}

/// The files that patterns name, sorted; `*` matches within one folder.
fn matching(folder: &Path, patterns: &[String]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for pattern in patterns {
        let full = folder.join(pattern);
        let bad = |reason: String| {
            Error::bad_config(format!("{pattern:?} is not a pattern of files")).with("reason", reason)
        };
        for path in glob::glob(&full.display().to_string()).map_err(|error| bad(error.to_string()))? {
            found.push(path.map_err(|error| {
                Error::bad_config(format!("the files of {pattern:?} cannot be looked up"))
                    .with("folder", error.path().display())
                    .hint("check the rights on the folder")
                    .caused_by(std::io::Error::from(error))
            })?);
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_without_a_zone_is_one_of_the_project() {
        let berlin = TimeZone::get("Europe/Berlin").expect("a zone");
        let read = |text: &str, of_day| instant(text, of_day, &berlin).map(|at| at.to_string()).ok();
        for (text, told) in [
            ("2026-10-05T08:00:00Z", "2026-10-05T08:00:00Z"),
            ("2026-10-05T08:00:00+03:00", "2026-10-05T05:00:00Z"),
            ("2026-10-05T08:00", "2026-10-05T06:00:00Z"),
            ("2026-12-05 08:00:30", "2026-12-05T07:00:30Z"),
        ] {
            for of_day in [OfDay::Beginning, OfDay::End] {
                assert_eq!(read(text, of_day).as_deref(), Some(told), "{text}");
            }
        }
        assert_eq!(read("2026-10-05", OfDay::Beginning).as_deref(), Some("2026-10-04T22:00:00Z"));
        assert_eq!(read("2026-10-05", OfDay::End).as_deref(), Some("2026-10-05T21:59:59.999999Z"));
        for bad in ["", "yesterday", "2026-13-01", "2026-10-05T", "2026-10-05T25:00"] {
            assert_eq!(read(bad, OfDay::End), None, "{bad}");
        }
    }

    #[test]
    fn a_full_disk_keeps_nobody_from_reading() {
        let failed = |text: &str| {
            let cause = std::io::Error::other(text.to_owned());
            kept_behind(Err(Error::new(kepi_core::ErrorKind::Store, "commit").caused_by(cause)))
        };
        assert!(failed("No space left on device (os error 28)").is_ok());
        assert!(failed("Permission denied (os error 13)").is_err());
    }
}
