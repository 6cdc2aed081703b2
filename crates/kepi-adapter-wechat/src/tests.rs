//! The cases of WeChat that the shared contract does not know: what is asked, how often, and how little.

use jiff::{Timestamp, civil::date};
use kepi_core::{
    AccountRef, Adapter, Body, Cursor, DateSpan, Decoder, ErrorKind, Grant, Job, Method, Notice, PostRef,
    Response, Value,
    http::Payload,
    plan::{KnownPost, PlanInput, PlannedJob, plan},
};
use serde_json::json;

use crate::{
    ArticleRows, WechatAdapter, WechatConfig,
    descriptor::{
        ACCOUNT_DAYS, ARTICLE_READS, ARTICLE_SHARES, ARTICLES, COMMENTS, FOLLOWERS, FOLLOWS, MESSAGE_SPREAD,
        MESSAGES, OLD_ACCOUNT_DAYS, OLD_ARTICLE_DAYS, OLD_ARTICLES, OLD_SHARES, PUBLISHED, QUOTA,
    },
};

kepi_testkit::contract!(WechatAdapter::from_settings, sample());

/// Settings of which each is set.
fn sample() -> serde_json::Value {
    json!({"base_url": "https://api.weixin.qq.com", "article_rows": "cumulative", "comments": true})
}

/// Half past eight in Beijing.
fn now() -> Timestamp {
    "2026-03-09T00:30:00Z".parse().unwrap()
}

fn account() -> AccountRef {
    AccountRef::new("wechat/nordlicht".parse().unwrap(), "Europe/Berlin")
}

fn job(endpoint: &str, window: Option<DateSpan>) -> Job {
    let accounts = vec![account()];
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

fn article(id: &str, published_at: &str) -> PostRef {
    PostRef { account: account().id, id: id.into(), published_at: Some(published_at.parse().unwrap()) }
}

fn days(start: (i16, i8, i8), end: (i16, i8, i8)) -> DateSpan {
    DateSpan::new(date(start.0, start.1, start.2), date(end.0, end.1, end.2))
}

fn adapter() -> WechatAdapter {
    WechatAdapter::from_settings(sample()).unwrap()
}

fn check(job: &Job, cursor: Option<&str>, path: &str, body: &serde_json::Value) {
    let request = adapter().request(job, &Cursor::from_stored(cursor)).unwrap();
    assert_eq!((request.method, request.token.as_deref()), (Method::Post, Some("app")));
    assert_eq!(request.url, format!("https://api.weixin.qq.com{path}"));
    assert_eq!(request.payload, Payload::Json { value: body.clone(), secrets: Vec::new() });
}

/// The jobs of an endpoint, each of which can be asked.
fn planned(
    adapter: &WechatAdapter,
    endpoint: &str,
    range: Option<DateSpan>,
    posts: &[KnownPost],
) -> Vec<PlannedJob> {
    let descriptor = adapter.descriptor();
    let endpoint = descriptor.endpoint(endpoint).unwrap();
    let accounts = &[account()];
    let jobs = plan(&PlanInput { descriptor, endpoint, accounts, now: now(), range, posts }, &|_| None);
    let jobs = jobs.unwrap();
    for planned in &jobs {
        adapter.request(&planned.job, &planned.cursor).unwrap();
    }
    jobs
}

fn windows(endpoint: &str, range: Option<DateSpan>) -> Vec<String> {
    let jobs = planned(&adapter(), endpoint, range, &[]);
    jobs.iter().map(|planned| planned.job.window.unwrap().to_string()).collect()
}

#[test]
fn both_days_of_a_window_are_named() {
    for (endpoint, path) in [
        (FOLLOWS, "/datacube/getusersummary"),
        (FOLLOWERS, "/datacube/getusercumulate"),
        (ACCOUNT_DAYS, "/datacube/getbizsummary"),
        (MESSAGES, "/datacube/getupstreammsg"),
        (MESSAGE_SPREAD, "/datacube/getupstreammsgdist"),
        (OLD_SHARES, "/datacube/getusershare"),
    ] {
        let job = job(endpoint, Some(days((2026, 2, 26), (2026, 3, 5))));
        check(&job, None, path, &json!({"begin_date": "2026-02-26", "end_date": "2026-03-04"}));
    }
    for (endpoint, path) in [
        (ARTICLE_READS, "/datacube/getarticleread"),
        (ARTICLE_SHARES, "/datacube/getarticleshare"),
        (ARTICLES, "/datacube/getarticletotaldetail"),
        (OLD_ARTICLE_DAYS, "/datacube/getarticlesummary"),
        (OLD_ARTICLES, "/datacube/getarticletotal"),
        (OLD_ACCOUNT_DAYS, "/datacube/getuserread"),
    ] {
        let job = job(endpoint, Some(DateSpan::day(date(2026, 3, 4))));
        check(&job, None, path, &json!({"begin_date": "2026-03-04", "end_date": "2026-03-04"}));
    }
}

#[test]
fn lists_and_quota_are_asked_for() {
    let more = json!({"offset": 40, "count": 20, "no_content": 1});
    check(&job(PUBLISHED, None), Some(r#"{"offset":40}"#), "/cgi-bin/freepublish/batchget", &more);
    let path = json!({"cgi_path": "/datacube/getarticletotaldetail"});
    check(&job(QUOTA, None), None, "/cgi-bin/openapi/quota/get", &path);
}

/// The second article of a push is 2 in its id and 1 in the list of comments.
#[test]
fn comments_count_articles_from_zero() {
    let posts = vec![article("2247501234_2", "2026-01-01T16:00:00Z")];
    let job = Job { posts, ..job(COMMENTS, None) };
    let body = json!({"msg_data_id": 2_247_501_234_u64, "index": 1, "begin": 0, "count": 1, "type": 0});
    check(&job, None, "/cgi-bin/comment/list", &body);
}

#[test]
fn what_cannot_be_asked_is_said() {
    let kind = |job: &Job, cursor: Option<&str>| {
        adapter().request(job, &Cursor::from_stored(cursor)).map_err(|error| error.kind()).err()
    };
    let commented =
        |id: &str| Job { posts: vec![article(id, "2026-01-01T16:00:00Z")], ..job(COMMENTS, None) };
    let bad = Some(ErrorKind::BadRequest);
    assert_eq!(kind(&job("likes", None), None), bad);
    assert_eq!(kind(&job(FOLLOWS, None), None), bad);
    assert_eq!(kind(&job(FOLLOWS, Some(days((2026, 3, 1), (2026, 3, 9)))), None), bad);
    assert_eq!(kind(&job(ARTICLES, Some(days((2026, 3, 1), (2026, 3, 3)))), None), bad);
    assert_eq!(kind(&job(ARTICLES, Some(days((2026, 3, 1), (2026, 3, 1)))), None), bad);
    assert_eq!(kind(&job(COMMENTS, None), None), bad);
    for id in ["2247501234", "2247501234_0", "_1", "a_1", "1_b"] {
        assert_eq!(kind(&commented(id), None), bad, "{id}");
    }
    let one_day = Some(DateSpan::day(date(2026, 3, 4)));
    assert_eq!(kind(&job(FOLLOWS, one_day), Some(r#"{"offset":20}"#)), Some(ErrorKind::Store));
    assert_eq!(kind(&job(PUBLISHED, None), Some("torn")), Some(ErrorKind::Store));
    let unasked = WechatAdapter::new(WechatConfig::default());
    let error = unasked.request(&commented("2247501234_1"), &Cursor::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotOffered);
    assert!(error.hint_text().unwrap().contains("comments = true"));
}

/// Followers 2, account 1, readers 1, sharers 1, articles 30: the 35 of the content and its readers. Beside
/// them messages 2, published articles 1, the quota 1; nothing of the series that ended.
#[test]
fn a_morning_takes_the_fewest_calls() {
    let adapter = adapter();
    let calls = |endpoint: &&str| planned(&adapter, endpoint, None, &[]).len();
    let content = [FOLLOWS, FOLLOWERS, ACCOUNT_DAYS, ARTICLE_READS, ARTICLE_SHARES, ARTICLES];
    assert_eq!(content.iter().map(calls).collect::<Vec<_>>(), [1, 1, 1, 1, 1, 30]);
    let others = [MESSAGES, MESSAGE_SPREAD, PUBLISHED, QUOTA, COMMENTS];
    assert_eq!(others.iter().map(calls).collect::<Vec<_>>(), [1, 1, 1, 1, 0]);
    let old = [OLD_ACCOUNT_DAYS, OLD_SHARES, OLD_ARTICLE_DAYS, OLD_ARTICLES];
    assert_eq!(old.iter().map(calls).collect::<Vec<_>>(), [0, 0, 0, 0]);
}

#[test]
fn two_days_of_the_account_and_thirty_of_publishing_are_read_again() {
    assert_eq!(windows(FOLLOWS, None), ["2026-03-07..2026-03-08"]);
    assert_eq!(windows(ARTICLE_READS, None), ["2026-03-08..2026-03-08"]);
    let published = windows(ARTICLES, None);
    assert_eq!(published.first().map(String::as_str), Some("2026-02-07..2026-02-07"));
    assert_eq!(published.last().map(String::as_str), Some("2026-03-08..2026-03-08"));
}

/// The series meet at the end of October 2025, without gap or overlap.
#[test]
fn history_is_read_from_the_series_that_has_it() {
    let range = Some(days((2025, 10, 29), (2025, 11, 3)));
    assert_eq!(windows(OLD_ACCOUNT_DAYS, range), ["2025-10-29..2025-10-31"]);
    assert_eq!(windows(OLD_SHARES, range), ["2025-10-29..2025-10-31"]);
    let days = ["2025-10-29..2025-10-29", "2025-10-30..2025-10-30", "2025-10-31..2025-10-31"];
    assert_eq!(windows(OLD_ARTICLES, range), days);
    assert_eq!(windows(ACCOUNT_DAYS, range), ["2025-11-01..2025-11-02"]);
    assert_eq!(windows(ARTICLES, range), ["2025-11-01..2025-11-01", "2025-11-02..2025-11-02"]);
    let before = Some(DateSpan::new(date(2014, 11, 25), date(2014, 12, 3)));
    assert_eq!(windows(FOLLOWS, before), ["2014-12-01..2014-12-02"]);
}

/// Comments are counted where the article's own numbers have ended, and once a month.
#[test]
fn comments_begin_where_the_numbers_of_an_article_end() {
    let due = |published_at: &str, last_observed: Option<&str>| {
        let last_observed = last_observed.map(|at| at.parse().unwrap());
        let posts = [KnownPost { post: article("2247501234_1", published_at), last_observed }];
        planned(&adapter(), COMMENTS, None, &posts).len()
    };
    assert_eq!(due("2026-02-08T16:00:00Z", None), 0);
    assert_eq!(due("2026-02-05T16:00:00Z", None), 1);
    assert_eq!(due("2026-01-05T16:00:00Z", Some("2026-02-10T00:00:00Z")), 0);
    assert_eq!(due("2026-01-05T16:00:00Z", Some("2026-02-07T00:00:00Z")), 1);
}

/// One article that is gone must not keep the comments of all others from being counted.
#[test]
fn a_missing_article_fails_nothing_but_the_list_of_its_comments() {
    let response = |code: i64| Response {
        status: 200,
        headers: Vec::new(),
        body: json!({"errcode": code, "errmsg": "no"}).to_string().into_bytes(),
        received_at: now(),
    };
    assert!(adapter().decodes_refusal(COMMENTS, &response(88001)));
    assert!(!adapter().decodes_refusal(COMMENTS, &response(88000)));
    assert!(!adapter().decodes_refusal(PUBLISHED, &response(88001)));
}

fn articles_of(config: WechatConfig, body: &str) -> kepi_core::Page {
    let job = job(ARTICLES, Some(DateSpan::day(date(2026, 3, 6))));
    WechatAdapter::new(config).decode(&job, &Cursor::default(), &Body::json(body, now())).unwrap()
}

const FALLING: &str = r#"{"list":[{"ref_date":"2026-03-06","msgid":"1_1","detail_list":[
    {"stat_date":"2026-03-06","read_user":50,"like_user":4},{"stat_date":"2026-03-07","read_user":9,"like_user":1}]}],
    "is_delay":false}"#;

#[test]
fn a_running_total_that_falls_is_told_and_not_built_upon() {
    let page = articles_of(WechatConfig::default(), FALLING);
    assert!(page.measurements.iter().all(|one| one.provisional), "{page:?}");
    let told = |notice: &Notice| matches!(notice, Notice::Remark { text } if text.contains("from 50 to 9"));
    assert!(page.notices.iter().any(told), "{:?}", page.notices);
}

#[test]
fn increments_are_days() {
    let config = WechatConfig { article_rows: ArticleRows::Daily, ..WechatConfig::default() };
    let page = articles_of(config.clone(), FALLING);
    let likes: Vec<_> =
        page.measurements.iter().map(|one| (one.window.clone(), one.value("likes").cloned())).collect();
    let day = |day: i8, likes| (kepi_core::Window::Day(date(2026, 3, day)), Some(Value::Count(likes)));
    assert_eq!(likes, [day(6, 4), day(7, 1)]);
    assert!(page.notices.is_empty(), "{:?}", page.notices);
    let adapter = WechatAdapter::new(config);
    let endpoint = adapter.descriptor().endpoint(ARTICLES).unwrap();
    assert!(endpoint.fields.iter().all(|field| field.window == kepi_core::WindowKind::Day));
}

/// A row whose day cannot be read might be of any day: no sum is told.
#[test]
fn a_row_without_day_leaves_all_sums_out() {
    let body = r#"{"list":[{"ref_date":"2026-03-06","user_source":0,"new_user":5,"cancel_user":1},
        {"ref_date":"soon","user_source":1,"new_user":7,"cancel_user":1}]}"#;
    let job = job(FOLLOWS, Some(DateSpan::day(date(2026, 3, 6))));
    let page = adapter().decode(&job, &Cursor::default(), &Body::json(body, now())).unwrap();
    assert_eq!((page.measurements.len(), page.rejects.len()), (1, 1));
    assert_eq!(page.measurements[0].segment.as_ref().unwrap().value, "other");
}

#[test]
fn the_stable_token_is_asked_for_without_force() {
    let request = adapter().token_request("app", &Grant::Client).unwrap();
    assert_eq!(request.url, "https://api.weixin.qq.com/cgi-bin/stable_token");
    let Payload::Json { value, secrets } = request.payload else { panic!("no JSON") };
    assert_eq!(value, json!({"grant_type": "client_credential", "force_refresh": false}));
    let named = [("appid".into(), "client_id".into()), ("secret".into(), "client_secret".into())];
    assert_eq!(secrets, named);
    assert_eq!(adapter().token_request("app", &Grant::Refresh).unwrap_err().kind(), ErrorKind::NotOffered);
}

#[test]
fn a_torn_body_is_an_error_and_never_a_panic() {
    let full = include_str!("../fixtures/articles/full.http");
    let body = full.split_once("\n\n{").map(|(_, body)| format!("{{{}", body.trim_end())).unwrap();
    let job = job(ARTICLES, Some(DateSpan::day(date(2026, 3, 2))));
    let read = |bytes: &[u8]| {
        let body = Body::json(bytes, now());
        adapter().decode(&job, &Cursor::default(), &body).map_err(|error| error.kind())
    };
    assert_eq!(read(body.as_bytes()).unwrap().posts.len(), 1);
    for end in 0..body.len() {
        assert_eq!(read(&body.as_bytes()[..end]).unwrap_err(), ErrorKind::BadResponse, "cut at {end}");
    }
}
