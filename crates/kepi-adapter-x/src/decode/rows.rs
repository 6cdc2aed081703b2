//! What answers look like.

use jiff::Timestamp;
use kepi_core::json::{self, FieldGroup, Readings};
use serde::Deserialize;
use smol_str::SmolStr;

use crate::descriptor::{
    MediaNonPublic, MediaOrganic, MediaPromoted, MediaPublic, MentionCount, PostNonPublic, PostOrganic,
    PostPromoted, PostPublic, UserPublic,
};

/// What every answer looks like. `errors` beside `data` is X's way of partial success.
#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>, M: Deserialize<'de>, E: Deserialize<'de>"))]
pub(crate) struct Answer<R, M, E> {
    #[serde(default, deserialize_with = "json::null_is_empty")]
    pub data: Option<Vec<R>>,
    pub includes: Option<Includes<M>>,
    pub errors: Option<Vec<E>>,
    pub meta: Option<Meta>,
}

#[derive(Deserialize)]
pub(crate) struct Includes<M> {
    pub media: Option<Vec<M>>,
}

#[derive(Deserialize)]
pub(crate) struct Meta {
    pub next_token: Option<String>,
}

/// One problem: of a part of an answer, or all that an answer says.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub title: Option<String>,
    pub detail: Option<String>,
    pub message: Option<String>,
    pub resource_id: Option<String>,
    pub field: Option<String>,
    pub errors: Option<Vec<Problem>>,
}

#[derive(Deserialize)]
pub(crate) struct UserRow {
    #[serde(deserialize_with = "json::id")]
    pub id: SmolStr,
    pub username: Option<String>,
    #[serde(default)]
    pub public_metrics: Readings<UserPublic>,
}

#[derive(Deserialize)]
pub(crate) struct PostRow {
    #[serde(deserialize_with = "json::id")]
    pub id: SmolStr,
    pub text: Option<String>,
    pub created_at: Option<Timestamp>,
    pub lang: Option<SmolStr>,
    pub attachments: Option<Attachments>,
    pub entities: Option<Entities>,
    pub referenced_tweets: Option<Vec<Reference>>,
    pub referenced_posts: Option<Vec<Reference>>,
    #[serde(default)]
    pub public_metrics: Readings<PostPublic>,
    #[serde(default)]
    pub non_public_metrics: Readings<PostNonPublic>,
    #[serde(default)]
    pub organic_metrics: Readings<PostOrganic>,
    #[serde(default)]
    pub promoted_metrics: Readings<PostPromoted>,
}

#[derive(Deserialize)]
pub(crate) struct Attachments {
    pub media_keys: Option<Vec<SmolStr>>,
}

#[derive(Deserialize)]
pub(crate) struct Entities {
    pub hashtags: Option<Vec<Hashtag>>,
}

#[derive(Deserialize)]
pub(crate) struct Hashtag {
    pub tag: String,
}

#[derive(Deserialize)]
pub(crate) struct Reference {
    #[serde(rename = "type")]
    pub kind: SmolStr,
}

#[derive(Deserialize)]
pub(crate) struct MediaRow {
    #[serde(deserialize_with = "json::id")]
    pub media_key: SmolStr,
    #[serde(rename = "type")]
    pub kind: Option<SmolStr>,
    #[serde(default)]
    pub public_metrics: Readings<MediaPublic>,
    #[serde(default)]
    pub non_public_metrics: Readings<MediaNonPublic>,
    #[serde(default)]
    pub organic_metrics: Readings<MediaOrganic>,
    #[serde(default)]
    pub promoted_metrics: Readings<MediaPromoted>,
}

#[derive(Deserialize)]
pub(crate) struct Bucket {
    pub start: Timestamp,
    pub end: Timestamp,
    #[serde(flatten)]
    pub count: Readings<MentionCount>,
}

#[derive(Deserialize)]
#[serde(bound = "G: FieldGroup")]
pub(crate) struct Series<G> {
    #[serde(alias = "media_key", deserialize_with = "json::id")]
    pub id: SmolStr,
    pub timestamped_metrics: Option<Vec<Stamped<G>>>,
}

#[derive(Deserialize)]
#[serde(bound = "G: FieldGroup")]
pub(crate) struct Stamped<G> {
    pub timestamp: Timestamp,
    #[serde(default)]
    pub metrics: Readings<G>,
}

impl PostRow {
    pub(crate) fn refers(&self, kind: &str) -> bool {
        let newer = self.referenced_posts.as_deref().unwrap_or_default();
        let older = self.referenced_tweets.as_deref().unwrap_or_default();
        newer.iter().chain(older).any(|reference| reference.kind == kind)
    }

    pub(crate) fn format(&self) -> &'static str {
        match (self.refers("replied_to"), self.refers("quoted")) {
            (true, _) => "reply",
            (_, true) => "quote",
            _ => "post",
        }
    }
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
