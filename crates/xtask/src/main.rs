//! `cargo xtask TASK`.

mod new_adapter;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use clap::Parser;

/// Automation of the repository.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
enum Task {
    /// Write the crate of an adapter for one more platform, and register it.
    NewAdapter {
        /// The platform: a lowercase word.
        name: String,
    },
    /// Write the documents that come from the code.
    Generate,
    /// Switch the rules off that the tests of traps hold, one at a time, and see these tests fail. It
    /// takes about half an hour, and the first build of its copy.
    Mutants {
        /// Of which mutants or traps; all where none is given.
        names: Vec<String>,
    },
    /// Measure what kepi costs, release build: `cargo xtask bench --help` says what there is.
    #[command(disable_help_flag = true)]
    Bench {
        /// Benchmarks and options.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> Result<()> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).canonicalize()?;
    match Task::parse() {
        Task::NewAdapter { name } => new_adapter::run(&root, &name),
        Task::Generate => xtask::generate::write(&root).map(drop).map_err(anyhow::Error::msg),
        Task::Mutants { names } => xtask::mutants::run(&root, &target()?, &names),
        Task::Bench { arguments } => bench(&root, &arguments),
    }
}

/// Builds kepi and its benchmarks, which are another program so that this one stays light, and runs them.
fn bench(root: &Path, arguments: &[String]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let selection =
        ["build", "--release", "--package", "kepi", "--package", "xtask", "--features", "xtask/bench"];
    run(Command::new(cargo).args(selection).current_dir(root))?;
    let program = target()?.join("release").join(format!("kepi-bench{}", std::env::consts::EXE_SUFFIX));
    run(Command::new(program).args(arguments))
}

/// The target folder, which this program was built in.
fn target() -> Result<PathBuf> {
    let own = std::env::current_exe().context("find this program")?;
    let target = own.parent().and_then(Path::parent).context("this program is not in target/PROFILE")?;
    Ok(target.to_owned())
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
