//! `kepi check`: configuration, KPI files and formulas, all faults at once; then the SMART review of the KPIs, and with
//! `--online` the credentials too.

mod online;

use std::fmt::Write as _;

use kepi_core::{Platform, document::nearest};
use kepi_engine::{Kpi, Measured, Point, SmartReview};

use crate::{
    cli::{Check, RowFormat},
    commands::{evaluate, goals},
    compose::Project,
    failure::{Outcome, Result},
    output::{self, Rows},
};

pub(crate) async fn run(project: &Project, arguments: &Check) -> Result<Outcome> {
    if arguments.online && arguments.kpi.is_empty() && project.kpi_files()?.is_empty() {
        output::note("the project has no KPI file: only the credentials are tried");
        return online::run(project, arguments).await;
    }
    let all = project.kpis()?;
    // What is read when it is asked for is read here as well, so that its faults are not met later.
    project.calendar()?;
    project.tags()?;
    let chosen = evaluate::chosen(all.clone(), &arguments.kpi)?;
    let count = all.len();
    let experiments = project.experiments(&all)?.len();
    // Partners and guards are looked for among all KPIs of the project, old versions where they are named.
    let mut request = evaluate::request(project, all.clone(), "last-28d")?;
    let chosen = if arguments.kpi.is_empty() { request.kpis.clone() } else { chosen };
    if !arguments.kpi.is_empty() {
        request.kpis = all;
    }
    let names: Vec<(String, u32)> = chosen.iter().map(|kpi| (kpi.id.clone(), kpi.version)).collect();
    let measured = measured(project, &request, &names).await?;
    let mut reviews = kepi_engine::review(&request, measured.as_ref());
    reviews
        .retain(|review| names.iter().any(|(id, version)| *id == review.kpi && *version == review.version));
    match arguments.format.format {
        RowFormat::Json => output::json(&reviews)?,
        RowFormat::Csv => rows(&reviews).print(RowFormat::Csv)?,
        RowFormat::Table => {
            output::result(&format!(
                "{}: {}, {}, {}, {}{}: all of it can be read\n",
                project.config.file.display(),
                output::counted(project.config.accounts.len(), "account"),
                output::counted(project.adapters().len(), "platform"),
                output::counted(count, "KPI"),
                output::counted(project.config.jobs.len(), "job"),
                if experiments == 0 {
                    String::new()
                } else {
                    format!(", {}", output::counted(experiments, "experiment"))
                }
            ))?;
            output::result(&for_people(&reviews, !arguments.kpi.is_empty(), measured.is_some()))?;
            if arguments.kpi.is_empty() {
                goals::print(&goals::standings(project, &request.kpis, &[])?)?;
            }
        }
    }
    strange_platforms(project, &request.kpis).iter().for_each(|told| output::note(told));
    goals::remarks(project, &project.kpis()?).iter().for_each(|told| output::note(told));
    for kpi in project.kpis()?.into_iter().map(|kpi| kpi.in_fiscal(project.config.project.fiscal)) {
        let periods =
            kpi.targets.iter().filter(|target| target.scope.is_empty()).map(|target| target.period.span);
        for told in periods.flat_map(|period| kepi_engine::parts_against_whole(&kpi, period)) {
            output::note(&format!("{}: {told}", kpi.id));
        }
    }
    if arguments.online { online::run(project, arguments).await } else { Ok(Outcome::Done) }
}

/// Platforms of KPIs that nothing here is of and that look like one that is known. Files may bring any other.
fn strange_platforms(project: &Project, kpis: &[Kpi]) -> Vec<String> {
    let accounts = project.config.accounts.iter().map(|known| known.account.id.platform_name());
    let known: Vec<&str> = project.adapters().keys().map(String::as_str).chain(accounts).collect();
    let mut told = Vec::new();
    for kpi in kpis {
        for platform in kpi.platforms.iter().map(Platform::as_str).filter(|name| !known.contains(name)) {
            if let Some(near) = nearest(platform, known.iter().copied()) {
                told.push(format!(
                    "{}: no account is of the platform {platform}; did you mean {near}?",
                    kpi.id
                ));
            }
        }
    }
    told
}

/// What the store says of the KPIs; nothing where there is none yet.
async fn measured(
    project: &Project,
    request: &kepi_engine::EvaluationRequest,
    names: &[(String, u32)],
) -> Result<Option<Measured>> {
    let Some(store) = project.store_if_there().await? else { return Ok(None) };
    let session = store.session().await?;
    let mut asked = request.clone();
    asked.kpis.retain(|kpi| names.iter().any(|(id, version)| *id == kpi.id && *version == kpi.version));
    Ok(Some(kepi_engine::measure(&session, &asked).await?))
}

/// One row per KPI and point.
fn rows(reviews: &[SmartReview]) -> Rows {
    let mut rows = Rows::new(["kpi", "version", "point", "finding", "evidence"]);
    for review in reviews {
        let mut push = |of: &str, finding: &str, evidence: &str| {
            rows.push([
                review.kpi.as_str().into(),
                review.version.into(),
                of.into(),
                finding.into(),
                evidence.into(),
            ]);
        };
        review.points.iter().for_each(|point| push(point.of, point.finding.as_str(), &point.evidence));
        review.warnings.iter().for_each(|warning| push("warning", "warning", warning));
    }
    rows
}

/// Reviews as people read them: those with a target in full, the others by name, for there is nothing yet to review.
fn for_people(reviews: &[SmartReview], named: bool, measured: bool) -> String {
    let mut text = String::new();
    let aims = |review: &&SmartReview| {
        review
            .points
            .iter()
            .any(|point| point.of == "time-bound" && point.finding == kepi_engine::Finding::Good)
    };
    for review in reviews.iter().filter(|review| named || aims(review)) {
        let _ = writeln!(text, "\n{} ({} version {})", review.name, review.kpi, review.version);
        review.points.iter().for_each(|point| text.push_str(&line(point)));
        for warning in &review.warnings {
            let _ = writeln!(text, "  ! {warning}");
        }
    }
    if named {
        return text;
    }
    let aimless = reviews.iter().filter(|review| !aims(review)).count();
    if aimless > 0 {
        let _ = writeln!(
            text,
            "\n{aimless} KPIs have no target, so nothing is aimed at with them: `kepi check --kpi ID` reviews one, \
             [[kpi.target]] sets one"
        );
    }
    let quiet = reviews.iter().filter(|review| !aims(review));
    for (review, warning) in
        quiet.flat_map(|review| review.warnings.iter().map(move |warning| (review, warning)))
    {
        let _ = writeln!(text, "  ! {}: {warning}", review.kpi);
    }
    if !measured {
        text.push_str("there is no store yet, so whether the numbers are there is not told\n");
    }
    text
}

fn line(point: &Point) -> String {
    let mark = match point.finding {
        kepi_engine::Finding::Good => "+",
        kepi_engine::Finding::Warning => "!",
        kepi_engine::Finding::Lacking => "-",
        kepi_engine::Finding::Untold => "?",
    };
    let smart = ["specific", "measurable", "achievable", "relevant", "time-bound"].contains(&point.of);
    let letter = point.of.chars().next().filter(|_| smart).map_or(' ', |letter| letter.to_ascii_uppercase());
    format!("  {mark} {letter} {:<14} {}\n", point.of, point.evidence)
}
