//! Accounts in plain loops: flows, states, people and money, as they are now and as they were known, which the
//! evaluation must agree with on random tables; and what no formula may add.

use std::collections::BTreeMap;

use jiff::civil::Date;
use kepi_core::{Catalogue, DateSpan, Nature, SubjectKind, period::add_days};
use kepi_engine::{Dimension, Kpi, Number, ScoreRow, Source, parse_kpis};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::{kpi, request, score, world::World};

const START: Date = Date::constant(2026, 1, 1);
const ACCOUNTS: [&str; 2] = ["x/a", "weibo/b"];
/// When restatements were recorded, and an instant before it and after all else.
const RESTATED: &str = "2026-06-01T00:00:00Z";
const BEFORE: &str = "2026-05-01T00:00:00Z";

/// What a source says of an account's day.
#[derive(Debug, Clone)]
struct Said {
    gained: Option<i64>,
    followers: Option<i64>,
    reach: Option<i64>,
    cents: Option<i64>,
    /// What it says of those gained when it is asked again.
    again: Option<i64>,
}

/// Account, day, and whether an export says it and not the API.
type Key = (usize, i32, bool);
type Table = BTreeMap<Key, Said>;

/// One row of the table of facts.
#[derive(Debug, Clone)]
struct Row {
    key: Key,
    said: Said,
    restated: bool,
    superseded: bool,
}

fn table() -> impl Strategy<Value = Table> {
    let number = |share: f64, most: i64| prop::option::weighted(share, 0..most);
    let said = (number(0.7, 50), number(0.5, 2000), number(0.5, 300), number(0.6, 1000), number(0.2, 50))
        .prop_map(|(gained, followers, reach, cents, again)| Said { gained, followers, reach, cents, again });
    prop::collection::btree_map((0..2_usize, 0..30_i32, prop::bool::weighted(0.3)), said, 0..30)
}

fn rows(table: &Table) -> Vec<Row> {
    let mut rows = Vec::new();
    for (key, said) in table {
        let one = Row { key: *key, said: said.clone(), restated: false, superseded: said.again.is_some() };
        if said.again.is_some() {
            let said = Said { gained: said.again, ..said.clone() };
            rows.push(Row { said, restated: true, superseded: false, ..one.clone() });
        }
        rows.push(one);
    }
    rows
}

/// When a source read it: an export later than the API, a restatement later than both.
fn observed(row: &Row) -> Date {
    let (_, day, export) = row.key;
    let first = if row.restated { Date::constant(2026, 5, 20) } else { add_days(START, day + 1) };
    add_days(first, if export { 7 } else { 0 })
}

fn world(rows: &[Row]) -> World {
    let mut world = World::default();
    for account in ACCOUNTS {
        world.account(account);
    }
    for row in rows {
        let (account, day, export) = row.key;
        let money = row.said.cents.map(|cents| Decimal::new(cents, 2).to_string());
        let recorded =
            if row.restated { RESTATED.to_owned() } else { format!("{}T06:00:00Z", observed(row)) };
        let superseded = row.superseded.then_some(RESTATED);
        world.day(
            ACCOUNTS[account],
            &add_days(START, day).to_string(),
            json!({"follows_gained": row.said.gained, "followers_total": row.said.followers, "reach": row.said.reach,
                "spend": money, "currency": money.is_some().then_some("EUR"), "recorded_at": recorded,
                "provenance": if export { "export" } else { "api" }, "observed_at": format!("{}T05:00:00Z", observed(row)),
                "current": !row.superseded, "superseded_at": superseded}),
        );
    }
    world
}

const FORMULAS: [&str; 5] =
    ["follows_gained", "followers_total", "mean_over_days(followers_total)", "reach", "spend"];

fn kpis() -> Vec<Kpi> {
    let made = FORMULAS.iter().map(|formula| {
        let more = "basis = \"activity\"\nsubject = \"account\"\ntraffic = \"organic\"";
        Kpi { id: (*formula).to_owned(), ..kpi(formula, more) }
    });
    made.collect()
}

/// The newest observation of a number of each day of an account, of the rows that were valid.
fn days(
    rows: &[Row],
    account: usize,
    of: fn(&Said) -> Option<i64>,
    before_restated: bool,
) -> BTreeMap<Date, i64> {
    let mut newest: BTreeMap<Date, (Date, i64)> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.key.0 == account) {
        let valid = if before_restated { !row.restated } else { !row.superseded };
        let Some(value) = of(&row.said).filter(|_| valid) else { continue };
        let slot = newest.entry(add_days(START, row.key.1)).or_insert((observed(row), value));
        if slot.0 <= observed(row) {
            *slot = (observed(row), value);
        }
    }
    newest.into_iter().map(|(day, (_, value))| (day, value)).collect()
}

fn reference(
    rows: &[Row],
    formula: &str,
    accounts: &[usize],
    span: DateSpan,
    before: bool,
) -> Option<Decimal> {
    let of: fn(&Said) -> Option<i64> = match formula {
        "follows_gained" => |said| said.gained,
        "reach" => |said| said.reach,
        "spend" => |said| said.cents,
        _ => |said| said.followers,
    };
    let mut parts: Vec<Decimal> = Vec::new();
    for account in accounts {
        let days = days(rows, *account, of, before);
        let within: Vec<i64> =
            days.iter().filter(|(day, _)| span.contains(**day)).map(|(_, value)| *value).collect();
        match formula {
            "follows_gained" => parts.extend(within.into_iter().map(Decimal::from)),
            "spend" => parts.extend(within.into_iter().map(|cents| Decimal::new(cents, 2))),
            // Only the figure for exactly the period, of one subject.
            "reach" if span.days() == 1 => parts.extend(within.into_iter().map(Decimal::from)),
            "reach" => {}
            "followers_total" => {
                parts.extend(days.range(..span.end).next_back().map(|(_, value)| Decimal::from(*value)));
            }
            _ if within.is_empty() => {}
            _ => parts.push(Decimal::from(within.iter().sum::<i64>()) / Decimal::from(within.len())),
        }
    }
    let people = formula == "reach" && parts.len() > 1;
    (!parts.is_empty() && !people).then(|| parts.into_iter().sum())
}

fn value(row: &ScoreRow) -> Option<Decimal> {
    row.value.map(|value| match value {
        Number::Whole(whole) => Decimal::from_i128_with_scale(whole, 0),
        Number::Money(money) => money,
        Number::Real(real) => Decimal::try_from(real).unwrap(),
    })
}

async fn agrees(table: &Table, by: Vec<Dimension>, before: bool) {
    let rows = rows(table);
    let mut asked = request(kpis(), "2026-01-05..2026-01-20", "2026-12-01");
    asked.by = by;
    asked.as_of = before.then(|| BEFORE.parse().unwrap());
    for row in score(&world(&rows), &asked).await {
        let accounts: Vec<usize> = match row.scope.get("account") {
            Some(Some(name)) => ACCOUNTS.iter().position(|account| account == name).into_iter().collect(),
            _ => vec![0, 1],
        };
        let span = DateSpan::new(row.period.start, row.period.end);
        let expected = reference(&rows, &row.kpi, &accounts, span, before);
        let near = |a: Decimal, b: Decimal| {
            // A mean is no decimal; sums of people, counts and money are exact.
            let within = if row.kpi.starts_with("mean") { Decimal::new(1, 6) } else { Decimal::ZERO };
            (a - b).abs() <= within
        };
        let same = match (value(&row), expected) {
            (Some(found), Some(expected)) => near(found, expected),
            (found, expected) => found == expected,
        };
        assert!(same, "{} {:?} {span}: {:?} instead of {expected:?}", row.kpi, row.scope, row.value);
    }
}

/// What is told, without the order in which it was gathered.
async fn told(rows: &[Row], as_of: Option<&str>) -> Vec<(Option<Number>, Option<f64>, Vec<String>)> {
    let mut asked = request(kpis(), "2026-01-05..2026-01-20", "2026-12-01");
    asked.by = vec![Dimension::Account, Dimension::Week];
    asked.as_of = as_of.map(|at| at.parse().unwrap());
    let rows = score(&world(rows), &asked).await;
    rows.into_iter().map(|row| (row.value, row.coverage, row.notes)).collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn accounts_agree_with_loops(
        table in table(),
        by in prop::sample::subsequence(vec![Dimension::Account, Dimension::Day], 0..=2),
        before in any::<bool>(),
    ) {
        runtime().block_on(agrees(&table, by, before));
    }

    /// Order and repetition change nothing; parts of what happened add up; what came later was not known before.
    #[test]
    fn order_repetition_partition_and_the_future(table in table()) {
        runtime().block_on(async {
            let plain = rows(&table);
            let whole = told(&plain, None).await;
            let backwards: Vec<Row> = plain.iter().rev().cloned().collect();
            assert_eq!(told(&backwards, None).await, whole);
            let twice: Vec<Row> = plain.iter().chain(&backwards).cloned().collect();
            assert_eq!(told(&twice, None).await, whole);

            let known: Vec<Row> =
                plain.iter().filter(|row| !row.restated).map(|row| Row { superseded: false, ..row.clone() }).collect();
            assert_eq!(told(&plain, Some(BEFORE)).await, told(&known, Some(BEFORE)).await);

            let mut asked = request(kpis(), "2026-01-05..2026-01-20", "2026-12-01");
            let total = score(&world(&plain), &asked).await;
            for by in [Dimension::Day, Dimension::Week, Dimension::Account, Dimension::Platform] {
                asked.by = vec![by];
                let parts = score(&world(&plain), &asked).await;
                for formula in ["follows_gained", "spend"] {
                    let of = |rows: &[ScoreRow]| -> Decimal {
                        rows.iter().filter(|row| row.kpi == formula).filter_map(value).sum()
                    };
                    assert_eq!(of(&parts), of(&total), "{formula} by {by:?}");
                }
            }
        });
    }
}

/// Every metric of posts by the table of kinds: counts and money are added, means with their weight, people and
/// ratios never.
#[test]
fn what_may_be_added_over_posts_follows_from_the_kind() {
    let catalogue = Catalogue::builtin();
    let lawful = |formula: &str| {
        let text = format!(
            "[[kpi]]\nid = \"k\"\ngoal = \"engagement\"\nplatforms = [\"x\"]\nsubject = \"post\"\nformula = \"{formula}\"\n"
        );
        parse_kpis(&[Source { name: "k".to_owned(), text }], catalogue)
    };
    let mut refused = Vec::new();
    for metric in catalogue.columns(SubjectKind::Post) {
        let added = lawful(metric.id.as_str());
        match metric.nature {
            Nature::Count | Nature::Money => assert!(added.is_ok(), "{}: {added:?}", metric.id),
            Nature::People | Nature::Ratio => {
                let faults = added.as_ref().expect_err(metric.id.as_str());
                assert!(faults[0].hint.is_some(), "{} is refused without a way out", metric.id);
                refused.push(metric.id.clone());
            }
            Nature::Mean | Nature::Level => {}
        }
        if metric.nature == Nature::Mean
            && metric.weight.as_ref().is_none_or(|weight| !catalogue.has_column(SubjectKind::Post, weight))
        {
            assert!(added.is_err(), "{} has no weight and is added", metric.id);
        }
    }
    assert!(refused.len() >= 4, "{refused:?}");
    // A state is no flow: no written aggregate, no product and no sum of it with what happened gets by.
    for metric in catalogue.columns(SubjectKind::Account).filter(|metric| metric.nature == Nature::Level) {
        for formula in
            [format!("sum({})", metric.id), format!("gross({})", metric.id), format!("{} + likes", metric.id)]
        {
            assert!(lawful(&formula).is_err(), "{formula} passed");
        }
    }
}

/// Money beyond what a float holds stays exact.
#[tokio::test]
async fn money_is_decimal() {
    let mut world = World::default();
    world.account("x/a");
    for (day, spend) in
        [("2026-01-05", "9007199254740993.10"), ("2026-01-06", "0.20"), ("2026-01-07", "0.000001")]
    {
        world.day("x/a", day, json!({"spend": spend, "currency": "EUR"}));
    }
    let kpi = kpi("spend", "basis = \"activity\"\nsubject = \"account\"");
    let rows = score(&world, &request(vec![kpi], "2026-01", "2026-12-01")).await;
    let exact: Decimal = "9007199254740993.300001".parse().unwrap();
    assert_eq!(value(&rows[0]), Some(exact));
    assert_ne!(
        Value::from(9_007_199_254_740_993.3_f64).to_string(),
        exact.to_string(),
        "a float would lose it"
    );
}
