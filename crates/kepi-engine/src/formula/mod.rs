//! Formulas: text → tree → what is lawful → a program of totals.

mod ast;
mod filter;
mod law;
mod parse;
mod place;
mod program;

pub use ast::{Comparison, Condition, Expression, Function, Node, Operator};
pub use filter::Filter;
pub(crate) use law::{Context, check};
pub(crate) use parse::{parse, parse_age};
pub(crate) use program::real;
pub use program::{Fold, Gauge, Origin, Part, Program, Row, Selector, Shape, Test, Total};
