//! The tree of a formula, as it was written.

use std::ops::Range;

use kepi_core::MetricId;
use rust_decimal::Decimal;
use smol_str::SmolStr;

/// An expression and where it stands in the formula's text.
#[derive(Debug, Clone)]
pub struct Expression {
    /// What it is.
    pub node: Node,
    /// Where it stands, in bytes of the formula.
    pub span: Range<usize>,
}

/// Two expressions are the same when they say the same, wherever they stand.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A number.
    Number(Decimal),
    /// A metric.
    Metric(MetricId),
    /// The opposite.
    Negate(Box<Expression>),
    /// Two expressions and an operator.
    Binary(Operator, Box<Expression>, Box<Expression>),
    /// One of kepi's functions.
    Call(Function),
}

/// The four operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`, null on a denominator of zero.
    Divide,
}

impl Operator {
    /// The operator as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }
}

/// A call of one of kepi's functions.
#[derive(Debug, Clone, PartialEq)]
pub enum Function {
    /// `gross(unique)`: the sum of people who may be counted more than once.
    Gross(Box<Expression>),
    /// `per_post(e)`: e over the number of posts.
    PerPost(Box<Expression>),
    /// `mean_over_posts(e)`: the mean of e of each post.
    MeanOverPosts(Box<Expression>),
    /// `median_over_posts(e)`: the median of e of each post.
    MedianOverPosts(Box<Expression>),
    /// `max_over_posts(e)`: the greatest e of any post.
    MaxOverPosts(Box<Expression>),
    /// `count_posts()` and `count_posts(condition)`.
    CountPosts(Option<Box<Condition>>),
    /// `days()`: the days of the period that are over.
    Days,
    /// `per_1k_followers(e)`: e over thousands of followers at the end of the period.
    PerThousandFollowers(Box<Expression>),
    /// `at_age(e, '7d')`: e of posts when they were so many days old.
    AtAge(Box<Expression>, u16),
    /// `at_start(level)`: a level as it stood before the period.
    AtStart(Box<Expression>),
    /// `mean_over_days(level)`: the mean of a level over the days on which it was read.
    MeanOverDays(Box<Expression>),
    /// `in_segment(metric, 'dimension', 'value')`: a metric of one part of its subject.
    InSegment(Box<Expression>, SmolStr, SmolStr),
    /// `nullif(e, number)`: nothing where e is that number.
    NullIf(Box<Expression>, Decimal),
}

/// A condition on the numbers of one post.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Two expressions compared.
    Compare(Comparison, Expression, Expression),
    /// Both hold.
    And(Box<Condition>, Box<Condition>),
    /// One holds.
    Or(Box<Condition>, Box<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
}

/// The six comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}
