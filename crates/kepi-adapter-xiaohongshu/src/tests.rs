//! The cases of Xiaohongshu that the shared contract does not know: what is asked, how often, and what is not
//! believed.

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
        id: "xiaohongshu/nordlicht".parse().unwrap(),
        platform_id: (!platform_id.is_empty()).then(|| platform_id.into()),
        zone: "Europe/Berlin".into(),
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

/// Capitals count: one name written otherwise and the whole call is refused.
#[test]
fn columns_are_asked_for_by_their_own_names() {
    let names = |endpoint| asked(&adapter(), &job(endpoint, yesterday()), None)["columns"].clone();
    let core = ["fee", "impression", "click", "like", "comment", "collect", "follow", "share", "interaction"];
    let plain = ["goodsOrder", "rgmv", "leads", "invokeAppOpenCnt"];
    let otherwise = [
        "successGoodsOrder",
        "purchaseOrderGmv7d",
        "clkLiveRoomOrderNum",
        "clkLiveRoomRgmv",
        "externalGoodsOrder7",
        "externalRgmv7",
        "externalGoodsOrder15",
        "externalRgmv15",
        "externalGoodsOrder30",
        "externalRgmv30",
        "msgLeadsNum",
        "validLeads",
        "clkLiveAllFollow",
        "clkLiveComment",
    ];
    let (calls, won) = (["phoneCallCnt"], ["iUserNum", "tiUserNum"]);
    let all = |groups: &[&[&str]]| json!(groups.concat());
    assert_eq!(names(CAMPAIGN_DAYS), all(&[&core, &plain, &otherwise]));
    assert_eq!(names(ACCOUNT_DAYS), all(&[&core, &plain, &otherwise, &calls]));
    assert_eq!(names(NOTE_DAYS), all(&[&core, &plain, &otherwise, &calls, &won]));
    for endpoint in [UNIT_DAYS, CREATIVE_DAYS, KEYWORD_DAYS, SPU_DAYS] {
        assert_eq!(names(endpoint), all(&[&core, &plain]), "{endpoint}");
    }
    for endpoint in [ACCOUNT_TODAY, CAMPAIGN_TODAY, UNIT_TODAY, CREATIVE_TODAY, EASY_DAYS, WIND_DAYS] {
        assert_eq!(names(endpoint), json!(null), "{endpoint}");
    }
}

#[test]
fn both_styles_of_a_key_are_one_column() {
    for column in Column::ALL {
        let name = column.told().name;
        let snake = name.chars().fold(String::new(), |mut snake, c| {
            let first_digit = c.is_ascii_digit() && !snake.ends_with(|c: char| c.is_ascii_digit());
            if c.is_ascii_uppercase() || first_digit {
                snake.push('_');
            }
            snake.push(c.to_ascii_lowercase());
            snake
        });
        assert_eq!(Column::named(name), Some(*column));
        assert_eq!(Column::named(&snake), Some(*column), "{snake}");
    }
    for unknown in ["Fee", "goodsorder", "GoodsOrder", "ctr", ""] {
        assert_eq!(Column::named(unknown), None, "{unknown}");
    }
}

#[test]
fn columns_can_be_left_out_and_the_base_cannot() {
    let left_out_columns = vec!["fee".to_owned(), "goodsOrder".to_owned(), "like".to_owned()];
    let config = XiaohongshuConfig { left_out_columns, ..XiaohongshuConfig::default() };
    let adapter = XiaohongshuAdapter::new(config.clone());
    let columns = asked(&adapter, &job(ACCOUNT_DAYS, yesterday()), None)["columns"].clone();
    let columns: Vec<&str> = columns.as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
    assert!(columns.contains(&"fee") && columns.contains(&"rgmv"), "{columns:?}");
    assert!(!columns.contains(&"goodsOrder") && !columns.contains(&"like"), "{columns:?}");
    // What was not asked for is zero for want of asking.
    let row = json!({"time": "2026-10-11", "fee": "3.00", "like": "0", "goods_order": "0", "rgmv": "5.00"});
    let answer = json!({"code": 0, "success": true, "data": {"total_count": 1, "data_list": [row]}});
    let page = read(&config, &job(ACCOUNT_DAYS, yesterday()), &Cursor::default(), &answer);
    let told: Vec<&str> = page.measurements[0].values.iter().map(|one| one.metric.as_str()).collect();
    assert_eq!(told, ["spend", "revenue"]);
}

#[test]
fn notes_may_be_asked_for_without_columns() {
    let config = XiaohongshuConfig { note_columns: false, ..XiaohongshuConfig::default() };
    let adapter = XiaohongshuAdapter::new(config.clone());
    assert!(asked(&adapter, &job(NOTE_DAYS, yesterday()), None)["columns"].is_null());
    assert!(asked(&adapter, &job(ACCOUNT_DAYS, yesterday()), None)["columns"].is_array());
    let row =
        json!({"time": "2026-10-11", "note_id": "66aa00000000000012000001", "like": "3", "i_user_num": "2"});
    let answer = json!({"code": 0, "success": true, "data": {"total_count": 1, "data_list": [row]}});
    let page = read(&config, &job(NOTE_DAYS, yesterday()), &Cursor::default(), &answer);
    assert_eq!(page.measurements[0].value("interest_users"), Some(&Value::Count(2)));
}

/// What a platform says that knows these columns only, and names the first that it does not know or none.
fn picky<'a>(known: &'a [&'a str], names_them: bool) -> impl FnMut(&Request) -> Response + 'a {
    move |request| {
        let body = body_of(request);
        let columns = body["columns"].as_array().cloned().unwrap_or_default();
        let unknown = columns.iter().filter_map(|name| name.as_str()).find(|name| !known.contains(name));
        let answer = match unknown {
            Some(name) => {
                let name = if names_them { name } else { "" };
                json!({"code": 10002, "success": false, "msg": format!("columns参数不合法: {name}"), "data": null})
            }
            None => {
                json!({"code": 0, "success": true, "msg": "成功", "data": {"total_count": 1, "data_list": [
                {"time": "2026-10-11", "fee": "3.00", "impression": "40", "click": "5", "like": "2", "rgmv": "0"}]}})
            }
        };
        let headers = vec![("content-type".into(), "application/json".to_owned())];
        Response { status: 200, headers, body: answer.to_string().into_bytes(), received_at: now() }
    }
}

/// The metrics that a measurement tells, in the order of the alphabet.
fn metrics_of(measurement: &Measurement) -> Vec<String> {
    let mut metrics: Vec<String> = measurement.values.iter().map(|one| one.metric.to_string()).collect();
    metrics.sort();
    metrics
}

fn asked_of(known: &[&str], names_them: bool) -> Result<(usize, Vec<String>), ErrorKind> {
    let mut platform = picky(known, names_them);
    let job = job(ACCOUNT_DAYS, yesterday());
    let pages = drive(&adapter(), &job, Cursor::default(), &mut platform).map_err(|error| error.kind())?;
    let (last, before) = pages.split_last().unwrap();
    for page in before {
        let alarm = |notice: &Notice| matches!(notice, Notice::Remark { text } if text.contains("refused"));
        assert!(page.measurements.is_empty() && page.notices.iter().any(alarm), "{page:?}");
    }
    Ok((pages.len(), metrics_of(last.measurements.first().unwrap())))
}

#[test]
fn a_refused_column_costs_a_call_and_not_the_report() {
    let names: Vec<&str> = Column::ALL.iter().map(|column| column.told().name).collect();
    let told =
        |calls, metrics: &[&str]| Ok((calls, metrics.iter().map(|&metric| metric.to_owned()).collect()));
    let base = ["ad_clicks", "ad_impressions", "spend"];
    let core = ["ad_clicks", "ad_impressions", "likes", "spend"];
    let all = ["ad_clicks", "ad_impressions", "likes", "revenue", "spend"];
    assert_eq!(asked_of(&names, true), told(1, &all));
    let without: Vec<&str> = names.iter().copied().filter(|name| *name != "rgmv").collect();
    assert_eq!(asked_of(&without, true), told(2, &core));
    // One that is not named takes all but the documented ones with it.
    assert_eq!(asked_of(&without, false), told(2, &core));
    let core_names = CORE.map(|column| column.told().name);
    assert_eq!(asked_of(&core_names, false), told(2, &core));
    // Fifteen that are named one after the other: eight by name, then all.
    assert_eq!(asked_of(&core_names, true), told(10, &core));
    let base_names = BASE.map(|column| column.told().name);
    assert_eq!(asked_of(&base_names, false), told(3, &base));
    assert_eq!(asked_of(&[], false), Err(ErrorKind::BadRequest));
}

/// Page after page, what was refused is not asked for again.
#[test]
fn a_refusal_is_remembered_to_the_end_of_the_job() {
    let cursor =
        Cursor::from_stored(Some(r#"{"report":{"page":1,"asked":{"columns":"core","refused":["like"]}}}"#));
    let row = json!({"time": "2026-10-11", "campaign_id": 900_001, "fee": "3.00", "like": "0", "leads": "0"});
    let answer = json!({"code": 0, "success": true, "data": {"total_count": 900, "data_list": [row]}});
    let job = job(CAMPAIGN_DAYS, yesterday());
    let page = read(&XiaohongshuConfig::default(), &job, &cursor, &answer);
    let next = page.next.unwrap();
    let asked = body_of(&adapter().request(&job, &next).unwrap());
    assert_eq!(asked["page_num"], json!(2));
    let columns = ["fee", "impression", "click", "comment", "collect", "follow", "share", "interaction"];
    assert_eq!(asked["columns"], json!(columns));
}

/// The likes, comments, saves, follows, shares and interactions of two rows: which of them are told.
fn believed(rows: [[i64; 6]; 2], clicks: i64) -> (Vec<String>, bool) {
    let row = |day: &str, [like, comment, collect, follow, share, interaction]: [i64; 6]| {
        json!({"time": day, "fee": "9.50", "impression": "500", "click": clicks.to_string(), "like": like,
            "comment": comment, "collect": collect, "follow": follow, "share": share, "interaction": interaction})
    };
    let rows = [row("2026-10-10", rows[0]), row("2026-10-11", rows[1])];
    let answer = json!({"code": 0, "success": true, "data": {"total_count": 2, "data_list": rows}});
    let job = job(ACCOUNT_DAYS, Some(days((2026, 10, 10), (2026, 10, 12))));
    let page = read(&XiaohongshuConfig::default(), &job, &Cursor::default(), &answer);
    assert_eq!(page.measurements.len(), 2);
    let mut told = metrics_of(&page.measurements[0]);
    told.retain(|metric| !["spend", "ad_impressions", "ad_clicks"].contains(&metric.as_str()));
    let alarm =
        |notice: &Notice| matches!(notice, Notice::Remark { text } if text.contains("zero in every row"));
    (told, page.notices.iter().any(alarm))
}

#[test]
fn silent_zeros_are_no_data() {
    let all = ["comments", "follows_gained", "likes", "platform_engagements", "saves", "shares"];
    let without = |metric: &str| all.into_iter().filter(|one| *one != metric).map(str::to_owned).collect();
    // All is well, a column of zeros included: the interactions add up without it.
    assert_eq!(believed([[3, 1, 2, 0, 1, 7], [4, 0, 1, 0, 0, 5]], 50), (without(""), false));
    // The interactions add up to more.
    assert_eq!(believed([[3, 1, 0, 1, 1, 8], [4, 0, 0, 0, 0, 5]], 50), (without("saves"), true));
    // A column that is zero in one row only is told.
    assert_eq!(believed([[3, 1, 0, 1, 1, 8], [4, 0, 1, 0, 0, 5]], 50), (without(""), false));
    // Nothing at all, after few clicks and after many.
    assert_eq!(believed([[0; 6], [0; 6]], 49), (without(""), false));
    assert_eq!(believed([[0; 6], [0; 6]], 50), (Vec::new(), true));
    // No sum of what is there.
    assert_eq!(
        believed([[3, 1, 2, 0, 1, 0], [4, 0, 1, 0, 0, 0]], 50),
        (without("platform_engagements"), true)
    );
}

/// Money that buys no impressions.
#[test]
fn spending_without_impressions_is_remarked_upon() {
    let row = json!({"time": "2026-10-11", "fee": "9.50", "impression": "0", "click": "0"});
    let answer = json!({"code": 0, "success": true, "data": {"total_count": 1, "data_list": [row]}});
    let page =
        read(&XiaohongshuConfig::default(), &job(ACCOUNT_DAYS, yesterday()), &Cursor::default(), &answer);
    assert_eq!(page.measurements[0].value("ad_impressions"), None);
    assert_eq!(page.measurements[0].value("ad_clicks"), Some(&Value::Count(0)));
    assert!(matches!(&page.notices[..], [Notice::Remark { text }] if text.contains("impression")));
}

#[test]
fn amounts_are_exact() {
    let spend = |fee: serde_json::Value| {
        let row = json!({"time": "2026-10-11", "fee": fee});
        let answer = json!({"code": 0, "success": true, "data": {"total_count": 1, "data_list": [row]}});
        let page =
            read(&XiaohongshuConfig::default(), &job(ACCOUNT_DAYS, yesterday()), &Cursor::default(), &answer);
        match page.measurements.first().and_then(|one| one.value("spend")) {
            Some(Value::Money(money)) => format!("{} {}", money.amount, money.currency),
            other => format!("{other:?} {}", page.rejects.len()),
        }
    };
    for (fee, expected) in [
        (json!("2766.11"), "2766.11 CNY"),
        (json!("1,234,567.80"), "1234567.80 CNY"),
        (json!(0.1), "0.1 CNY"),
        (json!(15320.77), "15320.77 CNY"),
        (json!(123_456_789.12), "123456789.12 CNY"),
        (json!(7), "7 CNY"),
        (json!("1.5e3"), "1500 CNY"),
        (json!("-3.20"), "-3.20 CNY"),
        (json!(""), "None 0"),
        (json!(null), "None 0"),
        (json!("4,41"), "None 1"),
        (json!("12%"), "None 1"),
        (json!("--"), "None 1"),
    ] {
        assert_eq!(spend(fee.clone()), expected, "{fee}");
    }
}

#[test]
fn days_settle_when_what_they_count_does() {
    let provisional = |row: serde_json::Value, read_at: &str| {
        let mut row = row;
        row["time"] = json!("2026-10-01");
        let answer = json!({"code": 0, "success": true, "data": {"total_count": 1, "data_list": [row]}});
        let body = Body::json(answer.to_string(), read_at.parse().unwrap());
        let job = job(ACCOUNT_DAYS, Some(DateSpan::day(date(2026, 10, 1))));
        let page = adapter().decode(&job, &Cursor::default(), &body).unwrap();
        page.measurements.iter().map(|one| one.provisional).collect::<Vec<_>>()
    };
    let clicks = || json!({"fee": "9.50", "click": 5, "goods_order": 0});
    assert_eq!(provisional(clicks(), "2026-10-02T23:59:59Z"), [true]);
    assert_eq!(provisional(clicks(), "2026-10-03T00:00:00Z"), [false]);
    let orders = || json!({"fee": "9.50", "goods_order": 2});
    assert_eq!(provisional(orders(), "2026-10-08T23:59:59Z"), [true]);
    assert_eq!(provisional(orders(), "2026-10-09T00:00:00Z"), [false]);
    let outside = || json!({"fee": "9.50", "external_goods_order_15": 2, "external_goods_order_30": 3});
    assert_eq!(provisional(outside(), "2026-10-16T23:59:59Z"), [false, true, true]);
    assert_eq!(provisional(outside(), "2026-10-31T23:59:59Z"), [false, false, true]);
    assert_eq!(provisional(outside(), "2026-11-01T00:00:00Z"), [false; 3]);
}

#[test]
fn prices_are_read_when_it_is_known_what_they_are_counted_in() {
    let spend = |creator_prices| {
        let config = XiaohongshuConfig { creator_prices, ..XiaohongshuConfig::default() };
        let note = json!({"note_id": "66bb00000000000012000077", "kol_price": 6000, "total_platform_price": "600.00"});
        let answer =
            json!({"code": 0, "success": true, "data": {"total": 1, "total_page": 1, "datas": [note]}});
        let job = job(CREATOR_NOTES, Some(days((2026, 9, 13), (2026, 10, 13))));
        let page = read(&config, &job, &Cursor::default(), &answer);
        let told = page.measurements.iter().filter_map(|one| match one.value("spend") {
            Some(Value::Money(money)) => Some(money.amount.normalize().to_string()),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(spend(CreatorPrices::Unread), Vec::<String>::new());
    assert_eq!(spend(CreatorPrices::Yuan), ["6000", "600"]);
    assert_eq!(spend(CreatorPrices::Fen), ["60", "6"]);
}

/// What a note got by money needs both parts: one alone would be too little.
#[test]
fn a_sum_lacks_no_part() {
    let paid = |note: serde_json::Value| {
        let mut note = note;
        note["note_id"] = json!("66bb00000000000012000077");
        let answer =
            json!({"code": 0, "success": true, "data": {"total": 1, "total_page": 1, "datas": [note]}});
        let job = job(CREATOR_NOTES, Some(days((2026, 9, 13), (2026, 10, 13))));
        let page = read(&XiaohongshuConfig::default(), &job, &Cursor::default(), &answer);
        page.measurements.first().and_then(|one| one.value("impressions").cloned())
    };
    assert_eq!(paid(json!({"promotion_imp_num": 5, "heat_imp_num": 0})), Some(Value::Count(5)));
    assert_eq!(paid(json!({"promotion_imp_num": 5})), None);
    assert_eq!(paid(json!({"promotion_imp_num": i64::MAX, "heat_imp_num": 1})), None);
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
