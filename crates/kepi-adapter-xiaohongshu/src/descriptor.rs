//! What Xiaohongshu offers, as tables: endpoints, spans, limits, tokens, and which field is which metric.

mod columns;

use kepi_core::{
    Descriptor, Endpoint, Field, Placement, Quota, Shape, SubjectKind, TokenFlow, TokenKind, Traffic,
    WindowKind,
    credential::Refresh,
    descriptor::{Lag, Reset, Scope},
};

use self::columns::{ACCOUNT, NOTE, PLAIN, WHOLE, fields};
pub(crate) use self::columns::{BASE, CORE, Column, PARTS};
use crate::config::{PugongyingHeader, XiaohongshuConfig};

/// The names of the endpoints, which are the names of their streams.
pub(crate) const ACCOUNT_TODAY: &str = "account_today";
pub(crate) const ACCOUNT_DAYS: &str = "account_days";
pub(crate) const CAMPAIGN_DAYS: &str = "campaign_days";
pub(crate) const NOTE_DAYS: &str = "note_days";
pub(crate) const CREATOR_NOTES: &str = "creator_notes";
pub(crate) const UNIT_DAYS: &str = "unit_days";
pub(crate) const CREATIVE_DAYS: &str = "creative_days";
pub(crate) const KEYWORD_DAYS: &str = "keyword_days";
pub(crate) const SPU_DAYS: &str = "spu_days";
pub(crate) const CAMPAIGN_TODAY: &str = "campaign_today";
pub(crate) const UNIT_TODAY: &str = "unit_today";
pub(crate) const CREATIVE_TODAY: &str = "creative_today";
pub(crate) const EASY_DAYS: &str = "easy_days";
pub(crate) const WIND_DAYS: &str = "wind_days";

/// The kinds of token.
pub(crate) const JUGUANG: &str = "juguang";
pub(crate) const PUGONGYING: &str = "pugongying";

/// The scope that reports need.
pub(crate) const REPORTS: &str = "report_service";

/// What the orders of creators' notes need.
pub(crate) const ORDERS: &str = "Pugongying (蒲公英)";

/// The zone of Xiaohongshu's days.
pub(crate) const BEIJING: &str = "Asia/Shanghai";

/// The hour of the next day from which kepi asks for a day. Xiaohongshu says the next day and no hour.
pub(crate) const READY_HOUR: i8 = 8;

/// Conversions are booked back to the day of the click for up to 30 days, and told the day after.
const LOOKBACK: u16 = 31;

/// The days of one call. No limit is told; so many are one call a morning.
pub(crate) const MAX_DAYS: u16 = 31;

/// The rows of a page of a report of days, and of today.
pub(crate) const DAYS_PAGE: u16 = 500;
pub(crate) const TODAY_PAGE: u16 = 100;

/// The notes of a page of Pugongying, and the days of publishing that one call takes.
pub(crate) const NOTES_PAGE: u16 = 100;
pub(crate) const NOTES_SPAN: u16 = 30;

/// Creators' notes are followed for three such spans, today included.
const NOTES_DAYS: u16 = 3 * NOTES_SPAN - 1;

/// The version of metrics that Pugongying defines in a way of its own.
pub(crate) const BY_PUGONGYING: &str = "pugongying";

/// What a row of a report tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grain {
    /// The account.
    Account,
    /// A campaign.
    Campaign,
    /// A note.
    Note,
    /// A part of the account.
    Part(&'static str),
    /// The account's delivery by another product.
    Product(&'static str),
}

/// A report of Juguang.
#[derive(Debug)]
pub(crate) struct Report {
    /// Its endpoint.
    pub endpoint: &'static str,
    /// Where it is.
    pub path: &'static str,
    /// What its rows tell of.
    pub grain: Grain,
    /// What is read of them.
    pub columns: &'static [Column],
    /// Whether it takes `columns`.
    pub chooses: bool,
    /// Whether it is of today, and not of days that are over.
    pub today: bool,
}

const DAYS: Report = Report {
    endpoint: ACCOUNT_DAYS,
    path: "/jg/data/report/offline/account",
    grain: Grain::Account,
    columns: &ACCOUNT,
    chooses: true,
    today: false,
};
const TODAY: Report = Report {
    endpoint: ACCOUNT_TODAY,
    path: "/jg/data/report/realtime/account",
    columns: &CORE,
    chooses: false,
    today: true,
    ..DAYS
};

/// The reports. Today's have `creativity` in their address where those of days have `creative`.
const ALL_REPORTS: [Report; 13] = [
    TODAY,
    DAYS,
    days_of(CAMPAIGN_DAYS, "/jg/data/report/offline/campaign", Grain::Campaign, &WHOLE),
    days_of(NOTE_DAYS, "/jg/data/report/offline/note", Grain::Note, &NOTE),
    days_of(UNIT_DAYS, "/jg/data/report/offline/unit", Grain::Part("unit"), &PLAIN),
    days_of(CREATIVE_DAYS, "/jg/data/report/offline/creative", Grain::Part("creative"), &PLAIN),
    days_of(KEYWORD_DAYS, "/jg/data/report/offline/keyword", Grain::Part("keyword"), &PLAIN),
    days_of(SPU_DAYS, "/jg/data/report/offline/spu", Grain::Part("spu"), &PLAIN),
    today_of(CAMPAIGN_TODAY, "/jg/data/report/realtime/campaign", Grain::Campaign),
    today_of(UNIT_TODAY, "/jg/data/report/realtime/unit", Grain::Part("unit")),
    today_of(CREATIVE_TODAY, "/jg/data/report/realtime/creativity", Grain::Part("creative")),
    sum_of(EASY_DAYS, "/jg/data/report/offline/easy/promotion/base", "easy"),
    sum_of(WIND_DAYS, "/wind/data/report/offline/account", "wind"),
];

const fn days_of(
    endpoint: &'static str,
    path: &'static str,
    grain: Grain,
    columns: &'static [Column],
) -> Report {
    Report { endpoint, path, grain, columns, ..DAYS }
}

const fn today_of(endpoint: &'static str, path: &'static str, grain: Grain) -> Report {
    Report { endpoint, path, grain, ..TODAY }
}

const fn sum_of(endpoint: &'static str, path: &'static str, product: &'static str) -> Report {
    Report { endpoint, path, grain: Grain::Product(product), columns: &BASE, chooses: false, ..DAYS }
}

/// The report of an endpoint.
pub(crate) fn report(endpoint: &str) -> Option<&'static Report> {
    static REPORTS: [Report; 13] = ALL_REPORTS;
    REPORTS.iter().find(|report| report.endpoint == endpoint)
}

/// What Xiaohongshu offers under these settings.
pub(crate) fn descriptor(config: &XiaohongshuConfig) -> Descriptor {
    Descriptor {
        platform: "xiaohongshu",
        title: "Xiaohongshu (RED)",
        day_zone: Some(BEIJING),
        traffic_order: &[Traffic::Total, Traffic::Organic, Traffic::Paid],
        tokens: match config.pugongying_header {
            PugongyingHeader::AccessToken => &TOKENS,
            PugongyingHeader::Authorization => &TOKENS_WITH_BEARER,
        },
        settings_schema: || schemars::schema_for!(XiaohongshuConfig).to_value(),
        endpoints: match (config.details, config.other_products) {
            (false, false) => &MAIN,
            (true, false) => &DETAILED,
            (false, true) => &MAIN_AND_OTHERS,
            (true, true) => &EVERYTHING,
        },
        check_calls: 1,
        known_gaps: &KNOWN_GAPS,
    }
}

static TOKENS: [TokenKind; 2] = tokens(Placement::Header("access-token"));
static TOKENS_WITH_BEARER: [TokenKind; 2] = tokens(Placement::Bearer);

const fn tokens(to_pugongying: Placement) -> [TokenKind; 2] {
    [
        TokenKind {
            name: JUGUANG,
            title: "the advertiser's consent to an app for Juguang (聚光): reports of paid delivery",
            placement: Placement::Header("access-token"),
            flow: consent(concat!(
                "https://ad-market.xiaohongshu.com/auth?app_id={client_id}&redirect_uri={redirect_uri}",
                "&state={state}&scope=%5B%22report_service%22%5D"
            )),
            service_account: false,
            lifetime_secs: Some(86_399),
            scopes: &[REPORTS],
        },
        TokenKind {
            name: PUGONGYING,
            title: "the brand's consent to an app for Pugongying (蒲公英): what ordered notes got",
            placement: to_pugongying,
            flow: consent(
                "https://ad-market.xiaohongshu.com/auth?app_id={client_id}&redirect_uri={redirect_uri}&state={state}",
            ),
            service_account: false,
            lifetime_secs: Some(86_399),
            scopes: &[],
        },
    ]
}

/// Both tokens change with every refresh. Scopes are asked for as a list in JSON.
const fn consent(authorize_url: &'static str) -> TokenFlow {
    TokenFlow::AuthorizationCode { authorize_url, pkce: false, refresh: Refresh::Rotating }
}

static KNOWN_GAPS: [&str; 13] = [
    "no interface tells what a brand's own notes got without money, nor its followers, visitors or mentions: the \
     creator centre's export files are imported instead",
    "the reports tell paid delivery only; likes, comments, saves and shares count for one hour after the click",
    "no reach, no watch time and no completion in the reports",
    "orders, revenue and leads of a day grow for up to 30 days, because they are booked to the day of the click",
    "of creators' notes only the sum so far is told, once a day; notes older than 90 days are asked for no more",
    "names of campaigns, units and creatives are not kept: the numbers stand under their ids",
    "search words are not read: their rows name a unit by a name that may change, so that a row cannot be known again",
    "of Easy promotion and Wind only the sums of days are read",
    "today's reports of keywords and targets, and of Easy promotion, are not read: the shape of their rows is not \
     documented, and the next day's reports tell the same",
    "searches after an ad, visits of shops and goods, carts, entries into live rooms, visits of landing pages and \
     copies of a WeChat name have no metric and are not read",
    "messages are read as leads only: what parts those opened, begun and answered is not documented",
    "of creators' notes the shares of ways to a note (imp_discovery and the like) are rates without a count and are \
     not read, nor is what a star task (小红星) did in a shop",
    "the balance of the advertising account and the orders of a shop (千帆) are not read",
];

static MAIN: [Endpoint; 5] = [TODAY_SO_FAR, BY_DAY, CAMPAIGNS_BY_DAY, NOTES_BY_DAY, ORDERED_NOTES];
static DETAILED: [Endpoint; 12] = [
    TODAY_SO_FAR,
    BY_DAY,
    CAMPAIGNS_BY_DAY,
    NOTES_BY_DAY,
    ORDERED_NOTES,
    UNITS_BY_DAY,
    CREATIVES_BY_DAY,
    KEYWORDS_BY_DAY,
    SPUS_BY_DAY,
    CAMPAIGNS_SO_FAR,
    UNITS_SO_FAR,
    CREATIVES_SO_FAR,
];
static MAIN_AND_OTHERS: [Endpoint; 7] =
    [TODAY_SO_FAR, BY_DAY, CAMPAIGNS_BY_DAY, NOTES_BY_DAY, ORDERED_NOTES, EASY_BY_DAY, WIND_BY_DAY];
static EVERYTHING: [Endpoint; 14] = [
    TODAY_SO_FAR,
    BY_DAY,
    CAMPAIGNS_BY_DAY,
    NOTES_BY_DAY,
    ORDERED_NOTES,
    UNITS_BY_DAY,
    CREATIVES_BY_DAY,
    KEYWORDS_BY_DAY,
    SPUS_BY_DAY,
    CAMPAIGNS_SO_FAR,
    UNITS_SO_FAR,
    CREATIVES_SO_FAR,
    EASY_BY_DAY,
    WIND_BY_DAY,
];

/// No limit is published; clients in use keep about a second between calls.
const PACE: [Quota; 1] =
    [Quota { pool: "app", requests: 60, interval_secs: 60, scope: Scope::App, reset: Reset::Rolling }];

const SOURCE: &str = "https://ad-market.xiaohongshu.com/docs-center?bizType=943&articleId=2738";

/// A report of days.
const fn days(name: &'static str, title: &'static str, fields: &'static [Field]) -> Endpoint {
    Endpoint {
        source: SOURCE,
        page_size: DAYS_PAGE,
        lag: Lag { days: 1, hour: READY_HOUR.cast_unsigned(), zone: BEIJING },
        lookback_days: LOOKBACK,
        // Impressions, clicks and interactions are counted anew once; conversions for as long as their window is.
        final_after: Some(2),
        quotas: &PACE,
        token: Some(JUGUANG),
        fields,
        ..Endpoint::new(name, title, Shape::Windows { max_days: MAX_DAYS })
    }
}

/// A report of today.
const fn today(name: &'static str, title: &'static str, fields: &'static [Field]) -> Endpoint {
    Endpoint {
        source: SOURCE,
        page_size: TODAY_PAGE,
        quotas: &PACE,
        token: Some(JUGUANG),
        fields,
        ..Endpoint::new(name, title, Shape::Snapshot)
    }
}

const TODAY_SO_FAR: Endpoint = today(ACCOUNT_TODAY, "paid delivery of today so far", &ACCOUNT_CORE);
const BY_DAY: Endpoint = days(ACCOUNT_DAYS, "paid delivery of the account by day", &ACCOUNT_FIELDS);
const CAMPAIGNS_BY_DAY: Endpoint = days(CAMPAIGN_DAYS, "paid delivery of campaigns by day", &CAMPAIGN_FIELDS);
const NOTES_BY_DAY: Endpoint = days(NOTE_DAYS, "paid delivery of notes by day", &NOTE_FIELDS);
const UNITS_BY_DAY: Endpoint = days(UNIT_DAYS, "paid delivery by unit and day", &UNIT_FIELDS);
const CREATIVES_BY_DAY: Endpoint = days(CREATIVE_DAYS, "paid delivery by creative and day", &CREATIVE_FIELDS);
const KEYWORDS_BY_DAY: Endpoint = days(KEYWORD_DAYS, "paid delivery by keyword and day", &KEYWORD_FIELDS);
const SPUS_BY_DAY: Endpoint = days(SPU_DAYS, "paid delivery by SPU and day", &SPU_FIELDS);
const CAMPAIGNS_SO_FAR: Endpoint =
    today(CAMPAIGN_TODAY, "paid delivery of campaigns, today so far", &CAMPAIGN_CORE);
const UNITS_SO_FAR: Endpoint = today(UNIT_TODAY, "paid delivery by unit, today so far", &UNIT_CORE);
const CREATIVES_SO_FAR: Endpoint =
    today(CREATIVE_TODAY, "paid delivery by creative, today so far", &CREATIVE_CORE);
const EASY_BY_DAY: Endpoint = Endpoint {
    capability: Some("Easy promotion (简单投)"),
    ..days(EASY_DAYS, "paid delivery by Easy promotion, by day", &EASY_FIELDS)
};
const WIND_BY_DAY: Endpoint = Endpoint {
    capability: Some("Wind (乘风)"),
    ..days(WIND_DAYS, "paid delivery by Wind, by day", &WIND_FIELDS)
};

const ORDERED_NOTES: Endpoint = Endpoint {
    source: "https://ad-market.xiaohongshu.com/docs-center?bizType=943&articleId=4417",
    page_size: NOTES_PAGE,
    quotas: &PACE,
    token: Some(PUGONGYING),
    capability: Some(ORDERS),
    personal: true,
    fields: &CREATOR_FIELDS,
    ..Endpoint::new(
        CREATOR_NOTES,
        "notes that creators wrote to order: what they have so far, organic and paid",
        Shape::Listing { published_within_days: Some(NOTES_DAYS) },
    )
};

static ACCOUNT_CORE: [Field; 9] = fields(&CORE, SubjectKind::Account, "");
static ACCOUNT_FIELDS: [Field; 28] = fields(&ACCOUNT, SubjectKind::Account, "");
static CAMPAIGN_FIELDS: [Field; 27] = fields(&WHOLE, SubjectKind::Campaign, "");
static CAMPAIGN_CORE: [Field; 9] = fields(&CORE, SubjectKind::Campaign, "");
static NOTE_FIELDS: [Field; 30] = fields(&NOTE, SubjectKind::Post, "");
static UNIT_FIELDS: [Field; 13] = fields(&PLAIN, SubjectKind::Account, "unit");
static UNIT_CORE: [Field; 9] = fields(&CORE, SubjectKind::Account, "unit");
static CREATIVE_FIELDS: [Field; 13] = fields(&PLAIN, SubjectKind::Account, "creative");
static CREATIVE_CORE: [Field; 9] = fields(&CORE, SubjectKind::Account, "creative");
static KEYWORD_FIELDS: [Field; 13] = fields(&PLAIN, SubjectKind::Account, "keyword");
static SPU_FIELDS: [Field; 13] = fields(&PLAIN, SubjectKind::Account, "spu");
static EASY_FIELDS: [Field; 3] = fields(&BASE, SubjectKind::Account, "ad_product");
static WIND_FIELDS: [Field; 3] = fields(&BASE, SubjectKind::Account, "ad_product");

const fn note(metric: &'static str, pointer: &'static str, window: WindowKind, traffic: Traffic) -> Field {
    Field::new(metric, pointer, SubjectKind::Post, window, traffic)
}

const fn share(pointer: &'static str, dimension: &'static str) -> Field {
    note("audience_share", pointer, WindowKind::At, Traffic::Total).real(-2).segment(dimension)
}

const fn interest(pointer: &'static str) -> Field {
    note("interest_users", pointer, WindowKind::At, Traffic::Total).segment("source")
}

/// What a creator's note has so far: at the instant of reading, and from publishing to the day it is told for.
const fn so_far(window: WindowKind) -> [Field; 17] {
    [
        note("impressions", "/imp_num", window, Traffic::Total),
        note("views", "/read_num", window, Traffic::Total),
        note("viewers", "/read_uv", window, Traffic::Total),
        note("likes", "/like_num", window, Traffic::Total),
        note("saves", "/fav_num", window, Traffic::Total),
        note("comments", "/cmt_num", window, Traffic::Total),
        note("shares", "/share_num", window, Traffic::Total),
        note("platform_engagements", "/engage_num", window, Traffic::Total).definition(BY_PUGONGYING),
        note("platform_engagement_rate", "/engage_rate", window, Traffic::Total)
            .real(-2)
            .definition(BY_PUGONGYING),
        note("avg_view_duration_s", "/avg_view_time", window, Traffic::Total).real(0),
        note("completion_rate", "/finish_rate", window, Traffic::Total).real(-2),
        note("completion_rate_5s", "/video_play_5s_rate", window, Traffic::Total).real(-2),
        note("interest_users", "/interest_num", window, Traffic::Total),
        note("impressions", "/origin_imp_num", window, Traffic::Organic),
        note("views", "/origin_read_num", window, Traffic::Organic),
        note("impressions", "/promotion_imp_num + /heat_imp_num", window, Traffic::Paid)
            .note("promoted and heated together"),
        note("views", "/promotion_read_num + /heat_read_num", window, Traffic::Paid)
            .note("promoted and heated together"),
    ]
}

const SO_FAR_AT: [Field; 17] = so_far(WindowKind::At);
const SO_FAR_PERIOD: [Field; 17] = so_far(WindowKind::Period);
const NOTE_PARTS: [Field; 21] = [
    interest("/feed_interest_num"),
    interest("/search_interest_num"),
    interest("/other_interest_num"),
    share("/female_percent", "gender"),
    share("/male_percent", "gender"),
    share("/age1_percent", "age"),
    share("/age2_percent", "age"),
    share("/age3_percent", "age"),
    share("/age4_percent", "age"),
    share("/age5_percent", "age"),
    share("/province_top1_rate", "province"),
    share("/province_top2_rate", "province"),
    share("/province_top3_rate", "province"),
    share("/interest_top1_rate", "interest"),
    share("/interest_top2_rate", "interest"),
    share("/interest_top3_rate", "interest"),
    share("/phone_top1_rate", "device"),
    share("/phone_top2_rate", "device"),
    share("/phone_top3_rate", "device"),
    price("/kol_price"),
    price("/total_platform_price"),
];
static CREATOR_FIELDS: [Field; 55] = Field::table(&[&SO_FAR_AT, &NOTE_PARTS, &SO_FAR_PERIOD]);

const fn price(pointer: &'static str) -> Field {
    note("spend", pointer, WindowKind::At, Traffic::Paid)
        .real(0)
        .segment("cost")
        .note("only where `creator_prices` says what it is counted in")
}
