//! A clock that nobody waits for.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::{Clock, clock::after};

/// A clock for tests. It stands still until it is moved, or, when it jumps, moves to the earliest time that
/// anyone waits for as soon as all have had their turn. Nobody sleeps for real.
#[derive(Debug)]
pub struct ManualClock {
    state: Mutex<State>,
    moved: Notify,
    jumps: bool,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    /// Who waits for when: time and number of the sleeper.
    sleepers: BTreeMap<(Timestamp, u64), ()>,
    next: u64,
    /// How many hold it.
    holds: usize,
    /// Counts whatever happens: someone lies down, someone rises, the clock moves.
    stirs: u64,
}

/// How often a sleeper lets the others go first before the clock jumps.
const TURNS: usize = 64;

impl ManualClock {
    /// A clock that stands still until [`ManualClock::advance`].
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self::with(now, false)
    }

    /// A clock that jumps to the next time that anyone waits for.
    #[must_use]
    pub fn jumping(now: Timestamp) -> Self {
        Self::with(now, true)
    }

    fn with(now: Timestamp, jumps: bool) -> Self {
        let state = State { now, sleepers: BTreeMap::new(), next: 0, holds: 0, stirs: 0 };
        Self { state: Mutex::new(state), moved: Notify::new(), jumps }
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let now = self.state().now;
        self.set(after(now, by));
    }

    /// Sets the clock.
    pub fn set(&self, now: Timestamp) {
        let mut state = self.state();
        state.now = now;
        state.stirs += 1;
        drop(state);
        self.moved.notify_waiters();
    }

    /// Keeps it from jumping until this is dropped: a call is on its way to a platform that lives by it.
    #[must_use]
    pub fn hold(&self) -> Hold<'_> {
        self.state().holds += 1;
        Hold(self)
    }

    /// The times that are waited for, earliest first.
    #[must_use]
    pub fn sleepers(&self) -> Vec<Timestamp> {
        self.state().sleepers.keys().map(|(at, _)| *at).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lie_down(&self, at: Timestamp) -> Sleeper<'_> {
        let mut state = self.state();
        let key = (at, state.next);
        state.next += 1;
        state.stirs += 1;
        state.sleepers.insert(key, ());
        Sleeper { clock: self, key }
    }

    /// Lets all others have their turn until nothing stirs any more.
    async fn quiet(&self) {
        loop {
            let before = self.state().stirs;
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            if self.state().stirs == before {
                return;
            }
        }
    }

    /// Jumps if this sleeper is the first to wake.
    fn jump(&self, key: (Timestamp, u64)) {
        let mut state = self.state();
        if state.holds == 0 && state.sleepers.first_key_value().is_some_and(|(first, ())| *first == key) {
            state.now = state.now.max(key.0);
            state.stirs += 1;
            drop(state);
            self.moved.notify_waiters();
        }
    }
}

/// A clock that is held.
#[derive(Debug)]
pub struct Hold<'a>(&'a ManualClock);

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.holds = state.holds.saturating_sub(1);
        state.stirs += 1;
        drop(state);
        self.0.moved.notify_waiters();
    }
}

/// Someone who waits; whoever stops waiting is forgotten.
struct Sleeper<'a> {
    clock: &'a ManualClock,
    key: (Timestamp, u64),
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut state = self.clock.state();
        state.sleepers.remove(&self.key);
        state.stirs += 1;
        drop(state);
        self.clock.moved.notify_waiters();
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    async fn sleep_until(&self, at: Timestamp) {
        if self.now() >= at {
            return;
        }
        let sleeper = self.lie_down(at);
        loop {
            let mut moved = std::pin::pin!(self.moved.notified());
            moved.as_mut().enable();
            if self.now() >= at {
                return;
            }
            if self.jumps {
                self.quiet().await;
                self.jump(sleeper.key);
                if self.now() >= at {
                    return;
                }
            }
            moved.await;
        }
    }
}
