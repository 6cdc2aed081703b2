//! Reading KPI files: every fault is found at once, with its place.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use jiff::civil::Date;
use kepi_core::{
    Catalogue, Error, Period, Platform, Result, SubjectKind, Traffic, Unit,
    document::{Block, Document, Fault, Faults, Placed, one_of_hint},
    period::Fiscal,
};

use super::{Basis, Direction, Goal, Indicator, Kpi, Objective, Review, Side, Stage, targets::read_targets};
use crate::{
    benchmarks::{BenchmarkChoice, Benchmarks},
    fault::{Flaw, Source},
    formula::{self, Expression, Filter, Origin, Program},
    goals::{ProjectGoal, ProjectObjective, read_day},
    tag::read_filter,
};

/// Reads KPI files.
///
/// # Errors
/// All faults of all files at once; a file that is wrong in one place is still checked in the others.
pub fn parse_kpis(sources: &[Source], catalogue: &Catalogue) -> Result<Vec<Kpi>, Vec<Fault>> {
    parse_kpis_for(sources, catalogue, &[])
}

/// Reads KPI files of a project that has goals of its own, which KPIs may name.
///
/// # Errors
/// As [`parse_kpis`].
pub fn parse_kpis_for(
    sources: &[Source],
    catalogue: &Catalogue,
    goals: &[ProjectGoal],
) -> Result<Vec<Kpi>, Vec<Fault>> {
    let mut found = Vec::new();
    let mut kpis: Vec<Kpi> = Vec::new();
    // Where each stands.
    let mut places: Vec<String> = Vec::new();
    let mut guards = Vec::new();
    let mut named = BTreeSet::new();
    for source in sources {
        let faults = Faults::new(&source.name);
        let document = Document::parse(&source.text, &faults);
        let root = document.block(&faults);
        for block in root.blocks("kpi") {
            let span = block.span();
            let own = block.texts("guards");
            guards.extend(own.iter().map(|guard| (source, guard.clone())));
            named.extend(block.text("id").map(|id| id.value));
            let Some(kpi) = read_kpi(&source.text, block, (catalogue, goals), &own) else { continue };
            let first = kpis.iter().position(|known| known.id == kpi.id && known.version == kpi.version);
            if let Some(first) = first.and_then(|place| places.get(place)) {
                let message =
                    format!("KPI {} version {} is declared already, in {first}", kpi.id, kpi.version);
                let hint = "raise version when the formula changes, or choose another id".to_owned();
                faults.add(span, message, "declared again", Some(hint));
                continue;
            }
            let line = source.text.get(..span.start).unwrap_or_default().matches('\n').count() + 1;
            places.push(format!("{}:{line}", source.name));
            kpis.push(kpi);
        }
        root.finish();
        found.extend(faults.into_vec());
    }
    found.extend(unknown_guards(&guards, &named));
    if found.is_empty() { Ok(kpis) } else { Err(found) }
}

/// A guard is a KPI of the project: in whatever file, in whatever order, even one that has faults of its own.
fn unknown_guards(guards: &[(&Source, Placed<String>)], named: &BTreeSet<String>) -> Vec<Fault> {
    let known: Vec<&str> = named.iter().map(String::as_str).collect();
    let unknown = guards.iter().filter(|(_, guard)| !named.contains(&guard.value));
    unknown
        .flat_map(|(source, guard)| {
            let faults = Faults::new(&source.name);
            let message = format!("there is no KPI {} to guard this one", guard.value);
            faults.add(guard.span.clone(), message, "here", Some(one_of_hint(&guard.value, &known)));
            faults.into_vec()
        })
        .collect()
}

/// Which posts a KPI looks at; a formula that reads none has nothing to choose from.
fn filter(text: &str, block: &Block<'_, '_>, program: Option<&Program>) -> Option<Filter> {
    let written = block.text("where")?;
    let reads_posts = |program: &Program| program.reads(Origin::Posts) || program.reads(Origin::Known);
    if program.is_some_and(|program| !reads_posts(program)) {
        let hint =
            "leave where out; numbers of a part of an account are in_segment(metric, 'dimension', 'value')";
        let message = "where chooses among posts, and this formula reads none";
        block.faults().add(written.span, message, "here", Some(hint.to_owned()));
        return None;
    }
    read_filter(text, &written.value, &written.span, block.faults())
}

/// The units that a KPI may say its value counts, where the formula's own would mislead; money follows the data.
const UNITS: [(&str, Unit); 5] = [
    ("count", Unit::Count),
    ("users", Unit::Users),
    ("seconds", Unit::Seconds),
    ("ratio", Unit::Ratio),
    ("score", Unit::Score),
];

const TRAFFIC: [(&str, Traffic); 4] = [
    ("organic", Traffic::Organic),
    ("paid", Traffic::Paid),
    ("total", Traffic::Total),
    ("unknown", Traffic::Unknown),
];

fn read_kpi(
    text: &str,
    block: Block<'_, '_>,
    (catalogue, goals): (&Catalogue, &[ProjectGoal]),
    guards: &[Placed<String>],
) -> Option<Kpi> {
    let id = read_id(&block);
    let version = read_version(&block);
    let (goal, for_goal) = read_goal(&block, goals).unzip();
    let for_goal: Option<String> = for_goal.flatten();
    let aim = read_objective(&block, goals, (goal, for_goal.as_deref()));
    let objective = aim.map(|(term, _)| term);
    let toward = aim.and_then(|(_, toward)| toward);
    let platforms = read_platforms(&block);
    let basis = word(&block, "basis", Basis::ALL, Basis::as_str).unwrap_or(Basis::Published);
    let age = read_age(&block, basis);
    let subjects = SubjectKind::ALL.map(|kind| (kind.as_str(), kind));
    let subject = block.one_of("subject", &subjects).map(|placed| placed.value);
    let direction = word(&block, "direction", Direction::ALL, Direction::as_str).unwrap_or(Direction::Up);
    let context = formula::Context { catalogue, basis, platforms: &platforms, subject, age };
    let written = block.required_text("formula");
    let parsed = written.as_ref().and_then(|written| read_formula(text, written, context, block.faults()));
    let unit = block.one_of("unit", &UNITS).map(|placed| placed.value);
    let unit = unit.or_else(|| parsed.as_ref().map(|(_, program)| program.unit));
    let kpi = Kpi {
        names: read_names(&block),
        stage: word(&block, "stage", Stage::ALL, Stage::as_str),
        traffic: block.one_of("traffic", &TRAFFIC).map(|placed| placed.value),
        provenance: word(&block, "provenance", Side::ALL, Side::as_str).unwrap_or(Side::Own),
        owner: text_of(&block, "owner"),
        stakeholders: block.texts("stakeholders").into_iter().map(|placed| placed.value).collect(),
        objective,
        toward: toward.map(|(_, objective)| objective.id.clone()),
        for_goal: for_goal.or_else(|| toward.map(|(goal, _)| goal.id.clone())),
        indicator: word(&block, "indicator", Indicator::ALL, Indicator::as_str),
        review: word(&block, "review", Review::ALL, Review::as_str),
        guards: guards.iter().map(|placed| placed.value.clone()).collect(),
        caveat: text_of(&block, "caveat"),
        filter: filter(text, &block, parsed.as_ref().map(|(_, program)| program)),
        valid_from: block.parsed("valid_from", read_day).map(|placed| placed.value),
        when_low: text_of(&block, "when_low"),
        description: text_of(&block, "description"),
        independent_trials: block
            .one_of("trials", &[("clustered", false), ("independent", true)])
            .is_some_and(|placed| placed.value),
        benchmark: read_benchmark(&block, parsed.as_ref().map(|(tree, _)| tree), &platforms),
        targets: read_targets(&block, direction, unit),
        id: id.unwrap_or_default(),
        version: version.unwrap_or_default(),
        goal: goal.unwrap_or(Goal::Engagement),
        formula: written.map(|written| written.value).unwrap_or_default(),
        platforms: platforms.clone(),
        basis,
        age,
        subject,
        direction,
        unit: unit.unwrap_or(Unit::Ratio),
        expression: parsed.as_ref()?.0.clone(),
        program: parsed?.1,
    };
    block.finish();
    id_and_goal(kpi, goal, version)
}

/// A KPI whose id, version or goal could not be read has its fault already.
fn id_and_goal(kpi: Kpi, goal: Option<Goal>, version: Option<u32>) -> Option<Kpi> {
    (!kpi.id.is_empty() && goal.is_some() && version.is_some()).then_some(kpi)
}

fn text_of(block: &Block<'_, '_>, key: &'static str) -> Option<String> {
    block.text(key).map(|placed| placed.value)
}

pub(crate) fn word<T: Copy>(
    block: &Block<'_, '_>,
    key: &'static str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Option<T> {
    let words: Vec<(&str, T)> = all.iter().map(|one| (name(*one), *one)).collect();
    block.one_of(key, &words).map(|placed| placed.value)
}

pub(crate) fn read_id(block: &Block<'_, '_>) -> Option<String> {
    block.required_text("id")?;
    let read = |id: &str| {
        let legal = id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
        if legal {
            return Ok(id.to_owned());
        }
        Err(Error::bad_config(format!("{id:?} is not a KPI id"))
            .hint("lowercase words joined by hyphens, for example x-engagement-rate"))
    };
    block.parsed("id", read).map(|placed| placed.value)
}

fn read_version(block: &Block<'_, '_>) -> Option<u32> {
    if !block.has("version") {
        return Some(1);
    }
    let written = block.integer("version")?;
    let version = u32::try_from(written.value).ok().filter(|version| *version > 0);
    if version.is_none() {
        block.faults().add(written.span, "version is a whole number from 1", "here", None);
    }
    version
}

/// `own`, `none`, or a row of the published ones, which must be about the same thing.
fn read_benchmark(
    block: &Block<'_, '_>,
    formula: Option<&Expression>,
    platforms: &[Platform],
) -> BenchmarkChoice {
    let read = |text: &str| match (text, formula) {
        ("own", _) => Ok(BenchmarkChoice::Own),
        ("none", _) => Ok(BenchmarkChoice::None),
        (_, None) => Ok(BenchmarkChoice::None),
        (id, Some(formula)) => Benchmarks::builtin().choose(id, formula, platforms),
    };
    block.parsed("benchmark", read).map(|placed| placed.value).unwrap_or_default()
}

pub(crate) fn read_names(block: &Block<'_, '_>) -> BTreeMap<String, String> {
    if let Some(names) = block.has_block("name").then(|| block.block("name")).flatten() {
        return names.named_texts().into_iter().map(|(language, name)| (language, name.value)).collect();
    }
    text_of(block, "name").map(|name| ("en".to_owned(), name)).into_iter().collect()
}

/// A KPI that names no goal is a metric: it may be explored, but has no place here.
fn read_goal(block: &Block<'_, '_>, own: &[ProjectGoal]) -> Option<(Goal, Option<String>)> {
    if !block.has("goal") {
        let goals: Vec<&str> = Goal::ALL.iter().map(|goal| goal.as_str()).collect();
        let hint = format!("add goal = one of {}", goals.join(", "));
        let message = "a KPI serves a business goal, and this one names none";
        block.faults().add(block.span(), message, "in this block", Some(hint));
        return None;
    }
    let mut words: Vec<(&str, (Goal, Option<usize>))> =
        own.iter().enumerate().map(|(place, goal)| (goal.id.as_str(), (goal.serves, Some(place)))).collect();
    for goal in Goal::ALL.iter().filter(|goal| !own.iter().any(|own| own.id == goal.as_str())) {
        words.push((goal.as_str(), (*goal, None)));
    }
    let (goal, place) = block.one_of("goal", &words)?.value;
    Some((goal, place.and_then(|place| own.get(place)).map(|goal| goal.id.clone())))
}

/// How far a KPI looks, and the objective that says so, with its goal.
type Aim<'g> = (Objective, Option<(&'g ProjectGoal, &'g ProjectObjective)>);

/// How far a KPI looks: a word, or an objective of the goal that it is for, which says so itself.
fn read_objective<'g>(
    block: &Block<'_, '_>,
    goals: &'g [ProjectGoal],
    (kind, for_goal): (Option<Goal>, Option<&str>),
) -> Option<Aim<'g>> {
    let mut words: Vec<(&str, Aim<'g>)> =
        Objective::ALL.iter().map(|term| (term.as_str(), (*term, None))).collect();
    for goal in goals {
        let own = goal.objectives.iter();
        words.extend(own.map(|one| (one.id.as_str(), (one.term, Some((goal, one))))));
    }
    let named = block.one_of("objective", &words)?;
    if let (_, Some((goal, objective))) = named.value {
        let other = for_goal.map_or(kind.is_some_and(|kind| kind != goal.serves), |named| named != goal.id);
        if other {
            let message =
                format!("objective {} is of goal {}, and this KPI is for another", objective.id, goal.id);
            let hint = format!("set goal = \"{}\", or name an objective of this goal", goal.id);
            block.faults().add(named.span, message, "of another goal", Some(hint));
            return None;
        }
    }
    Some(named.value)
}

fn read_platforms(block: &Block<'_, '_>) -> Vec<Platform> {
    let mut platforms = Vec::new();
    for name in block.texts("platforms") {
        match Platform::new(&name.value) {
            Ok(platform) if !platforms.contains(&platform) => platforms.push(platform),
            Ok(_) => {}
            Err(error) => block.faults().add_error(name.span, &error),
        }
    }
    platforms
}

fn read_age(block: &Block<'_, '_>, basis: Basis) -> Option<u16> {
    let read = |text: &str| {
        if basis == Basis::Activity {
            return Err(Error::bad_config("age compares posts, which basis = \"activity\" does not look at")
                .hint("set basis = \"published\", or leave age out"));
        }
        formula::parse_age(text).ok_or_else(|| {
            Error::bad_config(format!("{text:?} is not an age")).hint("ages are written \"7d\"")
        })
    };
    block.parsed("age", read).map(|placed| placed.value)
}

fn read_formula(
    text: &str,
    written: &Placed<String>,
    context: formula::Context<'_>,
    faults: &Faults,
) -> Option<(Expression, Program)> {
    let place = Place::of(text, &written.value, written.span.clone());
    let told = |flaws: Vec<Flaw>| flaws.into_iter().for_each(|flaw| place.tell(flaw, faults));
    let tree = formula::parse(&written.value, context.catalogue).map_err(told).ok()?;
    let program = formula::check(&tree, context).map_err(told).ok()?;
    Some((tree, program))
}

/// Where a formula stands in its file.
struct Place {
    /// The whole string with its quotes.
    whole: Range<usize>,
    /// Where its first byte stands, where the string is written as it is read (no escapes).
    start: Option<usize>,
}

impl Place {
    fn of(text: &str, formula: &str, whole: Range<usize>) -> Self {
        let start =
            text.get(whole.clone()).and_then(|raw| raw.find(formula)).map(|offset| whole.start + offset);
        Self { whole, start }
    }

    fn tell(&self, flaw: Flaw, faults: &Faults) {
        let span = match self.start {
            Some(start) => start + flaw.span.start..start + flaw.span.end,
            None => self.whole.clone(),
        };
        flaw.tell(span, faults);
    }
}

/// A calendar period, which does not depend on the day on which it is read.
pub(super) fn fixed_period(text: &str) -> Result<Period> {
    let hint = "a calendar period such as 2026-Q3, 2026-10 or 2026-10-01..2026-10-20";
    if text.starts_with("last-") || matches!(text.trim(), "mtd" | "qtd" | "ytd") {
        return Err(Error::bad_config(format!("{text} moves with the day on which it is read")).hint(hint));
    }
    Period::parse(text, Date::constant(2000, 1, 1), Fiscal::default())
        .map_err(|error| Error::bad_config(error.message().to_owned()).hint(hint))
}
