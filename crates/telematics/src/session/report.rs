//! Reports of feeds without a session: phone apps, brokers, batches.

use super::clock::{ClockVerdict, judge_clock};
use super::link::{Names, Now};
use super::registry::{Registry, lock};
use super::stored::record_of;
use crate::position::{Flags, Position};
use crate::segments::{Chunk, Refused};

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// Put into the chunk.
    Stored,
    /// Had been reported before: durable when all appended so far is.
    Duplicate,
    /// Carries no place: a sign of life.
    Alive,
    /// Of a device that is not taken.
    TurnedAway,
}

impl Registry {
    /// Takes a report of a feed other than JT/T 808: repairs clock and datum by the device's setting, drops what was
    /// reported before, puts the rest into the chunk.
    ///
    /// # Errors
    /// [`Refused`] if the device's name cannot be kept.
    pub fn report(
        &self,
        position: &Position,
        names: &dyn Names,
        now: Now,
        chunk: &mut Chunk,
    ) -> Result<Reported, Refused> {
        let Some(shared) = self.find_or_make(&position.terminal, names)? else {
            return Ok(Reported::TurnedAway);
        };
        if position.flags.has(Flags::NO_PLACE) {
            return Ok(Reported::Alive);
        }
        let mut terminal = lock(&shared);
        let mut record = match terminal.profile.datum {
            Some(datum) => record_of(&Position { datum, ..position.clone() }, terminal.device),
            None => record_of(position, terminal.device),
        };
        record.received_ms = now.business_ms;
        let told = (!position.flags.has(Flags::NO_DEVICE_TIME)).then_some(position.time_ms);
        // Phones keep what they could not send and send it later: the wide range of backfill is theirs.
        let judged = judge_clock(told, now.business_ms, told.is_some(), terminal.profile.clock_offset_ms);
        record.time_ms = judged.time_ms;
        match judged.verdict {
            ClockVerdict::Good => {}
            ClockVerdict::Repaired => record.flags = record.flags.with(Flags::TIME_REPAIRED),
            ClockVerdict::Quarantined => record.flags = record.flags.with(Flags::QUARANTINED),
        }
        if !self.settings().region.holds(&record) {
            record.flags = record.flags.with(Flags::QUARANTINED);
        }
        if terminal.recent.seen(record.key().digest(), record.device_time_ms, true) {
            return Ok(Reported::Duplicate);
        }
        chunk.push(&record);
        Ok(Reported::Stored)
    }
}
