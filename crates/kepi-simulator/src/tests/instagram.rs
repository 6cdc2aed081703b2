//! Instagram says what the world holds.

use jiff::{SignedDuration, civil::date};
use serde_json::{Value, json};

use super::http::{Ask, Caller, send};
use crate::{Counter, InstagramConfig, Network, Profile, SimulatorConfig};

async fn instagram() -> Caller {
    Caller::new("instagram", SimulatorConfig::default()).await
}

impl Caller {
    fn profile(&self) -> Profile {
        self.simulator.world().accounts_of(Network::Instagram).next().unwrap().clone()
    }

    async fn graph(&self, path: &str) -> (u16, Value) {
        let own = self.profile();
        let token = self.simulator.user_token(&own.id).unwrap();
        let reply = self.get(&path.replace("{me}", &format!("/v25.0/{}", own.platform_id)), &token).await;
        let usage = reply.header("x-business-use-case-usage").unwrap_or_default();
        assert!(usage.contains(own.platform_id.as_str()), "{usage}");
        (reply.status, reply.json())
    }

    async fn good(&self, path: &str) -> Value {
        let (status, body) = self.graph(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

#[tokio::test]
async fn short_tokens_become_long_and_long_ones_young() {
    let ig = instagram().await;
    let page = "/oauth/authorize?client_id=simulated-client&redirect_uri=http%3A%2F%2Fa%2F&response_type=code&scope=s&state=1";
    let reply = send(ig.url(), page, Ask::default()).await.unwrap();
    let code = reply
        .header("location")
        .unwrap()
        .strip_prefix("http://a/?code=")
        .unwrap()
        .strip_suffix("&state=1")
        .unwrap();
    let form = format!(
        "client_id=simulated-client&client_secret=simulated-secret&grant_type=authorization_code&redirect_uri=http%3A%2F%2Fa%2F&code={code}"
    );
    let ask = async |path: &str, body: Option<&str>| {
        send(ig.url(), path, Ask { body, ..Ask::default() }).await.unwrap().json()
    };
    let token = |answer: &Value| answer["access_token"].as_str().unwrap().to_owned();
    let short = token(&ask("/oauth/access_token", Some(&form)).await);
    let long = ask(
        &format!(
            "/access_token?grant_type=ig_exchange_token&client_secret=simulated-secret&access_token={short}"
        ),
        None,
    )
    .await;
    assert_eq!(long["expires_in"], 5_183_944);
    let refresh = format!("/refresh_access_token?grant_type=ig_refresh_token&access_token={short}");
    assert_eq!(ask(&refresh, None).await["error"]["code"], 100, "short ones are not refreshed");
    let refresh = format!("/refresh_access_token?grant_type=ig_refresh_token&access_token={}", token(&long));
    assert_eq!(ask(&refresh, None).await["error"]["code"], 100, "too young to be refreshed");
    ig.simulator.clock().advance(SignedDuration::from_hours(25));
    let fresh = token(&ask(&refresh, None).await);
    ig.simulator.clock().advance(SignedDuration::from_hours(59 * 24));
    let dead = ask(&format!("/me?access_token={}", token(&long)), None).await;
    assert_eq!(
        (dead["error"]["code"].clone(), dead["error"]["error_subcode"].clone()),
        (json!(190), json!(463))
    );
    assert!(ask(&format!("/me?access_token={fresh}"), None).await["id"].is_string());
}

#[tokio::test]
async fn one_call_for_profile_media_and_insights() {
    let ig = instagram().await;
    let (world, now, own) = (ig.simulator.world(), ig.simulator.clock().now(), ig.profile());
    let fields = "followers_count,media_count,media.limit(20){id,media_type,media_product_type,timestamp,like_count,\
                  insights.metric(reach,views,saved,shares,total_interactions)}";
    let mut seen = Vec::new();
    let first = ig.good(&format!("{{me}}?fields={fields}")).await;
    assert_eq!(first["followers_count"], json!(world.followers_at(own.key, now)));
    let mut page = first["media"].clone();
    loop {
        seen.extend(page["data"].as_array().unwrap().clone());
        if page["paging"]["next"].is_null() {
            break;
        }
        let after = page["paging"]["cursors"]["after"].as_str().unwrap().to_owned();
        page = ig
            .good(&format!("{{me}}/media?limit=20&after={after}&fields=id,like_count,insights.metric(reach)"))
            .await;
    }
    assert_eq!(json!(seen.len()), first["media_count"]);
    let post = world.post(world.find_post(Network::Instagram, seen[4]["id"].as_str().unwrap()).unwrap());
    let truth = world.counters_at(&post, now).unwrap().organic;
    let insights = seen[4]["insights"]["data"].as_array().unwrap();
    for (place, counter) in
        [(0, Counter::Reach), (1, Counter::Views), (2, Counter::Saves), (3, Counter::Shares)]
    {
        assert_eq!(insights[place]["values"][0]["value"], json!(truth[counter]), "{counter:?}");
    }
    assert_eq!(seen[4]["like_count"], json!(truth[Counter::Likes]));
    assert!(seen[4]["timestamp"].as_str().unwrap().ends_with("+0000"));
}

#[tokio::test]
async fn days_end_at_pacific_midnight() {
    let ig = instagram().await;
    let (world, own) = (ig.simulator.world(), ig.profile());
    let at = |day| world.day_bounds(own.key, date(2026, 9, day)).0.as_second();
    let window = format!("since={}&until={}", at(20), at(23));
    let series = ig.good(&format!("{{me}}/insights?metric=reach,follower_count&period=day&{window}")).await;
    let values = &series["data"][1]["values"];
    assert_eq!(
        (values.as_array().unwrap().len(), values[0]["end_time"].clone()),
        (3, json!("2026-09-21T07:00:00+0000"))
    );
    let truth = world.account_day(own.key, date(2026, 9, 20));
    assert_eq!(values[0]["value"], json!(truth.flows.follows_gained));

    let window = format!("since={}&until={}", at(20), at(21));
    let path = format!(
        "{{me}}/insights?metric=likes,views&period=day&metric_type=total_value&breakdown=media_product_type&{window}"
    );
    let totals = ig.good(&path).await;
    assert_eq!(totals["data"][0]["total_value"]["value"], json!(truth.content.total()[Counter::Likes]));
    let rows = totals["data"][1]["total_value"]["breakdowns"][0]["results"].as_array().unwrap();
    let sum: i64 = rows.iter().map(|row| row["value"].as_i64().unwrap()).sum();
    assert_eq!(
        (json!(sum), sum),
        (totals["data"][1]["total_value"]["value"].clone(), truth.content.total()[Counter::Views])
    );

    let path =
        format!("{{me}}/insights?metric=follows_and_unfollows&period=day&metric_type=total_value&{window}");
    assert_eq!(ig.good(&path).await["data"][0]["total_value"], json!({}));
    let split = ig.good(&format!("{path}&breakdown=follow_type")).await;
    let results = &split["data"][0]["total_value"]["breakdowns"][0]["results"];
    assert_eq!(results[0]["value"], json!(truth.flows.follows_gained));
    assert_eq!(results[1]["value"], json!(truth.flows.follows_lost));
}

#[tokio::test]
async fn people_by_age_and_gender() {
    let ig = instagram().await;
    let answer = ig.good("{me}/insights?metric=follower_demographics&period=lifetime&metric_type=total_value&breakdown=age,gender").await;
    let breakdown = &answer["data"][0]["total_value"]["breakdowns"][0];
    assert_eq!(breakdown["dimension_keys"], json!(["age", "gender"]));
    let rows = breakdown["results"].as_array().unwrap();
    let sum: i64 = rows.iter().map(|row| row["value"].as_i64().unwrap()).sum();
    let followers = ig.simulator.world().followers_at(ig.profile().key, ig.simulator.clock().now());
    assert!(rows.len() > 10 && sum > followers / 2 && sum < followers);
}

#[tokio::test]
async fn what_is_refused_and_how() {
    let ig = instagram().await;
    let world = ig.simulator.world();
    let reel = (0..120)
        .map(|index| world.post(crate::PostKey { account: ig.profile().key, index }))
        .find(|post| post.video_millis.is_some() && post.stands_at(ig.simulator.clock().now()))
        .unwrap();
    let id = world.post_id(reel.key);
    for (path, status, code, words) in [
        ("{me}/insights?metric=impressions&period=day".to_owned(), 400, 100, "must be one of"),
        ("{me}/insights?metric=views&period=day".to_owned(), 400, 100, "metric_type=total_value"),
        ("{me}/insights?metric=reach&period=days_28".to_owned(), 400, 100, "incompatible"),
        ("{me}/insights?metric=reach&period=day&since=1786000000&until=1789000000".to_owned(), 400, 100, "30 days"),
        ("{me}/insights?metric=accounts_engaged&metric_type=total_value&period=day&breakdown=media_product_type".to_owned(), 500, 1, "unknown error"),
        ("{me}?fields=media.limit(60){insights.metric(reach)}".to_owned(), 500, 1, "reduce the amount"),
        ("{me}?fields=nothing".to_owned(), 400, 100, "nonexisting field"),
        (format!("/v25.0/{id}/insights?metric=reach,profile_visits"), 400, 100, "does not support"),
        ("/v25.0/18050000999999999?fields=id".to_owned(), 400, 100, "does not exist"),
    ] {
        let (got, body) = ig.graph(&path).await;
        assert_eq!((got, body["error"]["code"].clone()), (status, json!(code)), "{path}: {body}");
        assert!(body["error"]["message"].as_str().unwrap().contains(words), "{path}: {body}");
    }
    let config = SimulatorConfig {
        instagram: InstagramConfig { unconverted_days: 2000, ..InstagramConfig::default() },
        ..SimulatorConfig::default()
    };
    let ig = Caller::new("instagram", config).await;
    let (_, body) = ig.graph(&format!("/v25.0/{id}/insights?metric=reach")).await;
    assert_eq!(body["error"]["error_subcode"], 2_108_006);
}

/// Whoever asks draws on what the application has, and on nothing that the account has.
#[tokio::test]
async fn everybody_sees_a_business_account_by_its_name() {
    let config = SimulatorConfig {
        instagram: InstagramConfig { app_calls: Some(3), ..InstagramConfig::default() },
        ..SimulatorConfig::default()
    };
    let ig = Caller::new("instagram", config).await;
    let (world, clock) = (ig.simulator.world(), ig.simulator.clock());
    let accounts: Vec<Profile> = world.accounts_of(Network::Instagram).take(2).cloned().collect();
    let [own, rival] = accounts.as_slice() else { panic!("two accounts") };
    let ask = async |by: &Profile, fields: &str| {
        let token = ig.simulator.user_token(&by.id).unwrap();
        let reply = ig.get(&format!("/v25.0/{}?fields={fields}", by.platform_id), &token).await;
        let heard =
            ["x-app-usage", "x-business-use-case-usage"].map(|name| reply.header(name).map(str::to_owned));
        (reply.status, reply.json(), heard)
    };
    let media = "media.limit(50){id,timestamp,media_type,like_count,comments_count,view_count}";
    let seen =
        format!("business_discovery.username({}){{followers_count,media_count,{media}}}", rival.handle);
    let (status, answer, heard) = ask(own, &seen).await;
    let told = r#"{"call_count":33,"total_cputime":33,"total_time":33}"#.to_owned();
    assert_eq!((status, heard), (200, [Some(told), None]), "{answer}");
    let seen_of_it = &answer["business_discovery"];
    assert_eq!(seen_of_it["followers_count"], json!(world.followers_at(rival.key, clock.now())));
    let posts = seen_of_it["media"]["data"].as_array().unwrap();
    assert_eq!(posts.len(), 50);
    for row in posts {
        let post = world.post(world.find_post(Network::Instagram, row["id"].as_str().unwrap()).unwrap());
        let truth = world.counters_at(&post, clock.now()).unwrap().total();
        assert_eq!((&row["like_count"], post.key.account), (&json!(truth[Counter::Likes]), rival.key));
        let views = post.video_millis.map(|_| truth[Counter::Views]);
        assert_eq!(row["view_count"].as_i64(), views);
    }
    let (status, nobody, _) = ask(own, "business_discovery.username(nobody){followers_count}").await;
    assert_eq!((status, &nobody["error"]["code"]), (400, &json!(110)));
    let (status, private, _) = ask(own, &seen.replace("like_count", "insights.metric(reach)")).await;
    assert_eq!((status, &private["error"]["code"]), (400, &json!(100)));
    let (status, full, heard) = ask(rival, &seen).await;
    assert_eq!((status, &full["error"]["code"]), (403, &json!(4)), "the application's, whoever asks");
    assert!(heard[0].as_ref().unwrap().starts_with("{\"call_count\":100,"), "{heard:?}");
    let (status, _, heard) = ask(own, "followers_count").await;
    assert!(status == 200 && heard[0].is_none() && heard[1].is_some(), "{status} {heard:?}");
    clock.advance(SignedDuration::from_hours(1));
    assert_eq!(ask(rival, &seen).await.0, 200);
}

#[tokio::test]
async fn a_batch_answers_each_part() {
    let ig = instagram().await;
    let own = ig.profile();
    let token = ig.simulator.user_token(&own.id).unwrap();
    let batch = json!([
        {"method": "GET", "relative_url": format!("v25.0/{}?fields=username", own.platform_id)},
        {"method": "GET", "relative_url": "v25.0/1?fields=id"},
    ]);
    let form: String =
        form_urlencoded::Serializer::new(String::new()).append_pair("batch", &batch.to_string()).finish();
    let reply = send(ig.url(), "/", Ask { token: Some(&token), body: Some(&form), headers: &[] })
        .await
        .unwrap()
        .json();
    assert_eq!((reply[0]["code"].clone(), reply[1]["code"].clone()), (json!(200), json!(400)));
    let first: Value = serde_json::from_str(reply[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(first["username"], json!(own.handle));
}

#[tokio::test]
async fn stories_are_told_for_a_day_and_once_five_people_have_seen_them() {
    let ig = instagram().await;
    let (world, clock, own) = (ig.simulator.world(), ig.simulator.clock(), ig.profile());
    let days = SignedDuration::from_hours(24 * 3);
    let next = world.stories(own.key, clock.now(), clock.now() + days);
    let story = next.first().expect("three days hold a story");
    let id = world.story_id(story);
    assert_eq!(world.find_story(&id).map(|found| found.number), Some(story.number));
    let list =
        "{me}/stories?fields=id,timestamp,media_product_type,insights.metric(reach,replies,navigation)";

    clock.set(story.published_at + SignedDuration::from_secs(1));
    assert!(!ig.good("{me}/stories").await["data"].as_array().unwrap().is_empty());
    let (status, unseen) = ig.graph(list).await;
    assert_eq!((status, &unseen["error"]["code"]), (400, &json!(10)), "one without viewers fails the whole");

    clock.set(story.published_at + SignedDuration::from_hours(6));
    let counts = story.counts_at(clock.now());
    let told = ig.good(&format!("/v25.0/?ids={id}&fields=insights.metric(reach,replies,navigation)")).await;
    let values: Vec<i64> = (0..3)
        .map(|place| told[id.as_str()]["insights"]["data"][place]["values"][0]["value"].as_i64().unwrap())
        .collect();
    assert_eq!(values, [counts.reach, counts.replies, counts.navigations()]);
    let one = ig.good(&format!("/v25.0/{id}/insights?metric=reach")).await;
    assert_eq!(one["data"][0]["values"][0]["value"], counts.reach);
    let (status, _) = ig.graph(&format!("/v25.0/{id}/insights?metric=saved")).await;
    assert_eq!(status, 400, "stories are not saved");

    clock.set(story.ends_at());
    assert_eq!(ig.graph(&format!("/v25.0/{id}/insights?metric=reach")).await.0, 400, "gone with its numbers");
    let left = ig.good("{me}/stories").await;
    assert!(left["data"].as_array().unwrap().iter().all(|shown| shown["id"] != id.as_str()));
}
