//! `kepi init`: a project in which everything works at once.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use kepi_core::{Error, ErrorKind, Platform, document::one_of_hint};
use kepi_engine::Goal;

use crate::{
    catalogue,
    cli::Init,
    failure::{Outcome, Result},
    output,
};

const CONFIGURATION: &str = include_str!("../../../../config/init/kepi.toml");
const SCHEMAS: &[(&str, &str)] = &[
    (".kepi/kepi.schema.json", include_str!("../../../../config/schema/kepi.schema.json")),
    (".kepi/kpi.schema.json", include_str!("../../../../config/schema/kpi.schema.json")),
];
pub(crate) fn run(arguments: &Init) -> Result<Outcome> {
    let configuration = write(arguments)?;
    output::note(&format!("wrote {} with starter KPIs in kpis/", configuration.display()));
    output::note("next: kepi import FILE… --account x/NAME, then kepi evaluate; or kepi demo to look round");
    Ok(Outcome::Done)
}

/// Writes the project; says where its configuration is.
pub(crate) fn write(arguments: &Init) -> Result<PathBuf> {
    let starters = starters(&arguments.goal, &arguments.platforms)?;
    let dir = &arguments.dir;
    let configuration = dir.join("kepi.toml");
    if configuration.exists() {
        return Err(Error::bad_input("there is a project already")
            .with("file", configuration.display())
            .hint("name another folder: kepi init DIR")
            .into());
    }
    for (name, text) in SCHEMAS {
        write_new(&dir.join(name), text)?;
    }
    for (name, text) in &starters {
        write_new(&dir.join("kpis").join(name), text)?;
    }
    write_new(&configuration, CONFIGURATION)?;
    Ok(configuration)
}

/// The files of the catalogue with the KPIs that suit: name → text.
fn starters(goals: &[String], platforms: &[String]) -> Result<Vec<(String, String)>> {
    let starters = catalogue::starters()?;
    let goals = goals.iter().map(|name| goal(name)).collect::<Result<Vec<Goal>>>()?;
    let mut known: Vec<&str> = starters
        .iter()
        .flat_map(kepi_engine::Starter::kpis)
        .flat_map(|kpi| &kpi.platforms)
        .map(Platform::as_str)
        .collect();
    known.sort_unstable();
    known.dedup();
    if let Some(unknown) = platforms.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Error::bad_input(format!("there are no starter KPIs for {unknown}"))
            .hint(one_of_hint(unknown, &known))
            .into());
    }
    let chosen = kepi_engine::choose(&starters, &goals, platforms);
    Ok(starters.iter().filter_map(|file| Some((file.name.clone(), file.text_of(&chosen)?))).collect())
}

fn goal(name: &str) -> Result<Goal> {
    let names: Vec<&str> = Goal::ALL.iter().map(|goal| goal.as_str()).collect();
    Goal::ALL.iter().copied().find(|goal| goal.as_str() == name).ok_or_else(|| {
        Error::bad_input(format!("{name} is not a goal")).hint(one_of_hint(name, &names)).into()
    })
}

/// A file of a project that cannot be written.
pub(crate) fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Store, "cannot write the project")
        .with("file", path.display())
        .hint("check that the folder may be written and the disk is not full")
        .caused_by(error)
}

/// Writes a file that is not there yet; what is there stays as it is.
fn write_new(path: &Path, text: &str) -> Result<()> {
    let failed = |error: std::io::Error| unwritable(path, error);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    match fs::File::create_new(path) {
        Ok(mut file) => Ok(file.write_all(text.as_bytes()).map_err(failed)?),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            output::note(&format!("kept {}", path.display()));
            Ok(())
        }
        Err(error) => Err(failed(error).into()),
    }
}
