//! Traps that no other file holds, and the common wrong answers of some that others hold: where a formula or a switch
//! gives the wrong one on purpose, it is shown beside the right one, so that the rule is seen to make the difference.

use kepi_core::{Catalogue, period::Fiscal};
use kepi_engine::{Comparison, Dimension, Kpi, Number, ScoreRow, Source, Status, parse_kpis};
use serde_json::{Value, json};

use crate::{catalogue::shipped, kpi, kpis, near, one, request, score, world::World};

const OF_ACCOUNT: &str = "basis = \"activity\"\nsubject = \"account\"";

fn value(row: &ScoreRow) -> Option<f64> {
    row.value.map(Number::as_f64)
}

fn of_accounts(accounts: &[&str]) -> World {
    let mut world = World::default();
    for account in accounts {
        world.account(account);
    }
    world
}

/// The value of a formula over a period that is long over.
async fn asked(world: &World, formula: &str, more: &str, period: &str) -> Option<f64> {
    value(&one(world, &request(vec![kpi(formula, more)], period, "2026-12-01")).await)
}

/// Posts of January with their newest numbers.
fn posts(numbers: &[Value]) -> World {
    let mut world = of_accounts(&["x/a"]);
    for (number, values) in numbers.iter().enumerate() {
        world.post("x/a", &number.to_string(), "2026-01-05", json!({}));
        world.lifetime("x/a", &number.to_string(), "2026-02-01", values.clone());
    }
    world
}

/// T1, T2: `gross` is the switch: asked for by name it gives what is wrong as people, and says so.
#[tokio::test]
async fn t1_t2_a_sum_of_people_is_asked_for_by_name() {
    let mut world = of_accounts(&["x/a", "instagram/b"]);
    for day in ["2026-01-05", "2026-01-06", "2026-01-07"] {
        world.day("x/a", day, json!({"reach": 100}));
    }
    let period = "2026-01-05..2026-01-07";
    world.window("x/a", ("2026-01-05", "2026-01-08"), json!({"reach": 140}));
    let of_x = format!("{OF_ACCOUNT}\nplatforms = [\"x\"]");
    assert_eq!(asked(&world, "reach", &of_x, period).await, Some(140.0));
    let gross = one(&world, &request(vec![kpi("gross(reach)", &of_x)], period, "2026-12-01")).await;
    assert_eq!(value(&gross), Some(300.0));
    assert_eq!(gross.notes, ["gross(reach) counts a person as often as they were reached"]);

    let mut world = of_accounts(&["x/a", "instagram/b"]);
    world.window("x/a", ("2026-01-05", "2026-01-08"), json!({"reach": 800}));
    world.window("instagram/b", ("2026-01-05", "2026-01-08"), json!({"reach": 1000}));
    assert_eq!(asked(&world, "reach", OF_ACCOUNT, period).await, None);
    assert_eq!(asked(&world, "gross(reach)", OF_ACCOUNT, period).await, Some(1800.0));
}

/// T3: 3030 has no formula: a level is not multiplied by days, and its mean is another question.
#[tokio::test]
async fn t3_no_formula_adds_a_level_over_days() {
    let mut world = of_accounts(&["x/a"]);
    for (day, followers) in [("2026-01-05", 1000), ("2026-01-06", 1010), ("2026-01-07", 1020)] {
        world.day("x/a", day, json!({"followers_total": followers}));
    }
    let period = "2026-01-05..2026-01-07";
    assert_eq!(asked(&world, "followers_total", "basis = \"activity\"", period).await, Some(1020.0));
    for formula in ["sum(followers_total)", "gross(followers_total)", "followers_total * days()"] {
        let text = format!(
            "[[kpi]]\nid = \"k\"\ngoal = \"engagement\"\nbasis = \"activity\"\nformula = \"{formula}\"\n"
        );
        let source = Source { name: "k".to_owned(), text };
        assert!(parse_kpis(&[source], Catalogue::builtin()).is_err(), "{formula} passed");
    }
}

/// T5: the mean of ratios is another KPI, under another name: 5.05 %.
#[tokio::test]
async fn t5_the_mean_of_ratios_is_written_out() {
    let world = posts(&[json!({"likes": 10, "impressions": 100}), json!({"likes": 1, "impressions": 1000})]);
    near(asked(&world, "likes / impressions", "", "2026-01").await, 0.01, 1e-12);
    near(asked(&world, "mean_over_posts(likes / impressions)", "", "2026-01").await, 0.0505, 1e-12);
}

/// T7, T8: of 2.0 %, "+15 %" relative is 2.30 %; 17 % is what points would ask for, and they have to be written.
#[tokio::test]
async fn t8_relative_and_points_ask_for_different_things() {
    let mut world = of_accounts(&["web/a"]);
    world.day("web/a", "2026-04-15", json!({"conversions": 20, "sessions": 1000}));
    world.day("web/a", "2026-07-15", json!({"conversions": 24, "sessions": 1000}));
    for (change, expected, status) in
        [("relative = \"+15%\"", 0.023, Status::Met), ("points = \"+15pp\"", 0.17, Status::Missed)]
    {
        let more = format!(
            "{OF_ACCOUNT}\nplatforms = [\"web\"]\n[[kpi.target]]\nperiod = \"2026-07-15\"\n{change}\nbaseline = \"2026-04-15\""
        );
        let kpi = kpi("conversions / sessions", &more);
        let row = one(&world, &request(vec![kpi], "2026-07-15", "2026-12-01")).await;
        near(row.target.as_ref().and_then(|target| target.value), expected, 1e-12);
        assert_eq!(row.status, status, "{row:?}");
    }
}

/// T9: with the direction left out, the same numbers are 75 % and missed.
#[tokio::test]
async fn t9_the_direction_makes_the_difference() {
    let mut world = of_accounts(&["x/a"]);
    world.day("x/a", "2026-07-15", json!({"spend": "60", "ad_clicks": 100, "currency": "EUR"}));
    for (direction, attainment, status) in
        [("direction = \"down\"\n", 1.25, Status::Met), ("", 0.75, Status::Missed)]
    {
        let more = format!(
            "{OF_ACCOUNT}\n{direction}benchmark = \"none\"\n[[kpi.target]]\nperiod = \"2026-07-15\"\nabsolute = 0.80"
        );
        let row =
            one(&world, &request(vec![kpi("spend / ad_clicks", &more)], "2026-07-15", "2026-12-01")).await;
        near(row.attainment, attainment, 1e-12);
        assert_eq!(row.status, status, "{direction}");
    }
}

/// T22: a Sunday ends its week; the last days of December are of the first week of the next year. A week that began
/// on Sunday would hold other days.
#[tokio::test]
async fn t22_weeks_begin_on_monday() {
    let mut world = of_accounts(&["x/a"]);
    for (day, likes) in [("2025-05-25", 1), ("2025-05-26", 20), ("2025-06-01", 300), ("2025-06-02", 4000)] {
        let until = day.parse::<jiff::civil::Date>().unwrap().tomorrow().unwrap().to_string();
        world.daily("x/a", "1", (day, &until), json!({"likes": likes}));
    }
    world.daily("x/a", "1", ("2025-12-29", "2025-12-30"), json!({"likes": 7}));
    let activity = "basis = \"activity\"";
    assert_eq!(asked(&world, "likes", activity, "2025-W22").await, Some(320.0));
    let from_sunday = asked(&world, "likes", activity, "2025-05-25..2025-05-31").await;
    assert_eq!(from_sunday, Some(21.0), "a week from Sunday to Saturday");
    assert_eq!(asked(&world, "likes", activity, "2026-W01").await, Some(7.0));
    let mut weeks = request(vec![kpi("likes", activity)], "2025-05-26..2025-06-08", "2026-12-01");
    weeks.by = vec![Dimension::Week];
    let rows = score(&world, &weeks).await;
    assert_eq!(rows.iter().map(value).collect::<Vec<_>>(), [Some(320.0), Some(4000.0)]);
}

/// T25: 120 came, 80 went, the readings differ by 37: both are told, and the three that nobody explains.
#[tokio::test]
async fn t25_what_gains_and_losses_do_not_explain_is_told() {
    let mut world = of_accounts(&["x/a"]);
    world.day("x/a", "2026-01-04", json!({"followers_total": 1000}));
    world.day(
        "x/a",
        "2026-01-05",
        json!({"follows_gained": 100, "follows_lost": 50, "followers_total": 1049}),
    );
    world.day(
        "x/a",
        "2026-01-06",
        json!({"follows_gained": 20, "follows_lost": 30, "followers_total": 1037}),
    );
    let mut all = shipped();
    all.retain(|kpi| ["net-new-followers", "follower-residual"].contains(&kpi.id.as_str()));
    all.push(Kpi { id: "net".to_owned(), ..kpi("follows_gained - follows_lost", "basis = \"activity\"") });
    let rows = score(&world, &request(all, "2026-01-05..2026-01-06", "2026-12-01")).await;
    let told: Vec<(&str, Option<Number>)> = rows.iter().map(|row| (row.kpi.as_str(), row.value)).collect();
    let whole = |number| Some(Number::Whole(number));
    assert_eq!(
        told,
        [("net-new-followers", whole(37)), ("follower-residual", whole(-3)), ("net", whole(40))]
    );
    // The account's own follows, without saying so: where posts bring follows too, the row says whose they are.
    assert_eq!(
        rows[2].notes,
        [
            "follows_gained is the account's own; subject = \"post\" reads what posts brought",
            "follows_lost is the account's own; subject = \"post\" reads what posts brought"
        ]
    );
}

/// T26: the weeks around Chinese New Year are held beside those of the year before, not beside the same dates.
#[tokio::test]
async fn t26_holidays_move() {
    let mut world = of_accounts(&["wechat/a"]);
    for (new_year, likes) in [("2024-02-10", 100), ("2025-01-29", 200), ("2026-02-17", 260)] {
        let day: jiff::civil::Date = new_year.parse().unwrap();
        let until = day.tomorrow().unwrap().to_string();
        world.daily("wechat/a", "1", (new_year, &until), json!({"likes": likes}));
    }
    world.daily("wechat/a", "1", ("2025-02-15", "2025-02-16"), json!({"likes": 13}));
    world.daily("wechat/a", "1", ("2026-02-09", "2026-02-10"), json!({"likes": 50}));
    let activity = kpi("likes", "basis = \"activity\"");
    let mut around = request(vec![activity], "2026-02-10..2026-02-24", "2026-12-01");
    around.compare = "chinese-new-year".parse().unwrap();
    let row = one(&world, &around).await;
    assert_eq!((value(&row), row.previous), (Some(260.0), Some(Number::Whole(200))));
    near(row.change_rel, 0.3, 1e-12);
    let told = "compared with 2025-01-22..2025-02-05, which lay as far from chinese-new-year";
    assert!(row.notes.contains(&told.to_owned()), "{:?}", row.notes);
    // By the dates the same weeks grew twentyfold.
    around.compare = Comparison::YearBefore;
    let row = one(&world, &around).await;
    near(row.change_rel, 19.0, 1e-12);
    around.compare = Comparison::Previous;
    assert_eq!(one(&world, &around).await.previous, Some(Number::Whole(50)));
    // A year of which nobody has written down the day.
    around.compare = "mid-autumn".parse().unwrap();
    around.period = kepi_core::Period::parse("2009-09", around.today, Fiscal::default()).unwrap();
    let error = kepi_engine::evaluate(&world.session(), &around).await.unwrap_err();
    assert!(error.to_string().contains("mid-autumn"), "{error}");
    let error = "chinese-new-yaer".parse::<Comparison>().unwrap_err();
    assert!(error.hint_text().is_some_and(|hint| hint.contains("chinese-new-year")), "{error:?}");
}

/// T44: a share and a post of the same number are two posts.
#[tokio::test]
async fn t44_ids_are_whole() {
    let mut world = of_accounts(&["linkedin/a"]);
    for (post, impressions) in [("urn:li:share:7", 100), ("urn:li:ugcPost:7", 1000)] {
        world.post("linkedin/a", post, "2026-01-05", json!({}));
        world.lifetime("linkedin/a", post, "2026-02-01", json!({"impressions": impressions}));
    }
    assert_eq!(asked(&world, "count_posts()", "", "2026-01").await, Some(2.0));
    assert_eq!(asked(&world, "impressions", "", "2026-01").await, Some(1100.0));
    let merged = asked(&world, "impressions / count_posts()", "", "2026-01").await;
    assert_eq!(merged, Some(550.0), "one post would have had 1100, or lost 100");
}

/// T46: 4.5 of ten and 3.0 of ninety are 3.15 of a hundred; the mean of the two means is 3.75.
#[tokio::test]
async fn t46_ratings_are_pooled() {
    let mut world = of_accounts(&["web/a", "web/b"]);
    world.day("web/a", "2026-01-05", json!({"rating_sum": 45.0, "rating_count": 10}));
    world.day("web/b", "2026-01-05", json!({"rating_sum": 270.0, "rating_count": 90}));
    near(asked(&world, "rating_sum / rating_count", OF_ACCOUNT, "2026-01").await, 3.15, 1e-12);
    let mut apart = request(vec![kpi("rating_sum / rating_count", OF_ACCOUNT)], "2026-01", "2026-12-01");
    apart.by = vec![Dimension::Account];
    let rows = score(&world, &apart).await;
    let means: Vec<f64> = rows.iter().filter_map(value).collect();
    assert_eq!(means, [4.5, 3.0]);
    near(Some(means.iter().sum::<f64>() / 2.0), 3.75, 1e-12);
}

/// T48: WeChat's totals of an article stand as they were on each day: the newest is the total, their sum is nothing.
#[tokio::test]
async fn t48_totals_are_not_added() {
    let mut world = of_accounts(&["wechat/a"]);
    world.post("wechat/a", "1", "2026-01-05", json!({}));
    for (rank, day, reads) in
        [(2, "2026-01-06", 10_000), (1, "2026-01-07", 20_000), (0, "2026-01-08", 30_000)]
    {
        world.fact("wechat/a", "1", day, json!({"reads": reads}));
        world.lifetime("wechat/a", "1", day, json!({"rank": rank, "reads": reads}));
    }
    assert_eq!(asked(&world, "reads", "", "2026-01").await, Some(30_000.0));
    let at_the_time = kpi("at_age(reads, '2d')", "");
    let row = one(&world, &request(vec![at_the_time], "2026-01", "2026-12-01")).await;
    assert_eq!(value(&row), Some(20_000.0));
}

/// T49: an item that the platform answers no more keeps what it had; nothing falls, nothing is zero.
#[tokio::test]
async fn t49_an_item_that_is_no_longer_answered_keeps_its_last_value() {
    let mut world = of_accounts(&["douyin/a"]);
    world.post("douyin/a", "1", "2026-01-01", json!({}));
    world.lifetime("douyin/a", "1", "2026-01-30", json!({"video_plays": 5000}));
    world.daily("douyin/a", "1", ("2026-01-29", "2026-01-30"), json!({"video_plays": 40}));
    let row =
        one(&world, &request(vec![kpi("video_plays", "platforms = [\"douyin\"]")], "2026-01", "2026-03-15"))
            .await;
    assert_eq!((value(&row), row.coverage), (Some(5000.0), Some(1.0)));
    assert_eq!(
        row.fresh_at.map(|at| at.to_string()).as_deref(),
        Some("2026-01-30T00:00:00Z"),
        "frozen, and it says when"
    );
    let activity = kpi("video_plays", "platforms = [\"douyin\"]\nbasis = \"activity\"");
    let row = one(&world, &request(vec![activity], "2026-02", "2026-03-15")).await;
    assert_eq!((row.value, row.previous, row.change_rel), (None, Some(Number::Whole(40)), None));
    assert_eq!(row.status, Status::NoData);
}

/// T54: Instagram's days of an account are Pacific, those of posts the account's: over a month both are told with a
/// word about it, by the day a formula over both is refused.
#[tokio::test]
async fn t54_days_of_two_zones_are_not_joined() {
    #[derive(Debug)]
    struct Pacific;
    impl kepi_engine::Offered for Pacific {
        fn offers(
            &self,
            _: &kepi_core::Platform,
            _: &kepi_core::MetricId,
            _: kepi_core::SubjectKind,
            _: Option<kepi_core::WindowKind>,
            _: Option<kepi_core::Traffic>,
        ) -> Option<bool> {
            None
        }
        fn traffic_order(&self, _: &kepi_core::Platform) -> Vec<kepi_core::Traffic> {
            vec![kepi_core::Traffic::Organic]
        }
        fn day_zone(&self, _: &kepi_core::Platform) -> Option<String> {
            Some("America/Los_Angeles".to_owned())
        }
    }
    let zoned = |zone: &str| {
        let mut world = World::default();
        world.add(
            "accounts",
            json!({"platform": "instagram", "account": "instagram/a", "zone": zone, "configured": true}),
        );
        for day in ["2026-01-05", "2026-01-06"] {
            let until = day.parse::<jiff::civil::Date>().unwrap().tomorrow().unwrap().to_string();
            world.daily("instagram/a", "1", (day, &until), json!({"saves": 10}));
            world.day("instagram/a", day, json!({"profile_visits": 100, "posts_published": 1}));
        }
        world
    };
    let over_both = kpi("saves / posts_published", "basis = \"activity\"");
    for (zone, by_day) in
        [("Europe/Berlin", Status::NotComparable), ("America/Los_Angeles", Status::NoTarget)]
    {
        let world = zoned(zone);
        let mut asked = request(vec![over_both.clone()], "2026-01-05..2026-01-06", "2026-12-01");
        asked.offered = std::sync::Arc::new(Pacific);
        let row = one(&world, &asked).await;
        assert_eq!(value(&row), Some(10.0));
        let said = row.notes.iter().any(|note| note.contains("never by the day"));
        assert_eq!(said, zone == "Europe/Berlin", "{:?}", row.notes);
        asked.by = vec![Dimension::Day];
        let rows = score(&world, &asked).await;
        assert!(rows.iter().all(|row| row.status == by_day), "{rows:#?}");
    }
}

/// T55: LinkedIn's statistic of a post, read three times, is the latest one.
#[tokio::test]
async fn t55_the_latest_of_three_readings() {
    let mut world = of_accounts(&["linkedin/a"]);
    world.post("linkedin/a", "1", "2026-01-05", json!({}));
    for (rank, day) in [(2, "2026-01-06"), (1, "2026-01-07"), (0, "2026-01-08")] {
        world.fact("linkedin/a", "1", day, json!({"impressions": 500}));
        world.lifetime("linkedin/a", "1", day, json!({"rank": rank, "impressions": 500}));
    }
    for as_of in [None, Some("2026-02-01T00:00:00Z".parse().unwrap())] {
        let mut asked = request(vec![kpi("impressions", "")], "2026-01", "2026-12-01");
        asked.as_of = as_of;
        assert_eq!(value(&one(&world, &asked).await), Some(500.0), "and not 1500");
    }
}

/// Posts per week are of the days that are over: half a month does not halve them.
#[tokio::test]
async fn posts_per_week() {
    let mut world = of_accounts(&["x/a"]);
    for (post, published) in
        [("1", "2026-01-05"), ("2", "2026-01-06"), ("3", "2026-01-13"), ("4", "2026-01-14")]
    {
        world.post("x/a", post, published, json!({}));
    }
    let weekly = || kpi("count_posts() / days() * 7", "unit = \"count\"");
    let whole = one(&world, &request(vec![weekly()], "2026-01-01..2026-01-28", "2026-12-01")).await;
    assert_eq!((value(&whole), whole.unit.as_str()), (Some(1.0), "count"));
    let running = one(&world, &request(vec![weekly()], "2026-01-01..2026-01-28", "2026-01-15")).await;
    assert_eq!(value(&running), Some(2.0));
    // Beside accounts, and of what happened, the days stand once as well.
    world.day("x/a", "2026-01-05", json!({"profile_visits": 28, "followers_total": 10}));
    world.daily("x/a", "1", ("2026-01-05", "2026-01-06"), json!({"likes": 56}));
    let rows = score(
        &world,
        &request(
            kpis(
                "[[kpi]]\nid = \"a\"\ngoal = \"engagement\"\nformula = \"profile_visits / days()\"\nbasis = \"activity\"\nsubject = \"account\"\n\
                 [[kpi]]\nid = \"b\"\ngoal = \"engagement\"\nformula = \"likes / days()\"\nbasis = \"activity\"\n",
            ),
            "2026-01-01..2026-01-28",
            "2026-12-01",
        ),
    )
    .await;
    assert_eq!(rows.iter().map(value).collect::<Vec<_>>(), [Some(1.0), Some(2.0)]);
}
