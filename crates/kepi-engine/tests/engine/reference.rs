//! A plain evaluator in loops, which the plans must agree with on random tables.

use std::collections::BTreeMap;

use jiff::civil::Date;
use kepi_core::{DateSpan, period::add_days};
use kepi_engine::{Basis, Dimension, Kpi, Number, ScoreRow};
use proptest::prelude::*;
use serde_json::json;

use crate::{kpi, request, score, world::World};

const METRICS: [&str; 3] = ["likes", "impressions", "reach"];
const CATEGORIES: [&str; 3] = ["", "tips", "news"];
const START: Date = Date::constant(2026, 1, 1);

/// A reading of a post: when, whose traffic, and its numbers where they are.
#[derive(Debug, Clone)]
struct Reading {
    at: i32,
    total: bool,
    values: [Option<i64>; 3],
}

/// What happened to a post from a day on, over so many days.
#[derive(Debug, Clone)]
struct Happened {
    from: i32,
    days: i32,
    total: bool,
    values: [Option<i64>; 3],
}

#[derive(Debug, Clone)]
struct Post {
    account: usize,
    category: usize,
    published: i32,
    readings: Vec<Reading>,
    happened: Vec<Happened>,
}

fn values() -> impl Strategy<Value = [Option<i64>; 3]> {
    let number = || prop::option::weighted(0.8, 0..50_i64);
    [number(), number(), number()]
}

fn posts() -> impl Strategy<Value = Vec<Post>> {
    let reading = (0..2000_i32, prop::bool::weighted(0.2), values())
        .prop_map(|(at, total, values)| Reading { at, total, values });
    let happened = (0..100_i32, 1..4_i32, prop::bool::weighted(0.2), values())
        .prop_map(|(from, days, total, values)| Happened { from, days, total, values });
    let post = (
        0..2_usize,
        0..3_usize,
        0..90_i32,
        prop::collection::vec(reading, 0..4),
        prop::collection::vec(happened, 0..6),
    );
    let post = post.prop_map(|(account, category, published, mut readings, happened)| {
        readings.sort_by_key(|reading| (reading.total, reading.at));
        readings.dedup_by_key(|reading| (reading.total, reading.at));
        Post { account, category, published, readings, happened }
    });
    prop::collection::vec(post, 0..12)
}

fn world(posts: &[Post]) -> World {
    let mut world = World::default();
    world.account("x/a").account("weibo/b");
    for (id, post) in posts.iter().enumerate() {
        let (account, id) = (ACCOUNTS[post.account], id.to_string());
        let category = Some(CATEGORIES[post.category]).filter(|category| !category.is_empty());
        let published = format!("{}T10:00:00Z", add_days(START, post.published));
        world.post(account, &id, &published, json!({"category": category}));
        for reading in &post.readings {
            let at = jiff::Timestamp::from_second(1_780_000_000 + i64::from(reading.at) * 3600)
                .unwrap()
                .to_string();
            world.lifetime(account, &id, &at, row(reading.total, &reading.values));
            world.fact(account, &id, &at, row(reading.total, &reading.values));
        }
        for happened in &post.happened {
            let (from, until) = window(happened);
            world.daily(
                account,
                &id,
                (&from.to_string(), &until.to_string()),
                row(happened.total, &happened.values),
            );
        }
    }
    world
}

const ACCOUNTS: [&str; 2] = ["x/a", "weibo/b"];

fn row(total: bool, values: &[Option<i64>; 3]) -> serde_json::Value {
    let mut row = json!({"traffic": if total { "total" } else { "organic" }});
    for (metric, value) in METRICS.iter().zip(values) {
        row[*metric] = json!(value);
    }
    row
}

fn window(happened: &Happened) -> (Date, Date) {
    let from = add_days(START, happened.from);
    (from, add_days(from, happened.days))
}

/// What a formula is, in loops: which metrics it needs, and its value from the complete rows.
struct Formula {
    text: &'static str,
    needs: &'static [usize],
    basis: Basis,
    value: fn(&[[f64; 3]]) -> Option<f64>,
}

fn sum(rows: &[[f64; 3]], of: impl Fn(&[f64; 3]) -> f64) -> Option<f64> {
    (!rows.is_empty()).then(|| rows.iter().map(of).sum())
}

fn ratio(numerator: Option<f64>, denominator: Option<f64>) -> Option<f64> {
    numerator.zip(denominator).filter(|(_, denominator)| *denominator != 0.0).map(|(n, d)| n / d)
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[half]),
        _ => Some((values[half - 1] + values[half]) / 2.0),
    }
}

fn each(rows: &[[f64; 3]]) -> Vec<f64> {
    rows.iter().filter(|row| row[1] != 0.0).map(|row| row[0] / row[1]).collect()
}

const FORMULAS: [Formula; 9] = [
    Formula { text: "likes", needs: &[0], basis: Basis::Published, value: |rows| sum(rows, |row| row[0]) },
    Formula {
        text: "(likes + 2 * impressions) / impressions",
        needs: &[0, 1],
        basis: Basis::Published,
        value: |rows| ratio(sum(rows, |row| row[0] + 2.0 * row[1]), sum(rows, |row| row[1])),
    },
    Formula {
        text: "per_post(likes)",
        needs: &[0],
        basis: Basis::Published,
        value: |rows| ratio(sum(rows, |row| row[0]), sum(rows, |_| 1.0)),
    },
    Formula {
        text: "mean_over_posts(likes / impressions)",
        needs: &[0, 1],
        basis: Basis::Published,
        value: |rows| {
            let each = each(rows);
            (!each.is_empty()).then(|| each.iter().sum::<f64>() / each.len() as f64)
        },
    },
    Formula {
        text: "median_over_posts(likes / impressions)",
        needs: &[0, 1],
        basis: Basis::Published,
        value: |rows| middle(each(rows)),
    },
    Formula {
        text: "count_posts(likes > 20 or impressions / likes < 1)",
        needs: &[0, 1],
        basis: Basis::Published,
        value: |rows| {
            let told = rows.iter().filter_map(|row| {
                let second = (row[0] != 0.0).then(|| row[1] / row[0] < 1.0);
                if row[0] > 20.0 { Some(true) } else { second }
            });
            let told: Vec<bool> = told.collect();
            (!told.is_empty()).then(|| told.iter().filter(|holds| **holds).count() as f64)
        },
    },
    Formula {
        text: "gross(reach) - 3 * gross(reach)",
        needs: &[2],
        basis: Basis::Published,
        value: |rows| sum(rows, |row| -2.0 * row[2]),
    },
    Formula { text: "likes", needs: &[0], basis: Basis::Activity, value: |rows| sum(rows, |row| row[0]) },
    Formula {
        text: "likes / impressions",
        needs: &[0, 1],
        basis: Basis::Activity,
        value: |rows| ratio(sum(rows, |row| row[0]), sum(rows, |row| row[1])),
    },
];

fn complete(values: &[Option<i64>; 3], needs: &[usize]) -> bool {
    needs.iter().all(|need| values[*need].is_some())
}

fn floats(values: &[Option<i64>; 3]) -> [f64; 3] {
    values.map(|value| value.unwrap_or(0) as f64)
}

/// The rows that count for a post in a span.
fn rows_of(post: &Post, formula: &Formula, total: bool, span: DateSpan) -> Vec<[f64; 3]> {
    if formula.basis == Basis::Published {
        if !span.contains(add_days(START, post.published)) {
            return Vec::new();
        }
        let usable = post.readings.iter().filter(|r| r.total == total && complete(&r.values, formula.needs));
        return usable
            .max_by_key(|reading| reading.at)
            .map(|reading| floats(&reading.values))
            .into_iter()
            .collect();
    }
    let within = |happened: &&Happened| {
        let (from, until) = window(happened);
        span.start <= from && until <= span.end
    };
    let usable = post
        .happened
        .iter()
        .filter(|h| h.total == total && complete(&h.values, formula.needs))
        .filter(within);
    usable.map(|happened| floats(&happened.values)).collect()
}

/// Organic where any row of any span that is asked about has all metrics, else total.
fn traffic(posts: &[Post], formula: &Formula, spans: &[DateSpan]) -> bool {
    let first = posts.iter().any(|post| match formula.basis {
        Basis::Published => spans.iter().any(|span| {
            span.contains(add_days(START, post.published))
                && post.readings.iter().any(|r| !r.total && complete(&r.values, formula.needs))
        }),
        Basis::Activity => post.happened.iter().any(|happened| {
            let (from, until) = window(happened);
            let touches = spans.iter().any(|span| from < span.end && span.start < until);
            !happened.total && touches && complete(&happened.values, formula.needs)
        }),
    });
    !first
}

type Rows = Vec<[f64; 3]>;

type Cells = BTreeMap<(Vec<String>, Date), (Option<f64>, Option<f64>)>;

fn reference(posts: &[Post], formula: &Formula, by: &[Dimension], parts: &[(DateSpan, DateSpan)]) -> Cells {
    let spans: Vec<DateSpan> = parts.iter().flat_map(|(now, before)| [*now, *before]).collect();
    let total = traffic(posts, formula, &spans);
    let scope = |post: &Post| -> Vec<String> {
        let mut scope: Vec<(&str, &str)> = by
            .iter()
            .filter_map(|dimension| match dimension {
                Dimension::Account => Some(("account", ACCOUNTS[post.account])),
                Dimension::Platform => Some(("platform", ACCOUNTS[post.account].split_once('/').unwrap().0)),
                Dimension::Category => Some(("category", CATEGORIES[post.category])),
                _ => None,
            })
            .collect();
        scope.sort_unstable();
        scope.into_iter().map(|(_, value)| value.to_owned()).collect()
    };
    let mut cells = Cells::new();
    for (now, before) in parts {
        let mut rows: BTreeMap<Vec<String>, (Rows, Rows)> = BTreeMap::new();
        for post in posts {
            let entry = rows.entry(scope(post)).or_default();
            entry.0.extend(rows_of(post, formula, total, *now));
            entry.1.extend(rows_of(post, formula, total, *before));
        }
        for (scope, (rows, earlier)) in rows {
            cells.insert((scope, now.start), ((formula.value)(&rows), (formula.value)(&earlier)));
        }
    }
    cells
}

fn same(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * (1.0 + b.abs()),
        (a, b) => a.is_none() && b.is_none(),
    }
}

fn key(row: &ScoreRow) -> (Vec<String>, Date) {
    (row.scope.values().map(|value| value.clone().unwrap_or_default()).collect(), row.period.start)
}

fn kpis() -> Vec<Kpi> {
    let mut kpis = Vec::new();
    for (number, formula) in FORMULAS.iter().enumerate() {
        let mut made = kpi(formula.text, &format!("basis = \"{}\"", formula.basis.as_str()));
        made.id = number.to_string();
        kpis.push(made);
    }
    kpis
}

async fn agrees(posts: &[Post], by: Vec<Dimension>, as_of: bool) {
    let mut asked = request(kpis(), "2026-02-01..2026-03-15", "2026-12-01");
    asked.by = by;
    asked.as_of = as_of.then(|| "2027-06-01T00:00:00Z".parse().unwrap());
    let rows = score(&world(posts), &asked).await;
    let monthly = asked.by.contains(&Dimension::Month);
    let span = |from: &str, to: &str| DateSpan::new(from.parse().unwrap(), to.parse().unwrap());
    let parts = if monthly {
        vec![
            (span("2026-02-01", "2026-03-01"), span("2026-01-01", "2026-02-01")),
            (span("2026-03-01", "2026-03-16"), span("2026-02-14", "2026-03-01")),
        ]
    } else {
        vec![(span("2026-02-01", "2026-03-16"), span("2025-12-20", "2026-02-01"))]
    };
    for (number, formula) in FORMULAS.iter().enumerate() {
        let expected = reference(posts, formula, &asked.by, &parts);
        let own: BTreeMap<_, _> =
            rows.iter().filter(|row| row.kpi == number.to_string()).map(|row| (key(row), row)).collect();
        for (key, row) in &own {
            let (value, previous) = expected.get(key).copied().unwrap_or_default();
            let told = (row.value.map(Number::as_f64), row.previous.map(Number::as_f64));
            assert!(
                same(told.0, value) && same(told.1, previous),
                "{} {key:?}: {told:?} instead of {:?}",
                formula.text,
                (value, previous)
            );
        }
        for (key, (value, _)) in expected {
            assert!(
                value.is_none() || own.contains_key(&key),
                "{} {key:?} = {value:?} has no row",
                formula.text
            );
        }
    }
}

fn breakdowns() -> impl Strategy<Value = Vec<Dimension>> {
    prop::sample::subsequence(
        vec![Dimension::Platform, Dimension::Account, Dimension::Category, Dimension::Month],
        0..=4,
    )
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn plans_agree_with_loops(posts in posts(), by in breakdowns(), as_of in any::<bool>()) {
        runtime().block_on(agrees(&posts, by, as_of));
    }

    /// The order of rows does not matter, and the parts of a sum add up to the whole.
    #[test]
    fn order_and_partition(posts in posts(), turn in 0..12_usize) {
        let mut turned = posts.clone();
        turned.rotate_left(turn % posts.len().max(1));
        runtime().block_on(async {
            let mut asked = request(kpis(), "2026-02-01..2026-03-15", "2026-12-01");
            let values = |rows: &[ScoreRow]| rows.iter().map(|row| row.value.map(Number::as_f64)).collect::<Vec<_>>();
            let whole = values(&score(&world(&posts), &asked).await);
            let other = values(&score(&world(&turned), &asked).await);
            assert!(whole.iter().zip(&other).all(|(a, b)| same(*a, *b)), "{whole:?} {other:?}");
            for by in [Dimension::Category, Dimension::Account] {
                asked.by = vec![by];
                let rows = score(&world(&posts), &asked).await;
                for sum in ["0", "7"] {
                    let parts = rows.iter().filter(|row| row.kpi == sum).filter_map(|row| row.value);
                    let parts = parts.reduce(Number::plus).map(Number::as_f64);
                    let place = usize::from(sum == "7") * 7;
                    assert!(same(parts, whole[place]), "{by:?} {sum}: {parts:?} {:?}", whole[place]);
                }
            }
        });
    }
}
