//! The `kepi` command: configuration, the written-out list of adapters, composition and exit codes.
//!
//! Results go to stdout, everything else to stderr. Exit codes: 0 done (a missed target is still 0), 1 failed,
//! 2 bad usage or configuration, 3 done with something set aside.

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

mod adapters;
mod catalogue;
mod cli;
mod commands;
mod compose;
mod config;
mod failure;
mod output;
mod progress;

/// A thousand pages a second are a few million small rows: the system's allocator takes a tenth of that time.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Threads that read files, one request each: as many as cores, and no less than a reading of a log waits on. The runtime
/// would start hundreds for a moment's burst, over which all later reads are spread, and each keeps the memory that its
/// largest read took.
fn blocking_threads() -> usize {
    std::thread::available_parallelism().map_or(4, usize::from).max(4)
}

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    if let Err(reason) = start_log(&cli.log) {
        output::note(&format!("error: --log {:?} is no filter: {reason}", cli.log));
        output::note("  hint: error, warn, info, debug, trace, or a filter such as kepi_transport=debug");
        return ExitCode::from(2);
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = match builder.enable_all().max_blocking_threads(blocking_threads()).build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::note(&format!("error: cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            failure.show();
            failure.exit_code()
        }
    }
}

/// Logs to stderr, in colours where a person looks on.
fn start_log(filter: &str) -> Result<(), String> {
    let level = |part: &&str| part.parse::<LevelFilter>().is_ok();
    // A lone word that is no level would be taken for the name of a module, and all else be silent.
    if let Some(word) =
        filter.split(',').map(str::trim).find(|part| !part.contains(['=', '[']) && !level(part))
    {
        return Err(format!("{word:?} is no level"));
    }
    let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let ansi = std::io::stderr().is_terminal() && !plain;
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(ansi)
        .with_writer(std::io::stderr)
        .try_init();
    Ok(())
}
