//! Money and what it brought, source by source: sums of accounts and of their campaigns, each in the attribution of
//! who says it. Nothing is added here across accounts, campaigns, attributions or traffic.

use std::collections::BTreeSet;

use datafusion::{
    logical_expr::{col, lit},
    prelude::SessionContext,
};
use kepi_core::{Catalogue, DateSpan, Error, ErrorKind, Result, SubjectKind, Traffic};
use smol_str::SmolStr;

use super::{
    expression::valid,
    facts::{self, Facts},
    gathered::ObservedTwice,
    request::EvaluationRequest,
    scope::Scopes,
    subjects::{self, Question},
    table::{Rows, failed, text},
};
use crate::{
    fault::Source,
    kpi::{Kpi, Side, parse_kpis},
    number::Number,
};

/// What one account or campaign spent or brought in a span.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) account: SmolStr,
    /// The campaign; empty for the account itself.
    pub(crate) campaign: SmolStr,
    /// Whose counting it is, beside the account's own: the part of the dimension `attribution`.
    pub(crate) attribution: Option<SmolStr>,
    pub(crate) traffic: Traffic,
    pub(crate) metric: &'static str,
    pub(crate) span: DateSpan,
    pub(crate) value: Number,
    pub(crate) currencies: BTreeSet<SmolStr>,
    /// The share of the span's days, as far as they are over, that is known for good.
    pub(crate) settled: f64,
    /// Whether some of it may still change.
    pub(crate) provisional: bool,
    /// Windows that cross the edge of the span and were left out.
    pub(crate) crossing: u64,
}

/// What advertising costs and brings is of paid traffic; a table of one's own seldom says whose it is.
const TRAFFIC: [Traffic; 4] = [Traffic::Paid, Traffic::Total, Traffic::Unknown, Traffic::Organic];

/// Reads metrics of accounts or campaigns over the periods of a request.
pub(crate) async fn ledger(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    kind: SubjectKind,
    metrics: &[&'static str],
) -> Result<Vec<Entry>> {
    let mut columns: Vec<(&'static str, Option<SmolStr>, Kpi)> = Vec::new();
    for metric in metrics {
        columns.push((metric, None, sum_of(kind, metric, None)?));
    }
    for (metric, attribution) in attributions(ctx, request, kind, metrics).await? {
        let kpi = sum_of(kind, metric, Some(&attribution))?;
        columns.push((metric, Some(attribution), kpi));
    }
    let mut scopes = Scopes::read(ctx, request).await?;
    let kpis: Vec<&Kpi> = columns.iter().map(|(.., kpi)| kpi).collect();
    let facts = facts::read(ctx, request, &mut scopes, &kpis).await?;
    let mut entries = Vec::new();
    let Some(facts) = facts.first() else { return Ok(entries) };
    let spans: Vec<DateSpan> = request.framed().iter().map(|framed| framed.span).collect();
    for account in 0..u32::try_from(scopes.accounts.len()).unwrap_or(u32::MAX) {
        let Some(row) = scopes.accounts.get(account as usize) else { continue };
        for campaign in facts.subjects(account) {
            let own = facts.of_subject(account, &campaign);
            for (metric, attribution, kpi) in &columns {
                let Some(traffic) = traffic_of(&own, kpi) else { continue };
                let entry = |span: &DateSpan| {
                    let mut observed = ObservedTwice::default();
                    let question = Question { kpi, traffic, span: *span, today: request.today };
                    let sum = subjects::fold(&own, question, &[account], &mut observed);
                    let elapsed = request.elapsed(*span);
                    Some(Entry {
                        account: row.id.clone(),
                        campaign: campaign.clone(),
                        attribution: attribution.clone(),
                        traffic,
                        metric,
                        span: *span,
                        value: sum.parts.first().copied().flatten()?,
                        settled: super::score::share(
                            observed.settled.count(account, elapsed),
                            u64::try_from(elapsed.days()).unwrap_or(0),
                        )
                        .unwrap_or(0.0),
                        provisional: sum.provisional > 0,
                        crossing: sum.crossing,
                        currencies: sum.currencies,
                    })
                };
                entries.extend(spans.iter().filter_map(entry));
            }
        }
    }
    entries.sort_by(|a, b| {
        let key = |entry: &Entry| (entry.account.clone(), entry.campaign.clone(), entry.span);
        key(a).cmp(&key(b))
    });
    Ok(entries)
}

/// The KPI that sums a metric of one kind of subject. It is read as that of one platform, so that what only one may
/// count is lawful; the sums stay apart by account.
fn sum_of(kind: SubjectKind, metric: &str, attribution: Option<&str>) -> Result<Kpi> {
    let formula = match attribution {
        Some(part) => format!("in_segment({metric}, 'attribution', '{}')", part.replace('\'', "''")),
        None => metric.to_owned(),
    };
    let text = format!(
        "[[kpi]]\nid = \"{}\"\ngoal = \"revenue\"\nplatforms = [\"files\"]\nsubject = \"{}\"\nbasis = \"activity\"\nformula = {}\n",
        metric.replace('_', "-"),
        kind.as_str(),
        serde_json::Value::from(formula),
    );
    let source = Source { name: metric.to_owned(), text };
    let kpi = parse_kpis(&[source], Catalogue::builtin()).ok().and_then(|kpis| kpis.into_iter().next());
    let kpi = kpi.ok_or_else(|| {
        Error::new(ErrorKind::Unexpected, "a sum of the ledger is no formula").with("metric", metric)
    })?;
    Ok(Kpi { platforms: Vec::new(), ..kpi })
}

/// The attributions that sources tell apart, by metric.
async fn attributions(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    kind: SubjectKind,
    metrics: &[&'static str],
) -> Result<BTreeSet<(&'static str, SmolStr)>> {
    let wanted = valid(request.as_of)
        .and(col("segment_dimension").eq(lit("attribution")))
        .and(col("subject_kind").eq(lit(kind.as_str())))
        .and(col("metric").in_list(metrics.iter().map(|metric| lit(*metric)).collect(), false));
    let frame = ctx.table("segment_facts").await.map_err(failed)?.filter(wanted).map_err(failed)?;
    let frame = frame.select(["metric", "segment_value"].map(col)).map_err(failed)?;
    let rows = Rows::collect(frame.distinct().map_err(failed)?).await?;
    let (metric, value) = (rows.texts("metric")?, rows.texts("segment_value")?);
    let found = (0..rows.len()).filter_map(|row| {
        let metric = metrics.iter().find(|known| **known == metric.value(row))?;
        Some((*metric, text(&value, row)?))
    });
    Ok(found.collect())
}

/// The first traffic in which a subject has the metric.
fn traffic_of(facts: &Facts, kpi: &Kpi) -> Option<Traffic> {
    let part = kpi.program.parts.first()?;
    let mut gauges = Vec::new();
    part.row.gauges(&mut gauges);
    let place = facts.place(gauges.first()?)?;
    TRAFFIC.into_iter().find(|traffic| {
        facts.records.iter().any(|record| {
            record.traffic == *traffic
                && record.side == Side::Own
                && record.values.get(place).copied().flatten().is_some()
        })
    })
}
