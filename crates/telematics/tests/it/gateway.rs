//! The gateway through real sockets: acknowledged means durable, whatever is done to it.

use crate::upper::Upper;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use xiangyun_telematics::gateway::load::{Dice, Fleet, FleetReport, Flood, drive, flood, report};
use xiangyun_telematics::gateway::{Clocks, Config, Counts, FactFile, Gateway, PlatformRequest};
use xiangyun_telematics::jt808::Edition;
use xiangyun_telematics::jt809::{Event, PlatformBody, SubLogin, id};
use xiangyun_telematics::segments::{Folder, NoSink, PositionLog, Record, Settings, SimDisk};

/// Folder of the gateway in a child of this test program.
const CHILD_DIR: &str = "XIANGYUN_TEST_GATEWAY_DIR";
/// Its address.
const CHILD_ADDRESS: &str = "XIANGYUN_TEST_GATEWAY_ADDRESS";
/// Device time of the first report of a life.
const T0: i64 = 1_795_000_000_000;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn clocks() -> Clocks {
    // Reports of the tests are made around this instant.
    let wall = Clocks::system().wall;
    Clocks { wall, business: Arc::new(|| T0 + 3_600_000) }
}

fn config(dir: &Path) -> Config {
    let mut config = Config::in_folder(dir);
    config.tcp = Some("127.0.0.1:0".parse().unwrap());
    config.udp = Some("127.0.0.1:0".parse().unwrap());
    config.osmand = Some("127.0.0.1:0".parse().unwrap());
    config
}

async fn start(config: &Config, log: PositionLog) -> Gateway {
    Gateway::start(config, log, clocks()).await.unwrap()
}

fn memory_log() -> PositionLog {
    PositionLog::open(SimDisk::new(), Settings::for_tests(), NoSink).unwrap()
}

fn rows(log: &PositionLog, id: &str) -> Vec<Record> {
    log.vehicle(id, i64::MIN, i64::MAX).unwrap()
}

/// The child: not a test by itself. It serves until it is killed.
#[test]
fn child() {
    let (Ok(dir), Ok(address)) = (std::env::var(CHILD_DIR), std::env::var(CHILD_ADDRESS)) else { return };
    runtime().block_on(async {
        let mut config = config(Path::new(&dir));
        (config.udp, config.osmand) = (None, None);
        config.tcp = Some(address.parse().unwrap());
        // Small, so that lives end amid seals and rolls too.
        config.segment_bytes = Some(60_000);
        config.free_bytes_floor = Some(0);
        let settings = config.segments(clocks().wall);
        let facts = FactFile::open(&config.dir).unwrap();
        let log = PositionLog::open(Folder::open(&config.dir).unwrap(), settings, facts).unwrap();
        let gateway = start(&config, log).await;
        println!("\nLISTENING {}", gateway.tcp().unwrap());
        std::future::pending::<()>().await;
    });
}

fn spawn_child(dir: &Path, address: SocketAddr) -> (Child, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["gateway::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD_DIR, dir)
        .env(CHILD_ADDRESS, address.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address =
        lines.find_map(|l| l.unwrap().strip_prefix("LISTENING ").map(str::to_owned)).expect("it listens");
    (child, address.parse().unwrap())
}

/// One terminal through all lives of the gateway: sends in order, a window on the way, and remembers which numbers
/// were acknowledged. After a break it sends again whatever was not.
struct Terminal {
    phone: u64,
    next: u16,
    open: BTreeSet<u16>,
    acknowledged: BTreeSet<u16>,
}

impl Terminal {
    fn send(&mut self, stream: &mut TcpStream, number: u16) -> std::io::Result<()> {
        stream.write_all(&report(self.phone, number, T0 + i64::from(number) * 1_000))
    }

    /// Drives until the link breaks or the time is up.
    fn live(&mut self, to: SocketAddr, until: Instant) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(Duration::from_millis(20)))?;
        for number in self.open.clone() {
            self.send(&mut stream, number)?;
        }
        let mut deframer = xiangyun_telematics::jt808::Deframer::new();
        let mut bytes = [0; 4096];
        while Instant::now() < until {
            while self.open.len() < 20 {
                let number = self.next;
                self.next += 1;
                self.open.insert(number);
                self.send(&mut stream, number)?;
            }
            self.take(&mut stream, &mut deframer, &mut bytes)?;
        }
        // Orderly: wait for what is on the way.
        let patience = Instant::now() + Duration::from_secs(10);
        while !self.open.is_empty() && Instant::now() < patience {
            self.take(&mut stream, &mut deframer, &mut bytes)?;
        }
        Ok(())
    }

    fn take(
        &mut self,
        stream: &mut TcpStream,
        deframer: &mut xiangyun_telematics::jt808::Deframer,
        bytes: &mut [u8],
    ) -> std::io::Result<()> {
        let count = match stream.read(bytes) {
            Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(err)
                if matches!(err.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                return Ok(());
            }
            Err(err) => return Err(err),
        };
        let mut input = &bytes[..count];
        while let Some(frame) = deframer.next(&mut input) {
            let (header, body) = xiangyun_telematics::jt808::Header::read(frame.unwrap().content).unwrap();
            assert_eq!((header.id, body[4]), (0x8001, 0));
            let number = u16::from_be_bytes([body[0], body[1]]);
            self.open.remove(&number);
            self.acknowledged.insert(number);
        }
        Ok(())
    }
}

#[test]
fn kill_9_under_load_twenty_times_loses_and_doubles_nothing() {
    const LIVES: u32 = 20;
    let dir = tempfile::tempdir().unwrap();
    let mut terminals: Vec<Terminal> = (0..8)
        .map(|n| Terminal {
            phone: 13_700_000_000 + n,
            next: 0,
            open: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
        })
        .collect();
    let mut dice = Dice::new(20);
    let mut address = "127.0.0.1:0".parse().unwrap();
    for life in 0..=LIVES {
        let (mut child, listening) = spawn_child(dir.path(), address);
        address = listening;
        let last = life == LIVES;
        let lives_ms = if last { 300 } else { 60 + dice.draw() % 200 };
        std::thread::scope(|scope| {
            for terminal in &mut terminals {
                scope.spawn(move || {
                    let outcome = terminal.live(
                        address,
                        Instant::now() + Duration::from_millis(if last { 300 } else { 5_000 }),
                    );
                    assert_eq!(outcome.is_ok(), last, "{outcome:?}");
                });
            }
            if !last {
                std::thread::sleep(Duration::from_millis(lives_ms));
                child.kill().unwrap(); // SIGKILL
            }
        });
        if last {
            child.kill().unwrap();
        }
        child.wait().unwrap();
    }
    // A kill between a seal and its fact leaves the fact to the next opening by a gateway.
    let (mut child, _) = spawn_child(dir.path(), address);
    child.kill().unwrap();
    child.wait().unwrap();
    let log = PositionLog::open(Folder::open(dir.path()).unwrap(), Settings::for_tests(), NoSink).unwrap();
    let mut acknowledged = 0;
    for terminal in &terminals {
        assert!(terminal.open.is_empty());
        acknowledged += terminal.acknowledged.len();
        // Every row of the log, not of a query, which would hide doubles.
        let device = log.device(&terminal.phone.to_string()).unwrap();
        let mut numbers = Vec::new();
        log.recent(u64::MAX, |r| {
            if r.device == device {
                numbers.push(((r.device_time_ms - T0) / 1_000) as u16);
            }
        })
        .unwrap();
        numbers.sort_unstable();
        let there: BTreeSet<u16> = numbers.iter().copied().collect();
        assert_eq!(there.len(), numbers.len(), "doubled");
        assert!(
            terminal.acknowledged.is_subset(&there),
            "lost {:?}",
            terminal.acknowledged.difference(&there)
        );
    }
    let sealed = log.sealed();
    println!("{acknowledged} acknowledged over {LIVES} kills, {} segments sealed", sealed.len());
    assert!(
        acknowledged > 2_000 && sealed.len() > 2,
        "too little happened: {acknowledged}, {}",
        sealed.len()
    );
    let facts = std::fs::read_to_string(dir.path().join("sealed.jsonl")).unwrap();
    assert_eq!(facts.lines().count(), sealed.len(), "each segment is told once");
}

#[test]
fn a_fleet_with_blind_spots_resends_and_wrong_clocks_loses_nothing() {
    let counts: (Counts, FleetReport, u64) = runtime().block_on(async {
        let config = config(Path::new("."));
        let gateway = Gateway::start(&config, memory_log(), Clocks::system()).await.unwrap();
        let fleet = Fleet {
            to: gateway.tcp().unwrap(),
            terminals: 40,
            every: Duration::from_millis(25),
            duration: Duration::from_secs(3),
            seed: 7,
            first_phone: 13_900_000_000,
            blind_permille: 20,
            resend_permille: 50,
            wrong_clock_permille: 200,
        };
        let seen = drive(&fleet).await;
        assert_eq!((seen.acknowledged, seen.broken), (seen.reports, 0), "{seen:?}");
        assert!(seen.backfilled > 0 && seen.connections > 40 && seen.registered >= 40, "{seen:?}");
        assert!(seen.resent > 0, "{seen:?}");
        let stored = gateway.hub().log.last_seq();
        (gateway.drain().await, seen, stored)
    });
    let (counts, seen, stored) = counts;
    let (reports, resent) = (seen.reports, seen.resent);
    // Two reports of one terminal within a second, at the same place, are one report to everybody.
    assert_eq!(counts.links.positions, stored);
    assert!(stored <= reports && stored > reports * 9 / 10, "{stored} of {reports}");
    assert!(
        counts.links.repaired > 0 && counts.links.duplicates > resent / 2,
        "{counts:?}, {resent} sent again"
    );
    assert_eq!(counts.panicked, 0);
}

#[test]
fn links_that_give_way_are_read_more_seldom_and_lose_nothing() {
    runtime().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let gateway = start(&config(dir.path()), memory_log()).await;
        let plan = |first_phone| Flood {
            to: gateway.tcp().unwrap(),
            connections: 20,
            window: 16,
            duration: Duration::from_secs(5),
            first_phone,
            start_ms: T0,
            per_second: Some(100.0),
        };
        let usual = flood(&plan(13_800_000_000)).await.unwrap();
        assert_eq!(usual.acknowledged, usual.sent);
        assert!(usual.p50_us < 500_000, "{usual:?}");
        // Asked again and again, as people are refused again and again.
        let hub = Arc::clone(gateway.hub());
        let asking = tokio::spawn(async move {
            loop {
                hub.give_way();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        let busy = flood(&plan(13_700_000_000)).await.unwrap();
        asking.abort();
        assert_eq!(busy.acknowledged, busy.sent);
        assert!(busy.sent > 400, "{busy:?}");
        // Each link has one moment in two seconds: reports wait one second on average.
        assert!((500_000..1_500_000).contains(&busy.p50_us), "{busy:?}");
        assert_eq!(gateway.drain().await.links.positions, usual.sent + busy.sent);
    });
}

#[test]
fn draining_answers_what_was_taken() {
    runtime().block_on(async {
        let log = memory_log();
        let gateway = start(&config(Path::new(".")), log.clone()).await;
        let to = gateway.tcp().unwrap();
        let flooding = tokio::spawn(async move {
            let plan = Flood {
                to,
                connections: 8,
                window: 16,
                duration: Duration::from_secs(60),
                first_phone: 13_600_000_000,
                start_ms: T0,
                per_second: None,
            };
            flood(&plan).await
        });
        tokio::time::sleep(Duration::from_millis(400)).await;
        let counts = gateway.drain().await;
        assert!(flooding.await.unwrap().is_err(), "the links were closed");
        assert!(counts.links.positions > 1_000);
        assert_eq!(log.statistics().durable_seq, counts.links.positions, "all that was taken is durable");
        assert_eq!(counts.open, 0);
    });
}

#[test]
fn strangers_and_too_many_links_are_counted_and_closed() {
    runtime().block_on(async {
        let mut config = config(Path::new("."));
        config.connections_an_address_max = 20;
        let gateway = start(&config, memory_log()).await;
        let to = gateway.tcp().unwrap();
        let closed = |bytes: Vec<u8>| {
            tokio::task::spawn_blocking(move || {
                let mut stream = TcpStream::connect(to).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                // The gateway may close before all is written.
                let _ = stream.write_all(&bytes);
                let mut rest = Vec::new();
                match stream.read_to_end(&mut rest) {
                    Ok(_) => true,
                    Err(err) => err.kind() == std::io::ErrorKind::ConnectionReset,
                }
            })
        };
        assert!(closed(b"GET /robots.txt HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()).await.unwrap());
        assert!(closed(vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3]).await.unwrap());
        assert!(closed(vec![0x41; 10 << 20]).await.unwrap());
        let mut links: Vec<TcpStream> = (0..30).map(|_| TcpStream::connect(to).unwrap()).collect();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let counts = gateway.hub().counts();
        assert_eq!((counts.open, counts.refused), (20, 10), "{counts:?}");
        assert_eq!(
            counts.closed.iter().map(|(k, v)| (k.as_str(), *v)).collect::<Vec<_>>(),
            [("http", 1), ("junk", 1), ("tls", 1)]
        );
        let mut served = 0;
        for (n, link) in links.iter_mut().enumerate() {
            link.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
            let _ = link.write_all(&report(13_500_000_000 + n as u64, 0, T0));
            served += usize::from(link.read(&mut [0; 64]).is_ok_and(|count| count > 15));
        }
        assert_eq!(served, 20, "the others did not notice");
        gateway.drain().await;
    });
}

#[test]
fn the_newest_link_takes_over_and_datagrams_are_answered() {
    runtime().block_on(async {
        let mut gateway = start(&config(Path::new(".")), memory_log()).await;
        let mut notices = gateway.notices().unwrap();
        let (to, udp) = (gateway.tcp().unwrap(), gateway.udp().unwrap());
        let mut old = TcpStream::connect(to).unwrap();
        old.write_all(&report(13_400_000_000, 0, T0)).unwrap();
        old.read_exact(&mut [0; 15]).unwrap();
        let mut new = TcpStream::connect(to).unwrap();
        new.write_all(&report(13_400_000_000, 1, T0 + 1_000)).unwrap();
        new.read_exact(&mut [0; 15]).unwrap();
        old.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut rest = Vec::new();
        old.read_to_end(&mut rest).expect("the old link is closed");
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        for _ in 0..2 {
            socket.send_to(&report(13_400_000_001, 0, T0), udp).unwrap();
            let mut bytes = [0; 64];
            let (count, _) = socket.recv_from(&mut bytes).unwrap();
            assert!(count >= 20, "acknowledged, the second time as well");
        }
        assert_eq!(rows(&gateway.hub().log, "13400000001").len(), 1);
        assert_eq!(rows(&gateway.hub().log, "13400000000").len(), 2);
        let mut told = Vec::new();
        while let Ok(notice) = notices.try_recv() {
            told.push(format!("{notice:?}"));
        }
        assert!(told.iter().any(|n| n.starts_with("Moved")), "{told:?}");
        assert!(!told.iter().any(|n| n.starts_with("Offline")), "nobody was offline: {told:?}");
        gateway.drain().await;
    });
}

#[test]
fn a_full_disk_stops_reading_and_goes_on_by_itself() {
    runtime().block_on(async {
        let disk = SimDisk::new();
        let settings = Settings { pending_bytes_max: 20_000, ..Settings::for_tests() };
        let log = PositionLog::open(disk.clone(), settings, NoSink).unwrap();
        let gateway = start(&config(Path::new(".")), log.clone()).await;
        let to = gateway.tcp().unwrap();
        disk.set_capacity(Some(disk.used() + 10_000));
        let plan = Flood {
            to,
            connections: 10,
            window: 200,
            duration: Duration::from_millis(800),
            first_phone: 13_300_000_000,
            start_ms: T0,
            per_second: None,
        };
        let flooding = tokio::spawn(async move { flood(&plan).await });
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(log.statistics().disk_full > 0, "the disk is full by now");
        assert!(log.pending_bytes() <= 20_000, "what waits is bounded");
        let durable = log.statistics().durable_seq;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(log.statistics().durable_seq, durable);
        disk.set_capacity(None);
        let seen = flooding.await.unwrap().unwrap();
        assert_eq!(seen.acknowledged, seen.sent);
        assert_eq!(log.last_seq(), seen.sent, "nothing lost, nothing doubled");
        gateway.drain().await;
    });
}

#[test]
fn phone_apps_get_200_when_durable_and_400_when_not_understood() {
    runtime().block_on(async {
        let gateway = start(&config(Path::new(".")), memory_log()).await;
        let to = gateway.osmand().unwrap();
        let ask = |request: String| {
            tokio::task::spawn_blocking(move || {
                let mut stream = TcpStream::connect(to).unwrap();
                stream.write_all(request.as_bytes()).unwrap();
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                text.split_whitespace().nth(1).unwrap().parse::<u16>().unwrap()
            })
        };
        let seconds = T0 / 1_000;
        let get = |query: String| format!("GET /?{query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let post = |body: String| {
            format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        };
        let good = format!("id=driver7&lat=33.87&lon=113.05&timestamp={seconds}&speed=10&batt=80");
        assert_eq!(ask(get(good.clone())).await.unwrap(), 200);
        assert_eq!(ask(get(good.clone())).await.unwrap(), 200, "sent again");
        assert_eq!(ask(post(good)).await.unwrap(), 200, "the form is the same report");
        assert_eq!(ask(get("lat=33.87&lon=113.05".into())).await.unwrap(), 400);
        let json = r#"{"device_id":"driver8","location":{"timestamp":"2026-11-18T13:46:40Z","coords":{"latitude":33.87,"longitude":113.05,"speed":-1,"heading":-1}}}"#;
        assert_eq!(ask(post(json.into())).await.unwrap(), 200);
        assert_eq!(ask(post("{\"location\":{}}".into())).await.unwrap(), 400);
        assert_eq!(ask(post("x".repeat(100_000))).await.unwrap(), 413);
        let log = &gateway.hub().log;
        assert_eq!((rows(log, "driver7").len(), rows(log, "driver8").len()), (1, 1));
        assert_eq!(rows(log, "driver8")[0].speed_dkmh, None);
        let counts = gateway.drain().await;
        assert_eq!(counts.app[&200], 4);
    });
}

/// Mosquitto, ended when dropped.
struct Broker(Child, u16);

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn broker(dir: &Path, port: Option<u16>) -> Option<Broker> {
    let port = port
        .unwrap_or_else(|| std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port());
    let file = dir.join("mosquitto.conf");
    let text = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\nuser root\n",
        dir.display()
    );
    std::fs::write(&file, text).unwrap();
    let program = ["mosquitto", "/usr/sbin/mosquitto"].into_iter().find_map(|program| {
        Command::new(program).arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
    })?;
    let broker = Broker(program, port);
    let patience = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < patience, "mosquitto does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    Some(broker)
}

#[test]
fn mqtt_messages_of_a_real_mosquitto_are_stored_once_through_restarts() {
    use xiangyun_telematics::gateway::MqttConfig;
    let dir = tempfile::tempdir().unwrap();
    let Some(first) = broker(dir.path(), None) else {
        println!("SKIPPED: mosquitto is not installed; MQTT was not tried against a real broker");
        return;
    };
    let port = first.1;
    runtime().block_on(async {
        let mut config = config(Path::new("."));
        config.mqtt = Some(MqttConfig {
            host: "127.0.0.1".into(),
            port,
            client: "gateway-under-test".into(),
            user: None,
            password_file: None,
            topics: vec!["owntracks/+/+".into(), "fleet/+/+/pos".into()],
        });
        let log = memory_log();
        let gateway = start(&config, log.clone()).await;
        let options = rumqttc::MqttOptions::new("phone", "127.0.0.1", port);
        let (phone, mut events) = rumqttc::AsyncClient::new(options, 100);
        tokio::spawn(async move {
            loop {
                if events.poll().await.is_err() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        });
        let publish = async |n: i64| {
            let body = format!(
                r#"{{"_type":"location","lat":33.87,"lon":113.05,"tst":{},"tid":"p1"}}"#,
                T0 / 1_000 + n
            );
            phone.publish("owntracks/li/p1", rumqttc::QoS::AtLeastOnce, true, body).await.unwrap();
        };
        let stored = async |count: usize| {
            let patience = Instant::now() + Duration::from_secs(15);
            while rows(&log, "li/p1").len() < count && Instant::now() < patience {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(rows(&log, "li/p1").len(), count);
        };
        tokio::time::sleep(Duration::from_millis(500)).await;
        for n in 0..10 {
            publish(n).await;
        }
        phone.publish("owntracks/li/p1/event", rumqttc::QoS::AtLeastOnce, false, "{}").await.unwrap();
        stored(10).await;
        gateway.drain().await;
        // While the gateway is away the broker keeps what comes; the retained one comes again.
        for n in 10..20 {
            publish(n).await;
        }
        let gateway = start(&config, log.clone()).await;
        stored(20).await;
        assert_eq!(log.last_seq(), 20, "nothing stored twice");
        drop(first);
        let _second = broker(dir.path(), Some(port));
        tokio::time::sleep(Duration::from_millis(3_000)).await;
        publish(20).await;
        stored(21).await;
        gateway.drain().await;
    });
}

/// An upper platform on a socket, until it is told to stop.
fn upper_platform(state: &Arc<Mutex<Upper>>, listener: std::net::TcpListener) -> tokio::task::JoinHandle<()> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let state = Arc::clone(state);
    tokio::spawn(async move {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                let answers = state.lock().unwrap().receive(&bytes[..count]);
                if stream.write_all(&answers).await.is_err() {
                    break;
                }
            }
        }
    })
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

#[test]
fn an_upper_platform_gets_every_position_through_outages_and_restarts() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("password"), "secret\n").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = config(dir.path());
    config.free_bytes_floor = Some(0);
    config.platforms =
        vec![toml::from_str(&format!(
        "name = \"city\"\naddress = \"{address}\"\nlisten = \"127.0.0.1:0\"\nuser = 1\naccess_code = 7\n\
         password_file = \"{}/password\"\nencryption = [30000000, 20000000, 20000000]\n\
         [vehicles.13900000001]\nplate = \"豫D12345\"\ncolour = 2\n",
        dir.path().display()
    ))
    .unwrap()];
    let cipher = xiangyun_telematics::jt809::Cipher::new(30_000_000, 20_000_000, 20_000_000).unwrap();
    let state = Arc::new(Mutex::new(Upper::new(Edition::V2011, Some(cipher))));
    let seen = || state.lock().unwrap().seen.len();
    let open = || {
        let settings = config.segments(clocks().wall);
        PositionLog::open(Folder::open(dir.path()).unwrap(), settings, NoSink).unwrap()
    };
    let report_some = |to: SocketAddr, numbers: std::ops::Range<u16>| {
        let mut stream = TcpStream::connect(to).unwrap();
        for phone in [13_900_000_001, 13_900_000_002] {
            for n in numbers.clone() {
                stream.write_all(&report(phone, n, T0 + i64::from(n) * 1_000)).unwrap();
            }
        }
        let mut bytes = [0; 4096];
        let mut delimiters = 0;
        while delimiters < 4 * numbers.len() {
            let count = stream.read(&mut bytes).unwrap();
            assert!(count > 0);
            delimiters += bytes[..count].iter().filter(|b| **b == 0x7E).count();
        }
    };
    runtime().block_on(async {
        let upper = upper_platform(&state, listener);
        let mut gateway = start(&config, open()).await;
        let mut events = gateway.platform_events().unwrap();
        assert_eq!(events.recv().await.unwrap().event, Event::LoggedIn);
        report_some(gateway.tcp().unwrap(), 0..20);
        until("twenty arrive", || seen() == 20).await;

        // The upper platform connects back with the code it gave, and asks; the answer goes by the main link.
        let port = state.lock().unwrap().down_port;
        let mut back = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let login =
            state.lock().unwrap().wire(id::SUB_LOGIN, &PlatformBody::SubLogin(SubLogin { verify_code: 77 }));
        back.write_all(&login).await.unwrap();
        assert_eq!(events.recv().await.unwrap().event, Event::SubordinateUp);
        let mut reply = [0; 256];
        let count = back.read(&mut reply).await.unwrap();
        state.lock().unwrap().receive(&reply[..count]);
        let request = PlatformRequest::Platform { id: id::PLATFORM_UP, sub_id: 0x1301, body: vec![1, 2, 3] };
        gateway.hub().platform_send("city", request.clone()).unwrap();
        assert!(gateway.hub().platform_send("nobody", request).is_err());
        until("the answer arrives", || state.lock().unwrap().answers == [(0x1301, vec![1, 2, 3])]).await;

        // It goes away; positions gather; our process ends and comes back, and so does the platform.
        upper.abort();
        let _ = upper.await;
        drop(back);
        report_some(gateway.tcp().unwrap(), 20..45);
        let counts = gateway.drain().await;
        assert_eq!(counts.platforms["city"].logins, 1);
        let again = std::net::TcpListener::bind(address).unwrap();
        let upper = upper_platform(&state, again);
        let gateway = start(&config, open()).await;
        until("all forty-five arrive", || seen() == 45).await;
        report_some(gateway.tcp().unwrap(), 45..50);
        until("and those after", || seen() == 50).await;
        gateway.drain().await;
        upper.abort();
    });
    let state = state.lock().unwrap();
    assert!(state.seen.keys().all(|(plate, _)| plate == "豫D12345"), "only its vehicle");
    let repeated = state.seen.values().filter(|(count, _)| *count > 1).count();
    assert!(repeated <= 20, "{repeated} were sent again: only what was not proved before the outage");
}
