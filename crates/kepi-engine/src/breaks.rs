//! Definition breaks: from when on a platform means something else by a metric.
//!
//! A change across a break is not a change of what is measured, but of how. It is not told.

use std::sync::LazyLock;

use jiff::civil::Date;
use kepi_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// One break.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Break {
    /// The platform.
    pub platform: String,
    /// The metric.
    pub metric: String,
    /// The first day of the new meaning.
    pub date: Date,
    /// What changed.
    pub change: String,
    /// Where it was said.
    pub source: String,
}

impl Break {
    /// The shipped ones: `config/breaks.csv`.
    #[must_use]
    pub fn builtin() -> &'static [Self] {
        static BREAKS: LazyLock<Vec<Break>> =
            LazyLock::new(|| Break::parse(include_str!("../../../config/breaks.csv")).unwrap_or_default());
        &BREAKS
    }

    /// Reads breaks from CSV with a header.
    ///
    /// # Errors
    /// `BadConfig` at the first row that is none.
    pub fn parse(text: &str) -> Result<Vec<Self>> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.deserialize().collect::<std::result::Result<Vec<Self>, _>>().map_err(|error| {
            Error::bad_config(format!("not a table of definition breaks: {error}"))
                .hint("its header is platform,metric,date,change,source")
        })
    }

    /// Whether it lies between two days: some day before it and some day from it on are among them.
    #[must_use]
    pub fn divides(&self, from: Date, until: Date) -> bool {
        from < self.date && self.date < until
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use kepi_core::{Catalogue, Platform};

    use super::*;

    #[test]
    fn the_shipped_breaks_name_metrics_and_platforms() {
        assert!(!Break::builtin().is_empty());
        for one in Break::builtin() {
            assert!(Catalogue::builtin().get(&one.metric).is_some(), "{one:?}");
            assert!(Platform::new(&one.platform).is_ok() && !one.change.is_empty(), "{one:?}");
        }
    }

    #[test]
    fn a_break_on_the_first_day_divides_nothing() {
        let found = Break::builtin().iter().find(|found| found.platform == "instagram").unwrap();
        assert!(found.divides(date(2025, 4, 20), date(2025, 4, 22)));
        assert!(!found.divides(date(2025, 4, 21), date(2025, 6, 1)));
        assert!(!found.divides(date(2025, 3, 1), date(2025, 4, 21)));
    }
}
