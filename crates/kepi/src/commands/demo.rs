//! `kepi demo`: the whole product over simulated platforms, without an account and without a network.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use jiff::{Timestamp, ToSpan};
use kepi_core::{AccountRef, Adapter, Error, ErrorKind, TokenFlow, credential::Refresh};
use kepi_ingest::{Ending, EndpointReport, IngestRequest, StopFlag};
use kepi_simulator::{Profile, SimClock, Simulator, SimulatorConfig, Site, World, WorldConfig};
use kepi_transport::Clock;
use serde_json::{Map, Value};

use crate::{
    adapters,
    cli::{Demo, Init, RowFormat},
    commands::{evaluate, ingest::PlatformLines, init},
    compose::Project,
    failure::{Outcome, Result},
    output,
    progress::Steps,
};

/// The simulated world's clock, as the transport sees it: nobody waits for real.
#[derive(Debug)]
struct DemoClock(SimClock);

#[async_trait]
impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        if at > self.0.now() {
            self.0.set(at);
        }
    }
}

pub(crate) async fn run(arguments: &Demo) -> Result<Outcome> {
    let names = adapters::names();
    let mut config = WorldConfig { seed: arguments.seed, ..WorldConfig::demo() };
    config.accounts.retain(|(network, _)| names.contains(&network.name()));
    let world = Arc::new(World::new(config));
    let end = world.default_now();
    let clock = SimClock::at(end);
    let simulated = SimulatorConfig { clock: Some(clock.clone()), ..SimulatorConfig::default() };
    let simulator = Simulator::start(Arc::clone(&world), simulated.clone()).await?;
    let dir = folder(arguments)?;
    write_project(&dir, "", &simulator, &simulated)?;

    let project = Project::load(&dir.join("kepi.toml"))?.with_clock(Arc::new(DemoClock(clock.clone())));
    let accounts = &project.config.accounts;
    let platforms: BTreeSet<&str> = accounts.iter().map(|known| known.account.id.platform_name()).collect();
    output::note(&format!(
        "{} accounts on {} simulated platforms, {} days",
        accounts.len(),
        platforms.len(),
        arguments.days
    ));
    follow(&project, &clock, end, arguments.days).await?;
    scorecard(&project).await?;
    simulator.shutdown().await;
    say_next(&dir);
    Ok(Outcome::Done)
}

fn folder(arguments: &Demo) -> Result<PathBuf> {
    let dir = arguments.dir.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("kepi-demo-{}-{}", arguments.seed, std::process::id()))
    });
    if dir.join("kepi.toml").exists() {
        return Err(Error::bad_input("there is a project already")
            .with("folder", dir.display())
            .hint("name another folder with --dir")
            .into());
    }
    Ok(dir)
}

/// Asks once a day, as a schedule would.
async fn follow(project: &Project, clock: &SimClock, end: Timestamp, days: u16) -> Result<()> {
    let store = project.store().await?;
    let state = project.state().await?;
    let ingest = project.ingest(&store, Arc::new(state.clone()))?;
    let stop = StopFlag::default();
    stop.on_signals()?;
    let mut steps = Steps::new("days", u64::from(days));
    let progress = PlatformLines::new();
    let mut troubles = BTreeSet::new();
    for left in (0..i32::from(days)).rev() {
        clock.set(end.checked_sub((left * 24).hours()).unwrap_or(end));
        let request = IngestRequest::due(project.ingest_accounts());
        let report = ingest.run(&request, &progress, &stop).await?;
        if let Some(failure) = report.first_failure().filter(|_| report.totals.pages == 0) {
            return Err(Error::new(ErrorKind::Unexpected, failure.message.clone()).into());
        }
        troubles.extend(report.endpoints.iter().filter_map(trouble));
        steps.step(&clock.now().to_string());
        if stop.is_stopped() {
            break;
        }
    }
    drop(steps);
    progress.end();
    for trouble in troubles {
        output::note(&format!("warning: {trouble}"));
    }
    state.close().await;
    Ok(())
}

/// What did not come, where something failed: the simulated platforms are well, so that it is worth a look.
fn trouble(report: &EndpointReport) -> Option<String> {
    let first = report.accounts.first()?;
    matches!(report.ending, Ending::Failed(_) | Ending::Withheld | Ending::Capped { .. })
        .then(|| format!("{first} {}: {}", report.endpoint, report.ending))
}

async fn scorecard(project: &Project) -> Result<()> {
    let request = evaluate::request(project, project.kpis()?, "last-28d")?;
    let store = project.open_store().await?;
    let session = store.session().await?;
    let rows = kepi_engine::evaluate(&session, &request).await?;
    evaluate::print(&rows, RowFormat::Table, &evaluate::Asked::default())
}

/// Commands that work as they are printed, wherever this `kepi` stands.
fn say_next(dir: &Path) {
    let file = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()).join("kepi.toml");
    let kepi = own_name();
    output::note(&format!("\nthe project and its store are in {}; what to try next:\n", dir.display()));
    output::note(&format!("  export KEPI_CONFIG={}", quoted(&file)));
    for (arguments, what) in [
        ("evaluate --by account --period last-7d", "the last week, account by account"),
        ("evaluate --kpi x-engagement-rate --by format", "one KPI by format of the posts"),
        ("explain x-engagement-rate", "where a number comes from, down to the answers"),
        (
            "query \"select account, count(*) as posts from posts where current group by account\"",
            "SQL on all of it",
        ),
        ("adapters", "what each platform offers"),
        ("init my-brand", "a project of your own"),
    ] {
        output::note(&format!("  {kepi} {arguments}   # {what}"));
    }
}

/// What this program is called by: its name where that leads to it, its file otherwise.
pub(super) fn own_name() -> String {
    let Ok(own) = std::env::current_exe() else { return "kepi".to_owned() };
    let real = |file: &Path| std::fs::canonicalize(file).ok();
    let same = |file: PathBuf| real(&file).is_some_and(|file| Some(file) == real(&own));
    let on_path = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| same(folder.join("kepi"))));
    if on_path {
        return "kepi".to_owned();
    }
    let here = std::env::current_dir().ok();
    let near = here.as_ref().and_then(|here| own.strip_prefix(here).ok());
    quoted(near.unwrap_or(&own))
}

/// A path that a shell takes as one word.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// Writes a project whose accounts are those of the simulated platforms; `first` stands at the top of its configuration.
pub(super) fn write_project(
    dir: &Path,
    first: &str,
    simulator: &Simulator,
    simulated: &SimulatorConfig,
) -> Result<()> {
    let project =
        "[project]\nname = \"Demo\"\nzone = \"UTC\"\nstore = \"./store\"\nkpis = [\"kpis/*.toml\"]\n";
    let sections = sections(dir, simulator, simulated)?;
    let platforms = adapters::names().into_iter().map(str::to_owned).collect();
    init::write(&Init { dir: dir.to_owned(), goal: Vec::new(), platforms })?;
    let file = dir.join("kepi.toml");
    let text = format!("{first}{project}{sections}");
    Ok(std::fs::write(&file, text).map_err(|error| init::unwritable(&file, error))?)
}

/// The configuration of the platforms and their accounts; the secrets of these go into files in a folder.
pub(super) fn sections(dir: &Path, simulator: &Simulator, simulated: &SimulatorConfig) -> Result<String> {
    let mut text = String::new();
    let world = simulator.world();
    let sites = world.sites();
    let accounts: Vec<AccountRef> =
        world.accounts().map(Profile::as_ref).chain(sites.iter().map(Site::as_ref)).collect();
    for name in adapters::names() {
        if let Some(url) = simulator.url(name) {
            let adapter = adapters::build(name, Value::Object(Map::new()))?;
            let _ = write!(text, "\n[platform.{name}]\n{}", addresses(adapter.as_ref(), url));
            for known in accounts.iter().filter(|account| account.id.platform_name() == name) {
                text.push_str(&account(dir, simulator, simulated, adapter.as_ref(), known)?);
            }
        }
    }
    Ok(text)
}

/// Every address among the settings of a platform: some have their API, their consent and their contracts on hosts
/// of their own, and nothing of the demo may leave this machine.
fn addresses(adapter: &dyn Adapter, url: &str) -> String {
    let schema = (adapter.descriptor().settings_schema)();
    let properties = schema["properties"].as_object().into_iter().flatten();
    let addresses = properties.filter(|(_, property)| property["format"] == "uri");
    addresses.map(|(key, _)| format!("{key} = \"{url}\"\n")).collect()
}

/// An account's block; its simulated secrets go into files beside the state.
fn account(
    dir: &Path,
    simulator: &Simulator,
    simulated: &SimulatorConfig,
    adapter: &dyn Adapter,
    known: &AccountRef,
) -> Result<String> {
    let id = &known.id;
    let platform_id = known.platform_id.as_deref().unwrap_or_default();
    // A WeChat account is an application of its own: its AppID is the account's id.
    let client_id = if id.platform_name() == "wechat" { platform_id } else { &simulated.client_id };
    let mut kinds = Vec::new();
    for kind in adapter.descriptor().tokens.iter().filter(|kind| is_for(kind.name, platform_id)) {
        let mut secrets =
            vec![("client_id", client_id.to_owned()), ("client_secret", simulated.client_secret.clone())];
        match kind.flow {
            TokenFlow::AuthorizationCode { refresh: Refresh::Never | Refresh::Exchange, .. } => {
                secrets.push(("token", simulator.user_token_for(id, kind.name)?));
            }
            // Each kind has a token of its own: some work once, and would spoil each other.
            TokenFlow::AuthorizationCode { .. } => {
                secrets.push(("refresh_token", simulator.refresh_token(id, kind.name)?));
            }
            TokenFlow::Client | TokenFlow::Static => {}
        }
        let references: Vec<String> = secrets
            .iter()
            .map(|(name, secret)| {
                let file = keep_secret(dir, &format!("{id}.{}.{name}", kind.name), secret)?;
                Ok(format!("{name}_file = {file:?}"))
            })
            .collect::<Result<_>>()?;
        kinds.push(format!("{} = {{ {} }}", kind.name, references.join(", ")));
    }
    Ok(format!(
        "\n[[account]]\nid = \"{id}\"\nplatform_id = \"{platform_id}\"\nzone = \"{}\"\n\
         credentials = {{ {} }}\n",
        known.zone,
        kinds.join(", ")
    ))
}

/// A website is measured, and a place is reviewed.
fn is_for(kind: &str, platform_id: &str) -> bool {
    match kind {
        "analytics" => platform_id.starts_with("properties/"),
        "business" => platform_id.starts_with("accounts/"),
        _ => true,
    }
}

fn keep_secret(dir: &Path, name: &str, secret: &str) -> Result<String> {
    let folder = dir.join(".kepi/secrets");
    std::fs::create_dir_all(&folder).map_err(|error| init::unwritable(&folder, error))?;
    let file = folder.join(name.replace('/', "."));
    std::fs::write(&file, secret).map_err(|error| init::unwritable(&file, error))?;
    Ok(std::path::absolute(&file)?.display().to_string())
}
