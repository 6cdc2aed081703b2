//! What Douyin offers, as tables: endpoints, spans, limits, tokens, and which field is which metric.

use jiff::civil::date;
use kepi_core::{
    Descriptor, Endpoint, Field, Placement, Quota, Shape, SubjectKind, TokenFlow, TokenKind, Traffic,
    WindowKind,
    credential::Refresh,
    descriptor::{Earliest, Lag, Reset, Scope},
};

use crate::config::{Conversions, DouyinConfig, NewFans, VideosPerCall};

/// The names of the endpoints, which are the names of their streams.
pub(crate) const PROFILE: &str = "profile";
pub(crate) const ACCOUNT_PLAYS: &str = "account_plays";
pub(crate) const ACCOUNT_FANS: &str = "account_fans";
pub(crate) const ACCOUNT_LIKES: &str = "account_likes";
pub(crate) const ACCOUNT_COMMENTS: &str = "account_comments";
pub(crate) const ACCOUNT_SHARES: &str = "account_shares";
pub(crate) const ACCOUNT_VISITORS: &str = "account_visitors";
pub(crate) const VIDEOS: &str = "videos";
pub(crate) const OLDER_VIDEOS: &str = "older_videos";
pub(crate) const VIDEO_DAYS: &str = "video_days";
pub(crate) const FAN_PORTRAIT: &str = "fan_portrait";
pub(crate) const FAN_SOURCES: &str = "fan_sources";
pub(crate) const BOUND_ACCOUNTS: &str = "bound_accounts";
pub(crate) const ENTERPRISE_DAYS: &str = "enterprise_days";
pub(crate) const ENTERPRISE_SOURCES: &str = "enterprise_sources";
pub(crate) const ENTERPRISE_VIDEOS: &str = "enterprise_videos";
pub(crate) const AD_DAYS: &str = "ad_days";
pub(crate) const PROMOTION_DAYS: &str = "promotion_days";

/// The kinds of token.
pub(crate) const USER: &str = "user";
pub(crate) const OCEAN: &str = "ocean";

/// The zone of Douyin's days.
pub(crate) const BEIJING: &str = "Asia/Shanghai";

/// The hour of the next day from which a day is told.
pub(crate) const READY_HOUR: i8 = 10;

/// Days are read again once.
pub(crate) const LOOKBACK: u16 = 2;

/// Conversions that count on the day of the money may come for so many days.
const ATTRIBUTION_DAYS: u16 = 30;

/// Days of videos are told for videos of so many days; after that their numbers are frozen.
pub(crate) const VIDEO_AGE: u16 = 30;

/// The days that a series of an account can be asked for.
pub(crate) const ACCOUNT_SPANS: [u16; 3] = [7, 15, 30];

/// Rows of one call to Ocean Engine: enterprise accounts, paid delivery.
pub(crate) const ENTERPRISE_ROWS: u16 = 100;
pub(crate) const REPORT_ROWS: u16 = 1_000;

const VIDEO_COUNTS: &str = "video interaction data (视频互动数据)";
const ACCOUNT_COUNTS: &str = "user interaction data (用户互动数据), an account of 1,000 followers";
const FAN_DATA: &str = "fan data (粉丝数据), an account of 100 fans";
const ENTERPRISE: &str = "enterprise account data (企业号), an advertiser to which the account is bound";
const REPORTS: &str = "an advertiser";

/// What Douyin offers under these settings.
pub(crate) fn descriptor(config: &DouyinConfig) -> Descriptor {
    let twenty = usize::from(config.videos_per_call == VideosPerCall::Twenty);
    let net = usize::from(config.new_fans == NewFans::Net);
    let spend_day = usize::from(config.conversions == Conversions::SpendDay);
    Descriptor {
        platform: "douyin",
        title: "Douyin",
        day_zone: Some(BEIJING),
        traffic_order: &[Traffic::Total, Traffic::Organic],
        tokens: &TOKENS,
        settings_schema: || schemars::schema_for!(DouyinConfig).to_value(),
        endpoints: ENDPOINTS.get(4 * twenty + 2 * net + spend_day).map_or(&[], |endpoints| &endpoints[..]),
        check_calls: 2,
        known_gaps: &KNOWN_GAPS,
    }
}

static TOKENS: [TokenKind; 2] = [
    TokenKind {
        name: USER,
        title: "the account's consent on the open platform",
        placement: Placement::Header("access-token"),
        flow: TokenFlow::AuthorizationCode {
            authorize_url: "https://open.douyin.com/platform/oauth/connect/?response_type=code\
                            &client_key={client_id}&scope={scopes}&redirect_uri={redirect_uri}&state={state}",
            pkce: false,
            refresh: Refresh::Renewable { times: 5 },
        },
        service_account: false,
        lifetime_secs: Some(1_296_000),
        scopes: &[
            "user_info",
            "video.list.bind",
            "video.data.bind",
            "data.external.user",
            "data.external.item",
            "fans.data.bind",
            "data.external.fans_source",
        ],
    },
    TokenKind {
        name: OCEAN,
        title: "the advertiser's consent in Ocean Engine",
        placement: Placement::Header("access-token"),
        flow: TokenFlow::AuthorizationCode {
            authorize_url: "https://ad.oceanengine.com/openapi/audit/oauth.html?app_id={client_id}\
                            &redirect_uri={redirect_uri}&state={state}&material_auth=1",
            pkce: false,
            refresh: Refresh::Rotating,
        },
        service_account: false,
        lifetime_secs: Some(86_400),
        scopes: &[],
    },
];

static KNOWN_GAPS: [&str; 14] = [
    "counts and fan data are granted to apps of companies and public institutions only, for their own accounts; \
     all others export files from the creator centre",
    "no impressions, no reach, no completion rate, no saves on the open platform; saves and completed plays of \
     enterprise accounts come through Ocean Engine",
    "days of a video are told until it is 30 days old; after that they are frozen as last read, and nothing is \
     told, which is not zero",
    "days of an account reach back 30 days; a longer outage leaves a gap",
    "how Douyin counts paid plays among all plays is not said: all numbers but those of paid delivery are total",
    "whether new_fans of a day is gross or net is not said; see the setting new_fans",
    "the total of an account's average watch time is told for single videos only, since publishing",
    "a video that is set private has a play count of 0, which is no correction and is left out",
    "forward_count is left out: how it stands to share_count is not said",
    "what fans contribute to plays and likes (flow_contributions) has no window and is left out; so are the \
     favourite words of fans, which have ranks and no numbers",
    "words of comments, lists of fans and the mini-app twins of these endpoints are not read",
    "of paid delivery, rates are left out (their scale is not said, and they follow from the counts), and so are \
     age, gender and province",
    "no mentions, no competitors",
    "limits are shown in the console only: five calls a second are a beginning",
];

/// By videos a call, by what new fans are, by the day of conversions.
static ENDPOINTS: [[Endpoint; 18]; 8] = [
    endpoints(10, false, false),
    endpoints(10, false, true),
    endpoints(10, true, false),
    endpoints(10, true, true),
    endpoints(20, false, false),
    endpoints(20, false, true),
    endpoints(20, true, false),
    endpoints(20, true, true),
];

const fn endpoints(videos_per_call: u16, net: bool, spend_day: bool) -> [Endpoint; 18] {
    let (account_ads, promotion_ads, attributed): (&[Field], &[Field], u16) = if spend_day {
        (&AD_BY_SPEND, &PROMOTION_BY_SPEND, ATTRIBUTION_DAYS)
    } else {
        (&AD_BY_CONVERSION, &PROMOTION_BY_CONVERSION, LOOKBACK)
    };
    [
        PROFILE_SHOWN,
        account_days(ACCOUNT_PLAYS, "plays and published videos by day", &PLAYS),
        account_days(
            ACCOUNT_FANS,
            "followers and new ones by day",
            if net { &FANS_NET } else { &FANS_GAINED },
        ),
        account_days(ACCOUNT_LIKES, "likes by day", &LIKES),
        account_days(ACCOUNT_COMMENTS, "comments by day", &COMMENTS),
        account_days(ACCOUNT_SHARES, "shares by day", &SHARES),
        account_days(ACCOUNT_VISITORS, "visitors of the profile by day", &VISITORS),
        Endpoint { page_size: videos_per_call, ..VIDEO_LIST },
        Endpoint {
            shape: Shape::Batch {
                max: videos_per_call,
                ages: (VIDEO_AGE, u16::MAX),
                refresh: &[(90, 7), (u16::MAX, 30)],
            },
            ..VIDEO_DATA
        },
        Endpoint {
            // Every day while it matters, then often enough for a series of 15 days, and once more before the
            // end.
            shape: Shape::Batch {
                max: videos_per_call,
                ages: (1, VIDEO_AGE),
                refresh: &[(8, 1), (28, 5), (VIDEO_AGE, 1)],
            },
            by_age: true,
            ..DAYS_OF_VIDEOS
        },
        PORTRAIT,
        SOURCES,
        BOUND,
        ENTERPRISE_BY_DAY,
        ENTERPRISE_BY_SOURCE,
        ENTERPRISE_BY_VIDEO,
        Endpoint { lookback_days: attributed, fields: account_ads, ..ADS_BY_DAY },
        Endpoint { lookback_days: attributed, fields: promotion_ads, ..ADS_BY_PROMOTION },
    ]
}

/// The next day at ten in Beijing.
const NEXT_MORNING: Lag = Lag { days: 1, hour: READY_HOUR.cast_unsigned(), zone: BEIJING };

const fn five_a_second(pool: &'static str) -> Quota {
    Quota { pool, requests: 5, interval_secs: 1, scope: Scope::App, reset: Reset::Rolling }
}

const OPEN_QUOTA: [Quota; 1] = [five_a_second("open")];
const OCEAN_QUOTA: [Quota; 1] = [five_a_second("ocean")];

/// An endpoint of the open platform.
const fn open(name: &'static str, title: &'static str, shape: Shape) -> Endpoint {
    Endpoint { page_size: 0, token: Some(USER), quotas: &OPEN_QUOTA, ..Endpoint::new(name, title, shape) }
}

/// A series of the account: one call tells up to 30 days.
const fn account_days(name: &'static str, title: &'static str, fields: &'static [Field]) -> Endpoint {
    Endpoint {
        source: "https://developer.open-douyin.com/docs/resource/zh-CN/dop/develop/openapi",
        earliest: Earliest::DaysBack(30),
        lag: NEXT_MORNING,
        lookback_days: LOOKBACK,
        capability: Some(ACCOUNT_COUNTS),
        fields,
        ..open(name, title, Shape::Trailing { spans: &ACCOUNT_SPANS })
    }
}

/// An endpoint of Ocean Engine.
const fn ocean(name: &'static str, title: &'static str, shape: Shape) -> Endpoint {
    Endpoint { page_size: 0, token: Some(OCEAN), quotas: &OCEAN_QUOTA, ..Endpoint::new(name, title, shape) }
}

/// The data of enterprise accounts.
const fn enterprise(name: &'static str, title: &'static str, fields: &'static [Field]) -> Endpoint {
    Endpoint {
        source: "https://open.oceanengine.com",
        page_size: ENTERPRISE_ROWS,
        earliest: Earliest::Since(date(2020, 11, 1)),
        lag: NEXT_MORNING,
        lookback_days: LOOKBACK,
        capability: Some(ENTERPRISE),
        fields,
        ..ocean(name, title, Shape::Windows { max_days: 365 })
    }
}

/// Reports of paid delivery.
const fn report(name: &'static str, title: &'static str) -> Endpoint {
    Endpoint {
        source: "https://open.oceanengine.com",
        page_size: REPORT_ROWS,
        earliest: Earliest::Since(date(2016, 10, 26)),
        lag: NEXT_MORNING,
        capability: Some(REPORTS),
        ..ocean(name, title, Shape::Windows { max_days: 30 })
    }
}

const PROFILE_SHOWN: Endpoint = Endpoint {
    source: "https://developer.open-douyin.com/docs/resource/zh-CN/dop/develop/openapi",
    every_days: 7,
    ..open(PROFILE, "the account's name", Shape::Snapshot)
};

const VIDEO_LIST: Endpoint = Endpoint {
    source: "https://developer.open-douyin.com/docs/resource/zh-CN/dop/develop/openapi",
    capability: Some(VIDEO_COUNTS),
    fields: &VIDEO_FIELDS,
    ..open(
        VIDEOS,
        "videos of the last 30 days with what they have so far",
        Shape::Listing { published_within_days: Some(VIDEO_AGE) },
    )
};

const VIDEO_DATA: Endpoint = Endpoint {
    source: "https://developer.open-douyin.com/docs/resource/zh-CN/dop/develop/openapi",
    capability: Some(VIDEO_COUNTS),
    fields: &VIDEO_FIELDS,
    ..open(OLDER_VIDEOS, "older videos with what they have so far; deletions", Shape::Snapshot)
};

const DAYS_OF_VIDEOS: Endpoint = Endpoint {
    source: "https://developer.open-douyin.com/docs/resource/zh-CN/dop/develop/openapi/data-open-service/video-data/get-share-data",
    lag: NEXT_MORNING,
    final_after: Some(LOOKBACK),
    capability: Some(VIDEO_COUNTS),
    fields: &VIDEO_DAY_FIELDS,
    ..open(VIDEO_DAYS, "days of videos until they are 30 days old; their average watch time", Shape::Snapshot)
};

const PORTRAIT: Endpoint = Endpoint {
    source: "https://developer.open-douyin.com/docs/resource/zh-CN/dop/develop/openapi/account-management/fans-portrait-data/get-user-fans-data",
    capability: Some(FAN_DATA),
    fields: &PORTRAIT_FIELDS,
    ..open(FAN_PORTRAIT, "fans by gender, age, province, interest, device and days of use", Shape::Snapshot)
};

const SOURCES: Endpoint = Endpoint {
    source: "https://developer.open-douyin.com/docs/resource/zh-CN/dop/develop/openapi",
    capability: Some(FAN_DATA),
    fields: &[now("audience_share", "/percent")
        .real(-2)
        .segment("follow_source")
        .note("of the last 30 days")],
    ..open(FAN_SOURCES, "where the fans of the last 30 days came from", Shape::Snapshot)
};

const BOUND: Endpoint = Endpoint {
    source: "https://open.oceanengine.com",
    every_days: 7,
    ..ocean(BOUND_ACCOUNTS, "accounts that are bound to the advertiser, and their ids there", Shape::Snapshot)
};

const ENTERPRISE_BY_DAY: Endpoint = enterprise(
    ENTERPRISE_DAYS,
    "days of an enterprise account: follows lost, visits, completed plays, saves, orders",
    &ENTERPRISE_FIELDS,
);

const ENTERPRISE_BY_SOURCE: Endpoint =
    enterprise(ENTERPRISE_SOURCES, "plays and what came of them by source of traffic", &SOURCE_FIELDS);

const ENTERPRISE_BY_VIDEO: Endpoint =
    enterprise(ENTERPRISE_VIDEOS, "days of single videos: completed plays, saves", &ENTERPRISE_VIDEO_FIELDS);

const ADS_BY_DAY: Endpoint = report(AD_DAYS, "paid delivery by day");
const ADS_BY_PROMOTION: Endpoint = report(PROMOTION_DAYS, "paid delivery by day and promotion");

const fn now(metric: &'static str, pointer: &'static str) -> Field {
    Field::new(metric, pointer, SubjectKind::Account, WindowKind::At, Traffic::Total)
}

const fn day(metric: &'static str, pointer: &'static str) -> Field {
    Field::new(metric, pointer, SubjectKind::Account, WindowKind::Day, Traffic::Total)
}

const fn video(metric: &'static str, pointer: &'static str, window: WindowKind) -> Field {
    Field::new(metric, pointer, SubjectKind::Post, window, Traffic::Total)
}

const fn paid(subject: SubjectKind, metric: &'static str, pointer: &'static str) -> Field {
    Field::new(metric, pointer, subject, WindowKind::Day, Traffic::Paid)
}

static PLAYS: [Field; 3] = [
    day("posts_published", "/new_issue"),
    day("video_plays", "/new_play"),
    day("posts_total", "/total_issue"),
];
static FANS_GAINED: [Field; 2] = [day("followers_total", "/total_fans"), day("follows_gained", "/new_fans")];
static FANS_NET: [Field; 2] = [day("followers_total", "/total_fans"), day("follows_net", "/new_fans")];
static LIKES: [Field; 1] = [day("likes", "/new_like")];
static COMMENTS: [Field; 1] = [day("comments", "/new_comment")];
static SHARES: [Field; 1] = [day("shares", "/new_share")];
static VISITORS: [Field; 1] = [day("profile_visit_users", "/profile_uv")];

static VIDEO_FIELDS: [Field; 5] = [
    video("video_plays", "/statistics/play_count", WindowKind::At).note("views of a set of images as well"),
    video("likes", "/statistics/digg_count", WindowKind::At),
    video("comments", "/statistics/comment_count", WindowKind::At),
    video("shares", "/statistics/share_count", WindowKind::At),
    video("downloads", "/statistics/download_count", WindowKind::At),
];

static VIDEO_DAY_FIELDS: [Field; 9] = [
    video("video_plays", "/total_play", WindowKind::Period).note("since publishing"),
    video("likes", "/total_like", WindowKind::Period).note("since publishing"),
    video("comments", "/total_comment", WindowKind::Period).note("since publishing"),
    video("shares", "/total_share", WindowKind::Period).note("since publishing"),
    video("avg_view_duration_s", "/avg_play_duration", WindowKind::Period).real(0).note("since publishing"),
    video("video_plays", "/play", WindowKind::Day),
    video("likes", "/like", WindowKind::Day),
    video("comments", "/comment", WindowKind::Day),
    video("shares", "/share", WindowKind::Day),
];

static PORTRAIT_FIELDS: [Field; 7] = [
    now("audience_users", "/all_fans_num").note("all fans of the portrait, which is two days old"),
    now("audience_users", "/value").segment("gender"),
    now("audience_users", "/value").segment("age"),
    now("audience_users", "/value").segment("province"),
    now("audience_users", "/value").segment("interest"),
    now("audience_users", "/value").segment("device"),
    now("audience_users", "/value").segment("active_days"),
];

/// What is asked of an enterprise account as a whole.
static ENTERPRISE_FIELDS: [Field; 15] = [
    day("followers_total", "/business_page_fans_num_all"),
    day("follows_gained", "/business_page_new_fans_num"),
    day("follows_lost", "/business_page_disfollow_ucount").note("people of the day, each of whom left once"),
    day("profile_visits", "/business_page_home_visited"),
    day("profile_visit_users", "/business_page_home_visited_ucount"),
    day("video_plays", "/business_page_total_play"),
    day("completion_count", "/business_page_play_over"),
    day("likes", "/business_page_like"),
    day("comments", "/business_page_comment"),
    day("shares", "/business_page_share"),
    day("saves", "/business_page_favourite_video_cnt"),
    day("downloads", "/business_page_dp_down_click_cnt"),
    day("product_clicks", "/business_page_click_product"),
    day("orders", "/business_page_pay_order_count").note("orders paid"),
    day("revenue", "/business_page_pay_order_gmv").real(0).note("yuan of orders paid"),
];

/// What is asked of its videos and by source.
static SOURCE_FIELDS: [Field; 6] = [
    day("video_plays", "/business_page_total_play").segment("traffic_source"),
    day("completion_count", "/business_page_play_over").segment("traffic_source"),
    day("likes", "/business_page_like").segment("traffic_source"),
    day("comments", "/business_page_comment").segment("traffic_source"),
    day("shares", "/business_page_share").segment("traffic_source"),
    day("saves", "/business_page_favourite_video_cnt").segment("traffic_source"),
];
static ENTERPRISE_VIDEO_FIELDS: [Field; 6] = [
    video("video_plays", "/business_page_total_play", WindowKind::Day),
    video("completion_count", "/business_page_play_over", WindowKind::Day),
    video("likes", "/business_page_like", WindowKind::Day),
    video("comments", "/business_page_comment", WindowKind::Day),
    video("shares", "/business_page_share", WindowKind::Day),
    video("saves", "/business_page_favourite_video_cnt", WindowKind::Day),
];

/// What is asked of an enterprise account at an endpoint; nothing at the others.
pub(crate) fn enterprise_fields(endpoint: &str) -> &'static [Field] {
    match endpoint {
        ENTERPRISE_DAYS => &ENTERPRISE_FIELDS,
        ENTERPRISE_SOURCES => &SOURCE_FIELDS,
        ENTERPRISE_VIDEOS => &ENTERPRISE_VIDEO_FIELDS,
        _ => &[],
    }
}

/// Versions of the definition of conversions.
pub(crate) const BY_CONVERSION_DAY: &str = "conversion_day";
pub(crate) const BY_SPEND_DAY: &str = "spend_day";

const fn ads(subject: SubjectKind, spend_day: bool) -> [Field; 5] {
    [
        paid(subject, "spend", "/metrics/stat_cost").real(0).note("yuan"),
        paid(subject, "ad_impressions", "/metrics/show_cnt"),
        paid(subject, "ad_clicks", "/metrics/click_cnt"),
        paid(subject, "video_plays", "/metrics/total_play"),
        if spend_day {
            paid(subject, "conversions", "/metrics/attribution_convert_cnt").definition(BY_SPEND_DAY)
        } else {
            paid(subject, "conversions", "/metrics/convert_cnt").definition(BY_CONVERSION_DAY)
        },
    ]
}

static AD_BY_CONVERSION: [Field; 5] = ads(SubjectKind::Account, false);
static AD_BY_SPEND: [Field; 5] = ads(SubjectKind::Account, true);
static PROMOTION_BY_CONVERSION: [Field; 5] = ads(SubjectKind::Campaign, false);
static PROMOTION_BY_SPEND: [Field; 5] = ads(SubjectKind::Campaign, true);
