//! Bounds at the door: rates, sizes, slow and broken requests, more work than there is room for, clients that do not read.

use crate::harness::{Served, order, serve, serve_with};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn connect(served: &Served) -> TcpStream {
    let stream = TcpStream::connect(served.url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Sends bytes and gives what comes back until the other side ends or waits for more.
fn exchange(served: &Served, bytes: &[u8]) -> String {
    let mut stream = connect(served);
    // What is refused early may be closed while it is still being sent.
    let _ = stream.write_all(bytes);
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(got @ 1..) = stream.read(&mut buffer) {
        answer.extend_from_slice(&buffer[..got]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn metric(served: &Served, name: &str) -> f64 {
    let (_, text) = served.call("GET", "/metrics", None, None);
    let text = text.as_str().unwrap().to_owned();
    let lines = text.lines().filter(|l| l.starts_with(name) && !l.starts_with('#'));
    lines.filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[test]
fn a_caller_above_its_rate_is_put_off_and_no_other() {
    let served = serve_with(|config| {
        config.limits.rate_a_second = 1.0;
        config.limits.rate_burst = 40.0;
    });
    let key = served.keys["auditor"].clone();
    let mut put_off = 0;
    for _ in 0..60 {
        let (status, answer, headers) = served.ask("GET", "/api/v1/clock", Some(&key), None, &[]);
        if status == 429 {
            assert_eq!(answer["code"], "H611", "{answer}");
            assert!(headers["retry-after"].parse::<u64>().unwrap() >= 1);
            put_off += 1;
        } else {
            assert_eq!(status, 200, "{answer}");
        }
    }
    assert!((15..=25).contains(&put_off), "{put_off} of 60 at a burst of 40");
    assert_eq!(served.by("regulator", "GET", "/api/v1/clock", None).0, 200);
    served.end();
}

#[test]
fn guessing_passwords_is_slow_and_locks_nobody_out() {
    let served = serve_with(|config| config.limits.logins_a_minute = 5.0);
    let guess = json!({ "user": "root", "password": "not this one at all" });
    let statuses: Vec<u16> =
        (0..12).map(|_| served.call("POST", "/api/v1/login", None, Some(&guess)).0).collect();
    assert!(statuses.iter().filter(|s| **s == 401).count() <= 5, "{statuses:?}");
    assert!(statuses.ends_with(&[429, 429, 429]), "{statuses:?}");
    // Keys and sessions are not touched by it.
    assert_eq!(served.by("admin", "GET", "/api/v1/users", None).0, 200);
    served.end();
}

#[test]
fn what_is_too_large_or_no_request_is_refused_and_changes_nothing() {
    let served = serve();
    let key = served.keys["dispatcher"].clone();
    let seq = || xiangyun_server::machine::read(&served.daemon().app().world).seq;
    let before = seq();
    let head = format!(
        "POST /api/v1/orders HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
    );
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let gzip = "\u{1f}\u{8b}nonsense";
    for (what, request, wanted) in [
        (
            "many headers",
            format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{}\r\n", "x: y\r\n".repeat(500)),
            "431",
        ),
        (
            "a huge header",
            format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(200_000)),
            "431",
        ),
        ("two lengths", format!("{head}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}}"), "400"),
        (
            "length and chunks",
            format!("{head}content-length: 4\r\ntransfer-encoding: gzip\r\n\r\n{{}}"),
            "400",
        ),
        (
            "a body over its bound",
            format!("{head}content-length: 600000\r\n\r\n{}", " ".repeat(600_000)),
            "413",
        ),
        ("no HTTP", "\u{16}\u{3}\u{1} hello\r\n\r\n".to_owned(), "400"),
        ("a depth of 10,000", format!("{head}content-length: {}\r\n\r\n{deep}", deep.len()), "422"),
        (
            "packed bytes",
            format!("{head}content-encoding: gzip\r\ncontent-length: {}\r\n\r\n{gzip}", gzip.len()),
            "400",
        ),
    ] {
        let answer = exchange(&served, request.as_bytes());
        let status = answer.split(' ').nth(1).unwrap_or("closed").to_owned();
        assert!(status == wanted || status == "closed", "{what}: {answer}");
    }
    assert_eq!(served.call("GET", "/healthz", None, None).0, 200);
    assert_eq!(seq(), before, "a refusal wrote something");
    served.end();
}

#[test]
fn a_head_that_does_not_end_is_cut() {
    let served = serve();
    let began = Instant::now();
    let mut slow: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = connect(&served);
            stream.write_all(b"GET /api/v1/clock HTTP/1.1\r\nhost: x\r\n").unwrap();
            stream
        })
        .collect();
    // Meanwhile everybody else is served.
    assert_eq!(served.by("auditor", "GET", "/api/v1/clock", None).0, 200);
    for stream in &mut slow {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    }
    let took = began.elapsed();
    assert!((Duration::from_secs(8)..Duration::from_secs(15)).contains(&took), "{took:?}");
    assert!(metric(&served, "xiangyun_connections_cut") >= 50.0);
    served.end();
}

#[test]
fn beyond_its_places_requests_are_shed_at_once_and_proof_of_delivery_is_not() {
    let served = serve_with(|config| {
        config.limits.requests_max = 4;
        config.limits.requests_reserved = 2;
    });
    let key = served.keys["dispatcher"].clone();
    // Four requests whose bodies never end hold all places.
    let mut held: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = connect(&served);
            let head = format!(
                "POST /api/v1/orders HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\
                 content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{"
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    let shed = |path: &str| served.call("GET", path, Some(&key), None);
    let until = Instant::now() + Duration::from_secs(5);
    while shed("/api/v1/clock").0 != 503 {
        assert!(Instant::now() < until, "the places are not held");
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..50 {
        let began = Instant::now();
        let (status, answer) = shed("/api/v1/orders");
        slowest = slowest.max(began.elapsed());
        assert_eq!((status, answer["code"].as_str()), (503, Some("H612")), "{answer}");
    }
    println!("50 requests shed, the slowest within {} ms", slowest.as_millis());
    let proof = json!({ "order": "W1", "proof": "scan" });
    let (status, answer) = served.call("POST", "/api/v1/stops/HUB/proof", Some(&key), Some(&proof));
    assert_eq!(status, 404, "it has a place of its own: {answer}");
    assert_eq!(served.call("GET", "/healthz", None, None).0, 200);
    assert!(metric(&served, "xiangyun_refused") >= 50.0, "every refusal is counted");
    held.clear();
    let until = Instant::now() + Duration::from_secs(10);
    while shed("/api/v1/clock").0 != 200 {
        assert!(Instant::now() < until, "it does not recover");
    }
    served.end();
}

#[test]
fn a_stream_that_nobody_reads_is_cut_without_harm_to_others() {
    let served = serve();
    let key = served.keys["auditor"].clone();
    let mut stalled = connect(&served);
    let head = format!("GET /api/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\r\n");
    stalled.write_all(head.as_bytes()).unwrap();
    let until = Instant::now() + Duration::from_secs(5);
    while metric(&served, "xiangyun_streams ") < 1.0 {
        assert!(Instant::now() < until, "it does not listen");
    }
    // More than any socket keeps.
    for n in 0..12 {
        let orders: Vec<_> = (0..2_000).map(|i| order(&format!("S{n}-{i}"), "ZTO")).collect();
        let (status, answer) =
            served.by("dispatcher", "POST", "/api/v1/orders/bulk", Some(&json!({ "orders": orders })));
        assert_eq!(status, 201, "{answer}");
    }
    let until = Instant::now() + Duration::from_secs(25);
    while metric(&served, "xiangyun_streams ") > 0.0 {
        assert!(Instant::now() < until, "a stalled stream is kept");
        assert_eq!(served.by("dispatcher", "GET", "/api/v1/clock", None).0, 200);
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(stalled);
    served.end();
}
