//! `kepi advise`: what the data advise, or that they cannot tell.

mod money;

use std::collections::BTreeMap;

use kepi_core::{Error, document::one_of_hint};
use kepi_engine::{
    Answer, Dimension, EvaluationRequest, FormatsAdvice, GrowthAdvice, Kpi, TimeCell, TimesAdvice, Verdict,
};
use kepi_store::Store;
use serde_json::Value;

use crate::{
    cli::{Advise, AdvisePosts, RowFormat},
    commands::evaluate::{self, narrow, real_text, scope_text},
    compose::Project,
    failure::{Outcome, Result},
    output::{self, Rows},
};

/// The last year, so that weekdays and hours are known often enough.
const YEAR: &str = "last-365d";
/// Twelve weeks.
const TWELVE_WEEKS: &str = "last-84d";

pub(crate) async fn run(project: &Project, advise: &Advise) -> Result<Outcome> {
    match advise {
        Advise::Times(arguments) => times(project, arguments).await?,
        Advise::Formats(arguments) => formats(project, arguments).await?,
        Advise::Growth(arguments) => growth(project, arguments).await?,
        Advise::Roi(arguments) => money::roi(project, arguments).await?,
        Advise::NextSpend(arguments) => money::next_spend(project, arguments).await?,
    }
    Ok(Outcome::Done)
}

/// What is asked of posts, and the store to ask.
async fn asked(
    project: &Project,
    arguments: &AdvisePosts,
    period: &str,
    dimensions: &[Dimension],
) -> Result<(EvaluationRequest, Store)> {
    let kpis = project.kpis()?;
    let kpis = match &arguments.kpi {
        Some(name) => comparing(evaluate::chosen(kpis.clone(), std::slice::from_ref(name))?, &kpis)?,
        None => kpis,
    };
    let period = arguments.period.as_deref().unwrap_or(period);
    let mut request = evaluate::request(project, kpis, period)?;
    request.by = by(&arguments.by, dimensions)?;
    let store = project.open_store().await?;
    narrow(project, &mut request, &store, &arguments.narrowing).await?;
    Ok((request, store))
}

/// The dimensions that were named, of those that there are here.
fn by(names: &[String], known: &[Dimension]) -> Result<Vec<Dimension>> {
    let dimensions = evaluate::dimensions(names)?;
    let words: Vec<&str> = known.iter().map(|dimension| dimension.as_str()).collect();
    match dimensions.iter().find(|dimension| !known.contains(dimension)) {
        Some(other) => Err(Error::bad_input(format!("this is not told apart by {}", other.as_str()))
            .hint(one_of_hint(other.as_str(), &words))
            .into()),
        None => Ok(dimensions),
    }
}

/// A KPI that posts cannot be compared by is refused, with those that can be.
fn comparing(chosen: Vec<Kpi>, all: &[Kpi]) -> Result<Vec<Kpi>> {
    if let Some(kpi) = chosen.iter().find(|kpi| !kepi_engine::compares_posts(kpi)) {
        let others: Vec<&str> =
            all.iter().filter(|kpi| kepi_engine::compares_posts(kpi)).map(|kpi| kpi.id.as_str()).collect();
        let error =
            Error::bad_input(format!("{} has no number per published post to compare posts by", kpi.id));
        let error =
            if others.is_empty() { error } else { error.hint(format!("these have: {}", others.join(", "))) };
        return Err(error.into());
    }
    Ok(chosen)
}

/// Says why there is no answer at all.
fn tell_none(none: bool) {
    if none {
        output::note(
            "no post of the period has numbers of a KPI that posts can be compared by; --kpi names another",
        );
    }
}

type Scope = BTreeMap<String, Option<String>>;

fn tell_notes<'a>(notes: impl IntoIterator<Item = (&'a Scope, &'a Vec<String>)>) {
    for (scope, notes) in notes {
        notes.iter().for_each(|note| output::note(&format!("{}: {note}", scope_text(scope))));
    }
}

async fn times(project: &Project, arguments: &AdvisePosts) -> Result<()> {
    let known = [Dimension::Platform, Dimension::Account, Dimension::Format];
    let (request, store) = asked(project, arguments, YEAR, &known).await?;
    let advice = kepi_engine::best_times(&store.session().await?, &request).await?;
    match arguments.format.format {
        RowFormat::Json => return output::json(&advice),
        RowFormat::Csv => return time_cells(&advice, &request, true).print(RowFormat::Csv),
        RowFormat::Table => {}
    }
    let mut answers = Rows::new(["scope", "kpi", "posts", "zone", "answer", "why"]);
    for one in &advice {
        answers.push([
            scope_text(&one.scope).into(),
            one.kpi.as_str().into(),
            one.posts.into(),
            one.zones.join(", ").into(),
            one.answer.as_str().into(),
            one.reason.as_str().into(),
        ]);
    }
    answers.print(RowFormat::Table)?;
    // A list of times that chance made would be read as advice.
    let told: Vec<TimesAdvice> = advice.iter().filter(|one| one.answer == Answer::Told).cloned().collect();
    if !told.is_empty() {
        time_cells(&told, &request, false).print(RowFormat::Table)?;
    }
    tell_notes(advice.iter().map(|one| (&one.scope, &one.notes)));
    tell_none(advice.is_empty());
    Ok(())
}

/// Hours, weekdays and both: all of them in the order of the week, or those that stand out, the best first.
fn time_cells(advice: &[TimesAdvice], request: &EvaluationRequest, all: bool) -> Rows {
    let mut table = Rows::new([
        "scope",
        "kpi",
        "weekday",
        "hour",
        "posts",
        "median rate",
        "score",
        "low",
        "high",
        "verdict",
    ]);
    for one in advice {
        let unit = unit(request, &one.kpi);
        for part in [&one.hours, &one.weekdays, &one.cells] {
            let told = |cell: &&TimeCell| all || matches!(cell.verdict, Verdict::Better | Verdict::Worse);
            let mut cells: Vec<&TimeCell> = part.iter().filter(told).collect();
            if !all {
                cells.sort_by(|a, b| b.score.unwrap_or(0.0).total_cmp(&a.score.unwrap_or(0.0)));
            }
            for cell in cells {
                let shown = |value: Option<f64>| {
                    if all { Value::from(value) } else { value.map(|value| format!("{value:+.2}")).into() }
                };
                let hour = cell.hour.map_or_else(|| "all".to_owned(), |hour| format!("{hour:02}:00"));
                table.push([
                    scope_text(&one.scope).into(),
                    one.kpi.as_str().into(),
                    cell.weekday.unwrap_or("all").into(),
                    hour.into(),
                    cell.posts.into(),
                    if all { cell.rate.into() } else { cell.rate.map(|rate| real_text(rate, unit)).into() },
                    shown(cell.score),
                    shown(cell.interval.map(|ends| ends.0)),
                    shown(cell.interval.map(|ends| ends.1)),
                    cell.verdict.as_str().into(),
                ]);
            }
        }
    }
    table
}

/// A p-value; one that is too small to print is not zero.
pub(crate) fn p_text(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

fn unit<'a>(request: &'a EvaluationRequest, kpi: &str) -> &'a str {
    request.kpis.iter().find(|known| known.id == kpi).map_or("", |kpi| kpi.unit.as_str())
}

async fn formats(project: &Project, arguments: &AdvisePosts) -> Result<()> {
    let known = [
        Dimension::Platform,
        Dimension::Account,
        Dimension::Format,
        Dimension::Category,
        Dimension::Campaign,
        Dimension::ProductType,
        Dimension::Language,
        Dimension::Tag,
    ];
    let (request, store) = asked(project, arguments, YEAR, &known).await?;
    let by_tag = arguments.by.iter().any(|by| by.starts_with("tag"));
    let tags = if by_tag { project.tags()? } else { Vec::new() };
    let session = store.session().await?;
    let advice = match evaluate::tag_dimension(&tags, &arguments.by)? {
        Some(tag) => kepi_engine::best_formats_by_tag(&session, &request, &tags, tag).await?,
        None => kepi_engine::best_formats(&session, &request).await?,
    };
    match arguments.format.format {
        RowFormat::Json => return output::json(&advice),
        RowFormat::Csv => return format_rows(&advice, &request, true).print(RowFormat::Csv),
        RowFormat::Table => format_rows(&advice, &request, false).print(RowFormat::Table)?,
    }
    for one in &advice {
        output::note(&format!("{}: {}: {}", scope_text(&one.scope), one.answer.as_str(), one.reason));
    }
    tell_notes(advice.iter().map(|one| (&one.scope, &one.notes)));
    tell_none(advice.is_empty());
    Ok(())
}

fn format_rows(advice: &[FormatsAdvice], request: &EvaluationRequest, exact: bool) -> Rows {
    let part = advice.first().map_or("format", |one| one.dimension.as_str());
    let mut table = Rows::new([
        "scope",
        "kpi",
        part,
        "posts",
        "rate",
        "shrunken",
        "shrunken low",
        "shrunken high",
        "others",
        "difference",
        "low",
        "high",
        "p",
        "verdict",
    ]);
    for one in advice {
        let unit = unit(request, &one.kpi);
        let shown = |value: Option<f64>| {
            if exact { Value::from(value) } else { value.map(|value| real_text(value, unit)).into() }
        };
        for row in &one.formats {
            table.push([
                scope_text(&one.scope).into(),
                one.kpi.as_str().into(),
                row.value.as_deref().unwrap_or("(none)").into(),
                row.posts.into(),
                shown(row.rate),
                shown(row.shrunken),
                shown(row.shrunken_interval.map(|ends| ends.0)),
                shown(row.shrunken_interval.map(|ends| ends.1)),
                shown(row.others),
                shown(row.difference),
                shown(row.difference_interval.map(|ends| ends.0)),
                shown(row.difference_interval.map(|ends| ends.1)),
                if exact { row.p.into() } else { row.p.map(p_text).into() },
                row.verdict.as_str().into(),
            ]);
        }
    }
    if !exact {
        ["shrunken low", "shrunken high"].iter().for_each(|column| table.without(column));
    }
    table
}

async fn growth(project: &Project, arguments: &AdvisePosts) -> Result<()> {
    let known = [Dimension::Platform, Dimension::Account];
    let (request, store) = asked(project, arguments, TWELVE_WEEKS, &known).await?;
    let advice = kepi_engine::growth(&store.session().await?, &request).await?;
    match arguments.format.format {
        RowFormat::Json => return output::json(&advice),
        format => growth_rows(&advice, &request, format == RowFormat::Csv).print(format)?,
    }
    if arguments.format.format == RowFormat::Table {
        for one in &advice {
            output::note(&format!("{}: {}", scope_text(&one.scope), one.reason));
        }
        tell_notes(advice.iter().map(|one| (&one.scope, &one.notes)));
    }
    tell_none(advice.is_empty());
    Ok(())
}

fn growth_rows(advice: &[GrowthAdvice], request: &EvaluationRequest, exact: bool) -> Rows {
    let mut table = Rows::new([
        "scope",
        "kpi",
        "assessment",
        "engagement",
        "before",
        "change low",
        "change high",
        "followers",
        "weekly",
        "weekly low",
        "weekly high",
        "weeks",
    ]);
    for one in advice {
        let unit = unit(request, &one.kpi);
        let rate = |value: Option<f64>| {
            if exact { Value::from(value) } else { value.map(|value| real_text(value, unit)).into() }
        };
        let count = |value: Option<f64>| {
            if exact { Value::from(value) } else { value.map(|value| format!("{value:+.1}")).into() }
        };
        let (engagement, followers) = (&one.engagement, &one.followers);
        table.push([
            scope_text(&one.scope).into(),
            one.kpi.as_str().into(),
            one.assessment.as_str().into(),
            rate(engagement.value),
            rate(engagement.previous),
            rate(engagement.interval.map(|ends| ends.0)),
            rate(engagement.interval.map(|ends| ends.1)),
            followers.last.into(),
            count(followers.weekly),
            count(followers.interval.map(|ends| ends.0)),
            count(followers.interval.map(|ends| ends.1)),
            followers.weeks.into(),
        ]);
    }
    table
}
