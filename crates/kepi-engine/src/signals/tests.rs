//! Each signal on plain series: where it is there, and the nearest where it is not.

use jiff::civil::date;
use kepi_core::{DateSpan, period::add_days};
use serde_json::json;

use super::{
    data,
    declining::{self, decline},
    formats::{self, Month},
    market,
    memory::{State, judged},
    misses,
    reading::Gap,
    sentiment,
    signal::{SignalKind, SignalOutcome, Verdict},
    spend::{self, apart},
    stagnant, steps,
};
use crate::{kpi::Direction, statistics::Prior};

fn known(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}

const RATES: [f64; 8] = [4.1, 4.0, 3.9, 3.7, 3.6, 3.4, 3.4, 3.2];
const SPEND: [f64; 8] = [100.0, 112.0, 125.0, 140.0, 155.0, 170.0, 185.0, 200.0];

/// The example: the rate goes from 4.1 to 3.2 %, the spend from 100 to 200: Kendall's τ −0.98; it fires.
#[test]
fn p2_fires_on_its_example() {
    let found = apart(&known(&RATES), &known(&SPEND)).unwrap();
    assert_eq!(found.verdict, Verdict::Over);
    assert!((found.tau.unwrap() + 0.98).abs() < 5e-3 && found.p < 0.002, "{found:?}");
    assert!(found.rate.1.change < -0.2 && found.spend.1.change > 0.9, "{found:?}");
}

#[test]
fn p2_needs_both_ways_both_sizes_and_eight_weeks() {
    let less = |values: &[f64], by: f64| -> Vec<Option<f64>> {
        values.iter().map(|value| Some(values[0] + (value - values[0]) * by)).collect()
    };
    let verdict =
        |rates: &[Option<f64>], spend: &[Option<f64>]| apart(rates, spend).map(|found| found.verdict);
    // −22 % times 0.4 is −9 %; +100 % times 0.09 is +9 %.
    assert_eq!(verdict(&less(&RATES, 0.4), &known(&SPEND)), Some(Verdict::Near));
    assert_eq!(verdict(&known(&RATES), &less(&SPEND, 0.09)), Some(Verdict::Near));
    assert_eq!(verdict(&known(&RATES), &less(&SPEND, -0.3)), Some(Verdict::Under));
    assert_eq!(verdict(&known(&RATES[..7]), &known(&SPEND[..7])), None);
    // The same ends without a way between them.
    let jumps = [4.1, 3.3, 4.2, 3.1, 4.0, 3.2, 4.1, 3.2];
    assert_ne!(verdict(&known(&jumps), &known(&SPEND)), Some(Verdict::Over));
}

#[test]
fn p2_knows_when_the_spend_moved_to_a_new_platform() {
    let of = |name: &str, weeks: [f64; 4]| (name.to_owned(), known(&weeks));
    let moved = [of("x", [100.0, 100.0, 100.0, 100.0]), of("weibo", [0.0, 0.0, 40.0, 60.0])];
    assert_eq!(spend::moved_to(&moved), Some("weibo"));
    let both = [of("x", [100.0, 100.0, 150.0, 200.0]), of("weibo", [50.0, 50.0, 75.0, 100.0])];
    assert_eq!(spend::moved_to(&both), None);
    assert_eq!(spend::moved_to(&both[..1]), None);
    assert_eq!(spend::moved_to(&[]), None);
}

/// The golden decline of the trend: −25.7 % at p 0.00021.
const DECLINE: [f64; 12] = [3.4, 3.3, 3.5, 3.1, 3.2, 3.0, 2.9, 3.0, 2.7, 2.8, 2.6, 2.5];

#[test]
fn p4_fires_on_the_golden_decline_and_not_below_its_size() {
    let found = decline(&known(&DECLINE), &[]).unwrap();
    assert_eq!(found.verdict, Verdict::Over);
    assert!((found.trend.p - 0.00021).abs() < 5e-6 && found.change.change < -0.25, "{found:?}");
    let slighter: Vec<Option<f64>> = DECLINE.iter().map(|rate| Some(3.0 + (rate - 3.0) * 0.3)).collect();
    let found = decline(&slighter, &[]).unwrap();
    assert!(found.trend.p < 0.05 && found.change.change > -0.10, "{found:?}");
    assert_eq!(found.verdict, Verdict::Near);
    assert_eq!(decline(&known(&[3.0; 12]), &[]).map(|found| found.verdict), Some(Verdict::Under));
    assert_eq!(decline(&known(&DECLINE[..7]), &[]), None);
}

/// Weeks that fall only because the last ones have holidays are no decline; with the same holidays, a decline of all
/// weeks is one.
#[test]
fn p4_leaves_holidays_out() {
    let weeks = [3.02, 3.01, 3.03, 3.0, 3.02, 3.0, 2.99, 2.5, 2.4, 2.3, 2.2, 2.1];
    let mut holiday = [false; 12];
    assert_eq!(decline(&known(&weeks), &holiday).unwrap().verdict, Verdict::Over);
    holiday[7..].fill(true);
    assert_eq!(decline(&known(&weeks), &holiday).unwrap().verdict, Verdict::Explained);
    assert_eq!(decline(&known(&DECLINE), &holiday).unwrap().verdict, Verdict::Over);
}

#[test]
fn p3_is_a_stand_after_growth() {
    let flat = [1000.0, 1003.0, 998.0, 1001.0, 1004.0, 999.0, 1002.0, 1000.0];
    let mut levels: Vec<f64> = (0..9).map(|week| 900.0 + 12.5 * f64::from(week)).collect();
    levels.extend(flat);
    let found = stagnant::stand(&known(&levels)).unwrap();
    assert_eq!((found.verdict, found.growth), (Verdict::Over, 0.0));
    // It always stood: nothing has come to a stand.
    let stood: Vec<f64> = (0..17).map(|week| flat[week % 8]).collect();
    assert_eq!(stagnant::stand(&known(&stood)).unwrap().verdict, Verdict::Under);
    // It grows, slower than before: 1.6 % after 11 %.
    let grows: Vec<f64> = (0..17)
        .map(
            |week| if week < 9 { 900.0 + 12.5 * f64::from(week) } else { 1000.0 + 2.0 * f64::from(week - 8) },
        )
        .collect();
    assert_eq!(stagnant::stand(&known(&grows)).unwrap().verdict, Verdict::Near);
    assert_eq!(stagnant::stand(&known(&levels[1..])), None);
}

/// So many ratings a day with one mean, in whole scores.
fn rated(days: usize, each: f64, mean: f64) -> sentiment::Parts {
    let sum = |day: usize| {
        let so_far = |days: f64| (days * each * mean).floor();
        so_far(super::reading::small(day + 1)) - so_far(super::reading::small(day))
    };
    (0..days).map(|day| (sum(day), each)).collect()
}

#[test]
fn p5_ratings_fall_by_three_tenths_with_thirty_on_each_side() {
    let verdict = |before: f64, after: f64, each: f64, days: usize| {
        sentiment::ratings(&rated(days, each, before), &rated(days, each, after)).map(|found| found.verdict)
    };
    assert_eq!(verdict(4.5, 4.1, 5.0, 28), Some(Verdict::Over));
    assert_eq!(verdict(4.5, 4.3, 5.0, 28), Some(Verdict::Near));
    assert_eq!(verdict(4.5, 4.6, 5.0, 28), Some(Verdict::Under));
    assert_eq!(verdict(4.5, 4.1, 1.0, 28), None, "28 ratings on each side");
    // As many ratings, of which days differ much: nobody can tell.
    let torn: sentiment::Parts = (0..28).map(|day| (if day % 2 == 0 { 25.0 } else { 16.0 }, 5.0)).collect();
    let found = sentiment::ratings(&rated(28, 5.0, 4.5), &torn).unwrap();
    assert!(found.found.difference < -0.3 && found.found.p > 0.01, "{found:?}");
}

#[test]
fn p5_negative_mentions_rise_by_five_points() {
    let of = |negative: f64, all: f64| vec![(negative / 4.0, all / 4.0); 4];
    let verdict = |before: (f64, f64), after: (f64, f64)| {
        sentiment::negatives(&of(before.0, before.1), &of(after.0, after.1)).map(|found| found.verdict)
    };
    assert_eq!(verdict((100.0, 1000.0), (160.0, 1000.0)), Some(Verdict::Over));
    assert_eq!(verdict((100.0, 1000.0), (140.0, 1000.0)), Some(Verdict::Near));
    assert_eq!(verdict((100.0, 1000.0), (100.0, 1000.0)), Some(Verdict::Under));
    // Six points of forty mentions are chance.
    assert_eq!(verdict((16.0, 40.0), (18.4, 40.0)), Some(Verdict::Near));
    assert_eq!(verdict((10.0, 20.0), (18.0, 20.0)), None);
    assert_eq!(sentiment::classifier("likes=capped;sentiment_neg=estimated,definition:v2"), "v2");
    assert_eq!(sentiment::classifier("sentiment_pos=definition:v2"), "");
}

fn month(rate: f64, posts: u64) -> Month {
    let trials = 40_000.0;
    let half = 1.96 * 2.0 * (rate * (1.0 - rate) / trials).sqrt();
    Month { events: rate * trials, trials, posts, interval: Some((rate - half, rate + half)), median: 0.022 }
}

#[test]
fn p6_is_weak_in_three_months_with_eight_posts_each() {
    let prior = Prior::new(0.02, 2_000.0).unwrap();
    let clustering = month(0.01, 8).clustering().unwrap();
    assert!((clustering - 4.0).abs() < 1e-9);
    let verdict = |months: &[Month]| formats::weak(prior, months, clustering).map(|weak| weak.verdict);
    assert_eq!(verdict(&[month(0.01, 8), month(0.011, 9), month(0.012, 8)]), Some(Verdict::Over));
    // In one month the upper end reaches the median; in one there are seven posts.
    assert_eq!(verdict(&[month(0.01, 8), month(0.011, 9), month(0.0215, 8)]), Some(Verdict::Near));
    assert_eq!(verdict(&[month(0.01, 8), month(0.011, 9), month(0.024, 8)]), Some(Verdict::Under));
    assert_eq!(verdict(&[month(0.01, 8), month(0.011, 7), month(0.012, 8)]), None);
    assert_eq!(verdict(&[month(0.01, 8), month(0.011, 8)]), None);
}

#[test]
fn p7_falls_by_five_points_or_is_outgrown_for_three_periods() {
    let verdict =
        |after: f64| market::share_falls((900.0, 3000.0), (after, 3000.0), &[]).map(|found| found.0);
    assert_eq!(verdict(720.0), Some(Verdict::Over));
    assert_eq!(verdict(780.0), Some(Verdict::Near));
    assert_eq!(verdict(880.0), Some(Verdict::Under));
    assert_eq!(market::share_falls((9.0, 30.0), (6.0, 30.0), &[]), None);
    let outgrown = |own: &[f64], rival: &[f64]| {
        market::outgrown(&market::growth(&known(own)), &market::growth(&known(rival)))
    };
    let own = [1000.0, 1010.0, 1020.0, 1030.0];
    assert_eq!(outgrown(&own, &[1000.0, 1030.0, 1060.0, 1090.0]), Some(Verdict::Over));
    assert_eq!(outgrown(&own, &[1000.0, 1030.0, 1060.0, 1070.0]), Some(Verdict::Under));
    assert_eq!(outgrown(&own, &[1000.0, 1017.0, 1034.0, 1051.0]), Some(Verdict::Near));
    assert_eq!(outgrown(&own[..3], &[1000.0, 1030.0, 1060.0, 1090.0]), None);
    // Who shrinks is outgrown by who grows at all.
    assert_eq!(outgrown(&[1000.0, 990.0, 980.0, 970.0], &[10.0, 11.0, 12.0, 13.0]), Some(Verdict::Over));
}

#[test]
fn p1_is_a_habit_from_three_of_four_and_undecided_is_no_miss() {
    let (missed, held, unknown) = (Some(true), Some(false), None);
    assert_eq!(misses::habit(&[missed, held, missed, missed]), Verdict::Over);
    assert_eq!(misses::habit(&[missed, held, held, missed]), Verdict::Near);
    assert_eq!(misses::habit(&[held, held, held, missed]), Verdict::Under);
    assert_eq!(misses::habit(&[unknown, unknown, missed, missed]), Verdict::CannotTell);
    assert_eq!(misses::habit(&[unknown, missed, missed, missed]), Verdict::Over);
    assert!(misses::falls_short(Direction::Up, (0.01, 0.019), 0.02, None));
    assert!(!misses::falls_short(Direction::Up, (0.01, 0.021), 0.02, None));
    assert!(misses::falls_short(Direction::Down, (0.9, 1.1), 0.8, None));
    assert!(!misses::falls_short(Direction::Down, (0.7, 1.1), 0.8, None));
    assert!(misses::falls_short(Direction::Band, (0.5, 0.6), 0.1, Some((0.1, 0.4))));
    assert!(!misses::falls_short(Direction::Band, (0.3, 0.6), 0.1, Some((0.1, 0.4))));
}

#[test]
fn p8_is_of_the_newest_weeks_and_not_of_those_before_the_first() {
    let start = date(2026, 8, 31);
    let weeks = |gaps: &[Option<Gap>]| -> Vec<(DateSpan, Option<Gap>)> {
        let week = |(number, gap): (usize, &Option<Gap>)| {
            let start = add_days(start, 7 * i32::try_from(number).unwrap());
            (DateSpan::new(start, add_days(start, 7)), *gap)
        };
        gaps.iter().enumerate().map(week).collect()
    };
    let count = |gaps: &[Option<Gap>]| data::problems(&weeks(gaps)).len();
    assert_eq!(count(&[None, None, None, Some(Gap::Missing)]), 1);
    assert_eq!(count(&[None, None, None, Some(Gap::Provisional)]), 1);
    assert_eq!(count(&[Some(Gap::Missing), Some(Gap::Missing), None, None]), 0);
    assert_eq!(count(&[None, Some(Gap::Missing), None, None, None, None]), 0);
    // A week without posts is no hole.
    assert_eq!(count(&[None, None, None, Some(Gap::Nothing)]), 0);
    assert_eq!(count(&[Some(Gap::Missing); 4]), 0);
}

#[test]
fn p8_hears_the_newest_run_of_each_account() {
    let run = [
        json!({"accounts": ["x/a"], "endpoint": "tweets", "ending": "failed", "kind": "reauthorise",
            "message": "the consent ended", "pages": 0}),
        json!({"accounts": ["x/a"], "endpoint": "profile", "ending": "done"}),
        json!({"accounts": ["weibo/b"], "endpoint": "posts", "ending": "failed", "kind": "unavailable", "message": "502"}),
        json!({"accounts": ["weibo/b"], "endpoint": "fans", "ending": "withheld"}),
    ];
    let found = data::endings(&run);
    assert_eq!(found["x/a"].len(), 1);
    assert_eq!(
        (found["x/a"][0].endpoint.as_str(), found["x/a"][0].what.as_str()),
        ("tweets", "the consent ended")
    );
    assert_eq!(found["weibo/b"].len(), 1, "what may work a little later needs no person");
}

/// A signal begins over its edge, goes on until it is well below it, and rests before it begins anew.
#[test]
fn it_does_not_come_and_go() {
    let day = date(2026, 10, 4);
    let (since, last_week, long_ago) = (date(2026, 9, 6), date(2026, 9, 27), date(2026, 8, 1));
    for (verdict, before, outcome, told) in [
        (Verdict::Over, None, SignalOutcome::Fired, Some(day)),
        (Verdict::Near, None, SignalOutcome::Quiet, None),
        (Verdict::Over, Some(State::There(since)), SignalOutcome::Continues, Some(since)),
        (Verdict::Near, Some(State::There(since)), SignalOutcome::Continues, Some(since)),
        (Verdict::Under, Some(State::There(since)), SignalOutcome::Ended, Some(since)),
        (Verdict::Over, Some(State::Gone(last_week)), SignalOutcome::CoolingDown, Some(day)),
        (Verdict::Over, Some(State::Gone(long_ago)), SignalOutcome::Fired, Some(day)),
        (Verdict::Under, Some(State::Gone(last_week)), SignalOutcome::Quiet, None),
        (Verdict::CannotTell, Some(State::There(since)), SignalOutcome::CannotTell, None),
    ] {
        assert_eq!(judged(verdict, before, day), (outcome, told), "{verdict:?} {before:?}");
    }
}

#[test]
fn every_signal_has_its_steps_in_both_languages_and_names_the_kpi() {
    for kind in SignalKind::ALL {
        let named = steps::Named {
            en: "X rate",
            zh: "X 互动率",
            place_en: "x",
            place_zh: "x",
            when_low: Some("look closer"),
        };
        let found = steps::steps(kind, named);
        let all = [&found.assess, &found.gather, &found.experiment];
        assert!(all.iter().all(|words| !words.en.contains('{') && !words.zh.contains('{')), "{found:?}");
        assert!(all.iter().any(|words| words.en.contains("X rate")), "{found:?}");
        assert!(all.iter().any(|words| words.zh.contains("X 互动率")), "{found:?}");
        assert!(found.assess.en.starts_with("look closer. "));
        assert!(!steps::title(kind).zh.is_empty() && declining::WEEKS == spend::WEEKS);
    }
}
