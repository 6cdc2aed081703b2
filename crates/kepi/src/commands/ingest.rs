//! `kepi ingest` and `kepi backfill`: what the platforms are asked, and what it costs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use indicatif::ProgressBar;
use jiff::civil::Date;
use kepi_core::{
    AccountId, DateSpan, Error,
    document::one_of_hint,
    period::{add_days, local_day},
};
use kepi_ingest::{
    Ending, EndpointReport, IngestAccount, IngestRequest, Outcome as RunOutcome, PlanReport, PlannedEndpoint,
    Progress, RunKind, RunReport, StopFlag, Tally,
    schedule::{Busy, IfBusy, run_by_hand},
};

use crate::{
    cli::{Backfill, Ingest, RowFormat, Selection},
    compose::Project,
    failure::{Outcome, Result},
    output::{self, Rows},
    progress::Lines,
};

pub(crate) async fn run(project: &Project, arguments: &Ingest) -> Result<Outcome> {
    let range = match (arguments.from, arguments.to) {
        (None, None) => None,
        (from, to) => {
            let to = to.map_or_else(|| yesterday(project), Ok)?;
            Some(days(project, from.unwrap_or(to), to)?)
        }
    };
    let request = request(project, &arguments.selection, RunKind::Ingest, range)?;
    let how = How { plan: arguments.plan, wait: arguments.wait, format: arguments.format.format };
    pass(project, &request, how).await
}

pub(crate) async fn backfill(project: &Project, arguments: &Backfill) -> Result<Outcome> {
    let to = arguments.to.map_or_else(|| yesterday(project), Ok)?;
    let range = Some(days(project, arguments.from, to)?);
    let request = request(project, &arguments.selection, RunKind::Backfill, range)?;
    let how = How { plan: arguments.plan, wait: arguments.wait, format: arguments.format.format };
    pass(project, &request, how).await
}

fn yesterday(project: &Project) -> Result<Date> {
    Ok(add_days(project.today()?, -1))
}

/// The days that a person asks for, both ends included: in order, and none that has not begun anywhere an account is.
fn days(project: &Project, from: Date, to: Date) -> Result<DateSpan> {
    let zones = project.config.accounts.iter().map(|known| known.zone.as_str());
    let mut today = project.today()?;
    for zone in zones {
        today = today.max(local_day(project.now(), &kepi_core::period::zone(zone)?));
    }
    if let Some(ahead) = [from, to].into_iter().find(|day| *day > today) {
        return Err(Error::bad_input(format!("no platform knows {ahead} yet"))
            .hint(format!("today is {today}: name days up to it"))
            .into());
    }
    if from > to {
        return Err(Error::bad_input(format!("the first day, {from}, is after the last, {to}"))
            .hint("--from names the first day and --to the last, which is yesterday where it is not named")
            .into());
    }
    Ok(DateSpan::new(from, add_days(to, 1)))
}

/// How a pass is made.
#[derive(Clone, Copy)]
struct How {
    plan: bool,
    wait: bool,
    format: RowFormat,
}

async fn pass(project: &Project, request: &IngestRequest, how: How) -> Result<Outcome> {
    let store = project.store().await?;
    let state = project.state().await?;
    let ingest = project.ingest(&store, std::sync::Arc::new(state.clone()))?;
    if how.plan {
        let plan = ingest.plan(request).await?;
        print_plan(&plan, how.format)?;
        return Ok(Outcome::Done);
    }
    let stop = StopFlag::default();
    stop.on_signals()?;
    let progress = PlatformLines::new();
    let if_busy = if how.wait { IfBusy::Wait(&say_waits) } else { IfBusy::Fail };
    let report = run_by_hand(&state, &ingest, request, &progress, &stop, if_busy).await?;
    progress.end();
    print_report(&report, how.format)?;
    store.catch_up(&project.decoders()?).await?;
    state.close().await;
    Ok(match report.outcome {
        RunOutcome::Done if report.totals.rejects == 0 => Outcome::Done,
        RunOutcome::Failed => return Err(failed(&report).into()),
        _ => Outcome::SetAside,
    })
}

fn say_waits(busy: &Busy) {
    output::note(&format!("waiting: {busy} (run {}); Ctrl-C ends the waiting", busy.run));
}

fn failed(report: &RunReport) -> Error {
    let first = report.first_failure();
    let error = Error::new(
        kepi_core::ErrorKind::Unavailable,
        first.map_or("nothing could be ingested".to_owned(), |failure| failure.message.clone()),
    );
    match first.and_then(|failure| failure.hint.clone()) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// The accounts that are asked for; one that the configuration does not know is an error.
fn request(
    project: &Project,
    selection: &Selection,
    kind: RunKind,
    range: Option<DateSpan>,
) -> Result<IngestRequest> {
    let all = project.ingest_accounts();
    let known: Vec<&str> = all.iter().map(|account| account.reference.id.as_str()).collect();
    if let Some(unknown) = selection.account.iter().find(|id| !known.contains(&id.as_str())) {
        return Err(Error::bad_input(format!("the configuration has no account {unknown} to ask for"))
            .hint(one_of_hint(unknown.as_str(), &known))
            .into());
    }
    let chosen = |account: &IngestAccount| {
        let id = &account.reference.id;
        let by_account = selection.account.is_empty() || selection.account.contains(id);
        let platform = |name: &String| name == id.platform_name();
        by_account && (selection.platform.is_empty() || selection.platform.iter().any(platform))
    };
    let accounts: Vec<IngestAccount> = all.into_iter().filter(chosen).collect();
    if accounts.is_empty() {
        return Err(Error::bad_config("no account to ask for")
            .with("config", project.config.file.display())
            .hint("add an [[account]] with credentials, or import export files with `kepi import`")
            .into());
    }
    Ok(IngestRequest { kind, accounts, range, ..IngestRequest::default() })
}

/// Millionths of a US dollar as dollars.
pub(crate) fn dollars(micro_usd: u64) -> String {
    format!("{}.{:06}", micro_usd / 1_000_000, micro_usd % 1_000_000)
}

fn print_plan(plan: &PlanReport, format: RowFormat) -> Result<()> {
    let mut rows = Rows::new([
        "platform",
        "accounts",
        "endpoint",
        "days",
        "calls",
        "items",
        "usd",
        "usd at most",
        "note",
    ]);
    for endpoint in &plan.endpoints {
        let at_least = if endpoint.estimate.at_least { "at least " } else { "" };
        let mut notes = endpoint.warnings.clone();
        notes.extend(endpoint.refused.clone());
        notes.extend(endpoint.lacking.iter().map(|known| {
            format!("{} is not asked until {}: {}", known.account, known.retry_at, known.reason)
        }));
        notes
            .extend(endpoint.clamped.iter().map(|days| format!("{days} are no longer kept by the platform")));
        rows.push([
            endpoint.platform.as_str().into(),
            accounts_text(&named(endpoint)).into(),
            endpoint.endpoint.as_str().into(),
            endpoint.days.map(|days| days.to_string()).into(),
            format!("{at_least}{}", endpoint.estimate.calls).into(),
            endpoint.estimate.items.into(),
            dollars(endpoint.estimate.cost_micro_usd).into(),
            endpoint.estimate.cost_at_most_micro_usd.map(dollars).into(),
            notes.join("; ").into(),
        ]);
    }
    rows.print(format)?;
    for warning in &plan.warnings {
        output::note(&format!("warning: {warning}"));
    }
    let total = &plan.total;
    let at_least = if total.at_least { "at least " } else { "" };
    let most = match total.cost_at_most_micro_usd {
        Some(most) if most == total.cost_micro_usd => String::new(),
        Some(most) => format!(", at most {} USD", dollars(most)),
        None => ", and what lists bring whose length only the platform knows".to_owned(),
    };
    output::note(&format!(
        "in all {at_least}{} calls, {} items, {} USD{most}",
        total.calls,
        total.items,
        dollars(total.cost_micro_usd)
    ));
    Ok(())
}

/// The accounts of a row: those that are asked, and those that are known to lack it.
fn named(endpoint: &PlannedEndpoint) -> Vec<AccountId> {
    let lacking = endpoint.lacking.iter().map(|known| known.account.clone());
    endpoint.accounts.iter().cloned().chain(lacking).collect()
}

fn print_report(report: &RunReport, format: RowFormat) -> Result<()> {
    let mut rows =
        Rows::new(["accounts", "endpoint", "ending", "pages", "measurements", "set aside", "calls", "usd"]);
    for endpoint in &report.endpoints {
        rows.push([
            accounts_text(&endpoint.accounts).into(),
            endpoint.endpoint.as_str().into(),
            endpoint.ending.to_string().into(),
            endpoint.tally.pages.into(),
            endpoint.tally.measurements.into(),
            endpoint.tally.rejects.into(),
            endpoint.tally.calls.into(),
            dollars(endpoint.tally.cost_micro_usd).into(),
        ]);
    }
    rows.print(format)?;
    output::note(&format!(
        "run {}: {}, {} pages, {} measurements, {} calls, {} USD",
        report.run,
        report.outcome.as_str(),
        report.totals.pages,
        report.totals.measurements,
        report.totals.calls,
        dollars(report.totals.cost_micro_usd)
    ));
    if let Some(error) = report.error.as_ref().filter(|_| report.outcome != RunOutcome::Failed) {
        output::note(&format!("stopped: {}", error.message));
    }
    for hint in hints(report) {
        output::note(&format!("hint: {hint}"));
    }
    Ok(())
}

/// What to do about what stopped the run, and about the endpoints that failed while others did not, once each. A run
/// that failed as a whole says so by its error.
fn hints(report: &RunReport) -> BTreeSet<&str> {
    if report.outcome == RunOutcome::Failed {
        return BTreeSet::new();
    }
    let failures = report.endpoints.iter().filter_map(|endpoint| match &endpoint.ending {
        Ending::Failed(failure) => Some(failure),
        _ => None,
    });
    failures.chain(&report.error).filter_map(|failure| failure.hint.as_deref()).collect()
}

fn accounts_text(accounts: &[AccountId]) -> String {
    match accounts {
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        _ => accounts.iter().map(AccountId::as_str).collect::<Vec<_>>().join(", "),
    }
}

/// A platform's line: what its streams brought, those that have ended and those that still run.
#[derive(Default)]
struct Line {
    bar: Option<ProgressBar>,
    brought: Tally,
    running: BTreeMap<String, Tally>,
}

impl Line {
    fn message(&self) -> String {
        let sum =
            |count: fn(&Tally) -> u64| count(&self.brought) + self.running.values().map(count).sum::<u64>();
        let (pages, measurements) = (sum(|tally| tally.pages), sum(|tally| tally.measurements));
        format!("{pages} pages, {measurements} measurements")
    }

    fn show(&self) {
        if let Some(bar) = &self.bar {
            bar.set_message(self.message());
            bar.tick();
        }
    }
}

/// One progress line per platform, over one pass or several.
pub(crate) struct PlatformLines {
    lines: Lines,
    platforms: Mutex<BTreeMap<String, Line>>,
}

impl PlatformLines {
    pub(crate) fn new() -> Self {
        Self { lines: Lines::new(), platforms: Mutex::default() }
    }

    /// Leaves a line per platform behind, on a terminal and elsewhere.
    pub(crate) fn end(self) {
        let platforms = self.platforms.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (platform, line) in platforms {
            match &line.bar {
                Some(bar) => bar.finish_with_message(line.message()),
                None => output::note(&format!("{platform:14} {}", line.message())),
            }
        }
    }

    fn with(&self, accounts: &[AccountId], change: impl FnOnce(&mut Line, &AccountId)) {
        let Some(first) = accounts.first() else { return };
        let mut platforms = self.platforms.lock().unwrap_or_else(PoisonError::into_inner);
        let name = first.platform_name();
        let line = platforms
            .entry(name.to_owned())
            .or_insert_with(|| Line { bar: self.lines.line(name), ..Line::default() });
        change(line, first);
        line.show();
    }
}

impl Progress for PlatformLines {
    fn page(&self, accounts: &[AccountId], endpoint: &str, tally: &Tally) {
        self.with(accounts, |line, first| {
            line.running.insert(format!("{first}:{endpoint}"), *tally);
        });
    }

    fn ended(&self, report: &EndpointReport) {
        self.with(&report.accounts, |line, first| {
            line.running.remove(&format!("{first}:{}", report.endpoint));
            line.brought.pages += report.tally.pages;
            line.brought.measurements += report.tally.measurements;
        });
        for notice in report.notices.iter().take(3) {
            tracing::info!(?notice, endpoint = %report.endpoint, "notice");
        }
    }
}
