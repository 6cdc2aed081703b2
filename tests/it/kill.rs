//! Killed at any point, a replay ends in the same tables: nothing lost, nothing doubled, nothing that was
//! committed asked for again.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::{Child, Stdio},
};

use kepi_core::Window;
use serde_json::Value;

use crate::{
    project::Project,
    simulated::{self, Live, Simulated, x_world},
    truth,
};

/// How many commits all tables of the store have.
fn commits(store: &Path) -> usize {
    let Ok(tables) = std::fs::read_dir(store) else { return 0 };
    tables
        .flatten()
        .filter_map(|table| std::fs::read_dir(table.path().join("_delta_log")).ok())
        .map(|log| {
            log.flatten().filter(|file| file.path().extension().is_some_and(|kind| kind == "json")).count()
        })
        .sum()
}

/// Kills a run with SIGKILL once the store has so many commits; says whether it ended by itself before.
fn kill_at(child: &mut Child, store: &Path, point: usize) -> bool {
    loop {
        if child.try_wait().expect("the child is ours").is_some() {
            return true;
        }
        if commits(store) >= point {
            let _ = child.kill();
            let _ = child.wait();
            return false;
        }
        std::thread::yield_now();
    }
}

/// What the store says of the world, whenever it was read: the world's clock stands still.
fn said(project: &Project) -> BTreeMap<&'static str, Vec<Value>> {
    let tables = [
        ("posts", "select account, post, format, text from posts where current order by 1, 2"),
        (
            "post_facts",
            "select distinct account, post, traffic, impressions, likes, comments, shares, platform_engagements \
             from post_facts where current order by 1, 2, 3",
        ),
        (
            "post_lifetime",
            "select account, post, traffic, impressions, likes, comments, shares, platform_engagements \
             from post_lifetime where rank = 0 order by 1, 2, 3",
        ),
        (
            "account_facts",
            "select distinct account, traffic, followers_total, mentions from account_facts where current \
             order by 1, 2, 3, 4",
        ),
    ];
    tables.into_iter().map(|(name, sql)| (name, project.query(sql))).collect()
}

fn spawn(simulated: &Simulated) -> Child {
    let mut command = simulated.command();
    command.arg("ingest").stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("kepi starts")
}

/// A run that nobody disturbs.
fn run(simulated: &Simulated) {
    let output = simulated.command().arg("ingest").output().expect("kepi starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Kills so many runs at points that a seed scatters, each at most so many commits after the one before; says how many
/// were killed.
fn disturb(simulated: &Simulated, kills: usize, stride: usize) -> usize {
    let store = simulated.project.path("store");
    let mut killed = 0;
    let mut dice: usize = 7;
    for _ in 0..kills * 2 {
        dice = dice.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let point = commits(&store) + 1 + (dice >> 16) % stride;
        if !kill_at(&mut spawn(simulated), &store, point) {
            killed += 1;
        }
        if killed == kills {
            break;
        }
    }
    killed
}

const TORN: &str = "select stream from pages group by stream having count(*) <> max(sequence) \
                    or min(sequence) <> 1 or count(distinct sequence) <> count(*)";
const TWICE: &str = "select stream, job, cursor from pages group by stream, job, cursor having count(*) > 1";

const KILLS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_fifty_points_and_replayed() {
    let now = jiff::Timestamp::now();
    let undisturbed = Simulated::start(x_world(4, 3000, now), now).await;
    let disturbed = Simulated::start(x_world(4, 3000, now), now).await;
    let (expected, killed, found, project) = tokio::task::spawn_blocking(move || {
        run(&undisturbed);
        let killed = disturb(&disturbed, KILLS, 12);
        run(&disturbed);
        (said(&undisturbed.project), killed, said(&disturbed.project), disturbed)
    })
    .await
    .expect("joined");
    let project = &project.project;

    assert_eq!(killed, KILLS, "every kill hits a running ingest");
    assert_eq!(found, expected);
    let torn = project.query(TORN);
    assert_eq!(torn, Vec::<Value>::new(), "sequences have no gap and no double");
    let twice = project.query(TWICE);
    assert_eq!(twice, Vec::<Value>::new(), "no page that was committed is asked for again");
    let doubled = project.query(
        "select account, post, traffic, at from post_facts where current \
         group by account, post, traffic, at having count(*) > 1",
    );
    assert_eq!(doubled, Vec::<Value>::new(), "no reading stands twice");
}

/// The tables of facts, and what makes two of their rows the same.
const FACTS: [(&str, &str); 8] = [
    ("post_facts", "post"),
    ("account_facts", "platform"),
    ("media_facts", "subject"),
    ("campaign_facts", "subject"),
    ("topic_facts", "subject"),
    ("location_facts", "subject"),
    ("segment_facts", "subject_kind, subject, metric, segment_dimension, segment_value"),
    ("other_facts", "subject_kind, subject, metric"),
];

/// Every number that the store holds and what it stands under, but for when it was read, and for what platforms count
/// of our own calls: the world's clock stands still.
async fn numbers(live: &Live) -> BTreeSet<String> {
    let facts = truth::facts(live).await;
    let numbers = facts.iter().filter(|fact| !fact.metric.starts_with("api_calls")).map(|fact| {
        let window = match &fact.window {
            Window::At(_) => "now".to_owned(),
            of_days => format!("{of_days:?}"),
        };
        let (dimension, part) = &fact.segment;
        format!(
            "{} {} {dimension}={part} {window} {} = {}",
            fact.account,
            fact.subject,
            fact.sort(),
            fact.value
        )
    });
    numbers.collect()
}

const FEW_KILLS: usize = 10;

/// The same over all platforms, with few posts and a kill in each tenth of the run.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_ten_points_over_all_platforms_and_replayed() {
    let now = jiff::Timestamp::now();
    let world = || simulated::world(1, 12, now);
    let undisturbed = Simulated::start(world(), now).await;
    let disturbed = Simulated::start(world(), now).await;
    let (killed, undisturbed, disturbed) = tokio::task::spawn_blocking(move || {
        // Tokens first: an answer that holds the next token, lost to a kill, would need a person.
        for simulated in [&undisturbed, &disturbed] {
            let checked = simulated.command().args(["check", "--online"]).output().expect("kepi starts");
            assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        }
        let before = commits(&undisturbed.project.path("store"));
        run(&undisturbed);
        let stride = (commits(&undisturbed.project.path("store")) - before) / FEW_KILLS;
        let killed = disturb(&disturbed, FEW_KILLS, stride.max(1));
        run(&disturbed);
        (killed, undisturbed, disturbed)
    })
    .await
    .expect("joined");
    assert_eq!(killed, FEW_KILLS, "every kill hits a running ingest");
    let (expected, live) = (numbers(&undisturbed.live().await).await, disturbed.live().await);
    let found = numbers(&live).await;
    let of = |platform: &str| expected.iter().any(|number| number.starts_with(platform));
    assert!(undisturbed.platforms().all(of), "every platform told something");
    assert_eq!(expected.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "lost");
    assert_eq!(found.difference(&expected).collect::<Vec<_>>(), Vec::<&String>::new(), "invented");
    let none = Vec::<Vec<Value>>::new();
    assert_eq!(live.query(TORN).await, none, "sequences have no gap and no double");
    assert_eq!(live.query(TWICE).await, none, "no page that was committed is asked for again");
    for (table, subject) in FACTS {
        let sql = format!(
            "select account, {subject} from {table} where current group by account, {subject}, traffic, \
             provenance, \"window\", day, end_day, at having count(*) > 1"
        );
        assert_eq!(live.query(&sql).await, none, "no number stands twice in {table}");
    }
}
