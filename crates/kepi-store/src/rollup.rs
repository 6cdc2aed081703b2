//! `daily_rollup`: what happened to posts, added up by account, span of days, format, category and campaign, so
//! that a scorecard costs as many rows as there are days and not as many as there were posts.
//!
//! A cell is what rows of `post_daily` come to that agree in all but the post. Rows that tell different metrics
//! stand in different cells: a formula over several metrics then finds in each cell either all of its rows or
//! none of them. A commit adds what it opened and takes away what it closed; a cell whose newest observation
//! went, or whose sums are not whole numbers, is counted anew from its rows.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use kepi_core::{Provenance, Result, Traffic};
use smol_str::SmolStr;

use crate::{
    cell::{Cell, NEVER, Number},
    columns::{At, Columns, Frame},
    daily::{DailyRow, bare_origin},
    daily_rows::{metric_columns, number_at, read_daily},
    dimension::{self, Sorting},
    fail::torn,
    hash::{HashMap, HashSet},
    log::{COMPLETE, DataFile, Snapshot, TableLog},
    parquet_files::read_whole,
    plan::Plan,
    project::Pending,
    rows::numbers,
    store::Inner,
    upsert::without,
    value::{month_of, provenance, traffic},
};

/// The table's name.
pub(crate) const NAME: &str = "daily_rollup";

/// What the rows of a cell agree in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CellKey {
    account: SmolStr,
    day: i32,
    end_day: i32,
    traffic: &'static str,
    provenance: &'static str,
    provisional: bool,
    currency: Option<SmolStr>,
    sorting: Sorting,
    /// The metrics that its rows tell, by column.
    metrics: Vec<u16>,
}

impl CellKey {
    fn of(row: &DailyRow, sorting: Sorting) -> Self {
        Self {
            account: row.series.account.clone(),
            day: row.day,
            end_day: row.end_day,
            traffic: row.series.traffic.as_str(),
            provenance: row.provenance.as_str(),
            provisional: row.provisional(),
            currency: row.currency().cloned(),
            sorting,
            metrics: told(row).map(|cell| cell.column).collect(),
        }
    }
}

fn told(row: &DailyRow) -> impl Iterator<Item = &Cell> {
    row.cells.iter().filter(|cell| cell.number.is_some())
}

/// What the rows of a cell come to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sums {
    rows: i64,
    /// The newest observation.
    observed: i64,
    /// One per metric of the key.
    numbers: Vec<Number>,
}

impl Sums {
    const NOTHING: Self = Self { rows: 0, observed: i64::MIN, numbers: Vec::new() };

    fn of(row: &DailyRow) -> Self {
        Self {
            rows: 1,
            observed: row.observed(),
            numbers: told(row).filter_map(|cell| cell.number).collect(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.observed = self.observed.max(other.observed);
        for (sum, number) in self.numbers.iter_mut().zip(&other.numbers) {
            *sum = combined(*sum, *number, 1);
        }
    }

    /// Takes away; `None` when only the rows themselves can tell what is left.
    fn without(&self, gone: &Self, added: Option<&Self>) -> Option<Self> {
        if gone.rows == self.rows {
            return Some(Self::NOTHING);
        }
        let newest = added.map_or(i64::MIN, |added| added.observed);
        let newest_went = gone.observed >= self.observed && newest < self.observed;
        let inexact = self.numbers.iter().any(|number| matches!(number, Number::Real(_)));
        if newest_went || inexact {
            return None;
        }
        let numbers = self.numbers.iter().zip(&gone.numbers);
        let numbers = numbers.map(|(sum, gone)| combined(*sum, *gone, -1)).collect();
        Some(Self { rows: self.rows - gone.rows, observed: self.observed, numbers })
    }
}

fn combined(sum: Number, number: Number, sign: i64) -> Number {
    #[expect(clippy::cast_precision_loss, reason = "a sign")]
    match (sum, number) {
        (Number::Int(sum), Number::Int(number)) => Number::Int(sum.saturating_add(number * sign)),
        (Number::Money(sum), Number::Money(number)) => {
            Number::Money(i128::from(sum).saturating_add(i128::from(number) * i128::from(sign)).into())
        }
        (Number::Real(sum), Number::Real(number)) => Number::Real(sum + number * sign as f64),
        // A column holds numbers of one type.
        (sum, _) => sum,
    }
}

/// What a commit does to the cells.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    added: HashMap<CellKey, Sums>,
    removed: HashMap<CellKey, Sums>,
}

impl Tally {
    /// A row became valid.
    pub(crate) fn add(&mut self, row: &DailyRow, sorting: Sorting) {
        count(&mut self.added, row, sorting);
    }

    /// A row is valid no more.
    pub(crate) fn remove(&mut self, row: &DailyRow, sorting: Sorting) {
        count(&mut self.removed, row, sorting);
    }
}

fn count(cells: &mut HashMap<CellKey, Sums>, row: &DailyRow, sorting: Sorting) {
    let key = CellKey::of(row, sorting);
    let sums = Sums::of(row);
    match cells.get_mut(&key) {
        Some(known) => known.add(&sums),
        None => {
            cells.insert(key, sums);
        }
    }
}

/// How the cells are brought to a commit.
#[derive(Debug)]
pub(crate) enum Work {
    /// By what the commit opened and closed.
    Changes(Tally),
    /// A try before died on the way and what it changed is not known: the cells of these accounts are counted
    /// anew.
    Anew(HashSet<SmolStr>),
}

/// Whether the cells tell of all rows there are.
pub(crate) fn is_complete(snapshot: &Snapshot) -> bool {
    snapshot.transactions.contains_key(COMPLETE)
}

/// Says of a store in which nothing happened yet that its cells are complete.
pub(crate) async fn begin(inner: &Inner) -> Result<()> {
    let table = inner.table(NAME)?;
    loop {
        let snapshot = table.refresh().await?;
        let empty = inner.table("post_daily")?.refresh().await?.files.is_empty();
        if is_complete(&snapshot) || !empty {
            return Ok(());
        }
        let complete = vec![(COMPLETE.to_owned(), 1)];
        if Plan::default().commit(table, &snapshot, complete).await?.is_some() {
            return Ok(());
        }
    }
}

/// Begins to bring the cells to a commit; `false` when another writer was first. A table that is not complete
/// waits for [`build`].
pub(crate) async fn project<'a>(inner: &'a Inner, work: Work, pending: &mut Pending<'a>) -> Result<bool> {
    // A store that an older kepi made and that was opened as it is has none.
    let Ok(table) = inner.table(NAME) else { return Ok(true) };
    let snapshot = table.refresh().await?;
    if pending.mark().is_reached(&snapshot) || !is_complete(&snapshot) {
        return Ok(true);
    }
    let plan = match &work {
        Work::Changes(tally) => {
            let Some(plan) = changed(inner, table, &snapshot, tally, pending).await? else {
                return Ok(false);
            };
            plan
        }
        Work::Anew(accounts) => {
            if !pending.settle().await? {
                return Ok(false);
            }
            let counted = counted(inner, &Wanted::Accounts(accounts)).await?;
            replaced(table, &snapshot, Some(accounts), counted).await?
        }
    };
    pending.begin(table, snapshot, plan);
    Ok(true)
}

/// Counts all cells anew unless they are complete; whether it had to.
pub(crate) async fn build(inner: &Inner) -> Result<bool> {
    let Ok(table) = inner.table(NAME) else { return Ok(false) };
    let snapshot = table.refresh().await?;
    if is_complete(&snapshot) {
        return Ok(false);
    }
    recount(inner).await?;
    Ok(true)
}

/// Counts all cells anew, whatever stands there.
pub(crate) async fn recount(inner: &Inner) -> Result<()> {
    let table = inner.table(NAME)?;
    loop {
        let snapshot = table.refresh().await?;
        let daily = inner.table("post_daily")?.refresh().await?;
        let plan = replaced(table, &snapshot, None, counted(inner, &Wanted::All).await?).await?;
        let mut transactions = vec![(COMPLETE.to_owned(), 1)];
        let reached = daily.transactions.iter().map(|(app, version)| (app.clone(), *version));
        transactions.extend(reached);
        if plan.commit(table, &snapshot, transactions).await?.is_some() {
            return Ok(());
        }
    }
}

/// The files that may hold cells of the keys, by account and days.
fn holding<'a>(
    snapshot: &'a Snapshot,
    keys: &'a HashSet<&'a CellKey>,
) -> impl Iterator<Item = &'a std::sync::Arc<DataFile>> {
    let mut spans: BTreeMap<&SmolStr, (i32, i32)> = BTreeMap::new();
    for key in keys {
        let span = spans.entry(&key.account).or_insert((key.day, key.day));
        *span = (span.0.min(key.day), span.1.max(key.day));
    }
    snapshot.files.values().filter(move |file| {
        spans.iter().any(|(account, (from, to))| {
            file.stats.may_hold("account", account)
                && file.stats.may_meet("day", i64::from(*from), i64::from(*to))
        })
    })
}

async fn changed(
    inner: &Inner,
    table: &TableLog,
    snapshot: &Snapshot,
    tally: &Tally,
    pending: &mut Pending<'_>,
) -> Result<Option<Plan>> {
    let keys: HashSet<&CellKey> = tally.added.keys().chain(tally.removed.keys()).collect();
    let mut plan = Plan::default();
    let mut known: HashMap<CellKey, Sums> = HashMap::default();
    for file in holding(snapshot, &keys) {
        let whole = read_whole(table, file, None).await?;
        let mut gone = HashSet::default();
        for (place, (key, sums)) in read(table, &whole)?.into_iter().enumerate() {
            if keys.contains(&key) {
                gone.insert(place);
                known.insert(key, sums);
            }
        }
        if !gone.is_empty() {
            plan.rewrite(table, file, without(&whole, &gone)?).await?;
        }
    }
    let mut cells: HashMap<CellKey, Sums> = HashMap::default();
    let mut unknown: HashSet<&CellKey> = HashSet::default();
    for key in keys {
        let (added, removed) = (tally.added.get(key), tally.removed.get(key));
        let left = match (known.get(key), removed) {
            (Some(known), Some(removed)) => known.without(removed, added),
            (Some(known), None) => Some(known.clone()),
            (None, None) => Some(Sums::NOTHING),
            (None, Some(_)) => None,
        };
        match (left, added) {
            (None, _) => {
                unknown.insert(key);
            }
            (Some(left), Some(added)) if left.rows == 0 => {
                cells.insert(key.clone(), added.clone());
            }
            (Some(mut left), added) => {
                if let Some(added) = added {
                    left.add(added);
                }
                if left.rows > 0 {
                    cells.insert(key.clone(), left);
                }
            }
        }
    }
    if !unknown.is_empty() {
        // They are counted from the days, which must have those of this commit.
        if !pending.settle().await? {
            return Ok(None);
        }
        let spans: HashSet<(&SmolStr, i32, i32)> =
            unknown.iter().map(|key| (&key.account, key.day, key.end_day)).collect();
        let counted = counted(inner, &Wanted::Spans(&spans)).await?;
        cells.extend(counted.into_iter().filter(|(key, _)| unknown.contains(key)));
    }
    fill(&mut plan, table, cells)?;
    Ok(Some(plan))
}

/// Puts cells in the place of those of accounts, or of all.
async fn replaced(
    table: &TableLog,
    snapshot: &Snapshot,
    accounts: Option<&HashSet<SmolStr>>,
    cells: HashMap<CellKey, Sums>,
) -> Result<Plan> {
    let theirs = |key: &CellKey| accounts.is_none_or(|accounts| accounts.contains(&key.account));
    let mut plan = Plan::default();
    for file in snapshot.files.values() {
        let whole = read_whole(table, file, None).await?;
        let known = read(table, &whole)?;
        let gone: HashSet<usize> =
            known.iter().enumerate().filter(|(_, (key, _))| theirs(key)).map(|(place, _)| place).collect();
        if !gone.is_empty() {
            plan.rewrite(table, file, without(&whole, &gone)?).await?;
        }
    }
    fill(&mut plan, table, cells)?;
    Ok(plan)
}

/// Which rows are counted.
enum Wanted<'a> {
    All,
    Accounts(&'a HashSet<SmolStr>),
    Spans(&'a HashSet<(&'a SmolStr, i32, i32)>),
}

impl Wanted<'_> {
    fn account(&self, account: &SmolStr) -> bool {
        match self {
            Self::All => true,
            Self::Accounts(accounts) => accounts.contains(account),
            Self::Spans(spans) => spans.iter().any(|(known, ..)| *known == account),
        }
    }

    fn row(&self, row: &DailyRow) -> bool {
        match self {
            Self::Spans(spans) => spans.contains(&(&row.series.account, row.day, row.end_day)),
            _ => self.account(&row.series.account),
        }
    }

    fn file(&self, file: &DataFile) -> bool {
        let holds = |account: &str| file.stats.may_hold("account", account);
        match self {
            Self::All => true,
            Self::Accounts(accounts) => accounts.iter().any(|account| holds(account)),
            Self::Spans(spans) => spans.iter().any(|(account, day, _)| {
                holds(account) && file.stats.may_meet("day", i64::from(*day), i64::from(*day))
            }),
        }
    }
}

/// Counts cells from their rows.
async fn counted(inner: &Inner, wanted: &Wanted<'_>) -> Result<HashMap<CellKey, Sums>> {
    let posts = inner.table("posts")?;
    let of_account = |account: &SmolStr, _: &SmolStr| wanted.account(account);
    let sortings = dimension::sortings(posts, &posts.known(), of_account, None).await?;
    let table = inner.table("post_daily")?;
    let mut cells = HashMap::default();
    for file in table.known().current().filter(|file| wanted.file(file)) {
        let whole = read_whole(table, file, None).await?;
        for (_, row) in read_daily(table, &whole, |series| wanted.account(&series.account))? {
            if wanted.row(&row) {
                let post = (row.series.account.clone(), row.series.post.clone());
                count(&mut cells, &row, sortings.get(&post).cloned().unwrap_or_default());
            }
        }
    }
    Ok(cells)
}

fn fill(plan: &mut Plan, table: &TableLog, cells: HashMap<CellKey, Sums>) -> Result<()> {
    let mut months: BTreeMap<String, Vec<(CellKey, Sums)>> = BTreeMap::new();
    for (key, sums) in cells {
        months.entry(month_of(key.end_day - 1)).or_default().push((key, sums));
    }
    for (month, mut cells) in months {
        cells.sort_by(|a, b| a.0.cmp(&b.0));
        plan.add(vec![("month", month)], to_batch(table, &cells)?);
    }
    Ok(())
}

fn to_batch(table: &TableLog, cells: &[(CellKey, Sums)]) -> Result<RecordBatch> {
    let mut frame = Frame::new(table.schema.file.clone(), cells.len());
    let keys = || cells.iter().map(|(key, _)| key);
    let platform = |account: &str| account.find('/').unwrap_or(account.len());
    frame.texts("platform", keys().map(|key| &key.account[..platform(&key.account)]));
    frame.texts("account", keys().map(|key| key.account.as_str()));
    frame.dates("day", keys().map(|key| key.day));
    frame.dates("end_day", keys().map(|key| key.end_day));
    frame.texts("traffic", keys().map(|key| key.traffic));
    frame.texts("provenance", keys().map(|key| key.provenance));
    frame.flags("provisional", keys().map(|key| key.provisional));
    frame.maybe_texts("format", keys().map(|key| key.sorting.format.as_ref()));
    frame.maybe_texts("category", keys().map(|key| key.sorting.category.as_ref()));
    frame.maybe_texts("campaign", keys().map(|key| key.sorting.campaign.as_ref()));
    frame.maybe_texts("currency", keys().map(|key| key.currency.as_ref()));
    frame.ints("rows", cells.iter().map(|(_, sums)| sums.rows));
    frame.instants("observed_at", cells.iter().map(|(_, sums)| sums.observed));
    let origin = bare_origin(0, 0, false, None);
    let of_cell = |(key, sums): &(CellKey, Sums)| -> Vec<Cell> {
        let numbers = key.metrics.iter().zip(&sums.numbers);
        let cell = |(column, number): (&u16, &Number)| Cell {
            column: *column,
            number: Some(*number),
            flags: kepi_core::Flags::NONE,
            definition: None,
            origin: origin.clone(),
            confirmed: NEVER,
        };
        numbers.map(cell).collect()
    };
    let rows: Vec<Vec<Cell>> = cells.iter().map(of_cell).collect();
    let rows: Vec<&[Cell]> = rows.iter().map(Vec::as_slice).collect();
    numbers(&mut frame, &table.schema, &rows);
    frame.finish()
}

fn read(table: &TableLog, batch: &RecordBatch) -> Result<Vec<(CellKey, Sums)>> {
    let columns = Columns(batch);
    let account = columns.text("account")?;
    let (day, end_day) = (columns.date("day")?, columns.date("end_day")?);
    let (traffics, provenances) = (columns.text("traffic")?, columns.text("provenance")?);
    let (provisional, currency) = (columns.flag("provisional")?, columns.text("currency")?);
    let (format, category, campaign) =
        (columns.text("format")?, columns.text("category")?, columns.text("campaign")?);
    let (rows, observed) = (columns.int("rows")?, columns.instant("observed_at")?);
    let metrics = metric_columns(table, batch);
    let cell = |row: usize| -> Result<(CellKey, Sums)> {
        let (metrics, numbers) =
            metrics.iter().filter_map(|(place, column)| Some((*place, number_at(column, row)?))).unzip();
        let key = CellKey {
            account: account.value(row).into(),
            day: day.value(row),
            end_day: end_day.value(row),
            traffic: traffic(traffics.value(row))
                .map(Traffic::as_str)
                .ok_or_else(|| torn("an unknown traffic"))?,
            provenance: provenance(provenances.value(row))
                .map(Provenance::as_str)
                .ok_or_else(|| torn("an unknown provenance"))?,
            provisional: provisional.value(row),
            currency: currency.at_row(row),
            sorting: Sorting {
                format: format.at_row(row),
                category: category.at_row(row),
                campaign: campaign.at_row(row),
            },
            metrics,
        };
        Ok((key, Sums { rows: rows.value(row), observed: observed.value(row), numbers }))
    };
    (0..batch.num_rows()).map(cell).collect()
}

/// The cells as the table holds them, to be compared with what their rows come to.
#[cfg(test)]
pub(crate) async fn stored(inner: &Inner) -> Result<BTreeMap<CellKey, Sums>> {
    let table = inner.table(NAME)?;
    let mut cells = BTreeMap::new();
    for file in table.refresh().await?.files.values() {
        for (key, sums) in read(table, &read_whole(table, file, None).await?)? {
            assert!(cells.insert(key, sums).is_none(), "a cell stands there twice");
        }
    }
    Ok(cells)
}

/// What the rows come to.
#[cfg(test)]
pub(crate) async fn counted_all(inner: &Inner) -> Result<BTreeMap<CellKey, Sums>> {
    Ok(counted(inner, &Wanted::All).await?.into_iter().collect())
}
