//! Tags by list: a table says of posts, by their id or their address, which part of a dimension they are of. A content
//! system's export is such a table.

use std::collections::BTreeMap;

use kepi_core::{
    Error, Result,
    document::{Block, Placed, one_of_hint},
};

use crate::{address::one_address, fault::Source, formula::Filter, tag::TagRule};

/// `[[mapping]]`: which tables, and what their columns are.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// The files, as patterns relative to the configuration.
    pub files: String,
    /// The column that names the account, where one does.
    pub account: Option<String>,
    /// The column that names the post: by its id or by its address.
    pub post: PostBy,
    /// Dimension → column.
    pub dimensions: BTreeMap<String, String>,
    /// What stands between several tags in one cell.
    pub separator: Option<String>,
}

/// How a table names posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostBy {
    /// A column of the platform's ids.
    Id(String),
    /// A column of addresses, which are brought to one form.
    Address(String),
}

/// Reads `[[mapping]]` blocks.
#[must_use]
pub fn read_mappings(root: &Block<'_, '_>) -> Vec<Mapping> {
    root.blocks("mapping").into_iter().filter_map(read_mapping).collect()
}

fn read_mapping(block: Block<'_, '_>) -> Option<Mapping> {
    let files = block.required_text("file");
    let text = |key| block.text(key).map(|placed: Placed<String>| placed.value);
    let (account, separator) = (text("account"), text("separator"));
    let post = match (text("post"), text("url")) {
        (Some(id), None) => Some(PostBy::Id(id)),
        (None, Some(address)) => Some(PostBy::Address(address)),
        (Some(_), Some(_)) => {
            let hint = "keep one of post and url".to_owned();
            block.faults().add(block.place("url"), "posts are named in one way", "second way", Some(hint));
            None
        }
        (None, None) => {
            let hint = "add post = \"the column of ids\", or url = \"the column of addresses\"".to_owned();
            block.faults().add(
                block.span(),
                "the mapping does not say which column names the post",
                "in this block",
                Some(hint),
            );
            None
        }
    };
    let dimensions: BTreeMap<String, String> = block
        .block("dimensions")
        .map(|inner| inner.named_texts().into_iter().map(|(name, column)| (name, column.value)).collect())
        .unwrap_or_default();
    if dimensions.is_empty() {
        let hint = "add [mapping.dimensions] with lines such as theme = \"Section\"".to_owned();
        block.faults().add(block.span(), "the mapping gives no tags", "in this block", Some(hint));
    }
    block.finish();
    Some(Mapping { files: files?.value, account, post: post?, dimensions, separator })
}

/// Posts of one tag: by id within an account, by id anywhere, by address within an account, by address anywhere.
#[derive(Debug, Default)]
struct Listed {
    ids: BTreeMap<Option<String>, Vec<String>>,
    addresses: BTreeMap<Option<String>, Vec<String>>,
}

impl Mapping {
    /// The rules that tables of this mapping come to: one per dimension and tag. The same row twice changes nothing.
    ///
    /// # Errors
    /// `BadConfig` with file and line of a table that lacks a column or cannot be read.
    pub fn rules(&self, tables: &[Source]) -> Result<Vec<TagRule>> {
        let mut listed: BTreeMap<(String, String), Listed> = BTreeMap::new();
        for table in tables {
            self.gather(table, &mut listed)?;
        }
        let rules = listed.into_iter().map(|((dimension, value), listed)| {
            let written = format!("listed in {}", self.files);
            TagRule { dimension, value, filter: Filter::listed(written, listed.ids, listed.addresses) }
        });
        Ok(rules.collect())
    }

    fn gather(&self, table: &Source, into: &mut BTreeMap<(String, String), Listed>) -> Result<()> {
        let text = table.text.strip_prefix('\u{feff}').unwrap_or(&table.text);
        let mut reader =
            csv::ReaderBuilder::new().flexible(true).delimiter(delimiter(text)).from_reader(text.as_bytes());
        let unreadable = |error: csv::Error| {
            Error::bad_config("the table cannot be read").with("file", &table.name).caused_by(error)
        };
        let header: Vec<String> =
            reader.headers().map_err(unreadable)?.iter().map(|name| name.trim().to_owned()).collect();
        let place = |column: &str| {
            header.iter().position(|name| name == column).ok_or_else(|| {
                let known: Vec<&str> = header.iter().map(String::as_str).collect();
                Error::bad_config(format!("the table has no column {column:?}"))
                    .with("file", &table.name)
                    .hint(one_of_hint(column, &known))
            })
        };
        let account = self.account.as_deref().map(place).transpose()?;
        let (post, by_address) = match &self.post {
            PostBy::Id(column) => (place(column)?, false),
            PostBy::Address(column) => (place(column)?, true),
        };
        let mut dimensions = Vec::new();
        for (name, column) in &self.dimensions {
            dimensions.push((name, place(column)?));
        }
        for row in reader.records() {
            let row = row.map_err(unreadable)?;
            let cell = |place: usize| row.get(place).map(str::trim).filter(|cell| !cell.is_empty());
            let Some(post) = cell(post) else { continue };
            let account = account.and_then(cell).map(str::to_owned);
            for (dimension, column) in &dimensions {
                let Some(values) = cell(*column) else { continue };
                let parts: Vec<&str> = match &self.separator {
                    Some(separator) => values.split(separator.as_str()).collect(),
                    None => vec![values],
                };
                for value in parts.into_iter().map(str::trim).filter(|value| !value.is_empty()) {
                    let listed = into.entry(((*dimension).clone(), value.to_owned())).or_default();
                    if by_address {
                        let own = listed.addresses.entry(account.clone()).or_default();
                        own.push(one_address(post));
                    } else {
                        listed.ids.entry(account.clone()).or_default().push(post.to_owned());
                    }
                }
            }
        }
        Ok(())
    }
}

/// The sign that stands most often in the header.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().next().unwrap_or("");
    let count = |sign: &u8| header.bytes().filter(|byte| byte == sign).count();
    *[b',', b';', b'\t'].iter().rev().max_by_key(|sign| count(sign)).unwrap_or(&b',')
}
