//! Body in, page or error out.

mod answer;
pub(crate) mod failure;
mod rows;

use std::collections::HashMap;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use kepi_core::{
    Account, AccountId, AccountRef, Body, Cursor, DateSpan, Error, ErrorKind, Job, Measurement, Notice, Page,
    Post, Reading, Result, Subject, SubjectKind, Traffic, Window, json::FieldGroup,
};
use smol_str::SmolStr;

use self::rows::{Bucket, MediaRow, Meta, PostRow, Series, UserRow};
use crate::{
    descriptor::{
        BATCH, MEDIA_ANALYTICS, MENTIONS, MediaDay, PAGE_CAP, POST_ANALYTICS, POSTS, PostDay, TIMELINE, USERS,
    },
    request::{Step, nameless, utc_day},
};

/// Reads a page.
pub(crate) fn page(job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    match job.endpoint.as_str() {
        USERS => users(job, cursor, body),
        TIMELINE | POSTS => posts(job, cursor, body),
        MENTIONS => mentions(job, body),
        POST_ANALYTICS => days::<PostDay>(job, SubjectKind::Post, body),
        MEDIA_ANALYTICS => match cursor.state()? {
            Some(Step::Media(keys)) => {
                let rest = keys.get(usize::from(BATCH)..).unwrap_or_default();
                let mut page = days::<MediaDay>(job, SubjectKind::Media, body)?;
                page.next = media_step(rest.to_vec())?;
                Ok(page)
            }
            _ => media_of_posts(job, body),
        },
        unknown => Err(Error::new(ErrorKind::BadRequest, format!("x has no endpoint {unknown:?}"))),
    }
}

fn users(job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let mut page = Page::default();
    let answer = answer::read::<UserRow, MediaRow>(job, body, &mut page)?;
    for row in answer.data.unwrap_or_default() {
        let Some(account) = account_of(job, &row) else {
            page.rejects.push(answer::foreign("an account", &row.id));
            continue;
        };
        let subject = Subject::account(account.id.clone());
        reading(&mut page, body, &subject, Traffic::Total, row.public_metrics.values);
        page.accounts.push(Account {
            platform_id: Some(row.id),
            handle: row.username,
            ..Account::new(account.id.clone())
        });
    }
    let ids_were_asked =
        cursor.is_start() && job.accounts.iter().any(|account| account.platform_id.is_some());
    if ids_were_asked && nameless(job).next().is_some() {
        page.next = Some(Cursor::from_state(&Step::Usernames)?);
    }
    Ok(page)
}

fn account_of<'j>(job: &'j Job, row: &UserRow) -> Option<&'j AccountRef> {
    let by_name = |account: &&AccountRef| {
        account.platform_id.is_none()
            && row.username.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(account.id.name()))
    };
    let mut accounts = job.accounts.iter();
    accounts
        .clone()
        .find(|account| account.platform_id.as_ref() == Some(&row.id))
        .or_else(|| accounts.find(by_name))
}

fn posts(job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let mut page = Page::default();
    let answer = answer::read::<PostRow, MediaRow>(job, body, &mut page)?;
    let media = answer.includes.and_then(|includes| includes.media).unwrap_or_default();
    let kinds: HashMap<&str, &SmolStr> =
        media.iter().filter_map(|row| Some((row.media_key.as_str(), row.kind.as_ref()?))).collect();
    let mut owners: HashMap<SmolStr, AccountId> = HashMap::new();
    let rows = answer.data.unwrap_or_default();
    answer::unsaid(job, rows.iter().map(|row| row.id.as_str()), answer.errors.as_deref(), &mut page);
    page.posts.reserve(rows.len());
    page.measurements.reserve(rows.len() * 2 + media.len() * 2);
    for row in rows {
        // A repost's numbers are those of the post it repeats.
        if row.refers("retweeted") {
            continue;
        }
        let Some(account) = owner(job, &row.id) else {
            page.rejects.push(answer::foreign("a post", &row.id));
            continue;
        };
        let keys = row.attachments.as_ref().and_then(|attached| attached.media_keys.as_deref());
        let keys = keys.unwrap_or_default();
        let kind = keys.iter().find_map(|key| kinds.get(key.as_str()).copied());
        owners.extend(keys.iter().map(|key| (key.clone(), account.clone())));
        post(&mut page, body, account, kind, row);
    }
    for row in media {
        if let Some(account) = owners.get(&row.media_key) {
            medium(&mut page, body, account, row);
        }
    }
    following(cursor, answer.meta, &mut page)?;
    Ok(page)
}

/// Whose post it is: of a timeline the account's, otherwise as the job says.
fn owner<'j>(job: &'j Job, id: &str) -> Option<&'j AccountId> {
    if job.posts.is_empty() {
        return job.accounts.first().map(|account| &account.id);
    }
    job.posts.iter().find(|post| post.id == id).map(|post| &post.account)
}

fn post(page: &mut Page, body: &Body, account: &AccountId, kind: Option<&SmolStr>, mut row: PostRow) {
    let subject = Subject::post(account.clone(), row.id.clone());
    let mut total = std::mem::take(&mut row.public_metrics);
    total.add(std::mem::take(&mut row.non_public_metrics.values));
    reading(page, body, &subject, Traffic::Total, total.values);
    reading(page, body, &subject, Traffic::Organic, std::mem::take(&mut row.organic_metrics.values));
    reading(page, body, &subject, Traffic::Paid, std::mem::take(&mut row.promoted_metrics.values));
    let format = row.format();
    let hashtags = row.entities.and_then(|entities| entities.hashtags).unwrap_or_default();
    page.posts.push(Post {
        published_at: row.created_at,
        format: Some(SmolStr::new_static(format)),
        text: row.text,
        url: Some(format!("https://x.com/i/web/status/{}", row.id)),
        language: row.lang.filter(|code| is_language(code)),
        tags: hashtags.into_iter().map(|hashtag| hashtag.tag).collect(),
        product_type: kind.cloned(),
        is_reply: Some(format == "reply"),
        ..Post::new(account.clone(), row.id)
    });
}

/// X has codes of its own for posts without words: `und`, `zxx`, `qme`, `qht` …
fn is_language(code: &str) -> bool {
    let of_its_own = code.len() == 3 && code.starts_with('q');
    !(of_its_own || matches!(code, "und" | "zxx"))
}

fn medium(page: &mut Page, body: &Body, account: &AccountId, row: MediaRow) {
    let subject = Subject::of(account.clone(), SubjectKind::Media, row.media_key);
    let mut total = row.public_metrics;
    total.add(row.non_public_metrics.values);
    reading(page, body, &subject, Traffic::Total, total.values);
    reading(page, body, &subject, Traffic::Organic, row.organic_metrics.values);
    reading(page, body, &subject, Traffic::Paid, row.promoted_metrics.values);
}

fn reading(page: &mut Page, body: &Body, subject: &Subject, traffic: Traffic, values: Vec<Reading>) {
    if !values.is_empty() {
        let at = body.observed_at;
        page.measurements.push(Measurement { traffic, values, ..Measurement::at(subject.clone(), at) });
    }
}

/// Where a listing goes on. A token that leads to itself would never end.
fn following(cursor: &Cursor, meta: Option<Meta>, page: &mut Page) -> Result<()> {
    let (asked, after) = match cursor.state()? {
        Some(Step::Page { token, after }) => (Some(token), after),
        _ => (None, 0),
    };
    let token = meta.and_then(|meta| meta.next_token).filter(|token| !token.is_empty());
    let Some(token) = token else {
        if after + 1 >= PAGE_CAP.div_ceil(u32::from(BATCH)) {
            let reason = format!("X ends a timeline after {PAGE_CAP} posts; older ones may be missing");
            page.notices.push(Notice::Gap { reason });
        }
        return Ok(());
    };
    if asked.as_ref() == Some(&token) {
        return Err(Error::bad_response("the page that follows is the page itself").with("next_token", token));
    }
    page.next = Some(Cursor::from_state(&Step::Page { token, after: after + 1 })?);
    Ok(())
}

/// Counts of whole days that are over; a part of a day is not a day.
fn mentions(job: &Job, body: &Body) -> Result<Page> {
    let mut page = Page::default();
    let answer = answer::read::<Bucket, MediaRow>(job, body, &mut page)?;
    page.billed_items = 0;
    let account = &job.account()?.id;
    for bucket in answer.data.unwrap_or_default() {
        let day = utc_day(bucket.start);
        let whole = is_midnight(bucket.start) && bucket.end == bucket.start + 24.hours();
        if day >= utc_day(body.observed_at) {
            page.notices.push(Notice::NotYet { days: DateSpan::day(day) });
        } else if !whole {
            page.notices.push(Notice::Clamped { days: DateSpan::day(day) });
        } else if !bucket.count.values.is_empty() {
            page.measurements.push(Measurement {
                traffic: Traffic::Total,
                values: bucket.count.values,
                ..Measurement::new(Subject::account(account.clone()), Window::Day(day), body.observed_at)
            });
        }
    }
    Ok(page)
}

fn is_midnight(at: Timestamp) -> bool {
    TimeZone::UTC.to_datetime(at).time() == jiff::civil::Time::midnight()
}

/// Numbers by day, of posts or media.
fn days<G: FieldGroup>(job: &Job, kind: SubjectKind, body: &Body) -> Result<Page> {
    let mut page = Page::default();
    let answer = answer::read::<Series<G>, MediaRow>(job, body, &mut page)?;
    page.billed_items = 0;
    let account = &job.account()?.id;
    let rows = answer.data.unwrap_or_default();
    if kind == SubjectKind::Post {
        answer::unsaid(job, rows.iter().map(|row| row.id.as_str()), answer.errors.as_deref(), &mut page);
    }
    for series in rows {
        let subject = Subject::of(account.clone(), kind, series.id);
        for stamped in series.timestamped_metrics.unwrap_or_default() {
            let day = utc_day(stamped.timestamp);
            if !is_midnight(stamped.timestamp) {
                return Err(Error::bad_response("a day does not begin at midnight UTC")
                    .with("endpoint", &job.endpoint)
                    .with("timestamp", stamped.timestamp));
            }
            if !stamped.metrics.values.is_empty() {
                page.measurements.push(Measurement {
                    traffic: Traffic::Total,
                    values: stamped.metrics.values,
                    ..Measurement::new(subject.clone(), Window::Day(day), body.observed_at)
                });
            }
        }
    }
    Ok(page)
}

/// The videos of posts, whose days are asked for next.
fn media_of_posts(job: &Job, body: &Body) -> Result<Page> {
    let mut page = Page::default();
    let answer = answer::read::<PostRow, MediaRow>(job, body, &mut page)?;
    page.billed_items = 0;
    let rows = answer.data.unwrap_or_default();
    answer::unsaid(job, rows.iter().map(|row| row.id.as_str()), answer.errors.as_deref(), &mut page);
    let media = answer.includes.and_then(|includes| includes.media).unwrap_or_default();
    let moving = media.into_iter().filter(|row| row.kind.as_deref().is_none_or(|kind| kind != "photo"));
    let mut keys: Vec<SmolStr> = moving.map(|row| row.media_key).collect();
    keys.sort();
    keys.dedup();
    page.next = media_step(keys)?;
    Ok(page)
}

fn media_step(keys: Vec<SmolStr>) -> Result<Option<Cursor>> {
    if keys.is_empty() { Ok(None) } else { Cursor::from_state(&Step::Media(keys)).map(Some) }
}
