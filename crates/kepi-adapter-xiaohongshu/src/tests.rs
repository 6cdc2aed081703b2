//! The cases of Xiaohongshu that the shared contract does not know: what is asked, how often, and what is not
//! believed.

mod columns;
mod values;

use std::fmt::Write as _;

use jiff::{Timestamp, civil::date};
use kepi_core::{
    AccountRef, Adapter, Body, Cursor, DateSpan, Decoder, ErrorKind, Grant, Job, Measurement, Method, Notice,
    Page, Placement, Request, Response, TokenFlow, Value,
    credential::Refresh,
    http::Payload,
    plan::{PlanInput, PlannedJob, plan},
};
use kepi_testkit::drive;
use serde_json::json;

use crate::{
    CreatorPrices, PugongyingHeader, XiaohongshuAdapter, XiaohongshuConfig,
    descriptor::{
        ACCOUNT_DAYS, ACCOUNT_TODAY, BASE, CAMPAIGN_DAYS, CAMPAIGN_TODAY, CORE, CREATIVE_DAYS,
        CREATIVE_TODAY, CREATOR_NOTES, Column, EASY_DAYS, KEYWORD_DAYS, NOTE_DAYS, SPU_DAYS, UNIT_DAYS,
        UNIT_TODAY, WIND_DAYS,
    },
};

kepi_testkit::contract!(XiaohongshuAdapter::from_settings, sample());

/// Settings of which each is set.
fn sample() -> serde_json::Value {
    json!({
        "base_url": "https://adapi.xiaohongshu.com",
        "authorize_base_url": "https://ad-market.xiaohongshu.com",
        "details": true,
        "other_products": true,
        "left_out_columns": [],
        "note_columns": true,
        "brand_users": {"xiaohongshu/nordlicht": "5f00000000000000000000b1"},
        "pugongying_header": "access_token",
        "creator_prices": "yuan",
    })
}

/// Half past eight in Beijing.
fn now() -> Timestamp {
    "2026-10-12T00:30:00Z".parse().unwrap()
}

fn account(platform_id: &str) -> AccountRef {
    AccountRef {
        platform_id: (!platform_id.is_empty()).then(|| platform_id.into()),
        ..AccountRef::new("xiaohongshu/nordlicht".parse().unwrap(), "Europe/Berlin")
    }
}

fn job(endpoint: &str, window: Option<DateSpan>) -> Job {
    let accounts = vec![account("3000001")];
    Job {
        endpoint: endpoint.into(),
        accounts,
        window,
        posts: Vec::new(),
        planned_at: now(),
        input: None,
        refused: Vec::new(),
    }
}

fn days(start: (i16, i8, i8), end: (i16, i8, i8)) -> DateSpan {
    DateSpan::new(date(start.0, start.1, start.2), date(end.0, end.1, end.2))
}

fn yesterday() -> Option<DateSpan> {
    Some(DateSpan::day(date(2026, 10, 11)))
}

fn adapter() -> XiaohongshuAdapter {
    XiaohongshuAdapter::from_settings(sample()).unwrap()
}

fn body_of(request: &Request) -> serde_json::Value {
    let Payload::Json { value, .. } = &request.payload else { panic!("no JSON") };
    value.clone()
}

fn asked(adapter: &XiaohongshuAdapter, job: &Job, cursor: Option<&str>) -> serde_json::Value {
    body_of(&adapter.request(job, &Cursor::from_stored(cursor)).unwrap())
}

fn check(job: &Job, cursor: Option<&str>, (token, path): (&str, &str), body: &serde_json::Value) {
    let request = adapter().request(job, &Cursor::from_stored(cursor)).unwrap();
    assert_eq!((request.method, request.token.as_deref()), (Method::Post, Some(token)));
    assert_eq!(request.url, format!("https://adapi.xiaohongshu.com/api/open{path}"));
    let mut sent = body_of(&request);
    sent.as_object_mut().unwrap().remove("columns");
    assert_eq!(sent, *body);
}

fn read(config: &XiaohongshuConfig, job: &Job, cursor: &Cursor, body: &serde_json::Value) -> Page {
    let body = Body::json(body.to_string(), "2026-10-12T06:00:00Z".parse().unwrap());
    XiaohongshuAdapter::new(config.clone()).decode(job, cursor, &body).unwrap()
}

/// The metrics that a measurement tells, in the order of the alphabet.
fn metrics_of(measurement: &Measurement) -> Vec<String> {
    let mut metrics: Vec<String> = measurement.values.iter().map(|one| one.metric.to_string()).collect();
    metrics.sort();
    metrics
}

#[test]
fn days_are_asked_for_by_level() {
    let body = json!({"advertiser_id": 3_000_001, "start_date": "2026-09-11", "end_date": "2026-10-11", "page_num": 1,
        "page_size": 500, "time_unit": "DAY", "data_caliber": 0});
    for (endpoint, path) in [
        (ACCOUNT_DAYS, "/jg/data/report/offline/account"),
        (CAMPAIGN_DAYS, "/jg/data/report/offline/campaign"),
        (NOTE_DAYS, "/jg/data/report/offline/note"),
        (UNIT_DAYS, "/jg/data/report/offline/unit"),
        (CREATIVE_DAYS, "/jg/data/report/offline/creative"),
        (KEYWORD_DAYS, "/jg/data/report/offline/keyword"),
        (SPU_DAYS, "/jg/data/report/offline/spu"),
        (EASY_DAYS, "/jg/data/report/offline/easy/promotion/base"),
        (WIND_DAYS, "/wind/data/report/offline/account"),
    ] {
        let job = job(endpoint, Some(days((2026, 9, 11), (2026, 10, 12))));
        check(&job, None, ("juguang", path), &body);
    }
    let mut third = body;
    third["page_num"] = json!(3);
    let job = job(NOTE_DAYS, Some(days((2026, 9, 11), (2026, 10, 12))));
    check(&job, Some(r#"{"report":{"page":3}}"#), ("juguang", "/jg/data/report/offline/note"), &third);
}

/// At half past midnight in Beijing it is still yesterday elsewhere.
#[test]
fn today_is_beijings() {
    let body = json!({"advertiser_id": 3_000_001, "start_date": "2026-10-12", "end_date": "2026-10-12",
        "page_num": 1, "page_size": 100});
    for (endpoint, path) in [
        (ACCOUNT_TODAY, "/jg/data/report/realtime/account"),
        (CAMPAIGN_TODAY, "/jg/data/report/realtime/campaign"),
        (UNIT_TODAY, "/jg/data/report/realtime/unit"),
        (CREATIVE_TODAY, "/jg/data/report/realtime/creativity"),
    ] {
        let job = Job { planned_at: "2026-10-11T16:30:00Z".parse().unwrap(), ..job(endpoint, None) };
        check(&job, None, ("juguang", path), &body);
    }
}

#[test]
fn creators_notes_are_asked_for_by_thirty_days_newest_first() {
    let job = job(CREATOR_NOTES, Some(days((2026, 7, 15), (2026, 10, 13))));
    let body = |start: &str, end: &str, page: u32| {
        json!({"user_id": "5f00000000000000000000b1", "date_type": 2, "start_time": start, "end_time": end,
            "page_num": page, "page_size": 100})
    };
    let at = ("pugongying", "/pgy/note/post/data");
    check(&job, None, at, &body("2026-09-13", "2026-10-12", 1));
    check(&job, Some(r#"{"notes":{"span":0,"page":2}}"#), at, &body("2026-09-13", "2026-10-12", 2));
    check(&job, Some(r#"{"notes":{"span":2,"page":1}}"#), at, &body("2026-07-15", "2026-08-13", 1));
}

#[test]
fn what_cannot_be_asked_is_said() {
    let adapter = adapter();
    let kind = |job: &Job, cursor: Option<&str>| {
        adapter.request(job, &Cursor::from_stored(cursor)).map_err(|error| error.kind()).err()
    };
    let of =
        |endpoint, platform_id| Job { accounts: vec![account(platform_id)], ..job(endpoint, yesterday()) };
    let bad = Some(ErrorKind::BadRequest);
    assert_eq!(kind(&job("likes", None), None), bad);
    assert_eq!(kind(&job(ACCOUNT_DAYS, None), None), bad);
    assert_eq!(kind(&job(ACCOUNT_DAYS, Some(days((2026, 9, 1), (2026, 10, 3)))), None), bad);
    assert_eq!(kind(&job(CREATOR_NOTES, None), None), bad);
    assert_eq!(kind(&job(CREATOR_NOTES, yesterday()), Some(r#"{"notes":{"span":1,"page":1}}"#)), bad);
    for id in ["", "nordlicht", "+300", "3000001 "] {
        assert_eq!(kind(&of(ACCOUNT_DAYS, id), None), Some(ErrorKind::BadConfig), "{id:?}");
    }
    assert_eq!(kind(&of(ACCOUNT_DAYS, "5f00000000000000000000b1"), None), Some(ErrorKind::NotOffered));
    let store = Some(ErrorKind::Store);
    assert_eq!(kind(&job(ACCOUNT_DAYS, yesterday()), Some(r#"{"notes":{"span":0,"page":2}}"#)), store);
    assert_eq!(kind(&job(CREATOR_NOTES, yesterday()), Some(r#"{"report":{"page":2}}"#)), store);
    assert_eq!(kind(&job(ACCOUNT_DAYS, yesterday()), Some("torn")), store);
}

/// Without the brand's own account there is nothing to ask Pugongying for, and nothing else is harmed.
#[test]
fn pugongying_needs_to_know_the_brands_own_account() {
    let adapter = XiaohongshuAdapter::new(XiaohongshuConfig::default());
    let error = adapter.request(&job(CREATOR_NOTES, yesterday()), &Cursor::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotOffered);
    assert!(error.hint_text().unwrap().contains("brand_users"));
    assert!(adapter.request(&job(ACCOUNT_DAYS, yesterday()), &Cursor::default()).is_ok());
    let own = Job { accounts: vec![account("5f00000000000000000000b1")], ..job(CREATOR_NOTES, yesterday()) };
    assert_eq!(asked(&adapter, &own, None)["user_id"], json!("5f00000000000000000000b1"));
}

#[test]
fn settings_decide_what_is_offered() {
    let names = |details, other_products| {
        let config = XiaohongshuConfig { details, other_products, ..XiaohongshuConfig::default() };
        let adapter = XiaohongshuAdapter::new(config);
        adapter.descriptor().endpoints.iter().map(|endpoint| endpoint.name).collect::<Vec<_>>()
    };
    let main = [ACCOUNT_TODAY, ACCOUNT_DAYS, CAMPAIGN_DAYS, NOTE_DAYS, CREATOR_NOTES];
    let details =
        [UNIT_DAYS, CREATIVE_DAYS, KEYWORD_DAYS, SPU_DAYS, CAMPAIGN_TODAY, UNIT_TODAY, CREATIVE_TODAY];
    let others = [EASY_DAYS, WIND_DAYS];
    assert_eq!(names(false, false), main);
    assert_eq!(names(true, false), [&main[..], &details].concat());
    assert_eq!(names(false, true), [&main[..], &others].concat());
    assert_eq!(names(true, true), [&main[..], &details, &others].concat());
    let placement = |pugongying_header| {
        let config = XiaohongshuConfig { pugongying_header, ..XiaohongshuConfig::default() };
        XiaohongshuAdapter::new(config)
            .descriptor()
            .tokens
            .iter()
            .map(|kind| kind.placement)
            .collect::<Vec<_>>()
    };
    let header = Placement::Header("access-token");
    assert_eq!(placement(PugongyingHeader::AccessToken), [header; 2]);
    assert_eq!(placement(PugongyingHeader::Authorization), [header, Placement::Bearer]);
}

/// The jobs of a morning.
fn planned(adapter: &XiaohongshuAdapter, endpoint: &str, range: Option<DateSpan>) -> Vec<PlannedJob> {
    let descriptor = adapter.descriptor();
    let endpoint = descriptor.endpoint(endpoint).unwrap();
    let accounts = &[account("3000001")];
    plan(&PlanInput { descriptor, endpoint, accounts, now: now(), range, posts: &[] }, &|_| None).unwrap()
}

/// A platform on which each of so many campaigns, notes, units … has a row a day; the account has one.
fn busy(things: usize) -> impl FnMut(&Request) -> Response {
    move |request| {
        let body = body_of(request);
        let page = usize::try_from(body["page_num"].as_u64().unwrap()).unwrap();
        let size = usize::try_from(body["page_size"].as_u64().unwrap()).unwrap();
        let notes = request.url.contains("/pgy/");
        let answer = if notes {
            let rows: Vec<_> = (0..things).skip((page - 1) * size).take(size).collect();
            let rows: Vec<_> = rows
                .iter()
                .map(|n| json!({"note_id": format!("{}-{n}", body["start_time"]), "imp_num": 7}))
                .collect();
            json!({"total": things, "total_page": things.div_ceil(size), "datas": rows})
        } else {
            let day = |text: &str| text.parse::<jiff::civil::Date>().unwrap();
            let (from, to) = (body["start_date"].as_str().unwrap(), body["end_date"].as_str().unwrap());
            let span = DateSpan::new(day(from), day(to).tomorrow().unwrap());
            let of_day = if request.url.ends_with("account") { 1 } else { things };
            let all: Vec<_> = span.iter().flat_map(|day| (0..of_day).map(move |n| (day, n))).collect();
            let rows: Vec<_> = all
                .iter()
                .skip((page - 1) * size)
                .take(size)
                .map(|(day, n)| {
                    json!({"time": day.to_string(), "campaign_id": n, "note_id": format!("n{n}"), "unit_id": n,
                        "creativity_id": n, "keyword": "a", "keyword_id": n, "spu_id": n, "fee": "1.00"})
                })
                .collect();
            json!({"total_count": all.len(), "data_list": rows, "fee": "1.00"})
        };
        let answer = json!({"code": 0, "success": true, "msg": "成功", "data": answer});
        let headers = vec![("content-type".into(), "application/json".to_owned())];
        Response { status: 200, headers, body: answer.to_string().into_bytes(), received_at: now() }
    }
}

/// Calls and readings of a morning.
fn morning(endpoint: &str, things: usize) -> (usize, usize) {
    let adapter = adapter();
    let mut platform = busy(things);
    let mut calls = 0;
    let mut told = 0;
    for job in planned(&adapter, endpoint, None) {
        let mut counted = |request: &Request| {
            calls += 1;
            platform(request)
        };
        let pages = drive(&adapter, &job.job, job.cursor, &mut counted).unwrap();
        for page in &pages {
            assert!(page.rejects.is_empty() && (page.notices.is_empty() || things == 0), "{page:?}");
            told += page.measurements.len();
        }
    }
    (calls, told)
}

/// The last 31 days are one window, read by 500 rows; Pugongying's 90 days are three spans of 100 notes.
#[test]
fn a_morning_takes_the_fewest_calls() {
    assert_eq!(morning(ACCOUNT_TODAY, 40), (1, 1));
    assert_eq!(morning(ACCOUNT_DAYS, 40), (1, 31));
    assert_eq!(morning(CAMPAIGN_DAYS, 16), (1, 496));
    assert_eq!(morning(NOTE_DAYS, 40), (3, 1240));
    assert_eq!(morning(NOTE_DAYS, 0), (1, 0));
    assert_eq!(morning(CREATOR_NOTES, 100), (3, 300));
    assert_eq!(morning(CREATOR_NOTES, 101), (6, 303));
    assert_eq!(morning(KEYWORD_DAYS, 100), (7, 3100));
}

/// A page that is exactly full and the last is followed by none.
#[test]
fn a_report_ends_with_its_last_row() {
    let goes_on = |endpoint: &str, total: serde_json::Value| {
        let row = json!({"time": "2026-10-11", "campaign_id": 900_001, "fee": "3.00"});
        let list = json!({"page": {"total_count": total}, "campaign_dtos": [{"data": row, "base_campaign_dto": row}],
            "total_count": total, "data_list": [row]});
        let answer = json!({"code": 0, "success": true, "data": list});
        let job = job(endpoint, yesterday());
        read(&XiaohongshuConfig::default(), &job, &Cursor::default(), &answer).next.is_some()
    };
    for (endpoint, size) in [(CAMPAIGN_DAYS, 500), (CAMPAIGN_TODAY, 100)] {
        assert!(!goes_on(endpoint, json!(size)), "{endpoint}");
        assert!(goes_on(endpoint, json!((size + 1).to_string())), "{endpoint}");
        assert!(!goes_on(endpoint, json!(null)), "{endpoint}");
    }
}

#[test]
fn a_year_of_history_takes_twelve_windows() {
    let windows = |range| {
        let jobs = planned(&adapter(), ACCOUNT_DAYS, Some(range));
        jobs.iter().map(|planned| planned.job.window.unwrap().to_string()).collect::<Vec<_>>()
    };
    let year = windows(days((2025, 10, 12), (2026, 10, 12)));
    assert_eq!(year.len(), 12);
    assert_eq!(year[0], "2025-10-12..2025-11-11");
    // Today is not over, so it is not asked for.
    assert_eq!(windows(days((2026, 10, 10), (2026, 10, 13))), ["2026-10-10..2026-10-11"]);
}

/// Both tokens change with every refresh: the descriptor says so, and the transport stores before use.
#[test]
fn tokens_rotate_and_their_exchanges_are_not_repeated() {
    let adapter = adapter();
    for kind in adapter.descriptor().tokens {
        let TokenFlow::AuthorizationCode { refresh, pkce, .. } = kind.flow else { panic!("{kind:?}") };
        assert_eq!((refresh, pkce), (Refresh::Rotating, false));
        let code = Grant::Code { redirect_uri: "http://127.0.0.1:1/callback".to_owned() };
        for (grant, path, key, name) in [
            (code, "access_token", "auth_code", "code"),
            (Grant::Refresh, "refresh_token", "refresh_token", "refresh_token"),
        ] {
            let request = adapter.token_request(kind.name, &grant).unwrap();
            assert_eq!(request.url, format!("https://adapi.xiaohongshu.com/api/open/oauth2/{path}"));
            assert!(!request.idempotent && request.token.is_none());
            let Payload::Json { value, secrets } = request.payload else { panic!("no JSON") };
            assert_eq!(value, json!({"app_id": 0}));
            let named = [("app_id", "client_id"), ("secret", "client_secret"), (key, name)];
            assert_eq!(secrets, named.map(|(key, name)| (key.into(), name.into())));
        }
        assert_eq!(
            adapter.token_request(kind.name, &Grant::Client).unwrap_err().kind(),
            ErrorKind::NotOffered
        );
    }
}

/// The list of codes is not public, so the words decide.
#[test]
fn failures_are_told_by_their_words() {
    let kind = |code: i64, said: &str| {
        let body = json!({"code": code, "success": false, "msg": said, "data": null}).to_string();
        let response =
            Response { status: 200, headers: Vec::new(), body: body.into_bytes(), received_at: now() };
        adapter().classify(&response).map(|error| error.kind())
    };
    for (code, said, expected) in [
        (1, "access_token不合法", ErrorKind::CredentialExpired),
        (1, "Access-Token expired", ErrorKind::CredentialExpired),
        (1, "token无权限访问", ErrorKind::Forbidden),
        (1, "应用未授权该接口", ErrorKind::Forbidden),
        (1, "不在白名单", ErrorKind::Forbidden),
        (1, "请求频率过高", ErrorKind::RateLimited),
        (1, "QPS超限", ErrorKind::RateLimited),
        (1, "Too many requests", ErrorKind::RateLimited),
        (1, "调用次数达到上限", ErrorKind::QuotaExhausted),
        (1, "服务器繁忙", ErrorKind::Unavailable),
        (1, "system error", ErrorKind::Unavailable),
        (10002, "参数异常", ErrorKind::BadRequest),
        (10002, "page_size参数不合法", ErrorKind::BadRequest),
        (77, "", ErrorKind::Unexpected),
    ] {
        assert_eq!(kind(code, said), Some(expected), "{code} {said}");
    }
    // Read as a page, which says what to ask for instead.
    assert_eq!(kind(10002, "columns参数不合法: like"), None);
}

/// A refusal of columns where none were sent is an error like any other.
#[test]
fn where_no_columns_were_sent_a_refusal_ends_the_job() {
    let body = json!({"code": 10002, "success": false, "msg": "columns参数不合法", "data": null}).to_string();
    let body = Body::json(body, now());
    let kind = |adapter: &XiaohongshuAdapter, endpoint: &str| {
        adapter.decode(&job(endpoint, yesterday()), &Cursor::default(), &body).unwrap_err().kind()
    };
    for endpoint in [ACCOUNT_TODAY, CAMPAIGN_TODAY, EASY_DAYS, WIND_DAYS, CREATOR_NOTES] {
        assert_eq!(kind(&adapter(), endpoint), ErrorKind::BadRequest, "{endpoint}");
    }
    let config = XiaohongshuConfig { note_columns: false, ..XiaohongshuConfig::default() };
    assert_eq!(kind(&XiaohongshuAdapter::new(config), NOTE_DAYS), ErrorKind::BadRequest);
}

#[test]
fn a_torn_body_is_an_error_and_never_a_panic() {
    for (endpoint, text) in [
        (NOTE_DAYS, include_str!("../fixtures/note_days/full.http")),
        (CREATOR_NOTES, include_str!("../fixtures/creator_notes/as_documented.http")),
        (CAMPAIGN_TODAY, include_str!("../fixtures/campaign_today/full.http")),
    ] {
        let body = text.split_once("\n\n{").map(|(_, body)| format!("{{{}", body.trim_end())).unwrap();
        let job = job(endpoint, Some(days((2026, 9, 13), (2026, 10, 13))));
        let read = |bytes: &[u8]| {
            let body = Body::json(bytes, now());
            adapter().decode(&job, &Cursor::default(), &body).map_err(|error| error.kind())
        };
        assert!(!read(body.as_bytes()).unwrap().measurements.is_empty());
        for end in 0..body.len() {
            assert_eq!(read(&body.as_bytes()[..end]).unwrap_err(), ErrorKind::BadResponse, "cut at {end}");
        }
    }
}

/// Numbers that would overflow a sum are no panic.
#[test]
fn large_numbers_do_no_harm() {
    let mut rows = String::new();
    for day in 1..=9 {
        let most = i64::MAX;
        let _ = write!(
            rows,
            "{}{{\"time\":\"2026-10-0{day}\",\"click\":{most},\"like\":{most},\"comment\":{most},\"collect\":{most},\
             \"follow\":1,\"share\":1,\"interaction\":{most}}}",
            if day == 1 { "" } else { "," }
        );
    }
    let body =
        format!("{{\"code\":0,\"success\":true,\"data\":{{\"total_count\":9,\"data_list\":[{rows}]}}}}");
    let job = job(ACCOUNT_DAYS, Some(days((2026, 10, 1), (2026, 10, 10))));
    let page = adapter().decode(&job, &Cursor::default(), &Body::json(body, now())).unwrap();
    assert_eq!(page.measurements.len(), 9);
}
