//! `kepi auth` and `kepi check --online` over all platforms: a person consents once, and nothing secret is told.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Stdio},
};

use jiff::Timestamp;
use kepi_core::{AccountId, TokenFlow};

use crate::simulated::{self, Simulated};

/// A project whose accounts name their app only: nobody has consented yet.
async fn without_consent() -> Simulated {
    let now = Timestamp::now();
    let simulated = Simulated::start(simulated::world(1, 60, now), now).await;
    let text = std::fs::read_to_string(simulated.project.path("kepi.toml")).expect("a configuration");
    let lines: Vec<String> = text
        .lines()
        .map(|line| without(without(line.to_owned(), "refresh_token_env"), "token_env"))
        .collect();
    simulated.project.write("kepi.toml", &lines.join("\n"));
    simulated
}

/// A line of TOML without a key of its inline table.
fn without(line: String, key: &str) -> String {
    let Some(start) = line.find(&format!("{key} = ")) else { return line };
    let end = line[start..].find([',', '}']).map_or(line.len(), |at| start + at);
    let (before, after) =
        (line[..start].trim_end().trim_end_matches(','), line[end..].trim_start_matches(','));
    if before.ends_with('{') {
        format!("{before}{after}")
    } else {
        format!("{before} {}", after.trim_start())
    }
    .replace("  ", " ")
}

fn start(simulated: &Simulated, arguments: &[&str]) -> Child {
    let mut command = simulated.command();
    command.arg("auth").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("kepi starts")
}

/// The address that a person is sent to, at the simulated platform: a browser whose names lead to loopback.
fn page_of(child: &mut Child, url: &str) -> (BufReader<std::process::ChildStdout>, String) {
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut address = String::new();
    stdout.read_line(&mut address).expect("an address");
    let path = address.trim().splitn(4, '/').nth(3).map(|rest| format!("{url}/{rest}"));
    (stdout, path.unwrap_or_else(|| panic!("no address in {address:?}")))
}

/// Asks for a page as a browser does, and says where it was sent.
fn visit(address: &str) -> (String, Option<String>) {
    let rest = address.strip_prefix("http://").expect("loopback");
    let (host, path) = rest.split_once('/').expect("a path");
    let mut stream = std::net::TcpStream::connect(host).expect("it listens");
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let location = answer.lines().find_map(|line| {
        line.to_ascii_lowercase().starts_with("location:").then(|| line[9..].trim().to_owned())
    });
    (answer, location)
}

/// The kinds of token that an account has, and whether a person consents to them.
fn kinds(simulated: &Simulated, account: &AccountId, has: &[String]) -> Vec<(&'static str, bool)> {
    let tokens = simulated.adapter(account.platform_name()).descriptor().tokens;
    let by_person = |flow| matches!(flow, TokenFlow::AuthorizationCode { .. });
    let has = tokens.iter().filter(|kind| has.iter().any(|name| name == kind.name));
    has.map(|kind| (kind.name, by_person(kind.flow))).collect()
}

fn end(mut child: Child, mut stdout: Option<BufReader<std::process::ChildStdout>>) -> (Option<i32>, String) {
    let mut said = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
    if let Some(stdout) = &mut stdout {
        stdout.read_to_string(&mut said).expect("text");
    }
    (child.wait().expect("it ends").code(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_platform_is_consented_to_on_loopback() {
    let simulated = without_consent().await;
    let accounts = simulated.accounts();
    for (account, has) in &accounts {
        let platform = account.platform_name();
        let url = simulated.simulator.url(platform).expect("simulated").to_owned();
        simulated.simulator.sign_in(account).expect("a person of this world");
        for (kind, by_person) in kinds(&simulated, account, has) {
            let mut child = start(&simulated, &[account.as_str(), "--kind", kind, "--port", "0"]);
            if !by_person {
                let (code, said) = end(child, None);
                assert_eq!(code, Some(0), "{account} {kind}: {said}");
                continue;
            }
            let (stdout, page) = page_of(&mut child, &url);
            let (answer, back) = visit(&page);
            let back = back.unwrap_or_else(|| panic!("{account} {kind}: {page} leads nowhere: {answer}"));
            // Someone else knocks first, with an answer that is not of this consent.
            let (foreign, _) = back.split_once('?').expect("a query");
            assert!(visit(&format!("{foreign}?code=stolen&state=other")).0.starts_with("HTTP/1.1 400"));
            let (answer, _) = visit(&back);
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            let (code, said) = end(child, Some(stdout));
            assert_eq!(code, Some(0), "{account} {kind}: {said}");
            for secret in simulated.secret_values() {
                assert!(!said.contains(secret), "{account} {kind}: a secret was said");
            }
            assert!(!said.contains("code="), "{said}");
        }
    }
    only_the_owner_reads(&simulated.project.path(".kepi/tokens"));

    // What was consented to works: every credential, with the calls that its platform's check may take.
    let output =
        simulated.command().args(["check", "--online", "--format", "csv"]).output().expect("kepi starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for (account, _) in &accounts {
        assert!(
            said.lines().any(|line| line.starts_with(account.as_str()) && line.contains(",ok,")),
            "{said}"
        );
    }
}

#[cfg(unix)]
fn only_the_owner_reads(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("tokens were stored") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} may be read by others", entry.path().display());
        files += 1;
    }
    assert!(files > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_can_be_pasted_and_a_refusal_is_said() {
    let simulated = without_consent().await;
    let account =
        simulated.world().accounts_of(kepi_simulator::Network::Linkedin).next().expect("one").id.clone();
    let url = simulated.simulator.url("linkedin").expect("simulated").to_owned();
    simulated.simulator.sign_in(&account).expect("a person of this world");
    let arguments = [account.as_str(), "--kind", "admin", "--redirect-uri", "https://brand.example/back"];

    let mut child = start(&simulated, &arguments);
    let (stdout, page) = page_of(&mut child, &url);
    let back = visit(&page).1.expect("it leads back");
    writeln!(child.stdin.take().expect("piped"), "{back}").expect("pasted");
    let (code, said) = end(child, Some(stdout));
    assert_eq!(code, Some(0), "{said}");

    let mut child = start(&simulated, &arguments);
    let (stdout, _) = page_of(&mut child, &url);
    writeln!(child.stdin.take().expect("piped"), "{back}").expect("pasted");
    let (code, said) = end(child, Some(stdout));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another consent") && said.contains("hint:"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_does_not_work_is_a_row_and_the_others_are_tried() {
    let now = Timestamp::now();
    let simulated = Simulated::start(simulated::world(1, 60, now), now).await;
    let account =
        simulated.world().accounts_of(kepi_simulator::Network::Linkedin).next().expect("one").id.clone();
    simulated.simulator.revoke(&account).expect("a person of this world");
    let before = simulated.simulator.stats("linkedin").expect("simulated").total_calls();
    let output =
        simulated.command().args(["check", "--online", "--format", "csv"]).output().expect("kepi starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let row = said.lines().find(|line| line.starts_with("linkedin/")).expect("a row");
    assert!(!row.contains(",ok,"), "{row}");
    assert!(said.lines().any(|line| line.starts_with("x/") && line.contains(",ok,")), "{said}");
    let spent = simulated.simulator.stats("linkedin").expect("simulated").total_calls() - before;
    let most = u64::from(simulated.adapter("linkedin").descriptor().check_calls);
    assert!(spent <= most + 1, "{spent} calls, a renewal counted");
}
