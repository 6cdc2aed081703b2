//! What money brought, and where the next of it brings most.

use jiff::civil::{Date, date};
use kepi_core::period::add_days;
use kepi_engine::{
    Dimension, EvaluationRequest, ExchangeRate, Money, NextSpend, Number, RoiRow, SpendVerdict, next_spend,
    roi,
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::{
    near, request,
    world::{Chance, World},
};

const PERIOD: &str = "2026-06";
const TODAY: &str = "2026-07-15";

fn asked(period: &str, by: &[Dimension]) -> EvaluationRequest {
    EvaluationRequest { by: by.to_vec(), ..request(Vec::new(), period, TODAY) }
}

/// What an account, or a campaign of it, spent and brought on a day.
fn paid(world: &mut World, account: &str, campaign: Option<&str>, day: &str, more: Value) {
    let platform = account.split_once('/').unwrap().0;
    let next = day.parse::<Date>().unwrap().tomorrow().unwrap().to_string();
    let mut row = json!({"platform": platform, "account": account, "window": "day", "day": day, "end_day": next,
        "observed_at": format!("{next}T00:00:00Z"), "traffic": "paid"});
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    if let Some(campaign) = campaign {
        row["subject"] = json!(campaign);
        world.add("campaign_facts", row);
    } else {
        world.add("account_facts", row);
    }
}

fn amount(number: Option<Number>) -> Option<f64> {
    number.map(Number::as_f64)
}

async fn returns(world: &World, by: &[Dimension], money: &Money) -> Vec<RoiRow> {
    roi(&world.session(), &asked(PERIOD, by), money).await.unwrap()
}

/// T37: 1500 for 500 with a margin of 40 %: ROAS 3, ROI 200 %, ROI after the cost of goods 20 %. "ROI 3" is none of
/// them. The margin comes from the table, or from the stated share.
#[tokio::test]
async fn t37_three_returns() {
    for (margin, stated) in [(Some("600"), None), (None, Some(Decimal::new(4, 1)))] {
        let mut world = World::default();
        world.account("crm/shop");
        let mut more = json!({"spend": "500", "revenue": "1500", "currency": "EUR", "traffic": "unknown"});
        if let Some(margin) = margin {
            more["gross_margin"] = json!(margin);
        }
        paid(&mut world, "crm/shop", None, "2026-06-05", more);
        let money = Money { margin: stated, ..Money::default() };
        let row = returns(&world, &[], &money).await.remove(0);
        assert_eq!(row.roas, Some(3.0));
        assert_eq!(row.roi, Some(2.0));
        near(row.margin_roi, 0.2, 1e-12);
        assert_eq!(
            row.notes.iter().any(|note| note.contains("stated 40 %")),
            stated.is_some(),
            "{:?}",
            row.notes
        );
        assert_ne!(row.roi, row.roas);
    }
}

fn at_seven() -> Money {
    Money {
        currency: Some("USD".into()),
        rates: vec![ExchangeRate {
            base: "USD".into(),
            quote: "CNY".into(),
            rate: Decimal::new(700, 2),
            date: date(2026, 6, 1),
            source: "a bank".into(),
        }],
        margin: None,
    }
}

/// T38: 100 dollars and 700 yuan at 7.00 are 200 dollars, with the rate and its date; without a rate they are not
/// added, and never 800.
#[tokio::test]
async fn t38_currencies_at_stated_rates() {
    let mut world = World::default();
    world.account("x/us").account("x/cn");
    paid(&mut world, "x/us", None, "2026-06-05", json!({"spend": "100", "currency": "USD"}));
    paid(&mut world, "x/cn", None, "2026-06-05", json!({"spend": "700", "currency": "CNY"}));
    let row = returns(&world, &[], &at_seven()).await.remove(0);
    assert_eq!(
        (row.spend, row.currency.as_deref()),
        (Some(Number::Money(Decimal::new(200, 0))), Some("USD"))
    );
    assert_eq!((row.rates[0].rate, row.rates[0].date), (Decimal::new(700, 2), date(2026, 6, 1)));
    let text = serde_json::to_value(&row).unwrap();
    assert_eq!((&text["rates"][0]["rate"], &text["rates"][0]["source"]), (&json!("7.00"), &json!("a bank")));

    let row = returns(&world, &[], &Money::default()).await.remove(0);
    assert_eq!((row.spend, row.currency), (None, None));
    assert!(row.notes[0].contains("CNY and USD"), "{:?}", row.notes);
    let apart = returns(&world, &[Dimension::Account], &Money::default()).await;
    assert_eq!(apart.iter().map(|row| amount(row.spend)).collect::<Vec<_>>(), [Some(700.0), Some(100.0)]);
}

/// T39: 50 conversions by the platform within seven days, 30 by the last click of the website: two numbers of one
/// campaign, never 80. Windows that one source tells apart stand apart as well.
#[tokio::test]
async fn t39_attributions_stand_apart() {
    let mut world = World::default();
    world.account("x/a").account("web/site");
    paid(
        &mut world,
        "x/a",
        Some("spring"),
        "2026-06-05",
        json!({"spend": "300", "currency": "EUR", "conversions": 50}),
    );
    paid(
        &mut world,
        "web/site",
        Some("spring"),
        "2026-06-05",
        json!({"conversions": 30, "traffic": "total"}),
    );
    for (part, orders) in [("paid_7d", 9), ("external_30d", 14)] {
        world.add(
            "segment_facts",
            json!({"platform": "x", "account": "x/a", "subject_kind": "campaign", "subject": "spring",
                "segment_dimension": "attribution", "segment_value": part, "window": "day", "day": "2026-06-05",
                "end_day": "2026-06-06", "observed_at": "2026-06-06T00:00:00Z", "traffic": "paid",
                "metric": "orders", "count": orders}),
        );
    }
    let rows = returns(&world, &[Dimension::Campaign], &Money::default()).await;
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            (row.attribution.as_deref().unwrap(), amount(row.conversions), amount(row.orders), row.cpa)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("web", Some(30.0), None, Some(10.0)),
            ("x", Some(50.0), None, Some(6.0)),
            ("x external_30d", None, Some(14.0), None),
            ("x paid_7d", None, Some(9.0), None),
        ]
    );
    assert!(rows.iter().all(|row| amount(row.spend) == Some(300.0) && row.scope["campaign"].as_deref() == Some("spring")));
    assert!(rows[0].notes.iter().any(|note| note.contains("the spend is that of x")), "{:?}", rows[0].notes);
}

/// A shop that tells returns is held against what all platforms spent; one that tells its own spend against that, so
/// that the same money does not count twice.
#[tokio::test]
async fn a_source_with_its_own_spend_is_held_against_that() {
    let mut world = World::default();
    world.account("x/a").account("weibo/a").account("crm/shop");
    paid(&mut world, "x/a", Some("spring"), "2026-06-05", json!({"spend": "100", "currency": "EUR"}));
    paid(&mut world, "weibo/a", Some("spring"), "2026-06-05", json!({"spend": "60", "currency": "EUR"}));
    let sold = json!({"revenue": "480", "currency": "EUR", "traffic": "unknown"});
    paid(&mut world, "crm/shop", Some("spring"), "2026-06-06", sold);
    let row = returns(&world, &[Dimension::Campaign], &Money::default()).await.remove(0);
    assert_eq!((amount(row.spend), row.roas), (Some(160.0), Some(3.0)));
    let spent = json!({"spend": "160", "currency": "EUR", "traffic": "unknown"});
    paid(&mut world, "crm/shop", Some("spring"), "2026-06-05", spent);
    let row = returns(&world, &[Dimension::Campaign], &Money::default()).await.remove(0);
    assert_eq!((amount(row.spend), row.roas), (Some(160.0), Some(3.0)), "not 320 and 1.5");
}

/// Costs per click, conversion and lead; over nothing there is none. Public figures are not read.
#[tokio::test]
async fn costs_are_over_what_was_counted() {
    let mut world = World::default();
    world.account("x/a");
    let more = json!({"spend": "60", "currency": "EUR", "ad_impressions": 10_000, "ad_clicks": 100, "conversions": 5,
        "leads": 0, "orders": 4, "product_clicks": 80});
    paid(&mut world, "x/a", None, "2026-06-05", more);
    paid(
        &mut world,
        "x/a",
        None,
        "2026-06-06",
        json!({"spend": "999", "currency": "EUR", "provenance": "public"}),
    );
    let row = returns(&world, &[], &Money::default()).await.remove(0);
    assert_eq!((row.cpc, row.ctr, row.conversion_rate), (Some(0.6), Some(0.01), Some(0.05)));
    assert_eq!((row.cpa, row.cpl, row.shop_conversion_rate), (Some(12.0), None, Some(0.05)));
    assert_eq!((row.roas, row.revenue), (None, None));
    assert!(row.notes.iter().any(|note| note.contains("3 % of the days")), "{:?}", row.notes);
}

/// Money in a currency that nobody names is not taken for another.
#[tokio::test]
async fn a_currency_that_is_not_said_is_not_guessed() {
    let mut world = World::default();
    world.account("x/a").account("x/b");
    paid(&mut world, "x/a", None, "2026-06-05", json!({"spend": "60", "currency": "USD"}));
    paid(&mut world, "x/b", None, "2026-06-05", json!({"spend": "60"}));
    let row = returns(&world, &[], &at_seven()).await.remove(0);
    assert_eq!(row.spend, None);
    assert!(row.notes.iter().any(|note| note.contains("x/b is not said")), "{:?}", row.notes);
}

/// Half a year of whole weeks: what is spent each day of a week, and what the week brings.
fn weeks(
    world: &mut World,
    account: &str,
    spend: impl Fn(i32, &mut Chance) -> f64,
    brought: impl Fn(f64, &mut Chance) -> f64,
) {
    world.account(account);
    let mut chance = Chance::new(account.len() as u64 + 40);
    for week in 0..26 {
        let spent = spend(week, &mut chance);
        let sold = brought(spent, &mut chance);
        for day in 0..7 {
            let day = add_days(date(2026, 1, 5), 7 * week + day).to_string();
            let more = json!({"spend": format!("{:.2}", spent / 7.0), "revenue": format!("{:.2}", sold / 7.0), "currency": "EUR"});
            paid(world, account, None, &day, more);
        }
    }
}

const HALF_YEAR: &str = "2026-01-05..2026-07-05";

async fn next(world: &World) -> Vec<NextSpend> {
    next_spend(&world.session(), &asked(HALF_YEAR, &[]), &Money::default(), None).await.unwrap()
}

/// The truth: a euro more brings 3 on X and 1.2 on Weibo, though Weibo's average is far higher.
#[tokio::test]
async fn the_better_place_is_found_by_the_slope() {
    let mut world = World::default();
    let varied = |_: i32, chance: &mut Chance| 700.0 + 150.0 * chance.normal();
    weeks(&mut world, "x/a", varied, |spent, chance| 500.0 + 3.0 * spent + 100.0 * chance.normal());
    weeks(&mut world, "weibo/a", varied, |spent, chance| 6000.0 + 1.2 * spent + 100.0 * chance.normal());
    let places = next(&world).await;
    assert_eq!(places.len(), 2);
    let [x, weibo] = [&places[0], &places[1]];
    assert_eq!(
        (x.scope["platform"].as_deref(), x.verdict, x.weeks),
        (Some("x"), SpendVerdict::Most, 26),
        "{x:#?}"
    );
    assert_eq!(weibo.verdict, SpendVerdict::Less);
    for (place, truth) in [(x, 3.0), (weibo, 1.2)] {
        let (low, high) = place.interval.unwrap();
        assert!(low < truth && truth < high && high - low < 1.5, "{place:#?}");
    }
    assert!(x.average < weibo.average, "by the average the other would have been chosen");
    assert!(x.reason.contains("pays for itself"), "{}", x.reason);
}

/// The same places with as much noise as return: nobody can tell which.
#[tokio::test]
async fn places_that_cannot_be_told_apart_are_undecided() {
    let mut world = World::default();
    let varied = |_: i32, chance: &mut Chance| 700.0 + 150.0 * chance.normal();
    weeks(&mut world, "x/a", varied, |spent, chance| 500.0 + 2.0 * spent + 1500.0 * chance.normal());
    weeks(&mut world, "weibo/a", varied, |spent, chance| 500.0 + 2.0 * spent + 1500.0 * chance.normal());
    let places = next(&world).await;
    assert!(places.iter().all(|place| place.verdict == SpendVerdict::Undecided), "{places:#?}");
}

/// Money that was the same every week, money that rose in a straight line, and too few weeks tell nothing; the reason
/// is said.
#[tokio::test]
async fn what_cannot_be_told_is_told() {
    for (spend, why) in [
        ((|_, _: &mut Chance| 700.0) as fn(i32, &mut Chance) -> f64, "hardly varied"),
        (|week, _| 500.0 + 20.0 * f64::from(week), "hardly varied"),
    ] {
        let mut world = World::default();
        weeks(&mut world, "x/a", spend, |spent, chance| 2.0 * spent + 100.0 * chance.normal());
        let place = next(&world).await.remove(0);
        assert_eq!((place.verdict, place.marginal), (SpendVerdict::CannotBeTold, None), "{place:#?}");
        assert!(place.reason.contains(why), "{}", place.reason);
        near(place.average, 2.0, 0.1);
    }
    let mut world = World::default();
    weeks(&mut world, "x/a", |_, chance| 700.0 + 150.0 * chance.normal(), |spent, _| 2.0 * spent);
    let short = asked("2026-05-18..2026-07-05", &[]);
    let place = next_spend(&world.session(), &short, &Money::default(), None).await.unwrap().remove(0);
    assert_eq!((place.weeks, place.verdict), (7, SpendVerdict::CannotBeTold));
    assert!(place.reason.contains("7 whole weeks"), "{}", place.reason);
    // Nobody counts what it brought.
    let mut world = World::default();
    world.account("x/a");
    paid(&mut world, "x/a", None, "2026-06-05", json!({"spend": "60", "currency": "EUR"}));
    assert!(next(&world).await.is_empty());
}

/// Returns that bend: the slope at the last weeks' spending, not the one of the whole range.
#[tokio::test]
async fn returns_that_bend_tell_the_slope_at_the_end() {
    let mut world = World::default();
    let rising =
        |week: i32, chance: &mut Chance| if week < 22 { 200.0 + 1000.0 * chance.share() } else { 1150.0 };
    let root = |spent: f64, chance: &mut Chance| 200.0 * spent.sqrt() + 50.0 * chance.normal();
    weeks(&mut world, "x/a", rising, root);
    let place = next(&world).await.remove(0);
    let truth = 100.0 / 1150f64.sqrt();
    assert!(place.notes.iter().any(|note| note.contains("bend down")), "{place:#?}");
    near(place.marginal, truth, 0.8);
    assert_eq!(place.verdict, SpendVerdict::Alone);
}

/// A week with days that nobody read would look cheap: it is left out.
#[tokio::test]
async fn weeks_with_gaps_are_left_out() {
    let mut world = World::default();
    world.account("x/a");
    let mut chance = Chance::new(1);
    for week in 0..12 {
        let spent = 700.0 + 150.0 * chance.normal();
        for day in (0..7).filter(|day| week != 5 || *day > 2) {
            let day = add_days(date(2026, 1, 5), 7 * week + day).to_string();
            let more = json!({"spend": format!("{:.2}", spent / 7.0), "revenue": format!("{:.2}", 2.0 * spent / 7.0), "currency": "EUR"});
            paid(&mut world, "x/a", None, &day, more);
        }
    }
    let place = next_spend(&world.session(), &asked("2026-01-05..2026-03-29", &[]), &Money::default(), None)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(place.weeks, 11);
    near(place.marginal, 2.0, 0.01);
    assert!(place.notes.iter().any(|note| note.starts_with("1 weeks")), "{:?}", place.notes);
}
