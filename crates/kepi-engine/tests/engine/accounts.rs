//! Facts about accounts: levels, flows, people.

use kepi_engine::{Dimension, Number, Status};
use serde_json::json;

use crate::{kpi, near, one, request, score, world::World};

fn world() -> World {
    let mut world = World::default();
    world.account("x/a");
    world
}

fn whole(number: i128) -> Option<Number> {
    Some(Number::Whole(number))
}

const ACTIVITY: &str = "basis = \"activity\"";

/// T3: a level is the last known; its mean only on request; never its sum.
#[tokio::test]
async fn t3_levels_are_not_summed() {
    let mut world = world();
    for (day, followers) in [("2026-01-05", 1000), ("2026-01-06", 1010), ("2026-01-07", 1020)] {
        world.day("x/a", day, json!({"followers_total": followers}));
    }
    let asked = |formula: &str| request(vec![kpi(formula, ACTIVITY)], "2026-01-05..2026-01-07", "2026-03-01");
    let row = one(&world, &asked("followers_total")).await;
    assert_eq!((row.value, row.coverage, row.unit.as_str()), (whole(1020), Some(1.0), "users"));
    assert!(row.notes.is_empty(), "{:?}", row.notes);
    near(
        one(&world, &asked("mean_over_days(followers_total)")).await.value.map(Number::as_f64),
        1010.0,
        1e-9,
    );
}

/// T4: a member without a reading on the last day counts with its last known one, marked.
#[tokio::test]
async fn t4_stale_members_are_marked() {
    let mut world = world();
    world.account("x/b");
    world.day("x/a", "2026-01-06", json!({"followers_total": 1010}));
    world.day("x/b", "2026-01-07", json!({"followers_total": 500}));
    let mut asked = request(vec![kpi("followers_total", ACTIVITY)], "2026-01-05..2026-01-07", "2026-03-01");
    let row = one(&world, &asked).await;
    assert_eq!((row.value, row.coverage), (whole(1510), Some(1.0)));
    assert_eq!(
        row.notes,
        [
            "the last known state of x/a is 1 day old",
            "people who follow several accounts are counted in each"
        ]
    );
    asked.by = vec![Dimension::Account];
    let rows = score(&world, &asked).await;
    assert_eq!(rows.iter().map(|row| row.value).collect::<Vec<_>>(), [whole(1010), whole(500)]);
}

/// Numbers are expected of accounts that the configuration names and of those that gave any, not of every name that an
/// import which came to nothing has left.
#[tokio::test]
async fn an_account_that_nobody_named_and_that_gave_nothing_is_not_expected() {
    let mut world = world();
    for (account, more) in [
        ("x/failed", json!({})),
        ("x/imported", json!({"first_observed_at": "2026-01-02T00:00:00Z"})),
        ("x/silent", json!({"configured": true})),
    ] {
        let mut row = json!({"platform": "x", "account": account, "zone": "UTC"});
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.add("accounts", row);
    }
    world.day("x/a", "2026-01-05", json!({"follows_gained": 10}));
    world.day("x/imported", "2026-01-05", json!({"follows_gained": 5}));
    let kpi = kpi("follows_gained", "basis = \"activity\"\nsubject = \"account\"\nplatforms = [\"x\"]");
    let mut asked = request(vec![kpi], "2026-01-05", "2026-03-01");
    let row = one(&world, &asked).await;
    assert_eq!(row.value, whole(15));
    near(row.coverage, 2.0 / 3.0, 1e-12);
    asked.by = vec![Dimension::Account];
    let rows = score(&world, &asked).await;
    let accounts: Vec<_> = rows.iter().map(|row| row.scope["account"].clone().unwrap()).collect();
    assert_eq!(accounts, ["x/a", "x/imported", "x/silent"]);
}

/// An account of which public numbers alone are known is of others: own KPIs neither count its posts nor miss its numbers,
/// and public ones do not miss those of an own account whose page nobody looks at.
#[tokio::test]
async fn accounts_of_others_are_in_public_kpis_alone() {
    let mut world = world();
    world.account("x/page").account("x/rival");
    for (account, followers, provenance) in
        [("x/a", 1000, "api"), ("x/page", 300, "api"), ("x/page", 301, "public"), ("x/rival", 9000, "public")]
    {
        let numbers = json!({"followers_total": followers, "provenance": provenance});
        world.day(account, "2026-01-05", numbers.clone());
        world.post(account, provenance, "2026-01-05", json!({}));
        world.lifetime(account, provenance, "2026-01-20", json!({"likes": 10, "provenance": provenance}));
    }
    let both = |formula: &str, more: &str| {
        [more.to_owned(), format!("{more}\nprovenance = \"public\"")].map(|more| kpi(formula, &more))
    };
    for (kpis, by_account) in [
        (
            both("followers_total", ACTIVITY),
            [vec![("x/a", 1000), ("x/page", 300)], vec![("x/page", 301), ("x/rival", 9000)]],
        ),
        (both("count_posts()", ""), [vec![("x/a", 1), ("x/page", 2)], vec![("x/page", 2), ("x/rival", 1)]]),
    ] {
        for (kpi, expected) in kpis.into_iter().zip(by_account) {
            let mut asked = request(vec![kpi], "2026-01-05", "2026-03-01");
            let row = one(&world, &asked).await;
            let sum = expected.iter().map(|(_, value)| value).sum();
            assert_eq!((row.value, row.status), (whole(sum), Status::NoTarget), "{row:?}");
            assert!(row.coverage.is_none_or(|coverage| coverage > 0.999), "{row:?}");
            asked.by = vec![Dimension::Account];
            let rows = score(&world, &asked).await;
            let told: Vec<_> =
                rows.iter().map(|row| (row.scope["account"].as_deref().unwrap(), row.value)).collect();
            assert_eq!(told, expected.into_iter().map(|(id, value)| (id, whole(value))).collect::<Vec<_>>());
        }
    }
}

/// Growth takes accounts whose start is known; one that lacks it would bias the others.
#[tokio::test]
async fn growth_leaves_out_accounts_without_a_start() {
    let mut world = world();
    world.account("x/b");
    world.day("x/a", "2026-01-31", json!({"followers_total": 1000}));
    world.day("x/a", "2026-02-28", json!({"followers_total": 1050}));
    world.day("x/b", "2026-02-28", json!({"followers_total": 7000}));
    let formula = "(followers_total - at_start(followers_total)) / at_start(followers_total)";
    let row = one(&world, &request(vec![kpi(formula, ACTIVITY)], "2026-02", "2026-03-01")).await;
    near(row.value.map(Number::as_f64), 0.05, 1e-12);
    assert_eq!((row.numerator, row.denominator), (whole(50), whole(1000)));
    assert_eq!((row.coverage, row.status), (Some(0.5), Status::Partial));
    assert!(
        row.notes.contains(&"x/b is left out: it lacks a part of the formula".to_owned()),
        "{:?}",
        row.notes
    );
}

/// T1: people of three days are not added; the platform's own figure for exactly the period is taken.
#[tokio::test]
async fn t1_people_are_not_added_over_days() {
    let mut world = world();
    for day in ["2026-01-05", "2026-01-06", "2026-01-07"] {
        world.day("x/a", day, json!({"reach": 100}));
    }
    let asked = request(vec![kpi("reach", ACTIVITY)], "2026-01-05..2026-01-07", "2026-03-01");
    let row = one(&world, &asked).await;
    assert_eq!((row.value, row.status), (None, Status::NoData));
    assert_eq!(
        row.notes,
        ["the platform gave no reach for exactly 2026-01-05..2026-01-07; it lies in [100, 300]"]
    );
    world.window("x/a", ("2026-01-05", "2026-01-08"), json!({"reach": 140}));
    let row = one(&world, &asked).await;
    assert_eq!((row.value, row.coverage), (whole(140), Some(1.0)));

    // A single day is a window of its own.
    let row = one(&world, &request(vec![kpi("reach", ACTIVITY)], "2026-01-06", "2026-03-01")).await;
    assert_eq!(row.value, whole(100));
}

/// T2: people of two platforms are not added.
#[tokio::test]
async fn t2_people_are_not_added_over_platforms() {
    let mut world = world();
    world.account("instagram/b");
    world.window("x/a", ("2026-01-05", "2026-01-08"), json!({"reach": 800}));
    world.window("instagram/b", ("2026-01-05", "2026-01-08"), json!({"reach": 1000}));
    let mut asked = request(vec![kpi("reach", ACTIVITY)], "2026-01-05..2026-01-07", "2026-03-01");
    let row = one(&world, &asked).await;
    assert_eq!((row.value, row.status), (None, Status::NotComparable));
    assert_eq!(row.notes, ["reach of several subjects cannot be added; it lies in [1000, 1800]"]);
    asked.by = vec![Dimension::Platform];
    let rows = score(&world, &asked).await;
    assert_eq!(rows.iter().map(|row| row.value).collect::<Vec<_>>(), [whole(1000), whole(800)]);
}

/// Flows add up; two sources of one day are one day, the newest observation of each metric; a window of the
/// platform counts where no day is known.
#[tokio::test]
async fn flows_are_added_once() {
    let mut world = world();
    world.day("x/a", "2026-01-05", json!({"follows_gained": 10, "follows_lost": 1}));
    world.day(
        "x/a",
        "2026-01-05",
        json!({"provenance": "export", "observed_at": "2026-02-01", "follows_gained": 12}),
    );
    world.day("x/a", "2026-01-06", json!({"follows_gained": 20, "follows_lost": 2}));
    world.window("x/a", ("2026-01-06", "2026-01-09"), json!({"follows_gained": 900, "follows_lost": 90}));
    world.window("x/a", ("2026-01-07", "2026-01-09"), json!({"follows_gained": 300, "follows_lost": 3}));
    world.window("x/a", ("2026-01-10", "2026-01-13"), json!({"follows_gained": 4000, "follows_lost": 4}));
    let kpi = kpi("follows_gained - follows_lost", "basis = \"activity\"\nsubject = \"account\"");
    let row = one(&world, &request(vec![kpi], "2026-01-05..2026-01-10", "2026-03-01")).await;
    assert_eq!(row.value, whole(12 - 1 + 18 + 297));
    near(row.coverage, 4.0 / 6.0, 1e-12);
    assert!(
        row.notes.contains(&"1 difference crosses the edge of the period and is left out".to_owned()),
        "{:?}",
        row.notes
    );
}

/// What crosses the edge of a period tells nothing of it, and takes no other's place; so a number does not hang on what
/// else is asked for.
#[tokio::test]
async fn a_window_that_crosses_the_edge_takes_no_place() {
    let mut world = world();
    for (from, until, gained) in [
        ("2026-01-20", "2026-02-03", 1000),
        ("2026-02-02", "2026-02-09", 30),
        ("2026-02-08", "2026-02-15", 500),
    ] {
        world.window("x/a", (from, until), json!({"follows_gained": gained, "follows_lost": 0}));
    }
    let kpi = kpi("follows_gained - follows_lost", "basis = \"activity\"\nsubject = \"account\"");
    let row = one(&world, &request(vec![kpi.clone()], "2026-02", "2026-03-01")).await;
    assert_eq!(row.value, whole(30), "the first that lies within, and not the one that overlaps it");
    let days = one(&world, &request(vec![kpi], "2026-02-01..2026-02-10", "2026-03-01")).await;
    assert_eq!(days.value, whole(30));
    assert!(days.notes.iter().all(|note| !note.contains("crosses")), "{:?}", days.notes);
}

/// A mean is added with its weight: 30 s of 100 plays and 10 s of 900 plays are 12 s.
#[tokio::test]
async fn t27_means_are_weighted() {
    let mut world = world();
    world.day("x/a", "2026-01-05", json!({"avg_view_duration_s": 30.0, "video_plays": 100}));
    world.day("x/a", "2026-01-06", json!({"avg_view_duration_s": 10.0, "video_plays": 900}));
    let kpi = kpi("avg_view_duration_s", "basis = \"activity\"\nsubject = \"account\"\nplatforms = [\"x\"]");
    let row = one(&world, &request(vec![kpi], "2026-01-05..2026-01-06", "2026-03-01")).await;
    near(row.value.map(Number::as_f64), 12.0, 1e-9);
    assert_eq!(row.unit, "seconds");
}

/// T38: money of two currencies is not added, and money of one stays exact.
#[tokio::test]
async fn t38_currencies_do_not_mix() {
    let mut world = world();
    world.account("x/b");
    for (account, day) in
        [("x/a", "2026-01-05"), ("x/a", "2026-01-06"), ("x/b", "2026-01-05"), ("x/b", "2026-01-06")]
    {
        let currency = if account == "x/a" { "USD" } else { "CNY" };
        world.day(account, day, json!({"spend": "0.1", "ad_clicks": 1, "currency": currency}));
    }
    let kpi = kpi("spend", "basis = \"activity\"\nsubject = \"account\"");
    let mut asked = request(vec![kpi], "2026-01-05..2026-01-06", "2026-03-01");
    let row = one(&world, &asked).await;
    assert_eq!((row.value, row.status), (None, Status::NotComparable));
    assert_eq!(row.notes, ["money in CNY and USD is not added; break it down by account"]);
    asked.by = vec![Dimension::Account];
    let rows = score(&world, &asked).await;
    let told: Vec<_> = rows.iter().map(|row| format!("{} {}", row.value.unwrap(), row.unit)).collect();
    assert_eq!(told, ["0.20 USD", "0.20 CNY"]);
}

/// Project metrics and segments stand in side tables and obey the same rules.
#[tokio::test]
async fn side_tables() {
    let mut world = world();
    for (scene, people) in [("message", 1200), ("moments", 3800)] {
        world.add(
            "segment_facts",
            json!({"platform": "x", "account": "x/a", "subject_kind": "account", "window": "day",
            "day": "2026-01-05", "end_day": "2026-01-06", "observed_at": "2026-01-06T00:00:00Z",
            "metric": "messages_in", "segment_dimension": "scene", "segment_value": scene, "count": people}),
        );
    }
    let kpi = kpi("in_segment(messages_in, 'scene', 'message')", ACTIVITY);
    let row = one(&world, &request(vec![kpi], "2026-01-05", "2026-03-01")).await;
    assert_eq!(row.value, whole(1200));
}

/// A metric that the project declares obeys the same rules, and is read where it stands.
#[tokio::test]
async fn project_metrics() {
    let mut declared = kepi_core::Catalogue::builtin().get("responses").cloned().unwrap();
    declared.id = kepi_core::MetricId::new("coupons").unwrap();
    let catalogue = kepi_core::Catalogue::with_project([declared]).unwrap();
    let text = "[[kpi]]\nid = \"k\"\ngoal = \"revenue\"\nformula = \"coupons / sessions\"\nbasis = \"activity\"\nsubject = \"account\"";
    let source = kepi_engine::Source { name: "k".to_owned(), text: text.to_owned() };
    let kpis = kepi_engine::parse_kpis(&[source], &catalogue).unwrap();
    let mut world = world();
    for (day, coupons) in [("2026-01-05", 3), ("2026-01-06", 4)] {
        let next = if day == "2026-01-05" { "2026-01-06" } else { "2026-01-07" };
        world.add("other_facts", json!({"platform": "x", "account": "x/a", "subject_kind": "account", "window": "day",
            "day": day, "end_day": next, "observed_at": "2026-01-08T00:00:00Z", "metric": "coupons", "count": coupons}));
        world.day("x/a", day, json!({"sessions": 100}));
    }
    let row = one(&world, &request(kpis, "2026-01-05..2026-01-06", "2026-03-01")).await;
    assert_eq!((row.numerator, row.denominator), (whole(7), whole(200)));
    near(row.value.map(Number::as_f64), 0.035, 1e-12);
}

/// Running totals of an account: differences of readings, signed where people take back, mended where the
/// platform began again.
#[tokio::test]
async fn running_totals_are_subtracted() {
    let mut world = world();
    for (day, likes, visits) in
        [("01-04", 100, 100), ("01-05", 150, 150), ("01-06", 20, 20), ("01-07", 60, 60)]
    {
        let at = format!("2026-{day}T12:00:00Z");
        let next = format!("2026-01-{:02}", day[3..].parse::<u8>().unwrap() + 1);
        world.window(
            "x/a",
            (&format!("2026-{day}"), &next),
            json!({"window": "at", "at": at, "likes": likes, "profile_visits": visits}),
        );
    }
    for (formula, value) in [("likes", -40), ("profile_visits", 110)] {
        let kpi = kpi(formula, "basis = \"activity\"\nsubject = \"account\"");
        let row = one(&world, &request(vec![kpi], "2026-01-05..2026-01-07", "2026-03-01")).await;
        assert_eq!((row.value, row.coverage), (whole(value), Some(1.0)), "{formula}");
    }
}
