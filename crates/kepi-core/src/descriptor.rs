//! What a platform offers, as data: read by the code, the contract, the plan, the report and the README alike.

use jiff::civil::Date;

use crate::{AccountRef, SubjectKind, TokenKind, Traffic, WindowKind};

/// One platform.
#[derive(Debug, Clone)]
pub struct Descriptor {
    /// Its name: the part of an account before the slash.
    pub platform: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// The zone whose days the platform counts in, where it fixes one; `None` where the account's zone rules.
    pub day_zone: Option<&'static str>,
    /// Which traffic a formula takes when the KPI does not say: the first for which all its metrics are there.
    pub traffic_order: &'static [Traffic],
    /// The kinds of token it knows.
    pub tokens: &'static [TokenKind],
    /// The JSON Schema of its settings (`[platform.NAME]` in `kepi.toml`).
    pub settings_schema: fn() -> serde_json::Value,
    /// What can be asked.
    pub endpoints: &'static [Endpoint],
    /// How many calls `kepi check --online` spends at most per account.
    pub check_calls: u8,
    /// What a user should know that no row says.
    pub known_gaps: &'static [&'static str],
}

impl Descriptor {
    /// An endpoint by its name.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.name == name)
    }

    /// All fields of all endpoints.
    pub fn fields(&self) -> impl Iterator<Item = (&Endpoint, &Field)> {
        self.endpoints.iter().flat_map(|endpoint| endpoint.fields.iter().map(move |field| (endpoint, field)))
    }
}

/// One thing that can be asked of a platform.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its name: the part of a stream after the colon, and the folder of its fixtures.
    pub name: &'static str,
    /// What it gives, for people.
    pub title: &'static str,
    /// Where the platform documents it.
    pub source: &'static str,
    /// How it is asked.
    pub shape: Shape,
    /// A present state that changes slowly is asked for every so many days; 0 for each run.
    pub every_days: u16,
    /// Of the posts that are known, only those whose id begins so; empty for all.
    pub ids_begin: &'static str,
    /// Of the posts that are known, only those whose id is a number: the platform knows no other, and a file may have
    /// told another.
    pub ids_are_numbers: bool,
    /// Posts are due by their age alone: a list reads them on every run, so that when they were last read says
    /// nothing of this endpoint.
    pub by_age: bool,
    /// How many accounts one call takes.
    pub accounts_per_call: u16,
    /// The page size it is asked for.
    pub page_size: u16,
    /// How many items it gives at most in all, where the platform stops. A snapshot of the newest so many has its
    /// job name the newest post that is known, so that its decoder sees when some were missed.
    pub page_cap: Option<u32>,
    /// How far back its data reach.
    pub earliest: Earliest,
    /// The day on which its data end, where a newer endpoint goes on: it is asked for history only, on demand.
    pub until: Option<Date>,
    /// When a day's numbers are there.
    pub lag: Lag,
    /// How many days the platform may still change, and so are asked for again. A listing with a look-back is in
    /// the order of change: it is asked only for what changed since the last time, and so many days before.
    pub lookback_days: u16,
    /// After so many readings a day is final, where it is read more often than its numbers change: because more days
    /// cost no more, or single numbers come late, which the decoder then marks. `None` for as often as it is asked for.
    pub final_after: Option<u16>,
    /// Its limits; each is a pool of its own.
    pub quotas: &'static [Quota],
    /// What it costs.
    pub cost: Cost,
    /// The kind of token it needs; `None` for none.
    pub token: Option<&'static str>,
    /// A capability that not every account has; its absence is a state and not a failure.
    pub capability: Option<&'static str>,
    /// How long the platform's terms let the data be kept, in days.
    pub retention_days: Option<u16>,
    /// When this version of the endpoint ends.
    pub sunset: Option<Sunset>,
    /// Whether a person's posts or words are in its bodies.
    pub personal: bool,
    /// Whether it tells what everybody sees of an account, in answer to another. Accounts that are watched
    /// ([`crate::AccountRef::watched_by`]) are asked for here and nowhere else.
    pub sees_others: bool,
    /// Field → metric.
    pub fields: &'static [Field],
}

impl Endpoint {
    /// Whether the platform can know a post by this id.
    #[must_use]
    pub fn knows_id(&self, id: &str) -> bool {
        let is_number = || !id.is_empty() && id.bytes().all(|sign| sign.is_ascii_digit());
        id.starts_with(self.ids_begin) && (!self.ids_are_numbers || is_number())
    }

    /// Whether it is asked of an account: what is somebody else's shows what everybody sees, and no more.
    #[must_use]
    pub fn is_asked_of(&self, account: &AccountRef) -> bool {
        self.sees_others || account.watched_by.is_none()
    }

    /// An endpoint of which only name and shape are said: one account a call, no limits, no cost.
    #[must_use]
    pub const fn new(name: &'static str, title: &'static str, shape: Shape) -> Self {
        Self {
            name,
            title,
            source: "",
            shape,
            every_days: 0,
            ids_begin: "",
            ids_are_numbers: false,
            by_age: false,
            accounts_per_call: 1,
            page_size: 100,
            page_cap: None,
            earliest: Earliest::Unlimited,
            until: None,
            lag: Lag::NONE,
            lookback_days: 0,
            final_after: None,
            quotas: &[],
            cost: Cost::Free,
            token: None,
            capability: None,
            retention_days: None,
            sunset: None,
            personal: false,
            sees_others: false,
            fields: &[],
        }
    }
}

/// The end of a version of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sunset {
    /// The first day on which it is no more.
    pub day: Date,
    /// Whether the day is a guess: then it is warned of, and the endpoint is asked all the same.
    pub guessed: bool,
    /// What to do about it, for people; empty where only a newer kepi helps.
    pub hint: &'static str,
}

impl Sunset {
    /// An end that the platform has told.
    #[must_use]
    pub const fn on(day: Date) -> Self {
        Self { day, guessed: false, hint: "" }
    }

    /// What to do about it.
    #[must_use]
    pub const fn what_to_do(&self) -> &'static str {
        if self.hint.is_empty() { "update kepi, or leave the endpoint out" } else { self.hint }
    }
}

/// The shape of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The present state, no history: a missed day is gone for ever.
    Snapshot,
    /// A range of days in, rows out.
    Windows {
        /// The longest range of one call.
        max_days: u16,
    },
    /// The last so many days, ending with the newest that is computed: the platform takes no other range.
    Trailing {
        /// The numbers of days that can be asked for, ascending.
        spans: &'static [u16],
    },
    /// Posts by cursor, newest first, with or without numbers.
    Listing {
        /// Only posts published within so many days; `None` for all that the platform gives.
        published_within_days: Option<u16>,
    },
    /// Ids in, numbers out.
    Batch {
        /// Ids per call.
        max: u16,
        /// The posts it is meant for, by age in days: from, until (exclusive; `u16::MAX` for no end).
        ages: (u16, u16),
        /// How often a post is asked for again: up to this age in days, every so many days.
        refresh: &'static [(u16, u16)],
    },
}

impl Shape {
    /// The most days that one call takes, where days are asked for.
    #[must_use]
    pub const fn days_per_call(self) -> Option<u16> {
        match self {
            Self::Windows { max_days } => Some(max_days),
            Self::Trailing { spans: [.., longest] } => Some(*longest),
            Self::Trailing { spans: [] } | Self::Snapshot | Self::Listing { .. } | Self::Batch { .. } => None,
        }
    }
}

/// How far back an endpoint's data reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earliest {
    /// As far as the account goes.
    Unlimited,
    /// Not before this day.
    Since(Date),
    /// Not before so many days ago.
    DaysBack(u16),
}

/// When the numbers of a day are there: so many days after it, at an hour of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// Days after the day: 1 is the next day.
    pub days: u8,
    /// The hour from which they are there.
    pub hour: u8,
    /// The zone of that hour; empty for the account's.
    pub zone: &'static str,
}

impl Lag {
    /// The present is there at once; a day is complete when it is over.
    pub const NONE: Self = Self { days: 0, hour: 0, zone: "" };
}

/// A limit of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Which calls share it: endpoints that name the same pool draw from the same allowance.
    pub pool: &'static str,
    /// How many calls (or units) …
    pub requests: u32,
    /// … in so many seconds.
    pub interval_secs: u32,
    /// Counted per what.
    pub scope: Scope,
    /// When it is full again.
    pub reset: Reset,
}

/// What a limit is counted per.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The developer's application.
    App,
    /// The user whose token it is.
    User,
    /// The account that is asked about.
    Account,
}

/// When a limit is full again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// Each call comes back after the interval.
    Rolling,
    /// All come back together when the interval ends, as a header says.
    Window,
    /// All come back at midnight of a zone.
    Midnight(&'static str),
}

/// What a call costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Nothing but quota.
    Free,
    /// So many millionths of a US dollar per call.
    PerCall(u32),
    /// So many millionths of a US dollar per item returned.
    PerItem(u32),
}

/// One field of an endpoint's answers and the metric it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The metric.
    pub metric: &'static str,
    /// Where it stands: a JSON pointer within the row.
    pub pointer: &'static str,
    /// What it is said of.
    pub subject: SubjectKind,
    /// How long it looks.
    pub window: WindowKind,
    /// Whose money.
    pub traffic: Traffic,
    /// The dimension of the segment it is said of; empty for the whole.
    pub segment: &'static str,
    /// Which version of the platform's definition.
    pub definition: &'static str,
    /// How its number is written.
    pub form: Form,
    /// What a reader must know.
    pub note: &'static str,
}

/// How the number of a field is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A whole number.
    Count,
    /// Any number, to be taken times ten to the power of `exponent`: -3 for milliseconds that become seconds,
    /// -2 for percentages that become fractions.
    Real {
        /// The power of ten.
        exponent: i8,
    },
    /// Any number in a larger unit, to be taken so many times: 60 for minutes that become seconds.
    Times(u16),
}

/// A number times a power of ten, with one rounding only.
#[must_use]
pub fn power_of_ten(value: f64, exponent: i8) -> f64 {
    let factor = 10_f64.powi(i32::from(exponent.unsigned_abs()));
    if exponent < 0 { value / factor } else { value * factor }
}

impl Field {
    /// A field of a subject as a whole, with nothing special to say.
    #[must_use]
    pub const fn new(
        metric: &'static str,
        pointer: &'static str,
        subject: SubjectKind,
        window: WindowKind,
        traffic: Traffic,
    ) -> Self {
        Self {
            metric,
            pointer,
            subject,
            window,
            traffic,
            segment: "",
            definition: "",
            form: Form::Count,
            note: "",
        }
    }

    /// The key that its pointer ends in.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.pointer.rsplit_once('/').map_or(self.pointer, |(_, key)| key)
    }

    /// Groups of fields as one table. `N` is how many they are in all; another number does not compile where
    /// the table is a constant.
    #[must_use]
    pub const fn table<const N: usize>(groups: &[&[Self]]) -> [Self; N] {
        let mut table = [Self::new("", "", SubjectKind::Account, WindowKind::At, Traffic::Unknown); N];
        let (mut group, mut at) = (0, 0);
        while group < groups.len() {
            let mut i = 0;
            while i < groups[group].len() {
                table[at] = groups[group][i];
                at += 1;
                i += 1;
            }
            group += 1;
        }
        assert!(at == N, "the table has another length");
        table
    }

    /// The same, for any number, to be taken times ten to the power of `exponent`.
    #[must_use]
    pub const fn real(self, exponent: i8) -> Self {
        Self { form: Form::Real { exponent }, ..self }
    }

    /// The same, for any number in a larger unit, to be taken `factor` times.
    #[must_use]
    pub const fn times(self, factor: u16) -> Self {
        Self { form: Form::Times(factor), ..self }
    }

    /// The same with a note.
    #[must_use]
    pub const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }

    /// The same, said of segments of a dimension.
    #[must_use]
    pub const fn segment(self, dimension: &'static str) -> Self {
        Self { segment: dimension, ..self }
    }

    /// The same, under a version of its definition.
    #[must_use]
    pub const fn definition(self, definition: &'static str) -> Self {
        Self { definition, ..self }
    }
}
