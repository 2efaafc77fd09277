//! What the daemon says to others and hears from vehicles: texts to cabs with their answer, notices, carriers' feeds, TLS,
//! temperatures, positions that come late.

use crate::harness::{PASSWORD, START_MS, Served, VILLAGE, order, serve, serve_with, trip};
use crate::webhooks::receiver;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_server::config::{CarrierFeed, Config};
use xiangyun_telematics::bcd::BcdTime;
use xiangyun_telematics::jt808::{Deframer, Edition, Header, Phone, write_frame};

const PHONE: &str = "13800000001";

/// A terminal that belongs to T1.
fn with_terminal(config: &mut Config) {
    let key = Phone::parse(PHONE, Edition::V2013).unwrap().key();
    let text = format!("[terminals.\"{}\"]\nvehicle = \"T1\"\n", key.as_str());
    let table: toml::Table = text.parse().unwrap();
    config.gateway.extend(table);
}

struct Terminal {
    stream: TcpStream,
    deframer: Deframer,
    sequence: u16,
}

impl Terminal {
    fn connect(served: &Served) -> Self {
        let stream = TcpStream::connect(served.daemon().jt808().unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        Self { stream, deframer: Deframer::new(), sequence: 0 }
    }

    fn send(&mut self, id: u16, body: &[u8]) -> u16 {
        self.sequence += 1;
        let phone = Phone::parse(PHONE, Edition::V2013).unwrap();
        let (mut content, mut out) = (Vec::new(), Vec::new());
        Header::new(id, phone, self.sequence).write(body.len(), &mut content);
        content.extend_from_slice(body);
        write_frame(&content, &mut out);
        self.stream.write_all(&out).unwrap();
        self.sequence
    }

    /// Reads until a frame of this kind comes; gives its sequence and body.
    fn wait(&mut self, id: u16) -> (u16, Vec<u8>) {
        let began = Instant::now();
        let mut bytes = [0; 4096];
        while began.elapsed() < Duration::from_secs(20) {
            let count = self.stream.read(&mut bytes).unwrap_or(0);
            let mut input = &bytes[..count];
            while let Some(frame) = self.deframer.next(&mut input) {
                let frame = frame.unwrap();
                let (header, body) = Header::read(frame.content).unwrap();
                if header.id == id {
                    return (header.sequence, body.to_vec());
                }
            }
        }
        panic!("no frame {id:#06x}");
    }

    /// A position, with a temperature of the first probe if one is given, acknowledged as durable.
    fn report(&mut self, at_ms: i64, (lon, lat): (f64, f64), dc: Option<i16>) {
        let mut body = Vec::new();
        body.extend_from_slice(&0u32.to_be_bytes());
        body.extend_from_slice(&3u32.to_be_bytes());
        body.extend_from_slice(&((lat * 1e6) as u32).to_be_bytes());
        body.extend_from_slice(&((lon * 1e6) as u32).to_be_bytes());
        body.extend_from_slice(&[0, 100, 0, 0, 0, 0]);
        body.extend_from_slice(&BcdTime::from_utc_ms(at_ms).unwrap().0);
        if let Some(dc) = dc {
            // Item 0x51 of the 2019 edition: temperature of the carriage, in tenths, sign and magnitude.
            let raw = if dc < 0 { 0x8000 | dc.unsigned_abs() } else { dc.unsigned_abs() };
            body.extend_from_slice(&[0x51, 2]);
            body.extend_from_slice(&raw.to_be_bytes());
        }
        self.send(0x0200, &body);
        self.wait(0x8001);
    }
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn step(served: &Served, to_ms: i64) {
    let (status, body) = served.by("dispatcher", "POST", "/api/v1/clock", Some(&json!({ "to_ms": to_ms })));
    assert_eq!(status, 200, "{body}");
}

fn message_state(served: &Served, id: &str) -> String {
    let (status, page) = served.by("dispatcher", "GET", "/api/v1/messages", None);
    assert_eq!(status, 200, "{page}");
    let items = page["items"].as_array().unwrap();
    items.iter().find(|m| m["id"] == id).unwrap()["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_text_to_the_cab_shows_whether_the_terminal_answered() {
    let served = serve_with(with_terminal);
    let mut terminal = Terminal::connect(&served);
    terminal.report(START_MS, (113.05, 33.87), None);
    let body = json!({ "vehicle": "T1", "text": "前方道路封闭，请走省道", "urgent": true });
    let (status, sent) = served.by("dispatcher", "POST", "/api/v1/messages", Some(&body));
    assert_eq!(status, 202, "{sent}");
    let id = sent["id"].as_str().unwrap();
    let (sequence, _) = terminal.wait(0x8300);
    until("it is on the way", || (message_state(&served, id) == "sent").then_some(()));
    let mut reply = sequence.to_be_bytes().to_vec();
    reply.extend_from_slice(&[0x83, 0x00, 0]);
    terminal.send(0x0001, &reply);
    until("the terminal's answer is noted", || (message_state(&served, id) == "answered").then_some(()));
    let body = json!({ "vehicle": "T2", "text": "你好" });
    let (_, sent) = served.by("dispatcher", "POST", "/api/v1/messages", Some(&body));
    let id = sent["id"].as_str().unwrap().to_owned();
    until("nobody is there", || (message_state(&served, &id) == "no_terminal").then_some(()));
    served.end();
}

/// Brings an order to the village's shelf; its pick-up notice is made then.
fn shelve(served: &Served, id: &str) {
    served.orders("ZTO", &[id]);
    served.day(DayCommand::HandOver(xiangyun_dispatch::command::HandOver {
        handover: format!("H-{id}"),
        site: VILLAGE.into(),
        from: xiangyun_dispatch::holder::Holder::Carrier("ZTO".into()),
        to: xiangyun_dispatch::holder::Holder::Site(VILLAGE.into()),
        visit: None,
        expected: vec![id.into()],
        actual: vec![xiangyun_dispatch::event::Counted {
            item: id.into(),
            found: xiangyun_dispatch::event::Found::Good,
        }],
        seals: Vec::new(),
        confirmed_by: Some("keeper".into()),
    }));
    let body = json!({ "kind": "shelve", "items": [{ "item": id }], "shelf": "A1" });
    let path = format!("/api/v1/stops/{VILLAGE}/scans");
    let (status, answer) = served.by("keeper", "POST", &path, Some(&body));
    assert_eq!(status, 200, "{answer}");
}

fn notice_state(served: &Served, order: &str) -> String {
    let (status, page) = served.by("auditor", "GET", "/api/v1/notices", None);
    assert_eq!(status, 200, "{page}");
    let items = page["items"].as_array().unwrap();
    let found = items.iter().find(|n| n["order"] == order && n["template"] == "pick_up");
    found.map_or("none", |n| n["state"].as_str().unwrap()).to_owned()
}

#[test]
fn notices_keep_quiet_hours_and_opt_outs_and_lie_in_a_file_without_a_service() {
    let served = serve();
    // 05:00 is within the quiet hours that end at 07:30.
    shelve(&served, "N1");
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(notice_state(&served, "N1"), "waiting");
    let file = served.dir.path().join("data/outbox/notices.jsonl");
    assert!(!file.exists(), "nothing is sent in the quiet hours");
    step(&served, START_MS + 2 * 3_600_000 + 31 * 60_000);
    until("it is sent when they are over", || (notice_state(&served, "N1") == "sent").then_some(()));
    let text = std::fs::read_to_string(&file).unwrap();
    let told: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(told["to"], "13800138000");
    assert!(
        told["text"].as_str().unwrap().contains("取件码")
            && !told["text"].as_str().unwrap().contains("{code}")
    );
    let out = json!({ "phone": "138 0013 8000", "out": true });
    let (status, _) = served.by("dispatcher", "POST", "/api/v1/notices/opt-outs", Some(&out));
    assert_eq!(status, 204);
    shelve(&served, "N2");
    until("an opted-out contact is left alone", || {
        (notice_state(&served, "N2") == "opted_out").then_some(())
    });
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 1);
    // Neither number nor code lies in the log.
    let app = served.daemon().app().clone();
    let events = served
        .runtime
        .block_on(async { xiangyun_store::log::read(&app.store, &app.code, 0, 10_000).await.unwrap() });
    let code = told["values"]["code"].as_str().unwrap().as_bytes().to_vec();
    for event in &events {
        assert!(!event.body.windows(11).any(|w| w == b"13800138000"), "{}", event.kind);
        assert!(!event.body.windows(code.len()).any(|w| w == code), "{}", event.kind);
    }
    served.end();
}

#[test]
fn notices_go_to_a_service_and_are_tried_again_under_the_same_key() {
    let (url, posts) = receiver();
    let served = serve_with(|config| {
        config.notices.url = Some(url);
        (config.notices.quiet_from, config.notices.quiet_to) = ("00:00".into(), "00:00".into());
    });
    shelve(&served, "N1");
    let (first, _) = posts.recv_timeout(Duration::from_secs(20)).unwrap();
    let mut to = START_MS;
    let (second, body) = loop {
        to += 60_000;
        assert!(to < START_MS + 3_600_000, "no second try");
        step(&served, to);
        if let Ok(got) = posts.recv_timeout(Duration::from_secs(2)) {
            break got;
        }
    };
    let key = |list: &[(String, String)]| list.iter().find(|(n, _)| n == "idempotency-key").cloned().unwrap();
    assert_eq!(key(&first), key(&second));
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((told["template"].as_str(), told["to"].as_str()), (Some("pick_up"), Some("13800138000")));
    until("it is noted", || (notice_state(&served, "N1") == "sent").then_some(()));
    served.end();
}

#[test]
fn carriers_get_their_scans_in_their_own_words_with_receipt_and_retry() {
    let (url, posts) = receiver();
    let feed = |url: Option<String>| CarrierFeed {
        url,
        fields: BTreeMap::from([("waybill".into(), "billCode".into()), ("at".into(), "scanTime".into())]),
        codes: None,
        deadline_s: 600,
    };
    let served = serve_with(|config| {
        config.carriers.insert("ZTO".into(), feed(Some(url)));
        config.carriers.insert("POST".into(), feed(None));
    });
    served.orders("ZTO", &["Z1"]);
    served.orders("POST", &["P1"]);
    let (_, refused) = posts.recv_timeout(Duration::from_secs(20)).unwrap();
    let mut to = START_MS;
    let (_, body) = loop {
        to += 60_000;
        assert!(to < START_MS + 3_600_000, "no second try");
        step(&served, to);
        if let Ok(got) = posts.recv_timeout(Duration::from_secs(2)) {
            break got;
        }
    };
    assert_eq!(refused, body, "the same record is sent again");
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(told["billCode"], "Z1", "{told}");
    assert!(told["scanTime"].is_string() && told["status"].is_string(), "{told}");
    let app = served.daemon().app().clone();
    until("the receipt is a fact of the day", || {
        let world = xiangyun_server::machine::read(&app.world);
        let found = world.day.scans.iter().find(|(id, _)| id.starts_with("Z1#"));
        found.filter(|(_, s)| s.receipt.is_some() && s.attempts >= 2).map(|_| ())
    });
    let (status, page) = served.by("carrier", "GET", "/api/v1/carriers/ZTO/scans", None);
    assert_eq!(status, 404, "another carrier's feed is not there: {page}");
    let (status, page) = served.by("dispatcher", "GET", "/api/v1/carriers/ZTO/scans", None);
    assert_eq!(status, 200, "{page}");
    assert!(page["items"][0]["receipt"].as_str().unwrap().starts_with("200"), "{page}");
    let file = served.dir.path().join("data/outbox/carrier-POST.jsonl");
    let line = until("the file has the other's", || std::fs::read_to_string(&file).ok());
    let told: Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert_eq!(told["billCode"], "P1");
    served.end();
}

#[test]
fn https_is_served_with_the_countys_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "1",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output();
    let Ok(made) = made else {
        eprintln!("TLS was not run: there is no openssl to make a certificate with");
        return;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut config = crate::harness::config_in(dir.path());
    (config.listen.tls_cert, config.listen.tls_key) = (Some(cert.clone()), Some(key));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let daemon = runtime.block_on(xiangyun_server::daemon::Daemon::start(config)).unwrap();
    assert!(daemon.url().starts_with("https://"));
    let pem = std::fs::read(&cert).unwrap();
    let root = ureq::tls::Certificate::from_pem(&pem).unwrap();
    let roots = ureq::tls::RootCerts::new_with_certs(&[root]);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .tls_config(ureq::tls::TlsConfig::builder().root_certs(roots).build())
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .into();
    let mut answer = agent.get(format!("{}/readyz", daemon.url())).call().unwrap();
    assert_eq!(answer.body_mut().read_to_string().unwrap(), "ready\n");
    // Plain HTTP on the same port is no way in, and harms nobody.
    let mut plain = TcpStream::connect(daemon.address()).unwrap();
    plain.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut got = Vec::new();
    let _ = plain.read_to_end(&mut got);
    assert!(!String::from_utf8_lossy(&got).contains("200 OK"));
    let body =
        json!({ "user": "root", "name": "管理员", "standing": { "role": "admin" }, "password": PASSWORD });
    let token = daemon.first_run().unwrap().to_owned();
    let answer = agent
        .post(format!("{}/api/v1/users", daemon.url()))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .send(body.to_string())
        .unwrap();
    assert_eq!(answer.status(), 200);
    runtime.block_on(daemon.end()).unwrap();
}

#[test]
fn late_positions_revise_a_visit() {
    let served = serve_with(with_terminal);
    served.orders("ZTO", &["W1"]);
    served.day(DayCommand::Publish { plan: "p".into(), trips: vec![trip(&["W1"])] });
    let at = |visit: &str| {
        let world = xiangyun_server::machine::read(&served.daemon().app().world);
        world.day.stops[visit].arrived_ms
    };
    served.day(DayCommand::Arrive { visit: "T1.1-1".into(), at_ms: START_MS + 3_600_000 });
    served.day(DayCommand::Serve { visit: "T1.1-1".into(), at_ms: START_MS + 4_000_000 });
    let village = served.daemon().app().site(VILLAGE).unwrap().place;
    let hub = served.daemon().app().site("HUB").unwrap().place;
    step(&served, START_MS + 3 * 3_600_000);
    let mut terminal = Terminal::connect(&served);
    // The vehicle is back at the hub; what it stored in the blind spot comes afterwards.
    terminal.report(START_MS + 10_000_000, (hub.lon, hub.lat), None);
    let came = START_MS + 7_200_000;
    terminal.report(came - 120_000, (village.lon, village.lat + 0.02), None);
    for n in 0..20 {
        terminal.report(came + n * 30_000, (village.lon, village.lat), None);
    }
    for n in 1..5 {
        terminal.report(came + 600_000 + n * 30_000, (village.lon, village.lat + 0.004 * n as f64), None);
    }
    let mut now = START_MS + 3 * 3_600_000;
    let arrived = until("the visit is known", || {
        now += 15_000;
        step(&served, now);
        at("T1.1-2")
    });
    assert!((arrived - came).abs() <= 60_000, "{}", arrived - came);
    served.end();
}

#[test]
fn a_warm_compartment_is_an_exception_with_its_orders() {
    let served = serve_with(with_terminal);
    let app = served.daemon().app().clone();
    let class = app.county.classes.iter().find(|c| app.county.band(c.band).cold).unwrap().clone();
    let (min, max) = (app.county.band(class.band).min_dc, app.county.band(class.band).max_dc);
    // The vehicle must have a compartment of that band.
    let vehicle = app
        .county
        .vehicles
        .iter()
        .find(|v| v.layouts.iter().flat_map(|l| &l.compartments).any(|c| c.band == class.band))
        .map(|v| v.id.to_string());
    let Some(vehicle) = vehicle else { panic!("no vehicle of the county keeps {}", class.id) };
    let mut body = order("C1", "ZTO");
    body["class"] = json!(class.id.as_str());
    assert_eq!(served.by("dispatcher", "POST", "/api/v1/orders", Some(&body)).0, 201);
    let hand = |from, to, id: &str| {
        DayCommand::HandOver(xiangyun_dispatch::command::HandOver {
            handover: id.into(),
            site: "HUB".into(),
            from,
            to,
            visit: None,
            expected: vec!["C1".into()],
            actual: vec![xiangyun_dispatch::event::Counted {
                item: "C1".into(),
                found: xiangyun_dispatch::event::Found::Good,
            }],
            seals: Vec::new(),
            confirmed_by: Some("x".into()),
        })
    };
    use xiangyun_dispatch::holder::Holder;
    served.day(hand(Holder::Carrier("ZTO".into()), Holder::Site("HUB".into()), "H1"));
    served.day(hand(Holder::Site("HUB".into()), Holder::Vehicle(vehicle.clone()), "H2"));
    step(&served, START_MS + 15_000);
    // The thread has to see the goods aboard before their readings count.
    std::thread::sleep(Duration::from_millis(800));
    let warm = max.unwrap_or(100).max(min.unwrap_or(0)) + 100;
    let reading =
        |at_ms, dc| xiangyun_server::worker::cold::Reading { vehicle: vehicle.clone(), at_ms, probe: 0, dc };
    let good = max.or(min).unwrap_or(0);
    for n in 1..=40 {
        app.worker.reading(reading(START_MS + n * 60_000, if n < 35 { warm } else { good }));
    }
    let mut now = START_MS + 41 * 60_000;
    let found = until("an excursion", || {
        now += 15_000;
        step(&served, now);
        let (_, page) = served.by("dispatcher", "GET", "/api/v1/exceptions", None);
        page["items"].as_array()?.iter().find(|e| e["kind"] == "cold_excursion").cloned()
    });
    assert_eq!(found["subject"], format!("vehicle/{vehicle}"));
    assert!(found["price_fen"].as_i64().unwrap() > 0, "{found}");
    served.end();
}
