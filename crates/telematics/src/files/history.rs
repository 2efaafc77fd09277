//! Questions over segments and track files alike.

use super::archive::Archive;
use super::error::FilesError;
use super::read::Wanted;
use crate::segments::limits::QUERY_ROWS_MAX;
use crate::segments::{Area, LogError, PositionLog, Record, settle};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A position with the name of its vehicle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The vehicle.
    pub vehicle: Arc<str>,
    /// Its position.
    pub record: Record,
}

/// A log and its archive, asked as one.
pub struct History<'a> {
    log: &'a PositionLog,
    archive: &'a Archive,
}

impl<'a> History<'a> {
    /// The history of a log and the archive beside it.
    #[must_use]
    pub fn new(log: &'a PositionLog, archive: &'a Archive) -> Self {
        Self { log, archive }
    }

    /// The positions of one vehicle with `from_ms <= time < to_ms`, by time, each report once.
    ///
    /// # Errors
    /// [`FilesError`], of which [`LogError::TooManyRows`] when the answer would be longer than its bound.
    pub fn vehicle(&self, vehicle: &str, from_ms: i64, to_ms: i64) -> Result<Vec<Record>, FilesError> {
        let wanted = Wanted { from_ms, to_ms, area: None };
        let mut rows = self.of_log(|log| log.vehicle(vehicle, from_ms, to_ms))?;
        let log_from = self.log.oldest_seq();
        let device = self.log.known_device(vehicle).unwrap_or_default();
        let alone = rows.is_empty();
        let mut files = 0;
        self.archive.each_file(&wanted, log_from, |file| {
            for run in file.runs_of(vehicle).iter().filter(|run| wanted.meets(run)) {
                files += 1;
                let found = file.read(run, &wanted, device)?;
                // A day in one file, the usual case, is not copied.
                if rows.is_empty() {
                    rows = found;
                } else {
                    rows.extend(found);
                }
            }
            bound(rows.len())
        })?;
        if files > 1 || !alone {
            settle(&mut rows);
        }
        Ok(rows)
    }

    /// Everything inside `area` with `from_ms <= time < to_ms`, by vehicle and time, each report once.
    ///
    /// # Errors
    /// As [`History::vehicle`].
    pub fn within(&self, area: Area, from_ms: i64, to_ms: i64) -> Result<Vec<Located>, FilesError> {
        let wanted = Wanted { from_ms, to_ms, area: Some(area) };
        let mut rows: BTreeMap<Arc<str>, Vec<Record>> = BTreeMap::new();
        let mut count = 0;
        for record in self.of_log(|log| log.within(area, from_ms, to_ms))? {
            count += 1;
            rows.entry(self.name(&record)).or_default().push(record);
        }
        let log_from = self.log.oldest_seq();
        self.archive.each_file(&wanted, log_from, |file| {
            for run in file.runs.iter().filter(|run| wanted.meets(run)) {
                let device = self.log.known_device(&run.vehicle).unwrap_or_default();
                let found = rows.entry(Arc::clone(&run.vehicle)).or_default();
                let before = found.len();
                found.extend(file.read(run, &wanted, device)?);
                count += found.len() - before;
                bound(count)?;
            }
            Ok(())
        })?;
        let mut all = Vec::with_capacity(count);
        for (vehicle, mut found) in rows {
            settle(&mut found);
            all.extend(found.into_iter().map(|record| Located { vehicle: Arc::clone(&vehicle), record }));
        }
        Ok(all)
    }

    /// For each vehicle its last usable position with `at_ms - max_age_ms < time <= at_ms`, by name.
    ///
    /// # Errors
    /// As [`History::vehicle`].
    pub fn fleet_at(&self, at_ms: i64, max_age_ms: i64) -> Result<Vec<Located>, FilesError> {
        let wanted = Wanted {
            from_ms: at_ms.saturating_sub(max_age_ms).saturating_add(1),
            to_ms: at_ms.saturating_add(1),
            area: None,
        };
        let mut best: BTreeMap<Arc<str>, Record> = BTreeMap::new();
        for record in self.of_log(|log| log.fleet_at(at_ms, max_age_ms))? {
            best.insert(self.name(&record), record);
        }
        let log_from = self.log.oldest_seq();
        self.archive.each_file(&wanted, log_from, |file| {
            for run in file.runs.iter().filter(|run| wanted.meets(run)) {
                let known = best.get(&run.vehicle);
                if known.is_some_and(|record| record.time_ms > run.time_ms.1) {
                    continue;
                }
                let device = self.log.known_device(&run.vehicle).unwrap_or_default();
                if let Some(record) = file.last(run, &wanted, device)?
                    && known.is_none_or(|known| later(known, &record))
                {
                    best.insert(Arc::clone(&run.vehicle), record);
                }
            }
            Ok(())
        })?;
        Ok(best.into_iter().map(|(vehicle, record)| Located { vehicle, record }).collect())
    }

    /// Asks the log. The archive is asked after it, for what the log does not hold then: a segment that retention
    /// removes meanwhile has been filed before, so nothing falls between the two.
    fn of_log<T>(&self, ask: impl Fn(&PositionLog) -> Result<T, LogError>) -> Result<T, LogError> {
        match ask(self.log) {
            // Removed while it was being read.
            Err(LogError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                ask(self.log)
            }
            other => other,
        }
    }

    fn name(&self, record: &Record) -> Arc<str> {
        self.log.device_id(record.device).unwrap_or_else(|| Arc::from(""))
    }
}

/// Whether the second comes after the first, in the order of [`settle`].
fn later(known: &Record, other: &Record) -> bool {
    (known.time_ms, known.key()) < (other.time_ms, other.key())
}

fn bound(rows: usize) -> Result<(), FilesError> {
    if rows > QUERY_ROWS_MAX {
        return Err(LogError::TooManyRows { limit: QUERY_ROWS_MAX }.into());
    }
    Ok(())
}
