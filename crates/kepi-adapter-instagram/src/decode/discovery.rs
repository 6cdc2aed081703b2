//! The public page of a watched account, by Business Discovery: what everybody sees, whoever the account belongs to.

use kepi_core::{
    Account, AccountId, Body, Job, Measurement, Page, Post, Provenance, Reading, Result, Subject, Traffic,
    json::Whole,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    answer::{count, raw, salvage, unknown_shape, whole},
    media::format_of,
    rows::{Media, Rows, User},
};
use crate::{
    descriptor::{SEEN_POSTS, SEEN_PROFILE},
    request::Kind,
};

#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct Discovered<R> {
    business_discovery: Option<User<R>>,
}

/// The account and its newest posts, as everybody sees them.
pub(super) fn page(job: &Job, body: &Body) -> Result<Page> {
    let mut page = Page::default();
    let seen: User<Media<'_>> = match whole::<Discovered<_>>(body) {
        Some(answer) => answer.business_discovery.ok_or_else(|| unknown_shape(job))?,
        None => {
            let answer: Discovered<&RawValue> = raw(job, body)?;
            let seen = answer.business_discovery.ok_or_else(|| unknown_shape(job))?;
            let media = seen.media.and_then(|rows| rows.data).unwrap_or_default();
            let data = salvage(job, &media, "/business_discovery/media/data", &mut page.rejects)?;
            User {
                id: seen.id,
                username: seen.username,
                followers_count: seen.followers_count,
                follows_count: seen.follows_count,
                media_count: seen.media_count,
                media: Some(Rows { data: Some(data), paging: None }),
            }
        }
    };
    let account = &job.account()?.id;
    let profile = [seen.followers_count, seen.media_count];
    let media = seen.media.and_then(|rows| rows.data);
    if media.is_none() && profile.iter().all(|count| count.0.is_none()) {
        return Err(unknown_shape(job));
    }
    put(&mut page, Subject::account(account.clone()), readings(&SEEN_PROFILE, profile), body);
    page.accounts.push(Account {
        handle: seen.username.filter(|name| !name.is_empty()),
        ..Account::new(account.clone())
    });
    media.into_iter().flatten().for_each(|row| item(&mut page, account, row, body));
    Ok(page)
}

fn item(page: &mut Page, account: &AccountId, row: Media<'_>, body: &Body) {
    let shown = [row.like_count, row.comments_count, row.view_count];
    put(page, Subject::post(account.clone(), row.id.clone()), readings(&SEEN_POSTS, shown), body);
    let kind = Kind::of(row.media_product_type.as_deref());
    page.posts.push(Post {
        published_at: row.timestamp.map(|at| at.0),
        format: format_of(kind, row.media_type.as_deref()),
        url: row.permalink.filter(|url| !url.is_empty()),
        product_type: row.media_product_type.filter(|kind| !kind.is_empty()),
        ..Post::new(account.clone(), row.id)
    });
}

fn readings<const N: usize>(fields: &[kepi_core::Field; N], values: [Whole; N]) -> Vec<Reading> {
    fields.iter().zip(values).filter_map(|(field, value)| count(field.metric, value)).collect()
}

fn put(page: &mut Page, subject: Subject, values: Vec<Reading>, body: &Body) {
    if !values.is_empty() {
        page.measurements.push(Measurement {
            traffic: Traffic::Total,
            provenance: Provenance::Public,
            values,
            ..Measurement::at(subject, body.observed_at)
        });
    }
}
