//! What happened in the period, on posts: traps 13 to 18 on rows as the store writes them.

use kepi_engine::{Dimension, Number, Status};
use serde_json::json;

use crate::{kpi, kpis, near, one, request, score, world::World};

fn world() -> World {
    let mut world = World::default();
    world.account("x/a");
    world
}

fn whole(number: i128) -> Option<Number> {
    Some(Number::Whole(number))
}

const LIKES: &str = "basis = \"activity\"";

/// T13: readings 100, 150, 150, 220 of an old post are increments 50, 0, 70.
#[tokio::test]
async fn t13_increments_add_up() {
    let mut world = world();
    for (day, next, likes) in
        [("2026-01-02", "2026-01-03", 50), ("2026-01-03", "2026-01-04", 0), ("2026-01-04", "2026-01-05", 70)]
    {
        world.daily("x/a", "1", (day, next), json!({"likes": likes}));
    }
    let row = one(&world, &request(vec![kpi("likes", LIKES)], "2026-01-02..2026-01-04", "2026-03-01")).await;
    assert_eq!((row.value, row.coverage, row.status), (whole(120), Some(1.0), Status::NoTarget));
    assert_eq!((row.posts, row.interval), (None, None));
}

/// T14: people take back likes, so an increment may be negative; a reset of views has been mended by the store.
#[tokio::test]
async fn t14_signed_increments() {
    let mut world = world();
    for (day, next, likes, views) in [
        ("2026-01-02", "2026-01-03", 50, 50),
        ("2026-01-03", "2026-01-04", -130, 20),
        ("2026-01-04", "2026-01-05", 40, 40),
    ] {
        world.daily("x/a", "1", (day, next), json!({"likes": likes, "views": views}));
    }
    let kpis = kpis(
        "[[kpi]]\nid = \"l\"\ngoal = \"engagement\"\nformula = \"likes\"\nbasis = \"activity\"\n\
         [[kpi]]\nid = \"v\"\ngoal = \"engagement\"\nformula = \"views\"\nbasis = \"activity\"\nplatforms = [\"x\"]",
    );
    let rows = score(&world, &request(kpis, "2026-01-02..2026-01-04", "2026-03-01")).await;
    assert_eq!(rows.iter().map(|row| row.value).collect::<Vec<_>>(), [whole(-40), whole(110)]);
}

/// T15: a first reading is a baseline: no row, no increment, no value.
#[tokio::test]
async fn t15_a_baseline_is_no_increment() {
    let row = one(&world(), &request(vec![kpi("likes", LIKES)], "2026-01", "2026-03-01")).await;
    assert_eq!((row.value, row.status, row.coverage), (None, Status::NoData, Some(0.0)));
}

/// T16: a difference over three days belongs to the three as one; a period that holds only a part of it leaves
/// it out and says so.
#[tokio::test]
async fn t16_a_difference_is_not_split() {
    let mut world = world();
    world.daily("x/a", "1", ("2026-01-02", "2026-01-05"), json!({"likes": 60}));
    world.daily("x/a", "1", ("2026-01-05", "2026-01-06"), json!({"likes": 5}));
    let mut whole_period = request(vec![kpi("likes", LIKES)], "2026-01-02..2026-01-05", "2026-03-01");
    let row = one(&world, &whole_period).await;
    assert_eq!((row.value, row.coverage), (whole(65), Some(1.0)));

    let row = one(&world, &request(vec![kpi("likes", LIKES)], "2026-01-04..2026-01-05", "2026-03-01")).await;
    assert_eq!((row.value, row.coverage, row.status), (whole(5), Some(0.5), Status::Partial));
    assert!(
        row.notes.contains(&"1 difference crosses the edge of the period and is left out".to_owned()),
        "{:?}",
        row.notes
    );

    whole_period.by = vec![Dimension::Day];
    let rows = score(&world, &whole_period).await;
    assert_eq!(rows.iter().map(|row| row.value).collect::<Vec<_>>(), [None, None, None, whole(5)]);
}

/// T17: two missing days are not zero: the sum is of what is known, and coverage says 5 of 7.
#[tokio::test]
async fn t17_missing_is_not_zero() {
    let mut world = world();
    for (day, likes) in [(5, 10), (7, 0), (8, 20), (10, 30), (11, 40)] {
        let (from, until) = (format!("2026-01-{day:02}"), format!("2026-01-{:02}", day + 1));
        world.daily("x/a", "1", (&from, &until), json!({"likes": likes, "method": "given"}));
    }
    let row = one(&world, &request(vec![kpi("likes", LIKES)], "2026-W02", "2026-03-01")).await;
    assert_eq!((row.value, row.status), (whole(100), Status::Partial));
    near(row.coverage, 5.0 / 7.0, 1e-12);
}

/// T18: what was recorded first is seen as of then, what was recorded last is seen now; never both.
#[tokio::test]
async fn t18_as_of() {
    let mut world = world();
    world.daily(
        "x/a",
        "1",
        ("2026-01-02", "2026-01-03"),
        json!({"likes": 100, "current": false,
        "recorded_at": "2026-01-03T06:00:00Z", "superseded_at": "2026-01-04T06:00:00Z"}),
    );
    world.daily(
        "x/a",
        "1",
        ("2026-01-02", "2026-01-03"),
        json!({"likes": 93, "recorded_at": "2026-01-04T06:00:00Z"}),
    );
    let mut asked = request(vec![kpi("likes", LIKES)], "2026-01-02", "2026-03-01");
    assert_eq!(one(&world, &asked).await.value, whole(93));
    for (as_of, value) in [
        ("2026-01-03T05:59:59Z", None),
        ("2026-01-03T06:00:00Z", whole(100)),
        ("2026-01-04T05:59:59Z", whole(100)),
        ("2026-01-04T06:00:00Z", whole(93)),
    ] {
        asked.as_of = Some(as_of.parse().unwrap());
        assert_eq!(one(&world, &asked).await.value, value, "{as_of}");
    }
}

/// T24: 2800 in February and 3100 in March are the same per day.
#[tokio::test]
async fn t24_months_compare_per_day() {
    let mut world = world();
    for (month, days) in [(2, 28), (3, 31)] {
        for day in 1..=days {
            let from: jiff::civil::Date = format!("2026-{month:02}-{day:02}").parse().unwrap();
            let until = from.tomorrow().unwrap();
            world.daily("x/a", "1", (&from.to_string(), &until.to_string()), json!({"likes": 100}));
        }
    }
    let row = one(&world, &request(vec![kpi("likes", LIKES)], "2026-03", "2026-05-01")).await;
    assert_eq!((row.value, row.previous), (whole(3100), whole(2800)));
    near(row.change_abs.map(Number::as_f64), 0.0, 1e-9);
    near(row.change_rel, 0.0, 1e-12);
    assert_eq!(row.notes, ["the change is per day: 31 days against 28; raw it is 300 (+10.7 %)"]);
}

/// Organic and paid are never summed: the first traffic in order that has the data, and the row says which.
#[tokio::test]
async fn traffic_is_one() {
    let mut world = world();
    world.daily("x/a", "1", ("2026-01-02", "2026-01-03"), json!({"likes": 1, "impressions": 10}));
    world.daily(
        "x/a",
        "1",
        ("2026-01-02", "2026-01-03"),
        json!({"traffic": "total", "likes": 3, "impressions": 30, "saves": 7}),
    );
    world.daily("x/a", "1", ("2026-01-02", "2026-01-03"), json!({"traffic": "paid", "likes": 2}));
    for (formula, more, value, traffic) in [
        ("likes", "", 1, "Organic"),
        ("likes + saves", "", 10, "Total"),
        ("likes", "traffic = \"paid\"", 2, "Paid"),
    ] {
        let kpi = kpi(formula, &format!("{LIKES}\n{more}"));
        let row = one(&world, &request(vec![kpi], "2026-01-02", "2026-03-01")).await;
        assert_eq!(
            (row.value, format!("{:?}", row.traffic.unwrap()).as_str()),
            (whole(value), traffic),
            "{formula}"
        );
    }
}

/// What a public page shows is another side: never mixed with own numbers.
#[tokio::test]
async fn public_numbers_stand_apart() {
    let mut world = world();
    world.daily("x/a", "1", ("2026-01-02", "2026-01-03"), json!({"likes": 500}));
    world.daily("x/a", "1", ("2026-01-02", "2026-01-03"), json!({"likes": 560, "provenance": "public"}));
    let both = kpis(
        "[[kpi]]\nid = \"own\"\ngoal = \"engagement\"\nformula = \"likes\"\nbasis = \"activity\"\n\
         [[kpi]]\nid = \"public\"\ngoal = \"engagement\"\nformula = \"likes\"\nbasis = \"activity\"\nprovenance = \"public\"",
    );
    for kpis in [both.clone(), both[..1].to_vec(), both[1..].to_vec()] {
        for row in score(&world, &request(kpis, "2026-01-02", "2026-03-01")).await {
            assert_eq!(row.value, whole(if row.kpi == "own" { 500 } else { 560 }));
        }
    }
}

/// A ratio of what happened takes the rows that hold both, and says that there were others.
#[tokio::test]
async fn rows_that_hold_a_part_are_left_out() {
    let mut world = world();
    world.daily("x/a", "1", ("2026-01-02", "2026-01-03"), json!({"likes": 5, "impressions": 100}));
    world.daily("x/a", "2", ("2026-01-02", "2026-01-03"), json!({"impressions": 900}));
    let row =
        one(&world, &request(vec![kpi("likes / impressions", LIKES)], "2026-01-02", "2026-03-01")).await;
    assert_eq!((row.numerator, row.denominator), (whole(5), whole(100)));
    assert_eq!(row.notes, ["rows that hold only some metrics of the formula are left out"]);
}

/// Broken down by what posts are, parts add up to the whole, and posts of which nothing is known are a part.
#[tokio::test]
async fn breakdown_by_posts_and_accounts() {
    let mut world = world();
    world.account("x/b").account("weibo/c");
    world.post("x/a", "1", "2026-01-01", json!({"category": "tips"}));
    world.post("x/b", "2", "2026-01-01", json!({"category": "news"}));
    world.post("weibo/c", "4", "2026-01-01", json!({"category": "news"}));
    for (account, post, likes) in
        [("x/a", "1", 1), ("x/b", "2", 20), ("x/b", "3", 300), ("weibo/c", "4", 4000)]
    {
        world.daily(account, post, ("2026-01-02", "2026-01-03"), json!({"likes": likes}));
    }
    let mut asked = request(vec![kpi("likes", LIKES)], "2026-01-02", "2026-03-01");
    let mut by = async |dimensions: &[Dimension]| {
        asked.by = dimensions.to_vec();
        let rows = score(&world, &asked).await;
        rows.iter()
            .map(|row| {
                let scope: Vec<String> =
                    row.scope.values().map(|value| value.clone().unwrap_or("-".into())).collect();
                format!("{} {}", scope.join(" "), row.value.unwrap())
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(by(&[]).await, [" 4321"]);
    assert_eq!(by(&[Dimension::Platform]).await, ["weibo 4000", "x 321"]);
    assert_eq!(by(&[Dimension::Category]).await, ["- 300", "news 4020", "tips 1"]);
    assert_eq!(
        by(&[Dimension::Platform, Dimension::Category]).await,
        ["news weibo 4000", "- x 300", "news x 20", "tips x 1"]
    );
}

/// T19: a day that may still change is shown and marked, and left out of the comparison.
#[tokio::test]
async fn t19_provisional_days_are_not_compared() {
    let mut world = world();
    for day in 1..=14 {
        let (from, until) = (format!("2026-01-{day:02}"), format!("2026-01-{:02}", day + 1));
        let provisional = day == 14;
        let likes = if provisional { 16 } else { 100 };
        world.daily("x/a", "1", (&from, &until), json!({"likes": likes, "provisional": provisional}));
    }
    let row = one(&world, &request(vec![kpi("likes", LIKES)], "last-7d", "2026-01-15")).await;
    assert_eq!((row.value, row.previous, row.coverage), (whole(616), whole(700), Some(1.0)));
    near(row.change_rel, 0.0, 1e-12);
    near(row.change_abs.map(Number::as_f64), 0.0, 1e-9);
    assert_eq!(
        row.notes,
        [
            "1 number is provisional and may still change",
            "the change leaves out what is provisional",
            "the change is per day: 6 days against 7; raw it is -100 (-14.3 %)"
        ]
    );
}

/// T23: the last seven days are the seven complete ones.
#[tokio::test]
async fn t23_last_seven_days() {
    let mut world = world();
    for day in 1..=15 {
        let (from, until) = (format!("2026-01-{day:02}"), format!("2026-01-{:02}", day + 1));
        world.daily("x/a", "1", (&from, &until), json!({"likes": 1}));
    }
    let row = one(&world, &request(vec![kpi("likes", LIKES)], "last-7d", "2026-01-15")).await;
    assert_eq!((row.value, row.coverage, row.change_rel), (whole(7), Some(1.0), Some(0.0)));
    assert_eq!(
        (row.period.start.to_string(), row.period.end.to_string()),
        ("2026-01-08".into(), "2026-01-15".into())
    );
}
