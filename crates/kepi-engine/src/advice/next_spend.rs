//! Where the next unit of money brings most: the marginal return of each place, from its weeks of spending, with what
//! nobody can know of it.
//!
//! The average return does not tell it: what the first thousand brought says little of the next. The slope of returns
//! over spending does, as far as spending varied and other things did not vary with it.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::prelude::SessionContext;
use kepi_core::{DateSpan, Result};
use serde::Serialize;
use smol_str::SmolStr;

use super::{
    ExchangeRate, Money, Scope,
    roi::{Sums, entries, scope},
};
use crate::{
    EvaluationRequest,
    evaluate::{Dimension, Entry, Span, platform_of},
    number::Number,
    statistics::{Estimate, Fit, contrast, least_squares},
};

/// The weeks that a slope needs, and those that a bend needs.
const FEWEST_WEEKS: usize = 8;
const FEWEST_FOR_BEND: usize = 12;
/// Spending that varies less than this share of its mean tells no slope.
const FEWEST_VARIATION: f64 = 0.1;
/// Returns, in the order in which one is chosen.
const RETURNS: [&str; 5] = ["gross_margin", "revenue", "conversions", "orders", "leads"];

/// What can be said of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpendVerdict {
    /// The next unit brings more here than anywhere else, by more than chance.
    Most,
    /// It brings less than at the best place, by more than chance.
    Less,
    /// It cannot be told from the best.
    Undecided,
    /// There is no other place to hold it against.
    Alone,
    /// Nothing can be told from this data.
    CannotBeTold,
}

impl SpendVerdict {
    /// The verdict as one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Most => "most",
            Self::Less => "less",
            Self::Undecided => "undecided",
            Self::Alone => "alone",
            Self::CannotBeTold => "cannot_be_told",
        }
    }
}

/// What the next unit of money would bring in one place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NextSpend {
    /// The platform, account or campaign.
    pub scope: Scope,
    /// Who counts the returns.
    pub attribution: Option<String>,
    /// What is returned: a metric.
    pub returns: &'static str,
    /// The currency of spending, and of returns where they are money.
    pub currency: Option<String>,
    /// The period.
    pub period: Span,
    /// The weeks that were used.
    pub weeks: usize,
    /// What a week cost on average.
    pub weekly_spend: Option<f64>,
    /// What a unit of money brought on average.
    pub average: Option<f64>,
    /// What the next unit brings.
    pub marginal: Option<f64>,
    /// The 95 % interval of that.
    pub interval: Option<(f64, f64)>,
    /// The p-value of its bringing as much as the best place, or as the second best where it is the best.
    pub p: Option<f64>,
    /// What it comes to.
    pub verdict: SpendVerdict,
    /// Why.
    pub reason: String,
    /// The rates at which money was converted.
    pub rates: Vec<ExchangeRate>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// Holds the places of a request against each other by what the next unit of money would bring, over the whole weeks
/// of its period. Returns are margin where it is known, else revenue, conversions, orders or leads.
///
/// The weekly returns of a place are fitted to its spending and to a straight course of time; where they bend down by
/// more than chance, the slope is that at the spending of the last four weeks.
///
/// # Errors
/// When a table is missing or cannot be read.
pub async fn next_spend(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    money: &Money,
    returns: Option<&str>,
) -> Result<Vec<NextSpend>> {
    let mut by: Vec<Dimension> =
        request.by.iter().copied().filter(|dimension| dimension.grain().is_none()).collect();
    let scoped = by.clone();
    by.push(Dimension::Week);
    let request = &EvaluationRequest { by, ..request.clone() };
    let entries = entries(ctx, request).await?;
    let Some(metric) = chosen(&entries, returns) else { return Ok(Vec::new()) };
    let mut places: BTreeMap<Scope, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        places.entry(scope(&scoped, &entry)).or_default().push(entry);
    }
    let mut found: Vec<(NextSpend, Option<Estimate>)> = Vec::new();
    for (scope, entries) in &places {
        found.extend(places_of(scope, entries, metric, request, money));
    }
    rank(&mut found);
    Ok(found.into_iter().map(|(place, _)| place).collect())
}

/// The return that is asked for, else the first that any source tells.
fn chosen(entries: &[Entry], asked: Option<&str>) -> Option<&'static str> {
    let has = |metric: &&str| entries.iter().any(|entry| entry.metric == *metric);
    match asked {
        Some(asked) => RETURNS.into_iter().find(|metric| *metric == asked),
        None => RETURNS.into_iter().find(has),
    }
}

/// A place for each who counts returns there; one that spends and of which nobody counts any is told as such.
fn places_of(
    scope: &Scope,
    entries: &[Entry],
    metric: &'static str,
    request: &EvaluationRequest,
    money: &Money,
) -> Vec<(NextSpend, Option<Estimate>)> {
    let spend: Vec<&Entry> = entries.iter().filter(|entry| entry.metric == "spend").collect();
    if spend.is_empty() {
        return Vec::new();
    }
    let tellers: BTreeSet<(String, Option<String>)> = entries
        .iter()
        .filter(|entry| entry.metric == metric)
        .map(|entry| {
            (platform_of(&entry.account).to_owned(), entry.attribution.as_ref().map(ToString::to_string))
        })
        .collect();
    let of = |teller: Option<&(String, Option<String>)>| {
        let own = |entry: &&Entry| {
            entry.metric == metric
                && teller.is_some_and(|(platform, part)| {
                    platform_of(&entry.account) == platform && entry.attribution.as_deref() == part.as_deref()
                })
        };
        let returned: Vec<&Entry> = entries.iter().filter(own).collect();
        // A source that tells its own spend is held against that.
        let told =
            |entry: &&Entry| teller.is_some_and(|(platform, _)| platform_of(&entry.account) == platform);
        let spending: Vec<&Entry> = if spend.iter().any(told) {
            spend.iter().copied().filter(|entry| told(entry)).collect()
        } else {
            spend.clone()
        };
        let attribution = teller.map(|(platform, part)| match part {
            Some(part) => format!("{platform} {part}"),
            None => platform.clone(),
        });
        place(scope, attribution, (&spending, &returned), metric, request, money)
    };
    if tellers.is_empty() { vec![of(None)] } else { tellers.iter().map(|teller| of(Some(teller))).collect() }
}

fn place(
    scope: &Scope,
    attribution: Option<String>,
    (spending, returned): (&[&Entry], &[&Entry]),
    metric: &'static str,
    request: &EvaluationRequest,
    money: &Money,
) -> (NextSpend, Option<Estimate>) {
    let span = request.period.span;
    let mut sums = Sums::new(span, money, false);
    sums.choose_currency(spending.iter().chain(returned).copied());
    let weeks = Weeks::of(spending, returned, metric, request, &mut sums);
    let told = weeks.told();
    let (mean, all) = (weeks.mean_spend(), weeks.total(|week| week.1));
    let mut place = NextSpend {
        scope: scope.clone(),
        attribution,
        returns: metric,
        currency: sums.currency,
        period: span.into(),
        weeks: weeks.rows.len(),
        weekly_spend: mean,
        average: (weeks.total(|week| week.0) > 0.0).then(|| all / weeks.total(|week| week.0)),
        marginal: None,
        interval: None,
        p: None,
        verdict: SpendVerdict::CannotBeTold,
        reason: String::new(),
        rates: sums.rates,
        notes: sums.notes.into_iter().collect(),
    };
    if weeks.left_out > 0 {
        place.notes.push(format!(
            "{} weeks are left out: not over, not whole, or not known well enough",
            weeks.left_out
        ));
    }
    match told {
        Ok((slope, bent)) => {
            place.marginal = Some(slope.value);
            place.interval = Some(slope.interval());
            if bent {
                place
                    .notes
                    .push("returns bend down: the slope is that at the last four weeks' spending".to_owned());
            }
            place.notes.push(
                "what was spent was not dealt out by chance: where money follows demand, the slope flatters; an experiment tells more"
                    .to_owned(),
            );
            (place, Some(slope))
        }
        Err(reason) => {
            place.reason = reason;
            (place, None)
        }
    }
}

/// Spending and returns of whole weeks, with the number of the week.
struct Weeks {
    rows: Vec<(f64, f64, f64)>,
    left_out: usize,
}

impl Weeks {
    fn of(
        spending: &[&Entry],
        returned: &[&Entry],
        metric: &str,
        request: &EvaluationRequest,
        sums: &mut Sums<'_>,
    ) -> Self {
        let mut weeks = Self { rows: Vec::new(), left_out: 0 };
        let spans: Vec<DateSpan> = request.framed().iter().map(|framed| framed.span).collect();
        let accounts =
            |entries: &[&Entry]| entries.iter().map(|entry| entry.account.clone()).collect::<BTreeSet<_>>();
        let (spenders, tellers) = (accounts(spending), accounts(returned));
        for (number, span) in spans.iter().enumerate() {
            // A week of which some account is silent would look cheap, or barren. Of its campaigns some may not run.
            let mut whole = |entries: &[&Entry], metric: &str, accounts: &BTreeSet<SmolStr>| -> Option<f64> {
                let own: Vec<&Entry> = entries.iter().copied().filter(|entry| entry.span == *span).collect();
                let told = |account: &SmolStr| {
                    own.iter().any(|entry| entry.account == *account && entry.settled >= request.min_coverage)
                };
                if !accounts.iter().all(told) {
                    return None;
                }
                sums.of(&own, metric).map(Number::as_f64)
            };
            let over = span.days() == 7 && span.end <= request.today;
            let both = if over {
                whole(spending, "spend", &spenders).zip(whole(returned, metric, &tellers))
            } else {
                None
            };
            match both {
                #[expect(clippy::cast_precision_loss, reason = "weeks are few")]
                Some((spent, brought)) => weeks.rows.push((spent, brought, number as f64)),
                None => weeks.left_out += 1,
            }
        }
        weeks
    }

    fn total(&self, of: impl Fn(&(f64, f64, f64)) -> f64) -> f64 {
        self.rows.iter().map(of).sum()
    }

    #[expect(clippy::cast_precision_loss, reason = "weeks are few")]
    fn mean_spend(&self) -> Option<f64> {
        (!self.rows.is_empty()).then(|| self.total(|week| week.0) / self.rows.len() as f64)
    }

    /// The slope and whether it bends, or why there is none.
    fn told(&self) -> Result<(Estimate, bool), String> {
        let n = self.rows.len();
        if n < FEWEST_WEEKS {
            return Err(format!(
                "{n} whole weeks are known of both spending and returns; a slope needs {FEWEST_WEEKS}"
            ));
        }
        let column = |of: fn(&(f64, f64, f64)) -> f64| self.rows.iter().map(of).collect::<Vec<f64>>();
        let (spent, brought, time) = (column(|week| week.0), column(|week| week.1), column(|week| week.2));
        let mean = self.mean_spend().unwrap_or(0.0);
        let steady = least_squares(&[vec![1.0; n], time.clone()], &spent);
        let around = steady.map_or(0.0, |fit: Fit| {
            (fit.residuals.iter().map(|left| left * left).sum::<f64>() / fit.freedom).sqrt()
        });
        if mean <= 0.0 || around < FEWEST_VARIATION * mean {
            let share = if mean > 0.0 { around / mean * 100.0 } else { 0.0 };
            return Err(format!(
                "spending hardly varied: {share:.0} % round its course, it takes {:.0} %; nobody can know what another sum would have brought",
                FEWEST_VARIATION * 100.0
            ));
        }
        let centred: Vec<f64> = spent.iter().map(|spent| spent - mean).collect();
        if n >= FEWEST_FOR_BEND {
            let squares: Vec<f64> = centred.iter().map(|spent| spent * spent).collect();
            let columns = [vec![1.0; n], time.clone(), centred.clone(), squares];
            let bent = least_squares(&columns, &brought);
            if let Some(fit) = bent.filter(|fit| fit.estimate(&[0.0, 0.0, 0.0, 1.0]).interval().1 < 0.0) {
                let last: Vec<f64> = centred.iter().rev().take(4).copied().collect();
                let now = Estimate::of_mean(&last).map_or(0.0, |mean| mean.value);
                return Ok((fit.estimate(&[0.0, 0.0, 1.0, 2.0 * now]), true));
            }
        }
        least_squares(&[vec![1.0; n], time, centred], &brought)
            .map(|fit| (fit.estimate(&[0.0, 0.0, 1.0]), false))
            .ok_or_else(|| {
                "spending rose or fell in a straight line: time and money cannot be told apart".to_owned()
            })
    }
}

/// The best first; each is held against the best, the best against the second, with care for how many there are.
fn rank(found: &mut [(NextSpend, Option<Estimate>)]) {
    let value = |slope: &Option<Estimate>| slope.map_or(f64::NEG_INFINITY, |slope| slope.value);
    found.sort_by(|a, b| value(&b.1).total_cmp(&value(&a.1)));
    let slopes: Vec<Estimate> = found.iter().filter_map(|(_, slope)| *slope).collect();
    let Some(best) = slopes.first().copied() else { return };
    let tests = f64::from(u32::try_from(slopes.len().saturating_sub(1)).unwrap_or(u32::MAX)).max(1.0);
    let apart = |one: Estimate, other: Estimate| {
        contrast(&[(1.0, one), (-1.0, other)]).map_or(1.0, |apart| (apart.p * tests).min(1.0))
    };
    let second = slopes.get(1).map(|second| apart(best, *second));
    for (number, (place, slope)) in found.iter_mut().enumerate() {
        let Some(slope) = slope else { continue };
        let p = if number == 0 { second } else { Some(apart(best, *slope)) };
        place.p = p;
        place.verdict = match (number, p) {
            (_, None) => SpendVerdict::Alone,
            (0, Some(p)) if p < 0.05 && slope.interval().0 > 0.0 => SpendVerdict::Most,
            (0, Some(_)) => SpendVerdict::Undecided,
            (_, Some(p)) if p < 0.05 => SpendVerdict::Less,
            (_, Some(_)) => SpendVerdict::Undecided,
        };
        place.reason = reason(place, *slope);
    }
}

fn reason(place: &NextSpend, slope: Estimate) -> String {
    let (low, high) = slope.interval();
    let unit = place.currency.as_deref().unwrap_or("of money");
    let what = if matches!(place.returns, "revenue" | "gross_margin") {
        let pays = if low > 1.0 {
            "it pays for itself"
        } else if high < 1.0 {
            "it does not pay for itself"
        } else {
            "whether it pays for itself cannot be told"
        };
        format!(
            "the next 1 {unit} brings {:.2} of {} [{low:.2}, {high:.2}]: {pays}",
            slope.value, place.returns
        )
    } else {
        format!("the next 1 {unit} brings {:.4} {} [{low:.4}, {high:.4}]", slope.value, place.returns)
    };
    match place.verdict {
        SpendVerdict::Most => format!("{what}; more than anywhere else"),
        SpendVerdict::Less => format!("{what}; less than at the best place"),
        SpendVerdict::Undecided => format!("{what}; which place brings most cannot be told"),
        SpendVerdict::Alone | SpendVerdict::CannotBeTold => {
            format!("{what}; there is no other place to hold it against")
        }
    }
}
