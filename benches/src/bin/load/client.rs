//! The least HTTP/1.1 client that measures: one connection, one request at a time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest wait for an answer.
const WAIT: Duration = Duration::from_secs(30);

/// Times in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    pub(crate) us: Vec<u64>,
}

impl Latencies {
    pub(crate) fn note(&mut self, took: Duration) {
        self.us.push(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.us.extend(other.us);
    }
}

/// A connection that is opened again when it breaks.
pub(crate) struct Client {
    to: SocketAddr,
    key: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn new(to: SocketAddr, key: &str) -> Self {
        Self { to, key: key.to_owned(), stream: None, buffer: Vec::new() }
    }

    /// One request; status, body and how long it took.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<(u16, String, Duration), String> {
        let began = Instant::now();
        let answered = tokio::time::timeout(WAIT, self.exchange(method, path, body)).await;
        match answered {
            Ok(Ok((status, body))) => Ok((status, body, began.elapsed())),
            Ok(Err(err)) => {
                self.stream = None;
                Err(format!("{path}: {err}"))
            }
            Err(_) => {
                self.stream = None;
                Err(format!("{path}: no answer within {} s", WAIT.as_secs()))
            }
        }
    }

    async fn exchange(&mut self, method: &str, path: &str, body: &str) -> std::io::Result<(u16, String)> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.to).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
            self.buffer.clear();
        }
        let stream = self.stream.as_mut().ok_or(std::io::ErrorKind::NotConnected)?;
        let bearer = if self.key.is_empty() {
            String::new()
        } else {
            format!("authorization: Bearer {}\r\n", self.key)
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: bench\r\n{bearer}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        let end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at;
            }
            fill(stream, &mut self.buffer).await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
        self.buffer.drain(..end + 4);
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        let field = |name: &str| head.lines().find_map(|l| l.strip_prefix(name).map(|v| v.trim().to_owned()));
        let body = if let Some(length) = field("content-length:").and_then(|l| l.parse::<usize>().ok()) {
            while self.buffer.len() < length {
                fill(stream, &mut self.buffer).await?;
            }
            self.buffer.drain(..length).collect()
        } else if field("transfer-encoding:").is_some() {
            chunks(stream, &mut self.buffer).await?
        } else {
            Vec::new()
        };
        if field("connection:").is_some_and(|c| c == "close") {
            self.stream = None;
        }
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

async fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<()> {
    if stream.read_buf(buffer).await? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

async fn chunks(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = find(buffer, b"\r\n") {
                break at;
            }
            fill(stream, buffer).await?;
        };
        let size = usize::from_str_radix(String::from_utf8_lossy(&buffer[..end]).trim(), 16)
            .map_err(std::io::Error::other)?;
        while buffer.len() < end + 2 + size + 2 {
            fill(stream, buffer).await?;
        }
        body.extend_from_slice(&buffer[end + 2..end + 2 + size]);
        buffer.drain(..end + 2 + size + 2);
        if size == 0 {
            return Ok(body);
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}
