//! LinkedIn says what the world holds.

use jiff::{SignedDuration, Timestamp, civil::date};
use serde_json::{Value, json};

use super::http::{Ask, Caller, send};
use crate::{Counter, Format, LinkedinConfig, Network, PostFacts, PostKey, Profile, SimulatorConfig};

const VERSION: [(&str, &str); 2] = [("linkedin-version", "202609"), ("x-restli-protocol-version", "2.0.0")];

async fn linkedin() -> Caller {
    Caller::new("linkedin", SimulatorConfig::default()).await
}

impl Caller {
    fn page_owner(&self) -> Profile {
        self.simulator.world().accounts_of(Network::Linkedin).next().unwrap().clone()
    }

    fn urn(&self) -> String {
        format!("urn%3Ali%3Aorganization%3A{}", self.page_owner().platform_id)
    }

    async fn restli(&self, path: &str) -> (u16, Value) {
        self.restli_with(path, &VERSION, None).await
    }

    async fn restli_with(&self, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> (u16, Value) {
        let token = self.simulator.user_token(&self.page_owner().id).unwrap();
        let path = path.replace("{urn}", &self.urn());
        let ask = Ask { token: Some(&token), headers, body };
        let reply = send(self.url(), &path, ask).await.unwrap();
        (reply.status, reply.json())
    }

    async fn elements(&self, path: &str) -> Vec<Value> {
        let (status, body) = self.restli(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body["elements"].as_array().unwrap().clone()
    }

    fn page_posts(&self) -> Vec<PostFacts> {
        let (world, now) = (self.simulator.world(), self.simulator.clock().now());
        let account = self.page_owner().key;
        (0..world.published_by(account, now) as u32)
            .rev()
            .map(|index| world.post(PostKey { account, index }))
            .filter(|post| post.stands_at(now))
            .collect()
    }
}

fn millis(day: i8) -> i64 {
    date(2026, 9, day).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_millisecond()
}

fn september(from: i8, to: i8) -> String {
    format!("timeIntervals=(timeRange:(start:{},end:{}),timeGranularityType:DAY)", millis(from), millis(to))
}

#[tokio::test]
async fn refreshing_does_not_lengthen_the_year() {
    let li = linkedin().await;
    let page = "/oauth/v2/authorization?response_type=code&client_id=simulated-client&redirect_uri=http%3A%2F%2Fa%2F&state=1&scope=s";
    let reply = send(li.url(), page, Ask::default()).await.unwrap();
    let code = reply
        .header("location")
        .unwrap()
        .strip_prefix("http://a/?code=")
        .unwrap()
        .strip_suffix("&state=1")
        .unwrap();
    let secret = "client_id=simulated-client&client_secret=simulated-secret";
    let ask = async |form: String| {
        send(li.url(), "/oauth/v2/accessToken", Ask { body: Some(&form), ..Ask::default() }).await.unwrap()
    };
    let first =
        ask(format!("grant_type=authorization_code&code={code}&redirect_uri=http%3A%2F%2Fa%2F&{secret}"))
            .await
            .json();
    assert_eq!(
        (first["expires_in"].clone(), first["refresh_token_expires_in"].clone()),
        (json!(5_184_000), json!(31_535_999))
    );
    li.simulator.clock().advance(SignedDuration::from_hours(24 * 100));
    let refresh = format!(
        "grant_type=refresh_token&refresh_token={}&{secret}",
        first["refresh_token"].as_str().unwrap()
    );
    let second = ask(refresh.clone()).await.json();
    assert_eq!(second["refresh_token_expires_in"], json!(31_535_999 - 100 * 86_400));
    assert_ne!(second["access_token"], first["access_token"]);
    li.simulator.clock().advance(SignedDuration::from_hours(24 * 266));
    assert_eq!(ask(refresh).await.status, 400);
}

#[tokio::test]
async fn days_of_the_organization_are_the_worlds() {
    let li = linkedin().await;
    let (world, own) = (li.simulator.world(), li.page_owner());
    let truth = world.account_day(own.key, date(2026, 9, 11));
    let (_, size) = li.restli("/rest/networkSizes/{urn}?edgeType=COMPANY_FOLLOWED_BY_MEMBER").await;
    assert_eq!(size["firstDegreeSize"], json!(world.followers_at(own.key, li.simulator.clock().now())));

    let base = "?q=organizationalEntity&organizationalEntity={urn}";
    let days = september(10, 13);
    let gains = li.elements(&format!("/rest/organizationalEntityFollowerStatistics{base}&{days}")).await;
    assert_eq!((gains.len(), gains[1]["timeRange"]["start"].clone()), (3, json!(millis(11))));
    let gain = |key: &str| gains[1]["followerGains"][key].as_i64().unwrap();
    assert_eq!(gain("organicFollowerGain") + gain("paidFollowerGain"), truth.flows.follows_gained);

    let shares = li.elements(&format!("/rest/organizationalEntityShareStatistics{base}&{days}")).await;
    let told = &shares[1]["totalShareStatistics"];
    let organic = truth.content.organic;
    assert_eq!(told["impressionCount"], json!(organic[Counter::Impressions]));
    assert_eq!(told["likeCount"], json!(organic[Counter::Likes]));
    assert!(told["uniqueImpressionsCount"].as_i64().unwrap() <= organic[Counter::Impressions]);

    let pages = li
        .elements(&format!("/rest/organizationPageStatistics?q=organization&organization={{urn}}&{days}"))
        .await;
    let views = &pages[1]["totalPageStatistics"]["views"]["allPageViews"];
    assert_eq!(views["pageViews"], json!(truth.flows.profile_visits));

    let facets = li.elements(&format!("/rest/organizationalEntityFollowerStatistics{base}")).await;
    assert!(
        facets[0]["followerCountsBySeniority"][0]["followerCounts"]["organicFollowerCount"].as_i64().unwrap()
            > 0
    );
    let ever = li.elements("/rest/organizationPageStatistics?q=organization&organization={urn}").await;
    let industry = &ever[0]["pageStatisticsByIndustryV2"][0];
    assert!(industry["industryV2"].as_str().unwrap().starts_with("urn:li:industry:"));
    assert!(industry["pageStatistics"]["views"]["allPageViews"]["pageViews"].as_i64().unwrap() > 0);
    assert!(ever[0]["totalPageStatistics"]["views"]["allPageViews"].get("uniquePageViews").is_none());
    let whole = li.elements(&format!("/rest/organizationalEntityShareStatistics{base}")).await;
    assert!(whole[0]["totalShareStatistics"]["shareMentionsCount"].as_i64().unwrap() > 0);
}

#[tokio::test]
async fn posts_are_listed_and_counted() {
    let li = linkedin().await;
    let world = li.simulator.world();
    let now = li.simulator.clock().now();
    let mut seen = Vec::new();
    let mut next = Some("/rest/posts?q=author&author={urn}&count=30&start=0&sortBy=LAST_MODIFIED".to_owned());
    while let Some(path) = next {
        let (_, body) = li.restli(&path).await;
        seen.extend(body["elements"].as_array().unwrap().clone());
        next = body["paging"]["links"][0]["href"].as_str().map(str::to_owned);
    }
    let expected = li.page_posts();
    assert_eq!(seen.len(), expected.len());
    for (post, facts) in seen.iter().zip(&expected) {
        assert!(post["id"].as_str().unwrap().ends_with(world.post_id(facts.key).as_str()));
        assert_eq!(
            post["content"]["media"].is_object(),
            matches!(facts.format, Format::Video | Format::Image)
        );
    }
    let encoded = |id: &Value| id.as_str().unwrap().replace(':', "%3A");
    let of = |kind: &str| {
        let ids = seen.iter().map(|post| encoded(&post["id"])).filter(|id| id.contains(kind)).take(40);
        ids.collect::<Vec<_>>().join(",")
    };
    let query = format!(
        "q=organizationalEntity&organizationalEntity={}&shares=List({})&ugcPosts=List({})",
        li.urn(),
        of("share"),
        of("ugcPost")
    );
    let path = "/rest/organizationalEntityShareStatistics";
    let counted = li.elements(&format!("{path}?{query}")).await;
    assert!(counted.len() > 40);
    let row = counted.iter().find(|row| row["ugcPost"].is_string()).unwrap();
    let id = row["ugcPost"].as_str().unwrap().rsplit(':').next().unwrap();
    let truth =
        world.counters_at(&world.post(world.find_post(Network::Linkedin, id).unwrap()), now).unwrap().organic;
    assert_eq!(row["totalShareStatistics"]["impressionCount"], json!(truth[Counter::Impressions]));

    // Long queries go in the body of a POST.
    let headers = [VERSION[0], VERSION[1], ("x-http-method-override", "GET")];
    let (status, tunnelled) = li.restli_with(path, &headers, Some(&query)).await;
    assert_eq!((status, tunnelled["elements"].as_array().unwrap().len()), (200, counted.len()));

    let (_, social) =
        li.restli(&format!("/rest/socialMetadata?ids=List({})", encoded(&row["ugcPost"]))).await;
    let reactions =
        social["results"][row["ugcPost"].as_str().unwrap()]["reactionSummaries"].as_object().unwrap();
    let sum: i64 = reactions.values().map(|reaction| reaction["count"].as_i64().unwrap()).sum();
    assert_eq!(sum, truth[Counter::Likes]);
}

#[tokio::test]
async fn a_videos_days_add_up() {
    let li = linkedin().await;
    let world = li.simulator.world();
    let edge: Timestamp = "2026-09-30T00:00:00Z".parse().unwrap();
    let video = li
        .page_posts()
        .into_iter()
        .find(|post| post.video_millis.is_some() && post.published_at < edge)
        .unwrap();
    let entity = format!("urn%3Ali%3AugcPost%3A{}", world.post_id(video.key));
    let start = video.published_at.as_millisecond();
    let range = format!("timeRange=(start:{start},end:{})", millis(30));
    let days = li
        .elements(&format!(
            "/rest/videoAnalytics?q=entity&entity={entity}&type=VIDEO_VIEW&aggregation=DAY&{range}"
        ))
        .await;
    let sum: i64 = days.iter().map(|row| row["value"].as_i64().unwrap()).sum();
    let truth = world.counters_at(&video, edge).unwrap().organic[Counter::Plays3s];
    assert_eq!(sum, truth);
}

#[tokio::test]
async fn what_is_refused_and_how() {
    let li = linkedin().await;
    let base = "/rest/organizationalEntityShareStatistics?q=organizationalEntity&organizationalEntity=";
    for (path, status, words) in [
        (format!("{base}urn:li:organization:{}", li.page_owner().platform_id), 400, "Invalid query"),
        (format!("{base}{{urn}}&shares[0]=urn%3Ali%3Ashare%3A1"), 400, "Invalid query"),
        (format!("{base}{{urn}}&shares=List%28urn%3Ali%3Ashare%3A1%29"), 400, "Invalid value"),
        (
            format!("{base}{{urn}}&{}", september(10, 30).replace(&millis(30).to_string(), "1790899200001")),
            400,
            "timeIntervals",
        ),
        (format!("{base}urn%3Ali%3Aorganization%3A5"), 400, "Invalid organization"),
        (
            "/rest/networkSizes/urn:li:organization:1?edgeType=COMPANY_FOLLOWED_BY_MEMBER".to_owned(),
            400,
            "Invalid key",
        ),
        ("/rest/nothing".to_owned(), 404, "No virtual resource"),
    ] {
        let (got, body) = li.restli(&path).await;
        assert_eq!(got, status, "{path}: {body}");
        assert!(body["message"].as_str().unwrap().contains(words), "{path}: {body}");
    }
    let old = [("linkedin-version", "202508"), VERSION[1]];
    let (status, body) = li.restli_with("/rest/posts?q=author&author={urn}", &old, None).await;
    assert_eq!((status, body["code"].clone()), (426, json!("NONEXISTENT_VERSION")));
}

/// A version is of the API and not of the world: a world that lies in the past has those that its answers
/// follow. Dead ones and those that nobody has seen are refused.
#[tokio::test]
async fn a_past_world_takes_the_versions_that_there_are() {
    let li = linkedin().await;
    let ask = async |version: &str| {
        let headers = [("linkedin-version", version), VERSION[1]];
        li.restli_with("/rest/networkSizes/{urn}?edgeType=COMPANY_FOLLOWED_BY_MEMBER", &headers, None).await.0
    };
    li.simulator.clock().set("2026-09-30T00:00:00Z".parse().unwrap());
    assert_eq!((ask("202509").await, ask("202609").await, ask("202610").await), (200, 200, 426));
    li.simulator.clock().set("2025-10-26T00:00:00Z".parse().unwrap());
    assert_eq!((ask("202410").await, ask("202603").await, ask("202606").await), (200, 200, 200));
    assert_eq!((ask("202409").await, ask("202607").await, ask("2026").await), (426, 426, 426));
}

#[tokio::test]
async fn the_development_tier_is_narrow() {
    let config = SimulatorConfig {
        linkedin: LinkedinConfig { development: true, silent_after_days: Some(90) },
        ..SimulatorConfig::default()
    };
    let li = Caller::new("linkedin", config).await;
    let (status, body) = li.restli("/rest/socialMetadata?ids=List(urn%3Ali%3Ashare%3A1)").await;
    assert_eq!(status, 429);
    assert!(body["message"].as_str().unwrap().contains("DAY"));
    let world = li.simulator.world();
    let old = li.page_posts().into_iter().rfind(|post| post.format != Format::Video).unwrap();
    let path = format!(
        "/rest/organizationalEntityShareStatistics?q=organizationalEntity&organizationalEntity={{urn}}&shares=List(urn%3Ali%3Ashare%3A{})",
        world.post_id(old.key)
    );
    assert!(li.elements(&path).await.is_empty(), "old posts are left out");
    for _ in 0..98 {
        li.elements(&path).await;
    }
    assert_eq!(li.restli(&path).await.0, 429);
    li.simulator.clock().advance(SignedDuration::from_hours(24));
    assert_eq!(li.restli(&path).await.0, 200);
}

#[tokio::test]
async fn a_person_is_told_one_number_a_call() {
    let linkedin = linkedin().await;
    let (world, now) = (linkedin.simulator.world(), linkedin.simulator.clock().now());
    let person = &world.people()[0];
    assert_eq!(person.page, linkedin.page_owner().key);
    let followers = linkedin.elements("/rest/memberFollowersCount?q=me").await;
    assert_eq!(followers[0]["memberFollowersCount"], world.followers_at(person.page, now) / 20);

    let post = linkedin.page_posts().into_iter().find(|post| post.format != Format::Video).unwrap();
    let urn = world.persons_post(&post);
    let whole = world.counters_at(&post, now).unwrap().total();
    let of_one = |urn: &str, kind: &str| {
        let urn = urn.replace(':', "%3A");
        format!(
            "/rest/memberCreatorPostAnalytics?q=entity&entity=(share:{urn})&queryType={kind}&aggregation=TOTAL"
        )
    };
    let told = linkedin.elements(&of_one(&urn, "IMPRESSION")).await;
    assert_eq!(told[0]["count"], whole[Counter::Impressions] / 3);
    assert_eq!(told[0]["metricType"], "IMPRESSION", "a plain word from version 202605 on");
    let (status, _) = linkedin.restli(&of_one("urn:li:share:7399999999999999999", "IMPRESSION")).await;
    assert_eq!(status, 403, "not the person's own");

    let range = "dateRange=(start:(day:1,month:9,year:2026),end:(day:3,month:9,year:2026))";
    let by_day = |kind: &str| {
        format!("/rest/memberCreatorPostAnalytics?q=me&queryType={kind}&aggregation=DAILY&{range}")
    };
    let days = linkedin.elements(&by_day("COMMENT")).await;
    let seen = world.account_day_seen(person.page, date(2026, 9, 1), now).content.total();
    assert_eq!((days.len(), &days[0]["count"]), (2, &json!(seen[Counter::Comments] / 3)));
    assert_eq!(linkedin.restli(&by_day("MEMBERS_REACHED")).await.0, 400, "people are not told by day");
}
