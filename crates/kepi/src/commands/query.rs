//! `kepi query`: SQL over the tables of the store.

use crate::{
    cli::Query,
    compose::Project,
    failure::{Outcome, Result},
    output::Rows,
};

pub(crate) async fn run(project: &Project, arguments: &Query) -> Result<Outcome> {
    let store = project.open_store().await?;
    let session = store.session().await?;
    let found = kepi_store::query(&session, &arguments.sql).await?;
    Rows { columns: found.columns, rows: found.rows }.print(arguments.format.format)?;
    Ok(Outcome::Done)
}
