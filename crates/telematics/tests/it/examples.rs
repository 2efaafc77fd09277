//! One example at least of every message type: encoded, decoded, and shown in the public documentation.

use proptest::prelude::*;
use serde_json::Value;
use std::fmt::Write;
use xiangyun_telematics::jt808::{Body, Edition, Header, Message, open, segments};
use xiangyun_telematics::lines::{Options, Protocol, decode_jt808, decode_line, encode_jt808, encode_line};
use xiangyun_telematics::wire::from_hex;

const EXAMPLES: &str = include_str!("../data/jt808_examples.jsonl");
const PAGE: &str = "docs/jt808.md";

/// Examples as JSON messages.
fn examples() -> Vec<Value> {
    EXAMPLES.lines().map(|line| serde_json::from_str(line).expect("an example is JSON")).collect()
}

/// The frames of the examples.
pub(crate) fn frames() -> Vec<Vec<u8>> {
    examples().iter().map(|example| from_hex(&encode_jt808(example, None).unwrap()).unwrap()).collect()
}

/// Edition, id and body of the examples.
fn bodies() -> Vec<(u16, Edition, Vec<u8>)> {
    let mut scratch = Vec::new();
    let read = |frame: Vec<u8>| {
        let (_, segment) = segments(&frame).next().unwrap();
        let content = open(segment, &mut scratch).unwrap().content.to_vec();
        let (header, body) = Header::read(&content).unwrap();
        assert!(header.length_agrees(body));
        (header.id, header.edition(), body.to_vec())
    };
    frames().into_iter().map(read).collect()
}

#[test]
fn every_message_type_has_an_example_that_comes_back() {
    let examples = examples();
    for (id, name) in Message::ALL {
        let written = format!("0x{id:04X}");
        assert!(
            examples.iter().any(|example| example["id"] == written.as_str()),
            "{written} {name} has no example"
        );
    }
    for example in &examples {
        let hex = encode_jt808(example, None).unwrap_or_else(|fault| panic!("{example}: {fault}"));
        let decoded = decode_jt808(&hex, None);
        let message = &decoded["messages"][0];
        assert_eq!(decoded["ok"], true, "{example}");
        assert!(message.get("body_error").is_none(), "{message}");
        for (key, value) in example["body"].as_object().unwrap() {
            let shown = &message["body"][key];
            // Items and nested locations gain readings, and media data is shown by its length.
            let same = matches!(key.as_str(), "items" | "location" | "locations" | "records" | "data")
                || shown == value;
            assert!(same, "{} {key}: {value} became {shown}", example["id"]);
        }
        assert_eq!(encode_jt808(&decoded, None).unwrap(), hex, "{example}");
        let data_is_shown_by_length = message["id"] == "0x0801";
        assert_eq!(message.get("body_raw").is_some(), data_is_shown_by_length, "{message}");
    }
}

/// What the documentation says of every message type.
fn page() -> String {
    let mut page = String::from(
        "# JT/T 808 messages, each with an example\n\n\
         Written by a test from `crates/telematics/tests/data/jt808_examples.jsonl` and checked by it; to renew it after \
         a change: `UPDATE=1 cargo test -p xiangyun-telematics --test it examples`.\n\n\
         `telematics encode` turns each JSON line into the hex line after it, `telematics decode` the hex line into JSON \
         with the same fields (and readings of items beside them). Messages with a phone of 20 digits are of the 2019 \
         edition, the others of 2013 (which 2011 shares but for what is marked). Terminals send ids below 0x8000, \
         platforms the others.\n",
    );
    let examples = examples();
    for (id, name) in Message::ALL {
        let written = format!("0x{id:04X}");
        writeln!(page, "\n## {written} {name}\n").unwrap();
        for example in examples.iter().filter(|example| example["id"] == written.as_str()) {
            writeln!(page, "```text\n{example}\n{}\n```", encode_jt808(example, None).unwrap()).unwrap();
        }
    }
    page
}

#[test]
fn the_page_of_examples_is_up_to_date() {
    check_page(PAGE, &page());
}

/// Compares a page with the committed one, or writes it when `UPDATE` is set.
fn check_page(name: &str, page: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page, "{name} is out of date; run the test with UPDATE=1");
}

const FEEDS: &str = include_str!("../data/feeds_examples.jsonl");
const FEEDS_PAGE: &str = "docs/feeds.md";

/// What the documentation says of the other feeds.
fn feeds_page() -> String {
    let mut page = String::from(
        "# JT/T 809 and app feeds, each message with an example\n\n\
         Written by a test from `crates/telematics/tests/data/feeds_examples.jsonl` and checked by it; to renew it after a \
         change: `UPDATE=1 cargo test -p xiangyun-telematics --test it examples`.\n\n\
         Of JT/T 809 the first line of a block is what `telematics encode --protocol jt809` takes, the second what it \
         gives. Of the others the first line is what `telematics decode` takes, the second what it gives. Bodies \
         within `sub_raw` are those of the standard.\n",
    );
    for line in FEEDS.lines() {
        let example: Value = serde_json::from_str(line).expect("an example is JSON");
        let protocol = Protocol::parse(example["protocol"].as_str().unwrap());
        let options = Options { protocol, ..Options::default() };
        let name = example["name"].as_str().unwrap();
        if protocol == Some(Protocol::Jt809) {
            let message = example["message"].to_string();
            let hex = encode_line(&message, &options).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let decoded = decode_line(&hex, &options);
            let first = &decoded["messages"][0];
            assert_eq!(decoded["ok"], true, "{name}");
            assert!(
                first.get("body_error").is_none()
                    && first.get("body_raw").is_none_or(|_| name.contains("0x1203")),
                "{name}: {first}"
            );
            for (key, value) in example["message"]["body"].as_object().unwrap() {
                assert!(key == "location" || first["body"][key] == *value, "{name} {key}: {first}");
            }
            assert_eq!(encode_line(&decoded.to_string(), &options).unwrap(), hex, "{name}");
            writeln!(
                page,
                "\n## {} {name}\n\n```text\n{message}\n{hex}\n```",
                example["message"]["id"].as_str().unwrap()
            )
            .unwrap();
        } else {
            let line = example["line"].as_str().unwrap();
            let decoded = decode_line(line, &options);
            assert_eq!(decoded["ok"], true, "{name}: {decoded}");
            writeln!(page, "\n## {name}\n\n```text\n{line}\n{decoded}\n```").unwrap();
        }
    }
    page
}

#[test]
fn the_page_of_feeds_is_up_to_date() {
    check_page(FEEDS_PAGE, &feeds_page());
}

/// Every code that this crate's faults carry stands in the public index.
#[test]
fn every_code_is_in_the_error_index() {
    let index = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    let index = std::fs::read_to_string(index).unwrap();
    let source = include_str!("../../src/fault.rs");
    let mut codes: Vec<&str> = source.split("=> \"T").skip(1).map(|rest| &rest[..3]).collect();
    assert_eq!(codes.len(), 16);
    for source in [
        include_str!("../../src/segments/error.rs"),
        include_str!("../../src/gateway/config.rs"),
        include_str!("../../src/gateway/hub.rs"),
        include_str!("../../src/gateway/outbox.rs"),
        include_str!("../../src/files/error.rs"),
    ] {
        codes.extend(source.split("\"T").skip(1).map(|rest| &rest[..3]));
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), 16 + 8 + 5 + 2);
    for code in codes {
        assert!(index.contains(&format!("| T{code} |")), "T{code}");
    }
}

/// Writing what was read gives the same bytes, or there was nothing readable.
pub(crate) fn check_round_trip(id: u16, edition: Edition, bytes: &[u8]) {
    if let Ok(body) = Body::read(id, bytes, edition) {
        let mut again = Vec::new();
        body.write(&mut again, edition);
        assert_eq!(again, bytes, "{id:#06x} {edition:?} {body:?}");
    }
}

/// The JSON of what was read says the same message, where it says all of it.
fn check_json(id: u16, edition: Edition, bytes: &[u8]) {
    if let Ok(body) = Body::read(id, bytes, edition) {
        let json = serde_json::to_value(&body.message).expect("every message has JSON");
        if let Ok(message) = Message::from_json(id, json.clone()) {
            // Padding and media data are not in the JSON, so the second look is compared with the first.
            let mut again = Vec::new();
            message.write(&mut again, edition);
            if let Ok(second) = Body::read(id, &again, edition)
                && id != 0x0801
            {
                assert_eq!(serde_json::to_value(&second.message).unwrap(), json, "{id:#06x} {edition:?}");
            }
        }
    }
}

const EDITIONS: [Edition; 3] = [Edition::V2011, Edition::V2013, Edition::V2019];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Of any bytes whatever, under any id and edition.
    #[test]
    fn any_body_that_is_read_is_written_the_same(
        pick in any::<prop::sample::Index>(), edition in prop::sample::select(&EDITIONS[..]),
        bytes in prop::collection::vec(any::<u8>(), 0..160), counts in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..4), 0..8),
    ) {
        let (id, _) = Message::ALL[pick.index(Message::ALL.len())];
        let mut bytes = bytes;
        // Small numbers here and there make counts and lengths that fit.
        for (place, value) in counts {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
        }
        check_round_trip(id, edition, &bytes);
        check_json(id, edition, &bytes);
    }

    /// Of bodies that are nearly right.
    #[test]
    fn any_changed_example_that_is_read_is_written_the_same(
        pick in any::<prop::sample::Index>(), edition in prop::sample::select(&EDITIONS[..]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        longer in prop::collection::vec(any::<u8>(), 0..4), cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let bodies = bodies();
        let (id, _, mut bytes) = bodies[pick.index(bodies.len())].clone();
        for (place, value) in changes {
            if !bytes.is_empty() {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
        }
        bytes.extend(longer);
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        check_round_trip(id, edition, &bytes);
        check_json(id, edition, &bytes);
    }

    /// Typed values of every message: what an example says with other numbers in it still says it after a journey.
    #[test]
    fn readings_survive_the_journey(pick in any::<prop::sample::Index>(), numbers in prop::collection::vec(any::<u8>(), 8)) {
        let examples = examples();
        let mut example = examples[pick.index(examples.len())].clone();
        let mut numbers = numbers.into_iter();
        for (key, value) in example["body"].as_object_mut().unwrap() {
            // Fields that decide what follows keep their meaning.
            let decides = matches!(key.as_str(), "attr" | "count" | "type" | "op" | "len" | "status" | "card_status" | "read_result" | "result");
            if value.is_u64() && !decides {
                *value = numbers.next().unwrap_or(1).into();
            }
        }
        let hex = encode_jt808(&example, None).unwrap();
        let decoded = decode_jt808(&hex, None);
        for (key, value) in example["body"].as_object().unwrap() {
            if value.is_u64() || value.is_string() && key != "data" {
                prop_assert_eq!(&decoded["messages"][0]["body"][key], value, "{} {}", example["id"], key);
            }
        }
        prop_assert_eq!(encode_jt808(&decoded, None).unwrap(), hex);
    }
}

/// Every named bound of this crate stands in the public index with its value.
#[test]
fn every_bound_is_in_the_index_of_limits() {
    let mut rows = Vec::new();
    for (module, source) in [
        ("", include_str!("../../src/limits.rs")),
        ("segments::", include_str!("../../src/segments/limits.rs")),
        ("session::", include_str!("../../src/session/limits.rs")),
        ("gateway::", include_str!("../../src/gateway/limits.rs")),
        ("files::", include_str!("../../src/files/limits.rs")),
    ] {
        let mut said = String::new();
        for line in source.lines() {
            if let Some(text) = line.strip_prefix("/// ") {
                said = if said.is_empty() { text.to_owned() } else { format!("{said} {text}") };
            } else if let Some((name, value)) =
                line.strip_prefix("pub const ").and_then(|l| l.split_once(" = "))
            {
                let name = name.split(':').next().unwrap();
                let value = value.trim_end_matches(';').replace('_', ",").replace("Duration::from,", "");
                rows.push(format!(
                    "| `telematics::{module}limits::{name}` | {value} | {} |",
                    said.trim_end_matches('.')
                ));
                said.clear();
            } else {
                said.clear();
            }
        }
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/limits.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let ours = |line: &&str| line.starts_with("| `telematics::");
    if std::env::var_os("UPDATE").is_some() {
        let before = page.lines().take_while(|l| !ours(l));
        let after = page.lines().skip_while(|l| !ours(l)).filter(|l| !ours(l));
        let all: Vec<&str> = before.chain(rows.iter().map(String::as_str)).chain(after).collect();
        std::fs::write(&path, all.join("\n") + "\n").unwrap();
        return;
    }
    let found: Vec<&str> = page.lines().filter(ours).collect();
    assert_eq!(found, rows, "UPDATE=1 writes them anew");
}
