//! What a user meets at the command line: exit codes, faults with their places, hints.

use std::{path::Path, process::Command};

struct Done {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn kepi(folder: &Path, arguments: &[&str]) -> Done {
    let output = Command::new(env!("CARGO_BIN_EXE_kepi"))
        .current_dir(folder)
        .env_remove("KEPI_CONFIG")
        .env("NO_COLOR", "1")
        .args(arguments)
        .output()
        .expect("kepi starts");
    Done {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(kepi(folder.path(), &["init"]).code, Some(0));
    folder
}

#[test]
fn help_names_the_commands() {
    let folder = tempfile::tempdir().expect("a folder");
    let done = kepi(folder.path(), &["--help"]);
    assert_eq!(done.code, Some(0));
    for command in ["demo", "init", "import", "evaluate", "query", "run"] {
        assert!(done.stdout.contains(command), "{command} is missing:\n{}", done.stdout);
    }
}

#[test]
fn without_a_project_the_next_step_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let done = kepi(folder.path(), &["evaluate"]);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(done.stderr.contains("kepi init"), "{}", done.stderr);
}

#[test]
fn a_new_project_checks_out_and_is_not_overwritten() {
    let folder = project();
    let done = kepi(folder.path(), &["check"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(kepi(folder.path(), &["init"]).code, Some(2));
}

#[test]
fn a_goal_and_platforms_choose_the_kpis_of_a_new_project() {
    let folder = tempfile::tempdir().expect("a folder");
    let asked = ["init", "--goal", "brand-awareness", "--platforms", "wechat,douyin"];
    let done = kepi(folder.path(), &asked);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(folder.path().join("kpis/wechat.toml").exists() && !folder.path().join("kpis/x.toml").exists());
    let done = kepi(folder.path(), &["check", "--kpi", "douyin-plays", "--format", "csv"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for said in ["douyin-plays,1,specific,good,", "douyin-plays,1,measurable,untold,\"there is no store yet"]
    {
        assert!(done.stdout.contains(said), "{said} is missing:\n{}", done.stdout);
    }
    let unknown = kepi(tempfile::tempdir().expect("a folder").path(), &["init", "--goal", "brand-awarenes"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("did you mean brand-awareness?"), "{}", unknown.stderr);
}

#[test]
fn the_review_shows_evidence_for_each_letter() {
    let folder = project();
    let text = "[[kpi]]\nid = \"fans\"\nname = \"Fans\"\ngoal = \"engagement\"\nformula = \"likes\"\n\
                [[kpi.target]]\nperiod = \"2026-Q3\"\nabsolute = 500\n";
    std::fs::write(folder.path().join("kpis/own.toml"), text).expect("written");
    let done = kepi(folder.path(), &["check"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for said in [
        "Fans (fans version 1)",
        "+ S specific",
        "? M measurable",
        "+ T time-bound     2026-07-01",
        "! vanity: likes alone says little of engagement",
        "! gaming: a target on likes alone",
    ] {
        assert!(done.stdout.contains(said), "{said} is missing:\n{}", done.stdout);
    }
}

#[test]
fn tags_are_asked_for_by_their_dimension() {
    let folder = project();
    let file = folder.path().join("kepi.toml");
    let text = std::fs::read_to_string(&file).expect("read");
    let tag = "[[tag]]\ndimension = \"theme\"\nvalue = \"launch\"\nwhere = \"contans(text, 'launch')\"\n";
    std::fs::write(&file, format!("{text}\n{tag}")).expect("written");
    let done = kepi(folder.path(), &["check"]);
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("did you mean contains?"), "{}", done.stderr);
    std::fs::write(&file, format!("{text}\n{}", tag.replace("contans", "contains"))).expect("written");
    let done = kepi(folder.path(), &["evaluate", "--by", "tag:them"]);
    assert_eq!(done.code, Some(2));
    assert!(done.stderr.contains("did you mean theme?"), "{}", done.stderr);
}

#[test]
fn all_faults_of_a_configuration_are_shown_with_place_text_and_hint() {
    let folder = project();
    let text =
        "[project]\nname = \"A\"\nzone = \"Europe/Berln\"\n\n[[account]]\nid = \"ropensci\"\nzon = \"UTC\"\n";
    std::fs::write(folder.path().join("kepi.toml"), text).expect("written");
    let done = kepi(folder.path(), &["check"]);
    assert_eq!(done.code, Some(2));
    for said in
        ["kepi.toml:3:8", "Europe/Berln", "kepi.toml:6:6", "kepi.toml:7:1", "did you mean zone?", "3 faults"]
    {
        assert!(done.stderr.contains(said), "{said} is missing:\n{}", done.stderr);
    }
}

#[test]
fn all_faults_of_kpi_files_are_shown_formulas_included() {
    let folder = project();
    let text = "[[kpi]]\nid = \"a\"\nversion = 1\ngoal = \"engagement\"\nformula = \"likse / impressions\"\n\n\
                [[kpi]]\nid = \"b\"\nversion = 1\nformula = \"reach\"\n";
    std::fs::write(folder.path().join("kpis/own.toml"), text).expect("written");
    let done = kepi(folder.path(), &["check"]);
    assert_eq!(done.code, Some(2));
    for said in ["own.toml:5:12", "likse", "likes", "goal"] {
        assert!(done.stderr.contains(said), "{said} is missing:\n{}", done.stderr);
    }
}

#[test]
fn the_good_files_are_kept_and_the_bad_ones_named() {
    let folder = project();
    let overview = "Date,Impressions,Likes,Engagements,Bookmarks,Shares,New follows,Unfollows,Replies,Reposts,\
                    Profile visits,Create Post,Video views,Media views\n\
                    \"Fri, Jun 5, 2026\",\"1,204\",31,88,4,2,1,0,5,3,9,1,0,0\n";
    std::fs::write(folder.path().join("overview_2026-06-06.csv"), overview).expect("written");
    std::fs::write(folder.path().join("holiday.csv"), "a,b\n1,2\n").expect("written");
    let files = ["import", "--account", "x/a", "overview_2026-06-06.csv", "holiday.csv"];
    let done = kepi(folder.path(), &files);
    assert_eq!(done.code, Some(3), "{}", done.stderr);
    assert!(done.stderr.contains("holiday.csv"), "{}", done.stderr);
    let rows = kepi(
        folder.path(),
        &["query", "--format", "csv", "select impressions from account_facts where current"],
    );
    assert_eq!(rows.stdout, "impressions\n1204\n");
    let nothing = kepi(folder.path(), &["import", "--account", "x/a", "holiday.csv"]);
    assert_eq!(nothing.code, Some(2), "{}", nothing.stderr);
}

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    let folder = project();
    let kpi = kepi(folder.path(), &["evaluate", "--kpi", "x-engagment-rate"]);
    assert_eq!(kpi.code, Some(2));
    assert!(kpi.stderr.contains("did you mean x-engagement-rate?"), "{}", kpi.stderr);
    let account = kepi(folder.path(), &["ingest", "--account", "x/nobody"]);
    assert_eq!(account.code, Some(2));
    let period = kepi(folder.path(), &["evaluate", "--period", "2026-13"]);
    assert_eq!(period.code, Some(2));
    assert!(period.stderr.contains("2026-Q4"), "{}", period.stderr);
}

#[test]
fn a_query_cannot_write() {
    let folder = project();
    let files = ["import", "--account", "x/a", "nothing.csv"];
    assert_eq!(kepi(folder.path(), &files).code, Some(2));
    let done = kepi(folder.path(), &["query", "drop table post_facts"]);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
}
