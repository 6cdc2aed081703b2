//! Stand-ins until the store and the transport compile.
use jiff::Timestamp;
use kepi_core::{Body, Cursor, Job, Page, Stream};
use smol_str::SmolStr;

#[derive(Debug, Clone)]
pub struct NewPage {
    pub stream: Stream,
    pub job: Job,
    pub cursor: Cursor,
    pub request: Option<String>,
    pub body: Body,
    pub page: Page,
}

#[derive(Debug, Clone)]
pub struct RunRecord {
    pub run: SmolStr,
    pub kind: SmolStr,
    pub started_at: Timestamp,
    pub finished_at: Timestamp,
    pub outcome: SmolStr,
    pub pages: u64,
    pub measurements: u64,
    pub rejects: u64,
    pub calls: u64,
    pub cost_micro_usd: u64,
    pub error: Option<String>,
    pub detail: Option<String>,
}
