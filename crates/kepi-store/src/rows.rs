//! Rows of facts to batches and back.

use std::{collections::BTreeMap, sync::Arc};

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch};
use jiff::Timestamp;
use kepi_core::{Flags, Result, SubjectKind, tables::facts_of};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{
    cell::{Cell, Key, NEVER, Number, Origin, Row, WindowKey},
    columns::{At, Columns, Frame, money},
    daily::Birth,
    fail::torn,
    schema::{MONEY, TableSchema},
    value::{instant, provenance, subject_kind, traffic},
};

/// How the rows of a table of facts are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One row per subject and window, one column per metric.
    Wide(SubjectKind),
    /// One row per segment and metric.
    Segment,
    /// One row per metric.
    Other,
}

impl Layout {
    /// The layout of a table by its name; `None` when it holds no facts.
    pub(crate) fn of(table: &str) -> Option<Self> {
        match table {
            "segment_facts" => Some(Self::Segment),
            "other_facts" => Some(Self::Other),
            _ => SubjectKind::ALL.into_iter().find(|kind| facts_of(*kind).name == table).map(Self::Wide),
        }
    }

    /// The column of the subject's id; `None` for accounts, whose subject is themselves.
    pub(crate) fn subject(self) -> Option<&'static str> {
        match self {
            Self::Wide(SubjectKind::Account) => None,
            Self::Wide(SubjectKind::Post) => Some("post"),
            _ => Some("subject"),
        }
    }

    /// Whether its rows may be about posts.
    pub(crate) fn may_be_of_posts(self) -> bool {
        matches!(self, Self::Wide(SubjectKind::Post) | Self::Segment | Self::Other)
    }

    /// The columns that its key is read from.
    pub(crate) fn key_columns(self) -> Vec<&'static str> {
        let mut columns = vec!["account", "window", "day", "end_day", "at", "traffic", "provenance"];
        columns.extend(self.subject());
        match self {
            Self::Wide(_) => {}
            Self::Segment => columns.extend(["subject_kind", "segment_dimension", "segment_value", "metric"]),
            Self::Other => columns.extend(["subject_kind", "metric"]),
        }
        columns
    }

    /// What its files are sorted by, so that their ranges are narrow.
    pub(crate) fn order(self) -> Vec<&'static str> {
        let mut columns = vec!["account"];
        columns.extend(self.subject());
        columns.extend(["day", "at"]);
        columns
    }
}

/// Rows as a batch; `superseded` closes them all.
pub(crate) fn to_batch(
    schema: &TableSchema,
    rows: &[Arc<Row>],
    superseded: Option<i64>,
) -> Result<RecordBatch> {
    let layout = Layout::of(schema.table.name).ok_or_else(|| torn("not a table of facts"))?;
    let mut frame = Frame::new(schema.file.clone(), rows.len());
    let rows: Vec<&Row> = rows.iter().map(Arc::as_ref).collect();
    let rows = rows.as_slice();
    keys(&mut frame, layout, rows);
    origins(&mut frame, schema, rows);
    frame.instants("recorded_at", rows.iter().map(|row| row.recorded));
    frame.maybe_instants("superseded_at", rows.iter().map(|_| superseded));
    if matches!(layout, Layout::Wide(_)) {
        let cells: Vec<&[Cell]> = rows.iter().map(|row| row.cells.as_slice()).collect();
        numbers(&mut frame, schema, &cells);
    } else {
        long_numbers(&mut frame, rows);
    }
    frame.finish()
}

/// Kept readings of posts as a batch.
pub(crate) fn lifetime_batch(
    schema: &TableSchema,
    rows: &[&Row],
    births: &[Birth],
    ranks: &[i64],
) -> Result<RecordBatch> {
    let mut frame = Frame::new(schema.file.clone(), rows.len());
    keys(&mut frame, Layout::Wide(SubjectKind::Post), rows);
    origins(&mut frame, schema, rows);
    frame.instants("recorded_at", rows.iter().map(|row| row.recorded));
    frame.maybe_instants("published_at", births.iter().map(|birth| birth.and_then(|(at, _)| at)));
    frame.maybe_dates("published_day", births.iter().map(|birth| birth.map(|(_, day)| day)));
    frame.ints("rank", ranks.iter().copied());
    let cells: Vec<&[Cell]> = rows.iter().map(|row| row.cells.as_slice()).collect();
    numbers(&mut frame, schema, &cells);
    frame.finish()
}

fn keys(frame: &mut Frame, layout: Layout, rows: &[&Row]) {
    let keys = || rows.iter().map(|row| &row.key);
    let platform = |account: &SmolStr| account.find('/').unwrap_or(account.len());
    frame.texts("platform", keys().map(|key| &key.account[..platform(&key.account)]));
    frame.texts("account", keys().map(|key| key.account.as_str()));
    if let Some(subject) = layout.subject() {
        frame.texts(subject, keys().map(|key| key.subject.as_str()));
    }
    if !matches!(layout, Layout::Wide(_)) {
        frame.texts("subject_kind", keys().map(|key| key.kind.as_str()));
        frame.maybe_texts("metric", keys().map(|key| key.metric.as_ref()));
    }
    if layout == Layout::Segment {
        let segment = |key: &'_ Key| key.segment.clone().unwrap_or_default();
        frame.maybe_texts("segment_dimension", keys().map(|key| Some(segment(key).0)));
        frame.maybe_texts("segment_value", keys().map(|key| Some(segment(key).1)));
    }
    frame.texts("window", keys().map(|key| window_word(key.window)));
    frame.dates("day", rows.iter().map(|row| row.day));
    frame.dates("end_day", rows.iter().map(|row| row.end_day));
    let at = |key: &Key| if let WindowKey::At(at) = key.window { Some(at) } else { None };
    frame.maybe_instants("at", keys().map(at));
    frame.texts("traffic", keys().map(|key| key.traffic.as_str()));
    frame.texts("provenance", keys().map(|key| key.provenance.as_str()));
}

fn window_word(window: WindowKey) -> &'static str {
    match window {
        WindowKey::At(_) => "at",
        WindowKey::Day(_) => "day",
        WindowKey::Period(..) => "period",
    }
}

fn origins(frame: &mut Frame, schema: &TableSchema, rows: &[&Row]) {
    let told: Vec<Told<'_>> = rows.iter().map(|row| Told::of(schema, row)).collect();
    let main = || told.iter().map(|told| told.main);
    frame.instants("observed_at", main().map(|origin| origin.map_or(0, |origin| origin.observed)));
    frame.flags("observed_estimated", main().map(|origin| origin.is_some_and(|origin| origin.estimated)));
    frame.flags("provisional", told.iter().map(|told| told.provisional));
    frame.maybe_texts("flags", told.iter().map(|told| told.flags.as_deref()));
    frame.texts("source", main().map(|origin| origin.map_or("", |origin| origin.source.as_str())));
    frame.maybe_texts("run", main().map(|origin| origin.and_then(|origin| origin.run.as_deref())));
    frame.texts("stream", main().map(|origin| origin.map_or("", |origin| origin.stream.as_str())));
    frame.ints("sequence", main().map(|origin| origin.map_or(0, |origin| origin.sequence)));
    frame.maybe_texts("origins", told.iter().map(|told| told.origins.as_deref()));
    frame.maybe_texts("currency", told.iter().map(|told| told.currency));
    frame.maybe_instants("confirmed_at", told.iter().map(|told| told.confirmed));
}

/// What the numbers of a row say together. They lie apart from it, so they are visited once and not for every column.
struct Told<'a> {
    main: Option<&'a Origin>,
    provisional: bool,
    flags: Option<String>,
    origins: Option<String>,
    currency: Option<&'a SmolStr>,
    confirmed: Option<i64>,
}

impl<'a> Told<'a> {
    fn of(schema: &TableSchema, row: &'a Row) -> Self {
        let latest = row.cells.iter().map(|cell| cell.confirmed).max();
        Self {
            main: row.main().map(Arc::as_ref),
            provisional: row.cells.iter().any(|cell| cell.origin.provisional),
            flags: written_flags(schema, &row.cells),
            origins: written_origins(schema, row),
            currency: row.currency(),
            confirmed: latest.filter(|latest| *latest != NEVER),
        }
    }
}

/// The name of a metric column.
fn metric_name(schema: &TableSchema, column: u16) -> &str {
    let long = schema.table.metrics.is_none();
    if long { "metric" } else { schema.file.field(schema.head + usize::from(column)).name() }
}

/// Gives the metric columns; the cells of a row are sorted by column.
pub(crate) fn numbers(frame: &mut Frame, schema: &TableSchema, rows: &[&[Cell]]) {
    let metrics = schema.file.fields().len() - schema.head;
    let mut present = vec![false; metrics];
    for cell in rows.iter().copied().flatten() {
        present[usize::from(cell.column)] = true;
    }
    // One step per row and column is enough, because the cells are sorted.
    let mut steps = vec![0_u16; rows.len()];
    for column in (0..metrics).filter(|column| present[*column]) {
        let place = schema.head + column;
        let cells = rows.iter().zip(&mut steps).map(|(row, step)| {
            let cell = row.get(usize::from(*step)).filter(|cell| usize::from(cell.column) == column)?;
            *step += 1;
            cell.number
        });
        frame.place(place, number_array(schema.file.field(place).data_type(), cells));
    }
}

fn number_array(ty: &arrow::datatypes::DataType, numbers: impl Iterator<Item = Option<Number>>) -> ArrayRef {
    use arrow::datatypes::DataType;
    match ty {
        DataType::Float64 => Arc::new(numbers.map(real).collect::<Float64Array>()),
        DataType::Int64 => Arc::new(numbers.map(int).collect::<Int64Array>()),
        _ => money(numbers.map(amount)),
    }
}

fn int(number: Option<Number>) -> Option<i64> {
    if let Some(Number::Int(int)) = number { Some(int) } else { None }
}

fn real(number: Option<Number>) -> Option<f64> {
    if let Some(Number::Real(real)) = number { Some(real) } else { None }
}

fn amount(number: Option<Number>) -> Option<i128> {
    if let Some(Number::Money(money)) = number { Some(money.into()) } else { None }
}

fn long_numbers(frame: &mut Frame, rows: &[&Row]) {
    let numbers = || rows.iter().map(|row| row.cells.first().and_then(|cell| cell.number));
    frame.maybe_ints("count", numbers().map(int));
    frame.reals("real", numbers().map(real));
    frame.money("money", numbers().map(amount));
}

/// The flags and definitions of numbers, as their column holds them.
pub(crate) fn written_flags(schema: &TableSchema, cells: &[Cell]) -> Option<String> {
    let mut text = String::new();
    for cell in cells.iter().filter(|cell| !cell.flags.is_none() || cell.definition.is_some()) {
        let definition = cell.definition.as_ref().map(|definition| format!("definition:{definition}"));
        let words = cell.flags.names().map(str::to_owned).chain(definition).collect::<Vec<_>>();
        if !text.is_empty() {
            text.push(';');
        }
        text.push_str(metric_name(schema, cell.column));
        text.push('=');
        text.push_str(&words.join(","));
    }
    (!text.is_empty()).then_some(text)
}

/// Flags and definition of each metric, read from their column.
pub(crate) fn read_flags(text: &str) -> BTreeMap<SmolStr, (Flags, Option<SmolStr>)> {
    let mut flags = BTreeMap::new();
    for part in text.split(';') {
        let Some((metric, words)) = part.split_once('=') else { continue };
        let entry: &mut (Flags, Option<SmolStr>) = flags.entry(SmolStr::new(metric)).or_default();
        for word in words.split(',') {
            match word.strip_prefix("definition:") {
                Some(definition) => entry.1 = Some(definition.into()),
                None => entry.0 = Flags::named(word).map_or(entry.0, |flag| entry.0.and(flag)),
            }
        }
    }
    flags
}

/// An origin as the column `origins` holds it.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    observed_at: Timestamp,
    recorded_at: Timestamp,
    source: SmolStr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<SmolStr>,
    stream: SmolStr,
    sequence: i64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    estimated: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    provisional: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    currency: Option<SmolStr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmed_at: Option<Timestamp>,
}

fn written_origins(schema: &TableSchema, row: &Row) -> Option<String> {
    if row.is_of_one_piece() {
        return None;
    }
    let written = |cell: &Cell| Written {
        observed_at: instant(cell.origin.observed),
        recorded_at: instant(cell.origin.recorded),
        source: cell.origin.source.clone(),
        run: cell.origin.run.clone(),
        stream: cell.origin.stream.clone(),
        sequence: cell.origin.sequence,
        estimated: cell.origin.estimated,
        provisional: cell.origin.provisional,
        currency: cell.origin.currency.clone(),
        confirmed_at: (cell.confirmed != NEVER).then(|| instant(cell.confirmed)),
    };
    let origins: BTreeMap<&str, Written> =
        row.cells.iter().map(|cell| (metric_name(schema, cell.column), written(cell))).collect();
    Some(serde_json::to_string(&origins).expect("origins are plain text and numbers"))
}

fn read_origins(text: &str) -> Result<BTreeMap<SmolStr, (Arc<Origin>, i64)>> {
    let written: BTreeMap<SmolStr, Written> =
        serde_json::from_str(text).map_err(|error| torn(format!("column origins: {error}")))?;
    let origin = |written: Written| {
        let confirmed = written.confirmed_at.map_or(NEVER, Timestamp::as_microsecond);
        let origin = Origin {
            observed: written.observed_at.as_microsecond(),
            recorded: written.recorded_at.as_microsecond(),
            estimated: written.estimated,
            provisional: written.provisional,
            source: written.source,
            run: written.run,
            stream: written.stream,
            sequence: written.sequence,
            currency: written.currency,
        };
        (Arc::new(origin), confirmed)
    };
    Ok(written.into_iter().map(|(metric, written)| (metric, origin(written))).collect())
}

/// Reads the keys of all rows of a batch that has the key columns.
pub(crate) fn read_keys(layout: Layout, batch: &RecordBatch) -> Result<Vec<Key>> {
    let columns = Columns(batch);
    let account = columns.text("account")?;
    // Kept readings of posts have no window: each is a reading at an instant.
    let window = batch.column_by_name("window").map(|_| columns.text("window")).transpose()?;
    let (at, day) = (columns.instant("at")?, columns.date("day")?);
    let end_day = batch.column_by_name("end_day").map(|_| columns.date("end_day")).transpose()?;
    let (traffics, provenances) = (columns.text("traffic")?, columns.text("provenance")?);
    let subject = layout.subject().map(|name| columns.text(name)).transpose()?;
    let kind = if let Layout::Wide(_) = layout { None } else { Some(columns.text("subject_kind")?) };
    let metric = if let Layout::Wide(_) = layout { None } else { Some(columns.text("metric")?) };
    let segment = if layout == Layout::Segment {
        Some((columns.text("segment_dimension")?, columns.text("segment_value")?))
    } else {
        None
    };
    let key = |row: usize| -> Option<Key> {
        Some(Key {
            account: account.value(row).into(),
            kind: match (layout, kind) {
                (Layout::Wide(kind), _) => kind,
                (_, Some(kind)) => subject_kind(kind.value(row))?,
                (_, None) => return None,
            },
            subject: subject.map(|subject| subject.value(row).into()).unwrap_or_default(),
            segment: segment.map(|(dimension, value)| (dimension.value(row).into(), value.value(row).into())),
            window: match window.map_or("at", |window| window.value(row)) {
                "at" => WindowKey::At(at.at_row(row)?),
                "day" => WindowKey::Day(day.value(row)),
                "period" => WindowKey::Period(day.value(row), end_day?.value(row)),
                _ => return None,
            },
            traffic: traffic(traffics.value(row))?,
            provenance: provenance(provenances.value(row))?,
            metric: metric.map(|metric| metric.value(row).into()),
        })
    };
    let unreadable = |row: usize| torn(format!("row {row} has an unreadable key"));
    (0..batch.num_rows()).map(|row| key(row).ok_or_else(|| unreadable(row))).collect()
}

/// Reads rows of a batch, chosen by their places; `keys` are those of the whole batch.
pub(crate) fn read_rows(
    schema: &TableSchema,
    batch: &RecordBatch,
    keys: &[Key],
    chosen: &[usize],
) -> Result<Vec<Row>> {
    let mut rows = heads(schema, batch, keys, chosen)?;
    let columns = Columns(batch);
    let metrics: Vec<usize> = if schema.table.metrics.is_some() {
        (schema.head..schema.file.fields().len()).collect()
    } else {
        ["count", "real", "money"].iter().filter_map(|name| schema.index(name)).collect()
    };
    for place in metrics {
        let name = schema.file.field(place).name().as_str();
        let stored = batch.column_by_name(name);
        if stored.is_none_or(|stored| stored.null_count() == batch.num_rows()) {
            continue;
        }
        let column = if schema.table.metrics.is_some() { place - schema.head } else { 0 };
        let number: Box<dyn Fn(usize) -> Option<Number>> = match schema.file.field(place).data_type() {
            arrow::datatypes::DataType::Int64 => {
                let array = columns.int(name)?;
                Box::new(|row| array.at_row(row).map(Number::Int))
            }
            arrow::datatypes::DataType::Float64 => {
                let array = columns.real(name)?;
                Box::new(|row| array.at_row(row).map(Number::Real))
            }
            ty if *ty == MONEY => {
                let array = columns.decimal(name)?;
                Box::new(|row| array.at_row(row).map(|amount: i128| Number::Money(amount.into())))
            }
            other => return Err(torn(format!("metric {name} is of type {other}"))),
        };
        for (head, row) in rows.iter_mut().zip(chosen) {
            if let Some(number) = number(*row) {
                head.number(schema, u16::try_from(column).unwrap_or(u16::MAX), number);
            }
        }
    }
    Ok(rows.into_iter().map(|head| head.finish(schema)).collect())
}

/// A row being read: all but its numbers, and what they are to be given.
struct Head {
    row: Row,
    main: Arc<Origin>,
    confirmed: i64,
    flags: BTreeMap<SmolStr, (Flags, Option<SmolStr>)>,
    origins: BTreeMap<SmolStr, (Arc<Origin>, i64)>,
}

impl Head {
    fn number(&mut self, schema: &TableSchema, column: u16, number: Number) {
        let cell = self.cell(schema, column, Some(number));
        self.row.cells.push(cell);
    }

    fn cell(&self, schema: &TableSchema, column: u16, number: Option<Number>) -> Cell {
        let name = metric_name(schema, column);
        let (flags, definition) = self.flags.get(name).cloned().unwrap_or_default();
        let (origin, confirmed) =
            self.origins.get(name).cloned().unwrap_or_else(|| (self.main.clone(), self.confirmed));
        Cell { column, number, flags, definition, origin, confirmed }
    }

    /// Adds the numbers that the source said it does not tell: they stand in the flags alone.
    fn finish(mut self, schema: &TableSchema) -> Row {
        let censored: Vec<SmolStr> = self
            .flags
            .iter()
            .filter(|(_, (flags, _))| flags.contains(Flags::CENSORED))
            .map(|(name, _)| name.clone())
            .collect();
        for name in censored {
            let column = if schema.table.metrics.is_none() {
                Some(0)
            } else {
                schema.index(&name).and_then(|place| u16::try_from(place - schema.head).ok())
            };
            if let Some(column) = column
                && !self.row.cells.iter().any(|cell| cell.column == column)
            {
                let cell = self.cell(schema, column, None);
                self.row.cells.push(cell);
            }
        }
        self.row.cells.sort_by_key(|cell| cell.column);
        self.row
    }
}

fn heads(schema: &TableSchema, batch: &RecordBatch, keys: &[Key], chosen: &[usize]) -> Result<Vec<Head>> {
    let columns = Columns(batch);
    let day = columns.date("day")?;
    let end_day = schema.index("end_day").map(|_| columns.date("end_day")).transpose()?;
    let (observed, recorded) = (columns.instant("observed_at")?, columns.instant("recorded_at")?);
    let (estimated, provisional) = (columns.flag("observed_estimated")?, columns.flag("provisional")?);
    let (source, run) = (columns.text("source")?, columns.text("run")?);
    let (stream, sequence) = (columns.text("stream")?, columns.int("sequence")?);
    let (flags, currency) = (columns.text("flags")?, columns.text("currency")?);
    // The newest readings of posts stand alone: they have no origins beside their own.
    let origins = schema.index("origins").map(|_| columns.text("origins")).transpose()?;
    let confirmed = schema.index("confirmed_at").map(|_| columns.instant("confirmed_at")).transpose()?;
    let head = |row: usize| -> Result<Head> {
        let main = Origin {
            observed: observed.value(row),
            recorded: recorded.value(row),
            estimated: estimated.value(row),
            provisional: provisional.value(row),
            source: source.value(row).into(),
            run: run.at_row(row),
            stream: stream.value(row).into(),
            sequence: sequence.value(row),
            currency: currency.at_row(row),
        };
        let origins = origins.and_then(|origins: &arrow::array::StringArray| {
            origins.is_valid(row).then(|| origins.value(row))
        });
        Ok(Head {
            row: Row {
                key: keys.get(row).cloned().ok_or_else(|| torn("a row without key"))?,
                day: day.value(row),
                end_day: end_day.map_or(day.value(row) + 1, |end_day| end_day.value(row)),
                cells: Vec::new(),
                recorded: recorded.value(row),
            },
            main: Arc::new(main),
            confirmed: confirmed.and_then(|confirmed| confirmed.at_row(row)).unwrap_or(NEVER),
            flags: if flags.is_valid(row) { read_flags(flags.value(row)) } else { BTreeMap::new() },
            origins: origins.map(read_origins).transpose()?.unwrap_or_default(),
        })
    };
    chosen.iter().map(|row| head(*row)).collect()
}
