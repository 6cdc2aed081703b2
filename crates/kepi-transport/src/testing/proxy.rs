//! A TCP proxy on loopback that breaks what passes through it.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing: bytes pass as they are.
    None,
    /// It is closed after so many bytes of the answer.
    TruncateAfter(usize),
    /// It is reset after so many bytes of the answer.
    ResetAfter(usize),
    /// After so many bytes of the answer nothing more comes, and it stays open.
    StallAfter(usize),
    /// The other side answers with bytes that are no protocol at all.
    Garbage,
}

/// The proxy. It ends when it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    connections: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl FaultProxy {
    /// Passes connections on to `upstream`; the mishap of each is chosen by its number, from 0.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(
        upstream: SocketAddr,
        mishap: impl Fn(u64) -> Mishap + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mishap = mishap(counter.fetch_add(1, Ordering::SeqCst));
                // A connection that breaks is what this is for.
                tokio::spawn(async move { drop(pass(client, upstream, mishap).await) });
            }
        });
        Ok(Self { address, connections, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections came.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(mut client: TcpStream, upstream: SocketAddr, mishap: Mishap) -> io::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    let limit = match mishap {
        Mishap::None => {
            tokio::io::copy_bidirectional(&mut client, &mut server).await?;
            return Ok(());
        }
        Mishap::Garbage => {
            exchange(&mut client, &mut server, 0).await?;
            client.write_all(b"\x00\x01garbage\r\n\r\n").await?;
            return client.shutdown().await;
        }
        Mishap::TruncateAfter(limit) | Mishap::ResetAfter(limit) | Mishap::StallAfter(limit) => limit,
    };
    if !exchange(&mut client, &mut server, limit).await? {
        return Ok(());
    }
    match mishap {
        // Closing with a linger of zero sends a reset.
        Mishap::ResetAfter(_) => client.set_zero_linger(),
        Mishap::StallAfter(_) => std::future::pending().await,
        _ => client.shutdown().await,
    }
}

/// Passes what is asked on, and so many bytes of the answer back. Nothing breaks before the other side has begun to
/// answer: what it was asked to do, it has done. `false` when the client went away before.
async fn exchange(client: &mut TcpStream, server: &mut TcpStream, limit: usize) -> io::Result<bool> {
    let (mut asking, mut told) = client.split();
    let (mut answering, mut asked) = server.split();
    let answer = async {
        let mut bytes = vec![0; 64 * 1024];
        let mut left = limit;
        loop {
            let length = answering.read(&mut bytes).await?;
            let passed = length.min(left);
            told.write_all(bytes.get(..passed).unwrap_or_default()).await?;
            left -= passed;
            if length == 0 || left == 0 {
                return told.flush().await;
            }
        }
    };
    tokio::select! {
        answered = answer => answered.map(|()| true),
        gone = tokio::io::copy(&mut asking, &mut asked) => gone.map(|_| false),
    }
}
