//! What was said of the same before: by it one can tell whether an answer's zeros can be true.

use std::collections::{BTreeMap, HashMap};

use jiff::{Timestamp, civil::Date, tz::Offset};
use kepi_core::{AccountId, Catalogue, Measurement, MetricId, Result, SubjectKind, Window, period::add_days};
use serde_json::Value;

use crate::{query::query, store::Store};

/// Older readings of an account are not looked at: its numbers may have gone to zero since.
const DAYS_BACK: i32 = 40;

/// Subject, traffic, provenance, and the days of a window that is no reading.
type Key = (String, String, String, Option<(String, String)>);

impl Store {
    /// For each of these measurements those of its metrics of which the last word was above zero: of a reading,
    /// the newest one before; of a day or a period, what was said of the same. Parts of a subject are not looked
    /// up, and what is committed but not yet projected is not seen.
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
            let said = newest(&rows, metrics.len());
            for (place, one) in places.iter().zip(ones) {
                let Some(numbers) = said.get(&key(one)) else { continue };
                let told =
                    metrics.iter().zip(numbers).filter(|(_, number)| number.is_some_and(|it| it > 0.0));
                let asked_for = |metric: &&MetricId| one.value(metric.as_str()).is_some();
                above[*place] = told.map(|(metric, _)| metric).filter(asked_for).cloned().collect();
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
    let days = match one.window {
        Window::At(_) => None,
        Window::Day(day) => Some((day.to_string(), add_days(day, 1).to_string())),
        Window::Period(days) => Some((days.start.to_string(), days.end.to_string())),
    };
    (one.subject.id.to_string(), one.traffic.as_str().into(), one.provenance.as_str().into(), days)
}

/// The newest number of every metric, by what it is of.
fn newest(rows: &[Vec<Value>], metrics: usize) -> HashMap<Key, Vec<Option<f64>>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut said: HashMap<Key, Vec<Option<f64>>> = HashMap::new();
    for row in rows {
        let [subject, traffic, provenance, day, end, window, numbers @ ..] = &row[..] else { continue };
        let days = (text(window) != "at").then(|| (text(day), text(end)));
        let known = said
            .entry((text(subject), text(traffic), text(provenance), days))
            .or_insert_with(|| vec![None; metrics]);
        for (known, number) in known.iter_mut().zip(numbers) {
            *known = known.or(number.as_f64());
        }
    }
    said
}
