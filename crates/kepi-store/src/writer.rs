//! Groups pages of many streams into commits and carries each on to the projections.

use std::{collections::HashMap, time::Instant};

use kepi_core::{Result, Stream};
use smol_str::SmolStr;
use tokio::task::JoinHandle;

use crate::{
    fail::Fail,
    journal::{NewPage, Waiting},
    project::project,
    store::Store,
};

/// Takes pages of any streams and commits them in groups. A page is safe once the [`Writer::flush`] (or a
/// [`Writer::push`] that committed by itself) after it has returned. While a commit is on its way to the
/// projections, the pages of the next one are taken.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    run: Option<SmolStr>,
    waiting: Vec<Waiting>,
    bases: HashMap<Stream, i64>,
    rows: usize,
    bytes: usize,
    since: Option<Instant>,
    written: Written,
    /// The commit that is on its way to the projections; says whether they have it.
    on_its_way: Option<JoinHandle<Result<bool>>>,
}

/// What one flush did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flushed {
    /// Pages that were committed.
    pub pages: usize,
    /// Pages that another worker had committed already.
    pub dropped: usize,
    /// Measurements in them.
    pub measurements: usize,
    /// Whether the projections have them too. If not, [`Store::catch_up`] brings them there.
    pub projected: bool,
}

/// What a writer did in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Commits of the journal.
    pub commits: usize,
    /// Pages that were committed.
    pub pages: usize,
    /// Pages that another worker had committed already.
    pub dropped: usize,
    /// Measurements in them.
    pub measurements: usize,
    /// Commits that wait for [`Store::catch_up`].
    pub behind: usize,
}

impl Writer {
    pub(crate) fn new(store: Store, run: Option<SmolStr>) -> Self {
        Self {
            store,
            run,
            waiting: Vec::new(),
            bases: HashMap::new(),
            rows: 0,
            bytes: 0,
            since: None,
            written: Written::default(),
            on_its_way: None,
        }
    }

    /// Takes one page. Commits by itself when enough waits or the oldest has waited long enough.
    ///
    /// # Errors
    /// `Store` when a commit that became due fails; the pages stay with the writer and the next flush tries
    /// again.
    pub async fn push(&mut self, page: NewPage) -> Result<()> {
        let options = self.store.0.options.clone();
        if !self.bases.contains_key(&page.stream) {
            let base = self.store.0.journal.sequence(&page.stream).await?;
            self.bases.insert(page.stream.clone(), base);
        }
        let waiting = Waiting::new(page, self.run.clone())?;
        if waiting.job.input.is_some() && self.waiting.iter().any(|other| other.repeats(&waiting)) {
            return Ok(());
        }
        self.rows += waiting.page.measurements.len() + waiting.page.posts.len() / 4;
        self.bytes += waiting.weight();
        self.waiting.push(waiting);
        let since = *self.since.get_or_insert_with(Instant::now);
        let due = self.rows >= options.commit_rows
            || self.bytes >= options.commit_bytes
            || since.elapsed() >= options.commit_interval;
        if due {
            self.commit().await?;
        }
        Ok(())
    }

    /// Commits what waits, to the journal first and then to the projections.
    ///
    /// # Errors
    /// `Store` when the journal or a projection cannot be written. What the journal has is safe; the
    /// projections are caught up later. What it does not have stays with the writer, and the next flush tries
    /// again.
    pub async fn flush(&mut self) -> Result<Flushed> {
        let flushed = self.commit().await?;
        Ok(Flushed { projected: self.arrived().await?, ..flushed })
    }

    /// Commits what waits to the journal and sends it on its way to the projections, once the commit before has
    /// arrived there.
    async fn commit(&mut self) -> Result<Flushed> {
        let offered = self.waiting.len();
        if offered == 0 {
            return Ok(Flushed::default());
        }
        self.arrived().await?;
        let inner = self.store.0.clone();
        let turn = inner.turn.clone().lock_owned().await;
        let committed = inner.journal.commit(&mut self.waiting, &self.bases).await?;
        (self.rows, self.bytes, self.since) = (0, 0, None);
        let Some(committed) = committed else {
            self.written.dropped += offered;
            return Ok(Flushed { dropped: offered, ..Flushed::default() });
        };
        for (number, page) in &committed.pages {
            self.bases.insert(page.stream.clone(), *number);
        }
        let flushed = Flushed {
            pages: committed.pages.len(),
            dropped: committed.dropped,
            measurements: committed.pages.iter().map(|(_, page)| page.page.measurements.len()).sum(),
            projected: false,
        };
        self.written.commits += 1;
        self.written.pages += flushed.pages;
        self.written.dropped += flushed.dropped;
        self.written.measurements += flushed.measurements;
        let batch = committed.try_into()?;
        self.on_its_way = Some(tokio::spawn(async move {
            let projected = project(&inner, batch).await;
            drop(turn);
            projected
        }));
        Ok(flushed)
    }

    /// Waits for the commit that is on its way; whether the projections have all that was committed.
    async fn arrived(&mut self) -> Result<bool> {
        let Some(on_its_way) = &mut self.on_its_way else { return Ok(true) };
        let ended = on_its_way.await;
        self.on_its_way = None;
        let projected = ended.at("carry a commit to the projections")??;
        self.written.behind += usize::from(!projected);
        Ok(projected)
    }

    /// Commits what waits and ends.
    ///
    /// # Errors
    /// As [`Writer::flush`].
    pub async fn finish(mut self) -> Result<Written> {
        self.flush().await?;
        Ok(self.written)
    }
}
