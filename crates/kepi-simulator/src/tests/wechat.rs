//! WeChat says what the world holds.

use jiff::civil::date;
use serde_json::{Value, json};

use super::http::{Ask, Caller, send};
use crate::{Counter, Fault, FaultRule, Network, PostFacts, PostKey, Profile, SimulatorConfig, WechatConfig};

async fn wechat() -> Caller {
    // Shortly after 12:00 in Beijing, so that yesterday is final.
    let caller = Caller::new("wechat", SimulatorConfig::default()).await;
    caller.simulator.clock().set("2026-09-30T04:30:00Z".parse().unwrap());
    caller
}

impl Caller {
    fn account(&self) -> Profile {
        self.simulator.world().accounts_of(Network::Wechat).next().unwrap().clone()
    }

    async fn ask(&self, path: &str, body: &Value) -> Value {
        let token = self.simulator.user_token(&self.account().id).unwrap();
        let path = format!("{path}?access_token={token}");
        let reply =
            send(self.url(), &path, Ask { body: Some(&body.to_string()), ..Ask::default() }).await.unwrap();
        assert_eq!(reply.status, 200);
        reply.json()
    }

    async fn cube(&self, name: &str, begin: &str, end: &str) -> Value {
        self.ask(&format!("/datacube/{name}"), &json!({"begin_date": begin, "end_date": end})).await
    }
}

fn sum(rows: &Value, day: &str, field: &str) -> i64 {
    let rows = rows["list"].as_array().unwrap();
    rows.iter().filter(|row| row["ref_date"] == day).map(|row| row[field].as_i64().unwrap()).sum()
}

#[tokio::test]
async fn stable_tokens_are_the_same_for_all_who_ask() {
    let wechat = wechat().await;
    let appid = wechat.account().platform_id;
    let body = |secret: &str| {
        json!({"grant_type": "client_credential", "appid": appid, "secret": secret}).to_string()
    };
    let ask = async |body: &str| {
        send(wechat.url(), "/cgi-bin/stable_token", Ask { body: Some(body), ..Ask::default() })
            .await
            .unwrap()
            .json()
    };
    let first = ask(&body("simulated-secret")).await;
    assert_eq!(ask(&body("simulated-secret")).await, first);
    assert!(first["expires_in"].as_i64().unwrap() >= 300);
    assert_eq!(ask(&body("guess")).await["errcode"], 40125);
    let token = first["access_token"].as_str().unwrap();
    let path = format!("/datacube/getusercumulate?access_token={token}");
    let body = r#"{"begin_date":"2026-09-28","end_date":"2026-09-28"}"#;
    let ask =
        async || send(wechat.url(), &path, Ask { body: Some(body), ..Ask::default() }).await.unwrap().json();
    assert!(ask().await["list"][0]["cumulate_user"].is_i64());
    wechat.simulator.clock().advance(jiff::SignedDuration::from_hours(3));
    assert_eq!(ask().await["errcode"], 42001);
}

#[tokio::test]
async fn followers_are_the_worlds() {
    let wechat = wechat().await;
    let account = wechat.account();
    let truth = wechat.simulator.world().account_day(account.key, date(2026, 9, 22));
    let summary = wechat.cube("getusersummary", "2026-09-20", "2026-09-26").await;
    assert!(summary["errcode"].is_null());
    assert_eq!(sum(&summary, "2026-09-22", "new_user"), truth.flows.follows_gained);
    assert_eq!(sum(&summary, "2026-09-22", "cancel_user"), truth.flows.follows_lost);
    let total = wechat.cube("getusercumulate", "2026-09-22", "2026-09-22").await;
    assert_eq!(sum(&total, "2026-09-22", "cumulate_user"), truth.followers_total);
    let messages = wechat.cube("getupstreammsg", "2026-09-22", "2026-09-22").await;
    assert_eq!(sum(&messages, "2026-09-22", "msg_count"), truth.flows.messages_in);
}

#[tokio::test]
async fn articles_are_the_worlds() {
    let wechat = wechat().await;
    let world = wechat.simulator.world();
    let account = wechat.account();
    let day = wechat.cube("getbizsummary", "2026-09-01", "2026-09-26").await;
    assert_eq!((day["is_delay"].clone(), day["list"].as_array().unwrap().len()), (json!(false), 26));
    let truth = world.account_day(account.key, date(2026, 9, 5)).content.total();
    let detail = &day["list"][4]["detail"];
    assert_eq!(detail["read_user"], json!(truth[Counter::Readers]));
    assert_eq!(
        detail["read_user_source"][0],
        json!({"user_count": truth[Counter::Readers], "scene_desc": "全部"})
    );
    assert_eq!(detail["like_user"], json!(truth[Counter::Likes]));

    let reads = wechat.cube("getarticleread", "2026-09-05", "2026-09-05").await;
    let of_posts: i64 =
        reads["list"].as_array().unwrap().iter().map(|r| r["detail"]["read_user"].as_i64().unwrap()).sum();
    assert_eq!(of_posts, truth[Counter::Readers]);

    let post = world.post(crate::PostKey { account: account.key, index: 60 });
    let published = world.day_of(account.key, post.published_at).to_string();
    let totals = wechat.cube("getarticletotaldetail", &published, &published).await;
    let row = &totals["list"][0];
    assert_eq!(row["msgid"], json!(world.post_id(post.key)));
    assert_eq!(row["detail_list"].as_array().unwrap().len(), 30);
    let (_, end) =
        world.day_bounds(account.key, row["detail_list"][29]["stat_date"].as_str().unwrap().parse().unwrap());
    let last = world.counters_at(&post, end).unwrap().total();
    assert_eq!(row["detail_list"][29]["read_user"], json!(last[Counter::Readers]));
}

/// The second article of a push is 2 in its id and 1 in the list of comments.
#[tokio::test]
async fn comments_are_the_worlds_where_they_are_switched_on() {
    let body = |id: &str, kind: i32| {
        let (message, index) = id.split_once('_').unwrap();
        let (message, index): (u64, u64) = (message.parse().unwrap(), index.parse().unwrap());
        json!({"msg_data_id": message, "index": index - 1, "begin": 0, "count": 49, "type": kind})
    };
    let config = SimulatorConfig { wechat: WechatConfig { comments: true }, ..SimulatorConfig::default() };
    let with = Caller::new("wechat", config).await;
    let (world, now) = (with.simulator.world(), with.simulator.clock().now());
    let posts = (0..world.published_by(with.account().key, now))
        .map(|index| world.post(PostKey { account: with.account().key, index: index as u32 }));
    let (stand, gone): (Vec<_>, Vec<_>) = posts.partition(|post| post.stands_at(now));
    let total = |post: &PostFacts| world.counters_at(post, now).unwrap().total()[Counter::Comments];
    let post = stand.iter().filter(|post| total(post) < 50).max_by_key(|post| total(post)).unwrap();
    let id = world.post_id(post.key);

    let without = wechat().await;
    assert_eq!(without.ask("/cgi-bin/comment/list", &body(&id, 0)).await["errcode"], 88000);

    let said = with.ask("/cgi-bin/comment/list", &body(&id, 0)).await;
    assert_eq!(said["total"], json!(total(post)));
    assert_eq!(said["comment"].as_array().unwrap().len() as i64, total(post));
    let featured = with.ask("/cgi-bin/comment/list", &body(&id, 2)).await;
    assert_eq!(featured["total"], json!(total(post) / 9));
    for id in ["1_1".to_owned(), world.post_id(gone[0].key).to_string()] {
        assert_eq!(with.ask("/cgi-bin/comment/list", &body(&id, 0)).await["errcode"], 88001);
    }
    let mut many = body(&id, 0);
    many["count"] = json!(50);
    assert_eq!(with.ask("/cgi-bin/comment/list", &many).await["errcode"], 88010);
}

#[tokio::test]
async fn windows_are_bounded() {
    let wechat = wechat().await;
    for (name, begin, end, code) in [
        ("getusersummary", "2026-09-20", "2026-09-27", 61501),
        ("getusersummary", "2026-09-21", "2026-09-20", 61501),
        ("getusersummary", "2026-09-30", "2026-09-30", 61501),
        ("getbizsummary", "2025-10-31", "2025-11-02", 61501),
        ("getarticleread", "2026-09-01", "2026-09-02", 61501),
        ("getusersummary", "20260920", "20260920", 61501),
        ("getusersummary", "2026/9/1", "2026/9/1", 61500),
        ("nothing", "2026-09-01", "2026-09-01", 40066),
    ] {
        assert_eq!(wechat.cube(name, begin, end).await["errcode"], code, "{name} {begin} {end}");
    }
    // At seven in the morning yesterday is not there yet; at nine it is late.
    let at = |text: &str| wechat.simulator.clock().set(text.parse().unwrap());
    at("2026-09-29T23:00:00Z");
    assert_eq!(wechat.cube("getusersummary", "2026-09-29", "2026-09-29").await["errcode"], 61503);
    let empty = wechat.cube("getbizsummary", "2026-09-29", "2026-09-29").await;
    assert_eq!(empty, json!({"list": [], "is_delay": true}));
    at("2026-09-30T01:00:00Z");
    let late = wechat.cube("getbizsummary", "2026-09-29", "2026-09-29").await;
    assert_eq!((late["is_delay"].clone(), late["list"].as_array().unwrap().len()), (json!(true), 1));
}

#[tokio::test]
async fn quota_is_told_and_errors_stand_in_a_200() {
    let wechat = wechat().await;
    wechat.cube("getbizsummary", "2026-09-01", "2026-09-02").await;
    let quota =
        wechat.ask("/cgi-bin/openapi/quota/get", &json!({"cgi_path": "/datacube/getbizsummary"})).await;
    assert_eq!((quota["quota"]["used"].clone(), quota["quota"]["remain"].clone()), (json!(1), json!(4999)));
    for (fault, code) in [
        (Fault::RateLimit, 45011),
        (Fault::QuotaExhausted, 45009),
        (Fault::TokenExpired, 42001),
        (Fault::Forbidden, 48001),
    ] {
        wechat.simulator.faults("wechat").unwrap().add(FaultRule::once(fault));
        let answer = wechat.cube("getbizsummary", "2026-09-01", "2026-09-02").await;
        assert_eq!(answer["errcode"], code);
        assert!(answer["errmsg"].as_str().unwrap().contains(" rid: "));
    }
}
