//! Tables to a page: every row for itself, every cell for itself.

mod known;
mod page;
mod post;
mod unread;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kepi_core::{
    AccountRef, Body, Catalogue, DateSpan, Job, Measurement, MetricId, Nature, Page, Provenance, Reading,
    Result, Segment, Subject, SubjectKind, Traffic, Value, Window, WindowKind,
    period::{self, add_days},
};

pub(crate) use self::known::that_may_be;
use self::{known::KnownPosts, page::PageBuilder};
use crate::{
    layout::Names,
    locate::{self, Found},
    observed::ObservedBy,
    read::{self, text::NOT_UTF8},
    recipe::Recipe,
    sheet::{Row, normalized},
    time::{self, Moment},
    value::{self, Kind, Measure, Style},
};

/// The first day of which a row may tell.
const FIRST_DAY: Date = jiff::civil::date(2000, 1, 1);

/// The day before which all of them are.
const END_OF_DAYS: Date = jiff::civil::date(2100, 1, 1);

/// Follows begun less follows ended.
const FOLLOWS_NET: MetricId = MetricId::from_static("follows_net");

/// Decodes a body by its job.
pub(crate) fn decode(job: &Job, body: &Body) -> Result<Page> {
    let recipe = Recipe::of(job)?;
    let account = job.account()?;
    let zone = period::zone(recipe.layout.zone.as_deref().unwrap_or(&account.zone))?;
    let file = read::read(&body.bytes, recipe.layout.delimiter)?;
    let mut page = PageBuilder::new(account.id.clone());
    if file.guessed {
        page.remark(format!(
            "{} does not say its encoding and is read as {}: save it as UTF-8 if words look wrong",
            recipe.file, file.encoding
        ));
    }
    let found = locate::tables(&recipe.layout, &file.sheets);
    let known = KnownPosts::of(&recipe.known);
    for found in &found {
        let table = TableReader { recipe: &recipe, account, zone: &zone, known: &known, found };
        table.read(&mut page);
    }
    unread::tell(&recipe.layout, &file.sheets, &found, &mut page);
    if found.is_empty() {
        page.remark(format!("no table of layout {} stands in {}", recipe.layout.id, recipe.file));
    }
    Ok(page.finish())
}

/// Reads one table.
struct TableReader<'a> {
    recipe: &'a Recipe,
    account: &'a AccountRef,
    zone: &'a TimeZone,
    known: &'a KnownPosts<'a>,
    found: &'a Found<'a>,
}

/// A column of numbers.
struct NumberColumn<'a> {
    metric: &'a MetricId,
    /// `None` where a column of the row decides.
    traffic: Traffic,
    column: usize,
    header: String,
    style: Style<'a>,
}

impl TableReader<'_> {
    fn read(&self, page: &mut PageBuilder) {
        let columns = self.number_columns(page);
        if columns.is_empty() {
            return;
        }
        let rows: Vec<&Row> = self.found.rows().collect();
        let times = self.times(&rows);
        let days = times.iter().flatten().map(|moment| moment.day(self.zone));
        let last_day = days.filter(|day| self.check_day(*day).is_ok()).max();
        for (row, moment) in rows.iter().zip(&times) {
            if let Err(reason) = self.row(row, moment.as_ref(), last_day, &columns, page) {
                page.reject(self.place(row), reason, row.raw.clone());
            }
        }
        self.tell_a_cut_end(&rows, page);
        self.tell_a_full_file(rows.len(), page);
    }

    fn place(&self, row: &Row) -> String {
        self.found.sheet.place(row)
    }

    fn number_columns(&self, page: &mut PageBuilder) -> Vec<NumberColumn<'_>> {
        let table = self.found.table;
        let plain = table
            .metrics
            .iter()
            .flat_map(|(traffic, metrics)| metrics.iter().map(|(metric, names)| (*traffic, metric, names)));
        let mut columns = Vec::new();
        for (traffic, metric, names) in plain.chain(self.found.named()) {
            let Some(column) = self.found.column(names) else { continue };
            let header = self.found.header_text(column);
            if self.found.is_doubled(column) {
                page.remark(format!("column {header} stands twice: {metric} is not read"));
                continue;
            }
            let Some(kind) = self.recipe.kinds.get(metric).copied() else { continue };
            columns.push(NumberColumn { metric, traffic, column, style: self.style(kind, &header), header });
        }
        columns
    }

    fn style(&self, kind: Kind, header: &str) -> Style<'_> {
        let table = self.found.table;
        Style {
            kind,
            missing: &table.missing,
            rates: table.rates,
            decimal: table.decimal,
            measure: Measure::of(header),
            currency: self.recipe.currency.as_ref(),
            capped_at: table.capped_at,
        }
    }

    /// What the rows' time column says; the same error is found again where the row is read.
    fn times(&self, rows: &[&Row]) -> Vec<Option<Moment>> {
        let table = self.found.table;
        let Some(column) = self.found.column(&table.time) else { return vec![None; rows.len()] };
        if table.yearless {
            let observed = self.zone.to_datetime(self.recipe.observed_at).date();
            let days: Vec<_> =
                rows.iter().map(|row| time::month_and_day(row.cell(column), &table.dates)).collect();
            if days.iter().any(Option::is_some) {
                let dated = time::with_years(&days, observed);
                return dated.into_iter().map(|day| day.map(Moment::Day)).collect();
            }
        }
        rows.iter().map(|row| time::read(row.cell(column), &table.dates).ok()).collect()
    }

    fn row(
        &self,
        row: &Row,
        moment: Option<&Moment>,
        last_day: Option<Date>,
        columns: &[NumberColumn<'_>],
        page: &mut PageBuilder,
    ) -> Result<(), String> {
        self.check_shape(row)?;
        self.check_only(row)?;
        let table = self.found.table;
        let subject = match table.subject {
            SubjectKind::Account => Subject::account(self.account.id.clone()),
            SubjectKind::Post => match self.post(row, page)? {
                Some(id) => Subject::post(self.account.id.clone(), id),
                None => return Ok(()),
            },
            kind => Subject::of(self.account.id.clone(), kind, self.subject_id(row)?),
        };
        let window = self.window(row, moment)?;
        let segment = self.segment(row)?;
        let provisional =
            table.last_day_provisional && matches!(&window, Window::Day(day) if Some(*day) == last_day);
        for (traffic, values) in self.values(row, columns, page) {
            let measurement = Measurement {
                segment: segment.clone(),
                traffic,
                provenance: self.provenance(),
                observed_estimated: self.recipe.observed_estimated && !self.tells_instants(),
                provisional,
                values,
                ..Measurement::new(subject.clone(), window.clone(), self.observed_at(&window))
            };
            page.measure(measurement, &self.place(row), &row.raw);
        }
        Ok(())
    }

    fn provenance(&self) -> Provenance {
        self.recipe.layout.provenance
    }

    /// Whether its rows say themselves when each was read.
    fn tells_instants(&self) -> bool {
        self.found.table.window == WindowKind::At && !self.found.table.time.is_none()
    }

    fn observed_at(&self, window: &Window) -> Timestamp {
        match window {
            Window::At(at) => *at,
            _ => self.recipe.observed_at,
        }
    }

    fn check_shape(&self, row: &Row) -> Result<(), String> {
        if let Some(fault) = row.fault {
            return Err(fault.to_owned());
        }
        let width = self.found.sheet.rows.get(self.found.header).map_or(0, |header| header.cells.len());
        let has = row.cells.len();
        let overflows = row.cells.iter().skip(width).any(|cell| !cell.is_empty());
        if self.found.sheet.even && (has < width || overflows) {
            return Err(format!("the row has {has} cells, its header {width}"));
        }
        Ok(())
    }

    fn check_only(&self, row: &Row) -> Result<(), String> {
        let Some(only) = &self.found.table.only else { return Ok(()) };
        let Some(column) = self.found.column(&only.column) else { return Ok(()) };
        let word = row.cell(column).shown();
        if only.words.iter().any(|known| normalized(known) == normalized(&word)) {
            return Ok(());
        }
        Err(format!(
            "{} is {word:?}: only rows of {} are read",
            self.found.header_text(column),
            only.words.join(", ")
        ))
    }

    fn subject_id(&self, row: &Row) -> Result<String, String> {
        let column = self.found.column(&self.found.table.id);
        let id = column.map(|column| row.cell(column).shown().trim().to_owned()).unwrap_or_default();
        if id.is_empty() { Err("the row does not say what it is about".to_owned()) } else { Ok(id) }
    }

    fn window(&self, row: &Row, moment: Option<&Moment>) -> Result<Window, String> {
        let table = self.found.table;
        if table.time.is_none() {
            return match table.window {
                WindowKind::At => Ok(Window::At(self.recipe.observed_at)),
                WindowKind::Period => self
                    .recipe
                    .days
                    .map(Window::Period)
                    .ok_or_else(|| "the file's name does not say which days the numbers cover".to_owned()),
                WindowKind::Day => Err("the table has no days".to_owned()),
            };
        }
        let moment = match moment {
            Some(moment) => *moment,
            None => self.moment(row, &table.time)?,
        };
        let day = self.check_day(moment.day(self.zone))?;
        match table.window {
            WindowKind::Day => Ok(Window::Day(day)),
            WindowKind::At => {
                moment.instant(self.zone).map(Window::At).ok_or_else(|| "a time out of range".to_owned())
            }
            WindowKind::Period => {
                let until = self.check_day(self.moment(row, &table.until)?.day(self.zone))?;
                if until < day {
                    return Err(format!("the period ends on {until}, before it begins on {day}"));
                }
                Ok(Window::Period(DateSpan::new(day, add_days(until, 1))))
            }
        }
    }

    fn moment(&self, row: &Row, names: &Names) -> Result<Moment, String> {
        let column = self.found.column(names).ok_or("the table has no column of dates")?;
        time::read(row.cell(column), &self.found.table.dates)
    }

    fn segment(&self, row: &Row) -> Result<Option<Segment>, String> {
        let Some(split) = &self.found.table.segment else { return Ok(None) };
        if let Some(value) = &split.value {
            return Ok(Some(Segment { dimension: split.dimension.clone(), value: value.clone() }));
        }
        let column =
            self.found.column(&split.column).ok_or("the table does not say which part it is about")?;
        let value = row.cell(column).shown().trim().to_owned();
        if value.is_empty() {
            return Err(format!("the row does not say which {}", split.dimension));
        }
        if split.whole.contains(&value) {
            return Ok(None);
        }
        Ok(Some(Segment { dimension: split.dimension.clone(), value: value.into() }))
    }

    /// The readings of a row by traffic. A cell that cannot be read is set aside, the rest of its row is kept.
    fn values(
        &self,
        row: &Row,
        columns: &[NumberColumn<'_>],
        page: &mut PageBuilder,
    ) -> Vec<(Traffic, Vec<Reading>)> {
        let of_row = self.traffic(row);
        let mut values: Vec<(Traffic, Vec<Reading>)> = Vec::new();
        for number in columns {
            match value::read(row.cell(number.column), &number.style) {
                Ok(None) => {}
                Ok(Some((Value::Count(count), _)))
                    if count < 0 && !self.may_fall_below_zero(number.metric) =>
                {
                    let place = format!("{}, column {}", self.place(row), number.header);
                    page.reject(place, format!("{count} is less than nothing"), row.raw.clone());
                }
                Ok(Some((value, flags))) => {
                    let reading = Reading { metric: number.metric.clone(), value, flags, definition: None };
                    let traffic = of_row.unwrap_or(number.traffic);
                    match values.iter_mut().find(|(t, _)| *t == traffic) {
                        Some((_, readings)) => readings.push(reading),
                        None => values.push((traffic, vec![reading])),
                    }
                }
                Err(reason) => {
                    page.reject(
                        format!("{}, column {}", self.place(row), number.header),
                        reason,
                        row.raw.clone(),
                    );
                }
            }
        }
        values
    }

    /// Net numbers may; of a span of days also what people can take back.
    fn may_fall_below_zero(&self, metric: &MetricId) -> bool {
        let Some(metric) = Catalogue::builtin().get(metric.as_str()) else { return true };
        let of_days = self.found.table.window != WindowKind::At;
        metric.id == FOLLOWS_NET || (of_days && metric.nature == Nature::Count && metric.revocable)
    }

    /// A day that can be meant: not before there were platforms, and not after the numbers were read.
    fn check_day(&self, day: Date) -> Result<Date, String> {
        let read = self.zone.to_datetime(self.recipe.observed_at).date();
        if !(FIRST_DAY..END_OF_DAYS).contains(&day) {
            return Err(format!("{day} is no day that can be meant"));
        }
        // Zones differ by a day, and the end of a range in the name is no more than a lower bound.
        let bounded = self.recipe.observed_by != ObservedBy::RangeInName;
        if bounded && day > add_days(read, 1) {
            return Err(format!(
                "{day} is after {read}, when the numbers were read: say it with --observed-at if that is wrong"
            ));
        }
        Ok(day)
    }

    fn traffic(&self, row: &Row) -> Option<Traffic> {
        let split = self.found.table.traffic.as_ref()?;
        let word = self.found.column(&split.column).map(|column| normalized(&row.cell(column).shown()));
        let known = split.words.iter().find(|(known, _)| Some(normalized(known)) == word);
        Some(known.map_or(Traffic::Unknown, |(_, traffic)| *traffic))
    }

    fn tell_a_full_file(&self, rows: usize, page: &mut PageBuilder) {
        let most = self.found.table.most_rows.and_then(|most| usize::try_from(most).ok());
        if let Some(most) = most.filter(|most| rows >= *most) {
            page.gap(format!(
                "{} holds {rows} rows, and no more than {most} are exported: others may be missing; export again, \
                 sorted otherwise or of fewer days",
                self.recipe.file
            ));
        }
    }

    fn tell_a_cut_end(&self, rows: &[&Row], page: &mut PageBuilder) {
        let Some(last) = rows.last().filter(|_| self.found.sheet.even) else { return };
        if last.fault != Some(NOT_UTF8) && self.check_shape(last).is_err() {
            page.gap(format!(
                "{} ends in the middle of a row ({}): rows may be missing; download it again",
                self.recipe.file,
                self.place(last)
            ));
        }
    }
}
