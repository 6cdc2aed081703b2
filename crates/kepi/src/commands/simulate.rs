//! `kepi simulate`: the simulated platforms for as long as they are wanted, to be asked and to be broken on purpose.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use kepi_core::{Error, ErrorKind};
use kepi_ingest::StopFlag;
use kepi_simulator::{SimClock, Simulator, SimulatorConfig, Struck, Switch, World, WorldConfig};

use crate::{
    adapters,
    cli::Simulate,
    commands::demo,
    failure::{Outcome, Result},
    output,
};

/// How long the world lasts, and how much of that must still lie ahead.
const WORLD_YEARS: i32 = 3;
const YEARS_AHEAD: i32 = 1;

pub(crate) async fn run(arguments: &Simulate) -> Result<Outcome> {
    let faults: Vec<Switch> =
        arguments.fault.iter().map(|text| text.parse()).collect::<kepi_core::Result<_>>()?;
    let since = since(arguments, Timestamp::now())?;
    let simulated = SimulatorConfig {
        clock: Some(SimClock::running()),
        first_port: arguments.port,
        token_seed: Some(token_seed()?),
        on_fault: Some(tell),
        ..SimulatorConfig::default()
    };
    let mut simulator = Simulator::start(Arc::new(world(arguments.seed, since)?), simulated.clone()).await?;
    for switch in &faults {
        simulator.switch_on(switch)?;
    }
    let control = simulator.open_control().await?;
    let stop = StopFlag::default();
    stop.on_signals()?;
    let made_by = format!("# kepi simulate --seed {} --since {since}\n", arguments.seed);
    if let Some(dir) = &arguments.dir {
        lay_out(dir, &made_by, &simulator, &simulated)?;
        for (name, url) in simulator.urls().chain([("control", control.as_str())]) {
            output::result(&format!("{name:<12} {url}\n"))?;
        }
        say_next(Some(dir), &control);
        stop.stopped().await;
    } else {
        let secrets = Secrets::new();
        let sections = demo::sections(&secrets.0, &simulator, &simulated)?;
        output::result(&format!("{made_by}# control: {control}\n{sections}"))?;
        say_next(None, &control);
        stop.stopped().await;
    }
    let calls = |(name, _): (&str, &str)| simulator.stats(name).map_or(0, |stats| stats.total_calls());
    let calls: u64 = simulator.urls().map(calls).sum();
    simulator.shutdown().await;
    output::note(&format!("the simulated platforms have ended; they answered {calls} calls"));
    Ok(Outcome::Done)
}

/// The first day of the world: the year before this one, so that the world of tomorrow is still that of today.
fn since(arguments: &Simulate, now: Timestamp) -> Result<Date> {
    let today = TimeZone::UTC.to_datetime(now).date();
    let Some(since) = arguments.since else {
        return Ok(Date::new(today.year().saturating_sub(1), 1, 1).unwrap_or(today));
    };
    let oldest = today.checked_sub((WORLD_YEARS - YEARS_AHEAD).years()).unwrap_or(today);
    if (oldest..=today).contains(&since) {
        return Ok(since);
    }
    Err(Error::bad_input(format!("the world cannot begin on {since}"))
        .hint(format!("--since takes a day from {oldest} to {today}"))
        .into())
}

/// The demo's accounts, posting as often as there, over a longer time.
fn world(seed: u64, since: Date) -> Result<World> {
    let midnight = |day: Date| {
        let midnight = day.to_zoned(TimeZone::UTC).map(|at| at.timestamp());
        midnight.map_err(|error| Error::bad_input(format!("no world can begin on {day}")).caused_by(error))
    };
    let names = adapters::names();
    let mut config = WorldConfig { seed, ..WorldConfig::demo() };
    config.accounts.retain(|(network, _)| names.contains(&network.name()));
    config.posts_per_account *= 2;
    config.start = midnight(since)?;
    config.end = midnight(since.saturating_add(WORLD_YEARS.years()))?;
    Ok(World::new(config))
}

/// Tokens of a simulator that has ended are no good at the next, which knows nothing of how they were renewed.
fn token_seed() -> Result<u64> {
    let mut bytes = [0; 8];
    getrandom::getrandom(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Unexpected, "the machine gives no random numbers").with("reason", error)
    })?;
    Ok(u64::from_le_bytes(bytes))
}

fn tell(struck: &Struck<'_>) {
    output::note(&format!("{}: {} at {}", struck.platform, struck.fault, struck.path));
}

/// Writes a project; one that was made before stays as it is and gets new secrets.
fn lay_out(dir: &Path, made_by: &str, simulator: &Simulator, simulated: &SimulatorConfig) -> Result<()> {
    let file = dir.join("kepi.toml");
    let Ok(text) = std::fs::read_to_string(&file) else {
        return demo::write_project(dir, made_by, simulator, simulated);
    };
    let other = |what: &str, hint: String| {
        Error::bad_input(format!("the project there is of {what}"))
            .with("file", file.display())
            .hint(format!("{hint}, or name another folder with --dir"))
    };
    if !text.starts_with(made_by) {
        let first = text.lines().next().unwrap_or_default();
        let hint = match first.strip_prefix("# ") {
            Some(command) if first.starts_with("# kepi simulate") => format!("begin with `{command}`"),
            _ => "leave it as it is".to_owned(),
        };
        return Err(other("another world", hint).into());
    }
    if let Some((name, url)) = simulator.urls().find(|(_, url)| !text.contains(&format!("\"{url}\""))) {
        let hint = format!("begin with the --port of its first platform; {name} is at {url} now");
        return Err(other("other addresses", hint).into());
    }
    demo::sections(dir, simulator, simulated)?;
    Ok(())
}

fn say_next(dir: Option<&Path>, control: &str) {
    output::note("the platforms answer until Ctrl-C; in another terminal:\n");
    if let Some(dir) = dir {
        let file = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()).join("kepi.toml");
        let kepi = demo::own_name();
        output::note(&format!("  export KEPI_CONFIG={}", demo::quoted(&file)));
        output::note(&format!("  {kepi} ingest"));
    } else {
        output::note("  put these sections into a kepi.toml, or begin again with --dir for a whole project");
    }
    output::note(&format!("  curl {control}/faults -d x:rate-limit   # break X"));
    output::note(&format!("  curl -X DELETE {control}/faults         # all is well again"));
    output::note(&format!("  curl {control}                          # what else can be done\n"));
}

/// A folder for secrets that is gone when the platforms are.
struct Secrets(PathBuf);

impl Secrets {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("kepi-simulate-{}", std::process::id())))
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        // What is left of it holds nothing that is good for anything.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
