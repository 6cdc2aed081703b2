//! What may be added, and what may not: a formula is held against the kinds of its metrics before anything runs.

mod arithmetic;
mod functions;

use std::ops::Range;

use kepi_core::{Additivity, Catalogue, Metric, MetricId, Nature, Platform, SubjectKind, Unit};
use rust_decimal::Decimal;
use smol_str::SmolStr;

use self::arithmetic::{negate, quotient};
use super::{
    ast::{Expression, Function, Node, Operator},
    program::{Fold, Gauge, Origin, Part, Program, Row, Selector, Shape, Total},
};
use crate::{fault::Flaw, kpi::Basis};

/// What accounts have and posts bring as well: of a period, the account's own is meant unless a KPI says otherwise.
const OF_ACCOUNTS: [&str; 3] = ["follows_gained", "follows_lost", "follows_net"];

/// Events that each source puts down to what it knows, within a window of its own.
const ATTRIBUTED: [&str; 3] = ["leads", "conversions", "orders"];

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
    if judge.flaws.is_empty() && judge.parts.iter().all(|part| part.origin == Origin::Calendar) {
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

/// The change of a state beside what happened in the period happened there too: followers who came and went explain
/// it, and what they do not explain is told.
fn happened(written: &Expression, change: &mut Typed, beside: &Typed) {
    let Node::Binary(Operator::Subtract, end, start) = &written.node else { return };
    let Node::Call(Function::AtStart(start)) = &start.node else { return };
    if start != end || beside.shape != Shape::Extensive || beside.ratio.is_some() {
        return;
    }
    change.shape = Shape::Extensive;
    if change.unit == Some(Unit::Users) && beside.unit == Some(Unit::Count) {
        change.unit = beside.unit;
    }
}

struct Judge<'a> {
    context: Context<'a>,
    parts: Vec<Part>,
    remarks: Vec<String>,
    flaws: Vec<Flaw>,
}

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
                let (mut a, mut b) = (a?, b?);
                if matches!(operator, Operator::Add | Operator::Subtract) {
                    happened(left, &mut a, &b);
                    happened(right, &mut b, &a);
                }
                self.binary(*operator, a, (b, right), span)
            }
            Node::Call(function) => self.call(function, age, span),
        }
    }

    fn call(&mut self, function: &Function, age: Option<u16>, span: &Range<usize>) -> Option<Typed> {
        match function {
            Function::Gross(inner) => self.gross(inner, age),
            Function::PerPost(inner) => self.per_post(inner, age, span),
            Function::MeanOverPosts(inner) => self.mean_over_posts(inner, age, span),
            Function::MedianOverPosts(inner) | Function::MaxOverPosts(inner) => {
                let (row, unit) = self.post_row(inner, age, span)?;
                let most = matches!(function, Function::MaxOverPosts(_));
                let total = self.part(Origin::Posts, if most { Fold::Max } else { Fold::Median }, row);
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
            Function::Days => {
                let total = self.part(Origin::Calendar, Fold::Sum, Row::Number(Decimal::ONE));
                let unit = Some(Unit::Count);
                Some(Typed { total, unit, shape: Shape::Extensive, row: None, ratio: None })
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
        if basis == Basis::Activity && subject.is_none() && OF_ACCOUNTS.contains(&metric.id.as_str()) {
            self.remark(format!(
                "{} is the account's own; subject = \"post\" reads what posts brought",
                metric.id
            ));
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
        if self.context.platforms.len() == 1 {
            return Some(());
        }
        let over = if self.context.platforms.is_empty() { "all platforms" } else { "several platforms" };
        if ATTRIBUTED.contains(&metric.id.as_str()) {
            return self.refuse(
                span,
                format!("{} are attributed by each source in its own way and window, and this KPI goes over {over}", metric.id),
                "declare one KPI per platform: two sources give two numbers, which are not added",
            );
        }
        if metric.additivity != Additivity::WithinPlatform {
            return Some(());
        }
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

    /// What every output must say, once.
    fn remark(&mut self, remark: String) {
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
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
