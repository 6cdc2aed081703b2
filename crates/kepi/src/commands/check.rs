//! `kepi check`: configuration, KPI files and formulas, all faults at once.

use crate::{
    cli::Check,
    compose::Project,
    failure::{Outcome, Result},
    output,
};

pub(crate) async fn run(project: &Project, arguments: &Check) -> Result<Outcome> {
    let kpis = project.kpis()?;
    let adapters = project.adapters()?;
    let accounts = project.config.accounts.len();
    output::result(&format!(
        "{}: {} accounts, {} platforms, {} KPIs, {} jobs: all of it can be read\n",
        project.config.file.display(),
        accounts,
        adapters.len(),
        kpis.len(),
        project.config.jobs.len()
    ))?;
    if arguments.online { super::ingest::check_online(project).await } else { Ok(Outcome::Done) }
}
