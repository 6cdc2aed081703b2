//! What is asked for, and where one stands in asking.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use smol_str::SmolStr;

use crate::{AccountRef, DateSpan, Error, PostRef, Result};

/// One thing to ask of one endpoint, page by page until no cursor follows.
///
/// A job with its cursor and the stored body decodes again to the same page, so it holds all that a decoder
/// needs and no secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The endpoint's name in the descriptor, or the layout's name of a file.
    pub endpoint: SmolStr,
    /// One account, or as many as the endpoint takes in one call.
    pub accounts: Vec<AccountRef>,
    /// The account-local days asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<DateSpan>,
    /// The posts asked for, where the endpoint takes ids; of a snapshot of the newest posts, the newest known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub posts: Vec<PostRef>,
    /// "Now" as the plan saw it, so that a request is a pure function of its job.
    pub planned_at: Timestamp,
    /// Metrics that the account is known not to have at this endpoint ([`crate::Notice::NotOffered`]): an adapter
    /// whose platform fails a whole call for one of them leaves them out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<SmolStr>,
    /// What else the decoder of a file must know: its name and map. Only files have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<serde_json::Value>,
}

/// By what the imports of the same bytes are told apart. It stands in the input of a file's job as `identity`.
///
/// What is merely guessed of a file, such as when its numbers were read, is none of it: a copy is the same file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputIdentity {
    /// A digest of all that its bytes are read by.
    pub read_by: SmolStr,
    /// What the user said of it beside; who says nothing asks for nothing new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<SmolStr>,
}

impl Job {
    /// Whether it asks for what another job asked for before. When they were planned does not matter.
    ///
    /// ```
    /// use kepi_core::Job;
    /// let job = |input: serde_json::Value| -> Result<Job, serde_json::Error> {
    ///     serde_json::from_value(serde_json::json!({
    ///         "endpoint": "x-content",
    ///         "accounts": [{ "id": "x/demo", "platform_id": null, "zone": "UTC" }],
    ///         "planned_at": "2026-10-09T00:00:00Z",
    ///         "input": input,
    ///     }))
    /// };
    /// let file = job(serde_json::json!({ "file": "a.csv", "identity": { "read_by": "1" } }))?;
    /// let copy = job(serde_json::json!({ "file": "b.csv", "identity": { "read_by": "1" } }))?;
    /// let dated = job(serde_json::json!({ "file": "b.csv", "identity": { "read_by": "1", "said": "2026-10-01" } }))?;
    /// assert!(copy.asks_again(&file) && copy.asks_again(&dated));
    /// assert!(!dated.asks_again(&file));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn asks_again(&self, earlier: &Self) -> bool {
        let same = self.endpoint == earlier.endpoint
            && self.window == earlier.window
            && self.posts == earlier.posts
            && self.refused == earlier.refused;
        same && match (self.identity(), earlier.identity()) {
            (Some(own), Some(other)) => {
                self.accounts
                    .iter()
                    .map(|account| &account.id)
                    .eq(earlier.accounts.iter().map(|account| &account.id))
                    && own.read_by == other.read_by
                    && (own.said.is_none() || own.said == other.said)
            }
            _ => self.accounts == earlier.accounts && self.input == earlier.input,
        }
    }

    fn identity(&self) -> Option<InputIdentity> {
        serde_json::from_value(self.input.as_ref()?.get("identity")?.clone()).ok()
    }

    /// The first account: the only one of most jobs.
    ///
    /// # Errors
    /// `BadRequest` when the job names no account.
    pub fn account(&self) -> Result<&AccountRef> {
        self.accounts.first().ok_or_else(|| {
            Error::new(crate::ErrorKind::BadRequest, "a job without account").with("endpoint", &self.endpoint)
        })
    }
}

/// The name of a stream of pages in the journal: `platform/name:endpoint`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stream(SmolStr);

impl Stream {
    /// The stream of an account's endpoint.
    #[must_use]
    pub fn of(account: &crate::AccountId, endpoint: &str) -> Self {
        Self(smol_str::format_smolstr!("{account}:{endpoint}"))
    }

    /// The stream that all accounts of a platform share, for endpoints that take many accounts in one call:
    /// `platform/*:endpoint`.
    #[must_use]
    pub fn shared(&self) -> Self {
        let platform = self.0.split_once('/').map_or("", |(platform, _)| platform);
        let endpoint = self.0.rsplit_once(':').map_or("", |(_, endpoint)| endpoint);
        Self(smol_str::format_smolstr!("{platform}/*:{endpoint}"))
    }

    /// The stream of what a person asked for by days, apart from the stream of what is due: where the one stands
    /// says nothing of the other.
    #[must_use]
    pub fn on_demand(&self) -> Self {
        Self(smol_str::format_smolstr!("{self}+demand"))
    }

    /// A stream's name as it stands in the journal.
    #[must_use]
    pub fn from_stored(name: &str) -> Self {
        Self(SmolStr::new(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a job stands: its adapter's own state, opaque to everyone else. The default is the start.
///
/// ```
/// use kepi_core::Cursor;
/// let cursor = Cursor::from_state(&("page", 3))?;
/// let (step, page): (String, u32) = cursor.state()?.expect("not at the start");
/// assert_eq!((step.as_str(), page), ("page", 3));
/// assert!(Cursor::default().is_start());
/// # Ok::<(), kepi_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(Option<Box<str>>);

impl Cursor {
    /// A cursor that holds a state.
    ///
    /// # Errors
    /// `Unexpected` when the state cannot be written as JSON.
    pub fn from_state(state: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_string(state)
            .map_err(|error| Error::new(crate::ErrorKind::Unexpected, "write the cursor").caused_by(error))?;
        Ok(Self(Some(text.into())))
    }

    /// A cursor as it stands in the journal.
    #[must_use]
    pub fn from_stored(text: Option<&str>) -> Self {
        Self(text.map(Into::into))
    }

    /// The state it holds, `None` at the start.
    ///
    /// # Errors
    /// `Store` when it holds something else: a torn or foreign state is an error, never a silent restart.
    pub fn state<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let Some(text) = &self.0 else { return Ok(None) };
        serde_json::from_str(text).map(Some).map_err(|error| {
            Error::new(crate::ErrorKind::Store, "the stored cursor is not one of this adapter")
                .with("cursor", text)
                .hint("was it written by another version? `kepi backfill` starts the stream anew")
                .caused_by(error)
        })
    }

    /// Whether it is the start.
    #[must_use]
    pub fn is_start(&self) -> bool {
        self.0.is_none()
    }

    /// The text that the journal holds.
    #[must_use]
    pub fn as_stored(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("start"))
    }
}
