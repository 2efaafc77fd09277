//! The live stream: resumed by the last id without loss, filtered by who listens.

use crate::harness::{Served, serve, standing};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::time::Duration;

/// Reads events until `count` with a number have come.
fn listen(served: &Served, key: &str, after: &str, count: usize) -> Vec<(i64, String, Value)> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_recv_body(Some(Duration::from_secs(20))).build().into();
    let answer = agent
        .get(format!("{}/api/v1/events", served.url))
        .header("authorization", format!("Bearer {key}"))
        .header("last-event-id", after)
        .call()
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut events = Vec::new();
    for line in BufReader::new(answer.into_body().into_reader()).lines() {
        let line = line.unwrap();
        let Some(data) = line.strip_prefix("data: ") else { continue };
        let value: Value = serde_json::from_str(data).unwrap();
        let seq = value["seq"].as_i64().unwrap_or(0);
        if seq > 0 {
            events.push((seq, value["kind"].as_str().unwrap().to_owned(), value));
        }
        if events.len() >= count {
            break;
        }
    }
    events
}

#[test]
fn the_stream_resumes_where_it_broke_off() {
    let served = serve();
    let ids: Vec<String> = (0..30).map(|n| format!("W{n:02}")).collect();
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    served.orders("ZTO", &names);
    let key = served.keys["auditor"].clone();
    let all = listen(&served, &key, "410421:0", 40);
    assert!(all.windows(2).all(|w| w[1].0 == w[0].0 + 1), "a gap");
    let (cut, _, _) = all[19];
    let rest = listen(&served, &key, &format!("410421:{cut}"), 20);
    let whole: Vec<i64> = all[20..].iter().map(|e| e.0).collect();
    assert_eq!(rest.iter().map(|e| e.0).collect::<Vec<_>>(), whole);
    assert!(!all.iter().any(|(_, _, v)| v.to_string().contains("\"person\"")), "a person's number is told");
    let (status, _, _) = served.ask("GET", "/api/v1/events", Some(&key), None, &[("last-event-id", "999:1")]);
    assert_eq!(status, 400);
    served.end();
}

#[test]
fn a_carrier_hears_of_its_own_orders_only() {
    let served = serve();
    served.orders("POST", &["P1", "P2"]);
    served.orders("ZTO", &["Z1", "Z2"]);
    let zto = served.key(&standing("carrier", "ZTO"));
    let heard = listen(&served, &zto, "410421:0", 2);
    let streams: Vec<&str> = heard.iter().map(|(_, _, v)| v["stream"].as_str().unwrap()).collect();
    assert_eq!(streams, ["order/Z1", "order/Z2"]);
    served.end();
}
