//! What one answer of a platform, or one file, holds.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{Account, AccountId, Cursor, DateSpan, Measurement, Post, period::add_days};

/// One answer, decoded.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Page {
    /// The numbers.
    pub measurements: Vec<Measurement>,
    /// What was said of accounts.
    pub accounts: Vec<Account>,
    /// What was said of posts, tombstones included.
    pub posts: Vec<Post>,
    /// Rows set aside, with reason and raw text.
    pub rejects: Vec<Reject>,
    /// States that are no failures.
    pub notices: Vec<Notice>,
    /// How many items the platform bills for.
    pub billed_items: u32,
    /// Where the job goes on; `None` when it is done.
    pub next: Option<Cursor>,
}

/// One row that could not be read. The rest of its page is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reject {
    /// Whose row it was, where that is known.
    pub account: Option<AccountId>,
    /// Where in the file or body: `line 17`, `/data/3`.
    pub place: String,
    /// Why.
    pub reason: String,
    /// The raw text.
    pub raw: String,
}

/// Something a reader should know that is neither a number nor a failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "notice")]
pub enum Notice {
    /// An endpoint or metric is not offered to this account.
    NotOffered {
        /// Which account.
        account: AccountId,
        /// Which metric; `None` for the whole endpoint.
        metric: Option<SmolStr>,
        /// Why, in the platform's words.
        reason: String,
    },
    /// Days that were asked for lie before what the platform keeps.
    Clamped {
        /// The days that cannot be had.
        days: DateSpan,
    },
    /// The platform has not computed these days yet.
    NotYet {
        /// The days to ask for again.
        days: DateSpan,
    },
    /// There may be more than the platform let us see (five newest, a page cap).
    Gap {
        /// What is missing.
        reason: String,
    },
    /// The platform says how many calls are left of an allowance that no header tells of.
    CallsLeft {
        /// An endpoint that draws on it; those of the same pool do too.
        endpoint: SmolStr,
        /// How many.
        left: u32,
        /// Until when, when all of them are back.
        until: Timestamp,
    },
    /// Anything else worth telling.
    Remark {
        /// What.
        text: String,
    },
}

impl Notice {
    /// That of the days of a window some are not told yet: those from the first to the last that is missing. `None` where
    /// none is.
    #[must_use]
    pub fn not_yet(window: DateSpan, is_missing: impl Fn(Date) -> bool) -> Option<Self> {
        let mut missing = window.iter().filter(|day| is_missing(*day));
        let first = missing.next()?;
        let last = missing.take(366).last().unwrap_or(first);
        Some(Self::NotYet { days: DateSpan::new(first, add_days(last, 1)) })
    }
}
