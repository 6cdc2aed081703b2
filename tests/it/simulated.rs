//! A project whose accounts live on simulated platforms on loopback: all platforms that have an adapter.
//!
//! The command asks them as a user's project would; [`Simulated::live`] is the same pipeline within the test, by
//! the world's clock, so that days pass and nobody waits.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    process::Command,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use jiff::{Timestamp, ToSpan};
use kepi_core::{
    AccountId, AccountRef, Adapter, DateSpan, Decoder, Response, TokenFlow, credential::Refresh,
};
use kepi_ingest::{
    InMemory, Ingest, IngestAccount, IngestOptions, IngestRequest, Memory, PlanReport, Progress, RunKind,
    RunReport, Silent, StopFlag,
};
use kepi_simulator::{
    Network, Person, Profile, SimClock, Simulator, SimulatorConfig, Site, World, WorldConfig,
};
use kepi_store::{ConfiguredAccount, Decoders, Store, StoreOptions};
use kepi_transport::{
    Clock, CredentialSource, Fault, FileCredentials, HttpWire, Outgoing, Timeouts, Transport, Wire,
    testing::{FaultProxy, Mishap},
};
use serde_json::{Map, Value, json};
use tokio::sync::RwLock;
use xtask::generate::{adapter_names, build_adapter};

use crate::{
    heard::{Heard, Told},
    project::Project,
};

/// The simulated platforms and a project that asks them.
pub(crate) struct Simulated {
    pub simulator: Simulator,
    pub clock: SimClock,
    pub project: Project,
    adapters: Arc<BTreeMap<String, Arc<dyn Adapter>>>,
    /// What the pages of [`Simulated::live`] told.
    pub told: Told,
    accounts: Vec<SimulatedAccount>,
    secrets: Vec<(String, String)>,
    /// What stands between, by platform, where something does.
    proxies: BTreeMap<String, FaultProxy>,
    mishap: Arc<Mutex<Mishap>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

/// A call that left us: when, to whom and for what.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub at: Timestamp,
    origin: String,
    pub path: String,
}

/// An account, and where its secrets are: kind of token → key → variable.
struct SimulatedAccount {
    reference: AccountRef,
    credentials: BTreeMap<String, BTreeMap<String, String>>,
}

/// A world of X in the year before a moment: so many accounts with so many posts each.
pub(crate) fn x_world(accounts: u32, posts: u32, now: Timestamp) -> World {
    world_of(vec![(Network::X, accounts)], posts, now)
}

/// A world of all platforms that have an adapter, in the year before a moment.
pub(crate) fn world(accounts: u32, posts: u32, now: Timestamp) -> World {
    let names = adapter_names();
    let networks = Network::ALL.into_iter().filter(|network| names.contains(&network.name()));
    world_of(networks.map(|network| (network, accounts)).collect(), posts, now)
}

/// A world of so many accounts each, in the year before a moment.
pub(crate) fn world_of(accounts: Vec<(Network, u32)>, posts_per_account: u32, now: Timestamp) -> World {
    let start = now.checked_sub((365 * 24).hours()).expect("a year ago");
    // Some days lie ahead, so that the clock can be moved on.
    let end = now.checked_add((60 * 24).hours()).expect("some days on");
    World::new(WorldConfig { accounts, posts_per_account, start, end, ..WorldConfig::demo() })
}

/// What the simulated platforms are asked for beyond the defaults: what a user would switch on to have all
/// that a platform tells.
pub(crate) fn everything(platform: &str, world: &World) -> Value {
    match platform {
        "douyin" => {
            let accounts = (1_700_000_000_000_001_u64..).zip(world.accounts_of(Network::Douyin));
            let bound =
                accounts.map(|(advertiser, account)| (account.id.to_string(), json!(advertiser.to_string())));
            json!({ "advertisers": bound.collect::<Map<String, Value>>() })
        }
        "instagram" => json!({ "splits": true, "four_weeks": true, "mentions": true }),
        "linkedin" => json!({
            "tier": "standard", "reactions": true, "videos": "totals", "video_viewers": true,
            "version_ends": "2099-01-01", "newer_member_metrics": true,
        }),
        "web" => json!({ "reports": ["visitors"], "reviews_by_day": true }),
        "wechat" => json!({ "comments": true }),
        "weibo" => json!({ "commercial": true }),
        "x" => json!({ "plan": "enterprise", "promoted_metrics": true }),
        "xiaohongshu" => {
            let accounts = world.accounts_of(Network::Xiaohongshu);
            let brands = accounts.map(|account| (account.id.to_string(), json!("5f00000000000000000000b1")));
            json!({
                "details": true, "other_products": true, "creator_prices": "yuan",
                "brand_users": brands.collect::<Map<String, Value>>(),
            })
        }
        _ => json!({}),
    }
}

/// What any account of the platform gets by default, whatever the day on which the tests are run.
pub(crate) fn defaults(platform: &str, _: &World) -> Value {
    if platform == "linkedin" { json!({ "version_ends": "2099-01-01" }) } else { json!({}) }
}

impl Simulated {
    /// Starts the platforms over a world at a moment at which its clock stands still.
    pub(crate) async fn start(world: World, now: Timestamp) -> Self {
        Self::start_with(world, now, SimulatorConfig::default(), defaults).await
    }

    /// The same, with platforms that behave in another way and settings of the adapters.
    pub(crate) async fn start_with(
        world: World,
        now: Timestamp,
        config: SimulatorConfig,
        settings: fn(&str, &World) -> Value,
    ) -> Self {
        Self::start_watching(world, now, config, settings, usize::MAX).await
    }

    /// The same, where so many accounts are ours of platforms that show others, and watch these.
    pub(crate) async fn start_watching(
        world: World,
        now: Timestamp,
        config: SimulatorConfig,
        settings: fn(&str, &World) -> Value,
        ours: usize,
    ) -> Self {
        let mut simulated = Self::unconfigured(world, now, config.clone()).await;
        simulated.configure(&config, settings, ours);
        simulated
    }

    /// The platforms behind a line that can be broken: see [`Self::break_lines`].
    pub(crate) async fn start_behind_lines(world: World, now: Timestamp) -> Self {
        let config = SimulatorConfig::default();
        let mut simulated = Self::unconfigured(world, now, config.clone()).await;
        for (platform, url) in simulated.simulator.urls() {
            let upstream = url.trim_start_matches("http://").parse().expect("an address");
            let mishap = Arc::clone(&simulated.mishap);
            let chosen = move |_| *mishap.lock().expect("nobody panicked");
            let proxy = FaultProxy::start(upstream, chosen).await.expect("a port");
            simulated.proxies.insert(platform.to_owned(), proxy);
        }
        simulated.configure(&config, defaults, usize::MAX);
        simulated
    }

    /// What happens to connections that are made from now on.
    pub(crate) fn break_lines(&self, mishap: Mishap) {
        *self.mishap.lock().expect("nobody panicked") = mishap;
    }

    async fn unconfigured(world: World, now: Timestamp, config: SimulatorConfig) -> Self {
        let clock = SimClock::at(now);
        let config = SimulatorConfig { clock: Some(clock.clone()), ..config };
        let simulator = Simulator::start(world, config).await.expect("the platforms start");
        Self {
            simulator,
            clock,
            project: Project::new(),
            adapters: Arc::default(),
            told: Told::default(),
            accounts: Vec::new(),
            secrets: Vec::new(),
            proxies: BTreeMap::new(),
            mishap: Arc::new(Mutex::new(Mishap::None)),
            sent: Arc::default(),
        }
    }

    /// Where a platform is asked.
    fn url(&self, platform: &str) -> Option<String> {
        let proxied = self.proxies.get(platform).map(FaultProxy::url);
        proxied.or_else(|| self.simulator.url(platform).map(str::to_owned))
    }

    fn configure(&mut self, config: &SimulatorConfig, settings: fn(&str, &World) -> Value, ours: usize) {
        let world = Arc::clone(self.simulator.world());
        let mut text =
            String::from("[project]\nname = \"Simulated\"\nstore = \"./store\"\nkpis = [\"kpis/*.toml\"]\n");
        let mut adapters = BTreeMap::new();
        for name in adapter_names() {
            let mut asked: Vec<AccountRef> =
                all_of(&world).into_iter().filter(|account| account.id.platform_name() == name).collect();
            let Some(url) = self.url(name).filter(|_| !asked.is_empty()) else { continue };
            let settings = at_loopback(name, &url, settings(name, &world));
            // People beside the pages, where what they have alone is asked for.
            if settings["newer_member_metrics"] == true {
                asked.extend(world.people().iter().map(Person::as_ref));
            }
            let _ = write!(text, "\n[platform.{name}]\n{}", toml_lines(&settings));
            let adapter = build_adapter(name, settings).expect("the settings are good");
            let shows_others = adapter.descriptor().endpoints.iter().any(|endpoint| endpoint.sees_others);
            let ours = if shows_others { ours } else { usize::MAX };
            for (place, known) in asked.iter().enumerate() {
                let watcher = (place >= ours).then(|| &asked[place % ours]);
                let reference = match watcher {
                    Some(watcher) => AccountRef {
                        watched_by: watcher.platform_id.clone(),
                        ..AccountRef::new(known.id.clone(), known.zone.clone())
                    },
                    None => known.clone(),
                };
                let credentials = self.credentials(config, adapter.as_ref(), watcher.unwrap_or(known));
                match watcher {
                    Some(watcher) => text.push_str(&watched_block(&reference, watcher)),
                    None => text.push_str(&account_block(&reference, &credentials)),
                }
                self.accounts.push(SimulatedAccount { reference, credentials });
            }
            adapters.insert(name.to_owned(), Heard::new(adapter, &self.told) as Arc<dyn Adapter>);
        }
        self.adapters = Arc::new(adapters);
        self.project.write("kepi.toml", &text);
    }

    /// Puts an account's secrets into variables; says kind of token → key → variable.
    fn credentials(
        &mut self,
        config: &SimulatorConfig,
        adapter: &dyn Adapter,
        account: &AccountRef,
    ) -> BTreeMap<String, BTreeMap<String, String>> {
        // An account of WeChat is an application of its own.
        let platform_id = account.platform_id.as_deref().unwrap_or_default();
        let own_app = (account.id.platform_name() == "wechat").then(|| platform_id.to_owned());
        let of = variable_of(&account.id);
        let mut kinds = BTreeMap::new();
        for kind in adapter.descriptor().tokens.iter().filter(|kind| is_for(kind.name, platform_id)) {
            let app = |of: &str| {
                let id = own_app.clone().unwrap_or_else(|| config.client_id.clone());
                let of = if own_app.is_some() { of } else { "SIMULATED" };
                vec![
                    ("client_id_env", format!("{of}_CLIENT_ID"), id),
                    ("client_secret_env", format!("{of}_CLIENT_SECRET"), config.client_secret.clone()),
                ]
            };
            let named = match kind.flow {
                TokenFlow::AuthorizationCode { refresh: Refresh::Never | Refresh::Exchange, .. }
                | TokenFlow::Static => {
                    let token = self.simulator.user_token(&account.id).expect("a consent");
                    app(&of).into_iter().chain([("token_env", format!("{of}_TOKEN"), token)]).collect()
                }
                TokenFlow::AuthorizationCode { .. } => {
                    let token = self.simulator.refresh_token(&account.id, kind.name).expect("a consent");
                    let variable = format!("{of}_{}_REFRESH_TOKEN", kind.name.to_uppercase());
                    let refresh = ("refresh_token_env", variable, token);
                    app(&of).into_iter().chain([refresh]).collect()
                }
                TokenFlow::Client => app(&of),
            };
            let mut references = BTreeMap::new();
            for (key, variable, value) in named {
                references.insert(key.to_owned(), variable.clone());
                if self.secrets.iter().all(|(known, _)| *known != variable) {
                    self.secrets.push((variable, value));
                }
            }
            kinds.insert(kind.name.to_owned(), references);
        }
        kinds
    }

    /// Has a service account sign for an account's tokens of a kind, in place of a person's consent.
    pub(crate) fn sign_for(&mut self, id: &AccountId, kind: &str) {
        let key = self.simulator.service_account_key().expect("a key");
        let variable = format!("{}_SERVICE_ACCOUNT", variable_of(id));
        let known = self.accounts.iter_mut().find(|known| known.reference.id == *id).expect("an account");
        let consented = account_block(&known.reference, &known.credentials);
        let signed = BTreeMap::from([("service_account_env".to_owned(), variable.clone())]);
        known.credentials.insert(kind.to_owned(), signed);
        let text = std::fs::read_to_string(self.project.path("kepi.toml")).expect("a configuration");
        let text = text.replace(&consented, &account_block(&known.reference, &known.credentials));
        self.project.write("kepi.toml", &text);
        self.secrets.push((variable, key));
    }

    /// The values that nobody may see: the applications' secrets and the accounts' tokens.
    pub(crate) fn secret_values(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().filter(|(name, _)| !name.ends_with("_CLIENT_ID")).map(|(_, value)| value.as_str())
    }

    /// `kepi` with the accounts' secrets in its environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.project.command();
        command.envs(self.secrets.iter().cloned());
        command
    }

    /// The accounts that are asked for, with the kinds of token that they have.
    pub(crate) fn accounts(&self) -> Vec<(AccountId, Vec<String>)> {
        let kinds = |account: &SimulatedAccount| account.credentials.keys().cloned().collect();
        self.accounts.iter().map(|account| (account.reference.id.clone(), kinds(account))).collect()
    }

    /// The platforms that are asked.
    pub(crate) fn platforms(&self) -> impl Iterator<Item = &str> {
        self.adapters.keys().map(String::as_str)
    }

    /// An adapter as it is configured.
    pub(crate) fn adapter(&self, platform: &str) -> &Arc<dyn Adapter> {
        &self.adapters[platform]
    }

    /// The calls that a platform was sent, in their order.
    pub(crate) fn sent(&self, platform: &str) -> Vec<Sent> {
        let url = self.url(platform).expect("simulated");
        let sent = self.sent.lock().expect("nobody panicked");
        sent.iter().filter(|call| call.origin == url).cloned().collect()
    }

    pub(crate) fn world(&self) -> &World {
        self.simulator.world()
    }

    /// What a person does when only a person can help: withdraws what was given before, consents anew, and writes
    /// the new tokens where the old ones stood.
    pub(crate) fn consent_again(&mut self, platform: &str) {
        let ours: Vec<AccountId> = self.accounts.iter().map(|account| account.reference.id.clone()).collect();
        let ours: Vec<&AccountId> = ours.iter().filter(|id| id.platform_name() == platform).collect();
        // One person may have consented for several.
        for id in &ours {
            self.simulator.revoke(id).expect("an account of the world");
        }
        for id in ours {
            let of = variable_of(id);
            for (variable, value) in &mut self.secrets {
                let fresh = match variable.strip_prefix(&of).and_then(|rest| rest.strip_prefix('_')) {
                    Some("TOKEN") => self.simulator.user_token(id),
                    Some(rest) => match rest.strip_suffix("_REFRESH_TOKEN") {
                        Some(kind) => self.simulator.refresh_token(id, &kind.to_lowercase()),
                        None => continue,
                    },
                    None => continue,
                };
                *value = fresh.expect("an account of the world");
            }
        }
    }

    /// The pipeline within the test, by the world's clock.
    pub(crate) async fn live(&self) -> Live {
        let time = self.clock.clone();
        let options = StoreOptions { clock: Arc::new(move || time.now()), ..StoreOptions::default() };
        let folder = self.project.path("store");
        let store = Store::create(&folder.display().to_string(), options).await.expect("a store");
        let world = self.simulator.world();
        let sites = world.sites();
        let people = world.people();
        let asked = |person: &&Person| self.accounts.iter().any(|known| known.reference.id == person.id);
        let people = people.iter().filter(asked).map(Person::as_account);
        let known = world.accounts().map(Profile::as_account).chain(sites.iter().map(Site::as_account));
        let known = known.chain(people);
        let known = known.map(|account| ConfiguredAccount { account, configured: true });
        store.put_accounts(known.collect()).await.expect("the accounts are known");
        self.live_on(store, Arc::default(), &Timeouts::default())
    }

    /// The same pipeline begun anew, over what it has stored and remembered: with the secrets of now, connections of
    /// its own, and so much patience.
    pub(crate) fn live_again(&self, live: &Live, timeouts: &Timeouts) -> Live {
        self.live_on(live.store.clone(), Arc::clone(&live.memory), timeouts)
    }

    fn live_on(&self, store: Store, memory: Arc<InMemory>, timeouts: &Timeouts) -> Live {
        let calls = Arc::new(RwLock::default());
        let clock: Arc<dyn Clock> =
            Arc::new(WorldClock { clock: self.clock.clone(), calls: Arc::clone(&calls) });
        let http = HttpWire::new(timeouts).expect("a client");
        let secrets: BTreeMap<String, String> = self.secrets.iter().cloned().collect();
        let mut transport = Transport::builder()
            .clock(Arc::clone(&clock))
            .wire(Arc::new(StillWire { http, calls, sent: Arc::clone(&self.sent) }))
            .credentials(Arc::new(FileCredentials::new(self.project.path(".kepi/tokens"))))
            .environment(move |name| secrets.get(name).cloned());
        for account in &self.accounts {
            let by_kind = account.credentials.iter().map(|(kind, references)| {
                let source = CredentialSource::from_references(references).expect("references");
                (kind.clone(), source)
            });
            transport = transport.sources(&account.reference.id, by_kind.collect());
        }
        let transport = transport.build().expect("a transport");
        let ingest = Ingest::new(
            Arc::new(transport),
            Arc::new(store.clone()),
            Arc::clone(&memory) as Arc<dyn Memory>,
            clock,
            IngestOptions::default(),
        );
        Live { store, ingest, memory, accounts: self.ingest_accounts(), adapters: Arc::clone(&self.adapters) }
    }

    fn ingest_accounts(&self) -> Vec<IngestAccount> {
        let account = |known: &SimulatedAccount| {
            let adapter = &self.adapters[known.reference.id.platform_name()];
            let together =
                adapter.descriptor().endpoints.iter().any(|endpoint| endpoint.accounts_per_call > 1);
            let credential =
                if together { known.reference.id.platform_name() } else { known.reference.id.as_str() };
            IngestAccount {
                reference: known.reference.clone(),
                adapter: Arc::clone(adapter),
                credential: credential.into(),
            }
        };
        self.accounts.iter().map(account).collect()
    }
}

/// The pipeline within a test.
pub(crate) struct Live {
    pub store: Store,
    pub ingest: Ingest,
    pub accounts: Vec<IngestAccount>,
    memory: Arc<InMemory>,
    adapters: Arc<BTreeMap<String, Arc<dyn Adapter>>>,
}

impl Decoders for Live {
    fn decoder(&self, platform: &str) -> Option<Arc<dyn Decoder>> {
        self.adapters.get(platform).map(|adapter| Arc::clone(adapter) as Arc<dyn Decoder>)
    }
}

impl Live {
    /// Asks for what is due, once; all of it rests in the tables then.
    pub(crate) async fn pass(&self) -> RunReport {
        self.pass_until(&Silent, &StopFlag::default()).await
    }

    /// The same, until it is asked to stop.
    pub(crate) async fn pass_until(&self, progress: &dyn Progress, stop: &StopFlag) -> RunReport {
        let request = IngestRequest::due(self.accounts.clone());
        let report = self.ingest.run(&request, progress, stop).await.expect("it begins");
        self.store.catch_up(self).await.expect("the projections catch up");
        report
    }

    /// Asks for what is due of these endpoints only.
    pub(crate) async fn pass_of(&self, endpoints: &[&str]) -> RunReport {
        let endpoints = endpoints.iter().map(|name| (*name).into()).collect();
        let request = IngestRequest { endpoints, ..IngestRequest::due(self.accounts.clone()) };
        self.ingest.run(&request, &Silent, &StopFlag::default()).await.expect("it begins")
    }

    /// Asks for days that a person wants of these endpoints; all of it rests in the tables then.
    pub(crate) async fn pass_over(&self, days: DateSpan, endpoints: &[&str]) -> RunReport {
        let endpoints = endpoints.iter().map(|name| (*name).into()).collect();
        let request = IngestRequest {
            kind: RunKind::Backfill,
            endpoints,
            range: Some(days),
            ..IngestRequest::due(self.accounts.clone())
        };
        let report = self.ingest.run(&request, &Silent, &StopFlag::default()).await.expect("it begins");
        self.store.catch_up(self).await.expect("the projections catch up");
        report
    }

    /// What that would ask for.
    pub(crate) async fn plan(&self) -> PlanReport {
        self.ingest.plan(&IngestRequest::due(self.accounts.clone())).await.expect("a plan")
    }

    /// The rows of a query, a value per column.
    pub(crate) async fn query(&self, sql: &str) -> Vec<Vec<Value>> {
        let session = self.store.session().await.expect("a session");
        kepi_store::query(&session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).rows
    }
}

/// The simulated world's clock: whoever waits moves it, so that nobody waits for real; but never while a call is on
/// its way, so that an answer was given at the instant at which it is taken.
#[derive(Debug)]
struct WorldClock {
    clock: SimClock,
    calls: Arc<RwLock<()>>,
}

#[async_trait]
impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        let _no_call = self.calls.write().await;
        if at > self.clock.now() {
            self.clock.set(at);
        }
    }
}

/// HTTP, while the world's clock stands still; remembers what was sent.
#[derive(Debug)]
struct StillWire {
    http: HttpWire,
    calls: Arc<RwLock<()>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

#[async_trait]
impl Wire for StillWire {
    async fn send(&self, request: Outgoing, clock: &dyn Clock) -> Result<Response, Fault> {
        let _on_its_way = self.calls.read().await;
        let (origin, path) = (request.url.origin().ascii_serialization(), request.url.path().to_owned());
        self.sent.lock().expect("nobody panicked").push(Sent { at: clock.now(), origin, path });
        self.http.send(request, clock).await
    }
}

/// The accounts that are asked for: those of the platforms, and the brands' websites and places.
fn all_of(world: &World) -> Vec<AccountRef> {
    let sites = world.sites();
    world.accounts().map(Profile::as_ref).chain(sites.iter().map(Site::as_ref)).collect()
}

/// Whether a kind of token is one that the account has: a website is measured, a place is reviewed, and a person
/// administers no page under their own name.
fn is_for(kind: &str, platform_id: &str) -> bool {
    match kind {
        "analytics" => platform_id.starts_with("properties/"),
        "business" => platform_id.starts_with("accounts/"),
        "admin" => !platform_id.starts_with("urn:li:person:"),
        _ => true,
    }
}

/// What the variables of an account's secrets begin with.
fn variable_of(account: &AccountId) -> String {
    account.as_str().replace(['/', '-'], "_").to_uppercase()
}

/// The settings with every address of the platform on loopback.
fn at_loopback(platform: &str, url: &str, settings: Value) -> Value {
    let plain = build_adapter(platform, json!({})).expect("no setting is required");
    let schema = (plain.descriptor().settings_schema)();
    let mut settings = settings.as_object().cloned().unwrap_or_default();
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        if property["format"] == "uri" {
            settings.entry(key).or_insert_with(|| url.into());
        }
    }
    Value::Object(settings)
}

fn toml_lines(settings: &Value) -> String {
    let lines = settings.as_object().into_iter().flatten();
    lines.fold(String::new(), |mut text, (key, value)| {
        let _ = writeln!(text, "{key} = {}", toml_value(value));
        text
    })
}

fn toml_value(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{key:?} = {}", toml_value(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

fn watched_block(account: &AccountRef, watcher: &AccountRef) -> String {
    let (id, zone) = (&account.id, &account.zone);
    format!("\n[[account]]\nid = \"{id}\"\nzone = \"{zone}\"\nwatched_by = \"{}\"\n", watcher.id)
}

fn account_block(account: &AccountRef, credentials: &BTreeMap<String, BTreeMap<String, String>>) -> String {
    let mut text = format!(
        "\n[[account]]\nid = \"{}\"\nplatform_id = \"{}\"\nzone = \"{}\"\n[account.credentials]\n",
        account.id,
        account.platform_id.as_deref().unwrap_or_default(),
        account.zone
    );
    for (kind, references) in credentials {
        let references: Vec<String> =
            references.iter().map(|(key, variable)| format!("{key} = \"{variable}\"")).collect();
        let _ = writeln!(text, "{kind} = {{ {} }}", references.join(", "));
    }
    text
}
