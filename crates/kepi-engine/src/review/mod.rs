//! The SMART review: what of a KPI's definition holds, with evidence for each letter, and what invites trouble.

mod data;
mod warnings;

use serde::Serialize;

pub use self::data::{Measured, measure};
use self::{
    data::{Observed, target_in_view},
    warnings::warnings,
};
use crate::{
    evaluate::EvaluationRequest,
    kpi::{Baseline, Direction, Goalpost, Kpi, Target},
};

/// What a review found of one KPI.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SmartReview {
    /// The KPI's id.
    pub kpi: String,
    /// Its version.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// Specific, measurable, achievable, relevant, time-bound; then clarity, relevance, alignment, actionability.
    pub points: Vec<Point>,
    /// Vanity and gaming.
    pub warnings: Vec<String>,
}

/// One point of a review.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// What is asked.
    pub of: &'static str,
    /// What was found.
    pub finding: Finding,
    /// Why.
    pub evidence: String,
}

/// What was found of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// It holds.
    Good,
    /// It holds, and a reader should look.
    Warning,
    /// It does not hold, and the evidence says what to add.
    Lacking,
    /// It cannot be told from what there is.
    Untold,
}

impl Finding {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Lacking => "lacking",
            Self::Untold => "untold",
        }
    }
}

/// Reviews the KPIs of a request; what was measured is told by [`measure`], and missing where there is no store.
#[must_use]
pub fn review(request: &EvaluationRequest, measured: Option<&Measured>) -> Vec<SmartReview> {
    let request = request.in_fiscal();
    request
        .kpis
        .iter()
        .map(|kpi| {
            let target = target_in_view(kpi, request.today);
            let observed = measured.map(|measured| measured.of(kpi));
            SmartReview {
                kpi: kpi.id.clone(),
                version: kpi.version,
                name: kpi.name().to_owned(),
                points: vec![
                    specific(kpi),
                    measurable(&request, observed),
                    achievable(kpi, target, observed.flatten()),
                    linked(kpi),
                    time_bound(kpi, target),
                    clarity(kpi),
                    relevance(kpi),
                    alignment(kpi),
                    actionability(kpi),
                ],
                warnings: warnings(kpi, &request.kpis),
            }
        })
        .collect()
}

fn point(of: &'static str, finding: Finding, evidence: impl Into<String>) -> Point {
    Point { of, finding, evidence: evidence.into() }
}

/// S: scope and KPI are named.
fn specific(kpi: &Kpi) -> Point {
    let platforms: Vec<&str> = kpi.platforms.iter().map(kepi_core::Platform::as_str).collect();
    let scope = if platforms.is_empty() { "all platforms".to_owned() } else { platforms.join(", ") };
    let traffic = kpi.traffic.map(|traffic| format!(", {} traffic", traffic.as_str())).unwrap_or_default();
    let evidence = format!("{} of {scope}, {}{traffic}", kpi.formula, kpi.basis.as_str());
    if kpi.names.is_empty() {
        return point(
            "specific",
            Finding::Lacking,
            format!("{evidence}; it has no name: add name = {{ en = … }}"),
        );
    }
    point("specific", Finding::Good, evidence)
}

/// M: the numbers are there, in the period that it is measured from.
fn measurable(request: &EvaluationRequest, observed: Option<Option<&Observed>>) -> Point {
    const OF: &str = "measurable";
    let Some(observed) = observed else {
        return point(OF, Finding::Untold, "there is no store yet: ingest or import, then check again");
    };
    let Some(observed) = observed else { return point(OF, Finding::Untold, "nothing was measured of it") };
    let Some(coverage) = observed.coverage.filter(|_| observed.value.is_some()) else {
        let reason = observed.reason.as_deref().unwrap_or("no numbers are known");
        return point(OF, Finding::Lacking, format!("{}: {reason}", observed.span));
    };
    let told = format!("{:.0} % of {} is known", coverage * 100.0, observed.span);
    if coverage < request.min_coverage {
        let least = request.min_coverage * 100.0;
        return point(OF, Finding::Lacking, format!("{told}, less than {least:.0} %"));
    }
    point(OF, Finding::Good, told)
}

/// A: the change that the target asks for is one that happened before.
fn achievable(kpi: &Kpi, target: Option<&Target>, observed: Option<&Observed>) -> Point {
    const OF: &str = "achievable";
    const FEWEST: usize = 4;
    let Some(target) = target else {
        return point(
            OF,
            Finding::Lacking,
            "without a target there is nothing to achieve: add [[kpi.target]]",
        );
    };
    let written = match &target.baseline {
        Some(Baseline::Frozen(value)) => Some(*value),
        _ => None,
    };
    let Some(observed) = observed else {
        return point(OF, Finding::Untold, "what was reached before is not known without a store");
    };
    let Some(baseline) = written.or(observed.value) else {
        return point(OF, Finding::Untold, format!("{} has no value to measure from", observed.span));
    };
    if let Goalpost::Band(low, high) = target.goalpost {
        return if (low..=high).contains(&baseline) {
            point(OF, Finding::Good, "the value that it is measured from lies in the band")
        } else {
            let evidence = format!("the value that it is measured from, {}, lies outside", short(baseline));
            point(OF, Finding::Warning, evidence)
        };
    }
    let asked =
        target.goalpost.value(Some(baseline)).filter(|_| baseline > 0.0).map(|aim| aim / baseline - 1.0);
    let Some(asked) = asked else {
        return point(OF, Finding::Untold, "a change from nothing has no percentage");
    };
    let way = if kpi.direction == Direction::Down { -1.0 } else { 1.0 };
    let told = format!("asks for {:+.1} % from {}", asked * 100.0, short(baseline));
    if asked * way <= 0.0 {
        return point(OF, Finding::Warning, format!("{told}: it is reached already"));
    }
    let mut gains: Vec<f64> = observed.changes.iter().map(|change| change * way).collect();
    if gains.len() < FEWEST {
        let evidence = format!("{told}; only {} like changes are known, {FEWEST} are needed", gains.len());
        return point(OF, Finding::Untold, evidence);
    }
    gains.sort_by(f64::total_cmp);
    let most = percentile(&gains, 0.95);
    let past = format!(
        "19 of 20 of the {} like changes before were below {:+.1} %",
        gains.len(),
        most * way * 100.0
    );
    if asked * way > most {
        point(OF, Finding::Warning, format!("a stretch: {told}; {past}"))
    } else {
        point(OF, Finding::Good, format!("{told}; {past}"))
    }
}

/// R: it serves a goal.
fn linked(kpi: &Kpi) -> Point {
    // A KPI without a goal is refused when it is read.
    point("relevant", Finding::Good, format!("serves {}", kpi.goal.as_str()))
}

/// T: it has both dates.
fn time_bound(kpi: &Kpi, target: Option<&Target>) -> Point {
    const OF: &str = "time-bound";
    let Some(target) = target else {
        return point(OF, Finding::Lacking, "no target, so no dates: add [[kpi.target]] with a period");
    };
    let review = kpi.review.map_or_else(String::new, |review| format!(", looked at {}", review.as_str()));
    point(OF, Finding::Good, format!("{}{review}", target.period.span))
}

fn clarity(kpi: &Kpi) -> Point {
    const OF: &str = "clarity";
    let lacks: Vec<&str> = [
        (!kpi.names.contains_key("en")).then_some("an English name"),
        (!kpi.names.contains_key("zh")).then_some("a Chinese name"),
        (kpi.description.is_none() && kpi.caveat.is_none()).then_some("a description or caveat"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if lacks.is_empty() {
        return point(OF, Finding::Good, "names, and what to know");
    }
    point(OF, Finding::Warning, format!("lacks {}", lacks.join(" and ")))
}

fn relevance(kpi: &Kpi) -> Point {
    const OF: &str = "relevance";
    match kpi.stage {
        Some(stage) => point(OF, Finding::Good, format!("{} at {}", kpi.goal.as_str(), stage.as_str())),
        None => point(OF, Finding::Warning, "names no stage of the journey: add stage"),
    }
}

fn alignment(kpi: &Kpi) -> Point {
    const OF: &str = "alignment";
    let words = [
        kpi.objective.map(|it| format!("{} term", it.as_str())),
        kpi.indicator.map(|it| it.as_str().to_owned()),
    ];
    let lacks: Vec<&str> = [
        kpi.objective.is_none().then_some("objective"),
        kpi.indicator.is_none().then_some("indicator"),
        kpi.review.is_none().then_some("review"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if lacks.is_empty() {
        return point(OF, Finding::Good, words.into_iter().flatten().collect::<Vec<_>>().join(", "));
    }
    point(OF, Finding::Warning, format!("add {}", lacks.join(", ")))
}

fn actionability(kpi: &Kpi) -> Point {
    const OF: &str = "actionability";
    match (&kpi.owner, &kpi.when_low) {
        (Some(owner), Some(step)) => point(OF, Finding::Good, format!("{owner}: {step}")),
        (None, Some(_)) => point(OF, Finding::Warning, "nobody answers for it: add owner"),
        (Some(_), None) => point(OF, Finding::Warning, "it does not say what to do: add when_low"),
        (None, None) => point(
            OF,
            Finding::Warning,
            "nobody answers for it, and it does not say what to do: add owner and when_low",
        ),
    }
}

/// A percentile of sorted numbers, between neighbours where it falls between them.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place among few numbers"
)]
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len().max(1) - 1) as f64;
    let at = |place: f64| sorted.get(place as usize).copied().unwrap_or(f64::NAN);
    let (low, high) = (at(place.floor()), at(place.ceil()));
    low + (high - low) * place.fract()
}

fn short(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.4}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_neighbours() {
        let sorted: Vec<f64> = (0..=20).map(f64::from).collect();
        assert!((percentile(&sorted, 0.95) - 19.0).abs() < 1e-12);
        assert!((percentile(&[1.0, 2.0], 0.5) - 1.5).abs() < 1e-12);
    }
}
