//! Posts published in the period: one reading of each, chosen by the formula, added up by scope and slice.

use std::collections::BTreeSet;

use datafusion::{
    arrow::datatypes::DataType,
    dataframe::DataFrame,
    functions::expr_fn::abs,
    functions_aggregate::{
        expr_fn::{array_agg, count, max, min, sum},
        first_last::first_value_udaf,
    },
    logical_expr::{Expr, ExprFunctionExt, JoinType, cast, col, expr::Sort, lit, when},
    prelude::SessionContext,
};
use kepi_core::{Catalogue, DateSpan, MetricId, Nature, Result, Traffic};

use super::{
    expression::{self, valid},
    gathered::{Cells, Gathered},
    request::{Dimension, EvaluationRequest},
    scope::Scopes,
    slices::{Slices, within},
    table::{Lists, Numbers, Rows, failed, instant, text},
    wanted::{Columns, of_accounts, of_side, one_side, spans_of, traffic_named},
};
use crate::{
    formula::{Fold, Gauge, Origin, Row, Selector},
    kpi::{Basis, Kpi, Side},
    statistics::Cluster,
};

const DAY_MICROS: i64 = 86_400_000_000;

/// One way to choose a reading of a post: the newest, or the one nearest an age, that has all of some metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Choice {
    selector: Selector,
    metrics: BTreeSet<MetricId>,
}

/// Posts by account, traffic, post dimensions and slice, with the sums that the KPIs want.
#[derive(Debug)]
pub(super) struct Readings {
    slices: Slices,
    groups: Vec<Group>,
    kpis: Vec<(String, KpiColumns)>,
}

#[derive(Debug)]
struct Group {
    account: u32,
    scope: u32,
    slice: i64,
    traffic: Traffic,
    side: Side,
}

/// The columns of one KPI, by name while the plan is made and by values afterwards.
#[derive(Debug)]
struct KpiNames {
    usable: String,
    fresh: String,
    older: String,
    provisional: String,
    currency: Option<(String, String)>,
    sums: Vec<(usize, String)>,
    lists: Vec<(usize, String)>,
    cluster: Option<[String; 6]>,
}

#[derive(Debug)]
struct KpiColumns {
    usable: Numbers,
    fresh: datafusion::arrow::array::TimestampMicrosecondArray,
    older: Numbers,
    provisional: Numbers,
    currency: Option<(datafusion::arrow::array::StringArray, datafusion::arrow::array::StringArray)>,
    sums: Vec<(usize, Numbers)>,
    lists: Vec<(usize, Lists)>,
    cluster: Option<[Numbers; 6]>,
}

fn reads(kpi: &Kpi) -> bool {
    kpi.basis == Basis::Published && kpi.program.reads(Origin::Posts)
}

/// The key of a KPI among the columns.
fn key(kpi: &Kpi) -> String {
    format!("{}@{}", kpi.id, kpi.version)
}

/// Reads what the KPIs want; `None` when none wants any.
pub(super) async fn read(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    scopes: &mut Scopes,
    kpis: &[&Kpi],
) -> Result<Option<Readings>> {
    let Some(made) = plan(ctx, request, &scopes.post_dimensions(), kpis).await? else { return Ok(None) };
    let rows = Rows::collect(made.frame).await?;
    let (account, traffic, slice) = (rows.texts("account")?, rows.texts("traffic")?, rows.numbers("slice")?);
    let dimensions = scopes.post_dimensions();
    let values =
        dimensions.iter().map(|dimension| rows.texts(&named(*dimension))).collect::<Result<Vec<_>>>()?;
    let public = if made.side.is_none() { Some(rows.flags("public")?) } else { None };
    let mut groups = Vec::with_capacity(rows.len());
    for row in 0..rows.len() {
        let account = scopes.account(account.value(row));
        let of_post: Vec<_> = values.iter().map(|column| text(column, row)).collect();
        let side = made.side.unwrap_or_else(|| {
            if public.as_ref().is_some_and(|public| public.value(row)) { Side::Public } else { Side::Own }
        });
        groups.push(Group {
            account,
            scope: scopes.scope(account, &of_post),
            slice: slice.whole(row),
            traffic: traffic_named(traffic.value(row)),
            side,
        });
    }
    let kpis =
        made.kpis.into_iter().map(|(key, names)| Ok((key, names.read(&rows)?))).collect::<Result<_>>()?;
    Ok(Some(Readings { slices: made.slices, groups, kpis }))
}

/// A plan and how to read its result.
pub(super) struct Planned {
    pub(super) frame: DataFrame,
    slices: Slices,
    side: Option<Side>,
    kpis: Vec<(String, KpiNames)>,
}

/// The plan over readings of posts, each table scanned once.
pub(super) async fn plan(
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
    let joined = joined(ctx, request, dimensions, &kpis, &choices, &spans).await?;
    let chosen = chosen(joined, dimensions, side, &choices)?;
    let mut columns = Columns::new("v");
    let mut names = Vec::new();
    for kpi in &kpis {
        names.push((key(kpi), kpi_columns(kpi, &choices, &mut columns)?));
    }
    let mut keys = vec![col("account"), col("traffic"), slices.expression(col("p_day")).alias("slice")];
    keys.extend(dimensions.iter().map(|dimension| col(named(*dimension))));
    keys.extend(side.is_none().then(|| col("public")));
    let frame = chosen.aggregate(keys, columns.into_expressions()).map_err(failed)?;
    Ok(Some(Planned { frame, slices, side, kpis: names }))
}

fn named(dimension: Dimension) -> String {
    format!("d_{}", dimension.as_str())
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
            None => choices.push(Choice { selector: gauge.selector, metrics: [gauge.metric.clone()].into() }),
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
    let facts =
        request.as_of.is_some() || choices.iter().any(|choice| matches!(choice.selector, Selector::Age(_)));
    let table = if facts { "post_facts" } else { "post_lifetime" };
    let mut conditions: Vec<Expr> = of_accounts(request, kpis).into_iter().collect();
    if facts {
        conditions.extend([valid(request.as_of), col("window").eq(lit("at"))]);
    }
    conditions.extend(one_side(kpis).map(of_side));
    let mut columns = vec![
        col("account"),
        col("post"),
        col("traffic"),
        col("at"),
        col("observed_at"),
        col("provisional"),
        col("provenance").eq(lit("public")).alias("public"),
    ];
    let metrics: BTreeSet<&MetricId> = choices.iter().flat_map(|choice| &choice.metrics).collect();
    columns.extend(metrics.iter().map(|metric| col(metric.as_str())));
    if metrics.iter().any(|metric| is_money(metric)) {
        columns.push(col("currency"));
    }
    let mut readings = ctx.table(table).await.map_err(failed)?;
    if let Some(condition) = conditions.into_iter().reduce(Expr::and) {
        readings = readings.filter(condition).map_err(failed)?;
    }
    let readings = readings.select(columns).map_err(failed)?;
    let posts = posts(ctx, request, dimensions, kpis, spans).await?;
    readings
        .join(posts, JoinType::Inner, &["account", "post"], &["p_account", "p_post"], None)
        .map_err(failed)
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
    columns.extend(dimensions.iter().map(|dimension| col(dimension.as_str()).alias(named(*dimension))));
    let posts = ctx.table("posts").await.map_err(failed)?.filter(wanted).map_err(failed)?;
    posts.select(columns).map_err(failed)
}

/// One row per post and traffic, with the numbers of the reading of each choice.
fn chosen(
    joined: DataFrame,
    dimensions: &[Dimension],
    side: Option<Side>,
    choices: &[Choice],
) -> Result<DataFrame> {
    let mut keys = vec![col("account"), col("post"), col("traffic"), col("p_day")];
    keys.extend(dimensions.iter().map(|dimension| col(named(*dimension))));
    keys.extend(side.is_none().then(|| col("public")));
    let mut aggregates = vec![max(col("at")).alias("newest")];
    for (number, choice) in choices.iter().enumerate() {
        let complete =
            choice.metrics.iter().map(|metric| col(metric.as_str()).is_not_null()).reduce(Expr::and);
        let mut usable = complete.unwrap_or_else(|| lit(true));
        let mut order = vec![col("at").sort(false, false), col("observed_at").sort(false, false)];
        if let Selector::Age(days) = choice.selector {
            let distance = distance(days);
            usable = usable.and(distance.clone().lt_eq(lit(tolerance(days))));
            order.insert(0, distance.sort(true, false));
        }
        let mut first = |name: &str, value: Expr| -> Result<()> {
            let value = first(value, &order, &usable)?;
            aggregates.push(value.alias(chosen_name(number, name)));
            Ok(())
        };
        for metric in &choice.metrics {
            first(metric.as_str(), col(metric.as_str()))?;
        }
        first("at", col("at"))?;
        first("observed", col("observed_at"))?;
        first("provisional", cast(col("provisional"), DataType::Int64))?;
        if choice.metrics.iter().any(is_money) {
            first("currency", col("currency"))?;
        }
    }
    joined.aggregate(keys, aggregates).map_err(failed)
}

fn chosen_name(choice: usize, name: &str) -> String {
    format!("r{choice}_{name}")
}

fn first(value: Expr, order: &[Sort], usable: &Expr) -> Result<Expr> {
    let call = first_value_udaf().call(vec![value]);
    call.order_by(order.to_vec()).filter(usable.clone()).build().map_err(failed)
}

/// Microseconds between a reading and the moment at which its post was so many days old.
fn distance(days: u16) -> Expr {
    let born = cast(col("p_at"), DataType::Int64);
    abs(cast(col("at"), DataType::Int64) - born - lit(i64::from(days) * DAY_MICROS))
}

/// ± the greater of a day and 15 % of the age.
fn tolerance(days: u16) -> i64 {
    (i64::from(days) * DAY_MICROS * 15 / 100).max(DAY_MICROS)
}

fn is_money(metric: &MetricId) -> bool {
    Catalogue::builtin().get(metric.as_str()).is_some_and(|metric| metric.nature == Nature::Money)
}

/// The aggregates of one KPI over the posts of a group.
fn kpi_columns(kpi: &Kpi, choices: &[Choice], columns: &mut Columns) -> Result<KpiNames> {
    let own: Vec<(usize, Choice)> = choices_of(kpi)
        .into_iter()
        .filter_map(|choice| choices.iter().position(|known| *known == choice).map(|number| (number, choice)))
        .collect();
    let column = |gauge: &Gauge| {
        let number =
            own.iter().find(|(_, choice)| choice.selector == gauge.selector).map_or(0, |(number, _)| *number);
        col(chosen_name(number, gauge.metric.as_str()))
    };
    let of = |name: &'static str| own.iter().map(move |(number, _)| col(chosen_name(*number, name)));
    let usable = of("at").map(Expr::is_not_null).reduce(Expr::and).unwrap_or_else(|| lit(false));
    let kept = |expression: Expr| when(usable.clone(), expression).end().map_err(failed);
    let flag = |condition: Expr| -> Result<Expr> { Ok(sum(kept(cast(condition, DataType::Int64))?)) };
    let older = of("at").map(|at| at.lt(col("newest"))).reduce(Expr::or).unwrap_or_else(|| lit(false));
    let aged = own.iter().any(|(_, choice)| matches!(choice.selector, Selector::Age(_)));
    let provisional =
        of("provisional").map(|flag| flag.gt(lit(0_i64))).reduce(Expr::or).unwrap_or_else(|| lit(false));
    let money = own.iter().find(|(_, choice)| choice.metrics.iter().any(is_money));
    let mut names = KpiNames {
        usable: columns.add(flag(usable.clone())?),
        fresh: columns.add(max(kept(of("observed").next().unwrap_or_else(|| col("newest")))?)),
        older: columns.add(flag(if aged { lit(false) } else { older })?),
        provisional: columns.add(flag(provisional)?),
        currency: None,
        sums: Vec::new(),
        lists: Vec::new(),
        cluster: None,
    };
    if let Some((number, _)) = money {
        let currency = kept(col(chosen_name(*number, "currency")))?;
        names.currency = Some((columns.add(min(currency.clone())), columns.add(max(currency))));
    }
    // A KPI with one choice needs no condition of its own: its columns are null where the choice has no reading.
    let guarded = |row: &Row| -> Result<Expr> {
        let value = expression::row(row, &column)?;
        let mut gauges = Vec::new();
        row.gauges(&mut gauges);
        if own.len() == 1 && !gauges.is_empty() { Ok(value) } else { kept(value) }
    };
    for (number, part) in
        kpi.program.parts.iter().enumerate().filter(|(_, part)| part.origin == Origin::Posts)
    {
        let value = guarded(&part.row)?;
        if part.fold == Fold::Median {
            let value = cast(value, DataType::Float64);
            let listed = array_agg(value.clone()).filter(value.is_not_null()).build().map_err(failed)?;
            names.lists.push((number, columns.add(listed)));
        } else {
            names.sums.push((number, columns.add(sum(value))));
        }
    }
    if let Some((y, x)) = &kpi.program.cluster {
        let (y, x) = (cast(guarded(y)?, DataType::Float64), cast(guarded(x)?, DataType::Float64));
        let product = |a: &Expr, b: &Expr| a.clone() * b.clone();
        let both = product(&x, &y);
        let of_both = |value: Expr| when(both.clone().is_not_null(), value).end().map_err(failed);
        names.cluster = Some([
            columns.add(count(both.clone())),
            columns.add(sum(of_both(y.clone())?)),
            columns.add(sum(of_both(x.clone())?)),
            columns.add(sum(of_both(product(&y, &y))?)),
            columns.add(sum(both.clone())),
            columns.add(sum(of_both(product(&x, &x))?)),
        ]);
    }
    Ok(names)
}

impl KpiNames {
    fn read(self, rows: &Rows) -> Result<KpiColumns> {
        let currency = match self.currency {
            Some((low, high)) => Some((rows.texts(&low)?, rows.texts(&high)?)),
            None => None,
        };
        let cluster = match self.cluster {
            Some(names) => {
                let [n, y, x, yy, xy, xx] = names.map(|name| rows.numbers(&name));
                Some([n?, y?, x?, yy?, xy?, xx?])
            }
            None => None,
        };
        Ok(KpiColumns {
            usable: rows.numbers(&self.usable)?,
            fresh: rows.instants(&self.fresh)?,
            older: rows.numbers(&self.older)?,
            provisional: rows.numbers(&self.provisional)?,
            currency,
            sums: self
                .sums
                .into_iter()
                .map(|(part, name)| Ok((part, rows.numbers(&name)?)))
                .collect::<Result<_>>()?,
            lists: self
                .lists
                .into_iter()
                .map(|(part, name)| Ok((part, rows.lists(&name)?)))
                .collect::<Result<_>>()?,
            cluster,
        })
    }
}

impl Readings {
    fn of(&self, kpi: &Kpi) -> Option<&KpiColumns> {
        let key = key(kpi);
        self.kpis.iter().find(|(known, _)| *known == key).map(|(_, columns)| columns)
    }

    /// Whether any post of a traffic has all metrics of a KPI.
    pub(super) fn holds(&self, kpi: &Kpi, traffic: Traffic, wanted: &dyn Fn(u32) -> bool) -> bool {
        let Some(columns) = self.of(kpi) else { return false };
        self.groups.iter().enumerate().any(|(row, group)| {
            group.traffic == traffic
                && group.side == kpi.provenance
                && wanted(group.account)
                && columns.usable.count(row) > 0
        })
    }

    /// What the KPI gets by scope and span.
    pub(super) fn gather(
        &self,
        kpi: &Kpi,
        traffic: Traffic,
        spans: &[DateSpan],
        wanted: &dyn Fn(u32) -> bool,
        cells: &mut Cells,
    ) -> Result<()> {
        let Some(columns) = self.of(kpi) else { return Ok(()) };
        let codes: Vec<_> = spans.iter().map(|span| self.slices.codes(*span)).collect();
        for (row, group) in self.groups.iter().enumerate() {
            if group.traffic != traffic || group.side != kpi.provenance || !wanted(group.account) {
                continue;
            }
            if columns.usable.count(row) == 0 {
                continue;
            }
            let one = columns.gathered(kpi.program.parts.len(), row)?;
            for (span, _) in codes.iter().enumerate().filter(|(_, codes)| codes.contains(&group.slice)) {
                let empty = || Gathered::new(kpi.program.parts.len());
                cells.entry((group.scope, span)).or_insert_with(empty).merge(&one);
            }
        }
        Ok(())
    }
}

impl KpiColumns {
    fn gathered(&self, parts: usize, row: usize) -> Result<Gathered> {
        let mut gathered = Gathered::new(parts);
        gathered.usable = self.usable.count(row);
        gathered.older = self.older.count(row);
        gathered.provisional = self.provisional.count(row);
        gathered.see(instant(&self.fresh, row));
        for (part, sums) in &self.sums {
            gathered.add(*part, sums.get(row));
        }
        for (part, lists) in &self.lists {
            gathered.lists.insert(*part, lists.get(row)?);
        }
        if let Some((low, high)) = &self.currency {
            gathered.currencies.extend([text(low, row), text(high, row)].into_iter().flatten());
        }
        if let Some([n, y, x, yy, xy, xx]) = &self.cluster {
            gathered.cluster = Cluster {
                n: n.count(row),
                y: y.real(row),
                x: x.real(row),
                yy: yy.real(row),
                xy: xy.real(row),
                xx: xx.real(row),
            };
        }
        Ok(gathered)
    }
}
