//! What one source said of one subject in one breath.

use std::fmt;

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{AccountId, DateSpan, MetricId, WindowKind};

/// What kind of thing is measured. Each kind has its own table of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// The account as a whole.
    Account,
    /// One post.
    Post,
    /// One piece of media, which may stand in several posts.
    Media,
    /// An advertising campaign.
    Campaign,
    /// A hashtag or topic.
    Topic,
    /// A review channel or a website.
    Location,
}

impl SubjectKind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Account, Self::Post, Self::Media, Self::Campaign, Self::Topic, Self::Location];

    /// The kind as one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Post => "post",
            Self::Media => "media",
            Self::Campaign => "campaign",
            Self::Topic => "topic",
            Self::Location => "location",
        }
    }

    pub(crate) fn letter(self) -> char {
        match self {
            Self::Account => 'a',
            Self::Post => 'p',
            Self::Media => 'm',
            Self::Campaign => 'c',
            Self::Topic => 't',
            Self::Location => 'l',
        }
    }
}

/// Who or what is measured.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// The account it belongs to.
    pub account: AccountId,
    /// Its kind.
    pub kind: SubjectKind,
    /// The platform's id of it; empty for the account itself.
    pub id: SmolStr,
}

impl Subject {
    /// The account itself.
    #[must_use]
    pub fn account(account: AccountId) -> Self {
        Self { account, kind: SubjectKind::Account, id: SmolStr::default() }
    }

    /// One of its posts.
    #[must_use]
    pub fn post(account: AccountId, id: impl Into<SmolStr>) -> Self {
        Self { account, kind: SubjectKind::Post, id: id.into() }
    }

    /// Anything else that belongs to it.
    #[must_use]
    pub fn of(account: AccountId, kind: SubjectKind, id: impl Into<SmolStr>) -> Self {
        Self { account, kind, id: id.into() }
    }
}

/// A part of a subject's audience or traffic: readers by entry scene, followers by age.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Segment {
    /// What it is split by: `age`, `gender`, `scene`, `city` …
    pub dimension: SmolStr,
    /// Which part.
    pub value: SmolStr,
}

/// How long a measurement looks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// A reading at an instant.
    At(Timestamp),
    /// One local day.
    Day(Date),
    /// A window that the platform itself aggregated and that cannot be split.
    Period(DateSpan),
}

impl Window {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> WindowKind {
        match self {
            Self::At(_) => WindowKind::At,
            Self::Day(_) => WindowKind::Day,
            Self::Period(_) => WindowKind::Period,
        }
    }
}

/// Whose money brought the traffic. Organic and paid are never summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Traffic {
    /// Not paid for.
    Organic,
    /// Paid for.
    Paid,
    /// Both, as the platform mixes them.
    Total,
    /// The source does not say.
    Unknown,
}

impl Traffic {
    /// The traffic as one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organic => "organic",
            Self::Paid => "paid",
            Self::Total => "total",
            Self::Unknown => "unknown",
        }
    }
}

/// Where a number comes from. Own numbers and public pages are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// The account's own API access.
    Api,
    /// A native export file of the account.
    Export,
    /// A public page or a third party's figure.
    Public,
    /// A survey, CRM or other table.
    Import,
}

impl Provenance {
    /// The provenance as one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Export => "export",
            Self::Public => "public",
            Self::Import => "import",
        }
    }
}

/// An amount in a currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// How much, exactly.
    pub amount: Decimal,
    /// ISO 4217 code.
    pub currency: SmolStr,
}

/// A number that a source said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A whole number.
    Count(i64),
    /// A rate, seconds, a score.
    Real(f64),
    /// Money.
    Money(Money),
}

/// What else a source said of a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flags(u8);

impl Flags {
    /// Nothing special.
    pub const NONE: Self = Self(0);
    /// The platform counts no further: the truth is at least this.
    pub const CAPPED: Self = Self(1);
    /// Too small or too old to be told: the value stands for "not said".
    pub const CENSORED: Self = Self(2);
    /// An estimate of the source.
    pub const ESTIMATED: Self = Self(4);
    /// A running total that began again from zero.
    pub const RESET: Self = Self(8);

    const NAMES: [(Self, &'static str); 4] = [
        (Self::CAPPED, "capped"),
        (Self::CENSORED, "censored"),
        (Self::ESTIMATED, "estimated"),
        (Self::RESET, "reset"),
    ];

    /// Both sets of flags.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether none is set.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.0 == 0
    }

    /// The names of the flags that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }

    /// A flag by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(_, n)| *n == name).map(|(flag, _)| flag)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// One metric's number within a measurement. An absent metric is absent, never zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Which metric.
    pub metric: MetricId,
    /// The number.
    pub value: Value,
    /// What else was said of it.
    #[serde(default, skip_serializing_if = "Flags::is_none")]
    pub flags: Flags,
    /// Which version of the platform's definition, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<SmolStr>,
}

impl Reading {
    /// A whole number.
    #[must_use]
    pub fn count(metric: MetricId, value: i64) -> Self {
        Self { metric, value: Value::Count(value), flags: Flags::NONE, definition: None }
    }

    /// A rate, seconds, a score.
    #[must_use]
    pub fn real(metric: MetricId, value: f64) -> Self {
        Self { metric, value: Value::Real(value), flags: Flags::NONE, definition: None }
    }
}

/// One subject, one window, several numbers, all as one source said them at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Who or what.
    pub subject: Subject,
    /// Which part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<Segment>,
    /// How long it looks.
    pub window: Window,
    /// Whose money.
    pub traffic: Traffic,
    /// From where.
    pub provenance: Provenance,
    /// When the source read it.
    pub observed_at: Timestamp,
    /// `observed_at` is a lower bound (the end of a range in a file name), not what the source said.
    #[serde(default, skip_serializing_if = "is_false")]
    pub observed_estimated: bool,
    /// The platform said, or its lag implies, that this may still change.
    #[serde(default, skip_serializing_if = "is_false")]
    pub provisional: bool,
    /// The numbers.
    pub values: Vec<Reading>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Measurement {
    /// A reading of a subject at the instant it was observed, by the account's own API.
    #[must_use]
    pub fn at(subject: Subject, observed_at: Timestamp) -> Self {
        Self::new(subject, Window::At(observed_at), observed_at)
    }

    /// A measurement by the account's own API, organic until said otherwise.
    #[must_use]
    pub fn new(subject: Subject, window: Window, observed_at: Timestamp) -> Self {
        Self {
            subject,
            segment: None,
            window,
            traffic: Traffic::Organic,
            provenance: Provenance::Api,
            observed_at,
            observed_estimated: false,
            provisional: false,
            values: Vec::new(),
        }
    }

    /// The number of a metric.
    #[must_use]
    pub fn value(&self, metric: &str) -> Option<&Value> {
        self.values.iter().find(|reading| reading.metric.as_str() == metric).map(|reading| &reading.value)
    }
}
