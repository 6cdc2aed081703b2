//! X says what the world holds, in the way its documentation tells.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use kepi_core::{AccountId, Traffic, Value as Number};
use serde_json::{Value, json};

use super::http::{Ask, Caller, send};
use crate::{Counter, Format, Network, PostFacts, PostKey, SimulatorConfig, Vocabulary, XConfig};

const ALL_FIELDS: &str = "tweet.fields=created_at,public_metrics,non_public_metrics,organic_metrics,\
                          promoted_metrics,attachments,referenced_tweets&expansions=attachments.media_keys&\
                          media.fields=type,duration_ms,public_metrics,non_public_metrics";

async fn x() -> Caller {
    Caller::new("x", SimulatorConfig::default()).await
}

async fn with(config: XConfig) -> Caller {
    Caller::new("x", SimulatorConfig { x: config, ..SimulatorConfig::default() }).await
}

impl Caller {
    fn owner(&self) -> (AccountId, String, String) {
        let profile = self.simulator.world().accounts_of(Network::X).next().unwrap();
        let token = self.simulator.user_token(&profile.id).unwrap();
        (profile.id.clone(), profile.platform_id.to_string(), token)
    }

    fn app(&self) -> String {
        self.simulator.app_token("x").unwrap()
    }

    /// Posts of the first account that stand now, newest first.
    fn standing(&self) -> Vec<PostFacts> {
        let world = self.simulator.world();
        let account = world.accounts_of(Network::X).next().unwrap().key;
        let now = self.simulator.clock().now();
        (0..world.config().posts_per_account)
            .rev()
            .map(|index| world.post(PostKey { account, index }))
            .filter(|facts| facts.stands_at(now))
            .collect()
    }
}

fn ids(page: &Value) -> Vec<String> {
    let data = page["data"].as_array().cloned().unwrap_or_default();
    data.iter().map(|post| post["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_app_buys_its_token() {
    let x = x().await;
    let basic = |secret: &str| format!("Basic {}", STANDARD.encode(format!("simulated-client:{secret}")));
    let exchange = async |secret: &str| {
        let auth = basic(secret);
        let headers = [("authorization", auth.as_str())];
        let ask = Ask { headers: &headers, body: Some("grant_type=client_credentials"), token: None };
        send(x.url(), "/oauth2/token", ask).await.unwrap()
    };
    let reply = exchange("simulated-secret").await;
    assert_eq!(reply.json()["token_type"], "bearer");
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(x.get("/2/users/by?usernames=nordlichtbikes", &token).await.status, 200);
    assert_eq!(exchange("guess").await.status, 403);
    assert_eq!(x.get("/2/users?ids=1", "guess").await.status, 401);
}

#[tokio::test]
async fn a_person_consents_and_refresh_tokens_rotate() {
    let x = x().await;
    let (id, platform_id, _) = x.owner();
    x.simulator.sign_in(&id).unwrap();
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let page = format!(
        "/i/oauth2/authorize?response_type=code&client_id=simulated-client&redirect_uri=http%3A%2F%2F127.0.0.1%2Fback&\
         scope=tweet.read%20users.read%20offline.access&state=s%2F1&code_challenge={challenge}&code_challenge_method=S256"
    );
    let reply = send(x.url(), &page, Ask::default()).await.unwrap();
    assert_eq!(reply.status, 302);
    let location = reply.header("location").unwrap();
    let code = location.strip_prefix("http://127.0.0.1/back?state=s%2F1&code=").unwrap();
    let exchange = format!(
        "grant_type=authorization_code&client_id=simulated-client&code={code}&redirect_uri=http%3A%2F%2F127.0.0.1%2Fback&\
         code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    let post = async |body: &str| {
        send(x.url(), "/2/oauth2/token", Ask { body: Some(body), ..Ask::default() }).await.unwrap()
    };
    let first = post(&exchange).await;
    assert_eq!((first.status, first.json()["expires_in"].clone()), (200, json!(7200)));
    assert_eq!(post(&exchange).await.status, 400, "a code is good once");
    let access = first.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(x.json("/2/users/me", &access).await["data"]["id"], json!(platform_id));

    let old = first.json()["refresh_token"].as_str().unwrap().to_owned();
    let refresh = format!("grant_type=refresh_token&client_id=simulated-client&refresh_token={old}");
    let second = post(&refresh).await;
    assert_eq!(second.status, 200);
    assert_ne!(second.json()["refresh_token"], json!(old));
    assert_eq!(post(&refresh).await.status, 400, "the old refresh token is dead");

    x.simulator.clock().advance(SignedDuration::from_hours(2));
    assert_eq!(x.get("/2/users/me", &access).await.status, 401, "an access token lives two hours");
}

#[tokio::test]
async fn a_user_is_told_as_the_world_holds_it() {
    let x = x().await;
    let (_, id, _) = x.owner();
    let page = x
        .json(&format!("/2/users?ids={id},7&user.fields=public_metrics,created_at,verified_type"), &x.app())
        .await;
    let world = x.simulator.world();
    let now = x.simulator.clock().now();
    let profile = world.find_platform_id(Network::X, &id).unwrap();
    let metrics = &page["data"][0]["public_metrics"];
    assert_eq!(page["data"][0]["username"], json!(profile.handle));
    assert_eq!(metrics["followers_count"], json!(world.followers_at(profile.key, now)));
    assert_eq!(metrics["tweet_count"], json!(x.standing().len()));
    assert_eq!(page["errors"][0]["type"], "https://api.x.com/2/problems/resource-not-found");
    assert_eq!(page["errors"][0]["value"], "7");
}

#[tokio::test]
async fn a_timeline_walks_to_its_end_without_loss_or_repeat() {
    let x = x().await;
    let (_, id, token) = x.owner();
    let expected: Vec<String> = x
        .standing()
        .iter()
        .filter(|facts| facts.format != Format::Repost)
        .map(|facts| x.simulator.world().post_id(facts.key).to_string())
        .collect();
    let mut seen = Vec::new();
    let mut next = String::new();
    loop {
        let page =
            x.json(&format!("/2/users/{id}/tweets?max_results=7&exclude=retweets{next}"), &token).await;
        seen.extend(ids(&page));
        assert_eq!(page["meta"]["result_count"], json!(ids(&page).len()));
        // Posts that appear while one reads must not move the pages.
        x.simulator.clock().advance(SignedDuration::from_hours(1));
        match page["meta"]["next_token"].as_str() {
            Some(token) => next = format!("&pagination_token={token}"),
            None => break,
        }
    }
    assert!(seen.len() > 50);
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn every_number_of_a_post_is_the_worlds() {
    let x = x().await;
    let (_, id, token) = x.owner();
    let page = x
        .json(
            &format!("/2/users/{id}/tweets?max_results=100&start_time=2026-09-05T00:00:00Z&{ALL_FIELDS}"),
            &token,
        )
        .await;
    let (world, now) = (x.simulator.world(), x.simulator.clock().now());
    let mut videos = 0;
    for post in page["data"].as_array().unwrap() {
        let key = world.find_post(Network::X, post["id"].as_str().unwrap()).unwrap();
        let facts = world.post(key);
        let truth = |traffic, metric: &str| {
            let readings = world.post_at(key, now, traffic).unwrap();
            match &readings.iter().find(|reading| reading.metric.as_str() == metric).unwrap().value {
                Number::Count(count) => *count,
                other => panic!("{other:?}"),
            }
        };
        for (key, metric) in [
            ("retweet_count", "shares"),
            ("reply_count", "comments"),
            ("like_count", "likes"),
            ("quote_count", "quotes"),
            ("bookmark_count", "saves"),
            ("impression_count", "impressions"),
        ] {
            assert_eq!(post["public_metrics"][key], json!(truth(Traffic::Total, metric)), "{key}");
        }
        let organic = &post["organic_metrics"];
        assert_eq!(organic["impression_count"], json!(truth(Traffic::Organic, "impressions")));
        let private = &post["non_public_metrics"];
        assert_eq!(private["engagements"], json!(truth(Traffic::Total, "platform_engagements")));
        assert_eq!(private["url_link_clicks"], json!(truth(Traffic::Total, "link_clicks")));
        assert_eq!(post["promoted_metrics"].is_object(), facts.promoted);
        if facts.format == Format::Video {
            videos += 1;
            let media = page["includes"]["media"].as_array().unwrap();
            let own = media.iter().find(|m| m["media_key"] == post["attachments"]["media_keys"][0]).unwrap();
            assert_eq!(own["public_metrics"]["view_count"], json!(truth(Traffic::Total, "video_plays")));
            let full = &own["non_public_metrics"]["playback_100_count"];
            assert_eq!(full, &json!(truth(Traffic::Total, "completion_count")));
        }
    }
    assert!(page["errors"].is_null(), "{}", page["errors"]);
    assert!(ids(&page).len() >= 5 && videos > 0, "{} posts, {videos} videos", ids(&page).len());
}

#[tokio::test]
async fn private_numbers_are_the_authors_and_thirty_days_old_at_most() {
    let x = x().await;
    let (_, id, token) = x.owner();
    let posts = x.standing();
    let world = x.simulator.world();
    let young = world.post_id(posts[0].key);
    let old = world.post_id(posts[posts.len() - 1].key);
    let path = format!("/2/tweets?ids={young},{old},1&tweet.fields=non_public_metrics,public_metrics");
    let own = x.json(&path, &token).await;
    assert!(own["data"][0]["non_public_metrics"].is_object());
    assert!(own["data"][1]["non_public_metrics"].is_null() && own["data"][1]["public_metrics"].is_object());
    let kinds: Vec<_> =
        own["errors"].as_array().unwrap().iter().map(|e| e["title"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "Field Authorization Error").count(), 4);
    assert_eq!(kinds.iter().filter(|kind| **kind == "Not Found Error").count(), 1);
    let app = x.json(&path, &x.app()).await;
    assert!(app["data"][0]["non_public_metrics"].is_null());

    // A timeline that reaches back leaves old posts out, and still goes on.
    let path = format!(
        "/2/users/{id}/tweets?max_results=5&end_time=2026-03-01T00:00:00Z&tweet.fields=organic_metrics"
    );
    let page = x.json(&path, &token).await;
    assert_eq!(page["meta"]["result_count"], 0);
    assert!(page["meta"]["next_token"].is_string() && page["data"].is_null());
    assert_eq!(page["errors"].as_array().unwrap().len(), 5 * 6);
}

#[tokio::test]
async fn mentions_are_counted_by_day_and_listed() {
    let x = x().await;
    let (_, id, token) = x.owner();
    let (world, clock) = (x.simulator.world(), x.simulator.clock());
    let profile = world.find_platform_id(Network::X, &id).unwrap();
    let path = format!("/2/tweets/counts/recent?granularity=day&query=%40{}%20-from%3Ax", profile.handle);
    let page = x.json(&path, &x.app()).await;
    let day = page["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|bucket| bucket["start"] == "2026-09-28T00:00:00.000Z")
        .unwrap();
    let truth = world.account_day(profile.key, jiff::civil::date(2026, 9, 28)).flows.mentions;
    assert!(truth > 0);
    assert_eq!(
        (day["tweet_count"].clone(), day["end"].clone()),
        (json!(truth), json!("2026-09-29T00:00:00.000Z"))
    );
    let sum: i64 = page["data"].as_array().unwrap().iter().map(|b| b["tweet_count"].as_i64().unwrap()).sum();
    assert_eq!(page["meta"]["total_tweet_count"], json!(sum));

    let window = "start_time=2026-09-28T00:00:00Z&end_time=2026-09-29T00:00:00Z";
    let hours = x.json(&format!("{}&{window}", path.replace("day", "hour")), &x.app()).await;
    assert_eq!(hours["data"].as_array().unwrap().len(), 24);
    assert_eq!(hours["meta"]["total_tweet_count"], json!(truth));

    let mut listed = Vec::new();
    let mut next = String::new();
    loop {
        let page = x.json(&format!("/2/users/{id}/mentions?max_results=100&{window}{next}"), &token).await;
        listed.extend(ids(&page));
        match page["meta"]["next_token"].as_str() {
            Some(token) => next = format!("&pagination_token={token}"),
            None => break,
        }
    }
    let unique: std::collections::BTreeSet<_> = listed.iter().collect();
    assert_eq!((listed.len() as i64, unique.len() as i64), (truth, truth));
    assert!(clock.now() > world.config().start);
}

#[tokio::test]
async fn series_are_for_enterprise_and_add_up() {
    let closed = x().await;
    let (_, _, token) = closed.owner();
    let refused = closed.get("/2/tweets/analytics?ids=1", &token).await;
    assert_eq!((refused.status, refused.json()["reason"].clone()), (403, json!("client-not-enrolled")));
    assert!(refused.json()["type"].as_str().unwrap().ends_with("/problems/client-forbidden"));

    let x = with(XConfig { enterprise: true, ..XConfig::default() }).await;
    let (_, _, token) = x.owner();
    let (world, now) = (x.simulator.world(), x.simulator.clock().now());
    let post = x.standing().into_iter().find(|facts| facts.format == Format::Video).unwrap();
    let id = world.post_id(post.key);
    let window = format!("start_time={}&end_time={now}", post.published_at.strftime("%Y-%m-%dT00:00:00Z"));
    let truth = world.counters_at(&post, now).unwrap().total();
    let sum = |page: &Value, metric: &str| -> i64 {
        let rows = page["data"][0]["timestamped_metrics"].as_array().unwrap();
        rows.iter().map(|row| row["metrics"][metric].as_i64().unwrap()).sum()
    };
    let path =
        format!("/2/tweets/analytics?ids={id}&granularity=daily&analytics.fields=impressions,likes&{window}");
    assert_eq!(sum(&x.json(&path, &token).await, "impressions"), truth[Counter::Impressions]);
    let path = format!("/2/media/analytics?media_keys=13_{id}&media_analytics.fields=video_views&{window}");
    assert_eq!(sum(&x.json(&path, &token).await, "video_views"), truth[Counter::Plays]);
}

#[tokio::test]
async fn bad_questions_are_told_what_is_wrong() {
    let x = x().await;
    let (_, id, token) = x.owner();
    for (path, parameter) in [
        (format!("/2/users/{id}/tweets?max_results=3"), "max_results"),
        (format!("/2/users/{id}/tweets?start_time=yesterday"), "start_time"),
        (format!("/2/users/{id}/tweets?exclude=all"), "exclude"),
        (format!("/2/users/{id}/tweets?page=2"), "page"),
        (format!("/2/users/{id}/tweets?pagination_token=x"), "pagination_token"),
        ("/2/tweets?tweet.fields=text".to_owned(), "ids"),
        ("/2/tweets/counts/recent?query=%40a&granularity=week".to_owned(), "granularity"),
    ] {
        let reply = x.get(&path, &token).await;
        assert_eq!(reply.status, 400, "{path}");
        assert!(reply.json()["errors"][0]["parameters"][parameter].is_array(), "{path}");
    }
    assert_eq!(x.get("/2/nothing", &token).await.status, 404);
    assert_eq!(x.get("/2/usage/tweets", &token).await.status, 403, "usage is the application's");
}

#[tokio::test]
async fn both_vocabularies() {
    let x = with(XConfig { vocabulary: Vocabulary::Posts, ..XConfig::default() }).await;
    let (_, id, token) = x.owner();
    for selector in ["tweet.fields", "post.fields"] {
        let page = x.json(&format!("/2/users/{id}/tweets?{selector}=public_metrics"), &token).await;
        assert!(page["data"][0]["public_metrics"]["repost_count"].is_i64());
        assert!(page["data"][0]["edit_history_post_ids"].is_array());
    }
    let user = x.json(&format!("/2/users/{id}?user.fields=public_metrics"), &token).await;
    assert!(user["data"]["public_metrics"]["post_count"].is_i64());
}

#[tokio::test]
async fn limits_count_down_refuse_and_reset() {
    let x = x().await;
    let (_, _, token) = x.owner();
    for left in (0..75).rev() {
        let reply = x.get("/2/users/me", &token).await;
        assert_eq!((reply.status, reply.number("x-rate-limit-remaining")), (200, left));
    }
    let refused = x.get("/2/users/me", &token).await;
    assert_eq!((refused.status, refused.number("x-rate-limit-limit")), (429, 75));
    let reset = jiff::Timestamp::from_second(refused.number("x-rate-limit-reset")).unwrap();
    assert_eq!(x.stats().throttled, 1);
    assert_eq!(x.stats().calls["/2/users/me"], 76);
    x.simulator.clock().set(reset);
    assert_eq!(x.get("/2/users/me", &token).await.status, 200);
}

#[tokio::test]
async fn posts_are_billed_once_a_day_until_the_money_is_gone() {
    let x = with(XConfig { credits_micros: Some(100_000), ..XConfig::default() }).await;
    let (_, id, token) = x.owner();
    let path = format!("/2/users/{id}/tweets?max_results=10");
    x.json(&path, &token).await;
    x.json(&path, &token).await;
    assert_eq!((x.stats().billed_items, x.stats().billed_micros), (10, 50_000));
    let usage = x.json("/2/usage/tweets?days=2", &x.app()).await;
    assert_eq!(usage["data"]["project_usage"], "10");
    x.simulator.clock().advance(SignedDuration::from_hours(24));
    x.json(&path, &token).await;
    let refused = x.get(&path, &token).await;
    assert_eq!((refused.status, refused.json()["title"].clone()), (402, json!("CreditsDepleted")));
}

#[tokio::test]
async fn the_same_seed_answers_with_the_same_bytes() {
    let (one, two) = (x().await, x().await);
    let (_, id, token) = one.owner();
    let path = format!("/2/users/{id}/tweets?max_results=50&{ALL_FIELDS}");
    assert_eq!(one.get(&path, &token).await.body, two.get(&path, &token).await.body);
    assert_ne!(one.url(), two.url());
}
