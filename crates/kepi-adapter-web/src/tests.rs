//! The shared contract, then the cases of Google that it does not know: what is asked, how often, and how little.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::date};
use kepi_core::{
    AccountRef, Adapter, Body, Cursor, DateSpan, Decoder, ErrorKind, Grant, Job, Method, Notice, Page,
    Request, Retry, Stream, Traffic, Value, Window,
    http::{Payload, Response, Text},
    plan::{PlanInput, PlannedJob, StreamState, plan},
};
use serde_json::json;

use crate::{
    WebAdapter,
    descriptor::{
        CAMPAIGNS, CONTENTS, COUNTRIES, DEVICES, LANDING_PAGES, OWN_SOURCE_RULES, REVIEWS, SOURCE_RULES,
        TRAFFIC, VISITORS,
    },
};

kepi_testkit::contract!(WebAdapter::from_settings, sample());

/// Settings of which each is set.
fn sample() -> serde_json::Value {
    json!({
        "base_url": "https://analyticsdata.googleapis.com",
        "business_base_url": "https://mybusiness.googleapis.com",
        "oauth_base_url": "https://oauth2.googleapis.com",
        "authorize_base_url": "https://accounts.google.com",
        "analytics_360": false,
        "lookback_days": 3,
        "reports": ["visitors", "campaigns", "contents", "landing_pages", "countries", "devices"],
        "social_sources": {},
        "reviews_by_day": true,
    })
}

fn now() -> Timestamp {
    "2026-09-04T06:00:00Z".parse().unwrap()
}

fn with(settings: serde_json::Value) -> WebAdapter {
    WebAdapter::from_settings(settings).unwrap()
}

fn adapter() -> WebAdapter {
    with(json!({}))
}

fn account(name: &str, platform_id: Option<&str>) -> AccountRef {
    AccountRef {
        platform_id: platform_id.map(Into::into),
        ..AccountRef::new(format!("web/{name}").parse().unwrap(), "Europe/Paris")
    }
}

fn site() -> AccountRef {
    account("site", Some("properties/300000001"))
}

fn store() -> AccountRef {
    account("store", Some("accounts/111/locations/222"))
}

fn job(endpoint: &str, account: AccountRef) -> Job {
    Job {
        endpoint: endpoint.into(),
        accounts: vec![account],
        window: Some(DateSpan::new(date(2026, 9, 1), date(2026, 9, 4))),
        posts: Vec::new(),
        planned_at: now(),
        refused: Vec::new(),
        input: None,
    }
}

/// The jobs of an endpoint.
fn planned(
    adapter: &WebAdapter,
    endpoint: &str,
    accounts: &[AccountRef],
    range: Option<DateSpan>,
    state: Option<&StreamState>,
) -> Vec<PlannedJob> {
    let descriptor = adapter.descriptor();
    let endpoint = descriptor.endpoint(endpoint).unwrap();
    let input = PlanInput { descriptor, endpoint, accounts, now: now(), range, posts: &[] };
    plan(&input, &|_: &Stream| state.cloned()).unwrap()
}

const EVERY_ENDPOINT: [&str; 8] =
    [TRAFFIC, VISITORS, CAMPAIGNS, CONTENTS, LANDING_PAGES, COUNTRIES, DEVICES, REVIEWS];

/// Drives an account's jobs against a Google that answers each with one page, and counts the calls.
fn calls(adapter: &WebAdapter, account: &AccountRef) -> Vec<usize> {
    let empty = r#"{"kind":"analyticsData#runReport","totalReviewCount":0,"nextPageToken":"more"}"#;
    let body = Body::json(empty, now());
    let of = |endpoint: &&str| {
        let mut calls = 0;
        for planned in planned(adapter, endpoint, std::slice::from_ref(account), None, None) {
            let mut cursor = Some(planned.cursor);
            while let Some(at) = cursor {
                match adapter.request(&planned.job, &at) {
                    Ok(_) => calls += 1,
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::NotOffered, "{endpoint}: {error:?}");
                        break;
                    }
                }
                cursor = adapter.decode(&planned.job, &at, &body).unwrap().next;
            }
        }
        calls
    };
    EVERY_ENDPOINT.iter().map(of).collect()
}

/// One for a property and one for a place; what is asked for beside is one more each. Posts cost nothing.
#[test]
fn a_day_takes_one_call_for_a_property_and_one_for_a_place() {
    assert_eq!(calls(&adapter(), &site()), [1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(calls(&adapter(), &store()), [0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(calls(&with(json!({"reports": ["visitors", "devices"]})), &site()), [1, 1, 0, 0, 0, 0, 1, 0]);
    assert_eq!(calls(&with(sample()), &site()), [1, 1, 1, 1, 1, 1, 1, 0]);
    assert_eq!(calls(&with(json!({"reviews_by_day": true})), &store()), [0, 0, 0, 0, 0, 0, 0, 1]);
}

/// Three days are read again in one call; a quarter of history is one call as well.
#[test]
fn days_are_read_three_times() {
    let windows = |adapter: &WebAdapter, range| {
        let jobs = planned(adapter, TRAFFIC, &[site()], range, None);
        jobs.iter().map(|planned| planned.job.window.unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(windows(&adapter(), None), ["2026-09-01..2026-09-03"]);
    assert_eq!(windows(&with(json!({"lookback_days": 5})), None), ["2026-08-30..2026-09-03"]);
    let quarter = Some(DateSpan::new(date(2026, 4, 1), date(2026, 7, 1)));
    assert_eq!(windows(&adapter(), quarter), ["2026-04-01..2026-06-30"]);
}

fn body(request: &Request) -> &serde_json::Value {
    let Payload::Json { value, .. } = &request.payload else { panic!("no JSON: {request:?}") };
    value
}

#[test]
fn a_report_is_asked_for_as_google_wants_it() {
    let request = adapter().request(&job(TRAFFIC, site()), &Cursor::default()).unwrap();
    assert_eq!((request.method, request.token.as_deref()), (Method::Post, Some("analytics")));
    assert_eq!(request.url, "https://analyticsdata.googleapis.com/v1beta/properties/300000001:runReport");
    assert_eq!(
        *body(&request),
        json!({
            "dateRanges": [{"startDate": "2026-09-01", "endDate": "2026-09-03"}],
            "dimensions": [
                {"name": "date"}, {"name": "sessionDefaultChannelGroup"}, {"name": "sessionSource"},
                {"name": "sessionMedium"},
            ],
            "metrics": [
                {"name": "sessions"}, {"name": "engagedSessions"}, {"name": "averageSessionDuration"},
                {"name": "screenPageViews"}, {"name": "keyEvents"}, {"name": "totalRevenue"},
            ],
            "orderBys": [
                {"dimension": {"dimensionName": "date"}},
                {"dimension": {"dimensionName": "sessionDefaultChannelGroup"}},
                {"dimension": {"dimensionName": "sessionSource"}},
                {"dimension": {"dimensionName": "sessionMedium"}},
            ],
            "limit": "25000",
            "offset": "0",
            "returnPropertyQuota": true,
        })
    );
    let later = Cursor::from_stored(Some(r#"{"rows":{"offset":25000}}"#));
    let request = adapter().request(&job(TRAFFIC, site()), &later).unwrap();
    assert_eq!(body(&request)["offset"], "25000");
}

/// Google takes at most nine dimensions and ten metrics.
#[test]
fn no_report_asks_for_more_than_google_takes() {
    for query in &crate::descriptor::QUERIES {
        assert!(query.dimensions.len() <= 9 && query.metrics.len() <= 10, "{}", query.endpoint);
        assert_eq!(query.dimensions.first(), Some(&"date"), "{}", query.endpoint);
    }
}

#[test]
fn reviews_are_asked_for_one_or_fifty_at_a_time() {
    for (settings, size) in [(json!({}), "1"), (json!({"reviews_by_day": true}), "50")] {
        let request = with(settings).request(&job(REVIEWS, store()), &Cursor::default()).unwrap();
        assert_eq!((request.method, request.token.as_deref()), (Method::Get, Some("business")));
        assert_eq!(request.url, "https://mybusiness.googleapis.com/v4/accounts/111/locations/222/reviews");
        assert_eq!(request.query[0], ("pageSize".into(), Text::Plain(size.to_owned())));
        assert_eq!(request.query[1], ("orderBy".into(), Text::Plain("updateTime desc".to_owned())));
    }
}

#[test]
fn what_cannot_be_asked_is_said() {
    let kind = |job: &Job, cursor: Option<&str>| {
        with(sample()).request(job, &Cursor::from_stored(cursor)).map_err(|error| error.kind()).err()
    };
    assert_eq!(kind(&job(TRAFFIC, account("site", Some("300000001"))), None), None);
    assert_eq!(kind(&job(TRAFFIC, store()), None), Some(ErrorKind::NotOffered));
    assert_eq!(kind(&job(REVIEWS, site()), None), Some(ErrorKind::NotOffered));
    for id in [None, Some("UA-12345-1"), Some("properties/"), Some("accounts/111"), Some("locations/222")] {
        assert_eq!(kind(&job(TRAFFIC, account("site", id)), None), Some(ErrorKind::BadConfig), "{id:?}");
        assert_eq!(kind(&job(REVIEWS, account("site", id)), None), Some(ErrorKind::BadConfig), "{id:?}");
    }
    assert_eq!(kind(&job("likes", site()), None), Some(ErrorKind::BadRequest));
    assert_eq!(kind(&Job { window: None, ..job(TRAFFIC, site()) }, None), Some(ErrorKind::BadRequest));
    assert_eq!(kind(&job(REVIEWS, store()), Some(r#"{"rows":{"offset":1}}"#)), Some(ErrorKind::Store));
    let error = adapter().request(&job(CAMPAIGNS, site()), &Cursor::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotOffered);
    assert!(error.hint_text().unwrap().contains("campaigns"), "{error:?}");
    assert_eq!(error.message(), "visits by campaign are not asked for");
}

#[test]
fn settings_that_cannot_be_are_refused() {
    for (settings, word) in [
        (json!({"lookback_days": 0}), "lookback_days"),
        (json!({"lookback_days": 31}), "lookback_days"),
        (json!({"reports": ["likes"]}), "reports"),
        (json!({"social_sources": {"Insta": ["ig"]}}), "social_sources"),
        (json!({"social_sources": {"instagram": ["IG"]}}), "social_sources"),
        (json!({"social_sources": {"instagram": ["t.co"]}}), "social_sources"),
    ] {
        let error = WebAdapter::from_settings(settings.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadConfig, "{settings}");
        let said = format!("{error} {:?}", error.hint_text());
        assert!(said.contains(word) || said.contains("visitors"), "{settings}: {said}");
    }
}

type Row<'a> = (&'a str, &'a str, &'a str, &'a str, i64);

/// A report of sessions by channel, source and medium.
fn report(rows: &[Row<'_>], count: Option<usize>) -> String {
    let cells =
        |cells: &[&str]| -> serde_json::Value { cells.iter().map(|cell| json!({"value": cell})).collect() };
    let row = |(day, channel, source, medium, sessions): &Row<'_>| {
        json!({
            "dimensionValues": cells(&[day, channel, source, medium]),
            "metricValues": cells(&[&sessions.to_string()]),
        })
    };
    let names = ["date", "sessionDefaultChannelGroup", "sessionSource", "sessionMedium"];
    json!({
        "dimensionHeaders": names.map(|name| json!({"name": name})),
        "metricHeaders": [{"name": "sessions", "type": "TYPE_INTEGER"}],
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
        "rowCount": count.unwrap_or(rows.len()),
        "metadata": {"timeZone": "Europe/Paris", "currencyCode": "EUR"},
    })
    .to_string()
}

fn read(adapter: &WebAdapter, cursor: &Cursor, text: String) -> Page {
    adapter.decode(&job(TRAFFIC, site()), cursor, &Body::json(text, now())).unwrap()
}

/// Sessions by segment and traffic of a day.
fn sessions(page: &Page, day: i8) -> BTreeMap<String, i64> {
    let of_day = |one: &&kepi_core::Measurement| one.window == Window::Day(date(2026, 9, day));
    let told = page.measurements.iter().filter(of_day).filter_map(|one| {
        let segment = one.segment.as_ref();
        let name = segment.map_or("all".to_owned(), |part| format!("{}={}", part.dimension, part.value));
        let Some(Value::Count(count)) = one.value("sessions") else { return None };
        Some((format!("{name} {}", one.traffic.as_str()), *count))
    });
    told.collect()
}

fn expected(pairs: &[(&str, i64)]) -> BTreeMap<String, i64> {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn sources_are_platforms_by_whole_names_and_domains() {
    let platform = |settings: serde_json::Value, source: &str, channel: &str| {
        let page =
            read(&with(settings), &Cursor::default(), report(&[("20260901", channel, source, "m", 1)], None));
        let social = page.measurements.iter().filter(|one| one.traffic == Traffic::Total);
        let mut social = social.filter_map(|one| one.segment.clone()).filter(|one| one.dimension == "social");
        social.find(|one| one.value != "all").map(|one| one.value.to_string())
    };
    for (source, of) in [
        ("l.instagram.com", Some("instagram")),
        ("Instagram", Some("instagram")),
        ("ig", Some("instagram")),
        ("linkedin.com", Some("linkedin")),
        ("lnkd.in", Some("linkedin")),
        ("t.co", Some("x")),
        ("x.com", Some("x")),
        ("twitter.com", Some("x")),
        ("weibo.com", Some("weibo")),
        ("m.weibo.cn", Some("weibo")),
        ("weixin", Some("wechat")),
        ("mp.weixin.qq.com", Some("wechat")),
        ("douyin.com", Some("douyin")),
        ("www.xiaohongshu.com", Some("xiaohongshu")),
        ("qq.com", None),
        ("pint.co", None),
        ("netflix.com", None),
        ("notinstagram.com", None),
        ("instagram.com.example", None),
        ("big", None),
        ("promo.ig", None),
    ] {
        assert_eq!(platform(json!({}), source, "Referral").as_deref(), of, "{source}");
    }
    assert_eq!(platform(json!({}), "forum.example", "Organic Social").as_deref(), Some("other"));
    let own = json!({"social_sources": {"forum": ["forum.example"], "instagram": ["insta"]}});
    assert_eq!(platform(own.clone(), "www.forum.example", "Referral").as_deref(), Some("forum"));
    assert_eq!(platform(own.clone(), "insta", "Referral").as_deref(), Some("instagram"));
    assert_eq!(platform(own.clone(), "ig", "Referral"), None);
    assert_eq!(platform(own, "t.co", "Referral").as_deref(), Some("x"));
}

/// Numbers under other rules are another series.
#[test]
fn the_version_of_the_rules_is_told() {
    for (settings, rules) in
        [(json!({}), SOURCE_RULES), (json!({"social_sources": {"instagram": ["ig"]}}), OWN_SOURCE_RULES)]
    {
        let adapter = with(settings);
        let page =
            read(&adapter, &Cursor::default(), report(&[("20260901", "Referral", "ig", "m", 1)], None));
        let told = page
            .measurements
            .iter()
            .filter(|one| one.segment.as_ref().is_some_and(|s| s.dimension == "social"));
        let told: Vec<_> = told.flat_map(|one| &one.values).map(|one| one.definition.as_deref()).collect();
        assert_eq!(told, [Some(rules); 4]);
        let declared = adapter.descriptor().endpoint(TRAFFIC).unwrap().fields.iter();
        assert!(declared.filter(|field| field.segment == "social").all(|field| field.definition == rules));
    }
}

/// All, organic and paid of a platform stand apart, and what the channel does not tell is in neither.
#[test]
fn paid_and_organic_visits_of_a_platform_stand_apart() {
    let rows = [
        ("20260901", "Organic Social", "instagram.com", "referral", 40),
        ("20260901", "Paid Social", "ig", "cpc", 25),
        ("20260901", "Display", "instagram", "cpm", 7),
        ("20260901", "Unassigned", "instagram", "story", 5),
        ("20260901", "Direct", "(direct)", "(none)", 100),
    ];
    let page = read(&adapter(), &Cursor::default(), report(&rows, None));
    let mut told = sessions(&page, 1);
    told.retain(|name, _| name.starts_with("all") || name.starts_with("social"));
    assert_eq!(
        told,
        expected(&[
            ("all total", 177),
            ("social=all organic", 40),
            ("social=all paid", 32),
            ("social=all total", 77),
            ("social=instagram organic", 40),
            ("social=instagram paid", 32),
            ("social=instagram total", 77),
        ])
    );
}

/// Sums are of whole days, wherever a page ends; a row that comes again is not counted again.
#[test]
fn a_page_that_ends_within_a_day_leaves_it_to_the_next() {
    let rows: Vec<Row<'_>> = vec![
        ("20260901", "Direct", "(direct)", "(none)", 10),
        ("20260901", "Referral", "a.example", "referral", 1),
        ("20260902", "Direct", "(direct)", "(none)", 20),
        ("20260902", "Referral", "a.example", "referral", 2),
        ("20260903", "Direct", "(direct)", "(none)", 30),
    ];
    let whole = read(&adapter(), &Cursor::default(), report(&rows, None));
    assert_eq!(whole.next, None);
    for size in 3..5 {
        let (mut cursor, mut offset, mut told) = (Cursor::default(), 0, BTreeMap::new());
        let mut asked = 0;
        loop {
            let page = rows.get(offset..(offset + size).min(rows.len())).unwrap();
            let page = read(&adapter(), &cursor, report(page, Some(rows.len())));
            for day in 1..4 {
                let sums = sessions(&page, day);
                if !sums.is_empty() {
                    assert_eq!(told.insert(day, sums), None, "day {day} is told twice");
                }
            }
            asked += 1;
            let Some(next) = page.next else { break };
            cursor = next;
            let request = adapter().request(&job(TRAFFIC, site()), &cursor).unwrap();
            offset = body(&request)["offset"].as_str().unwrap().parse().unwrap();
            assert!(asked < 6);
        }
        let all: BTreeMap<i8, _> = (1..4).map(|day| (day, sessions(&whole, day))).collect();
        assert_eq!(told, all, "pages of {size}");
    }
    let twice = [rows.clone(), vec![rows[0]]].concat();
    let mut twice_sorted = twice;
    twice_sorted.sort();
    let page = read(&adapter(), &Cursor::default(), report(&twice_sorted, None));
    assert_eq!(sessions(&page, 1), sessions(&whole, 1));
}

/// A day that has more rows than a page has no sums, and that is said once.
#[test]
fn a_day_longer_than_a_page_is_a_gap() {
    let rows: Vec<Row<'_>> = vec![
        ("20260901", "Direct", "(direct)", "(none)", 10),
        ("20260901", "Referral", "a.example", "referral", 1),
        ("20260901", "Referral", "b.example", "referral", 1),
        ("20260902", "Direct", "(direct)", "(none)", 20),
    ];
    let gaps = |page: &Page| page.notices.iter().filter(|one| matches!(one, Notice::Gap { .. })).count();
    let first = read(&adapter(), &Cursor::default(), report(&rows[..2], Some(4)));
    assert_eq!((sessions(&first, 1).len(), gaps(&first)), (0, 1));
    let second = read(&adapter(), &first.next.unwrap(), report(&rows[2..], Some(4)));
    assert_eq!((sessions(&second, 1).len(), gaps(&second), second.next.clone()), (0, 0, None));
    assert_eq!(sessions(&second, 2)["all total"], 20);
}

#[test]
fn rows_out_of_order_are_no_base_for_sums_when_more_follow() {
    let rows =
        [("20260902", "Direct", "(direct)", "(none)", 10), ("20260901", "Direct", "(direct)", "(none)", 10)];
    let body = |count| Body::json(report(&rows, Some(count)), now());
    let read = |count| adapter().decode(&job(TRAFFIC, site()), &Cursor::default(), &body(count));
    assert_eq!(read(3).unwrap_err().kind(), ErrorKind::BadResponse);
    assert_eq!(read(2).unwrap().next, None);
}

/// A row that cannot be read is set aside once, and takes only the sums with it that it belongs to.
#[test]
fn a_bad_row_takes_its_own_sums_along_and_no_others() {
    let good = [
        ("20260901", "Direct", "(direct)", "(none)", 10),
        ("20260901", "Referral", "a.example", "referral", 1),
    ];
    let text = report(&good, None).replace(r#"{"value":"1"}"#, r#"{"value":"many"}"#);
    let page = read(&adapter(), &Cursor::default(), text);
    assert_eq!(page.rejects.len(), 1);
    let kept = expected(&[("channel=Direct total", 10), ("source_medium=(direct) / (none) total", 10)]);
    assert_eq!(sessions(&page, 1), kept);
    // The day that is left to the next page leaves its bad rows to it as well.
    let rows = [good[0], ("20260902", "Referral", "a.example", "referral", 1)];
    let text = report(&rows, Some(3)).replace(r#"{"value":"1"}"#, r#"{"value":"many"}"#);
    let page = read(&adapter(), &Cursor::default(), text);
    assert_eq!(page.rejects.len(), 0);
    assert_eq!(page.next.unwrap().as_stored(), Some(r#"{"rows":{"offset":1}}"#));
}

/// The newest day is not final for two days; the third reading settles it.
#[test]
fn a_day_is_settled_by_its_last_reading() {
    let provisional = |at: &str| {
        let text = report(&[("20260901", "Direct", "(direct)", "(none)", 10)], None);
        let body = Body::json(text, at.parse().unwrap());
        adapter().decode(&job(TRAFFIC, site()), &Cursor::default(), &body).unwrap().measurements[0]
            .provisional
    };
    assert!(provisional("2026-09-02T06:00:00Z"));
    assert!(provisional("2026-09-03T06:00:00Z"));
    assert!(!provisional("2026-09-04T06:00:00Z"));
}

/// Zones may have other names and the same clock.
#[test]
fn days_of_another_zone_are_told() {
    let remarks = |zone: &str, at: &str| {
        let text = report(&[("20260901", "Direct", "(direct)", "(none)", 10)], None);
        let text = text.replace("Europe/Paris", zone);
        let body = Body::json(text, at.parse().unwrap());
        let page = adapter().decode(&job(TRAFFIC, site()), &Cursor::default(), &body).unwrap();
        page.notices.iter().filter(|one| matches!(one, Notice::Remark { .. })).count()
    };
    assert_eq!(remarks("Europe/Paris", "2026-09-04T06:00:00Z"), 0);
    assert_eq!(remarks("Europe/Berlin", "2026-09-04T06:00:00Z"), 0);
    assert_eq!(remarks("Europe/London", "2026-09-04T06:00:00Z"), 1);
    assert_eq!(remarks("Africa/Lagos", "2026-01-04T06:00:00Z"), 1);
    assert_eq!(remarks("Mars/Olympus", "2026-09-04T06:00:00Z"), 1);
}

fn at_noon(day: i8, hour: i8) -> String {
    format!("2026-09-{day:02}T{hour:02}:00:00Z")
}

fn reviews(stars_and_times: &[(&str, String)], more: bool) -> String {
    let review =
        |(stars, at): &(&str, String)| json!({"starRating": stars, "createTime": at, "updateTime": at});
    let list: Vec<_> = stars_and_times.iter().map(review).collect();
    let mut body = json!({"reviews": list, "averageRating": 4.3, "totalReviewCount": 211});
    if more {
        body["nextPageToken"] = json!("more");
    } else {
        body["totalReviewCount"] = json!(list.len());
    }
    body.to_string()
}

/// Counts of reviews by day, of the days that are told.
fn counts(settings: serde_json::Value, text: String) -> BTreeMap<i8, i64> {
    let body = Body::json(text, "2026-09-10T06:00:00Z".parse().unwrap());
    let page = with(settings).decode(&job(REVIEWS, store()), &Cursor::default(), &body).unwrap();
    let told = page.measurements.iter().filter(|one| one.segment.is_none()).filter_map(|one| {
        let (Window::Day(day), Some(Value::Count(count))) = (&one.window, one.value("rating_count")) else {
            return None;
        };
        Some((day.day(), *count))
    });
    told.collect()
}

/// A page of the newest fifty tells all reviews of the days after its oldest change; of the day of that change it
/// may lack some, and today is not over.
#[test]
fn reviews_are_counted_by_days_that_the_page_covers() {
    let by_day = json!({"reviews_by_day": true});
    let newest = [
        ("FIVE", at_noon(10, 5)),
        ("FOUR", at_noon(9, 12)),
        ("ONE", at_noon(7, 22)),
        ("TWO", at_noon(7, 12)),
        ("TWO", at_noon(6, 12)),
    ];
    // 22:00 in UTC is the next day in Paris.
    let told = [(7, 1), (8, 1), (9, 1)];
    assert_eq!(counts(by_day.clone(), reviews(&newest, true)), told.into());
    assert_eq!(counts(json!({}), reviews(&newest, true)), BTreeMap::new());
    // All that there ever were: each of the last four weeks' days is known.
    let all = counts(by_day.clone(), reviews(&newest, false));
    assert_eq!(all.len(), 28);
    assert_eq!((all[&6], all[&7], all[&5], all[&31]), (1, 1, 0, 0));
    // Fewer than Google says there are, and no more: not all.
    let short = reviews(&newest, false).replace("\"totalReviewCount\":5", "\"totalReviewCount\":6");
    assert_eq!(counts(by_day, short), told.into());
}

#[test]
fn failures_say_when_to_try_again() {
    let error = |status: u16, message: &str| {
        let body = json!({"error": {"code": status, "message": message, "status": "X"}}).to_string();
        let response = Response { status, headers: Vec::new(), body: body.into_bytes(), received_at: now() };
        let error = adapter().classify(&response).unwrap();
        (error.kind(), error.retry_policy())
    };
    // Midnight in California, in summer.
    let midnight = "2026-09-04T07:00:00Z".parse().unwrap();
    let day = "Exhausted property tokens per day.";
    assert_eq!(error(429, day), (ErrorKind::QuotaExhausted, Retry::At(midnight)));
    let secs = |n| Retry::After(std::time::Duration::from_secs(n));
    let hour = "Exhausted property tokens for a project per hour.";
    assert_eq!(error(429, hour), (ErrorKind::QuotaExhausted, secs(3600)));
    assert_eq!(error(429, "Exhausted concurrent requests quota."), (ErrorKind::RateLimited, Retry::Backoff));
    assert_eq!(error(429, "limit 'Requests per minute'"), (ErrorKind::RateLimited, secs(60)));
    assert_eq!(error(500, "Internal error"), (ErrorKind::Unavailable, secs(120)));
    assert_eq!(error(401, "no"), (ErrorKind::CredentialExpired, Retry::Never));
}

/// Neither token nor secret stands in a request; only their names do.
#[test]
fn tokens_are_exchanged_without_being_named() {
    let code = Grant::Code { redirect_uri: "http://127.0.0.1:8765/".to_owned() };
    for kind in ["analytics", "business"] {
        let request = adapter().token_request(kind, &code).unwrap();
        assert_eq!(
            (request.url.as_str(), request.idempotent),
            ("https://oauth2.googleapis.com/token", false)
        );
        let Payload::Form(form) = &request.payload else { panic!("no form") };
        let secrets: Vec<&str> = form
            .iter()
            .filter_map(|(_, text)| if let Text::Secret(name) = text { Some(name.as_str()) } else { None })
            .collect();
        assert_eq!(secrets, ["code", "code_verifier", "client_id", "client_secret"]);
        assert!(adapter().token_request(kind, &Grant::Refresh).unwrap().idempotent);
        let statement = adapter().token_request(kind, &Grant::Statement).unwrap();
        let Payload::Form(form) = &statement.payload else { panic!("no form") };
        let grant_type = ("grant_type".into(), "urn:ietf:params:oauth:grant-type:jwt-bearer".into());
        assert_eq!(*form, [grant_type, ("assertion".into(), Text::secret("assertion"))]);
        assert!(adapter().token_request(kind, &Grant::Client).is_err());
    }
    assert!(adapter().token_request("app", &Grant::Refresh).is_err());
}
