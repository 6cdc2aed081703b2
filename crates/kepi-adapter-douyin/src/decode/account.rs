//! The account on the open platform: who it is, its days, its fans.

use std::borrow::Cow;

use jiff::civil::Date;
use kepi_core::{
    Account, Body, Job, MetricId, Page, Reading, Result, Subject, Window, descriptor::power_of_ten,
    json::Number,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::{
    answer::{Sheet, unknown_shape},
    rows::{AccountDay, Portrait, Profile, Share, Source, count},
};
use crate::config::NewFans;

#[derive(Deserialize)]
struct Data<T> {
    data: Option<T>,
}

pub(super) fn profile(job: &Job, body: &Body) -> Result<Page> {
    let answer: Data<Profile> =
        serde_json::from_slice(&body.bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
    let told = answer.data.filter(|told| told.open_id.is_some() || told.nickname.is_some());
    let Some(Profile { open_id, nickname }) = told else { return Err(unknown_shape(job)) };
    let mut sheet = Sheet::new(job, body);
    let account = job.account()?;
    if open_id.is_some() && account.platform_id.is_some() && open_id != account.platform_id {
        let raw = open_id.unwrap_or_default();
        sheet.reject("/data", "an account that was not asked for", raw.as_str());
        return Ok(sheet.page);
    }
    sheet.page.accounts.push(Account {
        platform_id: open_id,
        handle: nickname.filter(|name| !name.is_empty()),
        ..Account::new(account.id.clone())
    });
    Ok(sheet.page)
}

/// Days of the account. A series tells more days than were asked for, and they are kept.
pub(super) fn days(new_fans: NewFans, job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body);
    let list = sheet.list::<AccountDay>()?;
    let subject = Subject::account(job.account()?.id.clone());
    let new_fans = match new_fans {
        NewFans::Gained => "follows_gained",
        NewFans::Net => "follows_net",
    };
    let mut told: Vec<Date> = Vec::with_capacity(list.rows().len());
    for row in list.rows() {
        if told.contains(&row.date) {
            sheet.reject("/data/result_list", "the day stands twice", row.date.to_string());
            continue;
        }
        let mut values = row.counts();
        count(&mut values, new_fans, row.new_fans);
        sheet.whole(&subject, &Window::Day(row.date), values);
        told.push(row.date);
    }
    if told.is_empty() {
        sheet.remark(
            "no day is told: series begin on the day after the account's consent, and at 1,000 followers",
        );
    }
    sheet.missing(&told);
    Ok(sheet.page)
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct Fans<R> {
    fans_data: Option<Portrait<R>>,
}

pub(super) fn portrait(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body);
    let portrait = match serde_json::from_slice::<Data<Fans<Share<'_>>>>(&body.bytes) {
        Ok(answer) => answer.data.and_then(|fans| fans.fans_data),
        Err(_) => salvaged(&mut sheet, job, body)?,
    };
    let portrait = portrait.ok_or_else(|| unknown_shape(job))?;
    let subject = Subject::account(job.account()?.id.clone());
    let now = Window::At(body.observed_at);
    let mut values = Vec::with_capacity(1);
    count(&mut values, "audience_users", portrait.all_fans_num);
    sheet.whole(&subject, &now, values);
    for (dimension, shares) in [
        ("gender", portrait.gender_distributions),
        ("age", portrait.age_distributions),
        ("province", portrait.geographical_distributions),
        ("interest", portrait.interest_distributions),
        ("device", portrait.device_distributions),
        ("active_days", portrait.active_days_distributions),
    ] {
        let mut told: Vec<SmolStr> = Vec::new();
        for share in shares.unwrap_or_default() {
            let value = part(dimension, &share.item);
            if value.is_empty() || told.contains(&value) {
                sheet.reject(dimension, "a part without a name of its own", share.item.into_owned());
                continue;
            }
            let mut values = Vec::with_capacity(1);
            count(&mut values, "audience_users", share.value);
            told.push(value.clone());
            sheet.part(&subject, &now, (dimension, value), values);
        }
    }
    Ok(sheet.page)
}

fn salvaged<'a>(sheet: &mut Sheet<'a>, job: &Job, body: &'a Body) -> Result<Option<Portrait<Share<'a>>>> {
    let raw: Data<Fans<&RawValue>> =
        serde_json::from_slice(&body.bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
    let Some(raw) = raw.data.and_then(|fans| fans.fans_data) else { return Ok(None) };
    let mut rows = |list: Option<Vec<&'a RawValue>>, place: &str| {
        list.map(|rows| sheet.salvage(&rows, &format!("/data/fans_data/{place}"))).transpose()
    };
    Ok(Some(Portrait {
        all_fans_num: raw.all_fans_num,
        gender_distributions: rows(raw.gender_distributions, "gender_distributions")?,
        age_distributions: rows(raw.age_distributions, "age_distributions")?,
        geographical_distributions: rows(raw.geographical_distributions, "geographical_distributions")?,
        interest_distributions: rows(raw.interest_distributions, "interest_distributions")?,
        device_distributions: rows(raw.device_distributions, "device_distributions")?,
        active_days_distributions: rows(raw.active_days_distributions, "active_days_distributions")?,
    }))
}

/// A part by its name or its code.
fn part(dimension: &str, item: &str) -> SmolStr {
    match (dimension, item) {
        ("gender", "1") => SmolStr::new_static("male"),
        ("gender", "2") => SmolStr::new_static("female"),
        (_, item) => SmolStr::new(item.trim()),
    }
}

pub(super) fn sources(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body);
    let list = sheet.list::<Source<'_>>()?;
    let subject = Subject::account(job.account()?.id.clone());
    let now = Window::At(body.observed_at);
    let mut told: Vec<&Cow<'_, str>> = Vec::new();
    for row in list.rows() {
        if row.source.is_empty() || told.contains(&&row.source) {
            sheet.reject("/data/list", "a source without a name of its own", row.source.as_ref());
            continue;
        }
        told.push(&row.source);
        let values = row.percent.and_then(fraction).map(|share| {
            let metric = MetricId::from_static("audience_share");
            Reading::real(metric, share)
        });
        let part = ("follow_source", SmolStr::new(&row.source));
        sheet.part(&subject, &now, part, values.into_iter().collect());
    }
    Ok(sheet.page)
}

/// Percentages, with or without their sign.
fn fraction(number: Number) -> Option<f64> {
    match number {
        Number::Percent(fraction) => Some(fraction),
        other => other.real(0).map(|percent| power_of_ten(percent, -2)),
    }
}
