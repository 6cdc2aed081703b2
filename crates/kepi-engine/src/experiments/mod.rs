//! Experiments: declared before they begin, read when they are over.
//!
//! What is tried, on which posts, held against which others, for how long and which way it should go stands in the
//! project's file. The store keeps when that was first seen; an experiment that was declared after it had begun, or
//! changed since, is no test, and is not read as one.

mod declared;
mod outcome;

pub use declared::{Expectation, Experiment, check_experiments, read_experiments};
pub use outcome::{Design, ExperimentResult, ExperimentVerdict, GroupResult, experiments};
