//! The posts of an account with their numbers, newest first.

use jiff::Timestamp;
use kepi_core::{
    Body, Cursor, Descriptor, Error, Job, Measurement, Page, Post, Result, Subject, Traffic,
    json::{self, Readings},
    period::local_day,
    plan::day_zone,
};
use serde::Deserialize;
use smol_str::SmolStr;

use super::super::{descriptor::PostNumbers, request::After};
use super::answer::{Rows, rows};

#[derive(Deserialize)]
struct Row {
    #[serde(deserialize_with = "json::id")]
    id: SmolStr,
    created_at: Timestamp,
    text: Option<String>,
    #[serde(default)]
    metrics: Readings<PostNumbers>,
}

pub(super) fn page(descriptor: &Descriptor, job: &Job, at: Option<After>, body: &Body) -> Result<Page> {
    let account = job.account()?;
    let zone = day_zone(descriptor, account)?;
    let mut page = Page::default();
    let mut older = false;
    let Rows { rows, next } = rows::<Row>(job, body, &mut page.rejects)?;
    for Row { id, created_at, text, metrics } in rows {
        // Days are there only when a person asks for some, or the shape says `published_within_days`.
        if let Some(window) = job.window {
            let day = local_day(created_at, &zone);
            older |= day < window.start;
            if !window.contains(day) {
                continue;
            }
        }
        if !metrics.values.is_empty() {
            page.measurements.push(Measurement {
                traffic: Traffic::Total,
                values: metrics.values,
                ..Measurement::at(Subject::post(account.id.clone(), id.clone()), body.observed_at)
            });
        }
        page.posts.push(Post { published_at: Some(created_at), text, ..Post::new(account.id.clone(), id) });
    }
    let next = next.filter(|next| !next.is_empty() && !older);
    if next.is_some() && next == at.map(|at| at.after) {
        return Err(Error::bad_response("the next page is the same page").with("endpoint", &job.endpoint));
    }
    page.next = next.map(|after| Cursor::from_state(&After { after })).transpose()?;
    Ok(page)
}
