//! Days of an account: followers, readers, messages; and its quota.

use std::collections::BTreeMap;

use jiff::civil::Date;
use kepi_core::{
    Body, Job, MetricId, Notice, Page, Reading, Result, Subject, Window, json::Whole, period::next_midnight,
};
use smol_str::{SmolStr, format_smolstr};

use super::{
    answer::{Sheet, Unsure, beijing, unknown_shape},
    articles::scenes,
    rows::{AccountDay, Followers, Follows, MessageSpread, Messages, QuotaAnswer},
};
use crate::descriptor::{ARTICLES, QUOTA_PATH};

/// The sum of a day's parts. A part that is not told makes the sum unknown, which is not zero.
struct Sum(Option<i64>);

impl Default for Sum {
    fn default() -> Self {
        Self(Some(0))
    }
}

impl Sum {
    fn add(&mut self, part: Whole) {
        self.0 = self.0.zip(part.0).and_then(|(sum, part)| sum.checked_add(part));
    }

    fn reading(&self, metric: &'static str) -> Option<Reading> {
        Some(Reading::count(MetricId::from_static(metric), self.0?))
    }
}

pub(super) fn follows(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let rows: Vec<Follows> = sheet.rows(job)?;
    let subject = Subject::account(job.account()?.id.clone());
    let mut days: BTreeMap<Date, (Sum, Sum)> = BTreeMap::new();
    for row in &rows {
        let (gained, lost) = days.entry(row.ref_date).or_default();
        gained.add(row.new_user);
        lost.add(row.cancel_user);
    }
    let unsure = Unsure::of(&sheet.page.rejects);
    for (day, (gained, lost)) in days.iter().filter(|(day, _)| !unsure.is(**day)) {
        let totals = [gained.reading("follows_gained"), lost.reading("follows_lost")];
        sheet.whole(&subject, &Window::Day(*day), totals.into_iter().flatten().collect());
    }
    for row in &rows {
        let source = ("follow_source", follow_source(&row.user_source));
        sheet.part(&subject, &Window::Day(row.ref_date), source, row.counts());
    }
    let told: Vec<Date> = days.into_keys().collect();
    sheet.missing(job, &told);
    Ok(sheet.page)
}

/// The way in by its code. Codes were split up over the years; an unknown one stays a number.
fn follow_source(code: &str) -> SmolStr {
    let name = match code {
        "0" => "other",
        "1" => "search",
        "17" => "card",
        "30" => "qr_code",
        "57" => "name_in_article",
        "100" => "wechat_ads",
        "149" => "mini_program",
        "161" => "reposted_content",
        "200" => "channels",
        "201" => "live_stream",
        unknown => return SmolStr::new(unknown),
    };
    SmolStr::new_static(name)
}

pub(super) fn followers(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let rows: Vec<Followers> = sheet.rows(job)?;
    let subject = Subject::account(job.account()?.id.clone());
    for row in &rows {
        sheet.whole(&subject, &Window::Day(row.ref_date), row.counts());
    }
    let told: Vec<Date> = rows.iter().map(|row| row.ref_date).collect();
    sheet.missing(job, &told);
    Ok(sheet.page)
}

pub(super) fn days(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let rows: Vec<AccountDay<'_>> = sheet.rows(job)?;
    let subject = Subject::account(job.account()?.id.clone());
    for row in &rows {
        let window = Window::Day(row.ref_date);
        sheet.whole(&subject, &window, row.detail.counts());
        scenes(&mut sheet, &subject, &window, &row.detail.read_user_source);
    }
    let told: Vec<Date> = rows.iter().map(|row| row.ref_date).collect();
    sheet.missing(job, &told);
    Ok(sheet.page)
}

/// Messages add up over their types; their senders do not.
pub(super) fn messages(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let rows: Vec<Messages> = sheet.rows(job)?;
    let subject = Subject::account(job.account()?.id.clone());
    let mut days: BTreeMap<Date, Sum> = BTreeMap::new();
    for row in &rows {
        days.entry(row.ref_date).or_default().add(row.msg_count);
    }
    let unsure = Unsure::of(&sheet.page.rejects);
    for (day, sum) in days.iter().filter(|(day, _)| !unsure.is(**day)) {
        sheet.whole(&subject, &Window::Day(*day), sum.reading("messages_in").into_iter().collect());
    }
    for row in &rows {
        let kind = ("message_type", message_type(&row.msg_type));
        sheet.part(&subject, &Window::Day(row.ref_date), kind, row.counts());
    }
    let told: Vec<Date> = days.into_keys().collect();
    sheet.missing(job, &told);
    Ok(sheet.page)
}

fn message_type(code: &str) -> SmolStr {
    let name = match code {
        "1" => "text",
        "2" => "image",
        "3" => "voice",
        "4" => "video",
        "6" => "link",
        unknown => return SmolStr::new(unknown),
    };
    SmolStr::new_static(name)
}

pub(super) fn message_spread(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let rows: Vec<MessageSpread> = sheet.rows(job)?;
    let subject = Subject::account(job.account()?.id.clone());
    for row in &rows {
        let sent = match row.count_interval.as_str() {
            "0" => SmolStr::new_static("0"),
            "1" => SmolStr::new_static("1-5"),
            "2" => SmolStr::new_static("6-10"),
            "3" => SmolStr::new_static("11+"),
            unknown => format_smolstr!("interval {unknown}"),
        };
        sheet.part(&subject, &Window::Day(row.ref_date), ("messages_sent", sent), row.counts());
    }
    let told: Vec<Date> = rows.iter().map(|row| row.ref_date).collect();
    sheet.missing(job, &told);
    Ok(sheet.page)
}

pub(super) fn quota(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let answer: QuotaAnswer =
        serde_json::from_slice(&body.bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
    let subject = Subject::account(job.account()?.id.clone());
    let api = ("api", SmolStr::new_static(QUOTA_PATH));
    if let Some(left) = answer.quota.remain.0.and_then(|left| u32::try_from(left).ok()) {
        sheet.page.notices.push(Notice::CallsLeft {
            endpoint: SmolStr::new_static(ARTICLES),
            left,
            until: next_midnight(body.observed_at, &beijing()),
        });
    }
    sheet.part(&subject, &Window::At(body.observed_at), api, answer.quota.counts());
    Ok(sheet.page)
}
