//! Posts: their list, what they earned so far, reactions.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use kepi_core::{
    AccountId, Body, Cursor, Error, Flags, Job, MetricId, Page, Post, PostRef, Reading, Reject, Result,
    Segment, Subject, Traffic, json::Whole, period::days_between,
};
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::{
    answer::{Sheet, part, unknown_shape},
    rows::{Batch, Listed, NONE_WHEN_ABSENT, PostNumbers, Social, count},
};
use crate::{
    config::LinkedinConfig,
    request::{Step, utc_day},
};

pub(super) fn list(job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body)?;
    let rows: Vec<Listed<'_>> = sheet.page_of_elements()?;
    sheet.page.posts.reserve(rows.len());
    let mut ads = Vec::new();
    for row in rows.iter().filter(|row| row.is_published()) {
        if !sheet.is_own(row.author.as_deref()) {
            continue;
        }
        if row.is_ad_only() {
            ads.push(row.id.0.as_str());
        } else {
            sheet.page.posts.push(post(sheet.account, row));
        }
    }
    if !ads.is_empty() {
        sheet.remark(format!("ad-only posts are left out: {}", some_of(&ads)));
    }
    let start = match cursor.state()? {
        Some(Step::Start(start)) => start,
        _ => 0,
    };
    let next = following(sheet.next.take(), start, is_behind(job, rows.last().and_then(Listed::changed)))?;
    sheet.page.next = next.map(|start| Cursor::from_state(&Step::Start(start))).transpose()?;
    Ok(sheet.page)
}

fn post(account: &AccountId, row: &Listed<'_>) -> Post {
    let said = |text: &std::borrow::Cow<'_, str>| (!text.is_empty()).then(|| text.clone().into_owned());
    Post {
        published_at: row.published(),
        format: row.format().map(SmolStr::new_static),
        title: row.title(),
        text: row.commentary.as_ref().and_then(said),
        url: Some(format!("https://www.linkedin.com/feed/update/{}", row.id.0)),
        ..Post::new(account.clone(), row.id.0.clone())
    }
}

/// Whether the last row of a page is older than what is asked for, in the order of the list.
pub(super) fn is_behind(job: &Job, last: Option<Timestamp>) -> bool {
    job.window.zip(last).is_some_and(|(window, last)| utc_day(last) < window.start)
}

/// How many items lie before the page that follows. LinkedIn's link is taken for its number alone.
pub(super) fn following(link: Option<String>, asked: u32, is_behind: bool) -> Result<Option<u32>> {
    let Some(link) = link else { return Ok(None) };
    let start = parameter(&link, "start").and_then(|text| text.parse::<u32>().ok());
    let Some(start) = start.filter(|start| *start > asked) else {
        return Err(Error::bad_response("the page that follows is the page itself")
            .with("start", asked)
            .hint("what was read is kept; the next run tries again from there"));
    };
    Ok((!is_behind).then_some(start))
}

fn parameter<'u>(link: &'u str, name: &str) -> Option<&'u str> {
    let (_, query) = link.split_once('?')?;
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, text)| text)
}

/// What posts earned so far. A post without activity is left out by LinkedIn, and so are most older ones: only of
/// a young one, and only in a whole answer, does that mean zero.
pub(super) fn statistics(config: &LinkedinConfig, job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body)?;
    let asked = by_id(job);
    let mut told: HashSet<SmolStr> = HashSet::new();
    for row in sheet.elements::<PostNumbers<'_>>()? {
        if !sheet.is_own(row.organization.as_deref()) {
            continue;
        }
        let Some(post) = asked.get(row.id.as_str()) else {
            sheet.set_aside("a post that was not asked for", &row.id);
            continue;
        };
        let subject = Subject::post(post.account.clone(), row.id.clone());
        sheet.now(subject, (Traffic::Organic, None), row.numbers.unwrap_or_default().counts());
        told.insert(row.id);
    }
    let absent: Vec<&PostRef> = job.posts.iter().filter(|post| !told.contains(&post.id)).collect();
    let whole = sheet.is_complete();
    let (zero, unknown): (Vec<_>, Vec<_>) =
        absent.into_iter().partition(|post| whole && is_young(config, body, post));
    for post in &zero {
        let subject = Subject::post(post.account.clone(), post.id.clone());
        sheet.now(subject, (Traffic::Organic, None), NONE_WHEN_ABSENT.map(implied_zero).to_vec());
    }
    for (posts, meaning) in
        [(zero, "left out had no activity"), (unknown, "did not tell keep their last numbers")]
    {
        let ids: Vec<&str> = posts.iter().map(|post| post.id.as_str()).collect();
        if !ids.is_empty() {
            sheet.remark(format!("posts that LinkedIn {meaning}: {}", some_of(&ids)));
        }
    }
    Ok(sheet.page)
}

fn by_id(job: &Job) -> HashMap<&str, &PostRef> {
    job.posts.iter().map(|post| (post.id.as_str(), post)).collect()
}

fn is_young(config: &LinkedinConfig, body: &Body, post: &PostRef) -> bool {
    let age = |at| days_between(utc_day(at), utc_day(body.observed_at));
    post.published_at.is_some_and(|at| age(at) < i32::from(config.absent_is_zero_days))
}

/// Marked, because LinkedIn says it by leaving the post out.
fn implied_zero(metric: &'static str) -> Reading {
    Reading { flags: Flags::ESTIMATED, ..Reading::count(MetricId::from_static(metric), 0) }
}

pub(super) fn reactions(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(job, body)?;
    let answer: Batch<'_, &RawValue> =
        serde_json::from_slice(&body.bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
    let results = answer.results.ok_or_else(|| unknown_shape(job))?;
    let asked = by_id(job);
    let mut told: HashSet<&str> = HashSet::new();
    for (key, raw) in &results.0 {
        let read = serde_json::from_str::<Social<'_>>(raw.get());
        let entity = read.as_ref().ok().and_then(|social| social.entity.as_ref());
        let id = entity.map_or(key.as_ref(), |entity| entity.0.as_str());
        let Some(post) = asked.get(id) else {
            sheet.set_aside("a post that was not asked for", id);
            continue;
        };
        told.insert(post.id.as_str());
        match read {
            Ok(social) => tell(&mut sheet, post, social),
            Err(error) => sheet.page.rejects.push(Reject {
                account: Some(post.account.clone()),
                place: format!("/results/{key}"),
                reason: error.to_string(),
                raw: raw.get().to_owned(),
            }),
        }
    }
    for post in job.posts.iter().filter(|post| !told.contains(post.id.as_str())) {
        let failed =
            answer.errors.iter().flat_map(|errors| &errors.0).find(|(id, _)| id.as_ref() == post.id.as_str());
        let why = failed.map_or_else(String::new, |(_, failed)| {
            let status = failed.status.0.map_or_else(String::new, |status| format!("{status} "));
            format!(" ({status}{})", failed.message.as_deref().unwrap_or_default())
        });
        sheet.remark(format!("LinkedIn tells no reactions of {}{why}", post.id));
    }
    Ok(sheet.page)
}

/// A kind of reaction whose number is not told leaves the sum out: it is not zero.
fn tell(sheet: &mut Sheet<'_>, post: &PostRef, social: Social<'_>) {
    let subject = Subject::post(post.account.clone(), post.id.clone());
    let mut values = Vec::with_capacity(2);
    let kinds = social.reaction_summaries.map(|kinds| kinds.0).unwrap_or_default();
    let number = |reaction: &Option<super::rows::Reaction>| reaction.as_ref().and_then(|told| told.count.0);
    if !kinds.is_empty() {
        let sum = kinds.iter().try_fold(0_i64, |sum, (_, kind)| sum.checked_add(number(kind)?));
        count(&mut values, "reactions", Whole(sum));
    }
    count(&mut values, "comments", social.comment_summary.map(|comments| comments.count).unwrap_or_default());
    sheet.now(subject.clone(), (Traffic::Total, None), values);
    for (kind, reaction) in &kinds {
        let mut values = Vec::with_capacity(1);
        count(&mut values, "reactions", Whole(number(reaction)));
        let kind: Option<Segment> = part("reaction", kind.to_ascii_lowercase());
        sheet.now(subject.clone(), (Traffic::Total, kind), values);
    }
}

/// A few ids, and how many more.
fn some_of(ids: &[&str]) -> String {
    const SHOWN: usize = 10;
    let shown = ids.get(..SHOWN).unwrap_or(ids).join(", ");
    let more = ids.len().saturating_sub(SHOWN);
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}
