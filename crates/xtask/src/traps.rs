//! The traps, as the page of the whole-system tests lists them: each with the tests that hold it.

use std::{collections::BTreeMap, fmt, fs, path::Path, str::FromStr};

use anyhow::{Context, Error, Result, ensure};
use serde::Deserialize;

/// A test by the place where it stands: `tests/it/traps.rs::t18_a_restatement_replaces`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct TestName {
    /// The file, from the top of the repository.
    pub file: String,
    /// The function.
    pub function: String,
}

impl TestName {
    /// Checks that the file has such a function and that it is a test.
    ///
    /// # Errors
    /// When one of them is not so.
    pub fn is_there(&self, root: &Path) -> Result<()> {
        let text = fs::read_to_string(root.join(&self.file)).with_context(|| self.to_string())?;
        let (before, _) = text
            .split_once(&format!("fn {}(", self.function))
            .with_context(|| format!("{self}: the file has no such function"))?;
        let above = before.trim_end().trim_end_matches("async").trim_end();
        let attribute = above.lines().next_back().unwrap_or_default().trim_start();
        let is_test = attribute.ends_with("test]") || attribute.contains("test(");
        ensure!(attribute.starts_with("#[") && is_test, "{self} is not a test");
        Ok(())
    }

    /// Whether it is the test that test binaries call by a path: `traps::t18_a_restatement_replaces`.
    #[must_use]
    pub fn is_called(&self, path: &str) -> bool {
        let below = |mark: &str| self.file.split_once(mark).map(|(_, below)| below);
        // The folder of a test binary is the binary, and no module of it.
        let inner = below("/src/").or_else(|| below("tests/")?.split_once('/').map(|(_, inner)| inner));
        let file = inner.unwrap_or_default().trim_end_matches(".rs").split('/');
        let mut modules = file.filter(|part| !["", "lib", "main", "mod"].contains(part));
        let mut path = path.split("::");
        modules.all(|module| path.next() == Some(module)) && path.last() == Some(&self.function)
    }
}

impl FromStr for TestName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (file, function) = text.split_once("::").with_context(|| format!("{text} is not FILE::TEST"))?;
        Ok(Self { file: file.to_owned(), function: function.to_owned() })
    }
}

impl TryFrom<String> for TestName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl fmt::Display for TestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.file, self.function)
    }
}

/// The traps of the table in `tests/it/README.md`, `T1` and on, and the tests that hold each.
///
/// # Errors
/// When a cell names something else than tests.
pub fn held() -> Result<BTreeMap<String, Vec<TestName>>> {
    let page = include_str!("../../../tests/it/README.md");
    let mut traps = BTreeMap::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [trap, _, _, held] = cells[..] else { continue };
        if trap.strip_prefix('T').is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit())) {
            let tests = held.split('`').skip(1).step_by(2).map(str::parse).collect::<Result<_>>()?;
            traps.insert(trap.to_owned(), tests);
        }
    }
    Ok(traps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_called_by_file_and_function() {
        let called = |test: &str, path: &str| test.parse::<TestName>().unwrap().is_called(path);
        assert!(called("crates/a/tests/engine/money.rs::t37", "money::t37"));
        assert!(!called("crates/a/tests/engine/money.rs::t37", "definitions::t37"));
        assert!(called("crates/a/src/benchmarks/mod.rs::t51", "benchmarks::tests::t51"));
        assert!(called("crates/a/src/tests/readings.rs::t40", "tests::readings::t40"));
        assert!(called("crates/a/src/lib.rs::t1", "tests::t1"));
        assert!(called("crates/a/tests/cli.rs::t51", "t51"));
        assert!(called("tests/it/truth/parts.rs::t2", "truth::parts::t2"));
        assert!(!called("tests/it/traps.rs::t2", "traps::t20"));
    }
}
