//! Text files: which encoding, which sign between the cells, and rows that a broken neighbour does not drag along.

use kepi_core::{Error, Result};

use crate::sheet::{Cell, Row, Sheet};

/// A text and the encoding it was in.
#[derive(Debug, PartialEq)]
pub(crate) struct Decoded {
    /// The text.
    pub(crate) text: String,
    /// Its encoding, as people name it.
    pub(crate) encoding: &'static str,
    /// Whether the encoding is only the likeliest one.
    pub(crate) guessed: bool,
    /// Whether U+FFFD stands for bytes that are none of the encoding.
    pub(crate) mended: bool,
}

/// Byte order mark, then UTF-8, then what the bytes look like: UTF-8 with a broken byte here and there, Western
/// European, or GB18030.
///
/// # Errors
/// `BadInput` when it is none of these.
pub(crate) fn decode(bytes: &[u8]) -> Result<Decoded> {
    let decoded = match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, mark)) => {
            let bytes = bytes.get(mark..).unwrap_or_default();
            let utf8 = encoding == encoding_rs::UTF_8;
            with(encoding, bytes).or_else(|| utf8.then(|| mended(bytes).0))
        }
        None => with(encoding_rs::UTF_8, bytes).or_else(|| guess(bytes)),
    };
    let decoded = decoded.ok_or_else(|| {
        Error::bad_input("the text is neither UTF-8 nor UTF-16 with its mark nor GB18030 nor windows-1252")
            .hint("save it again as UTF-8")
    })?;
    if decoded.text.contains('\0') {
        return Err(Error::bad_input("the file is neither a text nor a workbook")
            .hint("hand in the file as the platform gave it: CSV, XLSX, XLS or HTML"));
    }
    Ok(decoded)
}

/// The text in an encoding. A character that the end of the file cut in two is dropped.
fn with(encoding: &'static encoding_rs::Encoding, bytes: &[u8]) -> Option<Decoded> {
    (0..4.min(bytes.len() + 1)).find_map(|cut| {
        let kept = bytes.get(..bytes.len() - cut)?;
        let text = encoding.decode_without_bom_handling_and_without_replacement(kept)?;
        Some(Decoded { text: text.into_owned(), encoding: encoding.name(), guessed: false, mended: false })
    })
}

/// The likeliest encoding of bytes that are not all UTF-8. Any two bytes are some Chinese character, so that a text
/// decodes as GB18030 says little.
fn guess(bytes: &[u8]) -> Option<Decoded> {
    let (mended, sound, broken) = mended(bytes);
    if sound > broken {
        return Some(mended);
    }
    let western =
        || with(encoding_rs::WINDOWS_1252, bytes).filter(|decoded| !decoded.text.contains(is_control));
    let chinese = || with(encoding_rs::GB18030, bytes);
    let decoded = if stand_alone(bytes) { western().or_else(chinese) } else { chinese().or_else(western) };
    decoded.map(|decoded| Decoded { guessed: true, ..decoded })
}

/// Controls that no text of windows-1252 holds, but other bytes come to.
fn is_control(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9f}')
}

/// The text as UTF-8, U+FFFD where a byte is not; how many bytes beyond ASCII are UTF-8, and how many are not.
fn mended(bytes: &[u8]) -> (Decoded, usize, usize) {
    let mut text = String::with_capacity(bytes.len());
    let (mut sound, mut broken) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        sound += chunk.valid().bytes().filter(|byte| !byte.is_ascii()).count();
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
            broken += chunk.invalid().len();
        }
    }
    let encoding = encoding_rs::UTF_8.name();
    (Decoded { text, encoding, guessed: false, mended: true }, sound, broken)
}

/// Whether many runs of bytes beyond ASCII are one byte long, as the letters with accents of Europe are; Chinese
/// characters are pairs. Before a digit it may be half of a pair of pairs.
fn stand_alone(bytes: &[u8]) -> bool {
    let (mut runs, mut alone) = (0_usize, 0_usize);
    for run in bytes.chunk_by(|a, b| !a.is_ascii() && (!b.is_ascii() || b.is_ascii_digit())) {
        let beyond = run.iter().filter(|byte| !byte.is_ascii()).count();
        runs += usize::from(beyond > 0);
        alone += usize::from(beyond == 1 && run.len() == 1);
    }
    alone * 4 > runs
}

/// How often a broken quotation may be stepped over before the rest of a file is given up.
const MOST_RESUMPTIONS: usize = 500;

/// What is wrong with a row that holds bytes of no encoding.
pub(crate) const NOT_UTF8: &str = "a byte here is not UTF-8";

/// The rows of a decoded text; those with bytes that could not be decoded are set aside.
pub(crate) fn sheet(decoded: &Decoded, delimiter: Option<char>) -> Sheet {
    let mut sheet = rows(&decoded.text, delimiter);
    if decoded.mended {
        for row in sheet.rows.iter_mut().filter(|row| row.raw.contains(char::REPLACEMENT_CHARACTER)) {
            row.fault.get_or_insert(NOT_UTF8);
        }
    }
    sheet
}

/// The rows of a text.
pub(crate) fn rows(text: &str, delimiter: Option<char>) -> Sheet {
    let named = delimiter.and_then(|sign| u8::try_from(sign).ok()).filter(|sign| can_part(*sign));
    let delimiter = named.unwrap_or_else(|| find_delimiter(text));
    let mut sheet = Sheet { even: true, ..Sheet::default() };
    let mut start = Start { byte: 0, line: 1 };
    for _ in 0..MOST_RESUMPTIONS {
        match read_from(text, start, delimiter, &mut sheet) {
            Some(next) => start = next,
            None => return sheet,
        }
    }
    let rest = text.get(start.byte..).unwrap_or_default();
    sheet.rows.push(Row::broken(start.line, rest, "the rest of the file is too broken to read"));
    sheet
}

#[derive(Clone, Copy)]
struct Start {
    byte: usize,
    line: u64,
}

/// Reads rows from a place on. A row that runs over several lines and does not come out as wide as the table is
/// a broken quotation: its first line is set aside, and reading goes on at the next.
fn read_from(text: &str, start: Start, delimiter: u8, sheet: &mut Sheet) -> Option<Start> {
    let rest = text.get(start.byte..)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(rest.as_bytes());
    let mut record = csv::StringRecord::new();
    // Breaks are counted once each, from the row before on.
    let (mut line, mut counted) = (start.line, 0);
    loop {
        let from = usize::try_from(reader.position().byte()).ok()?;
        if !reader.read_record(&mut record).unwrap_or(false) {
            return None;
        }
        let begin = record.position().map_or(from, |at| usize::try_from(at.byte()).unwrap_or(from));
        let end = usize::try_from(reader.position().byte()).ok()?;
        let raw = rest.get(begin..end).unwrap_or_default();
        // Blank lines before a row are none of it.
        let begin = end - raw.trim_start_matches(['\r', '\n']).len();
        let raw = rest.get(begin..end).unwrap_or_default();
        line += line_breaks(rest.get(counted..begin).unwrap_or_default());
        counted = begin;
        let width = sheet.rows.iter().take(10).map(|row| row.cells.len()).max();
        let inner = raw.trim_end_matches(['\r', '\n']);
        let last = end >= rest.len();
        let quoting = quoting(raw, delimiter);
        let open = last && quoting == Quoting::Open;
        let uneven = width.is_some_and(|width| width != record.len());
        let broken = inner.contains('\n') && (uneven || quoting != Quoting::Sound);
        if broken {
            let first = inner.split('\n').next().unwrap_or(inner);
            sheet.rows.push(Row::broken(line, first.trim_end_matches('\r'), "a quotation mark is missing"));
            return Some(Start { byte: start.byte + begin + first.len() + 1, line: line + 1 });
        }
        let fault = (open && raw.len() == inner.len()).then_some("the file ends within a quotation");
        let cells = record.iter().map(Cell::text).collect();
        let mut row = Row::of_text(line, cells, inner.to_owned());
        row.fault = fault;
        sheet.rows.push(row);
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Quoting {
    Sound,
    /// A quotation ends in the middle of a cell.
    Stray,
    /// A quotation does not end.
    Open,
}

fn quoting(raw: &str, delimiter: u8) -> Quoting {
    let mut bytes = raw.bytes().peekable();
    let mut at_start = true;
    while let Some(byte) = bytes.next() {
        if !(at_start && byte == b'"') {
            at_start = byte == delimiter;
            continue;
        }
        loop {
            match (bytes.next(), bytes.peek()) {
                (None, _) => return Quoting::Open,
                (Some(b'"'), Some(b'"')) => {
                    bytes.next();
                }
                (Some(b'"'), None | Some(b'\r' | b'\n')) => break,
                (Some(b'"'), Some(next)) if *next == delimiter => break,
                (Some(b'"'), Some(_)) => return Quoting::Stray,
                _ => {}
            }
        }
        at_start = false;
    }
    Quoting::Sound
}

fn line_breaks(text: &str) -> u64 {
    text.bytes().map(|byte| u64::from(byte == b'\n')).sum()
}

fn can_part(sign: u8) -> bool {
    sign.is_ascii() && !matches!(sign, b'"' | b'\r' | b'\n' | 0)
}

/// The sign between cells: what a `sep=` line says, else the one that most lines of the beginning agree on.
fn find_delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default().trim().trim_matches('"');
    let named = first.strip_prefix("sep=").and_then(|rest| rest.bytes().next());
    if let Some(sign) = named.filter(|sign| can_part(*sign)) {
        return sign;
    }
    let count = |sign: u8| -> usize {
        let mut quoted = false;
        let mut outside = |byte: &u8| {
            quoted ^= *byte == b'"';
            !quoted && *byte == sign
        };
        text.as_bytes().iter().take(4096).filter(|byte| outside(byte)).count()
    };
    // The comma wins ties: it comes last among the equals.
    [b'\t', b';', b','].into_iter().max_by_key(|sign| count(*sign)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        let check = |bytes: &[u8], expected: &str, encoding: &str| {
            let decoded = decode(bytes).unwrap();
            assert_eq!((decoded.text.as_str(), decoded.encoding), (expected, encoding));
        };
        check("日期,阅读".as_bytes(), "日期,阅读", "UTF-8");
        check(b"\xef\xbb\xbfa,b", "a,b", "UTF-8");
        check(b"\xff\xfea\0,\0b\0", "a,b", "UTF-16LE");
        let (gbk, ..) = encoding_rs::GBK.encode("日期,阅读");
        check(&gbk, "日期,阅读", "gb18030");
        check("日期,阅".as_bytes().split_last().unwrap().1, "日期,", "UTF-8");
        check(b"Anh\xe4nger;Gr\xf6\xdfe\n1;2\n", "Anhänger;Größe\n1;2\n", "windows-1252");
        check(b"caf\xe9,ao\xfbt 1\xe8re\n", "café,août 1ère\n", "windows-1252");
        let (gb, ..) = encoding_rs::GB18030.encode("日期,😀1,a😀,阅读\n");
        check(&gb, "日期,😀1,a😀,阅读\n", "gb18030");
        let lone = "日期,阅读\n1,caf".bytes().chain(*b"\xe9\n2,3\n").collect::<Vec<_>>();
        check(&lone, "日期,阅读\n1,caf\u{fffd}\n2,3\n", "UTF-8");
        check(b"\xef\xbb\xbfa\xe9,b\n", "a\u{fffd},b\n", "UTF-8");
        assert!(decode(b"\x01\x00\x02\x00").is_err());
        assert!(decode(b"a,\x81,\xff\n").is_err());
    }

    #[test]
    fn a_row_with_a_broken_byte_is_set_aside_alone() {
        let decoded = decode(b"a,b\n1,\xf0\x9f\x98\x80\n2,\xe9\n3,z\n").unwrap();
        assert!(!decoded.guessed);
        let faults: Vec<_> = sheet(&decoded, None).rows.iter().map(|row| row.fault).collect();
        assert_eq!(faults, [None, None, Some(NOT_UTF8), None]);
    }

    fn check(text: &str, expected: &[&[&str]]) {
        let sheet = rows(text, None);
        let shown: Vec<Vec<String>> = sheet
            .rows
            .iter()
            .map(|row| match row.fault {
                Some(fault) => vec![format!("{}! {fault}", row.line)],
                None => row.cells.iter().map(Cell::shown).collect(),
            })
            .collect();
        assert_eq!(shown, expected, "{text:?}");
    }

    #[test]
    fn delimiters() {
        check("a,b\n1,2\n", &[&["a", "b"], &["1", "2"]]);
        check("a;b\n1,5;2\n", &[&["a", "b"], &["1,5", "2"]]);
        check("a\tb\n", &[&["a", "b"]]);
        check("sep=;\na;b\n", &[&["sep=", ""], &["a", "b"]]);
    }

    #[test]
    fn a_broken_quotation_takes_no_neighbour_along() {
        let text = "a,b\n1,\"x\ny\"\n2,\"open\n3,z\n4,w\n";
        let broken = "4! a quotation mark is missing";
        check(text, &[&["a", "b"], &["1", "x\ny"], &[broken], &["3", "z"], &["4", "w"]]);
        let text = "a,b\n2,\"open,\n3,\"z\"\n4,w\n";
        check(text, &[&["a", "b"], &["2! a quotation mark is missing"], &["3", "z"], &["4", "w"]]);
    }

    #[test]
    fn lines_are_told_as_an_editor_counts_them() {
        let text = "\na,b\n\r\n1,\"x\ny\"\n\n2,z,w\n\n\n3,\"open\n4,u\n";
        let lines: Vec<u64> = rows(text, Some(',')).rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [2, 4, 7, 10, 11]);
        check("a,b\n\n2,z,w\n", &[&["a", "b"], &["2", "z", "w"]]);
    }

    #[test]
    fn an_end_within_a_quotation_is_told() {
        check("a,b\n1,\"2", &[&["a", "b"], &["2! the file ends within a quotation"]]);
        check("a,b\n1,2", &[&["a", "b"], &["1", "2"]]);
    }
}
