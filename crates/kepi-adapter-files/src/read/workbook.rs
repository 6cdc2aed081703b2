//! Workbooks: XLSX and the old XLS. Formulas are never computed, macros and bombs are refused.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read as _},
};

use calamine::{Data, DataRef, ExcelDateTime, Reader as _, Xls, Xlsx};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use kepi_core::{Error, Result};

use super::{Read, xlsx};
use crate::sheet::{Cell, Row, Sheet};

/// The most that a workbook may unpack to.
const MOST_UNPACKED: u64 = 512 << 20;
/// The most parts that a workbook may have.
const MOST_PARTS: usize = 2_000;
/// The most cells of a sheet that are read.
const MOST_CELLS: usize = 8_000_000;
/// The most columns of a sheet that are read.
const MOST_COLUMNS: usize = 1_024;

/// A zip archive: an XLSX workbook, or refused.
pub(super) fn read_zip(bytes: &[u8]) -> Result<Read> {
    check_archive(bytes, MOST_UNPACKED)?;
    let made_at = made_at(bytes);
    let sheets = strict(bytes).or_else(|_| xlsx::sheets(bytes))?;
    Ok(Read { encoding: "XLSX", guessed: false, made_at, sheets })
}

/// An OLE container: an old XLS workbook, or refused.
pub(super) fn read_ole(bytes: &[u8]) -> Result<Read> {
    if holds_utf16(bytes, "_VBA_PROJECT") {
        return Err(macros());
    }
    if holds_utf16(bytes, "EncryptedPackage") {
        return Err(Error::bad_input("the workbook is encrypted").hint("save it without a password"));
    }
    let broken =
        |cause: String| Error::bad_input("the workbook is broken").hint("download it again").caused_by(cause);
    // The reader of this old format was not written for hostile bytes: what it trips over is a broken file.
    let read = std::panic::catch_unwind(|| {
        let mut workbook: Xls<_> = Xls::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
        Ok(workbook.worksheets())
    });
    let worksheets = read.map_err(|_| broken("the reader gave up".to_owned()))?.map_err(broken)?;
    let sheets = worksheets.into_iter().map(|(name, range)| {
        let (row, column) = range.start().unwrap_or_default();
        let mut sheet = SheetBuilder::new(name);
        for (down, right, data) in range.used_cells() {
            sheet.put(row as usize + down, column as usize + right, cell(data));
        }
        sheet.finish()
    });
    Ok(Read { encoding: "XLS", guessed: false, made_at: None, sheets: sheets.collect() })
}

fn macros() -> Error {
    Error::bad_input("the workbook holds macros").hint("save it without macros, as .xlsx or CSV")
}

fn holds_utf16(bytes: &[u8], text: &str) -> bool {
    let pattern: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.windows(pattern.len()).any(|window| window == pattern)
}

/// Unpacks every part once and counts, because an archive may lie about its sizes.
fn check_archive(bytes: &[u8], most_unpacked: u64) -> Result<()> {
    let broken = |error: zip::result::ZipError| {
        Error::bad_input("the workbook is broken").hint("download it again").caused_by(error)
    };
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    let names: Vec<String> = archive.file_names().flatten().map(|name| name.to_ascii_lowercase()).collect();
    if names.iter().any(|name| name.ends_with("vbaproject.bin")) {
        return Err(macros());
    }
    let other = names.iter().any(|name| name == "xl/workbook.bin" || name == "mimetype");
    if other || !names.iter().any(|name| name.starts_with("xl/")) {
        return Err(Error::bad_input("the file is an archive, but no XLSX workbook")
            .hint("unpack it and import the tables within, or save it as .xlsx"));
    }
    let bomb = || {
        Error::bad_input(format!("the workbook unpacks to more than {most_unpacked} bytes"))
            .hint("export a shorter period, or as CSV")
    };
    if archive.len() > MOST_PARTS {
        return Err(bomb());
    }
    let mut left = most_unpacked;
    for i in 0..archive.len() {
        let part = archive.by_index(i).map_err(broken)?;
        let mut unpacked = Counter(0);
        // A part that breaks off is the readers' business: here only its size until then counts.
        let _ = std::io::copy(&mut part.take(left + 1), &mut unpacked);
        left = left.checked_sub(unpacked.0).ok_or_else(bomb)?;
    }
    Ok(())
}

/// Counts what is written to it.
struct Counter(u64);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// When the workbook says that it was last changed or made.
fn made_at(bytes: &[u8]) -> Option<Timestamp> {
    let core = xlsx::part(bytes, "docProps/core.xml")?;
    let said = |tag: &str| {
        let text = xlsx::text_of(&core, tag)?;
        text.trim().parse::<Timestamp>().ok().or_else(|| {
            let local: DateTime = text.trim().parse().ok()?;
            TimeZone::UTC.to_timestamp(local).ok()
        })
    };
    // Some writers leave the date of their own making there.
    let plausible = |at: &Timestamp| TimeZone::UTC.to_datetime(*at).year() >= 2010;
    said("modified").filter(plausible).or_else(|| said("created").filter(plausible))
}

fn strict(bytes: &[u8]) -> Result<Vec<Sheet>> {
    let broken = |error: calamine::XlsxError| Error::bad_input("the workbook is broken").caused_by(error);
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(broken)?;
    let mut sheets = Vec::new();
    for name in workbook.sheet_names() {
        let mut sheet = SheetBuilder::new(name.clone());
        let Ok(mut cells) = workbook.worksheet_cells_reader(&name) else { continue };
        while let Some(found) = cells.next_cell().map_err(broken)? {
            let (row, column) = found.get_position();
            sheet.put(row as usize, column as usize, cell(&Data::from(DataRef::clone(found.get_value()))));
        }
        sheets.push(sheet.finish());
    }
    Ok(sheets)
}

fn cell(data: &Data) -> Cell {
    match data {
        Data::Empty => Cell::Empty,
        Data::String(text) => Cell::text(text),
        #[expect(
            clippy::cast_precision_loss,
            reason = "a spreadsheet keeps floats: no more digits were there"
        )]
        Data::Int(number) => Cell::Number(*number as f64),
        Data::Float(number) => Cell::Number(*number),
        Data::Bool(truth) => Cell::text(if *truth { "TRUE" } else { "FALSE" }),
        Data::DateTime(moment) => moment_cell(*moment),
        Data::DateTimeIso(text) => text.parse().map_or_else(|_| Cell::text(text), Cell::Moment),
        Data::DurationIso(text) => Cell::text(text),
        Data::Error(error) => Cell::Fault(error.to_string()),
    }
}

/// A day, a clock time on it, or a length of time: what stands within the first day is a length.
fn moment_cell(moment: ExcelDateTime) -> Cell {
    let number = moment.as_f64();
    if moment.is_duration() || (0.0..1.0).contains(&number) {
        return Cell::Seconds((number * 86_400_000.0).round() / 1_000.0);
    }
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    let civil = || {
        DateTime::new(
            i16::try_from(year).ok()?,
            i8::try_from(month).ok()?,
            i8::try_from(day).ok()?,
            i8::try_from(hour).ok()?,
            i8::try_from(minute).ok()?,
            i8::try_from(second).ok()?,
            i32::from(milli) * 1_000_000,
        )
        .ok()
    };
    // Binary fractions of a day miss the second by a hair.
    let to_second = |civil: DateTime| civil.round(jiff::Unit::Second).ok();
    civil().and_then(to_second).map_or(Cell::Number(number), Cell::Moment)
}

/// A sheet as its cells come in, in any order and from far places.
pub(super) struct SheetBuilder {
    name: String,
    rows: BTreeMap<usize, Vec<Cell>>,
    cells: usize,
    /// The first row of which a cell was left out because there were too many.
    full_at: Option<usize>,
}

impl SheetBuilder {
    pub(super) fn new(name: String) -> Self {
        Self { name, rows: BTreeMap::new(), cells: 0, full_at: None }
    }

    pub(super) fn put(&mut self, row: usize, column: usize, cell: Cell) {
        if cell.is_empty() || column >= MOST_COLUMNS {
            return;
        }
        if self.cells >= MOST_CELLS {
            self.full_at.get_or_insert(row);
            return;
        }
        let cells = self.rows.entry(row).or_default();
        if cells.len() <= column {
            self.cells += column + 1 - cells.len();
            cells.resize(column + 1, Cell::Empty);
        }
        if let Some(place) = cells.get_mut(column) {
            *place = cell;
        }
    }

    /// The rows up to the last one that holds anything; blank ones between them are kept where they part tables.
    pub(super) fn finish(self) -> Sheet {
        let mut rows: Vec<Row> = Vec::new();
        let mut expected = 0;
        for (at, cells) in self.rows {
            if at > expected {
                rows.push(Row::of_cells(at as u64, Vec::new()));
            }
            rows.push(Row::of_cells(at as u64 + 1, cells));
            expected = at + 1;
        }
        if let Some(at) = self.full_at {
            rows.push(Row::broken(at as u64 + 1, "", "the sheet holds more cells than are read: split it"));
        }
        Sheet { name: self.name, rows, even: false }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn archive(parts: &[(&str, usize)]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, zeros) in parts {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(&vec![0; *zeros]).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn cells_too_far_out_or_too_many_are_left_out() {
        let mut sheet = SheetBuilder::new("a".to_owned());
        sheet.put(0, 0, Cell::text("x"));
        sheet.put(1, MOST_COLUMNS, Cell::text("far"));
        sheet.cells = MOST_CELLS;
        sheet.put(5, 0, Cell::text("late"));
        let shown: Vec<_> =
            sheet.finish().rows.iter().map(|row| (row.line, row.cells.len(), row.fault.is_some())).collect();
        assert_eq!(shown, [(1, 1, false), (6, 0, true)]);
    }

    #[test]
    fn bombs_are_refused_though_they_are_torn() {
        let bytes = archive(&[("xl/a", 3_000), ("xl/b", 3_000)]);
        assert!(check_archive(&bytes, 6_000).is_ok());
        let error = check_archive(&bytes, 5_999).unwrap_err();
        assert_eq!(error.message(), "the workbook unpacks to more than 5999 bytes");

        // A broken checksum is found out only after the part has been unpacked.
        let mut torn = bytes.clone();
        let checksum = bytes[14..18].to_vec();
        for at in 0..torn.len() - 4 {
            if torn[at..at + 4] == checksum {
                torn[at] ^= 1;
            }
        }
        assert!(check_archive(&torn, 5_999).is_err());
    }
}
