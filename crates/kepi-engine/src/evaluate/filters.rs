//! The conditions on posts of a scorecard's KPIs (`where`): which of them a post meets, as the bits of one number, so
//! that one scan serves all KPIs.

use datafusion::logical_expr::{Expr, col, lit, when};
use kepi_core::Result;

use super::table::failed;
use crate::{formula::Filter, kpi::Kpi};

/// The name of the column.
pub(super) const COLUMN: &str = "met";

/// So many conditions have their bit.
pub(super) const MOST: usize = 60;

/// Conditions, each once.
#[derive(Debug, Clone, Default)]
pub(super) struct Filters(Vec<Filter>);

impl Filters {
    pub(super) fn of(kpis: &[&Kpi]) -> Self {
        let mut filters: Vec<Filter> = Vec::new();
        for filter in kpis.iter().filter_map(|kpi| kpi.filter.as_ref()) {
            if !filters.contains(filter) {
                filters.push(filter.clone());
            }
        }
        Self(filters)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The column of a row of `posts`; none where nothing is asked of posts.
    pub(super) fn expression(&self) -> Result<Option<Expr>> {
        let mut met: Option<Expr> = None;
        for (bit, filter) in self.0.iter().enumerate() {
            let held = when(filter.holds(), lit(1_i64 << bit)).otherwise(lit(0_i64)).map_err(failed)?;
            met = Some(match met {
                Some(met) => met + held,
                None => held,
            });
        }
        Ok(met.map(|met| met.alias(COLUMN)))
    }

    /// The key that plans group by.
    pub(super) fn key(&self) -> Option<Expr> {
        (!self.is_empty()).then(|| col(COLUMN))
    }

    /// The posts that count for a KPI.
    pub(super) fn asked(&self, kpi: &Kpi) -> Asked {
        let bit = |filter: &Filter| self.0.iter().position(|known| known == filter).map_or(0, |bit| 1 << bit);
        Asked(kpi.filter.as_ref().map(bit))
    }
}

/// The bit that posts must have to count; `None` for all posts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked(Option<i64>);

impl Asked {
    pub(super) fn admits(self, met: i64) -> bool {
        self.0.is_none_or(|bit| met & bit != 0)
    }
}
