//! The pattern compiles here, as a module, and its contract says what is missing; a copy of the files in which
//! adapters are registered is written to.

#[path = "template/src/lib.rs"]
#[expect(unreachable_pub, reason = "a crate's root when it is scaffolded, a private module here")]
mod template;

use std::{fs, path::Path};

use kepi_testkit::{CHECKS, Candidate};
use serde_json::json;
use tempfile::TempDir;

use super::{FILES, REGISTERS, new_adapter};

const TOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The files in which adapters are registered, as they stand today.
fn workspace() -> TempDir {
    let root = TempDir::new().unwrap();
    for (file, ..) in REGISTERS {
        fs::create_dir_all(root.path().join(file).parent().unwrap()).unwrap();
        fs::copy(Path::new(TOP).join(file), root.path().join(file)).unwrap();
    }
    root
}

fn read(root: &TempDir, file: &str) -> String {
    fs::read_to_string(root.path().join(file)).unwrap()
}

/// The lines that one text has more than another.
fn added(before: &str, after: &str) -> Vec<String> {
    let mut before: Vec<&str> = before.lines().collect();
    let mut added = Vec::new();
    for line in after.lines() {
        match before.iter().position(|other| *other == line) {
            Some(at) => drop(before.remove(at)),
            None => added.push(line.to_owned()),
        }
    }
    assert!(before.is_empty(), "lines are gone: {before:?}");
    added
}

#[test]
fn a_new_adapter_is_written_and_registered() {
    let root = workspace();
    let before: Vec<String> = REGISTERS.iter().map(|(file, ..)| read(&root, file)).collect();
    let written = new_adapter(root.path(), "little_red").unwrap();
    assert_eq!(written.len(), FILES.len() + REGISTERS.len());
    let expected = [
        "kepi-adapter-little-red = { path = \"crates/kepi-adapter-little-red\" }",
        "kepi-adapter-little-red.workspace = true",
        "kepi-adapter-little-red.workspace = true",
        "    (\"little_red\", |settings| kepi_adapter_little_red::LittleRedAdapter::from_settings(settings).map(boxed)),",
        "| [`kepi-adapter-little-red`](kepi-adapter-little-red) | what LittleRed says: descriptor, request, decode, classify | core |",
    ];
    for (((file, ..), before), line) in REGISTERS.iter().zip(before).zip(expected) {
        assert_eq!(added(&before, &read(&root, file)), [line], "{file}");
    }
    let home = "crates/kepi-adapter-little-red";
    assert!(read(&root, &format!("{home}/src/lib.rs")).contains("#[cfg(test)]\nmod tests;\n"));
    assert!(read(&root, &format!("{home}/src/descriptor.rs")).contains("platform: \"little_red\""));
    for (file, _) in FILES {
        let text = read(&root, &format!("{home}/{file}"));
        assert!(!text.to_lowercase().contains("template"), "{file} still speaks of the pattern");
    }
}

#[test]
fn registered_in_alphabetical_order() {
    let root = workspace();
    for name in ["zhihu", "bilibili", "kuaishou"] {
        new_adapter(root.path(), name).unwrap();
    }
    let (file, mark, _) = REGISTERS[3];
    let text = read(&root, file);
    let list = text.split_once(mark).unwrap().1.split_once("];").unwrap().0;
    let lines: Vec<&str> = list.lines().filter(|line| line.contains("kepi_adapter_")).collect();
    assert!(lines.is_sorted() && lines.len() >= 4, "{lines:#?}");
}

#[test]
fn what_cannot_be_written_changes_nothing() {
    let root = workspace();
    new_adapter(root.path(), "toy").unwrap();
    let before = read(&root, "Cargo.toml");
    for bad in ["toy", "Toy", "to-y", "", "template"] {
        assert!(new_adapter(root.path(), bad).is_err(), "{bad:?} passed");
    }
    let (file, mark, _) = REGISTERS[3];
    fs::write(root.path().join(file), read(&root, file).replace(mark, "")).unwrap();
    let error = format!("{:#}", new_adapter(root.path(), "other").unwrap_err());
    assert!(error.contains("adapters.rs") && error.contains("new-adapter"), "{error}");
    assert_eq!(read(&root, "Cargo.toml"), before);
    assert!(!root.path().join("crates/kepi-adapter-other").exists());
}

/// Fixtures, the committed snapshots, the generated tables: what only the author can bring, and nothing else.
#[test]
fn the_contract_of_a_new_adapter_says_what_is_missing() {
    let home = scaffolded();
    assert_eq!(
        missing(&home),
        [
            "a09 /settings.schema.json: is missing",
            "c19 profile: \"followers_total account at total - -\" is declared and in no fixture",
            "c19 days: \"likes account day total - -\" is declared and in no fixture",
            "c19 days: \"views account day total - -\" is declared and in no fixture",
            "c19 posts: \"likes post at total - -\" is declared and in no fixture",
            "c19 posts: \"views post at total - -\" is declared and in no fixture",
            "c21 /descriptor.txt: is missing",
            "c22 /README.md: differs",
            "d23 profile: fixtures/profile/full.http is missing",
            "d23 days: fixtures/days/full.http is missing",
            "d23 posts: fixtures/posts/full.http is missing",
            "f40 profile: no fixture ends the job, so every run would take up the last one",
            "f40 days: no fixture ends the job, so every run would take up the last one",
            "f40 posts: no fixture ends the job, so every run would take up the last one",
            "j77 /README.md: differs",
        ]
    );
}

/// With answers of the shape that the pattern reads, what is left is what the contract writes itself: an author who
/// changes names and pointers begins from decoders that hold.
#[test]
fn the_pattern_holds_with_fixtures() {
    let home = scaffolded();
    let account = "account: template/nordlicht id=1440 zone=Europe/Berlin";
    let posts = |rows: &str, next: &str| format!("{{\"data\": [{rows}], \"next\": {next}}}");
    let post = |id: &str, day: &str, views: u32| {
        format!(
            "{{\"id\": \"{id}\", \"created_at\": \"2026-09-{day}T16:00:04Z\", \"text\": \"Ein Licht für den Herbst\", \
             \"metrics\": {{\"views\": {views}, \"likes\": 12}}}}"
        )
    };
    let (first, second, third) = (post("31", "06", 410), post("30", "05", 388), post("29", "04", 97));
    let fixtures = [
        (
            "profile/full",
            account.to_owned(),
            r#"{"data": [{"id": "1440", "name": "nordlicht", "metrics": {"followers": 18342}}]}"#.to_owned(),
        ),
        (
            "days/full",
            format!("{account}\n# window: 2026-09-01..2026-09-03"),
            r#"{"data": [
                {"date": "2026-09-01", "metrics": {"views": 4102, "likes": 201}},
                {"date": "2026-09-02", "metrics": {"views": 5230, "likes": 307}},
                {"date": "2026-09-03", "metrics": {"views": 4870, "likes": 254}}
            ]}"#
            .to_owned(),
        ),
        ("posts/full", account.to_owned(), posts(&[first, second].join(", "), "\"next-example\"")),
        ("posts/last", format!("{account}\n# cursor: {{\"after\":\"next-example\"}}"), posts(&third, "null")),
    ];
    for (name, said, body) in fixtures {
        let path = home.path().join(format!("fixtures/{name}.http"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = format!(
            "# composed from the vendor's documentation\n# {said}\n# observed_at: 2026-09-08T06:00:00Z\n\n\
             HTTP/1.1 200 OK\ncontent-type: application/json\n\n{body}\n"
        );
        fs::write(path, text).unwrap();
    }
    let written_by_the_contract = ["a09", "c21", "c22", "d24", "j77"];
    let mut left = missing(&home);
    left.retain(|fault| !written_by_the_contract.contains(&&fault[..3]));
    assert_eq!(left, [""; 0]);
}

/// The pattern's files, as an adapter's own folder.
fn scaffolded() -> TempDir {
    let home = TempDir::new().unwrap();
    fs::create_dir_all(home.path().join("src/decode")).unwrap();
    fs::create_dir_all(home.path().join("fixtures")).unwrap();
    for (file, text) in FILES {
        fs::write(home.path().join(file), text).unwrap();
    }
    home
}

/// What the contract says, a line each.
fn missing(home: &TempDir) -> Vec<String> {
    let mut missing = Vec::new();
    for check in CHECKS {
        let sample = json!({"base_url": "https://api.template.example"});
        let candidate =
            Candidate::new(template::TemplateAdapter::from_settings, sample, home.path()).unwrap();
        let faults = check.faults(&candidate);
        missing.extend(faults.iter().map(|fault| {
            let line = fault.lines().next().unwrap_or_default();
            format!("{} {}", &check.name[..3], line.replace(&home.path().display().to_string(), ""))
        }));
    }
    missing
}
