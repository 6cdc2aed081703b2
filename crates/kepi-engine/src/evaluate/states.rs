//! A state of accounts day by day, as it was read: no day is filled in.

use std::collections::BTreeMap;

use datafusion::{
    logical_expr::{col, lit},
    prelude::SessionContext,
};
use jiff::civil::Date;
use kepi_core::{DateSpan, Result};
use smol_str::SmolStr;

use super::{
    expression::valid,
    request::EvaluationRequest,
    slices::date,
    table::{Rows, day, failed, instant, text},
};

/// What accounts had at the end of days, by account.
pub(crate) type States = BTreeMap<SmolStr, BTreeMap<Date, f64>>;

/// Reads a level of accounts, own numbers only; of several readings of a day the newest.
pub(crate) async fn states(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    metric: &str,
    span: DateSpan,
) -> Result<States> {
    let mut wanted = valid(request.as_of)
        .and(col(metric).is_not_null())
        .and(col("provenance").not_eq(lit("public")))
        .and(col("window").not_eq(lit("period")))
        .and(col("day").gt_eq(date(span.start)))
        .and(col("day").lt(date(span.end)));
    if let Some(accounts) = &request.accounts {
        let list = accounts.iter().map(|account| lit(account.as_str())).collect();
        wanted = wanted.and(col("account").in_list(list, false));
    }
    let frame = ctx.table("account_facts").await.map_err(failed)?.filter(wanted).map_err(failed)?;
    let columns = ["account", "day", "at", "observed_at", metric].map(col);
    let rows = Rows::collect(frame.select(columns).map_err(failed)?).await?;
    let (account, days, values) = (rows.texts("account")?, rows.dates("day")?, rows.numbers(metric)?);
    let (at, observed) = (rows.instants("at")?, rows.instants("observed_at")?);
    let mut newest = BTreeMap::new();
    for row in 0..rows.len() {
        let (Some(account), Some(day), Some(value)) = (text(&account, row), day(&days, row), values.get(row))
        else {
            continue;
        };
        let key = (instant(&at, row), instant(&observed, row));
        let slot = newest.entry((account, day)).or_insert((key, value.as_f64()));
        if key > slot.0 {
            *slot = (key, value.as_f64());
        }
    }
    let mut states = States::new();
    for ((account, day), (_, value)) in newest {
        states.entry(account).or_default().insert(day, value);
    }
    Ok(states)
}
