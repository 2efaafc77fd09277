//! Signing in, the first run, passwords, keys, the audit.

use crate::harness::{PASSWORD, serve};
use serde_json::json;
use xiangyun_store::{backend::Store, verify};

#[test]
fn the_first_run_token_makes_one_administrator_and_nothing_else() {
    let served = serve();
    // `serve` has used it: it is worth nothing now.
    let first = served.daemon().first_run().unwrap().to_owned();
    let body =
        json!({ "user": "second", "name": "x", "standing": { "role": "admin" }, "password": PASSWORD });
    assert_eq!(served.call("POST", "/api/v1/users", Some(&first), Some(&body)).0, 401);
    let dir = served.end();
    // A daemon that knows an administrator gives no token.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut config = crate::harness::config_in(dir.path());
    config.data = dir.path().join("data");
    let daemon = runtime.block_on(xiangyun_server::daemon::Daemon::start(config)).unwrap();
    assert!(daemon.first_run().is_none());
    runtime.block_on(daemon.end()).unwrap();
}

#[test]
fn passwords_sessions_and_their_end() {
    let served = serve();
    let user = |password: &str| json!({ "user": "li", "name": "李", "standing": { "role": "dispatcher" }, "password": password });
    let (status, answer) = served.by("admin", "POST", "/api/v1/users", Some(&user("short")));
    assert_eq!((status, answer["code"].as_str()), (422, Some("H618")));
    assert_eq!(served.by("admin", "POST", "/api/v1/users", Some(&user("a long enough secret"))).0, 200);
    let wrong = json!({ "user": "li", "password": "not this one at all" });
    assert_eq!(served.call("POST", "/api/v1/login", None, Some(&wrong)).0, 401);
    let cookie = served.sign_in("li", "a long enough secret");
    let me = |cookie: &str| served.ask("GET", "/api/v1/me", None, None, &[("cookie", cookie)]).0;
    assert_eq!(me(&cookie), 200);
    // A page of another origin may not act for the session.
    let headers = [("cookie", cookie.as_str()), ("origin", "https://evil.example")];
    assert_eq!(served.ask("POST", "/api/v1/logout", None, None, &headers).0, 403);
    // A new password ends the session.
    assert_eq!(served.by("admin", "POST", "/api/v1/users", Some(&user("another long secret"))).0, 200);
    assert_eq!(me(&cookie), 401);
    let cookie = served.sign_in("li", "another long secret");
    assert_eq!(served.ask("POST", "/api/v1/logout", None, None, &[("cookie", &cookie)]).0, 204);
    assert_eq!(me(&cookie), 401);
    served.end();
}

#[test]
fn a_session_survives_a_restart_and_a_revoked_key_does_not_open() {
    let served = serve();
    let cookie = served.sign_in("root", PASSWORD);
    let (_, keys) = served.by("admin", "GET", "/api/v1/keys", None);
    let dispatcher = served.keys["dispatcher"].clone();
    let id = dispatcher.split('_').nth(1).unwrap();
    assert!(keys["items"].as_array().unwrap().iter().any(|k| k["key"] == id));
    assert!(!keys.to_string().contains(dispatcher.rsplit('_').next().unwrap()), "a secret is shown again");
    assert_eq!(served.by("admin", "DELETE", &format!("/api/v1/keys/{id}"), None).0, 204);
    assert_eq!(served.by("dispatcher", "GET", "/api/v1/clock", None).0, 401);
    let planner = served.keys["planner"].clone();
    let dir = served.end();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut config = crate::harness::config_in(dir.path());
    config.data = dir.path().join("data");
    let daemon = runtime.block_on(xiangyun_server::daemon::Daemon::start(config)).unwrap();
    let url = daemon.url();
    let status = |key: Option<&str>, headers: &[(&str, &str)]| {
        crate::harness::request(&url, "GET", "/api/v1/clock", key, None, headers).0
    };
    assert_eq!(status(None, &[("cookie", &cookie)]), 200);
    assert_eq!(status(Some(&planner), &[]), 200);
    assert_eq!(status(Some(&dispatcher), &[]), 401);
    runtime.block_on(daemon.end()).unwrap();
}

#[test]
fn the_audit_knows_who_did_what_and_is_in_the_chain() {
    let served = serve();
    served.orders("ZTO", &["W1"]);
    let (_, audit) = served.by("auditor", "GET", "/api/v1/audit?limit=1000", None);
    let rows = audit["items"].as_array().unwrap();
    let placed = rows.iter().find(|r| r["action"] == "place order").unwrap();
    assert_eq!(placed["resource"], "order/W1");
    assert!(placed["who"].as_str().unwrap().starts_with("key:"));
    let url = format!("sqlite://{}", served.dir.path().join("data/county.db").display());
    let dir = served.end();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::open(&url).await.unwrap();
        let before = verify::county(&store, "410421").await.unwrap();
        assert!(before.events > 10);
        store.close().await;
    });
    drop(dir);
}
