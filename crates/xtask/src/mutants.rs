//! `cargo xtask mutants`: the rules that the tests of traps hold are switched off, one at a time, and these tests must
//! fail.
//!
//! The list is `mutants.toml`: the text that is a rule, what stands there when the rule is off, and the wrong answer that
//! comes out. Nothing is changed here: a copy of the workspace is, in the target folder. The copy has a version of its
//! own, so that cargo keeps what is built of it apart from what is built of the workspace, and shares the dependencies.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::traps::TestName;

/// The packages that build DataFusion. Cargo shares its build only among selections of the whole workspace.
const OVER_DATAFUSION: [&str; 6] =
    ["kepi", "kepi-engine", "kepi-ingest", "kepi-store", "kepi-tests", "xtask"];

/// What is written down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutants {
    /// The rules that can be switched off.
    #[serde(rename = "mutant")]
    pub list: Vec<Mutant>,
    /// The traps without one.
    #[serde(default)]
    pub without: Vec<Without>,
}

/// A rule, and how to switch it off.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// What to call it: lowercase words.
    pub name: String,
    /// The traps that the rule keeps from.
    #[serde(default)]
    pub traps: Vec<String>,
    /// The file, from the top of the repository.
    pub file: String,
    /// The text that is the rule. It stands in the file once.
    pub text: String,
    /// What stands there when the rule is off.
    pub instead: String,
    /// The wrong answer that comes out.
    pub wrong: String,
    /// The tests that must fail, each of them.
    pub tests: Vec<TestName>,
}

/// A trap for which no mutant can be written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Without {
    /// The trap.
    pub trap: String,
    /// Why.
    pub reason: String,
}

impl Mutants {
    /// The list of the repository.
    ///
    /// # Errors
    /// When it is not of this form.
    pub fn read() -> Result<Self> {
        toml::from_str(include_str!("../mutants.toml")).context("read crates/xtask/mutants.toml")
    }

    /// Those of some names or traps; all where none is given. Those that change the same package come together.
    fn chosen(&self, words: &[String]) -> Result<Vec<&Mutant>> {
        for word in words {
            ensure!(
                self.list.iter().any(|mutant| mutant.is_called(word)),
                "no mutant and no trap is called {word}; crates/xtask/mutants.toml lists them"
            );
        }
        let asked = |mutant: &&Mutant| words.is_empty() || words.iter().any(|word| mutant.is_called(word));
        let mut chosen: Vec<&Mutant> = self.list.iter().filter(asked).collect();
        chosen.sort_by_key(|mutant| (package(&mutant.file), runs(&mutant.tests)));
        Ok(chosen)
    }
}

impl Mutant {
    fn is_called(&self, word: &str) -> bool {
        self.name == word || self.traps.iter().any(|trap| trap.eq_ignore_ascii_case(word))
    }

    /// The text of the file with the rule off.
    ///
    /// # Errors
    /// When the rule does not stand in the text once.
    pub fn applied(&self, text: &str) -> Result<String> {
        let times = text.matches(&self.text).count();
        ensure!(
            times == 1,
            "{}: its text stands in {} {times} times, not once; write it down anew",
            self.name,
            self.file
        );
        Ok(text.replace(&self.text, &self.instead))
    }
}

/// Switches the rules off, one at a time, and says of each whether its tests fail.
///
/// # Errors
/// When a test fails with all rules on, when one passes with its rule off, or when something cannot be built.
#[expect(clippy::print_stdout, reason = "a command's answer")]
pub fn run(root: &Path, target: &Path, words: &[String]) -> Result<()> {
    let mutants = Mutants::read()?;
    let chosen = mutants.chosen(words)?;
    let workspace = Workspace::copied(root, target)?;
    let begun = Instant::now();
    let tests: BTreeSet<&TestName> = chosen.iter().flat_map(|mutant| &mutant.tests).collect();
    let unlike = workspace.unlike(tests, Outcome::Passed)?;
    ensure!(unlike.is_empty(), "with all rules on it should all pass: {}", unlike.join(", "));
    println!("with all rules on, all tests pass ({} s)", begun.elapsed().as_secs());
    let mut survived = 0;
    for mutant in &chosen {
        let since = Instant::now();
        let unlike = workspace.mutated(mutant)?;
        survived += usize::from(!unlike.is_empty());
        let said = if unlike.is_empty() { "killed".to_owned() } else { unlike.join(", ") };
        println!("{}: {said} ({} s)", mutant.name, since.elapsed().as_secs());
    }
    let killed = chosen.len() - survived;
    println!("{killed} of {} killed in {} min", chosen.len(), begun.elapsed().as_secs() / 60);
    ensure!(survived == 0, "{survived} not killed: their tests would pass without the rule");
    Ok(())
}

/// The copy in which rules are switched off.
struct Workspace {
    folder: PathBuf,
    target: PathBuf,
}

/// What came of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    /// The test binary does not know it, or ended before.
    NotRun,
}

impl Workspace {
    /// Copies what belongs to the repository. What is the same already is not written, so that cargo finds it built.
    fn copied(root: &Path, target: &Path) -> Result<Self> {
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("list the files of the repository by git")?;
        ensure!(listed.status.success(), "git ls-files ended with {}", listed.status);
        let listed = String::from_utf8(listed.stdout).context("the names of the repository's files")?;
        let folder = target.join("mutants");
        let mut gone: BTreeSet<PathBuf> = BTreeSet::new();
        if folder.exists() {
            files_below(&folder, &mut gone).with_context(|| format!("read {}", folder.display()))?;
        }
        for file in listed.split_terminator('\0') {
            let (from, to) = (root.join(file), folder.join(file));
            if !from.is_file() {
                continue;
            }
            gone.remove(&to);
            let mut content = fs::read(&from).with_context(|| format!("read {}", from.display()))?;
            if file == "Cargo.toml" {
                content = with_version(&String::from_utf8(content)?)?.into_bytes();
            }
            if fs::read(&to).ok().as_ref() != Some(&content) {
                fs::create_dir_all(to.parent().unwrap_or(&folder))?;
                fs::write(&to, content).with_context(|| format!("write {}", to.display()))?;
            }
        }
        for file in gone {
            fs::remove_file(&file).with_context(|| format!("remove {}", file.display()))?;
        }
        Ok(Self { folder, target: target.to_owned() })
    }

    /// Switches a rule off, runs its tests, and switches it on again. Says what is unlike a test that fails.
    fn mutated(&self, mutant: &Mutant) -> Result<Vec<String>> {
        let path = self.folder.join(&mutant.file);
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        fs::write(&path, mutant.applied(&text)?)?;
        let unlike = self.unlike(mutant.tests.iter().collect(), Outcome::Failed);
        fs::write(&path, text)?;
        unlike
    }

    /// Builds and runs tests, and says of which something else came than was expected.
    fn unlike(&self, tests: BTreeSet<&TestName>, expected: Outcome) -> Result<Vec<String>> {
        let mut unlike = Vec::new();
        for selection in runs(tests.iter().copied()) {
            let built = self.cargo(&selection, &["--no-run"], &[])?;
            if !built.status.success() {
                return Ok(vec![format!("does not build\n{}", String::from_utf8_lossy(&built.stderr))]);
            }
            let own = tests.iter().copied().filter(|test| selection.covers(test));
            let names: Vec<&str> = own.clone().map(|test| test.function.as_str()).collect();
            let ran = self.cargo(&selection, &["--no-fail-fast"], &names)?;
            if selection.builds_the_command() {
                self.remove_the_command()?;
            }
            let said = String::from_utf8_lossy(&ran.stdout);
            let told = own.map(|test| (test, outcome(&said, test)));
            let other = told.filter(|(_, outcome)| *outcome != expected);
            unlike.extend(other.map(|(test, outcome)| match outcome {
                Outcome::Passed => format!("SURVIVED {test}"),
                Outcome::Failed => format!("{test} fails"),
                Outcome::NotRun => format!("{test} was not run"),
            }));
        }
        Ok(unlike)
    }

    /// The command stands in the target folder under the name that that of the workspace has, and is taken for it;
    /// without it, cargo puts back the workspace's own.
    fn remove_the_command(&self) -> Result<()> {
        let command = self.target.join("debug").join(format!("kepi{}", std::env::consts::EXE_SUFFIX));
        fs::remove_file(&command).with_context(|| format!("remove {}", command.display()))
    }

    fn cargo(&self, selection: &Selection, options: &[&str], names: &[&str]) -> Result<Output> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["test", "--offline"]).args(selection.arguments()).args(options);
        command.arg("--").args(names);
        command.current_dir(&self.folder).env("CARGO_TARGET_DIR", &self.target);
        command.output().with_context(|| format!("start {command:?}"))
    }
}

fn files_below(folder: &Path, into: &mut BTreeSet<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files_below(&path, into)?;
        } else {
            into.insert(path);
        }
    }
    Ok(())
}

/// The workspace's manifest with another version.
fn with_version(manifest: &str) -> Result<String> {
    let (before, after) = manifest.split_once("\nversion = \"").context("Cargo.toml has no version")?;
    let (version, after) = after.split_once('"').context("Cargo.toml has no version")?;
    Ok(format!("{before}\nversion = \"{version}+mutants\"{after}"))
}

/// What the output of test binaries says of a test.
fn outcome(said: &str, test: &TestName) -> Outcome {
    let of_line = |line: &str| {
        let (path, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
        let told = if outcome == "ok" { Outcome::Passed } else { Outcome::Failed };
        test.is_called(path).then_some(told)
    };
    said.lines().find_map(of_line).unwrap_or(Outcome::NotRun)
}

/// Tests that are built and run by one call of cargo.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Selection {
    /// `None` for the workspace.
    package: Option<String>,
    /// The targets that hold the tests: a test binary by its name, `None` for a library.
    targets: BTreeSet<Option<String>>,
}

impl Selection {
    fn arguments(&self) -> Vec<&str> {
        let mut arguments = match &self.package {
            None => vec!["--workspace"],
            Some(package) => vec!["--package", package],
        };
        let mut tests: BTreeSet<&str> = self.targets.iter().flatten().map(String::as_str).collect();
        if self.builds_the_command() {
            // The whole-system tests run it, and cargo builds it for the tests of its own package.
            tests.insert("cli");
        }
        arguments.extend(self.targets.contains(&None).then_some("--lib"));
        arguments.extend(tests.into_iter().flat_map(|test| ["--test", test]));
        arguments
    }

    fn builds_the_command(&self) -> bool {
        self.targets.iter().flatten().any(|target| target == "it" || target == "cli")
    }

    fn covers(&self, test: &TestName) -> bool {
        self.package == selected(test) && self.targets.contains(&test_target(test))
    }
}

/// The calls that run tests: one over the workspace, one for each light package.
fn runs<'a>(tests: impl IntoIterator<Item = &'a TestName>) -> BTreeSet<Selection> {
    let mut targets: BTreeMap<Option<String>, BTreeSet<Option<String>>> = BTreeMap::new();
    for test in tests {
        targets.entry(selected(test)).or_default().insert(test_target(test));
    }
    targets.into_iter().map(|(package, targets)| Selection { package, targets }).collect()
}

fn selected(test: &TestName) -> Option<String> {
    let package = package(&test.file);
    (!OVER_DATAFUSION.contains(&package)).then(|| package.to_owned())
}

/// The package that a file is of.
fn package(file: &str) -> &str {
    let crates = file.strip_prefix("crates/").and_then(|rest| rest.split('/').next());
    crates.unwrap_or("kepi-tests")
}

/// The test binary that a test is in; `None` for a library's own.
fn test_target(test: &TestName) -> Option<String> {
    let (_, below) = test.file.split_once("tests/")?;
    let inside = !test.file.contains("/src/");
    let name = below.split('/').next()?.trim_end_matches(".rs");
    inside.then(|| name.to_owned())
}

#[cfg(test)]
mod tests;
