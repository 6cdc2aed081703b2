//! What X offers, as tables: endpoints, limits, prices, tokens, and which field is which metric.

use kepi_core::{
    Cost, Descriptor, Endpoint, Field, Placement, Quota, Shape, SubjectKind, TokenFlow, TokenKind, Traffic,
    WindowKind,
    credential::Refresh,
    descriptor::{Earliest, Reset, Scope},
    json::FieldGroup,
};

use crate::config::{Plan, XConfig};

/// The names of the endpoints, which are the names of their streams.
pub(crate) const USERS: &str = "users";
pub(crate) const TIMELINE: &str = "timeline";
pub(crate) const POSTS: &str = "posts";
pub(crate) const MENTIONS: &str = "mentions";
pub(crate) const POST_ANALYTICS: &str = "post_analytics";
pub(crate) const MEDIA_ANALYTICS: &str = "media_analytics";

/// The kinds of token.
pub(crate) const APP: &str = "app";
pub(crate) const USER: &str = "user";

/// The selector of post fields. The newer specification calls it `post.fields`; this name is the one that is
/// documented everywhere.
pub(crate) const POST_FIELDS: &str = "tweet.fields";

/// Private metrics are there for posts of at most so many full days, with a day to spare.
pub(crate) const PRIVATE_DAYS: u16 = 29;

/// Ids that one call takes.
pub(crate) const BATCH: u16 = 100;

/// A timeline ends after so many posts.
pub(crate) const PAGE_CAP: u32 = 3_200;

/// A day of mentions is final after so many readings: by then late posts have come in and spam is gone. It is read
/// again for longer than that, because a call for six days costs no more than for one.
const MENTIONS_SETTLE: u16 = 2;

/// Days that post and media analytics are asked back for.
pub(crate) const ANALYTICS_DAYS: u16 = 30;

/// What X offers under these settings.
pub(crate) fn descriptor(config: &XConfig) -> Descriptor {
    Descriptor {
        platform: "x",
        title: "X (Twitter)",
        day_zone: Some("UTC"),
        traffic_order: &[Traffic::Organic, Traffic::Total],
        tokens: &TOKENS,
        settings_schema: || schemars::schema_for!(XConfig).to_value(),
        endpoints: match (config.plan, config.private_metrics, config.owned_reads) {
            (Plan::PayPerUse, true, true) => &OWNED,
            (Plan::PayPerUse, true, false) => &PRICED,
            (Plan::PayPerUse, false, _) => &PRICED_PUBLIC,
            (Plan::Subscription | Plan::Enterprise, true, _) => &CONTRACT,
            (Plan::Subscription | Plan::Enterprise, false, _) => &CONTRACT_PUBLIC,
        },
        check_calls: 2,
        known_gaps: &KNOWN_GAPS,
    }
}

static TOKENS: [TokenKind; 2] = [
    TokenKind {
        name: APP,
        title: "the app's own bearer token: profiles, public numbers, mention counts",
        placement: Placement::Bearer,
        flow: TokenFlow::Client,
        service_account: false,
        lifetime_secs: None,
        scopes: &[],
    },
    TokenKind {
        name: USER,
        title: "the author's consent: private and organic numbers, analytics",
        placement: Placement::Bearer,
        flow: TokenFlow::AuthorizationCode {
            authorize_url: "https://x.com/i/oauth2/authorize",
            pkce: true,
            refresh: Refresh::Rotating,
        },
        service_account: false,
        lifetime_secs: Some(7_200),
        scopes: &["tweet.read", "users.read", "offline.access"],
    },
];

static KNOWN_GAPS: [&str; 9] = [
    "no reach: X counts displays, never unique people, outside its advertising API",
    "followers are a snapshot: no history, and gains and losses only as the difference of two days",
    "clicks, engagements, playback and organic numbers end 30 days after a post was published; they are read \
     until day 29",
    "public numbers are organic and promoted together",
    "a video's views belong to the video, summed over every post that holds it; they are never added per post",
    "each edit of a post has an id and numbers of its own",
    "mentions reach back six complete UTC days: counts of the whole archive cost twice as much a call and are not asked",
    "the developer account's use of its monthly cap (usage/tweets) is not read: it is of posts in a month and of all \
     accounts together; the console shows it, and kepi counts what it asks for itself",
    "follows begun and ended come as events of the activity stream only, which needs a server that listens",
];

static PRICED: [Endpoint; 6] = [USERS_READ, OWN_TIMELINE, OLDER_POSTS, MENTION_COUNTS, POST_DAYS, MEDIA_DAYS];
static OWNED: [Endpoint; 6] = {
    let timeline = Endpoint { cost: Cost::PerItem(1_000), ..OWN_TIMELINE };
    [USERS_READ, timeline, OLDER_POSTS, MENTION_COUNTS, POST_DAYS, MEDIA_DAYS]
};
static PRICED_PUBLIC: [Endpoint; 6] =
    [USERS_READ, PUBLIC_TIMELINE, OLDER_POSTS, MENTION_COUNTS, POST_DAYS, MEDIA_DAYS];
static CONTRACT: [Endpoint; 6] = paid_by_contract(OWN_TIMELINE);
static CONTRACT_PUBLIC: [Endpoint; 6] = paid_by_contract(PUBLIC_TIMELINE);

const fn paid_by_contract(timeline: Endpoint) -> [Endpoint; 6] {
    [
        Endpoint { cost: Cost::Free, ..USERS_READ },
        Endpoint { cost: Cost::Free, ..timeline },
        Endpoint { cost: Cost::Free, ..OLDER_POSTS },
        Endpoint { cost: Cost::Free, ..MENTION_COUNTS },
        POST_DAYS,
        MEDIA_DAYS,
    ]
}

const USERS_READ: Endpoint = Endpoint {
    source: "https://docs.x.com/x-api/users/lookup/introduction",
    accounts_per_call: BATCH,
    page_size: 0,
    quotas: &[per_app("users:app", 300)],
    cost: Cost::PerItem(10_000),
    token: Some(APP),
    fields: UserPublic::FIELDS,
    ..Endpoint::new(USERS, "profiles: followers, following, posts, lists", Shape::Snapshot)
};

const OWN_TIMELINE: Endpoint = Endpoint {
    source: "https://docs.x.com/x-api/posts/timelines/introduction",
    page_size: BATCH,
    page_cap: Some(PAGE_CAP),
    quotas: &[per_app("timeline:app", 10_000), per_user("timeline:user", 900)],
    cost: Cost::PerItem(5_000),
    token: Some(USER),
    personal: true,
    fields: &TIMELINE_FIELDS,
    ..Endpoint::new(
        TIMELINE,
        "posts of the last 29 days with public, private and organic numbers",
        Shape::Listing { published_within_days: Some(PRIVATE_DAYS - 1) },
    )
};

const PUBLIC_TIMELINE: Endpoint = Endpoint {
    title: "posts of the last 29 days with public numbers",
    quotas: &[per_app("timeline:app", 10_000)],
    token: Some(APP),
    fields: &PUBLIC_FIELDS,
    ..OWN_TIMELINE
};

const OLDER_POSTS: Endpoint = Endpoint {
    source: "https://docs.x.com/x-api/posts/lookup/introduction",
    accounts_per_call: BATCH,
    page_size: 0,
    quotas: &[per_app("posts:app", 3_500)],
    cost: Cost::PerItem(5_000),
    token: Some(APP),
    personal: true,
    fields: &PUBLIC_FIELDS,
    ..Endpoint::new(
        POSTS,
        "older posts with public numbers, once a month; deletions",
        Shape::Batch { max: BATCH, ages: (PRIVATE_DAYS, u16::MAX), refresh: &[(u16::MAX, 30)] },
    )
};

const MENTION_COUNTS: Endpoint = Endpoint {
    source: "https://docs.x.com/x-api/posts/counts/introduction",
    earliest: Earliest::DaysBack(6),
    page_size: 0,
    lookback_days: 6,
    final_after: Some(MENTIONS_SETTLE),
    quotas: &[per_app("counts:app", 300)],
    cost: Cost::PerCall(5_000),
    token: Some(APP),
    fields: MentionCount::FIELDS,
    ..Endpoint::new(MENTIONS, "mentions by day", Shape::Windows { max_days: 7 })
};

const POST_DAYS: Endpoint = Endpoint {
    source: "https://docs.x.com/x-api/posts/get-post-analytics",
    page_size: 0,
    lookback_days: ANALYTICS_DAYS,
    final_after: Some(1),
    quotas: &[per_app("analytics:app", 300), per_user("analytics:user", 300)],
    token: Some(USER),
    capability: Some("post analytics (Enterprise)"),
    fields: PostDay::FIELDS,
    by_age: true,
    ..Endpoint::new(POST_ANALYTICS, "numbers of posts by day", BY_AGE)
};

const MEDIA_DAYS: Endpoint = Endpoint {
    source: "https://docs.x.com/x-api/media/get-media-analytics",
    page_size: 0,
    lookback_days: ANALYTICS_DAYS,
    final_after: Some(1),
    quotas: &[per_app("media_analytics:app", 300), per_user("media_analytics:user", 300)],
    token: Some(USER),
    capability: Some("media analytics (Enterprise)"),
    fields: MediaDay::FIELDS,
    by_age: true,
    ..Endpoint::new(MEDIA_ANALYTICS, "plays and watch time of videos by day", BY_AGE)
};

/// Posts that have at least one complete day and are not yet frozen.
const BY_AGE: Shape = Shape::Batch { max: BATCH, ages: (1, ANALYTICS_DAYS + 1), refresh: &[(u16::MAX, 1)] };

const fn per_app(pool: &'static str, requests: u32) -> Quota {
    Quota { pool, requests, interval_secs: 900, scope: Scope::App, reset: Reset::Window }
}

const fn per_user(pool: &'static str, requests: u32) -> Quota {
    Quota { pool, requests, interval_secs: 900, scope: Scope::User, reset: Reset::Window }
}

const PUBLIC_COUNT: usize = PostPublic::FIELDS.len() + MediaPublic::FIELDS.len();
const PRIVATE_COUNT: usize = PostNonPublic::FIELDS.len()
    + PostOrganic::FIELDS.len()
    + PostPromoted::FIELDS.len()
    + MediaNonPublic::FIELDS.len()
    + MediaOrganic::FIELDS.len()
    + MediaPromoted::FIELDS.len();

static PUBLIC_FIELDS: [Field; PUBLIC_COUNT] = Field::table(&[PostPublic::FIELDS, MediaPublic::FIELDS]);
static TIMELINE_FIELDS: [Field; PUBLIC_COUNT + PRIVATE_COUNT] = Field::table(&[
    PostPublic::FIELDS,
    PostNonPublic::FIELDS,
    PostOrganic::FIELDS,
    PostPromoted::FIELDS,
    MediaPublic::FIELDS,
    MediaNonPublic::FIELDS,
    MediaOrganic::FIELDS,
    MediaPromoted::FIELDS,
]);

const RENAMED: &str = "the newer name of the key before";
const UNIQUE_VIEWERS: &str = "unique viewers";
const CONTAINS_PROMOTED: &str = "organic and promoted together";

const fn account(metric: &'static str, pointer: &'static str, window: WindowKind) -> Field {
    Field::new(metric, pointer, SubjectKind::Account, window, Traffic::Total)
}

const fn post(metric: &'static str, pointer: &'static str, traffic: Traffic) -> Field {
    Field::new(metric, pointer, SubjectKind::Post, WindowKind::At, traffic)
}

const fn media(metric: &'static str, pointer: &'static str, traffic: Traffic) -> Field {
    Field::new(metric, pointer, SubjectKind::Media, WindowKind::At, traffic)
}

const fn day(subject: SubjectKind, metric: &'static str, pointer: &'static str) -> Field {
    Field::new(metric, pointer, subject, WindowKind::Day, Traffic::Total)
}

macro_rules! group {
    ($(#[$doc:meta])* $name:ident = $fields:expr) => {
        $(#[$doc])*
        pub(crate) struct $name;
        impl FieldGroup for $name {
            const FIELDS: &'static [Field] = $fields;
        }
    };
}

/// Organic and promoted numbers have the same keys.
macro_rules! by_money {
    (post $prefix:literal $traffic:expr) => {
        &[
            post("impressions", concat!($prefix, "/impression_count"), $traffic),
            post("likes", concat!($prefix, "/like_count"), $traffic),
            post("comments", concat!($prefix, "/reply_count"), $traffic),
            post("shares", concat!($prefix, "/retweet_count"), $traffic),
            post("shares", concat!($prefix, "/repost_count"), $traffic).note(RENAMED),
            post("link_clicks", concat!($prefix, "/url_link_clicks"), $traffic),
            post("profile_clicks", concat!($prefix, "/user_profile_clicks"), $traffic),
        ]
    };
    (media $prefix:literal $traffic:expr) => {
        &[
            media("video_plays", concat!($prefix, "/view_count"), $traffic),
            media("plays_start", concat!($prefix, "/playback_0_count"), $traffic).note(UNIQUE_VIEWERS),
            media("plays_25", concat!($prefix, "/playback_25_count"), $traffic).note(UNIQUE_VIEWERS),
            media("plays_50", concat!($prefix, "/playback_50_count"), $traffic).note(UNIQUE_VIEWERS),
            media("plays_75", concat!($prefix, "/playback_75_count"), $traffic).note(UNIQUE_VIEWERS),
            media("completion_count", concat!($prefix, "/playback_100_count"), $traffic).note(UNIQUE_VIEWERS),
        ]
    };
}

group! {
    /// What a profile shows. `like_count` is what the account liked, not what it got, and is left out.
    UserPublic = &[
        account("followers_total", "/public_metrics/followers_count", WindowKind::At),
        account("following_total", "/public_metrics/following_count", WindowKind::At),
        account("posts_total", "/public_metrics/tweet_count", WindowKind::At),
        account("posts_total", "/public_metrics/post_count", WindowKind::At).note(RENAMED),
        account("listed_total", "/public_metrics/listed_count", WindowKind::At),
    ]
}
group! {
    /// What everybody may see of a post.
    PostPublic = &[
        post("shares", "/public_metrics/retweet_count", Traffic::Total).note("reposts without quotes"),
        post("shares", "/public_metrics/repost_count", Traffic::Total).note(RENAMED),
        post("comments", "/public_metrics/reply_count", Traffic::Total),
        post("likes", "/public_metrics/like_count", Traffic::Total),
        post("quotes", "/public_metrics/quote_count", Traffic::Total),
        post("saves", "/public_metrics/bookmark_count", Traffic::Total),
        post("impressions", "/public_metrics/impression_count", Traffic::Total).note(CONTAINS_PROMOTED),
    ]
}
group! {
    /// What the author sees of a post, organic and promoted together.
    PostNonPublic = &[
        post("impressions", "/non_public_metrics/impression_count", Traffic::Total).note(CONTAINS_PROMOTED),
        post("link_clicks", "/non_public_metrics/url_link_clicks", Traffic::Total),
        post("profile_clicks", "/non_public_metrics/user_profile_clicks", Traffic::Total),
        post("platform_engagements", "/non_public_metrics/engagements", Traffic::Total),
    ]
}
group! {
    /// What a post earned without money.
    PostOrganic = by_money!(post "/organic_metrics" Traffic::Organic)
}
group! {
    /// What a post earned by money.
    PostPromoted = by_money!(post "/promoted_metrics" Traffic::Paid)
}
group! {
    /// What everybody may see of a video.
    MediaPublic = &[media("video_plays", "/public_metrics/view_count", Traffic::Total)]
}
group! {
    /// What the author sees of a video, organic and promoted together.
    MediaNonPublic = &[
        media("plays_start", "/non_public_metrics/playback_0_count", Traffic::Total).note(UNIQUE_VIEWERS),
        media("plays_25", "/non_public_metrics/playback_25_count", Traffic::Total).note(UNIQUE_VIEWERS),
        media("plays_50", "/non_public_metrics/playback_50_count", Traffic::Total).note(UNIQUE_VIEWERS),
        media("plays_75", "/non_public_metrics/playback_75_count", Traffic::Total).note(UNIQUE_VIEWERS),
        media("completion_count", "/non_public_metrics/playback_100_count", Traffic::Total).note(UNIQUE_VIEWERS),
    ]
}
group! {
    /// What a video earned without money.
    MediaOrganic = by_money!(media "/organic_metrics" Traffic::Organic)
}
group! {
    /// What a video earned by money.
    MediaPromoted = by_money!(media "/promoted_metrics" Traffic::Paid)
}
group! {
    /// How many posts matched the search.
    MentionCount = &[
        account("mentions", "/tweet_count", WindowKind::Day),
        account("mentions", "/post_count", WindowKind::Day).note(RENAMED),
    ]
}
group! {
    /// A post's day. App install attempts are no installs, and are left out.
    PostDay = &[
        day(SubjectKind::Post, "impressions", "/metrics/impressions"),
        day(SubjectKind::Post, "likes", "/metrics/likes"),
        day(SubjectKind::Post, "shares", "/metrics/retweets").note("reposts without quotes"),
        day(SubjectKind::Post, "quotes", "/metrics/quote_tweets"),
        day(SubjectKind::Post, "comments", "/metrics/replies"),
        day(SubjectKind::Post, "saves", "/metrics/bookmarks"),
        day(SubjectKind::Post, "platform_engagements", "/metrics/engagements"),
        day(SubjectKind::Post, "link_clicks", "/metrics/url_clicks"),
        day(SubjectKind::Post, "profile_clicks", "/metrics/user_profile_clicks"),
        day(SubjectKind::Post, "hashtag_clicks", "/metrics/hashtag_clicks"),
        day(SubjectKind::Post, "permalink_clicks", "/metrics/permalink_clicks"),
        day(SubjectKind::Post, "detail_expands", "/metrics/detail_expands"),
        day(SubjectKind::Post, "app_opens", "/metrics/app_opens"),
        day(SubjectKind::Post, "email_shares", "/metrics/email_tweet"),
        day(SubjectKind::Post, "link_shares", "/metrics/shares"),
        day(SubjectKind::Post, "media_views", "/metrics/media_views"),
        day(SubjectKind::Post, "follows_gained", "/metrics/follows"),
        day(SubjectKind::Post, "follows_lost", "/metrics/unfollows"),
    ]
}
group! {
    /// A video's day.
    MediaDay = &[
        day(SubjectKind::Media, "video_plays", "/metrics/video_views"),
        day(SubjectKind::Media, "plays_start", "/metrics/playback_start"),
        day(SubjectKind::Media, "plays_25", "/metrics/playback25"),
        day(SubjectKind::Media, "plays_50", "/metrics/playback50"),
        day(SubjectKind::Media, "plays_75", "/metrics/playback75"),
        day(SubjectKind::Media, "completion_count", "/metrics/playback_complete"),
        day(SubjectKind::Media, "watch_time_s", "/metrics/watch_time_ms").real(-3).note("milliseconds"),
    ]
}
