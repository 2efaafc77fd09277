//! The OpenAPI document: complete, kept as a golden file, and true about who may ask.

use crate::harness::serve;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use xiangyun_server::api::{self, Need, OPERATIONS};
use xiangyun_server::office::Role;

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    all
}

#[test]
fn the_document_lists_exactly_the_operations_of_the_table() {
    let document: Value = serde_json::from_str(api::document()).unwrap();
    assert_eq!(document["openapi"].as_str().unwrap().split('.').take(2).collect::<Vec<_>>(), ["3", "1"]);
    let described: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(m, p, _)| (m, p)).collect();
    let listed: BTreeSet<(String, String)> = OPERATIONS
        .iter()
        .filter(|(_, p, _)| p.starts_with("/api/v1/") && !p.ends_with("openapi.json"))
        .map(|(m, p, _)| ((*m).to_owned(), (*p).to_owned()))
        .collect();
    assert_eq!(described, listed);
}

/// The committed document is what the program says; `UPDATE=1` renews it.
#[test]
fn the_golden_file_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, api::document()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == api::document(), "openapi.json is out of date: run this test with UPDATE=1");
}

/// A body that every operation refuses by its shape, and a path with ids of nothing.
fn filled(path: &str) -> String {
    path.replace("{id}", "nothing").replace("{waybill}", "nothing").replace("{other}", "nothing")
}

#[test]
fn every_endpoint_with_every_role() {
    let served = serve();
    let document: Value = serde_json::from_str(api::document()).unwrap();
    let mut checked = 0;
    for (method, path, operation) in operations(&document) {
        let Some(roles) = operation["x-roles"].as_array() else {
            assert_eq!(path, "/api/v1/login", "{method} {path} says not who may ask");
            continue;
        };
        if path == "/api/v1/events" {
            // An endless answer; the stream's own tests ask as other roles.
            continue;
        }
        let body = (method != "GET").then(|| json!({ "no such field": 1 }));
        let (status, answer) = served.call(&method, &filled(&path), None, body.as_ref());
        assert_eq!((status, answer["code"].as_str()), (401, Some("H603")), "{method} {path} without a key");
        for role in Role::ALL {
            let (status, answer) = served.by(role.word(), &method, &filled(&path), body.as_ref());
            let may = roles.iter().any(|r| r == role.word());
            if may {
                let by_role = status == 403 && answer["detail"].as_str().unwrap_or("").contains(" may not ");
                assert!(!by_role && status != 401, "{method} {path} as {}: {status} {answer}", role.word());
                assert!(status < 500, "{method} {path} as {}: {status} {answer}", role.word());
            } else {
                assert_eq!(
                    (status, answer["code"].as_str()),
                    (403, Some("H604")),
                    "{method} {path} as {}: {answer}",
                    role.word()
                );
            }
            checked += 1;
        }
    }
    assert!(checked >= 11 * 60, "{checked} checks");
    println!("{checked} endpoint and role pairs checked");
    served.end();
}

#[test]
fn a_read_only_key_changes_nothing() {
    let served = serve();
    let cookie = served.sign_in("root", crate::harness::PASSWORD);
    let key = served.key_by(&cookie, &json!({ "role": "dispatcher" }), true);
    for (method, path, need) in OPERATIONS {
        let Need::May(action) = need else { continue };
        if !action.writes() || !action.allows(Role::Dispatcher) {
            continue;
        }
        let (status, answer) = served.call(method, &filled(path), Some(&key), Some(&json!({})));
        assert_eq!((status, answer["code"].as_str()), (403, Some("H604")), "{method} {path}: {answer}");
    }
    served.end();
}
