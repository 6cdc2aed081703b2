//! Facts about accounts, campaigns, topics, locations and media: few rows, read once, folded here.

use std::collections::BTreeSet;

use datafusion::{
    dataframe::DataFrame,
    logical_expr::{Expr, col, lit},
    prelude::SessionContext,
};
use jiff::{Timestamp, civil::Date};
use kepi_core::{
    Catalogue, MetricId, Result, SubjectKind, Traffic, WindowKind,
    tables::{Table, facts_of},
};
use smol_str::SmolStr;

use super::{
    expression::valid,
    request::EvaluationRequest,
    scope::Scopes,
    slices::{date, touching},
    table::{Numbers, Rows, day, failed, instant, text},
    wanted::{of_accounts, spans_of, traffic_named},
};
use crate::{
    formula::{Fold, Gauge, Origin},
    kpi::{Kpi, Side},
    number::Number,
};

/// A metric, and the part of the subject it is said of.
pub(super) type Measure = (MetricId, Option<(SmolStr, SmolStr)>);

/// What one source said of one subject in one window.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) account: u32,
    pub(super) subject: SmolStr,
    pub(super) window: WindowKind,
    pub(super) from: Date,
    pub(super) until: Date,
    pub(super) at: Option<Timestamp>,
    pub(super) traffic: Traffic,
    pub(super) side: Side,
    pub(super) observed: Option<Timestamp>,
    pub(super) provisional: bool,
    pub(super) currency: Option<SmolStr>,
    /// One per measure of [`Facts::measures`].
    pub(super) values: Vec<Option<Number>>,
}

/// The records of one kind of subject, by account, subject and time.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) kind: SubjectKind,
    pub(super) measures: Vec<Measure>,
    pub(super) records: Vec<Record>,
    revocable: Vec<bool>,
}

impl Facts {
    /// The place of a gauge among the measures.
    pub(super) fn place(&self, gauge: &Gauge) -> Option<usize> {
        self.measures
            .iter()
            .position(|(metric, segment)| *metric == gauge.metric && *segment == gauge.segment)
    }

    /// Whether a running total of a measure may fall because people take back.
    pub(super) fn revocable(&self, place: usize) -> bool {
        self.revocable.get(place).copied().unwrap_or(true)
    }

    /// The subjects that an account has records of.
    pub(super) fn subjects(&self, account: u32) -> BTreeSet<SmolStr> {
        self.of(account).iter().map(|record| record.subject.clone()).collect()
    }

    /// The same facts with the records of one subject only.
    pub(super) fn of_subject(&self, account: u32, subject: &str) -> Self {
        let own = self.of(account).iter().filter(|record| record.subject == subject).cloned().collect();
        Self {
            kind: self.kind,
            measures: self.measures.clone(),
            records: own,
            revocable: self.revocable.clone(),
        }
    }

    /// The records of an account.
    pub(super) fn of(&self, account: u32) -> &[Record] {
        let start = self.records.partition_point(|record| record.account < account);
        let end = self.records.partition_point(|record| record.account <= account);
        self.records.get(start..end).unwrap_or_default()
    }
}

/// Reads the facts of every kind of subject that a KPI wants.
pub(super) async fn read(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    scopes: &mut Scopes,
    kpis: &[&Kpi],
) -> Result<Vec<Facts>> {
    let mut all = Vec::new();
    for kind in SubjectKind::ALL {
        let kpis: Vec<&Kpi> =
            kpis.iter().copied().filter(|kpi| kpi.program.subjects().contains(&kind)).collect();
        if kpis.is_empty() {
            continue;
        }
        let measures = measures(kind, &kpis);
        let mut facts = Facts { kind, revocable: revocable(&measures), measures, records: Vec::new() };
        for planned in plans(ctx, request, kind, &kpis).await? {
            let rows = Rows::collect(planned.frame).await?;
            take(&mut facts, &rows, planned.table, scopes)?;
        }
        let key = |record: &Record| {
            (record.account, record.subject.clone(), record.from, record.until, record.at, record.observed)
        };
        facts.records.sort_by_cached_key(key);
        all.push(facts);
    }
    Ok(all)
}

/// A plan and the table it scans.
pub(super) struct Planned {
    pub(super) frame: DataFrame,
    pub(super) table: &'static Table,
}

/// One scan of each table of facts about a kind of subject: the wide one, segments, and project metrics.
pub(super) async fn plans(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    kind: SubjectKind,
    kpis: &[&Kpi],
) -> Result<Vec<Planned>> {
    let kpis: Vec<&Kpi> = kpis.iter().copied().filter(|kpi| kpi.program.subjects().contains(&kind)).collect();
    if kpis.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = wanted(request, kind, &kpis);
    let mut plans = Vec::new();
    for table in [facts_of(kind), &kepi_core::tables::SEGMENT_FACTS, &kepi_core::tables::OTHER_FACTS] {
        let own: Vec<Measure> = measures(kind, &kpis)
            .into_iter()
            .filter(|measure| table_of(kind, measure) == table.name)
            .collect();
        if own.is_empty() {
            continue;
        }
        let metrics: BTreeSet<&str> = own.iter().map(|(metric, _)| metric.as_str()).collect();
        let mut columns: Vec<Expr> = HEAD.map(col).into();
        let mut condition = wanted.clone();
        if table.metrics.is_some() {
            columns.extend(
                table.head.iter().filter(|column| column.name == "subject").map(|column| col(column.name)),
            );
            columns.extend(metrics.iter().map(|metric| col(*metric)));
            let said = metrics.iter().map(|metric| col(*metric).is_not_null()).reduce(Expr::or);
            condition = condition.and(said.unwrap_or_else(|| lit(true)));
        } else {
            columns.extend(["subject", "metric", "count", "real", "money"].map(col));
            columns.extend(
                table
                    .head
                    .iter()
                    .filter(|column| column.name.starts_with("segment"))
                    .map(|column| col(column.name)),
            );
            condition = condition
                .and(col("subject_kind").eq(lit(kind.as_str())))
                .and(col("metric").in_list(metrics.into_iter().map(lit).collect(), false));
        }
        let frame = ctx.table(table.name).await.map_err(failed)?.filter(condition).map_err(failed)?;
        plans.push(Planned { frame: frame.select(columns).map_err(failed)?, table });
    }
    Ok(plans)
}

const HEAD: [&str; 10] = [
    "account",
    "window",
    "day",
    "end_day",
    "at",
    "traffic",
    "provenance",
    "observed_at",
    "provisional",
    "currency",
];

/// Rows that are valid and touch the spans; of states and running totals those before them as well.
fn wanted(request: &EvaluationRequest, kind: SubjectKind, kpis: &[&Kpi]) -> Expr {
    let spans = spans_of(request, kpis);
    let end = spans.iter().map(|span| span.end).max().unwrap_or(Date::MIN);
    let states = kpis.iter().flat_map(|kpi| &kpi.program.parts).any(|part| {
        part.origin == Origin::Subject(kind)
            && matches!(part.fold, Fold::Last | Fold::First | Fold::MeanOfDays)
    });
    let before = col("day").lt(date(end));
    let in_time = if states {
        before
    } else {
        touching("day", "end_day", &spans).or(col("window").eq(lit("at")).and(before))
    };
    let wanted = valid(request.as_of).and(in_time);
    of_accounts(request, kpis).map_or(wanted.clone(), |accounts| wanted.and(accounts))
}

fn measures(kind: SubjectKind, kpis: &[&Kpi]) -> Vec<Measure> {
    let mut measures: Vec<Measure> = kpis
        .iter()
        .flat_map(|kpi| kpi.program.gauges(Origin::Subject(kind)))
        .map(|gauge| (gauge.metric.clone(), gauge.segment.clone()))
        .collect();
    measures.sort();
    measures.dedup();
    measures
}

fn revocable(measures: &[Measure]) -> Vec<bool> {
    let of = |(metric, _): &Measure| {
        Catalogue::builtin().get(metric.as_str()).is_none_or(|metric| metric.revocable)
    };
    measures.iter().map(of).collect()
}

fn table_of(kind: SubjectKind, (metric, segment): &Measure) -> &'static str {
    if segment.is_some() {
        kepi_core::tables::SEGMENT_FACTS.name
    } else if Catalogue::builtin().has_column(kind, metric) {
        facts_of(kind).name
    } else {
        kepi_core::tables::OTHER_FACTS.name
    }
}

fn take(facts: &mut Facts, rows: &Rows, table: &Table, scopes: &mut Scopes) -> Result<()> {
    let (account, window, traffic) = (rows.texts("account")?, rows.texts("window")?, rows.texts("traffic")?);
    let (provenance, currency) = (rows.texts("provenance")?, rows.texts("currency")?);
    let (from, until) = (rows.dates("day")?, rows.dates("end_day")?);
    let (at, observed, provisional) =
        (rows.instants("at")?, rows.instants("observed_at")?, rows.flags("provisional")?);
    let subject = if facts.kind == SubjectKind::Account { None } else { Some(rows.texts("subject")?) };
    let values = Values::of(facts, rows, table)?;
    for row in 0..rows.len() {
        let (Some(from), Some(until)) = (day(&from, row), day(&until, row)) else { continue };
        facts.records.push(Record {
            account: scopes.account(account.value(row)),
            subject: subject.as_ref().and_then(|subject| text(subject, row)).unwrap_or_default(),
            window: match window.value(row) {
                "at" => WindowKind::At,
                "day" => WindowKind::Day,
                _ => WindowKind::Period,
            },
            from,
            until,
            at: instant(&at, row),
            traffic: traffic_named(traffic.value(row)),
            side: if provenance.value(row) == "public" { Side::Public } else { Side::Own },
            observed: instant(&observed, row),
            provisional: provisional.value(row),
            currency: text(&currency, row),
            values: values.row(row),
        });
    }
    Ok(())
}

/// The numbers of rows, wide or long.
enum Values {
    Wide(Vec<Option<Numbers>>),
    Long { numbers: Box<[Numbers; 3]>, places: Vec<Option<usize>>, measures: usize },
}

impl Values {
    fn of(facts: &Facts, rows: &Rows, table: &Table) -> Result<Self> {
        if table.metrics.is_some() {
            let column = |measure: &Measure| {
                let own = table_of(facts.kind, measure) == table.name;
                own.then(|| rows.numbers(measure.0.as_str())).transpose()
            };
            return Ok(Self::Wide(facts.measures.iter().map(column).collect::<Result<_>>()?));
        }
        let metric = rows.texts("metric")?;
        let segments = table.name == kepi_core::tables::SEGMENT_FACTS.name;
        let segment = if segments {
            Some((rows.texts("segment_dimension")?, rows.texts("segment_value")?))
        } else {
            None
        };
        let place = |row: usize| {
            let segment = segment.as_ref().map(|(dimension, value)| {
                (text(dimension, row).unwrap_or_default(), text(value, row).unwrap_or_default())
            });
            facts.measures.iter().position(|(id, of)| id.as_str() == metric.value(row) && *of == segment)
        };
        let places = (0..rows.len()).map(place).collect();
        let numbers = [rows.numbers("count")?, rows.numbers("real")?, rows.numbers("money")?];
        Ok(Self::Long { numbers: Box::new(numbers), places, measures: facts.measures.len() })
    }

    fn row(&self, row: usize) -> Vec<Option<Number>> {
        match self {
            Self::Wide(columns) => {
                columns.iter().map(|column| column.as_ref().and_then(|column| column.get(row))).collect()
            }
            Self::Long { numbers, places, measures } => {
                let mut values = vec![None; *measures];
                if let Some(place) = places.get(row).copied().flatten()
                    && let Some(slot) = values.get_mut(place)
                {
                    *slot = numbers.iter().find_map(|column| column.get(row));
                }
                values
            }
        }
    }
}
