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
    for kpi in kpis.iter().map(|kpi| kpi.clone().in_fiscal(project.config.project.fiscal)) {
        let periods =
            kpi.targets.iter().filter(|target| target.scope.is_empty()).map(|target| target.period.span);
        for told in periods.flat_map(|period| kepi_engine::parts_against_whole(&kpi, period)) {
            output::note(&format!("{}: {told}", kpi.id));
        }
    }
    Ok(Outcome::Done)
}
