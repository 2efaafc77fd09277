//! The alliance rule: vehicles and routes are shared; a customer's data is for its own carrier and for whoever holds the
//! parcel, while they hold it.

use crate::harness::{VILLAGE, order, serve, standing, trip};
use serde_json::{Value, json};
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_store::{backend::Store, backup, verify};

fn person(served: &crate::harness::Served, key: &str, id: &str) -> (u16, Option<String>) {
    let (status, body) = served.call("GET", &format!("/api/v1/orders/{id}"), Some(key), None);
    (status, body["detail"]["person"]["name"].as_str().map(str::to_owned))
}

#[test]
fn two_carriers_never_mix_and_custody_opens_the_person() {
    let served = serve();
    served.orders("POST", &["P1", "P2"]);
    served.orders("ZTO", &["Z1", "Z2"]);
    let post = served.keys["carrier"].clone();
    let zto = served.key(&standing("carrier", "ZTO"));
    let (_, list) = served.call("GET", "/api/v1/orders", Some(&post), None);
    let ids: Vec<&str> =
        list["items"].as_array().unwrap().iter().map(|o| o["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["P1", "P2"]);
    // Another's orders are not there: neither read, nor changed, nor tracked, nor claimed, nor returned.
    assert_eq!(person(&served, &post, "Z1").0, 404);
    for (method, path, body) in [
        ("PATCH", "/api/v1/orders/Z1", json!({ "agreed": "door" })),
        ("DELETE", "/api/v1/orders/Z1", json!({})),
        ("GET", "/api/v1/track/Z1", Value::Null),
        ("POST", "/api/v1/track/Z1", Value::Null),
        ("POST", "/api/v1/claims", json!({ "order": "Z1", "cause": "x", "fen": 1 })),
        ("POST", "/api/v1/returns", json!({ "order": "Z1", "step": "start" })),
        ("POST", "/api/v1/orders/Z1/erasure", Value::Null),
    ] {
        let body = (!body.is_null()).then_some(body);
        assert_eq!(served.call(method, path, Some(&post), body.as_ref()).0, 404, "{method} {path}");
    }
    // Nor are orders placed in another's name.
    assert_eq!(served.call("POST", "/api/v1/orders", Some(&post), Some(&order("Z9", "ZTO"))).0, 404);
    // The person: its own carrier, and nobody above the carriers.
    assert_eq!(person(&served, &post, "P1"), (200, Some("收件人P1".into())));
    assert_eq!(person(&served, &zto, "Z1"), (200, Some("收件人Z1".into())));
    for role in ["admin", "planner", "dispatcher", "auditor", "regulator"] {
        assert_eq!(person(&served, &served.keys[role], "P1"), (200, None), "{role}");
    }
    // The keeper sees the parcel that comes, but its person only while holding it.
    let keeper = served.keys["keeper"].clone();
    assert_eq!(person(&served, &keeper, "P1"), (200, None));
    let hand = |from: Value, to: Value, site: &str| json!({ "site": site, "from": from, "to": to, "items": [{ "item": "P1" }], "confirmed": true });
    let hub = json!({ "kind": "site", "id": "HUB" });
    let truck = json!({ "kind": "vehicle", "id": "T1" });
    let point = json!({ "kind": "site", "id": VILLAGE });
    served.day(DayCommand::Publish { plan: "p".into(), trips: vec![trip(&["P1"])] });
    for (from, to, site) in
        [(json!({ "kind": "carrier", "id": "POST" }), hub.clone(), "HUB"), (hub, truck.clone(), "HUB")]
    {
        let (status, body) =
            served.by("dispatcher", "POST", "/api/v1/handovers", Some(&hand(from, to, site)));
        assert_eq!(status, 201, "{body}");
    }
    let driver = served.keys["driver"].clone();
    assert_eq!(person(&served, &driver, "P1"), (200, Some("收件人P1".into())));
    assert_eq!(person(&served, &keeper, "P1"), (200, None));
    let (status, body) =
        served.call("POST", "/api/v1/handovers", Some(&driver), Some(&hand(truck, point, VILLAGE)));
    assert_eq!(status, 201, "{body}");
    assert_eq!(person(&served, &driver, "P1"), (200, None), "custody has passed on");
    assert_eq!(person(&served, &keeper, "P1"), (200, Some("收件人P1".into())));
    let shelve = json!({ "kind": "shelve", "items": [{ "item": "P1" }] });
    let (status, body) =
        served.call("POST", &format!("/api/v1/stops/{VILLAGE}/scans"), Some(&keeper), Some(&shelve));
    assert_eq!(status, 200, "{body}");
    let code = body["shelves"][0]["code"].as_str().unwrap().to_owned();
    let proof = |code: &str| json!({ "order": "P1", "proof": "code", "code": code });
    let path = format!("/api/v1/stops/{VILLAGE}/proof");
    let (status, body) = served.call("POST", &path, Some(&keeper), Some(&proof("000000x")));
    assert_eq!((status, body["code"].as_str()), (422, Some("D206")), "{body}");
    assert_eq!(served.call("POST", &path, Some(&keeper), Some(&proof(&code))).0, 200);
    assert_eq!(person(&served, &keeper, "P1"), (200, None), "delivered");
    served.end();
}

#[test]
fn an_erased_person_is_unreadable_and_everything_still_verifies() {
    let served = serve();
    served.orders("POST", &["P1", "P2"]);
    let post = served.keys["carrier"].clone();
    let path = served.dir.path().join("before.xyb");
    let url = format!("sqlite://{}", served.dir.path().join("data/county.db").display());
    let store = served.runtime.block_on(Store::open(&url)).unwrap();
    served.runtime.block_on(backup::write(&store, &path)).unwrap();
    assert_eq!(served.call("POST", "/api/v1/orders/P1/erasure", Some(&post), None).0, 200);
    assert_eq!(person(&served, &post, "P1"), (200, None));
    assert_eq!(person(&served, &post, "P2"), (200, Some("收件人P2".into())));
    served.runtime.block_on(async {
        verify::county(&store, "410421").await.unwrap();
        backup::write(&store, &path).await.unwrap();
        let restored =
            Store::open(&format!("sqlite://{}", path.with_extension("db").display())).await.unwrap();
        backup::restore(&restored, &path).await.unwrap();
        verify::county(&restored, "410421").await.unwrap();
    });
    // No name or phone lies anywhere in the clear.
    let raw = std::fs::read(served.dir.path().join("data/county.db")).unwrap();
    for word in ["收件人P1", "13800138000", "某村 1 号"] {
        assert!(!raw.windows(word.len()).any(|w| w == word.as_bytes()), "{word} lies in the database");
    }
    served.end();
}
