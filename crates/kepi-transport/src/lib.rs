//! How bytes move: one request in, one honest answer out.
//!
//! Adapters say purely what they ask and what an answer means; everything else on the way to a platform lives
//! here, each concern in a layer of its own. [`stack`] composes them in the one order there is:
//!
//! trace → retry → credential → budget → quota → classify → record → wire
//!
//! - **trace** tells what happened, once per call, and where;
//! - **retry** repeats what may be repeated, within bounds, and keeps off an endpoint that keeps failing;
//! - **credential** adds the token, renews it once when it has run out, and stores what it got before using it;
//! - **budget** stops before a ceiling of calls or money;
//! - **quota** keeps to the platform's limits, declared or told in headers;
//! - **classify** says what an answer means when it means failure;
//! - **record** scrubs secrets out of the answer and notes what its headers tell;
//! - **wire** sends.
//!
//! [`Transport::fetch`] is the door. This is the only crate that knows an HTTP client.
#![warn(missing_docs)]

mod budget;
mod call;
mod circuit;
mod classify;
mod clock;
mod credential;
mod domain;
mod fault;
mod headers;
mod ledger;
mod outgoing;
mod policy;
mod quota;
mod record;
mod retry;
mod scrub;
mod service_account;
mod source;
pub mod stack;
pub mod testing;
mod token_store;
mod trace;
mod transport;
mod wire;

pub use clock::{Clock, SystemClock};
pub use domain::QuotaDomain;
pub use fault::{Fault, FaultKind};
pub use ledger::{BudgetStore, Ceiling, Interval, Limit, Line, MemoryBudget, Reservation, Spend};
pub use outgoing::Outgoing;
pub use policy::{Quotas, RetryPolicy, Timeouts};
pub use source::{CredentialSource, Secrets};
pub use token_store::{
    CredentialKey, CredentialStore, FileCredentials, Held, MemoryCredentials, StoredToken,
};
pub use transport::{Fetched, Transport, TransportBuilder};
pub use wire::{HttpWire, Wire};
