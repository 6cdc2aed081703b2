//! One request as a dialect sees it, and its answer.

use jiff::{Timestamp, civil::Date, tz::Offset};
use kepi_core::DateSpan;

use crate::{
    AccountDay, AccountFlows, AccountKey, Counters, PostFacts, PostKey, Split, World, fault::Active,
    json::Json, server::Desk,
};

/// A request with all that a dialect needs to answer it.
pub(crate) struct Call<'a> {
    pub(crate) world: &'a World,
    pub(crate) desk: &'a Desk,
    pub(crate) faults: &'a Active,
    /// When it is.
    pub(crate) now: Timestamp,
    /// When the platform believes that it is: what tokens, allowances and headers go by.
    pub(crate) clock: Timestamp,
    pub(crate) method: String,
    /// Decoded, without a slash at the end.
    pub(crate) path: String,
    /// As it came: for platforms whose query has a grammar of its own.
    pub(crate) raw_query: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Call<'_> {
    /// A query parameter.
    pub(crate) fn param(&self, key: &str) -> Option<&str> {
        find(&self.query, key)
    }

    /// The values of a comma-separated query parameter; none when it is absent.
    pub(crate) fn list(&self, key: &str) -> Vec<&str> {
        let values = self.param(key).unwrap_or_default();
        values.split(',').map(str::trim).filter(|value| !value.is_empty()).collect()
    }

    /// A header by its lowercase name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The token of an `Authorization: Bearer` header.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ").map(str::trim)
    }

    /// The pairs of a form body.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// A JSON body.
    pub(crate) fn json_body(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The wall clock in Beijing: the day, and hours with their fraction.
    pub(crate) fn beijing(&self) -> (Date, f64) {
        let local = Offset::constant(8).to_datetime(self.now);
        (local.date(), f64::from(local.hour()) + f64::from(local.minute()) / 60.0)
    }

    /// A new JSON text; noisy when unknown fields are switched on.
    pub(crate) fn json(&self) -> Json {
        Json::new(self.faults.unknown_fields)
    }

    /// What the platform says of a post now.
    pub(crate) fn counters(&self, post: &PostFacts) -> Split {
        if self.faults.silent_zeros {
            return Split::default();
        }
        self.world.counters_at(post, self.now).unwrap_or_default()
    }

    /// What a post had got by an instant, paid and unpaid together; nothing before it was published.
    pub(crate) fn total_until(&self, post: &PostFacts, at: Timestamp) -> Counters {
        if self.faults.silent_zeros {
            return Counters::default();
        }
        self.world.counters_at(post, at.min(self.now)).unwrap_or_default().total()
    }

    /// What a post got on a day of its account.
    pub(crate) fn total_on(&self, post: &PostFacts, date: Date) -> Counters {
        let (start, end) = self.world.day_bounds(post.key.account, date);
        let mut change = self.total_until(post, end);
        change -= self.total_until(post, start);
        change
    }

    /// What the platform says of a day of an account now.
    pub(crate) fn day(&self, account: AccountKey, date: Date) -> AccountDay {
        let mut day = self.world.account_day_seen(account, date, self.now);
        if self.faults.silent_zeros {
            day.content = Split::default();
            day.flows = AccountFlows::default();
        }
        day
    }

    /// The days of a span of which the platform has rows.
    pub(crate) fn told_days(&self, account: AccountKey, span: DateSpan) -> impl Iterator<Item = Date> + '_ {
        span.iter().filter(move |day| self.world.tells(account, *day))
    }

    /// Posts of an account that were published from one instant to before another and by now, oldest first.
    pub(crate) fn posts(
        &self,
        account: AccountKey,
        from: Timestamp,
        to: Timestamp,
    ) -> impl DoubleEndedIterator<Item = PostFacts> {
        let first = self.world.published_by(account, from) as u32;
        let last = self.world.published_by(account, to.min(self.now)) as u32;
        (first..last.max(first)).map(move |index| self.world.post(PostKey { account, index }))
    }

    /// A level as the platform tells it now: zero under silent zeros.
    pub(crate) fn level(&self, value: i64) -> i64 {
        if self.faults.silent_zeros { 0 } else { value }
    }
}

/// The first value of a key.
pub(crate) fn find<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

/// Shares of a whole by weight, adding up to it; the first takes what rounding leaves.
pub(crate) fn shared<const N: usize>(whole: i64, weights: [f64; N]) -> [i64; N] {
    let sum: f64 = weights.iter().sum();
    let mut parts = weights.map(|weight| (whole as f64 * weight / sum) as i64);
    parts[0] += whole - parts.iter().sum::<i64>();
    parts
}

/// What is sent back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A JSON answer.
    pub(crate) fn json(status: u16, body: Vec<u8>) -> Self {
        let kind = ("content-type", "application/json; charset=utf-8".to_owned());
        Self { status, headers: vec![kind], body }
    }

    /// A page for people.
    pub(crate) fn html(status: u16, body: &str) -> Self {
        let kind = ("content-type", "text/html; charset=utf-8".to_owned());
        Self { status, headers: vec![kind], body: body.as_bytes().to_vec() }
    }

    /// Sends the browser elsewhere.
    pub(crate) fn redirect(to: String) -> Self {
        Self { status: 302, headers: vec![("location", to)], body: Vec::new() }
    }

    pub(crate) fn with(mut self, header: &'static str, value: impl ToString) -> Self {
        self.headers.push((header, value.to_string()));
        self
    }
}
