//! The cases of Weibo that the shared contract does not know: what is asked, how often, and how little; and what
//! may have been missed.

use jiff::{Timestamp, ToSpan, civil::date};
use kepi_core::{
    AccountRef, Adapter, Body, Cursor, DateSpan, Decoder, ErrorKind, Grant, Job, Notice, Page, PostRef,
    Reach, Request, Response, Retry,
    descriptor::Reset,
    http::{Payload, Text},
    plan::{KnownPost, PlanInput, PlannedJob, plan},
};
use serde_json::json;

use crate::{
    CallLimit, FollowerDates, WeiboAdapter, WeiboConfig,
    decode::rows::{UserRow, parse_day, parse_instant},
    descriptor::{
        ACCOUNT_DAYS, ALL_MENTIONS, ALL_POSTS, ARTICLES, CONSENT, COUNTS, FOLLOWERS, FOLLOWS, LIMITS,
        MENTIONS, PROFILE, TIMELINE, VIEWS,
    },
};

kepi_testkit::contract!(WeiboAdapter::from_settings, sample());

/// Settings of which each is set.
fn sample() -> serde_json::Value {
    json!({
        "base_url": "https://api.weibo.com",
        "commercial_base_url": "https://c.api.weibo.com",
        "commercial": true,
        "call_limit": "daily100",
        "mentions": true,
        "follower_dates": "compact",
    })
}

/// Five past midnight in Beijing.
fn now() -> Timestamp {
    "2026-03-02T16:05:00Z".parse().unwrap()
}

fn account(platform_id: Option<&str>) -> AccountRef {
    let platform_id = platform_id.map(Into::into);
    AccountRef { platform_id, ..AccountRef::new("weibo/nordlicht".parse().unwrap(), "Europe/Berlin") }
}

fn job(endpoint: &str) -> Job {
    Job {
        endpoint: endpoint.into(),
        accounts: vec![account(Some("1904000001"))],
        window: None,
        posts: Vec::new(),
        planned_at: now(),
        input: None,
        refused: Vec::new(),
    }
}

fn post(id: usize, days_old: i64) -> PostRef {
    let published_at = Some(now() - (24 * days_old).hours());
    PostRef {
        account: account(None).id,
        id: format!("{:016}", 5_100_000_000_000_000 + id).into(),
        published_at,
    }
}

fn days(start: (i16, i8, i8), end: (i16, i8, i8)) -> Option<DateSpan> {
    Some(DateSpan::new(date(start.0, start.1, start.2), date(end.0, end.1, end.2)))
}

fn contract() -> WeiboAdapter {
    WeiboAdapter::from_settings(sample()).unwrap()
}

fn ordinary() -> WeiboAdapter {
    WeiboAdapter::new(WeiboConfig::default())
}

fn check(adapter: &WeiboAdapter, job: &Job, cursor: Option<&str>, expected: &str) -> Request {
    let request = adapter.request(job, &Cursor::from_stored(cursor)).unwrap();
    assert_eq!(request.summary(), expected);
    assert_eq!(request.token.as_deref(), Some("user"));
    request
}

/// The jobs of an endpoint, each of which can be asked.
fn planned(
    adapter: &WeiboAdapter,
    endpoint: &str,
    now: Timestamp,
    range: Option<DateSpan>,
    posts: &[KnownPost],
) -> Vec<PlannedJob> {
    let descriptor = adapter.descriptor();
    let endpoint = descriptor.endpoint(endpoint).unwrap();
    let accounts = &[account(Some("1904000001"))];
    let jobs = plan(&PlanInput { descriptor, endpoint, accounts, now, range, posts }, &|_| None).unwrap();
    for planned in &jobs {
        adapter.request(&planned.job, &planned.cursor).unwrap();
    }
    jobs
}

fn read(job: &Job, cursor: &Cursor, body: &str) -> Page {
    contract().decode(job, cursor, &Body::json(body, now())).unwrap()
}

#[test]
fn what_is_asked_of_the_basic_api() {
    let (adapter, url) = (ordinary(), "https://api.weibo.com");
    check(&adapter, &job(LIMITS), None, &format!("GET {url}/2/account/rate_limit_status.json"));
    check(&adapter, &job(CONSENT), None, &format!("POST {url}/oauth2/get_token_info"));
    check(&adapter, &job(PROFILE), None, &format!("GET {url}/2/users/show.json?uid=1904000001"));
    let nameless = |endpoint| Job { accounts: vec![account(None)], ..job(endpoint) };
    check(&adapter, &nameless(PROFILE), None, &format!("GET {url}/2/users/show.json?screen_name=nordlicht"));
    let timeline = format!("GET {url}/2/statuses/user_timeline.json?");
    check(&adapter, &job(TIMELINE), None, &format!("{timeline}uid=1904000001&count=100"));
    check(&adapter, &nameless(TIMELINE), None, &format!("{timeline}count=100"));
    let counted = Job { posts: vec![post(1, 1), post(2, 1)], ..job(COUNTS) };
    let ids = "ids=5100000000000001,5100000000000002";
    check(&adapter, &counted, None, &format!("GET {url}/2/statuses/count.json?{ids}"));
    let mentions = format!("GET {url}/2/statuses/mentions.json?count=200&max_id=77");
    check(&contract(), &job(MENTIONS), Some(r#"{"from":"77"}"#), &mentions);
}

/// A file may have told posts by their addresses: Weibo drops such ids without a word, which is not to say that the
/// posts are gone.
#[test]
fn ids_that_are_no_numbers_are_not_asked_for() {
    let told = |id: &str| PostRef { id: id.into(), ..post(1, 1) };
    let posts = [post(2, 1), told("https://weibo.com/1904000001/QAbc12345"), told("QAbc12345")];
    let known = posts.clone().map(|post| KnownPost { post, last_observed: None });
    for endpoint in [COUNTS, TIMELINE, VIEWS] {
        let jobs = planned(&contract(), endpoint, now(), None, &known);
        let asked: Vec<&PostRef> = jobs.iter().flat_map(|planned| &planned.job.posts).collect();
        assert_eq!(asked, [&posts[0]], "{endpoint}");
    }
    let counted = Job { posts: posts.to_vec(), ..job(COUNTS) };
    let url = "https://api.weibo.com/2/statuses/count.json";
    check(&contract(), &counted, None, &format!("GET {url}?ids=5100000000000002"));
    let body = r#"[{"id":5100000000000002,"comments":1,"reposts":2,"attitudes":3}]"#;
    let page = read(&counted, &Cursor::default(), body);
    assert_eq!((page.measurements.len(), page.posts), (1, Vec::new()));
}

#[test]
fn what_is_asked_by_contract() {
    let (adapter, url) = (contract(), "https://c.api.weibo.com/2");
    let cursor = Some(r#"{"from":"77"}"#);
    let all = format!("GET {url}/statuses/user_timeline/biz.json?count=100&max_id=77");
    check(&adapter, &job(ALL_POSTS), cursor, &all);
    let all = format!("GET {url}/statuses/mentions/biz.json?count=200&max_id=77");
    check(&adapter, &job(ALL_MENTIONS), cursor, &all);
    let viewed = Job { posts: vec![post(1, 1)], ..job(VIEWS) };
    let views = format!("GET {url}/media_statuses/count_sp/biz.json?ids=5100000000000001");
    check(&adapter, &viewed, None, &views);
    for (endpoint, path) in [
        (ACCOUNT_DAYS, "users/behavior_trend/biz"),
        (FOLLOWS, "friendships/followers/trend_other"),
        (ARTICLES, "statuses/article_statistic"),
    ] {
        let job = Job { window: days((2026, 2, 27), (2026, 3, 2)), ..job(endpoint) };
        let dates = "uid=1904000001&starttime=2026-02-27&endtime=2026-03-01";
        check(&adapter, &job, None, &format!("GET {url}/{path}.json?{dates}"));
    }
    let window = days((2026, 2, 27), (2026, 3, 2));
    let followers = Job { window, ..job(FOLLOWERS) };
    let path = format!("GET {url}/friendships/followers/active_num.json?uid=1904000001");
    check(&adapter, &followers, None, &format!("{path}&sdate=20260227&edate=20260301"));
    let follower_dates = FollowerDates::Dashed;
    let dashed =
        WeiboAdapter::new(WeiboConfig { commercial: true, follower_dates, ..WeiboConfig::default() });
    check(&dashed, &followers, None, &format!("{path}&sdate=2026-02-27&edate=2026-03-01"));
}

#[test]
fn what_needs_a_contract_is_not_asked_without_one() {
    let adapter = ordinary();
    for endpoint in [ALL_POSTS, VIEWS, ACCOUNT_DAYS, FOLLOWS, FOLLOWERS, ARTICLES, ALL_MENTIONS] {
        assert!(adapter.descriptor().endpoint(endpoint).unwrap().capability.is_some(), "{endpoint}");
        let error = adapter.request(&job(endpoint), &Cursor::default()).unwrap_err();
        assert_eq!((error.kind(), error.retry_policy()), (ErrorKind::NotOffered, Retry::Never), "{endpoint}");
        assert!(error.hint_text().unwrap().contains("commercial = true"), "{error:?}");
    }
    let error = adapter.request(&job(MENTIONS), &Cursor::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotOffered);
    assert!(error.hint_text().unwrap().contains("mentions = true"));
}

#[test]
fn what_cannot_be_asked_is_said() {
    let kind = |job: &Job, cursor: Option<&str>| {
        contract().request(job, &Cursor::from_stored(cursor)).map_err(|error| error.kind()).err()
    };
    let bad = Some(ErrorKind::BadRequest);
    assert_eq!(kind(&job("likes"), None), bad);
    assert_eq!(kind(&job(COUNTS), None), bad);
    assert_eq!(kind(&Job { posts: (0..101).map(|i| post(i, 1)).collect(), ..job(COUNTS) }, None), bad);
    assert_eq!(kind(&job(ACCOUNT_DAYS), None), bad);
    assert_eq!(kind(&Job { window: days((2026, 1, 1), (2026, 4, 2)), ..job(FOLLOWS) }, None), bad);
    assert_eq!(kind(&Job { window: days((2026, 1, 1), (2026, 1, 1)), ..job(FOLLOWS) }, None), bad);
    let of = |id, endpoint| Job { accounts: vec![account(id)], ..job(endpoint) };
    let window = days((2026, 1, 1), (2026, 1, 2));
    let nameless = Job { window, ..of(None, FOLLOWS) };
    assert_eq!(kind(&nameless, None), Some(ErrorKind::BadConfig));
    assert_eq!(kind(&of(Some("nordlicht"), TIMELINE), None), Some(ErrorKind::BadConfig));
    assert_eq!(kind(&job(TIMELINE), Some(r#"{"from":"77"}"#)), Some(ErrorKind::Store));
    assert_eq!(kind(&job(ALL_POSTS), Some("torn")), Some(ErrorKind::Store));
}

/// Calls of one day: the timeline every hour, the rest once: 1 for the profile, 1 for each hundred posts of the
/// last 30 days and the share of the older ones. All of it stays below the hundred that a user has.
#[test]
fn a_day_takes_the_fewest_calls_and_stays_below_a_hundred() {
    let adapter = ordinary();
    let midnight = now();
    let known = |post| KnownPost { post, last_observed: None };
    let posts: Vec<KnownPost> = (0..1_000).map(|i| known(post(i, 1 + (i as i64 % 28)))).collect();
    let calls = |endpoint, now| planned(&adapter, endpoint, now, None, &posts).len();
    let timeline: usize = (0..24).map(|hour| calls(TIMELINE, midnight + hour.hours())).sum();
    assert_eq!((timeline, calls(PROFILE, midnight), calls(COUNTS, midnight)), (24, 1, 10));
    let quota = adapter.descriptor().endpoint(TIMELINE).unwrap().quotas[0];
    assert_eq!((quota.requests, quota.interval_secs), (100, 86_400));
    // The timeline of the day's job, and each job with its share of the older posts.
    assert!(timeline + 1 + calls(PROFILE, midnight) + calls(COUNTS, midnight) <= quota.requests as usize);
    for endpoint in [PROFILE, TIMELINE, COUNTS, MENTIONS] {
        let pools = adapter.descriptor().endpoint(endpoint).unwrap().quotas;
        assert_eq!(pools[0].pool, "basic", "{endpoint} draws on an allowance of its own");
    }
}

/// Posts that were read today are not asked for again; older ones weekly, then monthly.
#[test]
fn older_posts_are_read_less_often() {
    let due = |days_old, days_ago: i64| {
        let posts =
            [KnownPost { post: post(1, days_old), last_observed: Some(now() - (24 * days_ago).hours()) }];
        planned(&ordinary(), COUNTS, now(), None, &posts).len()
    };
    assert_eq!((due(3, 0), due(3, 1)), (0, 1));
    assert_eq!((due(60, 6), due(60, 7)), (0, 1));
    assert_eq!((due(400, 29), due(400, 30)), (0, 1));
    let seen = [KnownPost { post: post(1, 1), last_observed: Some(now()) }];
    assert_eq!(planned(&contract(), VIEWS, now(), None, &seen).len(), 1);
}

#[test]
fn three_days_are_read_and_long_ranges_split() {
    let windows = |endpoint, range| -> Vec<String> {
        let jobs = planned(&contract(), endpoint, now(), range, &[]);
        jobs.iter().map(|planned| planned.job.window.unwrap().to_string()).collect()
    };
    assert_eq!(windows(ACCOUNT_DAYS, None), ["2026-02-28..2026-03-02"]);
    assert_eq!(
        windows(FOLLOWERS, days((2026, 1, 20), (2026, 3, 9))),
        ["2026-01-20..2026-02-18", "2026-02-19..2026-03-02"]
    );
    assert_eq!(windows(ARTICLES, days((2025, 11, 1), (2025, 12, 5))), ["2025-12-03..2025-12-04"]);
    assert_eq!(windows(MENTIONS, None), ["2026-03-01..2026-03-03"]);
}

fn timeline_of(known: &[KnownPost], rows: &[PostRef]) -> Vec<Notice> {
    let adapter = ordinary();
    let planned = planned(&adapter, TIMELINE, now(), None, known).remove(0);
    let row = |post: &PostRef| {
        let at = post.published_at.unwrap().to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)));
        let at = at.strftime("%a %b %d %H:%M:%S %z %Y").to_string();
        json!({"idstr": post.id, "created_at": at, "attitudes_count": 1})
    };
    let statuses: Vec<_> = rows.iter().map(row).collect();
    let body = json!({"statuses": statuses, "next_cursor": 0, "total_number": 4_000}).to_string();
    let page = adapter.decode(&planned.job, &Cursor::default(), &Body::json(body, now())).unwrap();
    assert_eq!(page.posts.len(), rows.len());
    page.notices
}

/// Look after look: what lies between two looks is either seen or told as a gap.
#[test]
fn no_post_is_missed_without_a_word() {
    let of = |ids: std::ops::Range<usize>| -> Vec<PostRef> {
        ids.rev().map(|id| post(id, 200 - i64::try_from(id).unwrap())).collect()
    };
    for published in 0..12 {
        let known: Vec<KnownPost> =
            of(0..100).into_iter().map(|post| KnownPost { post, last_observed: None }).collect();
        let total = 100 + published;
        let notices = timeline_of(&known, &of(total - 5..total));
        let missed = published > 5;
        let told = notices.iter().any(|notice| matches!(notice, Notice::Gap { .. }));
        // Five new ones leave no room for a known one: then nobody can say.
        assert_eq!(told, missed || published == 5, "{published} new posts: {notices:?}");
    }
}

#[test]
fn the_first_look_is_a_gap() {
    let newest: Vec<PostRef> = (0..5).map(|id| post(id, 1)).collect();
    let notices = timeline_of(&[], &newest);
    let [Notice::Gap { reason }] = notices.as_slice() else { panic!("{notices:?}") };
    assert!(reason.contains("first look") && reason.contains("4000"), "{reason}");
}

/// A list that ends within a page, that repeats its last row, and whose next page holds rows counted before.
#[test]
fn mentions_are_counted_once() {
    let job = Job { window: days((2026, 3, 1), (2026, 3, 3)), ..job(ALL_MENTIONS) };
    let row = |id: u64, at: &str| json!({"id": id, "created_at": format!("Sun {at} +0800 2026")});
    let body =
        |rows: &[serde_json::Value], next: u64| json!({"statuses": rows, "next_cursor": next}).to_string();
    let told = |page: &Page| -> Vec<String> {
        let one = |one: &kepi_core::Measurement| format!("{:?} {:?}", one.window, one.value("mentions"));
        page.measurements.iter().map(one).collect()
    };
    let first = [row(29, "Mar 02 09:00:00"), row(28, "Mar 02 08:00:00"), row(27, "Mar 01 08:00:00")];
    let page = read(&job, &Cursor::default(), &body(&first, 27));
    assert_eq!(told(&page), ["Day(2026-03-02) Some(Count(2))"]);
    let second = [row(27, "Mar 01 08:00:00"), row(26, "Mar 01 07:00:00"), row(9, "Feb 28 23:59:59")];
    let page = read(&job, &page.next.unwrap(), &body(&second, 8));
    assert_eq!(told(&page), ["Day(2026-03-01) Some(Count(2))"]);
    assert_eq!(page.next, None, "what is older than asked for is not walked through");
}

/// Weibo shows so many mentions and no more: of the day within which the list ends, nobody knows how many there were.
#[test]
fn the_day_within_which_a_list_is_cut_off_is_not_counted() {
    let job = Job { window: days((2026, 3, 1), (2026, 3, 3)), ..job(ALL_MENTIONS) };
    let last_page = |rows: u32, before: u32| {
        let cursor = format!(
            r#"{{"from":"999","last":"1000","tally":{{"day":"2026-03-02","posts":7}},"seen":{before}}}"#
        );
        let row = |n: u32| json!({"id": 900 - n, "created_at": "Sun Mar 01 09:00:00 +0800 2026"});
        let rows: Vec<_> = (0..rows).map(row).collect();
        let body = json!({"statuses": rows, "next_cursor": 0}).to_string();
        let page = read(&job, &Cursor::from_stored(Some(&cursor)), &body);
        let days: Vec<String> = page.measurements.iter().map(|one| format!("{:?}", one.window)).collect();
        (days, page.notices)
    };
    let (days, notices) = last_page(3, 400);
    assert_eq!(
        (days.as_slice(), notices.len()),
        (["Day(2026-03-02)".into(), "Day(2026-03-01)".into()].as_slice(), 0)
    );
    for (rows, before) in [(200, 400), (3, 1_997), (200, 1_800)] {
        let (days, notices) = last_page(rows, before);
        assert_eq!(days, ["Day(2026-03-02)"], "{rows} rows after {before}");
        let [Notice::Gap { reason }] = notices.as_slice() else { panic!("{notices:?}") };
        assert!(reason.contains("2026-03-01"), "{reason}");
    }
    let (days, _) = last_page(0, 2_000);
    assert!(days.is_empty(), "the day before it was being counted when the list ended");
}

#[test]
fn addresses_are_those_that_weibo_shows() {
    let address = |id| crate::decode::posts::address(&account(Some("1645372340")), None, id);
    let shown = |end: &str| Some(format!("https://weibo.com/1645372340/{end}"));
    assert_eq!(address("4607741009594608"), shown("K3fnuEfZK"));
    assert_eq!(address("5140000000000001"), shown("PgMA80001"));
    assert_eq!(address("abc"), None);
    assert_eq!(crate::decode::posts::address(&account(None), None, "1"), None);
}

#[test]
fn dates_as_weibo_writes_them() {
    let at = |text| parse_instant(text).map(|at| at.to_string()).ok();
    assert_eq!(at("Tue May 31 17:46:55 +0800 2011").as_deref(), Some("2011-05-31T09:46:55Z"));
    assert_eq!(at("Mon May 31 17:46:55 +0800 2011").as_deref(), Some("2011-05-31T09:46:55Z"));
    for bad in ["", "now", "Tue May 32 17:46:55 +0800 2011", "2026-03-02"] {
        assert_eq!(at(bad), None, "{bad}");
    }
    assert_eq!(parse_day("20200524"), parse_day("2020-05-24"));
    assert!(parse_day("24.05.2020").is_err());
}

/// `users/counts` tells the same account with its numbers as text.
#[test]
fn accounts_are_told_in_two_ways() {
    let listed = r#"[{"id": "1904000001", "followers_count": "482113", "friends_count": "214", "statuses_count": "5120"}]"#;
    let rows: Vec<UserRow> = serde_json::from_str(listed).unwrap();
    let numbers: Vec<String> =
        rows[0].counts().iter().map(|one| format!("{} {:?}", one.metric, one.value)).collect();
    let expected = ["followers_total Count(482113)", "following_total Count(214)", "posts_total Count(5120)"];
    assert_eq!(numbers, expected);
}

fn refused(config: WeiboConfig, status: u16, body: &str) -> kepi_core::Error {
    let response =
        Response { status, headers: Vec::new(), body: body.as_bytes().to_vec(), received_at: now() };
    WeiboAdapter::new(config).classify(&response).unwrap()
}

/// Every code of the table, as a number and as text.
#[test]
fn codes_say_what_comes_next() {
    use ErrorKind::{
        BadConfig, BadRequest, CredentialExpired, Forbidden, NotFound, NotOffered, QuotaExhausted,
        RateLimited, Reauthorise, Unavailable, Unexpected,
    };
    let table: [(ErrorKind, &[u32]); 11] = [
        (Unavailable, &[10001, 10002, 10003, 10009, 10011, 21331, 23201]),
        (Forbidden, &[10004, 10005, 10014]),
        (RateLimited, &[10022]),
        (QuotaExhausted, &[10023, 10024]),
        (NotOffered, &[10020]),
        (NotFound, &[20003, 20101, 20102, 20112, 20201, 20206, 20207]),
        (Unexpected, &[20031]),
        (CredentialExpired, &[10006, 21301, 21314, 21315, 21316, 21317, 21319, 21327, 21332]),
        (Reauthorise, &[21330]),
        (BadConfig, &[10013, 21321, 21322, 21323, 21324, 21325, 21326, 21328, 21329, 21335, 21337, 21338]),
        (BadRequest, &[10008, 10012, 10016, 10017, 10018, 10021, 20001, 20002, 20009, 20109]),
    ];
    for (kind, codes) in table {
        for code in codes {
            for body in [format!(r#"{{"error_code":{code}}}"#), format!(r#"{{"error_code":"{code}"}}"#)] {
                for status in [200, 400, 403] {
                    let error = refused(WeiboConfig::default(), status, &body);
                    assert_eq!(error.kind(), kind, "{status} {body}");
                }
            }
        }
    }
}

#[test]
fn a_code_of_another_shape_leaves_the_status() {
    for body in [r#"{"error_code":null}"#, r#"{"error_code":{"a":1}}"#, r#"{"error_code":"soon"}"#, "sorry"] {
        assert_eq!(refused(WeiboConfig::default(), 401, body).kind(), ErrorKind::CredentialExpired, "{body}");
    }
}

/// Nothing is asked again before the interval is over, whichever it is.
#[test]
fn used_up_calls_come_back_with_the_interval() {
    let config = |call_limit| WeiboConfig { call_limit, ..WeiboConfig::default() };
    let again = |call_limit, code: u32| {
        refused(config(call_limit), 403, &format!(r#"{{"error_code":{code}}}"#)).retry_policy()
    };
    let at = |text: &str| Retry::At(text.parse().unwrap());
    assert_eq!(again(CallLimit::Daily100, 10023), at("2026-03-03T16:00:00Z"));
    assert_eq!(again(CallLimit::Hourly150, 10024), at("2026-03-02T17:00:00Z"));
    assert_eq!(again(CallLimit::Daily100, 10022), at("2026-03-02T17:00:00Z"));
    let reach =
        |code: u32| refused(config(CallLimit::Daily100), 403, &format!(r#"{{"error_code":{code}}}"#)).reach();
    let reaches = [10022, 10023, 10024].map(reach);
    assert_eq!(
        reaches,
        [Reach::Address, Reach::User, Reach::Pool],
        "of the address, the user, the interface"
    );
    for (limit, requests, reset) in [
        (CallLimit::Daily100, 100, Reset::Midnight("Asia/Shanghai")),
        (CallLimit::Hourly150, 150, Reset::Window),
        (CallLimit::Hourly300, 300, Reset::Window),
        (CallLimit::Hourly450, 450, Reset::Window),
    ] {
        let adapter = WeiboAdapter::new(config(limit));
        let quota = adapter.descriptor().endpoint(COUNTS).unwrap().quotas[0];
        assert_eq!((quota.requests, quota.reset), (requests, reset));
    }
}

#[test]
fn the_exchange_names_secrets_and_holds_none() {
    let grant = Grant::Code { redirect_uri: "http://127.0.0.1:1/callback".to_owned() };
    let request = ordinary().token_request("user", &grant).unwrap();
    assert_eq!(
        (request.url.as_str(), request.idempotent),
        ("https://api.weibo.com/oauth2/access_token", false)
    );
    let Payload::Form(form) = request.payload else { panic!("no form") };
    let secrets: Vec<&str> = form
        .iter()
        .filter(|(_, text)| matches!(text, Text::Secret(_)))
        .map(|(key, _)| key.as_str())
        .collect();
    assert_eq!(secrets, ["client_id", "client_secret", "code"]);
    let error = ordinary().token_request("user", &Grant::Refresh).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotOffered);
    assert!(error.hint_text().unwrap().contains("kepi auth"));
}

/// The code of a refused exchange is quoted by Weibo and not by us.
#[test]
fn a_refused_exchange_does_not_tell_the_code() {
    let body = include_str!("../fixtures/token/code_used.http").split_once("\n\n{").unwrap().1;
    let response = Response {
        status: 400,
        headers: Vec::new(),
        body: format!("{{{body}").into_bytes(),
        received_at: now(),
    };
    let error = ordinary().decode_token("user", &response).unwrap_err();
    assert!(!format!("{error:?}").contains("0123456789abcdef"), "{error:?}");
}

#[test]
fn a_torn_body_is_an_error_and_never_a_panic() {
    let full = include_str!("../fixtures/timeline/full.http");
    let body = full.split_once("\n\n{").map(|(_, body)| format!("{{{}", body.trim_end())).unwrap();
    let read = |bytes: &[u8]| {
        let body = Body::json(bytes, now());
        contract().decode(&job(TIMELINE), &Cursor::default(), &body).map_err(|error| error.kind())
    };
    assert_eq!(read(body.as_bytes()).unwrap().posts.len(), 5);
    for end in 0..body.len() {
        assert_eq!(read(&body.as_bytes()[..end]).unwrap_err(), ErrorKind::BadResponse, "cut at {end}");
    }
}
