//! What happened to posts in the period: differences of readings and days as given, added up by scope and slice.

use std::collections::BTreeSet;

use datafusion::{
    arrow::datatypes::DataType,
    dataframe::DataFrame,
    functions::expr_fn::{coalesce, least},
    functions_aggregate::expr_fn::{bit_or, count, max, sum},
    logical_expr::{Expr, JoinType, cast, col, lit, when},
    prelude::SessionContext,
};
use jiff::Timestamp;
use kepi_core::{DateSpan, MetricId, Result, Traffic};
use smallvec::SmallVec;
use smol_str::SmolStr;

use super::{
    expression::{self, valid},
    family,
    filters::{self, Filters},
    gathered::{Cells, Observed, ObservedTwice, QuickMap},
    request::{Dimension, EvaluationRequest},
    scope::Scopes,
    slices::{Slices, day_number, epoch_day, touching},
    table::{Numbers, Rows, failed, instant, text},
    wanted::{Columns, is_money, of_accounts, of_side, one_side, spans_of, traffic_named},
};
use crate::{
    formula::{Gauge, Origin},
    kpi::{Basis, Kpi, Side},
};

/// So many metrics have their bit of presence in the key of a group …
const IN_KEY: usize = 16;
/// … and each further word holds so many.
const IN_WORD: usize = 60;

/// Groups of rows of `post_daily`, with the sums that the KPIs want.
#[derive(Debug)]
pub(super) struct Daily {
    slices: Slices,
    filters: Filters,
    groups: Vec<Group>,
    metrics: Vec<MetricId>,
    sums: Vec<(String, Numbers)>,
}

#[derive(Debug)]
struct Group {
    account: u32,
    scope: u32,
    traffic: Traffic,
    side: Side,
    currency: Option<SmolStr>,
    /// The conditions that its posts meet.
    met: i64,
    key: Key,
    /// Which metrics its rows hold: those of the key, then words of the rest.
    present: SmallVec<[i64; 2]>,
    rows: u64,
    /// The days on which its rows begin, by day since 1970 modulo 64.
    starts: i64,
    fresh: Option<Timestamp>,
}

impl Group {
    /// Whether its rows hold all metrics of a set.
    fn holds(&self, set: &[i64]) -> bool {
        set.iter().zip(&self.present).all(|(set, present)| set & present == *set)
    }
}

/// The spans that rows touch, by their slices, and whether such rows lie within.
fn touches(codes: &[std::ops::Range<i64>], slice: i64, further: i64) -> Vec<(usize, bool)> {
    let last = slice + further;
    let touch = |(span, codes): (usize, &std::ops::Range<i64>)| {
        let (begins, ends) = (codes.contains(&slice), codes.contains(&last));
        let spanning = slice < codes.start && codes.end <= last;
        (begins || ends || spanning).then_some((span, begins && ends))
    };
    codes.iter().enumerate().filter_map(touch).collect()
}

/// What a row of `post_daily` spans: its slice, how many slices further it ends, its days, whether it may change, and
/// which of the first metrics it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    slice: i64,
    further: i64,
    days: i64,
    provisional: bool,
    present: i64,
}

impl Key {
    const FURTHER: i64 = 1 << 13;
    /// Differences that span more days are told as spanning this many less one.
    const DAYS: i64 = 1 << 12;
    const PRESENT: i64 = 1 << IN_KEY;

    /// All of it in one number, so that groups have few and cheap keys. `present` are the bits of presence.
    fn expression(slices: &Slices, present: Expr) -> Result<Expr> {
        let wide = |expression| cast(expression, DataType::Int64);
        let slice = wide(slices.expression(col("day")));
        let days = day_number(col("end_day")) - day_number(col("day"));
        let last = cast(day_number(col("end_day")) - lit(1_i32), DataType::Date32);
        // Nearly all rows are of one day, and of those nothing more is computed.
        let further = wide(slices.expression(last)) - slice.clone();
        let many = further * lit(Self::DAYS) + least(vec![wide(days.clone()), lit(Self::DAYS - 1)]);
        let spread = when(days.eq(lit(1_i32)), lit(1_i64)).otherwise(many).map_err(failed)?;
        let key = slice * lit(Self::FURTHER * Self::DAYS) + spread;
        let key =
            key * lit(2_i64) + when(col("provisional"), lit(1_i64)).otherwise(lit(0_i64)).map_err(failed)?;
        Ok(key * lit(Self::PRESENT) + present)
    }

    fn read(key: i64) -> Self {
        let (rest, present) = (key.div_euclid(Self::PRESENT), key.rem_euclid(Self::PRESENT));
        let (rest, provisional) = (rest.div_euclid(2), rest.rem_euclid(2) == 1);
        let (rest, days) = (rest.div_euclid(Self::DAYS), rest.rem_euclid(Self::DAYS));
        let (slice, further) = (rest.div_euclid(Self::FURTHER), rest.rem_euclid(Self::FURTHER));
        Self { slice, further, days, provisional, present }
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
    filters: Filters,
    side: Option<Side>,
    money: bool,
    metrics: Vec<MetricId>,
    sums: Vec<(String, String)>,
    /// The dimensions that stand in columns of their own, not in the text of a family.
    apart: Vec<Dimension>,
}

/// The dimensions of posts that rollups tell apart.
const ROLLED_UP: [Dimension; 3] = [Dimension::Format, Dimension::Category, Dimension::Campaign];

/// Whether posts that rollups do not tell apart are the same to a KPI: it asks for all posts, or for those that a
/// condition on dimensions of theirs picks out.
pub(super) fn told_apart(kpi: &Kpi) -> bool {
    let names = ROLLED_UP.map(Dimension::as_str);
    kpi.filter.as_ref().is_none_or(|filter| filter.looks_only_at(&names))
}

/// Whether rows that are added up over posts come to the same: what is asked is current, of dimensions and posts that
/// they tell apart, and of each row of a formula the sum is that row of the sums.
fn rolled_up(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    dimensions: &[Dimension],
    kpis: &[&Kpi],
) -> Result<bool> {
    let told = dimensions.iter().all(|dimension| ROLLED_UP.contains(dimension));
    let parts = kpis.iter().flat_map(|kpi| &kpi.program.parts);
    let mut parts = parts.filter(|part| part.origin == Origin::Posts);
    let told = told && kpis.iter().all(|kpi| told_apart(kpi));
    let asked = request.rollups && request.as_of.is_none() && told;
    Ok(asked && parts.all(|part| part.row.is_linear()) && ctx.table_exist("daily_rollup").map_err(failed)?)
}

/// Whether rollups answer those of the KPIs that read days of posts; not where none does.
pub(super) fn answered_by_rollups(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    dimensions: &[Dimension],
    kpis: &[&Kpi],
) -> Result<bool> {
    let kpis: Vec<&Kpi> = kpis.iter().copied().filter(|kpi| reads(kpi)).collect();
    Ok(!kpis.is_empty() && rolled_up(ctx, request, dimensions, &kpis)?)
}

/// The plan: one scan of `daily_rollup`, or of `post_daily` where that cannot answer, and one aggregate; joined
/// with `posts` only for dimensions of posts and conditions on them.
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
    let metrics: BTreeSet<MetricId> = kpis.iter().flat_map(|kpi| set_of(kpi)).collect();
    let metrics: Vec<MetricId> = metrics.into_iter().collect();
    let money = metrics.iter().any(is_money);
    let filters = Filters::of(&kpis);
    let rolled_up = rolled_up(ctx, request, dimensions, &kpis)?;
    let mut wanted = touching("day", "end_day", &spans);
    if !rolled_up {
        wanted = valid(request.as_of).and(wanted);
    }
    for condition in of_accounts(request, &kpis).into_iter().chain(side.map(of_side)) {
        wanted = wanted.and(condition);
    }
    let table = if rolled_up { "daily_rollup" } else { "post_daily" };
    let frame = ctx.table(table).await.map_err(failed)?.filter(wanted).map_err(failed)?;
    let mut columns = narrow(&slices, &metrics, side, money)?;
    if rolled_up {
        columns.push(col("rows"));
        columns.extend(dimensions.iter().map(|dimension| col(dimension.as_str())));
        columns.extend(filters.expression()?);
    } else {
        columns.push(col("post"));
    }
    let mut frame = frame.select(columns).map_err(failed)?;
    let mut family = col("account");
    // Where nothing is joined, columns of their own are cheaper than a text that is put together for every row.
    let apart = if rolled_up { dimensions.to_vec() } else { Vec::new() };
    let of_posts = !(dimensions.is_empty() && filters.is_empty());
    if of_posts && !rolled_up {
        frame = with_posts(ctx, request, dimensions, &kpis, frame).await?;
        family = coalesce(vec![col(family::COLUMN), family]);
    }
    let mut keys = vec![family.alias("account"), col("traffic"), col("key")];
    keys.extend(apart.iter().map(|dimension| col(dimension.as_str())));
    keys.extend((0..words(&metrics)).map(|word| col(present_name(word))));
    keys.extend(side.is_none().then(|| col("public")));
    keys.extend(money.then(|| col("currency")));
    keys.extend(filters.key());
    let mut columns = Columns::new("v");
    let mut sums = Vec::new();
    let column = |gauge: &Gauge| col(gauge.metric.as_str());
    for part in kpis.iter().flat_map(|kpi| &kpi.program.parts).filter(|part| part.origin == Origin::Posts) {
        sums.push((format!("{:?}", part.row), columns.add(sum(expression::row(&part.row, &column)?))));
    }
    sums.sort();
    sums.dedup();
    let mut aggregates = columns.into_expressions();
    aggregates.push(bit_or(lit(1_i64) << col("start")).alias("starts"));
    let rows = if rolled_up { sum(col("rows")) } else { count(lit(1_i64)) };
    aggregates.push(rows.alias("rows"));
    aggregates.push(max(col("observed_at")).alias("fresh"));
    let frame = frame.aggregate(keys, aggregates).map_err(failed)?;
    Ok(Some(Planned { frame, slices, filters, side, money, metrics, sums, apart }))
}

/// What rows are grouped by and what is added up, no more: the join carries every column that it is given.
fn narrow(slices: &Slices, metrics: &[MetricId], side: Option<Side>, money: bool) -> Result<Vec<Expr>> {
    let (in_key, rest) = metrics.split_at(metrics.len().min(IN_KEY));
    let mut columns = vec![
        col("account"),
        col("traffic"),
        Key::expression(slices, presence(in_key)?)?.alias("key"),
        (cast(day_number(col("day")), DataType::Int64) & lit(63_i64)).alias("start"),
        col("observed_at"),
    ];
    for (word, metrics) in rest.chunks(IN_WORD).enumerate() {
        columns.push(presence(metrics)?.alias(present_name(word)));
    }
    columns.extend(side.is_none().then(|| col("provenance").eq(lit("public")).alias("public")));
    columns.extend(money.then(|| col("currency")));
    columns.extend(metrics.iter().map(|metric| col(metric.as_str())));
    Ok(columns)
}

/// Words of presence beside the key.
fn words(metrics: &[MetricId]) -> usize {
    metrics.len().saturating_sub(IN_KEY).div_ceil(IN_WORD)
}

fn present_name(word: usize) -> String {
    format!("present{word}")
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
    let mut columns = vec![
        col("account").alias("p_account"),
        col("post").alias("p_post"),
        family::expression(dimensions)?.alias(family::COLUMN),
    ];
    columns.extend(Filters::of(kpis).expression()?);
    let posts = ctx.table("posts").await.map_err(failed)?.filter(wanted).map_err(failed)?;
    let posts = posts.select(columns).map_err(failed)?;
    // The small side is the one that a hash join builds: the left.
    posts.join(frame, JoinType::Right, &["p_account", "p_post"], &["account", "post"], None).map_err(failed)
}

/// One bit per metric that a row holds.
fn presence(metrics: &[MetricId]) -> Result<Expr> {
    let mut word = lit(0_i64);
    for (place, metric) in metrics.iter().enumerate() {
        let held = when(col(metric.as_str()).is_null(), lit(0_i64)).otherwise(lit(1_i64 << place));
        let held = held.map_err(failed)?;
        word = if place == 0 { held } else { word + held };
    }
    Ok(word)
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
    let present = (0..words(&planned.metrics))
        .map(|word| rows.numbers(&present_name(word)))
        .collect::<Result<Vec<_>>>()?;
    let public = if planned.side.is_none() { Some(rows.flags("public")?) } else { None };
    let currency = if planned.money { Some(rows.texts("currency")?) } else { None };
    let met = if planned.filters.is_empty() { None } else { Some(rows.numbers(filters::COLUMN)?) };
    let apart = planned.apart.iter().map(|dimension| rows.texts(dimension.as_str()));
    let apart = apart.collect::<Result<Vec<_>>>()?;
    let mut groups = Vec::with_capacity(rows.len());
    for row in 0..rows.len() {
        let (account, mut values) = family::read(account.value(row), dimensions.len());
        for (value, texts) in values.iter_mut().zip(&apart) {
            *value = text(texts, row);
        }
        let account = scopes.account(account);
        let key = Key::read(key.whole(row));
        groups.push(Group {
            account,
            scope: scopes.scope(account, &values),
            traffic: traffic_named(traffic.value(row)),
            side: planned.side.unwrap_or_else(|| {
                if public.as_ref().is_some_and(|public| public.value(row)) { Side::Public } else { Side::Own }
            }),
            currency: currency.as_ref().and_then(|currency| text(currency, row)),
            met: met.as_ref().map_or(0, |met| met.whole(row)),
            key,
            present: std::iter::once(key.present).chain(present.iter().map(|word| word.whole(row))).collect(),
            rows: count.count(row),
            starts: starts.whole(row),
            fresh: instant(&fresh, row),
        });
    }
    let sums =
        planned.sums.into_iter().map(|(of, name)| Ok((of, rows.numbers(&name)?))).collect::<Result<_>>()?;
    let Planned { slices, filters, metrics, .. } = planned;
    Ok(Some(Daily { slices, filters, groups, metrics, sums }))
}

impl Daily {
    /// Whether a KPI reads it.
    pub(super) fn concerns(kpi: &Kpi) -> bool {
        reads(kpi)
    }

    /// The bits of presence of all metrics of a KPI, word by word.
    fn set(&self, kpi: &Kpi) -> Vec<i64> {
        let own = set_of(kpi);
        let bits = |metrics: &[MetricId]| {
            let bit = |(place, metric): (usize, &MetricId)| i64::from(own.contains(metric)) << place;
            metrics.iter().enumerate().map(bit).fold(0, |word, bit| word | bit)
        };
        let (in_key, rest) = self.metrics.split_at(self.metrics.len().min(IN_KEY));
        std::iter::once(in_key).chain(rest.chunks(IN_WORD)).map(bits).collect()
    }

    fn of<'a>(
        &'a self,
        kpi: &'a Kpi,
        traffic: Traffic,
        wanted: &'a dyn Fn(u32) -> bool,
    ) -> impl Iterator<Item = (usize, &'a Group)> {
        let asked = self.filters.asked(kpi);
        self.groups.iter().enumerate().filter(move |(_, group)| {
            group.traffic == traffic
                && group.side == kpi.provenance
                && asked.admits(group.met)
                && wanted(group.account)
        })
    }

    /// Whether any row of a traffic has all metrics of a KPI.
    pub(super) fn holds(&self, kpi: &Kpi, traffic: Traffic, wanted: &dyn Fn(u32) -> bool) -> bool {
        let set = self.set(kpi);
        self.of(kpi, traffic, wanted).any(|(_, group)| group.holds(&set))
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
        let set = self.set(kpi);
        let codes: Vec<_> = spans.iter().map(|span| self.slices.codes(*span)).collect();
        let columns = self.columns(kpi);
        let mut touched: QuickMap<(i64, i64), Vec<(usize, bool)>> = QuickMap::default();
        for (row, group) in self.of(kpi, traffic, wanted) {
            let complete = group.holds(&set);
            let Key { slice, further, provisional, .. } = group.key;
            let touched = touched.entry((slice, further)).or_insert_with(|| touches(&codes, slice, further));
            for &(span, inside) in &*touched {
                let Some(cell) = cells.at(group.scope, span) else { continue };
                if !complete {
                    // A sum that is there was added up from rows that hold its metric, not all of the formula.
                    for (.., metrics) in columns.iter().filter(|(_, numbers, _)| numbers.get(row).is_some()) {
                        cell.incomplete = true;
                        let new = metrics.iter().filter(|metric| !cell.seen.contains(*metric));
                        let new: Vec<MetricId> = new.cloned().collect();
                        cell.seen.extend(new);
                    }
                } else if inside {
                    for (part, numbers, _) in &columns {
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

    /// The parts of a KPI that are of posts: their numbers, and the metrics in them.
    fn columns(&self, kpi: &Kpi) -> Vec<(usize, &Numbers, Vec<MetricId>)> {
        let parts = kpi.program.parts.iter().enumerate().filter(|(_, part)| part.origin == Origin::Posts);
        parts
            .filter_map(|(number, part)| {
                let of = format!("{:?}", part.row);
                let (_, numbers) = self.sums.iter().find(|(known, _)| *known == of)?;
                Some((number, numbers, kpi.program.metrics_of(number)))
            })
            .collect()
    }

    fn mark(&self, group: &Group, observed: &mut Observed) {
        let Some(start) = self.slices.start(group.key.slice).map(epoch_day) else { return };
        let days = i32::try_from(group.key.days).unwrap_or(0);
        let bits = group.starts.cast_unsigned();
        if days == 1 {
            observed.mark_bits(group.account, start, bits);
            return;
        }
        // A slice has at most 62 days, so each bit is one day of it.
        for day in (start..start + 64).filter(|day| bits >> day.rem_euclid(64) & 1 == 1) {
            observed.mark(group.account, day..day + days);
        }
    }
}
