//! Faults by name: what a person types to break a platform.

use std::{fmt, str::FromStr, time::Duration};

use jiff::{SignedDuration, Timestamp};
use kepi_core::{Error, Result, document::one_of_hint};

use crate::{Fault, FaultRule};

/// What stands for all platforms.
pub(crate) const ALL: &str = "all";

/// The faults by name, and what each does.
const FAULTS: [(&str, &str); 16] = [
    ("rate-limit", "the platform's own \"too many requests\""),
    ("quota-exhausted", "the platform's own \"your allowance is used up until it resets\""),
    ("token-expired", "the platform's own \"your token has expired\"; exchanges of tokens are spared"),
    ("credits-depleted", "the platform's own \"no money left\", where it knows one"),
    ("forbidden", "the platform's own \"you may not\""),
    ("status=CODE", "this HTTP status, with the platform's body for trouble on its side"),
    ("html-page", "a page for people instead of data, with HTTP 200"),
    ("changed-shape", "what was at the top is one level deeper"),
    ("unknown-fields", "keys that nobody has heard of, in every object"),
    ("silent-zeros", "all numbers are zero, without any error"),
    ("empty-page", "a page of a list is empty although there is more"),
    ("repeated-cursor", "a list gives the cursor that it was asked with"),
    ("clock-skew=DURATION", "the platform's clock is off by so much: 2h, -15m"),
    ("slow-body=DURATION", "the answer comes in two halves with such a pause between"),
    ("truncated-body", "the connection breaks after half of the answer"),
    ("no-answer", "the connection breaks before the answer"),
];

/// A fault at a platform, as it is typed: `PLATFORM:FAULT`, and after commas `times=N` (at so many calls), `after=N`
/// (after so many went well), `for=DURATION` (for so long from when it is switched on), `at=TEXT` (only at calls
/// whose path holds the text). The platform `all` is every one.
///
/// ```
/// use kepi_simulator::{Fault, Switch};
/// let switch: Switch = "x:status=503,times=3,at=/2/users".parse()?;
/// assert_eq!((switch.platform(), switch.fault()), ("x", Fault::Status(503)));
/// assert_eq!(switch.to_string(), "x:status=503,times=3,at=/2/users");
/// # Ok::<(), kepi_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Switch {
    platform: String,
    fault: Fault,
    times: Option<u32>,
    after: Option<u32>,
    lasting: Option<SignedDuration>,
    path: Option<String>,
}

impl Switch {
    /// The names of all faults and what each does, a line each, for people.
    #[must_use]
    pub fn help() -> String {
        let mut help = String::from(
            "faults, each with ,times=N ,after=N ,for=DURATION ,at=PART-OF-THE-PATH as wanted:\n\n",
        );
        for (name, what) in FAULTS {
            help.push_str(&format!("  {name:<20} {what}\n"));
        }
        help
    }

    /// The platform, or `all`.
    #[must_use]
    pub fn platform(&self) -> &str {
        &self.platform
    }

    /// What goes wrong.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// What it does when it is switched on.
    pub(crate) fn rule(&self, now: Timestamp) -> FaultRule {
        let mut rule = FaultRule::always(self.fault).after(self.after.unwrap_or(0));
        if let Some(times) = self.times {
            rule = rule.times(times);
        }
        if let Some(lasting) = self.lasting {
            rule = rule.until(now.saturating_add(lasting).unwrap_or(Timestamp::MAX));
        }
        match &self.path {
            Some(path) => rule.at(path.as_str()),
            None => rule,
        }
    }
}

impl FromStr for Switch {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (platform, rest) = text.split_once(':').ok_or_else(|| {
            Error::bad_input(format!("{text:?} is no fault at a platform"))
                .hint("PLATFORM:FAULT, as in x:rate-limit or all:status=503,times=3")
        })?;
        let mut parts = rest.split(',');
        let fault = fault(parts.next().unwrap_or_default())?;
        let mut switch = Self {
            platform: platform.to_owned(),
            fault,
            times: None,
            after: None,
            lasting: None,
            path: None,
        };
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match key {
                "times" => switch.times = Some(number(key, value, 1)?),
                "after" => switch.after = Some(number(key, value, 0)?),
                "for" => switch.lasting = Some(duration(key, value)?),
                "at" => switch.path = Some(value.to_owned()),
                _ => {
                    return Err(Error::bad_input(format!("a fault knows no {key:?}"))
                        .hint(one_of_hint(key, &["times", "after", "for", "at"])));
                }
            }
        }
        Ok(switch)
    }
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.platform, self.fault)?;
        if let Some(times) = self.times {
            write!(f, ",times={times}")?;
        }
        if let Some(after) = self.after {
            write!(f, ",after={after}")?;
        }
        if let Some(lasting) = self.lasting {
            write!(f, ",for={lasting:#}")?;
        }
        if let Some(path) = &self.path {
            write!(f, ",at={path}")?;
        }
        Ok(())
    }
}

/// The name by which it is switched on.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RateLimit => "rate-limit",
            Self::QuotaExhausted => "quota-exhausted",
            Self::TokenExpired => "token-expired",
            Self::CreditsDepleted => "credits-depleted",
            Self::Forbidden => "forbidden",
            Self::Status(status) => return write!(f, "status={status}"),
            Self::HtmlPage => "html-page",
            Self::ChangedShape => "changed-shape",
            Self::UnknownFields => "unknown-fields",
            Self::SilentZeros => "silent-zeros",
            Self::EmptyPage => "empty-page",
            Self::RepeatedCursor => "repeated-cursor",
            Self::ClockSkew(skew) => return write!(f, "clock-skew={skew:#}"),
            Self::SlowBody(pause) => {
                return write!(f, "slow-body={:#}", SignedDuration::try_from(*pause).unwrap_or_default());
            }
            Self::TruncatedBody => "truncated-body",
            Self::NoAnswer => "no-answer",
        })
    }
}

fn fault(text: &str) -> Result<Fault> {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
    Ok(match (name, value) {
        ("rate-limit", None) => Fault::RateLimit,
        ("quota-exhausted", None) => Fault::QuotaExhausted,
        ("token-expired", None) => Fault::TokenExpired,
        ("credits-depleted", None) => Fault::CreditsDepleted,
        ("forbidden", None) => Fault::Forbidden,
        ("status", Some(code)) => Fault::Status(status(code)?),
        ("html-page", None) => Fault::HtmlPage,
        ("changed-shape", None) => Fault::ChangedShape,
        ("unknown-fields", None) => Fault::UnknownFields,
        ("silent-zeros", None) => Fault::SilentZeros,
        ("empty-page", None) => Fault::EmptyPage,
        ("repeated-cursor", None) => Fault::RepeatedCursor,
        ("clock-skew", Some(skew)) => Fault::ClockSkew(duration(name, skew)?),
        ("slow-body", Some(pause)) => {
            let pause = Duration::try_from(duration(name, pause)?);
            Fault::SlowBody(pause.map_err(|_| Error::bad_input("slow-body takes no pause below zero"))?)
        }
        ("truncated-body", None) => Fault::TruncatedBody,
        ("no-answer", None) => Fault::NoAnswer,
        _ => {
            let names = FAULTS.map(|(name, _)| name);
            return Err(Error::bad_input(format!("{text:?} is no fault")).hint(one_of_hint(name, &names)));
        }
    })
}

fn status(text: &str) -> Result<u16> {
    text.parse().ok().filter(|code| (400..=599).contains(code)).ok_or_else(|| {
        Error::bad_input(format!("{text:?} is no HTTP status of trouble"))
            .hint("400 to 599, as in status=503")
    })
}

fn number(key: &str, text: &str, least: u32) -> Result<u32> {
    text.parse().ok().filter(|number| *number >= least).ok_or_else(|| {
        Error::bad_input(format!("{key} takes a number of calls and not {text:?}")).hint(format!("{key}=3"))
    })
}

fn duration(key: &str, text: &str) -> Result<SignedDuration> {
    text.parse().map_err(|error: jiff::Error| {
        Error::bad_input(format!("{key} takes a duration and not {text:?}"))
            .hint(format!("{key}=90s, {key}=15m, {key}=2h"))
            .caused_by(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_typed_by_its_name() {
        for (name, _) in FAULTS {
            let typed = name.replace("CODE", "503").replace("DURATION", "2h");
            let switch: Switch = format!("weibo:{typed}").parse().unwrap();
            assert_eq!(switch.to_string(), format!("weibo:{typed}"));
        }
    }

    #[test]
    fn the_page_has_every_fault() {
        let page = include_str!("../README.md");
        for (name, _) in FAULTS {
            assert!(page.contains(&format!("| `{name}` |")), "{name} is missing");
        }
    }

    #[test]
    fn what_is_typed_is_the_rule() {
        let now: Timestamp = "2026-09-01T00:00:00Z".parse().unwrap();
        let switch: Switch = "all:clock-skew=-15m,after=1,times=2,for=90s,at=/2/users".parse().unwrap();
        assert_eq!(switch.platform(), ALL);
        let skew = Fault::ClockSkew(SignedDuration::from_mins(-15));
        let end = "2026-09-01T00:01:30Z".parse().unwrap();
        assert_eq!(switch.rule(now), FaultRule::always(skew).after(1).times(2).until(end).at("/2/users"));
        let plain: Switch = "x:no-answer".parse().unwrap();
        assert_eq!(plain.rule(now), FaultRule::always(Fault::NoAnswer));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_right() {
        for (typed, said, hint) in [
            ("rate-limit", "no fault at a platform", "x:rate-limit"),
            ("x:rate-limt", "no fault", "did you mean rate-limit?"),
            ("x:rate-limit=3", "no fault", "rate-limit"),
            ("x:status", "no fault", "status=CODE"),
            ("x:status=200", "no HTTP status of trouble", "503"),
            ("x:html-page,time=3", "no \"time\"", "did you mean times?"),
            ("x:html-page,times=0", "number of calls", "times=3"),
            ("x:html-page,for=soon", "duration", "for=90s"),
            ("x:slow-body=-1s", "below zero", ""),
        ] {
            let error = typed.parse::<Switch>().unwrap_err();
            assert!(error.message().contains(said), "{typed}: {error}");
            assert!(error.hint_text().unwrap_or_default().contains(hint), "{typed}: {error:?}");
        }
    }
}
