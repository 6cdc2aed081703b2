//! From measurements to rows: which table, which key, which columns.

use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use kepi_core::{
    AccountId, Catalogue, Job, Measurement, Platform, Reading, Result, SubjectKind, Value, Window,
    period::{local_day, zone},
    tables::{self, Table, Type, metric_type},
};
use smol_str::SmolStr;

use crate::{
    cell::{Cell, Key, NEVER, Number, Origin, Row, WindowKey, absorb},
    hash::HashMap,
    same::Same,
    value::{days_of, millionths},
};

/// The tables of facts, in the order in which they are committed.
pub(crate) static FACTS: [Table; 8] = [
    tables::POST_FACTS,
    tables::ACCOUNT_FACTS,
    tables::MEDIA_FACTS,
    tables::CAMPAIGN_FACTS,
    tables::TOPIC_FACTS,
    tables::LOCATION_FACTS,
    tables::SEGMENT_FACTS,
    tables::OTHER_FACTS,
];

/// Metrics of a kind of subject: place and type of each one's column.
type Places = HashMap<SubjectKind, HashMap<SmolStr, (u16, Type)>>;

/// The metric columns of the wide tables.
static COLUMNS: LazyLock<Places> = LazyLock::new(|| {
    let of = |kind| {
        let columns = Catalogue::builtin().columns(kind).zip(0..);
        columns
            .map(|(metric, place)| (SmolStr::new(metric.id.as_str()), (place, metric_type(metric))))
            .collect()
    };
    SubjectKind::ALL.into_iter().map(|kind| (kind, of(kind))).collect()
});

/// Rows by key, as one commit brings them to one table.
pub(crate) type Fresh = HashMap<Key, Arc<Row>>;

/// The page that measurements stand in.
#[derive(Debug)]
pub(crate) struct PageContext {
    pub(crate) source: SmolStr,
    pub(crate) run: Option<SmolStr>,
    pub(crate) stream: SmolStr,
    pub(crate) sequence: i64,
    pub(crate) recorded: i64,
    zones: Vec<(AccountId, TimeZone)>,
    otherwise: TimeZone,
}

impl PageContext {
    /// The context of a page of a job.
    ///
    /// # Errors
    /// `BadConfig` when a zone of the job is unknown.
    pub(crate) fn new(
        job: &Job,
        run: Option<SmolStr>,
        stream: &kepi_core::Stream,
        sequence: i64,
        recorded: i64,
    ) -> Result<Self> {
        let zones: Vec<(AccountId, TimeZone)> = job
            .accounts
            .iter()
            .map(|account| Ok((account.id.clone(), zone(&account.zone)?)))
            .collect::<Result<_>>()?;
        let otherwise = zones.first().map_or(TimeZone::UTC, |(_, zone)| zone.clone());
        Ok(Self {
            source: job.endpoint.clone(),
            run,
            stream: SmolStr::new(stream.as_str()),
            sequence,
            recorded,
            zones,
            otherwise,
        })
    }

    /// The zone of an account's days: that of the job's account, or the first one's.
    pub(crate) fn zone(&self, account: &AccountId) -> &TimeZone {
        self.zones.iter().find(|(id, _)| id == account).map_or(&self.otherwise, |(_, zone)| zone)
    }

    /// The name of that zone.
    pub(crate) fn zone_name(&self, account: &AccountId) -> SmolStr {
        let platform = |platform: Platform| SmolStr::new_static(platform.default_zone());
        self.zone(account).iana_name().map_or_else(|| platform(account.platform()), SmolStr::new)
    }
}

/// What one commit brings to the tables of facts.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) tables: HashMap<&'static str, Fresh>,
    /// How many measurements were gathered.
    pub(crate) measurements: usize,
}

impl Gathered {
    /// Takes in the measurements of a page.
    ///
    /// # Errors
    /// `Store` when an amount of money does not fit its column.
    pub(crate) fn take(&mut self, page: &PageContext, measurements: Vec<Measurement>) -> Result<()> {
        for measurement in measurements {
            self.measurements += 1;
            self.measurement(page, measurement)?;
        }
        Ok(())
    }

    /// Lets what is said of posts under ids of ours be said of them under the platform's.
    pub(crate) fn rename(&mut self, same: &Same) {
        for fresh in self.tables.values_mut() {
            let renamed: Vec<(Key, Key)> =
                fresh.keys().filter_map(|key| Some((key.clone(), same.renamed(key)?))).collect();
            for (old, new) in renamed {
                let Some(row) = fresh.remove(&old).map(Arc::unwrap_or_clone) else { continue };
                merge(fresh, new, (row.day, row.end_day, row.recorded), row.cells);
            }
        }
    }

    fn measurement(&mut self, page: &PageContext, mut measurement: Measurement) -> Result<()> {
        let kind = measurement.subject.kind;
        let origins = Origins::new(page, &measurement);
        let (window, day, end_day) = days(&measurement.window, page.zone(&measurement.subject.account));
        let key = Key {
            account: SmolStr::new(measurement.subject.account.as_str()),
            kind,
            subject: std::mem::take(&mut measurement.subject.id),
            segment: measurement.segment.take().map(|segment| (segment.dimension, segment.value)),
            window,
            traffic: measurement.traffic,
            provenance: measurement.provenance,
            metric: None,
        };
        let span = (day, end_day, page.recorded);
        let columns = &COLUMNS[&kind];
        let mut wide: Vec<Cell> = Vec::with_capacity(measurement.values.len());
        for reading in measurement.values {
            let place = columns.get(reading.metric.as_str()).filter(|_| key.segment.is_none());
            match place.and_then(|(place, ty)| Some((*place, fit(&reading.value, *ty)?))) {
                Some((place, number)) => wide.push(origins.cell(place, number?, reading)),
                None => self.long(&key, span, &origins, reading)?,
            }
        }
        if !wide.is_empty() {
            wide.sort_by_key(|cell| cell.column);
            wide.dedup_by_key(|cell| cell.column);
            merge(self.tables.entry(tables::facts_of(kind).name).or_default(), key, span, wide);
        }
        Ok(())
    }

    fn long(&mut self, key: &Key, span: (i32, i32, i64), origins: &Origins, reading: Reading) -> Result<()> {
        let table = if key.segment.is_some() { &tables::SEGMENT_FACTS } else { &tables::OTHER_FACTS };
        let key = Key { metric: Some(SmolStr::new(reading.metric.as_str())), ..key.clone() };
        let number = match &reading.value {
            Value::Count(count) => Number::Int(*count),
            Value::Real(real) => Number::Real(*real),
            Value::Money(money) => Number::Money(millionths(money.amount)?.into()),
        };
        let cell = origins.cell(0, number, reading);
        merge(self.tables.entry(table.name).or_default(), key, span, vec![cell]);
        Ok(())
    }
}

/// Lays numbers over what is there of the same key.
pub(crate) fn merge(
    fresh: &mut Fresh,
    key: Key,
    (day, end_day, recorded): (i32, i32, i64),
    cells: Vec<Cell>,
) {
    if let Some(row) = fresh.get_mut(&key) {
        absorb(&mut Arc::make_mut(row).cells, cells);
    } else {
        fresh.insert(key.clone(), Arc::new(Row { key, day, end_day, cells, recorded }));
    }
}

/// The origins of a measurement's numbers: one, and one per currency where there is money.
struct Origins {
    plain: Arc<Origin>,
    money: Vec<Arc<Origin>>,
}

impl Origins {
    fn new(page: &PageContext, measurement: &Measurement) -> Self {
        let plain = Origin {
            observed: measurement.observed_at.as_microsecond(),
            recorded: page.recorded,
            estimated: measurement.observed_estimated,
            provisional: measurement.provisional,
            source: page.source.clone(),
            run: page.run.clone(),
            stream: page.stream.clone(),
            sequence: page.sequence,
            currency: None,
        };
        let mut money: Vec<Arc<Origin>> = Vec::new();
        for reading in &measurement.values {
            if let Value::Money(amount) = &reading.value
                && !money.iter().any(|origin| origin.currency.as_ref() == Some(&amount.currency))
            {
                money.push(Arc::new(Origin { currency: Some(amount.currency.clone()), ..plain.clone() }));
            }
        }
        // A measurement in one currency is of one piece.
        let plain = match &money[..] {
            [only] => only.clone(),
            _ => Arc::new(plain),
        };
        Self { plain, money }
    }

    fn cell(&self, column: u16, number: Number, reading: Reading) -> Cell {
        let origin = match &reading.value {
            Value::Money(money) => {
                self.money.iter().find(|origin| origin.currency.as_ref() == Some(&money.currency))
            }
            _ => None,
        };
        let told = !reading.flags.contains(kepi_core::Flags::CENSORED);
        Cell {
            column,
            number: told.then_some(number),
            flags: reading.flags,
            definition: reading.definition,
            origin: origin.unwrap_or(&self.plain).clone(),
            confirmed: NEVER,
        }
    }
}

/// The number as a column of a type holds it; `None` when it does not fit there.
fn fit(value: &Value, ty: Type) -> Option<Result<Number>> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "the column is real; counts beyond 2^53 do not occur there"
    )]
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within range")]
    match (value, ty) {
        (Value::Count(count), Type::Int) => Some(Ok(Number::Int(*count))),
        (Value::Count(count), Type::Real) => Some(Ok(Number::Real(*count as f64))),
        (Value::Real(real), Type::Real) => Some(Ok(Number::Real(*real))),
        (Value::Real(real), Type::Int) if real.fract() == 0.0 && real.abs() < 9e15 => {
            Some(Ok(Number::Int(*real as i64)))
        }
        (Value::Money(money), Type::Money) => {
            Some(millionths(money.amount).map(|amount| Number::Money(amount.into())))
        }
        _ => None,
    }
}

/// The local day that a reading closes: one taken exactly at midnight, as every export dated by the end of its
/// range is, ends the day before.
fn closed_day(at: Timestamp, zone: &TimeZone) -> Date {
    local_day(at.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(at), zone)
}

fn days(window: &Window, zone: &TimeZone) -> (WindowKey, i32, i32) {
    match window {
        Window::At(at) => {
            let day = days_of(closed_day(*at, zone));
            (WindowKey::At(at.as_microsecond()), day, day + 1)
        }
        Window::Day(date) => {
            let day = days_of(*date);
            (WindowKey::Day(day), day, day + 1)
        }
        Window::Period(span) => {
            let (start, end) = (days_of(span.start), days_of(span.end));
            (WindowKey::Period(start, end), start, end)
        }
    }
}
