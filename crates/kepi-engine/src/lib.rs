//! The KPI engine: what a KPI is, what may be added, and what a scorecard says.
//!
//! KPI files are read by [`parse_kpis`], which tells all faults at once. [`evaluate`] computes a scorecard on any
//! DataFusion session that has the tables of [`kepi_core::tables`]; it opens none itself.
//!
//! # Formulas
//!
//! ```text
//! expression = expression ("+" | "-" | "*" | "/") expression | "-" expression | "(" expression ")"
//!            | number | metric | function
//! metric     = an id of the catalogue, or one that the project declares
//! function   = "gross(" metric ")"                          people, summed knowingly
//!            | "per_post(" expression ")"                   a sum over posts, divided by their number
//!            | "mean_over_posts(" row ")"                   the mean of what each post has
//!            | "median_over_posts(" row ")"                 the post in the middle
//!            | "max_over_posts(" row ")"                    the greatest of what each post has
//!            | "count_posts()" | "count_posts(" condition ")"
//!            | "days()"                                      the days of the period that are over
//!            | "per_1k_followers(" expression ")"           over thousands of followers at the end of the period
//!            | "at_age(" expression ", '7d')"               of posts when they were so many days old
//!            | "at_start(" level ")"                        a state as it stood before the period
//!            | "mean_over_days(" level ")"                  a state's mean over the days on which it was read
//!            | "in_segment(" metric ", 'dimension', 'value')"
//!            | "nullif(" expression ", " number ")"
//! row        = an expression on the numbers of one post, of metrics of posts
//! condition  = row ("=" | "<>" | "<" | "<=" | ">" | ">=") row | condition ("and" | "or") condition
//!            | "not" condition | "(" condition ")"
//! ```
//!
//! Aggregation is never written; it follows from the kind of each metric. What happens (counts, money) is summed.
//! States are the last known. People are never summed: only the platform's own figure for exactly the period is
//! taken. Means are summed with their weight. Ratios are sums over sums, and nothing over nothing is nothing:
//! `/` is null on a denominator of zero. What is not lawful is refused before anything runs, with the reason and
//! what is lawful instead.
//!
//! # Evaluation
//!
//! Every table of facts is scanned once for a whole scorecard: the time axis is cut at the boundaries of all
//! periods, and additive parts come out by account, dimension and slice. Periods, scopes, intervals, targets and
//! notes are put together from that small result. Plans are made of DataFusion's own functions, so that they run
//! wherever its plans run; [`explain_plan`] shows them.
//!
//! # Advice
//!
//! [`best_times`], [`best_formats`], [`growth`], [`roi`] and [`next_spend`] look at single posts and at money through the
//! same readings; [`experiments`] reads what was declared before it began. Each has an answer, and each can say that there
//! is none: an interval on both sides of nothing, too few posts, a change of definition. What is told is told with care
//! for how many things were looked at.
//!
//! # Signals
//!
//! [`find_signals`] reads series of KPIs through the evaluation and tells what asks for another course (P1 to P8) and
//! what stands out (odd days, level shifts, process charts), each with evidence, effect, interval and the next steps.
//! What earlier runs kept in the table `signals` is their memory.
//!
//! ```
//! use kepi_core::Catalogue;
//! use kepi_engine::{Source, parse_kpis};
//!
//! let text = r#"
//! [[kpi]]
//! id = "engagement-rate"
//! goal = "engagement"
//! formula = "reach / impressions"
//! "#;
//! let source = Source { name: "kpis/x.toml".into(), text: text.into() };
//! let faults = parse_kpis(&[source], Catalogue::builtin()).unwrap_err();
//! assert_eq!(&text[faults[0].span.clone()], "reach");
//! assert!(faults[0].message.contains("people"));
//! ```
#![warn(missing_docs)]

mod address;
mod advice;
pub mod benchmarks;
mod breaks;
mod calendar;
mod evaluate;
mod experiments;
mod fault;
pub mod formula;
mod goals;
pub mod indices;
mod kpi;
mod mapping;
mod number;
mod offered;
mod review;
pub mod signals;
pub mod statistics;
mod suggest;
mod tag;

pub use address::one_address;
pub use advice::{
    Answer, Assessment, EngagementMove, ExchangeRate, FollowerMove, FormatRow, FormatsAdvice, GrowthAdvice,
    Money, Move, NextSpend, RoiRow, SpendVerdict, TimeCell, TimesAdvice, Verdict, best_formats,
    best_formats_by_tag, best_times, compares_posts, growth, next_spend, read_money, roi,
};
pub use benchmarks::{BenchmarkChoice, BenchmarkRow, Benchmarks};
pub use breaks::Break;
pub use calendar::{
    CalendarRow, Outcome, Planned, PublishedPost, TOLERANCE, plan_against_done, read_calendar,
};
pub use evaluate::{
    BaselineValue, Benchmark, Comparison, Dimension, EvaluationRequest, Pace, ScopeName, ScoreRow, Span,
    Status, TargetValue, accounts_of_side, evaluate, evaluate_by_tag, explain_plan, narrowed, tagged,
};
pub use experiments::{
    Design, Expectation, Experiment, ExperimentResult, ExperimentVerdict, GroupResult, check_experiments,
    experiments, read_experiments,
};
pub use fault::Source;
pub use formula::{Filter, Program, Shape};
pub use goals::{
    GoalStanding, ObjectiveStanding, ProjectGoal, ProjectObjective, Task, TaskState, goal_of, on_course,
    ranked, read_goals, standings,
};
pub use indices::{Index, evaluate_indices};
pub use kepi_core::document::Fault;
pub use kpi::{
    Baseline, Basis, Direction, Goal, Goalpost, Indicator, Kpi, Objective, Profile, Review, Side, Stage,
    Starter, Target, choose, in_force, parse_kpis, parse_kpis_for, parts_against_whole, starters,
};
pub use mapping::{Mapping, PostBy, read_mappings};
pub use number::Number;
pub use offered::{Offered, OfferedByDescriptors};
pub use review::{Finding, Measured, Point, SmartReview, measure, review};
pub use signals::{Holiday, Signal, SignalKind, SignalOutcome, find_signals, process_charts};
pub use suggest::{Published, Suggestion, suggest};
pub use tag::{TagRule, read_tags};
