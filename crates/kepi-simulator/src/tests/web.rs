//! The web beside the platforms says what the world holds.

use jiff::civil::date;
use serde_json::{Value, json};

use super::http::{Ask, Caller, send};
use crate::{Profile, SimulatorConfig};

async fn web() -> Caller {
    Caller::new("web", SimulatorConfig::default()).await
}

impl Caller {
    /// The accounts of the first brand.
    fn brand(&self) -> Vec<Profile> {
        let world = self.simulator.world();
        let brand = world.accounts().next().unwrap().brand;
        world.accounts().filter(|profile| profile.brand == brand).cloned().collect()
    }

    async fn run_report(&self, body: Value) -> (u16, Value) {
        let token = self.simulator.app_token("web").unwrap();
        let body = body.to_string();
        let ask = Ask { token: Some(&token), body: Some(&body), headers: &[] };
        let reply = send(self.url(), "/v1beta/properties/300000001:runReport", ask).await.unwrap();
        (reply.status, reply.json())
    }
}

#[tokio::test]
async fn sessions_from_social_are_the_worlds() {
    let web = web().await;
    let world = web.simulator.world();
    let truth: i64 = web
        .brand()
        .iter()
        .map(|profile| world.account_day(profile.key, date(2026, 9, 10)).flows.sessions)
        .sum();
    let body = json!({
        "dimensions": [{"name": "date"}, {"name": "sessionDefaultChannelGroup"}, {"name": "sessionSource"}],
        "metrics": [{"name": "sessions"}, {"name": "averageSessionDuration"}],
        "dateRanges": [{"startDate": "2026-09-10", "endDate": "2026-09-10"}],
        "dimensionFilter": {"filter": {"fieldName": "sessionDefaultChannelGroup", "inListFilter": {"values": ["Organic Social", "Paid Social"]}}},
        "returnPropertyQuota": true,
    });
    let (_, report) = web.run_report(body).await;
    let rows = report["rows"].as_array().unwrap();
    let sum: i64 = rows
        .iter()
        .map(|row| row["metricValues"][0]["value"].as_str().unwrap().parse::<i64>().unwrap())
        .sum();
    assert!(truth > 0 && rows.len() > 3);
    assert_eq!((sum, report["rowCount"].clone()), (truth, json!(rows.len())));
    assert_eq!(rows[0]["dimensionValues"][0]["value"], "20260910");
    assert_eq!(report["metricHeaders"][1]["type"], "TYPE_SECONDS");
    assert_eq!(report["propertyQuota"]["tokensPerDay"]["consumed"], 6);
    let (status, refused) = web.run_report(json!({"metrics": [{"name": "nothing"}], "dateRanges": [{"startDate": "today", "endDate": "today"}]})).await;
    assert_eq!((status, refused["error"]["status"].clone()), (400, json!("INVALID_ARGUMENT")));
}

/// Every dimension of the documentation is taken, and splits the same sessions.
#[tokio::test]
async fn visits_are_told_by_campaign_content_page_country_and_device() {
    let web = web().await;
    let sessions = async |dimension: Option<&str>| {
        let names = ["date"].into_iter().chain(dimension);
        let body = json!({
            "dimensions": names.map(|name| json!({"name": name})).collect::<Vec<_>>(),
            "metrics": [{"name": "sessions"}],
            "dateRanges": [{"startDate": "2026-09-10", "endDate": "2026-09-10"}],
        });
        let (status, report) = web.run_report(body).await;
        assert_eq!(status, 200, "{report}");
        report["rows"][0]["metricValues"][0]["value"].as_str().unwrap().to_owned()
    };
    let all = sessions(None).await;
    for name in ["sessionCampaignName", "sessionManualAdContent", "landingPage", "country", "deviceCategory"]
    {
        assert_eq!(sessions(Some(name)).await, all, "{name}");
    }
}

#[tokio::test]
async fn reviews_are_counted_and_walked() {
    let web = web().await;
    web.simulator.clock().set("2026-09-30T12:00:00Z".parse().unwrap());
    let (world, now) = (web.simulator.world(), web.simulator.clock().now());
    let mut truth = 0;
    for profile in web.brand() {
        let mut day = world.day_of(profile.key, world.config().start);
        while day <= world.day_of(profile.key, now) {
            let count = world.account_flows(profile.key, day).rating_count;
            let (start, end) = world.day_bounds(profile.key, day);
            let length = end.as_second() - start.as_second();
            let written = |n: &i64| start.as_second() + (2 * n + 1) * length / (2 * count) <= now.as_second();
            truth += (0..count).filter(written).count() as i64;
            day = day.tomorrow().unwrap();
        }
    }
    let token = web.simulator.app_token("web").unwrap();
    let path = "/v4/accounts/111/locations/222/reviews";
    let first = web.json(&format!("{path}?pageSize=50"), &token).await;
    let total = first["totalReviewCount"].as_i64().unwrap();
    assert!(truth > 0);
    assert_eq!(total, truth);
    assert!((1.0..=5.0).contains(&first["averageRating"].as_f64().unwrap()));
    let second = web
        .json(&format!("{path}?pageSize=50&pageToken={}", first["nextPageToken"].as_str().unwrap()), &token)
        .await;
    let times: Vec<_> = [&first, &second]
        .iter()
        .flat_map(|page| page["reviews"].as_array().unwrap())
        .map(|review| review["updateTime"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(times.len(), 100);
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]));
    assert_eq!(web.get("/v4/accounts/111/locations/999/reviews", &token).await.status, 403);
    assert_eq!(web.get(path, "guess").await.status, 401);
}
