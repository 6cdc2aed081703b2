//! Reports of paid delivery: of days that are over, and of today.

use std::collections::HashSet;

use jiff::civil::Date;
use kepi_core::{
    Body, Cursor, DateSpan, Error, Job, MetricId, Notice, Page, Post, Reading, Result, Subject, SubjectKind,
    Traffic, Value, Window,
    json::{self, Whole},
    period::{add_days, local_day},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::{SmolStr, format_smolstr};

use super::{
    answer::{Of, Sheet, salvage, unknown_shape},
    doubt::doubtful,
    failure,
    row::Row,
};
use crate::{
    config::XiaohongshuConfig,
    descriptor::{Column, DAYS_PAGE, Grain, Report, TODAY_PAGE},
    request::{Asked, Step, beijing, report_step, sends_columns},
};

/// Conversions are counted anew for as long as their window is; all else for as long as the descriptor says.
const AS_ALL_ELSE: u16 = 0;
const SEVEN_DAYS_SETTLE: u16 = 8;
const FIFTEEN_DAYS_SETTLE: u16 = 16;
const THIRTY_DAYS_SETTLE: u16 = 31;

/// Until this hour of the next day, a day without a row may be one that is not computed yet.
const LATE_HOUR: i8 = 12;

/// The answer of a report of days.
#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct Days<R> {
    data: Option<DaysData<R>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct DaysData<R> {
    #[serde(default, alias = "dataList", deserialize_with = "json::null_is_empty")]
    data_list: Option<Vec<R>>,
    #[serde(default, alias = "totalCount")]
    total_count: Whole,
}

/// The answer of a report of today about the account.
#[derive(Deserialize)]
struct Today<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// The answer of a report of today about campaigns, units or creatives. What it holds stands in `data` or beside it.
#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct Lists<R> {
    data: Option<Listed<R>>,
    page: Option<PageOf>,
    #[serde(default, alias = "campaignDtos", deserialize_with = "json::null_is_empty")]
    campaign_dtos: Option<Vec<R>>,
    #[serde(default, alias = "unitDtos", deserialize_with = "json::null_is_empty")]
    unit_dtos: Option<Vec<R>>,
    #[serde(default, alias = "creativityDtos", deserialize_with = "json::null_is_empty")]
    creativity_dtos: Option<Vec<R>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct Listed<R> {
    page: Option<PageOf>,
    #[serde(default, alias = "campaignDtos", deserialize_with = "json::null_is_empty")]
    campaign_dtos: Option<Vec<R>>,
    #[serde(default, alias = "unitDtos", deserialize_with = "json::null_is_empty")]
    unit_dtos: Option<Vec<R>>,
    #[serde(default, alias = "creativityDtos", deserialize_with = "json::null_is_empty")]
    creativity_dtos: Option<Vec<R>>,
}

#[derive(Deserialize)]
struct PageOf {
    #[serde(default, alias = "totalCount")]
    total_count: Whole,
}

/// A row of today: its names and its numbers stand apart, and one of the keys is misspelt.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    data: Row<'a>,
    #[serde(borrow, alias = "baseCampaignDto")]
    base_campaign_dto: Option<Row<'a>>,
    #[serde(borrow, alias = "baseUnitDto")]
    base_unit_dto: Option<Row<'a>>,
    #[serde(borrow, alias = "base_creativity_dto", alias = "baseCreativtyDto", alias = "baseCreativityDto")]
    base_creativty_dto: Option<Row<'a>>,
}

impl<'a> Entry<'a> {
    fn named(self) -> Row<'a> {
        let campaign_id = self.base_campaign_dto.and_then(|base| base.campaign_id);
        let unit_id = self.base_unit_dto.and_then(|base| base.unit_id);
        let creativity_id = self.base_creativty_dto.and_then(|base| base.creativity_id);
        Row { campaign_id, unit_id, creativity_id, ..self.data }
    }
}

/// Reads a page of a report.
pub(super) fn page(
    config: &XiaohongshuConfig,
    report: &Report,
    job: &Job,
    cursor: &Cursor,
    body: &Body,
) -> Result<Page> {
    let (page, asked) = report_step(job, cursor)?;
    let mut sheet = Sheet::new(body);
    let read = match (report.today, report.grain) {
        (false, _) => days(job, &mut sheet),
        (true, Grain::Account) => today(job, &mut sheet),
        (true, _) => listed(job, &mut sheet),
    };
    let without_rows = read.as_ref().map_or(true, |(rows, _)| rows.is_empty());
    if without_rows && let Some(refusal) = failure::refusal_of_columns(&body.bytes) {
        return refused(config, report, job, (page, asked), &refusal);
    }
    let (rows, total) = read?;
    let next = next_page(report, page, rows.len() + sheet.page.rejects.len(), total)?;
    let columns = asked.of(config, report);
    let told = put(report, job, &mut sheet, &columns, rows)?;
    match next {
        Some(page) => sheet.page.next = Some(Cursor::from_state(&Step::Report { page, asked })?),
        None if page == 1 && !report.today => missing(job, &mut sheet, &told),
        None => {}
    }
    Ok(sheet.page)
}

/// Xiaohongshu refuses the whole call for one column. The page is asked for again without it, or, where the
/// refusal names none, with fewer.
fn refused(
    config: &XiaohongshuConfig,
    report: &Report,
    job: &Job,
    (page, asked): (u32, Asked),
    refusal: &failure::Refusal,
) -> Result<Page> {
    let columns = asked.of(config, report);
    let named = refusal.named(&columns);
    let after = asked.after(&named).filter(|after| !after.of(config, report).is_empty());
    let Some(after) = after.filter(|_| sends_columns(config, report)) else {
        return Err(refusal.error().with("endpoint", &job.endpoint));
    };
    let kept = after.of(config, report);
    let lost: Vec<Column> = columns.into_iter().filter(|column| !kept.contains(column)).collect();
    let account = &job.account()?.id;
    let reason = refusal.said();
    let mut told = Page::default();
    for column in lost.iter().filter(|column| column.told().part.0.is_empty()) {
        told.notices.push(Notice::NotOffered {
            account: account.clone(),
            metric: Some(SmolStr::new_static(column.told().metric)),
            reason: reason.clone(),
        });
    }
    let names: Vec<&str> = lost.iter().map(|column| column.told().name).collect();
    told.notices.push(Notice::Remark {
        text: format!(
            "Xiaohongshu refused the columns of {} ({reason}); asked again without {}. Name those it does not know \
             in left_out_columns of [platform.xiaohongshu]",
            job.endpoint,
            names.join(", ")
        ),
    });
    told.next = Some(Cursor::from_state(&Step::Report { page, asked: after })?);
    Ok(told)
}

fn days<'a>(job: &Job, sheet: &mut Sheet<'a>) -> Result<(Vec<Row<'a>>, Whole)> {
    let bytes = &sheet.body.bytes;
    let data = match serde_json::from_slice::<Days<Row<'a>>>(bytes) {
        Ok(answer) => answer.data,
        Err(_) => {
            let raw: Days<&RawValue> =
                serde_json::from_slice(bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
            match raw.data {
                Some(data) => {
                    let rejects = &mut sheet.page.rejects;
                    let rows = data.data_list.map(|rows| salvage(job, &rows, "/data/data_list", rejects));
                    Some(DaysData { data_list: rows.transpose()?, total_count: data.total_count })
                }
                None => None,
            }
        }
    };
    let Some(data) = data else { return Ok((Vec::new(), Whole(None))) };
    match data.data_list {
        Some(rows) => Ok((rows, data.total_count)),
        None if data.total_count.0 == Some(0) => Ok((Vec::new(), data.total_count)),
        None => Err(unknown_shape(job)),
    }
}

fn today<'a>(job: &Job, sheet: &mut Sheet<'a>) -> Result<(Vec<Row<'a>>, Whole)> {
    let answer: Today<'a> =
        serde_json::from_slice(&sheet.body.bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
    let Some(data) = answer.data else { return Ok((Vec::new(), Whole(None))) };
    match serde_json::from_str::<Row<'a>>(data.get()) {
        Ok(row) if row.values.is_empty() => Err(unknown_shape(job)),
        Ok(row) => Ok((vec![row], Whole(None))),
        Err(error) if data.get().starts_with('{') => {
            sheet.set_aside(job, "/data", error.to_string(), data.get().to_owned());
            Ok((Vec::new(), Whole(None)))
        }
        Err(error) => Err(unknown_shape(job).caused_by(error)),
    }
}

fn listed<'a>(job: &Job, sheet: &mut Sheet<'a>) -> Result<(Vec<Row<'a>>, Whole)> {
    let bytes = &sheet.body.bytes;
    let raw: Lists<&RawValue> =
        serde_json::from_slice(bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
    let beside = Listed {
        page: raw.page,
        campaign_dtos: raw.campaign_dtos,
        unit_dtos: raw.unit_dtos,
        creativity_dtos: raw.creativity_dtos,
    };
    let within = raw.data.map(|data| ("/data", data));
    let found = [within, Some(("", beside))].into_iter().flatten().find_map(|(place, listed)| {
        let lists = [
            ("campaign_dtos", listed.campaign_dtos),
            ("unit_dtos", listed.unit_dtos),
            ("creativity_dtos", listed.creativity_dtos),
        ];
        let (key, rows) = lists.into_iter().find_map(|(key, rows)| Some((key, rows?)))?;
        Some((format!("{place}/{key}"), rows, listed.page))
    });
    let Some((place, rows, page)) = found else { return Err(unknown_shape(job)) };
    let entries: Vec<Entry<'a>> = salvage(job, &rows, &place, &mut sheet.page.rejects)?;
    let total = page.map_or(Whole(None), |page| page.total_count);
    Ok((entries.into_iter().map(Entry::named).collect(), total))
}

/// Where the report goes on: until as many rows as it has have been asked for. Where it does not say how many,
/// a full page is followed by another.
fn next_page(report: &Report, page: u32, rows: usize, total: Whole) -> Result<Option<u32>> {
    let size = i64::from(if report.today { TODAY_PAGE } else { DAYS_PAGE });
    let whole = report.today && report.grain == Grain::Account;
    let more = match total.0 {
        Some(total) => i64::from(page) * size < total,
        None => !whole && i64::try_from(rows).is_ok_and(|rows| rows >= size),
    };
    if !more {
        return Ok(None);
    }
    let next = page.checked_add(1).ok_or_else(|| {
        Error::bad_response("the report does not end").with("endpoint", report.endpoint).with("page", page)
    })?;
    Ok(Some(next))
}

/// Puts the rows on the sheet; says of which days they are.
fn put(
    report: &Report,
    job: &Job,
    sheet: &mut Sheet<'_>,
    columns: &[Column],
    rows: Vec<Row<'_>>,
) -> Result<Vec<Date>> {
    let account = &job.account()?.id;
    let zeros: Vec<Column> = doubtful(&rows).into_iter().filter(|column| columns.contains(column)).collect();
    if !zeros.is_empty() {
        let names: Vec<&str> = zeros.iter().map(|column| column.told().name).collect();
        sheet.remark(format!(
            "{} of {} are zero in every row, against what the other columns say: taken for columns that were not \
             granted, and not for data",
            names.join(", "),
            report.endpoint
        ));
    }
    let mut told = Vec::new();
    let mut seen: HashSet<(SmolStr, Date)> = HashSet::with_capacity(rows.len());
    let mut posts: HashSet<SmolStr> = HashSet::new();
    let mut elsewhere = 0_usize;
    sheet.page.measurements.reserve(rows.len());
    for row in rows {
        let day = match day_of(report, job, &row) {
            Ok(day) => day,
            Err(reason) => {
                let raw = format!("{:?}", row.time.as_deref().unwrap_or_default());
                sheet.set_aside(job, "/data", reason, raw);
                continue;
            }
        };
        told.push(day);
        let id = match id_of(report, &row) {
            Ok(Some(id)) => id,
            Ok(None) => {
                elsewhere += 1;
                continue;
            }
            Err(reason) => {
                sheet.set_aside(job, "/data", reason, day.to_string());
                continue;
            }
        };
        if !seen.insert((id.clone(), day)) {
            let reason = "the same day of the same subject stands twice";
            sheet.set_aside(job, "/data", reason, format!("{id} {day}"));
            continue;
        }
        if report.grain == Grain::Note && posts.insert(id.clone()) {
            sheet.page.posts.push(Post {
                title: row.note_title.as_deref().map(str::to_owned),
                url: row.note_jump_url.as_deref().map(str::to_owned),
                ..Post::new(account.clone(), id.clone())
            });
        }
        let of_row = match report.grain {
            Grain::Account => (Subject::account(account.clone()), None),
            Grain::Campaign => (Subject::of(account.clone(), SubjectKind::Campaign, id), None),
            Grain::Note => (Subject::post(account.clone(), id), None),
            Grain::Part(dimension) => (Subject::account(account.clone()), Some((dimension, id))),
            Grain::Product(product) => {
                (Subject::account(account.clone()), Some(("ad_product", SmolStr::new_static(product))))
            }
        };
        let trusted = |column: &Column| columns.contains(column) && !zeros.contains(column);
        numbers(sheet, of_row, day, row.values.into_iter().filter(|(column, _)| trusted(column)));
    }
    if elsewhere > 0 {
        sheet
            .remark(format!("{elsewhere} rows are of pages, goods or live rooms and name no note: not read"));
    }
    Ok(told)
}

/// The day of a row: of today's reports, the day that was asked for.
fn day_of(report: &Report, job: &Job, row: &Row<'_>) -> Result<Date, &'static str> {
    if report.today {
        return Ok(local_day(job.planned_at, &beijing()));
    }
    let time = row.time.as_deref().ok_or("the row does not say its day")?;
    // A clock time may stand behind the day.
    let day = time.split([' ', 'T']).next().unwrap_or(time);
    day.parse().or_else(|_| Date::strptime("%Y%m%d", day)).map_err(|_| "the row's day cannot be read")
}

/// What names the subject of a row; `None` when it is of no note.
fn id_of(report: &Report, row: &Row<'_>) -> Result<Option<SmolStr>, &'static str> {
    let id = match report.grain {
        Grain::Account | Grain::Product(_) => return Ok(Some(SmolStr::default())),
        Grain::Note => return Ok(row.note_id.clone()),
        Grain::Campaign => row.campaign_id.clone(),
        Grain::Part("unit") => row.unit_id.clone(),
        Grain::Part("creative") => row.creativity_id.clone(),
        Grain::Part("keyword") => keyword(row),
        Grain::Part(_) => row.spu_id.clone(),
    };
    id.map(Some).ok_or("the row does not name its subject")
}

/// The same word may stand in several units, each with an id of its own.
fn keyword(row: &Row<'_>) -> Option<SmolStr> {
    Some(format_smolstr!("{} ({})", row.keyword.as_deref()?, row.keyword_id.as_ref()?))
}

/// The numbers of a row: those of the subject as a whole, and those that are counted in another way.
fn numbers<'v>(
    sheet: &mut Sheet<'_>,
    (subject, part): (Subject, Option<(&'static str, SmolStr)>),
    day: Date,
    values: impl Iterator<Item = (Column, Value)> + 'v,
) {
    let mut whole = Vec::with_capacity(13);
    let mut parts: Vec<((&'static str, &'static str), Vec<Reading>)> = Vec::new();
    let mut settles = AS_ALL_ELSE;
    for (column, value) in values {
        let told = column.told();
        let counts = !is_zero(&value);
        let definition = (!told.definition.is_empty()).then(|| SmolStr::new_static(told.definition));
        let reading = Reading { definition, value, ..Reading::count(MetricId::from_static(told.metric), 0) };
        if told.part.0.is_empty() {
            if counts && is_conversion(column) {
                settles = SEVEN_DAYS_SETTLE;
            }
            whole.push(reading);
        } else if let Some((_, readings)) = parts.iter_mut().find(|(known, _)| *known == told.part) {
            readings.push(reading);
        } else {
            parts.push((told.part, vec![reading]));
        }
    }
    let of = |part, settles, sheet: &Sheet<'_>| Of {
        subject: &subject,
        part,
        window: Window::Day(day),
        traffic: Traffic::Paid,
        provisional: sheet.unsettled(day, settles),
    };
    let about = of(part, settles, sheet);
    sheet.put(about, whole);
    for ((dimension, value), readings) in parts {
        let settles = match value {
            "live_24h" => AS_ALL_ELSE,
            "external_15d" => FIFTEEN_DAYS_SETTLE,
            "external_30d" => THIRTY_DAYS_SETTLE,
            _ => SEVEN_DAYS_SETTLE,
        };
        let about = of(Some((dimension, SmolStr::new_static(value))), settles, sheet);
        sheet.put(about, readings);
    }
}

fn is_conversion(column: Column) -> bool {
    matches!(column, Column::GoodsOrder | Column::Rgmv | Column::Leads)
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Count(count) => *count == 0,
        Value::Real(real) => *real == 0.0,
        Value::Money(money) => money.amount.is_zero(),
    }
}

/// The last day of the job has no row so soon after it: it may not be computed yet, which is not zero.
fn missing(job: &Job, sheet: &mut Sheet<'_>, told: &[Date]) {
    let Some(window) = job.window.filter(|window| !window.is_empty()) else { return };
    let last = add_days(window.end, -1);
    let soon = sheet.beijing() < add_days(last, 1).at(LATE_HOUR, 0, 0, 0);
    if soon && !told.contains(&last) {
        sheet.page.notices.push(Notice::NotYet { days: DateSpan::day(last) });
    }
}
