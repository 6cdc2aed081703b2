//! What happened to posts in the period: differences of readings and days as given, added up by scope and slice.

use std::collections::BTreeSet;

use datafusion::{
    arrow::{array::StringArray, datatypes::DataType},
    dataframe::DataFrame,
    functions_aggregate::expr_fn::{bit_or, count, max, sum},
    logical_expr::{Expr, JoinType, cast, col, lit, when},
    prelude::SessionContext,
};
use jiff::Timestamp;
use kepi_core::{DateSpan, MetricId, Result, Traffic};
use smol_str::SmolStr;

use super::{
    expression::{self, valid},
    gathered::{Cells, Gathered, Observed, ObservedTwice},
    request::{Dimension, EvaluationRequest},
    scope::Scopes,
    slices::{Slices, day_number, epoch_day, touching},
    table::{Numbers, Rows, failed, instant, text},
    wanted::{Columns, dimension_column, is_money, of_accounts, of_side, one_side, spans_of, traffic_named},
};
use crate::{
    formula::{Gauge, Origin},
    kpi::{Basis, Kpi, Side},
};

/// How many sets of metrics one word of presence holds.
const SETS_PER_WORD: usize = 60;

/// Groups of rows of `post_daily`, with the sums that the KPIs want.
#[derive(Debug)]
pub(super) struct Daily {
    slices: Slices,
    groups: Vec<Group>,
    sets: Vec<BTreeSet<MetricId>>,
    sums: Vec<(String, Numbers)>,
}

#[derive(Debug)]
struct Group {
    account: u32,
    scope: u32,
    traffic: Traffic,
    side: Side,
    currency: Option<SmolStr>,
    key: Key,
    /// Which sets of metrics its rows hold in full.
    present: Vec<i64>,
    rows: u64,
    /// The days on which its rows begin, by day since 1970 modulo 64.
    starts: i64,
    fresh: Option<Timestamp>,
}

/// What a row of `post_daily` spans: its slice, how many slices further it ends, its days, whether it may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    slice: i64,
    further: i64,
    days: i64,
    provisional: bool,
}

impl Key {
    const FURTHER: i64 = 1 << 16;
    const DAYS: i64 = 1 << 16;

    /// All of it in one number, so that groups have few and cheap keys.
    fn expression(slices: &Slices) -> Result<Expr> {
        let wide = |expression| cast(expression, DataType::Int64);
        let slice = wide(slices.expression(col("day")));
        let days = day_number(col("end_day")) - day_number(col("day"));
        let last = cast(day_number(col("end_day")) - lit(1_i32), DataType::Date32);
        let further = when(days.clone().eq(lit(1_i32)), lit(0_i64))
            .otherwise(wide(slices.expression(last)) - slice.clone())
            .map_err(failed)?;
        let key = (slice * lit(Self::FURTHER) + further) * lit(Self::DAYS) + wide(days);
        Ok(key * lit(2_i64) + wide(col("provisional")))
    }

    fn read(key: i64) -> Self {
        let (rest, provisional) = (key.div_euclid(2), key.rem_euclid(2) == 1);
        let (rest, days) = (rest.div_euclid(Self::DAYS), rest.rem_euclid(Self::DAYS));
        Self {
            slice: rest.div_euclid(Self::FURTHER),
            further: rest.rem_euclid(Self::FURTHER),
            days,
            provisional,
        }
    }
}

fn reads(kpi: &Kpi) -> bool {
    kpi.basis == Basis::Activity && kpi.program.reads(Origin::Posts)
}

fn set_of(kpi: &Kpi) -> BTreeSet<MetricId> {
    kpi.program.gauges(Origin::Posts).into_iter().map(|gauge| gauge.metric.clone()).collect()
}

/// A plan and how to read its result.
pub(super) struct Planned {
    pub(super) frame: DataFrame,
    slices: Slices,
    side: Option<Side>,
    money: bool,
    sets: Vec<BTreeSet<MetricId>>,
    sums: Vec<(String, String)>,
}

/// The dimensions of posts that rollups tell apart.
const ROLLED_UP: [Dimension; 3] = [Dimension::Format, Dimension::Category, Dimension::Campaign];

/// Whether rows that are added up over posts come to the same: what is asked is current, of dimensions that they
/// tell apart, and of each row of a formula the sum is that row of the sums.
fn rolled_up(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    dimensions: &[Dimension],
    kpis: &[&Kpi],
) -> Result<bool> {
    let told = dimensions.iter().all(|dimension| ROLLED_UP.contains(dimension));
    let parts = kpis.iter().flat_map(|kpi| &kpi.program.parts);
    let mut parts = parts.filter(|part| part.origin == Origin::Posts);
    let asked = request.rollups && request.as_of.is_none() && told;
    Ok(asked && parts.all(|part| part.row.is_linear()) && ctx.table_exist("daily_rollup").map_err(failed)?)
}

/// The plan: one scan of `daily_rollup`, or of `post_daily` where that cannot answer, and one aggregate; joined
/// with `posts` only for dimensions of posts.
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
    let mut sets: Vec<BTreeSet<MetricId>> = kpis.iter().map(|kpi| set_of(kpi)).collect();
    sets.sort();
    sets.dedup();
    let money = sets.iter().flatten().any(is_money);
    let rolled_up = rolled_up(ctx, request, dimensions, &kpis)?;
    let mut wanted = touching("day", "end_day", &spans);
    if !rolled_up {
        wanted = valid(request.as_of).and(wanted);
    }
    for condition in of_accounts(request, &kpis).into_iter().chain(side.map(of_side)) {
        wanted = wanted.and(condition);
    }
    let table = if rolled_up { "daily_rollup" } else { "post_daily" };
    let mut frame = ctx.table(table).await.map_err(failed)?.filter(wanted).map_err(failed)?;
    if !dimensions.is_empty() && !rolled_up {
        frame = with_posts(ctx, request, dimensions, &kpis, frame).await?;
    }
    let mut keys = vec![col("account"), col("traffic"), Key::expression(&slices)?.alias("key")];
    keys.extend(
        sets.chunks(SETS_PER_WORD)
            .enumerate()
            .map(|(word, sets)| presence(sets).alias(format!("present{word}"))),
    );
    keys.extend(dimensions.iter().map(|dimension| {
        let name = dimension_column(*dimension);
        if rolled_up { col(dimension.as_str()).alias(name) } else { col(name) }
    }));
    keys.extend(side.is_none().then(|| col("provenance").eq(lit("public")).alias("public")));
    keys.extend(money.then(|| col("currency")));
    let mut columns = Columns::new("v");
    let mut sums = Vec::new();
    let column = |gauge: &Gauge| col(gauge.metric.as_str());
    for part in kpis.iter().flat_map(|kpi| &kpi.program.parts).filter(|part| part.origin == Origin::Posts) {
        sums.push((format!("{:?}", part.row), columns.add(sum(expression::row(&part.row, &column)?))));
    }
    sums.sort();
    sums.dedup();
    let mut aggregates = columns.into_expressions();
    let start = cast(day_number(col("day")), DataType::Int64) & lit(63_i64);
    aggregates.push(bit_or(lit(1_i64) << start).alias("starts"));
    let rows = if rolled_up { sum(col("rows")) } else { count(lit(1_i64)) };
    aggregates.push(rows.alias("rows"));
    aggregates.push(max(col("observed_at")).alias("fresh"));
    let frame = frame.aggregate(keys, aggregates).map_err(failed)?;
    Ok(Some(Planned { frame, slices, side, money, sets, sums }))
}

async fn with_posts(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    dimensions: &[Dimension],
    kpis: &[&Kpi],
    frame: DataFrame,
) -> Result<DataFrame> {
    let mut wanted = valid(request.as_of);
    if let Some(accounts) = of_accounts(request, kpis) {
        wanted = wanted.and(accounts);
    }
    let mut columns = vec![col("account").alias("p_account"), col("post").alias("p_post")];
    columns.extend(
        dimensions.iter().map(|dimension| col(dimension.as_str()).alias(dimension_column(*dimension))),
    );
    let posts = ctx.table("posts").await.map_err(failed)?.filter(wanted).map_err(failed)?;
    let posts = posts.select(columns).map_err(failed)?;
    // The small side is the one that a hash join builds: the left.
    posts.join(frame, JoinType::Right, &["p_account", "p_post"], &["account", "post"], None).map_err(failed)
}

/// One bit per set of metrics that a row holds in full.
fn presence(sets: &[BTreeSet<MetricId>]) -> Expr {
    let held = |set: &BTreeSet<MetricId>| {
        let all = set.iter().map(|metric| col(metric.as_str()).is_not_null()).reduce(Expr::and);
        cast(all.unwrap_or_else(|| lit(true)), DataType::Int64)
    };
    sets.iter()
        .enumerate()
        .map(|(bit, set)| held(set) * lit(1_i64 << bit))
        .reduce(|sum, bit| sum + bit)
        .unwrap_or_else(|| lit(0_i64))
}

/// Reads what the KPIs want; `None` when none wants any.
pub(super) async fn read(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    scopes: &mut Scopes,
    kpis: &[&Kpi],
) -> Result<Option<Daily>> {
    let dimensions = scopes.post_dimensions();
    let Some(planned) = plan(ctx, request, &dimensions, kpis).await? else { return Ok(None) };
    let rows = Rows::collect(planned.frame).await?;
    let (account, traffic, key) = (rows.texts("account")?, rows.texts("traffic")?, rows.numbers("key")?);
    let (starts, count, fresh) = (rows.numbers("starts")?, rows.numbers("rows")?, rows.instants("fresh")?);
    let words = planned.sets.len().div_ceil(SETS_PER_WORD);
    let present =
        (0..words).map(|word| rows.numbers(&format!("present{word}"))).collect::<Result<Vec<_>>>()?;
    let of_posts: Vec<StringArray> = dimensions
        .iter()
        .map(|dimension| rows.texts(&dimension_column(*dimension)))
        .collect::<Result<_>>()?;
    let public = if planned.side.is_none() { Some(rows.flags("public")?) } else { None };
    let currency = if planned.money { Some(rows.texts("currency")?) } else { None };
    let mut groups = Vec::with_capacity(rows.len());
    for row in 0..rows.len() {
        let account = scopes.account(account.value(row));
        let values: Vec<_> = of_posts.iter().map(|column| text(column, row)).collect();
        groups.push(Group {
            account,
            scope: scopes.scope(account, &values),
            traffic: traffic_named(traffic.value(row)),
            side: planned.side.unwrap_or_else(|| {
                if public.as_ref().is_some_and(|public| public.value(row)) { Side::Public } else { Side::Own }
            }),
            currency: currency.as_ref().and_then(|currency| text(currency, row)),
            key: Key::read(key.whole(row)),
            present: present.iter().map(|word| word.whole(row)).collect(),
            rows: count.count(row),
            starts: starts.whole(row),
            fresh: instant(&fresh, row),
        });
    }
    let sums =
        planned.sums.into_iter().map(|(of, name)| Ok((of, rows.numbers(&name)?))).collect::<Result<_>>()?;
    Ok(Some(Daily { slices: planned.slices, groups, sets: planned.sets, sums }))
}

impl Daily {
    /// Whether a KPI reads it.
    pub(super) fn concerns(kpi: &Kpi) -> bool {
        reads(kpi)
    }

    fn holds_set(&self, group: &Group, set: usize) -> bool {
        group.present.get(set / SETS_PER_WORD).is_some_and(|word| word >> (set % SETS_PER_WORD) & 1 == 1)
    }

    fn set(&self, kpi: &Kpi) -> Option<usize> {
        let own = set_of(kpi);
        self.sets.iter().position(|set| *set == own)
    }

    fn of<'a>(
        &'a self,
        kpi: &'a Kpi,
        traffic: Traffic,
        wanted: &'a dyn Fn(u32) -> bool,
    ) -> impl Iterator<Item = (usize, &'a Group)> {
        self.groups.iter().enumerate().filter(move |(_, group)| {
            group.traffic == traffic && group.side == kpi.provenance && wanted(group.account)
        })
    }

    /// Whether any row of a traffic has all metrics of a KPI.
    pub(super) fn holds(&self, kpi: &Kpi, traffic: Traffic, wanted: &dyn Fn(u32) -> bool) -> bool {
        let Some(set) = self.set(kpi) else { return false };
        self.of(kpi, traffic, wanted).any(|(_, group)| self.holds_set(group, set))
    }

    /// What the KPI gets by scope and span, and the account-days of each span that it was observed on.
    pub(super) fn gather(
        &self,
        kpi: &Kpi,
        traffic: Traffic,
        spans: &[DateSpan],
        wanted: &dyn Fn(u32) -> bool,
        cells: &mut Cells,
    ) -> Vec<ObservedTwice> {
        let mut observed = vec![ObservedTwice::default(); spans.len()];
        let Some(set) = self.set(kpi) else { return observed };
        let codes: Vec<_> = spans.iter().map(|span| self.slices.codes(*span)).collect();
        let parts = kpi.program.parts.len();
        let columns: Vec<(usize, &Numbers)> = kpi
            .program
            .parts
            .iter()
            .enumerate()
            .filter(|(_, part)| part.origin == Origin::Posts)
            .filter_map(|(number, part)| {
                let of = format!("{:?}", part.row);
                self.sums.iter().find(|(known, _)| *known == of).map(|(_, numbers)| (number, numbers))
            })
            .collect();
        for (row, group) in self.of(kpi, traffic, wanted) {
            let complete = self.holds_set(group, set);
            let Key { slice, further, .. } = group.key;
            for (span, codes) in codes.iter().enumerate() {
                let (first, last) = (codes.contains(&slice), codes.contains(&(slice + further)));
                let spanning = slice < codes.start && codes.end <= slice + further;
                if !first && !last && !spanning {
                    continue;
                }
                let cell = cells.entry((group.scope, span)).or_insert_with(|| Gathered::new(parts));
                if !complete {
                    // A sum that is there was added up from rows that hold its metric, not all of the formula.
                    for (part, _) in columns.iter().filter(|(_, numbers)| numbers.get(row).is_some()) {
                        cell.incomplete = true;
                        cell.seen.extend(kpi.program.metrics_of(*part));
                    }
                } else if first && last {
                    let provisional = group.key.provisional;
                    for (part, numbers) in &columns {
                        if provisional {
                            cell.add_provisional(*part, numbers.get(row));
                        } else {
                            cell.add(*part, numbers.get(row));
                        }
                    }
                    cell.see(group.fresh);
                    cell.provisional += if provisional { group.rows } else { 0 };
                    cell.currencies.extend(group.currency.clone());
                    if let Some(observed) = observed.get_mut(span) {
                        self.mark(group, observed.of(provisional));
                    }
                } else {
                    cell.crossing += group.rows;
                }
            }
        }
        observed
    }

    fn mark(&self, group: &Group, observed: &mut Observed) {
        let Some(start) = self.slices.start(group.key.slice).map(epoch_day) else { return };
        let days = i32::try_from(group.key.days).unwrap_or(0);
        let bits = group.starts.cast_unsigned();
        // A slice has at most 62 days, so each bit is one day of it.
        for day in (start..start + 64).filter(|day| bits >> day.rem_euclid(64) & 1 == 1) {
            observed.mark(group.account, day..day + days);
        }
    }
}
