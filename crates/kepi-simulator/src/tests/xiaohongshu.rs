//! Xiaohongshu says what the world holds.

use jiff::civil::date;
use serde_json::{Value, json};

use super::http::{Ask, Caller, send};
use crate::{Counter, Counters, Network, PostFacts, PostKey, Profile, SimulatorConfig};

async fn red() -> Caller {
    let caller = Caller::new("xiaohongshu", SimulatorConfig::default()).await;
    caller.simulator.clock().set("2026-09-30T04:30:00Z".parse().unwrap());
    caller
}

impl Caller {
    fn advertiser(&self) -> Profile {
        self.simulator.world().accounts_of(Network::Xiaohongshu).next().unwrap().clone()
    }

    async fn red(&self, path: &str, token: &str, body: &Value) -> Value {
        let headers = [("access-token", token)];
        let body = body.to_string();
        let ask = Ask { headers: &headers, body: Some(&body), token: None };
        send(self.url(), &format!("/api/open{path}"), ask).await.unwrap().json()
    }

    async fn report(&self, level: &str, more: Value) -> Value {
        let own = self.advertiser();
        let mut body = json!({
            "advertiser_id": own.platform_id.parse::<u64>().unwrap(),
            "start_date": "2026-09-01",
            "end_date": "2026-09-29",
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let token = self.simulator.user_token(&own.id).unwrap();
        self.red(&format!("/jg/data/report/offline/{level}"), &token, &body).await
    }

    /// What was delivered in September, by the world.
    fn delivered(&self) -> Counters {
        let (world, own) = (self.simulator.world(), self.advertiser());
        let from = world.day_bounds(own.key, date(2026, 9, 1)).0;
        let to = world.day_bounds(own.key, date(2026, 9, 30)).0;
        world.content_between(own.key, from, to).paid
    }
}

fn sum(report: &Value, key: &str) -> f64 {
    let rows = report["data"]["data_list"].as_array().unwrap();
    rows.iter().map(|row| row[key].as_str().unwrap().parse::<f64>().unwrap()).sum()
}

#[tokio::test]
async fn a_refresh_kills_the_pair_before_it() {
    let red = red().await;
    let page = "/auth?app_id=11000&scope=%5B%22report_service%22%5D&redirect_uri=http%3A%2F%2Fa%2F&state=1";
    let reply = send(red.url(), page, Ask::default()).await.unwrap();
    let location = reply.header("location").unwrap();
    let code = location.strip_prefix("http://a/?auth_code=").unwrap().strip_suffix("&state=1").unwrap();
    let exchange = json!({"app_id": 11000, "secret": "simulated-secret", "auth_code": code});
    let first = red.red("/oauth2/access_token", "", &exchange).await;
    assert_eq!(first["data"]["approval_advertisers"][0]["advertiser_id"], json!(3_000_001));
    assert_eq!(red.red("/oauth2/access_token", "", &exchange).await["success"], false);
    let refresh = json!({"app_id": 11000, "secret": "simulated-secret", "refresh_token": first["data"]["refresh_token"]});
    let second = red.red("/oauth2/refresh_token", "", &refresh).await;
    assert_eq!(red.red("/oauth2/refresh_token", "", &refresh).await["success"], false);
    let body = json!({"advertiser_id": 3_000_001, "start_date": "2026-09-01", "end_date": "2026-09-02"});
    let ask = async |pair: &Value| {
        red.red("/jg/data/report/offline/account", pair["data"]["access_token"].as_str().unwrap(), &body)
            .await
    };
    assert_eq!(ask(&second).await["code"], 0);
    let dead = ask(&first).await;
    assert_eq!(dead["success"], false);
    assert!(dead["msg"].as_str().unwrap().contains("access_token"));
    let other = json!({"advertiser_id": 3_000_002, "start_date": "2026-09-01", "end_date": "2026-09-02"});
    let token = second["data"]["access_token"].as_str().unwrap();
    assert!(
        red.red("/jg/data/report/offline/account", token, &other).await["msg"]
            .as_str()
            .unwrap()
            .contains("权限")
    );
}

#[tokio::test]
async fn all_levels_tell_the_same_delivery() {
    let red = red().await;
    let truth = red.delivered();
    assert!(truth[Counter::Impressions] > 0);
    for level in ["account", "campaign", "unit", "creative", "keyword", "spu", "note"] {
        let report = red.report(level, json!({"page_size": 500, "columns": ["follow"]})).await;
        assert_eq!(report["code"], 0, "{level}: {report}");
        assert_eq!(sum(&report, "impression") as i64, truth[Counter::Impressions], "{level}");
        assert_eq!(sum(&report, "follow") as i64, truth[Counter::FollowsGained], "{level}");
        let spent = truth[Counter::SpendMicros] as f64 / 1e6;
        assert!((sum(&report, "fee") - spent).abs() < 0.01 * report["data"]["total_count"].as_f64().unwrap());
    }
}

#[tokio::test]
async fn easy_promotion_and_wind_tell_the_sums_of_their_own_notes() {
    let red = red().await;
    let (world, own) = (red.simulator.world(), red.advertiser());
    let (from, to) =
        (world.day_bounds(own.key, date(2026, 9, 1)).0, world.day_bounds(own.key, date(2026, 9, 30)).0);
    let token = red.simulator.user_token(&own.id).unwrap();
    let body = json!({"advertiser_id": own.platform_id, "start_date": "2026-09-01", "end_date": "2026-09-29", "page_size": 500});
    for (path, turn) in
        [("/jg/data/report/offline/easy/promotion/base", 1), ("/wind/data/report/offline/account", 2)]
    {
        let notes = (0..world.published_by(own.key, to) as u32).filter(|index| index % 4 == turn);
        let notes = notes.map(|index| world.post(PostKey { account: own.key, index }));
        let shown = |post: &PostFacts| {
            let until = |at| world.counters_at(post, at).unwrap_or_default().paid[Counter::Impressions];
            until(to) - until(from)
        };
        let expected: i64 = notes.filter(|post| post.promoted).map(|post| shown(&post)).sum();
        let told = red.red(path, &token, &body).await;
        assert_eq!(sum(&told, "impression") as i64, expected, "{path}: {told}");
    }
}

#[tokio::test]
async fn columns_decide_what_is_told() {
    let red = red().await;
    let base = red.report("account", json!({})).await;
    assert!(
        base["data"]["data_list"][0]["fee"].is_string() && base["data"]["data_list"][0]["like"].is_null()
    );
    let columns = json!({"columns": ["rgmv", "successGoodsOrder", "externalRgmv30", "invokeAppOpenCnt"]});
    let asked = red.report("account", columns).await;
    let row = &asked["data"]["data_list"][0];
    for key in ["rgmv", "success_goods_order", "external_rgmv_30", "invoke_app_open_cnt"] {
        assert!(row[key].is_string(), "{key}: {row}");
    }
    assert!(row["goods_order"].is_null(), "{row}");
    let notes = red.report("note", json!({"page_size": 500})).await;
    assert!(notes["data"]["data_list"][0]["i_user_num"].is_string());
    let of_notes = red.report("account", json!({"columns": ["iUserNum"]})).await;
    assert_eq!(of_notes["code"], json!(10002));
    let unknown = red.report("account", json!({"columns": ["like", "reservePv"]})).await;
    assert_eq!((unknown["code"].clone(), unknown["data"].is_null()), (json!(10002), true));
    let paged = red.report("note", json!({"page_size": 2, "page_num": 2})).await;
    let whole = red.report("note", json!({"page_size": 500})).await;
    assert_eq!(paged["data"]["data_list"][0], whole["data"]["data_list"][2]);
    assert_eq!(paged["data"]["total_count"], whole["data"]["total_count"]);
}

#[tokio::test]
async fn ordered_notes_are_told_as_of_a_day() {
    let red = red().await;
    let (world, own) = (red.simulator.world(), red.advertiser());
    let of_reports = red.simulator.user_token(&own.id).unwrap();
    assert_eq!(red.red("/pgy/note/post/data", &of_reports, &json!({})).await["code"], json!(10403));
    let token = red.simulator.user_token_for(&own.id, "pugongying").unwrap();
    let body = json!({"user_id": "5f", "date_type": 2, "start_time": "2026-08-20", "end_time": "2026-09-18", "page_num": 1, "page_size": 100});
    let answer = red.red("/pgy/note/post/data", &token, &body).await;
    let notes = answer["data"]["datas"].as_array().unwrap();
    assert!(!notes.is_empty());
    for note in notes {
        let post =
            world.post(world.find_post(Network::Xiaohongshu, note["note_id"].as_str().unwrap()).unwrap());
        let end = world.day_bounds(own.key, date(2026, 9, 29)).1;
        let split = world.counters_at(&post, end).unwrap();
        assert_eq!(note["origin_imp_num"], json!(split.organic[Counter::Impressions]));
        let paid = [&note["promotion_read_num"], &note["heat_read_num"]].map(|reads| reads.as_i64().unwrap());
        assert_eq!(
            note["read_num"].as_i64(),
            Some(note["origin_read_num"].as_i64().unwrap() + paid[0] + paid[1])
        );
        assert_eq!(note["fav_num"], json!(split.total()[Counter::Saves]));
    }
}
