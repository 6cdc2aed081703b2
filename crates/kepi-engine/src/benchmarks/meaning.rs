//! What a formula is a figure of: what is counted, over what, of a post or of an account.

use std::{collections::BTreeSet, fmt};

use kepi_core::MetricId;

use super::BenchmarkRow;
use crate::formula::{Condition, Expression, Function, Node, Operator, real};

/// What people do with a post where everyone sees it.
const INTERACTIONS: [&str; 6] = ["likes", "reactions", "comments", "shares", "saves", "quotes"];

/// What a ratio is a figure of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Meaning {
    numerator: BTreeSet<String>,
    denominator: BTreeSet<String>,
    of_a_post: bool,
    /// What a plain ratio is multiplied with to be in the formula's scale.
    pub(super) scale: f64,
}

/// What differs between a formula and a published figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// How far apart the two are.
    pub(super) rank: u8,
    field: &'static str,
    text: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.text)
    }
}

impl Meaning {
    /// The meaning of a formula that is a ratio, scaled or not; `None` of anything else.
    pub(crate) fn of(formula: &Expression) -> Option<Self> {
        match &formula.node {
            Node::Binary(Operator::Divide, numerator, denominator) => {
                let (over, post) = match &numerator.node {
                    Node::Call(Function::PerPost(inner)) => (inner.as_ref(), true),
                    _ => (numerator.as_ref(), false),
                };
                let denominator = names(denominator);
                // Divided by the number of posts alone, it is a mean per post, not a rate.
                let known = !denominator.is_empty() && !denominator.contains("posts");
                known.then(|| Self { numerator: names(over), denominator, of_a_post: post, scale: 1.0 })
            }
            Node::Binary(Operator::Multiply, one, other) => {
                let (number, rest) = match (&one.node, &other.node) {
                    (Node::Number(number), _) => (number, other),
                    (_, Node::Number(number)) => (number, one),
                    _ => return None,
                };
                let inner = Self::of(rest)?;
                Some(Self { scale: inner.scale * real(*number), ..inner })
            }
            Node::Call(Function::MeanOverPosts(inner) | Function::MedianOverPosts(inner)) => {
                Self::of(inner).map(|inner| Self { of_a_post: true, ..inner })
            }
            Node::Call(Function::PerThousandFollowers(inner)) => {
                let (over, post) = match &inner.node {
                    Node::Call(Function::PerPost(inner)) => (inner.as_ref(), true),
                    _ => (inner.as_ref(), false),
                };
                let denominator = BTreeSet::from(["followers_total".to_owned()]);
                Some(Self { numerator: names(over), denominator, of_a_post: post, scale: 1000.0 })
            }
            Node::Call(Function::AtAge(inner, _) | Function::NullIf(inner, _)) => Self::of(inner),
            _ => None,
        }
    }

    /// The first thing in which a published figure differs; `None` where it is of the same.
    pub(super) fn differs(&self, row: &BenchmarkRow) -> Option<Difference> {
        let listed =
            |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(" + ");
        let different = |rank, field, text| Some(Difference { rank, field, text });
        if row.unit != "ratio" {
            return different(4, "unit", format!("the published figure is a {}", row.unit));
        }
        if row.denominator == "unstated" {
            let text = "the publication does not say what it divides by".to_owned();
            return different(3, "denominator", text);
        }
        if listed(&self.denominator) != row.denominator {
            let own = listed(&self.denominator);
            let text = format!("the KPI divides by {own}, the published figure by {}", row.denominator);
            return different(3, "denominator", text);
        }
        if !self.counts(&row.numerator) {
            let own = listed(&self.numerator);
            let text = match row.numerator.as_str() {
                "unstated" => format!("the KPI counts {own}, the publication does not say what it counts"),
                other => format!("the KPI counts {own}, the published figure {other}"),
            };
            return different(2, "numerator", text);
        }
        // What is summed over posts and divided by what is summed over posts is of the mean post as well.
        let same = match row.per.as_str() {
            "post" => self.of_a_post || !self.denominator.contains("followers_total"),
            _ => !self.of_a_post,
        };
        if !same {
            let own = if self.of_a_post { "a post" } else { "the account" };
            let other = if row.per == "post" { "a post" } else { "the account" };
            return different(1, "grain", format!("the KPI is of {own}, the published figure of {other}"));
        }
        None
    }

    fn counts(&self, published: &str) -> bool {
        if published != "interactions" {
            let published: BTreeSet<String> =
                published.split('+').map(|name| name.trim().to_owned()).collect();
            return self.numerator == published;
        }
        let only = self.numerator.iter().all(|name| INTERACTIONS.contains(&name.as_str()));
        let has = |name: &str| self.numerator.contains(name);
        only && has("comments") && (has("likes") || has("reactions"))
    }
}

/// The metrics that an expression names, and `posts` where it counts them.
fn names(expression: &Expression) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    gather(expression, &mut found);
    found
}

fn gather(expression: &Expression, into: &mut BTreeSet<String>) {
    let mut metric = |id: &MetricId| {
        into.insert(id.as_str().to_owned());
    };
    match &expression.node {
        Node::Number(_) => {}
        Node::Metric(id) => metric(id),
        Node::Negate(inner) => gather(inner, into),
        Node::Binary(_, left, right) => {
            gather(left, into);
            gather(right, into);
        }
        Node::Call(function) => call(function, into),
    }
}

fn call(function: &Function, into: &mut BTreeSet<String>) {
    match function {
        Function::Gross(inner)
        | Function::MeanOverPosts(inner)
        | Function::MedianOverPosts(inner)
        | Function::MaxOverPosts(inner)
        | Function::AtAge(inner, _)
        | Function::AtStart(inner)
        | Function::MeanOverDays(inner)
        | Function::NullIf(inner, _) => gather(inner, into),
        Function::PerPost(inner) => {
            gather(inner, into);
            into.insert("posts".to_owned());
        }
        Function::PerThousandFollowers(inner) => {
            gather(inner, into);
            into.insert("followers_total".to_owned());
        }
        Function::InSegment(inner, dimension, value) => {
            gather(inner, into);
            into.insert(format!("{dimension}={value}"));
        }
        Function::Days => {
            into.insert("days".to_owned());
        }
        Function::CountPosts(condition) => {
            into.insert("posts".to_owned());
            if let Some(condition) = condition {
                conditions(condition, into);
            }
        }
    }
}

fn conditions(condition: &Condition, into: &mut BTreeSet<String>) {
    match condition {
        Condition::Compare(_, left, right) => {
            gather(left, into);
            gather(right, into);
        }
        Condition::And(left, right) | Condition::Or(left, right) => {
            conditions(left, into);
            conditions(right, into);
        }
        Condition::Not(inner) => conditions(inner, into),
    }
}
