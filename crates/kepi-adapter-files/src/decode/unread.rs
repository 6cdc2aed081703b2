//! What stands in a file and is not read: an import says so, for silence would pass for completeness.

use std::collections::BTreeMap;

use super::page::PageBuilder;
use crate::{
    layout::Layout,
    locate::Found,
    sheet::{Sheet, normalized},
};

/// Tells which tables, columns and sheets of a file are not read. A map names what its user wants, and no more.
pub(super) fn tell(layout: &Layout, sheets: &[Sheet], found: &[Found<'_>], page: &mut PageBuilder) {
    for table in found {
        if let Some(reason) = &table.table.not_read {
            page.remark(format!("{} is not read: {reason}", table.name()));
        }
    }
    if layout.platform.is_none() || found.is_empty() {
        return;
    }
    tell_columns(layout, found, page);
    let is_found = |sheet: &&Sheet| found.iter().any(|table| std::ptr::eq(table.sheet, *sheet));
    let is_blank = |sheet: &Sheet| sheet.rows.iter().all(|row| row.is_blank(&(0..row.cells.len())));
    let others: Vec<&str> = sheets
        .iter()
        .filter(|sheet| !is_found(sheet) && !is_blank(sheet))
        .map(|sheet| sheet.name.as_str())
        .collect();
    if !others.is_empty() {
        page.remark(format!(
            "{} not read: layout {} knows no such sheet",
            listed("sheet", &others),
            layout.id
        ));
    }
}

/// Several tables may read the same header: a column is read when one of them does.
fn tell_columns(layout: &Layout, found: &[Found<'_>], page: &mut PageBuilder) {
    let mut ignored: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut unknown = Vec::new();
    for (at, table) in found.iter().enumerate() {
        let shares = |other: &&Found<'_>| {
            std::ptr::eq(other.sheet, table.sheet)
                && other.header == table.header
                && other.range == table.range
        };
        let Some(header) = table.sheet.rows.get(table.header) else { continue };
        if found.iter().take(at).any(|other| shares(&other)) || table.table.not_read.is_some() {
            continue;
        }
        let tables: Vec<_> = found.iter().filter(shares).map(|found| found.table).collect();
        for column in table.range.clone() {
            let shown = header.cell(column).shown();
            let name = table.column_name(column);
            let reason =
                tables.iter().flat_map(|table| &table.ignored).find(|(known, _)| normalized(known) == name);
            let is_known = || {
                tables.iter().flat_map(|table| table.known_columns()).any(|known| normalized(known) == name)
            };
            match reason {
                Some((_, reason)) => ignored.entry(reason).or_default().push(shown),
                None if name.is_empty() || is_known() => {}
                None => unknown.push(shown),
            }
        }
    }
    for (reason, columns) in ignored {
        page.remark(format!("{} not read: {reason}", listed("column", &columns)));
    }
    if !unknown.is_empty() {
        page.remark(format!(
            "{} not read: layout {} knows no such column",
            listed("column", &unknown),
            layout.id
        ));
    }
}

/// "column A is", "columns A, B are".
fn listed(what: &str, names: &[impl AsRef<str>]) -> String {
    let shown: Vec<String> =
        names.iter().map(|name| name.as_ref().split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    match shown.as_slice() {
        [one] => format!("{what} {one} is"),
        _ => format!("{what}s {} are", shown.join(", ")),
    }
}
