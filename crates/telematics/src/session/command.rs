//! Commands to terminals: sent, repeated, answered or given up.

use super::actions::{Actions, Notice, parts_of};
use super::limits::{COMMAND_ANSWER_MS, COMMAND_TRIES, COMMAND_WAIT_MS, COMMANDS_IN_FLIGHT_MAX};
use super::terminal::Terminal;
use crate::jt808::general::TextDown;
use crate::jt808::{Edition, Header, Message};
use crate::position::TerminalKey;
use crate::wire::Since2019;
use serde::{Deserialize, Serialize};

/// A command as its sender knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CommandId(pub u64);

/// What is to be sent down, in both layouts: which one goes out is known when the terminal is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Message id, such as 0x8300.
    pub message: u16,
    /// Body for terminals of the 2011 and 2013 editions.
    pub body: Vec<u8>,
    /// Body for terminals of the 2019 edition.
    pub body_2019: Vec<u8>,
}

impl Command {
    /// A command that is a message.
    #[must_use]
    pub fn new(message: &Message<'_>) -> Self {
        let mut command = Self { message: message.id(), body: Vec::new(), body_2019: Vec::new() };
        message.write(&mut command.body, Edition::V2013);
        message.write(&mut command.body_2019, Edition::V2019);
        command
    }

    /// A command whose body is the same in all editions.
    #[must_use]
    pub fn raw(message: u16, body: Vec<u8>) -> Self {
        Self { message, body_2019: body.clone(), body }
    }

    /// A text to the cab (0x8300): shown and spoken; an urgent one breaks into what is on the display.
    ///
    /// # Errors
    /// The length in bytes of GBK, if it is more than the 1,024 that the standard allows.
    pub fn text(text: &str, urgent: bool) -> Result<Self, usize> {
        const SHOWN_AND_SPOKEN: u8 = 1 << 2 | 1 << 3;
        let (notice, service) = (1, 2);
        let make = |flag, kind| {
            Self::new(&Message::Text(TextDown { flag, text_type: Since2019(kind), text: text.into() }))
        };
        // Bit 0 is urgent in 2013; in 2019 bits 0 and 1 are a class: 01 service, 10 urgent.
        let old = make(SHOWN_AND_SPOKEN | u8::from(urgent), Some(notice));
        let new =
            make(SHOWN_AND_SPOKEN | if urgent { 2 } else { 1 }, Some(if urgent { notice } else { service }));
        let length = old.body.len() - 1;
        if length > 1024 { Err(length) } else { Ok(Self { body_2019: new.body_2019, ..old }) }
    }

    /// The body for an edition.
    pub(super) fn body_for(&self, edition: Option<Edition>) -> &[u8] {
        if edition == Some(Edition::V2019) { &self.body_2019 } else { &self.body }
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// Sends what waits, repeats what is due, gives up what was tried enough.
pub(super) fn send_commands(key: &TerminalKey, terminal: &mut Terminal, now_ms: i64, actions: &mut Actions) {
    let (Some(phone), Some(mut commands)) = (terminal.phone, terminal.commands.take()) else { return };
    let edition = terminal.edition;
    commands.in_flight.retain_mut(|c| {
        if c.due_ms() > now_ms {
            return true;
        }
        if c.tries >= COMMAND_TRIES {
            actions.notices.push(Notice::Command(key.clone(), c.id, Outcome::Unanswered));
            return false;
        }
        c.tries += 1;
        c.sent_ms = now_ms;
        // The same sequence again, so that a terminal that did it already does not do it twice.
        actions.down(&Header::new(c.command.message, phone, c.sequence), c.command.body_for(edition));
        true
    });
    while let Some((id, command, asked_ms)) = commands.waiting.front() {
        if now_ms.saturating_sub(*asked_ms) > COMMAND_WAIT_MS {
            actions.notices.push(Notice::Command(key.clone(), *id, Outcome::Expired));
            commands.waiting.pop_front();
            continue;
        }
        if commands.in_flight.len() >= COMMANDS_IN_FLIGHT_MAX {
            break;
        }
        let parts = parts_of(command.body_for(edition).len());
        let sequence = terminal.take_serial(parts);
        actions.down(&Header::new(command.message, phone, sequence), command.body_for(edition));
        let (id, command, _) = commands.waiting.pop_front().expect("the front was just seen");
        actions.notices.push(Notice::Sent(key.clone(), id));
        commands.in_flight.push(InFlight { id, command, sequence, parts, sent_ms: now_ms, tries: 1 });
    }
    if !commands.waiting.is_empty() || !commands.in_flight.is_empty() {
        terminal.commands = Some(commands);
    }
}
