//! What may be added, and what may not: a formula is held against the kinds of its metrics before anything runs.

use std::ops::Range;

use kepi_core::{Additivity, Catalogue, Metric, MetricId, Nature, Platform, SubjectKind, Unit};
use rust_decimal::Decimal;
use smol_str::SmolStr;

use super::{
    ast::{Condition, Expression, Function, Node, Operator},
    program::{Fold, Gauge, Origin, Part, Program, Row, Selector, Shape, Test, Total},
};
use crate::{fault::Flaw, kpi::Basis};

/// What a formula is checked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) basis: Basis,
    /// The KPI's platforms; empty for all.
    pub(crate) platforms: &'a [Platform],
    /// The subject that the KPI asks for, where it does.
    pub(crate) subject: Option<SubjectKind>,
    /// The equal age that the KPI asks for, where it does.
    pub(crate) age: Option<u16>,
}

/// Turns a formula into a program, or says all that is unlawful in it.
pub(crate) fn check(formula: &Expression, context: Context<'_>) -> Result<Program, Vec<Flaw>> {
    let mut judge = Judge { context, parts: Vec::new(), remarks: Vec::new(), flaws: Vec::new() };
    let typed = judge.total(formula, context.age);
    if judge.flaws.is_empty() && judge.parts.is_empty() {
        judge.refuse::<()>(&formula.span, "the formula reads no metric", "name at least one metric");
    }
    let (Some(typed), true) = (typed, judge.flaws.is_empty()) else { return Err(judge.flaws) };
    let ratio = typed.ratio.map(|ratio| *ratio);
    let cluster = ratio
        .as_ref()
        .filter(|_| context.basis == Basis::Published)
        .and_then(|ratio| Some((ratio.numerator.1.clone()?, ratio.denominator.1.clone()?)));
    Ok(Program {
        total: typed.total,
        parts: judge.parts,
        ratio: ratio.map(|ratio| (ratio.numerator.0, ratio.denominator.0)),
        cluster,
        unit: typed.unit.unwrap_or(Unit::Ratio),
        shape: typed.shape,
        remarks: judge.remarks,
    })
}

/// A total with what the law must know of it.
struct Typed {
    total: Total,
    /// `None` of a bare number.
    unit: Option<Unit>,
    shape: Shape,
    /// The same of one post, where it is linear in posts.
    row: Option<Row>,
    ratio: Option<Box<Quotient>>,
}

struct Quotient {
    numerator: (Total, Option<Row>),
    denominator: (Total, Option<Row>),
    /// The denominator as it was written.
    written: Expression,
}

struct Judge<'a> {
    context: Context<'a>,
    parts: Vec<Part>,
    remarks: Vec<String>,
    flaws: Vec<Flaw>,
}

const NEED_PUBLISHED: &str = "basis = \"published\" counts each post once; or divide by count_posts()";

impl Judge<'_> {
    fn total(&mut self, expression: &Expression, age: Option<u16>) -> Option<Typed> {
        let span = &expression.span;
        match &expression.node {
            Node::Number(number) => Some(Typed {
                total: Total::Number(*number),
                unit: None,
                shape: Shape::Intensive,
                row: Some(Row::Number(*number)),
                ratio: None,
            }),
            Node::Metric(id) => self.metric(id, None, age, span),
            Node::Negate(inner) => self.total(inner, age).map(negate),
            Node::Binary(operator, left, right) => {
                let (a, b) = (self.total(left, age), self.total(right, age));
                self.binary(*operator, a?, (b?, right), span)
            }
            Node::Call(function) => self.call(function, age, span),
        }
    }

    fn call(&mut self, function: &Function, age: Option<u16>, span: &Range<usize>) -> Option<Typed> {
        match function {
            Function::Gross(inner) => self.gross(inner, age),
            Function::PerPost(inner) => self.per_post(inner, age, span),
            Function::MeanOverPosts(inner) => self.mean_over_posts(inner, age, span),
            Function::MedianOverPosts(inner) => {
                let (row, unit) = self.post_row(inner, age, span)?;
                let total = self.part(Origin::Posts, Fold::Median, row);
                Some(Typed { total, unit, shape: Shape::Intensive, row: None, ratio: None })
            }
            Function::CountPosts(None) => {
                let total = self.part(Origin::Known, Fold::Sum, Row::Number(Decimal::ONE));
                Some(Typed {
                    total,
                    unit: Some(Unit::Count),
                    shape: Shape::Extensive,
                    row: None,
                    ratio: None,
                })
            }
            Function::CountPosts(Some(condition)) => {
                self.need_published(span)?;
                let row = Row::When(self.test(condition, age)?);
                let total = self.part(Origin::Posts, Fold::Sum, row.clone());
                Some(Typed {
                    total,
                    unit: Some(Unit::Count),
                    shape: Shape::Extensive,
                    row: Some(row),
                    ratio: None,
                })
            }
            Function::PerThousandFollowers(inner) => self.per_thousand(inner, age, span),
            Function::AtAge(inner, days) => {
                if self.context.basis == Basis::Activity {
                    return self.refuse(
                        span,
                        "at_age reads posts at an equal age, which basis = \"activity\" has not",
                        "set basis = \"published\"",
                    );
                }
                self.total(inner, Some(*days))
            }
            Function::AtStart(inner) => self.level(inner, Fold::First, "at_start", span),
            Function::MeanOverDays(inner) => self.level(inner, Fold::MeanOfDays, "mean_over_days", span),
            Function::InSegment(inner, dimension, value) => match &inner.node {
                Node::Metric(id) => self.metric(id, Some((dimension.clone(), value.clone())), age, span),
                _ => self.refuse(
                    span,
                    "in_segment takes one metric",
                    "write in_segment(metric, 'dimension', 'value')",
                ),
            },
            Function::NullIf(inner, number) => {
                let inner = self.total(inner, age)?;
                Some(Typed {
                    total: Total::NullIf(Box::new(inner.total), *number),
                    row: None,
                    ratio: None,
                    ..inner
                })
            }
        }
    }

    fn metric(
        &mut self,
        id: &MetricId,
        segment: Option<(SmolStr, SmolStr)>,
        age: Option<u16>,
        span: &Range<usize>,
    ) -> Option<Typed> {
        let metric = self.context.catalogue.get(id.as_str())?;
        let origin = self.origin(metric, segment.is_some(), span)?;
        self.within_platform(metric, span)?;
        let gauge = Row::Gauge(self.gauge(metric, origin, segment, age));
        match (metric.nature, origin) {
            (Nature::Count | Nature::Money, _) => Some(self.sum(origin, gauge, metric.unit)),
            (Nature::Level, _) => Some(self.single(origin, Fold::Last, gauge, metric.unit, Shape::State)),
            (Nature::People, Origin::Subject(_)) => {
                Some(self.single(origin, Fold::Exact, gauge, metric.unit, Shape::Intensive))
            }
            (Nature::People, _) => self.refuse(
                span,
                format!(
                    "{id} counts people, who are never added over posts: one person may have seen several"
                ),
                self.people_alternatives(id),
            ),
            (Nature::Mean, _) => self.weighted(metric, origin, gauge, age, span),
            (Nature::Ratio, Origin::Subject(_)) => {
                Some(self.single(origin, Fold::Exact, gauge, metric.unit, Shape::Intensive))
            }
            (Nature::Ratio, _) => self.refuse(
                span,
                format!("{id} is a ratio as the platform gives it, and ratios are not added"),
                format!("compute it from its parts as a ratio of sums, or say mean_over_posts({id})"),
            ),
        }
    }

    /// Where a metric is read from: what the KPI asks for, else its own kind of subject.
    fn origin(&mut self, metric: &Metric, segmented: bool, span: &Range<usize>) -> Option<Origin> {
        let Context { catalogue, subject, basis, .. } = self.context;
        let of = |kind| if kind == SubjectKind::Post { Origin::Posts } else { Origin::Subject(kind) };
        if segmented || metric.project {
            let kind = subject.unwrap_or(SubjectKind::Account);
            if kind == SubjectKind::Post {
                return self.refuse(
                    span,
                    format!(
                        "{} of posts stands in a side table, which formulas read per account only",
                        metric.id
                    ),
                    "set subject = \"account\", or leave it out",
                );
            }
            return Some(Origin::Subject(kind));
        }
        let kinds: Vec<SubjectKind> = catalogue.subjects(&metric.id).collect();
        if let Some(kind) = subject.filter(|kind| kinds.contains(kind)) {
            return Some(of(kind));
        }
        let whole = !matches!(metric.nature, Nature::Count | Nature::Money);
        if basis == Basis::Activity && whole && kinds.contains(&SubjectKind::Account) {
            return Some(Origin::Subject(SubjectKind::Account));
        }
        if kinds.contains(&SubjectKind::Post) {
            return Some(Origin::Posts);
        }
        kinds.first().copied().map(of)
    }

    fn gauge(
        &self,
        metric: &Metric,
        origin: Origin,
        segment: Option<(SmolStr, SmolStr)>,
        age: Option<u16>,
    ) -> Gauge {
        let selector = match (origin, self.context.basis) {
            (Origin::Posts, Basis::Published) => age.map_or(Selector::Newest, Selector::Age),
            _ => Selector::Daily,
        };
        Gauge { metric: metric.id.clone(), selector, segment }
    }

    /// A metric whose definition is the platform's own is not added over platforms.
    fn within_platform(&mut self, metric: &Metric, span: &Range<usize>) -> Option<()> {
        if metric.additivity != Additivity::WithinPlatform || self.context.platforms.len() == 1 {
            return Some(());
        }
        let over = if self.context.platforms.is_empty() { "all platforms" } else { "several platforms" };
        self.refuse(
            span,
            format!("{} is each platform's own definition ({}) and this KPI goes over {over}", metric.id, metric.definition),
            "declare one KPI per platform, for example platforms = [\"x\"], or use metrics that mean the same everywhere",
        )
    }

    fn people_alternatives(&self, id: &MetricId) -> String {
        let account = self.context.catalogue.has_column(SubjectKind::Account, id);
        let own = if account {
            "; subject = \"account\" takes the platform's own figure for exactly the period"
        } else {
            ""
        };
        format!(
            "gross({id}) sums knowingly and says so; mean_over_posts({id}) and median_over_posts({id}) look at single posts{own}"
        )
    }

    /// A mean is added with its weight: Σ mean·weight / Σ weight.
    fn weighted(
        &mut self,
        metric: &Metric,
        origin: Origin,
        gauge: Row,
        age: Option<u16>,
        span: &Range<usize>,
    ) -> Option<Typed> {
        let kind = if let Origin::Subject(kind) = origin { kind } else { SubjectKind::Post };
        let weight = metric
            .weight
            .as_ref()
            .filter(|weight| self.context.catalogue.has_column(kind, weight))
            .and_then(|weight| self.context.catalogue.get(weight.as_str()));
        let Some(weight) = weight else {
            return self.refuse(
                span,
                format!("{} is a mean without a weight, and means are not added without one", metric.id),
                "use a sum and a count instead",
            );
        };
        let weight = Row::Gauge(self.gauge(weight, origin, None, age));
        let product = Row::Binary(Operator::Multiply, Box::new(gauge), Box::new(weight.clone()));
        let numerator = self.sum(origin, product, metric.unit);
        let denominator = self.sum(origin, weight, Unit::Count);
        let written = Expression { node: Node::Metric(metric.id.clone()), span: span.clone() };
        Some(quotient(numerator, denominator, written, Some(metric.unit)))
    }

    fn gross(&mut self, inner: &Expression, age: Option<u16>) -> Option<Typed> {
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
        let remark = format!("gross({}) counts a person as often as they were reached", metric.id);
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
        Some(self.sum(origin, gauge, metric.unit))
    }

    fn per_post(&mut self, inner: &Expression, age: Option<u16>, span: &Range<usize>) -> Option<Typed> {
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

    fn mean_over_posts(
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

    fn per_thousand(&mut self, inner: &Expression, age: Option<u16>, span: &Range<usize>) -> Option<Typed> {
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

    fn level(&mut self, inner: &Expression, fold: Fold, name: &str, span: &Range<usize>) -> Option<Typed> {
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
    fn post_row(
        &mut self,
        expression: &Expression,
        age: Option<u16>,
        span: &Range<usize>,
    ) -> Option<(Row, Option<Unit>)> {
        self.need_published(span)?;
        self.row(expression, age)
    }

    fn row(&mut self, expression: &Expression, age: Option<u16>) -> Option<(Row, Option<Unit>)> {
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

    fn test(&mut self, condition: &Condition, age: Option<u16>) -> Option<Test> {
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

    fn binary(
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

    fn added(
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
    fn unit(
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

    fn need_published(&mut self, span: &Range<usize>) -> Option<()> {
        if self.context.basis == Basis::Published {
            return Some(());
        }
        self.refuse(span, "with basis = \"activity\" there is no one number per post", NEED_PUBLISHED)
    }

    fn sum(&mut self, origin: Origin, row: Row, unit: Unit) -> Typed {
        let kept = (origin == Origin::Posts).then(|| row.clone());
        let total = self.part(origin, Fold::Sum, row);
        Typed { total, unit: Some(unit), shape: Shape::Extensive, row: kept, ratio: None }
    }

    fn single(&mut self, origin: Origin, fold: Fold, row: Row, unit: Unit, shape: Shape) -> Typed {
        let total = self.part(origin, fold, row);
        Typed { total, unit: Some(unit), shape, row: None, ratio: None }
    }

    fn part(&mut self, origin: Origin, fold: Fold, row: Row) -> Total {
        let part = Part { origin, fold, row };
        let place = self.parts.iter().position(|known| *known == part).unwrap_or_else(|| {
            self.parts.push(part);
            self.parts.len() - 1
        });
        Total::Part(place)
    }

    fn refuse<T>(
        &mut self,
        span: &Range<usize>,
        reason: impl Into<String>,
        alternative: impl Into<String>,
    ) -> Option<T> {
        self.flaws.push(Flaw::new(span.clone(), reason).hint(alternative).label("not lawful"));
        None
    }
}

fn binary(operator: Operator, left: Total, right: Total) -> Total {
    Total::Binary(operator, Box::new(left), Box::new(right))
}

fn rows(operator: Operator, left: Option<Row>, right: Option<Row>) -> Option<Row> {
    Some(Row::Binary(operator, Box::new(left?), Box::new(right?)))
}

fn negate(typed: Typed) -> Typed {
    let opposite = |(total, row): (Total, Option<Row>)| {
        (Total::Negate(Box::new(total)), row.map(|row| Row::Negate(Box::new(row))))
    };
    let (total, row) = opposite((typed.total, typed.row));
    let ratio =
        typed.ratio.map(|ratio| Box::new(Quotient { numerator: opposite(ratio.numerator), ..*ratio }));
    Typed { total, row, ratio, ..typed }
}

/// A total times or over a bare number: what it is stays as it was.
fn scaled(typed: Typed, operator: Operator, by: Typed) -> Typed {
    let scale = |(total, row): (Total, Option<Row>)| {
        (binary(operator, total, by.total.clone()), rows(operator, row, by.row.clone()))
    };
    let ratio = typed.ratio.map(|ratio| Box::new(Quotient { numerator: scale(ratio.numerator), ..*ratio }));
    let (total, row) = scale((typed.total, typed.row));
    Typed { total, row, ratio, ..typed }
}

/// A ratio plus or minus a number: (n ± k·d) / d.
fn shifted(ratio: Quotient, operator: Operator, by: &Total) -> Quotient {
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

fn quotient(numerator: Typed, denominator: Typed, written: Expression, unit: Option<Unit>) -> Typed {
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
