//! Documents that are written from the code: the tables, the metric catalogue, the capability table.
//!
//! `cargo xtask generate` writes them; a test compares them with what stands in the repository.

use std::{collections::BTreeSet, fmt::Write as _, path::Path, sync::Arc};

use kepi_core::{
    Adapter, Additivity, Catalogue, Descriptor, Metric, SubjectKind, Traffic,
    descriptor::Field,
    document::{Block, Document, Faults},
    tables::{self, Table, Type},
};
use serde_json::{Map, Value};

/// The one list of adapters: the binary's.
#[path = "../../kepi/src/adapters.rs"]
mod adapters;

/// A generated document, or the generated part of one.
pub struct Generated {
    /// Its path from the top of the repository.
    pub path: &'static str,
    /// The marks between which it stands; `None` where it is the whole file.
    pub marks: Option<(&'static str, &'static str)>,
    /// What it says.
    pub text: String,
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Generated> {
    let built = built();
    let descriptors: Vec<&Descriptor> = built.iter().map(|adapter| adapter.descriptor()).collect();
    vec![
        Generated { path: "crates/kepi/docs/store-tables.md", marks: None, text: store_tables() },
        Generated { path: "crates/kepi/docs/metrics.md", marks: None, text: metrics() },
        Generated { path: "crates/kepi/docs/kpi-catalogue.md", marks: None, text: kpis() },
        Generated { path: "crates/kepi/docs/endpoints.md", marks: None, text: endpoints(&descriptors) },
        Generated {
            path: "README.md",
            marks: Some(("<!-- generated: platforms -->", "<!-- /generated -->")),
            text: platforms(&descriptors),
        },
    ]
}

/// The platforms that have an adapter, as the binary lists them: tests over all of them need no list of their own.
#[must_use]
pub fn adapter_names() -> Vec<&'static str> {
    adapters::names()
}

/// The adapter of a platform, with the settings of its `[platform.NAME]`.
///
/// # Errors
/// When there is none, or the settings are bad.
pub fn build_adapter(platform: &str, settings: Value) -> kepi_core::Result<Arc<dyn Adapter>> {
    adapters::build(platform, settings)
}

/// The adapters, as they are without settings.
pub(crate) fn built() -> Vec<Arc<dyn Adapter>> {
    let built = adapters::names().into_iter().map(|name| adapters::build(name, Value::Object(Map::new())));
    built.map(|adapter| adapter.expect("no setting is required")).collect()
}

impl Generated {
    /// What its file should hold.
    ///
    /// # Errors
    /// When the file cannot be read or lacks the marks.
    pub fn expected(&self, root: &Path) -> Result<String, String> {
        let Some((from, to)) = self.marks else { return Ok(self.text.clone()) };
        let text =
            std::fs::read_to_string(root.join(self.path)).map_err(|e| format!("{}: {e}", self.path))?;
        let lacks = || format!("{} lacks the marks {from} … {to}", self.path);
        let (before, rest) = text.split_once(from).ok_or_else(lacks)?;
        let (_, after) = rest.split_once(to).ok_or_else(lacks)?;
        Ok(format!("{before}{from}\n{}{to}{after}", self.text))
    }

    /// Whether its file holds it.
    ///
    /// # Errors
    /// When the file cannot be read or lacks the marks.
    pub fn is_in_step(&self, root: &Path) -> Result<bool, String> {
        let found = std::fs::read_to_string(root.join(self.path)).unwrap_or_default();
        Ok(found == self.expected(root)?)
    }
}

/// Writes what is out of step; says which.
///
/// # Errors
/// When a file cannot be read or written.
pub fn write(root: &Path) -> Result<Vec<&'static str>, String> {
    let mut written = Vec::new();
    for generated in all() {
        if !generated.is_in_step(root)? {
            std::fs::write(root.join(generated.path), generated.expected(root)?)
                .map_err(|error| format!("{}: {error}", generated.path))?;
            written.push(generated.path);
        }
    }
    Ok(written)
}

const NOTICE: &str = "<!-- Written by `cargo xtask generate`; edit the code it is written from. -->\n\n";

fn store_tables() -> String {
    let mut text = format!("{NOTICE}# The tables\n");
    for table in tables::ALL {
        let _ = write!(text, "\n## `{}`\n\n{}.\n\n{}", table.name, capital(table.doc), columns(&table));
    }
    text
}

fn columns(table: &Table) -> String {
    let mut text = String::from("| column | type | null | holds |\n|---|---|---|---|\n");
    for column in table.head.iter().chain(table.partition) {
        let null = if column.nullable { "yes" } else { "" };
        let _ = writeln!(text, "| `{}` | {} | {null} | {} |", column.name, type_name(column.ty), column.doc);
    }
    if let Some(subject) = table.metrics {
        let names: Vec<String> =
            Catalogue::builtin().columns(subject).map(|metric| format!("`{}`", metric.id)).collect();
        let _ = writeln!(text, "\nMetrics, each nullable: {}.", names.join(", "));
    }
    text
}

fn type_name(ty: Type) -> &'static str {
    match ty {
        Type::Text => "text",
        Type::Int => "int64",
        Type::Real => "float64",
        Type::Money => "decimal(38,6)",
        Type::Flag => "boolean",
        Type::Date => "date",
        Type::Instant => "timestamp, UTC",
        Type::Bytes => "binary",
    }
}

fn metrics() -> String {
    let mut text = format!(
        "{NOTICE}# Metrics\n\nThe only list of metric ids; the definition decides. What may be done with each nature: [semantics.md](semantics.md).\n\n\
         | metric | unit | nature | may be added | of | definition |\n|---|---|---|---|---|---|\n"
    );
    for metric in Catalogue::builtin().iter() {
        let subjects: Vec<&str> = SubjectKind::ALL
            .into_iter()
            .filter(|subject| Catalogue::builtin().has_column(*subject, &metric.id))
            .map(SubjectKind::as_str)
            .collect();
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {} |",
            metric.id,
            metric.unit.as_str(),
            nature(metric),
            additivity(metric.additivity),
            subjects.join(", "),
            definition(metric)
        );
    }
    text
}

/// The goals, each with the question it answers.
const GOALS: [(&str, &str); 8] = [
    ("brand-awareness", "Are we known?"),
    ("engagement", "Are we answered?"),
    ("community-growth", "Are we followed?"),
    ("web-traffic", "Are we visited?"),
    ("lead-generation", "Are we asked?"),
    ("revenue", "Do we earn?"),
    ("reputation", "Are we well spoken of?"),
    ("retention", "Are we stayed with?"),
];

/// The shipped KPIs, read from where they stand.
fn kpis() -> String {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/kpis"));
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the shipped KPIs are there")
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    files.sort();
    let mut rows: Vec<(String, String)> = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a KPI file can be read");
        let faults = Faults::new(file.display().to_string());
        let document = Document::parse(&text, &faults);
        rows.extend(document.block(&faults).blocks("kpi").iter().map(kpi_row));
        assert!(faults.into_vec().is_empty(), "{} cannot be read", file.display());
    }
    let mut text = format!(
        "{NOTICE}# The KPIs that come with kepi\n\n`kepi init --goal GOAL --platforms PLATFORM,…` writes those that suit, with the KPIs \
         that guard them; they are yours then. How to write your own: [kpis.md](kpis.md). What the formulas mean: \
         [semantics.md](semantics.md).\n"
    );
    for (goal, question) in GOALS {
        let _ = write!(
            text,
            "\n## {goal}\n\n{question}\n\n| KPI | platforms | formula | stage | better | what to know |\n|---|---|---|---|---|---|\n"
        );
        rows.iter().filter(|(of, _)| of == goal).for_each(|(_, row)| text.push_str(row));
    }
    text
}

/// A KPI's goal and its row.
fn kpi_row(block: &Block<'_, '_>) -> (String, String) {
    let said = |key: &'static str| block.text(key).map(|placed| placed.value).unwrap_or_default();
    let names = block.block("name").map(|names| names.named_texts()).unwrap_or_default();
    let name = |language: &str| names.get(language).map_or("", |name| name.value.as_str());
    let platforms: Vec<String> = block.texts("platforms").into_iter().map(|placed| placed.value).collect();
    let platforms = if platforms.is_empty() { "all".to_owned() } else { platforms.join(", ") };
    let better = match said("direction").as_str() {
        "down" => "less",
        "band" => "between",
        _ => "more",
    };
    let basis =
        if said("basis") == "published" { "posts of the period" } else { "what happened in the period" };
    let known: Vec<String> = [basis.to_owned(), said("traffic"), said("caveat")]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    let row = format!(
        "| `{}` {}, {} | {platforms} | `{}` | {} | {better} | {} |\n",
        said("id"),
        name("en"),
        name("zh"),
        said("formula"),
        said("stage"),
        known.join("; ")
    );
    (said("goal"), row)
}

fn nature(metric: &Metric) -> String {
    let name = format!("{:?}", metric.nature).to_lowercase();
    match (&metric.weight, metric.revocable) {
        (Some(weight), _) => format!("{name}, weight `{weight}`"),
        (None, true) => format!("{name}, can be taken back"),
        (None, false) => name,
    }
}

fn additivity(additivity: Additivity) -> &'static str {
    match additivity {
        Additivity::Everywhere => "everywhere",
        Additivity::WithinPlatform => "within a platform",
        Additivity::NotOverTime => "over accounts, not over time",
        Additivity::Nowhere => "nowhere",
    }
}

fn definition(metric: &Metric) -> String {
    if metric.caveat.is_empty() {
        metric.definition.to_string()
    } else {
        format!("{}; {}", metric.definition, metric.caveat)
    }
}

/// The README's table: how much each platform tells, of what.
fn platforms(descriptors: &[&Descriptor]) -> String {
    let kinds: [(&str, Telling); 4] = [
        ("the account", |field| {
            field.subject == SubjectKind::Account && !is_audience(field) && !is_paid(field)
        }),
        ("posts", |field| {
            matches!(field.subject, SubjectKind::Post | SubjectKind::Media)
                && !is_audience(field)
                && !is_paid(field)
        }),
        ("audience, sources", |field| is_audience(field) && !is_paid(field)),
        ("paid delivery", is_paid),
    ];
    let titles: Vec<&str> = kinds.iter().map(|(title, _)| *title).collect();
    let mut text = format!("| metrics of | {} |\n|---|---|---|---|---|\n", titles.join(" | "));
    for descriptor in descriptors {
        let cells: Vec<String> = kinds.iter().map(|(_, of)| told(descriptor, *of)).collect();
        let _ = writeln!(text, "| {} | {} |", descriptor.title, cells.join(" | "));
    }
    text
}

type Telling = fn(&Field) -> bool;

fn is_audience(field: &Field) -> bool {
    !field.segment.is_empty()
}

fn is_paid(field: &Field) -> bool {
    field.traffic == Traffic::Paid
}

/// How many metrics of a kind any account gets, and how many more come with what not every account has.
fn told(descriptor: &Descriptor, of: Telling) -> String {
    let metrics = |open: bool| -> BTreeSet<&str> {
        let fields = descriptor.fields().filter(|(endpoint, field)| {
            endpoint.until.is_none() && endpoint.capability.is_none() == open && of(field)
        });
        fields.map(|(_, field)| field.metric).collect()
    };
    let (open, special) = (metrics(true), metrics(false));
    match (open.len(), special.difference(&open).count()) {
        (0, 0) => "–".to_owned(),
        (all, 0) => all.to_string(),
        (some, more) => format!("{some} + {more}"),
    }
}

/// All endpoints: what each gives and needs.
fn endpoints(descriptors: &[&Descriptor]) -> String {
    let mut text = format!(
        "{NOTICE}# What each endpoint gives\n\nWhat an account does not have is asked for again later; the other \
         endpoints go on. Windows, lags, limits and sources: the front page of each adapter, and `kepi adapters`.\n"
    );
    for descriptor in descriptors {
        let _ = write!(
            text,
            "\n## {}\n\n| endpoint | gives | metrics | needs |\n|---|---|---|---|\n",
            descriptor.title
        );
        for endpoint in descriptor.endpoints {
            let mut metrics: Vec<&str> = endpoint.fields.iter().map(|field| field.metric).collect();
            let mut seen = BTreeSet::new();
            metrics.retain(|metric| seen.insert(*metric));
            let needs = endpoint.capability.or(endpoint.token).unwrap_or("");
            let metrics = metrics.join(", ");
            let _ = writeln!(text, "| `{}` | {} | {metrics} | {needs} |", endpoint.name, endpoint.title);
        }
    }
    text
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
