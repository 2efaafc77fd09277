//! What a link asks for after each call: bytes to store, replies, notices, the wish to close.

use super::command::{CommandId, Outcome};
use super::link::LinkId;
use super::terminal::Terminal;
use crate::jt808::{Header, Packet, write_frame};
use crate::limits::BODY_MAX_BYTES;
use crate::position::TerminalKey;
use crate::segments::{Chunk, Record};
use serde::Serialize;

/// Why a session wants its link closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// It speaks HTTP.
    Http,
    /// It speaks TLS.
    Tls,
    /// Bytes without a frame among them.
    Junk,
    /// Too many bad frames in a minute.
    BadFrames,
    /// Nothing for too long.
    Idle,
    /// No good frame soon enough.
    NoFrame,
    /// Its terminal came by a newer link.
    Replaced,
    /// A terminal too many.
    TooManyTerminals,
    /// The log cannot take a name.
    LogRefused,
}

/// Something worth telling beyond positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A terminal spoke for the first time on this link.
    Online(TerminalKey),
    /// A terminal said goodbye or its newest link went.
    Offline(TerminalKey),
    /// A terminal came by this link and left an older one, which is to be told by [`super::Link::unbind`].
    Moved {
        /// The terminal.
        key: TerminalKey,
        /// The link it left.
        from: LinkId,
    },
    /// A terminal registered; the message is in the log.
    Registered(TerminalKey),
    /// A terminal was turned away.
    TurnedAway(TerminalKey),
    /// A command went out, for the first time on this link.
    Sent(TerminalKey, CommandId),
    /// A command ended.
    Command(TerminalKey, CommandId, Outcome),
}

/// Counts of one link or, summed, of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LinkCounts {
    /// Good frames.
    pub frames: u64,
    /// Frames with a fault of escape, checksum, header or length.
    pub bad_frames: u64,
    /// Positions handed to the log.
    pub positions: u64,
    /// Positions that had been reported before.
    pub duplicates: u64,
    /// Positions set aside for their clock or place.
    pub quarantined: u64,
    /// Positions whose clock was repaired.
    pub repaired: u64,
    /// Messages other than positions kept raw.
    pub messages: u64,
    /// Frames of terminals that were turned away.
    pub turned_away: u64,
    /// Bodies too short for what they should hold.
    pub bad_bodies: u64,
}

impl LinkCounts {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.bad_frames += other.bad_frames;
        self.positions += other.positions;
        self.duplicates += other.duplicates;
        self.quarantined += other.quarantined;
        self.repaired += other.repaired;
        self.messages += other.messages;
        self.turned_away += other.turned_away;
        self.bad_bodies += other.bad_bodies;
    }
}

/// What one call of a link asks for. Reused from call to call; [`Actions::clear`] keeps its buffers.
#[derive(Default)]
pub struct Actions {
    /// To be appended to the log.
    pub chunk: Chunk,
    /// To be written to the link, in order. If `chunk` has anything in it or `hold` is set, only after the log has
    /// made durable all that was appended so far.
    pub replies: Vec<u8>,
    /// A reply speaks of a report that an earlier chunk holds.
    pub hold: bool,
    /// To be told.
    pub notices: Vec<Notice>,
    /// The link is to be closed after the replies.
    pub close: Option<CloseReason>,
    /// What happened in this call.
    pub counts: LinkCounts,
    scratch: Vec<u8>,
    pub(super) record: Record,
}

impl Actions {
    /// Empties everything, keeping buffers.
    pub fn clear(&mut self) {
        self.chunk.clear();
        self.replies.clear();
        self.hold = false;
        self.notices.clear();
        self.close = None;
        self.counts = LinkCounts::default();
    }

    /// Appends a message down. Bodies longer than a frame go in parts with consecutive sequences.
    pub(super) fn down(&mut self, header: &Header, body: &[u8]) {
        if body.len() <= BODY_MAX_BYTES {
            self.scratch.clear();
            header.write(body.len(), &mut self.scratch);
            self.scratch.extend_from_slice(body);
            write_frame(&self.scratch, &mut self.replies);
            return;
        }
        let total = parts_of(body.len());
        for (index, part) in body.chunks(BODY_MAX_BYTES).enumerate() {
            let packet = Packet { total, number: index as u16 + 1 };
            let sequence = header.sequence.wrapping_add(index as u16);
            let header = Header { packet: Some(packet), sequence, ..*header };
            self.scratch.clear();
            header.write(part.len(), &mut self.scratch);
            self.scratch.extend_from_slice(part);
            write_frame(&self.scratch, &mut self.replies);
        }
    }

    /// The platform's general reply.
    pub(super) fn reply(&mut self, to: &Header, terminal: &mut Terminal, result: u8) {
        let [s0, s1] = to.sequence.to_be_bytes();
        let [i0, i1] = to.id.to_be_bytes();
        let header = to.answer(0x8001, terminal.take_serial(1));
        self.down(&header, &[s0, s1, i0, i1, result]);
    }
}

/// Frames that a body goes in.
pub(super) fn parts_of(bytes: usize) -> u16 {
    bytes.div_ceil(BODY_MAX_BYTES).clamp(1, usize::from(u16::MAX)) as u16
}
