//! Numbers that stay what they are: whole counts stay whole, money stays decimal, the rest is floating.

use std::fmt;

use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Serialize, Serializer};

/// A number of a scorecard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole count.
    Whole(i128),
    /// Money, exactly.
    Money(Decimal),
    /// Anything else.
    Real(f64),
}

impl Number {
    /// The number as a float, for ratios and statistics.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "a float is asked for")]
            Self::Whole(whole) => whole as f64,
            Self::Money(money) => money.to_f64().unwrap_or(f64::NAN),
            Self::Real(real) => real,
        }
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.as_f64() == 0.0
    }

    /// The sum; whole numbers and money stay exact.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.exactly(other, i128::checked_add, |a, b| a.checked_add(b), |a, b| a + b)
    }

    /// The difference; whole numbers and money stay exact.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.exactly(other, i128::checked_sub, |a, b| a.checked_sub(b), |a, b| a - b)
    }

    /// The product; whole numbers and money stay exact.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        self.exactly(other, i128::checked_mul, |a, b| a.checked_mul(b), |a, b| a * b)
    }

    /// The quotient: decimal where money is divided by a whole number or a decimal, a float otherwise;
    /// `None` for a denominator of zero.
    #[must_use]
    pub fn over(self, other: Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        let exact = match (self, other) {
            (Self::Money(a), Self::Whole(b)) => {
                Decimal::try_from_i128_with_scale(b, 0).ok().and_then(|b| a.checked_div(b)).map(Self::Money)
            }
            _ => None,
        };
        exact.or_else(|| Some(self.as_f64() / other.as_f64()).filter(|real| real.is_finite()).map(Self::Real))
    }

    /// The opposite.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Whole(0).minus(self)
    }

    fn exactly(
        self,
        other: Self,
        whole: impl Fn(i128, i128) -> Option<i128>,
        money: impl Fn(Decimal, Decimal) -> Option<Decimal>,
        real: impl Fn(f64, f64) -> f64,
    ) -> Self {
        let decimal = |whole: i128| Decimal::try_from_i128_with_scale(whole, 0).ok();
        let exact = match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => whole(a, b).map(Self::Whole),
            (Self::Money(a), Self::Money(b)) => money(a, b).map(Self::Money),
            (Self::Money(a), Self::Whole(b)) => decimal(b).and_then(|b| money(a, b)).map(Self::Money),
            (Self::Whole(a), Self::Money(b)) => decimal(a).and_then(|a| money(a, b)).map(Self::Money),
            _ => None,
        };
        exact.unwrap_or_else(|| Self::Real(real(self.as_f64(), other.as_f64())))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(whole) => write!(f, "{whole}"),
            Self::Money(money) => write!(f, "{:.2}", money.normalize()),
            Self::Real(real) => write!(f, "{real:.2}"),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(whole) => match i64::try_from(*whole) {
                Ok(whole) => serializer.serialize_i64(whole),
                Err(_) => serializer.serialize_f64(self.as_f64()),
            },
            Self::Money(_) | Self::Real(_) => serializer.serialize_f64(self.as_f64()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stay_whole_and_money_decimal() {
        assert_eq!(Number::Whole(i128::from(i64::MAX)).plus(Number::Whole(1)).as_f64(), 2f64.powi(63));
        let tenth = Number::Money(Decimal::new(1, 1));
        let sum = (0..10).fold(Number::Money(Decimal::ZERO), |sum, _| sum.plus(tenth));
        assert_eq!(sum, Number::Money(Decimal::ONE));
        assert_eq!(sum.over(Number::Whole(4)), Some(Number::Money(Decimal::new(25, 2))));
    }

    /// T29: nothing over nothing is nothing, and so is something.
    #[test]
    fn t29_a_denominator_of_zero_gives_nothing() {
        assert_eq!(Number::Whole(0).over(Number::Whole(0)), None);
        assert_eq!(Number::Whole(5).over(Number::Real(0.0)), None);
    }
}
