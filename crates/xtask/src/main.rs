//! `cargo xtask TASK`.

mod new_adapter;

use std::path::Path;

use anyhow::Result;
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
}

fn main() -> Result<()> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).canonicalize()?;
    match Task::parse() {
        Task::NewAdapter { name } => new_adapter::run(&root, &name),
        Task::Generate => xtask::generate::write(&root).map(drop).map_err(anyhow::Error::msg),
    }
}
