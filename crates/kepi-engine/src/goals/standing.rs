//! Where goals stand: what the scorecard says of the KPIs that are for them.
//!
//! Attainments of unlike KPIs are not averaged. What is counted is how many of the KPIs that can be judged are on
//! course; weights only say how much a goal counts among goals.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::{ProjectGoal, TaskState, goal_of, ranked};
use crate::{Kpi, ScoreRow, Status};

/// Where one goal stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GoalStanding {
    /// Its place, from 1.
    pub rank: usize,
    /// The goal's id.
    pub goal: String,
    /// Its name by language.
    pub names: BTreeMap<String, String>,
    /// The kind of thing that is wanted.
    pub serves: &'static str,
    /// Its priority as it was declared.
    pub priority: Option<u32>,
    /// Its share of all weights.
    pub weight: f64,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The KPIs that are for it.
    pub kpis: Vec<String>,
    /// How many of their rows could be judged against a target: met, on track, at risk, missed.
    pub judged: usize,
    /// How many of those are met or on track.
    pub on_course: usize,
    /// How many rows have which status.
    pub statuses: BTreeMap<&'static str, usize>,
    /// Its objectives.
    pub objectives: Vec<ObjectiveStanding>,
}

/// Where one objective stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ObjectiveStanding {
    /// The objective's id.
    pub objective: String,
    /// Its name by language.
    pub names: BTreeMap<String, String>,
    /// How far it looks.
    pub term: &'static str,
    /// The first day.
    pub start: Date,
    /// The last day, included.
    pub end: Date,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The KPIs that name it.
    pub kpis: Vec<String>,
    /// How many of their rows could be judged.
    pub judged: usize,
    /// How many of those are met or on track.
    pub on_course: usize,
    /// Tasks and actions, without those that were dropped.
    pub tasks: usize,
    /// How many of them are done.
    pub done: usize,
    /// Those that should be done by now and are not.
    pub overdue: Vec<String>,
}

/// Where the goals of a project stand by a scorecard, in the order in which they matter.
#[must_use]
pub fn standings(goals: &[ProjectGoal], kpis: &[Kpi], rows: &[ScoreRow], today: Date) -> Vec<GoalStanding> {
    let weights: f64 = goals.iter().map(|goal| goal.weight).sum();
    let one = |(place, goal): (usize, &ProjectGoal)| {
        let own: Vec<&Kpi> =
            kpis.iter().filter(|kpi| goal_of(goals, kpi).is_some_and(|of| of.id == goal.id)).collect();
        let counted = Counted::of(&own, rows);
        GoalStanding {
            rank: place + 1,
            goal: goal.id.clone(),
            names: goal.names.clone(),
            serves: goal.serves.as_str(),
            priority: goal.priority,
            weight: goal.weight / weights,
            owner: goal.owner.clone(),
            kpis: own.iter().map(|kpi| kpi.id.clone()).collect(),
            judged: counted.judged,
            on_course: counted.on_course,
            statuses: counted.statuses,
            objectives: goal
                .objectives
                .iter()
                .map(|objective| stands(objective, &own, rows, today))
                .collect(),
        }
    };
    ranked(goals).into_iter().enumerate().map(one).collect()
}

/// The share that is on course, each goal by its weight; goals of which nothing can be judged are left out. Nothing
/// where that is all of them.
#[must_use]
pub fn on_course(standings: &[GoalStanding]) -> Option<f64> {
    let judged = || standings.iter().filter(|goal| goal.judged > 0);
    let weights: f64 = judged().map(|goal| goal.weight).sum();
    let share = |goal: &GoalStanding| {
        #[expect(clippy::cast_precision_loss, reason = "KPIs are few")]
        let share = goal.on_course as f64 / goal.judged as f64;
        goal.weight * share
    };
    (weights > 0.0).then(|| judged().map(share).sum::<f64>() / weights)
}

fn stands(
    objective: &super::ProjectObjective,
    kpis: &[&Kpi],
    rows: &[ScoreRow],
    today: Date,
) -> ObjectiveStanding {
    let own: Vec<&Kpi> =
        kpis.iter().copied().filter(|kpi| kpi.toward.as_ref() == Some(&objective.id)).collect();
    let counted = Counted::of(&own, rows);
    let work = || objective.work().filter(|task| task.state != TaskState::Dropped);
    ObjectiveStanding {
        objective: objective.id.clone(),
        names: objective.names.clone(),
        term: objective.term.as_str(),
        start: objective.start,
        end: objective.end,
        owner: objective.owner.clone(),
        kpis: own.iter().map(|kpi| kpi.id.clone()).collect(),
        judged: counted.judged,
        on_course: counted.on_course,
        tasks: work().count(),
        done: work().filter(|task| task.state == TaskState::Done).count(),
        overdue: work().filter(|task| task.is_overdue(today)).map(|task| task.name.clone()).collect(),
    }
}

#[derive(Default)]
struct Counted {
    judged: usize,
    on_course: usize,
    statuses: BTreeMap<&'static str, usize>,
}

impl Counted {
    fn of(kpis: &[&Kpi], rows: &[ScoreRow]) -> Self {
        let mut counted = Self::default();
        for row in rows {
            if !kpis.iter().any(|kpi| kpi.id == row.kpi && kpi.version == row.version) {
                continue;
            }
            *counted.statuses.entry(row.status.as_str()).or_default() += 1;
            let good = matches!(row.status, Status::Met | Status::OnTrack);
            counted.on_course += usize::from(good);
            counted.judged += usize::from(good || matches!(row.status, Status::AtRisk | Status::Missed));
        }
        counted
    }
}
