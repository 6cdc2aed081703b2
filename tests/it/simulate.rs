//! `kepi simulate`: the platforms are served, asked by `kepi` itself, broken, mended, and ended.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Stdio},
};

use serde_json::Value;

use crate::project::{Done, Project};

/// A running `kepi simulate`, and where what answers. It is ended with the test, whatever becomes of that.
struct Served {
    child: Option<Child>,
    urls: BTreeMap<String, String>,
}

impl Served {
    fn start(project: &Project, arguments: &[&str]) -> Self {
        let mut command = project.command();
        command.arg("simulate").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("kepi starts");
        let lines = BufReader::new(child.stdout.as_mut().expect("piped")).lines();
        let mut urls = BTreeMap::new();
        for line in lines {
            let line = line.expect("text");
            let (name, url) = line.split_once(' ').expect("a name and an address");
            urls.insert(name.to_owned(), url.trim().to_owned());
            if name == "control" {
                return Self { child: Some(child), urls };
            }
        }
        panic!("it ended: {}", rest(child).stderr);
    }

    /// What the control port answers.
    fn control(&self, method: &str, path: &str, body: &str) -> String {
        let host = self.urls["control"].strip_prefix("http://").expect("loopback");
        let mut stream = TcpStream::connect(host).expect("it listens");
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
    }

    /// Ends it as a service is ended.
    fn end(mut self) -> Done {
        let child = self.child.take().expect("it runs");
        let id = child.id().to_string();
        let sent = std::process::Command::new("kill").args(["-TERM", &id]).status().expect("kill is there");
        assert!(sent.success());
        rest(child)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended by itself.
            let _ = child.kill();
        }
    }
}

fn rest(child: Child) -> Done {
    let output = child.wait_with_output().expect("it ends");
    Done {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// `kepi` with the project that was written.
fn kepi(project: &Project, dir: &Path, arguments: &[&str]) -> Done {
    let mut command = project.command();
    command.env("KEPI_CONFIG", dir.join("kepi.toml")).args(arguments);
    rest(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("kepi starts"))
}

#[test]
fn served_platforms_are_broken_and_mended_while_they_are_asked() {
    let project = Project::new();
    let dir = project.path("playground");
    let place = dir.display().to_string();
    let served = Served::start(&project, &["--dir", &place, "--fault", "x:changed-shape,at=/2/users"]);
    assert_eq!(served.urls.len(), 9, "{:?}", served.urls);

    let done = kepi(&project, &dir, &["ingest", "--platform", "x"]);
    assert!(done.code != 0, "{}{}", done.stdout, done.stderr);
    let words = served.control("DELETE", "/faults", "");
    assert_eq!(words, "no faults at all\n");
    let done = kepi(&project, &dir, &["ingest", "--platform", "x"]).expect(0);
    assert!(!done.stderr.contains("error"), "{}", done.stderr);
    let posts = kepi(&project, &dir, &["query", "--format", "json", "select count(*) as n from posts"]);
    assert!(posts.expect(0).json()[0]["n"].as_i64().is_some_and(|posts| posts > 10));

    let calls: Value = serde_json::from_str(&served.control("GET", "/calls", "")).expect("JSON");
    let asked = calls["x"]["calls"].as_object().expect("an object");
    assert!(asked.keys().any(|path| path.starts_with("/2/users")), "{calls}");
    assert_eq!(calls["weibo"]["calls"], Value::Object(serde_json::Map::new()), "{calls}");

    let ended = served.end().expect(0);
    assert!(ended.stderr.contains("x: changed-shape at /2/users"), "{}", ended.stderr);
    assert!(ended.stderr.contains("have ended"), "{}", ended.stderr);
}

#[test]
fn a_project_is_served_again_where_it_was_and_nowhere_else() {
    let project = Project::new();
    let dir = project.path("playground");
    let place = dir.display().to_string();
    let first = free_ports(9);
    let port = first.to_string();
    let again: &[&str] = &["--dir", &place, "--port", &port, "--since", "2026-01-01"];
    let works = || {
        let said = kepi(&project, &dir, &["check", "--online", "--format", "csv"]).expect(0).stdout;
        assert!(said.lines().any(|line| line.starts_with("xiaohongshu/") && line.contains(",ok,")), "{said}");
    };

    let served = Served::start(&project, again);
    assert_eq!(served.urls["x"], format!("http://127.0.0.1:{first}"));
    works();
    served.end().expect(0);
    let text = std::fs::read_to_string(dir.join("kepi.toml")).expect("a configuration");

    // Tokens were renewed meanwhile, which the next simulator knows nothing of.
    let served = Served::start(&project, again);
    works();
    served.end().expect(0);
    assert_eq!(std::fs::read_to_string(dir.join("kepi.toml")).expect("a configuration"), text);

    for (arguments, words) in [
        (["--since", "2026-01-01", "--seed", "7"], "other addresses"),
        (["--since", "2026-01-01", "--seed", "8"], "begin with `kepi simulate --seed 7 --since 2026-01-01`"),
    ] {
        let refused = project.run(["simulate", "--dir", &place].iter().chain(&arguments)).expect(2);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}

/// The first of so many ports, one after the other, that nobody listens on now. They are below those that the system
/// gives to others meanwhile, and each process looks from a place of its own.
fn free_ports(count: u16) -> u16 {
    let free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    let blocks = 10_000 / count;
    let own = u16::try_from(std::process::id() % u32::from(blocks)).expect("few blocks");
    let mut firsts = (0..blocks).map(|block| 20_000 + (own + block) % blocks * count);
    firsts.find(|first| (*first..first + count).all(free)).expect("free ports")
}

#[test]
fn sections_are_printed_where_no_folder_is_named() {
    let project = Project::new();
    let mut command = project.command();
    let mut child =
        command.arg("simulate").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("kepi starts");
    let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
    assert!(said.any(|line| line.is_ok_and(|line| line.contains("curl -X DELETE"))));
    let sent = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    said.for_each(drop);
    let done = rest(child).expect(0);

    // What is printed is a configuration; its secrets are gone with the platforms.
    let text = format!("[project]\nname = \"Own\"\nkpis = [\"kpis/*.toml\"]\n{}", done.stdout);
    assert!(text.contains("[platform.weibo]") && text.contains("# control: http://127.0.0.1:"), "{text}");
    project.write("kepi.toml", &text);
    project.run(["check"]).expect(0);
    let named: Vec<&str> = text.split('"').filter(|part| part.contains("/.kepi/secrets/")).collect();
    assert!(!named.is_empty() && !named.iter().any(|file| Path::new(file).exists()), "{named:?}");
}
