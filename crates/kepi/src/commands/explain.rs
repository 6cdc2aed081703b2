//! `kepi explain`: where a KPI's number comes from.

use std::{collections::BTreeSet, fmt::Write as _};

use kepi_core::{Catalogue, DateSpan, Provenance, SubjectKind, tables::facts_of};
use kepi_engine::{
    Basis, Kpi,
    formula::{Gauge, Origin},
};

use crate::{
    cli::Explain,
    commands::evaluate,
    compose::Project,
    failure::{Outcome, Result},
    output,
};

pub(crate) async fn run(project: &Project, arguments: &Explain) -> Result<Outcome> {
    let kpis = evaluate::chosen(project.kpis()?, std::slice::from_ref(&arguments.kpi))?;
    let request = evaluate::request(project, kpis, &arguments.period)?;
    let store = project.open_store().await?;
    let session = store.session().await?;
    let mut text = String::new();
    for kpi in &request.kpis {
        let _ = writeln!(text, "{}  {}\n  formula   {}", kpi.id, kpi.name(), kpi.formula);
        let said = [
            ("version", Some(kpi.version.to_string())),
            ("serves", Some(kpi.goal.as_str().to_owned())),
            ("only", kpi.filter.as_ref().map(|filter| filter.written.clone())),
            ("caveat", kpi.caveat.clone()),
            ("beside", (!kpi.guards.is_empty()).then(|| kpi.guards.join(", "))),
            ("when low", kpi.when_low.clone()),
        ];
        for (what, words) in said.into_iter().filter_map(|(what, words)| Some((what, words?))) {
            let _ = writeln!(text, "  {what:<9} {words}");
        }
        for id in kpi.metrics() {
            let Some(metric) = project.config.catalogue.get(id.as_str()) else { continue };
            let _ = writeln!(text, "  {id}: {} ({})", metric.definition, metric.unit.as_str());
            if !metric.caveat.is_empty() {
                let _ = writeln!(text, "      {}", metric.caveat);
            }
            for (endpoint, field) in
                project.adapters().values().flat_map(|adapter| adapter.descriptor().fields())
            {
                if field.metric == id.as_str() {
                    let _ = writeln!(
                        text,
                        "      {} {} {} ({}, {}) {}",
                        Provenance::Api.as_str(),
                        endpoint.name,
                        field.pointer,
                        field.window.as_str(),
                        field.traffic.as_str(),
                        endpoint.source
                    );
                }
            }
        }
    }
    output::result(&text)?;
    let rows = kepi_engine::evaluate(&session, &request).await?;
    evaluate::print(&rows, crate::cli::RowFormat::Table, true)?;
    let sources = kepi_store::query(&session, &sources_sql(&request)).await?;
    output::Rows { columns: sources.columns, rows: sources.rows }.print(crate::cli::RowFormat::Table)?;
    if arguments.rows {
        for sql in request.kpis.iter().flat_map(|kpi| rows_sql(kpi, request.period.span)) {
            let behind = kepi_store::query(&session, &sql).await?;
            output::Rows { columns: behind.columns, rows: behind.rows }
                .print(crate::cli::RowFormat::Table)?;
        }
    }
    if arguments.plans {
        output::result(&kepi_engine::explain_plan(&session, &request).await?)?;
    }
    Ok(Outcome::Done)
}

/// How many rows behind a number are shown.
const SHOWN: usize = 200;

/// The rows that the parts of a KPI are folded from, each with where it came from.
fn rows_sql(kpi: &Kpi, span: DateSpan) -> Vec<String> {
    let mut by_origin: Vec<(Origin, BTreeSet<String>)> = Vec::new();
    for part in &kpi.program.parts {
        let kind = match part.origin {
            Origin::Posts => SubjectKind::Post,
            Origin::Subject(kind) => kind,
            Origin::Known => continue,
        };
        let mut gauges = Vec::new();
        part.row.gauges(&mut gauges);
        let has =
            |gauge: &&Gauge| gauge.segment.is_none() && Catalogue::builtin().has_column(kind, &gauge.metric);
        let metrics: BTreeSet<String> =
            gauges.into_iter().filter(has).map(|gauge| gauge.metric.to_string()).collect();
        match by_origin.iter_mut().find(|(origin, _)| *origin == part.origin) {
            Some((_, known)) => known.extend(metrics),
            None => by_origin.push((part.origin, metrics)),
        }
    }
    let platforms: Vec<String> = kpi.platforms.iter().map(|platform| format!("'{platform}'")).collect();
    let of = if platforms.is_empty() {
        String::new()
    } else {
        format!(" and f.platform in ({})", platforms.join(", "))
    };
    let (start, end) = (span.start, span.end);
    let sql = |(origin, metrics): (Origin, BTreeSet<String>)| {
        if metrics.is_empty() {
            return None;
        }
        let numbers: Vec<String> = metrics.iter().map(|metric| format!("f.{metric}")).collect();
        let said: Vec<String> = metrics.iter().map(|metric| format!("f.{metric} is not null")).collect();
        let (numbers, said) = (numbers.join(", "), said.join(" or "));
        let page = "f.source, f.run, f.stream, f.sequence, p.digest";
        let pages = "left join pages p on p.stream = f.stream and p.sequence = f.sequence";
        Some(match origin {
            Origin::Posts if kpi.basis == Basis::Published => {
                let (table, which) = match kpi.age {
                    Some(_) => ("post_facts", "f.current and f.window = 'at'"),
                    None => ("post_lifetime", "f.rank = 0"),
                };
                format!(
                    "select f.account, f.post, d.published_day, f.at, f.traffic, {numbers}, {page} from {table} f \
                     join posts d on d.account = f.account and d.post = f.post and d.current {pages} \
                     where {which} and d.published_day >= date '{start}' and d.published_day < date '{end}' \
                     and ({said}){of} order by f.account, f.post, f.at limit {SHOWN}"
                )
            }
            Origin::Posts => format!(
                "select f.account, f.post, f.day, f.end_day, f.method, f.traffic, {numbers}, f.observed_at \
                 from post_daily f where f.current and f.end_day > date '{start}' and f.day < date '{end}' \
                 and ({said}){of} order by f.account, f.post, f.day limit {SHOWN}"
            ),
            Origin::Subject(kind) => format!(
                "select f.account, f.window, f.day, f.end_day, f.traffic, {numbers}, {page} from {} f {pages} \
                 where f.current and f.end_day > date '{start}' and f.day < date '{end}' \
                 and ({said}){of} order by f.account, f.day limit {SHOWN}",
                facts_of(kind).name
            ),
            Origin::Known => return None,
        })
    };
    by_origin.into_iter().filter_map(sql).collect()
}

/// The pages that brought the facts of the period's posts: source, stream, run, digest of the body.
fn sources_sql(request: &kepi_engine::EvaluationRequest) -> String {
    let span = request.period.span;
    format!(
        "select f.source, f.stream, f.sequence, p.run, p.observed_at, p.recorded_at, p.digest, count(*) as rows \
         from post_facts f join pages p on p.stream = f.stream and p.sequence = f.sequence \
         join posts d on d.account = f.account and d.post = f.post and d.current \
         where f.current and d.published_day >= date '{}' and d.published_day < date '{}' \
         group by all order by f.stream, f.sequence limit 50",
        span.start, span.end
    )
}
