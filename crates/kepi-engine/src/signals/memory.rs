//! What earlier runs said: a signal that goes on is not told anew, one that wavers at its edge does not come and go,
//! one that comes back at once waits.

use std::collections::HashMap;

use datafusion::{
    logical_expr::{Expr, col, lit},
    prelude::SessionContext,
    scalar::ScalarValue,
};
use jiff::{Timestamp, civil::Date};
use kepi_core::{Result, period::days_between};

use super::signal::{Looked, SignalKind, SignalOutcome, Verdict};
use crate::evaluate::{
    EvaluationRequest,
    table::{Rows, day, failed, instant as instant_of},
};

/// For so many days after it has gone, a signal that comes back is not told anew.
const COOL_DOWN: i32 = 28;

/// What is remembered of signals.
#[derive(Debug, Default)]
pub(super) struct Memory {
    known: HashMap<Key, State>,
}

/// Where a signal stood after the last run before this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// There since that day.
    There(Date),
    /// Gone since that day.
    Gone(Date),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    signal: String,
    kpi: String,
    version: i64,
    scope: String,
    /// The day of an odd day: each is one of its own.
    day: Option<Date>,
}

/// An instant in a plan.
pub(super) fn instant(at: Timestamp) -> Expr {
    lit(ScalarValue::TimestampMicrosecond(Some(at.as_microsecond()), Some("UTC".into())))
}

impl Key {
    fn of(looked: &Looked) -> Self {
        let day = (looked.kind == SignalKind::Anomaly).then_some(looked.span.start);
        let scope = serde_json::to_string(&looked.scope).unwrap_or_default();
        Self::new(looked.kind.as_str(), (&looked.kpi, i64::from(looked.version)), scope, day)
    }

    /// A problem of the data is its account's, whichever KPIs it concerns.
    fn new(signal: &str, (kpi, version): (&str, i64), scope: String, day: Option<Date>) -> Self {
        let problem = signal == SignalKind::DataProblem.as_str();
        let (kpi, version) = if problem { ("", 0) } else { (kpi, version) };
        Self { signal: signal.to_owned(), kpi: kpi.to_owned(), version, scope, day }
    }
}

/// Reads what runs up to earlier days said. What was said up to the same day is this run's own, said once already.
///
/// A run over some accounts has no memory: it is of another whole.
pub(super) async fn read(ctx: &SessionContext, request: &EvaluationRequest, through: Date) -> Result<Memory> {
    // Stores of an older kepi have no such table.
    if request.accounts.is_some() || !ctx.table_exist("signals").map_err(failed)? {
        return Ok(Memory::default());
    }
    let columns = ["signal", "kpi", "version", "scope", "start", "through", "outcome", "looked_at"].map(col);
    let mut frame = ctx.table("signals").await.map_err(failed)?;
    if let Some(as_of) = request.as_of {
        frame = frame.filter(col("looked_at").lt_eq(instant(as_of))).map_err(failed)?;
    }
    let order = ["through", "looked_at"].map(|column| col(column).sort(true, true)).to_vec();
    let frame = frame.select(columns).and_then(|frame| frame.sort(order)).map_err(failed)?;
    let rows = Rows::collect(frame).await?;
    let (signal, kpi, scope) = (rows.texts("signal")?, rows.texts("kpi")?, rows.texts("scope")?);
    let (version, outcome) = (rows.numbers("version")?, rows.texts("outcome")?);
    let (start, until, looked_at) =
        (rows.dates("start")?, rows.dates("through")?, rows.instants("looked_at")?);
    let mut memory = Memory::default();
    for row in 0..rows.len() {
        let (Some(start), Some(until), Some(_)) =
            (day(&start, row), day(&until, row), instant_of(&looked_at, row))
        else {
            continue;
        };
        if until >= through {
            continue;
        }
        let of_day = (signal.value(row) == SignalKind::Anomaly.as_str()).then_some(start);
        let of = (kpi.value(row), version.whole(row));
        let key = Key::new(signal.value(row), of, scope.value(row).to_owned(), of_day);
        let before = memory.known.get(&key).copied();
        if let Some(state) = after(before, outcome.value(row), until) {
            memory.known.insert(key, state);
        }
    }
    Ok(memory)
}

/// Where a signal stands after one more record of it.
fn after(before: Option<State>, outcome: &str, day: Date) -> Option<State> {
    match (outcome, before) {
        ("fired" | "continues", Some(State::There(since))) => Some(State::There(since)),
        ("fired" | "continues", _) => Some(State::There(day)),
        ("ended", _) => Some(State::Gone(day)),
        (_, before) => before,
    }
}

impl Memory {
    /// What looking comes to, given what was there before, and since when it is there.
    pub(super) fn outcome(&self, looked: &Looked, through: Date) -> (SignalOutcome, Option<Date>) {
        judged(looked.verdict, self.known.get(&Key::of(looked)).copied(), through)
    }
}

/// What a verdict comes to after what was there before.
pub(super) fn judged(
    verdict: Verdict,
    before: Option<State>,
    through: Date,
) -> (SignalOutcome, Option<Date>) {
    match (verdict, before) {
        (Verdict::Over | Verdict::Near, Some(State::There(since))) => (SignalOutcome::Continues, Some(since)),
        (Verdict::Over, Some(State::Gone(at))) if days_between(at, through) < COOL_DOWN => {
            (SignalOutcome::CoolingDown, Some(through))
        }
        (Verdict::Over, _) => (SignalOutcome::Fired, Some(through)),
        (Verdict::Under, Some(State::There(since))) => (SignalOutcome::Ended, Some(since)),
        (Verdict::Near | Verdict::Under, _) => (SignalOutcome::Quiet, None),
        (Verdict::Explained, _) => (SignalOutcome::Explained, None),
        (Verdict::CannotTell, _) => (SignalOutcome::CannotTell, None),
    }
}
