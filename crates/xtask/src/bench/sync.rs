//! `sync`: the day of many accounts, asked of simulated X over HTTP until journal and projections have it, with no limits
//! of our own; and `quota`: how much of what a platform allows is used, by the world's clock.
//!
//! The platform runs in this process, and what is measured in a child of its own.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
};

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use kepi_core::{AccountId, Adapter, Cursor, Decoder, Job, Response};
use kepi_ingest::{Ending, InMemory, Ingest, IngestAccount, IngestOptions, IngestRequest, Silent, StopFlag};
use kepi_simulator::{Format, PostKey, Profile, SimClock, Simulator, SimulatorConfig, World, WorldConfig};
use kepi_store::{Decoders, Store, StoreOptions, query};
use kepi_transport::{
    Clock as _, CredentialSource, Fault, HttpWire, Outgoing, Quotas, RetryPolicy, Timeouts, Transport,
    TransportBuilder, Wire, testing::ManualClock,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Options, child, ingest,
    measure::{Clock, Cost},
    say,
};
use crate::generate::build_adapter;

/// Posts are of so many days: X tells owners' numbers for thirty.
const DAYS: i64 = 28;

/// What a child process does for this benchmark.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    /// Where X is.
    url: String,
    /// Of so many accounts.
    accounts: u32,
    /// With so many posts each.
    posts: u32,
    /// When it is.
    now: Timestamp,
    /// The token of each account's owner.
    tokens: BTreeMap<AccountId, String>,
}

impl Task {
    fn of(simulator: &Simulator, accounts: u32, posts: u32, now: Timestamp) -> Result<Self> {
        let url = simulator.url("x").context("X is simulated")?.to_owned();
        Ok(Self { url, accounts, posts, now, tokens: tokens(simulator)? })
    }
}

fn tokens(simulator: &Simulator) -> Result<BTreeMap<AccountId, String>> {
    let token = |account: &Profile| Ok((account.id.clone(), simulator.user_token(&account.id)?));
    simulator.world().accounts().map(token).collect()
}

/// What the day came to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Synced {
    /// Asking, decoding, journal, projections.
    pub cost: Cost,
    /// Calls that were made.
    pub calls: u64,
    /// Measurements that came.
    pub measurements: u64,
}

/// Runs the benchmark.
pub(super) fn run(options: &Options) -> Result<()> {
    let (accounts, posts) = (options.sync_accounts, options.sync_posts);
    say(format!(
        "sync: a day of {accounts} accounts of X with {posts} recent posts each, over HTTP on loopback, no limits"
    ));
    let now = noon()?;
    let runtime = child::runtime()?;
    let simulator = runtime.block_on(platform(&world(accounts, posts, now)?, now, false))?;
    let task = Task::of(&simulator, accounts, posts, now)?;
    let folder =
        tempfile::tempdir_in(ingest::ready(&options.folder)?).context("make a folder for the store")?;
    let Synced { cost, calls, measurements } =
        child::run(&options.world(), &folder.path().join("store"), &child::Task::Sync(task))?;
    #[expect(clippy::cast_precision_loss, reason = "measurements are far fewer than 2^52")]
    let rate = measurements as f64 / cost.wall;
    say(format!("  {rate:.0} measurements/s; {measurements} measurements in {calls} calls; {cost}"));
    Ok(())
}

/// Runs the benchmark of allowances.
pub(super) fn run_quota() -> Result<()> {
    const ROUNDS: u32 = 6;
    say(format!("quota: {ROUNDS} allowances of 300 calls in 900 s of X's profiles, by the world's clock"));
    let used = child::runtime()?.block_on(used(ROUNDS))?;
    say(format!(
        "  {:.2} % of the allowed rate, {} refused of {} calls",
        used.share * 100.0,
        used.refused,
        used.calls
    ));
    Ok(())
}

fn noon() -> Result<Timestamp> {
    Ok("2026-09-23T12:00:00Z".parse()?)
}

fn world(accounts: u32, posts: u32, now: Timestamp) -> Result<World> {
    let start = now.checked_sub(SignedDuration::from_hours(24 * DAYS))?;
    Ok(World::new(WorldConfig { start, end: now, ..WorldConfig::bench(accounts, posts) }))
}

async fn platform(world: &World, now: Timestamp, enforce_limits: bool) -> Result<Simulator> {
    let clock = Some(SimClock::at(now));
    let config = SimulatorConfig { clock, enforce_limits, ..SimulatorConfig::default() };
    Ok(Simulator::start(World::new(world.config().clone()), config).await?)
}

/// What the child process does.
pub(super) async fn work(task: &Task, store: &Path) -> Result<serde_json::Value> {
    Ok(serde_json::to_value(synced(task, store).await?)?)
}

/// The day of the accounts of a platform that runs within this process: for tests.
///
/// # Errors
/// When something of it failed, or a post is lacking.
pub async fn synced_here(accounts: u32, posts: u32, store: &Path) -> Result<Synced> {
    let now = noon()?;
    let simulator = platform(&world(accounts, posts, now)?, now, false).await?;
    synced(&Task::of(&simulator, accounts, posts, now)?, store).await
}

/// Asks for the day of all accounts.
async fn synced(task: &Task, folder: &Path) -> Result<Synced> {
    let world = world(task.accounts, task.posts, task.now)?;
    let clock = Arc::new(ManualClock::jumping(task.now));
    let adapter = build_adapter("x", json!({ "base_url": task.url }))?;
    let store = store_at(folder, task.now).await?;
    let asked = Asked::of(&world, &task.tokens, &adapter);
    let transport = asked.transport(&clock).quotas(Quotas::unlimited()).build()?;
    let ingest = Ingest::new(
        Arc::new(transport),
        Arc::new(store.clone()),
        Arc::new(InMemory::default()),
        clock,
        IngestOptions::default(),
    );
    let measured = Clock::start();
    let report = ingest.run(&IngestRequest::due(asked.accounts), &Silent, &StopFlag::default()).await?;
    store.catch_up(&Only(adapter)).await?;
    let cost = measured.stop();
    let failed = report.endpoints.iter().find(|it| matches!(it.ending, Ending::Failed(_)));
    ensure!(failed.is_none(), "{failed:?}");
    held(&store, &world, task.now).await?;
    Ok(Synced { cost, calls: report.totals.calls, measurements: report.totals.measurements })
}

async fn store_at(folder: &Path, now: Timestamp) -> Result<Store> {
    let options = StoreOptions { clock: Arc::new(move || now), ..StoreOptions::default() };
    Ok(Store::create(folder.to_str().context("the folder's name is no text")?, options).await?)
}

/// The accounts of a world, and the secrets by which they are asked for.
struct Asked {
    accounts: Vec<IngestAccount>,
    /// Variable → value.
    secrets: BTreeMap<String, String>,
}

impl Asked {
    fn of(world: &World, tokens: &BTreeMap<AccountId, String>, adapter: &Arc<dyn Adapter>) -> Self {
        let config = SimulatorConfig::default();
        let mut secrets = BTreeMap::from([
            ("ID".to_owned(), config.client_id),
            ("SECRET".to_owned(), config.client_secret),
        ]);
        secrets.extend(tokens.iter().map(|(account, token)| (variable(account), token.clone())));
        let accounts = world.accounts().map(|profile| IngestAccount {
            reference: profile.as_ref(),
            adapter: Arc::clone(adapter),
            credential: "x".into(),
        });
        Self { accounts: accounts.collect(), secrets }
    }

    fn transport(&self, clock: &Arc<ManualClock>) -> TransportBuilder {
        let secrets = self.secrets.clone();
        let mut builder = Transport::builder()
            .clock(Arc::clone(clock) as Arc<dyn kepi_transport::Clock>)
            .environment(move |name| secrets.get(name).cloned());
        for account in &self.accounts {
            let id = &account.reference.id;
            let app = CredentialSource {
                client_id_env: Some("ID".to_owned()),
                client_secret_env: Some("SECRET".to_owned()),
                ..CredentialSource::default()
            };
            let user = CredentialSource { token_env: Some(variable(id)), ..app.clone() };
            builder =
                builder.sources(id, BTreeMap::from([("app".to_owned(), app), ("user".to_owned(), user)]));
        }
        builder
    }
}

fn variable(account: &AccountId) -> String {
    format!("TOKEN_{account}")
}

/// HTTP to a platform that lives by the same clock, which stands still while a call is on its way.
#[derive(Debug)]
struct StillWire {
    http: HttpWire,
    clock: Arc<ManualClock>,
    platform: SimClock,
}

#[async_trait]
impl Wire for StillWire {
    async fn send(&self, request: Outgoing, clock: &dyn kepi_transport::Clock) -> Result<Response, Fault> {
        let _on_its_way = self.clock.hold();
        self.platform.set(self.clock.now());
        self.http.send(request, clock).await
    }
}

/// The one adapter that is asked.
struct Only(Arc<dyn Adapter>);

impl Decoders for Only {
    fn decoder(&self, _: &str) -> Option<Arc<dyn Decoder>> {
        Some(Arc::clone(&self.0) as Arc<dyn Decoder>)
    }
}

/// Checks that the store has every post that stands, with its likes. What others posted and was only passed on has no
/// likes of its own.
async fn held(store: &Store, world: &World, now: Timestamp) -> Result<()> {
    let stands = |key: &PostKey| {
        let post = world.post(*key);
        post.stands_at(now) && post.format != Format::Repost
    };
    let standing = world.accounts().flat_map(|account| {
        let published = u32::try_from(world.published_by(account.key, now)).unwrap_or(u32::MAX);
        (0..published).map(move |index| PostKey { account: account.key, index })
    });
    let expected = standing.filter(stands).count();
    let session = store.session().await?;
    let sql = "select count(*) from (select distinct account, post from post_facts where current and likes is not null)";
    let found = query(&session, sql).await?.rows.first().and_then(|row| row.first()?.as_u64());
    ensure!(found == Some(expected as u64), "{expected} posts stand and {found:?} are there");
    Ok(())
}

/// How much of an allowance was used.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    /// Of the rate that is allowed.
    pub share: f64,
    /// Calls that were made.
    pub calls: u64,
    /// Of them, those that the platform refused.
    pub refused: u64,
}

/// Eight workers ask for X's profiles, so many times as often as the platform allows in a window.
///
/// # Errors
/// When a call failed.
pub async fn used(rounds: u32) -> Result<Used> {
    let now = noon()?;
    let world = world(1, 1, now)?;
    let simulator = platform(&world, now, true).await?;
    let adapter = build_adapter("x", json!({ "base_url": simulator.url("x").context("X is simulated")? }))?;
    let endpoint = adapter.descriptor().endpoint("users").context("X has profiles")?;
    let quota = endpoint.quotas.first().context("and limits them")?;
    let clock = Arc::new(ManualClock::jumping(now));
    let asked = Asked::of(&world, &tokens(&simulator)?, &adapter);
    let http = HttpWire::new(&Timeouts::default())?;
    let wire = StillWire { http, clock: Arc::clone(&clock), platform: simulator.clock().clone() };
    // What is measured is the use of the allowance: a call may wait for more than one of its windows.
    let patient = RetryPolicy {
        max_total_wait_secs: u64::from(quota.interval_secs * rounds),
        ..RetryPolicy::default()
    };
    let transport = asked.transport(&clock).policy(patient).wire(Arc::new(wire)).build()?;
    let job = Job {
        endpoint: endpoint.name.into(),
        accounts: asked.accounts.iter().map(|account| account.reference.clone()).collect(),
        window: None,
        posts: Vec::new(),
        planned_at: now,
        input: None,
        refused: Vec::new(),
    };
    let left = AtomicU32::new(quota.requests * rounds);
    let worker = async || -> Result<()> {
        while left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok() {
            transport.fetch(adapter.as_ref(), &job, &Cursor::default()).await?;
        }
        Ok(())
    };
    futures::future::try_join_all((0..8).map(|_| worker())).await?;
    let stats = simulator.stats("x")?;
    // The first allowance is free at once; the others take their interval each.
    let allowed = f64::from(quota.interval_secs) * f64::from(rounds - 1);
    let share = allowed / clock.now().duration_since(now).as_secs_f64();
    Ok(Used { share, calls: stats.total_calls(), refused: stats.throttled })
}
