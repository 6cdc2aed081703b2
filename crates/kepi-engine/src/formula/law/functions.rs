//! The functions that formulas know, each with what it may be given.

use std::ops::Range;

use kepi_core::{MetricId, Nature, SubjectKind, Unit};
use rust_decimal::Decimal;

use super::{Judge, Typed, arithmetic::quotient};
use crate::{
    formula::{
        ast::{Condition, Expression, Function, Node, Operator},
        program::{Fold, Gauge, Origin, Row, Selector, Shape, Test, Total},
    },
    kpi::Basis,
};

const NEED_PUBLISHED: &str = "basis = \"published\" counts each post once; or divide by count_posts()";

impl Judge<'_> {
    pub(super) fn gross(&mut self, inner: &Expression, age: Option<u16>) -> Option<Typed> {
        let metric = match &inner.node {
            Node::Metric(id) => {
                self.context.catalogue.get(id.as_str()).filter(|metric| metric.nature == Nature::People)
            }
            _ => None,
        };
        let Some(metric) = metric else {
            return self.refuse(
                &inner.span,
                "gross takes one metric that counts people",
                "other metrics are added without it, where that is lawful",
            );
        };
        let origin = self.origin(metric, false, &inner.span)?;
        let gauge = Row::Gauge(self.gauge(metric, origin, None, age));
        self.remark(format!("gross({}) counts a person as often as they were reached", metric.id));
        Some(self.sum(origin, gauge, metric.unit))
    }

    pub(super) fn per_post(
        &mut self,
        inner: &Expression,
        age: Option<u16>,
        span: &Range<usize>,
    ) -> Option<Typed> {
        self.need_published(span)?;
        let numerator = self.total(inner, age)?;
        if numerator.row.is_none() || numerator.shape != Shape::Extensive {
            return self.refuse(
                span,
                "per_post takes a sum over posts",
                "mean_over_posts(e) takes the mean of what each post has",
            );
        }
        let one = Row::Number(Decimal::ONE);
        let posts = self.sum(Origin::Posts, one, Unit::Count);
        let written = Expression { node: Node::Call(Function::CountPosts(None)), span: span.clone() };
        let unit = numerator.unit;
        Some(quotient(numerator, posts, written, unit))
    }

    pub(super) fn mean_over_posts(
        &mut self,
        inner: &Expression,
        age: Option<u16>,
        span: &Range<usize>,
    ) -> Option<Typed> {
        let (row, unit) = self.post_row(inner, age, span)?;
        let present = Row::Present(Box::new(row.clone()));
        let numerator = self.sum(Origin::Posts, row, unit.unwrap_or(Unit::Ratio));
        let denominator = self.sum(Origin::Posts, present, Unit::Count);
        let written = Expression {
            node: Node::Call(Function::MeanOverPosts(Box::new(inner.clone()))),
            span: span.clone(),
        };
        Some(quotient(numerator, denominator, written, unit))
    }

    pub(super) fn per_thousand(
        &mut self,
        inner: &Expression,
        age: Option<u16>,
        span: &Range<usize>,
    ) -> Option<Typed> {
        let numerator = self.total(inner, age)?;
        let followers = MetricId::from_static("followers_total");
        let gauge = Gauge { metric: followers.clone(), selector: Selector::Daily, segment: None };
        let origin = Origin::Subject(SubjectKind::Account);
        let level = self.single(origin, Fold::Last, Row::Gauge(gauge), Unit::Users, Shape::State);
        let thousand = Total::Number(Decimal::ONE_THOUSAND);
        let denominator = Typed {
            total: Total::Binary(Operator::Divide, Box::new(level.total), Box::new(thousand)),
            ..level
        };
        let unit = numerator.unit;
        let written = Expression { node: Node::Metric(followers), span: span.clone() };
        Some(quotient(numerator, denominator, written, unit))
    }

    pub(super) fn level(
        &mut self,
        inner: &Expression,
        fold: Fold,
        name: &str,
        span: &Range<usize>,
    ) -> Option<Typed> {
        let metric = match &inner.node {
            Node::Metric(id) => {
                self.context.catalogue.get(id.as_str()).filter(|metric| metric.nature == Nature::Level)
            }
            _ => None,
        };
        let Some(metric) = metric else {
            return self.refuse(
                span,
                format!("{name} takes one metric that is a state, such as followers_total"),
                "what happens in a period is added without it",
            );
        };
        let origin = self.origin(metric, false, span)?;
        let gauge = Row::Gauge(self.gauge(metric, origin, None, None));
        Some(self.single(origin, fold, gauge, metric.unit, Shape::State))
    }

    /// An expression on the numbers of one post: any kind of metric, for nothing is added there.
    pub(super) fn post_row(
        &mut self,
        expression: &Expression,
        age: Option<u16>,
        span: &Range<usize>,
    ) -> Option<(Row, Option<Unit>)> {
        self.need_published(span)?;
        self.row(expression, age)
    }

    pub(super) fn row(&mut self, expression: &Expression, age: Option<u16>) -> Option<(Row, Option<Unit>)> {
        let span = &expression.span;
        match &expression.node {
            Node::Number(number) => Some((Row::Number(*number), None)),
            Node::Metric(id) => {
                let metric = self.context.catalogue.get(id.as_str())?;
                self.within_platform(metric, span)?;
                if metric.project || !self.context.catalogue.has_column(SubjectKind::Post, id) {
                    return self.refuse(span, format!("posts have no {id}"), "functions over posts take metrics of posts; per_1k_followers(e) divides by followers");
                }
                Some((Row::Gauge(self.gauge(metric, Origin::Posts, None, age)), Some(metric.unit)))
            }
            Node::Negate(inner) => self.row(inner, age).map(|(row, unit)| (Row::Negate(Box::new(row)), unit)),
            Node::Binary(operator, left, right) => {
                let (a, b) = (self.row(left, age), self.row(right, age));
                let ((a, unit_a), (b, unit_b)) = (a?, b?);
                let unit = self.unit(*operator, unit_a, unit_b, span)?;
                Some((Row::Binary(*operator, Box::new(a), Box::new(b)), unit))
            }
            Node::Call(Function::AtAge(inner, days)) => self.row(inner, Some(*days)),
            Node::Call(Function::NullIf(inner, number)) => {
                self.row(inner, age).map(|(row, unit)| (Row::NullIf(Box::new(row), *number), unit))
            }
            Node::Call(_) => self.refuse(
                span,
                "only at_age and nullif can stand inside a function over posts",
                "take it out of the function",
            ),
        }
    }

    pub(super) fn test(&mut self, condition: &Condition, age: Option<u16>) -> Option<Test> {
        match condition {
            Condition::Compare(comparison, left, right) => {
                let (left, right) = (self.row(left, age), self.row(right, age));
                Some(Test::Compare(*comparison, Box::new(left?.0), Box::new(right?.0)))
            }
            Condition::And(left, right) => {
                let (left, right) = (self.test(left, age), self.test(right, age));
                Some(Test::And(Box::new(left?), Box::new(right?)))
            }
            Condition::Or(left, right) => {
                let (left, right) = (self.test(left, age), self.test(right, age));
                Some(Test::Or(Box::new(left?), Box::new(right?)))
            }
            Condition::Not(inner) => self.test(inner, age).map(|test| Test::Not(Box::new(test))),
        }
    }

    pub(super) fn need_published(&mut self, span: &Range<usize>) -> Option<()> {
        if self.context.basis == Basis::Published {
            return Some(());
        }
        self.refuse(span, "with basis = \"activity\" there is no one number per post", NEED_PUBLISHED)
    }
}
