//! What WeChat offers, as tables: endpoints, spans, limits, tokens, and which field is which metric.

use jiff::civil::{Date, date};
use kepi_core::{
    Descriptor, Endpoint, Field, Placement, Quota, Shape, SubjectKind, TokenFlow, TokenKind, Traffic,
    WindowKind,
    descriptor::{Earliest, Lag, Reset, Scope},
};

use crate::config::{ArticleRows, WechatConfig};

/// The names of the endpoints, which are the names of their streams.
pub(crate) const FOLLOWS: &str = "follows";
pub(crate) const FOLLOWERS: &str = "followers";
pub(crate) const ACCOUNT_DAYS: &str = "account_days";
pub(crate) const ARTICLE_READS: &str = "article_reads";
pub(crate) const ARTICLE_SHARES: &str = "article_shares";
pub(crate) const ARTICLES: &str = "articles";
pub(crate) const MESSAGES: &str = "messages";
pub(crate) const MESSAGE_SPREAD: &str = "message_spread";
pub(crate) const PUBLISHED: &str = "published";
pub(crate) const COMMENTS: &str = "comments";
pub(crate) const QUOTA: &str = "quota";
pub(crate) const OLD_ACCOUNT_DAYS: &str = "old_account_days";
pub(crate) const OLD_SHARES: &str = "old_shares";
pub(crate) const OLD_ARTICLE_DAYS: &str = "old_article_days";
pub(crate) const OLD_ARTICLES: &str = "old_articles";

/// The kind of token.
pub(crate) const APP: &str = "app";

/// The zone of WeChat's days.
pub(crate) const BEIJING: &str = "Asia/Shanghai";

/// The hour of the next day from which a day can be asked for.
pub(crate) const READY_HOUR: i8 = 8;

/// The numbers of an article go on for so many days after it was published.
pub(crate) const ARTICLE_DAYS: u16 = 30;

/// Days of an account are read again once.
const ACCOUNT_LOOKBACK: u16 = 2;

/// Articles that one page of the list of published ones holds.
pub(crate) const PUBLISHED_PAGE: u16 = 20;

/// The API whose quota is asked for: the one of which most calls are made.
pub(crate) const QUOTA_PATH: &str = "/datacube/getarticletotaldetail";

/// The definition of comments as the list of comments counts them.
pub(crate) const LIST: &str = "list";

/// The first day of the content series in use.
const NEW_SERIES: Date = date(2025, 11, 1);

/// The first day of everything else.
const FIRST_DAY: Date = date(2014, 12, 1);

/// What WeChat offers under these settings.
pub(crate) fn descriptor(config: &WechatConfig) -> Descriptor {
    Descriptor {
        platform: "wechat",
        title: "WeChat Official Accounts",
        day_zone: Some(BEIJING),
        traffic_order: &[Traffic::Total],
        tokens: &TOKENS,
        settings_schema: || schemars::schema_for!(WechatConfig).to_value(),
        endpoints: match config.article_rows {
            ArticleRows::Cumulative => &CUMULATIVE,
            ArticleRows::Daily => &DAILY,
        },
        check_calls: 1,
        known_gaps: &KNOWN_GAPS,
    }
}

static TOKENS: [TokenKind; 1] = [TokenKind {
    name: APP,
    title: "the account's stable token; several processes share it",
    placement: Placement::Query("access_token"),
    flow: TokenFlow::Client,
    service_account: false,
    lifetime_secs: Some(7_200),
    scopes: &[],
}];

static KNOWN_GAPS: [&str; 11] = [
    "only verified (认证) accounts have these interfaces; all others export files from the back office",
    "no page views since November 2025: the series in use counts people, and page reads end with 2025-10-31",
    "no exposures, no age, gender, region or device, no profile visits, no mentions",
    "readers of several days, articles or scenes overlap; they are never added up",
    "an article's numbers end 30 days after it was published (7 in the old series), and nothing comes after",
    "the hour of publishing is not told: an article bears the first instant of its day",
    "in the old series, an article with fewer than three actions on a day has no row that day: too small to tell, \
     not zero",
    "numbers by hour, week and month and the health of the message interface are not read",
    "Channels (视频号) have no interface for the numbers of ordinary videos; what there is of followers and live streams \
     is of another account, which has to be opened to the AppID in the creator back office, and is not read",
    "visits of mini-programs are not read: a mini-program is an account of another kind, with an AppID of its own",
    "of a shop's live streams and sales nothing is read",
];

static CUMULATIVE: [Endpoint; 15] = endpoints(ARTICLE_TOTALS);
static DAILY: [Endpoint; 15] = endpoints(Endpoint { fields: &ARTICLE_BY_DAY, ..ARTICLE_TOTALS });

const fn endpoints(articles: Endpoint) -> [Endpoint; 15] {
    [
        QUOTA_LEFT,
        FOLLOWS_BY_DAY,
        FOLLOWERS_BY_DAY,
        ACCOUNT_BY_DAY,
        READS_BY_DAY,
        SHARES_BY_DAY,
        articles,
        MESSAGES_BY_DAY,
        MESSAGES_PER_SENDER,
        PUBLISHED_LIST,
        COMMENT_TOTALS,
        OLD_ACCOUNT_BY_DAY,
        OLD_SHARES_BY_DAY,
        OLD_ARTICLES_BY_DAY,
        OLD_ARTICLE_TOTALS,
    ]
}

/// An endpoint of the analytics: days in, rows out, no paging.
const fn cube(name: &'static str, title: &'static str, max_days: u16) -> Endpoint {
    Endpoint {
        page_size: 0,
        earliest: Earliest::Since(FIRST_DAY),
        lag: Lag { days: 1, hour: READY_HOUR.cast_unsigned(), zone: BEIJING },
        lookback_days: ACCOUNT_LOOKBACK,
        token: Some(APP),
        ..Endpoint::new(name, title, Shape::Windows { max_days })
    }
}

/// An endpoint of the series that ended.
const fn old(name: &'static str, title: &'static str, max_days: u16) -> Endpoint {
    Endpoint { until: Some(NEW_SERIES), lookback_days: 0, ..cube(name, title, max_days) }
}

const QUOTA_LEFT: Endpoint = Endpoint {
    source: "https://developers.weixin.qq.com/doc/service/api/apimanage/api_getapiquota",
    page_size: 0,
    token: Some(APP),
    fields: &[
        account("api_calls_limit", "/quota/daily_limit", WindowKind::At).segment("api"),
        account("api_calls_used", "/quota/used", WindowKind::At).segment("api"),
    ],
    ..Endpoint::new(QUOTA, "calls a day that the account may make, and has made", Shape::Snapshot)
};

const FOLLOWS_BY_DAY: Endpoint = Endpoint {
    source: "https://developers.weixin.qq.com/doc/service/api/wedata/user/api_getusersummary",
    fields: &[
        day("follows_gained", "/new_user").note("added up over all sources"),
        day("follows_lost", "/cancel_user").note("added up over all sources"),
        day("follows_gained", "/new_user").segment("follow_source"),
        day("follows_lost", "/cancel_user").segment("follow_source"),
    ],
    ..cube(FOLLOWS, "follows begun and ended, by source", 7)
};

const FOLLOWERS_BY_DAY: Endpoint = Endpoint {
    source: "https://developers.weixin.qq.com/doc/service/api/wedata/user/api_getusercumulate",
    fields: &[day("followers_total", "/cumulate_user")],
    ..cube(FOLLOWERS, "followers at the end of the day", 7)
};

const ACCOUNT_BY_DAY: Endpoint = Endpoint {
    source: "https://developers.weixin.qq.com/doc/service/api/wedata/news/api_getbizsummary",
    earliest: Earliest::Since(NEW_SERIES),
    fields: &[
        day("read_users", "/read_user"),
        day("read_users", "/user_count").segment("scene"),
        day("share_users", "/share_user"),
        day("zaikan_users", "/zaikan_user"),
        day("like_users", "/like_user"),
        day("comments", "/comment_count"),
        day("save_users", "/collection_user"),
        day("link_click_users", "/redirect_ori_page_user").note("people who followed \"read original\""),
        day("posts_published", "/send_page_count"),
    ],
    ..cube(ACCOUNT_DAYS, "readers and what they did, of the account as a whole", 30)
};

const READS_BY_DAY: Endpoint = Endpoint {
    source: "https://developers.weixin.qq.com/doc/service/api/wedata/news/api_getarticleread",
    earliest: Earliest::Since(NEW_SERIES),
    lookback_days: 1,
    fields: &[
        post("read_users", "/read_user", WindowKind::Day),
        post("read_users", "/user_count", WindowKind::Day).segment("scene"),
    ],
    ..cube(ARTICLE_READS, "readers of the day of each article, by scene", 1)
};

const SHARES_BY_DAY: Endpoint = Endpoint {
    source: "https://developers.weixin.qq.com/doc/service/api/wedata/news/api_getarticleshare",
    earliest: Earliest::Since(NEW_SERIES),
    lookback_days: 1,
    fields: &[post("share_users", "/share_user", WindowKind::Day)],
    ..cube(ARTICLE_SHARES, "sharers of the day of each article", 1)
};

const ARTICLE_TOTALS: Endpoint = Endpoint {
    source: "https://developers.weixin.qq.com/doc/service/api/wedata/news/api_getarticletotaldetail",
    earliest: Earliest::Since(NEW_SERIES),
    lookback_days: ARTICLE_DAYS,
    // A row is read for 30 days and seldom changes after the second.
    final_after: Some(2),
    fields: &ARTICLE_SO_FAR,
    ..cube(ARTICLES, "articles by day of publishing: what they have so far, for 30 days", 1)
};

const MESSAGES_BY_DAY: Endpoint = Endpoint {
    source: "https://developers.weixin.qq.com/doc/service/api/wedata/mess/api_getupstreammsg",
    fields: &[
        day("messages_in", "/msg_count").note("added up over all types"),
        day("messages_in", "/msg_count").segment("message_type"),
        day("message_users", "/msg_user").segment("message_type"),
    ],
    ..cube(MESSAGES, "messages received and their senders, by type", 7)
};

const MESSAGES_PER_SENDER: Endpoint = Endpoint {
    source: "https://developers.weixin.qq.com/doc/service/api/wedata/mess/api_getupstreammsgdist",
    fields: &[day("message_users", "/msg_user").segment("messages_sent")],
    ..cube(MESSAGE_SPREAD, "senders by how many messages they sent", 15)
};

const PUBLISHED_LIST: Endpoint = Endpoint {
    source: "https://developers.weixin.qq.com/doc/service/api/public/api_freepublish_batchget",
    page_size: PUBLISHED_PAGE,
    quotas: &[Quota {
        pool: "freepublish/batchget",
        requests: 100,
        interval_secs: 86_400,
        scope: Scope::Account,
        reset: Reset::Midnight(BEIJING),
    }],
    token: Some(APP),
    ..Endpoint::new(
        PUBLISHED,
        "articles published without a push: title, digest, address, deletion",
        Shape::Listing { published_within_days: Some(ARTICLE_DAYS) },
    )
};

const COMMENT_TOTALS: Endpoint = Endpoint {
    source: "https://developers.weixin.qq.com/doc/service/api/leaving/api_listcomment",
    page_size: 0,
    token: Some(APP),
    capability: Some("comments switched on (留言功能)"),
    personal: true,
    fields: &[post("comments", "/total", WindowKind::At).definition(LIST)],
    ..Endpoint::new(
        COMMENTS,
        "comments of articles whose numbers are frozen, once a month",
        Shape::Batch { max: 1, ages: (ARTICLE_DAYS + 1, u16::MAX), refresh: &[(u16::MAX, 30)] },
    )
};

const OLD_ACCOUNT_BY_DAY: Endpoint = Endpoint {
    source: "https://developers.weixin.qq.com/doc/service/api/wedata/news/api_getuserread",
    fields: &OLD_ACCOUNT_FIELDS,
    ..old(OLD_ACCOUNT_DAYS, "page reads and what readers did until October 2025, by source", 3)
};

const OLD_SHARES_BY_DAY: Endpoint = Endpoint {
    source: "https://developers.weixin.qq.com/doc/service/api/wedata/news/api_getusershare",
    fields: &[
        day("shares", "/share_count").segment("share_scene"),
        day("share_users", "/share_user").segment("share_scene"),
    ],
    ..old(OLD_SHARES, "shares until October 2025, by where to", 7)
};

const OLD_ARTICLES_BY_DAY: Endpoint = Endpoint {
    source: "https://developers.weixin.qq.com/doc/service/api/wedata/news/api_getarticlesummary",
    fields: &OLD_ARTICLE_DAY_FIELDS,
    ..old(OLD_ARTICLE_DAYS, "days of pushed articles until October 2025", 1)
};

const OLD_ARTICLE_TOTALS: Endpoint = Endpoint {
    source: "https://developers.weixin.qq.com/doc/service/api/wedata/news/api_getarticletotal",
    fields: &OLD_ARTICLE_SO_FAR,
    ..old(OLD_ARTICLES, "articles pushed until October 2025: what they had so far, for 7 days", 1)
};

const fn account(metric: &'static str, pointer: &'static str, window: WindowKind) -> Field {
    Field::new(metric, pointer, SubjectKind::Account, window, Traffic::Total)
}

const fn day(metric: &'static str, pointer: &'static str) -> Field {
    account(metric, pointer, WindowKind::Day)
}

const fn post(metric: &'static str, pointer: &'static str, window: WindowKind) -> Field {
    Field::new(metric, pointer, SubjectKind::Post, window, Traffic::Total)
}

/// What an article has: at the end of a day, or of a day.
const fn article(window: WindowKind) -> [Field; 13] {
    [
        post("read_users", "/read_user", window),
        post("read_users", "/user_count", window).segment("scene"),
        post("share_users", "/share_user", window),
        post("zaikan", "/zaikan_user", window),
        post("likes", "/like_user", window),
        post("comments", "/comment_count", window),
        post("saves", "/collection_user", window),
        post("tips", "/praise_money", window).real(-2).note("fen that become yuan"),
        post("follows_gained", "/read_subscribe_user", window).note("followed after reading"),
        post("open_rate", "/read_delivery_rate", window).real(0),
        post("read_completion_rate", "/read_finish_rate", window).real(0),
        post("avg_read_duration_s", "", window).note("`read_avg_activetime`, minutes times 60"),
        post("exit_rate", "/rate", window).real(0).segment("read_position"),
    ]
}

static ARTICLE_SO_FAR: [Field; 13] = article(WindowKind::At);
static ARTICLE_BY_DAY: [Field; 13] = article(WindowKind::Day);

/// The pairs of people and times that the old series is made of.
const fn pairs(subject: SubjectKind, window: WindowKind) -> [Field; 8] {
    [
        Field::new("reads", "/int_page_read_count", subject, window, Traffic::Total),
        Field::new("read_users", "/int_page_read_user", subject, window, Traffic::Total),
        Field::new("link_clicks", "/ori_page_read_count", subject, window, Traffic::Total),
        Field::new("link_click_users", "/ori_page_read_user", subject, window, Traffic::Total),
        Field::new("shares", "/share_count", subject, window, Traffic::Total),
        Field::new("share_users", "/share_user", subject, window, Traffic::Total),
        Field::new("saves", "/add_to_fav_count", subject, window, Traffic::Total),
        Field::new("save_users", "/add_to_fav_user", subject, window, Traffic::Total),
    ]
}

const OLD_PAIRS: [Field; 8] = pairs(SubjectKind::Account, WindowKind::Day);
const OLD_PAIRS_BY_SOURCE: [Field; 8] = {
    let mut fields = OLD_PAIRS;
    let mut i = 0;
    while i < fields.len() {
        fields[i] = fields[i].segment("read_source");
        i += 1;
    }
    fields
};
static OLD_ACCOUNT_FIELDS: [Field; 16] = Field::table(&[&OLD_PAIRS, &OLD_PAIRS_BY_SOURCE]);
static OLD_ARTICLE_DAY_FIELDS: [Field; 8] = pairs(SubjectKind::Post, WindowKind::Day);

/// Where the readers and sharers of an article of the old series came from.
const fn origins(window: WindowKind) -> [Field; 21] {
    [
        post("delivered", "/target_user", window),
        from("reads", "/int_page_from_session_read_count", window),
        from("read_users", "/int_page_from_session_read_user", window),
        from("reads", "/int_page_from_hist_msg_read_count", window),
        from("read_users", "/int_page_from_hist_msg_read_user", window),
        from("reads", "/int_page_from_feed_read_count", window),
        from("read_users", "/int_page_from_feed_read_user", window),
        from("reads", "/int_page_from_friends_read_count", window),
        from("read_users", "/int_page_from_friends_read_user", window),
        from("reads", "/int_page_from_other_read_count", window),
        from("read_users", "/int_page_from_other_read_user", window),
        from("reads", "/int_page_from_kanyikan_read_count", window),
        from("read_users", "/int_page_from_kanyikan_read_user", window),
        from("reads", "/int_page_from_souyisou_read_count", window),
        from("read_users", "/int_page_from_souyisou_read_user", window),
        post("shares", "/feed_share_from_session_cnt", window).segment("feed_share_source"),
        post("share_users", "/feed_share_from_session_user", window).segment("feed_share_source"),
        post("shares", "/feed_share_from_feed_cnt", window).segment("feed_share_source"),
        post("share_users", "/feed_share_from_feed_user", window).segment("feed_share_source"),
        post("shares", "/feed_share_from_other_cnt", window).segment("feed_share_source"),
        post("share_users", "/feed_share_from_other_user", window).segment("feed_share_source"),
    ]
}

const fn from(metric: &'static str, pointer: &'static str, window: WindowKind) -> Field {
    post(metric, pointer, window).segment("read_source")
}

const OLD_AT: [Field; 8] = pairs(SubjectKind::Post, WindowKind::At);
const ORIGINS_AT: [Field; 21] = origins(WindowKind::At);
static OLD_ARTICLE_SO_FAR: [Field; 29] = Field::table(&[&OLD_AT, &ORIGINS_AT]);
