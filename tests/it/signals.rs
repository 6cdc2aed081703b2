//! `kepi signals` and `kepi decide`, as a user runs them.

use std::fmt::Write as _;

use serde_json::Value;

use crate::project::Project;

const KPI: &str = r#"
[[kpi]]
id = "rate"
name = { en = "Rate", zh = "互动率" }
goal = "engagement"
platforms = ["x"]
subject = "account"
formula = "likes / impressions"
basis = "activity"
"#;

const MAP: &str = r#"
subject = "account"
[day]
column = "date"
format = "%Y-%m-%d"
[metrics]
likes = "likes"
impressions = "impressions"
"#;

/// Thirteen weeks from 2025-07-14 on, of which twelve go from 3.4 % down to 2.5 %.
const WEEKS: [i32; 13] = [340, 330, 350, 310, 320, 300, 290, 300, 270, 280, 260, 250, 246];

fn project() -> Project {
    let project = Project::new();
    project.write("kpis/own.toml", KPI);
    project.write("own.toml", MAP);
    let mut table = "date,likes,impressions\n".to_owned();
    let first = jiff::civil::date(2025, 7, 14);
    for (number, day) in (0..).zip(first.series(jiff::Span::new().days(1)).take(91)) {
        let likes = WEEKS[number / 7] + i32::try_from(number * 5 % 11).expect("small") - 5;
        let _ = writeln!(table, "{day},{likes},10000");
    }
    project.write("own.csv", &table);
    project.run(["import", "own.csv", "--account", "x/a", "--map", "own.toml"]).expect(0);
    project
}

#[track_caller]
fn signals(project: &Project, period: &str, more: &[&str]) -> Vec<Value> {
    let arguments = ["signals", "--kpi", "rate", "--format", "json", "--period", period];
    let done = project.run(arguments.iter().chain(more)).expect(0);
    done.json().as_array().expect("an array").clone()
}

/// What is there, as `P4 fired`.
fn told(found: &[Value]) -> Vec<String> {
    let one = |one: &Value| Some(format!("{} {}", one["signal"].as_str()?, one["outcome"].as_str()?));
    found.iter().filter_map(one).collect()
}

#[test]
fn a_signal_fires_once_and_is_remembered() {
    let project = project();
    let count = || project.query("select count(*) as n from signals")[0]["n"].clone();
    // Of some accounts, and as of an instant: nothing is kept.
    assert_eq!(told(&signals(&project, "2025-W40", &["--account", "x/a"])), ["P4 fired"]);
    assert_eq!(count(), 0);
    let first = signals(&project, "2025-W40", &[]);
    assert_eq!(told(&first), ["P4 fired"]);
    let one = &first[0];
    assert_eq!((&one["kpi"], &one["since"]), (&"rate".into(), &"2025-10-05".into()));
    assert!(one["effect"]["value"].as_f64().expect("a number") < -0.2, "{one:#}");
    assert!(one["q"].as_f64().expect("a number") <= 0.1, "{one:#}");
    assert_eq!(one["evidence"].as_array().map(Vec::len), Some(12));
    assert!(one["steps"]["experiment"]["zh"].as_str().expect("a text").contains('，'), "{one:#}");
    assert_eq!(signals(&project, "2025-W40", &[]), first, "the same day says the same");
    assert_eq!(count(), 1, "and is kept once");
    assert_eq!(told(&signals(&project, "2025-W41", &[])), ["P4 continues"]);
    assert_eq!(count(), 2);
    let all = signals(&project, "2025-W41", &["--all"]);
    let quiet = all.iter().find(|one| one["signal"] == "P8").expect("the data were looked at");
    assert_eq!(quiet["outcome"], "quiet");
    assert!(all.iter().all(|one| !one["reason"].as_str().unwrap_or_default().is_empty()), "{all:#?}");
    // Days that are not there are a problem of the data, never a pivot.
    let late = signals(&project, "2025-W42", &[]);
    assert_eq!(told(&late), ["P8 fired", "P4 suppressed"]);
    assert!(late[0]["reason"].as_str().unwrap_or_default().contains("2025-10-13..2025-10-19"), "{late:#?}");
    let people = project.run(["signals", "--kpi", "rate", "--period", "2025-W41"]).expect(0);
    assert!(people.stdout.contains("experiment") && people.stderr.contains("--all"), "{}", people.stderr);
    let chart =
        project.run(["signals", "--chart", "--kpi", "rate", "--period", "2025-W41", "--format", "csv"]);
    let chart = chart.expect(0).stdout;
    assert_eq!(chart.lines().count(), 14, "{chart}");
    assert!(chart.starts_with("kpi,week,value,lower,centre,upper,stretch,signal\n"), "{chart}");
    project.run(["signals", "--by", "week"]).expect(2);
}

#[test]
fn a_decision_is_kept_once_and_shown_with_what_came_after() {
    let project = project();
    let decide = |what: &str| {
        project.run([
            "decide",
            "rate",
            "--period",
            "2025-W38",
            "--what",
            what,
            "--why",
            "P4 fired",
            "--by",
            "anna",
            "--at",
            "2025-09-22",
        ])
    };
    decide("two videos a week").expect(0);
    let again = decide("two videos a week").expect(0);
    assert!(again.stderr.contains("kept once"), "{}", again.stderr);
    decide("fewer links").expect(0);
    let done = project.run(["decide", "--list", "--format", "json"]).expect(0).json();
    let all = done.as_array().expect("an array");
    assert_eq!(all.len(), 2, "{all:#?}");
    let one = all.iter().find(|one| one["what"] == "two videos a week").expect("the first");
    let near = |value: &Value, expected: f64| {
        assert!((value.as_f64().expect("a number") - expected).abs() < 1e-3, "{value} is not {expected}");
    };
    assert_eq!((&one["by"], &one["why"]), (&"anna".into(), &"P4 fired".into()));
    near(&one["before"]["value"], 0.028);
    assert_eq!(one["after"]["start"], "2025-09-29");
    near(&one["after"]["value"], 0.025);
    near(&one["change_abs"], -0.003);
    // Both answer the one evaluation that was made for the first.
    assert_eq!(one["evaluation"], all[1]["evaluation"]);
    let kept = project.query("select count(*) as n from evaluations where kpi = 'rate'");
    assert_eq!(kept[0]["n"], 1);
    let card = project.run(["evaluate", "--kpi", "rate", "--period", "2025-W40"]).expect(0);
    assert!(card.stderr.contains("decided on 2025-09-22 by anna: two videos a week"), "{}", card.stderr);
    let of_other = project.run(["decide", "--list", "posts-published", "--format", "json"]).expect(0).json();
    assert_eq!(of_other.as_array().map(Vec::len), Some(0));
    project.run(["decide", "rate", "--period", "2025-W38", "--what", "x"]).expect(2);
    let unknown = ["decide", "rates", "--period", "2025-W38", "--what", "x", "--why", "y", "--by", "z"];
    let unknown = project.run(unknown).expect(2);
    assert!(unknown.stderr.contains("rate"), "{}", unknown.stderr);
    let late = [
        "decide",
        "rate",
        "--period",
        "2025-W38",
        "--what",
        "x",
        "--why",
        "y",
        "--by",
        "z",
        "--at",
        "2999-01-01",
    ];
    assert!(project.run(late).expect(2).stderr.contains("not over yet"));
}
