//! `kepi evaluate`: the scorecard.

use std::sync::Arc;

use jiff::Timestamp;
use kepi_core::{Error, Period, document::one_of_hint};
use kepi_engine::{Dimension, EvaluationRequest, Kpi, Number, OfferedByDescriptors, ScoreRow};
use kepi_store::EvaluationRecord;
use serde_json::Value;

use crate::{
    cli::{Evaluate, RowFormat},
    commands::import::parse_instant,
    compose::Project,
    failure::{Outcome, Result},
    output::{self, Rows},
};

pub(crate) async fn run(project: &Project, arguments: &Evaluate) -> Result<Outcome> {
    let kpis = chosen(project.kpis()?, &arguments.kpi)?;
    let mut request = request(project, kpis, &arguments.period)?;
    request.by =
        arguments.by.iter().map(|name| name.parse()).collect::<kepi_core::Result<Vec<Dimension>>>()?;
    request.accounts = (!arguments.account.is_empty()).then(|| arguments.account.clone());
    request.as_of = arguments.as_of.as_deref().map(parse_instant).transpose()?;
    request.rollups = !arguments.no_rollups;
    let store = project.open_store().await?;
    if let Some(accounts) = &request.accounts {
        known_accounts(&store, accounts).await?;
    }
    let session = store.session().await?;
    let rows = kepi_engine::evaluate(&session, &request).await?;
    print(&rows, arguments.format.format)?;
    Ok(Outcome::Done)
}

async fn known_accounts(store: &kepi_store::Store, accounts: &[kepi_core::AccountId]) -> Result<()> {
    let known = store.accounts().await?;
    let names: Vec<&str> = known.iter().map(|row| row.account.id.as_str()).collect();
    match accounts.iter().find(|id| !names.contains(&id.as_str())) {
        Some(unknown) => Err(Error::bad_input(format!("the store knows no account {unknown}"))
            .hint(one_of_hint(unknown.as_str(), &names))
            .into()),
        None => Ok(()),
    }
}

/// Evaluates all KPIs over the month so far, or the last one on its first day, and keeps the rows in the store.
pub(crate) async fn renew(project: &Project) -> Result<()> {
    let request = request(project, project.kpis()?, "last-28d")?;
    let store = project.store().await?;
    let session = store.session().await?;
    let rows = kepi_engine::evaluate(&session, &request).await?;
    let records = rows.iter().map(|row| record(row, request.now)).collect::<Result<Vec<_>>>()?;
    store.append_evaluations(records).await?;
    Ok(())
}

fn record(row: &ScoreRow, evaluated_at: Timestamp) -> Result<EvaluationRecord> {
    let failed = |error: serde_json::Error| {
        Error::new(kepi_core::ErrorKind::Unexpected, "write JSON").caused_by(error)
    };
    Ok(EvaluationRecord {
        evaluation: evaluated_at.to_string().into(),
        evaluated_at,
        as_of: None,
        kpi: row.kpi.as_str().into(),
        version: row.version.into(),
        scope: serde_json::to_string(&row.scope).map_err(failed)?,
        start: row.period.start,
        end: row.period.end,
        value: row.value.map(Number::as_f64),
        status: row.status.as_str().into(),
        row: serde_json::to_string(row).map_err(failed)?,
    })
}

/// What is asked: KPIs and a period, as the configuration lays it out.
pub(crate) fn request(project: &Project, kpis: Vec<Kpi>, period: &str) -> Result<EvaluationRequest> {
    let fiscal = project.config.project.fiscal;
    let today = project.today()?;
    let descriptors = project.adapters().values().map(|adapter| adapter.descriptor());
    Ok(EvaluationRequest {
        kpis,
        period: Period::parse(period, today, fiscal)?,
        by: Vec::new(),
        accounts: None,
        as_of: None,
        today,
        now: project.now(),
        fiscal,
        min_coverage: project.config.project.min_coverage,
        offered: Arc::new(OfferedByDescriptors::new(descriptors)),
        rollups: true,
    })
}

/// The KPIs that were named; all of them otherwise.
pub(crate) fn chosen(kpis: Vec<Kpi>, names: &[String]) -> Result<Vec<Kpi>> {
    if names.is_empty() {
        return Ok(kpis);
    }
    let known: Vec<&str> = kpis.iter().map(|kpi| kpi.id.as_str()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Error::bad_input(format!("there is no KPI {unknown}"))
            .hint(one_of_hint(unknown, &known))
            .into());
    }
    Ok(kpis.into_iter().filter(|kpi| names.contains(&kpi.id)).collect())
}

/// Prints a scorecard.
pub(crate) fn print(rows: &[ScoreRow], format: RowFormat) -> Result<()> {
    match format {
        RowFormat::Json => output::json(&rows),
        RowFormat::Csv => flat(rows).print(format),
        RowFormat::Table => {
            for_people(rows).print(format)?;
            let mut notes: Vec<String> = rows
                .iter()
                .flat_map(|row| row.notes.iter().map(|note| format!("{}: {note}", row.kpi)))
                .collect();
            notes.sort();
            notes.dedup();
            notes.iter().for_each(|note| output::note(note));
            Ok(())
        }
    }
}

fn for_people(rows: &[ScoreRow]) -> Rows {
    let scoped = rows.iter().any(|row| !row.scope.is_empty());
    let mut table = Rows::new([
        "kpi",
        "scope",
        "period",
        "value",
        "95 % interval",
        "before",
        "change",
        "target",
        "status",
        "coverage",
        "posts",
    ]);
    for row in rows {
        table.push([
            row.name.as_str().into(),
            scope_text(row).into(),
            span_text(row).into(),
            number_text(row.value, &row.unit).into(),
            row.interval
                .map(|(low, high)| format!("{} … {}", real_text(low, &row.unit), real_text(high, &row.unit)))
                .into(),
            number_text(row.previous, &row.unit).into(),
            row.change_rel.map(|change| format!("{:+.1} %", change * 100.0)).into(),
            row.target
                .as_ref()
                .and_then(|target| target.value)
                .map(|value| real_text(value, &row.unit))
                .into(),
            row.status.as_str().into(),
            row.coverage.map(|share| format!("{:.0} %", share * 100.0)).into(),
            row.posts.into(),
        ]);
    }
    if !scoped {
        table.without("scope");
    }
    table
}

fn scope_text(row: &ScoreRow) -> String {
    let part =
        |(key, value): (&String, &Option<String>)| format!("{key} {}", value.as_deref().unwrap_or("(none)"));
    row.scope.iter().map(part).collect::<Vec<_>>().join(", ")
}

fn span_text(row: &ScoreRow) -> String {
    kepi_core::DateSpan::new(row.period.start, row.period.end).to_string()
}

fn number_text(number: Option<Number>, unit: &str) -> Option<String> {
    number.map(|number| match (unit, number) {
        ("ratio", _) => real_text(number.as_f64(), unit),
        (_, number) => number.to_string(),
    })
}

fn real_text(value: f64, unit: &str) -> String {
    if unit == "ratio" { format!("{:.3} %", value * 100.0) } else { format!("{value:.2}") }
}

/// All fields of all rows in one flat table.
fn flat(rows: &[ScoreRow]) -> Rows {
    let mut table = Rows::default();
    for row in rows {
        let Ok(Value::Object(fields)) = serde_json::to_value(row) else { continue };
        let mut cells = Vec::new();
        for (name, value) in &fields {
            flatten(name, value, &mut cells);
        }
        let row = cells.into_iter().map(|(name, value)| {
            if !table.columns.contains(&name) {
                table.columns.push(name.clone());
            }
            (name, value)
        });
        let found: Vec<(String, Value)> = row.collect();
        table.rows.push(
            table
                .columns
                .iter()
                .map(|column| {
                    found
                        .iter()
                        .find(|(name, _)| name == column)
                        .map_or(Value::Null, |(_, value)| value.clone())
                })
                .collect(),
        );
    }
    let width = table.columns.len();
    table.rows.iter_mut().for_each(|row| row.resize(width, Value::Null));
    table
}

/// `period.start`, `interval.low` … : the parts of a field that has parts.
fn flatten(name: &str, value: &Value, cells: &mut Vec<(String, Value)>) {
    match (name, value) {
        ("scope" | "period" | "target" | "pace" | "benchmark", Value::Object(parts)) => {
            cells.extend(parts.iter().map(|(part, value)| (format!("{name}.{part}"), value.clone())));
        }
        ("interval", Value::Array(ends)) => {
            cells.extend(
                ends.iter().zip(["low", "high"]).map(|(end, which)| (format!("{name}.{which}"), end.clone())),
            );
        }
        ("notes", Value::Array(notes)) => {
            let notes: Vec<&str> = notes.iter().filter_map(Value::as_str).collect();
            cells.push((name.to_owned(), notes.join("; ").into()));
        }
        _ => cells.push((name.to_owned(), value.clone())),
    }
}
