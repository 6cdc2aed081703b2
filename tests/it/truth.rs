//! What the world itself says of a number that rests in the store: the independent reading of every platform's
//! vocabulary, from the world's counters and not from an answer.

mod accounts;
mod before;
mod older;
mod parts;
pub(crate) mod people;
mod posts;
mod web;

pub(crate) use before::tell_older_posts;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};
use kepi_core::{
    Catalogue, DateSpan, Field, Measurement, SubjectKind, Traffic, Window, WindowKind,
    period::{add_days, local_day},
};
use kepi_simulator::{
    AccountDay, AccountKey, Counter, Counters, Network, PostFacts, PostKey, Profile, Split, WECHAT_SCENES,
    World,
};
use serde_json::Value;

use crate::simulated::Live;

/// One number of the store, with all that it stands under.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    pub account: String,
    pub kind: SubjectKind,
    pub subject: String,
    /// Dimension and value; empty for the whole.
    pub segment: (String, String),
    pub window: Window,
    pub traffic: Traffic,
    pub metric: String,
    pub value: f64,
    pub observed_at: Timestamp,
    /// The endpoint that told it.
    pub source: String,
}

impl Fact {
    pub(crate) fn platform(&self) -> &str {
        self.account.split('/').next().unwrap_or_default()
    }

    /// What the number is one of.
    pub(crate) fn sort(&self) -> String {
        let said = (self.kind, self.window.kind(), self.traffic);
        sort(self.platform(), said, &self.metric, &self.segment.0)
    }
}

/// What a field's numbers are, as [`Fact::sort`] says it.
pub(crate) fn sort_of(platform: &str, field: &Field) -> String {
    sort(platform, (field.subject, field.window, field.traffic), field.metric, field.segment)
}

/// What the numbers of a measurement are, as [`Fact::sort`] says it.
pub(crate) fn sorts_of(one: &Measurement) -> impl Iterator<Item = String> {
    let said = (one.subject.kind, one.window.kind(), one.traffic);
    let dimension = one.segment.as_ref().map_or("", |segment| segment.dimension.as_str());
    let platform = one.subject.account.platform_name();
    one.values.iter().map(move |reading| sort(platform, said, reading.metric.as_str(), dimension))
}

fn sort(
    platform: &str,
    (kind, window, traffic): (SubjectKind, WindowKind, Traffic),
    metric: &str,
    dimension: &str,
) -> String {
    let part = if dimension.is_empty() { String::new() } else { format!(" by {dimension}") };
    format!("{platform} {} {} {} {metric}{part}", kind.as_str(), window.as_str(), traffic.as_str())
}

const KINDS: [(&str, SubjectKind); 6] = [
    ("post_facts", SubjectKind::Post),
    ("account_facts", SubjectKind::Account),
    ("media_facts", SubjectKind::Media),
    ("campaign_facts", SubjectKind::Campaign),
    ("topic_facts", SubjectKind::Topic),
    ("location_facts", SubjectKind::Location),
];

const KEYS: &str = "account, \"window\", day, end_day, at, traffic, observed_at, source, origins";

/// All numbers that are current, of all tables of facts.
pub(crate) async fn facts(live: &Live) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (table, kind) in KINDS {
        let metrics: Vec<&str> =
            Catalogue::builtin().columns(kind).map(|metric| metric.id.as_str()).collect();
        let subject = match kind {
            SubjectKind::Account => "''",
            SubjectKind::Post => "post",
            _ => "subject",
        };
        let columns: Vec<String> =
            metrics.iter().map(|metric| format!("cast(\"{metric}\" as double)")).collect();
        let sql = format!("select {KEYS}, {subject}, {} from {table} where current", columns.join(", "));
        for row in live.query(&sql).await {
            for (metric, value) in metrics.iter().zip(&row[10..]) {
                if let Some(value) = value.as_f64() {
                    let fact = fact(&row, kind, &row[9], metric, value);
                    facts.push(fact);
                }
            }
        }
    }
    for (table, segment) in [
        ("segment_facts", "segment_dimension, segment_value"),
        ("other_facts", "'' as dimension, '' as part"),
    ] {
        let sql = format!(
            "select {KEYS}, subject, subject_kind, metric, \
             coalesce(cast(count as double), real, cast(money as double)), {segment} from {table} where current"
        );
        for row in live.query(&sql).await {
            let kind = SubjectKind::ALL.into_iter().find(|kind| Some(kind.as_str()) == row[10].as_str());
            let metric = text(&row[11]);
            let value = row[12].as_f64().expect("a number");
            let mut fact = fact(&row, kind.expect("a kind"), &row[9], metric, value);
            fact.segment = (text(&row[13]).to_owned(), text(&row[14]).to_owned());
            facts.push(fact);
        }
    }
    facts
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn fact(row: &[Value], kind: SubjectKind, subject: &Value, metric: &str, value: f64) -> Fact {
    let day = |value: &Value| -> Date { text(value).parse().expect("a date") };
    let instant = |value: &Value| -> Timestamp { text(value).parse().expect("an instant") };
    let window = match text(&row[1]) {
        "at" => Window::At(instant(&row[4])),
        "day" => Window::Day(day(&row[2])),
        _ => Window::Period(DateSpan::new(day(&row[2]), day(&row[3]))),
    };
    // Where sources meet in one row, its own is that of the newest.
    let origins: Value = serde_json::from_str(text(&row[8])).unwrap_or_default();
    let source = origins[metric]["source"].as_str().unwrap_or_else(|| text(&row[7]));
    let traffic = [Traffic::Organic, Traffic::Paid, Traffic::Total, Traffic::Unknown];
    Fact {
        account: text(&row[0]).to_owned(),
        kind,
        subject: text(subject).to_owned(),
        segment: (String::new(), String::new()),
        window,
        traffic: traffic.into_iter().find(|it| it.as_str() == text(&row[5])).expect("a traffic"),
        metric: metric.to_owned(),
        value,
        observed_at: instant(&row[6]),
        source: source.to_owned(),
    }
}

/// What the comparison found.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// Sort of number → how many were compared and agree.
    pub agreeing: BTreeMap<String, usize>,
    /// Sort of number → the first that differs.
    pub differing: BTreeMap<String, String>,
    /// Sorts of which the world has no word.
    pub unknown: BTreeSet<String>,
}

/// Holds every number against the world.
pub(crate) fn compare(world: &World, facts: &[Fact]) -> Comparison {
    let mut comparison = Comparison::default();
    for fact in facts {
        let sort = fact.sort();
        match truth(world, fact) {
            None => {
                comparison.unknown.insert(sort);
            }
            Some(truth) if close(truth, fact.value, &fact.metric) => {
                *comparison.agreeing.entry(sort).or_default() += 1;
            }
            Some(truth) => {
                comparison.differing.entry(sort).or_insert_with(|| format!("{truth} is told as {fact:?}"));
            }
        }
    }
    comparison
}

/// Platforms write fractions with few digits and money in hundredths; everything else is exact.
fn close(truth: f64, told: f64, metric: &str) -> bool {
    let most = match metric {
        "spend" | "revenue" => 0.0051,
        _ if truth.fract() == 0.0 && told.fract() == 0.0 => 0.0,
        _ => 5.1e-5 + truth.abs() * 1e-9,
    };
    (truth - told).abs() <= most
}

/// What the world says; `None` where it has no word for it.
pub(crate) fn truth(world: &World, fact: &Fact) -> Option<f64> {
    if fact.account.starts_with("web/") {
        return web::truth(world, fact);
    }
    if world.people().iter().any(|person| person.id.as_str() == fact.account) {
        return people::truth(world, fact);
    }
    let account = world.accounts().find(|account| account.id.as_str() == fact.account)?;
    let about = About { world, account, fact };
    if fact.source.starts_with("old_") {
        return about.of_older_series();
    }
    match fact.kind {
        SubjectKind::Post | SubjectKind::Media => about.post(),
        SubjectKind::Account => about.account(),
        SubjectKind::Campaign => about.campaign(),
        SubjectKind::Topic | SubjectKind::Location => None,
    }
}

/// What the public numbers of Douyin's videos begin at.
pub(crate) const DOUYIN_VIDEOS: u64 = 7_500_000_000_000_000_001;

/// When the post of a fact was published.
pub(crate) fn published_at(world: &World, fact: &Fact) -> Option<Timestamp> {
    let account = world.accounts().find(|account| account.id.as_str() == fact.account)?;
    if let Some(story) = world.find_story(&fact.subject) {
        return Some(story.published_at);
    }
    Some(About { world, account, fact }.the_post()?.published_at)
}

struct About<'a> {
    world: &'a World,
    account: &'a Profile,
    fact: &'a Fact,
}

impl About<'_> {
    fn key(&self) -> AccountKey {
        self.account.key
    }

    fn dimension(&self) -> &str {
        &self.fact.segment.0
    }

    fn part(&self) -> &str {
        &self.fact.segment.1
    }

    fn start_of(&self, day: Date) -> Timestamp {
        self.world.day_bounds(self.key(), day).0
    }

    fn of_traffic(&self, split: &Split) -> Counters {
        match self.fact.traffic {
            Traffic::Organic => split.organic,
            Traffic::Paid => split.paid,
            Traffic::Total | Traffic::Unknown => split.total(),
        }
    }

    /// Until when the numbers of a reading were counted: platforms that tell a sum so far once a day tell that
    /// of the end of a day.
    fn counted_until(&self, at: Timestamp) -> Timestamp {
        let today = self.beijing(at);
        match self.account.network {
            Network::Xiaohongshu => self.start_of(today),
            _ => at,
        }
    }

    fn beijing(&self, at: Timestamp) -> Date {
        let zone = jiff::tz::TimeZone::get("Asia/Shanghai").expect("a zone");
        local_day(at, &zone)
    }
}

fn index_of(key: PostKey) -> u32 {
    key.index
}

/// The counter that a metric of the catalogue is.
fn counter(metric: &str) -> Option<Counter> {
    Counter::ALL.into_iter().find(|counter| counter.metric() == metric)
}

fn scaled(counter: Counter, value: i64) -> f64 {
    match counter {
        Counter::WatchMillis => value as f64 / 1000.0,
        Counter::RevenueMicros | Counter::SpendMicros => value as f64 / 1e6,
        _ => value as f64,
    }
}

fn clicks(c: &Counters) -> i64 {
    c[Counter::DetailExpands] + c[Counter::LinkClicks]
}

fn ratio(part: i64, whole: i64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Shares of a whole by weight; the first takes what rounding leaves.
fn shared(whole: i64, weights: &[f64]) -> Vec<i64> {
    let sum: f64 = weights.iter().sum();
    let mut parts: Vec<i64> = weights.iter().map(|weight| (whole as f64 * weight / sum) as i64).collect();
    parts[0] += whole - parts.iter().sum::<i64>();
    parts
}

fn campaign_of(post: &PostFacts) -> i64 {
    let names = ["spring_launch", "summer_ride", "golden_autumn", "year_end"];
    names.iter().position(|name| post.campaign == Some(*name)).map_or(900_001, |place| 900_002 + place as i64)
}

/// The last part of the URN that LinkedIn gives a place or a part.
fn place_of<'v>(dimension: &str, value: &'v str) -> &'v str {
    match (dimension, value) {
        ("country", "DE") => "101282230",
        ("country", "FR") => "105015875",
        ("country", "US") => "103644278",
        ("country", "GB") => "101165590",
        ("country", "NL") => "102890719",
        ("country", "ES") => "105646813",
        ("country", "IT") => "103350119",
        ("city", text) if text.starts_with("Berlin") => "90009712",
        ("city", text) if text.starts_with("Paris") => "90009659",
        ("city", text) if text.starts_with("London") => "90009496",
        ("city", text) if text.starts_with("Hamburg") => "90009726",
        ("city", _) => "90009706",
        _ => value,
    }
}
