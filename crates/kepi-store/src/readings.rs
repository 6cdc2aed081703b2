//! `post_daily` and `post_lifetime`: kept in step with the readings of posts.
//!
//! A reading that simply comes after all others of its series needs only the newest readings, which
//! `post_lifetime` holds. Anything else (a restated or late reading, a day given by the platform, a birth that
//! became known) makes the series anew from its facts; what differs from what was said is superseded.

use std::{collections::BTreeMap, sync::Arc};

use kepi_core::{Result, SubjectKind};
use smol_str::SmolStr;

use crate::{
    cell::{Row, WindowKey},
    columns::Columns,
    daily::{Birth, Context, DailyKey, DailyRow, Method, Series, birth, daily, earliest},
    daily_rows::{read_daily, read_series, to_batch as daily_batch},
    dimension::{self, Sorting, Turned},
    hash::{HashMap, HashSet},
    lifetime::{self, Kept, keep},
    log::{DataFile, Snapshot, TableLog},
    parquet_files::{month_partition, read_whole},
    plan::Plan,
    project::Pending,
    rollup::{self, Tally},
    rows::{Layout, read_keys, read_rows},
    same::Moved,
    store::Inner,
    upsert::{Opened, Reach, replaced, without},
    value::by_month,
};

/// What a commit changed that these two tables follow.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// Facts of posts that became valid.
    pub(crate) opened: Vec<Opened>,
    /// Accounts and posts of which something new is known.
    pub(crate) turned: Vec<Turned>,
    /// Posts under ids of ours that go on as others, and what they were sorted by.
    pub(crate) moved: Vec<Moved>,
    /// A try before died on the way: what was known before the commit is not told.
    pub(crate) resumed: bool,
}

pub(crate) type PostKey = (SmolStr, SmolStr);

/// Brings both tables, and the rollups, to a commit. `false` when another writer was first.
pub(crate) async fn project<'a>(
    inner: &'a Inner,
    touched: Touched,
    pending: &mut Pending<'a>,
) -> Result<bool> {
    let lifetime = inner.table("post_lifetime")?;
    let kept = lifetime.refresh().await?;
    if pending.mark().is_reached(&kept) {
        return Ok(true);
    }
    let resumed = touched.resumed;
    let work = Work::gather(inner, touched).await?;
    if work.posts.is_empty() {
        return Ok(true);
    }
    let loaded = Loaded::of(lifetime, &kept, &work).await?;
    let Some(made) = make(inner, &work, &loaded, pending).await? else { return Ok(false) };
    let sorted = Sorted::of(inner, &work, &made).await?;
    let changes = put_daily(inner.table("post_daily")?, &made, &sorted, pending).await?;
    let anew = || work.posts.iter().map(|(account, _)| account.clone()).collect();
    let cells =
        changes.filter(|_| !resumed).map_or_else(|| rollup::Work::Anew(anew()), rollup::Work::Changes);
    if !rollup::project(inner, cells, pending).await? {
        return Ok(false);
    }
    put_lifetime(lifetime, kept, &work, made, pending).await?;
    Ok(true)
}

/// What the posts of changed rows are sorted by, now and, where that changed with the commit, before.
struct Sorted<'a> {
    now: HashMap<PostKey, Sorting>,
    before: &'a HashMap<PostKey, Sorting>,
}

impl<'a> Sorted<'a> {
    async fn of(inner: &Inner, work: &'a Work, made: &Made) -> Result<Self> {
        let mut now = work.sortings.clone();
        let changed = made.appended.iter().map(|row| &row.series).chain(made.anew.keys());
        let unknown: HashSet<PostKey> = changed
            .map(|series| (series.account.clone(), series.post.clone()))
            .filter(|post| !now.contains_key(post))
            .collect();
        if !unknown.is_empty() {
            let table = inner.table("posts")?;
            let reach = Reach::of_subjects(unknown.iter().map(|(account, post)| (account, post)));
            let wanted =
                |account: &SmolStr, post: &SmolStr| unknown.contains(&(account.clone(), post.clone()));
            now.extend(dimension::sortings(table, &table.known(), wanted, Some(&reach)).await?);
        }
        Ok(Self { now, before: &work.sortings_before })
    }

    fn now(&self, series: &Series) -> Sorting {
        let post = (series.account.clone(), series.post.clone());
        self.now.get(&post).cloned().unwrap_or_default()
    }

    fn before(&self, series: &Series) -> Sorting {
        let post = (series.account.clone(), series.post.clone());
        self.before.get(&post).or_else(|| self.now.get(&post)).cloned().unwrap_or_default()
    }
}

/// Which posts are concerned, and what is known of them.
struct Work {
    posts: HashSet<PostKey>,
    reach: Reach,
    /// New facts by series.
    opened: HashMap<Series, Vec<Opened>>,
    /// Posts whose every series is to be made anew.
    anew: HashSet<PostKey>,
    births: HashMap<PostKey, Birth>,
    /// What posts of which something new is known are sorted by.
    sortings: HashMap<PostKey, Sorting>,
    /// What those were sorted by before of which that changed.
    sortings_before: HashMap<PostKey, Sorting>,
    /// Posts that go on under another id, and that.
    moved: HashMap<PostKey, PostKey>,
    first_observed: HashMap<SmolStr, i64>,
}

impl Work {
    async fn gather(inner: &Inner, touched: Touched) -> Result<Self> {
        let mut opened: HashMap<Series, Vec<Opened>> = HashMap::default();
        let mut posts: HashSet<PostKey> = HashSet::default();
        for one in touched.opened {
            if matches!(one.new.key.window, WindowKey::Period(..)) {
                continue;
            }
            let series = Series::of(&one.new);
            posts.insert((series.account.clone(), series.post.clone()));
            opened.entry(series).or_default().push(one);
        }
        let mut anew = HashSet::default();
        let mut births: HashMap<PostKey, Birth> = HashMap::default();
        let (mut sortings, mut sortings_before) = (HashMap::default(), HashMap::default());
        for Turned { old, new } in touched.turned.iter().filter(|turned| !turned.new.post.is_empty()) {
            let post = (new.account.clone(), new.post.clone());
            let born = birth(new.instant("published_at"), new.date("published_day"));
            let was =
                old.as_ref().and_then(|old| birth(old.instant("published_at"), old.date("published_day")));
            births.insert(post.clone(), born);
            let sorting = Sorting::of(new);
            let sorted_before = old.as_deref().map(Sorting::of).unwrap_or_default();
            if born != was || sorting != sorted_before {
                anew.insert(post.clone());
            }
            if sorting != sorted_before {
                sortings_before.insert(post.clone(), sorted_before);
            }
            sortings.insert(post, sorting);
        }
        anew.extend(earlier_watched(inner, &touched.turned).await?);
        let mut moved = HashMap::default();
        for Moved { ours, theirs, sorting } in touched.moved {
            anew.extend([ours.clone(), theirs.clone()]);
            sortings_before.insert(ours.clone(), sorting);
            moved.insert(ours, theirs);
        }
        posts.extend(anew.iter().cloned());
        let reach = Reach::of_subjects(posts.iter().map(|(account, post)| (account, post)));
        let first_observed = first_observed(inner).await?;
        Ok(Self { posts, reach, opened, anew, births, sortings, sortings_before, moved, first_observed })
    }

    fn holds(&self, account: &SmolStr, post: &SmolStr) -> bool {
        self.posts.contains(&(account.clone(), post.clone()))
    }

    /// The series in which one of a post that goes on under another id goes on.
    fn goes_on(&self, series: &Series) -> Option<Series> {
        let (_, post) = self.moved.get(&(series.account.clone(), series.post.clone()))?;
        Some(Series { post: post.clone(), ..series.clone() })
    }

    fn context(&self, series: &Series, births: &HashMap<PostKey, Birth>) -> Context {
        let post = (series.account.clone(), series.post.clone());
        Context {
            birth: births.get(&post).copied().flatten(),
            first_observed: self.first_observed.get(&series.account).copied(),
        }
    }
}

/// When the first number of each account was read.
async fn first_observed(inner: &Inner) -> Result<HashMap<SmolStr, i64>> {
    let table = inner.table("accounts")?;
    let accounts = dimension::entries(table, &table.known(), |_, _| true, None).await?;
    Ok(accounts
        .into_iter()
        .filter_map(|entry| Some((entry.account.clone(), entry.instant("first_observed_at")?)))
        .collect())
}

/// Posts that were born between the new and the old first observation of their account: older data came in,
/// and they count from zero now.
async fn earlier_watched(inner: &Inner, turned: &[Turned]) -> Result<HashSet<PostKey>> {
    let first = |entry: &dimension::Entry| entry.instant("first_observed_at");
    let moved: HashMap<SmolStr, (i64, i64)> = turned
        .iter()
        .filter(|turned| turned.new.post.is_empty())
        .filter_map(|turned| {
            let (new, old) = (first(&turned.new)?, first(turned.old.as_deref()?)?);
            (new < old).then(|| (turned.new.account.clone(), (new, old)))
        })
        .collect();
    if moved.is_empty() {
        return Ok(HashSet::default());
    }
    let table = inner.table("posts")?;
    let entries =
        dimension::entries(table, &table.known(), |account, _| moved.contains_key(account), None).await?;
    let between = |entry: &&dimension::Entry| {
        let (new, old) = moved[&entry.account];
        let born = birth(entry.instant("published_at"), entry.date("published_day"));
        earliest(born).is_some_and(|at| new < at && at <= old)
    };
    Ok(entries.iter().filter(between).map(|entry| (entry.account.clone(), entry.post.clone())).collect())
}

/// The kept readings of the posts concerned.
struct Loaded {
    series: HashMap<Series, Vec<Kept>>,
}

impl Loaded {
    async fn of(table: &TableLog, snapshot: &Snapshot, work: &Work) -> Result<Self> {
        let mut series: HashMap<Series, Vec<Kept>> = HashMap::default();
        for file in matching(table, snapshot, work).await? {
            let batch = read_whole(table, &file, None).await?;
            let columns = Columns(&batch);
            let (account, post) = (columns.text("account")?, columns.text("post")?);
            let holds = |row: &usize| work.holds(&account.value(*row).into(), &post.value(*row).into());
            let places: Vec<usize> = (0..batch.num_rows()).filter(holds).collect();
            for kept in lifetime::read(table, &batch, &places)? {
                series.entry(Series::of(&kept.row)).or_default().push(kept);
            }
        }
        Ok(Self { series })
    }
}

/// The current files that hold rows of the posts concerned.
async fn matching(table: &TableLog, snapshot: &Snapshot, work: &Work) -> Result<Vec<Arc<DataFile>>> {
    let mut found = Vec::new();
    for file in snapshot.current() {
        if work.reach.finds(table, file).await? {
            found.push(file.clone());
        }
    }
    Ok(found)
}

/// What the two tables are to say of the series concerned.
#[derive(Default)]
struct Made {
    /// Rows that simply come after what is there.
    appended: Vec<Arc<DailyRow>>,
    /// All rows of series that were made anew.
    anew: HashMap<Series, Vec<Arc<DailyRow>>>,
    /// The kept readings of each series concerned.
    kept: Vec<(Series, Vec<Kept>)>,
}

/// Makes them; `None` when another writer was first.
async fn make(
    inner: &Inner,
    work: &Work,
    loaded: &Loaded,
    pending: &mut Pending<'_>,
) -> Result<Option<Made>> {
    let recorded = pending.mark().recorded;
    let births = births(inner, work, loaded).await?;
    let given = series_with_given_days(inner, work).await?;
    let gone_on: HashSet<Series> =
        loaded.series.keys().chain(&given).filter_map(|series| work.goes_on(series)).collect();
    let told = work.opened.keys().chain(loaded.series.keys());
    let mut all: Vec<&Series> = told.chain(&given).chain(&gone_on).collect();
    // In the order of files: what follows becomes several of them.
    all.sort_unstable();
    all.dedup();
    let (simple, mended): (Vec<&Series>, Vec<&Series>) = all.into_iter().partition(|series| {
        let post = (series.account.clone(), series.post.clone());
        let kept = loaded.series.get(*series).map_or(&[][..], Vec::as_slice);
        let known_birth = kept.first().is_none_or(|kept| births.get(&post).copied().flatten() == kept.birth);
        let opened = work.opened.get(*series).map_or(&[][..], Vec::as_slice);
        // At its limit, what was left out may have its turn again.
        let whole = kept.len() < lifetime::LIMIT;
        let after = comes_after(opened, kept, work.anew.contains(&post));
        !given.contains(*series) && !gone_on.contains(*series) && known_birth && whole && after
    });
    let mut made = Made::default();
    for series in simple {
        let context = work.context(series, &births);
        let Some(opened) = work.opened.get(series) else { continue };
        let kept = loaded.series.get(series).map_or(&[][..], Vec::as_slice);
        let newest_day = kept.iter().map(|kept| kept.row.day).max();
        let mut readings: Vec<Arc<Row>> = kept.iter().map(|kept| kept.row.clone()).collect();
        readings.extend(opened.iter().map(|opened| opened.new.clone()));
        let rows = daily(series, &readings, context, recorded);
        let later = rows.into_iter().filter(|row| newest_day.is_none_or(|day| row.end_day > day + 1));
        made.appended.extend(later.map(Arc::new));
        made.kept.push((series.clone(), keep(readings, context.birth)));
    }
    // Their facts are read from the table, which must have those of this commit.
    if !mended.is_empty() && !pending.settle().await? {
        return Ok(None);
    }
    let mut facts = facts_of(inner, work, &mended).await?;
    for series in mended {
        let context = work.context(series, &births);
        let readings = facts.remove(series).unwrap_or_default();
        let rows = daily(series, &readings, context, recorded).into_iter().map(Arc::new).collect();
        made.anew.insert(series.clone(), rows);
        let at = |row: &Arc<Row>| matches!(row.key.window, WindowKey::At(_));
        let kept = keep(readings.into_iter().filter(at).collect(), context.birth);
        made.kept.push((series.clone(), kept));
    }
    Ok(Some(made))
}

/// Whether new readings simply come after all that is there: each on a later day, none restated, every number
/// told.
fn comes_after(opened: &[Opened], kept: &[Kept], anew: bool) -> bool {
    let newest = kept.iter().map(|kept| kept.row.day).max();
    let later = |row: &Row| newest.is_none_or(|newest| row.day > newest);
    let told = |row: &Row| row.cells.iter().all(|cell| cell.number.is_some());
    let simple = |opened: &Opened| {
        let reading = matches!(opened.new.key.window, WindowKey::At(_));
        opened.old.is_none() && reading && told(&opened.new) && later(&opened.new)
    };
    // What was born only now, or became known only now, has nothing to mend.
    (!anew || kept.is_empty()) && opened.iter().all(simple)
}

async fn births(inner: &Inner, work: &Work, loaded: &Loaded) -> Result<HashMap<PostKey, Birth>> {
    let mut births = work.births.clone();
    for (series, kept) in &loaded.series {
        let post = (series.account.clone(), series.post.clone());
        if let Some(first) = kept.first() {
            births.entry(post).or_insert(first.birth);
        }
    }
    let unknown: HashSet<PostKey> =
        work.posts.iter().filter(|post| !births.contains_key(*post)).cloned().collect();
    if unknown.is_empty() {
        return Ok(births);
    }
    let table = inner.table("posts")?;
    let reach = Reach::of_subjects(unknown.iter().map(|(account, post)| (account, post)));
    let wanted = |account: &SmolStr, post: &SmolStr| unknown.contains(&(account.clone(), post.clone()));
    for entry in dimension::entries(table, &table.known(), wanted, Some(&reach)).await? {
        let born = birth(entry.instant("published_at"), entry.date("published_day"));
        births.insert((entry.account, entry.post), born);
    }
    Ok(births)
}

/// The series of the posts concerned of which the platform gave days.
async fn series_with_given_days(inner: &Inner, work: &Work) -> Result<HashSet<Series>> {
    let table = inner.table("post_daily")?;
    let snapshot = table.known();
    let with_given = [Method::Given.as_str(), Method::Both.as_str()];
    let mut found = HashSet::default();
    for file in snapshot.current() {
        let may_hold = with_given.iter().any(|method| file.stats.may_hold("method", method));
        if !may_hold || !work.reach.meets_subject(file, Some("post")) {
            continue;
        }
        let columns = ["account", "post", "method", "traffic", "provenance"];
        let narrow = read_whole(table, file, Some(&columns)).await?;
        let method = Columns(&narrow).text("method")?;
        for (place, series) in read_series(&narrow)?.into_iter().enumerate() {
            if with_given.contains(&method.value(place)) && work.holds(&series.account, &series.post) {
                found.insert(series);
            }
        }
    }
    Ok(found)
}

/// All valid facts of series.
async fn facts_of(inner: &Inner, work: &Work, wanted: &[&Series]) -> Result<HashMap<Series, Vec<Arc<Row>>>> {
    let mut facts: HashMap<Series, Vec<Arc<Row>>> = HashMap::default();
    if wanted.is_empty() {
        return Ok(facts);
    }
    let wanted: HashSet<&Series> = wanted.iter().copied().collect();
    let posts: HashSet<(&SmolStr, &SmolStr)> =
        wanted.iter().map(|series| (&series.account, &series.post)).collect();
    let reach = Reach::of_subjects(posts.iter().copied());
    let table = inner.table("post_facts")?;
    let layout = Layout::Wide(SubjectKind::Post);
    let snapshot = table.known();
    for file in snapshot.current().filter(|file| reach.meets_subject(file, Some("post"))) {
        let narrow = read_whole(table, file, Some(&layout.key_columns())).await?;
        let keys = read_keys(layout, &narrow)?;
        let places: Vec<usize> = (0..keys.len())
            .filter(|row| posts.contains(&(&keys[*row].account, &keys[*row].subject)))
            .collect();
        if places.is_empty() {
            continue;
        }
        let whole = read_whole(table, file, None).await?;
        for row in read_rows(&table.schema, &whole, &keys, &places)? {
            let series = Series::of(&row);
            if wanted.contains(&series) {
                facts.entry(series).or_default().push(Arc::new(row));
            }
        }
    }
    debug_assert!(work.posts.len() >= posts.len());
    Ok(facts)
}

/// Begins to write days; what that changes, unless it was there already.
async fn put_daily<'a>(
    table: &'a TableLog,
    made: &Made,
    sorted: &Sorted<'_>,
    pending: &mut Pending<'a>,
) -> Result<Option<Tally>> {
    let snapshot = table.refresh().await?;
    if pending.mark().is_reached(&snapshot) {
        return Ok(None);
    }
    let (plan, tally) = plan_daily(table, &snapshot, made, sorted, pending.mark().recorded).await?;
    pending.begin(table, snapshot, plan);
    Ok(Some(tally))
}

async fn plan_daily(
    table: &TableLog,
    snapshot: &Snapshot,
    made: &Made,
    sorted: &Sorted<'_>,
    recorded: i64,
) -> Result<(Plan, Tally)> {
    let mut plan = Plan::default();
    let mut tally = Tally::default();
    let mut wanted: HashMap<DailyKey, &Arc<DailyRow>> = HashMap::default();
    for row in made.anew.values().flatten() {
        wanted.insert(row.key(), row);
    }
    let mut closed: Vec<Arc<DailyRow>> = Vec::new();
    if !made.anew.is_empty() {
        let reach = Reach::of_subjects(made.anew.keys().map(|series| (&series.account, &series.post)));
        for file in snapshot.current().filter(|file| reach.meets_subject(file, Some("post"))) {
            let whole = read_whole(table, file, None).await?;
            let (mut gone, mut places, mut rows) = (HashSet::default(), Vec::new(), Vec::new());
            for (place, row) in read_daily(table, &whole, |series| made.anew.contains_key(series))? {
                // A row that still says the same stays; any other is superseded.
                if wanted.get(&row.key()).is_some_and(|new| new.agrees(&row)) {
                    wanted.remove(&row.key());
                    if sorted.before(&row.series) != sorted.now(&row.series) {
                        tally.remove(&row, sorted.before(&row.series));
                        tally.add(&row, sorted.now(&row.series));
                    }
                } else {
                    tally.remove(&row, sorted.before(&row.series));
                    if let Some(new) = wanted.remove(&row.key()) {
                        tally.add(new, sorted.now(&row.series));
                        places.push(place);
                        rows.push(new.clone());
                    } else {
                        gone.insert(place);
                    }
                    closed.push(Arc::new(row));
                }
            }
            if !(gone.is_empty() && rows.is_empty()) {
                let rows = daily_batch(&table.schema, &rows, None)?;
                let settled = replaced(&table.schema, &whole, &gone, &places, rows)?;
                plan.rewrite(table, file, settled).await?;
            }
        }
    }
    let added = || made.appended.iter().chain(wanted.values().copied());
    for row in added() {
        tally.add(row, sorted.now(&row.series));
    }
    for (month, rows) in by_month(added(), DailyRow::last_day) {
        let schema = table.schema.clone();
        plan.add_made(month_partition(true, &month), move || daily_batch(&schema, &rows, None));
    }
    for (month, rows) in by_month(closed.iter(), DailyRow::last_day) {
        let schema = table.schema.clone();
        plan.add_made(month_partition(false, &month), move || daily_batch(&schema, &rows, Some(recorded)));
    }
    Ok((plan, tally))
}

/// Begins to write the newest readings.
async fn put_lifetime<'a>(
    table: &'a TableLog,
    snapshot: Arc<Snapshot>,
    work: &Work,
    made: Made,
    pending: &mut Pending<'a>,
) -> Result<()> {
    let mut plan = Plan::default();
    let replaced: HashSet<&Series> = made.kept.iter().map(|(series, _)| series).collect();
    for file in matching(table, &snapshot, work).await? {
        let batch = read_whole(table, &file, None).await?;
        let series = read_series(&batch)?.into_iter().enumerate();
        let gone: HashSet<usize> =
            series.filter(|(_, series)| replaced.contains(series)).map(|(place, _)| place).collect();
        if !gone.is_empty() {
            plan.rewrite(table, &file, without(&batch, &gone)?).await?;
        }
    }
    let mut months: BTreeMap<_, Vec<Kept>> = BTreeMap::new();
    for kept in made.kept.into_iter().flat_map(|(_, kept)| kept) {
        months.entry(lifetime::partition(&kept)).or_default().push(kept);
    }
    for (partition, kept) in months {
        let schema = table.schema.clone();
        plan.add_made(partition, move || lifetime::to_batch(&schema, &kept));
    }
    pending.begin(table, snapshot, plan);
    Ok(())
}
