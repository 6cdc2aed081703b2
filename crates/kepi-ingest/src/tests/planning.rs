//! The plan that is told before any call.

use jiff::civil::date;
use kepi_core::{DateSpan, Endpoint, Error, ErrorKind, Shape, descriptor::Sunset};

use super::toy::{Toy, World, account, post_page};
use crate::{Ending, Outcome};

#[tokio::test]
async fn a_plan_tells_calls_items_and_money_and_makes_no_call() {
    let toy = Toy::new("toy");
    let accounts = vec![account(&toy, "toy/a", "one"), account(&toy, "toy/b", "one")];
    let world = World::of(accounts, &[]);
    let plan = world.ingest.plan(&world.request).await.unwrap();
    assert_eq!(world.log.take(), Vec::<String>::new());
    let rows: Vec<_> = plan
        .endpoints
        .iter()
        .map(|row| {
            let accounts: Vec<_> = row.accounts.iter().map(|account| account.name()).collect();
            let days = row.days.map(|days| days.to_string()).unwrap_or_default();
            let estimate = row.estimate;
            format!(
                "{} {} {} jobs {days} {} calls {} items ${:.3}{}{}",
                row.endpoint,
                accounts.join("+"),
                row.jobs,
                estimate.calls,
                estimate.items,
                estimate.cost_micro_usd as f64 / 1e6,
                estimate.cost_at_most_micro_usd.map_or_else(String::new, |most| {
                    if most == estimate.cost_micro_usd {
                        String::new()
                    } else {
                        format!("..{:.3}", most as f64 / 1e6)
                    }
                }),
                if estimate.at_least { " at least" } else { "" }
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "profile a 1 jobs  1 calls 1 items $0.000",
            "profile b 1 jobs  1 calls 1 items $0.000",
            "daily a 1 jobs 2026-10-06..2026-10-07 1 calls 2 items $0.000 at least",
            "daily b 1 jobs 2026-10-06..2026-10-07 1 calls 2 items $0.000 at least",
            "posts a 1 jobs 2026-09-09..2026-10-08 1 calls 0 items $0.000..0.030 at least",
            "posts b 1 jobs 2026-09-09..2026-10-08 1 calls 0 items $0.000..0.030 at least",
            "followers a+b 1 jobs  1 calls 2 items $0.020",
            "numbers a 0 jobs  0 calls 0 items $0.000",
            "numbers b 0 jobs  0 calls 0 items $0.000",
        ]
    );
    assert_eq!((plan.total.calls, plan.total.cost_micro_usd), (7, 20_000));
    assert_eq!(plan.total.cost_at_most_micro_usd, Some(2 * 30_000 + 20_000));
    assert_eq!(plan.warnings, Vec::<String>::new());
}

#[tokio::test]
async fn a_plan_knows_the_posts_that_were_read_and_where_a_run_was_interrupted() {
    let world = World::new(&["posts", "numbers"]);
    world.answers(|job, cursor| {
        if cursor.is_start() && job.endpoint == "posts" {
            return Ok(post_page(job, &["1", "2", "3"], Some("p2")));
        }
        Err(Error::new(ErrorKind::RateLimited, "slow down"))
    });
    world.run().await;
    let plan = world.ingest.plan(&world.request).await.unwrap();
    let (posts, numbers) = (&plan.endpoints[0], &plan.endpoints[1]);
    assert_eq!((posts.resumed, posts.estimate.calls, posts.estimate.items), (1, 2, 3));
    assert_eq!((numbers.estimate.calls, numbers.estimate.cost_micro_usd), (2, 15_000));
}

static STEPS: [Endpoint; 2] = [
    Endpoint { page_size: 0, ..Endpoint::new("stepwise", "four calls", Shape::Windows { max_days: 30 }) },
    Endpoint { page_size: 0, ..Endpoint::new("whole", "one call", Shape::Windows { max_days: 30 }) },
];

#[tokio::test]
async fn a_plan_counts_the_steps_of_a_job() {
    let toy = Toy::with("toy", &STEPS);
    let mut world = World::of(vec![account(&toy, "toy/a", "one")], &[]);
    world.request.range = Some(DateSpan::new(date(2026, 9, 1), date(2026, 10, 1)));
    let plan = world.ingest.plan(&world.request).await.unwrap();
    let told: Vec<_> = plan.endpoints.iter().map(|row| (row.estimate.calls, row.estimate.at_least)).collect();
    assert_eq!(told, [(4, false), (1, false)]);
}

#[tokio::test]
async fn a_plan_tells_clamped_days_and_quotas_that_it_does_not_fit() {
    let mut world = World::new(&["daily"]);
    world.request.range = Some(DateSpan::new(date(2026, 9, 1), date(2026, 10, 8)));
    let plan = world.ingest.plan(&world.request).await.unwrap();
    assert_eq!(plan.endpoints[0].clamped, [DateSpan::new(date(2026, 9, 1), date(2026, 9, 8))]);
    assert_eq!(plan.endpoints[0].jobs, 10);
    assert_eq!(
        plan.warnings,
        [
            "10 calls and an allowance of 3 in 900 s (reads of Toy): it takes at least 2700 s, or goes on in a later run"
        ]
    );
}

static SUNSETS: [Endpoint; 2] = [
    Endpoint {
        sunset: Some(Sunset::on(date(2026, 10, 8))),
        ..Endpoint::new("ended", "ended", Shape::Snapshot)
    },
    Endpoint {
        sunset: Some(Sunset::on(date(2026, 12, 1))),
        ..Endpoint::new("ending", "ending", Shape::Snapshot)
    },
];

static GUESSES: [Endpoint; 2] = [
    Endpoint { sunset: Some(guess(8)), ..Endpoint::new("ended", "ended", Shape::Snapshot) },
    Endpoint { sunset: Some(guess(30)), ..Endpoint::new("ending", "ending", Shape::Snapshot) },
];

const fn guess(day: i8) -> Sunset {
    Sunset { guessed: true, hint: "set version_ends", ..Sunset::on(date(2026, 10, day)) }
}

/// A guess is no fact: what may have ended is warned of and asked.
#[tokio::test]
async fn a_guessed_end_is_warned_of_and_refuses_nothing() {
    let toy = Toy::with("toy", &GUESSES);
    let world = World::of(vec![account(&toy, "toy/a", "one")], &[]);
    let plan = world.ingest.plan(&world.request).await.unwrap();
    let warnings: Vec<&str> = plan.endpoints.iter().flat_map(|it| &it.warnings).map(String::as_str).collect();
    assert_eq!(
        warnings,
        [
            "this version of ended may have ended about 2026-10-08, which is a guess: set version_ends",
            "this version of ending may end about 2026-10-30, which is a guess: set version_ends",
        ]
    );
    assert!(plan.endpoints.iter().all(|it| it.refused.is_none()));
    world.run().await;
    assert_eq!(world.log.take().iter().filter(|line| line.starts_with("ask")).count(), 2);
}

#[tokio::test]
async fn the_end_of_an_api_version_is_known_beforehand() {
    let toy = Toy::with("toy", &SUNSETS);
    let world = World::of(vec![account(&toy, "toy/a", "one")], &[]);
    let plan = world.ingest.plan(&world.request).await.unwrap();
    assert!(plan.endpoints[0].refused.as_ref().unwrap().contains("ended on 2026-10-08"));
    assert_eq!(
        plan.endpoints[1].warnings,
        ["this version of ending ends on 2026-12-01: update kepi, or leave the endpoint out"]
    );
    assert_eq!(plan.total.calls, 1);
    let report = world.run().await;
    assert_eq!(report.outcome, Outcome::Partial);
    assert!(matches!(&report.endpoints[0].ending, Ending::Failed(failure) if failure.kind == "bad_config"));
    assert_eq!(world.log.take().iter().filter(|line| line.starts_with("ask")).count(), 1);
}
