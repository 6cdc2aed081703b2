//! Series of days of the commercial API.

use std::collections::BTreeMap;

use jiff::civil::Date;
use kepi_core::{Body, Job, MetricId, Page, Reading, Result, Subject, Window, json::Whole};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    account::{MUTUAL, audience},
    answer::{Sheet, result, unknown_shape},
    rows::{AccountDay, ArticleDay, FollowsDay, parse_day},
};

pub(super) fn account(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let rows: Vec<AccountDay> = sheet.rows(job, result(job, body)?, "/result")?;
    let subject = Subject::account(job.account()?.id.clone());
    for row in &rows {
        let day = Window::Day(row.day_key);
        sheet.whole(&subject, &day, row.counts());
        sheet.part(&subject, &day, ("follower_kind", "verified"), audience(row.v_followers_count));
        sheet.part(&subject, &day, ("follower_kind", "daren"), audience(row.daren_followers_count));
        sheet.part(&subject, &day, MUTUAL, audience(row.bi_followers_count));
    }
    let told: Vec<Date> = rows.iter().map(|row| row.day_key).collect();
    sheet.missing(job, &told);
    Ok(sheet.page)
}

pub(super) fn follows(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let rows: Vec<FollowsDay> = sheet.rows(job, result(job, body)?, "/result")?;
    let subject = Subject::account(job.account()?.id.clone());
    for row in &rows {
        sheet.whole(&subject, &Window::Day(row.day_key), row.counts());
    }
    let told: Vec<Date> = rows.iter().map(|row| row.day_key).collect();
    sheet.missing(job, &told);
    Ok(sheet.page)
}

/// Reads of posts that hold a long article are a part of the account's; long articles unfolded are all there
/// are.
pub(super) fn articles(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let rows: Vec<ArticleDay> = sheet.rows(job, result(job, body)?, "/result")?;
    let subject = Subject::account(job.account()?.id.clone());
    for row in &rows {
        let day = Window::Day(row.day);
        sheet.whole(&subject, &day, row.counts());
        let views = row.explosure.0.map(|views| Reading::count(MetricId::from_static("views"), views));
        sheet.part(&subject, &day, ("content", "long_article"), views.into_iter().collect());
    }
    let told: Vec<Date> = rows.iter().map(|row| row.day).collect();
    sheet.missing(job, &told);
    Ok(sheet.page)
}

type Series<'a> = BTreeMap<String, &'a RawValue>;

/// Maps from day to number. The totals beside them are left out: `account_days` tells them.
#[derive(Default, Deserialize)]
struct Followers<'a> {
    #[serde(borrow)]
    active_fans: Option<Series<'a>>,
    #[serde(borrow)]
    loyal_fans: Option<Series<'a>>,
}

pub(super) fn followers(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    // Nothing is written as an empty list.
    let said = result(job, body)?.filter(|said| !matches!(said.get(), "[]" | "null"));
    let answer: Followers<'_> = match said {
        None => Followers::default(),
        Some(said) => {
            serde_json::from_str(said.get()).map_err(|error| unknown_shape(job).caused_by(error))?
        }
    };
    if said.is_some() && answer.active_fans.is_none() && answer.loyal_fans.is_none() {
        return Err(unknown_shape(job));
    }
    let mut told = Vec::new();
    series(&mut sheet, job, "active", answer.active_fans.unwrap_or_default(), &mut told)?;
    series(&mut sheet, job, "loyal", answer.loyal_fans.unwrap_or_default(), &mut told)?;
    sheet.missing(job, &told);
    Ok(sheet.page)
}

fn series(
    sheet: &mut Sheet<'_>,
    job: &Job,
    name: &'static str,
    series: Series<'_>,
    told: &mut Vec<Date>,
) -> Result<()> {
    let subject = Subject::account(job.account()?.id.clone());
    for (key, raw) in series {
        let number = |day| {
            serde_json::from_str::<Whole>(raw.get()).map(|number| (day, number)).map_err(|e| e.to_string())
        };
        match parse_day(&key).and_then(number) {
            Ok((day, number)) => {
                sheet.part(&subject, &Window::Day(day), ("activity", name), audience(number));
                told.extend(number.0.map(|_| day));
            }
            Err(reason) => {
                sheet.set_aside(job, format!("/result/{name}_fans/{key}"), reason, raw.get())?;
            }
        }
    }
    Ok(())
}
