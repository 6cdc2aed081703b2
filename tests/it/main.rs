//! Whole-system tests of kepi, one binary so that the heavy crates are linked once.

mod arrows;
mod bench;
mod consent;
mod faults;
mod generated;
mod kill;
mod platforms;
mod project;
mod real_x;
mod rollups;
mod simulated;
mod slt;
mod stops;
mod trouble;
mod truth;
mod x_api;
