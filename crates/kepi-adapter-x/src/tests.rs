//! The cases of X that the shared contract does not know: what is asked, how often, and how little.

use jiff::{Timestamp, ToSpan, civil::date};
use kepi_core::{
    AccountRef, Adapter, Body, Cursor, DateSpan, Decoder, ErrorKind, Grant, Job, PostRef, Request, Retry,
    http::{Payload, Text},
    plan::{KnownPost, PlanInput, plan},
};
use serde_json::json;

use crate::{
    Plan, XAdapter, XConfig,
    descriptor::{MEDIA_ANALYTICS, MENTIONS, POST_ANALYTICS, POSTS, TIMELINE, USERS},
};

kepi_testkit::contract!(XAdapter::from_settings, sample());

/// Settings of which each is set.
fn sample() -> serde_json::Value {
    json!({
        "base_url": "https://api.x.com",
        "authorize_base_url": "https://x.com",
        "plan": "enterprise",
        "owned_reads": false,
        "private_metrics": true,
        "promoted_metrics": true,
        "public_client": false,
        "mentions_query": "@{name} -from:{name}",
        "mentions_queries": {"x/nordlicht": "@nordlichtbikes -from:nordlichtbikes"},
    })
}

fn enterprise() -> XConfig {
    XConfig { plan: Plan::Enterprise, ..XConfig::default() }
}

fn now() -> Timestamp {
    "2026-09-08T06:00:00Z".parse().unwrap()
}

fn account(name: &str, id: Option<&str>) -> AccountRef {
    let platform_id = id.map(Into::into);
    AccountRef { platform_id, ..AccountRef::new(format!("x/{name}").parse().unwrap(), "UTC") }
}

fn nordlicht() -> AccountRef {
    account("nordlicht", Some("1440000000000000001"))
}

fn job(endpoint: &str) -> Job {
    Job {
        endpoint: endpoint.into(),
        accounts: vec![nordlicht()],
        window: None,
        posts: Vec::new(),
        planned_at: now(),
        input: None,
        refused: Vec::new(),
    }
}

fn post(id: usize, days_old: i64) -> PostRef {
    let published_at = now() - (24 * days_old).hours();
    PostRef { account: nordlicht().id, id: format!("{id:019}").into(), published_at: Some(published_at) }
}

fn days(start: (i16, i8, i8), end: (i16, i8, i8)) -> Option<DateSpan> {
    Some(DateSpan::new(date(start.0, start.1, start.2), date(end.0, end.1, end.2)))
}

fn check(config: XConfig, job: &Job, cursor: &Cursor, expected: &str) -> Request {
    let request = XAdapter::new(config).request(job, cursor).unwrap();
    assert_eq!(request.summary(), expected);
    request
}

#[test]
fn a_young_window_is_asked_for_with_private_numbers() {
    let job = Job { window: days((2026, 8, 11), (2026, 9, 9)), ..job(TIMELINE) };
    let cursor = Cursor::from_stored(Some(r#"{"page":{"token":"7140dib","after":1}}"#));
    let request = check(
        XConfig::default(),
        &job,
        &cursor,
        "GET https://api.x.com/2/users/1440000000000000001/tweets?max_results=100&exclude=retweets\
         &start_time=2026-08-11T00:00:00Z\
         &tweet.fields=created_at,lang,entities,attachments,referenced_tweets,public_metrics,non_public_metrics,organic_metrics\
         &expansions=attachments.media_keys\
         &media.fields=type,public_metrics,non_public_metrics,organic_metrics&pagination_token=7140dib",
    );
    assert_eq!((request.token.as_deref(), request.billed_items), (Some("user"), 100));
}

#[test]
fn an_older_window_is_asked_for_with_public_numbers_only() {
    let job = Job { window: days((2026, 6, 1), (2026, 7, 1)), ..job(TIMELINE) };
    check(
        XConfig::default(),
        &job,
        &Cursor::default(),
        "GET https://api.x.com/2/users/1440000000000000001/tweets?max_results=100&exclude=retweets\
         &start_time=2026-06-01T00:00:00Z&end_time=2026-07-01T00:00:00Z\
         &tweet.fields=created_at,lang,entities,attachments,referenced_tweets,public_metrics\
         &expansions=attachments.media_keys&media.fields=type,public_metrics",
    );
}

/// X refuses an end that lies ahead, so only windows that are over name theirs.
#[test]
fn the_end_is_named_when_it_is_over() {
    let names_end = |end| {
        let job = Job { window: days((2026, 8, 11), end), ..job(TIMELINE) };
        let request = XAdapter::new(XConfig::default()).request(&job, &Cursor::default()).unwrap();
        request.query.iter().any(|(key, _)| key == "end_time")
    };
    assert_eq!((names_end((2026, 9, 8)), names_end((2026, 9, 9))), (true, false));
}

#[test]
fn without_consent_a_timeline_is_read_with_the_apps_token() {
    let config = XConfig { private_metrics: false, ..XConfig::default() };
    let job = Job { window: days((2026, 8, 11), (2026, 9, 9)), ..job(TIMELINE) };
    let adapter = XAdapter::new(config);
    let request = adapter.request(&job, &Cursor::default()).unwrap();
    assert_eq!(request.token.as_deref(), Some("app"));
    assert!(!request.summary().contains("non_public"), "{}", request.summary());
    assert_eq!(adapter.descriptor().endpoint(TIMELINE).unwrap().token, Some("app"));
}

#[test]
fn accounts_with_and_without_id_are_two_steps_of_one_job() {
    let accounts = vec![nordlicht(), account("shop", None), account("de", None)];
    let job = Job { accounts, ..job(USERS) };
    let expected = "GET https://api.x.com/2/users?ids=1440000000000000001&user.fields=public_metrics";
    let request = check(XConfig::default(), &job, &Cursor::default(), expected);
    assert_eq!(request.billed_items, 1);
    let adapter = XAdapter::new(XConfig::default());
    let page = adapter.decode(&job, &Cursor::default(), &Body::json("{\"data\":[]}", now())).unwrap();
    let expected = "GET https://api.x.com/2/users/by?usernames=shop,de&user.fields=public_metrics";
    check(XConfig::default(), &job, &page.next.unwrap(), expected);
}

#[test]
fn mentions_are_searched_for_as_configured() {
    let window = days((2026, 9, 2), (2026, 9, 8));
    let tail = "&granularity=day&start_time=2026-09-02T00:00:00Z&end_time=2026-09-08T00:00:00Z";
    let url = "GET https://api.x.com/2/tweets/counts/recent?query=";
    let job = Job { window, ..job(MENTIONS) };
    let expected = format!("{url}@nordlicht -from:nordlicht{tail}");
    let request = check(XConfig::default(), &job, &Cursor::default(), &expected);
    assert_eq!((request.token.as_deref(), request.billed_items), (Some("app"), 0));
    let queries = [("x/nordlicht".to_owned(), "nordlicht bikes".to_owned())].into();
    let config = XConfig { mentions_queries: queries, ..XConfig::default() };
    check(config, &job, &Cursor::default(), &format!("{url}nordlicht bikes{tail}"));
    let config = XConfig { mentions_query: "x".repeat(513), ..XConfig::default() };
    let error = XAdapter::new(config).request(&job, &Cursor::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadConfig);
}

#[test]
fn analytics_go_back_to_the_oldest_post_of_the_batch() {
    let adapter = XAdapter::new(enterprise());
    let start = |posts: Vec<PostRef>| {
        let job = Job { posts, ..job(POST_ANALYTICS) };
        let request = adapter.request(&job, &Cursor::default()).unwrap();
        let text = |key: &str| match request.query.iter().find(|(name, _)| name == key) {
            Some((_, Text::Plain(text))) => text.clone(),
            _ => String::new(),
        };
        (text("start_time"), text("end_time"))
    };
    let end = "2026-09-08T00:00:00Z".to_owned();
    assert_eq!(start(vec![post(1, 3), post(2, 5)]), ("2026-09-03T00:00:00Z".to_owned(), end.clone()));
    assert_eq!(start(vec![post(1, 90)]), ("2026-08-09T00:00:00Z".to_owned(), end));
}

#[test]
fn videos_are_asked_for_in_hundreds() {
    let adapter = XAdapter::new(enterprise());
    let job = Job { posts: vec![post(1, 3)], ..job(MEDIA_ANALYTICS) };
    let media: Vec<_> =
        (0..250).map(|i| json!({"media_key": format!("13_{i:03}"), "type": "video"})).collect();
    let body = json!({"data": [{"id": post(1, 3).id}], "includes": {"media": media}}).to_string();
    let mut cursor = adapter.decode(&job, &Cursor::default(), &Body::json(body, now())).unwrap().next;
    let mut asked = Vec::new();
    while let Some(step) = cursor {
        let request = adapter.request(&job, &step).unwrap();
        let Some((_, Text::Plain(keys))) = request.query.first() else { panic!("no keys") };
        asked.push(keys.split(',').count());
        cursor = adapter.decode(&job, &step, &Body::json("{\"data\":[]}", now())).unwrap().next;
    }
    assert_eq!(asked, [100, 100, 50]);
}

#[test]
fn analytics_are_not_asked_for_outside_enterprise() {
    let adapter = XAdapter::new(XConfig::default());
    for endpoint in [POST_ANALYTICS, MEDIA_ANALYTICS] {
        let job = Job { posts: vec![post(1, 3)], ..job(endpoint) };
        let error = adapter.request(&job, &Cursor::default()).unwrap_err();
        assert_eq!((error.kind(), error.retry_policy()), (ErrorKind::NotOffered, Retry::Never));
        assert!(error.hint_text().unwrap().contains("enterprise"));
    }
}

#[test]
fn what_cannot_be_asked_is_said() {
    let adapter = XAdapter::new(enterprise());
    let kind = |job: &Job, cursor: Option<&str>| {
        adapter.request(job, &Cursor::from_stored(cursor)).map_err(|error| error.kind()).err()
    };
    let nameless = Job { accounts: vec![account("nordlicht", None)], ..job(TIMELINE) };
    let sly = Job { accounts: vec![account("nordlicht", Some("1/../2"))], ..job(TIMELINE) };
    assert_eq!(kind(&nameless, None), Some(ErrorKind::BadConfig));
    assert_eq!(kind(&sly, None), Some(ErrorKind::BadConfig));
    assert_eq!(kind(&job("likes"), None), Some(ErrorKind::BadRequest));
    assert_eq!(kind(&job(POSTS), None), Some(ErrorKind::BadRequest));
    assert_eq!(kind(&job(MENTIONS), None), Some(ErrorKind::BadRequest));
    assert_eq!(kind(&job(MENTIONS), Some(r#"{"page":{"token":"a","after":1}}"#)), Some(ErrorKind::Store));
    assert_eq!(kind(&job(TIMELINE), Some("torn")), Some(ErrorKind::Store));
}

/// Calls of one day: 1 per 100 accounts for profiles, 1 per account for mentions, 1 per 100 older posts of all
/// accounts together, 1 listing per account.
#[test]
fn a_day_takes_the_fewest_calls() {
    let accounts: Vec<AccountRef> =
        (0..150).map(|i| account(&format!("a{i:03}"), Some(&i.to_string()))).collect();
    let of = |i: usize, days_old| PostRef { account: accounts[i % 150].id.clone(), ..post(i, days_old) };
    let known = |post| KnownPost { post, last_observed: None };
    let posts: Vec<KnownPost> =
        (0..1_234).map(|i| known(of(i, 60))).chain((2_000..2_500).map(|i| known(of(i, 10)))).collect();
    let adapter = XAdapter::new(XConfig::default());
    let calls = |endpoint: &str| {
        let descriptor = adapter.descriptor();
        let endpoint = descriptor.endpoint(endpoint).unwrap();
        let (accounts, posts) = (&accounts[..], &posts[..]);
        let input = PlanInput { descriptor, endpoint, accounts, now: now(), range: None, posts };
        let jobs = plan(&input, &|_| None).unwrap();
        for planned in &jobs {
            adapter.request(&planned.job, &planned.cursor).unwrap();
        }
        jobs.len()
    };
    assert_eq!((calls(USERS), calls(MENTIONS), calls(TIMELINE), calls(POSTS)), (2, 150, 150, 13));
}

/// A post is read by the timeline or by its id, never by both and never by neither.
#[test]
fn every_age_is_read_once() {
    let adapter = XAdapter::new(XConfig::default());
    let descriptor = adapter.descriptor();
    let accounts = [nordlicht()];
    for days_old in 0..400 {
        let known = [KnownPost { post: post(1, days_old), last_observed: None }];
        let due = |endpoint: &str| {
            let endpoint = descriptor.endpoint(endpoint).unwrap();
            let input = PlanInput {
                descriptor,
                endpoint,
                accounts: &accounts,
                now: now(),
                range: None,
                posts: &known,
            };
            plan(&input, &|_| None).unwrap()
        };
        let published = jiff::tz::TimeZone::UTC.to_datetime(known[0].post.published_at.unwrap()).date();
        let listed = due(TIMELINE)[0].job.window.unwrap().contains(published);
        let by_id = !due(POSTS).is_empty();
        assert!(listed != by_id, "{days_old} days old: listed {listed}, by id {by_id}");
    }
}

#[test]
fn older_posts_are_read_once_a_month() {
    let adapter = XAdapter::new(XConfig::default());
    let descriptor = adapter.descriptor();
    let accounts = [nordlicht()];
    let due = |days_ago: i64| {
        let last_observed = Some(now() - (24 * days_ago).hours());
        let posts = [KnownPost { post: post(1, 200), last_observed }];
        let endpoint = descriptor.endpoint(POSTS).unwrap();
        let input =
            PlanInput { descriptor, endpoint, accounts: &accounts, now: now(), range: None, posts: &posts };
        plan(&input, &|_| None).unwrap().len()
    };
    assert_eq!((due(29), due(30)), (0, 1));
}

/// X takes searches back to exactly seven days ago, so the oldest day asked for is the sixth before today.
#[test]
fn mentions_are_asked_for_whole_days_within_seven() {
    let adapter = XAdapter::new(XConfig::default());
    let descriptor = adapter.descriptor();
    let endpoint = descriptor.endpoint(MENTIONS).unwrap();
    let accounts = [nordlicht()];
    let windows = |range: Option<DateSpan>| -> Vec<String> {
        let input = PlanInput { descriptor, endpoint, accounts: &accounts, now: now(), range, posts: &[] };
        let jobs = plan(&input, &|_| None).unwrap();
        jobs.iter().map(|job| job.job.window.unwrap().to_string()).collect()
    };
    assert_eq!(windows(None), ["2026-09-02..2026-09-07"]);
    assert_eq!(windows(days((2026, 8, 1), (2026, 9, 9))), ["2026-09-02..2026-09-07"]);
}

#[test]
fn a_torn_body_is_an_error_and_never_a_panic() {
    let adapter = XAdapter::new(XConfig::default());
    let full = include_str!("../fixtures/timeline/full.http");
    let body = full.split_once("\n\n{").map(|(_, body)| format!("{{{}", body.trim_end())).unwrap();
    let read = |bytes: &[u8]| {
        adapter
            .decode(&job(TIMELINE), &Cursor::default(), &Body::json(bytes, now()))
            .map_err(|error| error.kind())
    };
    assert_eq!(read(body.as_bytes()).unwrap().posts.len(), 3);
    for end in 0..body.len() {
        assert_eq!(read(&body.as_bytes()[..end]).unwrap_err(), ErrorKind::BadResponse, "cut at {end}");
    }
}

#[test]
fn prices_follow_the_plan() {
    use kepi_core::Cost::{Free, PerCall, PerItem};
    let costs = |config: XConfig| {
        let adapter = XAdapter::new(config);
        let of = |name: &str| adapter.descriptor().endpoint(name).unwrap().cost;
        [of(USERS), of(TIMELINE), of(POSTS), of(MENTIONS)]
    };
    let full = [PerItem(10_000), PerItem(5_000), PerItem(5_000), PerCall(5_000)];
    assert_eq!(costs(XConfig::default()), full);
    let owned = XConfig { owned_reads: true, ..XConfig::default() };
    assert_eq!(costs(owned.clone()), [full[0], PerItem(1_000), full[2], full[3]]);
    assert_eq!(costs(XConfig { private_metrics: false, ..owned }), full);
    assert_eq!(costs(XConfig { plan: Plan::Subscription, ..XConfig::default() }), [Free; 4]);
    assert_eq!(costs(enterprise()), [Free; 4]);
}

#[test]
fn token_exchanges_name_secrets_and_hold_none() {
    let code = Grant::Code { redirect_uri: "http://127.0.0.1:1/callback".to_owned() };
    let secrets = |config: &XConfig, kind, grant: &Grant| {
        let request = XAdapter::new(config.clone()).token_request(kind, grant).unwrap();
        let Payload::Form(form) = &request.payload else { panic!("no form") };
        let secret = |text: &Text| match text {
            Text::Secret(name) => Some(name.to_string()),
            Text::Plain(_) => None,
        };
        let basic = request.basic.iter().flat_map(|(user, password)| [secret(user), secret(password)]);
        let named: Vec<String> = basic.chain(form.iter().map(|(_, text)| secret(text))).flatten().collect();
        (request.url, named.join(" "), request.idempotent)
    };
    let check = |config: &XConfig, kind, grant, path: &str, named: &str, idempotent| {
        let expected = (format!("https://api.x.com{path}"), named.to_owned(), idempotent);
        assert_eq!(secrets(config, kind, grant), expected);
    };
    let confidential = XConfig::default();
    let public = XConfig { public_client: true, ..XConfig::default() };
    let url = "/2/oauth2/token";
    check(&confidential, "app", &Grant::Client, "/oauth2/token", "client_id client_secret", true);
    check(&confidential, "user", &code, url, "client_id client_secret code code_verifier", false);
    check(&confidential, "user", &Grant::Refresh, url, "client_id client_secret refresh_token", false);
    check(&public, "user", &Grant::Refresh, url, "refresh_token client_id", false);
    let error = XAdapter::new(public).token_request("app", &Grant::Refresh).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotOffered);
}
