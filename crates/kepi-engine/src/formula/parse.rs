//! Text → tree, through DataFusion's SQL parser.

use std::ops::Range;

use datafusion::sql::sqlparser::{
    ast::{
        BinaryOperator, Expr, Function as SqlFunction, FunctionArg, FunctionArgExpr, FunctionArguments,
        Spanned, UnaryOperator, Value,
    },
    tokenizer::Span,
};
use kepi_core::{Catalogue, document::nearest};
use rust_decimal::Decimal;

use super::ast::{Comparison, Condition, Expression, Function, Node, Operator};
use super::place::{closing, offset, read_sql};
use crate::fault::Flaw;

/// The functions that formulas know, with how they are written.
pub(super) const FUNCTIONS: [(&str, &str); 13] = [
    ("gross", "gross(reach)"),
    ("per_post", "per_post(likes)"),
    ("mean_over_posts", "mean_over_posts(likes / impressions)"),
    ("median_over_posts", "median_over_posts(likes)"),
    ("max_over_posts", "max_over_posts(likes)"),
    ("count_posts", "count_posts(impressions >= 1000)"),
    ("days", "days()"),
    ("per_1k_followers", "per_1k_followers(likes)"),
    ("at_age", "at_age(likes, '7d')"),
    ("at_start", "at_start(followers_total)"),
    ("mean_over_days", "mean_over_days(followers_total)"),
    ("in_segment", "in_segment(read_users, 'scene', 'message')"),
    ("nullif", "nullif(likes, 0)"),
];

/// Reads a formula.
///
/// All flaws that can be seen at once are told; their spans are bytes of the text.
pub(crate) fn parse(text: &str, catalogue: &Catalogue) -> Result<Expression, Vec<Flaw>> {
    let sql = read_sql(text).map_err(|flaw| vec![flaw])?;
    let mut reader = Reader { text, catalogue, flaws: Vec::new() };
    let expression = reader.expression(&sql);
    match expression {
        Some(expression) if reader.flaws.is_empty() => Ok(expression),
        _ => Err(reader.flaws),
    }
}

struct Reader<'a> {
    text: &'a str,
    catalogue: &'a Catalogue,
    flaws: Vec<Flaw>,
}

impl Reader<'_> {
    fn expression(&mut self, sql: &Expr) -> Option<Expression> {
        let span = self.span(sql);
        let node = match sql {
            Expr::Nested(inner) => return self.expression(inner),
            Expr::Value(value) => Node::Number(self.number(&value.value, &span)?),
            Expr::Identifier(name) => self.metric(&name.value, &span)?,
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
                Node::Negate(Box::new(self.expression(expr)?))
            }
            Expr::UnaryOp { op: UnaryOperator::Plus, expr } => return self.expression(expr),
            Expr::BinaryOp { left, op, right } => {
                let (left, right) = (self.expression(left), self.expression(right));
                let operator = self.operator(op, &span)?;
                Node::Binary(operator, Box::new(left?), Box::new(right?))
            }
            Expr::Function(function) => Node::Call(self.call(function, &span)?),
            other => return self.refuse(&span, format!("{other} is not part of formulas")),
        };
        Some(Expression { node, span })
    }

    fn number(&mut self, value: &Value, span: &Range<usize>) -> Option<Decimal> {
        match value {
            Value::Number(number, _) => {
                let parsed = Decimal::from_str_exact(number).or_else(|_| Decimal::from_scientific(number));
                parsed
                    .ok()
                    .or_else(|| self.refuse(span, format!("{number} is not a number that formulas can hold")))
            }
            Value::Null => self.refuse(span, "null is not part of formulas"),
            other => self.refuse(span, format!("{other} is not a number")),
        }
    }

    fn metric(&mut self, name: &str, span: &Range<usize>) -> Option<Node> {
        if let Some(metric) = self.catalogue.get(name) {
            return Some(Node::Metric(metric.id.clone()));
        }
        let known = self.catalogue.iter().map(|metric| metric.id.as_str());
        let near = nearest(name, known);
        let hint = near.map_or_else(
            || "a project's own metrics are declared in its configuration".to_owned(),
            |near| format!("did you mean {near}?"),
        );
        self.flaws.push(
            Flaw::new(span.clone(), format!("there is no metric {name}")).hint(hint).label("unknown metric"),
        );
        None
    }

    fn operator(&mut self, operator: &BinaryOperator, span: &Range<usize>) -> Option<Operator> {
        match operator {
            BinaryOperator::Plus => Some(Operator::Add),
            BinaryOperator::Minus => Some(Operator::Subtract),
            BinaryOperator::Multiply => Some(Operator::Multiply),
            BinaryOperator::Divide => Some(Operator::Divide),
            other => {
                self.refuse(span, format!("the operator {other} has no place here; formulas know + - * /"))
            }
        }
    }

    fn call(&mut self, sql: &SqlFunction, span: &Range<usize>) -> Option<Function> {
        let name = sql.name.to_string().to_lowercase();
        if !FUNCTIONS.iter().any(|(known, _)| *known == name) {
            self.flaws.push(unknown_function(&name, span));
            return None;
        }
        if sql.over.is_some() || sql.filter.is_some() || !sql.within_group.is_empty() {
            return self.refuse(span, format!("{name} takes no OVER, FILTER or WITHIN GROUP"));
        }
        let arguments = self.arguments(sql, span)?;
        self.function(&name, &arguments, span)
    }

    fn arguments<'e>(&mut self, sql: &'e SqlFunction, span: &Range<usize>) -> Option<Vec<&'e Expr>> {
        let FunctionArguments::List(list) = &sql.args else { return Some(Vec::new()) };
        if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
            return self.refuse(span, "DISTINCT and ORDER BY have no place in formulas");
        }
        let plain = |argument: &'e FunctionArg| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        };
        let arguments: Option<Vec<&Expr>> = list.args.iter().map(plain).collect();
        arguments.or_else(|| self.refuse(span, "only plain expressions can be arguments"))
    }

    fn function(&mut self, name: &str, arguments: &[&Expr], span: &Range<usize>) -> Option<Function> {
        let one = |reader: &mut Self, make: fn(Box<Expression>) -> Function| match arguments {
            [argument] => reader.expression(argument).map(Box::new).map(make),
            _ => reader.wrong_arguments(name, span),
        };
        match name {
            "gross" => one(self, Function::Gross),
            "per_post" => one(self, Function::PerPost),
            "mean_over_posts" => one(self, Function::MeanOverPosts),
            "median_over_posts" => one(self, Function::MedianOverPosts),
            "max_over_posts" => one(self, Function::MaxOverPosts),
            "per_1k_followers" => one(self, Function::PerThousandFollowers),
            "at_start" => one(self, Function::AtStart),
            "mean_over_days" => one(self, Function::MeanOverDays),
            "count_posts" => match arguments {
                [] => Some(Function::CountPosts(None)),
                [condition] => Some(Function::CountPosts(Some(Box::new(self.condition(condition)?)))),
                _ => self.wrong_arguments(name, span),
            },
            "days" => match arguments {
                [] => Some(Function::Days),
                _ => self.wrong_arguments(name, span),
            },
            "at_age" => match arguments {
                [argument, age] => {
                    let inner = self.expression(argument);
                    let age = self.age(age);
                    Some(Function::AtAge(Box::new(inner?), age?))
                }
                _ => self.wrong_arguments(name, span),
            },
            "in_segment" => match arguments {
                [argument, dimension, value] => {
                    let inner = self.expression(argument)?;
                    let (dimension, value) = (self.quoted(dimension)?, self.quoted(value)?);
                    Some(Function::InSegment(Box::new(inner), dimension.into(), value.into()))
                }
                _ => self.wrong_arguments(name, span),
            },
            _ => match arguments {
                [argument, number] => {
                    let inner = self.expression(argument)?;
                    let number_span = self.span(number);
                    let Expr::Value(value) = number else {
                        return self.refuse(&number_span, "nullif takes a number as its second argument");
                    };
                    Some(Function::NullIf(Box::new(inner), self.number(&value.value, &number_span)?))
                }
                _ => self.wrong_arguments(name, span),
            },
        }
    }

    fn condition(&mut self, sql: &Expr) -> Option<Condition> {
        let span = self.span(sql);
        match sql {
            Expr::Nested(inner) => self.condition(inner),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
                Some(Condition::Not(Box::new(self.condition(expr)?)))
            }
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                let (left, right) = (self.condition(left), self.condition(right));
                Some(Condition::And(Box::new(left?), Box::new(right?)))
            }
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
                let (left, right) = (self.condition(left), self.condition(right));
                Some(Condition::Or(Box::new(left?), Box::new(right?)))
            }
            Expr::BinaryOp { left, op, right } => {
                let comparison = match op {
                    BinaryOperator::Eq => Comparison::Equal,
                    BinaryOperator::NotEq => Comparison::NotEqual,
                    BinaryOperator::Lt => Comparison::Less,
                    BinaryOperator::LtEq => Comparison::AtMost,
                    BinaryOperator::Gt => Comparison::More,
                    BinaryOperator::GtEq => Comparison::AtLeast,
                    _ => return self.refuse(&span, "a condition compares, as in impressions >= 1000"),
                };
                let (left, right) = (self.expression(left), self.expression(right));
                Some(Condition::Compare(comparison, left?, right?))
            }
            _ => self.refuse(&span, "a condition compares, as in impressions >= 1000"),
        }
    }

    fn age(&mut self, sql: &Expr) -> Option<u16> {
        let span = self.span(sql);
        let text = self.quoted(sql)?;
        parse_age(&text)
            .or_else(|| self.refuse(&span, format!("{text:?} is not an age; ages are written '7d'")))
    }

    fn quoted(&mut self, sql: &Expr) -> Option<String> {
        if let Expr::Value(value) = sql
            && let Value::SingleQuotedString(text) = &value.value
        {
            return Some(text.clone());
        }
        let span = self.span(sql);
        self.refuse(&span, "a text in single quotes belongs here")
    }

    fn wrong_arguments<T>(&mut self, name: &str, span: &Range<usize>) -> Option<T> {
        let usage = FUNCTIONS.iter().find(|(known, _)| *known == name).map_or(name, |(_, usage)| usage);
        self.flaws.push(
            Flaw::new(span.clone(), format!("{name} has the wrong number of arguments"))
                .hint(format!("it is written {usage}")),
        );
        None
    }

    fn refuse<T>(&mut self, span: &Range<usize>, message: impl Into<String>) -> Option<T> {
        self.flaws.push(Flaw::new(span.clone(), message));
        None
    }

    fn span(&self, sql: &Expr) -> Range<usize> {
        let Span { start, end } = sql.span();
        if start.line == 0 {
            return 0..self.text.len();
        }
        let start = offset(self.text, start);
        let end = offset(self.text, end).max(start);
        if matches!(sql, Expr::Function(_)) { start..closing(self.text, start) } else { start..end }
    }
}

/// An age in whole days: `7d`.
pub(crate) fn parse_age(text: &str) -> Option<u16> {
    text.trim().strip_suffix('d')?.parse().ok().filter(|days| (1..=3660).contains(days))
}

fn unknown_function(name: &str, span: &Range<usize>) -> Flaw {
    let aggregate = match name {
        "sum" | "total" => {
            Some("sums are implicit: write the metric alone; of people, gross(reach) sums knowingly")
        }
        "avg" | "mean" => Some("write mean_over_posts(e), mean_over_days(level) or a ratio of sums a / b"),
        "median" | "percentile" | "approx_median" => Some("write median_over_posts(e)"),
        "count" => Some("write count_posts() or count_posts(condition)"),
        "max" => Some("write max_over_posts(e)"),
        "min" | "stddev" | "var" => {
            Some("a KPI is a total or a ratio of totals; look at single posts with SQL")
        }
        _ => None,
    };
    let flaw = Flaw::new(span.clone(), String::new());
    if let Some(alternative) = aggregate {
        let message = format!("{name} cannot be written: how a metric is aggregated follows from its kind");
        return Flaw { message, ..flaw }.hint(alternative).label("written aggregate");
    }
    if name == "coalesce" || name == "ifnull" {
        let message = format!(
            "{name} would fill what is absent: absent is not zero, and another metric is another definition"
        );
        return Flaw { message, ..flaw }.hint("write the metric alone: the coverage says what is missing");
    }
    let known = FUNCTIONS.iter().map(|(known, _)| *known);
    let hint = nearest(name, known).map_or_else(
        || format!("functions are {}", FUNCTIONS.map(|(known, _)| known).join(", ")),
        |near| format!("did you mean {near}?"),
    );
    Flaw { message: format!("there is no function {name}"), ..flaw }.hint(hint).label("unknown function")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let told = match parse(text, Catalogue::builtin()) {
            Ok(_) => "ok".to_owned(),
            Err(flaws) => flaws
                .iter()
                .map(|flaw| {
                    let place = &text[flaw.span.clone()];
                    format!("[{place}] {}; {}", flaw.message, flaw.hint.as_deref().unwrap_or("-"))
                })
                .collect::<Vec<_>>()
                .join("\n"),
        };
        assert_eq!(told, expected, "{text}");
    }

    #[test]
    fn formulas_are_read() {
        for good in [
            "platform_engagements / impressions",
            "(likes + comments - 2.5 * shares) / impressions * 1e3",
            "-likes",
            "mean_over_posts(likes / impressions)",
            "count_posts()",
            "count_posts() / days() * 7",
            "count_posts(impressions >= 1000 and not (likes < 3 or shares = 0))",
            "at_age(likes, '7d') / at_age(impressions, '7d')",
            "in_segment(read_users, 'scene', 'message') / delivered",
            "nullif(likes, 0)",
        ] {
            check(good, "ok");
        }
    }

    #[test]
    fn unknown_names_get_the_nearest() {
        check("likes / impresions", "[impresions] there is no metric impresions; did you mean impressions?");
        check("per_pots(likes)", "[per_pots(likes)] there is no function per_pots; did you mean per_post?");
    }

    #[test]
    fn all_flaws_are_told_at_once() {
        check(
            "(lkes + comments) /\n impresions",
            "[lkes] there is no metric lkes; did you mean likes?\n[impresions] there is no metric impresions; did you mean impressions?",
        );
    }

    #[test]
    fn aggregates_are_not_written() {
        check(
            "avg(likes)",
            "[avg(likes)] avg cannot be written: how a metric is aggregated follows from its kind; write mean_over_posts(e), mean_over_days(level) or a ratio of sums a / b",
        );
        check(
            "coalesce(likes, 0)",
            "[coalesce(likes, 0)] coalesce would fill what is absent: absent is not zero, and another metric is another definition; write the metric alone: the coverage says what is missing",
        );
    }

    #[test]
    fn a_formula_that_is_too_deep_to_walk_is_refused() {
        let chain = |terms: usize| vec!["likes"; terms].join(" + ");
        assert!(parse(&chain(500), Catalogue::builtin()).is_ok());
        for terms in [501, 30_000] {
            let flaws = parse(&chain(terms), Catalogue::builtin()).unwrap_err();
            assert!(flaws[0].message.contains("too long"), "{flaws:?}");
        }
        for deep in
            [format!("{}likes{}", "(".repeat(400), ")".repeat(400)), format!("{}likes", "-".repeat(900))]
        {
            let _ = parse(&deep, Catalogue::builtin());
        }
    }

    #[test]
    fn what_is_no_formula_is_refused_and_never_panics() {
        for bad in [
            "",
            "likes +",
            "likes likes",
            "'a'",
            "likes % 2",
            "(likes",
            "select 1",
            "likes > 2",
            "at_age(likes, 7)",
            "at_age(likes,'x')",
            "per_post()",
            "赞 / likes",
            "case when likes > 1 then 1 end",
            "likes is null",
            "\u{0}",
        ] {
            assert!(parse(bad, Catalogue::builtin()).is_err(), "{bad:?} passed");
        }
    }
}
