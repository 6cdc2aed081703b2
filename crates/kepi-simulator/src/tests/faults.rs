//! Faults do what they say.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use super::http::{Ask, Caller, send};
use crate::{Fault, FaultRule, Network, SimulatorConfig};

struct Victim {
    caller: Caller,
    path: String,
    token: String,
}

impl Victim {
    async fn new() -> Self {
        let caller = Caller::new("x", SimulatorConfig::default()).await;
        let profile = caller.simulator.world().accounts_of(Network::X).next().unwrap();
        let path = format!("/2/users/{}/tweets?tweet.fields=public_metrics", profile.platform_id);
        let token = caller.simulator.user_token(&profile.id).unwrap();
        Self { caller, path, token }
    }

    fn switch(&self, rule: FaultRule) {
        self.caller.simulator.faults("x").unwrap().add(rule);
    }

    async fn reply(&self) -> super::http::Reply {
        self.caller.get(&self.path, &self.token).await
    }
}

#[tokio::test]
async fn refusals_in_the_platforms_words() {
    let victim = Victim::new().await;
    for (fault, status, title) in [
        (Fault::RateLimit, 429, "Too Many Requests"),
        (Fault::QuotaExhausted, 429, "UsageCapExceeded"),
        (Fault::TokenExpired, 401, "Unauthorized"),
        (Fault::CreditsDepleted, 402, "CreditsDepleted"),
        (Fault::Forbidden, 403, "Client Forbidden"),
        (Fault::Status(503), 503, "Service Unavailable"),
    ] {
        victim.switch(FaultRule::once(fault));
        let reply = victim.reply().await;
        assert_eq!((reply.status, reply.json()["title"].clone()), (status, json!(title)), "{fault:?}");
        assert_eq!(victim.reply().await.status, 200, "{fault:?} strikes once");
    }
    assert_eq!(victim.caller.stats().throttled, 2);
}

#[tokio::test]
async fn a_storm_lasts_as_long_as_it_is_told() {
    let victim = Victim::new().await;
    victim.switch(FaultRule::always(Fault::RateLimit).times(3).at("/tweets"));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(victim.reply().await.status);
    }
    assert_eq!(statuses, [429, 429, 429, 200]);
    victim.switch(FaultRule::always(Fault::Status(500)).at("/mentions"));
    assert_eq!(victim.reply().await.status, 200, "other endpoints are spared");
    victim.switch(FaultRule::always(Fault::Status(500)));
    assert_eq!(victim.reply().await.status, 500);
    victim.caller.simulator.faults("x").unwrap().clear();
    assert_eq!(victim.reply().await.status, 200);
}

#[tokio::test]
async fn bodies_that_are_not_what_they_were() {
    let victim = Victim::new().await;
    let good = victim.reply().await.json();
    victim.switch(FaultRule::once(Fault::HtmlPage));
    let page = victim.reply().await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    victim.switch(FaultRule::once(Fault::ChangedShape));
    assert_eq!(victim.reply().await.json()["payload"], good);
    victim.switch(FaultRule::once(Fault::UnknownFields));
    let mut noisy = victim.reply().await.json();
    assert_eq!(noisy["data"][0]["public_metrics"]["unheard_of_metric"], 7);
    assert_eq!(noisy["data"][0]["id"], good["data"][0]["id"]);
    noisy["data"][0]["public_metrics"].as_object_mut().unwrap().remove("unheard_of_metric");
    assert_eq!(noisy["data"][0]["public_metrics"], good["data"][0]["public_metrics"]);
    victim.switch(FaultRule::once(Fault::SilentZeros));
    let zeros = victim.reply().await.json();
    for (_, value) in zeros["data"][0]["public_metrics"].as_object().unwrap() {
        assert_eq!(value, &json!(0));
    }
    assert_ne!(good["data"][0]["public_metrics"], zeros["data"][0]["public_metrics"]);
}

#[tokio::test]
async fn pages_that_lead_astray() {
    let victim = Victim::new().await;
    let good = victim.reply().await.json();
    victim.switch(FaultRule::once(Fault::EmptyPage));
    let empty = victim.reply().await.json();
    assert_eq!((empty["meta"]["result_count"].clone(), empty["data"].is_null()), (json!(0), true));
    let next = empty["meta"]["next_token"].as_str().unwrap();
    let path = format!("{}&pagination_token={next}", victim.path);
    assert_eq!(victim.caller.json(&path, &victim.token).await["data"], good["data"], "nothing is lost");

    let second = good["meta"]["next_token"].as_str().unwrap();
    victim.switch(FaultRule::once(Fault::RepeatedCursor));
    let path = format!("{}&pagination_token={second}", victim.path);
    let looped = victim.caller.json(&path, &victim.token).await;
    assert_eq!(looped["meta"]["next_token"], json!(second));
}

#[tokio::test]
async fn a_clock_that_is_off() {
    let victim = Victim::new().await;
    let before = victim.reply().await;
    victim.switch(FaultRule::once(Fault::ClockSkew(SignedDuration::from_hours(1))));
    let skewed = victim.reply().await;
    assert_eq!(before.header("date"), Some("Thu, 01 Oct 2026 00:00:00 GMT"));
    assert_eq!(skewed.header("date"), Some("Thu, 01 Oct 2026 01:00:00 GMT"));
}

#[tokio::test]
async fn connections_that_fail() {
    let victim = Victim::new().await;
    let good = victim.reply().await;
    let length: usize = good.header("content-length").unwrap().parse().unwrap();
    victim.switch(FaultRule::once(Fault::TruncatedBody));
    let cut = victim.reply().await;
    assert_eq!(cut.header("content-length"), Some(length.to_string().as_str()));
    assert!(!cut.body.is_empty() && cut.body.len() < length, "{} of {length}", cut.body.len());
    victim.switch(FaultRule::once(Fault::SlowBody(Duration::from_millis(5))));
    assert_eq!(victim.reply().await.body, good.body);
    victim.switch(FaultRule::once(Fault::NoAnswer));
    let none =
        send(victim.caller.url(), &victim.path, Ask { token: Some(&victim.token), ..Ask::default() }).await;
    assert!(none.is_none());
    assert_eq!(victim.reply().await.status, 200);
}

#[tokio::test]
async fn after_shutdown_nobody_answers() {
    let victim = Victim::new().await;
    let url = victim.caller.url().to_owned();
    victim.caller.simulator.shutdown().await;
    assert!(tokio::net::TcpStream::connect(url.strip_prefix("http://").unwrap()).await.is_err());
}
