//! Rows of `post_daily` to batches and back.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Date32Array, RecordBatch, StringArray,
        TimestampMicrosecondArray,
    },
    datatypes::{DataType, Decimal128Type, Float64Type, Int64Type},
};
use kepi_core::{Flags, Provenance, Result};

use crate::{
    cell::{Cell, NEVER, Number},
    columns::{At, Columns, Frame},
    daily::{DailyRow, Method, Series, bare_origin},
    fail::torn,
    log::TableLog,
    rows::{numbers, read_flags, written_flags},
    schema::TableSchema,
    value::{provenance, traffic},
};

/// Rows as a batch; `superseded` closes them all.
pub(crate) fn to_batch(
    schema: &TableSchema,
    rows: &[Arc<DailyRow>],
    superseded: Option<i64>,
) -> Result<RecordBatch> {
    let mut frame = Frame::new(schema.file.clone(), rows.len());
    let all = || rows.iter();
    let platform = |account: &str| account.find('/').unwrap_or(account.len());
    frame.texts("platform", all().map(|row| &row.series.account[..platform(&row.series.account)]));
    frame.texts("account", all().map(|row| row.series.account.as_str()));
    frame.texts("post", all().map(|row| row.series.post.as_str()));
    frame.dates("day", all().map(|row| row.day));
    frame.dates("end_day", all().map(|row| row.end_day));
    frame.texts("method", all().map(|row| row.method.as_str()));
    frame.maybe_dates("published_day", all().map(|row| row.published_day));
    frame.texts("traffic", all().map(|row| row.series.traffic.as_str()));
    frame.texts("provenance", all().map(|row| row.provenance.as_str()));
    frame.instants("observed_at", all().map(|row| row.observed()));
    frame.flags("provisional", all().map(|row| row.provisional()));
    frame.maybe_texts("flags", all().map(|row| written_flags(schema, &row.cells)));
    frame.maybe_texts("currency", all().map(|row| row.currency()));
    frame.instants("recorded_at", all().map(|row| row.recorded));
    frame.maybe_instants("superseded_at", all().map(|_| superseded));
    let cells: Vec<&[Cell]> = rows.iter().map(|row| row.cells.as_slice()).collect();
    numbers(&mut frame, schema, &cells);
    frame.finish()
}

/// The rows of wanted series, with their places in the batch.
pub(crate) fn read_daily(
    table: &TableLog,
    batch: &RecordBatch,
    wanted: impl Fn(&Series) -> bool,
) -> Result<Vec<(usize, DailyRow)>> {
    let stored = Stored::of(table, batch)?;
    let series = read_series(batch)?.into_iter().enumerate();
    series
        .filter(|(_, series)| wanted(series))
        .map(|(row, series)| Ok((row, stored.row(row, series)?)))
        .collect()
}

/// The series of each row.
pub(crate) fn read_series(batch: &RecordBatch) -> Result<Vec<Series>> {
    let columns = Columns(batch);
    let (account, post) = (columns.text("account")?, columns.text("post")?);
    let (traffics, provenances) = (columns.text("traffic")?, columns.text("provenance")?);
    let series = |place: usize| {
        Ok(Series {
            account: account.value(place).into(),
            post: post.value(place).into(),
            traffic: traffic(traffics.value(place)).ok_or_else(|| torn("an unknown traffic"))?,
            public: provenances.value(place) == Provenance::Public.as_str(),
        })
    };
    (0..batch.num_rows()).map(series).collect()
}

/// The columns of a batch.
struct Stored<'a> {
    provenance: &'a StringArray,
    method: &'a StringArray,
    day: &'a Date32Array,
    end_day: &'a Date32Array,
    published_day: &'a Date32Array,
    observed: &'a TimestampMicrosecondArray,
    provisional: &'a BooleanArray,
    flags: &'a StringArray,
    currency: &'a StringArray,
    recorded: &'a TimestampMicrosecondArray,
    metrics: Vec<(u16, &'a ArrayRef)>,
    schema: &'a TableSchema,
}

impl<'a> Stored<'a> {
    fn of(table: &'a TableLog, batch: &'a RecordBatch) -> Result<Self> {
        let columns = Columns(batch);
        Ok(Self {
            provenance: columns.text("provenance")?,
            method: columns.text("method")?,
            day: columns.date("day")?,
            end_day: columns.date("end_day")?,
            published_day: columns.date("published_day")?,
            observed: columns.instant("observed_at")?,
            provisional: columns.flag("provisional")?,
            flags: columns.text("flags")?,
            currency: columns.text("currency")?,
            recorded: columns.instant("recorded_at")?,
            metrics: metric_columns(table, batch),
            schema: &table.schema,
        })
    }

    fn row(&self, row: usize, series: Series) -> Result<DailyRow> {
        let word = self.method.value(row);
        let method = Method::ALL.into_iter().find(|method| method.as_str() == word);
        let recorded = self.recorded.value(row);
        let origin = bare_origin(
            self.observed.value(row),
            recorded,
            self.provisional.value(row),
            self.currency.at_row(row),
        );
        let cell = |column, number| Cell {
            column,
            number,
            flags: Flags::NONE,
            definition: None,
            origin: origin.clone(),
            confirmed: NEVER,
        };
        let numbers = self.metrics.iter().map(|(column, array)| (*column, number_at(array, row)));
        let mut cells: Vec<Cell> = numbers
            .filter(|(_, number)| number.is_some())
            .map(|(column, number)| cell(column, number))
            .collect();
        if self.flags.is_valid(row) {
            for (name, (flags, definition)) in read_flags(self.flags.value(row)) {
                let Some(column) = self.schema.metric(&name) else { continue };
                let place = cells.binary_search_by_key(&column, |cell| cell.column).unwrap_or_else(|place| {
                    cells.insert(place, cell(column, None));
                    place
                });
                (cells[place].flags, cells[place].definition) = (flags, definition);
            }
        }
        Ok(DailyRow {
            series,
            provenance: provenance(self.provenance.value(row))
                .ok_or_else(|| torn("an unknown provenance"))?,
            method: method.ok_or_else(|| torn("an unknown method"))?,
            day: self.day.value(row),
            end_day: self.end_day.value(row),
            published_day: self.published_day.at_row(row),
            cells,
            recorded,
        })
    }
}

/// The metric columns that a batch has, by their place among the metrics.
pub(crate) fn metric_columns<'a>(table: &TableLog, batch: &'a RecordBatch) -> Vec<(u16, &'a ArrayRef)> {
    let columns = batch.schema_ref().fields().iter().zip(batch.columns());
    columns.filter_map(|(field, column)| Some((table.schema.metric(field.name())?, column))).collect()
}

pub(crate) fn number_at(array: &dyn Array, row: usize) -> Option<Number> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Int64 => Some(Number::Int(array.as_primitive::<Int64Type>().value(row))),
        DataType::Float64 => Some(Number::Real(array.as_primitive::<Float64Type>().value(row))),
        DataType::Decimal128(..) => {
            Some(Number::Money(array.as_primitive::<Decimal128Type>().value(row).into()))
        }
        _ => None,
    }
}
