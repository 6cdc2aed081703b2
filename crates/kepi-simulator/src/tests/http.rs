//! A caller in twenty lines: one request, one connection.

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{Simulator, SimulatorConfig, World, WorldConfig};

/// What came back, as bytes and as text.
pub(super) struct Reply {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(super) fn number(&self, name: &str) -> i64 {
        self.header(name).and_then(|value| value.parse().ok()).unwrap_or(-1)
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{error} in {}", String::from_utf8_lossy(&self.body));
        })
    }
}

/// A request: `GET` unless there is a body.
#[derive(Default)]
pub(super) struct Ask<'a> {
    pub(super) token: Option<&'a str>,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: Option<&'a str>,
}

/// Sends a request and reads to the end; `None` when the connection broke before the answer.
pub(super) async fn send(url: &str, path: &str, ask: Ask<'_>) -> Option<Reply> {
    let method = if ask.body.is_some() { "POST" } else { "GET" };
    send_as(method, url, path, ask).await
}

/// The same, with a method of its own.
pub(super) async fn send_as(method: &str, url: &str, path: &str, ask: Ask<'_>) -> Option<Reply> {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in ask.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(token) = ask.token {
        text.push_str(&format!("authorization: Bearer {token}\r\n"));
    }
    let body = ask.body.unwrap_or_default();
    text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A broken connection is what some tests wait for.
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Reply { status, head, body: answer[end + 4..].to_vec() })
}

/// A platform of a running simulator.
pub(super) struct Caller {
    pub(super) simulator: Simulator,
    platform: &'static str,
}

impl Caller {
    pub(super) async fn new(platform: &'static str, config: SimulatorConfig) -> Self {
        let world = World::new(WorldConfig { posts_per_account: 120, ..WorldConfig::demo() });
        Self { simulator: Simulator::start(world, config).await.unwrap(), platform }
    }

    pub(super) fn url(&self) -> &str {
        self.simulator.url(self.platform).unwrap()
    }

    pub(super) async fn get(&self, path: &str, token: &str) -> Reply {
        send(self.url(), path, Ask { token: Some(token), ..Ask::default() }).await.unwrap()
    }

    pub(super) async fn json(&self, path: &str, token: &str) -> Value {
        let reply = self.get(path, token).await;
        assert_eq!(reply.status, 200, "{path}: {}", String::from_utf8_lossy(&reply.body));
        reply.json()
    }

    pub(super) fn stats(&self) -> crate::Stats {
        self.simulator.stats(self.platform).unwrap()
    }
}
