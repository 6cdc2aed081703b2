//! What is remembered from run to run beside the journal: capabilities, and how a stream last answered.

use std::{collections::HashMap, fmt, sync::Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use kepi_core::{AccountId, DateSpan, Result, Stream};
use serde::Serialize;
use smol_str::SmolStr;

/// Why an endpoint is not asked for an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// The platform does not offer it to this account.
    NotOffered,
    /// A scope or role is missing.
    Forbidden,
}

impl Lack {
    /// The word that is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotOffered => "not_offered",
            Self::Forbidden => "forbidden",
        }
    }

    /// A stored word read back.
    #[must_use]
    pub fn from_stored(word: &str) -> Option<Self> {
        [Self::NotOffered, Self::Forbidden].into_iter().find(|lack| lack.as_str() == word)
    }
}

/// A capability that an account was found not to have. A state and not a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capability {
    /// Whose.
    pub account: AccountId,
    /// Of which endpoint.
    pub endpoint: SmolStr,
    /// Of which metric; `None` for the whole endpoint.
    pub metric: Option<SmolStr>,
    /// What it is.
    pub lack: Lack,
    /// Why, in the platform's words.
    pub reason: String,
    /// Since when we know.
    pub since: Timestamp,
    /// When it is tried again.
    pub retry_at: Timestamp,
}

/// How a stream last answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answer {
    /// It has said numbers other than zero.
    pub had_numbers: bool,
    /// Since when it says zeros that cannot be true, until it says numbers again.
    pub zeros_since: Option<Timestamp>,
}

/// Where these things are kept: in the schedule's state file, or in memory for a single pass.
#[async_trait]
pub trait Memory: fmt::Debug + Send + Sync {
    /// All capabilities that are known to be lacking.
    async fn capabilities(&self) -> Result<Vec<Capability>>;
    /// Keeps one; what was known of the same account, endpoint and metric is replaced, its `since` stays.
    async fn remember(&self, capability: Capability) -> Result<()>;
    /// Forgets what an account lacked: of one endpoint as a whole, or of all (`None`), metrics included.
    async fn forget(&self, account: &AccountId, endpoint: Option<&str>) -> Result<()>;
    /// How all streams last answered.
    async fn answers(&self) -> Result<HashMap<Stream, Answer>>;
    /// Keeps how a stream answered.
    async fn set_answer(&self, stream: &Stream, answer: Answer) -> Result<()>;
    /// The days that were asked for and that the platform had not computed yet.
    async fn not_yet(&self) -> Result<HashMap<Stream, DateSpan>>;
    /// Keeps these days of a stream, or that none is missing.
    async fn set_not_yet(&self, stream: &Stream, days: Option<DateSpan>) -> Result<()>;
}

/// A memory that lives as long as the process.
#[derive(Debug, Default)]
pub struct InMemory {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    capabilities: Vec<Capability>,
    answers: HashMap<Stream, Answer>,
    not_yet: HashMap<Stream, DateSpan>,
}

impl InMemory {
    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

#[async_trait]
impl Memory for InMemory {
    async fn capabilities(&self) -> Result<Vec<Capability>> {
        Ok(self.with(|inner| inner.capabilities.clone()))
    }

    async fn remember(&self, mut capability: Capability) -> Result<()> {
        self.with(|inner| {
            let same = |known: &Capability| {
                (&known.account, &known.endpoint, &known.metric)
                    == (&capability.account, &capability.endpoint, &capability.metric)
            };
            if let Some(known) = inner.capabilities.iter().position(same) {
                capability.since = inner.capabilities.remove(known).since;
            }
            inner.capabilities.push(capability);
        });
        Ok(())
    }

    async fn forget(&self, account: &AccountId, endpoint: Option<&str>) -> Result<()> {
        self.with(|inner| {
            inner.capabilities.retain(|known| {
                known.account != *account
                    || endpoint.is_some_and(|name| known.endpoint != name || known.metric.is_some())
            });
        });
        Ok(())
    }

    async fn answers(&self) -> Result<HashMap<Stream, Answer>> {
        Ok(self.with(|inner| inner.answers.clone()))
    }

    async fn set_answer(&self, stream: &Stream, answer: Answer) -> Result<()> {
        self.with(|inner| inner.answers.insert(stream.clone(), answer));
        Ok(())
    }

    async fn not_yet(&self) -> Result<HashMap<Stream, DateSpan>> {
        Ok(self.with(|inner| inner.not_yet.clone()))
    }

    async fn set_not_yet(&self, stream: &Stream, days: Option<DateSpan>) -> Result<()> {
        self.with(|inner| match days {
            Some(days) => inner.not_yet.insert(stream.clone(), days),
            None => inner.not_yet.remove(stream),
        });
        Ok(())
    }
}
