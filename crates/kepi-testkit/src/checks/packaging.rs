//! J. Packaging: README, fixtures and file names.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::{Candidate, Faults, Fixture, edit, readme, snapshot::properties};

/// The files of every adapter, beside folders of parts of the same names.
const FILES: [&str; 6] = ["config.rs", "decode.rs", "descriptor.rs", "lib.rs", "request.rs", "tests.rs"];
const SECRET_KEYS: [&str; 6] =
    ["access_token", "refresh_token", "client_secret", "app_secret", "session_key", "id_token"];
/// What an invented secret says of itself.
const INVENTED: [&str; 6] = ["example", "sample", "invented", "scrubbed", "redacted", "fake"];

/// J77.
pub fn j77_the_readme_agrees_with_the_descriptor(it: &Candidate, faults: &mut Faults) {
    readme::hold(&it.home, "endpoints", it.descriptor(), it.update, faults);
    let text = fs::read_to_string(it.home.join("README.md")).unwrap_or_default();
    for heading in ["Credentials", "Settings", "What it offers"] {
        let has =
            text.lines().any(|line| line.starts_with('#') && line.trim_start_matches('#').trim() == heading);
        faults.unless(has, "README.md", || format!("has no heading {heading:?}"));
    }
    let schema = it.schema();
    for name in properties(&schema).into_iter().flat_map(|known| known.keys()) {
        faults.unless(text.contains(&format!("`{name}`")), "README.md", || {
            format!("does not speak of the setting `{name}`")
        });
    }
}

/// J79.
pub fn j79_fixtures_hold_no_secret_and_nobody(it: &Candidate, faults: &mut Faults) {
    for fixture in &it.fixtures {
        let text = fs::read_to_string(&fixture.path).unwrap_or_default();
        for word in text.split(|c: char| c.is_whitespace() || "\"'<>,;()=&?".contains(c)) {
            faults.unless(!is_secret(word), fixture.name(), || {
                format!("{:.12}… looks like a real token", word)
            });
            faults.unless(!is_address(word), fixture.name(), || {
                format!("{word} is a mail address; use one at example.com")
            });
        }
        faults.unless(!text.to_lowercase().contains("\nauthorization:"), fixture.name(), || {
            "holds an authorization header".to_owned()
        });
        for what in people_and_secrets(fixture) {
            faults.add(fixture.name(), what);
        }
    }
}

fn people_and_secrets(fixture: &Fixture) -> Vec<String> {
    let mut found = Vec::new();
    let body = fixture.exchange.json().unwrap_or_default();
    for (pointer, value) in edit::leaves(&body) {
        let key = pointer.rsplit('/').next().unwrap_or_default().to_lowercase();
        let Value::String(text) = value else { continue };
        let invented = INVENTED.iter().any(|word| text.to_lowercase().contains(word));
        if SECRET_KEYS.contains(&key.as_str()) && !text.is_empty() && !invented {
            found.push(format!("{pointer} does not say that it is invented; put `example` into it"));
        }
        let digits = text.chars().filter(char::is_ascii_digit).count();
        if (key.contains("phone") || key.contains("mobile")) && digits > 6 && !text.contains("555") {
            found.push(format!("{pointer} looks like a person's telephone number"));
        }
    }
    found
}

/// Whether a word has the form of a token of one of the platforms.
fn is_secret(word: &str) -> bool {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.%".contains(c));
    let invented = INVENTED.iter().any(|known| word.to_lowercase().contains(known));
    let forms = [
        ("EAA", 40),
        ("AAAAAAAAAAAAAAAAAAAA", 60),
        ("AQ", 80),
        ("ya29.", 30),
        ("eyJ", 60),
        ("IGQ", 60),
        ("act.", 40),
    ];
    !invented
        && plain(word)
        && forms.iter().any(|(start, length)| word.starts_with(start) && word.len() >= *length)
}

fn is_address(word: &str) -> bool {
    let Some((name, host)) = word.split_once('@') else { return false };
    let mail = !name.is_empty()
        && host.contains('.')
        && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    mail && !host.contains("example") && !host.starts_with(|c: char| c.is_ascii_digit())
}

/// J80.
pub fn j80_the_files_have_the_names_of_every_adapter(it: &Candidate, faults: &mut Faults) {
    let entries = fs::read_dir(it.home.join("src")).into_iter().flatten().flatten();
    let found: BTreeSet<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    for file in FILES.iter().filter(|file| !found.contains(**file)) {
        faults.add(format!("src/{file}"), "is missing");
    }
    let part = |name: &str| FILES.iter().any(|file| file.strip_suffix(".rs") == Some(name));
    for other in found.iter().filter(|name| !FILES.contains(&name.as_str()) && !part(name)) {
        faults.add(
            format!("src/{other}"),
            "is in no other adapter; put it below a folder of the file it is a part of",
        );
    }
    faults.unless(it.home.join("README.md").is_file(), "README.md", || "is missing".to_owned());
}
