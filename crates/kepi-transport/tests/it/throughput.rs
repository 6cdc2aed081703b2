//! What a platform allows is used: nearly all of it, and without one refusal.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use kepi_core::{Cost, Quota, Response, descriptor::Reset};
use kepi_transport::{
    Clock, Fault, Outgoing,
    testing::{ManualClock, ScriptedWire},
};

use crate::support::{Bench, START, Toy, at, ok, quota};

/// A platform that looks back over a rolling interval.
#[derive(Debug)]
struct Rolling {
    limit: usize,
    interval: SignedDuration,
    taken: VecDeque<Timestamp>,
    refused: usize,
    asked: usize,
}

impl Rolling {
    /// Counts a call that went out.
    fn asked(&mut self) -> usize {
        self.asked += 1;
        self.asked
    }

    fn refuses(&mut self, now: Timestamp) -> bool {
        while self.taken.front().is_some_and(|first| now.duration_since(*first) >= self.interval) {
            self.taken.pop_front();
        }
        let refused = self.taken.len() >= self.limit;
        self.refused += usize::from(refused);
        if !refused {
            self.taken.push_back(now);
        }
        refused
    }
}

/// Eight workers ask for `rounds` times the allowance; says which share of the allowed speed they reached.
async fn speed(row: &'static [Quota], rounds: usize) -> f64 {
    let limit = row[0].requests as usize;
    let interval = SignedDuration::from_secs(row[0].interval_secs.into());
    let server =
        Arc::new(Mutex::new(Rolling { limit, interval, taken: VecDeque::new(), refused: 0, asked: 0 }));
    let clock = Arc::new(ManualClock::jumping(at(START)));
    let (watch, serving) = (Arc::clone(&clock), Arc::clone(&server));
    let wire = ScriptedWire::new(move |_, _| {
        let refused = serving.lock().unwrap().refuses(watch.now());
        Ok(if refused { ScriptedWire::json(429, "") } else { ok() })
    });
    let bench = Bench::on(clock, wire, Toy::new(row, Cost::Free), |builder| builder);
    let left = Mutex::new(limit * rounds);
    let take = || {
        let mut left = left.lock().unwrap();
        *left = left.checked_sub(1)?;
        Some(())
    };
    join_all((0..8).map(async |_| {
        while take().is_some() {
            bench.fetch("list").await.unwrap();
        }
    }))
    .await;
    assert_eq!((server.lock().unwrap().refused, bench.calls()), (0, limit * rounds));
    // The first allowance is free at once; the others take their interval each.
    let allowed = interval.as_secs_f64() * (rounds - 1) as f64;
    allowed / bench.elapsed()
}

#[tokio::test]
async fn ten_a_second() {
    const ROW: &[Quota] = &[quota("pool", 10, 1, Reset::Rolling)];
    let reached = speed(ROW, 30).await;
    assert!(reached >= 0.98, "{reached}");
}

#[tokio::test]
async fn three_hundred_in_a_quarter_of_an_hour() {
    const ROW: &[Quota] = &[quota("pool", 300, 900, Reset::Window)];
    let reached = speed(ROW, 6).await;
    assert!(reached >= 0.98, "{reached}");
}

#[tokio::test]
async fn a_burst_is_spread() {
    const ROW: &[Quota] = &[quota("pool", 100, 900, Reset::Rolling)];
    let clock = Arc::new(ManualClock::jumping(at(START)));
    let bench =
        Bench::on(clock, ScriptedWire::new(|_, _| Ok(ok())), Toy::new(ROW, Cost::Free), |builder| builder);
    for _ in 0..100 {
        bench.fetch("list").await.unwrap();
    }
    let elapsed = bench.elapsed();
    assert!((8.9..9.2).contains(&elapsed), "ten at once, then ten a second: {elapsed}");
}

#[tokio::test]
async fn calls_that_take_long_and_overtake_each_other_keep_the_limit() {
    const ROW: &[Quota] = &[quota("pool", 10, 60, Reset::Rolling)];
    let interval = SignedDuration::from_secs(60);
    let server = Mutex::new(Rolling { limit: 10, interval, taken: VecDeque::new(), refused: 0, asked: 0 });
    let clock = Arc::new(ManualClock::jumping(at(START)));
    let slow = Slow { clock: Arc::clone(&clock), server: Arc::new(server) };
    let refused = Arc::clone(&slow.server);
    let transport = kepi_transport::Transport::builder()
        .clock(Arc::clone(&clock) as Arc<dyn Clock>)
        .wire(Arc::new(slow))
        .build()
        .unwrap();
    let toy = Toy::new(ROW, Cost::Free);
    let (job, start) = (crate::support::job("list", "a"), kepi_core::Cursor::default());
    let answers = join_all((0..50).map(|_| transport.fetch(&toy, &job, &start))).await;
    let failed: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(refused.lock().unwrap().refused, 0);
}

/// Calls arrive late, up to eight seconds after they went out, and are answered at once.
#[derive(Debug)]
struct Slow {
    clock: Arc<ManualClock>,
    server: Arc<Mutex<Rolling>>,
}

#[async_trait::async_trait]
impl kepi_transport::Wire for Slow {
    async fn send(&self, _: Outgoing, clock: &dyn Clock) -> Result<Response, Fault> {
        let now = self.clock.now();
        let number = self.server.lock().unwrap().asked() as i64;
        let late = SignedDuration::from_millis((number * 3517) % 8000);
        self.clock.sleep_until(now + late).await;
        let refused = self.server.lock().unwrap().refuses(self.clock.now());
        let answer = if refused { ScriptedWire::json(429, "") } else { ok() };
        Ok(Response { received_at: clock.now(), ..answer })
    }
}
