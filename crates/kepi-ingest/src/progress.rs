//! How a run tells where it stands, for progress lines.

use kepi_core::AccountId;

use crate::{EndpointReport, Tally};

/// Hears where a run stands. All calls are short; several endpoints may speak in turn.
pub trait Progress: Send + Sync {
    /// An endpoint begins.
    fn began(&self, accounts: &[AccountId], endpoint: &str) {
        let _ = (accounts, endpoint);
    }

    /// A page was handed to the store; the tally is that of the endpoint so far.
    fn page(&self, accounts: &[AccountId], endpoint: &str, tally: &Tally) {
        let _ = (accounts, endpoint, tally);
    }

    /// An endpoint ended.
    fn ended(&self, report: &EndpointReport) {
        let _ = report;
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}
