//! Douyin says what the world holds.

use jiff::{SignedDuration, civil::date};
use serde_json::{Value, json};

use super::http::{Ask, Caller, send};
use crate::{Counter, Network, PostFacts, PostKey, Profile, SimulatorConfig};

async fn douyin() -> Caller {
    let caller = Caller::new("douyin", SimulatorConfig::default()).await;
    caller.simulator.clock().set("2026-09-30T04:30:00Z".parse().unwrap());
    caller
}

impl Caller {
    fn creator(&self) -> Profile {
        self.simulator.world().accounts_of(Network::Douyin).next().unwrap().clone()
    }

    async fn douyin(&self, path: &str, body: Option<&str>) -> Value {
        let own = self.creator();
        let token = self.simulator.user_token(&own.id).unwrap();
        self.douyin_as(&token, path, body).await
    }

    async fn douyin_as(&self, token: &str, path: &str, body: Option<&str>) -> Value {
        let sign = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{sign}open_id={}", self.creator().platform_id);
        let headers = [("access-token", token)];
        let reply = send(self.url(), &path, Ask { headers: &headers, body, token: None }).await.unwrap();
        assert_eq!(reply.status, 200);
        reply.json()
    }

    async fn douyin_form(&self, path: &str, form: &str) -> Value {
        send(self.url(), path, Ask { body: Some(form), ..Ask::default() }).await.unwrap().json()
    }

    fn newest_video(&self) -> PostFacts {
        let (world, now) = (self.simulator.world(), self.simulator.clock().now());
        let account = self.creator().key;
        let newest = world.published_by(account, now) as u32 - 1;
        (0..=newest)
            .rev()
            .map(|index| world.post(PostKey { account, index }))
            .find(|p| p.video_millis.is_some())
            .unwrap()
    }
}

#[tokio::test]
async fn tokens_live_on_and_are_renewed_five_times() {
    let douyin = douyin().await;
    let page = "/platform/oauth/connect/?client_key=simulated-client&response_type=code&scope=user_info&redirect_uri=http%3A%2F%2Fa%2F&state=1";
    let reply = send(douyin.url(), page, Ask::default()).await.unwrap();
    let code = reply
        .header("location")
        .unwrap()
        .strip_prefix("http://a/?code=")
        .unwrap()
        .split('&')
        .next()
        .unwrap()
        .to_owned();
    let form = format!(
        "client_key=simulated-client&client_secret=simulated-secret&grant_type=authorization_code&code={code}"
    );
    let first = douyin.douyin_form("/oauth/access_token/", &form).await;
    assert_eq!(first["data"]["expires_in"], 1_296_000);
    assert_eq!(douyin.douyin_form("/oauth/access_token/", &form).await["data"]["error_code"], 10007);
    let token = |answer: &Value, key: &str| answer["data"][key].as_str().unwrap().to_owned();
    let access = token(&first, "access_token");
    assert!(access.starts_with("act.") && token(&first, "refresh_token").starts_with("rft."));

    // Refreshing a living token keeps its text and lengthens its life.
    douyin.simulator.clock().advance(SignedDuration::from_hours(24 * 10));
    let refresh =
        |text: &str| format!("client_key=simulated-client&grant_type=refresh_token&refresh_token={text}");
    let second = douyin.douyin_form("/oauth/refresh_token/", &refresh(&token(&first, "refresh_token"))).await;
    assert_eq!(token(&second, "access_token"), access);
    douyin.simulator.clock().advance(SignedDuration::from_hours(24 * 10));
    assert_eq!(douyin.douyin_as(&access, "/oauth/userinfo/", None).await["data"]["error_code"], 0);
    douyin.simulator.clock().advance(SignedDuration::from_hours(24 * 6));
    assert_eq!(douyin.douyin_as(&access, "/oauth/userinfo/", None).await["data"]["error_code"], 2_190_008);

    let mut current = token(&first, "refresh_token");
    for _ in 0..5 {
        let renewed = douyin.douyin_form("/oauth/renew_refresh_token/", &refresh(&current)).await;
        assert_eq!(renewed["data"]["error_code"], 0);
        assert_eq!(
            douyin.douyin_form("/oauth/refresh_token/", &refresh(&current)).await["data"]["error_code"],
            10010
        );
        current = token(&renewed, "refresh_token");
    }
    assert_eq!(
        douyin.douyin_form("/oauth/renew_refresh_token/", &refresh(&current)).await["data"]["error_code"],
        10020
    );
}

#[tokio::test]
async fn days_of_the_account_are_the_worlds() {
    let douyin = douyin().await;
    let truth = douyin.simulator.world().account_day(douyin.creator().key, date(2026, 9, 24));
    let total = truth.content.total();
    for (what, key, value) in [
        ("item", "new_play", total[Counter::Views]),
        ("fans", "new_fans", truth.flows.follows_gained),
        ("fans", "total_fans", truth.followers_total),
        ("like", "new_like", total[Counter::Likes]),
        ("profile", "profile_uv", truth.flows.profile_visit_users),
    ] {
        let answer = douyin.douyin(&format!("/data/external/user/{what}/?date_type=7"), None).await;
        let rows = answer["data"]["result_list"].as_array().unwrap();
        assert_eq!((rows.len(), rows[6]["date"].clone()), (7, json!("2026-09-29")));
        assert_eq!(rows[1]["date"], "2026-09-24");
        assert_eq!(rows[1][key], json!(value), "{what} {key}");
    }
    assert_eq!(
        douyin.douyin("/data/external/user/fans/?date_type=8", None).await["data"]["error_code"],
        2_100_005
    );
    douyin.simulator.clock().set("2026-09-30T01:00:00Z".parse().unwrap());
    let early = douyin.douyin("/data/external/user/fans/?date_type=7", None).await;
    assert_eq!(early["data"]["result_list"][6]["date"], "2026-09-28", "before ten yesterday is not told");
}

#[tokio::test]
async fn videos_are_listed_and_counted() {
    let douyin = douyin().await;
    let (world, now) = (douyin.simulator.world(), douyin.simulator.clock().now());
    let mut seen = Vec::new();
    let mut cursor = 0;
    loop {
        let page =
            douyin.douyin(&format!("/api/douyin/v1/video/video_list/?cursor={cursor}&count=10"), None).await;
        seen.extend(page["data"]["list"].as_array().unwrap().clone());
        cursor = page["data"]["cursor"].as_i64().unwrap();
        if page["data"]["has_more"] == false {
            break;
        }
    }
    assert_eq!(seen.len() as i64, world.posts_standing(douyin.creator().key, now));
    let id = seen[3]["item_id"].as_str().unwrap();
    let truth =
        world.counters_at(&world.post(world.find_post(Network::Douyin, id).unwrap()), now).unwrap().total();
    assert_eq!(seen[3]["statistics"]["play_count"], json!(truth[Counter::Views]));
    for body in [json!({"item_ids": [id]}), json!({"video_ids": [seen[3]["video_id"]]})] {
        let data = douyin.douyin("/api/douyin/v1/video/video_data/", Some(&body.to_string())).await;
        assert_eq!(data["data"]["list"][0], seen[3]);
    }
}

#[tokio::test]
async fn days_of_a_video_add_up() {
    let douyin = douyin().await;
    let world = douyin.simulator.world();
    let post = douyin.newest_video();
    let id: String = form_urlencoded::byte_serialize(world.post_id(post.key).as_bytes()).collect();
    let days = douyin.douyin(&format!("/data/external/item/play/?date_type=30&item_id={id}"), None).await;
    let sum: i64 =
        days["data"]["result_list"].as_array().unwrap().iter().map(|row| row["play"].as_i64().unwrap()).sum();
    let (end, _) = world.day_bounds(post.key.account, date(2026, 9, 30));
    assert_eq!(sum, world.counters_at(&post, end).unwrap().total()[Counter::Views]);
    let base = douyin.douyin(&format!("/data/external/item/base/?item_id={id}"), None).await;
    assert_eq!(base["data"]["result"]["total_play"], json!(sum));
    assert!(base["data"]["result"]["avg_play_duration"].as_f64().unwrap() > 0.0);
    let portrait = douyin.douyin("/api/douyin/v1/user/fans_data/", None).await;
    let fans = &portrait["data"]["fans_data"];
    assert_eq!(
        fans["all_fans_num"],
        json!(world.followers_at(post.key.account, douyin.simulator.clock().now()))
    );
    assert!(fans["gender_distributions"][1]["value"].is_string(), "numbers may be texts");
    let mut bands: Vec<&str> = fans["age_distributions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["item"].as_str().unwrap())
        .collect();
    bands.sort_unstable();
    assert_eq!(bands, ["1-23", "24-30", "31-40", "41-50", "50-"]);
}

impl Caller {
    async fn ocean(&self, path: &str) -> Value {
        let own = self.creator();
        let token = self.simulator.user_token_for(&own.id, "ocean").unwrap();
        let headers = [("access-token", token.as_str())];
        let path = format!("/open_api/{path}&advertiser_id=1700000000000001");
        send(self.url(), &path, Ask { headers: &headers, ..Ask::default() }).await.unwrap().json()
    }
}

#[tokio::test]
async fn the_enterprise_account_tells_losses_and_saves() {
    let douyin = douyin().await;
    let truth = douyin.simulator.world().account_day(douyin.creator().key, date(2026, 9, 20));
    let total = truth.content.total();
    let fields =
        "fields=%5B%22business_page_disfollow_ucount%22%2C%22business_page_favourite_video_cnt%22%5D";
    let window = "start_time=2026-09-19&end_time=2026-09-21&time_dimension=DAILY";
    let answer = douyin.ocean(&format!("v1.0/enterprise/overview/data/get/?{window}&{fields}")).await;
    let row = &answer["data"]["list"][1];
    assert_eq!(row["start_time_day"], "2026-09-20");
    assert_eq!(row["business_page_disfollow_ucount"], json!(truth.flows.follows_lost.to_string()));
    assert_eq!(row["business_page_favourite_video_cnt"], json!(total[Counter::Saves].to_string()));
    let plays = "fields=%5B%22business_page_total_play%22%5D&limit=100&start_time=2026-09-20&end_time=2026-09-20&time_dimension=DAILY";
    for path in ["v1.0/enterprise/video/info/get/", "v1.0/enterprise/flow/category/get/"] {
        let answer = douyin.ocean(&format!("{path}?{plays}")).await;
        let rows = answer["data"]["list"].as_array().unwrap();
        let sum: i64 = rows
            .iter()
            .map(|row| row["business_page_total_play"].as_str().unwrap().parse::<i64>().unwrap())
            .sum();
        assert!(rows.len() > 1);
        assert_eq!(sum, total[Counter::Views], "{path}");
    }
    let sold = "fields=%5B%22business_page_pay_order_count%22%2C%22business_page_pay_order_gmv%22%2C%22business_page_dp_down_click_cnt%22%5D";
    let answer = douyin.ocean(&format!("v1.0/enterprise/overview/data/get/?{window}&{sold}")).await;
    let row = &answer["data"]["list"][1];
    assert_eq!(row["business_page_pay_order_count"], json!(total[Counter::Orders].to_string()));
    let yuan = format!("{:.2}", total[Counter::RevenueMicros] as f64 / 1e6);
    assert_eq!(row["business_page_pay_order_gmv"], json!(yuan));
    assert_eq!(row["business_page_dp_down_click_cnt"], json!((total[Counter::Saves] / 10).to_string()));
    let unknown = douyin
        .ocean(&format!("v1.0/enterprise/overview/data/get/?{window}&fields=%5B%22nothing%22%5D"))
        .await;
    assert_eq!(unknown["code"], 40001);
}

#[tokio::test]
async fn paid_delivery_by_day_and_promotion() {
    let douyin = douyin().await;
    let (world, own) = (douyin.simulator.world(), douyin.creator());
    let from = world.day_bounds(own.key, date(2026, 9, 1)).0;
    let to = world.day_bounds(own.key, date(2026, 9, 30)).0;
    let truth = world.content_between(own.key, from, to).paid;
    let base = "v3.0/report/custom/get/?data_topic=BASIC_DATA&start_time=2026-09-01&end_time=2026-09-29&page_size=1000";
    let metrics = "metrics=%5B%22stat_cost%22%2C%22show_cnt%22%5D";
    for dimensions in ["%5B%22stat_time_day%22%5D", "%5B%22stat_time_day%22%2C%22cdp_promotion_id%22%5D"] {
        let answer = douyin
            .ocean(&format!("{base}&{metrics}&dimensions={dimensions}&filters=%5B%5D&order_by=%5B%5D"))
            .await;
        let rows = answer["data"]["rows"].as_array().unwrap();
        let shown = |row: &Value| row["metrics"]["show_cnt"].as_str().unwrap().parse::<i64>().unwrap();
        assert_eq!(rows.iter().map(shown).sum::<i64>(), truth[Counter::Impressions]);
        let cost: f64 = answer["data"]["total_metrics"]["stat_cost"].as_str().unwrap().parse().unwrap();
        assert!((cost - truth[Counter::SpendMicros] as f64 / 1e6).abs() < 0.01);
    }
    let without = douyin.ocean(&format!("{base}&{metrics}&dimensions=%5B%5D")).await;
    assert_eq!(without["code"], 40001, "empty filters must be sent");
}
