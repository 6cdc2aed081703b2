//! Evaluation: each table scanned once for a whole scorecard, the small result combined and judged.

mod aim;
mod card;
mod compared;
mod daily;
mod expression;
mod facts;
mod frozen;
mod gathered;
mod judge;
mod known;
mod notes;
mod pace;
mod readings;
mod request;
mod row;
mod scope;
mod score;
mod slices;
mod subjects;
mod table;
mod wanted;

use datafusion::{physical_plan::displayable, prelude::SessionContext};
use kepi_core::{Result, SubjectKind};

pub use card::{BaselineValue, Benchmark, Pace, ScoreRow, Span, Status, TargetValue};
pub use request::{Dimension, EvaluationRequest};

use self::{daily::Daily, facts::Facts, frozen::Frozen, known::Known, readings::Readings, scope::Scopes};
use crate::kpi::Kpi;

/// Evaluates KPIs over the tables of a session.
///
/// Rows come in the order of the KPIs, then of scopes, then of periods; the same data give the same rows.
///
/// # Errors
/// When a table is missing or cannot be read. What the data do not hold is no error: such rows have a null
/// value, a status that says so, and the reason in their notes.
pub async fn evaluate(ctx: &SessionContext, request: &EvaluationRequest) -> Result<Vec<ScoreRow>> {
    let request = &request.in_fiscal();
    let ctx = &with_small_builds(ctx);
    let mut scopes = Scopes::read(ctx, request).await?;
    let kpis: Vec<&Kpi> = request.kpis.iter().collect();
    let data = Data {
        readings: readings::read(ctx, request, &mut scopes, &kpis).await?,
        daily: daily::read(ctx, request, &mut scopes, &kpis).await?,
        known: known::read(ctx, request, &mut scopes, &kpis).await?,
        facts: facts::read(ctx, request, &mut scopes, &kpis).await?,
        frozen: frozen::read(ctx, request, &kpis).await?,
    };
    let mut rows = Vec::new();
    for kpi in kpis {
        rows.extend(score::score(request, &mut scopes, &data, kpi)?);
    }
    Ok(rows)
}

/// The physical plans of an evaluation as text: each table of facts is scanned once.
///
/// # Errors
/// When a table is missing or a plan cannot be made.
pub async fn explain_plan(ctx: &SessionContext, request: &EvaluationRequest) -> Result<String> {
    let request = &request.in_fiscal();
    let ctx = &with_small_builds(ctx);
    let kpis: Vec<&Kpi> = request.kpis.iter().collect();
    let dimensions: Vec<Dimension> =
        request.dimensions().into_iter().filter(|dimension| dimension.of_posts()).collect();
    let mut frames = Vec::new();
    frames.extend(readings::plan(ctx, request, &dimensions, &kpis).await?.map(|planned| planned.frame));
    frames.extend(daily::plan(ctx, request, &dimensions, &kpis).await?.map(|planned| planned.frame));
    for kind in SubjectKind::ALL {
        frames
            .extend(facts::plans(ctx, request, kind, &kpis).await?.into_iter().map(|planned| planned.frame));
    }
    let mut text = String::new();
    for frame in frames {
        let plan = frame.create_physical_plan().await.map_err(table::failed)?;
        text.push_str(&displayable(plan.as_ref()).indent(false).to_string());
        text.push('\n');
    }
    Ok(text)
}

/// The same session, in which a join with posts builds the posts once instead of dealing both sides out: facts
/// are many times more than posts.
fn with_small_builds(ctx: &SessionContext) -> SessionContext {
    let mut state = ctx.state();
    let optimizer = &mut state.config_mut().options_mut().optimizer;
    optimizer.hash_join_single_partition_threshold = 1 << 30;
    optimizer.hash_join_single_partition_threshold_rows = 1 << 23;
    SessionContext::new_with_state(state)
}

/// What the plans gave.
#[derive(Debug)]
struct Data {
    readings: Option<Readings>,
    daily: Option<Daily>,
    known: Option<Known>,
    facts: Vec<Facts>,
    frozen: Frozen,
}
