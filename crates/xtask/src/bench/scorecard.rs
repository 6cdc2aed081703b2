//! `scorecard`: 25 KPIs by platform, account, month and category over a store of post-days: from rows, beside DuckDB
//! computing the same aggregates by the same keys over the same files, and from rollups.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use anyhow::{Context, Result, bail, ensure};
use kepi_core::{Period, period::Fiscal};
use kepi_engine::{
    Dimension, EvaluationRequest, Kpi, OfferedByDescriptors, ScoreRow, evaluate, explain_plan,
};
use kepi_store::{Store, StoreOptions};
use serde::{Deserialize, Serialize};

use super::{
    Options, child,
    kpis::{self, FIGURES, Figure, Values, month, name},
    measure::{Clock, Cost, median},
    say,
    world::{DAYS, FIRST, Kind, World, after, date},
};

/// What a child process does for this benchmark.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Task {
    /// Make the store.
    Fill,
    /// Count the rollups of what was loaded.
    Count,
    /// Evaluate once; hold the result against a plain loop where `check` says so.
    Evaluate { rollups: bool, check: bool },
}

/// What an evaluation came to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Evaluated {
    /// Opening the store and evaluating.
    pub cost: Cost,
    /// Of the wall clock: opening the store.
    pub open: f64,
    /// Rows of the scorecard.
    pub rows: usize,
    /// The physical plan, and how often it scans each table.
    pub plan: String,
}

/// Runs the benchmark.
pub(super) fn run(options: &Options) -> Result<()> {
    let world = options.world();
    say(format!(
        "scorecard: {} KPIs by platform, account, month and category; {} rows, {} posts, {} accounts",
        FIGURES.len(),
        world.rows,
        world.posts(),
        world.accounts
    ));
    let (plain, peer) = measured(options, &world)?;
    if let Some(peer) = peer {
        say(format!("  median: kepi {plain}"));
        say(format!("  median: DuckDB {peer}; results agree"));
        let (wall, cpu) = (plain.wall / peer.wall, plain.cpu / peer.cpu);
        say(format!("  kepi / DuckDB: {wall:.2} by wall clock, {cpu:.2} by processor"));
    }
    from_rollups(options, &world)?;
    restated(options, &world)
}

/// The scorecard over a store in which one row in twenty was said again, beside that over the store without.
fn restated(options: &Options, world: &World) -> Result<()> {
    say("  one row in twenty said again, what it replaced kept as history, compacted:".to_owned());
    let again = World { kind: Kind::Restated, ..*world };
    let stores = [(world, store(options, world)?), (&again, store(options, &again)?)];
    let mut costs = [Vec::new(), Vec::new()];
    for round in 0..options.runs.max(1) {
        for ((world, store), costs) in stores.iter().zip(&mut costs) {
            let task = Task::Evaluate { rollups: false, check: round == 0 };
            let evaluated: Evaluated = child::run(world, store, &child::Task::Scorecard(task))?;
            let which = if world.kind == Kind::Restated { "restated" } else { "not" };
            say(format!("  kepi, {which}  {}", evaluated.cost));
            costs.push(evaluated.cost);
        }
    }
    let [plain, restated] = costs.map(|costs| median(&costs));
    say(format!("  median: kepi, not restated {plain}"));
    say(format!("  median: kepi, restated {restated}"));
    let (wall, cpu) = (restated.wall / plain.wall, restated.cpu / plain.cpu);
    say(format!("  restated / not: {wall:.2} by wall clock, {cpu:.2} by processor"));
    Ok(())
}

/// The median cost over a world, and that of DuckDB where there is one, one after the other in each round.
fn measured(options: &Options, world: &World) -> Result<(Cost, Option<Cost>)> {
    let store = store(options, world)?;
    let expected = kpis::expected(world, &FIGURES, |row| row);
    let peer = Peer::find(options, &store, &FIGURES, "organic")?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..options.runs.max(1) {
        let check = round == 0;
        let evaluated: Evaluated =
            child::run(world, &store, &child::Task::Scorecard(Task::Evaluate { rollups: false, check }))?;
        if check {
            tell_scans(&evaluated.plan, options.explain)?;
            say(format!(
                "  kepi: {} rows of scorecard, all as a plain loop over the world has them",
                evaluated.rows
            ));
        }
        say(format!("  kepi    {} (opening the store {:.3} s)", evaluated.cost, evaluated.open));
        ours.push(evaluated.cost);
        if let Some(peer) = &peer {
            let (cost, values) = peer.run()?;
            if let Some(difference) = kpis::difference(&values, &expected) {
                bail!("DuckDB and the plain loop differ: {difference}");
            }
            say(format!("  DuckDB  {cost}"));
            theirs.push(cost);
        }
    }
    Ok((median(&ours), (!theirs.is_empty()).then(|| median(&theirs))))
}

/// The same scorecard where rollups may answer.
fn from_rollups(options: &Options, world: &World) -> Result<()> {
    let store = store(options, world)?;
    count(world, &store)?;
    let mut costs = Vec::new();
    for round in 0..options.runs.max(1) {
        let task = Task::Evaluate { rollups: true, check: round == 0 };
        let evaluated: Evaluated = child::run(world, &store, &child::Task::Scorecard(task))?;
        ensure!(is_from_rollups(&evaluated.plan), "the rollups did not answer:\n{}", evaluated.plan);
        say(format!("  kepi, from rollups  {}", evaluated.cost));
        costs.push(evaluated.cost);
    }
    say(format!("  median: kepi, from rollups {}", median(&costs)));
    Ok(())
}

/// Counts the rollups, once in the life of a store.
pub(super) fn count(world: &World, made: &Path) -> Result<()> {
    let counted = made.with_file_name("counted");
    if counted.exists() {
        return Ok(());
    }
    let cost: Cost = child::run(world, made, &child::Task::Scorecard(Task::Count))?;
    std::fs::write(&counted, "").with_context(|| format!("write {}", counted.display()))?;
    say(format!("  rollups counted: {cost}"));
    Ok(())
}

/// Whether rollups alone answer a plan.
#[must_use]
pub fn is_from_rollups(plan: &str) -> bool {
    scans(plan, "daily_rollup") > 0 && scans(plan, "post_daily") == 0
}

/// The store of a world: made once, kept in the folder under the world's name.
pub(super) fn store(options: &Options, world: &World) -> Result<PathBuf> {
    let kind = match world.kind {
        Kind::Past => "",
        Kind::Restated => "-restated",
        Kind::Running => "-running",
    };
    let name = format!("world-{}-{}-{}{kind}", world.seed, world.accounts, world.rows);
    let path = options.folder.join(name);
    let complete = path.join("complete");
    if !complete.exists() {
        if path.exists() {
            std::fs::remove_dir_all(&path).with_context(|| format!("clear {}", path.display()))?;
        }
        std::fs::create_dir_all(&path).with_context(|| format!("make {}", path.display()))?;
        let cost: Cost = child::run(world, &path.join("store"), &child::Task::Scorecard(Task::Fill))?;
        std::fs::write(&complete, "").with_context(|| format!("write {}", complete.display()))?;
        say(format!("made {}: {cost}", path.display()));
    }
    Ok(path.join("store"))
}

/// What the child process does.
pub(super) async fn work(task: &Task, world: &World, store: &Path) -> Result<serde_json::Value> {
    let place = store.to_str().context("the folder's name is no text")?;
    match task {
        Task::Fill => {
            let clock = Clock::start();
            world.fill(&Store::create(place, StoreOptions::default()).await?).await?;
            Ok(serde_json::to_value(clock.stop())?)
        }
        Task::Count => {
            let clock = Clock::start();
            Store::open(place, StoreOptions::default()).await?.recount().await?;
            Ok(serde_json::to_value(clock.stop())?)
        }
        Task::Evaluate { rollups, check } => {
            Ok(serde_json::to_value(evaluated(world, place, *rollups, *check).await?)?)
        }
    }
}

/// Evaluates the scorecard over a store, and holds it against a plain loop where asked.
///
/// # Errors
/// When the store cannot be read, or a value is not the loop's.
pub async fn evaluated(world: &World, place: &str, rollups: bool, check: bool) -> Result<Evaluated> {
    let request = EvaluationRequest { rollups, ..request(DAYS, kpis::kpis(&FIGURES, "")?)? };
    let clock = Clock::start();
    let store = Store::open(place, StoreOptions::default()).await?;
    let session = store.session().await?;
    let open = clock.stop().wall;
    let rows = evaluate(&session, &request).await?;
    let cost = clock.stop();
    if check {
        let expected = kpis::expected(world, &FIGURES, |row| row);
        if let Some(difference) = kpis::difference(&values(&rows, FIGURES.len())?, &expected) {
            bail!("kepi and the plain loop differ: {difference}");
        }
    }
    let plan = explain_plan(&session, &request).await?;
    Ok(Evaluated { cost, open, rows: rows.len(), plan })
}

/// What is asked: KPIs over the first days of the world, by all that the peer groups by.
pub(super) fn request(days: i32, kpis: Vec<Kpi>) -> Result<EvaluationRequest> {
    let now = after();
    let period = format!("{FIRST}..{}", date(days - 1));
    Ok(EvaluationRequest {
        kpis,
        period: Period::parse(&period, date(days), Fiscal::default())?,
        by: vec![Dimension::Platform, Dimension::Account, Dimension::Month, Dimension::Category],
        accounts: None,
        watched: Vec::new(),
        as_of: None,
        today: date(days),
        now,
        fiscal: Fiscal::default(),
        min_coverage: 0.0,
        offered: Arc::new(OfferedByDescriptors::default()),
        breaks: Vec::new(),
        rollups: false,
        compare: kepi_engine::Comparison::default(),
    })
}

/// The values of a scorecard of so many KPIs by place.
pub(super) fn values(rows: &[ScoreRow], count: usize) -> Result<Values> {
    let numbers: BTreeMap<String, usize> = (0..count).map(|number| (name(number), number)).collect();
    let mut values = Values::new();
    for row in rows {
        let number = *numbers.get(row.kpi.as_str()).context("a KPI that was not asked for")?;
        let scope = |dimension: &str| row.scope.get(dimension).cloned().flatten();
        let account = scope("account").context("a row without account")?;
        ensure!(scope("platform").as_deref() == account.split('/').next(), "{account} on another platform");
        let place = (account, month(row.period.start), scope("category"));
        let value = row.value.map(kepi_engine::Number::as_f64);
        if let Some(slot) = values.entry(place).or_insert_with(|| vec![None; count]).get_mut(number) {
            *slot = value;
        }
    }
    Ok(values)
}

/// Says how often the plan scans each table, and holds it to once.
fn tell_scans(plan: &str, whole: bool) -> Result<()> {
    if whole {
        say(plan.to_owned());
    }
    for table in ["post_daily", "posts"] {
        let scans = scans(plan, table);
        say(format!("  EXPLAIN: {table} is scanned {scans} time(s)"));
        ensure!(scans == 1, "{table} is scanned {scans} times");
    }
    Ok(())
}

/// How often a plan scans a table.
#[must_use]
pub fn scans(plan: &str, table: &str) -> usize {
    let folder = format!("/{table}/");
    plan.lines().filter(|line| line.contains("DataSourceExec") && line.contains(&folder)).count()
}

/// DuckDB in its Python package, where that is installed.
pub(super) struct Peer {
    python: String,
    asked: String,
}

#[derive(Deserialize)]
struct Told {
    version: String,
    wall: f64,
    cpu: f64,
    peak: f64,
    rows: Vec<Vec<serde_json::Value>>,
}

impl Peer {
    /// Finds it and prints what it will be asked.
    pub(super) fn find(
        options: &Options,
        store: &Path,
        figures: &[Figure],
        traffic: &str,
    ) -> Result<Option<Self>> {
        let python = options.python.clone();
        if python.is_empty() {
            return Ok(None);
        }
        let tried = Command::new(&python).args(["-c", "import duckdb"]).stderr(Stdio::null()).status();
        if !tried.is_ok_and(|status| status.success()) {
            say(format!(
                "  no DuckDB beside it: {python} cannot import duckdb (pip install duckdb, or --python)"
            ));
            return Ok(None);
        }
        let (daily, posts) = (files(store, "post_daily")?, files(store, "posts")?);
        say(format!("  DuckDB is asked, over the same {} and {} files:", daily.len(), posts.len()));
        say(sql(figures, traffic, ("post_daily", "posts")));
        let listed = |files: &[String]| {
            let list: Vec<String> = files.iter().map(|file| format!("'{file}'")).collect();
            format!("read_parquet([{}])", list.join(", "))
        };
        let sql = sql(figures, traffic, (&listed(&daily), &listed(&posts)));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let asked = serde_json::json!({ "sql": sql, "threads": threads }).to_string();
        Ok(Some(Self { python, asked }))
    }

    pub(super) fn run(&self) -> Result<(Cost, Values)> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/scorecard.py");
        let told = child::pipe(Command::new(&self.python).arg(script), &self.asked)?;
        let told: Told = serde_json::from_str(&told).context("read what DuckDB said")?;
        ensure!(!told.version.is_empty(), "DuckDB without version");
        let mut values = Values::new();
        for row in told.rows {
            let text = |place: usize| row.get(place).and_then(|value| value.as_str()).map(str::to_owned);
            let month = row.get(2).and_then(serde_json::Value::as_i64).context("a month")?;
            let month = (FIRST.year(), i8::try_from(month)?);
            let place = (text(1).context("an account")?, month, text(3));
            values.insert(place, row.iter().skip(4).map(serde_json::Value::as_f64).collect());
        }
        Ok((Cost { wall: told.wall, cpu: told.cpu, peak: told.peak }, values))
    }
}

/// What DuckDB is asked.
fn sql(figures: &[Figure], traffic: &str, (daily, posts): (&str, &str)) -> String {
    let aggregates: Vec<String> = figures
        .iter()
        .enumerate()
        .map(|(number, figure)| format!("    ({})::double as {}", figure.sql(), name(number)))
        .collect();
    format!(
        "  select d.platform, d.account, month(d.day) as month, p.category,\n{}\n  from {daily} d left join {posts} p \
         on d.account = p.account and d.post = p.post\n  where d.traffic = '{traffic}' and d.provenance <> 'public'\n  \
         group by d.platform, d.account, month(d.day), p.category",
        aggregates.join(",\n")
    )
}

/// The files with the current rows of a table.
fn files(store: &Path, table: &str) -> Result<Vec<String>> {
    let place = store.to_str().context("the folder's name is no text")?;
    child::runtime()?.block_on(async {
        Ok(Store::open(place, StoreOptions::default()).await?.current_files(table).await?)
    })
}
