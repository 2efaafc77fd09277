//! The corpora of the fuzz targets, replayed.

#[path = "../../../../fuzz/src/replay.rs"]
mod replay;
#[path = "../../../../fuzz/src/telematics.rs"]
mod telematics;
#[cfg(feature = "parquet")]
#[path = "../../../../fuzz/src/tracks.rs"]
mod tracks;

use replay::replay;

#[test]
fn jt808_frame() {
    replay("jt808_frame", 50, telematics::jt808_frame);
}

#[test]
fn jt808_message() {
    replay("jt808_message", 50, telematics::jt808_message);
}

#[test]
fn jt809() {
    replay("jt809", 5, telematics::jt809);
}

#[test]
fn feeds() {
    replay("feeds", 5, telematics::feeds);
}

#[test]
fn session() {
    replay("session", 50, telematics::session);
}

#[cfg(feature = "parquet")]
#[test]
fn track_file() {
    replay("track_file", 3, |bytes| _ = tracks::track_file(bytes));
}

/// A small file of three vehicles, as a fleet would leave it.
#[cfg(feature = "parquet")]
fn made(rows: i64) -> Vec<u8> {
    use xiangyun_telematics::files::{Archive, Retention};
    use xiangyun_telematics::segments::{Chunk, NoSink, PositionLog, Record, Settings, SimDisk};
    let log = PositionLog::open(SimDisk::new(), Settings::for_tests(), NoSink).unwrap();
    let mut chunk = Chunk::default();
    for vehicle in tracks::VEHICLES {
        let device = log.device(vehicle).unwrap();
        for n in 0..rows {
            let time_ms = tracks::NOON + n * 10_000;
            chunk.push(&Record {
                device,
                time_ms,
                device_time_ms: time_ms,
                received_ms: time_ms + 400 + n * 77 % 13,
                lon_e6: 113_050_000 + (n * n % 977) as i32,
                lat_e6: 33_870_000 - n as i32,
                altitude_m: (n % 5 != 0).then_some(n as i16),
                speed_dkmh: Some((n * 37 % 600) as u16),
                course_deg: Some((n * 11 % 360) as u16),
                status: 3,
                items: if n % 3 == 0 { vec![0x31, 1, n as u8] } else { Vec::new() },
                ..Record::default()
            });
        }
    }
    log.wait(log.append(&chunk).unwrap()).unwrap();
    log.seal_soon();
    while log.sealed().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let dir = tempfile::tempdir().unwrap();
    let archive = Archive::open(dir.path()).unwrap();
    let now = xiangyun_telematics::session::Now::both(tracks::NOON);
    archive.maintain(&log, now, &Retention::default()).unwrap();
    std::fs::read(&archive.paths()[0].1).unwrap()
}

#[cfg(feature = "parquet")]
#[test]
fn track_files_with_any_byte_changed_or_cut_at_any_length() {
    let whole = made(7);
    assert_eq!(tracks::track_file(&whole), 21);
    let mut broken = whole.clone();
    for at in 0..whole.len() {
        for change in [1 << (at % 8), 0xFF] {
            broken[at] = whole[at] ^ change;
            tracks::track_file(&broken);
        }
        broken[at] = whole[at];
        tracks::track_file(&whole[..at]);
    }
}
