//! `kepi explain`: where a KPI's number comes from.

use std::fmt::Write as _;

use kepi_core::Provenance;

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
    evaluate::print(&rows, crate::cli::RowFormat::Table)?;
    let sources = kepi_store::query(&session, &sources_sql(&request)).await?;
    output::Rows { columns: sources.columns, rows: sources.rows }.print(crate::cli::RowFormat::Table)?;
    if arguments.plans {
        output::result(&kepi_engine::explain_plan(&session, &request).await?)?;
    }
    Ok(Outcome::Done)
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
