//! What a report looks like: headers, rows of cells, and what Google says beside them.

use std::{borrow::Cow, fmt};

use jiff::civil::Date;
use kepi_core::{
    Flags, MetricId, Money, Reading, Value,
    json::{Number, Whole},
};
use rust_decimal::Decimal;
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use smol_str::SmolStr;

use crate::descriptor::Query;

/// A report, whatever its rows are read as.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "R: Deserialize<'de>"))]
pub(super) struct Report<'a, R> {
    #[serde(borrow)]
    pub(super) dimension_headers: Option<Vec<Header<'a>>>,
    #[serde(borrow)]
    pub(super) metric_headers: Option<Vec<Header<'a>>>,
    /// An empty report lacks them.
    pub(super) rows: Option<Vec<R>>,
    /// How many there are on all pages.
    #[serde(default)]
    pub(super) row_count: Whole,
    #[serde(borrow)]
    pub(super) metadata: Option<Metadata<'a>>,
    pub(super) property_quota: Option<PropertyQuota>,
    #[serde(borrow)]
    pub(super) kind: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(super) struct Header<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Cow<'a, str>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub(super) currency_code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) time_zone: Option<Cow<'a, str>>,
    pub(super) subject_to_thresholding: Option<bool>,
    pub(super) data_loss_from_other_row: Option<bool>,
    pub(super) sampling_metadatas: Option<Vec<serde::de::IgnoredAny>>,
    #[serde(borrow)]
    pub(super) empty_reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) schema_restriction_response: Option<Restrictions<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Restrictions<'a> {
    #[serde(borrow)]
    pub(super) active_metric_restrictions: Option<Vec<Restriction<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Restriction<'a> {
    #[serde(borrow)]
    pub(super) metric_name: Option<Cow<'a, str>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PropertyQuota {
    pub(super) tokens_per_day: Option<Tokens>,
    pub(super) tokens_per_project_per_hour: Option<Tokens>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Tokens {
    pub(super) remaining: Whole,
}

/// A row, as far as it has the form of one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row<'a> {
    #[serde(borrow, default)]
    dimension_values: Cells<'a>,
    #[serde(borrow, default)]
    metric_values: Cells<'a>,
}

/// A row whose numbers cannot be read: what it is of may still be told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Named<'a> {
    #[serde(borrow, default)]
    dimension_values: Cells<'a>,
}

impl<'a> Named<'a> {
    /// The same as a row without numbers.
    pub(super) fn row(self) -> Row<'a> {
        Row { dimension_values: self.dimension_values, metric_values: Cells::default() }
    }
}

#[derive(Default)]
struct Cells<'a>(Vec<Cell<'a>>);

#[derive(Deserialize)]
struct Cell<'a> {
    #[serde(borrow, default)]
    value: Said<'a>,
}

/// What a cell says. Google writes numbers as text.
#[derive(Debug, Default, Clone)]
enum Said<'a> {
    #[default]
    Nothing,
    Text(Cow<'a, str>),
    Number(Number),
}

impl<'de: 'a, 'a> Deserialize<'de> for Cells<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellsVisitor)
    }
}

struct CellsVisitor;

impl<'de> Visitor<'de> for CellsVisitor {
    type Value = Cells<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the values of a row")
    }

    fn visit_unit<E>(self) -> Result<Cells<'de>, E> {
        Ok(Cells::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Cells<'de>, A::Error> {
        let mut cells = Vec::with_capacity(7);
        while let Some(cell) = list.next_element()? {
            cells.push(cell);
        }
        Ok(Cells(cells))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Said<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SaidVisitor)
    }
}

struct SaidVisitor;

impl<'de> Visitor<'de> for SaidVisitor {
    type Value = Said<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a number")
    }

    fn visit_unit<E>(self) -> Result<Said<'de>, E> {
        Ok(Said::Nothing)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Said<'de>, E> {
        Ok(Said::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Said<'de>, E> {
        Ok(Said::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Said<'de>, E> {
        Ok(Said::Number(Number::Whole(value)))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Said<'de>, E> {
        let number = i64::try_from(value).map_err(|_| E::custom(format!("{value} is too large")))?;
        Ok(Said::Number(Number::Whole(number)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Said<'de>, E> {
        Ok(Said::Number(Number::Real(value)))
    }
}

impl Said<'_> {
    fn number(&self) -> Result<Number, String> {
        match self {
            Self::Nothing => Ok(Number::Empty),
            Self::Text(text) => Number::parse(text),
            Self::Number(number) => Ok(*number),
        }
    }

    fn real(&self) -> Result<Option<f64>, String> {
        match self.number()? {
            Number::Percent(_) => Err("a percentage is not what is counted".to_owned()),
            number => Ok(number.real(0)),
        }
    }

    /// Money as it is written: no float stands between.
    fn money(&self) -> Result<Option<Decimal>, String> {
        let bad = || "not an amount of money".to_owned();
        match (self, self.number()?) {
            (_, Number::Empty) => Ok(None),
            (_, Number::Percent(_)) => Err(bad()),
            (_, Number::Whole(whole)) => Ok(Some(Decimal::from(whole))),
            (Self::Text(text), Number::Real(_)) => {
                let plain = text.trim().replace(',', "");
                let exact = Decimal::from_str_exact(&plain).or_else(|_| Decimal::from_scientific(&plain));
                exact.or_else(|_| plain.parse()).map(Some).map_err(|_| bad())
            }
            (_, Number::Real(real)) => Decimal::try_from(real).map(Some).map_err(|_| bad()),
        }
    }
}

/// Where the dimensions and numbers of a report stand in its rows, found by their headers.
pub(super) struct Columns {
    dimensions: Vec<usize>,
    sessions: Option<usize>,
    engaged: Option<usize>,
    duration: Option<usize>,
    pages: Option<usize>,
    key_events: Option<usize>,
    revenue: Option<usize>,
    users: Option<usize>,
    /// Whether a row must say something of each dimension.
    named: bool,
}

impl Columns {
    /// The columns of what was asked for; `None` when a dimension or all numbers are missing. Numbers that are
    /// withheld from the token's owner are not read.
    pub(super) fn of<R>(query: &Query, report: &Report<'_, R>, named: bool) -> Option<Self> {
        fn place(headers: Option<&Vec<Header<'_>>>, name: &str) -> Option<usize> {
            headers?.iter().position(|header| header.name.as_deref() == Some(name))
        }
        let withheld = restricted(report.metadata.as_ref());
        let number = |name: &str| {
            let open = !withheld.iter().any(|other| other == name);
            place(report.metric_headers.as_ref(), name).filter(|_| open)
        };
        let dimension = |name: &&str| place(report.dimension_headers.as_ref(), name);
        let known = query.metrics.iter().any(|name| place(report.metric_headers.as_ref(), name).is_some());
        let columns = Self {
            dimensions: query.dimensions.iter().map(dimension).collect::<Option<_>>()?,
            sessions: number("sessions"),
            engaged: number("engagedSessions"),
            duration: number("averageSessionDuration"),
            pages: number("screenPageViews"),
            // As Google called key events until May 2024.
            key_events: number("keyEvents").or_else(|| number("conversions")),
            revenue: number("totalRevenue"),
            users: number("totalUsers"),
            named,
        };
        known.then_some(columns)
    }

    /// Reads a row.
    pub(super) fn line<'a>(&self, at: usize, row: Row<'a>) -> Result<Line<'a>, String> {
        let Row { dimension_values: Cells(mut dimensions), metric_values: Cells(numbers) } = row;
        let mut text =
            |place: usize| match dimensions.get_mut(place).map(|cell| std::mem::take(&mut cell.value)) {
                Some(Said::Text(text)) => Ok(text),
                _ => Err("a dimension is missing".to_owned()),
            };
        let mut places = self.dimensions.iter();
        let day = day(&text(places.next().copied().unwrap_or_default())?)?;
        let mut parts = [const { Cow::Borrowed("") }; 3];
        for (part, place) in parts.iter_mut().zip(places) {
            *part = text(*place)?;
            if self.named && part.is_empty() {
                return Err("a dimension is empty".to_owned());
            }
        }
        Ok(Line { at, day, parts, visits: self.visits(&numbers)? })
    }

    /// The day of a row, where nothing else of it can be read.
    pub(super) fn day_of(&self, row: Row<'_>) -> Option<Date> {
        let Cells(dimensions) = row.dimension_values;
        match &dimensions.get(*self.dimensions.first()?)?.value {
            Said::Text(text) => day(text).ok(),
            Said::Nothing | Said::Number(_) => None,
        }
    }

    fn visits(&self, numbers: &[Cell<'_>]) -> Result<Visits, String> {
        const NOTHING: Said<'_> = Said::Nothing;
        let said = |place: Option<usize>| {
            place.and_then(|place| numbers.get(place)).map_or(&NOTHING, |cell| &cell.value)
        };
        let whole = |place| said(place).number().and_then(Number::whole);
        let sessions = whole(self.sessions)?;
        #[expect(clippy::cast_precision_loss, reason = "sessions of a day are far below 2^53")]
        let seconds = |average: f64, sessions: i64| (average * sessions as f64 * 1e3).round() / 1e3;
        Ok(Visits {
            sessions,
            engaged: whole(self.engaged)?,
            seconds: said(self.duration).real()?.zip(sessions).map(|(average, n)| seconds(average, n)),
            pages: whole(self.pages)?,
            key_events: said(self.key_events).real()?,
            revenue: said(self.revenue).money()?,
            users: whole(self.users)?,
        })
    }
}

/// The names of metrics that the token's owner may not see.
pub(super) fn restricted(metadata: Option<&Metadata<'_>>) -> Vec<String> {
    let restrictions = metadata.and_then(|metadata| metadata.schema_restriction_response.as_ref());
    let active = restrictions.and_then(|restrictions| restrictions.active_metric_restrictions.as_ref());
    active.into_iter().flatten().filter_map(|one| one.metric_name.as_deref().map(str::to_owned)).collect()
}

/// `20260902`.
fn day(text: &str) -> Result<Date, String> {
    let digits = text.len() == 8 && text.bytes().all(|c| c.is_ascii_digit());
    let part = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<i16>().ok());
    let date = || {
        let month = i8::try_from(part(4, 6)?).ok()?;
        let day = i8::try_from(part(6, 8)?).ok()?;
        Date::new(part(0, 4)?, month, day).ok()
    };
    digits.then(date).flatten().ok_or_else(|| format!("{text:?} is not a day"))
}

/// A row that could be read.
#[derive(Debug, Clone)]
pub(super) struct Line<'a> {
    /// Its place on the page.
    pub(super) at: usize,
    pub(super) day: Date,
    /// What it is of beside its day, in the order of the dimensions.
    pub(super) parts: [Cow<'a, str>; 3],
    pub(super) visits: Visits,
}

/// The numbers of visits, as far as they are told.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Visits {
    pub(super) sessions: Option<i64>,
    pub(super) engaged: Option<i64>,
    pub(super) seconds: Option<f64>,
    pub(super) pages: Option<i64>,
    /// Google may share a key event out among several sources.
    pub(super) key_events: Option<f64>,
    pub(super) revenue: Option<Decimal>,
    pub(super) users: Option<i64>,
}

impl Visits {
    /// The sum of no visits.
    pub(super) const NONE: Self = Self {
        sessions: Some(0),
        engaged: Some(0),
        seconds: Some(0.0),
        pages: Some(0),
        key_events: Some(0.0),
        revenue: Some(Decimal::ZERO),
        // People are never added up.
        users: None,
    };

    /// Adds others. What is not told of them is then not known of the sum, which is not zero.
    pub(super) fn add(&mut self, other: &Self) {
        fn both<T>(a: Option<T>, b: Option<T>, add: impl Fn(T, T) -> Option<T>) -> Option<T> {
            a.zip(b).and_then(|(a, b)| add(a, b))
        }
        self.sessions = both(self.sessions, other.sessions, i64::checked_add);
        self.engaged = both(self.engaged, other.engaged, i64::checked_add);
        self.seconds = both(self.seconds, other.seconds, |a, b| Some(((a + b) * 1e3).round() / 1e3));
        self.pages = both(self.pages, other.pages, i64::checked_add);
        self.key_events = both(self.key_events, other.key_events, |a, b| Some(a + b));
        self.revenue = both(self.revenue, other.revenue, Decimal::checked_add);
    }

    /// Their readings. Money without a currency is not told.
    pub(super) fn readings(&self, currency: Option<&SmolStr>, flags: Flags) -> Vec<Reading> {
        let mut readings = Vec::with_capacity(7);
        let mut tell = |metric: &'static str, value: Option<Value>, flags: Flags| {
            if let Some(value) = value {
                let metric = MetricId::from_static(metric);
                readings.push(Reading { metric, value, flags, definition: None });
            }
        };
        tell("sessions", self.sessions.map(Value::Count), flags);
        tell("engaged_sessions", self.engaged.map(Value::Count), flags);
        tell("session_duration_s", self.seconds.map(Value::Real), flags);
        tell("pageviews", self.pages.map(Value::Count), flags);
        let (key_events, shared) = self.key_events.map_or((None, Flags::NONE), rounded);
        tell("conversions", key_events.map(Value::Count), flags.and(shared));
        let money = |(amount, currency): (Decimal, &SmolStr)| {
            Value::Money(Money { amount: amount.round_dp(6).normalize(), currency: currency.clone() })
        };
        tell("revenue", self.revenue.zip(currency).map(money), flags);
        tell("session_users", self.users.map(Value::Count), flags);
        readings
    }
}

/// Key events as a whole number, marked where they were none.
fn rounded(events: f64) -> (Option<i64>, Flags) {
    let whole = events.round();
    if whole.abs() >= 9_007_199_254_740_992.0 {
        return (None, Flags::NONE);
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
    let count = whole as i64;
    let flags = if (events - whole).abs() < 1e-6 { Flags::NONE } else { Flags::ESTIMATED };
    (Some(count), flags)
}
