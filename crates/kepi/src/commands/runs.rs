//! `kepi runs` and `kepi plan`: what happened, and what the next 24 hours bring.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};
use kepi_ingest::{
    RunKind,
    schedule::{JobSettings, RunEntry, RunFilter, ScheduledJob, upcoming},
};
use kepi_store::query;
use serde_json::Value;

use crate::{
    cli::{Format, Runs},
    commands::ingest::dollars,
    compose::Project,
    failure::{Failure, FaultyText, Outcome, Result},
    output::{self, Rows},
};

/// A run as a row of the table: what the store keeps of every finished one, and what the schedule knows beside it.
struct Row {
    started_at: Timestamp,
    cells: [Value; 12],
}

pub(crate) async fn run(project: &Project, arguments: &Runs) -> Result<Outcome> {
    let state = project.state().await?;
    let entries = state.runs(&RunFilter { limit: arguments.last, ..RunFilter::default() }).await?;
    state.close().await;
    let mut found = finished(project, arguments.last).await?;
    for entry in entries {
        let known = found.remove(entry.run.as_str());
        let kind = known.map_or(RunKind::Ingest.as_str().into(), |row| {
            let [_, kind, ..] = row.cells;
            kind
        });
        found.insert(entry.run.to_string(), scheduled_row(entry, kind));
    }
    let mut newest: Vec<Row> = found.into_values().collect();
    newest.sort_by_key(|row| std::cmp::Reverse(row.started_at));
    let mut rows = Rows::new([
        "run",
        "kind",
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
    for row in newest.into_iter().take(usize::try_from(arguments.last).unwrap_or(usize::MAX)) {
        rows.push(row.cells);
    }
    rows.print(arguments.format.format)?;
    Ok(Outcome::Done)
}

/// What the schedule knows of a run: also of one that goes on, or whose process ended first.
fn scheduled_row(entry: RunEntry, kind: Value) -> Row {
    Row {
        started_at: entry.started_at,
        cells: [
            entry.run.as_str().into(),
            kind,
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
        ],
    }
}

/// The newest runs that the store keeps, by id: those of the schedule, by hand, and imports.
async fn finished(project: &Project, last: u32) -> Result<BTreeMap<String, Row>> {
    let Some(store) = project.store_if_there().await? else { return Ok(BTreeMap::new()) };
    let sql = format!(
        "select run, kind, started_at, finished_at, outcome, pages, measurements, cost_usd, error \
         from runs order by started_at desc, run desc limit {last}"
    );
    let found = query(&store.session().await?, &sql).await?;
    let mut rows = BTreeMap::new();
    for row in found.rows {
        let mut cells = row.into_iter();
        let mut next = || cells.next().unwrap_or_default();
        let (run, kind, started, finished) = (next(), next(), next(), next());
        let (outcome, pages, measurements, usd, error) = (next(), next(), next(), next(), next());
        let id = run.as_str().unwrap_or_default().to_owned();
        let started_at = started.as_str().and_then(|at| at.parse().ok()).unwrap_or_default();
        let [job, tick, attempt] = [Value::Null, Value::Null, Value::Null];
        let cells =
            [run, kind, job, tick, attempt, started, finished, outcome, pages, measurements, usd, error];
        rows.insert(id, Row { started_at, cells });
    }
    Ok(rows)
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
