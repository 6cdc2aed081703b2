//! Zeros where there were numbers: which are believed, and which are asked for again.

use std::sync::Arc;

use jiff::civil::{Date, date};
use kepi_core::{Endpoint, Job, Measurement, MetricId, Notice, Page, Reading, Shape, Subject};

use super::toy::{Toy, World, account, counted, page};
use crate::{Ending, Outcome};

const NOW: &[Option<Date>] = &[None];

static ENDPOINTS: [Endpoint; 4] = [
    Endpoint::new("posts", "posts", Shape::Listing { published_within_days: Some(29) }),
    Endpoint::new("each", "one post", Shape::Batch { max: 1, ages: (0, 90), refresh: &[(90, 1)] }),
    Endpoint { page_cap: Some(2), ..Endpoint::new("newest", "the newest two", Shape::Snapshot) },
    Endpoint { lookback_days: 2, ..Endpoint::new("days", "days of posts", Shape::Windows { max_days: 30 }) },
];

fn toy() -> Arc<Toy> {
    Toy::with("toy", &ENDPOINTS)
}

fn world(endpoints: &[&str]) -> World {
    World::of(vec![account(&toy(), "toy/a", "one")], endpoints)
}

/// Asks once a day, each time answered so; says how the last endpoint ended on each day.
async fn days(world: &World, days: &[&[(&'static str, i64)]], metric: &'static str) -> Vec<Ending> {
    let mut endings = Vec::new();
    for numbers in days {
        let numbers = numbers.to_vec();
        world.answers(move |job, _| Ok(told(job, metric, &numbers)));
        endings.push(world.run().await.endpoints.pop().unwrap().ending);
        world.clock.forward(24);
    }
    endings
}

/// All of them, or the one post that is asked for.
fn told(job: &Job, metric: &'static str, numbers: &[(&'static str, i64)]) -> Page {
    let asked = |id: &str| job.endpoint != "each" || job.posts.iter().any(|post| post.id == id);
    let numbers: Vec<_> = numbers.iter().copied().filter(|(id, _)| asked(id)).collect();
    counted(job, metric, NOW, &numbers)
}

/// What was stored of the numbers of posts, in order.
fn stored(world: &World) -> Vec<String> {
    let pages = world.journal.pages.lock().unwrap();
    let said = pages.iter().flat_map(|page| &page.page.measurements);
    said.map(|one| format!("{} {:?}", one.subject.id, one.values[0].value)).collect()
}

#[tokio::test]
async fn zeros_after_numbers_are_not_believed_at_once() {
    let world = World::new(&["profile"]);
    world.run().await;
    world.answers(|job, _| Ok(page(job, 0, None)));
    world.clock.forward(24);
    let report = world.run().await;
    assert_eq!((report.outcome, &report.endpoints[0].ending), (Outcome::Partial, &Ending::Withheld));
    assert!(
        matches!(&report.endpoints[0].notices[0], Notice::Remark { text } if text.contains("not believed"))
    );
    assert_eq!(world.journal.pages.lock().unwrap().len(), 1);
    world.clock.forward(1);
    assert_eq!(world.run().await.endpoints[0].ending, Ending::Withheld);
    world.clock.forward(23);
    assert_eq!(world.run().await.endpoints[0].ending, Ending::Done);
    assert_eq!(world.journal.pages.lock().unwrap().len(), 2);
    world.clock.forward(24);
    assert_eq!(world.run().await.endpoints[0].ending, Ending::Done);
}

#[tokio::test]
async fn zeros_from_the_start_are_numbers_like_any_other() {
    let world = World::new(&["profile"]);
    world.answers(|job, _| Ok(page(job, 0, None)));
    for _ in 0..2 {
        assert_eq!(world.run().await.outcome, Outcome::Done);
    }
}

/// Fresh posts may well have nothing yet, where the ones before them had.
#[tokio::test]
async fn zeros_of_the_newest_are_believed() {
    let world = world(&["newest"]);
    for (id, number) in [("1", 5), ("2", 0)] {
        world.answers(move |job, _| Ok(counted(job, "views", NOW, &[(id, number)])));
        let report = world.run().await;
        assert!(matches!(report.endpoints[0].ending, Ending::Done), "{id}: {report:?}");
        world.clock.forward(1);
    }
}

/// Views are not taken back: not by all posts of a page at once.
#[tokio::test]
async fn a_page_of_posts_that_all_fell_to_zero_is_not_believed_until_it_has_stood() {
    let world = world(&["posts"]);
    let (some, none): (&[_], &[_]) = (&[("1", 5), ("2", 7), ("3", 0)], &[("1", 0), ("2", 0), ("3", 0)]);
    let endings = days(&world, &[some, none, none, none, some], "views").await;
    let expected = [Ending::Done, Ending::Withheld, Ending::Done, Ending::Done, Ending::Done];
    assert_eq!(endings, expected, "zeros that stand for a day are believed");
    assert_eq!(world.journal.pages.lock().unwrap().len(), 4);
    // Numbers in between begin the wait anew.
    assert_eq!(days(&world, &[none], "views").await, [Ending::Withheld]);
}

#[tokio::test]
async fn likes_of_all_posts_that_are_gone_are_not_believed_either() {
    let world = world(&["posts"]);
    let endings = days(&world, &[&[("1", 5), ("2", 7)], &[("1", 0), ("2", 0)]], "likes").await;
    assert_eq!(endings, [Ending::Done, Ending::Withheld]);
}

#[tokio::test]
async fn a_post_that_is_gone_is_believed_while_others_stand() {
    let world = world(&["posts"]);
    let endings = days(&world, &[&[("1", 5), ("2", 7)], &[("1", 0), ("2", 7)]], "views").await;
    assert_eq!(endings, [Ending::Done, Ending::Done]);
}

#[tokio::test]
async fn what_never_was_above_zero_and_a_like_taken_back_are_believed() {
    let world = world(&["posts"]);
    let never = days(&world, &[&[("1", 0), ("2", 0)], &[("1", 0), ("2", 0)]], "views").await;
    assert_eq!(never, [Ending::Done, Ending::Done]);
    let taken_back = days(&world, &[&[("1", 1), ("2", 0)], &[("1", 0), ("2", 0)]], "likes").await;
    assert_eq!(taken_back, [Ending::Done, Ending::Done]);
}

/// Where each post is asked for by itself, a page tells of none but its own: the others tell whether the platform
/// still counts, and pages that waited for them are stored in order.
#[tokio::test]
async fn a_page_of_one_post_waits_for_another_that_counts() {
    let world = world(&["posts", "each"]);
    let some: &[_] = &[("1", 5), ("2", 7), ("3", 9)];
    days(&world, &[some], "views").await;
    let before = stored(&world).len();
    world.answers(|job, _| match job.endpoint.as_str() {
        "posts" => Ok(Page::default()),
        _ => Ok(told(job, "views", &[("1", 0), ("2", 8), ("3", 9)])),
    });
    assert_eq!(world.run().await.endpoints[1].ending, Ending::Done);
    assert_eq!(stored(&world)[before..], ["1 Count(0)", "2 Count(8)", "3 Count(9)"]);
}

#[tokio::test]
async fn pages_of_one_post_that_all_fell_to_zero_are_not_believed() {
    let world = world(&["posts", "each"]);
    days(&world, &[&[("1", 5), ("2", 7)]], "views").await;
    let before = stored(&world).len();
    let silent = |job: &Job, _: &kepi_core::Cursor| match job.endpoint.as_str() {
        "posts" => Ok(Page::default()),
        _ => Ok(told(job, "views", &[("1", 0), ("2", 0)])),
    };
    world.answers(silent);
    let report = world.run().await;
    assert_eq!((report.outcome, &report.endpoints[1].ending), (Outcome::Partial, &Ending::Withheld));
    assert_eq!(report.endpoints[1].tally.pages, 0, "what is not stored is not counted as stored");
    assert_eq!(stored(&world).len(), before);
    world.clock.forward(24);
    assert_eq!(world.run().await.endpoints[1].ending, Ending::Done, "asked again, and believed now");
    assert_eq!(stored(&world)[before..], ["1 Count(0)", "2 Count(0)"]);
}

/// Of posts that were never seen nothing can tell; but a platform that is silent of one thing is so of the others.
#[tokio::test]
async fn zeros_of_new_posts_are_not_believed_where_others_were_not() {
    let world = world(&["posts", "newest"]);
    days(&world, &[&[("1", 5), ("2", 7)]], "views").await;
    for (number, ending) in [(0, Ending::Withheld), (8, Ending::Done)] {
        world.answers(move |job, _| match job.endpoint.as_str() {
            "posts" => Ok(told(job, "views", &[("1", number), ("2", number)])),
            _ => Ok(told(job, "views", &[("3", 0)])),
        });
        let endings: Vec<Ending> =
            world.run().await.endpoints.into_iter().map(|report| report.ending).collect();
        assert_eq!(endings, [ending.clone(), ending], "the list tells {number}");
        world.clock.forward(1);
    }
}

/// A day that had views still has them; a new day may have none.
#[tokio::test]
async fn days_of_posts_are_held_against_the_same_days() {
    let known = date(2026, 10, 6);
    for (asked, ending) in [(known, Ending::Withheld), (date(2026, 10, 9), Ending::Done)] {
        let world = world(&["days"]);
        let two = |job: &Job, day, number| {
            Ok(Page { posts: vec![], ..counted(job, "views", &[Some(day)], &[("1", number), ("2", number)]) })
        };
        world.answers(move |job, _| two(job, known, 5));
        world.run().await;
        world.clock.forward(24);
        world.answers(move |job, _| {
            let zeros = two(job, asked, 0)?;
            // An answer that is not whole, so that nothing else makes one doubt it.
            let more: Page = page(job, 1, None);
            let measurements = zeros.measurements.into_iter().chain(more.measurements).collect();
            Ok(Page { measurements, ..zeros })
        });
        assert_eq!(world.run().await.endpoints[0].ending, ending, "{asked}");
    }
}

fn profile(job: &Job, numbers: &[(&'static str, i64)]) -> Page {
    let mut one = Measurement::at(Subject::account(job.account().unwrap().id.clone()), job.planned_at);
    one.values = numbers.iter().map(|(id, n)| Reading::count(MetricId::from_static(id), *n)).collect();
    Page { measurements: vec![one], ..Page::default() }
}

/// An account does not lose its followers and what it follows within a day, though its posts stand.
#[tokio::test]
async fn a_snapshot_most_of_which_fell_to_zero_is_not_believed() {
    let before = [("followers_total", 900), ("following_total", 3), ("posts_total", 7)];
    for (now, ending) in [
        ([("followers_total", 0), ("following_total", 0), ("posts_total", 7)], Ending::Withheld),
        ([("followers_total", 901), ("following_total", 0), ("posts_total", 7)], Ending::Done),
    ] {
        let world = World::new(&["profile"]);
        world.answers(move |job, _| Ok(profile(job, &before)));
        world.run().await;
        world.clock.forward(24);
        world.answers(move |job, _| Ok(profile(job, &now)));
        assert_eq!(world.run().await.endpoints[0].ending, ending, "{now:?}");
    }
}
