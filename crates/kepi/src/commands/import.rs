//! `kepi import`: native export files and tables of a person's own.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use kepi_adapter_files::{Choice, FileInput, Files, Map, Recipe};
use kepi_core::{Body, Cursor, Decoder, Error, ErrorKind, Notice, Stream};
use kepi_ingest::StopFlag;
use kepi_store::{NewPage, RunRecord, Store, Writer};
use smol_str::SmolStr;

use crate::{
    cli::Import,
    compose::{OfDay, Project},
    failure::{Failure, FaultyText, Outcome, Result, reasons},
    output,
    progress::Steps,
};

/// How long files wait for others to be committed with them.
const COMMIT_EVERY: Duration = Duration::from_millis(500);

/// What became of the files.
#[derive(Debug, Default)]
struct Tally {
    imported: u64,
    known: u64,
    failed: u64,
    measurements: usize,
    rejects: usize,
    /// Whether the account is known to the store.
    registered: bool,
}

pub(crate) async fn run(project: &Project, arguments: &Import) -> Result<Outcome> {
    let map = map(project, arguments)?;
    let choice = match (&map, &arguments.layout) {
        (Some(map), _) => Choice::Map(map),
        (None, Some(layout)) => Choice::Layout(layout),
        (None, None) => Choice::Detect,
    };
    let observed_at = arguments.observed_at.as_deref();
    let observed_at = observed_at.map(|text| project.instant(text, OfDay::Beginning)).transpose()?;
    let files = project.files()?;
    let store = project.store().await?;
    let mut steps = Steps::new("files", arguments.files.len() as u64);
    let mut tally = Tally::default();
    let started_at = project.now();
    let run = SmolStr::from(format!("import-{started_at}"));
    let mut writer = store.writer(Some(run.clone()));
    let stop = StopFlag::default();
    stop.on_signals()?;
    let mut read = Vec::new();
    let mut since = Instant::now();
    for path in &arguments.files {
        if stop.is_stopped() {
            break;
        }
        // A file is told to be done once it is in the store.
        if since.elapsed() >= COMMIT_EVERY {
            writer.flush().await?;
            read.drain(..).for_each(|name: String| steps.step(&name));
            since = Instant::now();
        }
        let file = File { path, choice, observed_at };
        match import(project, arguments, &files, &store, &mut writer, &file, &mut tally).await {
            Ok(()) => {}
            // The store itself is at fault: the next file would meet the same.
            Err(error) if error.kind() == ErrorKind::Store => return Err(error.into()),
            Err(error) => {
                tally.failed += 1;
                steps.note(&format!("{}: {error}", path.display()));
                reasons(&error).iter().for_each(|line| steps.note(line));
            }
        }
        read.push(path.display().to_string());
    }
    let written = writer.finish().await?;
    // The same file twice in one go, or taken in by another import meanwhile.
    let twice = tally.imported.saturating_sub(written.pages as u64);
    tally.imported -= twice;
    tally.known += twice;
    tally.measurements = written.measurements;
    read.drain(..).for_each(|name| steps.step(&name));
    drop(steps);
    if tally.imported > 0 {
        store.append_run(record(project, run, started_at, &tally, written.pages as u64)).await?;
    }
    say(&tally);
    let done = tally.imported + tally.known + tally.failed;
    if stop.is_stopped() && done < arguments.files.len() as u64 {
        let text =
            format!("stopped after {done} of {} files; what was read is in the store", arguments.files.len());
        let error = Error::new(ErrorKind::Cancelled, text)
            .hint("import the same files again: what is known adds nothing");
        return Err(error.into());
    }
    match (tally.failed, tally.imported + tally.known) {
        (0, _) if tally.rejects == 0 => Ok(Outcome::Done),
        (failed, 0) if failed > 0 => Err(Error::bad_input("no file could be imported").into()),
        _ => Ok(Outcome::SetAside),
    }
}

fn record(project: &Project, run: SmolStr, started_at: Timestamp, tally: &Tally, pages: u64) -> RunRecord {
    RunRecord {
        run,
        kind: "import".into(),
        started_at,
        finished_at: project.now(),
        outcome: if tally.failed == 0 && tally.rejects == 0 { "done" } else { "partial" }.into(),
        pages,
        measurements: tally.measurements as u64,
        rejects: tally.rejects as u64,
        calls: 0,
        cost_micro_usd: 0,
        error: None,
        detail: None,
    }
}

struct File<'a> {
    path: &'a Path,
    choice: Choice<'a>,
    observed_at: Option<Timestamp>,
}

/// Reads one file into the store.
async fn import(
    project: &Project,
    arguments: &Import,
    files: &Files,
    store: &Store,
    writer: &mut Writer,
    file: &File<'_>,
    tally: &mut Tally,
) -> kepi_core::Result<()> {
    let (bytes, mtime) = read(file)?;
    let account = project.reference(&arguments.account);
    let input = FileInput {
        name: &file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        bytes: &bytes,
        mtime,
        observed_at: file.observed_at,
        account: &account,
        currency: project
            .config
            .account(&arguments.account)
            .and_then(|known| known.account.currency.as_deref()),
    };
    let job = files.recognise(&input, file.choice)?;
    let stream = Stream::of(&arguments.account, &job.endpoint);
    let body = Body { content_type: None, observed_at: job.planned_at, bytes };
    let job = match Recipe::of(&job)?.lacks_ids() {
        true => files.knowing(job, &body, &store.named_posts(&arguments.account).await?)?,
        false => job,
    };
    if store.has_page(&stream, &job, &body).await? {
        tally.known += 1;
        return Ok(());
    }
    let page = files.decode(&job, &Cursor::default(), &body)?;
    // An account of which nothing can be read is none that anybody knows.
    let speaks = !page.measurements.is_empty() || !page.posts.is_empty();
    if speaks
        && !std::mem::replace(&mut tally.registered, true)
        && project.register_account(store, &arguments.account).await?
    {
        output::note(&format!(
            "{} is not in the configuration; the store now knows it, with days of {}",
            arguments.account, account.zone
        ));
    }
    tally.imported += 1;
    tally.rejects += page.rejects.len();
    for reject in page.rejects.iter().take(3) {
        let told = format!("{}: {}: {}", file.path.display(), reject.place, reject.reason);
        output::note(&output::harmless(&told));
    }
    for notice in &page.notices {
        if let Notice::Gap { reason } | Notice::Remark { text: reason } = notice {
            output::note(&format!("{}: {reason}", file.path.display()));
        }
    }
    writer.push(NewPage { stream, job, cursor: Cursor::default(), request: None, body, page }).await
}

fn read(file: &File<'_>) -> kepi_core::Result<(Vec<u8>, Option<Timestamp>)> {
    let failed = |error: std::io::Error| {
        Error::bad_input("the file cannot be read")
            .hint("check the path and its permissions")
            .caused_by(error)
    };
    let bytes = std::fs::read(file.path).map_err(failed)?;
    let modified = std::fs::metadata(file.path).and_then(|metadata| metadata.modified()).map_err(failed)?;
    Ok((bytes, Timestamp::try_from(modified).ok()))
}

/// A map that a person wrote; all its faults are told at once.
fn map(project: &Project, arguments: &Import) -> Result<Option<Map>> {
    let Some(path) = &arguments.map else { return Ok(None) };
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::bad_input("the map cannot be read").with("file", path.display()).caused_by(error)
    })?;
    let name = path.display().to_string();
    match Map::parse(&name, &text, &project.config.catalogue) {
        Ok(map) => Ok(Some(map)),
        Err(faults) => Err(Failure::Faults(vec![FaultyText { name, text, faults }])),
    }
}

fn say(tally: &Tally) {
    let set_aside = if tally.rejects == 1 { "row or cell" } else { "rows or cells" };
    output::note(&format!(
        "{} imported, {} known already, {} failed; {}, {} {set_aside} set aside",
        tally.imported,
        tally.known,
        tally.failed,
        output::counted(tally.measurements, "measurement"),
        tally.rejects
    ));
    if tally.rejects > 0 {
        output::note("what was set aside: kepi query \"select place, reason, raw from rejects\"");
    }
}
