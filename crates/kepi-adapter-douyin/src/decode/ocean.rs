//! Ocean Engine: enterprise accounts and paid delivery.

use jiff::civil::Date;
use kepi_core::{
    Account, Body, Cursor, Error, Field, Job, Notice, Page, Reading, Result, Subject, SubjectKind, Window,
};
use smol_str::SmolStr;

use super::{
    answer::{List, Sheet},
    failure,
    rows::{Bound, EnterpriseDay, Metrics, ReportRow, count, yuan},
};
use crate::{
    config::{Conversions, DouyinConfig},
    descriptor::{BY_CONVERSION_DAY, BY_SPEND_DAY, ENTERPRISE_ROWS},
    request::{Rows, Step},
};

/// The accounts that are bound to the advertiser. Ids differ from app to app, so the account goes by another
/// one here than on the open platform.
pub(super) fn bound(config: &DouyinConfig, job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body);
    let list = sheet.list::<Bound>()?;
    let account = job.account()?;
    let known = config.enterprise_open_id(&account.id).or(account.platform_id.as_deref());
    let named = |row: &Bound| row.aweme_name.clone().or_else(|| row.aweme_id.clone());
    let Some(row) = list.rows().iter().find(|row| Some(row.open_id.as_str()) == known) else {
        let others: Vec<String> = list
            .rows()
            .iter()
            .map(|row| format!("{} = {:?}", named(row).unwrap_or_default(), row.open_id))
            .collect();
        let others = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
        sheet.remark(format!(
            "Ocean Engine does not know {} by the id {:?}; bound to the advertiser are: {others}. Its own goes \
             into enterprise_open_ids of [platform.douyin]",
            account.id,
            known.unwrap_or_default()
        ));
        return Ok(sheet.page);
    };
    sheet.page.accounts.push(Account { handle: named(row), ..Account::new(account.id.clone()) });
    Ok(sheet.page)
}

pub(super) fn days(job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let account = Subject::account(job.account()?.id.clone());
    rows(job, cursor, body, |sheet, row| {
        let mut values = row.counts();
        yuan(&mut values, "revenue", row.business_page_pay_order_gmv);
        sheet.whole(&account, &Window::Day(row.start_time_day), values);
    })
}

pub(super) fn sources(job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let account = Subject::account(job.account()?.id.clone());
    rows(job, cursor, body, |sheet, row| match row.first_flow_category.as_deref() {
        Some(source) if !source.is_empty() => {
            let part = ("traffic_source", SmolStr::new(source));
            sheet.part(&account, &Window::Day(row.start_time_day), part, row.counts());
        }
        _ => sheet.reject("/data/list", "a row without first_flow_category", row.start_time_day.to_string()),
    })
}

pub(super) fn videos(job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let account = &job.account()?.id;
    rows(job, cursor, body, |sheet, row| match &row.video_id {
        Some(video) => {
            let subject = Subject::post(account.clone(), video.clone());
            sheet.whole(&subject, &Window::Day(row.start_time_day), row.counts());
        }
        None => sheet.reject("/data/list", "a row without video_id", row.start_time_day.to_string()),
    })
}

/// Reads the rows of an enterprise account's report, and where the report goes on.
fn rows<'a>(
    job: &'a Job,
    cursor: &Cursor,
    body: &'a Body,
    tell: impl Fn(&mut Sheet<'a>, &EnterpriseDay<'a>),
) -> Result<Page> {
    let mut sheet = Sheet::new(job, body);
    let stood = Rows::at(cursor)?;
    if let Some((field, said)) = failure::refused_field(&job.endpoint, &body.bytes) {
        return without(sheet, job, stood, field, said);
    }
    let list = sheet.list::<EnterpriseDay<'_>>()?;
    for row in list.rows() {
        tell(&mut sheet, row);
    }
    without_repeats(&mut sheet);
    let offset = stood.offset.checked_add(u32::from(ENTERPRISE_ROWS)).ok_or_else(|| endless(job))?;
    if i64::from(offset) < list.total_count.0.unwrap_or(0) {
        let next = Rows { offset, without: stood.without };
        sheet.page.next = Some(Cursor::from_state(&Step::Rows(next))?);
    }
    let told: Vec<Date> = list.rows().iter().map(|row| row.start_time_day).collect();
    whole_window(&mut sheet, stood.offset == 0, &told);
    Ok(sheet.page)
}

/// One field that is not given fails the whole call: it is asked again without it.
fn without(mut sheet: Sheet<'_>, job: &Job, stood: Rows, field: &Field, said: String) -> Result<Page> {
    if stood.without.iter().any(|known| known == field.key()) {
        return Err(Error::bad_response("a field is refused that was not asked for")
            .with("endpoint", &job.endpoint)
            .with("said", said));
    }
    sheet.page.notices.push(Notice::NotOffered {
        account: job.account()?.id.clone(),
        metric: Some(SmolStr::new_static(field.metric)),
        reason: said,
    });
    let mut without = stood.without;
    without.push(SmolStr::new_static(field.key()));
    sheet.page.next = Some(Cursor::from_state(&Step::Rows(Rows { offset: stood.offset, without }))?);
    Ok(sheet.page)
}

/// A day that is on none of several pages cannot be seen from one of them, unless it has no rows at all.
fn whole_window(sheet: &mut Sheet<'_>, first_page: bool, told: &[Date]) {
    if first_page && (sheet.page.next.is_none() || told.is_empty()) {
        sheet.missing(told);
    }
}

/// Ocean Engine keys its rows; one that comes again on the same page is set aside.
fn without_repeats(sheet: &mut Sheet<'_>) {
    let mut kept: Vec<kepi_core::Measurement> = Vec::with_capacity(sheet.page.measurements.len());
    let mut seen = std::collections::HashSet::new();
    for one in std::mem::take(&mut sheet.page.measurements) {
        if seen.insert((one.subject.clone(), one.segment.clone(), one.window.clone())) {
            kept.push(one);
        } else {
            sheet.reject("/data/list", "the row stands twice", format!("{:?} {:?}", one.subject, one.window));
        }
    }
    sheet.page.measurements = kept;
}

pub(super) fn ads(conversions: Conversions, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let account = Subject::account(job.account()?.id.clone());
    reports(conversions, job, cursor, body, |sheet, row, values| {
        sheet.whole(&account, &Window::Day(row.dimensions.stat_time_day), values);
    })
}

pub(super) fn promotions(conversions: Conversions, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let account = &job.account()?.id;
    reports(conversions, job, cursor, body, |sheet, row, values| match &row.dimensions.cdp_promotion_id {
        Some(promotion) => {
            let subject = Subject::of(account.clone(), SubjectKind::Campaign, promotion.clone());
            sheet.whole(&subject, &Window::Day(row.dimensions.stat_time_day), values);
        }
        None => {
            let raw = row.dimensions.stat_time_day.to_string();
            sheet.reject("/data/rows", "a row without cdp_promotion_id", raw);
        }
    })
}

/// Reads the rows of a report of paid delivery, and where the report goes on.
fn reports<'a>(
    conversions: Conversions,
    job: &'a Job,
    cursor: &Cursor,
    body: &'a Body,
    tell: impl Fn(&mut Sheet<'a>, &ReportRow, Vec<Reading>),
) -> Result<Page> {
    let mut sheet = Sheet::new(job, body).paid();
    let list = sheet.list::<ReportRow>()?;
    for row in list.rows() {
        let values = row.metrics.as_ref().map(|metrics| numbers(metrics, conversions)).unwrap_or_default();
        tell(&mut sheet, row, values);
    }
    without_repeats(&mut sheet);
    let asked = match cursor.state()? {
        Some(Step::Page(page)) => page,
        _ => 1,
    };
    let next = asked.checked_add(1).ok_or_else(|| endless(job))?;
    if i64::from(next) <= pages(&list) {
        sheet.page.next = Some(Cursor::from_state(&Step::Page(next))?);
    }
    let told: Vec<Date> = list.rows().iter().map(|row| row.dimensions.stat_time_day).collect();
    whole_window(&mut sheet, asked == 1, &told);
    Ok(sheet.page)
}

fn pages(list: &List<ReportRow>) -> i64 {
    list.page_info.as_ref().and_then(|info| info.total_page.0).unwrap_or(0)
}

fn numbers(metrics: &Metrics, conversions: Conversions) -> Vec<Reading> {
    let mut values = metrics.counts();
    yuan(&mut values, "spend", metrics.stat_cost);
    let (number, definition) = match conversions {
        Conversions::ConversionDay => (metrics.convert_cnt, BY_CONVERSION_DAY),
        Conversions::SpendDay => (metrics.attribution_convert_cnt, BY_SPEND_DAY),
    };
    let before = values.len();
    count(&mut values, "conversions", number);
    for reading in values.iter_mut().skip(before) {
        reading.definition = Some(SmolStr::new_static(definition));
    }
    values
}

fn endless(job: &Job) -> Error {
    Error::bad_response("the report does not end").with("endpoint", &job.endpoint)
}
