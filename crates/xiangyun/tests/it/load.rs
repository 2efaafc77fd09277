//! A thousand terminals at two thousand positions a second for a minute, on the daemon as it is served: every report is
//! acknowledged, kept once, and followed once. Latencies are printed; `bench-load` holds them to their marks.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use xiangyun_telematics::gateway::load::{Flood, flood};

const XIANGYUN: &str = env!("CARGO_BIN_EXE_xiangyun");
const TERMINALS: usize = 1_000;
const PER_SECOND: f64 = 2_000.0;
const DURATION: Duration = Duration::from_secs(60);

/// A daemon that ends with its test.
pub(crate) struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A daemon in real time: its URL, its gateway, its first-run token.
pub(crate) fn serve(dir: &Path, county: &Path) -> (Ends, String, SocketAddr, String) {
    let config = dir.join("daemon.toml");
    let text = format!(
        "county = {:?}\ndata = \"var\"\n[listen]\nhttp = \"127.0.0.1:0\"\n[gateway]\ntcp = \"127.0.0.1:0\"\nudp = \"127.0.0.1:0\"\n\
         connections_an_address_max = 2000\nrequire_authentication = false\naccept_unknown = true\n",
        county.canonicalize().unwrap().display().to_string()
    );
    std::fs::write(&config, text).unwrap();
    let mut child = Command::new(XIANGYUN)
        .args(["--lang", "en", "serve", "--config"])
        .arg(&config)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut url, mut gateway, mut token) = (None, None, None);
    while token.is_none() {
        let line = lines.next().expect("the daemon says where it serves").unwrap();
        if let Some(found) = line.strip_prefix("serving ") {
            url = Some(found.to_owned());
        } else if line.starts_with("listening") {
            gateway = gateway.or_else(|| line.rsplit(' ').next().and_then(|a| a.parse().ok()));
        } else if let Some(at) = line.find("first-") {
            token = Some(line[at..].trim().to_owned());
        }
    }
    std::thread::spawn(move || lines.for_each(drop));
    (Ends(child), url.unwrap(), gateway.unwrap(), token.unwrap())
}

fn metric(url: &str, name: &str) -> u64 {
    let mut answer = ureq::get(format!("{url}/metrics")).call().unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    let line = text.lines().find(|l| l.starts_with(name)).unwrap_or_default();
    line.rsplit(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) as u64
}

#[test]
fn a_thousand_terminals_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let county = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/baofeng");
    let (daemon, url, gateway, _) = serve(dir.path(), &county);
    let plan = Flood {
        to: gateway,
        connections: TERMINALS,
        window: 64,
        duration: DURATION,
        first_phone: 13_900_000_000,
        start_ms: 1_795_000_000_000,
        per_second: Some(PER_SECOND),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let report = runtime.block_on(flood(&plan)).unwrap();
    println!("{}", serde_json::to_value(&report).unwrap_or(Value::Null));
    assert_eq!(report.acknowledged, report.sent, "every report is acknowledged");
    let due = (PER_SECOND * DURATION.as_secs_f64()) as u64;
    assert!(report.sent >= due * 95 / 100 && report.sent <= due + TERMINALS as u64, "{report:?}");
    let until = Instant::now() + Duration::from_secs(30);
    while metric(&url, "xiangyun_positions_total") < report.sent && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(metric(&url, "xiangyun_positions_total"), report.sent, "each is followed once");
    assert_eq!(metric(&url, "xiangyun_positions_skipped_total"), 0);
    drop(daemon);
}
