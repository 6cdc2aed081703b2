//! Groups of posts by one text: the account and the post's dimensions together.
//!
//! Rows are grouped by few and cheap keys. Where a scorecard breaks posts down, the join brings this text along, so
//! that millions of rows are grouped by one text and not by one per dimension.

use datafusion::{
    functions::expr_fn::{concat, replace},
    logical_expr::{Expr, col, lit, when},
};
use kepi_core::Result;
use smol_str::SmolStr;

use super::{request::Dimension, table::failed};

/// The name of the column.
pub(super) const COLUMN: &str = "family";

/// Begins a dimension. No account holds it; where a dimension holds it, it stands twice.
const MARK: &str = "\u{1}";
const ABSENT: &str = "\u{1}0";
const PRESENT: &str = "\u{1}1";

/// The text, of a row of `posts`.
pub(super) fn expression(dimensions: &[Dimension]) -> Result<Expr> {
    let mut parts = vec![col("account")];
    for dimension in dimensions {
        let value = col(dimension.as_str());
        let escaped = replace(value.clone(), lit(MARK), lit(MARK.repeat(2)));
        let told = concat(vec![lit(PRESENT), escaped]);
        parts.push(when(value.is_null(), lit(ABSENT)).otherwise(told).map_err(failed)?);
    }
    Ok(concat(parts))
}

/// The account and the dimensions of a text. One that is an account alone is of posts that nothing else is known of.
pub(super) fn read(text: &str, dimensions: usize) -> (&str, Vec<Option<SmolStr>>) {
    let (account, mut rest) = text.split_at(text.find(MARK).unwrap_or(text.len()));
    let mut values = Vec::with_capacity(dimensions);
    while let Some(after) = rest.strip_prefix(ABSENT).or_else(|| rest.strip_prefix(PRESENT)) {
        let absent = rest.starts_with(ABSENT);
        let end = end(after);
        let (value, next) = after.split_at(end);
        values.push((!absent).then(|| SmolStr::new(value.replace(&MARK.repeat(2), MARK))));
        rest = next;
    }
    values.resize(dimensions, None);
    (account, values)
}

/// Where the next dimension begins: at a mark that does not stand twice.
fn end(text: &str) -> usize {
    let mut from = 0;
    while let Some(mark) = text[from..].find(MARK).map(|at| from + at) {
        if !text[mark + MARK.len()..].starts_with(MARK) {
            return mark;
        }
        from = mark + 2 * MARK.len();
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, account: &str, values: &[Option<&str>]) {
        let (found, read) = read(text, values.len());
        assert_eq!(found, account);
        assert_eq!(read.iter().map(Option::as_deref).collect::<Vec<_>>(), values, "{text:?}");
    }

    #[test]
    fn accounts_and_dimensions_are_read_back() {
        check("x/a", "x/a", &[]);
        check("x/a", "x/a", &[None, None]);
        check("x/a\u{1}0\u{1}1tips", "x/a", &[None, Some("tips")]);
        check("x/a\u{1}1\u{1}11", "x/a", &[Some(""), Some("1")]);
        check("x/a\u{1}1\u{1}\u{1}0\u{1}1b", "x/a", &[Some("\u{1}0"), Some("b")]);
        check("x/a\u{1}1a\u{1}\u{1}\u{1}0", "x/a", &[Some("a\u{1}"), None]);
    }
}
