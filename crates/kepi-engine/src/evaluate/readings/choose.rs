//! One reading of each post for every way of choosing. Readings stream past; of each post those stay that some way has
//! chosen so far, so that memory is that of posts, however often they were read.

use std::{cmp::Reverse, collections::BTreeSet, ops::Range, sync::Arc};

use arrow::row::{RowConverter, SortField};
use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringViewArray,
            TimestampMicrosecondArray, new_null_array,
        },
        buffer::NullBuffer,
        compute::{cast, concat_batches, filter_record_batch, interleave},
        datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType},
    },
    catalog::streaming::StreamingTable,
    dataframe::DataFrame,
    error::{DataFusionError, Result as PlanResult},
    execution::TaskContext,
    logical_expr::{Partitioning, col},
    physical_plan::{
        ExecutionPlan, ExecutionPlanProperties, SendableRecordBatchStream, stream::RecordBatchStreamAdapter,
        streaming::PartitionStream,
    },
    prelude::SessionContext,
};
use futures::{TryStreamExt, stream};
use kepi_core::{MetricId, Result};

use crate::{
    evaluate::{
        gathered::QuickMap,
        table::failed,
        wanted::{DAY_MICROS, is_money},
    },
    formula::Selector,
};

/// One way to choose a reading of a post: the newest, or the one nearest an age, that has all of some metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) selector: Selector,
    pub(super) metrics: BTreeSet<MetricId>,
}

impl Choice {
    pub(super) fn money(&self) -> bool {
        self.metrics.iter().any(is_money)
    }
}

/// The metrics that are needed beside others.
pub(super) fn of_several(choices: &[Choice]) -> BTreeSet<MetricId> {
    let several = choices.iter().filter(|choice| choice.metrics.len() > 1);
    several.flat_map(|choice| choice.metrics.iter().cloned()).collect()
}

/// The column that counts the readings of a post that have a metric.
pub(super) fn said_name(metric: &MetricId) -> String {
    format!("said_{metric}")
}

/// A column of the reading that a choice takes.
pub(super) fn chosen_name(choice: usize, name: &str) -> String {
    format!("r{choice}_{name}")
}

/// One row per post and traffic, with the numbers of the reading of each choice. `parts` tells the rows of one post apart
/// beside its traffic, `carried` is what is the same in all its readings.
pub(super) async fn chosen(
    ctx: &SessionContext,
    joined: &DataFrame,
    parts: &[String],
    carried: &[&str],
    choices: &[Choice],
) -> Result<DataFrame> {
    let threads = ctx.state().config().target_partitions();
    let by_post = Partitioning::Hash(vec![col("account"), col("post")], threads);
    let dealt = joined.clone().repartition(by_post).map_err(failed)?;
    let plan = dealt.create_physical_plan().await.map_err(failed)?;
    let way = Arc::new(Way::new(plan.schema(), parts, carried, choices)?);
    let part = |number| {
        let of_part: Arc<dyn PartitionStream> =
            Arc::new(Part { plan: plan.clone(), number, way: way.clone() });
        of_part
    };
    let streams = (0..plan.output_partitioning().partition_count()).map(part).collect();
    let table = StreamingTable::try_new(way.schema.clone(), streams).map_err(failed)?;
    ctx.read_table(Arc::new(table)).map_err(failed)
}

/// The posts of one partition of the readings.
#[derive(Debug)]
struct Part {
    plan: Arc<dyn ExecutionPlan>,
    number: usize,
    way: Arc<Way>,
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.way.schema
    }

    fn execute(&self, ctx: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (plan, number, way) = (self.plan.clone(), self.number, self.way.clone());
        let batches = async move {
            let mut kept = Kept::new(way, MANY)?;
            let mut readings = plan.execute(number, ctx)?;
            while let Some(batch) = readings.try_next().await? {
                kept.take(batch)?;
            }
            Ok::<_, DataFusionError>(stream::iter(kept.into_batches()))
        };
        let batches = stream::once(batches).try_flatten();
        Box::pin(RecordBatchStreamAdapter::new(self.way.schema.clone(), batches))
    }
}

/// So many readings are held before those that nothing chose are let go.
const MANY: usize = 1 << 17;

/// Posts of one batch of the result.
const STEP: usize = 8192;

/// What is read and what is made of it.
#[derive(Debug)]
struct Way {
    choices: Vec<Chosen>,
    /// The columns that tell rows apart.
    keys: Vec<usize>,
    at: usize,
    observed: usize,
    /// When a post was published; only where an age is asked for.
    born: Option<usize>,
    /// The metrics whose readings are counted.
    said: Vec<usize>,
    /// The columns of the result, in its order.
    columns: Vec<Column>,
    input: SchemaRef,
    schema: SchemaRef,
}

#[derive(Debug)]
struct Chosen {
    age: Option<Age>,
    metrics: Vec<usize>,
    names: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
struct Age {
    micros: i64,
    /// ± the greater of a day and 15 % of the age.
    tolerance: i64,
}

impl Age {
    fn of(days: u16) -> Self {
        let micros = i64::from(days) * DAY_MICROS;
        Self { micros, tolerance: (micros * 15 / 100).max(DAY_MICROS) }
    }

    /// How far a reading is from the moment at which its post was so old.
    fn distance(self, born: i64, at: i64) -> i64 {
        (at - born - self.micros).abs()
    }
}

/// Where a column of the result comes from.
#[derive(Debug, Clone, Copy)]
enum Column {
    /// The same in all readings of the post.
    Carried(usize),
    /// When the newest reading was.
    Newest,
    /// How many readings have a metric.
    Said(usize),
    /// A column of the chosen reading.
    Of(usize, usize),
    /// Likewise, a flag as 0 or 1.
    Flag(usize, usize),
    /// Whether the platform counts one of the metrics no further, from the column of flags.
    Capped(usize, usize),
}

impl Way {
    fn new(input: SchemaRef, parts: &[String], carried: &[&str], choices: &[Choice]) -> Result<Self> {
        let place = |name: &str| input.index_of(name).map_err(failed);
        let mut keys = vec![place("account")?, place("post")?, place("traffic")?];
        for part in parts {
            keys.push(place(part)?);
        }
        let (at, observed) = (place("at")?, place("observed_at")?);
        let (provisional, flags) = (place("provisional")?, place("flags")?);
        let mut made = Made { input: &input, fields: Vec::new(), columns: Vec::new() };
        for place in keys.iter().copied() {
            made.like(place, input.field(place).name().clone(), Column::Carried(place));
        }
        for name in carried {
            let place = place(name)?;
            made.like(place, (*name).to_owned(), Column::Carried(place));
        }
        made.like(at, "newest".to_owned(), Column::Newest);
        let mut said = Vec::new();
        for metric in of_several(choices) {
            made.whole(said_name(&metric), Column::Said(said.len()));
            said.push(place(metric.as_str())?);
        }
        let mut ways = Vec::new();
        for (number, choice) in choices.iter().enumerate() {
            let age = if let Selector::Age(days) = choice.selector { Some(Age::of(days)) } else { None };
            let metrics: Vec<usize> =
                choice.metrics.iter().map(|metric| place(metric.as_str())).collect::<Result<_>>()?;
            for metric in metrics.iter().copied() {
                let name = chosen_name(number, input.field(metric).name());
                made.like(metric, name, Column::Of(number, metric));
            }
            made.like(at, chosen_name(number, "at"), Column::Of(number, at));
            made.like(observed, chosen_name(number, "observed"), Column::Of(number, observed));
            made.whole(chosen_name(number, "provisional"), Column::Flag(number, provisional));
            made.whole(chosen_name(number, "capped"), Column::Capped(number, flags));
            if choice.money() {
                let currency = place("currency")?;
                made.like(currency, chosen_name(number, "currency"), Column::Of(number, currency));
            }
            let names = choice.metrics.iter().map(ToString::to_string).collect();
            ways.push(Chosen { age, metrics, names });
        }
        let aged = ways.iter().any(|way| way.age.is_some());
        let born = aged.then(|| place("p_at")).transpose()?;
        let Made { fields, columns, .. } = made;
        let schema = Arc::new(Schema::new(fields));
        Ok(Self { choices: ways, keys, at, observed, born, said, columns, input, schema })
    }
}

struct Made<'a> {
    input: &'a Schema,
    fields: Vec<Field>,
    columns: Vec<Column>,
}

impl Made<'_> {
    fn like(&mut self, place: usize, name: String, column: Column) {
        self.fields.push(Field::new(name, self.input.field(place).data_type().clone(), true));
        self.columns.push(column);
    }

    fn whole(&mut self, name: String, column: Column) {
        self.fields.push(Field::new(name, DataType::Int64, true));
        self.columns.push(column);
    }
}

/// The number of a row that is kept; [`NONE`] where nothing was chosen.
type Place = u32;
const NONE: Place = Place::MAX;

/// Readings that some choice has taken so far.
struct Kept {
    way: Arc<Way>,
    converter: RowConverter,
    posts: QuickMap<Box<[u8]>, u32>,
    batches: Vec<RecordBatch>,
    /// When each row was read, and when we read it.
    order: Vec<(i64, i64)>,
    /// A row of each post.
    any: Vec<Place>,
    newest: Vec<i64>,
    said: Vec<Vec<i64>>,
    /// The row that each choice has taken of each post.
    best: Vec<Vec<Place>>,
    many: usize,
    limit: usize,
}

impl Kept {
    fn new(way: Arc<Way>, many: usize) -> PlanResult<Self> {
        let of_type = |place: &usize| SortField::new(way.input.field(*place).data_type().clone());
        let converter = RowConverter::new(way.keys.iter().map(of_type).collect())?;
        let (said, best) = (vec![Vec::new(); way.said.len()], vec![Vec::new(); way.choices.len()]);
        Ok(Self {
            way,
            converter,
            posts: QuickMap::default(),
            batches: Vec::new(),
            order: Vec::new(),
            any: Vec::new(),
            newest: Vec::new(),
            said,
            best,
            many,
            limit: many,
        })
    }

    fn take(&mut self, batch: RecordBatch) -> PlanResult<()> {
        let way = self.way.clone();
        let first = self.order.len();
        let (at, observed) = (instants(&batch, way.at), instants(&batch, way.observed));
        self.order.extend(at.iter().zip(&observed).map(|(at, observed)| (*at, *observed)));
        let posts = self.posts_of(&batch)?;
        for (post, at) in posts.iter().zip(&at) {
            let newest = &mut self.newest[*post as usize];
            *newest = (*newest).max(*at);
        }
        for (counts, metric) in self.said.iter_mut().zip(&way.said) {
            let told = batch.column(*metric).logical_nulls();
            for (row, post) in posts.iter().enumerate() {
                counts[*post as usize] += i64::from(told.as_ref().is_none_or(|told| told.is_valid(row)));
            }
        }
        let born = way.born.map(|place| batch.column(place).as_primitive::<TimestampMicrosecondType>());
        for (best, choice) in self.best.iter_mut().zip(&way.choices) {
            let told = choice
                .metrics
                .iter()
                .map(|metric| batch.column(*metric).logical_nulls())
                .fold(None, |told, of_metric| NullBuffer::union(told.as_ref(), of_metric.as_ref()));
            for (row, post) in posts.iter().enumerate() {
                if told.as_ref().is_some_and(|told| told.is_null(row)) {
                    continue;
                }
                let born = born.filter(|born| born.is_valid(row)).map(|born| born.value(row));
                let nearness = match (choice.age, born) {
                    (None, _) => None,
                    (Some(age), Some(born)) if age.distance(born, at[row]) <= age.tolerance => {
                        Some((age, born))
                    }
                    (Some(_), _) => continue,
                };
                let rank = |(at, observed): (i64, i64)| {
                    (nearness.map(|(age, born)| Reverse(age.distance(born, at))), at, observed)
                };
                let chosen = &mut best[*post as usize];
                let known = self.order.get(*chosen as usize).copied();
                if known.is_none_or(|known| rank(known) < rank((at[row], observed[row]))) {
                    *chosen = place(first + row)?;
                }
            }
        }
        self.batches.push(batch);
        if self.order.len() >= self.limit {
            self.let_go()?;
        }
        Ok(())
    }

    /// The number of the post of each row; those that are new get one.
    fn posts_of(&mut self, batch: &RecordBatch) -> PlanResult<Vec<u32>> {
        let first = self.order.len() - batch.num_rows();
        let keys: Vec<ArrayRef> = self.way.keys.iter().map(|key| batch.column(*key).clone()).collect();
        let rows = self.converter.convert_columns(&keys)?;
        let mut posts = Vec::with_capacity(rows.num_rows());
        for (row, key) in rows.iter().enumerate() {
            let post = match self.posts.get(key.as_ref()) {
                Some(post) => *post,
                None => {
                    let post = place(self.any.len())?;
                    self.posts.insert(key.as_ref().into(), post);
                    self.any.push(place(first + row)?);
                    self.newest.push(i64::MIN);
                    self.said.iter_mut().for_each(|counts| counts.push(0));
                    self.best.iter_mut().for_each(|best| best.push(NONE));
                    post
                }
            };
            posts.push(post);
        }
        Ok(posts)
    }

    /// Lets go of the readings that nothing has chosen.
    fn let_go(&mut self) -> PlanResult<()> {
        for (post, any) in self.any.iter_mut().enumerate() {
            if let Some(chosen) = self.best.iter().map(|best| best[post]).find(|chosen| *chosen != NONE) {
                *any = chosen;
            }
        }
        let mut stays = vec![false; self.order.len()];
        for chosen in self.any.iter().chain(self.best.iter().flatten()) {
            if let Some(stays) = stays.get_mut(*chosen as usize) {
                *stays = true;
            }
        }
        let mut moved = Vec::with_capacity(stays.len());
        let mut next = 0;
        for stays in &stays {
            moved.push(next);
            next += Place::from(*stays);
        }
        let mut start = 0;
        let mut left = Vec::with_capacity(self.batches.len());
        for batch in self.batches.drain(..) {
            let end = start + batch.num_rows();
            left.push(filter_record_batch(&batch, &BooleanArray::from(stays[start..end].to_vec()))?);
            start = end;
        }
        let whole = concat_batches(&self.way.input, &left)?;
        drop(left);
        self.batches.push(owned(&whole)?);
        let mut row = stays.iter();
        self.order.retain(|_| row.next().is_some_and(|stays| *stays));
        for chosen in self.any.iter_mut().chain(self.best.iter_mut().flatten()) {
            if let Some(place) = moved.get(*chosen as usize) {
                *chosen = *place;
            }
        }
        self.limit = self.order.len() * 2 + self.many;
        Ok(())
    }

    fn into_batches(mut self) -> impl Iterator<Item = PlanResult<RecordBatch>> + Send {
        self.posts = QuickMap::default();
        let posts = self.any.len();
        (0..posts).step_by(STEP).map(move |from| self.batch(from..posts.min(from + STEP)))
    }

    fn batch(&self, posts: Range<usize>) -> PlanResult<RecordBatch> {
        let starts: Vec<usize> = self
            .batches
            .iter()
            .scan(0, |next, batch| Some(std::mem::replace(next, *next + batch.num_rows())))
            .collect();
        let located = |places: &[Place]| -> Vec<(usize, usize)> {
            places
                .iter()
                .map(|place| match *place {
                    NONE => (starts.len(), 0),
                    place => {
                        let batch = starts.partition_point(|start| *start <= place as usize) - 1;
                        (batch, place as usize - starts[batch])
                    }
                })
                .collect()
        };
        let any = located(&self.any[posts.clone()]);
        let best: Vec<_> = self.best.iter().map(|best| located(&best[posts.clone()])).collect();
        let columns = self
            .way
            .columns
            .iter()
            .zip(self.way.schema.fields())
            .map(|(column, field)| {
                Ok(match *column {
                    Column::Carried(place) => self.pick(place, &any)?,
                    Column::Newest => {
                        let newest = TimestampMicrosecondArray::from(self.newest[posts.clone()].to_vec());
                        cast(&newest, field.data_type())?
                    }
                    Column::Said(metric) => {
                        Arc::new(Int64Array::from(self.said[metric][posts.clone()].to_vec()))
                    }
                    Column::Of(choice, place) => self.pick(place, &best[choice])?,
                    Column::Flag(choice, place) => cast(&self.pick(place, &best[choice])?, &DataType::Int64)?,
                    Column::Capped(choice, flags) => {
                        let flags = cast(&self.pick(flags, &best[choice])?, &DataType::Utf8View)?;
                        capped(flags.as_string_view(), &best[choice], starts.len(), &self.way.choices[choice])
                    }
                })
            })
            .collect::<PlanResult<Vec<ArrayRef>>>()?;
        Ok(RecordBatch::try_new(self.way.schema.clone(), columns)?)
    }

    /// The values of a column in rows of the kept batches; null where the batch is the one after the last.
    fn pick(&self, column: usize, rows: &[(usize, usize)]) -> PlanResult<ArrayRef> {
        let nothing = new_null_array(self.way.input.field(column).data_type(), 1);
        let mut arrays: Vec<&dyn Array> =
            self.batches.iter().map(|batch| batch.column(column).as_ref()).collect();
        arrays.push(&nothing);
        Ok(interleave(&arrays, rows)?)
    }
}

fn place(row: usize) -> PlanResult<Place> {
    let full = || DataFusionError::ResourcesExhausted("more readings than can be numbered".to_owned());
    Place::try_from(row).ok().filter(|place| *place != NONE).ok_or_else(full)
}

/// The instants of a column; what is null counts as before all.
fn instants(batch: &RecordBatch, column: usize) -> Vec<i64> {
    let values = batch.column(column).as_primitive::<TimestampMicrosecondType>();
    values.iter().map(|value| value.unwrap_or(i64::MIN)).collect()
}

/// Whether the flags of rows, `metric=word,word;metric=word`, say that one of the metrics is capped; null where nothing
/// was chosen.
fn capped(flags: &StringViewArray, rows: &[(usize, usize)], nothing: usize, choice: &Chosen) -> ArrayRef {
    let is_capped = |flag: &str| {
        flag.split_once('=').is_some_and(|(metric, words)| {
            choice.names.iter().any(|name| name == metric) && words.split(',').any(|word| word == "capped")
        })
    };
    let told = |(flags, (batch, _)): (Option<&str>, &(usize, usize))| {
        (*batch != nothing).then(|| i64::from(flags.is_some_and(|flags| flags.split(';').any(is_capped))))
    };
    Arc::new(flags.iter().zip(rows).map(told).collect::<Int64Array>())
}

/// The batch with texts of its own: views would hold on to all that the rows which are gone had.
fn owned(batch: &RecordBatch) -> PlanResult<RecordBatch> {
    let columns = batch.columns().iter().map(|column| match column.as_string_view_opt() {
        Some(texts) => Arc::new(texts.gc()) as ArrayRef,
        None => column.clone(),
    });
    Ok(RecordBatch::try_new(batch.schema(), columns.collect())?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use datafusion::arrow::array::{Date32Array, StringArray};

    use super::*;

    const HOUR: i64 = 3_600_000_000;

    /// A reading of a post: which, when it was read, when we read it, likes and impressions.
    type Reading = (usize, i64, i64, Option<i64>, Option<i64>);

    /// Readings of few posts in no order, some without one of the numbers.
    fn readings() -> Vec<Reading> {
        let mut state = 7_u64;
        let mut next = |most: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i64::try_from((state >> 33) % most).unwrap()
        };
        let mut reading = |number: i64| {
            let (post, at) = (usize::try_from(next(9)).unwrap(), next(24 * 20) * HOUR);
            let told = |of: i64, number: i64| (of > 0).then_some(number);
            let (likes, impressions) = (told(next(4), number), told(next(3), 10 * number));
            (post, at, at + next(3) * HOUR, likes, impressions)
        };
        let mut readings: Vec<Reading> = (1..600).map(&mut reading).collect();
        readings.sort_by_key(|(post, at, observed, ..)| (*post, *at, *observed));
        readings.dedup_by_key(|(post, at, observed, ..)| (*post, *at, *observed));
        readings.sort_by_key(|(_, _, _, likes, impressions)| (*likes, *impressions));
        readings
    }

    fn batch(readings: &[Reading]) -> RecordBatch {
        let instants = |of: &dyn Fn(&Reading) -> i64| -> ArrayRef {
            Arc::new(
                TimestampMicrosecondArray::from_iter_values(readings.iter().map(of)).with_timezone("UTC"),
            )
        };
        let texts = |of: &dyn Fn(&Reading) -> String| -> ArrayRef {
            Arc::new(StringViewArray::from_iter_values(readings.iter().map(of)))
        };
        let flags = readings.iter().map(|(_, at, ..)| (at % (2 * HOUR) == 0).then_some("likes=capped,late"));
        RecordBatch::try_from_iter_with_nullable([
            ("account", texts(&|_| "x/a".to_owned()), false),
            ("post", texts(&|(post, ..)| format!("post {post}, which has a long name")), false),
            ("traffic", texts(&|_| "total".to_owned()), false),
            ("p_day", Arc::new(Date32Array::from(vec![0; readings.len()])) as ArrayRef, true),
            ("p_at", instants(&|_| 0), true),
            ("at", instants(&|(_, at, ..)| *at), true),
            ("observed_at", instants(&|(_, _, observed, ..)| *observed), false),
            ("provisional", Arc::new(BooleanArray::from(vec![true; readings.len()])) as ArrayRef, false),
            ("flags", Arc::new(flags.collect::<StringArray>()) as ArrayRef, true),
            (
                "likes",
                Arc::new(readings.iter().map(|reading| reading.3).collect::<Int64Array>()) as ArrayRef,
                true,
            ),
            (
                "impressions",
                Arc::new(readings.iter().map(|reading| reading.4).collect::<Int64Array>()) as ArrayRef,
                true,
            ),
        ])
        .unwrap()
    }

    fn choices() -> Vec<Choice> {
        let of = |selector, metrics: &[&'static str]| Choice {
            selector,
            metrics: metrics.iter().map(|metric| MetricId::from_static(metric)).collect(),
        };
        vec![
            of(Selector::Newest, &["likes"]),
            of(Selector::Newest, &["likes", "impressions"]),
            of(Selector::Age(7), &["impressions"]),
        ]
    }

    /// What is chosen when so many readings are held at most, by post: its columns as text.
    fn chosen_of(readings: &[Reading], many: usize) -> BTreeMap<String, Vec<String>> {
        let schema = batch(readings).schema();
        let way = Arc::new(Way::new(schema, &[], &["p_day"], &choices()).unwrap());
        let mut kept = Kept::new(way.clone(), many).unwrap();
        for part in readings.chunks(50) {
            kept.take(batch(part)).unwrap();
            assert!(kept.order.len() <= 50 + many + 2 * 9 * 4, "{} of {many}", kept.order.len());
        }
        let mut posts = BTreeMap::new();
        for batch in kept.into_batches() {
            let batch = batch.unwrap();
            let texts: Vec<StringArray> = batch
                .columns()
                .iter()
                .map(|column| cast(column, &DataType::Utf8).unwrap().as_string::<i32>().clone())
                .collect();
            for row in 0..batch.num_rows() {
                let values = texts.iter().map(|text| if text.is_null(row) { "-" } else { text.value(row) });
                posts.insert(texts[1].value(row).to_owned(), values.map(str::to_owned).collect());
            }
        }
        posts
    }

    #[test]
    fn it_is_the_same_however_much_is_let_go() {
        let readings = readings();
        assert_eq!(chosen_of(&readings, 1), chosen_of(&readings, MANY));
    }

    #[test]
    fn the_chosen_reading_is_the_first_of_those_that_have_all() {
        let readings = readings();
        let found = chosen_of(&readings, 1);
        assert_eq!(found.len(), 9);
        for (post, values) in found {
            let of_post = |(number, ..): &&Reading| post.starts_with(&format!("post {number},"));
            let own: Vec<&Reading> = readings.iter().filter(of_post).collect();
            let newest = |has: &dyn Fn(&Reading) -> bool| {
                own.iter()
                    .filter(|reading| has(reading))
                    .max_by_key(|reading| (reading.1, reading.2))
                    .unwrap()
            };
            let text = |number: Option<i64>| number.map_or("-".to_owned(), |number| number.to_string());
            let likes = newest(&|reading| reading.3.is_some());
            let both = newest(&|reading| reading.3.is_some() && reading.4.is_some());
            let aged = own
                .iter()
                .filter(|reading| {
                    reading.4.is_some() && (reading.1 - 7 * DAY_MICROS).abs() <= 7 * DAY_MICROS * 15 / 100
                })
                .min_by_key(|reading| ((reading.1 - 7 * DAY_MICROS).abs(), Reverse((reading.1, reading.2))));
            // account, post, traffic, day, newest, said ×2, likes, at, observed, provisional, capped, …
            assert_eq!(values[7], text(likes.3), "{post}");
            assert_eq!(values[11], i64::from(likes.1 % (2 * HOUR) == 0).to_string(), "{post}");
            assert_eq!([&values[12], &values[13]], [&text(both.4), &text(both.3)], "{post}");
            assert_eq!(values[18], text(aged.and_then(|reading| reading.4)), "{post}");
            let said = own.iter().filter(|reading| reading.3.is_some()).count();
            assert_eq!(values[6], said.to_string(), "{post}");
        }
    }
}
