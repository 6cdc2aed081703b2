//! Puts the parts together: the one place that knows them all.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{Timestamp, civil::Date};
use kepi_adapter_files::Files;
use kepi_core::{Account, AccountId, AccountRef, Adapter, Decoder, Descriptor, Error, period::local_day};
use kepi_engine::{Kpi, Planned, Source, TagRule};
use kepi_ingest::{Ingest, IngestAccount, IngestOptions, Memory, schedule::State};
use kepi_store::{ConfiguredAccount as StoredAccount, Decoders, Store, StoreOptions};
use kepi_transport::{Clock, CredentialSource, FileCredentials, RetryPolicy, SystemClock, Transport};
use serde_json::{Map, Value};

use crate::{
    adapters,
    config::{Config, ConfiguredAccount},
    failure::{Failure, FaultyText, Result},
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
        store.put_accounts(self.stored_accounts()).await?;
        Ok(store)
    }

    /// The store to read from: it must be there, and may be one that cannot be written.
    pub(crate) async fn open_store(&self) -> Result<Store> {
        let store = Store::open(&self.config.store_location(), StoreOptions::default()).await?;
        if store.is_writable() {
            store.catch_up(&self.decoders()?).await?;
        }
        Ok(store)
    }

    /// The store to read from, where there is one yet.
    pub(crate) async fn store_if_there(&self) -> Result<Option<Store>> {
        let location = self.config.store_location();
        let made = location.contains("://") || Path::new(&location).join("kepi-store.json").exists();
        if made { self.open_store().await.map(Some) } else { Ok(None) }
    }

    fn stored_accounts(&self) -> Vec<StoredAccount> {
        self.config
            .accounts
            .iter()
            .map(|known| StoredAccount { account: known.account.clone(), configured: true })
            .collect()
    }

    /// An account that is asked for by file: that of the configuration, or one with its platform's own zone.
    pub(crate) fn reference(&self, id: &AccountId) -> AccountRef {
        self.config.account(id).map_or_else(
            || AccountRef { id: id.clone(), platform_id: None, zone: id.platform().default_zone().into() },
            ConfiguredAccount::reference,
        )
    }

    /// Makes an account known to the store; says whether the configuration lacks it.
    pub(crate) async fn register_account(&self, store: &Store, id: &AccountId) -> Result<bool> {
        if self.config.account(id).is_some() {
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
        let mut sources = Vec::new();
        for path in self.kpi_files()? {
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
        if named.is_empty() { self.account.id.to_string() } else { named.join(";") }
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

/// A fault of a platform's settings, shown at its block.
fn faulty(config: &Config, platform: &str, error: &Error) -> Failure {
    let name = config.file.display().to_string();
    let span = config.platforms.get(platform).map_or(0..0, |settings| settings.span.clone());
    let fault = kepi_core::document::Fault {
        file: name.clone(),
        span,
        message: error.message().to_owned(),
        label: "in these settings".to_owned(),
        hint: error.hint_text().map(str::to_owned),
    };
    Failure::Faults(vec![FaultyText { name, text: config.text.clone(), faults: vec![fault] }])
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::bad_config("the file cannot be read").with("file", path.display()).caused_by(error).into()
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
            found.push(path.map_err(|error| bad(error.to_string()))?);
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}
