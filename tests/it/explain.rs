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

[[kpi]]
id = "e-account-likes"
goal = "engagement"
platforms = ["w"]
subject = "account"
formula = "likes"
basis = "activity"

[[kpi]]
id = "e-account-views"
goal = "brand-awareness"
platforms = ["w"]
subject = "account"
formula = "views"
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

fn import(project: &Project, account: &str, table: &str, map: &str) {
    project.write("more.csv", table);
    project.write("more.toml", map);
    project.run(["import", "more.csv", "--map", "more.toml", "--account", account]).expect(0);
}

/// Posts of a rival, of which there are public numbers alone, are counted by KPIs of public figures and by no other; so are
/// the rows behind them, and its page is none of those that brought an own number.
#[test]
fn posts_of_others_stand_behind_public_numbers_alone() {
    let project = project();
    let of_public = r#"
[[kpi]]
id = "e-rivals"
goal = "engagement"
platforms = ["x"]
formula = "count_posts()"
provenance = "public"
"#;
    project.write("kpis/explain.toml", &format!("{KPIS}{of_public}"));
    let before = explain(&project, "e-posts", "2026-03");
    let sources = explain(&project, "e-rate", "2026-03")["sources"].clone();
    import(
        &project,
        "x/rival",
        "id,born,likes,shown\n1,2026-03-02 08:00,10,900\n2,2026-03-05 08:00,20,900\n",
        "subject = \"post\"\nprovenance = \"public\"\n[post]\nid = \"id\"\npublished_at = \"born\"\n\
         [metrics]\nplatform_engagements = \"likes\"\nimpressions = \"shown\"\n",
    );
    let own = explain(&project, "e-posts", "2026-03");
    assert_eq!((value(&own), behind(&own)), (value(&before), behind(&before)));
    let rivals = explain(&project, "e-rivals", "2026-03");
    assert_eq!(value(&rivals), 2.0);
    let accounts: Vec<&Value> =
        rivals["behind"][0]["rows"].as_array().expect("rows").iter().map(|row| &row["account"]).collect();
    assert_eq!(accounts, ["x/rival", "x/rival"]);
    assert_eq!(explain(&project, "e-rate", "2026-03")["sources"], sources);
}

/// What is asked for part by part, and of some accounts, is explained by the rows of that part.
#[test]
fn parts_are_explained_by_their_own_rows() {
    let project = project();
    let explain = |arguments: &[&str]| {
        let words = [&["explain"], arguments, &["--rows", "--format", "json"]].concat();
        project.run(words).expect(0).json().as_array().expect("an array").clone()
    };
    let formats = explain(&["e-rate", "--period", "2026-03", "--by", "format"]);
    assert!(formats.len() > 1, "{formats:#?}");
    for one in &formats {
        let [readings] = &behind(one)[..] else { panic!("{one:#}") };
        let rate = sum(readings, "platform_engagements") / sum(readings, "impressions");
        assert!((rate - value(one)).abs() < 1e-12, "{one:#}");
        assert_eq!(one["row"]["posts"], readings.len());
    }
    let posts = explain(&["e-posts", "--period", "2026-03", "--by", "format,week"]);
    let with_posts = posts.iter().filter(|one| one["row"]["value"].as_f64().is_some_and(|value| value > 0.0));
    for one in with_posts.clone() {
        assert_eq!(behind(one)[0].len() as f64, value(one), "{one:#}");
    }
    assert!(with_posts.count() > 2);
    for one in explain(&["e-net", "--period", "2026-03-01..2026-03-02", "--by", "day,platform"]) {
        let flows = &behind(&one)[0];
        assert_eq!(sum(flows, "follows_gained") - sum(flows, "follows_lost"), value(&one));
    }
    // Another account of the platform has the same posts again.
    let file = project.path("readings.csv");
    let text = std::fs::read_to_string(file).expect("the readings");
    let map = std::fs::read_to_string(project.path("readings.toml")).expect("the map");
    import(&project, "y/other", &text, &map);
    for (arguments, expected, accounts) in [
        (&[][..], 78.0, 2),
        (&["--account", "y/demo"][..], 39.0, 1),
        (&["--account", "y/other"][..], 39.0, 1),
    ] {
        let one = explain(&[&["e-activity", "--period", "2026-03"], arguments].concat()).remove(0);
        assert_eq!((sum(&behind(&one)[0], "likes"), value(&one)), (expected, expected), "{one:#}");
        let sources = one["sources"].as_array().expect("sources");
        assert_eq!(sources.len(), accounts, "{sources:#?}");
    }
    let unknown = project.run(["explain", "e-activity", "--account", "y/nobody"]).expect(2);
    assert!(unknown.stderr.contains("y/demo"), "{}", unknown.stderr);
    let people = project.run(["explain", "e-rate", "--period", "2026-03", "--by", "format"]).expect(0).stdout;
    assert_eq!(people.matches("formula    ").count(), 1, "what a KPI is, is said once:\n{people}");
}

/// A post with two tags is behind both of their numbers, and once behind the whole.
#[test]
fn parts_by_tag_are_explained_by_their_own_posts() {
    let project = project();
    let config = project.path("kepi.toml");
    let text = std::fs::read_to_string(&config).expect("a configuration");
    let tag = |value: &str, condition: &str| {
        format!("\n[[tag]]\ndimension = \"theme\"\nvalue = \"{value}\"\nwhere = \"{condition}\"\n")
    };
    let tags = [
        tag("wheels", "contains(text, 'wheels')"),
        tag("bikes", "contains(text, 'two') or contains(text, 'new')"),
    ];
    project.write("kepi.toml", &format!("{text}{}", tags.concat()));
    let explained = |kpi: &str| {
        let words =
            ["explain", kpi, "--period", "2026-03", "--by", "tag:theme", "--rows", "--format", "json"];
        project.run(words).expect(0).json().as_array().expect("an array").clone()
    };
    let mut told = Vec::new();
    for one in explained("e-rate") {
        let [readings] = &behind(&one)[..] else { panic!("{one:#}") };
        let rate = sum(readings, "platform_engagements") / sum(readings, "impressions");
        assert!((rate - value(&one)).abs() < 1e-12, "{one:#}");
        assert!(!one["sources"].as_array().expect("sources").is_empty(), "{one:#}");
        told.push((
            one["row"]["scope"]["tag"].clone(),
            one["row"]["scope"].get("tag").is_some(),
            readings.len(),
        ));
    }
    let of = |tag: Value, named, posts| (tag, named, posts);
    let expected = [
        of(Value::Null, true, 1),
        of("bikes".into(), true, 2),
        of("wheels".into(), true, 1),
        of(Value::Null, false, 3),
    ];
    assert_eq!(told, expected);
    // A condition of the KPI's own narrows each part.
    let replies = explained("e-replies");
    let with_posts = replies.iter().filter(|one| one["row"]["value"].is_number());
    let rows: Vec<_> =
        with_posts.map(|one| (one["row"]["scope"]["tag"].clone(), behind(one)[0].len())).collect();
    assert_eq!(rows, [(Value::Null, 1), (Value::Null, 1)], "the reply has no tag: {replies:#?}");
    let plans = project.run(["explain", "e-rate", "--period", "2026-03", "--by", "tag:theme", "--plans"]);
    assert!(plans.expect(0).stdout.contains("post_lifetime"));
    let unknown = project.run(["explain", "e-rate", "--by", "tag:colour"]).expect(2);
    assert!(unknown.stderr.contains("theme"), "{}", unknown.stderr);
}

/// T13, T14 of accounts: where only readings are known, their differences are what happened; a day that was told counts
/// in their place.
#[test]
fn differences_of_account_readings_are_shown() {
    let project = project();
    let map =
        "subject = \"account\"\n[at]\ncolumn = \"when\"\n[metrics]\nlikes = \"likes\"\nviews = \"views\"\n";
    let readings = "when,likes,views\n2026-03-01 20:00,100,100\n2026-03-02 09:00,120,130\n2026-03-02 20:00,150,150\n\
                    2026-03-04 20:00,20,20\n2026-03-05 20:00,60,60\n";
    import(&project, "w/demo", readings, map);
    let likes = explain(&project, "e-account-likes", "2026-03");
    let [days, differences] = &behind(&likes)[..] else { panic!("{likes:#}") };
    assert!(days.is_empty(), "{days:#?}");
    assert_eq!((sum(differences, "likes"), value(&likes)), (-40.0, -40.0), "{likes:#}");
    let views = explain(&project, "e-account-views", "2026-03");
    let [_, differences] = &behind(&views)[..] else { panic!("{views:#}") };
    let told: Vec<String> = differences
        .iter()
        .map(|row| {
            let number = |column: &str| row[column].as_f64().expect("a number");
            let days = [&row["day"], &row["end_day"]].map(|day| day.as_str().unwrap_or_default().to_owned());
            format!(
                "{} {}: {} {} {}",
                days[0],
                days[1],
                number("views_before"),
                number("views_read"),
                number("views")
            )
        })
        .collect();
    let expected = [
        "2026-03-02 2026-03-03: 100 150 50",
        // It began again from zero.
        "2026-03-03 2026-03-05: 150 20 20",
        "2026-03-05 2026-03-06: 20 60 40",
    ];
    assert_eq!((told, value(&views)), (expected.map(str::to_owned).to_vec(), 110.0));
    assert!(differences.iter().all(|row| row["digest"].is_string()), "{differences:#?}");
    let day = "subject = \"account\"\n[day]\ncolumn = \"day\"\n[metrics]\nviews = \"views\"\n";
    import(&project, "w/demo", "day,views\n2026-03-05,7\n", day);
    let views = explain(&project, "e-account-views", "2026-03");
    let [days, differences] = &behind(&views)[..] else { panic!("{views:#}") };
    assert_eq!(
        (sum(days, "views"), sum(differences, "views"), value(&views)),
        (7.0, 70.0, 77.0),
        "{views:#}"
    );
    // A period gives way to a day of it, and takes no place from differences then; where no day is known it counts, once.
    let period =
        "subject = \"account\"\n[period]\nstart = \"from\"\nend = \"until\"\n[metrics]\nviews = \"views\"\n";
    let periods = "from,until,views\n2026-03-03,2026-03-05,5000\n2026-03-10,2026-03-12,31\n\
                   2026-03-11,2026-03-14,900\n2026-03-13,2026-03-15,400\n2026-03-14,2026-03-16,1000\n";
    import(&project, "w/demo", periods, period);
    let views = explain(&project, "e-account-views", "2026-03");
    let [told, differences] = &behind(&views)[..] else { panic!("{views:#}") };
    assert_eq!(
        (sum(told, "views"), sum(differences, "views"), value(&views)),
        (438.0, 70.0, 508.0),
        "{views:#}"
    );
}

#[test]
fn decisions_about_a_kpi_are_told() {
    let project = project();
    let decide = [
        "--period",
        "2026-03",
        "--what",
        "fewer links",
        "--why",
        "P6 fired",
        "--by",
        "anna",
        "--at",
        "2026-04-02",
    ];
    project.run([&["decide", "e-rate"][..], &decide].concat()).expect(0);
    project.run([&["decide", "e-posts"][..], &decide].concat()).expect(0);
    let text = project.run(["explain", "e-rate", "--period", "2026-04"]).expect(0).stdout;
    let said = "decided    2026-04-02 by anna about 2026-03-01..2026-03-31, which stood at 2.000 %: fewer links (P6 fired)";
    assert!(text.contains(said), "{text}");
    assert_eq!(text.matches("decided  ").count(), 1, "of this KPI alone:\n{text}");
    let told = &explain(&project, "e-rate", "2026-04")["decisions"];
    assert_eq!(told.as_array().map(Vec::len), Some(1), "{told:#}");
    assert_eq!((&told[0]["what"], &told[0]["why"]), (&"fewer links".into(), &"P6 fired".into()));
    assert_eq!((&told[0]["start"], &told[0]["by"]), (&"2026-03-01".into(), &"anna".into()));
    assert!((told[0]["value"].as_f64().expect("a number") - 0.02).abs() < 1e-12, "{told:#}");
    assert!(explain(&project, "e-net", "2026-03")["decisions"].as_array().is_some_and(Vec::is_empty));
}
