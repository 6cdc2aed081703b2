//! HTML tables that are called `.xls`.

use html5gum::{Token, Tokenizer};
use kepi_core::{Error, Result};

use crate::sheet::{Cell, Row, Sheet};

/// The most cells that one `colspan` may stand for.
const WIDEST_SPAN: usize = 64;

/// The tables of a page, one sheet each. A cell that spans columns is followed by blanks.
///
/// # Errors
/// `BadInput` when there is no table.
pub(crate) fn sheets(html: &str) -> Result<Vec<Sheet>> {
    let mut builder = Builder::default();
    for Ok(token) in Tokenizer::new(html) {
        match token {
            Token::StartTag(tag) => {
                let span = tag
                    .attributes
                    .get(&b"colspan"[..])
                    .and_then(|span| std::str::from_utf8(span).ok()?.trim().parse::<usize>().ok());
                builder.start(&tag.name, span.unwrap_or(1));
            }
            Token::EndTag(tag) => builder.end(&tag.name),
            Token::String(text) => builder.text(&String::from_utf8_lossy(&text)),
            _ => {}
        }
    }
    builder.close_row();
    let sheets: Vec<Sheet> = builder.sheets.into_iter().filter(|sheet| !sheet.rows.is_empty()).collect();
    if sheets.is_empty() {
        return Err(Error::bad_input("the file is a web page without a table")
            .hint("was the login page saved instead of the export? download it again"));
    }
    Ok(sheets)
}

#[derive(Default)]
struct Builder {
    sheets: Vec<Sheet>,
    row: Option<Vec<Cell>>,
    cell: Option<(String, usize)>,
    line: u64,
    /// Within `<script>` or `<style>`: what stands there is not said.
    silent: bool,
}

impl Builder {
    fn start(&mut self, name: &[u8], span: usize) {
        match name {
            b"table" => {
                self.close_row();
                self.line = 0;
                self.sheets.push(Sheet::default());
            }
            b"tr" => {
                self.close_row();
                self.row = Some(Vec::new());
            }
            b"td" | b"th" => {
                self.close_cell();
                self.row.get_or_insert_default();
                self.cell = Some((String::new(), span.clamp(1, WIDEST_SPAN)));
            }
            b"br" => self.text("\n"),
            b"script" | b"style" => self.silent = true,
            _ => {}
        }
    }

    fn end(&mut self, name: &[u8]) {
        match name {
            b"td" | b"th" => self.close_cell(),
            b"tr" | b"table" => self.close_row(),
            b"script" | b"style" => self.silent = false,
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let (false, Some((cell, _))) = (self.silent, &mut self.cell) {
            cell.push_str(text);
        }
    }

    fn close_cell(&mut self) {
        let Some((text, span)) = self.cell.take() else { return };
        let row = self.row.get_or_insert_default();
        row.push(Cell::text(text.trim()));
        row.extend(std::iter::repeat_n(Cell::Empty, span - 1));
    }

    fn close_row(&mut self) {
        self.close_cell();
        let Some(cells) = self.row.take() else { return };
        self.line += 1;
        if self.sheets.is_empty() {
            self.sheets.push(Sheet::default());
        }
        if let Some(sheet) = self.sheets.last_mut() {
            sheet.rows.push(Row::of_cells(self.line, cells));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_tag_soup() {
        let html = "\u{feff}<html><style>td{}</style><table><tr><th colspan=2>用户&amp;增长<tr><td>a<td> 1,2 \
                    <tr><td>b</td><td></td></tr></table>";
        let sheets = sheets(html).unwrap();
        let rows: Vec<Vec<String>> =
            sheets[0].rows.iter().map(|row| row.cells.iter().map(Cell::shown).collect()).collect();
        assert_eq!(rows, [["用户&增长", ""], ["a", "1,2"], ["b", ""]]);
        assert!(super::sheets("<html><p>log in</p></html>").is_err());
    }
}
