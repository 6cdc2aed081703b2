//! The layers together: against a scripted wire under a jumping clock, and over loopback where bytes matter.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod budget;
mod credentials;
mod limits;
mod loopback;
mod matrix;
mod order;
mod retries;
mod secrecy;
mod service_accounts;
mod support;
mod throughput;
mod token_files;
