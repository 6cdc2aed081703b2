//! A seeded world of posts and what happened to them day by day: the same numbers for the same seed and size.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use jiff::{Timestamp, civil::Date};
use kepi_core::period::{add_days, days_between};
use kepi_store::Store;

/// The metrics that are whole numbers.
pub const COUNTS: [&str; 8] = [
    "impressions",
    "likes",
    "comments",
    "shares",
    "saves",
    "link_clicks",
    "profile_clicks",
    "follows_gained",
];

/// So many of them are public on X.
pub const PUBLIC: usize = 5;

/// The one that is not.
pub const SECONDS: &str = "watch_time_s";

const PLATFORMS: [&str; 7] = ["wechat", "weibo", "douyin", "xiaohongshu", "instagram", "x", "linkedin"];
const FORMATS: [&str; 3] = ["image", "video", "article"];
const CATEGORIES: [&str; 6] = ["product", "people", "service", "campaign", "craft", "community"];

/// The first day of the world.
pub const FIRST: Date = Date::constant(2025, 1, 1);
/// So many days happen in it …
pub const DAYS: i32 = 365;
/// … and every post is watched for so many.
pub const WATCHED: i32 = 30;

const DAY: i64 = 86_400_000_000;

/// How large, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct World {
    /// The same seed gives the same numbers.
    pub seed: u64,
    /// Accounts, over seven platforms.
    pub accounts: u32,
    /// Rows: every post has one a day for [`WATCHED`] days.
    pub rows: u64,
    /// What is special about it.
    pub kind: Kind,
}

/// What is special about a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Kind {
    /// Seven platforms; every post was watched to the end, and nothing goes on.
    Past,
    /// The same, but one row in twenty was said again later, with other numbers.
    Restated,
    /// Only X, as its API gives it; posts are published to the last day, and the next day can come.
    Running,
}

/// One post.
#[derive(Debug, Clone, Copy)]
pub struct Post {
    number: u64,
    /// Which account published it.
    pub account: u32,
    /// On which day of the world.
    pub born: i32,
    draw: u64,
    platform: &'static str,
    running: bool,
}

/// What happened to a post on one day.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The post.
    pub post: Post,
    /// The day of the world.
    pub day: i32,
    /// Numbers of [`COUNTS`].
    pub counts: [Option<i64>; COUNTS.len()],
    /// The number of [`SECONDS`].
    pub seconds: Option<f64>,
    /// Whether these numbers replace what was said before.
    pub restated: bool,
}

impl World {
    /// The days on which posts are published: so that all are watched to the end, or all.
    fn births(&self) -> i32 {
        if self.kind == Kind::Running { DAYS } else { DAYS - WATCHED + 1 }
    }

    /// How many posts there are.
    #[must_use]
    pub fn posts(&self) -> u64 {
        (self.rows / u64::from(WATCHED.unsigned_abs())).max(1)
    }

    /// The name of an account.
    #[must_use]
    pub fn account(&self, number: u32) -> String {
        format!("{}/brand{number:04}", self.platform(number))
    }

    /// The post of a number; numbers go by day of publishing.
    #[must_use]
    pub fn post(&self, number: u64) -> Post {
        let days = u64::from(self.births().unsigned_abs());
        let born = i32::try_from(number * days / self.posts()).unwrap_or(0).min(DAYS);
        let draw = mix(self.seed ^ mix(number));
        let account = u32::try_from(number % u64::from(self.accounts.max(1))).unwrap_or(0);
        Post {
            number,
            account,
            born,
            draw,
            platform: self.platform(account),
            running: self.kind == Kind::Running,
        }
    }

    fn platform(&self, account: u32) -> &'static str {
        if self.kind == Kind::Running {
            return "x";
        }
        PLATFORMS.get(account as usize % PLATFORMS.len()).copied().unwrap_or("x")
    }

    /// The posts that were published from a day to before another.
    fn published(&self, from: i32, until: i32) -> impl Iterator<Item = Post> + use<'_> {
        let births = self.births();
        let days = u64::from(births.unsigned_abs());
        let first = |day: i32| (u64::from(day.clamp(0, births).unsigned_abs()) * self.posts()).div_ceil(days);
        (first(from)..first(until)).map(|number| self.post(number))
    }

    /// What happened from a day to before another, post by post.
    pub fn rows(&self, from: i32, until: i32) -> impl Iterator<Item = Row> + use<'_> {
        self.published(from - WATCHED + 1, until).flat_map(move |post| {
            let days = from.max(post.born)..until.min(post.born + WATCHED);
            days.map(
                move |day| if self.kind == Kind::Restated { post.on(day).restated() } else { post.on(day) },
            )
        })
    }

    /// Fills an empty store: accounts, posts, and what happened, in files as the store leaves them after it
    /// compacted a week at a time.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn fill(&self, store: &Store) -> Result<()> {
        let current = [("current", "true".to_owned())];
        store.load("accounts", &current, vec![self.accounts_batch()?]).await?;
        for (from, until) in months() {
            let posts: Vec<Post> = self.published(from, until).collect();
            if posts.is_empty() {
                continue;
            }
            store.load("posts", &current, vec![self.posts_batch(&posts)?]).await?;
            if self.kind == Kind::Running {
                let [_, month] = month(true, from);
                store.load("post_lifetime", &[month], vec![self.lifetime_batch(&posts)?]).await?;
            }
        }
        for (from, until) in weeks() {
            let rows: Vec<Row> = self.rows(from, until).collect();
            self.load(store, true, from, &rows).await?;
            if self.kind == Kind::Running {
                store.load("post_facts", &month(true, from), vec![self.facts_batch(&rows)?]).await?;
            }
        }
        // What was said again stands where it stood before, as the store puts it; what it replaced stays as history.
        for (from, until) in months() {
            let restated = self.rows(from, until).filter(|row| row.restated);
            let before: Vec<Row> = restated.map(|row| row.post.on(row.day)).collect();
            self.load(store, false, from, &before).await?;
        }
        Ok(())
    }

    async fn load(&self, store: &Store, current: bool, day: i32, rows: &[Row]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let superseded = (!current).then(|| instant(DAYS, 1));
        Ok(store.load("post_daily", &month(current, day), vec![self.daily_batch(rows, superseded)?]).await?)
    }

    fn accounts_batch(&self) -> Result<RecordBatch> {
        let accounts: Vec<String> = (0..self.accounts).map(|number| self.account(number)).collect();
        let before = || instants(accounts.iter().map(|_| instant(-1, 0)));
        batch([
            ("platform", texts((0..self.accounts).map(|number| self.platform(number)))),
            ("account", texts(accounts.iter())),
            ("zone", texts(accounts.iter().map(|_| "UTC"))),
            ("first_observed_at", before()),
            ("first_own_at", before()),
            ("configured", flags(accounts.iter().map(|_| true))),
            ("observed_at", before()),
            ("recorded_at", before()),
        ])
    }

    fn posts_batch(&self, posts: &[Post]) -> Result<RecordBatch> {
        let account: Vec<String> = posts.iter().map(|post| self.account(post.account)).collect();
        batch([
            ("platform", texts(posts.iter().map(|post| post.platform))),
            ("account", texts(account.iter().map(String::as_str))),
            ("post", texts(posts.iter().map(Post::id))),
            ("published_at", instants(posts.iter().map(Post::published_at))),
            ("published_day", dates(posts.iter().map(|post| post.born))),
            ("format", texts(posts.iter().map(Post::format))),
            ("text", texts(posts.iter().map(Post::text))),
            ("url", texts(posts.iter().map(|post| format!("https://x.com/i/web/status/{}", post.id())))),
            ("language", texts(posts.iter().map(|_| "en"))),
            ("category", maybe_texts(posts.iter().map(Post::category))),
            ("is_reply", flags(posts.iter().map(|_| false))),
            ("observed_at", instants(posts.iter().map(Post::published_at))),
            ("recorded_at", instants(posts.iter().map(Post::published_at))),
        ])
    }

    /// The last reading of each post.
    fn lifetime_batch(&self, posts: &[Post]) -> Result<RecordBatch> {
        let last = |post: &Post| post.so_far((DAYS - 1).min(post.born + WATCHED - 1));
        let mut columns = self.readings(&posts.iter().map(last).collect::<Vec<Row>>());
        columns.push(("published_at", instants(posts.iter().map(Post::published_at))));
        columns.push(("published_day", dates(posts.iter().map(|post| post.born))));
        columns.push(("rank", Arc::new(Int64Array::from_iter_values(posts.iter().map(|_| 0)))));
        batch(columns)
    }

    /// The readings whose differences the rows are.
    fn facts_batch(&self, rows: &[Row]) -> Result<RecordBatch> {
        let so_far: Vec<Row> = rows.iter().map(|row| row.post.so_far(row.day)).collect();
        let mut columns = self.readings(&so_far);
        columns.push(("window", texts(rows.iter().map(|_| "at"))));
        columns.push(("end_day", dates(rows.iter().map(|row| row.day + 1))));
        batch(columns)
    }

    fn readings(&self, rows: &[Row]) -> Vec<(&'static str, ArrayRef)> {
        let account: Vec<String> = rows.iter().map(|row| self.account(row.post.account)).collect();
        let read = || instants(rows.iter().map(|row| instant(row.day, 23)));
        let mut columns = vec![
            ("platform", texts(rows.iter().map(|row| row.post.platform))),
            ("account", texts(account.iter())),
            ("post", texts(rows.iter().map(|row| row.post.id()))),
            ("day", dates(rows.iter().map(|row| row.day))),
            ("at", read()),
            ("traffic", texts(rows.iter().map(|_| "total"))),
            ("provenance", texts(rows.iter().map(|_| "api"))),
            ("observed_at", read()),
            ("observed_estimated", flags(rows.iter().map(|_| false))),
            ("provisional", flags(rows.iter().map(|_| false))),
            ("recorded_at", instants(rows.iter().map(Row::recorded))),
            ("source", texts(rows.iter().map(|_| "timeline"))),
            ("stream", texts(account.iter().map(|account| format!("{account}:timeline")))),
            ("sequence", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.day.into())))),
        ];
        columns.extend(numbers(rows));
        columns
    }

    fn daily_batch(&self, rows: &[Row], superseded: Option<i64>) -> Result<RecordBatch> {
        let account: Vec<String> = rows.iter().map(|row| self.account(row.post.account)).collect();
        let mut columns = vec![
            ("platform", texts(rows.iter().map(|row| row.post.platform))),
            ("account", texts(account.iter().map(String::as_str))),
            ("post", texts(rows.iter().map(|row| row.post.id()))),
            ("day", dates(rows.iter().map(|row| row.day))),
            ("end_day", dates(rows.iter().map(|row| row.day + 1))),
            ("method", texts(rows.iter().map(|_| "difference"))),
            ("published_day", dates(rows.iter().map(|row| row.post.born))),
            ("traffic", texts(rows.iter().map(|row| row.post.traffic()))),
            ("provenance", texts(rows.iter().map(|_| "api"))),
            ("observed_at", instants(rows.iter().map(|row| instant(row.day, 23)))),
            ("provisional", flags(rows.iter().map(|_| false))),
            ("recorded_at", instants(rows.iter().map(Row::recorded))),
            ("superseded_at", maybe_instants(rows.iter().map(|_| superseded))),
        ];
        columns.extend(numbers(rows));
        batch(columns)
    }
}

impl Post {
    /// Its id, as long as platforms make them.
    #[must_use]
    pub fn id(&self) -> String {
        // Ids of platforms rise with time and leave gaps.
        (1_870_000_000_000_000_000 + self.number * 40_009 + self.draw % 40_000).to_string()
    }

    /// Its category; some have none.
    #[must_use]
    pub fn category(&self) -> Option<&'static str> {
        if self.running && self.born >= DAYS {
            // What the API brings is not put into categories.
            return None;
        }
        CATEGORIES.get(usize::try_from(self.draw >> 8 & 7).unwrap_or(0)).copied()
    }

    fn format(&self) -> &'static str {
        if self.running {
            return "post";
        }
        FORMATS.get(usize::try_from((self.draw >> 16) % 3).unwrap_or(0)).copied().unwrap_or("image")
    }

    /// Its words.
    #[must_use]
    pub fn text(&self) -> String {
        format!("post {} of a seeded world", self.number)
    }

    /// When it was published, in microseconds.
    #[must_use]
    pub fn published_at(&self) -> i64 {
        instant(self.born, 9)
    }

    fn traffic(&self) -> &'static str {
        if self.running { "total" } else { "organic" }
    }

    /// What it has by the end of a day.
    #[must_use]
    pub fn so_far(self, day: i32) -> Row {
        let mut sum = self.on(self.born);
        for row in (self.born + 1..=day).map(|day| self.on(day)) {
            for (sum, count) in sum.counts.iter_mut().zip(row.counts) {
                *sum = sum.zip(count).map(|(sum, count)| sum + count);
            }
        }
        Row { day, ..sum }
    }

    /// What happened to it on a day.
    #[must_use]
    pub fn on(self, day: i32) -> Row {
        let age = u64::from((day - self.born).unsigned_abs());
        let draw = mix(self.draw ^ mix(age + 1));
        // Attention halves about every three days, and no two posts are alike.
        let size = 200 + (self.draw >> 20) % 20_000;
        let impressions = size * (64 + draw % 64) / (64 << (age / 3).min(12)) + draw % 7;
        let share =
            |bits: u32, one_in: u64| (impressions * (8 + (draw >> bits) % 16) / (16 * one_in)).cast_signed();
        let mut counts = [
            Some(impressions.cast_signed()),
            Some(share(6, 25)),
            Some(share(10, 200)),
            Some(share(14, 150)),
            Some(share(18, 120)),
            Some(share(22, 90)),
            Some(share(26, 180)),
            Some(share(30, 900)),
        ];
        // What a platform does not tell is absent, and now and then a number is missing.
        match self.platform {
            "weibo" => (counts[6], counts[7]) = (None, None),
            "linkedin" => counts[4] = None,
            _ => {}
        }
        if draw >> 40 & 127 == 0 {
            counts[0] = None;
        }
        if self.running {
            counts = std::array::from_fn(|place| counts[place].filter(|_| place < PUBLIC));
            counts[0] = Some(impressions.cast_signed());
        }
        let watched = || f64::from(u32::try_from(impressions * (draw >> 34 & 63)).unwrap_or(u32::MAX)) / 8.0;
        Row {
            post: self,
            day,
            counts,
            seconds: (self.format() == "video" && !self.running).then(watched),
            restated: false,
        }
    }
}

impl Row {
    /// One in twenty comes with other numbers.
    fn restated(self) -> Self {
        let draw = mix(self.post.draw ^ mix(1000 + u64::from(self.day.unsigned_abs())));
        if !draw.is_multiple_of(20) {
            return self;
        }
        let counts = self.counts.map(|count| count.map(|count| count + count / 10 + 1));
        Self { counts, restated: true, ..self }
    }

    fn recorded(&self) -> i64 {
        if self.restated { instant(DAYS, 1) } else { instant(self.day + 1, 1) }
    }
}

/// Weeks that do not cross the end of a month.
fn weeks() -> Vec<(i32, i32)> {
    parts(|date| (date.day() - 1) % 7 == 0)
}

fn months() -> Vec<(i32, i32)> {
    parts(|date| date.day() == 1)
}

/// The days of the world, cut where a part begins.
fn parts(begins: impl Fn(Date) -> bool) -> Vec<(i32, i32)> {
    let mut parts: Vec<(i32, i32)> = Vec::new();
    for day in 0..DAYS {
        match parts.last_mut() {
            Some(last) if !begins(date(day)) => last.1 = day + 1,
            _ => parts.push((day, day + 1)),
        }
    }
    parts
}

/// The date of a day of the world.
#[must_use]
pub fn date(day: i32) -> Date {
    add_days(FIRST, day)
}

fn month(current: bool, day: i32) -> [(&'static str, String); 2] {
    let date = date(day);
    [("current", current.to_string()), ("month", format!("{:04}-{:02}", date.year(), date.month()))]
}

/// Days since 1970 of a day of the world.
fn epoch_day(day: i32) -> i32 {
    days_between(Date::constant(1970, 1, 1), date(day))
}

/// An hour of a day of the world, in microseconds.
pub(super) fn instant(day: i32, hour: i64) -> i64 {
    i64::from(epoch_day(day)) * DAY + hour * (DAY / 24)
}

/// The last moment of the world.
#[must_use]
pub fn after() -> Timestamp {
    Timestamp::from_microsecond(instant(DAYS, 12)).unwrap_or_default()
}

/// Scatters a number over all 64 bits (SplitMix64).
pub(super) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn numbers(rows: &[Row]) -> Vec<(&'static str, ArrayRef)> {
    let mut columns: Vec<(&'static str, ArrayRef)> = Vec::new();
    for (place, name) in COUNTS.into_iter().enumerate() {
        let counts = rows.iter().map(|row| row.counts.get(place).copied().flatten());
        columns.push((name, Arc::new(counts.collect::<Int64Array>())));
    }
    columns.push((SECONDS, Arc::new(rows.iter().map(|row| row.seconds).collect::<Float64Array>())));
    columns
}

fn batch(columns: impl IntoIterator<Item = (&'static str, ArrayRef)>) -> Result<RecordBatch> {
    Ok(RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )?)
}

fn texts<T: AsRef<str>>(values: impl Iterator<Item = T>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn maybe_texts(values: impl Iterator<Item = Option<&'static str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn flags(values: impl Iterator<Item = bool>) -> ArrayRef {
    Arc::new(values.map(Some).collect::<BooleanArray>())
}

fn dates(days: impl Iterator<Item = i32>) -> ArrayRef {
    Arc::new(Date32Array::from_iter_values(days.map(epoch_day)))
}

fn instants(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
}

fn maybe_instants(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}
