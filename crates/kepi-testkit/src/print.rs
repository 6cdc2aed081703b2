//! Pages, errors and tokens as stable text: what `.expected` files hold.

use std::fmt::Write as _;

use jiff::Timestamp;
use kepi_core::{
    Account, Error, Measurement, Notice, Page, Post, Reading, Reject, Retry, Subject, Token, Value, Window,
};

/// A page, one line per measurement (subject | segment | window | traffic | provenance | flags |
/// metric=value …), then accounts, posts, rejects, notices and where the job goes on.
#[must_use]
pub fn page(page: &Page, observed_at: Timestamp) -> String {
    let mut lines: Vec<String> =
        page.measurements.iter().map(|measurement| measurement_line(measurement, observed_at)).collect();
    lines.extend(page.accounts.iter().map(account_line));
    lines.extend(page.posts.iter().map(post_line));
    lines.extend(page.rejects.iter().map(reject_line));
    lines.extend(page.notices.iter().map(notice_line));
    if page.billed_items > 0 {
        lines.push(format!("billed: {}", page.billed_items));
    }
    lines.push(match &page.next {
        Some(cursor) => format!("next: {cursor:?}"),
        None => "next: done".to_owned(),
    });
    lines.join("\n") + "\n"
}

/// An error: what the caller does next, when, why, and what a person can do.
#[must_use]
pub fn error(error: &Error) -> String {
    let mut text = format!("error: {} | {} | {error}\n", error.kind(), retry(error.retry_policy()));
    if let Some(hint) = error.hint_text() {
        let _ = writeln!(text, "hint: {hint}");
    }
    text
}

/// A token, without what is secret in it.
#[must_use]
pub fn token(token: &Token) -> String {
    let seconds =
        |seconds: Option<u64>| seconds.map_or_else(|| "-".to_owned(), |seconds| seconds.to_string());
    format!(
        "token: expires_in_secs={} refresh={} refresh_expires_in_secs={} scopes={} subject={}\n",
        seconds(token.expires_in_secs),
        if token.refresh.is_some() { "yes" } else { "no" },
        seconds(token.refresh_expires_in_secs),
        token.scopes.join(","),
        token.subject.as_deref().unwrap_or("-"),
    )
}

/// A reading: `likes=3`, with what else was said of it: `views=100001[capped]`, `reads=5[v2]`.
#[must_use]
pub fn reading(reading: &Reading) -> String {
    let mut said: Vec<&str> = reading.flags.names().collect();
    said.extend(reading.definition.as_deref());
    let said = if said.is_empty() { String::new() } else { format!("[{}]", said.join(",")) };
    match &reading.value {
        Value::Count(count) => format!("{}={count}{said}", reading.metric),
        Value::Real(real) => format!("{}={real:?}{said}", reading.metric),
        Value::Money(money) => format!("{}={} {}{said}", reading.metric, money.amount, money.currency),
    }
}

/// What a number is said of, without the numbers: the key of a row.
#[must_use]
pub fn key(measurement: &Measurement) -> String {
    let segment = measurement
        .segment
        .as_ref()
        .map_or_else(|| "-".to_owned(), |segment| format!("{}={}", segment.dimension, segment.value));
    format!(
        "{} | {segment} | {} | {} | {}",
        subject(&measurement.subject),
        window(&measurement.window),
        measurement.traffic.as_str(),
        measurement.provenance.as_str(),
    )
}

fn measurement_line(measurement: &Measurement, observed_at: Timestamp) -> String {
    let mut flags = Vec::new();
    if measurement.provisional {
        flags.push("provisional".to_owned());
    }
    if measurement.observed_estimated {
        flags.push("observed_estimated".to_owned());
    }
    if measurement.observed_at != observed_at {
        flags.push(format!("observed_at={}", measurement.observed_at));
    }
    let flags = if flags.is_empty() { "-".to_owned() } else { flags.join(",") };
    let values: Vec<String> = measurement.values.iter().map(reading).collect();
    format!("{} | {flags} | {}", key(measurement), values.join(" "))
}

fn subject(subject: &Subject) -> String {
    let kind = subject.kind.as_str();
    if subject.id.is_empty() {
        format!("{kind} {}", subject.account)
    } else {
        format!("{kind} {} {}", subject.account, subject.id)
    }
}

fn window(window: &Window) -> String {
    match window {
        Window::At(at) => format!("at {at}"),
        Window::Day(day) => format!("day {day}"),
        Window::Period(span) => format!("period {span}"),
    }
}

fn account_line(account: &Account) -> String {
    let Account { id, platform_id, handle, brand, market, zone, currency, size_class } = account;
    let mut line = Line(format!("account: {id}"));
    line.add("platform_id", platform_id.as_deref());
    line.add("handle", handle.as_deref());
    line.add("brand", brand.as_deref());
    line.add("market", market.as_deref());
    line.add("zone", zone.as_deref());
    line.add("currency", currency.as_deref());
    line.add("size_class", size_class.as_deref());
    line.0
}

fn post_line(post: &Post) -> String {
    let mut line = Line(format!("post: {} {}", post.account, post.id));
    line.add("published_at", post.published_at.map(|at| at.to_string()).as_deref());
    line.add("format", post.format.as_deref());
    line.add("title", post.title.as_deref());
    line.add("text", post.text.as_deref());
    line.add("url", post.url.as_deref());
    line.add("language", post.language.as_deref());
    line.add("tags", (!post.tags.is_empty()).then(|| post.tags.join(",")).as_deref());
    line.add("category", post.category.as_deref());
    line.add("campaign", post.campaign.as_deref());
    line.add("product_type", post.product_type.as_deref());
    line.add("is_reply", post.is_reply.map(|is| if is { "yes" } else { "no" }));
    line.add("deleted_at", post.deleted_at.map(|at| at.to_string()).as_deref());
    line.0
}

fn reject_line(reject: &Reject) -> String {
    let account = reject.account.as_ref().map_or("-", |account| account.as_str());
    format!("reject: {account} | {} | {} | {}", reject.place, reject.reason, one_line(&reject.raw))
}

fn notice_line(notice: &Notice) -> String {
    match notice {
        Notice::NotOffered { account, metric, reason } => {
            format!("notice: not offered | {account} | {} | {reason}", metric.as_deref().unwrap_or("-"))
        }
        Notice::Clamped { days } => format!("notice: clamped | {days}"),
        Notice::NotYet { days } => format!("notice: not yet | {days}"),
        Notice::Gap { reason } => format!("notice: gap | {reason}"),
        Notice::CallsLeft { endpoint, left, until } => {
            format!("notice: calls left | {endpoint} | {left} until {until}")
        }
        Notice::Remark { text } => format!("notice: remark | {text}"),
    }
}

fn retry(retry: Retry) -> String {
    match retry {
        Retry::Never => "retry never".to_owned(),
        Retry::Backoff => "retry with backoff".to_owned(),
        Retry::After(pause) => format!("retry after {} s", pause.as_secs_f64()),
        Retry::At(at) => format!("retry at {at}"),
    }
}

fn one_line(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

/// A line of `key=value` pairs, of which the absent ones are left out.
struct Line(String);

impl Line {
    fn add(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            let plain = value.chars().all(|c| !c.is_whitespace() && c != '"' && !c.is_control());
            let _ = match plain && !value.is_empty() {
                true => write!(self.0, " {key}={value}"),
                false => write!(self.0, " {key}={value:?}"),
            };
        }
    }
}
