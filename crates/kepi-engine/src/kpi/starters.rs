//! Choosing starter KPIs: the blocks of a file that suit a goal and platforms, as they are written.

use std::collections::BTreeSet;

use kepi_core::{Catalogue, document::Fault};

use super::{Goal, Kpi};
use crate::fault::Source;

/// A file of the catalogue, cut into what stands before its first KPI and its KPIs.
#[derive(Debug, Clone)]
pub struct Starter {
    /// Its name.
    pub name: String,
    head: String,
    /// KPIs with their text.
    blocks: Vec<(Kpi, String)>,
}

/// Reads the files of a catalogue, as wholes and block by block.
///
/// # Errors
/// All faults of all files.
pub fn starters(sources: &[Source]) -> Result<Vec<Starter>, Vec<Fault>> {
    let catalogue = Catalogue::builtin();
    let mut kpis = super::parse_kpis(sources, catalogue)?.into_iter();
    let mut all = Vec::new();
    for source in sources {
        let (head, blocks) = cut(&source.text);
        let blocks = blocks.into_iter().filter_map(|text| Some((kpis.next()?, text))).collect();
        all.push(Starter { name: source.name.clone(), head, blocks });
    }
    Ok(all)
}

/// The text before the first KPI, and the text of each.
fn cut(text: &str) -> (String, Vec<String>) {
    let mut head = String::new();
    let mut blocks: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "[[kpi]]" {
            blocks.push(String::new());
        }
        blocks.last_mut().unwrap_or(&mut head).push_str(line);
    }
    (head, blocks)
}

impl Starter {
    /// Its KPIs.
    pub fn kpis(&self) -> impl Iterator<Item = &Kpi> {
        self.blocks.iter().map(|(kpi, _)| kpi)
    }

    /// Its text with the chosen KPIs only; nothing where none is chosen.
    #[must_use]
    pub fn text_of(&self, chosen: &BTreeSet<String>) -> Option<String> {
        let kept = self.blocks.iter().filter(|(kpi, _)| chosen.contains(&kpi.id));
        let kept: String = kept.map(|(_, text)| text.as_str()).collect();
        (!kept.is_empty()).then(|| format!("{}{}\n", self.head, kept.trim_end()))
    }
}

/// The ids of the KPIs that serve a goal on platforms, with those that guard them, and theirs.
///
/// Without goals all of them, without platforms all of them. A KPI that goes over all platforms suits any.
#[must_use]
pub fn choose(starters: &[Starter], goals: &[Goal], platforms: &[String]) -> BTreeSet<String> {
    let all = || starters.iter().flat_map(Starter::kpis);
    let suits = |kpi: &&Kpi| {
        (goals.is_empty() || goals.contains(&kpi.goal))
            && (platforms.is_empty() || platforms.iter().any(|platform| kpi.covers(platform)))
    };
    let mut chosen: BTreeSet<String> = all().filter(suits).map(|kpi| kpi.id.clone()).collect();
    loop {
        let guards = all().filter(|kpi| chosen.contains(&kpi.id)).flat_map(|kpi| kpi.guards.clone());
        let more: Vec<String> = guards.filter(|guard| !chosen.contains(guard)).collect();
        if more.is_empty() {
            return chosen;
        }
        chosen.extend(more);
    }
}
