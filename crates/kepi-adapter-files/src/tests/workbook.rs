//! Packs a workbook that a fixture writes as text.

use std::io::{Cursor, Write};

use zip::{ZipWriter, write::SimpleFileOptions};

use crate::time::serial_of;

/// What a workbook is packed with.
pub(super) struct Workbook<'a> {
    pub(super) grid: &'a str,
    /// `dcterms:modified` of its properties.
    pub(super) modified: Option<&'a str>,
    /// The styles, where they are not sound.
    pub(super) styles: Option<&'a str>,
    /// Whether the sheets of the grid are packed.
    pub(super) own_sheets: bool,
    /// Further parts.
    pub(super) parts: &'a [(&'a str, &'a [u8])],
}

const STYLES: &str = r#"<?xml version="1.0"?><styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="22" applyNumberFormat="1"/><xf numFmtId="46" applyNumberFormat="1"/></cellXfs></styleSheet>"#;
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

impl<'a> Workbook<'a> {
    pub(super) fn of(grid: &'a str) -> Self {
        Self { grid, modified: None, styles: None, own_sheets: true, parts: &[] }
    }

    pub(super) fn pack(&self) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let mut put = |name: &str, text: &[u8]| {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(text).unwrap();
        };
        let sheets = sheets(self.grid);
        put("_rels/.rels", package().as_bytes());
        put("xl/workbook.xml", workbook(&sheets).as_bytes());
        put("xl/_rels/workbook.xml.rels", relations(&sheets).as_bytes());
        put("xl/styles.xml", self.styles.unwrap_or(STYLES).as_bytes());
        for (i, (_, rows)) in sheets.iter().enumerate().filter(|_| self.own_sheets) {
            put(&format!("xl/worksheets/sheet{}.xml", i + 1), sheet(rows).as_bytes());
        }
        if let Some(modified) = self.modified {
            let core = format!(
                "<cp:coreProperties xmlns:cp=\"c\" xmlns:dcterms=\"d\"><dcterms:modified>{modified}</dcterms:modified>\
                 </cp:coreProperties>"
            );
            put("docProps/core.xml", core.as_bytes());
        }
        for (name, bytes) in self.parts {
            put(name, bytes);
        }
        zip.finish().unwrap().into_inner()
    }
}

fn sheets(grid: &str) -> Vec<(&str, Vec<&str>)> {
    let mut sheets: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in grid.lines() {
        match line.strip_prefix("# sheet ") {
            Some(name) => sheets.push((name, Vec::new())),
            None => sheets.last_mut().expect("a grid begins with a sheet").1.push(line),
        }
    }
    sheets
}

fn package() -> String {
    format!(
        "<Relationships><Relationship Id=\"rId1\" Type=\"{RELATIONS}/officeDocument\" Target=\"xl/workbook.xml\"/>\
         </Relationships>"
    )
}

fn workbook(sheets: &[(&str, Vec<&str>)]) -> String {
    let entry = |(i, (name, _)): (usize, &(&str, Vec<&str>))| {
        format!("<sheet name=\"{name}\" sheetId=\"{0}\" r:id=\"rId{0}\"/>", i + 1)
    };
    let entries: String = sheets.iter().enumerate().map(entry).collect();
    format!("<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONS}\"><sheets>{entries}</sheets></workbook>")
}

fn relations(sheets: &[(&str, Vec<&str>)]) -> String {
    let entry = |i: usize| {
        format!(
            "<Relationship Id=\"rId{i}\" Type=\"{RELATIONS}/worksheet\" Target=\"worksheets/sheet{i}.xml\"/>"
        )
    };
    let entries: String = (1..=sheets.len()).map(entry).collect();
    format!("<Relationships>{entries}</Relationships>")
}

fn sheet(rows: &[&str]) -> String {
    let mut xml = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>");
    for (i, row) in rows.iter().enumerate() {
        let number = i + 1;
        xml += &format!("<row r=\"{number}\">");
        for (column, text) in row.split('\t').enumerate().filter(|(_, text)| !text.is_empty()) {
            let letter = char::from(b'A' + u8::try_from(column).unwrap());
            xml += &cell(&format!("{letter}{number}"), text);
        }
        xml += "</row>";
    }
    xml + "</sheetData></worksheet>"
}

fn cell(place: &str, text: &str) -> String {
    if let Some(date) = text.strip_prefix("date:") {
        return format!("<c r=\"{place}\" s=\"1\"><v>{}</v></c>", serial_of(date.parse().unwrap()));
    }
    if let Some(time) = text.strip_prefix("time:") {
        let seconds = time.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse::<f64>().unwrap());
        return format!("<c r=\"{place}\" s=\"2\"><v>{}</v></c>", seconds / 86_400.0);
    }
    if text.parse::<f64>().is_ok() {
        return format!("<c r=\"{place}\"><v>{text}</v></c>");
    }
    let text = text.trim_start_matches('\'').replace("\\n", "\n").replace('&', "&amp;").replace('<', "&lt;");
    format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}
