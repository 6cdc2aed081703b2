//! Ceilings of calls and money.

use std::sync::Arc;

use futures::future::join_all;
use kepi_core::{Cost, ErrorKind, Retry};
use kepi_transport::{
    BudgetStore, Ceiling, Fault, FaultKind, Interval, MemoryBudget, Spend, testing::ScriptedWire,
};

use crate::support::{Bench, Toy, at, job, ok};

/// Ten items a call at 5,000 millionths: 50,000 a call.
const PER_ITEM: Cost = Cost::PerItem(5000);

fn money(micro_usd: u64, per: Interval) -> Ceiling {
    Ceiling { platform: Some("toy".to_owned()), per, calls: None, micro_usd: Some(micro_usd) }
}

fn bench(cost: Cost, ceilings: Vec<Ceiling>) -> (Bench, Arc<MemoryBudget>) {
    let ledger = Arc::new(MemoryBudget::default());
    let kept = Arc::clone(&ledger);
    let bench = Bench::with(ScriptedWire::new(|_, _| Ok(ok())), Toy::new(&[], cost), |builder| {
        builder.budget(kept).ceilings(ceilings)
    });
    (bench, ledger)
}

#[tokio::test]
async fn calls_stop_before_the_ceiling_also_when_they_go_out_together() {
    let (bench, ledger) = bench(PER_ITEM, vec![money(170_000, Interval::Day)]);
    let answers = join_all((0..10).map(|_| bench.fetch("list"))).await;
    let errors: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert_eq!((bench.calls(), errors.len()), (3, 7));
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::BudgetExhausted);
        assert_eq!(error.retry_policy(), Retry::At(at("2026-10-06T00:00:00Z")));
        assert_eq!(error.context_value("spent_micro_usd"), Some("150000"));
    }
    let spent = ledger.spent("spent toy 2026-10").await.unwrap();
    assert_eq!(spent, Spend { calls: 3, micro_usd: 150_000 });
}

#[tokio::test]
async fn a_month_is_a_month_and_all_platforms_are_all() {
    let (bench, _) = bench(PER_ITEM, vec![money(50_000, Interval::Month)]);
    bench.fetch("list").await.unwrap();
    let error = bench.fetch("list").await.unwrap_err();
    assert_eq!(error.retry_policy(), Retry::At(at("2026-11-01T00:00:00Z")));

    let all = Ceiling { platform: None, per: Interval::Day, calls: Some(2), micro_usd: None };
    let other = Ceiling { platform: Some("other".to_owned()), calls: Some(0), ..all.clone() };
    let (bench, _) = self::bench(Cost::Free, vec![all, other]);
    bench.fetch("list").await.unwrap();
    bench.fetch("old").await.unwrap();
    bench.fetch("list").await.unwrap_err();
    assert_eq!(bench.calls(), 2);
}

#[tokio::test]
async fn the_real_price_replaces_the_reckoned_one() {
    let (bench, ledger) = bench(PER_ITEM, vec![money(60_000, Interval::Day)]);
    let fetched = bench.fetch("list").await.unwrap();
    assert_eq!(fetched.cost_micro_usd, 50_000);
    assert_eq!(bench.fetch("list").await.unwrap_err().kind(), ErrorKind::BudgetExhausted);
    let settled = bench.transport.settle(&bench.toy, &job("list", "a"), &fetched, 2).await.unwrap();
    assert_eq!(settled, 10_000);
    assert_eq!(ledger.spent("spent toy 2026-10-05").await.unwrap(), Spend { calls: 1, micro_usd: 10_000 });
    assert!(bench.fetch("list").await.is_ok(), "there is room again");
}

#[tokio::test]
async fn what_was_not_billed_is_given_back_and_what_may_have_been_is_kept() {
    let check = async |answer: fn() -> Result<kepi_core::Response, Fault>, expected: Spend| {
        let ledger = Arc::new(MemoryBudget::default());
        let kept = Arc::clone(&ledger);
        let wire = ScriptedWire::new(move |_, _| answer());
        let bench = Bench::with(wire, Toy::new(&[], PER_ITEM), |builder| builder.budget(kept));
        bench.fetch("list").await.unwrap_err();
        assert_eq!(ledger.spent("spent toy 2026-10-05").await.unwrap(), expected);
    };
    check(|| Ok(ScriptedWire::json(403, "")), Spend { calls: 1, micro_usd: 0 }).await;
    check(|| Err(Fault::new(FaultKind::Dns, false)), Spend::default()).await;
    check(|| Err(Fault::new(FaultKind::Truncated, true)), Spend { calls: 5, micro_usd: 250_000 }).await;
}
