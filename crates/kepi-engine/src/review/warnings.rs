//! What invites trouble: numbers that please and say little, and targets that can be had in another way.

use crate::{
    formula::{Fold, Origin, Shape},
    kpi::{Direction, Kpi},
};

/// Metrics that grow by themselves or by habit, and move no goal alone.
const VANITY: [&str; 4] = ["followers_total", "likes", "likes_total", "posts_total"];
/// Metrics that anyone can raise without the goal being served.
const GAMED: [&str; 4] = ["likes", "posts_published", "link_clicks", "impressions"];

pub(super) fn warnings(kpi: &Kpi, all: &[Kpi]) -> Vec<String> {
    vanity(kpi, all).into_iter().chain(gaming(kpi, all)).collect()
}

/// Whether a KPI is built on nothing but the number of followers or raw likes; a growth of followers is a change, and
/// likes over impressions are a rate.
pub(super) fn is_vanity(kpi: &Kpi) -> bool {
    let metrics = kpi.metrics();
    !metrics.is_empty()
        && metrics.iter().all(|metric| VANITY.contains(&metric.as_str()))
        && !kpi.program.parts.iter().any(|part| part.fold == Fold::First)
}

fn vanity(kpi: &Kpi, all: &[Kpi]) -> Option<String> {
    if !is_vanity(kpi) {
        return None;
    }
    let metrics: Vec<String> = kpi.metrics().iter().map(ToString::to_string).collect();
    let pair = partner(kpi, all).map_or_else(
        || {
            format!(
                "; no KPI of the project bears {} beside it: add a rate of answers or of visits",
                kpi.goal.as_str()
            )
        },
        |pair| format!("; read it beside {pair}"),
    );
    Some(format!("vanity: {} alone says little of {}{pair}", metrics.join(" and "), kpi.goal.as_str()))
}

/// A target on one number that can be raised without serving the goal wants a guard.
fn gaming(kpi: &Kpi, all: &[Kpi]) -> Option<String> {
    let metrics = kpi.metrics();
    let counts = metrics.is_empty() && kpi.program.reads(Origin::Known);
    let single = metrics.len() == 1 && metrics.iter().all(|metric| GAMED.contains(&metric.as_str()));
    let raw = kpi.program.shape == Shape::Extensive
        || kpi.metrics().iter().all(|metric| metric.as_str() == "likes");
    let invites = kpi.direction == Direction::Up && raw && (counts || single);
    if kpi.targets.is_empty() || !invites || !kpi.guards.is_empty() {
        return None;
    }
    let what =
        if counts { "posts published".to_owned() } else { metrics.iter().map(ToString::to_string).collect() };
    let guard = partner(kpi, all)
        .map_or_else(|| "add guards = [\"…\"]".to_owned(), |guard| format!("add guards = [\"{guard}\"]"));
    Some(format!("gaming: a target on {what} alone can be met without {}; {guard}", kpi.goal.as_str()))
}

/// A KPI that bears the goal: one of its guards, else a rate of the same goal and platforms, else of the same
/// platforms, else of all platforms.
fn partner<'a>(kpi: &'a Kpi, all: &'a [Kpi]) -> Option<&'a str> {
    let bears = |other: &&Kpi| {
        other.id != kpi.id
            && other.program.ratio.is_some()
            && !is_vanity(other)
            && other.direction == Direction::Up
    };
    let own = all.iter().filter(bears).filter(|other| kpi.guards.contains(&other.id));
    let same = all.iter().filter(bears).filter(|other| other.platforms == kpi.platforms);
    let goal = same.clone().filter(|other| other.goal == kpi.goal);
    let wide = all.iter().filter(bears).filter(|other| other.platforms.is_empty());
    own.chain(goal).chain(same).chain(wide).map(|other| other.id.as_str()).next()
}
