//! Pages of X's timeline in the shape of the adapter's fixtures: what `ingest` and `fresh` take in.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};
use kepi_adapter_x::XAdapter;
use kepi_core::{AccountRef, Body, Cursor, Decoder as _, Job, Stream};
use kepi_store::NewPage;
use smol_str::{SmolStr, format_smolstr};

use super::world::mix;

/// Posts on a page, as X gives them.
pub const POSTS: u64 = 100;

/// Timelines of accounts, page after page.
#[derive(Debug)]
pub struct Timelines {
    adapter: XAdapter,
    accounts: u64,
    posts: u64,
    observed: Timestamp,
    cursors: Vec<Cursor>,
}

impl Timelines {
    /// So many posts over so many accounts, read at an instant.
    ///
    /// # Errors
    /// When the adapter cannot be made.
    pub fn new(accounts: u64, posts: u64, observed: Timestamp) -> Result<Self> {
        let adapter = XAdapter::from_settings(serde_json::json!({}))?;
        let cursors = (0..accounts).map(|_| Cursor::default()).collect();
        Ok(Self { adapter, accounts, posts, observed, cursors })
    }

    /// How many pages there are.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.posts.div_ceil(POSTS)
    }

    /// The body of a page.
    #[must_use]
    pub fn body(&self, page: u64) -> Vec<u8> {
        let first = page * POSTS;
        let mut text = String::with_capacity(128 << 10);
        let mut media = String::new();
        text.push_str("{\"data\":[");
        for number in first..(first + POSTS).min(self.posts) {
            if number > first {
                text.push(',');
            }
            self.post(number, &mut text, &mut media);
        }
        let _ = write!(text, "],\"includes\":{{\"media\":[{media}]}},\"meta\":{{\"result_count\":{POSTS}");
        if page + self.accounts < self.pages() {
            let _ = write!(text, ",\"next_token\":\"7140dibdnow9c7btw{page}\"");
        }
        text.push_str("}}");
        text.into_bytes()
    }

    /// Decodes a body to the page that goes to the store.
    ///
    /// # Errors
    /// When the adapter does not understand it.
    pub fn page(&mut self, page: u64, body: Vec<u8>) -> Result<NewPage> {
        let account = page % self.accounts;
        let id = format!("x/brand{account:04}").parse()?;
        let job = Job {
            endpoint: "timeline".into(),
            accounts: vec![AccountRef {
                platform_id: Some(format_smolstr!("{}", 1_440_000_000_000_000_000 + account)),
                ..AccountRef::new(id, SmolStr::new_static("UTC"))
            }],
            window: None,
            posts: Vec::new(),
            planned_at: self.observed,
            refused: Vec::new(),
            input: None,
        };
        let body = Body::json(body, self.observed);
        let place = usize::try_from(account)?;
        let cursor = self.cursors.get_mut(place).context("a cursor of each account")?;
        let decoded = self.adapter.decode(&job, cursor, &body)?;
        let stream = Stream::of(&job.account()?.id, "timeline");
        let next = decoded.next.clone().unwrap_or_default();
        let cursor = std::mem::replace(cursor, next);
        let request = Some("GET https://api.x.com/2/users/…/tweets".to_owned());
        Ok(NewPage { stream, job, cursor, request, body, page: decoded })
    }

    fn post(&self, number: u64, text: &mut String, media: &mut String) {
        let draw = mix(number + 1);
        let seconds = i64::try_from(number * 2_400_000 / self.posts.max(1)).unwrap_or(0);
        let created = self
            .observed
            .saturating_sub(SignedDuration::from_secs(2_450_000 - seconds))
            .unwrap_or(self.observed);
        let id = 1_962_000_000_000_000_000 + number * 11;
        let impressions = 60 + draw % 9000;
        let organic = impressions - impressions / 16;
        let of = |bits: u32, one_in: u64| impressions * (4 + (draw >> bits) % 9) / (8 * one_in);
        let (likes, replies, reposts, quotes) = (of(8, 60), of(12, 900), of(16, 500), of(20, 2000));
        let (saves, links, profile) = (of(24, 800), of(28, 120), of(32, 400));
        let _ = write!(
            text,
            "{{\"id\":\"{id}\",\"text\":\"New frame colours 🚲 新色 {number} https://t.co/abc{number}\",\
             \"created_at\":\"{created:.3}\",\"lang\":\"en\",\"edit_history_tweet_ids\":[\"{id}\"],\
             \"entities\":{{\"hashtags\":[{{\"start\":0,\"end\":5,\"tag\":\"colours\"}},{{\"start\":6,\"end\":12,\"tag\":\"新色\"}}]}},"
        );
        if draw >> 60 < 5 {
            let key = format!("13_{}", id - 1);
            let _ = write!(text, "\"attachments\":{{\"media_keys\":[\"{key}\"]}},");
            let plays = impressions / 3;
            if !media.is_empty() {
                media.push(',');
            }
            let _ = write!(
                media,
                "{{\"media_key\":\"{key}\",\"type\":\"video\",\"duration_ms\":21400,\"public_metrics\":{{\"view_count\":{plays}}},\
                 \"organic_metrics\":{{\"playback_0_count\":{},\"playback_25_count\":{},\"playback_50_count\":{},\"playback_75_count\":{},\"playback_100_count\":{},\"view_count\":{}}}}}",
                plays * 9 / 10,
                plays / 2,
                plays / 3,
                plays / 4,
                plays / 6,
                plays * 9 / 10
            );
        }
        let _ = write!(
            text,
            "\"public_metrics\":{{\"retweet_count\":{reposts},\"reply_count\":{replies},\"like_count\":{likes},\"quote_count\":{quotes},\"bookmark_count\":{saves},\"impression_count\":{impressions}}},\
             \"non_public_metrics\":{{\"impression_count\":{impressions},\"url_link_clicks\":{links},\"user_profile_clicks\":{profile},\"engagements\":{}}},\
             \"organic_metrics\":{{\"impression_count\":{organic},\"like_count\":{likes},\"reply_count\":{replies},\"retweet_count\":{reposts},\"url_link_clicks\":{links},\"user_profile_clicks\":{profile}}}}}",
            likes + replies + reposts + links + profile
        );
    }
}
