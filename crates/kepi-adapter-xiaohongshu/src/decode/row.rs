//! Rows of reports. Their keys are written in two styles, their numbers as numbers or as text.

use std::{borrow::Cow, fmt, str::FromStr};

use kepi_core::{Money, Value, json::Number};
use rust_decimal::Decimal;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use smol_str::{SmolStr, format_smolstr};

use crate::descriptor::Column;

/// A row of a report: what names it, and its numbers.
#[derive(Debug, Default)]
pub(super) struct Row<'a> {
    pub(super) time: Option<Cow<'a, str>>,
    pub(super) campaign_id: Option<SmolStr>,
    pub(super) unit_id: Option<SmolStr>,
    pub(super) creativity_id: Option<SmolStr>,
    pub(super) keyword_id: Option<SmolStr>,
    pub(super) keyword: Option<Cow<'a, str>>,
    pub(super) spu_id: Option<SmolStr>,
    pub(super) note_id: Option<SmolStr>,
    pub(super) note_title: Option<Cow<'a, str>>,
    pub(super) note_jump_url: Option<Cow<'a, str>>,
    pub(super) values: Vec<(Column, Value)>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Row<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = Row<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row of a report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row<'de>, A::Error> {
        let mut row = Row { values: Vec::with_capacity(12), ..Row::default() };
        while let Some(key) = map.next_key_seed(KeySeed)? {
            match key {
                Key::Column(column) => {
                    let value = map.next_value_seed(ValueSeed(column))?;
                    if let Some(value) = value.filter(|_| row.value(column).is_none()) {
                        row.values.push((column, value));
                    }
                }
                Key::Time => row.time = map.next_value::<Text<'de>>()?.0,
                Key::CampaignId => row.campaign_id = map.next_value::<Id>()?.0,
                Key::UnitId => row.unit_id = map.next_value::<Id>()?.0,
                Key::CreativityId => row.creativity_id = map.next_value::<Id>()?.0,
                Key::KeywordId => row.keyword_id = map.next_value::<Id>()?.0,
                Key::Keyword => row.keyword = map.next_value::<Text<'de>>()?.0,
                Key::SpuId => row.spu_id = map.next_value::<Id>()?.0,
                Key::NoteId => row.note_id = map.next_value::<Id>()?.0,
                Key::NoteTitle => row.note_title = map.next_value::<Text<'de>>()?.0,
                Key::NoteJumpUrl => row.note_jump_url = map.next_value::<Text<'de>>()?.0,
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(row)
    }
}

impl Row<'_> {
    /// The number of a column.
    pub(super) fn value(&self, column: Column) -> Option<&Value> {
        self.values.iter().find(|(told, _)| *told == column).map(|(_, value)| value)
    }

    /// The whole number of a column.
    pub(super) fn count(&self, column: Column) -> Option<i64> {
        match self.value(column) {
            Some(Value::Count(count)) => Some(*count),
            _ => None,
        }
    }
}

/// What a key of a row means, in either style.
enum Key {
    Column(Column),
    Time,
    CampaignId,
    UnitId,
    CreativityId,
    KeywordId,
    Keyword,
    SpuId,
    NoteId,
    NoteTitle,
    NoteJumpUrl,
    Other,
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(match key {
            "time" => Key::Time,
            "campaign_id" | "campaignId" => Key::CampaignId,
            "unit_id" | "unitId" => Key::UnitId,
            "creativity_id" | "creativityId" => Key::CreativityId,
            "keyword_id" | "keywordId" => Key::KeywordId,
            "keyword" => Key::Keyword,
            "spu_id" | "spuId" => Key::SpuId,
            "note_id" | "noteId" => Key::NoteId,
            "note_title" | "noteTitle" => Key::NoteTitle,
            "note_jump_url" | "noteJumpUrl" => Key::NoteJumpUrl,
            other => Column::named(other).map_or(Key::Other, Key::Column),
        })
    }
}

/// Text; null and what is empty say nothing.
#[derive(Default)]
pub(super) struct Text<'a>(pub(super) Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text((!text.is_empty()).then_some(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text((!text.is_empty()).then(|| Cow::Owned(text.to_owned()))))
    }

    fn visit_unit<E>(self) -> Result<Text<'de>, E> {
        Ok(Text(None))
    }
}

/// An id: text, or a whole number kept as text; null and what is empty name nothing.
#[derive(Default)]
pub(super) struct Id(pub(super) Option<SmolStr>);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E>(self, text: &str) -> Result<Id, E> {
        Ok(Id(Some(text).filter(|text| !text.is_empty()).map(SmolStr::new)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Id, E> {
        Ok(Id(Some(format_smolstr!("{value}"))))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Id, E> {
        Ok(Id(Some(format_smolstr!("{value}"))))
    }

    fn visit_unit<E>(self) -> Result<Id, E> {
        Ok(Id(None))
    }
}

/// Reads the number of a column.
struct ValueSeed(Column);

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Value>, D::Error> {
        let told = self.0.told();
        if told.money {
            return Ok(Yuan::deserialize(deserializer)?.0.map(yuan));
        }
        let count = Number::deserialize(deserializer)?.whole();
        count.map(|count| count.map(Value::Count)).map_err(|reason| named(told.name, &reason))
    }
}

fn named<E: Error>(name: &str, reason: &str) -> E {
    E::custom(format!("{name}: {reason}"))
}

/// An amount of yuan as a value.
pub(super) fn yuan(amount: Decimal) -> Value {
    Value::Money(Money { amount, currency: SmolStr::new_static("CNY") })
}

/// An amount, exactly as it is written; null and what is empty say nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Yuan(pub(super) Option<Decimal>);

impl<'de> Deserialize<'de> for Yuan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YuanVisitor)
    }
}

struct YuanVisitor;

impl Visitor<'_> for YuanVisitor {
    type Value = Yuan;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount of money")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Yuan, E> {
        let text = text.trim();
        if let Ok(amount) = Decimal::from_str(text) {
            return Ok(Yuan(Some(amount)));
        }
        // Separators are lawful where they part groups of three; everything else is told apart there.
        match Number::parse(text) {
            Ok(Number::Empty) => Ok(Yuan(None)),
            Ok(Number::Whole(_) | Number::Real(_)) => exact(&text.replace(',', "")),
            Ok(Number::Percent(_)) => Err(E::custom("a percentage is no amount of money")),
            Err(reason) => Err(E::custom(reason)),
        }
    }

    fn visit_u64<E>(self, value: u64) -> Result<Yuan, E> {
        Ok(Yuan(Some(value.into())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Yuan, E> {
        Ok(Yuan(Some(value.into())))
    }

    /// The shortest text of a number is the one that was written.
    fn visit_f64<E: Error>(self, value: f64) -> Result<Yuan, E> {
        exact(&value.to_string())
    }

    fn visit_unit<E>(self) -> Result<Yuan, E> {
        Ok(Yuan(None))
    }
}

fn exact<E: Error>(text: &str) -> Result<Yuan, E> {
    let amount = Decimal::from_str(text).or_else(|_| Decimal::from_scientific(text));
    amount.map(|amount| Yuan(Some(amount))).map_err(|_| E::custom(format!("{text:?} is no amount of money")))
}
