//! Statistics in plain functions of numbers, each held to golden figures.
//!
//! Nothing here knows of tables, KPIs or dates: what is given is a slice, and a day that is not known is `None`.
//! What too little data cannot tell is `None` as well, never a guess.

mod cells;
mod chart;
mod clustered;
mod contrast;
mod forecast;
mod kendall;
mod many;
mod order;
mod outlier;
mod proportions;
mod ranks;
mod regression;
mod season;
mod shift;
mod shrinkage;
mod smoothing;
mod trend;
mod wilson;

pub use cells::{CellEffect, MarginEffects, margin_effects};
pub use chart::{Chart, ChartRule, ChartSegment, ChartSignal, process_chart};
pub use clustered::{Cluster, clustered_interval, clustered_ratio, two_ratios};
pub use contrast::{Contrast, Estimate, contrast};
pub use forecast::{Forecast, Method, best_forecast, mean_forecast, seasonal_naive};
pub use kendall::{Association, kendall_tau};
pub use many::{discoveries, q_values};
pub use order::{median, median_absolute_deviation, percentile_rank, quantile};
pub use outlier::{OUTLIER_SCORE, OutlierDay, outlier_days, robust_scores, weekday_residuals};
pub use proportions::{TwoProportions, dispersion, two_proportions};
pub use ranks::{RankTest, kruskal_wallis};
pub use regression::{Fit, least_squares};
pub use season::{Decomposition, decompose, decompose_many};
pub use shift::{Shift, level_shifts};
pub use shrinkage::{Prior, Shrunken};
pub use smoothing::holt_winters;
pub use trend::{FittedChange, Trend, fitted_change, mann_kendall};
pub use wilson::wilson_interval;

use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

/// The normal quantile of a two-sided 95 % interval.
const Z95: f64 = 1.959_963_984_540_054;

/// A count as a float.
#[expect(clippy::cast_precision_loss, reason = "counts of days, posts and groups are far fewer than 2^52")]
fn real(count: usize) -> f64 {
    count as f64
}

/// The two-sided p-value of a standard normal deviate.
fn two_sided(z: f64) -> f64 {
    (2.0 * Normal::standard().sf(z.abs())).min(1.0)
}

/// Above so many degrees of freedom Student's t is the normal distribution to four digits, and its quantile is not
/// searched for any more.
const NORMAL_FREEDOM: f64 = 10_000.0;

/// The quantile of Student's t of a two-sided 95 % interval.
pub(crate) fn t95(freedom: f64) -> f64 {
    if freedom > NORMAL_FREEDOM {
        return Z95;
    }
    StudentsT::new(0.0, 1.0, freedom.max(1.0)).map_or(Z95, |t| t.inverse_cdf(0.975))
}
