//! JSON as platforms write it: numbers that may be text, objects whose numbers a table of fields names, lists
//! of which one row may be bad.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use smol_str::SmolStr;

use crate::{
    AccountId, Error, Field, Flags, MetricId, Reading, Reject, Value,
    descriptor::{Form, power_of_ten},
};

/// A number as a platform wrote it: as a number or as text, with separators (`"1,234"`) or as a percentage
/// (`"4.41%"`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole number.
    Whole(i64),
    /// Any other.
    Real(f64),
    /// A fraction, from text that ended with a percent sign.
    Percent(f64),
    /// Empty text: nothing was said.
    Empty,
}

impl Number {
    /// The whole number it is; `None` when nothing was said.
    ///
    /// # Errors
    /// The reason, when it is no whole number.
    pub fn whole(self) -> Result<Option<i64>, String> {
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
        match self {
            Self::Whole(value) => Ok(Some(value)),
            Self::Real(value) if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 => {
                Ok(Some(value as i64))
            }
            Self::Real(value) => Err(format!("{value} is not a whole number")),
            Self::Percent(_) => Err("a percentage is not a whole number".to_owned()),
            Self::Empty => Ok(None),
        }
    }

    /// The number times ten to the power of `exponent`; a percentage is a fraction already.
    #[must_use]
    pub fn real(self, exponent: i8) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "a real number is asked for")]
            Self::Whole(value) => Some(power_of_ten(value as f64, exponent)),
            Self::Real(value) => Some(power_of_ten(value, exponent)),
            Self::Percent(value) => Some(value),
            Self::Empty => None,
        }
    }

    /// Reads text.
    ///
    /// # Errors
    /// The reason, when it is no number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Ok(Self::Empty);
        }
        if let Ok(value) = trimmed.parse() {
            return Ok(Self::Whole(value));
        }
        let (digits, percent) =
            trimmed.strip_suffix('%').map_or((trimmed, false), |rest| (rest.trim(), true));
        let bad = || format!("{text:?} is not a number");
        let plain = without_separators(digits).ok_or_else(bad)?;
        if percent {
            return plain.parse().map(|value| Self::Percent(power_of_ten(value, -2))).map_err(|_| bad());
        }
        plain.parse().map(Self::Whole).or_else(|_| plain.parse().map(Self::Real)).map_err(|_| bad())
    }
}

/// Takes out commas that separate groups of three digits. Any other comma, and any letter but an exponent's,
/// makes it no number: `4,41` is never read as 441.
fn without_separators(text: &str) -> Option<String> {
    if !text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'.' | b',' | b'-' | b'+' | b'e' | b'E')) {
        return None;
    }
    let whole = text.split('.').next().unwrap_or(text).trim_start_matches(['-', '+']);
    let mut groups = whole.split(',');
    let first = groups.next().map_or(0, str::len);
    let grouped = whole.contains(',');
    let three_each = groups.all(|group| group.len() == 3);
    let lawful = !grouped || ((1..=3).contains(&first) && three_each);
    let fraction_plain = text.split('.').skip(1).all(|part| !part.contains(','));
    (lawful && fraction_plain).then(|| text.replace(',', ""))
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
        Ok(Number::Whole(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Number, E> {
        i64::try_from(value).map(Number::Whole).map_err(|_| E::custom(format!("{value} is too large")))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
        Ok(Number::Real(value))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
        Number::parse(text).map_err(E::custom)
    }

    fn visit_unit<E>(self) -> Result<Number, E> {
        Ok(Number::Empty)
    }
}

/// A whole number that may be written as text. Null and empty text are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Whole(pub Option<i64>);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Number::deserialize(deserializer)?.whole().map(Self).map_err(D::Error::custom)
    }
}

/// Reads an id: text that is not empty, or a whole number, kept as text. For `#[serde(deserialize_with)]`.
///
/// # Errors
/// When it is empty or neither.
pub fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SmolStr, D::Error> {
    deserializer.deserialize_any(IdVisitor)
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = SmolStr;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<SmolStr, E> {
        if text.is_empty() { Err(E::custom("the id is empty")) } else { Ok(SmolStr::new(text)) }
    }

    fn visit_u64<E>(self, value: u64) -> Result<SmolStr, E> {
        Ok(smol_str::format_smolstr!("{value}"))
    }

    fn visit_i64<E>(self, value: i64) -> Result<SmolStr, E> {
        Ok(smol_str::format_smolstr!("{value}"))
    }
}

/// A group of fields whose numbers stand in one JSON object.
pub trait FieldGroup {
    /// The fields; the last segment of each pointer is the key in the object. A metric may be named twice,
    /// where a platform has renamed its key: the first one that is there is taken.
    const FIELDS: &'static [Field];
}

/// The numbers of one JSON object that a [`FieldGroup`] names, as readings. The descriptor's table is thereby
/// what decodes: keys that no field names pass, a missing or empty one gives nothing.
pub struct Readings<G> {
    /// The readings, in the object's order.
    pub values: Vec<Reading>,
    group: PhantomData<G>,
}

impl<G> Readings<G> {
    /// Adds what another object says of metrics that this one does not have.
    pub fn add(&mut self, other: Vec<Reading>) {
        add_absent(&mut self.values, other);
    }
}

/// Adds readings of metrics that are not there yet.
pub fn add_absent(readings: &mut Vec<Reading>, others: Vec<Reading>) {
    for other in others {
        if readings.iter().all(|reading| reading.metric != other.metric) {
            readings.push(other);
        }
    }
}

impl<G> Default for Readings<G> {
    fn default() -> Self {
        Self { values: Vec::new(), group: PhantomData }
    }
}

impl<G> fmt::Debug for Readings<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.values).finish()
    }
}

impl<'de, G: FieldGroup> Deserialize<'de> for Readings<G> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = deserializer.deserialize_any(ReadingsVisitor(G::FIELDS))?;
        Ok(Self { values, group: PhantomData })
    }
}

struct ReadingsVisitor(&'static [Field]);

impl<'de> Visitor<'de> for ReadingsVisitor {
    type Value = Vec<Reading>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of numbers")
    }

    fn visit_unit<E>(self) -> Result<Vec<Reading>, E> {
        Ok(Vec::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Reading>, A::Error> {
        let fields = self.0;
        let mut readings: Vec<Reading> = Vec::with_capacity(fields.len());
        let mut from = 0;
        while let Some(found) = map.next_key_seed(KeyIn { fields, from })? {
            let Some(field) = found.and_then(|at| fields.get(at)) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            from = found.map_or(0, |at| at + 1);
            let number: Number = map.next_value()?;
            let reading = reading(field, number)
                .map_err(|reason| A::Error::custom(format!("{}: {reason}", field.pointer)))?;
            let Some(reading) = reading else { continue };
            if readings.iter().all(|other| other.metric != reading.metric) {
                readings.push(reading);
            }
        }
        Ok(readings)
    }
}

/// What a number at a field's place says of its metric, for answers whose numbers do not stand in objects (tables
/// with a line of headers, lists of names and values): [`Readings`] does it for those that do. `None` when nothing
/// was said.
///
/// # Errors
/// The reason, when the number is none of the field's form.
pub fn reading(field: &Field, number: Number) -> Result<Option<Reading>, String> {
    let value = match field.form {
        Form::Count => number.whole()?.map(Value::Count),
        Form::Real { exponent } => number.real(exponent).map(Value::Real),
        Form::Times(factor) => number.real(0).map(|number| Value::Real(number * f64::from(factor))),
    };
    let definition = (!field.definition.is_empty()).then(|| field.definition.into());
    let metric = MetricId::from_static(field.metric);
    Ok(value.map(|value| Reading { metric, value, flags: Flags::NONE, definition }))
}

/// Reads a key as the place of its field. Platforms write their keys in one order, so the search begins after
/// the field found last.
struct KeyIn {
    fields: &'static [Field],
    from: usize,
}

impl<'de> DeserializeSeed<'de> for KeyIn {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyIn {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<usize>, E> {
        let (before, after) = self.fields.split_at(self.from.min(self.fields.len()));
        let place = |fields: &[Field]| fields.iter().position(|field| field.key() == key);
        Ok(place(after).map(|at| at + before.len()).or_else(|| place(before)))
    }
}

/// Reads the rows of a list one by one and sets the bad ones aside, with reason and raw text.
///
/// Parse a whole answer into typed rows first; only when that fails, parse it again with `Vec<&RawValue>` for
/// its lists and come here: so good answers stay fast.
pub fn salvage<'a, T: Deserialize<'a>>(
    rows: &[&'a RawValue],
    place: &str,
    account: Option<&AccountId>,
    rejects: &mut Vec<Reject>,
) -> Vec<T> {
    let mut good = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        match serde_json::from_str(row.get()) {
            Ok(row) => good.push(row),
            Err(error) => rejects.push(Reject {
                account: account.cloned(),
                place: format!("{place}/{at}"),
                reason: error.to_string(),
                raw: row.get().to_owned(),
            }),
        }
    }
    good
}

/// [`salvage`] for the list that an answer is about. When several rows are there and none can be read, the shape has
/// changed.
///
/// # Errors
/// What `unknown_shape` gives, with the first row's reason.
pub fn salvage_list<'a, T: Deserialize<'a>>(
    rows: &[&'a RawValue],
    place: &str,
    account: Option<&AccountId>,
    rejects: &mut Vec<Reject>,
    unknown_shape: impl FnOnce() -> Error,
) -> Result<Vec<T>, Error> {
    let before = rejects.len();
    let good = salvage(rows, place, account, rejects);
    match rejects.get(before..) {
        Some([first, _, ..]) if good.is_empty() => Err(unknown_shape().with("first_row", &first.reason)),
        _ => Ok(good),
    }
}

/// Reads a list of which null says that nothing is there, while one that is missing says that the answer is another
/// one. For `#[serde(default, deserialize_with)]`.
///
/// # Errors
/// When it is neither, or a row cannot be read.
pub fn null_is_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    list: D,
) -> Result<Option<Vec<T>>, D::Error> {
    Ok(Some(Option::deserialize(list)?.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SubjectKind, Traffic, WindowKind};

    const fn field(metric: &'static str, pointer: &'static str) -> Field {
        Field::new(metric, pointer, SubjectKind::Post, WindowKind::At, Traffic::Total)
    }

    struct Group;

    impl FieldGroup for Group {
        const FIELDS: &'static [Field] = &[
            field("shares", "/metrics/reposts"),
            field("shares", "/metrics/retweets"),
            field("likes", "/metrics/likes"),
            field("watch_time_s", "/metrics/watch_ms").real(-3),
            field("watch_time_s", "/metrics/watch_minutes").times(60),
        ];
    }

    fn check(json: &str, expected: &[(&str, Value)]) {
        let readings: Readings<Group> = serde_json::from_str(json).unwrap();
        let found: Vec<_> =
            readings.values.iter().map(|reading| (reading.metric.as_str(), reading.value.clone())).collect();
        assert_eq!(found, expected, "{json}");
    }

    #[test]
    fn readings_follow_the_table() {
        check(r#"{"likes":3,"other":{"a":[1]}}"#, &[("likes", Value::Count(3))]);
        check(
            r#"{"likes":"1,234","retweets":0}"#,
            &[("likes", Value::Count(1234)), ("shares", Value::Count(0))],
        );
        check(r#"{"retweets":1,"reposts":2}"#, &[("shares", Value::Count(1))]);
        check(r#"{"watch_ms":"1500"}"#, &[("watch_time_s", Value::Real(1.5))]);
        check(r#"{"watch_minutes":2.5}"#, &[("watch_time_s", Value::Real(150.0))]);
    }

    #[test]
    fn absent_is_not_zero() {
        check("{}", &[]);
        check("null", &[]);
        check(r#"{"likes":null,"reposts":""}"#, &[]);
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        for bad in
            [r#"{"likes":"many"}"#, r#"{"likes":1.5}"#, r#"{"likes":[]}"#, r#"{"likes":"5%"}"#, "[1]", "7"]
        {
            assert!(serde_json::from_str::<Readings<Group>>(bad).is_err(), "{bad} passed");
        }
    }

    #[test]
    fn numbers_as_text() {
        assert_eq!(Number::parse("-12"), Ok(Number::Whole(-12)));
        assert_eq!(Number::parse("9007199254740993"), Ok(Number::Whole(9_007_199_254_740_993)));
        assert_eq!(Number::parse("1,234.5"), Ok(Number::Real(1234.5)));
        assert_eq!(Number::parse("4.41%"), Ok(Number::Percent(0.0441)));
        assert_eq!(Number::parse(" "), Ok(Number::Empty));
        for bad in ["-", "n/a", "NaN", "inf", "1.2.3", "%", "4,41", "1,23,456", "1.5,000"] {
            assert!(Number::parse(bad).is_err(), "{bad} passed");
        }
    }

    #[test]
    fn ids_are_text_and_never_empty() {
        let read = |json: &str| id(&mut serde_json::Deserializer::from_str(json)).ok();
        assert_eq!(read("\"1962000000000000011\"").as_deref(), Some("1962000000000000011"));
        assert_eq!(read("9007199254740993").as_deref(), Some("9007199254740993"));
        for bad in ["\"\"", "null", "1.5", "[]"] {
            assert_eq!(read(bad), None, "{bad} passed");
        }
    }

    #[test]
    fn one_bad_row_is_set_aside() {
        let rows: Vec<&RawValue> = serde_json::from_str("[1, \"x\", 3]").unwrap();
        let mut rejects = Vec::new();
        let good: Vec<u8> = salvage(&rows, "/data", None, &mut rejects);
        assert_eq!(good, [1, 3]);
        assert_eq!(rejects.len(), 1);
        assert_eq!((rejects[0].place.as_str(), rejects[0].raw.as_str()), ("/data/1", "\"x\""));
    }

    /// Of two rows one has to be good; of one, none.
    #[test]
    fn a_list_of_which_no_row_can_be_read_has_another_shape() {
        let told = |list: &str| {
            let rows: Vec<&RawValue> = serde_json::from_str(list).unwrap();
            let mut rejects = Vec::new();
            let unknown = || Error::bad_response("another shape");
            let good = salvage_list::<u8>(&rows, "/data", None, &mut rejects, unknown);
            (good.map_err(|error| error.context_value("first_row").map(str::to_owned)), rejects.len())
        };
        assert_eq!(told(r#"[1, "two", 3]"#), (Ok(vec![1, 3]), 1));
        assert_eq!(told(r#"["one"]"#), (Ok(Vec::new()), 1));
        assert_eq!(told("[]"), (Ok(Vec::new()), 0));
        let (none, rejects) = told(r#"["one", "two"]"#);
        assert!(none.unwrap_err().unwrap().contains("invalid type") && rejects == 2);
    }
}
