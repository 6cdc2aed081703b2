//! What was said of the same before: by it one can tell whether an answer's zeros can be true.

use std::collections::{BTreeMap, HashMap};

use jiff::{Timestamp, civil::Date, tz::Offset};
use kepi_core::{AccountId, Catalogue, Measurement, MetricId, Result, SubjectKind, Window, period::add_days};
use serde_json::Value;

use crate::{query::query, store::Store};

/// Older readings of an account are not looked at: its numbers may have gone to zero since.
const DAYS_BACK: i32 = 40;

/// Subject, traffic, provenance, and the first day of a window that is no reading.
type Key = (String, String, String, Option<String>);

/// The day after a window's last, empty for a reading; and its numbers.
type Said<'r> = (String, &'r [Value]);

impl Store {
    /// For each of these measurements those of its metrics of which the last word was above zero: of a reading,
    /// the newest one before; of a day, what was said of the same; of a period, what was said of it or of a shorter one
    /// that begins with it. Parts of a subject are not looked up, and what is committed but not yet projected is not
    /// seen.
    ///
    /// # Errors
    /// `Store` when the tables cannot be read.
    pub async fn above_zero(&self, asked: &[Measurement]) -> Result<Vec<Vec<MetricId>>> {
        let mut groups: BTreeMap<(&AccountId, SubjectKind, &str), Vec<usize>> = BTreeMap::new();
        for (place, one) in asked.iter().enumerate().filter(|(_, one)| one.segment.is_none()) {
            let of = (&one.subject.account, one.subject.kind, word(&one.window));
            groups.entry(of).or_default().push(place);
        }
        let mut above = vec![Vec::new(); asked.len()];
        if groups.is_empty() {
            return Ok(above);
        }
        let session = self.session().await?;
        for ((_, kind, window), places) in groups {
            let ones: Vec<&Measurement> = places.iter().map(|place| &asked[*place]).collect();
            let metrics = columns(kind, &ones);
            if metrics.is_empty() {
                continue;
            }
            let rows = query(&session, &sql(kind, window, &ones, &metrics)).await?.rows;
            let said = by_beginning(&rows);
            for (place, one) in places.iter().zip(ones) {
                let Some(said) = said.get(&key(one)) else { continue };
                let end = end(&one.window);
                let within = || said.iter().filter(|(until, _)| *until <= end);
                let last = |column: usize| within().find_map(|(_, numbers)| numbers.get(column)?.as_f64());
                let named =
                    metrics.iter().enumerate().filter(|(_, metric)| one.value(metric.as_str()).is_some());
                let told = named.filter(|(column, _)| last(*column).is_some_and(|number| number > 0.0));
                above[*place] = told.map(|(_, metric)| metric).cloned().collect();
            }
        }
        Ok(above)
    }
}

fn word(window: &Window) -> &'static str {
    match window {
        Window::At(_) => "at",
        Window::Day(_) => "day",
        Window::Period(_) => "period",
    }
}

/// The metrics of these measurements that the table of the kind has a column for.
fn columns(kind: SubjectKind, ones: &[&Measurement]) -> Vec<MetricId> {
    let named = |metric: &MetricId| ones.iter().any(|one| one.value(metric.as_str()).is_some());
    let columns = Catalogue::builtin().columns(kind);
    columns.map(|metric| &metric.id).filter(|metric| named(metric)).cloned().collect()
}

/// Newest first.
fn sql(kind: SubjectKind, window: &str, ones: &[&Measurement], metrics: &[MetricId]) -> String {
    let subject = match kind {
        SubjectKind::Account => "'' as subject",
        SubjectKind::Post => "post",
        _ => "subject",
    };
    let mut wanted = vec![format!("account = {}", quoted(ones[0].subject.account.as_str()))];
    if kind != SubjectKind::Account {
        let mut ids: Vec<String> = ones.iter().map(|one| quoted(&one.subject.id)).collect();
        ids.sort();
        ids.dedup();
        wanted.push(format!("{subject} in ({})", ids.join(", ")));
    }
    let readings_of_posts = kind == SubjectKind::Post && window == "at";
    let order = if readings_of_posts { "rank" } else { "observed_at desc" };
    let table =
        if readings_of_posts { "post_lifetime".to_owned() } else { format!("{}_facts", kind.as_str()) };
    if !readings_of_posts {
        wanted.push(format!("current and \"window\" = '{window}'"));
        let (first, last) = days(ones);
        wanted.push(format!("day >= '{first}' and day <= '{last}'"));
    }
    let days = if readings_of_posts {
        "'' as first, '' as last, 'at' as kind"
    } else {
        "cast(day as varchar), cast(end_day as varchar), \"window\""
    };
    let metrics: Vec<String> = metrics.iter().map(|metric| format!("cast(\"{metric}\" as double)")).collect();
    format!(
        "select {subject}, traffic, provenance, {days}, {} \
         from {table} where {} order by {order}",
        metrics.join(", "),
        wanted.join(" and ")
    )
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The days in which the windows begin; of readings, the weeks before.
fn days(ones: &[&Measurement]) -> (Date, Date) {
    let day = |at: Timestamp| Offset::UTC.to_datetime(at).date();
    let begins = |one: &&Measurement| match one.window {
        // A day more at both ends: the account's days are not those of UTC.
        Window::At(at) => (add_days(day(at), -DAYS_BACK), add_days(day(at), 1)),
        Window::Day(date) => (date, date),
        Window::Period(days) => (days.start, days.start),
    };
    let all = ones.iter().map(begins);
    all.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default()
}

fn key(one: &Measurement) -> Key {
    let first = match one.window {
        Window::At(_) => None,
        Window::Day(day) => Some(day.to_string()),
        Window::Period(days) => Some(days.start.to_string()),
    };
    (one.subject.id.to_string(), one.traffic.as_str().into(), one.provenance.as_str().into(), first)
}

fn end(window: &Window) -> String {
    match window {
        Window::At(_) => String::new(),
        Window::Day(day) => add_days(*day, 1).to_string(),
        Window::Period(days) => days.end.to_string(),
    }
}

/// The rows by what they are of and when that begins, newest first as they come.
fn by_beginning(rows: &[Vec<Value>]) -> HashMap<Key, Vec<Said<'_>>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut said: HashMap<Key, Vec<Said<'_>>> = HashMap::new();
    for row in rows {
        let [subject, traffic, provenance, day, end, window, numbers @ ..] = &row[..] else { continue };
        let (first, end) =
            if text(window) == "at" { (None, String::new()) } else { (Some(text(day)), text(end)) };
        let key = (text(subject), text(traffic), text(provenance), first);
        said.entry(key).or_default().push((end, numbers));
    }
    said
}
