//! Several writers on one folder.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kepi_core::{Error, ErrorKind, Job, Page};

use super::support::{Echo, World, check, new_page, noon, page, reading, rows};
use crate::{Fault, NewPage, Store, StoreOptions};

/// Another process's handle: nothing is shared but the folder.
async fn other(world: &World) -> Store {
    Store::open(&world.path(), world.options()).await.unwrap()
}

/// A page of an imported file: its job tells its name.
fn file(name: &str, page: Page) -> NewPage {
    let new = new_page(page);
    NewPage { job: Job { input: Some(serde_json::json!({ "file": name })), ..new.job }, ..new }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_of_one_stream_lose_and_double_nothing() {
    let world = World::new();
    drop(world.store().await);
    let (left, right) = (other(&world).await, other(&world).await);
    let write = |store: Store, side: i8| async move {
        for turn in 0..4_i8 {
            let mut writer = store.writer(None);
            let post = format!("{side}-{turn}");
            let said = page(vec![reading(&post, noon(turn + 1), &[("likes", i64::from(turn))])]);
            writer.push(file(&post, said)).await.unwrap();
            let flushed = writer.flush().await.unwrap();
            assert!(flushed.projected, "waited in vain for the other writer");
        }
    };
    let (left, right) = tokio::join!(tokio::spawn(write(left, 0)), tokio::spawn(write(right, 1)));
    left.and(right).unwrap();
    let store = other(&world).await;
    check(&store, "select count(*), count(distinct post) from post_facts", &["8 8"]).await;
    check(&store, "select count(*), max(sequence), count(distinct sequence) from pages", &["8 8 8"]).await;
    check(&store, "select count(*) from post_lifetime where rank = 0", &["8"]).await;
}

#[tokio::test]
async fn what_another_worker_fetched_already_is_dropped() {
    let world = World::new();
    let store = world.store().await;
    let late = other(&world).await;
    let said = || new_page(page(vec![reading("1", noon(1), &[("likes", 1)])]));
    let mut slow = late.writer(None);
    slow.push(said()).await.unwrap();
    let mut quick = store.writer(None);
    quick.push(said()).await.unwrap();
    quick.finish().await.unwrap();
    let flushed = slow.flush().await.unwrap();
    assert_eq!((flushed.pages, flushed.dropped), (0, 1));
    check(&store, "select count(*) from pages", &["1"]).await;
}

#[tokio::test]
async fn two_files_imported_at_once_are_both_kept() {
    let world = World::new();
    let store = world.store().await;
    let late = other(&world).await;
    let mut slow = late.writer(None);
    slow.push(file("b.csv", page(vec![reading("2", noon(2), &[("likes", 2)])]))).await.unwrap();
    let mut quick = store.writer(None);
    quick.push(file("a.csv", page(vec![reading("1", noon(1), &[("likes", 1)])]))).await.unwrap();
    quick.finish().await.unwrap();
    slow.finish().await.unwrap();
    check(&store, "select sequence from pages order by sequence", &["1", "2"]).await;
    check(&store, "select post from post_facts order by post", &["1", "2"]).await;
}

#[tokio::test]
async fn a_second_import_of_the_same_file_is_known() {
    let world = World::new();
    let store = world.store().await;
    let new = file("a.csv", page(vec![reading("1", noon(1), &[("likes", 1)])]));
    assert!(!store.has_page(&new.stream, &new.job, &new.body).await.unwrap());
    let mut writer = store.writer(None);
    writer.push(new.clone()).await.unwrap();
    writer.push(new.clone()).await.unwrap();
    writer.finish().await.unwrap();
    check(&store, "select count(*) from pages", &["1"]).await;
    let later = Job { planned_at: noon(9), ..new.job.clone() };
    assert!(store.has_page(&new.stream, &later, &new.body).await.unwrap());
    let mapped = Job { input: Some(serde_json::json!({ "file": "a.csv", "map": 2 })), ..new.job };
    assert!(!store.has_page(&new.stream, &mapped, &new.body).await.unwrap());
}

/// What is guessed of a file makes it no other; what the user says of it does.
#[tokio::test]
async fn the_same_bytes_under_another_name_are_known() {
    let world = World::new();
    let store = world.store().await;
    let import = |name: &str, said: Option<&str>| {
        let new = file(name, page(vec![reading("1", noon(1), &[("likes", 1)])]));
        let input = serde_json::json!({ "file": name, "identity": { "read_by": "layout", "said": said } });
        NewPage { job: Job { input: Some(input), ..new.job }, ..new }
    };
    let mut writer = store.writer(None);
    for (name, said) in [("a.csv", None), ("b.csv", None), ("c.csv", Some("2019-04-03")), ("d.csv", None)] {
        writer.push(import(name, said)).await.unwrap();
    }
    writer.finish().await.unwrap();
    check(&store, "select count(*) from pages", &["2"]).await;
    let mut known = Vec::new();
    for (name, said) in [("e.csv", None), ("e.csv", Some("2019-04-03")), ("e.csv", Some("2019-04-04"))] {
        let new = import(name, said);
        known.push(store.has_page(&new.stream, &new.job, &new.body).await.unwrap());
    }
    assert_eq!(known, [true, true, false]);
}

#[tokio::test]
async fn an_earlier_commit_that_was_never_projected_holds_later_ones_until_it_is() {
    let world = World::new();
    drop(world.store().await);
    let fault: crate::Fault = std::sync::Arc::new(|name| match name {
        "journal:committed" => Err(kepi_core::Error::new(kepi_core::ErrorKind::Cancelled, "died here")),
        _ => Ok(()),
    });
    let dying = StoreOptions { fault: Some(fault), ..world.options() };
    let dying = Store::open(&world.path(), dying).await.unwrap();
    let mut writer = dying.writer(None);
    writer.push(new_page(page(vec![reading("1", noon(1), &[("likes", 1)])]))).await.unwrap();
    assert!(writer.flush().await.is_err());

    let options = StoreOptions { patience: Duration::ZERO, ..world.options() };
    let store = Store::open(&world.path(), options).await.unwrap();
    let mut writer = store.writer(None);
    writer.push(new_page(page(vec![reading("1", noon(2), &[("likes", 5)])]))).await.unwrap();
    let flushed = writer.flush().await.unwrap();
    assert!(!flushed.projected);
    assert!(rows(&store, "select * from post_facts").await.is_empty());
    let done = store.catch_up(&super::support::Echo).await.unwrap();
    assert_eq!((done.commits, done.pages), (2, 2));
    check(&store, "select likes from post_daily where current", &["4"]).await;
}

#[tokio::test]
async fn compaction_changes_no_row_and_loses_no_stream() {
    let world = World::new();
    let options = StoreOptions { compact_files: 3, checkpoint_interval: 4, ..world.options() };
    let store = Store::create(&world.path(), options).await.unwrap();
    for day in 1..=9 {
        super::support::write(
            &store,
            [page(vec![reading("1", noon(day), &[("likes", i64::from(day) * 10)])])],
        )
        .await;
    }
    let count = "select count(*), sum(likes) from post_daily where current";
    check(&store, count, &["8 80"]).await;
    let files = store.0.table("post_daily").unwrap().known().files.len();
    assert!(files < 8, "{files} files were left");
    store.maintain(crate::MaintainOptions { keep_days: 0, ..Default::default() }).await.unwrap();
    let fresh = other(&world).await;
    check(&fresh, count, &["8 80"]).await;
    check(&fresh, "select count(*), max(sequence) from pages", &["9 9"]).await;
    let state = fresh.stream_states().await.unwrap().into_values().next().unwrap();
    assert_eq!(state.sequence, 9);
    super::support::write(&fresh, [page(vec![reading("1", noon(10), &[("likes", 101)])])]).await;
    check(&fresh, count, &["9 91"]).await;
}

/// Where a commit does not arrive, the one behind it does not wait for it, and neither is lost.
#[tokio::test]
async fn a_commit_behind_one_that_failed_does_not_wait() {
    let world = World::new();
    let failed = AtomicBool::new(false);
    let fault: Fault = Arc::new(move |step: &str| {
        if step == "journal:committed" && !failed.swap(true, Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Cancelled, "failed once"));
        }
        Ok(())
    });
    // Every page is a commit, and who waits for another one waits for ever.
    let patience = Duration::from_secs(u64::MAX);
    let options = StoreOptions { commit_rows: 1, fault: Some(fault), patience, ..world.options() };
    let store = Store::create(&world.path(), options).await.unwrap();
    let mut writer = store.writer(None);
    for day in [1, 2] {
        let said = page(vec![reading("1", noon(day), &[("likes", i64::from(day))])]);
        writer.push(new_page(said)).await.unwrap();
    }
    assert_eq!(writer.flush().await.unwrap_err().kind(), ErrorKind::Cancelled);
    let finished = tokio::time::timeout(Duration::from_secs(60), writer.finish());
    let written = finished.await.expect("it does not wait").unwrap();
    assert_eq!((written.commits, written.behind), (2, 1));
    assert_eq!(store.catch_up(&Echo).await.unwrap().commits, 2);
    check(&store, "select count(*), max(likes) from post_facts where current", &["2 2"]).await;
}

/// On a machine of one core, with few threads for reading files: whoever reads a log waits on other threads.
#[test]
fn many_open_a_store_at_once_with_few_threads() {
    let world = World::new();
    let (done, opened) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).max_blocking_threads(4).enable_all().build().unwrap();
        runtime.block_on(async {
            // Each commit leaves a checkpoint, from which each table is read.
            let options = StoreOptions { checkpoint_interval: 1, ..world.options() };
            let store = Store::create(&world.path(), options).await.unwrap();
            super::support::write(&store, [page(vec![reading("1", noon(1), &[("likes", 1)])])]).await;
            let path = world.path();
            let open = |_| {
                let (path, options) = (path.clone(), world.options());
                tokio::spawn(async move { Store::open(&path, options).await.unwrap() })
            };
            for store in (0..8).map(open).collect::<Vec<_>>() {
                check(&store.await.unwrap(), "select count(*) from post_facts", &["1"]).await;
            }
        });
        done.send(()).unwrap();
    });
    opened.recv_timeout(Duration::from_secs(120)).expect("they do not wait for one another");
}
