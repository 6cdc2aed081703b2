//! The part of a KPI that is explained, as conditions in SQL: which accounts, which posts, which days.

use kepi_core::{AccountId, DateSpan};
use kepi_engine::{Dimension, EvaluationRequest, ScopeName, ScoreRow};

/// The accounts that were named, the values of the dimensions, and the days.
#[derive(Debug)]
pub(super) struct Part<'a> {
    accounts: Option<&'a [AccountId]>,
    scope: ScopeName,
    pub(super) span: DateSpan,
}

impl<'a> Part<'a> {
    /// That of a row of the scorecard; without one, of all that was asked.
    pub(super) fn of(request: &'a EvaluationRequest, row: Option<&ScoreRow>) -> Self {
        let span = row.map_or(request.period.span, |row| DateSpan::new(row.period.start, row.period.end));
        let scope = row.map(|row| row.scope.clone()).unwrap_or_default();
        Self { accounts: request.accounts.as_deref(), scope, span }
    }

    fn values(&self, of_posts: bool) -> impl Iterator<Item = (Dimension, Option<&str>)> {
        let named =
            self.scope.iter().filter_map(|(name, value)| Some((name.parse().ok()?, value.as_deref())));
        named.filter(move |(dimension, _): &(Dimension, _)| {
            dimension.grain().is_none() && dimension.of_posts() == of_posts
        })
    }

    /// Conditions on the account of rows `f`.
    pub(super) fn of_accounts(&self) -> Vec<String> {
        let mut conditions = Vec::new();
        if let Some(accounts) = self.accounts {
            let names: Vec<String> = accounts.iter().map(|id| format!("'{}'", quoted(id.as_str()))).collect();
            conditions.push(format!("f.account in ({})", names.join(", ")));
        }
        for (dimension, value) in self.values(false) {
            conditions.push(match dimension {
                Dimension::Platform | Dimension::Account => is(&format!("f.{}", dimension.as_str()), value),
                // What is known of accounts stands in a table of its own.
                _ => format!(
                    "f.account in (select account from accounts where current and {})",
                    is(dimension.as_str(), value)
                ),
            });
        }
        conditions
    }

    /// Whether it is of posts with a tag, or of those without any: then posts have a column that names it.
    pub(super) fn is_of_a_tag(&self) -> bool {
        self.values(true).any(|(dimension, _)| dimension == Dimension::Tag)
    }

    /// Conditions on posts, under a name.
    pub(super) fn of_posts(&self, posts: &str) -> Vec<String> {
        let own = self.values(true);
        own.map(|(dimension, value)| is(&format!("{posts}.{}", dimension.as_str()), value)).collect()
    }
}

fn is(column: &str, value: Option<&str>) -> String {
    value.map_or_else(|| format!("{column} is null"), |value| format!("{column} = '{}'", quoted(value)))
}

/// A text within single quotes.
pub(super) fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}
