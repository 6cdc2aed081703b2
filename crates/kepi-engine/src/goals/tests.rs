use kepi_core::{
    Catalogue,
    document::{Document, Faults},
};

use super::*;
use crate::{Source, parse_kpis_for};

const GOALS: &str = r#"
[[goal]]
id = "heard-in-berlin"
name = { en = "Be heard in Berlin", zh = "在柏林被听见" }
serves = "brand-awareness"
priority = 2
weight = 1

[[goal]]
id = "engagement"
priority = 1
weight = 3
owner = "social lead"

[[goal.objective]]
id = "answers"
term = "short"
start = "2026-07-01"
end = "2026-09-30"

[[goal.objective.task]]
name = "Answer within a day"
due = "2026-07-15"
state = "done"

[[goal.objective.task]]
name = "Ask more"
due = "2026-08-15"
state = "running"

[[goal.objective.task.action]]
name = "Write ten questions"
due = "2026-08-01"

[[goal.objective.task.action]]
name = "Pay for answers"
due = "2026-08-01"
state = "dropped"

[[goal]]
id = "dialogue"
serves = "engagement"
"#;

/// The goals of a text, or its faults: the marked part, what is wrong, the way out.
fn read(text: &str) -> std::result::Result<Vec<ProjectGoal>, Vec<String>> {
    let faults = Faults::new("kepi.toml");
    let document = Document::parse(text, &faults);
    let goals = {
        let root = document.block(&faults);
        let goals = read_goals(&root);
        root.finish();
        goals
    };
    let told: Vec<String> = faults
        .into_vec()
        .iter()
        .map(|fault| {
            let place = text[fault.span.clone()].lines().next().unwrap_or("");
            format!("[{place}] {}; {}", fault.message, fault.hint.as_deref().unwrap_or("-"))
        })
        .collect();
    if told.is_empty() { Ok(goals) } else { Err(told) }
}

fn kpis(text: &str) -> std::result::Result<Vec<Kpi>, Vec<String>> {
    let source = Source { name: "k.toml".to_owned(), text: text.to_owned() };
    parse_kpis_for(&[source], Catalogue::builtin(), &read(GOALS).unwrap()).map_err(|faults| {
        let told = faults.iter().map(|fault| {
            format!(
                "[{}] {}; {}",
                &text[fault.span.clone()],
                fault.message,
                fault.hint.as_deref().unwrap_or("-")
            )
        });
        told.collect()
    })
}

#[test]
fn goals_are_ranked_by_priority_and_weighed_against_each_other() {
    let goals = read(GOALS).unwrap();
    let order: Vec<&str> = ranked(&goals).iter().map(|goal| goal.id.as_str()).collect();
    assert_eq!(order, ["engagement", "heard-in-berlin", "dialogue"]);
    let standings = standings(&goals, &[], &[], "2026-08-10".parse().unwrap());
    let weights: Vec<f64> = standings.iter().map(|goal| goal.weight).collect();
    assert_eq!(weights, [0.6, 0.2, 0.2]);
    assert_eq!(goals[0].names["zh"], "在柏林被听见");
    assert_eq!((goals[1].name(), goals[1].serves), ("engagement", Goal::Engagement));
    let objective = &standings[0].objectives[0];
    assert_eq!((objective.tasks, objective.done, objective.term), (3, 1, "short"));
    assert_eq!(
        objective.overdue,
        ["Write ten questions"],
        "what is due later, done or dropped is not overdue"
    );
    assert_eq!(on_course(&standings), None, "nothing is judged, so nothing is told");
}

#[test]
fn kpis_refer_to_goals_and_objectives() {
    let text = |goal: &str, more: &str| {
        format!("[[kpi]]\nid = \"k\"\ngoal = \"{goal}\"\nformula = \"likes\"\n{more}\n")
    };
    let goals = read(GOALS).unwrap();
    let of = |text: &str| goal_of(&goals, &kpis(text).unwrap()[0]).map(|goal| goal.id.clone());
    assert_eq!(of(&text("heard-in-berlin", "")).as_deref(), Some("heard-in-berlin"));
    assert_eq!(
        of(&text("brand-awareness", "")).as_deref(),
        Some("heard-in-berlin"),
        "the only one of its kind"
    );
    assert_eq!(of(&text("engagement", "")).as_deref(), Some("engagement"));
    assert_eq!(of(&text("revenue", "")), None);
    let kpi = &kpis(&text("engagement", "objective = \"answers\"")).unwrap()[0];
    assert_eq!((kpi.toward.as_deref(), kpi.objective), (Some("answers"), Some(Objective::Short)));
    assert_eq!(kpi.goal, Goal::Engagement);

    assert_eq!(
        kpis(&text("heard-in-berln", "")).unwrap_err()[0],
        "[\"heard-in-berln\"] kpi.goal cannot be \"heard-in-berln\"; did you mean heard-in-berlin? known here: \
         heard-in-berlin, engagement, dialogue, brand-awareness, community-growth, web-traffic, lead-generation, \
         revenue, reputation, retention"
    );
    let told = kpis(&text("engagement", "objective = \"anwsers\"")).unwrap_err();
    assert!(told[0].starts_with("[\"anwsers\"]") && told[0].contains("did you mean answers?"), "{told:?}");
    let told = kpis(&text("dialogue", "objective = \"answers\"")).unwrap_err();
    assert!(told[0].contains("objective answers is of goal engagement"), "{told:?}");
}

#[test]
fn faults_are_told_with_their_place() {
    let told = read(
        "[[goal]]\nid = \"a\"\n[[goal]]\nid = \"engagement\"\npriority = 0\nweight = -1\nserfes = \"revenue\"\n\
         [[goal.objective]]\nid = \"o\"\nterm = \"shrt\"\nstart = \"2026-07-01\"\nend = \"2026-06-01\"\n\
         [[goal.objective.task]]\nstate = \"finished\"\n\
         [[goal]]\nid = \"engagement\"\n",
    )
    .unwrap_err();
    for part in [
        "the goal does not say which kind it is of",
        "[0] a priority is a whole number from 1",
        "[-1] a weight is a number above zero",
        "[serfes] unknown key goal.serfes; did you mean serves?",
        "[\"shrt\"] goal.objective.term cannot be \"shrt\"; did you mean short?",
        "the objective ends before it begins",
        "goal.objective.task.name is missing",
        "goal.objective.task.state cannot be \"finished\"",
        "goal engagement stands twice",
    ] {
        assert!(told.iter().any(|one| one.contains(part)), "{part} is not told: {told:#?}");
    }
}
