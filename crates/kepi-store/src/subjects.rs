//! Which posts a file holds, as hashes: known of the files that this process wrote or looked into, so that a
//! commit opens only files that hold one of its posts, however many there are.

use std::{
    hash::BuildHasher,
    sync::{Arc, Mutex, PoisonError},
};

use arrow::array::RecordBatch;
use kepi_core::{PostRef, Result};
use smol_str::SmolStr;

use crate::{
    columns::Columns,
    hash::{HashMap, HashSet},
    log::{DataFile, Snapshot, TableLog},
    parquet_files::read_whole,
};

/// The hash of a post.
pub(crate) fn hash(account: &str, post: &str) -> u64 {
    foldhash::fast::FixedState::default().hash_one((account, post))
}

/// Hashes of posts, sorted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hashes {
    posts: Vec<u64>,
    /// The accounts of those that have an id of ours.
    with_ours: Vec<SmolStr>,
}

impl Hashes {
    pub(crate) fn of<'a>(posts: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut with_ours: Vec<SmolStr> = Vec::new();
        let mut of = |(account, post): (&str, &str)| {
            if post.starts_with(PostRef::DERIVED) && !with_ours.iter().any(|known| known == account) {
                with_ours.push(account.into());
            }
            hash(account, post)
        };
        let mut posts: Vec<u64> = posts.map(&mut of).collect();
        posts.sort_unstable();
        posts.dedup();
        Self { posts, with_ours }
    }

    pub(crate) fn of_batch(batch: &RecordBatch) -> Result<Self> {
        let columns = Columns(batch);
        let (account, post) = (columns.text("account")?, columns.text("post")?);
        Ok(Self::of((0..batch.num_rows()).map(|row| (account.value(row), post.value(row)))))
    }

    /// Whether both have one in common.
    fn meet(&self, other: &Self) -> bool {
        let (few, many) = (&self.posts, &other.posts);
        let (few, many) = if few.len() < many.len() { (few, many) } else { (many, few) };
        let mut rest = &many[..];
        for hash in few {
            rest = &rest[rest.partition_point(|known| known < hash)..];
            match rest.first() {
                Some(known) if known == hash => return true,
                Some(_) => {}
                None => return false,
            }
        }
        false
    }
}

/// Whether it is known of a table's files which posts they hold: of those in which posts are looked for whenever
/// they were written. Facts are looked for by their time as well, which their ranges tell.
pub(crate) fn are_kept(table: &str) -> bool {
    matches!(table, "posts" | "post_lifetime")
}

/// What is known of the files of one table.
#[derive(Debug, Default)]
pub(crate) struct Subjects {
    files: Mutex<HashMap<String, Arc<Hashes>>>,
}

impl Subjects {
    /// Forgets files that are no longer part of the table.
    pub(crate) fn retain(&self, snapshot: &Snapshot) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.retain(|path, _| snapshot.files.contains_key(path));
    }

    fn get(&self, path: &str) -> Option<Arc<Hashes>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    /// Remembers what a file holds.
    pub(crate) fn insert(&self, path: &str, hashes: Arc<Hashes>) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), hashes);
    }
}

/// Whether a file holds one of the posts, but for the rare case of equal hashes.
pub(crate) async fn holds(table: &TableLog, file: &DataFile, posts: &Hashes) -> Result<bool> {
    Ok(known(table, file).await?.meet(posts))
}

/// The accounts of which posts stand under ids of ours.
pub(crate) async fn accounts_with_ours(table: &TableLog, snapshot: &Snapshot) -> Result<HashSet<SmolStr>> {
    let mut accounts = HashSet::default();
    for file in snapshot.current().filter(|file| file.stats.may_begin("post", PostRef::DERIVED)) {
        accounts.extend(known(table, file).await?.with_ours.iter().cloned());
    }
    Ok(accounts)
}

async fn known(table: &TableLog, file: &DataFile) -> Result<Arc<Hashes>> {
    if let Some(known) = table.subjects.get(&file.path) {
        return Ok(known);
    }
    let narrow = read_whole(table, file, Some(&["account", "post"])).await?;
    let known = Arc::new(Hashes::of_batch(&narrow)?);
    table.subjects.insert(&file.path, known.clone());
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_meet_where_they_have_a_post_in_common() {
        let of = |posts: &[&'static str]| Hashes::of(posts.iter().map(|post| ("x/a", *post)));
        let many: Vec<String> = (0..500).map(|post| post.to_string()).collect();
        let many = Hashes::of(many.iter().map(|post| ("x/a", post.as_str())));
        assert!(many.meet(&of(&["7000", "321"])) && of(&["321"]).meet(&many));
        assert!(!many.meet(&of(&["7000", "500"])) && !many.meet(&Hashes::default()));
        assert_ne!(hash("x/a", "b1"), hash("x/ab", "1"));
    }
}
