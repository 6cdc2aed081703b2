//! The benchmarks, small: that what they measure is right. How fast it is, no test says.

use kepi_store::{Store, StoreOptions};
use xtask::bench::{
    fresh::refreshed,
    judged,
    kpis::{FIGURES, FORTY, difference, expected},
    scorecard::{evaluated, is_from_rollups, scans},
    sync,
    world::{Kind, Row, World},
};

const WORLD: World = World { seed: 7, accounts: 8, rows: 3_000, kind: Kind::Past };

async fn check(world: World) {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("store").display().to_string();
    let store = Store::create(&place, StoreOptions::default()).await.expect("a store");
    world.fill(&store).await.expect("a filled store");
    let evaluated = evaluated(&world, &place, false, true).await.expect("agreement");
    assert!(evaluated.rows > 25 * 8 * 12, "{} rows", evaluated.rows);
    for table in ["post_daily", "posts"] {
        assert_eq!(scans(&evaluated.plan, table), 1, "{}", evaluated.plan);
    }
    store.recount().await.expect("rollups");
    let rollups = self::evaluated(&world, &place, true, true).await.expect("agreement");
    assert!(!is_from_rollups(&evaluated.plan) && is_from_rollups(&rollups.plan), "{}", rollups.plan);
}

#[tokio::test]
async fn the_scorecard_is_that_of_a_plain_loop_and_scans_each_table_once() {
    check(WORLD).await;
}

#[tokio::test]
async fn so_is_that_of_a_world_in_which_numbers_were_said_again() {
    check(World { kind: Kind::Restated, ..WORLD }).await;
}

#[tokio::test]
async fn a_new_day_on_top_is_in_the_scorecard() {
    let world = World { kind: Kind::Running, ..WORLD };
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("store").display().to_string();
    let store = Store::create(&place, StoreOptions::default()).await.expect("a store");
    world.fill(&store).await.expect("a filled store");
    store.recount().await.expect("rollups");
    refreshed(&world, &place, 20).await.expect("agreement");
}

#[test]
fn one_number_that_differs_is_found() {
    let right = expected(&WORLD, &FIGURES, |row| row);
    let once = std::cell::Cell::new(true);
    let wrong = expected(&WORLD, &FIGURES, |row| {
        let likes = row.counts[1].map(|likes| likes + i64::from(once.take()));
        let mut counts = row.counts;
        counts[1] = likes;
        Row { counts, ..row }
    });
    assert_eq!(difference(&right, &right), None);
    assert!(difference(&wrong, &right).is_some_and(|told| told.contains("k01")));
}

#[test]
fn the_world_has_as_many_rows_as_asked_for_and_some_numbers_are_absent() {
    let rows: Vec<Row> = WORLD.rows(0, 365).collect();
    assert_eq!(rows.len(), 3_000);
    let absent = |place: usize| rows.iter().filter(|row| row.counts[place].is_none()).count();
    assert!((1..3_000).contains(&absent(0)) && (1..3_000).contains(&absent(4)));
    assert!(rows.iter().any(|row| row.seconds.is_none()) && rows.iter().any(|row| row.seconds.is_some()));
    assert!(rows.iter().any(|row| row.post.category().is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_many_accounts_is_asked_for_in_few_calls() {
    let folder = tempfile::tempdir().expect("a folder");
    let synced = sync::synced_here(12, 30, &folder.path().join("store")).await.expect("all of it came");
    // Profiles of a hundred accounts in one call, a page of posts of each account, and its mentions.
    assert!(synced.calls <= 12 * 3 + 2, "{synced:?}");
    assert!(synced.measurements > 12 * 30, "{synced:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_platform_allows_is_used_and_it_refuses_nothing() {
    let used = sync::used(3).await.expect("every call is answered");
    assert_eq!(used.refused, 0, "{used:?}");
    assert!(used.share >= 0.98, "{used:?}");
}

/// Forty KPIs with targets, benchmarks and signals: the same from rows and from rollups, and with a new day.
#[tokio::test]
async fn forty_judged_kpis_are_those_of_a_plain_loop_from_rows_and_from_rollups() {
    assert_eq!(
        FORTY
            .iter()
            .map(xtask::bench::kpis::Figure::formula)
            .collect::<std::collections::BTreeSet<_>>()
            .len(),
        40
    );
    let world = World { kind: Kind::Running, ..WORLD };
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("store").display().to_string();
    let store = Store::create(&place, StoreOptions::default()).await.expect("a store");
    world.fill(&store).await.expect("a filled store");
    store.recount().await.expect("rollups");
    let rows = judged::evaluated(&world, &place, false, true).await.expect("agreement");
    let rollups = judged::evaluated(&world, &place, true, true).await.expect("agreement");
    assert!(!is_from_rollups(&rows.plan) && is_from_rollups(&rollups.plan), "{}", rollups.plan);
    assert_eq!((rows.rows, rows.held), (rollups.rows, rollups.held));
    let (targets, benchmarks) = rows.held;
    assert!(targets > 2_000 && benchmarks > 800, "{targets} {benchmarks}");
    let signals = judged::looked(&place, false).await.expect("signals").told;
    assert_eq!(signals, judged::looked(&place, true).await.expect("signals").told);
    for kind in ["P1 k16", "P4 k16", "P8 k00", "anomaly k00", "chart k39"] {
        assert!(signals.iter().any(|told| told.starts_with(kind)), "nobody looked for {kind}: {signals:#?}");
    }
    let day = judged::day(&world, &place, 20).await.expect("agreement");
    assert!(is_from_rollups(&day.evaluated.plan) && !day.signals.told.is_empty());
}
