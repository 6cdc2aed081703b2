//! A store of which something was taken away.

use std::path::{Path, PathBuf};

use super::{
    resume::{everything, tell},
    support::{Echo, World, rows},
};
use crate::{Store, schema};

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
