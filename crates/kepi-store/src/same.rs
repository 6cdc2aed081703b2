//! Posts that an export told before the platform's id of them was known. Once it is, they go on under it.
//!
//! Which posts are the same is read from what the table of posts says with a commit, by the rule by which imports match
//! their rows. It is kept with the post, as its earlier ids: whoever speaks of one of those later speaks of the post.

use std::collections::BTreeMap;

use kepi_core::{PostRef, Reject, Result, SubjectKind, Unclear, same_posts};
use smol_str::SmolStr;

use crate::{
    cell::Key,
    dimension::{Entry, Said, Sorting, whole_entries},
    hash::HashSet,
    log::{Snapshot, TableLog},
    project::Mark,
    readings::PostKey,
    store::named_post,
    subjects,
};

/// A post that goes on under another id.
#[derive(Debug)]
pub(crate) struct Moved {
    pub(crate) ours: PostKey,
    pub(crate) theirs: PostKey,
    /// What it was sorted by.
    pub(crate) sorting: Sorting,
}

/// What posts under ids of ours are known as now.
#[derive(Debug, Default)]
pub(crate) struct Same {
    /// Account and id of ours → the platform's id.
    ids: BTreeMap<PostKey, SmolStr>,
    /// Those that a commit lets go on so, and what they were sorted by, where that is known.
    moved: BTreeMap<PostKey, Sorting>,
    /// Posts that the commit says something of, and that agree with several.
    unclear: Vec<(SmolStr, Unclear)>,
}

impl Same {
    /// Finds which posts of an account are the same, of all that are known with the commit.
    fn find(&mut self, account: &SmolStr, posts: &BTreeMap<PostKey, Entry>, recorded: i64) {
        let of = |post: &SmolStr| (account.clone(), post.clone());
        let apart = posts.iter().filter(|(post, _)| post.0 == *account && !self.ids.contains_key(*post));
        let found = same_posts(&apart.map(|(_, entry)| named_post(entry)).collect::<Vec<_>>());
        self.ids.extend(found.same.into_iter().map(|(ours, theirs)| (of(&ours), theirs)));
        // It is said once: with the commit that says something of one of them.
        let told = |post: &SmolStr| posts.get(&of(post)).is_some_and(|entry| entry.recorded == recorded);
        let news = found
            .unclear
            .into_iter()
            .filter(|unclear| told(&unclear.post) || unclear.theirs.iter().chain(&unclear.rivals).any(told));
        self.unclear.extend(news.map(|unclear| (account.clone(), unclear)));
    }

    /// The key under which it goes on.
    pub(crate) fn renamed(&self, key: &Key) -> Option<Key> {
        if self.ids.is_empty() || key.kind != SubjectKind::Post {
            return None;
        }
        let subject = self.ids.get(&(key.account.clone(), key.subject.clone()))?.clone();
        Some(Key { subject, ..key.clone() })
    }

    /// Whether the commit lets what stands under the key go on under another.
    pub(crate) fn moves(&self, key: &Key) -> bool {
        !self.moved.is_empty()
            && key.kind == SubjectKind::Post
            && self.moved.contains_key(&(key.account.clone(), key.subject.clone()))
    }

    /// The posts that the commit lets go on under another id.
    pub(crate) fn moved(&self) -> impl Iterator<Item = &PostKey> {
        self.moved.keys()
    }

    /// The same, with what they go on as.
    pub(crate) fn moves_made(&self) -> impl Iterator<Item = Moved> {
        self.moved.iter().filter_map(|(ours, sorting)| {
            let theirs = (ours.0.clone(), self.ids.get(ours)?.clone());
            Some(Moved { ours: ours.clone(), theirs, sorting: sorting.clone() })
        })
    }

    /// What could not be decided, with its account.
    pub(crate) fn rejects(&self) -> impl Iterator<Item = (&SmolStr, Reject)> {
        self.unclear.iter().map(|(account, unclear)| {
            let reject = Reject {
                account: account.parse().ok(),
                place: format!("post {}", unclear.post),
                reason: unclear.reason(),
                raw: String::new(),
            };
            (account, reject)
        })
    }
}

/// Finds them, and lets what the commit says of posts be said of them under the platform's ids. Where no post of these
/// accounts stands under an id of ours, which is nearly always so, no row is read.
pub(crate) async fn unite(
    table: &TableLog,
    snapshot: &Snapshot,
    said: &mut Said,
    mark: Mark,
) -> Result<Same> {
    // A try before may have united them already: then what it wrote tells what it did.
    let resumed = mark.is_reached(snapshot);
    let with_ours = subjects::accounts_with_ours(table, snapshot).await?;
    let concerned = |entry: &&Entry| {
        resumed || entry.post.starts_with(PostRef::DERIVED) || with_ours.contains(&entry.account)
    };
    let accounts: HashSet<SmolStr> =
        said.entries().filter(concerned).map(|entry| entry.account.clone()).collect();
    if accounts.is_empty() {
        return Ok(Same::default());
    }
    let standing = whole_entries(table, snapshot, |account, _| accounts.contains(account)).await?;
    let of = |entry: Entry| ((entry.account.clone(), entry.post.clone()), entry);
    let standing: BTreeMap<PostKey, Entry> = standing.into_iter().map(of).collect();
    let mut posts = standing.clone();
    for entry in said.entries().filter(|entry| !resumed && accounts.contains(&entry.account)) {
        take_in(&mut posts, entry, mark.recorded);
    }

    let mut same = Same::default();
    for entry in posts.values() {
        for ours in entry.earlier_ids().map(|id| (entry.account.clone(), id)) {
            if resumed && entry.recorded == mark.recorded {
                same.moved.insert(ours.clone(), Sorting::default());
            }
            same.ids.insert(ours, entry.post.clone());
        }
    }
    for account in &accounts {
        same.find(account, &posts, mark.recorded);
    }
    same.unclear.sort_by(|a, b| (&a.0, &a.1.post).cmp(&(&b.0, &b.1.post)));
    for (ours, theirs) in &same.ids {
        let row = standing.get(ours);
        said.unite(ours, theirs, row);
        same.moved.extend(row.map(|row| (ours.clone(), Sorting::of(row))));
    }
    Ok(same)
}

fn take_in(posts: &mut BTreeMap<PostKey, Entry>, said: &Entry, recorded: i64) {
    let post = (said.account.clone(), said.post.clone());
    match posts.get_mut(&post) {
        Some(known) => {
            if known.absorb(said) {
                known.recorded = recorded;
            }
        }
        None => _ = posts.insert(post, Entry { recorded, ..said.clone() }),
    }
}
