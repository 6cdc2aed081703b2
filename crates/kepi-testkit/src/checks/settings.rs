//! A. Configuration: what `[platform.NAME]` in `kepi.toml` may hold.

use std::{collections::BTreeSet, error::Error as _, fs};

use jiff::civil::Date;
use kepi_core::{
    Adapter, Cursor, Error, Job, Method, Payload, Request, Result, credential::Placement, http::Text,
};
use serde_json::{Value, json};

use crate::{
    Candidate, Exchange, Faults, edit,
    snapshot::{self, choice_list, properties, required},
};

/// Where a test's own platform would listen.
const LOOPBACK: &str = "http://127.0.0.1:9";
/// A secret that is searched for wherever it must not be.
const SENTINEL: &str = "kepi-sentinel-5f1d";
const SECRET_WORDS: [&str; 8] =
    ["token", "secret", "password", "passwd", "api_key", "app_key", "private_key", "cookie"];

/// A1.
pub fn a01_settings_schema_is_valid_and_complete(it: &Candidate, faults: &mut Faults) {
    let schema = it.schema();
    let Some(known) = properties(&schema) else {
        return faults.add("settings schema", "has no properties");
    };
    faults.unless(schema.get("type") == Some(&json!("object")), "settings schema", || {
        "is not of type object".to_owned()
    });
    faults.unless(schema.get("additionalProperties") == Some(&json!(false)), "settings schema", || {
        "allows unknown keys; add deny_unknown_fields".to_owned()
    });
    for (name, property) in known {
        let described =
            property.get("description").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        faults.unless(described, name, || "has no description in the schema".to_owned());
        let typed = ["type", "enum", "oneOf", "anyOf"].iter().any(|key| property.get(key).is_some());
        faults.unless(typed, name, || "has no type in the schema".to_owned());
        faults.unless(it.sample.get(name).is_some(), name, || "is not set in the sample".to_owned());
    }
    for name in required(&schema) {
        faults.unless(known.contains_key(&name), &name, || "is required and not described".to_owned());
    }
}

/// A2.
pub fn a02_sample_validates_and_missing_settings_are_named(it: &Candidate, faults: &mut Faults) {
    for name in required(&it.schema()) {
        let mut settings = it.sample.clone();
        edit::remove(&mut settings, &format!("/{name}"));
        match it.build(settings) {
            Ok(_) => faults.add(&name, "is required by the schema and not missed when absent"),
            Err(error) => faults.unless(whole_text(&error).contains(&name), &name, || {
                format!("is missing and the error does not name it: {error:?}")
            }),
        }
    }
}

/// A3.
pub fn a03_no_optional_setting_is_needed(it: &Candidate, faults: &mut Faults) {
    let needed = required(&it.schema());
    let mut settings = it.sample.clone();
    if let Value::Object(members) = &mut settings {
        members.retain(|name, _| needed.contains(name));
    }
    if let Err(error) = it.build(settings) {
        faults.add("settings", format!("only the required ones are not enough: {error:?}"));
    }
}

/// A4.
pub fn a04_secrets_are_given_by_reference_only(it: &Candidate, faults: &mut Faults) {
    let schema = it.schema();
    for name in properties(&schema).into_iter().flat_map(|known| known.keys()) {
        let stem = name.strip_suffix("_env").or_else(|| name.strip_suffix("_file"));
        let secret = SECRET_WORDS.iter().any(|word| name.contains(word));
        faults.unless(!secret || stem.is_some(), name, || {
            "looks like a secret; take its place instead: NAME_env or NAME_file".to_owned()
        });
        faults.unless(secret || stem.is_none(), name, || {
            "is a reference to a secret by its end, and no secret by its name".to_owned()
        });
    }
}

/// A5.
pub fn a05_no_secret_in_any_output(it: &Candidate, faults: &mut Faults) {
    for fixture in it.fixtures.iter().filter(|fixture| fixture.is_token()) {
        let Some(body) = fixture.exchange.json() else { continue };
        let texts = edit::leaves(&body).into_iter().filter(|(_, value)| value.is_string());
        for (pointer, _) in texts {
            let mut changed = fixture.clone();
            changed.exchange = changed.exchange.with(&pointer, json!(SENTINEL));
            let told = match it.read_token(&changed) {
                Ok(token) => format!("{token:?}"),
                Err(error) => whole_text(&error),
            };
            let secret = ["token", "secret"].iter().any(|word| pointer.contains(word));
            faults.unless(!secret || !told.contains(SENTINEL), fixture.name(), || {
                format!("what stands at {pointer} is told by {told}")
            });
        }
    }
    for fixture in it.answers() {
        let leaky = with_secret_links(it, &fixture.exchange);
        let Ok(page) = it.read(&leaky) else { continue };
        let Some(next) = page.next else { continue };
        let stored = next.as_stored().unwrap_or_default().to_owned();
        faults.unless(!stored.contains(SENTINEL), fixture.name(), || {
            "the platform's own next link holds the token, and the cursor keeps it".to_owned()
        });
        let request = it.adapter.request(&leaky.job, &next).map(|request| request.summary());
        faults.unless(!request.is_ok_and(|line| line.contains(SENTINEL)), fixture.name(), || {
            "the platform's own next link holds the token, and the request keeps it".to_owned()
        });
    }
}

/// Platforms put the token into the links they give for the next page.
fn with_secret_links(it: &Candidate, exchange: &Exchange) -> Exchange {
    let Some(mut body) = exchange.json() else { return exchange.clone() };
    let mut names = vec!["access_token"];
    names.extend(it.descriptor().tokens.iter().filter_map(|kind| match kind.placement {
        Placement::Query(name) => Some(name),
        _ => None,
    }));
    names.dedup();
    let secrets: String = names.iter().map(|name| format!("&{name}={SENTINEL}")).collect();
    let links: Vec<String> = edit::leaves(&body)
        .into_iter()
        .filter(|(_, value)| value.as_str().is_some_and(|text| text.contains("://") && text.contains('?')))
        .map(|(pointer, _)| pointer)
        .collect();
    for pointer in links {
        if let Some(Value::String(link)) = body.pointer_mut(&pointer) {
            link.push_str(&secrets);
        }
    }
    exchange.with_json(&body)
}

/// A6.
pub fn a06_enums_are_distinct(it: &Candidate, faults: &mut Faults) {
    let schema = it.schema();
    for (name, property) in properties(&schema).into_iter().flatten() {
        let choices = choice_list(property);
        let distinct: BTreeSet<String> = choices.iter().map(|choice| choice.to_lowercase()).collect();
        faults.unless(distinct.len() == choices.len(), name, || format!("has a choice twice: {choices:?}"));
    }
}

/// A7.
pub fn a07_dates_carry_a_format(it: &Candidate, faults: &mut Faults) {
    let schema = it.schema();
    for (name, property) in properties(&schema).into_iter().flatten() {
        let date =
            it.sample.get(name).and_then(Value::as_str).is_some_and(|text| text.parse::<Date>().is_ok());
        let told = edit::places(property).iter().any(|(pointer, value)| {
            pointer.ends_with("/format") && value.as_str().is_some_and(|format| format.starts_with("date"))
        });
        faults.unless(!date || told, name, || "is a date and its schema has no format".to_owned());
    }
}

/// A8.
pub fn a08_unknown_settings_are_refused_and_the_nearest_offered(it: &Candidate, faults: &mut Faults) {
    let schema = it.schema();
    for name in properties(&schema).into_iter().flat_map(|known| known.keys()) {
        let mut misspelt = name.clone();
        misspelt.push('x');
        let mut settings = it.sample.clone();
        if let (Value::Object(members), Some(value)) = (&mut settings, it.sample.get(name)) {
            members.insert(misspelt.clone(), value.clone());
        }
        match it.build(settings) {
            Ok(_) => faults.add(&misspelt, "is unknown and was taken"),
            Err(error) => {
                let text = whole_text(&error).replace(&misspelt, "");
                faults.unless(text.contains(name), &misspelt, || {
                    format!("is unknown and {name} is not offered: {error:?}")
                });
            }
        }
    }
}

/// A9.
pub fn a09_settings_are_compatible_with_the_last_release(it: &Candidate, faults: &mut Faults) {
    let path = it.home.join("settings.schema.json");
    let now = (it.descriptor().settings_schema)();
    let kept = fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    if let Some(kept) = kept {
        let losses = snapshot::schema_losses(&snapshot::inlined(&kept), &it.schema());
        for loss in &losses {
            faults.add("settings.schema.json", loss);
        }
        if !losses.is_empty() {
            return;
        }
    }
    let text = serde_json::to_string_pretty(&now).unwrap_or_default() + "\n";
    snapshot::hold_text(&path, &text, it.update, faults);
}

/// A10.
pub fn a10_every_request_follows_the_base_url(it: &Candidate, faults: &mut Faults) {
    let schema = it.schema();
    let known = properties(&schema).into_iter().flat_map(|known| known.keys());
    let bases: Vec<&String> = known.filter(|name| name.ends_with("base_url")).collect();
    if bases.is_empty() {
        return faults.add("settings", "have no base_url, so nothing can run on loopback");
    }
    let mut settings = it.sample.clone();
    for name in bases {
        if let Value::Object(members) = &mut settings {
            members.insert(name.clone(), json!(LOOPBACK));
        }
    }
    let adapter = match it.build(settings) {
        Ok(adapter) => adapter,
        Err(error) => return faults.add("base_url", format!("on loopback is refused: {error:?}")),
    };
    for (name, request) in all_requests(it, adapter.as_ref()) {
        let Ok(request) = request else { continue };
        faults.unless(request.url.starts_with(LOOPBACK), name, || {
            format!("asks {} and not the base URL", request.url)
        });
    }
    for kind in adapter.descriptor().tokens {
        let page = kind.flow.authorize_url_at(adapter.authorize_base_url(kind.name));
        let Some(page) = page else { continue };
        faults.unless(page.starts_with(LOOPBACK), format!("{} token", kind.name), || {
            format!("sends persons to {page} and not to the base URL: see Adapter::authorize_base_url")
        });
    }
}

/// The requests of all fixtures and token exchanges.
fn all_requests(it: &Candidate, adapter: &dyn Adapter) -> Vec<(String, Result<Request>)> {
    let asked = it
        .answers()
        .map(|fixture| (fixture.name(), adapter.request(&fixture.exchange.job, &fixture.exchange.cursor)));
    let exchanged = it
        .exchanges()
        .into_iter()
        .map(|(kind, grant)| (format!("{kind} token by {grant}"), adapter.token_request(kind, &grant)));
    let second = it.exchanges().into_iter().filter_map(|(kind, grant)| {
        let request = adapter.second_exchange(kind, &grant).transpose()?;
        Some((format!("{kind} token after {grant}"), request))
    });
    asked.chain(exchanged).chain(second).collect()
}

/// All that an error can say to a reader.
pub(crate) fn whole_text(error: &Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    text
}

/// All that a request carries, in one text.
pub(crate) fn request_text(request: &Request) -> String {
    let mut text = request.summary();
    let mut add = |value: &Text| {
        if let Text::Plain(value) = value {
            text.push(' ');
            text.push_str(value);
        }
    };
    request.headers.iter().for_each(|(_, value)| add(value));
    match &request.payload {
        Payload::Empty => {}
        Payload::Form(pairs) => pairs.iter().for_each(|(_, value)| add(value)),
        Payload::Json { value, .. } => add(&Text::Plain(value.to_string())),
        Payload::Encoded(text) => add(&Text::Plain(text.clone())),
    }
    debug_assert!(matches!(request.method, Method::Get | Method::Post));
    text
}

/// The job and cursor of the first page of an endpoint, as its fixtures ask for it.
pub(crate) fn first_job(it: &Candidate, endpoint: &kepi_core::Endpoint) -> Option<(Job, Cursor)> {
    let fixture = it.cases(endpoint).find(|fixture| fixture.exchange.cursor.is_start())?;
    Some((fixture.exchange.job.clone(), fixture.exchange.cursor.clone()))
}
