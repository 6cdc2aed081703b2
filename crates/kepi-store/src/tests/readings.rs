//! Days of posts from their readings, and their newest readings.

use kepi_core::{DateSpan, Measurement, Page, Post, Window};

use super::support::{World, born, check, date, given, noon, page, reading, write};

const DAYS: &str =
    "select day, end_day, likes, views, flags from post_daily where current order by day, end_day";

/// A page that brings a reading of the account from before the posts of the other tests.
fn watched(day: i8) -> Page {
    page(vec![reading("old", noon(day), &[("likes", 1)])])
}

#[tokio::test]
async fn the_first_reading_of_an_older_post_is_a_baseline() {
    let world = World::new();
    let store = world.store().await;
    let readings = [100, 150, 150, 220];
    write(
        &store,
        (1..).zip(readings).map(|(day, likes)| page(vec![reading("1", noon(day), &[("likes", likes)])])),
    )
    .await;
    check(
        &store,
        DAYS,
        &["2019-04-02 2019-04-03 50 - -", "2019-04-03 2019-04-04 0 - -", "2019-04-04 2019-04-05 70 - -"],
    )
    .await;
    check(&store, "select sum(likes) from post_daily where current", &["120"]).await;
}

#[tokio::test]
async fn a_fall_is_signed_where_people_take_back_and_a_reset_elsewhere() {
    let world = World::new();
    let store = world.store().await;
    let readings = [100, 150, 20, 60];
    let said = |(day, n)| page(vec![reading("1", noon(day), &[("likes", n), ("views", n)])]);
    write(&store, (1..).zip(readings).map(said)).await;
    check(
        &store,
        DAYS,
        &[
            "2019-04-02 2019-04-03 50 50 -",
            "2019-04-03 2019-04-04 -130 20 views=reset",
            "2019-04-04 2019-04-05 40 40 -",
        ],
    )
    .await;
    check(&store, "select sum(likes), sum(views) from post_daily where current", &["-40 110"]).await;
}

#[tokio::test]
async fn a_post_born_under_our_eyes_counts_from_zero_and_an_older_one_does_not() {
    let world = World::new();
    let store = world.store().await;
    write(&store, [watched(1)]).await;
    let said = Page {
        measurements: vec![
            reading("new", noon(4), &[("views", 40)]),
            reading("ancient", noon(4), &[("views", 5000)]),
        ],
        posts: vec![born("new", noon(2)), born("ancient", noon(-36))],
        ..Page::default()
    };
    write(&store, [said]).await;
    let sql = "select post, day, end_day, views from post_daily where current";
    check(&store, sql, &["new 2019-04-02 2019-04-05 40"]).await;
}

#[tokio::test]
async fn missing_days_are_spanned_and_a_late_reading_mends_them() {
    let world = World::new();
    let store = world.store().await;
    let said = |day, likes| page(vec![reading("1", noon(day), &[("likes", likes)])]);
    write(&store, [said(1, 100), said(4, 160)]).await;
    check(&store, DAYS, &["2019-04-02 2019-04-05 60 - -"]).await;
    let before = world.now();
    write(&store, [said(2, 110)]).await;
    check(&store, DAYS, &["2019-04-02 2019-04-03 10 - -", "2019-04-03 2019-04-05 50 - -"]).await;
    let as_of = format!(
        "select day, end_day, likes from post_daily where recorded_at <= timestamp '{before}' \
         and (superseded_at is null or superseded_at > timestamp '{before}')"
    );
    check(&store, &as_of, &["2019-04-02 2019-04-05 60"]).await;
}

#[tokio::test]
async fn a_second_reading_of_a_day_replaces_the_first() {
    let world = World::new();
    let store = world.store().await;
    let said = |when, likes| page(vec![reading("1", when, &[("likes", likes)])]);
    let evening = super::support::at("2019-04-02T20:00:00Z");
    write(&store, [said(noon(1), 100), said(noon(2), 110), said(evening, 125)]).await;
    check(&store, DAYS, &["2019-04-02 2019-04-03 25 - -"]).await;
}

#[tokio::test]
async fn days_that_the_platform_gave_stand_and_no_difference_overlaps_them() {
    let world = World::new();
    let store = world.store().await;
    let said = |day, likes| page(vec![reading("1", noon(day), &[("likes", likes), ("views", 10 * likes)])]);
    write(&store, [said(1, 100), said(2, 110), said(3, 130)]).await;
    write(&store, [page(vec![given("1", date(2), noon(4), &[("likes", 9)])])]).await;
    let sql = "select day, end_day, method, likes, views from post_daily where current order by day, method";
    check(
        &store,
        sql,
        &[
            // One row per day, so that a formula over both metrics finds them together.
            "2019-04-02 2019-04-03 both 9 100",
            "2019-04-03 2019-04-04 difference 20 200",
        ],
    )
    .await;
    // What was given is restated, and another reading mends the day: each metric changes where it stands.
    write(&store, [page(vec![given("1", date(2), noon(5), &[("likes", 8)])])]).await;
    let evening = super::support::at("2019-04-02T20:00:00Z");
    write(&store, [page(vec![reading("1", evening, &[("likes", 111), ("views", 1150)])])]).await;
    check(&store, sql, &["2019-04-02 2019-04-03 both 8 150", "2019-04-03 2019-04-04 difference 19 150"])
        .await;
}

/// A difference over several days of which one is given is left out. Beside it there would be 49 likes, nine of them
/// twice.
#[tokio::test]
async fn a_difference_over_a_given_day_is_left_out() {
    let world = World::new();
    let store = world.store().await;
    let said = |day, likes| page(vec![reading("1", noon(day), &[("likes", likes)])]);
    write(&store, [said(1, 100), said(4, 140)]).await;
    write(&store, [page(vec![given("1", date(2), noon(5), &[("likes", 9)])])]).await;
    check(&store, DAYS, &["2019-04-02 2019-04-03 9 - -"]).await;
}

#[tokio::test]
async fn a_reading_at_midnight_closes_the_day_before() {
    let world = World::new();
    let store = world.store().await;
    let midnight = |day| super::support::at(&format!("2019-04-{day:02}T00:00:00+02:00"));
    for (day, likes) in [(1, 100), (2, 110), (5, 160)] {
        let mut new = super::support::new_page(page(vec![reading("1", midnight(day), &[("likes", likes)])]));
        new.job.accounts[0].zone = "Europe/Berlin".into();
        let mut writer = store.writer(None);
        writer.push(new).await.unwrap();
        writer.finish().await.unwrap();
    }
    check(&store, DAYS, &["2019-04-01 2019-04-02 10 - -", "2019-04-02 2019-04-05 50 - -"]).await;
    check(&store, "select day from post_lifetime", &["2019-04-04"]).await;
}

#[tokio::test]
async fn a_metric_that_a_reading_lacks_spans_to_the_next_that_has_it() {
    let world = World::new();
    let store = world.store().await;
    write(
        &store,
        [
            page(vec![reading("1", noon(1), &[("likes", 1), ("views", 10)])]),
            page(vec![reading("1", noon(2), &[("likes", 3)])]),
            page(vec![reading("1", noon(3), &[("likes", 6), ("views", 30)])]),
        ],
    )
    .await;
    check(
        &store,
        DAYS,
        &["2019-04-02 2019-04-03 2 - -", "2019-04-02 2019-04-04 - 20 -", "2019-04-03 2019-04-04 3 - -"],
    )
    .await;
    check(
        &store,
        "select rank, at, likes, views from post_lifetime order by rank",
        &["0 2019-04-03T12:00:00Z 6 30"],
    )
    .await;
}

#[tokio::test]
async fn older_readings_stay_while_they_hold_what_no_newer_one_has() {
    let world = World::new();
    let store = world.store().await;
    write(
        &store,
        [
            page(vec![reading("1", noon(1), &[("likes", 1), ("profile_clicks", 4)])]),
            page(vec![reading("1", noon(2), &[("likes", 3), ("profile_clicks", 5)])]),
            page(vec![reading("1", noon(3), &[("likes", 6)])]),
        ],
    )
    .await;
    check(
        &store,
        "select rank, day, likes, profile_clicks from post_lifetime order by rank",
        &["0 2019-04-03 6 -", "1 2019-04-02 3 5"],
    )
    .await;
}

#[tokio::test]
async fn an_older_reading_that_alone_holds_two_metrics_together_stays() {
    let world = World::new();
    let store = world.store().await;
    write(
        &store,
        [
            page(vec![reading("1", noon(1), &[("likes", 1), ("profile_clicks", 2)])]),
            page(vec![reading("1", noon(2), &[("likes", 3), ("profile_clicks", 4)])]),
            page(vec![reading("1", noon(3), &[("profile_clicks", 5)])]),
            page(vec![reading("1", noon(4), &[("likes", 6)])]),
            page(vec![reading("1", noon(5), &[("likes", 7)])]),
        ],
    )
    .await;
    check(
        &store,
        "select rank, day, likes, profile_clicks from post_lifetime order by rank",
        &["0 2019-04-05 7 -", "1 2019-04-03 - 5", "2 2019-04-02 3 4"],
    )
    .await;
}

/// A source that leaves out now this and now that: every pair of eight metrics on a day of its own.
#[tokio::test]
async fn readings_that_are_kept_are_bounded_and_hold_every_metric() {
    let world = World::new();
    let store = world.store().await;
    let metrics =
        ["likes", "views", "comments", "saves", "impressions", "profile_clicks", "link_clicks", "quotes"];
    let pairs = || metrics.iter().enumerate().flat_map(|(i, a)| metrics[..i].iter().map(move |b| (*a, *b)));
    let all: Vec<_> = (1..).zip(pairs()).collect();
    assert_eq!(all.len(), 28);
    write(&store, all.iter().map(|(day, (a, b))| page(vec![reading("1", noon(*day), &[(a, 1), (b, 2)])])))
        .await;
    let limit = i64::try_from(crate::lifetime::LIMIT).unwrap();
    let count = "select count(*) from post_lifetime";
    let kept: i64 = super::support::rows(&store, count).await[0].parse().unwrap();
    assert!(limit <= kept && kept <= limit + 8, "{kept}");
    let held = metrics.map(|metric| format!("count({metric}) > 0")).join(" and ");
    check(&store, &format!("select {held} from post_lifetime"), &["true"]).await;
    // One that holds all takes the place of all, and those that come after it find room again.
    let every: Vec<_> = metrics.iter().map(|metric| (*metric, 9)).collect();
    write(&store, [page(vec![reading("1", noon(29), &every)])]).await;
    check(&store, count, &["1"]).await;
}

#[tokio::test]
async fn older_data_of_the_account_let_its_younger_posts_count_from_zero() {
    let world = World::new();
    let store = world.store().await;
    let first = Page {
        measurements: vec![reading("1", noon(10), &[("likes", 30)])],
        posts: vec![born("1", noon(8))],
        ..Page::default()
    };
    write(&store, [first]).await;
    check(&store, DAYS, &[]).await;
    write(&store, [watched(2)]).await;
    check(&store, DAYS, &["2019-04-08 2019-04-11 30 - -"]).await;
}

/// A page that says on which day a post was published, with a reading of the account of another day.
fn dated(post: &str, day: i8, read: i8) -> Page {
    let post = Post { published_day: Some(date(day)), ..Post::new(super::support::account(), post) };
    Page { posts: vec![post], ..watched(read) }
}

/// Who knows the day of publishing alone takes no instant away, and brings no midnight.
#[tokio::test]
async fn a_day_of_publishing_is_no_instant() {
    let exact = |read| Page { posts: vec![born("1", noon(2))], ..watched(read) };
    let published = "select published_at, published_day from posts where current";
    for pages in [[exact(3), dated("1", 3, 4)], [dated("1", 3, 4), exact(3)]] {
        let world = World::new();
        let store = world.store().await;
        write(&store, pages).await;
        check(&store, published, &["2019-04-02T12:00:00Z 2019-04-02"]).await;
    }
    let world = World::new();
    let store = world.store().await;
    let read = |day| page(vec![reading("1", noon(day), &[("likes", i64::from(day))])]);
    write(&store, [watched(1), dated("1", 3, 3), read(4), dated("1", 4, 5)]).await;
    check(&store, published, &["- 2019-04-04"]).await;
    check(
        &store,
        "select published_at, published_day, likes from post_lifetime where post = '1'",
        &["- 2019-04-04 4"],
    )
    .await;
    check(&store, "select day, likes from post_daily where current and post = '1'", &["2019-04-04 4"]).await;
}

#[tokio::test]
async fn a_deleted_post_keeps_its_numbers() {
    let world = World::new();
    let store = world.store().await;
    let gone = |day| Post { deleted_at: Some(noon(day)), ..born("1", noon(1)) };
    write(
        &store,
        [
            Page {
                posts: vec![born("1", noon(1))],
                ..page(vec![reading("1", noon(2), &[("impressions", 900)])])
            },
            Page { posts: vec![gone(3)], ..watched(3) },
            // A platform may tell every day that a post is gone.
            Page { posts: vec![gone(4)], ..watched(4) },
        ],
    )
    .await;
    check(&store, "select impressions from post_lifetime where post = '1'", &["900"]).await;
    check(
        &store,
        "select deleted_at from posts where post = '1' order by recorded_at",
        &["-", "2019-04-03T12:00:00Z"],
    )
    .await;
    let known = store.known_posts(&[super::support::account()]).await.unwrap();
    assert!(known.is_empty(), "a post that is gone is not asked for again: {known:?}");
}

/// T40: behind a count that the platform carries no further nothing is known to have happened, and nothing is where a
/// metric began to mean something else. Subtracted, 0 and 20 would be told.
#[tokio::test]
async fn t40_nothing_is_subtracted_from_what_was_capped_or_meant_something_else() {
    let world = World::new();
    let store = world.store().await;
    let said = |day, views, comments, meaning: Option<&str>| {
        let values = [("likes", 100_001), ("views", views), ("comments", comments)];
        let mut one = reading("1", noon(day), &values);
        one.values[0].flags = kepi_core::Flags::CAPPED;
        one.values[1].definition = meaning.map(Into::into);
        page(vec![one])
    };
    write(&store, [said(1, 10, 1, None), said(2, 30, 3, Some("unified"))]).await;
    let sql = "select day, likes, views, comments from post_daily where current";
    check(&store, sql, &["2019-04-02 - - 2"]).await;
}

/// T50: what a public page shows goes on from what it showed before, not from the platform's own number. In one row
/// of readings there would be 60, -50 and 65 as well.
#[tokio::test]
async fn t50_public_readings_are_a_series_of_their_own() {
    let world = World::new();
    let store = world.store().await;
    let own = |day, likes| reading("1", noon(day), &[("likes", likes)]);
    let public = |day, likes| kepi_core::Measurement {
        provenance: kepi_core::Provenance::Public,
        ..reading("1", noon(day), &[("likes", likes)])
    };
    write(&store, [own(1, 500), public(2, 560), own(3, 510), public(4, 575)].map(|one| page(vec![one])))
        .await;
    let sql = "select provenance, day, end_day, likes from post_daily where current order by day";
    check(&store, sql, &["api 2019-04-02 2019-04-04 10", "public 2019-04-03 2019-04-05 15"]).await;
}

/// T52: of what the platform keeps back because it is little there is a word, and no number: neither the bound nor 0.
#[tokio::test]
async fn t52_what_is_kept_back_because_it_is_little_has_no_number() {
    let world = World::new();
    let store = world.store().await;
    let mut few = reading("1", noon(2), &[("shares", 3), ("likes", 9)]);
    few.values[0].flags = kepi_core::Flags::CENSORED;
    write(&store, [page(vec![few])]).await;
    check(&store, "select shares, likes, flags from post_facts where current", &["- 9 shares=censored"])
        .await;
}

const CELLS: &str = "select day, end_day, category, rows, likes, views, observed_at from daily_rollup \
                     order by day, end_day, category, likes";

#[tokio::test]
async fn days_are_added_up_over_posts_and_a_changed_row_changes_its_cell_only() {
    let world = World::new();
    let store = world.store().await;
    let of = |post: &str, day, likes| reading(post, noon(day), &[("likes", likes)]);
    write(
        &store,
        [
            page(vec![of("1", 1, 10), of("2", 1, 100)]),
            page(vec![of("1", 2, 11), of("2", 2, 103)]),
            page(vec![of("1", 3, 15), reading("2", noon(3), &[("likes", 103), ("views", 7)])]),
        ],
    )
    .await;
    check(
        &store,
        CELLS,
        &[
            "2019-04-02 2019-04-03 - 2 4 - 2019-04-02T12:00:00Z",
            "2019-04-03 2019-04-04 - 2 4 - 2019-04-03T12:00:00Z",
        ],
    )
    .await;
    // The second day is restated for one post, a category moves the other one's rows.
    let moved = Post { category: Some("news".into()), ..Post::new(super::support::account(), "2") };
    let evening = super::support::at("2019-04-02T20:00:00Z");
    write(
        &store,
        [page(vec![reading("1", evening, &[("likes", 12)])]), Page { posts: vec![moved], ..page(vec![]) }],
    )
    .await;
    check(
        &store,
        CELLS,
        &[
            "2019-04-02 2019-04-03 news 1 3 - 2019-04-02T12:00:00Z",
            "2019-04-02 2019-04-03 - 1 2 - 2019-04-02T20:00:00Z",
            "2019-04-03 2019-04-04 news 1 0 - 2019-04-03T12:00:00Z",
            "2019-04-03 2019-04-04 - 1 3 - 2019-04-03T12:00:00Z",
        ],
    )
    .await;
}

#[tokio::test]
async fn rollups_that_are_missing_are_not_shown_until_maintenance_has_counted_them() {
    let world = World::new();
    let store = world.store().await;
    let of = |day, likes| page(vec![reading("1", noon(day), &[("likes", likes)])]);
    write(&store, [of(1, 10), of(2, 11)]).await;
    drop(store);
    std::fs::remove_dir_all(std::path::Path::new(&world.path()).join("daily_rollup")).unwrap();
    let shown =
        async |store: &crate::Store| store.session().await.unwrap().table_exist("daily_rollup").unwrap();
    let old = crate::Store::open(&world.path(), world.options()).await.unwrap();
    assert!(!shown(&old).await, "a store of an older kepi can be read");
    let store = world.store().await;
    write(&store, [of(3, 15)]).await;
    assert!(!shown(&store).await, "a part would be taken for the whole");
    assert!(store.maintain(crate::MaintainOptions::default()).await.unwrap().rebuilt);
    assert!(shown(&store).await);
    write(&store, [of(4, 16)]).await;
    check(
        &store,
        "select day, rows, likes from daily_rollup order by day",
        &["2019-04-02 1 1", "2019-04-03 1 4", "2019-04-04 1 1"],
    )
    .await;
    assert!(!store.maintain(crate::MaintainOptions::default()).await.unwrap().rebuilt);
}

/// By the newest reading that has the metric, by the same day, and by the same beginning of a period.
#[tokio::test]
async fn what_was_above_zero_is_known_by_the_last_word() {
    let world = World::new();
    let store = world.store().await;
    let period = |first, last, at, values: &[(&'static str, i64)]| {
        let window = Window::Period(DateSpan::new(date(first), date(last)));
        Measurement { window, ..given("3", date(first), at, values) }
    };
    let said = [
        period(1, 3, noon(3), &[("views", 7)]),
        period(1, 4, noon(4), &[("views", 0), ("likes", 2)]),
        reading("1", noon(1), &[("likes", 5), ("views", 9), ("comments", 1)]),
        reading("1", noon(2), &[("likes", 6), ("views", 0)]),
        reading("o'neill", noon(2), &[("views", 3)]),
        given("1", date(1), noon(2), &[("views", 4), ("likes", 0)]),
    ];
    write(&store, said.map(|one| page(vec![one]))).await;
    let zeros = [("likes", 0), ("views", 0), ("comments", 0), ("shares", 0)];
    let asked = [
        reading("1", noon(3), &zeros),
        reading("o'neill", noon(3), &zeros),
        reading("2", noon(3), &zeros),
        given("1", date(1), noon(3), &zeros),
        given("1", date(2), noon(3), &zeros),
        reading("1", noon(3), &[("likes", 0)]),
        period(1, 3, noon(5), &zeros),
        period(1, 5, noon(5), &zeros),
        period(1, 2, noon(5), &zeros),
        period(2, 5, noon(5), &zeros),
    ];
    let above = store.above_zero(&asked).await.unwrap();
    let mut above: Vec<Vec<&str>> =
        above.iter().map(|metrics| metrics.iter().map(|metric| metric.as_str()).collect()).collect();
    above.iter_mut().for_each(|metrics| metrics.sort_unstable());
    let expected: [&[&str]; 10] = [
        &["comments", "likes"],
        &["views"],
        &[],
        &["views"],
        &[],
        &["likes"],
        &["views"],
        &["likes"],
        &[],
        &[],
    ];
    assert_eq!(above, expected);
}
