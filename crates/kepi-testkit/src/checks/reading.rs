//! D. Read: body in, page out.

use std::collections::BTreeSet;

use kepi_core::{Page, SubjectKind};
use serde_json::{Value, json};

use super::case::{Case, whole_pages};
use crate::{
    Candidate, Exchange, Faults, Fixture,
    edit::{self, BAD},
    facts, print, snapshot,
};

/// D23.
pub fn d23_every_endpoint_yields_measurements(it: &Candidate, faults: &mut Faults) {
    for endpoint in it.descriptor().endpoints {
        let Some(fixture) = it.full(endpoint) else {
            faults.add(endpoint.name, format!("fixtures/{}/full.http is missing", endpoint.name));
            continue;
        };
        match it.read(&fixture.exchange) {
            Err(error) => faults.add(fixture.name(), format!("gives no page: {error:?}")),
            Ok(page) if endpoint.fields.is_empty() => {
                faults.unless(edit::size(&page) > 0, fixture.name(), || {
                    "gives neither post nor account".to_owned()
                });
            }
            Ok(page) => {
                faults.unless(!page.measurements.is_empty(), fixture.name(), || {
                    "gives no measurement".to_owned()
                });
            }
        }
    }
    for (fixture, page) in it.pages() {
        let says_numbers =
            it.descriptor().endpoint(&fixture.endpoint).is_some_and(|endpoint| !endpoint.fields.is_empty());
        let empty = page.measurements.is_empty();
        match fixture.setting("empty") {
            None => faults.unless(!empty || !says_numbers, fixture.name(), || {
                "gives no measurement; say why in a line `# empty: …`".to_owned()
            }),
            Some(_) => faults.unless(empty, fixture.name(), || "is said to be empty and is not".to_owned()),
        }
    }
}

/// D24.
pub fn d24_answers_decode_as_expected(it: &Candidate, faults: &mut Faults) {
    for fixture in &it.fixtures {
        let found = if fixture.is_token() { token_text(it, fixture) } else { page_text(it, fixture, faults) };
        snapshot::hold_text(&fixture.expected_path(), &found, it.update, faults);
    }
}

fn token_text(it: &Candidate, fixture: &Fixture) -> String {
    match it.read_token(fixture) {
        Ok(token) => print::token(&token),
        Err(error) => print::error(&error),
    }
}

fn page_text(it: &Candidate, fixture: &Fixture, faults: &mut Faults) -> String {
    let Exchange { job, cursor, response } = &fixture.exchange;
    let asked = match it.adapter.request(job, cursor) {
        Ok(request) => {
            let same = fixture.request.as_ref().is_none_or(|(method, address)| {
                let path = |address: &str| address.split('?').next().unwrap_or_default().to_owned();
                method == request.method.as_str() && path(address) == path(&request.url)
            });
            faults.unless(same, fixture.name(), || {
                format!("is an answer to another request than {}", request.summary())
            });
            format!("request: {}\n", request.summary())
        }
        Err(error) => format!("request: {}", print::error(&error)),
    };
    let said = match it.read(&fixture.exchange) {
        Ok(page) => print::page(&page, response.received_at),
        Err(error) => print::error(&error),
    };
    asked + &said
}

/// D25.
pub fn d25_keys_are_unique_and_complete(it: &Candidate, faults: &mut Faults) {
    for (fixture, page) in it.pages() {
        let at = fixture.name();
        let mut keys = BTreeSet::new();
        for measurement in &page.measurements {
            let key = print::key(measurement);
            let subject = &measurement.subject;
            faults.unless(keys.insert(key.clone()), &at, || format!("{key} stands twice"));
            faults.unless(subject.id.is_empty() == (subject.kind == SubjectKind::Account), &at, || {
                format!("{key} has no id, or is an account with one")
            });
            let known = fixture.exchange.job.accounts.iter().any(|account| account.id == subject.account);
            faults.unless(known, &at, || format!("{key} is of an account that was not asked for"));
            faults.unless(!measurement.values.is_empty(), &at, || format!("{key} holds no number"));
            let metrics: BTreeSet<_> = measurement.values.iter().map(|reading| &reading.metric).collect();
            faults.unless(metrics.len() == measurement.values.len(), &at, || {
                format!("{key} has a metric twice")
            });
        }
        let mut posts = BTreeSet::new();
        for post in &page.posts {
            let fresh = !post.id.is_empty() && posts.insert((&post.account, &post.id));
            faults.unless(fresh, &at, || format!("post {:?} stands twice or has no id", post.id));
        }
    }
}

/// D26.
pub fn d26_unknown_fields_pass_and_missing_ones_yield_nothing(it: &Candidate, faults: &mut Faults) {
    for case in whole_pages(it) {
        match case.read(it, &case.exchange.with_json(&with_unknown(&case.body))) {
            Err(error) => faults.add(&case.name, format!("unknown fields stop it: {error:?}")),
            Ok(more) => faults.unless(facts::same(&case.page, &more), &case.name, || {
                format!("unknown fields change it: {:?}", facts::missing_from(&more, &case.page))
            }),
        }
        for (pointer, _) in edit::places(&case.body).into_iter().skip(1).take(400) {
            for (how, changed) in said_nothing(&case, &pointer) {
                let Ok(less) = case.read(it, &changed) else { continue };
                for number in facts::missing_from(&less, &case.page) {
                    faults.add(&case.name, format!("with {pointer} {how} it says {number}"));
                }
            }
        }
    }
}

/// The ways of saying nothing at a place.
fn said_nothing(case: &Case<'_>, pointer: &str) -> Vec<(&'static str, Exchange)> {
    let mut ways = vec![
        ("null", case.exchange.with(pointer, Value::Null)),
        ("empty", case.exchange.with(pointer, json!(""))),
    ];
    // An item that is taken out of a list moves the ones behind it.
    if !is_item(pointer) {
        let mut without = case.body.clone();
        edit::remove(&mut without, pointer);
        ways.push(("removed", case.exchange.with_json(&without)));
    }
    ways
}

fn is_item(pointer: &str) -> bool {
    pointer.rsplit('/').next().is_some_and(|last| last.bytes().all(|c| c.is_ascii_digit()))
}

fn with_unknown(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: serde_json::Map<String, Value> =
                members.iter().map(|(key, value)| (key.clone(), with_unknown(value))).collect();
            members.insert("kepi_unknown".to_owned(), json!({"a": [1, "2", null]}));
            Value::Object(members)
        }
        Value::Array(items) => items.iter().map(with_unknown).collect(),
        other => other.clone(),
    }
}

/// D27.
pub fn d27_two_reads_are_identical(it: &Candidate, faults: &mut Faults) {
    for fixture in it.answers() {
        let Exchange { job, cursor, response } = &fixture.exchange;
        let text = || match it.read(&fixture.exchange) {
            Ok(page) => print::page(&page, response.received_at),
            Err(error) => print::error(&error),
        };
        faults.unless(text() == text(), fixture.name(), || "is read in two ways".to_owned());
        let asked = || {
            it.adapter
                .request(job, cursor)
                .map(|request| request.summary())
                .map_err(|error| error.to_string())
        };
        faults.unless(asked() == asked(), fixture.name(), || "is asked for in two ways".to_owned());
        for measurement in it.read(&fixture.exchange).into_iter().flat_map(|page| page.measurements) {
            let told = measurement.observed_at == response.received_at || measurement.observed_estimated;
            faults.unless(told, fixture.name(), || {
                format!("was read at {} and says {}", response.received_at, measurement.observed_at)
            });
        }
    }
}

/// D29.
pub fn d29_one_bad_row_is_set_aside(it: &Candidate, faults: &mut Faults) {
    for case in whole_pages(it) {
        for list in edit::row_lists(it.adapter.as_ref(), &case.exchange) {
            one_row_more(it, &case, &list, faults);
            one_number_spoilt(it, &case, &list, faults);
        }
    }
}

/// Something that is no row comes behind the rows: all of them stay.
fn one_row_more(it: &Candidate, case: &Case<'_>, list: &str, faults: &mut Faults) {
    let mut longer = case.body.clone();
    if let Some(Value::Array(items)) = longer.pointer_mut(list) {
        items.push(json!(BAD));
    }
    let Some(told) = set_aside(it, case, &case.exchange.with_json(&longer), list, faults) else { return };
    for number in facts::missing_from(&case.page, &told) {
        faults.add(&case.name, format!("a bad row at {list} takes {number} with it"));
    }
}

/// A number of the first row is spoilt: the other rows stay, and no number is made of it.
fn one_number_spoilt(it: &Candidate, case: &Case<'_>, list: &str, faults: &mut Faults) {
    let first = format!("{list}/0");
    let row = case.body.pointer(&first).filter(|row| row.is_object());
    let place = row.and_then(|row| edit::all_number_places(row, case.endpoint).into_iter().next());
    let Some(place) = place.map(|place| format!("{first}{place}")) else { return };
    let Some(told) = set_aside(it, case, &case.exchange.with(&place, json!([BAD])), &place, faults) else {
        return;
    };
    for number in facts::missing_from(&told, &case.page) {
        faults.add(&case.name, format!("a spoilt number at {place} is read as {number}"));
    }
    let mut others = case.body.clone();
    edit::remove(&mut others, &first);
    let others = case.read(it, &case.exchange.with_json(&others)).map(|page| facts::numbers(&page));
    let (before, told) = (facts::numbers(&case.page), facts::numbers(&told));
    for (key, value) in
        others.unwrap_or_default().iter().filter(|(key, value)| before.get(key) == Some(value))
    {
        faults.unless(told.get(key) == Some(value), &case.name, || {
            format!("a spoilt number at {place} takes {} {} of another row with it", key.0, key.1)
        });
    }
}

/// The page of a spoilt answer, which must say what was set aside.
fn set_aside(
    it: &Candidate,
    case: &Case<'_>,
    spoilt: &Exchange,
    place: &str,
    faults: &mut Faults,
) -> Option<Page> {
    match case.read(it, spoilt) {
        Err(error) => {
            faults.add(&case.name, format!("one bad row at {place} stops the page: {error:?}"));
            None
        }
        Ok(told) => {
            let mut rejects = told.rejects.iter().filter(|reject| reject.raw.contains(BAD));
            let whole = rejects.any(|reject| !reject.reason.is_empty() && !reject.place.is_empty());
            faults.unless(whole, &case.name, || {
                format!(
                    "a bad row at {place} is not set aside with place, reason and raw text: {:?}",
                    told.rejects
                )
            });
            Some(told)
        }
    }
}
