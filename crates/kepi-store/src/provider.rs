//! A table as DataFusion reads it: the files of one snapshot, those that cannot matter left out.

use std::{fmt, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, BooleanArray, RecordBatch, UInt64Array},
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{Column, DFSchema, ScalarValue, Statistics, pruning::PruningStatistics, stats::Precision},
    datasource::{
        TableType,
        file_format::{FileFormat, parquet::ParquetFormat},
        listing::PartitionedFile,
        physical_plan::{FileGroup, FileScanConfigBuilder},
        table_schema::TableSchema as ScanSchema,
    },
    error::Result,
    execution::{context::ExecutionProps, object_store::ObjectStoreUrl},
    logical_expr::{
        BinaryExpr, Expr, TableProviderFilterPushDown, expr_rewriter::unnormalize_col,
        physical_planning_context::PhysicalPlanningContext, utils::conjunction,
    },
    physical_expr::create_physical_expr,
    physical_optimizer::pruning::PruningPredicateBuilder,
    physical_plan::ExecutionPlan,
};
use object_store::{ObjectMeta, path::Path};

use crate::{
    log::{DataFile, Snapshot},
    schema::TableSchema,
    stats::Bound,
};

/// One table at one version.
pub(crate) struct StoredTable {
    table: Arc<TableSchema>,
    snapshot: Arc<Snapshot>,
    url: ObjectStoreUrl,
    root: Path,
    scan: ScanSchema,
}

impl fmt::Debug for StoredTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at version {}", self.table.table.name, self.snapshot.version)
    }
}

impl StoredTable {
    pub(crate) fn new(
        table: Arc<TableSchema>,
        snapshot: Arc<Snapshot>,
        url: ObjectStoreUrl,
        root: Path,
    ) -> Self {
        // Views of texts are cheaper to group and compare than copies.
        let view = |field: &Field| match field.data_type() {
            DataType::Utf8 => field.clone().with_data_type(DataType::Utf8View),
            DataType::Binary => field.clone().with_data_type(DataType::BinaryView),
            _ => field.clone(),
        };
        let file = Schema::new(table.file.fields().iter().map(|field| view(field)).collect::<Vec<_>>());
        let scan =
            ScanSchema::builder(Arc::new(file)).with_table_partition_cols(table.partition.clone()).build();
        Self { table, snapshot, url, root, scan }
    }

    fn partitioned(&self, file: &DataFile) -> PartitionedFile {
        let meta = ObjectMeta {
            location: file.path.split('/').fold(self.root.clone(), |path, part| path.join(part)),
            last_modified: Default::default(),
            size: file.size,
            e_tag: None,
            version: None,
        };
        let values = self.table.partition.iter().map(|field| partition_value(field, file)).collect();
        PartitionedFile::new_from_meta(meta).with_partition_values(values)
    }

    /// The files that may hold rows that pass the filters.
    fn files(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<Arc<DataFile>>> {
        let files: Vec<Arc<DataFile>> = self.snapshot.files.values().cloned().collect();
        if files.is_empty() || filters.is_empty() {
            return Ok(files);
        }
        let (exact, ranged): (Vec<Expr>, Vec<Expr>) =
            filters.iter().cloned().partition(|filter| self.is_of_partitions(filter));
        let files = match conjunction(exact) {
            Some(filter) => self.by_partition(state, &filter, files)?,
            None => files,
        };
        ranged.iter().try_fold(files, |files, filter| {
            let Some(kept) = self.by_range(filter, &files)? else { return Ok(files) };
            Ok(files.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(file, _)| file).collect())
        })
    }

    fn is_of_partitions(&self, filter: &Expr) -> bool {
        let partition =
            |column: &Column| self.table.partition.iter().any(|field| *field.name() == column.name);
        let columns = filter.column_refs();
        !columns.is_empty() && columns.iter().all(|column| partition(column)) && !filter.is_volatile()
    }

    fn by_partition(
        &self,
        state: &dyn Session,
        filter: &Expr,
        files: Vec<Arc<DataFile>>,
    ) -> Result<Vec<Arc<DataFile>>> {
        let schema = Arc::new(Schema::new(self.table.partition.clone()));
        let columns = self
            .table
            .partition
            .iter()
            .map(|field| ScalarValue::iter_to_array(files.iter().map(|file| partition_value(field, file))))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let batch = RecordBatch::try_new(schema.clone(), columns)?;
        let filter = state.create_physical_expr(filter.clone(), &DFSchema::try_from(schema)?)?;
        let passed = filter.evaluate(&batch)?.into_array(files.len())?;
        let passed = passed.as_boolean();
        let passes = |place: usize| passed.is_valid_and_true(place);
        Ok(files.into_iter().enumerate().filter(|(place, _)| passes(*place)).map(|(_, file)| file).collect())
    }

    /// Of each file, whether rows of it may pass a filter; nothing where the filter is none that ranges tell of.
    fn by_range(&self, filter: &Expr, files: &[Arc<DataFile>]) -> Result<Option<Vec<bool>>> {
        let schema = self.schema();
        let columns = DFSchema::try_from(schema.clone())?;
        let filter = create_physical_expr(
            filter,
            &columns,
            &ExecutionProps::new(),
            &PhysicalPlanningContext::default(),
        )?;
        let builder = PruningPredicateBuilder::new().with_file_schema(schema.clone());
        let Ok(predicate) = builder.try_build(filter) else { return Ok(None) };
        predicate.prune(&Ranges { files, schema: &schema }).map(Some)
    }

    /// Whether of each file all rows pass a comparison, or none: leaving files out is then all there is to do.
    fn is_of_whole_files(&self, filter: &Expr) -> Result<bool> {
        let schema = self.schema();
        let whole =
            |column: &&Column| schema.field_with_name(&column.name).is_ok_and(|field| !field.is_nullable());
        let columns = filter.column_refs();
        if columns.is_empty() || !columns.iter().all(whole) || filter.is_volatile() {
            return Ok(false);
        }
        let Some(opposite) = opposite(filter) else { return Ok(false) };
        let files: Vec<Arc<DataFile>> = self.snapshot.files.values().cloned().collect();
        let (passes, fails) = (self.by_range(filter, &files)?, self.by_range(&opposite, &files)?);
        Ok(passes
            .zip(fails)
            .is_some_and(|(passes, fails)| !passes.iter().zip(fails).any(|(pass, fail)| *pass && fail)))
    }
}

/// What holds for a row without nulls exactly if a comparison does not.
fn opposite(filter: &Expr) -> Option<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return None };
    Some(Expr::BinaryExpr(BinaryExpr::new(left.clone(), op.negate()?, right.clone())))
}

trait ValidAndTrue {
    fn is_valid_and_true(&self, row: usize) -> bool;
}

impl ValidAndTrue for BooleanArray {
    fn is_valid_and_true(&self, row: usize) -> bool {
        use arrow::array::Array;
        self.is_valid(row) && self.value(row)
    }
}

#[async_trait]
impl TableProvider for StoredTable {
    fn schema(&self) -> SchemaRef {
        self.scan.table_schema().clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| {
            let filter = unnormalize_col((*filter).clone());
            let whole = self.is_of_partitions(&filter) || self.is_of_whole_files(&filter)?;
            Ok(if whole { TableProviderFilterPushDown::Exact } else { TableProviderFilterPushDown::Inexact })
        };
        filters.iter().map(support).collect()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.files(state, filters)?;
        let format = ParquetFormat::default().with_options(state.default_table_options().parquet);
        let mut statistics = Statistics::new_unknown(self.scan.table_schema());
        let rows: u64 = files.iter().map(|file| file.rows).sum();
        statistics.num_rows = Precision::Inexact(usize::try_from(rows).unwrap_or(usize::MAX));
        let config = FileScanConfigBuilder::new(self.url.clone(), format.file_source(self.scan.clone()))
            .with_file_groups(grouped(&files, state.config().target_partitions(), |file| {
                self.partitioned(file)
            }))
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        format.create_physical_plan(state, config).await
    }
}

/// Files in groups of about the same size, one per partition of the plan.
fn grouped(
    files: &[Arc<DataFile>],
    groups: usize,
    partitioned: impl Fn(&DataFile) -> PartitionedFile,
) -> Vec<FileGroup> {
    let mut sorted: Vec<&Arc<DataFile>> = files.iter().collect();
    sorted.sort_by_key(|file| std::cmp::Reverse(file.size));
    let mut loads: Vec<(u64, Vec<PartitionedFile>)> =
        (0..groups.clamp(1, files.len().max(1))).map(|_| (0, Vec::new())).collect();
    for file in sorted {
        if let Some(lightest) = loads.iter_mut().min_by_key(|(load, _)| *load) {
            lightest.0 += file.size;
            lightest.1.push(partitioned(file));
        }
    }
    loads.into_iter().map(|(_, files)| FileGroup::new(files)).collect()
}

fn partition_value(field: &Field, file: &DataFile) -> ScalarValue {
    let value = file.partition(field.name());
    match field.data_type() {
        DataType::Boolean => ScalarValue::Boolean(value.map(|value| value == "true")),
        _ => ScalarValue::Utf8(value.map(str::to_owned)),
    }
}

/// What is known of files, as DataFusion asks for it.
struct Ranges<'a> {
    files: &'a [Arc<DataFile>],
    schema: &'a SchemaRef,
}

impl Ranges<'_> {
    fn side(&self, column: &Column, least: bool) -> Option<ArrayRef> {
        let field = self.schema.field_with_name(&column.name).ok()?;
        let null = ScalarValue::try_from(field.data_type()).ok()?;
        let of = |file: &Arc<DataFile>| {
            if file.partition.contains_key(&column.name) {
                return partition_value(field, file);
            }
            let bound = file.stats.range(&column.name).map(|(min, max)| if least { min } else { max });
            bound.and_then(|bound| scalar(bound, field.data_type())).unwrap_or_else(|| null.clone())
        };
        ScalarValue::iter_to_array(self.files.iter().map(of)).ok()
    }
}

fn scalar(bound: &Bound, ty: &DataType) -> Option<ScalarValue> {
    match (bound, ty) {
        (Bound::Text(text), DataType::Utf8View) => Some(ScalarValue::Utf8View(Some(text.to_string()))),
        (Bound::Int(number), DataType::Int64) => Some(ScalarValue::Int64(Some(*number))),
        (Bound::Int(days), DataType::Date32) => Some(ScalarValue::Date32(i32::try_from(*days).ok())),
        (Bound::Int(micros), DataType::Timestamp(_, zone)) => {
            Some(ScalarValue::TimestampMicrosecond(Some(*micros), zone.clone()))
        }
        _ => None,
    }
}

impl PruningStatistics for Ranges<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.side(column, true)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.side(column, false)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from_iter_values(self.files.iter().map(|file| file.rows))))
    }

    fn contained(&self, _: &Column, _: &std::collections::HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
