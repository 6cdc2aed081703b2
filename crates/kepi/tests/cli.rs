//! What a user meets at the command line: exit codes, faults with their places, hints.

use std::{path::Path, process::Command};

use kepi_ingest::schedule::{Claim, State};

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
    for command in ["demo", "simulate", "init", "import", "evaluate", "query", "run"] {
        assert!(done.stdout.contains(command), "{command} is missing:\n{}", done.stdout);
    }
}

#[test]
fn faults_of_the_simulated_platforms_are_listed_and_a_wrong_one_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let help = kepi(folder.path(), &["simulate", "--help"]);
    assert!(help.stdout.contains("silent-zeros") && help.stdout.contains("times=N"), "{}", help.stdout);
    for (arguments, hint) in [
        (["simulate", "--fault", "x:rate-limt"], "did you mean rate-limit?"),
        (["simulate", "--fault", "y:rate-limit"], "known: douyin"),
        (["simulate", "--since", "1999-01-01"], "--since takes a day from"),
    ] {
        let done = kepi(folder.path(), &arguments);
        assert_eq!(done.code, Some(2), "{}", done.stderr);
        assert!(done.stderr.contains(hint), "{}", done.stderr);
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

/// A day of an account's overview, as X exports it.
fn write_overview(folder: &Path, name: &str, impressions: &str) {
    let text = format!(
        "Date,Impressions,Likes,Engagements,Bookmarks,Shares,New follows,Unfollows,Replies,Reposts,\
         Profile visits,Create Post,Video views,Media views\n\
         \"Fri, Jun 5, 2026\",\"{impressions}\",31,88,4,2,1,0,5,3,9,1,0,0\n"
    );
    std::fs::write(folder.join(name), text).expect("written");
}

#[test]
fn a_table_that_is_gone_is_never_taken_for_an_empty_one() {
    let folder = project();
    let path = folder.path();
    let nothing = kepi(path, &["maintain"]);
    assert_eq!(nothing.code, Some(1), "{}", nothing.stderr);
    assert!(nothing.stderr.contains("there is no kepi store") && !path.join("store").exists());
    write_overview(path, "overview_2026-06-06.csv", "1,204");
    let import = ["import", "--account", "x/a", "overview_2026-06-06.csv"];
    assert_eq!(kepi(path, &import).code, Some(0));
    let sql = "select impressions from account_facts where current";
    let query = ["query", "--format", "csv", sql];
    std::fs::remove_dir_all(path.join("store/account_facts")).expect("removed");
    for asked in [&query[..], &["evaluate"], &import] {
        let refused = kepi(path, asked);
        assert_eq!(refused.code, Some(1), "{asked:?}: {}", refused.stderr);
        for said in ["its table account_facts is gone", "kepi maintain"] {
            assert!(refused.stderr.contains(said), "{asked:?}: {}", refused.stderr);
        }
    }
    let mended = kepi(path, &["maintain"]);
    assert_eq!(mended.code, Some(0), "{}", mended.stderr);
    assert!(mended.stderr.contains("account_facts: gone or not whole"), "{}", mended.stderr);
    assert_eq!(kepi(path, &query).stdout, "impressions\n1204\n");
    // Records are derived from nothing.
    std::fs::remove_dir_all(path.join("store/decisions")).expect("removed");
    let mended = kepi(path, &["maintain"]);
    assert_eq!(mended.code, Some(3), "{}", mended.stderr);
    assert!(mended.stderr.contains("decisions: gone"), "{}", mended.stderr);
}

/// What is gone is not made anew beside a run, which would bring pages meanwhile.
#[test]
fn a_store_is_not_mended_while_a_run_has_its_accounts_in_hand() {
    let folder = project();
    let path = folder.path();
    write_overview(path, "overview_2026-06-06.csv", "1,204");
    assert_eq!(kepi(path, &["import", "--account", "x/a", "overview_2026-06-06.csv"]).code, Some(0));
    let text = "[project]\nname = \"A\"\n\n[[account]]\nid = \"x/a\"\n";
    std::fs::write(path.join("kepi.toml"), text).expect("written");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let state = runtime.block_on(State::open(&path.join(".kepi/state.sqlite"))).expect("a state");
    let claim = Claim::of(&["x/a".parse().expect("an account")]);
    let now = jiff::Timestamp::now();
    let until = now + jiff::SignedDuration::from_hours(1);
    assert_eq!(runtime.block_on(state.lease(&claim, "a-run", now, until)).expect("leased"), None);

    assert_eq!(kepi(path, &["maintain"]).code, Some(0), "what is whole is maintained beside it");
    std::fs::remove_dir_all(path.join("store/account_facts")).expect("removed");
    let refused = kepi(path, &["maintain"]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    for said in ["another run by hand has x/a in hand", "wait until it has ended"] {
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
    assert!(!path.join("store/account_facts").exists());
    runtime.block_on(state.give_back("a-run")).expect("given back");
    assert_eq!(kepi(path, &["maintain"]).code, Some(0));
    assert!(path.join("store/account_facts").exists());
}

#[test]
fn a_failed_import_makes_no_account_known() {
    let folder = project();
    let path = folder.path();
    let failed = kepi(path, &["import", "--account", "x/typo", "nothere.csv"]);
    assert_eq!(failed.code, Some(2), "{}", failed.stderr);
    assert!(
        failed.stderr.contains("No such file") && !failed.stderr.contains("now knows"),
        "{}",
        failed.stderr
    );
    write_overview(path, "overview_2026-06-06.csv", "1,204");
    let import = || kepi(path, &["import", "--account", "x/a", "overview_2026-06-06.csv"]).stderr;
    assert!(import().contains("the store now knows it"));
    write_overview(path, "overview_2026-06-06.csv", "1,300");
    let again = import();
    assert!(again.contains("1 imported") && !again.contains("now knows"), "{again}");
    let known =
        kepi(path, &["query", "--format", "csv", "select account from accounts where current order by 1"]);
    assert_eq!(known.stdout, "account\nx/a\n");
}

/// Numbers are expected of accounts that the configuration names, not of those that it named once.
#[test]
fn an_account_that_is_taken_out_of_the_configuration_is_expected_no_more() {
    let folder = project();
    let path = folder.path();
    write_overview(path, "overview_2026-06-06.csv", "1,204");
    for (named, expected) in
        [("[[account]]\nid = \"x/typo\"\n", "x/a,true\nx/typo,true\n"), ("", "x/a,true\nx/typo,false\n")]
    {
        let text = format!("[project]\nname = \"A\"\n\n[[account]]\nid = \"x/a\"\n\n{named}");
        std::fs::write(path.join("kepi.toml"), text).expect("written");
        let done = kepi(path, &["import", "--account", "x/a", "overview_2026-06-06.csv"]);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        let sql = "select account, configured from accounts where current order by 1";
        let known = kepi(path, &["query", "--format", "csv", sql]);
        assert_eq!(known.stdout, format!("account,configured\n{expected}"), "{}", known.stderr);
    }
}

/// What a script reads by name and by place stays where it is, whatever the rows hold.
#[test]
fn csv_has_one_header() {
    let folder = project();
    let path = folder.path();
    let band = "[[kpi]]\nid = \"a\"\ngoal = \"engagement\"\nbasis = \"activity\"\nsubject = \"account\"\nplatforms = [\"x\"]\n\
                formula = \"likes / impressions\"\ndirection = \"band\"\n\
                [[kpi.target]]\nperiod = \"2026-06\"\nband = [0.02, 0.04]\n";
    std::fs::write(path.join("kpis/own.toml"), band).expect("written");
    write_overview(path, "overview_2026-06-06.csv", "1,204");
    assert_eq!(kepi(path, &["import", "--account", "x/a", "overview_2026-06-06.csv"]).code, Some(0));
    let card = |more: &[&str]| {
        let mut asked = vec!["evaluate", "--period", "2026-06", "--format", "csv"];
        asked.extend(more);
        let done = kepi(path, &asked);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        done.stdout
    };
    let header = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let whole = header(&card(&[]));
    assert!(whole.starts_with("kpi,version,name,basis,traffic,period.start,period.end,value,"), "{whole}");
    let with_band = card(&["--kpi", "a"]);
    assert_eq!(header(&with_band), whole);
    assert!(with_band.contains(",0.02,,band,0.02,0.04,"), "{with_band}");
    assert_eq!(header(&card(&["--kpi", "x-likes-per-post"])), whole);
    let parts = header(&card(&["--kpi", "a", "--by", "day,platform,account"]));
    assert_eq!(parts, whole.replacen("name,", "name,scope.platform,scope.account,", 1));
    let shown = kepi(path, &["evaluate", "--period", "2026-06", "--kpi", "a"]);
    assert!(shown.stdout.contains("2.000 % … 4.000 %"), "{}", shown.stdout);
}

#[test]
fn what_is_no_time_and_no_filter_is_refused() {
    let folder = project();
    write_overview(folder.path(), "overview_2026-06-06.csv", "1,204");
    assert_eq!(kepi(folder.path(), &["import", "--account", "x/a", "overview_2026-06-06.csv"]).code, Some(0));
    let refused = kepi(folder.path(), &["evaluate", "--as-of", "2026-06-05T"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("in the project's zone"), "{}", refused.stderr);
    for filter in ["nonsense=foo=bar", "verbose"] {
        let refused = kepi(folder.path(), &["--log", filter, "check"]);
        assert_eq!(refused.code, Some(2), "{filter}: {}", refused.stderr);
        assert!(
            refused.stderr.contains("no filter") && refused.stderr.contains("warn"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn numbers_and_formulas_that_cannot_be_reckoned_with_are_refused() {
    let folder = project();
    let kpi = |formula: &str, target: &str| {
        format!(
            "[[kpi]]\nid = \"a\"\ngoal = \"engagement\"\nformula = \"{formula}\"\n\
             [[kpi.target]]\nperiod = \"2026-Q3\"\nabsolute = {target}\n"
        )
    };
    for target in ["nan", "inf", "1e400"] {
        std::fs::write(folder.path().join("kpis/own.toml"), kpi("likes", target)).expect("written");
        let refused = kepi(folder.path(), &["check"]);
        assert_eq!(refused.code, Some(2), "{target}: {}", refused.stderr);
        assert!(refused.stderr.contains("own.toml:7:12"), "{target}: {}", refused.stderr);
    }
    let long = vec!["likes"; 30_000].join(" + ");
    std::fs::write(folder.path().join("kpis/own.toml"), kpi(&long, "1")).expect("written");
    let refused = kepi(folder.path(), &["check"]);
    assert_eq!(refused.code, Some(2), "{:.500}", refused.stderr);
    // The longest that is read can be evaluated as well.
    let longest = vec!["likes"; 500].join(" + ");
    std::fs::write(folder.path().join("kpis/own.toml"), kpi(&longest, "1")).expect("written");
    write_overview(folder.path(), "overview_2026-06-06.csv", "1,204");
    assert_eq!(kepi(folder.path(), &["import", "--account", "x/a", "overview_2026-06-06.csv"]).code, Some(0));
    let done = kepi(folder.path(), &["evaluate", "--kpi", "a"]);
    assert_eq!(done.code, Some(0), "{:.500}", done.stderr);
}

#[test]
fn what_a_project_names_and_nobody_has_is_said() {
    let folder = project();
    let file = folder.path().join("kepi.toml");
    let text = std::fs::read_to_string(&file).expect("read");
    let own = "[[kpi]]\nid = \"a\"\ngoal = \"engagement\"\nformula = \"likes\"\nplatforms = [\"instagrm\"]\n";
    std::fs::write(folder.path().join("kpis/own.toml"), own).expect("written");
    let done = kepi(folder.path(), &["check"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("did you mean instagram?"), "{}", done.stderr);
    let changed = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} is not in the configuration that init writes");
        std::fs::write(&file, text.replacen(from, to, 1)).expect("written");
    };
    changed("kpis/*.toml\"", "kpis/*.toml\", \"more/*.toml\"");
    let refused = kepi(folder.path(), &["check"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("more/*.toml"), "{}", refused.stderr);
    changed("store = \"./store\"", "store = \"s3://bucket/kepi\"");
    let refused = kepi(folder.path(), &["query", "select 1"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("name a folder as project.store"), "{}", refused.stderr);
}

#[test]
fn the_good_files_are_kept_and_the_bad_ones_named() {
    let folder = project();
    write_overview(folder.path(), "overview_2026-06-06.csv", "1,204");
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

/// A day of an account's overview, imported.
fn overview(folder: &Path, name: &str, impressions: u32) {
    write_overview(folder, name, &impressions.to_string());
    assert_eq!(kepi(folder, &["import", "--account", "x/a", name]).code, Some(0));
}

/// An account of X whose token is in a variable that is not set.
fn without_token(folder: &Path) {
    let text = "[project]\nname = \"A\"\n\n[[account]]\nid = \"x/a\"\n\
                credentials = { app = { token_env = \"KEPI_TEST_NOT_SET\" } }\n";
    std::fs::write(folder.join("kepi.toml"), text).expect("written");
}

/// Imports and runs by hand are shown beside those of the schedule, the failed ones with their reason.
#[test]
fn runs_shows_every_run() {
    let folder = project();
    let empty = kepi(folder.path(), &["runs", "--format", "csv"]);
    assert_eq!(empty.code, Some(0), "{}", empty.stderr);
    assert_eq!(empty.stdout.lines().count(), 1, "{}", empty.stdout);
    overview(folder.path(), "overview_2026-06-06.csv", 1204);
    without_token(folder.path());
    assert_ne!(kepi(folder.path(), &["ingest"]).code, Some(0));
    let runs = kepi(folder.path(), &["runs", "--format", "csv"]);
    let lines: Vec<&str> = runs.stdout.lines().skip(1).collect();
    let [ingest, import] = lines[..] else { panic!("{}", runs.stdout) };
    assert!(ingest.contains(",ingest,") && ingest.contains("KEPI_TEST_NOT_SET"), "{ingest}");
    assert!(import.contains(",import,") && import.contains(",done,1,"), "{import}");
    let newest = kepi(folder.path(), &["runs", "--last", "1", "--format", "csv"]);
    assert_eq!(newest.stdout.lines().nth(1), Some(ingest));
}

#[test]
fn days_that_cannot_be_asked_for_are_refused() {
    let folder = project();
    without_token(folder.path());
    for (arguments, said) in [
        (&["ingest", "--plan", "--from", "2026-02-01", "--to", "2026-01-01"][..], "is after the last"),
        (&["ingest", "--plan", "--from", "2999-01-01"][..], "no platform knows 2999-01-01 yet"),
        (&["ingest", "--plan", "--to", "2999-01-01"][..], "no platform knows 2999-01-01 yet"),
        (&["backfill", "--from", "2026-01-02", "--to", "2026-01-01"][..], "is after the last"),
        (&["backfill", "--from", "2999-01-01"][..], "no platform knows 2999-01-01 yet"),
    ] {
        let done = kepi(folder.path(), arguments);
        assert_eq!(done.code, Some(2), "{arguments:?}: {}", done.stderr);
        assert!(done.stderr.contains(said), "{arguments:?}: {}", done.stderr);
    }
    let day = kepi(folder.path(), &["ingest", "--plan", "--from", "2026-01-01", "--to", "2026-01-01"]);
    assert_eq!(day.code, Some(0), "{}", day.stderr);
}

#[test]
fn credentials_are_tried_without_a_kpi_file() {
    let folder = tempfile::tempdir().expect("a folder");
    without_token(folder.path());
    let done = kepi(folder.path(), &["check", "--online", "--format", "csv"]);
    assert!(done.stderr.contains("no KPI file"), "{}", done.stderr);
    assert!(done.stdout.contains("x/a,app,") && done.stdout.contains("KEPI_TEST_NOT_SET"), "{}", done.stdout);
    assert_eq!(kepi(folder.path(), &["check"]).code, Some(2));
}

/// The same answer is kept once; one that changed is kept beside it.
#[test]
fn an_evaluation_that_says_the_same_again_is_kept_once() {
    let folder = project();
    let kpi = "[[kpi]]\nid = \"seen\"\nversion = 1\ngoal = \"brand-awareness\"\nbasis = \"activity\"\n\
               formula = \"impressions\"\nsubject = \"account\"\n";
    std::fs::write(folder.path().join("kpis/own.toml"), kpi).expect("written");
    let kept = || {
        let evaluate = ["evaluate", "--kpi", "seen", "--period", "2026-06-05..2026-06-05"];
        let done = kepi(folder.path(), &evaluate);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        let sql = "select value from evaluations order by evaluated_at";
        kepi(folder.path(), &["query", "--format", "csv", sql]).stdout
    };
    overview(folder.path(), "overview_2026-06-06.csv", 1204);
    assert_eq!(kept(), "value\n1204.0\n");
    assert_eq!(kept(), "value\n1204.0\n");
    overview(folder.path(), "overview_2026-06-07.csv", 1300);
    assert_eq!(kept(), "value\n1204.0\n1300.0\n");
}

/// The same bytes under another name are the same file, in one import and in the next.
#[test]
fn a_copy_of_a_file_adds_nothing() {
    let folder = project();
    let path = folder.path();
    let map = "subject = \"account\"\n[day]\ncolumn = \"day\"\n[metrics]\nfollows_gained = \"new\"\n";
    std::fs::write(path.join("map.toml"), map).expect("written");
    for name in ["a_2025-10-02.csv", "b.csv", "c.csv"] {
        std::fs::write(path.join(name), "day,new\n2025-10-01,3\n").expect("written");
    }
    let import = |more: &[&str]| {
        let done = kepi(path, &[&["import", "--account", "x/a", "--map", "map.toml"], more].concat());
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        done.stderr
    };
    let told = import(&["a_2025-10-02.csv", "b.csv"]);
    assert!(told.contains("1 imported, 1 known already, 0 failed; 1 measurement,"), "{told}");
    let told = import(&["c.csv"]);
    assert!(told.contains("0 imported, 1 known already"), "{told}");
    let told = import(&["--observed-at", "2025-10-03T00:00:00Z", "c.csv"]);
    assert!(told.contains("1 imported, 0 known already"), "{told}");
}

/// Faults of a map show the offending text, as those of all files that people write.
#[test]
fn faults_of_a_map_are_shown_in_their_text() {
    let folder = project();
    let path = folder.path();
    let map =
        "subject = \"account\"\n[day]\ncolumn = \"day\"\nformat = \"%Q-%Z\"\n[metrics]\nlike = \"Likes\"\n";
    std::fs::write(path.join("bad.toml"), map).expect("written");
    std::fs::write(path.join("a.csv"), "day,Likes\n2025-10-01,3\n").expect("written");
    let done = kepi(path, &["import", "--account", "x/a", "--map", "bad.toml", "a.csv"]);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    for said in
        ["bad.toml:4:10", "4 | \"%Q-%Z\"", "bad.toml:6:1", "6 | like", "did you mean likes?", "2 faults"]
    {
        assert!(done.stderr.contains(said), "{said} is missing:\n{}", done.stderr);
    }
    assert!(done.stderr.len() < 1_500, "{}", done.stderr);
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

/// So many new followers on each day of a period, as a table of the user's own.
fn followers(folder: &Path, name: &str, quarters: &[(&str, i32, i32)]) {
    let mut text = String::from("day,new\n");
    for (start, days, each) in quarters {
        let start: jiff::civil::Date = start.parse().expect("a date");
        for day in 0..*days {
            let day = start.checked_add(jiff::Span::new().days(day)).expect("a date");
            text += &format!("{day},{each}\n");
        }
    }
    std::fs::write(folder.join(name), text).expect("written");
}

fn imported(folder: &Path, file: &str, observed_at: &str) {
    let done = kepi(
        folder,
        &["import", "--account", "x/a", "--map", "map.toml", "--observed-at", observed_at, file],
    );
    assert_eq!(done.code, Some(0), "{}", done.stderr);
}

/// A target of +10 % on a quarter stays where it was when it was first evaluated, though the quarter is restated
/// later; what is frozen is shown.
#[test]
fn a_baseline_that_was_evaluated_does_not_move() {
    let folder = project();
    let path = folder.path();
    let kpi = "[[kpi]]\nid = \"new-followers\"\nversion = 1\ngoal = \"community-growth\"\nbasis = \"activity\"\n\
               formula = \"follows_gained\"\nsubject = \"account\"\n[[kpi.target]]\nperiod = \"2025-Q3\"\nrelative = \"+10%\"\n\
               baseline = \"2025-Q2\"\n";
    std::fs::write(path.join("kpis/own.toml"), kpi).expect("written");
    let map = "subject = \"account\"\n[day]\ncolumn = \"day\"\nformat = \"%Y-%m-%d\"\n[metrics]\nfollows_gained = \"new\"\n";
    std::fs::write(path.join("map.toml"), map).expect("written");
    followers(path, "first.csv", &[("2025-04-01", 91, 10), ("2025-07-01", 92, 11)]);
    imported(path, "first.csv", "2025-10-02T00:00:00Z");
    let evaluated = |extra: &[&str]| {
        let mut arguments =
            vec!["evaluate", "--kpi", "new-followers", "--period", "2025-Q3", "--format", "json"];
        arguments.extend(extra);
        let done = kepi(path, &arguments);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        let rows: serde_json::Value = serde_json::from_str(&done.stdout).expect("JSON");
        rows[0].clone()
    };
    let row = evaluated(&[]);
    assert_eq!((row["baseline"].as_f64(), row["value"].as_i64()), (Some(910.0), Some(1012)), "{row}");
    assert_eq!(
        (row["target"]["value"].as_f64().map(f64::round), &row["status"]),
        (Some(1001.0), &"met".into())
    );

    followers(path, "restated.csv", &[("2025-04-01", 91, 12)]);
    imported(path, "restated.csv", "2025-11-02T00:00:00Z");
    let row = evaluated(&[]);
    assert_eq!(row["baseline"].as_f64(), Some(910.0), "{row}");
    let notes = row["notes"].to_string();
    assert!(notes.contains("is frozen at 910") && notes.contains("the data say 1092"), "{notes}");

    let frozen = kepi(path, &["targets", "freeze", "--format", "csv"]);
    assert!(frozen.stdout.contains("new-followers,,2025-Q3,2025-Q2,910.0,2"), "{}", frozen.stdout);
    let suggested = kepi(
        path,
        &["targets", "suggest", "--kpi", "new-followers", "--period", "2025-Q4", "--format", "json"],
    );
    let told: serde_json::Value = serde_json::from_str(&suggested.stdout).expect("JSON");
    assert_eq!((told[0]["periods"].as_i64(), told[0]["median"].is_null()), (Some(2), true), "{told}");
    let months = kepi(
        path,
        &["targets", "suggest", "--kpi", "new-followers", "--period", "2025-10", "--format", "csv"],
    );
    assert!(months.stdout.starts_with("kpi,period,periods,last,median,p75,p90"), "{}", months.stdout);
    assert!(months.stdout.contains("new-followers,2025-10-01..2025-10-31,6,341.00"), "{}", months.stdout);
}

#[test]
fn parts_that_do_not_come_to_the_whole_are_told_by_check() {
    let folder = project();
    let target = |value: u32, part: &str| {
        format!("[[kpi.target]]\nperiod = \"2025-Q3\"\nabsolute = {value}\n{part}\n")
    };
    let text = format!(
        "[[kpi]]\nid = \"a\"\nversion = 1\ngoal = \"engagement\"\nbasis = \"activity\"\nformula = \"likes\"\n{}{}{}",
        target(9000, ""),
        target(5000, "where = { platform = \"x\" }"),
        target(3000, "where = { platform = \"weibo\" }")
    );
    std::fs::write(folder.path().join("kpis/own.toml"), text).expect("written");
    let done = kepi(folder.path(), &["check"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let told = "a: the targets by platform add up to 8000, that of the whole is 9000: 1000 are missing";
    assert!(done.stderr.contains(told), "{}", done.stderr);
}

/// A rate by reach is not held against one by followers.
#[test]
fn t51_a_benchmark_of_another_denominator_is_refused() {
    let folder = project();
    let text = "[[kpi]]\nid = \"a\"\nversion = 1\ngoal = \"engagement\"\nplatforms = [\"instagram\"]\n\
                formula = \"(likes + comments) / gross(reach)\"\nbenchmark = \"rival-iq-2025:all\"\n";
    std::fs::write(folder.path().join("kpis/own.toml"), text).expect("written");
    let done = kepi(folder.path(), &["check"]);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    for said in
        ["not comparable with rival-iq-2025:all", "divides by reach", "followers_total", "own.toml:7:13"]
    {
        assert!(done.stderr.contains(said), "{said} is missing:\n{}", done.stderr);
    }
}
