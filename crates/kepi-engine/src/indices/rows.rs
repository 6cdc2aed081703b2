//! Rows of a scorecard for indices: each input is evaluated as a KPI of its own, account by account.

use datafusion::prelude::SessionContext;
use kepi_core::{Catalogue, DateSpan, Error, ErrorKind, Result};
use smol_str::SmolStr;

use super::{Index, Input};
use crate::{
    Dimension, EvaluationRequest, ScoreRow, Status,
    benchmarks::BenchmarkChoice,
    evaluate::evaluate,
    fault::Source,
    kpi::{Kpi, parse_kpis},
    number::Number,
};

/// The rows of indices over the request's period and accounts: one per account, because an index is one account's.
///
/// Where an input is not known, the value is null and the reason names it.
///
/// # Errors
/// Those of [`evaluate`].
pub async fn evaluate_indices(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    indices: &[&Index],
) -> Result<Vec<ScoreRow>> {
    let mut rows = Vec::new();
    for index in indices {
        let mut by: Vec<Dimension> =
            request.by.iter().copied().filter(|dimension| !dimension.of_posts()).collect();
        if !by.contains(&Dimension::Account) {
            by.push(Dimension::Account);
        }
        let asked = EvaluationRequest { kpis: inputs(index)?, by, ..request.clone() };
        let inputs = evaluate(ctx, &asked).await?;
        rows.extend(combine(index, request, &inputs));
    }
    Ok(rows)
}

/// The inputs that the tables can hold, as KPIs.
fn inputs(index: &Index) -> Result<Vec<Kpi>> {
    let mut text = String::new();
    for (place, input) in index.inputs.iter().enumerate() {
        let Some(formula) = input.formula else { continue };
        let of = input.more;
        text += &format!(
            "[[kpi]]\nid = \"{}\"\ngoal = \"brand-awareness\"\nplatforms = [\"{}\"]\nformula = \"{formula}\"\n{of}\n",
            name(place),
            index.platform
        );
    }
    let source = Source { name: index.id.to_owned(), text };
    let kpis = parse_kpis(&[source], Catalogue::builtin()).map_err(|faults| {
        let fault = faults.first().map_or_else(String::new, |fault| fault.message.clone());
        Error::new(ErrorKind::Unexpected, format!("the inputs of {} cannot be read: {fault}", index.id))
    })?;
    Ok(kpis.into_iter().map(|kpi| Kpi { benchmark: BenchmarkChoice::None, ..kpi }).collect())
}

fn name(place: usize) -> String {
    format!("input-{place}")
}

fn combine(index: &Index, request: &EvaluationRequest, inputs: &[ScoreRow]) -> Vec<ScoreRow> {
    let first = inputs.iter().map(|row| &row.kpi).next();
    let heads: Vec<&ScoreRow> = inputs.iter().filter(|row| Some(&row.kpi) == first).collect();
    heads.into_iter().map(|head| row(index, request, head, inputs)).collect()
}

fn row(index: &Index, request: &EvaluationRequest, head: &ScoreRow, inputs: &[ScoreRow]) -> ScoreRow {
    let of = |place: usize| {
        let name = name(place);
        inputs.iter().find(|row| row.kpi == name && row.scope == head.scope && row.period == head.period)
    };
    let known: Vec<&ScoreRow> = (0..index.inputs.len()).filter_map(of).collect();
    let values = |value: fn(&ScoreRow) -> Option<Number>| -> Vec<Option<f64>> {
        (0..index.inputs.len()).map(|place| value(of(place)?).map(Number::as_f64)).collect()
    };
    let days = |span: DateSpan| f64::from(DateSpan::new(span.start, span.end.min(request.today)).days());
    let span = DateSpan::new(head.period.start, head.period.end);
    let before =
        request.framed().into_iter().find(|framed| framed.span == span).map(|framed| framed.previous);
    let value = index.value(&values(|row| row.value), days(span));
    let previous = before.and_then(|span| index.value(&values(|row| row.previous), days(span)).ok());
    let coverage = known.iter().filter_map(|row| row.coverage).reduce(f64::min);
    let mut notes =
        vec![format!("{} ({}), grade {}, by {}", index.title, index.title_zh, index.grade, index.source)];
    let status = match &value {
        Err(missing) => {
            notes.push(format!("not known: {}", missing.join(", ")));
            Status::NoData
        }
        Ok(_) if coverage.is_some_and(|coverage| coverage < request.min_coverage) => Status::Partial,
        Ok(_) => Status::NoTarget,
    };
    let change = value.as_ref().ok().zip(previous).map(|(now, before)| now - before);
    ScoreRow {
        kpi: SmolStr::new(index.id),
        version: 1,
        name: SmolStr::new(index.title),
        value: value.as_ref().ok().copied().map(Number::Real),
        unit: SmolStr::new_static("score"),
        numerator: None,
        denominator: None,
        interval: None,
        previous: previous.map(Number::Real),
        change_abs: change.map(Number::Real),
        change_rel: change
            .zip(previous.filter(|before| *before > 0.0))
            .map(|(change, before)| change / before),
        target: None,
        baseline: None,
        attainment: None,
        pace: None,
        status,
        coverage,
        fresh_at: known.iter().filter_map(|row| row.fresh_at).max(),
        benchmark: None,
        notes,
        measured_from: None,
        trailing: Vec::new(),
        ..head.clone()
    }
}

impl Input {
    /// Of posts that were published in the period: what they earned.
    pub(super) const fn of_posts(name: &'static str, formula: &'static str) -> Self {
        Self { name, formula: Some(formula), more: "basis = \"published\"" }
    }

    /// The same of the first article of each push: WeChat numbers the articles of one from 1, and the id of each ends
    /// with its number. Of articles that came by file the place is not known, and the input is not.
    pub(super) const fn of_headlines(name: &'static str, formula: &'static str) -> Self {
        let more = "basis = \"published\"\nwhere = \"matches(post, '^[0-9]+_1$')\"";
        Self { name, formula: Some(formula), more }
    }

    /// Of the account in the period.
    pub(super) const fn of_account(name: &'static str, formula: &'static str) -> Self {
        Self { name, formula: Some(formula), more: "basis = \"activity\"\nsubject = \"account\"" }
    }
}
