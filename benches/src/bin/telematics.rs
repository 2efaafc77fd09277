//! `bench-telematics [NAME …]`: the figures of the gateway, each against its mark. Children of this program are the
//! gateways, so that memory and processor time are theirs alone.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use xiangyun_telematics::gateway::load::{Flood, flood};
use xiangyun_telematics::gateway::{Clocks, Config, Gateway};
use xiangyun_telematics::segments::{Folder, NoSink, PositionLog};

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    raise_descriptors();
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|a| a == "gateway-child") {
        return child(&args[1], args.get(2).map(String::as_str));
    }
    let wanted = |name: &str| args.is_empty() || args.iter().any(|a| a == name);
    let mut missed = Vec::new();
    for (name, run) in BENCHES {
        if wanted(name)
            && let Err(err) = run()
        {
            println!("{name}: MISSED: {err}");
            missed.push(*name);
        }
    }
    if missed.is_empty() { Ok(()) } else { Err(format!("missed: {}", missed.join(", ")).into()) }
}

type Bench = fn() -> Outcome;

const BENCHES: &[(&str, Bench)] = &[("decode", decode), ("ack", ack), ("connections", connections)];

/// Decoding 69-byte location reports on one core, by processor time: at least 15 million frames a second, with and
/// without escapes.
fn decode() -> Outcome {
    use xiangyun_benches::{clock::thread_cpu_s, decode as bench};
    const FRAMES: usize = 1_000_000;
    let mut missed = Vec::new();
    for (name, escaped) in [("plain", false), ("escaped", true)] {
        let stream = bench::reports(FRAMES, escaped);
        let mut rates: Vec<f64> = (0..9)
            .map(|_| {
                let before = thread_cpu_s();
                let sums = bench::decode(&stream);
                assert_eq!((sums.frames, sums.items), (FRAMES as u64, 6 * FRAMES as u64));
                FRAMES as f64 / (thread_cpu_s() - before) / 1e6
            })
            .collect();
        rates.sort_by(f64::total_cmp);
        let (median, best) = (rates[rates.len() / 2], rates[rates.len() - 1]);
        println!("decode {name}: {median:.1} million frames a second a core (best {best:.1}), mark 15");
        if median < 15.0 {
            missed.push(format!("{name} {median:.1}"));
        }
    }
    if missed.is_empty() { Ok(()) } else { Err(missed.join(", ").into()) }
}

/// As many open files as the system allows.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

fn runtime(threads: usize) -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}

/// A gateway in a process of its own: prints its address, ends when its input does.
fn child(dir: &str, address: Option<&str>) -> Outcome {
    let address: SocketAddr = address.unwrap_or("127.0.0.1:0").parse()?;
    runtime(2)?.block_on(async {
        let mut config = Config::in_folder(dir);
        config.tcp = Some(address);
        config.connections_an_address_max = 20_000;
        let clocks = Clocks::system();
        let mut settings = config.segments(clocks.wall.clone());
        if let Ok(us) = std::env::var("GATHER_US") {
            settings.gather = Duration::from_micros(us.parse()?);
        }
        let log = PositionLog::open(Folder::open(&config.dir)?, settings, NoSink)?;
        let gateway = Gateway::start(&config, log, clocks).await?;
        println!("{}", gateway.tcp().ok_or("no address")?);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = std::io::stdin().read_line(&mut line);
            let _ = stop.send(());
        });
        let _ = stopped.await;
        let statistics = gateway.hub().log.statistics();
        let counts = gateway.drain().await;
        println!(
            "{} positions, {} commits, {} duplicates",
            counts.links.positions, statistics.commits, counts.links.duplicates
        );
        Ok(())
    })
}

struct Server {
    child: Child,
    address: SocketAddr,
    out: BufReader<std::process::ChildStdout>,
}

impl Server {
    fn start(dir: &Path, address: Option<SocketAddr>) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("gateway-child").arg(dir);
        if let Some(address) = address {
            command.arg(address.to_string());
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut out = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut line = String::new();
        out.read_line(&mut line)?;
        let address = line.trim().parse().map_err(|e| format!("{line:?}: {e}"))?;
        Ok(Self { child, address, out })
    }

    fn stop(mut self) -> Result<String, Box<dyn Error>> {
        drop(self.child.stdin.take());
        let mut line = String::new();
        self.out.read_line(&mut line)?;
        self.child.wait()?;
        Ok(line.trim().to_owned())
    }

    /// Resident bytes.
    fn resident(&self) -> Result<u64, Box<dyn Error>> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<u64>()? * 1024)
    }

    /// Processor seconds used.
    fn cpu(&self) -> Result<f64, Box<dyn Error>> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().ok_or("no fields")?.split_whitespace().collect();
        Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / 100.0)
    }
}

fn folder() -> Result<tempfile::TempDir, Box<dyn Error>> {
    let base = std::env::var_os("BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    Ok(tempfile::tempdir_in(base)?)
}

/// Durable acknowledgements a second over 50 links, generator on the same machine.
fn ack() -> Outcome {
    let window: usize = std::env::var("WINDOW").ok().and_then(|w| w.parse().ok()).unwrap_or(16);
    let seconds: u64 = std::env::var("SECONDS").ok().and_then(|w| w.parse().ok()).unwrap_or(10);
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
    let cpu = server.cpu()?;
    let said = server.stop()?;
    println!(
        "ack: {:.0} durable acknowledgements/s over 50 links, window {window}, p50 {} us, p99 {} us, max {} us; gateway {:.2} us of processor each; {said}",
        report.per_second,
        report.p50_us,
        report.p99_us,
        report.max_us,
        cpu * 1e6 / report.acknowledged as f64
    );
    if report.per_second < 150_000.0 || report.p99_us >= 10_000 {
        return Err("want at least 150,000/s with p99 below 10 ms".into());
    }
    Ok(())
}

/// 15,000 links, their memory, and their return after a restart.
fn connections() -> Outcome {
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
    println!("connections: {LINKS} links held, each reported once: {each:.0} bytes of resident memory each");
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
    println!(
        "connections: ready {:.2} s after kill -9, all {LINKS} links back and acknowledged after {:.2} s",
        ready.as_secs_f64(),
        back.as_secs_f64()
    );
    drop(links);
    let said = server.stop()?;
    println!("connections: {said}");
    if each > 8192.0 || back > Duration::from_secs(10) {
        return Err("want at most 8 kB a link, and all back within 10 s".into());
    }
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
    std::io::stdout().flush()?;
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
