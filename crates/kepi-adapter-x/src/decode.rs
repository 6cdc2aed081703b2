//! Body in, page or error out.

use std::collections::{BTreeMap, HashMap};

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use kepi_core::{
    Account, AccountId, AccountRef, Body, Cursor, DateSpan, Error, ErrorKind, Job, Measurement, Notice, Page,
    Post, PostRef, Reading, Reject, Result, Subject, SubjectKind, Traffic, Window,
    json::{self, FieldGroup, Readings},
    period::add_days,
};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use smol_str::SmolStr;

use crate::{
    descriptor::{
        BATCH, MEDIA_ANALYTICS, MENTIONS, MediaDay, MediaNonPublic, MediaOrganic, MediaPromoted, MediaPublic,
        MentionCount, PAGE_CAP, POST_ANALYTICS, POSTS, PostDay, PostNonPublic, PostOrganic, PostPromoted,
        PostPublic, TIMELINE, USERS, UserPublic,
    },
    request::{Step, nameless, utc_day},
};

/// What every answer looks like. `errors` beside `data` is X's way of partial success.
#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>, M: Deserialize<'de>"))]
struct Answer<R, M> {
    #[serde(default, deserialize_with = "null_is_empty")]
    data: Option<Vec<R>>,
    includes: Option<Includes<M>>,
    errors: Option<Vec<Problem>>,
    meta: Option<Meta>,
}

/// Null says that nothing is there; a missing list says that the answer is another one.
fn null_is_empty<'de, D: Deserializer<'de>, R: Deserialize<'de>>(
    list: D,
) -> Result<Option<Vec<R>>, D::Error> {
    Ok(Some(Option::deserialize(list)?.unwrap_or_default()))
}

#[derive(Deserialize)]
struct Includes<M> {
    media: Option<Vec<M>>,
}

#[derive(Deserialize)]
struct Meta {
    next_token: Option<String>,
}

/// One problem: of a part of an answer, or all that an answer says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: Option<String>,
    title: Option<String>,
    detail: Option<String>,
    message: Option<String>,
    resource_id: Option<String>,
    field: Option<String>,
    errors: Option<Vec<Problem>>,
}

#[derive(Deserialize)]
struct UserRow {
    #[serde(deserialize_with = "json::id")]
    id: SmolStr,
    username: Option<String>,
    #[serde(default)]
    public_metrics: Readings<UserPublic>,
}

#[derive(Deserialize)]
struct PostRow {
    #[serde(deserialize_with = "json::id")]
    id: SmolStr,
    text: Option<String>,
    created_at: Option<Timestamp>,
    lang: Option<SmolStr>,
    attachments: Option<Attachments>,
    entities: Option<Entities>,
    referenced_tweets: Option<Vec<Reference>>,
    referenced_posts: Option<Vec<Reference>>,
    #[serde(default)]
    public_metrics: Readings<PostPublic>,
    #[serde(default)]
    non_public_metrics: Readings<PostNonPublic>,
    #[serde(default)]
    organic_metrics: Readings<PostOrganic>,
    #[serde(default)]
    promoted_metrics: Readings<PostPromoted>,
}

#[derive(Deserialize)]
struct Attachments {
    media_keys: Option<Vec<SmolStr>>,
}

#[derive(Deserialize)]
struct Entities {
    hashtags: Option<Vec<Hashtag>>,
}

#[derive(Deserialize)]
struct Hashtag {
    tag: String,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "type")]
    kind: SmolStr,
}

#[derive(Deserialize)]
struct MediaRow {
    #[serde(deserialize_with = "json::id")]
    media_key: SmolStr,
    #[serde(rename = "type")]
    kind: Option<SmolStr>,
    #[serde(default)]
    public_metrics: Readings<MediaPublic>,
    #[serde(default)]
    non_public_metrics: Readings<MediaNonPublic>,
    #[serde(default)]
    organic_metrics: Readings<MediaOrganic>,
    #[serde(default)]
    promoted_metrics: Readings<MediaPromoted>,
}

#[derive(Deserialize)]
struct Bucket {
    start: Timestamp,
    end: Timestamp,
    #[serde(flatten)]
    count: Readings<MentionCount>,
}

#[derive(Deserialize)]
#[serde(bound = "G: FieldGroup")]
struct Series<G> {
    #[serde(alias = "media_key", deserialize_with = "json::id")]
    id: SmolStr,
    timestamped_metrics: Option<Vec<Stamped<G>>>,
}

#[derive(Deserialize)]
#[serde(bound = "G: FieldGroup")]
struct Stamped<G> {
    timestamp: Timestamp,
    #[serde(default)]
    metrics: Readings<G>,
}

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
    let answer: Answer<UserRow, MediaRow> = answer(job, body, &mut page)?;
    for row in answer.data.unwrap_or_default() {
        let Some(account) = account_of(job, &row) else {
            page.rejects.push(foreign("an account", &row.id));
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
    let answer: Answer<PostRow, MediaRow> = answer(job, body, &mut page)?;
    let media = answer.includes.and_then(|includes| includes.media).unwrap_or_default();
    let kinds: HashMap<&str, &SmolStr> =
        media.iter().filter_map(|row| Some((row.media_key.as_str(), row.kind.as_ref()?))).collect();
    let mut owners: HashMap<SmolStr, AccountId> = HashMap::new();
    let rows = answer.data.unwrap_or_default();
    page.posts.reserve(rows.len());
    page.measurements.reserve(rows.len() * 2 + media.len() * 2);
    for row in rows {
        // A repost's numbers are those of the post it repeats.
        if row.refers("retweeted") {
            continue;
        }
        let Some(account) = owner(job, &row.id) else {
            page.rejects.push(foreign("a post", &row.id));
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

impl PostRow {
    fn refers(&self, kind: &str) -> bool {
        let newer = self.referenced_posts.as_deref().unwrap_or_default();
        let older = self.referenced_tweets.as_deref().unwrap_or_default();
        newer.iter().chain(older).any(|reference| reference.kind == kind)
    }

    fn format(&self) -> &'static str {
        match (self.refers("replied_to"), self.refers("quoted")) {
            (true, _) => "reply",
            (_, true) => "quote",
            _ => "post",
        }
    }
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
    let answer: Answer<Bucket, MediaRow> = answer(job, body, &mut page)?;
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
    let answer: Answer<Series<G>, MediaRow> = answer(job, body, &mut page)?;
    page.billed_items = 0;
    let account = &job.account()?.id;
    for series in answer.data.unwrap_or_default() {
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
                    provisional: add_days(day, 1) > utc_day(body.observed_at),
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
    let answer: Answer<PostRow, MediaRow> = answer(job, body, &mut page)?;
    page.billed_items = 0;
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

/// Parses an answer. When that fails for the sake of single rows, they are set aside and the rest is kept.
fn answer<'a, R, M>(job: &Job, body: &'a Body, page: &mut Page) -> Result<Answer<R, M>>
where
    R: Deserialize<'a>,
    M: Deserialize<'a>,
{
    let mut answer: Answer<R, M> = match serde_json::from_slice(&body.bytes) {
        Ok(answer) => answer,
        Err(_) => salvaged(job, body, page)?,
    };
    let bad = page.rejects.iter().filter(|reject| reject.place.starts_with("/data/")).count();
    let rows = answer.data.as_ref().map_or(0, Vec::len) + bad;
    page.billed_items = u32::try_from(rows).unwrap_or(u32::MAX);
    let errors = answer.errors.take().unwrap_or_default();
    let partial = errors.iter().any(|problem| !problem.suffix().is_empty());
    if answer.data.is_none() && answer.meta.is_none() && !partial {
        let said = errors.first().map(Problem::text).unwrap_or_default();
        return Err(unknown_shape(job).with("said", said));
    }
    problems(job, body, &errors, page);
    Ok(answer)
}

fn salvaged<'a, R, M>(job: &Job, body: &'a Body, page: &mut Page) -> Result<Answer<R, M>>
where
    R: Deserialize<'a>,
    M: Deserialize<'a>,
{
    let raw: Answer<&RawValue, &RawValue> =
        serde_json::from_slice(&body.bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
    let account = job.accounts.first().filter(|_| job.accounts.len() == 1).map(|account| &account.id);
    let Answer { data, includes, errors, meta } = raw;
    let data = data.map(|rows| json::salvage(&rows, "/data", account, &mut page.rejects));
    if data.as_ref().is_some_and(Vec::is_empty) && page.rejects.len() > 1 {
        return Err(unknown_shape(job).with("first_row", &page.rejects[0].reason));
    }
    let media = includes.and_then(|includes| includes.media);
    let media = media.map(|rows| json::salvage(&rows, "/includes/media", account, &mut page.rejects));
    Ok(Answer { data, includes: Some(Includes { media }), errors, meta })
}

fn unknown_shape(job: &Job) -> Error {
    Error::bad_response("the answer has an unknown shape")
        .with("endpoint", &job.endpoint)
        .hint("has X changed this endpoint? the other endpoints go on")
}

fn foreign(what: &str, id: &str) -> Reject {
    let reason = format!("{what} that was not asked for");
    Reject { account: None, place: "/data".to_owned(), reason, raw: id.to_owned() }
}

impl Problem {
    /// The end of its type: the host before it is `api.x.com` or `api.twitter.com`.
    pub(crate) fn suffix(&self) -> &str {
        self.kind.as_deref().and_then(|kind| kind.split_once("/problems/")).map_or("", |(_, suffix)| suffix)
    }

    /// What X says, in its own words.
    pub(crate) fn text(&self) -> String {
        let inner = self.errors.iter().flatten().find_map(|problem| problem.message.clone());
        let said = inner.or_else(|| self.detail.clone()).or_else(|| self.message.clone());
        said.or_else(|| self.title.clone()).unwrap_or_else(|| "no reason given".to_owned())
    }
}

/// What X says of parts of an answer.
fn problems(job: &Job, body: &Body, errors: &[Problem], page: &mut Page) {
    let mut fields: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, problem) in errors.iter().enumerate() {
        match problem.suffix() {
            "not-authorized-for-field" | "field-unauthorized" => {
                *fields.entry(problem.field.as_deref().unwrap_or("a field")).or_default() += 1;
            }
            "field-hydration-failure" | "resource-unavailable" => page.rejects.push(Reject {
                account: problem.resource_id.as_deref().and_then(|id| owner(job, id)).cloned(),
                place: format!("/errors/{at}"),
                reason: "X could not deliver this now".to_owned(),
                raw: problem.text(),
            }),
            suffix => page.notices.extend(gone_or_remark(job, body, problem, suffix, &mut page.posts)),
        }
    }
    page.notices.extend(fields.into_iter().map(|(field, count)| Notice::Remark {
        text: format!("{field} is not authorized for {count} of the posts or media of this page"),
    }));
}

fn gone_or_remark(
    job: &Job,
    body: &Body,
    problem: &Problem,
    suffix: &str,
    posts: &mut Vec<Post>,
) -> Option<Notice> {
    if let Some(account) = problem.account(job) {
        let (account, reason) = (account.id.clone(), problem.text());
        return Some(Notice::NotOffered { account, metric: None, reason });
    }
    match problem.post(job) {
        Some(post) if suffix == "resource-not-found" => {
            let deleted_at = Some(body.observed_at);
            posts.push(Post { deleted_at, ..Post::new(post.account.clone(), post.id.clone()) });
            None
        }
        _ => Some(Notice::Remark { text: problem.text() }),
    }
}

impl Problem {
    fn post<'j>(&self, job: &'j Job) -> Option<&'j PostRef> {
        let id = self.resource_id.as_deref()?;
        job.posts.iter().find(|post| post.id == id)
    }

    /// The account it is about, where whole accounts were asked for.
    fn account<'j>(&self, job: &'j Job) -> Option<&'j AccountRef> {
        let id = self.resource_id.as_deref()?;
        let named = |account: &&AccountRef| match &account.platform_id {
            Some(known) => known == id,
            None => account.id.name().eq_ignore_ascii_case(id),
        };
        job.accounts.iter().filter(|_| job.posts.is_empty()).find(named)
    }
}
