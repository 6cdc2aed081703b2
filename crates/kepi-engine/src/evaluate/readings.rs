//! Posts published in the period: one reading of each, chosen by the formula, added up by scope and slice.

mod choose;
mod plan;

use datafusion::{
    arrow::array::{StringArray, TimestampMicrosecondArray},
    prelude::SessionContext,
};
use kepi_core::{DateSpan, MetricId, Result, Traffic};

use self::plan::KpiNames;
pub(super) use self::plan::{known_posts, per_post, plan};
use super::{
    filters::{self, Filters},
    gathered::{Cells, Gathered},
    request::EvaluationRequest,
    scope::Scopes,
    slices::Slices,
    table::{Lists, Numbers, Rows, instant, text},
    wanted::{dimension_column, traffic_named},
};
use crate::{
    formula::Origin,
    kpi::{Basis, Kpi, Side},
    statistics::Cluster,
};

/// Posts by account, traffic, post dimensions and slice, with the sums that the KPIs want.
#[derive(Debug)]
pub(super) struct Readings {
    slices: Slices,
    filters: Filters,
    groups: Vec<Group>,
    kpis: Vec<(String, KpiColumns)>,
    metrics: Vec<(MetricId, Numbers)>,
}

#[derive(Debug)]
struct Group {
    account: u32,
    scope: u32,
    slice: i64,
    traffic: Traffic,
    side: Side,
    /// The conditions that its posts meet.
    met: i64,
}

/// The columns of one KPI.
#[derive(Debug)]
struct KpiColumns {
    usable: Numbers,
    fresh: TimestampMicrosecondArray,
    older: Numbers,
    provisional: Numbers,
    capped: Numbers,
    currency: Option<(StringArray, StringArray)>,
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
    let values = dimensions
        .iter()
        .map(|dimension| rows.texts(&dimension_column(*dimension)))
        .collect::<Result<Vec<_>>>()?;
    let public = if made.side.is_none() { Some(rows.flags("public")?) } else { None };
    let met = if made.filters.is_empty() { None } else { Some(rows.numbers(filters::COLUMN)?) };
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
            met: met.as_ref().map_or(0, |met| met.whole(row)),
        });
    }
    let kpis =
        made.kpis.into_iter().map(|(key, names)| Ok((key, names.read(&rows)?))).collect::<Result<_>>()?;
    let metrics = made
        .metrics
        .into_iter()
        .map(|(metric, name)| Ok((metric, rows.numbers(&name)?)))
        .collect::<Result<_>>()?;
    Ok(Some(Readings { slices: made.slices, filters: made.filters, groups, kpis, metrics }))
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
            capped: rows.numbers(&self.capped)?,
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
        let asked = self.filters.asked(kpi);
        self.groups.iter().enumerate().any(|(row, group)| {
            group.traffic == traffic
                && group.side == kpi.provenance
                && asked.admits(group.met)
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
        let (own, asked) = (kpi.metrics(), self.filters.asked(kpi));
        for (row, group) in self.groups.iter().enumerate() {
            let concerned = group.traffic == traffic && group.side == kpi.provenance;
            if !concerned || !asked.admits(group.met) || !wanted(group.account) {
                continue;
            }
            let mut one = columns.gathered(kpi.program.parts.len(), row)?;
            if one.usable == 0 {
                let said = self
                    .metrics
                    .iter()
                    .filter(|(metric, count)| own.contains(metric) && count.count(row) > 0);
                one.seen.extend(said.map(|(metric, _)| metric.clone()));
            }
            for (span, _) in codes.iter().enumerate().filter(|(_, codes)| codes.contains(&group.slice)) {
                cells.at(group.scope, span).into_iter().for_each(|cell| cell.merge(&one));
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
        gathered.capped = self.capped.count(row);
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
