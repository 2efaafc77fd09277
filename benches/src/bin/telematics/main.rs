//! `bench-telematics [ROW …]`: the figures of the gateway, each against its mark, each also as a JSON line. Rows:
//! `decode`, `ack`, `connections`, `visible`, `tracks`; all without an argument. Gateways and generators that are
//! measured run as children of this program, so that memory and processor time are theirs alone.
//!
//! `BENCH_DIR` is the folder of the position logs (a real disk), `BENCH_JSON` the file of JSON lines, `WINDOW` and
//! `SECONDS` change the flood of `ack`.

mod days;
mod decode;
mod gateway;
mod report;
mod tracks;

use report::Report;
use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use xiangyun_telematics::gateway::{Clocks, Config, Gateway};
use xiangyun_telematics::segments::{Folder, NoSink, PositionLog};

type Outcome = Result<(), Box<dyn Error>>;
type Row = fn(&mut Report) -> Outcome;

const ROWS: &[(&str, Row)] = &[
    ("decode", |report| {
        decode::run(report);
        Ok(())
    }),
    ("ack", gateway::ack),
    ("connections", gateway::connections),
    ("visible", gateway::visible),
    ("tracks", tracks::run),
];

fn main() -> Outcome {
    raise_descriptors();
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("gateway-child") => return child(&args[1], args.get(2).map(String::as_str)),
        Some("flood-child") => return gateway::flood_child(&args[1..]),
        _ => {}
    }
    let mut report = Report::default();
    for (name, run) in ROWS {
        if (args.is_empty() || args.iter().any(|a| a == name))
            && let Err(err) = run(&mut report)
        {
            report.failed(name, &err.to_string());
        }
    }
    report.finish()
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
        let online = gateway.hub().registry.online().len();
        let counts = gateway.drain().await;
        println!(
            "{} positions, {} commits, {} duplicates, {online} online",
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
