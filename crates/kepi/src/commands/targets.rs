//! `kepi targets`: what to aim for, and what targets are measured from.

use std::collections::BTreeSet;

use kepi_engine::{Baseline, Kpi, Suggestion, Target};
use serde_json::Value;

use crate::{
    cli::{FreezeTargets, RowFormat, SuggestTargets},
    commands::evaluate::{self, chosen, narrow_to, record_all, request},
    compose::Project,
    failure::{Outcome, Result},
    output::{self, Rows},
};

/// `kepi targets suggest`.
pub(crate) async fn suggest(project: &Project, arguments: &SuggestTargets) -> Result<Outcome> {
    let kpis = chosen(project.kpis()?, &arguments.kpi)?;
    let mut request = request(project, kpis, &period(project, arguments)?)?;
    request.by = evaluate::dimensions(&arguments.by)?;
    let store = project.open_store().await?;
    narrow_to(&mut request, &store, &arguments.account).await?;
    let session = store.session().await?;
    let suggestions = kepi_engine::suggest(&session, &request).await?;
    match arguments.format.format {
        RowFormat::Json => output::json(&suggestions)?,
        format => {
            table(&suggestions).print(format)?;
            suggestions
                .iter()
                .flat_map(|one| one.notes.iter().map(move |note| format!("{}: {note}", one.kpi)))
                .collect::<BTreeSet<String>>()
                .iter()
                .for_each(|note| output::note(note));
        }
    }
    Ok(Outcome::Done)
}

/// The period asked for; the next quarter of the fiscal calendar otherwise.
fn period(project: &Project, arguments: &SuggestTargets) -> Result<String> {
    if let Some(period) = &arguments.period {
        return Ok(period.clone());
    }
    let fiscal = project.config.project.fiscal;
    let grain = kepi_core::period::Grain::Quarter;
    let now = kepi_core::Period::holding(project.today()?, grain, fiscal);
    Ok(kepi_core::Period::holding(now.span.end, grain, fiscal).span.to_string())
}

fn table(suggestions: &[Suggestion]) -> Rows {
    let mut table = Rows::new([
        "kpi",
        "scope",
        "period",
        "periods",
        "last",
        "median",
        "p75",
        "p90",
        "usual change",
        "published",
    ]);
    for one in suggestions {
        let value =
            |value: Option<f64>| Value::from(value.map(|value| evaluate::real_text(value, &one.unit)));
        let published: Vec<String> = one
            .published
            .iter()
            .map(|row| {
                let value = evaluate::real_text(row.value, &one.unit);
                format!("{} {} {value} (grade {})", row.name, row.statistic, row.grade)
            })
            .collect();
        table.push([
            one.kpi.as_str().into(),
            evaluate::scope_text(&one.scope).into(),
            kepi_core::DateSpan::new(one.period.start, one.period.end).to_string().into(),
            one.periods.into(),
            value(one.last),
            value(one.median),
            value(one.p75),
            value(one.p90),
            one.usual_change.map(|change| format!("±{:.1} %", change * 100.0)).into(),
            (!published.is_empty()).then(|| published.join("; ")).into(),
        ]);
    }
    if suggestions.iter().all(|one| one.scope.is_empty()) {
        table.without("scope");
    }
    table
}

/// `kepi targets freeze`: keeps the value of every baseline that is final, and shows all that are kept.
pub(crate) async fn freeze(project: &Project, arguments: &FreezeTargets) -> Result<Outcome> {
    let kpis = chosen(project.kpis()?, &arguments.kpi)?;
    let store = project.open_store().await?;
    let session = store.session().await?;
    let mut table = Rows::new(["kpi", "scope", "target", "baseline", "value", "frozen"]);
    let mut fresh = Vec::new();
    for kpi in &kpis {
        for (target, written) in kpi.targets.iter().filter_map(|target| Some((target, written(target)?))) {
            let mut request = request(project, vec![alone(kpi, target)], &target.written)?;
            request.by = evaluate::dimensions(&target.scope.keys().cloned().collect::<Vec<_>>())?;
            let rows = kepi_engine::evaluate(&session, &request).await?;
            for row in rows.into_iter().filter(|row| target.is_of(&row.scope)) {
                let Some(from) = row.measured_from.as_deref().copied() else { continue };
                let frozen = match from.frozen_at {
                    Some(at) => at.strftime("%Y-%m-%d").to_string(),
                    None if from.settled => "now".to_owned(),
                    None => "not yet: not final".to_owned(),
                };
                table.push([
                    row.kpi.as_str().into(),
                    evaluate::scope_text(&row.scope).into(),
                    target.written.as_str().into(),
                    written.into(),
                    from.value.into(),
                    frozen.into(),
                ]);
                fresh.push(row);
            }
        }
    }
    record_all(&store, &fresh, &evaluate::Kept::baselines(project.now())).await?;
    table.print(arguments.format.format)?;
    Ok(Outcome::Done)
}

/// The period that a target is measured from, as it was written.
fn written(target: &Target) -> Option<&str> {
    match &target.baseline {
        Some(Baseline::Period(_, written)) => Some(written),
        _ => None,
    }
}

fn alone(kpi: &Kpi, target: &Target) -> Kpi {
    let benchmark = kepi_engine::BenchmarkChoice::None;
    Kpi { targets: vec![target.clone()], benchmark, ..kpi.clone() }
}
