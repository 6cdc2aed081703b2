//! What is known of accounts and posts: newest wins, field by field, and history is kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arrow::array::{Array, RecordBatch};
use jiff::Timestamp;
use kepi_core::{Account, Post, Result, period::local_day};
use smol_str::SmolStr;

use crate::{
    columns::{At, Columns, Frame},
    facts::PageContext,
    fail::torn,
    hash::{HashMap, HashSet},
    log::{Snapshot, TableLog},
    parquet_files::read_whole,
    plan::Plan,
    schema::TableSchema,
    upsert::{Reach, without},
    value::{days_of, instant},
};

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    Text(SmolStr),
    Instant(i64),
    Date(i32),
    Flag(bool),
}

impl Field {
    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn instant(&self) -> Option<i64> {
        if let Self::Instant(at) = self { Some(*at) } else { None }
    }

    fn date(&self) -> Option<i32> {
        if let Self::Date(date) = self { Some(*date) } else { None }
    }

    fn flag(&self) -> Option<bool> {
        if let Self::Flag(flag) = self { Some(*flag) } else { None }
    }
}

/// The kind of a field's column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Text,
    Instant,
    Date,
    Flag,
}

/// The fields of posts, by column.
const POST_FIELDS: [(&str, Kind); 14] = [
    ("published_at", Kind::Instant),
    ("published_day", Kind::Date),
    ("format", Kind::Text),
    ("title", Kind::Text),
    ("text", Kind::Text),
    ("url", Kind::Text),
    ("language", Kind::Text),
    ("tags", Kind::Text),
    ("category", Kind::Text),
    ("campaign", Kind::Text),
    ("product_type", Kind::Text),
    ("is_reply", Kind::Flag),
    ("deleted_at", Kind::Instant),
    (EARLIER, Kind::Text),
];

/// The fields of accounts, by column.
const ACCOUNT_FIELDS: [(&str, Kind); 11] = [
    ("platform_id", Kind::Text),
    ("handle", Kind::Text),
    ("brand", Kind::Text),
    ("market", Kind::Text),
    ("zone", Kind::Text),
    ("currency", Kind::Text),
    ("size_class", Kind::Text),
    ("first_observed_at", Kind::Instant),
    ("first_own_at", Kind::Instant),
    ("first_public_at", Kind::Instant),
    ("configured", Kind::Flag),
];

/// When a post was published, and the day alone.
const PUBLISHED: [&str; 2] = ["published_at", "published_day"];

/// The field that says when the first number of an account was read.
const FIRST: &str = "first_observed_at";

/// The fields that say the same of its own numbers, and of its public ones.
const FIRST_OWN: &str = "first_own_at";
const FIRST_PUBLIC: &str = "first_public_at";

/// Fields of which the oldest wins: when something was first seen. A platform may tell of a post every day that
/// it is gone.
const OLDEST: [&str; 4] = [FIRST, FIRST_OWN, FIRST_PUBLIC, "deleted_at"];

/// The ids of ours that a post stood under before the platform's was known: they only grow in number.
const EARLIER: &str = "earlier_ids";

/// What is said of an account or post and when, sorted by field: there are a dozen at most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(&'static str, (Field, i64))>);

impl Fields {
    fn place(&self, field: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (*known).cmp(field))
    }

    fn get(&self, field: &str) -> Option<&(Field, i64)> {
        self.place(field).ok().map(|place| &self.0[place].1)
    }

    fn remove(&mut self, field: &str) {
        if let Ok(place) = self.place(field) {
            self.0.remove(place);
        }
    }

    fn insert(&mut self, field: &'static str, value: (Field, i64)) {
        match self.place(field) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (field, value)),
        }
    }
}

/// One account or post: field → what is said and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) account: SmolStr,
    /// Empty for accounts.
    pub(crate) post: SmolStr,
    pub(crate) fields: Fields,
    pub(crate) recorded: i64,
}

impl Entry {
    pub(crate) fn instant(&self, field: &str) -> Option<i64> {
        self.fields.get(field)?.0.instant()
    }

    pub(crate) fn date(&self, field: &str) -> Option<i32> {
        self.fields.get(field)?.0.date()
    }

    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.0.text()
    }

    pub(crate) fn flag(&self, field: &str) -> Option<bool> {
        self.fields.get(field)?.0.flag()
    }

    /// The ids of ours that it stood under before.
    pub(crate) fn earlier_ids(&self) -> impl Iterator<Item = SmolStr> {
        self.text(EARLIER).into_iter().flat_map(|ids| ids.split(' ')).map(SmolStr::new)
    }

    /// When the newest of it was said.
    fn observed(&self) -> i64 {
        self.fields.0.iter().map(|(_, (_, observed))| *observed).max().unwrap_or(0)
    }

    fn say(&mut self, field: &'static str, value: Option<Field>, observed: i64) {
        if let Some(value) = value {
            settle(&mut self.fields, field, value, observed);
        }
    }

    /// Takes in what another entry says; whether anything changed.
    pub(crate) fn absorb(&mut self, other: &Self) -> bool {
        let mut changed = settle_published(&mut self.fields, &other.fields);
        for (field, (value, observed)) in
            other.fields.0.iter().filter(|(field, _)| !PUBLISHED.contains(field))
        {
            changed |= settle(&mut self.fields, field, value.clone(), *observed);
        }
        changed
    }
}

/// Takes in when a post was published. Who tells the day alone says nothing where the instant is known, and an instant
/// brings its own day, whenever each was said.
fn settle_published(fields: &mut Fields, said: &Fields) -> bool {
    let [instant, day] = PUBLISHED;
    match (fields.get(instant).is_some(), said.get(instant).is_some()) {
        (true, false) => return false,
        (false, true) => fields.remove(day),
        _ => {}
    }
    let mut changed = false;
    for field in PUBLISHED {
        if let Some((value, observed)) = said.get(field) {
            changed |= settle(fields, field, value.clone(), *observed);
        }
    }
    changed
}

fn settle(fields: &mut Fields, field: &'static str, value: Field, observed: i64) -> bool {
    let known = match fields.place(field) {
        Ok(place) => &mut fields.0[place].1,
        Err(place) => {
            fields.0.insert(place, (field, (value, observed)));
            return true;
        }
    };
    if field == EARLIER {
        let both = both(known.0.text(), value.text());
        let grew = both != known.0;
        *known = (both, known.1.max(observed));
        return grew;
    }
    let wins = if OLDEST.contains(&field) {
        matches!((&value, &known.0), (Field::Instant(new), Field::Instant(old)) if new < old)
    } else {
        observed >= known.1 && value != known.0
    };
    if wins {
        *known = (value, observed);
    } else if value == known.0 {
        known.1 = known.1.max(observed);
    }
    wins
}

/// Two lists of ids as one.
fn both(one: Option<&str>, other: Option<&str>) -> Field {
    let ids: BTreeSet<&str> = one.into_iter().chain(other).flat_map(|ids| ids.split(' ')).collect();
    Field::Text(ids.into_iter().collect::<Vec<_>>().join(" ").into())
}

/// What posts are sorted by in scorecards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Sorting {
    pub(crate) format: Option<SmolStr>,
    pub(crate) category: Option<SmolStr>,
    pub(crate) campaign: Option<SmolStr>,
}

impl Sorting {
    pub(crate) fn of(entry: &Entry) -> Self {
        let text = |field: &str| entry.text(field).map(SmolStr::new);
        Self { format: text("format"), category: text("category"), campaign: text("campaign") }
    }
}

/// What the posts asked for are sorted by now.
pub(crate) async fn sortings(
    table: &TableLog,
    snapshot: &Snapshot,
    wanted: impl Fn(&SmolStr, &SmolStr) -> bool,
    reach: Option<&Reach>,
) -> Result<HashMap<(SmolStr, SmolStr), Sorting>> {
    let mut found = HashMap::default();
    for file in snapshot.current() {
        if let Some(reach) = reach
            && !reach.finds(table, file).await?
        {
            continue;
        }
        let columns = ["account", "post", "format", "category", "campaign"];
        let narrow = read_whole(table, file, Some(&columns)).await?;
        let columns = Columns(&narrow);
        let (format, category, campaign) =
            (columns.text("format")?, columns.text("category")?, columns.text("campaign")?);
        for (row, (account, post)) in keys(&narrow)?.into_iter().enumerate() {
            if wanted(&account, &post) {
                let sorting = Sorting {
                    format: format.at_row(row),
                    category: category.at_row(row),
                    campaign: campaign.at_row(row),
                };
                found.insert((account, post), sorting);
            }
        }
    }
    Ok(found)
}

/// What one commit says of accounts or posts.
#[derive(Debug, Default)]
pub(crate) struct Said {
    entries: HashMap<(SmolStr, SmolStr), Entry>,
    /// Posts that go on under another id.
    left: HashSet<(SmolStr, SmolStr)>,
}

impl Said {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All that is said.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Lets a post that had an id of ours go on under the platform's; `standing` is its row, where it has one.
    pub(crate) fn unite(&mut self, ours: &(SmolStr, SmolStr), theirs: &SmolStr, standing: Option<&Entry>) {
        let said = self.entries.remove(ours);
        if said.is_none() && standing.is_none() {
            return;
        }
        let entry = self.entry(&ours.0, theirs);
        for part in standing.into_iter().chain(&said) {
            entry.absorb(part);
            entry.say(EARLIER, Some(Field::Text(ours.1.clone())), part.observed());
        }
        if standing.is_some() {
            self.left.insert(ours.clone());
        }
    }

    fn entry(&mut self, account: &str, post: &SmolStr) -> &mut Entry {
        let account = SmolStr::new(account);
        self.entries.entry((account.clone(), post.clone())).or_insert_with(|| Entry {
            account,
            post: post.clone(),
            fields: Fields::default(),
            recorded: 0,
        })
    }

    /// Takes in what a page says of a post.
    pub(crate) fn post(&mut self, page: &PageContext, post: Post, observed: i64) {
        let zone = page.zone(&post.account);
        let day = post.published_at.map(|at| local_day(at, zone)).or(post.published_day);
        let mut published = Fields::default();
        if let Some(at) = post.published_at {
            published.insert(PUBLISHED[0], (Field::Instant(at.as_microsecond()), observed));
        }
        if let Some(day) = day {
            published.insert(PUBLISHED[1], (Field::Date(days_of(day)), observed));
        }
        let tags = (!post.tags.is_empty()).then(|| serde_json::Value::from(post.tags).to_string());
        let short = |text: Option<SmolStr>| text.map(Field::Text);
        let long = |text: Option<String>| text.map(|text| Field::Text(text.into()));
        let entry = self.entry(post.account.as_str(), &post.id);
        settle_published(&mut entry.fields, &published);
        entry.say("format", short(post.format), observed);
        entry.say("title", long(post.title), observed);
        entry.say("text", long(post.text), observed);
        entry.say("url", long(post.url), observed);
        entry.say("language", short(post.language), observed);
        entry.say("tags", long(tags), observed);
        entry.say("category", long(post.category), observed);
        entry.say("campaign", long(post.campaign), observed);
        entry.say("product_type", short(post.product_type), observed);
        entry.say("is_reply", post.is_reply.map(Field::Flag), observed);
        entry.say("deleted_at", post.deleted_at.map(|at| Field::Instant(at.as_microsecond())), observed);
    }

    /// Takes in what is said of an account.
    pub(crate) fn account(&mut self, account: Account, observed: i64) {
        let short = |text: Option<SmolStr>| text.map(Field::Text);
        let long = |text: Option<String>| text.map(|text| Field::Text(text.into()));
        let entry = self.entry(account.id.as_str(), &SmolStr::default());
        entry.say("platform_id", short(account.platform_id), observed);
        entry.say("handle", long(account.handle), observed);
        entry.say("brand", long(account.brand), observed);
        entry.say("market", long(account.market), observed);
        entry.say("zone", short(account.zone), observed);
        entry.say("currency", short(account.currency), observed);
        entry.say("size_class", short(account.size_class), observed);
    }

    /// Says whether the configuration names an account.
    pub(crate) fn configured(&mut self, account: &str, configured: bool, observed: i64) {
        self.entry(account, &SmolStr::default()).say("configured", Some(Field::Flag(configured)), observed);
    }

    /// Says that a number of an account, of its own or a public one, was read at an instant.
    pub(crate) fn observed(&mut self, account: &str, public: bool, at: i64) {
        let entry = self.entry(account, &SmolStr::default());
        for field in [FIRST, if public { FIRST_PUBLIC } else { FIRST_OWN }] {
            entry.say(field, Some(Field::Instant(at)), at);
        }
    }

    /// Says what zone an account lives by unless it is known otherwise.
    pub(crate) fn lives_by(&mut self, account: &str, zone: impl FnOnce() -> SmolStr) {
        let entry = self.entry(account, &SmolStr::default());
        if entry.fields.get("zone").is_none() {
            // Said before all else, so that anything that is told of the account wins.
            entry.say("zone", Some(Field::Text(zone())), i64::MIN);
        }
    }
}

/// A dimension entry that changed: before and now.
#[derive(Debug, Clone)]
pub(crate) struct Turned {
    pub(crate) old: Option<Arc<Entry>>,
    pub(crate) new: Arc<Entry>,
}

/// Works out what a commit does to a dimension.
pub(crate) async fn turn(
    table: &TableLog,
    snapshot: &Snapshot,
    said: &Said,
    recorded: i64,
) -> Result<(Plan, Vec<Turned>)> {
    let mut plan = Plan::default();
    let mut turned = Vec::new();
    let mut left = Vec::new();
    let mut met: HashSet<&(SmolStr, SmolStr)> = HashSet::default();
    let subjects = said.entries.keys().chain(&said.left);
    let reach = Reach::of_subjects(subjects.map(|(account, post)| (account, post)));
    for file in snapshot.current() {
        if !reach.finds(table, file).await? {
            continue;
        }
        let whole = read_whole(table, file, None).await?;
        let mut gone = HashSet::default();
        let keys = keys(&whole)?;
        for (place, key) in keys.iter().enumerate() {
            if said.left.contains(key) {
                left.push(Arc::new(read_entry(table, &whole, place)?));
                gone.insert(place);
                continue;
            }
            let Some((key, new)) = said.entries.get_key_value(key) else { continue };
            met.insert(key);
            let old = read_entry(table, &whole, place)?;
            let mut entry = old.clone();
            if entry.absorb(new) {
                entry.recorded = recorded.max(old.recorded + 1);
                turned.push(Turned { old: Some(Arc::new(old)), new: Arc::new(entry) });
                gone.insert(place);
            }
        }
        if !gone.is_empty() {
            plan.rewrite(table, file, without(&whole, &gone)?).await?;
        }
    }
    for (_, entry) in said.entries.iter().filter(|(key, _)| !met.contains(key)) {
        turned.push(Turned { old: None, new: Arc::new(Entry { recorded, ..entry.clone() }) });
    }
    // In the order of files.
    turned.sort_unstable_by(|a, b| (&a.new.account, &a.new.post).cmp(&(&b.new.account, &b.new.post)));
    fill(&mut plan, table, &turned, left, recorded);
    Ok((plan, turned))
}

fn fill(plan: &mut Plan, table: &TableLog, turned: &[Turned], left: Vec<Arc<Entry>>, recorded: i64) {
    let mut add = |current: bool, rows: Vec<(Arc<Entry>, Option<i64>)>| {
        let schema = table.schema.clone();
        if !rows.is_empty() {
            plan.add_made(vec![("current", current.to_string())], move || to_batch(&schema, &rows));
        }
    };
    add(true, turned.iter().map(|turned| (turned.new.clone(), None)).collect());
    let closed = |turned: &'_ Turned| turned.old.clone().map(|old| (old, Some(turned.new.recorded)));
    let left = left.into_iter().map(|old| (old, Some(recorded)));
    add(false, turned.iter().filter_map(closed).chain(left).collect());
}

/// All entries that are valid now, of the accounts asked for (all when none is named); not what posts are called.
pub(crate) async fn entries(
    table: &TableLog,
    snapshot: &Snapshot,
    wanted: impl Fn(&SmolStr, &SmolStr) -> bool,
    reach: Option<&Reach>,
) -> Result<Vec<Entry>> {
    entries_without(&["text", "title", "url"], table, snapshot, wanted, reach).await
}

/// The same, with all that is known.
pub(crate) async fn whole_entries(
    table: &TableLog,
    snapshot: &Snapshot,
    wanted: impl Fn(&SmolStr, &SmolStr) -> bool,
) -> Result<Vec<Entry>> {
    entries_without(&[], table, snapshot, wanted, None).await
}

/// The same, with what posts are called.
pub(crate) async fn named_entries(
    table: &TableLog,
    snapshot: &Snapshot,
    wanted: impl Fn(&SmolStr, &SmolStr) -> bool,
) -> Result<Vec<Entry>> {
    entries_without(&["url"], table, snapshot, wanted, None).await
}

async fn entries_without(
    names: &[&str],
    table: &TableLog,
    snapshot: &Snapshot,
    wanted: impl Fn(&SmolStr, &SmolStr) -> bool,
    reach: Option<&Reach>,
) -> Result<Vec<Entry>> {
    let subject = table.schema.index("post").map(|_| "post");
    let mut found = Vec::new();
    for file in snapshot.current() {
        if let Some(reach) = reach
            && !reach.finds(table, file).await?
        {
            continue;
        }
        let columns: Vec<&str> = table
            .schema
            .file
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .filter(|name| subject.is_none() || !names.contains(name))
            .collect();
        let whole = read_whole(table, file, Some(&columns)).await?;
        for (place, (account, post)) in keys(&whole)?.iter().enumerate() {
            if wanted(account, post) {
                found.push(read_entry(table, &whole, place)?);
            }
        }
    }
    Ok(found)
}

/// The entries that an earlier try of the same commit turned, read back. What they were before is not told.
pub(crate) async fn turned_at(table: &TableLog, snapshot: &Snapshot, recorded: i64) -> Result<Vec<Turned>> {
    let mut turned = Vec::new();
    for file in snapshot.current().filter(|file| file.stats.may_meet("recorded_at", recorded, recorded)) {
        let whole = read_whole(table, file, None).await?;
        for place in 0..whole.num_rows() {
            let new = read_entry(table, &whole, place)?;
            if new.recorded == recorded {
                turned.push(Turned { old: None, new: Arc::new(new) });
            }
        }
    }
    Ok(turned)
}

fn fields_of(schema: &TableSchema) -> &'static [(&'static str, Kind)] {
    if schema.table.name == "posts" { &POST_FIELDS } else { &ACCOUNT_FIELDS }
}

fn keys(batch: &RecordBatch) -> Result<Vec<(SmolStr, SmolStr)>> {
    let account = Columns(batch).text("account")?;
    let post = batch.column_by_name("post").map(|_| Columns(batch).text("post")).transpose()?;
    let key = |row| (account.value(row).into(), post.map(|post| post.value(row).into()).unwrap_or_default());
    Ok((0..batch.num_rows()).map(key).collect())
}

fn read_entry(table: &TableLog, batch: &RecordBatch, row: usize) -> Result<Entry> {
    let columns = Columns(batch);
    let observed = columns.instant("observed_at")?.value(row);
    let origins = columns.text("origins")?;
    let origins: BTreeMap<String, Timestamp> = if origins.is_valid(row) {
        serde_json::from_str(origins.value(row)).map_err(|error| torn(format!("column origins: {error}")))?
    } else {
        BTreeMap::new()
    };
    let mut fields = Fields::default();
    for (name, kind) in fields_of(&table.schema) {
        if batch.column_by_name(name).is_none() {
            continue;
        }
        let value = match kind {
            Kind::Text => columns.text(name)?.at_row(row).map(Field::Text),
            Kind::Instant => columns.instant(name)?.at_row(row).map(Field::Instant),
            Kind::Date => columns.date(name)?.at_row(row).map(Field::Date),
            Kind::Flag => columns.flag(name)?.at_row(row).map(Field::Flag),
        };
        if let Some(value) = value {
            let said = origins.get(*name).map_or(observed, |at| at.as_microsecond());
            fields.insert(name, (value, said));
        }
    }
    let post = batch.column_by_name("post").map(|_| columns.text("post")).transpose()?;
    Ok(Entry {
        account: columns.text("account")?.value(row).into(),
        post: post.map(|post| post.value(row).into()).unwrap_or_default(),
        fields,
        recorded: columns.instant("recorded_at")?.value(row),
    })
}

fn to_batch(schema: &TableSchema, rows: &[(Arc<Entry>, Option<i64>)]) -> Result<RecordBatch> {
    let mut frame = Frame::new(schema.file.clone(), rows.len());
    let all = || rows.iter().map(|(entry, _)| entry.as_ref());
    let platform = |entry: &'_ Entry| entry.account.find('/').unwrap_or(entry.account.len());
    let platforms: Vec<&str> = rows.iter().map(|(entry, _)| &entry.account[..platform(entry)]).collect();
    frame.texts("platform", platforms.into_iter());
    frame.texts("account", rows.iter().map(|(entry, _)| entry.account.as_str()));
    frame.texts("post", rows.iter().map(|(entry, _)| entry.post.as_str()));
    let mut fields: Vec<&(&str, Kind)> = fields_of(schema).iter().collect();
    fields.sort_unstable();
    // One step per row and column is enough, because the fields of an entry are sorted.
    let mut steps = vec![0_u8; rows.len()];
    for (name, kind) in fields {
        let values = all().zip(&mut steps).map(|(entry, step)| {
            let (_, (value, _)) =
                entry.fields.0.get(usize::from(*step)).filter(|(known, _)| known == name)?;
            *step += 1;
            Some(value)
        });
        match kind {
            Kind::Text => frame.maybe_texts(name, values.map(|value| value?.text())),
            Kind::Instant => frame.maybe_instants(name, values.map(|value| value?.instant())),
            Kind::Date => frame.maybe_dates(name, values.map(|value| value?.date())),
            Kind::Flag => frame.maybe_flags(name, values.map(|value| value?.flag())),
        }
    }
    // These two are never null: what is not said has a value that claims nothing.
    if schema.table.name == "accounts" {
        frame.flags("configured", all().map(|entry| entry.flag("configured").unwrap_or(false)));
        frame.texts("zone", rows.iter().map(|(entry, _)| entry.text("zone").unwrap_or("UTC")));
    }
    frame.instants("observed_at", all().map(Entry::observed));
    frame.maybe_texts("origins", all().map(|entry| origins(entry, entry.observed())));
    frame.instants("recorded_at", all().map(|entry| entry.recorded));
    frame.maybe_instants("superseded_at", rows.iter().map(|(_, until)| *until));
    frame.finish()
}

fn origins(entry: &Entry, newest: i64) -> Option<String> {
    let earlier: BTreeMap<&str, Timestamp> = entry
        .fields
        .0
        .iter()
        .filter(|(_, (_, observed))| *observed != newest)
        .map(|(name, (_, observed))| (*name, instant((*observed).max(Timestamp::MIN.as_microsecond()))))
        .collect();
    (!earlier.is_empty()).then(|| serde_json::to_string(&earlier).expect("names and instants are plain"))
}
