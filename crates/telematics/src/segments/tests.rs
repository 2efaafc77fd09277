use super::record::tests::any_record;
use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

fn record(device: DeviceId, n: i64) -> Record {
    Record {
        device,
        time_ms: n * 1_000,
        device_time_ms: n * 1_000,
        received_ms: n * 1_000 + 700,
        lon_e6: 113_050_000 + n as i32,
        lat_e6: 33_870_000,
        flags: crate::position::Flags::FIX,
        items: vec![1, 4, 0, 0, 0, n as u8],
        ..Record::default()
    }
}

#[derive(Clone, Default)]
struct Facts(Arc<Mutex<Vec<PositionsSealed>>>);

impl Sink for Facts {
    fn sealed(&mut self, fact: &PositionsSealed) {
        self.0.lock().unwrap().push(fact.clone());
    }
}

fn put(log: &PositionLog, id: &str, numbers: impl Iterator<Item = i64>) -> Result<Ticket, Refused> {
    let device = log.device(id)?;
    let mut chunk = Chunk::default();
    numbers.for_each(|n| chunk.push(&record(device, n)));
    log.append(&chunk)
}

fn times(log: &PositionLog, id: &str) -> Vec<i64> {
    log.vehicle(id, i64::MIN, i64::MAX).unwrap().iter().map(|r| r.time_ms / 1_000).collect()
}

#[test]
fn segments_roll_and_answer_alike_before_and_after_opening() {
    let disk = SimDisk::new();
    let facts = Facts::default();
    let settings = Settings { segment_bytes: 4_000, ..Settings::for_tests() };
    let log = PositionLog::open(disk.clone(), settings.clone(), facts.clone()).unwrap();
    for n in 0..200 {
        let ticket = put(&log, ["A1", "B2"][n as usize % 2], std::iter::once(n)).unwrap();
        log.wait(ticket).unwrap();
    }
    let evens: Vec<i64> = (0..200).step_by(2).collect();
    assert_eq!(times(&log, "A1"), evens);
    let sealed = facts.0.lock().unwrap().clone();
    assert!(sealed.len() > 2, "{} segments sealed", sealed.len());
    assert_eq!(sealed, log.sealed());
    for pair in sealed.windows(2) {
        assert_eq!(pair[0].first_seq + pair[0].count, pair[1].first_seq, "sequences have no gap");
        assert_eq!(pair[0].hash, pair[1].previous_hash, "hashes chain");
    }
    drop(log);
    let facts = Facts::default();
    let log = PositionLog::open(disk.clone(), settings.clone(), facts.clone()).unwrap();
    assert_eq!(*facts.0.lock().unwrap(), sealed, "facts are told again");
    assert_eq!(times(&log, "A1"), evens);
    assert_eq!(log.statistics().torn_bytes, 0);
    assert_eq!(log.last_seq(), 200);
    let fleet = log.fleet_at(150_000, 1_000_000).unwrap();
    assert_eq!(fleet.iter().map(|r| r.time_ms).collect::<Vec<_>>(), [150_000, 149_000]);
    assert_eq!(log.fleet_at(150_000, 500).unwrap().len(), 1, "older than asked for is not given");
    let area = Area {
        min_lon_e6: 113_050_010,
        max_lon_e6: 113_050_020,
        min_lat_e6: 33_000_000,
        max_lat_e6: 34_000_000,
    };
    let inside = log.within(area, 0, 18_000).unwrap();
    assert_eq!(inside.len(), 8, "{inside:?}");
    let looking = PositionLog::open_for_reading(disk.clone(), settings).unwrap();
    assert_eq!(times(&looking, "A1"), evens);
    assert_eq!(put(&looking, "A1", 0..1), Err(Refused::Closed));
    let mut seen = 0;
    log.recent(1_000, |_| seen += 1).unwrap();
    assert_eq!(seen, 200);
}

#[test]
fn runs_files_are_rebuilt_when_they_are_gone() {
    let disk = SimDisk::new();
    let settings = Settings { segment_bytes: 2_000, ..Settings::for_tests() };
    let log = PositionLog::open(disk.clone(), settings.clone(), NoSink).unwrap();
    for n in 0..100 {
        log.wait(put(&log, "A", std::iter::once(n)).unwrap()).unwrap();
    }
    drop(log);
    for name in disk.list().unwrap().iter().filter(|n| n.ends_with(".run")) {
        disk.remove(name).unwrap();
    }
    let log = PositionLog::open(disk, settings, NoSink).unwrap();
    assert_eq!(times(&log, "A"), (0..100).collect::<Vec<_>>());
}

#[test]
fn many_links_share_a_sync() {
    let disk = SimDisk::new();
    // As long as a real disk takes: what comes meanwhile goes together.
    disk.set_sync_takes(std::time::Duration::from_millis(5));
    let settings = Settings::for_tests();
    let log = PositionLog::open(disk.clone(), settings, NoSink).unwrap();
    let together = std::sync::Barrier::new(16);
    std::thread::scope(|scope| {
        for link in 0..16 {
            let (log, together) = (&log, &together);
            scope.spawn(move || {
                for n in 0..20 {
                    together.wait();
                    let ticket = put(log, &format!("T{link}"), std::iter::once(n)).unwrap();
                    log.wait(ticket).unwrap();
                    assert_eq!(
                        times(log, &format!("T{link}")).len(),
                        n as usize + 1,
                        "acknowledged is visible"
                    );
                }
            });
        }
    });
    assert!(log.statistics().commits < 160, "320 appends took {} commits", log.statistics().commits);
    assert_eq!(log.statistics().positions, 320);
}

#[test]
fn a_full_disk_refuses_by_name_and_goes_on_by_itself() {
    let disk = SimDisk::new();
    let settings = Settings { pending_bytes_max: 4_000, ..Settings::for_tests() };
    let log = PositionLog::open(disk.clone(), settings.clone(), NoSink).unwrap();
    log.wait(put(&log, "A", 0..10).unwrap()).unwrap();
    disk.set_capacity(Some(disk.used() + 100));
    let mut last = log.last_ticket();
    let mut n = 10;
    let refused = loop {
        match put(&log, "A", n..n + 10) {
            Ok(ticket) => last = ticket,
            Err(refused) => break refused,
        }
        n += 10;
        assert!(n < 10_000, "the queue has no bound");
    };
    assert_eq!(refused, Refused::Full);
    assert!(!log.is_durable(last));
    assert_eq!(times(&log, "A").len(), 10, "reads go on, and show only what is durable");
    while log.statistics().disk_full == 0 {
        std::thread::yield_now();
    }
    disk.set_capacity(None);
    log.wait(last).unwrap();
    assert_eq!(times(&log, "A"), (0..n).collect::<Vec<_>>());
    drop(log);
    let log = PositionLog::open(disk, settings, NoSink).unwrap();
    assert_eq!(times(&log, "A"), (0..n).collect::<Vec<_>>());
}

#[test]
fn a_failed_sync_ends_the_log_and_acknowledges_nothing() {
    let disk = SimDisk::new();
    let log = PositionLog::open(disk.clone(), Settings::for_tests(), NoSink).unwrap();
    log.wait(put(&log, "A", 0..5).unwrap()).unwrap();
    disk.fail_at(2, Fault::Error); // the append passes, its sync fails
    let ticket = put(&log, "A", 5..10).unwrap();
    assert_eq!(log.wait(ticket), Err(Refused::Failed));
    assert_eq!(put(&log, "A", 10..11), Err(Refused::Failed));
    assert!(log.failed());
}

/// Fails operation 1, 2, 3 … by error and by loss of power, until a run gets through: whatever was acknowledged is
/// there afterwards, in order, once.
#[test]
fn every_operation_may_fail() {
    for fault in [Fault::Error, Fault::Crash] {
        for n in 1.. {
            assert!(n < 2_000, "the run never gets through");
            let disk = SimDisk::new();
            let settings = Settings { segment_bytes: 1_500, ..Settings::for_tests() };
            disk.fail_at(n, fault);
            let mut acked = BTreeSet::new();
            let mut whole = true;
            if let Ok(log) = PositionLog::open(disk.clone(), settings.clone(), NoSink) {
                for i in 0..60 {
                    match put(&log, "A", std::iter::once(i)).and_then(|t| log.wait(t)) {
                        Ok(()) => {
                            acked.insert(i);
                        }
                        Err(_) => {
                            whole = false;
                            break;
                        }
                    }
                }
            } else {
                whole = false;
            }
            let reached = disk.operations() >= n;
            disk.restart(n * 77 + 1);
            let log = PositionLog::open(disk.clone(), settings, NoSink)
                .unwrap_or_else(|e| panic!("{fault:?} {n}: {e}"));
            let there = times(&log, "A");
            assert!(
                acked.iter().all(|i| there.contains(i)),
                "{fault:?} at {n}: acked {acked:?}, there {there:?}"
            );
            assert!(there.windows(2).all(|w| w[0] + 1 == w[1]), "{fault:?} at {n}: a hole in {there:?}");
            log.wait(put(&log, "A", 900..901).unwrap()).unwrap();
            if whole && !reached {
                break;
            }
        }
    }
}

#[test]
fn rot_below_the_vouched_length_is_refused_by_name() {
    let disk = SimDisk::new();
    let log = PositionLog::open(disk.clone(), Settings::for_tests(), NoSink).unwrap();
    for n in 0..50 {
        log.wait(put(&log, "A", std::iter::once(n)).unwrap()).unwrap();
    }
    drop(log);
    let name = disk.list().unwrap().into_iter().find(|n| n.ends_with(".open")).unwrap();
    let bits = disk.length(&name).unwrap() as usize * 8;
    let (mut refused, mut prefixes) = (0, 0);
    for k in 0..400 {
        let bit = (k * 7919 + 13) % bits;
        disk.flip(&name, bit);
        match PositionLog::open_for_reading(disk.clone(), Settings::for_tests()) {
            Err(LogError::Damaged { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
            Ok(log) => {
                // Only the last commit has no later mark to vouch for it.
                assert!(times(&log, "A").len() >= 49, "bit {bit}: a hole");
                prefixes += 1;
            }
        }
        disk.flip(&name, bit);
    }
    assert!(refused > 350, "{refused} refused, {prefixes} opened to a prefix");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against a plain list as the model: any records, any batches, any crash.
    #[test]
    fn what_was_acknowledged_is_there_after_a_crash(
        batches in prop::collection::vec(prop::collection::vec(any_record(), 1..8), 1..12),
        crash_at in 3u64..60,
        seed in any::<u64>(),
        segment_bytes in 300u64..3_000,
    ) {
        let disk = SimDisk::new();
        let settings = Settings { segment_bytes, ..Settings::for_tests() };
        let mut acked: Vec<Record> = Vec::new();
        let mut sent: Vec<Record> = Vec::new();
        disk.fail_at(crash_at, Fault::Crash);
        if let Ok(log) = PositionLog::open(disk.clone(), settings.clone(), NoSink) {
            for batch in &batches {
                let mut chunk = Chunk::default();
                for r in batch {
                    let Ok(device) = log.device(&format!("D{}", r.device.0)) else { break };
                    chunk.push(&Record { device, ..r.clone() });
                    sent.push(Record { device, ..r.clone() });
                }
                let Ok(ticket) = log.append(&chunk) else { break };
                if log.wait(ticket).is_err() { break }
                acked = sent.clone();
            }
        }
        disk.restart(seed);
        let log = PositionLog::open(disk, settings, NoSink).unwrap();
        let mut there = Vec::new();
        log.recent(u64::MAX, |r| there.push(r.clone())).unwrap();
        prop_assert_eq!(there.len() as u64, log.last_seq());
        for r in &acked {
            prop_assert!(there.contains(r), "lost {:?}", r);
        }
        for r in &there {
            prop_assert!(sent.contains(r), "invented {:?}", r);
        }
    }
}

/// What a follower gives: positions by sequence, messages by their bytes.
fn followed(follower: &mut Follower) -> Vec<String> {
    let mut given = Vec::new();
    while follower
        .read(|durable| {
            given.push(match durable {
                Durable::Position { seq, record } => format!("{seq}@{}", record.time_ms / 1_000),
                Durable::Message { received_ms, content, .. } => format!("m{received_ms}:{content:?}"),
            });
        })
        .unwrap()
        > 0
    {}
    given
}

#[test]
fn a_follower_gives_everything_once_through_rolls_and_openings() {
    let disk = SimDisk::new();
    let settings = Settings { segment_bytes: 2_000, ..Settings::for_tests() };
    let log = PositionLog::open(disk.clone(), settings.clone(), NoSink).unwrap();
    let mut follower = log.follow(Cursor::default());
    assert!(followed(&mut follower).is_empty());
    assert!(!follower.wait(std::time::Duration::from_millis(1)).unwrap());
    let mut all = Vec::new();
    let mut cursors = Vec::new();
    for n in 0..150 {
        let device = log.device(["A1", "B2", "C3"][n as usize % 3]).unwrap();
        let mut chunk = Chunk::default();
        if n % 10 == 0 {
            chunk.push_message(device, n, &[n as u8, 7]);
            all.push(format!("m{n}:{:?}", [n as u8, 7]));
        }
        chunk.push(&record(device, n));
        all.push(format!("{}@{n}", n + 1));
        log.wait(log.append(&chunk).unwrap()).unwrap();
        assert!(follower.wait(std::time::Duration::from_secs(5)).unwrap());
        let given = followed(&mut follower);
        assert_eq!(given, all[all.len() - given.len()..], "at {n}");
        cursors.push((all.len(), follower.cursor()));
    }
    assert!(log.sealed().len() > 3);
    assert_eq!(follower.cursor(), log.end());
    assert_eq!(followed(&mut log.follow(Cursor::default())), all, "from the beginning");
    drop((log, follower));
    let log = PositionLog::open(disk.clone(), settings.clone(), NoSink).unwrap();
    for (before, cursor) in cursors {
        assert_eq!(followed(&mut log.follow(cursor)), all[before..], "{cursor:?}");
    }
    let looking = PositionLog::open_for_reading(disk, settings).unwrap();
    let mut reader = looking.follow(Cursor::default());
    assert_eq!(followed(&mut reader), all);
    // The writer goes on and renames the file that the reader knows as open: what it knows of stays readable.
    let mut late = looking.follow(Cursor::default());
    log.seal_soon();
    for _ in 0..1_000 {
        if log.sealed().len() > looking.sealed().len() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert_eq!(followed(&mut late), all);
}
