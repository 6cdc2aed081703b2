//! How many posts a second the simulated X serves: `cargo run --release --example serving -- ACCOUNTS POSTS`.
#![expect(clippy::print_stdout, reason = "a measurement for people")]

use std::{io, time::Instant};

use kepi_simulator::{Network, Simulator, SimulatorConfig, World, WorldConfig};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

const CONNECTIONS: usize = 8;
const QUERY: &str = "max_results=100&tweet.fields=created_at,public_metrics,attachments&\
                     expansions=attachments.media_keys&media.fields=type,public_metrics";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u32>());
    let accounts = arguments.next().transpose()?.unwrap_or(1000);
    let posts = arguments.next().transpose()?.unwrap_or(100);
    let config = SimulatorConfig { enforce_limits: false, ..SimulatorConfig::default() };
    let simulator = Simulator::start(World::new(WorldConfig::bench(accounts, posts)), config).await?;
    let host = simulator.url("x").unwrap_or_default().trim_start_matches("http://").to_owned();
    let accounts_of_x = simulator.world().accounts_of(Network::X);
    let owners: Vec<(String, String)> = accounts_of_x
        .map(|profile| Ok((profile.platform_id.to_string(), simulator.user_token(&profile.id)?)))
        .collect::<kepi_core::Result<_>>()?;
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for part in owners.chunks(owners.len().div_ceil(CONNECTIONS)) {
        callers.spawn(ask_all(host.clone(), part.to_vec()));
    }
    let mut bytes = 0;
    while let Some(done) = callers.join_next().await {
        bytes += done??;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let served = f64::from(accounts) * f64::from(posts.min(100));
    println!("{accounts} timelines of {posts} posts, {} MB: {seconds:.2} s", bytes / 1_000_000);
    println!("{:.0} calls/s, {:.0} posts/s", f64::from(accounts) / seconds, served / seconds);
    simulator.shutdown().await;
    Ok(())
}

/// One connection, one timeline after the other; gives the bytes read.
async fn ask_all(host: String, owners: Vec<(String, String)>) -> io::Result<usize> {
    let mut stream = TcpStream::connect(&host).await?;
    stream.set_nodelay(true)?;
    let mut total = 0;
    for (id, token) in owners {
        let head = format!(
            "GET /2/users/{id}/tweets?{QUERY} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        total += read_answer(&mut stream).await?;
    }
    Ok(total)
}

/// Reads one answer by its `content-length`.
async fn read_answer(stream: &mut TcpStream) -> io::Result<usize> {
    let mut answer = Vec::with_capacity(1 << 16);
    let mut wanted = None;
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if wanted.is_none()
            && let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            wanted = Some(end + 4 + length.unwrap_or(0));
        }
        if wanted.is_some_and(|wanted| answer.len() >= wanted) {
            return Ok(answer.len());
        }
    }
}
