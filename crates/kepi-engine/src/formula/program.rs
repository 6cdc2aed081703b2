//! What a lawful formula computes: totals of parts, each part a fold over rows of one origin.

use kepi_core::{MetricId, SubjectKind, Unit};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use smol_str::SmolStr;

use super::ast::{Comparison, Operator};
use crate::number::Number;

/// A formula after the lawfulness check.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// What is computed from the parts.
    pub total: Total,
    /// The parts.
    pub parts: Vec<Part>,
    /// Numerator and denominator, where the formula is a ratio.
    pub ratio: Option<(Total, Total)>,
    /// Numerator and denominator of one post, where the interval can be clustered by post.
    pub cluster: Option<(Row, Row)>,
    /// What the value counts.
    pub unit: Unit,
    /// Whether it grows with the length of the period.
    pub shape: Shape,
    /// What every output must say of it.
    pub remarks: Vec<String>,
}

/// How a value depends on the length of its period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A sum: twice the days, twice the value.
    Extensive,
    /// A state: the last known.
    State,
    /// A ratio, a mean, a median.
    Intensive,
}

/// Arithmetic on parts.
#[derive(Debug, Clone, PartialEq)]
pub enum Total {
    /// A number.
    Number(Decimal),
    /// A part, by its place in [`Program::parts`].
    Part(usize),
    /// The opposite.
    Negate(Box<Total>),
    /// Two totals and an operator.
    Binary(Operator, Box<Total>, Box<Total>),
    /// Nothing where the total is that number.
    NullIf(Box<Total>, Decimal),
}

/// A fold over rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Which rows.
    pub origin: Origin,
    /// How they become one number.
    pub fold: Fold,
    /// The number of one row.
    pub row: Row,
}

/// Which rows a part is folded from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Posts with numbers.
    Posts,
    /// Posts published in the period, with numbers or without.
    Known,
    /// No rows: the days of the period that are over.
    Calendar,
    /// Facts about accounts, campaigns, topics, locations, media.
    Subject(SubjectKind),
}

/// How rows become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fold {
    /// Added.
    Sum,
    /// The one in the middle.
    Median,
    /// The greatest.
    Max,
    /// The last known by the end of the period, added over subjects.
    Last,
    /// The last known before the period, added over subjects.
    First,
    /// The mean over the days on which it was read, added over subjects.
    MeanOfDays,
    /// The platform's own figure for exactly the period.
    Exact,
}

/// The number of one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// A number.
    Number(Decimal),
    /// A metric of the row.
    Gauge(Gauge),
    /// One where the inner number is there, nothing otherwise.
    Present(Box<Row>),
    /// One where the test holds, zero where it does not, nothing where it cannot be told.
    When(Test),
    /// The opposite.
    Negate(Box<Row>),
    /// Two numbers and an operator.
    Binary(Operator, Box<Row>, Box<Row>),
    /// Nothing where the number is that one.
    NullIf(Box<Row>, Decimal),
}

/// A condition on one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Two numbers compared.
    Compare(Comparison, Box<Row>, Box<Row>),
    /// Both hold.
    And(Box<Test>, Box<Test>),
    /// One holds.
    Or(Box<Test>, Box<Test>),
    /// It does not hold.
    Not(Box<Test>),
}

/// A metric as a row has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gauge {
    /// The metric.
    pub metric: MetricId,
    /// Which reading of a post.
    pub selector: Selector,
    /// The part of the subject: dimension and value.
    pub segment: Option<(SmolStr, SmolStr)>,
}

/// Which numbers of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Selector {
    /// The newest reading that has all metrics of the formula.
    Newest,
    /// The reading nearest so many days after publishing.
    Age(u16),
    /// What happened in the period.
    Daily,
}

impl Program {
    /// All gauges of parts of an origin, each once, in order.
    #[must_use]
    pub fn gauges(&self, origin: Origin) -> Vec<&Gauge> {
        let mut gauges = Vec::new();
        self.parts.iter().filter(|part| part.origin == origin).for_each(|part| part.row.gauges(&mut gauges));
        gauges.sort();
        gauges.dedup();
        gauges
    }

    /// The metrics of a part.
    #[must_use]
    pub fn metrics_of(&self, part: usize) -> Vec<MetricId> {
        let mut gauges = Vec::new();
        if let Some(part) = self.parts.get(part) {
            part.row.gauges(&mut gauges);
        }
        gauges.into_iter().map(|gauge| gauge.metric.clone()).collect()
    }

    /// Whether any part is of an origin.
    #[must_use]
    pub fn reads(&self, origin: Origin) -> bool {
        self.parts.iter().any(|part| part.origin == origin)
    }

    /// The kinds of subject it reads facts of.
    #[must_use]
    pub fn subjects(&self) -> Vec<SubjectKind> {
        let mut kinds: Vec<SubjectKind> = self
            .parts
            .iter()
            .filter_map(|part| if let Origin::Subject(kind) = part.origin { Some(kind) } else { None })
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }
}

impl Total {
    /// Computes it; `None` where a part is absent or a denominator is zero.
    #[must_use]
    pub fn value(&self, parts: &[Option<Number>]) -> Option<Number> {
        match self {
            Self::Number(number) => Some(constant(*number)),
            Self::Part(part) => parts.get(*part).copied().flatten(),
            Self::Negate(inner) => Some(inner.value(parts)?.negated()),
            Self::NullIf(inner, number) => inner
                .value(parts)
                .filter(|value| *value != constant(*number) && value.as_f64() != real(*number)),
            Self::Binary(operator, left, right) => apply(*operator, left.value(parts)?, right.value(parts)?),
        }
    }
}

impl Row {
    /// Whether the sum of the row over rows is the row of their sums, as long as each has all its metrics.
    #[must_use]
    pub fn is_linear(&self) -> bool {
        let number = |row: &Self| matches!(row, Self::Number(_));
        match self {
            Self::Gauge(_) => true,
            Self::Negate(inner) => inner.is_linear(),
            Self::Binary(Operator::Add | Operator::Subtract, left, right) => {
                left.is_linear() && right.is_linear()
            }
            Self::Binary(Operator::Multiply, left, right) => {
                (number(left) && right.is_linear()) || (left.is_linear() && number(right))
            }
            Self::Binary(Operator::Divide, left, right) => left.is_linear() && number(right),
            Self::Number(_) | Self::Present(_) | Self::When(_) | Self::NullIf(..) => false,
        }
    }

    /// The gauges in it, as they come.
    pub fn gauges<'a>(&'a self, into: &mut Vec<&'a Gauge>) {
        match self {
            Self::Number(_) => {}
            Self::Gauge(gauge) => into.push(gauge),
            Self::Present(inner) | Self::Negate(inner) | Self::NullIf(inner, _) => inner.gauges(into),
            Self::Binary(_, left, right) => {
                left.gauges(into);
                right.gauges(into);
            }
            Self::When(test) => test.gauges(into),
        }
    }

    /// Computes it from the gauges of one row.
    #[must_use]
    pub fn value(&self, gauge: &dyn Fn(&Gauge) -> Option<Number>) -> Option<Number> {
        match self {
            Self::Number(number) => Some(constant(*number)),
            Self::Gauge(of) => gauge(of),
            Self::Present(inner) => inner.value(gauge).map(|_| Number::Whole(1)),
            Self::When(test) => test.holds(gauge).map(|holds| Number::Whole(i128::from(holds))),
            Self::Negate(inner) => Some(inner.value(gauge)?.negated()),
            Self::NullIf(inner, number) => inner.value(gauge).filter(|value| value.as_f64() != real(*number)),
            Self::Binary(operator, left, right) => apply(*operator, left.value(gauge)?, right.value(gauge)?),
        }
    }
}

impl Test {
    fn gauges<'a>(&'a self, into: &mut Vec<&'a Gauge>) {
        match self {
            Self::Compare(_, left, right) => {
                left.gauges(into);
                right.gauges(into);
            }
            Self::And(left, right) | Self::Or(left, right) => {
                left.gauges(into);
                right.gauges(into);
            }
            Self::Not(inner) => inner.gauges(into),
        }
    }

    fn holds(&self, gauge: &dyn Fn(&Gauge) -> Option<Number>) -> Option<bool> {
        match self {
            Self::Compare(comparison, left, right) => {
                let (left, right) = (left.value(gauge)?.as_f64(), right.value(gauge)?.as_f64());
                Some(match comparison {
                    Comparison::Equal => left == right,
                    Comparison::NotEqual => left != right,
                    Comparison::Less => left < right,
                    Comparison::AtMost => left <= right,
                    Comparison::More => left > right,
                    Comparison::AtLeast => left >= right,
                })
            }
            Self::And(left, right) => match (left.holds(gauge), right.holds(gauge)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (left, right) => left.and(right),
            },
            Self::Or(left, right) => match (left.holds(gauge), right.holds(gauge)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (left, right) => left.and(right),
            },
            Self::Not(inner) => inner.holds(gauge).map(|holds| !holds),
        }
    }
}

fn apply(operator: Operator, left: Number, right: Number) -> Option<Number> {
    match operator {
        Operator::Add => Some(left.plus(right)),
        Operator::Subtract => Some(left.minus(right)),
        Operator::Multiply => Some(left.times(right)),
        Operator::Divide => left.over(right),
    }
}

/// A literal: whole where it is whole, floating otherwise, so that a factor keeps counts whole.
fn constant(number: Decimal) -> Number {
    if number.is_integer() {
        number.to_i128().map_or(Number::Real(real(number)), Number::Whole)
    } else {
        Number::Real(real(number))
    }
}

pub(crate) fn real(number: Decimal) -> f64 {
    number.to_f64().unwrap_or(f64::NAN)
}
