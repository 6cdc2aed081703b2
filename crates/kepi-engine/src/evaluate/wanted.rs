//! What the KPIs of a request want of a table, and the words that plans share.

use std::collections::HashMap;

use datafusion::logical_expr::{Expr, col, lit};
use kepi_core::{Catalogue, DateSpan, MetricId, Nature, Traffic};

use super::request::{Dimension, EvaluationRequest};
use crate::kpi::{Kpi, Side};

/// A day in microseconds.
pub(super) const DAY_MICROS: i64 = 86_400_000_000;

/// Expressions of a plan, each once, under names that are given out.
#[derive(Debug, Default)]
pub(super) struct Columns {
    names: HashMap<String, String>,
    expressions: Vec<Expr>,
    prefix: &'static str,
}

impl Columns {
    pub(super) fn new(prefix: &'static str) -> Self {
        Self { prefix, ..Self::default() }
    }

    /// The name under which an expression is computed.
    pub(super) fn add(&mut self, expression: Expr) -> String {
        let key = expression.to_string();
        if let Some(name) = self.names.get(&key) {
            return name.clone();
        }
        let name = format!("{}{}", self.prefix, self.expressions.len());
        self.expressions.push(expression.alias(name.clone()));
        self.names.insert(key, name.clone());
        name
    }

    pub(super) fn into_expressions(self) -> Vec<Expr> {
        self.expressions
    }
}

/// Which side a set of KPIs reads; `None` for both, which then stand apart by a column.
pub(super) fn one_side(kpis: &[&Kpi]) -> Option<Side> {
    let first = kpis.first()?.provenance;
    kpis.iter().all(|kpi| kpi.provenance == first).then_some(first)
}

/// Rows of one side.
pub(super) fn of_side(side: Side) -> Expr {
    match side {
        Side::Own => col("provenance").not_eq(lit("public")),
        Side::Public => col("provenance").eq(lit("public")),
    }
}

/// Rows of the accounts and platforms that any of the KPIs is about; `None` for all.
pub(super) fn of_accounts(request: &EvaluationRequest, kpis: &[&Kpi]) -> Option<Expr> {
    if let Some(accounts) = &request.accounts {
        let list = accounts.iter().map(|account| lit(account.as_str())).collect();
        return Some(col("account").in_list(list, false));
    }
    if kpis.iter().any(|kpi| kpi.platforms.is_empty()) {
        return None;
    }
    let mut platforms: Vec<&str> =
        kpis.iter().flat_map(|kpi| kpi.platforms.iter().map(kepi_core::Platform::as_str)).collect();
    platforms.sort_unstable();
    platforms.dedup();
    Some(col("platform").in_list(platforms.into_iter().map(lit).collect(), false))
}

/// All spans that any of the KPIs asks for, each once.
pub(super) fn spans_of(request: &EvaluationRequest, kpis: &[&Kpi]) -> Vec<DateSpan> {
    let mut spans: Vec<DateSpan> = kpis.iter().flat_map(|kpi| request.spans(kpi)).collect();
    spans.sort_unstable();
    spans.dedup();
    spans
}

/// A traffic as the tables write it.
pub(super) fn traffic_named(name: &str) -> Traffic {
    match name {
        "organic" => Traffic::Organic,
        "paid" => Traffic::Paid,
        "total" => Traffic::Total,
        _ => Traffic::Unknown,
    }
}

/// The column that a dimension of posts has after the join.
pub(super) fn dimension_column(dimension: Dimension) -> String {
    format!("d_{}", dimension.as_str())
}

/// Whether a metric is money, which has a currency.
pub(super) fn is_money(metric: &MetricId) -> bool {
    Catalogue::builtin().get(metric.as_str()).is_some_and(|metric| metric.nature == Nature::Money)
}
