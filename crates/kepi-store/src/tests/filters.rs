//! Filters: what whole files answer is not asked of each row, and what they do not is.

use kepi_core::{Page, Post};

use super::support::{World, account, account_day, born, check, date, noon, page, rows, write};

/// Two months, a file each.
async fn two_months() -> (World, crate::Store) {
    let world = World::new();
    let store = world.store().await;
    let said = |day, gained| account_day(day, noon(20), &[("follows_gained", gained)]);
    let march = jiff::civil::date(2019, 3, 30);
    write(&store, [page(vec![said(march, 1), said(date(1), 2), said(date(2), 4)])]).await;
    (world, store)
}

/// Whether a plan asks each row.
async fn asks_rows(store: &crate::Store, filter: &str) -> bool {
    let plan =
        rows(store, &format!("explain select sum(follows_gained) from account_facts where {filter}")).await;
    plan.iter().any(|line| line.contains("FilterExec"))
}

async fn holds(filter: &str, sum: &str, of_rows: bool) {
    let (_world, store) = two_months().await;
    assert_eq!(asks_rows(&store, filter).await, of_rows, "{filter}");
    check(&store, &format!("select sum(follows_gained) from account_facts where {filter}"), &[sum]).await;
}

#[tokio::test]
async fn a_filter_that_holds_for_all_rows_of_a_file_or_none_is_answered_by_leaving_files_out() {
    holds("day >= date '2019-04-01'", "6", false).await;
    holds("day < date '2019-04-01'", "1", false).await;
    holds("day > date '2020-01-01'", "-", false).await;
    holds("provenance <> 'public'", "7", false).await;
    holds("provenance = 'public'", "-", false).await;
}

#[tokio::test]
async fn a_filter_that_parts_a_file_is_asked_of_its_rows() {
    holds("day >= date '2019-04-02'", "4", true).await;
    holds("day <> date '2019-04-01'", "5", true).await;
}

#[tokio::test]
async fn a_filter_on_what_may_be_missing_is_asked_of_rows() {
    holds("follows_lost > 0", "-", true).await;
    holds("superseded_at > timestamp '2019-01-01T00:00:00Z'", "-", true).await;
    holds("follows_gained > 1 and day >= date '2019-04-01'", "6", true).await;
}

#[tokio::test]
async fn a_row_without_the_value_passes_neither_a_comparison_nor_its_opposite() {
    let world = World::new();
    let store = world.store().await;
    let posts = vec![born("1", noon(1)), Post::new(account(), "2")];
    write(&store, [Page { posts, ..Page::default() }]).await;
    check(&store, "select post from posts where published_day >= date '2019-01-01'", &["1"]).await;
    check(&store, "select post from posts where published_day < date '2019-01-01'", &[]).await;
}
