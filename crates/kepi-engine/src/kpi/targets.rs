//! Reading the targets of a KPI.

use std::collections::BTreeMap;

use kepi_core::{Error, Result, Unit, document::Block};

use super::{
    Baseline, Direction, Goalpost, Profile, Target,
    read::fixed_period,
    target::{percent, points, two_meanings},
};

pub(super) fn read_targets(kpi: &Block<'_, '_>, direction: Direction, unit: Option<Unit>) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for block in kpi.blocks("target") {
        let span = block.span();
        let faults = block.faults();
        let Some(target) = read_target(block, direction, unit) else { continue };
        let same = |known: &Target| known.period.span == target.period.span && known.scope == target.scope;
        if targets.iter().any(same) {
            let message = format!("{} has a target already", target.period.span);
            let hint = "one target per period and part (where = { platform = \"x\" })".to_owned();
            faults.add(span, message, "this one again", Some(hint));
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
    let scope = read_scope(&block);
    let profile = read_profile(&block).unwrap_or_default();
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
    Some(Target { period, written: written?.value, goalpost, stretch, baseline, scope, profile, span })
}

/// What a target may be a part by: what a scorecard can be broken down by, but for time.
const PARTS: [&str; 9] =
    ["platform", "account", "brand", "market", "format", "category", "campaign", "product_type", "language"];

fn read_scope(target: &Block<'_, '_>) -> BTreeMap<String, String> {
    let Some(block) = target.block("where") else { return BTreeMap::new() };
    let mut scope = BTreeMap::new();
    for (dimension, value) in block.named_texts() {
        if PARTS.contains(&dimension.as_str()) {
            scope.insert(dimension, value.value);
        } else {
            let message = format!("{dimension:?} is not a dimension that a target can be a part by");
            let hint = kepi_core::document::one_of_hint(&dimension, &PARTS);
            block.faults().add(value.span, message, "here", Some(hint));
        }
    }
    scope
}

const PROFILES: &str = "\"linear\", \"weekday\", \"seasonal\", { weekday = [60, 62, 65, 63, 70, 110, 120] } or { shares = [0.2, 0.3, 0.5] }";

/// A word, seven weekdays, or shares of parts.
fn read_profile(target: &Block<'_, '_>) -> Option<Profile> {
    let weights = |block: &Block<'_, '_>, key: &'static str| {
        let written = block.numbers(key)?;
        let good =
            written.value.iter().all(|weight| *weight >= 0.0) && written.value.iter().sum::<f64>() > 0.0;
        if !good {
            let message = "shares are zero or more, and not all are zero";
            block.faults().add(written.span.clone(), message, "here", None);
        }
        good.then_some(written)
    };
    if target.has_block("profile") {
        let block = target.block("profile")?;
        let week = weights(&block, "weekday");
        let shares = weights(&block, "shares").map(|written| Profile::Shares(written.value));
        let seven = week.as_ref().and_then(|written| <[f64; 7]>::try_from(&written.value[..]).ok());
        if let (Some(written), None) = (&week, seven) {
            block.faults().add(written.span.clone(), "a week has seven days, Monday first", "here", None);
        }
        block.finish();
        return seven.map(|week| Profile::Weekday(Some(week))).or(shares);
    }
    let read = |text: &str| match text {
        "linear" => Ok(Profile::Linear),
        "weekday" => Ok(Profile::Weekday(None)),
        "seasonal" => Ok(Profile::Seasonal),
        _ => Err(Error::bad_config(format!("{text:?} is not a profile")).hint(format!("say {PROFILES}"))),
    };
    target.parsed("profile", read).map(|placed| placed.value)
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
