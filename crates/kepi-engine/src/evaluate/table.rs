//! Small results of plans as columns of plain values.

use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
            ListArray, RecordBatch, StringArray, TimestampMicrosecondArray,
        },
        compute::{cast, concat_batches},
        datatypes::{DataType, TimeUnit},
    },
    dataframe::DataFrame,
};
use jiff::{Timestamp, civil::Date};
use kepi_core::{Error, ErrorKind, Result, period::add_days};
use rust_decimal::Decimal;
use smol_str::SmolStr;

use crate::number::Number;

/// The rows of a plan, collected.
#[derive(Debug)]
pub(crate) struct Rows {
    batch: RecordBatch,
}

/// A column of numbers.
#[derive(Debug, Clone)]
pub(crate) enum Numbers {
    Whole(Int64Array),
    Real(Float64Array),
    Money(Decimal128Array, u32),
}

impl Numbers {
    pub(crate) fn get(&self, row: usize) -> Option<Number> {
        match self {
            Self::Whole(array) => array.is_valid(row).then(|| Number::Whole(i128::from(array.value(row)))),
            Self::Real(array) => array.is_valid(row).then(|| Number::Real(array.value(row))),
            Self::Money(array, scale) => array
                .is_valid(row)
                .then(|| Decimal::try_from_i128_with_scale(array.value(row), *scale).ok().map(Number::Money))
                .flatten(),
        }
    }

    pub(crate) fn whole(&self, row: usize) -> i64 {
        match self {
            Self::Whole(array) if array.is_valid(row) => array.value(row),
            _ => 0,
        }
    }

    #[expect(clippy::cast_sign_loss, reason = "counts are not negative")]
    pub(crate) fn count(&self, row: usize) -> u64 {
        self.whole(row).max(0) as u64
    }

    pub(crate) fn real(&self, row: usize) -> f64 {
        self.get(row).map_or(0.0, Number::as_f64)
    }
}

impl Rows {
    pub(crate) async fn collect(frame: DataFrame) -> Result<Self> {
        let schema = std::sync::Arc::new(frame.schema().as_arrow().clone());
        let batches = frame.collect().await.map_err(failed)?;
        // A collected batch may name the same columns with another nullability than the plan.
        let schema = batches.first().map_or(schema, RecordBatch::schema);
        let batch = concat_batches(&schema, &batches).map_err(failed)?;
        Ok(Self { batch })
    }

    pub(crate) fn len(&self) -> usize {
        self.batch.num_rows()
    }

    fn column(&self, name: &str) -> Result<&ArrayRef> {
        self.batch.column_by_name(name).ok_or_else(|| {
            Error::new(ErrorKind::Unexpected, "a plan did not give the column it was built with")
                .with("column", name)
        })
    }

    fn typed(&self, name: &str, ty: &DataType) -> Result<ArrayRef> {
        cast(self.column(name)?, ty).map_err(failed)
    }

    pub(crate) fn texts(&self, name: &str) -> Result<StringArray> {
        Ok(self.typed(name, &DataType::Utf8)?.as_string::<i32>().clone())
    }

    pub(crate) fn dates(&self, name: &str) -> Result<Date32Array> {
        Ok(self.typed(name, &DataType::Date32)?.as_primitive().clone())
    }

    pub(crate) fn flags(&self, name: &str) -> Result<BooleanArray> {
        Ok(self.typed(name, &DataType::Boolean)?.as_boolean().clone())
    }

    pub(crate) fn instants(&self, name: &str) -> Result<TimestampMicrosecondArray> {
        let ty = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        Ok(self.typed(name, &ty)?.as_primitive().clone())
    }

    /// A column of numbers in the type that its values have.
    pub(crate) fn numbers(&self, name: &str) -> Result<Numbers> {
        numbers(self.column(name)?)
    }

    /// A column of lists of numbers, as floats.
    pub(crate) fn lists(&self, name: &str) -> Result<Lists> {
        Ok(Lists(self.column(name)?.as_list_opt::<i32>().cloned()))
    }
}

/// A column of lists.
#[derive(Debug)]
pub(crate) struct Lists(Option<ListArray>);

impl Lists {
    pub(crate) fn get(&self, row: usize) -> Result<Vec<f64>> {
        let Some(list) = self.0.as_ref().filter(|list| list.is_valid(row)) else { return Ok(Vec::new()) };
        let values = cast(&list.value(row), &DataType::Float64).map_err(failed)?;
        Ok(values.as_primitive::<datafusion::arrow::datatypes::Float64Type>().iter().flatten().collect())
    }
}

fn numbers(array: &ArrayRef) -> Result<Numbers> {
    match array.data_type() {
        DataType::Float64 | DataType::Float32 => {
            let array = cast(array, &DataType::Float64).map_err(failed)?;
            Ok(Numbers::Real(array.as_primitive().clone()))
        }
        DataType::Decimal128(_, scale) => {
            let scale = u32::try_from(*scale).map_err(failed)?;
            Ok(Numbers::Money(array.as_primitive().clone(), scale))
        }
        _ => {
            let array = cast(array, &DataType::Int64).map_err(failed)?;
            Ok(Numbers::Whole(array.as_primitive().clone()))
        }
    }
}

/// A text of a column.
pub(crate) fn text(array: &StringArray, row: usize) -> Option<SmolStr> {
    array.is_valid(row).then(|| SmolStr::new(array.value(row)))
}

/// An instant of a column.
pub(crate) fn instant(array: &TimestampMicrosecondArray, row: usize) -> Option<Timestamp> {
    array.is_valid(row).then(|| Timestamp::from_microsecond(array.value(row)).ok()).flatten()
}

/// A date of a column.
pub(crate) fn day(array: &Date32Array, row: usize) -> Option<Date> {
    array.is_valid(row).then(|| add_days(Date::constant(1970, 1, 1), array.value(row)))
}

/// A plan that could not be made or run.
pub(crate) fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let source = error.into();
    Error::new(ErrorKind::Unexpected, format!("evaluate the plan: {source}"))
        .hint("is the store complete? `kepi maintain` checks it")
        .caused_by(source)
}
