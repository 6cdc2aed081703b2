//! `--map`: a user describes any table, column by column.
//!
//! ```toml
//! subject = "account"                # or post, media, campaign, topic, location
//! missing = ["NA"]                   # beside -, --, N/A, null and nothing
//! [day]                              # or [at], [period] with start and end
//! column = "date"
//! format = "%d.%m.%Y"                # not needed where a date cannot be mistaken
//! [metrics]                          # metric id = column header
//! followers_total = "followers"
//! ```
//!
//! Every fault is told with its line and column, all of them at once.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use kepi_core::{Catalogue, Error, MetricId, Platform, Provenance, Result, SubjectKind, Traffic, WindowKind};
use smol_str::SmolStr;
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use crate::{
    files::map_endpoint,
    layout::{Format, IdColumn, Layout, Names, PostColumns, SegmentColumn, Table, position},
    nearest,
    value::Rates,
};

/// A user's description of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    layout: Layout,
}

impl Map {
    /// Reads a map. `name` stands in errors and, without its ending, in the name of what is read by it.
    ///
    /// # Errors
    /// `BadInput` with line and column of every fault.
    pub fn parse(name: &str, text: &str, catalogue: &Catalogue) -> Result<Self> {
        let document = DeTable::parse(text).map_err(|error| {
            let (line, column) = position(text, error.span().map_or(0, |span| span.start));
            Error::bad_input(format!("{name}:{line}:{column}: {}", error.message()))
                .hint("a map is written in TOML: key = \"value\"")
        })?;
        let mut reader = Reader { catalogue, faults: Vec::new() };
        let layout = reader.layout(name, document.get_ref(), document.span());
        match reader.finish(name, text) {
            Some(error) => Err(error),
            None => Ok(Self { layout }),
        }
    }

    /// What it comes to: a layout of one table.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn table(&self) -> &Table {
        self.layout.tables.first().expect("a map is read into exactly one table")
    }
}

type Span = std::ops::Range<usize>;
type Entries<'a> = DeTable<'a>;

struct Fault {
    at: usize,
    text: String,
    hint: String,
}

/// Walks the document and collects faults instead of stopping at the first.
struct Reader<'c> {
    catalogue: &'c Catalogue,
    faults: Vec<Fault>,
}

const TOP: &[&str] = &[
    "subject",
    "missing",
    "traffic",
    "provenance",
    "zone",
    "rates",
    "decimal",
    "delimiter",
    "sheet",
    "capped_at",
    "id",
    "day",
    "at",
    "period",
    "post",
    "segment",
    "metrics",
];
const POST: &[&str] = &[
    "id",
    "published_at",
    "format",
    "title",
    "text",
    "url",
    "form",
    "product_type",
    "campaign",
    "category",
    "language",
];
const WINDOWS: &[&str] = &["day", "at", "period"];

impl Reader<'_> {
    fn layout(&mut self, name: &str, top: &Entries<'_>, whole: Span) -> Layout {
        self.known_keys(top, TOP);
        let subject = self.subject(top);
        let mut dates = Vec::new();
        let (window, time, until) = self.window(top, subject, &mut dates, &whole);
        let post = (subject == SubjectKind::Post).then(|| self.post(top, &mut dates));
        let id = self.subject_id(top, subject, &whole);
        let provenance = self.word(top, "provenance", PROVENANCES).unwrap_or(Provenance::Import);
        let traffic = self.word(top, "traffic", TRAFFICS).unwrap_or(Traffic::Unknown);
        let metrics = self.metrics(top, subject, &whole);
        let segment = self.segment(top);
        let mut table = Table {
            sheet: self.text(top, "sheet").map_or(Names::None, Names::One),
            section: None,
            beside: false,
            required: Vec::new(),
            subject,
            window,
            time,
            until,
            yearless: false,
            last_day_provisional: false,
            dates,
            missing: self.texts(top, "missing"),
            rates: self.word(top, "rates", RATES).unwrap_or(Rates::Ask),
            decimal: self.sign(top, "decimal", &['.', ',']).unwrap_or('.'),
            capped_at: self.whole_number(top, "capped_at"),
            post,
            id,
            segment,
            only: None,
            traffic: None,
            metrics: BTreeMap::from([(traffic, metrics)]),
            named: None,
        };
        table.required = required(&table);
        Layout {
            id: map_endpoint(stem(name)),
            title: format!("the table that {name} describes"),
            platform: None::<Platform>,
            zone: self.zone(top),
            provenance,
            delimiter: self.sign(top, "delimiter", &[',', ';', '\t', '|']),
            tables: vec![table],
        }
    }

    fn subject(&mut self, top: &Entries<'_>) -> SubjectKind {
        const KINDS: &[(&str, SubjectKind)] = &[
            ("account", SubjectKind::Account),
            ("post", SubjectKind::Post),
            ("media", SubjectKind::Media),
            ("campaign", SubjectKind::Campaign),
            ("topic", SubjectKind::Topic),
            ("location", SubjectKind::Location),
        ];
        self.word(top, "subject", KINDS).unwrap_or(SubjectKind::Account)
    }

    /// Exactly one of day, at and period; a table of posts may have none: it holds readings of the file's time.
    fn window(
        &mut self,
        top: &Entries<'_>,
        subject: SubjectKind,
        dates: &mut Vec<String>,
        whole: &Span,
    ) -> (WindowKind, Names, Names) {
        let given: Vec<_> =
            WINDOWS.iter().filter_map(|name| entry(top, name).map(|value| (*name, value))).collect();
        let Some((name, value)) = given.first() else {
            if subject != SubjectKind::Post {
                let text = "the map does not say which days the numbers are of";
                self.fault(
                    whole,
                    text,
                    "add [day] with column = \"…\", or [at], or [period] with start and end",
                );
            }
            return (WindowKind::At, Names::None, Names::None);
        };
        if let Some((_, second)) = given.get(1) {
            self.fault(&second.span(), "a table has one window", "keep one of [day], [at] and [period]");
        }
        let keys: &[&str] =
            if *name == "period" { &["start", "end", "format"] } else { &["column", "format"] };
        let Some(inner) = self.table(value, keys) else { return (WindowKind::At, Names::None, Names::None) };
        dates.extend(self.text(inner, "format"));
        match *name {
            "period" => {
                let start = self.needed(inner, "start", &value.span());
                (WindowKind::Period, start, self.needed(inner, "end", &value.span()))
            }
            "day" => (WindowKind::Day, self.needed(inner, "column", &value.span()), Names::None),
            _ => (WindowKind::At, self.text(inner, "column").map_or(Names::None, Names::One), Names::None),
        }
    }

    fn post(&mut self, top: &Entries<'_>, dates: &mut Vec<String>) -> PostColumns {
        let own = self.text(top, "id").map(|id| IdColumn::Plain(Names::One(id)));
        let Some(value) = entry(top, "post") else {
            return PostColumns { id: own, ..PostColumns::default() };
        };
        let Some(inner) = self.table(value, POST) else { return PostColumns::default() };
        dates.extend(self.text(inner, "format"));
        let mut names = |key: &str| self.text(inner, key).map_or(Names::None, Names::One);
        PostColumns {
            published_at: names("published_at"),
            title: names("title"),
            text: names("text"),
            url: names("url"),
            product_type: names("product_type"),
            campaign: names("campaign"),
            category: names("category"),
            language: names("language"),
            format: self.text(inner, "form").map(|form| Format::Always(form.into())),
            id: self.text(inner, "id").map(|id| IdColumn::Plain(Names::One(id))).or(own),
            ..PostColumns::default()
        }
    }

    fn subject_id(&mut self, top: &Entries<'_>, subject: SubjectKind, whole: &Span) -> Names {
        match subject {
            SubjectKind::Account | SubjectKind::Post => Names::None,
            kind => {
                let id = self.text(top, "id");
                if id.is_none() {
                    let text = format!("the map does not say which {} a row is about", kind.as_str());
                    self.fault(whole, text, "add id = \"the column that names it\"");
                }
                id.map_or(Names::None, Names::One)
            }
        }
    }

    fn metrics(
        &mut self,
        top: &Entries<'_>,
        subject: SubjectKind,
        whole: &Span,
    ) -> BTreeMap<MetricId, Names> {
        let mut metrics = BTreeMap::new();
        let Some(value) = entry(top, "metrics") else {
            self.fault(
                whole,
                "the map names no metrics",
                "add [metrics] with lines such as likes = \"Likes\"",
            );
            return metrics;
        };
        let DeValue::Table(inner) = value.get_ref() else {
            self.fault(&value.span(), "metrics is no table", "write [metrics] and one line per metric");
            return metrics;
        };
        if inner.is_empty() {
            self.fault(&value.span(), "the map names no metrics", "add a line such as likes = \"Likes\"");
        }
        for (key, header) in inner {
            let id = key.get_ref().as_ref();
            let Some(metric) = self.catalogue.get(id) else {
                let known = self.catalogue.iter().map(|metric| metric.id.as_str());
                let hint =
                    format!("the metric comes first, the column after it; {}", nearest::hint(id, known));
                self.fault(&key.span(), format!("unknown metric {id:?}"), hint);
                continue;
            };
            if !metric.project && !self.catalogue.has_column(subject, &metric.id) {
                let known = self.catalogue.columns(subject).map(|metric| metric.id.as_str());
                let text = format!("{id} is no metric of a subject of kind {}", subject.as_str());
                self.fault(&key.span(), text, nearest::hint(id, known));
                continue;
            }
            if let Some(names) = self.names(header) {
                metrics.insert(metric.id.clone(), names);
            }
        }
        metrics
    }

    fn segment(&mut self, top: &Entries<'_>) -> Option<SegmentColumn> {
        let value = entry(top, "segment")?;
        let inner = self.table(value, &["dimension", "column", "whole"])?;
        let column = self.needed(inner, "column", &value.span());
        let dimension = self.needed(inner, "dimension", &value.span());
        let dimension: SmolStr = dimension.iter().next().unwrap_or_default().into();
        Some(SegmentColumn { dimension, column, value: None, whole: self.texts(inner, "whole") })
    }

    fn zone(&mut self, top: &Entries<'_>) -> Option<SmolStr> {
        let zone = self.text(top, "zone")?;
        if TimeZone::get(&zone).is_err() {
            let at = entry(top, "zone").map_or(0..0, Spanned::span);
            self.fault(
                &at,
                format!("{zone:?} is not a time zone"),
                "zones have names such as UTC or Europe/Berlin",
            );
        }
        Some(zone.into())
    }
}

const PROVENANCES: &[(&str, Provenance)] = &[
    ("import", Provenance::Import),
    ("public", Provenance::Public),
    ("export", Provenance::Export),
    ("api", Provenance::Api),
];
const TRAFFICS: &[(&str, Traffic)] = &[
    ("organic", Traffic::Organic),
    ("paid", Traffic::Paid),
    ("total", Traffic::Total),
    ("unknown", Traffic::Unknown),
];
const RATES: &[(&str, Rates)] = &[("percent", Rates::Percent), ("fraction", Rates::Fraction)];

/// How values are read and faults are told.
impl Reader<'_> {
    fn fault(&mut self, at: &Span, text: impl Into<String>, hint: impl Into<String>) {
        self.faults.push(Fault { at: at.start, text: text.into(), hint: hint.into() });
    }

    fn known_keys(&mut self, entries: &Entries<'_>, known: &[&str]) {
        for key in entries.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref().as_ref();
            self.fault(
                &key.span(),
                format!("unknown key {name:?}"),
                nearest::hint(name, known.iter().copied()),
            );
        }
    }

    fn table<'a>(&mut self, value: &'a Spanned<DeValue<'a>>, known: &[&str]) -> Option<&'a Entries<'a>> {
        if let DeValue::Table(inner) = value.get_ref() {
            self.known_keys(inner, known);
            return Some(inner);
        }
        self.fault(&value.span(), "a table is expected here", format!("its keys are {}", known.join(", ")));
        None
    }

    fn text(&mut self, entries: &Entries<'_>, key: &str) -> Option<String> {
        let value = entry(entries, key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(text.as_ref().to_owned()),
            _ => {
                self.fault(&value.span(), format!("{key} is a text"), format!("write {key} = \"…\""));
                None
            }
        }
    }

    fn needed(&mut self, entries: &Entries<'_>, key: &str, span: &Span) -> Names {
        if entry(entries, key).is_none() {
            self.fault(span, format!("{key} is missing"), format!("add {key} = \"…\""));
        }
        self.text(entries, key).map_or(Names::None, Names::One)
    }

    fn names(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Names> {
        if let DeValue::String(text) = value.get_ref() {
            return Some(Names::One(text.as_ref().to_owned()));
        }
        self.fault(&value.span(), "a column's header is a text", "write likes = \"Likes\"");
        None
    }

    fn texts(&mut self, entries: &Entries<'_>, key: &str) -> Vec<String> {
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

    fn word<T: Copy>(&mut self, entries: &Entries<'_>, key: &str, known: &[(&str, T)]) -> Option<T> {
        let text = self.text(entries, key)?;
        let found = known.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let at = entry(entries, key).map_or(0..0, Spanned::span);
            let hint = nearest::hint(&text, known.iter().map(|(word, _)| *word));
            self.fault(&at, format!("{key} cannot be {text:?}"), hint);
        }
        found
    }

    fn sign(&mut self, entries: &Entries<'_>, key: &str, allowed: &[char]) -> Option<char> {
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

    fn whole_number(&mut self, entries: &Entries<'_>, key: &str) -> Option<i64> {
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

    fn finish(mut self, name: &str, text: &str) -> Option<Error> {
        self.faults.sort_by_key(|fault| fault.at);
        let first = self.faults.first()?.hint.clone();
        let told: Vec<String> = self
            .faults
            .iter()
            .map(|fault| {
                let (line, column) = position(text, fault.at);
                let hint =
                    if self.faults.len() > 1 { format!(" (hint: {})", fault.hint) } else { String::new() };
                format!("{name}:{line}:{column}: {}{hint}", fault.text)
            })
            .collect();
        let error = Error::bad_input(told.join("\n"));
        Some(if told.len() > 1 {
            error.hint("correct all of them, then import again")
        } else {
            error.hint(first)
        })
    }
}

fn entry<'a, 'b>(entries: &'a Entries<'b>, key: &str) -> Option<&'a Spanned<DeValue<'b>>> {
    entries.iter().find(|(name, _)| name.get_ref() == &DeString::Borrowed(key)).map(|(_, value)| value)
}

/// The name without its ending.
fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.strip_suffix(".toml").unwrap_or(file)
}

/// Every column that a map names must be there.
fn required(table: &Table) -> Vec<String> {
    let mut names: Vec<&Names> = vec![&table.time, &table.until, &table.id];
    if let Some(post) = &table.post {
        names.extend([
            &post.published_at,
            &post.title,
            &post.text,
            &post.url,
            &post.product_type,
            &post.campaign,
            &post.category,
            &post.language,
        ]);
        if let Some(IdColumn::Plain(id)) = &post.id {
            names.push(id);
        }
    }
    names.extend(table.segment.iter().map(|segment| &segment.column));
    names.extend(table.metrics.values().flat_map(BTreeMap::values));
    names.into_iter().flat_map(Names::iter).map(str::to_owned).collect()
}
