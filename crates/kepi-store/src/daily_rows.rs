//! Rows of `post_daily` to batches and back.

use std::collections::BTreeMap;

use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::{DataType, Decimal128Type, Float64Type, Int64Type},
};
use kepi_core::{Provenance, Result};

use crate::{
    cell::{Cell, NEVER, Number},
    columns::{At, Columns, Frame},
    daily::{DailyRow, Method, Series, bare_origin},
    fail::torn,
    log::TableLog,
    rows::{numbers, read_flags, written_flags},
    value::{provenance, traffic},
};

/// Rows as a batch; `superseded` closes them all.
pub(crate) fn to_batch(table: &TableLog, rows: &[&DailyRow], superseded: Option<i64>) -> Result<RecordBatch> {
    let mut frame = Frame::new(table.schema.file.clone(), rows.len());
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
    frame.maybe_texts("flags", all().map(|row| written_flags(&table.schema, &row.cells)));
    frame.maybe_texts("currency", all().map(|row| row.currency()));
    frame.instants("recorded_at", all().map(|row| row.recorded));
    frame.maybe_instants("superseded_at", all().map(|_| superseded));
    let cells: Vec<&[Cell]> = rows.iter().map(|row| row.cells.as_slice()).collect();
    numbers(&mut frame, &table.schema, &cells);
    frame.finish()
}

/// The rows of wanted series, with their places in the batch.
pub(crate) fn read_daily(
    table: &TableLog,
    batch: &RecordBatch,
    wanted: impl Fn(&Series) -> bool,
) -> Result<Vec<(usize, DailyRow)>> {
    let provenances = Columns(batch).text("provenance")?;
    let mut rows = Vec::new();
    for (place, series) in read_series(batch)?.into_iter().enumerate() {
        if wanted(&series) {
            let provenance =
                provenance(provenances.value(place)).ok_or_else(|| torn("an unknown provenance"))?;
            rows.push((place, read_row(table, batch, place, series, provenance)?));
        }
    }
    Ok(rows)
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

fn read_row(
    table: &TableLog,
    batch: &RecordBatch,
    row: usize,
    series: Series,
    provenance: Provenance,
) -> Result<DailyRow> {
    let columns = Columns(batch);
    let word = columns.text("method")?.value(row);
    let method = Method::ALL.into_iter().find(|method| method.as_str() == word);
    let method = method.ok_or_else(|| torn("an unknown method"))?;
    let recorded = columns.instant("recorded_at")?.value(row);
    let origin = bare_origin(
        columns.instant("observed_at")?.value(row),
        recorded,
        columns.flag("provisional")?.value(row),
        columns.text("currency")?.at_row(row),
    );
    let flags = columns.text("flags")?.at_row(row);
    let mut flags = flags.map(|text| read_flags(&text)).unwrap_or_else(BTreeMap::new);
    let mut cells = Vec::new();
    for place in table.schema.head..table.schema.file.fields().len() {
        let field = table.schema.file.field(place);
        let said = flags.remove(field.name().as_str());
        let number = number_at(batch.column(place), row);
        if number.is_some() || said.is_some() {
            let column = u16::try_from(place - table.schema.head).map_err(|_| torn("too many columns"))?;
            let (flags, definition) = said.unwrap_or_default();
            cells.push(Cell { column, number, flags, definition, origin: origin.clone(), confirmed: NEVER });
        }
    }
    Ok(DailyRow {
        series,
        provenance,
        method,
        day: columns.date("day")?.value(row),
        end_day: columns.date("end_day")?.value(row),
        published_day: columns.date("published_day")?.at_row(row),
        cells,
        recorded,
    })
}

pub(crate) fn number_at(array: &dyn Array, row: usize) -> Option<Number> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Int64 => Some(Number::Int(array.as_primitive::<Int64Type>().value(row))),
        DataType::Float64 => Some(Number::Real(array.as_primitive::<Float64Type>().value(row))),
        DataType::Decimal128(..) => Some(Number::Money(array.as_primitive::<Decimal128Type>().value(row))),
        _ => None,
    }
}
