//! Targets of parts against the target of the whole: what adds up must, and ratios lie between their parts.

use std::collections::BTreeMap;

use kepi_core::DateSpan;

use super::{Goalpost, Kpi, Target};
use crate::formula::Shape;

/// What the targets of parts come to where that is not what the whole's says. Only targets that are values can be
/// told before they are measured; a change is measured from the part's own baseline.
#[must_use]
pub fn parts_against_whole(kpi: &Kpi, period: DateSpan) -> Vec<String> {
    let of_period = || kpi.targets.iter().filter(|target| target.period.span == period);
    let whole = of_period().find(|target| target.scope.is_empty()).and_then(absolute);
    let Some(whole) = whole else { return Vec::new() };
    let mut groups: BTreeMap<Vec<&str>, Vec<Option<f64>>> = BTreeMap::new();
    for target in of_period().filter(|target| !target.scope.is_empty()) {
        let dimensions = target.scope.keys().map(String::as_str).collect();
        groups.entry(dimensions).or_default().push(absolute(target));
    }
    let told = groups.into_iter().filter_map(|(dimensions, parts)| {
        let parts: Vec<f64> = parts.into_iter().collect::<Option<_>>()?;
        against(kpi, &dimensions.join(" and "), &parts, whole)
    });
    told.collect()
}

fn absolute(target: &Target) -> Option<f64> {
    match target.goalpost {
        Goalpost::Absolute(value) => Some(value),
        _ => None,
    }
}

fn against(kpi: &Kpi, by: &str, parts: &[f64], whole: f64) -> Option<String> {
    if kpi.program.shape == Shape::Intensive {
        let low = parts.iter().copied().fold(f64::INFINITY, f64::min);
        let high = parts.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let between = low <= whole && whole <= high;
        return (!between).then(|| {
            format!("the targets by {by} lie between {low} and {high}, that of the whole is {whole}: no mix of the parts comes to it")
        });
    }
    let sum: f64 = parts.iter().sum();
    let off = sum - whole;
    ((off).abs() > 1e-9 * whole.abs().max(1.0)).then(|| {
        let word = if off < 0.0 { "are missing" } else { "are too many" };
        format!("the targets by {by} add up to {sum}, that of the whole is {whole}: {} {word}", off.abs())
    })
}

#[cfg(test)]
mod tests {
    use kepi_core::Catalogue;

    use super::*;
    use crate::{Source, parse_kpis};

    fn told(formula: &str, whole: &str, parts: [&str; 2]) -> Vec<String> {
        let target = |more: &str| format!("[[kpi.target]]\nperiod = \"2026-Q3\"\n{more}\n");
        let text = format!(
            "[[kpi]]\nid = \"k\"\ngoal = \"engagement\"\nformula = \"{formula}\"\nbasis = \"activity\"\n{}{}{}",
            target(whole),
            target(&format!("{}\nwhere = {{ platform = \"x\" }}", parts[0])),
            target(&format!("{}\nwhere = {{ platform = \"weibo\" }}", parts[1]))
        );
        let source = Source { name: "k.toml".to_owned(), text };
        let kpis = parse_kpis(&[source], Catalogue::builtin()).unwrap();
        parts_against_whole(&kpis[0], kpis[0].targets[0].period.span)
    }

    #[test]
    fn sums_add_up() {
        assert_eq!(
            told("likes", "absolute = 9000", ["absolute = 5000", "absolute = 4000"]),
            Vec::<String>::new()
        );
        assert_eq!(
            told("likes", "absolute = 9000", ["absolute = 5000", "absolute = 3000"]),
            ["the targets by platform add up to 8000, that of the whole is 9000: 1000 are missing"]
        );
    }

    #[test]
    fn ratios_lie_between() {
        let ratio = "likes / impressions";
        assert_eq!(
            told(ratio, "absolute = 0.03", ["absolute = 0.02", "absolute = 0.04"]),
            Vec::<String>::new()
        );
        assert_eq!(
            told(ratio, "absolute = 0.05", ["absolute = 0.02", "absolute = 0.04"]),
            [
                "the targets by platform lie between 0.02 and 0.04, that of the whole is 0.05: no mix of the parts comes to it"
            ]
        );
    }

    #[test]
    fn changes_are_measured_first() {
        let parts = ["relative = \"+2%\"\nbaseline = \"2026-Q2\"", "absolute = 1"];
        assert_eq!(told("likes", "absolute = 9000", parts), Vec::<String>::new());
    }
}
