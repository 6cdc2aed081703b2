//! What Weibo offers, as tables: endpoints, limits, tokens, and which field is which metric.

use kepi_core::{
    Descriptor, Endpoint, Field, Placement, Quota, Shape, SubjectKind, TokenFlow, TokenKind, Traffic,
    WindowKind,
    credential::Refresh,
    descriptor::{Earliest, Lag, Reset, Scope},
};

use crate::config::{CallLimit, WeiboConfig};

/// The names of the endpoints, which are the names of their streams.
pub(crate) const LIMITS: &str = "limits";
pub(crate) const CONSENT: &str = "consent";
pub(crate) const PROFILE: &str = "profile";
pub(crate) const TIMELINE: &str = "timeline";
pub(crate) const COUNTS: &str = "counts";
pub(crate) const MENTIONS: &str = "mentions";
pub(crate) const ALL_POSTS: &str = "all_posts";
pub(crate) const VIEWS: &str = "views";
pub(crate) const ACCOUNT_DAYS: &str = "account_days";
pub(crate) const FOLLOWS: &str = "follows";
pub(crate) const FOLLOWERS: &str = "followers";
pub(crate) const ARTICLES: &str = "articles";
pub(crate) const ALL_MENTIONS: &str = "all_mentions";

/// The kind of token.
pub(crate) const USER: &str = "user";

/// The zone of Weibo's days.
pub(crate) const BEIJING: &str = "Asia/Shanghai";

/// The posts that a timeline shows, whatever is asked for.
pub(crate) const NEWEST: u16 = 5;

/// Ids that one call takes.
pub(crate) const BATCH: u16 = 100;

/// Posts that one page of the commercial timeline holds.
pub(crate) const POSTS_PAGE: u16 = 100;

/// Posts that one page of a list of mentions holds.
pub(crate) const MENTIONS_PAGE: u16 = 200;

/// Mentions that a list shows in all; whoever has more is not told so.
pub(crate) const MENTIONS_IN_ALL: u32 = 2_000;

/// Days of the commercial API are read again twice.
const LOOKBACK: u16 = 3;

/// Complete days of mentions that are counted, and counted again.
pub(crate) const MENTION_DAYS: u16 = 2;

/// The definition of mentions that Weibo shows without a contract.
pub(crate) const AUTHORISED: &str = "authorised";

/// What a contract gives.
pub(crate) const CONTRACT: &str = "commercial data API (商业数据接口), by contract";

/// What Weibo offers under these settings.
pub(crate) fn descriptor(config: &WeiboConfig) -> Descriptor {
    Descriptor {
        platform: "weibo",
        title: "Weibo",
        day_zone: Some(BEIJING),
        traffic_order: &[Traffic::Total],
        tokens: &TOKENS,
        settings_schema: || schemars::schema_for!(WeiboConfig).to_value(),
        endpoints: match config.call_limit {
            CallLimit::Daily100 => &BY_DAY,
            CallLimit::Hourly150 => &BY_HOUR_150,
            CallLimit::Hourly300 => &BY_HOUR_300,
            CallLimit::Hourly450 => &BY_HOUR_450,
        },
        check_calls: 1,
        known_gaps: &KNOWN_GAPS,
    }
}

static TOKENS: [TokenKind; 1] = [TokenKind {
    name: USER,
    title: "the account's consent: its own profile, posts and their numbers",
    placement: Placement::Query("access_token"),
    flow: TokenFlow::AuthorizationCode {
        authorize_url: "https://api.weibo.com/oauth2/authorize",
        pkce: false,
        refresh: Refresh::Never,
    },
    service_account: false,
    lifetime_secs: None,
    scopes: &[],
}];

static KNOWN_GAPS: [&str; 11] = [
    "a timeline shows the five newest posts and nothing before them: posts that come and go between two looks are \
     lost, and older ones are known only from an export or by their ids",
    "everything is a reading of the moment: no history, and a missed day is gone for ever",
    "no reads (阅读数), exposures, plays, saves, clicks or profile visits, no age, gender or region of followers: \
     they are exported by hand from the creator back office (创作者中心)",
    "nothing of other accounts: Weibo hides their numbers from applications that they have not authorised",
    "words of more than 140 characters are cut",
    "videos are not told apart from plain posts",
    "mentions without a contract are those whose authors authorised the same application: a small part of all",
    "direct messages arrive as pushes to a server and cannot be asked for",
    "comments and reposts are counted, never listed: comments/show takes a call for each post to tell the number that \
     `counts` tells of a hundred posts, and the words of comments are not kept",
    "a comment that names the account is no post that does, and is not counted as a mention",
    "users/counts is not asked for: a profile tells the same and more, for one call of the account's own allowance",
];

static BY_DAY: [Endpoint; 13] = endpoints(&[per_user(100, 86_400, Reset::Midnight(BEIJING)), PER_ADDRESS]);
static BY_HOUR_150: [Endpoint; 13] = endpoints(&[per_user(150, 3_600, Reset::Window), PER_ADDRESS]);
static BY_HOUR_300: [Endpoint; 13] = endpoints(&[per_user(300, 3_600, Reset::Window), PER_ADDRESS]);
static BY_HOUR_450: [Endpoint; 13] = endpoints(&[per_user(450, 3_600, Reset::Window), PER_ADDRESS]);

/// All endpoints of the basic API draw on one allowance.
const fn per_user(requests: u32, interval_secs: u32, reset: Reset) -> Quota {
    Quota { pool: "basic", requests, interval_secs, scope: Scope::User, reset }
}

/// Weibo counts by the address of the machine, from which one application calls.
const PER_ADDRESS: Quota = Quota {
    pool: "address",
    requests: 15_000,
    interval_secs: 3_600,
    scope: Scope::App,
    reset: Reset::Window,
};

const COMMERCIAL_QUOTA: &[Quota] = &[Quota {
    pool: "commercial",
    requests: 50_000,
    interval_secs: 3_600,
    scope: Scope::App,
    reset: Reset::Window,
}];

const fn endpoints(quotas: &'static [Quota]) -> [Endpoint; 13] {
    [
        CALLS_LEFT,
        CONSENT_LEFT,
        Endpoint { quotas, ..OWN_PROFILE },
        Endpoint { quotas, ..NEWEST_POSTS },
        Endpoint { quotas, ..POST_COUNTS },
        Endpoint { quotas, ..MENTIONS_SHOWN },
        POST_HISTORY,
        POST_VIEWS,
        ACCOUNT_BY_DAY,
        FOLLOWS_BY_DAY,
        FOLLOWERS_BY_ACTIVITY,
        ARTICLES_BY_DAY,
        MENTIONS_BY_CONTRACT,
    ]
}

const CALLS_LEFT: Endpoint = Endpoint {
    source: "https://open.weibo.com/wiki/2/account/rate_limit_status",
    page_size: 0,
    token: Some(USER),
    fields: &[
        account("api_calls_limit", "/user_limit", WindowKind::At).note("where Weibo counts by the day"),
        account("api_calls_used", "", WindowKind::At).note("`user_limit` less `remaining_user_hits`"),
    ],
    ..Endpoint::new(LIMITS, "calls that the account may make, and has made; free of charge", Shape::Snapshot)
};

const CONSENT_LEFT: Endpoint = Endpoint {
    source: "https://open.weibo.com/wiki/Oauth2/get_token_info",
    page_size: 0,
    token: Some(USER),
    ..Endpoint::new(CONSENT, "whose the consent is, and a warning before it ends", Shape::Snapshot)
};

const OWN_PROFILE: Endpoint = Endpoint {
    source: "https://open.weibo.com/wiki/2/users/show",
    page_size: 0,
    token: Some(USER),
    fields: &[
        account("followers_total", "/followers_count", WindowKind::At),
        account("following_total", "/friends_count", WindowKind::At),
        account("posts_total", "/statuses_count", WindowKind::At),
        account("audience_users", "/bi_followers_count", WindowKind::At)
            .segment("follower_kind")
            .note("followers that the account follows back"),
    ],
    ..Endpoint::new(PROFILE, "followers, following, posts", Shape::Snapshot)
};

const NEWEST_POSTS: Endpoint = Endpoint {
    source: "https://open.weibo.com/wiki/2/statuses/user_timeline",
    ids_are_numbers: true,
    page_size: 0,
    page_cap: Some(NEWEST as u32),
    token: Some(USER),
    personal: true,
    fields: &POST_FIELDS,
    ..Endpoint::new(TIMELINE, "the newest posts with their numbers", Shape::Snapshot)
};

const POST_COUNTS: Endpoint = Endpoint {
    source: "https://open.weibo.com/wiki/2/statuses/count",
    ids_are_numbers: true,
    page_size: 0,
    token: Some(USER),
    fields: &[post("likes", "/attitudes"), post("comments", "/comments"), post("shares", "/reposts")],
    ..Endpoint::new(COUNTS, "numbers of all known posts; deletions", KNOWN_POSTS)
};

/// Posts of the last 30 days once a day, then once a week, then once a month.
const KNOWN_POSTS: Shape =
    Shape::Batch { max: BATCH, ages: (0, u16::MAX), refresh: &[(30, 1), (90, 7), (u16::MAX, 30)] };

const MENTIONS_SHOWN: Endpoint = Endpoint {
    source: "https://open.weibo.com/wiki/2/statuses/mentions",
    fields: &[account("mentions", "", WindowKind::Day)
        .definition(AUTHORISED)
        .note("posts counted; only by authors who authorised the application")],
    ..mentions(MENTIONS, "posts by others that name the account, as far as Weibo shows them")
};

const POST_HISTORY: Endpoint = Endpoint {
    source: "https://open.weibo.com/wiki/C/2/statuses/user_timeline/biz",
    page_size: POSTS_PAGE,
    personal: true,
    fields: &POST_FIELDS,
    ..by_contract(
        ALL_POSTS,
        "all own posts with their numbers",
        Shape::Listing { published_within_days: Some(30) },
    )
};

const POST_VIEWS: Endpoint = Endpoint {
    source: "https://open.weibo.com/wiki/C/2/media_statuses/count_sp/biz",
    ids_are_numbers: true,
    fields: &[
        post("views", "/reads"),
        post("likes", "/attitudes"),
        post("comments", "/comments"),
        post("shares", "/reposts"),
    ],
    ..by_contract(
        VIEWS,
        "reads (阅读数) of posts, for accounts of the media class",
        // A post that the timeline has just shown is due all the same: its reads stand only here.
        Shape::Batch { max: BATCH, ages: (0, u16::MAX), refresh: &[(30, 0), (90, 7), (u16::MAX, 30)] },
    )
};

const ACCOUNT_BY_DAY: Endpoint = Endpoint {
    source: "https://open.weibo.com/wiki/C/2/users/behavior_trend/biz",
    fields: &[
        day("followers_total", "/followers_count"),
        day("following_total", "/friends_count"),
        day("posts_published", "/statuses_count"),
        day("comments", "/receive_comments_count").note("on all posts"),
        day("shares", "/reposted_count").note("of all posts"),
        day("audience_users", "/v_followers_count").segment("follower_kind"),
        day("audience_users", "/daren_followers_count").segment("follower_kind"),
        day("audience_users", "/bi_followers_count").segment("follower_kind"),
    ],
    ..days(ACCOUNT_DAYS, "followers, posts, comments and reposts received, by day", 90)
};

const FOLLOWS_BY_DAY: Endpoint = Endpoint {
    source: "https://open.weibo.com/wiki/C/2/friendships/followers/trend_other",
    fields: &[day("follows_gained", "/followers_incr"), day("follows_lost", "/followers_decr")],
    ..days(FOLLOWS, "follows begun and ended, by day", 90)
};

const FOLLOWERS_BY_ACTIVITY: Endpoint = Endpoint {
    source: "https://open.weibo.com/wiki/C/2/friendships/followers/active_num",
    fields: &[day("audience_users", "")
        .segment("activity")
        .note("`active_fans`: logged in within 30 days; `loyal_fans`: commented or reposted within 30 days")],
    ..days(FOLLOWERS, "active and loyal followers, by day; only verified organisations (蓝V)", 30)
};

const ARTICLES_BY_DAY: Endpoint = Endpoint {
    source: "https://open.weibo.com/wiki/C/2/statuses/article_statistic",
    earliest: Earliest::DaysBack(90),
    fields: &[
        day("views", "/explosure")
            .segment("content")
            .note("of posts that hold a long article; Weibo's spelling"),
        day("reads", "/read").note("long articles unfolded"),
    ],
    ..days(ARTICLES, "reads of long articles, by day", 90)
};

const MENTIONS_BY_CONTRACT: Endpoint = Endpoint {
    source: "https://open.weibo.com/wiki/C/2/statuses/mentions/biz",
    capability: Some(CONTRACT),
    quotas: COMMERCIAL_QUOTA,
    fields: &[account("mentions", "", WindowKind::Day).note("posts counted")],
    ..mentions(ALL_MENTIONS, "posts by others that name the account")
};

/// An endpoint of the commercial API.
const fn by_contract(name: &'static str, title: &'static str, shape: Shape) -> Endpoint {
    Endpoint {
        page_size: 0,
        token: Some(USER),
        capability: Some(CONTRACT),
        quotas: COMMERCIAL_QUOTA,
        ..Endpoint::new(name, title, shape)
    }
}

/// One of its series of days. A day's row comes on the next day, at no hour that is told.
const fn days(name: &'static str, title: &'static str, max_days: u16) -> Endpoint {
    Endpoint {
        lag: Lag { days: 1, hour: 0, zone: BEIJING },
        lookback_days: LOOKBACK,
        ..by_contract(name, title, Shape::Windows { max_days })
    }
}

/// A list of mentions.
const fn mentions(name: &'static str, title: &'static str) -> Endpoint {
    Endpoint {
        page_size: MENTIONS_PAGE,
        token: Some(USER),
        personal: true,
        ..Endpoint::new(name, title, Shape::Listing { published_within_days: Some(MENTION_DAYS) })
    }
}

const fn account(metric: &'static str, pointer: &'static str, window: WindowKind) -> Field {
    Field::new(metric, pointer, SubjectKind::Account, window, Traffic::Total)
}

const fn day(metric: &'static str, pointer: &'static str) -> Field {
    account(metric, pointer, WindowKind::Day)
}

const fn post(metric: &'static str, pointer: &'static str) -> Field {
    Field::new(metric, pointer, SubjectKind::Post, WindowKind::At, Traffic::Total)
}

/// The numbers of a post as lists tell them.
static POST_FIELDS: [Field; 3] = [
    post("likes", "/attitudes_count"),
    post("comments", "/comments_count"),
    post("shares", "/reposts_count"),
];
