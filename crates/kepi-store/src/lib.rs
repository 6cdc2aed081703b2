//! Where numbers rest: the journal, its projections, compaction, as Delta tables.
#![warn(missing_docs)]

mod before;
mod catch_up;
mod cell;
mod columns;
mod daily;
mod daily_rows;
mod dimension;
mod facts;
mod fail;
mod hash;
mod journal;
mod lifetime;
mod load;
mod location;
mod log;
mod log_store;
mod maintain;
mod makers;
mod mend;
mod options;
mod parquet_files;
mod plan;
mod project;
mod provider;
mod query;
mod readings;
mod records;
mod rollup;
mod rows;
mod same;
mod schema;
mod session;
mod sides;
mod stats;
mod store;
mod subjects;
mod upsert;
mod value;
mod writer;

#[cfg(test)]
mod tests;

pub use catch_up::{CaughtUp, Decoders, Redecode};
pub use fail::is_disk_full;
pub use journal::NewPage;
pub use maintain::{MaintainOptions, Maintained};
pub use mend::Mended;
pub use options::{Clock, Fault, StoreOptions};
pub use query::{QueryRows, query};
pub use records::{DecisionRecord, EvaluationRecord, RunRecord, SignalRecord};
pub use store::{AccountRow, ConfiguredAccount, Store};
pub use writer::{Flushed, Writer, Written};
