//! D. Read: body in, page out.

use std::collections::BTreeSet;

use kepi_core::{Endpoint, Page, SubjectKind, Value as Number, descriptor::Form};
use serde_json::{Value, json};

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
                let path = address.split('?').next().unwrap_or_default();
                method == request.method.as_str() && path == request.url
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
    for (fixture, exchange, body) in whole_pages(it) {
        let Ok(page) = it.read(&exchange) else { continue };
        let more = exchange.with_json(&with_unknown(&body));
        match it.read(&more) {
            Err(error) => faults.add(fixture.name(), format!("unknown fields stop it: {error:?}")),
            Ok(more) => faults.unless(facts::same(&page, &more), fixture.name(), || {
                format!("unknown fields change it: {:?}", facts::missing_from(&more, &page))
            }),
        }
        for (pointer, _) in edit::places(&body).into_iter().skip(1).take(400) {
            let mut without = body.clone();
            edit::remove(&mut without, &pointer);
            let mut nothing = vec![("null", Value::Null), ("empty", json!(""))]
                .into_iter()
                .map(|(how, value)| (how, exchange.with(&pointer, value)))
                .collect::<Vec<_>>();
            // An item that is taken out of a list moves the ones behind it.
            if !is_item(&pointer) {
                nothing.push(("removed", exchange.with_json(&without)));
            }
            for (how, changed) in &nothing {
                let Ok(less) = it.read(changed) else { continue };
                for number in facts::missing_from(&less, &page) {
                    faults.add(fixture.name(), format!("with {pointer} {how} it says {number}"));
                }
            }
        }
    }
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

/// D28.
pub fn d28_values_are_read_faithfully(it: &Candidate, faults: &mut Faults) {
    for (fixture, exchange, body) in whole_pages(it) {
        let Some(endpoint) = it.descriptor().endpoint(&fixture.endpoint) else { continue };
        let Ok(page) = it.read(&exchange) else { continue };
        numbers_as_text(it, fixture, &exchange, &body, endpoint, &page, faults);
        for pointer in edit::all_number_places(&body, endpoint).into_iter().take(60) {
            for form in FORMS {
                one_number(it, fixture, &exchange, &pointer, form, &page, endpoint, faults);
            }
        }
        large_ids(it, fixture, &exchange, &body, &page, faults);
        texts(it, fixture, &exchange, &body, &page, faults);
        offsets(it, fixture, &exchange, &body, &page, faults);
    }
}

/// A number as a platform may write it, and the number it is.
struct Written {
    json: fn() -> Value,
    count: Option<i64>,
    real: f64,
    /// It may also be set aside; it must never be another number.
    or_nothing: bool,
}

const FORMS: [Written; 7] = [
    Written { json: || json!(3_000_000_000_u64), count: Some(3_000_000_000), real: 3e9, or_nothing: false },
    Written { json: || json!("1,234"), count: Some(1234), real: 1234.0, or_nothing: true },
    Written { json: || json!("4,41"), count: None, real: f64::NAN, or_nothing: true },
    Written { json: || json!("4.41%"), count: None, real: 0.0441, or_nothing: true },
    Written { json: || json!(-3), count: Some(-3), real: -3.0, or_nothing: true },
    Written { json: || json!(u64::MAX), count: None, real: 1.844_674_407_370_955_2e19, or_nothing: true },
    Written { json: || json!("--"), count: None, real: f64::NAN, or_nothing: true },
];

#[expect(clippy::too_many_arguments, reason = "one step of one check")]
fn one_number(
    it: &Candidate,
    fixture: &Fixture,
    exchange: &Exchange,
    pointer: &str,
    form: Written,
    page: &Page,
    endpoint: &Endpoint,
    faults: &mut Faults,
) {
    let written = (form.json)();
    let Ok(changed) = it.read(&exchange.with(pointer, written.clone())) else {
        faults.unless(form.or_nothing, fixture.name(), || format!("{written} at {pointer} stops the page"));
        return;
    };
    let (before, after) = (facts::numbers(page), facts::numbers(&changed));
    let lawful = lawful_values(endpoint, pointer, &form, &written);
    for (key, value) in after.iter().filter(|(key, value)| before.get(*key) != Some(*value)) {
        let sum = is_sum(endpoint, pointer);
        faults.unless(sum || lawful.iter().any(|lawful| close(value, lawful)), fixture.name(), || {
            format!("{written} at {pointer} is read as {} {}={value:?}", key.0, key.1)
        });
    }
    let told = before.keys().all(|key| after.contains_key(key));
    faults.unless(told || form.or_nothing, fixture.name(), || format!("{written} at {pointer} is not read"));
}

fn is_sum(endpoint: &Endpoint, pointer: &str) -> bool {
    let mut sums = endpoint.fields.iter().filter(|field| field.pointer.contains(" + "));
    sums.any(|field| field.pointer.split(" + ").any(|part| pointer.ends_with(part)))
}

fn lawful_values(endpoint: &Endpoint, pointer: &str, form: &Written, written: &Value) -> Vec<Number> {
    let percent = written.as_str().is_some_and(|text| text.ends_with('%'));
    let fields = endpoint.fields.iter().filter(|field| pointer.ends_with(field.pointer));
    fields
        .flat_map(|field| match field.form {
            Form::Count => form.count.map(Number::Count).into_iter().collect::<Vec<_>>(),
            Form::Real { .. } if percent => vec![Number::Real(form.real)],
            Form::Real { exponent } => {
                vec![Number::Real(kepi_core::descriptor::power_of_ten(form.real, exponent))]
            }
        })
        .collect()
}

fn close(a: &Number, b: &Number) -> bool {
    match (a, b) {
        (Number::Real(a), Number::Real(b)) => (a - b).abs() <= b.abs() * 1e-12,
        (Number::Money(_), _) => true,
        (a, b) => a == b,
    }
}

fn numbers_as_text(
    it: &Candidate,
    fixture: &Fixture,
    exchange: &Exchange,
    body: &Value,
    endpoint: &Endpoint,
    page: &Page,
    faults: &mut Faults,
) {
    let mut changed = body.clone();
    for pointer in edit::all_number_places(body, endpoint) {
        if let Some(place) = changed.pointer_mut(&pointer).filter(|place| place.is_number()) {
            *place = Value::String(place.to_string());
        }
    }
    match it.read(&exchange.with_json(&changed)) {
        Err(error) => faults.add(fixture.name(), format!("numbers as text stop it: {error:?}")),
        Ok(changed) => {
            for number in facts::missing_from(page, &changed) {
                faults.add(fixture.name(), format!("{number} is not read from text"));
            }
        }
    }
}

fn large_ids(
    it: &Candidate,
    fixture: &Fixture,
    exchange: &Exchange,
    body: &Value,
    page: &Page,
    faults: &mut Faults,
) {
    const LARGE: u64 = 9_007_199_254_740_993;
    for id in edit::ids(page) {
        let mut changed = exchange.clone();
        for pointer in edit::id_places(body, "", std::slice::from_ref(&id)) {
            let number = body.pointer(&pointer).is_some_and(Value::is_number);
            changed = changed.with(&pointer, if number { json!(LARGE) } else { json!(LARGE.to_string()) });
        }
        let named = !edit::id_places(body, "", std::slice::from_ref(&id)).is_empty();
        for post in changed.job.posts.iter_mut().filter(|post| post.id == id) {
            post.id = LARGE.to_string().into();
        }
        let Ok(changed) = it.read(&changed) else { continue };
        let told = edit::ids(&changed);
        let expected = LARGE.to_string();
        let rounded = told.iter().any(|id| id.starts_with("900719925474099") && *id != expected);
        faults.unless(!rounded && (!named || told.contains(&expected)), fixture.name(), || {
            format!("the id {expected} is read as {told:?}")
        });
    }
}

fn texts(
    it: &Candidate,
    fixture: &Fixture,
    exchange: &Exchange,
    body: &Value,
    page: &Page,
    faults: &mut Faults,
) {
    let words = "发布会 🚲 “新品” <b>&amp;</b>";
    let texts = page.posts.iter().flat_map(|post| [post.text.as_deref(), post.title.as_deref()]).flatten();
    for text in texts.filter(|text| text.len() > 8) {
        let places = edit::leaves(body);
        let Some((pointer, _)) = places.iter().find(|(_, value)| value.as_str() == Some(text)) else {
            continue;
        };
        let Ok(changed) = it.read(&exchange.with(pointer, json!(words))) else { continue };
        let mut told = changed.posts.iter().flat_map(|post| [post.text.as_deref(), post.title.as_deref()]);
        faults.unless(told.any(|text| text == Some(words)), fixture.name(), || {
            format!("the words {words:?} at {pointer} are not kept")
        });
    }
}

fn offsets(
    it: &Candidate,
    fixture: &Fixture,
    exchange: &Exchange,
    body: &Value,
    page: &Page,
    faults: &mut Faults,
) {
    for (pointer, value) in edit::leaves(body) {
        let Some(text) = value.as_str().filter(|text| text.len() > 18 && text.ends_with('Z')) else {
            continue;
        };
        let Ok(at) = text.parse::<jiff::Timestamp>() else { continue };
        let Ok(zone) = kepi_core::period::zone("Asia/Shanghai") else { continue };
        let local = at.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        let Ok(changed) = it.read(&exchange.with(&pointer, json!(local))) else {
            faults.add(fixture.name(), format!("{local} at {pointer} stops it"));
            continue;
        };
        faults.unless(
            facts::missing_from(page, &changed).is_empty() && same_instants(page, &changed),
            fixture.name(),
            || format!("{local} at {pointer} is not the same instant as {text}"),
        );
    }
}

fn same_instants(a: &Page, b: &Page) -> bool {
    let instants = |page: &Page| {
        page.posts.iter().map(|post| post.published_at.map(|at| at.as_second())).collect::<Vec<_>>()
    };
    instants(a) == instants(b)
}

/// D29.
pub fn d29_one_bad_row_is_set_aside(it: &Candidate, faults: &mut Faults) {
    for (fixture, exchange, body) in whole_pages(it) {
        let Ok(page) = it.read(&exchange) else { continue };
        for list in edit::row_lists(it.adapter.as_ref(), &exchange) {
            let mut longer = body.clone();
            if let Some(Value::Array(items)) = longer.pointer_mut(&list) {
                items.push(json!(BAD));
            }
            let kept = facts::numbers(&page);
            set_aside(
                it,
                fixture,
                &exchange.with_json(&longer),
                &list,
                &|told| kept.iter().all(|(key, value)| told.get(key) == Some(value)),
                faults,
            );
            if let Some(row) = body.pointer(&format!("{list}/0")).filter(|row| row.is_object()) {
                spoilt_number(it, fixture, &exchange, &list, row, &page, faults);
            }
        }
    }
}

/// A number of the first row is spoilt: the other rows stay, and no number is made of it.
fn spoilt_number(
    it: &Candidate,
    fixture: &Fixture,
    exchange: &Exchange,
    list: &str,
    row: &Value,
    page: &Page,
    faults: &mut Faults,
) {
    let Some(endpoint) = it.descriptor().endpoint(&fixture.endpoint) else { return };
    let Some(place) = edit::all_number_places(row, endpoint).into_iter().next() else { return };
    let others = {
        let mut body = exchange.json().unwrap_or_default();
        edit::remove(&mut body, &format!("{list}/0"));
        it.read(&exchange.with_json(&body)).map(|page| facts::numbers(&page)).unwrap_or_default()
    };
    let before = facts::numbers(page);
    let spoilt = exchange.with(&format!("{list}/0{place}"), json!([BAD]));
    set_aside(
        it,
        fixture,
        &spoilt,
        &format!("{list}/0{place}"),
        &|told| {
            others.iter().all(|(key, value)| before.get(key) != Some(value) || told.get(key) == Some(value))
                && told.iter().all(|(key, value)| before.get(key) == Some(value))
        },
        faults,
    );
}

type Told = std::collections::BTreeMap<(String, String), Number>;

fn set_aside(
    it: &Candidate,
    fixture: &Fixture,
    spoilt: &Exchange,
    place: &str,
    kept: &dyn Fn(&Told) -> bool,
    faults: &mut Faults,
) {
    match it.read(spoilt) {
        Err(error) => faults.add(fixture.name(), format!("one bad row at {place} stops the page: {error:?}")),
        Ok(told) => {
            let reject = told.rejects.iter().find(|reject| reject.raw.contains(BAD));
            faults.unless(
                reject.is_some_and(|reject| !reject.reason.is_empty() && !reject.place.is_empty()),
                fixture.name(),
                || {
                    format!(
                        "a bad row at {place} is not set aside with place, reason and raw text: {:?}",
                        told.rejects
                    )
                },
            );
            faults.unless(kept(&facts::numbers(&told)), fixture.name(), || {
                format!("a bad row at {place} changes what the others say")
            });
        }
    }
}

/// The full fixtures that are JSON, with their bodies.
fn whole_pages(it: &Candidate) -> Vec<(&Fixture, Exchange, Value)> {
    let full = it.full_ones().map(|(_, fixture)| fixture);
    full.filter_map(|fixture| {
        let body = fixture.exchange.json()?;
        Some((fixture, fixture.exchange.with_json(&body), body))
    })
    .collect()
}
