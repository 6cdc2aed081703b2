//! Articles published without a push, and the comments of one article.

use jiff::Timestamp;
use kepi_core::{
    Body, Cursor, Error, Job, MetricId, Page, Post, Reading, Reject, Result, Subject, Window, json::Whole,
    period::local_day,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::{SmolStr, format_smolstr};

use super::{
    answer::{Sheet, beijing, salvage, unknown_shape},
    failure::is_of_a_missing_article,
    rows::{CommentAnswer, News, PublishedItem},
};
use crate::{
    descriptor::{COMMENTS, LIST, PUBLISHED_PAGE},
    request::Step,
};

#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct List<R> {
    #[serde(default)]
    total_count: Whole,
    item: Option<Vec<R>>,
}

pub(super) fn published(job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let mut page = Page::default();
    let List { total_count, item } = list(job, body, &mut page)?;
    let items: Vec<PublishedItem<'_>> = match item {
        Some(items) => items,
        None if total_count.0.is_some() => Vec::new(),
        None => return Err(unknown_shape(job)),
    };
    for news in items.iter().flat_map(|item| &item.content.news_item) {
        match post(job, body, news)? {
            Some(post) => page.posts.push(post),
            None => page.rejects.push(Reject {
                account: Some(job.account()?.id.clone()),
                place: "/item".to_owned(),
                reason: "the address does not name the article: mid and idx are missing".to_owned(),
                raw: news.url.clone().into_owned(),
            }),
        }
    }
    page.next = following(job, cursor, total_count, &items)?;
    Ok(page)
}

fn list<'a>(job: &Job, body: &'a Body, page: &mut Page) -> Result<List<PublishedItem<'a>>> {
    if let Ok(list) = serde_json::from_slice(&body.bytes) {
        return Ok(list);
    }
    let raw: List<&RawValue> =
        serde_json::from_slice(&body.bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
    let item = match raw.item {
        Some(rows) => Some(salvage(job, &rows, "/item", &mut page.rejects)?),
        None => None,
    };
    Ok(List { total_count: raw.total_count, item })
}

/// The article of an entry; `None` when its address does not tell which.
fn post(job: &Job, body: &Body, news: &News<'_>) -> Result<Option<Post>> {
    let Some(id) = article_id(&news.url) else { return Ok(None) };
    let said = |text: &Option<std::borrow::Cow<'_, str>>| {
        text.as_ref().filter(|text| !text.is_empty()).map(|text| text.clone().into_owned())
    };
    Ok(Some(Post {
        format: Some(SmolStr::new_static("article")),
        title: said(&news.title),
        text: said(&news.digest),
        url: Some(without_foreign_parameters(&news.url)),
        product_type: Some(SmolStr::new_static("published")),
        deleted_at: news.is_deleted.filter(|deleted| *deleted).map(|_| body.observed_at),
        ..Post::new(job.account()?.id.clone(), id)
    }))
}

/// Message and place, as the analytics name an article, stand in its address.
fn article_id(url: &str) -> Option<SmolStr> {
    let digits = |text: &&str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let message = parameter(url, "mid").filter(digits)?;
    let index = parameter(url, "idx").filter(digits)?;
    Some(format_smolstr!("{message}_{index}"))
}

fn parameter<'u>(url: &'u str, name: &str) -> Option<&'u str> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next().unwrap_or(query);
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, v)| v)
}

/// The address with what names the article, and nothing else.
fn without_foreign_parameters(url: &str) -> String {
    let Some((base, _)) = url.split_once('?') else { return url.to_owned() };
    let known = ["__biz", "mid", "idx", "sn"].into_iter();
    let kept: Vec<String> =
        known.filter_map(|name| Some(format!("{name}={}", parameter(url, name)?))).collect();
    format!("{base}?{}", kept.join("&"))
}

/// Where the list goes on: newest first, until it is older than what was asked for.
fn following(
    job: &Job,
    cursor: &Cursor,
    total: Whole,
    items: &[PublishedItem<'_>],
) -> Result<Option<Cursor>> {
    let asked = cursor.state()?.map_or(0, |Step::Offset(offset)| offset);
    let next = asked.checked_add(u32::from(PUBLISHED_PAGE)).ok_or_else(|| {
        Error::bad_response("the list of published articles does not end").with("offset", asked)
    })?;
    if i64::from(next) >= total.0.unwrap_or(0) || all_older(job, items) {
        return Ok(None);
    }
    Cursor::from_state(&Step::Offset(next)).map(Some)
}

fn all_older(job: &Job, items: &[PublishedItem<'_>]) -> bool {
    let Some(window) = job.window else { return false };
    let older = |item: &PublishedItem<'_>| {
        let made = item.content.create_time.0.and_then(|seconds| Timestamp::from_second(seconds).ok());
        made.is_some_and(|made| local_day(made, &beijing()) < window.start)
    };
    !items.is_empty() && items.iter().all(older)
}

pub(super) fn comments(job: &Job, body: &Body) -> Result<Page> {
    let Some(article) = job.posts.first() else { return Err(unknown_shape(job)) };
    let mut sheet = Sheet::new(body);
    if is_of_a_missing_article(COMMENTS, &body.bytes) {
        let post = Post::new(article.account.clone(), article.id.clone());
        sheet.page.posts.push(Post { deleted_at: Some(body.observed_at), ..post });
        return Ok(sheet.page);
    }
    let answer: CommentAnswer =
        serde_json::from_slice(&body.bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
    let subject = Subject::post(article.account.clone(), article.id.clone());
    let values = answer.total.0.map(|total| {
        let definition = Some(SmolStr::new_static(LIST));
        Reading { definition, ..Reading::count(MetricId::from_static("comments"), total) }
    });
    sheet.whole(&subject, &Window::At(body.observed_at), values.into_iter().collect());
    Ok(sheet.page)
}
