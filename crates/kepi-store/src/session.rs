//! Reading: all tables under their names, at one moment.

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{DataType, Float64Type, Int64Type},
    util::display::{ArrayFormatter, FormatOptions},
};
use datafusion::{
    execution::{context::SQLOptions, object_store::ObjectStoreUrl},
    prelude::{SessionConfig, SessionContext},
};
use kepi_core::{Error, Result, tables};
use object_store::path::Path;
use serde_json::Value;
use std::sync::Arc;
use url::Position;

use crate::{
    fail::{Fail, torn},
    provider::StoredTable,
    schema,
    store::Store,
};

impl Store {
    /// All tables registered under their names, at one consistent moment: what is committed later is not
    /// seen. Valid facts are those with `current`; facts as of an instant T are those with
    /// `recorded_at <= T` and `superseded_at` null or later than T.
    ///
    /// # Errors
    /// `Store` when the tables cannot be read.
    pub async fn session(&self) -> Result<SessionContext> {
        let config = SessionConfig::new().with_information_schema(true);
        let session = SessionContext::new_with_config(config);
        let snapshots = self.0.consistent().await?;
        for schema in schema::all() {
            let name = schema.table.name;
            let table = self.0.table(name)?;
            let snapshot = snapshots.get(name).cloned().ok_or_else(|| torn("a table without state"))?;
            let url = table.root();
            let root = Path::from_url_path(url.path()).map_err(|error| torn(error))?;
            let store = ObjectStoreUrl::parse(&url[..Position::BeforePath]).at("address the table")?;
            session.register_object_store(store.as_ref(), table.whole_store());
            let provider = StoredTable::new(schema.clone(), snapshot, store, root);
            session.register_table(name, Arc::new(provider)).at("register a table")?;
        }
        Ok(session)
    }
}

/// What a query found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows; whole numbers and floats as numbers, null as null, all else as text.
    pub rows: Vec<Vec<Value>>,
}

/// Runs one SQL query that only reads.
///
/// # Errors
/// `BadInput` when the query is not lawful SQL over the tables, or would change something.
pub async fn query(session: &SessionContext, sql: &str) -> Result<Found> {
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let refused = |error: datafusion::error::DataFusionError| {
        let names: Vec<&str> = tables::ALL.iter().map(|table| table.name).collect();
        let text = error.strip_backtrace();
        Error::bad_input(text.lines().next().unwrap_or_default().to_owned())
            .hint(format!("the tables are {}", names.join(", ")))
            .caused_by(error)
    };
    let frame = session.sql_with_options(sql, options).await.map_err(refused)?;
    let columns = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut rows = Vec::new();
    for batch in frame.collect().await.map_err(refused)? {
        let values: Vec<Vec<Value>> = batch.columns().iter().map(values).collect::<Result<_>>()?;
        for row in 0..batch.num_rows() {
            rows.push(values.iter().map(|column| column[row].clone()).collect());
        }
    }
    Ok(Found { columns, rows })
}

fn values(array: &ArrayRef) -> Result<Vec<Value>> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options).at("show a column")?;
    let value = |row: usize| match array.data_type() {
        _ if array.is_null(row) => Value::Null,
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Boolean => array.as_boolean().value(row).into(),
        ty if ty.is_integer() => {
            formatter.value(row).to_string().parse::<i64>().map_or(Value::Null, Value::from)
        }
        _ => Value::String(formatter.value(row).to_string()),
    };
    Ok((0..array.len()).map(value).collect())
}
