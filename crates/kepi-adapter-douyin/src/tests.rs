//! The cases of Douyin that the shared contract does not know: what is asked, how often, and how little.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan, civil::Date};
use kepi_core::{
    AccountRef, Adapter, Body, Cursor, DateSpan, Decoder, ErrorKind, Field, Grant, Job, Method, Notice, Page,
    PostRef, Request, Response, Window,
    http::{Payload, Text},
    period::add_days,
    plan::{KnownPost, PlanInput, PlannedJob, plan},
};
use serde_json::{Value, json};

use crate::{
    Conversions, DouyinAdapter, DouyinConfig, NewFans, VideoSeriesDays, VideosPerCall,
    descriptor::{
        ACCOUNT_COMMENTS, ACCOUNT_FANS, ACCOUNT_LIKES, ACCOUNT_PLAYS, ACCOUNT_SHARES, ACCOUNT_VISITORS,
        AD_DAYS, BOUND_ACCOUNTS, ENTERPRISE_DAYS, ENTERPRISE_SOURCES, ENTERPRISE_VIDEOS, FAN_PORTRAIT,
        FAN_SOURCES, OLDER_VIDEOS, PROFILE, PROMOTION_DAYS, VIDEO_DAYS, VIDEOS,
    },
};

kepi_testkit::contract!(DouyinAdapter::from_settings, sample());

/// Settings of which each is set.
fn sample() -> Value {
    json!({
        "base_url": "https://open.douyin.com",
        "ocean_base_url": "https://ad.oceanengine.com",
        "report_base_url": "https://api.oceanengine.com",
        "videos_per_call": 10,
        "new_fans": "gained",
        "video_days": true,
        "video_series_days": 15,
        "advertisers": {"douyin/nordlicht": "1700000000000001", "douyin/shop": "1700000000000002"},
        "enterprise_open_ids": {"douyin/shop": "ocean-0000-0001"},
        "enterprise_without": [],
        "conversions": "conversion_day",
    })
}

const OPEN_ID: &str = "00000000-aaaa-bbbb-cccc-000000000001";

/// Noon in Beijing.
fn now() -> Timestamp {
    "2026-10-11T04:00:00Z".parse().unwrap()
}

fn account() -> AccountRef {
    AccountRef {
        platform_id: Some(OPEN_ID.into()),
        ..AccountRef::new("douyin/nordlicht".parse().unwrap(), "Asia/Shanghai")
    }
}

fn job(endpoint: &str) -> Job {
    let accounts = vec![account()];
    Job {
        endpoint: endpoint.into(),
        accounts,
        window: None,
        posts: Vec::new(),
        planned_at: now(),
        refused: Vec::new(),
        input: None,
    }
}

fn days(start: &str, last: &str) -> Option<DateSpan> {
    Some(DateSpan::new(start.parse().unwrap(), add_days(last.parse().unwrap(), 1)))
}

fn video(number: usize, published_at: Timestamp) -> PostRef {
    PostRef { account: account().id, id: id(number).into(), published_at: Some(published_at) }
}

fn id(number: usize) -> String {
    format!("{}", 7_500_000_000_000_000_000_u64 + number as u64)
}

fn config() -> DouyinConfig {
    serde_json::from_value(sample()).unwrap()
}

fn adapter() -> DouyinAdapter {
    DouyinAdapter::new(config())
}

fn plain(text: &Text) -> &str {
    match text {
        Text::Plain(text) => text,
        Text::Secret(name) => panic!("{name} is secret"),
    }
}

fn query<'r>(request: &'r Request, key: &str) -> Option<&'r str> {
    request.query.iter().find(|(name, _)| name == key).map(|(_, text)| plain(text))
}

/// What is asked with these settings: the address without the account, and the kind of token.
fn check(config: DouyinConfig, job: &Job, cursor: Option<&str>, token: &str, expected: &str) {
    let request = DouyinAdapter::new(config).request(job, &Cursor::from_stored(cursor)).unwrap();
    assert_eq!(request.token.as_deref(), Some(token));
    assert_eq!(request.summary().replace(&format!("open_id={OPEN_ID}"), "…"), expected);
}

fn page(config: DouyinConfig, job: &Job, cursor: Option<&str>, body: &Value) -> Page {
    let body = Body::json(body.to_string(), now());
    DouyinAdapter::new(config).decode(job, &Cursor::from_stored(cursor), &body).unwrap()
}

#[test]
fn a_series_reaches_back_as_far_as_it_must() {
    for (first, span) in [
        ("2026-10-10", "7"),
        ("2026-10-04", "7"),
        ("2026-10-03", "15"),
        ("2026-09-26", "15"),
        ("2026-09-25", "30"),
        ("2026-09-11", "30"),
    ] {
        let job = Job { window: days(first, "2026-10-10"), ..job(ACCOUNT_FANS) };
        let expected = format!("GET https://open.douyin.com/data/external/user/fans/?…&date_type={span}");
        check(config(), &job, None, "user", &expected);
    }
}

/// Before eight in the morning in Beijing it is still the day before in London.
#[test]
fn days_back_are_counted_in_beijing() {
    let planned_at = "2026-10-10T17:00:00Z".parse().unwrap();
    let job = Job { window: days("2026-10-04", "2026-10-09"), planned_at, ..job(ACCOUNT_LIKES) };
    check(config(), &job, None, "user", "GET https://open.douyin.com/data/external/user/like/?…&date_type=7");
    let planned_at = "2026-10-11T17:00:00Z".parse().unwrap();
    let job = Job { planned_at, ..job };
    check(
        config(),
        &job,
        None,
        "user",
        "GET https://open.douyin.com/data/external/user/like/?…&date_type=15",
    );
}

#[test]
fn videos_are_asked_for_by_number_and_their_series_by_the_apps_own_name() {
    let posts = vec![video(1, now() - 72.hours()), video(2, now() - 72.hours())];
    let job = Job { posts, ..job(VIDEO_DAYS) };
    let first = adapter().request(&job, &Cursor::default()).unwrap();
    assert_eq!(
        (first.method, first.url.as_str()),
        (Method::Post, "https://open.douyin.com/api/douyin/v1/video/video_data/")
    );
    assert_eq!(
        first.payload,
        Payload::Json { value: json!({"video_ids": [id(1), id(2)]}), secrets: Vec::new() }
    );
    let asked = |config: DouyinConfig, of: &str, published: &str| {
        let young = json!({"video": id(1), "item": "@AbC/dEf+01==", "published": published});
        let cursor = json!({"series": {"of": of, "videos": [young]}}).to_string();
        let request = DouyinAdapter::new(config).request(&job, &Cursor::from_stored(Some(&cursor))).unwrap();
        (
            request.url.replace("https://open.douyin.com/data/external/item/", ""),
            query(&request, "date_type").map(str::to_owned),
        )
    };
    let long = DouyinConfig { video_series_days: VideoSeriesDays::Thirty, ..config() };
    assert_eq!(asked(config(), "base", "2026-10-08"), ("base/".to_owned(), None));
    for (config, published, span) in [
        (config(), "2026-10-04", "7"),
        (config(), "2026-10-03", "15"),
        (config(), "2026-09-15", "15"),
        (long.clone(), "2026-09-26", "15"),
        (long, "2026-09-25", "30"),
    ] {
        assert_eq!(asked(config, "play", published), ("play/".to_owned(), Some(span.to_owned())));
    }
}

#[test]
fn both_ids_of_an_account_may_differ_in_ocean_engine() {
    let window = days("2026-10-09", "2026-10-10");
    let ids = [("douyin/nordlicht".to_owned(), "ocean-0000-0002".to_owned())].into();
    let config = DouyinConfig {
        enterprise_open_ids: ids,
        enterprise_without: ENTERPRISE_ONLY_PLAYS.map(str::to_owned).to_vec(),
        ..config()
    };
    check(
        config,
        &Job { window, ..job(ENTERPRISE_VIDEOS) },
        Some(r#"{"rows":{"offset":200}}"#),
        "ocean",
        "GET https://ad.oceanengine.com/open_api/v1.0/enterprise/video/info/get/?advertiser_id=1700000000000001\
         &start_time=2026-10-09&end_time=2026-10-10&fields=[\"business_page_total_play\"]&time_dimension=DAILY\
         &filter={\"open_id\":\"ocean-0000-0002\"}&offset=200&limit=100",
    );
}

const ENTERPRISE_ONLY_PLAYS: [&str; 5] = [
    "business_page_play_over",
    "business_page_like",
    "business_page_comment",
    "business_page_share",
    "business_page_favourite_video_cnt",
];

#[test]
fn reports_send_their_empty_filters() {
    check(
        DouyinConfig { conversions: Conversions::SpendDay, ..config() },
        &Job { window: days("2026-09-11", "2026-10-10"), ..job(PROMOTION_DAYS) },
        Some(r#"{"page":3}"#),
        "ocean",
        "GET https://api.oceanengine.com/open_api/v3.0/report/custom/get/?advertiser_id=1700000000000001\
         &data_topic=BASIC_DATA&dimensions=[\"stat_time_day\",\"cdp_promotion_id\"]\
         &metrics=[\"stat_cost\",\"show_cnt\",\"click_cnt\",\"total_play\",\"attribution_convert_cnt\"]\
         &filters=[]&order_by=[]&start_time=2026-09-11&end_time=2026-10-10&page=3&page_size=1000",
    );
}

#[test]
fn what_cannot_be_asked_is_said() {
    let kind = |config: DouyinConfig, job: &Job, cursor: Option<&str>| {
        let request = DouyinAdapter::new(config).request(job, &Cursor::from_stored(cursor));
        request.map_err(|error| error.kind()).err()
    };
    let windowed =
        |endpoint: &str, start: &str, last: &str| Job { window: days(start, last), ..job(endpoint) };
    let bad = Some(ErrorKind::BadRequest);
    assert_eq!(kind(config(), &job("likes"), None), bad);
    assert_eq!(kind(config(), &job(ACCOUNT_FANS), None), bad);
    assert_eq!(
        kind(config(), &windowed(ACCOUNT_FANS, "2026-09-10", "2026-10-10"), None),
        bad,
        "31 days back"
    );
    assert_eq!(kind(config(), &windowed(ACCOUNT_FANS, "2026-10-11", "2026-10-11"), None), bad, "today");
    assert_eq!(kind(config(), &windowed(ENTERPRISE_DAYS, "2025-01-01", "2026-01-01"), None), bad, "366 days");
    assert_eq!(kind(config(), &windowed(AD_DAYS, "2026-09-10", "2026-10-10"), None), bad, "31 days");
    assert_eq!(kind(config(), &job(VIDEO_DAYS), None), bad);
    let eleven = (0..11).map(|number| video(number, now())).collect();
    assert_eq!(kind(config(), &Job { posts: eleven, ..job(OLDER_VIDEOS) }, None), bad);
    let nobody = Job { accounts: vec![AccountRef { platform_id: None, ..account() }], ..job(PROFILE) };
    assert_eq!(kind(config(), &nobody, None), Some(ErrorKind::BadConfig));
    let foreign = Some(ErrorKind::Store);
    for (job, cursor) in [
        (job(PROFILE), r#"{"after":3}"#),
        (job(VIDEOS), r#"{"rows":{"offset":3}}"#),
        (job(VIDEO_DAYS), r#"{"series":{"of":"play","videos":[]}}"#),
        (windowed(ACCOUNT_FANS, "2026-10-09", "2026-10-10"), r#"{"after":3}"#),
        (windowed(ENTERPRISE_DAYS, "2026-10-09", "2026-10-10"), r#"{"page":3}"#),
        (windowed(AD_DAYS, "2026-10-09", "2026-10-10"), r#"{"rows":{"offset":3}}"#),
        (job(VIDEOS), "torn"),
    ] {
        assert_eq!(kind(config(), &job, Some(cursor)), foreign, "{} at {cursor}", job.endpoint);
    }
}

/// What an account does not have is a state that names what would change it.
#[test]
fn what_is_not_set_up_is_not_offered() {
    let without = DouyinConfig { advertisers: BTreeMap::new(), video_days: false, ..config() };
    let adapter = DouyinAdapter::new(without);
    for (endpoint, hint) in [
        (BOUND_ACCOUNTS, "[platform.douyin.advertisers]"),
        (ENTERPRISE_DAYS, "\"douyin/nordlicht\" = \"ADVERTISER_ID\""),
        (PROMOTION_DAYS, "[platform.douyin.advertisers]"),
        (VIDEO_DAYS, "video_days = true"),
    ] {
        let job =
            Job { window: days("2026-10-10", "2026-10-10"), posts: vec![video(1, now())], ..job(endpoint) };
        let error = adapter.request(&job, &Cursor::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotOffered, "{endpoint}");
        assert!(error.hint_text().unwrap().contains(hint), "{error:?}");
    }
}

fn planned(
    adapter: &DouyinAdapter,
    endpoint: &str,
    range: Option<DateSpan>,
    posts: &[KnownPost],
) -> Vec<PlannedJob> {
    let descriptor = adapter.descriptor();
    let endpoint = descriptor.endpoint(endpoint).unwrap();
    let accounts = &[account()];
    plan(&PlanInput { descriptor, endpoint, accounts, now: now(), range, posts }, &|_| None).unwrap()
}

/// Douyin as it answers `known` videos, newest first, published one a day.
fn answer(request: &Request, known: usize) -> Value {
    let told = |number: usize| {
        let at = now() - (24 * number as i64 + 1).hours();
        json!({"video_id": id(number), "item_id": format!("@{number}=="), "create_time": at.as_second(),
               "statistics": {"play_count": 7}})
    };
    let path = request.url.split(".com").nth(1).unwrap();
    let data = match path {
        "/api/douyin/v1/video/video_list/" => {
            let from: usize = query(request, "cursor").unwrap().parse().unwrap();
            let until = known.min(from + query(request, "count").unwrap().parse::<usize>().unwrap());
            json!({"list": (from..until).map(told).collect::<Vec<_>>(), "cursor": until, "has_more": until < known})
        }
        "/api/douyin/v1/video/video_data/" => {
            let Payload::Json { value, .. } = &request.payload else { panic!("no JSON") };
            let ids = value["video_ids"].as_array().unwrap();
            let number =
                |id: &Value| (0..known).find(|number| self::id(*number) == id.as_str().unwrap()).unwrap();
            json!({"list": ids.iter().map(|id| told(number(id))).collect::<Vec<_>>()})
        }
        "/data/external/item/base/" => json!({"result": {"total_play": 7}}),
        "/oauth/userinfo/" => json!({"open_id": OPEN_ID, "nickname": "北极光"}),
        "/api/douyin/v1/user/fans_data/" => json!({"fans_data": {"all_fans_num": 7}}),
        _ => json!({"result_list": [], "total_count": 0}),
    };
    json!({"data": data, "extra": {"error_code": 0}})
}

/// The calls of a morning, by endpoint, for an account with so many videos, one a day, the newest of yesterday.
fn calls(config: DouyinConfig, known: usize) -> BTreeMap<&'static str, usize> {
    let adapter = DouyinAdapter::new(config);
    let posts: Vec<KnownPost> = (0..known)
        .map(|number| {
            let post = video(number, now() - (24 * number as i64 + 1).hours());
            // The list of the same morning has read the young ones a moment ago, the older ones a week ago.
            let last_observed = Some(if number < 30 { now() } else { now() - (24 * 7).hours() });
            KnownPost { post, last_observed }
        })
        .collect();
    let mut calls = BTreeMap::new();
    for endpoint in adapter.descriptor().endpoints {
        for planned in planned(&adapter, endpoint.name, None, &posts) {
            let asked = &mut |request: &Request| {
                *calls.entry(endpoint.name).or_insert(0) += 1;
                let body = answer(request, known).to_string().into_bytes();
                Response { status: 200, headers: Vec::new(), body, received_at: now() }
            };
            kepi_testkit::drive(&adapter, &planned.job, planned.cursor, asked).unwrap();
        }
    }
    calls
}

/// The six series, the name, the fans, a page for every ten videos of the last thirty days; for the days of
/// videos the names in tens and five calls for each that is due: seven of the last week, 11, 16, 21, 26, and those
/// of 28 and 29 days. Older ones in tens, weekly until 90 days.
#[test]
fn a_morning_takes_the_fewest_calls() {
    let calls_of = |config| calls(config, 120);
    let once = [
        PROFILE,
        ACCOUNT_PLAYS,
        ACCOUNT_FANS,
        ACCOUNT_LIKES,
        ACCOUNT_COMMENTS,
        ACCOUNT_SHARES,
        ACCOUNT_VISITORS,
        FAN_PORTRAIT,
        FAN_SOURCES,
        BOUND_ACCOUNTS,
        ENTERPRISE_DAYS,
        ENTERPRISE_SOURCES,
        ENTERPRISE_VIDEOS,
        AD_DAYS,
        PROMOTION_DAYS,
    ];
    let found = calls_of(config());
    for endpoint in once {
        assert_eq!(found.get(endpoint), Some(&1), "{endpoint}");
    }
    assert_eq!(found.get(VIDEOS), Some(&4), "31 days of videos");
    assert_eq!(found.get(OLDER_VIDEOS), Some(&6), "60 videos of 30 to 89 days");
    assert_eq!(found.get(VIDEO_DAYS), Some(&(2 + 5 * 13)));
    let twenty = calls_of(DouyinConfig { videos_per_call: VideosPerCall::Twenty, ..config() });
    let listed = [VIDEOS, OLDER_VIDEOS, VIDEO_DAYS].map(|endpoint| twenty[endpoint]);
    assert_eq!(listed, [2, 3, 1 + 5 * 13]);
}

/// History of an account reaches back thirty days, and what lies before is told as clamped.
#[test]
fn history_is_one_call_for_a_series_and_a_month_each_for_paid_delivery() {
    let adapter = adapter();
    let range = days("2026-08-01", "2026-10-10");
    let windows = |endpoint: &str| -> Vec<(String, Option<String>)> {
        let jobs = planned(&adapter, endpoint, range, &[]);
        let told = |job: &PlannedJob| {
            (job.job.window.unwrap().to_string(), job.clamped.map(|days| days.to_string()))
        };
        jobs.iter().map(told).collect()
    };
    let clamped = Some("2026-08-01..2026-09-10".to_owned());
    assert_eq!(windows(ACCOUNT_FANS), [("2026-09-11..2026-10-10".to_owned(), clamped)]);
    assert_eq!(windows(ENTERPRISE_DAYS), [("2026-08-01..2026-10-10".to_owned(), None)]);
    assert_eq!(windows(AD_DAYS).len(), 3);
}

#[test]
fn yesterday_is_asked_for_from_ten_in_the_morning() {
    let adapter = adapter();
    let asked = |at: &str| {
        let descriptor = adapter.descriptor();
        let endpoint = descriptor.endpoint(ACCOUNT_FANS).unwrap();
        let accounts = &[account()];
        let input =
            PlanInput { descriptor, endpoint, accounts, now: at.parse().unwrap(), range: None, posts: &[] };
        plan(&input, &|_| None).unwrap()[0].job.window.unwrap().to_string()
    };
    assert_eq!(asked("2026-10-11T01:59:00Z"), "2026-10-08..2026-10-09");
    assert_eq!(asked("2026-10-11T02:00:00Z"), "2026-10-09..2026-10-10");
}

/// What `new_fans` and conversions are is said by the settings, in descriptor and answers alike.
#[test]
fn settings_decide_what_is_uncertain() {
    let fans = json!({"data": {"error_code": 0, "result_list": [{"date": "2026-10-10", "new_fans": -12}]}});
    let job_of = |endpoint: &str| Job { window: days("2026-10-10", "2026-10-10"), ..job(endpoint) };
    let row = json!({"dimensions": {"stat_time_day": "2026-10-10"},
                     "metrics": {"convert_cnt": 5, "attribution_convert_cnt": 8}});
    let ads = json!({"code": 0, "data": {"rows": [row]}});
    for (config, new_fans, conversions) in [
        (config(), "follows_gained", ("5", "conversion_day", 2)),
        (
            DouyinConfig { new_fans: NewFans::Net, conversions: Conversions::SpendDay, ..config() },
            "follows_net",
            ("8", "spend_day", 30),
        ),
    ] {
        let told = page(config.clone(), &job_of(ACCOUNT_FANS), None, &fans);
        assert_eq!(told.measurements[0].values[0].metric.as_str(), new_fans);
        let told = page(config.clone(), &job_of(AD_DAYS), None, &ads);
        let reading = &told.measurements[0].values[0];
        let said = (format!("{:?}", reading.value), reading.definition.as_deref());
        assert_eq!(said, (format!("Count({})", conversions.0), Some(conversions.1)));
        let adapter = DouyinAdapter::new(config);
        let declared = |endpoint: &str| adapter.descriptor().endpoint(endpoint).unwrap().clone();
        let metrics: Vec<&str> = declared(ACCOUNT_FANS).fields.iter().map(|field| field.metric).collect();
        assert_eq!(metrics, ["followers_total", new_fans]);
        let defined = |field: &Field| field.metric == "conversions" && field.definition == conversions.1;
        assert!(
            declared(AD_DAYS).fields.iter().any(defined)
                && declared(PROMOTION_DAYS).fields.iter().any(defined)
        );
        assert_eq!(declared(AD_DAYS).lookback_days, conversions.2);
        assert!(told.measurements[0].provisional);
    }
}

/// Conversions of the day of spending change for thirty days, those of their own day for two.
#[test]
fn paid_days_settle_when_their_conversions_do() {
    let row = |day: &str| json!({"dimensions": {"stat_time_day": day}, "metrics": {"show_cnt": 5}});
    let body =
        json!({"code": 0, "data": {"rows": [row("2026-09-12"), row("2026-10-08"), row("2026-10-10")]}});
    let job = Job { window: days("2026-09-12", "2026-10-10"), ..job(AD_DAYS) };
    let marks = |conversions| -> Vec<bool> {
        let told = page(DouyinConfig { conversions, ..config() }, &job, None, &body);
        told.measurements.iter().map(|one| one.provisional).collect()
    };
    assert_eq!(marks(Conversions::ConversionDay), [false, false, true]);
    assert_eq!(marks(Conversions::SpendDay), [true, true, true]);
}

#[test]
fn settings_that_are_not_choices_are_refused() {
    for (key, value) in
        [("videos_per_call", json!(30)), ("video_series_days", json!(7)), ("new_fans", json!("some"))]
    {
        let error = DouyinAdapter::from_settings(json!({key: value})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadConfig, "{error:?}");
    }
}

/// A video that is pinned stands first, however old it is, and does not end the list.
#[test]
fn pinned_videos_end_no_list() {
    let row = |number: usize, at: &str, pinned: bool| {
        let at: Timestamp = at.parse().unwrap();
        json!({"video_id": id(number), "create_time": at.as_second(), "is_top": pinned})
    };
    let list = |rows: Vec<Value>| {
        let body = json!({"data": {"error_code": 0, "list": rows, "cursor": 9, "has_more": true}});
        let job = Job { window: days("2026-09-11", "2026-10-11"), ..job(VIDEOS) };
        page(config(), &job, None, &body).next.is_some()
    };
    let old = "2025-01-01T00:00:00Z";
    assert!(list(vec![row(1, old, true)]));
    assert!(list(vec![row(1, old, true), row(2, "2026-10-01T00:00:00Z", false)]));
    assert!(!list(vec![row(1, old, true), row(2, "2026-09-10T15:59:59Z", false)]));
    assert!(list(vec![row(2, "2026-09-10T16:00:00Z", false)]), "midnight in Beijing");
}

/// SEMANTICS 49: a video of 31 days is not asked, and where it is told nothing of, nothing falls to zero.
#[test]
fn after_thirty_days_a_video_is_frozen() {
    let due = |age: i64| {
        let post = video(1, now() - (24 * age).hours());
        let known = KnownPost { post, last_observed: None };
        let adapter = adapter();
        [VIDEO_DAYS, OLDER_VIDEOS]
            .map(|endpoint| planned(&adapter, endpoint, None, std::slice::from_ref(&known)).len())
    };
    assert_eq!([0, 1, 28, 29].map(due), [[0, 0], [1, 0], [1, 0], [1, 0]]);
    assert_eq!([30, 31, 400].map(due), [[0, 1], [0, 1], [0, 1]]);
    let published: Timestamp = "2026-09-10T04:00:00Z".parse().unwrap();
    let posts = vec![video(1, published), video(2, now() - 48.hours())];
    let row = |number: usize, at: Timestamp| {
        json!({"video_id": id(number), "item_id": "@a/b+c==", "create_time": at.as_second(),
               "statistics": {"play_count": 0}})
    };
    let names = json!({"data": {"list": [row(1, published), row(2, now() - 48.hours())]}});
    let told = page(config(), &Job { posts, ..job(VIDEO_DAYS) }, None, &names);
    assert!(told.measurements.is_empty() && told.posts.is_empty());
    let frozen = |notice: &Notice| matches!(notice, Notice::Remark { text } if text.contains("frozen") && text.contains(&id(1)));
    assert!(told.notices.iter().any(frozen), "{:?}", told.notices);
    assert!(!told.next.unwrap().as_stored().unwrap().contains(&id(1)));
}

/// The sums of a video are a period: from publishing to the last day that is told.
#[test]
fn sums_end_with_the_last_day_that_is_told() {
    let young = json!({"video": id(1), "item": "@1==", "published": "2026-10-08"});
    let cursor = json!({"series": {"of": "base", "videos": [young]}}).to_string();
    let body = json!({"data": {"error_code": 0, "result": {"total_play": 9, "avg_play_duration": 11.6}}});
    let window = |at: &str| {
        let body = Body::json(body.to_string(), at.parse().unwrap());
        let told = adapter().decode(&job(VIDEO_DAYS), &Cursor::from_stored(Some(&cursor)), &body).unwrap();
        told.measurements.first().map(|one| match one.window {
            Window::Period(days) => days.to_string(),
            _ => String::new(),
        })
    };
    assert_eq!(window("2026-10-11T01:59:59Z").as_deref(), Some("2026-10-08..2026-10-09"));
    assert_eq!(window("2026-10-11T02:00:00Z").as_deref(), Some("2026-10-08..2026-10-10"));
    assert_eq!(window("2026-10-09T01:00:00Z"), None);
}

/// A field that Ocean Engine does not give fails the whole call: it is left out, said once, and not asked again.
#[test]
fn a_field_that_is_refused_takes_no_other_with_it() {
    let job = Job { window: days("2026-10-10", "2026-10-10"), ..job(ENTERPRISE_VIDEOS) };
    let mut asked = Vec::new();
    let respond = &mut |request: &Request| {
        let fields = query(request, "fields").unwrap().to_owned();
        let refused = fields.contains("business_page_play_over");
        asked.push(fields);
        let row = json!({"start_time_day": "2026-10-10", "video_id": id(1), "business_page_like": "7"});
        let body = if refused {
            json!({"code": 40001, "message": "business_page_play_over: not supported", "data": {}})
        } else {
            json!({"code": 0, "message": "OK", "data": {"list": [row], "total_count": 1}})
        };
        Response { status: 200, headers: Vec::new(), body: body.to_string().into_bytes(), received_at: now() }
    };
    let pages = kepi_testkit::drive(&adapter(), &job, Cursor::default(), respond).unwrap();
    let lacks = |notice: &Notice| matches!(notice, Notice::NotOffered { metric: Some(metric), .. } if metric == "completion_count");
    assert!(pages[0].notices.iter().any(lacks) && pages[1].measurements.len() == 1, "{pages:?}");
    let known = Job { refused: vec!["completion_count".into()], ..job };
    kepi_testkit::drive(&adapter(), &known, Cursor::default(), respond).unwrap();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked[1] == asked[2] && asked[1].contains("business_page_like"), "{asked:?}");
}

#[test]
fn tokens_are_asked_for_as_documented() {
    let secret = |name: &'static str| Text::secret(name);
    let asked = |kind: &str, grant: &Grant| adapter().token_request(kind, grant).unwrap();
    let code = Grant::Code { redirect_uri: "http://127.0.0.1:1/".to_owned() };
    for (grant, path, form, idempotent) in [
        (
            &code,
            "access_token",
            vec![
                ("client_key", secret("client_id")),
                ("grant_type", "authorization_code".into()),
                ("client_secret", secret("client_secret")),
                ("code", secret("code")),
            ],
            false,
        ),
        (
            &Grant::Refresh,
            "refresh_token",
            vec![
                ("client_key", secret("client_id")),
                ("grant_type", "refresh_token".into()),
                ("refresh_token", secret("refresh_token")),
            ],
            true,
        ),
        (
            &Grant::Renew,
            "renew_refresh_token",
            vec![("client_key", secret("client_id")), ("refresh_token", secret("refresh_token"))],
            false,
        ),
    ] {
        let request = asked("user", grant);
        assert_eq!(request.url, format!("https://open.douyin.com/oauth/{path}/"));
        let form = form.into_iter().map(|(key, text)| (key.into(), text)).collect();
        assert_eq!((request.payload, request.idempotent), (Payload::Form(form), idempotent));
    }
    let request = asked("ocean", &code);
    assert_eq!(request.url, "https://ad.oceanengine.com/open_api/oauth2/access_token/");
    let Payload::Json { value, secrets } = request.payload else { panic!("no JSON") };
    assert_eq!(value, json!({"grant_type": "auth_code"}));
    let named = [("app_id", "client_id"), ("secret", "client_secret"), ("auth_code", "code")];
    assert_eq!(secrets, named.map(|(key, name)| (key.into(), name.into())));
    for (kind, grant) in [("ocean", Grant::Renew), ("user", Grant::Client), ("app", Grant::Refresh)] {
        assert_eq!(adapter().token_request(kind, &grant).unwrap_err().kind(), ErrorKind::NotOffered);
    }
}

#[test]
fn a_torn_body_is_an_error_and_never_a_panic() {
    let full = include_str!("../fixtures/videos/full.http");
    let body = full.split_once("\n\n{").map(|(_, body)| format!("{{{}", body.trim_end())).unwrap();
    let job = Job { window: days("2026-09-11", "2026-10-11"), ..job(VIDEOS) };
    let read = |bytes: &[u8]| {
        let body = Body::json(bytes, now());
        adapter().decode(&job, &Cursor::default(), &body).map_err(|error| error.kind())
    };
    assert_eq!(read(body.as_bytes()).unwrap().posts.len(), 3);
    for end in 0..body.len() {
        assert_eq!(read(&body.as_bytes()[..end]).unwrap_err(), ErrorKind::BadResponse, "cut at {end}");
    }
}

/// Ages of videos are days of Beijing where a series is asked for, whatever the day is elsewhere.
#[test]
fn a_day_of_publishing_is_a_day_in_beijing() {
    let row = json!({"video_id": id(1), "item_id": "@1==", "create_time": 1_791_047_000});
    let names = json!({"data": {"list": [row]}});
    let at = Timestamp::from_second(1_791_047_000).unwrap();
    let told = page(config(), &Job { posts: vec![video(1, at)], ..job(VIDEO_DAYS) }, None, &names);
    let beijing: Date = "2026-10-04".parse().unwrap();
    assert_eq!(at.to_string(), "2026-10-03T17:03:20Z");
    assert!(told.next.unwrap().as_stored().unwrap().contains(&format!("\"published\":\"{beijing}\"")));
}
