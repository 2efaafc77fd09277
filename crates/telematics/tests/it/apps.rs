//! Reports of phone apps as published, with what we make of them written down here.

use crate::vectors::vectors;
use serde_json::{Value, json};
use xiangyun_telematics::lines::{Options, decode_line, encode_line};

/// What each line of `http_mqtt_vectors.jsonl` says, by its order in the file. `null` as device: refused.
fn expectations() -> Vec<Value> {
    let osmand = |device: &str, time_ms: i64, lat: i64, lon: i64, more: Value| {
        let mut all = json!({"device": device, "time_ms": time_ms, "lat_udeg": lat, "lon_udeg": lon});
        for (key, value) in more.as_object().unwrap() {
            all[key] = value.clone();
        }
        all
    };
    const T: i64 = 1_377_177_267_000;
    vec![
        json!({"device": "123456", "time_ms": T, "lat_udeg": null, "lon_udeg": null, "flags": ["no_place"], "items": [
            {"text": {"key": "cell", "value": "257,02,16,2224"}},
            {"text": {"key": "cell", "value": "257,02,16,2223,-90"}},
            {"text": {"key": "wifi", "value": "00-14-22-01-23-45,-80"}},
            {"text": {"key": "wifi", "value": "00-1C-B3-09-85-15,-70"}}]}),
        json!({"device": null, "code": "T309"}),
        osmand(
            "902064",
            1_453_920_947_000,
            42_062_880,
            -88_234_120,
            json!({"time": "2016-01-27T18:55:47Z", "alt_m": 224, "speed_dkmh": 0, "items": [{"hdop_centi": 600}]}),
        ),
        osmand(
            "902064",
            1_442_068_686_579,
            42_062_880,
            -88_234_120,
            json!({"alt_m": 224, "items": [{"hdop_centi": 600}]}),
        ),
        osmand(
            "353861053849681",
            1_401_873_011_000,
            49_606_880,
            6_157_880,
            json!({"time": "2014-06-04T09:10:11Z", "alt_m": 385, "speed_dkmh": 0, "course_deg": null}),
        ),
        osmand(
            "123456",
            T,
            60_000_000,
            30_000_000,
            json!({"speed_dkmh": 0, "course_deg": 0, "alt_m": 0, "items": [{"hdop_centi": 0}], "datum": "wgs84"}),
        ),
        osmand(
            "123456",
            T,
            60_000_000,
            30_000_000,
            json!({"speed_dkmh": null, "course_deg": null, "flags": ["fix"]}),
        ),
        json!({"device": "123456", "time_ms": null, "time": null, "lat_udeg": 60_000_000, "lon_udeg": 30_000_000,
            "course_deg": 0, "alt_m": 0, "flags": ["fix", "no_device_time"]}),
        json!({"device": "861001000719969", "time_ms": null, "lat_udeg": 41_666_667, "lon_udeg": -883_333,
            "alt_m": 350, "speed_dkmh": 0, "items": [{"battery_pct": 87}]}),
        osmand("123456", T, 60_000_000, 30_000_000, json!({"flags": ["fix"]})),
        // 40 knots; ignition is a flag, what has no field stays as text.
        osmand(
            "123456789012345",
            1_504_763_810_000,
            40_723_295,
            -74_006_141,
            json!({"course_deg": 7, "speed_dkmh": 741, "flags": ["fix", "acc_known", "acc"], "items": [
                {"text": {"key": "rpm", "value": "933"}}, {"text": {"key": "fuel", "value": "24"}}]}),
        ),
        osmand(
            "48241179",
            1_749_995_112_862,
            37_421_998,
            -122_084_000,
            json!({"speed_dkmh": 0, "course_deg": null, "alt_m": 5, "flags": ["fix"], "items": [
                {"accuracy_dm": 50}, {"battery_pct": 100}, {"mileage_m": 0},
                {"text": {"key": "charge", "value": "false"}}, {"text": {"key": "event", "value": "motionchange"}},
                {"text": {"key": "activity", "value": "still"}}]}),
        ),
        osmand(
            "48241179",
            1_749_995_112_862,
            37_421_998,
            -122_084_000,
            json!({"speed_dkmh": 0, "course_deg": null, "items": [
            {"accuracy_dm": 50}, {"battery_pct": 100}, {"mileage_m": 0},
            {"text": {"key": "charge", "value": "false"}}, {"text": {"key": "event", "value": "motionchange"}},
            {"text": {"key": "activity", "value": "still"}},
            {"text": {"key": "device_bool_false_test", "value": "false"}},
            {"text": {"key": "device_bool_test", "value": "true"}},
            {"text": {"key": "device_double_test", "value": "1.345"}},
            {"text": {"key": "device_integer_test", "value": "1"}},
            {"text": {"key": "device_integer_twelve_test", "value": "12"}},
            {"text": {"key": "device_string_test", "value": "long_device_id"}},
            {"text": {"key": "device_very_long_double_test", "value": "1763636.3442"}}]}),
        ),
        // Unknown speed, heading and battery are −1 in the app and absent here; mock is marked.
        osmand(
            "658765",
            1_746_763_890_579,
            37_785_834,
            -122_406_417,
            json!({
            "speed_dkmh": null, "course_deg": null, "alt_m": 0, "flags": ["fix", "mock"]}),
        ),
        // 18.67 m/s.
        osmand(
            "8737767034",
            1_626_854_794_444,
            -6_114_810,
            106_683_702,
            json!({
            "speed_dkmh": 672, "course_deg": 63, "alt_m": 36, "flags": ["fix"]}),
        ),
        osmand(
            "5t",
            1_551_874_878_000,
            46_068_125,
            11_151_281,
            json!({"speed_dkmh": 0, "alt_m": 440, "course_deg": null}),
        ),
        osmand("JJ", 1_497_349_316_000, 48_858_330, 2_295_130, json!({"speed_dkmh": null, "items": []})),
        osmand(
            "JJ",
            1_497_349_316_000,
            48_858_330,
            2_295_130,
            json!({"speed_dkmh": 610, "course_deg": 271, "alt_m": 167}),
        ),
        osmand("JJ", 1_497_476_456_000, 48_850_000, 2_295_000, json!({"flags": ["fix"]})),
        osmand(
            "ckrey/22A67880-15C3-41A6-9157-25545C7993AC",
            1_736_161_169_000,
            37_000_000,
            -122_000_000,
            json!({"alt_m": 0}),
        ),
        osmand(
            "qtripp/865284041968706",
            1_736_519_167_000,
            47_420_051,
            13_654_704,
            json!({
            "speed_dkmh": 0, "course_deg": 113, "alt_m": 1113}),
        ),
    ]
}

#[test]
fn published_reports() {
    let vectors = vectors("http_mqtt_vectors.jsonl");
    let expectations = expectations();
    assert!(vectors.is_empty() || vectors.len() == expectations.len());
    for (row, (vector, want)) in vectors.iter().zip(&expectations).enumerate() {
        let line = match vector.get("uri") {
            Some(uri) => json!({"uri": uri}),
            None => json!({"body": vector["body"]}),
        };
        let got = decode_line(&line.to_string(), &Options::default());
        let owntracks = vector["kind"] == "owntracks_json";
        if want["device"].is_null() {
            assert_eq!((&got["ok"], &got["error"]["code"]), (&json!(false), &want["code"]), "row {row}");
            continue;
        }
        assert_eq!(
            (&got["ok"], got["protocol"].as_str()),
            (&json!(true), Some(if owntracks { "owntracks" } else { "osmand" }))
        );
        let body = &got["messages"][0]["body"];
        for (key, value) in want.as_object().unwrap() {
            assert_eq!(&body[key], value, "row {row} {key}");
        }
    }
    println!("{} app reports compared", vectors.len());
}

/// What `encode` makes of a decoded line says the same when it is decoded.
#[test]
fn app_reports_come_back() {
    let lines = [
        r#"{"uri":"/?id=tractor-7&lat=33.87&lon=113.05&timestamp=1795478400000&speed=10&bearing=90&altitude=120&batt=81&note=%E8%B1%AB"}"#,
        r#"{"body":"{\"_type\":\"location\",\"tid\":\"zl\",\"lat\":33.87,\"lon\":113.05,\"tst\":1795478400,\"vel\":36,\"batt\":81}","topic":"owntracks/zhang/zl"}"#,
        "950171ce6b04b1000091 9aa176cd03e8ce0204d230ce06bd05d0 cd016d5a78030091 81a96d696c656167655f6dcd04d2",
    ];
    for line in lines {
        let decoded = decode_line(line, &Options::default());
        assert_eq!(decoded["ok"], true, "{decoded}");
        let again = encode_line(&decoded.to_string(), &Options::default()).unwrap();
        let mut twice = decode_line(&again, &Options::default());
        let mut once = decoded.clone();
        for side in [&mut once, &mut twice] {
            side["messages"][0]["body"].as_object_mut().unwrap().remove("speed_dkmh");
        }
        assert_eq!(twice, once, "{again}");
    }
}

/// House topics, without a file from outside.
#[test]
fn house_topics() {
    let line = r#"{"topic":"fleet/baofeng/van-3/pos","body":"{\"time_ms\":1795478400000,\"lat\":33.87,\"lon\":113.05,\"speed_kmh\":36.5}"}"#;
    let got = decode_line(line, &Options::default());
    assert_eq!(got["messages"][0]["body"]["device"], "van-3");
    assert_eq!(got["messages"][0]["body"]["speed_dkmh"], 365);
    let other = decode_line(r#"{"_type":"lwt","tst":1795478400}"#, &Options::default());
    assert_eq!((&other["ok"], &other["messages"][0]["body"]), (&json!(true), &Value::Null));
}
