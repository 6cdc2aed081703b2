//! Accounts and ticks in hand: of the schedule, of runs by hand, of processes that died.

use super::*;
use crate::{reading::after, schedule::IngestRunner};

/// As on a disk that knows no locks: nobody sees whether the processes of runs live.
fn without_signs(folder: &tempfile::TempDir) {
    std::fs::remove_dir_all(folder.path().join("leases")).unwrap();
}

#[tokio::test]
async fn a_run_whose_process_died_is_taken_up_at_once_and_without_signs_when_its_lease_has_run_out() {
    for (signs, again) in
        [(true, "2026-10-01T06:00:00Z morning #2"), (false, "2026-10-01T06:10:00Z morning #2")]
    {
        a_process_dies(signs, again).await;
    }
}

async fn a_process_dies(signs: bool, again: &str) {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new("2026-10-01T05:59:00Z", vec![job("morning", "0 6 * * *", "UTC", &["x/a"])]);
    let state = open(&folder).await;
    let scheduler = stage.scheduler(&state);
    {
        // The process dies in the middle of its first attempt.
        let mut in_flight = scheduler.in_flight();
        tokio::select! {
            _ = scheduler.run(None) => panic!("it went on"),
            _ = in_flight.wait_for(|running| *running == 1) => {}
        }
    }
    stage.runner.busy.lock().unwrap().clear();
    stage.clock.in_flight.lock().unwrap().clear();
    assert_eq!(*stage.runner.log.lock().unwrap(), Vec::<String>::new());
    state.close().await;
    if !signs {
        without_signs(&folder);
    }

    let state = open(&folder).await;
    let log = stage.until(&state, "2026-10-01T08:00:00Z").await;
    assert_eq!(log, [again]);
    let runs = state.runs(&RunFilter::default()).await.unwrap();
    let outcomes: Vec<_> = runs.iter().map(|run| run.outcome.as_deref()).collect();
    assert_eq!(outcomes, [Some("done"), Some("abandoned")]);
}

#[tokio::test]
async fn a_job_waits_for_an_account_that_a_run_by_hand_has() {
    let state = State::in_memory().await.unwrap();
    let stage = Stage::new("2026-10-01T05:59:00Z", vec![job("morning", "0 6 * * *", "UTC", &["x/a"])]);
    let until = at("2026-10-01T06:10:00Z");
    let account = [known()[0].clone()];
    assert_eq!(state.lease(&Claim::of(&account), "by hand", stage.clock.now(), until).await.unwrap(), None);
    let log = stage.until(&state, "2026-10-01T07:00:00Z").await;
    assert_eq!(log, ["2026-10-01T06:10:00Z morning #1"]);
    let busy = state.lease(&Claim::of(&account), "other", at("2026-10-01T05:59:30Z"), until).await.unwrap();
    assert_eq!(busy, None, "the run gave its account back");
}

#[tokio::test]
async fn work_by_hand_holds_its_accounts_as_long_as_it_takes() {
    let state = State::in_memory().await.unwrap();
    let clock = JumpClock::new("2026-10-01T06:00:00Z");
    let terms = (clock.as_ref() as &dyn Clock, Duration::from_secs(600));
    let (all, one) = (Claim::of(&known()), Claim::of(&known()[..1]));
    let work = async {
        while clock.now() < at("2026-10-01T09:00:00Z") {
            tokio::task::yield_now().await;
        }
        let other = state.lease(&one, "other", clock.now(), at("2026-10-01T10:00:00Z"));
        other.await.unwrap().unwrap().run
    };
    let stop = StopFlag::default();
    assert_eq!(state.holding(&all, "by hand", terms, &stop, work).await.unwrap(), Ok("by hand".into()));
    let until = at("2026-10-01T12:00:00Z");
    assert_eq!(state.lease(&one, "other", clock.now(), until).await.unwrap(), None);
    let work = async { panic!("begun") };
    let busy = state.holding(&all, "by hand", terms, &stop, work).await.unwrap().unwrap_err();
    assert!(!stop.is_stopped());
    assert_eq!(
        (busy.held, busy.run.as_str(), busy.until),
        (Held::Account(known()[0].clone()), "other", until)
    );
}

#[tokio::test]
async fn work_by_hand_is_stopped_when_another_run_took_its_account_for_free() {
    let state = State::in_memory().await.unwrap();
    let clock = JumpClock::new("2026-10-01T06:00:00Z");
    let terms = (clock.as_ref() as &dyn Clock, Duration::from_secs(600));
    let (all, one, stop) = (Claim::of(&known()), Claim::of(&known()[..1]), StopFlag::default());
    let work = async {
        // Nothing was renewed until then: the machine slept.
        let (now, until) = (at("2026-10-01T06:30:00Z"), at("2026-10-01T12:00:00Z"));
        assert_eq!(state.lease(&one, "other", now, until).await.unwrap(), None);
        stop.stopped().await;
    };
    assert_eq!(state.holding(&all, "by hand", terms, &stop, work).await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_lease_holds_as_long_as_its_process_lives_and_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (open(&folder).await, open(&folder).await);
    let (all, one) = (Claim::of(&known()), Claim::of(&known()[..1]));
    let (now, until) = (at("2026-10-01T06:00:00Z"), at("2026-10-01T06:10:00Z"));
    assert_eq!(theirs.lease(&all, "theirs", now, until).await.unwrap(), None);
    let later = at("2026-10-01T09:00:00Z");
    let busy = ours.lease(&one, "ours", later, at("2026-10-01T09:10:00Z")).await.unwrap();
    assert_eq!(busy.unwrap().run, "theirs", "it said nothing for hours, and lives");
    theirs.close().await;
    let rest = Claim::of(&known()[1..]);
    let lease = |run: &'static str, claim| ours.lease(claim, run, now, until);
    assert_eq!(lease("ours", &one).await.unwrap(), None, "its process ended, at whatever time");
    assert_eq!(lease("ours, too", &rest).await.unwrap(), None, "all that it had is free");
    ours.give_back("ours").await.unwrap();
    ours.give_back("ours, too").await.unwrap();
    let signs = std::fs::read_dir(folder.path().join("leases")).unwrap();
    assert_eq!(signs.count(), 0, "no sign is left");
}

/// A tick is in hand as long as the process of its run lives, however late it is, and due when that has ended.
#[tokio::test]
async fn a_tick_is_taken_up_when_its_process_has_ended_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (open(&folder).await, open(&folder).await);
    let (tick, now) = (at("2026-10-01T06:00:00Z"), at("2026-10-01T06:00:01Z"));
    let job = job("daily", "0 6 * * *", "UTC", &["x/a"]);
    let task = Task { run: "theirs".into(), job, attempt: 1, only: None };
    assert!(theirs.add_tick(&task.job, (tick, 0), tick, tick).await.unwrap());
    let (claim, terms) = (Claim::of(&task.job.accounts), (now, at("2026-10-01T06:10:00Z")));
    let begun = theirs.begin_attempt(&task, &claim, tick, terms).await.unwrap();
    assert_eq!(format!("{begun:?}"), "Yes");
    assert_eq!(ours.recover(at("2026-10-01T09:00:00Z")).await.unwrap(), 0, "it lives");
    theirs.close().await;
    assert_eq!(ours.recover(at("2026-10-01T09:00:01Z")).await.unwrap(), 1, "it has ended");
    assert_eq!(ours.recover(at("2026-10-01T09:00:02Z")).await.unwrap(), 0);
}

/// An account, and an application of its platform.
fn with_app(account: usize, app: &str) -> Claim {
    let account = known()[account].clone();
    let domains = [QuotaDomain::of_app(account.platform_name(), app)].into();
    Claim { domains, ..Claim::of(&[account]) }
}

#[tokio::test]
async fn an_application_is_for_one_process_at_a_time_which_shares_it_among_its_runs() {
    for signs in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (open(&folder).await, open(&folder).await);
        let (now, until) = (at("2026-10-01T06:00:00Z"), at("2026-10-01T06:10:00Z"));
        let (a, b, c) = (with_app(0, "one"), with_app(1, "one"), with_app(2, "one"));
        assert_eq!(theirs.lease(&a, "theirs", now, until).await.unwrap(), None);
        let lease =
            |claim, run: &'static str, at| ours.lease(claim, run, at, after(at, Duration::from_secs(60)));
        let busy = lease(&b, "ours", now).await.unwrap().expect("both would count its calls for themselves");
        assert_eq!(
            (busy.held.clone(), busy.run.as_str()),
            (Held::Domain(b.domains.first().unwrap().clone()), "theirs")
        );
        assert_eq!(
            busy.to_string(),
            "another run by hand draws on what an application of x has, which is for one process at a time"
        );
        let free = Claim::of(&b.accounts);
        assert_eq!(
            lease(&free, "free", now).await.unwrap(),
            None,
            "nothing is left in hand of what was not had"
        );
        ours.give_back("free").await.unwrap();
        let other = with_app(1, "other");
        assert_eq!(
            lease(&other, "other", now).await.unwrap(),
            None,
            "another application has limits of its own"
        );
        ours.give_back("other").await.unwrap();
        assert_eq!(lease(&c, "weibo", now).await.unwrap(), None, "so has another platform");

        assert_eq!(
            theirs.lease(&b, "theirs, too", now, until).await.unwrap(),
            None,
            "their process counts both"
        );
        theirs.give_back("theirs").await.unwrap();
        assert!(lease(&a, "ours", now).await.unwrap().is_some(), "one of their runs still draws on it");
        theirs.close().await;
        if signs {
            assert_eq!(lease(&a, "ours", now).await.unwrap(), None, "their process ended");
        } else {
            without_signs(&folder);
            assert!(lease(&a, "ours", now).await.unwrap().is_some(), "nobody sees that it ended");
            assert_eq!(lease(&a, "ours", until).await.unwrap(), None, "until its lease has run out");
        }
    }
}

#[tokio::test]
async fn work_by_hand_is_stopped_when_another_process_draws_on_its_application() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (open(&folder).await, open(&folder).await);
    let clock = JumpClock::new("2026-10-01T06:00:00Z");
    let terms = (clock.as_ref() as &dyn Clock, Duration::from_secs(600));
    let stop = StopFlag::default();
    let work = async {
        without_signs(&folder);
        let (now, until) = (at("2026-10-01T06:30:00Z"), at("2026-10-01T12:00:00Z"));
        assert_eq!(theirs.lease(&with_app(1, "one"), "theirs", now, until).await.unwrap(), None);
        stop.stopped().await;
    };
    assert_eq!(ours.holding(&with_app(0, "one"), "ours", terms, &stop, work).await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_job_waits_for_an_application_that_another_process_draws_on() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (open(&folder).await, open(&folder).await);
    let world = crate::tests::toy::World::new(&["profile"]);
    let clock = JumpClock::new("2026-10-01T06:00:00Z");
    let ingest = Ingest { clock: clock.clone(), ..world.ingest.clone() };
    let app = QuotaDomain::of_app("toy", "one");
    *world.platform.domains.lock().unwrap() = [app.clone()].into();
    let claim = Claim { accounts: Vec::new(), domains: [app].into() };
    let (now, until) = (clock.now(), at("2026-10-01T06:10:00Z"));
    assert_eq!(theirs.lease(&claim, "theirs", now, until).await.unwrap(), None);
    let by_hand = run_by_hand(&ours, &ingest, &world.request, &crate::Silent, &world.stop, IfBusy::Fail);
    let error = by_hand.await.unwrap_err();
    assert!(error.to_string().contains("draws on what an application of toy has"), "{error}");
    theirs.close().await;
    without_signs(&folder);

    let accounts = vec![world.request.accounts[0].reference.id.clone()];
    let job = ScheduledJob { accounts, ..job("morning", "0 6 * * *", "UTC", &["x/a"]) };
    let runner = IngestRunner::new(ingest, world.request.accounts.clone(), Arc::new(crate::Silent));
    let (after, stop) = (Arc::new(NoFollowUp), StopFlag::default());
    let scheduler = Scheduler::new(vec![job], ours.clone(), Arc::new(runner), after, clock.clone(), stop);
    clock.in_flight.lock().unwrap().push(scheduler.in_flight());
    scheduler.run(Some(at("2026-10-01T07:00:00Z"))).await.unwrap();
    let runs = ours.runs(&RunFilter::default()).await.unwrap();
    let began: Vec<_> = runs.iter().map(|run| run.started_at).collect();
    assert_eq!(began, [until]);
}

#[tokio::test]
async fn a_pass_by_hand_keeps_off_accounts_in_hand_and_is_remembered() {
    let state = State::in_memory().await.unwrap();
    let world = crate::tests::toy::World::new(&["profile"]);
    let account = [world.request.accounts[0].reference.id.clone()];
    let (now, until) = (at("2026-10-08T11:00:00Z"), at("2026-10-08T13:00:00Z"));
    assert_eq!(state.lease(&Claim::of(&account), "other", now, until).await.unwrap(), None);
    let by_hand =
        || run_by_hand(&state, &world.ingest, &world.request, &crate::Silent, &world.stop, IfBusy::Fail);
    let error = by_hand().await.unwrap_err();
    assert_eq!(error.to_string(), "another run by hand has toy/a in hand (run: other)");
    assert!(error.hint_text().unwrap().contains("--wait"), "{error:?}");
    assert_eq!(world.log.take(), Vec::<String>::new());
    state.give_back("other").await.unwrap();
    let report = by_hand().await.unwrap();
    let runs = state.runs(&RunFilter::default()).await.unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!((&runs[0].run, runs[0].job.as_str(), runs[0].pages), (&report.run, "ingest", 1));
    assert_eq!(state.lease(&Claim::of(&account), "other", now, until).await.unwrap(), None);
}

#[tokio::test]
async fn a_pass_by_hand_may_wait_for_the_run_that_has_its_account() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(&folder).await;
    let world = crate::tests::toy::World::new(&["profile"]);
    let clock = JumpClock::new("2026-10-08T12:00:00Z");
    let ingest = Ingest { clock: clock.clone(), ..world.ingest.clone() };
    let (now, until, later) = (clock.now(), at("2026-10-08T12:01:40Z"), at("2026-10-08T13:00:00Z"));
    let account = [world.request.accounts[0].reference.id.clone()];
    let job = ScheduledJob { accounts: account.to_vec(), ..job("morning", "0 6 * * *", "UTC", &["x/a"]) };
    state.add_tick(&job, (now, 0), now, later).await.unwrap();
    let task = Task { run: "theirs".into(), job, attempt: 1, only: None };
    state.begin_attempt(&task, &Claim::of(&account), now, (now, until)).await.unwrap();
    without_signs(&folder);

    let told = Mutex::new(Vec::new());
    let tell = |busy: &Busy| told.lock().unwrap().push(busy.to_string());
    let (silent, wait) = (&crate::Silent, IfBusy::Wait(&tell));
    let report = run_by_hand(&state, &ingest, &world.request, silent, &world.stop, wait).await.unwrap();
    assert!(report.started_at >= until, "{report:#?}");
    assert_eq!(*told.lock().unwrap(), ["a run of the job morning has toy/a in hand"], "told once");

    let for_years = at("2036-10-08T12:00:00Z");
    assert_eq!(state.lease(&Claim::of(&account), "other", clock.now(), for_years).await.unwrap(), None);
    let stop = StopFlag::default();
    stop.stop();
    let error = run_by_hand(&state, &ingest, &world.request, silent, &stop, wait).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(error.to_string().contains("stopped while waiting: another run by hand"), "{error}");
}

#[tokio::test]
async fn a_pass_whose_account_was_taken_says_so() {
    let state = State::in_memory().await.unwrap();
    let world = crate::tests::toy::World::new(&["profile"]);
    let clock = JumpClock::new("2026-10-08T12:00:00Z");
    let ingest = Ingest { clock: clock.clone(), ..world.ingest.clone() };
    *world.platform.hang_after.lock().unwrap() = Some(0);
    let claim = Claim::of(&[world.request.accounts[0].reference.id.clone()]);
    let taken = async {
        world.platform.hangs.notified().await;
        let (late, later) = (at("2036-10-08T12:00:00Z"), at("2036-10-08T13:00:00Z"));
        assert_eq!(state.lease(&claim, "other", late, later).await.unwrap(), None);
    };
    let pass = run_by_hand(&state, &ingest, &world.request, &crate::Silent, &world.stop, IfBusy::Fail);
    let (report, ()) = tokio::join!(pass, taken);
    let report = report.unwrap();
    let error = report.error.expect("it says why");
    assert_eq!(report.outcome, Outcome::Cancelled);
    assert!(error.message.contains("another run took what this one had in hand"), "{error:?}");
    let record = world.journal.runs.lock().unwrap()[0].clone();
    assert_eq!(record.error.as_deref(), Some(error.message.as_str()));
    let kept = &state.runs(&RunFilter::default()).await.unwrap()[0];
    assert_eq!((kept.outcome.as_deref(), &kept.hint), (Some("cancelled"), &error.hint));

    let stop = world.stop.clone();
    *world.platform.hang_after.lock().unwrap() = None;
    world.platform.reset();
    *world.platform.stop_after.lock().unwrap() = Some((2, stop.clone()));
    world.answers(|job, _| Ok(crate::tests::toy::page(job, 1, Some("more"))));
    state.give_back("other").await.unwrap();
    let asked =
        run_by_hand(&state, &ingest, &world.request, &crate::Silent, &stop, IfBusy::Fail).await.unwrap();
    assert_eq!(
        (asked.outcome, asked.error),
        (Outcome::Cancelled, None),
        "who is asked to stop was not robbed"
    );
}

/// Runs `short` while the machine sleeps, and `long` until `later` has begun.
#[derive(Debug)]
struct Asleep {
    clock: Arc<JumpClock>,
    later: watch::Sender<bool>,
    begun: Mutex<Vec<String>>,
}

#[async_trait]
impl Runner for Asleep {
    async fn run(&self, task: &Task, stop: &StopFlag) -> Result<RunReport> {
        self.begun.lock().unwrap().push(format!("{} #{}", task.job.name, task.attempt));
        match task.job.name.as_str() {
            "short" => self.clock.forward(SignedDuration::from_mins(20)),
            "long" => drop(self.later.subscribe().wait_for(|begun| *begun).await),
            _ => drop(self.later.send_replace(true)),
        }
        assert!(!stop.is_stopped(), "{}", task.job.name);
        Ok(report(task, vec![Ending::Done]))
    }
}

#[tokio::test]
async fn a_machine_that_slept_does_not_take_its_own_runs_for_dead() {
    // In memory there are no signs that tell who lives.
    let state = State::in_memory().await.unwrap();
    let clock = JumpClock::new("2026-10-01T05:59:00Z");
    let jobs = vec![
        job("long", "0 6 * * *", "UTC", &["x/a"]),
        job("short", "0 6 * * *", "UTC", &["x/b"]),
        job("later", "20 6 * * *", "UTC", &["weibo/c"]),
    ];
    let runner =
        Arc::new(Asleep { clock: clock.clone(), later: watch::Sender::new(false), begun: Mutex::default() });
    let (follow_up, stop) = (Arc::new(NoFollowUp), StopFlag::default());
    let scheduler = Scheduler::new(jobs, state, runner.clone(), follow_up, clock.clone(), stop);
    clock.in_flight.lock().unwrap().push(scheduler.in_flight());
    scheduler.run(Some(at("2026-10-01T07:00:00Z"))).await.unwrap();
    assert_eq!(*runner.begun.lock().unwrap(), ["long #1", "short #1", "later #1"]);
}
