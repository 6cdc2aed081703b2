//! Stopped or killed at any step and begun again: the same pages, none lost, none doubled.

use std::collections::BTreeMap;

use jiff::civil::date;
use kepi_core::{DateSpan, Notice, Page};

use super::toy::{Toy, World, account, page, post_page};
use crate::{Outcome, StopFlag};

/// Two accounts: a snapshot of two pages, days in windows, a list of three pages and numbers of its posts.
fn world() -> World {
    let toy = Toy::new("toy");
    let accounts = vec![account(&toy, "toy/a", "one"), account(&toy, "toy/b", "one")];
    let world = World::of(accounts, &["profile", "daily", "posts", "numbers"]);
    world.answers(|job, cursor| {
        let step = cursor.state::<String>().unwrap().unwrap_or_default();
        Ok(match (job.endpoint.as_str(), step.as_str()) {
            ("profile" | "daily", "") => page(job, 1, Some("p2")),
            ("posts", "") => post_page(job, &["1", "2"], Some("p2")),
            ("posts", "p2") => post_page(job, &["3"], Some("p3")),
            ("posts", _) => post_page(job, &["4"], None),
            _ => page(job, 2, None),
        })
    });
    world
}

/// How often each page stands in the journal.
fn journal(world: &World) -> BTreeMap<String, usize> {
    let mut pages = BTreeMap::new();
    for page in world.journal.pages.lock().unwrap().iter() {
        let posts: Vec<_> = page.job.posts.iter().map(|post| post.id.as_str()).collect();
        let name = format!("{} {:?} {:?} {}", page.stream, page.job.window, page.cursor, posts.join("+"));
        *pages.entry(name).or_default() += 1;
    }
    pages
}

#[tokio::test]
async fn stopped_at_any_page_and_begun_again_it_ends_in_the_same_journal() {
    let whole = world();
    assert_eq!(whole.run().await.outcome, Outcome::Done);
    let expected = journal(&whole);
    let pages: usize = expected.values().sum();
    assert_eq!((pages, expected.len()), (18, 18));
    for after in 1..pages {
        let mut world = world();
        world.ingest.options.concurrency = 1;
        *world.platform.stop_after.lock().unwrap() = Some((after, world.stop.clone()));
        let first = world.run().await;
        assert_eq!(first.outcome, Outcome::Cancelled, "after {after}");
        assert_eq!(first.totals.pages, u64::try_from(after).unwrap());
        world.stop = StopFlag::default();
        // What had been finished is left out, as the schedule does it.
        world.request.only = Some(first.left_over());
        assert_eq!(world.run().await.outcome, Outcome::Done);
        assert_eq!(journal(&world), expected, "after {after}");
    }
}

#[tokio::test]
async fn killed_at_any_page_and_begun_again_it_loses_nothing() {
    let whole = world();
    whole.run().await;
    let expected = journal(&whole);
    let pages: usize = expected.values().sum();
    for after in 1..pages {
        let mut world = world();
        world.ingest.options.concurrency = 1;
        *world.journal.commit_every.lock().unwrap() = 2;
        *world.platform.hang_after.lock().unwrap() = Some(after);
        tokio::select! {
            _ = world.run() => panic!("it ended"),
            () = world.platform.hangs.notified() => {}
        }
        assert_eq!(world.journal.pages.lock().unwrap().len(), after / 2 * 2);
        *world.platform.hang_after.lock().unwrap() = None;
        world.platform.reset();
        assert_eq!(world.run().await.outcome, Outcome::Done);
        let names: Vec<_> = journal(&world).into_keys().collect();
        assert_eq!(names, expected.keys().cloned().collect::<Vec<_>>(), "after {after}");
    }
}

#[tokio::test]
async fn days_that_are_not_there_yet_are_asked_for_until_they_are() {
    let world = World::new(&["daily"]);
    let missing = DateSpan::new(date(2026, 10, 6), date(2026, 10, 8));
    world.answers(move |job, _| {
        Ok(Page { notices: vec![Notice::NotYet { days: missing }], ..page(job, 1, None) })
    });
    assert_eq!(world.asked().await.1, ["a:daily 2026-10-06..2026-10-07 start"]);
    world.clock.forward(3 * 24);
    let expected = [
        "a:daily 2026-10-06..2026-10-06 start",
        "a:daily 2026-10-07..2026-10-09 start",
        "a:daily 2026-10-10..2026-10-10 start",
    ];
    assert_eq!(world.asked().await.1, expected);
    world.answers(|job, _| Ok(page(job, 1, None)));
    world.clock.forward(24);
    let plan = world.ingest.plan(&world.request).await.unwrap();
    assert_eq!(plan.endpoints[0].jobs, 2);
    let expected = ["a:daily 2026-10-06..2026-10-07 start", "a:daily 2026-10-10..2026-10-11 start"];
    assert_eq!(world.asked().await.1, expected);
    world.clock.forward(24);
    assert_eq!(world.asked().await.1, ["a:daily 2026-10-11..2026-10-12 start"]);
}
