//! The journal: one row per fetched page or imported file. Its commit is the checkpoint.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use arrow::{
    array::{Array, BinaryArray, RecordBatch},
    compute,
};
use kepi_core::{
    Body, Cursor, DateSpan, Error, Job, Page, Result, Stream,
    plan::{StreamState, merged},
};
use smol_str::SmolStr;

use crate::{
    columns::{At, Columns, Frame},
    fail::{Fail, store, torn},
    log::{DataFile, RECORDED, Snapshot, TableLog},
    parquet_files::read_whole,
    plan::Plan,
    value::{date_of, days_of, instant},
};

/// A page as it was fetched and decoded, to be written.
#[derive(Debug, Clone)]
pub struct NewPage {
    /// The stream it belongs to.
    pub stream: Stream,
    /// The job it answers.
    pub job: Job,
    /// The cursor it was asked with.
    pub cursor: Cursor,
    /// The request without secrets, for people.
    pub request: Option<String>,
    /// The body, scrubbed.
    pub body: Body,
    /// What the body says, decoded once.
    pub page: Page,
}

/// A page that waits for its commit: its row, and what it says.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) stream: Stream,
    pub(crate) job: Job,
    pub(crate) run: Option<SmolStr>,
    pub(crate) page: Page,
    cursor: Cursor,
    request: Option<String>,
    digest: String,
    bytes: usize,
    content_type: Option<SmolStr>,
    observed: i64,
    packed: Vec<u8>,
}

impl Waiting {
    pub(crate) fn new(new: NewPage, run: Option<SmolStr>) -> Result<Self> {
        let NewPage { stream, job, cursor, request, body, page } = new;
        let packed = zstd::bulk::compress(&body.bytes, 3).at("compress a body")?;
        Ok(Self {
            stream,
            job,
            run,
            page,
            cursor,
            request,
            digest: digest(&body),
            bytes: body.bytes.len(),
            content_type: body.content_type,
            observed: body.observed_at.as_microsecond(),
            packed,
        })
    }

    /// Bytes of bodies that it holds.
    pub(crate) fn weight(&self) -> usize {
        self.packed.len()
    }

    /// Whether it is the same page as an earlier one, fetched or imported again.
    pub(crate) fn repeats(&self, earlier: &Self) -> bool {
        self.stream == earlier.stream
            && self.job.asks_again(&earlier.job)
            && (self.digest == earlier.digest || (self.job.input.is_none() && self.cursor == earlier.cursor))
    }

    fn is_recorded_as(&self, row: &Recorded) -> bool {
        let cursor = Cursor::from_stored(row.cursor.as_deref());
        self.job.asks_again(&row.job)
            && (self.digest == row.digest || (self.job.input.is_none() && self.cursor == cursor))
    }
}

/// The digest of a body.
pub(crate) fn digest(body: &Body) -> String {
    blake3::hash(&body.bytes).to_hex().to_string()
}

/// A row of the journal without its body.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) stream: Stream,
    pub(crate) digest: String,
    pub(crate) job: Job,
    pub(crate) cursor: Option<String>,
}

/// Pages that were committed together.
#[derive(Debug)]
pub(crate) struct Committed {
    /// The version of the journal.
    pub(crate) version: u64,
    /// When, in microseconds; strictly after any commit before.
    pub(crate) recorded: i64,
    /// The instant of the commit before; `None` for the first.
    pub(crate) previous: Option<i64>,
    /// The pages with their numbers in their streams.
    pub(crate) pages: Vec<(i64, Waiting)>,
    /// Pages that another worker had written already.
    pub(crate) dropped: usize,
}

/// Where streams stand, as far as the journal was read.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    /// Which of the logs that were in its place, as [`Snapshot::begun_anew`] counts them.
    log: u64,
    seen: HashSet<String>,
    streams: HashMap<Stream, StreamState>,
    /// The days that finished jobs asked for.
    covered: HashMap<Stream, Vec<DateSpan>>,
}

/// The journal.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) table: TableLog,
    heads: tokio::sync::Mutex<Heads>,
}

impl Journal {
    pub(crate) fn new(table: TableLog) -> Self {
        Self { table, heads: tokio::sync::Mutex::default() }
    }

    /// Where every stream stands.
    pub(crate) async fn states(&self) -> Result<HashMap<Stream, StreamState>> {
        let snapshot = self.table.refresh().await?;
        let mut heads = self.heads.lock().await;
        self.read_heads(&mut heads, &snapshot).await?;
        Ok(heads.streams.clone())
    }

    /// The number of the newest page of a stream; 0 when it has none.
    pub(crate) async fn sequence(&self, stream: &Stream) -> Result<i64> {
        let snapshot = self.table.known();
        let mut heads = self.heads.lock().await;
        self.read_heads(&mut heads, &snapshot).await?;
        Ok(heads.streams.get(stream).map_or(0, sequence_of))
    }

    /// Commits pages after what their streams had when their writer began (`bases`), and takes them. What another
    /// worker has written since is dropped, the rest is numbered anew.
    pub(crate) async fn commit(
        &self,
        pages: &mut Vec<Waiting>,
        bases: &HashMap<Stream, i64>,
    ) -> Result<Option<Committed>> {
        let mut dropped = 0;
        loop {
            let snapshot = self.table.refresh().await?;
            let mut heads = self.heads.lock().await;
            self.read_heads(&mut heads, &snapshot).await?;
            dropped += self.drop_known(pages, bases, &heads, &snapshot).await?;
            if pages.is_empty() {
                return Ok(None);
            }
            let previous = last_recorded(&snapshot);
            let now = (self.table.options.clock)().as_microsecond();
            let recorded = previous.map_or(now, |previous| now.max(previous + 1));
            let numbers = number(pages, &heads);
            let mut plan = Plan::default();
            plan.add(Vec::new(), to_batch(&self.table, pages, &numbers, recorded)?);
            let mut transactions: HashMap<String, i64> = HashMap::new();
            for (page, number) in pages.iter().zip(&numbers) {
                transactions.insert(page.stream.as_str().to_owned(), *number);
            }
            transactions.insert(RECORDED.to_owned(), recorded);
            let Some(committed) =
                plan.commit(&self.table, &snapshot, transactions.into_iter().collect()).await?
            else {
                continue;
            };
            heads.advance(&snapshot, &committed, pages, &numbers);
            let version = committed.version;
            let pages = numbers.into_iter().zip(pages.drain(..)).collect();
            return Ok(Some(Committed { version, recorded, previous, pages, dropped }));
        }
    }

    /// Whether a page with this job and body is in a stream already.
    pub(crate) async fn has(&self, stream: &Stream, job: &Job, digest: &str) -> Result<bool> {
        let snapshot = self.table.refresh().await?;
        let holds = |file: &&Arc<DataFile>| {
            file.stats.may_hold("stream", stream.as_str()) && file.stats.may_hold("digest", digest)
        };
        for file in snapshot.files.values().filter(holds) {
            let rows =
                recorded_rows(&self.table, file, |s, _, d| s == stream.as_str() && d == digest).await?;
            if rows.iter().any(|row| job.asks_again(&row.job)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The body of a page.
    pub(crate) async fn body(&self, stream: &Stream, sequence: i64) -> Result<Option<Body>> {
        let snapshot = self.table.refresh().await?;
        for file in snapshot.files.values().filter(|file| file.stats.may_hold("stream", stream.as_str())) {
            let rows = stored_rows(&self.table, file, i64::MIN, i64::MAX).await?;
            if let Some(row) = rows.into_iter().find(|row| row.stream == *stream && row.sequence == sequence)
            {
                return Ok(row.body);
            }
        }
        Err(Error::bad_input(format!("the store has no page {sequence} of {stream}"))
            .hint("`kepi query \"select stream, sequence from pages\"` lists them"))
    }

    async fn drop_known(
        &self,
        pages: &mut Vec<Waiting>,
        bases: &HashMap<Stream, i64>,
        heads: &Heads,
        snapshot: &Snapshot,
    ) -> Result<usize> {
        let base = |stream: &str| bases.get(&Stream::from_stored(stream)).copied().unwrap_or(i64::MAX);
        let passed = bases
            .iter()
            .filter(|(stream, base)| {
                heads.streams.get(*stream).is_some_and(|head| sequence_of(head) > **base)
            })
            .collect::<HashMap<_, _>>();
        if passed.is_empty() {
            return Ok(0);
        }
        let mut theirs = Vec::new();
        for file in snapshot.files.values() {
            let meets = passed.iter().any(|(stream, base)| {
                file.stats.may_hold("stream", stream.as_str())
                    && file.stats.max_int("sequence").is_none_or(|last| last > **base)
            });
            if meets {
                theirs.extend(
                    recorded_rows(&self.table, file, |stream, sequence, _| sequence > base(stream)).await?,
                );
            }
        }
        let before = pages.len();
        pages.retain(|page| !theirs.iter().any(|row| row.stream == page.stream && page.is_recorded_as(row)));
        Ok(before - pages.len())
    }

    async fn read_heads(&self, heads: &mut Heads, snapshot: &Snapshot) -> Result<()> {
        if heads.log < snapshot.begun_anew {
            *heads = Heads { log: snapshot.begun_anew, ..Heads::default() };
        }
        for (path, file) in &snapshot.files {
            if heads.seen.contains(path) {
                continue;
            }
            let columns = ["stream", "sequence", "window_start", "window_end", "done"];
            let narrow = read_whole(&self.table, file, Some(&columns)).await?;
            let places = heads.newer(&narrow)?;
            heads.cover(&narrow)?;
            if !places.is_empty() {
                let columns = ["stream", "sequence", "job", "next_cursor", "done", "observed_at"];
                let rows = read_whole(&self.table, file, Some(&columns)).await?;
                for (stream, state) in states(&rows, &places)? {
                    heads.stand(stream, state);
                }
            }
            heads.seen.insert(path.clone());
        }
        heads.seen.retain(|path| snapshot.files.contains_key(path));
        Ok(())
    }

    /// Marks the files of a compaction as read when what they were made of was read.
    pub(crate) async fn rearranged(&self, before: &Snapshot, after: &Snapshot) {
        let mut heads = self.heads.lock().await;
        let mut gone = before.files.keys().filter(|path| !after.files.contains_key(*path));
        if gone.all(|path| heads.seen.contains(path)) {
            let new = after.files.keys().filter(|path| !before.files.contains_key(*path));
            heads.seen.extend(new.cloned());
        }
    }
}

impl Heads {
    /// The rows that are the newest of their stream and newer than what is known.
    fn newer(&self, batch: &RecordBatch) -> Result<Vec<usize>> {
        let columns = Columns(batch);
        let (streams, sequences) = (columns.text("stream")?, columns.int("sequence")?);
        let mut newest: HashMap<&str, (i64, usize)> = HashMap::new();
        for row in 0..batch.num_rows() {
            let entry = newest.entry(streams.value(row)).or_insert((i64::MIN, row));
            if sequences.value(row) > entry.0 {
                *entry = (sequences.value(row), row);
            }
        }
        let known = |stream: &str| self.streams.get(&Stream::from_stored(stream)).map_or(0, sequence_of);
        let newer = newest.into_iter().filter(|(stream, (sequence, _))| *sequence > known(stream));
        Ok(newer.map(|(_, (_, row))| row).collect())
    }

    /// Takes in the days that finished jobs asked for.
    fn cover(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = Columns(batch);
        let (streams, done) = (columns.text("stream")?, columns.flag("done")?);
        let (start, end) = (columns.date("window_start")?, columns.date("window_end")?);
        for row in (0..batch.num_rows()).filter(|row| done.value(*row)) {
            if let (Some(start), Some(end)) = (start.at_row(row), end.at_row(row)) {
                let window = DateSpan::new(date_of(start), date_of(end));
                self.add(&Stream::from_stored(streams.value(row)), window);
            }
        }
        for (stream, state) in &mut self.streams {
            if let Some(covered) = self.covered.get(stream) {
                state.covered.clone_from(covered);
            }
        }
        Ok(())
    }

    fn add(&mut self, stream: &Stream, window: DateSpan) {
        let covered = self.covered.entry(stream.clone()).or_default();
        if !covered.iter().any(|span| span.start <= window.start && window.end <= span.end) {
            covered.push(window);
            *covered = merged(std::mem::take(covered));
        }
    }

    /// Makes a page the newest of its stream.
    fn stand(&mut self, stream: Stream, mut state: StreamState) {
        // Journals of an older kepi tell of no page but the newest what it asked for.
        if let Some(window) = state.job.window.filter(|_| state.next.is_none()) {
            self.add(&stream, window);
        }
        state.covered = self.covered.get(&stream).cloned().unwrap_or_default();
        self.streams.insert(stream, state);
    }

    fn advance(&mut self, base: &Snapshot, committed: &Snapshot, pages: &[Waiting], numbers: &[i64]) {
        for (page, number) in pages.iter().zip(numbers) {
            let state = StreamState {
                sequence: u64::try_from(*number).unwrap_or_default(),
                job: page.job.clone(),
                next: page.page.next.clone(),
                observed_at: instant(page.observed),
                covered: Vec::new(),
            };
            self.stand(page.stream.clone(), state);
        }
        let new = committed.files.keys().filter(|path| !base.files.contains_key(*path));
        self.seen.extend(new.cloned());
    }
}

fn sequence_of(state: &StreamState) -> i64 {
    i64::try_from(state.sequence).unwrap_or(i64::MAX)
}

/// The instant of the newest commit of the journal.
pub(crate) fn last_recorded(snapshot: &Snapshot) -> Option<i64> {
    let files = snapshot.files.values().filter_map(|file| file.stats.max_int("recorded_at")).max();
    let transaction = snapshot.transactions.get(RECORDED).copied();
    files.max(transaction)
}

fn number(pages: &[Waiting], heads: &Heads) -> Vec<i64> {
    let mut last: HashMap<&Stream, i64> = HashMap::new();
    pages
        .iter()
        .map(|page| {
            let known = || heads.streams.get(&page.stream).map_or(0, sequence_of);
            let number = last.entry(&page.stream).or_insert_with(known);
            *number += 1;
            *number
        })
        .collect()
}

fn to_batch(table: &TableLog, pages: &[Waiting], numbers: &[i64], recorded: i64) -> Result<RecordBatch> {
    let mut jobs: Vec<String> = Vec::with_capacity(pages.len());
    for page in pages {
        jobs.push(serde_json::to_string(&page.job).at("write a job")?);
    }
    let platform = |page: &Waiting| {
        let files = page.job.input.is_some();
        let named = page.stream.as_str().split_once('/').map_or("", |(platform, _)| platform);
        if files { "files".to_owned() } else { named.to_owned() }
    };
    let next = |page: &Waiting| page.page.next.as_ref().map(|next| next.as_stored().unwrap_or("").to_owned());
    let mut frame = Frame::new(table.schema.file.clone(), pages.len());
    let all = || pages.iter();
    frame.texts("stream", all().map(|page| page.stream.as_str()));
    frame.ints("sequence", numbers.iter().copied());
    frame.maybe_texts("platform", all().map(|page| Some(platform(page))));
    frame.texts("endpoint", all().map(|page| page.job.endpoint.as_str()));
    frame.instants("observed_at", all().map(|page| page.observed));
    frame.instants("recorded_at", all().map(|_| recorded));
    frame.maybe_texts("run", all().map(|page| page.run.as_ref()));
    frame.texts("job", jobs.iter().map(String::as_str));
    let window = || all().map(|page| page.job.window);
    frame.maybe_dates("window_start", window().map(|window| window.map(|window| days_of(window.start))));
    frame.maybe_dates("window_end", window().map(|window| window.map(|window| days_of(window.end))));
    frame.maybe_texts("cursor", all().map(|page| page.cursor.as_stored()));
    frame.maybe_texts("next_cursor", all().map(next));
    frame.flags("done", all().map(|page| page.page.next.is_none()));
    frame.maybe_texts("request", all().map(|page| page.request.as_ref()));
    frame.texts("digest", all().map(|page| page.digest.as_str()));
    frame.ints("bytes", all().map(|page| i64::try_from(page.bytes).unwrap_or(i64::MAX)));
    frame.maybe_texts("content_type", all().map(|page| page.content_type.as_ref()));
    frame.set("body", Arc::new(BinaryArray::from_iter_values(all().map(|page| &page.packed))));
    frame.finish()
}

fn read_job(text: &str) -> Result<Job> {
    serde_json::from_str(text).map_err(|error| store("read a job", error))
}

fn states(batch: &RecordBatch, places: &[usize]) -> Result<Vec<(Stream, StreamState)>> {
    let columns = Columns(batch);
    let (streams, sequences) = (columns.text("stream")?, columns.int("sequence")?);
    let (jobs, next, done) = (columns.text("job")?, columns.text("next_cursor")?, columns.flag("done")?);
    let observed = columns.instant("observed_at")?;
    let state = |row: usize| -> Result<(Stream, StreamState)> {
        let state = StreamState {
            sequence: u64::try_from(sequences.value(row)).map_err(|_| torn("a negative sequence"))?,
            job: read_job(jobs.value(row))?,
            next: (!done.value(row)).then(|| next_cursor(next.at_row(row).as_deref())),
            observed_at: instant(observed.value(row)),
            covered: Vec::new(),
        };
        Ok((Stream::from_stored(streams.value(row)), state))
    };
    places.iter().map(|row| state(*row)).collect()
}

fn next_cursor(text: Option<&str>) -> Cursor {
    Cursor::from_stored(text.filter(|text| !text.is_empty()))
}

async fn recorded_rows(
    table: &TableLog,
    file: &DataFile,
    wanted: impl Fn(&str, i64, &str) -> bool,
) -> Result<Vec<Recorded>> {
    let narrow = read_whole(table, file, Some(&["stream", "sequence", "digest"])).await?;
    let columns = Columns(&narrow);
    let (streams, sequences, digests) =
        (columns.text("stream")?, columns.int("sequence")?, columns.text("digest")?);
    let places: Vec<usize> = (0..narrow.num_rows())
        .filter(|row| wanted(streams.value(*row), sequences.value(*row), digests.value(*row)))
        .collect();
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let rows = read_whole(table, file, Some(&["job", "cursor"])).await?;
    let columns = Columns(&rows);
    let (jobs, cursors) = (columns.text("job")?, columns.text("cursor")?);
    let row = |row: usize| -> Result<Recorded> {
        Ok(Recorded {
            stream: Stream::from_stored(streams.value(row)),
            digest: digests.value(row).to_owned(),
            job: read_job(jobs.value(row))?,
            cursor: cursors.at_row(row).map(String::from),
        })
    };
    places.into_iter().map(row).collect()
}

/// A row of the journal with its body, to be decoded again.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) stream: Stream,
    pub(crate) sequence: i64,
    pub(crate) platform: SmolStr,
    pub(crate) run: Option<SmolStr>,
    pub(crate) recorded: i64,
    pub(crate) job: Job,
    pub(crate) cursor: Cursor,
    /// `None` once retention emptied it.
    pub(crate) body: Option<Body>,
}

/// The rows of a file that were recorded within a range, both ends included, with their bodies.
pub(crate) async fn stored_rows(
    table: &TableLog,
    file: &DataFile,
    from: i64,
    to: i64,
) -> Result<Vec<Stored>> {
    let whole = read_whole(table, file, None).await?;
    let recorded = Columns(&whole).instant("recorded_at")?;
    let wanted: arrow::array::BooleanArray =
        recorded.iter().map(|at| at.map(|at| from <= at && at <= to)).collect();
    let batch = compute::filter_record_batch(&whole, &wanted).at("read the journal")?;
    let columns = Columns(&batch);
    let (streams, sequences) = (columns.text("stream")?, columns.int("sequence")?);
    let (platforms, runs, recorded) =
        (columns.text("platform")?, columns.text("run")?, columns.instant("recorded_at")?);
    let (jobs, cursors) = (columns.text("job")?, columns.text("cursor")?);
    let (types, observed) = (columns.text("content_type")?, columns.instant("observed_at")?);
    let lengths = columns.int("bytes")?;
    let bodies = batch
        .column_by_name("body")
        .and_then(|column| column.as_any().downcast_ref::<BinaryArray>())
        .ok_or_else(|| torn("column body is missing"))?;
    let row = |row: usize| -> Result<Stored> {
        let length = usize::try_from(lengths.value(row)).unwrap_or_default();
        let body = |packed: &[u8]| -> Result<Body, Error> {
            Ok(Body {
                bytes: zstd::bulk::decompress(packed, length).at("read a body")?,
                content_type: types.at_row(row),
                observed_at: instant(observed.value(row)),
            })
        };
        Ok(Stored {
            stream: Stream::from_stored(streams.value(row)),
            sequence: sequences.value(row),
            platform: platforms.value(row).into(),
            run: runs.at_row(row),
            recorded: recorded.value(row),
            job: read_job(jobs.value(row))?,
            cursor: Cursor::from_stored(cursors.at_row(row).as_deref()),
            body: bodies.is_valid(row).then(|| body(bodies.value(row))).transpose()?,
        })
    };
    (0..batch.num_rows()).map(row).collect()
}
