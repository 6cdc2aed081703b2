//! Folders that are no store, may not be written, or come from elsewhere.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use kepi_core::ErrorKind;

use super::support::{World, check, new_page, noon, page, reading, write};
use crate::{Store, StoreOptions};

#[tokio::test]
async fn a_place_that_is_no_store_is_said_so() {
    let world = World::new();
    let error = Store::open(&world.path(), world.options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.hint_text().unwrap().contains("kepi import"), "{error:?}");

    std::fs::create_dir_all(world.path()).unwrap();
    std::fs::write(format!("{}/holiday.jpg", world.path()), "x").unwrap();
    let error = Store::create(&world.path(), world.options()).await.unwrap_err();
    assert_eq!(error.context_value("found"), Some("holiday.jpg"), "{error:?}");
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let world = World::new();
    drop(world.store().await);
    std::fs::write(format!("{}/kepi-store.json", world.path()), r#"{"format":99}"#).unwrap();
    for error in [
        Store::open(&world.path(), world.options()).await.unwrap_err(),
        Store::create(&world.path(), world.options()).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("newer kepi"), "{error:?}");
    }
}

#[tokio::test]
async fn a_torn_log_is_said_so_and_nothing_is_changed() {
    let world = World::new();
    let store = world.store().await;
    write(&store, [page(vec![reading("1", noon(1), &[("likes", 1)])])]).await;
    drop(store);
    let entry = format!("{}/post_facts/_delta_log/00000000000000000001.json", world.path());
    let whole = std::fs::read_to_string(&entry).unwrap();
    std::fs::write(&entry, &whole[..whole.len() / 2]).unwrap();
    let error = Store::open(&world.path(), world.options()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.context_value("table")),
        (ErrorKind::Store, Some("post_facts")),
        "{error:?}"
    );
    std::fs::write(&entry, whole).unwrap();
    let store = Store::open(&world.path(), world.options()).await.unwrap();
    check(&store, "select likes from post_facts", &["1"]).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_store_that_may_only_be_read_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let store = world.store().await;
    write(&store, [page(vec![reading("1", noon(1), &[("likes", 1)])])]).await;
    drop(store);
    let before = listing(&world.path());
    let marker = format!("{}/kepi-store.json", world.path());
    std::fs::set_permissions(&marker, std::fs::Permissions::from_mode(0o444)).unwrap();
    let store = Store::open(&world.path(), world.options()).await.unwrap();
    check(&store, "select likes from post_facts", &["1"]).await;
    store.stream_states().await.unwrap();
    store.known_posts(&[super::support::account()]).await.unwrap();
    assert_eq!(listing(&world.path()), before, "reading left traces");
}

fn listing(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.display().to_string());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_committed() {
    let world = World::new();
    let full = Arc::new(AtomicBool::new(false));
    let flag = full.clone();
    let fault: crate::Fault = Arc::new(move |name| {
        if flag.load(Ordering::Relaxed) && name.ends_with(":write") {
            let cause = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(crate::fail::store("write a data file", cause));
        }
        Ok(())
    });
    let store =
        Store::create(&world.path(), StoreOptions { fault: Some(fault), ..world.options() }).await.unwrap();
    write(&store, [page(vec![reading("1", noon(1), &[("likes", 1)])])]).await;
    full.store(true, Ordering::Relaxed);
    let mut writer = store.writer(None);
    writer.push(new_page(page(vec![reading("1", noon(2), &[("likes", 4)])]))).await.unwrap();
    let error = writer.flush().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.hint_text().unwrap().contains("make room"), "{error:?}");
    full.store(false, Ordering::Relaxed);
    check(&store, "select count(*) from pages", &["1"]).await;
    write(&store, [page(vec![reading("1", noon(2), &[("likes", 4)])])]).await;
    check(&store, "select likes from post_daily where current", &["3"]).await;
}

#[tokio::test]
async fn other_kinds_of_memory_serve_as_well() {
    let backend: Arc<dyn object_store::ObjectStore> = Arc::new(object_store::memory::InMemory::new());
    let world = World::new();
    let options = StoreOptions { backend: Some(backend), ..world.options() };
    let store = Store::create("memory://kepi/store", options).await.unwrap();
    write(&store, [page(vec![reading("1", noon(1), &[("likes", 1)])])]).await;
    check(&store, "select likes from post_facts", &["1"]).await;
}
