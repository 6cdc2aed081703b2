//! What a page says, as sets that can be held against each other.

use std::collections::{BTreeMap, BTreeSet};

use kepi_core::{Page, Value};

use crate::print;

/// The numbers of a page: what each is said of and which metric it is, and the number. Their order is left
/// out; so are flags of whole measurements.
#[must_use]
pub fn numbers(page: &Page) -> BTreeMap<(String, String), Value> {
    let mut numbers = BTreeMap::new();
    for measurement in &page.measurements {
        let key = print::key(measurement);
        for reading in &measurement.values {
            numbers.insert((key.clone(), reading.metric.to_string()), reading.value.clone());
        }
    }
    numbers
}

/// What a page says of posts and accounts.
#[must_use]
pub fn dimensions(page: &Page) -> BTreeSet<String> {
    let text = print::page(page, jiff::Timestamp::UNIX_EPOCH);
    let named = text.lines().filter(|line| line.starts_with("post: ") || line.starts_with("account: "));
    named.map(str::to_owned).collect()
}

/// The numbers that one page says and another does not, or says otherwise.
#[must_use]
pub fn missing_from(whole: &Page, part: &Page) -> Vec<String> {
    let part = numbers(part);
    let differs = |entry: &(&(String, String), &Value)| part.get(entry.0) != Some(entry.1);
    let whole = numbers(whole);
    whole.iter().filter(differs).map(|((key, metric), value)| format!("{key} | {metric}={value:?}")).collect()
}

/// Whether two pages say the same numbers, posts and accounts.
#[must_use]
pub fn same(a: &Page, b: &Page) -> bool {
    numbers(a) == numbers(b) && dimensions(a) == dimensions(b)
}
