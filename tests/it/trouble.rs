//! Trouble with the machine, met through the command: a full disk, a folder without rights, being asked to stop.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use jiff::Timestamp;
use kepi_simulator::{Fault, FaultRule, Stats};

use crate::{
    project::Project,
    simulated::{Simulated, x_world},
};

const TABLE: &str = "date,followers\n2026-09-01,100\n2026-09-02,110\n";
const MAP: &str = "subject = \"account\"\n[day]\ncolumn = \"date\"\nformat = \"%Y-%m-%d\"\n[metrics]\nfollowers_total = \"followers\"\n";

fn import(project: &Project, file: &str) -> Vec<String> {
    let path = |name: &str| project.path(name).display().to_string();
    vec![
        "import".into(),
        path(file),
        "--map".into(),
        path("map.toml"),
        "--account".into(),
        "x/demo".into(),
        "--observed-at".into(),
        "2026-10-01".into(),
    ]
}

fn with_table(name: &str, text: &str) -> Project {
    let project = Project::new();
    project.write("map.toml", MAP);
    project.write(name, text);
    project
}

fn followers(project: &Project) -> usize {
    project.query("select followers_total from account_facts where current").len()
}

#[test]
fn a_folder_that_may_not_be_written_is_a_clear_error() {
    let project = with_table("table.csv", TABLE);
    // Not even root may make a folder there.
    let text = "[project]\nname = \"A\"\nstore = \"/proc/kepi/store\"\n";
    project.write("kepi.toml", text);
    let done = project.run(import(&project, "table.csv")).expect(1);
    for said in ["/proc/kepi/store", "hint:"] {
        assert!(done.stderr.contains(said), "{said} is missing:\n{}", done.stderr);
    }
    assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
}

/// `kepi` that can write no file beyond so many kilobytes: to it, the disk is full.
fn on_a_full_disk(project: &Project, arguments: &[String]) -> Command {
    let kepi = project.command();
    let mut shell = Command::new("sh");
    // A signal would say it otherwise; ignored, the write fails as it does on a full disk.
    shell
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\""])
        .arg(kepi.get_program())
        .args(arguments);
    shell.current_dir(project.path(".")).env_remove("KEPI_CONFIG").env("NO_COLOR", "1");
    shell
}

#[test]
fn a_full_disk_is_a_clear_error_and_loses_nothing() {
    let project = with_table("table.csv", TABLE);
    let mut long = String::from("date,followers\n");
    let first: jiff::civil::Date = "2020-01-01".parse().expect("a date");
    for (n, day) in first.series(jiff::Span::new().days(1)).take(600).enumerate() {
        long.push_str(&format!("{day},{}\n", n * 7919 % 100_003));
    }
    project.write("long.csv", &long);
    project.run(import(&project, "table.csv")).expect(0);
    assert_eq!(followers(&project), 2);

    let output = on_a_full_disk(&project, &import(&project, "long.csv")).output().expect("sh starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error:") && !said.contains("panicked"), "{said}");
    assert_eq!(followers(&project), 2, "what was there is there, and nothing else");

    project.run(import(&project, "long.csv")).expect(0);
    assert_eq!(followers(&project), 602);
    let pages = project.query("select stream from pages");
    assert_eq!(pages.len(), 2, "each file stands once");
}

#[test]
fn a_table_without_a_zone_is_in_the_accounts_zone() {
    let project = with_table("times.csv", "at,followers\n2026-09-01 23:30,100\n");
    project.write(
        "kepi.toml",
        "[project]\nname = \"A\"\n[[account]]\nid = \"x/demo\"\nzone = \"America/New_York\"\n",
    );
    let map = MAP.replace("[day]", "[at]").replace("date", "at").replace("%Y-%m-%d", "%Y-%m-%d %H:%M");
    project.write("map.toml", &map);
    project.run(import(&project, "times.csv")).expect(0);
    let rows = project.query("select at, day from account_facts where current");
    assert_eq!(rows[0]["at"], "2026-09-02T03:30:00Z");
    assert_eq!(rows[0]["day"], "2026-09-01");
}

fn send_term(child: &std::process::Child) {
    let done = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill starts");
    assert!(done.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_stop_the_page_in_hand_is_finished() {
    let now = Timestamp::now();
    let simulated = Simulated::start(x_world(1, 3000, now), now).await;
    // The first page of the timeline is under way while the signal comes.
    let faults = simulated.simulator.faults("x").expect("X is simulated");
    faults.add(FaultRule::once(Fault::SlowBody(Duration::from_millis(1500))).at("/tweets"));
    let mut command = simulated.command();
    let child =
        command.arg("ingest").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("kepi starts");
    let asked = |stats: &Stats| stats.calls.keys().any(|path| path.ends_with("/tweets"));
    simulated.simulator.until("x", asked).await.expect("X is simulated");
    send_term(&child);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("cancelled"), "{said}");

    let pages = simulated
        .project
        .query("select sequence, next_cursor from pages where endpoint = 'timeline' order by 1");
    assert_eq!(pages.len(), 1, "the page in hand is kept");
    assert!(!pages[0]["next_cursor"].is_null(), "and where it goes on: {pages:?}");
    let again = simulated.command().arg("ingest").output().expect("kepi starts");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    let twice =
        simulated.project.query("select job, cursor from pages group by job, cursor having count(*) > 1");
    assert!(twice.is_empty(), "no page is asked for twice: {twice:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedule_stops_when_asked() {
    let now = Timestamp::now();
    let simulated = Simulated::start(x_world(1, 100, now), now).await;
    let text = std::fs::read_to_string(simulated.project.path("kepi.toml")).expect("a configuration");
    let job = "\n[[job]]\nname = \"morning\"\ncron = \"0 6 * * *\"\n";
    simulated.project.write("kepi.toml", &format!("{text}{job}"));
    let mut command = simulated.command();
    let mut child =
        command.arg("run").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("kepi starts");
    // It has said that it runs: its signals are heard from then on.
    let mut said = std::io::BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).expect("a line");
    assert!(line.contains("1 job;"), "{line}");
    send_term(&child);
    let status = child.wait().expect("it ends");
    assert!(status.success(), "{status:?}");
}

/// No account is in two hands, also where they are two processes: one that is killed has nothing in hand any more.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_in_the_hands_of_another_process_are_left_alone_or_waited_for() {
    let now = Timestamp::now();
    let simulated = Simulated::start(x_world(1, 50, now), now).await;
    // The run that has the account hangs in the middle of its first answer.
    let faults = simulated.simulator.faults("x").expect("X is simulated");
    faults.add(FaultRule::once(Fault::SlowBody(Duration::from_secs(60))).at("/tweets"));
    let ingest = |arguments: &[&str]| {
        let mut command = simulated.command();
        command.arg("ingest").args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    };
    let mut first = ingest(&[]).spawn().expect("kepi starts");
    let asked = |stats: &Stats| stats.calls.keys().any(|path| path.ends_with("/tweets"));
    simulated.simulator.until("x", asked).await.expect("X is simulated");
    let calls = || simulated.simulator.stats("x").expect("X is simulated").calls;
    let before = calls();

    let refused = ingest(&[]).output().expect("kepi starts");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for told in ["error: another run by hand has ", " in hand", "hint: ", "--wait"] {
        assert!(said.contains(told), "{told:?} is not told:\n{said}");
    }
    assert_eq!(calls(), before, "nothing was asked for");

    let mut second = ingest(&["--wait"]).spawn().expect("kepi starts");
    let mut said = std::io::BufReader::new(second.stderr.take().expect("piped"));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).expect("a line");
    assert!(line.starts_with("waiting: another run by hand has "), "{line}");
    send_term(&second);
    assert_eq!(second.wait().expect("it ends").code(), Some(1));
    assert_eq!(calls(), before, "nothing was asked for");

    first.kill().expect("it is killed");
    first.wait().expect("it ends");
    let third = ingest(&[]).output().expect("kepi starts");
    assert!(third.status.success(), "{}", String::from_utf8_lossy(&third.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_own_id_need_not_be_written() {
    let now = Timestamp::now();
    let simulated = Simulated::start(x_world(2, 100, now), now).await;
    let text = std::fs::read_to_string(simulated.project.path("kepi.toml")).expect("a configuration");
    // Of a website nobody but its owner knows the property.
    let mut platform = "";
    let without: Vec<&str> = text
        .lines()
        .filter(|line| {
            platform = line.strip_prefix("id = \"").and_then(|id| id.split('/').next()).unwrap_or(platform);
            platform != "x" || !line.starts_with("platform_id")
        })
        .collect();
    simulated.project.write("kepi.toml", &without.join("\n"));
    let output = simulated.command().arg("ingest").output().expect("kepi starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let posts = simulated.project.query("select distinct account from posts where current");
    assert_eq!(posts.len(), 2, "timelines are asked for by the ids that the profiles told");
}
