//! The budget layer: stops before a ceiling of calls or money, and writes down what was spent.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use kepi_core::{Cost, Endpoint, Error, ErrorKind, Response, Result, Retry};

use crate::{
    Clock,
    call::{Call, Inner, Layer},
    ledger::{BudgetStore, Ceiling, Interval, Limit, Line, Reservation, Spend},
};

#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) inner: Inner,
    pub(crate) books: Books,
}

/// The ledger and the ceilings.
#[derive(Debug, Clone)]
pub(crate) struct Books {
    pub(crate) store: Arc<dyn BudgetStore>,
    pub(crate) ceilings: Arc<[Ceiling]>,
    pub(crate) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Layer for Budget {
    fn name(&self) -> &'static str {
        "budget"
    }

    fn inner(&self) -> Option<&dyn Layer> {
        Some(&*self.inner)
    }

    async fn call(&self, call: &mut Call<'_>) -> Result<Response> {
        let reserved = Spend { calls: 1, micro_usd: price(call.declared, call.request.billed_items) };
        let lines = self.books.reserve(call.platform(), reserved).await?;
        call.sent = false;
        let answer = self.inner.call(call).await;
        let actual = spent(&answer, call.sent, reserved);
        call.tally.cost_micro_usd = call.tally.cost_micro_usd.saturating_add(actual.micro_usd);
        if actual != reserved {
            self.books.store.settle(&lines, reserved, actual).await?;
        }
        answer
    }
}

impl Books {
    /// Puts a spend on the platform's lines and those of the ceilings.
    async fn reserve(&self, platform: &str, spend: Spend) -> Result<Vec<Line>> {
        let now = self.clock.now();
        let (lines, intervals): (Vec<_>, Vec<_>) = self.lines(platform, now).into_iter().unzip();
        match self.store.reserve(&lines, spend).await? {
            Reservation::Granted => Ok(lines),
            Reservation::Full { line, spent } => {
                let full = lines.get(line).zip(intervals.get(line));
                Err(exhausted(full.map(|(line, interval)| (line, *interval)), spent, now))
            }
        }
    }

    /// Replaces the price of a call that was reckoned beforehand by the real one.
    pub(crate) async fn settle(&self, platform: &str, reckoned: u64, real: u64) -> Result<()> {
        let money = |micro_usd| Spend { calls: 0, micro_usd };
        let lines: Vec<_> =
            self.lines(platform, self.clock.now()).into_iter().map(|(line, _)| line).collect();
        self.store.settle(&lines, money(reckoned), money(real)).await
    }

    /// Every platform has a line per day and month; a ceiling limits one of them, or that of all together.
    fn lines(&self, platform: &str, now: Timestamp) -> Vec<(Line, Interval)> {
        let mut lines = Vec::new();
        for interval in [Interval::Day, Interval::Month] {
            for of in [platform, "*"] {
                let limit = self.limit((of != "*").then_some(of), interval);
                lines.push((Line { key: format!("spent {of} {}", interval.name(now)), limit }, interval));
            }
        }
        lines
    }

    /// The lowest of the ceilings.
    fn limit(&self, platform: Option<&str>, interval: Interval) -> Limit {
        let holds = |ceiling: &&Ceiling| ceiling.platform.as_deref() == platform && ceiling.per == interval;
        let ceilings = || self.ceilings.iter().filter(holds);
        Limit {
            calls: ceilings().filter_map(|ceiling| ceiling.calls).min(),
            micro_usd: ceilings().filter_map(|ceiling| ceiling.micro_usd).min(),
        }
    }
}

/// What a call costs at most.
pub(crate) fn price(endpoint: Option<&Endpoint>, items: u32) -> u64 {
    match endpoint.map(|endpoint| endpoint.cost) {
        None | Some(Cost::Free) => 0,
        Some(Cost::PerCall(price)) => u64::from(price),
        Some(Cost::PerItem(price)) => u64::from(price) * u64::from(items),
    }
}

/// Nothing was spent when nothing was sent; a refusal costs a call and no money; a call without an answer may
/// have been billed.
fn spent(answer: &Result<Response>, sent: bool, reserved: Spend) -> Spend {
    match answer {
        _ if !sent => Spend::default(),
        Err(error) if error.context_value("status").is_some() => Spend { micro_usd: 0, ..reserved },
        _ => reserved,
    }
}

fn exhausted(full: Option<(&Line, Interval)>, spent: Spend, now: Timestamp) -> Error {
    let error = Error::new(ErrorKind::BudgetExhausted, "the next call would go over the project's ceiling")
        .with("spent_calls", spent.calls)
        .with("spent_micro_usd", spent.micro_usd);
    let Some((line, interval)) = full else { return error };
    error
        .with("line", &line.key)
        .retry(Retry::At(interval.next(now)))
        .hint("raise the ceiling in the budget settings, or wait for the next interval")
}
