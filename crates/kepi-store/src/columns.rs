//! Building and reading batches by column name.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
        RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
    },
    datatypes::{
        DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, Schema, SchemaRef,
        TimestampMicrosecondType,
    },
};
use kepi_core::Result;

use crate::fail::{Fail, torn};

/// A batch in the making: columns by name. Those that nobody gives, and that may be null, are left out.
#[derive(Debug)]
pub(crate) struct Frame {
    schema: SchemaRef,
    rows: usize,
    columns: Vec<Option<ArrayRef>>,
}

impl Frame {
    pub(crate) fn new(schema: SchemaRef, rows: usize) -> Self {
        let columns = vec![None; schema.fields().len()];
        Self { schema, rows, columns }
    }

    /// Gives a column; one that the table does not have is left out.
    pub(crate) fn set(&mut self, name: &str, array: ArrayRef) {
        if let Ok(place) = self.schema.index_of(name) {
            self.columns[place] = Some(array);
        }
    }

    pub(crate) fn place(&mut self, place: usize, array: ArrayRef) {
        self.columns[place] = Some(array);
    }

    pub(crate) fn texts<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a str>) {
        self.set(name, Arc::new(StringArray::from_iter_values(values)));
    }

    pub(crate) fn maybe_texts<T: AsRef<str>>(&mut self, name: &str, values: impl Iterator<Item = Option<T>>) {
        self.set(name, Arc::new(values.collect::<StringArray>()));
    }

    pub(crate) fn ints(&mut self, name: &str, values: impl Iterator<Item = i64>) {
        self.set(name, Arc::new(Int64Array::from_iter_values(values)));
    }

    pub(crate) fn reals(&mut self, name: &str, values: impl Iterator<Item = Option<f64>>) {
        self.set(name, Arc::new(values.collect::<Float64Array>()));
    }

    pub(crate) fn maybe_ints(&mut self, name: &str, values: impl Iterator<Item = Option<i64>>) {
        self.set(name, Arc::new(values.collect::<Int64Array>()));
    }

    pub(crate) fn money(&mut self, name: &str, values: impl Iterator<Item = Option<i128>>) {
        self.set(name, money(values));
    }

    pub(crate) fn flags(&mut self, name: &str, values: impl Iterator<Item = bool>) {
        self.set(name, Arc::new(values.map(Some).collect::<BooleanArray>()));
    }

    pub(crate) fn maybe_flags(&mut self, name: &str, values: impl Iterator<Item = Option<bool>>) {
        self.set(name, Arc::new(values.collect::<BooleanArray>()));
    }

    pub(crate) fn dates(&mut self, name: &str, values: impl Iterator<Item = i32>) {
        self.set(name, Arc::new(Date32Array::from_iter_values(values)));
    }

    pub(crate) fn maybe_dates(&mut self, name: &str, values: impl Iterator<Item = Option<i32>>) {
        self.set(name, Arc::new(values.collect::<Date32Array>()));
    }

    pub(crate) fn instants(&mut self, name: &str, values: impl Iterator<Item = i64>) {
        let array = TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC");
        self.set(name, Arc::new(array));
    }

    pub(crate) fn maybe_instants(&mut self, name: &str, values: impl Iterator<Item = Option<i64>>) {
        let array = values.collect::<TimestampMicrosecondArray>().with_timezone("UTC");
        self.set(name, Arc::new(array));
    }

    pub(crate) fn finish(self) -> Result<RecordBatch> {
        let Self { schema, rows, columns } = self;
        let mut fields = Vec::with_capacity(columns.len());
        let mut given = Vec::with_capacity(columns.len());
        for (column, field) in columns.into_iter().zip(schema.fields()) {
            // What must be there and is not is told by the batch.
            let column =
                column.or_else(|| (!field.is_nullable()).then(|| new_null_array(field.data_type(), rows)));
            if let Some(column) = column {
                fields.push(field.clone());
                given.push(column);
            }
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), given).at("build a batch")
    }
}

/// A column of money.
pub(crate) fn money(values: impl Iterator<Item = Option<i128>>) -> ArrayRef {
    let array: Decimal128Array = values.collect();
    Arc::new(array.with_precision_and_scale(38, 6).expect("38 digits, 6 of them after the point, are legal"))
}

/// The columns of a stored batch by name, checked to be of their type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns<'a>(pub(crate) &'a RecordBatch);

macro_rules! typed {
    ($name:ident, $array:ty, $ty:pat, $cast:expr) => {
        pub(crate) fn $name(self, name: &str) -> Result<&'a $array> {
            let array = self.get(name)?;
            match array.data_type() {
                $ty => Ok($cast(array)),
                other => Err(torn(format!("column {name} is of type {other}"))),
            }
        }
    };
}

impl<'a> Columns<'a> {
    fn get(self, name: &str) -> Result<&'a ArrayRef> {
        self.0.column_by_name(name).ok_or_else(|| torn(format!("column {name} is missing")))
    }

    typed!(text, StringArray, DataType::Utf8, |array: &'a ArrayRef| array.as_string::<i32>());
    typed!(int, Int64Array, DataType::Int64, |array: &'a ArrayRef| array.as_primitive::<Int64Type>());
    typed!(real, Float64Array, DataType::Float64, |array: &'a ArrayRef| array.as_primitive::<Float64Type>());
    typed!(decimal, Decimal128Array, DataType::Decimal128(..), |array: &'a ArrayRef| {
        array.as_primitive::<Decimal128Type>()
    });
    typed!(flag, BooleanArray, DataType::Boolean, |array: &'a ArrayRef| array.as_boolean());
    typed!(date, Date32Array, DataType::Date32, |array: &'a ArrayRef| array.as_primitive::<Date32Type>());
    typed!(instant, TimestampMicrosecondArray, DataType::Timestamp(..), |array: &'a ArrayRef| {
        array.as_primitive::<TimestampMicrosecondType>()
    });
}

/// The value of a row that may be null.
pub(crate) trait At<T> {
    fn at_row(&self, row: usize) -> Option<T>;
}

macro_rules! at_row {
    ($($array:ty => $value:ty),+ $(,)?) => {
        $(impl At<$value> for $array {
            fn at_row(&self, row: usize) -> Option<$value> {
                self.is_valid(row).then(|| self.value(row).into())
            }
        })+
    };
}

at_row! {
    Int64Array => i64,
    Float64Array => f64,
    Decimal128Array => i128,
    BooleanArray => bool,
    Date32Array => i32,
    TimestampMicrosecondArray => i64,
    StringArray => smol_str::SmolStr,
}
