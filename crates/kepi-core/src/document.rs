//! TOML that people write, read so that all faults are found at once, each with its place.
//!
//! A [`Document`] is parsed to a spanned tree; a [`Block`] is one of its tables. What a reader asks for is
//! checked on the way, what nobody asked for is an unknown key, and every fault is kept with file, span and hint.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Range,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{Error, Result};

/// One fault of a text that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file, as a message names it.
    pub file: String,
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write under the offending text.
    pub label: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Fault {
    /// Line and column of its place in the text, counted from 1.
    #[must_use]
    pub fn line_column(&self, text: &str) -> (usize, usize) {
        let before = text.get(..self.span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
        (line, column)
    }
}

/// The faults of a text, gathered while it is read.
#[derive(Debug)]
pub struct Faults {
    file: String,
    found: RefCell<Vec<Fault>>,
}

impl Faults {
    /// None yet.
    #[must_use]
    pub fn new(file: impl Into<String>) -> Self {
        Self { file: file.into(), found: RefCell::default() }
    }

    /// Adds one.
    pub fn add(&self, span: Range<usize>, message: impl Into<String>, label: &str, hint: Option<String>) {
        self.found.borrow_mut().push(Fault {
            file: self.file.clone(),
            span,
            message: message.into(),
            label: label.to_owned(),
            hint,
        });
    }

    /// Adds an error of a value's own reader.
    pub fn add_error(&self, span: Range<usize>, error: &Error) {
        self.add(span, error.message(), "", error.hint_text().map(str::to_owned));
    }

    /// All of them, in the order of the text.
    #[must_use]
    pub fn into_vec(self) -> Vec<Fault> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|fault| fault.span.start);
        found
    }
}

/// A parsed text.
pub struct Document<'i> {
    root: Spanned<DeTable<'i>>,
}

impl fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document {{ {} keys }}", self.root.get_ref().len())
    }
}

impl<'i> Document<'i> {
    /// Parses a text; faults of syntax are gathered, and what could be read goes on.
    #[must_use]
    pub fn parse(text: &'i str, faults: &Faults) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            faults.add(error.span().unwrap_or(0..0), error.message().to_owned(), "here", None);
        }
        Self { root }
    }

    /// Its outermost table.
    #[must_use]
    pub fn block<'d>(&'d self, faults: &'d Faults) -> Block<'d, 'i> {
        Block::new(self.root.get_ref(), self.root.span(), String::new(), faults)
    }
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Range<usize>,
}

/// One table of a document. Ask for its keys, then [`Block::finish`] it.
#[derive(Debug)]
pub struct Block<'d, 'i> {
    table: &'d DeTable<'i>,
    span: Range<usize>,
    path: String,
    faults: &'d Faults,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'d, 'i> Block<'d, 'i> {
    fn new(table: &'d DeTable<'i>, span: Range<usize>, path: String, faults: &'d Faults) -> Self {
        Self { table, span, path, faults, asked: RefCell::default() }
    }

    /// Its place.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Where faults of it are gathered.
    #[must_use]
    pub fn faults(&self) -> &'d Faults {
        self.faults
    }

    fn get(&self, key: &'static str) -> Option<&'d Spanned<DeValue<'i>>> {
        self.asked.borrow_mut().insert(key);
        self.table.get(key)
    }

    fn name(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn expected<T>(&self, key: &str, what: &str, found: &Spanned<DeValue<'_>>) -> Option<T> {
        let message = format!("{} is {what}, not {}", self.name(key), kind_of(found.get_ref()));
        self.faults.add(found.span(), message, &format!("expected {what}"), None);
        None
    }

    /// Whether a key is there.
    #[must_use]
    pub fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// Whether a key is there and holds a table.
    #[must_use]
    pub fn has_block(&self, key: &'static str) -> bool {
        self.get(key).is_some_and(|found| found.get_ref().is_table())
    }

    /// The place of a key's value; the block's own where the key is missing.
    #[must_use]
    pub fn place(&self, key: &'static str) -> Range<usize> {
        self.get(key).map_or_else(|| self.span(), Spanned::span)
    }

    /// A text.
    #[must_use]
    pub fn text(&self, key: &'static str) -> Option<Placed<String>> {
        let found = self.get(key)?;
        match found.get_ref() {
            DeValue::String(text) => Some(Placed { value: text.to_string(), span: found.span() }),
            _ => self.expected(key, "a text in quotes", found),
        }
    }

    /// A text that must be there.
    #[must_use]
    pub fn required_text(&self, key: &'static str) -> Option<Placed<String>> {
        if !self.has(key) {
            self.missing(key);
        }
        self.text(key)
    }

    /// Says that a key is missing.
    pub fn missing(&self, key: &str) {
        let message = format!("{} is missing", self.name(key));
        self.faults.add(self.span(), message, "in this block", Some(format!("add {key} = …")));
    }

    /// Says that a table is missing.
    pub fn missing_block(&self, key: &str) {
        let message = format!("[{}] is missing", self.name(key));
        self.faults.add(
            self.span(),
            message,
            "in this file",
            Some(format!("add a line [{}]", self.name(key))),
        );
    }

    /// A text that some reader turns into a value.
    pub fn parsed<T>(&self, key: &'static str, read: impl FnOnce(&str) -> Result<T>) -> Option<Placed<T>> {
        let text = self.text(key)?;
        match read(&text.value) {
            Ok(value) => Some(Placed { value, span: text.span }),
            Err(error) => {
                self.faults.add_error(text.span, &error);
                None
            }
        }
    }

    /// One of a few words.
    #[must_use]
    pub fn one_of<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<Placed<T>> {
        self.parsed(key, |text| {
            words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
                let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Error::bad_config(format!("{} cannot be {text:?}", self.name(key)))
                    .hint(one_of_hint(text, &names))
            })
        })
    }

    /// A whole number.
    #[must_use]
    pub fn integer(&self, key: &'static str) -> Option<Placed<i64>> {
        let found = self.get(key)?;
        let number = match found.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        match number {
            Some(value) => Some(Placed { value, span: found.span() }),
            None => self.expected(key, "a whole number", found),
        }
    }

    /// A number, whole or not.
    #[must_use]
    pub fn number(&self, key: &'static str) -> Option<Placed<f64>> {
        let found = self.get(key)?;
        match number_of(found.get_ref()) {
            Some(value) if value.is_finite() => Some(Placed { value, span: found.span() }),
            Some(_) => self.not_finite(key, found),
            None => self.expected(key, "a number", found),
        }
    }

    fn not_finite<T>(&self, key: &str, found: &Spanned<DeValue<'_>>) -> Option<T> {
        let message = format!("{} is not a number that can be reckoned with", self.name(key));
        self.faults.add(found.span(), message, "neither nan nor inf, nor beyond 1.8e308", None);
        None
    }

    /// True or false.
    #[must_use]
    pub fn flag(&self, key: &'static str) -> Option<bool> {
        let found = self.get(key)?;
        match found.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.expected(key, "true or false", found),
        }
    }

    /// A list of texts; a single text is a list of one.
    #[must_use]
    pub fn texts(&self, key: &'static str) -> Vec<Placed<String>> {
        let Some(found) = self.get(key) else { return Vec::new() };
        let read = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
            DeValue::String(text) => Some(Placed { value: text.to_string(), span: item.span() }),
            _ => self.expected(key, "a list of texts", item),
        };
        match found.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(read).collect(),
            DeValue::String(_) => read(found).into_iter().collect(),
            _ => self.expected(key, "a list of texts", found).unwrap_or_default(),
        }
    }

    /// A list of numbers.
    #[must_use]
    pub fn numbers(&self, key: &'static str) -> Option<Placed<Vec<f64>>> {
        let found = self.get(key)?;
        let numbers: Option<Vec<f64>> = match found.get_ref() {
            DeValue::Array(items) => items.iter().map(|item| number_of(item.get_ref())).collect(),
            _ => None,
        };
        match numbers {
            Some(numbers) if numbers.iter().any(|number| !number.is_finite()) => self.not_finite(key, found),
            Some(value) => Some(Placed { value, span: found.span() }),
            None => self.expected(key, "a list of numbers", found),
        }
    }

    /// A table.
    #[must_use]
    pub fn block(&self, key: &'static str) -> Option<Block<'d, 'i>> {
        let found = self.get(key)?;
        match found.get_ref() {
            DeValue::Table(table) => Some(Block::new(table, found.span(), self.name(key), self.faults)),
            _ => self.expected(key, "a table", found),
        }
    }

    /// A list of tables, as `[[key]]` writes it.
    #[must_use]
    pub fn blocks(&self, key: &'static str) -> Vec<Block<'d, 'i>> {
        let Some(found) = self.get(key) else { return Vec::new() };
        let DeValue::Array(items) = found.get_ref() else {
            return self.expected(key, &format!("a list of tables, [[{key}]]"), found).unwrap_or_default();
        };
        let one = |item: &'d Spanned<DeValue<'i>>| match item.get_ref() {
            DeValue::Table(table) => Some(Block::new(table, item.span(), self.name(key), self.faults)),
            _ => self.expected(key, "a table", item),
        };
        items.iter().filter_map(one).collect()
    }

    /// Its keys that are free to choose (such as the names of platforms), each with a table.
    #[must_use]
    pub fn named_blocks(&self) -> Vec<(Placed<String>, Block<'d, 'i>)> {
        let one = |(key, found): (&Spanned<_>, &'d Spanned<DeValue<'i>>)| {
            let name: &std::borrow::Cow<'_, str> = key.get_ref();
            let name = Placed { value: name.to_string(), span: key.span() };
            match found.get_ref() {
                DeValue::Table(table) => {
                    let path = self.name(&name.value);
                    Some((name, Block::new(table, found.span(), path, self.faults)))
                }
                _ => self.expected(&name.value, "a table", found),
            }
        };
        self.table.iter().filter_map(one).collect()
    }

    /// Its keys that are free to choose, each with a text.
    #[must_use]
    pub fn named_texts(&self) -> BTreeMap<String, Placed<String>> {
        let mut texts = BTreeMap::new();
        for (key, found) in self.table {
            match found.get_ref() {
                DeValue::String(text) => {
                    texts.insert(
                        key.get_ref().to_string(),
                        Placed { value: text.to_string(), span: found.span() },
                    );
                }
                _ => self.expected(key.get_ref(), "a text in quotes", found).unwrap_or_default(),
            }
        }
        texts
    }

    /// The table as JSON, for settings that a schema of their own checks.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        table_to_json(self.table)
    }

    /// Says which keys nobody asked for, with the nearest that is known.
    pub fn finish(self) {
        let asked = self.asked.borrow();
        let known: Vec<&str> = asked.iter().copied().collect();
        for key in self.table.keys().filter(|key| !asked.contains(key.get_ref().as_ref())) {
            let message = format!("unknown key {}", self.name(key.get_ref()));
            self.faults.add(key.span(), message, "not known here", Some(one_of_hint(key.get_ref(), &known)));
        }
    }
}

fn number_of(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number as f64)
        }
        DeValue::Float(number) => number.as_str().parse().ok(),
        _ => None,
    }
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn table_to_json(table: &DeTable<'_>) -> serde_json::Value {
    table.iter().map(|(key, value)| (key.get_ref().to_string(), to_json(value.get_ref()))).collect()
}

fn to_json(value: &DeValue<'_>) -> serde_json::Value {
    match value {
        DeValue::String(text) => text.to_string().into(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().into(),
        DeValue::Float(_) => number_of(value).into(),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(time) => time.to_string().into(),
        DeValue::Array(items) => items.iter().map(|item| to_json(item.get_ref())).collect(),
        DeValue::Table(table) => table_to_json(table),
    }
}

/// The name nearest to a mistaken one, where one is near.
///
/// ```
/// use kepi_core::document::nearest;
/// assert_eq!(nearest("likse", ["likes", "shares"]), Some("likes"));
/// assert_eq!(nearest("banana", ["likes", "shares"]), None);
/// ```
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let name = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| {
            (strsim::normalized_damerau_levenshtein(&name, &candidate.to_lowercase()), candidate)
        })
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// "did you mean …" where something is near, and all that is known.
#[must_use]
pub fn one_of_hint(name: &str, known: &[&str]) -> String {
    const SHOWN: usize = 40;
    let mut each: Vec<&str> = Vec::new();
    for name in known {
        if !each.contains(name) {
            each.push(name);
        }
    }
    let mut all = each.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if each.len() > SHOWN {
        all = format!("{all} and {} more", each.len() - SHOWN);
    }
    nearest(name, known.iter().copied()).map_or_else(
        || format!("known here: {all}"),
        |near| format!("did you mean {near}? known here: {all}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(text: &str) -> Vec<String> {
        let faults = Faults::new("kepi.toml");
        let document = Document::parse(text, &faults);
        let root = document.block(&faults);
        for block in root.blocks("account") {
            let _ = block.required_text("id");
            let _ = block.text("zone");
            let _ = block.integer("limit");
            block.finish();
        }
        root.finish();
        faults
            .into_vec()
            .iter()
            .map(|fault| {
                let (line, column) = fault.line_column(text);
                format!("{line}:{column} {}", fault.message)
            })
            .collect()
    }

    #[test]
    fn all_faults_at_once_each_with_its_place() {
        let text =
            "[[account]]\nzone = 3\nlimt = 1\n\n[[account]]\nid = \"x/a\"\nlimit = \"many\"\n[acount]\n";
        assert_eq!(
            faults_of(text),
            [
                "1:1 account.id is missing",
                "2:8 account.zone is a text in quotes, not a number",
                "3:1 unknown key account.limt",
                "7:9 account.limit is a whole number, not a text",
                "8:2 unknown key acount",
            ]
        );
    }

    #[test]
    fn numbers_are_finite() {
        let faults = Faults::new("k.toml");
        let document = Document::parse("a = nan\nb = -inf\nc = 1e400\nd = [1, inf]\ne = 1e300\n", &faults);
        let root = document.block(&faults);
        for key in ["a", "b", "c", "e"] {
            assert_eq!(root.number(key).is_some(), key == "e", "{key}");
        }
        assert_eq!(root.numbers("d"), None);
        let told: Vec<String> = faults.into_vec().into_iter().map(|fault| fault.message).collect();
        assert_eq!(
            told,
            ["a", "b", "c", "d"].map(|key| format!("{key} is not a number that can be reckoned with"))
        );
    }

    #[test]
    fn a_word_that_is_not_known_is_answered_with_each_known_one_once() {
        let faults = Faults::new("k.toml");
        let document = Document::parse("[[goal]]\nserves = \"banana\"\n", &faults);
        let root = document.block(&faults);
        for goal in root.blocks("goal") {
            assert_eq!(goal.one_of("serves", &[("revenue", 1), ("revenue", 2), ("reputation", 3)]), None);
        }
        let fault = faults.into_vec().remove(0);
        assert_eq!(fault.message, "goal.serves cannot be \"banana\"");
        assert_eq!(fault.hint.as_deref(), Some("known here: revenue, reputation"));
    }

    #[test]
    fn faults_of_syntax_do_not_hide_the_others() {
        let found = faults_of("[[account]]\nid = \nzone = 3\n");
        assert!(found.len() >= 2, "{found:?}");
    }
}
