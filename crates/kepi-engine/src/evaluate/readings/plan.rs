//! The plan over readings of posts: the readings and the posts are each scanned once, a reading of each post is chosen for
//! every way of choosing, and an aggregate adds up by scope and slice.

use std::collections::BTreeSet;

use datafusion::{
    arrow::datatypes::DataType,
    dataframe::DataFrame,
    functions_aggregate::expr_fn::{array_agg, count, max, min, sum},
    logical_expr::{Expr, ExprFunctionExt, JoinType, cast, col, lit, when},
    prelude::SessionContext,
};
use kepi_core::{DateSpan, MetricId, Result};

use super::{
    choose::{Choice, chosen, chosen_name, of_several, said_name},
    key, reads,
};
use crate::{
    evaluate::{
        expression::{self, valid},
        filters::{self, Filters},
        request::{Dimension, EvaluationRequest},
        slices::{Slices, within},
        table::failed,
        wanted::{Columns, dimension_column, is_money, of_accounts, of_side, one_side, spans_of},
    },
    formula::{Fold, Gauge, Origin, Row, Selector},
    kpi::{Kpi, Side},
};

/// A plan and how to read its result.
pub(in crate::evaluate) struct Planned {
    /// What is read.
    pub(in crate::evaluate) readings: DataFrame,
    /// What is made of it.
    pub(in crate::evaluate) frame: DataFrame,
    pub(super) slices: Slices,
    pub(super) filters: Filters,
    /// The side of all rows; `None` where a column tells.
    pub(super) side: Option<Side>,
    /// The columns of each KPI, by its key.
    pub(super) kpis: Vec<(String, KpiNames)>,
    /// The columns that count posts with a metric in any reading, where a formula needs several at once.
    pub(super) metrics: Vec<(MetricId, String)>,
}

/// The names of the columns of one KPI.
#[derive(Debug)]
pub(super) struct KpiNames {
    pub(super) usable: String,
    pub(super) fresh: String,
    pub(super) older: String,
    pub(super) provisional: String,
    pub(super) capped: String,
    pub(super) currency: Option<(String, String)>,
    pub(super) sums: Vec<(usize, String)>,
    pub(super) lists: Vec<(usize, String)>,
    /// n, Σy, Σx, Σy², Σxy, Σx².
    pub(super) cluster: Option<[String; 6]>,
}

/// Makes the plan; `None` when no KPI wants readings.
pub(in crate::evaluate) async fn plan(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    dimensions: &[Dimension],
    kpis: &[&Kpi],
) -> Result<Option<Planned>> {
    let kpis: Vec<&Kpi> = kpis.iter().copied().filter(|kpi| reads(kpi)).collect();
    if kpis.is_empty() {
        return Ok(None);
    }
    let spans = spans_of(request, &kpis);
    let slices = Slices::of(&spans);
    let side = one_side(&kpis);
    let choices = choices(&kpis);
    let filters = Filters::of(&kpis);
    let readings = joined(ctx, request, dimensions, &kpis, &choices, &spans).await?;
    let met = (!filters.is_empty()).then_some(filters::COLUMN);
    let carried: Vec<&str> = ["p_day"].into_iter().chain(met).collect();
    let chosen = chosen(ctx, &readings, &parts(dimensions, side), &carried, &choices).await?;
    let mut columns = Columns::new("v");
    let mut names = Vec::new();
    for kpi in &kpis {
        names.push((key(kpi), Aggregates::of(kpi, &choices).names(&mut columns)?));
    }
    let said = |metric: MetricId| {
        let name = columns.add(sum(col(said_name(&metric))));
        (metric, name)
    };
    let metrics = of_several(&choices).into_iter().map(said).collect();
    let mut keys = vec![col("account"), col("traffic"), slices.expression(col("p_day")).alias("slice")];
    keys.extend(dimensions.iter().map(|dimension| col(dimension_column(*dimension))));
    keys.extend(side.is_none().then(|| col("public")));
    keys.extend(filters.key());
    let frame = chosen.aggregate(keys, columns.into_expressions()).map_err(failed)?;
    Ok(Some(Planned { readings, frame, slices, filters, side, kpis: names, metrics }))
}

/// One row per post and traffic of a KPI whose interval is clustered by post: its numerator `y` and denominator `x`
/// of the reading that the scorecard takes. Posts without a usable reading are left out.
pub(in crate::evaluate) async fn per_post(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    dimensions: &[Dimension],
    kpi: &Kpi,
    spans: &[DateSpan],
) -> Result<Option<DataFrame>> {
    let Some((y, x)) = kpi.program.cluster.as_ref().filter(|_| reads(kpi)) else { return Ok(None) };
    let choices = choices_of(kpi);
    let readings = joined(ctx, request, dimensions, &[kpi], &choices, spans).await?;
    let parts = parts(dimensions, Some(kpi.provenance));
    let chosen = chosen(ctx, &readings, &parts, &["p_day", "p_at"], &choices).await?;
    let aggregates = Aggregates::of(kpi, &choices);
    let mut columns = vec![
        col("account"),
        col("traffic"),
        col("p_day"),
        col("p_at"),
        cast(aggregates.value(y)?, DataType::Float64).alias("y"),
        cast(aggregates.value(x)?, DataType::Float64).alias("x"),
    ];
    columns.extend(dimensions.iter().map(|dimension| col(dimension_column(*dimension))));
    let usable = col("y").is_not_null().and(col("x").is_not_null());
    let rows = chosen.select(columns).map_err(failed)?.filter(usable).map_err(failed)?;
    Ok(Some(rows))
}

/// How many posts are known in spans, with numbers or without, by account and day.
pub(in crate::evaluate) async fn known_posts(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    kpi: &Kpi,
    spans: &[DateSpan],
) -> Result<DataFrame> {
    let posts = posts(ctx, request, &[], &[kpi], spans).await?;
    posts
        .aggregate(vec![col("p_account"), col("p_day")], vec![count(col("p_post")).alias("posts")])
        .map_err(failed)
}

fn choices(kpis: &[&Kpi]) -> Vec<Choice> {
    let mut choices = Vec::new();
    for choice in kpis.iter().flat_map(|kpi| choices_of(kpi)) {
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    choices
}

fn choices_of(kpi: &Kpi) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    for gauge in kpi.program.gauges(Origin::Posts) {
        match choices.iter_mut().find(|choice| choice.selector == gauge.selector) {
            Some(choice) => {
                choice.metrics.insert(gauge.metric.clone());
            }
            None => {
                choices.push(Choice { selector: gauge.selector, metrics: [gauge.metric.clone()].into() });
            }
        }
    }
    choices
}

/// Readings joined with the posts that were published in the spans.
async fn joined(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    dimensions: &[Dimension],
    kpis: &[&Kpi],
    choices: &[Choice],
    spans: &[DateSpan],
) -> Result<DataFrame> {
    let aged = choices.iter().any(|choice| matches!(choice.selector, Selector::Age(_)));
    let facts = request.as_of.is_some() || aged;
    let table = if facts { "post_facts" } else { "post_lifetime" };
    let mut conditions: Vec<Expr> = of_accounts(request, kpis).into_iter().collect();
    if facts {
        conditions.extend([valid(request.as_of), col("window").eq(lit("at"))]);
    }
    conditions.extend(one_side(kpis).map(of_side));
    let public = col("provenance").eq(lit("public")).alias("public");
    let mut columns: Vec<Expr> =
        ["account", "post", "traffic", "at", "observed_at", "provisional", "flags"].map(col).into();
    columns.extend(one_side(kpis).is_none().then_some(public));
    let metrics: BTreeSet<&MetricId> = choices.iter().flat_map(|choice| &choice.metrics).collect();
    columns.extend(metrics.iter().map(|metric| col(metric.as_str())));
    columns.extend(metrics.iter().any(|metric| is_money(metric)).then(|| col("currency")));
    let mut readings = ctx.table(table).await.map_err(failed)?;
    if let Some(condition) = conditions.into_iter().reduce(Expr::and) {
        readings = readings.filter(condition).map_err(failed)?;
    }
    let readings = readings.select(columns).map_err(failed)?;
    // The small side is the one that a hash join builds: the left.
    let posts = posts(ctx, request, dimensions, kpis, spans).await?;
    let (posts_key, key) = (["p_account", "p_post"], ["account", "post"]);
    posts.join(readings, JoinType::Inner, &posts_key, &key, None).map_err(failed)
}

async fn posts(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    dimensions: &[Dimension],
    kpis: &[&Kpi],
    spans: &[DateSpan],
) -> Result<DataFrame> {
    let mut wanted = valid(request.as_of).and(within("published_day", spans));
    if let Some(accounts) = of_accounts(request, kpis) {
        wanted = wanted.and(accounts);
    }
    let mut columns = vec![
        col("account").alias("p_account"),
        col("post").alias("p_post"),
        col("published_day").alias("p_day"),
        col("published_at").alias("p_at"),
    ];
    columns.extend(dimensions.iter().map(|of| col(of.as_str()).alias(dimension_column(*of))));
    columns.extend(Filters::of(kpis).expression()?);
    let posts = ctx.table("posts").await.map_err(failed)?.filter(wanted).map_err(failed)?;
    posts.select(columns).map_err(failed)
}

/// The columns that tell the rows of one post apart, beside its traffic: a post has one for each of its tags.
fn parts(dimensions: &[Dimension], side: Option<Side>) -> Vec<String> {
    let public = side.is_none().then(|| "public".to_owned());
    dimensions.iter().map(|dimension| dimension_column(*dimension)).chain(public).collect()
}

/// The aggregates of one KPI over posts.
struct Aggregates<'a> {
    kpi: &'a Kpi,
    /// Its choices, and their places among all.
    own: Vec<(usize, Choice)>,
}

impl<'a> Aggregates<'a> {
    fn of(kpi: &'a Kpi, choices: &[Choice]) -> Self {
        let place = |choice: &Choice| choices.iter().position(|known| known == choice);
        let own = choices_of(kpi).into_iter().filter_map(|choice| place(&choice).map(|at| (at, choice)));
        Self { kpi, own: own.collect() }
    }

    fn names(&self, columns: &mut Columns) -> Result<KpiNames> {
        let aged = self.own.iter().any(|(_, choice)| matches!(choice.selector, Selector::Age(_)));
        let older = self.any("at", |at| at.lt(col("newest")));
        let fresh = self.each("observed").next().unwrap_or_else(|| col("newest"));
        let mut names = KpiNames {
            usable: columns.add(self.count(self.usable())?),
            fresh: columns.add(max(self.kept(fresh)?)),
            older: columns.add(self.count(if aged { lit(false) } else { older })?),
            provisional: columns.add(self.count(self.any("provisional", |flag| flag.gt(lit(0_i64))))?),
            capped: columns.add(self.count(self.any("capped", |flag| flag.gt(lit(0_i64))))?),
            currency: self.currency(columns)?,
            sums: Vec::new(),
            lists: Vec::new(),
            cluster: self.cluster(columns)?,
        };
        let parts = self.kpi.program.parts.iter().enumerate();
        for (number, part) in parts.filter(|(_, part)| part.origin == Origin::Posts) {
            let value = self.value(&part.row)?;
            if matches!(part.fold, Fold::Median | Fold::Max) {
                let value = cast(value, DataType::Float64);
                let listed = array_agg(value.clone()).filter(value.is_not_null()).build().map_err(failed)?;
                names.lists.push((number, columns.add(listed)));
            } else {
                names.sums.push((number, columns.add(sum(value))));
            }
        }
        Ok(names)
    }

    /// A column of each of its readings.
    fn each(&self, name: &'static str) -> impl Iterator<Item = Expr> {
        self.own.iter().map(move |(number, _)| col(chosen_name(*number, name)))
    }

    fn any(&self, name: &'static str, holds: impl Fn(Expr) -> Expr) -> Expr {
        self.each(name).map(holds).reduce(Expr::or).unwrap_or_else(|| lit(false))
    }

    /// Whether a post has a reading of each of its choices.
    fn usable(&self) -> Expr {
        self.each("at").map(Expr::is_not_null).reduce(Expr::and).unwrap_or_else(|| lit(false))
    }

    fn kept(&self, value: Expr) -> Result<Expr> {
        when(self.usable(), value).end().map_err(failed)
    }

    fn count(&self, condition: Expr) -> Result<Expr> {
        Ok(sum(self.kept(cast(condition, DataType::Int64))?))
    }

    /// The number of one post. A KPI with one choice needs no condition of its own: its columns are null where
    /// the choice has no reading.
    fn value(&self, row: &Row) -> Result<Expr> {
        let column = |gauge: &Gauge| {
            let own = self.own.iter().find(|(_, choice)| choice.selector == gauge.selector);
            col(chosen_name(own.map_or(0, |(number, _)| *number), gauge.metric.as_str()))
        };
        let value = expression::row(row, &column)?;
        let mut gauges = Vec::new();
        row.gauges(&mut gauges);
        if self.own.len() == 1 && !gauges.is_empty() { Ok(value) } else { self.kept(value) }
    }

    fn currency(&self, columns: &mut Columns) -> Result<Option<(String, String)>> {
        let Some((number, _)) = self.own.iter().find(|(_, choice)| choice.money()) else { return Ok(None) };
        let currency = self.kept(col(chosen_name(*number, "currency")))?;
        Ok(Some((columns.add(min(currency.clone())), columns.add(max(currency)))))
    }

    fn cluster(&self, columns: &mut Columns) -> Result<Option<[String; 6]>> {
        let Some((y, x)) = &self.kpi.program.cluster else { return Ok(None) };
        let (y, x) = (cast(self.value(y)?, DataType::Float64), cast(self.value(x)?, DataType::Float64));
        let both = x.clone() * y.clone();
        let of_both = |value: Expr| when(both.clone().is_not_null(), value).end().map_err(failed);
        Ok(Some([
            columns.add(count(both.clone())),
            columns.add(sum(of_both(y.clone())?)),
            columns.add(sum(of_both(x.clone())?)),
            columns.add(sum(of_both(y.clone() * y.clone())?)),
            columns.add(sum(both.clone())),
            columns.add(sum(of_both(x.clone() * x.clone())?)),
        ]))
    }
}
