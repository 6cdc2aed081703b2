//! Holding values against targets.

use kepi_engine::{Number, Status};
use serde_json::json;

use crate::{kpi, near, one, request, world::World};

/// So many likes in the quarter before, and so many in this one, day by day.
fn quarters(before: i64, now: i64) -> World {
    let mut world = World::default();
    world.account("x/a");
    for (start, days, likes) in [("2026-04-01", 91, before), ("2026-07-01", 46, now)] {
        let first: jiff::civil::Date = start.parse().unwrap();
        for day in 0..days {
            let from = kepi_core::period::add_days(first, day);
            let likes = if day == 0 { likes } else { 0 };
            let until = from.tomorrow().unwrap().to_string();
            world.daily(
                "x/a",
                "1",
                (&from.to_string(), &until),
                json!({"likes": likes, "impressions": likes * 100}),
            );
        }
    }
    world
}

const ACTIVITY: &str = "basis = \"activity\"";

fn target(more: &str) -> String {
    format!("{ACTIVITY}\n[[kpi.target]]\nperiod = \"2026-Q3\"\n{more}")
}

/// T10: 9000 in the quarter, 4000 after 46 of 92 days: 4500 expected, 8000 ahead.
#[tokio::test]
async fn t10_pace() {
    let kpi = kpi("likes", &target("absolute = 9000"));
    let row = one(&quarters(0, 4000), &request(vec![kpi], "2026-Q3", "2026-08-16")).await;
    let pace = row.pace.unwrap();
    assert_eq!((pace.expected, pace.forecast), (4500.0, Some(8000.0)));
    assert_eq!((row.status, row.value), (Status::AtRisk, Some(Number::Whole(4000))));
    near(row.attainment, 4.0 / 9.0, 1e-12);
}

#[tokio::test]
async fn a_sum_that_has_reached_its_target_has_met_it() {
    let kpi = kpi("likes", &target("relative = \"+50%\"\nbaseline = \"2026-Q2\""));
    let row = one(&quarters(1000, 1500), &request(vec![kpi.clone()], "2026-Q3", "2026-08-16")).await;
    assert_eq!((row.status, row.baseline), (Status::Met, Some(1000.0)));
    assert_eq!(row.target.unwrap().value, Some(1500.0));
    let row = one(&quarters(1000, 800), &request(vec![kpi], "2026-Q3", "2026-08-16")).await;
    assert_eq!(row.status, Status::OnTrack);
}

/// T9: where less is better, 0.60 of 0.80 is met, a quarter better.
#[tokio::test]
async fn t9_less_is_better() {
    let mut world = World::default();
    world.account("x/a");
    world.daily(
        "x/a",
        "1",
        ("2026-07-01", "2026-10-01"),
        json!({"spend": "60", "link_clicks": 100, "currency": "EUR"}),
    );
    let kpi = kpi("spend / link_clicks", &format!("direction = \"down\"\n{}", target("absolute = 0.80")));
    let row = one(&world, &request(vec![kpi], "2026-Q3", "2026-12-01")).await;
    assert_eq!((row.status, row.unit.as_str()), (Status::Met, "EUR"));
    near(row.attainment, 1.25, 1e-12);
}

/// T11: from 10 000 to 12 000, now 11 000: half of the way.
#[tokio::test]
async fn t11_states_are_measured_from_their_baseline() {
    let mut world = World::default();
    world.account("x/a");
    world.day("x/a", "2026-06-30", json!({"followers_total": 10_000}));
    world.day("x/a", "2026-09-30", json!({"followers_total": 11_000}));
    let kpi = kpi("followers_total", &target("absolute = 12000\nbaseline = \"2026-Q2\""));
    let row = one(&world, &request(vec![kpi], "2026-Q3", "2026-12-01")).await;
    assert_eq!((row.attainment, row.status), (Some(0.5), Status::Missed));
}

/// A ratio of posts is met or missed only when its whole interval says so.
#[tokio::test]
async fn undecided_when_the_interval_holds_the_target() {
    let mut world = World::default();
    world.account("x/a");
    for (post, likes) in [("1", 8), ("2", 10), ("3", 12)] {
        world.post("x/a", post, "2026-07-02", json!({}));
        world.lifetime("x/a", post, "2026-10-02", json!({"likes": likes, "impressions": 1000}));
    }
    for (aim, status) in [(0.005, Status::Met), (0.0101, Status::Undecided), (0.02, Status::Missed)] {
        let kpi =
            kpi("likes / impressions", &format!("[[kpi.target]]\nperiod = \"2026-Q3\"\nabsolute = {aim}"));
        let row = one(&world, &request(vec![kpi], "2026-Q3", "2026-12-01")).await;
        assert_eq!(row.status, status, "{aim} {:?}", row.interval);
    }
    let band = "direction = \"band\"\n[[kpi.target]]\nperiod = \"2026-Q3\"\nband = [0.001, 0.1]";
    let row = one(&world, &request(vec![kpi("likes / impressions", band)], "2026-Q3", "2026-12-01")).await;
    assert_eq!(row.status, Status::Met);
}

/// In a fiscal year that begins in April, the third quarter is October to December.
#[tokio::test]
async fn targets_follow_the_fiscal_calendar() {
    let kpi = kpi("likes", &target("absolute = 10"));
    let mut asked = request(vec![kpi], "2026-07-01..2026-09-30", "2026-12-01");
    assert!(one(&quarters(1, 1), &asked).await.target.is_some());
    asked.fiscal = kepi_core::period::Fiscal { first_month: 4 };
    assert!(one(&quarters(1, 1), &asked).await.target.is_none());
}
