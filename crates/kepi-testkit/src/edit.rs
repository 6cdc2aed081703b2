//! Answers changed on the fly: how checks ask "and what if the platform had said this?".

use jiff::civil::Date;
use kepi_core::{Adapter, Endpoint, Page, period::add_days};
use serde_json::Value;

use crate::{candidate::read, fixture::Exchange};

/// What a bad row is replaced by, so that it can be found again among the rejects.
pub const BAD: &str = "kepi: not a row";

impl Exchange {
    /// The body as JSON, where it is JSON.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.response.body).ok()
    }

    /// The same exchange with another body.
    #[must_use]
    pub fn with_json(&self, body: &Value) -> Self {
        self.with_body(body.to_string().into_bytes())
    }

    /// The same exchange with another body.
    #[must_use]
    pub fn with_body(&self, body: Vec<u8>) -> Self {
        let mut changed = self.clone();
        changed.response.body = body;
        changed
    }

    /// The same exchange with one place of the body changed.
    #[must_use]
    pub fn with(&self, pointer: &str, value: Value) -> Self {
        let Some(mut body) = self.json() else { return self.clone() };
        if let Some(place) = body.pointer_mut(pointer) {
            *place = value;
        }
        self.with_json(&body)
    }

    /// The same exchange, read at another instant.
    #[must_use]
    pub fn read_at(&self, at: jiff::Timestamp) -> Self {
        let mut changed = self.clone();
        changed.response.received_at = at;
        changed.job.planned_at = at;
        changed
    }
}

/// The places of a document, parents before children: JSON pointer and value.
#[must_use]
pub fn places(document: &Value) -> Vec<(String, &Value)> {
    let mut found = vec![(String::new(), document)];
    let mut at = 0;
    while let Some((pointer, value)) = found.get(at).cloned() {
        match value {
            Value::Object(members) => {
                found
                    .extend(members.iter().map(|(key, value)| (format!("{pointer}/{}", escape(key)), value)));
            }
            Value::Array(items) => {
                found.extend(items.iter().enumerate().map(|(i, value)| (format!("{pointer}/{i}"), value)));
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The places that are neither list nor object.
#[must_use]
pub fn leaves(document: &Value) -> Vec<(String, &Value)> {
    let leaf = |value: &Value| !value.is_object() && !value.is_array();
    places(document).into_iter().filter(|(_, value)| leaf(value)).collect()
}

/// Removes the member or item at a pointer.
pub fn remove(document: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    match document.pointer_mut(parent) {
        Some(Value::Object(members)) => {
            members.remove(&key.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(items)) => {
            if let Some(i) = key.parse().ok().filter(|i| *i < items.len()) {
                items.remove(i);
            }
        }
        _ => {}
    }
}

/// The places at which the numbers of a field stand: its pointer, taken within any object of the document. A
/// metric that is added up from several fields names them all, with ` + ` between.
#[must_use]
pub fn number_places(document: &Value, field_pointer: &str) -> Vec<String> {
    let mut found = Vec::new();
    for pointer in field_pointer.split(" + ").filter(|pointer| !pointer.is_empty()) {
        for (base, value) in places(document) {
            let within = value.is_object() || (value.is_array() && first_is_index(pointer));
            if within && value.pointer(pointer).is_some_and(|value| value.is_number() || value.is_string()) {
                found.push(format!("{base}{pointer}"));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// All places of numbers of an endpoint's fields.
#[must_use]
pub fn all_number_places(document: &Value, endpoint: &Endpoint) -> Vec<String> {
    let mut found: Vec<String> =
        endpoint.fields.iter().flat_map(|field| number_places(document, field.pointer)).collect();
    found.sort();
    found.dedup();
    found
}

/// The outermost lists that hold the rows of an answer: without their items the page says less.
#[must_use]
pub fn row_lists(adapter: &dyn Adapter, exchange: &Exchange) -> Vec<String> {
    let (Some(body), Ok(page)) = (exchange.json(), read(adapter, exchange)) else { return Vec::new() };
    let mut lists: Vec<String> = Vec::new();
    for (pointer, value) in places(&body) {
        let holds_rows = value.as_array().is_some_and(|items| items.iter().any(|item| !is_leaf(item)));
        if !holds_rows || lists.iter().any(|outer| pointer.starts_with(&format!("{outer}/"))) {
            continue;
        }
        let emptied = read(adapter, &exchange.with(&pointer, Value::Array(Vec::new())));
        let says_less = |emptied: &Page| {
            let numbers = emptied.measurements.len() < page.measurements.len();
            numbers || (page.measurements.is_empty() && size(emptied) < size(&page))
        };
        if emptied.as_ref().is_ok_and(says_less) {
            lists.push(pointer);
        }
    }
    lists
}

/// How much a page says: its numbers, or where it has none its posts and accounts.
#[must_use]
pub fn size(page: &Page) -> usize {
    let numbers: usize = page.measurements.iter().map(|measurement| measurement.values.len()).sum();
    if numbers > 0 { numbers } else { page.posts.len() + page.accounts.len() }
}

/// The answer with none of its rows.
#[must_use]
pub fn emptied(exchange: &Exchange, lists: &[String]) -> Exchange {
    lists.iter().fold(exchange.clone(), |exchange, list| exchange.with(list, Value::Array(Vec::new())))
}

/// The answer with only the first of its rows.
#[must_use]
pub fn shortened(exchange: &Exchange, lists: &[String]) -> Exchange {
    let Some(mut body) = exchange.json() else { return exchange.clone() };
    for list in lists {
        if let Some(Value::Array(items)) = body.pointer_mut(list) {
            items.truncate(1);
        }
    }
    exchange.with_json(&body)
}

/// The ids of posts, media and other subjects that a page names.
#[must_use]
pub fn ids(page: &Page) -> Vec<String> {
    let posts = page.posts.iter().map(|post| post.id.to_string());
    let subjects = page.measurements.iter().map(|measurement| measurement.subject.id.to_string());
    let mut ids: Vec<String> = posts.chain(subjects).filter(|id| !id.is_empty()).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// The places below `within` at which one of the ids stands.
#[must_use]
pub fn id_places(document: &Value, within: &str, ids: &[String]) -> Vec<String> {
    let is_id = |value: &Value| match value {
        Value::String(text) => ids.contains(text),
        Value::Number(number) => ids.contains(&number.to_string()),
        _ => false,
    };
    let below = |pointer: &str| pointer.starts_with(&format!("{within}/")) || within.is_empty();
    leaves(document)
        .into_iter()
        .filter(|(pointer, value)| below(pointer) && is_id(value))
        .map(|(pointer, _)| pointer)
        .collect()
}

/// Another value of the same form: digits behind a text, a number further on.
#[must_use]
pub fn another(value: &Value, k: usize) -> Value {
    match value {
        Value::String(text) => Value::String(format!("{text}{k:04}")),
        Value::Number(number) => number.as_u64().map_or(value.clone(), |n| Value::from(n + k as u64)),
        other => other.clone(),
    }
}

/// The places outside the rows on which it depends where the job goes on: a token, a flag, a total.
#[must_use]
pub fn signals(adapter: &dyn Adapter, exchange: &Exchange, lists: &[String]) -> Vec<String> {
    let (Some(body), Ok(page)) = (exchange.json(), read(adapter, exchange)) else { return Vec::new() };
    let outside = |pointer: &str| !lists.iter().any(|list| pointer.starts_with(list.as_str()));
    let steers = |pointer: &str| {
        let mut without = body.clone();
        remove(&mut without, pointer);
        read(adapter, &exchange.with_json(&without)).is_ok_and(|changed| changed.next != page.next)
    };
    let places = leaves(&body).into_iter().map(|(pointer, _)| pointer);
    places.filter(|pointer| outside(pointer) && steers(pointer)).collect()
}

/// The next page of the same kind: fresh ids in its rows, a fresh token.
#[must_use]
pub fn following(adapter: &dyn Adapter, exchange: &Exchange, lists: &[String], k: usize) -> Exchange {
    let (Some(mut body), Ok(page)) = (exchange.json(), read(adapter, exchange)) else {
        return exchange.clone();
    };
    let ids = ids(&page);
    let in_rows = lists.iter().flat_map(|list| id_places(&body, list, &ids));
    let mut fresh: Vec<String> = in_rows.collect();
    fresh.extend(token_places(adapter, exchange, lists, &page));
    for pointer in fresh {
        if let Some(place) = body.pointer_mut(&pointer) {
            *place = another(place, k);
        }
    }
    exchange.with_json(&body)
}

/// The places of tokens: what stands there comes back in the cursor.
fn token_places(adapter: &dyn Adapter, exchange: &Exchange, lists: &[String], page: &Page) -> Vec<String> {
    let Some(body) = exchange.json() else { return Vec::new() };
    let mut found = signals(adapter, exchange, lists);
    found.retain(|pointer| {
        let Some(value) = body.pointer(pointer) else { return false };
        let renewed = another(value, 1);
        let next = read(adapter, &exchange.with(pointer, renewed)).ok().and_then(|page| page.next);
        next.is_some() && next != page.next
    });
    found
}

/// The answer with so many rows in its longest list, each with ids of its own, or where it names none with a day
/// of its own.
#[must_use]
pub fn grown(adapter: &dyn Adapter, exchange: &Exchange, lists: &[String], rows: usize) -> Exchange {
    let (Some(mut body), Ok(page)) = (exchange.json(), read(adapter, exchange)) else {
        return exchange.clone();
    };
    let ids = ids(&page);
    let length = |list: &&String| body.pointer(list).and_then(Value::as_array).map_or(0, Vec::len);
    let Some(list) = lists.iter().max_by_key(length) else { return exchange.clone() };
    let Some(first) = body.pointer(&format!("{list}/0")).cloned() else { return exchange.clone() };
    let places = id_places(&first, "", &ids);
    let copy = |k: usize| {
        let mut row = first.clone();
        for pointer in &places {
            if let Some(place) = row.pointer_mut(pointer) {
                *place = another(place, k);
            }
        }
        if places.is_empty() {
            move_days(&mut row, k);
        }
        row
    };
    if let Some(place) = body.pointer_mut(list) {
        *place = Value::Array((0..rows).map(copy).collect());
    }
    exchange.with_json(&body)
}

/// Moves the days that a row names.
fn move_days(row: &mut Value, k: usize) {
    let days: Vec<(String, Date)> = leaves(row)
        .into_iter()
        .filter_map(|(pointer, value)| {
            Some((pointer, value.as_str().filter(|text| text.len() == 10)?.parse().ok()?))
        })
        .collect();
    for (pointer, day) in days {
        if let Some(place) = row.pointer_mut(&pointer) {
            *place = Value::String(add_days(day, i32::try_from(k).unwrap_or(0)).to_string());
        }
    }
}

fn is_leaf(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

fn first_is_index(pointer: &str) -> bool {
    let first = pointer.trim_start_matches('/').split('/').next().unwrap_or_default();
    !first.is_empty() && first.bytes().all(|c| c.is_ascii_digit())
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
