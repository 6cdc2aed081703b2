//! Sessions in which the tables of posts are narrowed to some posts, or name a tag of each.

use std::sync::Arc;

use datafusion::{
    catalog::{CatalogProvider, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider},
    common::UnnestOptions,
    dataframe::DataFrame,
    execution::session_state::SessionStateBuilder,
    functions::expr_fn::{concat_ws, nullif},
    functions_nested::expr_fn::string_to_array,
    logical_expr::{Expr, JoinType, col, lit, when},
    prelude::SessionContext,
};
use jiff::Timestamp;
use kepi_core::{Result, tables};

use super::{expression::valid, table::failed};
use crate::tag::TagRule;

/// Between the tags of one post in a text; no tag holds it.
const BETWEEN: &str = "\u{1f}";

/// A session of its own with the same tables.
async fn another(ctx: &SessionContext) -> Result<SessionContext> {
    let state = ctx.state();
    let names = state.config_options().catalog.clone();
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema(&names.default_schema, Arc::new(MemorySchemaProvider::new())).map_err(failed)?;
    let state = SessionStateBuilder::new_from_existing(state)
        .with_catalog_list(Arc::new(MemoryCatalogProviderList::new()))
        .build();
    let own = SessionContext::new_with_state(state);
    own.register_catalog(names.default_catalog, Arc::new(catalog));
    for table in tables::ALL {
        if ctx.table_exist(table.name).map_err(failed)? {
            let provider = ctx.table_provider(table.name).await.map_err(failed)?;
            own.register_table(table.name, provider).map_err(failed)?;
        }
    }
    Ok(own)
}

fn replace(ctx: &SessionContext, name: &str, frame: DataFrame) -> Result<()> {
    ctx.deregister_table(name).map_err(failed)?;
    ctx.register_table(name, frame.into_view()).map_err(failed)?;
    Ok(())
}

/// A session in which only posts that meet a condition are known, with what happened to them.
pub(super) async fn narrowed_to(
    ctx: &SessionContext,
    condition: Expr,
    as_of: Option<Timestamp>,
) -> Result<SessionContext> {
    let own = another(ctx).await?;
    let posts = ctx.table("posts").await.map_err(failed)?.filter(condition).map_err(failed)?;
    let keys = [col("account").alias("f_account"), col("post").alias("f_post")];
    let kept = posts.clone().filter(valid(as_of)).map_err(failed)?.select(keys).map_err(failed)?;
    let daily = ctx.table("post_daily").await.map_err(failed)?;
    let daily = daily
        .join(kept, JoinType::LeftSemi, &["account", "post"], &["f_account", "f_post"], None)
        .map_err(failed)?;
    replace(&own, "posts", posts)?;
    replace(&own, "post_daily", daily)?;
    Ok(own)
}

/// A session in which posts name, in a column `tag`, their tag of a dimension: a post with several tags stands there
/// once for each, one without any stands there once without. It is what [`evaluate_by_tag`](crate::evaluate_by_tag)
/// breaks down.
///
/// # Errors
/// When a table is missing.
pub async fn tagged(ctx: &SessionContext, rules: &[TagRule], dimension: &str) -> Result<SessionContext> {
    let own = another(ctx).await?;
    let rules = rules.iter().filter(|rule| rule.dimension == dimension);
    let mut values: Vec<(&str, Expr)> = Vec::new();
    for rule in rules {
        match values.iter_mut().find(|(value, _)| *value == rule.value) {
            Some((_, condition)) => *condition = condition.clone().or(rule.filter.holds()),
            None => values.push((&rule.value, rule.filter.holds())),
        }
    }
    let mut words = Vec::new();
    for (value, condition) in values {
        words.push(when(condition, lit(value)).end().map_err(failed)?);
    }
    let posts = ctx.table("posts").await.map_err(failed)?;
    let tag = if words.is_empty() {
        lit(datafusion::scalar::ScalarValue::Utf8(None))
    } else {
        string_to_array(
            nullif(concat_ws(lit(BETWEEN), words), lit("")),
            lit(BETWEEN),
            lit(datafusion::scalar::ScalarValue::Utf8(None)),
        )
    };
    let listed = matches!(tag, Expr::ScalarFunction(_));
    let mut posts = posts.with_column("tag", tag).map_err(failed)?;
    if listed {
        posts = posts.unnest_columns_with_options(&["tag"], UnnestOptions::default()).map_err(failed)?;
    }
    replace(&own, "posts", posts)?;
    Ok(own)
}
