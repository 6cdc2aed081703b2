//! `kepi signals`: what moved, and whether it asks for another course.

use kepi_core::{DateSpan, Error, Period, period::local_day};
use kepi_engine::{Dimension, EvaluationRequest, Signal, SignalOutcome, signals::ChartRow};
use kepi_store::{SignalRecord, Store};
use serde_json::Value;

use crate::{
    cli::{RowFormat, Signals},
    commands::evaluate::{self, chosen, narrow, scope_text},
    compose::Project,
    failure::{Outcome, Result},
    output::{self, Rows},
};

pub(crate) async fn run(project: &Project, arguments: &Signals) -> Result<Outcome> {
    let kpis = chosen(project.kpis()?, &arguments.kpi)?;
    let mut request = evaluate::request(project, kpis, arguments.period.as_deref().unwrap_or("last-28d"))?;
    request.by = dimensions(&arguments.by)?;
    let store = store(project).await?;
    narrow(project, &mut request, &store, &arguments.narrowing).await?;
    if let (Some(as_of), None) = (request.as_of, &arguments.period) {
        // What was known then went up to the day before.
        let day = local_day(as_of, &kepi_core::period::zone(&project.config.project.zone)?);
        request.period = Period::parse("last-28d", day, request.fiscal)?;
    }
    let session = store.session().await?;
    let catalogue = &project.config.catalogue;
    if arguments.chart {
        let rows = kepi_engine::process_charts(&session, &request, catalogue).await?;
        print_charts(&rows, arguments.format.format)?;
        return Ok(Outcome::Done);
    }
    let found = kepi_engine::find_signals(&session, &request, catalogue).await?;
    keep(&store, &request, &found).await?;
    let looked = found.len();
    let shown: Vec<Signal> = found.into_iter().filter(|one| arguments.all || is_news(one)).collect();
    print(&shown, arguments.format.format)?;
    if !arguments.all && arguments.format.format == RowFormat::Table {
        let quiet = looked - shown.len();
        output::note(&format!("{looked} looked for; the {quiet} that are quiet or cannot be told: --all"));
    }
    Ok(Outcome::Done)
}

/// The store, with the tables that an older kepi did not have, where it may be written.
pub(crate) async fn store(project: &Project) -> Result<Store> {
    let store = project.open_store().await?;
    if store.is_writable() { project.store().await } else { Ok(store) }
}

fn dimensions(names: &[String]) -> Result<Vec<Dimension>> {
    let found = evaluate::dimensions(names)?;
    let of_time = found.iter().find(|dimension| dimension.grain().is_some());
    let unfit = of_time.or_else(|| found.iter().find(|dimension| **dimension == Dimension::Tag));
    match unfit {
        Some(unfit) => Err(Error::bad_input(format!("signals are not broken down by {}", unfit.as_str()))
            .hint("by platform, account, brand, market, format, category or campaign")
            .into()),
        None => Ok(found),
    }
}

/// What is shown without being asked for: what is there, has gone, or is silenced by the data.
fn is_news(signal: &Signal) -> bool {
    signal.outcome.is_kept() || signal.outcome == SignalOutcome::Suppressed
}

/// Looks for signals after an ingest, keeps them and says which are new.
pub(crate) async fn renew(project: &Project) -> Result<()> {
    let request = evaluate::request(project, project.kpis()?, "last-28d")?;
    let store = project.store().await?;
    let session = store.session().await?;
    let found = kepi_engine::find_signals(&session, &request, &project.config.catalogue).await?;
    for one in found.iter().filter(|one| one.outcome == SignalOutcome::Fired) {
        let (signal, scope) = (one.signal.as_str(), scope_text(&one.scope));
        tracing::warn!(signal, kpi = %one.kpi, scope, reason = %one.reason, "signal fired");
    }
    keep(&store, &request, &found).await
}

/// Keeps what is there, for later runs to remember; what was known at an earlier instant, or of some accounts only,
/// is no part of that.
async fn keep(store: &Store, request: &EvaluationRequest, found: &[Signal]) -> Result<()> {
    if request.as_of.is_some() || request.accounts.is_some() {
        return Ok(());
    }
    if !store.is_writable() {
        output::note("the store may not be written, so what fired is not remembered");
        return Ok(());
    }
    let kept = found.iter().filter(|one| one.outcome.is_kept());
    let records = kept.map(|one| record(one, request)).collect::<Result<Vec<_>>>()?;
    store.append_signals(&records).await?;
    Ok(())
}

fn record(signal: &Signal, request: &EvaluationRequest) -> Result<SignalRecord> {
    let failed = |error: serde_json::Error| {
        Error::new(kepi_core::ErrorKind::Unexpected, "write JSON").caused_by(error)
    };
    Ok(SignalRecord {
        looked_at: request.now,
        signal: signal.signal.as_str().into(),
        kpi: signal.kpi.as_str().into(),
        version: signal.version.into(),
        scope: serde_json::to_string(&signal.scope).map_err(failed)?,
        start: signal.period.start,
        end: signal.period.end,
        through: signal.through,
        outcome: signal.outcome.as_str().into(),
        effect: signal.effect.as_ref().map(|effect| effect.value),
        p: signal.p,
        q: signal.q,
        row: serde_json::to_string(signal).map_err(failed)?,
    })
}

fn print(found: &[Signal], format: RowFormat) -> Result<()> {
    match format {
        RowFormat::Json => output::json(&found),
        RowFormat::Csv => flat(found).print(format),
        RowFormat::Table => {
            for_people(found).print(format)?;
            for one in found {
                let Some(steps) = &one.steps else { continue };
                let (signal, title) = (one.signal.as_str(), &one.title.en);
                output::result(&format!(
                    "\n{signal} {}: {title}\n  assess      {}\n  gather      {}\n  experiment  {}\n",
                    kpis_text(one),
                    steps.assess.en,
                    steps.gather.en,
                    steps.experiment.en
                ))?;
            }
            Ok(())
        }
    }
}

fn for_people(found: &[Signal]) -> Rows {
    let mut table = Rows::new(["signal", "kpi", "scope", "outcome", "since", "effect", "p", "q", "why"]);
    for one in found {
        let probability = |p: Option<f64>| Value::from(p.map(|p| format!("{p:.4}")));
        table.push([
            format!("{} {}", one.signal.as_str(), one.title.en).into(),
            kpis_text(one).into(),
            scope_text(&one.scope).into(),
            one.outcome.as_str().into(),
            one.since.map(|day| day.to_string()).into(),
            effect_text(one).into(),
            probability(one.p),
            probability(one.q),
            one.reason.as_str().into(),
        ]);
    }
    if found.iter().all(|one| one.scope.is_empty()) {
        table.without("scope");
    }
    table
}

/// The KPI; of a problem of the data that several have, how many more.
fn kpis_text(signal: &Signal) -> String {
    match signal.concerns.as_ref().map_or(0, |all| all.len().saturating_sub(1)) {
        0 => signal.kpi.clone(),
        others => format!("{} and {others} more", signal.kpi),
    }
}

fn effect_text(signal: &Signal) -> Option<String> {
    let effect = signal.effect.as_ref()?;
    let number = |value: f64| match effect.unit.as_str() {
        "fraction" => format!("{:+.1} %", value * 100.0),
        "points" => format!("{:+.1} points", value * 100.0),
        _ => format!("{value:+.2}"),
    };
    let interval = effect.interval.map(|(low, high)| format!(" [{}, {}]", number(low), number(high)));
    Some(format!("{}{}", number(effect.value), interval.unwrap_or_default()))
}

fn flat(found: &[Signal]) -> Rows {
    let mut table = Rows::new([
        "signal",
        "title",
        "outcome",
        "kpi",
        "concerns",
        "version",
        "scope",
        "start",
        "end",
        "through",
        "since",
        "effect_of",
        "effect",
        "low",
        "high",
        "unit",
        "p",
        "q",
        "reason",
    ]);
    for one in found {
        let effect = one.effect.as_ref();
        let end =
            |side: fn((f64, f64)) -> f64| Value::from(effect.and_then(|effect| effect.interval).map(side));
        table.push([
            one.signal.as_str().into(),
            one.title.en.as_str().into(),
            one.outcome.as_str().into(),
            one.kpi.as_str().into(),
            one.concerns.as_ref().map(|all| all.join(" ")).into(),
            one.version.into(),
            scope_text(&one.scope).into(),
            one.period.start.to_string().into(),
            one.period.end.to_string().into(),
            one.through.to_string().into(),
            one.since.map(|day| day.to_string()).into(),
            effect.map(|effect| effect.of.as_str()).into(),
            effect.map(|effect| effect.value).into(),
            end(|interval| interval.0),
            end(|interval| interval.1),
            effect.map(|effect| effect.unit.as_str()).into(),
            one.p.into(),
            one.q.into(),
            one.reason.as_str().into(),
        ]);
    }
    table
}

fn print_charts(rows: &[ChartRow], format: RowFormat) -> Result<()> {
    if format == RowFormat::Json {
        return output::json(&rows);
    }
    let mut table =
        Rows::new(["kpi", "scope", "week", "value", "lower", "centre", "upper", "stretch", "signal"]);
    let number = |value: f64| match format {
        RowFormat::Table => Value::from(format!("{value:.4}")),
        _ => Value::from(value),
    };
    for row in rows {
        let rule = row.rule.and_then(|rule| serde_json::to_value(rule).ok());
        table.push([
            row.kpi.as_str().into(),
            scope_text(&row.scope).into(),
            DateSpan::new(row.period.start, row.period.end).to_string().into(),
            number(row.value),
            number(row.lower),
            number(row.centre),
            number(row.upper),
            row.stretch.into(),
            rule.unwrap_or(Value::Null),
        ]);
    }
    if rows.iter().all(|row| row.scope.is_empty()) {
        table.without("scope");
    }
    table.print(format)
}
