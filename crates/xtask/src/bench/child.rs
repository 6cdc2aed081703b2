//! Pieces of work in processes of their own, so that memory is counted for each alone.

use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{fresh, ingest, judged, scorecard, sync, world::World};

/// What a child process is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Task {
    /// A part of `scorecard`.
    Scorecard(scorecard::Task),
    /// A part of `fresh`.
    Fresh(fresh::Task),
    /// A part of `judged`.
    Judged(judged::Task),
    /// A part of `ingest`.
    Ingest(ingest::Task),
    /// A part of `sync`.
    Sync(sync::Task),
}

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    world: World,
    store: PathBuf,
    task: Task,
}

/// Has a child process do something and reads its answer.
pub(super) fn run<T: DeserializeOwned>(world: &World, store: &Path, task: &Task) -> Result<T> {
    let own = std::env::current_exe().context("find this program")?;
    let order = serde_json::json!({ "world": world, "store": store, "task": task }).to_string();
    let answer = pipe(Command::new(own).arg("--child"), &order)?;
    serde_json::from_str(&answer).with_context(|| format!("read the answer {answer:?}"))
}

/// Runs a program on a text; its standard output.
pub(super) fn pipe(command: &mut Command, input: &str) -> Result<String> {
    let mut started = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {command:?}"))?;
    if let Some(mut stdin) = started.stdin.take() {
        stdin.write_all(input.as_bytes()).context("tell the child what to do")?;
    }
    let output = started.wait_with_output().context("wait for the child")?;
    ensure!(output.status.success(), "{command:?} ended with {}", output.status);
    String::from_utf8(output.stdout).context("read the child's answer")
}

/// The child's side: reads what to do, does it, answers.
#[expect(clippy::print_stdout, reason = "the answer of a child process")]
pub(super) fn serve() -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("read what to do")?;
    let Order { world, store, task } = serde_json::from_str(&text).context("read what to do")?;
    let answer = runtime()?.block_on(async {
        match &task {
            Task::Scorecard(task) => scorecard::work(task, &world, &store).await,
            Task::Fresh(task) => fresh::work(task, &world, &store).await,
            Task::Judged(task) => judged::work(task, &world, &store).await,
            Task::Ingest(task) => ingest::work(task, &store).await,
            Task::Sync(task) => sync::work(task, &store).await,
        }
    })?;
    println!("{answer}");
    Ok(())
}

/// A runtime as `kepi` has it.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let threads = std::thread::available_parallelism().map_or(4, usize::from).max(4);
    builder.enable_all().max_blocking_threads(threads).build().context("start the runtime")
}
