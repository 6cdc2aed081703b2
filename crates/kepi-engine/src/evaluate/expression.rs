//! Rows of a program as expressions of a plan, made of DataFusion's own functions only.

use datafusion::{
    arrow::datatypes::DataType,
    functions::expr_fn::nullif,
    logical_expr::{Expr, cast, col, lit, when},
    scalar::ScalarValue,
};
use jiff::Timestamp;
use kepi_core::Result;

use super::table::failed;
use crate::formula::{Comparison, Gauge, Operator, Row, Test};

/// The number of one row. A lone metric keeps its type, so that counts stay whole and money decimal.
pub(super) fn row(row: &Row, column: &dyn Fn(&Gauge) -> Expr) -> Result<Expr> {
    Ok(match row {
        Row::Gauge(gauge) => column(gauge),
        Row::Present(inner) => {
            let inner = self::row(inner, column)?;
            when(inner.is_not_null(), lit(1_i64)).end().map_err(failed)?
        }
        Row::When(test) => {
            let test = self::test(test, column)?;
            when(test.clone(), lit(1_i64)).when(test.is_false(), lit(0_i64)).end().map_err(failed)?
        }
        other => real(other, column)?,
    })
}

/// The number of one row as a float.
pub(super) fn real(row: &Row, column: &dyn Fn(&Gauge) -> Expr) -> Result<Expr> {
    Ok(match row {
        Row::Number(number) => lit(crate::formula::real(*number)),
        Row::Gauge(_) | Row::Present(_) | Row::When(_) => cast(self::row(row, column)?, DataType::Float64),
        Row::Negate(inner) => lit(0.0) - real(inner, column)?,
        Row::NullIf(inner, number) => nullif(real(inner, column)?, lit(crate::formula::real(*number))),
        Row::Binary(operator, left, right) => {
            let (left, right) = (real(left, column)?, real(right, column)?);
            match operator {
                Operator::Add => left + right,
                Operator::Subtract => left - right,
                Operator::Multiply => left * right,
                Operator::Divide => left / nullif(right, lit(0.0)),
            }
        }
    })
}

fn test(test: &Test, column: &dyn Fn(&Gauge) -> Expr) -> Result<Expr> {
    Ok(match test {
        Test::Compare(comparison, left, right) => {
            let (left, right) = (real(left, column)?, real(right, column)?);
            match comparison {
                Comparison::Equal => left.eq(right),
                Comparison::NotEqual => left.not_eq(right),
                Comparison::Less => left.lt(right),
                Comparison::AtMost => left.lt_eq(right),
                Comparison::More => left.gt(right),
                Comparison::AtLeast => left.gt_eq(right),
            }
        }
        Test::And(left, right) => self::test(left, column)?.and(self::test(right, column)?),
        Test::Or(left, right) => self::test(left, column)?.or(self::test(right, column)?),
        Test::Not(inner) => Expr::Not(Box::new(self::test(inner, column)?)),
    })
}

/// Rows that are valid now, or were at an instant.
pub(super) fn valid(as_of: Option<Timestamp>) -> Expr {
    match as_of {
        None => col("current"),
        Some(at) => col("recorded_at")
            .lt_eq(instant(at))
            .and(col("superseded_at").is_null().or(col("superseded_at").gt(instant(at)))),
    }
}

/// An instant as a literal.
pub(super) fn instant(at: Timestamp) -> Expr {
    lit(ScalarValue::TimestampMicrosecond(Some(at.as_microsecond()), Some("UTC".into())))
}
