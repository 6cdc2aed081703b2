//! Posts that were published, with numbers or without: what coverage and posting cadence are counted from.

use std::collections::HashMap;

use datafusion::{
    arrow::datatypes::DataType,
    functions_aggregate::expr_fn::{count, sum},
    logical_expr::{Expr, cast, col, lit, when},
    prelude::SessionContext,
};
use kepi_core::{DateSpan, Result};

use super::{
    expression::valid,
    filters::{self, Filters},
    gathered::QuickMap,
    request::EvaluationRequest,
    scope::Scopes,
    slices::{Slices, within},
    table::{Numbers, Rows, failed, text},
    wanted::{DAY_MICROS, of_accounts, spans_of},
};
use crate::{
    formula::{Origin, Selector},
    kpi::{Basis, Kpi},
};

/// Known posts by scope and slice.
#[derive(Debug)]
pub(super) struct Known {
    slices: Slices,
    filters: Filters,
    groups: Vec<Group>,
    counts: Vec<u64>,
    young: HashMap<u16, Vec<u64>>,
}

#[derive(Debug)]
struct Group {
    account: u32,
    scope: u32,
    slice: i64,
    /// The conditions that its posts meet.
    met: i64,
}

/// How many posts are known, and how many of them are too young for an age.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct KnownPosts {
    pub(super) posts: u64,
    pub(super) young: u64,
}

/// Known posts by scope and span.
pub(super) type KnownCells = QuickMap<(u32, usize), KnownPosts>;

/// Whether a KPI counts posts.
pub(super) fn counts_posts(kpi: &Kpi) -> bool {
    kpi.program.reads(Origin::Known) || (kpi.basis == Basis::Published && kpi.program.reads(Origin::Posts))
}

/// The greatest age that a KPI looks at.
pub(super) fn age_of(kpi: &Kpi) -> Option<u16> {
    let ages = kpi.program.gauges(Origin::Posts).into_iter().filter_map(|gauge| match gauge.selector {
        Selector::Age(age) => Some(age),
        _ => None,
    });
    ages.max()
}

/// The plan: posts by account, post dimensions and slice.
pub(super) async fn read(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    scopes: &mut Scopes,
    kpis: &[&Kpi],
) -> Result<Option<Known>> {
    let kpis: Vec<&Kpi> = kpis.iter().copied().filter(|kpi| counts_posts(kpi)).collect();
    if kpis.is_empty() {
        return Ok(None);
    }
    let spans = spans_of(request, &kpis);
    let slices = Slices::of(&spans);
    let mut ages: Vec<u16> = kpis.iter().filter_map(|kpi| age_of(kpi)).collect();
    ages.sort_unstable();
    ages.dedup();
    let dimensions = scopes.post_dimensions();
    let mut keys = vec![col("account"), slices.expression(col("published_day")).alias("slice")];
    keys.extend(dimensions.iter().map(|dimension| col(dimension.as_str())));
    let filters = Filters::of(&kpis);
    keys.extend(filters.expression()?);
    let mut aggregates = vec![count(lit(1_i64)).alias("posts")];
    for age in &ages {
        aggregates.push(sum(too_young(*age, request)?).alias(format!("young{age}")));
    }
    let mut wanted = valid(request.as_of).and(within("published_day", &spans));
    if let Some(accounts) = of_accounts(request, &kpis) {
        wanted = wanted.and(accounts);
    }
    let frame = ctx.table("posts").await.map_err(failed)?.filter(wanted).map_err(failed)?;
    let rows = Rows::collect(frame.aggregate(keys, aggregates).map_err(failed)?).await?;
    let (account, slice, posts) = (rows.texts("account")?, rows.numbers("slice")?, rows.numbers("posts")?);
    let values =
        dimensions.iter().map(|dimension| rows.texts(dimension.as_str())).collect::<Result<Vec<_>>>()?;
    let met = if filters.is_empty() { None } else { Some(rows.numbers(filters::COLUMN)?) };
    let mut known = Known { slices, filters, groups: Vec::new(), counts: Vec::new(), young: HashMap::new() };
    for row in 0..rows.len() {
        let account = scopes.account(account.value(row));
        let of_post: Vec<_> = values.iter().map(|column| text(column, row)).collect();
        known.groups.push(Group {
            account,
            scope: scopes.scope(account, &of_post),
            slice: slice.whole(row),
            met: met.as_ref().map_or(0, |met| met.whole(row)),
        });
    }
    let column = |numbers: &Numbers| (0..rows.len()).map(|row| numbers.count(row)).collect();
    known.counts = column(&posts);
    for age in ages {
        known.young.insert(age, column(&rows.numbers(&format!("young{age}"))?));
    }
    Ok(Some(known))
}

fn too_young(age: u16, request: &EvaluationRequest) -> Result<Expr> {
    let now = request.as_of.unwrap_or(request.now).as_microsecond();
    let born = cast(col("published_at"), DataType::Int64);
    let young = born.gt(lit(now - i64::from(age) * DAY_MICROS));
    when(young, lit(1_i64)).otherwise(lit(0_i64)).map_err(failed)
}

impl Known {
    /// Known posts of a KPI's accounts by scope and span.
    pub(super) fn cells(&self, kpi: &Kpi, spans: &[DateSpan], wanted: &dyn Fn(u32) -> bool) -> KnownCells {
        let young = age_of(kpi).and_then(|age| self.young.get(&age));
        let codes: Vec<_> = spans.iter().map(|span| self.slices.codes(*span)).collect();
        let mut cells = KnownCells::default();
        let asked = self.filters.asked(kpi);
        for (row, group) in self.groups.iter().enumerate() {
            if !asked.admits(group.met) || !wanted(group.account) {
                continue;
            }
            for (span, _) in codes.iter().enumerate().filter(|(_, codes)| codes.contains(&group.slice)) {
                let cell = cells.entry((group.scope, span)).or_default();
                cell.posts += self.counts.get(row).copied().unwrap_or(0);
                cell.young += young.and_then(|young| young.get(row)).copied().unwrap_or(0);
            }
        }
        cells
    }
}
