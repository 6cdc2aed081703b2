//! `kepi decide`: what was decided, why and by whom, and what came of it.

use jiff::{Timestamp, civil::Date};
use kepi_core::{
    DateSpan, Error, Period,
    period::{Fiscal, Grain, add_days, local_day, zone},
};
use kepi_engine::{EvaluationRequest, Kpi, Number, ScoreRow, formula::Shape};
use kepi_store::{DecisionRecord, Store, query};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    cli::{Decide, RowFormat},
    commands::{
        evaluate::{self, Kept, chosen, real_text, record_all},
        signals::store,
    },
    compose::{OfDay, Project},
    failure::{Outcome, Result},
    output::{self, Rows},
};

pub(crate) async fn run(project: &Project, arguments: &Decide) -> Result<Outcome> {
    match arguments {
        Decide { list: false, kpi: Some(kpi), period: Some(period), what: Some(what), why, by, .. } => {
            let said = Said { kpi, period, what, why: why.as_deref(), by: by.as_deref() };
            decide(project, said, arguments.at.as_deref()).await
        }
        _ => list(project, arguments).await,
    }
}

/// A decision as it was said.
#[derive(Debug, Clone, Copy)]
struct Said<'a> {
    kpi: &'a str,
    period: &'a str,
    what: &'a str,
    why: Option<&'a str>,
    by: Option<&'a str>,
}

async fn decide(project: &Project, said: Said<'_>, at: Option<&str>) -> Result<Outcome> {
    for (name, text) in [("--what", Some(said.what)), ("--why", said.why), ("--by", said.by)] {
        if text.is_some_and(|text| text.trim().is_empty()) {
            return Err(Error::bad_input(format!("{name} is empty")).hint("say it in a few words").into());
        }
    }
    let now = project.now();
    let at = at.map(|text| project.instant(text, OfDay::Beginning)).transpose()?;
    if let Some(later) = at.filter(|at| *at > now) {
        let hint = "leave --at out for a decision of now";
        return Err(Error::bad_input(format!("{later} is not over yet")).hint(hint).into());
    }
    let kpis = chosen(project.kpis()?, &[said.kpi.to_owned()])?;
    let request = evaluate::request(project, kpis, said.period)?;
    let [kpi] = &request.kpis[..] else {
        let hint = "a decision is about one version: name it as id@version";
        return Err(Error::bad_input(format!("{} is not one KPI in that period", said.kpi))
            .hint(hint)
            .into());
    };
    let store = store(project).await?;
    if !store.is_writable() {
        return Err(Error::new(kepi_core::ErrorKind::Store, "the store may not be written")
            .hint("a decision is kept in the store: decide where it may be written")
            .into());
    }
    let span = request.period.span;
    let known = evaluated(&store, kpi, span).await?;
    let (evaluation, value) = match known {
        Some(known) => known,
        None => {
            let rows = kepi_engine::evaluate(&store.session().await?, &request).await?;
            record_all(&store, &rows, &Kept::of(&request)).await?;
            let value = rows.first().and_then(|row| row.value).map(Number::as_f64);
            (request.now.to_string(), value)
        }
    };
    let id = id_of(kpi, span, said, at);
    let new = store
        .append_decision(DecisionRecord {
            decision: id.as_str().into(),
            decided_at: at.unwrap_or(now),
            kpi: kpi.id.as_str().into(),
            evaluation: Some(evaluation.as_str().into()),
            what: said.what.to_owned(),
            why: said.why.map(str::to_owned),
            by: said.by.map(str::to_owned),
            version: Some(kpi.version.into()),
            start: Some(span.start),
            end: Some(span.end),
            value,
        })
        .await?;
    if !new {
        output::note("that was decided already; it is kept once");
        return Ok(Outcome::Done);
    }
    let unit = kpi.unit.as_str();
    let stood = value.map_or_else(|| "unknown".to_owned(), |value| real_text(value, unit));
    output::note(&format!("decision {id} about {} of {span}, which stood at {stood}", kpi.id));
    output::note("what comes of it: kepi decide --list");
    Ok(Outcome::Done)
}

/// The same words about the same period are the same decision, unless they say when they were decided.
fn id_of(kpi: &Kpi, span: DateSpan, said: Said<'_>, at: Option<Timestamp>) -> String {
    let mut digest = Sha256::new();
    let at = at.map_or_else(String::new, |at| at.to_string());
    let (why, by) = (said.why.unwrap_or_default(), said.by.unwrap_or_default());
    let (version, span) = (kpi.version.to_string(), span.to_string());
    for part in [kpi.id.as_str(), &version, &span, said.what, why, by, &at] {
        digest.update(part.len().to_le_bytes());
        digest.update(part.as_bytes());
    }
    digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The newest evaluation of a KPI over a period that the store keeps, and the value that it said.
async fn evaluated(store: &Store, kpi: &Kpi, span: DateSpan) -> Result<Option<(String, Option<f64>)>> {
    let sql = format!(
        "select evaluation, value from evaluations where kpi = '{}' and version = {} and scope = '{{}}' \
         and start = date '{}' and \"end\" = date '{}' and status <> 'baseline' and as_of is null \
         order by evaluated_at desc limit 1",
        kpi.id, kpi.version, span.start, span.end
    );
    let found = query(&store.session().await?, &sql).await?;
    let row = found.rows.first();
    Ok(row.and_then(|row| Some((row.first()?.as_str()?.to_owned(), row.get(1)?.as_f64()))))
}

/// A decision with the KPI before and after.
#[derive(Debug, Serialize)]
struct Shown {
    decision: String,
    decided_at: String,
    kpi: String,
    version: Option<i64>,
    what: String,
    why: Option<String>,
    by: Option<String>,
    evaluation: Option<String>,
    /// The period that it answers, as it was said then.
    before: Side,
    /// The first like period that began after it.
    after: Side,
    /// After less before; of sums per day, brought to the days before.
    change_abs: Option<f64>,
    /// The change as a fraction of what was before.
    change_rel: Option<f64>,
    notes: Vec<String>,
    #[serde(skip)]
    unit: String,
}

#[derive(Debug, Serialize, Default)]
struct Side {
    start: Option<Date>,
    end: Option<Date>,
    value: Option<f64>,
    interval: Option<(f64, f64)>,
    status: Option<&'static str>,
}

/// A decision as the store keeps it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Decided {
    pub(crate) decision: String,
    pub(crate) decided_at: String,
    #[serde(skip)]
    pub(crate) kpi: String,
    pub(crate) version: Option<i64>,
    pub(crate) what: String,
    pub(crate) why: Option<String>,
    pub(crate) by: Option<String>,
    pub(crate) evaluation: Option<String>,
    /// The period that it answers; `end` is the day after its last.
    pub(crate) start: Option<Date>,
    pub(crate) end: Option<Date>,
    /// What the KPI came to, as it was said then.
    pub(crate) value: Option<f64>,
}

impl Decided {
    /// The day on which it was decided.
    pub(crate) fn day(&self) -> &str {
        self.decided_at.get(..10).unwrap_or(&self.decided_at)
    }
}

/// All decisions that the store keeps, oldest first.
pub(crate) async fn decided(store: &Store) -> Result<Vec<Decided>> {
    let one = |row: &Vec<Value>| {
        let text = |place: usize| row.get(place).and_then(Value::as_str).map(str::to_owned);
        let date = |place: usize| text(place).and_then(|text| text.parse().ok());
        Some(Decided {
            decision: text(0)?,
            decided_at: text(1)?,
            kpi: text(2)?,
            version: row.get(3).and_then(Value::as_i64),
            what: text(4)?,
            why: text(5),
            by: text(6),
            evaluation: text(7),
            start: date(8),
            end: date(9),
            value: row.get(10).and_then(Value::as_f64),
        })
    };
    Ok(query(&store.session().await?, DECISIONS).await?.rows.iter().filter_map(one).collect())
}

const DECISIONS: &str = "select decision, decided_at, kpi, version, what, why, by, evaluation, start, \"end\", value \
     from decisions order by decided_at, decision";

async fn list(project: &Project, arguments: &Decide) -> Result<Outcome> {
    let kpis = project.kpis()?;
    if let Some(kpi) = &arguments.kpi {
        chosen(kpis.clone(), std::slice::from_ref(kpi))?;
    }
    let store = store(project).await?;
    let mut all = Vec::new();
    for one in decided(&store).await? {
        if arguments.kpi.as_ref().is_some_and(|asked| asked.split('@').next() != Some(one.kpi.as_str())) {
            continue;
        }
        let Decided { decision, decided_at, kpi, version, what, why, by, evaluation, start, end, value } =
            one;
        let before = Side { start, end, value, ..Side::default() };
        let mut shown = Shown {
            decision,
            decided_at,
            version,
            what,
            why,
            by,
            evaluation,
            before,
            after: Side::default(),
            change_abs: None,
            change_rel: None,
            notes: Vec::new(),
            unit: String::new(),
            kpi,
        };
        look_after(project, &store, &kpis, &mut shown).await?;
        all.push(shown);
    }
    print(&all, arguments.format.format)?;
    Ok(Outcome::Done)
}

/// Looks at the KPI after a decision.
async fn look_after(project: &Project, store: &Store, kpis: &[Kpi], shown: &mut Shown) -> Result<()> {
    let (Some(start), Some(end)) = (shown.before.start, shown.before.end) else {
        shown.notes.push("it does not say which period it answers".to_owned());
        return Ok(());
    };
    let same = |kpi: &&Kpi| kpi.id == shown.kpi && Some(i64::from(kpi.version)) == shown.version;
    let Some(kpi) = kpis.iter().find(same) else {
        shown.notes.push("the project has no such version of the KPI any more".to_owned());
        return Ok(());
    };
    kpi.unit.as_str().clone_into(&mut shown.unit);
    let fiscal = project.config.project.fiscal;
    let decided: Option<Timestamp> = shown.decided_at.parse().ok();
    let day =
        decided.map(|at| zone(&project.config.project.zone).map(|zone| local_day(at, &zone))).transpose()?;
    let before = DateSpan::new(start, end);
    let after = like_after(before, day.unwrap_or(end), fiscal);
    (shown.after.start, shown.after.end) = (Some(after.span.start), Some(after.span.end));
    let mut request = evaluate::request(project, vec![kpi.clone()], &before.to_string())?;
    request.kpis = vec![kpi.clone()];
    request.period = after;
    if after.span.start >= request.today {
        shown.notes.push(format!("the period after it begins on {}", after.span.start));
        return Ok(());
    }
    let rows = kepi_engine::evaluate(&store.session().await?, &request).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    shown.after.value = row.value.map(Number::as_f64);
    shown.after.interval = row.interval;
    shown.after.status = Some(row.status.as_str());
    compare(&request, kpi, (before, after.span), row, shown);
    Ok(())
}

/// The first like period that begins after a day, and not before the one that it is like has ended.
fn like_after(before: DateSpan, day: Date, fiscal: Fiscal) -> Period {
    let from = add_days(day, 1).max(before.end);
    let calendar = [Grain::Week, Grain::Month, Grain::Quarter, Grain::Year].into_iter();
    let own =
        calendar.map(|grain| Period::holding(before.start, grain, fiscal)).find(|one| one.span == before);
    let Some(own) = own else {
        return Period::days(DateSpan::new(from, add_days(from, before.days())));
    };
    let holding = Period::holding(from, own.grain, fiscal);
    if holding.span.start == from { holding } else { Period::holding(holding.span.end, own.grain, fiscal) }
}

fn compare(
    request: &EvaluationRequest,
    kpi: &Kpi,
    (before, after): (DateSpan, DateSpan),
    row: &ScoreRow,
    shown: &mut Shown,
) {
    let metrics = kpi.metrics();
    let broken = request.breaks.iter().find(|one| {
        one.divides(before.start, after.end)
            && kpi.covers(&one.platform)
            && metrics.iter().any(|metric| metric.as_str() == one.metric)
    });
    if let Some(broken) = broken {
        let (platform, metric, date) = (&broken.platform, &broken.metric, broken.date);
        shown
            .notes
            .push(format!("{platform} means something else by {metric} since {date}: no change is told"));
        return;
    }
    if after.end > request.today {
        shown.notes.push(format!("the period after it runs until {}", add_days(after.end, -1)));
    }
    if row.coverage.is_some_and(|coverage| coverage < request.min_coverage) {
        shown.notes.push("too little of the period after it is known: no change is told".to_owned());
        return;
    }
    let (Some(was), Some(is)) = (shown.before.value, shown.after.value) else { return };
    let elapsed = DateSpan::new(after.start, after.end.min(request.today));
    let scale = if kpi.program.shape == Shape::Extensive && elapsed.days() != before.days() {
        shown.notes.push(format!("per day: {} days against {}", elapsed.days(), before.days()));
        f64::from(before.days()) / f64::from(elapsed.days().max(1))
    } else {
        1.0
    };
    shown.change_abs = Some(is * scale - was);
    shown.change_rel = (was > 0.0 && is >= 0.0).then(|| is * scale / was - 1.0);
    shown.notes.push(
        "what came after is not yet what came of it: nothing stands beside it that was left alone".to_owned(),
    );
}

/// How many decisions are called to mind beside a scorecard.
const REMINDED: usize = 5;

/// Says what was decided about the KPIs of a scorecard before its period ended: the newest few.
pub(crate) async fn remind(store: &Store, rows: &[ScoreRow]) -> Result<()> {
    let mut notes = Vec::new();
    for one in decided(store).await?.iter().rev() {
        let before = |row: &ScoreRow| one.start.is_none_or(|start| start < row.period.end);
        let shown = rows.iter().any(|row| row.kpi == one.kpi && before(row));
        if shown && notes.len() < REMINDED {
            let (day, by) = (one.day(), one.by.as_deref().unwrap_or_default());
            notes.push(format!("{}: decided on {day} by {by}: {}", one.kpi, one.what));
        }
    }
    if !notes.is_empty() {
        notes.push("what came of it: kepi decide --list".to_owned());
    }
    notes.iter().for_each(|note| output::note(note));
    Ok(())
}

fn print(all: &[Shown], format: RowFormat) -> Result<()> {
    if format == RowFormat::Json {
        return output::json(&all);
    }
    let mut table = Rows::new([
        "decided",
        "decision",
        "kpi",
        "period",
        "what",
        "why",
        "by",
        "before",
        "after",
        "value after",
        "change",
        "status",
    ]);
    for one in all {
        let value = |value: Option<f64>| Value::from(value.map(|value| real_text(value, &one.unit)));
        let span = |side: &Side| Some(DateSpan::new(side.start?, side.end?).to_string());
        table.push([
            one.decided_at.get(..10).unwrap_or(&one.decided_at).into(),
            one.decision.as_str().into(),
            one.kpi.as_str().into(),
            span(&one.before).into(),
            one.what.as_str().into(),
            one.why.as_deref().into(),
            one.by.as_deref().into(),
            value(one.before.value),
            span(&one.after).into(),
            value(one.after.value),
            one.change_rel.map(|change| format!("{:+.1} %", change * 100.0)).into(),
            one.after.status.into(),
        ]);
    }
    table.print(format)?;
    if format == RowFormat::Table {
        let mut notes: Vec<String> = all
            .iter()
            .flat_map(|one| one.notes.iter().map(|note| format!("{}: {note}", one.decision)))
            .collect();
        notes.dedup();
        notes.iter().for_each(|note| output::note(note));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn check(before: (Date, Date), day: Date, expected: &str) {
        let before = DateSpan::new(before.0, before.1);
        assert_eq!(like_after(before, day, Fiscal::default()).span.to_string(), expected);
    }

    #[test]
    fn what_comes_after_is_like_what_was_before() {
        let quarter = (date(2026, 4, 1), date(2026, 7, 1));
        check(quarter, date(2026, 7, 10), "2026-10-01..2026-12-31");
        check(quarter, date(2026, 6, 30), "2026-07-01..2026-09-30");
        check(quarter, date(2026, 5, 2), "2026-07-01..2026-09-30");
        check((date(2026, 10, 5), date(2026, 10, 12)), date(2026, 10, 14), "2026-10-19..2026-10-25");
        check((date(2026, 10, 1), date(2026, 10, 11)), date(2026, 10, 14), "2026-10-15..2026-10-24");
    }
}
