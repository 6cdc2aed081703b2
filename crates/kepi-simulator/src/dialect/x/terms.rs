//! The two vocabularies that X speaks.

use crate::{call::Call, config::Vocabulary};

/// The words of one vocabulary.
pub(super) struct Terms {
    pub(super) fields: &'static str,
    pub(super) reposts: &'static str,
    pub(super) posts: &'static str,
    pub(super) count: &'static str,
    pub(super) total_count: &'static str,
    pub(super) references: &'static str,
    pub(super) referenced_id: &'static str,
    pub(super) edits: &'static str,
    pub(super) includes: &'static str,
}

impl Terms {
    pub(super) fn of(call: &Call<'_>) -> Self {
        match call.desk.config.x.vocabulary {
            Vocabulary::Tweets => Self {
                fields: "tweet.fields",
                reposts: "retweet_count",
                posts: "tweet_count",
                count: "tweet_count",
                total_count: "total_tweet_count",
                references: "referenced_tweets",
                referenced_id: "referenced_tweets.id",
                edits: "edit_history_tweet_ids",
                includes: "tweets",
            },
            Vocabulary::Posts => Self {
                fields: "post.fields",
                reposts: "repost_count",
                posts: "post_count",
                count: "post_count",
                total_count: "total_post_count",
                references: "referenced_posts",
                referenced_id: "referenced_posts.id",
                edits: "edit_history_post_ids",
                includes: "posts",
            },
        }
    }

    /// Whether a selector asks for something: by the vocabulary's name or by the old one.
    pub(super) fn asks(&self, call: &Call<'_>, field: &str) -> bool {
        call.list(self.fields).contains(&field) || call.list("tweet.fields").contains(&field)
    }

    /// Whether the references are asked for, in either vocabulary.
    pub(super) fn asks_references(&self, call: &Call<'_>) -> bool {
        self.asks(call, self.references) || self.asks(call, "referenced_tweets")
    }

    /// Whether the posts referred to are to be sent along.
    pub(super) fn expands_references(&self, call: &Call<'_>) -> bool {
        let wanted = call.list("expansions");
        wanted.contains(&self.referenced_id) || wanted.contains(&"referenced_tweets.id")
    }
}
