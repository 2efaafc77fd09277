//! `xiangyun telematics` as its users run it: lines decoded and encoded back, a gateway fed by `replay` and `load`, and
//! what it stored asked for.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const XIANGYUN: &str = env!("CARGO_BIN_EXE_xiangyun");

/// Own frames of the documentation, as hex.
fn frames() -> Vec<String> {
    let page = include_str!("../../../../docs/jt808.md");
    page.lines().filter(|line| line.starts_with("7e") && line.ends_with("7e")).map(str::to_owned).collect()
}

fn telematics(args: &[&str]) -> Command {
    let mut command = Command::new(XIANGYUN);
    command.args(["--lang", "en", "telematics"]).args(args);
    command
}

/// Runs a command on lines; its answer and exit code.
fn through(args: &[&str], lines: &[String]) -> (Vec<String>, Option<i32>) {
    let mut child = telematics(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = lines.join("\n") + "\n";
    let writing = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let done = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    (String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect(), done.status.code())
}

/// Runs a command to its end; the JSON document that it prints.
fn json(args: &[&str]) -> Value {
    let done = telematics(args).output().unwrap();
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

#[test]
fn lines_are_decoded_and_encoded_back_and_a_bad_one_costs_itself() {
    let mut lines = frames();
    assert!(lines.len() > 80, "{}", lines.len());
    let (decoded, code) = through(&["decode"], &lines);
    assert_eq!((decoded.len(), code), (lines.len(), Some(0)));
    let (encoded, code) = through(&["encode", "--protocol", "jt808"], &decoded);
    assert_eq!((&encoded, code), (&lines, Some(0)));
    lines.insert(3, "7e02007d037e".to_owned());
    lines.insert(5, "not hex".to_owned());
    let (decoded, code) = through(&["decode", "--protocol", "jt808"], &lines);
    assert_eq!((decoded.len(), code), (lines.len(), Some(0)));
    let bad: Vec<usize> = decoded
        .iter()
        .enumerate()
        .filter(|(_, line)| serde_json::from_str::<Value>(line).unwrap()["ok"] == false)
        .map(|(at, _)| at)
        .collect();
    assert_eq!(bad, [3, 5]);
    assert!(decoded[3].contains("T303"), "{}", decoded[3]);
}

struct Gateway {
    child: Child,
    address: String,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

fn gateway(dir: &Path) -> Gateway {
    let config = dir.join("gateway.toml");
    let text = format!("dir = {:?}\ntcp = \"127.0.0.1:0\"\n", dir.join("positions"));
    std::fs::write(&config, text).unwrap();
    let mut child = telematics(&["gateway", "--config", config.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = lines
        .find_map(|line| line.unwrap().strip_prefix("listening jt808/tcp ").map(str::to_owned))
        .expect("it says where it listens");
    Gateway { child, address, lines }
}

#[test]
fn a_gateway_takes_replays_and_fleets_and_drains_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut gateway = gateway(dir.path());
    let captured = dir.path().join("captured.hex");
    let up: Vec<String> = frames().into_iter().filter(|frame| frame.as_bytes()[2] == b'0').collect();
    std::fs::write(&captured, up.join("\n")).unwrap();
    let replayed = json(&["replay", captured.to_str().unwrap(), "--to", &gateway.address, "--json"]);
    assert_eq!(replayed["frames"], up.len());
    assert!(replayed["replies"].as_u64().unwrap() as usize > up.len() / 2, "{replayed}");
    let fleet = [
        "load",
        "--to",
        &gateway.address,
        "--terminals",
        "8",
        "--seconds",
        "3",
        "--every",
        "0.1",
        "--blind",
        "30",
        "--resend",
        "500",
        "--wrong-clock",
        "0",
        "--json",
    ];
    let fleet = json(&fleet);
    assert_eq!(fleet["acknowledged"], fleet["reports"], "{fleet}");
    assert_eq!(fleet["broken"], 0, "{fleet}");
    // How many reports fit into three seconds is the machine's business; that every terminal reported is not.
    assert!(fleet["resent"].as_u64().unwrap() > 0 && fleet["reports"].as_u64().unwrap() > 8, "{fleet}");

    let ended = Command::new("kill").args(["-TERM", &gateway.child.id().to_string()]).status().unwrap();
    assert!(ended.success());
    assert!(gateway.child.wait().unwrap().success());
    let counts = gateway.lines.map(Result::unwrap).last().unwrap();
    let counts: Value = serde_json::from_str(&counts).unwrap();
    assert_eq!((&counts["open"], &counts["panicked"]), (&0.into(), &0.into()), "{counts}");

    let positions = dir.path().join("positions");
    let track = json(&[
        "track",
        "--dir",
        positions.to_str().unwrap(),
        "--vehicle",
        "13900000001",
        "--from",
        "2020-01-01T00:00:00+08:00",
        "--to",
        "2099-01-01T00:00:00+08:00",
        "--json",
    ]);
    assert!(track["positions"].as_u64().unwrap() > 0, "{track}");
}
