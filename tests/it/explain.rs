//! `kepi explain --rows`: the rows behind a number add up to it, and each leads to its run and to the body that brought
//! it.

use std::path::Path;

use serde_json::Value;

use crate::project::Project;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/kpi/data");

const KPIS: &str = r#"
[[kpi]]
id = "e-rate"
goal = "engagement"
platforms = ["x"]
formula = "platform_engagements / impressions"

[[kpi.target]]
period = "2026-04"
relative = "+5%"
baseline = "2026-03"

[[kpi]]
id = "e-replies"
goal = "engagement"
platforms = ["x"]
formula = "platform_engagements / impressions"
where = "format = 'reply'"

[[kpi]]
id = "e-posts"
goal = "engagement"
platforms = ["x"]
formula = "count_posts()"

[[kpi]]
id = "e-activity"
goal = "engagement"
platforms = ["y"]
formula = "likes"
basis = "activity"

[[kpi]]
id = "e-week-old"
goal = "engagement"
platforms = ["y"]
formula = "likes"
age = "7d"

[[kpi]]
id = "e-net"
goal = "community-growth"
platforms = ["z"]
subject = "account"
formula = "follows_gained - follows_lost"
basis = "activity"

[[kpi]]
id = "e-followers"
goal = "community-growth"
platforms = ["z"]
formula = "followers_total"
basis = "activity"

[[kpi]]
id = "e-mean-followers"
goal = "community-growth"
platforms = ["z"]
formula = "mean_over_days(followers_total)"
basis = "activity"
"#;

fn project() -> Project {
    let project = Project::new();
    project.write("kpis/explain.toml", KPIS);
    for month in ["20260301_20260401", "20260401_20260501"] {
        let file = format!("{DATA}/tweet_activity_metrics_demo_{month}_en.csv");
        project.run(["import", &file, "--account", "x/demo"]).expect(0);
    }
    let map = "subject = \"post\"\n[at]\ncolumn = \"when\"\n[post]\nid = \"id\"\npublished_at = \"born\"\n[metrics]\nlikes = \"likes\"\n";
    project.write("readings.toml", map);
    let text = "id,born,when,likes\n1,2026-03-01 08:00,2026-03-02 12:00,10\n1,2026-03-01 08:00,2026-03-05 12:00,25\n\
                1,2026-03-01 08:00,2026-03-08 10:00,40\n2,2026-03-04 08:00,2026-03-05 12:00,7\n2,2026-03-04 08:00,2026-03-11 09:00,9\n\
                2,2026-03-04 08:00,2026-04-11 09:00,900\n";
    let file = project.write("readings.csv", text);
    let map = project.path("readings.toml");
    let readings: [&std::ffi::OsStr; 6] = [
        "import".as_ref(),
        file.as_ref(),
        "--map".as_ref(),
        map.as_ref(),
        "--account".as_ref(),
        "y/demo".as_ref(),
    ];
    project.run(readings).expect(0);
    let (file, map) = (format!("{DATA}/followers.csv"), format!("{DATA}/followers.toml"));
    project.run(["import", &file, "--map", &map, "--account", "z/demo"]).expect(0);
    // What another source says of the same days later counts once.
    let again = project.write("again.csv", "date,followers,new_followers,lost\n2026-03-02,1011,13,2\n");
    let text = std::fs::read_to_string(&map).expect("the map");
    let map = project.write("again.toml", &format!("provenance = \"export\"\n{text}"));
    let again: [&std::ffi::OsStr; 8] = [
        "import".as_ref(),
        again.as_ref(),
        "--map".as_ref(),
        map.as_ref(),
        "--account".as_ref(),
        "z/demo".as_ref(),
        "--observed-at".as_ref(),
        "2036-01-01".as_ref(),
    ];
    project.run(again).expect(0);
    project
}

fn explain(project: &Project, kpi: &str, period: &str) -> Value {
    let done = project.run(["explain", kpi, "--period", period, "--rows", "--format", "json"]).expect(0);
    let all = done.json();
    assert_eq!(all.as_array().map(Vec::len), Some(1), "{all:#}");
    all[0].clone()
}

/// The rows of each set behind a number.
fn behind(explained: &Value) -> Vec<Vec<Value>> {
    let sets = explained["behind"].as_array().expect("sets of rows").iter();
    sets.map(|set| set["rows"].as_array().expect("rows").clone()).collect()
}

fn sum(rows: &[Value], column: &str) -> f64 {
    rows.iter().map(|row| row[column].as_f64().unwrap_or_else(|| panic!("{row:#} has no {column}"))).sum()
}

fn value(explained: &Value) -> f64 {
    explained["row"]["value"].as_f64().unwrap_or_else(|| panic!("no value: {:#}", explained["row"]))
}

#[test]
fn the_rows_add_up_to_the_number() {
    let project = project();
    for (kpi, period, rows) in
        [("e-rate", "2026-03", 3), ("e-replies", "2026-03", 1), ("e-rate", "2026-04", 2)]
    {
        let explained = explain(&project, kpi, period);
        let [readings] = &behind(&explained)[..] else { panic!("{explained:#}") };
        assert_eq!(readings.len(), rows, "{kpi} {period}");
        let rate = sum(readings, "platform_engagements") / sum(readings, "impressions");
        assert!((rate - value(&explained)).abs() < 1e-12, "{kpi}: {rate} is not {}", value(&explained));
    }
    let posts = explain(&project, "e-posts", "2026-03");
    assert_eq!(behind(&posts)[0].len() as f64, value(&posts));

    // Of what happened, and of readings at an age: not the sum of readings, which is 991.
    let activity = explain(&project, "e-activity", "2026-03");
    assert_eq!((sum(&behind(&activity)[0], "likes"), value(&activity)), (39.0, 39.0), "{activity:#}");
    let aged = explain(&project, "e-week-old", "2026-03");
    assert_eq!((sum(&behind(&aged)[0], "likes"), value(&aged)), (49.0, 49.0), "{aged:#}");

    let net = explain(&project, "e-net", "2026-03-01..2026-03-02");
    let flows = &behind(&net)[0];
    assert_eq!(sum(flows, "follows_gained") - sum(flows, "follows_lost"), value(&net));
    assert_eq!(value(&net), 19.0, "13 and not 12 on the second day, and not both");
    let state = explain(&project, "e-followers", "2026-03-01..2026-03-02");
    assert_eq!((sum(&behind(&state)[0], "followers_total"), value(&state)), (1011.0, 1011.0));
    let mean = explain(&project, "e-mean-followers", "2026-03");
    let days = &behind(&mean)[0];
    assert!((sum(days, "followers_total") / days.len() as f64 - value(&mean)).abs() < 1e-9, "{mean:#}");
}

#[test]
fn every_row_leads_to_its_run_and_its_body() {
    let project = project();
    for kpi in ["e-rate", "e-activity", "e-net", "e-followers"] {
        let explained = explain(&project, kpi, "2026-03");
        for row in behind(&explained).iter().flatten() {
            for column in ["source", "run", "stream", "digest"] {
                assert!(row[column].is_string(), "{kpi}: no {column} in {row:#}");
            }
            let page = format!("{}#{}", row["stream"].as_str().expect("a stream"), row["sequence"]);
            let body = project.run(["explain", kpi, "--body", &page]).expect(0).stdout;
            let file = ["readings.csv", "again.csv"].map(|name| project.path(name));
            let shipped = ["followers.csv", "tweet_activity_metrics_demo_20260301_20260401_en.csv"]
                .map(|name| Path::new(DATA).join(name));
            let known = file
                .iter()
                .chain(&shipped)
                .any(|path| std::fs::read_to_string(path).expect("a file") == body);
            assert!(known, "{page} is not what was imported:\n{body}");
        }
    }
    let wrong = project.run(["explain", "e-rate", "--body", "x/demo:nothing#1"]);
    assert_ne!(wrong.code, 0);
    assert!(wrong.stderr.contains("no page"), "{}", wrong.stderr);
}

#[test]
fn what_a_number_is_held_against_is_told() {
    let project = project();
    let text = project.run(["explain", "e-rate", "--period", "2026-04"]).expect(0).stdout;
    for said in [
        "formula    platform_engagements / impressions",
        "target     2.100 % in 2026-04: relative +5 % on 2026-03",
        "baseline   2.000 % of 2026-03-01..2026-03-31",
        "attained   190.5 %",
        "platform_engagements: ",
    ] {
        assert!(text.contains(said), "{said:?} is not told:\n{text}");
    }
    let csv = project
        .run(["explain", "e-rate", "--period", "2026-03", "--rows", "--format", "csv"])
        .expect(0)
        .stdout;
    assert_eq!(csv.lines().count(), 4, "{csv}");
}
