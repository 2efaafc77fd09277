//! Split messages on their way up: what has come, what is missing.

use crate::jt808::{Header, Packet};
use crate::limits::{PARTS_AGE_MAX_MS, PARTS_BYTES_MAX, PARTS_MAX, PARTS_OPEN_MAX};

/// Wait for a missing part before it is asked for, milliseconds.
const ASK_AFTER_MS: i64 = 5_000;
/// Times that missing parts are asked for.
const ASK_TIMES: u8 = 3;
/// Missing parts named in one question.
const ASK_NUMBERS_MAX: usize = 125;

/// Split messages of one link.
#[derive(Default)]
pub(super) struct Parts {
    open: Vec<Open>,
}

struct Open {
    header: Header,
    first_sequence: u16,
    total: u16,
    /// Bodies where they are kept, else empty; `None` has not come.
    bodies: Vec<Option<Vec<u8>>>,
    came: u16,
    bytes: usize,
    began_ms: i64,
    heard_ms: i64,
    asked: u8,
}

/// Parts to ask for.
pub(super) struct Missing {
    pub(super) header: Header,
    pub(super) first_sequence: u16,
    pub(super) numbers: Vec<u16>,
}

/// The part cannot be taken: its numbers make no sense or a bound is reached.
pub(super) struct NotTaken;

impl Parts {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.open.iter().map(|o| o.bytes + o.bodies.capacity() * size_of::<Option<Vec<u8>>>()).sum()
    }

    /// Takes a part; gives the whole body when it was the last. Where `keep` is not set only the first part's body
    /// is kept, for the head of the message.
    pub(super) fn take(
        &mut self,
        header: &Header,
        packet: Packet,
        body: &[u8],
        keep: bool,
        now_ms: i64,
    ) -> Result<Option<Vec<u8>>, NotTaken> {
        let Packet { total, number } = packet;
        if number == 0 || number > total || total > PARTS_MAX {
            return Err(NotTaken);
        }
        let first_sequence = header.sequence.wrapping_sub(number - 1);
        let same = |o: &Open| {
            o.header.id == header.id
                && o.first_sequence == first_sequence
                && o.total == total
                && o.header.phone.bytes() == header.phone.bytes()
        };
        let at = match self.open.iter().position(same) {
            Some(at) => at,
            None => {
                if self.open.len() >= PARTS_OPEN_MAX {
                    // The one that waited longest gives way.
                    let oldest = (0..self.open.len()).min_by_key(|at| self.open[*at].heard_ms).unwrap_or(0);
                    self.open.remove(oldest);
                }
                self.open.push(Open {
                    header: *header,
                    first_sequence,
                    total,
                    bodies: Vec::new(),
                    came: 0,
                    bytes: 0,
                    began_ms: now_ms,
                    heard_ms: now_ms,
                    asked: 0,
                });
                self.open.len() - 1
            }
        };
        let kept: &[u8] = if keep || number == 1 { body } else { &[] };
        if self.bytes() + kept.len() > PARTS_BYTES_MAX {
            self.open.remove(at);
            return Err(NotTaken);
        }
        let open = &mut self.open[at];
        open.heard_ms = now_ms;
        if open.bodies.len() < usize::from(number) {
            open.bodies.resize(usize::from(number), None);
        }
        let slot = &mut open.bodies[usize::from(number) - 1];
        if slot.is_none() {
            *slot = Some(kept.to_vec());
            open.came += 1;
            open.bytes += kept.len();
        }
        if open.came < total {
            return Ok(None);
        }
        let whole = self.open.remove(at).bodies.into_iter().flatten().flatten().collect();
        Ok(Some(whole))
    }

    pub(super) fn expire(&mut self, now_ms: i64) {
        self.open.retain(|o| now_ms.saturating_sub(o.began_ms) < PARTS_AGE_MAX_MS);
    }

    /// Messages whose missing parts are to be asked for now.
    pub(super) fn missing(&mut self, now_ms: i64) -> Vec<Missing> {
        let mut found = Vec::new();
        for open in &mut self.open {
            if open.asked >= ASK_TIMES || now_ms.saturating_sub(open.heard_ms) < ASK_AFTER_MS {
                continue;
            }
            open.asked += 1;
            open.heard_ms = now_ms;
            let came = |n: u16| open.bodies.get(usize::from(n) - 1).is_some_and(Option::is_some);
            let numbers = (1..=open.total).filter(|n| !came(*n)).take(ASK_NUMBERS_MAX).collect();
            found.push(Missing { header: open.header, first_sequence: open.first_sequence, numbers });
        }
        found
    }
}
