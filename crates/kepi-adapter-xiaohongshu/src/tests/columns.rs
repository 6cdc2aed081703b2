//! Columns: which are asked for, by which names, and what a refused one costs.

use super::*;

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
