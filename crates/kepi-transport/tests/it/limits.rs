//! Limits, declared and told: kept before the platform refuses.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use futures::{StreamExt, future::join_all};
use jiff::Timestamp;
use kepi_core::{
    Cost, Cursor, Endpoint, ErrorKind, Quota, Response, Retry, Shape,
    descriptor::{Reset, Scope},
};
use kepi_transport::{
    Clock, Fault, Outgoing, QuotaDomain, Quotas, Spend, Wire,
    testing::{ManualClock, ScriptedWire},
};

use crate::support::{Bench, START, Toy, account, at, job, ok, policy, quota, seconds_since_start};

/// A platform that counts its calls in windows from the first call on and tells in its headers what is left.
#[derive(Default)]
struct Windows {
    limit: u32,
    secs: i64,
    start: Option<Timestamp>,
    used: u32,
    refused: u32,
}

impl Windows {
    fn answer(&mut self, now: Timestamp) -> Response {
        let start = self.start.filter(|start| now.duration_since(*start).as_secs() < self.secs);
        if start.is_none() {
            (self.start, self.used) = (Some(now), 0);
        }
        self.used += 1;
        let reset = self.start.unwrap().as_second() + self.secs;
        let status = if self.used > self.limit { 429 } else { 200 };
        self.refused += u32::from(status == 429);
        let remaining = self.limit.saturating_sub(self.used).to_string();
        let (limit, reset) = (self.limit.to_string(), reset.to_string());
        let headers = [
            ("x-rate-limit-limit", limit.as_str()),
            ("x-rate-limit-remaining", &remaining),
            ("x-rate-limit-reset", &reset),
        ];
        ScriptedWire::response(status, &headers, "{}")
    }
}

fn bench_on(
    clock: Arc<ManualClock>,
    toy: Toy,
    mut answer: impl FnMut(Timestamp, usize) -> Response + Send + 'static,
) -> Bench {
    let watch = Arc::clone(&clock);
    let wire = ScriptedWire::new(move |_, number| Ok(answer(watch.now(), number)));
    Bench::on(clock, wire, toy, |builder| builder)
}

fn jumping() -> Arc<ManualClock> {
    Arc::new(ManualClock::jumping(at(START)))
}

#[tokio::test]
async fn headers_stop_us_before_a_refusal() {
    let server = Arc::new(Mutex::new(Windows { limit: 10, secs: 300, ..Windows::default() }));
    let served = Arc::clone(&server);
    // Nothing is declared: only the headers tell.
    let bench = bench_on(jumping(), Toy::default(), move |now, _| served.lock().unwrap().answer(now));
    bench.fetch("list").await.unwrap();
    for _ in 0..3 {
        let answers = join_all((0..8).map(|_| bench.fetch("list"))).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    }
    assert_eq!((bench.calls(), server.lock().unwrap().refused), (25, 0));
    assert_eq!(bench.elapsed(), 600.0, "ten at 0, ten at 300, five at 600");
}

#[tokio::test]
async fn a_window_is_full_again_when_the_headers_say_so() {
    const TEN: &[kepi_core::Quota] = &[
        quota("pool", 10, 300, Reset::Window),
        kepi_core::Quota { scope: Scope::App, ..quota("pool:app", 1000, 300, Reset::Window) },
    ];
    let start = at("2026-10-05T11:56:40Z");
    let server = Windows { limit: 10, secs: 300, start: Some(start), ..Windows::default() };
    let server = Arc::new(Mutex::new(server));
    let served = Arc::clone(&server);
    let toy = Toy::new(TEN, Cost::Free);
    let bench = bench_on(jumping(), toy, move |now, _| served.lock().unwrap().answer(now));
    for _ in 0..20 {
        bench.fetch("list").await.unwrap();
    }
    // The platform's window began 200 s before our first call: ten at 0, ten at 100, not at 300.
    assert_eq!((bench.elapsed(), server.lock().unwrap().refused), (100.0, 0));
}

#[tokio::test]
async fn a_larger_plan_is_used_unless_a_smaller_share_is_asked_for() {
    const TEN: &[kepi_core::Quota] = &[quota("pool", 10, 300, Reset::Window)];
    let check = async |quotas: Quotas, expected: f64| {
        let server = Mutex::new(Windows { limit: 30, secs: 300, ..Windows::default() });
        let clock = jumping();
        let watch = Arc::clone(&clock);
        let wire = ScriptedWire::new(move |_, _| Ok(server.lock().unwrap().answer(watch.now())));
        let toy = Toy::new(TEN, Cost::Free);
        let bench = Bench::on(clock, wire, toy, |builder| builder.quotas(quotas));
        for _ in 0..31 {
            bench.fetch("list").await.unwrap();
        }
        assert_eq!(bench.elapsed().floor(), expected);
    };
    check(Quotas::declared(), 300.0).await;
    let number = |n| NonZeroU32::new(n).unwrap();
    check(Quotas::declared().pool("toy", "pool", number(10), number(300)), 900.0).await;
}

#[tokio::test]
async fn an_allowance_used_by_others_is_noticed() {
    let bench = bench_on(jumping(), Toy::default(), |now, number| {
        let reset = (at(START).as_second() + 500).to_string();
        let remaining = if number == 0 && now == at(START) { "0" } else { "50" };
        let headers = [("x-rate-limit-remaining", remaining), ("x-rate-limit-reset", reset.as_str())];
        ScriptedWire::response(200, &headers, "{}")
    });
    bench.fetch("list").await.unwrap();
    bench.fetch("list").await.unwrap();
    assert_eq!(bench.elapsed(), 500.0);
}

#[tokio::test]
async fn usage_in_percent_spreads_calls_and_then_stops_them() {
    let check = async |header: &'static str, value: &'static str, expected: f64| {
        let bench = bench_on(jumping(), Toy::default(), move |_, number| match number {
            0 => ScriptedWire::response(200, &[(header, value)], "{}"),
            _ => ok(),
        });
        bench.fetch("list").await.unwrap();
        bench.fetch("list").await.unwrap();
        assert_eq!(bench.elapsed(), expected, "{header}: {value}");
    };
    let business = "x-business-use-case-usage";
    check("x-app-usage", r#"{"call_count":79,"total_cputime":3,"total_time":3}"#, 0.0).await;
    check("x-app-usage", r#"{"call_count":80,"total_cputime":3,"total_time":3}"#, 2.0).await;
    check("x-app-usage", r#"{"call_count":9,"total_cputime":99,"total_time":3}"#, 40.0).await;
    check(business, r#"{"1":[{"call_count":100,"total_cputime":3,"total_time":3}]}"#, 900.0).await;
    let regain = r#"{"1":[{"call_count":100,"estimated_time_to_regain_access":5}]}"#;
    check(business, regain, 300.0).await;
}

/// An application's allowance in a rolling hour, told in percent whoever asks.
#[derive(Debug, Default)]
struct AppHour {
    limit: usize,
    answered: Vec<Timestamp>,
    refused: usize,
}

impl AppHour {
    fn answer(&mut self, now: Timestamp) -> Response {
        self.answered.retain(|at| now.duration_since(*at).as_secs() < 3600);
        let status = if self.answered.len() < self.limit { 200 } else { 403 };
        if status == 200 {
            self.answered.push(now);
        } else {
            self.refused += 1;
        }
        let used = self.answered.len() * 100 / self.limit;
        let told = format!("{{\"call_count\":{used},\"total_cputime\":1,\"total_time\":1}}");
        ScriptedWire::response(
            status,
            &[("x-app-usage", &told)],
            if status == 200 { "{}" } else { "app gone" },
        )
    }
}

/// A wire on which answers are given at once and come back later, some sooner than others.
#[derive(Debug)]
struct LateWire {
    clock: Arc<ManualClock>,
    server: Arc<Mutex<AppHour>>,
}

#[async_trait]
impl Wire for LateWire {
    async fn send(&self, request: Outgoing, _: &dyn Clock) -> Result<Response, Fault> {
        if request.url.path().ends_with("list") {
            return Ok(ok());
        }
        let (answer, number) = {
            let mut server = self.server.lock().unwrap();
            (server.answer(self.clock.now()), server.answered.len())
        };
        let _on_its_way = self.clock.hold();
        for _ in 0..20 + number * 7 % 50 {
            tokio::task::yield_now().await;
        }
        Ok(answer)
    }
}

/// What one credential hears of the application's allowance holds for all, calls on their way included, and for no
/// pool whose answers do not tell of it.
#[tokio::test]
async fn an_allowance_of_the_application_is_shared_by_its_credentials() {
    let check = async |limit: usize, at_once: usize, calls: usize| {
        let server = Arc::new(Mutex::new(AppHour { limit, ..AppHour::default() }));
        let clock = jumping();
        let wire = LateWire { clock: Arc::clone(&clock), server: Arc::clone(&server) };
        let bench = Bench::on(Arc::clone(&clock), ScriptedWire::answers([]), Toy::default(), |builder| {
            builder.wire(Arc::new(wire))
        });
        let (mut left, mut hours) = (calls, 0);
        while left > 0 {
            hours += 1;
            let asked = (0..left).map(|number| bench.fetch_for("fixed", ["s", "t", "u"][number % 3]));
            let answers: Vec<_> = futures::stream::iter(asked).buffer_unordered(at_once).collect().await;
            let put_off: Vec<_> = answers.into_iter().filter_map(Result::err).collect();
            left = put_off.len();
            bench.fetch("list").await.unwrap();
            if let Some(error) = put_off.first() {
                let Retry::At(at) = error.retry_policy() else { panic!("{error:?}") };
                clock.set(at);
            }
        }
        let refused = server.lock().unwrap().refused;
        assert_eq!((refused, hours), (0, calls.div_ceil(limit)), "{limit} an hour, {at_once} at once");
    };
    check(24, 4, 60).await;
    check(24, 8, 60).await;
    check(200, 8, 500).await;
    check(7, 3, 20).await;
}

#[tokio::test]
async fn after_the_first_refusal_nobody_else_sends() {
    let clock = jumping();
    let log = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&log);
    // Refused until a hundred seconds have passed, without a word of when.
    let bench = bench_on(Arc::clone(&clock), Toy::default(), move |now, _| {
        let seconds = seconds_since_start(now);
        noted.lock().unwrap().push(seconds);
        if seconds < 100.0 { ScriptedWire::json(429, "") } else { ok() }
    });
    let first = bench.fetch("list");
    let others = async {
        while log.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        join_all((0..15).map(|_| bench.fetch("list"))).await
    };
    let (first, others) = tokio::join!(first, others);
    let refused = log.lock().unwrap().iter().filter(|at| **at < 100.0).count();
    let failed = others.iter().chain([&first]).filter(|answer| answer.is_err()).count();
    // One call goes first after each pause (1, 2, 4 … seconds), whoever it belongs to.
    assert_eq!((refused, failed), (7, 0), "{:?}", log.lock().unwrap());
}

#[tokio::test]
async fn a_refusal_holds_for_its_pool_and_credential_only() {
    const QUOTAS: &[kepi_core::Quota] = &[];
    let wire = ScriptedWire::new(|request, _| {
        let limited = request.url.path() == "/fixed";
        Ok(if limited { ScriptedWire::response(429, &[("retry-after", "5000")], "") } else { ok() })
    });
    let bench = Bench::with(wire, Toy::new(QUOTAS, Cost::Free), |builder| builder);
    bench.fetch_for("fixed", "s").await.unwrap_err();
    assert_eq!(bench.calls(), 1);
    // `toy/t` names the same token as `toy/s`: it is the same credential.
    let error = bench.fetch_for("fixed", "t").await.unwrap_err();
    assert_eq!((bench.calls(), error.kind()), (1, ErrorKind::RateLimited), "{error:?}");
    assert_eq!(error.retry_policy(), Retry::At(at("2026-10-05T13:23:20Z")));
    assert!(bench.fetch_for("list", "s").await.is_ok(), "another pool goes on");
    assert_eq!(bench.calls(), 2);
}

#[tokio::test]
async fn a_declared_limit_is_kept_exactly() {
    const TEN: &[kepi_core::Quota] = &[quota("pool", 10, 100, Reset::Rolling)];
    let log = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&log);
    let bench = bench_on(jumping(), Toy::new(TEN, Cost::Free), move |now, _| {
        noted.lock().unwrap().push(seconds_since_start(now));
        ok()
    });
    for _ in 0..6 {
        // Two endpoints of one pool.
        let answers = join_all((0..5).flat_map(|_| [bench.fetch("list"), bench.fetch("old")])).await;
        assert!(answers.iter().all(Result::is_ok));
    }
    let log = log.lock().unwrap().clone();
    assert_eq!(log.len(), 60);
    for (i, start) in log.iter().enumerate() {
        let within = log[i..].iter().filter(|time| **time < start + 100.0).count();
        assert!(within <= 10, "{within} calls within 100 s of {start}");
    }
    assert!(log[59] <= 502.0, "{log:?}");
}

#[tokio::test]
async fn a_limit_is_counted_per_what_it_is_declared_for() {
    let check = async |scope: Scope, expected: [bool; 3]| {
        let rows = vec![kepi_core::Quota { scope, ..quota("pool", 1, 7200, Reset::Rolling) }].leak();
        let bench = bench_on(jumping(), Toy::new(rows, Cost::Free), |_, _| ok());
        // Two accounts share a token, and with the third the app, since none is named.
        let mut passed = Vec::new();
        for name in ["s", "t", "u"] {
            passed.push(bench.fetch_for("fixed", name).await.is_ok());
        }
        assert_eq!(passed, expected, "{scope:?}");
    };
    check(Scope::App, [true, false, false]).await;
    check(Scope::User, [true, false, true]).await;
    check(Scope::Account, [true, true, true]).await;
}

#[tokio::test]
async fn what_does_not_fit_before_the_deadline_is_put_off() {
    const TWO: &[kepi_core::Quota] = &[quota("pool", 2, 7200, Reset::Rolling)];
    let bench = bench_on(jumping(), Toy::new(TWO, Cost::Free), |_, _| ok());
    bench.fetch("list").await.unwrap();
    bench.fetch("list").await.unwrap();
    let error = bench.fetch("list").await.unwrap_err();
    assert_eq!((error.kind(), bench.calls()), (ErrorKind::QuotaExhausted, 2));
    assert_eq!(error.retry_policy(), Retry::At(at("2026-10-05T14:00:01Z")));
}

#[tokio::test]
async fn a_daily_allowance_is_full_at_midnight_of_its_zone() {
    const DAILY: &[kepi_core::Quota] = &[quota("pool", 3, 86_400, Reset::Midnight("Asia/Shanghai"))];
    let clock = jumping();
    let bench = bench_on(Arc::clone(&clock), Toy::new(DAILY, Cost::Free), |_, _| ok());
    for _ in 0..3 {
        bench.fetch("list").await.unwrap();
    }
    let error = bench.fetch("list").await.unwrap_err();
    assert_eq!((error.kind(), bench.calls()), (ErrorKind::QuotaExhausted, 3));
    assert_eq!(error.retry_policy(), Retry::At(at("2026-10-05T16:00:00Z")));
    clock.set(at("2026-10-05T16:00:00Z"));
    assert!(bench.fetch("list").await.is_ok());
}

/// A refusal holds back the calls that its limit reaches, and no other. `s` and `t` share a token, all share an app.
#[tokio::test]
async fn a_refusal_holds_back_what_its_limit_reaches() {
    const POOL: &[kepi_core::Quota] = &[quota("pool", 100, 100, Reset::Rolling)];
    const POOLS: &[kepi_core::Quota] = &[];
    let check = async |pools: &'static [kepi_core::Quota], said: &'static str, expected: [usize; 4]| {
        let mut refused = false;
        let bench = bench_on(jumping(), Toy::new(pools, Cost::Free), move |_, _| {
            if std::mem::replace(&mut refused, true) { ok() } else { ScriptedWire::json(429, said) }
        });
        let mut calls = Vec::new();
        for (endpoint, name) in [("fixed", "s"), ("fixed", "t"), ("fixed", "u"), ("list", "u")] {
            let before = bench.calls();
            let _ = bench.fetch_for(endpoint, name).await;
            calls.push(bench.calls() - before);
        }
        assert_eq!(calls, expected, "{said}");
    };
    check(POOL, "pool gone", [1, 0, 1, 1]).await;
    check(POOL, "user gone", [1, 0, 1, 1]).await;
    check(POOL, "pool-of-app gone", [1, 0, 0, 0]).await;
    check(POOL, "app gone", [1, 0, 0, 0]).await;
    check(POOL, "address gone", [1, 0, 0, 0]).await;
    // Each endpoint is a pool of its own.
    check(POOLS, "pool-of-app gone", [1, 0, 0, 1]).await;
    check(POOLS, "app gone", [1, 0, 0, 0]).await;
}

/// What a body told of the calls that are left bounds those of its pool and credential, until all are back.
#[tokio::test]
async fn so_many_calls_go_out_as_are_left() {
    let clock = jumping();
    let bench = bench_on(Arc::clone(&clock), Toy::default(), |_, _| ok());
    let told = bench.fetch_for("fixed", "s").await.unwrap();
    let until = at("2026-10-05T16:00:00Z");
    bench.transport.calls_left(&bench.toy, &told, "fixed", 2, until);
    for _ in 0..2 {
        bench.fetch_for("fixed", "t").await.unwrap();
    }
    let error = bench.fetch_for("fixed", "s").await.unwrap_err();
    assert_eq!((error.kind(), error.retry_policy()), (ErrorKind::QuotaExhausted, Retry::At(until)));
    assert_eq!(bench.calls(), 3);
    bench.fetch_for("fixed", "u").await.unwrap();
    bench.fetch_for("list", "s").await.unwrap();
    clock.set(until);
    bench.fetch_for("fixed", "s").await.unwrap();
}

/// What a call took is told when it brings nothing too.
#[tokio::test]
async fn calls_that_fail_are_counted_with_their_price() {
    let bench = bench_on(jumping(), Toy::new(&[], Cost::PerCall(7)), |_, _| ScriptedWire::json(503, ""));
    let mut spent = Spend::default();
    let asked = job("list", "a");
    let failed = bench.transport.fetch_counted(&bench.toy, &asked, &Cursor::default(), &mut spent).await;
    assert!(failed.is_err());
    assert_eq!((spent.calls, spent.micro_usd), (bench.calls() as u64, 0));
    assert!(spent.calls > 1, "{spent:?}");
}

#[tokio::test]
async fn an_exhausted_quota_without_a_time_gets_the_declared_one() {
    const HOURLY: &[kepi_core::Quota] = &[quota("pool", 300, 3600, Reset::Window)];
    let bench =
        bench_on(jumping(), Toy::new(HOURLY, Cost::Free), |_, _| ScriptedWire::json(200, "quota gone"));
    let error = bench.fetch("list").await.unwrap_err();
    assert_eq!(error.retry_policy(), Retry::At(at("2026-10-05T13:00:00Z")), "{error:?}");
    assert_eq!(bench.calls(), 1);
    bench.fetch("old").await.unwrap_err();
    assert_eq!(bench.calls(), 1, "the pool is closed for its other endpoints too");
}

#[tokio::test]
async fn an_empty_balance_stops_the_whole_credential() {
    let bench = bench_on(jumping(), Toy::default(), |_, _| ScriptedWire::json(402, ""));
    for endpoint in ["list", "old", "list"] {
        let error = bench.fetch(endpoint).await.unwrap_err();
        assert_eq!((error.kind(), bench.calls()), (ErrorKind::BudgetExhausted, 1), "{error:?}");
    }
}

#[tokio::test]
async fn limits_can_be_lifted_and_tightened() {
    const TEN: &[kepi_core::Quota] = &[quota("pool", 10, 100, Reset::Rolling)];
    let check = async |quotas: Quotas, expected: f64| {
        let bench = Bench::with(ScriptedWire::new(|_, _| Ok(ok())), Toy::new(TEN, Cost::Free), |builder| {
            builder.quotas(quotas).policy(policy())
        });
        for _ in 0..20 {
            bench.fetch("list").await.unwrap();
        }
        let elapsed = bench.elapsed();
        assert!((elapsed - expected).abs() < 0.3, "{elapsed}");
    };
    let number = |n| NonZeroU32::new(n).unwrap();
    check(Quotas::declared(), 100.1).await;
    check(Quotas::unlimited(), 0.0).await;
    check(Quotas::declared().pool("toy", "pool", number(5), number(100)), 300.3).await;
    check(Quotas::declared().pool("other", "pool", number(5), number(100)), 100.1).await;
}

/// Whose accounts share an allowance: a platform's limits say it, and by what the configuration names applications and
/// tokens. The names themselves are not told.
#[test]
fn accounts_share_the_domains_of_their_application_and_their_token() {
    const ROWS: &[Quota] = &[
        Quota { scope: Scope::App, ..quota("app", 5, 1, Reset::Rolling) },
        quota("user", 5, 1, Reset::Rolling),
        Quota { scope: Scope::Account, ..quota("account", 5, 1, Reset::Rolling) },
    ];
    let domains = |quotas: &'static [Quota], token, name: &str| {
        let endpoint = Endpoint::new("mine", "", Shape::Snapshot);
        let toy = Toy::with(vec![Endpoint { quotas, token: Some(token), ..endpoint }]);
        let bench = Bench::with(ScriptedWire::new(|_, _| Ok(ok())), toy, |builder| builder);
        bench.transport.quota_domains(&bench.toy, &account(name))
    };
    for (rows, token, one, other, expected) in [
        (ROWS, "user", "a", "b", "an application of toy"),
        (ROWS, "fixed", "s", "t", "an application of toy, a credential of toy"),
        (ROWS, "fixed", "a", "s", ""),
        (&ROWS[1..], "user", "a", "b", ""),
        (&ROWS[2..], "fixed", "s", "t", ""),
    ] {
        let (of_one, of_other) = (domains(rows, token, one), domains(rows, token, other));
        let common = of_one.intersection(&of_other).map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(common.join(", "), expected, "{token} of {one} and {other}");
        let named =
            |domain: &QuotaDomain| ["TOY_ID", "FIXED"].iter().any(|name| domain.as_str().contains(name));
        assert!(!of_one.iter().any(named), "{of_one:?}");
    }
    assert!(domains(ROWS, "user", "nobody").is_empty(), "it has no token");
}
