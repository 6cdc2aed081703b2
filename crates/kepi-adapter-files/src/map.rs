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

mod reader;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use kepi_core::{
    Catalogue, MetricId, Platform, Provenance, SubjectKind, Traffic, WindowKind, document::Fault,
};
use smol_str::SmolStr;
use toml::de::{DeTable, DeValue};

use self::reader::{Entries, Reader, Span, entry};
use crate::{
    files::map_endpoint,
    layout::{Format, IdColumn, IdPart, Layout, Names, PostColumns, SegmentColumn, Table},
    nearest, time,
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
    /// All faults, each with its place.
    pub fn parse(name: &str, text: &str, catalogue: &Catalogue) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader::new(name, catalogue);
        let document = DeTable::parse(text).map_err(|error| {
            let hint = "a map is written in TOML: key = \"value\"";
            vec![reader.made(error.span().unwrap_or(0..0), error.message(), hint)]
        })?;
        let layout = reader.layout(name, document.get_ref(), document.span());
        let faults = reader.finish();
        if faults.is_empty() { Ok(Self { layout }) } else { Err(faults) }
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
    "currency",
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
    "id_form",
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
const ID_FORMS: &[(&str, IdPart)] = &[("weibo_address", IdPart::WeiboAddress)];
const IDENTITY: &str =
    "add id = \"the column of ids\", or published_at with title or text, which then stand for it";
const WINDOWS: &[&str] = &["day", "at", "period"];

impl Reader<'_> {
    fn layout(&mut self, name: &str, top: &Entries<'_>, whole: Span) -> Layout {
        self.known_keys(top, TOP);
        let subject = self.subject(top, &whole);
        let mut dates = Vec::new();
        let (window, time, until) = self.window(top, subject, &mut dates, &whole);
        let post = (subject == SubjectKind::Post).then(|| self.post(top, &mut dates, &whole));
        let id = self.subject_id(top, subject, &whole);
        let provenance = self.word(top, "provenance", PROVENANCES).unwrap_or(Provenance::Import);
        let traffic = self.word(top, "traffic", TRAFFICS).unwrap_or(Traffic::Unknown);
        let metrics = self.metrics(top, subject, &whole);
        let segment = self.segment(top);
        let mut table = Table {
            sheet: self.text(top, "sheet").map_or(Names::None, Names::One),
            section: None,
            beside: false,
            others: None,
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
            most_rows: None,
            post,
            id,
            segment,
            only: None,
            traffic: None,
            metrics: BTreeMap::from([(traffic, metrics)]),
            named: None,
            absent: Vec::new(),
            ignored: BTreeMap::new(),
            unmeasured: Vec::new(),
            not_read: None,
        };
        table.required = required(&table);
        Layout {
            id: map_endpoint(stem(name)),
            title: format!("the table that {name} describes"),
            platform: None::<Platform>,
            zone: self.zone(top),
            currency: self.currency(top),
            provenance,
            days_after: None,
            also: BTreeMap::new(),
            delimiter: self.sign(top, "delimiter", &[',', ';', '\t', '|']),
            tables: vec![table],
        }
    }

    fn subject(&mut self, top: &Entries<'_>, whole: &Span) -> SubjectKind {
        const KINDS: &[(&str, SubjectKind)] = &[
            ("account", SubjectKind::Account),
            ("post", SubjectKind::Post),
            ("media", SubjectKind::Media),
            ("campaign", SubjectKind::Campaign),
            ("topic", SubjectKind::Topic),
            ("location", SubjectKind::Location),
        ];
        if entry(top, "subject").is_none() {
            self.fault(
                whole,
                "the map does not say what a row is about",
                "add subject = \"account\" or \"post\"",
            );
        }
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
        dates.extend(self.date_format(inner));
        match *name {
            "period" => {
                let start = self.needed(inner, "start", &value.span());
                (WindowKind::Period, start, self.needed(inner, "end", &value.span()))
            }
            "day" => (WindowKind::Day, self.needed(inner, "column", &value.span()), Names::None),
            _ => (WindowKind::At, self.text(inner, "column").map_or(Names::None, Names::One), Names::None),
        }
    }

    fn post(&mut self, top: &Entries<'_>, dates: &mut Vec<String>, whole: &Span) -> PostColumns {
        let own = self.text(top, "id").map(|id| IdColumn::Plain(Names::One(id)));
        let Some(value) = entry(top, "post") else {
            if own.is_none() {
                self.fault(whole, "the map does not say which post a row is about", IDENTITY);
            }
            return PostColumns { id: own, ..PostColumns::default() };
        };
        let Some(inner) = self.table(value, POST) else { return PostColumns::default() };
        dates.extend(self.date_format(inner));
        let part = self.word(inner, "id_form", ID_FORMS);
        let mut names = |key: &str| self.text(inner, key).map_or(Names::None, Names::One);
        let columns = PostColumns {
            published_at: names("published_at"),
            title: names("title"),
            text: names("text"),
            url: names("url"),
            product_type: names("product_type"),
            campaign: names("campaign"),
            category: names("category"),
            language: names("language"),
            format: self.text(inner, "form").map(|form| Format::Always(form.into())),
            id: self.text(inner, "id").map(Names::One).map(|id| id_column(id, part)).or(own),
            ..PostColumns::default()
        };
        let named = !(columns.title.is_none() && columns.text.is_none());
        if columns.id.is_none() && (columns.published_at.is_none() || !named) {
            self.fault(&value.span(), "the map does not say which post a row is about", IDENTITY);
        }
        columns
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

    fn date_format(&mut self, entries: &Entries<'_>) -> Option<String> {
        let format = self.text(entries, "format")?;
        if !time::tells_a_day(&format) {
            let at = entry(entries, "format").map_or(0..0, toml::Spanned::span);
            let hint = "its parts are %Y, %m, %d, %H, %M and %S, as in \"%d.%m.%Y %H:%M\"";
            self.fault(&at, format!("{format:?} is no form of dates"), hint);
        }
        Some(format)
    }

    fn currency(&mut self, top: &Entries<'_>) -> Option<SmolStr> {
        let code = self.text(top, "currency")?;
        if code.len() != 3 || !code.bytes().all(|c| c.is_ascii_uppercase()) {
            let at = entry(top, "currency").map_or(0..0, toml::Spanned::span);
            self.fault(&at, format!("currency cannot be {code:?}"), "write its code: EUR, USD, CNY");
        }
        Some(code.into())
    }

    fn zone(&mut self, top: &Entries<'_>) -> Option<SmolStr> {
        let zone = self.text(top, "zone")?;
        if TimeZone::get(&zone).is_err() {
            let at = entry(top, "zone").map_or(0..0, |value| value.span());
            self.fault(
                &at,
                format!("{zone:?} is not a time zone"),
                "zones have names such as UTC or Europe/Berlin",
            );
        }
        Some(zone.into())
    }
}

const PROVENANCES: &[(&str, Provenance)] =
    &[("import", Provenance::Import), ("public", Provenance::Public), ("export", Provenance::Export)];
const TRAFFICS: &[(&str, Traffic)] = &[
    ("organic", Traffic::Organic),
    ("paid", Traffic::Paid),
    ("total", Traffic::Total),
    ("unknown", Traffic::Unknown),
];
const RATES: &[(&str, Rates)] = &[("percent", Rates::Percent), ("fraction", Rates::Fraction)];

fn id_column(column: Names, part: Option<IdPart>) -> IdColumn {
    match part {
        Some(part) => IdColumn::Within { column, parts: vec![part] },
        None => IdColumn::Plain(column),
    }
}

/// The name without its ending.
fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.strip_suffix(".toml").unwrap_or(file)
}

/// Every column that a map names must be there.
fn required(table: &Table) -> Vec<String> {
    let mut names: Vec<&Names> = vec![&table.time, &table.until, &table.id];
    names.extend(table.post.iter().flat_map(PostColumns::columns));
    names.extend(table.segment.iter().map(|segment| &segment.column));
    names.extend(table.metrics.values().flat_map(BTreeMap::values));
    names.into_iter().flat_map(Names::iter).map(str::to_owned).collect()
}
