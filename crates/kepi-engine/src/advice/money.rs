//! Money of several currencies, brought into one at rates that a person states, with date and source.

use std::str::FromStr as _;

use jiff::civil::Date;
use kepi_core::{Error, Result, document::Block};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::number::Number;

/// The currency of reports, the rates into it, and what a sale leaves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Money {
    /// The currency that returns are told in; each its own without it.
    pub currency: Option<String>,
    /// The stated rates.
    pub rates: Vec<ExchangeRate>,
    /// The share of revenue that is left after the cost of goods, where no table tells the margin.
    pub margin: Option<Decimal>,
}

/// A stated rate: one unit of `base` is `rate` units of `quote`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExchangeRate {
    /// The currency of which one unit is priced.
    pub base: String,
    /// The currency of the price.
    pub quote: String,
    /// The price.
    #[serde(serialize_with = "as_text")]
    pub rate: Decimal,
    /// The day it is of.
    pub date: Date,
    /// Who says so.
    pub source: String,
}

fn as_text<S: serde::Serializer>(rate: &Decimal, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(rate)
}

impl Money {
    /// An amount in another currency, at the newest rate of the day or before, and the rate that was taken.
    ///
    /// # Errors
    /// In words for the reader, where no rate is stated.
    pub(crate) fn convert(
        &self,
        amount: Number,
        from: &str,
        to: &str,
        day: Date,
    ) -> std::result::Result<(Number, Option<&ExchangeRate>), String> {
        if from == to {
            return Ok((amount, None));
        }
        let between = |rate: &&ExchangeRate| {
            (rate.base == from && rate.quote == to) || (rate.base == to && rate.quote == from)
        };
        let mut stated: Vec<&ExchangeRate> = self.rates.iter().filter(between).collect();
        stated.sort_by_key(|rate| rate.date);
        let Some(rate) = stated.iter().rev().find(|rate| rate.date <= day) else {
            return Err(match stated.first() {
                Some(first) => format!("the first rate of {from} in {to} is of {}, after {day}", first.date),
                None => format!("no rate of {from} in {to} is stated ([[money.rate]] in kepi.toml)"),
            });
        };
        let decimal = match amount {
            Number::Money(amount) => Some(amount),
            Number::Whole(amount) => Decimal::try_from_i128_with_scale(amount, 0).ok(),
            Number::Real(_) => None,
        };
        let exact = decimal.and_then(|amount| {
            if rate.base == from { amount.checked_mul(rate.rate) } else { amount.checked_div(rate.rate) }
        });
        let converted = exact.ok_or_else(|| format!("{amount} {from} is too large to be converted"))?;
        Ok((Number::Money(converted), Some(rate)))
    }
}

/// Reads `[money]` of a configuration: `currency`, `margin` and `[[money.rate]]`.
#[must_use]
pub fn read_money(root: &Block<'_, '_>) -> Money {
    let Some(block) = root.block("money") else { return Money::default() };
    let currency = block.parsed("currency", code).map(|placed| placed.value);
    let mut money = Money { currency, ..Money::default() };
    if let Some(share) = block.number("margin") {
        match decimal(share.value).filter(|share| *share >= Decimal::ZERO && *share <= Decimal::ONE) {
            Some(margin) => money.margin = Some(margin),
            None => block.faults().add(
                share.span,
                "a margin is a share of revenue between 0 and 1",
                "not a share",
                Some("40 % is written 0.4".to_owned()),
            ),
        }
    }
    for rate in block.blocks("rate") {
        money.rates.extend(read_rate(&rate));
        rate.finish();
    }
    block.finish();
    money
}

fn read_rate(block: &Block<'_, '_>) -> Option<ExchangeRate> {
    for key in ["pair", "rate", "date", "source"] {
        if !block.has(key) {
            block.missing(key);
        }
    }
    let pair = block.parsed("pair", |text| {
        let wrong = || {
            Error::bad_config(format!("{text:?} is not a pair of currencies"))
                .hint("one euro in yuan is \"EUR/CNY\"")
        };
        let (base, quote) = text.split_once('/').ok_or_else(wrong)?;
        let (base, quote) = (code(base)?, code(quote)?);
        if base == quote { Err(wrong()) } else { Ok((base, quote)) }
    });
    let rate = block.number("rate").and_then(|placed| {
        let rate = decimal(placed.value).filter(|rate| *rate > Decimal::ZERO);
        if rate.is_none() {
            block.faults().add(placed.span, "a rate is above zero", "not a rate", None);
        }
        rate
    });
    let date = block.parsed("date", |text| {
        text.trim().parse::<Date>().map_err(|_| {
            Error::bad_config(format!("{text:?} is not a day")).hint("days are written \"2026-10-01\"")
        })
    });
    let source = block.text("source");
    let (base, quote) = pair?.value;
    Some(ExchangeRate { base, quote, rate: rate?, date: date?.value, source: source?.value })
}

fn code(text: &str) -> Result<String> {
    let right = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    if right {
        Ok(text.to_owned())
    } else {
        Err(Error::bad_config(format!("{text:?} is not a currency"))
            .hint("use its ISO 4217 code, such as EUR"))
    }
}

/// The decimal that was written: a float prints as the shortest that reads as it.
fn decimal(written: f64) -> Option<Decimal> {
    Decimal::from_str(&written.to_string()).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use kepi_core::document::{Document, Faults};

    use super::*;

    fn read(text: &str) -> (Money, Vec<String>) {
        let faults = Faults::new("kepi.toml");
        let document = Document::parse(text, &faults);
        let root = document.block(&faults);
        let money = read_money(&root);
        root.finish();
        let told = faults.into_vec();
        (money, told.iter().map(|fault| format!("{} {}", fault.line_column(text).0, fault.message)).collect())
    }

    const RATES: &str = r#"
[money]
currency = "USD"
margin = 0.4
[[money.rate]]
pair = "USD/CNY"
rate = 7.00
date = "2026-06-30"
source = "a bank"
[[money.rate]]
pair = "USD/CNY"
rate = 7.5
date = "2026-07-31"
source = "a bank"
"#;

    /// T38: 700 yuan at 7.00 to the dollar are 100 dollars, exactly; the rate is that of the day or before.
    #[test]
    fn t38_stated_rates_both_ways() {
        let (money, faults) = read(RATES);
        assert_eq!(faults, Vec::<String>::new());
        let yuan = |amount: i64| Number::Money(Decimal::new(amount, 0));
        let (dollars, rate) = money.convert(yuan(700), "CNY", "USD", date(2026, 7, 30)).unwrap();
        assert_eq!((dollars, rate.map(|rate| rate.date)), (yuan(100), Some(date(2026, 6, 30))));
        assert_eq!(money.convert(yuan(2), "USD", "CNY", date(2026, 8, 1)).unwrap().0, yuan(15));
        assert_eq!(money.convert(yuan(2), "USD", "USD", date(2020, 1, 1)).unwrap(), (yuan(2), None));
        assert!(money.convert(yuan(1), "CNY", "USD", date(2026, 6, 29)).unwrap_err().contains("2026-06-30"));
        assert!(
            money.convert(yuan(1), "EUR", "USD", date(2026, 7, 1)).unwrap_err().contains("[[money.rate]]")
        );
    }

    #[test]
    fn all_faults_have_their_place() {
        let text = "[money]\ncurrency = \"Euro\"\nmargin = 40\n[[money.rate]]\npair = \"EUR/EUR\"\nrate = 0\ndate = \"soon\"\n";
        let (_, faults) = read(text);
        assert_eq!(
            faults,
            [
                "2 \"Euro\" is not a currency",
                "3 a margin is a share of revenue between 0 and 1",
                "4 money.rate.source is missing",
                "5 \"EUR/EUR\" is not a pair of currencies",
                "6 a rate is above zero",
                "7 \"soon\" is not a day",
            ]
        );
    }
}
