//! How fast pages become rows: `throughput FOLDER POSTS DAYS [ACCOUNTS]` writes a reading of every post on
//! every day, with two measurements and about ten metrics each, and tells the time of each day.
//!
//! Pages are made before the clock starts; what is timed is digest, compression, journal and all projections.

use std::{error::Error, time::Instant};

use jiff::{Timestamp, ToSpan};
use kepi_core::{
    AccountId, AccountRef, Body, Cursor, Job, Measurement, MetricId, Page, Post, Reading, Stream, Subject,
    Traffic,
};
use kepi_store::{NewPage, Store, StoreOptions};

const METRICS: [&str; 10] = [
    "impressions",
    "likes",
    "comments",
    "shares",
    "quotes",
    "saves",
    "link_clicks",
    "profile_clicks",
    "platform_engagements",
    "detail_expands",
];

/// The rate is told every so many posts.
const EVERY: u64 = 100_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("throughput FOLDER POSTS DAYS [ACCOUNTS]")?;
    let posts: u64 = arguments.next().ok_or("how many posts?")?.parse()?;
    let days: u64 = arguments.next().ok_or("how many days?")?.parse()?;
    let accounts: u64 = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let store = Store::create(&folder, StoreOptions::default()).await?;
    let start: Timestamp = "2025-01-01T06:00:00Z".parse()?;
    for day in 0..days {
        let at = start.checked_add((24 * i64::try_from(day)?).hours())?;
        let mut writer = store.writer(Some("bench".into()));
        let (mut spent, mut told) = (std::time::Duration::ZERO, std::time::Duration::ZERO);
        for first in (0..posts).step_by(100) {
            let page = page(first, (first + 100).min(posts), day, at, posts.div_ceil(accounts), first == 0)?;
            let began = Instant::now();
            writer.push(page).await?;
            spent += began.elapsed();
            let done = first + 100;
            if done.is_multiple_of(EVERY) && done < posts {
                let since = spent.saturating_sub(told);
                told = spent;
                let rate = EVERY as f64 / since.as_secs_f64();
                say(&format!("  {done} posts: {rate:.0} posts/s since the last line, {}", memory()));
            }
        }
        let began = Instant::now();
        writer.finish().await?;
        spent += began.elapsed();
        let rate = posts as f64 / spent.as_secs_f64();
        say(&format!("day {day}: {:.2} s, {rate:.0} posts/s, {}", spent.as_secs_f64(), memory()));
    }
    Ok(())
}

/// One answer of a hundred posts of one account.
fn page(
    first: u64,
    last: u64,
    day: u64,
    at: Timestamp,
    per_account: u64,
    _newest: bool,
) -> Result<NewPage, Box<dyn Error>> {
    let account = AccountId::new(&format!("x/account{}", first / per_account.max(1)))?;
    let mut page = Page::default();
    let mut body = String::from("{\"data\":[");
    for post in first..last {
        let id = format!("{}", 1_100_000_000_000_000_000_u64 + post * 7919);
        let text = format!("What we learned on day {post} of our journey, with pictures #{}", post % 97);
        let published = at.checked_sub((24 * i64::try_from(day)? + i64::try_from(post % 2000)?).hours())?;
        let mut organic = Measurement::at(Subject::post(account.clone(), id.as_str()), at);
        organic.values = METRICS.iter().zip(1..).map(|(metric, n)| reading(metric, post, day, n)).collect();
        let mut total = Measurement { traffic: Traffic::Total, ..organic.clone() };
        total.values.truncate(6);
        body.push_str(&format!(
            "{{\"id\":\"{id}\",\"text\":\"{text}\",\"created_at\":\"{published}\",\"public_metrics\":{},\"organic_metrics\":{}}},",
            serde_json::to_string(&total.values)?,
            serde_json::to_string(&organic.values)?,
        ));
        page.posts.push(Post {
            published_at: Some(published),
            format: Some("post".into()),
            text: Some(text),
            language: Some("en".into()),
            ..Post::new(account.clone(), id)
        });
        page.measurements.extend([organic, total]);
    }
    body.push_str("]}");
    let reference = AccountRef::new(account.clone(), "UTC");
    Ok(NewPage {
        stream: Stream::of(&account, "tweets"),
        job: Job {
            endpoint: "tweets".into(),
            accounts: vec![reference],
            window: None,
            posts: Vec::new(),
            planned_at: at,
            refused: Vec::new(),
            input: Some(serde_json::json!({ "page": first })),
        },
        cursor: Cursor::default(),
        request: Some("GET https://api.example.org/2/tweets".to_owned()),
        body: Body::json(body, at),
        page,
    })
}

fn reading(metric: &'static str, post: u64, day: u64, n: u64) -> Reading {
    let value = (post.wrapping_mul(2_654_435_761) >> 7) % (5_000 / n) + day * (post % 50) / n;
    Reading::count(MetricId::from_static(metric), i64::try_from(value).unwrap_or_default())
}

/// The memory that this process held at most, where the system tells.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    peak.map_or_else(|| "memory unknown".to_owned(), |line| line.replace("VmHWM:", "peak").replace('\t', " "))
}

#[expect(clippy::print_stdout, reason = "a program whose output is for people")]
fn say(line: &str) {
    println!("{line}");
}
