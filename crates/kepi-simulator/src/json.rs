//! Writes JSON straight into a buffer: no tree is built, so that a page of a hundred posts costs microseconds.

use std::fmt::{Display, Write};

/// A growing JSON text.
#[derive(Debug, Default)]
pub(crate) struct Json {
    text: String,
    noise: bool,
}

impl Json {
    /// A writer; with `noise`, every object also has keys that no reader knows.
    pub(crate) fn new(noise: bool) -> Self {
        Self { text: String::with_capacity(1024), noise }
    }

    /// Writes the top-level object.
    pub(crate) fn object(mut self, fill: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
        object(&mut self, fill);
        self.text.into_bytes()
    }

    /// Writes the top-level array.
    pub(crate) fn array(mut self, fill: impl FnOnce(&mut Array<'_>)) -> Vec<u8> {
        array(&mut self, fill);
        self.text.into_bytes()
    }
}

fn object(json: &mut Json, fill: impl FnOnce(&mut Object<'_>)) {
    json.text.push('{');
    let noise = json.noise;
    let mut object = Object { json, first: true };
    if noise {
        object.int("unheard_of_metric", 7);
    }
    fill(&mut object);
    json.text.push('}');
}

fn array(json: &mut Json, fill: impl FnOnce(&mut Array<'_>)) {
    json.text.push('[');
    fill(&mut Array { json, first: true });
    json.text.push(']');
}

fn quoted(text: &mut String, value: &str) {
    text.push('"');
    let mut rest = value;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        let (plain, special) = rest.split_at(at);
        text.push_str(plain);
        match special.as_bytes()[0] {
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b'\n' => text.push_str("\\n"),
            control => {
                let _ = write!(text, "\\u{control:04x}");
            }
        }
        // What is escaped is one byte long.
        rest = &special[1..];
    }
    text.push_str(rest);
    text.push('"');
}

/// An object being written.
pub(crate) struct Object<'a> {
    json: &'a mut Json,
    first: bool,
}

impl Object<'_> {
    fn key(&mut self, key: &str) -> &mut String {
        if !self.first {
            self.json.text.push(',');
        }
        self.first = false;
        quoted(&mut self.json.text, key);
        self.json.text.push(':');
        &mut self.json.text
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        quoted(self.key(key), value);
    }

    /// Something displayed, as a string.
    pub(crate) fn shown(&mut self, key: &str, value: impl Display) {
        let text = self.key(key);
        let _ = write!(text, "\"{value}\"");
    }

    /// A number, or anything that displays as a JSON value.
    pub(crate) fn bare(&mut self, key: &str, value: impl Display) {
        let text = self.key(key);
        let _ = write!(text, "{value}");
    }

    pub(crate) fn int(&mut self, key: &str, value: i64) {
        self.bare(key, value);
    }

    pub(crate) fn flag(&mut self, key: &str, value: bool) {
        self.bare(key, value);
    }

    pub(crate) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) {
        self.key(key);
        object(self.json, fill);
    }

    /// An object whose keys are data: days, ids. It is never noisy.
    pub(crate) fn map(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) {
        self.key(key);
        self.json.text.push('{');
        fill(&mut Object { json: self.json, first: true });
        self.json.text.push('}');
    }

    pub(crate) fn array(&mut self, key: &str, fill: impl FnOnce(&mut Array<'_>)) {
        self.key(key);
        array(self.json, fill);
    }

    /// An array of strings.
    pub(crate) fn texts<T: AsRef<str>>(&mut self, key: &str, values: impl IntoIterator<Item = T>) {
        self.array(key, |list| {
            for value in values {
                list.text(value.as_ref());
            }
        });
    }
}

/// An array being written.
pub(crate) struct Array<'a> {
    json: &'a mut Json,
    first: bool,
}

impl Array<'_> {
    fn next(&mut self) {
        if !self.first {
            self.json.text.push(',');
        }
        self.first = false;
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.next();
        quoted(&mut self.json.text, value);
    }

    pub(crate) fn object(&mut self, fill: impl FnOnce(&mut Object<'_>)) {
        self.next();
        object(self.json, fill);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let text = Json::new(false).object(|o| {
            o.text("a", "\"x\\\n\u{1}好");
            o.object("b", |o| o.int("c", -3));
            o.array("d", |a| {
                a.text("e");
                a.object(|o| o.flag("f", true));
            });
        });
        let read: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(read, serde_json::json!({"a": "\"x\\\n\u{1}好", "b": {"c": -3}, "d": ["e", {"f": true}]}));
    }

    #[test]
    fn noise_is_in_every_object() {
        let text = Json::new(true).object(|o| {
            o.object("b", |_| {});
            o.map("c", |m| m.int("2026-01-01", 1));
        });
        let expected = r#"{"unheard_of_metric":7,"b":{"unheard_of_metric":7},"c":{"2026-01-01":1}}"#;
        assert_eq!(text, expected.as_bytes());
    }
}
