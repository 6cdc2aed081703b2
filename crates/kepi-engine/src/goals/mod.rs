//! Goals of a project: what the business wants in its own words, ranked and weighted, with objectives that have a
//! beginning and an end, and what is done for them.
//!
//! The eight words of [`Goal`](crate::Goal) say what kind of thing is wanted; a project's goal says which one of them
//! it is, how much it matters beside the others, and who answers for it. KPIs refer to it by its id.

mod standing;

use std::collections::BTreeMap;

use jiff::civil::Date;
use kepi_core::{
    Error, Result,
    document::{Block, Placed},
};

pub use standing::{GoalStanding, ObjectiveStanding, on_course, standings};

use crate::kpi::{Goal, Kpi, Objective, read_id, read_names, word, words};

/// A goal of the project.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectGoal {
    /// Its id: lowercase words with hyphens.
    pub id: String,
    /// Its name by language (`en`, `zh`).
    pub names: BTreeMap<String, String>,
    /// What kind of thing is wanted.
    pub serves: Goal,
    /// Which comes first: 1 before 2; without one, last.
    pub priority: Option<u32>,
    /// How much it counts beside the others.
    pub weight: f64,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What is to be reached, and by when.
    pub objectives: Vec<ProjectObjective>,
}

/// What is to be reached for a goal, and by when.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectObjective {
    /// Its id, one of all objectives of the project.
    pub id: String,
    /// Its name by language.
    pub names: BTreeMap<String, String>,
    /// How far it looks.
    pub term: Objective,
    /// The first day.
    pub start: Date,
    /// The last day, included.
    pub end: Date,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What is done for it.
    pub tasks: Vec<Task>,
}

/// Something to do, with the actions that it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// What.
    pub name: String,
    /// By when.
    pub due: Option<Date>,
    /// Where it stands.
    pub state: TaskState,
    /// Who does it.
    pub owner: Option<String>,
    /// Its parts; those have none of their own.
    pub actions: Vec<Task>,
}

words! {
    /// Where a task stands.
    TaskState {
        /// Not begun.
        Planned = "planned",
        /// Begun.
        Running = "running",
        /// Done.
        Done = "done",
        /// Not done any more.
        Dropped = "dropped",
    }
}

impl ProjectGoal {
    /// The English name, else any, else the id.
    #[must_use]
    pub fn name(&self) -> &str {
        named(&self.names, &self.id)
    }
}

impl ProjectObjective {
    /// The English name, else any, else the id.
    #[must_use]
    pub fn name(&self) -> &str {
        named(&self.names, &self.id)
    }

    /// Its tasks, each followed by its actions.
    pub fn work(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().flat_map(|task| std::iter::once(task).chain(&task.actions))
    }
}

impl Task {
    /// Whether it should have been done by a day and is not.
    #[must_use]
    pub fn is_overdue(&self, today: Date) -> bool {
        let open = matches!(self.state, TaskState::Planned | TaskState::Running);
        open && self.due.is_some_and(|due| due < today)
    }
}

fn named<'a>(names: &'a BTreeMap<String, String>, id: &'a str) -> &'a str {
    names.get("en").or_else(|| names.values().next()).map_or(id, String::as_str)
}

/// The project's goal that a KPI is for: the one it names, else the only one of its kind.
#[must_use]
pub fn goal_of<'g>(goals: &'g [ProjectGoal], kpi: &Kpi) -> Option<&'g ProjectGoal> {
    if let Some(id) = &kpi.for_goal {
        return goals.iter().find(|goal| goal.id == *id);
    }
    let mut of_kind = goals.iter().filter(|goal| goal.serves == kpi.goal);
    of_kind.next().filter(|_| of_kind.next().is_none())
}

/// The goals in the order in which they matter: by priority, then by weight, then as they were written.
#[must_use]
pub fn ranked(goals: &[ProjectGoal]) -> Vec<&ProjectGoal> {
    let mut ranked: Vec<&ProjectGoal> = goals.iter().collect();
    ranked.sort_by(|a, b| {
        let place = |goal: &ProjectGoal| goal.priority.unwrap_or(u32::MAX);
        place(a).cmp(&place(b)).then(b.weight.total_cmp(&a.weight))
    });
    ranked
}

/// Reads `[[goal]]` blocks.
#[must_use]
pub fn read_goals(root: &Block<'_, '_>) -> Vec<ProjectGoal> {
    let mut goals: Vec<ProjectGoal> = Vec::new();
    let mut objectives: Vec<String> = Vec::new();
    for block in root.blocks("goal") {
        let place = block.place("id");
        let faults = block.faults();
        let Some(goal) = read_goal(block, &mut objectives) else { continue };
        if goals.iter().any(|known| known.id == goal.id) {
            let message = format!("goal {} stands twice", goal.id);
            faults.add(place, message, "again", Some("remove one, or choose another id".to_owned()));
            continue;
        }
        goals.push(goal);
    }
    goals
}

fn read_goal(block: Block<'_, '_>, objectives: &mut Vec<String>) -> Option<ProjectGoal> {
    let id = read_id(&block);
    let own = id.as_deref().and_then(|id| Goal::ALL.iter().copied().find(|goal| goal.as_str() == id));
    if own.is_none() && !block.has("serves") {
        let kinds: Vec<&str> = Goal::ALL.iter().map(|goal| goal.as_str()).collect();
        let hint = format!("add serves = one of {}", kinds.join(", "));
        block.faults().add(
            block.span(),
            "the goal does not say which kind it is of",
            "in this block",
            Some(hint),
        );
    }
    let serves = word(&block, "serves", Goal::ALL, Goal::as_str).or(own);
    let priority = read_priority(&block);
    let weight = read_weight(&block);
    let names = read_names(&block);
    let owner = block.text("owner").map(|owner| owner.value);
    let mut own_objectives = Vec::new();
    for inner in block.blocks("objective") {
        let place = inner.place("id");
        let faults = inner.faults();
        let Some(objective) = read_objective(inner) else { continue };
        if objectives.contains(&objective.id) {
            let message = format!("objective {} stands twice", objective.id);
            faults.add(
                place,
                message,
                "again",
                Some("an id is one of all objectives of the project".to_owned()),
            );
            continue;
        }
        objectives.push(objective.id.clone());
        own_objectives.push(objective);
    }
    block.finish();
    Some(ProjectGoal { id: id?, names, serves: serves?, priority, weight, owner, objectives: own_objectives })
}

fn read_priority(block: &Block<'_, '_>) -> Option<u32> {
    let written = block.integer("priority")?;
    let priority = u32::try_from(written.value).ok().filter(|priority| *priority > 0);
    if priority.is_none() {
        block.faults().add(
            written.span,
            "a priority is a whole number from 1, which comes first",
            "here",
            None,
        );
    }
    priority
}

fn read_weight(block: &Block<'_, '_>) -> f64 {
    let Some(written) = block.number("weight") else { return 1.0 };
    if written.value.is_finite() && written.value > 0.0 {
        return written.value;
    }
    let hint = "weights are held against each other: 3 and 1, or 0.75 and 0.25".to_owned();
    block.faults().add(written.span, "a weight is a number above zero", "here", Some(hint));
    1.0
}

fn read_objective(block: Block<'_, '_>) -> Option<ProjectObjective> {
    let id = read_id(&block);
    if !block.has("term") {
        block.missing("term");
    }
    let term = word(&block, "term", Objective::ALL, Objective::as_str);
    let (start, end) = (required_day(&block, "start"), required_day(&block, "end"));
    if let (Some(start), Some(end)) = (&start, &end)
        && end.value < start.value
    {
        block.faults().add(end.span.clone(), "the objective ends before it begins", "before start", None);
    }
    let names = read_names(&block);
    let owner = block.text("owner").map(|owner| owner.value);
    let tasks = block.blocks("task").into_iter().filter_map(|task| read_task(task, true)).collect();
    block.finish();
    Some(ProjectObjective { id: id?, names, term: term?, start: start?.value, end: end?.value, owner, tasks })
}

fn required_day(block: &Block<'_, '_>, key: &'static str) -> Option<Placed<Date>> {
    if !block.has(key) {
        block.missing(key);
    }
    block.parsed(key, read_day)
}

fn read_task(block: Block<'_, '_>, with_actions: bool) -> Option<Task> {
    let name = block.required_text("name");
    let due = block.parsed("due", read_day).map(|due| due.value);
    let state = word(&block, "state", TaskState::ALL, TaskState::as_str).unwrap_or(TaskState::Planned);
    let owner = block.text("owner").map(|owner| owner.value);
    let inner = if with_actions { block.blocks("action") } else { Vec::new() };
    let actions = inner.into_iter().filter_map(|action| read_task(action, false)).collect();
    block.finish();
    Some(Task { name: name?.value, due, state, owner, actions })
}

pub(crate) fn read_day(text: &str) -> Result<Date> {
    text.trim().parse().map_err(|_| {
        Error::bad_config(format!("{text:?} is not a day")).hint("days are written \"2026-10-01\"")
    })
}

#[cfg(test)]
mod tests;
