//! A post that an export told before the platform's id of it was known.

use kepi_core::{Measurement, Page, Post, Provenance};

use super::{
    resume::everything,
    support::{Echo, World, account, born, check, new_page_of, noon, page, reading, rows, write},
};
use crate::{Redecode, Store, rollup};

/// A post that was published at noon of the first day, as it is called.
fn called(id: &str, title: &str) -> Post {
    Post { title: Some(title.to_owned()), ..born(id, noon(1)) }
}

/// What an export without ids tells of the post on a day.
fn exported(day: i8, likes: i64) -> Page {
    let own = reading("title-1", noon(day), &[("likes", likes), ("saves", 7)]);
    Page {
        posts: vec![Post { category: Some("Tips".into()), ..called("title-1", "Ten  tips") }],
        ..page(vec![Measurement { provenance: Provenance::Export, ..own }])
    }
}

/// What the platform tells of it.
fn told(day: i8, likes: i64) -> Page {
    let post = Post { category: None, ..called("7500", "Ten tips") };
    Page { posts: vec![post], ..page(vec![reading("7500", noon(day), &[("likes", likes)])]) }
}

/// What is valid now, without when we wrote it.
async fn now(store: &Store) -> Vec<String> {
    let told = [
        "select post, title, category, earlier_ids from posts where current order by post",
        "select post, at, provenance, likes, saves from post_facts where current order by post, at, provenance",
        "select post, day, end_day, likes, saves from post_daily where current order by post, day, end_day",
        "select post, rank, at, likes, saves from post_lifetime order by post, rank",
        "select day, end_day, category, rows, likes, saves from daily_rollup order by day, end_day, likes",
    ];
    let mut all = Vec::new();
    for sql in told {
        all.push(sql.to_owned());
        all.extend(rows(store, sql).await);
    }
    let cells = rollup::stored(&store.0).await.unwrap();
    assert_eq!(cells, rollup::counted_all(&store.0).await.unwrap());
    all
}

#[tokio::test]
async fn the_order_in_which_it_is_told_makes_no_difference() {
    let world = World::new();
    let store = world.store().await;
    write(&store, [exported(2, 10), told(3, 14), told(5, 20)]).await;
    let expected = now(&store).await;
    check(&store, "select post, category, earlier_ids from posts where current", &["7500 Tips title-1"])
        .await;
    check(
        &store,
        "select post, at, likes, saves from post_lifetime order by rank",
        &["7500 2019-04-05T12:00:00Z 20 -", "7500 2019-04-02T12:00:00Z 10 7"],
    )
    .await;
    check(
        &store,
        "select post, day, likes from post_daily where current order by day",
        &["7500 2019-04-03 4", "7500 2019-04-04 6"],
    )
    .await;

    let orders = [
        vec![told(3, 14), exported(2, 10), told(5, 20)],
        vec![told(5, 20), told(3, 14), exported(2, 10)],
        vec![exported(2, 10), told(5, 20), told(3, 14), exported(2, 10)],
    ];
    for pages in orders {
        let (apart, at_once) = (World::new(), World::new());
        let store = apart.store().await;
        write(&store, pages.clone()).await;
        assert_eq!(now(&store).await, expected);
        let store = at_once.store().await;
        let mut writer = store.writer(None);
        for (place, page) in pages.into_iter().enumerate() {
            writer.push(new_page_of(&format!("tweets{place}"), page)).await.unwrap();
        }
        writer.finish().await.unwrap();
        assert_eq!(now(&store).await, expected);
    }
}

#[tokio::test]
async fn as_of_before_it_stands_under_the_id_of_ours() {
    let world = World::new();
    let store = world.store().await;
    write(&store, [exported(2, 10), exported(4, 11)]).await;
    let before = world.now();
    let as_of = |table: &str, columns: &str| {
        format!(
            "select post, {columns} from {table} where recorded_at <= '{before}' \
             and (superseded_at is null or superseded_at > '{before}') order by post, {columns}"
        )
    };
    let asked = [
        as_of("posts", "title, earlier_ids"),
        as_of("post_facts", "at, likes"),
        as_of("post_daily", "day, likes"),
    ];
    let mut expected = Vec::new();
    for sql in &asked {
        expected.push(rows(&store, sql).await);
    }
    assert!(expected.iter().flatten().all(|row| row.starts_with("title-1")), "{expected:?}");
    write(&store, [told(5, 20)]).await;
    for (sql, expected) in asked.iter().zip(expected) {
        assert_eq!(rows(&store, sql).await, expected, "{sql}");
    }
    check(&store, "select distinct post from post_facts where current", &["7500"]).await;
}

/// What says of an id of ours later speaks of the post, and the same again says nothing new.
#[tokio::test]
async fn what_is_said_again_changes_nothing() {
    let world = World::new();
    let store = world.store().await;
    write(&store, [exported(2, 10), told(5, 20)]).await;
    let expected = now(&store).await;
    let history = rows(&store, "select post, recorded_at from post_facts order by recorded_at, post").await;
    write(&store, [exported(2, 10), told(5, 20)]).await;
    store.redecode(&Echo, &Redecode::default()).await.unwrap();
    assert_eq!(now(&store).await, expected);
    assert_eq!(
        rows(&store, "select post, recorded_at from post_facts order by recorded_at, post").await,
        history
    );
}

/// Where both told the same, the newer reading stands, and each keeps what only it told.
#[tokio::test]
async fn of_two_that_told_the_same_the_newer_stands() {
    let same = |post: &str, minutes: i64, values: &[(&'static str, i64)]| {
        let observed_at = noon(2).checked_add(jiff::ToSpan::minutes(minutes)).unwrap();
        let one = Measurement { observed_at, ..reading(post, noon(2), values) };
        Page { posts: vec![called(post, "Ten tips")], ..page(vec![one]) }
    };
    let older = same("title-1", 0, &[("likes", 10), ("saves", 7)]);
    let newer = same("7500", 1, &[("likes", 11), ("views", 90)]);
    for pages in [[older.clone(), newer.clone()], [newer, older]] {
        let world = World::new();
        let store = world.store().await;
        write(&store, pages).await;
        check(&store, "select post, likes, saves, views from post_facts where current", &["7500 11 7 90"])
            .await;
    }
}

#[tokio::test]
async fn what_agrees_with_several_stays_and_is_said_once() {
    let world = World::new();
    let store = world.store().await;
    let other = Page { posts: vec![called("7501", "ten tips")], ..page(vec![]) };
    write(&store, [Page { posts: vec![other.posts[0].clone(), called("7500", "Ten tips")], ..page(vec![]) }])
        .await;
    write(&store, [exported(2, 10), told(5, 20), exported(2, 10)]).await;
    let said = "select stream, sequence, account, place, reason from rejects";
    let reason = "its title, publish time and format are those of the posts 7500, 7501: which is meant?";
    let line = format!("x/nordlicht:tweets 2 x/nordlicht post title-1 {reason}");
    check(&store, said, &[&line]).await;
    check(&store, "select post from post_lifetime order by post", &["7500", "title-1"]).await;

    let world = World::new();
    let store = world.store().await;
    let second = Page { posts: vec![called("title-2", "TEN TIPS")], ..page(vec![]) };
    write(&store, [exported(2, 10), second, told(5, 20), told(6, 21)]).await;
    check(
        &store,
        "select sequence, place, reason from rejects order by place",
        &[
            "3 post title-1 its title, publish time and format are those of the posts 7500, title-2: which is meant?",
            "3 post title-2 its title, publish time and format are those of the posts 7500, title-1: which is meant?",
        ],
    )
    .await;
    check(&store, "select post from posts where current order by post", &["7500", "title-1", "title-2"])
        .await;
}

#[tokio::test]
async fn posts_of_other_accounts_or_without_a_name_are_let_alone() {
    let world = World::new();
    let store = world.store().await;
    let mut elsewhere = told(5, 20);
    let other: kepi_core::AccountId = "x/other".parse().unwrap();
    elsewhere.posts[0].account = other.clone();
    elsewhere.measurements[0].subject.account = other;
    let nameless = |id: &str| Page { posts: vec![born(id, noon(1))], ..page(vec![]) };
    write(&store, [exported(2, 10), elsewhere, nameless("7502"), nameless("title-3")]).await;
    check(
        &store,
        "select post, earlier_ids from posts where current order by post",
        &["7500 -", "7502 -", "title-1 -", "title-3 -"],
    )
    .await;
    // A name that comes later is as good as one that comes first.
    write(&store, [Page { posts: vec![called("7502", "Ten tips")], ..page(vec![]) }]).await;
    check(
        &store,
        "select post, earlier_ids from posts where current order by post",
        &["7500 -", "7502 title-1", "title-3 -"],
    )
    .await;
    check(
        &store,
        "select account, post from post_lifetime order by post",
        &["x/other 7500", "x/nordlicht 7502"],
    )
    .await;
}

#[tokio::test]
async fn made_anew_from_the_journal_it_is_the_same() {
    let world = World::new();
    let store = world.store().await;
    write(&store, [exported(2, 10), told(3, 14), exported(4, 16), told(5, 20)]).await;
    let expected = everything(&store).await;
    drop(store);
    std::fs::remove_dir_all(std::path::Path::new(&world.path()).join("posts")).unwrap();
    let (store, mended) = Store::mend(&world.path(), world.options(), &Echo).await.unwrap();
    assert_eq!((mended.rebuilt, mended.caught_up.pages), (vec!["posts"], 4));
    assert_eq!(everything(&store).await, expected);
    assert_eq!(store.named_posts(&account()).await.unwrap().len(), 1);
}
