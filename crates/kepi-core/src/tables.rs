//! The tables of the store as data: what the store writes and everyone else reads, without Arrow.
//!
//! Fact tables are wide: key columns first (where Delta keeps statistics), then one nullable column per metric
//! that the kind of subject can have ([`Catalogue::columns`]), then the partition columns.

use crate::{Catalogue, Metric, Nature, SubjectKind, Unit};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// UTF-8.
    Text,
    /// 64-bit whole number.
    Int,
    /// 64-bit float.
    Real,
    /// Decimal(38, 6): money.
    Money,
    /// True or false.
    Flag,
    /// A local date.
    Date,
    /// An instant, microseconds, UTC.
    Instant,
    /// Bytes.
    Bytes,
}

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it holds.
    pub doc: &'static str,
}

const fn must(name: &'static str, ty: Type, doc: &'static str) -> Column {
    Column { name, ty, nullable: false, doc }
}

const fn may(name: &'static str, ty: Type, doc: &'static str) -> Column {
    Column { name, ty, nullable: true, doc }
}

/// One table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub doc: &'static str,
    /// Columns before the metrics.
    pub head: &'static [Column],
    /// The kind of subject whose metrics are its columns.
    pub metrics: Option<SubjectKind>,
    /// Partition columns, last in every row.
    pub partition: &'static [Column],
}

const ACCOUNT: [Column; 2] =
    [must("platform", Type::Text, "the platform's name"), must("account", Type::Text, "platform/name")];
const VALIDITY: [Column; 2] = [
    must("recorded_at", Type::Instant, "when we wrote it: the row is valid from here"),
    may("superseded_at", Type::Instant, "until when it was valid; null while it is current"),
];
const TRACE: [Column; 4] = [
    must("source", Type::Text, "endpoint or layout"),
    may("run", Type::Text, "the run that brought it"),
    must("stream", Type::Text, "the stream of its page in the table pages"),
    must("sequence", Type::Int, "the number of its page in that stream"),
];
const WINDOW: [Column; 4] = [
    must("window", Type::Text, "at, day or period"),
    must(
        "day",
        Type::Date,
        "first local day of the window; of a reading, the local day that it closes: at midnight the day before",
    ),
    must("end_day", Type::Date, "the day after the last"),
    may("at", Type::Instant, "the instant of a reading"),
];
const ORIGIN: [Column; 2] = [
    must("traffic", Type::Text, "organic, paid, total or unknown"),
    must("provenance", Type::Text, "api, export, public or import"),
];
const OBSERVED: [Column; 4] = [
    must("observed_at", Type::Instant, "when the source read it (the newest, where several sources meet)"),
    must("observed_estimated", Type::Flag, "observed_at is only a lower bound"),
    must("provisional", Type::Flag, "may still change"),
    may(
        "flags",
        Type::Text,
        "per metric: capped, censored, estimated, reset, definition version, as metric=flag;…",
    ),
];
const MERGED: [Column; 3] = [
    may(
        "origins",
        Type::Text,
        "JSON, where sources meet in one row: metric → observed_at, source, stream, sequence",
    ),
    may("currency", Type::Text, "ISO 4217 code of the money in the row"),
    may(
        "confirmed_at",
        Type::Instant,
        "when the same numbers were last read again unchanged, where that was later than observed_at",
    ),
];

/// Current and superseded rows stand apart, by month of the window.
const CURRENT_MONTH: [Column; 2] = [
    must("current", Type::Flag, "whether the row is valid now"),
    must("month", Type::Text, "YYYY-MM of the window"),
];

macro_rules! columns {
    ($($part:expr),+ $(,)?) => {{
        const LENGTH: usize = 0 $(+ $part.len())+;
        const ALL: [Column; LENGTH] = {
            let mut all = [must("", Type::Text, ""); LENGTH];
            let mut at = 0;
            $(
                let part = $part;
                let mut i = 0;
                while i < part.len() {
                    all[at] = part[i];
                    at += 1;
                    i += 1;
                }
            )+
            let _ = at;
            all
        };
        &ALL
    }};
}

const SUBJECT: [Column; 1] = [must("subject", Type::Text, "the platform's id of it")];
const POST: [Column; 1] = [must("post", Type::Text, "the platform's id of the post")];
const SEGMENTED: [Column; 4] = [
    must("subject_kind", Type::Text, "account, post, media, campaign, topic or location"),
    must("subject", Type::Text, "the platform's id of it; empty for the account itself"),
    must("segment_dimension", Type::Text, "what it is split by"),
    must("segment_value", Type::Text, "which part"),
];

/// Facts about posts.
pub const POST_FACTS: Table = Table {
    name: "post_facts",
    doc: "what sources said of posts: one row per post, window, traffic and provenance",
    head: columns!(ACCOUNT, POST, WINDOW, ORIGIN, OBSERVED, VALIDITY, TRACE, MERGED),
    metrics: Some(SubjectKind::Post),
    partition: &CURRENT_MONTH,
};
/// Facts about accounts.
pub const ACCOUNT_FACTS: Table = Table {
    name: "account_facts",
    doc: "what sources said of accounts",
    head: columns!(ACCOUNT, WINDOW, ORIGIN, OBSERVED, VALIDITY, TRACE, MERGED),
    metrics: Some(SubjectKind::Account),
    partition: &CURRENT_MONTH,
};
/// Facts about media.
pub const MEDIA_FACTS: Table = Table {
    name: "media_facts",
    doc: "what sources said of media, which may stand in several posts",
    head: columns!(ACCOUNT, SUBJECT, WINDOW, ORIGIN, OBSERVED, VALIDITY, TRACE, MERGED),
    metrics: Some(SubjectKind::Media),
    partition: &CURRENT_MONTH,
};
/// Facts about campaigns.
pub const CAMPAIGN_FACTS: Table = Table {
    name: "campaign_facts",
    doc: "what sources said of advertising campaigns",
    head: columns!(ACCOUNT, SUBJECT, WINDOW, ORIGIN, OBSERVED, VALIDITY, TRACE, MERGED),
    metrics: Some(SubjectKind::Campaign),
    partition: &CURRENT_MONTH,
};
/// Facts about topics.
pub const TOPIC_FACTS: Table = Table {
    name: "topic_facts",
    doc: "what sources said of hashtags and topics",
    head: columns!(ACCOUNT, SUBJECT, WINDOW, ORIGIN, OBSERVED, VALIDITY, TRACE, MERGED),
    metrics: Some(SubjectKind::Topic),
    partition: &CURRENT_MONTH,
};
/// Facts about locations.
pub const LOCATION_FACTS: Table = Table {
    name: "location_facts",
    doc: "what sources said of review channels and websites",
    head: columns!(ACCOUNT, SUBJECT, WINDOW, ORIGIN, OBSERVED, VALIDITY, TRACE, MERGED),
    metrics: Some(SubjectKind::Location),
    partition: &CURRENT_MONTH,
};
/// Facts about segments of any subject, one metric a row.
pub const SEGMENT_FACTS: Table = Table {
    name: "segment_facts",
    doc: "what sources said of parts of a subject: readers by entry scene, followers by age; one metric a row",
    head: columns!(ACCOUNT, SEGMENTED, WINDOW, ORIGIN, OBSERVED, VALIDITY, TRACE, MERGED, LONG),
    metrics: None,
    partition: &CURRENT_MONTH,
};
/// Project metrics and others without a column of their own, one metric a row.
pub const OTHER_FACTS: Table = Table {
    name: "other_facts",
    doc: "metrics that a project declared, and others without a column of their own; one metric a row",
    head: columns!(ACCOUNT, KINDED, WINDOW, ORIGIN, OBSERVED, VALIDITY, TRACE, MERGED, LONG),
    metrics: None,
    partition: &CURRENT_MONTH,
};
const KINDED: [Column; 2] = [
    must("subject_kind", Type::Text, "account, post, media, campaign, topic or location"),
    must("subject", Type::Text, "the platform's id of it; empty for the account itself"),
];
const LONG: [Column; 4] = [
    must("metric", Type::Text, "the metric's id"),
    may("count", Type::Int, "its number, where it is a whole one"),
    may("real", Type::Real, "its number, where it is a rate, seconds or a score"),
    may("money", Type::Money, "its number, where it is money"),
];

/// Differences of successive readings.
pub const POST_DAILY: Table = Table {
    name: "post_daily",
    doc: "what happened to posts by day: differences of successive readings with the days they span, and days as a platform gave them",
    head: columns!(ACCOUNT, POST, DAILY, ORIGIN, DAILY_OBSERVED, VALIDITY),
    metrics: Some(SubjectKind::Post),
    partition: &CURRENT_MONTH,
};
const DAILY: [Column; 4] = [
    must("day", Type::Date, "first local day that the difference spans"),
    must("end_day", Type::Date, "the day after the last; the month of the row is that of its last day"),
    must(
        "method",
        Type::Text,
        "difference, given by the platform, or both: some metrics are given, the others differences",
    ),
    may("published_day", Type::Date, "the local day on which the post was published, where known"),
];
const DAILY_OBSERVED: [Column; 4] = [
    must("observed_at", Type::Instant, "when the later reading was taken"),
    must("provisional", Type::Flag, "may still change"),
    may("flags", Type::Text, "per metric: reset, capped …"),
    may("currency", Type::Text, "ISO 4217 code of the money in the row"),
];

/// What happened to posts, added up.
pub const DAILY_ROLLUP: Table = Table {
    name: "daily_rollup",
    doc: "the valid rows of post_daily added up over posts, for current questions: one row per account, span of days, traffic, format, category, campaign and set of metrics that the rows tell",
    head: columns!(ACCOUNT, ROLLED_UP, ORIGIN, ROLLUP),
    metrics: Some(SubjectKind::Post),
    partition: &MONTH,
};
const ROLLED_UP: [Column; 2] = [
    must("day", Type::Date, "first local day that the rows span"),
    must("end_day", Type::Date, "the day after the last; the month of the row is that of its last day"),
];
const ROLLUP: [Column; 7] = [
    must("provisional", Type::Flag, "whether the rows may still change"),
    may("format", Type::Text, "format of the posts"),
    may("category", Type::Text, "category of the posts"),
    may("campaign", Type::Text, "campaign of the posts"),
    may("currency", Type::Text, "ISO 4217 code of the money in the row"),
    must("rows", Type::Int, "how many rows of post_daily it adds up"),
    must("observed_at", Type::Instant, "when the newest of the readings was taken"),
];
const MONTH: [Column; 1] = [must("month", Type::Text, "YYYY-MM of the last day")];

/// The newest reading of every post.
pub const POST_LIFETIME: Table = Table {
    name: "post_lifetime",
    doc: "the newest readings of every post and traffic, for current questions; rank 0 is the newest, an older one is kept while no single newer one holds all its metrics",
    head: columns!(ACCOUNT, POST, LIFETIME, ORIGIN, OBSERVED, RECORDED, TRACE, LIFETIME_MONEY),
    metrics: Some(SubjectKind::Post),
    partition: &PUBLISHED_MONTH,
};
const LIFETIME: [Column; 5] = [
    may("published_at", Type::Instant, "when the post was published, where known"),
    may("published_day", Type::Date, "its local day"),
    must("at", Type::Instant, "the instant of the reading"),
    must("day", Type::Date, "the local day that it closes"),
    must("rank", Type::Int, "0 for the newest reading"),
];
const RECORDED: [Column; 1] = [must("recorded_at", Type::Instant, "when we wrote it")];
const LIFETIME_MONEY: [Column; 1] = [may("currency", Type::Text, "ISO 4217 code of the money in the row")];
const PUBLISHED_MONTH: [Column; 1] =
    [must("month", Type::Text, "YYYY-MM of publishing; unknown where it is not known")];

/// Accounts, newest wins, history kept.
pub const ACCOUNTS: Table = Table {
    name: "accounts",
    doc: "what is known of accounts; newest wins, history kept",
    head: columns!(ACCOUNT, ACCOUNT_DIMENSION, VALIDITY),
    metrics: None,
    partition: &CURRENT,
};
const ACCOUNT_DIMENSION: [Column; 13] = [
    may("platform_id", Type::Text, "the platform's own id"),
    may("handle", Type::Text, "the handle as the platform shows it"),
    may("brand", Type::Text, "the brand it belongs to"),
    may("market", Type::Text, "the market it speaks to"),
    must("zone", Type::Text, "IANA zone of its days"),
    may("currency", Type::Text, "ISO 4217 code of its money"),
    may("size_class", Type::Text, "size class, for benchmarks"),
    may("first_observed_at", Type::Instant, "the instant from which on its numbers are known"),
    may("first_own_at", Type::Instant, "the same of own numbers: all but public ones"),
    may(
        "first_public_at",
        Type::Instant,
        "the same of public numbers; an account that has these alone is of others",
    ),
    must("configured", Type::Flag, "whether the configuration names it"),
    must("observed_at", Type::Instant, "when the newest of it was said"),
    may("origins", Type::Text, "JSON, where its parts were said at different times: column → when"),
];
/// Posts, newest wins, history kept.
pub const POSTS: Table = Table {
    name: "posts",
    doc: "what is known of posts; newest wins, history kept",
    head: columns!(ACCOUNT, POST, POST_DIMENSION, VALIDITY),
    metrics: None,
    partition: &CURRENT,
};
const POST_DIMENSION: [Column; 16] = [
    may("published_at", Type::Instant, "when it was published; null where no source tells more than the day"),
    may("published_day", Type::Date, "its local day"),
    may("format", Type::Text, "post, reply, video, image, article …"),
    may("title", Type::Text, "headline"),
    may("text", Type::Text, "the words of it"),
    may("url", Type::Text, "where it stands"),
    may("language", Type::Text, "BCP 47 language"),
    may("tags", Type::Text, "JSON array of hashtags and labels"),
    may("category", Type::Text, "the category it was put into"),
    may("campaign", Type::Text, "the campaign it belongs to"),
    may("product_type", Type::Text, "the platform's product type"),
    may("is_reply", Type::Flag, "whether it answers another post"),
    may("deleted_at", Type::Instant, "when it was first seen to be gone"),
    may(
        "earlier_ids",
        Type::Text,
        "ids of ours that it stood under before the platform's was known, a space between them",
    ),
    must("observed_at", Type::Instant, "when the source said so"),
    may("origins", Type::Text, "JSON, where its parts were said at different times: column → when"),
];
const CURRENT: [Column; 1] = [must("current", Type::Flag, "whether the row is valid now")];

/// The journal.
pub const PAGES: Table = Table {
    name: "pages",
    doc: "the journal: one row per fetched page or imported file; its newest row per stream is the checkpoint",
    head: &[
        must("stream", Type::Text, "platform/name:endpoint"),
        must("sequence", Type::Int, "the page's number in its stream, from 1"),
        must("platform", Type::Text, "the platform whose adapter decodes it; files for imported files"),
        must("endpoint", Type::Text, "endpoint or layout"),
        must("observed_at", Type::Instant, "when it was read at the source"),
        must("recorded_at", Type::Instant, "when we wrote it"),
        may("run", Type::Text, "the run that brought it"),
        must("job", Type::Text, "JSON: the job, with a file's layout or map"),
        may("window_start", Type::Date, "first day that the job asks for"),
        may("window_end", Type::Date, "the day after the last"),
        may("cursor", Type::Text, "the cursor it was asked with; null at the start"),
        may("next_cursor", Type::Text, "the cursor that follows; null when the job was done"),
        must("done", Type::Flag, "whether the job was done with it"),
        may("request", Type::Text, "the request without secrets"),
        must("digest", Type::Text, "BLAKE3 of the body"),
        must("bytes", Type::Int, "length of the body"),
        may("content_type", Type::Text, "what the other side called it"),
        may("body", Type::Bytes, "the body, scrubbed, zstd; null once retention emptied it"),
    ],
    metrics: None,
    partition: &[],
};
/// Rows set aside.
pub const REJECTS: Table = Table {
    name: "rejects",
    doc: "rows that could not be read, with reason and raw text",
    head: &[
        must("stream", Type::Text, "the stream of its page"),
        must("sequence", Type::Int, "the number of its page"),
        may("account", Type::Text, "whose row it was, where known"),
        must("source", Type::Text, "endpoint or layout"),
        must("place", Type::Text, "where in the file or body"),
        must("reason", Type::Text, "why"),
        must("raw", Type::Text, "the raw text"),
        must("recorded_at", Type::Instant, "when we wrote it"),
    ],
    metrics: None,
    partition: &[],
};
/// Finished runs.
pub const RUNS: Table = Table {
    name: "runs",
    doc: "finished runs",
    head: &[
        must("run", Type::Text, "its id"),
        must("kind", Type::Text, "ingest, import, backfill"),
        must("started_at", Type::Instant, "when it began"),
        must("finished_at", Type::Instant, "when it ended"),
        must("outcome", Type::Text, "done, partial, deferred, failed, cancelled"),
        must("pages", Type::Int, "pages committed"),
        must("measurements", Type::Int, "measurements decoded"),
        must("rejects", Type::Int, "rows set aside"),
        must("calls", Type::Int, "calls made"),
        may("cost_usd", Type::Money, "money spent, in US dollars"),
        may("error", Type::Text, "the first error, without secrets"),
        may("detail", Type::Text, "JSON: per account and endpoint"),
    ],
    metrics: None,
    partition: &[],
};
/// Stored evaluations.
pub const EVALUATIONS: Table = Table {
    name: "evaluations",
    doc: "scorecards as they were said; the same answer again is kept once",
    head: &[
        must("evaluation", Type::Text, "its id; one per run of evaluate"),
        must("evaluated_at", Type::Instant, "when it was said first"),
        may("as_of", Type::Instant, "as of when, where that was asked"),
        must("kpi", Type::Text, "the KPI's id"),
        must("version", Type::Int, "its version"),
        must("scope", Type::Text, "JSON"),
        must("start", Type::Date, "first day of the period"),
        must("end", Type::Date, "the day after the last"),
        may("value", Type::Real, "the value"),
        must("status", Type::Text, "the status"),
        must("row", Type::Text, "JSON: the whole scorecard row"),
    ],
    metrics: None,
    partition: &[],
};
/// Decisions attached to evaluations.
pub const DECISIONS: Table = Table {
    name: "decisions",
    doc: "what was decided, why and by whom",
    head: &[
        must("decision", Type::Text, "its id"),
        must("decided_at", Type::Instant, "when"),
        must("kpi", Type::Text, "the KPI it is about"),
        may("evaluation", Type::Text, "the evaluation it answers"),
        must("what", Type::Text, "what is changed"),
        may("why", Type::Text, "why"),
        may("by", Type::Text, "by whom"),
        may("version", Type::Int, "the KPI's version"),
        may("start", Type::Date, "first day of the period that it answers"),
        may("end", Type::Date, "the day after the last"),
        may("value", Type::Real, "what the KPI came to in that period, as it was said then"),
    ],
    metrics: None,
    partition: &[],
};
/// Signals that were there, as runs said them: the memory of later runs.
pub const SIGNALS: Table = Table {
    name: "signals",
    doc: "signals that were there, as runs said them; one row per signal, scope and day up to which was looked",
    head: &[
        must("looked_at", Type::Instant, "when"),
        must("signal", Type::Text, "P1 to P8, anomaly, shift, chart"),
        must("kpi", Type::Text, "the KPI's id"),
        must("version", Type::Int, "its version"),
        must("scope", Type::Text, "JSON"),
        must("start", Type::Date, "first of the days that were looked at"),
        must("end", Type::Date, "the day after the last"),
        must("through", Type::Date, "the last day up to which the run looked"),
        must("outcome", Type::Text, "fired, continues, cooling_down, ended"),
        may("effect", Type::Real, "how large it is"),
        may("p", Type::Real, "the p-value, where a test tells"),
        may("q", Type::Real, "the q-value over all tests of the run"),
        must("row", Type::Text, "JSON: the whole signal"),
    ],
    metrics: None,
    partition: &[],
};

/// All tables, the journal first.
pub const ALL: [Table; 19] = [
    PAGES,
    POST_FACTS,
    ACCOUNT_FACTS,
    MEDIA_FACTS,
    CAMPAIGN_FACTS,
    TOPIC_FACTS,
    LOCATION_FACTS,
    SEGMENT_FACTS,
    OTHER_FACTS,
    POST_DAILY,
    DAILY_ROLLUP,
    POST_LIFETIME,
    ACCOUNTS,
    POSTS,
    REJECTS,
    RUNS,
    EVALUATIONS,
    DECISIONS,
    SIGNALS,
];

impl Table {
    /// All columns in order: head, metrics, partition.
    #[must_use]
    pub fn columns(&self) -> Vec<(String, Type, bool)> {
        let head = self.head.iter().map(|column| (column.name.to_owned(), column.ty, column.nullable));
        let metrics = self
            .metrics
            .into_iter()
            .flat_map(|subject| Catalogue::builtin().columns(subject))
            .map(|metric| (metric.id.as_str().to_owned(), metric_type(metric), true));
        let partition =
            self.partition.iter().map(|column| (column.name.to_owned(), column.ty, column.nullable));
        head.chain(metrics).chain(partition).collect()
    }
}

/// The type of a metric's column: counts are whole, money is decimal, rates, seconds and scores are real.
#[must_use]
pub fn metric_type(metric: &Metric) -> Type {
    match (metric.nature, metric.unit) {
        (Nature::Money, _) => Type::Money,
        (Nature::Ratio | Nature::Mean, _) | (_, Unit::Seconds | Unit::Ratio | Unit::Score) => Type::Real,
        _ => Type::Int,
    }
}

/// The table of facts about a kind of subject.
#[must_use]
pub fn facts_of(subject: SubjectKind) -> &'static Table {
    match subject {
        SubjectKind::Account => &ACCOUNT_FACTS,
        SubjectKind::Post => &POST_FACTS,
        SubjectKind::Media => &MEDIA_FACTS,
        SubjectKind::Campaign => &CAMPAIGN_FACTS,
        SubjectKind::Topic => &TOPIC_FACTS,
        SubjectKind::Location => &LOCATION_FACTS,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn columns_are_unique_and_no_metric_hides_a_key() {
        for table in ALL {
            let columns = table.columns();
            let names: HashSet<_> = columns.iter().map(|(name, ..)| name).collect();
            assert_eq!(names.len(), columns.len(), "{} names a column twice", table.name);
        }
    }
}
