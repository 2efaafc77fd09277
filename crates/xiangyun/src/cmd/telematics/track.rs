//! `xiangyun telematics track`: what a vehicle did.

use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::Args;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use xiangyun_model::path::CrowFlies;
use xiangyun_telematics::files::{Archive, FilesError, History, TRACKS};
use xiangyun_telematics::segments::{Clock, Folder, LogError, PositionLog, Record, Settings};
use xiangyun_telematics::track::{Day, Fence, Gap, Point, Rules, Stop, Trip, Visit, settle};

/// Arguments of `telematics track`.
#[derive(Args, Debug)]
pub(crate) struct TrackArgs {
    /// Folder of the position log
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Vehicle or terminal
    #[arg(long, value_name = "ID")]
    vehicle: String,
    /// From: local time such as 2026-11-24T06:00, or with an offset
    #[arg(long, value_name = "TIME")]
    from: String,
    /// To, not included
    #[arg(long, value_name = "TIME")]
    to: String,
    /// Fences: a CSV of id,lon,lat,radius_m
    #[arg(long, value_name = "FILE")]
    fences: Option<PathBuf>,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    vehicle: &'a str,
    from_ms: i64,
    to_ms: i64,
    positions: usize,
    unusable: usize,
    jumps: usize,
    metres: i64,
    stops: &'a [Stop],
    trips: &'a [Trip],
    gaps: &'a [Gap],
    visits: &'a [Visit],
    /// Time in UTC milliseconds, longitude and latitude in 1e-6 degree.
    track: Vec<(i64, i32, i32)>,
}

/// Reads, settles, prints. A vehicle without positions in the span has an empty track: no failure.
pub(crate) fn run(args: &TrackArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let (from_ms, to_ms) = (moment(&args.from)?, moment(&args.to)?);
    let fences = match &args.fences {
        Some(path) => read_fences(path)?,
        None => Vec::new(),
    };
    let records = read(args, from_ms, to_ms)?;
    let points: Vec<Point> = records.iter().filter_map(Point::of).collect();
    let unusable = records.len() - points.len();
    let day = settle(points, &fences, &Rules::default(), &CrowFlies { detour: 1.0 });
    if args.json {
        print_json(&Document {
            vehicle: &args.vehicle,
            from_ms,
            to_ms,
            positions: records.len(),
            unusable,
            jumps: day.jumps.len(),
            metres: day.metres,
            stops: &day.stops,
            trips: &day.trips,
            gaps: &day.gaps,
            visits: &day.visits,
            track: day.track.iter().map(|p| (p.time_ms, p.lon_e6, p.lat_e6)).collect(),
        });
    } else {
        print(&day, records.len(), lang);
    }
    Ok(ExitCode::SUCCESS)
}

fn read(args: &TrackArgs, from_ms: i64, to_ms: i64) -> Result<Vec<Record>, Failure> {
    let folder = Folder::open_for_reading(&args.dir)
        .map_err(|err| Failure::input(format!("{}: {err}", args.dir.display())))?;
    let clock: Clock = std::sync::Arc::new(|| jiff::Timestamp::now().as_millisecond());
    let failed = |err: LogError| Failure::could_not(&err);
    let log = PositionLog::open_for_reading(folder, Settings::new(clock)).map_err(failed)?;
    let failed = |err: FilesError| Failure::could_not(&err);
    let archive = Archive::open_for_reading(args.dir.join(TRACKS)).map_err(failed)?;
    History::new(&log, &archive).vehicle(&args.vehicle, from_ms, to_ms).map_err(failed)
}

/// A moment: with an offset as it says, without one in Beijing time.
fn moment(text: &str) -> Result<i64, Failure> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(at.as_millisecond());
    }
    let local = text.parse::<DateTime>().ok().and_then(|at| {
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        Some(zone.to_timestamp(at).ok()?.as_millisecond())
    });
    local.ok_or_else(|| {
        Failure::input(format!("{text}: a time such as 2026-11-24T06:00 or 2026-11-24T06:00+08:00"))
    })
}

fn read_fences(path: &std::path::Path) -> Result<Vec<Fence>, Failure> {
    let input = |text: String| Failure::input(format!("{}: {text}", path.display()));
    let mut reader = csv::Reader::from_path(path).map_err(|err| input(err.to_string()))?;
    let mut fences = Vec::new();
    for (row, line) in reader.deserialize::<(String, f64, f64, f64)>().enumerate() {
        let (id, lon, lat, radius_m) = line.map_err(|err| input(err.to_string()))?;
        let place = xiangyun_model::geo::LonLat::new(lon, lat)
            .map_err(|err| input(format!("row {}: {err}", row + 2)))?;
        fences.push(Fence::circle(
            &id,
            (place.lon * 1e6).round() as i32,
            (place.lat * 1e6).round() as i32,
            radius_m,
        ));
    }
    Ok(fences)
}

fn local(ms: i64) -> String {
    let zone = TimeZone::fixed(jiff::tz::offset(8));
    jiff::Timestamp::from_millisecond(ms)
        .map_or_else(|_| ms.to_string(), |t| zone.to_datetime(t).strftime("%m-%d %H:%M:%S").to_string())
}

fn print(day: &Day, positions: usize, lang: Lang) {
    println!(
        "{}",
        lang.pick(
            format!(
                "{positions} 条位置，行驶 {} 米，停留 {} 次，行程 {} 段",
                day.metres,
                day.stops.len(),
                day.trips.len()
            ),
            format!(
                "{positions} positions, {} m driven, {} stops, {} trips",
                day.metres,
                day.stops.len(),
                day.trips.len()
            ),
        )
    );
    for stop in &day.stops {
        let (lon, lat) = (f64::from(stop.lon_e6) / 1e6, f64::from(stop.lat_e6) / 1e6);
        println!(
            "{} - {}  {} {lon:.6},{lat:.6}",
            local(stop.from_ms),
            local(stop.to_ms),
            lang.pick("停留", "stop")
        );
    }
    for trip in &day.trips {
        println!(
            "{} - {}  {} {} m",
            local(trip.from_ms),
            local(trip.to_ms),
            lang.pick("行程", "trip"),
            trip.metres
        );
    }
    for visit in &day.visits {
        println!("{}  {} {:?}", local(visit.entered_ms), visit.fence, visit.kind);
    }
}
