//! One pass: paging, resuming, failing, stopping.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use jiff::civil::date;
use kepi_core::{Cursor, DateSpan, Endpoint, Error, ErrorKind, Job, Notice, Page, Retry, Shape};

use super::toy::{Toy, World, account, at, page, post_page};
use crate::{Ending, Outcome};

fn state(cursor: &Cursor) -> String {
    cursor.state::<String>().unwrap().unwrap_or_default()
}

#[tokio::test]
async fn the_first_page_is_delivered_before_the_last_is_asked_for() {
    let world = World::new(&["posts"]);
    world.answers(|job, cursor| {
        Ok(match state(cursor).as_str() {
            "" => post_page(job, &["1", "2"], Some("p2")),
            "p2" => post_page(job, &["3"], Some("p3")),
            _ => post_page(job, &["4"], None),
        })
    });
    let report = world.run().await;
    let days = "2026-09-09..2026-10-08";
    assert_eq!(
        world.log.take(),
        [
            format!("ask a:posts {days} start"),
            "push toy/a:posts Some(\"p2\")".to_owned(),
            format!("ask a:posts {days} \"p2\""),
            "push toy/a:posts Some(\"p3\")".to_owned(),
            format!("ask a:posts {days} \"p3\""),
            "push toy/a:posts None".to_owned(),
        ]
    );
    assert_eq!(report.outcome, Outcome::Done);
    assert_eq!((report.totals.pages, report.totals.posts, report.totals.calls), (3, 4, 3));
    assert_eq!(report.totals.cost_micro_usd, 4 * 5_000);
    assert_eq!(world.journal.runs.lock().unwrap()[0].outcome, "done");
}

#[tokio::test]
async fn empty_pages_with_a_next_token_go_on() {
    let world = World::new(&["posts"]);
    world.answers(|job, cursor| {
        Ok(match state(cursor).as_str() {
            "" => post_page(job, &[], Some("p2")),
            "p2" => post_page(job, &[], Some("p3")),
            _ => post_page(job, &["1"], None),
        })
    });
    let report = world.run().await;
    assert_eq!((report.totals.pages, report.totals.posts), (3, 1));
}

#[tokio::test]
async fn a_repeated_cursor_is_a_loop_error_and_what_was_read_is_kept() {
    let world = World::new(&["posts"]);
    world.answers(|job, cursor| {
        let next = if state(cursor) == "p2" { "p3" } else { "p2" };
        Ok(post_page(job, &["1"], Some(next)))
    });
    let report = world.run().await;
    let Ending::Failed(failure) = &report.endpoints[0].ending else { panic!("{report:?}") };
    assert!(failure.message.contains("same cursor twice"), "{failure:?}");
    assert_eq!((report.outcome, report.totals.pages), (Outcome::Partial, 3));
    assert_eq!(world.journal.pages.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_page_cap_is_a_stop_said_aloud_and_the_next_run_goes_on_there() {
    let world = World::new(&["posts"]);
    world.answers(|job, cursor| {
        let number: u32 = state(cursor).parse().unwrap_or(0) + 1;
        let next = number.to_string();
        Ok(post_page(job, &["x", "y"], (number < 5).then_some(next.as_str())))
    });
    let report = world.run().await;
    assert_eq!((report.outcome, report.totals.posts), (Outcome::Partial, 6));
    assert!(matches!(report.endpoints[0].ending, Ending::Capped { .. }));
    assert!(matches!(&report.endpoints[0].notices[0], Notice::Gap { reason } if reason.contains("6 items")));
    let (outcome, asked) = world.asked().await;
    let days = "2026-09-09..2026-10-08";
    assert_eq!(asked, [format!("a:posts {days} \"3\""), format!("a:posts {days} \"4\"")]);
    assert_eq!(outcome, Outcome::Done);
}

#[tokio::test]
async fn a_list_that_ends_at_its_cap_says_that_there_may_be_more() {
    let world = World::new(&["posts"]);
    world.answers(|job, _| Ok(post_page(job, &["1", "2", "3", "4", "5", "6"], None)));
    let report = world.run().await;
    assert_eq!(report.outcome, Outcome::Done);
    assert!(
        matches!(&report.endpoints[0].notices[0], Notice::Gap { reason } if reason.contains("may be more"))
    );
}

static NEWEST: [Endpoint; 1] =
    [Endpoint { page_cap: Some(2), ..Endpoint::new("newest", "the newest two", Shape::Snapshot) }];

/// The newest two are all that is ever shown, so a full answer is no news; whether some were missed only its
/// decoder can tell, from the newest that is known.
#[tokio::test]
async fn a_snapshot_of_the_newest_names_what_is_known_and_is_full_without_a_gap() {
    let toy = Toy::with("toy", &NEWEST);
    let world = World::of(vec![account(&toy, "toy/a", "one")], &["newest"]);
    world.answers(|job, _| Ok(post_page(job, &["1", "2"], None)));
    for _ in 0..2 {
        let report = world.run().await;
        assert_eq!((report.outcome, report.endpoints[0].notices.len()), (Outcome::Done, 0));
        world.clock.forward(1);
    }
    let pages = world.journal.pages.lock().unwrap();
    let named: Vec<Vec<&str>> =
        pages.iter().map(|page| page.job.posts.iter().map(|post| post.id.as_str()).collect()).collect();
    assert_eq!(named, [vec![], vec!["2"]]);
}

#[tokio::test]
async fn one_job_reads_no_more_pages_than_a_run_allows() {
    let mut world = World::new(&["posts"]);
    world.ingest.options.max_pages = 2;
    world.answers(|job, cursor| {
        let number: u32 = state(cursor).parse().unwrap_or(0) + 1;
        Ok(post_page(job, &["x"], Some(&number.to_string())))
    });
    let report = world.run().await;
    assert!(matches!(report.endpoints[0].ending, Ending::Capped { .. }));
    assert_eq!(report.totals.pages, 2);
}

#[tokio::test]
async fn one_failing_endpoint_or_account_stops_no_other() {
    let toy = Toy::new("toy");
    let accounts = vec![account(&toy, "toy/a", "one"), account(&toy, "toy/b", "two")];
    let world = World::of(accounts, &["profile", "posts"]);
    world.answers(|job, _| {
        if job.endpoint == "profile" && job.accounts[0].id.name() == "a" {
            return Err(Error::bad_response("no such shape"));
        }
        Ok(page(job, 1, None))
    });
    let report = world.run().await;
    let endings: Vec<_> = report
        .endpoints
        .iter()
        .map(|one| (one.accounts[0].name(), one.endpoint.as_str(), matches!(one.ending, Ending::Done)))
        .collect();
    let mut sorted = endings.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [("a", "posts", true), ("a", "profile", false), ("b", "posts", true), ("b", "profile", true)]
    );
    assert_eq!(report.outcome, Outcome::Partial);
    assert!(!report.is_worth_repeating());
}

#[tokio::test]
async fn a_platform_that_is_down_is_worth_another_try() {
    let world = World::new(&["profile"]);
    world.answers(|_, _| Err(Error::new(ErrorKind::Unavailable, "503")));
    let report = world.run().await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(report.is_worth_repeating());
    assert_eq!(world.journal.runs.lock().unwrap()[0].error.as_deref(), Some("503"));
}

#[tokio::test]
async fn a_failed_window_keeps_the_windows_after_it_for_the_next_run() {
    let world = World::new(&["daily"]);
    let mut request = world.request.clone();
    request.range = Some(DateSpan::new(date(2026, 9, 20), date(2026, 9, 29)));
    let world = World { request, ..world };
    world.answers(|job, _| {
        if job.window.unwrap().start == date(2026, 9, 23) {
            return Err(Error::new(ErrorKind::Unavailable, "503"));
        }
        Ok(page(job, 1, None))
    });
    let (outcome, asked) = world.asked().await;
    assert_eq!(outcome, Outcome::Partial);
    assert_eq!(asked, ["a:daily 2026-09-20..2026-09-22 start", "a:daily 2026-09-23..2026-09-25 start"]);
}

#[tokio::test]
async fn a_deferred_job_keeps_its_progress_and_goes_on_first() {
    let world = World::new(&["profile", "posts"]);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    world.answers(move |job, cursor| {
        if job.endpoint == "profile" {
            return Ok(page(job, 1, None));
        }
        match (state(cursor).as_str(), counted.fetch_add(1, Ordering::Relaxed)) {
            ("", _) => Ok(post_page(job, &["1"], Some("p2"))),
            (_, 1) => Err(Error::new(ErrorKind::QuotaExhausted, "no calls left")
                .retry(Retry::At(at("2026-10-08T12:15:00Z")))),
            _ => Ok(post_page(job, &["2"], None)),
        }
    });
    let report = world.run().await;
    assert_eq!(report.outcome, Outcome::Deferred);
    assert_eq!(report.resume_at(), Some(at("2026-10-08T12:15:00Z")));
    let (outcome, asked) = world.asked().await;
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(asked, ["a:posts 2026-09-09..2026-10-08 \"p2\"", "a:profile start"]);
}

#[tokio::test]
async fn a_job_interrupted_yesterday_is_finished_and_today_is_read_too() {
    let world = World::new(&["posts"]);
    world.answers(|job, cursor| match state(cursor).as_str() {
        "" => Ok(post_page(job, &["1"], Some("p2"))),
        _ => Err(Error::new(ErrorKind::RateLimited, "slow down")),
    });
    assert_eq!(world.run().await.outcome, Outcome::Deferred);
    world.clock.forward(24);
    world.answers(|job, _| Ok(post_page(job, &["2"], None)));
    let (_, asked) = world.asked().await;
    assert_eq!(asked, ["a:posts 2026-09-09..2026-10-08 \"p2\"", "a:posts 2026-09-10..2026-10-09 start"]);
}

#[tokio::test]
async fn a_snapshot_interrupted_yesterday_is_no_snapshot_of_today() {
    let world = World::new(&["profile"]);
    world.answers(|job, cursor| match state(cursor).as_str() {
        "" => Ok(page(job, 1, Some("p2"))),
        _ => Err(Error::new(ErrorKind::RateLimited, "slow down")),
    });
    world.run().await;
    world.answers(|job, cursor| Ok(page(job, 1, cursor.is_start().then_some("p2"))));
    world.clock.forward(24);
    let expected = ["a:profile \"p2\"", "a:profile start", "a:profile \"p2\""];
    assert_eq!(world.asked().await.1, expected);
}

#[tokio::test]
async fn an_interrupted_job_of_another_credential_is_not_resumed() {
    let toy = Toy::new("toy");
    let (a, b) = (account(&toy, "toy/a", "one"), account(&toy, "toy/b", "two"));
    let mut world = World::of(vec![a.clone()], &["followers"]);
    world.answers(|job, cursor| match state(cursor).as_str() {
        "" => Ok(page(job, 1, Some("p2"))),
        _ => Err(Error::new(ErrorKind::RateLimited, "slow down")),
    });
    world.run().await;
    world.answers(|job, _| Ok(page(job, 1, None)));
    world.request.accounts = vec![b.clone()];
    assert_eq!(world.asked().await.1, ["b:followers start"]);
    world.request.accounts = vec![a, b];
    assert_eq!(world.asked().await.1, ["a:followers start", "b:followers start"]);
}

#[tokio::test]
async fn a_budget_stops_before_its_ceiling() {
    let world = World::new(&["posts"]);
    world.answers(|_, _| Err(Error::new(ErrorKind::BudgetExhausted, "10 USD a day are spent")));
    let report = world.run().await;
    assert_eq!((report.outcome, report.totals.calls), (Outcome::Deferred, 0));
}

#[tokio::test]
async fn a_refused_cursor_begins_anew_and_says_so() {
    let world = World::new(&["posts"]);
    world.answers(|job, cursor| match state(cursor).as_str() {
        "" => Ok(post_page(job, &["1"], Some("p2"))),
        _ => Err(Error::new(ErrorKind::RateLimited, "slow down")),
    });
    world.run().await;
    world.answers(|job, cursor| {
        if cursor.is_start() {
            return Ok(post_page(job, &["1", "2"], None));
        }
        Err(Error::new(ErrorKind::BadRequest, "this token has expired"))
    });
    let report = world.run().await;
    assert_eq!((report.outcome, report.totals.posts), (Outcome::Done, 2));
    assert!(
        matches!(&report.endpoints[0].notices[0], Notice::Remark { text } if text.contains("begins anew"))
    );
}

/// A present state that begins anew a day later is one of that day.
#[tokio::test]
async fn a_snapshot_that_begins_anew_is_planned_anew() {
    let world = World::new(&["profile"]);
    world.answers(|job, cursor| match cursor.is_start() {
        true => Ok(page(job, 1, Some("p2"))),
        false => Err(Error::new(ErrorKind::RateLimited, "slow down")),
    });
    world.run().await;
    world.clock.forward(24);
    world.answers(|job, cursor| match cursor.is_start() {
        true => Ok(page(job, 2, None)),
        false => Err(Error::new(ErrorKind::BadRequest, "too old")),
    });
    assert_eq!(world.run().await.outcome, Outcome::Done);
    let pages = world.journal.pages.lock().unwrap();
    assert_eq!(pages.last().unwrap().job.planned_at, at("2026-10-09T12:00:00Z"));
}

#[tokio::test]
async fn a_torn_cursor_is_an_error_and_never_a_silent_restart() {
    let world = World::new(&["posts"]);
    world.answers(|job, cursor| match state(cursor).as_str() {
        "" => Ok(post_page(job, &["1"], Some("p2"))),
        _ => Err(Error::new(ErrorKind::RateLimited, "slow down")),
    });
    world.run().await;
    world.answers(|_, cursor| {
        let torn = Cursor::from_stored(Some("{torn"));
        let _ = cursor;
        Err(torn.state::<String>().unwrap_err())
    });
    let (outcome, asked) = world.asked().await;
    assert_eq!(outcome, Outcome::Failed);
    assert_eq!(asked, ["a:posts 2026-09-09..2026-10-08 \"p2\""]);
}

#[tokio::test]
async fn what_is_not_offered_is_remembered_and_tried_again_after_a_while() {
    let world = World::new(&["profile", "posts"]);
    world.answers(|job, _| match job.endpoint.as_str() {
        "profile" => Err(Error::new(ErrorKind::NotOffered, "fewer than 100 followers")),
        "posts" => {
            Err(Error::new(ErrorKind::Forbidden, "scope posts.read is missing").hint("kepi auth toy/a"))
        }
        _ => Ok(page(job, 1, None)),
    });
    let report = world.run().await;
    assert_eq!(report.outcome, Outcome::Done);
    assert!(report.endpoints.iter().all(|one| matches!(one.ending, Ending::Lacking { .. })));
    let report = world.run().await;
    assert_eq!((report.outcome, report.totals.calls), (Outcome::Done, 0));
    let told: Vec<_> = report.endpoints.iter().map(|one| one.ending.to_string()).collect();
    assert_eq!(
        told,
        [
            "not asked until 2026-10-15T12:00:00Z: fewer than 100 followers",
            "not asked until 2026-10-09T12:00:00Z: scope posts.read is missing",
        ]
    );
    let plan = world.ingest.plan(&world.request).await.unwrap();
    assert_eq!(plan.endpoints[0].lacking[0].reason, "fewer than 100 followers");

    world.answers(|job, _| Ok(page(job, 1, None)));
    world.clock.forward(25);
    let (_, asked) = world.asked().await;
    assert_eq!(asked, ["a:posts 2026-09-10..2026-10-09 start"]);
    world.clock.forward(6 * 24);
    assert_eq!(world.asked().await.1.len(), 2);
    assert_eq!(world.ingest.memory.capabilities().await.unwrap(), []);
}

/// An endpoint that gave numbers and is refused fails, is asked again by the next run, and is well when it answers. A
/// missing scope stays a failure; what is no longer offered becomes a state when that has stood for a week.
#[tokio::test]
async fn what_was_given_before_and_is_refused_is_a_failure() {
    for (kind, last) in
        [(ErrorKind::Forbidden, "failed: denied"), (ErrorKind::NotOffered, "not offered: denied")]
    {
        let world = World::new(&["profile", "posts"]);
        world.run().await;
        let denied = move |job: &Job| match job.endpoint.as_str() {
            "profile" => Err(Error::new(kind, "denied").hint("give it back")),
            _ => Ok(page(job, 1, None)),
        };
        world.answers(move |job, _| denied(job));
        for _ in 0..2 {
            let report = world.run().await;
            assert_eq!((report.outcome, report.totals.calls), (Outcome::Partial, 2), "{report:?}");
            let Some(failure) = report.first_failure() else { panic!("{report:?}") };
            assert_eq!((failure.kind, failure.hint.as_deref()), (kind.as_str(), Some("give it back")));
        }
        world.answers(|job, _| Ok(page(job, 1, None)));
        assert_eq!(world.run().await.outcome, Outcome::Done);
        assert_eq!(world.ingest.memory.capabilities().await.unwrap(), []);

        world.answers(move |job, _| denied(job));
        world.run().await;
        world.clock.forward(7 * 24);
        let report = world.run().await;
        let ending = |report: &crate::RunReport| {
            let profile = report.endpoints.iter().find(|one| one.endpoint == "profile").unwrap();
            profile.ending.to_string()
        };
        assert_eq!(ending(&report), last);
    }
}

/// What is left of an allowance is for whoever sends, and no news for people.
#[tokio::test]
async fn calls_that_are_left_are_told_to_who_sends() {
    let world = World::new(&["profile"]);
    let until = at("2026-10-08T16:00:00Z");
    world.answers(move |job, _| {
        let notice = Notice::CallsLeft { endpoint: "daily".into(), left: 7, until };
        Ok(Page { notices: vec![notice], ..page(job, 1, None) })
    });
    let report = world.run().await;
    assert_eq!(report.endpoints[0].notices, []);
    assert!(world.log.take().contains(&format!("left daily 7 until {until}")));
}

/// Calls that fail were made and may have been billed: the run says so.
#[tokio::test]
async fn calls_that_fail_are_counted() {
    let world = World::new(&["profile"]);
    world.answers(|_, _| Err(Error::new(ErrorKind::BadRequest, "what?")));
    let report = world.run().await;
    assert_eq!((report.totals.calls, report.totals.cost_micro_usd), (1, 0));
}

#[tokio::test]
async fn a_page_may_say_what_one_of_several_accounts_lacks() {
    let toy = Toy::new("toy");
    let accounts = vec![account(&toy, "toy/a", "one"), account(&toy, "toy/b", "one")];
    let world = World::of(accounts, &["followers"]);
    world.answers(|job, _| {
        let account = "toy/b".parse().unwrap();
        let notice = Notice::NotOffered { account, metric: None, reason: "protected".into() };
        Ok(Page { notices: vec![notice], ..page(job, 1, None) })
    });
    assert_eq!(world.asked().await.1, ["a+b:followers start"]);
    assert_eq!(world.asked().await.1, ["a:followers start"]);
}

/// A metric that an account was said not to have is named in the jobs that follow, until it is tried again.
#[tokio::test]
async fn a_refused_metric_is_named_in_the_jobs_that_follow() {
    let world = World::new(&["profile"]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    world.answers(move |job, _| {
        heard.lock().unwrap().push(job.refused.clone());
        let account = job.accounts[0].id.clone();
        let notice = Notice::NotOffered { account, metric: Some("likes".into()), reason: "too small".into() };
        Ok(Page { notices: vec![notice], ..page(job, 1, None) })
    });
    world.asked().await;
    world.clock.forward(24);
    world.asked().await;
    world.clock.forward(8 * 24);
    world.asked().await;
    assert_eq!(*told.lock().unwrap(), [vec![], vec![smol_str::SmolStr::new("likes")], vec![]]);
}

#[tokio::test]
async fn a_dead_credential_is_not_tried_on_the_other_endpoints() {
    let world = World::new(&[]);
    world.answers(|job, _| match job.endpoint.as_str() {
        "followers" => Ok(page(job, 1, None)),
        _ => Err(Error::new(ErrorKind::Reauthorise, "the consent was revoked").hint("kepi auth toy/a")),
    });
    let (outcome, asked) = world.asked().await;
    assert_eq!(outcome, Outcome::Partial);
    assert_eq!(asked, ["a:profile start", "a:followers start"]);
}

#[tokio::test]
async fn asked_to_stop_it_finishes_the_page_in_hand() {
    let world = World::new(&["posts", "profile"]);
    let stop = world.stop.clone();
    world.answers(move |job, cursor| {
        if state(cursor) == "p2" {
            stop.stop();
            return Ok(post_page(job, &["2"], Some("p3")));
        }
        Ok(post_page(job, &["1"], Some("p2")))
    });
    let mut world = world;
    world.request.endpoints = vec!["posts".into()];
    let report = world.run().await;
    assert_eq!((report.outcome, report.totals.pages), (Outcome::Cancelled, 2));
    let pages = world.journal.pages.lock().unwrap();
    assert_eq!(pages.len(), 2);
    assert_eq!(pages[1].page.next, Some(super::toy::cursor("p3")));
}

#[tokio::test]
async fn a_journal_that_cannot_be_written_ends_the_run_and_loses_nothing() {
    let toy = Toy::new("toy");
    let accounts = (0..5).map(|i| account(&toy, &format!("toy/a{i}"), &format!("c{i}"))).collect();
    let mut world = World::of(accounts, &["profile"]);
    world.ingest.options.concurrency = 1;
    *world.journal.full_at.lock().unwrap() = Some(2);
    let report = world.run().await;
    let error = report.error.as_ref().unwrap();
    assert_eq!(
        (report.outcome, error.kind, error.hint.as_deref()),
        (Outcome::Failed, "store", Some("make room"))
    );
    assert_eq!(world.journal.pages.lock().unwrap().len(), 2);
    assert_eq!(world.log.take().iter().filter(|line| line.starts_with("ask")).count(), 3);
}

#[tokio::test]
async fn accounts_are_read_at_once_but_each_by_one_hand_at_a_time() {
    let toy = Toy::new("toy");
    let accounts = (0..6).map(|i| account(&toy, &format!("toy/a{i}"), "one")).collect();
    let mut world = World::of(accounts, &["profile", "daily", "posts", "followers"]);
    world.ingest.options.concurrency = 4;
    let report = world.run().await;
    assert_eq!(report.outcome, Outcome::Done);
    // The toy itself asserts that no account is asked twice at once; six accounts in one call count six.
    assert_eq!(report.endpoints.len(), 6 * 3 + 1);
    assert!(*world.platform.widest.lock().unwrap() >= 4);
}

#[tokio::test]
async fn no_more_is_asked_at_once_than_allowed() {
    let toy = Toy::new("toy");
    let accounts = (0..6).map(|i| account(&toy, &format!("toy/a{i}"), &format!("c{i}"))).collect();
    let mut world = World::of(accounts, &["profile"]);
    world.ingest.options.concurrency = 2;
    world.run().await;
    assert_eq!(*world.platform.widest.lock().unwrap(), 2);
}

#[tokio::test]
async fn numbers_of_posts_are_asked_after_the_list_that_brought_them() {
    let world = World::new(&["numbers", "posts"]);
    world.answers(|job, _| {
        Ok(match job.endpoint.as_str() {
            "posts" => post_page(job, &["1", "2", "3"], None),
            _ => page(job, 1, None),
        })
    });
    let (_, asked) = world.asked().await;
    assert_eq!(asked, ["a:posts 2026-09-09..2026-10-08 start", "a:numbers start", "a:numbers start"]);
}

#[tokio::test]
async fn a_second_run_asks_only_for_what_is_new_or_restated() {
    let world = World::new(&["daily"]);
    assert_eq!(world.asked().await.1, ["a:daily 2026-10-06..2026-10-07 start"]);
    world.clock.forward(5 * 24);
    // The last of the days that were read had not settled.
    let expected = ["a:daily 2026-10-07..2026-10-09 start", "a:daily 2026-10-10..2026-10-12 start"];
    assert_eq!(world.asked().await.1, expected);
    world.clock.forward(24);
    assert_eq!(world.asked().await.1, ["a:daily 2026-10-12..2026-10-13 start"]);
}

#[tokio::test]
async fn days_on_demand_leave_what_is_due_where_it_stood() {
    let mut world = World::new(&["daily"]);
    world.run().await;
    world.clock.forward(5 * 24);
    for range in [
        DateSpan::new(date(2026, 9, 20), date(2026, 9, 22)),
        DateSpan::new(date(2026, 10, 12), date(2026, 10, 13)),
    ] {
        world.request.range = Some(range);
        assert_eq!(world.asked().await.1, [format!("a:daily {range} start")]);
    }
    world.request.range = None;
    let due = ["a:daily 2026-10-07..2026-10-09 start", "a:daily 2026-10-10..2026-10-12 start"];
    assert_eq!(world.asked().await.1, due);
}

#[tokio::test]
async fn days_before_what_the_platform_keeps_are_told_as_clamped() {
    let mut world = World::new(&["daily"]);
    world.request.range = Some(DateSpan::new(date(2026, 9, 1), date(2026, 9, 10)));
    let report = world.run().await;
    let days = DateSpan::new(date(2026, 9, 1), date(2026, 9, 8));
    assert_eq!(report.endpoints[0].notices, [Notice::Clamped { days }]);
}

#[tokio::test]
async fn two_credentials_of_one_platform_share_a_stream_in_turn() {
    let toy = Toy::new("toy");
    let accounts = vec![account(&toy, "toy/a", "one"), account(&toy, "toy/b", "two")];
    let world = World::of(accounts, &["followers"]);
    world.answers(|job, cursor| Ok(page(job, 1, cursor.is_start().then_some("p2"))));
    let (outcome, asked) = world.asked().await;
    assert_eq!(outcome, Outcome::Done);
    let expected = ["a:followers start", "a:followers \"p2\"", "b:followers start", "b:followers \"p2\""];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn an_unknown_endpoint_or_an_account_named_twice_is_refused() {
    let world = World::new(&["profil"]);
    let error = world.ingest.run(&world.request, &crate::Silent, &world.stop).await.unwrap_err();
    assert!(error.hint_text().unwrap().contains("did you mean profile"), "{error:?}");
    let toy = Toy::new("toy");
    let world = World::of(vec![account(&toy, "toy/a", "one"), account(&toy, "toy/a", "two")], &[]);
    let error = world.ingest.run(&world.request, &crate::Silent, &world.stop).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadConfig);
}
