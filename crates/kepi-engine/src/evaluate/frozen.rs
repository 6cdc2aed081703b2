//! Baselines that were frozen: what a period came to when a target was first measured from it.
//!
//! A target of "+2 % on the second quarter" must not move because the second quarter was restated in September.
//! So the value that a baseline had when it was first evaluated is kept, as a record of the evaluations with the
//! status `baseline`, and is what later evaluations take. Another version of the KPI has baselines of its own.

use std::collections::HashMap;

use datafusion::{
    logical_expr::{col, lit},
    prelude::SessionContext,
};
use kepi_core::{DateSpan, Result};

use super::{
    card::{BaselineValue, ScopeName},
    request::EvaluationRequest,
    slices,
    table::{Rows, day, failed, instant},
};
use crate::kpi::{Baseline, Kpi};

/// Frozen baselines.
#[derive(Debug, Default)]
pub(super) struct Frozen {
    known: HashMap<(String, i64), OfKpi>,
}

/// Frozen baselines of one KPI: by the scope as the records of evaluations write it, and by period.
type OfKpi = HashMap<String, HashMap<DateSpan, BaselineValue>>;

/// Reads those of the KPIs that measure a target from a period.
pub(super) async fn read(ctx: &SessionContext, request: &EvaluationRequest, kpis: &[&Kpi]) -> Result<Frozen> {
    let measured =
        |kpi: &&&Kpi| kpi.targets.iter().any(|target| matches!(target.baseline, Some(Baseline::Period(..))));
    let ids: Vec<_> = kpis.iter().filter(measured).map(|kpi| lit(kpi.id.as_str())).collect();
    // Baselines are frozen of all accounts of a KPI; some of them are measured from their own.
    if ids.is_empty() || request.accounts.is_some() {
        return Ok(Frozen::default());
    }
    let mut wanted = col("status").eq(lit(BaselineValue::STATUS)).and(col("kpi").in_list(ids, false));
    if let Some(as_of) = request.as_of {
        wanted = wanted.and(col("evaluated_at").lt_eq(slices::instant(as_of)));
    }
    let columns = ["kpi", "version", "scope", "start", "end", "value", "evaluated_at"].map(col);
    let frame = ctx.table("evaluations").await.map_err(failed)?.filter(wanted).map_err(failed)?;
    let rows = Rows::collect(frame.select(columns).map_err(failed)?).await?;
    let (kpi, version, scope) = (rows.texts("kpi")?, rows.numbers("version")?, rows.texts("scope")?);
    let (start, end) = (rows.dates("start")?, rows.dates("end")?);
    let (value, at) = (rows.numbers("value")?, rows.instants("evaluated_at")?);
    let mut frozen = Frozen::default();
    for row in 0..rows.len() {
        let (Some(start), Some(end), Some(number), Some(at)) =
            (day(&start, row), day(&end, row), value.get(row), instant(&at, row))
        else {
            continue;
        };
        let span = DateSpan::new(start, end);
        let found =
            BaselineValue { span: span.into(), value: number.as_f64(), frozen_at: Some(at), settled: true };
        let of_kpi = frozen.known.entry((kpi.value(row).to_owned(), version.whole(row))).or_default();
        let of_scope = of_kpi.entry(scope.value(row).to_owned()).or_default();
        // The first wins, whoever wrote it.
        let earlier = |known: &BaselineValue| known.frozen_at <= Some(at);
        if !of_scope.get(&span).is_some_and(earlier) {
            of_scope.insert(span, found);
        }
    }
    Ok(frozen)
}

impl Frozen {
    /// Those of a KPI and scope, where there are any.
    pub(super) fn of(&self, kpi: &Kpi, scope: &ScopeName) -> Option<&HashMap<DateSpan, BaselineValue>> {
        let of_kpi = self.known.get(&(kpi.id.clone(), kpi.version.into()))?;
        of_kpi.get(&serde_json::to_string(&**scope).ok()?)
    }
}
