//! `judged`: forty KPIs, each with a target, held beside their own past, and with their signals, over a store of
//! post-days of X: from rows beside DuckDB computing the same aggregates, from rollups, and after one new day.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use kepi_core::Catalogue;
use kepi_engine::{EvaluationRequest, ScoreRow, evaluate, explain_plan, find_signals};
use kepi_store::{Store, StoreOptions};
use serde::{Deserialize, Serialize};

use super::{
    Options, child, fresh,
    kpis::{self, FORTY},
    measure::{Clock, Cost, median},
    say,
    scorecard::{self, Peer},
    world::{DAYS, Kind, World},
};

/// What is said of each KPI: a target of the year, measured from its first month, and its own periods beside it.
const MORE: &str = "review = \"monthly\"\nbenchmark = \"own\"\n[[kpi.target]]\nperiod = \"2025\"\n\
     relative = \"+5%\"\nbaseline = \"2025-01\"\n";

/// What a child process does for this benchmark.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Task {
    /// The scorecard, once; hold it against a plain loop where `check` says so.
    Evaluate { rollups: bool, check: bool },
    /// The signals, once.
    Signals { rollups: bool },
    /// One new day of readings, and then the scorecard and the signals.
    Day { readings: u64 },
}

/// What a scorecard came to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Evaluated {
    /// Opening the store and evaluating.
    pub cost: Cost,
    /// Rows of the scorecard.
    pub rows: usize,
    /// Of these, held against a target, and beside a benchmark.
    pub held: (usize, usize),
    /// The physical plan.
    pub plan: String,
}

/// What a look for signals came to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Looked {
    /// Opening the store and looking.
    pub cost: Cost,
    /// All that was looked for, and what it came to: `P4 k05 quiet`.
    pub told: Vec<String>,
}

/// What one new day came to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Day {
    /// Decoding, journal and projections.
    pub taken_in: Cost,
    /// The scorecard after it.
    pub evaluated: Evaluated,
    /// The signals after it.
    pub signals: Looked,
}

/// Runs the benchmark.
pub(super) fn run(options: &Options) -> Result<()> {
    let world = World { kind: Kind::Running, ..options.world() };
    say(format!(
        "judged: {} KPIs with targets, own benchmarks and signals by platform, account, month and category; {} rows, {} posts, {} accounts",
        FORTY.len(),
        world.rows,
        world.posts(),
        world.accounts
    ));
    let made = scorecard::store(options, &world)?;
    scorecard::count(&world, &made)?;
    let rows = from_rows(options, &world, &made)?;
    let rollups = from_rollups(options, &world, &made)?;
    let (wall, cpu) = (rollups.wall / rows.wall, rollups.cpu / rows.cpu);
    say(format!("  rollups / rows: {wall:.2} by wall clock, {cpu:.2} by processor"));
    signals(options, &world, &made)?;
    new_day(options, &world, &made)
}

/// The median of scorecards without rollups, DuckDB in turn with kepi.
fn from_rows(options: &Options, world: &World, made: &Path) -> Result<Cost> {
    let peer = Peer::find(options, made, &FORTY, "total")?;
    let expected = peer.as_ref().map(|_| kpis::expected(world, &FORTY, |row| row));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..options.runs.max(1) {
        let task = Task::Evaluate { rollups: false, check: round == 0 };
        let evaluated: Evaluated = child::run(world, made, &child::Task::Judged(task))?;
        if round == 0 {
            tell(&evaluated, options.explain);
        }
        say(format!("  kepi, from rows  {}", evaluated.cost));
        ours.push(evaluated.cost);
        if let (Some(peer), Some(expected)) = (&peer, &expected) {
            let (cost, values) = peer.run()?;
            if let Some(difference) = kpis::difference(&values, expected) {
                bail!("DuckDB and the plain loop differ: {difference}");
            }
            say(format!("  DuckDB           {cost}"));
            theirs.push(cost);
        }
    }
    let ours = median(&ours);
    say(format!("  median: kepi, from rows {ours}"));
    if !theirs.is_empty() {
        let theirs = median(&theirs);
        say(format!("  median: DuckDB {theirs}; the aggregates alone; results agree"));
        let (wall, cpu) = (ours.wall / theirs.wall, ours.cpu / theirs.cpu);
        say(format!("  kepi / DuckDB: {wall:.2} by wall clock, {cpu:.2} by processor"));
    }
    Ok(ours)
}

fn tell(evaluated: &Evaluated, whole: bool) {
    if whole {
        say(evaluated.plan.clone());
    }
    let scans = |table| scorecard::scans(&evaluated.plan, table);
    say(format!(
        "  EXPLAIN: post_daily is scanned {} time(s), posts {}",
        scans("post_daily"),
        scans("posts")
    ));
    let (targets, benchmarks) = evaluated.held;
    say(format!(
        "  kepi: {} rows of scorecard, {targets} held against a target, {benchmarks} beside their past; values as a plain loop has them",
        evaluated.rows
    ));
}

fn from_rollups(options: &Options, world: &World, made: &Path) -> Result<Cost> {
    let mut costs = Vec::new();
    for round in 0..options.runs.max(1) {
        let task = Task::Evaluate { rollups: true, check: round == 0 };
        let evaluated: Evaluated = child::run(world, made, &child::Task::Judged(task))?;
        ensure!(
            scorecard::is_from_rollups(&evaluated.plan),
            "the rollups did not answer:\n{}",
            evaluated.plan
        );
        say(format!("  kepi, from rollups  {}", evaluated.cost));
        costs.push(evaluated.cost);
    }
    let cost = median(&costs);
    say(format!("  median: kepi, from rollups {cost}"));
    Ok(cost)
}

/// The signals of all forty, from rows and from rollups: they say the same.
fn signals(options: &Options, world: &World, made: &Path) -> Result<()> {
    let mut said: Option<Vec<String>> = None;
    for (rollups, from) in [(false, "rows"), (true, "rollups")] {
        let mut costs = Vec::new();
        for _ in 0..options.runs.max(1) {
            let looked: Looked = child::run(world, made, &child::Task::Judged(Task::Signals { rollups }))?;
            if said.as_ref().is_some_and(|said| *said != looked.told) {
                bail!("the signals from rows and from rollups differ");
            }
            costs.push(looked.cost);
            said = Some(looked.told);
        }
        let looked = said.as_ref().map_or(0, Vec::len);
        say(format!("  median: {looked} signals looked for, from {from}: {}", median(&costs)));
    }
    Ok(())
}

fn new_day(options: &Options, world: &World, made: &Path) -> Result<()> {
    let folder = tempfile::tempdir_in(&options.folder).context("make a folder for a copy")?;
    let copy = folder.path().join("store");
    fresh::copied(made, &copy)?;
    let task = Task::Day { readings: options.readings };
    let Day { taken_in, evaluated, signals } = child::run(world, &copy, &child::Task::Judged(task))?;
    say(format!(
        "  one new day of {} readings: {:.3} s",
        options.readings,
        taken_in.wall + evaluated.cost.wall + signals.cost.wall
    ));
    say(format!("    decoded, committed, projected, rollups too: {taken_in}"));
    say(format!("    scorecard from rollups, values as a plain loop has them: {}", evaluated.cost));
    say(format!("    signals from rollups: {}", signals.cost));
    Ok(())
}

/// What the child process does.
pub(super) async fn work(task: &Task, world: &World, store: &Path) -> Result<serde_json::Value> {
    let place = store.to_str().context("the folder's name is no text")?;
    Ok(match *task {
        Task::Evaluate { rollups, check } => {
            serde_json::to_value(evaluated(world, place, rollups, check).await?)?
        }
        Task::Signals { rollups } => serde_json::to_value(looked(place, rollups).await?)?,
        Task::Day { readings } => serde_json::to_value(day(world, place, readings).await?)?,
    })
}

/// What is asked of the first days of the world.
fn request(days: i32, rollups: bool) -> Result<EvaluationRequest> {
    Ok(EvaluationRequest { rollups, ..scorecard::request(days, kpis::kpis(&FORTY, MORE)?)? })
}

/// Evaluates the scorecard over a store, and holds its values against a plain loop where asked.
///
/// # Errors
/// When the store cannot be read, or a value is not the loop's.
pub async fn evaluated(world: &World, place: &str, rollups: bool, check: bool) -> Result<Evaluated> {
    let request = request(DAYS, rollups)?;
    let clock = Clock::start();
    let store = Store::open(place, StoreOptions::default()).await?;
    let session = store.session().await?;
    let rows = evaluate(&session, &request).await?;
    let cost = clock.stop();
    if check {
        agrees(&rows, &kpis::expected(world, &FORTY, |row| row))?;
    }
    let plan = explain_plan(&session, &request).await?;
    Ok(Evaluated { cost, rows: rows.len(), held: held(&rows), plan })
}

fn agrees(rows: &[ScoreRow], expected: &kpis::Values) -> Result<()> {
    match kpis::difference(&scorecard::values(rows, FORTY.len())?, expected) {
        Some(difference) => bail!("kepi and the plain loop differ: {difference}"),
        None => Ok(()),
    }
}

fn held(rows: &[ScoreRow]) -> (usize, usize) {
    let targets = rows.iter().filter(|row| row.target.as_ref().is_some_and(|target| target.value.is_some()));
    (targets.count(), rows.iter().filter(|row| row.benchmark.is_some()).count())
}

/// Looks for the signals of all forty, of each KPI's whole.
///
/// # Errors
/// When the store cannot be read.
pub async fn looked(place: &str, rollups: bool) -> Result<Looked> {
    let clock = Clock::start();
    let store = Store::open(place, StoreOptions::default()).await?;
    looked_over(&store, DAYS, rollups, &clock).await
}

async fn looked_over(store: &Store, days: i32, rollups: bool, clock: &Clock) -> Result<Looked> {
    let asked = EvaluationRequest { by: Vec::new(), ..request(days, rollups)? };
    let found = find_signals(&store.session().await?, &asked, Catalogue::builtin()).await?;
    let cost = clock.stop();
    let told = found.iter().map(|one| format!("{} {} {:?}", one.signal.as_str(), one.kpi, one.outcome));
    Ok(Looked { cost, told: told.collect() })
}

/// Takes in the day after the world's last, then evaluates and looks for signals, from rollups.
///
/// # Errors
/// When the store cannot be written or read, or a value is not the loop's.
pub async fn day(world: &World, place: &str, readings: u64) -> Result<Day> {
    let (store, taken_in) = fresh::taken_in(world, place, readings).await?;
    let request = request(DAYS + 1, true)?;
    let clock = Clock::start();
    let session = store.session().await?;
    let rows = evaluate(&session, &request).await?;
    let cost = clock.stop();
    agrees(&rows, &fresh::expected(world, &FORTY, readings))?;
    let plan = explain_plan(&session, &request).await?;
    let evaluated = Evaluated { cost, rows: rows.len(), held: held(&rows), plan };
    let signals = looked_over(&store, DAYS + 1, true, &Clock::start()).await?;
    Ok(Day { taken_in, evaluated, signals })
}
