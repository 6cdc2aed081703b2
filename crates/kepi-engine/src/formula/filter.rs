//! Conditions on what posts are: `format = 'video' and language in ('zh', 'en')`.
//!
//! They become expressions of a plan at once, made of DataFusion's own functions. What is not known of a post is
//! neither equal nor unequal: such a post does not meet the condition.

use std::{collections::BTreeMap, ops::Range};

use datafusion::{
    common::tree_node::TreeNode,
    functions::expr_fn::{coalesce, lower, regexp_like, strpos},
    functions_nested::expr_fn::{array_has_any, make_array, string_to_array},
    logical_expr::{Expr as Plan, col, lit},
    scalar::ScalarValue,
    sql::sqlparser::{
        ast::{
            BinaryOperator, Expr, Function as SqlFunction, FunctionArg, FunctionArgExpr, FunctionArguments,
            Spanned, UnaryOperator, Value,
        },
        tokenizer::Span,
    },
};
use kepi_core::{PostRef, document::one_of_hint};

use super::place::{closing, offset, read_sql};
use crate::{address::one_address_of, fault::Flaw};

/// Attributes that are texts.
const TEXTS: [&str; 11] = [
    "account",
    "post",
    "platform",
    "format",
    "title",
    "text",
    "url",
    "language",
    "category",
    "campaign",
    "product_type",
];
/// Attributes that hold or do not.
const FLAGS: [&str; 1] = ["is_reply"];
/// Functions, with how they are written.
const FUNCTIONS: [(&str, &str); 4] = [
    ("contains", "contains(text, 'launch')"),
    ("matches", "matches(text, 'launch|新品')"),
    ("hashtag", "hashtag('launch')"),
    ("url_parameter", "url_parameter('utm_campaign', 'spring')"),
];

/// A condition on what a post is.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// As it was written.
    pub written: String,
    condition: Plan,
}

impl Filter {
    /// Reads a condition; all flaws that can be seen at once are told.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<Flaw>> {
        let sql = read_sql(text).map_err(|flaw| {
            vec![flaw.hint("a condition compares attributes of posts, as in format = 'video'")]
        })?;
        let mut reader = Reader { text, flaws: Vec::new() };
        match reader.condition(&sql) {
            Some(condition) if reader.flaws.is_empty() => Ok(Self { written: text.to_owned(), condition }),
            _ => Err(reader.flaws),
        }
    }

    /// Holds for posts of a list: by id or by address, of an account or of any.
    pub(crate) fn listed(
        written: String,
        ids: BTreeMap<Option<String>, Vec<String>>,
        addresses: BTreeMap<Option<String>, Vec<String>>,
    ) -> Self {
        let of = |column: Plan, account: Option<String>, values: Vec<String>| {
            let listed = column.clone().in_list(values.iter().map(lit).collect(), false);
            let listed = or_earlier(listed, &column, &values, false);
            account.map_or(listed.clone(), |account| col("account").eq(lit(account)).and(listed))
        };
        let ids = ids.into_iter().map(|(account, values)| of(col("post"), account, values));
        let addresses =
            addresses.into_iter().map(|(account, values)| of(one_address_of(col("url")), account, values));
        let condition = ids.chain(addresses).reduce(Plan::or).unwrap_or_else(|| lit(false));
        Self { written, condition }
    }

    /// Whether it looks at these attributes alone, and never holds where none of them is known.
    pub(crate) fn looks_only_at(&self, attributes: &[&str]) -> bool {
        let asks_if_known = |part: &Plan| Ok(matches!(part, Plan::IsNull(_) | Plan::IsNotNull(_)));
        let own = self.condition.column_refs();
        own.iter().all(|column| attributes.contains(&column.name()))
            && !self.condition.exists(asks_if_known).unwrap_or(true)
    }

    /// The condition over the columns of `posts`: true, or not true.
    pub(crate) fn holds(&self) -> Plan {
        self.condition.clone().is_true()
    }
}

/// What is compared with an id of ours is compared with the ids that posts stood under before as well.
fn or_earlier(compared: Plan, attribute: &Plan, values: &[String], negated: bool) -> Plan {
    let ours: Vec<Plan> =
        values.iter().filter(|value| value.starts_with(PostRef::DERIVED)).map(lit).collect();
    if *attribute != col("post") || ours.is_empty() {
        return compared;
    }
    let earlier = coalesce(vec![col("earlier_ids"), lit("")]);
    let earlier = string_to_array(earlier, lit(" "), lit(ScalarValue::Utf8(None)));
    let had = array_has_any(earlier, make_array(ours));
    if negated { compared.and(Plan::Not(Box::new(had))) } else { compared.or(had) }
}

struct Reader<'a> {
    text: &'a str,
    flaws: Vec<Flaw>,
}

impl Reader<'_> {
    fn condition(&mut self, sql: &Expr) -> Option<Plan> {
        let span = self.span(sql);
        match sql {
            Expr::Nested(inner) => self.condition(inner),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
                Some(Plan::Not(Box::new(self.condition(expr)?)))
            }
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                let (left, right) = (self.condition(left), self.condition(right));
                Some(left?.and(right?))
            }
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
                let (left, right) = (self.condition(left), self.condition(right));
                Some(left?.or(right?))
            }
            Expr::BinaryOp { left, op, right } => self.compared(left, op, right, &span),
            Expr::InList { expr, list, negated } => {
                let attribute = self.attribute(expr);
                let values: Vec<Option<String>> = list.iter().map(|value| self.quoted(value)).collect();
                let values: Option<Vec<String>> = values.into_iter().collect();
                let (attribute, values) = (attribute?, values?);
                let listed = attribute.clone().in_list(values.iter().map(lit).collect(), *negated);
                Some(or_earlier(listed, &attribute, &values, *negated))
            }
            Expr::IsNull(inner) => Some(self.attribute(inner)?.is_null()),
            Expr::IsNotNull(inner) => Some(self.attribute(inner)?.is_not_null()),
            Expr::Identifier(name) if FLAGS.contains(&name.value.as_str()) => Some(col(name.value.as_str())),
            Expr::Identifier(name) if TEXTS.contains(&name.value.as_str()) => {
                self.refuse(&span, format!("{0} is a text: compare it, as in {0} = 'video'", name.value))
            }
            Expr::Identifier(_) => self.attribute(sql),
            Expr::Function(function) => self.call(function, &span),
            other => self.refuse(&span, format!("{other} is no condition on posts")),
        }
    }

    fn compared(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
        span: &Range<usize>,
    ) -> Option<Plan> {
        let negated = match operator {
            BinaryOperator::Eq => false,
            BinaryOperator::NotEq => true,
            other => {
                return self
                    .refuse(span, format!("attributes of posts are compared with = and <>, not {other}"));
            }
        };
        if let (Expr::Identifier(name), Expr::Value(value)) = (left, right)
            && FLAGS.contains(&name.value.as_str())
            && let Value::Boolean(flag) = value.value
        {
            let flag = flag != negated;
            let column = col(name.value.as_str());
            return Some(if flag { column } else { Plan::Not(Box::new(column)) });
        }
        let (attribute, value) = (self.attribute(left), self.quoted(right));
        let (attribute, value) = (attribute?, value?);
        let (of, named) = (attribute.clone(), lit(value.as_str()));
        let compared = if negated { of.not_eq(named) } else { of.eq(named) };
        Some(or_earlier(compared, &attribute, &[value], negated))
    }

    fn attribute(&mut self, sql: &Expr) -> Option<Plan> {
        let span = self.span(sql);
        let Expr::Identifier(name) = sql else {
            return self.refuse(&span, "an attribute of posts belongs here");
        };
        if TEXTS.contains(&name.value.as_str()) {
            return Some(col(name.value.as_str()));
        }
        let known: Vec<&str> = TEXTS.into_iter().chain(FLAGS).collect();
        self.flaws.push(
            Flaw::new(span, format!("posts have no attribute {}", name.value))
                .hint(one_of_hint(&name.value, &known))
                .label("unknown attribute"),
        );
        None
    }

    fn call(&mut self, sql: &SqlFunction, span: &Range<usize>) -> Option<Plan> {
        let name = sql.name.to_string().to_lowercase();
        let Some((_, usage)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
            let known = FUNCTIONS.map(|(known, _)| known);
            self.flaws.push(
                Flaw::new(span.clone(), format!("there is no function {name} for conditions on posts"))
                    .hint(one_of_hint(&name, &known)),
            );
            return None;
        };
        let arguments: Vec<&Expr> = match &sql.args {
            FunctionArguments::List(list) => list
                .args
                .iter()
                .filter_map(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        match (name.as_str(), arguments.as_slice()) {
            ("contains", [attribute, words]) => {
                let (attribute, words) = (self.attribute(attribute), self.quoted(words));
                Some(strpos(lower(attribute?), lit(words?.to_lowercase())).gt(lit(0)))
            }
            ("matches", [attribute, pattern]) => {
                let place = self.span(pattern);
                let (attribute, pattern) = (self.attribute(attribute), self.quoted(pattern));
                let pattern = pattern?;
                if let Err(error) = regex::Regex::new(&pattern) {
                    let last = error.to_string();
                    let last = last.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    return self.refuse(&place, format!("this is no pattern: {last}"));
                }
                Some(regexp_like(attribute?, lit(pattern), None))
            }
            ("hashtag", [tag]) => {
                let tag = self.quoted(tag)?;
                let tag = tag.trim_start_matches(['#', '＃']).to_lowercase();
                let label = serde_json::Value::from(tag.as_str()).to_string();
                let listed = strpos(lower(coalesce(vec![col("tags"), lit("")])), lit(label)).gt(lit(0));
                let written = format!(r"(?i)[#＃]{}(?:$|[^\p{{L}}\p{{N}}_])", regex::escape(&tag));
                Some(listed.or(regexp_like(coalesce(vec![col("text"), lit("")]), lit(written), None)))
            }
            ("url_parameter", [name, value]) => {
                let (name, value) = (self.quoted(name), self.quoted(value));
                let pattern =
                    format!("[?&]{}={}(?:&|#|\\s|$)", regex::escape(&name?), regex::escape(&value?));
                let within = |column: &str| {
                    regexp_like(coalesce(vec![col(column), lit("")]), lit(pattern.clone()), None)
                };
                Some(within("url").or(within("text")))
            }
            _ => {
                self.flaws.push(
                    Flaw::new(span.clone(), format!("{name} has the wrong number of arguments"))
                        .hint(format!("it is written {usage}")),
                );
                None
            }
        }
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
