//! The suites of `tests/kpi`: SQL over the tables as `kepi query` shows them, and KPI results.
//!
//! Beside SQL a query may be a command of kepi: `evaluate …` gives scope, period, value, numerator, denominator,
//! posts, coverage and status of each row; `import …` gives its exit code. Paths are relative to `tests/kpi`.

use std::{convert::Infallible, path::Path};

use serde_json::Value;
use sqllogictest::{DB, DBOutput, DefaultColumnType, Runner};

use crate::project::Project;

const SUITES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/kpi");

struct Kepi(Project);

impl DB for Kepi {
    type Error = Infallible;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Infallible> {
        let mut words = sql.split_whitespace();
        let rows = match words.next() {
            Some("import") => vec![vec![self.import(words)]],
            Some("evaluate") => self.evaluate(&words.collect::<Vec<_>>()),
            _ => self.query(sql),
        };
        let width = rows.first().map_or(1, Vec::len);
        Ok(DBOutput::Rows { types: vec![DefaultColumnType::Text; width], rows })
    }

    fn engine_name(&self) -> &str {
        "kepi"
    }
}

impl Kepi {
    /// Rows in the order of the statement's columns.
    fn query(&self, sql: &str) -> Vec<Vec<String>> {
        let done = self.0.run(["query", "--format", "csv", sql]).expect(0);
        let mut reader = csv::Reader::from_reader(done.stdout.as_bytes());
        reader.records().map(|row| row.expect("a row").iter().map(written).collect()).collect()
    }

    fn import<'w>(&self, words: impl Iterator<Item = &'w str>) -> String {
        let path = |word: &str| {
            let here = Path::new(SUITES).join(word);
            if here.exists() { here.display().to_string() } else { word.to_owned() }
        };
        self.0.run(std::iter::once("import".to_owned()).chain(words.map(path))).code.to_string()
    }

    fn evaluate(&self, arguments: &[&str]) -> Vec<Vec<String>> {
        let fields = ["scope", "period", "value", "numerator", "denominator", "posts", "coverage", "status"];
        let rows = self.0.evaluate(arguments);
        rows.iter().map(|row| fields.iter().map(|field| cell(&row[*field])).collect()).collect()
    }
}

/// A cell as suites write it: nothing is NULL, and white space within a text is one underscore.
fn written(text: &str) -> String {
    if text.is_empty() { "NULL".to_owned() } else { text.split_whitespace().collect::<Vec<_>>().join("_") }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => format!("{:.6}", number.as_f64().expect("a float")),
        Value::Object(parts) if parts.contains_key("start") => {
            format!("{}/{}", cell(&parts["start"]), cell(&parts["end"]))
        }
        Value::Object(parts) => {
            let parts: Vec<String> =
                parts.iter().map(|(key, value)| format!("{key}={}", cell(value))).collect();
            if parts.is_empty() { "-".to_owned() } else { parts.join(",") }
        }
        other => other.to_string(),
    }
}

#[test]
fn every_suite_holds() {
    let mut suites: Vec<_> = std::fs::read_dir(SUITES)
        .expect("the folder of suites")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "slt"))
        .collect();
    suites.sort();
    assert!(!suites.is_empty());
    for suite in suites {
        let mut runner = Runner::new(|| async { Ok(Kepi(Project::new())) });
        runner.run_file(&suite).unwrap_or_else(|error| panic!("{}: {error}", suite.display()));
    }
}
