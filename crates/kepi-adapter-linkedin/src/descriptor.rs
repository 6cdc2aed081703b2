//! What LinkedIn offers, as tables: endpoints, windows, limits, tokens, and which field is which metric.

use std::sync::{Mutex, PoisonError};

use jiff::civil::{Date, date};
use kepi_core::{
    Descriptor, Endpoint, Field, Placement, Quota, Shape, SubjectKind, TokenFlow, TokenKind, Traffic,
    WindowKind,
    credential::Refresh,
    descriptor::{Earliest, Lag, Reset, Scope, Sunset},
};

use crate::config::{LinkedinConfig, Tier, Videos};

/// The names of the endpoints, which are the names of their streams.
pub(crate) const FOLLOWERS: &str = "followers";
pub(crate) const FOLLOWER_DAYS: &str = "follower_days";
pub(crate) const AUDIENCE: &str = "audience";
pub(crate) const SHARE_DAYS: &str = "share_days";
pub(crate) const TOTALS: &str = "totals";
pub(crate) const PAGE_DAYS: &str = "page_days";
pub(crate) const PAGE_TOTALS: &str = "page_totals";
pub(crate) const POSTS: &str = "posts";
pub(crate) const SHARE_POSTS: &str = "share_posts";
pub(crate) const UGC_POSTS: &str = "ugc_posts";
pub(crate) const REACTIONS: &str = "reactions";
pub(crate) const VIDEOS: &str = "videos";
pub(crate) const MEMBER_FOLLOWERS: &str = "member_followers";
pub(crate) const MEMBER_DAYS: &str = "member_days";
pub(crate) const MEMBER_POSTS: &str = "member_posts";
pub(crate) const MEMBER_VIDEOS: &str = "member_videos";

/// The kinds of token.
pub(crate) const ADMIN: &str = "admin";
pub(crate) const MEMBER: &str = "member";

/// The scopes.
pub(crate) const ORGANIZATION_ADMIN: &str = "rw_organization_admin";
pub(crate) const ORGANIZATION_SOCIAL: &str = "r_organization_social";
pub(crate) const SOCIAL_FEED: &str = "r_organization_social_feed";
pub(crate) const MEMBER_POST_ANALYTICS: &str = "r_member_postAnalytics";
pub(crate) const MEMBER_PROFILE_ANALYTICS: &str = "r_member_profileAnalytics";

/// The zone of LinkedIn's days.
pub(crate) const UTC: &str = "UTC";

/// Days are read again for two weeks.
pub(crate) const LOOKBACK: u16 = 14;

/// LinkedIn answers for a year of days.
pub(crate) const YEAR: u16 = 365;

/// Days of videos reach back half a year.
pub(crate) const VIDEO_DAYS_BACK: u16 = 180;

/// Posts that one page of the list holds.
pub(crate) const POSTS_PAGE: u16 = 100;

/// What LinkedIn may be asked of a post's first months; older posts mostly come back empty.
const POST_AGES: (u16, u16) = (0, 92);

/// Terms: reporting statistics a year, posts and what was done to them half a year.
const KEEP_STATISTICS: u16 = 365;
const KEEP_SOCIAL: u16 = 183;

/// The last day of versions, as LinkedIn's table of migrations says.
const VERSION_ENDS: [((i16, i8), Date); 6] = [
    ((2025, 8), date(2026, 8, 17)),
    ((2025, 10), date(2026, 10, 15)),
    ((2025, 11), date(2026, 11, 16)),
    ((2026, 1), date(2027, 1, 15)),
    ((2026, 2), date(2027, 2, 15)),
    ((2026, 3), date(2027, 3, 16)),
];

/// What LinkedIn offers under these settings.
pub(crate) fn descriptor(config: &LinkedinConfig) -> Descriptor {
    Descriptor {
        platform: "linkedin",
        title: "LinkedIn pages",
        day_zone: Some(UTC),
        traffic_order: &[Traffic::Organic, Traffic::Total],
        tokens: if config.reactions { &TOKENS_WITH_FEED } else { &TOKENS },
        settings_schema: || schemars::schema_for!(LinkedinConfig).to_value(),
        endpoints: made_once(config),
        check_calls: 1,
        known_gaps: &KNOWN_GAPS,
    }
}

/// When the version of the settings ends. LinkedIn keeps a version for about a year, so that of one that kepi does not
/// know the day is guessed.
pub(crate) fn version_ends(config: &LinkedinConfig) -> Option<Sunset> {
    let (year, month) = config.version_month()?;
    let known = VERSION_ENDS.iter().find(|(version, _)| *version == (year, month)).map(|(_, end)| *end);
    if let Some(day) = config.version_ends.or(known) {
        let hint = "set version in [platform.linkedin] to a newer month";
        return Some(Sunset { hint, ..Sunset::on(day) });
    }
    let day = Date::new(year + 1, month, 15).ok()?;
    let hint = "set version_ends in [platform.linkedin] to the day in LinkedIn's table of migrations, or version to \
                a newer month";
    Some(Sunset { day, guessed: true, hint })
}

/// What of the tables depends on settings.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Choice {
    sunset: Option<Sunset>,
    tier: Tier,
    lag_days: u8,
    posts_per_call: u16,
    daily_totals: bool,
    videos: Videos,
}

/// Tables live as long as the process, so that each choice of settings makes them once.
fn made_once(config: &LinkedinConfig) -> &'static [Endpoint] {
    static MADE: Mutex<Vec<(Choice, &'static [Endpoint])>> = Mutex::new(Vec::new());
    let choice = Choice {
        sunset: version_ends(config),
        tier: config.tier,
        lag_days: config.lag_days,
        posts_per_call: config.posts_per_call,
        daily_totals: config.daily_totals,
        videos: config.videos,
    };
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = made.iter().find(|(known, _)| *known == choice) {
        return known;
    }
    let tables: &'static [Endpoint] =
        ENDPOINTS.map(|endpoint| endpoint_under(choice, endpoint)).to_vec().leak();
    made.push((choice, tables));
    tables
}

fn endpoint_under(choice: Choice, endpoint: Endpoint) -> Endpoint {
    let quotas: &[Quota] = match choice.tier {
        Tier::Development => &DEVELOPMENT_QUOTAS,
        Tier::Standard => &[],
    };
    let shape = match endpoint.shape {
        Shape::Batch { max: POSTS_PAGE, ages, refresh } => {
            Shape::Batch { max: choice.posts_per_call, ages, refresh }
        }
        shape => shape,
    };
    // The list of videos reads their posts on every run.
    let by_age = choice.videos != Videos::Off && [UGC_POSTS, REACTIONS].contains(&endpoint.name);
    let every_days = if choice.daily_totals && endpoint.name == TOTALS { 1 } else { endpoint.every_days };
    let videos_by_day = endpoint.name == VIDEOS && choice.videos == Videos::Days;
    let fields = if videos_by_day { &VIDEO_DAYS } else { endpoint.fields };
    let by_day = videos_by_day || endpoint.lag == DAYS_READY;
    let lag = if by_day { Lag { days: choice.lag_days, ..DAYS_READY } } else { endpoint.lag };
    Endpoint { sunset: choice.sunset, quotas, shape, lag, every_days, by_age, fields, ..endpoint }
}

static TOKENS: [TokenKind; 2] = [admin(&[ORGANIZATION_ADMIN, ORGANIZATION_SOCIAL]), MEMBER_TOKEN];
static TOKENS_WITH_FEED: [TokenKind; 2] =
    [admin(&[ORGANIZATION_ADMIN, ORGANIZATION_SOCIAL, SOCIAL_FEED]), MEMBER_TOKEN];

const fn admin(scopes: &'static [&'static str]) -> TokenKind {
    TokenKind {
        name: ADMIN,
        title: "the consent of an administrator of the page",
        placement: Placement::Bearer,
        flow: CONSENT,
        service_account: false,
        lifetime_secs: Some(5_184_000),
        scopes,
    }
}

const MEMBER_TOKEN: TokenKind = TokenKind {
    name: MEMBER,
    title: "the consent of a person whose own posts are read",
    scopes: &[MEMBER_POST_ANALYTICS, MEMBER_PROFILE_ANALYTICS],
    ..admin(&[])
};

/// A refresh token stays; it is given to approved programs only, and lives a year from the first consent.
const CONSENT: TokenFlow = TokenFlow::AuthorizationCode {
    authorize_url: "https://www.linkedin.com/oauth/v2/authorization",
    pkce: false,
    refresh: Refresh::Reusable,
};

static DEVELOPMENT_QUOTAS: [Quota; 2] =
    [a_day("development:member", 100, Scope::User), a_day("development:app", 500, Scope::App)];

const fn a_day(pool: &'static str, requests: u32, scope: Scope) -> Quota {
    Quota { pool, requests, interval_secs: 86_400, scope, reset: Reset::Midnight(UTC) }
}

static KNOWN_GAPS: [&str; 12] = [
    "numbers of posts are lifetime totals, organic only; paid ones are in the Advertising API",
    "a post that LinkedIn leaves out had no activity only in its first days; later it keeps its last numbers",
    "that a post was deleted is not told",
    "likes of a post may be those of one kind; all kinds are `reactions`, which may be fewer than the page's export tells",
    "followers lost are not told; whether gains are gross or net is not said",
    "day series reach back a year and end two days ago; the days' shares leave out instant reposts, the totals do not",
    "lifetime totals stand apart from the days under range = lifetime: the two do not add up",
    "each facet of the audience lists its hundred largest values under LinkedIn's URNs, whose names are not looked up; countries and locations overlap",
    "no saves, link clicks or quartiles of a page's posts; views of single page sections are not split by device",
    "ad-only posts (direct sponsored content) are left out; votes of polls are not read",
    "what a member's followers were day by day is not read: whether it is a total or a gain is not said",
    "no quota is told in headers: outside the development tier it shows only when it is used up",
];

const ENDPOINTS: [Endpoint; 16] = [
    FOLLOWER_COUNT,
    FOLLOWER_GAINS,
    AUDIENCE_FACETS,
    SHARES_BY_DAY,
    SHARE_TOTALS,
    PAGE_BY_DAY,
    PAGE_LIFETIME,
    POST_LIST,
    POSTS_OF_SHARES,
    POSTS_OF_UGC,
    REACTION_COUNTS,
    VIDEO_NUMBERS,
    MEMBER_FOLLOWER_COUNT,
    MEMBER_BY_DAY,
    MEMBER_POST_TOTALS,
    MEMBER_VIDEO_TOTALS,
];

const DAYS_READY: Lag = Lag { days: 2, hour: 0, zone: UTC };

/// The present state of a page.
const fn state(name: &'static str, title: &'static str) -> Endpoint {
    Endpoint {
        page_size: 0,
        token: Some(ADMIN),
        retention_days: Some(KEEP_STATISTICS),
        ..Endpoint::new(name, title, Shape::Snapshot)
    }
}

/// UTC days: a year of them in one call, two days late.
const fn days(name: &'static str, title: &'static str) -> Endpoint {
    Endpoint {
        shape: Shape::Windows { max_days: YEAR },
        earliest: Earliest::DaysBack(YEAR),
        lag: DAYS_READY,
        lookback_days: LOOKBACK,
        ..state(name, title)
    }
}

/// Numbers of posts, daily in their first month and weekly in the next two.
const fn batch(name: &'static str, title: &'static str, ids_begin: &'static str) -> Endpoint {
    let shape = Shape::Batch { max: POSTS_PAGE, ages: POST_AGES, refresh: &[(31, 1), (u16::MAX, 7)] };
    Endpoint { shape, ids_begin, retention_days: Some(KEEP_SOCIAL), ..state(name, title) }
}

const FOLLOWER_COUNT: Endpoint = Endpoint {
    source: "https://learn.microsoft.com/linkedin/marketing/community-management/organizations/organization-lookup-api",
    fields: &[account("followers_total", "/firstDegreeSize", Traffic::Total, WindowKind::At)],
    ..state(FOLLOWERS, "followers now")
};

const FOLLOWER_GAINS: Endpoint = Endpoint {
    source: "https://learn.microsoft.com/linkedin/marketing/community-management/organizations/follower-statistics",
    fields: &[
        day("follows_gained", "/followerGains/organicFollowerGain", Traffic::Organic).note(GROSS_OR_NET),
        day("follows_gained", "/followerGains/paidFollowerGain", Traffic::Paid).note(GROSS_OR_NET),
        day(
            "follows_gained",
            "/followerGains/organicFollowerGain + /followerGains/paidFollowerGain",
            Traffic::Total,
        )
        .note(GROSS_OR_NET),
    ],
    ..days(FOLLOWER_DAYS, "followers gained by day, organic and paid")
};

const GROSS_OR_NET: &str = "gross or net is not said";

const AUDIENCE_FACETS: Endpoint = Endpoint {
    source: "https://learn.microsoft.com/linkedin/marketing/community-management/organizations/follower-statistics",
    every_days: 7,
    fields: &[
        follower_facet("association"),
        follower_facet("seniority"),
        follower_facet("job_function"),
        follower_facet("industry"),
        follower_facet("company_size"),
        follower_facet("country"),
        follower_facet("location"),
    ],
    ..state(AUDIENCE, "followers by what they are and where; a hundred values each")
};

const SHARES_BY_DAY: Endpoint = Endpoint {
    source: "https://learn.microsoft.com/linkedin/marketing/community-management/organizations/share-statistics",
    fields: &SHARE_DAY_FIELDS,
    ..days(SHARE_DAYS, "what all posts of the page earned, by day")
};

const SHARE_TOTALS: Endpoint = Endpoint {
    source: "https://learn.microsoft.com/linkedin/marketing/community-management/organizations/share-statistics",
    every_days: 7,
    fields: &SHARE_TOTAL_FIELDS,
    ..state(TOTALS, "what all posts of the page ever earned; mentions")
};

const PAGE_BY_DAY: Endpoint = Endpoint {
    source: "https://learn.microsoft.com/linkedin/marketing/community-management/organizations/page-statistics",
    fields: &PAGE_DAY_FIELDS,
    ..days(PAGE_DAYS, "views and visitors of the page by day, by device and section; clicks on its button")
};

const PAGE_LIFETIME: Endpoint = Endpoint {
    source: "https://learn.microsoft.com/linkedin/marketing/community-management/organizations/page-statistics",
    every_days: 7,
    fields: &[
        page_facet("range"),
        page_facet("seniority"),
        page_facet("job_function"),
        page_facet("industry"),
        page_facet("company_size"),
        page_facet("country"),
        page_facet("location"),
    ],
    ..state(PAGE_TOTALS, "views that the page ever had, by what visitors are and where")
};

const POST_LIST: Endpoint = Endpoint {
    source: "https://learn.microsoft.com/linkedin/marketing/community-management/shares/posts-api",
    page_size: POSTS_PAGE,
    lookback_days: 1,
    retention_days: Some(KEEP_SOCIAL),
    personal: true,
    ..Endpoint {
        shape: Shape::Listing { published_within_days: Some(VIDEO_DAYS_BACK) },
        ..state(POSTS, "posts in the order of change")
    }
};

const POSTS_OF_SHARES: Endpoint = Endpoint {
    source: "https://learn.microsoft.com/linkedin/marketing/community-management/organizations/share-statistics",
    fields: &POST_FIELDS,
    ..batch(SHARE_POSTS, "what posts so far earned: those that LinkedIn names shares", "urn:li:share:")
};

const POSTS_OF_UGC: Endpoint = Endpoint {
    source: "https://learn.microsoft.com/linkedin/marketing/community-management/organizations/share-statistics",
    fields: &POST_FIELDS,
    ..batch(
        UGC_POSTS,
        "what posts so far earned: those that LinkedIn names ugcPosts, videos above all",
        "urn:li:ugcPost:",
    )
};

const REACTION_COUNTS: Endpoint = Endpoint {
    source: "https://learn.microsoft.com/linkedin/marketing/community-management/shares/social-metadata-api",
    capability: Some("r_organization_social_feed in the standard tier"),
    fields: &[
        post("reactions", "", Traffic::Total, WindowKind::At).note("added up over all kinds"),
        post("reactions", "", Traffic::Total, WindowKind::At)
            .segment("reaction")
            .note("`count` of each kind"),
        post("comments", "/commentSummary/count", Traffic::Total, WindowKind::At).note("replies included"),
    ],
    ..batch(REACTIONS, "reactions of posts by kind, and comments, as everybody sees them", "")
};

const VIDEO_NUMBERS: Endpoint = Endpoint {
    source: "https://learn.microsoft.com/linkedin/marketing/community-management/shares/video-analytics-api",
    page_size: POSTS_PAGE,
    earliest: Earliest::DaysBack(VIDEO_DAYS_BACK),
    capability: Some("videos = \"totals\" or \"days\" in [platform.linkedin]"),
    retention_days: Some(KEEP_SOCIAL),
    personal: true,
    final_after: Some(LOOKBACK),
    fields: &VIDEO_TOTALS,
    ..Endpoint {
        shape: Shape::Listing { published_within_days: Some(30) },
        ..state(VIDEOS, "plays, watch time and viewers of the videos of the last month")
    }
};

const MEMBER_ACCOUNT: Option<&str> = Some("a member's own account, r_member_postAnalytics");

const MEMBER_FOLLOWER_COUNT: Endpoint = Endpoint {
    source: "https://learn.microsoft.com/linkedin/marketing/community-management/members/follower-statistics",
    token: Some(MEMBER),
    capability: Some("a member's own account, r_member_profileAnalytics"),
    fields: &[account("followers_total", "/memberFollowersCount", Traffic::Total, WindowKind::At)],
    ..state(MEMBER_FOLLOWERS, "followers of a person now")
};

const MEMBER_BY_DAY: Endpoint = Endpoint {
    source: "https://learn.microsoft.com/linkedin/marketing/community-management/members/post-statistics",
    token: Some(MEMBER),
    capability: MEMBER_ACCOUNT,
    fields: &[
        day("impressions", "/count", Traffic::Total),
        day("shares", "/count", Traffic::Total),
        day("reactions", "/count", Traffic::Total),
        day("comments", "/count", Traffic::Total),
        day("saves", "/count", Traffic::Total),
        day("link_shares", "/count", Traffic::Total).note("sent in messages"),
        day("link_clicks", "/count", Traffic::Total),
        day("follows_gained", "/count", Traffic::Total).segment("source").note("that came from posts"),
        day("profile_visits", "/count", Traffic::Total).segment("source").note("that came from posts"),
    ],
    ..days(MEMBER_DAYS, "what all posts of a person earned, by day")
};

const MEMBER_POST_TOTALS: Endpoint = Endpoint {
    source: "https://learn.microsoft.com/linkedin/marketing/community-management/members/post-statistics",
    token: Some(MEMBER),
    capability: MEMBER_ACCOUNT,
    fields: &[
        post("impressions", "/count", Traffic::Total, WindowKind::At),
        post("reach", "/count", Traffic::Total, WindowKind::At),
        post("shares", "/count", Traffic::Total, WindowKind::At),
        post("reactions", "/count", Traffic::Total, WindowKind::At),
        post("comments", "/count", Traffic::Total, WindowKind::At),
        post("saves", "/count", Traffic::Total, WindowKind::At),
        post("link_shares", "/count", Traffic::Total, WindowKind::At).note("sent in messages"),
        post("link_clicks", "/count", Traffic::Total, WindowKind::At),
        post("follows_gained", "/count", Traffic::Total, WindowKind::At),
        post("profile_visits", "/count", Traffic::Total, WindowKind::At)
            .segment("source")
            .note("that came from the post"),
    ],
    ..Endpoint {
        shape: EACH_MEMBER_POST,
        ..batch(MEMBER_POSTS, "what known posts of a person so far earned", "urn:li:")
    }
};

const MEMBER_VIDEO_TOTALS: Endpoint = Endpoint {
    source: "https://learn.microsoft.com/linkedin/marketing/community-management/members/video-statistics",
    token: Some(MEMBER),
    capability: MEMBER_ACCOUNT,
    fields: &[
        post("video_plays", "/count", Traffic::Total, WindowKind::At).note("at least two seconds"),
        post("viewers", "/count", Traffic::Total, WindowKind::At),
        post("watch_time_s", "/count", Traffic::Total, WindowKind::At).real(-3).note(MILLISECONDS),
    ],
    ..Endpoint {
        shape: EACH_MEMBER_POST,
        ..batch(MEMBER_VIDEOS, "plays, viewers and watch time of known videos of a person", "urn:li:ugcPost:")
    }
};

/// One metric of one post a call: so weekly, and only the newest.
const EACH_MEMBER_POST: Shape = Shape::Batch { max: 1, ages: (0, 31), refresh: &[(3, 1), (u16::MAX, 7)] };

const MILLISECONDS: &str = "milliseconds";

const fn account(metric: &'static str, pointer: &'static str, traffic: Traffic, window: WindowKind) -> Field {
    Field::new(metric, pointer, SubjectKind::Account, window, traffic)
}

const fn day(metric: &'static str, pointer: &'static str, traffic: Traffic) -> Field {
    account(metric, pointer, traffic, WindowKind::Day)
}

const fn post(metric: &'static str, pointer: &'static str, traffic: Traffic, window: WindowKind) -> Field {
    Field::new(metric, pointer, SubjectKind::Post, window, traffic)
}

const fn follower_facet(dimension: &'static str) -> Field {
    account("audience_users", "/followerCounts/organicFollowerCount", Traffic::Total, WindowKind::At)
        .segment(dimension)
        .note("all followers; LinkedIn's paid count stays zero")
}

const fn page_facet(dimension: &'static str) -> Field {
    account("profile_visits", "/views/allPageViews/pageViews", Traffic::Total, WindowKind::At)
        .segment(dimension)
}

/// The numbers of `totalShareStatistics`. The ratio `engagement` follows from them and is not kept.
const fn share_fields(subject: SubjectKind, window: WindowKind) -> [Field; 6] {
    [
        share_field("impressions", "/totalShareStatistics/impressionCount", subject, window),
        share_field("reach", "/totalShareStatistics/uniqueImpressionsCount", subject, window),
        share_field("all_clicks", "/totalShareStatistics/clickCount", subject, window)
            .note("on content, name or logo"),
        share_field("likes", "/totalShareStatistics/likeCount", subject, window),
        share_field("comments", "/totalShareStatistics/commentCount", subject, window),
        share_field("shares", "/totalShareStatistics/shareCount", subject, window),
    ]
}

const fn share_field(
    metric: &'static str,
    pointer: &'static str,
    subject: SubjectKind,
    window: WindowKind,
) -> Field {
    Field::new(metric, pointer, subject, window, Traffic::Organic)
}

static SHARE_DAY_FIELDS: [Field; 6] = share_fields(SubjectKind::Account, WindowKind::Day);
static POST_FIELDS: [Field; 6] = share_fields(SubjectKind::Post, WindowKind::At);

const LIFETIME_FIELDS: [Field; 6] = {
    let mut fields = share_fields(SubjectKind::Account, WindowKind::At);
    let mut i = 0;
    while i < fields.len() {
        fields[i] = fields[i].segment("range");
        i += 1;
    }
    fields
};
static SHARE_TOTAL_FIELDS: [Field; 7] = Field::table(&[
    &LIFETIME_FIELDS,
    &[account(
        "mentions",
        "/totalShareStatistics/shareMentionsCount + /totalShareStatistics/commentMentionsCount",
        Traffic::Total,
        WindowKind::At,
    )
    .note("in posts and in comments")],
]);

/// Views of a part of the page, and the people who came.
macro_rules! part {
    ($key:literal, $dimension:literal) => {
        [
            day("profile_visits", concat!("/views/", $key, "/pageViews"), Traffic::Total).segment($dimension),
            day("profile_visit_users", concat!("/views/", $key, "/uniquePageViews"), Traffic::Total)
                .segment($dimension),
        ]
    };
}

static PAGE_DAY_FIELDS: [Field; 24] = Field::table(&[
    &part!("allPageViews", ""),
    &part!("allDesktopPageViews", "device"),
    &part!("allMobilePageViews", "device"),
    &part!("overviewPageViews", "page_section"),
    &part!("jobsPageViews", "page_section"),
    &part!("aboutPageViews", "page_section"),
    &part!("careersPageViews", "page_section"),
    &part!("lifeAtPageViews", "page_section"),
    &part!("peoplePageViews", "page_section"),
    &part!("insightsPageViews", "page_section"),
    &part!("productsPageViews", "page_section"),
    &[
        day("link_clicks", "/count", Traffic::Total).segment("mobile_button").note("the page's own button"),
        day("link_clicks", "/count", Traffic::Total).segment("desktop_button").note("the page's own button"),
    ],
]);

const fn video_fields(window: WindowKind) -> [Field; 3] {
    [
        post("video_plays", "/value", Traffic::Organic, window)
            .note("at least three seconds; loops count once"),
        post("watch_time_s", "/value", Traffic::Organic, window)
            .real(-3)
            .definition(OF_PLAYS)
            .note("milliseconds; of the plays that count, so that it divides by them"),
        post("viewers", "/value", Traffic::Organic, window).note("with video_viewers = true"),
    ]
}

/// Watch time as LinkedIn gives it for the plays that count.
pub(crate) const OF_PLAYS: &str = "of_video_views";

static VIDEO_TOTALS: [Field; 3] = video_fields(WindowKind::At);
static VIDEO_DAYS: [Field; 3] = video_fields(WindowKind::Day);
