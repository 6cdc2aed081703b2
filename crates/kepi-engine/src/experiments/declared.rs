//! `[[experiment]]` blocks.

use jiff::civil::Date;
use kepi_core::{
    DateSpan, Error, Result,
    document::{Block, Faults, Placed, one_of_hint},
    period::add_days,
};
use serde::Serialize;
use serde_json::json;

use crate::{
    advice::compares_posts,
    formula::Filter,
    kpi::{Direction, Kpi},
    tag::read_filter,
};

/// The most days that an experiment is held against.
const MOST_BEFORE: i64 = 366;

/// An experiment as it was declared.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    /// Its id.
    pub id: String,
    /// What is expected, in words.
    pub hypothesis: String,
    /// The KPI that it is read by.
    pub kpi: Placed<String>,
    /// Its days.
    pub span: DateSpan,
    /// The posts that are treated; all that are published within its days without it.
    pub treated: Option<Filter>,
    /// The posts that they are held against; all others without it.
    pub control: Option<Filter>,
    /// The days before it that both are held against.
    pub before: Option<DateSpan>,
    /// Which way it should go.
    pub expect: Option<Expectation>,
}

/// Which way an experiment should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    /// The KPI rises.
    Up,
    /// It falls.
    Down,
}

impl Experiment {
    /// What must not change once it has begun, as the store keeps it.
    pub(crate) fn essence(&self, version: u32) -> serde_json::Value {
        let days = |span: DateSpan| json!([span.start, span.end]);
        let written = |filter: &Option<Filter>| filter.as_ref().map(|filter| filter.written.clone());
        json!({
            "id": self.id, "kpi": self.kpi.value, "version": version, "days": days(self.span),
            "treated": written(&self.treated), "control": written(&self.control),
            "before": self.before.map(days), "expect": self.expect,
        })
    }

    /// Which way it should go: as declared, else the way that is good for its KPI.
    pub(crate) fn expected(&self, kpi: &Kpi) -> Expectation {
        let good = if kpi.direction == Direction::Down { Expectation::Down } else { Expectation::Up };
        self.expect.unwrap_or(good)
    }
}

/// Reads `[[experiment]]` blocks of a text.
#[must_use]
pub fn read_experiments(text: &str, root: &Block<'_, '_>) -> Vec<Experiment> {
    let mut experiments: Vec<Experiment> = Vec::new();
    for block in root.blocks("experiment") {
        let place = block.place("id");
        let Some(experiment) = read(text, &block) else {
            block.finish();
            continue;
        };
        if experiments.iter().any(|known| known.id == experiment.id) {
            let message = format!("experiment {} stands twice", experiment.id);
            block.faults().add(place, message, "again", Some("another try is another id".to_owned()));
        }
        block.finish();
        experiments.push(experiment);
    }
    experiments
}

fn read(text: &str, block: &Block<'_, '_>) -> Option<Experiment> {
    let (id, hypothesis) = (block.required_text("id"), block.required_text("hypothesis"));
    let kpi = block.required_text("kpi");
    for key in ["start", "end"] {
        if !block.has(key) {
            block.missing(key);
        }
    }
    let (start, end) = (block.parsed("start", day), block.parsed("end", day));
    let filter = |key: &'static str| {
        let written = block.text(key)?;
        read_filter(text, &written.value, &written.span, block.faults())
    };
    let (treated, control) = (filter("treated"), filter("control"));
    let before = block.parsed("before", days);
    let words = [("up", Expectation::Up), ("down", Expectation::Down)];
    let expect = block.one_of("expect", &words).map(|placed| placed.value);
    let span = match (&start, &end) {
        (Some(start), Some(end)) if end.value < start.value => {
            block.faults().add(end.span.clone(), "the experiment ends before it starts", "here", None);
            None
        }
        (Some(start), Some(end)) => Some(DateSpan::new(start.value, add_days(end.value, 1))),
        _ => None,
    };
    if !block.has("treated") {
        if block.has("control") {
            let hint = Some("say which posts are treated as well".to_owned());
            block.faults().add(block.place("control"), "control stands without treated", "here", hint);
        }
        if !block.has("before") {
            let hint = "treated = \"format = 'video'\" holds some posts against the others; before = \"28d\" holds all against the days before";
            let message = "nothing is there to hold the experiment against";
            block.faults().add(block.span(), message, "in this block", Some(hint.to_owned()));
        }
    }
    let span = span?;
    Some(Experiment {
        id: id?.value,
        hypothesis: hypothesis?.value,
        kpi: kpi?,
        span,
        treated,
        control,
        before: before.map(|days| DateSpan::new(add_days(span.start, -days.value), span.start)),
        expect,
    })
}

fn day(text: &str) -> Result<Date> {
    text.trim().parse().map_err(|_| {
        Error::bad_config(format!("{text:?} is not a day")).hint("days are written \"2026-10-01\"")
    })
}

fn days(text: &str) -> Result<i32> {
    let number = text.trim().strip_suffix('d').and_then(|days| days.parse::<i64>().ok());
    number
        .filter(|days| (1..=MOST_BEFORE).contains(days))
        .and_then(|days| i32::try_from(days).ok())
        .ok_or_else(|| Error::bad_config(format!("{text:?} is no number of days")).hint("write \"28d\""))
}

/// Holds experiments against the KPIs of the project: each is read by one that has a number per post.
pub fn check_experiments(experiments: &[Experiment], kpis: &[Kpi], faults: &Faults) {
    for experiment in experiments {
        let name = &experiment.kpi;
        match kpis.iter().find(|kpi| kpi.id == name.value) {
            None => {
                let known: Vec<&str> = kpis.iter().map(|kpi| kpi.id.as_str()).collect();
                let message = format!("there is no KPI {}", name.value);
                faults.add(name.span.clone(), message, "unknown", Some(one_of_hint(&name.value, &known)));
            }
            Some(kpi) if !compares_posts(kpi) => {
                let fitting: Vec<&str> =
                    kpis.iter().filter(|kpi| compares_posts(kpi)).map(|kpi| kpi.id.as_str()).collect();
                let message = format!(
                    "{} has no number per published post to hold posts against each other by",
                    kpi.id
                );
                let hint = (!fitting.is_empty()).then(|| format!("these have: {}", fitting.join(", ")));
                faults.add(name.span.clone(), message, "here", hint);
            }
            Some(_) => {}
        }
    }
}
