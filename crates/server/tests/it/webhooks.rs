//! Webhooks by Standard Webhooks: signed, retried with the same id, verified by two libraries that are not ours.

use crate::harness::serve;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc;
use xiangyun_server::relay::sign;

/// Headers and body of a request.
pub(crate) type Request = (Vec<(String, String)>, Vec<u8>);

/// Takes requests, refusing the first; gives headers and body of each.
pub(crate) fn receiver() -> (String, mpsc::Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}/hook", listener.local_addr().unwrap().port());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut bytes = Vec::new();
            let mut buffer = [0; 4096];
            let (head_end, length) = loop {
                let got = stream.read(&mut buffer).unwrap();
                bytes.extend_from_slice(&buffer[..got]);
                if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
                    let head = String::from_utf8_lossy(&bytes[..at]).to_lowercase();
                    let length = head
                        .lines()
                        .find_map(|l| l.strip_prefix("content-length: ").and_then(|v| v.trim().parse().ok()))
                        .unwrap_or(0usize);
                    if bytes.len() >= at + 4 + length {
                        break (at, length);
                    }
                }
            };
            let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
            let headers = head
                .lines()
                .skip(1)
                .filter_map(|l| l.split_once(": "))
                .map(|(n, v)| (n.to_lowercase(), v.to_owned()))
                .collect();
            let body = bytes[head_end + 4..head_end + 4 + length].to_vec();
            let status = if n == 0 { "500 Sorry" } else { "200 OK" };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
            if sender.send((headers, body)).is_err() {
                break;
            }
        }
    });
    (url, receiver)
}

#[test]
fn deliveries_are_signed_retried_and_verified_by_others() {
    let served = serve();
    let (url, deliveries) = receiver();
    let (status, hook) = served.by(
        "admin",
        "POST",
        "/api/v1/webhooks",
        Some(&json!({ "url": url, "kinds": ["OrderPlaced"] })),
    );
    assert_eq!(status, 201, "{hook}");
    let secret = hook["secret"].as_str().unwrap().to_owned();
    served.orders("ZTO", &["W1"]);
    let (first, _) = deliveries.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
    // The outbox waits by the business clock: a stepped one is moved until the second try is due.
    let mut to = crate::harness::START_MS;
    let (headers, body) = loop {
        to += 60_000;
        assert!(to < crate::harness::START_MS + 3_600_000, "no second try");
        served.by("dispatcher", "POST", "/api/v1/clock", Some(&json!({ "to_ms": to })));
        if let Ok(second) = deliveries.recv_timeout(std::time::Duration::from_secs(2)) {
            break second;
        }
    };
    let header = |list: &[(String, String)], name: &str| {
        list.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap()
    };
    assert_eq!(header(&first, "webhook-id"), header(&headers, "webhook-id"), "a retry has another id");
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let (id, at, signature) = (
        header(&headers, "webhook-id"),
        header(&headers, "webhook-timestamp"),
        header(&headers, "webhook-signature"),
    );
    assert_eq!(signature, sign(&key, &id, at.parse().unwrap(), &body));
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (told["type"].as_str(), told["data"]["event"]["order"].as_str()),
        (Some("OrderPlaced"), Some("W1"))
    );
    assert!(!String::from_utf8_lossy(&body).contains("收件人"));
    let delivery = json!({ "secret": secret, "headers": { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature },
        "body": String::from_utf8(body).unwrap() });
    let path = served.dir.path().join("delivery.json");
    std::fs::write(&path, delivery.to_string()).unwrap();
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/webhooks");
    for (variable, program, script) in
        [("XIANGYUN_VENV", "bin/python", "verify.py"), ("XIANGYUN_NODE_MODULES", "", "verify.cjs")]
    {
        let Ok(place) = std::env::var(variable) else {
            eprintln!(
                "webhooks were not verified by {script}: {variable} is not set (tests/setup.sh sets it)"
            );
            continue;
        };
        let mut command = if program.is_empty() {
            let mut node = Command::new("node");
            node.env("NODE_PATH", &place);
            node
        } else {
            Command::new(format!("{place}/{program}"))
        };
        let output = command.arg(format!("{tests}/{script}")).arg(&path).output().unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    }
    served.end();
}
