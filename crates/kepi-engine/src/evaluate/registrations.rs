//! Declarations that the store has seen: when first, and what they said then.

use std::collections::BTreeMap;

use datafusion::{
    logical_expr::{col, lit},
    prelude::SessionContext,
};
use jiff::Timestamp;
use kepi_core::Result;
use serde_json::Value;

use super::table::{Rows, failed, instant, text};

/// When a declaration was first seen and what it said, by its id.
pub(crate) type Registrations = BTreeMap<String, (Timestamp, Value)>;

/// Reads the records of evaluations that keep declarations under a status; the first of an id wins.
pub(crate) async fn registrations(ctx: &SessionContext, status: &str) -> Result<Registrations> {
    let frame = ctx.table("evaluations").await.map_err(failed)?;
    let frame = frame.filter(col("status").eq(lit(status))).map_err(failed)?;
    let rows = Rows::collect(frame.select(["evaluated_at", "row"].map(col)).map_err(failed)?).await?;
    let (at, said) = (rows.instants("evaluated_at")?, rows.texts("row")?);
    let mut found = Registrations::new();
    for row in 0..rows.len() {
        let said = text(&said, row).and_then(|said| serde_json::from_str::<Value>(&said).ok());
        let (Some(at), Some(said)) = (instant(&at, row), said) else { continue };
        let Some(id) = said.get("id").and_then(Value::as_str).map(str::to_owned) else { continue };
        if found.get(&id).is_none_or(|(known, _)| at < *known) {
            found.insert(id, (at, said));
        }
    }
    Ok(found)
}
