//! Where in the sheets a table stands: its header by name, never by position.

use std::{collections::HashMap, ops::Range};

use kepi_core::{MetricId, Traffic};

use crate::{
    layout::{Layout, NamedBy, Names, Table},
    sheet::{Row, Sheet, normalized},
};

/// How far down a header is looked for.
pub(crate) const HEADER_WITHIN: usize = 10;

/// A table that was found.
#[derive(Debug, Clone)]
pub(crate) struct Found<'a> {
    /// What it is.
    pub(crate) table: &'a Table,
    /// The sheet it stands on.
    pub(crate) sheet: &'a Sheet,
    /// The row of its header.
    pub(crate) header: usize,
    /// Its columns.
    pub(crate) range: Range<usize>,
    /// Its rows.
    pub(crate) rows: Range<usize>,
    /// The headers of its columns as they are compared, in the layout's language.
    names: Vec<String>,
    columns: HashMap<String, usize>,
    /// The same by the headers as they stand: rows are many, and most headers need no change to be compared.
    exact: HashMap<String, usize>,
    /// The first of columns whose header stands twice.
    doubled: Vec<usize>,
}

impl Found<'_> {
    /// The place of the first of these columns that the table has.
    pub(crate) fn column(&self, names: &Names) -> Option<usize> {
        names.iter().find_map(|name| match self.exact.get(name) {
            Some(column) => Some(*column),
            None => self.columns.get(&normalized(name)).copied(),
        })
    }

    /// A column's header as it stands.
    pub(crate) fn header_text(&self, column: usize) -> String {
        self.sheet.rows.get(self.header).map(|row| row.cell(column).shown()).unwrap_or_default()
    }

    /// What people call it.
    pub(crate) fn name(&self) -> String {
        match (&self.table.section, self.table.sheet.is_none()) {
            (Some(section), _) => format!("section {section}"),
            (None, false) => format!("sheet {}", self.sheet.name),
            (None, true) => format!("the table of {}", self.table.required.join(", ")),
        }
    }

    /// A column's header as it is compared, in the layout's language.
    pub(crate) fn column_name(&self, column: usize) -> &str {
        column.checked_sub(self.range.start).and_then(|at| self.names.get(at)).map_or("", String::as_str)
    }

    /// Whether a column's header stands twice, so that the two cannot be told apart.
    pub(crate) fn is_doubled(&self, column: usize) -> bool {
        self.doubled.contains(&column)
    }

    /// The metric that the sheet or a line above the header names, whose money it was, and its column.
    pub(crate) fn named(&self) -> Option<(Traffic, &MetricId, &Names)> {
        let named = self.table.named.as_ref()?;
        let is = |names: &Names| match named.by {
            NamedBy::Sheet => names.iter().any(|name| normalized(name) == normalized(&self.sheet.name)),
            NamedBy::Line => {
                self.lines_above().any(|line| names.iter().any(|name| normalized(name) == *line))
            }
        };
        let metric = named.metrics.iter().find(|(_, names)| is(names))?;
        Some((named.traffic, metric.0, &named.column))
    }

    fn lines_above(&self) -> impl Iterator<Item = &String> {
        let above = self.sheet.rows.get(..self.header).unwrap_or_default();
        above.iter().flat_map(Row::names)
    }

    /// The rows of the table that hold anything.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        let rows = self.sheet.rows.get(self.rows.clone()).unwrap_or_default();
        rows.iter().filter(|row| row.fault.is_some() || !row.is_blank(&self.range))
    }

    /// The metric columns: how many of those that the table knows are here.
    fn metric_columns(&self) -> usize {
        let plain = self.table.metrics.values().flat_map(|metrics| metrics.values());
        let named = self.named().into_iter().map(|(.., column)| column);
        plain.chain(named).filter(|names| self.column(names).is_some()).count()
    }
}

/// Names in other languages, as they are compared, and what they are in the layout's own.
struct Languages(HashMap<String, String>);

impl Languages {
    fn of(layout: &Layout) -> Self {
        Self(layout.also.iter().map(|(other, own)| (normalized(other), normalized(own))).collect())
    }

    fn own<'a>(&'a self, name: &'a String) -> &'a String {
        self.0.get(name).unwrap_or(name)
    }
}

/// The tables of a layout that stand in a file.
pub(crate) fn tables<'a>(layout: &'a Layout, sheets: &'a [Sheet]) -> Vec<Found<'a>> {
    let languages = Languages::of(layout);
    let places = sheets.iter().flat_map(|sheet| layout.tables.iter().map(move |table| (sheet, table)));
    places.filter_map(|(sheet, table)| find(table, sheet, &languages)).collect()
}

/// How well a layout fits: the headers it knows and sees.
pub(crate) fn fit(found: &[Found<'_>]) -> usize {
    found.iter().map(|found| found.table.required.len() + found.metric_columns()).sum()
}

fn find<'a>(table: &'a Table, sheet: &'a Sheet, languages: &Languages) -> Option<Found<'a>> {
    let sheet_name = normalized(&sheet.name);
    let named = table.sheet.iter().any(|name| normalized(name) == *languages.own(&sheet_name));
    if !(named || table.sheet.is_none()) {
        return None;
    }
    let (from, until) = match &table.section {
        Some(title) => (section(sheet, title)?, sheet.rows.len()),
        None => (0, HEADER_WITHIN.min(sheet.rows.len())),
    };
    (from..until.min(from + HEADER_WITHIN)).find_map(|header| {
        let row = sheet.rows.get(header)?;
        let ranges = if table.beside { runs(row) } else { std::iter::once(0..row.cells.len()).collect() };
        ranges.into_iter().find_map(|range| at(table, sheet, header, range, languages))
    })
}

/// The row after a section's title.
fn section(sheet: &Sheet, title: &str) -> Option<usize> {
    let title = normalized(title);
    sheet.rows.iter().position(|row| row.names().contains(&title)).map(|at| at + 1)
}

/// Runs of cells that hold something.
fn runs(row: &Row) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (column, _) in row.cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
        match runs.last_mut() {
            Some(run) if run.end == column => run.end = column + 1,
            _ => runs.push(column..column + 1),
        }
    }
    runs
}

fn at<'a>(
    table: &'a Table,
    sheet: &'a Sheet,
    header: usize,
    range: Range<usize>,
    languages: &Languages,
) -> Option<Found<'a>> {
    let row = sheet.rows.get(header).filter(|row| row.fault.is_none())?;
    let names = row.names().get(range.clone())?;
    let names: Vec<String> = names.iter().map(|name| languages.own(name).clone()).collect();
    let has = |name: &String| names.contains(&normalized(name));
    if !table.required.iter().all(has) || table.absent.iter().any(has) || !has_no_others(table, &names) {
        return None;
    }
    let mut columns = HashMap::new();
    let mut doubled = Vec::new();
    for (column, name) in range.clone().zip(&names).filter(|(_, name)| !name.is_empty()) {
        let first = *columns.entry(name.clone()).or_insert(column);
        if first != column {
            doubled.push(first);
        }
    }
    let rows = header + 1..end(table, sheet, header + 1, &range);
    let exact = columns.values().map(|column| (row.cell(*column).shown(), *column)).collect();
    let found = Found { table, sheet, header, range, rows, names, columns, exact, doubled };
    (table.not_read.is_some() || found.metric_columns() > 0).then_some(found)
}

/// Whether each header is known, where a table asks for that.
fn has_no_others(table: &Table, names: &[String]) -> bool {
    let Some(others) = &table.others else { return true };
    let read = table.metrics.values().flat_map(|metrics| metrics.values()).flat_map(Names::iter);
    let known = table.required.iter().chain(others).map(String::as_str).chain(read);
    let known: Vec<String> = known.map(normalized).collect();
    names.iter().all(|name| name.is_empty() || known.contains(name))
}

/// A section ends at the first blank row, or at the next title: a row with one cell alone.
fn end(table: &Table, sheet: &Sheet, from: usize, range: &Range<usize>) -> usize {
    if table.section.is_none() {
        return sheet.rows.len();
    }
    let ends = |row: &Row| range.clone().filter(|column| !row.cell(*column).is_empty()).count() <= 1;
    let rows = sheet.rows.get(from..).unwrap_or_default();
    rows.iter().position(ends).map_or(sheet.rows.len(), |at| from + at)
}

/// The headers that a table asks for and the sheets do not have on one row: the fewest over all rows.
pub(crate) fn missing<'a>(table: &'a Table, sheets: &[Sheet]) -> Vec<&'a str> {
    let rows = sheets.iter().flat_map(|sheet| sheet.rows.iter().take(HEADER_WITHIN));
    let all = || table.required.iter().map(String::as_str);
    rows.map(|row| all().filter(|name| !row.names().contains(&normalized(name))).collect::<Vec<_>>())
        .min_by_key(Vec::len)
        .unwrap_or_else(|| all().collect())
}

/// The words that stand where a header is looked for.
pub(crate) fn headers(sheet: &Sheet) -> impl Iterator<Item = String> {
    let filled = |row: &&Row| row.cells.iter().filter(|cell| !cell.is_empty()).count();
    // The first of the widest rows: of equals the last wins, so they are asked from below.
    let widest = sheet.rows.iter().take(HEADER_WITHIN).rev().max_by_key(filled);
    widest.into_iter().flat_map(|row| row.cells.iter()).map(|cell| cell.shown().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{layout, read::text};

    const SECTIONS: &str = r#"
platform = "wechat"
[[layout]]
id = "wechat-sections"
title = "sections that stand one below the other"
[[layout.table]]
section = "性别分布"
required = ["性别", "人数"]
subject = "account"
window = "at"
metrics.organic.read_users = "人数"
[[layout.table]]
section = "数据趋势明细"
required = ["日期", "阅读人数"]
subject = "account"
window = "day"
time = "日期"
metrics.organic.read_users = "阅读人数"
"#;

    /// The rows that each table of a layout finds, as `section: line line`.
    fn check(layouts: &str, text: &str, expected: &[&str]) {
        let layout = layout::parse("test.toml", layouts).unwrap().remove(0);
        let sheets = [text::rows(text, Some(','))];
        let found = tables(&layout, &sheets);
        let shown: Vec<String> = found
            .iter()
            .map(|found| {
                let lines = found.rows().map(|row| row.line.to_string()).collect::<Vec<_>>();
                format!("{}: {}", found.table.section.as_deref().unwrap_or("table"), lines.join(" "))
            })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn sections_end_where_the_next_begins() {
        let text = "数据趋势明细,\n日期,阅读人数\n2026-10-01,3\n2026-10-02,4\n性别分布,\n性别,人数\n未知,1\n\n,\n其他,2\n";
        check(SECTIONS, text, &["性别分布: 7", "数据趋势明细: 3 4"]);
        check(SECTIONS, "数据趋势明细\n", &[]);
    }

    #[test]
    fn headers_may_be_reordered_and_stand_below_titles() {
        let layout = "platform = \"x\"\n[[layout]]\nid = \"x-a\"\ntitle = \"a\"\n[[layout.table]]\nrequired = [\"Day\", \"Likes\"]\n\
                      subject = \"account\"\nwindow = \"day\"\ntime = \"Day\"\nmetrics.total.likes = \"Likes\"\n";
        check(layout, "a title,\nlikes , new,day\n1,2,3\n", &["table: 3"]);
        check(layout, "Likes,Days\n1,2\n", &[]);
    }
}
