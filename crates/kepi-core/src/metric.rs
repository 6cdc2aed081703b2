//! What a metric is, and which arithmetic its kind allows.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{Error, Result};

/// A metric's id: `[a-z][a-z0-9_]*`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "SmolStr", into = "SmolStr")]
pub struct MetricId(SmolStr);

impl MetricId {
    /// Checks an id.
    ///
    /// # Errors
    /// `BadInput` when it is not a lowercase word.
    pub fn new(id: &str) -> Result<Self> {
        let mut bytes = id.bytes();
        let first = bytes.next().is_some_and(|c| c.is_ascii_lowercase());
        if first && bytes.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_') {
            Ok(Self(SmolStr::new(id)))
        } else {
            Err(Error::bad_input(format!("{id:?} is not a metric id"))
                .hint("a metric id is lowercase letters, digits and underscores"))
        }
    }

    /// An id written in the code; the catalogue's test checks that each is known.
    #[must_use]
    pub const fn from_static(id: &'static str) -> Self {
        Self(SmolStr::new_static(id))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MetricId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MetricId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<SmolStr> for MetricId {
    type Error = Error;
    fn try_from(id: SmolStr) -> Result<Self> {
        Self::new(&id)
    }
}

impl From<MetricId> for SmolStr {
    fn from(id: MetricId) -> Self {
        id.0
    }
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Occurrences.
    Count,
    /// Distinct people.
    Users,
    /// An amount with its currency.
    Money,
    /// Seconds.
    Seconds,
    /// A fraction: 0.05 is 5 %.
    Ratio,
    /// Points on a scale of the source.
    Score,
}

impl Unit {
    /// The unit as one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Users => "users",
            Self::Money => "money",
            Self::Seconds => "seconds",
            Self::Ratio => "ratio",
            Self::Score => "score",
        }
    }
}

/// The nature of a metric. With the window of a measurement it gives the [`Kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nature {
    /// Things that happened; additive. Seconds watched are of this nature too.
    Count,
    /// Distinct people; never summed.
    People,
    /// A state; last known over time, summed over accounts.
    Level,
    /// A mean, summed only with its weight.
    Mean,
    /// A fraction as given; recomputed from parts or left at its grain.
    Ratio,
    /// An amount of money; additive in one currency.
    Money,
}

/// How long a measurement looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// A reading at an instant.
    At,
    /// One account-local day.
    Day,
    /// A window that the platform itself aggregated.
    Period,
}

impl WindowKind {
    /// The window as one word, as the tables hold it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::At => "at",
            Self::Day => "day",
            Self::Period => "period",
        }
    }
}

/// Nature × window: what may be done with a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Happened in a window: sums over time and content.
    Flow,
    /// A running total: differences over time, sums over content.
    Counter,
    /// A state: last known over time, sums over accounts.
    Level,
    /// Distinct people of exactly one window: never summed.
    Unique,
    /// A mean: only with its weight.
    Mean,
    /// A fraction: from parts, or as given.
    Ratio,
}

impl Kind {
    /// The kind as one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flow => "flow",
            Self::Counter => "counter",
            Self::Level => "level",
            Self::Unique => "unique",
            Self::Mean => "mean",
            Self::Ratio => "ratio",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Nature {
    /// The kind that this nature has in a window.
    ///
    /// ```
    /// use kepi_core::{Kind, Nature, WindowKind};
    /// assert_eq!(Nature::Count.kind(WindowKind::At), Kind::Counter);
    /// assert_eq!(Nature::Count.kind(WindowKind::Day), Kind::Flow);
    /// assert_eq!(Nature::People.kind(WindowKind::Day), Kind::Unique);
    /// ```
    #[must_use]
    pub fn kind(self, window: WindowKind) -> Kind {
        match (self, window) {
            (Self::Count | Self::Money, WindowKind::At) => Kind::Counter,
            (Self::Count | Self::Money, _) => Kind::Flow,
            (Self::People, _) => Kind::Unique,
            (Self::Level, _) => Kind::Level,
            (Self::Mean, _) => Kind::Mean,
            (Self::Ratio, _) => Kind::Ratio,
        }
    }
}

/// Where a metric may be added at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Additivity {
    /// Over time, content, accounts and platforms.
    Everywhere,
    /// Within one platform; its definition differs from platform to platform.
    WithinPlatform,
    /// Over accounts, not over time.
    NotOverTime,
    /// Nowhere.
    Nowhere,
}

/// One row of the catalogue: what a number means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// Its id.
    pub id: MetricId,
    /// What it counts.
    pub unit: Unit,
    /// Its nature.
    pub nature: Nature,
    /// Whether a running total may fall because people can take back what they did (likes), or only because
    /// the platform started again from zero (views).
    pub revocable: bool,
    /// Where it may be added.
    pub additivity: Additivity,
    /// What the weight of a mean is.
    pub weight: Option<MetricId>,
    /// What is counted, in one sentence.
    pub definition: Cow<'static, str>,
    /// What a reader must know before comparing.
    pub caveat: Cow<'static, str>,
    /// Whether the project declared it.
    pub project: bool,
}

impl Metric {
    /// The kind it has in a window.
    #[must_use]
    pub fn kind(&self, window: WindowKind) -> Kind {
        self.nature.kind(window)
    }
}
