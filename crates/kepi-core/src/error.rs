//! One error type, whose kind says what the caller does next.

use std::{error::Error as StdError, fmt, time::Duration};

use jiff::Timestamp;

/// `Result` with kepi's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, told as what the caller does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Too fast: slow down and try again.
    RateLimited,
    /// The allowance of the interval is used up: go on after its reset.
    QuotaExhausted,
    /// A money or call ceiling of the project is reached: stop before it.
    BudgetExhausted,
    /// The token is no longer good: refresh it once, then try again.
    CredentialExpired,
    /// Only a person can help: `kepi auth ACCOUNT`.
    Reauthorise,
    /// A scope or role is missing: remember it, go on with the other endpoints.
    Forbidden,
    /// The platform does not offer this to this account: a state, not a failure.
    NotOffered,
    /// The subject is gone or never was.
    NotFound,
    /// The configuration is wrong: a person must change it.
    BadConfig,
    /// We asked wrongly: a defect of the adapter.
    BadRequest,
    /// The answer has a shape that the adapter does not know: stops this endpoint, nothing else.
    BadResponse,
    /// A file or argument that a user handed in cannot be read.
    BadInput,
    /// The other side is down or unreachable for now.
    Unavailable,
    /// What is stored is torn, foreign or not permitted to be read or written.
    Store,
    /// The run was asked to stop.
    Cancelled,
    /// Anything else.
    Unexpected,
}

impl ErrorKind {
    /// The kind as one word, for logs, tables and tests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::BudgetExhausted => "budget_exhausted",
            Self::CredentialExpired => "credential_expired",
            Self::Reauthorise => "reauthorise",
            Self::Forbidden => "forbidden",
            Self::NotOffered => "not_offered",
            Self::NotFound => "not_found",
            Self::BadConfig => "bad_config",
            Self::BadRequest => "bad_request",
            Self::BadResponse => "bad_response",
            Self::BadInput => "bad_input",
            Self::Unavailable => "unavailable",
            Self::Store => "store",
            Self::Cancelled => "cancelled",
            Self::Unexpected => "unexpected",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether, and when, the same call may be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same call fails again.
    Never,
    /// Again after a pause that grows.
    Backoff,
    /// Again after the pause the platform asked for.
    After(Duration),
    /// Again from this instant on (a quota's reset).
    At(Timestamp),
}

/// Which calls a refused limit holds back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Reach {
    /// Those that draw on the same pool of the descriptor with the same credential.
    #[default]
    Pool,
    /// All of the same credential.
    User,
    /// Those that draw on the same pool with any credential of the same application.
    AppPool,
    /// All of the same application, whoever's credential it is.
    App,
    /// All of the platform that leave from this machine's address.
    Address,
}

/// An error of kepi: a kind, a message, where it happened, and what to do next.
///
/// ```
/// use kepi_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::BadConfig, "no token for x/nordlicht")
///     .with("account", "x/nordlicht")
///     .hint("set X_TOKEN or token_file");
/// assert_eq!(error.to_string(), "no token for x/nordlicht (account: x/nordlicht)");
/// assert_eq!(error.hint_text(), Some("set X_TOKEN or token_file"));
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    retry: Retry,
    reach: Reach,
    context: Vec<(&'static str, String)>,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A new error. Messages are lowercase, short, without a full stop; values go into [`Error::with`].
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retry = match kind {
            ErrorKind::RateLimited | ErrorKind::Unavailable => Retry::Backoff,
            _ => Retry::Never,
        };
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            retry,
            reach: Reach::default(),
            context: Vec::new(),
            hint: None,
            source: None,
        }))
    }

    /// What a status of a platform of this name means when nothing else tells more.
    #[must_use]
    pub fn by_status(platform: &str, status: u16) -> Self {
        match status {
            401 => Self::new(ErrorKind::CredentialExpired, format!("{platform} refused the token")),
            403 => Self::new(ErrorKind::Forbidden, format!("{platform} denies access")),
            404 => Self::new(ErrorKind::NotFound, format!("{platform} knows no such address")),
            429 => Self::new(ErrorKind::RateLimited, "too many calls"),
            408 | 425 | 500.. => Self::new(ErrorKind::Unavailable, format!("{platform} is not available")),
            400..=499 => {
                Self::new(ErrorKind::BadRequest, format!("{platform} does not understand the request"))
            }
            _ => Self::bad_response(format!("{platform} answers with an unexpected status")),
        }
    }

    /// A [`ErrorKind::BadResponse`]: the platform's answer has an unknown shape.
    pub fn bad_response(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadResponse, message)
    }

    /// A [`ErrorKind::BadInput`]: something a user handed in cannot be read.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadInput, message)
    }

    /// A [`ErrorKind::BadConfig`].
    pub fn bad_config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadConfig, message)
    }

    /// Adds a context pair: platform, account, endpoint, attempt, request id, file, line …
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Says whether and when to try again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Says which calls the limit that was reached holds back, where the platform says whose limit it is.
    #[must_use]
    pub fn reaching(mut self, reach: Reach) -> Self {
        self.0.reach = reach;
        self
    }

    /// Keeps what caused it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What the caller does next.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether and when to try again.
    #[must_use]
    pub fn retry_policy(&self) -> Retry {
        self.0.retry
    }

    /// Which calls the limit that was reached holds back.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.0.reach
    }

    /// The message alone.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do next, when it is known.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The context pairs, outermost last.
    pub fn context(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.context.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// The value of a context pair.
    #[must_use]
    pub fn context_value(&self, key: &str) -> Option<&str> {
        self.0.context.iter().find(|(k, _)| *k == key).map(|(_, v)| v.as_str())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for (i, (key, value)) in self.0.context.iter().enumerate() {
            f.write_str(if i == 0 { " (" } else { ", " })?;
            write!(f, "{key}: {value}")?;
        }
        if self.0.context.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.0.kind)?;
        if let Some(hint) = &self.0.hint {
            write!(f, "; hint: {hint}")?;
        }
        if let Some(source) = &self.0.source {
            write!(f, "; caused by: {source}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
