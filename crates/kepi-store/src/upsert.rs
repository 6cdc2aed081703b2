//! Facts into their table: new keys are appended, a restated key closes its row and opens a new one, and
//! files that hold none of the keys are not touched.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use arrow::{
    array::{BooleanArray, RecordBatch},
    compute,
};
use kepi_core::Result;
use smol_str::SmolStr;

use crate::{
    cell::{Change, Key, Row, WindowKey, absorb},
    facts::{Fresh, merge},
    fail::{Fail, torn},
    hash::{HashMap, HashSet},
    log::{DataFile, Snapshot, TableLog},
    parquet_files::{alike, month_partition, read_whole},
    plan::Plan,
    rows::{Layout, read_keys, read_rows, to_batch},
    same::Same,
    schema::TableSchema,
    subjects::{self, Hashes},
    value::by_month,
};

/// A row that became valid, and the one it replaced.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) old: Option<Arc<Row>>,
    pub(crate) new: Arc<Row>,
}

/// What a commit does to a table of facts.
#[derive(Debug)]
pub(crate) struct Upsert {
    pub(crate) plan: Plan,
    /// The rows that became valid.
    pub(crate) opened: Vec<Opened>,
}

/// Works out what a commit does: `fresh` are its rows by key, `same` are posts that go on under another id, `recorded`
/// is its instant.
pub(crate) async fn upsert(
    table: &TableLog,
    snapshot: &Snapshot,
    fresh: &Fresh,
    same: &Same,
    recorded: i64,
) -> Result<Upsert> {
    let layout = Layout::of(table.name()).ok_or_else(|| torn("not a table of facts"))?;
    let leaving = Reach::of_subjects(same.moved().map(|(account, post)| (account, post)));
    let meets_leaving =
        |file: &DataFile| layout.may_be_of_posts() && leaving.meets_subject(file, layout.subject());
    let mut brought = Cow::Borrowed(fresh);
    for file in snapshot.current().filter(|file| meets_leaving(file)) {
        for row in leaving_rows(table, layout, file, same).await? {
            let Some(key) = same.renamed(&row.key) else { continue };
            merge(brought.to_mut(), key, (row.day, row.end_day, recorded), row.cells);
        }
    }
    let fresh = &*brought;
    let reach = Reach::of(fresh.keys());
    let mut outcome = Outcome::default();
    let mut met: HashSet<Key> = HashSet::default();
    let mut plan = Plan::default();
    for file in snapshot.current().filter(|file| reach.meets(file, layout) || meets_leaving(file)) {
        let narrow = read_whole(table, file, Some(&layout.key_columns())).await?;
        let keys = read_keys(layout, &narrow)?;
        let places: Vec<usize> = (0..keys.len()).filter(|row| fresh.contains_key(&keys[*row])).collect();
        let left: Vec<usize> = (0..keys.len()).filter(|row| same.moves(&keys[*row])).collect();
        if places.is_empty() && left.is_empty() {
            continue;
        }
        met.extend(places.iter().map(|row| keys[*row].clone()));
        let whole = read_whole(table, file, None).await?;
        let (places, rows) = outcome.settle(table, &whole, &keys, &places, fresh, recorded)?;
        outcome.left.extend(read_rows(&table.schema, &whole, &keys, &left)?.into_iter().map(Arc::new));
        if !(rows.is_empty() && left.is_empty()) {
            let rows = to_batch(&table.schema, &rows, None)?;
            let settled = replaced(&table.schema, &whole, &left.into_iter().collect(), &places, rows)?;
            plan.rewrite(table, file, settled).await?;
        }
    }
    for row in fresh.iter().filter(|(key, _)| !met.contains(*key)).map(|(_, row)| row) {
        outcome.opened.push(Opened { old: None, new: row.clone() });
    }
    // In the order of files: these rows become several of them.
    outcome.opened.sort_unstable_by(|a, b| a.new.place().cmp(&b.new.place()));
    outcome.fill(&mut plan, table, recorded);
    Ok(Upsert { plan, opened: outcome.opened })
}

/// The batch with other rows in some of its places, and without those that are gone. A row of the same key stands where
/// the one before it stood, so that the order stays, and what is read together lies together.
pub(crate) fn replaced(
    schema: &TableSchema,
    batch: &RecordBatch,
    gone: &HashSet<usize>,
    places: &[usize],
    rows: RecordBatch,
) -> Result<RecordBatch> {
    let both = alike(schema, &[batch.clone(), rows])?;
    let mut taken: Vec<(usize, usize)> = (0..batch.num_rows()).map(|row| (0, row)).collect();
    for (row, place) in places.iter().enumerate() {
        taken[*place] = (1, row);
    }
    taken.retain(|(of, row)| *of == 1 || !gone.contains(row));
    let both: Vec<&RecordBatch> = both.iter().collect();
    compute::interleave_record_batch(&both, &taken).at("put rows in the places of others")
}

/// The rows of a file that go on under another id.
async fn leaving_rows(table: &TableLog, layout: Layout, file: &DataFile, same: &Same) -> Result<Vec<Row>> {
    let narrow = read_whole(table, file, Some(&layout.key_columns())).await?;
    let keys = read_keys(layout, &narrow)?;
    let places: Vec<usize> = (0..keys.len()).filter(|row| same.moves(&keys[*row])).collect();
    if places.is_empty() {
        return Ok(Vec::new());
    }
    read_rows(&table.schema, &read_whole(table, file, None).await?, &keys, &places)
}

/// The batch without some of its rows.
pub(crate) fn without(batch: &RecordBatch, gone: &HashSet<usize>) -> Result<RecordBatch> {
    let kept: BooleanArray = (0..batch.num_rows()).map(|row| Some(!gone.contains(&row))).collect();
    compute::filter_record_batch(batch, &kept).at("set rows aside")
}

#[derive(Default)]
struct Outcome {
    opened: Vec<Opened>,
    /// Rows that go on under another id.
    left: Vec<Arc<Row>>,
}

impl Outcome {
    /// Lays what is said over the rows of a file that speak of the same: the places of those that are not as they were,
    /// and the rows that stand there from now on.
    fn settle(
        &mut self,
        table: &TableLog,
        whole: &RecordBatch,
        keys: &[Key],
        places: &[usize],
        fresh: &Fresh,
        recorded: i64,
    ) -> Result<(Vec<usize>, Vec<Arc<Row>>)> {
        let (mut changed, mut rows) = (Vec::new(), Vec::new());
        for (old, place) in read_rows(&table.schema, whole, keys, places)?.into_iter().zip(places) {
            let Some(said) = fresh.get(&old.key) else { continue };
            let mut new = old.clone();
            let change = absorb(&mut new.cells, said.cells.clone());
            if change == Change::Nothing {
                continue;
            }
            if change == Change::Changed {
                new.recorded = recorded;
            }
            let new = Arc::new(new);
            if change == Change::Changed {
                self.opened.push(Opened { old: Some(Arc::new(old)), new: new.clone() });
            }
            changed.push(*place);
            rows.push(new);
        }
        Ok((changed, rows))
    }

    fn fill(&self, plan: &mut Plan, table: &TableLog, recorded: i64) {
        // What replaced another stands in its place already.
        let first = self.opened.iter().filter(|opened| opened.old.is_none()).map(|opened| &opened.new);
        let restated = self.opened.iter().filter_map(|opened| opened.old.as_ref());
        let closed = restated.chain(&self.left);
        for (month, rows) in by_month(first, |row| row.day) {
            let schema = table.schema.clone();
            plan.add_made(month_partition(true, &month), move || to_batch(&schema, &rows, None));
        }
        for (month, rows) in by_month(closed, |row| row.day) {
            let schema = table.schema.clone();
            plan.add_made(month_partition(false, &month), move || to_batch(&schema, &rows, Some(recorded)));
        }
    }
}

/// What the keys of a commit reach: enough to pass over files that cannot hold any of them.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    accounts: BTreeMap<SmolStr, Vec<SmolStr>>,
    /// The subjects, where they are posts that are looked for at any time.
    posts: Hashes,
    readings: Option<(i64, i64)>,
    days: Option<(i32, i32)>,
}

impl Reach {
    /// The reach of keys.
    pub(crate) fn of<'a>(keys: impl Iterator<Item = &'a Key>) -> Self {
        let mut reach = Self::default();
        let mut accounts: HashMap<SmolStr, HashSet<SmolStr>> = HashMap::default();
        for key in keys {
            match key.window {
                WindowKey::At(at) => widen(&mut reach.readings, at, at),
                WindowKey::Day(day) => widen(&mut reach.days, day, day),
                WindowKey::Period(start, end) => widen(&mut reach.days, start, end),
            }
            let subjects = match accounts.get_mut(&key.account) {
                Some(subjects) => subjects,
                None => accounts.entry(key.account.clone()).or_default(),
            };
            subjects.insert(key.subject.clone());
        }
        reach.accounts = sorted(accounts);
        reach
    }

    /// The reach of subjects at any time.
    pub(crate) fn of_subjects<'a>(subjects: impl Iterator<Item = (&'a SmolStr, &'a SmolStr)>) -> Self {
        let mut accounts: HashMap<SmolStr, HashSet<SmolStr>> = HashMap::default();
        for (account, subject) in subjects {
            accounts.entry(account.clone()).or_default().insert(subject.clone());
        }
        let of = |(account, posts): (&SmolStr, &HashSet<SmolStr>)| {
            posts.iter().map(|post| (account.clone(), post.clone())).collect::<Vec<_>>()
        };
        let posts: Vec<(SmolStr, SmolStr)> = accounts.iter().flat_map(of).collect();
        Self {
            posts: Hashes::of(posts.iter().map(|(account, post)| (account.as_str(), post.as_str()))),
            accounts: sorted(accounts),
            readings: Some((i64::MIN, i64::MAX)),
            days: Some((i32::MIN, i32::MAX)),
        }
    }

    /// Whether a file may hold one of the keys.
    pub(crate) fn meets(&self, file: &DataFile, layout: Layout) -> bool {
        self.meets_time(file) && self.meets_subject(file, layout.subject())
    }

    fn meets_time(&self, file: &DataFile) -> bool {
        let stats = &file.stats;
        let readings = self
            .readings
            .is_some_and(|(from, to)| stats.may_hold("window", "at") && stats.may_meet("at", from, to));
        let only_readings = match stats.range("window") {
            Some((min, max)) => min == max && *min == crate::stats::Bound::Text("at".into()),
            None => false,
        };
        let days = self
            .days
            .is_some_and(|(from, to)| !only_readings && stats.may_meet("day", from.into(), to.into()));
        readings || days
    }

    /// Whether a file holds one of the posts, as far as can be known without reading more than their ids.
    pub(crate) async fn finds(&self, table: &TableLog, file: &DataFile) -> Result<bool> {
        if !self.meets_subject(file, table.schema.index("post").map(|_| "post")) {
            return Ok(false);
        }
        if subjects::are_kept(table.name()) {
            return subjects::holds(table, file, &self.posts).await;
        }
        Ok(true)
    }

    /// Whether a file may hold one of the subjects.
    pub(crate) fn meets_subject(&self, file: &DataFile, subject: Option<&str>) -> bool {
        self.accounts.iter().any(|(account, subjects)| {
            file.stats.may_hold("account", account)
                && subject.is_none_or(|column| match file.stats.range(column) {
                    Some((crate::stats::Bound::Text(min), crate::stats::Bound::Text(max))) => {
                        let first = subjects.partition_point(|subject| subject < min);
                        subjects.get(first).is_some_and(|subject| subject <= max)
                    }
                    _ => true,
                })
        })
    }
}

fn sorted(accounts: HashMap<SmolStr, HashSet<SmolStr>>) -> BTreeMap<SmolStr, Vec<SmolStr>> {
    let sorted = |subjects: HashSet<SmolStr>| {
        let mut subjects: Vec<SmolStr> = subjects.into_iter().collect();
        subjects.sort_unstable();
        subjects
    };
    accounts.into_iter().map(|(account, subjects)| (account, sorted(subjects))).collect()
}

fn widen<T: Ord + Copy>(range: &mut Option<(T, T)>, from: T, to: T) {
    *range = Some(range.map_or((from, to), |(min, max)| (min.min(from), max.max(to))));
}

/// The rows that an earlier try of the same commit opened, read back. They count as restated, so that what
/// follows from them is made with care.
pub(crate) async fn opened_at(
    table: &TableLog,
    snapshot: &Snapshot,
    fresh: &Fresh,
    recorded: i64,
) -> Result<Vec<Opened>> {
    let layout = Layout::of(table.name()).ok_or_else(|| torn("not a table of facts"))?;
    let reach = Reach::of(fresh.keys());
    let mut opened = Vec::new();
    let written = |file: &&Arc<DataFile>| file.stats.may_meet("recorded_at", recorded, recorded);
    for file in snapshot.current().filter(written).filter(|file| reach.meets(file, layout)) {
        let whole = read_whole(table, file, None).await?;
        let keys = read_keys(layout, &whole)?;
        let places: Vec<usize> = (0..keys.len()).filter(|row| fresh.contains_key(&keys[*row])).collect();
        let rows = read_rows(&table.schema, &whole, &keys, &places)?;
        opened.extend(
            rows.into_iter()
                .filter(|row| row.recorded == recorded)
                .map(Arc::new)
                .map(|row| Opened { old: Some(row.clone()), new: row }),
        );
    }
    Ok(opened)
}
