//! Evaluation: each table scanned once for a whole scorecard, the small result combined and judged.

mod about;
mod aim;
mod card;
mod compared;
mod daily;
mod expression;
mod facts;
mod family;
mod filters;
mod frozen;
mod gathered;
mod judge;
mod known;
mod ledger;
mod notes;
mod pace;
mod posts;
mod readings;
mod registrations;
mod request;
mod row;
mod scope;
mod score;
mod slices;
mod states;
mod subjects;
pub(crate) mod table;
mod views;
mod wanted;

use std::{collections::BTreeMap, mem};

use datafusion::{physical_plan::displayable, prelude::SessionContext};
use kepi_core::{Result, SubjectKind};

pub use about::accounts_of_side;
pub(crate) use about::{KnownAccount, known_accounts, platform_of};
pub use card::{BaselineValue, Benchmark, Pace, ScopeName, ScoreRow, Span, Status, TargetValue};
pub(crate) use ledger::{Entry, ledger};
pub(crate) use posts::{PostRow, Posts, Which, posts};
pub(crate) use registrations::{Registrations, registrations};
pub use request::{Comparison, Dimension, EvaluationRequest};
pub(crate) use states::{States, states};
pub use views::tagged;

use self::{
    daily::Daily, facts::Facts, filters::Filters, frozen::Frozen, known::Known, readings::Readings,
    scope::Scopes,
};
use crate::{formula::Filter, kpi::Kpi, tag::TagRule};

/// Evaluates KPIs over the tables of a session.
///
/// Rows come in the order of the KPIs, then of scopes, then of periods; the same data give the same rows.
///
/// # Errors
/// When a table is missing or cannot be read, or a holiday to compare with is not known. What the data do not hold is no error: such rows have a null
/// value, a status that says so, and the reason in their notes.
pub async fn evaluate(ctx: &SessionContext, request: &EvaluationRequest) -> Result<Vec<ScoreRow>> {
    request.comparable()?;
    let request = &request.in_fiscal();
    let ctx = &with_small_builds(ctx);
    let mut rows = InOrder { rows: Vec::new(), next: 0, kpis: request.kpis.len(), early: BTreeMap::new() };
    for places in together(ctx, request)? {
        let kpis: Vec<&Kpi> = places.iter().filter_map(|place| request.kpis.get(*place)).collect();
        let put = |number: usize, own: &mut Vec<ScoreRow>| {
            if let Some(place) = places.get(number) {
                rows.put(*place, own);
            }
        };
        scorecard(ctx, request, &kpis, put).await?;
    }
    Ok(rows.rows)
}

/// Rows of KPIs, put together in the order of the KPIs in whatever order they are done.
struct InOrder {
    rows: Vec<ScoreRow>,
    next: usize,
    kpis: usize,
    /// Those that came before their turn.
    early: BTreeMap<usize, Vec<ScoreRow>>,
}

impl InOrder {
    /// Takes rows out of where they were put together.
    fn put(&mut self, place: usize, own: &mut Vec<ScoreRow>) {
        if place != self.next {
            self.early.insert(place, mem::take(own));
            return;
        }
        self.append(own);
        while let Some(mut own) = self.early.remove(&self.next) {
            self.append(&mut own);
        }
    }

    fn append(&mut self, own: &mut Vec<ScoreRow>) {
        if self.rows.is_empty() {
            // KPIs mostly have as many rows as one another: then nothing is copied while the whole grows.
            self.rows.reserve(own.len() * (self.kpis - self.next));
        }
        self.rows.append(own);
        self.next += 1;
    }
}

/// The KPIs, by their places, that are evaluated together: all of them, as a rule. What was added up over all posts
/// does not answer all conditions on posts, so the others stand apart where rollups answer the rest.
fn together(ctx: &SessionContext, request: &EvaluationRequest) -> Result<Vec<Vec<usize>>> {
    let told_apart: Vec<&Kpi> = request.kpis.iter().filter(|kpi| daily::told_apart(kpi)).collect();
    let rolled_up = daily::answered_by_rollups(ctx, request, &dimensions_of_posts(request), &told_apart)?;
    let apart = |kpi: &Kpi| rolled_up && !daily::told_apart(kpi);
    let mut groups: Vec<(bool, Vec<usize>, Vec<&Kpi>)> = Vec::new();
    for (place, kpi) in request.kpis.iter().enumerate() {
        let room = |(own, _, kpis): &&mut (bool, Vec<usize>, Vec<&Kpi>)| {
            let with_it: Vec<&Kpi> = kpis.iter().copied().chain([kpi]).collect();
            *own == apart(kpi) && Filters::of(&with_it).len() <= filters::MOST
        };
        match groups.iter_mut().find(room) {
            Some((_, places, kpis)) => {
                places.push(place);
                kpis.push(kpi);
            }
            None => groups.push((apart(kpi), vec![place], vec![kpi])),
        }
    }
    Ok(groups.into_iter().map(|(_, places, _)| places).collect())
}

fn dimensions_of_posts(request: &EvaluationRequest) -> Vec<Dimension> {
    request.dimensions().into_iter().filter(|dimension| dimension.of_posts()).collect()
}

/// Evaluates KPIs by the tags that rules give to posts: a post with two tags is in both of their rows, and once in
/// the row of the whole, which follows them without a tag.
///
/// # Errors
/// As [`evaluate`].
pub async fn evaluate_by_tag(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    rules: &[TagRule],
    dimension: &str,
) -> Result<Vec<ScoreRow>> {
    let mut by = request.by.clone();
    if !by.contains(&Dimension::Tag) {
        by.push(Dimension::Tag);
    }
    let tagged = tagged(ctx, rules, dimension).await?;
    let by_tag = EvaluationRequest { by: by.clone(), rollups: false, ..request.clone() };
    let parts = evaluate(&tagged, &by_tag).await?;
    by.retain(|dimension| *dimension != Dimension::Tag);
    let mut whole = evaluate(ctx, &EvaluationRequest { by, ..request.clone() }).await?;
    for row in &mut whole {
        row.notes.push(WHOLE.to_owned());
    }
    let mut rows = Vec::new();
    for kpi in &request.kpis {
        let own = |row: &&ScoreRow| row.kpi == kpi.id && row.version == kpi.version;
        rows.extend(parts.iter().filter(own).cloned());
        rows.extend(whole.iter().filter(own).cloned());
    }
    Ok(rows)
}

/// A session in which only the posts that meet a condition are known, with what happened to them: what a KPI with
/// `where` is evaluated over.
///
/// # Errors
/// When a table is missing.
pub async fn narrowed(ctx: &SessionContext, filter: &Filter) -> Result<SessionContext> {
    views::narrowed_to(ctx, filter.holds(), None).await
}

/// Said of the row that stands beside those of tags.
const WHOLE: &str = "the whole: a post with several tags is in it once, so the tags need not add up to it";

/// Puts the rows of each KPI by its number: of one session, of which each table is scanned once.
async fn scorecard(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    kpis: &[&Kpi],
    put: impl FnMut(usize, &mut Vec<ScoreRow>),
) -> Result<()> {
    let mut scopes = Scopes::read(ctx, request).await?;
    let data = Data {
        readings: readings::read(ctx, request, &mut scopes, kpis).await?,
        daily: daily::read(ctx, request, &mut scopes, kpis).await?,
        known: known::read(ctx, request, &mut scopes, kpis).await?,
        facts: facts::read(ctx, request, &mut scopes, kpis).await?,
        frozen: frozen::read(ctx, request, kpis).await?,
    };
    score::score_all(request, &scopes.settle(), &data, kpis, put)
}

/// The physical plans of an evaluation as text: each table of facts is scanned once.
///
/// # Errors
/// When a table is missing or a plan cannot be made.
pub async fn explain_plan(ctx: &SessionContext, request: &EvaluationRequest) -> Result<String> {
    let request = &request.in_fiscal();
    let ctx = &with_small_builds(ctx);
    let dimensions = dimensions_of_posts(request);
    let mut frames = Vec::new();
    for places in together(ctx, request)? {
        let kpis: Vec<&Kpi> = places.iter().filter_map(|place| request.kpis.get(*place)).collect();
        let planned = readings::plan(ctx, request, &dimensions, &kpis).await?;
        frames.extend(planned.into_iter().flat_map(|planned| [planned.readings, planned.frame]));
        frames.extend(daily::plan(ctx, request, &dimensions, &kpis).await?.map(|planned| planned.frame));
        for kind in SubjectKind::ALL {
            let planned = facts::plans(ctx, request, kind, &kpis).await?;
            frames.extend(planned.into_iter().map(|planned| planned.frame));
        }
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
