//! Where in the sheets a table stands: its header by name, never by position.

use std::{collections::HashMap, ops::Range};

use kepi_core::{MetricId, Traffic};

use crate::{
    layout::{Layout, NamedBy, Names, Table},
    sheet::{Row, Sheet, normal},
};

/// How far down a header is looked for.
const HEADER_WITHIN: usize = 10;

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
    columns: HashMap<String, usize>,
    doubled: Vec<String>,
}

impl Found<'_> {
    /// The place of the first of these columns that the table has.
    pub(crate) fn column(&self, names: &Names) -> Option<usize> {
        names.iter().find_map(|name| self.columns.get(&normal(name)).copied())
    }

    /// A column's header as it stands.
    pub(crate) fn header_text(&self, column: usize) -> String {
        self.sheet.rows.get(self.header).map(|row| row.cell(column).shown()).unwrap_or_default()
    }

    /// The headers that stand twice, so that their columns cannot be told apart.
    pub(crate) fn is_doubled(&self, column: usize) -> bool {
        self.doubled.contains(&normal(&self.header_text(column)))
    }

    /// The metric that the sheet or a line above the header names, whose money it was, and its column.
    pub(crate) fn named(&self) -> Option<(Traffic, &MetricId, &Names)> {
        let named = self.table.named.as_ref()?;
        let is = |names: &Names| match named.by {
            NamedBy::Sheet => names.iter().any(|name| normal(name) == normal(&self.sheet.name)),
            NamedBy::Line => self.lines_above().any(|line| names.iter().any(|name| normal(name) == line)),
        };
        let metric = named.metrics.iter().find(|(_, names)| is(names))?;
        Some((named.traffic, metric.0, &named.column))
    }

    fn lines_above(&self) -> impl Iterator<Item = String> {
        let above = self.sheet.rows.get(..self.header).unwrap_or_default();
        above.iter().flat_map(|row| row.cells.iter()).map(|cell| normal(&cell.shown()))
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

/// The tables of a layout that stand in a file.
pub(crate) fn tables<'a>(layout: &'a Layout, sheets: &'a [Sheet]) -> Vec<Found<'a>> {
    let places = sheets.iter().flat_map(|sheet| layout.tables.iter().map(move |table| (sheet, table)));
    places.filter_map(|(sheet, table)| find(table, sheet)).collect()
}

/// How well a layout fits: the headers it knows and sees.
pub(crate) fn fit(found: &[Found<'_>]) -> usize {
    found.iter().map(|found| found.table.required.len() + found.metric_columns()).sum()
}

fn find<'a>(table: &'a Table, sheet: &'a Sheet) -> Option<Found<'a>> {
    let named = table.sheet.iter().any(|name| normal(name) == normal(&sheet.name));
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
        ranges.into_iter().find_map(|range| at(table, sheet, header, range))
    })
}

/// The row after a section's title.
fn section(sheet: &Sheet, title: &str) -> Option<usize> {
    let title = normal(title);
    let is_title = |row: &Row| row.cells.iter().any(|cell| normal(&cell.shown()) == title);
    sheet.rows.iter().position(is_title).map(|at| at + 1)
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

fn at<'a>(table: &'a Table, sheet: &'a Sheet, header: usize, range: Range<usize>) -> Option<Found<'a>> {
    let row = sheet.rows.get(header).filter(|row| row.fault.is_none())?;
    let mut columns = HashMap::new();
    let mut doubled = Vec::new();
    for column in range.clone() {
        let name = normal(&row.cell(column).shown());
        if !name.is_empty() && *columns.entry(name.clone()).or_insert(column) != column {
            doubled.push(name);
        }
    }
    if !table.required.iter().all(|name| columns.contains_key(&normal(name))) {
        return None;
    }
    let rows = header + 1..end(table, sheet, header + 1, &range);
    let found = Found { table, sheet, header, range, rows, columns, doubled };
    (found.metric_columns() > 0).then_some(found)
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
    rows.map(|row| {
        let seen: Vec<String> = row.cells.iter().map(|cell| normal(&cell.shown())).collect();
        all().filter(|name| !seen.contains(&normal(name))).collect::<Vec<_>>()
    })
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
