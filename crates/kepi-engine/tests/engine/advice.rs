//! When to post, in which format, and engagement beside following: in worlds whose truth is known, and in worlds in
//! which nothing can be told.

use jiff::civil::Date;
use kepi_core::period::add_days;
use kepi_engine::{
    Answer, Assessment, Break, Dimension, EvaluationRequest, Move, TagRule, TimeCell, TimesAdvice, Verdict,
    best_formats, best_formats_by_tag, best_times, growth, read_tags,
};
use serde_json::json;

use crate::{
    kpi, near, request,
    world::{Chance, World},
};

const TODAY: &str = "2026-07-01";
const PERIOD: &str = "2026-01-05..2026-06-28";

fn rate() -> kepi_engine::Kpi {
    kpi("platform_engagements / impressions", "platforms = [\"x\"]")
}

fn day(number: i32) -> Date {
    add_days("2026-01-05".parse().unwrap(), number)
}

/// A post of a thousand impressions.
fn post(world: &mut World, account: &str, (id, at): (&str, &str), engagements: i64, more: serde_json::Value) {
    world.post(account, id, at, more);
    world.lifetime(
        account,
        id,
        "2026-06-30",
        json!({"platform_engagements": engagements, "impressions": 1000}),
    );
}

fn engagements(chance: &mut Chance, mean: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a small number")]
    let whole = (mean + 4.0 * chance.normal()).round().max(0.0) as i64;
    whole
}

/// Three posts a day for so many days, at 01:00, 05:00 and 11:00 UTC; the last is worth so much more.
fn three_a_day(world: &mut World, account: &str, days: i32, (usual, evening): (f64, f64), seed: u64) {
    let mut chance = Chance::new(seed);
    for number in 0..days {
        for (hour, mean) in [("01", usual), ("05", usual), ("11", usual + evening)] {
            let at = format!("{}T{hour}:10:00Z", day(number));
            let made = engagements(&mut chance, mean);
            post(world, account, (&format!("{number}-{hour}"), &at), made, json!({}));
        }
    }
}

async fn times(world: &World, request: &EvaluationRequest) -> Vec<TimesAdvice> {
    best_times(&world.session(), request).await.unwrap()
}

/// The truth: 19:00 in Shanghai, which is 11:00 UTC. It is found, in the account's zone, and nothing else is called
/// better; the morning, of which more was posted, is not.
#[tokio::test]
async fn the_better_hour_is_found_in_the_accounts_zone() {
    let mut world = World::default();
    world.add(
        "accounts",
        json!({"platform": "x", "account": "x/a", "zone": "Asia/Shanghai", "configured": true}),
    );
    three_a_day(&mut world, "x/a", 60, (20.0, 8.0), 1);
    let advice = times(&world, &request(vec![rate()], PERIOD, TODAY)).await.remove(0);
    assert_eq!((advice.answer, advice.posts), (Answer::Told, 180), "{}", advice.reason);
    assert_eq!(advice.zones, ["Asia/Shanghai"]);
    assert!(advice.hours_p.unwrap() < 1e-6 && advice.weekdays_p.unwrap() > 0.05, "{advice:?}");
    let evening = |cell: &&TimeCell| cell.hour == Some(19);
    let better: Vec<_> = advice.cells.iter().filter(evening).collect();
    assert_eq!(better.len(), 7, "{better:#?}");
    assert!(
        better.iter().all(|cell| cell.verdict == Verdict::Better && cell.rate.unwrap() > 0.024),
        "{better:#?}"
    );
    for cells in [&advice.hours, &advice.cells] {
        assert!(cells.iter().all(|cell| evening(&cell) == (cell.verdict == Verdict::Better)), "{cells:#?}");
    }
    assert_eq!(advice.hours.iter().map(|cell| cell.posts).collect::<Vec<_>>(), [60, 60, 60]);
    assert!(advice.weekdays.iter().all(|cell| cell.verdict == Verdict::Undecided), "{:#?}", advice.weekdays);
}

/// Chance alone: whatever the seed, no time is recommended. Raw medians would always name a best hour.
#[tokio::test]
async fn where_times_are_alike_none_is_told() {
    for seed in 1..=8 {
        let mut world = World::default();
        world.account("x/a");
        three_a_day(&mut world, "x/a", 60, (20.0, 0.0), seed);
        let advice = times(&world, &request(vec![rate()], PERIOD, TODAY)).await.remove(0);
        assert_eq!(advice.answer, Answer::Undecided, "{seed}: {}", advice.reason);
        let told = advice.cells.iter().filter(|cell| cell.verdict != Verdict::Undecided).count();
        assert_eq!(told, 0);
        let rates: Vec<f64> = advice.cells.iter().filter_map(|cell| cell.rate).collect();
        let spread = |pick: fn(f64, f64) -> f64| rates.iter().copied().reduce(pick).unwrap();
        assert!(spread(f64::max) > spread(f64::min) * 1.1, "medians differ all the same");
    }
}

/// An account with high rates posts in the evening, one with low rates in the morning: pooled as they are, the evening
/// would win. Each held against its own usual, nothing does.
#[tokio::test]
async fn each_account_is_held_against_its_own_usual() {
    let mut world = World::default();
    world.account("x/high").account("x/low");
    let mut chance = Chance::new(3);
    for number in 0..60 {
        for (account, hour, mean) in [("x/high", "18", 60.0), ("x/low", "08", 10.0)] {
            let at = format!("{}T{hour}:00:00Z", day(number));
            let made = engagements(&mut chance, mean);
            post(&mut world, account, (&format!("{account}{number}"), &at), made, json!({}));
        }
    }
    let mut asked = request(vec![rate()], PERIOD, TODAY);
    let advice = times(&world, &asked).await.remove(0);
    assert_eq!((advice.answer, advice.posts), (Answer::Undecided, 120), "{}", advice.reason);
    let median = |hour: u8| {
        advice.cells.iter().find(|cell| cell.hour == Some(hour)).and_then(|cell| cell.rate).unwrap()
    };
    assert!(median(18) > 4.0 * median(8));
    asked.by = vec![Dimension::Account];
    assert_eq!(times(&world, &asked).await.len(), 2);
}

/// 59 posts are too few for a table of times, and four are too few for a cell.
#[tokio::test]
async fn too_few_posts_say_so() {
    let mut world = World::default();
    world.account("x/a");
    let mut chance = Chance::new(5);
    let mut add = |world: &mut World, number: i32, hour: &str| {
        let at = format!("{}T{hour}:00:00Z", day(7 * number));
        let made = engagements(&mut chance, 20.0);
        post(world, "x/a", (&format!("{number}-{hour}"), &at), made, json!({}));
    };
    for number in 0..18 {
        ["08", "12", "18"].iter().for_each(|hour| add(&mut world, number, hour));
    }
    (0..5).for_each(|number| add(&mut world, number, "20"));
    let advice = times(&world, &request(vec![rate()], PERIOD, TODAY)).await.remove(0);
    assert_eq!((advice.posts, advice.answer), (59, Answer::NotEnoughData), "{}", advice.reason);
    assert!(advice.cells.iter().all(|cell| cell.verdict == Verdict::NotEnoughData && cell.score.is_none()));
    (0..4).for_each(|number| add(&mut world, number, "22"));
    let advice = times(&world, &request(vec![rate()], PERIOD, TODAY)).await.remove(0);
    assert_eq!((advice.posts, advice.answer), (63, Answer::Undecided));
    let cell = |hour: u8| advice.cells.iter().find(|cell| cell.hour == Some(hour)).unwrap();
    assert_eq!((cell(22).posts, cell(22).verdict, cell(22).score), (4, Verdict::NotEnoughData, None));
    assert_eq!((cell(20).posts, cell(20).verdict), (5, Verdict::Undecided));
}

/// Before a change of definition posts are counted otherwise: they are left out, and it is said.
#[tokio::test]
async fn a_definition_break_cuts_the_past_off() {
    let mut world = World::default();
    world.account("x/a");
    three_a_day(&mut world, "x/a", 60, (20.0, 8.0), 1);
    let mut asked = request(vec![rate()], PERIOD, TODAY);
    asked.breaks = vec![Break {
        platform: "x".into(),
        metric: "impressions".into(),
        date: day(50),
        change: "counted otherwise".into(),
        source: "a page".into(),
    }];
    let advice = times(&world, &asked).await.remove(0);
    assert_eq!((advice.posts, advice.answer), (30, Answer::NotEnoughData));
    assert!(advice.notes[0].contains("2026-02-24"), "{:?}", advice.notes);
}

/// Formats as (name, posts, engagements of a thousand impressions each).
fn formats(world: &mut World, formats: &[(&str, i32, f64)], seed: u64) {
    world.account("x/a");
    let mut chance = Chance::new(seed);
    for (format, posts, mean) in formats {
        for number in 0..*posts {
            let made = engagements(&mut chance, *mean);
            let at = format!("{}T08:00:00Z", day(number));
            post(world, "x/a", (&format!("{format}{number}"), &at), made, json!({"format": format}));
        }
    }
}

/// The truth: videos do better. One lucky poll does not beat them once it is drawn in.
#[tokio::test]
async fn the_better_format_is_found_and_a_lucky_one_is_not() {
    let mut world = World::default();
    formats(
        &mut world,
        &[("video", 40, 30.0), ("image", 60, 20.0), ("text", 50, 20.0), ("poll", 1, 120.0)],
        2,
    );
    let advice =
        best_formats(&world.session(), &request(vec![rate()], PERIOD, TODAY)).await.unwrap().remove(0);
    let of = |name: &str| advice.formats.iter().find(|row| row.value.as_deref() == Some(name)).unwrap();
    assert_eq!(advice.answer, Answer::Told, "{}", advice.reason);
    assert_eq!(of("video").verdict, Verdict::Better);
    assert_eq!(of("poll").verdict, Verdict::NotEnoughData);
    let poll = of("poll");
    assert!(poll.rate.unwrap() > 0.1 && poll.shrunken.unwrap() < 0.8 * poll.rate.unwrap(), "{poll:?}");
    let video = of("video");
    near(video.shrunken, video.rate.unwrap(), 0.002);
    let (low, high) = video.difference_interval.unwrap();
    assert!(low > 0.004 && high < 0.015, "{video:?}");
}

/// T28: 1 of 2 against 30 of 400. Raw, the first is far ahead; drawn in, the second leads.
#[tokio::test]
async fn t28_a_format_of_two_impressions_does_not_lead() {
    let mut world = World::default();
    world.account("x/a");
    let mut add = |id: &str, format: &str, engagements: i64, impressions: i64| {
        world.post("x/a", id, "2026-02-02", json!({"format": format}));
        let counts = json!({"platform_engagements": engagements, "impressions": impressions});
        world.lifetime("x/a", id, "2026-06-30", counts);
    };
    add("lucky", "poll", 1, 2);
    for number in 0..10 {
        add(&format!("v{number}"), "video", 3, 40);
        for format in ["a", "b", "c", "d", "e", "f", "g"] {
            add(&format!("{format}{number}"), format, number % 3, 40);
        }
    }
    let advice =
        best_formats(&world.session(), &request(vec![rate()], PERIOD, TODAY)).await.unwrap().remove(0);
    assert_eq!(advice.formats[0].value.as_deref(), Some("video"), "{:#?}", advice.formats);
    let poll = advice.formats.iter().find(|row| row.value.as_deref() == Some("poll")).unwrap();
    assert_eq!(poll.rate, Some(0.5));
    assert!(poll.shrunken.unwrap() < advice.formats[0].shrunken.unwrap());
    assert_eq!(poll.verdict, Verdict::NotEnoughData);
}

/// T5: the rate of a format is a ratio of sums; the mean of its posts' rates would be 5.05 %.
#[tokio::test]
async fn t5_rates_of_formats_are_ratios_of_sums() {
    let mut world = World::default();
    world.account("x/a");
    for (id, made, seen) in [("1", 10, 100), ("2", 1, 1000)] {
        world.post("x/a", id, "2026-02-02", json!({"format": "video"}));
        world.lifetime("x/a", id, "2026-06-30", json!({"platform_engagements": made, "impressions": seen}));
    }
    let advice =
        best_formats(&world.session(), &request(vec![rate()], PERIOD, TODAY)).await.unwrap().remove(0);
    assert_eq!((advice.rate, advice.answer), (Some(0.01), Answer::NotEnoughData));
    assert!(advice.reason.contains("no second format"), "{}", advice.reason);
}

/// Chance alone: in at most one of twenty worlds anything is told, as the risk has it. The raw rates always differ.
#[tokio::test]
async fn where_formats_are_alike_none_is_told() {
    let mut told = 0;
    for seed in 1..=20 {
        let mut world = World::default();
        formats(&mut world, &[("video", 40, 20.0), ("image", 60, 20.0), ("text", 9, 20.0)], seed);
        let advice =
            best_formats(&world.session(), &request(vec![rate()], PERIOD, TODAY)).await.unwrap().remove(0);
        let rates: Vec<Option<f64>> = advice.formats.iter().map(|row| row.rate).collect();
        assert!(rates[0] != rates[1] && rates[1] != rates[2]);
        told += i32::from(advice.answer == Answer::Told);
    }
    assert!(told <= 1, "{told} of 20");
}

/// Where less is better, the low ones lead; a KPI that is no share of anything is compared all the same.
#[tokio::test]
async fn where_less_is_better_the_low_ones_lead() {
    let mut world = World::default();
    formats(&mut world, &[("video", 30, 30.0), ("image", 30, 20.0)], 4);
    let kpi = kpi("per_post(platform_engagements)", "platforms = [\"x\"]\ndirection = \"down\"");
    let advice = best_formats(&world.session(), &request(vec![kpi], PERIOD, TODAY)).await.unwrap().remove(0);
    assert_eq!(advice.formats[0].value.as_deref(), Some("image"));
    assert_eq!(
        advice.formats.iter().map(|row| row.verdict).collect::<Vec<_>>(),
        [Verdict::Better, Verdict::Worse]
    );
    assert!(
        advice.formats[0].shrunken.is_none() && advice.notes[0].contains("no share"),
        "{:?}",
        advice.notes
    );
}

/// Replies go out at eleven and do better; within each format all hours are alike. Together the hour stands out, which is
/// the replies' doing; by format none does.
#[tokio::test]
async fn times_within_one_format() {
    let mut world = World::default();
    world.account("x/a");
    let mut chance = Chance::new(3);
    for number in 0..140 {
        for (hour, format, mean) in
            [("01", "post", 20.0), ("05", "post", 20.0), ("11", "reply", 30.0), ("15", "reply", 30.0)]
        {
            let at = format!("{}T{hour}:10:00Z", day(number));
            let made = engagements(&mut chance, mean);
            post(&mut world, "x/a", (&format!("{number}-{hour}"), &at), made, json!({"format": format}));
        }
    }
    let asked = request(vec![rate()], PERIOD, TODAY);
    let all = times(&world, &asked).await.remove(0);
    assert_eq!(all.answer, Answer::Told, "{}", all.reason);
    let by_format = EvaluationRequest { by: vec![Dimension::Format], ..asked };
    let apart = times(&world, &by_format).await;
    let formats: Vec<Option<&str>> = apart.iter().map(|one| one.scope["format"].as_deref()).collect();
    assert_eq!(formats, [Some("post"), Some("reply")]);
    for one in &apart {
        assert_eq!((one.posts, one.answer), (280, Answer::Undecided), "{} {:?}", one.reason, one.scope);
    }
}

fn themes() -> Vec<TagRule> {
    let text = "[[tag]]\ndimension = \"theme\"\nvalue = \"launch\"\nwhere = \"category = 'launch' or category = 'both'\"\n\
                [[tag]]\ndimension = \"theme\"\nvalue = \"craft\"\nwhere = \"category = 'craft' or category = 'both'\"\n";
    let faults = kepi_core::document::Faults::new("kepi.toml");
    let document = kepi_core::document::Document::parse(text, &faults);
    let root = document.block(&faults);
    let rules = read_tags(text, &root);
    root.finish();
    assert!(faults.into_vec().is_empty());
    rules
}

/// A post with two tags is in both rows and once in the whole; a tag is held against the posts without it.
#[tokio::test]
async fn the_better_tag_is_found_and_posts_count_once() {
    let mut world = World::default();
    world.account("x/a");
    let mut chance = Chance::new(5);
    let kinds = [("launch", 40, 30.0), ("craft", 30, 20.0), ("both", 10, 30.0), ("other", 20, 20.0)];
    for (category, count, mean) in kinds {
        for number in 0..count {
            let at = format!("{}T08:00:00Z", day(number));
            let made = engagements(&mut chance, mean);
            let id = format!("{category}{number}");
            post(&mut world, "x/a", (&id, &at), made, json!({"category": category}));
        }
    }
    let asked = request(vec![rate()], PERIOD, TODAY);
    let advice = best_formats_by_tag(&world.session(), &asked, &themes(), "theme").await.unwrap().remove(0);
    assert_eq!((advice.dimension.as_str(), advice.posts, advice.answer), ("tag:theme", 100, Answer::Told));
    let told: Vec<(Option<&str>, u64, Verdict)> =
        advice.formats.iter().map(|row| (row.value.as_deref(), row.posts, row.verdict)).collect();
    let [(Some("launch"), 50, Verdict::Better), ..] = told[..] else { panic!("{told:?}") };
    assert!(told.iter().any(|(tag, posts, _)| (*tag, *posts) == (Some("craft"), 40)), "{told:?}");
    assert!(told.iter().any(|(tag, posts, _)| (*tag, *posts) == (None, 20)), "{told:?}");
    // The rate of the posts that are no launch, by hand: those of the fifty others.
    let by_category = EvaluationRequest { by: vec![Dimension::Category], ..asked.clone() };
    let parts = best_formats(&world.session(), &by_category).await.unwrap().remove(0);
    let of = |name: &str| parts.formats.iter().find(|row| row.value.as_deref() == Some(name)).unwrap();
    let others = (of("craft").rate.unwrap() * 30.0 + of("other").rate.unwrap() * 20.0) / 50.0;
    near(advice.formats[0].others, others, 1e-12);
    let twice = EvaluationRequest { by: vec![Dimension::Format], ..asked };
    let refused = best_formats_by_tag(&world.session(), &twice, &themes(), "theme").await.unwrap_err();
    assert!(refused.to_string().contains("one dimension at a time"), "{refused}");
}

const NOW: &str = "2026-04-06..2026-06-28";

/// Twelve weeks and the twelve before: engagements of a thousand impressions, and followers week by week.
fn two_quarters(before: f64, now: f64, weekly: f64, seed: u64) -> World {
    let mut world = World::default();
    world.account("x/a");
    let mut chance = Chance::new(seed);
    for number in 0..168 {
        let at = format!("{}T08:00:00Z", add_days("2026-01-12".parse().unwrap(), number));
        let made = engagements(&mut chance, if number < 84 { before } else { now });
        post(&mut world, "x/a", (&number.to_string(), &at), made, json!({}));
    }
    let mut followers = 10_000.0;
    for number in 0..=84 {
        let day = add_days("2026-04-05".parse().unwrap(), number).to_string();
        #[expect(clippy::cast_possible_truncation, reason = "a small number")]
        world.day("x/a", &day, json!({"followers_total": followers as i64}));
        followers += weekly / 7.0 + 3.0 * chance.normal();
    }
    world
}

#[tokio::test]
async fn the_four_assessments() {
    for (before, now, weekly, expected) in [
        (20.0, 24.0, 80.0, Assessment::Healthy),
        (20.0, 20.0, 80.0, Assessment::Healthy),
        (20.0, 15.0, 80.0, Assessment::HollowGrowth),
        (20.0, 24.0, -80.0, Assessment::LoyalCore),
        (20.0, 15.0, -80.0, Assessment::Decline),
        (20.0, 15.0, 0.0, Assessment::Decline),
    ] {
        let world = two_quarters(before, now, weekly, 9);
        let found = growth(&world.session(), &request(vec![rate()], NOW, TODAY)).await.unwrap().remove(0);
        assert_eq!(found.assessment, expected, "{before} {now} {weekly}: {found:#?}");
        assert_eq!((found.followers.weeks, found.engagement.posts), (12, 84));
        let (low, high) = found.followers.interval.unwrap();
        assert!(low < weekly && weekly < high, "{found:#?}");
    }
}

/// A rival's posts and followers, which everybody sees, are no part of how ours go.
#[tokio::test]
async fn growth_is_of_own_accounts() {
    let mut world = two_quarters(20.0, 24.0, 80.0, 9);
    world.account("x/rival");
    for number in 0..168 {
        let on = add_days("2026-01-12".parse().unwrap(), number).to_string();
        let seen = json!({"platform_engagements": 5, "impressions": 1000, "provenance": "public"});
        world.post("x/rival", &number.to_string(), &on, json!({}));
        world.lifetime("x/rival", &number.to_string(), "2026-06-30", seen);
    }
    world.day("x/rival", "2026-06-28", json!({"followers_total": 50_000, "provenance": "public"}));
    let found = growth(&world.session(), &request(vec![rate()], NOW, TODAY)).await.unwrap().remove(0);
    assert_eq!(found.assessment, Assessment::Healthy, "{found:#?}");
    assert_eq!((found.followers.weeks, found.engagement.posts), (12, 84));
}

/// Little change, and much noise: nobody can tell.
#[tokio::test]
async fn a_change_that_may_be_either_way_is_undecided() {
    let mut world = World::default();
    world.account("x/a");
    let mut chance = Chance::new(11);
    for number in 0..24 {
        let at = format!("{}T08:00:00Z", add_days("2026-01-13".parse().unwrap(), number * 7));
        let made = engagements(&mut chance, 20.0) * if number % 4 == 0 { 4 } else { 1 };
        post(&mut world, "x/a", (&number.to_string(), &at), made, json!({}));
    }
    for week in 0..=12 {
        let day = add_days("2026-04-05".parse().unwrap(), week * 7).to_string();
        world.day("x/a", &day, json!({"followers_total": 10_000 + 40 * week}));
    }
    let found = growth(&world.session(), &request(vec![rate()], NOW, TODAY)).await.unwrap().remove(0);
    assert_eq!((found.assessment, found.followers.moved), (Assessment::Undecided, Move::Up));
    assert_eq!(found.engagement.moved, Move::Undecided);
    assert!(found.reason.contains("either way"), "{}", found.reason);
}

/// Followers read at the ends of the period only tell one change: no weeks are invented in between.
#[tokio::test]
async fn followers_that_were_not_read_are_not_filled_in() {
    let mut sparse = two_quarters(20.0, 24.0, 0.0, 9);
    sparse.forget("account_facts");
    sparse.day("x/a", "2026-04-05", json!({"followers_total": 10_000}));
    sparse.day("x/a", "2026-06-28", json!({"followers_total": 12_000}));
    let found = growth(&sparse.session(), &request(vec![rate()], NOW, TODAY)).await.unwrap().remove(0);
    assert_eq!((found.assessment, found.followers.weeks), (Assessment::Undecided, 0));
    assert_eq!((found.followers.first, found.followers.last), (Some(10_000.0), Some(12_000.0)));
    assert_eq!(found.engagement.moved, Move::Up);
}
