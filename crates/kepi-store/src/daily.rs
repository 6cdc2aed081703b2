//! What happened to a post by day: differences of successive readings, and days as a platform gave them.
//!
//! A pure function from the readings of one series (post, traffic, own or public) to its rows.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
};

use kepi_core::{Catalogue, Flags, Nature, Provenance, SubjectKind, Traffic};
use smol_str::SmolStr;

use crate::{
    cell::{Cell, NEVER, Number, Origin, Row, WindowKey, absorb},
    value::days_of,
};

/// How the rows of `post_daily` come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Method {
    Difference,
    Given,
    /// Some metrics of the day are given, the others are differences.
    Both,
}

impl Method {
    pub(crate) const ALL: [Self; 3] = [Self::Difference, Self::Given, Self::Both];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Difference => "difference",
            Self::Given => "given",
            Self::Both => "both",
        }
    }
}

/// What a series is: whose readings may be subtracted from one another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Series {
    pub(crate) account: SmolStr,
    pub(crate) post: SmolStr,
    pub(crate) traffic: Traffic,
    /// Public pages stand apart from own numbers.
    pub(crate) public: bool,
}

impl Series {
    pub(crate) fn of(row: &Row) -> Self {
        Self {
            account: row.key.account.clone(),
            post: row.key.subject.clone(),
            traffic: row.key.traffic,
            public: row.key.provenance == Provenance::Public,
        }
    }
}

/// When a post was published: the instant, where more than the day is known, and the local day.
pub(crate) type Birth = Option<(Option<i64>, i32)>;

const HOUR_MICROS: i64 = 3_600_000_000;

/// How much earlier than in UTC a day begins where it begins first.
const EARLIEST_ZONE: i64 = 14 * HOUR_MICROS;

/// What is known beside the readings.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Context {
    pub(crate) birth: Birth,
    /// When the first number of the account was read.
    pub(crate) first_observed: Option<i64>,
}

impl Context {
    /// The day from which counters run from zero: that of the birth, when we were watching by then.
    fn zero_day(self) -> Option<i32> {
        let (_, day) = self.birth?;
        (earliest(self.birth)? > self.first_observed?).then_some(day)
    }
}

/// One row of `post_daily`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DailyRow {
    pub(crate) series: Series,
    pub(crate) provenance: Provenance,
    pub(crate) method: Method,
    pub(crate) day: i32,
    pub(crate) end_day: i32,
    pub(crate) published_day: Option<i32>,
    pub(crate) cells: Vec<Cell>,
    pub(crate) recorded: i64,
}

/// What makes two rows of a post the same row.
pub(crate) type DailyKey = (Series, i32, i32);

impl DailyRow {
    /// Its last day, by whose month it is kept.
    pub(crate) fn last_day(&self) -> i32 {
        self.end_day - 1
    }

    pub(crate) fn key(&self) -> DailyKey {
        (self.series.clone(), self.day, self.end_day)
    }

    /// Whether both say the same, whenever it was written.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        let said = |row: &Self| {
            row.cells
                .iter()
                .map(|cell| (cell.column, cell.number, cell.flags, cell.definition.clone()))
                .collect::<Vec<_>>()
        };
        self.provenance == other.provenance
            && self.method == other.method
            && self.published_day == other.published_day
            && self.observed() == other.observed()
            && self.provisional() == other.provisional()
            && said(self) == said(other)
    }

    pub(crate) fn observed(&self) -> i64 {
        self.cells.iter().map(|cell| cell.origin.observed).max().unwrap_or(0)
    }

    pub(crate) fn provisional(&self) -> bool {
        self.cells.iter().any(|cell| cell.origin.provisional)
    }

    pub(crate) fn currency(&self) -> Option<&SmolStr> {
        let money = self.cells.iter().filter(|cell| matches!(cell.number, Some(Number::Money(_))));
        money.max_by_key(|cell| cell.origin.observed).and_then(|cell| cell.origin.currency.as_ref())
    }
}

/// How the running total of a metric column goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Running {
    /// It is none: not a count and not money.
    None,
    /// People can take back: it may fall.
    Signed,
    /// It falls only when the platform starts again from zero.
    Monotone,
}

static RUNNING: LazyLock<Vec<Running>> = LazyLock::new(|| {
    let running = |metric: &kepi_core::Metric| match metric.nature {
        Nature::Count | Nature::Money if metric.revocable => Running::Signed,
        Nature::Count | Nature::Money => Running::Monotone,
        _ => Running::None,
    };
    Catalogue::builtin().columns(SubjectKind::Post).map(running).collect()
});

/// Whether the numbers of a metric column are running totals.
fn runs(column: u16) -> bool {
    RUNNING.get(usize::from(column)).is_some_and(|running| *running != Running::None)
}

/// The rows of a series from all its readings and given days, one per span: what is given of a day and the
/// differences of that same day stand in one row, so that a formula over both finds them together.
pub(crate) fn daily(series: &Series, rows: &[Arc<Row>], context: Context, recorded: i64) -> Vec<DailyRow> {
    let mut readings: Vec<&Row> =
        rows.iter().map(Arc::as_ref).filter(|row| matches!(row.key.window, WindowKey::At(_))).collect();
    // By day first: within a day the last reading speaks for it.
    readings.sort_by_key(|row| (row.day, order(row)));
    let given = given(series, rows, context, recorded);
    let plain = if given.is_empty() { plain(series, &readings, context, recorded) } else { None };
    plain.unwrap_or_else(|| stepwise(series, &readings, given, context, recorded))
}

/// The rows where readings are plain: one a day, each telling the same metrics, and no day given. That is nearly
/// always so, and each row is then the difference of two readings as a whole.
fn plain(series: &Series, readings: &[&Row], context: Context, recorded: i64) -> Option<Vec<DailyRow>> {
    let (first, rest) = readings.split_first()?;
    let alike = |row: &&Row| {
        let columns = |row: &Row| row.cells.iter().map(|cell| cell.column).collect::<Vec<_>>();
        row.cells.len() == first.cells.len() && columns(row) == columns(first)
    };
    let told = |row: &&Row| row.cells.iter().all(|cell| cell.number.is_some());
    let apart = readings.windows(2).all(|pair| pair[0].day < pair[1].day);
    if !(apart && readings.iter().all(told) && rest.iter().all(alike)) {
        return None;
    }
    let row = |reading: &Row, day: i32, cells: Vec<Cell>| {
        (!cells.is_empty()).then(|| DailyRow {
            series: series.clone(),
            provenance: reading.key.provenance,
            method: Method::Difference,
            day,
            end_day: reading.day + 1,
            published_day: context.birth.map(|(_, day)| day),
            cells,
            recorded,
        })
    };
    let born = context.zero_day().and_then(|born| {
        let cells = first.cells.iter().filter(|cell| runs(cell.column)).map(from_zero);
        row(first, born.min(first.day), cells.collect())
    });
    let later = readings.windows(2).filter_map(|pair| {
        let cells = pair[0].cells.iter().zip(&pair[1].cells).filter(|(_, later)| runs(later.column));
        let cells = cells.filter_map(|(earlier, later)| difference(earlier, later));
        row(pair[1], pair[0].day + 1, cells.collect())
    });
    Some(born.into_iter().chain(later).collect())
}

/// The rows of any readings: metric by metric, beside what is given.
fn stepwise(
    series: &Series,
    readings: &[&Row],
    given: Vec<DailyRow>,
    context: Context,
    recorded: i64,
) -> Vec<DailyRow> {
    let mut taken: BTreeMap<u16, BTreeSet<i32>> = BTreeMap::new();
    for row in &given {
        for cell in &row.cells {
            taken.entry(cell.column).or_default().insert(row.day);
        }
    }
    // Sorted by span; what is given comes by day.
    let mut spans: Vec<DailyRow> = given;
    let columns = columns(readings);
    for &column in &columns {
        let free =
            |from: i32, to: i32| taken.get(&column).is_none_or(|days| days.range(from..to).next().is_none());
        for difference in steps(readings, column, context) {
            if !free(difference.day, difference.end_day) {
                continue;
            }
            let span = (difference.day, difference.end_day);
            let place = spans.binary_search_by_key(&span, |row| (row.day, row.end_day));
            let place = place.unwrap_or_else(|place| {
                let row = DailyRow {
                    series: series.clone(),
                    provenance: difference.provenance,
                    method: Method::Difference,
                    day: difference.day,
                    end_day: difference.end_day,
                    published_day: context.birth.map(|(_, day)| day),
                    cells: Vec::with_capacity(columns.len()),
                    recorded,
                };
                spans.insert(place, row);
                place
            });
            let row = &mut spans[place];
            if difference.cell.origin.observed > row.observed() {
                row.provenance = difference.provenance;
            }
            if row.method == Method::Given {
                row.method = Method::Both;
            }
            row.cells.push(difference.cell);
        }
    }
    for row in &mut spans {
        row.cells.sort_by_key(|cell| cell.column);
    }
    spans
}

fn order(row: &Row) -> (i64, i64) {
    let at = if let WindowKey::At(at) = row.key.window { at } else { NEVER };
    (at, row.cells.iter().map(|cell| cell.origin.observed).max().unwrap_or(NEVER))
}

fn columns(readings: &[&Row]) -> Vec<u16> {
    let cells = readings.iter().flat_map(|row| &row.cells);
    let mut columns: Vec<u16> = cells.map(|cell| cell.column).filter(|column| runs(*column)).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

struct Difference {
    day: i32,
    end_day: i32,
    provenance: Provenance,
    cell: Cell,
}

/// The differences of one metric: from the last reading of a day that has it to the next such reading. The
/// readings are sorted by day.
fn steps(readings: &[&Row], column: u16, context: Context) -> Vec<Difference> {
    let told = readings.iter().filter_map(|row| {
        let place = row.cells.binary_search_by_key(&column, |cell| cell.column).ok()?;
        row.cells[place].number.is_some().then(|| (row, &row.cells[place]))
    });
    let mut told = told.peekable();
    let mut steps = Vec::new();
    let mut before: Option<(i32, &Cell)> = None;
    while let Some((row, cell)) = told.next() {
        let day = row.day;
        if told.peek().is_some_and(|(next, _)| next.day == day) {
            continue;
        }
        let from = match before {
            Some((last, earlier)) => difference(earlier, cell).map(|cell| (last + 1, cell)),
            None => context.zero_day().map(|born| (born.min(day), from_zero(cell))),
        };
        if let Some((from, difference)) = from {
            let provenance = row.key.provenance;
            steps.push(Difference { day: from, end_day: day + 1, provenance, cell: difference });
        }
        before = Some((day, cell));
    }
    steps
}

fn from_zero(cell: &Cell) -> Cell {
    Cell { confirmed: NEVER, ..cell.clone() }
}

/// What happened between two readings; `None` when nothing can be said of it: the definition or the currency
/// changed between them, or the platform had stopped counting before.
fn difference(earlier: &Cell, later: &Cell) -> Option<Cell> {
    let (before, after) = (earlier.number?, later.number?);
    let money = matches!(after, Number::Money(_));
    let other_money = money && earlier.origin.currency != later.origin.currency;
    if earlier.definition != later.definition || other_money || earlier.flags.contains(Flags::CAPPED) {
        return None;
    }
    let monotone = RUNNING.get(usize::from(later.column)) == Some(&Running::Monotone);
    let (number, fell) = subtract(before, after)?;
    let mut flags = later.flags;
    let number = if fell && monotone {
        flags = flags.and(Flags::RESET);
        after
    } else {
        number
    };
    if earlier.flags.contains(Flags::ESTIMATED) {
        flags = flags.and(Flags::ESTIMATED);
    }
    Some(Cell { number: Some(number), flags, confirmed: NEVER, ..later.clone() })
}

/// The difference, and whether the total fell.
fn subtract(before: Number, after: Number) -> Option<(Number, bool)> {
    match (before, after) {
        (Number::Int(before), Number::Int(after)) => {
            Some((Number::Int(after.checked_sub(before)?), after < before))
        }
        (Number::Real(before), Number::Real(after)) => Some((Number::Real(after - before), after < before)),
        (Number::Money(before), Number::Money(after)) => {
            let (before, after) = (i128::from(before), i128::from(after));
            Some((Number::Money(after.checked_sub(before)?.into()), after < before))
        }
        _ => None,
    }
}

/// The days that the platform gave, newest per metric where several sources gave the same day.
fn given(series: &Series, rows: &[Arc<Row>], context: Context, recorded: i64) -> Vec<DailyRow> {
    let mut days: BTreeMap<i32, (Provenance, i64, Vec<Cell>)> = BTreeMap::new();
    let mut sorted: Vec<&Row> =
        rows.iter().map(Arc::as_ref).filter(|row| matches!(row.key.window, WindowKey::Day(_))).collect();
    sorted.sort_by_key(|row| order(row));
    for row in sorted {
        let observed = order(row).1;
        let entry = days.entry(row.day).or_insert_with(|| (row.key.provenance, NEVER, Vec::new()));
        if observed >= entry.1 {
            (entry.0, entry.1) = (row.key.provenance, observed);
        }
        absorb(&mut entry.2, row.cells.clone());
    }
    days.into_iter()
        .map(|(day, (provenance, _, cells))| DailyRow {
            series: series.clone(),
            provenance,
            method: Method::Given,
            day,
            end_day: day + 1,
            published_day: context.birth.map(|(_, day)| day),
            cells,
            recorded,
        })
        .collect()
}

/// The earliest instant at which a post can have been published.
pub(crate) fn earliest(birth: Birth) -> Option<i64> {
    let (at, day) = birth?;
    Some(at.unwrap_or_else(|| i64::from(day) * 24 * HOUR_MICROS - EARLIEST_ZONE))
}

/// The birth of a post from its dimension.
pub(crate) fn birth(published_at: Option<i64>, published_day: Option<i32>) -> Birth {
    let utc = |at| days_of(crate::value::instant(at).to_zoned(jiff::tz::TimeZone::UTC).date());
    let day = published_day.or_else(|| published_at.map(utc))?;
    Some((published_at, day))
}

/// An origin of which a table keeps no more than this.
pub(crate) fn bare_origin(
    observed: i64,
    recorded: i64,
    provisional: bool,
    currency: Option<SmolStr>,
) -> Arc<Origin> {
    Arc::new(Origin {
        observed,
        recorded,
        estimated: false,
        provisional,
        source: SmolStr::default(),
        run: None,
        stream: SmolStr::default(),
        sequence: 0,
        currency,
    })
}

#[cfg(test)]
mod tests {
    use kepi_core::Provenance;
    use proptest::prelude::*;

    use super::*;
    use crate::cell::Key;

    fn series() -> Series {
        Series { account: "x/a".into(), post: "1".into(), traffic: Traffic::Organic, public: false }
    }

    /// A reading of a day: numbers by column, a flag with each.
    fn reading(day: i32, numbers: &[(u16, i64, bool)]) -> Row {
        let at = i64::from(day) * 86_400_000_000;
        let series = series();
        let cell = |&(column, number, capped): &(u16, i64, bool)| Cell {
            column,
            number: Some(Number::Int(number)),
            flags: if capped { Flags::NONE.and(Flags::CAPPED) } else { Flags::NONE },
            definition: None,
            origin: bare_origin(at, 0, false, None),
            confirmed: NEVER,
        };
        let key = Key {
            account: series.account,
            kind: SubjectKind::Post,
            subject: series.post,
            segment: None,
            window: WindowKey::At(at),
            traffic: series.traffic,
            provenance: Provenance::Api,
            metric: None,
        };
        Row { key, day, end_day: day + 1, cells: numbers.iter().map(cell).collect(), recorded: 0 }
    }

    proptest! {
        /// What is made of plain readings at once is what is made of them step by step.
        #[test]
        fn plain_readings_come_to_the_same_both_ways(
            days in proptest::collection::btree_map(
                0..40_i32,
                proptest::collection::vec((0..1000_i64, proptest::bool::weighted(0.1)), 6),
                1..6,
            ),
            born in proptest::option::of(-3..45_i32),
            watched in 0..45_i32,
        ) {
            let micros = |day: i32| i64::from(day) * 86_400_000_000;
            let rows: Vec<Row> = days
                .iter()
                .map(|(day, numbers)| {
                    let numbers = numbers.iter().zip(0..).map(|((number, capped), column)| (column, *number, *capped));
                    reading(*day, &numbers.collect::<Vec<_>>())
                })
                .collect();
            let readings: Vec<&Row> = rows.iter().collect();
            let context = Context { birth: born.map(|day| (Some(micros(day)), day)), first_observed: Some(micros(watched)) };
            let plain = plain(&series(), &readings, context, 7).unwrap();
            prop_assert_eq!(plain, stepwise(&series(), &readings, Vec::new(), context, 7));
        }
    }

    #[test]
    fn readings_that_tell_different_metrics_or_share_a_day_are_not_plain() {
        let plain = |rows: &[Row]| plain(&series(), &rows.iter().collect::<Vec<_>>(), Context::default(), 0);
        assert!(plain(&[reading(1, &[(0, 5, false)]), reading(2, &[(0, 7, false)])]).is_some());
        assert!(plain(&[reading(1, &[(0, 5, false)]), reading(2, &[(1, 7, false)])]).is_none());
        assert!(plain(&[reading(1, &[(0, 5, false)]), reading(1, &[(0, 7, false)])]).is_none());
        assert!(plain(&[]).is_none());
    }
}
