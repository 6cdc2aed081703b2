//! Posts: the newest, all of them, and numbers by their ids.

use std::collections::{HashMap, HashSet};

use kepi_core::{
    AccountRef, Body, Cursor, Error, Job, Notice, Page, Post, PostRef, Result, Subject, Window, json::Whole,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::{
    answer::{Sheet, day_of, object, unknown_shape},
    rows::{CountRow, PostRow, PostSaid, first_id},
};
use crate::{
    descriptor::NEWEST,
    request::{Step, is_number},
};

/// What every list looks like. The total is an estimate.
#[derive(Deserialize)]
pub(super) struct List<'a> {
    #[serde(borrow)]
    pub(super) statuses: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) next_cursor: Whole,
    #[serde(default)]
    total_number: Whole,
}

/// A list without its rows is an empty one only when it is a list at all.
pub(super) fn list<'a>(job: &Job, body: &'a Body) -> Result<List<'a>> {
    let list: List<'a> = object(job, body)?;
    if list.statuses.is_none() && list.next_cursor.0.is_none() && list.total_number.0.is_none() {
        return Err(unknown_shape(job));
    }
    Ok(list)
}

/// Where a list goes on, itself included; 0 is the end. A page that follows itself would never end.
pub(super) fn following(job: &Job, cursor: &Cursor, next: Whole) -> Result<Option<SmolStr>> {
    let Some(next) = next.0.filter(|next| *next > 0) else { return Ok(None) };
    let next = SmolStr::from(next.to_string());
    let asked: Option<Step> = cursor.state()?;
    if asked.is_some_and(|step| step.from == next) {
        return Err(Error::bad_response("the page that follows is the page itself")
            .with("endpoint", &job.endpoint)
            .with("next_cursor", next));
    }
    Ok(Some(next))
}

/// The newest posts. When all that are shown are newer than the newest known, others may lie between.
pub(super) fn newest(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let answer = list(job, body)?;
    let rows: Vec<PostRow> = sheet.rows(job, answer.statuses, "/statuses")?;
    let shown = rows.len() + sheet.page.rejects.len();
    put(&mut sheet, job, rows)?;
    let total = answer.total_number.0.unwrap_or(0);
    let more = shown >= usize::from(NEWEST) || i64::try_from(shown).is_ok_and(|shown| total > shown);
    if more {
        gap(&mut sheet, job, shown, total);
    }
    Ok(sheet.page)
}

fn gap(sheet: &mut Sheet<'_>, job: &Job, shown: usize, total: i64) {
    let of_total = if total > 0 { format!(" of about {total}") } else { String::new() };
    let Some(known) = job.posts.first() else {
        sheet.gap(format!(
            "the first look shows the {shown} newest posts{of_total}: older ones are known only when an export is \
             imported"
        ));
        return;
    };
    let posts = &sheet.page.posts;
    if posts.is_empty() && sheet.page.rejects.is_empty() {
        sheet.gap(format!("Weibo shows none{of_total} posts"));
        return;
    }
    let reaches = |post: &Post| {
        let before = post.published_at.zip(known.published_at).is_some_and(|(at, known)| at <= known);
        post.id == known.id || before
    };
    if !posts.iter().any(reaches) {
        let since = known.published_at.map(|at| format!(" of {at}")).unwrap_or_default();
        sheet.gap(format!(
            "all {shown} posts that Weibo shows are newer than the newest known, {}{since}: others may have come \
             between; look more often",
            known.id
        ));
    }
}

/// All posts, newest first, until they are older than what was asked for.
pub(super) fn all(job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let answer = list(job, body)?;
    let rows: Vec<PostRow> = sheet.rows(job, answer.statuses, "/statuses")?;
    let start = job.window.map(|window| window.start);
    let is_older =
        |row: &PostRow| start.zip(row.said.created_at).is_some_and(|(start, at)| day_of(at) < start);
    let older = !rows.is_empty() && rows.iter().all(is_older);
    put(&mut sheet, job, rows)?;
    let next = if older { None } else { following(job, cursor, answer.next_cursor)? };
    sheet.page.next =
        next.map(|from| Cursor::from_state(&Step { from, last: None, tally: None, seen: 0 })).transpose()?;
    Ok(sheet.page)
}

fn put(sheet: &mut Sheet<'_>, job: &Job, rows: Vec<PostRow>) -> Result<()> {
    let account = job.account()?;
    sheet.page.posts.reserve(rows.len());
    sheet.page.measurements.reserve(rows.len());
    let mut seen: HashSet<SmolStr> = HashSet::with_capacity(rows.len());
    for (at, row) in rows.into_iter().enumerate() {
        let PostRow { id, said } = row;
        let author = said.user.as_ref().and_then(|user| first_id([&user.idstr, &user.id]));
        let foreign =
            account.platform_id.as_ref().zip(author.as_ref()).is_some_and(|(ours, uid)| ours != uid);
        if foreign || !seen.insert(id.clone()) {
            let reason = if foreign { "a post of another account" } else { "a post that stands twice" };
            sheet.set_aside(job, format!("/statuses/{at}"), reason.to_owned(), &id)?;
            continue;
        }
        let subject = Subject::post(account.id.clone(), id.clone());
        sheet.whole(&subject, &Window::At(sheet.body.observed_at), said.counts());
        let url = address(account, author.as_deref(), &id);
        sheet.page.posts.push(post(account, id, url, said));
    }
    Ok(())
}

fn post(account: &AccountRef, id: SmolStr, url: Option<String>, row: PostSaid) -> Post {
    let pictures = row.pic_urls.0 || row.pic_ids.0 || row.original_pic.0;
    let format = match (row.retweeted_status.is_some(), pictures) {
        (true, _) => "repost",
        (_, true) => "image",
        _ => "post",
    };
    Post {
        published_at: row.created_at,
        format: Some(SmolStr::new_static(format)),
        tags: row.text.as_deref().map(topics).unwrap_or_default(),
        text: row.text,
        url,
        ..Post::new(account.id.clone(), id)
    }
}

/// Topics stand between two signs: `#春日好物#`.
fn topics(text: &str) -> Vec<String> {
    let mut topics: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('#') {
        let Some((topic, behind)) = after.split_once('#') else { break };
        let name = topic.trim();
        if name.is_empty() || name.contains('\n') {
            rest = after;
            continue;
        }
        if !topics.iter().any(|known| known == name) {
            topics.push(name.to_owned());
        }
        rest = behind;
    }
    topics
}

/// Where a post stands: the account's number, then the post's in base 62.
pub(crate) fn address(account: &AccountRef, author: Option<&str>, id: &str) -> Option<String> {
    let uid = account.platform_id.as_deref().or(author)?;
    Some(format!("https://weibo.com/{uid}/{}", base62(id)?))
}

/// Groups of seven digits from the right, each four signs of base 62.
fn base62(id: &str) -> Option<String> {
    const SIGNS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if id.is_empty() || !id.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let mut text = String::new();
    let first = id.len() % 7;
    let (head, tail) = id.split_at(first);
    let groups = std::iter::once(head).filter(|head| !head.is_empty());
    let groups = groups.chain((0..tail.len()).step_by(7).filter_map(|at| tail.get(at..at + 7)));
    for (at, group) in groups.enumerate() {
        let mut number: usize = group.parse().ok()?;
        let mut signs = Vec::new();
        while number > 0 || (at > 0 && signs.len() < 4) || signs.is_empty() {
            signs.push(char::from(*SIGNS.get(number % 62)?));
            number /= 62;
        }
        text.extend(signs.iter().rev());
    }
    Some(text)
}

/// Numbers by ids. Posts that are gone are left out without a word.
pub(super) fn counts(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let silent = numbers(&mut sheet, job)?;
    let doubtful = silent.len() == job.posts.len() || !sheet.page.rejects.is_empty();
    if doubtful && !silent.is_empty() {
        sheet.remark(unsaid(&silent));
    } else {
        let deleted_at = Some(body.observed_at);
        let gone = |post: &&PostRef| Post { deleted_at, ..Post::new(post.account.clone(), post.id.clone()) };
        let known_there = silent.iter().filter(|post| is_number(&post.id));
        sheet.page.posts.extend(known_there.map(gone));
    }
    Ok(sheet.page)
}

/// Numbers with reads, of media accounts only: the posts of others are left out.
pub(super) fn views(job: &Job, body: &Body) -> Result<Page> {
    let mut sheet = Sheet::new(body);
    let silent = numbers(&mut sheet, job)?;
    if silent.is_empty() {
        return Ok(sheet.page);
    }
    if silent.len() == job.posts.len() && sheet.page.rejects.is_empty() {
        let account = job.account()?.id.clone();
        let reason = format!("reads are told of accounts of the media class only; {}", unsaid(&silent));
        sheet.page.notices.push(Notice::NotOffered { account, metric: None, reason });
    } else {
        sheet.remark(unsaid(&silent));
    }
    Ok(sheet.page)
}

fn unsaid(silent: &[&PostRef]) -> String {
    let ids: Vec<&str> = silent.iter().map(|post| post.id.as_str()).collect();
    format!("nothing is said of {} posts: {}", ids.len(), ids.join(", "))
}

/// Puts the numbers down and gives the posts of which nothing is said.
fn numbers<'j>(sheet: &mut Sheet<'_>, job: &'j Job) -> Result<Vec<&'j PostRef>> {
    let list: Option<&RawValue> = object(job, sheet.body)?;
    let rows: Vec<CountRow> = sheet.rows(job, list.filter(|list| list.get() != "null"), "")?;
    let mut asked: HashMap<&str, &PostRef> = job.posts.iter().map(|post| (post.id.as_str(), post)).collect();
    sheet.page.measurements.reserve(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let Some(post) = asked.remove(row.id.as_str()) else {
            sheet.set_aside(job, format!("/{at}"), "a post that was not asked for".to_owned(), &row.id)?;
            continue;
        };
        let subject = Subject::post(post.account.clone(), post.id.clone());
        sheet.whole(&subject, &Window::At(sheet.body.observed_at), row.counts());
    }
    Ok(job.posts.iter().filter(|post| asked.contains_key(post.id.as_str())).collect())
}
