//! Published frames: every key that the vector files expect is compared with what we decode.

use serde_json::Value;
use std::path::PathBuf;
use xiangyun_telematics::jt809::Cipher;
use xiangyun_telematics::lines::{decode_jt808, decode_jt809, encode_jt808, encode_jt809};

/// The lines of a vector file, or nothing, said plainly, when the folder is not there.
pub(crate) fn vectors(name: &str) -> Vec<Value> {
    let Some(folder) = std::env::var_os("XIANGYUN_TESTDATA") else {
        println!("not run: {name}, because XIANGYUN_TESTDATA is not set");
        return Vec::new();
    };
    let path = PathBuf::from(folder).join("reference").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a vector is JSON")).collect()
}

/// Frames of all vectors as bytes.
pub(crate) fn frames(name: &str) -> Vec<Vec<u8>> {
    vectors(name)
        .iter()
        .map(|v| xiangyun_telematics::wire::from_hex(v["hex"].as_str().unwrap()).unwrap())
        .collect()
}

/// Keys of `want` that `got` says otherwise.
fn differences(want: &Value, got: &Value) -> Vec<String> {
    let want = want.as_object().expect("expectations are objects");
    let differs = |(key, value): &(&String, &Value)| got.get(key.as_str()) != Some(value);
    want.iter()
        .filter(differs)
        .map(|(key, value)| format!("{key}: want {value} got {}", got[key.as_str()]))
        .collect()
}

#[test]
fn jt808_vectors() {
    let mut failures = Vec::new();
    let (mut accepted, mut refused) = (0, 0);
    for (row, vector) in vectors("jt808_vectors.jsonl").iter().enumerate() {
        let hex = vector["hex"].as_str().unwrap();
        let got = decode_jt808(hex, None);
        let mut want = vector["expect"].clone();
        if want["checksum_ok"].take() == Value::Bool(false) {
            refused += 1;
            assert_eq!(
                (&got["ok"], &got["error"]["code"]),
                (&Value::Bool(false), &"T304".into()),
                "row {row}"
            );
            continue;
        }
        accepted += 1;
        want.as_object_mut().unwrap().remove("checksum_ok");
        want["id"] = vector["msg_id"].clone();
        let message = &got["messages"][0];
        let wrong = differences(&want, message);
        if got["ok"] != Value::Bool(true) || !wrong.is_empty() {
            failures.push(format!("row {row} {}: {wrong:?} {}", vector["msg_id"], got["error"]));
        }
        if got["messages"].as_array().map(Vec::len) != Some(1) {
            failures.push(format!("row {row}: not one message"));
        }
        let edition = got["edition"].as_str().unwrap();
        if !vector["version"].as_str().unwrap().contains(edition) {
            failures.push(format!("row {row}: edition {edition}"));
        }
        let again = encode_jt808(&got, None).unwrap_or_else(|fault| fault.to_string());
        // A frame with junk before it or an escape byte as bare checksum cannot come back as it was.
        let bare = hex.ends_with("7d7e") || hex.contains("7d7d");
        if again != hex && !bare {
            failures.push(format!("row {row} {}: encoded as {again}", vector["msg_id"]));
        }
    }
    println!("jt808: {accepted} accepted, {refused} refused as they should be");
    assert!(failures.is_empty(), "{} wrong:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn jt809_vectors() {
    let mut failures = Vec::new();
    let (mut accepted, mut refused) = (0, 0);
    for (row, vector) in vectors("jt809_vectors.jsonl").iter().enumerate() {
        let hex = vector["hex"].as_str().unwrap();
        let mut want = vector["expect"].clone();
        let constant = |key: &str| want[key].as_u64().map(|number| number as u32);
        let cipher = constant("m1")
            .map(|m1| Cipher::new(m1, constant("ia1").unwrap(), constant("ic1").unwrap()).unwrap());
        let got = decode_jt809(hex, None, cipher.as_ref());
        if want["crc_ok"] == Value::Bool(false) {
            refused += 1;
            assert_eq!(
                (&got["ok"], &got["error"]["code"]),
                (&Value::Bool(false), &"T307".into()),
                "row {row}"
            );
            continue;
        }
        accepted += 1;
        for key in ["m1", "ia1", "ic1"] {
            want.as_object_mut().unwrap().remove(key);
        }
        want["id"] = vector["msg_id"].clone();
        let message = &got["messages"][0];
        let mut wrong = differences(&want, message);
        for absent in ["utc", "trailing"] {
            if want.get(absent).is_none() && message.get(absent).is_some() {
                wrong.push(format!("{absent}: should be absent"));
            }
        }
        if got["ok"] != Value::Bool(true)
            || !wrong.is_empty()
            || got["messages"].as_array().unwrap().len() != 1
        {
            failures.push(format!("row {row} {}: {wrong:?}", vector["msg_id"]));
        }
        // A message that declares a wrong length, or leaves bytes unescaped, comes back right instead.
        let wire = xiangyun_telematics::wire::from_hex(hex).unwrap();
        let inside = &wire[1..wire.len() - 1];
        let escaped = |pair: &[u8]| !matches!(pair, [0x5A | 0x5E, next] if !matches!(next, 1 | 2));
        let faithful = want["length_ok"] == Value::Bool(true)
            && inside.windows(2).all(escaped)
            && !inside.iter().any(|byte| matches!(byte, 0x5B | 0x5D));
        let again = encode_jt809(&got, None, cipher.as_ref()).unwrap_or_else(|fault| fault.to_string());
        if faithful && again != hex {
            failures.push(format!("row {row} {}: encoded as {again}", vector["msg_id"]));
        }
    }
    println!("jt809: {accepted} accepted, {refused} refused as they should be");
    assert!(failures.is_empty(), "{} wrong:\n{}", failures.len(), failures.join("\n"));
}
