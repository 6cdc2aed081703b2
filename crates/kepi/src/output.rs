//! What is printed: results on stdout, everything else on stderr.

use std::io::{IsTerminal, Write};

use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle};
use kepi_core::{Error, ErrorKind};
use serde_json::Value;

use crate::{cli::RowFormat, failure::Result};

/// Prints a line for people on stderr.
#[expect(clippy::print_stderr, reason = "this is the one place that writes to stderr")]
pub(crate) fn note(line: &str) {
    eprintln!("{line}");
}

/// So many of something: `1 job`, `2 jobs`.
pub(crate) fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Prints results on stdout. A reader that went away (`| head`) is no failure.
pub(crate) fn result(text: &str) -> Result<()> {
    bytes(text.as_bytes())
}

/// Prints bytes as they are.
pub(crate) fn bytes(bytes: &[u8]) -> Result<()> {
    match std::io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// A line below the headings and no other.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// Rows that can be printed in every format: a name per column, a value per cell.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
}

impl Rows {
    pub(crate) fn new<const N: usize>(columns: [&str; N]) -> Self {
        Self { columns: columns.map(str::to_owned).to_vec(), rows: Vec::new() }
    }

    pub(crate) fn push<const N: usize>(&mut self, row: [Value; N]) {
        self.rows.push(row.to_vec());
    }

    /// Leaves a column out.
    pub(crate) fn without(&mut self, column: &str) {
        if let Some(at) = self.columns.iter().position(|name| name == column) {
            self.columns.remove(at);
            self.rows.iter_mut().for_each(|row| drop(row.remove(at)));
        }
    }

    /// Prints them.
    pub(crate) fn print(&self, format: RowFormat) -> Result<()> {
        match format {
            RowFormat::Table => result(&format!("{}\n", self.table())),
            RowFormat::Json => json(&self.objects()),
            RowFormat::Csv if std::io::stdout().is_terminal() => result(&harmless(&self.csv()?)),
            RowFormat::Csv => result(&self.csv()?),
        }
    }

    fn objects(&self) -> Vec<Object<'_>> {
        self.rows.iter().map(|row| Object { columns: &self.columns, row }).collect()
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(STYLE).set_header(&self.columns);
        for row in &self.rows {
            table.add_row(row.iter().map(|value| {
                let cell = Cell::new(text_of(value));
                if value.is_number() { cell.set_alignment(CellAlignment::Right) } else { cell }
            }));
        }
        table
    }

    fn csv(&self) -> Result<String> {
        let failed = |error: String| Error::new(ErrorKind::Unexpected, "write CSV").with("reason", error);
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.columns).map_err(|error| failed(error.to_string()))?;
        for row in &self.rows {
            writer.write_record(row.iter().map(csv_text)).map_err(|error| failed(error.to_string()))?;
        }
        let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
        String::from_utf8(bytes).map_err(|error| failed(error.to_string()).into())
    }
}

/// A row as JSON, its keys in the order of the columns.
struct Object<'a> {
    columns: &'a [String],
    row: &'a [Value],
}

impl serde::Serialize for Object<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.columns.iter().zip(self.row))
    }
}

/// A text that a terminal shows and does not obey: control characters but for line breaks are written out.
pub(crate) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// Prints one JSON value.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::new(ErrorKind::Unexpected, "write JSON").caused_by(error))?;
    result(&format!("{text}\n"))
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => harmless(text),
        other => other.to_string(),
    }
}

fn csv_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        // A spreadsheet would run a text that begins like a formula.
        Value::String(text) if text.starts_with(['=', '+', '-', '@']) => format!("'{text}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_keep_the_order_of_their_columns() {
        let mut rows = Rows::new(["b", "a"]);
        rows.push([Value::from(1), Value::Null]);
        assert_eq!(serde_json::to_string(&rows.objects()).ok().as_deref(), Some(r#"[{"b":1,"a":null}]"#));
    }

    #[test]
    fn a_terminal_is_not_given_orders() {
        let mut rows = Rows::new(["text"]);
        rows.push(["\u{1b}[31mred\tor\nnot".into()]);
        let table = rows.table().to_string();
        assert!(table.contains("\\u{1b}[31mred\\tor") && !table.contains(['\u{1b}', '\t']), "{table:?}");
    }

    #[test]
    fn cells_of_csv_cannot_run_and_cannot_break() {
        let mut rows = Rows::new(["a", "b", "c", "d"]);
        rows.push([Value::from("=1+1"), Value::from("a,\"b\"\nc"), Value::from(-3), Value::Null]);
        assert_eq!(rows.csv().ok().as_deref(), Some("a,b,c,d\n'=1+1,\"a,\"\"b\"\"\nc\",-3,\n"));
    }
}
