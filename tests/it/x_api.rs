//! X through all layers: the command asks the simulated platform, and what rests in the store is the world's truth.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kepi_core::{Traffic, Value};
use kepi_simulator::{Network, World};
use serde_json::Value as Json;

use crate::simulated::{Simulated, x_world};

const ACCOUNTS: u32 = 2;
/// About 48 posts in 29 days: one page of a timeline.
const POSTS: u32 = 600;

/// What the world says of a post: metric → count.
fn truth(world: &World, id: &str, at: Timestamp, traffic: Traffic) -> BTreeMap<String, i64> {
    let key = world.find_post(Network::X, id).expect("a post of the world");
    let readings = world.post_at(key, at, traffic).expect("it is published");
    readings
        .into_iter()
        .filter_map(|reading| match reading.value {
            Value::Count(count) => Some((reading.metric.to_string(), count)),
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_holds_the_worlds_truth_at_the_least_calls() {
    let now = Timestamp::now();
    let simulated = Simulated::start(x_world(ACCOUNTS, POSTS, now), now).await;
    let output = simulated.command().args(["ingest", "--format", "json"]).output().expect("kepi starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let stats = simulated.simulator.stats("x").expect("X is simulated");
    let calls = |part: &str| -> u64 {
        stats.calls.iter().filter(|(path, _)| path.contains(part)).map(|(_, calls)| calls).sum()
    };
    assert_eq!(calls("/2/users/{id}/tweets"), u64::from(ACCOUNTS), "{:?}", stats.calls);
    assert_eq!(calls("counts/recent"), u64::from(ACCOUNTS), "{:?}", stats.calls);
    let profiles = calls("/2/users") - calls("/2/users/{id}");
    assert_eq!(profiles, 1, "all profiles in one call: {:?}", stats.calls);
    assert_eq!(stats.throttled, 0);

    let rows = simulated.project.query(
        "select post, traffic, impressions, likes, comments, shares, link_clicks from post_facts where current",
    );
    assert!(rows.len() > 50, "{} rows", rows.len());
    for row in &rows {
        compare(simulated.simulator.world(), row, now);
    }
}

fn compare(world: &World, row: &Json, now: Timestamp) {
    let traffic = match row["traffic"].as_str() {
        Some("organic") => Traffic::Organic,
        Some("paid") => Traffic::Paid,
        _ => Traffic::Total,
    };
    let post = row["post"].as_str().expect("an id");
    let truth = truth(world, post, now, traffic);
    for metric in ["impressions", "likes", "comments", "shares", "link_clicks"] {
        if let Some(found) = row[metric].as_i64() {
            assert_eq!(Some(&found), truth.get(metric), "{metric} of {post}, {traffic:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_says_calls_and_money_before_any_call() {
    let now = Timestamp::now();
    let simulated = Simulated::start(x_world(ACCOUNTS, POSTS, now), now).await;
    let output =
        simulated.command().args(["ingest", "--plan", "--format", "json"]).output().expect("kepi starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Json = serde_json::from_slice(&output.stdout).expect("JSON");
    let endpoints: Vec<&str> =
        rows.as_array().expect("rows").iter().filter_map(|row| row["endpoint"].as_str()).collect();
    for endpoint in ["users", "timeline", "mentions"] {
        assert!(endpoints.contains(&endpoint), "{endpoints:?}");
    }
    assert_eq!(simulated.simulator.stats("x").expect("X is simulated").total_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_rests_anywhere() {
    let now = Timestamp::now();
    let simulated = Simulated::start(x_world(1, 200, now), now).await;
    let output = simulated.command().args(["--log", "trace", "ingest"]).output().expect("kepi starts");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let pages = simulated.project.query("select request, job, cursor, next_cursor from pages");
    let kept = Json::from(pages).to_string();
    for secret in simulated.secret_values() {
        assert!(!said.contains(secret), "a secret was said");
        assert!(!kept.contains(secret), "a secret was kept");
    }
}
