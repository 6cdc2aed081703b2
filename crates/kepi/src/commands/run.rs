//! `kepi run`: the schedule, until it is asked to stop.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use jiff::civil::Date;
use kepi_ingest::{
    RunReport, Silent, StopFlag,
    schedule::{AfterIngest, IngestRunner, ScheduledJob, Scheduler},
};

use crate::{
    cli::Run,
    commands::{evaluate, runs, signals},
    compose::Project,
    failure::{Failure, Outcome, Result},
    output,
};

pub(crate) async fn run(project: &Project, arguments: &Run) -> Result<Outcome> {
    let jobs = runs::scheduled(project)?;
    if jobs.is_empty() {
        return Err(kepi_core::Error::bad_config("there is nothing to run")
            .hint("add a [[job]] with name and cron to the configuration")
            .into());
    }
    project.kpis()?;
    let store = project.store().await?;
    let state = project.state().await?;
    let stop = StopFlag::default();
    stop.on_signals()?;
    let ingest = project.ingest(&store, Arc::new(state.clone()))?;
    let runner = IngestRunner::new(ingest, project.ingest_accounts(), Arc::new(Silent));
    let own = Arc::new(Project::load(&project.config.file)?);
    let after = Evaluate { project: own, looked: Mutex::new(None) };
    output::note(&format!(
        "{}; Ctrl-C finishes the page in hand and stops",
        output::counted(jobs.len(), "job")
    ));
    Scheduler::new(jobs, state.clone(), Arc::new(runner), Arc::new(after), project.clock(), stop)
        .run(arguments.until)
        .await?;
    state.close().await;
    Ok(Outcome::Done)
}

/// Renews the scorecard after an ingest and keeps it in the store; once a day also looks for signals.
struct Evaluate {
    project: Arc<Project>,
    /// The day on which signals were last looked for: they are of days that are over.
    looked: Mutex<Option<Date>>,
}

impl fmt::Debug for Evaluate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Evaluate")
    }
}

#[async_trait]
impl AfterIngest for Evaluate {
    async fn after(&self, _: &ScheduledJob, _: &RunReport) -> kepi_core::Result<()> {
        evaluate::renew(&self.project).await.map_err(told)?;
        let today = self.project.today().map_err(told)?;
        let last = self.looked.lock().unwrap_or_else(PoisonError::into_inner).replace(today);
        if last != Some(today) {
            signals::renew(&self.project).await.map_err(told)?;
        }
        Ok(())
    }
}

fn told(failure: Failure) -> kepi_core::Error {
    match failure {
        Failure::Error(error) => error,
        Failure::Faults(texts) => {
            let files: Vec<String> = texts.into_iter().map(|text| text.name).collect();
            kepi_core::Error::bad_config("the KPI files have faults")
                .with("files", files.join(", "))
                .hint("`kepi check` shows them")
        }
    }
}
