//! Bytes a position in track files, lossless, footers counted; a vehicle's day out of segments and out of files.

use super::days::{MORNING_MS, Roads, with_delays, with_items};
use super::report::{Report, at_permille};
use std::error::Error;
use std::path::Path;
use std::time::Instant;
use xiangyun_telematics::files::{Archive, History, Retention, TRACKS};
use xiangyun_telematics::gateway::Clocks;
use xiangyun_telematics::segments::{Chunk, Folder, NoSink, PositionLog, Record, Settings};
use xiangyun_telematics::session::Now;

/// Vans of the figures by position, and of the whole days.
const VANS: u64 = 60;
const VANS_ALL_DAY: u64 = 20;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;

pub(crate) fn run(report: &mut Report) -> Result<(), Box<dyn Error>> {
    let county = Roads::county()?;
    whole_days(report, &county)?;
    for roads in std::iter::once(county).chain(Roads::real()) {
        bytes(report, &roads, &Extra::Nothing)?;
        bytes(report, &roads, &Extra::Delays)?;
        bytes(report, &roads, &Extra::Items)?;
    }
    Ok(())
}

/// What comes beside the position itself.
#[derive(PartialEq)]
enum Extra {
    Nothing,
    Delays,
    Items,
}

/// A log in a folder with the days of a fleet, as they would have come.
fn fleet(
    roads: &Roads,
    dir: &Path,
    vans: u64,
    hours: i64,
    extra: &Extra,
) -> Result<(PositionLog, Vec<Vec<Record>>), Box<dyn Error>> {
    let log = PositionLog::open(Folder::open(dir)?, Settings::new(Clocks::system().wall), NoSink)?;
    let mut days = Vec::new();
    for van in 0..vans {
        let device = log.device(&format!("{}", 13_900_000_000 + van))?;
        let mut day = roads.day(device, hours, 1_000 + van);
        match extra {
            Extra::Nothing => {}
            Extra::Delays => with_delays(&mut day, van),
            Extra::Items => with_items(&mut day),
        }
        if hours > 18 {
            // From midnight, so that the day of the calendar holds all of it.
            day.iter_mut().for_each(to_midnight);
        }
        days.push(day);
    }
    let mut all: Vec<&Record> = days.iter().flatten().collect();
    all.sort_by_key(|r| r.received_ms);
    for part in all.chunks(2_000) {
        let mut chunk = Chunk::default();
        part.iter().for_each(|r| chunk.push(r));
        log.wait(log.append(&chunk)?)?;
    }
    log.seal_soon();
    while log.sealed().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Ok((log, days))
}

fn bytes(report: &mut Report, roads: &Roads, extra: &Extra) -> Result<(), Box<dyn Error>> {
    let dir = super::folder()?;
    let (log, days) = fleet(roads, dir.path(), VANS, 12, extra)?;
    let archive = Archive::open(dir.path().join(TRACKS))?;
    let before = xiangyun_benches::clock::thread_cpu_s();
    archive.maintain(&log, Now::both(MORNING_MS + DAY_MS), &Retention::default())?;
    let spent = xiangyun_benches::clock::thread_cpu_s() - before;
    let size = archive.size();
    let count: usize = days.iter().map(Vec::len).sum();
    let each = size.bytes as f64 / size.positions as f64;
    let moving = days.iter().flatten().filter(|r| r.speed_dkmh != Some(0)).count();
    let row = format!("bytes a position, {}", roads.name);
    let also = match extra {
        Extra::Nothing => None,
        Extra::Delays => Some("with times of receipt to the millisecond over a mobile network"),
        Extra::Items => Some("with odometer, signal and satellites as items"),
    };
    if let Some(what) = also {
        report.note(&row, what, each, "bytes");
        return Ok(());
    }
    report.note(&row, "positions", count as f64, "rows");
    report.note(&row, "share in motion", moving as f64 / count as f64, "");
    report.below(&row, "whole files over their positions", each, 5.5, "bytes");
    report.note(&row, "filing, of one core", count as f64 / spent, "positions/s");
    for (path, value) in column_sizes(&archive)? {
        report.note(&row, &format!("of these {path}"), value / size.positions as f64, "bytes");
    }
    queries(report, &row, roads, (&log, &archive, &days), dir.path())
}

fn to_midnight(record: &mut Record) {
    record.time_ms -= 6 * HOUR_MS;
    record.device_time_ms -= 6 * HOUR_MS;
    record.received_ms -= 6 * HOUR_MS;
}

/// Days of 24 hours, times of receipt as a mobile network makes them: 8,640 positions of each vehicle.
fn whole_days(report: &mut Report, roads: &Roads) -> Result<(), Box<dyn Error>> {
    let dir = super::folder()?;
    let (log, days) = fleet(roads, dir.path(), VANS_ALL_DAY, 24, &Extra::Delays)?;
    let archive = Archive::open(dir.path().join(TRACKS))?;
    archive.maintain(&log, Now::both(MORNING_MS + DAY_MS), &Retention::default())?;
    queries(report, "whole days", roads, (&log, &archive, &days), dir.path())
}

/// Asks for every vehicle's day: out of segments, and out of files once only these are left.
fn queries(
    report: &mut Report,
    row: &str,
    roads: &Roads,
    (log, archive, days): (&PositionLog, &Archive, &[Vec<Record>]),
    dir: &Path,
) -> Result<(), Box<dyn Error>> {
    let segments = query(log, &Archive::open_for_reading(dir.join("none"))?, days)?;
    let began = Instant::now();
    while !log.sealed().is_empty() && began.elapsed().as_secs() < 60 {
        let keep = Retention { segments_days: Some(0), ..Retention::default() };
        archive.maintain(log, Now::both(i64::MAX), &keep)?;
    }
    let files = query(log, archive, days)?;
    report.holds(row, "every row as it was stored", segments.2 && files.2);
    for (what, (p50, p99, _)) in [("segments", segments), ("files", files)] {
        let row = format!("a vehicle's day of {} positions, {}", days[0].len(), roads.name);
        report.below(&row, &format!("out of {what}, median"), p50, 1.0, "ms");
        report.note(&row, &format!("out of {what}, p99"), p99, "ms");
    }
    Ok(())
}

/// Median and p99 of a vehicle's day in milliseconds, and whether each answer was right.
fn query(
    log: &PositionLog,
    archive: &Archive,
    days: &[Vec<Record>],
) -> Result<(f64, f64, bool), Box<dyn Error>> {
    let history = History::new(log, archive);
    let (mut times, mut right) = (Vec::new(), true);
    for round in 0..5 {
        for day in days {
            let name = log.device_id(day[0].device).ok_or("a device without a name")?;
            let began = Instant::now();
            let found = history.vehicle(&name, MORNING_MS - 6 * HOUR_MS, MORNING_MS + 18 * HOUR_MS)?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
            right &= round > 0 || found == *day;
        }
    }
    times.sort_by(f64::total_cmp);
    Ok((at_permille(&times, 500), at_permille(&times, 990), right))
}

/// Bytes by column, and of what is around them.
fn column_sizes(archive: &Archive) -> Result<Vec<(String, f64)>, Box<dyn Error>> {
    let mut sizes = archive.column_bytes()?;
    let columns: u64 = sizes.iter().map(|(_, bytes)| bytes).sum();
    sizes.push(("footers and indexes".to_owned(), archive.size().bytes - columns));
    Ok(sizes.into_iter().map(|(name, bytes)| (name, bytes as f64)).collect())
}
