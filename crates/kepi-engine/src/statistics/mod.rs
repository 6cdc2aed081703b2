//! Statistics in plain functions of numbers, each held to golden figures.

mod clustered;
mod wilson;

pub use clustered::{Cluster, clustered_interval};
pub use wilson::wilson_interval;

/// The normal quantile of a two-sided 95 % interval.
const Z95: f64 = 1.959_963_984_540_054;
