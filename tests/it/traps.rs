//! The traps of arithmetic, time and comparison, through the command: files in, scorecard out, with the common wrong
//! answer beside the right one, taken from the same store by the sum or the parameter that gives it. And the list of all
//! of them, in this folder's page: each is held by a test that is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::{Value, json};

use crate::project::Project;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Readings of posts: which, when it was published, when it was read, its numbers.
const READINGS: &str = r#"
subject = "post"
traffic = "organic"
[at]
column = "when"
[post]
id = "id"
published_at = "published"
[metrics]
likes = "likes"
views = "views"
"#;

const KPIS: &str = r#"
[[kpi]]
id = "t-likes"
goal = "engagement"
formula = "likes"
basis = "activity"

[[kpi]]
id = "t-views"
goal = "engagement"
formula = "views"
basis = "activity"
platforms = ["x"]

[[kpi]]
id = "t-earned"
goal = "engagement"
formula = "likes"

[[kpi]]
id = "t-public"
goal = "engagement"
formula = "likes"
provenance = "public"

[[kpi]]
id = "t-posts"
goal = "engagement"
formula = "count_posts()"
"#;

fn project() -> Project {
    let project = Project::new();
    project.write("kpis/traps.toml", KPIS);
    project.write("readings.toml", READINGS);
    project
}

/// Imports rows of readings of an account.
fn read(project: &Project, account: &str, name: &str, rows: &[&str]) {
    let file = project.write(name, &format!("id,published,when,likes,views\n{}\n", rows.join("\n")));
    let map = project.path("readings.toml");
    let arguments: [&std::ffi::OsStr; 6] = [
        "import".as_ref(),
        file.as_ref(),
        "--map".as_ref(),
        map.as_ref(),
        "--account".as_ref(),
        account.as_ref(),
    ];
    project.run(arguments).expect(0);
}

fn value(project: &Project, kpi: &str, period: &str) -> Value {
    row(project, &["--kpi", kpi, "--period", period])["value"].clone()
}

fn row(project: &Project, arguments: &[&str]) -> Value {
    let mut rows = project.evaluate(arguments);
    assert_eq!(rows.len(), 1, "{rows:#?}");
    rows.remove(0)
}

fn one(project: &Project, sql: &str) -> Value {
    project.query(sql)[0]["n"].clone()
}

/// T13, T14: readings of an older post are differences; people take back likes, views begin again. Added up as they
/// stand they are 330 of each.
#[test]
fn t13_t14_readings_are_not_added() {
    let project = project();
    let rows = ["100,100", "150,150", "20,20", "60,60"];
    let rows: Vec<String> = (1..)
        .zip(rows)
        .map(|(day, numbers)| format!("1,2025-11-01 08:00,2026-01-0{day} 12:00,{numbers}"))
        .collect();
    read(&project, "x/a", "readings.csv", &rows.iter().map(String::as_str).collect::<Vec<_>>());
    let period = "2026-01-01..2026-01-04";
    assert_eq!(value(&project, "t-likes", period), -40);
    assert_eq!(value(&project, "t-views", period), 110);
    assert_eq!(one(&project, "select sum(views) as n from post_facts where current"), 330);

    let rising = self::project();
    let rows = ["100", "150", "150", "220"];
    let rows: Vec<String> = (1..)
        .zip(rows)
        .map(|(day, likes)| format!("1,2025-11-01 08:00,2026-01-0{day} 12:00,{likes},"))
        .collect();
    read(&rising, "x/a", "readings.csv", &rows.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(value(&rising, "t-likes", period), 120);
    assert_eq!(one(&rising, "select sum(likes) as n from post_facts where current"), 620);
}

/// T15, T16: a first reading is where counting begins; what happened in three days is not put down to one.
#[test]
fn t15_t16_first_readings_and_missing_days() {
    let project = project();
    read(&project, "x/a", "first.csv", &["1,2025-11-25 08:00,2026-01-04 12:00,5000,"]);
    assert_eq!(value(&project, "t-likes", "2026-01-04"), Value::Null);
    assert_eq!(
        value(&project, "t-earned", "2025-11"),
        5000,
        "what it had earned is told of when it was published"
    );

    let gap = self::project();
    read(
        &gap,
        "x/a",
        "gap.csv",
        &["1,2025-11-25 08:00,2026-01-01 12:00,100,", "1,2025-11-25 08:00,2026-01-04 12:00,160,"],
    );
    assert_eq!(value(&gap, "t-likes", "2026-01-02..2026-01-04"), 60);
    let days = gap.evaluate(&["--kpi", "t-likes", "--period", "2026-01-02..2026-01-04", "--by", "day"]);
    assert!(days.iter().all(|row| row["value"].is_null()), "the last day is not 60: {days:#?}");
}

/// T18: the same reading again, 93 instead of 100: now it is 93, as of the first import 100, and never 193.
#[test]
fn t18_a_restatement_replaces() {
    let project = project();
    read(&project, "x/a", "first.csv", &["1,2026-01-02 08:00,2026-01-04 12:00,100,"]);
    let known = one(&project, "select max(recorded_at) as n from post_facts");
    read(&project, "x/a", "second.csv", &["1,2026-01-02 08:00,2026-01-04 12:00,93,"]);
    assert_eq!(value(&project, "t-earned", "2026-01"), 93);
    let then = ["--kpi", "t-earned", "--period", "2026-01", "--as-of", known.as_str().expect("an instant")];
    assert_eq!(row(&project, &then)["value"], 100);
    assert_eq!(one(&project, "select sum(likes) as n from post_facts"), 193, "both are kept");
}

/// T20: half past eleven in the evening of the 31st of March in Los Angeles is April elsewhere: the account's zone is
/// the switch.
#[test]
fn t20_a_post_is_of_the_accounts_own_day() {
    let project = project();
    let mut text = std::fs::read_to_string(project.path("kepi.toml")).expect("the configuration");
    for (id, zone) in [("x/la", "America/Los_Angeles"), ("x/utc", "UTC"), ("x/sh", "Asia/Shanghai")] {
        text += &format!("\n[[account]]\nid = \"{id}\"\nzone = \"{zone}\"\n");
    }
    project.write("kepi.toml", &text);
    let mut months = BTreeMap::new();
    for account in ["x/la", "x/utc", "x/sh"] {
        read(&project, account, "post.csv", &["1,2025-03-31 23:30 -0700,2025-04-05 12:00,5,"]);
        let rows = project.evaluate(&["--kpi", "t-posts", "--period", "2025-03", "--account", account]);
        months.insert(account, rows[0]["value"].clone());
    }
    assert_eq!(months["x/la"], 1);
    assert_ne!(months["x/utc"], 1);
    assert_ne!(months["x/sh"], 1);
    assert_eq!(row(&project, &["--kpi", "t-posts", "--period", "2025-04", "--account", "x/utc"])["value"], 1);
}

/// T21: the days on which the clocks change have 23 and 25 hours, and each is one day. Were every day 24 hours, the
/// second difference would begin on the day before.
#[test]
fn t21_days_of_23_and_25_hours() {
    let hours = |day: &str| {
        let date: jiff::civil::Date = day.parse().expect("a day");
        let midnight =
            |date: jiff::civil::Date| date.in_tz("America/Los_Angeles").expect("a zone").timestamp();
        (midnight(date.tomorrow().expect("a day")).as_second() - midnight(date).as_second()) / 3600
    };
    assert_eq!((hours("2025-03-09"), hours("2025-11-02")), (23, 25));

    let project = project();
    let text = std::fs::read_to_string(project.path("kepi.toml")).expect("the configuration");
    project.write("kepi.toml", &(text + "\n[[account]]\nid = \"x/la\"\nzone = \"America/Los_Angeles\"\n"));
    read(
        &project,
        "x/la",
        "readings.csv",
        &[
            "1,2025-01-01 08:00,2025-03-09 00:00 -0800,100,",
            "1,2025-01-01 08:00,2025-03-10 00:00 -0700,123,",
            "2,2025-01-01 08:00,2025-11-02 00:00 -0700,100,",
            "2,2025-01-01 08:00,2025-11-03 00:00 -0800,125,",
        ],
    );
    let days = project.query("select day, end_day, likes from post_daily where current order by day");
    assert_eq!(
        days,
        [
            json!({"day": "2025-03-09", "end_day": "2025-03-10", "likes": 23}),
            json!({"day": "2025-11-02", "end_day": "2025-11-03", "likes": 25})
        ]
    );
    assert_eq!(value(&project, "t-likes", "2025-03-09"), 23);
    assert_eq!(value(&project, "t-likes", "2025-11-02"), 25);
}

/// T43, T44: ids are text: the last digits stay, and a share is not the post of the same number.
#[test]
fn t43_t44_ids_are_text() {
    let project = project();
    let long = "2377726600221403413";
    read(
        &project,
        "linkedin/a",
        "posts.csv",
        &[
            &format!("{long},2026-01-02 08:00,2026-01-04 12:00,1,"),
            "urn:li:share:7,2026-01-02 08:00,2026-01-04 12:00,20,",
            "urn:li:ugcPost:7,2026-01-02 08:00,2026-01-04 12:00,300,",
        ],
    );
    let posts: BTreeSet<String> = project
        .query("select post from posts where current")
        .iter()
        .map(|row| row["post"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(posts, [long, "urn:li:share:7", "urn:li:ugcPost:7"].map(str::to_owned).into());
    assert_ne!(long.parse::<f64>().expect("a number") as i64, 2_377_726_600_221_403_413, "a float loses it");
    assert_eq!(value(&project, "t-posts", "2026-01"), 3);
    assert_eq!(value(&project, "t-earned", "2026-01"), 321);
}

/// T48, T55: totals of three days, and one total read three times: the newest counts.
#[test]
fn t48_t55_the_newest_total_counts() {
    let project = project();
    let rows: Vec<String> = (3..)
        .zip([10_000, 20_000, 30_000])
        .map(|(day, likes)| format!("1,2026-01-02 08:00,2026-01-0{day} 12:00,{likes},"))
        .collect();
    read(&project, "wechat/a", "totals.csv", &rows.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(value(&project, "t-earned", "2026-01"), 30_000);
    assert_eq!(one(&project, "select sum(likes) as n from post_facts where current"), 60_000);

    let thrice = self::project();
    for hour in ["10:00", "11:00", "12:00"] {
        let row = format!("1,2026-01-02 08:00,2026-01-05 {hour},500,");
        read(&thrice, "linkedin/a", &format!("at-{}.csv", &hour[..2]), &[&row]);
    }
    assert_eq!(value(&thrice, "t-earned", "2026-01"), 500);
    assert_eq!(one(&thrice, "select sum(likes) as n from post_facts where current"), 1500);
}

/// T50: what a rival's public page shows includes likes of comments; it is another KPI, and no breakdown ranks it
/// beside own numbers.
#[test]
fn t50_public_figures_are_never_ranked_with_own() {
    let project = project();
    read(&project, "weibo/own", "own.csv", &["1,2026-01-02 08:00,2026-01-04 12:00,500,"]);
    project.write("readings.toml", &READINGS.replace("traffic =", "provenance = \"public\"\ntraffic ="));
    read(&project, "weibo/rival", "rival.csv", &["9,2026-01-02 08:00,2026-01-04 12:00,560,"]);
    let by_account = |kpi: &str| {
        let rows = project.evaluate(&["--kpi", kpi, "--period", "2026-01", "--by", "account"]);
        let told = rows.iter().filter(|row| !row["value"].is_null());
        told.map(|row| {
            (row["scope"]["account"].as_str().expect("an account").to_owned(), row["value"].clone())
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(by_account("t-earned"), [("weibo/own".to_owned(), json!(500))]);
    assert_eq!(by_account("t-public"), [("weibo/rival".to_owned(), json!(560))]);
}

/// Each of T1 to T55 stands in this folder's page with the tests that hold it, and they are there.
#[test]
fn every_trap_is_held_by_a_test() {
    let held = xtask::traps::held().unwrap_or_else(|error| panic!("{error:#}"));
    for (trap, tests) in &held {
        assert!(!tests.is_empty(), "{trap} names no test");
        for test in tests {
            test.is_there(Path::new(ROOT)).unwrap_or_else(|error| panic!("{error:#}"));
        }
    }
    let all = (1..=55).map(|number| format!("T{number}")).chain(["T45b".to_owned()]);
    let missing: Vec<String> = all.filter(|trap| !held.contains_key(trap)).collect();
    assert!(missing.is_empty(), "no test holds {}", missing.join(", "));
}
