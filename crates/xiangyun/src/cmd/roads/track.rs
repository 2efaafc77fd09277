//! Tracks as CSV: `time,lon,lat`, and the datum that `--datum` names.

use super::failure;
use crate::report::Failure;
use clap::ValueEnum;
use std::path::Path;
use xiangyun_model::geo::{Datum, LonLat};
use xiangyun_model::problem::{Problem, Problems};
use xiangyun_roads::RoadsError;
use xiangyun_roads::matching::{FIXES_MAX, Fix};

/// Datum of a feed.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum FeedDatum {
    /// GPS and OpenStreetMap
    #[default]
    Wgs84,
    /// AMap, Tencent, many terminals
    Gcj02,
    /// Baidu
    Bd09,
}

impl FeedDatum {
    pub(super) fn datum(self) -> Datum {
        match self {
            Self::Wgs84 => Datum::Wgs84,
            Self::Gcj02 => Datum::Gcj02,
            Self::Bd09 => Datum::Bd09,
        }
    }
}

/// A track with the times as written.
pub(super) struct TrackFile {
    pub(super) fixes: Vec<Fix>,
    pub(super) times: Vec<String>,
}

/// Reads `time,lon,lat` (and `accuracy_m` if there is one); all faults at once. `time` is seconds, or a time with zone
/// such as `2026-11-24T08:00:00+08:00`, or a civil time, which is read as if it were UTC.
pub(super) fn read_track(path: &Path, datum: Datum, json: bool) -> Result<TrackFile, Failure> {
    let file = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let mut problems = Problems::new();
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_path(path)
        .map_err(|e| Failure::Input(format!("R001 {}: {e}", path.display())))?;
    let headers: Vec<String> = reader
        .headers()
        .map(|h| h.iter().map(|n| n.trim_start_matches('\u{feff}').to_owned()).collect())
        .unwrap_or_default();
    let at = |name: &str| headers.iter().position(|h| h == name);
    let mut fault = |row: u64, column: &str, found: &str, want: &str| {
        problems.push(Problem {
            code: "R060",
            file: file.clone(),
            row,
            column: column.into(),
            found: found.into(),
            want: want.into(),
        });
    };
    let mut track = TrackFile { fixes: Vec::new(), times: Vec::new() };
    let (Some(time), Some(lon), Some(lat)) = (at("time"), at("lon"), at("lat")) else {
        fault(1, "", &headers.join(","), "the first row must name the columns time, lon and lat");
        return Err(Failure::Problems { problems, json });
    };
    let accuracy = at("accuracy_m");
    for (i, record) in reader.records().enumerate() {
        let row = i as u64 + 2;
        if track.fixes.len() >= FIXES_MAX {
            let found = track.fixes.len() as u64;
            let err = RoadsError::TooMuch { what: "fixes of a track", found, max: FIXES_MAX as u64 };
            return Err(failure(&err));
        }
        let record = match record {
            Ok(record) => record,
            Err(e) => {
                fault(row, "", "", &format!("not a row of UTF-8 CSV: {e}"));
                continue;
            }
        };
        let cell = |c: usize| record.get(c).unwrap_or("");
        let time_s = seconds(cell(time));
        if time_s.is_none() {
            fault(row, "time", cell(time), "not a time; seconds, or such as 2026-11-24T08:00:00+08:00");
        }
        let mut degrees = [f64::NAN; 2];
        for (k, (column, name)) in [(lon, "lon"), (lat, "lat")].into_iter().enumerate() {
            match cell(column).parse::<f64>() {
                Ok(value) => degrees[k] = value,
                Err(_) => fault(row, name, cell(column), "not a number; degrees such as 113.05"),
            }
        }
        match (time_s, LonLat::new(degrees[0], degrees[1])) {
            (Some(time_s), Ok(place)) => {
                let accuracy_m =
                    accuracy.and_then(|c| cell(c).parse::<f64>().ok()).filter(|a| a.is_finite() && *a > 0.0);
                track.fixes.push(Fix { time_s, place: datum.to_wgs84(place), accuracy_m });
                track.times.push(cell(time).to_owned());
            }
            (_, Err(_)) if degrees.iter().all(|d| !d.is_nan()) => {
                fault(
                    row,
                    "lon",
                    &format!("{} {}", degrees[0], degrees[1]),
                    "not a place on earth in degrees",
                );
            }
            _ => {}
        }
    }
    if problems.is_empty() { Ok(track) } else { Err(Failure::Problems { problems, json }) }
}

/// Reads the places of a CSV file with the columns `lon` and `lat`, in the datum that they are in.
pub(super) fn read_points(path: &Path, json: bool) -> Result<Vec<LonLat>, Failure> {
    let file = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let mut problems = Problems::new();
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_path(path)
        .map_err(|e| Failure::Input(format!("R001 {}: {e}", path.display())))?;
    let headers: Vec<String> = reader
        .headers()
        .map(|h| h.iter().map(|n| n.trim_start_matches('\u{feff}').to_owned()).collect())
        .unwrap_or_default();
    let at = |name: &str| headers.iter().position(|h| h == name);
    let mut fault = |row: u64, column: &str, found: String, want: &str| {
        let (column, want) = (column.into(), want.into());
        problems.push(Problem { code: "R060", file: file.clone(), row, column, found, want });
    };
    let mut points = Vec::new();
    if let (Some(lon), Some(lat)) = (at("lon"), at("lat")) {
        for (row, record) in (2u64..).zip(reader.records()).take(FIXES_MAX) {
            let cell = |c: usize| record.as_ref().ok().and_then(|r| r.get(c)).unwrap_or("").to_owned();
            match (cell(lon).parse::<f64>(), cell(lat).parse::<f64>()) {
                (Ok(x), Ok(y)) if LonLat::new(x, y).is_ok() => points.push(LonLat { lon: x, lat: y }),
                (Ok(_), _) => fault(row, "lat", cell(lat), "degrees such as 33.87"),
                _ => fault(row, "lon", cell(lon), "degrees such as 113.05"),
            }
        }
    } else {
        fault(1, "", headers.join(","), "the first row must name the columns lon and lat");
    }
    if problems.is_empty() { Ok(points) } else { Err(Failure::Problems { problems, json }) }
}

fn seconds(text: &str) -> Option<f64> {
    if let Ok(value) = text.parse::<f64>() {
        return value.is_finite().then_some(value);
    }
    let of = |t: jiff::Timestamp| t.as_microsecond() as f64 / 1e6;
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(of(moment));
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(civil).ok().map(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_moments() {
        assert_eq!(seconds("12.5"), Some(12.5));
        assert_eq!(seconds("1970-01-01T08:00:10+08:00"), Some(10.0));
        assert_eq!(seconds("1970-01-01 00:00:10"), Some(10.0));
        assert_eq!(seconds("yesterday"), None);
        assert_eq!(seconds("NaN"), None);
    }
}
