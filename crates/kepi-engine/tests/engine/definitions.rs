//! What KPI files say beside the formula: which posts, which tags, which guards; and the SMART review of it.

use kepi_core::{
    Catalogue,
    document::{Document, Faults},
};
use kepi_engine::{
    Dimension, EvaluationRequest, Finding, Source, Status, TagRule, evaluate_by_tag, measure, parse_kpis,
    read_tags, review,
};
use serde_json::{Value, json};

use crate::{kpi, kpis, near, one, request, score, world::World};

const PERIOD: &str = "2026-06";
const TODAY: &str = "2026-07-10";

fn value(row: &kepi_engine::ScoreRow) -> Option<f64> {
    row.value.map(kepi_engine::Number::as_f64)
}

/// Posts of June, each with what is known of it and its newest numbers.
fn posts(posts: &[(&str, Value, Value)]) -> World {
    let mut world = World::default();
    world.account("x/a");
    for (post, known, numbers) in posts {
        world.post("x/a", post, "2026-06-05", known.clone());
        world.lifetime("x/a", post, "2026-06-20", numbers.clone());
    }
    world
}

fn tags(text: &str) -> Vec<TagRule> {
    let faults = Faults::new("kepi.toml");
    let document = Document::parse(text, &faults);
    let rules = {
        let root = document.block(&faults);
        read_tags(text, &root)
    };
    assert!(faults.into_vec().is_empty());
    rules
}

/// T30: 5000 readers, 1200 of them from the message box, 20 000 reached: 6 %, not 25 %.
#[tokio::test]
async fn t30_opens_are_reads_from_the_message_box() {
    let mut world = World::default();
    world.account("wechat/a");
    world.window("wechat/a", ("2026-06-01", "2026-07-01"), json!({"read_users": 5000, "delivered": 20_000}));
    for (scene, people) in [("message", 1200), ("moments", 3800)] {
        world.add(
            "segment_facts",
            json!({"platform": "wechat", "account": "wechat/a", "subject_kind": "account",
            "subject": "", "segment_dimension": "scene", "segment_value": scene, "metric": "read_users",
            "count": people, "window": "period", "day": "2026-06-01", "end_day": "2026-07-01",
            "observed_at": "2026-07-01T00:00:00Z"}),
        );
    }
    let kpi = kpi(
        "in_segment(read_users, 'scene', 'message') / delivered",
        "basis = \"activity\"\nsubject = \"account\"",
    );
    let row = one(&world, &request(vec![kpi], PERIOD, TODAY)).await;
    near(value(&row), 0.06, 1e-12);
}

/// T31: the numerator is named, so that three rates are three KPIs.
#[tokio::test]
async fn t31_engagement_rates_are_three() {
    let world = posts(&[(
        "p",
        json!({}),
        json!({"likes": 100, "comments": 10, "shares": 5, "saves": 20,
        "link_clicks": 50, "impressions": 10_000}),
    )]);
    let three = kpis(
        "[[kpi]]\nid = \"a\"\ngoal = \"engagement\"\nformula = \"(likes + comments + shares) / impressions\"\n\
         [[kpi]]\nid = \"b\"\ngoal = \"engagement\"\nformula = \"(likes + comments + shares + saves) / impressions\"\n\
         [[kpi]]\nid = \"c\"\ngoal = \"engagement\"\nformula = \"(likes + comments + shares + saves + link_clicks) / impressions\"\n",
    );
    let rows = score(&world, &request(three, PERIOD, TODAY)).await;
    for (row, expected) in rows.iter().zip([0.0115, 0.0135, 0.0185]) {
        near(value(row), expected, 1e-12);
    }
}

/// T32: the same views told as organic and as total are not added; T34: an organic KPI takes the organic likes.
#[tokio::test]
async fn t32_t34_traffic_is_not_added() {
    let mut world = posts(&[("p", json!({}), json!({"traffic": "organic", "views": 1000, "likes": 200}))]);
    world.lifetime("x/a", "p", "2026-06-20", json!({"traffic": "total", "views": 1000, "likes": 500}));
    let views = one(&world, &request(vec![kpi("views", "platforms = [\"x\"]")], PERIOD, TODAY)).await;
    assert_eq!(value(&views), Some(1000.0));
    let likes = one(&world, &request(vec![kpi("likes", "traffic = \"organic\"")], PERIOD, TODAY)).await;
    assert_eq!(value(&likes), Some(200.0));
    let total = one(&world, &request(vec![kpi("likes", "traffic = \"total\"")], PERIOD, TODAY)).await;
    assert_eq!(value(&total), Some(500.0));
}

/// T35: a deleted post keeps what it had, and nothing negative happens when it goes.
#[tokio::test]
async fn t35_a_deleted_post_keeps_its_history() {
    let mut world = World::default();
    world.account("x/a");
    world.post("x/a", "p", "2026-06-05", json!({"deleted_at": "2026-06-20T00:00:00Z"}));
    world.lifetime("x/a", "p", "2026-06-19", json!({"impressions": 900}));
    world.daily("x/a", "p", ("2026-06-05", "2026-06-06"), json!({"impressions": 900}));
    let published = one(&world, &request(vec![kpi("impressions", "")], PERIOD, TODAY)).await;
    assert_eq!(value(&published), Some(900.0));
    let activity = kpi("impressions", "basis = \"activity\"");
    let june = one(&world, &request(vec![activity.clone()], PERIOD, TODAY)).await;
    assert_eq!(value(&june), Some(900.0));
    let july = one(&world, &request(vec![activity], "2026-07-01..2026-07-05", TODAY)).await;
    assert_eq!(value(&july), None);
}

/// T36: a post of 100 impressions with two tags is 100 in each, and 100 in all.
#[tokio::test]
async fn t36_a_post_with_two_tags_is_in_both_and_once_in_all() {
    let mut world = posts(&[
        ("p", json!({"text": "our launch #summer", "tags": "[\"summer\"]"}), json!({"impressions": 100})),
        ("q", json!({"text": "nothing of it"}), json!({"impressions": 7})),
    ]);
    world.daily("x/a", "p", ("2026-06-05", "2026-06-06"), json!({"impressions": 100}));
    world.daily("x/a", "q", ("2026-06-05", "2026-06-06"), json!({"impressions": 7}));
    let rules = tags(
        "[[tag]]\ndimension = \"theme\"\nvalue = \"launch\"\nwhere = \"contains(text, 'Launch')\"\n\
         [[tag]]\ndimension = \"theme\"\nvalue = \"summer\"\nwhere = \"hashtag('#Summer')\"\n\
         [[tag]]\ndimension = \"theme\"\nvalue = \"summer\"\nwhere = \"matches(text, 'su(mm|n)er')\"\n\
         [[tag]]\ndimension = \"other\"\nvalue = \"x\"\nwhere = \"format = 'video'\"\n",
    );
    for (formula, more) in
        [("impressions", ""), ("impressions", "basis = \"activity\""), ("impressions / count_posts()", "")]
    {
        let asked = request(vec![kpi(formula, more)], PERIOD, TODAY);
        let rows = evaluate_by_tag(&world.session(), &asked, &rules, "theme").await.unwrap();
        let got: Vec<(Option<String>, Option<f64>)> =
            rows.iter().map(|row| (row.scope.get("tag").cloned().flatten(), value(row))).collect();
        let whole = if formula == "impressions" { 107.0 } else { 53.5 };
        assert_eq!(
            got,
            [
                (None, Some(7.0)),
                (Some("launch".to_owned()), Some(100.0)),
                (Some("summer".to_owned()), Some(100.0)),
                (None, Some(whole)),
            ],
            "{formula} {more}"
        );
    }
}

/// T37: return on ad spend is not return on investment, and margin is a third.
#[tokio::test]
async fn t37_three_returns() {
    let mut world = World::default();
    world.account("crm/a");
    world.day(
        "crm/a",
        "2026-06-05",
        json!({"revenue": "1500.00", "spend": "500.00", "gross_margin": "600.00", "currency": "CNY"}),
    );
    let more = "basis = \"activity\"\nsubject = \"account\"";
    for (formula, expected) in [
        ("revenue / spend", 3.0),
        ("(revenue - spend) / spend", 2.0),
        ("(gross_margin - spend) / spend", 0.2),
    ] {
        let row = one(&world, &request(vec![kpi(formula, more)], PERIOD, TODAY)).await;
        near(value(&row), expected, 1e-12);
    }
}

/// T39: conversions of two sources are two numbers; a KPI over both is refused.
#[tokio::test]
async fn t39_attributions_are_not_added() {
    let mut world = World::default();
    world.account("douyin/a").account("web/a");
    world.day("douyin/a", "2026-06-05", json!({"conversions": 50})).day(
        "web/a",
        "2026-06-05",
        json!({"conversions": 30}),
    );
    for (platform, expected) in [("douyin", 50.0), ("web", 30.0)] {
        let more = format!("basis = \"activity\"\nsubject = \"account\"\nplatforms = [\"{platform}\"]");
        let row = one(&world, &request(vec![kpi("conversions", &more)], PERIOD, TODAY)).await;
        assert_eq!(value(&row), Some(expected));
    }
    let both = "[[kpi]]\nid = \"k\"\ngoal = \"revenue\"\nformula = \"conversions\"\nplatforms = [\"douyin\", \"web\"]\n";
    let faults =
        parse_kpis(&[Source { name: "k".into(), text: both.into() }], Catalogue::builtin()).unwrap_err();
    assert!(faults[0].message.contains("attributed"), "{faults:?}");
}

/// T50: what a public page shows is never added to or mixed with own numbers.
#[tokio::test]
async fn t50_public_numbers_stand_apart() {
    let mut world = posts(&[("own", json!({}), json!({"likes": 500}))]);
    world.post("x/rival", "r", "2026-06-05", json!({}));
    world.lifetime("x/rival", "r", "2026-06-20", json!({"likes": 560, "provenance": "public"}));
    let own = one(&world, &request(vec![kpi("likes", "")], PERIOD, TODAY)).await;
    assert_eq!(value(&own), Some(500.0));
    let public = one(&world, &request(vec![kpi("likes", "provenance = \"public\"")], PERIOD, TODAY)).await;
    assert_eq!(value(&public), Some(560.0));
    // In one scorecard each still reads its own; 1060 would be both.
    let both = kpis(
        "[[kpi]]\nid = \"own\"\ngoal = \"engagement\"\nformula = \"likes\"\n\
         [[kpi]]\nid = \"public\"\ngoal = \"engagement\"\nformula = \"likes\"\nprovenance = \"public\"",
    );
    let rows = score(&world, &request(both, PERIOD, TODAY)).await;
    assert_eq!(rows.iter().map(value).collect::<Vec<_>>(), [Some(500.0), Some(560.0)]);
}

/// An account that is watched is of others before its first number; one that has own numbers is ours all the same.
#[tokio::test]
async fn accounts_that_are_watched_are_of_others_from_the_start() {
    let mut world = World::default();
    world.account("x/a").account("x/rival");
    world.day("x/a", "2026-06-30", json!({"followers_total": 1000}));
    let told = async |side: &str, watched: &[&str]| {
        let more = format!("basis = \"activity\"\nsubject = \"account\"\nprovenance = \"{side}\"");
        let asked = request(vec![kpi("followers_total", &more)], PERIOD, TODAY);
        let watched = watched.iter().map(|id| id.parse().unwrap()).collect();
        let asked = EvaluationRequest { by: vec![Dimension::Account], watched, ..asked };
        let rows = score(&world, &asked).await;
        rows.iter().map(|row| (row.scope["account"].clone().unwrap(), value(row))).collect::<Vec<_>>()
    };
    let (own, rival) = (("x/a".to_owned(), Some(1000.0)), ("x/rival".to_owned(), None));
    assert_eq!(told("own", &[]).await, [own.clone(), rival.clone()]);
    assert_eq!(told("own", &["x/a", "x/rival"]).await, [own]);
    assert_eq!(told("public", &["x/rival"]).await, [rival]);
}

/// T52: what a platform leaves out because it is too small is not zero; T53: pictures have no completion rate.
#[tokio::test]
async fn t52_t53_what_is_left_out_is_not_zero() {
    let world = posts(&[
        ("small", json!({"format": "image"}), json!({"impressions": 40})),
        ("large", json!({"format": "image"}), json!({"impressions": 60, "shares": 6})),
    ]);
    let shares = one(&world, &request(vec![kpi("shares / impressions", "")], PERIOD, TODAY)).await;
    near(value(&shares), 0.1, 1e-12);
    assert_eq!(shares.posts, Some(1));
    let completion = kpi("mean_over_posts(completion_rate)", "");
    let row = one(&world, &request(vec![completion], PERIOD, TODAY)).await;
    assert_eq!((value(&row), row.status), (None, Status::NoData));
}

/// `where` chooses posts in both bases, and leaves others' numbers as they are.
#[tokio::test]
async fn where_chooses_posts() {
    let mut world = posts(&[
        (
            "v",
            json!({"format": "video", "language": "zh", "is_reply": false, "url": "https://e.x/?utm_campaign=spring&a=1"}),
            json!({"likes": 5}),
        ),
        ("i", json!({"format": "image", "language": "en", "is_reply": false}), json!({"likes": 70})),
        ("r", json!({"format": "video", "language": "en", "is_reply": true}), json!({"likes": 900})),
        ("u", json!({}), json!({"likes": 4000})),
    ]);
    for (post, likes) in [("v", 5), ("i", 70), ("r", 900), ("u", 4000)] {
        world.daily("x/a", post, ("2026-06-08", "2026-06-09"), json!({"likes": likes}));
    }
    for (written, expected) in [
        ("format = 'video'", 905.0),
        ("format = 'video' and not is_reply", 5.0),
        ("format <> 'video'", 70.0),
        ("language in ('zh', 'en') and is_reply = false", 75.0),
        ("format is null", 4000.0),
        ("url_parameter('utm_campaign', 'spring')", 5.0),
        ("account = 'x/a'", 4975.0),
    ] {
        for basis in ["published", "activity"] {
            let chosen = kpi("likes", &format!("where = \"{written}\"\nbasis = \"{basis}\""));
            let mut all = kpi("likes", &format!("basis = \"{basis}\""));
            all.id = "all".to_owned();
            let rows = score(&world, &request(vec![chosen, all], PERIOD, TODAY)).await;
            let got: Vec<_> = rows.iter().map(value).collect();
            assert_eq!(got, [Some(expected), Some(4975.0)], "{written} {basis}");
        }
    }
}

fn faults(more: &str) -> Vec<String> {
    let text = format!("[[kpi]]\nid = \"k\"\ngoal = \"engagement\"\n{more}\n");
    let source = Source { name: "k.toml".to_owned(), text: text.clone() };
    let faults = parse_kpis(&[source], Catalogue::builtin()).map(|kpis| kpis.len()).unwrap_err();
    faults
        .iter()
        .map(|fault| {
            format!(
                "[{}] {}; {}",
                &text[fault.span.clone()],
                fault.message,
                fault.hint.as_deref().unwrap_or("-")
            )
        })
        .collect()
}

#[test]
fn faults_of_conditions_and_guards_have_their_places() {
    let told = faults("formula = \"likes\"\nwhere = \"fromat = 'video' and langage = 'zh'\"");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("[fromat] posts have no attribute fromat; did you mean format?"), "{told:?}");
    assert!(
        told[1].starts_with("[langage] posts have no attribute langage; did you mean language?"),
        "{told:?}"
    );
    let told = faults("formula = \"likes\"\nwhere = \"matches(text, '(')\"");
    assert!(told[0].starts_with("['('] this is no pattern"), "{told:?}");
    let told = faults("formula = \"likes\"\nwhere = \"contain(text, 'a') or likes > 3\"");
    assert!(told[0].contains("did you mean contains?"), "{told:?}");
    let told = faults("formula = \"followers_total\"\nbasis = \"activity\"\nwhere = \"format = 'video'\"");
    assert!(told[0].contains("this formula reads none"), "{told:?}");
    let told = faults("formula = \"likes\"\nguards = [\"kk\"]\nobjective = \"mid\"\nvalid_from = \"soon\"");
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().any(|told| told.starts_with("[\"kk\"] there is no KPI kk")), "{told:?}");
}

/// Quarters of likes, each with as many as said, every day known.
fn quarters(likes: &[i64]) -> World {
    let mut world = World::default();
    world.account("x/a");
    let starts = [
        "2024-07-01",
        "2024-10-01",
        "2025-01-01",
        "2025-04-01",
        "2025-07-01",
        "2025-10-01",
        "2026-01-01",
        "2026-04-01",
    ];
    for (start, likes) in starts.iter().zip(likes) {
        let mut day: jiff::civil::Date = start.parse().unwrap();
        for number in 0..90 {
            world.day("x/a", &day.to_string(), json!({"likes": if number == 0 { *likes } else { 0 }}));
            day = day.tomorrow().unwrap();
        }
    }
    world
}

async fn reviewed(world: Option<&World>, text: &str) -> kepi_engine::SmartReview {
    let asked: EvaluationRequest = request(kpis(text), "2026-07-01..2026-07-10", TODAY);
    let measured = match world {
        Some(world) => Some(measure(&world.session(), &asked).await.unwrap()),
        None => None,
    };
    review(&asked, measured.as_ref()).remove(0)
}

fn finding(review: &kepi_engine::SmartReview, of: &str) -> (Finding, String) {
    let point = review.points.iter().find(|point| point.of == of).unwrap();
    (point.finding, point.evidence.clone())
}

const LIKES: &str = "[[kpi]]\nid = \"k\"\nname = \"Likes\"\ngoal = \"engagement\"\nformula = \"likes\"\nbasis = \"activity\"\n\
                     subject = \"account\"\n";

/// A target that asks for more than 19 of 20 like changes gave is a stretch; a smaller one is not.
#[tokio::test]
async fn a_stretch_is_told_from_what_happened_before() {
    let world = quarters(&[100, 104, 110, 112, 118, 121, 127, 130]);
    let target = |change: &str| {
        format!(
            "{LIKES}[[kpi.target]]\nperiod = \"2026-Q3\"\nrelative = \"{change}\"\nbaseline = \"2026-Q2\"\n"
        )
    };
    let modest = reviewed(Some(&world), &target("+4%")).await;
    assert_eq!(finding(&modest, "achievable").0, Finding::Good, "{modest:#?}");
    assert_eq!(finding(&modest, "measurable").0, Finding::Good, "{modest:#?}");
    assert_eq!(finding(&modest, "time-bound").0, Finding::Good);
    let bold = reviewed(Some(&world), &target("+40%")).await;
    let (found, evidence) = finding(&bold, "achievable");
    assert_eq!(found, Finding::Warning);
    assert!(evidence.starts_with("a stretch: asks for +40.0 % from 130"), "{evidence}");
    let reached = reviewed(Some(&world), &target("-4%")).await;
    assert_eq!(finding(&reached, "achievable").0, Finding::Warning);
}

#[tokio::test]
async fn what_cannot_be_told_is_not_called_good() {
    let target =
        format!("{LIKES}[[kpi.target]]\nperiod = \"2026-Q3\"\nrelative = \"+4%\"\nbaseline = \"2026-Q2\"\n");
    let nowhere = reviewed(None, &target).await;
    assert_eq!(finding(&nowhere, "measurable").0, Finding::Untold);
    assert_eq!(finding(&nowhere, "achievable").0, Finding::Untold);
    let short = reviewed(Some(&quarters(&[0, 0, 0, 0, 0, 0, 127, 130])), &target).await;
    assert_eq!(finding(&short, "achievable").0, Finding::Untold, "{short:#?}");
    let mut gaps = World::default();
    gaps.account("x/a");
    gaps.day("x/a", "2026-06-30", json!({"likes": 3}));
    let (found, evidence) = finding(&reviewed(Some(&gaps), &target).await, "measurable");
    assert_eq!(found, Finding::Lacking);
    assert!(evidence.contains("less than 80 %"), "{evidence}");
    let aimless = reviewed(Some(&gaps), LIKES).await;
    assert_eq!(finding(&aimless, "time-bound").0, Finding::Lacking);
}

/// Vanity names the KPI to read beside it; a target that can be gamed names a guard, until it has one.
#[tokio::test]
async fn vanity_and_gaming_name_what_helps() {
    let rate = "[[kpi]]\nid = \"rate\"\ngoal = \"engagement\"\nformula = \"comments / impressions\"\n";
    let target = "[[kpi.target]]\nperiod = \"2026-Q3\"\nabsolute = 900\n";
    let vain = reviewed(None, &format!("{LIKES}{target}{rate}")).await;
    assert!(
        vain.warnings[0].starts_with("vanity: likes alone says little of engagement; read it beside rate"),
        "{vain:#?}"
    );
    assert!(vain.warnings[1].contains("guards = [\"rate\"]"), "{vain:#?}");
    let guarded = reviewed(None, &format!("{LIKES}guards = [\"rate\"]\n{target}{rate}")).await;
    assert_eq!(guarded.warnings.len(), 1, "{guarded:#?}");
    let posts =
        format!("[[kpi]]\nid = \"k\"\ngoal = \"engagement\"\nformula = \"count_posts()\"\n{target}{rate}");
    assert!(reviewed(None, &posts).await.warnings[0].contains("posts published alone"));
    let growth = "[[kpi]]\nid = \"g\"\ngoal = \"community-growth\"\nformula = \"followers_total - at_start(followers_total)\"\nbasis = \"activity\"\n";
    assert_eq!(reviewed(None, growth).await.warnings, Vec::<String>::new());
}
