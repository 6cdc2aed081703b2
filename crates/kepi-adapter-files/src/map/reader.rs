//! How a map's values are read and its faults are told.

use kepi_core::{Catalogue, document::Fault};
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use crate::{layout::Names, nearest};

pub(super) type Span = std::ops::Range<usize>;
pub(super) type Entries<'a> = DeTable<'a>;

/// Walks the document and collects faults instead of stopping at the first.
pub(super) struct Reader<'c> {
    pub(super) catalogue: &'c Catalogue,
    file: &'c str,
    faults: Vec<Fault>,
}

impl<'c> Reader<'c> {
    pub(super) fn new(file: &'c str, catalogue: &'c Catalogue) -> Self {
        Self { catalogue, file, faults: Vec::new() }
    }

    pub(super) fn fault(&mut self, at: &Span, text: impl Into<String>, hint: impl Into<String>) {
        let fault = self.made(at.clone(), text, hint);
        self.faults.push(fault);
    }

    /// A fault of this file.
    pub(super) fn made(&self, span: Span, text: impl Into<String>, hint: impl Into<String>) -> Fault {
        Fault {
            file: self.file.to_owned(),
            span,
            message: text.into(),
            label: String::new(),
            hint: Some(hint.into()),
        }
    }

    pub(super) fn known_keys(&mut self, entries: &Entries<'_>, known: &[&str]) {
        for key in entries.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref().as_ref();
            self.fault(
                &key.span(),
                format!("unknown key {name:?}"),
                nearest::hint(name, known.iter().copied()),
            );
        }
    }

    pub(super) fn table<'a>(
        &mut self,
        value: &'a Spanned<DeValue<'a>>,
        known: &[&str],
    ) -> Option<&'a Entries<'a>> {
        if let DeValue::Table(inner) = value.get_ref() {
            self.known_keys(inner, known);
            return Some(inner);
        }
        self.fault(&value.span(), "a table is expected here", format!("its keys are {}", known.join(", ")));
        None
    }

    pub(super) fn text(&mut self, entries: &Entries<'_>, key: &str) -> Option<String> {
        let value = entry(entries, key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(text.as_ref().to_owned()),
            _ => {
                self.fault(&value.span(), format!("{key} is a text"), format!("write {key} = \"…\""));
                None
            }
        }
    }

    pub(super) fn needed(&mut self, entries: &Entries<'_>, key: &str, span: &Span) -> Names {
        if entry(entries, key).is_none() {
            self.fault(span, format!("{key} is missing"), format!("add {key} = \"…\""));
        }
        self.text(entries, key).map_or(Names::None, Names::One)
    }

    pub(super) fn names(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Names> {
        if let DeValue::String(text) = value.get_ref() {
            return Some(Names::One(text.as_ref().to_owned()));
        }
        self.fault(&value.span(), "a column's header is a text", "write likes = \"Likes\"");
        None
    }

    pub(super) fn texts(&mut self, entries: &Entries<'_>, key: &str) -> Vec<String> {
        let Some(value) = entry(entries, key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.fault(&value.span(), format!("{key} is a list of texts"), format!("write {key} = [\"…\"]"));
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::String(text) => texts.push(text.as_ref().to_owned()),
                _ => self.fault(
                    &item.span(),
                    format!("{key} is a list of texts"),
                    "put it into quotation marks",
                ),
            }
        }
        texts
    }

    pub(super) fn word<T: Clone>(
        &mut self,
        entries: &Entries<'_>,
        key: &str,
        known: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(entries, key)?;
        let found = known.iter().find(|(word, _)| *word == text).map(|(_, value)| value.clone());
        if found.is_none() {
            let at = entry(entries, key).map_or(0..0, Spanned::span);
            let hint = nearest::hint(&text, known.iter().map(|(word, _)| *word));
            self.fault(&at, format!("{key} cannot be {text:?}"), hint);
        }
        found
    }

    pub(super) fn sign(&mut self, entries: &Entries<'_>, key: &str, allowed: &[char]) -> Option<char> {
        let text = self.text(entries, key)?;
        let mut signs = text.chars();
        match (signs.next(), signs.next()) {
            (Some(sign), None) if allowed.contains(&sign) => Some(sign),
            _ => {
                let at = entry(entries, key).map_or(0..0, Spanned::span);
                let list: Vec<String> = allowed.iter().map(|sign| format!("{sign:?}")).collect();
                self.fault(
                    &at,
                    format!("{key} cannot be {text:?}"),
                    format!("it is one of {}", list.join(" ")),
                );
                None
            }
        }
    }

    pub(super) fn whole_number(&mut self, entries: &Entries<'_>, key: &str) -> Option<i64> {
        let value = entry(entries, key)?;
        let number = match value.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        if number.is_none() {
            self.fault(&value.span(), format!("{key} is a whole number"), format!("write {key} = 100001"));
        }
        number
    }

    /// All faults in the order of the text.
    pub(super) fn finish(mut self) -> Vec<Fault> {
        self.faults.sort_by_key(|fault| fault.span.start);
        self.faults
    }
}

pub(super) fn entry<'a, 'b>(entries: &'a Entries<'b>, key: &str) -> Option<&'a Spanned<DeValue<'b>>> {
    entries.iter().find(|(name, _)| name.get_ref() == &DeString::Borrowed(key)).map(|(_, value)| value)
}
