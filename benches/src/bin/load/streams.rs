//! Clients of the live stream: those that read, and those that never do.

use crate::client::Latencies;
use crate::daemon::Daemon;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// When each order was acknowledged to its writer.
#[derive(Clone, Default)]
pub(crate) struct Committed(Arc<Mutex<HashMap<String, Instant>>>);

impl Committed {
    pub(crate) fn note(&self, id: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Instant::now());
    }

    fn at(&self, id: &str) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }
}

/// Clients that read.
pub(crate) struct Listening {
    pub(crate) committed: Committed,
    clients: JoinSet<Vec<(String, Instant)>>,
    end: watch::Sender<bool>,
}

async fn open(daemon: &Daemon, query: &str) -> Result<TcpStream, String> {
    let mut stream = TcpStream::connect(daemon.http).await.map_err(|e| format!("a stream: {e}"))?;
    let request = format!(
        "GET /api/v1/events{query} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {}\r\naccept: text/event-stream\r\n\r\n",
        daemon.key
    );
    stream.write_all(request.as_bytes()).await.map_err(|e| format!("a stream: {e}"))?;
    Ok(stream)
}

/// Opens so many clients. One in ten follows everything, positions too; the others follow orders.
pub(crate) async fn listen(daemon: &Daemon, many: usize) -> Result<Listening, String> {
    let (end, ended) = watch::channel(false);
    let mut clients = JoinSet::new();
    for n in 0..many {
        let stream = open(daemon, if n % 10 == 0 { "" } else { "?kinds=OrderPlaced" }).await?;
        let mut ended = ended.clone();
        clients.spawn(async move {
            let mut heard = Vec::new();
            let mut lines = BufReader::new(stream).lines();
            loop {
                let line = tokio::select! {
                    line = lines.next_line() => line,
                    _ = ended.wait_for(|e| *e) => return heard,
                };
                let Ok(Some(line)) = line else { return heard };
                if !line.starts_with("data:") || !line.contains("\"OrderPlaced\"") {
                    continue;
                }
                let id = line.split("\"order\":\"").nth(1).and_then(|r| r.split('"').next());
                if let Some(id) = id {
                    heard.push((id.to_owned(), Instant::now()));
                }
            }
        });
    }
    Ok(Listening { committed: Committed::default(), clients, end })
}

impl Listening {
    /// Lets the last messages come, and gives the time from each acknowledgement to each client.
    pub(crate) async fn end(mut self) -> Latencies {
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.end.send_replace(true);
        let mut times = Latencies::default();
        while let Some(heard) = self.clients.join_next().await {
            for (id, at) in heard.unwrap_or_default() {
                if let Some(committed) = self.committed.at(&id) {
                    times.note(at.saturating_duration_since(committed));
                }
            }
        }
        times
    }
}

/// Clients that never read.
pub(crate) struct Stalled {
    _held: Vec<TcpStream>,
}

/// Opens so many that follow everything and take nothing.
pub(crate) async fn stall(daemon: &Daemon, many: usize) -> Result<Stalled, String> {
    let mut held = Vec::new();
    for _ in 0..many {
        held.push(open(daemon, "").await?);
    }
    Ok(Stalled { _held: held })
}

impl Stalled {
    /// How many the daemon has cut, as it counts them.
    pub(crate) async fn cut(&self, daemon: &Daemon) -> u32 {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let cut = daemon.metric("xiangyun_streams_cut_total").await;
            let open = daemon.metric("xiangyun_streams ").await;
            let all = self._held.len() as u64;
            if cut >= all || open == 0 || Instant::now() > until {
                return cut.max(all.saturating_sub(open)).min(all) as u32;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}
