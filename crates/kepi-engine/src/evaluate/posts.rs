//! Posts one by one, with the numerator and denominator of a KPI: what is said of times, formats and experiments is
//! worked out from them, by the same readings that a scorecard takes.

use std::collections::{BTreeMap, HashSet};

use datafusion::{
    logical_expr::{Expr, lit},
    prelude::SessionContext,
};
use jiff::{Timestamp, civil::Date};
use kepi_core::{DateSpan, Platform, Result, Traffic};
use smol_str::SmolStr;

use super::{
    about::{known_accounts, platform_of},
    readings::{known_posts, per_post},
    request::{Dimension, EvaluationRequest},
    table::{Rows, day, instant, text},
    views,
    wanted::{dimension_column, traffic_named},
};
use crate::{formula::Filter, kpi::Kpi, statistics::Cluster};

/// Which posts, beside what the KPI itself chooses.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which<'a> {
    /// All.
    All,
    /// Those that meet a condition.
    Those(&'a Filter),
    /// Those that do not.
    Others(&'a Filter),
}

/// One post.
#[derive(Debug, Clone)]
pub(crate) struct PostRow {
    pub(crate) account: SmolStr,
    pub(crate) day: Date,
    pub(crate) at: Option<Timestamp>,
    /// The value of the dimension that was asked for.
    pub(crate) part: Option<SmolStr>,
    pub(crate) y: f64,
    pub(crate) x: f64,
    traffic: Traffic,
}

/// Posts that were published in some spans.
#[derive(Debug)]
pub(crate) struct Posts {
    /// Those with a usable reading, in one traffic per platform.
    pub(crate) rows: Vec<PostRow>,
    /// How many are known at all, by account and day.
    known: Vec<(SmolStr, Date, u64)>,
    /// The traffic that was taken, by platform.
    pub(crate) traffic: BTreeMap<SmolStr, Traffic>,
}

/// Reads the posts of a KPI; `None` where its formula gives no number per post.
pub(crate) async fn posts(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    kpi: &Kpi,
    spans: &[DateSpan],
    (which, part): (Which<'_>, Option<Dimension>),
) -> Result<Option<Posts>> {
    let ctx = &narrowed(ctx, request, kpi, which).await?;
    let dimensions: Vec<Dimension> = part.into_iter().collect();
    let Some(frame) = per_post(ctx, request, &dimensions, kpi, spans).await? else { return Ok(None) };
    let accounts = known_accounts(ctx, request).await?;
    let others: HashSet<SmolStr> =
        accounts.into_iter().filter(|account| !account.concerns(request, kpi)).map(|it| it.id).collect();
    let is_about = |account: &SmolStr| kpi.covers(platform_of(account)) && !others.contains(account);
    let rows = Rows::collect(frame).await?;
    let (account, traffic) = (rows.texts("account")?, rows.texts("traffic")?);
    let (published, at) = (rows.dates("p_day")?, rows.instants("p_at")?);
    let (y, x) = (rows.numbers("y")?, rows.numbers("x")?);
    let parts = part.map(|part| rows.texts(&dimension_column(part))).transpose()?;
    let mut found = Vec::with_capacity(rows.len());
    for row in 0..rows.len() {
        let account = text(&account, row).unwrap_or_default();
        let Some(day) = day(&published, row).filter(|_| is_about(&account)) else { continue };
        found.push(PostRow {
            account,
            day,
            at: instant(&at, row),
            part: parts.as_ref().and_then(|parts| text(parts, row)),
            y: y.real(row),
            x: x.real(row),
            traffic: traffic_named(traffic.value(row)),
        });
    }
    let traffic = chosen(request, kpi, &found);
    found.retain(|row| traffic.get(platform_of(&row.account)) == Some(&row.traffic));
    // Sums of floats depend on their order; the same posts give the same answer.
    found.sort_by(|a, b| {
        let key = |row: &PostRow| (row.account.clone(), row.at, row.day, row.part.clone());
        key(a).cmp(&key(b)).then(a.x.total_cmp(&b.x)).then(a.y.total_cmp(&b.y))
    });
    let rows = Rows::collect(known_posts(ctx, request, kpi, spans).await?).await?;
    let (account, published, count) =
        (rows.texts("p_account")?, rows.dates("p_day")?, rows.numbers("posts")?);
    let known = (0..rows.len()).filter_map(|row| {
        let account = text(&account, row)?;
        let day = day(&published, row)?;
        is_about(&account).then(|| (account, day, count.count(row)))
    });
    Ok(Some(Posts { rows: found, known: known.collect(), traffic }))
}

async fn narrowed(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    kpi: &Kpi,
    which: Which<'_>,
) -> Result<SessionContext> {
    let own = kpi.filter.as_ref().map(Filter::holds);
    let asked = match which {
        Which::All => None,
        Which::Those(filter) => Some(filter.holds()),
        Which::Others(filter) => Some(Expr::Not(Box::new(filter.holds()))),
    };
    let condition = own.into_iter().chain(asked).reduce(Expr::and);
    views::narrowed_to(ctx, condition.unwrap_or_else(|| lit(true)), request.as_of).await
}

/// One traffic per platform: the KPI's own, else the first in the platform's order that any post has.
fn chosen(request: &EvaluationRequest, kpi: &Kpi, rows: &[PostRow]) -> BTreeMap<SmolStr, Traffic> {
    let mut chosen = BTreeMap::new();
    for row in rows {
        let name = platform_of(&row.account);
        if chosen.contains_key(name) {
            continue;
        }
        let declared = Platform::new(name).map(|platform| request.offered.traffic_order(&platform));
        let rest = [Traffic::Organic, Traffic::Total, Traffic::Unknown, Traffic::Paid];
        let order = declared.unwrap_or_default().into_iter().chain(rest);
        let had = |traffic: &Traffic| {
            rows.iter().any(|row| platform_of(&row.account) == name && row.traffic == *traffic)
        };
        if let Some(traffic) = kpi.traffic.or_else(|| order.into_iter().find(had)) {
            chosen.insert(SmolStr::new(name), traffic);
        }
    }
    chosen
}

impl PostRow {
    /// The rate of the post; `None` over nothing.
    pub(crate) fn rate(&self) -> Option<f64> {
        (self.x != 0.0).then(|| self.y / self.x).filter(|rate| rate.is_finite())
    }
}

impl Posts {
    /// How many posts of some accounts are known in a span, with numbers or without.
    pub(crate) fn known(&self, accounts: &dyn Fn(&str) -> bool, span: DateSpan) -> u64 {
        let own = self.known.iter().filter(|(account, day, _)| accounts(account) && span.contains(*day));
        own.map(|(.., posts)| posts).sum()
    }

    /// The sums over posts of some accounts in a span.
    pub(crate) fn sums(&self, accounts: &dyn Fn(&str) -> bool, span: DateSpan) -> Cluster {
        let mut sums = Cluster::default();
        let own = self.rows.iter().filter(|row| accounts(&row.account) && span.contains(row.day));
        own.for_each(|row| sums.add(row.y, row.x));
        sums
    }
}
