//! XLSX without ceremony: sheet XML alone, for workbooks whose styles or shared strings are broken.
//!
//! Without styles a date is its number of days; the reader of dates knows those.

use std::{
    borrow::Cow,
    collections::HashMap,
    io::{Cursor, Read as _},
};

use kepi_core::{Error, Result};
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::workbook::SheetBuilder;
use crate::sheet::{Cell, Sheet};

/// The sheets of a workbook, named as the workbook names them.
///
/// # Errors
/// `BadInput` when no sheet can be read.
pub(super) fn sheets(bytes: &[u8]) -> Result<Vec<Sheet>> {
    let strings = part(bytes, "xl/sharedStrings.xml").map(|xml| shared_strings(&xml)).unwrap_or_default();
    let mut sheets = Vec::new();
    for (name, path) in names_and_paths(bytes) {
        if let Some(xml) = part(bytes, &path) {
            sheets.push(sheet(name, &xml, &strings));
        }
    }
    if sheets.is_empty() {
        return Err(Error::bad_input("the workbook is broken: it holds no sheet")
            .hint("download it again, or save it again as .xlsx or CSV"));
    }
    Ok(sheets)
}

/// The text of one part of the archive.
pub(super) fn part(bytes: &[u8], name: &str) -> Option<String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).ok()?;
    let found = archive.file_names().flatten().find(|other| other.eq_ignore_ascii_case(name))?.into_owned();
    let mut unpacked = Vec::new();
    // What was unpacked before an archive breaks off is kept.
    let _ = archive.by_name(&found).ok()?.read_to_end(&mut unpacked);
    Some(String::from_utf8_lossy(&unpacked).into_owned())
}

/// The text of the first element of this local name.
pub(super) fn text_of(xml: &str, tag: &str) -> Option<String> {
    let mut text = None;
    let mut done = false;
    walk(xml, |step| match step {
        Step::Start(name, _) if name == tag && !done => text = Some(String::new()),
        Step::End(name) if name == tag => done = text.is_some(),
        Step::Text(more) if !done => {
            if let Some(text) = &mut text {
                text.push_str(more);
            }
        }
        _ => {}
    });
    text
}

/// What stands in a document, one thing after another. Names are without their prefix.
enum Step<'a> {
    Start(&'a str, &'a BytesStart<'a>),
    Text(&'a str),
    End(&'a str),
}

/// Walks a document as far as it can be read.
fn walk(xml: &str, mut step: impl FnMut(Step<'_>)) {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => step(Step::Start(tag.local_name().as_ref(), &tag)),
            Ok(Event::Empty(tag)) => {
                let name = tag.local_name().as_ref().to_owned();
                step(Step::Start(&name, &tag));
                step(Step::End(&name));
            }
            Ok(Event::End(tag)) => step(Step::End(tag.local_name().as_ref())),
            Ok(Event::Text(text)) => step(Step::Text(&text)),
            Ok(Event::CData(text)) => step(Step::Text(&text)),
            Ok(Event::GeneralRef(name)) => step(Step::Text(&reference(&name))),
            Ok(Event::Eof) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// What `&name;` stands for.
fn reference(name: &str) -> String {
    let code = match name.strip_prefix('#') {
        Some(hex) if hex.starts_with(['x', 'X']) => {
            u32::from_str_radix(hex.get(1..).unwrap_or_default(), 16).ok()
        }
        Some(decimal) => decimal.parse().ok(),
        None => return quick_xml::escape::resolve_xml_entity(name).unwrap_or_default().to_owned(),
    };
    code.and_then(char::from_u32).map(String::from).unwrap_or_default()
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found =
        tag.attributes().with_checks(false).flatten().find(|a| a.key.local_name().as_ref() == name)?;
    Some(quick_xml::escape::unescape(&found.value).map_or_else(|_| found.value.to_string(), Cow::into_owned))
}

/// Sheets in the workbook's order; without a readable workbook part, the sheet parts as they are called.
fn names_and_paths(bytes: &[u8]) -> Vec<(String, String)> {
    let mut targets = HashMap::new();
    walk(&part(bytes, "xl/_rels/workbook.xml.rels").unwrap_or_default(), |step| {
        if let Step::Start("Relationship", tag) = step
            && let (Some(id), Some(target)) = (attribute(tag, "Id"), attribute(tag, "Target"))
        {
            targets.insert(id, target);
        }
    });
    let mut sheets = Vec::new();
    walk(&part(bytes, "xl/workbook.xml").unwrap_or_default(), |step| {
        if let Step::Start("sheet", tag) = step {
            let number = sheets.len() + 1;
            let name = attribute(tag, "name").unwrap_or_else(|| format!("Sheet{number}"));
            let target = attribute(tag, "id").and_then(|id| targets.get(&id).cloned());
            let target = target.unwrap_or_else(|| format!("worksheets/sheet{number}.xml"));
            let path = target.strip_prefix('/').map_or_else(|| format!("xl/{target}"), str::to_owned);
            sheets.push((name, path));
        }
    });
    if sheets.is_empty() {
        sheets.push(("Sheet1".to_owned(), "xl/worksheets/sheet1.xml".to_owned()));
    }
    sheets
}

fn shared_strings(xml: &str) -> Vec<String> {
    let mut strings: Vec<String> = Vec::new();
    let (mut within, mut phonetic) = (false, false);
    walk(xml, |step| match step {
        Step::Start("si", _) => strings.push(String::new()),
        Step::Start("t", _) => within = true,
        Step::End("t") => within = false,
        Step::Start("rPh", _) => phonetic = true,
        Step::End("rPh") => phonetic = false,
        Step::Text(text) if within && !phonetic => {
            if let Some(last) = strings.last_mut() {
                last.push_str(text);
            }
        }
        _ => {}
    });
    strings
}

/// One cell as it is read.
#[derive(Default)]
struct Open {
    row: usize,
    column: usize,
    kind: String,
    text: String,
}

fn sheet(name: String, xml: &str, strings: &[String]) -> Sheet {
    let mut builder = SheetBuilder::new(name);
    let (mut row, mut column) = (0, 0);
    let mut open: Option<Open> = None;
    let mut counts = false;
    walk(xml, |step| match step {
        Step::Start("row", tag) => {
            row = attribute(tag, "r").and_then(|r| r.parse::<usize>().ok()).map_or(row + 1, |r| r.max(1));
            column = 0;
        }
        Step::Start("c", tag) => {
            let place = attribute(tag, "r").and_then(|place| position(&place));
            let at = place.unwrap_or((row.max(1) - 1, column));
            column = at.1 + 1;
            let kind = attribute(tag, "t").unwrap_or_default();
            open = Some(Open { row: at.0, column: at.1, kind, text: String::new() });
        }
        Step::Start("v" | "t", _) => counts = true,
        Step::End("v" | "t") => counts = false,
        Step::Text(text) if counts => {
            if let Some(open) = &mut open {
                open.text.push_str(text);
            }
        }
        Step::End("c") => {
            if let Some(open) = open.take() {
                builder.put(open.row, open.column, cell(&open, strings));
            }
        }
        _ => {}
    });
    builder.finish()
}

fn cell(open: &Open, strings: &[String]) -> Cell {
    match open.kind.as_str() {
        "s" => {
            let text = open.text.trim().parse::<usize>().ok().and_then(|at| strings.get(at));
            text.map_or_else(|| Cell::Fault("a missing shared string".to_owned()), |text| Cell::text(text))
        }
        "inlineStr" | "str" | "d" => Cell::text(&open.text),
        "e" => Cell::Fault(open.text.clone()),
        "b" => Cell::text(if open.text.trim() == "1" { "TRUE" } else { "FALSE" }),
        _ => open.text.trim().parse().map_or_else(|_| Cell::text(&open.text), Cell::Number),
    }
}

/// Row and column of `B7`, counted from 0.
fn position(place: &str) -> Option<(usize, usize)> {
    let split = place.find(|c: char| c.is_ascii_digit())?;
    let (letters, digits) = place.split_at(split);
    let column = letters.bytes().try_fold(0_usize, |column, letter| {
        let letter = letter.to_ascii_uppercase();
        letter.is_ascii_uppercase().then(|| (column * 26 + usize::from(letter - b'A') + 1).min(1 << 20))
    })?;
    Some((digits.parse::<usize>().ok()?.checked_sub(1)?, column.checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        assert_eq!(position("A1"), Some((0, 0)));
        assert_eq!(position("AB12"), Some((11, 27)));
        for bad in ["", "A", "7", "A0", "Ä1", "A-1"] {
            assert_eq!(position(bad), None, "{bad}");
        }
    }

    #[test]
    fn references() {
        assert_eq!(["amp", "#65", "#x4e2d", "what"].map(reference), ["&", "A", "中", ""]);
    }
}
