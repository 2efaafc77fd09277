//! What must hold for any bytes where a track file should be. Called by the fuzz target with what it finds and by
//! ordinary tests with the corpus.

use std::path::PathBuf;
use std::sync::OnceLock;
use xiangyun_telematics::files::{Archive, FilesError, History};
use xiangyun_telematics::segments::{Area, NoSink, PositionLog, Settings, SimDisk};

/// Vehicles of the corpus.
pub(crate) const VEHICLES: [&str; 3] = ["13900000001", "13900000002", "豫D12345"];
/// Noon of the corpus' day, 2026-11-24 in China, UTC milliseconds.
pub(crate) const NOON: i64 = 1_795_492_800_000;

/// An empty log, and the folder that the file is put into; both are made once for each process.
fn place() -> &'static (PositionLog, PathBuf, PathBuf) {
    static PLACE: OnceLock<(PositionLog, PathBuf, PathBuf)> = OnceLock::new();
    PLACE.get_or_init(|| {
        tolerate_libraries();
        let log = PositionLog::open(SimDisk::new(), Settings::for_tests(), NoSink).expect("an empty log");
        let dir = std::env::temp_dir().join(format!("xiangyun-track-file-{}", std::process::id()));
        let day = dir.join("day=2026-11-24");
        std::fs::create_dir_all(&day).expect("a folder for the file");
        (log, dir, day.join("positions-0000000000000000-0000000000000fff.parquet"))
    })
}

/// A panic inside a library is caught where it is called; a fuzzer, which ends at any panic, is not told of it.
fn tolerate_libraries() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|at| at.file().contains("/registry/src/")) {
            before(panic);
        }
    }));
}

/// A file that cannot be read costs a coded error that names it, never a panic. Gives the rows that it answered with.
pub(crate) fn track_file(data: &[u8]) -> usize {
    let (log, dir, file) = place();
    std::fs::write(file, data).expect("the file is written");
    match questions(log, dir) {
        Ok(rows) => rows,
        Err(err) => {
            assert_eq!(err.code(), "T371", "{err}");
            assert!(err.to_string().contains("positions-"), "{err}");
            0
        }
    }
}

/// Asks every question once.
fn questions(log: &PositionLog, dir: &PathBuf) -> Result<usize, FilesError> {
    let archive = Archive::open_for_reading(dir)?;
    archive.column_bytes()?;
    let history = History::new(log, &archive);
    let whole = VEHICLES.map(|vehicle| history.vehicle(vehicle, i64::MIN, i64::MAX));
    let part = VEHICLES.map(|vehicle| history.vehicle(vehicle, NOON, NOON + 60_000));
    let area = Area {
        min_lon_e6: 113_000_000,
        min_lat_e6: 33_800_000,
        max_lon_e6: 113_060_000,
        max_lat_e6: 33_900_000,
    };
    history.within(area, NOON - 3_600_000, NOON + 3_600_000)?;
    history.fleet_at(NOON + 3_600_000, 86_400_000)?;
    for answer in part {
        answer?;
    }
    whole.into_iter().try_fold(0, |rows, answer| Ok(rows + answer?.len()))
}
