//! Whole-system tests of kepi, one binary so that the heavy crates are linked once.

mod advice;
mod arrows;
mod bench;
mod consent;
mod explain;
mod exports;
mod faults;
mod generated;
mod heard;
mod incidents;
mod kill;
mod planning;
mod platforms;
mod project;
mod real_x;
mod rollups;
mod service_account;
mod signals;
mod simulate;
mod simulated;
mod slt;
mod stops;
mod traps;
mod trouble;
mod truth;
mod x_api;
