//! The Chinese market's composite indices, as versioned functions of their inputs.
//!
//! They are off unless the project switches them on (`[indices] enabled = ["wci@14.2"]`): an index mixes what
//! cannot be mixed into one number, and its weights are a publisher's choice. They are computed from the
//! arithmetic that was published; the publishers' texts are cited, not quoted. An input that is not known makes
//! the index unknown, never smaller.
//!
//! Two that are asked for now and then are missing for a reason: of DCI (Douyin) no public text was found, and
//! XGZS standardises its inputs by a rule that was never published.

mod bvci;
mod ces;
mod nri;
mod registry;
mod rows;
mod wci;

use serde::Serialize;

pub use rows::evaluate_indices;

/// An index of one version.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Index {
    /// Name and version: `wci@14.2`.
    pub id: &'static str,
    /// Its platform.
    pub platform: &'static str,
    /// What it is, in English.
    pub title: &'static str,
    /// Its name in Chinese.
    pub title_zh: &'static str,
    /// What it is computed from, in the order of [`Index::value`].
    pub inputs: &'static [Input],
    /// Where the arithmetic is from.
    pub source: &'static str,
    /// How well it is attested: B of several agreeing copies, C of one secondary text, D hearsay.
    pub grade: char,
    #[serde(skip)]
    function: fn(&[f64]) -> f64,
}

/// One number that an index is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Input {
    /// Its name.
    pub name: &'static str,
    /// The formula of it, where kepi's data can hold it.
    pub formula: Option<&'static str>,
    /// What else its KPI says.
    #[serde(skip)]
    more: &'static str,
}

impl Index {
    /// All of them.
    pub const ALL: &[Self] = &[
        wci::WITH_SHARES,
        wci::WITHOUT_SHARES,
        registry::BCI,
        registry::VCI,
        bvci::BVCI,
        nri::NRI,
        ces::CES,
    ];

    /// The index of a name with its version; of a name without one where only one version is known.
    #[must_use]
    pub fn named(id: &str) -> Option<&'static Self> {
        let whole = Self::ALL.iter().find(|index| index.id == id);
        let mut versions = Self::ALL.iter().filter(|index| index.id.split('@').next() == Some(id));
        whole.or_else(|| versions.next().filter(|_| versions.next().is_none()))
    }

    /// Its value; the names of the inputs that are not known, or are no numbers of zero or more, otherwise.
    ///
    /// `days` are those of the period; inputs are in the order of [`Index::inputs`].
    ///
    /// # Errors
    /// The names of the inputs that are missing.
    pub fn value(&self, inputs: &[Option<f64>], days: f64) -> Result<f64, Vec<&'static str>> {
        let known = |at: usize| inputs.get(at).copied().flatten().filter(|value| *value >= 0.0);
        let missing: Vec<&'static str> = (0..self.inputs.len())
            .filter(|at| known(*at).is_none())
            .filter_map(|at| Some(self.inputs.get(at)?.name))
            .collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        let mut numbers: Vec<f64> = (0..self.inputs.len()).filter_map(known).collect();
        numbers.push(days.max(1.0));
        Ok((self.function)(&numbers))
    }
}

/// ln(x + 1).
fn log(value: f64) -> f64 {
    value.ln_1p()
}

/// The value at a place; inputs are complete when a function is called.
fn at(values: &[f64], place: usize) -> f64 {
    values.get(place).copied().unwrap_or(0.0)
}

#[cfg(test)]
fn check(id: &str, inputs: &[f64], days: f64, expected: f64, within: f64) {
    let index = Index::named(id).unwrap();
    let inputs: Vec<Option<f64>> = inputs.iter().copied().map(Some).collect();
    let found = index.value(&inputs, days).unwrap();
    assert!((found - expected).abs() < within, "{id}: {found} is not {expected}");
    // An input that is not known leaves the index unknown, whichever it is.
    for place in 0..index.inputs.len() {
        let mut without = inputs.clone();
        without[place] = None;
        assert_eq!(index.value(&without, days), Err(vec![index.inputs[place].name]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_carry_a_version() {
        let mut ids: Vec<&str> = Index::ALL.iter().map(|index| index.id).collect();
        assert!(ids.iter().all(|id| id.contains('@')));
        ids.dedup();
        assert_eq!(ids.len(), Index::ALL.len());
        assert!(Index::named("dci@1").is_none());
        assert_eq!(Index::named("bci").map(|index| index.id), Some("bci@registry"));
        assert!(Index::named("wci").is_none(), "two versions are known: it has to be said which");
    }
}
