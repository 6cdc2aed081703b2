//! The account itself: its calls, its consent, its profile.

use jiff::SignedDuration;
use kepi_core::{
    Account, Body, Error, Job, MetricId, Page, Reading, Result, Subject, Window, json::Whole,
    period::next_midnight,
};

use super::{
    answer::{Sheet, beijing, object, unknown_shape},
    failure::next_hour,
    rows::{ConsentAnswer, LimitsAnswer, UserRow, count, first_id},
};
use crate::descriptor::TIMELINE;

/// The end of a consent is warned of so many seconds before it, or a quarter of its life if that is shorter.
const WARNED: i64 = 5 * 86_400;

/// Weibo names the interval; only numbers of a day are told as such. What is left bounds the calls of all endpoints, the
/// timeline's among them.
pub(super) fn limits(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let answer: LimitsAnswer = object(job, body)?;
    let (limit, left) = (answer.user_limit, answer.remaining_user_hits);
    let unit = answer.limit_time_unit.unwrap_or_default().to_lowercase();
    let unit = unit.trim_end_matches('s');
    let until = match (answer.reset_time_in_seconds.0, unit) {
        (Some(seconds), _) => body.observed_at.checked_add(SignedDuration::from_secs(seconds)).ok(),
        (None, "day") => Some(next_midnight(body.observed_at, &beijing())),
        (None, "hour") => Some(next_hour(body.observed_at)),
        (None, _) => None,
    };
    if let (Some(left), Some(until)) = (left.0.and_then(|left| u32::try_from(left).ok()), until) {
        sheet.calls_left(TIMELINE, left, until);
    }
    match unit {
        "day" => {
            let mut values = Vec::new();
            count(&mut values, "api_calls_limit", limit);
            let used = limit.0.zip(left.0).and_then(|(limit, left)| limit.checked_sub(left));
            count(&mut values, "api_calls_used", Whole(used));
            let subject = Subject::account(job.account()?.id.clone());
            sheet.whole(&subject, &Window::At(body.observed_at), values);
        }
        "" if limit.0.is_none() => return Err(unknown_shape(job)),
        unit => {
            let told = |number: Whole| number.0.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
            let unit = if unit.is_empty() { "unknown interval" } else { unit };
            sheet.remark(format!(
                "Weibo grants {} calls per {unit}, {} are left, full again in {} seconds; set call_limit in \
                 [platform.weibo] if that is not what it says",
                told(limit),
                told(left),
                told(answer.reset_time_in_seconds),
            ));
        }
    }
    Ok(sheet.page)
}

/// Whose the consent is; and a warning while there is time to renew it.
pub(super) fn consent(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let answer: ConsentAnswer = object(job, body)?;
    let account = job.account()?;
    if account.platform_id.as_ref().is_some_and(|known| *known != answer.uid) {
        return Err(Error::bad_config("the consent is that of another Weibo account")
            .with("account", &account.id)
            .with("uid", &answer.uid)
            .hint(
                "log in to Weibo as the right account, then `kepi auth ACCOUNT`; or mend its platform_id",
            ));
    }
    if let Some(left) = answer.expire_in.0 {
        let age = answer.create_at.0.map(|made| body.observed_at.as_second().saturating_sub(made));
        let life = age.map(|age| age.saturating_add(left));
        let warned = life.map_or(WARNED, |life| WARNED.min(life / 4));
        let ends = body.observed_at.checked_add(SignedDuration::from_secs(left)).ok();
        if let Some(ends) = ends.filter(|_| left <= warned) {
            let ends = beijing().to_datetime(ends).strftime("%Y-%m-%d %H:%M");
            sheet.remark(format!(
                "the consent of {} ends on {ends} (Beijing) and cannot be renewed: `kepi auth {}`",
                account.id, account.id
            ));
        }
    }
    sheet.page.accounts.push(Account { platform_id: Some(answer.uid), ..Account::new(account.id.clone()) });
    Ok(sheet.page)
}

/// The last post in a profile is left to the timeline, which tells what came before it.
pub(super) fn profile(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let row: UserRow = object(job, body)?;
    let account = job.account()?;
    let Some(uid) = first_id([&row.idstr, &row.id]) else { return Err(unknown_shape(job)) };
    if account.platform_id.as_ref().is_some_and(|known| *known != uid) {
        sheet.set_aside(job, "/id".to_owned(), "an account that was not asked for".to_owned(), &uid)?;
        return Ok(sheet.page);
    }
    let subject = Subject::account(account.id.clone());
    let now = Window::At(body.observed_at);
    sheet.whole(&subject, &now, row.counts());
    sheet.part(&subject, &now, MUTUAL, audience(row.bi_followers_count));
    sheet.page.accounts.push(Account {
        platform_id: Some(uid),
        handle: row.screen_name,
        ..Account::new(account.id.clone())
    });
    Ok(sheet.page)
}

/// Followers that the account follows back.
pub(super) const MUTUAL: (&str, &str) = ("follower_kind", "mutual");

pub(super) fn audience(number: Whole) -> Vec<Reading> {
    number
        .0
        .map(|people| Reading::count(MetricId::from_static("audience_users"), people))
        .into_iter()
        .collect()
}
