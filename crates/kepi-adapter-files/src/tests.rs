//! Whole files: bytes in, page out.

mod chinese;
mod map;
mod web;
mod western;
mod workbook;
mod workbooks;
mod x;

use jiff::Timestamp;
use kepi_core::{
    AccountRef, Body, Catalogue, Cursor, Decoder, Error, Job, Measurement, NamedPost, Notice, Page, Traffic,
    Value, Window,
};

use crate::{Choice, FileInput, Files, Map};

static FILES: std::sync::LazyLock<Files> = std::sync::LazyLock::new(|| Files::builtin().unwrap());

fn account(id: &str) -> AccountRef {
    let id: kepi_core::AccountId = id.parse().unwrap();
    let zone = id.platform().default_zone();
    AccountRef::new(id, zone)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A file of an account, read in the simplest way.
struct File<'a> {
    account: &'a str,
    name: &'a str,
    bytes: &'a [u8],
    layout: Option<&'a str>,
    map: Option<&'a str>,
}

impl<'a> File<'a> {
    fn of(account: &'a str, name: &'a str, bytes: &'a [u8]) -> Self {
        Self { account, name, bytes, layout: None, map: None }
    }

    fn job(&self) -> Result<Job, Error> {
        let account = account(self.account);
        let input = FileInput {
            name: self.name,
            bytes: self.bytes,
            mtime: Some(at("2026-11-01T12:00:00Z")),
            observed_at: None,
            account: &account,
            currency: None,
        };
        let map = self.map.map(|text| Map::parse("map.toml", text, Catalogue::builtin()).unwrap());
        let choice = match (&map, self.layout) {
            (Some(map), _) => Choice::Map(map),
            (None, Some(name)) => Choice::Layout(name),
            (None, None) => Choice::Detect,
        };
        FILES.recognise(&input, choice)
    }

    /// The page, decoded as it would be in a year: from the job's text and the bytes alone.
    fn page(&self) -> Page {
        let job = self.job().unwrap_or_else(|error| panic!("{}: {error:?}", self.name));
        let stored: Job = serde_json::from_str(&serde_json::to_string(&job).unwrap()).unwrap();
        decode(&stored, self.bytes)
    }

    fn refusal(&self) -> Error {
        self.job().expect_err(self.name)
    }
}

fn decode(job: &Job, bytes: &[u8]) -> Page {
    let body = Body { bytes: bytes.to_vec(), content_type: None, observed_at: Timestamp::UNIX_EPOCH };
    let page = FILES.decode(job, &Cursor::default(), &body).unwrap();
    keys_are_unique(&page);
    page
}

/// The page of a workbook that a fixture writes as text.
fn page_of_grid(account: &str, name: &str, grid: &str) -> Page {
    File::of(account, name, &workbook::Workbook::of(grid).pack()).page()
}

fn keys_are_unique(page: &Page) {
    let mut keys = std::collections::HashSet::new();
    for m in &page.measurements {
        assert!(keys.insert((&m.subject, &m.segment, &m.window, m.traffic)), "twice: {m:?}");
        let mut metrics = std::collections::HashSet::new();
        assert!(m.values.iter().all(|reading| metrics.insert(&reading.metric)), "twice: {m:?}");
    }
}

/// A measurement in one line.
fn line(measurement: &Measurement) -> String {
    let m = measurement;
    let window = match &m.window {
        Window::At(at) => at.to_string(),
        Window::Day(day) => day.to_string(),
        Window::Period(days) => days.to_string(),
    };
    let mut line = format!("{} {window} {}", m.subject.id, m.traffic.as_str());
    if let Some(segment) = &m.segment {
        line += &format!(" [{}={}]", segment.dimension, segment.value);
    }
    if m.provisional {
        line += " provisional";
    }
    for reading in &m.values {
        let value = match &reading.value {
            Value::Count(count) => count.to_string(),
            Value::Real(real) => real.to_string(),
            Value::Money(money) => format!("{}{}", money.amount, money.currency),
        };
        line += &format!(" {}={value}", reading.metric);
        for flag in reading.flags.names() {
            line += &format!("!{flag}");
        }
    }
    line.trim().to_owned()
}

fn lines(page: &Page) -> Vec<String> {
    page.measurements.iter().map(line).collect()
}

fn rejects(page: &Page) -> Vec<String> {
    page.rejects.iter().map(|reject| format!("{}: {}", reject.place, reject.reason)).collect()
}

fn remarks(page: &Page) -> Vec<String> {
    let text = |notice: &Notice| match notice {
        Notice::Remark { text } => text.clone(),
        Notice::Gap { reason } => format!("gap: {reason}"),
        other => format!("{other:?}"),
    };
    page.notices.iter().map(text).collect()
}

fn of_traffic(page: &Page, traffic: Traffic) -> impl Iterator<Item = &Measurement> {
    page.measurements.iter().filter(move |measurement| measurement.traffic == traffic)
}
