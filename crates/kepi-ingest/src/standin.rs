//! Stand-ins until the store and the transport compile.
use async_trait::async_trait;
use jiff::Timestamp;
use kepi_core::{Body, Cursor, Job, Page, Stream};
use smol_str::SmolStr;

#[derive(Debug, Clone)]
pub struct Fetched {
    pub body: Body,
    pub request: String,
    pub calls: u32,
    pub cost_micro_usd: u64,
    pub attempts: u32,
}

#[async_trait]
pub trait Clock: std::fmt::Debug + Send + Sync {
    fn now(&self) -> Timestamp;
    async fn sleep_until(&self, at: Timestamp);
}

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
