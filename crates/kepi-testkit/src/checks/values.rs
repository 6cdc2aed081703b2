//! D28. Value fidelity: a number, an id, a word and an instant are what the platform said, or nothing.

use kepi_core::{Endpoint, Page, Value as Number, descriptor::Form, descriptor::power_of_ten};
use serde_json::{Value, json};

use super::case::{Case, whole_pages};
use crate::{Candidate, Faults, edit, facts};

/// An id that a 64-bit float cannot hold.
const LARGE_ID: u64 = 9_007_199_254_740_993;

/// D28.
pub fn d28_values_are_read_faithfully(it: &Candidate, faults: &mut Faults) {
    for case in whole_pages(it) {
        numbers_as_text(it, &case, faults);
        for pointer in edit::all_number_places(&case.body, case.endpoint).into_iter().take(60) {
            for form in &FORMS {
                one_number(it, &case, &pointer, form, faults);
            }
        }
        large_ids(it, &case, faults);
        words(it, &case, faults);
        offsets(it, &case, faults);
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

fn one_number(it: &Candidate, case: &Case<'_>, pointer: &str, form: &Written, faults: &mut Faults) {
    let written = (form.json)();
    let Ok(changed) = case.read(it, &case.exchange.with(pointer, written.clone())) else {
        return faults
            .unless(form.or_nothing, &case.name, || format!("{written} at {pointer} stops the page"));
    };
    let (before, after) = (facts::numbers(&case.page), facts::numbers(&changed));
    let lawful = lawful_values(case.endpoint, pointer, form, &written);
    let added_up = is_sum(case.endpoint, pointer);
    for (key, value) in after.iter().filter(|(key, value)| before.get(*key) != Some(*value)) {
        faults.unless(added_up || lawful.iter().any(|lawful| close(value, lawful)), &case.name, || {
            format!(
                "{written} at {pointer} is read as {} {}={value:?}, and by the descriptor it is {}; another unit is said \
                 by Field::real or Field::times, and what is computed from more than one number has an empty pointer and \
                 a note",
                key.0,
                key.1,
                shown(&lawful)
            )
        });
    }
    let told = before.keys().all(|key| after.contains_key(key));
    faults.unless(told || form.or_nothing, &case.name, || format!("{written} at {pointer} is not read"));
}

fn is_sum(endpoint: &Endpoint, pointer: &str) -> bool {
    let mut sums = endpoint.fields.iter().filter(|field| field.pointer.contains(" + "));
    sums.any(|field| field.pointer.split(" + ").any(|part| pointer.ends_with(part)))
}

fn lawful_values(endpoint: &Endpoint, pointer: &str, form: &Written, written: &Value) -> Vec<Number> {
    let percent = written.as_str().is_some_and(|text| text.ends_with('%'));
    let fields = endpoint.fields.iter().filter(|field| pointer.ends_with(field.pointer));
    fields
        .filter_map(|field| match field.form {
            Form::Count => form.count.map(Number::Count),
            Form::Real { .. } if percent => Some(Number::Real(form.real)),
            Form::Real { exponent } => Some(Number::Real(power_of_ten(form.real, exponent))),
            Form::Times(factor) => Some(Number::Real(form.real * f64::from(factor))),
        })
        .collect()
}

fn shown(lawful: &[Number]) -> String {
    let numbers: Vec<String> = lawful.iter().map(|value| format!("{value:?}")).collect();
    if numbers.is_empty() { "no number".to_owned() } else { numbers.join(" or ") }
}

/// Money is decimal and has no form of its own; it is held by the golden files.
fn close(a: &Number, b: &Number) -> bool {
    match (a, b) {
        (Number::Real(a), Number::Real(b)) => (a - b).abs() <= b.abs() * 1e-12,
        (Number::Money(_), _) => true,
        (a, b) => a == b,
    }
}

fn numbers_as_text(it: &Candidate, case: &Case<'_>, faults: &mut Faults) {
    let mut changed = case.body.clone();
    for pointer in edit::all_number_places(&case.body, case.endpoint) {
        if let Some(place) = changed.pointer_mut(&pointer).filter(|place| place.is_number()) {
            *place = Value::String(place.to_string());
        }
    }
    match case.read(it, &case.exchange.with_json(&changed)) {
        Err(error) => faults.add(&case.name, format!("numbers as text stop it: {error:?}")),
        Ok(changed) => {
            for number in facts::missing_from(&case.page, &changed) {
                faults.add(&case.name, format!("{number} is not read from text"));
            }
        }
    }
}

fn large_ids(it: &Candidate, case: &Case<'_>, faults: &mut Faults) {
    let expected = LARGE_ID.to_string();
    for id in edit::ids(&case.page) {
        let places = edit::id_places(&case.body, "", std::slice::from_ref(&id));
        let mut changed = case.exchange.clone();
        for pointer in &places {
            let number = case.body.pointer(pointer).is_some_and(Value::is_number);
            changed = changed.with(pointer, if number { json!(LARGE_ID) } else { json!(expected) });
        }
        for post in changed.job.posts.iter_mut().filter(|post| post.id == id) {
            post.id = expected.as_str().into();
        }
        let Ok(changed) = case.read(it, &changed) else { continue };
        let told = edit::ids(&changed);
        faults.unless(places.is_empty() || told.contains(&expected), &case.name, || {
            format!("the id {expected} in the place of {id} is read as {told:?}")
        });
    }
}

fn words(it: &Candidate, case: &Case<'_>, faults: &mut Faults) {
    let words = "发布会 🚲 “新品” <b>&amp;</b>";
    let texts = |page: &Page| -> Vec<String> {
        let posts = page.posts.iter();
        posts.flat_map(|post| [post.text.clone(), post.title.clone()]).flatten().collect()
    };
    for text in texts(&case.page).iter().filter(|text| text.len() > 8) {
        let places = edit::leaves(&case.body);
        let Some((pointer, _)) = places.iter().find(|(_, value)| value.as_str() == Some(text)) else {
            continue;
        };
        let Ok(changed) = case.read(it, &case.exchange.with(pointer, json!(words))) else { continue };
        faults.unless(texts(&changed).iter().any(|text| text == words), &case.name, || {
            format!("the words {words:?} at {pointer} are not kept")
        });
    }
}

/// An instant with an offset is the same instant.
fn offsets(it: &Candidate, case: &Case<'_>, faults: &mut Faults) {
    for (pointer, value) in edit::leaves(&case.body) {
        let Some(text) = value.as_str().filter(|text| text.len() > 18 && text.ends_with('Z')) else {
            continue;
        };
        let Ok(at) = text.parse::<jiff::Timestamp>() else { continue };
        let Ok(zone) = kepi_core::period::zone("Asia/Shanghai") else { continue };
        let local = at.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        let Ok(changed) = case.read(it, &case.exchange.with(&pointer, json!(local))) else {
            faults.add(&case.name, format!("{local} at {pointer} stops it"));
            continue;
        };
        let same = facts::missing_from(&case.page, &changed).is_empty()
            && instants(&case.page) == instants(&changed);
        faults.unless(same, &case.name, || format!("{local} at {pointer} is not the same instant as {text}"));
    }
}

fn instants(page: &Page) -> Vec<Option<i64>> {
    page.posts.iter().map(|post| post.published_at.map(jiff::Timestamp::as_second)).collect()
}
