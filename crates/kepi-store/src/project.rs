//! From a commit of the journal to the projections: each in its own commit that says how far it has come.

use std::{sync::Arc, time::Duration};

use kepi_core::{AccountId, Measurement, Page, Provenance, Reject, Result, Window};
use smol_str::SmolStr;

use crate::{
    columns::Frame,
    dimension::{Said, turn},
    facts::{FACTS, Fresh, Gathered, PageContext},
    hash::HashMap,
    journal::Committed,
    log::{PAGES, RECORDED, Snapshot, TableLog},
    makers,
    plan::{Begun, Plan},
    readings::{self, Touched},
    same::{Same, unite},
    store::Inner,
    upsert::{Upsert, upsert},
};

/// The projection that is committed last: where it stands, all stand.
pub(crate) const LAST: &str = "rejects";

/// A commit of the journal, ready for the projections.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The version of the journal.
    pub(crate) version: u64,
    /// When it was recorded.
    pub(crate) recorded: i64,
    /// When the commit before was; `None` for the first.
    pub(crate) previous: Option<i64>,
    pub(crate) pages: Vec<(PageContext, Page)>,
}

impl TryFrom<Committed> for Batch {
    type Error = kepi_core::Error;
    fn try_from(committed: Committed) -> Result<Self> {
        let Committed { version, recorded, previous, mut pages, .. } = committed;
        // The order of the journal, whatever the order of arrival: catching up must come to the same.
        pages.sort_by(|(a, left), (b, right)| (&left.stream, a).cmp(&(&right.stream, b)));
        let pages = pages
            .into_iter()
            .map(|(sequence, waiting)| {
                let context =
                    PageContext::new(&waiting.job, waiting.run, &waiting.stream, sequence, recorded)?;
                Ok((context, waiting.page))
            })
            .collect::<Result<_>>()?;
        Ok(Self { version, recorded, previous, pages })
    }
}

/// What a commit is carried onto: projections that have all commits before it.
#[derive(Debug, Clone, Copy)]
struct Ground<'a> {
    last: &'a TableLog,
    previous: Option<i64>,
    /// When the projections were last emptied: where that changes, they do not have any more what was brought there.
    emptied: Option<i64>,
}

impl<'a> Ground<'a> {
    /// The projections as they stand; `None` when they lack the commits before.
    async fn of(inner: &'a Inner, previous: Option<i64>) -> Result<Option<Self>> {
        let last = inner.table(LAST)?;
        let now = last.refresh().await?;
        let ground = Self { last, previous, emptied: now.emptied() };
        Ok(ground.is_in(&now).then_some(ground))
    }

    /// Whether the projections still have the commits before. Who empties them to make them anew begins with the last.
    async fn holds(self) -> Result<bool> {
        Ok(self.is_in(&*self.last.refresh().await?))
    }

    fn is_in(self, last: &Snapshot) -> bool {
        let has_those_before = self.previous.is_none_or(|previous| last.recorded() >= previous);
        has_those_before && last.emptied() == self.emptied
    }
}

/// Carries a commit to all projections. `false` when an earlier commit of another worker is not there yet and
/// does not come within so long, or the projections are being made anew: then all wait for `catch_up`.
pub(crate) async fn project(inner: &Inner, ready: Ready, patience: Duration) -> Result<bool> {
    if !wait_for_previous(inner, ready.previous, patience).await? {
        tracing::warn!(
            recorded = ready.mark.recorded,
            "an earlier commit is not projected yet; this one waits with it"
        );
        return Ok(false);
    }
    inner.options.step("journal:committed")?;
    carry(inner, ready).await
}

async fn wait_for_previous(inner: &Inner, previous: Option<i64>, patience: Duration) -> Result<bool> {
    let mut waited = Duration::ZERO;
    let pause = Duration::from_millis(10);
    while Ground::of(inner, previous).await?.is_none() {
        if waited >= patience {
            return Ok(false);
        }
        tokio::time::sleep(pause).await;
        waited += pause;
    }
    Ok(true)
}

/// Carries a commit to all projections; those that have it already are passed over. `false` when they lack the commits
/// before, since somebody makes them anew: carrying on would hide from him what is still to be brought there.
pub(crate) async fn carry(inner: &Inner, ready: Ready) -> Result<bool> {
    let Ready { mark, previous, mut brought } = ready;
    let Some(ground) = Ground::of(inner, previous).await? else { return Ok(false) };
    // Where another writer is first, what it wrote is taken for a try of our own that died on the way.
    let same = loop {
        if let Some(same) = attempt(inner, &mut brought, mark, ground).await? {
            break same;
        }
        if !ground.holds().await? {
            return Ok(false);
        }
    };
    brought.say_unclear(&same);
    if !put_rejects(ground, &brought.rejects, mark).await? {
        return Ok(false);
    }
    // Tens of thousands of rows are given back beside other work.
    drop(makers::begin(move || {
        drop(brought);
        Ok(())
    }));
    crate::maintain::compact_as_we_go(inner).await?;
    Ok(true)
}

/// A commit of the journal as rows of the projections: what needs nothing of what stands there.
#[derive(Debug)]
pub(crate) struct Ready {
    mark: Mark,
    previous: Option<i64>,
    brought: Brought,
}

impl Ready {
    /// # Errors
    /// `Store` when a number does not fit its column.
    pub(crate) fn of(batch: Batch) -> Result<Self> {
        let mark = Mark { version: batch.version, recorded: batch.recorded };
        Ok(Self { mark, previous: batch.previous, brought: Brought::of(batch)? })
    }
}

/// What a commit brings.
#[derive(Debug, Default)]
struct Brought {
    accounts: Said,
    posts: Said,
    gathered: Gathered,
    rejects: Vec<Aside>,
    /// For each account the first page that speaks of posts of it.
    pages_of_posts: HashMap<SmolStr, Trace>,
}

impl Brought {
    fn of(batch: Batch) -> Result<Self> {
        let mut all = Self::default();
        for (context, page) in batch.pages {
            let observed = newest(&page).unwrap_or(batch.recorded);
            for post in page.posts {
                if !all.pages_of_posts.contains_key(post.account.as_str()) {
                    all.pages_of_posts.insert(post.account.as_str().into(), Trace::of(&context));
                }
                all.posts.post(&context, post, observed);
            }
            for account in page.accounts {
                all.accounts.account(account, observed);
            }
            for (account, public, at) in first_seen(&page.measurements) {
                all.accounts.observed(account.as_str(), public, at);
                all.accounts.lives_by(account.as_str(), || context.zone_name(account));
            }
            all.gathered.take(&context, page.measurements)?;
            let aside = |reject| Aside { context: Trace::of(&context), reject };
            all.rejects.extend(page.rejects.into_iter().map(aside));
        }
        Ok(all)
    }

    /// Sets aside what agrees with several posts, and says so.
    fn say_unclear(&mut self, same: &Same) {
        for (account, reject) in same.rejects() {
            tracing::warn!(%account, place = %reject.place, reason = %reject.reason, "a post may stand twice");
            let context = self.pages_of_posts.get(account).cloned();
            self.rejects.extend(context.map(|context| Aside { context, reject }));
        }
    }
}

/// One try; `None` when another writer was first somewhere, or the projections lack the commits before. Files are
/// made while the next table is worked out; the commits come in order.
async fn attempt(
    inner: &Inner,
    brought: &mut Brought,
    mark: Mark,
    ground: Ground<'_>,
) -> Result<Option<Same>> {
    let mut pending = Pending { mark, ground, begun: Vec::new() };
    let mut touched = Touched::default();
    if !brought.accounts.is_empty() {
        let table = inner.table("accounts")?;
        touched.dimension(table, table.refresh().await?, &brought.accounts, &mut pending).await?;
    }
    // Since when accounts are watched is read from their table.
    if !pending.settle().await? {
        return Ok(None);
    }
    let mut same = Same::default();
    if !brought.posts.is_empty() {
        let table = inner.table("posts")?;
        let snapshot = table.refresh().await?;
        same = unite(table, &snapshot, &mut brought.posts, mark).await?;
        brought.gathered.rename(&same);
        touched.dimension(table, snapshot, &brought.posts, &mut pending).await?;
        touched.moved = same.moves_made().collect();
    }
    let nothing = Fresh::default();
    for facts in &FACTS {
        let fresh = match brought.gathered.tables.get(facts.name) {
            Some(fresh) => fresh,
            None if same.moved().next().is_some() => &nothing,
            None => continue,
        };
        touched.facts(inner.table(facts.name)?, fresh, &same, &mut pending).await?;
    }
    let done = readings::project(inner, touched, &mut pending).await? && pending.settle().await?;
    Ok(done.then_some(same))
}

/// Changes of one commit that are being written, in the order in which they are to be committed.
#[derive(Debug)]
pub(crate) struct Pending<'a> {
    mark: Mark,
    ground: Ground<'a>,
    begun: Vec<(&'a TableLog, Arc<Snapshot>, Begun)>,
}

impl<'a> Pending<'a> {
    /// What the commit is.
    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    /// Begins to write what a plan changes against a snapshot.
    pub(crate) fn begin(&mut self, table: &'a TableLog, base: Arc<Snapshot>, plan: Plan) {
        if !plan.is_empty() {
            self.begun.push((table, base, plan.begin(table)));
        }
    }

    /// Commits what was begun; `false` when another writer was first, or the projections lack the commits before.
    pub(crate) async fn settle(&mut self) -> Result<bool> {
        // Asked behind all snapshots: a table that was emptied before its own was taken is known by that.
        if !self.begun.is_empty() && !self.ground.holds().await? {
            return Ok(false);
        }
        for (table, base, begun) in self.begun.drain(..) {
            if begun.commit(table, &base, self.mark.transactions()).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Since when the measurements of a page let us watch their accounts, by own and by public numbers: a reading that the
/// platform dates itself speaks of an instant before the one at which it was read.
fn first_seen(measurements: &[Measurement]) -> Vec<(&AccountId, bool, i64)> {
    let mut first: Vec<(&AccountId, bool, i64)> = Vec::new();
    for measurement in measurements {
        let seen = match measurement.window {
            Window::At(at) => at.min(measurement.observed_at),
            _ => measurement.observed_at,
        };
        let (account, seen) = (&measurement.subject.account, seen.as_microsecond());
        let public = measurement.provenance == Provenance::Public;
        match first.iter_mut().find(|(known, side, _)| *known == account && *side == public) {
            Some((.., at)) => *at = seen.min(*at),
            None => first.push((account, public, seen)),
        }
    }
    first
}

fn newest(page: &Page) -> Option<i64> {
    page.measurements.iter().map(|measurement| measurement.observed_at.as_microsecond()).max()
}

/// What a projection says of how far it has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) version: u64,
    pub(crate) recorded: i64,
}

impl Mark {
    /// The transactions of a commit that brings a projection so far.
    pub(crate) fn transactions(self) -> Vec<(String, i64)> {
        let version = i64::try_from(self.version).unwrap_or(i64::MAX);
        vec![(PAGES.to_owned(), version), (RECORDED.to_owned(), self.recorded)]
    }

    /// Whether a projection has come so far.
    pub(crate) fn is_reached(self, snapshot: &Snapshot) -> bool {
        snapshot.recorded() >= self.recorded
    }
}

impl Touched {
    /// Begins to write facts. When the commit was there already, the rows that it opened are read back.
    async fn facts<'a>(
        &mut self,
        table: &'a TableLog,
        fresh: &Fresh,
        same: &Same,
        pending: &mut Pending<'a>,
    ) -> Result<()> {
        let (mark, snapshot) = (pending.mark(), table.refresh().await?);
        let resumed = mark.is_reached(&snapshot);
        let opened = if resumed {
            crate::upsert::opened_at(table, &snapshot, fresh, mark.recorded).await?
        } else {
            let Upsert { plan, opened } = upsert(table, &snapshot, fresh, same, mark.recorded).await?;
            pending.begin(table, snapshot, plan);
            opened
        };
        if table.name() == "post_facts" {
            self.opened = opened;
            self.resumed |= resumed;
        }
        Ok(())
    }

    /// Begins to write a dimension. When the commit was there already, what it turned is read back.
    async fn dimension<'a>(
        &mut self,
        table: &'a TableLog,
        snapshot: Arc<Snapshot>,
        said: &Said,
        pending: &mut Pending<'a>,
    ) -> Result<()> {
        let mark = pending.mark();
        if mark.is_reached(&snapshot) {
            self.turned.extend(crate::dimension::turned_at(table, &snapshot, mark.recorded).await?);
            self.resumed = true;
        } else {
            let (plan, turned) = turn(table, &snapshot, said, mark.recorded).await?;
            pending.begin(table, snapshot, plan);
            self.turned.extend(turned);
        }
        Ok(())
    }
}

#[derive(Debug, Clone)]
struct Trace {
    stream: SmolStr,
    sequence: i64,
    source: SmolStr,
}

impl Trace {
    fn of(context: &PageContext) -> Self {
        Self { stream: context.stream.clone(), sequence: context.sequence, source: context.source.clone() }
    }
}

#[derive(Debug)]
struct Aside {
    context: Trace,
    reject: Reject,
}

/// Says that the projections have a commit; `false` when they lack those before.
async fn put_rejects(ground: Ground<'_>, rejects: &[Aside], mark: Mark) -> Result<bool> {
    let table = ground.last;
    loop {
        let snapshot = table.refresh().await?;
        if mark.is_reached(&snapshot) {
            return Ok(true);
        }
        if !ground.is_in(&snapshot) {
            return Ok(false);
        }
        let mut plan = Plan::default();
        if !rejects.is_empty() {
            let mut frame = Frame::new(table.schema.file.clone(), rejects.len());
            frame.texts("stream", rejects.iter().map(|aside| aside.context.stream.as_str()));
            frame.ints("sequence", rejects.iter().map(|aside| aside.context.sequence));
            let account = |aside: &'_ Aside| aside.reject.account.as_ref().map(ToString::to_string);
            frame.maybe_texts("account", rejects.iter().map(account));
            frame.texts("source", rejects.iter().map(|aside| aside.context.source.as_str()));
            frame.texts("place", rejects.iter().map(|aside| aside.reject.place.as_str()));
            frame.texts("reason", rejects.iter().map(|aside| aside.reject.reason.as_str()));
            frame.texts("raw", rejects.iter().map(|aside| aside.reject.raw.as_str()));
            frame.instants("recorded_at", rejects.iter().map(|_| mark.recorded));
            plan.add(Vec::new(), frame.finish()?);
        }
        if plan.commit(table, &snapshot, mark.transactions()).await?.is_some() {
            return Ok(true);
        }
    }
}
