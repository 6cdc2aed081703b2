//! The declared tables as Arrow and Delta schemas.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use deltalake::kernel::{DataType as DeltaType, StructField};
use kepi_core::tables::{ALL, Table, Type};

/// One declared table with its schemas.
#[derive(Debug)]
pub(crate) struct TableSchema {
    /// Its declaration.
    pub(crate) table: Table,
    /// The columns that stand in its files: all but the partition columns.
    pub(crate) file: SchemaRef,
    /// The partition columns.
    pub(crate) partition: Vec<Arc<Field>>,
    /// How many of the file's columns are head columns; metrics follow.
    pub(crate) head: usize,
}

impl TableSchema {
    fn new(table: Table) -> Self {
        let columns = table.columns();
        let files = columns.len() - table.partition.len();
        let field =
            |(name, ty, nullable): &(String, Type, bool)| Field::new(name, arrow_type(*ty), *nullable);
        Self {
            table,
            file: Arc::new(Schema::new(columns[..files].iter().map(field).collect::<Vec<_>>())),
            partition: columns[files..].iter().map(|column| Arc::new(field(column))).collect(),
            head: table.head.len(),
        }
    }

    /// The place of a column in the files.
    pub(crate) fn index(&self, name: &str) -> Option<usize> {
        self.file.index_of(name).ok()
    }

    /// The place of a metric among the metric columns; `None` for any other column.
    pub(crate) fn metric(&self, name: &str) -> Option<u16> {
        u16::try_from(self.index(name)?.checked_sub(self.head)?).ok()
    }

    /// The columns as Delta names them.
    pub(crate) fn delta(&self) -> Vec<StructField> {
        self.table
            .columns()
            .into_iter()
            .map(|(name, ty, nullable)| StructField::new(name, delta_type(ty), nullable))
            .collect()
    }
}

static SCHEMAS: LazyLock<Vec<Arc<TableSchema>>> =
    LazyLock::new(|| ALL.iter().map(|table| Arc::new(TableSchema::new(*table))).collect());

/// All tables.
pub(crate) fn all() -> &'static [Arc<TableSchema>] {
    &SCHEMAS
}

/// The type of money.
pub(crate) const MONEY: DataType = DataType::Decimal128(38, 6);

/// The Arrow type of a column.
pub(crate) fn arrow_type(ty: Type) -> DataType {
    match ty {
        Type::Text => DataType::Utf8,
        Type::Int => DataType::Int64,
        Type::Real => DataType::Float64,
        Type::Money => MONEY,
        Type::Flag => DataType::Boolean,
        Type::Date => DataType::Date32,
        Type::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Bytes => DataType::Binary,
    }
}

fn delta_type(ty: Type) -> DeltaType {
    match ty {
        Type::Text => DeltaType::STRING,
        Type::Int => DeltaType::LONG,
        Type::Real => DeltaType::DOUBLE,
        Type::Money => DeltaType::decimal(38, 6).expect("38 digits, 6 of them after the point, are legal"),
        Type::Flag => DeltaType::BOOLEAN,
        Type::Date => DeltaType::DATE,
        Type::Instant => DeltaType::TIMESTAMP,
        Type::Bytes => DeltaType::BINARY,
    }
}
