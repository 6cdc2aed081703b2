//! Advice and experiments through the command: tables that are typed, the real exports, and refusals.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::Value;

use crate::{
    project::{Done, Project},
    real_x,
};

fn advise(project: &Project, arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["advise"], arguments, &["--format", "json"]].concat();
    project.run(arguments).expect(0).json().as_array().expect("an array").clone()
}

/// Adds blocks to the project's configuration.
fn configure(project: &Project, more: &str) {
    let file = project.path("kepi.toml");
    let text = std::fs::read_to_string(&file).expect("a configuration");
    project.write("kepi.toml", &format!("{text}\n{more}"));
}

fn import(project: &Project, account: &str, table: &str, map: &str) {
    project.write("table.csv", table);
    project.write("table.toml", map);
    project.run(["import", "table.csv", "--map", "table.toml", "--account", account]).expect(0);
}

const CAMPAIGNS: &str = "subject = \"campaign\"\nid = \"campaign\"\n[day]\ncolumn = \"date\"\n[metrics]\n";

/// T37, T38, T39 through the command, in a currency of reports: 100 dollars on X and 700 yuan on Weibo are 200 dollars.
#[test]
fn returns_by_campaign() {
    let project = Project::new();
    configure(
        &project,
        "[money]\ncurrency = \"USD\"\nmargin = 0.4\n[[money.rate]]\npair = \"USD/CNY\"\nrate = 7.00\ndate = \"2026-05-29\"\nsource = \"a bank\"\n",
    );
    let spend = format!(
        "currency = \"CODE\"\ntraffic = \"paid\"\n{CAMPAIGNS}spend = \"cost\"\nconversions = \"conversions\"\n"
    );
    import(
        &project,
        "x/us",
        "date,campaign,cost,conversions\n2026-06-05,spring,100,50\n",
        &spend.replace("CODE", "USD"),
    );
    import(
        &project,
        "weibo/cn",
        "date,campaign,cost,conversions\n2026-06-06,spring,700,\n",
        &spend.replace("CODE", "CNY"),
    );
    let shop = format!("currency = \"USD\"\n{CAMPAIGNS}revenue = \"sold\"\nconversions = \"conversions\"\n");
    import(&project, "crm/shop", "date,campaign,sold,conversions\n2026-06-07,spring,600,30\n", &shop);

    let rows = advise(&project, &["roi", "--period", "2026-06", "--by", "campaign"]);
    let of = |teller: &str| rows.iter().find(|row| row["attribution"] == teller).expect("a row");
    assert_eq!(rows.len(), 2, "{rows:#?}");
    let shop = of("crm");
    assert_eq!((&shop["spend"], &shop["roas"], &shop["roi"]), (&200.0.into(), &3.0.into(), &2.0.into()));
    assert!((shop["margin_roi"].as_f64().expect("a number") - 0.2).abs() < 1e-12);
    assert_eq!((&shop["conversions"], &of("x")["conversions"]), (&30.into(), &50.into()));
    assert_eq!(shop["rates"][0]["rate"], "7");
    assert_eq!(of("x")["spend"], 100.0, "a source that tells its own spend is held against that");

    let table = project.run(["advise", "roi", "--period", "2026-06", "--by", "campaign"]).expect(0);
    assert!(table.stdout.contains("200.0 %") && table.stdout.contains("20.0 %"), "{}", table.stdout);
    assert!(table.stderr.contains("1 USD = 7 CNY (2026-05-29, a bank)"), "{}", table.stderr);
    let csv = project
        .run(["advise", "roi", "--period", "2026-06", "--by", "campaign", "--format", "csv"])
        .expect(0);
    assert!(csv.stdout.starts_with("scope,attribution,currency,spend,"), "{}", csv.stdout);

    let next = project.run(["advise", "next-spend", "--period", "2026-06", "--by", "campaign"]).expect(0);
    assert!(next.stdout.contains("cannot_be_told") && next.stderr.contains("whole weeks"), "{}", next.stderr);
    let refused = project.run(["advise", "roi", "--by", "format"]).expect(2);
    assert!(refused.stderr.contains("not told apart by format"), "{}", refused.stderr);
}

/// Without anything to look at there is no answer, and it is said why.
#[test]
fn an_empty_project_says_that_nothing_is_known() {
    let project = Project::new();
    import(
        &project,
        "x/a",
        "date,followers\n2026-06-05,100\n",
        "subject = \"account\"\n[day]\ncolumn = \"date\"\n[metrics]\nfollowers_total = \"followers\"\n",
    );
    for words in [["times"], ["formats"], ["growth"]] {
        let done = project.run(["advise"].iter().chain(&words)).expect(0);
        assert!(done.stderr.contains("no post of the period"), "{words:?} {}", done.stderr);
        assert!(advise(&project, &words).is_empty());
    }
    let refused = project.run(["advise", "times", "--kpi", "x-impressions"]).expect(2);
    assert!(refused.stderr.contains("x-engagement-rate"), "{}", refused.stderr);
}

const EXPERIMENT: &str = "[[experiment]]\nid = \"video\"\nhypothesis = \"videos win\"\nkpi = \"x-engagement-rate\"\nstart = \"2099-06-01\"\nend = \"2099-06-28\"\ntreated = \"format = 'video'\"\n";

fn experiments(project: &Project, arguments: &[&str]) -> Done {
    project.run(["experiments"].iter().chain(arguments))
}

/// A declaration is registered once, by the first run that sees it; changed or late ones are refused.
#[test]
fn experiments_are_registered_once() {
    let project = Project::new();
    import(
        &project,
        "x/a",
        "date,followers\n2026-06-05,100\n",
        "subject = \"account\"\n[day]\ncolumn = \"date\"\n[metrics]\nfollowers_total = \"followers\"\n",
    );
    assert!(experiments(&project, &[]).expect(0).stderr.contains("no experiment is declared"));
    configure(&project, EXPERIMENT);
    let done = experiments(&project, &[]).expect(0);
    assert!(
        done.stderr.contains("registered: ") && done.stdout.contains("waiting"),
        "{}{}",
        done.stdout,
        done.stderr
    );
    let again = experiments(&project, &["video"]).expect(0);
    assert!(!again.stderr.contains("registered: "), "{}", again.stderr);
    let kept = "select count(*) as n from evaluations where status = 'experiment'";
    assert_eq!(project.query(kept)[0]["n"], 1);

    let text = std::fs::read_to_string(project.path("kepi.toml")).expect("a configuration");
    project.write("kepi.toml", &text.replace("2099-06-28", "2099-07-05"));
    let changed = experiments(&project, &["--format", "json"]).expect(0).json();
    assert_eq!(changed[0]["verdict"], "refused");
    assert!(changed[0]["reason"].as_str().is_some_and(|why| why.contains("changed since")), "{changed}");
    project.write("kepi.toml", &text.replace("2099-", "2020-").replace("\"video\"", "\"late\""));
    let late = experiments(&project, &["--format", "json"]).expect(0).json();
    assert!(late[0]["reason"].as_str().is_some_and(|why| why.contains("after it had begun")), "{late}");
    assert_eq!((&late[0]["effect"], &late[0]["verdict"]), (&Value::Null, &"refused".into()));
    // The evaluations themselves go on as before.
    assert!(!project.evaluate(&["--kpi", "x-engagement-rate"]).is_empty());
}

/// Faults of declarations are told with their place, by `check` as well.
#[test]
fn faults_of_declarations_have_their_place() {
    let project = Project::new();
    configure(&project, &EXPERIMENT.replace("x-engagement-rate", "x-engagment-rate"));
    for words in [vec!["check"], vec!["experiments"]] {
        let done = project.run(&words).expect(2);
        let told = ["there is no KPI x-engagment-rate", "x-engagement-rate", "kepi.toml:"];
        assert!(told.iter().all(|words| done.stderr.contains(words)), "{}", done.stderr);
    }
    let unknown = experiments(&Project::new(), &["video"]).expect(2);
    assert!(unknown.stderr.contains("there is no experiment video"), "{}", unknown.stderr);
}

/// What the real exports say of times and formats, against sums over the files themselves.
#[test]
fn the_real_exports() {
    let Some(files) = real_x::exports() else { return };
    let project = Project::new();
    real_x::import(&project, &files);
    let whole = ["--period", "2016-12-01..2019-12-31"];

    let times = advise(&project, &[&["times"], &whole[..]].concat()).remove(0);
    assert_eq!((&times["kpi"], &times["zones"][0]), (&"x-engagement-rate".into(), &"UTC".into()));
    let cells = times["cells"].as_array().expect("cells");
    let counted = independent(&files);
    for cell in cells {
        let key = (
            cell["weekday"].as_str().expect("a weekday").to_owned(),
            cell["hour"].as_u64().expect("an hour"),
        );
        assert_eq!(cell["posts"].as_u64(), counted.get(&key).copied(), "{key:?}");
        let enough = cell["posts"].as_u64() >= Some(5);
        assert_eq!(cell["verdict"] == "not_enough_data", !enough, "{cell}");
    }
    assert_eq!(cells.len(), counted.len());
    // SciPy's `kruskal` of the rates by hour, weekday and both, of groups of five posts and more.
    for (test, p) in [("hours_p", 0.002_838_635), ("weekdays_p", 0.047_637_021), ("cells_p", 0.014_351_111)] {
        let found = times[test].as_f64().expect("a number");
        assert!((found - p).abs() < 1e-8, "{test} {found}");
    }
    assert_eq!(counted.values().sum::<u64>(), 1129);

    // Each format by itself: the same posts, in the order of their names.
    let apart = advise(&project, &[&["times", "--by", "format"], &whole[..]].concat());
    let posts: Vec<(&str, u64)> = apart
        .iter()
        .map(|one| {
            (one["scope"]["format"].as_str().expect("a format"), one["posts"].as_u64().expect("posts"))
        })
        .collect();
    assert_eq!(posts, [("post", 854), ("reply", 275)]);

    let formats = advise(&project, &[&["formats"], &whole[..]].concat()).remove(0);
    let rows = project.evaluate(&[&["--kpi", "x-engagement-rate", "--by", "format"], &whole[..]].concat());
    let near = |a: &Value, b: f64, within: f64| (a.as_f64().expect("a number") - b).abs() < within;
    // Posts are engaged with more than replies; clustered by post, and Welch's interval by SciPy's t.
    let post = &formats["formats"][0];
    assert_eq!((&post["value"], &post["verdict"]), (&"post".into(), &"better".into()));
    assert!(near(&post["difference"], 0.006_858_853, 1e-8), "{post}");
    assert!(near(&post["difference_interval"][0], 0.005_188_989, 1e-8), "{post}");
    for format in formats["formats"].as_array().expect("formats") {
        let row =
            rows.iter().find(|row| row["scope"]["format"] == format["value"]).expect("the scorecard's row");
        assert_eq!(format["posts"], row["posts"]);
        let near = |a: &Value, b: &Value| (a.as_f64().expect("a") - b.as_f64().expect("b")).abs() < 1e-12;
        assert!(
            near(&format["rate"], &row["value"]) && near(&format["interval"][0], &row["interval"][0]),
            "{format}"
        );
    }
}

/// A tag that is as large as a format says of its posts what the format says.
#[test]
fn tags_are_held_against_the_posts_without_them() {
    let Some(files) = real_x::exports() else { return };
    let project = Project::new();
    configure(
        &project,
        "[[tag]]\ndimension = \"kind\"\nvalue = \"answers\"\nwhere = \"format = 'reply'\"\n\
         [[tag]]\ndimension = \"kind\"\nvalue = \"everything\"\nwhere = \"format <> 'none'\"\n",
    );
    real_x::import(&project, &files);
    let whole = ["--period", "2016-12-01..2019-12-31"];
    let tags = advise(&project, &[&["formats", "--by", "tag:kind"], &whole[..]].concat()).remove(0);
    let formats = advise(&project, &[&["formats"], &whole[..]].concat()).remove(0);
    assert_eq!((&tags["dimension"], &tags["posts"]), (&"tag:kind".into(), &formats["posts"]));
    let of = |advice: &Value, value: &str| {
        let rows = advice["formats"].as_array().expect("rows");
        rows.iter().find(|row| row["value"] == value).expect("a row").clone()
    };
    let (answers, replies) = (of(&tags, "answers"), of(&formats, "reply"));
    for key in ["posts", "rate", "others", "difference", "difference_interval", "verdict"] {
        assert_eq!(answers[key], replies[key], "{key}");
    }
    // What all posts have there is nothing to hold against.
    let everything = of(&tags, "everything");
    assert_eq!((&everything["others"], &everything["verdict"]), (&Value::Null, &"not_enough_data".into()));
    let unknown = project.run(["advise", "formats", "--by", "tag:king"]).expect(2);
    assert!(unknown.stderr.contains("kind"), "{}", unknown.stderr);
}

/// Posts with an impression by weekday and hour, as the files say them, in UTC.
fn independent(files: &[PathBuf]) -> BTreeMap<(String, u64), u64> {
    let mut counted = BTreeMap::new();
    for file in files {
        let mut reader = csv::Reader::from_path(file).expect("a file");
        for row in reader.deserialize() {
            let row: BTreeMap<String, String> = row.expect("a row");
            if row["impressions"].parse::<f64>().expect("a number") == 0.0 {
                continue;
            }
            let time = &row["time"];
            let day: jiff::civil::Date = time[..10].parse().expect("a day");
            let weekday = day.strftime("%A").to_string().to_lowercase();
            let hour = time[11..13].parse().expect("an hour");
            *counted.entry((weekday, hour)).or_default() += 1;
        }
    }
    counted
}
