//! The generated parts of an adapter's README: what it offers, from its descriptor.

use std::{fmt::Write as _, fs, path::Path};

use kepi_core::{
    Cost, Descriptor, Endpoint, Quota, Shape, TokenFlow, TokenKind,
    credential::Refresh,
    descriptor::{Earliest, Reset, Scope},
};

use crate::{Faults, snapshot};

/// Metric by metric: of what, how long it looks, whose money, from which endpoint and field.
#[must_use]
pub fn capability_table(descriptor: &Descriptor) -> String {
    let mut text = String::from(
        "| metric | of | window | traffic | by | endpoint | field | note |\n|---|---|---|---|---|---|---|---|\n",
    );
    for (endpoint, field) in descriptor.fields() {
        let note = if field.definition.is_empty() {
            field.note.to_owned()
        } else {
            format!("definition {}. {}", field.definition, field.note).trim_end().to_owned()
        };
        let pointer =
            if field.pointer.is_empty() { "counted".to_owned() } else { format!("`{}`", field.pointer) };
        row(
            &mut text,
            &[
                &format!("`{}`", field.metric),
                field.subject.as_str(),
                field.window.as_str(),
                field.traffic.as_str(),
                if field.segment.is_empty() { "–" } else { field.segment },
                &format!("`{}`", endpoint.name),
                &pointer,
                &note,
            ],
        );
    }
    text
}

/// Tokens, endpoints and known gaps.
#[must_use]
pub fn endpoint_tables(descriptor: &Descriptor) -> String {
    let mut text = String::new();
    if !descriptor.tokens.is_empty() {
        text.push_str("| token | what | how it is had | lives | scopes |\n|---|---|---|---|---|\n");
        for token in descriptor.tokens {
            let scopes: Vec<String> = token.scopes.iter().map(|scope| format!("`{scope}`")).collect();
            let lives = token.lifetime_secs.map_or_else(|| "until revoked".to_owned(), seconds);
            row(
                &mut text,
                &[
                    &format!("`{}`", token.name),
                    token.title,
                    &flow(token),
                    &lives,
                    &or_dash(scopes.join(" ")),
                ],
            );
        }
        text.push('\n');
    }
    text.push_str("| endpoint | gives | asked as | token | limits | cost | numbers are there | asked again for | reaches back | kept at most |\n|---|---|---|---|---|---|---|---|---|---|\n");
    for endpoint in descriptor.endpoints {
        let quotas: Vec<String> = endpoint.quotas.iter().map(quota).collect();
        row(
            &mut text,
            &[
                &format!("`{}`", endpoint.name),
                &gives(endpoint),
                &asked_as(endpoint),
                &endpoint.token.map_or_else(|| "–".to_owned(), |token| format!("`{token}`")),
                &or_dash(quotas.join("; ")),
                &cost(endpoint.cost),
                &lag(endpoint),
                &or_dash(if endpoint.lookback_days == 0 {
                    String::new()
                } else {
                    days(endpoint.lookback_days.into())
                }),
                &earliest(endpoint.earliest),
                &endpoint.retention_days.map_or_else(|| "–".to_owned(), |n| days(n.into())),
            ],
        );
    }
    if !descriptor.known_gaps.is_empty() {
        text.push_str("\nKnown gaps:\n\n");
        for gap in descriptor.known_gaps {
            let _ = writeln!(text, "- {gap}");
        }
    }
    text
}

/// A generated part of a README: its name and what it says.
type Part = (&'static str, fn(&Descriptor) -> String);

const PARTS: [Part; 2] = [("endpoints", endpoint_tables), ("capabilities", capability_table)];

/// Holds the part of the README between `<!-- begin: NAME -->` and `<!-- end: NAME -->` against what it should
/// be. Where it is written instead, all parts are, because tests run side by side.
pub(crate) fn hold(home: &Path, name: &str, descriptor: &Descriptor, update: bool, faults: &mut Faults) {
    let path = home.join("README.md");
    let Ok(mut text) = fs::read_to_string(&path) else { return faults.add("README.md", "is missing") };
    for (part, says) in PARTS.iter().filter(|(part, _)| update || *part == name) {
        match filled(&text, part, &says(descriptor)) {
            Some(now) => text = now,
            None => faults.add(
                "README.md",
                format!("has no lines `<!-- begin: {part} -->` and `<!-- end: {part} -->`"),
            ),
        }
    }
    snapshot::hold_text(&path, &text, update, faults);
}

fn filled(text: &str, name: &str, says: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- begin: {name} -->\n"), format!("<!-- end: {name} -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{says}\n{end}{after}"))
}

fn row(text: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "–".to_owned() } else { text }
}

fn gives(endpoint: &Endpoint) -> String {
    let mut text = endpoint.title.to_owned();
    if let Some(capability) = endpoint.capability {
        let _ = write!(text, " (needs {capability})");
    }
    if let Some(sunset) = endpoint.sunset {
        let about = if sunset.guessed { "about " } else { "" };
        let _ = write!(text, " (ends {about}{})", sunset.day);
    }
    text
}

fn asked_as(endpoint: &Endpoint) -> String {
    let mut text = match endpoint.shape {
        Shape::Snapshot if endpoint.every_days > 1 => {
            format!("present state, every {}", days(endpoint.every_days.into()))
        }
        Shape::Snapshot => "present state".to_owned(),
        Shape::Windows { max_days } => format!("days, at most {max_days} a call"),
        Shape::Trailing { spans } => {
            let spans: Vec<String> = spans.iter().map(u16::to_string).collect();
            format!("the last {} days", spans.join(", "))
        }
        Shape::Listing { published_within_days: Some(1) } => "posts of today and the day before".to_owned(),
        Shape::Listing { published_within_days: Some(n) } => {
            format!("posts of today and the {} before", days(n.into()))
        }
        Shape::Listing { published_within_days: None } => "all posts".to_owned(),
        Shape::Batch { max, .. } if !endpoint.ids_begin.is_empty() => {
            format!("up to {max} ids `{}…` a call", endpoint.ids_begin)
        }
        Shape::Batch { max, .. } if endpoint.ids_are_numbers => {
            format!("up to {max} ids that are numbers a call")
        }
        Shape::Batch { max, .. } => format!("up to {max} ids a call"),
    };
    if endpoint.accounts_per_call > 1 {
        let _ = write!(text, ", {} accounts a call", endpoint.accounts_per_call);
    }
    if let Some(cap) = endpoint.page_cap {
        let _ = write!(text, ", {cap} at most");
    }
    text
}

fn flow(token: &TokenKind) -> String {
    let had = match token.flow {
        TokenFlow::Static => "put into the configuration".to_owned(),
        TokenFlow::Client => "bought with the app's id and secret".to_owned(),
        TokenFlow::AuthorizationCode { refresh: Refresh::Renewable { times }, .. } => {
            format!("a person consents: `kepi auth`, again after {times} renewals")
        }
        TokenFlow::AuthorizationCode { .. } => "a person consents: `kepi auth`".to_owned(),
    };
    if token.service_account { format!("{had}; or a service account signs for it") } else { had }
}

fn quota(quota: &Quota) -> String {
    let scope = match quota.scope {
        Scope::App => "app",
        Scope::User => "user",
        Scope::Account => "account",
    };
    let reset = match quota.reset {
        Reset::Midnight(zone) => format!(", full again at midnight {zone}"),
        Reset::Rolling | Reset::Window => String::new(),
    };
    format!("{} per {} and {scope}{reset}", quota.requests, seconds(quota.interval_secs))
}

fn cost(cost: Cost) -> String {
    let dollars = |millionths: u32| format!("${}", f64::from(millionths) / 1e6);
    match cost {
        Cost::Free => "–".to_owned(),
        Cost::PerCall(millionths) => format!("{} a call", dollars(millionths)),
        Cost::PerItem(millionths) => format!("{} an item", dollars(millionths)),
    }
}

fn lag(endpoint: &Endpoint) -> String {
    let lag = endpoint.lag;
    if lag.days == 0 {
        return "at once".to_owned();
    }
    let zone = if lag.zone.is_empty() { "the account's zone" } else { lag.zone };
    format!("{} later, from {:02}:00 ({zone})", days(lag.days.into()), lag.hour)
}

fn earliest(earliest: Earliest) -> String {
    match earliest {
        Earliest::Unlimited => "–".to_owned(),
        Earliest::Since(date) => date.to_string(),
        Earliest::DaysBack(n) => days(n.into()),
    }
}

fn days(n: u32) -> String {
    if n == 1 { "1 day".to_owned() } else { format!("{n} days") }
}

fn seconds(n: u32) -> String {
    match n {
        1 => "second".to_owned(),
        n if n % 86_400 == 0 => days(n / 86_400),
        n if n % 3600 == 0 => format!("{} h", n / 3600),
        n if n % 60 == 0 => format!("{} min", n / 60),
        n => format!("{n} s"),
    }
}
