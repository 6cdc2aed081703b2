//! Layouts: what an export file looks like, as data. The shipped ones stand in `config/exports`.

use std::collections::BTreeMap;

use kepi_core::{Catalogue, Error, MetricId, Platform, Provenance, Result, SubjectKind, Traffic, WindowKind};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::value::{Kind, Rates};

/// The shipped layout files, name and text.
pub(crate) const BUILTIN: &[(&str, &str)] = &[
    ("douyin.toml", include_str!("../../../config/exports/douyin.toml")),
    ("facebook.toml", include_str!("../../../config/exports/facebook.toml")),
    ("instagram.toml", include_str!("../../../config/exports/instagram.toml")),
    ("linkedin.toml", include_str!("../../../config/exports/linkedin.toml")),
    ("tiktok.toml", include_str!("../../../config/exports/tiktok.toml")),
    ("toutiao.toml", include_str!("../../../config/exports/toutiao.toml")),
    ("web.toml", include_str!("../../../config/exports/web.toml")),
    ("wechat.toml", include_str!("../../../config/exports/wechat.toml")),
    ("x.toml", include_str!("../../../config/exports/x.toml")),
    ("xiaohongshu.toml", include_str!("../../../config/exports/xiaohongshu.toml")),
    ("zhihu.toml", include_str!("../../../config/exports/zhihu.toml")),
];

/// One layout file: what one platform exports.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LayoutFile {
    platform: Platform,
    #[serde(default)]
    zone: Option<SmolStr>,
    #[serde(default)]
    also: BTreeMap<String, String>,
    layout: Vec<Layout>,
}

/// One kind of export file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Its name, as people choose it.
    pub id: SmolStr,
    /// What it is, for people.
    pub title: String,
    /// Whose back end writes it; none for a table that a user described.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// The zone of its days and clock times; the account's own where none is said.
    #[serde(default)]
    pub zone: Option<SmolStr>,
    /// The currency of its money; the account's own where none is said.
    #[serde(default)]
    pub currency: Option<SmolStr>,
    /// Where its numbers come from.
    #[serde(default = "export")]
    pub provenance: Provenance,
    /// The sign between the cells of a text, where it is not to be found out.
    #[serde(default)]
    pub delimiter: Option<char>,
    /// The words before the first and the last day, in lines above the header, of tables that cover days as a whole.
    #[serde(default)]
    pub days_after: Option<(String, String)>,
    /// Headers and names of sheets as other languages of the back office write them, and what they are here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub also: BTreeMap<String, String>,
    /// The tables it may hold.
    #[serde(rename = "table")]
    pub tables: Vec<Table>,
}

fn export() -> Provenance {
    Provenance::Export
}

/// Names of one column: the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(untagged)]
pub enum Names {
    /// None.
    #[default]
    None,
    /// One name.
    One(String),
    /// Several names that the platform has used.
    Several(Vec<String>),
}

impl Names {
    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let names: &[String] = match self {
            Self::None => &[],
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        };
        names.iter().map(String::as_str)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// One table within a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The names of the sheets it may stand on; any sheet where none is said.
    #[serde(default)]
    pub sheet: Names,
    /// The title that stands above it; it ends at the next blank row.
    #[serde(default)]
    pub section: Option<String>,
    /// Blank columns part it from tables beside it.
    #[serde(default)]
    pub beside: bool,
    /// Headers without which it is not this table.
    pub required: Vec<String>,
    /// Headers with which it is not this table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// The headers that it may have beside those it reads, where users choose columns: with any other it is not this
    /// table, because that column may split its rows.
    #[serde(default)]
    pub others: Option<Vec<String>>,
    /// What its rows are about.
    pub subject: SubjectKind,
    /// How long its numbers look.
    pub window: WindowKind,
    /// The column of the local day, or of the instant of a reading.
    #[serde(default)]
    pub time: Names,
    /// The column of the last day of a period, when `time` holds the first.
    #[serde(default)]
    pub until: Names,
    /// Its days have no year; they run from old to new over at most a year.
    #[serde(default)]
    pub yearless: bool,
    /// Whether its last day may still change.
    #[serde(default = "yes")]
    pub last_day_provisional: bool,
    /// Forms of its dates, beside those that cannot be mistaken.
    #[serde(default)]
    pub dates: Vec<String>,
    /// What stands for "not said", beside `-`, `--`, `N/A`, `null` and nothing.
    #[serde(default)]
    pub missing: Vec<String>,
    /// How a rate without a percent sign is meant.
    #[serde(default = "by_cell")]
    pub rates: Rates,
    /// The sign before a fraction.
    #[serde(default = "point")]
    pub decimal: char,
    /// The number at which the source stops counting.
    #[serde(default)]
    pub capped_at: Option<i64>,
    /// How many rows the platform exports at most; a file with so many may lack others.
    #[serde(default)]
    pub most_rows: Option<u32>,
    /// What is said of posts.
    #[serde(default)]
    pub post: Option<PostColumns>,
    /// The column of the subject's id, where it is neither an account nor a post.
    #[serde(default)]
    pub id: Names,
    /// Which part of the subject a row is about.
    #[serde(default)]
    pub segment: Option<SegmentColumn>,
    /// The rows that are read, where the table mixes several kinds.
    #[serde(default)]
    pub only: Option<Only>,
    /// The column that says whose money it was, where rows differ.
    #[serde(default)]
    pub traffic: Option<TrafficColumn>,
    /// Columns by traffic and metric.
    #[serde(default)]
    pub metrics: BTreeMap<Traffic, BTreeMap<MetricId, Names>>,
    /// One column whose metric the sheet or the line above the header names.
    #[serde(default)]
    pub named: Option<NamedColumn>,
    /// Columns with numbers that are not read, and why: an import says so.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ignored: BTreeMap<String, String>,
    /// Columns that hold nothing new to measure, such as words and quotients of columns that are read: an import says
    /// nothing of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmeasured: Vec<String>,
    /// Why nothing of the table is read, where it is known and has no place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_read: Option<String>,
}

fn yes() -> bool {
    true
}

fn by_cell() -> Rates {
    Rates::Cell
}

fn point() -> char {
    '.'
}

/// Columns that say something of a post.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostColumns {
    /// The platform's id. Where there is none, title, publish time and format together stand for it.
    pub id: Option<IdColumn>,
    /// Its id tells the second it was made, as X's ids do: used where the column gives the day alone.
    pub dated_by_id: bool,
    /// When it was published.
    pub published_at: Names,
    /// Headline.
    pub title: Names,
    /// The words of it.
    pub text: Names,
    /// Where it stands.
    pub url: Names,
    /// Its form.
    pub format: Option<Format>,
    /// The platform's product type, as it stands.
    pub product_type: Names,
    /// The campaign it belongs to.
    pub campaign: Names,
    /// The category it was put into.
    pub category: Names,
    /// Its language.
    pub language: Names,
    /// A state that becomes a tag unless it is the usual one: who may see the post.
    pub state: Option<State>,
}

/// Where an id stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IdColumn {
    /// A column of ids.
    Plain(Names),
    /// Within another cell, as a rule the post's address.
    Within {
        /// The column.
        column: Names,
        /// Which part of it: the first of these that it has.
        parts: Vec<IdPart>,
    },
}

/// Which part of an address is the id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdPart {
    /// The digits that follow this text.
    DigitsAfter(String),
    /// Query parameters, joined by `_`.
    Query(Vec<String>),
    /// The text after this one, to the next slash, `?`, `&` or the end.
    After(String),
    /// The text from here to the next slash, `?`, `&` or the end.
    From(String),
    /// The number for which the last part of an address of Weibo stands: groups of seven digits, each written with
    /// four signs of base 62.
    WeiboAddress,
}

/// What form a post has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// All have one.
    Always(SmolStr),
    /// A reply when its text begins so, else a post.
    ReplyBegins(String),
    /// The first of these words that the column holds.
    Words {
        /// The column.
        column: Names,
        /// Word and form.
        words: Vec<(String, SmolStr)>,
    },
}

/// A column of states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The column.
    pub column: Names,
    /// The usual states, which need no tag.
    pub usual: Vec<String>,
    /// Posts in another state are left out and counted, because the public does not see them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub others_left_out: bool,
}

/// A column that splits its subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentColumn {
    /// What it is split by.
    pub dimension: SmolStr,
    /// The column of the parts.
    #[serde(default)]
    pub column: Names,
    /// The part that the whole table is about, where no column says it.
    #[serde(default)]
    pub value: Option<SmolStr>,
    /// The words that mean the whole.
    #[serde(default)]
    pub whole: Vec<String>,
}

/// A column that says which rows are read. Where the table has no such column, all are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Only {
    /// The column.
    pub column: Names,
    /// Its words in the rows that are read. Others are set aside.
    pub words: Vec<String>,
}

/// A column that says whose money brought the traffic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrafficColumn {
    /// The column.
    pub column: Names,
    /// Its words and what they mean. Other words mean unknown.
    pub words: BTreeMap<String, Traffic>,
}

/// A column whose metric stands elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedColumn {
    /// Where the metric is named.
    pub by: NamedBy,
    /// The column of the numbers.
    pub column: Names,
    /// Whose money.
    pub traffic: Traffic,
    /// Metrics and the names that stand for them.
    pub metrics: BTreeMap<MetricId, Names>,
}

/// Where a metric is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedBy {
    /// By the sheet.
    Sheet,
    /// By a line above the header.
    Line,
}

impl Table {
    /// The columns that it reads or knows and passes over, by their names.
    pub(crate) fn known_columns(&self) -> impl Iterator<Item = &str> {
        let names = [&self.time, &self.until, &self.id];
        let names = names.into_iter().chain(self.post.iter().flat_map(PostColumns::columns));
        let names = names.chain(self.segment.iter().map(|segment| &segment.column));
        let names = names.chain(self.only.iter().map(|only| &only.column));
        let names = names.chain(self.traffic.iter().map(|traffic| &traffic.column));
        let names = names.chain(self.metrics.values().flat_map(BTreeMap::values));
        let names = names.chain(self.named.iter().map(|named| &named.column));
        let lists = [Some(&self.required), self.others.as_ref(), Some(&self.unmeasured)];
        let plain = lists.into_iter().flatten().flatten().chain(self.ignored.keys()).map(String::as_str);
        names.flat_map(Names::iter).chain(plain)
    }
}

impl PostColumns {
    /// The columns that it reads.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &Names> {
        let id = self.id.iter().map(|id| match id {
            IdColumn::Plain(column) | IdColumn::Within { column, .. } => column,
        });
        let format = self.format.iter().filter_map(|format| match format {
            Format::Words { column, .. } => Some(column),
            Format::Always(_) | Format::ReplyBegins(_) => None,
        });
        let state = self.state.iter().map(|state| &state.column);
        let plain = [
            &self.published_at,
            &self.title,
            &self.text,
            &self.url,
            &self.product_type,
            &self.campaign,
            &self.category,
            &self.language,
        ];
        plain.into_iter().chain(id).chain(format).chain(state)
    }
}

impl Layout {
    /// The metrics it speaks of.
    pub fn metrics(&self) -> impl Iterator<Item = &MetricId> {
        self.tables.iter().flat_map(|table| {
            let named = table.named.iter().flat_map(|named| named.metrics.keys());
            table.metrics.values().flat_map(BTreeMap::keys).chain(named)
        })
    }

    /// What the numbers of its metrics are, by the catalogue.
    ///
    /// # Errors
    /// `BadConfig` when a metric is unknown.
    pub(crate) fn kinds(&self, catalogue: &Catalogue) -> Result<BTreeMap<MetricId, Kind>> {
        self.metrics()
            .map(|id| match catalogue.get(id.as_str()) {
                Some(metric) => Ok((id.clone(), Kind::of(metric))),
                None => Err(Error::bad_config(format!("layout {} names the unknown metric {id}", self.id))
                    .hint("metrics are those of the catalogue and those that kepi.toml declares")),
            })
            .collect()
    }
}

/// Reads a layout file.
///
/// # Errors
/// `BadConfig` with line and column when it is not one.
pub(crate) fn parse(name: &str, text: &str) -> Result<Vec<Layout>> {
    let file: LayoutFile = toml::from_str(text).map_err(|error| {
        let (line, column) = position(text, error.span().map_or(0, |span| span.start));
        Error::bad_config(format!("{name}:{line}:{column}: {}", error.message()))
            .hint("compare with the shipped layouts in config/exports")
    })?;
    let of_platform = |layout: Layout| Layout {
        platform: Some(file.platform.clone()),
        zone: layout.zone.clone().or_else(|| file.zone.clone()),
        also: file.also.clone(),
        ..layout
    };
    Ok(file.layout.into_iter().map(of_platform).collect())
}

/// Line and column of a byte, both counted from 1; columns in characters.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before: &str = text.get(..byte.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (line, column)
}

#[cfg(test)]
mod tests;
