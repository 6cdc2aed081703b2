//! `cargo xtask bench`: what kepi costs, measured by anyone.
//!
//! A benchmark prints what it does, the figures, and the ratio to a peer in the same run where there is one. It says
//! nothing of good or bad; `BENCHMARKS.md` keeps figures with their machine and date. Results are held against a
//! plain loop over the same seeded world, so a fast wrong answer fails.

mod child;
mod decode;
pub mod fresh;
pub mod ingest;
pub mod judged;
pub mod kpis;
pub mod measure;
pub mod pages;
pub mod scorecard;
mod startup;
pub mod sync;
pub mod world;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use self::world::{Kind, World};

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// `kepi --help`, and `kepi evaluate` on a small store.
    Startup,
    /// Pages of X JSON to journal and projections: rate and memory.
    Ingest,
    /// The day of many accounts, asked of simulated X over HTTP: rate and memory.
    Sync,
    /// How much of what a platform allows is used, and how often it refuses.
    Quota,
    /// Megabytes of JSON a second and core, per adapter.
    Decode,
    /// 25 KPIs over post-days, beside DuckDB.
    Scorecard,
    /// One new day on top of a large store.
    Fresh,
    /// 40 KPIs with targets, benchmarks and signals over post-days: from rows beside DuckDB, from rollups, after a
    /// new day.
    Judged,
}

/// Measures what kepi costs. All benchmarks when none is named.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask bench")]
struct Arguments {
    /// Which benchmarks.
    names: Vec<Name>,
    #[command(flatten)]
    options: Options,
    /// Do what standard input says: the side of a child process.
    #[arg(long, hide = true)]
    child: bool,
}

/// How large, how often, and where.
#[derive(Debug, Clone, clap::Args)]
struct Options {
    /// Rows of post-days of `scorecard`, `fresh` and `judged`.
    #[arg(long, default_value_t = 20_000_000)]
    rows: u64,
    /// Accounts that they belong to.
    #[arg(long, default_value_t = 70)]
    accounts: u32,
    /// Posts of `ingest`: one run for each.
    #[arg(long, value_delimiter = ',', default_value = "100000,300000,1000000")]
    posts: Vec<u64>,
    /// Accounts of `sync`.
    #[arg(long, default_value_t = 1_000)]
    sync_accounts: u32,
    /// Recent posts of each of them.
    #[arg(long, default_value_t = 100)]
    sync_posts: u32,
    /// Readings of the new day of `fresh` and `judged`.
    #[arg(long, default_value_t = 100_000)]
    readings: u64,
    /// Of how many runs the median is told.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// The seed of the world.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where stores are made and kept for the next time.
    #[arg(long, default_value_os_t = std::env::temp_dir().join("kepi-bench"))]
    folder: PathBuf,
    /// A Python that has DuckDB.
    #[arg(long, default_value = "python3")]
    python: String,
    /// A folder of real X post exports for `startup`; a seeded store of their size without it.
    #[arg(long, env = "KEPI_REAL_X")]
    real_x: Option<PathBuf>,
    /// Print the whole physical plan.
    #[arg(long)]
    explain: bool,
}

impl Options {
    fn world(&self) -> World {
        World { seed: self.seed, accounts: self.accounts, rows: self.rows, kind: Kind::Past }
    }
}

/// Runs the benchmarks that the command line names.
///
/// # Errors
/// When one of them cannot run, or gives a wrong result.
pub fn main() -> Result<()> {
    let Arguments { mut names, options, child } = Arguments::parse();
    if child {
        return child::serve();
    }
    if names.is_empty() {
        names = Name::value_variants().to_vec();
    }
    for name in names {
        match name {
            Name::Startup => startup::run(&options)?,
            Name::Ingest => ingest::run(&options)?,
            Name::Sync => sync::run(&options)?,
            Name::Quota => sync::run_quota()?,
            Name::Decode => decode::run(&options)?,
            Name::Scorecard => scorecard::run(&options)?,
            Name::Fresh => fresh::run(&options)?,
            Name::Judged => judged::run(&options)?,
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a benchmark's answer")]
fn say(line: String) {
    println!("{line}");
}
