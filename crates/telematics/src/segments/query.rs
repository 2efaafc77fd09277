//! Questions to the log: a vehicle's span, the fleet at an instant, everything in a box and a span.

use super::error::LogError;
use super::limits::QUERY_ROWS_MAX;
use super::log::{PositionLog, PositionsSealed, Runs, Sealed};
use super::record::{DeviceId, Record};
use super::recover::{RUNS, SEALED};
use super::runs::{Area, Extent, read_run};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Sorts by device, time, and what else tells reports apart, and drops what was sent twice.
pub(crate) fn settle(records: &mut Vec<Record>) {
    // The earliest receipt of equal reports stays.
    records.sort_unstable_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.items.cmp(&b.items)));
    records.dedup_by(|b, a| a.device == b.device && a.key() == b.key());
}

fn order(r: &Record) -> (DeviceId, i64, super::record::Key, i64) {
    (r.device, r.time_ms, r.key(), r.received_ms)
}

impl PositionLog {
    /// The positions of one device with `from_ms <= time < to_ms`, by time, each report once. Empty for a device
    /// never seen.
    ///
    /// # Errors
    /// [`LogError::Io`], [`LogError::Damaged`], or [`LogError::TooManyRows`].
    pub fn vehicle(&self, id: &str, from_ms: i64, to_ms: i64) -> Result<Vec<Record>, LogError> {
        let Some(device) = self.shared.dictionary.read().expect("readers do not panic").find(id) else {
            return Ok(Vec::new());
        };
        let mut rows = Rows::new(from_ms, to_ms, None);
        for sealed in self.segments(from_ms, to_ms) {
            self.sealed_run(&sealed, device, &mut rows)?;
        }
        self.active_run(device, &mut rows);
        rows.finish()
    }

    /// Everything inside `area` with `from_ms <= time < to_ms`, by device and time, each report once.
    ///
    /// # Errors
    /// As [`PositionLog::vehicle`].
    pub fn within(&self, area: Area, from_ms: i64, to_ms: i64) -> Result<Vec<Record>, LogError> {
        let mut rows = Rows::new(from_ms, to_ms, Some(area));
        for sealed in self.segments(from_ms, to_ms) {
            for device in Self::devices_of(&sealed) {
                self.sealed_run(&sealed, device, &mut rows)?;
            }
        }
        for index in 0..self.active_devices() {
            self.active_run(DeviceId(index), &mut rows);
        }
        rows.finish()
    }

    /// For each device its last usable position with `at_ms - max_age_ms < time <= at_ms`, by device.
    ///
    /// # Errors
    /// As [`PositionLog::vehicle`].
    pub fn fleet_at(&self, at_ms: i64, max_age_ms: i64) -> Result<Vec<Record>, LogError> {
        let from_ms = at_ms.saturating_sub(max_age_ms).saturating_add(1);
        let to_ms = at_ms.saturating_add(1);
        let mut best: BTreeMap<DeviceId, Record> = BTreeMap::new();
        let mut rows = Rows::new(from_ms, to_ms, None);
        for index in 0..self.active_devices() {
            self.active_run(DeviceId(index), &mut rows);
            rows.keep_last(&mut best);
        }
        // Newest first: most runs of older segments can then be skipped unread.
        for sealed in self.segments(from_ms, to_ms).iter().rev() {
            for device in Self::devices_of(sealed) {
                rows.from_ms = best.get(&device).map_or(from_ms, |r| r.time_ms);
                self.sealed_run(sealed, device, &mut rows)?;
                rows.keep_last(&mut best);
            }
        }
        Ok(best.into_values().collect())
    }

    /// Reads every record of the last `count` positions or somewhat more, oldest segment first, in order of arrival
    /// within a device: what a session needs to know duplicates after a restart.
    ///
    /// # Errors
    /// As [`PositionLog::vehicle`].
    pub fn recent(&self, count: u64, mut each: impl FnMut(&Record)) -> Result<(), LogError> {
        let sealed = {
            let catalog = self.shared.catalog.read().expect("readers do not panic");
            let mut have = catalog.active.count;
            let mut from = catalog.sealed.len();
            while from > 0 && have < count {
                from -= 1;
                have += catalog.sealed[from].fact.count;
            }
            catalog.sealed[from..].to_vec()
        };
        for sealed in &sealed {
            for device in Self::devices_of(sealed) {
                self.read_sealed(sealed, device, |_| true, &mut each)?;
            }
        }
        for index in 0..self.active_devices() {
            self.read_active(DeviceId(index), |_| true, &mut each);
        }
        Ok(())
    }

    /// Sequence of the oldest position that the log still holds, or of the next one if it holds none.
    #[must_use]
    pub fn oldest_seq(&self) -> u64 {
        let catalog = self.shared.catalog.read().expect("readers do not panic");
        catalog.sealed.first().map_or_else(|| self.end().segment, |s| s.fact.first_seq)
    }

    /// Reads a sealed segment vehicle by vehicle, by name, each with its positions by time and each report once.
    pub(crate) fn by_vehicle<E: From<LogError>>(
        &self,
        fact: &PositionsSealed,
        mut each: impl FnMut(&Arc<str>, Vec<Record>) -> Result<(), E>,
    ) -> Result<(), E> {
        let found = {
            let catalog = self.shared.catalog.read().expect("readers do not panic");
            catalog.sealed.iter().find(|s| s.fact.first_seq == fact.first_seq).cloned()
        };
        let Some(sealed) = found else { return Ok(()) };
        let mut named: Vec<_> = Self::devices_of(&sealed)
            .into_iter()
            .filter_map(|device| Some((self.device_id(device)?, device)))
            .collect();
        named.sort();
        for (name, device) in named {
            let mut rows = Vec::new();
            self.read_sealed(&sealed, device, |_| true, &mut |record| rows.push(record.clone()))?;
            if !rows.is_empty() {
                settle(&mut rows);
                each(&name, rows)?;
            }
        }
        Ok(())
    }

    /// Removes sealed segments, oldest first, that hold nothing after `through_seq` and were sealed before
    /// `before_ms`; gives how many. Whoever calls it has filed what is in them.
    ///
    /// # Errors
    /// [`LogError::Io`]; segments removed before stay removed.
    pub fn remove_sealed(&self, through_seq: u64, before_ms: i64) -> Result<u64, LogError> {
        let mut removed = 0;
        loop {
            let oldest = {
                let mut catalog = self.shared.catalog.write().expect("readers do not panic");
                // The next segment was made when this one was sealed.
                let next = catalog.sealed.get(1).map(|s| s.created_ms);
                let sealed_ms = next.unwrap_or(catalog.active_created_ms);
                let old = catalog.sealed.first().is_some_and(|s| {
                    let last_seq = s.fact.first_seq + s.fact.count - 1;
                    // Runs that still wait to be written to their file: the next time.
                    last_seq <= through_seq && sealed_ms < before_ms && matches!(s.runs, Runs::File(_))
                });
                if !old {
                    return Ok(removed);
                }
                catalog.sealed.remove(0)
            };
            let stem = oldest.fact.segment.trim_end_matches(SEALED);
            // The runs first: without their segment they would mean nothing.
            for name in [format!("{stem}{RUNS}"), oldest.fact.segment.clone()] {
                self.shared.disk.remove(&name).map_err(LogError::io(format!("removing {name}")))?;
            }
            removed += 1;
        }
    }

    fn segments(&self, from_ms: i64, to_ms: i64) -> Vec<Arc<Sealed>> {
        let catalog = self.shared.catalog.read().expect("readers do not panic");
        let overlaps = |s: &&Arc<Sealed>| s.fact.first_time_ms < to_ms && s.fact.last_time_ms >= from_ms;
        catalog.sealed.iter().filter(overlaps).cloned().collect()
    }

    fn devices_of(sealed: &Sealed) -> Vec<DeviceId> {
        match &sealed.runs {
            Runs::Memory(table) => (0..table.devices()).map(DeviceId).collect(),
            Runs::File(directory) => directory.places().iter().map(|p| p.device).collect(),
        }
    }

    fn active_devices(&self) -> u32 {
        self.shared.catalog.read().expect("readers do not panic").active.devices()
    }

    fn read_sealed(
        &self,
        sealed: &Sealed,
        device: DeviceId,
        wanted: impl Fn(&Extent) -> bool,
        each: &mut impl FnMut(&Record),
    ) -> Result<(), LogError> {
        let whole = match &sealed.runs {
            Runs::Memory(table) => {
                let run = table.run(device).filter(|run| wanted(&run.extent));
                run.is_none_or(|run| read_run(device, &run.bytes, each))
            }
            Runs::File(directory) => match directory.find(device).filter(|place| wanted(&place.extent)) {
                Some(place) => read_run(device, &directory.read(&*self.shared.disk, place)?, each),
                None => true,
            },
        };
        let what = "a run does not decode";
        if whole {
            Ok(())
        } else {
            Err(LogError::Damaged { segment: sealed.fact.segment.clone(), offset: 0, what })
        }
    }

    /// Reads a device's run of the open segment from a copy, so that the writer is not held up.
    fn read_active(
        &self,
        device: DeviceId,
        wanted: impl Fn(&Extent) -> bool,
        each: &mut impl FnMut(&Record),
    ) {
        let bytes = {
            let catalog = self.shared.catalog.read().expect("readers do not panic");
            match catalog.active.run(device) {
                Some(run) if wanted(&run.extent) => run.bytes.clone(),
                _ => return,
            }
        };
        let whole = read_run(device, &bytes, each);
        debug_assert!(whole, "runs in memory are our own");
    }

    fn sealed_run(&self, sealed: &Sealed, device: DeviceId, rows: &mut Rows) -> Result<(), LogError> {
        let filter = rows.filter();
        self.read_sealed(sealed, device, |extent| filter.meets(extent), &mut |record| rows.offer(record))
    }

    fn active_run(&self, device: DeviceId, rows: &mut Rows) {
        let filter = rows.filter();
        self.read_active(device, |extent| filter.meets(extent), &mut |record| rows.offer(record));
    }
}

#[derive(Clone, Copy)]
struct Filter {
    from_ms: i64,
    to_ms: i64,
    area: Option<Area>,
}

impl Filter {
    fn meets(&self, extent: &Extent) -> bool {
        extent.overlaps(self.from_ms, self.to_ms) && self.area.is_none_or(|a| a.meets(&extent.area))
    }
}

struct Rows {
    from_ms: i64,
    to_ms: i64,
    area: Option<Area>,
    found: Vec<Record>,
    too_many: bool,
}

impl Rows {
    fn new(from_ms: i64, to_ms: i64, area: Option<Area>) -> Self {
        Self { from_ms, to_ms, area, found: Vec::new(), too_many: false }
    }

    fn filter(&self) -> Filter {
        Filter { from_ms: self.from_ms, to_ms: self.to_ms, area: self.area }
    }

    fn offer(&mut self, record: &Record) {
        if record.time_ms < self.from_ms
            || record.time_ms >= self.to_ms
            || self.area.is_some_and(|a| !a.holds(record))
        {
            return;
        }
        if self.found.len() < QUERY_ROWS_MAX {
            self.found.push(record.clone());
        } else {
            self.too_many = true;
        }
    }

    fn finish(mut self) -> Result<Vec<Record>, LogError> {
        if self.too_many {
            return Err(LogError::TooManyRows { limit: QUERY_ROWS_MAX });
        }
        settle(&mut self.found);
        Ok(self.found)
    }

    fn keep_last(&mut self, best: &mut BTreeMap<DeviceId, Record>) {
        for record in self.found.drain(..).filter(Record::usable) {
            match best.get(&record.device) {
                Some(known) if order(known) >= order(&record) => {}
                _ => {
                    best.insert(record.device, record);
                }
            }
        }
    }
}
