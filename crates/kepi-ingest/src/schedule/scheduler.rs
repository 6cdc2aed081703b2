//! The scheduler: wakes when something is due, starts what may start, and remembers how it went.

use std::{collections::HashMap, pin::Pin, sync::Arc, time::Duration};

use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use kepi_core::{Error, ErrorKind, Result};
use smol_str::SmolStr;
use tokio::{sync::watch, task::JoinSet};

use super::{
    AfterIngest, Runner, ScheduledJob, State, Task,
    decide::{Attempted, Standing, decide},
    state::{Begun, TickRow},
};
use crate::{Failure, Outcome, StopFlag, reading::after, seam::Clock};

/// How the scheduler behaves.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// After so many failed attempts a tick is given up; deferred ones do not count.
    pub most_failures: u32,
    /// The pause before the second attempt; it doubles.
    pub first_pause: Duration,
    /// The longest pause between attempts.
    pub longest_pause: Duration,
    /// How long a run may be silent before others take it for dead.
    pub lease: Duration,
    /// How often it is looked whether another process has given back what is waited for.
    pub poll: Duration,
}

impl Default for SchedulerOptions {
    fn default() -> Self {
        Self {
            most_failures: 4,
            first_pause: Duration::from_secs(5 * 60),
            longest_pause: Duration::from_secs(3600),
            lease: Duration::from_secs(10 * 60),
            poll: Duration::from_secs(15),
        }
    }
}

/// Runs jobs when they are due, until it is asked to stop.
#[derive(Debug)]
pub struct Scheduler {
    jobs: Vec<ScheduledJob>,
    state: State,
    runner: Arc<dyn Runner>,
    after: Arc<dyn AfterIngest>,
    clock: Arc<dyn Clock>,
    stop: StopFlag,
    options: SchedulerOptions,
    in_flight: watch::Sender<usize>,
}

/// An attempt that has ended.
struct Ended {
    task: Task,
    window_end: Timestamp,
    failures: u32,
    attempted: Attempted,
    after_error: Option<String>,
}

type Attempts<'s> = FuturesUnordered<Pin<Box<dyn Future<Output = Ended> + Send + 's>>>;

/// What is being run.
struct Running<'s> {
    attempts: Attempts<'s>,
    in_hand: HashMap<SmolStr, InHand>,
}

/// How a run is told to stop, and how much it has in hand.
struct InHand {
    stop: StopFlag,
    claimed: u64,
}

impl Scheduler {
    /// A scheduler of these jobs.
    #[must_use]
    pub fn new(
        jobs: Vec<ScheduledJob>,
        state: State,
        runner: Arc<dyn Runner>,
        after: Arc<dyn AfterIngest>,
        clock: Arc<dyn Clock>,
        stop: StopFlag,
    ) -> Self {
        let (options, in_flight) = (SchedulerOptions::default(), watch::Sender::new(0));
        Self { jobs, state, runner, after, clock, stop, options, in_flight }
    }

    /// The same with other options.
    #[must_use]
    pub fn with(self, options: SchedulerOptions) -> Self {
        Self { options, ..self }
    }

    /// How many attempts are being made, as it changes.
    #[must_use]
    pub fn in_flight(&self) -> watch::Receiver<usize> {
        self.in_flight.subscribe()
    }

    /// Runs until it is asked to stop, or until an instant. Attempts that are being made then finish the page in
    /// hand and are given back: the next scheduler goes on with them at once.
    ///
    /// # Errors
    /// `Store` when the state cannot be read or written.
    pub async fn run(&self, until: Option<Timestamp>) -> Result<()> {
        let mut running = Running { attempts: FuturesUnordered::new(), in_hand: HashMap::new() };
        let result = self.turn(until, &mut running).await;
        if self.stop.is_stopped() || result.is_err() {
            running.in_hand.values().for_each(|run| run.stop.stop());
        }
        let mut settled = Ok(());
        while let Some(ended) = running.attempts.next().await {
            settled = settled.and(self.settle(ended, &mut running.in_hand).await);
        }
        result.and(settled)
    }

    async fn turn<'s>(&'s self, until: Option<Timestamp>, running: &mut Running<'s>) -> Result<()> {
        for job in &self.jobs {
            let just_before = after_micros(self.clock.now(), -1);
            self.state.register(&job.name, just_before).await?;
        }
        loop {
            let now = self.clock.now();
            if self.stop.is_stopped() || until.is_some_and(|until| now >= until) {
                return Ok(());
            }
            // First of all: on a disk that knows no locks, a machine that slept would take its own runs for dead.
            self.renew(&running.in_hand).await?;
            let recovered = self.state.recover(now).await?;
            if recovered > 0 {
                tracing::warn!(recovered, "runs that ended without a word are taken up again");
            }
            self.add_ticks(now).await?;
            let blocked = self.start_due(now, running).await?;
            let wake = self.next_wake(now, until, blocked, running).await?;
            tokio::select! {
                biased;
                () = self.stop.stopped() => {}
                Some(ended) = running.attempts.next() => self.settle(ended, &mut running.in_hand).await?,
                () = self.clock.sleep_until(wake) => {}
            }
        }
    }

    /// Adds the newest tick of each job that is due and that nobody has seen.
    async fn add_ticks(&self, now: Timestamp) -> Result<()> {
        for job in &self.jobs {
            let Some(seen) = self.state.newest_tick(&job.name).await? else { continue };
            let Some((tick, missed)) = job.cron.newest_due(seen, now) else { continue };
            let window_end = job.cron.next_after(tick).unwrap_or(Timestamp::MAX);
            let start = job.jitter.start_of(&job.name, tick, window_end).max(now);
            let added = self.state.add_tick(job, (tick, missed), start, window_end).await?;
            if added && missed > 0 {
                tracing::warn!(job = %job.name, missed, "missed ticks are caught up by one run");
            }
        }
        Ok(())
    }

    /// Starts what may start; whether something waits for what another run has in hand.
    async fn start_due<'s>(&'s self, now: Timestamp, running: &mut Running<'s>) -> Result<bool> {
        let mut blocked = false;
        for row in self.state.waiting().await?.into_iter().filter(|row| row.next_attempt_at <= now) {
            let Some(job) = self.jobs.iter().find(|job| job.name == row.job) else { continue };
            let task = Task {
                run: SmolStr::new(uuid::Uuid::now_v7().to_string()),
                job: job.clone(),
                attempt: row.attempts + 1,
                only: row.left_over.clone(),
            };
            let (claim, terms) = (self.runner.claim(job), (now, after(now, self.options.lease)));
            match self.state.begin_attempt(&task, &claim, row.tick, terms).await? {
                Begun::Yes => self.start(task, &row, claim.len(), running),
                Begun::Taken => {}
                Begun::Busy(busy) => {
                    tracing::debug!(job = %job.name, %busy, "waits");
                    blocked = true;
                }
            }
        }
        Ok(blocked)
    }

    fn start<'s>(&'s self, task: Task, row: &TickRow, claimed: u64, running: &mut Running<'s>) {
        tracing::info!(job = %task.job.name, run = %task.run, tick = %row.tick, attempt = task.attempt, "run begins");
        let stop = self.stop.child();
        running.in_hand.insert(task.run.clone(), InHand { stop: stop.clone(), claimed });
        self.in_flight.send_modify(|running| *running += 1);
        running.attempts.push(Box::pin(self.attempt(task, (row.window_end, row.failures), stop)));
    }

    /// The attempt is a task of its own, ended with this future: what we do meanwhile must not keep it from using
    /// the state, nor its panic end the scheduler.
    async fn attempt(&self, task: Task, (window_end, failures): (Timestamp, u32), stop: StopFlag) -> Ended {
        let mut own = JoinSet::new();
        let (runner, after, copy) = (Arc::clone(&self.runner), Arc::clone(&self.after), task.clone());
        own.spawn(async move {
            let attempted = match runner.run(&copy, &stop).await {
                Ok(report) => Attempted::Report(Box::new(report)),
                Err(error) => Attempted::Error(Failure::of(&error)),
            };
            let after_error = follow_up(after.as_ref(), &copy, &attempted, &stop).await;
            (attempted, after_error)
        });
        let (attempted, after_error) = match own.join_next().await {
            Some(Ok(ended)) => ended,
            Some(Err(error)) => (broken(&error.to_string()), None),
            None => (broken("it never began"), None),
        };
        Ended { task, window_end, failures, attempted, after_error }
    }

    async fn settle(&self, ended: Ended, in_hand: &mut HashMap<SmolStr, InHand>) -> Result<()> {
        let Ended { task, window_end, failures, attempted, after_error } = ended;
        let now = self.clock.now();
        let next = decide(&attempted, Standing { now, window_end, failures }, &self.options);
        let outcome = attempted.outcome().as_str();
        tracing::info!(job = %task.job.name, run = %task.run, outcome, ?next, "run ended");
        in_hand.remove(&task.run);
        let kept = self.state.end_attempt(&task, &attempted, after_error.as_deref(), &next, now).await;
        self.in_flight.send_modify(|running| *running -= 1);
        kept
    }

    /// Says that the runs are alive. One that others have given up for dead is asked to stop.
    async fn renew(&self, in_hand: &HashMap<SmolStr, InHand>) -> Result<()> {
        let until = after(self.clock.now(), self.options.lease);
        for (run, InHand { stop, claimed }) in in_hand {
            if !self.state.renew(run, *claimed, until).await? {
                tracing::warn!(%run, "the run was taken for dead and is given up");
                stop.rob();
            }
        }
        Ok(())
    }

    async fn next_wake(
        &self,
        now: Timestamp,
        until: Option<Timestamp>,
        blocked: bool,
        running: &Running<'_>,
    ) -> Result<Timestamp> {
        let ticks = self.jobs.iter().filter_map(|job| job.cron.next_after(now));
        let known = |row: &TickRow| self.jobs.iter().any(|job| job.name == row.job);
        let waiting = self.state.waiting().await?;
        let waiting = waiting.iter().filter(|row| row.next_attempt_at > now && known(row));
        let poll = blocked.then(|| after(now, self.options.poll));
        let renewal = (!running.in_hand.is_empty()).then(|| after(now, self.options.lease / 3));
        let dead = self.state.next_lease_end().await?.filter(|end| *end > now);
        let waiting = waiting.map(|row| row.next_attempt_at);
        let all = ticks.chain(waiting).chain(until).chain(poll).chain(renewal).chain(dead);
        // Another process may add what we have not seen.
        Ok(all.fold(after(now, self.options.lease), Timestamp::min))
    }
}

fn after_micros(at: Timestamp, micros: i64) -> Timestamp {
    at.checked_add(jiff::SignedDuration::from_micros(micros)).unwrap_or(at)
}

async fn follow_up(
    after: &dyn AfterIngest,
    task: &Task,
    attempted: &Attempted,
    stop: &StopFlag,
) -> Option<String> {
    let Attempted::Report(report) = attempted else { return None };
    let brought = report.totals.pages > 0 || report.outcome == Outcome::Done;
    if !task.job.evaluate || !brought || stop.is_stopped() {
        return None;
    }
    let error = after.after(&task.job, report).await.err()?;
    tracing::error!(%error, job = %task.job.name, run = %task.run, "what follows the ingest failed");
    Some(error.to_string())
}

fn broken(reason: &str) -> Attempted {
    let error = Error::new(ErrorKind::Unexpected, "the run broke").with("reason", reason);
    Attempted::Error(Failure::of(&error.hint("this is a defect of kepi: please report it")))
}
