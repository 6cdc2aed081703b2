//! `kepi check`: configuration, KPI files and formulas, all faults at once.

use crate::{
    compose::Project,
    failure::{Outcome, Result},
    output,
};

pub(crate) fn run(project: &Project) -> Result<Outcome> {
    let kpis = project.kpis()?;
    let adapters = project.adapters();
    let accounts = project.config.accounts.len();
    output::result(&format!(
        "{}: {} accounts, {} platforms, {} KPIs, {} jobs: all of it can be read\n",
        project.config.file.display(),
        accounts,
        adapters.len(),
        kpis.len(),
        project.config.jobs.len()
    ))?;
    Ok(Outcome::Done)
}
