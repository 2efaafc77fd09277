//! What became of commands to terminals, kept for whoever asks.

use super::limits::COMMANDS_KEPT_MAX;
use crate::position::TerminalKey;
use crate::session::limits::COMMAND_WAIT_MS;
use crate::session::{CommandId, Notice, Outcome};
use serde::Serialize;
use std::collections::{HashMap, VecDeque};

/// How far a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// Waits for the terminal to come.
    Waiting,
    /// Went out on a link; no answer yet.
    Sent,
    /// Ended.
    Done(Outcome),
}

/// A command that was given to the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommandStatus {
    /// Its terminal.
    pub terminal: TerminalKey,
    /// Message id.
    pub message: u16,
    /// When it was given, wall clock, UTC milliseconds.
    pub asked_ms: i64,
    /// How far it is.
    pub state: CommandState,
}

/// The last [`COMMANDS_KEPT_MAX`] commands.
#[derive(Default)]
pub(super) struct Ledger {
    kept: HashMap<CommandId, CommandStatus>,
    order: VecDeque<CommandId>,
}

impl Ledger {
    pub(super) fn asked(&mut self, id: CommandId, terminal: TerminalKey, message: u16, asked_ms: i64) {
        if self.order.len() >= COMMANDS_KEPT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.kept.remove(&oldest);
        }
        self.order.push_back(id);
        self.kept.insert(id, CommandStatus { terminal, message, asked_ms, state: CommandState::Waiting });
    }

    /// Takes note of a notice; whether a command ended by it.
    pub(super) fn told(&mut self, notice: &Notice) -> bool {
        let (id, state) = match notice {
            Notice::Sent(_, id) => (id, CommandState::Sent),
            Notice::Command(_, id, outcome) => (id, CommandState::Done(*outcome)),
            _ => return false,
        };
        if let Some(status) = self.kept.get_mut(id) {
            status.state = state;
        }
        matches!(state, CommandState::Done(_))
    }

    /// The status of a command. One that nobody came for in time has expired, even if its queue was not looked at since.
    pub(super) fn status(&self, id: CommandId, now_ms: i64) -> Option<CommandStatus> {
        let mut status = self.kept.get(&id)?.clone();
        if status.state == CommandState::Waiting && now_ms.saturating_sub(status.asked_ms) > COMMAND_WAIT_MS {
            status.state = CommandState::Done(Outcome::Expired);
        }
        Some(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_follow_notices_and_the_oldest_are_forgotten() {
        let mut ledger = Ledger::default();
        let key = TerminalKey::new("1");
        let id = CommandId(1);
        ledger.asked(id, key.clone(), 0x8300, 0);
        assert_eq!(ledger.status(id, 1).unwrap().state, CommandState::Waiting);
        assert_eq!(
            ledger.status(id, COMMAND_WAIT_MS + 1).unwrap().state,
            CommandState::Done(Outcome::Expired)
        );
        assert!(!ledger.told(&Notice::Sent(key.clone(), id)));
        assert_eq!(ledger.status(id, COMMAND_WAIT_MS + 1).unwrap().state, CommandState::Sent);
        assert!(ledger.told(&Notice::Command(key.clone(), id, Outcome::Replied(0))));
        assert_eq!(ledger.status(id, 9).unwrap().state, CommandState::Done(Outcome::Replied(0)));
        for n in 2..COMMANDS_KEPT_MAX as u64 + 3 {
            ledger.asked(CommandId(n), key.clone(), 0x8300, 0);
        }
        assert!(ledger.status(id, 9).is_none());
        assert_eq!(ledger.kept.len(), COMMANDS_KEPT_MAX);
    }
}
