//! `kepi evaluate`: the scorecard.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;
use kepi_core::{AccountId, Error, Period, document::one_of_hint, period::add_days};
use kepi_engine::{
    BaselineValue, Dimension, EvaluationRequest, ExperimentResult, Index, Kpi, Number, OfferedByDescriptors,
    ScoreRow, TagRule, TargetValue,
};
use kepi_store::{EvaluationRecord, Store, is_disk_full};
use serde_json::{Value, json};

use crate::{
    cli::{Evaluate, Narrowing, RowFormat},
    commands::{decide, goals},
    compose::{OfDay, Project},
    failure::{Outcome, Result},
    output::{self, Rows},
};

pub(crate) async fn run(project: &Project, arguments: &Evaluate) -> Result<Outcome> {
    let (kpis, indices) = chosen_with_indices(project, &arguments.kpi)?;
    let mut request = request(project, kpis, &arguments.period)?;
    let tags = tags(project, &arguments.by)?;
    let tag = tag_dimension(&tags, &arguments.by)?;
    request.by = dimensions(&arguments.by)?;
    request.rollups = !arguments.no_rollups;
    request.compare = arguments.compare.parse()?;
    let store = project.open_store().await?;
    narrow(project, &mut request, &store, &arguments.narrowing).await?;
    let session = store.session().await?;
    let mut rows = match tag {
        Some(tag) => kepi_engine::evaluate_by_tag(&session, &request, &tags, tag).await?,
        None => kepi_engine::evaluate(&session, &request).await?,
    };
    rows.extend(kepi_engine::evaluate_indices(&session, &request, &indices).await?);
    print(&rows, arguments.format.format, &Asked { named: !arguments.kpi.is_empty(), by: &request.by })?;
    if arguments.format.format == RowFormat::Table {
        if arguments.by.is_empty() && arguments.kpi.is_empty() {
            goals::print(&goals::standings(project, &request.kpis, &rows)?)?;
        }
        decide::remind(&store, &rows).await?;
    }
    record_all(&store, &rows, &Kept::of(&request)).await?;
    Ok(Outcome::Done)
}

/// Dimensions by their names; that of tags is `tag:NAME`.
pub(crate) fn dimensions(names: &[String]) -> Result<Vec<Dimension>> {
    let word = |name: &String| if name.starts_with("tag:") { Ok(Dimension::Tag) } else { name.parse() };
    Ok(names.iter().map(word).collect::<kepi_core::Result<_>>()?)
}

/// The rules of the project's tags, where posts are broken down by them.
pub(crate) fn tags(project: &Project, by: &[String]) -> Result<Vec<TagRule>> {
    if by.iter().any(|by| by.starts_with("tag")) { project.tags() } else { Ok(Vec::new()) }
}

/// The dimension of tags that is asked for: one that the project has rules for.
pub(crate) fn tag_dimension<'a>(tags: &[TagRule], by: &'a [String]) -> Result<Option<&'a str>> {
    let mut asked =
        by.iter().filter_map(|name| if name == "tag" { Some("") } else { name.strip_prefix("tag:") });
    let Some(first) = asked.next() else { return Ok(None) };
    let mut known: Vec<&str> = tags.iter().map(|rule| rule.dimension.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    if asked.next().is_some() {
        return Err(Error::bad_input("posts are broken down by one dimension of tags").into());
    }
    if !known.contains(&first) {
        let hint = if known.is_empty() {
            "declare [[tag]] with dimension, value and where, or [[mapping]] with a table, in kepi.toml"
                .to_owned()
        } else {
            one_of_hint(first, &known)
        };
        return Err(Error::bad_input(format!(
            "there are no tags of a dimension {first:?}; write tag:DIMENSION"
        ))
        .hint(hint)
        .into());
    }
    Ok(Some(first))
}

/// Narrows what is asked to accounts that the store knows, and to what was known at an instant.
pub(crate) async fn narrow(
    project: &Project,
    request: &mut EvaluationRequest,
    store: &Store,
    narrowing: &Narrowing,
) -> Result<()> {
    request.as_of = narrowing.as_of.as_deref().map(|text| project.instant(text, OfDay::End)).transpose()?;
    narrow_to(request, store, &narrowing.account).await
}

/// Narrows what is asked to accounts that the store knows; to none in particular where none is named.
pub(crate) async fn narrow_to(
    request: &mut EvaluationRequest,
    store: &Store,
    accounts: &[AccountId],
) -> Result<()> {
    if accounts.is_empty() {
        return Ok(());
    }
    let known = store.accounts().await?;
    let names: Vec<&str> = known.iter().map(|row| row.account.id.as_str()).collect();
    if let Some(unknown) = accounts.iter().find(|id| !names.contains(&id.as_str())) {
        return Err(Error::bad_input(format!("the store knows no account {unknown}"))
            .hint(one_of_hint(unknown.as_str(), &names))
            .into());
    }
    request.accounts = Some(accounts.to_vec());
    Ok(())
}

/// Evaluates all KPIs over the month so far, or the last one on its first day, and keeps the rows in the store.
pub(crate) async fn renew(project: &Project) -> Result<()> {
    let request = request(project, project.kpis()?, "last-28d")?;
    let store = project.store().await?;
    let session = store.session().await?;
    let mut rows = kepi_engine::evaluate(&session, &request).await?;
    rows.extend(kepi_engine::evaluate_indices(&session, &request, &project.config.indices).await?);
    record_all(&store, &rows, &Kept::of(&request)).await
}

/// What is kept of an evaluation.
#[derive(Debug)]
pub(crate) struct Kept {
    evaluated_at: Timestamp,
    as_of: Option<Timestamp>,
    /// Whether the rows are kept, or only baselines.
    rows: bool,
    /// Whether it was asked of some accounts only: what those came to is no baseline of all.
    of_some: bool,
}

impl Kept {
    /// The rows of a request, and the baselines that it measured first.
    pub(crate) fn of(request: &EvaluationRequest) -> Self {
        let of_some = request.accounts.is_some();
        Self { evaluated_at: request.now, as_of: request.as_of, rows: true, of_some }
    }

    /// Baselines only.
    pub(crate) fn baselines(evaluated_at: Timestamp) -> Self {
        Self { evaluated_at, as_of: None, rows: false, of_some: false }
    }
}

/// Keeps rows as they were said, the same answer once however often it is asked for, and freezes the baselines that were
/// measured for the first time. A store that may not be written keeps nothing; where that leaves a baseline free to
/// move, it is said.
pub(crate) async fn record_all(store: &Store, rows: &[ScoreRow], kept: &Kept) -> Result<()> {
    let mut records = Vec::new();
    if kept.as_of.is_none() && !kept.of_some {
        for row in rows {
            records.extend(
                row.measured_from.as_deref().map(|from| baseline(row, *from, kept)).transpose()?.flatten(),
            );
        }
        records.dedup_by(|a, b| a == b);
    }
    if !store.is_writable() {
        if !records.is_empty() {
            output::note("the store may not be written, so the baselines of targets are not frozen");
        }
        return Ok(());
    }
    if kept.rows {
        let said = rows.iter().map(|row| record(row, kept)).collect::<Result<Vec<_>>>()?;
        let known = said_last(store, &said).await?;
        records.extend(said.into_iter().filter(|record| known.get(&question(record)) != Some(&record.row)));
    }
    match store.append_evaluations(records).await {
        Err(error) if is_disk_full(&error) => {
            output::note("the disk is full, so the store does not remember this evaluation");
            Ok(())
        }
        kept => Ok(kept?),
    }
}

/// What a row answers: KPI, version, scope, period, and as of when where that was asked.
type Question = [String; 6];

fn question(record: &EvaluationRecord) -> Question {
    [
        record.kpi.to_string(),
        record.version.to_string(),
        record.scope.clone(),
        record.start.to_string(),
        record.end.to_string(),
        record.as_of.map_or_else(String::new, |at| at.to_string()),
    ]
}

/// The whole row that was kept last for each question of the same periods.
async fn said_last(store: &Store, records: &[EvaluationRecord]) -> Result<HashMap<Question, String>> {
    let starts = records.iter().map(|record| record.start);
    let (Some(first), Some(last)) = (starts.clone().min(), starts.max()) else {
        return Ok(HashMap::new());
    };
    let sql = format!(
        "select kpi, version, scope, start, \"end\", as_of, row from evaluations \
         where start >= date '{first}' and start <= date '{last}' and status not in ('{}', '{}') \
         order by evaluated_at",
        BaselineValue::STATUS,
        ExperimentResult::STATUS
    );
    let found = kepi_store::query(&store.session().await?, &sql).await?;
    let mut said = HashMap::new();
    for row in found.rows {
        let mut cells = row.into_iter().map(|cell| match cell {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        });
        let question: Question = std::array::from_fn(|_| cells.next().unwrap_or_default());
        said.insert(question, cells.next().unwrap_or_default());
    }
    Ok(said)
}

/// A baseline to freeze: one that is final and not frozen yet.
fn baseline(row: &ScoreRow, from: BaselineValue, kept: &Kept) -> Result<Option<EvaluationRecord>> {
    if !from.settled || from.frozen_at.is_some() {
        return Ok(None);
    }
    let whole = json!({ "kpi": row.kpi, "version": row.version, "scope": row.scope, "period": from.span, "value": from.value });
    Ok(Some(EvaluationRecord {
        value: Some(from.value),
        start: from.span.start,
        end: from.span.end,
        status: BaselineValue::STATUS.into(),
        row: whole.to_string(),
        ..record(row, kept)?
    }))
}

fn record(row: &ScoreRow, kept: &Kept) -> Result<EvaluationRecord> {
    let failed = |error: serde_json::Error| {
        Error::new(kepi_core::ErrorKind::Unexpected, "write JSON").caused_by(error)
    };
    Ok(EvaluationRecord {
        evaluation: kept.evaluated_at.to_string().into(),
        evaluated_at: kept.evaluated_at,
        as_of: kept.as_of,
        kpi: row.kpi.as_str().into(),
        version: row.version.into(),
        scope: serde_json::to_string(&row.scope).map_err(failed)?,
        start: row.period.start,
        end: row.period.end,
        value: row.value.map(Number::as_f64),
        status: row.status.as_str().into(),
        row: serde_json::to_string(row).map_err(failed)?,
    })
}

/// What is asked: KPIs and a period, as the configuration lays it out.
pub(crate) fn request(project: &Project, kpis: Vec<Kpi>, period: &str) -> Result<EvaluationRequest> {
    let fiscal = project.config.project.fiscal;
    let today = project.today()?;
    let descriptors = project.adapters().values().map(|adapter| adapter.descriptor());
    let period = Period::parse(period, today, fiscal)?;
    // A past report is made with the KPIs of its time.
    let kpis = kepi_engine::in_force(kpis, add_days(period.span.end, -1));
    let watched = project.config.accounts.iter().filter(|known| known.watched_by.is_some());
    Ok(EvaluationRequest {
        kpis,
        period,
        by: Vec::new(),
        accounts: None,
        watched: watched.map(|known| known.account.id.clone()).collect(),
        as_of: None,
        today,
        now: project.now(),
        fiscal,
        min_coverage: project.config.project.min_coverage,
        offered: Arc::new(OfferedByDescriptors::new(descriptors)),
        breaks: kepi_engine::Break::builtin().to_vec(),
        rollups: true,
        compare: kepi_engine::Comparison::default(),
    })
}

/// The KPIs and indices that were named; all KPIs and the indices that are switched on otherwise.
fn chosen_with_indices(project: &Project, names: &[String]) -> Result<(Vec<Kpi>, Vec<&'static Index>)> {
    let on = &project.config.indices;
    if names.is_empty() {
        return Ok((project.kpis()?, on.clone()));
    }
    let named = |name: &String| {
        on.iter().copied().find(|index| Index::named(name).is_some_and(|it| it.id == index.id))
    };
    let indices: Vec<&'static Index> = names.iter().filter_map(named).collect();
    let kpis: Vec<String> = names.iter().filter(|name| named(name).is_none()).cloned().collect();
    let kpis = if kpis.is_empty() { Vec::new() } else { chosen(project.kpis()?, &kpis)? };
    Ok((kpis, indices))
}

/// The KPIs that were named, `id` or `id@version`; all of them otherwise.
pub(crate) fn chosen(kpis: Vec<Kpi>, names: &[String]) -> Result<Vec<Kpi>> {
    if names.is_empty() {
        return Ok(kpis);
    }
    let named = |kpi: &Kpi, name: &str| match name.split_once('@') {
        Some((id, version)) => kpi.id == id && kpi.version.to_string() == version,
        None => kpi.id == name,
    };
    if let Some(unknown) = names.iter().find(|name| !kpis.iter().any(|kpi| named(kpi, name))) {
        let ids: Vec<String> = if unknown.contains('@') {
            kpis.iter().map(|kpi| format!("{}@{}", kpi.id, kpi.version)).collect()
        } else {
            kpis.iter().map(|kpi| kpi.id.clone()).collect()
        };
        let known: Vec<&str> = ids.iter().map(String::as_str).collect();
        return Err(Error::bad_input(format!("there is no KPI {unknown}"))
            .hint(one_of_hint(unknown, &known))
            .into());
    }
    Ok(kpis.into_iter().filter(|kpi| names.iter().any(|name| named(kpi, name))).collect())
}

/// How a scorecard was asked for.
#[derive(Debug, Default)]
pub(crate) struct Asked<'a> {
    /// Whether somebody asked for just these KPIs, of which nothing is left out then.
    pub named: bool,
    /// The dimensions that it is broken down by.
    pub by: &'a [Dimension],
}

/// Prints a scorecard.
pub(crate) fn print(rows: &[ScoreRow], format: RowFormat, asked: &Asked<'_>) -> Result<()> {
    match format {
        RowFormat::Json => output::json(&rows),
        RowFormat::Csv => flat(rows, asked.by).print(format),
        RowFormat::Table => {
            let rows = if asked.named { rows.to_vec() } else { with_numbers(&concerned(rows)) };
            for_people(&rows)?;
            notes(&rows).iter().for_each(|note| output::note(note));
            Ok(())
        }
    }
}

/// What a reader must know, each said once with the rows that it is said of.
fn notes(rows: &[ScoreRow]) -> Vec<String> {
    let periods: BTreeSet<_> = rows.iter().map(|row| row.period.start).collect();
    let mut notes: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        let mut parts: Vec<String> = Vec::new();
        if !row.scope.is_empty() {
            parts.push(scope_text(&row.scope));
        }
        if periods.len() > 1 {
            parts.push(span_text(row));
        }
        let name = if parts.is_empty() {
            row.kpi.to_string()
        } else {
            format!("{} ({})", row.kpi, parts.join(", "))
        };
        for note in &row.notes {
            notes.entry(note).or_default().insert(name.clone());
        }
    }
    let line = |(note, names): (&str, BTreeSet<String>)| {
        let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        match names.first() {
            Some(only) if names.len() == 1 => format!("{only}: {note}"),
            _ => format!("{note}: {}", some(&names)),
        }
    };
    notes.into_iter().map(line).collect()
}

/// Names for people: a few of them, and how many more there are.
fn some(names: &BTreeSet<&str>) -> String {
    const FEW: usize = 5;
    let few: Vec<&str> = names.iter().copied().take(FEW).collect();
    match names.len().saturating_sub(FEW) {
        0 => few.join(", "),
        more => format!("{} and {more} more", few.join(", ")),
    }
}

/// People are spared the rows without value and target, and told which KPIs have none at all.
fn with_numbers(rows: &[ScoreRow]) -> Vec<ScoreRow> {
    let told = |row: &&ScoreRow| row.value.is_some() || row.target.is_some();
    let kept: Vec<ScoreRow> = rows.iter().filter(told).cloned().collect();
    if kept.is_empty() {
        return rows.to_vec();
    }
    let shown: BTreeSet<&str> = kept.iter().map(|row| row.kpi.as_str()).collect();
    let mut without: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !shown.contains(row.kpi.as_str())) {
        without.entry(row.status.as_str()).or_default().insert(&row.kpi);
    }
    for (status, kpis) in without {
        output::note(&format!("{status}: {} (kepi evaluate --kpi ID says why)", some(&kpis)));
    }
    kept
}

/// People are spared the KPIs of platforms on which they have no account, and told so.
fn concerned(rows: &[ScoreRow]) -> Vec<ScoreRow> {
    let kept: Vec<ScoreRow> = rows.iter().filter(|row| !row.lacks_account()).cloned().collect();
    if kept.is_empty() {
        return rows.to_vec();
    }
    let left: BTreeSet<&str> =
        rows.iter().filter(|row| row.lacks_account()).map(|row| row.kpi.as_str()).collect();
    match left.len() {
        0 => {}
        1 => output::note("1 KPI of platforms without an account is not shown; --kpi names it"),
        left => output::note(&format!(
            "{left} KPIs of platforms without an account are not shown; --kpi names them"
        )),
    }
    kept
}

fn for_people(rows: &[ScoreRow]) -> Result<()> {
    let scoped = rows.iter().any(|row| !row.scope.is_empty());
    let mut table = Rows::new([
        "kpi",
        "scope",
        "period",
        "value",
        "95 % interval",
        "before",
        "change",
        "target",
        "forecast",
        "status",
        "coverage",
        "posts",
    ]);
    for row in rows {
        table.push([
            row.name.as_str().into(),
            scope_text(&row.scope).into(),
            span_text(row).into(),
            number_text(row.value, &row.unit).into(),
            row.interval
                .map(|(low, high)| format!("{} … {}", real_text(low, &row.unit), real_text(high, &row.unit)))
                .into(),
            number_text(row.previous, &row.unit).into(),
            row.change_rel.map(|change| format!("{:+.1} %", change * 100.0)).into(),
            row.target.as_ref().and_then(|target| target_text(target, &row.unit)).into(),
            row.pace.as_ref().and_then(|pace| pace.forecast).map(|value| real_text(value, &row.unit)).into(),
            row.status.as_str().into(),
            row.coverage.map(|share| format!("{:.0} %", share * 100.0)).into(),
            row.posts.into(),
        ]);
    }
    if !scoped {
        table.without("scope");
    }
    if rows.iter().all(|row| row.target.is_none()) {
        table.without("target");
    }
    if rows.iter().all(|row| row.pace.is_none()) {
        table.without("forecast");
    }
    // One period for all stands above them.
    if let Some(first) = rows.first().filter(|first| rows.iter().all(|row| row.period == first.period)) {
        output::result(&format!(" {}\n\n", span_text(first)))?;
        table.without("period");
    }
    table.print(RowFormat::Table)
}

pub(crate) fn scope_text(scope: &BTreeMap<String, Option<String>>) -> String {
    let part =
        |(key, value): (&String, &Option<String>)| format!("{key} {}", value.as_deref().unwrap_or("(none)"));
    scope.iter().map(part).collect::<Vec<_>>().join(", ")
}

fn target_text(target: &TargetValue, unit: &str) -> Option<String> {
    match target.band {
        Some((low, high)) => Some(format!("{} … {}", real_text(low, unit), real_text(high, unit))),
        None => target.value.map(|value| real_text(value, unit)),
    }
}

fn span_text(row: &ScoreRow) -> String {
    kepi_core::DateSpan::new(row.period.start, row.period.end).to_string()
}

fn number_text(number: Option<Number>, unit: &str) -> Option<String> {
    number.map(|number| match (unit, number) {
        ("ratio", _) => real_text(number.as_f64(), unit),
        (_, number) => number.to_string(),
    })
}

pub(crate) fn real_text(value: f64, unit: &str) -> String {
    if unit == "ratio" { format!("{:.3} %", value * 100.0) } else { format!("{value:.2}") }
}

/// The columns of CSV in their order, but for the dimensions asked for, which follow `name`.
const COLUMNS: [&str; 36] = [
    "kpi",
    "version",
    "name",
    "basis",
    "traffic",
    "period.start",
    "period.end",
    "value",
    "unit",
    "numerator",
    "denominator",
    "posts",
    "interval.low",
    "interval.high",
    "previous",
    "change_abs",
    "change_rel",
    "target.value",
    "target.stretch",
    "target.direction",
    "target.band.low",
    "target.band.high",
    "baseline",
    "attainment",
    "pace.expected",
    "pace.forecast",
    "pace.low",
    "pace.high",
    "pace.required",
    "status",
    "coverage",
    "fresh_at",
    "benchmark.source",
    "benchmark.median",
    "benchmark.percentile",
    "notes",
];

/// All fields of all rows in one flat table, whose columns depend on the dimensions asked for and on nothing else.
fn flat(rows: &[ScoreRow], by: &[Dimension]) -> Rows {
    let scope = by.iter().filter(|dimension| dimension.grain().is_none());
    let scope: Vec<String> = scope.map(|dimension| format!("scope.{}", dimension.as_str())).collect();
    let (names, others) = COLUMNS.split_at(3);
    let columns: Vec<String> = names
        .iter()
        .map(|name| (*name).to_owned())
        .chain(scope)
        .chain(others.iter().map(|name| (*name).to_owned()))
        .collect();
    let cells = |row: &ScoreRow| {
        let mut cells = BTreeMap::new();
        if let Ok(Value::Object(fields)) = serde_json::to_value(row) {
            fields.into_iter().for_each(|(name, value)| flatten(name, value, &mut cells));
        }
        columns.iter().map(|column| cells.remove(column).unwrap_or(Value::Null)).collect()
    };
    let rows = rows.iter().map(cells).collect();
    Rows { columns, rows }
}

/// `period.start`, `interval.low` … : the parts of a field that has parts.
fn flatten(name: String, value: Value, cells: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(parts) => {
            parts.into_iter().for_each(|(part, value)| flatten(format!("{name}.{part}"), value, cells));
        }
        Value::Array(notes) if name == "notes" => {
            let notes: Vec<&str> = notes.iter().filter_map(Value::as_str).collect();
            cells.insert(name, notes.join("; ").into());
        }
        Value::Array(ends) => {
            for (end, which) in ends.into_iter().zip(["low", "high"]) {
                cells.insert(format!("{name}.{which}"), end);
            }
        }
        other => {
            cells.insert(name, other);
        }
    }
}
