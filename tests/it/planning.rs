//! Goals, the editorial calendar, tags by list, and what comes by file from outside: through the command.

use serde_json::{Value, json};

use crate::project::{Done, Project};

fn import(project: &Project, file: &str, map: &str, account: &str) -> Done {
    let (file, map) = (project.path(file), project.path(map));
    let arguments: [&std::ffi::OsStr; 6] = [
        "import".as_ref(),
        file.as_ref(),
        "--map".as_ref(),
        map.as_ref(),
        "--account".as_ref(),
        account.as_ref(),
    ];
    project.run(arguments)
}

fn configure(project: &Project, more: &str) {
    let text = std::fs::read_to_string(project.path("kepi.toml")).expect("the configuration");
    project.write("kepi.toml", &(text + more));
}

const POSTS: &str = "id,born,title,url,form,likes,impressions\n\
    1,2026-03-02 08:00,Two wheels,https://www.x.example/p/1?utm_source=mail,video,10,100\n\
    2,2026-03-06 08:00,Lights,https://x.example/p/2/,image,20,100\n\
    3,2026-03-20 08:00,A thought,https://x.example/p/3,image,30,100\n";
const POSTS_MAP: &str = "subject = \"post\"\ntraffic = \"organic\"\n[post]\nid = \"id\"\npublished_at = \"born\"\n\
    title = \"title\"\nurl = \"url\"\n[metrics]\nlikes = \"likes\"\nimpressions = \"impressions\"\n";

fn with_posts() -> Project {
    let project = Project::new();
    project.write("posts.csv", &POSTS.replace("form,", "kind,"));
    project.write("posts.toml", POSTS_MAP);
    import(&project, "posts.csv", "posts.toml", "x/brand").expect(0);
    project
}

#[test]
fn goals_are_ranked_and_weighed_and_kpis_are_for_them() {
    let project = with_posts();
    configure(
        &project,
        r#"
[[goal]]
id = "dialogue"
name = { en = "Be answered", zh = "得到回应" }
serves = "engagement"
priority = 2
weight = 1

[[goal]]
id = "heard"
serves = "brand-awareness"
priority = 1
weight = 3

[[goal.objective]]
id = "louder"
term = "short"
start = "2026-01-01"
end = "2026-06-30"

[[goal.objective.task]]
name = "Two videos a week"
due = "2026-02-01"
"#,
    );
    let kpi = |id: &str, goal: &str, formula: &str, aim: &str| {
        format!(
            "[[kpi]]\nid = \"{id}\"\ngoal = \"{goal}\"\nplatforms = [\"x\"]\nformula = \"{formula}\"\nobjective = \"{aim}\"\n\
             [[kpi.target]]\nperiod = \"2026-03\"\n"
        )
    };
    let own = kpi("g-likes", "dialogue", "likes", "short")
        + "absolute = 50\n"
        + &kpi("g-more-likes", "dialogue", "likes", "medium")
        + "absolute = 5000\n"
        + &kpi("g-shown", "heard", "impressions", "louder")
        + "absolute = 300\n";
    for file in std::fs::read_dir(project.path("kpis")).expect("a folder") {
        std::fs::remove_file(file.expect("an entry").path()).expect("removed");
    }
    project.write("kpis/own.toml", &own);
    let told = project.run(["goals", "--period", "2026-03", "--format", "json"]).expect(0).json();
    let goals = told["goals"].as_array().expect("goals");
    let ranked: Vec<(&Value, &Value, &Value, &Value)> = goals
        .iter()
        .map(|goal| (&goal["goal"], &goal["weight"], &goal["judged"], &goal["on_course"]))
        .collect();
    assert_eq!(
        ranked,
        [
            (&json!("heard"), &json!(0.75), &json!(1), &json!(1)),
            (&json!("dialogue"), &json!(0.25), &json!(2), &json!(1))
        ]
    );
    assert_eq!(told["on_course"], 0.875, "three quarters of one, a quarter of a half");
    assert_eq!(goals[1]["names"]["zh"], "得到回应");
    assert_eq!(goals[0]["objectives"][0]["kpis"], json!(["g-shown"]));
    assert_eq!(goals[0]["objectives"][0]["overdue"], json!(["Two videos a week"]));

    let card = project.run(["evaluate", "--period", "2026-03"]).expect(0);
    assert!(card.stdout.contains("Be answered") && card.stdout.contains("88 % on course"), "{}", card.stdout);
    assert!(card.stderr.contains("\"Two videos a week\" should be done by now"), "{}", card.stderr);
    let check = project.run(["check"]).expect(0);
    assert!(check.stdout.contains("Be answered") && check.stdout.contains("75 %"), "{}", check.stdout);

    project.write("kpis/own.toml", &own.replace("\"heard\"", "\"herd\""));
    let wrong = project.run(["check"]).expect(2);
    assert!(
        wrong.stderr.contains("own.toml") && wrong.stderr.contains("did you mean heard?"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn a_plan_is_held_against_what_was_published() {
    let project = with_posts();
    let text = std::fs::read_to_string(project.path("kepi.toml")).expect("the configuration");
    project.write("kepi.toml", &text.replace("[project]\n", "[project]\ncalendar = [\"plan/*\"]\n"));
    project.write(
        "plan/march.csv",
        "date,account,format,category,title,post\n2026-03-02,x/brand,,tips,Two wheels,\n2026-03-05,x/brand,,,Lights,\n\
         2026-03-12,x/brand,,,Never written,\n",
    );
    project.write(
        "plan/more.toml",
        "[[planned]]\ndate = \"2026-03-25\"\naccount = \"x/brand\"\npost = \"http://x.example/p/3\"\n",
    );
    let rows = |project: &Project| {
        let done = project.run(["calendar", "--period", "2026-03", "--format", "json"]).expect(0);
        let rows = done.json();
        let rows = rows.as_array().expect("rows").clone();
        rows.iter()
            .map(|row| format!("{} {} {}", row["planned"], row["outcome"], row["post"]).replace('"', ""))
            .collect::<Vec<_>>()
    };
    let expected = [
        "2026-03-02 published 1",
        "2026-03-05 published 2",
        "2026-03-12 missed null",
        "2026-03-25 published 3",
    ];
    assert_eq!(rows(&project), expected);
    // Read again, and beside the posts imported again, it is the same.
    assert_eq!(import(&project, "posts.csv", "posts.toml", "x/brand").code, 0);
    assert_eq!(rows(&project), expected);
    let table = project.run(["calendar", "--period", "2026-03"]).expect(0).stdout;
    assert!(table.contains("75 %"), "{table}");
    project.write("plan/wrong.csv", "date,account\n2026-13-01,x/brand\n");
    let wrong = project.run(["calendar", "--period", "2026-03"]).expect(2);
    assert!(wrong.stderr.contains("wrong.csv") && wrong.stderr.contains("is not a day"), "{}", wrong.stderr);
    assert!(project.run(["check"]).expect(2).stderr.contains("wrong.csv"));
}

/// T36 by list: an export of a content system says by address what posts are about; one of ids says it by id.
#[test]
fn lists_give_tags_by_id_and_by_address() {
    let project = with_posts();
    configure(
        &project,
        "\n[[mapping]]\nfile = \"cms/*.csv\"\nurl = \"Permalink\"\nseparator = \";\"\n[mapping.dimensions]\ntheme = \"Sections\"\n\
         author = \"Author\"\n\n[[mapping]]\nfile = \"tags.csv\"\npost = \"post\"\naccount = \"account\"\n[mapping.dimensions]\ntheme = \"tag\"\n",
    );
    let cms = "Permalink,Sections,Author\nhttp://x.example/p/1#top,Bikes; Winter,Ada\nhttps://m.x.example/p/2,Bikes,Ben\n\
               https://elsewhere.example/p/3,Bikes,Ben\n";
    project.write("cms/export.csv", cms);
    project.write("tags.csv", "account,post,tag\nx/brand,3,Thoughts\nx/other,1,Thoughts\n");
    let by = |dimension: &str| {
        let by = format!("tag:{dimension}");
        let rows = project.evaluate(&["--kpi", "likes-in-all", "--period", "2026-03", "--by", &by]);
        rows.iter()
            .map(|row| format!("{} {}", row["scope"]["tag"].as_str().unwrap_or("-"), row["value"]))
            .collect::<Vec<_>>()
    };
    project.write(
        "kpis/own.toml",
        "[[kpi]]\nid = \"likes-in-all\"\ngoal = \"engagement\"\nformula = \"likes\"\n",
    );
    let themes = ["Bikes 30", "Thoughts 30", "Winter 10", "- 60"];
    assert_eq!(by("theme"), themes);
    assert_eq!(by("author"), ["- 30", "Ada 10", "Ben 20", "- 60"]);
    // The same export a second time beside the first changes nothing.
    project.write("cms/export-again.csv", cms);
    assert_eq!(by("theme"), themes);
    project.write("cms/export.csv", &cms.replace("Permalink", "Link"));
    let wrong = project.run(["evaluate", "--by", "tag:theme"]).expect(2);
    assert!(wrong.stderr.contains("no column \"Permalink\""), "{}", wrong.stderr);
}

/// A listening tool's figures, and answers of a survey: by file, each with where it came from, by the same rules; a
/// second import adds nothing.
#[test]
fn figures_from_outside_obey_the_same_rules() {
    let project = Project::new();
    configure(
        &project,
        "\n[[metric]]\nid = \"nps_answers\"\nunit = \"count\"\nnature = \"count\"\ndefinition = \"answers to the survey\"\n\
         [[metric]]\nid = \"nps_promoters\"\nunit = \"count\"\nnature = \"count\"\ndefinition = \"those of 9 and 10\"\n",
    );
    project.write(
        "kpis/own.toml",
        "[[kpi]]\nid = \"promoters\"\ngoal = \"reputation\"\nplatforms = [\"survey\"]\nsubject = \"account\"\n\
         formula = \"nps_promoters / nps_answers\"\nbasis = \"activity\"\n",
    );
    project.write("voice.csv", "day,brand,mentions\n2026-03-02,all,200\n2026-03-02,own,50\n2026-03-02,rival,150\n2026-03-03,all,100\n2026-03-03,own,40\n");
    project.write(
        "voice.toml",
        "subject = \"account\"\n[day]\ncolumn = \"day\"\n[segment]\ndimension = \"brand\"\ncolumn = \"brand\"\nwhole = [\"all\"]\n\
         [metrics]\nmentions = \"mentions\"\n",
    );
    project.write("survey.csv", "day,answers,promoters\n2026-03-02,40,30\n2026-03-03,160,40\n");
    project.write("survey.toml", "subject = \"account\"\n[day]\ncolumn = \"day\"\n[metrics]\nnps_answers = \"answers\"\nnps_promoters = \"promoters\"\n");
    project.write(
        "mood.csv",
        "day,pos,neu,neg,score,ratings\n2026-03-02,6,2,2,45,10\n2026-03-03,10,60,30,270,90\n",
    );
    project.write(
        "mood.toml",
        "subject = \"account\"\n[day]\ncolumn = \"day\"\n[metrics]\nsentiment_pos = \"pos\"\nsentiment_neu = \"neu\"\n\
         sentiment_neg = \"neg\"\nrating_sum = \"score\"\nrating_count = \"ratings\"\n",
    );
    let told = |project: &Project| {
        let of = |kpi: &str| {
            project.evaluate(&["--kpi", kpi, "--period", "2026-03-02..2026-03-03"])[0]["value"].clone()
        };
        ["share-of-voice", "promoters", "rating-mean", "net-sentiment"].map(of)
    };
    let bring = || {
        for (name, account) in
            [("voice", "listening/tool"), ("survey", "survey/customers"), ("mood", "reviews/all")]
        {
            import(&project, &format!("{name}.csv"), &format!("{name}.toml"), account).expect(0);
        }
    };
    bring();
    let first = told(&project);
    // Ratios of sums: a mean of the days' shares would be 0.325, of the days' promoters 0.5, of the ratings 3.75.
    assert_eq!(first, [json!(0.3), json!(0.35), json!(3.15), json!(-16.0 / 110.0)]);
    let provenance = project.query("select distinct provenance from segment_facts");
    assert_eq!(provenance, [json!({"provenance": "import"})]);
    let rows = |project: &Project| {
        ["pages", "segment_facts", "account_facts", "other_facts"]
            .map(|table| project.query(&format!("select count(*) as n from {table}"))[0]["n"].clone())
    };
    let before = rows(&project);
    bring();
    assert_eq!(rows(&project), before);
    assert_eq!(told(&project), first);
}
