//! Whole-system tests of kepi, one binary so that the heavy crates are linked once.

mod arrows;
mod generated;
mod kill;
mod project;
mod real_x;
mod rollups;
mod simulated;
mod slt;
mod x_api;
