//! `kepi goals`: what the business wants, in the order in which it matters, and where it stands.

use kepi_engine::{GoalStanding, Kpi, ScoreRow};
use serde_json::json;

use crate::{
    cli::{Goals, RowFormat},
    commands::evaluate,
    compose::Project,
    failure::{Outcome, Result},
    output::{self, Rows},
};

pub(crate) async fn run(project: &Project, arguments: &Goals) -> Result<Outcome> {
    let request = evaluate::request(project, project.kpis()?, &arguments.period)?;
    let rows = match project.store_if_there().await? {
        Some(store) => kepi_engine::evaluate(&store.session().await?, &request).await?,
        None => {
            output::note("there is no store yet, so where the goals stand is not told");
            Vec::new()
        }
    };
    let standings = standings(project, &request.kpis, &rows)?;
    if standings.is_empty() {
        output::note(
            "the project declares no goals: write [[goal]] with id, serves, priority and weight in kepi.toml",
        );
    }
    match arguments.format.format {
        RowFormat::Json => output::json(&json!({
            "goals": standings, "on_course": kepi_engine::on_course(&standings)
        }))?,
        RowFormat::Csv => goals(&standings).print(RowFormat::Csv)?,
        RowFormat::Table => print(&standings)?,
    }
    Ok(Outcome::Done)
}

/// Where the project's goals stand by a scorecard.
pub(crate) fn standings(project: &Project, kpis: &[Kpi], rows: &[ScoreRow]) -> Result<Vec<GoalStanding>> {
    Ok(kepi_engine::standings(&project.config.goals, kpis, rows, project.today()?))
}

/// Goals, objectives and what is overdue, for people; nothing where none is declared.
pub(crate) fn print(standings: &[GoalStanding]) -> Result<()> {
    if standings.is_empty() {
        return Ok(());
    }
    goals(standings).print(RowFormat::Table)?;
    if let Some(share) = kepi_engine::on_course(standings) {
        output::result(&format!(
            "{:.0} % on course, each goal by its weight; goals without a KPI that can be judged are left out\n",
            share * 100.0
        ))?;
    }
    if standings.iter().any(|goal| !goal.objectives.is_empty()) {
        objectives(standings).print(RowFormat::Table)?;
    }
    for (goal, task) in standings
        .iter()
        .flat_map(|goal| &goal.objectives)
        .flat_map(|objective| objective.overdue.iter().map(move |task| (&objective.objective, task)))
    {
        output::note(&format!("{goal}: {task:?} should be done by now"));
    }
    Ok(())
}

fn goals(standings: &[GoalStanding]) -> Rows {
    let mut table = Rows::new(["rank", "goal", "serves", "weight", "owner", "kpis", "on course", "statuses"]);
    for goal in standings {
        let statuses: Vec<String> =
            goal.statuses.iter().map(|(status, count)| format!("{count} {status}")).collect();
        table.push([
            goal.rank.into(),
            shown(&goal.names, &goal.goal).into(),
            goal.serves.into(),
            format!("{:.0} %", goal.weight * 100.0).into(),
            goal.owner.clone().into(),
            goal.kpis.len().into(),
            course(goal.on_course, goal.judged).into(),
            statuses.join(", ").into(),
        ]);
    }
    table
}

fn objectives(standings: &[GoalStanding]) -> Rows {
    let mut table =
        Rows::new(["goal", "objective", "term", "from", "to", "owner", "kpis", "on course", "tasks done"]);
    for (goal, objective) in
        standings.iter().flat_map(|goal| goal.objectives.iter().map(move |objective| (goal, objective)))
    {
        table.push([
            goal.goal.as_str().into(),
            shown(&objective.names, &objective.objective).into(),
            objective.term.into(),
            objective.start.to_string().into(),
            objective.end.to_string().into(),
            objective.owner.clone().into(),
            objective.kpis.len().into(),
            course(objective.on_course, objective.judged).into(),
            course(objective.done, objective.tasks).into(),
        ]);
    }
    table
}

/// So many of so many; nothing where there is none.
fn course(part: usize, whole: usize) -> Option<String> {
    (whole > 0).then(|| format!("{part} of {whole}"))
}

fn shown(names: &std::collections::BTreeMap<String, String>, id: &str) -> String {
    names.get("en").or_else(|| names.values().next()).cloned().unwrap_or_else(|| id.to_owned())
}

/// What is odd about goals and the KPIs that are for them, for the review.
pub(crate) fn remarks(project: &Project, kpis: &[Kpi]) -> Vec<String> {
    let goals = &project.config.goals;
    let mut told = Vec::new();
    if goals.is_empty() {
        return told;
    }
    for goal in goals {
        let own =
            || kpis.iter().filter(|kpi| kepi_engine::goal_of(goals, kpi).is_some_and(|of| of.id == goal.id));
        if own().next().is_none() {
            told.push(format!("goal {} has no KPI: nobody will see whether it is reached", goal.id));
        }
        for objective in &goal.objectives {
            let toward: Vec<&Kpi> = own().filter(|kpi| kpi.toward.as_ref() == Some(&objective.id)).collect();
            if toward.is_empty() {
                told.push(format!("objective {} has no KPI: set objective = \"{0}\" in one", objective.id));
            }
            for (kpi, target) in
                toward.iter().flat_map(|kpi| kpi.targets.iter().map(move |target| (kpi, target)))
            {
                let span = target.period.span;
                if span.end <= objective.start || span.start > objective.end {
                    told.push(format!(
                        "{}: its target of {} lies outside objective {} ({} to {})",
                        kpi.id, target.written, objective.id, objective.start, objective.end
                    ));
                }
            }
        }
    }
    let aimless = kpis
        .iter()
        .filter(|kpi| !kpi.targets.is_empty() && kepi_engine::goal_of(goals, kpi).is_none())
        .map(|kpi| kpi.id.as_str())
        .collect::<Vec<_>>();
    if !aimless.is_empty() {
        told.push(format!(
            "these KPIs have targets and are for none of the project's goals: {}",
            aimless.join(", ")
        ));
    }
    told
}
