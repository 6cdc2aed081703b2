//! Facts: restatement, sources that meet, as-of.

use arrow::{array::AsArray, datatypes::Int64Type};
use kepi_core::{Measurement, Page, Provenance};

use super::support::{World, account_day, born, check, date, given, new_page, noon, page, reading, write};
use crate::{MaintainOptions, Store, columns::Columns, location::Location, parquet_files::read_whole};

#[tokio::test]
async fn what_is_written_can_be_read() {
    let world = World::new();
    let store = world.store().await;
    let said = Page {
        measurements: vec![
            reading("1", noon(2), &[("impressions", 100), ("likes", 3)]),
            account_day(date(1), noon(2), &[("follows_gained", 7)]),
        ],
        posts: vec![born("1", noon(1))],
        ..Page::default()
    };
    write(&store, [said]).await;
    let sql = "select post, \"window\", day, traffic, impressions, likes, comments, source, run, sequence from post_facts";
    check(&store, sql, &["1 at 2019-04-02 organic 100 3 - tweets run-1 1"]).await;
    check(
        &store,
        "select day, end_day, follows_gained from account_facts where current",
        &["2019-04-01 2019-04-02 7"],
    )
    .await;
    check(&store, "select post, format, published_day from posts", &["1 post 2019-04-01"]).await;
    check(
        &store,
        "select account, zone, first_observed_at from accounts",
        &["x/nordlicht UTC 2019-04-02T12:00:00Z"],
    )
    .await;
    check(
        &store,
        "select stream, sequence, done, bytes > 100 from pages",
        &["x/nordlicht:tweets 1 true true"],
    )
    .await;
}

/// Since when an account's own and its public numbers are known, whichever come first.
#[tokio::test]
async fn own_and_public_numbers_of_accounts_are_told_apart() {
    let world = World::new();
    let store = world.store().await;
    let public = |of| Measurement { provenance: Provenance::Public, ..of };
    const SIDES: &str = "select first_observed_at, first_own_at, first_public_at from accounts where current";
    write(&store, [page(vec![public(reading("1", noon(3), &[("likes", 3)]))])]).await;
    let third = "2019-04-03T12:00:00Z";
    check(&store, SIDES, &[&format!("{third} - {third}")]).await;
    write(&store, [page(vec![account_day(date(1), noon(2), &[("follows_gained", 7)])])]).await;
    write(&store, [page(vec![public(reading("1", noon(4), &[("likes", 4)]))])]).await;
    let second = "2019-04-02T12:00:00Z";
    check(&store, SIDES, &[&format!("{second} {second} {third}")]).await;
}

/// A store of an older kepi does not tell the two apart: its facts do, and are asked once.
#[tokio::test]
async fn a_store_that_does_not_tell_them_apart_is_asked_once() {
    let world = World::new();
    let store = world.store().await;
    let public = Measurement { provenance: Provenance::Public, ..reading("1", noon(3), &[("likes", 3)]) };
    write(&store, [page(vec![public, account_day(date(1), noon(4), &[("follows_gained", 7)])])]).await;
    let sides = "select first_own_at, first_public_at from accounts where current";
    let told = ["2019-04-04T12:00:00Z 2019-04-03T12:00:00Z"];
    check(&store, sides, &told).await;
    as_an_older_kepi_wrote_it(&world, &store).await;
    check(&Store::open(&world.path(), world.options()).await.unwrap(), sides, &["- -"]).await;
    for _ in 0..2 {
        let store = world.store().await;
        check(&store, sides, &told).await;
        check(&store, "select count(*) from accounts", &["2"]).await;
    }
}

/// Puts accounts in the place of those that are there which do not say it, nor that they do.
async fn as_an_older_kepi_wrote_it(world: &World, store: &Store) {
    let table = store.0.table("accounts").unwrap();
    let snapshot = table.refresh().await.unwrap();
    let [file] = snapshot.current().collect::<Vec<_>>()[..] else { panic!("one file") };
    let mut rows = read_whole(table, file, None).await.unwrap();
    for column in ["first_own_at", "first_public_at"] {
        let place = rows.schema().index_of(column).unwrap();
        rows.remove_column(place);
    }
    std::fs::remove_dir_all(std::path::Path::new(&world.path()).join("accounts")).unwrap();
    let place = Location::parse(&world.path(), &world.options()).unwrap();
    let older = Store::with_all_tables(&place, world.options()).await.unwrap();
    older.load("accounts", &[("current", "true".to_owned())], vec![rows]).await.unwrap();
}

#[tokio::test]
async fn a_restated_key_closes_its_row_and_an_unchanged_one_adds_none() {
    let world = World::new();
    let store = world.store().await;
    let said =
        |observed, gained| page(vec![account_day(date(1), noon(observed), &[("follows_gained", gained)])]);
    write(&store, [said(2, 100)]).await;
    let first = world.now();
    write(&store, [said(3, 100), said(4, 93)]).await;
    check(
        &store,
        "select follows_gained, current, superseded_at is null from account_facts order by recorded_at",
        &["100 false false", "93 true true"],
    )
    .await;
    let as_of = format!(
        "select follows_gained from account_facts where recorded_at <= timestamp '{first}' \
         and (superseded_at is null or superseded_at > timestamp '{first}')"
    );
    check(&store, &as_of, &["100"]).await;
}

#[tokio::test]
async fn the_newest_wins_per_metric_in_any_order() {
    let readings = [
        account_day(date(1), noon(2), &[("follows_gained", 10), ("mentions", 5)]),
        account_day(date(1), noon(3), &[("follows_gained", 20)]),
        account_day(date(1), noon(4), &[("follows_gained", 10)]),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [2, 1, 0], [1, 0, 2]] {
        let world = World::new();
        let store = world.store().await;
        write(&store, order.map(|place| page(vec![readings[place].clone()]))).await;
        check(&store, "select follows_gained, mentions from account_facts where current", &["10 5"]).await;
    }
}

#[tokio::test]
async fn pages_of_many_streams_share_a_commit_and_each_has_its_sequence() {
    let world = World::new();
    let store = world.store().await;
    let mut writer = store.writer(None);
    for day in 1..=3 {
        writer.push(new_page(page(vec![reading("1", noon(day), &[("likes", day.into())])]))).await.unwrap();
        let other = page(vec![account_day(date(day), noon(day), &[("mentions", 1)])]);
        writer.push(super::support::new_page_of("account", other)).await.unwrap();
    }
    let written = writer.finish().await.unwrap();
    assert_eq!((written.commits, written.pages, written.measurements), (1, 6, 6));
    let states = store.stream_states().await.unwrap();
    let mut sequences: Vec<_> =
        states.iter().map(|(stream, state)| (stream.as_str(), state.sequence)).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, [("x/nordlicht:account", 3), ("x/nordlicht:tweets", 3)]);
    check(&store, "select count(*), count(distinct recorded_at) from pages", &["6 1"]).await;
}

#[tokio::test]
async fn what_is_said_again_stands_where_it_stood() {
    let world = World::new();
    let store = world.store().await;
    let post = |number: i64| format!("{number:05}");
    let days = |count: i64, step: i64, observed| {
        let day = |number| {
            given(&post(number), date(1), noon(observed), &[("likes", number + i64::from(observed))])
        };
        page((0..count).filter(|number| number % step == 0).map(day).collect())
    };
    // One in twenty is said again, and with it come a few that nobody knew.
    write(&store, [days(5000, 1, 3), days(5100, 20, 4)]).await;
    for table in ["post_facts", "post_daily"] {
        let table = store.0.table(table).unwrap();
        let mut files: Vec<u64> = table.known().current().map(|file| file.rows).collect();
        files.sort_unstable();
        assert_eq!(files, [5, 5000], "{}", table.name());
        let snapshot = table.known();
        let large = snapshot.current().find(|file| file.rows == 5000).unwrap();
        let batch = read_whole(table, large, Some(&["post", "likes"])).await.unwrap();
        let columns = Columns(&batch);
        let (posts, likes) = (columns.text("post").unwrap(), batch.column_by_name("likes").unwrap());
        for number in 0..5000 {
            let row = usize::try_from(number).unwrap();
            let said = if number % 20 == 0 { 4 } else { 3 };
            assert_eq!(posts.value(row), post(number), "{}", table.name());
            assert_eq!(likes.as_primitive::<Int64Type>().value(row), number + said, "{}", table.name());
        }
        let sql = format!(
            "select current, count(*), count(distinct post), sum(likes) from {} group by current order by current",
            table.name()
        );
        check(&store, &sql, &["false 250 250 623250", "true 5005 5005 12537970"]).await;
    }
}

/// A store of today is not asked for its sides again, be its log read from a checkpoint or not.
#[tokio::test]
async fn the_sides_of_accounts_are_read_from_facts_once() {
    let world = World::new();
    let store = world.store().await;
    write(&store, [page(vec![account_day(date(1), noon(2), &[("follows_gained", 5)])])]).await;
    store.maintain(MaintainOptions::default()).await.unwrap();
    let version = |store: &Store| store.0.table("accounts").unwrap().known().version;
    assert_eq!(version(&world.store().await), version(&store));
}
