//! A small store in memory: the declared tables, filled by hand.

use std::{collections::HashMap, sync::Arc};

use datafusion::{
    arrow::{
        array::{
            ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
            RecordBatch, StringArray, TimestampMicrosecondArray,
        },
        datatypes::{DataType, Field, Schema, TimeUnit},
    },
    datasource::MemTable,
    prelude::{SessionConfig, SessionContext},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kepi_core::tables::{self, Type};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// The tables whose rows are numbers.
const FACTS: [&str; 6] =
    ["post_lifetime", "post_daily", "post_facts", "account_facts", "segment_facts", "other_facts"];

/// Tables and their rows; what a row does not say is null, or a plain default where null is not allowed.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    rows: HashMap<&'static str, Vec<Map<String, Value>>>,
}

pub(crate) fn instant(text: &str) -> Timestamp {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    whole.parse().unwrap()
}

fn platform(account: &str) -> &str {
    account.split_once('/').unwrap().0
}

fn merged(mut base: Value, more: Value) -> Map<String, Value> {
    let map = base.as_object_mut().unwrap();
    map.extend(more.as_object().unwrap().clone());
    map.clone()
}

impl World {
    pub(crate) fn add(&mut self, table: &'static str, row: Value) -> &mut Self {
        self.rows.entry(table).or_default().push(merged(json!({}), row));
        self
    }

    /// Empties a table.
    pub(crate) fn forget(&mut self, table: &'static str) -> &mut Self {
        self.rows.remove(table);
        self
    }

    pub(crate) fn account(&mut self, account: &str) -> &mut Self {
        self.add(
            "accounts",
            json!({"platform": platform(account), "account": account, "zone": "UTC", "configured": true}),
        )
    }

    pub(crate) fn post(&mut self, account: &str, post: &str, published: &str, more: Value) -> &mut Self {
        let day = instant(published).to_zoned(TimeZone::UTC).date().to_string();
        let base = json!({"platform": platform(account), "account": account, "post": post,
            "published_at": instant(published).to_string(), "published_day": day});
        let row = merged(base, more);
        self.rows.entry("posts").or_default().push(row);
        self
    }

    /// The newest reading of a post (rank 0), unless said otherwise.
    pub(crate) fn lifetime(&mut self, account: &str, post: &str, at: &str, more: Value) -> &mut Self {
        let mut row = reading(account, post, at, more);
        row.retain(|key, _| key != "window" && key != "end_day");
        self.rows.entry("post_lifetime").or_default().push(row);
        self
    }

    /// A reading of a post among the facts.
    pub(crate) fn fact(&mut self, account: &str, post: &str, at: &str, more: Value) -> &mut Self {
        let mut row = reading(account, post, at, more);
        row.remove("rank");
        self.rows.entry("post_facts").or_default().push(row);
        self
    }

    /// What happened to a post from a day to before another.
    pub(crate) fn daily(
        &mut self,
        account: &str,
        post: &str,
        (from, until): (&str, &str),
        more: Value,
    ) -> &mut Self {
        let base = json!({"platform": platform(account), "account": account, "post": post, "day": from,
            "end_day": until, "method": "difference", "observed_at": instant(until).to_string()});
        let row = merged(base, more);
        self.rows.entry("post_daily").or_default().push(row);
        self
    }

    /// What an account had or did on a day.
    pub(crate) fn day(&mut self, account: &str, day: &str, more: Value) -> &mut Self {
        let next = day.parse::<Date>().unwrap().tomorrow().unwrap().to_string();
        self.window(account, (day, &next), merged(json!({"window": "day"}), more).into())
    }

    /// What a platform aggregated over some days.
    pub(crate) fn window(&mut self, account: &str, (from, until): (&str, &str), more: Value) -> &mut Self {
        let base = json!({"platform": platform(account), "account": account, "window": "period", "day": from,
            "end_day": until, "observed_at": instant(until).to_string()});
        let row = merged(base, more);
        self.rows.entry("account_facts").or_default().push(row);
        self
    }

    /// Says of an account whether own and public numbers of it are known, as the store does when they come in.
    fn tell_sides(&self, row: &mut Map<String, Value>) {
        let account = row["account"].clone();
        let facts = FACTS.iter().filter_map(|table| self.rows.get(*table)).flatten();
        for fact in facts.filter(|fact| fact["account"] == account) {
            let public = fact.get("provenance").is_some_and(|provenance| provenance == "public");
            let column = if public { "first_public_at" } else { "first_own_at" };
            row.entry(column).or_insert_with(|| json!("2000-01-01T00:00:00Z"));
        }
    }

    /// A session over all declared tables but the rollups, which nobody adds up here.
    pub(crate) fn session(&self) -> SessionContext {
        let ctx = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
        for table in tables::ALL.into_iter().filter(|table| table.name != tables::DAILY_ROLLUP.name) {
            let mut rows = self.rows.get(table.name).cloned().unwrap_or_default();
            if table.name == tables::ACCOUNTS.name {
                rows.iter_mut().for_each(|row| self.tell_sides(row));
            }
            let rows = &rows[..];
            let columns = table.columns();
            for row in rows {
                for key in row.keys() {
                    assert!(
                        columns.iter().any(|(name, ..)| name == key),
                        "{} has no column {key}",
                        table.name
                    );
                }
            }
            let fields: Vec<Field> = columns
                .iter()
                .map(|(name, ty, nullable)| Field::new(name, data_type(*ty), *nullable))
                .collect();
            let schema = Arc::new(Schema::new(fields));
            let arrays: Vec<ArrayRef> =
                columns.iter().map(|(name, ty, nullable)| array(rows, name, *ty, *nullable)).collect();
            let batch = if rows.is_empty() {
                RecordBatch::new_empty(Arc::clone(&schema))
            } else {
                RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap()
            };
            let memory = MemTable::try_new(schema, vec![vec![batch]]).unwrap();
            ctx.register_table(table.name, Arc::new(memory)).unwrap();
        }
        ctx
    }
}

fn reading(account: &str, post: &str, at: &str, more: Value) -> Map<String, Value> {
    let at = instant(at);
    let day = at.to_zoned(TimeZone::UTC).date();
    let base = json!({"platform": platform(account), "account": account, "post": post, "at": at.to_string(),
        "window": "at", "day": day.to_string(), "end_day": day.tomorrow().unwrap().to_string(),
        "observed_at": at.to_string(), "recorded_at": at.to_string(), "rank": 0});
    merged(base, more)
}

fn data_type(ty: Type) -> DataType {
    match ty {
        Type::Text => DataType::Utf8,
        Type::Int => DataType::Int64,
        Type::Real => DataType::Float64,
        Type::Money => DataType::Decimal128(38, 6),
        Type::Flag => DataType::Boolean,
        Type::Date => DataType::Date32,
        Type::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Type::Bytes => DataType::Binary,
    }
}

fn default(name: &str, ty: Type) -> Value {
    match (name, ty) {
        ("traffic", _) => json!("organic"),
        ("provenance", _) => json!("api"),
        ("current", _) => json!(true),
        (_, Type::Text) => json!(""),
        (_, Type::Int) => json!(0),
        (_, Type::Flag) => json!(false),
        (_, Type::Date) => json!("2000-01-01"),
        (_, Type::Instant) => json!("2000-01-01T00:00:00Z"),
        _ => Value::Null,
    }
}

fn array(rows: &[Map<String, Value>], name: &str, ty: Type, nullable: bool) -> ArrayRef {
    let values: Vec<Option<Value>> = rows
        .iter()
        .map(|row| {
            let value = row.get(name).cloned().unwrap_or(Value::Null);
            if value.is_null() && !nullable {
                Some(default(name, ty))
            } else {
                Some(value).filter(|value| !value.is_null())
            }
        })
        .collect();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match ty {
        Type::Text => Arc::new(values.iter().map(|value| value.as_ref().map(text)).collect::<StringArray>()),
        Type::Int => Arc::new(
            values.iter().map(|value| value.as_ref().map(|v| v.as_i64().unwrap())).collect::<Int64Array>(),
        ),
        Type::Real => Arc::new(
            values.iter().map(|value| value.as_ref().map(|v| v.as_f64().unwrap())).collect::<Float64Array>(),
        ),
        Type::Money => {
            let scaled = |value: &Value| {
                let mut money: Decimal = text(value).parse().unwrap();
                money.rescale(6);
                money.mantissa()
            };
            let array: Decimal128Array = values.iter().map(|value| value.as_ref().map(scaled)).collect();
            Arc::new(array.with_precision_and_scale(38, 6).unwrap())
        }
        Type::Flag => Arc::new(
            values.iter().map(|value| value.as_ref().map(|v| v.as_bool().unwrap())).collect::<BooleanArray>(),
        ),
        Type::Date => {
            let epoch = Date::constant(1970, 1, 1);
            let days = |value: &Value| kepi_core::period::days_between(epoch, text(value).parse().unwrap());
            Arc::new(values.iter().map(|value| value.as_ref().map(days)).collect::<Date32Array>())
        }
        Type::Instant => {
            let micros = |value: &Value| instant(&text(value)).as_microsecond();
            let array: TimestampMicrosecondArray =
                values.iter().map(|value| value.as_ref().map(micros)).collect();
            Arc::new(array.with_timezone("UTC"))
        }
        Type::Bytes => Arc::new(BinaryArray::from_opt_vec(vec![None; values.len()])),
    }
}

/// Chance that is the same every time.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Between 0 and 1.
    pub(crate) fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 33).unwrap()) / f64::from(1_u32 << 31)
    }

    /// Round zero, with a standard deviation of one: twelve shares less six.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}
