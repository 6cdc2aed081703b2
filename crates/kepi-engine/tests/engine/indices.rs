//! Composite indices as rows of a scorecard.

use kepi_engine::{Dimension, Index, Number, Status, evaluate_indices};
use serde_json::json;

use crate::{near, request, world::World};

fn weibo(posts: usize, more: serde_json::Value) -> World {
    let mut world = World::default();
    world.account("weibo/a").account("x/b");
    for post in 0..posts {
        let name = post.to_string();
        world.post("weibo/a", &name, "2026-07-07T08:00:00Z", json!({}));
        let numbers = if post == 0 { more.clone() } else { json!({"shares": 0, "comments": 0, "likes": 0}) };
        world.lifetime("weibo/a", &name, "2026-07-20", numbers);
    }
    world
}

/// The registry's example through the tables: 35 posts, 1200 reposts, 800 comments, 5000 likes → 1038.09.
#[tokio::test]
async fn bci_of_a_week() {
    let world = weibo(35, json!({"shares": 1200, "comments": 800, "likes": 5000}));
    let asked = request(Vec::new(), "2026-W28", "2026-08-01");
    let bci = Index::named("bci@registry").unwrap();
    let rows = evaluate_indices(&world.session(), &asked, &[bci]).await.unwrap();
    assert_eq!(rows.len(), 1, "one account of the platform: {rows:?}");
    let row = &rows[0];
    near(row.value.map(Number::as_f64), 1038.09, 5e-3);
    assert_eq!(
        (row.kpi.as_str(), row.unit.as_str(), row.status),
        ("bci@registry", "score", Status::NoTarget)
    );
    assert_eq!(row.scope.get("account"), Some(&Some("weibo/a".to_owned())));
    assert!(row.notes[0].contains("grade B"));
    let mut split = asked;
    split.by = vec![Dimension::Day];
    let rows = evaluate_indices(&world.session(), &split, &[bci]).await.unwrap();
    assert_eq!(rows.len(), 7);
    near(rows[1].value.map(Number::as_f64), 1038.09, 5e-3);
}

/// A week of fourteen articles, seven of them headlines: the examples of three indices through the tables.
#[tokio::test]
async fn headlines_and_maxima_are_read_from_the_articles() {
    let headlines = [
        [21_000, 105, 210, 630],
        [5000, 25, 50, 130],
        [5000, 25, 50, 130],
        [5000, 25, 50, 130],
        [5000, 25, 50, 130],
        [4000, 20, 40, 130],
        [4000, 20, 40, 120],
    ];
    let week = |ids: fn(usize, usize) -> String| {
        let mut world = World::default();
        world.account("wechat/a");
        for (day, headline) in headlines.iter().enumerate() {
            for (place, [reads, zaikan, likes, shares]) in [*headline, [3000, 15, 30, 100]].iter().enumerate()
            {
                let (id, at) = (ids(day, place), format!("2026-07-{:02}T08:00:00Z", 6 + day));
                world.post("wechat/a", &id, &at, json!({}));
                let numbers = json!({"reads": reads, "zaikan": zaikan, "likes": likes, "shares": shares});
                world.lifetime("wechat/a", &id, "2026-07-20", numbers);
            }
        }
        world
    };
    let asked = request(Vec::new(), "2026-W28", "2026-08-01");
    let all = ["wci@14.2-share", "wci@14.2", "nri@port"].map(|id| Index::named(id).unwrap());
    let by_api = week(|day, place| format!("{}_{}", 2_247_501_230 + day, place + 1));
    let rows = evaluate_indices(&by_api.session(), &asked, &all).await.unwrap();
    for (row, (expected, within)) in rows.iter().zip([(871.405, 5e-4), (908.876, 5e-4), (720.57, 5e-3)]) {
        near(row.value.map(Number::as_f64), expected, within);
    }
    // From a file nobody knows which article stood first: unknown, and not as if none had.
    let by_file = week(|day, place| format!("article {day}-{place}"));
    let rows = evaluate_indices(&by_file.session(), &asked, &all).await.unwrap();
    for row in rows {
        assert_eq!(row.value, None, "{}", row.kpi);
        assert!(
            row.notes.iter().any(|note| note.starts_with("not known: headline reads")),
            "{:?}",
            row.notes
        );
    }
}

/// An input that is not known leaves the index unknown, and is named.
#[tokio::test]
async fn what_is_missing_is_named() {
    let world = weibo(2, json!({"shares": 1200, "comments": null, "likes": 5000}));
    let mut without = World::default();
    without.account("weibo/a").post("weibo/a", "1", "2026-07-07T08:00:00Z", json!({}));
    without.lifetime("weibo/a", "1", "2026-07-20", json!({"shares": 3, "likes": 5}));
    let asked = request(Vec::new(), "2026-W28", "2026-08-01");
    let bci = Index::named("bci@registry").unwrap();
    let rows = evaluate_indices(&without.session(), &asked, &[bci]).await.unwrap();
    assert_eq!((rows[0].value, rows[0].status), (None, Status::NoData));
    assert!(rows[0].notes.contains(&"not known: comments".to_owned()), "{:?}", rows[0].notes);
    let rows = evaluate_indices(&world.session(), &asked, &[bci]).await.unwrap();
    assert!(rows[0].status == Status::Partial, "one of two posts has comments: {rows:?}");
    let mut wechat = World::default();
    wechat.account("wechat/a");
    let wci = Index::named("wci@14.2").unwrap();
    let rows = evaluate_indices(&wechat.session(), &asked, &[wci]).await.unwrap();
    assert!(rows[0].notes[1].contains("headline reads"), "{:?}", rows[0].notes);
}

/// Every formula of every index is lawful.
#[tokio::test]
async fn all_inputs_are_lawful() {
    for index in Index::ALL {
        let mut world = World::default();
        world.account(&format!("{}/a", index.platform));
        let asked = request(Vec::new(), "2026-W28", "2026-08-01");
        let rows = evaluate_indices(&world.session(), &asked, &[index]).await.unwrap();
        assert_eq!((rows.len(), rows[0].value), (1, None), "{}", index.id);
    }
}
