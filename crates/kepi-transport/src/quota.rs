//! The quota layer: keeps to the platform's limits, so that they need not be told.
//!
//! A call goes out when three things agree: each limit that the descriptor declares has room ([`limiter`]),
//! the headers of earlier answers do not say that the allowance is used up, and no call of the same pool, credential,
//! application or address was refused lately ([`gate`]): how far a refusal reaches is what the adapter says of it.
//! After a refusal one call goes first and the others wait for what it hears. What a header tells of the whole
//! application holds for all its credentials ([`pace`]), as far as their calls draw on it.

mod gate;
mod limiter;
mod pace;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{Timestamp, tz::TimeZone};
use kepi_core::{
    Endpoint, Error, ErrorKind, Quota as Declared, Reach, Response, Result, Retry,
    descriptor::{Reset, Scope},
    period::next_midnight,
};
use tokio::sync::Notify;

use self::{
    gate::{Gate, Outcome},
    limiter::Limiter,
    pace::{Pace, Wait},
};
use crate::{
    Clock, Quotas,
    call::{Call, Inner, Layer},
    clock::after,
    ledger::{BudgetStore, Limit, Line, Reservation, Spend},
};

#[derive(Debug)]
pub(crate) struct Quota {
    pub(crate) inner: Inner,
    pub(crate) desk: Arc<Desk>,
}

#[async_trait]
impl Layer for Quota {
    fn name(&self) -> &'static str {
        "quota"
    }

    fn inner(&self) -> Option<&dyn Layer> {
        Some(&*self.inner)
    }

    async fn call(&self, call: &mut Call<'_>) -> Result<Response> {
        let mut permit = self.desk.admit(call).await?;
        let answer = self.inner.call(call).await;
        let (outcome, answer) = self.desk.outcome(&permit, answer);
        permit.outcome = Some((outcome, call.heard.clone()));
        answer
    }
}

/// Where calls are let out.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) quotas: Quotas,
    pub(crate) clock: Arc<dyn Clock>,
    /// Allowances that end at midnight are kept in the ledger: they outlive the process.
    pub(crate) ledger: Arc<dyn BudgetStore>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    gates: HashMap<String, Gate>,
    limiters: HashMap<String, Limiter>,
    /// By application: how much of its allowance is used, as answers to any of its credentials told.
    apps: HashMap<String, Pace>,
    /// Pools of applications whose answers told that: their calls draw on it, others may not.
    drawing: HashSet<String>,
}

impl Draws {
    /// The pool over all credentials of the application, and the application.
    fn of_app(&self) -> (&String, &String) {
        let [_, _, pool, app, _] = &self.gates;
        (pool, app)
    }
}

impl State {
    /// The pace of the application, where a call draws on what it has.
    fn of_app(&mut self, draws: &Draws) -> Option<&mut Pace> {
        let (pool, _) = draws.of_app();
        self.drawing.contains(pool).then(|| self.app(draws))
    }

    fn app(&mut self, draws: &Draws) -> &mut Pace {
        let (_, app) = draws.of_app();
        self.apps.entry(app.clone()).or_insert_with(|| Pace::new(APP_WINDOW))
    }

    fn check_app(&mut self, draws: &Draws, now: Timestamp) -> Result<(), Hold> {
        let wait = self.of_app(draws).and_then(|pace| pace.check(now));
        wait.map_or(Ok(()), |wait| Err(wait.into()))
    }

    fn check_gates(&mut self, draws: &Draws, now: Timestamp) -> Result<(), Hold> {
        for name in &draws.gates {
            let renewed = self.gates.entry(name.clone()).or_default().check(now)?;
            if renewed {
                self.forget(&draws.rows);
            }
        }
        Ok(())
    }

    fn check_rows(&mut self, draws: &Draws, now: Timestamp, clock: &Arc<dyn Clock>) -> Result<(), Hold> {
        let [pool, ..] = &draws.gates;
        let told = self.gates.get(pool).and_then(Gate::told);
        let windows = draws.rows.iter().filter(|(_, row)| row.reset == Reset::Window).count();
        for (name, row) in &draws.rows {
            let limiter = self.limiters.entry(name.clone());
            let limiter = limiter.or_insert_with(|| Limiter::new(row, Arc::clone(clock)));
            // The headers tell of this row if they name its number, or if they can mean no other.
            let meant = |limit: Option<u32>| limit.is_none_or(|limit| limit == row.requests) || windows == 1;
            limiter.check(now, row.reset == Reset::Window && told.is_some_and(meant))?;
        }
        Ok(())
    }

    /// A window that the headers told of has ended: all its calls come back together.
    fn forget(&mut self, rows: &[(String, Declared)]) {
        for (name, _) in rows.iter().filter(|(_, row)| row.reset == Reset::Window) {
            if let Some(limiter) = self.limiters.get_mut(name) {
                limiter.clear();
            }
        }
    }
}

/// How far a refusal may reach, the narrowest first.
const REACHES: [Reach; 5] = [Reach::Pool, Reach::User, Reach::AppPool, Reach::App, Reach::Address];

/// What a call draws on.
#[derive(Debug, Clone, Default)]
struct Draws {
    /// One for each of [`REACHES`].
    gates: [String; REACHES.len()],
    /// Name and row of each limit with a length of time.
    rows: Vec<(String, Declared)>,
    /// Lines and zones of each limit that ends at midnight.
    lines: Vec<(Line, TimeZone)>,
}

/// Leave to send one call; given back when it is dropped.
struct Permit<'a> {
    desk: &'a Desk,
    draws: Draws,
    sent: Sent,
    outcome: Option<(Outcome, crate::headers::Heard)>,
}

/// How a call went out.
#[derive(Debug, Clone, Copy)]
struct Sent {
    at: Timestamp,
    /// Of which gates it goes ahead after a pause.
    probes: [bool; REACHES.len()],
    /// Whether it was counted as one that draws on what the application has.
    of_app: bool,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let (outcome, heard) = self.outcome.take().unwrap_or((Outcome::Unknown, Default::default()));
        let now = self.desk.clock.now();
        let mut state = self.desk.state();
        for ((name, probe), reach) in self.draws.gates.iter().zip(self.sent.probes).zip(REACHES) {
            let gate = state.gates.entry(name.clone()).or_default();
            let heard = (reach == Reach::Pool).then_some(&heard);
            gate.give_back((self.sent.at, now), probe, &outcome.seen_by(reach), heard);
        }
        if self.sent.of_app {
            state.app(&self.draws).give_back();
        }
        if let Some(usage) = heard.app_usage {
            let (pool, _) = self.draws.of_app();
            state.drawing.insert(pool.clone());
            state.app(&self.draws).hear(usage, self.sent.at, now);
        }
        for (name, _) in &self.draws.rows {
            if let Some(limiter) = state.limiters.get_mut(name) {
                limiter.give_back(now);
            }
        }
        drop(state);
        self.desk.changed.notify_waiters();
    }
}

impl Desk {
    pub(crate) fn new(quotas: Quotas, clock: Arc<dyn Clock>, ledger: Arc<dyn BudgetStore>) -> Self {
        Self { quotas, clock, ledger, state: Mutex::default(), changed: Notify::new() }
    }

    /// Waits until a call may go out, or says when it may if that is after its deadline.
    async fn admit(&self, call: &Call<'_>) -> Result<Permit<'_>> {
        let draws = self.draws(call);
        self.reserve(&draws).await?;
        match self.wait(call, &draws).await {
            Ok(sent) => Ok(Permit { desk: self, draws, sent, outcome: None }),
            Err(error) => {
                self.ledger.settle(&lines(&draws), ONE_CALL, Spend::default()).await?;
                Err(error)
            }
        }
    }

    async fn wait(&self, call: &Call<'_>, draws: &Draws) -> Result<Sent> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let hold = match self.try_take(draws) {
                Ok(sent) => return Ok(sent),
                Err(hold) => hold,
            };
            if hold.until.is_some_and(|until| until > call.deadline) {
                return Err(hold.into_error());
            }
            // A held call waits for the time or for what the calls on their way hear, whatever comes first. These
            // come back in any case, so that who waits for nothing else needs no time.
            tracing::debug!(why = %hold.kind, until = ?hold.until, "call held back");
            match hold.until {
                Some(until) => tokio::select! {
                    () = self.clock.sleep_until(until) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
            if hold.until.is_none() && self.clock.now() >= call.deadline {
                return Err(hold.into_error());
            }
        }
    }

    /// Takes from everything a call draws on, or from nothing.
    fn try_take(&self, draws: &Draws) -> Result<Sent, Hold> {
        let now = self.clock.now();
        let mut state = self.state();
        state.check_gates(draws, now)?;
        state.check_app(draws, now)?;
        state.check_rows(draws, now, &self.clock)?;
        for (name, _) in &draws.rows {
            if let Some(limiter) = state.limiters.get_mut(name) {
                limiter.take();
            }
        }
        let of_app = state.of_app(draws).map(|pace| pace.take(now)).is_some();
        let probes =
            draws.gates.each_ref().map(|name| state.gates.entry(name.clone()).or_default().take(now));
        Ok(Sent { at: now, probes, of_app })
    }

    /// What an answer means for the calls that follow; a refusal learns when they may.
    fn outcome(&self, permit: &Permit<'_>, answer: Result<Response>) -> (Outcome, Result<Response>) {
        let error = match answer {
            Ok(response) => return (Outcome::Fine, Ok(response)),
            Err(error) => error,
        };
        let now = self.clock.now();
        let (kind, reach) = (error.kind(), error.reach());
        let until = match (kind, error.retry_policy()) {
            (ErrorKind::RateLimited | ErrorKind::QuotaExhausted, Retry::At(at)) => at.max(now),
            (ErrorKind::RateLimited | ErrorKind::QuotaExhausted, Retry::After(wait)) => after(now, wait),
            (ErrorKind::QuotaExhausted, _) => renewal(&permit.draws, now),
            (ErrorKind::RateLimited, _) => {
                let gates = permit.draws.gates.iter().zip(REACHES);
                let gate = gates.filter(|(_, of)| *of == reach).map(|(name, _)| name).next();
                let refusals =
                    gate.and_then(|name| self.state().gates.get(name).map(Gate::refusals)).unwrap_or(0);
                after(now, Duration::from_secs(1 << refusals.min(6)))
            }
            (ErrorKind::BudgetExhausted, _) => {
                // A balance is that of whoever asks.
                let (until, reach) = (after(now, UNKNOWN_RENEWAL), reach.max(Reach::User));
                return (Outcome::Refused { until, kind, reach }, Err(error));
            }
            // An answer came, so whoever waits may try.
            _ if error.context_value("status").is_some() => return (Outcome::Fine, Err(error)),
            _ => return (Outcome::Unknown, Err(error)),
        };
        (Outcome::Refused { until, kind, reach }, Err(error.retry(Retry::At(until))))
    }

    async fn reserve(&self, draws: &Draws) -> Result<()> {
        if draws.lines.is_empty() {
            return Ok(());
        }
        match self.ledger.reserve(&lines(draws), ONE_CALL).await? {
            Reservation::Granted => Ok(()),
            Reservation::Full { line, .. } => {
                let zone = draws.lines.get(line).map_or(TimeZone::UTC, |(_, zone)| zone.clone());
                let until = next_midnight(self.clock.now(), &zone);
                Err(Hold { until: Some(until), kind: ErrorKind::QuotaExhausted }.into_error())
            }
        }
    }

    fn draws(&self, call: &Call<'_>) -> Draws {
        let platform = call.platform();
        let identity = &call.lease.identity;
        let declared = call.declared.map(|endpoint| endpoint.quotas).unwrap_or_default();
        let pool = Self::pool(call.declared, call.endpoint);
        let user = format!("{platform} {identity}");
        let app = format!("{platform} app {}", call.lease.app);
        let app_pool = format!("{app} {pool}");
        let gates = [pool_of(platform, identity, pool), user, app_pool, app, platform.to_owned()];
        let mut draws = Draws { gates, ..Draws::default() };
        for row in self.quotas.rows(platform, declared) {
            for counted in counted(&row, call) {
                let name =
                    format!("{platform} {} {}/{} {counted}", row.pool, row.requests, row.interval_secs);
                match row.reset {
                    Reset::Midnight(zone) => draws.lines.push(self.daily(&name, &row, zone)),
                    _ => draws.rows.push((name, row)),
                }
            }
        }
        draws
    }

    /// The pool that an endpoint's calls share: that of its first limit, else its own.
    pub(crate) fn pool<'a>(declared: Option<&Endpoint>, endpoint: &'a str) -> &'a str {
        let first = declared.and_then(|declared| declared.quotas.first());
        first.map(|row| row.pool).filter(|pool| !pool.is_empty()).unwrap_or(endpoint)
    }

    /// Keeps to what the platform said of the calls that are left of a pool.
    pub(crate) fn calls_left(&self, platform: &str, identity: &str, pool: &str, left: u32, until: Timestamp) {
        self.state().gates.entry(pool_of(platform, identity, pool)).or_default().grant(left, until);
        self.changed.notify_waiters();
    }

    fn daily(&self, name: &str, row: &Declared, zone: &str) -> (Line, TimeZone) {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let day = zone.to_datetime(self.clock.now()).date();
        let limit = Limit { calls: Some(u64::from(row.requests)), micro_usd: None };
        (Line { key: format!("quota {name} {day}"), limit }, zone)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a call cannot go out now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hold {
    /// Until when; `None` until a call on its way has come back.
    pub(crate) until: Option<Timestamp>,
    pub(crate) kind: ErrorKind,
}

impl From<Wait> for Hold {
    fn from(wait: Wait) -> Self {
        let until = match wait {
            Wait::Until(until) => Some(until),
            Wait::ForAnswer => None,
        };
        Self { until, kind: ErrorKind::QuotaExhausted }
    }
}

impl Hold {
    fn into_error(self) -> Error {
        let message = match self.kind {
            ErrorKind::RateLimited => "the platform refused an earlier call and is left alone",
            ErrorKind::BudgetExhausted => "the platform asks for money and is left alone",
            _ => "the allowance is used up",
        };
        let error = Error::new(self.kind, message);
        match self.until {
            Some(until) => error
                .with("until", until)
                .retry(Retry::At(until))
                .hint("what is left is done when it is full again"),
            None => error.retry(Retry::Backoff),
        }
    }
}

/// The name of the gate of a pool.
fn pool_of(platform: &str, identity: &str, pool: &str) -> String {
    format!("{platform} {identity} {pool}")
}

const ONE_CALL: Spend = Spend { calls: 1, micro_usd: 0 };

/// What an application has is counted in a rolling hour: an hour after the last call all of it is back.
const APP_WINDOW: Duration = Duration::from_secs(3600);

/// When an allowance is full again that nobody tells the end of.
const UNKNOWN_RENEWAL: Duration = Duration::from_secs(3600);

fn lines(draws: &Draws) -> Vec<Line> {
    draws.lines.iter().map(|(line, _)| line.clone()).collect()
}

/// Per what a limit is counted: one limiter for each.
fn counted(row: &Declared, call: &Call<'_>) -> Vec<String> {
    match row.scope {
        Scope::App => vec![format!("app {}", call.lease.app)],
        Scope::User => vec![call.lease.identity.clone()],
        Scope::Account => call.accounts.iter().map(ToString::to_string).collect(),
    }
}

/// When the slowest of the declared allowances is full again.
fn renewal(draws: &Draws, now: Timestamp) -> Timestamp {
    let windows = draws.rows.iter().map(|(_, row)| after(now, Duration::from_secs(row.interval_secs.into())));
    let days = draws.lines.iter().map(|(_, zone)| next_midnight(now, zone));
    windows.chain(days).max().unwrap_or_else(|| after(now, UNKNOWN_RENEWAL))
}
