//! A table as it stands in a file, before anyone knows what it means: rows of cells with their places.

use std::cell::OnceCell;

use jiff::civil::DateTime;
pub(crate) use kepi_core::normalized;

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// Nothing stands here.
    Empty,
    /// Words, or a number written as words.
    Text(String),
    /// A number of a spreadsheet.
    Number(f64),
    /// A date or time of a spreadsheet, without a zone.
    Moment(DateTime),
    /// A length of time of a spreadsheet, in seconds.
    Seconds(f64),
    /// An error value of a spreadsheet, such as `#DIV/0!`.
    Fault(String),
}

impl Cell {
    /// A cell of text; white space alone is nothing.
    pub(crate) fn text(text: &str) -> Self {
        if text.trim().is_empty() { Self::Empty } else { Self::Text(text.to_owned()) }
    }

    /// The cell as a reader would see it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Moment(moment) => moment.to_string(),
            Self::Seconds(seconds) => format!("{seconds}s"),
            Self::Fault(fault) => fault.clone(),
        }
    }

    /// Whether nothing stands here.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// The line of a text, or the row of a sheet, counted from 1.
    pub(crate) line: u64,
    /// Its cells.
    pub(crate) cells: Vec<Cell>,
    /// As it stands in the file.
    pub(crate) raw: String,
    /// Why it cannot be trusted.
    pub(crate) fault: Option<&'static str>,
    names: OnceCell<Vec<String>>,
}

impl Row {
    /// A row of a workbook, whose cells have no text of their own around them.
    pub(crate) fn of_cells(line: u64, cells: Vec<Cell>) -> Self {
        let raw = cells.iter().map(Cell::shown).collect::<Vec<_>>().join("\t");
        Self::of_text(line, cells, raw)
    }

    /// A row of a text.
    pub(crate) fn of_text(line: u64, cells: Vec<Cell>, raw: String) -> Self {
        Self { line, cells, raw, fault: None, names: OnceCell::new() }
    }

    /// A row that could not be parted into cells.
    pub(crate) fn broken(line: u64, raw: &str, fault: &'static str) -> Self {
        Self { fault: Some(fault), ..Self::of_text(line, Vec::new(), raw.to_owned()) }
    }

    /// Its cells as headers are compared. Many layouts look at the same few rows.
    pub(crate) fn names(&self) -> &[String] {
        self.names.get_or_init(|| self.cells.iter().map(|cell| normalized(&cell.shown())).collect())
    }

    /// A cell; nothing stands beyond the end of a row.
    pub(crate) fn cell(&self, column: usize) -> &Cell {
        self.cells.get(column).unwrap_or(&Cell::Empty)
    }

    /// Whether nothing stands between two columns.
    pub(crate) fn is_blank(&self, columns: &std::ops::Range<usize>) -> bool {
        columns.clone().all(|column| self.cell(column).is_empty())
    }
}

/// One sheet of a workbook, or a whole text.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Sheet {
    /// Its name; empty for a text.
    pub(crate) name: String,
    /// Its rows, blank ones included.
    pub(crate) rows: Vec<Row>,
    /// Every row must be as wide as its header: a short one was cut off.
    pub(crate) even: bool,
}

impl Sheet {
    /// Where a row stands, for people.
    pub(crate) fn place(&self, row: &Row) -> String {
        if self.name.is_empty() {
            format!("line {}", row.line)
        } else {
            format!("sheet {}, row {}", self.name, row.line)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_compared_without_dress() {
        let check = |text: &str, expected: &str| assert_eq!(normalized(text), expected);
        check("封面点击率 （％）", "封面点击率(%)");
        check("平均播放\n时长", "平均播放时长");
        check("\u{feff} Post id ", "postid");
        check("发布\u{3000}时间", "发布时间");
    }
}
