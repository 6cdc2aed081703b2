//! From the journal to the projections without a call: after a crash, and after a decoder was mended.

use std::sync::Arc;

use kepi_core::{Decoder, Error, ErrorKind, Page, Reject, Result};

use crate::{
    facts::PageContext,
    journal::{Stored, last_recorded, stored_rows},
    log::{DataFile, RECORDED, Snapshot},
    mend,
    plan::Plan,
    project::{Batch, LAST, Ready, carry},
    store::Store,
};

/// Finds the decoder of a platform; `files` is that of imported files.
pub trait Decoders: Sync {
    /// The decoder.
    fn decoder(&self, platform: &str) -> Option<Arc<dyn Decoder>>;
}

/// What catching up did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CaughtUp {
    /// Commits of the journal that were projected.
    pub commits: usize,
    /// Pages decoded from their bodies.
    pub pages: usize,
    /// Measurements in them.
    pub measurements: usize,
    /// Pages whose body is gone or could not be decoded; each stands in the table `rejects`.
    pub set_aside: usize,
}

/// Which pages are decoded again.
#[derive(Debug, Clone, Default)]
pub struct Redecode {
    /// Only those of a platform (`files` for imported files).
    pub platform: Option<String>,
    /// Only those of an endpoint or layout.
    pub endpoint: Option<String>,
    /// Only those of streams that begin so.
    pub stream_prefix: Option<String>,
}

impl Redecode {
    fn wants(&self, row: &Stored) -> bool {
        self.platform.as_ref().is_none_or(|platform| row.platform == *platform)
            && self.endpoint.as_ref().is_none_or(|endpoint| row.job.endpoint == *endpoint)
            && self
                .stream_prefix
                .as_ref()
                .is_none_or(|prefix| row.stream.as_str().starts_with(prefix.as_str()))
    }
}

impl Store {
    /// Brings the projections to where the journal stands: decodes the bodies that they do not have yet, in
    /// the journal's order. It costs next to nothing when there is nothing to do.
    ///
    /// # Errors
    /// `Store` when the tables cannot be read or written; `BadConfig` when no decoder knows a platform.
    pub async fn catch_up(&self, decoders: &dyn Decoders) -> Result<CaughtUp> {
        let turn = self.0.turn.lock().await;
        let mut done = CaughtUp::default();
        loop {
            let journal = self.0.journal.table.refresh().await?;
            let reached = self.0.table(LAST)?.refresh().await?.recorded();
            let behind = last_recorded(&journal).is_some_and(|last| last > reached);
            if !behind {
                break;
            }
            // Commits follow each other in time: the oldest file that is not projected holds the next one.
            let Some(rows) = next_commit(self, &journal, reached).await? else {
                // What is left is a mark without pages.
                if self.mark_reached(&journal, reached).await? {
                    break;
                }
                continue;
            };
            if let Some(next) = rows.first() {
                mend::check_not_half_emptied(self, reached, next.recorded).await?;
            }
            // Where the projections were emptied meanwhile, it begins again with the first commit.
            self.carry(decoders, rows, (journal.version, reached), &mut done).await?;
        }
        drop(turn);
        Ok(done)
    }

    /// Decodes pages again with the decoders of today and records what they say now. What they said before
    /// stays as history.
    ///
    /// # Errors
    /// As [`Store::catch_up`].
    pub async fn redecode(&self, decoders: &dyn Decoders, filter: &Redecode) -> Result<CaughtUp> {
        let mut done = self.catch_up(decoders).await?;
        let turn = self.0.turn.lock().await;
        let journal = self.0.journal.table.refresh().await?;
        for file in journal.files.values() {
            let rows = stored_rows(&self.0.journal.table, file, i64::MIN, i64::MAX).await?;
            let rows: Vec<Stored> = rows.into_iter().filter(|row| filter.wants(row)).collect();
            if !rows.is_empty() {
                let reached = self.0.table(LAST)?.refresh().await?.recorded();
                let (version, recorded) = self.reserve_instant().await?;
                let rows = rows.into_iter().map(|row| Stored { recorded, ..row }).collect();
                if !self.carry(decoders, rows, (version, reached), &mut done).await? {
                    return Err(Error::new(ErrorKind::Store, "the projections are being made anew")
                        .hint("run it again when that is done"));
                }
            }
        }
        drop(turn);
        Ok(done)
    }

    /// A commit of the journal without pages: it takes an instant that no other commit has.
    async fn reserve_instant(&self) -> Result<(u64, i64)> {
        let table = &self.0.journal.table;
        loop {
            let snapshot = table.refresh().await?;
            let now = (self.0.options.clock)().as_microsecond();
            let recorded = last_recorded(&snapshot).map_or(now, |last| now.max(last + 1));
            let transactions = vec![(RECORDED.to_owned(), recorded)];
            if let Some(committed) = Plan::default().commit(table, &snapshot, transactions).await? {
                return Ok((committed.version, recorded));
            }
        }
    }

    async fn mark_reached(&self, journal: &Snapshot, reached: i64) -> Result<bool> {
        let Some(recorded) = last_recorded(journal) else { return Ok(true) };
        let batch = Batch { version: journal.version, recorded, previous: Some(reached), pages: Vec::new() };
        carry(&self.0, Ready::of(batch)?).await
    }

    /// Decodes the pages of a commit and carries it on to projections that have come so far; `false` when they have
    /// not any more.
    async fn carry(
        &self,
        decoders: &dyn Decoders,
        mut rows: Vec<Stored>,
        (version, reached): (u64, i64),
        done: &mut CaughtUp,
    ) -> Result<bool> {
        let Some(recorded) = rows.first().map(|row| row.recorded) else { return Ok(true) };
        rows.sort_by(|a, b| (&a.stream, a.sequence).cmp(&(&b.stream, b.sequence)));
        let mut pages = Vec::with_capacity(rows.len());
        for row in rows {
            let context = PageContext::new(&row.job, row.run.clone(), &row.stream, row.sequence, recorded)?;
            let page = decode(decoders, &row)?.unwrap_or_else(|reason| {
                done.set_aside += 1;
                set_aside(&row, &reason)
            });
            done.pages += 1;
            done.measurements += page.measurements.len();
            pages.push((context, page));
        }
        done.commits += 1;
        carry(&self.0, Ready::of(Batch { version, recorded, previous: Some(reached), pages })?).await
    }
}

/// The pages of the oldest commit after an instant.
async fn next_commit(store: &Store, journal: &Snapshot, after: i64) -> Result<Option<Vec<Stored>>> {
    let table = &store.0.journal.table;
    let mut files: Vec<&Arc<DataFile>> = journal
        .files
        .values()
        .filter(|file| file.stats.max_int("recorded_at").is_none_or(|last| last > after))
        .collect();
    files.sort_by_key(|file| file.stats.max_int("recorded_at"));
    let mut oldest: Option<i64> = None;
    let mut found: Vec<Stored> = Vec::new();
    for file in files {
        let least = match file.stats.range("recorded_at") {
            Some((crate::stats::Bound::Int(least), _)) => *least,
            _ => i64::MIN,
        };
        if oldest.is_some_and(|oldest| least > oldest) {
            continue;
        }
        let rows = stored_rows(table, file, after.saturating_add(1), oldest.unwrap_or(i64::MAX)).await?;
        let Some(first) = rows.iter().map(|row| row.recorded).min() else { continue };
        if oldest.is_none_or(|oldest| first < oldest) {
            found.clear();
            oldest = Some(first);
        }
        found.extend(rows.into_iter().filter(|row| row.recorded == first));
    }
    Ok((!found.is_empty()).then_some(found))
}

/// Decodes a stored page. The inner error says why it had to be set aside.
fn decode(decoders: &dyn Decoders, row: &Stored) -> Result<Result<Page, String>> {
    let decoder = decoders.decoder(&row.platform).ok_or_else(|| {
        Error::new(ErrorKind::BadConfig, "no decoder for stored pages")
            .with("platform", &row.platform)
            .hint("was the platform's adapter left out of this build?")
    })?;
    let Some(body) = &row.body else {
        return Ok(Err("the body was emptied by retention".to_owned()));
    };
    Ok(decoder.decode(&row.job, &row.cursor, body).map_err(|error| error.to_string()))
}

fn set_aside(row: &Stored, reason: &str) -> Page {
    let reject = Reject {
        account: row.job.accounts.first().map(|account| account.id.clone()),
        place: format!("page {} of {}", row.sequence, row.stream),
        reason: reason.to_owned(),
        raw: String::new(),
    };
    Page { rejects: vec![reject], ..Page::default() }
}
