//! P8: a problem of the data. Missing days, a tail that may still change, a token that failed, an answer that was
//! not believed: nothing is to be changed because of such numbers. It is looked for by KPI, which it silences, and told
//! once of each account.

use std::collections::BTreeMap;

use datafusion::logical_expr::col;
use kepi_core::{DateSpan, Result, period::add_days};
use serde_json::Value;

use super::{
    memory::instant,
    reading::{Desk, Gap, Scope, Series, reads_states},
    signal::{Effect, Evidence, Looked, SignalKind, Verdict},
};
use crate::{
    evaluate::{
        Dimension,
        table::{Rows, failed, text},
    },
    kpi::Kpi,
};

/// The newest weeks that must be there.
const WEEKS: usize = 4;
/// The newest runs that are looked through for what failed last.
const RUNS: usize = 200;

/// A run's last word on an account that needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) account: String,
    pub(super) endpoint: String,
    pub(super) what: String,
}

/// The weeks of the newest four that have a problem, and which; weeks before the first that is known have none.
pub(super) fn problems(weeks: &[(DateSpan, Option<Gap>)]) -> Vec<(DateSpan, &'static str)> {
    let begun = weeks.iter().position(|(_, gap)| !matches!(gap, Some(Gap::Missing | Gap::Nothing)));
    let from = begun.unwrap_or(weeks.len()).max(weeks.len().saturating_sub(WEEKS));
    let problem = |(span, gap): &(DateSpan, Option<Gap>)| match gap {
        Some(Gap::Missing) => Some((*span, "days are missing")),
        Some(Gap::Provisional) => Some((*span, "numbers may still change")),
        Some(Gap::Nothing) | None => None,
    };
    weeks.iter().skip(from).filter_map(problem).collect()
}

/// Tells of each account once what the problems of KPIs are: which accounts have them is asked only where there are any.
/// A problem that none of its accounts has by itself stays where it was found.
pub(super) async fn by_account(desk: &Desk<'_>, of_kpis: Vec<Looked>) -> Result<Vec<Looked>> {
    let kpi_of =
        |one: &Looked| desk.request.kpis.iter().find(|kpi| kpi.id == one.kpi && kpi.version == one.version);
    let mut troubled: Vec<Kpi> = Vec::new();
    for kpi in of_kpis.iter().filter(|one| one.verdict == Verdict::Over).filter_map(kpi_of) {
        if !troubled.iter().any(|known| (&known.id, known.version) == (&kpi.id, kpi.version)) {
            troubled.push(kpi.clone());
        }
    }
    let mut apart: Vec<Looked> = Vec::new();
    if !troubled.is_empty() {
        let failures = failures(desk).await?;
        let weekly = desk.series(&troubled, Dimension::Week, super::chart::WEEKS + 1, &[Dimension::Account]);
        for weeks in &weekly.await? {
            apart.extend(desk.kpi(weeks).map(|kpi| look(desk, kpi, weeks, &failures)));
        }
    }
    let mut told: BTreeMap<Scope, Vec<Looked>> = BTreeMap::new();
    for one in of_kpis {
        let Some(kpi) = kpi_of(&one) else { continue };
        let accounts: Vec<Scope> =
            desk.accounts_of(kpi, &one.scope).map(|account| account_scope(&account.id)).collect();
        let same = |other: &&Looked| {
            (&other.kpi, other.version) == (&one.kpi, one.version) && accounts.contains(&other.scope)
        };
        let own: Vec<Looked> = apart.iter().filter(same).cloned().collect();
        let is_over = |one: &Looked| one.verdict == Verdict::Over;
        if is_over(&one) && !own.iter().any(is_over) {
            told.entry(one.scope.clone()).or_default().push(one);
        } else if is_over(&one) {
            own.into_iter().for_each(|own| told.entry(own.scope.clone()).or_default().push(own));
        } else {
            for scope in accounts {
                told.entry(scope.clone()).or_default().push(Looked { scope, ..one.clone() });
            }
        }
    }
    Ok(told.into_values().filter_map(together).collect())
}

fn account_scope(account: &str) -> Scope {
    Scope::from([("account".to_owned(), Some(account.to_owned()))])
}

/// What is told of KPIs of one account, as one: the problems where there are any.
pub(super) fn together(all: Vec<Looked>) -> Option<Looked> {
    let verdict = [Verdict::Over, Verdict::Under, Verdict::CannotTell]
        .into_iter()
        .find(|verdict| all.iter().any(|one| one.verdict == *verdict))?;
    let mut same = all.into_iter().filter(|one| one.verdict == verdict);
    let mut whole = same.next()?;
    let mut said: Vec<(String, Vec<String>)> = vec![(whole.reason.clone(), vec![whole.kpi.clone()])];
    let mut concerns = vec![whole.kpi.clone()];
    for one in same {
        if concerns.contains(&one.kpi) {
            continue;
        }
        concerns.push(one.kpi.clone());
        whole.span = DateSpan::new(whole.span.start.min(one.span.start), whole.span.end.max(one.span.end));
        let new = one.evidence.into_iter().filter(|new| !whole.evidence.contains(new)).collect::<Vec<_>>();
        whole.evidence.extend(new);
        let size = |effect: &Option<Effect>| effect.as_ref().map_or(0.0, |effect| effect.value);
        if size(&one.effect) > size(&whole.effect) {
            whole.effect = one.effect;
        }
        match said.iter_mut().find(|(reason, _)| *reason == one.reason) {
            Some((_, kpis)) => kpis.push(one.kpi),
            None => said.push((one.reason, vec![one.kpi])),
        }
    }
    if said.len() > 1 {
        let told = said.iter().map(|(reason, kpis)| format!("{}: {reason}", kpis.join(", ")));
        whole.reason = told.collect::<Vec<_>>().join("; ");
    }
    whole.concerns = Some(concerns);
    Some(whole)
}

/// Looks at the newest weeks of a KPI and at what the last runs could not do.
pub(super) fn look(desk: &Desk<'_>, kpi: &Kpi, weekly: &Series, failures: &[Failure]) -> Looked {
    let settled = desk.settled(kpi);
    let states = reads_states(kpi);
    let weeks: Vec<(DateSpan, Option<Gap>)> = weekly
        .points
        .iter()
        .filter(|point| point.span.end <= settled)
        .map(|point| {
            // A state that was not read again stays what it was: its value says nothing of the week.
            let read = point.row.fresh_at.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date());
            let stale = states && point.value.is_some() && read.is_some_and(|day| day < point.span.start);
            (point.span, if stale { Some(Gap::Missing) } else { point.gap })
        })
        .collect();
    let span = match (weeks.iter().rev().nth(WEEKS - 1).or(weeks.first()), weeks.last()) {
        (Some((first, _)), Some((last, _))) => DateSpan::new(first.start, last.end),
        _ => desk.request.period.span,
    };
    let looked = Looked::new(SignalKind::DataProblem, kpi, &weekly.scope, span);
    let found = problems(&weeks);
    let accounts: Vec<&str> =
        desk.accounts_of(kpi, &weekly.scope).map(|account| account.id.as_str()).collect();
    let failed: Vec<&Failure> =
        failures.iter().filter(|failure| accounts.contains(&failure.account.as_str())).collect();
    let mut reasons: Vec<String> = found.iter().map(|(span, what)| format!("{what} in {span}")).collect();
    reasons.extend(failed.iter().map(|one| format!("{} of {}: {}", one.endpoint, one.account, one.what)));
    if reasons.is_empty() {
        let known = weeks.iter().any(|(_, gap)| gap.is_none());
        let verdict = if known { Verdict::Under } else { Verdict::CannotTell };
        let reason = if known {
            "the newest four weeks are there and final"
        } else {
            "no week has numbers of its own"
        };
        return looked.say(verdict, reason);
    }
    let evidence = found.iter().map(|(span, what)| {
        let coverage =
            weekly.points.iter().find(|point| point.span == *span).and_then(|point| point.row.coverage);
        Evidence::new("coverage", *span, coverage).note(*what)
    });
    let size = super::reading::small(found.len());
    looked
        .say(Verdict::Over, reasons.join("; "))
        .effect("weeks with a problem", size, None, "periods")
        .evidence(evidence)
}

/// What the newest run of each account could not do for want of a person.
pub(super) async fn failures(desk: &Desk<'_>) -> Result<Vec<Failure>> {
    let epoch = add_days(desk.until, 1).to_zoned(jiff::tz::TimeZone::UTC).map(|at| at.timestamp());
    let mut before = desk.request.as_of.unwrap_or(desk.request.now);
    if let Ok(end) = epoch {
        before = before.min(end);
    }
    let frame = desk.ctx.table("runs").await.map_err(failed)?;
    let frame = frame
        .filter(col("started_at").lt_eq(instant(before)).and(col("detail").is_not_null()))
        .and_then(|frame| frame.select([col("started_at"), col("detail")]))
        .and_then(|frame| frame.sort(vec![col("started_at").sort(false, true)]))
        .and_then(|frame| frame.limit(0, Some(RUNS)));
    let rows = Rows::collect(frame.map_err(failed)?).await?;
    let detail = rows.texts("detail")?;
    let mut last: BTreeMap<String, Vec<Failure>> = BTreeMap::new();
    for row in 0..rows.len() {
        let parsed = text(&detail, row).and_then(|text| serde_json::from_str::<Vec<Value>>(&text).ok());
        let run = endings(&parsed.unwrap_or_default());
        for (account, failures) in run {
            last.entry(account).or_insert(failures);
        }
    }
    Ok(last.into_values().flatten().collect())
}

/// What each account of a run ended with that needs a person: none of those that were read.
pub(super) fn endings(endpoints: &[Value]) -> BTreeMap<String, Vec<Failure>> {
    let mut run: BTreeMap<String, Vec<Failure>> = BTreeMap::new();
    for endpoint in endpoints {
        let word = |key: &str| endpoint.get(key).and_then(Value::as_str).unwrap_or_default();
        let what = match (word("ending"), word("kind")) {
            ("failed", "credential_expired" | "reauthorise" | "forbidden") => {
                Some(word("message").to_owned())
            }
            ("withheld", _) => Some("zeros where there were numbers; not believed".to_owned()),
            _ => None,
        };
        let accounts = endpoint.get("accounts").and_then(Value::as_array).cloned().unwrap_or_default();
        for account in accounts.iter().filter_map(Value::as_str) {
            let own = run.entry(account.to_owned()).or_default();
            own.extend(what.clone().map(|what| Failure {
                account: account.to_owned(),
                endpoint: word("endpoint").to_owned(),
                what,
            }));
        }
    }
    run
}

/// Whether a problem of the data silences a signal: it is of the same KPI, and of the same part or the whole.
pub(super) fn silences(problem: &Looked, other: &Looked) -> bool {
    let platform = |scope: &Scope| {
        let account = scope.get("account").cloned().flatten();
        account.and_then(|account| account.split_once('/').map(|(platform, _)| platform.to_owned()))
    };
    let holds = |(key, value): (&String, &Option<String>)| match other.scope.get(key) {
        Some(own) => own == value,
        None if key == "platform" => platform(&other.scope) == *value,
        None => false,
    };
    (&problem.kpi, problem.version) == (&other.kpi, other.version) && problem.scope.iter().all(holds)
}
