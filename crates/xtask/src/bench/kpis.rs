//! The KPIs that benchmarks ask for: as a KPI file, as SQL for a peer, and as a plain loop that checks both.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::Result;
use jiff::civil::Date;
use kepi_core::Catalogue;
use kepi_engine::{Kpi, Source, parse_kpis};

use super::world::{COUNTS, Row, SECONDS, World, date};

/// One KPI: a sum of metrics, or a sum over a sum.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// What is added.
    pub numerator: &'static [&'static str],
    /// What it is divided by.
    pub denominator: Option<&'static str>,
}

const fn sum(numerator: &'static [&'static str]) -> Figure {
    Figure { numerator, denominator: None }
}

const fn over(numerator: &'static [&'static str], denominator: &'static str) -> Figure {
    Figure { numerator, denominator: Some(denominator) }
}

/// Those of the scorecard.
pub const FIGURES: [Figure; 25] = [
    sum(&["impressions"]),
    sum(&["likes"]),
    sum(&["comments"]),
    sum(&["shares"]),
    sum(&["saves"]),
    sum(&["link_clicks"]),
    sum(&["profile_clicks"]),
    sum(&["follows_gained"]),
    sum(&["watch_time_s"]),
    sum(&["likes", "comments", "shares"]),
    sum(&["likes", "comments", "shares", "saves"]),
    over(&["likes"], "impressions"),
    over(&["comments"], "impressions"),
    over(&["shares"], "impressions"),
    over(&["saves"], "impressions"),
    over(&["link_clicks"], "impressions"),
    over(&["profile_clicks"], "impressions"),
    over(&["follows_gained"], "impressions"),
    over(&["likes", "comments", "shares"], "impressions"),
    over(&["likes", "comments", "shares", "saves"], "impressions"),
    over(&["watch_time_s"], "impressions"),
    over(&["comments"], "likes"),
    over(&["shares"], "likes"),
    over(&["saves"], "likes"),
    over(&["follows_gained"], "profile_clicks"),
];

/// Forty of what is public everywhere: what people do, alone and together, and each of it over what was shown.
pub const FORTY: [Figure; 40] = [
    sum(&["impressions"]),
    sum(&["likes"]),
    sum(&["comments"]),
    sum(&["shares"]),
    sum(&["saves"]),
    sum(&["likes", "comments"]),
    sum(&["likes", "shares"]),
    sum(&["likes", "saves"]),
    sum(&["comments", "shares"]),
    sum(&["comments", "saves"]),
    sum(&["shares", "saves"]),
    sum(&["likes", "comments", "shares"]),
    sum(&["likes", "comments", "saves"]),
    sum(&["likes", "shares", "saves"]),
    sum(&["comments", "shares", "saves"]),
    sum(&["likes", "comments", "shares", "saves"]),
    over(&["likes"], "impressions"),
    over(&["comments"], "impressions"),
    over(&["shares"], "impressions"),
    over(&["saves"], "impressions"),
    over(&["likes", "comments"], "impressions"),
    over(&["likes", "shares"], "impressions"),
    over(&["likes", "saves"], "impressions"),
    over(&["comments", "shares"], "impressions"),
    over(&["comments", "saves"], "impressions"),
    over(&["shares", "saves"], "impressions"),
    over(&["likes", "comments", "shares"], "impressions"),
    over(&["likes", "comments", "saves"], "impressions"),
    over(&["likes", "shares", "saves"], "impressions"),
    over(&["comments", "shares", "saves"], "impressions"),
    over(&["likes", "comments", "shares", "saves"], "impressions"),
    over(&["comments"], "likes"),
    over(&["shares"], "likes"),
    over(&["saves"], "likes"),
    over(&["comments", "shares"], "likes"),
    over(&["comments", "saves"], "likes"),
    over(&["shares", "saves"], "likes"),
    over(&["comments", "shares", "saves"], "likes"),
    over(&["saves"], "shares"),
    over(&["comments"], "shares"),
];

/// The names of their ids and columns: `k00` and on.
#[must_use]
pub fn name(number: usize) -> String {
    format!("k{number:02}")
}

impl Figure {
    /// As a formula of a KPI file.
    #[must_use]
    pub fn formula(&self) -> String {
        let numerator = self.numerator.join(" + ");
        match self.denominator {
            Some(denominator) => format!("({numerator}) / {denominator}"),
            None => numerator,
        }
    }

    /// As an aggregate in SQL. A row counts where it has all numbers of the formula.
    #[must_use]
    pub fn sql(&self) -> String {
        let numerator = self.numerator.join(" + ");
        let Some(denominator) = self.denominator else { return format!("sum({numerator})") };
        let present: Vec<String> =
            self.numerator.iter().map(|metric| format!("{metric} is not null")).collect();
        format!(
            "sum(case when {denominator} is not null then {numerator} end)::double / nullif(sum(case when {} then {denominator} end), 0)",
            present.join(" and ")
        )
    }
}

/// KPIs as the engine has them; `more` is said of each: a target, what it is held beside.
///
/// # Errors
/// When one of them is not lawful.
pub fn kpis(figures: &[Figure], more: &str) -> Result<Vec<Kpi>> {
    let mut text = String::new();
    for (number, figure) in figures.iter().enumerate() {
        let _ = write!(
            text,
            "[[kpi]]\nid = \"{}\"\ngoal = \"engagement\"\nformula = \"{}\"\nbasis = \"activity\"\nsubject = \"post\"\n{more}\n",
            name(number),
            figure.formula()
        );
    }
    let source = Source { name: "bench.toml".to_owned(), text };
    parse_kpis(&[source], Catalogue::builtin()).map_err(|faults| anyhow::anyhow!("{faults:?}"))
}

/// A month, as its year and number.
pub type Month = (i16, i8);

/// The month of a date.
#[must_use]
pub fn month(date: Date) -> Month {
    (date.year(), date.month())
}

/// Where a value stands: account, month, category.
pub type Place = (String, Month, Option<String>);

/// Values by place, one per KPI.
pub type Values = BTreeMap<Place, Vec<Option<f64>>>;

/// The values by a plain loop over the world, without any engine.
#[must_use]
pub fn expected(world: &World, figures: &[Figure], row_of: impl Fn(Row) -> Row) -> Values {
    summed(world, figures, world.rows(0, super::world::DAYS).map(row_of))
}

/// Account, month and category.
type Cell<'a> = (u32, Month, Option<&'a str>);

/// The values by a plain loop over rows.
#[must_use]
pub fn summed(world: &World, figures: &[Figure], rows: impl Iterator<Item = Row>) -> Values {
    let mut sums: BTreeMap<Cell<'_>, Vec<(f64, f64, u64)>> = BTreeMap::new();
    for row in rows {
        let place = (row.post.account, month(date(row.day)), row.post.category());
        let sums = sums.entry(place).or_insert_with(|| vec![(0.0, 0.0, 0); figures.len()]);
        for (figure, (numerator, denominator, rows)) in figures.iter().zip(sums) {
            let Some(above) = figure.numerator.iter().map(|metric| value(&row, metric)).sum::<Option<f64>>()
            else {
                continue;
            };
            let below = figure.denominator.map(|metric| value(&row, metric));
            if below != Some(None) {
                *numerator += above;
                *denominator += below.flatten().unwrap_or(0.0);
                *rows += 1;
            }
        }
    }
    let finished = |figure: &Figure, (numerator, denominator, rows): (f64, f64, u64)| match figure.denominator
    {
        _ if rows == 0 => None,
        Some(_) => (denominator != 0.0).then(|| numerator / denominator),
        None => Some(numerator),
    };
    sums.into_iter()
        .map(|((account, month, category), sums)| {
            let values = figures.iter().zip(sums).map(|(figure, sums)| finished(figure, sums)).collect();
            ((world.account(account), month, category.map(str::to_owned)), values)
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "the numbers of one post and day are small")]
fn value(row: &Row, metric: &str) -> Option<f64> {
    if metric == SECONDS {
        return row.seconds;
    }
    let place = COUNTS.iter().position(|name| *name == metric)?;
    row.counts.get(place).copied().flatten().map(|count| count as f64)
}

/// The first place and KPI at which two sets of values differ by more than rounding, told; `None` when they agree.
#[must_use]
pub fn difference(found: &Values, expected: &Values) -> Option<String> {
    let places = found.keys().chain(expected.keys());
    for place in places {
        let of = |values: &Values| values.get(place).cloned().unwrap_or_default();
        let (a, b) = (of(found), of(expected));
        for number in 0..a.len().max(b.len()) {
            let [a, b] = [&a, &b].map(|values| values.get(number).copied().flatten());
            let agree = match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
                (None, None) => true,
                _ => false,
            };
            if !agree {
                return Some(format!("{} at {place:?}: {a:?} is not {b:?}", name(number)));
            }
        }
    }
    None
}
