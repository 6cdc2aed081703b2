//! `kepi import`: native export files and tables of a person's own.

use std::path::Path;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kepi_adapter_files::{Choice, FileInput, Files, Map};
use kepi_core::{Cursor, Decoder, Error, ErrorKind, Stream, document::Fault};
use kepi_store::{NewPage, Store, Writer};

use crate::{
    cli::Import,
    compose::Project,
    failure::{Failure, FaultyText, Outcome, Result},
    output,
    progress::Steps,
};

/// What became of the files.
#[derive(Debug, Default)]
struct Tally {
    imported: u64,
    known: u64,
    failed: u64,
    measurements: usize,
    rejects: usize,
}

pub(crate) async fn run(project: &Project, arguments: &Import) -> Result<Outcome> {
    let choice = choice(arguments)?;
    let observed_at = arguments.observed_at.as_deref().map(parse_instant).transpose()?;
    let files = project.files()?;
    let store = project.store().await?;
    project.register_account(&store, &arguments.account).await?;
    store.catch_up(&project.decoders()?).await?;

    let mut steps = Steps::new("files", arguments.files.len() as u64);
    let mut tally = Tally::default();
    let run = project.new_run();
    let mut writer = store.writer(Some(run.id.clone()));
    for path in &arguments.files {
        let file = File { path, choice: &choice, observed_at };
        match import(project, arguments, &files, &store, &mut writer, &file, &mut tally).await {
            Ok(()) => {}
            // The store itself is at fault: the next file would meet the same.
            Err(error) if error.kind() == ErrorKind::Store => return Err(error.into()),
            Err(error) => {
                tally.failed += 1;
                steps.note(&format!("{}: {error}", path.display()));
                if let Some(hint) = error.hint_text() {
                    steps.note(&format!("  hint: {hint}"));
                }
            }
        }
        steps.step(&path.display().to_string());
    }
    writer.finish().await?;
    drop(steps);
    project.finish_import(&store, run, tally.imported, tally.measurements, tally.rejects).await?;
    say(&tally);
    match (tally.failed, tally.imported + tally.known) {
        (0, _) if tally.rejects == 0 => Ok(Outcome::Done),
        (failed, 0) if failed > 0 => Err(Error::bad_input("no file could be imported").into()),
        _ => Ok(Outcome::SetAside),
    }
}

struct File<'a> {
    path: &'a Path,
    choice: &'a Choice,
    observed_at: Option<Timestamp>,
}

async fn import(
    project: &Project,
    arguments: &Import,
    files: &Files,
    store: &Store,
    writer: &mut Writer,
    file: &File<'_>,
    tally: &mut Tally,
) -> kepi_core::Result<()> {
    let input = read(project, arguments, file)?;
    let job = files.recognise(&input, file.choice)?;
    let stream = Stream::of(&arguments.account, &job.endpoint);
    let body = files.body(&job, input.bytes)?;
    if store.has_page(&stream, &job, &body).await? {
        tally.known += 1;
        return Ok(());
    }
    let page = files.decode(&job, &Cursor::default(), &body)?;
    tally.imported += 1;
    tally.measurements += page.measurements.len();
    tally.rejects += page.rejects.len();
    for reject in page.rejects.iter().take(3) {
        output::note(&format!("{}: {}: {}", file.path.display(), reject.place, reject.reason));
    }
    writer.push(NewPage { stream, job, cursor: Cursor::default(), request: None, body, page }).await
}

fn read(project: &Project, arguments: &Import, file: &File<'_>) -> kepi_core::Result<FileInput> {
    let failed = |error: std::io::Error| {
        Error::bad_input("the file cannot be read").hint("check the path and its permissions").caused_by(error)
    };
    let bytes = std::fs::read(file.path).map_err(failed)?;
    let modified = std::fs::metadata(file.path).and_then(|metadata| metadata.modified()).map_err(failed)?;
    Ok(FileInput {
        name: file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        bytes,
        modified_at: Timestamp::try_from(modified).ok(),
        observed_at: file.observed_at,
        account: project.reference(&arguments.account),
        currency: project.currency(&arguments.account),
    })
}

fn choice(arguments: &Import) -> Result<Choice> {
    if let Some(layout) = &arguments.layout {
        return Ok(Choice::Layout(layout.clone()));
    }
    let Some(path) = &arguments.map else { return Ok(Choice::Detect) };
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::bad_input("the map cannot be read").with("file", path.display()).caused_by(error)
    })?;
    let name = path.display().to_string();
    Map::parse(&name, &text)
        .map(Choice::Map)
        .map_err(|faults: Vec<Fault>| Failure::Faults(vec![FaultyText { name, text, faults }]))
}

/// An instant, or the beginning of a day in UTC.
pub(crate) fn parse_instant(text: &str) -> Result<Timestamp> {
    let bad = || {
        Error::bad_input(format!("{text:?} is not a time"))
            .hint("write 2026-10-05T08:00:00Z, 2026-10-05T10:00:00+02:00 or 2026-10-05")
    };
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let date: Date = text.parse().map_err(|_| bad())?;
    Ok(date.to_zoned(TimeZone::UTC).map_err(|_| bad())?.timestamp())
}

fn say(tally: &Tally) {
    output::note(&format!(
        "{} imported, {} known already, {} failed; {} measurements, {} rows set aside",
        tally.imported, tally.known, tally.failed, tally.measurements, tally.rejects
    ));
    if tally.rejects > 0 {
        output::note("the rows set aside: kepi query \"select place, reason, raw from rejects\"");
    }
}
