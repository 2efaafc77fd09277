//! Commands to terminals: sent, repeated, answered or given up.

use super::limits::{COMMAND_ANSWER_MS, COMMAND_TRIES};

/// A command as its sender knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u64);

/// What is to be sent down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Message id, such as 0x8300.
    pub message: u16,
    /// Body in the edition of the terminal.
    pub body: Vec<u8>,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered by the general reply: 0 done, 1 failed, 2 message wrong, 3 unsupported.
    Replied(u8),
    /// Answered by a message of its own, whose id this is; its content is in the log.
    Answered(u16),
    /// All tries went without an answer.
    Unanswered,
    /// No link came up in time.
    Expired,
}

/// A command on its way.
#[derive(Clone, Debug)]
pub(super) struct InFlight {
    pub(super) id: CommandId,
    pub(super) command: Command,
    /// Sequence of the first part and number of parts: terminals answer to any of them.
    pub(super) sequence: u16,
    pub(super) parts: u16,
    pub(super) sent_ms: i64,
    pub(super) tries: u8,
}

impl InFlight {
    /// Whether the sequence is that of one of its parts.
    pub(super) fn answers(&self, sequence: u16) -> bool {
        sequence.wrapping_sub(self.sequence) < self.parts
    }

    /// When it is to be sent again or given up.
    pub(super) fn due_ms(&self) -> i64 {
        self.sent_ms.saturating_add(COMMAND_ANSWER_MS << (self.tries.clamp(1, COMMAND_TRIES) - 1))
    }
}

/// The message of its own that answers a command, where the standard gives it one.
pub(super) const fn answer_of(message: u16) -> Option<u16> {
    Some(match message {
        0x8104 | 0x8106 => 0x0104,
        0x8107 => 0x0107,
        0x8201 => 0x0201,
        0x8302 => 0x0302,
        0x8500 => 0x0500,
        0x8608 => 0x0608,
        0x8700 => 0x0700,
        0x8802 => 0x0802,
        _ => return None,
    })
}

/// Whether the body of an up message begins with the sequence that it answers.
pub(super) const fn is_answer(message: u16) -> bool {
    matches!(message, 0x0104 | 0x0107 | 0x0201 | 0x0302 | 0x0500 | 0x0608 | 0x0700 | 0x0802)
}
