//! The web beside the platforms says what the world holds.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
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

/// What a service account says, signed with the key of a file.
fn signed(file: &Value, claims: &Value) -> String {
    let pem: Vec<&str> = file["private_key"].as_str().unwrap().lines().collect();
    assert!(pem.iter().all(|line| line.len() <= 64));
    let der = STANDARD.decode(pem[1..pem.len() - 1].concat()).unwrap();
    let key = RsaKeyPair::from_pkcs8(&der).unwrap();
    let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let said = format!("{}.{}", encode(&json!({"alg": "RS256", "typ": "JWT"})), encode(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), said.as_bytes(), &mut signature).unwrap();
    format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Google's checks of a statement, each in its own words; a good one brings a token that works for an hour.
#[tokio::test]
async fn a_service_account_has_a_token_for_what_it_signs() {
    let web = web().await;
    let key = || serde_json::from_str::<Value>(&web.simulator.service_account_key().unwrap()).unwrap();
    let deleted = key();
    let file = key();
    let now = web.simulator.clock().now().as_second();
    let scope = "https://www.googleapis.com/auth/analytics.readonly";
    let good = json!({
        "iss": file["client_email"], "scope": scope, "aud": file["token_uri"], "iat": now, "exp": now + 3600,
    });
    let exchange = async |assertion: String| {
        let grant_type = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
        let body = format!("grant_type={grant_type}&assertion={assertion}");
        let reply = send(web.url(), "/token", Ask { body: Some(&body), ..Ask::default() }).await.unwrap();
        (reply.status, reply.json())
    };
    let (status, granted) = exchange(signed(&file, &good)).await;
    assert_eq!((status, &granted["scope"], &granted["expires_in"]), (200, &json!(scope), &json!(3599)));
    assert!(granted.get("refresh_token").is_none());
    let path = "/v4/accounts/111/locations/222/reviews";
    let token = granted["access_token"].as_str().unwrap();
    assert_eq!(web.get(path, token).await.status, 200);

    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        signed(&file, &claims)
    };
    let late = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat \
                and exp values in the JWT claim.";
    let scopes = "Invalid OAuth scope or ID token audience provided.";
    for (assertion, error, words) in [
        (signed(&deleted, &good), "invalid_grant", "Invalid JWT Signature."),
        (signed(&file, &good).replace('.', ".e30"), "invalid_request", "Bad Request"),
        (with("iss", json!("nobody@simulated.example")), "invalid_grant", "Invalid grant: account not found"),
        (
            with("aud", json!("https://elsewhere.example/token")),
            "invalid_grant",
            "Invalid JWT: Failed audience check.",
        ),
        (with("exp", json!(now + 3601)), "invalid_grant", late),
        (with("exp", json!(now)), "invalid_grant", late),
        (with("iat", json!(now + 600)), "invalid_grant", late),
        (with("iat", Value::Null), "invalid_grant", late),
        (with("scope", json!("")), "invalid_scope", scopes),
        (with("scope", json!(format!("{scope} everything"))), "invalid_scope", scopes),
    ] {
        let told = json!({"error": error, "error_description": words});
        assert_eq!(exchange(assertion).await, (400, told));
    }
    let mut forged = signed(&file, &good);
    forged.truncate(forged.rfind('.').unwrap());
    assert_eq!(exchange(forged + ".").await.1["error_description"], "Invalid JWT Signature.");

    web.simulator.clock().advance(jiff::SignedDuration::from_secs(3600));
    assert_eq!(web.get(path, token).await.status, 401);
}
