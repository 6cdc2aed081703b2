//! A project in a temporary folder, driven through the `kepi` command as a user would.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use serde_json::Value;
use tempfile::TempDir;

/// The binary that the workspace's test build made beside this one.
static KEPI: LazyLock<PathBuf> = LazyLock::new(|| {
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.parent().and_then(Path::parent).expect("tests are built in target/PROFILE/deps");
    let binary = folder.join(format!("kepi{}", std::env::consts::EXE_SUFFIX));
    assert!(binary.exists(), "{} is not built: run the whole `cargo test --workspace`", binary.display());
    binary
});

/// What a command did.
pub(crate) struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts the exit code, and shows what was said otherwise.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The JSON on stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}:\n{}", self.stdout))
    }
}

/// A project of its own.
pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    /// As `kepi init` writes it.
    pub(crate) fn new() -> Self {
        let project = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        project.run(["init"]).expect(0);
        project
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a folder");
        }
        std::fs::write(&path, text).expect("a file");
        path
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&*KEPI);
        command
            .current_dir(self.folder.path())
            .env_remove("KEPI_CONFIG")
            .env_remove("KEPI_LOG")
            .env("NO_COLOR", "1");
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Done {
        Done::of(&self.command().args(arguments).output().expect("kepi starts"))
    }

    /// The rows of `kepi evaluate`.
    #[track_caller]
    pub(crate) fn evaluate(&self, arguments: &[&str]) -> Vec<Value> {
        let done = self.run(["evaluate", "--format", "json"].iter().chain(arguments)).expect(0);
        done.json().as_array().expect("an array").clone()
    }

    /// The rows of `kepi query`.
    #[track_caller]
    pub(crate) fn query(&self, sql: &str) -> Vec<Value> {
        let done = self.run(["query", "--format", "json", sql]).expect(0);
        done.json().as_array().expect("an array").clone()
    }
}
