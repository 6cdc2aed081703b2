//! Reports by one thing: visitors of a day, visits by campaign, page, country, device. Each row is a number as it
//! stands.

use std::borrow::Cow;

use jiff::civil::Date;
use kepi_core::{Body, Cursor, Job, Page, Result, Segment, Subject, SubjectKind, Traffic};

use super::{
    answer::{Sheet, part},
    rows::Line,
};
use crate::{
    config::WebConfig,
    descriptor::{CAMPAIGNS, CONTENTS, COUNTRIES, DEVICES, LANDING_PAGES, Query, VISITORS},
    request::Step,
};

pub(super) fn page(
    config: &WebConfig,
    query: &Query,
    job: &Job,
    cursor: &Cursor,
    body: &Body,
) -> Result<Page> {
    let mut sheet = Sheet::new(job, body)?;
    let mut answer = sheet.read(config, query, cursor)?;
    let mut told: Vec<Date> = Vec::new();
    let mut nameless = 0_u32;
    for Line { day, parts, visits, .. } in std::mem::take(&mut answer.lines) {
        if told.last() != Some(&day) {
            told.push(day);
        }
        match subject(&sheet, query.endpoint, &parts) {
            Named::As(subject, segment) => {
                let values = visits.readings(answer.about.currency.as_ref(), answer.about.rows);
                sheet.put(subject, day, (Traffic::Total, segment), values);
            }
            Named::NoCampaign => {}
            Named::Nothing => nameless += 1,
        }
    }
    if nameless > 0 {
        let what = query.dimensions.last().copied().unwrap_or_default();
        sheet.remark(format!("rows with an empty {what} are left out: {nameless}"));
    }
    let next = answer
        .more
        .then(|| Step::Rows { offset: answer.offset.saturating_add(answer.rows as u64), cut: None });
    sheet.finish(&answer, next, &told)
}

/// What a row is of.
enum Named {
    As(Subject, Option<Segment>),
    /// Visits without a campaign or content: Google writes words in brackets.
    NoCampaign,
    /// An empty name.
    Nothing,
}

fn subject(sheet: &Sheet<'_>, endpoint: &str, parts: &[Cow<'_, str>; 3]) -> Named {
    let [first, second, _] = parts;
    let account = || Subject::account(sheet.account.clone());
    let campaign = || Subject::of(sheet.account.clone(), SubjectKind::Campaign, first.as_ref());
    let is_word = |name: &str| name.starts_with('(') && name.ends_with(')');
    let by = |dimension: &'static str| Named::As(account(), part(dimension, first));
    match endpoint {
        VISITORS => Named::As(account(), None),
        _ if first.is_empty() => Named::Nothing,
        CAMPAIGNS | CONTENTS if is_word(first) => Named::NoCampaign,
        CAMPAIGNS => Named::As(campaign(), None),
        CONTENTS if second.is_empty() => Named::Nothing,
        CONTENTS if is_word(second) => Named::NoCampaign,
        CONTENTS => Named::As(campaign(), part("content", second)),
        LANDING_PAGES => by("landing_page"),
        COUNTRIES => by("country"),
        DEVICES => by("device"),
        _ => Named::Nothing,
    }
}
