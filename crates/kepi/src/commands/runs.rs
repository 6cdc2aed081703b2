//! `kepi runs` and `kepi plan`: what happened, and what the next 24 hours bring.

use jiff::ToSpan;
use kepi_ingest::schedule::{JobSettings, RunFilter, ScheduledJob, upcoming};

use crate::{
    cli::{Format, Runs},
    commands::ingest::dollars,
    compose::Project,
    failure::{Failure, FaultyText, Outcome, Result},
    output::{self, Rows},
};

pub(crate) async fn run(project: &Project, arguments: &Runs) -> Result<Outcome> {
    let state = project.state().await?;
    let entries = state.runs(&RunFilter { limit: arguments.last, ..RunFilter::default() }).await?;
    let mut rows = Rows::new([
        "run",
        "job",
        "tick",
        "attempt",
        "started",
        "finished",
        "outcome",
        "pages",
        "measurements",
        "usd",
        "error",
    ]);
    for entry in entries {
        rows.push([
            entry.run.as_str().into(),
            entry.job.as_str().into(),
            entry.tick.to_string().into(),
            entry.attempt.into(),
            entry.started_at.to_string().into(),
            entry.finished_at.map(|at| at.to_string()).into(),
            entry.outcome.map(|outcome| outcome.to_string()).into(),
            entry.pages.into(),
            entry.measurements.into(),
            dollars(entry.cost_micro_usd).into(),
            entry.error.or(entry.after_error).into(),
        ]);
    }
    rows.print(arguments.format.format)?;
    state.close().await;
    Ok(Outcome::Done)
}

pub(crate) async fn plan(project: &Project, format: Format) -> Result<Outcome> {
    let jobs = scheduled(project)?;
    let now = project.now();
    let mut rows = Rows::new(["at", "job", "accounts"]);
    let day = now.checked_add(24.hours()).unwrap_or(now);
    for next in upcoming(&jobs, now, day) {
        let accounts: Vec<&str> = next.accounts.iter().map(kepi_core::AccountId::as_str).collect();
        rows.push([next.at.to_string().into(), next.job.as_str().into(), accounts.join(", ").into()]);
    }
    rows.print(format.format)?;
    if jobs.is_empty() {
        output::note("there is no [[job]] in the configuration");
    }
    Ok(Outcome::Done)
}

/// The jobs of the configuration, ready to run; all faulty cron lines at once.
pub(crate) fn scheduled(project: &Project) -> Result<Vec<ScheduledJob>> {
    let known: Vec<_> = project.ingest_accounts().into_iter().map(|account| account.reference.id).collect();
    let config = &project.config;
    let mut jobs = Vec::new();
    let mut faults = Vec::new();
    for job in &config.jobs {
        let settings = JobSettings {
            name: job.name.clone(),
            cron: job.cron.value.clone(),
            zone: job.zone.clone(),
            accounts: job.accounts.clone(),
            platforms: job.platforms.clone(),
            endpoints: job.endpoints.iter().map(Into::into).collect(),
            evaluate: job.evaluate,
            jitter: std::time::Duration::from_secs(job.jitter_secs.into()),
        };
        match ScheduledJob::new(&settings, &known, seed(&config.project.name)) {
            Ok(job) => jobs.push(job),
            Err(error) => faults.push(kepi_core::document::Fault {
                file: config.file.display().to_string(),
                span: job.cron.span.clone(),
                message: error.to_string(),
                label: "here".to_owned(),
                hint: error.hint_text().map(str::to_owned),
            }),
        }
    }
    if faults.is_empty() {
        return Ok(jobs);
    }
    let name = config.file.display().to_string();
    Err(Failure::Faults(vec![FaultyText { name, text: config.text.clone(), faults }]))
}

/// The same project starts at the same moments, different projects at different ones.
fn seed(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
