//! Groups pages of many streams into commits and carries each on to the projections.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use kepi_core::{Result, Stream};
use smol_str::SmolStr;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    fail::Fail,
    journal::{NewPage, Waiting},
    project::{Ready, project},
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
    /// The commits that are on their way to the projections, the oldest first; each says whether they have it.
    on_their_way: VecDeque<JoinHandle<Result<bool>>>,
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
            on_their_way: VecDeque::new(),
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
        if waiting.job.input.is_some() && self.waiting.iter().any(|earlier| waiting.repeats(earlier)) {
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
        Ok(Flushed { projected: self.arrived(0).await?, ..flushed })
    }

    /// Commits what waits to the journal and sends it on its way to the projections: its rows are made while the
    /// commit before is still on its own.
    async fn commit(&mut self) -> Result<Flushed> {
        let offered = self.waiting.len();
        if offered == 0 {
            return Ok(Flushed::default());
        }
        self.arrived(1).await?;
        let inner = self.store.0.clone();
        let mut line = inner.line.lock().await;
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
        let (done, arrived) = oneshot::channel();
        let before = line.replace(arrived);
        drop(line);
        let inner = self.store.0.clone();
        self.on_their_way.push_back(tokio::spawn(async move {
            let ready = Ready::of(committed.try_into()?)?;
            let there = match before {
                Some(before) => before.await.unwrap_or(false),
                None => true,
            };
            let turn = inner.turn.lock().await;
            // What did not arrive from here does not come from elsewhere either, unless it was caught up meanwhile.
            let patience = if there { inner.options.patience } else { Duration::ZERO };
            let projected = project(&inner, ready, patience).await;
            drop(turn);
            let _ = done.send(matches!(projected, Ok(true)));
            projected
        }));
        Ok(flushed)
    }

    /// Waits until no more than so many commits are on their way; whether the projections have all that arrived.
    async fn arrived(&mut self, on_their_way: usize) -> Result<bool> {
        let mut all = true;
        while self.on_their_way.len() > on_their_way
            && let Some(oldest) = self.on_their_way.front_mut()
        {
            let ended = oldest.await;
            self.on_their_way.pop_front();
            let projected = ended.at("carry a commit to the projections")??;
            self.written.behind += usize::from(!projected);
            all &= projected;
        }
        Ok(all)
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
