//! What a piece of work cost: wall clock, processor, memory.

use std::{fmt, time::Instant};

use serde::{Deserialize, Serialize};

/// The cost of one piece of work.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Cost {
    /// Seconds that passed.
    pub wall: f64,
    /// Seconds of processor time of the whole process, all cores together.
    pub cpu: f64,
    /// The most memory that the process ever held by the end of it, in megabytes.
    pub peak: f64,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s, {:.2} s of processor, peak {:.0} MB", self.wall, self.cpu, self.peak)
    }
}

/// A clock that was started.
#[derive(Debug)]
pub struct Clock {
    began: Instant,
    cpu: f64,
}

impl Clock {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        Self { began: Instant::now(), cpu: processor_seconds() }
    }

    /// What it cost since then.
    #[must_use]
    pub fn stop(&self) -> Cost {
        Cost {
            wall: self.began.elapsed().as_secs_f64(),
            cpu: processor_seconds() - self.cpu,
            peak: peak_megabytes(),
        }
    }
}

/// The cost in the middle, by wall clock and by processor apart; of memory the greatest.
#[must_use]
pub fn median(costs: &[Cost]) -> Cost {
    let middle = |of: fn(&Cost) -> f64| {
        let mut values: Vec<f64> = costs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    Cost {
        wall: middle(|cost| cost.wall),
        cpu: middle(|cost| cost.cpu),
        peak: costs.iter().map(|cost| cost.peak).fold(0.0, f64::max),
    }
}

/// Ticks of processor time in a second, as Linux counts them for people.
const TICKS: f64 = 100.0;

/// Processor time of this process so far, in user and kernel; NaN where the machine does not tell.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = |place: usize| -> Option<f64> { after_name.split_whitespace().nth(place)?.parse().ok() };
    ticks(11).zip(ticks(12)).map_or(f64::NAN, |(user, kernel)| (user + kernel) / TICKS)
}

/// The most memory that this process ever held; NaN where the machine does not tell.
fn peak_megabytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kilobytes| kilobytes / 1024.0)
}
