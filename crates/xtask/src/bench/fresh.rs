//! `fresh`: one new day of readings on top of a large store: ingested, projected, and the scorecard says it. The same
//! with three times the history.

use std::{collections::HashMap, path::Path};

use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use kepi_engine::EvaluationRequest;
use kepi_store::{NewPage, Store, StoreOptions};
use serde::{Deserialize, Serialize};

use super::{
    Options, child,
    kpis::{self, FIGURES, Figure, Values},
    measure::{Clock, Cost},
    pages::{POSTS, Timelines},
    say, scorecard,
    world::{DAYS, Kind, Post, Row, World, instant},
};

/// What a child process does for this benchmark.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Task {
    readings: u64,
}

/// What one new day came to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Refreshed {
    /// Decoding, journal and projections.
    pub taken_in: Cost,
    /// The scorecard after it.
    pub evaluated: Cost,
}

/// Runs the benchmark.
pub(super) fn run(options: &Options) -> Result<()> {
    for history in [1, 3] {
        let world = World { rows: options.rows * history, kind: Kind::Running, ..options.world() };
        let made = scorecard::store(options, &world)?;
        scorecard::count(&world, &made)?;
        let folder = tempfile::tempdir_in(&options.folder).context("make a folder for a copy")?;
        let copy = folder.path().join("store");
        copied(&made, &copy)?;
        let refreshed: Refreshed =
            child::run(&world, &copy, &child::Task::Fresh(Task { readings: options.readings }))?;
        let Refreshed { taken_in, evaluated } = refreshed;
        say(format!(
            "fresh: one day of {} readings on top of {} rows: {:.3} s",
            options.readings,
            world.rows,
            taken_in.wall + evaluated.wall
        ));
        say(format!("  decoded, committed, projected, rollups too: {taken_in}"));
        say(format!("  scorecard from rollups, as a plain loop has it: {evaluated}"));
    }
    Ok(())
}

/// What the child process does.
pub(super) async fn work(task: &Task, world: &World, store: &Path) -> Result<serde_json::Value> {
    let place = store.to_str().context("the folder's name is no text")?;
    Ok(serde_json::to_value(refreshed(world, place, task.readings).await?)?)
}

/// Takes in the day after the world's last and evaluates the scorecard; holds it against a plain loop.
///
/// # Errors
/// When the store cannot be written or read, or a value is not the loop's.
pub async fn refreshed(world: &World, place: &str, readings: u64) -> Result<Refreshed> {
    let (store, taken_in) = taken_in(world, place, readings).await?;
    let request =
        EvaluationRequest { rollups: true, ..scorecard::request(DAYS + 1, kpis::kpis(&FIGURES, "")?)? };
    let clock = Clock::start();
    let rows = kepi_engine::evaluate(&store.session().await?, &request).await?;
    let evaluated = clock.stop();
    let found = scorecard::values(&rows, FIGURES.len())?;
    if let Some(difference) = kpis::difference(&found, &expected(world, &FIGURES, readings)) {
        bail!("kepi and the plain loop differ: {difference}");
    }
    Ok(Refreshed { taken_in, evaluated })
}

/// Takes in the day after the world's last: the store with it, and what that cost.
pub(super) async fn taken_in(world: &World, place: &str, readings: u64) -> Result<(Store, Cost)> {
    let bodies = bodies(world, readings)?;
    let store = Store::open(place, StoreOptions::default()).await?;
    let clock = Clock::start();
    let mut timelines = Timelines::new(world.accounts.into(), readings, evening()?)?;
    let mut writer = store.writer(Some("bench".into()));
    for (account, body) in bodies {
        let page: NewPage = timelines.page(account, body)?;
        writer.push(page).await?;
    }
    let written = writer.finish().await?;
    let taken_in = clock.stop();
    ensure!(written.behind == 0, "{} commits were not projected", written.behind);
    Ok((store, taken_in))
}

/// The posts that are read on the new day: those published on it, and the newest before.
fn read_on(world: &World, readings: u64) -> Vec<Post> {
    let of_days = |days: u64| world.posts() * days / u64::from(DAYS.unsigned_abs());
    let watched = of_days(29).min(readings.saturating_sub(of_days(1)));
    let first = world.posts() - watched;
    (first..first + readings).map(|number| world.post(number)).collect()
}

/// When the new day is read, in microseconds: at its last hour.
fn evening() -> Result<Timestamp> {
    Ok(Timestamp::from_microsecond(instant(DAYS, 23))?)
}

/// Pages of the new day: account and JSON.
fn bodies(world: &World, readings: u64) -> Result<Vec<(u64, Vec<u8>)>> {
    let mut timelines: HashMap<u32, Vec<Post>> = HashMap::new();
    for post in read_on(world, readings) {
        timelines.entry(post.account).or_default().push(post);
    }
    let mut bodies = Vec::new();
    for (account, posts) in timelines {
        for (page, posts) in posts.chunks(usize::try_from(POSTS)?).enumerate() {
            bodies.push((account.into(), body(posts, page)?));
        }
    }
    bodies.sort();
    Ok(bodies)
}

fn body(posts: &[Post], page: usize) -> Result<Vec<u8>> {
    let row = |post: &Post| -> Result<serde_json::Value> {
        let Row { counts: [impressions, likes, comments, shares, saves, ..], .. } = post.so_far(DAYS);
        Ok(serde_json::json!({
            "id": post.id(),
            "text": post.text(),
            "created_at": Timestamp::from_microsecond(post.published_at())?.to_string(),
            "lang": "en",
            "public_metrics": {
                "retweet_count": shares, "reply_count": comments, "like_count": likes, "quote_count": 0,
                "bookmark_count": saves, "impression_count": impressions,
            },
        }))
    };
    let data: Vec<serde_json::Value> = posts.iter().map(row).collect::<Result<_>>()?;
    let meta =
        serde_json::json!({ "result_count": posts.len(), "next_token": format!("7140dibdnow9c7btw{page}") });
    Ok(serde_json::to_vec(&serde_json::json!({ "data": data, "meta": meta }))?)
}

/// The values with the new day, by a plain loop.
pub(super) fn expected(world: &World, figures: &[Figure], readings: u64) -> Values {
    let past = world.rows(0, DAYS);
    // What happened since the last reading: since yesterday, or since a post was born.
    let new = read_on(world, readings).into_iter().map(|post| post.on(DAYS));
    kpis::summed(world, figures, past.chain(new))
}

/// Copies a store, so that the next run finds it as it was made.
pub(super) fn copied(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("make {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let path = entry?.path();
        let target = to.join(path.file_name().context("a name")?);
        if path.is_dir() {
            copied(&path, &target)?;
        } else if std::fs::hard_link(&path, &target).is_err() {
            std::fs::copy(&path, &target).with_context(|| format!("copy {}", path.display()))?;
        }
    }
    Ok(())
}
