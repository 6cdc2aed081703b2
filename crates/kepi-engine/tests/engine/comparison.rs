//! What a value may be compared with: earlier periods, published figures, and never across a definition break.

use kepi_engine::{Number, Status, suggest};
use serde_json::json;

use crate::{kpi, near, one, request, world::World};

const ACTIVITY: &str = "basis = \"activity\"";

/// So many views in each month from a first one, on the first day; every day of a month is known.
fn months(account: &str, first: (i16, i8), views: &[i64]) -> World {
    let mut world = World::default();
    world.account(account);
    let mut day = jiff::civil::Date::new(first.0, first.1, 1).unwrap();
    for views in views {
        let last = day.last_of_month();
        while day <= last {
            let until = day.tomorrow().unwrap();
            let views = if day.day() == 1 { *views } else { 0 };
            world.daily(account, "1", (&day.to_string(), &until.to_string()), json!({"views": views}));
            day = until;
        }
    }
    world
}

fn views(platform: &str, more: &str) -> kepi_engine::Kpi {
    let own = if more.contains("benchmark") { "" } else { "benchmark = \"own\"" };
    kpi("views", &format!("{ACTIVITY}\nplatforms = [\"{platform}\"]\n{own}\n{more}"))
}

/// T33: Instagram's views mean something else since 2025-04-21: the break is marked and no change is told. On
/// another platform, and on one side of the break, it is.
#[tokio::test]
async fn t33_nothing_is_compared_across_a_break() {
    for (account, period, today, told) in [
        ("instagram/a", "2025-05", "2025-08-01", false),
        ("instagram/a", "2025-06", "2025-08-01", true),
        ("instagram/a", "2025-03", "2025-08-01", true),
        ("x/a", "2025-05", "2025-08-01", true),
    ] {
        let platform = account.split('/').next().unwrap();
        let world = months(account, (2025, 1), &[1000, 1000, 1000, 1000, 1350, 1350, 1350]);
        let row = one(&world, &request(vec![views(platform, "")], period, today)).await;
        assert!(row.value.is_some() && row.previous.is_some(), "{account} {period}");
        assert_eq!(row.change_rel.is_some(), told, "{account} {period} {row:?}");
        let marked = row.notes.iter().any(|note| note.contains("since 2025-04-21"));
        assert_eq!(marked, !told, "{account} {period} {:?}", row.notes);
    }
}

/// A target that is measured from before a break cannot be held against what came after.
#[tokio::test]
async fn a_target_across_a_break_is_not_comparable() {
    let target = "[[kpi.target]]\nperiod = \"2025-05\"\nrelative = \"+10%\"\nbaseline = \"2025-03\"";
    let world = months("instagram/a", (2025, 1), &[1000, 1000, 1000, 1000, 1350, 1350, 1350]);
    let row = one(&world, &request(vec![views("instagram", target)], "2025-05", "2025-08-01")).await;
    assert_eq!((row.status, row.attainment), (Status::NotComparable, None));
    let world = months("x/a", (2025, 1), &[1000, 1000, 1000, 1000, 1350, 1350, 1350]);
    let row = one(&world, &request(vec![views("x", target)], "2025-05", "2025-08-01")).await;
    assert_eq!(row.status, Status::Met);
}

/// The account's own twelve months before: where the value stands among them, per day, as months differ.
#[tokio::test]
async fn own_earlier_periods_are_the_benchmark() {
    let daily = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 85];
    let days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31];
    let views: Vec<i64> = daily.iter().zip(days).map(|(views, days)| views * days).collect();
    let world = months("x/a", (2025, 1), &views);
    let row = one(&world, &request(vec![self::views("x", "")], "2026-01", "2026-03-01")).await;
    let benchmark = row.benchmark.unwrap();
    assert_eq!(benchmark.source, "own-trailing-12");
    near(benchmark.median, 65.0 * 31.0, 1e-9);
    // Eight of twelve are below.
    near(benchmark.percentile, 100.0 * 8.0 / 12.0, 1e-9);
    let few = one(&world, &request(vec![self::views("x", "")], "2025-04", "2026-03-01")).await;
    assert_eq!(few.benchmark, None, "three earlier months tell nothing");
    // Unless it says so, a KPI is held beside its past where it has a target.
    let plain = kpi("views", &format!("{ACTIVITY}\nplatforms = [\"x\"]"));
    assert_eq!(one(&world, &request(vec![plain], "2026-01", "2026-03-01")).await.benchmark, None);
    let target = "[[kpi.target]]\nperiod = \"2026-01\"\nabsolute = 1";
    let held = kpi("views", &format!("{ACTIVITY}\nplatforms = [\"x\"]\n{target}"));
    let row = one(&world, &request(vec![held], "2026-01", "2026-03-01")).await;
    near(row.benchmark.and_then(|benchmark| benchmark.median), 65.0 * 31.0, 1e-9);
    let off =
        one(&world, &request(vec![self::views("x", "benchmark = \"none\"")], "2026-01", "2026-03-01")).await;
    assert_eq!(off.benchmark, None);
}

/// Months before a break are no benchmark of a month after it.
#[tokio::test]
async fn earlier_periods_end_at_a_break() {
    let world = months("instagram/a", (2024, 6), &[1000; 16]);
    let row = one(&world, &request(vec![views("instagram", "")], "2025-08", "2025-12-01")).await;
    assert_eq!((row.benchmark, row.trailing.len()), (None, 3));
    let row = one(&world, &request(vec![views("instagram", "")], "2025-09", "2025-12-01")).await;
    assert_eq!((row.benchmark.unwrap().median.map(f64::round), row.trailing.len()), (Some(968.0), 4));
}

/// A sum that is running is held beside as many days of the months before, not beside whole ones.
#[tokio::test]
async fn a_running_sum_is_held_beside_as_many_days() {
    let mut world = World::default();
    world.account("x/a");
    let mut day: jiff::civil::Date = "2025-07-01".parse().unwrap();
    let today: jiff::civil::Date = "2026-01-11".parse().unwrap();
    while day < today {
        let until = day.tomorrow().unwrap();
        // The end of a month is busier than its beginning.
        let views = if day.day() <= 10 { 100 } else { 300 };
        world.daily("x/a", "1", (&day.to_string(), &until.to_string()), json!({"views": views}));
        day = until;
    }
    let row = one(&world, &request(vec![views("x", "")], "2026-01", "2026-01-11")).await;
    near(row.value.map(Number::as_f64), 1000.0, 0.0);
    let benchmark = row.benchmark.unwrap();
    assert_eq!((benchmark.median, benchmark.percentile), (Some(1000.0), Some(50.0)));
}

/// A published figure of the same thing, in the KPI's scale, with where it is from.
#[tokio::test]
async fn a_published_figure_of_the_same_thing() {
    let mut world = World::default();
    world.account("x/a");
    world.day("x/a", "2026-07-31", json!({"followers_total": 1000}));
    for (post, likes) in [("1", 1), ("2", 3)] {
        world.post("x/a", post, "2026-07-02", json!({}));
        world.lifetime("x/a", post, "2026-10-02", json!({"likes": likes, "comments": 0}));
    }
    let more = "platforms = [\"x\"]\nbenchmark = \"rival-iq-2025:all\"";
    let kpi = kpi("per_post(likes + comments) / followers_total", more);
    let row = one(&world, &request(vec![kpi], "2026-07", "2026-12-01")).await;
    near(row.value.map(Number::as_f64), 0.002, 1e-12);
    let benchmark = row.benchmark.unwrap();
    assert_eq!((benchmark.source.as_str(), benchmark.median), ("rival-iq-2025:all", Some(0.00015)));
    assert!(
        row.notes.iter().any(|note| note.contains("Rival IQ") && note.contains("grade B")),
        "{:?}",
        row.notes
    );
}

/// What to aim for is what the past has reached: half, a quarter, a tenth of the months.
#[tokio::test]
async fn suggestions_are_drawn_from_the_past() {
    let world =
        months("x/a", (2025, 1), &[31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].map(|days| days * 100));
    let future = request(vec![views("x", ""), views("x", "direction = \"down\"")], "2026-02", "2026-01-02");
    let told = suggest(&world.session(), &future).await.unwrap();
    near(told[0].median, 2800.0, 1e-9);
    near(told[0].usual_change, 0.0, 1e-9);
    let rising: Vec<i64> = (0..12)
        .map(|month| [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month] * (month as i64 + 1))
        .collect();
    let world = months("x/a", (2025, 1), &rising);
    let both =
        vec![views("x", ""), kepi_engine::Kpi { id: "less".into(), ..views("x", "direction = \"down\"") }];
    let told = suggest(&world.session(), &request(both, "2026-01", "2026-02-02")).await.unwrap();
    near(told[0].p75, 9.25 * 31.0, 1e-9);
    near(told[1].p75, 3.75 * 31.0, 1e-9);
    near(told[0].last, 12.0 * 31.0, 1e-9);
    // A KPI whose past is short says so and suggests nothing.
    let few =
        suggest(&world.session(), &request(vec![views("x", "")], "2025-03", "2026-02-02")).await.unwrap();
    assert_eq!((few[0].median, few[0].periods), (None, 2));
    assert!(few[0].notes[0].contains("needs 4"), "{:?}", few[0].notes);
}
