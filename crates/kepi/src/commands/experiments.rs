//! `kepi experiments`: registers what is declared, and reads what is over.

use kepi_core::{Error, document::one_of_hint};
use kepi_engine::{Experiment, ExperimentResult, GroupResult};
use kepi_store::{EvaluationRecord, Store};
use serde_json::{Value, json};

use crate::{
    cli::{Experiments, RowFormat},
    commands::{
        advise::p_text,
        evaluate::{self, real_text},
    },
    compose::Project,
    failure::{Outcome, Result},
    output::{self, Rows},
};

pub(crate) async fn run(project: &Project, arguments: &Experiments) -> Result<Outcome> {
    let kpis = project.kpis()?;
    let declared = project.experiments(&kpis)?;
    check_names(declared, &arguments.experiments)?;
    if declared.is_empty() {
        output::note("no experiment is declared; [[experiment]] in kepi.toml declares one before it begins");
    }
    let mut request = evaluate::request(project, Vec::new(), "last-28d")?;
    request.kpis = kpis;
    let store = project.open_store().await?;
    // Also those that are not asked for: they are judged together.
    let mut results = kepi_engine::experiments(&store.session().await?, &request, declared).await?;
    let asked = &arguments.experiments;
    results.retain(|result| asked.is_empty() || asked.contains(&result.experiment));
    register(&store, &results).await?;
    match arguments.format.format {
        RowFormat::Json => output::json(&results)?,
        format => table(&results, &request, format == RowFormat::Csv).print(format)?,
    }
    if arguments.format.format == RowFormat::Table {
        for result in &results {
            let why = &result.reason;
            output::note(&format!("{}: {}: {why}", result.experiment, result.hypothesis));
            if result.effect.is_some() {
                output::note(&format!("{}: held against {}", result.experiment, result.compared_with));
            }
            result.notes.iter().for_each(|note| output::note(&format!("{}: {note}", result.experiment)));
        }
    }
    Ok(Outcome::Done)
}

/// Refuses names of experiments that are not declared.
fn check_names(declared: &[Experiment], names: &[String]) -> Result<()> {
    let known: Vec<&str> = declared.iter().map(|experiment| experiment.id.as_str()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Error::bad_input(format!("there is no experiment {unknown}"))
            .hint(one_of_hint(unknown, &known))
            .into());
    }
    Ok(())
}

/// Keeps the declarations that the store does not know yet.
async fn register(store: &Store, results: &[ExperimentResult]) -> Result<()> {
    let fresh = results.iter().filter_map(|result| Some((result, result.to_register.as_ref()?)));
    let record = |(result, essence): (&ExperimentResult, &String)| EvaluationRecord {
        evaluation: result.registered_at.to_string().into(),
        evaluated_at: result.registered_at,
        as_of: None,
        kpi: result.kpi.as_str().into(),
        version: result.version.into(),
        scope: json!({ "experiment": result.experiment }).to_string(),
        start: result.period.start,
        end: result.period.end,
        value: None,
        status: ExperimentResult::STATUS.into(),
        row: essence.clone(),
    };
    let records: Vec<EvaluationRecord> = fresh.map(record).collect();
    if records.is_empty() {
        return Ok(());
    }
    if !store.is_writable() {
        output::note("the store may not be written, so the experiments are not registered");
        return Ok(());
    }
    for record in &records {
        output::note(&format!("registered: {}", record.scope));
    }
    Ok(store.append_evaluations(records).await?)
}

fn table(results: &[ExperimentResult], request: &kepi_engine::EvaluationRequest, exact: bool) -> Rows {
    let mut table = Rows::new([
        "experiment",
        "kpi",
        "from",
        "to",
        "registered",
        "treated",
        "treated posts",
        "control",
        "control posts",
        "effect",
        "low",
        "high",
        "relative",
        "p",
        "q",
        "verdict",
    ]);
    for result in results {
        let kpi = request.kpis.iter().find(|kpi| kpi.id == result.kpi);
        let unit = kpi.map_or("", |kpi| kpi.unit.as_str());
        let shown = |value: Option<f64>| {
            if exact { Value::from(value) } else { value.map(|value| real_text(value, unit)).into() }
        };
        let of = |group: &Option<GroupResult>| group.as_ref().and_then(|group| group.value);
        let posts = |group: &Option<GroupResult>| group.as_ref().map(|group| group.posts);
        // Without others of the same days, the days before are what it is held against.
        let control = if result.control.is_some() { &result.control } else { &result.treated_before };
        table.push([
            result.experiment.as_str().into(),
            result.kpi.as_str().into(),
            result.period.start.to_string().into(),
            kepi_core::period::add_days(result.period.end, -1).to_string().into(),
            result.registered_at.strftime("%Y-%m-%d").to_string().into(),
            shown(of(&result.treated)),
            posts(&result.treated).into(),
            shown(of(control)),
            posts(control).into(),
            shown(result.effect),
            shown(result.interval.map(|ends| ends.0)),
            shown(result.interval.map(|ends| ends.1)),
            if exact {
                result.relative.into()
            } else {
                result.relative.map(|relative| format!("{:+.1} %", relative * 100.0)).into()
            },
            if exact { result.p.into() } else { result.p.map(p_text).into() },
            if exact { result.q.into() } else { result.q.map(p_text).into() },
            result.verdict.as_str().into(),
        ]);
    }
    table
}
