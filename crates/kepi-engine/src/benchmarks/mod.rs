//! What others reach: published figures, each with what it is a figure of, and when a KPI may be held against it.
//!
//! "Engagement rate" names a dozen things. A rate by reach of 3 % is not eight times better than one by followers
//! of 0.36 %: it is another thing. So a row says numerator, denominator and whether it is of a post or an account;
//! where one of them differs from the KPI's formula, the comparison is refused and the difference named.

mod meaning;

use std::sync::LazyLock;

use kepi_core::{Error, Platform, Result, document::one_of_hint};
use serde::{Deserialize, Serialize};

pub(crate) use meaning::Meaning;

use crate::formula::Expression;

/// What a KPI is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BenchmarkChoice {
    /// Its own trailing periods in periods that it has a target for, nothing otherwise.
    #[default]
    Auto,
    /// Its own trailing periods.
    Own,
    /// Nothing.
    None,
    /// A published row by its id and segment: `rival-iq-2025:nonprofits`.
    Published(String),
}

/// One published figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BenchmarkRow {
    /// The publication: `rival-iq-2025`.
    pub id: String,
    /// The platform.
    pub platform: String,
    /// Whose: an industry, or all, with what narrows it down.
    pub segment: String,
    /// What the publication calls it.
    pub metric: String,
    /// What is counted: metric ids joined by `+`, `interactions` (likes or reactions, comments, shares, saves), or
    /// `unstated`.
    pub numerator: String,
    /// What it is divided by: a metric id, or `unstated`.
    pub denominator: String,
    /// Whether it is of a `post` or of an `account`.
    pub per: String,
    /// Which statistic of its sample: `median`, `mean`, `p25`, `p75`, …
    pub statistic: String,
    /// The figure.
    pub value: f64,
    /// What it counts.
    pub unit: String,
    /// The period that it is about.
    pub period: String,
    /// How large its sample is.
    pub sample: String,
    /// Where it was published.
    pub source: String,
    /// How well it is attested: A computed, B primary or two that agree, C one secondary page, D a rule of thumb.
    pub grade: String,
}

impl BenchmarkRow {
    /// Its name in a KPI file.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:{}", self.id, self.segment)
    }
}

/// Published figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Benchmarks {
    rows: Vec<BenchmarkRow>,
}

impl Benchmarks {
    /// The shipped ones: `config/benchmarks.csv`.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static ROWS: LazyLock<Benchmarks> = LazyLock::new(|| {
            Benchmarks::parse(include_str!("../../../../config/benchmarks.csv"))
                .unwrap_or(Benchmarks { rows: Vec::new() })
        });
        &ROWS
    }

    /// Reads rows from CSV with a header.
    ///
    /// # Errors
    /// `BadConfig` at the first row that is none.
    pub fn parse(text: &str) -> Result<Self> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows = reader.deserialize().collect::<Result<Vec<BenchmarkRow>, _>>().map_err(|error| {
            Error::bad_config(format!("not a table of benchmarks: {error}"))
                .hint("its header is id,platform,segment,metric,numerator,denominator,per,statistic,value,unit,period,sample,source,grade")
        })?;
        Ok(Self { rows })
    }

    /// All rows.
    #[must_use]
    pub fn rows(&self) -> &[BenchmarkRow] {
        &self.rows
    }

    /// The rows that a formula may be held against on a platform: a middle, of the same thing.
    pub fn matching<'a>(
        &'a self,
        formula: &'a Expression,
        platform: &'a str,
    ) -> impl Iterator<Item = (&'a BenchmarkRow, f64)> {
        let meaning = Meaning::of(formula);
        self.rows.iter().filter(move |row| row.platform == platform && is_middle(row)).filter_map(
            move |row| {
                let meaning = meaning.as_ref()?;
                meaning.differs(row).is_none().then_some((row, row.value * meaning.scale))
            },
        )
    }

    /// The row of a name on a platform that a formula may be held against, and its value in the KPI's scale.
    pub(crate) fn find(
        &self,
        name: &str,
        formula: &Expression,
        platform: &str,
    ) -> Option<(&BenchmarkRow, f64)> {
        let meaning = Meaning::of(formula)?;
        let own = self.rows.iter().filter(|row| row.name() == name && row.platform == platform);
        let mut rows = own.filter(|row| meaning.differs(row).is_none());
        let found = rows.clone().find(|row| is_middle(row)).or_else(|| rows.next())?;
        Some((found, found.value * meaning.scale))
    }

    /// Checks a choice: the row is there, on the KPI's platforms, and about the same thing.
    pub(crate) fn choose(
        &self,
        name: &str,
        formula: &Expression,
        platforms: &[Platform],
    ) -> Result<BenchmarkChoice> {
        let named: Vec<&BenchmarkRow> = self.rows.iter().filter(|row| row.name() == name).collect();
        if named.is_empty() {
            let mut names: Vec<String> = self.rows.iter().map(BenchmarkRow::name).collect();
            names.dedup();
            let names: Vec<&str> = names.iter().map(String::as_str).chain(["own", "none"]).collect();
            let nearest = kepi_core::document::nearest(name, names.iter().copied());
            let hint = nearest.map_or_else(
                || "say own, none, or a row of config/benchmarks.csv as id:segment".to_owned(),
                |nearest| format!("did you mean {nearest}?"),
            );
            return Err(Error::bad_config(format!("there is no benchmark {name}")).hint(hint));
        }
        let of_platform = |row: &&BenchmarkRow| {
            platforms.is_empty() || platforms.iter().any(|own| own.as_str() == row.platform)
        };
        let own: Vec<&BenchmarkRow> = named.iter().copied().filter(of_platform).collect();
        if own.is_empty() {
            let mut known: Vec<&str> = named.iter().map(|row| row.platform.as_str()).collect();
            known.dedup();
            let of = platforms.first().map_or("", Platform::as_str);
            return Err(
                Error::bad_config(format!("{name} has no figure of {of}")).hint(one_of_hint(of, &known))
            );
        }
        let Some(meaning) = Meaning::of(formula) else {
            return Err(Error::bad_config("this formula is no ratio that a published figure could be of")
                .hint("leave benchmark out: own earlier periods are the default"));
        };
        // Of a publication's figures the one that is nearest tells what differs.
        let differences = own.iter().map(|row| meaning.differs(row));
        match differences.min_by_key(|difference| difference.as_ref().map_or(0, |difference| difference.rank)) {
            Some(Some(difference)) => Err(Error::bad_config(format!("not comparable with {name}: {difference}"))
                .hint("compare with a row that says the same, or leave benchmark out: own earlier periods are the default")),
            _ => Ok(BenchmarkChoice::Published(name.to_owned())),
        }
    }
}

fn is_middle(row: &BenchmarkRow) -> bool {
    matches!(row.statistic.as_str(), "median" | "mean")
}

#[cfg(test)]
mod tests {
    use kepi_core::Catalogue;

    use super::*;
    use crate::formula::parse;

    fn choose(name: &str, formula: &str, platforms: &[&str]) -> std::result::Result<(), String> {
        let formula = parse(formula, Catalogue::builtin()).unwrap();
        let platforms: Vec<Platform> = platforms.iter().map(|name| Platform::new(name).unwrap()).collect();
        Benchmarks::builtin()
            .choose(name, &formula, &platforms)
            .map(|_| ())
            .map_err(|error| format!("{}; {}", error.message(), error.hint_text().unwrap_or_default()))
    }

    #[test]
    fn the_shipped_rows_are_whole() {
        let rows = Benchmarks::builtin().rows();
        assert_eq!(rows.len(), 187);
        for row in rows {
            assert!(Platform::new(&row.platform).is_ok(), "{row:?}");
            assert!(row.value.is_finite() && row.value >= 0.0 && !row.source.is_empty(), "{row:?}");
            assert!(["A", "B", "C", "D"].contains(&row.grade.as_str()), "{row:?}");
            for side in [&row.numerator, &row.denominator] {
                let known = |id: &str| Catalogue::builtin().get(id).is_some();
                let words = ["interactions", "unstated", "posts", "weeks", "read_users from the message box"];
                assert!(words.contains(&side.as_str()) || known(side), "{side} of {row:?}");
            }
        }
        let instagram =
            rows.iter().find(|row| row.name() == "rival-iq-2025:all" && row.platform == "instagram");
        assert_eq!(instagram.map(|row| row.value), Some(0.0036));
        assert!(Benchmarks::parse("id,platform\nx,y\n").is_err());
    }

    /// T51: our rate by reach against Rival IQ's by followers: refused, the denominator named.
    #[test]
    fn t51_another_denominator_is_refused() {
        let by_reach = choose("rival-iq-2025:all", "(likes + comments) / gross(reach)", &["instagram"]);
        let told = by_reach.unwrap_err();
        assert!(
            told.starts_with("not comparable with rival-iq-2025:all: denominator: the KPI divides by reach, the published figure by followers_total"),
            "{told}"
        );
        assert_eq!(
            choose("rival-iq-2025:all", "per_post(likes + comments) / followers_total", &["instagram"]),
            Ok(())
        );
        assert_eq!(
            choose("rival-iq-2025:all", "per_1k_followers(per_post(likes + comments))", &["instagram"]),
            Ok(())
        );
    }

    #[test]
    fn other_differences_are_named_too() {
        let clicks =
            choose("rival-iq-2025:all", "per_post(likes + comments + link_clicks) / followers_total", &["x"]);
        assert!(clicks.unwrap_err().contains("numerator: the KPI counts comments + likes + link_clicks"));
        let account = choose("rival-iq-2025:all", "(likes + comments) / followers_total", &["x"]);
        assert!(
            account.unwrap_err().contains("grain: the KPI is of the account, the published figure of a post")
        );
        let unstated = choose("open-data-x-2026-10:all:followers=1k-10k", "likes / impressions", &["x"]);
        assert!(unstated.unwrap_err().contains("does not say what it divides by"));
        assert!(
            choose("rival-iq-2025:al", "likes / impressions", &["x"])
                .unwrap_err()
                .contains("rival-iq-2025:all")
        );
        assert!(
            choose("rival-iq-2025:all", "likes / impressions", &["weibo"])
                .unwrap_err()
                .contains("no figure of weibo")
        );
    }

    /// Over thousands of followers the published figure is a thousand times larger.
    #[test]
    fn scales_are_taken_into_account() {
        let formula = parse("per_1k_followers(per_post(likes + comments))", Catalogue::builtin()).unwrap();
        let (row, value) = Benchmarks::builtin().find("rival-iq-2025:all", &formula, "instagram").unwrap();
        assert!((value - 3.6).abs() < 1e-12 && row.grade == "B");
        let found: Vec<String> =
            Benchmarks::builtin().matching(&formula, "instagram").map(|(row, _)| row.name()).collect();
        assert_eq!(found.len(), 15, "{found:?}");
    }
}
