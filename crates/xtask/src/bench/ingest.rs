//! `ingest`: pages of X JSON, as the adapter's fixtures shape them, until journal and projections have them.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use jiff::Timestamp;
use kepi_store::{NewPage, Store, StoreOptions, query};
use serde::{Deserialize, Serialize};

use super::{
    Options, child,
    measure::{Clock, Cost},
    pages::Timelines,
    say,
};

/// Timelines are of so many accounts.
const ACCOUNTS: u64 = 50;

/// What a child process does for this benchmark.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Task {
    posts: u64,
}

/// What taking them in came to.
#[derive(Debug, Serialize, Deserialize)]
struct TakenIn {
    /// Decoding, journal, projections, compaction.
    cost: Cost,
    /// Of the wall clock: making the JSON, which is not counted.
    making: f64,
    megabytes: f64,
    measurements: usize,
    commits: usize,
}

/// Runs the benchmark.
pub(super) fn run(options: &Options) -> Result<()> {
    say("ingest: pages of 100 posts of X JSON, decoded and committed to journal and projections, compacted as they come".to_owned());
    for &posts in &options.posts {
        let folder = tempfile::tempdir_in(ready(&options.folder)?).context("make a folder for the store")?;
        let store = folder.path().join("store");
        let taken: TakenIn = child::run(&options.world(), &store, &child::Task::Ingest(Task { posts }))?;
        let TakenIn { cost, making, megabytes, measurements, commits } = taken;
        #[expect(clippy::cast_precision_loss, reason = "posts are far fewer than 2^52")]
        let rate = posts as f64 / (cost.wall - making);
        say(format!(
            "  {posts} posts: {rate:.0} posts/s; {measurements} measurements in {commits} commits, {megabytes:.0} MB of JSON; {cost} (making the JSON {making:.1} s of it, not counted)"
        ));
    }
    Ok(())
}

pub(super) fn ready(folder: &Path) -> Result<&Path> {
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    Ok(folder)
}

/// What the child process does.
pub(super) async fn work(task: &Task, store: &Path) -> Result<serde_json::Value> {
    let place = store.to_str().context("the folder's name is no text")?;
    let store = Store::create(place, StoreOptions::default()).await?;
    let taken = take_in(&store, task.posts).await?;
    Ok(serde_json::to_value(taken)?)
}

/// Takes pages into a store: one task makes and decodes them, the other writes.
async fn take_in(store: &Store, posts: u64) -> Result<TakenIn> {
    let observed: Timestamp = "2026-09-08T06:00:00Z".parse()?;
    let timelines = Timelines::new(ACCOUNTS, posts, observed)?;
    let clock = Clock::start();
    let (sender, mut pages) = tokio::sync::mpsc::channel::<NewPage>(8);
    let source = std::thread::spawn(move || made(timelines, &sender));
    let mut writer = store.writer(Some("bench".into()));
    while let Some(page) = pages.recv().await {
        writer.push(page).await?;
    }
    let written = writer.finish().await?;
    let made = tokio::task::block_in_place(|| source.join());
    let (making, megabytes) = made.map_err(|_| anyhow!("the pages were not made"))??;
    let cost = clock.stop();
    ensure!(written.behind == 0, "{} commits were not projected", written.behind);
    held(store, posts).await?;
    Ok(TakenIn { cost, making, megabytes, measurements: written.measurements, commits: written.commits })
}

fn made(mut timelines: Timelines, sender: &tokio::sync::mpsc::Sender<NewPage>) -> Result<(f64, f64)> {
    let (mut making, mut bytes) = (0.0, 0);
    for page in 0..timelines.pages() {
        let clock = Clock::start();
        let body = timelines.body(page);
        making += clock.stop().wall;
        bytes += body.len();
        let page = timelines.page(page, body)?;
        if sender.blocking_send(page).is_err() {
            break;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "bytes are far fewer than 2^52")]
    Ok((making, bytes as f64 / 1e6))
}

/// Checks that the store has every post once.
async fn held(store: &Store, posts: u64) -> Result<()> {
    let session = store.session().await?;
    let sql = "select count(*), count(distinct post) from posts where current";
    let found = query(&session, sql).await?;
    let counts: Vec<u64> = found.rows.iter().flatten().filter_map(serde_json::Value::as_u64).collect();
    ensure!(counts == [posts, posts], "{posts} posts were written and {counts:?} are there");
    Ok(())
}
