//! What Instagram offers, as tables: endpoints, spans, limits, tokens, and which number is which metric.

use kepi_core::{
    Descriptor, Endpoint, Field, Placement, Quota, Shape, SubjectKind, TokenFlow, TokenKind, Traffic,
    WindowKind,
    credential::Refresh,
    descriptor::{Earliest, Lag, Reset, Scope},
};

use crate::config::{InstagramConfig, Login, WatchTime};

/// The names of the endpoints, which are the names of their streams.
pub(crate) const MEDIA: &str = "media";
pub(crate) const OLDER_MEDIA: &str = "older_media";
pub(crate) const STORIES: &str = "stories";
pub(crate) const REACH: &str = "reach";
pub(crate) const ACCOUNT_DAYS: &str = "account_days";
pub(crate) const FOLLOWS: &str = "follows";
pub(crate) const FOLLOWERS: &str = "followers";
pub(crate) const ENGAGED: &str = "engaged";
pub(crate) const SPLITS: &str = "account_splits";
pub(crate) const FOUR_WEEKS: &str = "four_weeks";
pub(crate) const MENTIONS: &str = "mentions";
pub(crate) const WATCHED: &str = "watched";

/// The kind of token.
pub(crate) const USER: &str = "user";

/// The zone of Instagram's days.
pub(crate) const PACIFIC: &str = "America/Los_Angeles";

/// Media that one page of a list holds, and ids that one call takes.
pub(crate) const PAGE: u16 = 50;

/// Tags that one page of their list holds.
pub(crate) const TAGS_PAGE: u16 = 100;

/// A list of media ends after so many.
pub(crate) const LIST_CAP: u32 = 10_000;

/// Media are listed, and so read again each day, for so many days after they were published.
pub(crate) const LISTED_DAYS: u16 = 90;

/// Days of an account may change for so long.
const LOOKBACK: u16 = 3;

/// So many days later, follows and unfollows of a day are there, and what may change has changed.
pub(crate) const SETTLED: u8 = 3;

/// `follower_count` reaches back so many days.
pub(crate) const FOLLOWER_COUNT_DAYS: i32 = 30;

/// Days of the total of four weeks.
pub(crate) const WEEKS_DAYS: i32 = 28;

/// Tags are counted for so many days.
const TAGGED_DAYS: u16 = 7;

/// The definition of actions on the profile as the account's days count them.
pub(crate) const CONTACT_BUTTONS: &str = "contact_buttons";

/// One number of the insights: Instagram's name of it, and the metric that it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Insight {
    pub(crate) name: &'static str,
    pub(crate) field: Field,
}

/// Names and metrics of insights that stand at one pointer, with Instagram's name as the note.
macro_rules! insights {
    ($pointer:literal, $of:ident, $window:ident, $traffic:ident:
     $($name:literal => $metric:literal $(.$with:ident($argument:expr))*),* $(,)?) => {
        [$(Insight {
            name: $name,
            field: Field::new($metric, $pointer, SubjectKind::$of, WindowKind::$window, Traffic::$traffic)
                .note(concat!("`", $name, "`")) $(.$with($argument))*,
        }),*]
    };
}

/// What all kinds of media have.
pub(crate) const COMMON: [Insight; 8] = insights!("/values/0/value", Post, At, Organic:
    "reach" => "reach",
    "views" => "views",
    "likes" => "likes",
    "comments" => "comments",
    "saved" => "saves",
    "shares" => "shares",
    "total_interactions" => "interactions",
    "reposts" => "reposts",
);

/// What posts in the feed have beside.
pub(crate) const OF_POSTS: [Insight; 3] = insights!("/values/0/value", Post, At, Organic:
    "follows" => "follows_gained",
    "profile_visits" => "profile_visits",
    "profile_activity" => "profile_actions",
);

/// What reels have beside.
pub(crate) const fn of_reels(watch_time: WatchTime) -> [Insight; 3] {
    let exponent = match watch_time {
        WatchTime::Milliseconds => -3,
        WatchTime::Seconds => 0,
    };
    insights!("/values/0/value", Post, At, Organic:
        "ig_reels_avg_watch_time" => "avg_view_duration_s".real(exponent),
        "ig_reels_video_view_total_time" => "watch_time_s".real(exponent),
        "reels_skip_rate" => "skip_rate_3s".real(-2),
    )
}

/// What stories have. The last is there with Facebook Login only.
pub(crate) const OF_STORIES: [Insight; 11] = insights!("/values/0/value", Post, At, Organic:
    "reach" => "reach",
    "views" => "views",
    "shares" => "shares",
    "total_interactions" => "interactions",
    "reposts" => "reposts",
    "replies" => "story_replies",
    "navigation" => "story_navigations",
    "follows" => "follows_gained",
    "profile_visits" => "profile_visits",
    "profile_activity" => "profile_actions",
    "link_clicks" => "link_clicks",
);

/// The insights of stories that a login has.
pub(crate) fn of_stories(login: Login) -> &'static [Insight] {
    match login {
        Login::Facebook => &OF_STORIES,
        Login::Instagram => OF_STORIES.get(..10).unwrap_or(&OF_STORIES),
    }
}

/// The series by day.
pub(crate) const BY_DAY: [Insight; 2] = insights!("/value", Account, Day, Total:
    "reach" => "reach",
    "follower_count" => "follows_gained",
);

/// Totals of a day.
pub(crate) const OF_A_DAY: [Insight; 12] = insights!("/total_value/value", Account, Day, Total:
    "views" => "views",
    "accounts_engaged" => "engaged_users",
    "total_interactions" => "interactions",
    "likes" => "likes",
    "comments" => "comments",
    "shares" => "shares",
    "saves" => "saves",
    "replies" => "story_replies",
    "reposts" => "reposts",
    "profile_links_taps" => "profile_actions".definition(CONTACT_BUTTONS),
    "profile_views" => "profile_visits",
    "website_clicks" => "link_clicks",
);

/// Those of a day whose removal was announced.
pub(crate) const RETIRING: [&str; 2] = ["profile_views", "website_clicks"];

/// People of four weeks.
pub(crate) const OF_FOUR_WEEKS: [Insight; 2] = insights!("/total_value/value", Account, Period, Total:
    "reach" => "reach",
    "accounts_engaged" => "engaged_users",
);

/// What a day has by kind of media.
pub(crate) const BY_KIND: [Insight; 7] = insights!("/value", Account, Day, Organic:
    "reach" => "reach".segment("media_product_type"),
    "views" => "views".segment("media_product_type"),
    "total_interactions" => "interactions".segment("media_product_type"),
    "likes" => "likes".segment("media_product_type"),
    "comments" => "comments".segment("media_product_type"),
    "shares" => "shares".segment("media_product_type"),
    "saves" => "saves".segment("media_product_type"),
);

/// What a day has by who follows.
pub(crate) const BY_FOLLOWING: [Insight; 2] = insights!("/value", Account, Day, Total:
    "reach" => "reach".segment("follow_type"),
    "views" => "views".segment("follow_type"),
);

/// What a day has by contact button.
pub(crate) const BY_BUTTON: [Insight; 1] = insights!("/value", Account, Day, Total:
    "profile_links_taps" => "profile_actions".segment("contact_button_type").definition(CONTACT_BUTTONS),
);

/// Follows and unfollows of a day.
pub(crate) const FOLLOWS_AND_UNFOLLOWS: &str = "follows_and_unfollows";

/// The breakdowns that people are asked for by.
pub(crate) const GROUPS: [&str; 3] = ["age,gender", "country", "city"];

/// What Instagram offers under these settings.
pub(crate) fn descriptor(config: &InstagramConfig) -> Descriptor {
    Descriptor {
        platform: "instagram",
        title: "Instagram",
        day_zone: Some(PACIFIC),
        traffic_order: &[Traffic::Organic, Traffic::Total],
        tokens: match config.login {
            Login::Instagram => &INSTAGRAM_LOGIN,
            Login::Facebook => &FACEBOOK_LOGIN,
        },
        settings_schema: || schemars::schema_for!(InstagramConfig).to_value(),
        endpoints: match (config.login, config.watch_time) {
            (Login::Instagram, WatchTime::Milliseconds) => &INSTAGRAM_MILLISECONDS,
            (Login::Instagram, WatchTime::Seconds) => &INSTAGRAM_SECONDS,
            (Login::Facebook, WatchTime::Milliseconds) => &FACEBOOK_MILLISECONDS,
            (Login::Facebook, WatchTime::Seconds) => &FACEBOOK_SECONDS,
        },
        check_calls: 1,
        known_gaps: &KNOWN_GAPS,
    }
}

static INSTAGRAM_LOGIN: [TokenKind; 1] = [TokenKind {
    name: USER,
    title: "consent of the account's owner by Instagram Login",
    placement: Placement::Query("access_token"),
    flow: TokenFlow::AuthorizationCode {
        authorize_url: concat!(
            "https://www.instagram.com/oauth/authorize?response_type=code&client_id={client_id}",
            "&redirect_uri={redirect_uri}&state={state}&scope={scopes}"
        ),
        pkce: false,
        refresh: Refresh::Exchange,
    },
    service_account: false,
    lifetime_secs: Some(LONG_LIFE_SECS),
    scopes: &["instagram_business_basic", "instagram_business_manage_insights"],
}];

static FACEBOOK_LOGIN: [TokenKind; 1] = [TokenKind {
    name: USER,
    title: "consent of a person with a role on the linked Page by Facebook Login, or a system user's token",
    placement: Placement::Query("access_token"),
    flow: TokenFlow::AuthorizationCode {
        authorize_url: concat!(
            "https://www.facebook.com/v25.0/dialog/oauth?response_type=code&client_id={client_id}",
            "&redirect_uri={redirect_uri}&state={state}&scope={scopes}"
        ),
        pkce: false,
        refresh: Refresh::Exchange,
    },
    service_account: false,
    lifetime_secs: Some(LONG_LIFE_SECS),
    scopes: &["instagram_basic", "instagram_manage_insights", "pages_read_engagement", "pages_show_list"],
}];

/// Sixty days.
const LONG_LIFE_SECS: u32 = 5_184_000;

static KNOWN_GAPS: [&str; 13] = [
    "only business and creator accounts; accounts of others need Advanced Access (app review)",
    "followers are a snapshot: no history; accounts under 100 followers have no follows and no audience groups",
    "posts have no days: a day of a post is the difference of two readings",
    "no impressions (gone since April 2025; views have taken their place) and no completion rate of videos",
    "reach and engaged accounts of several days overlap; they are never added up",
    "media published before the account became a business account have no insights",
    "stories have no numbers with fewer than five viewers, and none after 24 hours: read them twice a day",
    "children of carousels have no insights, and cross-posted views are not asked for",
    "mentions are photo tags only: @mentions in captions and comments come by webhook alone",
    "the words of comments, live video and hours at which followers are online are not read",
    "of watched accounts the newest 50 posts are read, without their words; with Instagram Login none can be watched",
    "hashtags are not searched: 30 in a week for an account, posts of one day only, and Public Content Access is needed",
    "stories of creators in Europe and Japan tell no replies: they are always 0",
];

static INSTAGRAM_MILLISECONDS: [Endpoint; 12] = endpoints(&MEDIA_MILLISECONDS, &OLDER_FIELDS, &STORY_FIELDS);
static INSTAGRAM_SECONDS: [Endpoint; 12] = endpoints(&MEDIA_SECONDS, &OLDER_FIELDS, &STORY_FIELDS);
static FACEBOOK_MILLISECONDS: [Endpoint; 12] =
    endpoints(&PAGE_MEDIA_MILLISECONDS, &PAGE_OLDER_FIELDS, &PAGE_STORY_FIELDS);
static FACEBOOK_SECONDS: [Endpoint; 12] =
    endpoints(&PAGE_MEDIA_SECONDS, &PAGE_OLDER_FIELDS, &PAGE_STORY_FIELDS);

const fn endpoints(
    media: &'static [Field],
    older: &'static [Field],
    stories: &'static [Field],
) -> [Endpoint; 12] {
    [
        Endpoint { fields: media, ..LISTED },
        Endpoint { fields: older, ..OLDER },
        Endpoint { fields: stories, ..STORIES_OF_A_DAY },
        REACH_BY_DAY,
        TOTALS_OF_A_DAY,
        FOLLOWS_OF_A_DAY,
        FOLLOWER_GROUPS,
        ENGAGED_GROUPS,
        SPLITS_OF_A_DAY,
        TOTALS_OF_FOUR_WEEKS,
        TAGGED,
        SEEN_BY_ALL,
    ]
}

/// The limit is 4,800 calls for each time that the account's content was shown in the last 24 hours: what is
/// declared is the least that an account has whose content was shown at all. What is really left is told by
/// `X-Business-Use-Case-Usage`.
const QUOTAS: &[Quota] = &[Quota {
    pool: "instagram",
    requests: 4_800,
    interval_secs: 86_400,
    scope: Scope::Account,
    reset: Reset::Rolling,
}];

/// What is counted for the whole application: 200 calls for each of its users. What is declared is the least that
/// one has; how much is really used is told by `X-App-Usage`.
const APP_QUOTAS: &[Quota] = &[Quota {
    pool: "instagram_app",
    requests: 200,
    interval_secs: 3_600,
    scope: Scope::App,
    reset: Reset::Rolling,
}];

const fn endpoint(name: &'static str, title: &'static str, source: &'static str, shape: Shape) -> Endpoint {
    Endpoint { source, page_size: 0, quotas: QUOTAS, token: Some(USER), ..Endpoint::new(name, title, shape) }
}

/// An endpoint of the account's days.
const fn days(name: &'static str, title: &'static str, max_days: u16) -> Endpoint {
    Endpoint {
        earliest: Earliest::DaysBack(730),
        lag: Lag { days: 1, hour: 0, zone: PACIFIC },
        lookback_days: LOOKBACK,
        ..endpoint(name, title, ACCOUNT_INSIGHTS, Shape::Windows { max_days })
    }
}

const ACCOUNT_INSIGHTS: &str =
    "https://developers.facebook.com/documentation/instagram-platform/api-reference/instagram-user/insights";
const MEDIA_INSIGHTS: &str =
    "https://developers.facebook.com/documentation/instagram-platform/reference/instagram-media/insights";

const LISTED: Endpoint = Endpoint {
    page_size: PAGE,
    page_cap: Some(LIST_CAP),
    ..endpoint(
        MEDIA,
        "the account, and posts and reels of 90 days with their numbers so far",
        MEDIA_INSIGHTS,
        Shape::Listing { published_within_days: Some(LISTED_DAYS) },
    )
};

const OLDER: Endpoint = endpoint(
    OLDER_MEDIA,
    "posts and reels older than 90 days, once a month, and once a quarter in their second year",
    MEDIA_INSIGHTS,
    Shape::Batch { max: PAGE, ages: (LISTED_DAYS + 1, 730), refresh: &[(365, 30), (730, 90)] },
);

const STORIES_OF_A_DAY: Endpoint = Endpoint {
    page_size: PAGE,
    ..endpoint(
        STORIES,
        "stories of the last 24 hours with their numbers so far",
        MEDIA_INSIGHTS,
        Shape::Listing { published_within_days: Some(1) },
    )
};

const REACH_BY_DAY: Endpoint =
    Endpoint { fields: &fields(&BY_DAY), ..days(REACH, "people reached and follows begun, by day", 30) };

const TOTALS_OF_A_DAY: Endpoint =
    Endpoint { fields: &fields(&OF_A_DAY), ..days(ACCOUNT_DAYS, "what the account had on a day", 1) };

const FOLLOWS_OF_A_DAY: Endpoint = Endpoint {
    earliest: Earliest::DaysBack(360),
    lag: Lag { days: SETTLED, hour: 0, zone: PACIFIC },
    lookback_days: 1,
    capability: Some("at least 100 followers"),
    fields: &[
        day("follows_gained", "/value").note("`FOLLOWER` of `follows_and_unfollows`"),
        day("follows_lost", "/value").note("`NON_FOLLOWER` of `follows_and_unfollows`"),
    ],
    ..days(FOLLOWS, "follows begun and ended on a day", 1)
};

const FOLLOWER_GROUPS: Endpoint = Endpoint {
    every_days: 7,
    capability: Some("at least 100 followers"),
    fields: &[people("age_gender"), people("country"), people("city")],
    ..endpoint(FOLLOWERS, "followers by age and gender, country, city", ACCOUNT_INSIGHTS, Shape::Snapshot)
};

const ENGAGED_GROUPS: Endpoint = Endpoint {
    every_days: 7,
    capability: Some("at least 100 engagements in the time"),
    fields: &[people("engaged_age_gender"), people("engaged_country"), people("engaged_city")],
    ..endpoint(
        ENGAGED,
        "people who engaged, by age and gender, country, city",
        ACCOUNT_INSIGHTS,
        Shape::Snapshot,
    )
};

const SPLITS_OF_A_DAY: Endpoint = Endpoint {
    earliest: Earliest::DaysBack(360),
    lag: Lag { days: SETTLED, hour: 0, zone: PACIFIC },
    lookback_days: 1,
    fields: &SPLIT_FIELDS,
    ..days(SPLITS, "the account's day by kind of media, by follower, by contact button; ads apart", 1)
};

const TOTALS_OF_FOUR_WEEKS: Endpoint = Endpoint {
    fields: &fields(&OF_FOUR_WEEKS),
    ..endpoint(
        FOUR_WEEKS,
        "people of the last 28 settled days, each counted once",
        ACCOUNT_INSIGHTS,
        Shape::Snapshot,
    )
};

const TAGGED: Endpoint = Endpoint {
    page_size: TAGS_PAGE,
    final_after: Some(2),
    personal: true,
    fields: &[day("mentions", "").note("photos on which others tagged the account, counted")],
    ..endpoint(
        MENTIONS,
        "photo tags of the account by day",
        "https://developers.facebook.com/documentation/instagram-platform/instagram-graph-api/reference/ig-user/tags",
        Shape::Listing { published_within_days: Some(TAGGED_DAYS) },
    )
};

const SEEN_BY_ALL: Endpoint = Endpoint {
    every_days: 1,
    quotas: APP_QUOTAS,
    sees_others: true,
    capability: Some("Facebook Login, and an account that is watched"),
    fields: &SEEN_FIELDS,
    ..endpoint(
        WATCHED,
        "what everybody sees of an account: followers, and the newest 50 posts",
        "https://developers.facebook.com/documentation/instagram-platform/instagram-graph-api/reference/ig-user/business_discovery",
        Shape::Snapshot,
    )
};

const fn day(metric: &'static str, pointer: &'static str) -> Field {
    Field::new(metric, pointer, SubjectKind::Account, WindowKind::Day, Traffic::Total)
}

const fn people(dimension: &'static str) -> Field {
    Field::new("audience_users", "/value", SubjectKind::Account, WindowKind::At, Traffic::Total)
        .segment(dimension)
        .note("the 45 largest groups")
}

const fn post(metric: &'static str, pointer: &'static str, traffic: Traffic) -> Field {
    Field::new(metric, pointer, SubjectKind::Post, WindowKind::At, traffic)
}

const fn profile(metric: &'static str, pointer: &'static str) -> Field {
    Field::new(metric, pointer, SubjectKind::Account, WindowKind::At, Traffic::Total)
}

const fn fields<const N: usize>(insights: &[Insight; N]) -> [Field; N] {
    let mut fields = [day("", ""); N];
    let mut i = 0;
    while i < N {
        fields[i] = insights[i].field;
        i += 1;
    }
    fields
}

pub(crate) const PROFILE: [Field; 3] = [
    profile("followers_total", "/followers_count"),
    profile("following_total", "/follows_count"),
    profile("posts_total", "/media_count"),
];

const PLAYS: [Field; 1] = [post("video_plays", "/values/0/value", Traffic::Organic).note("`views` of reels")];

/// What stands with the media themselves, insights or not.
pub(crate) const SHOWN: [Field; 2] =
    [post("likes", "/like_count", Traffic::Organic), post("comments", "/comments_count", Traffic::Organic)];

const ACTIONS: [Field; 2] = [
    post("profile_actions", "/value", Traffic::Organic)
        .segment("action_type")
        .note("parts of `profile_activity`"),
    post("link_clicks", "/value", Traffic::Organic).note("`bio_link_clicked` of `profile_activity`"),
];

/// What stands with the media, with Facebook Login only.
pub(crate) const SHOWN_TO_PAGES: [Field; 6] = [
    post("saves", "/saved_count", Traffic::Organic),
    post("shares", "/shares_count", Traffic::Organic),
    post("reposts", "/reposts_count", Traffic::Organic),
    post("likes", "/total_like_count", Traffic::Total).note("with boosts and Facebook; Facebook Login only"),
    post("comments", "/total_comments_count", Traffic::Total)
        .note("with boosts and Facebook; Facebook Login only"),
    post("views", "/total_views_count", Traffic::Total)
        .note("videos, with boosts and Facebook; Facebook Login only"),
];

/// What everybody sees of an account, and of its posts.
pub(crate) const SEEN_PROFILE: [Field; 2] = [
    profile("followers_total", "/followers_count").note(PUBLIC),
    profile("posts_total", "/media_count").note(PUBLIC),
];
pub(crate) const SEEN_POSTS: [Field; 3] = [
    post("likes", "/like_count", Traffic::Total).note(PUBLIC),
    post("comments", "/comments_count", Traffic::Total).note(PUBLIC),
    post("views", "/view_count", Traffic::Total).note(PUBLIC),
];
const SEEN_FIELDS: [Field; 5] = Field::table(&[&SEEN_PROFILE, &SEEN_POSTS]);
const PUBLIC: &str = "as everybody sees it (provenance `public`)";

const REELS_MILLISECONDS: [Field; 3] = fields(&of_reels(WatchTime::Milliseconds));
const REELS_SECONDS: [Field; 3] = fields(&of_reels(WatchTime::Seconds));
const COMMON_FIELDS: [Field; 8] = fields(&COMMON);
const POST_FIELDS: [Field; 3] = fields(&OF_POSTS);

const fn media(reels: &[Field; 3]) -> [Field; 22] {
    Field::table(&[&PROFILE, &COMMON_FIELDS, &PLAYS, &POST_FIELDS, reels, &ACTIONS, &SHOWN])
}

const fn with_pages<const M: usize, const N: usize>(fields: &[Field; M]) -> [Field; N] {
    Field::table(&[fields, &SHOWN_TO_PAGES])
}

static MEDIA_MILLISECONDS: [Field; 22] = media(&REELS_MILLISECONDS);
static MEDIA_SECONDS: [Field; 22] = media(&REELS_SECONDS);
static PAGE_MEDIA_MILLISECONDS: [Field; 28] = with_pages(&media(&REELS_MILLISECONDS));
static PAGE_MEDIA_SECONDS: [Field; 28] = with_pages(&media(&REELS_SECONDS));

const OLDER_TABLE: [Field; 11] = Field::table(&[&COMMON_FIELDS, &PLAYS, &SHOWN]);
static OLDER_FIELDS: [Field; 11] = OLDER_TABLE;
static PAGE_OLDER_FIELDS: [Field; 17] = with_pages(&OLDER_TABLE);

const STORY_PARTS: [Field; 2] = [
    post("story_navigations", "/value", Traffic::Organic).segment("navigation").note("parts of `navigation`"),
    post("profile_actions", "/value", Traffic::Organic)
        .segment("action_type")
        .note("parts of `profile_activity`"),
];
const STORY_TABLE: [Field; 11] = fields(&OF_STORIES);
const STORY_TEN: [Field; 10] = {
    let mut ten = [day("", ""); 10];
    let mut i = 0;
    while i < ten.len() {
        ten[i] = STORY_TABLE[i];
        i += 1;
    }
    ten
};
static STORY_FIELDS: [Field; 14] = Field::table(&[&STORY_TEN, &STORY_PARTS, &SHOWN]);
static PAGE_STORY_FIELDS: [Field; 15] = Field::table(&[&STORY_TABLE, &STORY_PARTS, &SHOWN]);

const KIND_FIELDS: [Field; 7] = fields(&BY_KIND);
const FOLLOWING_FIELDS: [Field; 2] = fields(&BY_FOLLOWING);
const BUTTON_FIELDS: [Field; 1] = fields(&BY_BUTTON);
const REEL_PLAYS: [Field; 1] =
    [Field::new("video_plays", "/value", SubjectKind::Account, WindowKind::Day, Traffic::Organic)
        .note("`REELS` of `views`")];

/// Ads are the paid part of the whole, and no kind of media.
const PAID_FIELDS: [Field; 7] = {
    let mut paid = KIND_FIELDS;
    let mut i = 0;
    while i < paid.len() {
        paid[i] = Field { traffic: Traffic::Paid, segment: "", note: "the part of `AD`", ..paid[i] };
        i += 1;
    }
    paid
};
static SPLIT_FIELDS: [Field; 18] =
    Field::table(&[&KIND_FIELDS, &PAID_FIELDS, &REEL_PLAYS, &FOLLOWING_FIELDS, &BUTTON_FIELDS]);
