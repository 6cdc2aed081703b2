//! SQL over the tables, for people and scripts: rows out as JSON values, nothing written.

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    datatypes::{
        DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
        TimestampMicrosecondType, TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
    util::display::{ArrayFormatter, FormatOptions},
};
use datafusion::{error::DataFusionError, execution::context::SQLOptions, prelude::SessionContext};
use futures::StreamExt;
use jiff::Timestamp;
use kepi_core::{Error, ErrorKind, Result, document::nearest};
use serde_json::Value;

use crate::fail::Fail;

/// What a query gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QueryRows {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The rows, a value per column.
    pub rows: Vec<Vec<Value>>,
}

/// Runs one statement that only reads.
///
/// # Errors
/// `BadInput` when the SQL is wrong or would change something; `Store` when the tables cannot be read.
pub async fn query(context: &SessionContext, sql: &str) -> Result<QueryRows> {
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let sql = if lists_tables(sql) { TABLES } else { sql };
    let frame = context.sql_with_options(sql, options).await.map_err(|error| wrong(context, &error))?;
    let columns = numbered(frame.schema().fields().iter().map(|field| field.name().as_str()));
    let mut stream = frame.execute_stream().await.map_err(|error| failed(context, error))?;
    let mut rows = Vec::new();
    while let Some(batch) = stream.next().await {
        append(&batch.map_err(|error| failed(context, error))?, &mut rows)?;
    }
    Ok(QueryRows { columns, rows })
}

/// The tables of the store, always in the same order and without the views about them.
const TABLES: &str = "select table_name, table_type from information_schema.tables \
                      where table_schema = 'public' order by table_name";

fn lists_tables(sql: &str) -> bool {
    let words = sql.trim().trim_end_matches(';').split_whitespace();
    words.map(str::to_lowercase).eq(["show", "tables"])
}

/// Names of columns of which none stands twice: the second `x` is `x_2`.
fn numbered<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let names: Vec<&str> = names.collect();
    let mut columns: Vec<String> = Vec::with_capacity(names.len());
    for name in &names {
        let others = (2..).map(|number| format!("{name}_{number}"));
        let free = |one: &String| !columns.contains(one) && (one == name || !names.contains(&one.as_str()));
        let chosen = std::iter::once((*name).to_owned()).chain(others).find(free);
        columns.push(chosen.unwrap_or_default());
    }
    columns
}

/// A statement that cannot be run to its end: by its own fault, or by that of a file it reads.
fn failed(context: &SessionContext, error: DataFusionError) -> Error {
    match error.find_root() {
        DataFusionError::ObjectStore(_) | DataFusionError::ParquetError(_) | DataFusionError::IoError(_) => {
            crate::fail::store("read the tables", error)
        }
        _ => wrong(context, &error),
    }
}

fn wrong(context: &SessionContext, error: &DataFusionError) -> Error {
    let text = error.strip_backtrace();
    let tables: Vec<String> = context
        .catalog("datafusion")
        .and_then(|catalog| catalog.schema("public"))
        .map(|schema| schema.table_names())
        .unwrap_or_default();
    let near = text
        .split('\'')
        .nth(1)
        .map(|name| name.rsplit('.').next().unwrap_or(name))
        .and_then(|name| nearest(name, tables.iter().map(String::as_str)).filter(|near| *near != name));
    let hint = near.map_or_else(
        || {
            "`show tables` lists the tables, `describe TABLE` its columns; statements that write are refused"
                .into()
        },
        |near| format!("did you mean the table {near}?"),
    );
    Error::new(ErrorKind::BadInput, "the query cannot be run").with("reason", text).hint(hint)
}

fn append(batch: &RecordBatch, rows: &mut Vec<Vec<Value>>) -> Result<()> {
    let columns: Vec<Vec<Value>> = batch.columns().iter().map(column).collect::<Result<_>>()?;
    rows.extend(
        (0..batch.num_rows()).map(|row| {
            columns.iter().map(|column| column.get(row).cloned().unwrap_or(Value::Null)).collect()
        }),
    );
    Ok(())
}

macro_rules! numbers {
    ($array:expr, $ty:ty) => {
        $array.as_primitive::<$ty>().iter().map(|value| value.map_or(Value::Null, Value::from)).collect()
    };
}

fn column(array: &ArrayRef) -> Result<Vec<Value>> {
    Ok(match array.data_type() {
        DataType::Null => vec![Value::Null; array.len()],
        DataType::Boolean => {
            array.as_boolean().iter().map(|value| value.map_or(Value::Null, Value::from)).collect()
        }
        DataType::Int8 => numbers!(array, Int8Type),
        DataType::Int16 => numbers!(array, Int16Type),
        DataType::Int32 => numbers!(array, Int32Type),
        DataType::Int64 => numbers!(array, Int64Type),
        DataType::UInt8 => numbers!(array, UInt8Type),
        DataType::UInt16 => numbers!(array, UInt16Type),
        DataType::UInt32 => numbers!(array, UInt32Type),
        DataType::UInt64 => numbers!(array, UInt64Type),
        DataType::Float32 => numbers!(array, Float32Type),
        DataType::Float64 => numbers!(array, Float64Type),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            instants(array.as_primitive::<TimestampMicrosecondType>().iter(), Timestamp::from_microsecond)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            instants(array.as_primitive::<TimestampNanosecondType>().iter(), |nanoseconds| {
                Timestamp::from_nanosecond(i128::from(nanoseconds))
            })
        }
        // Dates, money and whatever else SQL makes: as text, exactly.
        _ => texts(array)?,
    })
}

fn instants(
    values: impl Iterator<Item = Option<i64>>,
    read: impl Fn(i64) -> Result<Timestamp, jiff::Error>,
) -> Vec<Value> {
    values
        .map(|value| value.and_then(|value| read(value).ok()).map_or(Value::Null, |at| at.to_string().into()))
        .collect()
}

fn texts(array: &ArrayRef) -> Result<Vec<Value>> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options).at("print a column")?;
    (0..array.len())
        .map(|row| {
            if array.is_null(row) {
                return Ok(Value::Null);
            }
            let mut text = String::new();
            formatter.value(row).write(&mut text).map_err(|error| {
                Error::new(ErrorKind::Unexpected, "print a value").with("reason", format!("{error:?}"))
            })?;
            Ok(Value::String(text))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn columns_of_one_name_are_numbered() {
        let context = SessionContext::new();
        let sql = "select a.x, b.x, 3 as x_2 from (select 1 as x) a, (select 2 as x) b";
        let found = query(&context, sql).await.unwrap();
        assert_eq!(found.columns, ["x", "x_3", "x_2"]);
        assert_eq!(found.rows, [[Value::from(1), Value::from(2), Value::from(3)]]);
    }

    #[tokio::test]
    async fn tables_are_listed_in_one_order_without_the_views_about_them() {
        let config = datafusion::prelude::SessionConfig::new().with_information_schema(true);
        let context = SessionContext::new_with_config(config);
        for name in ["c", "a", "d", "b"] {
            context.sql(&format!("create table {name} (x int)")).await.unwrap().collect().await.unwrap();
        }
        for sql in ["show tables", " SHOW\nTables; "] {
            let found = query(&context, sql).await.unwrap();
            let names: Vec<&str> = found.rows.iter().filter_map(|row| row[0].as_str()).collect();
            assert_eq!(names, ["a", "b", "c", "d"], "{sql}");
        }
    }
}
