//! What a cell says, as a number: thousands, 万 and 亿, percent, seconds, "fewer than", and what is missing.
//!
//! Every cell is read for itself, because the same platform writes `24.76%` in one row and `0.3014` in the
//! next. What could mean two things is refused, never guessed.

use kepi_core::{Flags, Metric, Money, Nature, Unit, Value};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::sheet::{Cell, normalized};

/// What a metric's number is written as in the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A whole number.
    Count,
    /// A fraction of one.
    Ratio,
    /// Seconds.
    Seconds,
    /// Money.
    Money,
    /// A score.
    Real,
}

impl Kind {
    /// The kind of a metric of the catalogue.
    #[must_use]
    pub fn of(metric: &Metric) -> Self {
        match (metric.nature, metric.unit) {
            (Nature::Money, _) | (_, Unit::Money) => Self::Money,
            (_, Unit::Seconds) => Self::Seconds,
            (_, Unit::Ratio) => Self::Ratio,
            (_, Unit::Score) => Self::Real,
            (Nature::Mean | Nature::Ratio, _) => Self::Real,
            _ => Self::Count,
        }
    }
}

/// How a number without a percent sign is meant in a column of rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rates {
    /// Nobody said: such a cell is refused.
    #[default]
    Ask,
    /// Up to 1 it is a fraction, as the platform's exports write it; beyond, it is refused.
    Cell,
    /// It is a fraction.
    Fraction,
    /// It is a percentage.
    Percent,
}

/// How the cells of one column are to be read.
#[derive(Debug, Clone)]
pub(crate) struct Style<'a> {
    /// What the numbers are.
    pub(crate) kind: Kind,
    /// What stands for "not said", beside `-`, `--`, `N/A`, `null` and nothing.
    pub(crate) missing: &'a [String],
    /// How a number without a percent sign is meant.
    pub(crate) rates: Rates,
    /// The sign before the fraction: `.` or `,`.
    pub(crate) decimal: char,
    /// What the header says in brackets.
    pub(crate) measure: Measure,
    /// The currency of money.
    pub(crate) currency: Option<&'a SmolStr>,
    /// The number at which the source stops counting.
    pub(crate) capped_at: Option<i64>,
}

/// What a header says of its numbers in brackets: `(%)`, `(s)`, `(ms)`, `(USD)`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Measure {
    /// Nothing.
    #[default]
    Plain,
    /// Percent.
    Percent,
    /// Thousandths of a second.
    Milliseconds,
    /// A currency.
    Currency(SmolStr),
}

impl Measure {
    /// Reads a header.
    pub(crate) fn of(header: &str) -> Self {
        let header = normalized(header);
        let Some(inner) = header.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')) else {
            return Self::Plain;
        };
        match inner.1 {
            "%" => Self::Percent,
            "ms" | "毫秒" => Self::Milliseconds,
            code if code.len() == 3 && code.bytes().all(|c| c.is_ascii_lowercase()) => {
                Self::Currency(code.to_ascii_uppercase().into())
            }
            _ => Self::Plain,
        }
    }
}

/// A number and what else its cell says of it.
pub(crate) type Said = Option<(Value, Flags)>;

/// Reads one cell. `None` when it is missing, which is not zero.
///
/// # Errors
/// Why the cell cannot be read, for people.
pub(crate) fn read(cell: &Cell, style: &Style<'_>) -> Result<Said, String> {
    match cell {
        Cell::Empty => Ok(None),
        Cell::Text(text) => read_text(text, style),
        Cell::Number(number) => read_number(*number, style).map(Some),
        Cell::Seconds(seconds) if style.kind == Kind::Seconds => said_real(*seconds),
        Cell::Seconds(_) | Cell::Moment(_) => Err(format!("{} is a time, not a number", cell.shown())),
        Cell::Fault(fault) => Err(format!("the spreadsheet holds the error {fault}")),
    }
}

fn said_real(number: f64) -> Result<Said, String> {
    if number.is_finite() {
        Ok(Some((Value::Real(number), Flags::NONE)))
    } else {
        Err(format!("{number} is not a number"))
    }
}

/// A spreadsheet's number, by the shortest text that stands for it.
fn read_number(binary: f64, style: &Style<'_>) -> Result<(Value, Flags), String> {
    finish(number(&binary.to_string(), '.')?, Flags::NONE, style)
}

/// Whether a cell of text stands for "not said".
pub(crate) fn is_missing(text: &str, missing: &[String]) -> bool {
    let text = text.trim();
    matches!(text, "" | "-" | "--" | "—" | "——") || {
        let lower = text.to_lowercase();
        matches!(lower.as_str(), "n/a" | "null") || missing.iter().any(|m| m.trim().to_lowercase() == lower)
    }
}

fn read_text(raw: &str, style: &Style<'_>) -> Result<Said, String> {
    if is_missing(raw, style.missing) {
        return Ok(None);
    }
    let text = plain(raw);
    if is_missing(&text, style.missing) {
        return Ok(None);
    }
    if let Some(bound) = text.strip_prefix('<') {
        let (value, _) = quantity(bound.trim(), style)?;
        return finish(value, Flags::CENSORED, style).map(Some);
    }
    let (text, flags) = match text.strip_suffix('+') {
        Some(rest) => (rest, Flags::CAPPED),
        None => (text.as_str(), Flags::NONE),
    };
    if style.kind == Kind::Seconds
        && let Some(seconds) = duration(text, style.decimal)
    {
        return finish_seconds(seconds, flags).map(Some);
    }
    if let Some(percent) = text.strip_suffix('%') {
        return match style.kind {
            Kind::Ratio => {
                let value = number(percent, style.decimal)?;
                real(value / Decimal::ONE_HUNDRED, flags).map(Some)
            }
            _ => Err(format!("{raw:?} is a percentage, but the column holds none")),
        };
    }
    let (value, more) = quantity(text, style)?;
    finish(value, flags.and(more), style).map(Some)
}

/// The text without its dress: compatibility forms unified, odd spaces, tabs and leading quotes gone.
fn plain(raw: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let text: String = raw.nfkc().map(|c| if c == '−' { '-' } else { c }).collect();
    text.trim().trim_start_matches('\'').trim().to_owned()
}

/// A number with what may stand behind it: `1.2万`, `3.5w`, `1.1K`, `2.3亿`, a currency's sign.
fn quantity(text: &str, style: &Style<'_>) -> Result<(Decimal, Flags), String> {
    let text = if style.kind == Kind::Money { money_text(text) } else { text };
    let (digits, factor) = match text.char_indices().last() {
        Some((at, '万' | 'w' | 'W')) => (&text[..at], 10_000),
        Some((at, '亿')) => (&text[..at], 100_000_000),
        Some((at, 'k' | 'K' | '千')) => (&text[..at], 1_000),
        Some((at, 'M')) => (&text[..at], 1_000_000),
        _ => return Ok((number(text, style.decimal)?, Flags::NONE)),
    };
    if !matches!(style.kind, Kind::Count | Kind::Money) {
        return Err(format!("{text:?} is no number of this column"));
    }
    let value = number(digits.trim(), style.decimal)?
        .checked_mul(Decimal::from(factor))
        .ok_or_else(|| format!("{text:?} is too large"))?;
    // The source rounded: the exact number is not in the file.
    Ok((value, Flags::ESTIMATED))
}

fn money_text(text: &str) -> &str {
    text.trim_start_matches(|c: char| !c.is_ascii_digit() && !matches!(c, '-' | '+' | '.' | ','))
        .trim_end_matches('元')
        .trim()
}

fn finish(value: Decimal, flags: Flags, style: &Style<'_>) -> Result<(Value, Flags), String> {
    match style.kind {
        Kind::Count => {
            if value.fract() != Decimal::ZERO {
                return Err(format!("{value} is not a whole number"));
            }
            let count = value.to_i64().ok_or_else(|| format!("{value} is too large"))?;
            let capped = if style.capped_at == Some(count) { Flags::CAPPED } else { Flags::NONE };
            Ok((Value::Count(count), flags.and(capped)))
        }
        Kind::Ratio => ratio(value, flags, style),
        Kind::Seconds if style.measure == Measure::Milliseconds => {
            finish_seconds(value / Decimal::ONE_THOUSAND, flags)
        }
        Kind::Seconds => finish_seconds(value, flags),
        Kind::Real => real(value, flags),
        Kind::Money => {
            let currency = match (&style.measure, style.currency) {
                (Measure::Currency(code), _) => code.clone(),
                (_, Some(code)) => code.clone(),
                _ => return Err("an amount of money whose currency nobody said".to_owned()),
            };
            Ok((Value::Money(Money { amount: value, currency }), flags))
        }
    }
}

fn ratio(value: Decimal, flags: Flags, style: &Style<'_>) -> Result<(Value, Flags), String> {
    let percent = style.measure == Measure::Percent || style.rates == Rates::Percent;
    let fraction = match style.rates {
        Rates::Fraction => true,
        Rates::Cell => value.abs() <= Decimal::ONE,
        Rates::Ask | Rates::Percent => value.is_zero(),
    };
    if percent {
        real(value / Decimal::ONE_HUNDRED, flags)
    } else if fraction {
        real(value, flags)
    } else {
        let value = value.normalize();
        Err(format!("{value} without a percent sign may be a fraction or a percentage"))
    }
}

fn finish_seconds(value: Decimal, flags: Flags) -> Result<(Value, Flags), String> {
    real(value, flags)
}

fn real(value: Decimal, flags: Flags) -> Result<(Value, Flags), String> {
    // Through its text: the nearest float of what is written, not of an approximation.
    let number: f64 =
        value.normalize().to_string().parse().map_err(|_| format!("{value} is not a number"))?;
    Ok((Value::Real(number), flags))
}

/// A number with thousands marks in their places, or in scientific notation.
fn number(text: &str, decimal: char) -> Result<Decimal, String> {
    let bad = || format!("{text:?} is not a number");
    let text = text.trim();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == decimal) {
        return Err(bad());
    }
    if let Some((mantissa, exponent)) = text.split_once(['e', 'E']) {
        let exponent = exponent.parse().map_err(|_| bad())?;
        return shifted(number(mantissa, decimal)?, exponent).ok_or_else(bad);
    }
    let (whole, fraction) = unsigned.split_once(decimal).map_or((unsigned, None), |(w, f)| (w, Some(f)));
    let whole = ungrouped(whole, decimal).ok_or_else(bad)?;
    let digits = |part: &str| part.bytes().all(|c| c.is_ascii_digit());
    if fraction.is_some_and(|f| !digits(f) || f.is_empty()) {
        return Err(bad());
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let written =
        format!("{sign}{}.{}", if whole.is_empty() { "0" } else { &whole }, fraction.unwrap_or("0"));
    written.parse().map_err(|_| bad())
}

/// A number times a power of ten, where it can be held exactly.
fn shifted(mut value: Decimal, exponent: i32) -> Option<Decimal> {
    if exponent < 0 {
        let scale = value.scale().checked_add(exponent.unsigned_abs())?;
        value.set_scale(scale).ok()?;
        return Some(value);
    }
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    value.checked_mul(Decimal::try_from_i128_with_scale(power, 0).ok()?)
}

/// The digits without thousands marks; `None` when a mark stands where none belongs.
fn ungrouped(whole: &str, decimal: char) -> Option<String> {
    let mark = whole.chars().find(|c| !c.is_ascii_digit());
    let Some(mark) = mark else { return Some(whole.to_owned()) };
    let allowed = match mark {
        ',' => decimal == '.',
        '.' => decimal == ',',
        ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’' => true,
        _ => false,
    };
    let mut groups = whole.split(mark);
    let head = groups.next().unwrap_or_default();
    let digits = |part: &str| part.bytes().all(|c| c.is_ascii_digit());
    let fits = allowed
        && (1..=3).contains(&head.len())
        && digits(head)
        && groups.all(|group| group.len() == 3 && digits(group));
    fits.then(|| whole.chars().filter(char::is_ascii_digit).collect())
}

/// A length of time as people write it: `33.00s`, `18秒`, `1分23秒`, `250ms`, `00:01:32`.
fn duration(text: &str, decimal: char) -> Option<Decimal> {
    if text.contains(':') {
        let parts: Vec<&str> = text.split(':').collect();
        if !(2..=3).contains(&parts.len()) {
            return None;
        }
        return parts.iter().try_fold(Decimal::ZERO, |sum, part| {
            let value = number(part, decimal).ok().filter(|value| !value.is_sign_negative())?;
            sum.checked_mul(Decimal::from(60))?.checked_add(value)
        });
    }
    let lower = text.to_lowercase();
    let mut rest = lower.as_str();
    let mut sum = Decimal::ZERO;
    let mut any = false;
    while !rest.trim().is_empty() {
        rest = rest.trim_start();
        let end = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '-')))?;
        let value = number(&rest[..end], decimal).ok()?;
        let tail = rest[end..].trim_start();
        let (unit, seconds) = UNITS.iter().find(|(unit, _)| tail.starts_with(unit))?;
        sum = sum.checked_add(value.checked_mul(Decimal::new(*seconds, 3))?)?;
        rest = &tail[unit.len()..];
        any = true;
    }
    any.then_some(sum)
}

/// Units of time and their thousandths of a second, longer names before those they begin with.
const UNITS: &[(&str, i64)] = &[
    ("ms", 1),
    ("毫秒", 1),
    ("seconds", 1_000),
    ("second", 1_000),
    ("sec", 1_000),
    ("s", 1_000),
    ("秒", 1_000),
    ("minutes", 60_000),
    ("minute", 60_000),
    ("mins", 60_000),
    ("min", 60_000),
    ("分钟", 60_000),
    ("分", 60_000),
    ("m", 60_000),
    ("hours", 3_600_000),
    ("hour", 3_600_000),
    ("小时", 3_600_000),
    ("时", 3_600_000),
    ("h", 3_600_000),
];

#[cfg(test)]
mod tests;
