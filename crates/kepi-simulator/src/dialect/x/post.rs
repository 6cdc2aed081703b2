//! One post of X and its media, with what the caller may see of it.

use jiff::{SignedDuration, Timestamp};

use super::{Caller, problem::Partial, terms::Terms};
use crate::{
    Counter, Counters, Format, PostFacts, Split,
    call::Call,
    json::{Array, Object},
};

/// The private numbers of a post can be had for so many days after it was published.
const PRIVATE_DAYS: i64 = 30;

/// A key, its full name in problems, and what it counts.
type Field = (&'static str, &'static str, Counter);

const NON_PUBLIC: [Field; 4] = [
    ("impression_count", "non_public_metrics.impression_count", Counter::Impressions),
    ("url_link_clicks", "non_public_metrics.url_link_clicks", Counter::LinkClicks),
    ("user_profile_clicks", "non_public_metrics.user_profile_clicks", Counter::ProfileClicks),
    ("engagements", "non_public_metrics.engagements", Counter::Engagements),
];
const ORGANIC: [Field; 6] = [
    ("impression_count", "organic_metrics.impression_count", Counter::Impressions),
    ("like_count", "organic_metrics.like_count", Counter::Likes),
    ("reply_count", "organic_metrics.reply_count", Counter::Comments),
    ("retweet_count", "organic_metrics.retweet_count", Counter::Shares),
    ("url_link_clicks", "organic_metrics.url_link_clicks", Counter::LinkClicks),
    ("user_profile_clicks", "organic_metrics.user_profile_clicks", Counter::ProfileClicks),
];
const PLAYBACK: [(&str, Counter); 5] = [
    ("playback_0_count", Counter::PlaysStart),
    ("playback_25_count", Counter::Plays25),
    ("playback_50_count", Counter::Plays50),
    ("playback_75_count", Counter::Plays75),
    ("playback_100_count", Counter::Completions),
];

/// What is asked of posts, read once per call.
pub(super) struct Wanted<'a> {
    terms: &'a Terms,
    created_at: bool,
    public: bool,
    non_public: bool,
    organic: bool,
    promoted: bool,
    attachments: bool,
    references: bool,
    author: bool,
    language: bool,
    pub(super) media: bool,
    pub(super) referenced: bool,
    media_fields: Vec<&'a str>,
}

impl<'a> Wanted<'a> {
    pub(super) fn of(call: &'a Call<'_>, terms: &'a Terms) -> Self {
        let asks = |field| terms.asks(call, field);
        let media = call.list("expansions").contains(&"attachments.media_keys");
        Self {
            terms,
            created_at: asks("created_at"),
            public: asks("public_metrics"),
            non_public: asks("non_public_metrics"),
            organic: asks("organic_metrics"),
            promoted: asks("promoted_metrics"),
            attachments: asks("attachments") || media,
            references: terms.asks_references(call),
            author: asks("author_id"),
            language: asks("lang"),
            media,
            referenced: terms.expands_references(call),
            media_fields: call.list("media.fields"),
        }
    }

    /// Where the posts referred to stand.
    pub(super) fn includes(&self) -> &'static str {
        self.terms.includes
    }

    /// Whether anything is asked that only the author may see.
    pub(super) fn private(&self) -> bool {
        self.non_public || self.organic || self.promoted
    }

    /// One problem for each private field that was asked for and may not be seen.
    pub(super) fn refuse(&self, post: &str, parameter: &'static str, problems: &mut Vec<Partial>) {
        let groups: [(bool, &[Field]); 2] = [(self.non_public, &NON_PUBLIC), (self.organic, &ORGANIC)];
        for (_, fields) in groups.into_iter().filter(|(asked, _)| *asked) {
            for (_, field, _) in fields {
                problems.push(Partial::Field { post: post.to_owned(), field, parameter });
            }
        }
        if self.promoted {
            problems.push(Partial::Field { post: post.to_owned(), field: "promoted_metrics", parameter });
        }
    }
}

/// Whether the caller may see a post's private numbers now.
pub(super) fn may_see(call: &Call<'_>, caller: Caller, post: &PostFacts) -> bool {
    caller.account() == Some(post.key.account) && !too_old(call, post)
}

/// Whether the private numbers of a post are gone.
pub(super) fn too_old(call: &Call<'_>, post: &PostFacts) -> bool {
    call.now.duration_since(post.published_at) > SignedDuration::from_hours(24 * PRIVATE_DAYS)
}

/// An instant as X writes it.
pub(super) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// Writes a post.
pub(super) fn write(
    o: &mut Object<'_>,
    call: &Call<'_>,
    wanted: &Wanted<'_>,
    post: &PostFacts,
    private: bool,
) {
    let id = call.world.post_id(post.key);
    let words = call.world.words(post);
    let split = call.counters(post);
    o.text("id", &id);
    if post.format == Format::Repost {
        o.text("text", &format!("RT @kestrelfan: {}", words.text));
    } else {
        o.text("text", &words.text);
    }
    o.texts(wanted.terms.edits, [&id]);
    if wanted.created_at {
        o.text("created_at", &stamp(post.published_at));
    }
    if wanted.author {
        o.text("author_id", &call.world.account(post.key.account).platform_id);
    }
    if wanted.language {
        o.text("lang", words.language);
    }
    if wanted.attachments
        && let Some(key) = media_key(call, post)
    {
        o.object("attachments", |a| a.texts("media_keys", [&key]));
    }
    if (wanted.references || wanted.referenced)
        && let Some((kind, other)) = reference(&id, post)
    {
        o.array(wanted.terms.references, |list| {
            list.object(|r| {
                r.text("type", kind);
                r.text("id", &other);
            });
        });
    }
    if wanted.public {
        o.object("public_metrics", |m| public(m, wanted.terms, &split.total()));
    }
    if private {
        write_private(o, wanted, post, &split);
    }
}

fn public(m: &mut Object<'_>, terms: &Terms, total: &Counters) {
    m.int(terms.reposts, total[Counter::Shares]);
    m.int("reply_count", total[Counter::Comments]);
    m.int("like_count", total[Counter::Likes]);
    m.int("quote_count", total[Counter::Quotes]);
    m.int("bookmark_count", total[Counter::Saves]);
    m.int("impression_count", total[Counter::Impressions]);
}

fn write_private(o: &mut Object<'_>, wanted: &Wanted<'_>, post: &PostFacts, split: &Split) {
    let write = |m: &mut Object<'_>, fields: &[Field], counters: &Counters| {
        for (key, _, counter) in fields {
            let key = if *key == "retweet_count" { wanted.terms.reposts } else { key };
            m.int(key, counters[*counter]);
        }
    };
    if wanted.non_public {
        o.object("non_public_metrics", |m| write(m, &NON_PUBLIC, &split.total()));
    }
    if wanted.organic {
        o.object("organic_metrics", |m| write(m, &ORGANIC, &split.organic));
    }
    if wanted.promoted && post.promoted {
        o.object("promoted_metrics", |m| write(m, &ORGANIC, &split.paid));
    }
}

/// The key of a post's picture or video.
pub(super) fn media_key(call: &Call<'_>, post: &PostFacts) -> Option<String> {
    let id = call.world.post_id(post.key);
    match post.format {
        Format::Video => Some(format!("13_{id}")),
        Format::Image => Some(format!("3_{id}")),
        _ => None,
    }
}

/// What a post refers to: someone else's, which is not in the world.
fn reference(id: &str, post: &PostFacts) -> Option<(&'static str, String)> {
    let other = format!("18{}", id.get(2..)?);
    match post.format {
        Format::Reply => Some(("replied_to", other)),
        Format::Repost => Some(("retweeted", other)),
        _ => None,
    }
}

/// Writes the posts of others that are referred to. Their private numbers are nobody's here.
pub(super) fn write_referenced(
    list: &mut Array<'_>,
    call: &Call<'_>,
    wanted: &Wanted<'_>,
    posts: &[PostFacts],
    problems: &mut Vec<Partial>,
) {
    for post in posts {
        let id = call.world.post_id(post.key);
        let Some((_, other)) = reference(&id, post) else { continue };
        list.object(|o| {
            o.text("id", &other);
            o.text("text", "Someone else's words");
            o.texts(wanted.terms.edits, [&other]);
            if wanted.created_at {
                o.text("created_at", &stamp(post.published_at));
            }
        });
        wanted.refuse(&other, "referenced_tweets.id", problems);
    }
}

/// Writes the picture or video of a post.
pub(super) fn write_media(
    list: &mut Array<'_>,
    call: &Call<'_>,
    wanted: &Wanted<'_>,
    post: &PostFacts,
    private: bool,
) {
    let Some(key) = media_key(call, post) else { return };
    let split = call.counters(post);
    let wants = |field| wanted.media_fields.contains(&field);
    list.object(|o| {
        o.text("media_key", &key);
        o.text("type", if post.format == Format::Video { "video" } else { "photo" });
        let Some(millis) = post.video_millis else { return };
        if wants("duration_ms") {
            o.int("duration_ms", millis);
        }
        if wants("public_metrics") {
            o.object("public_metrics", |m| m.int("view_count", split.total()[Counter::Plays]));
        }
        if !private {
            return;
        }
        let playback = |m: &mut Object<'_>, counters: &Counters, views: bool| {
            for (key, counter) in PLAYBACK {
                m.int(key, counters[counter]);
            }
            if views {
                m.int("view_count", counters[Counter::Plays]);
            }
        };
        if wants("non_public_metrics") {
            o.object("non_public_metrics", |m| playback(m, &split.total(), false));
        }
        if wants("organic_metrics") {
            o.object("organic_metrics", |m| playback(m, &split.organic, true));
        }
        if wants("promoted_metrics") && post.promoted {
            o.object("promoted_metrics", |m| playback(m, &split.paid, true));
        }
    });
}
