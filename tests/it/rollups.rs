//! A scorecard is the same whether the store's daily rollups answer or the rows they were added up from.

use jiff::{Timestamp, ToSpan};
use kepi_core::{
    AccountId, AccountRef, Body, Catalogue, Cursor, Job, Measurement, MetricId, Page, Period, Post, Reading,
    Stream, Subject, Traffic, Window, period::Fiscal,
};
use kepi_engine::{
    Dimension, EvaluationRequest, Kpi, OfferedByDescriptors, Source, evaluate, explain_plan, parse_kpis,
};
use kepi_store::{NewPage, Store, StoreOptions};
use proptest::{prelude::*, test_runner::TestRunner};
use tempfile::TempDir;

const METRICS: [&str; 4] = ["likes", "views", "comments", "watch_time_s"];

/// A number that a source says: post, day, hour, which metrics it lacks, given or a reading, whether it may
/// still change.
type Said = (u8, u8, u8, u8, bool, bool);

fn said() -> impl Strategy<Value = Said> {
    (0..5_u8, 1..28_u8, 0..2_u8, 0..16_u8, prop::bool::weighted(0.2), prop::bool::weighted(0.1))
}

fn start() -> Timestamp {
    "2026-02-20T06:00:00Z".parse().expect("an instant")
}

fn measurement((post, day, hour, lacks, given, provisional): Said) -> Measurement {
    let account = AccountId::new(["x/a", "x/b"][usize::from(post % 2)]).expect("an account");
    let at = start().checked_add((24 * i64::from(day) + i64::from(hour)).hours()).expect("an instant");
    let subject = Subject::post(account, format!("post{post}"));
    let window =
        if given { Window::Day(at.to_zoned(jiff::tz::TimeZone::UTC).date()) } else { Window::At(at) };
    let seed = i64::from(post) * 1000 + i64::from(day) * 10 + i64::from(hour);
    let values = (0..4_i64).zip(METRICS).filter(|(bit, _)| lacks >> bit & 1 == 0).map(|(bit, metric)| {
        let number = (seed + bit).wrapping_mul(7919).rem_euclid(500);
        match metric {
            "watch_time_s" => Reading::real(MetricId::from_static(metric), number as f64),
            _ => Reading::count(MetricId::from_static(metric), number),
        }
    });
    let traffic = if post == 4 { Traffic::Paid } else { Traffic::Organic };
    Measurement { values: values.collect(), traffic, provisional, ..Measurement::new(subject, window, at) }
}

fn new_page(number: usize, measurements: Vec<Measurement>, posts: Vec<Post>) -> NewPage {
    let account = AccountId::new("x/a").expect("an account");
    let observed = measurements.iter().map(|one| one.observed_at).max().unwrap_or_else(start);
    let reference = AccountRef::new(account.clone(), "UTC");
    NewPage {
        stream: Stream::of(&account, "tweets"),
        job: Job {
            endpoint: "tweets".into(),
            accounts: vec![reference],
            window: None,
            posts: Vec::new(),
            planned_at: observed,
            refused: Vec::new(),
            input: Some(serde_json::json!({ "page": number })),
        },
        cursor: Cursor::default(),
        request: None,
        body: Body::json("{}", observed),
        page: Page { measurements, posts, ..Page::default() },
    }
}

/// Three of the posts are sorted, one of them twice.
fn sorted(turn: usize) -> Vec<Post> {
    let post = |account: &str, id: &str| Post {
        published_at: start().checked_add(30.hours()).ok(),
        ..Post::new(AccountId::new(account).expect("an account"), id)
    };
    let told = |post: Post, format: &str, category: Option<&str>| Post {
        format: Some(format.into()),
        category: category.map(str::to_owned),
        ..post
    };
    match turn {
        0 => vec![told(post("x/a", "post0"), "video", Some("news"))],
        1 => vec![told(post("x/b", "post1"), "image", None), told(post("x/a", "post2"), "video", None)],
        _ => vec![told(post("x/b", "post1"), "image", Some("late"))],
    }
}

fn kpis() -> Vec<Kpi> {
    let formulas = [
        "likes",
        "(likes + comments) / views",
        "likes - 2 * comments",
        "watch_time_s / views",
        "likes / views",
    ];
    let conditions = [
        "format = 'video'",
        "not (category in ('news', 'late'))",
        "format <> 'image' or category = 'late' and not matches(campaign, 'x')",
    ];
    let all = formulas.map(|formula| (formula, None)).into_iter();
    let all = all.chain(conditions.map(|condition| ("likes / views", Some(condition))));
    kpis_of(all)
}

/// KPIs by formula and condition.
fn kpis_of(all: impl Iterator<Item = (&'static str, Option<&'static str>)>) -> Vec<Kpi> {
    let text: String = (0..)
        .zip(all)
        .map(|(i, (formula, condition))| {
            let only = condition.map_or_else(String::new, |condition| format!("where = \"{condition}\"\n"));
            format!(
                "[[kpi]]\nid = \"k{i}\"\ngoal = \"engagement\"\nplatforms = [\"x\"]\nbasis = \"activity\"\nformula = \"{formula}\"\n{only}"
            )
        })
        .collect();
    let source = Source { name: "k.toml".to_owned(), text };
    parse_kpis(&[source], Catalogue::builtin()).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn request(by: &[&str], rollups: bool) -> EvaluationRequest {
    let today = jiff::civil::date(2026, 3, 20);
    EvaluationRequest {
        kpis: kpis(),
        period: Period::parse("2026-03", today, Fiscal::default()).expect("a period"),
        by: by.iter().map(|name| name.parse::<Dimension>().expect("a dimension")).collect(),
        accounts: None,
        watched: Vec::new(),
        as_of: None,
        today,
        now: "2026-03-20T12:00:00Z".parse().expect("an instant"),
        fiscal: Fiscal::default(),
        min_coverage: 0.8,
        offered: std::sync::Arc::new(OfferedByDescriptors::default()),
        breaks: Vec::new(),
        rollups,
        compare: kepi_engine::Comparison::default(),
    }
}

async fn check(commits: &[Vec<Said>]) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("store").display().to_string();
    let store = Store::create(&path, StoreOptions::default()).await.expect("a store");
    for (turn, commit) in commits.iter().enumerate() {
        let mut writer = store.writer(None);
        let measurements = commit.iter().copied().map(measurement).collect();
        let posts = if turn < 3 { sorted(turn) } else { Vec::new() };
        writer.push(new_page(turn, measurements, posts)).await.expect("a page");
        writer.finish().await.expect("a commit");
    }
    let session = store.session().await.expect("a session");
    for by in [&[][..], &["account", "format"], &["category"], &["week"], &["campaign", "day"]] {
        let plan = explain_plan(&session, &request(by, true)).await.expect("a plan");
        assert!(plan.contains("daily_rollup") && !plan.contains("post_daily"), "{plan}");
        let plan = explain_plan(&session, &request(by, false)).await.expect("a plan");
        assert!(!plan.contains("daily_rollup"), "{plan}");
        let with = evaluate(&session, &request(by, true)).await.expect("a scorecard");
        let without = evaluate(&session, &request(by, false)).await.expect("a scorecard");
        let text = |rows: &[kepi_engine::ScoreRow]| serde_json::to_string_pretty(rows).expect("JSON");
        assert_eq!(text(&with), text(&without), "{by:?}");
    }
    // What rollups do not tell apart, and what was known before, is asked of the rows.
    let plan = explain_plan(&session, &request(&["language"], true)).await.expect("a plan");
    assert!(!plan.contains("daily_rollup"), "{plan}");
    for condition in [
        "language = 'de'",
        "format is null",
        "not (format is not null)",
        "format = 'video' or account = 'x/a'",
    ] {
        let asked = EvaluationRequest {
            kpis: kpis_of([("likes", Some(condition))].into_iter()),
            ..request(&[], true)
        };
        let plan = explain_plan(&session, &asked).await.expect("a plan");
        assert!(!plan.contains("daily_rollup"), "{condition}: {plan}");
    }
    let before = EvaluationRequest { as_of: Some(start()), ..request(&[], true) };
    let plan = explain_plan(&session, &before).await.expect("a plan");
    assert!(!plan.contains("daily_rollup"), "{plan}");
}

#[test]
fn the_numbers_are_the_same_with_and_without() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let telling = prop::collection::vec(prop::collection::vec(said(), 1..25), 3..6);
    TestRunner::new(config)
        .run(&telling, |commits| {
            runtime.block_on(check(&commits));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
