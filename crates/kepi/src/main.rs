//! The `kepi` command: configuration, the written-out list of adapters, composition and exit codes.
//!
//! Results go to stdout, everything else to stderr. Exit codes: 0 done (a missed target is still 0), 1 failed,
//! 2 bad usage or configuration, 3 done with something set aside.

use std::process::ExitCode;

use clap::Parser;

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
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Threads that read files, one request each: as many as cores, and no less than a reading of a log waits on. The runtime
/// would start hundreds for a moment's burst, over which all later reads are spread, and each keeps the memory that its
/// largest read took.
fn blocking_threads() -> usize {
    std::thread::available_parallelism().map_or(4, usize::from).max(4)
}

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    start_log(&cli.log);
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

fn start_log(filter: &str) {
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
