//! `kepi auth` and `kepi check --online` over all platforms: a person consents once, and nothing secret is told.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Stdio},
};

use jiff::Timestamp;
use kepi_core::{AccountId, TokenFlow};
use kepi_simulator::{Network, SimulatorConfig, World};
use serde_json::{Value, json};

use crate::simulated::{self, Simulated};

/// A project whose accounts name their app only: nobody has consented yet.
async fn without_consent(settings: fn(&str, &World) -> Value) -> Simulated {
    let now = Timestamp::now();
    let world = simulated::world(1, 60, now);
    let simulated = Simulated::start_with(world, now, SimulatorConfig::default(), settings).await;
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

/// The address that a person is sent to: the platform is where the settings say, and so is its page.
fn page_of(child: &mut Child, url: &str) -> (BufReader<std::process::ChildStdout>, String) {
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut address = String::new();
    stdout.read_line(&mut address).expect("an address");
    assert!(address.starts_with(&format!("{url}/")), "{address:?} is not at {url}");
    (stdout, address.trim().to_owned())
}

/// A person opens the page, agrees, and comes back to kepi.
fn agree(simulated: &Simulated, account: &AccountId, kind: &str) {
    let url = simulated.simulator.url(account.platform_name()).expect("simulated").to_owned();
    simulated.simulator.sign_in(account).expect("a person of this world");
    let mut child = start(simulated, &[account.as_str(), "--kind", kind, "--port", "0"]);
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
async fn every_kind_of_token_is_consented_to_on_loopback() {
    let simulated = without_consent(simulated::everything).await;
    let accounts = simulated.accounts();
    let mut tried = BTreeSet::new();
    for (account, has) in &accounts {
        for (kind, by_person) in kinds(&simulated, account, has) {
            tried.insert(format!("{} {kind}", account.platform_name()));
            if by_person {
                agree(&simulated, account, kind);
                continue;
            }
            let (code, said) = end(start(&simulated, &[account.as_str(), "--kind", kind]), None);
            assert_eq!(code, Some(0), "{account} {kind}: {said}");
        }
    }
    let all = simulated.platforms().flat_map(|platform| {
        let tokens = simulated.adapter(platform).descriptor().tokens;
        tokens.iter().map(move |kind| format!("{platform} {}", kind.name))
    });
    assert_eq!(tried, all.collect());
    only_the_owner_reads(&simulated.project.path(".kepi/tokens"));
    all_credentials_work(&simulated);
}

/// The page of Facebook Login is another than that of Instagram Login, and its tokens are bought elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn the_other_login_of_instagram_is_consented_to() {
    let facebook = |platform: &str, world: &World| match platform {
        "instagram" => json!({ "login": "facebook" }),
        _ => simulated::defaults(platform, world),
    };
    let simulated = without_consent(facebook).await;
    let account = simulated.world().accounts_of(Network::Instagram).next().expect("one").id.clone();
    agree(&simulated, &account, "user");
    let output = simulated.command().args(["check", "--online", "--format", "csv"]).output();
    let said = String::from_utf8_lossy(&output.expect("kepi starts").stdout).into_owned();
    assert!(works(&said, &account), "{said}");
}

/// What was consented to works: every credential, with the calls that its platform's check may take.
fn all_credentials_work(simulated: &Simulated) {
    let output =
        simulated.command().args(["check", "--online", "--format", "csv"]).output().expect("kepi starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for (account, _) in &simulated.accounts() {
        assert!(works(&said, account), "{said}");
    }
}

fn works(said: &str, account: &AccountId) -> bool {
    said.lines().any(|line| line.starts_with(account.as_str()) && line.contains(",ok,"))
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
    let simulated = without_consent(simulated::defaults).await;
    let account = simulated.world().accounts_of(Network::Linkedin).next().expect("one").id.clone();
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
    let account = simulated.world().accounts_of(Network::Linkedin).next().expect("one").id.clone();
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
