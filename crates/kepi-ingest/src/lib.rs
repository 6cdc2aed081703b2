//! The loop: plans what is due, asks for it page by page, hands the pages to the store, and does so on a
//! schedule that survives restarts.
//!
//! [`Ingest::plan`] says what a pass would ask for and cost; [`Ingest::run`] makes it. [`schedule`] decides when.
//! The loop never looks inside a page beyond its cursor, its notices, its counts, zeros that cannot be true, and the
//! ids by which its accounts are asked for.
#![warn(missing_docs)]

mod account;
mod memory;
mod plan;
mod progress;
mod reading;
mod report;
mod run;
pub mod schedule;
mod seam;
mod stop;
#[cfg(test)]
mod tests;
mod weigh;
mod work;

pub use account::{IngestAccount, IngestRequest, RunKind};
pub use memory::{Answer, Capability, InMemory, Lack, Memory};
pub use plan::{Estimate, PlanReport, PlannedEndpoint};
pub use progress::{Progress, Silent};
pub use report::{Ending, EndpointReport, Failure, Outcome, RunReport, Tally};
pub use run::{Ingest, IngestOptions};
pub use seam::{Fetch, PageWriter, Pages};
pub use stop::StopFlag;
