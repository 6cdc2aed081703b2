//! Versions of a KPI: each is kept, and one of them is in force on a day.

use jiff::civil::Date;

use super::Kpi;

/// Of each KPI the version that is in force on a day: the newest of those that had begun; where none had, the
/// first. The order of the KPIs stays.
#[must_use]
pub fn in_force(kpis: Vec<Kpi>, day: Date) -> Vec<Kpi> {
    let stays: Vec<bool> = kpis
        .iter()
        .map(|kpi| !kpis.iter().any(|other| other.id == kpi.id && precedes(other, kpi, day)))
        .collect();
    kpis.into_iter().zip(stays).filter_map(|(kpi, stays)| stays.then_some(kpi)).collect()
}

/// Whether one version is taken rather than the other.
fn precedes(one: &Kpi, other: &Kpi, day: Date) -> bool {
    let begun = |kpi: &Kpi| kpi.valid_from.is_none_or(|from| from <= day);
    let rank = |kpi: &Kpi| (kpi.valid_from, kpi.version);
    match (begun(one), begun(other)) {
        (true, true) => rank(one) > rank(other),
        (false, false) => rank(one) < rank(other),
        (begun, _) => begun,
    }
}
