//! A small world to write pages in.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::{Timestamp, ToSpan, civil::Date};
use kepi_core::{
    AccountId, AccountRef, Body, Cursor, Decoder, Error, Job, Measurement, MetricId, Page, Post, Reading,
    Result, Stream, Subject, Window,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Decoders, NewPage, Store, StoreOptions, query};

/// A store in a folder of its own, with a clock that moves a second at each look.
pub(crate) struct World {
    folder: TempDir,
    clock: Arc<AtomicI64>,
}

/// The account of these tests.
pub(crate) const ACCOUNT: &str = "x/nordlicht";

impl World {
    pub(crate) fn new() -> Self {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Arc::new(AtomicI64::new(start.as_microsecond()));
        Self { folder: tempfile::tempdir().unwrap(), clock }
    }

    /// A world whose store is a copy of this one's.
    pub(crate) fn copy(&self) -> Self {
        let world = Self::new();
        self.copy_to(&world);
        world
    }

    /// Writes a copy of this world's store where another one has its own.
    pub(crate) fn copy_to(&self, world: &Self) {
        let mut folders = vec![(PathBuf::from(self.path()), PathBuf::from(world.path()))];
        while let Some((from, to)) = folders.pop() {
            std::fs::create_dir_all(&to).unwrap();
            for entry in std::fs::read_dir(from).unwrap() {
                let path = entry.unwrap().path();
                let copy = to.join(path.file_name().unwrap());
                if path.is_dir() {
                    folders.push((path, copy));
                } else {
                    std::fs::copy(path, copy).unwrap();
                }
            }
        }
    }

    pub(crate) fn path(&self) -> String {
        self.folder.path().join("store").display().to_string()
    }

    pub(crate) fn options(&self) -> StoreOptions {
        let clock = self.clock.clone();
        StoreOptions {
            clock: Arc::new(move || {
                Timestamp::from_microsecond(clock.fetch_add(1_000_000, Ordering::Relaxed)).unwrap()
            }),
            ..StoreOptions::default()
        }
    }

    /// The last moment before the next look at the clock.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.clock.load(Ordering::Relaxed) - 1).unwrap()
    }

    pub(crate) async fn store(&self) -> Store {
        Store::create(&self.path(), self.options()).await.unwrap()
    }
}

/// Reads pages that are their own bodies.
#[derive(Debug)]
pub(crate) struct Echo;

impl Decoder for Echo {
    fn decode(&self, _: &Job, _: &Cursor, body: &Body) -> Result<Page> {
        serde_json::from_slice(&body.bytes)
            .map_err(|error| Error::bad_response("not a page").caused_by(error))
    }
}

impl Decoders for Echo {
    fn decoder(&self, _: &str) -> Option<Arc<dyn Decoder>> {
        Some(Arc::new(Self))
    }
}

pub(crate) fn account() -> AccountId {
    ACCOUNT.parse().unwrap()
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Noon of a day of April 2019.
pub(crate) fn noon(day: i8) -> Timestamp {
    let start: Timestamp = "2019-03-31T12:00:00Z".parse().unwrap();
    start.checked_add((i64::from(day) * 24).hours()).unwrap()
}

pub(crate) fn date(day: i8) -> Date {
    Date::constant(2019, 4, day)
}

pub(crate) fn numbers(values: &[(&'static str, i64)]) -> Vec<Reading> {
    values.iter().map(|(metric, value)| Reading::count(MetricId::from_static(metric), *value)).collect()
}

/// A reading of a post.
pub(crate) fn reading(post: &str, when: Timestamp, values: &[(&'static str, i64)]) -> Measurement {
    Measurement { values: numbers(values), ..Measurement::at(Subject::post(account(), post), when) }
}

/// A day of a post as the platform gave it.
pub(crate) fn given(
    post: &str,
    day: Date,
    observed: Timestamp,
    values: &[(&'static str, i64)],
) -> Measurement {
    let subject = Subject::post(account(), post);
    Measurement { values: numbers(values), ..Measurement::new(subject, Window::Day(day), observed) }
}

/// A day of the account.
pub(crate) fn account_day(day: Date, observed: Timestamp, values: &[(&'static str, i64)]) -> Measurement {
    let subject = Subject::account(account());
    Measurement { values: numbers(values), ..Measurement::new(subject, Window::Day(day), observed) }
}

/// A post that was born at an instant.
pub(crate) fn born(id: &str, when: Timestamp) -> Post {
    Post { published_at: Some(when), format: Some("post".into()), ..Post::new(account(), id) }
}

pub(crate) fn page(measurements: Vec<Measurement>) -> Page {
    Page { measurements, ..Page::default() }
}

/// A page of the account's endpoint `tweets`, ready to be written.
pub(crate) fn new_page(page: Page) -> NewPage {
    new_page_of("tweets", page)
}

pub(crate) fn new_page_of(endpoint: &str, page: Page) -> NewPage {
    let observed = page.measurements.iter().map(|measurement| measurement.observed_at).max();
    let job = Job {
        endpoint: endpoint.into(),
        accounts: vec![AccountRef::new(account(), "UTC")],
        window: None,
        posts: Vec::new(),
        planned_at: observed.unwrap_or_default(),
        input: None,
        refused: Vec::new(),
    };
    let body = Body::json(serde_json::to_vec(&page).unwrap(), observed.unwrap_or_default());
    NewPage {
        stream: Stream::of(&account(), endpoint),
        job,
        cursor: Cursor::default(),
        request: Some("GET https://example.org".to_owned()),
        body,
        page,
    }
}

/// Writes pages, each in a commit of its own.
pub(crate) async fn write(store: &Store, pages: impl IntoIterator<Item = Page>) {
    for page in pages {
        let mut writer = store.writer(Some("run-1".into()));
        writer.push(new_page(page)).await.unwrap();
        let flushed = writer.flush().await.unwrap();
        assert!(flushed.projected);
    }
}

/// The rows that a query finds, as one line of text each.
pub(crate) async fn rows(store: &Store, sql: &str) -> Vec<String> {
    let session = store.session().await.unwrap();
    let found = query(&session, sql).await.unwrap_or_else(|error| panic!("{error:?}"));
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    found.rows.iter().map(|row| row.iter().map(text).collect::<Vec<_>>().join(" ")).collect()
}

/// Asserts what a query finds.
pub(crate) async fn check(store: &Store, sql: &str, expected: &[&str]) {
    assert_eq!(rows(store, sql).await, expected, "{sql}");
}
