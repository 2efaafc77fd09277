//! Track files as others read them: DuckDB and pandas, installed into a folder of the build where Python is there.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use xiangyun_telematics::files::{Archive, Retention};
use xiangyun_telematics::position::Flags;
use xiangyun_telematics::segments::{Chunk, NoSink, PositionLog, Record, Settings, SimDisk};
use xiangyun_telematics::session::Now;

const PACKAGES: [&str; 3] = ["duckdb>=1.4,<2", "pandas>=2.3,<4", "pyarrow>=21"];
/// Noon of 2026-11-24 in China.
const NOON: i64 = 1_795_492_800_000;

/// A Python with the readers, made once; nothing where that cannot be done.
fn python() -> Option<PathBuf> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parquet-readers");
    let python = venv.join("bin/python");
    let works = || {
        let tried = Command::new(&python).args(["-c", "import duckdb, pandas, pyarrow"]).output();
        tried.is_ok_and(|done| done.status.success())
    };
    if works() {
        return Some(python);
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(&venv).output().ok()?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
    (made.status.success() && pip.args(PACKAGES).output().ok()?.status.success() && works()).then_some(python)
}

#[test]
fn duckdb_and_pandas_read_what_was_stored() {
    let log = PositionLog::open(SimDisk::new(), Settings::for_tests(), NoSink).unwrap();
    let mut chunk = Chunk::default();
    let mut want = Vec::new();
    for (vehicle, side) in [("13900000001", 1), ("豫D12345", -1)] {
        let device = log.device(vehicle).unwrap();
        for n in 0..400_i32 {
            // Some on the day after; the second vehicle south of the equator and west of Greenwich.
            let time_ms = NOON + i64::from(n) * 150_000 + i64::from(n % 3);
            let record = Record {
                device,
                time_ms,
                device_time_ms: time_ms - 8 * 3_600_000,
                received_ms: time_ms + 900 + i64::from(n % 7),
                lon_e6: side * (113_050_000 + n * 977),
                lat_e6: side * (33_870_000 - n * 13),
                altitude_m: (n % 5 != 0).then_some(n as i16 - 100),
                speed_dkmh: (n % 11 != 0).then_some(n as u16),
                course_deg: Some((n % 360) as u16),
                status: 0xC000_0003 | (n as u32 & 1) << 2,
                alarm: 0,
                flags: Flags::FIX,
                items: if n % 2 == 0 { vec![1, 4, 0, 0, 0, n as u8] } else { Vec::new() },
                ..Record::default()
            };
            chunk.push(&record);
            let day = (time_ms + 8 * 3_600_000).div_euclid(86_400_000) - 20_781;
            want.push(json!([
                format!("2026-11-{:02}", 24 + day),
                vehicle,
                time_ms.div_euclid(1000),
                time_ms.rem_euclid(1000),
                record.received_ms - time_ms,
                record.lon_e6,
                record.lat_e6,
                record.altitude_m,
                record.speed_dkmh,
                record.course_deg,
                record.status,
                "jt808",
                if record.items.is_empty() { None } else { Some(record.items.len()) },
            ]));
        }
    }
    log.wait(log.append(&chunk).unwrap()).unwrap();
    log.seal_soon();
    while log.sealed().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let dir = tempfile::tempdir().unwrap();
    let archive = Archive::open(dir.path()).unwrap();
    archive.maintain(&log, Now::both(NOON), &Retention::default()).unwrap();
    assert_eq!((archive.size().files, archive.size().positions), (2, 800));
    let Some(python) = python() else {
        println!("not run: 1 test of readers, as Python with {PACKAGES:?} cannot be had here");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/readers.py");
    let done = Command::new(python).arg(script).arg(dir.path()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let seen: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(seen["duckdb"].as_array().unwrap().len(), want.len());
    for (seen, want) in seen["duckdb"].as_array().unwrap().iter().zip(&want) {
        assert_eq!(seen, want);
    }
    let sum = |at: usize| want.iter().map(|row| row[at].as_i64().unwrap_or(0)).sum::<i64>();
    let pandas = &seen["pandas"];
    assert_eq!(pandas["rows"], 800);
    assert_eq!(pandas["columns"].as_array().unwrap().len(), 16);
    assert_eq!((pandas["lon_sum"].as_i64(), pandas["speed_sum"].as_i64()), (Some(sum(5)), Some(sum(8))));
    assert_eq!(
        (pandas["status_max"].as_u64(), pandas["no_altitude"].as_u64()),
        (Some(0xC000_0007), Some(160))
    );
    assert_eq!(pandas["item_bytes"].as_i64(), Some(sum(12)));
}
