//! The order of the layers is part of the meaning.

use kepi_core::{Cost, ErrorKind};
use kepi_transport::{BudgetStore, Ceiling, Interval, MemoryBudget, testing::ScriptedWire};

use crate::support::{Bench, Toy, ok};

#[tokio::test]
async fn the_layers_stand_in_their_order() {
    let bench = Bench::new(ScriptedWire::answers([]));
    let order = ["trace", "retry", "credential", "budget", "quota", "classify", "record", "wire"];
    assert_eq!(bench.transport.layers(), order);
    assert!(format!("{:?}", bench.transport).contains("trace → retry → credential → budget → quota"));
}

#[tokio::test]
async fn every_attempt_pays_and_a_renewal_pays_too() {
    let wire = ScriptedWire::answers([
        Ok(ScriptedWire::json(503, "")),
        Ok(ScriptedWire::json(401, "")),
        Ok(ScriptedWire::json(200, "fresh-token,,7200")),
        Ok(ok()),
    ]);
    let ledger = std::sync::Arc::new(MemoryBudget::default());
    let kept = std::sync::Arc::clone(&ledger);
    let bench = Bench::with(wire, Toy::new(&[], Cost::PerCall(5)), |builder| builder.budget(kept));
    let fetched = bench.fetch("mine").await.unwrap();
    assert_eq!((fetched.calls, fetched.attempts, fetched.cost_micro_usd), (4, 2, 5));
    let spent = ledger.spent("spent toy 2026-10-05").await.unwrap();
    assert_eq!((spent.calls, spent.micro_usd), (4, 5));
}

#[tokio::test]
async fn a_call_that_may_not_be_paid_for_does_not_wait_for_quota() {
    let wire = ScriptedWire::new(|_, _| Ok(ok()));
    let none = Ceiling { platform: None, per: Interval::Day, calls: Some(0), micro_usd: None };
    let bench = Bench::with(wire, Toy::default(), |builder| builder.ceilings([none]));
    let error = bench.fetch("list").await.unwrap_err();
    assert_eq!((error.kind(), bench.calls(), bench.elapsed()), (ErrorKind::BudgetExhausted, 0, 0.0));
}
