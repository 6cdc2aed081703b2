//! Bytes to sheets, by what the bytes are and never by what the file is called.

mod html;
pub(crate) mod text;
mod workbook;
mod xlsx;

use jiff::Timestamp;
use kepi_core::{Error, Result};

use crate::sheet::Sheet;

/// What a file was found to be, and its sheets.
#[derive(Debug)]
pub(crate) struct Read {
    /// Its kind or encoding, as people name it.
    pub(crate) encoding: &'static str,
    /// Whether the encoding is only the likeliest one.
    pub(crate) guessed: bool,
    /// When it says that it was made.
    pub(crate) made_at: Option<Timestamp>,
    /// Its sheets; a text is one.
    pub(crate) sheets: Vec<Sheet>,
}

/// The largest file that is read.
const MOST_BYTES: usize = 256 << 20;

/// Reads the sheets of a file.
///
/// # Errors
/// `BadInput` when it is no table, too large, or holds macros.
pub(crate) fn read(bytes: &[u8], delimiter: Option<char>) -> Result<Read> {
    if bytes.len() > MOST_BYTES {
        return Err(Error::bad_input("the file is larger than 256 MiB")
            .hint("export a shorter period, or split the file"));
    }
    if bytes.is_empty() {
        return Err(Error::bad_input("the file is empty").hint("download it again"));
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return workbook::read_zip(bytes);
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return workbook::read_ole(bytes);
    }
    let decoded = text::decode(bytes)?;
    if decoded.text.trim_start().starts_with('<') {
        let sheets = html::sheets(&decoded.text)?;
        return Ok(Read { encoding: "HTML", guessed: false, made_at: None, sheets });
    }
    let sheets = vec![text::sheet(&decoded, delimiter)];
    Ok(Read { encoding: decoded.encoding, guessed: decoded.guessed, made_at: None, sheets })
}
