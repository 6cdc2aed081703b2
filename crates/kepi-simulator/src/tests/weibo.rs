//! Weibo says what the world holds.

use jiff::civil::date;
use serde_json::{Value, json};

use super::http::{Ask, Caller, send};
use crate::{Counter, Network, PostKey, Profile, SimulatorConfig, WeiboConfig};

async fn weibo(commercial: bool) -> Caller {
    let config = SimulatorConfig { weibo: WeiboConfig { commercial }, ..SimulatorConfig::default() };
    Caller::new("weibo", config).await
}

impl Caller {
    fn blog(&self) -> Profile {
        self.simulator.world().accounts_of(Network::Weibo).next().unwrap().clone()
    }

    async fn weibo(&self, path: &str) -> Value {
        let token = self.simulator.user_token(&self.blog().id).unwrap();
        let sign = if path.contains('?') { '&' } else { '?' };
        let path = format!("/2/{path}{sign}access_token={token}");
        send(self.url(), &path, Ask::default()).await.unwrap().json()
    }
}

#[tokio::test]
async fn a_person_consents() {
    let weibo = weibo(false).await;
    let authorize = "/oauth2/authorize?client_id=simulated-client&redirect_uri=http%3A%2F%2Fa%2F&response_type=code&state=1";
    let reply = send(weibo.url(), authorize, Ask::default()).await.unwrap();
    let code = reply.header("location").unwrap().strip_prefix("http://a/?state=1&code=").unwrap();
    let form = format!(
        "client_id=simulated-client&client_secret=simulated-secret&grant_type=authorization_code&code={code}&redirect_uri=http%3A%2F%2Fa%2F"
    );
    let ask = async || {
        send(weibo.url(), "/oauth2/access_token", Ask { body: Some(&form), ..Ask::default() }).await.unwrap()
    };
    let token = ask().await.json();
    assert_eq!(
        (token["expires_in"].clone(), token["uid"].clone()),
        (json!(2_626_641), json!(weibo.blog().platform_id))
    );
    let again = ask().await;
    assert_eq!((again.status, again.json()["error_code"].clone()), (400, json!(21325)));
    let path = format!(
        "/2/users/counts.json?uids=1904000001&access_token={}",
        token["access_token"].as_str().unwrap()
    );
    assert_eq!(send(weibo.url(), &path, Ask::default()).await.unwrap().status, 200);
    weibo.simulator.clock().advance(jiff::SignedDuration::from_hours(24 * 31));
    let late = send(weibo.url(), &path, Ask::default()).await.unwrap();
    assert_eq!((late.status, late.json()["error_code"].clone()), (401, json!(21327)));
}

#[tokio::test]
async fn the_present_is_the_worlds() {
    let weibo = weibo(false).await;
    let (world, now, own) = (weibo.simulator.world(), weibo.simulator.clock().now(), weibo.blog());
    let uid = &own.platform_id;
    let user = weibo.weibo(&format!("users/show.json?uid={uid}")).await;
    assert_eq!(user["followers_count"], json!(world.followers_at(own.key, now)));
    let counts = weibo.weibo(&format!("users/counts.json?uids={uid},5")).await;
    assert_eq!(counts[0]["followers_count"], json!(world.followers_at(own.key, now).to_string()));
    assert_eq!(counts.as_array().unwrap().len(), 1);

    let timeline = weibo.weibo(&format!("statuses/user_timeline.json?uid={uid}&count=100")).await;
    let posts = timeline["statuses"].as_array().unwrap();
    assert_eq!((posts.len(), timeline["next_cursor"].clone()), (5, json!(0)));
    let key = world.find_post(Network::Weibo, posts[0]["idstr"].as_str().unwrap()).unwrap();
    let truth = world.counters_at(&world.post(key), now).unwrap().total();
    assert_eq!(posts[0]["attitudes_count"], json!(truth[Counter::Likes]));
    let ids: Vec<_> = posts.iter().map(|post| post["idstr"].as_str().unwrap()).collect();
    let numbers = weibo.weibo(&format!("statuses/count.json?ids={},77", ids.join(","))).await;
    assert_eq!(numbers.as_array().unwrap().len(), 5, "unknown ids are left out without a word");
    assert_eq!(numbers[0]["attitudes"], json!(truth[Counter::Likes]));
    assert_eq!(numbers[0]["reposts"], json!(truth[Counter::Shares]));
    let other = weibo.weibo("statuses/user_timeline.json?uid=1904000009").await;
    assert_eq!(other["error_code"], 20003);
}

#[tokio::test]
async fn mentions_are_walked_by_id() {
    let weibo = weibo(false).await;
    let mut seen = Vec::new();
    let mut max = String::new();
    for _ in 0..3 {
        let page = weibo.weibo(&format!("statuses/mentions.json?count=10{max}")).await;
        seen.extend(page["statuses"].as_array().unwrap().iter().map(|post| post["id"].as_i64().unwrap()));
        max = format!("&max_id={}", page["next_cursor"]);
    }
    assert_eq!(seen.len(), 30);
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]));
}

#[tokio::test]
async fn a_hundred_calls_a_day() {
    let weibo = weibo(false).await;
    for _ in 0..100 {
        assert!(weibo.weibo("users/show.json?uid=1904000001").await["error_code"].is_null());
    }
    let refused = weibo.weibo("users/show.json?uid=1904000001").await;
    assert_eq!(refused["error_code"], 10023);
    let status = weibo.weibo("account/rate_limit_status.json").await;
    assert_eq!((status["remaining_user_hits"].clone(), status["user_limit"].clone()), (json!(0), json!(100)));
    let wait = status["reset_time_in_seconds"].as_i64().unwrap();
    weibo.simulator.clock().advance(jiff::SignedDuration::from_secs(wait));
    assert!(weibo.weibo("users/show.json?uid=1904000001").await["error_code"].is_null());
}

#[tokio::test]
async fn days_are_for_contracts() {
    let closed = weibo(false).await;
    assert_eq!(
        closed.weibo("friendships/followers/trend_other.json?uid=1904000001").await["error_code"],
        10014
    );
    let weibo = weibo(true).await;
    let (world, own) = (weibo.simulator.world(), weibo.blog());
    let window = "sdate=2026-09-10&edate=2026-09-12";
    let truth = world.account_day(own.key, date(2026, 9, 11));
    let trend = weibo
        .weibo(&format!("friendships/followers/trend_other.json?uid={}&{window}", own.platform_id))
        .await;
    assert_eq!(trend["result"][1]["day_key"], "2026-09-11");
    assert_eq!(trend["result"][1]["followers_incr"], json!(truth.flows.follows_gained.to_string()));
    let behaviour = weibo.weibo(&format!("users/behavior_trend/biz.json?{window}")).await;
    assert_eq!((behaviour["errno"].clone(), behaviour["result"].as_array().unwrap().len()), (json!(1), 3));
    assert_eq!(
        behaviour["result"][1]["reposted_count"],
        json!(truth.content.total()[Counter::Shares].to_string())
    );
    let shown = weibo.weibo("statuses/mentions.json?count=200").await["next_cursor"].as_u64().unwrap();
    let all = weibo.weibo("statuses/mentions/biz.json?count=200").await["next_cursor"].as_u64().unwrap();
    assert!(all > shown, "a contract shows mentions by anybody: 200 of them reach back less far");
    let id = world.post_id(PostKey { account: own.key, index: 50 });
    let counts = weibo.weibo(&format!("media_statuses/count_sp/biz.json?ids={id}")).await;
    assert!(counts[0]["reads"].is_string());
}
