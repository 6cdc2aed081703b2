//! The ledger of calls and money, and the ceilings it is held against.

use std::{collections::HashMap, fmt, sync::Mutex};

use async_trait::async_trait;
use jiff::{Timestamp, tz::TimeZone};
use kepi_core::{Error, ErrorKind, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spend {
    /// Calls.
    pub calls: u64,
    /// Millionths of a US dollar.
    pub micro_usd: u64,
}

impl Spend {
    fn plus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_add(other.calls),
            micro_usd: self.micro_usd.saturating_add(other.micro_usd),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(other.calls),
            micro_usd: self.micro_usd.saturating_sub(other.micro_usd),
        }
    }
}

/// What may be spent; an absent number is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limit {
    /// Calls.
    pub calls: Option<u64>,
    /// Millionths of a US dollar.
    pub micro_usd: Option<u64>,
}

impl Limit {
    fn holds(self, spend: Spend) -> bool {
        self.calls.is_none_or(|limit| spend.calls <= limit)
            && self.micro_usd.is_none_or(|limit| spend.micro_usd <= limit)
    }
}

/// The time a ceiling is for; days and months are those of UTC, by which the platforms bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// A day.
    Day,
    /// A month.
    Month,
}

impl Interval {
    /// The name of the interval that an instant lies in: `2026-10-05`, `2026-10`.
    pub(crate) fn name(self, at: Timestamp) -> String {
        let date = at.to_zoned(TimeZone::UTC).date();
        match self {
            Self::Day => date.to_string(),
            Self::Month => format!("{:04}-{:02}", date.year(), date.month()),
        }
    }

    /// When the next one begins.
    pub(crate) fn next(self, at: Timestamp) -> Timestamp {
        let date = at.to_zoned(TimeZone::UTC).date();
        let next = match self {
            Self::Day => date.tomorrow(),
            Self::Month => date.last_of_month().tomorrow(),
        };
        next.and_then(|date| date.to_zoned(TimeZone::UTC)).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
    }
}

/// A ceiling of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ceiling {
    /// For which platform; all together when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// For how long.
    pub per: Interval,
    /// How many calls at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// How much money at most, in millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_usd: Option<u64>,
}

/// One account of the ledger and what may stand on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its name: `spent x 2026-10-05`.
    pub key: String,
    /// What may stand on it at most.
    pub limit: Limit,
}

/// What became of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reservation {
    /// It stands on all lines.
    Granted,
    /// It stands on none, since one has no room for it.
    Full {
        /// Which one.
        line: usize,
        /// What stands on it.
        spent: Spend,
    },
}

/// Keeps the ledger.
#[async_trait]
pub trait BudgetStore: fmt::Debug + Send + Sync {
    /// Puts a spend on all lines, or on none when one has no room for it; in one step, whoever else does so.
    ///
    /// # Errors
    /// `Store` when the ledger cannot be reached.
    async fn reserve(&self, lines: &[Line], spend: Spend) -> Result<Reservation>;

    /// Replaces what was reserved by what was really spent, whatever the limits say.
    ///
    /// # Errors
    /// `Store` when the ledger cannot be reached.
    async fn settle(&self, lines: &[Line], reserved: Spend, actual: Spend) -> Result<()>;

    /// What stands on a line.
    ///
    /// # Errors
    /// `Store` when the ledger cannot be reached.
    async fn spent(&self, key: &str) -> Result<Spend>;
}

/// A ledger in memory: it forgets when the process ends.
#[derive(Debug, Default)]
pub struct MemoryBudget {
    lines: Mutex<HashMap<String, Spend>>,
}

impl MemoryBudget {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, Spend>) -> T) -> Result<T> {
        let mut lines =
            self.lines.lock().map_err(|_| Error::new(ErrorKind::Unexpected, "the ledger was left torn"))?;
        Ok(work(&mut lines))
    }
}

#[async_trait]
impl BudgetStore for MemoryBudget {
    async fn reserve(&self, lines: &[Line], spend: Spend) -> Result<Reservation> {
        self.with(|ledger| {
            let spent = |line: &Line| ledger.get(&line.key).copied().unwrap_or_default();
            let full = lines.iter().position(|line| !line.limit.holds(spent(line).plus(spend)));
            if let Some((line, spent)) = full.and_then(|i| Some((i, spent(lines.get(i)?)))) {
                return Reservation::Full { line, spent };
            }
            for line in lines {
                let spent = ledger.entry(line.key.clone()).or_default();
                *spent = spent.plus(spend);
            }
            Reservation::Granted
        })
    }

    async fn settle(&self, lines: &[Line], reserved: Spend, actual: Spend) -> Result<()> {
        self.with(|ledger| {
            for line in lines {
                let spent = ledger.entry(line.key.clone()).or_default();
                *spent = spent.minus(reserved).plus(actual);
            }
        })
    }

    async fn spent(&self, key: &str) -> Result<Spend> {
        self.with(|ledger| ledger.get(key).copied().unwrap_or_default())
    }
}
