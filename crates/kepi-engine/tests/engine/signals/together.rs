//! Signals beside one another: odd days, charts, what fires once, and one world with all of them in which exactly these
//! fire.

use kepi_core::{Catalogue, period::add_days};
use kepi_engine::{Signal, SignalKind, SignalOutcome, process_charts};
use serde_json::json;

use super::{
    DECLINE, FOLLOWERS, MONEY, OF_POSTS, RATES, RATING, TODAY, VOICE, add_daily, check, day, days, declining,
    find, heard, looked, noise, rate, rate_kpi, spend, there, typed,
};
use crate::{kpis, request, world::World};

/// T16: 60 likes that came over three days are no odd day.
#[tokio::test]
async fn an_odd_day_fires_and_a_difference_over_days_is_none() {
    let text = "[[kpi]]\nid = \"likes\"\ngoal = \"engagement\"\nplatforms = [\"x\"]\nformula = \"likes\"\nbasis = \"activity\"\n";
    let world = |odd: i64, gap: bool| {
        let mut world = World::default();
        world.account("x/a");
        for (number, on) in days(TODAY, 70) {
            let likes = 100 + noise(number) + if number == 67 { odd } else { 0 };
            if gap && (66..=68).contains(&number) {
                if number == 66 {
                    let until = add_days(on, 3).to_string();
                    world.daily("x/a", "1", (&on.to_string(), &until), json!({"likes": 300 + odd}));
                }
                continue;
            }
            add_daily(&mut world, "x/a", on, json!({"likes": likes}));
        }
        world
    };
    let found = looked(&world(300, false), kpis(text), TODAY).await;
    check(&found, SignalKind::Anomaly, SignalOutcome::Fired);
    let odd = found.iter().find(|one| one.signal == SignalKind::Anomaly).unwrap();
    assert_eq!(odd.period.start, day("2026-10-02"));
    check(&looked(&world(0, false), kpis(text), TODAY).await, SignalKind::Anomaly, SignalOutcome::Quiet);
    check(&looked(&world(0, true), kpis(text), TODAY).await, SignalKind::Anomaly, SignalOutcome::Quiet);
}

#[tokio::test]
async fn a_chart_begins_anew_after_a_shift() {
    let mut world = World::default();
    world.account("x/a");
    rate(&mut world, "x/a", TODAY, 26 * 7, |number| if number < 13 * 7 { 300 } else { 360 });
    let asked = request(kpis(&rate_kpi("x")), "last-28d", TODAY);
    let rows = process_charts(&world.session(), &asked, Catalogue::builtin()).await.unwrap();
    assert_eq!((rows.len(), rows[0].stretch, rows[25].stretch), (26, 1, 2));
    assert!((rows[25].centre - 0.036).abs() < 2e-4 && rows[25].lower > rows[0].upper, "{rows:#?}");
    assert_eq!(rows.iter().filter(|row| row.stretch == 1).count(), 13);
}

/// What a run kept is what the next one remembers, and the same day said twice is said once.
#[tokio::test]
async fn a_signal_fires_once() {
    let mut world = declining(&DECLINE);
    let first = looked(&world, kpis(&rate_kpi("x")), "2026-10-05").await;
    check(&first, SignalKind::DecliningEngagement, SignalOutcome::Fired);
    let keep = |world: &mut World, found: &[Signal]| {
        for one in found.iter().filter(|one| one.outcome.is_kept()) {
            world.add(
                "signals",
                json!({"looked_at": "2026-10-05T12:00:00Z", "signal": one.signal.as_str(), "kpi": one.kpi, "version": one.version,
                "scope": serde_json::to_string(&one.scope).unwrap(), "start": one.period.start.to_string(),
                "end": one.period.end.to_string(), "through": one.through.to_string(),
                "outcome": one.outcome.as_str(), "row": "{}"}),
            );
        }
    };
    keep(&mut world, &first);
    let again = looked(&world, kpis(&rate_kpi("x")), "2026-10-05").await;
    assert_eq!(first, again, "the same day says the same");
    let next = looked(&world, kpis(&rate_kpi("x")), "2026-10-06").await;
    check(&next, SignalKind::DecliningEngagement, SignalOutcome::Continues);
    let one = next.iter().find(|one| one.signal == SignalKind::DecliningEngagement).unwrap();
    assert_eq!(one.since, Some(day("2026-10-04")));
    // As of an instant before it was said, nobody remembers.
    let mut before = request(kpis(&rate_kpi("x")), "last-28d", "2026-10-06");
    before.as_of = Some("2026-10-05T11:00:00Z".parse().unwrap());
    check(&find(&world, &before).await, SignalKind::DecliningEngagement, SignalOutcome::Fired);
}

/// Twelve weeks with one post each, in ranks: too few days for a level shift.
fn ranked(world: &mut World, account: &str, ranks: [i64; 12]) {
    world.account(account);
    for (week, rank) in ranks.into_iter().enumerate() {
        let on = add_days(day("2026-07-14"), 7 * i32::try_from(week).unwrap()).to_string();
        let name = format!("{account}-{week}");
        world.post(account, &name, &on, json!({"format": "text"}));
        world.lifetime(
            account,
            &name,
            "2026-10-11",
            json!({"likes": 222 + 12 * rank, "impressions": 10_000}),
        );
    }
}

/// A decline with p 0.034 is one by itself; among twelve tests of which eleven say nothing it may be chance.
#[tokio::test]
async fn many_tests_at_once_are_not_believed_one_by_one() {
    let rate = |platform: &str| rate_kpi(platform).replace("basis = \"activity\"\n", "");
    let mut world = World::default();
    ranked(&mut world, "x/a", [12, 11, 10, 9, 2, 7, 6, 1, 4, 3, 5, 8]);
    let found = looked(&world, kpis(&rate("x")), "2026-10-12").await;
    check(&found, SignalKind::DecliningEngagement, SignalOutcome::Fired);
    let of_decline = |one: &&Signal| one.signal == SignalKind::DecliningEngagement;
    let alone = found.iter().find(of_decline).unwrap();
    assert!(alone.p.is_some_and(|p| (0.03..0.04).contains(&p)) && alone.q == alone.p, "{alone:?}");
    let mut text = rate("x");
    for number in 0..11 {
        ranked(&mut world, &format!("platform{number}/a"), [6, 7, 5, 8, 4, 9, 3, 10, 2, 11, 1, 12]);
        text.push_str(&rate(&format!("platform{number}")));
    }
    let found = looked(&world, kpis(&text), "2026-10-12").await;
    let tested: Vec<&Signal> = found.iter().filter(of_decline).filter(|one| one.q.is_some()).collect();
    assert_eq!(tested.len(), 12);
    let among = tested.iter().find(|one| one.kpi == "x-rate").unwrap();
    assert_eq!((among.p, among.outcome), (alone.p, SignalOutcome::Quiet));
    assert!(among.q.is_some_and(|q| q > 0.1) && among.reason.contains("among the 12 tests"), "{among:?}");
}

/// One of each, and exactly these.
#[tokio::test]
async fn a_world_with_one_of_each_fires_exactly_these() {
    let today = "2026-10-12";
    let mut world = World::default();
    // P1 and P6 on x, P2 on weibo, P3 on linkedin, P4 on douyin, P5 on web, P7 of the listening tool, P8 on instagram.
    world.account("x/a");
    typed(&mut world, 40, 9);
    let aims = OF_POSTS.replace("post-rate", "aimed")
        + "review = \"monthly\"\n[[kpi.target]]\nperiod = \"2026\"\nabsolute = 0.03\n";
    world.account("weibo/a");
    rate(&mut world, "weibo/a", today, 56, |number| RATES[usize::try_from(number / 7).unwrap()]);
    spend(&mut world, "weibo/a", today, &MONEY);
    world.account("douyin/a");
    rate(&mut world, "douyin/a", today, 84, |number| DECLINE[usize::try_from(number / 7).unwrap()]);
    world.account("instagram/a");
    rate(&mut world, "instagram/a", "2026-10-04", 76, |_| 300);
    heard(&mut world, today, 30, 23);
    world.account("linkedin/a").account("web/a");
    for (number, on) in days(today, 17 * 7) {
        let week = i64::from(number / 7);
        let flat = [0, 3, -2, 1, 4, -1, 2, 0][usize::try_from(week % 8).unwrap()];
        let followers = 9000 + 120 * week.min(8) + if week > 8 { flat } else { 0 };
        world.day("linkedin/a", &on.to_string(), json!({"followers_total": followers}));
    }
    for (number, on) in days(today, 84) {
        let mean = if number < 56 { 45 } else { 40 };
        let sum = (i64::from(number % 10) + 1) * 6 * mean / 10 - i64::from(number % 10) * 6 * mean / 10;
        world.day("web/a", &on.to_string(), json!({"rating_count": 6, "rating_sum": sum}));
    }
    let text = [
        aims.as_str(),
        &rate_kpi("weibo"),
        &FOLLOWERS.replace("basis", "platforms = [\"linkedin\"]\nbasis"),
        &rate_kpi("douyin"),
        &RATING.replace("basis", "platforms = [\"web\"]\nbasis"),
        VOICE,
        &rate_kpi("instagram"),
    ];
    let found = looked(&world, kpis(&text.concat()), today).await;
    let expected = [
        "P1 aimed",
        "P2 weibo-rate",
        "P3 followers",
        "P4 douyin-rate",
        // What falls while spend rises falls.
        "P4 weibo-rate",
        "P5 rating",
        "P6 aimed",
        "P7 voice",
        "P8 instagram-rate",
    ];
    assert_eq!(there(&found), expected, "{found:#?}");
}
