//! Media and stories: what they are, and what they have so far.

use std::collections::HashMap;

use kepi_core::{
    Account, Body, Cursor, Job, Measurement, MetricId, Notice, Page, Post, Reading, Reject, Result, Segment,
    Subject, Traffic, Value, json,
    period::{add_days, local_day},
};
use serde_json::value::RawValue;
use smol_str::{SmolStr, ToSmolStr, format_smolstr};

use super::{
    answer::{count, named, raw, reject, salvage, shown, unknown_shape, whole},
    refusal::{after, following},
    rows::{self, Media, Rows, User},
};
use crate::{
    config::{InstagramConfig, MediaMetrics},
    descriptor::{
        COMMON, Insight, LIST_CAP, MEDIA, OF_POSTS, OF_STORIES, OLDER_MEDIA, PAGE, PROFILE, SHOWN,
        SHOWN_TO_PAGES, STORIES, of_reels,
    },
    request::{ById, Insights, Kind, List, Step, ids_at, pacific},
};

/// The account with its newest media, a later page of them, or stories.
pub(super) fn list(config: &InstagramConfig, job: &Job, list: &List, body: &Body) -> Result<Page> {
    let mut page = Page::default();
    let rows = if job.endpoint == MEDIA && list.after.is_none() {
        user(job, body, &mut page)?
    } else {
        let rows = match whole(body) {
            Some(rows) => rows,
            None => salvaged(job, raw(job, body)?, "/data", &mut page)?,
        };
        if rows.data.is_none() {
            return Err(unknown_shape(job));
        }
        rows
    };
    let media = rows.data.unwrap_or_default();
    let seen = list.seen.saturating_add(u32::try_from(media.len() + page.rejects.len()).unwrap_or(u32::MAX));
    let goes_on = rows.paging.as_ref().is_some_and(rows::Paging::goes_on);
    let after = rows.paging.and_then(|paging| paging.cursors?.after).filter(|after| !after.is_empty());
    let older = is_older(job, &media)?;
    let then = match (goes_on && !older, after) {
        (true, Some(next)) if list.after.as_ref() == Some(&next) => {
            return Err(kepi_core::Error::bad_response("the page that follows is the page itself")
                .with("endpoint", &job.endpoint));
        }
        (true, Some(next)) => Some(List { after: Some(next), seen, ..list.clone() }),
        (true, None) => {
            page.notices.push(gap("Instagram says that more media follow, and not where".to_owned()));
            None
        }
        (false, _) => None,
    };
    if then.is_none() && !older && seen >= LIST_CAP {
        page.notices
            .push(gap(format!("Instagram lists at most {LIST_CAP} media; older ones may be missing")));
    }
    let reader = Reader::new(config, job, body)?;
    let mut still =
        Insights { size: PAGE, without: list.without.clone(), then: then.clone(), ..Insights::default() };
    page.posts.reserve(media.len());
    page.measurements.reserve(media.len() * 2);
    for row in media {
        let kind = reader.kind(row.media_product_type.as_deref());
        let follows = list.plain && !list.bare;
        if follows {
            still.add(kind, row.id.clone());
        }
        reader.item(&mut page, kind, row, follows)?;
    }
    let next = if still.next().is_some() { Some(Step::Insights(still)) } else { then.map(Step::List) };
    page.next = next.as_ref().map(Cursor::from_state).transpose()?;
    Ok(page)
}

fn gap(reason: String) -> Notice {
    Notice::Gap { reason }
}

/// The account's own numbers; its media are given back.
fn user<'a>(job: &Job, body: &'a Body, page: &mut Page) -> Result<Rows<Media<'a>>> {
    let user: User<Media<'a>> = match whole(body) {
        Some(user) => user,
        None => {
            let user: User<&RawValue> = raw(job, body)?;
            let media = user.media.map(|media| salvaged(job, media, "/media/data", page)).transpose()?;
            User {
                id: user.id,
                username: user.username,
                followers_count: user.followers_count,
                follows_count: user.follows_count,
                media_count: user.media_count,
                media,
            }
        }
    };
    let counts = [user.followers_count, user.follows_count, user.media_count];
    if user.id.is_none() && user.media.is_none() && counts.iter().all(|count| count.0.is_none()) {
        return Err(unknown_shape(job));
    }
    let account = job.account()?;
    if let (Some(asked), Some(told)) = (&account.platform_id, &user.id)
        && asked != told
    {
        return Err(kepi_core::Error::bad_response("Instagram speaks of another account than was asked for")
            .with("asked", asked)
            .with("told", told));
    }
    let values: Vec<Reading> =
        PROFILE.iter().zip(counts).filter_map(|(field, value)| count(field.metric, value)).collect();
    if !values.is_empty() {
        page.measurements.push(Measurement {
            traffic: Traffic::Total,
            values,
            ..Measurement::at(Subject::account(account.id.clone()), body.observed_at)
        });
    }
    page.accounts.push(Account {
        platform_id: user.id,
        handle: user.username.filter(|name| !name.is_empty()),
        ..Account::new(account.id.clone())
    });
    Ok(user.media.unwrap_or(Rows { data: None, paging: None }))
}

fn salvaged<'a>(
    job: &Job,
    rows: Rows<&'a RawValue>,
    place: &str,
    page: &mut Page,
) -> Result<Rows<Media<'a>>> {
    let data = rows.data.map(|rows| salvage(job, &rows, place, &mut page.rejects)).transpose()?;
    Ok(Rows { data, paging: rows.paging })
}

/// Whether a page lies wholly before the days that were asked for. The newest media come first.
fn is_older(job: &Job, media: &[Media<'_>]) -> Result<bool> {
    let Some(window) = job.window else { return Ok(false) };
    let zone = pacific()?;
    // A day to spare, so that the zone in which the days were reckoned does not matter.
    let floor = add_days(window.start, -1);
    let mut days = media.iter().filter_map(|row| row.timestamp).map(|at| local_day(at.0, &zone)).peekable();
    Ok(days.peek().is_some() && days.all(|day| day < floor))
}

/// The insights of media that were asked for by id.
pub(super) fn insights(
    config: &InstagramConfig,
    job: &Job,
    mut insights: Insights,
    body: &Body,
) -> Result<Page> {
    let mut page = Page::default();
    let Some((kind, ids)) = insights.next() else { return Err(unknown_shape(job)) };
    let ids = ids.to_vec();
    let reader = Reader::new(config, job, body)?;
    if let [id] = ids.as_slice() {
        let told = super::answer::insights(job, body, &mut page)?;
        reader.insights(&mut page, kind, id, Vec::new(), told)?;
    } else {
        let mut rows: rows::ById<'_, rows::Told<'_>> = by_ids(job, body, &mut page)?;
        if ids.iter().all(|id| !rows.contains_key(id.as_str())) && page.rejects.is_empty() {
            return Err(unknown_shape(job));
        }
        for id in &ids {
            match rows.remove(id.as_str()) {
                Some(told) => {
                    let told = told.insights.and_then(|rows| rows.data).unwrap_or_default();
                    reader.insights(&mut page, kind, id, Vec::new(), told)?;
                }
                None => page.notices.extend(unsaid(&page.rejects, id)),
            }
        }
    }
    insights.group_mut(kind).drain(..ids.len());
    insights.refused = 0;
    page.next = after(insights).as_ref().map(Cursor::from_state).transpose()?;
    Ok(page)
}

/// Media of the job that were asked for by id.
pub(super) fn by_id(config: &InstagramConfig, job: &Job, place: &ById, body: &Body) -> Result<Page> {
    let mut page = Page::default();
    let ids = ids_at(job, place);
    let reader = Reader::new(config, job, body)?;
    let rows: rows::ById<'_, Media<'_>> = by_ids(job, body, &mut page)?;
    let mut rows: HashMap<SmolStr, Media<'_>> = rows.into_values().map(|row| (row.id.clone(), row)).collect();
    let known = ids.iter().any(|id| rows.contains_key(id));
    if !known && page.rejects.is_empty() && !rows.is_empty() {
        return Err(unknown_shape(job));
    }
    for id in &ids {
        match rows.remove(id) {
            Some(row) => {
                reader.item(&mut page, reader.kind(row.media_product_type.as_deref()), row, false)?
            }
            None => page.notices.extend(unsaid(&page.rejects, id)),
        }
    }
    let next = following(job, place.clone(), ids.len()).map(Step::ById);
    page.next = next.as_ref().map(Cursor::from_state).transpose()?;
    Ok(page)
}

fn by_ids<'a, R: serde::Deserialize<'a>>(
    job: &Job,
    body: &'a Body,
    page: &mut Page,
) -> Result<rows::ById<'a, R>> {
    if let Some(rows) = whole(body) {
        return Ok(rows);
    }
    let raw: rows::ById<'a, &'a RawValue> = raw(job, body)?;
    let mut good = rows::ById::with_capacity(raw.len());
    for (id, row) in raw {
        match serde_json::from_str(row.get()) {
            Ok(read) => drop(good.insert(id, read)),
            Err(error) => page.rejects.push(reject(job, format!("/{id}"), error.to_string(), row.get())?),
        }
    }
    Ok(good)
}

/// An item that was asked for, and of which nothing is said that could be read or not.
fn unsaid(rejects: &[Reject], id: &SmolStr) -> Option<Notice> {
    let set_aside = rejects.iter().any(|reject| reject.place == format!("/{id}"));
    (!set_aside).then(|| Notice::Remark { text: format!("nothing is said of {id}") })
}

/// Puts down what is said of media.
struct Reader<'a> {
    job: &'a Job,
    body: &'a Body,
    account: &'a kepi_core::AccountId,
    table: Vec<Insight>,
}

impl<'a> Reader<'a> {
    fn new(config: &InstagramConfig, job: &'a Job, body: &'a Body) -> Result<Self> {
        let table = match (job.endpoint.as_str(), config.media_metrics) {
            (STORIES, _) => OF_STORIES.to_vec(),
            (OLDER_MEDIA, _) => COMMON.to_vec(),
            (_, MediaMetrics::ByKind | MediaMetrics::Common) => {
                [&COMMON[..], &OF_POSTS, &of_reels(config.watch_time)].concat()
            }
        };
        Ok(Self { job, body, account: &job.account()?.id, table })
    }

    fn kind(&self, product_type: Option<&str>) -> Kind {
        if self.job.endpoint == STORIES { Kind::Story } else { Kind::of(product_type) }
    }

    /// One item. Where its insights follow in a reading of their own, the organic counts that stand beside it are
    /// theirs too and are left to them.
    fn item(&self, page: &mut Page, kind: Kind, row: Media<'_>, insights_follow: bool) -> Result<()> {
        let shown = [row.like_count, row.comments_count];
        let to_pages = [
            row.saved_count,
            row.shares_count,
            row.reposts_count,
            row.total_like_count,
            row.total_comments_count,
            row.total_views_count,
        ];
        let told = SHOWN.iter().zip(shown).chain(SHOWN_TO_PAGES.iter().zip(to_pages));
        let mut organic = Vec::new();
        let mut total = Vec::new();
        for (field, value) in told {
            let readings = if field.traffic == Traffic::Organic { &mut organic } else { &mut total };
            readings.extend(count(field.metric, value));
        }
        let insights = row.insights.and_then(|rows| rows.data).unwrap_or_default();
        if insights_follow {
            organic.clear();
        }
        self.insights(page, kind, &row.id, organic, insights)?;
        self.put(page, &row.id, None, Traffic::Total, total);
        let caption = row.caption.filter(|caption| !caption.is_empty());
        page.posts.push(Post {
            published_at: row.timestamp.map(|at| at.0),
            format: format_of(kind, row.media_type.as_deref()),
            tags: caption.as_deref().map(hashtags).unwrap_or_default(),
            text: caption,
            url: row.permalink.filter(|url| !url.is_empty()),
            product_type: row.media_product_type.filter(|kind| !kind.is_empty()),
            ..Post::new(self.account.clone(), row.id)
        });
        Ok(())
    }

    /// The insights of an item, and what else is known of it for numbers that they do not have.
    fn insights(
        &self,
        page: &mut Page,
        kind: Kind,
        id: &SmolStr,
        shown_with_it: Vec<Reading>,
        told: Vec<rows::Insight<'_>>,
    ) -> Result<()> {
        let mut values: Vec<Reading> = Vec::with_capacity(12);
        let mut parts: Vec<(&'static str, SmolStr, Reading)> = Vec::new();
        for insight in told {
            let Some(known) = named(&self.table, &insight.name) else { continue };
            let total = insight.total_value.as_ref();
            let number = insight.values.first().and_then(|stamped| stamped.value);
            let number = number.or_else(|| total.and_then(|total| total.value));
            match known.reading(number) {
                Ok(Some(reading)) => {
                    if let (Kind::Reel, "views", Value::Count(plays)) = (kind, known.name, &reading.value) {
                        values.push(Reading::count(MetricId::from_static("video_plays"), *plays));
                    }
                    values.push(reading);
                }
                Ok(None) => {}
                Err(reason) => {
                    let place = format!("/{id}/insights/{}", known.name);
                    page.rejects.push(reject(self.job, place, reason, &shown(number))?);
                }
            }
            for part in total.iter().flat_map(|total| &total.breakdowns).flat_map(|by| &by.results) {
                self.part(page, known, id, part, &mut values, &mut parts)?;
            }
        }
        json::add_absent(&mut values, shown_with_it);
        self.put(page, id, None, Traffic::Organic, values);
        for (dimension, value, reading) in parts {
            let segment = Segment { dimension: SmolStr::new_static(dimension), value };
            self.put(page, id, Some(segment), Traffic::Organic, vec![reading]);
        }
        Ok(())
    }

    fn part(
        &self,
        page: &mut Page,
        known: &Insight,
        id: &SmolStr,
        part: &rows::Part,
        values: &mut Vec<Reading>,
        parts: &mut Vec<(&'static str, SmolStr, Reading)>,
    ) -> Result<()> {
        let dimension = match known.name {
            "profile_activity" => "action_type",
            "navigation" => "navigation",
            _ => return Ok(()),
        };
        let value = part.dimension_values.join("/").to_ascii_lowercase().to_smolstr();
        if value.is_empty() || parts.iter().any(|(other, seen, _)| *other == dimension && *seen == value) {
            return Ok(());
        }
        match known.reading(part.value) {
            Ok(Some(reading)) => {
                if let ("bio_link_clicked", MEDIA, Value::Count(clicks)) =
                    (value.as_str(), self.job.endpoint.as_str(), &reading.value)
                {
                    values.push(Reading::count(MetricId::from_static("link_clicks"), *clicks));
                }
                parts.push((dimension, value, reading));
            }
            Ok(None) => {}
            Err(reason) => {
                let place = format!("/{id}/insights/{}/{value}", known.name);
                page.rejects.push(reject(self.job, place, reason, &shown(part.value))?);
            }
        }
        Ok(())
    }

    fn put(
        &self,
        page: &mut Page,
        id: &SmolStr,
        segment: Option<Segment>,
        traffic: Traffic,
        values: Vec<Reading>,
    ) {
        if !values.is_empty() {
            let subject = Subject::post(self.account.clone(), id.clone());
            page.measurements.push(Measurement {
                segment,
                traffic,
                values,
                ..Measurement::at(subject, self.body.observed_at)
            });
        }
    }
}

pub(super) fn format_of(kind: Kind, media_type: Option<&str>) -> Option<SmolStr> {
    Some(match (kind, media_type?) {
        (Kind::Story, _) => SmolStr::new_static("story"),
        (_, "IMAGE") => SmolStr::new_static("image"),
        (_, "VIDEO") => SmolStr::new_static("video"),
        (_, "CAROUSEL_ALBUM") => SmolStr::new_static("carousel"),
        (_, "") => return None,
        (_, other) => format_smolstr!("{}", other.to_ascii_lowercase()),
    })
}

/// The hashtags of a caption, each once.
fn hashtags(caption: &str) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for part in caption.split('#').skip(1) {
        let tag: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}
