//! C. What is offered: the descriptor, held against what the fixtures give.

use std::collections::{BTreeMap, BTreeSet};

use kepi_core::{
    Catalogue, Measurement, Reading, Value,
    tables::{Type, metric_type},
};

use crate::{Candidate, Faults, edit, readme, snapshot};

/// C17.
pub fn c17_endpoints_exist_and_have_names_of_their_own(it: &Candidate, faults: &mut Faults) {
    for fault in &it.unreadable {
        faults.add("fixtures", fault);
    }
    let descriptor = it.descriptor();
    faults.unless(!descriptor.endpoints.is_empty(), "descriptor", || "has no endpoint".to_owned());
    let mut names = BTreeSet::new();
    for endpoint in descriptor.endpoints {
        let word = !endpoint.name.is_empty()
            && endpoint.name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
        faults.unless(word && endpoint.name != crate::fixture::TOKEN_FOLDER, endpoint.name, || {
            "is no name for an endpoint: a lowercase word, and not `token`".to_owned()
        });
        faults.unless(names.insert(endpoint.name), endpoint.name, || "stands twice".to_owned());
        let known = |kind: &str| descriptor.tokens.iter().any(|token| token.name == kind);
        faults.unless(endpoint.token.is_none_or(known), endpoint.name, || {
            "needs an undeclared token".to_owned()
        });
    }
    for fixture in it.answers() {
        faults.unless(names.contains(fixture.endpoint.as_str()), fixture.path.display(), || {
            "no endpoint has the name of its folder".to_owned()
        });
    }
}

/// C18.
pub fn c18_key_and_cursor_fields_exist(it: &Candidate, faults: &mut Faults) {
    for endpoint in it.descriptor().endpoints {
        let bodies: Vec<_> = it.cases(endpoint).filter_map(|fixture| fixture.exchange.json()).collect();
        for field in endpoint.fields {
            let at = format!("{} {}", endpoint.name, field.metric);
            if field.pointer.is_empty() {
                faults.unless(!field.note.is_empty(), at, || {
                    "is counted and not read, and no note says how".to_owned()
                });
                continue;
            }
            for pointer in field.pointer.split(" + ") {
                let seen = bodies.iter().any(|body| !edit::number_places(body, pointer).is_empty());
                faults.unless(seen || bodies.is_empty(), &at, || {
                    format!("no number stands at {pointer} in any fixture")
                });
            }
        }
    }
    for (fixture, page) in it.pages() {
        let Some(next) = page.next else { continue };
        if let Err(error) = it.adapter.request(&fixture.exchange.job, &next) {
            faults.add(fixture.name(), format!("the cursor that follows cannot be asked: {error:?}"));
        }
    }
}

/// C19.
pub fn c19_what_is_declared_is_seen_and_nothing_else(it: &Candidate, faults: &mut Faults) {
    let mut seen: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (fixture, page) in it.pages() {
        let offers = seen.entry(fixture.endpoint.as_str()).or_default();
        for measurement in &page.measurements {
            offers.extend(measurement.values.iter().map(|reading| told(measurement, reading)));
        }
    }
    for endpoint in it.descriptor().endpoints {
        let declared: BTreeSet<String> = endpoint.fields.iter().map(snapshot::offer).collect();
        let seen = seen.get(endpoint.name).cloned().unwrap_or_default();
        for offer in declared.difference(&seen) {
            faults.add(endpoint.name, format!("{offer:?} is declared and in no fixture"));
        }
        for offer in seen.difference(&declared) {
            faults.add(endpoint.name, format!("{offer:?} is told and not declared"));
        }
    }
}

/// What a number is said of and how, as the descriptor's lines say it.
pub(crate) fn told(measurement: &Measurement, reading: &Reading) -> String {
    format!(
        "{} {} {} {} {} {}",
        reading.metric,
        measurement.subject.kind.as_str(),
        measurement.window.kind().as_str(),
        measurement.traffic.as_str(),
        measurement.segment.as_ref().map_or("-", |segment| segment.dimension.as_str()),
        reading.definition.as_deref().unwrap_or("-"),
    )
}

/// C20.
pub fn c20_kinds_agree_with_the_catalogue(it: &Candidate, faults: &mut Faults) {
    let catalogue = Catalogue::builtin();
    for (endpoint, field) in it.descriptor().fields() {
        let at = format!("{} {}", endpoint.name, field.metric);
        let Some(metric) = catalogue.get(field.metric) else {
            faults.add(at, "is not in the catalogue");
            continue;
        };
        faults.unless(catalogue.has_column(field.subject, &metric.id), at, || {
            format!("is no metric of a {}", field.subject.as_str())
        });
    }
    for (fixture, page) in it.pages() {
        for reading in page.measurements.iter().flat_map(|measurement| &measurement.values) {
            let Some(metric) = catalogue.get(reading.metric.as_str()) else { continue };
            let agrees = match &reading.value {
                Value::Count(_) => metric_type(metric) == Type::Int,
                Value::Real(_) => metric_type(metric) == Type::Real,
                Value::Money(_) => metric_type(metric) == Type::Money,
            };
            faults.unless(agrees, fixture.name(), || {
                format!("{} counts {} and is told as {:?}", metric.id, metric.unit.as_str(), reading.value)
            });
        }
    }
}

/// C21.
pub fn c21_the_descriptor_only_grows(it: &Candidate, faults: &mut Faults) {
    let now = snapshot::descriptor(it.descriptor());
    snapshot::hold_lines(&it.home.join("descriptor.txt"), &now, it.update, faults);
}

/// C22.
pub fn c22_the_capability_table_is_in_step(it: &Candidate, faults: &mut Faults) {
    readme::hold(&it.home, "capabilities", it.descriptor(), it.update, faults);
}
