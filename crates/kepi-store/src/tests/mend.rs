//! A store of which something was taken away.

use std::{
    cmp::Ordering,
    collections::HashSet,
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};

use async_trait::async_trait;
use futures::stream::BoxStream;
use kepi_core::{Account, Page};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as Stored, local::LocalFileSystem,
    path::Path as At,
};

use super::{
    resume::{dies_at, everything, options, tell},
    support::{
        Echo, World, account, account_day, at, born, date, new_page_of, noon, page, reading, rows, write,
    },
};
use crate::{ConfiguredAccount, Fault, MaintainOptions, RunRecord, Store, StoreOptions, schema};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true if path.ends_with("_delta_log") => Vec::new(),
            true => files(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .collect()
}

fn table(world: &World, name: &str) -> PathBuf {
    Path::new(&world.path()).join(name)
}

/// Nobody gets an empty table for one that is gone, and what the journal tells is made anew.
#[tokio::test]
async fn a_projection_that_is_gone_is_made_anew() {
    let whole = World::new();
    let store = whole.store().await;
    tell(&store).await.unwrap();
    let expected = everything(&store).await;
    drop(store);
    for name in ["post_lifetime", "post_facts", "posts", "accounts", "rejects", "post_daily"] {
        let world = whole.copy();
        std::fs::remove_dir_all(table(&world, name)).unwrap();
        for refused in [
            Store::open(&world.path(), world.options()).await.unwrap_err(),
            Store::create(&world.path(), world.options()).await.unwrap_err(),
        ] {
            assert!(refused.to_string().contains(name), "{refused}");
            assert!(refused.hint_text().unwrap().contains("kepi maintain"), "{refused}");
        }
        let (store, mended) = Store::mend(&world.path(), world.options(), &Echo).await.unwrap();
        assert_eq!((mended.rebuilt, mended.caught_up.pages), (vec![name], 3));
        assert_eq!(everything(&store).await, expected, "without {name}");
    }
}

/// A file that is gone or cut off is found without being read.
#[tokio::test]
async fn a_file_that_is_gone_or_cut_off_is_made_anew() {
    let whole = World::new();
    let store = whole.store().await;
    tell(&store).await.unwrap();
    let expected = everything(&store).await;
    drop(store);
    for schema in schema::all() {
        let name = schema.table.name;
        let world = whole.copy();
        let Some(file) = files(&table(&world, name)).into_iter().next() else { continue };
        if name == "pages" {
            std::fs::remove_file(file).unwrap();
            let refused = Store::mend(&world.path(), world.options(), &Echo).await.unwrap_err();
            assert!(refused.hint_text().unwrap().contains("from a copy"), "{refused}");
            continue;
        }
        std::fs::File::options().write(true).open(file).unwrap().set_len(100).unwrap();
        let (store, mended) = Store::mend(&world.path(), world.options(), &Echo).await.unwrap();
        // A file that no version needs any more is nobody's loss.
        if !mended.rebuilt.is_empty() {
            assert_eq!(mended.rebuilt, [name]);
        }
        assert_eq!(everything(&store).await, expected, "with a torn file of {name}");
    }
}

fn log(world: &World, name: &str) -> PathBuf {
    table(world, name).join("_delta_log")
}

/// The entries of a table's log, the oldest first.
fn entries(world: &World, name: &str) -> Vec<PathBuf> {
    let listed = std::fs::read_dir(log(world, name)).unwrap().map(|entry| entry.unwrap().path());
    let mut entries: Vec<PathBuf> =
        listed.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect();
    entries.sort();
    entries
}

fn cut(file: &Path, to: u64) {
    let whole = std::fs::metadata(file).unwrap().len();
    assert!(to < whole, "{} is no longer than {to}", file.display());
    std::fs::File::options().write(true).open(file).unwrap().set_len(to).unwrap();
}

fn last_cut_off(world: &World, name: &str) {
    cut(entries(world, name).last().unwrap(), 150);
}

fn last_emptied(world: &World, name: &str) {
    cut(entries(world, name).last().unwrap(), 0);
}

fn one_gone(world: &World, name: &str) {
    let entries = entries(world, name);
    std::fs::remove_file(&entries[entries.len() - 2]).unwrap();
}

/// The checkpoint that all entries have gone into, and with it the way to it or not.
fn checkpoint_gone(world: &World, name: &str) {
    for file in std::fs::read_dir(log(world, name)).unwrap().map(|entry| entry.unwrap().path()) {
        if !file.ends_with("_last_checkpoint") {
            std::fs::remove_file(file).unwrap();
        }
    }
}

fn beginning_gone(world: &World, name: &str) {
    std::fs::remove_file(log(world, name).join("_last_checkpoint")).unwrap();
    std::fs::remove_file(&entries(world, name)[0]).unwrap();
}

fn run(name: &str) -> RunRecord {
    let at = at("2026-01-01T00:00:00Z");
    RunRecord {
        run: name.into(),
        kind: "ingest".into(),
        started_at: at,
        finished_at: at,
        outcome: "done".into(),
        pages: 0,
        measurements: 0,
        rejects: 0,
        calls: 0,
        cost_micro_usd: 0,
        error: None,
        detail: None,
    }
}

/// Projections, and what is done to the log of each.
type Tear = (&'static [&'static str], fn(&World, &str));

/// A log that is cut off or has a gap is never read as a shorter one, and its table is made anew.
#[tokio::test]
async fn a_torn_log_is_made_anew_from_the_journal() {
    let whole = World::new();
    let store = whole.store().await;
    tell(&store).await.unwrap();
    for name in ["one", "two"] {
        store.append_run(run(name)).await.unwrap();
    }
    let expected = everything(&store).await;
    drop(store);
    let maintained = whole.copy();
    let store = Store::open(&maintained.path(), maintained.options()).await.unwrap();
    store.maintain(MaintainOptions { vacuum: false, ..MaintainOptions::default() }).await.unwrap();
    drop(store);
    let tears: [(&World, Tear); 5] = [
        (&whole, (&["post_facts", "rejects"], last_cut_off)),
        (&whole, (&["accounts"], last_emptied)),
        (&whole, (&["post_daily"], one_gone)),
        (&maintained, (&["daily_rollup"], checkpoint_gone)),
        (&maintained, (&["rejects"], beginning_gone)),
    ];
    for (number, (from, (projections, tear))) in tears.into_iter().enumerate() {
        for name in projections.iter().copied() {
            let world = from.copy();
            tear(&world, name);
            Store::open(&world.path(), world.options()).await.expect_err("it is not read as a shorter one");
            let (store, mended) = Store::mend(&world.path(), world.options(), &Echo).await.unwrap();
            assert_eq!((mended.rebuilt, mended.caught_up.pages), (vec![name], 3), "tear {number}");
            assert_eq!(everything(&store).await, expected, "tear {number} of {name}");
            assert!(table(&world, name).join("_torn_log").is_dir(), "what is left of it is kept");
            drop(store);
            let (store, mended) = Store::mend(&world.path(), world.options(), &Echo).await.unwrap();
            assert_eq!((mended.rebuilt, mended.caught_up.pages), (vec![], 0), "it is whole again");
            assert_eq!(everything(&store).await, expected);
        }
        for name in ["pages", "runs"] {
            let world = from.copy();
            tear(&world, name);
            let refused = Store::mend(&world.path(), world.options(), &Echo).await.unwrap_err();
            assert!(
                refused.hint_text().unwrap().contains("from a copy"),
                "tear {number} of {name}: {refused:?}"
            );
            assert!(!table(&world, name).join("_torn_log").exists());
        }
    }
}

/// A table of which another tool switched on what is not read here is whole: it is neither read without nor made anew.
#[tokio::test]
async fn a_table_that_needs_other_readers_is_not_torn() {
    let whole = World::new();
    tell(&whole.store().await).await.unwrap();
    let protocol = r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}}"#;
    for with_checkpoint in [false, true] {
        let world = whole.copy();
        let store = Store::open(&world.path(), world.options()).await.unwrap();
        let next = entries(&world, "post_facts").len();
        let entry = log(&world, "post_facts").join(format!("{next:020}.json"));
        std::fs::write(entry, protocol).unwrap();
        if with_checkpoint {
            store.0.table("post_facts").unwrap().checkpoint().await.unwrap();
        }
        for refused in [
            store.0.table("post_facts").unwrap().refresh().await.map(drop).unwrap_err(),
            Store::open(&world.path(), world.options()).await.map(drop).unwrap_err(),
            Store::mend(&world.path(), world.options(), &Echo).await.map(drop).unwrap_err(),
        ] {
            assert!(refused.to_string().contains("deletionVectors"), "{refused}");
            assert!(refused.hint_text().unwrap().contains("switch it off"), "{refused:?}");
        }
        assert!(!table(&world, "post_facts").join("_torn_log").exists());
    }
}

/// Files of the machine, of which reading one of a log fails once, the `nth` time that it is asked for.
#[derive(Debug)]
struct FailsOnce {
    files: LocalFileSystem,
    log: &'static str,
    nth: usize,
    asked: AtomicUsize,
}

impl fmt::Display for FailsOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FailsOnce")
    }
}

#[async_trait]
impl ObjectStore for FailsOnce {
    async fn put_opts(&self, at: &At, bytes: PutPayload, options: PutOptions) -> Stored<PutResult> {
        self.files.put_opts(at, bytes, options).await
    }

    async fn put_multipart_opts(
        &self,
        at: &At,
        options: PutMultipartOptions,
    ) -> Stored<Box<dyn MultipartUpload>> {
        self.files.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &At, options: GetOptions) -> Stored<GetResult> {
        if at.as_ref().contains(self.log) && self.asked.fetch_add(1, Relaxed) == self.nth {
            return Err(object_store::Error::Generic { store: "FailsOnce", source: "timed out".into() });
        }
        self.files.get_opts(at, options).await
    }

    fn delete_stream(&self, all: BoxStream<'static, Stored<At>>) -> BoxStream<'static, Stored<At>> {
        self.files.delete_stream(all)
    }

    fn list(&self, prefix: Option<&At>) -> BoxStream<'static, Stored<ObjectMeta>> {
        self.files.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&At>) -> Stored<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &At, to: &At, options: CopyOptions) -> Stored<()> {
        self.files.copy_opts(from, to, options).await
    }
}

/// What cannot be read for a moment is no torn log, whenever that is.
#[tokio::test]
async fn a_log_that_fails_to_be_read_once_is_not_torn() {
    let world = World::new();
    let store = world.store().await;
    tell(&store).await.unwrap();
    let expected = everything(&store).await;
    drop(store);
    for nth in 0.. {
        let backend = Arc::new(FailsOnce {
            files: LocalFileSystem::new(),
            log: "post_facts/_delta_log",
            nth,
            asked: AtomicUsize::new(0),
        });
        let options = StoreOptions { backend: Some(backend.clone()), ..world.options() };
        let mended = Store::mend(&world.path(), options, &Echo).await;
        assert!(!table(&world, "post_facts").join("_torn_log").exists(), "step {nth}");
        if let Ok((_, mended)) = mended {
            let whole = Store::open(&world.path(), world.options()).await.unwrap();
            assert_eq!((mended.rebuilt, everything(&whole).await), (vec![], expected.clone()), "step {nth}");
        }
        if backend.asked.load(Relaxed) <= nth {
            assert!(nth > 10, "it is read in {nth} steps");
            break;
        }
    }
}

#[tokio::test]
async fn records_that_are_gone_are_told_and_the_journal_is_never_begun_anew() {
    let world = World::new();
    let store = world.store().await;
    tell(&store).await.unwrap();
    let posts = rows(&store, "select post from posts where current order by post").await;
    std::fs::remove_dir_all(table(&world, "decisions")).unwrap();
    let (store, mended) = Store::mend(&world.path(), world.options(), &Echo).await.unwrap();
    assert_eq!((mended.lost, mended.rebuilt), (vec!["decisions"], vec![]));
    assert_eq!(rows(&store, "select post from posts where current order by post").await, posts);
    std::fs::remove_dir_all(table(&world, "pages")).unwrap();
    for refused in [
        Store::open(&world.path(), world.options()).await.unwrap_err(),
        Store::create(&world.path(), world.options()).await.unwrap_err(),
        Store::mend(&world.path(), world.options(), &Echo).await.unwrap_err(),
    ] {
        assert!(refused.hint_text().unwrap().contains("journal"), "{refused}");
    }
    assert!(!table(&world, "pages").exists());
}

#[tokio::test]
async fn mending_makes_no_store() {
    let world = World::new();
    assert!(Store::mend(&world.path(), world.options(), &Echo).await.is_err());
    assert!(!Path::new(&world.path()).exists());
}

/// What comes after the story: of posts that it knows, and of a new one.
fn sequel() -> Page {
    Page {
        posts: vec![born("3", noon(7))],
        ..page(vec![
            reading("1", noon(8), &[("likes", 70), ("views", 700)]),
            reading("3", noon(8), &[("likes", 3)]),
            account_day(date(1), noon(8), &[("follows_gained", 7)]),
        ])
    }
}

async fn go_on(store: &Store) -> kepi_core::Result<()> {
    let mut writer = store.writer(Some("run".into()));
    writer.push(new_page_of("later", sequel())).await?;
    writer.finish().await.map(drop)
}

/// What a single writer makes of the story and its sequel.
async fn undisturbed() -> Vec<String> {
    let world = World::new();
    let store = Store::create(&world.path(), options(&world, None)).await.unwrap();
    tell(&store).await.unwrap();
    go_on(&store).await.unwrap();
    everything(&store).await
}

/// Whoever has a store open when a log is begun anew goes on with the new one, be it shorter or longer.
#[tokio::test]
async fn a_store_that_is_open_goes_on_with_a_log_that_was_begun_anew() {
    let expected = undisturbed().await;
    let mut lengths = HashSet::new();
    for name in ["accounts", "post_facts", "post_daily", "daily_rollup", "rejects"] {
        for (knows_all, compact_files) in [(true, 0), (true, 2), (false, 0)] {
            let world = World::new();
            let ours = Store::create(&world.path(), options(&world, None)).await.unwrap();
            let writing = StoreOptions { compact_files, ..options(&world, None) };
            let writing = Store::open(&world.path(), writing).await.unwrap();
            tell(&writing).await.unwrap();
            // What is said beside the journal makes a log longer than the one that is made of the journal.
            for configured in [true, false, true, false, true, false] {
                let account = Account { zone: Some("UTC".into()), ..Account::new(account()) };
                writing.put_accounts(vec![ConfiguredAccount { account, configured }]).await.unwrap();
            }
            let ours = if knows_all { writing } else { ours };
            last_cut_off(&world, name);
            let (mended, what) = Store::mend(&world.path(), options(&world, None), &Echo).await.unwrap();
            assert_eq!(what.rebuilt, [name]);
            let version = |store: &Store| store.0.table(name).unwrap().known().version;
            lengths.insert(version(&mended).cmp(&version(&ours)));
            go_on(&ours).await.unwrap();
            let anew = Store::open(&world.path(), options(&world, None)).await.unwrap();
            for store in [&ours, &mended, &anew] {
                assert_eq!(everything(store).await, expected, "{name} {knows_all} {compact_files}");
            }
        }
    }
    assert!(lengths.contains(&Ordering::Less) && lengths.contains(&Ordering::Greater), "{lengths:?}");
}

/// A folder that was put back from an older copy is another log, though its tables have the same ids.
#[tokio::test]
async fn a_store_that_is_open_goes_on_with_a_copy_that_was_put_in_its_place() {
    let expected = undisturbed().await;
    let world = World::new();
    let ours = Store::create(&world.path(), options(&world, None)).await.unwrap();
    tell(&ours).await.unwrap();
    let older = world.copy();
    for _ in 0..2 {
        write(&ours, [page(vec![reading("2", noon(9), &[("likes", 9)])])]).await;
    }
    std::fs::remove_dir_all(world.path()).unwrap();
    older.copy_to(&world);
    assert_eq!(ours.stream_states().await.unwrap().values().next().map(|state| state.sequence), Some(3));
    go_on(&ours).await.unwrap();
    assert_eq!(everything(&ours).await, expected);
}

/// Projections that are emptied while a commit is carried to them, and not filled again, hide no commit.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_on_its_way_while_projections_are_made_anew_hides_nothing() {
    let expected = undisturbed().await;
    let whole = World::new();
    let store = Store::create(&whole.path(), options(&whole, None)).await.unwrap();
    tell(&store).await.unwrap();
    drop(store);
    for meanwhile in ["posts:commit", "rejects:commit"] {
        for nth in (0..).step_by(3) {
            let world = Arc::new(whole.copy());
            let lived = Arc::new(AtomicBool::new(false));
            let disturbed = disturbing(meanwhile, nth, world.clone(), lived.clone());
            let ours = Store::open(&world.path(), options(&world, Some(disturbed))).await.unwrap();
            go_on(&ours).await.unwrap();
            let (mended, _) = Store::mend(&world.path(), options(&world, None), &Echo).await.unwrap();
            assert_eq!(everything(&mended).await, expected, "mended at {meanwhile} up to step {nth}");
            if lived.load(Relaxed) {
                assert!(nth > 20, "it was mended in {nth} steps");
                break;
            }
        }
    }
}

/// At a step, once: another process finds a torn log and makes the projections anew, but dies at the `nth` step.
fn disturbing(meanwhile: &'static str, nth: usize, world: Arc<World>, lived: Arc<AtomicBool>) -> Fault {
    let before = AtomicBool::new(true);
    Arc::new(move |step: &str| {
        if step == meanwhile && before.swap(false, Relaxed) {
            last_cut_off(&world, "post_daily");
            let (world, lived) = (world.clone(), lived.clone());
            let mending = std::thread::spawn(move || {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                let (dying, _) = dies_at(nth, Arc::new(Mutex::default()));
                let place = world.path();
                let mended = Store::mend(&place, options(&world, Some(dying)), &Echo);
                lived.store(runtime.block_on(mended).is_ok(), Relaxed);
            });
            mending.join().unwrap();
        }
        Ok(())
    })
}
