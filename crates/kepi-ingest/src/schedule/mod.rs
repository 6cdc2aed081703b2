//! When passes are made: jobs with a cron line, ticks that run once though a process ends or several look on,
//! attempts, and what is remembered of them.
//!
//! The state rests in one SQLite file beside the store. A tick is one time at which a job is due; its row in the
//! table `ticks` is what lets it run once. Ticks that nobody was there for are caught up by one run, not by as
//! many. No account is in two hands: a run leases its accounts, and a lease ends with its run, or with the process
//! that made it. What accounts share of a platform's limits, their quota domains, is leased with them: runs of one
//! process may share it, since they count together.

mod by_hand;
mod cron;
mod decide;
mod job;
mod runner;
mod scheduler;
mod state;

pub use by_hand::{IfBusy, do_alone, run_by_hand};
pub use cron::{Cron, Jitter};
pub use job::{JobSettings, ScheduledJob, Upcoming, upcoming};
pub use runner::{AfterIngest, IngestRunner, NoFollowUp, Runner, Task};
pub use scheduler::{Scheduler, SchedulerOptions};
pub use state::{Busy, Claim, Held, RunEntry, RunFilter, State, TickEntry};
