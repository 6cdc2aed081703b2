//! Which number wins: for one key the newest `(observed_at, recorded_at)`, metric by metric.

use std::sync::Arc;

use kepi_core::{Flags, Provenance, SubjectKind, Traffic};
use smol_str::SmolStr;

/// Where a number comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// When the source read it, in microseconds.
    pub(crate) observed: i64,
    /// When we wrote it.
    pub(crate) recorded: i64,
    pub(crate) estimated: bool,
    pub(crate) provisional: bool,
    pub(crate) source: SmolStr,
    pub(crate) run: Option<SmolStr>,
    pub(crate) stream: SmolStr,
    pub(crate) sequence: i64,
    pub(crate) currency: Option<SmolStr>,
}

impl Origin {
    /// What decides between two that speak of the same: the newer reading, then the later record.
    pub(crate) fn order(&self) -> (i64, i64, &str, i64) {
        (self.observed, self.recorded, &self.stream, self.sequence)
    }
}

/// A number as its column holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Int(i64),
    Real(f64),
    Money(Millionths),
}

/// An amount of money in millionths. There are many cells and few amounts: as an `i128`, which lies at a multiple of
/// sixteen bytes, it would make every cell half as large again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Millionths([u8; 16]);

impl From<i128> for Millionths {
    fn from(amount: i128) -> Self {
        Self(amount.to_ne_bytes())
    }
}

impl From<Millionths> for i128 {
    fn from(amount: Millionths) -> Self {
        Self::from_ne_bytes(amount.0)
    }
}

/// One metric of one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell {
    /// The metric's place among the metric columns of its table.
    pub(crate) column: u16,
    /// The number; absent when the source said that it does not tell it.
    pub(crate) number: Option<Number>,
    pub(crate) flags: Flags,
    pub(crate) definition: Option<SmolStr>,
    pub(crate) origin: Arc<Origin>,
    /// When the same was read again, where that was later.
    pub(crate) confirmed: i64,
}

/// Never confirmed.
pub(crate) const NEVER: i64 = i64::MIN;

impl Cell {
    /// When it was last known to be so.
    pub(crate) fn known_at(&self) -> i64 {
        self.origin.observed.max(self.confirmed)
    }

    fn order(&self) -> (i64, i64, &str, i64) {
        (self.known_at(), self.origin.recorded, &self.origin.stream, self.origin.sequence)
    }

    /// Whether both say the same.
    fn agrees(&self, other: &Self) -> bool {
        let currency = |cell: &Self| match cell.number {
            Some(Number::Money(_)) => cell.origin.currency.clone(),
            _ => None,
        };
        self.number == other.number
            && self.flags == other.flags
            && self.definition == other.definition
            && self.origin.provisional == other.origin.provisional
            && currency(self) == currency(other)
    }
}

/// What became of a row to which something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// Nothing new.
    Nothing,
    /// The same, known to be so at a later time.
    Confirmed,
    /// Something else.
    Changed,
}

/// Takes what a source says into what is known. Both are sorted by column.
pub(crate) fn absorb(known: &mut Vec<Cell>, said: Vec<Cell>) -> Change {
    let mut change = Change::Nothing;
    for cell in said {
        let place = known.binary_search_by_key(&cell.column, |known| known.column);
        change = change.max(match place {
            Err(place) => {
                known.insert(place, cell);
                Change::Changed
            }
            Ok(place) => settle(&mut known[place], cell),
        });
    }
    change
}

fn settle(known: &mut Cell, said: Cell) -> Change {
    if said.order() < known.order() {
        return Change::Nothing;
    }
    if !known.agrees(&said) {
        *known = said;
        return Change::Changed;
    }
    if said.known_at() <= known.known_at() {
        return Change::Nothing;
    }
    known.confirmed = said.known_at();
    Change::Confirmed
}

/// A window as a key: a reading is known by its instant alone, whatever day a zone gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum WindowKey {
    At(i64),
    Day(i32),
    Period(i32, i32),
}

/// What makes two measurements speak of the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) account: SmolStr,
    pub(crate) kind: SubjectKind,
    pub(crate) subject: SmolStr,
    pub(crate) segment: Option<(SmolStr, SmolStr)>,
    pub(crate) window: WindowKey,
    pub(crate) traffic: Traffic,
    pub(crate) provenance: Provenance,
    /// The metric, in tables of one metric a row.
    pub(crate) metric: Option<SmolStr>,
}

/// One row of facts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) key: Key,
    /// First local day of the window, in days since 1970.
    pub(crate) day: i32,
    /// The day after the last.
    pub(crate) end_day: i32,
    /// The numbers, by column.
    pub(crate) cells: Vec<Cell>,
    /// Since when the row is valid.
    pub(crate) recorded: i64,
}

impl Row {
    /// What rows are sorted by in files of facts.
    pub(crate) fn place(&self) -> (&SmolStr, &SmolStr, i32, WindowKey) {
        (&self.key.account, &self.key.subject, self.day, self.key.window)
    }

    /// The origin that speaks for the row: the newest.
    pub(crate) fn main(&self) -> Option<&Arc<Origin>> {
        let first = &self.cells.first()?.origin;
        if self.cells.iter().all(|cell| Arc::ptr_eq(&cell.origin, first)) {
            return Some(first);
        }
        self.cells.iter().map(|cell| &cell.origin).max_by(|a, b| a.order().cmp(&b.order()))
    }

    /// The currency of the money in it: that of the newest.
    pub(crate) fn currency(&self) -> Option<&SmolStr> {
        self.cells
            .iter()
            .filter(|cell| matches!(cell.number, Some(Number::Money(_))))
            .max_by(|a, b| a.order().cmp(&b.order()))
            .and_then(|cell| cell.origin.currency.as_ref())
    }

    /// Whether all its numbers were said at once and nothing must be told of them one by one.
    pub(crate) fn is_of_one_piece(&self) -> bool {
        let Some(first) = self.cells.first() else { return true };
        first.origin.recorded == self.recorded
            && self.cells.iter().all(|cell| {
                (Arc::ptr_eq(&cell.origin, &first.origin) || cell.origin == first.origin)
                    && cell.confirmed == first.confirmed
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(observed: i64, recorded: i64, numbers: &[(u16, i64)]) -> Vec<Cell> {
        let origin = Arc::new(Origin {
            observed,
            recorded,
            estimated: false,
            provisional: false,
            source: "test".into(),
            run: None,
            stream: "x/a:test".into(),
            sequence: 1,
            currency: None,
        });
        numbers
            .iter()
            .map(|(column, number)| Cell {
                column: *column,
                number: Some(Number::Int(*number)),
                flags: Flags::NONE,
                definition: None,
                origin: origin.clone(),
                confirmed: NEVER,
            })
            .collect()
    }

    fn numbers(cells: &[Cell]) -> Vec<(u16, i64)> {
        let int = |cell: &Cell| match cell.number {
            Some(Number::Int(number)) => (cell.column, number),
            _ => panic!("not a count"),
        };
        cells.iter().map(int).collect()
    }

    #[test]
    fn an_older_source_fills_gaps_and_overrides_nothing() {
        let mut known = said(2, 1, &[(0, 10), (2, 30)]);
        assert_eq!(absorb(&mut known, said(1, 2, &[(0, 99), (1, 20)])), Change::Changed);
        assert_eq!(numbers(&known), [(0, 10), (1, 20), (2, 30)]);
    }

    #[test]
    fn the_same_again_is_remembered_as_confirmed() {
        let mut known = said(1, 1, &[(0, 10)]);
        assert_eq!(absorb(&mut known, said(3, 2, &[(0, 10)])), Change::Confirmed);
        assert_eq!(
            absorb(&mut known, said(2, 3, &[(0, 20)])),
            Change::Nothing,
            "older than what confirmed it"
        );
        assert_eq!(absorb(&mut known, said(3, 2, &[(0, 10)])), Change::Nothing);
        assert_eq!(numbers(&known), [(0, 10)]);
    }

    #[test]
    fn at_the_same_instant_the_later_record_wins() {
        let mut known = said(1, 1, &[(0, 100)]);
        assert_eq!(absorb(&mut known, said(1, 2, &[(0, 93)])), Change::Changed);
        assert_eq!(numbers(&known), [(0, 93)]);
    }
}
