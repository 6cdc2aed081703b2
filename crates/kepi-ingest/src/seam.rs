//! The two seams the loop stands between: where pages come from, and where they rest.
//!
//! The transport and the store implement them; tests put something small in their place.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use async_trait::async_trait;
use jiff::Timestamp;
use kepi_core::{
    AccountId, Adapter, Cursor, Job, Measurement, MetricId, Result, Stream,
    plan::{KnownPost, StreamState},
};
use smol_str::SmolStr;

pub(crate) use kepi_store::{NewPage, RunRecord};
use kepi_store::{Store, Writer};
pub(crate) use kepi_transport::{Clock, Fetched, Spend};
use kepi_transport::{QuotaDomain, Transport};

/// Where pages come from: one call through all layers.
#[async_trait]
pub trait Fetch: fmt::Debug + Send + Sync {
    /// Asks for one page; adds to `spent` what that took, whether it brings the page or not.
    async fn fetch(
        &self,
        adapter: &dyn Adapter,
        job: &Job,
        cursor: &Cursor,
        spent: &mut Spend,
    ) -> Result<Fetched>;

    /// Keeps to what a page told of the calls that are left: see [`kepi_core::Notice::CallsLeft`].
    fn calls_left(
        &self,
        adapter: &dyn Adapter,
        fetched: &Fetched,
        endpoint: &str,
        left: u32,
        until: Timestamp,
    );

    /// What a page cost, in millionths of a US dollar, now that it is known how many items are billed.
    async fn settle(&self, adapter: &dyn Adapter, job: &Job, fetched: &Fetched, items: u32) -> Result<u64>;

    /// The allowances that an account's calls draw on and that other accounts may draw on too.
    fn quota_domains(&self, _: &dyn Adapter, _: &AccountId) -> BTreeSet<QuotaDomain> {
        BTreeSet::new()
    }
}

#[async_trait]
impl Fetch for Transport {
    async fn fetch(
        &self,
        adapter: &dyn Adapter,
        job: &Job,
        cursor: &Cursor,
        spent: &mut Spend,
    ) -> Result<Fetched> {
        self.fetch_counted(adapter, job, cursor, spent).await
    }

    fn calls_left(
        &self,
        adapter: &dyn Adapter,
        fetched: &Fetched,
        endpoint: &str,
        left: u32,
        until: Timestamp,
    ) {
        Self::calls_left(self, adapter, fetched, endpoint, left, until);
    }

    async fn settle(&self, adapter: &dyn Adapter, job: &Job, fetched: &Fetched, items: u32) -> Result<u64> {
        Self::settle(self, adapter, job, fetched, items).await
    }

    fn quota_domains(&self, adapter: &dyn Adapter, account: &AccountId) -> BTreeSet<QuotaDomain> {
        Self::quota_domains(self, adapter, account)
    }
}

/// Where pages rest.
#[async_trait]
pub trait Pages: fmt::Debug + Send + Sync {
    /// Where every stream stands.
    async fn stream_states(&self) -> Result<HashMap<Stream, StreamState>>;
    /// The posts that are known of these accounts.
    async fn known_posts(&self, accounts: &[AccountId]) -> Result<Vec<KnownPost>>;
    /// The platforms' own ids of accounts, as far as earlier pages told them.
    async fn platform_ids(&self) -> Result<HashMap<AccountId, SmolStr>> {
        Ok(HashMap::new())
    }
    /// For each of these measurements those of its metrics of which the last word was above zero.
    async fn above_zero(&self, asked: &[Measurement]) -> Result<Vec<Vec<MetricId>>>;
    /// Something to write the pages of one run with.
    async fn writer(&self, run: &SmolStr) -> Result<Box<dyn PageWriter>>;
    /// Keeps the record of a finished run.
    async fn append_run(&self, record: RunRecord) -> Result<()>;
}

/// Writes the pages of one run; pages of many streams may share a commit.
#[async_trait]
pub trait PageWriter: Send {
    /// Takes one page. It is safe when a later [`PageWriter::flush`] has returned.
    async fn push(&mut self, page: NewPage) -> Result<()>;
    /// Commits what was taken.
    async fn flush(&mut self) -> Result<()>;
    /// Commits what was taken and ends; how many commits wait for their projections to be caught up.
    async fn finish(self: Box<Self>) -> Result<u64>;
}

#[async_trait]
impl Pages for Store {
    async fn stream_states(&self) -> Result<HashMap<Stream, StreamState>> {
        Self::stream_states(self).await
    }

    async fn known_posts(&self, accounts: &[AccountId]) -> Result<Vec<KnownPost>> {
        Self::known_posts(self, accounts).await
    }

    async fn platform_ids(&self) -> Result<HashMap<AccountId, SmolStr>> {
        let accounts = Self::accounts(self).await?;
        Ok(accounts.into_iter().filter_map(|row| Some((row.account.id, row.account.platform_id?))).collect())
    }

    async fn above_zero(&self, asked: &[Measurement]) -> Result<Vec<Vec<MetricId>>> {
        Self::above_zero(self, asked).await
    }

    async fn writer(&self, run: &SmolStr) -> Result<Box<dyn PageWriter>> {
        Ok(Box::new(Self::writer(self, Some(run.clone()))))
    }

    async fn append_run(&self, record: RunRecord) -> Result<()> {
        Self::append_run(self, record).await
    }
}

#[async_trait]
impl PageWriter for Writer {
    async fn push(&mut self, page: NewPage) -> Result<()> {
        Self::push(self, page).await
    }

    async fn flush(&mut self) -> Result<()> {
        Self::flush(self).await.map(drop)
    }

    async fn finish(self: Box<Self>) -> Result<u64> {
        let written = Self::finish(*self).await?;
        Ok(u64::try_from(written.behind).unwrap_or(u64::MAX))
    }
}
