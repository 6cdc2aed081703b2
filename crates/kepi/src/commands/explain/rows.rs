//! The rows behind a number, as SQL over the tables: those that the evaluation folded, each with the page that brought
//! it. A test adds them up again.

use std::collections::BTreeSet;

use kepi_core::{Catalogue, DateSpan, SubjectKind, Traffic, tables::facts_of};
use kepi_engine::{
    Kpi, ScoreRow, accounts_of_side,
    formula::{Fold, Gauge, Origin, Selector},
};

use super::part::{Part, quoted};

/// One set of rows: what they are, and how they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Behind {
    pub(super) what: String,
    pub(super) sql: String,
    /// Whether it is left out where it has no rows.
    pub(super) may_be_empty: bool,
}

impl Behind {
    fn new(what: impl Into<String>, sql: String) -> Self {
        Self { what: what.into(), sql, may_be_empty: false }
    }
}

/// The rows that the parts of a KPI are folded from, for a row of its scorecard.
pub(super) fn behind(kpi: &Kpi, row: &ScoreRow, part: &Part<'_>) -> Vec<Behind> {
    let asked = Asked { kpi, part, span: part.span, traffic: row.traffic };
    let mut all: Vec<Behind> = asked.of_posts();
    all.extend(kpi.program.reads(Origin::Known).then(|| asked.known()));
    for kind in kpi.program.subjects() {
        all.extend(asked.of_subjects(kind));
    }
    all
}

struct Asked<'a> {
    kpi: &'a Kpi,
    part: &'a Part<'a>,
    span: DateSpan,
    traffic: Option<Traffic>,
}

/// That rows `f` are of the KPI's side.
pub(super) fn of_side(kpi: &Kpi) -> String {
    let side = if kpi.provenance == kepi_engine::Side::Public { "=" } else { "<>" };
    format!("f.provenance {side} 'public'")
}

/// Where a row came from: its source, its run, its page, the digest of the page's body.
const PAGE: &str = "f.source, f.run, f.stream, f.sequence, p.digest";
const PAGES: &str = "left join pages p on p.stream = f.stream and p.sequence = f.sequence";

/// A number that has no column of its own stands in a table with one metric a row.
fn in_columns(kind: SubjectKind, gauge: &Gauge) -> bool {
    gauge.segment.is_none() && Catalogue::builtin().has_column(kind, &gauge.metric)
}

fn listed(metrics: &BTreeSet<String>, of: impl Fn(&str) -> String, between: &str) -> String {
    metrics.iter().map(|metric| of(metric)).collect::<Vec<_>>().join(between)
}

impl Asked<'_> {
    /// Whose rows: of the KPI's platforms and the part's accounts, its side, and one traffic.
    fn whose(&self, any_traffic: bool) -> String {
        let platforms: Vec<String> = self.kpi.platforms.iter().map(|name| format!("'{name}'")).collect();
        let mut conditions = Vec::new();
        if !platforms.is_empty() {
            conditions.push(format!("f.platform in ({})", platforms.join(", ")));
        }
        conditions.extend(self.part.of_accounts());
        conditions.push(of_side(self.kpi));
        if let Some(traffic) = self.traffic.filter(|_| !any_traffic) {
            conditions.push(format!("f.traffic = '{}'", traffic.as_str()));
        }
        conditions.join(" and ")
    }

    /// The days of the period, of rows that span some.
    fn within(&self) -> String {
        format!("f.day >= date '{}' and f.end_day <= date '{}'", self.span.start, self.span.end)
    }

    /// The days on which posts were published, and which posts.
    fn published(&self, posts: &str) -> String {
        let days = format!(
            "{posts}.published_day >= date '{}' and {posts}.published_day < date '{}'",
            self.span.start, self.span.end
        );
        [days].into_iter().chain(self.part.of_posts(posts)).collect::<Vec<_>>().join(" and ")
    }

    /// Numbers of posts: the reading of each that counts, or what happened by day.
    fn of_posts(&self) -> Vec<Behind> {
        let gauges = self.kpi.program.gauges(Origin::Posts);
        let mut selectors: Vec<Selector> = gauges.iter().map(|gauge| gauge.selector).collect();
        selectors.sort_unstable();
        selectors.dedup();
        let one = |selector: Selector| {
            let own = gauges.iter().filter(|gauge| gauge.selector == selector);
            let metrics: BTreeSet<String> = own.map(|gauge| gauge.metric.to_string()).collect();
            match selector {
                Selector::Daily => self.daily(&metrics),
                Selector::Newest => self.readings(&metrics, None),
                Selector::Age(days) => self.readings(&metrics, Some(days)),
            }
        };
        selectors.into_iter().map(one).collect()
    }

    /// The newest reading of each post that holds all metrics, or the one nearest an age.
    fn readings(&self, metrics: &BTreeSet<String>, age: Option<u16>) -> Behind {
        let complete = listed(metrics, |metric| format!("f.{metric} is not null"), " and ");
        let numbers = listed(metrics, |metric| format!("f.{metric}"), ", ");
        let apart = "abs(cast(f.at as bigint) - cast(d.published_at as bigint)";
        let (table, near, order, what) = match age {
            None => ("post_lifetime", String::new(), String::new(), "newest reading of each post".to_owned()),
            Some(days) => {
                let day = 86_400_000_000_i64;
                let age = i64::from(days) * day;
                let within = (age * 15 / 100).max(day);
                (
                    "post_facts",
                    format!(" and f.current and f.window = 'at' and {apart} - {age}) <= {within}"),
                    format!("{apart} - {age}), "),
                    format!("reading of each post nearest the age of {days} days"),
                )
            }
        };
        let sql = format!(
            "select f.account, f.post, f.on_day as published_day, f.at, f.traffic, {numbers}, {PAGE} from (select f.*, d.published_day \
             as on_day, row_number() over (partition by f.account, f.post order by {order}f.at desc, f.observed_at desc) \
             as place from {table} f join posts d on d.account = f.account and d.post = f.post and d.current where \
             {complete} and {} and {}{near}) f {PAGES} where f.place = 1 order by f.account, f.post",
            self.published("d"),
            self.whose(false)
        );
        Behind::new(what, sql)
    }

    /// What happened to posts in the period, with the reading that closes each difference.
    fn daily(&self, metrics: &BTreeSet<String>) -> Behind {
        let complete = listed(metrics, |metric| format!("f.{metric} is not null"), " and ");
        let numbers = listed(metrics, |metric| format!("f.{metric}"), ", ");
        let of_posts = self.part.of_posts("d");
        let posts = "join posts d on d.account = f.account and d.post = f.post and d.current ";
        let posts = if self.kpi.filter.is_some() || !of_posts.is_empty() { posts } else { "" };
        let within = [self.within()].into_iter().chain(of_posts).collect::<Vec<_>>().join(" and ");
        let closing = "left join (select account, post, traffic, provenance, end_day, \
                       last_value(source order by at) as source, last_value(run order by at) as run, \
                       last_value(stream order by at) as stream, last_value(sequence order by at) as sequence \
                       from post_facts where current group by account, post, traffic, provenance, end_day) r \
                       on r.account = f.account and r.post = f.post and r.traffic = f.traffic \
                       and r.provenance = f.provenance and r.end_day = f.end_day \
                       left join pages p on p.stream = r.stream and p.sequence = r.sequence";
        Behind::new(
            "what happened to posts, by the days it spans; the page is that of the closing reading",
            format!(
                "select f.account, f.post, f.day, f.end_day, f.method, f.traffic, {numbers}, r.source, r.run, r.stream, \
                 r.sequence, p.digest from post_daily f {posts}{closing} where f.current and {complete} and {} and {} \
                 order by f.account, f.post, f.day",
                within,
                self.whose(false)
            ),
        )
    }

    /// The posts that are counted: of the accounts that the KPI is about.
    fn known(&self) -> Behind {
        let platforms: Vec<String> = self.kpi.platforms.iter().map(|name| format!("'{name}'")).collect();
        let mut of = vec![self.published("f"), accounts_of_side(self.kpi.provenance)];
        if !platforms.is_empty() {
            of.push(format!("f.platform in ({})", platforms.join(", ")));
        }
        of.extend(self.part.of_accounts());
        Behind::new(
            "posts published in the period",
            format!(
                "select f.account, f.post, f.published_day, f.published_at from posts f where f.current and {} \
                 order by f.account, f.post",
                of.join(" and ")
            ),
        )
    }

    /// Numbers of accounts and others, by how they are folded.
    fn of_subjects(&self, kind: SubjectKind) -> Vec<Behind> {
        let origin = Origin::Subject(kind);
        let of = |folds: &[Fold]| -> BTreeSet<String> {
            let parts = self.kpi.program.parts.iter();
            let mut gauges = Vec::new();
            parts
                .filter(|part| part.origin == origin && folds.contains(&part.fold))
                .for_each(|part| part.row.gauges(&mut gauges));
            let own = gauges.into_iter().filter(|gauge| in_columns(kind, gauge));
            own.map(|gauge| gauge.metric.to_string()).collect()
        };
        let mut all = Vec::new();
        let sums = of(&[Fold::Sum]);
        if !sums.is_empty() {
            all.push(self.flows(kind, &sums));
            all.push(self.differences(kind, &sums));
        }
        for metric in of(&[Fold::Last]) {
            all.push(self.state(kind, &metric, self.span.end, "end"));
        }
        for metric in of(&[Fold::First]) {
            all.push(self.state(kind, &metric, self.span.start, "start"));
        }
        for metric in of(&[Fold::MeanOfDays]) {
            all.push(self.days_of_state(kind, &metric));
        }
        for metric in of(&[Fold::Exact]) {
            all.push(self.exact(kind, &metric));
        }
        all.extend(self.segments(kind));
        all
    }

    fn subject(kind: SubjectKind) -> &'static str {
        if matches!(kind, SubjectKind::Account) { "" } else { "f.subject, " }
    }

    /// What the queries of [`Self::flows`] and [`Self::differences`] begin with: what was told of days and periods, of
    /// several sources the newest observation of each metric, and which of it counts: all days, and of periods where no
    /// day is known those that overlap no earlier one.
    fn counted(&self, kind: SubjectKind, metrics: &BTreeSet<String>) -> String {
        let newest = listed(
            metrics,
            |metric| {
                format!(
                    "last_value(f.{metric} order by f.observed_at) filter (where f.{metric} is not null) as {metric}"
                )
            },
            ", ",
        );
        let any = listed(metrics, |metric| format!("f.{metric} is not null"), " or ");
        let trace: Vec<String> = ["source", "run", "stream", "sequence"]
            .iter()
            .map(|name| format!("last_value(f.{name} order by f.observed_at) as {name}"))
            .collect();
        let subject = Self::subject(kind);
        let series = format!("f.account, {subject}f.traffic");
        let first = format!("row_number() over (partition by {series} order by f.day, f.end_day) as place");
        let place = format!("{series}, f.day, f.end_day");
        format!(
            "with recursive told as (select {place}, f.window, {newest}, {} from {} f where f.current and f.window <> 'at' \
             and ({any}) and {} and {} group by {place}, f.window), \
             free as (select {place} from told f where f.window <> 'day' and not exists (select 1 from told g where \
             g.window = 'day' and {})), \
             kept as (select {place} from (select {place}, {first} from free f) f where f.place = 1 \
             union all select {place} from (select {place}, {first} from kept k join free f on k.account = f.account{} \
             and k.traffic = f.traffic and k.end_day <= f.day) f where f.place = 1), \
             counted as (select f.* from told f where f.window = 'day' or exists (select 1 from kept g where {} and \
             g.day = f.day and g.end_day = f.end_day)) ",
            trace.join(", "),
            facts_of(kind).name,
            self.within(),
            self.whose(false),
            Self::overlapping(kind),
            if subject.is_empty() { "" } else { " and k.subject = f.subject" },
            Self::overlapping(kind),
        )
    }

    /// That `g` is of the same series as `f` and of some of its days.
    fn overlapping(kind: SubjectKind) -> String {
        let same = if Self::subject(kind).is_empty() { "" } else { " and g.subject = f.subject" };
        format!(
            "g.account = f.account{same} and g.traffic = f.traffic and g.day < f.end_day and g.end_day > f.day"
        )
    }

    /// Days and periods as they were given.
    fn flows(&self, kind: SubjectKind, metrics: &BTreeSet<String>) -> Behind {
        let numbers = listed(metrics, |metric| format!("f.{metric}"), ", ");
        let complete = listed(metrics, |metric| format!("f.{metric} is not null"), " and ");
        let subject = Self::subject(kind);
        Behind {
            may_be_empty: false,
            what: format!("what happened to each {}, by the days it spans", kind.as_str()),
            sql: format!(
                "{}select f.account, {subject}f.window, f.day, f.end_day, f.traffic, {numbers}, {PAGE} from counted f {PAGES} \
                 where {complete} order by f.account, {subject}f.day",
                self.counted(kind, metrics),
            ),
        }
    }

    /// Differences of the last readings of each day that hold all metrics, where no day and no period counts: from the
    /// day after one reading to the day of the next. What only grows and yet fell began again from zero.
    fn differences(&self, kind: SubjectKind, metrics: &BTreeSet<String>) -> Behind {
        let subject = Self::subject(kind);
        let newest = |name: &str| format!("last_value(f.{name} order by f.at, f.observed_at) as {name}");
        let trace = ["source", "run", "stream", "sequence"].map(newest).join(", ");
        let read = listed(
            metrics,
            |metric| {
                format!(
                    "last_value(f.{metric} order by f.at, f.observed_at) filter (where f.{metric} is not null) as {metric}"
                )
            },
            ", ",
        );
        let any = listed(metrics, |metric| format!("f.{metric} is not null"), " or ");
        let whole = listed(metrics, |metric| format!("f.{metric} is not null"), " and ");
        let series = format!("over (partition by f.account, {subject}f.traffic order by f.end_day)");
        let before = listed(metrics, |metric| format!("lag(f.{metric}) {series} as {metric}_before"), ", ");
        let change = |metric: &str| {
            let revocable = Catalogue::builtin().get(metric).is_some_and(|metric| metric.revocable);
            let plain = format!("f.{metric} - f.{metric}_before");
            let change = if revocable {
                plain
            } else {
                format!("case when f.{metric} < f.{metric}_before then f.{metric} else {plain} end")
            };
            format!("f.{metric}_before, f.{metric} as {metric}_read, {change} as {metric}")
        };
        Behind {
            what: format!("differences of readings of each {}, by the days they span", kind.as_str()),
            sql: format!(
                "{}select f.account, {subject}f.day, f.end_day, f.traffic, {}, {PAGE} from (select f.*, lag(f.end_day) \
                 {series} as day, {before} from (select f.account, {subject}f.traffic, f.end_day, {read}, {trace} from {} f \
                 where f.current and f.window = 'at' and ({any}) and {} group by f.account, {subject}f.traffic, f.end_day) f \
                 where {whole}) f {PAGES} where f.day is not null and {} and not exists (select 1 from counted g where {}) \
                 order by f.account, {subject}f.day",
                self.counted(kind, metrics),
                listed(metrics, change, ", "),
                facts_of(kind).name,
                self.whose(false),
                self.within(),
                Self::overlapping(kind),
            ),
            may_be_empty: true,
        }
    }

    /// The last known state of each subject before a day.
    fn state(&self, kind: SubjectKind, metric: &str, before: jiff::civil::Date, which: &str) -> Behind {
        let subject = Self::subject(kind);
        Behind {
            may_be_empty: false,
            what: format!("{metric} as it stood at the {which} of the period"),
            sql: format!(
                "select f.account, {subject}f.day, f.at, f.traffic, f.{metric}, {PAGE} from (select f.*, row_number() over \
                 (partition by f.account{} order by f.end_day desc, f.at desc nulls last, f.observed_at desc) as place from \
                 {} f where f.current and f.{metric} is not null and f.end_day <= date '{before}' and {}) f {PAGES} \
                 where f.place = 1 order by f.account",
                if subject.is_empty() { "" } else { ", f.subject" },
                facts_of(kind).name,
                self.whose(true)
            ),
        }
    }

    /// The state of each day on which it was read.
    fn days_of_state(&self, kind: SubjectKind, metric: &str) -> Behind {
        let subject = Self::subject(kind);
        Behind {
            may_be_empty: false,
            what: format!("{metric} of each day on which it was read"),
            sql: format!(
                "select f.account, {subject}f.day, f.end_day, f.traffic, f.{metric}, {PAGE} from (select f.*, row_number() \
                 over (partition by f.account{}, f.end_day order by f.at desc nulls last, f.observed_at desc) as place from \
                 {} f where f.current and f.{metric} is not null and f.end_day > date '{}' and f.end_day <= date '{}' and \
                 {}) f {PAGES} where f.place = 1 order by f.account, f.end_day",
                if subject.is_empty() { "" } else { ", f.subject" },
                facts_of(kind).name,
                self.span.start,
                self.span.end,
                self.whose(true)
            ),
        }
    }

    /// The platform's own figure for exactly the period.
    fn exact(&self, kind: SubjectKind, metric: &str) -> Behind {
        let subject = Self::subject(kind);
        Behind {
            may_be_empty: false,
            what: format!("the platform's own {metric} for exactly the period"),
            sql: format!(
                "select f.account, {subject}f.day, f.end_day, f.traffic, f.{metric}, {PAGE} from {} f {PAGES} where f.current \
                 and f.window <> 'at' and f.{metric} is not null and f.day = date '{}' and f.end_day = date '{}' and {} \
                 order by f.account, f.observed_at desc",
                facts_of(kind).name,
                self.span.start,
                self.span.end,
                self.whose(false)
            ),
        }
    }

    /// Parts of a subject, and metrics that a project declared: one metric a row.
    fn segments(&self, kind: SubjectKind) -> Vec<Behind> {
        let gauges = self.kpi.program.gauges(Origin::Subject(kind));
        let long = gauges.into_iter().filter(|gauge| !in_columns(kind, gauge));
        let one = |gauge: &Gauge| {
            let (table, of) = match &gauge.segment {
                Some((dimension, value)) => (
                    "segment_facts",
                    format!(
                        " and f.segment_dimension = '{}' and f.segment_value = '{}'",
                        quoted(dimension),
                        quoted(value)
                    ),
                ),
                None => ("other_facts", String::new()),
            };
            Behind {
                may_be_empty: false,
                what: format!(
                    "{}{}",
                    gauge.metric,
                    gauge
                        .segment
                        .as_ref()
                        .map_or_else(String::new, |(dimension, value)| format!(" of {dimension} {value}"))
                ),
                sql: format!(
                    "select f.account, f.subject, f.window, f.day, f.end_day, f.traffic, coalesce(cast(f.count as double), \
                     f.real, cast(f.money as double)) as value, {PAGE} from {table} f {PAGES} where f.current and f.metric = \
                     '{}' and f.subject_kind = '{}'{of} and f.end_day > date '{}' and f.day < date '{}' and {} \
                     order by f.account, f.day",
                    gauge.metric,
                    kind.as_str(),
                    self.span.start,
                    self.span.end,
                    self.whose(false)
                ),
            }
        };
        long.map(one).collect()
    }
}
