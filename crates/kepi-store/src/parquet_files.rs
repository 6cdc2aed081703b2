//! Data files: batches to Parquet and back.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use arrow::{
    array::{RecordBatch, new_null_array},
    compute::{self, SortColumn, SortOptions},
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use bytes::Bytes;
use deltalake::kernel::Add;
use futures::{FutureExt, TryStreamExt, future::BoxFuture};
use kepi_core::Result;
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use parquet::{
    arrow::{
        ArrowWriter, ParquetRecordBatchStreamBuilder, ProjectionMask, arrow_reader::ArrowReaderOptions,
        async_reader::AsyncFileReader,
    },
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::{ParquetMetaData, ParquetMetaDataReader},
        properties::{EnabledStatistics, WriterProperties},
    },
    schema::types::ColumnPath,
};
use uuid::Uuid;

use crate::{
    fail::Fail,
    log::{DataFile, NewFile, TableLog},
    makers,
    options::StoreOptions,
    schema::TableSchema,
    stats::Stats,
    subjects::{self, Hashes},
};

/// A partition: its columns with their values, in the table's order.
pub(crate) type Partition = Vec<(&'static str, String)>;

/// The partition of facts of a month.
pub(crate) fn month_partition(current: bool, month: &str) -> Partition {
    vec![("current", current.to_string()), ("month", month.to_owned())]
}

/// Writes rows of one partition, sorted, as one or more files that no commit names yet.
pub(crate) async fn write(
    table: &TableLog,
    partition: &Partition,
    batches: Vec<RecordBatch>,
    order: &[&'static str],
) -> Result<Vec<NewFile>> {
    let (schema, options) = (table.schema.clone(), table.options.clone());
    let order = order.to_vec();
    let encoded = makers::begin(move || encode(&schema, batches, &order, &options)).made().await?;
    let mut files = Vec::new();
    for file in encoded {
        files.push(put(table, partition, file).await?);
    }
    Ok(files)
}

/// Writes a file where a later commit can name it.
pub(crate) async fn put(table: &TableLog, partition: &Partition, file: Encoded) -> Result<NewFile> {
    let Encoded { bytes, packing, stats, posts } = file;
    let folder: String = partition.iter().map(|(column, value)| format!("{column}={value}/")).collect();
    let path = format!("{folder}part-{}.{}.parquet", Uuid::now_v7(), packing.word());
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    table.put(&path, bytes).await?;
    if let Some(posts) = posts {
        table.subjects.insert(&path, Arc::new(posts));
    }
    Ok(NewFile {
        add: Add {
            path,
            partition_values: partition
                .iter()
                .map(|(column, value)| ((*column).to_owned(), Some(value.clone())))
                .collect(),
            size,
            modification_time: (table.options.clock)().as_millisecond(),
            data_change: true,
            stats: Some(stats),
            ..Add::default()
        },
    })
}

/// A file before it has a name.
#[derive(Debug)]
pub(crate) struct Encoded {
    bytes: Bytes,
    packing: Packing,
    stats: String,
    posts: Option<Hashes>,
}

/// How the columns of a file are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Packing {
    Snappy,
    Zstd,
}

/// Files of fewer rows are merged into larger ones before long.
const FEW: usize = 32_768;

impl Packing {
    /// Zstd packs closer, but each column makes working memory of its own for it, which costs a file of few rows more
    /// than all the rest of its making.
    fn of(rows: usize) -> Self {
        if rows < FEW { Self::Snappy } else { Self::Zstd }
    }

    /// What the names of files say.
    fn word(self) -> &'static str {
        match self {
            Self::Snappy => "snappy",
            Self::Zstd => "zstd",
        }
    }
}

impl From<Packing> for Compression {
    fn from(packing: Packing) -> Self {
        match packing {
            Packing::Snappy => Self::SNAPPY,
            // Its level is the lowest.
            Packing::Zstd => Self::ZSTD(ZstdLevel::default()),
        }
    }
}

/// Rows of one partition, sorted, as one or more files.
pub(crate) fn encode(
    schema: &TableSchema,
    batches: Vec<RecordBatch>,
    order: &[&str],
    options: &StoreOptions,
) -> Result<Vec<Encoded>> {
    let whole = joined(schema, &batches)?;
    // A compaction holds many rows: no more of their copies than must be.
    drop(batches);
    let whole = sorted(whole, order)?;
    let files = whole.num_rows().div_ceil(options.file_rows.max(1)).max(1);
    let rows = whole.num_rows().div_ceil(files).max(1);
    let mut encoded = Vec::new();
    for start in (0..whole.num_rows()).step_by(rows) {
        let part = whole.slice(start, rows.min(whole.num_rows() - start));
        let part = told(&part)?;
        let (_, stats) = Stats::of(&part);
        let posts = subjects::are_kept(schema.table.name).then(|| Hashes::of_batch(&part)).transpose()?;
        let packing = Packing::of(part.num_rows());
        let bytes = to_parquet(schema, &part, options.row_group_rows, packing)?;
        encoded.push(Encoded { bytes, packing, stats, posts });
    }
    Ok(encoded)
}

/// Batches, each with some of the table's columns, as one with all that any has.
pub(crate) fn joined(schema: &TableSchema, batches: &[RecordBatch]) -> Result<RecordBatch> {
    if let [only] = batches {
        return Ok(only.clone());
    }
    let batches = alike(schema, batches)?;
    let fields = batches.first().map_or_else(|| schema.file.clone(), RecordBatch::schema);
    compute::concat_batches(&fields, &batches).at("join batches")
}

/// Batches, each with some of the table's columns, with all that any of them has.
pub(crate) fn alike(schema: &TableSchema, batches: &[RecordBatch]) -> Result<Vec<RecordBatch>> {
    let any = |field: &&Arc<Field>| batches.iter().any(|batch| batch.column_by_name(field.name()).is_some());
    let fields: Vec<Arc<Field>> = schema.file.fields().iter().filter(any).cloned().collect();
    let union = Arc::new(Schema::new(fields));
    batches.iter().map(|batch| fitted(batch, &union)).collect()
}

/// The batch without columns that are null in every row. Files have only columns that tell something: a reader
/// takes the others for null, and the tables have many metrics of which a source tells a few.
fn told(batch: &RecordBatch) -> Result<RecordBatch> {
    let tells = |place: &usize| {
        let field = batch.schema_ref().field(*place);
        !field.is_nullable() || batch.column(*place).null_count() < batch.num_rows()
    };
    let places: Vec<usize> = (0..batch.num_columns()).filter(tells).collect();
    batch.project(&places).at("write a data file")
}

fn sorted(batch: RecordBatch, order: &[&str]) -> Result<RecordBatch> {
    let by: Vec<SortColumn> = order
        .iter()
        .filter_map(|name| batch.column_by_name(name))
        .map(|values| SortColumn { values: values.clone(), options: Some(SortOptions::default()) })
        .collect();
    if by.is_empty() || batch.num_rows() < 2 {
        return Ok(batch);
    }
    let places = compute::lexsort_to_indices(&by, None).at("sort rows")?;
    if places.values().windows(2).all(|pair| pair[0] < pair[1]) {
        return Ok(batch);
    }
    compute::take_record_batch(&batch, &places).at("sort rows")
}

fn to_parquet(
    schema: &TableSchema,
    batch: &RecordBatch,
    group_rows: usize,
    packing: Packing,
) -> Result<Bytes> {
    let mut bytes = Vec::new();
    let properties = properties(schema, group_rows, packing);
    let mut writer =
        ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).at("write a data file")?;
    writer.write(batch).at("write a data file")?;
    writer.close().at("write a data file")?;
    Ok(bytes.into())
}

/// Head columns of texts repeat and are kept as dictionaries; only head columns have ranges; bodies are
/// compressed already.
fn properties(schema: &TableSchema, group_rows: usize, packing: Packing) -> WriterProperties {
    type Of = (&'static str, usize, Packing);
    static MADE: LazyLock<Mutex<HashMap<Of, WriterProperties>>> = LazyLock::new(Mutex::default);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    made.entry((schema.table.name, group_rows, packing))
        .or_insert_with(|| make_properties(schema, group_rows, packing))
        .clone()
}

fn make_properties(schema: &TableSchema, group_rows: usize, packing: Packing) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(packing.into())
        .set_max_row_group_row_count(Some(group_rows.max(1)))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_dictionary_enabled(false)
        .set_created_by("kepi".to_owned());
    for (place, field) in schema.file.fields().iter().enumerate() {
        let column = ColumnPath::from(field.name().as_str());
        let head = place < schema.head;
        let bulk = matches!(field.name().as_str(), "body" | "text" | "raw" | "row" | "detail");
        if head && !bulk {
            properties = properties.set_column_statistics_enabled(column.clone(), EnabledStatistics::Chunk);
        }
        let unique = matches!(field.name().as_str(), "post" | "digest" | "url" | "title" | "job" | "request");
        if head && !bulk && !unique && field.data_type() != &DataType::Boolean {
            properties = properties.set_column_dictionary_enabled(column.clone(), true);
        }
        if field.name() == "body" {
            properties = properties.set_column_compression(column, Compression::UNCOMPRESSED);
        }
    }
    properties.build()
}

/// Reads columns of a file (all of them when none is named). Metrics that the file does not have are left out,
/// other columns are null then.
pub(crate) async fn read(
    table: &TableLog,
    file: &DataFile,
    columns: Option<&[&str]>,
) -> Result<Vec<RecordBatch>> {
    let reader = Ranges { files: table.files(), path: Path::from(file.path.as_str()), size: file.size };
    let named = |error: kepi_core::Error| error.with("table", table.name()).with("file", &file.path);
    let builder = ParquetRecordBatchStreamBuilder::new(reader).await.at("open a data file").map_err(named)?;
    let stored = builder.schema().clone();
    let wanted = wanted(&table.schema, columns, |name| stored.index_of(name).is_ok());
    let places =
        wanted.fields().iter().filter_map(|field| stored.index_of(field.name()).ok()).collect::<Vec<_>>();
    let mask = ProjectionMask::roots(builder.parquet_schema(), places);
    let stream = builder
        .with_projection(mask)
        .with_batch_size(usize::MAX >> 1)
        .build()
        .at("open a data file")
        .map_err(named)?;
    let batches: Vec<RecordBatch> = stream.try_collect().await.at("read a data file").map_err(named)?;
    batches.iter().map(|batch| fitted(batch, &wanted)).collect()
}

/// Reads ranges of one file.
struct Ranges {
    files: Arc<dyn ObjectStore>,
    path: Path,
    size: u64,
}

/// Footers of the widest tables fit in so many bytes, so that one request fetches them.
const FOOTER: usize = 64 << 10;

impl AsyncFileReader for Ranges {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        async move { self.files.get_range(&self.path, range).await.map_err(failed) }.boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move { self.files.get_ranges(&self.path, &ranges).await.map_err(failed) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        async move {
            let size = self.size;
            let reader = ParquetMetaDataReader::new()
                .with_arrow_reader_options(options)
                .with_prefetch_hint(Some(FOOTER));
            Ok(Arc::new(reader.load_and_finish(self, size).await?))
        }
        .boxed()
    }
}

fn failed(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

fn wanted(schema: &TableSchema, columns: Option<&[&str]>, stored: impl Fn(&str) -> bool) -> SchemaRef {
    let asked = |name: &str| columns.is_none_or(|columns| columns.contains(&name));
    let fields: Vec<Arc<Field>> = schema
        .file
        .fields()
        .iter()
        .enumerate()
        .filter(|(place, field)| asked(field.name()) && (*place < schema.head || stored(field.name())))
        .map(|(_, field)| field.clone())
        .collect();
    Arc::new(Schema::new(fields))
}

/// The batch with exactly the wanted columns.
fn fitted(batch: &RecordBatch, wanted: &SchemaRef) -> Result<RecordBatch> {
    let columns = wanted
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Ok(column.clone()),
            Some(column) => compute::cast(column, field.data_type()).at("read a data file"),
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        })
        .collect::<Result<_>>()?;
    RecordBatch::try_new(wanted.clone(), columns).at("read a data file")
}

/// All rows of a file as one batch.
pub(crate) async fn read_whole(
    table: &TableLog,
    file: &DataFile,
    columns: Option<&[&str]>,
) -> Result<RecordBatch> {
    let batches = read(table, file, columns).await?;
    if batches.is_empty() {
        let schema = wanted(&table.schema, columns, |_| false);
        return Ok(RecordBatch::new_empty(schema));
    }
    joined(&table.schema, &batches)
}
