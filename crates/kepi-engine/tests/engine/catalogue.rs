//! The shipped KPIs: each has a value where its numbers are, and a reason where they are not.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use jiff::{ToSpan, civil::date};
use kepi_core::{
    Catalogue, SubjectKind,
    tables::{Type, facts_of, metric_type},
};
use kepi_engine::{Goal, Kpi, Source, choose, in_force, parse_kpis, starters};
use serde_json::{Map, Value, json};

use crate::{request, score, world::World};

fn files() -> Vec<Source> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/kpis");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths
        .iter()
        .map(|path| Source { name: name(path), text: std::fs::read_to_string(path).unwrap() })
        .collect()
}

pub(crate) fn shipped() -> Vec<Kpi> {
    parse_kpis(&files(), Catalogue::builtin()).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

/// Every metric that a kind of subject has, as a row holds it.
fn all_metrics(kind: SubjectKind, times: i64) -> Map<String, Value> {
    let value = |metric: &kepi_core::Metric| match metric_type(metric) {
        Type::Money => json!(format!("{}.000000", 8 * times)),
        Type::Int => json!(10 * times),
        _ => json!(0.5),
    };
    Catalogue::builtin().columns(kind).map(|metric| (metric.id.to_string(), value(metric))).collect()
}

fn with(base: Value, more: &Map<String, Value>) -> Value {
    let mut base = base.as_object().unwrap().clone();
    base.extend(more.clone());
    base.into()
}

/// A world of one account that knows every number, in a traffic and for a platform.
fn knowing(platform: &str, traffic: &str, kpis: &[Kpi]) -> World {
    let account = format!("{platform}/a");
    let said = json!({"traffic": traffic, "currency": "CNY"});
    let mut world = World::default();
    world.account(&account);
    let (first, end) = (date(2026, 5, 1), date(2026, 7, 1));
    for (post, published) in [("p1", "2026-06-03"), ("p2", "2026-06-10")] {
        world.post(&account, post, published, json!({}));
        let metrics = with(said.clone(), &all_metrics(SubjectKind::Post, 1));
        world.lifetime(&account, post, "2026-06-28", metrics.clone());
        let week_old = published.parse::<jiff::civil::Date>().unwrap().checked_add(7.days()).unwrap();
        world.fact(&account, post, &week_old.to_string(), metrics.clone());
        world.daily(&account, post, ("2026-06-20", "2026-06-21"), metrics);
    }
    let mut day = first;
    while day < end {
        let next = day.tomorrow().unwrap();
        let metrics = with(said.clone(), &all_metrics(SubjectKind::Account, 1));
        world.window(
            &account,
            (&day.to_string(), &next.to_string()),
            with(metrics, json!({"window": "day"}).as_object().unwrap()),
        );
        for kind in [SubjectKind::Media, SubjectKind::Campaign, SubjectKind::Topic, SubjectKind::Location] {
            let row = json!({"platform": platform, "account": account, "subject": "s", "window": "day",
                "day": day.to_string(), "end_day": next.to_string(), "observed_at": format!("{next}T00:00:00Z")});
            world.add(facts_of(kind).name, with(with(row, said.as_object().unwrap()), &all_metrics(kind, 1)));
        }
        for gauge in kpis.iter().flat_map(segments).collect::<BTreeSet<_>>() {
            let row = json!({"platform": platform, "account": account, "subject_kind": "account", "subject": "",
                "segment_dimension": gauge.1, "segment_value": gauge.2, "metric": gauge.0, "count": 4,
                "window": "day", "day": day.to_string(), "end_day": next.to_string(),
                "observed_at": format!("{next}T00:00:00Z"), "traffic": traffic});
            world.add("segment_facts", row);
        }
        day = next;
    }
    let whole = with(said, &all_metrics(SubjectKind::Account, 20));
    world.window(&account, ("2026-06-01", "2026-07-01"), whole);
    world
}

fn segments(kpi: &Kpi) -> Vec<(String, String, String)> {
    let mut gauges = Vec::new();
    kpi.program.parts.iter().for_each(|part| part.row.gauges(&mut gauges));
    gauges
        .into_iter()
        .filter_map(|gauge| {
            let (dimension, value) = gauge.segment.as_ref()?;
            Some((gauge.metric.to_string(), dimension.to_string(), value.to_string()))
        })
        .collect()
}

/// Where all its numbers are known, every shipped KPI has a value: its formula is not only lawful but can be had.
#[tokio::test]
async fn every_shipped_kpi_has_a_value_where_its_numbers_are() {
    let mut without = Vec::new();
    let mut groups: BTreeMap<(String, &str), Vec<Kpi>> = BTreeMap::new();
    for kpi in shipped() {
        let platform = kpi.platforms.first().map_or("x", |platform| platform.as_str()).to_owned();
        let traffic = kpi.traffic.map_or("total", |traffic| traffic.as_str());
        groups.entry((platform, traffic)).or_default().push(kpi);
    }
    for ((platform, traffic), kpis) in groups {
        let world = knowing(&platform, traffic, &kpis);
        let count = kpis.len();
        let rows = score(&world, &request(kpis, "2026-06", "2026-07-10")).await;
        assert_eq!(rows.len(), count);
        let lacking = rows.iter().filter(|row| row.value.is_none());
        without.extend(lacking.map(|row| format!("{}: {:?} {:?}", row.kpi, row.status, row.notes)));
    }
    assert!(without.is_empty(), "{without:#?}");
}

/// Where nothing is known, every row says so, and none says zero.
#[tokio::test]
async fn every_shipped_kpi_has_a_reason_where_nothing_is_known() {
    let mut world = World::default();
    for platform in ["x", "wechat", "weibo", "douyin", "xiaohongshu", "instagram", "linkedin", "web"] {
        world.account(&format!("{platform}/a"));
    }
    let rows = score(&world, &request(shipped(), "2026-06", "2026-07-10")).await;
    assert_eq!(rows.len(), shipped().len());
    for row in rows {
        let counts = row.kpi.ends_with("posting-cadence") || row.kpi == "posts-published";
        assert!(row.value.is_none() || counts, "{}: {:?}", row.kpi, row.value);
        assert!(!row.notes.is_empty() || counts, "{} gives no reason", row.kpi);
        let crm = ["crm", "listening"].iter().any(|name| {
            shipped()
                .iter()
                .any(|kpi| kpi.id == row.kpi && kpi.platforms.iter().any(|own| own.as_str() == *name))
        });
        assert_eq!(row.lacks_account(), crm, "{}: {:?}", row.kpi, row.notes);
    }
}

/// Every goal and every platform has its KPIs; each says how far it looks, how often it is looked at, and what to do.
#[test]
fn the_catalogue_is_whole() {
    let kpis = shipped();
    for goal in Goal::ALL {
        assert!(kpis.iter().filter(|kpi| kpi.goal == *goal).count() >= 3, "{} is thin", goal.as_str());
    }
    for platform in ["x", "wechat", "weibo", "douyin", "xiaohongshu", "instagram", "linkedin", "web"] {
        let own = kpis.iter().filter(|kpi| kpi.platforms.iter().any(|name| name.as_str() == platform));
        assert!(own.count() >= 9, "{platform} is thin");
    }
    for kpi in &kpis {
        let whole = kpi.objective.is_some() && kpi.indicator.is_some() && kpi.review.is_some();
        assert!(whole && kpi.stage.is_some() && kpi.when_low.is_some(), "{} is not whole", kpi.id);
        assert!(kpi.id.chars().all(|c| c != '_'), "{} has an underscore", kpi.id);
        assert!(!kpi.guards.contains(&kpi.id), "{} guards itself", kpi.id);
    }
}

/// T39: conversions, leads and orders of two sources are attributed in two ways: no KPI adds them.
#[test]
fn t39_no_shipped_kpi_adds_what_is_attributed_in_two_ways() {
    for kpi in shipped() {
        let attributed = ["leads", "conversions", "orders"];
        if kpi.metrics().iter().any(|metric| attributed.contains(&metric.as_str())) {
            assert_eq!(kpi.platforms.len(), 1, "{}", kpi.id);
        }
    }
}

/// A goal and platforms choose KPIs, with those that guard them; the text of the chosen ones is kept as it is.
#[test]
fn a_goal_and_platforms_choose() {
    let starters = starters(&files()).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let platforms = ["wechat".to_owned(), "douyin".to_owned()];
    let chosen = choose(&starters, &[Goal::BrandAwareness], &platforms);
    for id in ["wechat-open-rate", "douyin-plays", "mentions", "impressions"] {
        assert!(chosen.contains(id), "{id} is missing");
    }
    assert!(chosen.contains("douyin-interaction-rate"), "the guard of douyin-plays is missing");
    for id in ["x-impressions", "douyin-fan-growth-rate", "web-sessions"] {
        assert!(!chosen.contains(id), "{id} was not asked for");
    }
    let written: Vec<Source> = starters
        .iter()
        .filter_map(|file| Some(Source { name: file.name.clone(), text: file.text_of(&chosen)? }))
        .collect();
    let read = parse_kpis(&written, Catalogue::builtin()).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let ids: BTreeSet<String> = read.into_iter().map(|kpi| kpi.id).collect();
    assert_eq!(ids, chosen);
    let all = choose(&starters, &[], &[]);
    assert_eq!(all.len(), shipped().len());
    for (file, source) in starters.iter().zip(files()) {
        assert_eq!(file.text_of(&all).as_deref(), Some(source.text.as_str()), "{} is not kept", source.name);
    }
}

/// Of several versions that is taken which is in force on the day; the first where none is yet.
#[test]
fn one_version_is_in_force() {
    let text = |version: u32, from: &str| {
        format!(
            "[[kpi]]\nid = \"k\"\nversion = {version}\ngoal = \"engagement\"\nformula = \"likes\"\n{from}\n"
        )
    };
    let source = Source {
        name: "k".to_owned(),
        text: text(2, "valid_from = \"2026-04-01\"")
            + &text(1, "valid_from = \"2026-01-01\"")
            + &text(3, "valid_from = \"2026-09-01\""),
    };
    let kpis = parse_kpis(&[source], Catalogue::builtin()).unwrap();
    let on = |day| in_force(kpis.clone(), day).iter().map(|kpi| kpi.version).collect::<Vec<_>>();
    assert_eq!(on(date(2025, 6, 1)), [1]);
    assert_eq!(on(date(2026, 3, 31)), [1]);
    assert_eq!(on(date(2026, 4, 1)), [2]);
    assert_eq!(on(date(2027, 1, 1)), [3]);
}
