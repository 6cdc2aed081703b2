//! The loop in front of a real store on disk.

use std::sync::Arc;

use jiff::Timestamp;
use kepi_core::{Job, Measurement, MetricId, Page, Post, Reading, Stream, Subject};
use kepi_store::{Store, StoreOptions, query};

use super::toy::{World, post_page};
use crate::{Outcome, StopFlag, seam::Clock};

/// Numbers of the posts that a job asks for.
fn numbers(job: &Job, now: Timestamp) -> Page {
    let read = job.posts.iter().map(|post| {
        let mut measurement = Measurement::at(Subject::post(post.account.clone(), post.id.clone()), now);
        measurement.values.push(Reading::count(MetricId::from_static("impressions"), 7));
        measurement
    });
    Page { measurements: read.collect(), ..Page::default() }
}

async fn open(folder: &tempfile::TempDir, world: &World) -> Store {
    let clock = world.clock.clone();
    let options = StoreOptions { clock: Arc::new(move || clock.now()), ..StoreOptions::default() };
    Store::create(&folder.path().display().to_string(), options).await.unwrap()
}

/// A list of two pages, then numbers of its four posts in two calls.
async fn world(folder: &tempfile::TempDir) -> (World, Store) {
    let mut world = World::new(&["posts", "numbers"]);
    let store = open(folder, &world).await;
    world.ingest.pages = Arc::new(store.clone());
    let clock = world.clock.clone();
    world.answers(move |job, cursor| {
        let named = |page: Page| {
            let posts =
                page.posts.into_iter().map(|post| Post { format: Some("post".into()), ..post }).collect();
            Page { posts, ..page }
        };
        Ok(match (job.endpoint.as_str(), cursor.is_start()) {
            ("posts", true) => named(post_page(job, &["1", "2"], Some("p2"))),
            ("posts", false) => named(post_page(job, &["3", "4"], None)),
            _ => numbers(job, clock.now()),
        })
    });
    (world, store)
}

async fn cell(store: &Store, sql: &str) -> String {
    let found = query(&store.session().await.unwrap(), sql).await.unwrap();
    found.rows[0].iter().map(|value| value.to_string()).collect::<Vec<_>>().join(" ")
}

const DAYS: &str = "2026-09-09..2026-10-08";

#[tokio::test]
async fn what_was_read_rests_in_the_store_and_is_not_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let (world, store) = world(&folder).await;
    let list = [format!("a:posts {DAYS} start"), format!("a:posts {DAYS} \"p2\"")];
    let both = ["a:numbers start".to_owned(), "a:numbers start".to_owned()];
    let (outcome, asked) = world.asked().await;
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(asked, [list.as_slice(), both.as_slice()].concat());
    assert_eq!(cell(&store, "SELECT count(*), sum(impressions) FROM post_facts WHERE current").await, "4 28");
    assert_eq!(cell(&store, "SELECT count(*) FROM pages").await, "4");
    assert_eq!(cell(&store, "SELECT outcome, pages, calls FROM runs").await, "\"done\" 4 4");
    // The numbers of these posts are a day's worth.
    assert_eq!(world.asked().await.1, list);
    world.clock.forward(24);
    assert_eq!(world.asked().await.1.len(), 4);
    assert_eq!(cell(&store, "SELECT count(*) FROM post_facts WHERE current").await, "8");
    assert_eq!(cell(&store, "SELECT count(*) FROM posts WHERE current").await, "4");
}

#[tokio::test]
async fn a_stopped_run_goes_on_from_the_store_where_it_stood() {
    let folder = tempfile::tempdir().unwrap();
    let (mut world, store) = world(&folder).await;
    *world.platform.stop_after.lock().unwrap() = Some((1, world.stop.clone()));
    let (outcome, asked) = world.asked().await;
    assert_eq!((outcome, asked.len()), (Outcome::Cancelled, 1));
    drop(store);

    let store = open(&folder, &world).await;
    let account = world.request.accounts[0].reference.id.clone();
    let state = store.stream_states().await.unwrap().remove(&Stream::of(&account, "posts")).unwrap();
    assert_eq!((state.sequence, state.next), (1, Some(super::toy::cursor("p2"))));
    world.ingest.pages = Arc::new(store.clone());
    world.stop = StopFlag::default();
    let (outcome, asked) = world.asked().await;
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(asked, [format!("a:posts {DAYS} \"p2\""), "a:numbers start".into(), "a:numbers start".into()]);
    assert_eq!(cell(&store, "SELECT count(*), sum(impressions) FROM post_facts WHERE current").await, "4 28");
    assert_eq!(cell(&store, "SELECT count(*) FROM pages").await, "4");
}
