//! The query encoding of Rest.li 2.0: `( ) , :` of lists and records stand as they are, the same characters
//! within a value are percent-encoded.

use std::fmt::Write as _;

/// A value, or a key of a path.
pub(super) fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 12);
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte))
            }
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

/// A list of values.
pub(super) fn list(values: &[&str]) -> String {
    let values: Vec<String> = values.iter().map(|value| encoded(value)).collect();
    format!("List({})", values.join(","))
}
