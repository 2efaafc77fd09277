//! The gateway under load: durable acknowledgements, many links, and how soon a report can be asked for.

use super::report::{Report, at_permille};
use super::{Outcome, Server, folder, runtime};
use std::error::Error;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use xiangyun_telematics::gateway::load::{Flood, flood};
use xiangyun_telematics::gateway::{Clocks, Config, Gateway};
use xiangyun_telematics::segments::{Folder, NoSink, PositionLog};

/// Durable acknowledgements a second over 50 links, generator on the same machine: three rounds, each with a gateway
/// and a log of its own, of which the middle one by its p99 counts.
pub(crate) fn ack(out: &mut Report) -> Outcome {
    let setting = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let window = setting("WINDOW").unwrap_or(12) as usize;
    let seconds = setting("SECONDS").unwrap_or(5);
    let mut rounds = Vec::new();
    for _ in 0..3 {
        let dir = folder()?;
        let server = Server::start(dir.path(), None)?;
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let report = runtime(1)?.block_on(flood(&Flood {
            to: server.address,
            connections: 50,
            window,
            duration: Duration::from_secs(seconds),
            first_phone: 13_900_000_000,
            start_ms: now_ms - 5 * 86_400_000,
            per_second: None,
        }))?;
        let cpu_us = server.cpu()? * 1e6 / report.acknowledged as f64;
        let said = server.stop()?;
        println!("ack: {:.0}/s, p99 {} us, window {window}; {said}", report.per_second, report.p99_us);
        rounds.push((report, cpu_us));
    }
    rounds.sort_by_key(|(report, _)| report.p99_us);
    let (report, cpu_us) = &rounds[1];
    let row = "durable before acknowledged, 50 links";
    out.at_least(row, "messages", report.per_second, 150_000.0, "/s");
    out.note(row, "p50", report.p50_us as f64 / 1e3, "ms");
    out.below(row, "p99", report.p99_us as f64 / 1e3, 10.0, "ms");
    out.note(row, "gateway processor time a message", *cpu_us, "us");
    Ok(())
}

/// 15,000 links, their memory, and their return after a restart.
pub(crate) fn connections(out: &mut Report) -> Outcome {
    const LINKS: u64 = 15_000;
    let dir = folder()?;
    let server = Server::start(dir.path(), None)?;
    let runtime = runtime(1)?;
    // One report first, so that what every gateway needs once is there.
    runtime.block_on(open_links(server.address, 1, 0))?;
    std::thread::sleep(Duration::from_millis(500));
    let before = server.resident()?;
    let links = runtime.block_on(open_links(server.address, LINKS, 1))?;
    std::thread::sleep(Duration::from_secs(2));
    let after = server.resident()?;
    let each = (after.saturating_sub(before)) as f64 / LINKS as f64;
    out.below("15,000 links", "resident bytes of the gateway for each", each, 8192.5, "bytes");
    let address = server.address;
    let mut server = server;
    server.child.kill()?;
    server.child.wait()?;
    drop(links);
    let began = Instant::now();
    let server = Server::start(dir.path(), Some(address))?;
    let ready = began.elapsed();
    let links = runtime.block_on(open_links(address, LINKS, 1))?;
    let back = began.elapsed();
    out.note("15,000 links", "gateway ready after kill -9", ready.as_secs_f64(), "s");
    out.below("15,000 links", "all back and acknowledged after kill -9", back.as_secs_f64(), 10.0, "s");
    // Each is bound to its terminal again: none counts as offline.
    std::thread::sleep(Duration::from_millis(200));
    let said = server.stop()?;
    drop(links);
    println!("connections: {said}");
    let online =
        said.rsplit_once(" online").and_then(|(text, _)| text.rsplit(' ').next()?.parse::<u64>().ok());
    out.holds("15,000 links", "every vehicle online after the restart", online == Some(LINKS));
    Ok(())
}

/// Opens links; each sends one report and waits for its acknowledgement.
async fn open_links(to: SocketAddr, count: u64, from: u64) -> Result<Vec<TcpStream>, Box<dyn Error>> {
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(500));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..count {
        let gate = std::sync::Arc::clone(&gate);
        tasks.spawn(async move {
            let _permit = gate.acquire().await;
            one_report(to, 13_800_000_000 + from * 100_000 + n).await
        });
    }
    let mut links = Vec::new();
    while let Some(link) = tasks.join_next().await {
        links.push(link??);
    }
    Ok(links)
}

async fn one_report(to: SocketAddr, phone: u64) -> std::io::Result<TcpStream> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = TcpStream::connect(to).await?;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    stream.write_all(&xiangyun_telematics::gateway::load::report(phone, 0, now_ms)).await?;
    let mut bytes = [0; 64];
    let count = stream.read(&mut bytes).await?;
    if count < 15 { Err(std::io::Error::other("no acknowledgement")) } else { Ok(stream) }
}

/// From the moment a report is written to its socket to the moment a query of its vehicle shows it, while 50,000
/// others a second come from another process.
pub(crate) fn visible(out: &mut Report) -> Outcome {
    const RATE: f64 = 50_000.0;
    const SECONDS: u64 = 10;
    let dir = folder()?;
    let runtime = runtime(2)?;
    let (mut times, sent) = runtime.block_on(async {
        let mut config = Config::in_folder(dir.path());
        config.tcp = Some("127.0.0.1:0".parse()?);
        let clocks = Clocks::system();
        let log =
            PositionLog::open(Folder::open(&config.dir)?, config.segments(clocks.wall.clone()), NoSink)?;
        let gateway = Gateway::start(&config, log.clone(), clocks).await?;
        let to = gateway.tcp().ok_or("no address")?;
        let generator = Command::new(std::env::current_exe()?)
            .args(["flood-child", &to.to_string(), &RATE.to_string(), &SECONDS.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let probing = std::thread::spawn(move || probe(&log, to, Duration::from_secs(SECONDS - 2)));
        let times = tokio::task::spawn_blocking(move || probing.join()).await?;
        let times = times.map_err(|_| "the probe panicked")??;
        let done = tokio::task::spawn_blocking(move || generator.wait_with_output()).await??;
        gateway.drain().await;
        let sent: f64 = String::from_utf8_lossy(&done.stdout).trim().parse()?;
        Ok::<_, Box<dyn Error>>((times, sent))
    })?;
    times.sort_by(f64::total_cmp);
    let row = "from socket to query at 50,000/s";
    out.at_least(row, "messages beside it", sent, 0.95 * RATE, "/s");
    out.note(row, "reports asked for", times.len() as f64, "");
    out.note(row, "p50", at_permille(&times, 500), "ms");
    out.below(row, "p99", at_permille(&times, 990), 50.0, "ms");
    Ok(())
}

/// Sends a report, asks until it is there, and again; the times in milliseconds.
fn probe(log: &PositionLog, to: SocketAddr, during: Duration) -> Result<Vec<f64>, String> {
    use std::io::Write as _;
    const PHONE: u64 = 13_777_777_777;
    let name = PHONE.to_string();
    let mut stream = std::net::TcpStream::connect(to).map_err(|err| err.to_string())?;
    stream.set_nodelay(true).map_err(|err| err.to_string())?;
    let base_ms = jiff::Timestamp::now().as_millisecond() / 1000 * 1000 - 3_600_000;
    let (began, mut times) = (Instant::now(), Vec::new());
    for n in 0_u16.. {
        if began.elapsed() >= during {
            break;
        }
        let at_ms = base_ms + i64::from(n) * 1000;
        let report = xiangyun_telematics::gateway::load::report(PHONE, n, at_ms);
        let sent = Instant::now();
        stream.write_all(&report).map_err(|err| err.to_string())?;
        while log.vehicle(&name, at_ms, at_ms + 1).map_err(|err| err.to_string())?.is_empty() {
            if sent.elapsed() > Duration::from_secs(5) {
                return Err("a report was never seen".to_owned());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        times.push(sent.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(times)
}

/// The generator in a process of its own.
pub(crate) fn flood_child(args: &[String]) -> Outcome {
    let [to, rate, seconds] = args else { return Err("flood-child ADDRESS RATE SECONDS".into()) };
    let plan = Flood {
        to: to.parse()?,
        connections: 50,
        window: 512,
        duration: Duration::from_secs(seconds.parse()?),
        first_phone: 13_900_000_000,
        start_ms: jiff::Timestamp::now().as_millisecond() - 5 * 86_400_000,
        per_second: Some(rate.parse()?),
    };
    let report = runtime(1)?.block_on(flood(&plan))?;
    println!("{}", report.per_second);
    Ok(())
}
