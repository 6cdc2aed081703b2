//! Experiments: what is declared before it begins is read when it is over.

use kepi_core::{
    document::{Document, Faults},
    period::add_days,
};
use kepi_engine::{
    Break, Design, EvaluationRequest, Experiment, ExperimentResult, ExperimentVerdict, Kpi,
    check_experiments, experiments, read_experiments,
};
use serde_json::json;

use crate::{
    kpi, near, request,
    world::{Chance, World},
};

const DECLARED: &str = r#"
[[experiment]]
id = "video"
hypothesis = "videos are engaged with more"
kpi = "k"
start = "2026-06-01"
end = "2026-06-28"
treated = "format = 'video'"
"#;

fn declared(text: &str) -> (Vec<Experiment>, Vec<String>) {
    let faults = Faults::new("kepi.toml");
    let document = Document::parse(text, &faults);
    let root = document.block(&faults);
    let found = read_experiments(text, &root);
    root.finish();
    check_experiments(
        &found,
        &[rate(), kpi("followers_total", "basis = \"activity\"").renamed("followers")],
        &faults,
    );
    let told = faults.into_vec();
    let lines = told.iter().map(|fault| format!("{} {}", fault.line_column(text).0, fault.message));
    (found, lines.collect())
}

trait Renamed {
    fn renamed(self, id: &str) -> Self;
}

impl Renamed for Kpi {
    fn renamed(self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self }
    }
}

fn rate() -> Kpi {
    kpi("platform_engagements / impressions", "platforms = [\"x\"]")
}

/// A video and an image a day, from so many days before the first of June.
fn posts(video: f64, image: f64, seed: u64) -> World {
    let mut world = World::default();
    world.account("x/a");
    let mut chance = Chance::new(seed);
    for number in 0..28 {
        for (format, mean) in [("video", video), ("image", image)] {
            add(&mut world, number, format, mean, &mut chance);
        }
    }
    world
}

fn add(world: &mut World, number: i32, format: &str, mean: f64, chance: &mut Chance) {
    let at = format!("{}T08:00:00Z", add_days("2026-06-01".parse().unwrap(), number));
    let id = format!("{format}{number}");
    #[expect(clippy::cast_possible_truncation, reason = "a small number")]
    let made = (mean + 4.0 * chance.normal()).round().max(0.0) as i64;
    world.post("x/a", &id, &at, json!({"format": format}));
    world.lifetime("x/a", &id, "2026-07-01", json!({"platform_engagements": made, "impressions": 1000}));
}

fn asked() -> EvaluationRequest {
    request(vec![rate()], "2026-06", "2026-07-15")
}

/// The store has seen the declaration at an instant.
fn registered(world: &mut World, said: &str, at: &str) {
    world.add(
        "evaluations",
        json!({"evaluation": at, "evaluated_at": at, "kpi": "k", "version": 1, "scope": "{}", "start": "2026-06-01",
            "end": "2026-06-29", "status": ExperimentResult::STATUS, "row": said}),
    );
}

async fn read(world: &World, request: &EvaluationRequest, text: &str) -> ExperimentResult {
    let (found, faults) = declared(text);
    assert_eq!(faults, Vec::<String>::new());
    experiments(&world.session(), request, &found).await.unwrap().remove(0)
}

/// What the store keeps of a declaration, as of a day before it began.
async fn essence(text: &str) -> String {
    let early = EvaluationRequest {
        today: "2026-05-20".parse().unwrap(),
        now: "2026-05-20T12:00:00Z".parse().unwrap(),
        ..asked()
    };
    let result = read(&World::default(), &early, text).await;
    assert_eq!(result.verdict, ExperimentVerdict::Waiting, "{}", result.reason);
    result.to_register.unwrap()
}

async fn after(mut world: World, text: &str) -> ExperimentResult {
    registered(&mut world, &essence(text).await, "2026-05-20T12:00:00Z");
    read(&world, &asked(), text).await
}

/// The truth: videos get 26 of a thousand, images 20.
#[tokio::test]
async fn an_effect_is_found_with_its_interval() {
    let result = after(posts(26.0, 20.0, 1), DECLARED).await;
    assert_eq!(
        (result.verdict, result.design),
        (ExperimentVerdict::Confirmed, Design::Concurrent),
        "{result:#?}"
    );
    let (low, high) = result.interval.unwrap();
    assert!(low < 0.006 && 0.006 < high && low > 0.002, "{result:#?}");
    near(result.relative, 0.3, 0.12);
    assert!(result.compared_with.contains("not (format = 'video')") && result.to_register.is_none());
    assert_eq!((result.treated.unwrap().posts, result.control.unwrap().posts), (28, 28));
}

/// Posts of a rival, which everybody sees, are in neither group.
#[tokio::test]
async fn posts_of_others_are_in_no_group() {
    let mut world = posts(26.0, 20.0, 1);
    world.account("x/rival");
    for number in 0..70 {
        let (id, on) = (number.to_string(), format!("2026-06-{:02}", 1 + number % 28));
        world.post("x/rival", &id, &on, json!({"format": if number % 2 == 0 { "video" } else { "image" }}));
        let seen = json!({"platform_engagements": 5, "impressions": 1000, "provenance": "public"});
        world.lifetime("x/rival", &id, "2026-07-01", seen);
    }
    let result = after(world, DECLARED).await;
    assert_eq!(result.verdict, ExperimentVerdict::Confirmed, "{}", result.reason);
    assert_eq!((result.treated.unwrap().known, result.control.unwrap().known), (28, 28));
}

/// It goes the other way; and it does not go at all, whatever the seed.
#[tokio::test]
async fn it_may_be_refuted_or_undecided() {
    assert_eq!(after(posts(15.0, 20.0, 1), DECLARED).await.verdict, ExperimentVerdict::Refuted);
    let down = DECLARED.replace("treated", "expect = \"down\"\ntreated");
    assert_eq!(after(posts(15.0, 20.0, 1), &down).await.verdict, ExperimentVerdict::Confirmed);
    for seed in 1..=6 {
        let result = after(posts(20.0, 20.0, seed), DECLARED).await;
        assert_eq!(result.verdict, ExperimentVerdict::Undecided, "{seed} {result:#?}");
    }
}

/// The same posts and the same difference, declared when it could be seen: no test, and no effect is told.
#[tokio::test]
async fn what_was_declared_after_it_began_is_refused() {
    let result = read(&posts(26.0, 20.0, 1), &asked(), DECLARED).await;
    assert_eq!((result.verdict, result.effect, result.p), (ExperimentVerdict::Refused, None, None));
    assert!(
        result.reason.contains("registered on 2026-07-15") && result.to_register.is_some(),
        "{}",
        result.reason
    );
    let mut world = posts(26.0, 20.0, 1);
    let said = essence(DECLARED).await;
    registered(&mut world, &said, "2026-06-02T00:00:00Z");
    assert_eq!(read(&world, &asked(), DECLARED).await.verdict, ExperimentVerdict::Refused);
    // The first registration counts; one on the first day is in time.
    registered(&mut world, &said, "2026-06-01T09:00:00Z");
    assert_eq!(read(&world, &asked(), DECLARED).await.verdict, ExperimentVerdict::Confirmed);
}

/// A longer window once the first was seen is another experiment.
#[tokio::test]
async fn what_was_changed_since_is_refused() {
    let mut world = posts(26.0, 20.0, 1);
    registered(&mut world, &essence(DECLARED).await, "2026-05-20T12:00:00Z");
    let longer = DECLARED.replace("2026-06-28", "2026-07-05");
    let result = read(&world, &asked(), &longer).await;
    assert_eq!((result.verdict, result.effect), (ExperimentVerdict::Refused, None));
    assert!(result.reason.contains("(days)"), "{}", result.reason);
    let reworded = DECLARED.replace("are engaged with more", "win");
    assert_eq!(read(&world, &asked(), &reworded).await.verdict, ExperimentVerdict::Confirmed);
}

/// While it runs nobody looks: the difference is there already, and is not told.
#[tokio::test]
async fn while_it_runs_no_effect_is_told() {
    let mut world = posts(26.0, 20.0, 1);
    registered(&mut world, &essence(DECLARED).await, "2026-05-20T12:00:00Z");
    let result =
        read(&world, &EvaluationRequest { today: "2026-06-20".parse().unwrap(), ..asked() }, DECLARED).await;
    assert_eq!((result.verdict, result.effect), (ExperimentVerdict::Running, None));
    assert!(result.treated.is_some());
    // By a KPI of posts that are a week old it is over a week later.
    let aged = kpi("platform_engagements / impressions", "platforms = [\"x\"]\nage = \"7d\"");
    let request = EvaluationRequest { kpis: vec![aged], today: "2026-07-01".parse().unwrap(), ..asked() };
    assert_eq!(read(&world, &request, DECLARED).await.verdict, ExperimentVerdict::Running);
}

#[tokio::test]
async fn too_little_and_breaks_are_refused() {
    let mut few = World::default();
    few.account("x/a");
    let mut chance = Chance::new(2);
    for number in 0..28 {
        add(&mut few, number, "image", 20.0, &mut chance);
    }
    (0..7).for_each(|number| add(&mut few, number, "video", 40.0, &mut chance));
    let result = after(few.clone(), DECLARED).await;
    assert_eq!(result.verdict, ExperimentVerdict::Refused);
    assert!(result.reason.contains("7 posts"), "{}", result.reason);
    add(&mut few, 7, "video", 40.0, &mut chance);
    assert_eq!(after(few.clone(), DECLARED).await.verdict, ExperimentVerdict::Confirmed);
    // Three of eleven videos without a reading: whose numbers are missing may be the bad ones.
    for number in 0..3 {
        few.post("x/a", &format!("silent{number}"), "2026-06-03", json!({"format": "video"}));
    }
    let result = after(few, DECLARED).await;
    assert!(result.reason.contains("of 11 posts") && result.effect.is_none(), "{}", result.reason);

    let mut world = posts(26.0, 20.0, 1);
    registered(&mut world, &essence(DECLARED).await, "2026-05-20T12:00:00Z");
    let mut request = asked();
    request.breaks.push(Break {
        platform: "x".into(),
        metric: "impressions".into(),
        date: "2026-06-10".parse().unwrap(),
        change: "counted otherwise".into(),
        source: "a page".into(),
    });
    let result = read(&world, &request, DECLARED).await;
    assert_eq!((result.verdict, result.effect), (ExperimentVerdict::Refused, None));
    assert!(result.reason.contains("2026-06-10"), "{}", result.reason);
}

/// Everything rises in June, videos no more than the rest: against the days before alone it would be a success.
#[tokio::test]
async fn a_difference_of_differences_takes_out_what_rose_everywhere() {
    let world = || {
        let mut world = posts(26.0, 26.0, 1);
        let mut chance = Chance::new(7);
        for number in -28..0 {
            ["video", "image"].iter().for_each(|format| add(&mut world, number, format, 20.0, &mut chance));
        }
        world
    };
    let alone = DECLARED.replace("treated = \"format = 'video'\"", "before = \"28d\"");
    let result = after(world(), &alone).await;
    assert_eq!((result.verdict, result.design), (ExperimentVerdict::Confirmed, Design::BeforeAfter));
    assert!(result.notes.iter().any(|note| note.contains("whatever else")), "{:?}", result.notes);
    let both = DECLARED.replace("treated", "before = \"28d\"\ntreated");
    let result = after(world(), &both).await;
    assert_eq!(
        (result.verdict, result.design),
        (ExperimentVerdict::Undecided, Design::DifferenceInDifferences)
    );
    let (low, high) = result.interval.unwrap();
    assert!(low < 0.0 && 0.0 < high, "{result:#?}");
    assert_eq!(result.control_before.unwrap().posts, 28);
}

#[test]
fn all_faults_of_experiments_have_their_place() {
    let text = r#"[[experiment]]
id = "a"
kpi = "clicks"
start = "2026-06-10"
end = "2026-06-01"
treated = "formt = 'video'"

[[experiment]]
id = "b"
hypothesis = "h"
kpi = "followers"
start = "2026-06-10"
end = "2026-06-20"
befor = "28d"

[[experiment]]
id = "b"
hypothesis = "h"
kpi = "kk"
start = "2026-06-10"
end = "2026-06-20"
before = "month"
treated = "is_reply"
"#;
    let (_, faults) = declared(text);
    assert_eq!(
        faults,
        [
            "1 experiment.hypothesis is missing",
            "5 the experiment ends before it starts",
            "6 posts have no attribute formt",
            "8 nothing is there to hold the experiment against",
            "11 followers has no number per published post to hold posts against each other by",
            "14 unknown key experiment.befor",
            "17 experiment b stands twice",
            "19 there is no KPI kk",
            "22 \"month\" is no number of days",
        ]
    );
}

/// Null experiments beside the one on videos: posts are in categories that nothing depends on.
fn with_others(end: &str) -> String {
    let other = |number: i32| {
        let block = DECLARED.replace("\"video\"", &format!("\"category-{number}\""));
        block.replace("format = 'video'", &format!("category = 'c{number}'")).replace("2026-06-28", end)
    };
    DECLARED.to_owned() + &(0..4).map(other).collect::<String>()
}

/// Reads all that are declared, after the store has seen them in May.
async fn all_after(mut world: World, text: &str) -> Vec<ExperimentResult> {
    let (found, faults) = declared(text);
    assert_eq!(faults, Vec::<String>::new());
    let early = EvaluationRequest {
        today: "2026-05-20".parse().unwrap(),
        now: "2026-05-20T12:00:00Z".parse().unwrap(),
        ..asked()
    };
    for known in experiments(&World::default().session(), &early, &found).await.unwrap() {
        registered(&mut world, &known.to_register.unwrap(), "2026-05-20T12:00:00Z");
    }
    experiments(&world.session(), &asked(), &found).await.unwrap()
}

/// Videos and images that do as well, and categories in turn.
fn alike(seed: u64) -> World {
    let mut world = World::default();
    world.account("x/a");
    let mut chance = Chance::new(seed);
    for number in 0..28 {
        for format in ["video", "image"] {
            let at = format!("{}T08:00:00Z", add_days("2026-06-01".parse().unwrap(), number));
            let (id, category) = (format!("{format}{number}"), format!("c{}", number % 4));
            #[expect(clippy::cast_possible_truncation, reason = "a small number")]
            let made = (20.0 + 4.0 * chance.normal()).round().max(0.0) as i64;
            world.post("x/a", &id, &at, json!({"format": format, "category": category}));
            world.lifetime(
                "x/a",
                &id,
                "2026-07-01",
                json!({"platform_engagements": made, "impressions": 1000}),
            );
        }
    }
    world
}

/// By itself an effect that chance made is confirmed. Beside four others that were over by then it is none; one that
/// ends later changes nothing.
#[tokio::test]
async fn several_experiments_are_judged_together() {
    // The first of the seeds of which chance made an effect of that size.
    let seed = 40;
    let alone = after(alike(seed), DECLARED).await;
    assert_eq!((alone.verdict, alone.q, alone.together), (ExperimentVerdict::Confirmed, alone.p, 1));
    near(alone.p, 0.0277, 1e-4);
    let all = all_after(alike(seed), &with_others("2026-06-28")).await;
    let among = &all[0];
    assert_eq!((among.p, among.effect, among.together), (alone.p, alone.effect, 5), "{all:#?}");
    assert_eq!(among.verdict, ExperimentVerdict::Undecided, "{among:#?}");
    assert!(among.q.unwrap() > 0.05 && among.reason.contains("among the 5 experiments"), "{}", among.reason);
    let later = all_after(alike(seed), &with_others("2026-06-29")).await;
    assert_eq!((later[0].verdict, later[0].together), (ExperimentVerdict::Confirmed, 1), "{later:#?}");
    assert_eq!(later[1].together, 5, "{later:#?}");
    // An effect that is there stays one among them.
    let mut world = alike(seed);
    let mut chance = Chance::new(seed);
    (0..28).for_each(|number| {
        add(&mut world, number, "reel", 40.0, &mut chance);
    });
    let text = with_others("2026-06-28").replace("format = 'video'", "format = 'reel'");
    let all = all_after(world, &text).await;
    assert_eq!((all[0].verdict, all[0].together), (ExperimentVerdict::Confirmed, 5), "{all:#?}");
}
