//! Signs of life: a process that has a run in hand keeps a lock on a file of that run, which the system lifts when the
//! process ends, however it ends.

use std::{
    collections::HashMap,
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use kepi_core::{Error, ErrorKind, Result};
use smol_str::SmolStr;

/// The signs beside a state file; a state in memory has none, and neither has a disk that knows no locks.
#[derive(Debug, Default)]
pub(super) struct Signs {
    folder: Option<PathBuf>,
    given: Mutex<HashMap<SmolStr, File>>,
}

/// Runs that have a sign.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Those whose process lives.
    pub(super) alive: Vec<String>,
    /// Those whose process ended without a word.
    pub(super) dead: Vec<String>,
}

impl Signs {
    pub(super) fn within(folder: PathBuf) -> Self {
        Self { folder: Some(folder), ..Self::default() }
    }

    /// Gives the sign of a run of this process. On a disk that knows no locks a run has none.
    pub(super) fn give(&self, run: &str) -> Result<()> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(path) = self.path(run).filter(|_| !given.contains_key(run)) else { return Ok(()) };
        let file = made(&path).map_err(|error| {
            Error::new(ErrorKind::Store, "cannot say that a run is alive")
                .with("file", path.display())
                .hint("check that its folder may be written and that there is room on the disk")
                .caused_by(error)
        })?;
        if file.try_lock().is_ok() {
            given.insert(run.into(), file);
        } else {
            self.remove(run);
        }
        Ok(())
    }

    /// Takes the sign of a run back: it has nothing in hand any more.
    pub(super) fn take_back(&self, run: &str) {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).remove(run);
        self.remove(run);
    }

    /// Leaves all runs of this process as they are when it ends.
    pub(super) fn abandon(&self) {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Removes the sign of a run that has nothing in hand. One that is left behind does no harm.
    pub(super) fn remove(&self, run: &str) {
        if let Some(path) = self.path(run) {
            let _ = std::fs::remove_file(path);
        }
    }

    /// Looks at all signs. What cannot be looked at tells nothing.
    pub(super) fn look(&self) -> Seen {
        let mut seen = Seen::default();
        let files = self.folder.as_ref().and_then(|folder| std::fs::read_dir(folder).ok());
        for file in files.into_iter().flatten().flatten() {
            let (Ok(run), Ok(sign)) = (file.file_name().into_string(), File::open(file.path())) else {
                continue;
            };
            match sign.try_lock() {
                Ok(()) => seen.dead.push(run),
                Err(TryLockError::WouldBlock) => seen.alive.push(run),
                Err(TryLockError::Error(_)) => {}
            }
        }
        seen
    }

    fn path(&self, run: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(run))
    }
}

fn made(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    File::create(path)
}
