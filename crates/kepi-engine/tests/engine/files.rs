//! KPI files: all faults at once, each with its place; the shipped ones are lawful.

use kepi_core::Catalogue;
use kepi_engine::{Basis, Direction, Goal, Source, Stage, parse_kpis};

fn faults(text: &str) -> Vec<String> {
    let source = Source { name: "k.toml".to_owned(), text: text.to_owned() };
    let faults = parse_kpis(&[source], Catalogue::builtin()).map(|kpis| kpis.len()).unwrap_err();
    faults
        .iter()
        .map(|fault| {
            let (line, column) = fault.line_column(text);
            format!(
                "{}:{line}:{column} {}; {}",
                fault.file,
                fault.message,
                fault.hint.as_deref().unwrap_or("-")
            )
        })
        .collect()
}

#[test]
fn every_fault_of_every_kpi_is_told_with_its_place() {
    let text = r#"
[[kpi]]
id = "Bad Id"
gaol = "engagement"
formula = "lkes / impressions"
direction = "upp"

[[kpi]]
id = "b"
goal = "engagment"
formula = """
(likes + commments)
  / impresions"""

[[kpi]]
id = "c"
goal = "engagement"
version = 0
age = "a week"
"#;
    assert_eq!(
        faults(text),
        [
            "k.toml:2:1 a KPI serves a business goal, and this one names none; add goal = one of brand-awareness, \
             engagement, community-growth, web-traffic, lead-generation, revenue, reputation, retention",
            "k.toml:3:6 \"Bad Id\" is not a KPI id; lowercase words joined by hyphens, for example x-engagement-rate",
            "k.toml:5:12 there is no metric lkes; did you mean likes?",
            "k.toml:6:13 kpi.direction cannot be \"upp\"; did you mean up? known here: up, down, band",
            "k.toml:10:8 kpi.goal cannot be \"engagment\"; did you mean engagement? known here: brand-awareness, engagement, \
             community-growth, web-traffic, lead-generation, revenue, reputation, retention",
            "k.toml:12:10 there is no metric commments; did you mean comments?",
            "k.toml:13:5 there is no metric impresions; did you mean impressions?",
            "k.toml:15:1 kpi.formula is missing; add formula = …",
            "k.toml:18:11 version is a whole number from 1; -",
            "k.toml:19:7 \"a week\" is not an age; ages are written \"7d\"",
        ]
    );
}

#[test]
fn unknown_keys_get_the_nearest() {
    let told =
        faults("[[kpi]]\nid = \"k\"\ngoal = \"engagement\"\nformula = \"likes\"\nplatform = [\"x\"]\n");
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("k.toml:5:1 unknown key kpi.platform; did you mean platforms?"), "{told:?}");
}

/// The schema that editors read names the keys that the reader knows, no more and no less.
#[test]
fn the_schema_is_in_step() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../../config/schema/kpi.schema.json")).unwrap();
    let kpi = &schema["properties"]["kpi"]["items"]["properties"];
    let target = &kpi["target"]["items"]["properties"];
    let keys = |of: &serde_json::Value| of.as_object().unwrap().keys().cloned().collect::<Vec<String>>();
    let known = |text: &str| {
        let told = faults(text);
        let list = told.iter().find_map(|fault| fault.split_once("known here: ")).unwrap().1;
        let mut known: Vec<String> = list.split(", ").map(str::to_owned).collect();
        known.sort();
        known
    };
    let text = "[[kpi]]\nid = \"k\"\ngoal = \"engagement\"\nformula = \"likes\"\n";
    let sorted = |mut keys: Vec<String>| {
        keys.sort();
        keys
    };
    assert_eq!(known(&format!("{text}qqqqqqqq = 1\n")), sorted(keys(kpi)));
    let in_target = format!("{text}[[kpi.target]]\nperiod = \"2026-Q3\"\nabsolute = 1\nqqqqqqqq = 1\n");
    assert_eq!(known(&in_target), sorted(keys(target)));
}

#[test]
fn a_version_is_declared_once() {
    let one = "[[kpi]]\nid = \"k\"\ngoal = \"engagement\"\nformula = \"likes\"\n";
    let told = faults(&format!("{one}{one}"));
    assert_eq!(
        told,
        [
            "k.toml:5:1 KPI k version 1 is declared already, in k.toml:1; raise version when the formula changes, or choose another id"
        ]
    );
}

/// T7: "+2 %" of a ratio is refused until it says what it means.
#[test]
fn t7_a_change_of_a_ratio_says_its_unit() {
    let kpi = |formula: &str, target: &str| {
        format!(
            "[[kpi]]\nid = \"k\"\ngoal = \"engagement\"\nformula = \"{formula}\"\n[[kpi.target]]\nperiod = \"2026-Q3\"\n{target}\nbaseline = \"2026-Q2\"\n"
        )
    };
    assert_eq!(
        faults(&kpi("likes / impressions", "change = \"+2%\"")),
        [
            "k.toml:7:10 +2% of a ratio can mean two things; say relative = \"+2%\" (3 % becomes 3.06 %) or points = \"+2pp\" (3 % becomes 5 %)"
        ]
    );
    assert_eq!(
        faults(&kpi("likes", "points = \"+2pp\"")),
        ["k.toml:7:10 points are of ratios, and this KPI is none; say relative = \"+2%\" or absolute = …"]
    );
    let source = Source { name: "k".to_owned(), text: kpi("likes", "change = \"+2%\"") };
    assert!(parse_kpis(&[source], Catalogue::builtin()).is_ok());
}

#[test]
fn targets_are_whole() {
    let kpi = |more: &str, target: &str| {
        faults(&format!(
            "[[kpi]]\nid = \"k\"\ngoal = \"engagement\"\nformula = \"likes\"\n{more}\n[[kpi.target]]\n{target}\n"
        ))
    };
    assert_eq!(
        kpi("", "period = \"2026-Q3\"\nrelative = \"+2%\""),
        [
            "k.toml:6:1 a change is measured from a baseline; add baseline = \"2026-Q2\" (a period) or baseline_value = 0.03"
        ]
    );
    assert_eq!(
        kpi("", "period = \"last-7d\"\nabsolute = 3"),
        [
            "k.toml:7:10 last-7d moves with the day on which it is read; a calendar period such as 2026-Q3, 2026-10 or 2026-10-01..2026-10-20"
        ]
    );
    assert_eq!(
        kpi("", "period = \"2026-Q3\"\nabsolute = 3\nband = [1, 2]")[0],
        "k.toml:6:1 a target is said in one way; say absolute = 0.03, relative = \"+2%\", points = \"+0.5pp\" or band = [0.02, 0.04]"
    );
    assert_eq!(kpi("", "period = \"2026-Q3\"\nband = [1, 2]").len(), 1);
    assert_eq!(kpi("direction = \"band\"", "period = \"2026-Q3\"\nband = [2, 1]").len(), 1);
}

#[test]
fn the_shipped_kpis_are_lawful_and_serve_goals() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/kpis");
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        sources
            .push(Source { name: path.display().to_string(), text: std::fs::read_to_string(&path).unwrap() });
    }
    assert!(!sources.is_empty());
    let kpis = parse_kpis(&sources, Catalogue::builtin()).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let first = kpis.iter().find(|kpi| kpi.id == "x-engagement-rate").unwrap();
    assert_eq!(first.names.get("zh").map(String::as_str), Some("X 互动率"));
    assert_eq!((first.goal, first.stage), (Goal::Engagement, Some(Stage::Consideration)));
    assert_eq!((first.basis, first.direction, first.version), (Basis::Published, Direction::Up, 1));
    for kpi in &kpis {
        assert!(kpi.names.contains_key("en") && kpi.names.contains_key("zh"), "{} lacks a name", kpi.id);
        assert!(kpi.when_low.is_some(), "{} does not say what to do", kpi.id);
    }
}

#[test]
fn hostile_files_never_panic() {
    for text in [
        "",
        "kpi = 1",
        "[[kpi]]",
        "[kpi]\nid=1",
        "[[kpi]]\nid = ",
        "kpi = [1, {}]",
        "[[kpi]]\nname = 3\nformula = \"\"",
        "\u{feff}",
        "[[kpi]]\nformula = \"\\u0000\"",
    ] {
        let source = Source { name: "k".to_owned(), text: text.to_owned() };
        let _ = parse_kpis(&[source], Catalogue::builtin());
    }
}
