//! Posts published in the period.

use kepi_engine::{Number, Status};
use serde_json::json;

use crate::{kpi, near, one, request, score, world::World};

fn world() -> World {
    let mut world = World::default();
    world.account("x/a");
    world
}

/// T5: a ratio of sums, not a mean of ratios.
#[tokio::test]
async fn t5_ratio_of_sums() {
    let mut world = world();
    for (post, engagements, impressions) in [("1", 10, 100), ("2", 1, 1000)] {
        world.post("x/a", post, "2026-01-05", json!({}));
        world.lifetime(
            "x/a",
            post,
            "2026-02-01",
            json!({"platform_engagements": engagements, "impressions": impressions}),
        );
    }
    let kpi = kpi("platform_engagements / impressions", "platforms = [\"x\"]");
    let row = one(&world, &request(vec![kpi], "2026-01", "2026-03-01")).await;
    near(row.value.map(Number::as_f64), 0.01, 1e-12);
    assert_eq!((row.numerator, row.denominator), (Some(Number::Whole(11)), Some(Number::Whole(1100))));
    assert_eq!((row.posts, row.coverage, row.status), (Some(2), Some(1.0), Status::NoTarget));
    assert_eq!(row.unit, "ratio");
}

/// T29: 0/0 and 5/0 are nothing, and the row says why.
#[tokio::test]
async fn t29_no_denominator_no_value() {
    let mut world = world();
    world.post("x/a", "1", "2026-01-05", json!({}));
    world.lifetime("x/a", "1", "2026-02-01", json!({"likes": 5, "impressions": 0}));
    let row = one(&world, &request(vec![kpi("likes / impressions", "")], "2026-01", "2026-03-01")).await;
    assert_eq!((row.value, row.status), (None, Status::NoData));
    assert_eq!(row.notes, ["the denominator is zero: 5 over 0 is nothing"]);
}

/// Absent is not zero: a post without impressions counts in neither sum.
#[tokio::test]
async fn a_ratio_takes_readings_that_hold_all_its_metrics() {
    let mut world = world();
    for post in ["1", "2", "3", "4"] {
        world.post("x/a", post, "2026-01-05", json!({}));
    }
    world.lifetime("x/a", "1", "2026-02-01", json!({"likes": 5, "impressions": 100}));
    world.lifetime("x/a", "2", "2026-02-01", json!({"likes": 50}));
    world.lifetime("x/a", "3", "2026-03-01", json!({"impressions": 900}));
    world.lifetime("x/a", "3", "2026-02-01", json!({"rank": 1, "likes": 7, "impressions": 200}));
    let row = one(&world, &request(vec![kpi("likes / impressions", "")], "2026-01", "2026-03-05")).await;
    assert_eq!((row.numerator, row.denominator), (Some(Number::Whole(12)), Some(Number::Whole(300))));
    assert_eq!((row.posts, row.coverage, row.status), (Some(2), Some(0.5), Status::Partial));
    assert_eq!(
        row.notes,
        [
            "1 post counts with an older reading, the newest that holds all metrics of the formula",
            "2 posts without a usable reading left out"
        ]
    );
    assert_eq!(row.fresh_at.map(|at| at.to_string()).as_deref(), Some("2026-02-01T00:00:00Z"));
}

#[tokio::test]
async fn the_json_has_every_field() {
    let rows = score(&world(), &request(vec![kpi("likes / impressions", "")], "2026-01", "2026-03-05")).await;
    insta::assert_json_snapshot!(rows);
}

/// T45b: the real X posts of the second quarter of 2019.
#[tokio::test]
async fn t45b_real_posts() {
    let mut world = world();
    for (number, line) in include_str!("data/x-2019.csv").lines().skip(1).enumerate() {
        let [published, engagements, impressions] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let number = number.to_string();
        world.post("x/a", &number, published, json!({}));
        let values = json!({
            "platform_engagements": engagements.parse::<i64>().unwrap(),
            "impressions": impressions.parse::<i64>().unwrap(),
        });
        world.lifetime("x/a", &number, "2019-07-01", values);
    }
    let kpi = kpi("platform_engagements / impressions", "platforms = [\"x\"]");
    let row = one(&world, &request(vec![kpi], "2019-Q2", "2026-01-01")).await;
    assert_eq!((row.numerator, row.denominator), (Some(Number::Whole(8537)), Some(Number::Whole(529_083))));
    near(row.value.map(Number::as_f64), 0.016_135, 1e-6);
    near(row.interval.map(|interval| interval.0), 0.013_05, 5e-6);
    near(row.interval.map(|interval| interval.1), 0.019_22, 5e-6);
    near(row.previous.map(Number::as_f64), 0.013_755, 1e-6);
    near(row.change_abs.map(Number::as_f64), 0.002_380, 1e-6);
    near(row.change_rel, 0.1730, 1e-4);
    assert_eq!((row.posts, row.coverage, row.status), (Some(73), Some(1.0), Status::NoTarget));
    assert_eq!(row.fresh_at.map(|at| at.to_string()).as_deref(), Some("2019-07-01T00:00:00Z"));
    assert!(row.notes.is_empty(), "{:?}", row.notes);
}

/// At equal age: the reading nearest seven days, within 15 %; too young and unread posts are counted.
#[tokio::test]
async fn equal_age() {
    let mut world = world();
    for (post, published) in
        [("1", "2026-01-05"), ("2", "2026-01-06"), ("3", "2026-01-07"), ("4", "2026-01-30")]
    {
        world.post("x/a", post, &format!("{published}T12:00:00Z"), json!({}));
    }
    for (post, at, likes) in [
        ("1", "2026-01-11T18:00:00Z", 10),
        ("1", "2026-01-12T10:00:00Z", 11),
        ("1", "2026-01-13T06:00:00Z", 12),
        ("1", "2026-02-02T00:00:00Z", 999),
        ("2", "2026-01-14T11:59:00Z", 200),
        ("3", "2026-01-15T18:00:00Z", 3000),
        ("4", "2026-02-02T00:00:00Z", 9),
    ] {
        world.fact("x/a", post, at, json!({"likes": likes}));
        world.lifetime("x/a", post, at, json!({"likes": likes}));
    }
    let aged = kpi("likes", "age = \"7d\"");
    let row = one(&world, &request(vec![aged], "2026-01", "2026-02-03")).await;
    assert_eq!((row.value, row.posts, row.coverage), (Some(Number::Whole(211)), Some(2), Some(0.5)));
    assert_eq!(row.notes, ["1 post too young and left out", "1 post without a usable reading left out"]);

    // Two ages in one formula: each post by its own two readings.
    let growth = kpi("at_age(likes, '28d') / at_age(likes, '7d')", "");
    let row = one(&world, &request(vec![growth], "2026-01", "2026-02-03")).await;
    assert_eq!((row.numerator, row.denominator), (Some(Number::Whole(999)), Some(Number::Whole(11))));
    assert_eq!(row.posts, Some(1));
}

/// As of an instant, only what had been recorded by then is seen: readings, and what was known of posts.
#[tokio::test]
async fn as_of_sees_what_was_recorded() {
    let mut world = world();
    world.post("x/a", "1", "2026-01-05", json!({"recorded_at": "2026-01-06T00:00:00Z"}));
    world.fact("x/a", "1", "2026-01-10", json!({"likes": 10, "recorded_at": "2026-01-10T00:00:00Z"}));
    world.fact(
        "x/a",
        "1",
        "2026-01-20",
        json!({"likes": 100, "recorded_at": "2026-01-20T00:00:00Z", "current": false,
        "superseded_at": "2026-02-01T00:00:00Z"}),
    );
    world.fact("x/a", "1", "2026-01-20", json!({"likes": 93, "recorded_at": "2026-02-01T00:00:00Z"}));
    world.lifetime("x/a", "1", "2026-01-20", json!({"likes": 93}));
    let mut asked = request(vec![kpi("likes", "")], "2026-01", "2026-03-01");
    assert_eq!(one(&world, &asked).await.value, Some(Number::Whole(93)));
    for (as_of, value) in
        [("2026-01-05", None), ("2026-01-15", Some(10)), ("2026-01-25", Some(100)), ("2026-02-05", Some(93))]
    {
        asked.as_of = Some(crate::world::instant(as_of));
        assert_eq!(one(&world, &asked).await.value, value.map(Number::Whole), "{as_of}");
    }
}

/// Mixed denominators of time: a KPI over accounts divides by their followers at the end of the period.
#[tokio::test]
async fn per_thousand_followers() {
    let mut world = world();
    world.post("x/a", "1", "2026-01-05", json!({"category": "tips"}));
    world.lifetime("x/a", "1", "2026-01-10", json!({"likes": 50}));
    world.day("x/a", "2026-01-30", json!({"traffic": "total", "followers_total": 10_000}));
    world.day("x/a", "2026-02-10", json!({"traffic": "total", "followers_total": 90_000}));
    let mut asked = request(vec![kpi("per_1k_followers(likes)", "")], "2026-01", "2026-03-01");
    for by in [vec![], vec![kepi_engine::Dimension::Category]] {
        asked.by = by;
        let row = one(&world, &asked).await;
        near(row.value.map(Number::as_f64), 5.0, 1e-12);
        assert_eq!(row.notes, ["the last known state of x/a is 1 day old"]);
    }
}

/// Posts without numbers are posts too, and count for cadence and coverage.
#[tokio::test]
async fn cadence() {
    let mut world = world();
    for (post, published) in [("1", "2026-01-05"), ("2", "2026-01-06"), ("3", "2026-02-07")] {
        world.post("x/a", post, published, json!({}));
    }
    let kpis = vec![kpi("count_posts()", ""), kpi("count_posts(likes > 0) / count_posts()", "")];
    let rows = score(&world, &request(kpis, "2026-01", "2026-03-01")).await;
    assert_eq!((rows[0].value, rows[0].posts, rows[0].coverage), (Some(Number::Whole(2)), Some(2), None));
    assert_eq!((rows[1].value, rows[1].status, rows[1].coverage), (None, Status::NoData, Some(0.0)));
}

/// One scan of each table of facts for a whole scorecard with breakdowns, baselines and periods before.
#[tokio::test]
async fn each_table_of_facts_is_scanned_once() {
    let mut kpis = Vec::new();
    for (number, (formula, more)) in [
        (
            "likes / impressions",
            "[[kpi.target]]\nperiod = \"2026-Q1\"\nrelative = \"+2%\"\nbaseline = \"2025-Q1\"",
        ),
        ("median_over_posts(likes)", ""),
        ("likes", "basis = \"activity\""),
        ("saves / impressions", "basis = \"activity\""),
        ("followers_total", "basis = \"activity\""),
        ("messages_in", "basis = \"activity\""),
        ("likes", "basis = \"published\"\nwhere = \"format = 'video'\""),
        ("likes", "basis = \"activity\"\nwhere = \"format = 'video'\""),
        ("count_posts()", "basis = \"activity\"\nwhere = \"language = 'zh'\""),
    ]
    .into_iter()
    .enumerate()
    {
        let mut kpi = kpi(formula, more);
        kpi.id = number.to_string();
        kpis.push(kpi);
    }
    let mut asked = request(kpis, "2026-Q1", "2026-06-01");
    asked.by = ["platform", "account", "month", "category"].map(|name| name.parse().unwrap()).to_vec();
    let session = world().session();
    let plan = kepi_engine::explain_plan(&session, &asked).await.unwrap();
    let scans = plan.matches("DataSourceExec").count();
    // post_lifetime with posts, post_daily with posts, account_facts.
    assert_eq!(scans, 5, "{plan}");
    assert_eq!(
        plan.matches("mode=FinalPartitioned").count() + plan.matches("mode=Single").count(),
        2,
        "{plan}"
    );
    // Of each post a reading is chosen once, for all KPIs together.
    assert_eq!(plan.matches("StreamingTableExec").count(), 1, "{plan}");
}

/// Where the formula has no value, the row says which metric is missing.
#[tokio::test]
async fn what_is_missing_is_named() {
    let mut world = world();
    world.post("x/a", "1", "2026-01-05", json!({}));
    world.lifetime("x/a", "1", "2026-02-01", json!({"likes": 5, "impressions": 100}));
    world.daily("x/a", "1", ("2026-01-06", "2026-01-07"), json!({"likes": 5}));
    world.day("x/a", "2026-01-06", json!({"follows_gained": 5}));
    for (formula, more, missing) in [
        ("(likes + quotes) / impressions", "", "no quotes is known for this period"),
        ("per_1k_followers(likes)", "", "no followers_total is known for this period"),
        ("likes / impressions", "basis = \"activity\"", "no impressions is known for this period"),
        (
            "follows_gained - follows_lost",
            "basis = \"activity\"\nsubject = \"account\"",
            "no follows_lost is known for this period",
        ),
        ("saves", "", "no numbers are known for this period"),
    ] {
        let row = one(&world, &request(vec![kpi(formula, more)], "2026-01", "2026-03-01")).await;
        assert_eq!((row.value, row.status), (None, Status::NoData), "{formula}");
        assert!(row.notes.contains(&missing.to_owned()), "{formula}: {:?}", row.notes);
    }
}

/// T40: what the platform counts no further is at least that much, and the row says so.
#[tokio::test]
async fn t40_capped() {
    let mut world = world();
    world.post("x/a", "1", "2026-01-05", json!({}));
    world.post("x/a", "2", "2026-01-05", json!({}));
    world.lifetime(
        "x/a",
        "1",
        "2026-02-01",
        json!({"reads": 100_001, "likes": 5, "flags": "likes=estimated;reads=v2,capped"}),
    );
    world.lifetime("x/a", "2", "2026-02-01", json!({"reads": 5, "likes": 6, "flags": "likes=capped"}));
    let capped = "1 post has a number that the platform counts no further: the value is at least this";
    let row = one(&world, &request(vec![kpi("reads", "")], "2026-01", "2026-03-01")).await;
    assert_eq!((row.value, row.notes), (Some(Number::Whole(100_006)), vec![capped.to_owned()]));
    let row = one(&world, &request(vec![kpi("likes", "")], "2026-01", "2026-03-01")).await;
    assert_eq!((row.value, row.notes), (Some(Number::Whole(11)), vec![capped.to_owned()]));
}

/// What a platform does not offer is said, unless a file brought it all the same.
#[tokio::test]
async fn not_offered() {
    #[derive(Debug)]
    struct Nothing;
    impl kepi_engine::Offered for Nothing {
        fn offers(
            &self,
            _: &kepi_core::Platform,
            _: &kepi_core::MetricId,
            _: kepi_core::SubjectKind,
            _: Option<kepi_core::WindowKind>,
            _: Option<kepi_core::Traffic>,
        ) -> Option<bool> {
            Some(false)
        }
        fn traffic_order(&self, _: &kepi_core::Platform) -> Vec<kepi_core::Traffic> {
            vec![kepi_core::Traffic::Total]
        }
        fn day_zone(&self, platform: &kepi_core::Platform) -> Option<String> {
            (platform.as_str() == "instagram").then(|| "America/Los_Angeles".to_owned())
        }
    }
    let mut world = world();
    world.account("instagram/b");
    let mut asked = request(vec![kpi("likes", "")], "2026-01", "2026-03-01");
    asked.offered = std::sync::Arc::new(Nothing);
    let row = one(&world, &asked).await;
    assert_eq!((row.value, row.status), (None, Status::NotOffered));
    assert_eq!(
        row.notes,
        ["days are local to each account: America/Los_Angeles, UTC", "instagram, x offers no likes by post"]
    );
    // The platform's order of traffic is the one that is tried first; a file's number is a number.
    world.post("x/a", "1", "2026-01-05", json!({}));
    world.lifetime("x/a", "1", "2026-02-01", json!({"likes": 5}));
    world.lifetime("x/a", "1", "2026-02-01", json!({"likes": 7, "traffic": "total"}));
    let row = one(&world, &asked).await;
    assert_eq!((row.value, row.traffic), (Some(Number::Whole(7)), Some(kepi_core::Traffic::Total)));
}
