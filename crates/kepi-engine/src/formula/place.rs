//! The SQL parser, and where its words stand in the text.

use datafusion::sql::sqlparser::{
    ast::Expr,
    dialect::GenericDialect,
    parser::Parser,
    tokenizer::{Location, Token, Tokenizer},
};

use crate::fault::Flaw;

/// Words and signs of a formula; a tree of more would be too deep to walk.
const MOST_WORDS: usize = 1000;

pub(super) fn read_sql(text: &str) -> Result<Expr, Flaw> {
    let whole = 0..text.len();
    let words = Tokenizer::new(&GenericDialect {}, text)
        .tokenize()
        .map_or(0, |words| words.iter().filter(|word| !matches!(word, Token::Whitespace(_))).count());
    if words > MOST_WORDS {
        return Err(Flaw::new(whole, format!("the formula is too long: {words} words and signs")).hint(
            format!("{MOST_WORDS} at most; a metric of the project's own may stand for a part of it"),
        ));
    }
    let refused = |error: String| {
        let (message, at) = split_location(&error);
        let span = at.map_or(whole.clone(), |at| {
            let start = offset(text, at);
            start..text.len().min(start + 1).max(start)
        });
        Flaw::new(span, format!("the formula cannot be read: {message}"))
            .hint("a formula is made of metric ids, numbers, + - * /, parentheses and functions")
    };
    let mut parser =
        Parser::new(&GenericDialect {}).try_with_sql(text).map_err(|error| refused(error.to_string()))?;
    let expression = parser.parse_expr().map_err(|error| refused(error.to_string()))?;
    let next = parser.peek_token();
    if next.token == Token::EOF {
        return Ok(expression);
    }
    let start = offset(text, next.span.start);
    Err(Flaw::new(
        start..offset(text, next.span.end).max(start),
        format!("{} was not expected here", next.token),
    )
    .hint("is an operator missing before it?"))
}

/// Splits `… at Line: 1, Column: 9` off a message of the parser.
pub(super) fn split_location(error: &str) -> (&str, Option<Location>) {
    let message = error.trim_start_matches("sql parser error: ");
    let Some((message, place)) = message.rsplit_once(" at Line: ") else { return (message, None) };
    let numbers: Vec<u64> = place.split(", Column: ").filter_map(|part| part.trim().parse().ok()).collect();
    let location = match numbers[..] {
        [line, column] => Some(Location { line, column }),
        _ => None,
    };
    (message, location)
}

/// The byte at a place of the parser, which counts lines and characters from 1.
pub(super) fn offset(text: &str, at: Location) -> usize {
    let line_start = text
        .split_inclusive('\n')
        .take(usize::try_from(at.line.saturating_sub(1)).unwrap_or(usize::MAX))
        .map(str::len)
        .sum::<usize>();
    let column = usize::try_from(at.column.saturating_sub(1)).unwrap_or(usize::MAX);
    let line = text.get(line_start..).unwrap_or_default();
    line_start + line.char_indices().nth(column).map_or(line.len(), |(byte, _)| byte)
}

/// The end of a call that begins at a byte: the parser's span ends with its last argument.
pub(super) fn closing(text: &str, start: usize) -> usize {
    let (mut depth, mut quoted) = (0_usize, false);
    for (byte, c) in text.char_indices().skip_while(|(byte, _)| *byte < start) {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth <= 1 => return byte + 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
    }
    text.len()
}
