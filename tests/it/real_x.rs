//! Right answers on real input: three years of one organisation's X exports, against an independent sum over
//! the same files.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::project::Project;

/// The folder of the exports, from `KEPI_REAL_X`; without it the test says that it was skipped.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub(crate) fn exports() -> Option<Vec<PathBuf>> {
    let Some(folder) = std::env::var_os("KEPI_REAL_X") else {
        println!("skipped: KEPI_REAL_X does not name a folder of real X exports");
        return None;
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("KEPI_REAL_X is a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "csv"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 37);
    Some(files)
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Sums {
    posts: i64,
    impressions: i64,
    engagements: i64,
}

/// Twenty independent lines: what the files say by month of publishing.
fn independent(files: &[PathBuf]) -> BTreeMap<String, Sums> {
    let mut months: BTreeMap<String, Sums> = BTreeMap::new();
    for file in files {
        let mut reader = csv::Reader::from_path(file).expect("a file");
        for row in reader.deserialize() {
            let row: BTreeMap<String, String> = row.expect("a row");
            let number = |name: &str| row[name].parse::<f64>().expect("a number") as i64;
            let sums = months.entry(row["time"][..7].to_owned()).or_default();
            sums.posts += 1;
            sums.impressions += number("impressions");
            sums.engagements += number("engagements");
        }
    }
    months
}

pub(crate) fn import<'a>(project: &Project, files: impl IntoIterator<Item = &'a PathBuf>) {
    let files = files.into_iter().map(|file| file.as_os_str());
    let arguments = ["import", "--account", "x/ropensci"].map(std::ffi::OsStr::new);
    project.run(arguments.into_iter().chain(files)).expect(0);
}

fn sums(row: &Value) -> Sums {
    Sums {
        posts: row["posts"].as_i64().expect("posts"),
        impressions: row["denominator"].as_f64().expect("a denominator") as i64,
        engagements: row["numerator"].as_f64().expect("a numerator") as i64,
    }
}

fn near(found: &Value, expected: f64, tolerance: f64) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{found} is no number"));
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

fn rate(project: &Project, arguments: &[&str]) -> Vec<Value> {
    project.evaluate(&[&["--kpi", "x-engagement-rate"], arguments].concat())
}

#[test]
fn every_month_quarter_and_year_is_right() {
    let Some(files) = exports() else { return };
    let project = Project::new();
    import(&project, &files);
    let expected = independent(&files);
    assert_eq!(expected.len(), 37);

    let months = rate(&project, &["--period", "2016-12-01..2019-12-31", "--by", "month"]);
    let found: BTreeMap<String, Sums> = months
        .iter()
        .map(|row| (row["period"]["start"].as_str().expect("a start")[..7].to_owned(), sums(row)))
        .collect();
    assert_eq!(found, expected);

    for (period, prefixes) in [
        ("2017", vec!["2017"]),
        ("2018", vec!["2018"]),
        ("2019", vec!["2019"]),
        ("2017-Q1", vec!["2017-01", "2017-02", "2017-03"]),
        ("2019-Q2", vec!["2019-04", "2019-05", "2019-06"]),
        ("2019-Q4", vec!["2019-10", "2019-11", "2019-12"]),
    ] {
        let mut total = Sums::default();
        for (_, part) in expected.iter().filter(|(month, _)| prefixes.iter().any(|p| month.starts_with(p))) {
            total.posts += part.posts;
            total.impressions += part.impressions;
            total.engagements += part.engagements;
        }
        assert_eq!(sums(&rate(&project, &["--period", period])[0]), total, "{period}");
    }
}

#[test]
fn the_known_answers() {
    let Some(files) = exports() else { return };
    let project = Project::new();
    import(&project, &files);
    for (period, posts, impressions, engagements, value) in [
        ("2016-12", 37, 110_828, 1421, 0.012822),
        ("2017-01", 37, 103_068, 1287, 0.012487),
        ("2017-02", 25, 124_783, 2940, 0.023561),
        ("2017-04", 32, 93_227, 2015, 0.021614),
    ] {
        let row = &rate(&project, &["--period", period])[0];
        assert_eq!(sums(row), Sums { posts, impressions, engagements }, "{period}");
        near(&row["value"], value, 5e-7);
    }

    let row = &rate(&project, &["--period", "2019-Q2"])[0];
    assert_eq!(sums(row), Sums { posts: 73, impressions: 529_083, engagements: 8537 });
    near(&row["value"], 0.016135, 5e-7);
    near(&row["interval"][0], 0.01305, 5e-6);
    near(&row["interval"][1], 0.01922, 5e-6);
    near(&row["previous"], 0.013755, 5e-7);
    near(&row["change_abs"], 0.002380, 5e-7);
    near(&row["change_rel"], 0.1730, 5e-5);
    assert_eq!(row["fresh_at"], "2019-07-01T00:00:00Z");
    assert_eq!(row["status"], "no_target");
    assert_eq!(row["coverage"], 1.0);
    assert_eq!(row["traffic"], "organic");
    assert_eq!(row["period"], serde_json::json!({"start": "2019-04-01", "end": "2019-07-01"}));

    // Every export ends at midnight: its differences end with the last day of its month and cross no edge.
    let quarter = |more: &[&str]| {
        project.evaluate(&[&["--kpi", "x-impressions", "--period", "2019-Q2"], more].concat())
    };
    let row = &quarter(&[])[0];
    assert_eq!(row["value"], 529_083);
    near(&row["coverage"], 85.0 / 91.0, 1e-9);
    assert_eq!(quarter(&["--no-rollups"])[0], *row);

    let parts = rate(&project, &["--period", "2016-12-01..2019-12-31", "--by", "format"]);
    let whole = sums(&rate(&project, &["--period", "2016-12-01..2019-12-31"])[0]);
    let of = |format: &str| {
        sums(parts.iter().find(|row| row["scope"]["format"] == format).expect("a part of this format"))
    };
    assert_eq!(of("reply").posts, 275);
    assert_eq!(whole.posts, 1129);
    assert_eq!(of("reply").posts + of("post").posts, whole.posts);
    assert_eq!(of("reply").impressions + of("post").impressions, whole.impressions);
    assert_eq!(of("reply").engagements + of("post").engagements, whole.engagements);
}

/// What is current, without when and how it came in.
fn current_facts(project: &Project) -> Vec<Value> {
    project.query(
        "select account, post, traffic, day, impressions, platform_engagements, shares, likes, comments \
         from post_facts where current order by account, post, traffic, day",
    )
}

#[test]
fn order_and_repetition_change_nothing() {
    let Some(files) = exports() else { return };
    let forwards = Project::new();
    import(&forwards, &files);
    let facts = current_facts(&forwards);
    assert_eq!(facts.iter().filter(|row| row["traffic"] == "organic").count(), 1129);

    let backwards = Project::new();
    for chunk in files.rchunks(5) {
        import(&backwards, chunk.iter().rev());
    }
    assert_eq!(current_facts(&backwards), facts);

    let rows = |project: &Project| project.query("select count(*) as n from post_facts")[0]["n"].clone();
    let before = (rows(&forwards), forwards.query("select count(*) as n from pages")[0]["n"].clone());
    import(&forwards, &files);
    let after = (rows(&forwards), forwards.query("select count(*) as n from pages")[0]["n"].clone());
    assert_eq!(before, after, "a second import of the same files adds nothing");
}

#[test]
fn a_re_exported_file_changes_its_own_rows_only() {
    let Some(files) = exports() else { return };
    let project = Project::new();
    import(&project, &files);
    let before = current_facts(&project);
    let known = project.query("select max(recorded_at) as t from post_facts")[0]["t"].clone();
    let known = known.as_str().expect("an instant").to_owned();

    // The file of 2017-02, exported again with 1,000 more impressions on every post.
    let february =
        files.iter().find(|file| file.to_string_lossy().contains("rOpenSci_20170201_")).expect("the file");
    let changed = project.path("again").join(february.file_name().expect("a name"));
    std::fs::create_dir_all(project.path("again")).expect("a folder");
    rewrite(february, &changed);
    import(&project, [&changed]);

    let after = current_facts(&project);
    assert_eq!(before.len(), after.len());
    let differing = before.iter().zip(&after).filter(|(old, new)| old != new).count();
    assert_eq!(differing, 25);
    let now = &rate(&project, &["--period", "2017-02"])[0];
    assert_eq!(sums(now), Sums { posts: 25, impressions: 124_783 + 25_000, engagements: 2940 });
    let then = &rate(&project, &["--period", "2017-02", "--as-of", &known])[0];
    assert_eq!(sums(then), Sums { posts: 25, impressions: 124_783, engagements: 2940 });
}

fn rewrite(from: &Path, to: &Path) {
    let mut reader = csv::Reader::from_path(from).expect("a file");
    let mut writer = csv::Writer::from_path(to).expect("a file");
    let header = reader.headers().expect("a header").clone();
    let column = header.iter().position(|name| name == "impressions").expect("the column");
    writer.write_record(&header).expect("written");
    for row in reader.records() {
        let row = row.expect("a row");
        let cells = row.iter().enumerate().map(|(i, cell)| {
            if i == column {
                format!("{:.1}", cell.parse::<f64>().expect("a number") + 1000.0)
            } else {
                cell.to_owned()
            }
        });
        writer.write_record(cells).expect("written");
    }
    writer.flush().expect("written");
}

/// One post of the files: its quarter, engagements, impressions.
fn posts(files: &[PathBuf]) -> BTreeMap<String, Vec<(f64, f64)>> {
    let mut quarters: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for file in files {
        let mut reader = csv::Reader::from_path(file).expect("a file");
        for row in reader.deserialize() {
            let row: BTreeMap<String, String> = row.expect("a row");
            let number = |name: &str| row[name].parse::<f64>().expect("a number");
            let month: u32 = row["time"][5..7].parse().expect("a month");
            let quarter = format!("{}-Q{}", &row["time"][..4], (month - 1) / 3 + 1);
            quarters.entry(quarter).or_default().push((number("engagements"), number("impressions")));
        }
    }
    quarters
}

/// What a quarter comes to by hand: engagements, impressions, their ratio and its 95 % interval clustered by post.
fn by_hand(posts: &[(f64, f64)]) -> (f64, f64, f64, (f64, f64)) {
    let sum = |of: fn(&(f64, f64)) -> f64| posts.iter().map(of).sum::<f64>();
    let (engagements, impressions) = (sum(|post| post.0), sum(|post| post.1));
    let rate = engagements / impressions;
    let n = posts.len() as f64;
    let spread: f64 = posts.iter().map(|(y, x)| (y - rate * x).powi(2)).sum();
    let half = 1.959_963_984_540_054 * (n / (n - 1.0) * spread).sqrt() / impressions;
    (engagements, impressions, rate, (rate - half, rate + half))
}

fn days(quarter: &str) -> f64 {
    let (year, number) = quarter.split_once("-Q").expect("a quarter");
    let leap = year.parse::<u32>().expect("a year").is_multiple_of(4);
    match number {
        "1" => 90.0 + f64::from(u8::from(leap)),
        "2" => 91.0,
        _ => 92.0,
    }
}

/// Quarterly scorecards of three years; from the second on, every quarter aims at five percent more than the same one
/// of the year before.
#[test]
fn quarters_against_the_year_before() {
    let Some(files) = exports() else { return };
    let quarters = posts(&files);
    let all: Vec<String> =
        (2017..=2019).flat_map(|year| (1..=4).map(move |quarter| format!("{year}-Q{quarter}"))).collect();
    let year_before = |quarter: &str| {
        let (year, rest) = quarter.split_once('-').expect("a quarter");
        format!("{}-{rest}", year.parse::<u32>().expect("a year") - 1)
    };
    let mut text = String::new();
    for (id, formula) in [("q-rate", "platform_engagements / impressions"), ("q-sum", "platform_engagements")]
    {
        text += &format!(
            "[[kpi]]\nid = \"{id}\"\ngoal = \"engagement\"\nplatforms = [\"x\"]\nformula = \"{formula}\"\n\n"
        );
        for quarter in all.iter().filter(|quarter| !quarter.starts_with("2017")) {
            let baseline = year_before(quarter);
            text += &format!(
                "[[kpi.target]]\nperiod = \"{quarter}\"\nrelative = \"+5%\"\nbaseline = \"{baseline}\"\n\n"
            );
        }
    }
    let project = Project::new();
    project.write("kpis/quarters.toml", &text);
    import(&project, &files);
    let mut statuses = BTreeMap::new();
    for (place, quarter) in all.iter().enumerate() {
        let rows = project.evaluate(&["--kpi", "q-rate", "--kpi", "q-sum", "--period", quarter]);
        let (engagements, impressions, value, interval) = by_hand(&quarters[quarter]);
        let row = |kpi: &str| rows.iter().find(|row| row["kpi"] == kpi).expect("a row");
        let (rate, sum) = (row("q-rate"), row("q-sum"));
        let posts = i64::try_from(quarters[quarter].len()).expect("few posts");
        assert_eq!(
            sums(rate),
            Sums { posts, impressions: impressions as i64, engagements: engagements as i64 }
        );
        near(&rate["value"], value, 1e-12);
        near(&rate["interval"][0], interval.0, 1e-9);
        near(&rate["interval"][1], interval.1, 1e-9);
        near(&sum["value"], engagements, 0.0);
        assert_eq!((&rate["coverage"], &sum["coverage"]), (&Value::from(1.0), &Value::from(1.0)));
        if let Some(before) = place.checked_sub(1).map(|place| &all[place]) {
            let (earlier, _, rate_before, _) = by_hand(&quarters[before]);
            near(&rate["previous"], rate_before, 1e-12);
            near(&rate["change_rel"], value / rate_before - 1.0, 1e-9);
            // Quarters differ in length, so a sum is compared per day.
            let scale = days(quarter) / days(before);
            near(&sum["change_rel"], engagements / (earlier * scale) - 1.0, 1e-9);
        }
        if quarter.starts_with("2017") {
            assert_eq!(
                (&rate["status"], &sum["status"]),
                (&Value::from("no_target"), &Value::from("no_target"))
            );
            assert_eq!((&rate["target"], &rate["baseline"]), (&Value::Null, &Value::Null));
            continue;
        }
        let (sum_before, _, rate_before, _) = by_hand(&quarters[&year_before(quarter)]);
        for (row, value, baseline) in [(rate, value, rate_before), (sum, engagements, sum_before)] {
            let target = 1.05 * baseline;
            near(&row["baseline"], baseline, 1e-9);
            near(&row["target"]["value"], target, 1e-9 * target.max(1.0));
            near(&row["attainment"], value / target, 1e-9);
        }
        let told = |low: f64, high: f64, target: f64| {
            if low >= target {
                "met"
            } else if high < target {
                "missed"
            } else {
                "undecided"
            }
        };
        assert_eq!(rate["status"], told(interval.0, interval.1, 1.05 * rate_before), "{quarter} {rate}");
        assert_eq!(sum["status"], told(engagements, engagements, 1.05 * sum_before), "{quarter} {sum}");
        statuses.insert(quarter.clone(), rate["status"].as_str().expect("a status").to_owned());
        // The common wrong answer: by the value alone every quarter is met or missed.
        let bare = told(value, value, 1.05 * rate_before);
        assert!(rate["status"] == bare || rate["status"] == "undecided", "{quarter}");
    }
    assert!(
        statuses.values().any(|status| status == "undecided"),
        "the interval decides somewhere: {statuses:?}"
    );
}
