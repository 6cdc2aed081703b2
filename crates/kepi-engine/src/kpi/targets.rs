//! Reading the targets of a KPI.

use kepi_core::{Error, Result, Unit, document::Block};

use super::{
    Baseline, Direction, Goalpost, Target,
    read::fixed_period,
    target::{percent, points, two_meanings},
};

pub(super) fn read_targets(kpi: &Block<'_, '_>, direction: Direction, unit: Option<Unit>) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for block in kpi.blocks("target") {
        let span = block.span();
        let faults = block.faults();
        let Some(target) = read_target(block, direction, unit) else { continue };
        if targets.iter().any(|known| known.period.span == target.period.span) {
            let message = format!("{} has a target already", target.period.span);
            faults.add(span, message, "this one again", Some("one target per period".to_owned()));
            continue;
        }
        targets.push(target);
    }
    targets
}

fn read_target(block: Block<'_, '_>, direction: Direction, unit: Option<Unit>) -> Option<Target> {
    let written = block.required_text("period");
    let period = block.parsed("period", fixed_period);
    let goalpost = read_goalpost(&block, unit);
    let stretch = block.number("stretch").map(|placed| placed.value);
    let baseline = read_baseline(&block);
    let (span, faults) = (block.span(), block.faults());
    block.finish();
    let (period, goalpost) = (period?.value, goalpost?);
    let refuse =
        |message: &str, hint: &str| faults.add(span.clone(), message, "this target", Some(hint.to_owned()));
    if matches!(goalpost, Goalpost::Band(..)) != (direction == Direction::Band) {
        refuse(
            "a band belongs to direction = \"band\", and only a band does",
            "make direction and target match",
        );
        return None;
    }
    if goalpost.needs_baseline() && baseline.is_none() {
        let hint = "add baseline = \"2026-Q2\" (a period) or baseline_value = 0.03";
        refuse("a change is measured from a baseline", hint);
        return None;
    }
    Some(Target { period, written: written?.value, goalpost, stretch, baseline, span })
}

fn read_baseline(block: &Block<'_, '_>) -> Option<Baseline> {
    let frozen = block.number("baseline_value").map(|placed| Baseline::Frozen(placed.value));
    let written = block.text("baseline").map(|placed| placed.value);
    let period = block.parsed("baseline", fixed_period).map(|placed| placed.value);
    frozen.or_else(|| Some(Baseline::Period(period?, written?)))
}

const WAYS: &str = "absolute = 0.03, relative = \"+2%\", points = \"+0.5pp\" or band = [0.02, 0.04]";

fn read_goalpost(block: &Block<'_, '_>, unit: Option<Unit>) -> Option<Goalpost> {
    let given =
        ["absolute", "relative", "points", "change", "band"].iter().filter(|key| block.has(key)).count();
    if given != 1 {
        let message = if given == 0 { "this target has no value" } else { "a target is said in one way" };
        block.faults().add(block.span(), message, "this target", Some(format!("say {WAYS}")));
    }
    let absolute = block.number("absolute").map(|placed| Goalpost::Absolute(placed.value));
    let relative = block.parsed("relative", read_relative).map(|placed| placed.value);
    let points = block.parsed("points", |text| read_points(text, unit)).map(|placed| placed.value);
    let change = block.parsed("change", |text| read_change(text, unit)).map(|placed| placed.value);
    let band = read_band(block);
    [absolute, relative, points, change, band].into_iter().flatten().next().filter(|_| given == 1)
}

fn read_relative(text: &str) -> Result<Goalpost> {
    percent(text).map(Goalpost::Relative).ok_or_else(|| {
        Error::bad_config(format!("{text:?} is not a relative change"))
            .hint("write it with sign and percent: \"+2%\"")
    })
}

fn read_points(text: &str, unit: Option<Unit>) -> Result<Goalpost> {
    if unit.is_some_and(|unit| unit != Unit::Ratio) {
        return Err(Error::bad_config("points are of ratios, and this KPI is none")
            .hint("say relative = \"+2%\" or absolute = …"));
    }
    points(text).map(Goalpost::Points).ok_or_else(|| {
        Error::bad_config(format!("{text:?} is not a change in points"))
            .hint("write it with sign and pp: \"+0.5pp\"")
    })
}

/// A change that says neither relative nor points: of a ratio it means two things.
fn read_change(text: &str, unit: Option<Unit>) -> Result<Goalpost> {
    let change = percent(text).ok_or_else(|| {
        Error::bad_config(format!("{text:?} is not a change"))
            .hint("say relative = \"+2%\" or points = \"+0.5pp\"")
    })?;
    match two_meanings(change, text, unit.unwrap_or(Unit::Ratio)) {
        Some(meanings) => {
            Err(Error::bad_config(format!("{text} of a ratio can mean two things")).hint(meanings))
        }
        None => Ok(Goalpost::Relative(change)),
    }
}

fn read_band(block: &Block<'_, '_>) -> Option<Goalpost> {
    let ends = block.numbers("band")?;
    if let [low, high] = ends.value[..]
        && low < high
    {
        return Some(Goalpost::Band(low, high));
    }
    let hint = "for example band = [0.02, 0.04]".to_owned();
    block.faults().add(ends.span, "a band has two ends, the lower first", "here", Some(hint));
    None
}
