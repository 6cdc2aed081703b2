//! The descriptor and the settings as text that is committed and only grows.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use kepi_core::{Descriptor, Field, Shape};
use serde_json::Value;

use crate::Faults;

/// What users may have built upon, one line each: token kinds, endpoints, and metrics with what they are said of.
#[must_use]
pub fn descriptor(descriptor: &Descriptor) -> String {
    let mut lines = vec![format!("platform {}", descriptor.platform)];
    for token in descriptor.tokens {
        lines.push(format!("token {}", token.name));
    }
    for endpoint in descriptor.endpoints {
        lines.push(format!("endpoint {} {}", endpoint.name, shape(endpoint.shape)));
        let mut fields: Vec<String> =
            endpoint.fields.iter().map(|field| format!("field {} {}", endpoint.name, offer(field))).collect();
        fields.sort();
        fields.dedup();
        lines.extend(fields);
    }
    lines.join("\n") + "\n"
}

/// A shape as one word.
#[must_use]
pub fn shape(shape: Shape) -> &'static str {
    match shape {
        Shape::Snapshot => "snapshot",
        Shape::Windows { .. } => "windows",
        Shape::Trailing { .. } => "trailing",
        Shape::Listing { .. } => "listing",
        Shape::Batch { .. } => "batch",
    }
}

/// What a field offers: metric, subject, window, traffic, segment, definition.
#[must_use]
pub fn offer(field: &Field) -> String {
    let or_dash = |text: &'static str| if text.is_empty() { "-" } else { text };
    format!(
        "{} {} {} {} {} {}",
        field.metric,
        field.subject.as_str(),
        field.window.as_str(),
        field.traffic.as_str(),
        or_dash(field.segment),
        or_dash(field.definition),
    )
}

/// Holds a committed file against what is now: lines may come, none may go.
pub(crate) fn hold_lines(path: &Path, now: &str, update: bool, faults: &mut Faults) {
    let name = path.display();
    let kept = fs::read_to_string(path).unwrap_or_default();
    let new: BTreeSet<&str> = now.lines().collect();
    let gone: Vec<&str> = kept.lines().filter(|line| !new.contains(line)).collect();
    for line in &gone {
        faults.add(&name, format!("{line:?} was offered and is gone; who built upon it? If it must be, take the line out by hand"));
    }
    if gone.is_empty() {
        hold_text(path, now, update, faults);
    }
}

/// Holds a committed file against what is now, or writes it.
pub(crate) fn hold_text(path: &Path, now: &str, update: bool, faults: &mut Faults) {
    let kept = fs::read_to_string(path).ok();
    if kept.as_deref() == Some(now) {
        return;
    }
    if update {
        if let Err(error) = write_whole(path, now) {
            faults.add(path.display(), format!("cannot be written: {error}"));
        }
        return;
    }
    let what = match kept {
        None => "is missing".to_owned(),
        Some(kept) => format!("differs\n{}", difference(&kept, now)),
    };
    faults.add(path.display(), format!("{what}\n    KEPI_UPDATE_EXPECTED=1 writes it anew; then read it"));
}

/// Writes a file so that who reads it meanwhile sees the old text or the new one.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    static WRITES: AtomicU32 = AtomicU32::new(0);
    let unique = format!("{}-{}.tmp", std::process::id(), WRITES.fetch_add(1, Ordering::Relaxed));
    let beside = path.with_extension(unique);
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}

/// The lines that differ: `-` expected, `+` found.
#[must_use]
pub fn difference(expected: &str, found: &str) -> String {
    let mut lines = Vec::new();
    let (expected, found): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    lines.extend(expected.iter().filter(|line| !found.contains(line)).map(|line| format!("    - {line}")));
    lines.extend(found.iter().filter(|line| !expected.contains(line)).map(|line| format!("    + {line}")));
    if lines.is_empty() {
        lines.push("    the same lines in another order, or other line ends".to_owned());
    }
    lines.join("\n")
}

/// What the schema of settings takes away from those who wrote settings under the one before.
#[must_use]
pub fn schema_losses(before: &Value, now: &Value) -> Vec<String> {
    let mut losses = Vec::new();
    let (Some(before_all), Some(now_all)) = (properties(before), properties(now)) else { return losses };
    for (name, was) in before_all {
        let Some(is) = now_all.get(name) else {
            losses.push(format!("the setting {name} is gone"));
            continue;
        };
        for kind in types(was).difference(&types(is)) {
            losses.push(format!("the setting {name} is no longer a {kind}"));
        }
        for choice in choices(was).difference(&choices(is)) {
            losses.push(format!("the setting {name} can no longer be {choice}"));
        }
    }
    let new = required(now);
    losses.extend(
        new.difference(&required(before)).map(|name| format!("the setting {name} must now be given")),
    );
    losses
}

/// A schema with what its `$ref`s name put in their places.
#[must_use]
pub fn inlined(schema: &Value) -> Value {
    fn inline(node: &Value, root: &Value, depth: u8) -> Value {
        match node {
            Value::Object(members) if depth > 0 => {
                let named =
                    members.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
                let mut whole = match named.and_then(|pointer| root.pointer(pointer)) {
                    Some(named) => inline(named, root, depth - 1),
                    None => Value::Object(serde_json::Map::new()),
                };
                if let Value::Object(whole) = &mut whole {
                    let own = members.iter().filter(|(key, _)| *key != "$ref" || named.is_none());
                    whole.extend(own.map(|(key, value)| (key.clone(), inline(value, root, depth - 1))));
                }
                whole
            }
            Value::Array(items) => items.iter().map(|item| inline(item, root, depth)).collect(),
            other => other.clone(),
        }
    }
    inline(schema, schema, 24)
}

/// The properties of a schema.
#[must_use]
pub fn properties(schema: &Value) -> Option<&serde_json::Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

/// The names that must be given.
#[must_use]
pub fn required(schema: &Value) -> BTreeSet<String> {
    let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn types(schema: &Value) -> BTreeSet<String> {
    match schema.get("type") {
        Some(Value::String(one)) => BTreeSet::from([one.clone()]),
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    }
}

/// The values that a setting may take, where they are few.
#[must_use]
pub fn choices(schema: &Value) -> BTreeSet<String> {
    choice_list(schema).into_iter().collect()
}

/// The same, in order and with doubles.
#[must_use]
pub fn choice_list(schema: &Value) -> Vec<String> {
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten().map(Value::to_string);
    let branches = ["oneOf", "anyOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
    let nested = branches.flat_map(|branch| match branch.get("const") {
        Some(value) => vec![value.to_string()],
        None => choice_list(branch),
    });
    listed.chain(nested).collect()
}
