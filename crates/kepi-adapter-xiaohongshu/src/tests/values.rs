//! Numbers: which are believed, exact, settled and whole.

use super::*;

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
