//! What the four operators may join, and what comes of it.

use std::ops::Range;

use kepi_core::Unit;
use rust_decimal::Decimal;

use super::{Judge, Quotient, Typed};
use crate::formula::{
    ast::{Expression, Node, Operator},
    program::{Row, Shape, Total},
};

impl Judge<'_> {
    pub(super) fn binary(
        &mut self,
        operator: Operator,
        left: Typed,
        (right, right_written): (Typed, &Expression),
        span: &Range<usize>,
    ) -> Option<Typed> {
        let unit = self.unit(operator, left.unit, right.unit, span)?;
        match operator {
            Operator::Divide => {
                if right_written.node == Node::Number(Decimal::ZERO) {
                    return self.refuse(
                        &right_written.span,
                        "this divides by zero",
                        "take another denominator",
                    );
                }
                if right.unit.is_none() {
                    return Some(scaled(left, operator, right));
                }
                Some(quotient(left, right, right_written.clone(), unit))
            }
            Operator::Multiply if right.unit.is_none() => Some(scaled(left, operator, right)),
            Operator::Multiply if left.unit.is_none() => Some(scaled(right, operator, left)),
            Operator::Multiply => Some(Typed {
                total: binary(operator, left.total, right.total),
                unit,
                shape: Shape::Intensive,
                row: None,
                ratio: None,
            }),
            Operator::Add | Operator::Subtract => self.added(operator, left, right, unit, span),
        }
    }

    pub(super) fn added(
        &mut self,
        operator: Operator,
        left: Typed,
        right: Typed,
        unit: Option<Unit>,
        span: &Range<usize>,
    ) -> Option<Typed> {
        let states = (left.shape == Shape::State) != (right.shape == Shape::State);
        if states && left.unit.is_some() && right.unit.is_some() {
            return self.refuse(
                span,
                "a state is not added to what happened in a period",
                "the change of a state is followers_total - at_start(followers_total)",
            );
        }
        let ratio = match (left.ratio, right.ratio) {
            (Some(a), Some(b)) if a.written == b.written => Some(Box::new(Quotient {
                numerator: (
                    binary(operator, a.numerator.0, b.numerator.0),
                    rows(operator, a.numerator.1, b.numerator.1),
                ),
                ..*a
            })),
            (Some(_), Some(_)) => {
                return self.refuse(
                    span,
                    "these ratios have different denominators and cannot be added",
                    "put both numerators over one denominator, or declare two KPIs",
                );
            }
            (Some(a), None) if right.unit.is_none() => Some(Box::new(shifted(*a, operator, &right.total))),
            (None, Some(_)) | (Some(_), None) if left.unit.is_some() && right.unit.is_some() => {
                return self.refuse(span, "a ratio is not added to a sum", "put both over one denominator");
            }
            _ => None,
        };
        let shape = if left.unit.is_none() { right.shape } else { left.shape };
        Some(Typed {
            total: binary(operator, left.total, right.total),
            unit,
            shape,
            row: rows(operator, left.row, right.row),
            ratio,
        })
    }

    /// The unit of a result; refuses sums of unlike things and products without meaning.
    pub(super) fn unit(
        &mut self,
        operator: Operator,
        a: Option<Unit>,
        b: Option<Unit>,
        span: &Range<usize>,
    ) -> Option<Option<Unit>> {
        let Some((x, y)) = a.zip(b) else {
            let unit = a.or(b);
            let bare = matches!(operator, Operator::Add | Operator::Subtract) && a.is_some() != b.is_some();
            if bare && unit != Some(Unit::Ratio) {
                return self.refuse(
                    span,
                    "a bare number is not added to a metric",
                    "numbers scale: multiply or divide by them",
                );
            }
            return Some(if operator == Operator::Divide && a.is_none() && b.is_some() {
                Some(Unit::Ratio)
            } else {
                unit
            });
        };
        match operator {
            Operator::Add | Operator::Subtract if x == y => Some(Some(x)),
            Operator::Add | Operator::Subtract => self.refuse(
                span,
                format!("{} and {} are not added", x.as_str(), y.as_str()),
                "divide one by the other, or declare two KPIs",
            ),
            Operator::Multiply if x == Unit::Ratio => Some(Some(y)),
            Operator::Multiply if y == Unit::Ratio => Some(Some(x)),
            Operator::Multiply => self.refuse(
                span,
                "two metrics are not multiplied",
                "a product is lawful with a number or a ratio",
            ),
            Operator::Divide if y == Unit::Ratio => Some(Some(x)),
            Operator::Divide => Some(Some(match (x, y) {
                (Unit::Money | Unit::Seconds | Unit::Score, _) if x != y => x,
                _ => Unit::Ratio,
            })),
        }
    }
}

pub(super) fn binary(operator: Operator, left: Total, right: Total) -> Total {
    Total::Binary(operator, Box::new(left), Box::new(right))
}

pub(super) fn rows(operator: Operator, left: Option<Row>, right: Option<Row>) -> Option<Row> {
    Some(Row::Binary(operator, Box::new(left?), Box::new(right?)))
}

pub(super) fn negate(typed: Typed) -> Typed {
    let opposite = |(total, row): (Total, Option<Row>)| {
        (Total::Negate(Box::new(total)), row.map(|row| Row::Negate(Box::new(row))))
    };
    let (total, row) = opposite((typed.total, typed.row));
    let ratio =
        typed.ratio.map(|ratio| Box::new(Quotient { numerator: opposite(ratio.numerator), ..*ratio }));
    Typed { total, row, ratio, ..typed }
}

/// A total times or over a bare number: what it is stays as it was.
pub(super) fn scaled(typed: Typed, operator: Operator, by: Typed) -> Typed {
    let scale = |(total, row): (Total, Option<Row>)| {
        (binary(operator, total, by.total.clone()), rows(operator, row, by.row.clone()))
    };
    let ratio = typed.ratio.map(|ratio| Box::new(Quotient { numerator: scale(ratio.numerator), ..*ratio }));
    let (total, row) = scale((typed.total, typed.row));
    Typed { total, row, ratio, ..typed }
}

/// A ratio plus or minus a number: (n ± k·d) / d.
pub(super) fn shifted(ratio: Quotient, operator: Operator, by: &Total) -> Quotient {
    let times = binary(Operator::Multiply, ratio.denominator.0.clone(), by.clone());
    let row = match (ratio.numerator.1, ratio.denominator.1.clone(), by) {
        (Some(n), Some(d), Total::Number(k)) => {
            let shift = Row::Binary(Operator::Multiply, Box::new(d), Box::new(Row::Number(*k)));
            rows(operator, Some(n), Some(shift))
        }
        _ => None,
    };
    Quotient { numerator: (binary(operator, ratio.numerator.0, times), row), ..ratio }
}

pub(super) fn quotient(
    numerator: Typed,
    denominator: Typed,
    written: Expression,
    unit: Option<Unit>,
) -> Typed {
    let total = binary(Operator::Divide, numerator.total.clone(), denominator.total.clone());
    let extensive = numerator.shape == Shape::Extensive && denominator.shape == Shape::State;
    Typed {
        total,
        unit,
        shape: if extensive { Shape::Extensive } else { Shape::Intensive },
        row: None,
        ratio: Some(Box::new(Quotient {
            numerator: (numerator.total, numerator.row),
            denominator: (denominator.total, denominator.row),
            written,
        })),
    }
}
