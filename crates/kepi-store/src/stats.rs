//! What is known of a data file without opening it: least and greatest key values, as Delta keeps them.

use std::collections::HashMap;

use arrow::{
    array::{Array, AsArray, RecordBatch},
    compute,
    datatypes::{DataType, Date32Type, Int64Type, TimestampMicrosecondType},
};
use jiff::{Timestamp, civil::Date};
use serde_json::{Map, Value};
use smol_str::SmolStr;

use crate::value::{date_of, days_of};

/// The columns of which least and greatest values are kept: what files are skipped by.
const KEPT: [&str; 24] = [
    "platform",
    "account",
    "post",
    "subject",
    "subject_kind",
    "segment_dimension",
    "metric",
    "window",
    "day",
    "end_day",
    "at",
    "traffic",
    "provenance",
    "method",
    "published_day",
    "rank",
    "observed_at",
    "recorded_at",
    "superseded_at",
    "stream",
    "sequence",
    "digest",
    "kpi",
    "run",
];

/// Longer texts are not kept: they would swell the log.
const LONGEST: usize = 128;

/// One end of a range. Dates are days since 1970, instants microseconds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bound {
    Int(i64),
    Text(SmolStr),
}

/// Ranges by column. A column that is missing may hold anything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stats {
    ranges: HashMap<SmolStr, (Bound, Bound)>,
}

impl Stats {
    /// The ranges of a batch, and the text that Delta's log keeps of them.
    pub(crate) fn of(batch: &RecordBatch) -> (Self, String) {
        let mut stats = Self::default();
        let (mut least, mut greatest, mut nulls) = (Map::new(), Map::new(), Map::new());
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            if !KEPT.contains(&field.name().as_str()) {
                continue;
            }
            nulls.insert(field.name().clone(), array.null_count().into());
            let Some((min, max)) = range(array) else { continue };
            least.insert(field.name().clone(), written(&min, field.data_type()));
            greatest.insert(field.name().clone(), written(&max, field.data_type()));
            stats.ranges.insert(SmolStr::new(field.name()), (min, max));
        }
        let text = serde_json::json!({
            "numRecords": batch.num_rows(), "minValues": least, "maxValues": greatest, "nullCount": nulls,
        });
        (stats, text.to_string())
    }

    /// Reads the text of a log: the ranges and the number of rows.
    pub(crate) fn parse(text: Option<&str>) -> (Self, Option<u64>) {
        let Some(Ok(Value::Object(json))) = text.map(serde_json::from_str) else {
            return (Self::default(), None);
        };
        let rows = json.get("numRecords").and_then(Value::as_u64);
        let side = |name: &str| json.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let greatest = side("maxValues");
        let ranges = side("minValues")
            .iter()
            .filter_map(|(name, min)| {
                Some((SmolStr::new(name), (read(name, min)?, read(name, greatest.get(name)?)?)))
            })
            .collect();
        (Self { ranges }, rows)
    }

    /// The range of a column.
    pub(crate) fn range(&self, column: &str) -> Option<&(Bound, Bound)> {
        self.ranges.get(column)
    }

    /// Whether a text may stand in a column.
    pub(crate) fn may_hold(&self, column: &str, text: &str) -> bool {
        match self.ranges.get(column) {
            Some((Bound::Text(min), Bound::Text(max))) => min.as_str() <= text && text <= max.as_str(),
            _ => true,
        }
    }

    /// Whether a text in a column may begin so.
    pub(crate) fn may_begin(&self, column: &str, text: &str) -> bool {
        match self.ranges.get(column) {
            Some((Bound::Text(min), Bound::Text(max))) => {
                max.as_str() >= text && (min.as_str() <= text || min.starts_with(text))
            }
            _ => true,
        }
    }

    /// Whether a column may hold a number (a date, an instant) within a range, both ends included.
    pub(crate) fn may_meet(&self, column: &str, from: i64, to: i64) -> bool {
        match self.ranges.get(column) {
            Some((Bound::Int(min), Bound::Int(max))) => *min <= to && from <= *max,
            _ => true,
        }
    }

    /// The greatest number of a column.
    pub(crate) fn max_int(&self, column: &str) -> Option<i64> {
        match self.ranges.get(column) {
            Some((_, Bound::Int(max))) => Some(*max),
            _ => None,
        }
    }
}

fn range(array: &dyn Array) -> Option<(Bound, Bound)> {
    match array.data_type() {
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            let (min, max) = (compute::min_string(texts)?, compute::max_string(texts)?);
            let short = min.len() <= LONGEST && max.len() <= LONGEST;
            short.then(|| (Bound::Text(min.into()), Bound::Text(max.into())))
        }
        DataType::Int64 => {
            let numbers = array.as_primitive::<Int64Type>();
            Some((Bound::Int(compute::min(numbers)?), Bound::Int(compute::max(numbers)?)))
        }
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>();
            Some((Bound::Int(compute::min(days)?.into()), Bound::Int(compute::max(days)?.into())))
        }
        DataType::Timestamp(..) => {
            let instants = array.as_primitive::<TimestampMicrosecondType>();
            Some((Bound::Int(compute::min(instants)?), Bound::Int(compute::max(instants)?)))
        }
        _ => None,
    }
}

fn written(bound: &Bound, ty: &DataType) -> Value {
    match (bound, ty) {
        (Bound::Text(text), _) => text.as_str().into(),
        (Bound::Int(days), DataType::Date32) => {
            date_of(i32::try_from(*days).unwrap_or_default()).to_string().into()
        }
        (Bound::Int(micros), DataType::Timestamp(..)) => {
            Timestamp::from_microsecond(*micros).unwrap_or_default().to_string().into()
        }
        (Bound::Int(number), _) => (*number).into(),
    }
}

fn read(name: &str, value: &Value) -> Option<Bound> {
    match value {
        Value::Number(number) => number.as_i64().map(Bound::Int),
        Value::String(text) if matches!(name, "day" | "end_day" | "published_day") => {
            text.parse::<Date>().ok().map(|date| Bound::Int(days_of(date).into()))
        }
        Value::String(text) if name == "at" || name.ends_with("_at") => {
            text.parse::<Timestamp>().ok().map(|at| Bound::Int(at.as_microsecond()))
        }
        Value::String(text) => Some(Bound::Text(text.into())),
        _ => None,
    }
}
