//! Any order, any grouping into commits, any repetition of what is said comes to the same: that of a model
//! that fits on a page.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::ToSpan;
use kepi_core::{Measurement, Page, Post, Provenance, SubjectKind, Traffic, Window};
use proptest::{prelude::*, test_runner::TestRunner};

use super::support::{World, account, account_day, born, date, given, new_page, noon, page, reading};
use crate::{
    Store, StoreOptions,
    cell::{Cell, Row},
    daily::{Context, DailyRow, Series, birth, daily},
    daily_rows::read_daily,
    dimension,
    lifetime::{self, keep},
    parquet_files::read_whole,
    rollup,
    rows::{Layout, read_keys, read_rows},
};

/// One thing that a source may say. Two that speak of the same at the same instant say the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Said {
    Reading { post: u8, day: i8, hour: u8, later: u8, public: bool },
    Given { post: u8, day: i8, observed: i8 },
    Account { day: i8, observed: i8 },
    Birth { post: u8 },
    BirthDay { post: u8 },
    Sorted { post: u8, category: u8 },
    // Of an export that does not know the post's id.
    Exported { post: u8, day: i8 },
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        6 => (0..3_u8, 1..8_i8, 0..2_u8, 0..2_u8, prop::bool::weighted(0.2))
            .prop_map(|(post, day, hour, later, public)| Said::Reading { post, day, hour, later, public }),
        1 => (0..3_u8, 1..8_i8, 8..10_i8).prop_map(|(post, day, observed)| Said::Given { post, day, observed }),
        2 => (1..4_i8, 2..6_i8).prop_map(|(day, observed)| Said::Account { day, observed }),
        1 => (0..3_u8).prop_map(|post| Said::Birth { post }),
        1 => (0..3_u8).prop_map(|post| Said::BirthDay { post }),
        1 => (0..3_u8, 0..2_u8).prop_map(|(post, category)| Said::Sorted { post, category }),
        2 => (0..3_u8, 1..8_i8).prop_map(|(post, day)| Said::Exported { post, day }),
    ]
}

/// What is said as a page of its own. Numbers come from what is said alone; some fall, some are absent.
fn to_page(said: &Said) -> Page {
    let mixed = |seed: i64| (seed.wrapping_mul(7919) ^ (seed >> 3)).rem_euclid(200);
    match said {
        Said::Reading { post, day, hour, later, public } => {
            let seed =
                i64::from(*post) * 1000 + i64::from(*day) * 100 + i64::from(*hour) * 10 + i64::from(*later);
            let when = noon(*day).checked_add(i64::from(*hour).hours()).unwrap();
            let mut values = vec![("likes", mixed(seed))];
            if mixed(seed + 1) % 3 != 0 {
                values.push(("views", mixed(seed + 2)));
            }
            let one = Measurement {
                observed_at: when.checked_add(i64::from(*later).minutes()).unwrap(),
                provenance: if *public { Provenance::Public } else { Provenance::Api },
                ..reading(&post.to_string(), when, &values)
            };
            page(vec![one])
        }
        Said::Given { post, day, observed } => {
            let seed = i64::from(*post) + i64::from(*day) * 31 + i64::from(*observed) * 7;
            page(vec![given(&post.to_string(), date(*day), noon(*observed), &[("likes", mixed(seed))])])
        }
        Said::Account { day, observed } => {
            let number = mixed(i64::from(*day) * 10 + i64::from(*observed) / 2);
            page(vec![account_day(date(*day), noon(*observed), &[("follows_gained", number)])])
        }
        Said::Birth { post } => Page { posts: vec![called(&post.to_string(), *post)], ..page(vec![]) },
        Said::Exported { post, day } => {
            let id = format!("title-{post}");
            let likes = mixed(i64::from(*post) * 17 + i64::from(*day));
            let one = Measurement {
                provenance: Provenance::Export,
                ..reading(&id, noon(*day), &[("likes", likes), ("saves", likes / 2)])
            };
            Page { posts: vec![called(&id, *post)], ..page(vec![one]) }
        }
        Said::BirthDay { post } => {
            let published_day = Some(date(i8::try_from(*post).unwrap() + 3));
            Page {
                posts: vec![Post { published_day, ..Post::new(account(), post.to_string()) }],
                ..page(vec![])
            }
        }
        Said::Sorted { post, category } => {
            let category = Some(format!("category {category}"));
            Page { posts: vec![Post { category, ..Post::new(account(), post.to_string()) }], ..page(vec![]) }
        }
    }
}

/// A post as its platform and an export call it.
fn called(id: &str, post: u8) -> Post {
    Post { title: Some(format!("Post {post}")), ..born(id, noon(i8::try_from(post).unwrap() + 1)) }
}

/// The id under which a post stands once all is said: an export's goes on as the platform's where that is known by name.
fn standing(id: &str, commits: &[Vec<Said>]) -> String {
    let named = |said: &Said| matches!(said, Said::Birth { post } if id == format!("title-{post}"));
    let known = commits.iter().flatten().any(named);
    if known { id.trim_start_matches("title-").to_owned() } else { id.to_owned() }
}

/// What is said, in some order, cut into commits.
fn telling() -> impl Strategy<Value = Vec<Vec<Said>>> {
    let set = prop::collection::btree_set(said(), 1..14);
    let shuffled = set.prop_flat_map(|set: BTreeSet<Said>| {
        let all: Vec<Said> = set.into_iter().collect();
        let repeated = prop::collection::vec(prop::sample::select(all.clone()), 0..4);
        (Just(all), repeated).prop_flat_map(|(all, repeated)| Just([all, repeated].concat()).prop_shuffle())
    });
    (shuffled, prop::collection::vec(1..5_usize, 14)).prop_map(|(all, cuts)| {
        let mut rest = &all[..];
        let mut commits = Vec::new();
        for cut in cuts {
            let (commit, left) = rest.split_at(cut.min(rest.len()));
            commits.push(commit.to_vec());
            rest = left;
        }
        commits.push(rest.to_vec());
        commits.retain(|commit| !commit.is_empty());
        commits
    })
}

type Numbers = BTreeMap<(String, u16), (Option<i64>, i64)>;

/// The model: per key and metric the newest reading.
fn model(commits: &[Vec<Said>]) -> Numbers {
    let mut numbers: BTreeMap<(String, u16), (i64, i64)> = BTreeMap::new();
    for measurement in commits.iter().flatten().flat_map(|said| to_page(said).measurements) {
        let key = name(
            measurement.subject.kind,
            &standing(&measurement.subject.id, commits),
            &match measurement.window {
                Window::At(at) => at.to_string(),
                Window::Day(day) => day.to_string(),
                Window::Period(span) => span.to_string(),
            },
            measurement.traffic,
            measurement.provenance,
        );
        for value in &measurement.values {
            let kepi_core::Value::Count(count) = value.value else { continue };
            let columns: Vec<_> = kepi_core::Catalogue::builtin().columns(measurement.subject.kind).collect();
            let column = columns.iter().position(|metric| metric.id == value.metric).unwrap();
            let observed = measurement.observed_at.as_microsecond();
            let entry = numbers.entry((key.clone(), u16::try_from(column).unwrap())).or_insert((i64::MIN, 0));
            if observed >= entry.0 {
                *entry = (observed, count);
            }
        }
    }
    numbers.into_iter().map(|(key, (observed, count))| (key, (Some(count), observed))).collect()
}

fn name(kind: SubjectKind, id: &str, window: &str, traffic: Traffic, provenance: Provenance) -> String {
    format!("{} {id} {window} {} {}", kind.as_str(), traffic.as_str(), provenance.as_str())
}

async fn facts(store: &Store, table: &str) -> Vec<Row> {
    let table = store.0.table(table).unwrap();
    let layout = Layout::of(table.name()).unwrap();
    let mut rows = Vec::new();
    for file in table.refresh().await.unwrap().current() {
        let batch = read_whole(table, file, None).await.unwrap();
        let keys = read_keys(layout, &batch).unwrap();
        let all: Vec<usize> = (0..keys.len()).collect();
        rows.extend(read_rows(&table.schema, &batch, &keys, &all).unwrap());
    }
    rows
}

fn stored(rows: &[Row]) -> Numbers {
    let mut numbers = Numbers::new();
    for row in rows {
        let window = match row.key.window {
            crate::cell::WindowKey::At(at) => crate::value::instant(at).to_string(),
            _ => crate::value::date_of(row.day).to_string(),
        };
        let key = name(row.key.kind, &row.key.subject, &window, row.key.traffic, row.key.provenance);
        for cell in &row.cells {
            let count = match cell.number {
                Some(crate::cell::Number::Int(count)) => Some(count),
                _ => None,
            };
            let before = numbers.insert((key.clone(), cell.column), (count, cell.known_at()));
            assert!(before.is_none(), "two current rows of {key}");
        }
    }
    numbers
}

/// What the rows of a table of days say, in words.
fn told(rows: &[DailyRow]) -> BTreeSet<String> {
    let cell = |cell: &Cell| format!("{}={:?}{:?}", cell.column, cell.number, cell.flags);
    rows.iter()
        .map(|row| {
            let cells: Vec<String> = row.cells.iter().map(cell).collect();
            format!(
                "{:?} {:?} {}..{} {:?} {}",
                row.series,
                row.method,
                row.day,
                row.end_day,
                row.published_day,
                cells.join(" ")
            )
        })
        .collect()
}

async fn check(commits: &[Vec<Said>]) {
    let world = World::new();
    let options = StoreOptions { compact_files: 3, ..world.options() };
    let store = Store::create(&world.path(), options).await.unwrap();
    for (turn, commit) in commits.iter().enumerate() {
        let mut writer = store.writer(None);
        for (place, said) in commit.iter().enumerate() {
            let mut new = new_page(to_page(said));
            new.job.input = Some(serde_json::json!({ "turn": turn, "place": place }));
            writer.push(new).await.unwrap();
        }
        writer.finish().await.unwrap();
    }
    let posts = facts(&store, "post_facts").await;
    let mut numbers = stored(&posts);
    numbers.extend(stored(&facts(&store, "account_facts").await));
    assert_eq!(numbers, model(commits));
    let told = commits.iter().flatten().flat_map(|said| to_page(said).posts);
    let told: BTreeSet<String> = told.map(|post| standing(&post.id, commits)).collect();
    let known = store.named_posts(&account()).await.unwrap();
    assert_eq!(known.iter().map(|post| post.id.to_string()).collect::<BTreeSet<_>>(), told);
    check_readings(&store, &posts).await;
    assert_eq!(rollup::stored(&store.0).await.unwrap(), rollup::counted_all(&store.0).await.unwrap());
}

/// The days and newest readings of posts are those that their facts alone would give.
async fn check_readings(store: &Store, posts: &[Row]) {
    let all = |_: &smol_str::SmolStr, _: &smol_str::SmolStr| true;
    let table = store.0.table("accounts").unwrap();
    let accounts = dimension::entries(table, &table.known(), all, None).await.unwrap();
    let first_observed = accounts.first().and_then(|entry| entry.instant("first_observed_at"));
    let table = store.0.table("posts").unwrap();
    let births: BTreeMap<String, _> = dimension::entries(table, &table.known(), all, None)
        .await
        .unwrap()
        .iter()
        .map(|entry| {
            (entry.post.to_string(), birth(entry.instant("published_at"), entry.date("published_day")))
        })
        .collect();
    let mut series: BTreeMap<Series, Vec<Arc<Row>>> = BTreeMap::new();
    for row in posts {
        series.entry(Series::of(row)).or_default().push(Arc::new(row.clone()));
    }
    let (mut days, mut newest) = (Vec::new(), BTreeSet::new());
    for (series, rows) in &series {
        let birth = births.get(series.post.as_str()).copied().flatten();
        days.extend(daily(series, rows, Context { birth, first_observed }, 0));
        let at = |row: &&Arc<Row>| matches!(row.key.window, crate::cell::WindowKey::At(_));
        for kept in keep(rows.iter().filter(at).cloned().collect(), birth) {
            newest.insert(format!("{series:?} {} {:?} {:?}", kept.rank, kept.row.key.window, kept.birth));
        }
    }
    let table = store.0.table("post_daily").unwrap();
    let mut kept_days = Vec::new();
    for file in table.known().current() {
        let batch = read_whole(table, file, None).await.unwrap();
        kept_days.extend(read_daily(table, &batch, |_| true).unwrap().into_iter().map(|(_, row)| row));
    }
    assert_eq!(kept_days.len(), days.len(), "{:#?}\n{:#?}", told(&kept_days), told(&days));
    assert_eq!(told(&kept_days), told(&days));
    let table = store.0.table("post_lifetime").unwrap();
    let mut kept_newest = BTreeSet::new();
    for file in table.known().current() {
        let batch = read_whole(table, file, None).await.unwrap();
        let all: Vec<usize> = (0..batch.num_rows()).collect();
        for kept in lifetime::read(table, &batch, &all).unwrap() {
            let series = Series::of(&kept.row);
            kept_newest
                .insert(format!("{series:?} {} {:?} {:?}", kept.rank, kept.row.key.window, kept.birth));
        }
    }
    assert_eq!(kept_newest, newest);
}

#[test]
fn any_order_any_grouping_any_repetition_comes_to_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&telling(), |commits| {
            runtime.block_on(check(&commits));
            Ok(())
        })
        .unwrap();
}
