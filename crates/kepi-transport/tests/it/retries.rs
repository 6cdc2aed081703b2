//! When a call is made again, and when not.

use std::sync::{Arc, Mutex};

use kepi_core::{ErrorKind, Response, Retry};
use kepi_transport::{
    Clock, Fault, FaultKind, RetryPolicy,
    testing::{ManualClock, ScriptedWire},
};

use crate::support::{Bench, START, Toy, at, ok, policy, seconds_since_start};

type Times = Arc<Mutex<Vec<f64>>>;

/// A bench whose wire notes the seconds at which calls went out.
fn timed(
    policy: RetryPolicy,
    mut answer: impl FnMut(usize) -> Result<Response, Fault> + Send + 'static,
) -> (Bench, Times) {
    let clock = Arc::new(ManualClock::jumping(at(START)));
    let times = Times::default();
    let (watch, noted) = (Arc::clone(&clock), Arc::clone(&times));
    let wire = ScriptedWire::new(move |_, number| {
        noted.lock().unwrap().push(seconds_since_start(watch.now()));
        answer(number)
    });
    (Bench::on(clock, wire, Toy::default(), |builder| builder.policy(policy)), times)
}

#[tokio::test]
async fn retry_after_is_obeyed_and_the_jitter_only_adds() {
    for (status, header) in [(429, "100"), (503, "100"), (503, "Mon, 05 Oct 2026 12:01:40 GMT")] {
        for seed in 0..20 {
            let policy = RetryPolicy { jitter_seed: Some(seed), ..policy() };
            let (bench, times) = timed(policy, move |number| {
                Ok(match number {
                    0 => ScriptedWire::response(status, &[("retry-after", header)], ""),
                    _ => ok(),
                })
            });
            assert_eq!(bench.fetch("list").await.unwrap().attempts, 2);
            let again = times.lock().unwrap()[1];
            assert!((100.0..=105.0).contains(&again), "{status} {header}: {again}");
        }
    }
}

#[tokio::test]
async fn a_reset_beyond_the_deadline_is_handed_back_with_its_time() {
    let check = async |header: (&'static str, &'static str), expected: &str| {
        let (bench, _) = timed(policy(), move |_| Ok(ScriptedWire::response(429, &[header], "")));
        let error = bench.fetch("list").await.unwrap_err();
        assert_eq!((error.kind(), bench.calls()), (ErrorKind::RateLimited, 1), "{error:?}");
        assert_eq!(error.retry_policy(), Retry::At(at(expected)), "{error:?}");
        assert_eq!(bench.elapsed(), 0.0, "nobody waited");
    };
    check(("retry-after", "7200"), "2026-10-05T14:00:00Z").await;
    // No platform puts us off for years.
    check(("retry-after", "99999999"), "2026-10-06T12:00:00Z").await;
    check(("retry-after", "Mon, 05 Oct 2026 18:00:00 GMT"), "2026-10-05T18:00:00Z").await;
}

#[tokio::test]
async fn backoff_has_full_jitter_and_bounds() {
    let mut firsts = Vec::new();
    for seed in 0..30 {
        let policy = RetryPolicy { jitter_seed: Some(seed), max_attempts: 6, ..policy() };
        let (bench, times) = timed(policy, |_| Ok(ScriptedWire::json(500, "")));
        bench.fetch("list").await.unwrap_err();
        let times = times.lock().unwrap().clone();
        assert_eq!(times.len(), 6);
        for (i, pair) in times.windows(2).enumerate() {
            let bound = 0.5 * f64::from(1 << i);
            assert!((0.0..=bound + 0.001).contains(&(pair[1] - pair[0])), "{i}: {times:?}");
        }
        firsts.push(times[1]);
    }
    assert!(firsts.iter().any(|first| *first < 0.1) && firsts.iter().any(|first| *first > 0.4), "{firsts:?}");
}

#[tokio::test]
async fn the_total_wait_is_bounded() {
    let policy = RetryPolicy {
        base_delay_millis: 60_000,
        max_attempts: 1000,
        max_total_wait_secs: 300,
        circuit_failures: 0,
        ..policy()
    };
    let (bench, times) = timed(policy, |_| Ok(ScriptedWire::json(500, "")));
    let error = bench.fetch("list").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(times.lock().unwrap().iter().all(|time| *time <= 300.0));
    assert!(bench.calls() > 3, "{}", bench.calls());
}

#[tokio::test]
async fn what_may_have_been_done_is_not_repeated() {
    let check = async |answer: fn() -> Result<Response, Fault>, calls: usize| {
        let (bench, _) = timed(policy(), move |number| if number == 0 { answer() } else { Ok(ok()) });
        assert_eq!((bench.fetch("order").await.is_ok(), bench.calls()), (calls == 2, calls));
    };
    check(|| Err(Fault::new(FaultKind::Truncated, true)), 1).await;
    check(|| Err(Fault::new(FaultKind::Slow, true)), 1).await;
    check(|| Ok(ScriptedWire::json(500, "")), 1).await;
    check(|| Ok(ScriptedWire::json(504, "")), 1).await;
    // These were certainly not carried out.
    check(|| Err(Fault::new(FaultKind::Refused, false)), 2).await;
    check(|| Ok(ScriptedWire::json(429, "")), 2).await;
}

#[tokio::test]
async fn an_endpoint_that_keeps_failing_is_left_alone_and_the_others_are_not() {
    let clock = Arc::new(ManualClock::jumping(at(START)));
    let wire = ScriptedWire::new(|request, number| {
        let fails = request.url.path() == "/list" && number < 20;
        Ok(if fails { ScriptedWire::json(500, "") } else { ok() })
    });
    let bench = Bench::on(Arc::clone(&clock), wire, Toy::default(), |builder| {
        builder.policy(RetryPolicy { circuit_failures: 6, ..policy() })
    });
    assert_eq!(bench.fetch("list").await.unwrap_err().kind(), ErrorKind::Unavailable);
    bench.fetch("list").await.unwrap_err();
    assert_eq!(bench.calls(), 6, "the sixth failure opens the circuit");
    let error = bench.fetch("list").await.unwrap_err();
    assert_eq!(bench.calls(), 6, "nothing is sent while it is open");
    let Retry::At(until) = error.retry_policy() else { panic!("{error:?}") };
    assert!(bench.fetch("old").await.is_ok(), "other endpoints go on");

    clock.set(until);
    let error = bench.fetch("list").await.unwrap_err();
    assert_eq!((bench.calls(), error.kind()), (8, ErrorKind::Unavailable), "one goes first, and it failed");
    for _ in 0..20 {
        clock.advance(std::time::Duration::from_secs(61));
        if bench.fetch("list").await.is_ok() {
            break;
        }
    }
    let before = bench.calls();
    assert!(bench.fetch("list").await.is_ok() && bench.calls() == before + 1, "closed again");
}

#[tokio::test]
async fn only_a_failing_platform_opens_the_circuit() {
    let check = async |answer: fn() -> Response| {
        let (bench, _) = timed(RetryPolicy { circuit_failures: 2, ..policy() }, move |_| Ok(answer()));
        let first = bench.fetch("list").await.unwrap_err();
        for _ in 0..5 {
            let again = bench.fetch("list").await.unwrap_err();
            assert_eq!(again.kind(), first.kind(), "{again:?}");
        }
    };
    check(|| ScriptedWire::json(404, "")).await;
    check(|| ScriptedWire::json(402, "")).await;
    check(|| ScriptedWire::response(429, &[("retry-after", "5000")], "")).await;
}
