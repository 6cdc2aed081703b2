//! Records are kept once, however often and by however many they are said.

use jiff::{Timestamp, civil::date};
use serde_json::Value;

use super::support::World;
use crate::{DecisionRecord, SignalRecord, query};

fn signal(through: i8, outcome: &str) -> SignalRecord {
    SignalRecord {
        looked_at: "2026-10-05T06:00:00Z".parse::<Timestamp>().unwrap(),
        signal: "P4".into(),
        kpi: "rate".into(),
        version: 1,
        scope: "{}".to_owned(),
        start: date(2026, 7, 6),
        end: date(2026, 10, 5),
        through: date(2026, 10, through),
        outcome: outcome.into(),
        effect: Some(-0.2),
        p: Some(0.001),
        q: None,
        row: "{}".to_owned(),
    }
}

#[tokio::test]
async fn what_was_said_of_a_signal_up_to_a_day_is_kept_once() {
    let world = World::new();
    let (store, other) = (world.store().await, world.store().await);
    assert_eq!(store.append_signals(&[signal(4, "fired"), signal(4, "fired")]).await.unwrap(), 1);
    // Another process that says the same, and the next day.
    let again = [signal(4, "fired"), signal(5, "continues")];
    assert_eq!(other.append_signals(&again).await.unwrap(), 1);
    assert_eq!(store.append_signals(&again).await.unwrap(), 0);
    let session = store.session().await.unwrap();
    let rows = query(&session, "select outcome from signals order by through").await;
    assert_eq!(rows.unwrap().rows, [[Value::from("fired")], [Value::from("continues")]]);
}

#[tokio::test]
async fn writers_at_once_lose_and_double_nothing() {
    let world = World::new();
    let store = world.store().await;
    let days: Vec<SignalRecord> = (1..=8).map(|day| signal(day, "continues")).collect();
    let mut tasks = Vec::new();
    for start in 0..4 {
        let (store, days) = (world.store().await, days[start..].to_vec());
        tasks.push(tokio::spawn(async move { store.append_signals(&days).await.unwrap() }));
    }
    let mut new = 0;
    for task in tasks {
        new += task.await.unwrap();
    }
    let rows = query(&store.session().await.unwrap(), "select count(*) from signals").await.unwrap();
    assert_eq!((new, &rows.rows[0][0]), (8, &8.into()));
}

#[tokio::test]
async fn a_decision_is_kept_once() {
    let world = World::new();
    let store = world.store().await;
    let decision = DecisionRecord {
        decision: "d1".into(),
        decided_at: "2026-10-05T06:00:00Z".parse().unwrap(),
        kpi: "rate".into(),
        evaluation: Some("2026-10-05T05:00:00Z".into()),
        what: "more video".to_owned(),
        why: None,
        by: Some("anna".to_owned()),
        version: Some(1),
        start: Some(date(2026, 7, 1)),
        end: Some(date(2026, 10, 1)),
        value: Some(0.03),
    };
    assert!(store.append_decision(decision.clone()).await.unwrap());
    assert!(!store.append_decision(decision.clone()).await.unwrap());
    assert!(store.append_decision(DecisionRecord { decision: "d2".into(), ..decision }).await.unwrap());
    let session = store.session().await.unwrap();
    let rows =
        query(&session, "select decision, \"end\", value from decisions order by 1").await.unwrap().rows;
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0][1], &rows[0][2]), (&"2026-10-01".into(), &0.03.into()));
}
