//! The scheduler over days of injected time.

mod leases;

use std::{
    collections::HashSet,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp, civil::date};
use kepi_core::{AccountId, DateSpan, Error, ErrorKind, Result, Stream};
use kepi_transport::QuotaDomain;
use tokio::sync::watch;

use super::toy::at;
use crate::{
    Answer, Capability, Ending, EndpointReport, Failure, Ingest, Lack, Memory, Outcome, RunKind, RunReport,
    StopFlag,
    schedule::{
        AfterIngest, Busy, Claim, Held, IfBusy, JobSettings, NoFollowUp, RunFilter, Runner, ScheduledJob,
        Scheduler, State, Task, run_by_hand, upcoming,
    },
    seam::Clock,
};

/// A clock on which sleeping takes no time, but not while an attempt is being made.
#[derive(Debug)]
struct JumpClock {
    now: Mutex<Timestamp>,
    in_flight: Mutex<Vec<watch::Receiver<usize>>>,
}

impl JumpClock {
    fn new(now: &str) -> Arc<Self> {
        Arc::new(Self { now: Mutex::new(at(now)), in_flight: Mutex::default() })
    }

    fn forward(&self, pause: SignedDuration) {
        *self.now.lock().unwrap() += pause;
    }
}

#[async_trait]
impl Clock for JumpClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    async fn sleep_until(&self, at: Timestamp) {
        let receivers = self.in_flight.lock().unwrap().clone();
        for mut receiver in receivers {
            let _ = receiver.wait_for(|running| *running == 0).await;
        }
        let mut now = self.now.lock().unwrap();
        *now = at.max(*now);
    }
}

type Script = Arc<dyn Fn(&Task, usize) -> Result<RunReport> + Send + Sync>;

/// Makes attempts as it is told and writes down when.
struct Scripted {
    clock: Arc<JumpClock>,
    script: Mutex<Script>,
    log: Mutex<Vec<String>>,
    busy: Mutex<HashSet<AccountId>>,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

#[async_trait]
impl Runner for Scripted {
    async fn run(&self, task: &Task, _: &StopFlag) -> Result<RunReport> {
        for account in &task.job.accounts {
            assert!(self.busy.lock().unwrap().insert(account.clone()), "{account} is in two hands");
        }
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        let number = {
            let mut log = self.log.lock().unwrap();
            let only =
                task.only.as_ref().map(|only| format!(" {} left over", only.len())).unwrap_or_default();
            log.push(format!("{} {} #{}{only}", self.clock.now(), task.job.name, task.attempt));
            log.len()
        };
        for account in &task.job.accounts {
            self.busy.lock().unwrap().remove(account);
        }
        let script = self.script.lock().unwrap().clone();
        script(task, number)
    }
}

fn report(task: &Task, endings: Vec<Ending>) -> RunReport {
    let endpoint = |(i, ending)| {
        let mut report = EndpointReport::new(task.job.accounts.clone(), &format!("endpoint{i}"));
        report.tally.pages = u64::from(ending == Ending::Done);
        report.ending = ending;
        report
    };
    let endpoints = endings.into_iter().enumerate().map(endpoint).collect();
    let now = Timestamp::UNIX_EPOCH;
    RunReport::close(task.run.clone(), RunKind::Ingest, now, now, endpoints, None)
}

fn failed(kind: ErrorKind) -> Ending {
    Ending::Failed(Failure::of(&Error::new(kind, "it failed").hint("do something")))
}

/// A scheduler's surroundings: clock, runner, jobs.
struct Stage {
    clock: Arc<JumpClock>,
    runner: Arc<Scripted>,
    after: Arc<dyn AfterIngest>,
    jobs: Vec<ScheduledJob>,
    stop: StopFlag,
}

fn known() -> Vec<AccountId> {
    ["x/a", "x/b", "weibo/c"].iter().map(|id| id.parse().unwrap()).collect()
}

fn job(name: &str, cron: &str, zone: &str, accounts: &[&str]) -> ScheduledJob {
    let settings = JobSettings {
        name: name.into(),
        cron: cron.into(),
        zone: zone.into(),
        accounts: accounts.iter().map(|id| id.parse().unwrap()).collect(),
        evaluate: true,
        ..JobSettings::default()
    };
    ScheduledJob::new(&settings, &known(), 0).unwrap()
}

impl Stage {
    fn new(now: &str, jobs: Vec<ScheduledJob>) -> Self {
        let clock = JumpClock::new(now);
        let runner = Arc::new(Scripted {
            clock: clock.clone(),
            script: Mutex::new(Arc::new(|task, _| Ok(report(task, vec![Ending::Done])))),
            log: Mutex::default(),
            busy: Mutex::default(),
        });
        Self { clock, runner, after: Arc::new(NoFollowUp), jobs, stop: StopFlag::default() }
    }

    fn script(&self, script: impl Fn(&Task, usize) -> Result<RunReport> + Send + Sync + 'static) {
        *self.runner.script.lock().unwrap() = Arc::new(script);
    }

    fn scheduler(&self, state: &State) -> Scheduler {
        let scheduler = Scheduler::new(
            self.jobs.clone(),
            state.clone(),
            self.runner.clone(),
            self.after.clone(),
            self.clock.clone(),
            self.stop.clone(),
        );
        self.clock.in_flight.lock().unwrap().push(scheduler.in_flight());
        scheduler
    }

    /// Runs a scheduler until an instant and says what was attempted when.
    async fn until(&self, state: &State, until: &str) -> Vec<String> {
        self.scheduler(state).run(Some(at(until))).await.unwrap();
        self.clock.in_flight.lock().unwrap().clear();
        std::mem::take(&mut self.runner.log.lock().unwrap())
    }
}

async fn open(folder: &tempfile::TempDir) -> State {
    State::open(&folder.path().join("state.sqlite")).await.unwrap()
}

#[tokio::test]
async fn three_days_with_a_restart_and_a_change_of_clocks() {
    let folder = tempfile::tempdir().unwrap();
    let stage =
        Stage::new("2026-03-27T12:00:00Z", vec![job("night", "30 2 * * *", "Europe/Berlin", &["x/a"])]);
    let state = open(&folder).await;
    assert_eq!(stage.until(&state, "2026-03-28T12:00:00Z").await, ["2026-03-28T01:30:00Z night #1"]);
    state.close().await;
    // Half past two does not exist on the 29th: three o'clock, once.
    let state = open(&folder).await;
    let expected = ["2026-03-29T01:00:00Z night #1", "2026-03-30T00:30:00Z night #1"];
    assert_eq!(stage.until(&state, "2026-03-30T12:00:00Z").await, expected);
    state.close().await;
    let state = open(&folder).await;
    assert_eq!(stage.until(&state, "2026-03-30T13:00:00Z").await, Vec::<String>::new());
    let runs = state.runs(&RunFilter::default()).await.unwrap();
    let outcomes: Vec<_> = runs.iter().map(|run| (run.tick.to_string(), run.outcome.as_deref())).collect();
    let done = |tick: &str| (tick.to_owned(), Some("done"));
    assert_eq!(
        outcomes,
        [done("2026-03-30T00:30:00Z"), done("2026-03-29T01:00:00Z"), done("2026-03-28T01:30:00Z")]
    );
}

#[tokio::test]
async fn missed_ticks_are_caught_up_by_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new("2026-10-01T12:00:00Z", vec![job("morning", "0 6 * * *", "UTC", &["x/a"])]);
    let state = open(&folder).await;
    assert_eq!(stage.until(&state, "2026-10-02T12:00:00Z").await, ["2026-10-02T06:00:00Z morning #1"]);
    state.close().await;
    stage.clock.forward(SignedDuration::from_hours(70));
    let state = open(&folder).await;
    let expected = ["2026-10-05T10:00:00Z morning #1", "2026-10-06T06:00:00Z morning #1"];
    assert_eq!(stage.until(&state, "2026-10-06T12:00:00Z").await, expected);
    let ticks = state.ticks(10).await.unwrap();
    let told: Vec<_> = ticks.iter().map(|tick| (tick.tick.to_string(), tick.missed)).collect();
    assert_eq!(told[1], ("2026-10-05T06:00:00Z".to_owned(), 2));
    assert_eq!(ticks.len(), 3);
}

#[tokio::test]
async fn a_job_that_is_new_catches_up_nothing() {
    let state = State::in_memory().await.unwrap();
    let stage = Stage::new("2026-10-01T06:00:00Z", vec![job("morning", "0 6 * * *", "UTC", &["x/a"])]);
    assert_eq!(stage.until(&state, "2026-10-01T06:00:01Z").await, ["2026-10-01T06:00:00Z morning #1"]);
    let stage = Stage::new("2026-10-01T06:00:02Z", vec![job("other", "0 6 * * *", "UTC", &["x/a"])]);
    assert_eq!(stage.until(&state, "2026-10-02T05:00:00Z").await, Vec::<String>::new());
}

#[tokio::test]
async fn one_tick_runs_once_though_two_schedulers_see_it() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new("2026-10-01T12:00:00Z", vec![job("hourly", "0 * * * *", "UTC", &["x/a"])]);
    let (one, two) = (open(&folder).await, open(&folder).await);
    let (first, second) = (stage.scheduler(&one), stage.scheduler(&two));
    let until = Some(at("2026-10-02T12:30:00Z"));
    let (a, b) = tokio::join!(first.run(until), second.run(until));
    a.and(b).unwrap();
    let log = stage.runner.log.lock().unwrap();
    let different: HashSet<_> = log.iter().collect();
    assert_eq!((log.len(), different.len()), (25, 25), "{log:#?}");
}

#[tokio::test]
async fn runs_of_one_account_never_overlap_across_jobs() {
    let state = State::in_memory().await.unwrap();
    let jobs = vec![
        job("one", "0 6 * * *", "UTC", &["x/a", "x/b"]),
        job("two", "0 6 * * *", "UTC", &["x/a"]),
        job("three", "0 6 * * *", "UTC", &["weibo/c"]),
    ];
    let stage = Stage::new("2026-10-01T05:00:00Z", jobs);
    let log = stage.until(&state, "2026-10-01T07:00:00Z").await;
    let names: Vec<_> = log.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    // The runner itself asserts that no account is in two hands; `two` waits for `one`.
    assert_eq!(names.len(), 3, "{log:?}");
    assert_eq!(names[2], "two");
    let runs = state.runs(&RunFilter::default()).await.unwrap();
    assert!(runs.len() == 3 && runs.iter().all(|run| run.outcome.as_deref() == Some("done")), "{runs:#?}");
}

#[tokio::test]
async fn failed_attempts_are_repeated_with_growing_pauses_for_what_is_left() {
    let state = State::in_memory().await.unwrap();
    let stage = Stage::new("2026-10-01T05:00:00Z", vec![job("morning", "0 6 * * *", "UTC", &["x/a"])]);
    stage.script(|task, number| {
        let rest = if number < 3 { failed(ErrorKind::Unavailable) } else { Ending::Done };
        Ok(report(task, vec![Ending::Done, rest]))
    });
    assert_eq!(
        stage.until(&state, "2026-10-01T12:00:00Z").await,
        [
            "2026-10-01T06:00:00Z morning #1",
            "2026-10-01T06:05:00Z morning #2 1 left over",
            "2026-10-01T06:15:00Z morning #3 1 left over"
        ]
    );
    let runs = state.runs(&RunFilter::default()).await.unwrap();
    assert_eq!(runs[2].error.as_deref(), Some("it failed"));
    assert_eq!(runs[2].hint.as_deref(), Some("do something"));
    assert_eq!(state.ticks(1).await.unwrap()[0].status, "done");
}

#[tokio::test]
async fn attempts_are_bounded_and_stay_within_the_window_of_their_tick() {
    let state = State::in_memory().await.unwrap();
    let stage = Stage::new("2026-10-01T05:00:00Z", vec![job("morning", "0 6 * * *", "UTC", &["x/a"])]);
    stage.script(|task, _| Ok(report(task, vec![failed(ErrorKind::Unavailable)])));
    assert_eq!(stage.until(&state, "2026-10-02T05:00:00Z").await.len(), 4);
    assert_eq!(state.ticks(1).await.unwrap()[0].status, "failed");

    let state = State::in_memory().await.unwrap();
    let stage = Stage::new("2026-10-01T05:59:00Z", vec![job("often", "*/8 * * * *", "UTC", &["x/a"])]);
    stage.script(|task, _| Ok(report(task, vec![failed(ErrorKind::Unavailable)])));
    let expected = [
        "2026-10-01T06:00:00Z often #1",
        "2026-10-01T06:05:00Z often #2 1 left over",
        "2026-10-01T06:08:00Z often #1",
    ];
    assert_eq!(stage.until(&state, "2026-10-01T06:09:00Z").await, expected);
}

#[tokio::test]
async fn what_only_a_person_can_mend_is_not_repeated() {
    let state = State::in_memory().await.unwrap();
    let stage = Stage::new("2026-10-01T05:00:00Z", vec![job("morning", "0 6 * * *", "UTC", &["x/a"])]);
    stage.script(|task, _| Ok(report(task, vec![Ending::Done, failed(ErrorKind::Reauthorise)])));
    assert_eq!(stage.until(&state, "2026-10-02T05:00:00Z").await.len(), 1);
    assert_eq!(state.ticks(1).await.unwrap()[0].status, "partial");
}

#[tokio::test]
async fn a_deferred_run_goes_on_at_the_reset_as_often_as_its_window_allows() {
    let state = State::in_memory().await.unwrap();
    let stage = Stage::new("2026-10-01T05:00:00Z", vec![job("morning", "0 6 * * *", "UTC", &["x/a"])]);
    stage.script(|task, number| {
        let until =
            at("2026-10-01T06:00:00Z") + SignedDuration::from_mins(15 * i64::try_from(number).unwrap());
        let ending = Ending::Deferred { until: Some(until), reason: "no calls left".into() };
        Ok(report(task, vec![if number < 7 { ending } else { Ending::Done }]))
    });
    let log = stage.until(&state, "2026-10-02T05:00:00Z").await;
    assert_eq!(log.len(), 7);
    assert_eq!(log[6], "2026-10-01T07:30:00Z morning #7 1 left over");

    stage.script(|task, _| {
        let until = Some(at("2026-10-03T07:00:00Z"));
        Ok(report(task, vec![Ending::Deferred { until, reason: "no calls left".into() }]))
    });
    let expected = ["2026-10-02T06:00:00Z morning #1"];
    assert_eq!(stage.until(&state, "2026-10-03T05:00:00Z").await, expected);
    assert_eq!(state.ticks(1).await.unwrap()[0].status, "deferred");
}

#[tokio::test]
async fn a_stopped_run_is_given_back_and_goes_on_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new("2026-10-01T05:00:00Z", vec![job("morning", "0 6 * * *", "UTC", &["x/a", "x/b"])]);
    let stop = stage.stop.clone();
    stage.script(move |task, _| {
        stop.stop();
        Ok(report(task, vec![Ending::Done, Ending::Stopped]))
    });
    let state = open(&folder).await;
    assert_eq!(stage.until(&state, "2026-10-02T05:00:00Z").await, ["2026-10-01T06:00:00Z morning #1"]);
    assert_eq!(state.ticks(1).await.unwrap()[0].status, "due");
    let (all, until) = (Claim::of(&known()), at("2026-10-01T06:00:01Z"));
    assert_eq!(state.lease(&all, "other", stage.clock.now(), until).await.unwrap(), None);
    state.give_back("other").await.unwrap();
    state.close().await;

    let next = Stage::new("2026-10-01T06:20:00Z", stage.jobs.clone());
    let state = open(&folder).await;
    let expected = ["2026-10-01T06:20:00Z morning #2 2 left over"];
    assert_eq!(next.until(&state, "2026-10-02T05:00:00Z").await, expected);
}

#[tokio::test]
async fn ticks_that_waited_too_long_for_an_account_are_made_by_one_run() {
    let state = State::in_memory().await.unwrap();
    let stage = Stage::new("2026-10-01T05:30:00Z", vec![job("hourly", "0 * * * *", "UTC", &["x/a"])]);
    let (account, until) = ([known()[0].clone()], at("2026-10-01T08:20:00Z"));
    assert_eq!(state.lease(&Claim::of(&account), "by hand", stage.clock.now(), until).await.unwrap(), None);
    let expected = ["2026-10-01T08:20:00Z hourly #1", "2026-10-01T09:00:00Z hourly #1"];
    assert_eq!(stage.until(&state, "2026-10-01T09:30:00Z").await, expected);
    let ticks = state.ticks(10).await.unwrap();
    let statuses: Vec<_> = ticks.iter().map(|tick| tick.status.as_str()).collect();
    assert_eq!(statuses, ["done", "done", "superseded", "superseded"]);
}

/// Uses the schedule's own state while it runs, as the loop does to remember things.
#[derive(Debug)]
struct Remembering(State);

#[async_trait]
impl Runner for Remembering {
    async fn run(&self, task: &Task, _: &StopFlag) -> Result<RunReport> {
        let stream = Stream::of(&task.job.accounts[0], &task.job.name);
        for i in 0..50 {
            self.0.set_answer(&stream, Answer { had_numbers: i % 2 == 0, zeros_since: None }).await?;
        }
        Ok(report(task, vec![Ending::Done]))
    }
}

#[tokio::test]
async fn runs_may_use_the_state_while_the_schedule_does() {
    let state = State::in_memory().await.unwrap();
    let jobs: Vec<_> =
        known().iter().map(|account| job(account.name(), "* * * * *", "UTC", &[account.as_str()])).collect();
    let stage = Stage::new("2026-10-01T06:00:00Z", jobs);
    // Here time goes on while runs are made.
    let scheduler = Scheduler::new(
        stage.jobs.clone(),
        state.clone(),
        Arc::new(Remembering(state.clone())),
        stage.after.clone(),
        stage.clock.clone(),
        stage.stop.clone(),
    );
    scheduler.run(Some(at("2026-10-01T06:05:00Z"))).await.unwrap();
    let runs = state.runs(&RunFilter::default()).await.unwrap();
    assert!(runs.len() >= 3 && runs.iter().all(|run| run.outcome.as_deref() == Some("done")), "{runs:#?}");
}

#[tokio::test]
async fn a_run_that_panics_is_a_failed_run() {
    let state = State::in_memory().await.unwrap();
    let stage = Stage::new("2026-10-01T05:59:00Z", vec![job("morning", "0 6 * * *", "UTC", &["x/a"])]);
    stage.script(|task, number| {
        assert!(number > 1, "a defect");
        Ok(report(task, vec![Ending::Done]))
    });
    let expected = ["2026-10-01T06:00:00Z morning #1", "2026-10-01T06:05:00Z morning #2"];
    assert_eq!(stage.until(&state, "2026-10-01T07:00:00Z").await, expected);
    let runs = state.runs(&RunFilter::default()).await.unwrap();
    assert!(runs[1].error.as_ref().unwrap().contains("the run broke"), "{runs:#?}");
}

#[derive(Debug, Default)]
struct Followed(Mutex<Vec<Outcome>>);

#[async_trait]
impl AfterIngest for Followed {
    async fn after(&self, _: &ScheduledJob, report: &RunReport) -> Result<()> {
        self.0.lock().unwrap().push(report.outcome);
        Err(Error::new(ErrorKind::Unavailable, "the mail server is away"))
    }
}

#[tokio::test]
async fn what_follows_an_ingest_is_done_where_something_came_and_its_failure_stops_nothing() {
    let state = State::in_memory().await.unwrap();
    let jobs = vec![job("morning", "0 6 * * *", "UTC", &["x/a"])];
    let followed = Arc::new(Followed::default());
    let stage = Stage { after: followed.clone(), ..Stage::new("2026-10-01T05:00:00Z", jobs) };
    stage.script(|task, number| {
        let rest = if number == 1 { failed(ErrorKind::Unavailable) } else { Ending::Done };
        Ok(report(task, vec![rest]))
    });
    assert_eq!(stage.until(&state, "2026-10-01T12:00:00Z").await.len(), 2);
    assert_eq!(*followed.0.lock().unwrap(), [Outcome::Done]);
    let runs = state.runs(&RunFilter::default()).await.unwrap();
    assert_eq!(runs[0].after_error.as_deref(), Some("the mail server is away"));
    assert_eq!((runs[0].outcome.as_deref(), runs[1].after_error.as_deref()), (Some("done"), None));
}

#[tokio::test]
async fn a_state_file_that_is_none_is_a_clear_error_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    let text = "this is no database, and long enough to be looked at as one ".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let error = State::open(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(error.to_string().contains("state.sqlite"), "{error}");
    assert!(error.hint_text().unwrap().contains("moved aside"), "{error:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert_eq!(State::open(Path::new("/nowhere/at/all.sqlite")).await.unwrap_err().kind(), ErrorKind::Store);
}

#[tokio::test]
async fn a_state_written_by_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(&folder).await;
    state.pretend_newer().await;
    state.close().await;
    let error = State::open(&folder.path().join("state.sqlite")).await.unwrap_err();
    assert!(error.hint_text().unwrap().contains("another version"), "{error:?}");
}

#[tokio::test]
async fn what_is_remembered_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(&folder).await;
    let account = known()[0].clone();
    let lack = |metric: Option<&str>, since: &str| Capability {
        account: account.clone(),
        endpoint: "posts".into(),
        metric: metric.map(Into::into),
        lack: Lack::Forbidden,
        reason: "a scope is missing".into(),
        since: at(since),
        retry_at: at("2026-10-09T00:00:00Z"),
    };
    let stream = Stream::of(&account, "posts");
    let answer = Answer { had_numbers: true, zeros_since: Some(at("2026-10-08T00:00:00Z")) };
    state.remember(lack(None, "2026-10-01T00:00:00Z")).await.unwrap();
    state.remember(lack(Some("likes"), "2026-10-02T00:00:00Z")).await.unwrap();
    state.remember(lack(None, "2026-10-03T00:00:00Z")).await.unwrap();
    state.set_answer(&stream, Answer::default()).await.unwrap();
    state.set_answer(&stream, answer).await.unwrap();
    let days = DateSpan::new(date(2026, 10, 6), date(2026, 10, 8));
    state.set_not_yet(&stream, Some(DateSpan::day(date(2026, 10, 1)))).await.unwrap();
    state.set_not_yet(&stream, Some(days)).await.unwrap();
    state.close().await;
    let state = open(&folder).await;
    let (whole, metric) = (lack(None, "2026-10-01T00:00:00Z"), lack(Some("likes"), "2026-10-02T00:00:00Z"));
    assert_eq!(state.capabilities().await.unwrap(), [whole, metric.clone()]);
    assert_eq!(state.answers().await.unwrap().get(&stream), Some(&answer));
    assert_eq!(state.not_yet().await.unwrap().get(&stream), Some(&days));
    state.set_not_yet(&stream, None).await.unwrap();
    assert_eq!(state.not_yet().await.unwrap().len(), 0);
    state.forget(&account, Some("posts")).await.unwrap();
    assert_eq!(state.capabilities().await.unwrap(), [metric]);
    state.forget(&account, None).await.unwrap();
    assert_eq!(state.capabilities().await.unwrap(), []);
}

#[tokio::test]
async fn runs_can_be_listed_by_job_and_time() {
    let state = State::in_memory().await.unwrap();
    let jobs =
        vec![job("morning", "0 6 * * *", "UTC", &["x/a"]), job("evening", "0 18 * * *", "UTC", &["x/a"])];
    let stage = Stage::new("2026-10-01T05:00:00Z", jobs);
    stage.until(&state, "2026-10-03T05:00:00Z").await;
    let list = async |filter: RunFilter| {
        let runs = state.runs(&filter).await.unwrap();
        runs.iter().map(|run| format!("{} {}", run.job, run.tick)).collect::<Vec<_>>()
    };
    let all = list(RunFilter::default()).await;
    assert_eq!(all[0], "evening 2026-10-02T18:00:00Z");
    assert_eq!(all.len(), 4);
    let morning = RunFilter { job: Some("morning".into()), limit: 1, ..RunFilter::default() };
    assert_eq!(list(morning).await, ["morning 2026-10-02T06:00:00Z"]);
    let since = RunFilter { since: Some(at("2026-10-02T12:00:00Z")), ..RunFilter::default() };
    assert_eq!(list(since).await, ["evening 2026-10-02T18:00:00Z"]);
}

#[test]
fn jobs_are_checked_and_choose_their_accounts() {
    let settings = |accounts: &[&str], platforms: &[&str]| JobSettings {
        name: "j".into(),
        cron: "0 6 * * *".into(),
        zone: "UTC".into(),
        accounts: accounts.iter().map(|id| id.parse().unwrap()).collect(),
        platforms: platforms.iter().map(|&platform| platform.to_owned()).collect(),
        jitter: Duration::from_secs(30),
        ..JobSettings::default()
    };
    let chosen = |accounts: &[&str], platforms: &[&str]| {
        let job = ScheduledJob::new(&settings(accounts, platforms), &known(), 1)?;
        Ok::<_, Error>(job.accounts.iter().map(|account| account.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(chosen(&[], &[]).unwrap(), ["x/a", "x/b", "weibo/c"]);
    assert_eq!(chosen(&["x/b"], &[]).unwrap(), ["x/b"]);
    assert_eq!(chosen(&["x/b"], &["weibo"]).unwrap(), ["x/b", "weibo/c"]);
    assert!(chosen(&["x/d"], &[]).unwrap_err().to_string().contains("no account x/d (job: j)"));
    assert!(chosen(&[], &["douyin"]).unwrap_err().to_string().contains("without accounts"));
}

#[test]
fn the_next_24_hours() {
    let jobs =
        [job("night", "30 2 * * *", "Europe/Berlin", &["x/a"]), job("often", "0 */8 * * *", "UTC", &["x/b"])];
    let ticks = upcoming(&jobs, at("2026-03-28T12:00:00Z"), at("2026-03-29T12:00:00Z"));
    let lines: Vec<_> = ticks.iter().map(|tick| format!("{} {}", tick.at, tick.job)).collect();
    assert_eq!(
        lines,
        [
            "2026-03-28T16:00:00Z often",
            "2026-03-29T00:00:00Z often",
            "2026-03-29T01:00:00Z night",
            "2026-03-29T08:00:00Z often"
        ]
    );
}
