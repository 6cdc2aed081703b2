//! What can go wrong, by switch, while the simulator runs.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The platform's own "too many requests", with its headers.
    RateLimit,
    /// The platform's own "your allowance is used up until it resets".
    QuotaExhausted,
    /// The platform's own "your token has expired"; calls that exchange tokens are spared.
    TokenExpired,
    /// The platform's own "no money left", where it knows one.
    CreditsDepleted,
    /// The platform's own "you may not".
    Forbidden,
    /// This HTTP status, with the platform's body for trouble on its side.
    Status(u16),
    /// A page for people instead of data, with HTTP 200.
    HtmlPage,
    /// Another shape: what was at the top is one level deeper.
    ChangedShape,
    /// Keys that nobody has heard of, in every object.
    UnknownFields,
    /// All numbers are zero, without any error.
    SilentZeros,
    /// A page of a list is empty although there is more.
    EmptyPage,
    /// A list gives the cursor that it was asked with.
    RepeatedCursor,
    /// The platform's clock is off: tokens, allowances and headers go by it. The world's days do not.
    ClockSkew(SignedDuration),
    /// The answer comes in two halves with a pause between.
    SlowBody(Duration),
    /// The connection breaks after half of the answer.
    TruncatedBody,
    /// The connection breaks before the answer.
    NoAnswer,
}

/// A fault that struck a call.
#[derive(Debug, Clone, Copy)]
pub struct Struck<'a> {
    /// The platform.
    pub platform: &'a str,
    /// The path that was asked for.
    pub path: &'a str,
    /// What went wrong.
    pub fault: Fault,
}

/// A fault, where it happens and how often.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    fault: Fault,
    path: String,
    spares_tokens: bool,
    skip: u32,
    times: Option<u32>,
    until: Option<Timestamp>,
}

impl FaultRule {
    /// At every call, until it is cleared.
    #[must_use]
    pub fn always(fault: Fault) -> Self {
        Self { fault, path: String::new(), spares_tokens: false, skip: 0, times: None, until: None }
    }

    /// At the next call only.
    #[must_use]
    pub fn once(fault: Fault) -> Self {
        Self::always(fault).times(1)
    }

    /// At so many calls.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// After so many calls went well.
    #[must_use]
    pub fn after(mut self, calls: u32) -> Self {
        self.skip = calls;
        self
    }

    /// Until an instant by the simulator's clock.
    #[must_use]
    pub fn until(mut self, end: Timestamp) -> Self {
        self.until = Some(end);
        self
    }

    /// Only at calls whose path holds this text.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Not at exchanges and renewals of tokens.
    #[must_use]
    pub fn sparing_tokens(mut self) -> Self {
        self.spares_tokens = true;
        self
    }
}

/// The faults of one platform.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<FaultRule>>);

impl Faults {
    /// Switches a fault on.
    pub fn add(&self, rule: FaultRule) {
        self.rules().push(rule);
    }

    /// Switches all faults off.
    pub fn clear(&self) {
        self.rules().clear();
    }

    fn rules(&self) -> std::sync::MutexGuard<'_, Vec<FaultRule>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What goes wrong with the call that has just come. Each call counts down the rules it meets.
    pub(crate) fn strike(&self, path: &str, now: Timestamp) -> Active {
        let mut active = Active::default();
        self.rules().retain_mut(|rule| {
            if rule.until.is_some_and(|end| now >= end) {
                return false;
            }
            // A call that is to bring a token has none that could have expired.
            let exchange = path.contains("oauth") || path.contains("token");
            let elsewhere = rule.fault == Fault::TokenExpired && exchange;
            // What is asked about a token is no exchange.
            let spared = rule.spares_tokens && exchange && !path.ends_with("get_token_info");
            if !path.contains(&rule.path) || elsewhere || spared {
                return true;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                return true;
            }
            active.set(rule.fault);
            match &mut rule.times {
                Some(times) => {
                    *times = times.saturating_sub(1);
                    *times > 0
                }
                None => true,
            }
        });
        active
    }
}

/// What a platform refuses in its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    RateLimit,
    QuotaExhausted,
    TokenExpired,
    CreditsDepleted,
    Forbidden,
    Trouble(u16),
}

/// How the connection itself fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Slow(Duration),
    Truncated,
    Dropped,
}

/// The faults that strike one call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Active {
    pub(crate) struck: Vec<Fault>,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) wire: Option<Wire>,
    pub(crate) html: bool,
    pub(crate) changed_shape: bool,
    pub(crate) unknown_fields: bool,
    pub(crate) silent_zeros: bool,
    pub(crate) empty_page: bool,
    pub(crate) repeated_cursor: bool,
    pub(crate) skew: SignedDuration,
}

impl Active {
    fn set(&mut self, fault: Fault) {
        self.struck.push(fault);
        let refuse = |refusal| Some(refusal);
        match fault {
            Fault::RateLimit => self.refusal = refuse(Refusal::RateLimit),
            Fault::QuotaExhausted => self.refusal = refuse(Refusal::QuotaExhausted),
            Fault::TokenExpired => self.refusal = refuse(Refusal::TokenExpired),
            Fault::CreditsDepleted => self.refusal = refuse(Refusal::CreditsDepleted),
            Fault::Forbidden => self.refusal = refuse(Refusal::Forbidden),
            Fault::Status(status) => self.refusal = refuse(Refusal::Trouble(status)),
            Fault::HtmlPage => self.html = true,
            Fault::ChangedShape => self.changed_shape = true,
            Fault::UnknownFields => self.unknown_fields = true,
            Fault::SilentZeros => self.silent_zeros = true,
            Fault::EmptyPage => self.empty_page = true,
            Fault::RepeatedCursor => self.repeated_cursor = true,
            Fault::ClockSkew(skew) => self.skew = skew,
            Fault::SlowBody(pause) => self.wire = Some(Wire::Slow(pause)),
            Fault::TruncatedBody => self.wire = Some(Wire::Truncated),
            Fault::NoAnswer => self.wire = Some(Wire::Dropped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn rules_count_down_where_they_apply() {
        let faults = Faults::default();
        faults.add(FaultRule::always(Fault::HtmlPage).times(2).after(1).at("/b"));
        let now = at("2026-09-01T00:00:00Z");
        let struck: Vec<bool> =
            ["/a", "/b", "/a", "/b", "/b", "/b"].iter().map(|path| faults.strike(path, now).html).collect();
        assert_eq!(struck, [false, false, false, true, true, false]);
    }

    #[test]
    fn rules_end_at_their_instant() {
        let faults = Faults::default();
        faults.add(FaultRule::always(Fault::HtmlPage).until(at("2026-09-01T00:01:00Z")));
        assert!(faults.strike("/a", at("2026-09-01T00:00:59Z")).html);
        assert!(!faults.strike("/a", at("2026-09-01T00:01:00Z")).html);
    }
}
