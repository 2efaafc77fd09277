use super::*;
use crate::position::{Feed, Flags};
use crate::segments::{Area, Chunk, DeviceId, NoSink, PositionLog, Record, Settings, SimDisk};
use crate::session::Now;
use proptest::prelude::*;
use xiangyun_model::geo::Datum;

/// Noon of 2026-11-24 in China.
const NOON: i64 = 1_795_492_800_000;
const DAY: i64 = 86_400_000;

fn everything(log: &PositionLog, archive: &Archive) -> Vec<Record> {
    let mut all = Vec::new();
    for id in log.devices() {
        all.extend(History::new(log, archive).vehicle(&id, i64::MIN, i64::MAX).unwrap());
    }
    all
}

fn append(log: &PositionLog, records: &[(&str, Record)]) {
    let mut chunk = Chunk::default();
    for (id, record) in records {
        chunk.push(&Record { device: log.device(id).unwrap(), ..record.clone() });
    }
    log.wait(log.append(&chunk).unwrap()).unwrap();
}

fn seal(log: &PositionLog) {
    let before = log.sealed().len();
    log.seal_soon();
    while log.sealed().len() == before {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

fn point(second: i64) -> Record {
    Record {
        time_ms: NOON + second * 1_000,
        device_time_ms: NOON + second * 1_000,
        received_ms: NOON + second * 1_000 + 640,
        lon_e6: 113_050_000 + second as i32 * 100,
        lat_e6: 33_870_000 + (second % 7) as i32,
        altitude_m: Some(80),
        speed_dkmh: Some(421),
        course_deg: Some(90),
        status: 3,
        flags: Flags::FIX,
        items: vec![1, 4, 0, 0, 0, second as u8],
        ..Record::default()
    }
}

fn any_record() -> impl Strategy<Value = (usize, Record)> {
    let near = NOON - 3 * DAY..NOON + DAY;
    let time = prop_oneof![8 => near, 1 => -(1i64 << 46)..(1i64 << 46)];
    (
        (0usize..4, time.clone(), time.clone(), time),
        (any::<i32>(), any::<i32>(), any::<Option<i16>>(), any::<Option<u16>>(), any::<Option<u16>>()),
        (any::<u32>(), any::<u32>(), any::<u16>(), prop::collection::vec(any::<u8>(), 0..40), 0usize..15),
    )
        .prop_map(|((id, t, d, r), (lon, lat, alt, speed, course), (status, alarm, flags, items, o))| {
            let feeds = [Feed::Jt808, Feed::Jt809, Feed::Osmand, Feed::Owntracks, Feed::Msgpack];
            let record = Record {
                device: DeviceId(0),
                time_ms: t,
                device_time_ms: d,
                received_ms: r,
                lon_e6: lon,
                lat_e6: lat,
                altitude_m: alt,
                speed_dkmh: speed,
                course_deg: course,
                status,
                alarm,
                flags: Flags(flags),
                feed: feeds[o % 5],
                datum: [Datum::Wgs84, Datum::Gcj02, Datum::Bd09][o / 5],
                items,
            };
            (id, record)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn files_hold_what_segments_held_whatever_it_is(
        parts in prop::collection::vec(prop::collection::vec(any_record(), 1..30), 1..5),
        area in any::<[i32; 4]>(),
    ) {
        let names = ["B2", "13900000001", "A1", "车"];
        let log = PositionLog::open(SimDisk::new(), Settings::for_tests(), NoSink).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let nothing = Archive::open_for_reading(dir.path().join("none")).unwrap();
        for part in &parts {
            let part: Vec<_> = part.iter().map(|(id, r)| (names[*id], r.clone())).collect();
            append(&log, &part);
            seal(&log);
        }
        let before = everything(&log, &nothing);
        let area = Area {
            min_lon_e6: area[0].min(area[1]),
            max_lon_e6: area[0].max(area[1]),
            min_lat_e6: area[2].min(area[3]),
            max_lat_e6: area[2].max(area[3]),
        };
        let history = History::new(&log, &nothing);
        let within = history.within(area, NOON - DAY, NOON).unwrap();
        let fleet = history.fleet_at(NOON, 2 * DAY).unwrap();
        let span = history.vehicle("A1", NOON - DAY, NOON + 3).unwrap();

        let archive = Archive::open(dir.path()).unwrap();
        let keep = Retention { segments_days: Some(0), ..Retention::default() };
        let mut done = archive.maintain(&log, Now::both(NOON + 9 * DAY), &Retention::default()).unwrap();
        prop_assert_eq!(done.filed_segments, parts.len() as u64);
        // Runs are put beside their segments by a thread of the log.
        let began = std::time::Instant::now();
        while !log.sealed().is_empty() && began.elapsed().as_secs() < 5 {
            done = archive.maintain(&log, Now::both(i64::MAX), &keep).unwrap();
        }
        prop_assert_eq!(log.sealed().len(), 0, "{:?}", done);
        prop_assert!(log.vehicle("A1", i64::MIN, i64::MAX).unwrap().is_empty());
        for archive in [&archive, &Archive::open(dir.path()).unwrap(), &Archive::open_for_reading(dir.path()).unwrap()] {
            prop_assert_eq!(&everything(&log, archive), &before);
            let history = History::new(&log, archive);
            prop_assert_eq!(&history.within(area, NOON - DAY, NOON).unwrap(), &within);
            prop_assert_eq!(&history.vehicle("A1", NOON - DAY, NOON + 3).unwrap(), &span);
            prop_assert_eq!(&history.fleet_at(NOON, 2 * DAY).unwrap(), &fleet);
        }
    }
}

#[test]
fn days_are_filed_merged_asked_and_dropped() {
    let log = PositionLog::open(SimDisk::new(), Settings::for_tests(), NoSink).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let archive = Archive::open(dir.path()).unwrap();
    // Two days in two segments, the second with late points of the first day and one sent again.
    append(&log, &(0..500).map(|n| ("V1", point(n * 10))).collect::<Vec<_>>());
    seal(&log);
    let late = |n: i64| ("V1", Record { received_ms: NOON + DAY, ..point(n) });
    append(&log, &(0..100).map(|n| ("V2", point(DAY / 1_000 + n * 10))).collect::<Vec<_>>());
    append(&log, &[late(5), late(15), late(20)]);
    seal(&log);
    append(&log, &[("V1", point(6_000))]);
    let keep = Retention::default();
    let done = archive.maintain(&log, Now::both(NOON + DAY), &keep).unwrap();
    assert_eq!((done.filed_segments, done.filed_positions, done.merged_days), (2, 603, 0));
    assert_eq!(archive.paths().len(), 3, "{:?}", archive.paths());
    assert_eq!(archive.maintain(&log, Now::both(NOON + DAY), &keep).unwrap(), Maintained::default());
    let history = History::new(&log, &archive);
    let first_day = history.vehicle("V1", NOON, NOON + DAY / 2).unwrap();
    assert_eq!(first_day.len(), 503, "the open segment and the files together, each report once");
    // The day is over: with eight files or much late, its files become one.
    for n in 0..6 {
        append(&log, &[("V3", point(700 + n))]);
        seal(&log);
    }
    let done = archive.maintain(&log, Now::both(NOON + DAY), &keep).unwrap();
    assert_eq!((done.filed_segments, done.merged_days), (6, 1));
    assert_eq!(archive.paths().len(), 2);
    assert_eq!(history.vehicle("V1", NOON, NOON + DAY / 2).unwrap(), first_day);
    let fleet = history.fleet_at(NOON + 703_500, DAY).unwrap();
    let seen: Vec<_> = fleet.iter().map(|l| (&*l.vehicle, (l.record.time_ms - NOON) / 1_000)).collect();
    assert_eq!(seen, [("V1", 700), ("V3", 703)]);
    // Somebody still reads from sequence 501: the first segment may go, the others stay.
    let keep = Retention { segments_days: Some(1), files_days: Some(1), hold_from_seq: Some(501) };
    while log.sealed().first().is_some_and(|s| s.first_seq == 1) {
        archive.maintain(&log, Now::both(NOON + 9 * DAY), &keep).unwrap();
    }
    assert_eq!(log.oldest_seq(), 501);
    assert_eq!(archive.size().files, 0);
    assert!(std::fs::read_dir(dir.path()).unwrap().count() == 1, "only the mark is left");
    assert_eq!(history.vehicle("V1", NOON, NOON + DAY / 2).unwrap().len(), 4, "what the log still holds");
}

#[test]
fn what_a_crash_leaves_behind_does_no_harm() {
    let log = PositionLog::open(SimDisk::new(), Settings::for_tests(), NoSink).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let archive = Archive::open(dir.path()).unwrap();
    for part in 0..3 {
        append(&log, &(0..50).map(|n| ("V1", point(part * 500 + n * 10))).collect::<Vec<_>>());
        seal(&log);
    }
    archive.maintain(&log, Now::both(NOON), &Retention::default()).unwrap();
    let whole = everything(&log, &archive);
    let old: Vec<_> =
        archive.paths().into_iter().map(|(_, path)| (path.clone(), std::fs::read(path).unwrap())).collect();
    archive.maintain(&log, Now::both(NOON + DAY), &Retention::default()).unwrap();
    assert_eq!(archive.paths().len(), 1);
    // Killed between the rename of the merged file and the removal of its parts; and while a file was being made.
    for (path, bytes) in &old {
        std::fs::write(path, bytes).unwrap();
    }
    std::fs::write(old[0].0.with_extension("parquet.tmp"), b"half").unwrap();
    // Killed before the mark was written: the last segment is filed again.
    std::fs::write(dir.path().join("filed.json"), b"{\"through\":100}").unwrap();
    let reading = Archive::open_for_reading(dir.path()).unwrap();
    assert_eq!(reading.size().positions, 150);
    let archive = Archive::open(dir.path()).unwrap();
    assert_eq!(archive.size().positions, 150);
    archive.maintain(&log, Now::both(NOON + DAY), &Retention::default()).unwrap();
    let archive = Archive::open(dir.path()).unwrap();
    assert_eq!((archive.size().files, archive.size().positions), (1, 150));
    while !log.sealed().is_empty() {
        let keep = Retention { segments_days: Some(0), ..Retention::default() };
        archive.maintain(&log, Now::both(i64::MAX), &keep).unwrap();
    }
    assert_eq!(everything(&log, &archive), whole);
    // A file that is not ours is named.
    let path = &archive.paths()[0].1;
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() - 9]).unwrap();
    let err = Archive::open(dir.path()).err().unwrap();
    assert_eq!(err.code(), "T371", "{err}");
}
