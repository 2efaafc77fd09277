//! People: those who read, those who write, and a crowd that asks for more than there is.

use crate::client::Latencies;
use crate::daemon::Daemon;
use crate::streams::Committed;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// What readers ask for in turn.
const READS: [&str; 5] = [
    "/api/v1/exceptions",
    "/api/v1/positions",
    "/api/v1/orders?limit=100",
    "/api/v1/kpi",
    "/api/v1/vehicles",
];
/// Orders placed, over all writers.
static PLACED: AtomicU64 = AtomicU64::new(0);

/// A new order under a name of its own.
fn order() -> (String, String) {
    let id = format!("B{}", PLACED.fetch_add(1, Ordering::Relaxed));
    let body = format!(
        r#"{{"id":"{id}","direction":"down","carrier":"ZTO","origin":"HUB","destination":"V410421107004","mass_g":900,"volume_cm3":4000,"promise":"2036-11-24T20:00:00+08:00"}}"#
    );
    (id, body)
}

/// So many readers, each so many requests a second.
pub(crate) async fn read(daemon: &Daemon, many: usize, each: f64, seconds: f64) -> Result<Latencies, String> {
    let mut readers = JoinSet::new();
    for n in 0..many {
        let mut client = daemon.client();
        readers.spawn(async move {
            let (began, mut times) = (Instant::now(), Latencies::default());
            let mut asked = n;
            while began.elapsed().as_secs_f64() < seconds {
                let (status, body, took) = client.ask("GET", READS[asked % READS.len()], "").await?;
                if status != 200 {
                    return Err(format!("{}: {status} {body}", READS[asked % READS.len()]));
                }
                times.note(took);
                asked += 1;
                tokio::time::sleep(Duration::from_secs_f64(1.0 / each).saturating_sub(took)).await;
            }
            Ok(times)
        });
    }
    gather(readers).await
}

/// So many writers, each so many orders a second; every commit is told to the streams' judge.
pub(crate) async fn write(
    daemon: &Daemon,
    many: usize,
    each: f64,
    seconds: f64,
    committed: &Committed,
) -> Result<Latencies, String> {
    let mut writers = JoinSet::new();
    for _ in 0..many {
        let (mut client, committed) = (daemon.client(), committed.clone());
        writers.spawn(async move {
            let (began, mut times) = (Instant::now(), Latencies::default());
            while began.elapsed().as_secs_f64() < seconds {
                let (id, body) = order();
                let (status, answer, took) = client.ask("POST", "/api/v1/orders", &body).await?;
                if status != 201 {
                    return Err(format!("/api/v1/orders: {status} {answer}"));
                }
                committed.note(id);
                times.note(took);
                tokio::time::sleep(Duration::from_secs_f64(1.0 / each).saturating_sub(took)).await;
            }
            Ok(times)
        });
    }
    gather(writers).await
}

async fn gather(mut all: JoinSet<Result<Latencies, String>>) -> Result<Latencies, String> {
    let mut times = Latencies::default();
    while let Some(one) = all.join_next().await {
        times.join(one.map_err(|e| e.to_string())??);
    }
    Ok(times)
}

/// What a crowd got.
#[derive(Default)]
pub(crate) struct Storm {
    pub(crate) done: Latencies,
    pub(crate) refused: Latencies,
    pub(crate) broken: u64,
}

/// How long who is refused waits before asking again.
const AGAIN: Duration = Duration::from_millis(200);

/// So many writers at once, each as fast as it is answered; who is refused waits a moment and asks again. All are connected
/// before the first asks for anything, and they are a crowd, not a drum: they begin one after the other within [`AGAIN`].
pub(crate) async fn storm(daemon: &Daemon, many: usize, seconds: f64) -> Result<Storm, String> {
    let mut crowd = JoinSet::new();
    let connected = Arc::new(Barrier::new(many));
    for n in 0..many {
        let (mut client, connected) = (daemon.client(), Arc::clone(&connected));
        crowd.spawn(async move {
            let (status, _, _) = client.ask("GET", "/healthz", "").await?;
            if status != 200 {
                return Err(format!("/healthz: {status}"));
            }
            connected.wait().await;
            let (began, mut got) = (Instant::now(), Storm::default());
            tokio::time::sleep(AGAIN.mul_f64(n as f64 / many as f64)).await;
            while began.elapsed().as_secs_f64() < seconds {
                let (_, body) = order();
                match client.ask("POST", "/api/v1/orders", &body).await {
                    Ok((201, _, took)) => got.done.note(took),
                    Ok((429 | 503, _, took)) => {
                        got.refused.note(took);
                        tokio::time::sleep(AGAIN).await;
                    }
                    Ok((status, answer, _)) => return Err(format!("/api/v1/orders: {status} {answer}")),
                    Err(_) => got.broken += 1,
                }
            }
            Ok(got)
        });
    }
    let mut sum = Storm::default();
    while let Some(one) = crowd.join_next().await {
        let one = one.map_err(|e| e.to_string())??;
        sum.done.join(one.done);
        sum.refused.join(one.refused);
        sum.broken += one.broken;
    }
    Ok(sum)
}
