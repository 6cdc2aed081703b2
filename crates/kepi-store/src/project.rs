//! From a commit of the journal to the projections: each in its own commit that says how far it has come.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kepi_core::{Measurement, Page, Reject, Result, Window};
use smol_str::SmolStr;

use crate::{
    columns::Frame,
    dimension::{Said, turn},
    facts::{FACTS, Gathered, PageContext},
    journal::Committed,
    log::{PAGES, RECORDED, Snapshot, TableLog},
    plan::Plan,
    readings::{self, Touched},
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

/// Carries a commit to all projections. `false` when an earlier commit of another worker is not there yet and
/// does not come: then all wait for `catch_up`.
pub(crate) async fn project(inner: &Inner, batch: Batch) -> Result<bool> {
    if !wait_for_previous(inner, &batch).await? {
        tracing::warn!(
            recorded = batch.recorded,
            "an earlier commit is not projected yet; this one waits with it"
        );
        return Ok(false);
    }
    inner.options.step("journal:committed")?;
    carry(inner, batch).await?;
    Ok(true)
}

async fn wait_for_previous(inner: &Inner, batch: &Batch) -> Result<bool> {
    let Some(previous) = batch.previous else { return Ok(true) };
    let last = inner.table(LAST)?;
    let mut waited = Duration::ZERO;
    let pause = Duration::from_millis(10);
    while last.refresh().await?.recorded() < previous {
        if waited >= inner.options.patience {
            return Ok(false);
        }
        tokio::time::sleep(pause).await;
        waited += pause;
    }
    Ok(true)
}

/// Carries a commit to all projections; those that have it already are passed over.
pub(crate) async fn carry(inner: &Inner, batch: Batch) -> Result<()> {
    let mark = Mark { version: batch.version, recorded: batch.recorded };
    let mut gathered = Gathered::default();
    let (mut accounts, mut posts) = (Said::default(), Said::default());
    let mut rejects = Vec::new();
    for (context, page) in batch.pages {
        let observed = newest(&page).unwrap_or(batch.recorded);
        for post in page.posts {
            posts.post(&context, post, observed);
        }
        for account in page.accounts {
            accounts.account(account, observed);
        }
        for measurement in &page.measurements {
            let account = &measurement.subject.account;
            let at = first_seen(measurement).as_microsecond();
            accounts.observed(account.as_str(), || context.zone_name(account), at);
        }
        gathered.take(&context, page.measurements)?;
        rejects.extend(page.rejects.into_iter().map(|reject| Aside { context: Trace::of(&context), reject }));
    }
    let mut touched = Touched::default();
    let dimensions = [("accounts", &accounts), ("posts", &posts)];
    for (name, said) in dimensions {
        let (turned, resumed) = dimension(inner.table(name)?, said, mark).await?;
        touched.turned.extend(turned);
        touched.resumed |= resumed;
    }
    for facts in &FACTS {
        let Some(fresh) = gathered.tables.remove(facts.name) else { continue };
        let table = inner.table(facts.name)?;
        let (opened, resumed) = commit_facts(table, &fresh, mark).await?;
        if facts.name == "post_facts" {
            touched.opened = opened;
            touched.resumed |= resumed;
        }
    }
    readings::project(inner, touched, mark).await?;
    put_rejects(inner.table(LAST)?, &rejects, mark).await?;
    crate::maintain::compact_as_we_go(inner).await
}

/// Since when a measurement lets us watch: a reading that the platform dates itself speaks of an instant before
/// the one at which it was read.
fn first_seen(measurement: &Measurement) -> Timestamp {
    match measurement.window {
        Window::At(at) => at.min(measurement.observed_at),
        _ => measurement.observed_at,
    }
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

/// Commits facts. When the commit was there already, the rows that it opened are read back, which is told.
async fn commit_facts(
    table: &TableLog,
    fresh: &crate::facts::Fresh,
    mark: Mark,
) -> Result<(Vec<crate::upsert::Opened>, bool)> {
    loop {
        let snapshot = table.refresh().await?;
        if mark.is_reached(&snapshot) {
            let opened = crate::upsert::opened_at(table, &snapshot, fresh, mark.recorded).await?;
            return Ok((opened, true));
        }
        let Upsert { plan, opened } = upsert(table, &snapshot, fresh, mark.recorded).await?;
        if plan.is_empty() || plan.commit(table, &snapshot, mark.transactions()).await?.is_some() {
            return Ok((opened, false));
        }
    }
}

/// Commits a dimension. When the commit was there already, what it turned is read back, which is told.
async fn dimension(
    table: &TableLog,
    said: &Said,
    mark: Mark,
) -> Result<(Vec<crate::dimension::Turned>, bool)> {
    if said.is_empty() {
        return Ok((Vec::new(), false));
    }
    loop {
        let snapshot = table.refresh().await?;
        if mark.is_reached(&snapshot) {
            return Ok((crate::dimension::turned_at(table, &snapshot, mark.recorded).await?, true));
        }
        let (plan, turned) = turn(table, &snapshot, said, mark.recorded).await?;
        if plan.is_empty() || plan.commit(table, &snapshot, mark.transactions()).await?.is_some() {
            return Ok((turned, false));
        }
    }
}

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

struct Aside {
    context: Trace,
    reject: Reject,
}

async fn put_rejects(table: &TableLog, rejects: &[Aside], mark: Mark) -> Result<Option<Arc<Snapshot>>> {
    loop {
        let snapshot = table.refresh().await?;
        if mark.is_reached(&snapshot) {
            return Ok(None);
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
        if let Some(committed) = plan.commit(table, &snapshot, mark.transactions()).await? {
            return Ok(Some(committed));
        }
    }
}
