//! `kepi maintain`: compaction and clean-up.

use kepi_store::MaintainOptions;

use crate::{
    cli::Maintain,
    compose::Project,
    failure::{Outcome, Result},
    output,
};

pub(crate) async fn run(project: &Project, arguments: &Maintain) -> Result<Outcome> {
    let store = project.store().await?;
    store.catch_up(&project.decoders()?).await?;
    let options = MaintainOptions { keep_days: arguments.keep_days, ..MaintainOptions::default() };
    let maintained = store.maintain(options).await?;
    output::note(&format!("{maintained}"));
    Ok(Outcome::Done)
}
